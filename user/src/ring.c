// SPDX-License-Identifier: MIT
/*
 * Ring: open, batches, peek and pop.
 *
 *	writer (core.h)				reader (this file)
 *
 *	load data_tail				load data_head
 *	   (A) acquire				   (C) acquire
 *	store record				load record
 *	   (B) release				   (D) release
 *	store data_head				store data_tail
 *
 * C pairs with B in perfring_core_leave(), or in perf_output_put_handle() of the kernel: without
 * it the reader may load bytes of the lap before.  D pairs with A in
 * perfring_core_begin(): without it the writer may overwrite a record that is still being read.
 * A BPF ring buffer has the same four, and three more: ring_bpf.c.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t ring_nothing;

uint64_t perfring_load_head(const struct perfring_ring *ring)
{
	/* C, pairs with B: no byte of a record is loaded before the head that covers it. */
	return perfring_ring_extend(ring, __atomic_load_n(ring->head_at, __ATOMIC_ACQUIRE));
}

/* Everything before @tail is read and done with. */
void perfring_release(struct perfring_ring *ring, uint64_t tail)
{
	if (ring->tail == tail)
		return;
	ring->tail = tail;
	/* D, pairs with A: no load of a record is left when its room is given back. */
	if (!ring->keep)
		__atomic_store_n(ring->tail_at, tail, __ATOMIC_RELEASE);
}

int perfring_ring_open(struct perfring_storage *storage, const struct perfring_ring_opts *opts,
		       struct perfring_ring **out)
{
	struct perfring_ring_opts own;
	struct perfring_ring *ring;
	int err;

	err = perfring_opts_take(&own, sizeof(own), opts);
	if (err)
		return err;
	if (own.flags & ~PERFRING_RING_KEEP || own.padding)
		return -EINVAL;
	if (!storage->data)
		return -ENODEV;
	if (storage->in_use)
		return -EBUSY;

	ring = aligned_alloc(PERFRING_CACHELINE, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	memset(ring, 0, sizeof(*ring));
	ring->storage = storage;
	ring->bpf = storage->kind == STORAGE_BPF;
	ring->head_at = ring->bpf ? storage->producer : &storage->control->data_head;
	ring->tail_at = ring->bpf ? storage->consumer : &storage->control->data_tail;
	ring->data = storage->data;
	ring->data_size = storage->data_size;
	ring->reach = storage->data_size;
	if (storage->flags & PERFRING_STORAGE_MIRRORED)
		ring->reach *= 2;
	ring->keep = own.flags & PERFRING_RING_KEEP;
	ring->forward = !(storage->flags &
			  (PERFRING_STORAGE_OVERWRITE | PERFRING_STORAGE_BACKWARD));
	ring->tail = __atomic_load_n(ring->tail_at, __ATOMIC_RELAXED);
	perfring_batch_empty(&ring->one, ring->tail);
	ring->guess = PERFRING_GUESS_NONE;
	ring->stitch = malloc(PERFRING_RECORD_MAX);
	err = ring->stitch ? 0 : -ENOMEM;
	if (!err)
		err = perfring_writer_create(ring);
	if (err) {
		free(ring->stitch);
		free(ring);
		return err;
	}
	storage->in_use = true;
	*out = ring;
	return 0;
}

void perfring_ring_close(struct perfring_ring *ring)
{
	if (!ring)
		return;
	ring->storage->in_use = false;
	perfring_writer_destroy(ring);
	free(ring->copy);
	free(ring->stitch);
	free(ring);
}

struct perfring_storage *perfring_ring_storage(const struct perfring_ring *ring)
{
	return ring->storage;
}

/* A batch that is not open: next says 0, commit does nothing. */
void perfring_batch_empty(struct perfring_batch *batch, uint64_t position)
{
	memset(batch, 0, sizeof(*batch));
	batch->end = (const unsigned char *)&ring_nothing;
	batch->end_position = position;
	batch->stop = position;
	batch->limit = position;
	batch->start = position;
	batch->guess = PERFRING_GUESS_NONE;
}

/* End a batch here for good, by an error of the bytes or of the caller. */
int perfring_batch_fail(struct perfring_batch *batch, int code, uint64_t position,
			uint32_t size, const char *reason)
{
	batch->end = (const unsigned char *)&ring_nothing;
	batch->at = 0;
	batch->end_position = position;
	batch->stop = position;
	batch->error.code = code;
	batch->error.size = size;
	batch->error.position = position;
	batch->error.offset = 0;
	batch->error.reason = reason;
	return code;
}

/* Bytes that lie in one piece of memory from @offset on. */
static uint64_t batch_piece(const struct perfring_batch *batch, uint64_t offset)
{
	return (batch->snapshot ? batch->ring->copy_size : batch->ring->reach) - offset;
}

/* From @position on as far as the batch goes in one piece of memory. */
void perfring_batch_stretch(struct perfring_batch *batch, uint64_t position)
{
	const struct perfring_ring *ring = batch->ring;
	const unsigned char *base = batch->snapshot ? ring->copy : ring->data;
	uint64_t offset = position & (ring->data_size - 1);
	uint64_t length = batch_piece(batch, offset);
	uint64_t budget = batch->limit - batch->start;
	uint64_t done = position - batch->start;

	if (done >= budget)
		length = 0;
	else if (length > budget - done)
		length = budget - done;
	/* Of an empty ring the position may be any; what is loaded at the end is aligned. */
	batch->end = length ? base + offset + length : (const unsigned char *)&ring_nothing;
	batch->at = -(ptrdiff_t)length;
	batch->end_position = position + length;
}

void perfring_batch_set(struct perfring_batch *batch, struct perfring_ring *ring,
			uint64_t start, uint64_t stop)
{
	batch->ring = ring;
	batch->start = start;
	batch->stop = stop;
	batch->limit = stop;
	batch->guess = ring->guess;
	batch->alike = ring->alike;
	batch->last = ring->last;
	batch->bpf = ring->bpf;
	ring->busy = true;
}

/* Is a batch open?  That of peek and pop does not count while no record is peeked. */
bool perfring_ring_busy(struct perfring_ring *ring)
{
	if (ring->one.ring && !ring->peeked)
		perfring_batch_cancel(&ring->one);
	return ring->busy;
}

int perfring_batch_begin_budget(struct perfring_ring *ring, struct perfring_batch *batch,
				size_t bytes)
{
	uint64_t head, waiting;

	perfring_batch_empty(batch, ring->tail);
	if (!ring->forward)
		return perfring_batch_fail(batch, -EOPNOTSUPP, ring->tail, 0,
					   "the ring overwrites or runs backward");
	if (perfring_ring_busy(ring))
		return perfring_batch_fail(batch, -EBUSY, ring->tail, 0, "a batch is open");

	head = ring->bpf ? perfring_bpf_head(ring) : perfring_load_head(ring);
	waiting = head - ring->tail;
	if (waiting > ring->data_size)
		return perfring_batch_fail(batch, -EBADMSG, ring->tail, 0,
					   "data_head is more than the ring's size beyond data_tail");
	if (waiting && ((waiting | head) & 7))
		return perfring_batch_fail(batch, -EBADMSG, ring->tail, 0,
					   "data_head or data_tail is not a multiple of 8");
	perfring_batch_set(batch, ring, ring->tail, ring->tail + waiting);
	if (bytes && bytes < waiting)
		batch->limit = batch->start + ((bytes + 7) & ~(uint64_t)7);
	perfring_batch_stretch(batch, batch->start);
	return 0;
}

int perfring_batch_begin(struct perfring_ring *ring, struct perfring_batch *batch)
{
	return perfring_batch_begin_budget(ring, batch, 0);
}

/* The end of a batch that is all right. */
int perfring_batch_finish(struct perfring_batch *batch, uint64_t position)
{
	batch->end = (const unsigned char *)&ring_nothing;
	batch->at = 0;
	batch->end_position = position;
	batch->stop = position;
	return 0;
}

/* Copy a record that begins @first bytes before the end of the data. */
static const void *batch_stitch(struct perfring_batch *batch, const unsigned char *base,
				uint64_t offset, uint64_t first, uint16_t size)
{
	unsigned char *stitch = batch->ring->stitch;

	memcpy(stitch, base + offset, first);
	memcpy(stitch + first, base, size - first);
	batch->stitched = 1;
	return stitch;
}

int perfring_batch_more(struct perfring_batch *batch, struct perfring_record *record)
{
	uint64_t position = batch->end_position + (uint64_t)(int64_t)batch->at;
	const struct perfring_ring *ring = batch->ring;
	const unsigned char *base;
	struct perf_event_header header;
	uint64_t offset, left, first;
	perfring_word word;

	if (batch->error.code)
		return batch->error.code;
	if (!ring || position == batch->stop ||
	    position - batch->start >= batch->limit - batch->start)
		return perfring_batch_finish(batch, position);

	if (ring->bpf)
		return perfring_bpf_more(batch, record, position);

	base = batch->snapshot ? ring->copy : ring->data;
	offset = position & (ring->data_size - 1);
	first = batch_piece(batch, offset);
	left = batch->stop - position;

	/* Once, into a local: what is checked below is what is used. */
	word = __atomic_load_n((const perfring_word *)(const void *)(base + offset),
			       __ATOMIC_RELAXED);
	memcpy(&header, &word, sizeof(header));

	if (batch->snapshot && (!word || header.size > left)) {
		/* Its end is overwritten already, or nothing was ever written there. */
		batch->torn += left;
		return perfring_batch_finish(batch, position);
	}
	if (header.size < sizeof(header))
		return perfring_batch_fail(batch, -EBADMSG, position, header.size,
					   "header.size is less than 8");
	if (header.size & 7)
		return perfring_batch_fail(batch, -EBADMSG, position, header.size,
					   "header.size is not a multiple of 8");
	if (header.size > left)
		return perfring_batch_fail(batch, -EBADMSG, position, header.size,
					   "header.size reaches beyond data_head");
	if (header.size <= first) {
		record->data = base + offset;
	} else if (batch->stitched) {
		/* Cannot be, as a batch is one lap at most; memory handed out must not change. */
		return perfring_batch_fail(batch, -EBADMSG, position, header.size,
					   "a second record across the end of the data");
	} else {
		record->data = batch_stitch(batch, base, offset, first, header.size);
		/* The copy may have caught another header; the checked one counts. */
		memcpy(ring->stitch, &header, sizeof(header));
	}
	record->position = position;
	record->type = header.type;
	record->misc = header.misc;
	record->size = header.size;
	perfring_batch_stretch(batch, position + header.size);
	return 1;
}

/* Close it but keep what perfring_batch_error() and perfring_batch_torn() say. */
static void batch_close(struct perfring_batch *batch, uint64_t position)
{
	/* What the next batch holds is likely to be of the same sizes. */
	batch->ring->guess = batch->guess;
	batch->ring->alike = batch->alike;
	batch->ring->last = batch->last;
	batch->ring->busy = false;
	batch->ring = NULL;
	perfring_batch_finish(batch, position);
}

void perfring_batch_commit(struct perfring_batch *batch)
{
	struct perfring_ring *ring = batch->ring;
	uint64_t position, head;

	if (!ring)
		return;
	position = batch->end_position + (uint64_t)(int64_t)batch->at;
	if (!batch->snapshot) {
		perfring_release(ring, position);
	} else {
		/* The head that the snapshot was taken at, see ring_backward.c. */
		head = batch->limit;
		if (ring->storage->flags & PERFRING_STORAGE_BACKWARD)
			head = batch->start;
		/* A BPF ring buffer wakes for the record at the tail, also where it overwrites. */
		if (ring->storage->flags & PERFRING_STORAGE_OVERWRITE && !ring->bpf)
			ring->tail = head;
		else
			perfring_release(ring, head);
	}
	batch_close(batch, position);
}

void perfring_batch_cancel(struct perfring_batch *batch)
{
	if (batch->ring)
		batch_close(batch, batch->start);
}

int perfring_batch_error(const struct perfring_batch *batch, struct perfring_error *error)
{
	*error = batch->error;
	return error->code;
}

uint64_t perfring_batch_torn(const struct perfring_batch *batch)
{
	return batch->torn;
}

int perfring_ring_resync(struct perfring_ring *ring)
{
	uint64_t head;

	if (perfring_ring_busy(ring))
		return -EBUSY;
	head = ring->bpf && ring->forward ? perfring_bpf_beyond(ring) : perfring_load_head(ring);
	if (ring->storage->flags & PERFRING_STORAGE_BACKWARD)
		ring->skipped += ring->tail - head;
	else
		ring->skipped += head - ring->tail;
	if (ring->storage->flags & PERFRING_STORAGE_OVERWRITE)
		ring->tail = head;
	else
		perfring_release(ring, head);
	return 0;
}

uint64_t perfring_ring_skipped(const struct perfring_ring *ring)
{
	return ring->skipped;
}

uint64_t perfring_ring_bytes_remaining(const struct perfring_ring *ring)
{
	uint64_t head = perfring_load_head(ring);
	uint64_t waiting = head - ring->tail;

	if (ring->storage->flags & PERFRING_STORAGE_BACKWARD)
		waiting = ring->tail - head;
	if (ring->storage->flags & PERFRING_STORAGE_OVERWRITE && waiting > ring->data_size)
		waiting = ring->data_size;
	return waiting;
}

/* Is there anything that a batch would begin with? */
bool perfring_ring_ready(const struct perfring_ring *ring)
{
	if (ring->bpf && ring->forward)
		return perfring_bpf_ready(ring);
	return ring->forward && perfring_ring_bytes_remaining(ring);
}

uint64_t perfring_ring_head(const struct perfring_ring *ring)
{
	return perfring_load_head(ring);
}

uint64_t perfring_ring_tail(const struct perfring_ring *ring)
{
	return ring->tail;
}
