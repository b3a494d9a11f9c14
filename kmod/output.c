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
#ifdef CONFIG_X86
#include <asm/unwind.h>
#endif
#include "core_short.h"
#include "perfring.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * A handle of which nothing is read unset: kernels that clear what is on the stack spend
 * as many instructions on it as on the record.
 */
#if __has_attribute(__uninitialized__)
#define PERFRING_UNCLEARED	__attribute__((__uninitialized__))
#else
#define PERFRING_UNCLEARED
#endif

/*
 * perfring_chain_get(), perfring_output_begin(), and perfring_output() or
 * perfring_reserve(), which are functions of their own for this: CALLCHAIN begins
 * with who called the last.
 */
#define PERFRING_STACK_SKIP	3

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

#ifdef CONFIG_STACKTRACE
#ifdef CONFIG_X86
/*
 * The stack of a probed instruction, from what was in its registers, as perf has it: a
 * walk from here goes through the kernel's handler first, and may end there.
 */
static unsigned int perfring_chain_from(unsigned long *trace, unsigned int max,
					const struct perfring_record *record)
{
	struct unwind_state state;
	unsigned int n = 0;

	trace[n++] = record->ip;
	for (unwind_start(&state, current, record->regs, NULL); n < max && !unwind_done(&state);
	     unwind_next_frame(&state)) {
		trace[n] = unwind_get_return_address(&state);
		if (!trace[n])
			break;
		n++;
	}
	return n;
}
#else
/* How far behind a probed address the stack may name it: no instruction is longer. */
#define PERFRING_INSN_MAX	16

/*
 * Modules have no walk from registers. In one from here, what lies above the probed
 * address is the handler, ours and the kernel's. A walk that does not come so far leaves
 * the address alone.
 */
static unsigned int perfring_chain_from(unsigned long *trace, unsigned int max,
					const struct perfring_record *record)
{
	unsigned int n = stack_trace_save(trace, PERF_MAX_STACK_DEPTH, PERFRING_STACK_SKIP);
	unsigned int i;

	for (i = 0; i < n && trace[i] - record->ip > PERFRING_INSN_MAX; i++)
		;
	n = i < n ? min(n - i, max) : 0;
	memmove(trace, trace + i, n * sizeof(*trace));
	trace[0] = record->ip;
	return n ?: 1;
}
#endif
#endif

/*
 * Walk the kernel stack.  Returns NULL, which makes an empty chain, when the
 * attr wants none or when a writer of this very level holds the buffer; that
 * takes a probe inside this function.
 */
static noinline struct perfring_chain *perfring_chain_get(const struct perfring_event *event,
							  const struct perfring_record *record)
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
	if (record->regs)
		n = perfring_chain_from(trace, event->layout.max_stack, record);
	else
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

static unsigned int perfring_lost_size(const struct perfring_event *event)
{
	return sizeof(struct perf_event_header) + 2 * sizeof(u64) + event->layout.id_size;
}

/*
 * A LOST record of @size bytes at the handle, the sample_id at its end; what is
 * between stays.
 */
static void perfring_output_lost(struct perfring_reservation *r, unsigned int size, u64 count)
{
	struct {
		struct perf_event_header header;
		u64 id;
		u64 lost;
	} lost = {
		.header.type = PERF_RECORD_LOST,
		.header.size = size,
		.id = r->id,
		.lost = count,
	};

	perfring_core_copy(&r->ring->core, &r->handle, &lost, sizeof(lost));
	r->handle.pos += size - sizeof(lost) - r->id_size;
	perfring_core_copy(&r->ring->core, &r->handle, r->sample_id, r->id_size);
}

/* What is not written is told to those who want to hear of it. */
static noinline int perfring_unwritten_told(struct perfring_event *event, u32 type, u32 size,
					    int ret)
{
	if (type == PERF_RECORD_SAMPLE)
		perfring_overflow(event);
	perfring_signal(event);
	trace_perfring_emit(event, type, size, 0, ret);
	return ret;
}

/* Account for a record that is not written.  Returns @ret. */
static __always_inline int perfring_unwritten(struct perfring_event *event, u32 type, u32 size,
					      enum perfring_counter_id why, int ret)
{
	perfring_account(event, why, 1);
	if (unlikely(perfring_overflow_wanted(event) || READ_ONCE(event->kill) ||
		     trace_perfring_emit_enabled()))
		return perfring_unwritten_told(event, type, size, ret);
	return ret;
}

static enum perfring_counter_id perfring_loss(int ret)
{
	return ret == -EBUSY ? PERFRING_COUNTER_LOST_PAUSED : PERFRING_COUNTER_LOST_FULL;
}

/*
 * Reserve and write; @later leaves the payload to the caller.  Nothing is counted
 * when it succeeds: the commit does.
 */
static noinline int perfring_output_begin(struct perfring_event *event,
					  const struct perfring_record *record, bool later,
					  struct perfring_reservation *r)
{
	const struct perfring_layout *layout = &event->layout;
	bool sample = record->type == PERF_RECORD_SAMPLE;
	struct task_struct *task = record->task ?: current;
	struct perfring_ring *ring = rcu_dereference_sched(event->ring);
	struct perfring_core *core;
	struct {
		struct perf_event_header header;
		u64 field[9];
	} head;
	struct perfring_chain *chain = NULL;
	u64 tail[6], zero = 0, time;
	u32 raw_size, pad = -record->len & 7;
	unsigned int head_size, tail_size = 0, chain_size = 0;
	bool payload = !sample || layout->sample_type & PERF_SAMPLE_RAW;
	enum perfring_counter_id why = PERFRING_COUNTER_REJECTED;
	unsigned long size = 0;
	int ret;

	lockdep_assert_preemption_disabled();
	ret = -ENOSPC;
	if (!ring || !ring->nr_pages)
		goto out;
	ret = -E2BIG;
	if (record->len > PERFRING_RECORD_MAX)
		goto out;
	core = &ring->core;

	time = layout->sample_type & PERF_SAMPLE_TIME ? layout->clock() : 0;
	head.header.type = record->type;
	head.header.misc = record->misc;
	head_size = sizeof(head.header);
	if (sample) {
		head.header.misc |= PERF_RECORD_MISC_KERNEL;
		head_size += perfring_sample_fields(event, head.field, record, time);
		if (layout->sample_type & PERF_SAMPLE_CALLCHAIN) {
			chain = perfring_chain_get(event, record);
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
	if (size > PERFRING_RECORD_MAX || (later && size > core->mask + 1))
		goto out;
	ret = -EINVAL;
	if (later && size < perfring_lost_size(event))
		goto out;
	head.header.size = size;

	ret = perfring_core_begin(core, &r->handle, size, perfring_lost_size(event),
				  record->flags & PERFRING_EMIT_NO_WAKEUP);
	if (ret) {
		if (r->handle.wakeup_due)
			perfring_wakeup_due(event, ring);
		why = perfring_loss(ret);
		ret = -ENOSPC;
		goto out;
	}
	r->event = event;
	r->ring = ring;
	if (r->handle.report_lost || later) {
		r->id = event->id;
		r->id_size = perfring_id_fields(event, r->sample_id, task, time);
	}
	if (r->handle.report_lost)
		perfring_output_lost(r, perfring_lost_size(event), r->handle.lost);

	r->record = r->handle.pos;
	r->size = size;
	r->flags = record->flags;
	r->type = record->type;
	perfring_core_copy(core, &r->handle, &head, head_size);
	if (chain_size)
		perfring_core_copy(core, &r->handle, chain ? &chain->nr : &zero, chain_size);
	if (sample && payload) {
		/* The size that RAW says includes what pads it to 8 bytes. */
		pad = -(record->len + sizeof(u32)) & 7;
		raw_size = record->len + pad;
		perfring_core_copy(core, &r->handle, &raw_size, sizeof(raw_size));
	}
	r->data = NULL;
	if (payload) {
		/* In order: a record that is longer than its ring laps itself. */
		if (later) {
			r->data = core->data + (r->handle.pos & core->mask);
			r->handle.pos += record->len;
		} else {
			perfring_core_copy(core, &r->handle, record->data, record->len);
		}
		perfring_core_copy(core, &r->handle, &zero, pad);
		perfring_core_copy(core, &r->handle, tail, tail_size);
	}
out:
	perfring_chain_put(chain);
	return ret ? perfring_unwritten(event, record->type, size, why, ret) : 0;
}

/* Each written record has exactly one cause. */
static const enum perfring_counter_id perfring_causes[] = {
	[PERFRING_CAUSE_NONE]		= PERFRING_COUNTER_WAKEUP_NONE,
	[PERFRING_CAUSE_FORCED]		= PERFRING_COUNTER_WAKEUP_FORCED,
	[PERFRING_CAUSE_EVENTS]		= PERFRING_COUNTER_WAKEUP_EVENTS,
	[PERFRING_CAUSE_WATERMARK]	= PERFRING_COUNTER_WAKEUP_WATERMARK,
};

/* What a written record counts for, and whom it wakes; the end of its writer. */
static __always_inline void perfring_done(struct perfring_event *event, struct perfring_ring *ring,
					  struct perfring_handle *handle, bool sample, u32 flags,
					  u32 size)
{
	struct perfring_core *core = &ring->core;

	if (sample && !(flags & PERFRING_EMIT_NO_WAKEUP))
		perfring_core_count(core, handle, event->layout.wakeup_events);
	if (flags & PERFRING_EMIT_FORCE_WAKEUP)
		perfring_core_force(core, handle);

	perfring_account(event, PERFRING_COUNTER_BYTES, size);
	if (unlikely(handle->report_lost))
		perfring_account(event, PERFRING_COUNTER_LOST_RECORDS, 1);
	perfring_account(event, perfring_causes[handle->cause], 1);
	if (sample)
		perfring_overflow(event);
	if (unlikely(perfring_core_end(core, handle)))
		perfring_wakeup_due(event, ring);
	perfring_signal(event);
}

/**
 * perfring_commit - publish a reserved record
 * @r: from perfring_reserve(), whose payload has been written
 *
 * Context: that of the reserve.
 */
void perfring_commit(struct perfring_reservation *r)
{
	perfring_done(r->event, r->ring, &r->handle, r->type == PERF_RECORD_SAMPLE, r->flags,
		      r->size);
	trace_perfring_emit(r->event, r->type, r->size, r->record, 0);
}

/**
 * perfring_lapped - have those who nested in the record written over it?
 * @r: from perfring_reserve()
 *
 * In an overwriting ring they may, elsewhere if the reader's tail was wild.
 *
 * Context: that of the reserve.
 */
bool perfring_lapped(const struct perfring_reservation *r)
{
	const struct perfring_core *core = &r->ring->core;
	unsigned long head = perfring_local_read(&core->head);

	return (core->backward ? r->record + r->size - head : head - r->record) > core->mask + 1;
}

/**
 * perfring_discard - give a reserved record up
 * @r: from perfring_reserve()
 *
 * Context: that of the reserve.
 * Return: true when it was taken back, false when others have written since and
 * it became a LOST record of 0.
 */
bool perfring_discard(struct perfring_reservation *r)
{
	struct perfring_event *event = r->event;
	struct perfring_core *core = &r->ring->core;
	bool back = perfring_core_discard(core, &r->handle);

	if (!back && !perfring_lapped(r)) {
		r->handle.pos = r->record;
		perfring_output_lost(r, r->size, 0);
	}
	if (!back && r->handle.report_lost)
		perfring_account(event, PERFRING_COUNTER_LOST_RECORDS, 1);
	perfring_account(event, PERFRING_COUNTER_DISCARDED, 1);
	if (perfring_core_end(core, &r->handle))
		perfring_wakeup_due(event, r->ring);
	trace_perfring_emit(event, r->type, r->size, r->record, -ECANCELED);
	return back;
}

/**
 * perfring_reserve - begin a record
 * @event: enabled event
 * @record: what to write; data is not looked at
 * @r: the reservation; r->data has room for record->len bytes, all of which the
 *	caller writes, or is NULL when the event's samples have no payload
 *
 * To be followed by perfring_commit() or perfring_discard().  Until then other
 * records may nest in it, each ended before this one.
 *
 * Context: any, with preemption off until then, on the event's CPU.
 * Return: 0; as perfring_output(); -EINVAL when it is shorter than a LOST record,
 * -E2BIG also when it is longer than the ring.
 */
noinline int perfring_reserve(struct perfring_event *event, const struct perfring_record *record,
			      struct perfring_reservation *r)
{
	return perfring_output_begin(event, record, true, r);
}

static __always_inline int perfring_output_any(struct perfring_event *event,
					       const struct perfring_record *record)
{
	struct perfring_reservation r;
	int ret;

	ret = perfring_output_begin(event, record, false, &r);
	if (!ret)
		perfring_commit(&r);
	return ret;
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
noinline int perfring_output(struct perfring_event *event, const struct perfring_record *record)
{
	if (event->layout.plain && record->type == PERF_RECORD_SAMPLE &&
	    !record->misc && !record->flags)
		return perfring_output_plain(event, record->data, record->len);
	return perfring_output_any(event, record);
}

/* As memcpy(); most payloads are short, and few instructions copy them. */
static __always_inline void perfring_copy(u8 *to, const u8 *from, u32 len)
{
	u64 word[4];

	if (len - 16 > 16) {
		memcpy(to, from, len);
		return;
	}
	/* From the front and up to the end, which may overlap. */
	memcpy(&word[0], from, 8);
	memcpy(&word[1], from + 8, 8);
	memcpy(&word[2], from + len - 16, 8);
	memcpy(&word[3], from + len - 8, 8);
	memcpy(to, &word[0], 8);
	memcpy(to + 8, &word[1], 8);
	memcpy(to + len - 16, &word[2], 8);
	memcpy(to + len - 8, &word[3], 8);
}

/* perfring_output_plain() where it meets anything else than it is for. */
static noinline int perfring_plain_any(struct perfring_event *event, const void *data, u32 len)
{
	const struct perfring_record record = {
		.type = PERF_RECORD_SAMPLE,
		.data = data,
		.len = len,
	};

	return perfring_output_any(event, &record);
}

/* Before the payload. */
#define PERFRING_PLAIN_HEAD	(sizeof(struct perf_event_header) + sizeof(u32))

/* perfring_output_plain() at @head, where @left bytes are free, which are enough. */
static noinline int perfring_plain_write(struct perfring_event *event, const void *data, u32 len,
					 struct perfring_ring *ring, unsigned long head,
					 unsigned long left)
{
	unsigned long size = round_up(PERFRING_PLAIN_HEAD + (unsigned long)len, sizeof(u64));
	struct perfring_handle handle PERFRING_UNCLEARED;
	struct perfring_core *core = &ring->core;
	u8 *to;

	handle.head = head;
	handle.left = left;
	if (unlikely(perfring_core_try(core, &handle, size))) {
		if (handle.wakeup_due)
			perfring_wakeup_due(event, ring);
		return perfring_plain_any(event, data, len);
	}
	to = core->data + (head & core->mask);
	/* What pads the payload is in the last word; what is there as well comes after. */
	*(u64 *)(to + size - sizeof(u64)) = 0;
	*(struct perf_event_header *)to = (struct perf_event_header) {
		.type = PERF_RECORD_SAMPLE,
		.misc = PERF_RECORD_MISC_KERNEL,
		.size = size,
	};
	to += PERFRING_PLAIN_HEAD;
	*(u32 *)(to - sizeof(u32)) = size - PERFRING_PLAIN_HEAD;
	perfring_copy(to, data, len);
	perfring_done(event, ring, &handle, true, 0, size);
	trace_perfring_emit(event, PERF_RECORD_SAMPLE, size, head, 0);
	return 0;
}

/**
 * perfring_output_plain - perfring_output() in short
 * @event: enabled event of a plain layout
 * @data: payload of a sample
 * @len: its bytes
 *
 * For what most such samples meet, which is a ring with room for them in one piece, or
 * a full one: a fourth of the instructions.
 *
 * Context, return: as perfring_output().
 */
int perfring_output_plain(struct perfring_event *event, const void *data, u32 len)
{
	struct perfring_ring *ring = rcu_dereference_sched(event->ring);
	unsigned long size = round_up(PERFRING_PLAIN_HEAD + (unsigned long)len, sizeof(u64));
	struct perfring_handle handle PERFRING_UNCLEARED;
	struct perfring_core *core;

	lockdep_assert_preemption_disabled();
	if (unlikely(!ring || size > PERFRING_RECORD_MAX))
		return perfring_plain_any(event, data, len);
	core = &ring->core;
	/* No data pages: paused. */
	if (unlikely(READ_ONCE(core->paused) || core->overwrite || core->backward))
		return perfring_plain_any(event, data, len);
	if (unlikely(!perfring_core_look(core, &handle, size))) {
		if (unlikely(!perfring_core_idle(core, &handle)))
			return perfring_plain_any(event, data, len);
		perfring_local_add(&core->lost, 1);
		return perfring_unwritten(event, PERF_RECORD_SAMPLE, size,
					  PERFRING_COUNTER_LOST_FULL, -ENOSPC);
	}
	if (unlikely(perfring_local_read(&core->lost) ||
		     (handle.head & core->mask) + size > core->mask + 1))
		return perfring_plain_any(event, data, len);
	return perfring_plain_write(event, data, len, ring, handle.head, handle.left);
}
