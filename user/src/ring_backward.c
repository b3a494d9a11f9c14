// SPDX-License-Identifier: MIT
/*
 * Snapshots of rings whose writer does not wait for the reader, or runs
 * backward.
 *
 * The data is copied, so that the writer is stopped only for the copy and no
 * record changes under its reader.  ring->tail is the head of the last
 * snapshot.
 *
 * A writer that came in before the pause may still be storing; it has reserved
 * its room, but not published it.  Over memory its private head tells.  Over a
 * kernel's ring the head is looked at again after the copy, when that writer has
 * ended and published: it runs in an RCU read section, and membarrier(2) waits
 * for those, some ten milliseconds.
 */
#include "internal.h"

#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* clang instruments atomics even where told not to sanitize, gcc does not. */
#ifdef __has_attribute
#if __has_attribute(disable_sanitizer_instrumentation)
#define SNAPSHOT_RACES	__attribute__((noinline, disable_sanitizer_instrumentation))
#endif
#endif
#ifndef SNAPSHOT_RACES
#define SNAPSHOT_RACES	__attribute__((noinline, no_sanitize("thread")))
#endif

/*
 * Word by word, because the writer may be storing there.  What it may have
 * stored meanwhile is thrown away afterwards; the thread sanitizer cannot know.
 * Acquire, so that the head is loaded after all of them and tells which.
 */
SNAPSHOT_RACES
static void snapshot_copy(unsigned char *to, const unsigned char *from, uint64_t bytes)
{
	perfring_word *out = (perfring_word *)(void *)to;
	const perfring_word *in = (const perfring_word *)(const void *)from;

	for (uint64_t i = 0; i < bytes / sizeof(*in); i++)
		out[i] = __atomic_load_n(&in[i], __ATOMIC_ACQUIRE);
}

/* How far the writers had reserved that stored during the copy. */
static uint64_t snapshot_reserved(const struct perfring_ring *ring, bool paused)
{
	if (ring->storage->flags & PERFRING_STORAGE_WRITABLE)
		return perfring_ring_extend(ring, perfring_local_read(&ring->storage->core.head));
	/*
	 * While nobody may come in, waiting costs only time; beside running writers
	 * it would cost the snapshot.  Where the call is missing or refused (a CPU
	 * without ticks) a writer of just that moment goes unnoticed.
	 */
	if (paused)
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	return perfring_load_head(ring);
}

static void snapshot_set(struct perfring_ring *ring, struct perfring_batch *batch, uint64_t head,
			 uint64_t reserved)
{
	bool backward = ring->storage->flags & PERFRING_STORAGE_BACKWARD;
	uint64_t since = backward ? ring->tail - head : head - ring->tail;
	uint64_t over = backward ? head - reserved : reserved - head;
	uint64_t size = ring->data_size;
	uint64_t whole = over < size ? size - over : 0;
	uint64_t lap = since < size ? since : size;

	if (backward) {
		/* Newest first; the oldest ones are what has been overwritten. */
		uint64_t length = lap < whole ? lap : whole;

		perfring_batch_set(batch, ring, head, head + length);
		batch->torn = lap - length;
	} else if (since > whole) {
		/* The oldest is gone, and with it where the next one begins. */
		perfring_batch_set(batch, ring, head, head);
		batch->torn = lap;
	} else {
		perfring_batch_set(batch, ring, ring->tail, head);
	}
	batch->snapshot = 1;
	perfring_batch_stretch(batch, batch->start);
}

/*
 * A copy goes on behind its end with what is at its start, far enough that each
 * record lies in one piece.
 */
static int snapshot_room(struct perfring_ring *ring)
{
	uint64_t behind = PERFRING_RECORD_MAX + 8;

	if (behind > ring->data_size || ring->bpf)
		behind = ring->data_size;
	ring->copy_size = ring->data_size + behind;
	ring->copy = aligned_alloc(PERFRING_CACHELINE, ring->copy_size);
	return ring->copy ? 0 : -ENOMEM;
}

int perfring_ring_snapshot(struct perfring_ring *ring, unsigned int flags,
			   struct perfring_batch *batch)
{
	struct perfring_storage *storage = ring->storage;
	uint64_t head, first, reserved = 0;
	bool pause, paused;

	perfring_batch_empty(batch, ring->tail);
	if (flags & ~PERFRING_SNAPSHOT_NO_PAUSE)
		return perfring_batch_fail(batch, -EINVAL, ring->tail, 0, "unknown flag");
	if (ring->forward)
		return perfring_batch_fail(batch, -EOPNOTSUPP, ring->tail, 0,
					   "the ring is read by batches");
	if (perfring_ring_busy(ring))
		return perfring_batch_fail(batch, -EBUSY, ring->tail, 0, "a batch is open");
	if (!ring->copy && snapshot_room(ring))
		return perfring_batch_fail(batch, -ENOMEM, ring->tail, 0, "no memory for a copy");

	/* Paused by the caller: it stays so. */
	paused = perfring_once_load(storage->paused);
	pause = !paused && !(flags & PERFRING_SNAPSHOT_NO_PAUSE) &&
		storage->flags & PERFRING_STORAGE_PAUSABLE && !perfring_storage_pause(storage);
	head = perfring_load_head(ring);
	/* In the order of positions: a header of BPF says something of what follows it, once. */
	first = ring->bpf ? head & (ring->data_size - 8) : 0;
	snapshot_copy(ring->copy + first, ring->data + first, ring->data_size - first);
	snapshot_copy(ring->copy, ring->data, first);
	if (!ring->bpf)
		reserved = snapshot_reserved(ring, pause || paused);
	if (pause)
		perfring_storage_resume(storage);
	memcpy(ring->copy + ring->data_size, ring->copy, ring->copy_size - ring->data_size);

	if ((head | ring->tail) & 7)
		return perfring_batch_fail(batch, -EBADMSG, head, 0,
					   "data_head or data_tail is not a multiple of 8");
	if (ring->bpf)
		return perfring_bpf_snapshot(ring, batch, head);
	snapshot_set(ring, batch, head, reserved);
	return 0;
}
