// SPDX-License-Identifier: MIT
/* Records, and the lines that a reader owes for them. */
#include "torture.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define PUT_LOST_SIZE		24U
#define PUT_SEQUENCE_END	0xffffffffU
#define PUT_FILL_LEN		8U	/* the shortest payload */

uint32_t torture_fnv(const void *bytes, size_t len)
{
	const unsigned char *byte = bytes;
	uint32_t hash = 2166136261U;

	while (len--)
		hash = (hash ^ *byte++) * 16777619U;
	return hash;
}

/* u32 length, u32 sequence, and what differs from one record to the next. */
const unsigned char *torture_payload(uint32_t len, uint32_t sequence)
{
	static unsigned char payload[TORTURE_PAYLOAD_MAX];

	memcpy(payload, &len, sizeof(len));
	memcpy(payload + 4, &sequence, sizeof(sequence));
	for (uint32_t i = 8; i < len; i++)
		payload[i] = (unsigned char)(0x55 + 7 * sequence + i);
	return payload;
}

/* What was written: due, or, where a snapshot will tell, kept. */
static bool put_due(struct torture *t, uint64_t position, uint32_t size, const char *text)
{
	struct torture_line line = { .position = position, .size = size };

	snprintf(line.text, sizeof(line.text), "%s", text);
	return torture_note(t, t->backward ? &t->records : &t->due, &line);
}

/* What a snapshot holds once @head is published: newest first, and nothing that was in one. */
static bool put_snapshot(struct torture *t, uint64_t head)
{
	const struct torture_line *line;

	for (size_t i = t->records.nr; i-- > t->snapped;) {
		line = &t->records.line[i];
		if (torture_distance(head, line->position + line->size) > t->ring.size)
			break;
		if (!torture_note(t, &t->due, line))
			return false;
	}
	t->snapped = t->records.nr;
	return torture_expect(t, 0, 0, "snapshot");
}

/* The reader's line of a record of @size, preceded by that of the LOST record before it. */
static bool put_write(struct torture *t, uint32_t type, uint16_t misc, const void *payload,
		      uint32_t len, uint32_t size, bool wake, const char *text)
{
	uint64_t position = t->ring.control->data_head;
	char lost[40];
	int err;

	/* Due before it is published: the reader may be fast. */
	if (t->pending) {
		snprintf(lost, sizeof(lost), "lost %" PRIu32, t->pending);
		if (!put_due(t, position, PUT_LOST_SIZE, lost))
			return false;
		position += PUT_LOST_SIZE;
	}
	if (t->backward)
		position -= size;
	if (!put_due(t, position, size, text) ||
	    (t->backward && wake && !put_snapshot(t, position)))
		return false;
	err = t->ring.backend->write(&t->ring, type, misc, payload, len, wake);
	if (!err)
		t->pending = 0;
	return err != -ENOSPC ? torture_did(t, err, "write a record") :
	       torture_fail(t, "the ring is full: data_tail is %llu and data_head %llu, but all should have been released",
			    (unsigned long long)t->ring.control->data_tail,
			    (unsigned long long)t->ring.control->data_head);
}

static bool put_sample(struct torture *t, uint32_t len, uint32_t sequence, bool wake,
		       const char *end)
{
	const unsigned char *payload = torture_payload(len, sequence);
	char text[40];

	snprintf(text, sizeof(text), "sample %" PRIu32 " %08" PRIx32, len,
		 torture_fnv(payload, len));
	return put_write(t, PERF_RECORD_SAMPLE, 0, payload, len, torture_sample_size(len), wake,
			 end ? end : text);
}

bool torture_put(struct torture *t, uint32_t len, bool wake)
{
	return put_sample(t, len, t->sequence++, wake, NULL);
}

bool torture_put_other(struct torture *t, uint32_t type, uint16_t misc, uint32_t len)
{
	uint32_t size = 8 + ((len + 7) & ~7U);
	char text[40];

	snprintf(text, sizeof(text), "record %" PRIu32 " %u %" PRIu32, type, misc, size);
	return put_write(t, type, misc, torture_payload(len < 8 ? 8 : len, t->sequence++), len,
			 size, true, text);
}

/* A ring of size bytes holds at most size - 1. */
static bool put_fits(const struct torture *t, uint64_t bytes)
{
	uint64_t used = torture_distance(t->ring.control->data_tail, t->ring.control->data_head);

	return bytes + (t->pending ? PUT_LOST_SIZE : 0) <= t->ring.size - 1 - used;
}

bool torture_fill(struct torture *t, uint32_t len)
{
	while (put_fits(t, torture_sample_size(len)))
		if (!torture_put(t, len, true))
			return false;
	return true;
}

bool torture_put_lost(struct torture *t, uint32_t len)
{
	int err = t->ring.backend->write(&t->ring, PERF_RECORD_SAMPLE, 0,
					 torture_payload(len, t->sequence++), len, false);

	t->pending++;
	return err == -ENOSPC ? true : torture_did(t, err ? err : -EIO, "lose a record");
}

bool torture_advance(struct torture *t, uint64_t offset)
{
	const uint32_t least = torture_sample_size(PUT_FILL_LEN), most = 2048;
	uint64_t left = (offset - t->ring.control->data_head) & (t->ring.size - 1);
	uint64_t now;

	/* What is left must always be one record or more. */
	if (left && left < least)
		left += t->ring.size;
	for (; left; left -= now) {
		now = left <= most ? left : left - most < least ? most - least : most;
		if (!torture_put(t, (uint32_t)now - 12, true) || !torture_settled(t))
			return false;
	}
	return true;
}

bool torture_finish(struct torture *t)
{
	/* The newest record is the first of a snapshot, and what follows is not read. */
	if (t->backward)
		t->snapped = t->records.nr;
	if (!put_sample(t, PUT_FILL_LEN, PUT_SEQUENCE_END, true, "end"))
		return false;
	if (t->backward)
		t->due.nr--;
	return torture_ended(t);
}
