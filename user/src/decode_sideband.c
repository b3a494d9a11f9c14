// SPDX-License-Identifier: MIT
/*
 * What the kernel says beside the samples: tasks, mappings, symbols, AUX.  Layouts
 * are those of enum perf_event_type in linux/perf_event.h, whose newest types the
 * header that this is compiled with may lack.
 */
#include "internal.h"
#include "cursor.h"

#define RECORD_AUX_OUTPUT_HW_ID		21	/* Linux 5.16 */
#define RECORD_CALLCHAIN_DEFERRED	22	/* Linux 6.19 */

#define BUILD_ID_MAX	20
#define BPF_TAG_BYTES	8

static uint32_t sideband_u32(struct cursor *cursor, const char *reason)
{
	const void *at = cursor_take(cursor, sizeof(uint32_t), reason);
	uint32_t word = 0;

	if (at)
		memcpy(&word, at, sizeof(word));
	return word;
}

static uint16_t sideband_u16(struct cursor *cursor, const char *reason)
{
	const void *at = cursor_take(cursor, sizeof(uint16_t), reason);
	uint16_t word = 0;

	if (at)
		memcpy(&word, at, sizeof(word));
	return word;
}

/* Either the inode or, by a bit of misc, the build id; both are of 24 bytes. */
static void sideband_inode(struct cursor *cursor, uint16_t misc, struct perfring_mmap *map)
{
	static const char reason[] = "MMAP2 inode does not fit";
	const unsigned char *id;

	if (!(misc & PERF_RECORD_MISC_MMAP_BUILD_ID)) {
		cursor_u32x2(cursor, &map->maj, &map->min, reason);
		map->ino = cursor_u64(cursor, reason);
		map->ino_generation = cursor_u64(cursor, reason);
		return;
	}
	/* u8 size, 3 reserved bytes, the id. */
	id = cursor_take(cursor, 4 + BUILD_ID_MAX, "MMAP2 build id does not fit");
	if (id && id[0] > BUILD_ID_MAX) {
		cursor_bad(cursor, "MMAP2 build id is longer than there is room");
	} else if (id) {
		map->build_id_size = id[0];
		map->build_id = id + 4;
	}
}

static void sideband_mmap(struct cursor *cursor, struct perfring_event *event)
{
	static const char reason[] = "MMAP field does not fit";
	struct perfring_mmap *map = &event->u.mmap;

	memset(map, 0, sizeof(*map));
	map->data = !!(event->misc & PERF_RECORD_MISC_MMAP_DATA);
	cursor_u32x2(cursor, &map->pid, &map->tid, reason);
	map->addr = cursor_u64(cursor, reason);
	map->len = cursor_u64(cursor, reason);
	map->pgoff = cursor_u64(cursor, reason);
	if (event->type == PERF_RECORD_MMAP2) {
		sideband_inode(cursor, event->misc, map);
		cursor_u32x2(cursor, &map->prot, &map->flags, reason);
	}
	map->filename = cursor_string(cursor, "MMAP filename does not end in the record");
}

static void sideband_task(struct cursor *cursor, struct perfring_event *event)
{
	static const char reason[] = "FORK or EXIT field does not fit";

	cursor_u32x2(cursor, &event->u.task.pid, &event->u.task.ppid, reason);
	cursor_u32x2(cursor, &event->u.task.tid, &event->u.task.ptid, reason);
	event->u.task.time = cursor_u64(cursor, reason);
}

static void sideband_switch(struct cursor *cursor, struct perfring_event *event)
{
	event->u.context_switch.pid = 0;
	event->u.context_switch.tid = 0;
	event->u.context_switch.out = !!(event->misc & PERF_RECORD_MISC_SWITCH_OUT);
	event->u.context_switch.preempt = !!(event->misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT);
	if (event->type == PERF_RECORD_SWITCH_CPU_WIDE)
		cursor_u32x2(cursor, &event->u.context_switch.pid, &event->u.context_switch.tid,
			     "SWITCH_CPU_WIDE task does not fit");
}

static void sideband_namespaces(struct cursor *cursor, struct perfring_event *event)
{
	static const char reason[] = "NAMESPACES field does not fit";
	uint64_t nr;

	cursor_u32x2(cursor, &event->u.namespaces.pid, &event->u.namespaces.tid, reason);
	nr = cursor_u64(cursor, reason);
	event->u.namespaces.nr = nr;
	event->u.namespaces.link = NULL;
	if (nr > UINT16_MAX)
		cursor_bad(cursor, "NAMESPACES has more links than a record can hold");
	else
		event->u.namespaces.link =
			cursor_take(cursor, nr * sizeof(struct perf_ns_link_info), reason);
}

static void sideband_ksymbol(struct cursor *cursor, struct perfring_event *event)
{
	static const char reason[] = "KSYMBOL field does not fit";

	event->u.ksymbol.addr = cursor_u64(cursor, reason);
	event->u.ksymbol.len = sideband_u32(cursor, reason);
	event->u.ksymbol.type = sideband_u16(cursor, reason);
	event->u.ksymbol.flags = sideband_u16(cursor, reason);
	event->u.ksymbol.name = cursor_string(cursor, "KSYMBOL name does not end in the record");
}

static void sideband_bpf_event(struct cursor *cursor, struct perfring_event *event)
{
	static const char reason[] = "BPF_EVENT field does not fit";

	event->u.bpf_event.type = sideband_u16(cursor, reason);
	event->u.bpf_event.flags = sideband_u16(cursor, reason);
	event->u.bpf_event.id = sideband_u32(cursor, reason);
	event->u.bpf_event.tag = cursor_take(cursor, BPF_TAG_BYTES, reason);
}

static void sideband_text_poke(struct cursor *cursor, struct perfring_event *event)
{
	static const char reason[] = "TEXT_POKE field does not fit";

	event->u.text_poke.addr = cursor_u64(cursor, reason);
	event->u.text_poke.old_len = sideband_u16(cursor, reason);
	event->u.text_poke.new_len = sideband_u16(cursor, reason);
	event->u.text_poke.padding = 0;
	event->u.text_poke.old_bytes = cursor_take(cursor, event->u.text_poke.old_len, reason);
	event->u.text_poke.new_bytes = cursor_take(cursor, event->u.text_poke.new_len, reason);
	/* Zeroes up to a multiple of 8. */
	cursor->at = cursor->end;
}

/* Those of AUX areas and of callchains. */
static bool sideband_rare(struct cursor *cursor, struct perfring_event *event)
{
	switch (event->type) {
	case PERF_RECORD_AUX:
		event->kind = PERFRING_EVENT_AUX;
		event->u.aux.offset = cursor_u64(cursor, "AUX offset does not fit");
		event->u.aux.size = cursor_u64(cursor, "AUX size does not fit");
		event->u.aux.flags = cursor_u64(cursor, "AUX flags do not fit");
		return true;
	case PERF_RECORD_ITRACE_START:
		event->kind = PERFRING_EVENT_ITRACE_START;
		cursor_u32x2(cursor, &event->u.itrace_start.pid, &event->u.itrace_start.tid,
			     "ITRACE_START task does not fit");
		return true;
	case RECORD_AUX_OUTPUT_HW_ID:
		event->kind = PERFRING_EVENT_AUX_OUTPUT_HW_ID;
		event->u.aux_output_hw_id.hw_id =
			cursor_u64(cursor, "AUX_OUTPUT_HW_ID id does not fit");
		return true;
	case RECORD_CALLCHAIN_DEFERRED:
		event->kind = PERFRING_EVENT_CALLCHAIN_DEFERRED;
		event->u.callchain_deferred.cookie =
			cursor_u64(cursor, "CALLCHAIN_DEFERRED cookie does not fit");
		event->u.callchain_deferred.nr =
			cursor_u64(cursor, "CALLCHAIN_DEFERRED count does not fit");
		event->u.callchain_deferred.ips =
			cursor_words(cursor, event->u.callchain_deferred.nr,
				     "CALLCHAIN_DEFERRED chain does not fit");
		return true;
	}
	return false;
}

bool perfring_decode_sideband(const struct perfring_format *format, struct cursor *cursor,
			      struct perfring_event *event)
{
	switch (event->type) {
	case PERF_RECORD_MMAP:
	case PERF_RECORD_MMAP2:
		event->kind = event->type == PERF_RECORD_MMAP ? PERFRING_EVENT_MMAP
							      : PERFRING_EVENT_MMAP2;
		sideband_mmap(cursor, event);
		return true;
	case PERF_RECORD_COMM:
		event->kind = PERFRING_EVENT_COMM;
		event->u.comm.exec = !!(event->misc & PERF_RECORD_MISC_COMM_EXEC);
		cursor_u32x2(cursor, &event->u.comm.pid, &event->u.comm.tid,
			     "COMM task does not fit");
		event->u.comm.comm = cursor_string(cursor, "COMM does not end in the record");
		return true;
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		event->kind = event->type == PERF_RECORD_FORK ? PERFRING_EVENT_FORK
							      : PERFRING_EVENT_EXIT;
		sideband_task(cursor, event);
		return true;
	case PERF_RECORD_READ:
		event->kind = PERFRING_EVENT_READ;
		cursor_u32x2(cursor, &event->u.read.pid, &event->u.read.tid,
			     "READ task does not fit");
		memset(&event->u.read.values, 0, sizeof(event->u.read.values));
		perfring_decode_read_words(format, cursor, &event->u.read.values);
		return true;
	case PERF_RECORD_SWITCH:
	case PERF_RECORD_SWITCH_CPU_WIDE:
		event->kind = event->type == PERF_RECORD_SWITCH ? PERFRING_EVENT_SWITCH
								: PERFRING_EVENT_SWITCH_CPU_WIDE;
		sideband_switch(cursor, event);
		return true;
	case PERF_RECORD_NAMESPACES:
		event->kind = PERFRING_EVENT_NAMESPACES;
		sideband_namespaces(cursor, event);
		return true;
	case PERF_RECORD_KSYMBOL:
		event->kind = PERFRING_EVENT_KSYMBOL;
		sideband_ksymbol(cursor, event);
		return true;
	case PERF_RECORD_BPF_EVENT:
		event->kind = PERFRING_EVENT_BPF_EVENT;
		sideband_bpf_event(cursor, event);
		return true;
	case PERF_RECORD_CGROUP:
		event->kind = PERFRING_EVENT_CGROUP;
		event->u.cgroup.id = cursor_u64(cursor, "CGROUP id does not fit");
		event->u.cgroup.path = cursor_string(cursor,
						     "CGROUP path does not end in the record");
		return true;
	case PERF_RECORD_TEXT_POKE:
		event->kind = PERFRING_EVENT_TEXT_POKE;
		sideband_text_poke(cursor, event);
		return true;
	default:
		return sideband_rare(cursor, event);
	}
}
