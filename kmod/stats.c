// SPDX-License-Identifier: GPL-2.0
/*
 * The counters, as the STATS ioctl for one event and as sysfs attributes for
 * all events that a device has ever had.
 */
#include <linux/device.h>
#include <linux/sysfs.h>
#include "perfring.h"

static u64 perfring_high_water(struct perfring_event *event)
{
	struct perfring_ring *ring;
	u64 high = event->high_water;

	lockdep_assert_held(&event->mmap_mutex);
	ring = rcu_dereference_protected(event->ring, lockdep_is_held(&event->mmap_mutex));
	if (ring)
		high = max_t(u64, high, perfring_local_read(&ring->core.high_water));
	return high;
}

/**
 * perfring_stats_add - add an event's counters to a device's
 * @sum: totals; high_water is a maximum, the rest are sums
 * @event: event
 *
 * Context: task.
 */
void perfring_stats_add(struct perfring_totals *sum, struct perfring_event *event)
{
	struct perfring_counters *counters = &event->counters;

	sum->attempted += local64_read(&counters->attempted);
	sum->written += local64_read(&counters->written);
	sum->lost_full += local64_read(&counters->lost_full);
	sum->lost_paused += local64_read(&counters->lost_paused);
	sum->rejected += local64_read(&counters->rejected);
	sum->discarded += local64_read(&counters->discarded);
	sum->bytes += local64_read(&counters->bytes);
	sum->lost_records += local64_read(&counters->lost_records);
	sum->wakeups += local64_read(&counters->wakeups);
	mutex_lock(&event->mmap_mutex);
	sum->high_water = max(sum->high_water, perfring_high_water(event));
	mutex_unlock(&event->mmap_mutex);
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
	struct perfring_totals sum = {};
	struct perfring_ring *ring;

	perfring_stats_add(&sum, event);
	memset(stats, 0, sizeof(*stats));
	stats->attempted = sum.attempted;
	stats->written = sum.written;
	stats->lost_full = sum.lost_full;
	stats->lost_paused = sum.lost_paused;
	stats->rejected = sum.rejected;
	stats->discarded = sum.discarded;
	stats->bytes = sum.bytes;
	stats->lost_records = sum.lost_records;
	stats->wakeups = sum.wakeups;
	stats->high_water = sum.high_water;

	mutex_lock(&event->mmap_mutex);
	ring = rcu_dereference_protected(event->ring, lockdep_is_held(&event->mmap_mutex));
	if (ring) {
		stats->data_size = ring->nr_pages << PAGE_SHIFT;
		stats->head = perfring_local_read(&ring->core.head);
	}
	mutex_unlock(&event->mmap_mutex);
}

static void perfring_device_totals(struct device *dev, struct perfring_totals *sum)
{
	struct perfring_device *device = dev_get_drvdata(dev);
	struct perfring_event *event;

	mutex_lock(&device->lock);
	*sum = device->closed;
	list_for_each_entry(event, &device->events, entry)
		perfring_stats_add(sum, event);
	mutex_unlock(&device->lock);
}

#define PERFRING_ATTR(name)							\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr,	\
			   char *buf)						\
{										\
	struct perfring_totals sum;						\
										\
	perfring_device_totals(dev, &sum);					\
	return sysfs_emit(buf, "%llu\n", sum.name);				\
}										\
static DEVICE_ATTR_RO(name)

PERFRING_ATTR(attempted);
PERFRING_ATTR(written);
PERFRING_ATTR(lost_full);
PERFRING_ATTR(lost_paused);
PERFRING_ATTR(rejected);
PERFRING_ATTR(discarded);
PERFRING_ATTR(bytes);
PERFRING_ATTR(lost_records);
PERFRING_ATTR(wakeups);
PERFRING_ATTR(high_water);

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
	&dev_attr_attempted.attr,
	&dev_attr_written.attr,
	&dev_attr_lost_full.attr,
	&dev_attr_lost_paused.attr,
	&dev_attr_rejected.attr,
	&dev_attr_discarded.attr,
	&dev_attr_bytes.attr,
	&dev_attr_lost_records.attr,
	&dev_attr_wakeups.attr,
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
