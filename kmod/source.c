// SPDX-License-Identifier: GPL-2.0
/*
 * Which source an attr names, and what sources share.
 */
#include <linux/capability.h>
#include <linux/math64.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include "compat.h"
#include "source.h"

/* software/dummy: nothing ever happens. */
const struct perfring_source perfring_source_dummy = {
	.name = "dummy",
};

static const struct perfring_source *const perfring_sources[] = {
	[PERFRING_SOURCE_GENERATOR]	= &perfring_source_generator,
	[PERFRING_SOURCE_SCHED_SWITCH]	= &perfring_source_sched_switch,
	[PERFRING_SOURCE_SYSCALLS]	= &perfring_source_syscalls,
	[PERFRING_SOURCE_KPROBE]	= &perfring_source_kprobe,
};

/* Does a source that is always there have this name? */
bool perfring_source_builtin(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(perfring_sources); i++)
		if (perfring_sources[i] && !strcmp(perfring_sources[i]->name, name))
			return true;
	return !strcmp(perfring_source_user.name, name) ||
	       !strcmp(perfring_source_dummy.name, name);
}

/**
 * perfring_source_watch - may the caller see who runs on a CPU?
 *
 * perf's limit for watching a whole one.  Context: task.
 * Return: 0 or -EACCES.
 */
int perfring_source_watch(void)
{
	return perfring_sysctl_paranoid() > 0 && !perfmon_capable() ? -EACCES : 0;
}

/*
 * A source that needs no privilege meets whatever runs on the CPU.  Would this attr
 * show it to one who may not watch a whole CPU, by perf's limit for that?
 */
bool perfring_source_shows_tasks(const struct perf_event_attr *attr)
{
	return attr->sample_type & (PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN) &&
	       perfring_source_watch();
}

/**
 * perfring_source_find - the source of an attr
 * @attr: attr
 * @out: result
 *
 * Return: 0; -ENOENT for a type that no source here has, as perf says it of a
 * type without a PMU; -EINVAL for a bad config; else what the source says.
 */
int perfring_source_find(const struct perf_event_attr *attr,
			 const struct perfring_source **out)
{
	const struct perfring_source *source;

	if (attr->type == PERF_TYPE_SOFTWARE) {
		if (attr->config == PERF_COUNT_SW_BPF_OUTPUT)
			source = &perfring_source_user;
		else if (attr->config == PERF_COUNT_SW_DUMMY)
			source = &perfring_source_dummy;
		else
			return -ENOENT;
		goto check;
	}
	if (attr->type != perfring_pmu_type())
		return -ENOENT;
	if (!attr->config || attr->config >= PERFRING_CLIENT_FIRST + PERFRING_CLIENT_IDS ||
	    (attr->config >= PERFRING_SOURCE_MAX && attr->config < PERFRING_CLIENT_FIRST) ||
	    perfring_attr_config3(attr))
		return -EINVAL;
	/* They see the whole CPU, as PERF_PMU_CAP_NO_EXCLUDE says. */
	if (attr->exclude_user || attr->exclude_kernel || attr->exclude_hv ||
	    attr->exclude_idle || attr->exclude_host || attr->exclude_guest)
		return -EINVAL;
	if (attr->config >= PERFRING_CLIENT_FIRST)
		source = &perfring_source_client;
	else
		source = perfring_sources[array_index_nospec((unsigned long)attr->config,
							     PERFRING_SOURCE_MAX)];
check:
	*out = source;
	return source->check ? source->check(attr) : 0;
}

/**
 * perfring_source_reload - begin another period when the last one is over
 * @event: event that samples
 *
 * As perf: the period that ends is as long as it was when it began, so that one
 * event may end several after PERF_EVENT_IOC_PERIOD.
 *
 * Context: any, with preemption off, on the event's CPU; elsewhere without writers.
 * Return: how many periods are over.
 */
unsigned int perfring_source_reload(struct perfring_event *event)
{
	u64 next = READ_ONCE(event->attr.sample_period), over;
	/* 0 is one that is stored as two words, of which an NMI has seen one. */
	u64 period = event->last_period ?: 1;
	s64 left = local64_read(&event->period_left), old;

	if (next)
		event->last_period = next;
	do {
		if (left < 0)
			return 0;
		over = div64_u64(period + left, period);
		old = left;
		left = local64_cmpxchg(&event->period_left, old, old - over * period);
	} while (left != old);
	return over;
}

/**
 * perfring_source_due - count an event of the source
 * @event: enabled event
 *
 * Context: any, with preemption off, on the event's CPU.
 * Return: how many samples it makes.
 */
unsigned int perfring_source_due(struct perfring_event *event)
{
	u64 period = READ_ONCE(event->attr.sample_period);

	local64_inc(&event->count);
	if (!period)
		return 0;
	/* A sample that tells its period tells of one event, as with perf's software events. */
	if (period == 1 || event->layout.sample_type & PERF_SAMPLE_PERIOD)
		return 1;
	if (local64_add_negative(1, &event->period_left))
		return 0;
	return perfring_source_reload(event);
}

/**
 * perfring_source_output - count an event of the source, write its samples
 * @event: enabled event
 * @record: what to write; its period is set
 *
 * Context: as perfring_source_due().
 * Return: how many samples are in the ring.
 */
unsigned int perfring_source_output(struct perfring_event *event,
				    struct perfring_record *record)
{
	unsigned int due = perfring_source_due(event), n = 0;

	record->period = 1;
	/* One of them may have been the last that REFRESH lets through. */
	for (; due && perfring_event_on(event); due--)
		n += !perfring_output(event, record);
	return n;
}
