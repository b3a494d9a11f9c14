// SPDX-License-Identifier: GPL-2.0
/*
 * A timer on the event's CPU that writes checked payloads in hardirq context.
 */
#include <linux/crc32.h>
#include <linux/error-injection.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include "compat.h"
#include "source.h"

#define PERFRING_MIN_LEN	sizeof(struct perfring_generator_payload)
#define PERFRING_TICK_BYTES	65536
#define PERFRING_SECOND_BYTES	(64 * 1024 * 1024)
#define PERFRING_TICK_RECORDS	4096
#define PERFRING_SECOND_RECORDS	(1024 * 1024)
/* A walk of the stack takes as long as so many records. */
#define PERFRING_CHAIN_RECORDS	8

static u32 perfring_rate(const struct perf_event_attr *attr)
{
	return attr->config1;
}

static u32 perfring_burst(const struct perf_event_attr *attr)
{
	return (attr->config1 >> 32) ?: 1;
}

static u32 perfring_min(const struct perf_event_attr *attr)
{
	return (attr->config2 & 0xffff) ?: PERFRING_MIN_LEN;
}

static u32 perfring_max(const struct perf_event_attr *attr)
{
	return (attr->config2 >> 16) ?: perfring_min(attr);
}

static u64 perfring_tick_bytes(const struct perf_event_attr *attr)
{
	return (u64)perfring_burst(attr) * perfring_max(attr);
}

/* Records of a tick, by what they cost. */
static u64 perfring_tick_records(const struct perf_event_attr *attr)
{
	bool chain = attr->sample_type & PERF_SAMPLE_CALLCHAIN;

	return (u64)perfring_burst(attr) * (chain ? PERFRING_CHAIN_RECORDS : 1);
}

/* Take a part of what the generators of a CPU may do; device->lock held. */
static int perfring_generator_charge(struct perfring_event *event)
{
	struct perfring_device *device = event->device;
	u64 rate = perfring_rate(&event->attr), ticks = device->ticks + rate;
	u64 bytes = device->tick_bytes + rate * perfring_tick_bytes(&event->attr);
	u64 records = device->tick_records + rate * perfring_tick_records(&event->attr);

	if (ticks > perfring_max_rate || bytes > PERFRING_SECOND_BYTES ||
	    records > PERFRING_SECOND_RECORDS)
		return -EBUSY;
	device->ticks = ticks;
	device->tick_bytes = bytes;
	device->tick_records = records;
	return 0;
}

static void perfring_generator_uncharge(struct perfring_event *event)
{
	u64 ticks = perfring_rate(&event->attr);

	event->device->ticks -= ticks;
	event->device->tick_bytes -= ticks * perfring_tick_bytes(&event->attr);
	event->device->tick_records -= ticks * perfring_tick_records(&event->attr);
}

static int perfring_generator_check(const struct perf_event_attr *attr)
{
	u64 tick = perfring_tick_bytes(attr), records = perfring_tick_records(attr);

	if (attr->config1 >> 48 || attr->config2 >> 32)
		return -EINVAL;
	if (!perfring_rate(attr) || perfring_rate(attr) > perfring_max_rate)
		return -EINVAL;
	if (perfring_min(attr) < PERFRING_MIN_LEN || perfring_max(attr) < perfring_min(attr))
		return -EINVAL;
	/* All of it is made with interrupts off. */
	if (tick > PERFRING_TICK_BYTES || tick * perfring_rate(attr) > PERFRING_SECOND_BYTES)
		return -EINVAL;
	if (records > PERFRING_TICK_RECORDS ||
	    records * perfring_rate(attr) > PERFRING_SECOND_RECORDS)
		return -EINVAL;
	return perfring_source_shows_tasks(attr) ? -EACCES : 0;
}

static void perfring_generate(struct perfring_event *event)
{
	struct perfring_generator *generator = &event->generator;
	struct perfring_generator_payload *payload = (void *)generator->payload;
	struct perfring_record record = {
		.type = PERF_RECORD_SAMPLE,
		.data = payload,
		.ip = _THIS_IP_,
		.period = 1,
	};
	u64 seq = local64_read(&generator->seq);
	u32 i;

	payload->seq = seq;
	payload->len = generator->len;
	payload->crc = 0;
	for (i = PERFRING_MIN_LEN; i < generator->len; i++)
		generator->payload[i] = seq + i;
	payload->crc = ~crc32_le(~0, generator->payload, generator->len);
	record.len = generator->len;
	local64_inc(&generator->seq);
	if (++generator->len > generator->max)
		generator->len = generator->min;
	perfring_output(event, &record);
}

static enum hrtimer_restart perfring_generator_tick(struct hrtimer *timer)
{
	struct perfring_event *event = container_of(timer, struct perfring_event,
						    generator.timer);
	unsigned int due;
	u32 i;

	if (!perfring_event_on(event))
		return HRTIMER_NORESTART;
	/* The limit of REFRESH may be in the middle. */
	for (i = 0; i < event->generator.burst && perfring_event_on(event); i++)
		for (due = perfring_source_due(event); due && perfring_event_on(event); due--)
			perfring_generate(event);
	hrtimer_forward_now(timer, event->generator.interval);
	return HRTIMER_RESTART;
}

static void perfring_generator_start(void *arg)
{
	struct perfring_event *event = arg;

	hrtimer_start(&event->generator.timer, event->generator.interval,
		      HRTIMER_MODE_REL_PINNED_HARD);
}

/* On the event's CPU, which is online; device->lock held. */
static noinline int perfring_generator_begin(struct perfring_event *event)
{
	return smp_call_function_single(event->device->cpu, perfring_generator_start, event, 1) ?
	       -ENODEV : 0;
}

/* Nothing else makes it fail: for fault_test. */
ALLOW_ERROR_INJECTION(perfring_generator_begin, ERRNO);

static int perfring_generator_attach(struct perfring_event *event)
{
	struct perfring_generator *generator = &event->generator;
	int ret;

	generator->min = perfring_min(&event->attr);
	generator->max = perfring_max(&event->attr);
	generator->len = generator->min;
	generator->burst = perfring_burst(&event->attr);
	generator->interval = ns_to_ktime(NSEC_PER_SEC / perfring_rate(&event->attr));
	generator->payload = kvmalloc(generator->max, GFP_KERNEL_ACCOUNT);
	if (!generator->payload)
		return -ENOMEM;
	hrtimer_setup(&generator->timer, perfring_generator_tick, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);

	mutex_lock(&event->device->lock);
	ret = perfring_generator_charge(event);
	/* Offline, it starts with the CPU. */
	if (!ret && event->device->online) {
		ret = perfring_generator_begin(event);
		if (ret)
			perfring_generator_uncharge(event);
	}
	generator->running = !ret;
	mutex_unlock(&event->device->lock);
	if (ret)
		kvfree(generator->payload);
	return ret;
}

static void perfring_generator_detach(struct perfring_event *event)
{
	struct perfring_generator *generator = &event->generator;

	mutex_lock(&event->device->lock);
	generator->running = false;
	perfring_generator_uncharge(event);
	mutex_unlock(&event->device->lock);
	hrtimer_cancel(&generator->timer);
	kvfree(generator->payload);
	generator->payload = NULL;
}

static void perfring_generator_online(struct perfring_event *event)
{
	if (event->generator.running)
		perfring_generator_start(event);
}

static void perfring_generator_offline(struct perfring_event *event)
{
	if (event->generator.running)
		hrtimer_cancel(&event->generator.timer);
}

const struct perfring_source perfring_source_generator = {
	.name		= "generator",
	.check		= perfring_generator_check,
	.attach		= perfring_generator_attach,
	.detach		= perfring_generator_detach,
	.online		= perfring_generator_online,
	.offline	= perfring_generator_offline,
};
