// SPDX-License-Identifier: MIT
/* A scenario's ring in /dev/perfring0, written by its ioctls. */
#include "torture.h"

#include <errno.h>
#include <linux/perfring.h>
#include <perfring/perfring.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICE_PATH	"/dev/perfring0"

static int device_ioctl(const struct torture_ring *ring, unsigned long request, void *arg)
{
	return ioctl(ring->map_fd, request, arg) ? -errno : 0;
}

static void device_close(struct torture_ring *ring)
{
	perfring_storage_close(ring->own);
	ring->own = NULL;
}

static int device_open(struct torture_ring *ring, const struct torture_shape *shape)
{
	/* Wakeups by request alone. */
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW, .sample_period = 1, .watermark = 1,
		.wakeup_watermark = UINT32_MAX, .write_backward = shape->backward,
		.disabled = 1,	/* so that it can be placed */
	};
	struct perfring_device_opts opts = {
		.size = sizeof(opts), .pages = perfring_pages_for_bytes(shape->bytes),
		.overwrite = shape->backward, .mirror = PERFRING_MIRROR_OFF,
	};
	struct perfring_position position = {
		.size = sizeof(position), .position = shape->position,
	};
	struct perfring_storage *storage = NULL;
	int err;

	if (shape->old || shape->page_size)
		return -EOPNOTSUPP;
	err = perfring_storage_open_device(DEVICE_PATH, &attr, &opts, &storage);
	if (err)
		return err;
	ring->own = storage;
	ring->control = perfring_storage_control(storage);
	ring->size = perfring_storage_data_size(storage);
	ring->map_bytes = perfring_storage_page_size(storage) + ring->size;
	ring->map_fd = perfring_storage_fd(storage);
	ring->wait_fd = ring->map_fd;
	if (!torture_position_here(shape))
		err = -EOPNOTSUPP;
	else if (shape->position)
		err = device_ioctl(ring, PERFRING_IOC_SET_POSITION, &position);
	return err ? err : perfring_storage_enable(storage);
}

static int device_write(struct torture_ring *ring, uint32_t type, uint16_t misc,
			const void *payload, uint32_t len, bool wake)
{
	struct perfring_emit_record record = {
		.type = type, .misc = misc, .len = len, .data = (uintptr_t)payload,
	};
	struct perfring_emit emit = {
		.size = sizeof(emit), .records = (uintptr_t)&record, .nr = 1,
		.flags = wake ? PERFRING_EMIT_FORCE_WAKEUP : PERFRING_EMIT_NO_WAKEUP,
	};
	int err = device_ioctl(ring, PERFRING_IOC_EMIT, &emit);

	if (err)
		return err;
	return emit.written ? 0 : -ENOSPC;
}

static int device_hold(struct torture_ring *ring, const void *payload, uint32_t len)
{
	struct perfring_reserve reserve = {
		.size = sizeof(reserve), .flags = PERFRING_EMIT_NO_WAKEUP,
		.type = PERF_RECORD_SAMPLE, .data = (uintptr_t)payload, .len = len,
	};

	return device_ioctl(ring, PERFRING_IOC_RESERVE, &reserve);
}

static int device_discard(struct torture_ring *ring)
{
	struct perfring_release release = { .size = sizeof(release) };

	return device_ioctl(ring, PERFRING_IOC_DISCARD, &release);
}

static int device_inject_any(struct torture_ring *ring, struct perfring_inject *inject)
{
	int err = device_ioctl(ring, PERFRING_IOC_INJECT, inject);

	return err == -EPERM ? -EOPNOTSUPP : err;
}

static int device_inject(struct torture_ring *ring, const void *bytes, uint32_t len, uint64_t move)
{
	struct perfring_inject inject = {
		.size = sizeof(inject), .kind = PERFRING_INJECT_BYTES, .len = len,
		.data = (uintptr_t)bytes, .value = move,
	};

	return device_inject_any(ring, &inject);
}

static int device_inject_head(struct torture_ring *ring, uint64_t head)
{
	struct perfring_inject inject = {
		.size = sizeof(inject), .kind = PERFRING_INJECT_DATA_HEAD, .value = head,
	};

	return device_inject_any(ring, &inject);
}

/* A descriptor whose ring is mapped does not hang up. */
static int device_hangup(struct torture_ring *ring)
{
	(void)ring;
	return -EOPNOTSUPP;
}

const struct torture_backend torture_device = {
	.name = "device",
	.open = device_open,
	.close = device_close,
	.write = device_write,
	.hold = device_hold,
	.discard = device_discard,
	.inject = device_inject,
	.inject_head = device_inject_head,
	.hangup = device_hangup,
};
