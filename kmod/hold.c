// SPDX-License-Identifier: GPL-2.0
/*
 * A record that stays reserved between two ioctls.
 *
 * The core wants writers to nest strictly: who comes in between another one's load
 * and store of core->nest has left again before the store.  A held record comes in
 * and does not leave, so it may not interrupt a writer: it runs in a task on the
 * event's CPU, with preemption off.
 */
#include <linux/cpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include "perfring.h"

struct perfring_hold_call {
	struct perfring_event *event;
	struct perfring_record *record;
	struct perfring_reservation *hold;
	bool commit;
};

static int perfring_hold_begin(void *arg)
{
	struct perfring_hold_call *call = arg;
	int ret;

	preempt_disable();
	ret = -EOPNOTSUPP;
	if (perfring_event_on(call->event))
		ret = perfring_reserve(call->event, call->record, call->hold);
	if (!ret && call->hold->data)
		memcpy(call->hold->data, call->record->data, call->record->len);
	preempt_enable();
	return ret;
}

static int perfring_hold_end(void *arg)
{
	struct perfring_hold_call *call = arg;
	int ret = PERFRING_RELEASE_COMMITTED;

	preempt_disable();
	if (call->commit)
		perfring_commit(call->hold);
	else if (perfring_discard(call->hold))
		ret = PERFRING_RELEASE_TAKEN_BACK;
	else
		ret = PERFRING_RELEASE_SKIPPED;
	preempt_enable();
	return ret;
}

/**
 * perfring_hold_reserve - write a record and keep it
 * @event: event
 * @record: what
 * @reserve: record_size and position are filled in
 *
 * Context: task.
 * Return: 0 or -errno, see PERFRING_IOC_RESERVE.
 */
int perfring_hold_reserve(struct perfring_event *event, struct perfring_record *record,
			  struct perfring_reserve *reserve)
{
	struct perfring_device *device = event->device;
	struct perfring_hold_call call = { .event = event, .record = record };
	struct perfring_ring *ring;
	int ret;

	call.hold = kzalloc(sizeof(*call.hold), GFP_KERNEL_ACCOUNT);
	if (!call.hold)
		return -ENOMEM;
	cpus_read_lock();
	mutex_lock(&device->mmap_mutex);
	ring = perfring_event_ring(event);
	if (ring && ring->hold) {
		ret = -EBUSY;
	} else {
		ret = smp_call_on_cpu(device->cpu, perfring_hold_begin, &call, false);
		if (ret == -ENXIO)
			ret = -ENODEV;
	}
	if (!ret) {
		reserve->record_size = call.hold->size;
		reserve->position = call.hold->record;
		ring->hold = call.hold;
		call.hold = NULL;
	}
	mutex_unlock(&device->mmap_mutex);
	cpus_read_unlock();
	kfree(call.hold);
	return ret;
}

/**
 * perfring_hold_release - end the record that the event's ring holds
 * @event: event
 * @commit: or discard
 *
 * Context: task.
 * Return: enum perfring_release_result; -ENOENT when none is held.
 */
int perfring_hold_release(struct perfring_event *event, bool commit)
{
	struct perfring_device *device = event->device;
	struct perfring_hold_call call = { .event = event, .commit = commit };
	struct perfring_ring *ring;
	int ret = -ENOENT;

	cpus_read_lock();
	mutex_lock(&device->mmap_mutex);
	ring = perfring_event_ring(event);
	if (ring && ring->hold) {
		call.hold = ring->hold;
		ring->hold = NULL;
		ret = smp_call_on_cpu(device->cpu, perfring_hold_end, &call, false);
		/* A CPU that is offline has no writer. */
		if (ret == -ENXIO)
			ret = perfring_hold_end(&call);
	}
	mutex_unlock(&device->mmap_mutex);
	cpus_read_unlock();
	kfree(call.hold);
	return ret;
}
