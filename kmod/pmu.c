// SPDX-License-Identifier: GPL-2.0
/*
 * The PMU perfring.  Its type number and its format directory in sysfs are how an
 * attr names a source for a device; perf_event_open(2) takes the counters, which
 * are the device's of one CPU, for all events it has and ever had.
 */
#include <linux/module.h>
#include <linux/perf_event.h>
#include "compat.h"
#include "source.h"

#define PERFRING_CONFIG_SOURCE	0x00ffULL
#define PERFRING_CONFIG_COUNTER	0xff00ULL

PMU_FORMAT_ATTR(source, "config:0-7");
PMU_FORMAT_ATTR(counter, "config:8-15");
PMU_FORMAT_ATTR(rate, "config1:0-31");
PMU_FORMAT_ATTR(burst, "config1:32-47");
PMU_FORMAT_ATTR(min_size, "config2:0-15");
PMU_FORMAT_ATTR(max_size, "config2:16-31");
PMU_FORMAT_ATTR(pid, "config1:0-31");
PMU_FORMAT_ATTR(nr, "config2:0-31");
PMU_FORMAT_ATTR(by_nr, "config2:32");
PMU_FORMAT_ATTR(symbol, "config1:0-63");
PMU_FORMAT_ATTR(offset, "config2:0-31");

static struct attribute *perfring_format_attrs[] = {
	&format_attr_source.attr,
	&format_attr_counter.attr,
	&format_attr_rate.attr,
	&format_attr_burst.attr,
	&format_attr_min_size.attr,
	&format_attr_max_size.attr,
	&format_attr_pid.attr,
	&format_attr_nr.attr,
	&format_attr_by_nr.attr,
	&format_attr_symbol.attr,
	&format_attr_offset.attr,
	NULL
};

static const struct attribute_group perfring_format_group = {
	.name = "format",
	.attrs = perfring_format_attrs,
};

/* The numbers are enum perfring_counter_id's. */
PMU_EVENT_ATTR_STRING(attempted, perfring_pmu_attempted, "counter=1");
PMU_EVENT_ATTR_STRING(written, perfring_pmu_written, "counter=2");
PMU_EVENT_ATTR_STRING(lost, perfring_pmu_lost, "counter=3");
PMU_EVENT_ATTR_STRING(lost_full, perfring_pmu_lost_full, "counter=4");
PMU_EVENT_ATTR_STRING(lost_paused, perfring_pmu_lost_paused, "counter=5");
PMU_EVENT_ATTR_STRING(rejected, perfring_pmu_rejected, "counter=6");
PMU_EVENT_ATTR_STRING(discarded, perfring_pmu_discarded, "counter=7");
PMU_EVENT_ATTR_STRING(bytes, perfring_pmu_bytes, "counter=8");
PMU_EVENT_ATTR_STRING(bytes.unit, perfring_pmu_bytes_unit, "B");
PMU_EVENT_ATTR_STRING(bytes.scale, perfring_pmu_bytes_scale, "1");
PMU_EVENT_ATTR_STRING(lost_records, perfring_pmu_lost_records, "counter=9");
PMU_EVENT_ATTR_STRING(wakeups, perfring_pmu_wakeups, "counter=10");
PMU_EVENT_ATTR_STRING(wakeup_events, perfring_pmu_wakeup_events, "counter=11");
PMU_EVENT_ATTR_STRING(wakeup_watermark, perfring_pmu_wakeup_watermark, "counter=12");
PMU_EVENT_ATTR_STRING(wakeup_forced, perfring_pmu_wakeup_forced, "counter=13");
PMU_EVENT_ATTR_STRING(wakeup_none, perfring_pmu_wakeup_none, "counter=14");

static struct attribute *perfring_event_attrs[] = {
	&perfring_pmu_attempted.attr.attr,
	&perfring_pmu_written.attr.attr,
	&perfring_pmu_lost.attr.attr,
	&perfring_pmu_lost_full.attr.attr,
	&perfring_pmu_lost_paused.attr.attr,
	&perfring_pmu_rejected.attr.attr,
	&perfring_pmu_discarded.attr.attr,
	&perfring_pmu_bytes.attr.attr,
	&perfring_pmu_bytes_unit.attr.attr,
	&perfring_pmu_bytes_scale.attr.attr,
	&perfring_pmu_lost_records.attr.attr,
	&perfring_pmu_wakeups.attr.attr,
	&perfring_pmu_wakeup_events.attr.attr,
	&perfring_pmu_wakeup_watermark.attr.attr,
	&perfring_pmu_wakeup_forced.attr.attr,
	&perfring_pmu_wakeup_none.attr.attr,
	NULL
};

static const struct attribute_group perfring_event_group = {
	.name = "events",
	.attrs = perfring_event_attrs,
};

/* No cpumask: an event counts on the CPU it is opened for, and there is one for each. */
static const struct attribute_group *perfring_pmu_groups[] = {
	&perfring_format_group,
	&perfring_event_group,
	&perfring_sources_group,
	&perfring_missed_group,
	NULL
};

static unsigned int perfring_pmu_id(const struct perf_event *event)
{
	return (event->attr.config & PERFRING_CONFIG_COUNTER) >> 8;
}

/* Called on @cpu, where the counters change; interrupts are off, an NMI may add. */
static u64 perfring_pmu_value(unsigned int id, int cpu)
{
	return perfring_counter_read(&perfring_device_find(cpu)->counters, id);
}

/*
 * What perf itself refuses is not looked at here: exclude bits and sampling, which
 * the capabilities below deny, and tasks, for which there is no context.  Where perf
 * calls before it looks, the answer is the one it would give.
 */
static int perfring_pmu_event_init(struct perf_event *event)
{
	const struct perf_event_attr *attr = &event->attr;

	if (attr->type != event->pmu->type)
		return -ENOENT;
	/* A failed init takes the module away whoever has it open. */
	if (!perfring_is_ready())
		return -ENODEV;
	/* A source needs a ring, and that is what the devices are for. */
	if (is_sampling_event(event) || attr->config & PERFRING_CONFIG_SOURCE)
		return -EOPNOTSUPP;
	if (event->attach_state & PERF_ATTACH_TASK || event->cpu < 0 ||
	    !perfring_device_find(event->cpu))
		return -EINVAL;
	if (attr->config & ~PERFRING_CONFIG_COUNTER || attr->config1 || attr->config2 ||
	    perfring_attr_config3(attr))
		return -EINVAL;
	if (!perfring_pmu_id(event) || perfring_pmu_id(event) >= PERFRING_COUNTER_MAX)
		return -EINVAL;
	return 0;
}

static void perfring_pmu_read(struct perf_event *event)
{
	local64_t *prev = &event->hw.prev_count;
	u64 seen, now;

	/* A BPF program in an NMI may read as well: who wins adds the difference. */
	do {
		seen = local64_read(prev);
		now = perfring_pmu_value(perfring_pmu_id(event), event->cpu);
	} while (local64_cmpxchg(prev, seen, now) != seen);
	local64_add(now - seen, &event->count);
}

static void perfring_pmu_start(struct perf_event *event, int flags)
{
	local64_set(&event->hw.prev_count,
		    perfring_pmu_value(perfring_pmu_id(event), event->cpu));
	event->hw.state = 0;
}

static void perfring_pmu_stop(struct perf_event *event, int flags)
{
	if (event->hw.state & PERF_HES_STOPPED)
		return;
	perfring_pmu_read(event);
	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
}

static int perfring_pmu_add(struct perf_event *event, int flags)
{
	event->hw.state = PERF_HES_STOPPED | PERF_HES_UPTODATE;
	if (flags & PERF_EF_START)
		perfring_pmu_start(event, flags);
	return 0;
}

static void perfring_pmu_del(struct perf_event *event, int flags)
{
	perfring_pmu_stop(event, PERF_EF_UPDATE);
}

static struct pmu perfring_pmu = {
	/* An open event keeps the module loaded. */
	.module		= THIS_MODULE,
	/* A counter belongs to a CPU, not to a task. */
	.task_ctx_nr	= perf_invalid_context,
	.attr_groups	= perfring_pmu_groups,
	.capabilities	= PERF_PMU_CAP_NO_INTERRUPT | PERF_PMU_CAP_NO_EXCLUDE,
	.event_init	= perfring_pmu_event_init,
	.add		= perfring_pmu_add,
	.del		= perfring_pmu_del,
	.start		= perfring_pmu_start,
	.stop		= perfring_pmu_stop,
	.read		= perfring_pmu_read,
};

u32 perfring_pmu_type(void)
{
	return perfring_pmu.type;
}

struct device *perfring_pmu_device(void)
{
	return perfring_pmu.dev;
}

int perfring_pmu_init(void)
{
	return perf_pmu_register(&perfring_pmu, PERFRING_NAME, -1);
}

void perfring_pmu_exit(void)
{
	perf_pmu_unregister(&perfring_pmu);
}
