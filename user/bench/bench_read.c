// SPDX-License-Identifier: MIT
/* Reading forward, warm: the library beside the simplest loop over the same ring. */
#include <errno.h>
#include <perfring/perfring.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define PAGES	64
#define PASSES	64	/* over the whole ring, in one repetition */

/* A ring that is full of records, so that the next lap is the same again. */
struct read_bench {
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	struct perf_event_mmap_page *control;
	const unsigned char *data;
	uint64_t size;
	uint64_t records;	/* of one lap */
	uint64_t sum;
};

static uint64_t read_passes(void)
{
	return bench_stepping() ? 1 : PASSES;
}

/* Records of @bytes, the last one of what is left. */
static void read_fill(struct read_bench *b, uint32_t bytes)
{
	unsigned char *data = (unsigned char *)b->data;
	uint64_t at = 0;

	memset(data, 0x5a, b->size);
	for (b->records = 0; at < b->size; b->records++) {
		uint64_t left = b->size - at;
		struct perf_event_header header = {
			.type = PERF_RECORD_SAMPLE,
			.size = (uint16_t)(left < bytes + 16 ? left : bytes),
		};

		memcpy(data + at, &header, sizeof(header));
		at += header.size;
	}
}

/* Give the reader a whole lap. */
static void read_lap(struct read_bench *b)
{
	uint64_t tail = b->control->data_tail;

	__atomic_store_n(&b->control->data_head, tail + b->size, __ATOMIC_RELEASE);
}

static uint64_t word_of(const void *record)
{
	uint64_t word;

	memcpy(&word, (const unsigned char *)record + 8, sizeof(word));
	return word;
}

/* The others moved data_tail, of which a ring has a copy. */
static int read_prepare(void *context)
{
	struct read_bench *b = context;

	perfring_ring_close(b->ring);
	b->ring = NULL;
	return perfring_ring_open(b->storage, NULL, &b->ring);
}

static uint64_t read_ours(void *context)
{
	struct read_bench *b = context;
	struct perfring_record record;
	struct perfring_batch batch;
	uint64_t sum = 0, n = 0;

	for (uint64_t pass = 0; pass < read_passes(); pass++) {
		read_lap(b);
		perfring_batch_begin(b->ring, &batch);
		while (perfring_batch_next(&batch, &record) > 0) {
			sum ^= word_of(record.data);
			n++;
		}
		perfring_batch_commit(&batch);
	}
	b->sum = sum;
	return n == read_passes() * b->records ? n : 0;
}

static uint64_t read_floor(void *context)
{
	struct read_bench *b = context;
	const unsigned char *data = b->data;
	uint64_t mask = b->size - 1, sum = 0;

	for (uint64_t pass = 0; pass < read_passes(); pass++) {
		uint64_t tail = b->control->data_tail, head;

		read_lap(b);
		head = __atomic_load_n(&b->control->data_head, __ATOMIC_ACQUIRE);
		while (tail != head) {
			const struct perf_event_header *header =
				(const void *)(data + (tail & mask));

			sum ^= word_of(header);
			tail += header->size;
		}
		__atomic_store_n(&b->control->data_tail, tail, __ATOMIC_RELEASE);
	}
	b->sum = sum;
	return read_passes() * b->records;
}

static int read_open(struct read_bench *b, size_t pages)
{
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = pages };
	int err = perfring_storage_open_memory(&opts, &b->storage);

	if (!err)
		err = perfring_ring_open(b->storage, NULL, &b->ring);
	if (err)
		return err;
	b->control = perfring_storage_control(b->storage);
	b->data = perfring_storage_data(b->storage);
	b->size = perfring_storage_data_size(b->storage);
	return 0;
}

static void read_close(struct read_bench *b)
{
	perfring_ring_close(b->ring);
	perfring_storage_close(b->storage);
}

static int read_size(uint32_t bytes)
{
	struct read_bench b = { 0 };
	struct bench_run runs[] = {
		{ .name = "ours", .prepare = read_prepare, .work = read_ours, .context = &b },
		{ .name = "floor", .work = read_floor, .context = &b },
	};
	char name[64];
	int err = read_open(&b, PAGES);

	if (err)
		return err;
	read_fill(&b, bytes);
	snprintf(name, sizeof(name), "%u B records", bytes);
	err = bench_measure(name, runs, 2);
	if (!err) {
		snprintf(name, sizeof(name), "read-%u-cycles-floor", bytes);
		bench_verdict(name, runs[0].median.cycles, 1.25 * runs[1].median.cycles);
	}
	read_close(&b);
	return err;
}

static int read_forward(void)
{
	int err = read_size(40);

	return err ? err : read_size(264);
}

BENCH(read_forward, "Forward reading of a warm ring of 64 pages, one word of each record's payload used.");
