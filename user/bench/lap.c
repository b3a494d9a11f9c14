// SPDX-License-Identifier: MIT
#include <errno.h>

#include "lap.h"

#define BYTES_EACH	(16U << 20)	/* of records, in one measurement */
#define FEW		1000U		/* records to be stepped through */

static void lap_set(struct lap *lap)
{
	lap->control = perfring_storage_control(lap->storage);
	lap->data = (unsigned char *)perfring_storage_data(lap->storage);
	lap->size = perfring_storage_data_size(lap->storage);
	lap->laps = BYTES_EACH / lap->size + 1;
}

int lap_open(struct lap *lap, size_t pages)
{
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = pages };
	int err;

	memset(lap, 0, sizeof(*lap));
	err = perfring_storage_open_memory(&opts, &lap->storage);
	if (err)
		return err;
	lap_set(lap);
	lap->exact = true;
	return perfring_ring_open(lap->storage, NULL, &lap->ring);
}

/* Where the first records end. */
static void lap_few(struct lap *lap)
{
	struct perf_event_header header;

	lap->few = 0;
	for (lap->few_records = 0; lap->few_records < FEW; lap->few_records++) {
		/* Its end is across that of the data, or nothing is left. */
		if (lap->few == lap->used || lap->few >= lap->size - sizeof(header))
			break;
		memcpy(&header, lap->data + (lap->first + lap->few) % lap->size, sizeof(header));
		lap->few += header.size;
	}
}

void lap_fill(struct lap *lap, lap_size_fn size, const void *context)
{
	uint64_t at = 0, n, left;

	memset(lap->data, 0x5a, lap->size);
	for (n = 0; at < lap->size; n++) {
		struct perf_event_header header = { .type = PERF_RECORD_SAMPLE };
		uint32_t bytes = size(context, n);

		left = lap->size - at;
		header.size = (uint16_t)(left < bytes + 16U ? left : bytes);
		/* What is left may be more than a record can be. */
		if (left >= 65536 && bytes + 16U > left)
			header.size = (uint16_t)(left / 16 * 8);
		memcpy(lap->data + at, &header, sizeof(header));
		at += header.size;
	}
	lap->used = lap->size;
	lap->records = n;
	lap_few(lap);
}

static uint32_t same_size(const void *context, uint64_t n)
{
	(void)n;
	return *(const uint32_t *)context;
}

void lap_fill_same(struct lap *lap, uint32_t bytes)
{
	lap_fill(lap, same_size, &bytes);
}

int lap_adopt(struct lap *lap, void *base, size_t bytes, uint64_t records)
{
	struct perf_event_mmap_page *control = base;
	int err;

	memset(lap, 0, sizeof(*lap));
	err = perfring_storage_from_contiguous(base, bytes, NULL, &lap->storage);
	if (err)
		return err;
	lap_set(lap);
	lap->first = control->data_tail;
	lap->used = control->data_head - lap->first;
	lap->records = records;
	lap_few(lap);
	return perfring_ring_open(lap->storage, NULL, &lap->ring);
}

void lap_close(struct lap *lap)
{
	perfring_ring_close(lap->ring);
	perfring_storage_close(lap->storage);
	lap->ring = NULL;
	lap->storage = NULL;
}

int lap_prepare(void *context)
{
	struct lap *lap = context;
	uint64_t tail = lap->control->data_tail;

	/* Where a few were read, the others are left out. */
	if (lap->exact && tail % lap->size) {
		tail += lap->size - tail % lap->size;
		__atomic_store_n(&lap->control->data_head, tail, __ATOMIC_RELEASE);
		__atomic_store_n(&lap->control->data_tail, tail, __ATOMIC_RELEASE);
	}
	perfring_ring_close(lap->ring);
	lap->ring = NULL;
	return perfring_ring_open(lap->storage, NULL, &lap->ring);
}

uint64_t lap_ours(void *context)
{
	uint64_t sum = 0, n = 0, laps;
	struct lap *lap = context;
	struct perfring_record record;
	struct perfring_batch batch;

	for (laps = lap_count(lap); laps; laps--) {
		lap_give(lap);
		/* A ring keeps its own tail, which was set back with the other. */
		if (!lap->exact && lap_prepare(lap))
			return 0;
		perfring_batch_begin(lap->ring, &batch);
		while (perfring_batch_next(&batch, &record) > 0) {
			sum ^= lap_word((const unsigned char *)record.data + 8);
			n++;
		}
		perfring_batch_commit(&batch);
	}
	lap->sum = sum;
	return n == lap_total(lap) ? n : 0;
}

uint64_t lap_floor(void *context)
{
	struct lap *lap = context;
	const unsigned char *data = lap->data;
	uint64_t mask = lap->size - 1, sum = 0, laps, tail, head;

	for (laps = lap_count(lap); laps; laps--) {
		lap_give(lap);
		tail = lap->control->data_tail;
		head = __atomic_load_n(&lap->control->data_head, __ATOMIC_ACQUIRE);
		while (tail != head) {
			const struct perf_event_header *header =
				(const void *)(data + (tail & mask));

			sum ^= lap_word(header + 1);
			tail += header->size;
		}
		__atomic_store_n(&lap->control->data_tail, tail, __ATOMIC_RELEASE);
	}
	lap->sum = sum;
	return lap_total(lap);
}
