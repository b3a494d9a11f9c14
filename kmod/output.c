// SPDX-License-Identifier: GPL-2.0
/*
 * One record into an event's ring, from any context on the event's CPU.
 */
#include <linux/lockdep.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/stacktrace.h>
#include "perfring.h"

/* perfring_chain_get() and perfring_output(): CALLCHAIN begins with who called. */
#define PERFRING_STACK_SKIP	2

/* CALLCHAIN as it stands in the record. */
struct perfring_chain {
	u64 nr;
	u64 entry[1 + PERF_MAX_STACK_DEPTH];
	bool busy;
};

/* One buffer for each level that can interrupt the one before. */
enum { PERFRING_TASK, PERFRING_SOFTIRQ, PERFRING_HARDIRQ, PERFRING_NMI, PERFRING_LEVELS };

struct perfring_chains {
	struct perfring_chain level[PERFRING_LEVELS];
};

/* Allocated, because it would be half of what all modules have of static per-CPU data. */
static struct perfring_chains __percpu *perfring_chains;

int perfring_output_init(void)
{
	perfring_chains = alloc_percpu(struct perfring_chains);
	return perfring_chains ? 0 : -ENOMEM;
}

void perfring_output_exit(void)
{
	free_percpu(perfring_chains);
}

/*
 * Walk the kernel stack.  Returns NULL, which makes an empty chain, when the
 * attr wants none or when a writer of this very level holds the buffer; that
 * takes a probe inside this function.
 */
static noinline struct perfring_chain *perfring_chain_get(const struct perfring_event *event)
{
	struct perfring_chain *chain;
	unsigned long *trace;
	unsigned int i, n;

	if (!event->layout.max_stack)
		return NULL;
	if (in_nmi())
		i = PERFRING_NMI;
	else if (in_hardirq())
		i = PERFRING_HARDIRQ;
	else if (in_serving_softirq())
		i = PERFRING_SOFTIRQ;
	else
		i = PERFRING_TASK;
	chain = &this_cpu_ptr(perfring_chains)->level[i];
	if (READ_ONCE(chain->busy))
		return NULL;
	WRITE_ONCE(chain->busy, true);
	barrier();

	chain->entry[0] = PERF_CONTEXT_KERNEL;
	trace = (unsigned long *)&chain->entry[1];
#ifdef CONFIG_STACKTRACE
	n = stack_trace_save(trace, event->layout.max_stack, PERFRING_STACK_SKIP);
#else
	n = 0; /* perfring_layout_init() refuses CALLCHAIN */
#endif
	/* Where long is shorter than u64, widen in place, from the end. */
	for (i = n; i > 0; i--)
		chain->entry[i] = trace[i - 1];
	chain->nr = n + 1;
	return chain;
}

static void perfring_chain_put(struct perfring_chain *chain)
{
	if (chain) {
		barrier();
		WRITE_ONCE(chain->busy, false);
	}
}

static void perfring_output_lost(struct perfring_event *event, struct perfring_ring *ring,
				 struct perfring_handle *handle,
				 struct task_struct *task, u64 time)
{
	struct {
		struct perf_event_header header;
		u64 id;
		u64 lost;
		u64 sample_id[6];
	} lost;

	lost.header.type = PERF_RECORD_LOST;
	lost.header.misc = 0;
	lost.id = event->id;
	lost.lost = handle->lost;
	lost.header.size = offsetof(typeof(lost), sample_id) +
			   perfring_id_fields(event, lost.sample_id, task, time);
	perfring_core_copy(&ring->core, handle, &lost, lost.header.size);
	perfring_account(event, lost_records, 1);
}

/**
 * perfring_output - write a record
 * @event: enabled event
 * @record: what to write
 *
 * Context: any, with preemption off, on the event's CPU.
 * Return: 0; -ENOSPC without room, when paused or without a ring, as
 * bpf_perf_event_output() has it; -E2BIG when it cannot be a record.
 */
int perfring_output(struct perfring_event *event, const struct perfring_record *record)
{
	const struct perfring_layout *layout = &event->layout;
	bool sample = record->type == PERF_RECORD_SAMPLE;
	struct task_struct *task = record->task ?: current;
	struct {
		struct perf_event_header header;
		u64 field[9];
	} head;
	struct perfring_chain *chain = NULL;
	struct perfring_handle handle;
	struct perfring_ring *ring;
	u64 tail[6], zero = 0, time;
	u32 raw_size, pad;
	unsigned int head_size, tail_size = 0, chain_size = 0;
	unsigned long size;
	int ret;

	lockdep_assert_preemption_disabled();
	perfring_account(event, attempted, 1);
	rcu_read_lock();
	ring = rcu_dereference(event->ring);
	if (!ring || !ring->nr_pages) {
		perfring_account(event, rejected, 1);
		ret = -ENOSPC;
		goto out;
	}

	if (record->len > PERFRING_RECORD_MAX) {
		perfring_account(event, rejected, 1);
		ret = -E2BIG;
		goto out;
	}

	time = layout->clock();
	head.header.type = record->type;
	head.header.misc = record->misc;
	head_size = sizeof(head.header);
	if (sample) {
		head.header.misc |= PERF_RECORD_MISC_KERNEL;
		head_size += perfring_sample_fields(event, head.field, record, time);
		if (layout->sample_type & PERF_SAMPLE_CALLCHAIN) {
			chain = perfring_chain_get(event);
			chain_size = (1 + (chain ? chain->nr : 0)) * sizeof(u64);
		}
	} else {
		tail_size = perfring_id_fields(event, tail, task, time);
	}

	size = head_size + chain_size + tail_size;
	if (!sample)
		size += round_up((unsigned long)record->len, sizeof(u64));
	else if (layout->sample_type & PERF_SAMPLE_RAW)
		size += round_up((unsigned long)record->len + sizeof(u32), sizeof(u64));
	if (size > PERFRING_RECORD_MAX) {
		perfring_account(event, rejected, 1);
		ret = -E2BIG;
		goto out_chain;
	}
	head.header.size = size;

	ret = perfring_core_begin(&ring->core, &handle, size,
				  sizeof(struct perf_event_header) + 2 * sizeof(u64) +
				  layout->id_size);
	if (ret) {
		if (handle.wakeup_due)
			perfring_wakeup_due(event, ring);
		if (ret == -EBUSY)
			perfring_account(event, lost_paused, 1);
		else
			perfring_account(event, lost_full, 1);
		ret = -ENOSPC;
		goto out_chain;
	}
	if (handle.report_lost)
		perfring_output_lost(event, ring, &handle, task, time);

	perfring_core_copy(&ring->core, &handle, &head, head_size);
	if (chain_size)
		perfring_core_copy(&ring->core, &handle, chain ? &chain->nr : &zero,
				   chain_size);
	if (!sample) {
		pad = -record->len & 7;
		perfring_core_copy(&ring->core, &handle, record->data, record->len);
		perfring_core_copy(&ring->core, &handle, &zero, pad);
		perfring_core_copy(&ring->core, &handle, tail, tail_size);
	} else if (layout->sample_type & PERF_SAMPLE_RAW) {
		/* The size that RAW says includes what pads it to 8 bytes. */
		pad = -(record->len + sizeof(u32)) & 7;
		raw_size = record->len + pad;
		perfring_core_copy(&ring->core, &handle, &raw_size, sizeof(raw_size));
		perfring_core_copy(&ring->core, &handle, record->data, record->len);
		perfring_core_copy(&ring->core, &handle, &zero, pad);
	}
	if (sample)
		perfring_core_count(&ring->core, layout->wakeup_events);

	perfring_account(event, written, 1);
	perfring_account(event, bytes, size);
	if (perfring_core_end(&ring->core, &handle))
		perfring_wakeup_due(event, ring);

out_chain:
	perfring_chain_put(chain);
out:
	rcu_read_unlock();
	return ret;
}
