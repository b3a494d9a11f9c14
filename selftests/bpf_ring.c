// SPDX-License-Identifier: GPL-2.0
#define FIXTURES_NO_HARNESS	/* it defines functions, once a program */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "bpf_ring.h"

#define RB_OVERWRITE	(1U << 19)	/* BPF_F_RB_OVERWRITE, Linux 6.19 */

static size_t ring_size;
static bool ring_overwrites;

static void ring_resize(struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		if (bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF) {
			bpf_map__set_max_entries(map, (uint32_t)ring_size);
			if (ring_overwrites)
				bpf_map__set_map_flags(map, RB_OVERWRITE);
		}
}

static int kernel_open(struct bpf_ring *r, const char **missing)
{
	int err;

	ring_size = r->size;
	err = bpf_writer_load_with(&r->bpf, "ringbuf.bpf.o", "first", sizeof(*r->request),
				   ring_resize, missing);
	if (err)
		return err;
	r->request = r->bpf.request;
	r->second = bpf_program__fd(bpf_object__find_program_by_name(r->bpf.object,
								     "output_second"));
	*missing = "a BPF ring buffer";
	return perfring_storage_open_bpf_ringbuf(r->bpf.events, NULL, &r->storage);
}

/* The data twice in a row, nothing before and nothing behind. */
static int memory_open(struct bpf_ring *r, uint64_t position)
{
	const struct perfring_bpf_opts opts = { .size = sizeof(opts),
						.overwrite = ring_overwrites };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t once = 2 * page + r->size;
	unsigned char *map;

	r->guard = page;
	r->bytes = once + r->size;
	map = mmap(NULL, r->bytes + 2 * page, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	r->memory = map + page;
	if (mprotect(r->memory, once, PROT_READ | PROT_WRITE) ||
	    mremap(r->memory + 2 * page, 0, r->size, MREMAP_MAYMOVE | MREMAP_FIXED,
		   r->memory + once) == MAP_FAILED)
		return -errno;
	r->consumer = (uint64_t *)(void *)r->memory;
	r->producer = (uint64_t *)(void *)(r->memory + page);
	r->data = r->memory + 2 * page;
	*r->consumer = position;
	*r->producer = position;
	if (ring_overwrites) {
		r->oldest = r->producer + 2;
		*r->oldest = position;
	}
	return perfring_storage_from_bpf_memory(r->memory, r->bytes, &opts, &r->storage);
}

int bpf_ring_open(struct bpf_ring *r, bool kernel, size_t size, uint64_t position)
{
	const char *missing;

	memset(r, 0, sizeof(*r));
	r->kernel = kernel;
	r->size = size;
	return kernel ? kernel_open(r, &missing) : memory_open(r, position);
}

int bpf_ring_start(struct bpf_ring *r, bool kernel, size_t size, uint64_t position)
{
	int err = bpf_ring_open(r, kernel, size, position);

	return err ? err : perfring_ring_open(r->storage, NULL, &r->ring);
}

int bpf_ring_start_overwriting(struct bpf_ring *r, bool kernel, size_t size, uint64_t position)
{
	int err;

	ring_overwrites = true;
	err = bpf_ring_start(r, kernel, size, position);
	ring_overwrites = false;
	return err;
}

void bpf_ring_close(struct bpf_ring *r)
{
	perfring_ring_close(r->ring);
	perfring_storage_close(r->storage);
	bpf_writer_unload(&r->bpf);
	if (r->memory)
		munmap(r->memory - r->guard, r->bytes + 2 * r->guard);
	memset(r, 0, sizeof(*r));
}

bool bpf_ring_available(bool kernel, char *why, size_t len)
{
	struct bpf_ring r = { .kernel = kernel, .size = (size_t)sysconf(_SC_PAGESIZE) };
	const char *missing = NULL;
	int err;

	if (!kernel)
		return true;
	err = kernel_open(&r, &missing);
	bpf_ring_close(&r);
	if (err)
		snprintf(why, len, "%s: %s%s", missing, strerror(-err),
			 err == -EPERM ? ": no permission (CAP_BPF and CAP_PERFMON)" : "");
	return !err;
}

/* As __bpf_ringbuf_reserve(): never quite full, BUSY before the position is stored. */
uint64_t bpf_ring_reserve(struct bpf_ring *r, size_t len)
{
	/* Longs, as there. */
	unsigned long consumer = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
	unsigned long position = *r->producer;
	unsigned long next = position + bpf_record(len);
	uint32_t *header = (void *)(r->data + (position & (r->size - 1)));

	if (r->oldest) {
		uint64_t oldest = *r->oldest;

		while (next - oldest > r->size - 1) {
			const uint32_t *old = (void *)(r->data + (oldest & (r->size - 1)));

			/* Somebody is still writing there. */
			if (*old & PERFRING_BPF_BUSY)
				return UINT64_MAX;
			oldest += bpf_record(*old & ~PERFRING_BPF_DISCARD);
		}
		__atomic_store_n(r->oldest, oldest, __ATOMIC_SEQ_CST);
	} else if (next - consumer > r->size - 1) {
		return UINT64_MAX;
	}
	__atomic_store_n(&header[0], (uint32_t)len | PERFRING_BPF_BUSY, __ATOMIC_RELAXED);
	header[1] = (uint32_t)((position & (r->size - 1)) >> 12) + 3;
	__atomic_store_n(r->producer, next, __ATOMIC_RELEASE);
	return position;
}

unsigned char *bpf_ring_payload(const struct bpf_ring *r, uint64_t position)
{
	return r->data + (position & (r->size - 1)) + 8;
}

void bpf_ring_commit(struct bpf_ring *r, uint64_t position, bool discard)
{
	uint32_t *header = (void *)(r->data + (position & (r->size - 1)));
	uint32_t len = header[0] & ~PERFRING_BPF_BUSY;

	__atomic_exchange_n(header, len | (discard ? PERFRING_BPF_DISCARD : 0), __ATOMIC_SEQ_CST);
}

int bpf_ring_put(struct bpf_ring *r, enum bpf_ring_op op, const void *payload, size_t len,
		 uint32_t flags)
{
	uint64_t position;
	int err;

	if (!r->kernel) {
		position = bpf_ring_reserve(r, len);
		if (position == UINT64_MAX)
			return -ENOSPC;
		if (len)
			memcpy(bpf_ring_payload(r, position), payload, len);
		bpf_ring_commit(r, position, op == DISCARD);
		return 0;
	}
	if (len)
		memcpy(r->request->payload, payload, len);
	r->request->nr = 1;
	r->request->done = 0;
	r->request->item[0].op = op;
	r->request->item[0].offset = 0;
	r->request->item[0].len = (uint32_t)len;
	r->request->item[0].flags = flags;
	err = bpf_writer_run(&r->bpf, 0);
	return err ? err : r->request->done ? 0 : -ENOSPC;
}
