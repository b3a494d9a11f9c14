// SPDX-License-Identifier: GPL-2.0
/*
 * PERFRING_IOC_INJECT: what a kernel never writes.
 */
#include <linux/capability.h>
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "perfring.h"

struct perfring_inject_call {
	struct perfring_event *event;
	struct perfring_ring *ring;
	struct perfring_inject *inject;
	const void *data;
	int ret;
};

/* Runs on the ring's CPU, as one more writer, without a count and a LOST record. */
static void perfring_inject_bytes(struct perfring_inject_call *call)
{
	struct perfring_core *core = &call->ring->core;
	unsigned long size = call->inject->value, len = call->inject->len;
	struct perfring_handle handle;

	/* Backward, what goes beyond @value would fall on the record of before. */
	if (core->backward)
		len = min(len, size);
	perfring_core_enter(core, &handle);
	/* What is written beyond the head must not fall on what waits for the reader. */
	if (perfring_core_reserve(core, &handle, size, max(size, len))) {
		perfring_core_copy(core, &handle, call->data, len);
		perfring_core_force(core, &handle);
	} else {
		call->ret = -ENOSPC;
	}
	if (perfring_core_leave(core, &handle))
		perfring_wakeup_due(call->event, call->ring);
}

static void perfring_inject_run(void *arg)
{
	struct perfring_inject_call *call = arg;
	struct perf_event_mmap_page *page = call->ring->core.page;
	u64 *field, old;

	switch (call->inject->kind) {
	case PERFRING_INJECT_BYTES:
		perfring_inject_bytes(call);
		return;
	case PERFRING_INJECT_DATA_HEAD:
		field = (u64 *)&page->data_head;
		break;
	case PERFRING_INJECT_DATA_SIZE:
		field = (u64 *)&page->data_size;
		break;
	case PERFRING_INJECT_DATA_OFFSET:
		field = (u64 *)&page->data_offset;
		break;
	default:
		call->ret = -EINVAL;
		return;
	}
	old = READ_ONCE(*field);
	WRITE_ONCE(*field, call->inject->value);
	call->inject->value = old;
	perfring_wakeup_due(call->event, call->ring);
}

/**
 * perfring_inject - PERFRING_IOC_INJECT
 * @event: event
 * @inject: request; value is updated
 *
 * Context: task.
 * Return: 0 or -errno.
 */
int perfring_inject(struct perfring_event *event, struct perfring_inject *inject)
{
	struct perfring_inject_call call = { .event = event, .inject = inject };
	bool bytes = inject->kind == PERFRING_INJECT_BYTES;
	unsigned long data_size;
	void *data = NULL;

	if (!perfring_allow_inject || !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (bytes ? inject->len > PERFRING_INJECT_MAX || inject->value & 7
		  : inject->len || inject->data)
		return -EINVAL;
	if (bytes) {
		data = vmemdup_user(u64_to_user_ptr(inject->data), inject->len);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	call.data = data;

	cpus_read_lock();
	mutex_lock(&event->device->mmap_mutex);
	call.ring = perfring_event_ring(event);
	data_size = call.ring ? call.ring->nr_pages << PAGE_SHIFT : 0;
	if (!data_size || (bytes && (inject->value > data_size || inject->len > data_size)))
		call.ret = -EINVAL;
	else
		perfring_on_cpu(event->device->cpu, perfring_inject_run, &call);
	mutex_unlock(&event->device->mmap_mutex);
	cpus_read_unlock();
	kvfree(data);
	return call.ret;
}
