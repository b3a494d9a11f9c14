// SPDX-License-Identifier: GPL-2.0
/*
 * Which source an attr names, and what sources share.
 */
#include <linux/nospec.h>
#include "compat.h"
#include "perfring.h"

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
			*out = &perfring_source_user;
		else if (attr->config == PERF_COUNT_SW_DUMMY)
			*out = &perfring_source_dummy;
		else
			return -ENOENT;
		return 0;
	}
	if (attr->type != perfring_pmu_type())
		return -ENOENT;
	if (!attr->config || attr->config >= PERFRING_SOURCE_MAX || perfring_attr_config3(attr))
		return -EINVAL;
	/* They see the whole CPU, as PERF_PMU_CAP_NO_EXCLUDE says. */
	if (attr->exclude_user || attr->exclude_kernel || attr->exclude_hv ||
	    attr->exclude_idle || attr->exclude_host || attr->exclude_guest)
		return -EINVAL;
	source = perfring_sources[array_index_nospec(attr->config, PERFRING_SOURCE_MAX)];
	*out = source;
	return source->check(attr);
}

/**
 * perfring_source_due - count an event of the source
 * @event: enabled event
 *
 * Context: any, with preemption off, on the event's CPU.
 * Return: true when it is the sample_period's turn.
 */
bool perfring_source_due(struct perfring_event *event)
{
	u64 period = READ_ONCE(event->attr.sample_period);

	local64_inc(&event->count);
	if (!period)
		return false;
	if (period == 1)
		return true;
	if (local64_add_negative(1, &event->period_left))
		return false;
	local64_set(&event->period_left, -(s64)period);
	return true;
}
