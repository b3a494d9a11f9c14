/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A correct reader, in steps.  A broken one is this with one step of its own: it
 * defines a macro and a function of the step's name before it includes this.
 */
#include "gallery.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the data is, and how much of it. */
#ifndef find_data
static inline void find_data(struct reader *r)
{
	uint64_t offset = r->page->data_offset;

	/* Before Linux 4.1 neither was said. */
	r->size = r->page->data_size;
	if (!offset) {
		offset = sysconf(_SC_PAGESIZE);
		r->size = r->bytes - offset;
	}
	r->data = (const unsigned char *)r->page + offset;
}
#endif

/* Where a position is in the data. */
#ifndef place
static inline uint64_t place(const struct reader *r, uint64_t position)
{
	return position & (r->size - 1);
}
#endif

/* C of perf's protocol: nothing of a record is loaded before this. */
#ifndef load_head
static inline uint64_t load_head(struct reader *r)
{
	return load_acquire(&r->page->data_head);
}
#endif

/* Positions of 32-bit kernels begin at 0 again after 2^32; the reader's own ones go on. */
#ifndef whole_head
static inline uint64_t whole_head(const struct reader *r, uint64_t head)
{
	if (sizeof(long) == 8 || head >> 32)
		return head;
	return r->backward ? r->tail - (uint32_t)(r->tail - head) :
			     r->tail + (uint32_t)(head - r->tail);
}
#endif

/* D: everything of the records has been loaded before this. */
#ifndef store_tail
static inline void store_tail(struct reader *r, uint64_t tail)
{
	store_release(&r->page->data_tail, tail);
}
#endif

/* Can it be a head?  It is not more than a lap before the tail, and between records. */
#ifndef good_head
static inline bool good_head(const struct reader *r, uint64_t head)
{
	return head - r->tail <= r->size && head % 8 == 0;
}
#endif

/* Is there anything between? */
#ifndef is_before
static inline bool is_before(uint64_t at, uint64_t head)
{
	return at != head;
}
#endif

#ifndef good_size
static inline bool good_size(uint16_t size, uint64_t left)
{
	return size >= 8 && size % 8 == 0 && size <= left;
}
#endif

#ifndef next_position
static inline uint64_t next_position(uint64_t at, uint16_t size)
{
	return at + size;
}
#endif

/* The header: one load, because nobody promises that it stays as it is. */
#ifndef load_header
static inline struct perf_event_header load_header(const struct reader *r, uint64_t at)
{
	uint64_t word = load_relaxed(r->data + place(r, at));
	struct perf_event_header header;

	memcpy(&header, &word, sizeof(header));
	return header;
}
#endif

/* The record in one piece: no word of 8 bytes lies across the end. */
#ifndef copy_record
static inline void copy_record(struct reader *r, uint64_t at, uint16_t size)
{
	for (unsigned int i = 0; i < size / 8U; i++)
		r->record[i] = load_relaxed(r->data + place(r, at + 8 * i));
}
#endif

/* The payload says how long it is; the field that holds it is rounded up. */
#ifndef payload_length
static inline uint32_t payload_length(uint32_t raw, uint32_t len)
{
	return len <= raw ? len : raw;
}
#endif

#ifndef print_lost
static inline void print_lost(const uint64_t *record)
{
	say_lost(record[2]);
}
#endif

#ifndef print_other
static inline void print_other(const struct perf_event_header *header)
{
	say_other(header);
}
#endif

/* What is in r->record; its header as it was checked. */
static inline void print_record(struct reader *r, struct perf_event_header header)
{
	const unsigned char *bytes = (const unsigned char *)r->record;
	uint32_t raw, len, sequence;

	switch (header.type) {
	case PERF_RECORD_SAMPLE:
		memcpy(&raw, bytes + 8, 4);
		if (header.size < 24 || raw > header.size - 12U)
			say_corrupt();
		memcpy(&len, bytes + 12, 4);
		memcpy(&sequence, bytes + 16, 4);
		if (sequence == SEQUENCE_END)
			say_end();
		say_sample(bytes + 12, payload_length(raw, len));
		break;
	case PERF_RECORD_LOST:
		if (header.size < 24)
			say_corrupt();
		print_lost(r->record);
		break;
	default:
		print_other(&header);
	}
}

/* The record at @at; where the next one is. */
#ifndef read_record
static inline uint64_t read_record(struct reader *r, uint64_t at, uint64_t head)
{
	struct perf_event_header header = load_header(r, at);

	if (!good_size(header.size, head - at))
		say_corrupt();
	copy_record(r, at, header.size);
	print_record(r, header);
	return next_position(at, header.size);
}
#endif

/* All that is there now: one load of the head, one store of the tail. */
#ifndef drain
static inline void drain(struct reader *r)
{
	uint64_t head = whole_head(r, load_head(r)), at = r->tail;

	if (!good_head(r, head))
		say_corrupt();
	while (is_before(at, head))
		at = read_record(r, at, head);
	if (at != r->tail)
		store_tail(r, at);
	r->tail = at;
}
#endif

/* The record at @offset of the copy, which begins at data_head; false: no whole one. */
static inline bool next_in_copy(struct reader *r, uint64_t offset, uint64_t end,
				struct perf_event_header *header)
{
	if (offset + sizeof(*header) > end)
		return false;
	memcpy(header, r->copy + offset, sizeof(*header));
	if (!good_size(header->size, end - offset))
		return false;
	memcpy(r->record, r->copy + offset, header->size);
	return true;
}

/*
 * Newest first, from the head on to the last snapshot's, or for a lap.  The writer goes
 * towards lower positions and overwrites the oldest bytes: those that it can have
 * reached since are the last ones of the copy.
 */
#ifndef snapshot
static inline void snapshot(struct reader *r)
{
	uint64_t head = whole_head(r, load_acquire(&r->page->data_head)), now, i;
	uint64_t fresh = r->tail - head, end = fresh < r->size ? fresh : r->size;
	struct perf_event_header header;

	for (i = 0; i < end; i += 8) {
		now = load_relaxed(r->data + place(r, head + i));
		memcpy(r->copy + i, &now, 8);
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	now = whole_head(r, load_relaxed(&r->page->data_head));
	if (head - now >= r->size)
		end = 0;
	else if (end > r->size - (head - now))
		end = r->size - (head - now);
	for (i = 0; next_in_copy(r, i, end, &header); i += header.size)
		print_record(r, header);
	r->tail = head;
	say_snapshot();
}
#endif

/* A wait has a limit, because not every record wakes. */
#ifndef wait_ms
#define wait_ms 50
#endif

/* Whatever wakes is taken back before the ring is looked at, not after: it may be news. */
#ifndef wait_for
static inline int wait_for(struct reader *r)
{
	(void)r;
	return ring_wait(wait_ms);
}
#endif

/* Before the first wait there may be something already. */
#ifndef first
static inline void first(struct reader *r)
{
	drain(r);
}
#endif

/* @events of the wait, then what there is. */
#ifndef woken
static inline void woken(struct reader *r, int events)
{
	drain(r);
	if (events & POLLHUP)
		say_hangup();
}
#endif

/* The wait did not work: again? */
#ifndef failed
static inline void failed(int error)
{
	if (error != EINTR)
		exit(1);
}
#endif

int main(int argc, char **argv)
{
	static struct reader r;
	int events;

	if (argc > 1 && !strcmp(argv[1], "--explore"))
		explore(&r, drain);
	ring_map(&r);
	find_data(&r);
	if (r.backward) {
		r.copy = malloc(r.size);
		r.tail = r.page->data_head + 2 * r.size;
		for (;;)
			if (wait_for(&r) > 0)
				snapshot(&r);
	}
	r.tail = r.page->data_tail;
	first(&r);
	for (;;) {
		events = wait_for(&r);
		if (events < 0)
			failed(-events);
		else
			woken(&r, events);
	}
}
