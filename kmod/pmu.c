// SPDX-License-Identifier: GPL-2.0
/*
 * The PMU perfring.  Its type number and its format directory in sysfs are how
 * an attr names a source; opening it with perf_event_open(2) is refused.
 */
#include <linux/module.h>
#include <linux/perf_event.h>
#include "perfring.h"

PMU_FORMAT_ATTR(source, "config:0-7");
PMU_FORMAT_ATTR(rate, "config1:0-31");
PMU_FORMAT_ATTR(burst, "config1:32-47");
PMU_FORMAT_ATTR(min_size, "config2:0-15");
PMU_FORMAT_ATTR(max_size, "config2:16-31");

static struct attribute *perfring_format_attrs[] = {
	&format_attr_source.attr,
	&format_attr_rate.attr,
	&format_attr_burst.attr,
	&format_attr_min_size.attr,
	&format_attr_max_size.attr,
	NULL
};

static const struct attribute_group perfring_format_group = {
	.name = "format",
	.attrs = perfring_format_attrs,
};

static const struct attribute_group *perfring_pmu_groups[] = {
	&perfring_format_group,
	NULL
};

static int perfring_pmu_event_init(struct perf_event *event)
{
	return event->attr.type == event->pmu->type ? -EOPNOTSUPP : -ENOENT;
}

/* perf_pmu_register() wants them; no event ever gets this far. */
static int perfring_pmu_add(struct perf_event *event, int flags)
{
	return -EOPNOTSUPP;
}

static void perfring_pmu_del(struct perf_event *event, int flags)
{
}

static void perfring_pmu_read(struct perf_event *event)
{
}

static struct pmu perfring_pmu = {
	.module		= THIS_MODULE,
	.task_ctx_nr	= perf_invalid_context,
	.attr_groups	= perfring_pmu_groups,
	.capabilities	= PERF_PMU_CAP_NO_INTERRUPT | PERF_PMU_CAP_NO_EXCLUDE,
	.event_init	= perfring_pmu_event_init,
	.add		= perfring_pmu_add,
	.del		= perfring_pmu_del,
	.start		= perfring_pmu_del,
	.stop		= perfring_pmu_del,
	.read		= perfring_pmu_read,
};

u32 perfring_pmu_type(void)
{
	return perfring_pmu.type;
}

int perfring_pmu_init(void)
{
	return perf_pmu_register(&perfring_pmu, PERFRING_NAME, -1);
}

void perfring_pmu_exit(void)
{
	perf_pmu_unregister(&perfring_pmu);
}
