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

static u64 perfring_counter_sum(const struct perfring_counters *counters,
				const enum perfring_counter_id *id, unsigned int n)
{
	u64 sum = 0;

	while (n--)
		sum += local64_read(&counters->value[*id++]);
	return sum;
}

/**
 * perfring_counter_read - one of the counters
 * @counters: an event's or a device's
 * @id: which
 *
 * Context: any.
 */
u64 perfring_counter_read(const struct perfring_counters *counters,
			  enum perfring_counter_id id)
{
	/* What is a sum is counted by its parts alone; the last four are what is written. */
	static const enum perfring_counter_id parts[] = {
		PERFRING_COUNTER_REJECTED,
		PERFRING_COUNTER_DISCARDED,
		PERFRING_COUNTER_LOST_FULL,
		PERFRING_COUNTER_LOST_PAUSED,
		PERFRING_COUNTER_WAKEUP_NONE,
		PERFRING_COUNTER_WAKEUP_FORCED,
		PERFRING_COUNTER_WAKEUP_EVENTS,
		PERFRING_COUNTER_WAKEUP_WATERMARK,
	};

	switch (id) {
	case PERFRING_COUNTER_ATTEMPTED:
		return perfring_counter_sum(counters, parts, 8);
	case PERFRING_COUNTER_WRITTEN:
		return perfring_counter_sum(counters, parts + 4, 4);
	case PERFRING_COUNTER_LOST:
		return perfring_counter_sum(counters, parts + 2, 2);
	default:
		return local64_read(&counters->value[id]);
	}
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
	const struct perfring_counters *c = &event->counters;
	struct perfring_ring *ring;

	memset(stats, 0, sizeof(*stats));
	stats->lost_full = perfring_counter_read(c, PERFRING_COUNTER_LOST_FULL);
	stats->lost_paused = perfring_counter_read(c, PERFRING_COUNTER_LOST_PAUSED);
	stats->rejected = perfring_counter_read(c, PERFRING_COUNTER_REJECTED);
	stats->discarded = perfring_counter_read(c, PERFRING_COUNTER_DISCARDED);
	stats->bytes = perfring_counter_read(c, PERFRING_COUNTER_BYTES);
	stats->lost_records = perfring_counter_read(c, PERFRING_COUNTER_LOST_RECORDS);
	stats->wakeups = perfring_counter_read(c, PERFRING_COUNTER_WAKEUPS);
	stats->wakeup_events = perfring_counter_read(c, PERFRING_COUNTER_WAKEUP_EVENTS);
	stats->wakeup_watermark = perfring_counter_read(c, PERFRING_COUNTER_WAKEUP_WATERMARK);
	stats->wakeup_forced = perfring_counter_read(c, PERFRING_COUNTER_WAKEUP_FORCED);
	stats->wakeup_none = perfring_counter_read(c, PERFRING_COUNTER_WAKEUP_NONE);
	/* Of what was read above, so that it adds up while others write. */
	stats->written = stats->wakeup_events + stats->wakeup_watermark + stats->wakeup_forced +
			 stats->wakeup_none;
	stats->attempted = stats->written + stats->lost_full + stats->lost_paused +
			   stats->rejected + stats->discarded;
	stats->high_water = perfring_stats_high_water(event);

	mutex_lock(&event->device->mmap_mutex);
	ring = perfring_event_ring(event);
	if (ring) {
		stats->data_size = ring->nr_pages << PAGE_SHIFT;
		stats->head = perfring_local_read(&ring->core.head);
	}
	mutex_unlock(&event->device->mmap_mutex);
}

/* Attributes of one counter each; @var is which. */
static ssize_t perfring_counter_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dev_ext_attribute *counter = container_of(attr, struct dev_ext_attribute, attr);
	struct perfring_device *device = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%llu\n", perfring_counter_read(&device->counters,
							      (unsigned long)counter->var));
}

#define PERFRING_COUNTER_ATTR(name, id)					\
	static struct dev_ext_attribute perfring_attr_##name = {		\
		__ATTR(name, 0444, perfring_counter_show, NULL),		\
		(void *)PERFRING_COUNTER_##id					\
	}

PERFRING_COUNTER_ATTR(attempted, ATTEMPTED);
PERFRING_COUNTER_ATTR(written, WRITTEN);
PERFRING_COUNTER_ATTR(lost_full, LOST_FULL);
PERFRING_COUNTER_ATTR(lost_paused, LOST_PAUSED);
PERFRING_COUNTER_ATTR(rejected, REJECTED);
PERFRING_COUNTER_ATTR(discarded, DISCARDED);
PERFRING_COUNTER_ATTR(bytes, BYTES);
PERFRING_COUNTER_ATTR(lost_records, LOST_RECORDS);
PERFRING_COUNTER_ATTR(wakeups, WAKEUPS);
PERFRING_COUNTER_ATTR(wakeup_events, WAKEUP_EVENTS);
PERFRING_COUNTER_ATTR(wakeup_watermark, WAKEUP_WATERMARK);
PERFRING_COUNTER_ATTR(wakeup_forced, WAKEUP_FORCED);
PERFRING_COUNTER_ATTR(wakeup_none, WAKEUP_NONE);

static ssize_t high_water_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct perfring_device *device = dev_get_drvdata(dev);
	struct perfring_event *event;
	u64 high;

	mutex_lock(&device->lock);
	high = device->high_water;
	list_for_each_entry(event, &device->events, entry)
		high = max(high, perfring_stats_high_water(event));
	mutex_unlock(&device->lock);
	return sysfs_emit(buf, "%llu\n", high);
}
static DEVICE_ATTR_RO(high_water);

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
	&perfring_attr_attempted.attr.attr,
	&perfring_attr_written.attr.attr,
	&perfring_attr_lost_full.attr.attr,
	&perfring_attr_lost_paused.attr.attr,
	&perfring_attr_rejected.attr.attr,
	&perfring_attr_discarded.attr.attr,
	&perfring_attr_bytes.attr.attr,
	&perfring_attr_lost_records.attr.attr,
	&perfring_attr_wakeups.attr.attr,
	&perfring_attr_wakeup_events.attr.attr,
	&perfring_attr_wakeup_watermark.attr.attr,
	&perfring_attr_wakeup_forced.attr.attr,
	&perfring_attr_wakeup_none.attr.attr,
	&dev_attr_high_water.attr,
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
