// SPDX-License-Identifier: MIT
/* Peek and pop: a batch that the ring owns, released record by record. */
#include "internal.h"

/* End the own batch, no record is peeked; what was discarded behind the last is released. */
static int peek_stop(struct perfring_ring *ring, int ret)
{
	perfring_batch_error(&ring->one, &ring->error);
	perfring_batch_commit(&ring->one);
	ring->peeked = false;
	return ret;
}

/*
 * Field by field: a copy in larger pieces of what has just been stored waits until the
 * stores have left the processor.
 */
static inline void peek_copy(struct perfring_record *to, const struct perfring_record *from)
{
	to->data = from->data;
	to->position = from->position;
	to->type = from->type;
	to->size = from->size;
	to->misc = from->misc;
}

static int peek(struct perfring_ring *ring)
{
	int ret;

	if (ring->peeked)
		return 1;
	/* A batch that is used up says 0; the second round has a fresh head. */
	for (int round = 0; round < 2; round++) {
		if (!ring->one.ring) {
			ret = perfring_batch_begin(ring, &ring->one);
			if (ret)
				return peek_stop(ring, ret);
			round = 1;
		}
		ret = perfring_batch_next(&ring->one, &ring->current);
		if (ret > 0) {
			ring->peeked = true;
			return 1;
		}
		peek_stop(ring, ret);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int perfring_ring_peek(struct perfring_ring *ring, struct perfring_record *record)
{
	struct perfring_record next;
	int ret;

	/* What is most common, by itself. */
	if (!ring->peeked && ring->one.ring && perfring_batch_next(&ring->one, &next) > 0) {
		ring->peeked = true;
		peek_copy(&ring->current, &next);
		peek_copy(record, &next);
		return 1;
	}
	ret = peek(ring);
	if (ret > 0)
		peek_copy(record, &ring->current);
	return ret;
}

int perfring_ring_pop(struct perfring_ring *ring)
{
	int ret = ring->peeked ? 1 : peek(ring);

	if (ret <= 0)
		return ret;
	perfring_release(ring, ring->current.position + perfring_round_8(ring->current.size));
	ring->peeked = false;
	if (!perfring_batch_remaining(&ring->one))
		peek_stop(ring, 0);
	return 1;
}

int perfring_ring_peek_size(struct perfring_ring *ring)
{
	int ret = peek(ring);

	return ret > 0 ? (int)ring->current.size : ret;
}

int perfring_ring_peek_type(struct perfring_ring *ring, uint32_t *type)
{
	int ret = peek(ring);

	if (ret > 0)
		*type = ring->current.type;
	return ret;
}

int perfring_ring_peek_copy(struct perfring_ring *ring, void *buffer, size_t offset, size_t len)
{
	int ret = peek(ring);

	if (ret <= 0)
		return ret;
	if (offset >= ring->current.size)
		return 0;
	if (len > ring->current.size - offset)
		len = ring->current.size - offset;
	memcpy(buffer, (const unsigned char *)ring->current.data + offset, len);
	return (int)len;
}

int perfring_ring_error(const struct perfring_ring *ring, struct perfring_error *error)
{
	*error = ring->error;
	return error->code;
}
