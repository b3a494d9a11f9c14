// SPDX-License-Identifier: MIT
/* A scenario's ring in a file that nobody else has, written by the kernel's protocol. */
#include "torture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core.h"

#define MEMORY_LOST_SIZE	24U
#define MEMORY_ID		33U	/* no number of records that a scenario loses */

struct memory {
	struct perfring_core core;
	struct perfring_handle held;
	size_t page_size;
	int wake_fd;			/* the other end of wait_fd; -1: hung up */
};

static void memory_close(struct torture_ring *ring)
{
	struct memory *memory = ring->own;

	if (!memory)
		return;
	if (memory->core.page)
		munmap(memory->core.page, ring->map_bytes);
	if (ring->map_fd >= 0)
		close(ring->map_fd);
	if (ring->wait_fd >= 0)
		close(ring->wait_fd);
	if (memory->wake_fd >= 0)
		close(memory->wake_fd);
	free(memory);
	ring->own = NULL;
}

static int memory_map(struct torture_ring *ring, const struct torture_shape *shape)
{
	struct memory *memory = ring->own;
	void *map;

	ring->map_fd = memfd_create("perfring-torture", MFD_CLOEXEC);
	if (ring->map_fd < 0 || ftruncate(ring->map_fd, (off_t)ring->map_bytes))
		return -errno;
	map = mmap(NULL, ring->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->map_fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	ring->control = map;
	if (!shape->old) {
		ring->control->data_offset = memory->page_size;
		ring->control->data_size = ring->size;
	}
	memory->core.page = map;
	memory->core.data = (unsigned char *)map + memory->page_size;
	ring->data = memory->core.data;
	memory->core.mask = ring->size - 1;
	memory->core.watermark = LONG_MAX;
	memory->core.overwrite = shape->backward;
	memory->core.backward = shape->backward;
	perfring_core_position(&memory->core, (unsigned long)shape->position);
	return 0;
}

static int memory_open(struct torture_ring *ring, const struct torture_shape *shape)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct memory *memory;
	int ends[2];

	if (!torture_position_here(shape))
		return -EOPNOTSUPP;
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	ring->own = memory;
	ring->map_fd = -1;
	ring->wait_fd = -1;
	memory->wake_fd = -1;
	memory->page_size = shape->page_size ? shape->page_size : page;
	ring->size = memory->page_size;
	while (ring->size < shape->bytes)
		ring->size *= 2;
	ring->map_bytes = memory->page_size + ring->size;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	ring->wait_fd = ends[0];
	memory->wake_fd = ends[1];
	return memory_map(ring, shape);
}

static int memory_wake(struct torture_ring *ring)
{
	const struct memory *memory = ring->own;

	/* A pipe that is full has woken already. */
	return write(memory->wake_fd, "", 1) < 0 && errno != EAGAIN ? -errno : 0;
}

static int memory_hangup(struct torture_ring *ring)
{
	struct memory *memory = ring->own;

	close(memory->wake_fd);
	memory->wake_fd = -1;
	return 0;
}

/* The record in a reservation, preceded by a LOST record where one is due. */
static void memory_fill(struct memory *memory, struct perfring_handle *handle,
			struct perf_event_header header, const void *payload, uint32_t len)
{
	struct {
		struct perf_event_header header;
		uint64_t id;
		uint64_t lost;
	} lost = {
		.header = { .type = PERF_RECORD_LOST, .size = sizeof(lost) }, .id = MEMORY_ID,
	};
	static const unsigned char zeroes[8];
	uint32_t raw = header.size - 12, before = 8;

	if (handle->report_lost) {
		lost.lost = handle->lost;
		perfring_core_copy(&memory->core, handle, &lost, sizeof(lost));
	}
	perfring_core_copy(&memory->core, handle, &header, sizeof(header));
	if (header.type == PERF_RECORD_SAMPLE) {
		perfring_core_copy(&memory->core, handle, &raw, sizeof(raw));
		before += 4;
	}
	perfring_core_copy(&memory->core, handle, payload, len);
	perfring_core_copy(&memory->core, handle, zeroes, header.size - before - len);
}

static int memory_begin(struct memory *memory, struct perfring_handle *handle, uint32_t type,
			uint16_t misc, const void *payload, uint32_t len)
{
	struct perf_event_header header = {
		.type = type, .misc = misc,
		.size = (uint16_t)(type == PERF_RECORD_SAMPLE ? torture_sample_size(len) :
								8 + ((len + 7) & ~7U)),
	};
	int err = perfring_core_begin(&memory->core, handle, header.size, MEMORY_LOST_SIZE, true);

	if (!err)
		memory_fill(memory, handle, header, payload, len);
	return err;
}

static int memory_write(struct torture_ring *ring, uint32_t type, uint16_t misc,
			const void *payload, uint32_t len, bool wake)
{
	struct memory *memory = ring->own;
	struct perfring_handle handle;
	int err = memory_begin(memory, &handle, type, misc, payload, len);

	if (err)
		return err;
	perfring_core_end(&memory->core, &handle);
	return wake ? memory_wake(ring) : 0;
}

static int memory_hold(struct torture_ring *ring, const void *payload, uint32_t len)
{
	struct memory *memory = ring->own;

	return memory_begin(memory, &memory->held, PERF_RECORD_SAMPLE, 0, payload, len);
}

static int memory_discard(struct torture_ring *ring)
{
	struct memory *memory = ring->own;

	perfring_core_discard(&memory->core, &memory->held);
	perfring_core_end(&memory->core, &memory->held);
	return 0;
}

static int memory_inject(struct torture_ring *ring, const void *bytes, uint32_t len, uint64_t move)
{
	struct memory *memory = ring->own;
	struct perfring_handle handle;
	int err = perfring_core_begin(&memory->core, &handle, (unsigned long)move, 0, true);

	if (err)
		return err;
	perfring_core_copy(&memory->core, &handle, bytes, len);
	perfring_core_end(&memory->core, &handle);
	return memory_wake(ring);
}

static int memory_inject_head(struct torture_ring *ring, uint64_t head)
{
	ring->control->data_head = head;
	return memory_wake(ring);
}

const struct torture_backend torture_memory = {
	.name = "memory",
	.open = memory_open,
	.close = memory_close,
	.write = memory_write,
	.hold = memory_hold,
	.discard = memory_discard,
	.inject = memory_inject,
	.inject_head = memory_inject_head,
	.wake = memory_wake,
	.hangup = memory_hangup,
};
