// SPDX-License-Identifier: GPL-2.0
/*
 * The counters, as the STATS ioctl for one event and as sysfs attributes for
 * all events that a device has ever had.
 */
#include <linux/device.h>
#include <linux/sysfs.h>
#include "perfring.h"

/* The most bytes that ever waited in one of the event's rings.  Context: task. */
u64 perfring_stats_high_water(struct perfring_event *event)
{
	struct perfring_ring *ring;
	u64 high;

	mutex_lock(&event->device->mmap_mutex);
	high = event->high_water;
	ring = perfring_event_ring(event);
	if (ring)
		high = max_t(u64, high, perfring_local_read(&ring->core.high_water));
	mutex_unlock(&event->device->mmap_mutex);
	return high;
}

static void perfring_stats_read(struct perfring_totals *totals,
				const struct perfring_counters *counters)
{
	totals->attempted = local64_read(&counters->attempted);
	totals->written = local64_read(&counters->written);
	totals->lost_full = local64_read(&counters->lost_full);
	totals->lost_paused = local64_read(&counters->lost_paused);
	totals->rejected = local64_read(&counters->rejected);
	totals->discarded = local64_read(&counters->discarded);
	totals->bytes = local64_read(&counters->bytes);
	totals->lost_records = local64_read(&counters->lost_records);
	totals->wakeups = local64_read(&counters->wakeups);
	totals->wakeup_events = local64_read(&counters->wakeup_events);
	totals->wakeup_watermark = local64_read(&counters->wakeup_watermark);
	totals->wakeup_forced = local64_read(&counters->wakeup_forced);
	totals->wakeup_none = local64_read(&counters->wakeup_none);
}

/**
 * perfring_stats_fill - PERFRING_IOC_STATS
 * @stats: result; size is the caller's
 * @event: event
 *
 * Context: task.
 */
void perfring_stats_fill(struct perfring_stats *stats, struct perfring_event *event)
{
	struct perfring_totals totals;
	struct perfring_ring *ring;

	perfring_stats_read(&totals, &event->counters);
	memset(stats, 0, sizeof(*stats));
	stats->attempted = totals.attempted;
	stats->written = totals.written;
	stats->lost_full = totals.lost_full;
	stats->lost_paused = totals.lost_paused;
	stats->rejected = totals.rejected;
	stats->discarded = totals.discarded;
	stats->bytes = totals.bytes;
	stats->lost_records = totals.lost_records;
	stats->wakeups = totals.wakeups;
	stats->wakeup_events = totals.wakeup_events;
	stats->wakeup_watermark = totals.wakeup_watermark;
	stats->wakeup_forced = totals.wakeup_forced;
	stats->wakeup_none = totals.wakeup_none;
	stats->high_water = perfring_stats_high_water(event);

	mutex_lock(&event->device->mmap_mutex);
	ring = perfring_event_ring(event);
	if (ring) {
		stats->data_size = ring->nr_pages << PAGE_SHIFT;
		stats->head = perfring_local_read(&ring->core.head);
	}
	mutex_unlock(&event->device->mmap_mutex);
}

static void perfring_device_totals(struct device *dev, struct perfring_totals *totals)
{
	struct perfring_device *device = dev_get_drvdata(dev);
	struct perfring_event *event;

	perfring_stats_read(totals, &device->counters);
	mutex_lock(&device->lock);
	totals->high_water = device->high_water;
	list_for_each_entry(event, &device->events, entry)
		totals->high_water = max(totals->high_water, perfring_stats_high_water(event));
	mutex_unlock(&device->lock);
}

/* Attributes of one counter each; @var is where in the totals it stands. */
static ssize_t perfring_total_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	size_t offset = (size_t)container_of(attr, struct dev_ext_attribute, attr)->var;
	struct perfring_totals sum;

	perfring_device_totals(dev, &sum);
	return sysfs_emit(buf, "%llu\n", *(u64 *)((char *)&sum + offset));
}

#define PERFRING_ATTR(name) __ATTR(name, 0444, perfring_total_show, NULL)
#define PERFRING_AT(name) ((void *)offsetof(struct perfring_totals, name))

static struct dev_ext_attribute perfring_totals_attrs[] = {
	{ PERFRING_ATTR(attempted), PERFRING_AT(attempted) },
	{ PERFRING_ATTR(written), PERFRING_AT(written) },
	{ PERFRING_ATTR(lost_full), PERFRING_AT(lost_full) },
	{ PERFRING_ATTR(lost_paused), PERFRING_AT(lost_paused) },
	{ PERFRING_ATTR(rejected), PERFRING_AT(rejected) },
	{ PERFRING_ATTR(discarded), PERFRING_AT(discarded) },
	{ PERFRING_ATTR(bytes), PERFRING_AT(bytes) },
	{ PERFRING_ATTR(lost_records), PERFRING_AT(lost_records) },
	{ PERFRING_ATTR(wakeups), PERFRING_AT(wakeups) },
	{ PERFRING_ATTR(wakeup_events), PERFRING_AT(wakeup_events) },
	{ PERFRING_ATTR(wakeup_watermark), PERFRING_AT(wakeup_watermark) },
	{ PERFRING_ATTR(wakeup_forced), PERFRING_AT(wakeup_forced) },
	{ PERFRING_ATTR(wakeup_none), PERFRING_AT(wakeup_none) },
	{ PERFRING_ATTR(high_water), PERFRING_AT(high_water) },
};

/* Events open now. */
static ssize_t events_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct perfring_device *device = dev_get_drvdata(dev);
	struct perfring_event *event;
	unsigned int n = 0;

	mutex_lock(&device->lock);
	list_for_each_entry(event, &device->events, entry)
		n++;
	mutex_unlock(&device->lock);
	return sysfs_emit(buf, "%u\n", n);
}
static DEVICE_ATTR_RO(events);

static struct attribute *perfring_device_attrs[] = {
	&perfring_totals_attrs[0].attr.attr,
	&perfring_totals_attrs[1].attr.attr,
	&perfring_totals_attrs[2].attr.attr,
	&perfring_totals_attrs[3].attr.attr,
	&perfring_totals_attrs[4].attr.attr,
	&perfring_totals_attrs[5].attr.attr,
	&perfring_totals_attrs[6].attr.attr,
	&perfring_totals_attrs[7].attr.attr,
	&perfring_totals_attrs[8].attr.attr,
	&perfring_totals_attrs[9].attr.attr,
	&perfring_totals_attrs[10].attr.attr,
	&perfring_totals_attrs[11].attr.attr,
	&perfring_totals_attrs[12].attr.attr,
	&perfring_totals_attrs[13].attr.attr,
	&dev_attr_events.attr,
	NULL
};

static const struct attribute_group perfring_device_group = {
	.attrs = perfring_device_attrs,
};

const struct attribute_group *perfring_device_groups[] = {
	&perfring_device_group,
	NULL
};
