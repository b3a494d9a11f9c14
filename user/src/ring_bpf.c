// SPDX-License-Identifier: MIT
/*
 * The records of a BPF ring buffer.
 *
 *	kernel (kernel/bpf/ringbuf.c)		reader (ring.c and this file)
 *
 *	reserve:				load producer_pos
 *	   load consumer_pos, (A) acquire	   (C) acquire
 *	   store header, BUSY			load header
 *	   (B) release, store producer_pos	   (F) acquire
 *	store payload				load payload
 *	commit:					   (D) release
 *	   (E) exchange header, not BUSY	store consumer_pos
 *	   load consumer_pos, wake if it is	   (G) full
 *	       this record's			load producer_pos, header
 *
 * A to D are those of ring.c.  C pairs with B: without it the header of the lap
 * before may be loaded, which is not BUSY.  F pairs with E: without it the payload
 * may be loaded before it is stored.  G pairs with E, which is a full barrier too: the kernel
 * wakes only for the record at consumer_pos.  Without it the kernel may load an old
 * consumer_pos while the reader loads an old header: nobody wakes, and somebody sleeps.
 */
#include "internal.h"

#ifdef __SANITIZE_THREAD__
/* The thread sanitizer refuses fences; a locked access is as good where it runs. */
static int bpf_fence_word;
#define bpf_fence()	__atomic_fetch_or(&bpf_fence_word, 0, __ATOMIC_SEQ_CST)
#else
#define bpf_fence()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

/*
 * Length and flags of the record at @position, which is a multiple of 8; @base is the data or
 * a copy of it.
 */
static uint32_t bpf_load_at(const struct perfring_ring *ring, const unsigned char *base,
			    uint64_t position)
{
	uint64_t offset = position & (ring->data_size - 1);

	/* F, pairs with E: no byte of a payload is loaded before the header that frees it. */
	return __atomic_load_n((const uint32_t *)(const void *)(base + offset), __ATOMIC_ACQUIRE);
}

static uint32_t bpf_load(const struct perfring_ring *ring, uint64_t position)
{
	return bpf_load_at(ring, ring->data, position);
}

/* The record's bytes with its header and its padding. */
static uint64_t bpf_whole(uint32_t header)
{
	uint64_t size = header & ~(PERFRING_BPF_BUSY | PERFRING_BPF_DISCARD);

	return (PERFRING_BPF_HEADER + size + 7) & ~(uint64_t)7;
}

/* Is the oldest record missing, or not complete?  What is no record at all is neither. */
static bool bpf_rests(const struct perfring_ring *ring, uint64_t head)
{
	if (head == ring->tail)
		return true;
	return !(ring->tail & 7) && bpf_load(ring, ring->tail) & PERFRING_BPF_BUSY;
}

uint64_t perfring_bpf_head(const struct perfring_ring *ring)
{
	uint64_t head = perfring_load_head(ring);

	if (!bpf_rests(ring, head))
		return head;
	/*
	 * G, pairs with E: who now sees nothing and goes to sleep has stored consumer_pos
	 * where the kernel, when it commits that record, finds it and wakes.
	 */
	bpf_fence();
	return perfring_load_head(ring);
}

bool perfring_bpf_ready(const struct perfring_ring *ring)
{
	return !bpf_rests(ring, perfring_bpf_head(ring));
}

int perfring_bpf_more(struct perfring_batch *batch, struct perfring_record *record,
		      uint64_t position)
{
	const struct perfring_ring *ring = batch->ring;
	const unsigned char *base = batch->snapshot ? ring->copy : ring->data;
	uint64_t whole, budget = batch->limit - batch->start;
	uint32_t header;

	for (; position - batch->start < budget; position += whole) {
		/* Once, into a local: what is checked below is what is used. */
		header = bpf_load_at(ring, base, position);
		if (header & PERFRING_BPF_BUSY)
			break;
		whole = bpf_whole(header);
		if (whole > batch->stop - position)
			return perfring_batch_fail(batch, -EBADMSG, position, header,
						   "the length reaches beyond the producer's position");
		if (header & PERFRING_BPF_DISCARD)
			continue;
		record->data = base + (position & (ring->data_size - 1));
		record->position = position;
		record->type = PERFRING_RECORD_BPF;
		record->size = header + PERFRING_BPF_HEADER;
		record->misc = 0;
		perfring_batch_stretch(batch, position + whole);
		return 1;
	}
	return perfring_batch_finish(batch, position);
}

/*
 * Where reading goes on after bytes that are no record: at the head, but not beyond a
 * record that is still being written, whose room must not be given back.
 */
uint64_t perfring_bpf_beyond(const struct perfring_ring *ring)
{
	uint64_t head = perfring_load_head(ring);
	uint64_t position = ring->tail, left = head - position, whole;
	uint32_t header;

	if (left > ring->data_size || (head | position) & 7)
		return head;
	for (; left; left -= whole, position += whole) {
		header = bpf_load(ring, position);
		if (header & PERFRING_BPF_BUSY)
			break;
		whole = bpf_whole(header);
		if (whole > left)
			return head;
	}
	return position;
}

/*
 * A ring that overwrites has been copied, and @head was its producer_pos before.  Its third
 * position, behind the two of the producer, is that of the oldest record: the kernel stores it
 * before the header of the record that needs the room.  So what was overwritten during the copy
 * lies before what it says afterwards.
 */
int perfring_bpf_snapshot(struct perfring_ring *ring, struct perfring_batch *batch, uint64_t head)
{
	uint64_t now = perfring_load_head(ring);
	uint64_t kept = now - __atomic_load_n(ring->head_at + 2, __ATOMIC_ACQUIRE);
	uint64_t since = head - ring->tail, written = now - head;
	uint64_t whole, length, stop;
	uint32_t header;

	/* More than the ring has: the two were loaded a lap apart. */
	whole = kept <= ring->data_size && written < kept ? kept - written : 0;
	length = since < whole ? since : whole;
	if (length && (length | head) & 7)
		return perfring_batch_fail(batch, -EBADMSG, head - length, 0,
					   "the oldest record's position is not a multiple of 8");
	for (stop = head - length; stop != head; stop += whole) {
		header = bpf_load_at(ring, ring->copy, stop);
		if (header & PERFRING_BPF_BUSY)
			break;
		whole = bpf_whole(header);
		if (whole > head - stop)
			return perfring_batch_fail(batch, -EBADMSG, stop, header,
						   "the length reaches beyond the producer's position");
	}
	perfring_batch_set(batch, ring, head - length, stop);
	batch->torn = since - length;
	batch->snapshot = 1;
	perfring_batch_stretch(batch, batch->start);
	return 0;
}
