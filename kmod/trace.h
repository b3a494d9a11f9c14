/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tracepoint perfring:perfring_emit: each attempt to write a record, when it is
 * decided.  Probes run in the writer's context, with preemption off, after it has
 * left the ring: so they may take their time, and not write to a ring themselves.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM perfring

#if !defined(PERFRING_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define PERFRING_TRACE_H

#include <linux/tracepoint.h>
#include "perfring.h"

/*
 * @size: bytes of the record; 0 when it was not even laid out
 * @position: where it begins; 0 when it was not written
 * @ret: 0, what perfring_output() returned, or -ECANCELED for a discarded record
 *
 * The fields leave no hole, which would carry old bytes to user space.
 */
TRACE_EVENT(perfring_emit,
	TP_PROTO(const struct perfring_event *event, u32 type, u32 size, u64 position, int ret),
	TP_ARGS(event, type, size, position, ret),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u64, position)
		__field(u32, cpu)
		__field(u32, type)
		__field(u32, size)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->id = event->id;
		__entry->position = position;
		__entry->cpu = event->device->cpu;
		__entry->type = type;
		__entry->size = size;
		__entry->ret = ret;
	),
	TP_printk("cpu=%u id=%llu type=%u size=%u position=%llu ret=%d", __entry->cpu,
		  __entry->id, __entry->type, __entry->size, __entry->position, __entry->ret)
);

#endif /* PERFRING_TRACE_H */

/* Relative to what Kbuild adds to the search path of the file that makes it. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
