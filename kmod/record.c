// SPDX-License-Identifier: GPL-2.0
/*
 * From a perf_event_attr to the bytes of a record.  Field order: the comment
 * at PERF_RECORD_SAMPLE in uapi/linux/perf_event.h.
 */
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/timekeeping.h>
#include "perfring.h"

/* Sample fields that are written here; everything else is refused. */
#define PERFRING_SAMPLE_TYPES						\
	(PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |	\
	 PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_ID |		\
	 PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD |	\
	 PERF_SAMPLE_RAW | PERF_SAMPLE_CALLCHAIN)

#define PERFRING_ID_TYPES						\
	(PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |		\
	 PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER)

/* perf's own clock, so that TIME compares with that of perf events. */
static u64 perfring_clock(void)
{
	return local_clock();
}

static u64 perfring_clock_real(void)
{
	return ktime_get_real_ns();
}

static u64 perfring_clock_boottime(void)
{
	return ktime_get_boottime_ns();
}

static u64 perfring_clock_tai(void)
{
	return ktime_get_clocktai_ns();
}

/**
 * perfring_layout_init - compile an attr
 * @layout: result
 * @attr: checked by perfring_copy_attr()
 *
 * Return: 0, -EOPNOTSUPP for a field that is not written here, -EINVAL for a
 * clock that is none or that an NMI cannot read, -EOVERFLOW for sample_max_stack.
 */
int perfring_layout_init(struct perfring_layout *layout,
			 const struct perf_event_attr *attr)
{
	long max_stack = min_t(long, perfring_sysctl_max_stack(), PERF_MAX_STACK_DEPTH);
	u64 type = attr->sample_type;

	if (type & ~(u64)PERFRING_SAMPLE_TYPES)
		return -EOPNOTSUPP;
	if (type & PERF_SAMPLE_CALLCHAIN) {
		/* Only the kernel's part of the stack is walked. */
		if (!IS_ENABLED(CONFIG_STACKTRACE) || !attr->exclude_callchain_user)
			return -EOPNOTSUPP;
		if (attr->sample_max_stack > max_stack)
			return -EOVERFLOW;
	}

	layout->sample_type = type;
	layout->plain = type == PERF_SAMPLE_RAW;
	/* All are one u64 each. */
	layout->id_size = attr->sample_id_all ?
			  hweight64(type & PERFRING_ID_TYPES) * sizeof(u64) : 0;
	layout->max_stack = 0;
	if (!attr->exclude_callchain_kernel)
		layout->max_stack = attr->sample_max_stack ?: max_stack;
	layout->wakeup_events = attr->watermark ? 0 : attr->wakeup_events;

	layout->clock = perfring_clock;
	if (!attr->use_clockid)
		return 0;
	switch (attr->clockid) {
	case CLOCK_MONOTONIC:
		layout->clock = ktime_get_mono_fast_ns;
		return 0;
	case CLOCK_MONOTONIC_RAW:
		layout->clock = ktime_get_raw_fast_ns;
		return 0;
	}
	/* These an NMI cannot read, and software events never come in one. */
	if (attr->type != PERF_TYPE_SOFTWARE)
		return -EINVAL;
	switch (attr->clockid) {
	case CLOCK_REALTIME:
		layout->clock = perfring_clock_real;
		return 0;
	case CLOCK_BOOTTIME:
		layout->clock = perfring_clock_boottime;
		return 0;
	case CLOCK_TAI:
		layout->clock = perfring_clock_tai;
		return 0;
	default:
		return -EINVAL;
	}
}

/**
 * perfring_read_size - bytes that read(2) returns for an event without siblings
 * @read_format: attr's
 */
u64 perfring_read_size(u64 read_format)
{
	/* The value, and one u64 for each bit: times, id, lost, and nr for GROUP. */
	return (1 + hweight64(read_format)) * sizeof(u64);
}

/**
 * perfring_task_ids - pid and tid of a task, as TID has them
 * @event: for whom, in the namespace of whom opened it
 * @task: task
 * @pid: result
 * @tid: result
 */
void perfring_task_ids(const struct perfring_event *event, struct task_struct *task,
		       s32 *pid, s32 *tid)
{
	*pid = task_tgid_nr_ns(task, event->ns);
	*tid = task_pid_nr_ns(task, event->ns);
	/* 0 is the idle task's and of other namespaces; one that has exited has -1. */
	if (!*pid && !pid_alive(task))
		*pid = -1;
	if (!*tid && !pid_alive(task))
		*tid = -1;
}

static u64 perfring_tid(const struct perfring_event *event, struct task_struct *task)
{
	union {
		s32 half[2];
		u64 whole;
	} tid;

	perfring_task_ids(event, task, &tid.half[0], &tid.half[1]);
	return tid.whole;
}

static u64 perfring_cpu(const struct perfring_event *event)
{
	union {
		u32 half[2];
		u64 whole;
	} cpu = { .half = { event->device->cpu, 0 } };

	return cpu.whole;
}

/**
 * perfring_id_fields - the sample_id that follows records other than samples
 * @event: event
 * @field: room for 6
 * @task: for TID
 * @time: for TIME
 *
 * Return: bytes.
 */
unsigned int perfring_id_fields(const struct perfring_event *event, u64 *field,
				struct task_struct *task, u64 time)
{
	u64 type = event->layout.sample_type;
	unsigned int n = 0;

	if (!event->layout.id_size)
		return 0;
	if (type & PERF_SAMPLE_TID)
		field[n++] = perfring_tid(event, task);
	if (type & PERF_SAMPLE_TIME)
		field[n++] = time;
	if (type & PERF_SAMPLE_ID)
		field[n++] = event->id;
	if (type & PERF_SAMPLE_STREAM_ID)
		field[n++] = event->id;
	if (type & PERF_SAMPLE_CPU)
		field[n++] = perfring_cpu(event);
	if (type & PERF_SAMPLE_IDENTIFIER)
		field[n++] = event->id;
	return n * sizeof(u64);
}

/**
 * perfring_sample_fields - a sample's fields between header and CALLCHAIN
 * @event: event
 * @field: room for 9
 * @record: what is written
 * @time: for TIME
 *
 * Return: bytes.
 */
unsigned int perfring_sample_fields(const struct perfring_event *event, u64 *field,
				    const struct perfring_record *record, u64 time)
{
	u64 type = event->layout.sample_type;
	unsigned int n = 0;

	if (type & PERF_SAMPLE_IDENTIFIER)
		field[n++] = event->id;
	if (type & PERF_SAMPLE_IP)
		field[n++] = record->ip;
	if (type & PERF_SAMPLE_TID)
		field[n++] = perfring_tid(event, record->task ?: current);
	if (type & PERF_SAMPLE_TIME)
		field[n++] = time;
	if (type & PERF_SAMPLE_ADDR)
		field[n++] = 0;
	if (type & PERF_SAMPLE_ID)
		field[n++] = event->id;
	if (type & PERF_SAMPLE_STREAM_ID)
		field[n++] = event->id;
	if (type & PERF_SAMPLE_CPU)
		field[n++] = perfring_cpu(event);
	if (type & PERF_SAMPLE_PERIOD)
		field[n++] = record->period;
	return n * sizeof(u64);
}
