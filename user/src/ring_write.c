// SPDX-License-Identifier: MIT
/* The writer of a ring in memory: core.h with counters, records and a wakeup. */
#include "internal.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* Fields of a sample without data of variable length fit, on either side of RAW. */
#define WRITE_PARTS_MAX		1024
#define WRITE_PATTERN_MAX	256

struct perfring_writer {
	struct perfring_core *core;
	int fd;
	int wakeup_events;		/* 0: the watermark alone decides */
	bool id_all;
	bool in_batch;
	bool always_fits;		/* overwrites: no record is too large for the ring */
	uint32_t lost_size;
	uint64_t sample_type;
	struct perfring_handle batch;
	struct perfring_format *format;
	struct perfring_sample_id id;
	unsigned char trailer[64];	/* id, laid out */
	struct perfring_local attempted;
	struct perfring_local written;
	struct perfring_local lost_full;
	struct perfring_local lost_paused;
	struct perfring_local rejected;
	struct perfring_local bytes;
	struct perfring_local lost_records;
	struct perfring_local wakeups;
	uint64_t scratch[8192];		/* of perfring_write_sample() */
};

/* A piece of a record. */
struct write_piece {
	const void *data;
	size_t len;
};

int perfring_writer_create(struct perfring_ring *ring)
{
	struct perfring_storage *storage = ring->storage;
	struct perfring_writer *writer;
	int err;

	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
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
	writer->sample_type = storage->attr.sample_type;
	writer->lost_size = 24 + writer->format->id_size;
	ring->writer = writer;
	return 0;
}

void perfring_writer_destroy(struct perfring_ring *ring)
{
	if (!ring->writer)
		return;
	perfring_format_free(ring->writer->format);
	free(ring->writer);
	ring->writer = NULL;
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
	perfring_local_add(&writer->attempted, 1);
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
	perfring_core_copy(writer->core, handle, writer->trailer, writer->format->id_size);
	perfring_local_add(&writer->lost_records, 1);
}

/* One record of @size bytes, the sum of its pieces. */
static int write_pieces(struct perfring_writer *writer, uint32_t type, size_t size,
			const struct write_piece *pieces, size_t nr)
{
	struct perfring_core *core = writer->core;
	struct perfring_handle handle;
	int err;

	if (size > PERFRING_RECORD_MAX || (!writer->always_fits && size > core->mask))
		return write_reject(writer, -E2BIG);

	perfring_local_add(&writer->attempted, 1);
	err = perfring_core_begin(core, &handle, size, writer->lost_size, false);
	if (err) {
		/* A signal handler may have written inside the attempt. */
		if (handle.wakeup_due)
			write_wake(writer);
		perfring_local_add(err == -EBUSY ? &writer->lost_paused : &writer->lost_full, 1);
		return err;
	}
	if (handle.report_lost)
		write_lost(writer, &handle);
	for (size_t i = 0; i < nr; i++)
		perfring_core_copy(core, &handle, pieces[i].data, pieces[i].len);
	/* As in the kernel, only samples count towards wakeup_events. */
	if (type == PERF_RECORD_SAMPLE)
		perfring_core_count(core, &handle, writer->wakeup_events);
	perfring_local_add(&writer->written, 1);
	perfring_local_add(&writer->bytes, size);
	return perfring_core_end(core, &handle) ? write_wake(writer) : 0;
}

int perfring_write_begin(struct perfring_ring *ring)
{
	struct perfring_writer *writer = ring->writer;

	if (!writer)
		return -EOPNOTSUPP;
	if (writer->in_batch)
		return -EALREADY;
	writer->in_batch = true;
	perfring_core_enter(writer->core, &writer->batch);
	return 0;
}

int perfring_write_end(struct perfring_ring *ring)
{
	struct perfring_writer *writer = ring->writer;

	if (!writer || !writer->in_batch)
		return -EINVAL;
	writer->in_batch = false;
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

/* A sample whose fields are the ring's id and the payload. */
static void write_fields(const struct perfring_writer *writer, struct perfring_sample *sample)
{
	const struct perfring_sample_id *id = &writer->id;

	memset(sample, 0, sizeof(*sample));
	sample->identifier = id->identifier;
	sample->pid = id->pid;
	sample->tid = id->tid;
	sample->time = id->time;
	sample->id = id->id;
	sample->stream_id = id->stream_id;
	sample->cpu = id->cpu;
}

int perfring_write(struct perfring_ring *ring, uint32_t type, uint16_t misc, const void *payload,
		   size_t len)
{
	static const unsigned char zeroes[8];
	struct perfring_writer *writer = ring->writer;
	struct write_piece pieces[4 + PERFRING_RECORD_MAX / WRITE_PATTERN_MAX + 1];
	unsigned char pattern[WRITE_PATTERN_MAX];
	uint64_t buffer[WRITE_PARTS_MAX / 8];
	struct perfring_parts parts = {
		.buffer = (unsigned char *)buffer,
		.room = sizeof(buffer),
	};
	struct perfring_sample sample;
	struct perf_event_header header = { .type = type, .misc = misc };
	size_t size, nr = 0;
	int err;

	if (!writer)
		return -EOPNOTSUPP;
	if (!type)
		return write_reject(writer, -EINVAL);
	if (len > PERFRING_RECORD_MAX)
		return write_reject(writer, -E2BIG);

	if (type == PERF_RECORD_SAMPLE) {
		if (len && !(writer->sample_type & PERF_SAMPLE_RAW))
			return write_reject(writer, -EINVAL);
		write_fields(writer, &sample);
		sample.raw_size = (uint32_t)len;
		err = perfring_encode_parts(writer->format, misc, &sample, &parts);
		if (err < 0)
			return write_reject(writer, err);
		size = parts.head + parts.raw + parts.pad + parts.tail;
		pieces[nr++] = (struct write_piece){ parts.buffer, parts.head };
		nr += write_payload(pieces + nr, payload, parts.raw, pattern);
		pieces[nr++] = (struct write_piece){ zeroes, parts.pad };
		pieces[nr++] = (struct write_piece){ parts.buffer + parts.head, parts.tail };
		return write_pieces(writer, type, size, pieces, nr);
	}

	size = sizeof(header) + perfring_round_8(len) + writer->format->id_size;
	if (size > PERFRING_RECORD_MAX)
		return write_reject(writer, -E2BIG);
	header.size = (uint16_t)size;
	pieces[nr++] = (struct write_piece){ &header, sizeof(header) };
	nr += write_payload(pieces + nr, payload, len, pattern);
	pieces[nr++] = (struct write_piece){ zeroes, perfring_round_8(len) - len };
	pieces[nr++] = (struct write_piece){ writer->trailer, writer->format->id_size };
	return write_pieces(writer, type, size, pieces, nr);
}

int perfring_write_record(struct perfring_ring *ring, const void *data, size_t len)
{
	struct perfring_writer *writer = ring->writer;
	struct write_piece piece = { data, len };
	struct perf_event_header header;

	if (!writer)
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

	if (!writer)
		return -EOPNOTSUPP;
	size = perfring_encode_sample(format ? format : writer->format, misc, sample,
				      writer->scratch, sizeof(writer->scratch));
	if (size < 0)
		return write_reject(writer, size == -ENOSPC ? -E2BIG : size);
	piece = (struct write_piece){ writer->scratch, (size_t)size };
	return write_pieces(writer, PERF_RECORD_SAMPLE, (size_t)size, &piece, 1);
}

int perfring_write_set_id(struct perfring_ring *ring, const struct perfring_sample_id *id)
{
	static const struct perfring_sample_id nobody;
	struct perfring_writer *writer = ring->writer;

	if (!writer)
		return -EOPNOTSUPP;
	writer->id = id ? *id : nobody;
	perfring_encode_id(writer->format, &writer->id, writer->trailer);
	return 0;
}

int perfring_write_stats(const struct perfring_ring *ring, struct perfring_write_stats *stats)
{
	const struct perfring_writer *writer = ring->writer;
	struct perfring_write_stats own = { .size = stats->size };

	if (!writer)
		return -EOPNOTSUPP;
	if (stats->size < sizeof(stats->size))
		return -EINVAL;
	own.attempted = perfring_local_read(&writer->attempted);
	own.written = perfring_local_read(&writer->written);
	own.lost_full = perfring_local_read(&writer->lost_full);
	own.lost_paused = perfring_local_read(&writer->lost_paused);
	own.rejected = perfring_local_read(&writer->rejected);
	own.bytes = perfring_local_read(&writer->bytes);
	own.lost_records = perfring_local_read(&writer->lost_records);
	own.wakeups = perfring_local_read(&writer->wakeups);
	own.high_water = perfring_local_read(&writer->core->high_water);
	own.head = perfring_local_read(&writer->core->head);
	memcpy(stats, &own, own.size < sizeof(own) ? own.size : sizeof(own));
	return 0;
}
