// SPDX-License-Identifier: MIT
/* The writer of a ring in memory: core.h with counters, records and a wakeup. */
#include "internal.h"
#include "take.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* Fields of a sample without data of variable length fit, on either side of RAW. */
#define WRITE_PARTS_MAX		1024
#define WRITE_PATTERN_MAX	256
/* Longest payload that needs no look whether its record can be said in 16 bits. */
#define WRITE_TAKE_MAX		(PERFRING_RECORD_MAX / 2)
/* Of perfring_write_sample(), where it lays a record out. */
#define WRITE_SCRATCH		65536

struct perfring_writer {
	/* What a record of a batch takes at best, in one cache line. */
	struct perfring_core *core;
	unsigned long clear;		/* how far the head may go unasked; see write_clear() */
	struct perfring_local written;
	bool in_batch;
	bool plain;			/* a sample is header, size and payload */
	bool takes;			/* a batch may just take its room; see write_clear() */
	bool always_fits;		/* overwrites: no record is too large for the ring */
	int wakeup_events;		/* 0: the watermark alone decides */
	uint32_t lost_size;
	int fd;
	unsigned long kept;		/* clear when the last batch ended, for the next one */
	unsigned long start;		/* head when the counting began */
	struct perfring_format *format;
	struct perfring_local lost_full;
	struct perfring_local lost_paused;
	struct perfring_local rejected;
	struct perfring_local lost_records;
	struct perfring_local wakeups;
	struct perfring_handle batch;
	struct perfring_sample_id id;
	uint32_t id_size;
	unsigned char trailer[64];	/* id, laid out */
	/* A sample without payload: what goes before the payload's size and what after it. */
	int sample_error;
	uint32_t before;
	uint32_t after;
	uint64_t sample[WRITE_PARTS_MAX / 8];
	uint64_t scratch[];		/* WRITE_SCRATCH bytes */
};

/*
 * The writer of a ring that cannot be written, so that perfring_write() need not ask whether
 * there is one: nothing is ever clear, thus all it does is ask write_any().  It never changes.
 */
static struct perfring_core write_nobodys_core;
static struct perfring_writer write_nobody = { .core = &write_nobodys_core };

static const unsigned char write_zeroes[8];

/* A piece of a record. */
struct write_piece {
	const void *data;
	size_t len;
};

/*
 * Lay out all of a sample but the payload, from the ring's id: perfring_write() knows
 * no other fields.
 */
static void write_layout(struct perfring_writer *writer)
{
	const struct perfring_sample_id *id = &writer->id;
	struct perfring_parts parts = {
		.buffer = (unsigned char *)writer->sample,
		.room = sizeof(writer->sample),
	};
	struct perfring_sample sample;
	int size;

	memset(&sample, 0, sizeof(sample));
	sample.identifier = id->identifier;
	sample.pid = id->pid;
	sample.tid = id->tid;
	sample.time = id->time;
	sample.id = id->id;
	sample.stream_id = id->stream_id;
	sample.cpu = id->cpu;
	size = perfring_encode_parts(writer->format, 0, &sample, &parts);
	writer->sample_error = size < 0 ? size : 0;
	writer->before = (uint32_t)parts.head;
	writer->after = (uint32_t)parts.tail;
	perfring_encode_id(writer->format, id, writer->trailer);
}

/*
 * Nothing is clear: that position is behind the head, which may go either way, until
 * the next record that comes through write_reserve().
 */
static void write_unclear(struct perfring_writer *writer)
{
	perfring_once_store(writer->clear, perfring_local_read(&writer->core->head) - LONG_MAX / 2);
}

int perfring_writer_create(struct perfring_ring *ring)
{
	struct perfring_storage *storage = ring->storage;
	struct perfring_writer *writer;
	int err;

	ring->writer = &write_nobody;
	if (!(storage->flags & PERFRING_STORAGE_WRITABLE))
		return 0;
	writer = malloc(sizeof(*writer) + WRITE_SCRATCH);
	if (!writer)
		return -ENOMEM;
	/* No page of scratch is touched before it is needed. */
	memset(writer, 0, sizeof(*writer));
	err = perfring_format_compile(&storage->attr, &writer->format);
	if (err) {
		free(writer);
		return err;
	}
	writer->core = &storage->core;
	writer->fd = storage->fd;
	if (!storage->attr.watermark)
		writer->wakeup_events = (int)storage->attr.wakeup_events;
	writer->always_fits = storage->flags & PERFRING_STORAGE_OVERWRITE;
	writer->id_size = writer->format->id_size;
	writer->lost_size = 24 + writer->id_size;
	writer->start = perfring_local_read(&writer->core->head);
	write_unclear(writer);
	writer->kept = writer->clear;
	write_layout(writer);
	writer->plain = storage->attr.sample_type == PERF_SAMPLE_RAW;
	writer->takes = writer->plain && !writer->wakeup_events && !writer->always_fits &&
			!writer->core->backward;
	ring->writer = writer;
	return 0;
}

void perfring_writer_destroy(struct perfring_ring *ring)
{
	if (ring->writer == &write_nobody)
		return;
	perfring_format_free(ring->writer->format);
	free(ring->writer);
	ring->writer = &write_nobody;
}

/* A wakeup is due: count it, and make the descriptor readable. */
static int write_wake(struct perfring_writer *writer)
{
	uint64_t one = 1;

	perfring_local_add(&writer->wakeups, 1);
	/* EAGAIN: it is readable already, 2^64 - 2 times. */
	if (write(writer->fd, &one, sizeof(one)) < 0)
		return 1;
	return 1;
}

static int write_reject(struct perfring_writer *writer, int err)
{
	perfring_local_add(&writer->rejected, 1);
	return err;
}

static void write_lost(struct perfring_writer *writer, struct perfring_handle *handle)
{
	const struct perfring_sample_id *id = &writer->id;
	struct {
		struct perf_event_header header;
		uint64_t id;
		uint64_t lost;
	} record = {
		.header.type = PERF_RECORD_LOST,
		.header.size = (uint16_t)writer->lost_size,
		.id = id->id ? id->id : id->identifier,
		.lost = handle->lost,
	};

	perfring_core_copy(writer->core, handle, &record, sizeof(record));
	perfring_core_copy(writer->core, handle, writer->trailer, writer->id_size);
	perfring_local_add(&writer->lost_records, 1);
}

/*
 * Note how far the next samples of this batch may go without a look at more than
 * that: to the end of the data at most.  Not while losses are to be told: those of a
 * signal handler are seen here, or it comes later and notes that itself.
 */
static void write_clear(struct perfring_writer *writer)
{
	struct perfring_core *core = writer->core;
	unsigned long clear, lap;

	if (!writer->in_batch || !writer->takes) {
		write_unclear(writer);
		writer->kept = writer->clear;
		return;
	}
	lap = (perfring_local_read(&core->head) | core->mask) + 1;
	clear = perfring_core_clear(core);
	perfring_once_store(writer->clear, (long)(clear - lap) < 0 ? clear : lap);
	perfring_barrier();
	if (perfring_local_read(&core->lost))
		write_unclear(writer);
}

/* Room for a record of @size bytes, which write_done() is to follow; or an error. */
static int write_reserve(struct perfring_writer *writer, size_t size,
			 struct perfring_handle *handle)
{
	struct perfring_core *core = writer->core;
	int err;

	if (size > PERFRING_RECORD_MAX || (!writer->always_fits && size > core->mask))
		return write_reject(writer, -E2BIG);

	if (writer->in_batch)
		err = perfring_core_more(core, handle, size, writer->lost_size, false);
	else
		err = perfring_core_begin(core, handle, size, writer->lost_size, false);
	write_clear(writer);
	if (perfring_unlikely(err)) {
		/* A signal handler may have written inside the attempt. */
		if (handle->wakeup_due)
			write_wake(writer);
		perfring_local_add(err == -EBUSY ? &writer->lost_paused : &writer->lost_full, 1);
		return err;
	}
	if (perfring_unlikely(handle->report_lost))
		write_lost(writer, handle);
	return 0;
}

static int write_done(struct perfring_writer *writer, uint32_t type,
		      struct perfring_handle *handle)
{
	/* As in the kernel, only samples count towards wakeup_events. */
	if (type == PERF_RECORD_SAMPLE)
		perfring_core_count(writer->core, handle, writer->wakeup_events);
	perfring_local_add(&writer->written, 1);
	if (writer->in_batch || !perfring_core_end(writer->core, handle))
		return 0;
	return write_wake(writer);
}

/* One record of @size bytes, the sum of its pieces. */
static int write_pieces(struct perfring_writer *writer, uint32_t type, size_t size,
			const struct write_piece *pieces, size_t nr)
{
	struct perfring_handle handle;
	int err = write_reserve(writer, size, &handle);

	if (err)
		return err;
	for (size_t i = 0; i < nr; i++)
		perfring_core_copy(writer->core, &handle, pieces[i].data, pieces[i].len);
	return write_done(writer, type, &handle);
}

/*
 * A signal handler that writes while in_batch is set leaves the rest to us: so it is
 * set only while we are inside.
 */
int perfring_write_begin(struct perfring_ring *ring)
{
	struct perfring_writer *writer = ring->writer;

	if (writer == &write_nobody)
		return -EOPNOTSUPP;
	if (writer->in_batch)
		return -EALREADY;
	perfring_core_enter(writer->core, &writer->batch);
	perfring_once_store(writer->in_batch, true);
	perfring_barrier();
	/* What was clear still is; data_tail, which the reader's CPU has, need not be loaded. */
	perfring_once_store(writer->clear, writer->kept);
	perfring_barrier();
	if (perfring_local_read(&writer->core->lost))
		write_unclear(writer);
	return 0;
}

int perfring_write_end(struct perfring_ring *ring)
{
	struct perfring_writer *writer = ring->writer;

	if (!writer->in_batch)
		return -EINVAL;
	writer->kept = perfring_once_load(writer->clear);
	perfring_barrier();
	perfring_once_store(writer->in_batch, false);
	write_unclear(writer);
	perfring_barrier();
	return perfring_core_leave(writer->core, &writer->batch) ? write_wake(writer) : 0;
}

/* Payload pieces: the caller's bytes, or the pattern that a NULL stands for. */
static size_t write_payload(struct write_piece *pieces, const void *payload, size_t len,
			    unsigned char *pattern)
{
	size_t nr = 0;

	if (payload) {
		pieces[nr++] = (struct write_piece){ payload, len };
		return nr;
	}
	for (size_t i = 0; i < WRITE_PATTERN_MAX; i++)
		pattern[i] = (unsigned char)i;
	for (size_t done = 0; done < len; done += WRITE_PATTERN_MAX) {
		size_t left = len - done;

		if (left > WRITE_PATTERN_MAX)
			left = WRITE_PATTERN_MAX;
		pieces[nr++] = (struct write_piece){ pattern, left };
	}
	return nr;
}

static inline uint32_t write_raw_size(size_t len)
{
	/* As perf_prepare_sample(): the size counts the padding. */
	return (uint32_t)(perfring_round_8(len + sizeof(uint32_t)) - sizeof(uint32_t));
}

/* Of a sample that is header, size and payload. */
static inline size_t write_plain_size(size_t len)
{
	return perfring_round_8(sizeof(struct perf_event_header) + sizeof(uint32_t) + len);
}

/* Payloads of a length that is copied in two pieces of 16 bytes. */
static inline bool write_short(size_t len)
{
	return len - 16 <= 16;
}

/*
 * Such a sample of @size bytes at @pos, which is not across the end of the data.  What
 * pads the payload is in the last word; so may be what is written below.
 */
static inline void write_plain(struct perfring_core *core, unsigned long pos, uint16_t misc,
			       const unsigned char *payload, size_t len, size_t size)
{
	unsigned char *to = core->data + (pos & core->mask);
	const struct perf_event_header header = { PERF_RECORD_SAMPLE, misc, (uint16_t)size };
	const uint32_t raw_size = (uint32_t)(size - sizeof(header) - sizeof(raw_size));
	const bool is_short = write_short(len);

	if (!is_short || len + sizeof(header) + sizeof(raw_size) != size)
		memset(to + size - sizeof(uint64_t), 0, sizeof(uint64_t));
	if (is_short) {
		/*
		 * Few stores: one that waits for a cache line of the reader's CPU holds up those
		 * behind it.
		 */
		memcpy(to, &header, sizeof(header));
	} else {
		/* Few instructions. */
		struct perf_event_header *at = (void *)to;

		at->type = header.type;
		at->misc = header.misc;
		at->size = header.size;
	}
	memcpy(to + sizeof(header), &raw_size, sizeof(raw_size));
	to += sizeof(header) + sizeof(raw_size);
	if (!is_short) {
		memcpy(to, payload, len);
	} else {
		/* Both loads first: one copy from the front and one that ends at the end. */
		unsigned char front[16], back[16];

		memcpy(front, payload, sizeof(front));
		memcpy(back, payload + len - sizeof(back), sizeof(back));
		memcpy(to, front, sizeof(front));
		memcpy(to + len - sizeof(back), back, sizeof(back));
	}
}

/* Such a sample, by itself or where a batch cannot just take the room. */
static int write_sample(struct perfring_writer *writer, uint16_t misc, const void *payload,
			size_t len)
{
	struct perfring_core *core = writer->core;
	size_t size = write_plain_size(len);
	struct perfring_handle handle;
	int err = write_reserve(writer, size, &handle);

	if (err)
		return err;
	if ((handle.pos & core->mask) + size <= core->mask + 1) {
		write_plain(core, handle.pos, misc, payload, len, size);
	} else {
		struct {
			struct perf_event_header header;
			uint32_t raw_size;
		} plain = {
			.header = { PERF_RECORD_SAMPLE, misc, (uint16_t)size },
			.raw_size = (uint32_t)(size - sizeof(plain)),
		};

		perfring_core_copy(core, &handle, &plain, sizeof(plain));
		perfring_core_copy(core, &handle, payload, len);
		perfring_core_copy(core, &handle, write_zeroes, size - sizeof(plain) - len);
	}
	return write_done(writer, PERF_RECORD_SAMPLE, &handle);
}

static __attribute__((noinline)) int write_any(struct perfring_writer *writer, uint32_t type,
					       unsigned int misc, const void *payload, size_t len)
{
	struct write_piece pieces[5 + PERFRING_RECORD_MAX / WRITE_PATTERN_MAX + 1];
	unsigned char pattern[WRITE_PATTERN_MAX];
	const unsigned char *sample = (const unsigned char *)writer->sample;
	struct perf_event_header header = { .type = type, .misc = (uint16_t)misc };
	size_t fixed = sizeof(header), size, nr = 0;
	uint32_t raw_size;

	if (writer == &write_nobody)
		return -EOPNOTSUPP;
	if (!type)
		return write_reject(writer, -EINVAL);
	if (len > PERFRING_RECORD_MAX)
		return write_reject(writer, -E2BIG);
	if (type == PERF_RECORD_SAMPLE && writer->plain && payload)
		return write_sample(writer, (uint16_t)misc, payload, len);
	pieces[nr++] = (struct write_piece){ &header, sizeof(header) };

	if (type == PERF_RECORD_SAMPLE && !(writer->format->sample_type & PERF_SAMPLE_RAW)) {
		if (len || writer->sample_error)
			return write_reject(writer, len ? -EINVAL : writer->sample_error);
		size = writer->before + writer->after;
		pieces[nr++] = (struct write_piece){ sample + fixed, size - fixed };
	} else if (type == PERF_RECORD_SAMPLE) {
		if (writer->sample_error)
			return write_reject(writer, writer->sample_error);
		/* The template has a size of 0, padded. */
		raw_size = write_raw_size(len);
		size = writer->before + raw_size + writer->after;
		pieces[nr++] = (struct write_piece){ sample + fixed,
						     writer->before - fixed - sizeof(raw_size) };
		pieces[nr++] = (struct write_piece){ &raw_size, sizeof(raw_size) };
		nr += write_payload(pieces + nr, payload, len, pattern);
		pieces[nr++] = (struct write_piece){ write_zeroes, raw_size - len };
		pieces[nr++] = (struct write_piece){ sample + writer->before, writer->after };
	} else {
		size = fixed + perfring_round_8(len) + writer->id_size;
		nr += write_payload(pieces + nr, payload, len, pattern);
		pieces[nr++] = (struct write_piece){ write_zeroes, perfring_round_8(len) - len };
		pieces[nr++] = (struct write_piece){ writer->trailer, writer->id_size };
	}
	if (size > PERFRING_RECORD_MAX)
		return write_reject(writer, -E2BIG);
	header.size = (uint16_t)size;
	return write_pieces(writer, type, size, pieces, nr);
}

/*
 * What most samples of a batch need, and nothing else.  The parameters stay where they are, those
 * of perfring_write() and write_any(), so that no instruction moves them.
 */
static inline __attribute__((always_inline)) int write_take(struct perfring_writer *writer,
							    uint32_t type, unsigned int misc,
							    const void *payload, size_t len)
{
	/* Loads between the questions keep the compiler from asking them together: slow. */
	struct perfring_core *core = perfring_once_load(writer->core);
	unsigned long pos;
	size_t size;

	if (perfring_unlikely(!payload))
		return write_any(writer, type, misc, payload, len);
	pos = perfring_local_read(&core->head);
	if (perfring_unlikely(perfring_once_load(core->paused)))
		return write_any(writer, type, misc, payload, len);
	size = write_plain_size(len);
	if (perfring_unlikely(!perfring_core_take(core, &pos, size, writer->clear)))
		return write_any(writer, type, misc, payload, len);
	perfring_local_add(&writer->written, 1);
	write_plain(core, pos, (uint16_t)misc, payload, len, size);
	return 0;
}

/* Out of the way of the short ones, which then have no registers to save. */
static __attribute__((noinline)) int write_long(struct perfring_writer *writer, uint32_t type,
						unsigned int misc, const void *payload, size_t len)
{
	if (write_short(len))
		__builtin_unreachable();
	if (perfring_unlikely(type != PERF_RECORD_SAMPLE || len > WRITE_TAKE_MAX))
		return write_any(writer, type, misc, payload, len);
	return write_take(writer, PERF_RECORD_SAMPLE, misc, payload, len);
}

int perfring_write(struct perfring_ring *ring, uint32_t type, uint16_t misc, const void *payload,
		   size_t len)
{
	struct perfring_writer *writer = ring->writer;

	/* Whose type is not asked yet, so that nothing moves the parameters. */
	if (!write_short(len))
		return write_long(writer, type, misc, payload, len);
	if (perfring_unlikely(type != PERF_RECORD_SAMPLE))
		return write_any(writer, type, misc, payload, len);
	return write_take(writer, type, misc, payload, len);
}

int perfring_write_record(struct perfring_ring *ring, const void *data, size_t len)
{
	struct perfring_writer *writer = ring->writer;
	struct write_piece piece = { data, len };
	struct perf_event_header header;

	if (writer == &write_nobody)
		return -EOPNOTSUPP;
	if (len < sizeof(header) || len & 7)
		return write_reject(writer, -EINVAL);
	memcpy(&header, data, sizeof(header));
	if (!header.type || header.size != len)
		return write_reject(writer, len > PERFRING_RECORD_MAX ? -E2BIG : -EINVAL);
	return write_pieces(writer, header.type, len, &piece, 1);
}

int perfring_write_sample(struct perfring_ring *ring, const struct perfring_format *format,
			  uint16_t misc, const struct perfring_sample *sample)
{
	struct perfring_writer *writer = ring->writer;
	struct write_piece piece;
	int size;

	if (writer == &write_nobody)
		return -EOPNOTSUPP;
	size = perfring_encode_sample(format ? format : writer->format, misc, sample,
				      writer->scratch, WRITE_SCRATCH);
	if (size < 0)
		return write_reject(writer, size == -ENOSPC ? -E2BIG : size);
	piece = (struct write_piece){ writer->scratch, (size_t)size };
	return write_pieces(writer, PERF_RECORD_SAMPLE, (size_t)size, &piece, 1);
}

int perfring_write_set_id(struct perfring_ring *ring, const struct perfring_sample_id *id)
{
	static const struct perfring_sample_id nobody;
	struct perfring_writer *writer = ring->writer;

	if (writer == &write_nobody)
		return -EOPNOTSUPP;
	writer->id = id ? *id : nobody;
	write_layout(writer);
	return 0;
}

int perfring_write_stats(const struct perfring_ring *ring, struct perfring_write_stats *stats)
{
	const struct perfring_writer *writer = ring->writer;
	struct perfring_write_stats own = { .size = stats->size };
	uint64_t bytes;

	if (writer == &write_nobody)
		return -EOPNOTSUPP;
	if (stats->size < sizeof(stats->size))
		return -EINVAL;
	own.written = perfring_local_read(&writer->written);
	own.lost_full = perfring_local_read(&writer->lost_full);
	own.lost_paused = perfring_local_read(&writer->lost_paused);
	own.rejected = perfring_local_read(&writer->rejected);
	own.attempted = own.written + own.lost_full + own.lost_paused + own.rejected;
	own.lost_records = perfring_local_read(&writer->lost_records);
	own.wakeups = perfring_local_read(&writer->wakeups);
	own.high_water = perfring_local_read(&writer->core->high_water);
	own.head = perfring_local_read(&writer->core->head);
	/* The head goes by what is written, LOST records included. */
	bytes = writer->core->backward ? writer->start - own.head : own.head - writer->start;
	own.bytes = bytes - own.lost_records * writer->lost_size;
	memcpy(stats, &own, own.size < sizeof(own) ? own.size : sizeof(own));
	return 0;
}
