/* SPDX-License-Identifier: MIT */
/*
 * Write: the other side of a ring in memory.
 *
 * The protocol is the kernel writer's, byte for byte.  One thread writes a
 * ring; its signal handlers may write as well, with perfring_write() and
 * perfring_write_record().  The reader may be another thread.
 */
#ifndef PERFRING_WRITE_H
#define PERFRING_WRITE_H

#include <perfring/format.h>
#include <perfring/ring.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Errors of all functions that write a record:
 *
 * -ENOSPC	no room now; counted, and the next record that fits is preceded
 *		by a PERF_RECORD_LOST of 24 bytes (and sample_id, if any)
 * -EBUSY	output is paused; counted the same way
 * -E2BIG	more than header.size can say, or than the ring could ever hold;
 *		counted as rejected, not as lost
 * -EINVAL	type 0, or a raw record whose header.size is wrong; rejected
 * -EOPNOTSUPP	the storage has no writer
 */

/**
 * perfring_write_begin - begin a batch
 * @ring: of a storage with PERFRING_STORAGE_WRITABLE
 *
 * Records are visible to the reader from perfring_write_end() on.  Without
 * a batch each record is published by itself.
 *
 * In batches data_tail is loaded again only when the room that was known of is used up:
 * one that moves back, which no reader's should, is obeyed from then on.  Outside of them
 * it is loaded for each record, as perf does.
 *
 * Return: 0; -EALREADY in a batch; -EOPNOTSUPP.
 */
int perfring_write_begin(struct perfring_ring *ring);

/**
 * perfring_write_end - publish the batch, once
 * @ring: in a batch
 *
 * Return: 1 when a wakeup was due (the storage's descriptor is readable then);
 * 0 otherwise; -EINVAL not in a batch.
 */
int perfring_write_end(struct perfring_ring *ring);

/**
 * perfring_write - a record made of a payload
 * @ring: as above
 * @type: PERF_RECORD_*; a SAMPLE is laid out by attr.sample_type with the
 *	payload as its RAW field (-EINVAL without PERF_SAMPLE_RAW and @len > 0), the
 *	other fields from perfring_write_set_id(); any other type is header,
 *	payload padded with zeroes to 8 bytes, and sample_id with sample_id_all
 * @misc: header.misc
 * @payload: bytes; NULL: byte i is i & 0xff
 * @len: how many
 *
 * Return: 1 wakeup due (never within a batch), 0, or an error above.
 */
int perfring_write(struct perfring_ring *ring, uint32_t type, uint16_t misc,
		   const void *payload, size_t len);

/**
 * perfring_write_record - a record as it is
 * @ring: as above
 * @data: header and the rest, header.size bytes
 * @len: has to be header.size, 8 or more and a multiple of 8
 *
 * Return: as perfring_write().
 */
int perfring_write_record(struct perfring_ring *ring, const void *data, size_t len);

/**
 * perfring_write_sample - a PERF_RECORD_SAMPLE from its fields
 * @ring: as above
 * @format: layout; NULL: the storage's attr
 * @misc: header.misc
 * @sample: as in perfring_encode_sample()
 *
 * Not from a signal handler: the fields are put together in memory of the ring.
 *
 * Return: as perfring_write().
 */
int perfring_write_sample(struct perfring_ring *ring, const struct perfring_format *format,
			  uint16_t misc, const struct perfring_sample *sample);

/**
 * perfring_write_set_id - who writes
 * @ring: as above
 * @id: for the sample_id of later records (LOST included) and for the fields of
 *	perfring_write(); copied; NULL: all zero, as in a new ring
 *
 * Return: 0; -EOPNOTSUPP.
 */
int perfring_write_set_id(struct perfring_ring *ring, const struct perfring_sample_id *id);

/**
 * struct perfring_write_stats - what became of the records
 * @size: sizeof(struct perfring_write_stats), set by the caller
 * @attempted: written + lost_full + lost_paused + rejected
 * @written: records in the ring, LOST records not counted
 * @lost_full: no room
 * @lost_paused: paused
 * @rejected: never written whatever the room
 * @bytes: of @written
 * @lost_records: PERF_RECORD_LOST written
 * @wakeups: wakeups that were due
 * @high_water: most bytes that waited for the reader
 * @head: the writer's own head, published or not
 */
struct perfring_write_stats {
	size_t size;
	uint64_t attempted;
	uint64_t written;
	uint64_t lost_full;
	uint64_t lost_paused;
	uint64_t rejected;
	uint64_t bytes;
	uint64_t lost_records;
	uint64_t wakeups;
	uint64_t high_water;
	uint64_t head;
};

/**
 * perfring_write_stats - read the counters
 * @ring: as above
 * @stats: filled as far as stats->size goes; exact when no writer is inside
 *
 * Return: 0; -EINVAL size 0; -EOPNOTSUPP.
 */
int perfring_write_stats(const struct perfring_ring *ring, struct perfring_write_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_WRITE_H */
