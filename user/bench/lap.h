/* SPDX-License-Identifier: MIT */
/* Rings that hold the same records lap after lap, and those who read them. */
#ifndef PERFRING_BENCH_LAP_H
#define PERFRING_BENCH_LAP_H

#include <perfring/perfring.h>
#include <string.h>

#include "bench.h"

/**
 * struct lap - a ring and what it holds
 * @exact: it is full of records to the last byte, so that a lap follows another;
 *	otherwise (the kernel filled it) tail and head are set back
 * @first: position of the first record
 * @used: bytes of records
 * @records: how many
 * @few: bytes of the first of them, as many as are stepped through; 0: all
 * @few_records: how many
 * @laps: to be read in one measurement
 * @sum: of what was read, so that it is read
 */
struct lap {
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	struct perf_event_mmap_page *control;
	unsigned char *data;
	uint64_t size;
	uint64_t first;
	uint64_t used;
	uint64_t records;
	uint64_t few;
	uint64_t few_records;
	uint64_t laps;
	uint64_t sum;
	bool exact;
};

/* Sizes of the records that lap_fill() makes: of number @n. */
typedef uint32_t (*lap_size_fn)(const void *context, uint64_t n);

/* A memory ring; close is harmless after an error */
int lap_open(struct lap *lap, size_t pages);
/* The last record takes what is left. */
void lap_fill(struct lap *lap, lap_size_fn size, const void *context);
void lap_fill_same(struct lap *lap, uint32_t bytes);
/* Somebody else's ring, filled. */
int lap_adopt(struct lap *lap, void *base, size_t bytes, uint64_t records);
void lap_close(struct lap *lap);

/* How many laps now: one when instructions are stepped through. */
static inline uint64_t lap_count(const struct lap *lap)
{
	return bench_stepping() ? 1 : lap->laps;
}

/* All records once more, or a few. */
static inline void lap_give(struct lap *lap)
{
	uint64_t used = bench_stepping() && lap->few ? lap->few : lap->used;

	if (!lap->exact)
		__atomic_store_n(&lap->control->data_tail, lap->first, __ATOMIC_RELEASE);
	__atomic_store_n(&lap->control->data_head, lap->control->data_tail + used,
			 __ATOMIC_RELEASE);
}

/* How many all laps give. */
static inline uint64_t lap_total(const struct lap *lap)
{
	if (bench_stepping() && lap->few)
		return lap->few_records;
	return lap_count(lap) * lap->records;
}

/* What each contender does with a record: one word of its payload. */
static inline uint64_t lap_word(const void *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* For struct bench_run; context is a struct lap */
int lap_prepare(void *lap);		/* tail to the start, and the ring is where that is */
uint64_t lap_ours(void *lap);		/* batches */
uint64_t lap_floor(void *lap);		/* the simplest loop, no check */

#endif /* PERFRING_BENCH_LAP_H */
