// SPDX-License-Identifier: MIT
/*
 * Records of many rings in order of time: the library's merge, a heap of the rings' oldest
 * records in the simplest C (which checks nothing, and whose order is wrong when a ring
 * runs empty), and reading ring by ring without any order.
 */
#include <errno.h>
#include <perfring/perfring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define RINGS_MAX	512
#define RECORDS		16384U	/* in all rings */
#define RECORDS_FEW	4096U	/* to be stepped through; */
#define RECORDS_EACH	16U	/* and in each ring at least: a round looks at all rings */
#define RECORD		40	/* bytes: header, time, raw size, 20 bytes */

/* Published for the Go reader of the same kind, 64 rings in random order. */
#define HEAP_GO_INSN	921.0
#define HEAP_GO_NS	79.0

/* A set of rings for each contender, because each moves the tails. */
struct merge_bench {
	unsigned int nr;
	unsigned int run;		/* records in a row from one ring */
	unsigned int records;		/* in all of them */
	uint64_t time;			/* of the next record */
	uint64_t size;			/* data bytes of a ring */
	struct perfring_reader *reader;
	struct perfring_merge *merge;	/* NULL: none */
	struct perf_event_mmap_page *control[RINGS_MAX];
	unsigned char *data[RINGS_MAX];
	unsigned int filled[RINGS_MAX];	/* records */
};

static void close_rings(struct merge_bench *b)
{
	perfring_merge_destroy(b->merge);
	perfring_reader_destroy(b->reader);
	free(b);
}

static int open_rings(struct merge_bench **out, unsigned int nr, unsigned int run, bool merge)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
	};
	struct perfring_memory_opts opts = {
		.size = sizeof(opts), .attr = &attr,
		.pages = perfring_pages_for_bytes((size_t)RECORDS / nr * RECORD),
	};
	struct perfring_storage *storage;
	struct merge_bench *b = calloc(1, sizeof(*b));
	int err = b ? perfring_reader_create(NULL, &b->reader) : -ENOMEM;

	for (; !err && b->nr < nr; b->nr++) {
		err = perfring_storage_open_memory(&opts, &storage);
		if (err)
			break;
		b->control[b->nr] = perfring_storage_control(storage);
		b->data[b->nr] = (unsigned char *)b->control[b->nr] +
				 perfring_storage_page_size(storage);
		b->size = perfring_storage_data_size(storage);
		err = perfring_reader_add(b->reader, storage);
		if (err < 0)
			perfring_storage_close(storage);
		else
			err = 0;
	}
	if (!err && merge)
		err = perfring_merge_create(b->reader, NULL, &b->merge);
	if (!err && merge) {
		err = perfring_merge_add_all(b->merge, NULL);
		err = err < 0 ? err : 0;
	}
	if (err) {
		if (b)
			close_rings(b);
		return err;
	}
	b->run = run;
	b->time = 1;
	*out = b;
	return 0;
}

static void put_word(struct merge_bench *b, unsigned int ring, uint64_t position, uint64_t word)
{
	memcpy(b->data[ring] + (position & (b->size - 1)), &word, sizeof(word));
}

/* One record to the ring, whose payload does not matter. */
static void put_record(struct merge_bench *b, unsigned int ring)
{
	struct perf_event_header header = { .type = PERF_RECORD_SAMPLE, .size = RECORD };
	uint64_t at = b->control[ring]->data_head, word;

	memcpy(&word, &header, sizeof(word));
	put_word(b, ring, at, word);
	put_word(b, ring, at + 8, b->time++);
	b->filled[ring]++;
	__atomic_store_n(&b->control[ring]->data_head, at + RECORD, __ATOMIC_RELEASE);
}

/* As many records to each ring, where each next run goes to a random one. */
static int prepare(void *context)
{
	struct merge_bench *b = context;
	unsigned int each, full = 0, ring;
	uint64_t random = b->time;

	b->records = RECORDS;
	if (bench_stepping()) {
		b->records = b->nr * RECORDS_EACH;
		if (b->records < RECORDS_FEW)
			b->records = RECORDS_FEW;
	}
	each = b->records / b->nr;
	memset(b->filled, 0, sizeof(b->filled));
	while (full < b->nr) {
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		ring = (unsigned int)((random >> 33) % b->nr);
		if (b->filled[ring] == each)
			continue;
		for (unsigned int i = 0; i < b->run && b->filled[ring] < each; i++)
			put_record(b, ring);
		full += b->filled[ring] == each;
	}
	return 0;
}

static uint64_t time_of(const void *data)
{
	uint64_t time;

	memcpy(&time, (const unsigned char *)data + 8, sizeof(time));
	return time;
}

static uint64_t by_merge(void *context)
{
	struct merge_bench *b = context;
	struct perfring_record record;
	uint64_t n = 0, sum = 0;

	while (perfring_merge_next(b->merge, &record, NULL) > 0) {
		sum ^= time_of(record.data);
		n++;
	}
	bench_keep(sum);
	return n == b->records ? n : 0;
}

static uint64_t by_reader(void *context)
{
	struct merge_bench *b = context;
	struct perfring_record record;
	uint64_t n = 0, sum = 0;

	while (perfring_reader_next(b->reader, &record, NULL) > 0) {
		sum ^= time_of(record.data);
		n++;
	}
	bench_keep(sum);
	return n == b->records ? n : 0;
}

/* The time of the record at @at, which may lie across the end. */
static uint64_t load_time(const unsigned char *data, uint64_t at, uint64_t mask)
{
	uint64_t time;

	memcpy(&time, data + ((at + 8) & mask), sizeof(time));
	return time;
}

struct head {
	uint64_t time;
	uint64_t at;
	uint64_t end;
	unsigned int ring;
};

static void heap_down(struct head *heap, unsigned int nr, unsigned int i)
{
	struct head head = heap[i];
	unsigned int child;

	for (; (child = 2 * i + 1) < nr; i = child) {
		if (child + 1 < nr && heap[child + 1].time < heap[child].time)
			child++;
		if (head.time <= heap[child].time)
			break;
		heap[i] = heap[child];
	}
	heap[i] = head;
}

static uint64_t by_heap(void *context)
{
	struct merge_bench *b = context;
	static struct head heap[RINGS_MAX];
	uint64_t n = 0, sum = 0, mask = b->size - 1;
	unsigned int nr = 0, i;

	for (i = 0; i < b->nr; i++) {
		struct head head = { .at = b->control[i]->data_tail, .ring = i };

		head.end = __atomic_load_n(&b->control[i]->data_head, __ATOMIC_ACQUIRE);
		if (head.at == head.end)
			continue;
		head.time = load_time(b->data[i], head.at, mask);
		heap[nr++] = head;
	}
	for (i = nr / 2; i--;)
		heap_down(heap, nr, i);
	while (nr) {
		struct head *top = &heap[0];
		const unsigned char *data = b->data[top->ring];
		const struct perf_event_header *header = (const void *)(data + (top->at & mask));

		sum ^= top->time;
		n++;
		top->at += header->size;
		if (top->at == top->end) {
			__atomic_store_n(&b->control[top->ring]->data_tail, top->at,
					 __ATOMIC_RELEASE);
			heap[0] = heap[--nr];
		} else {
			top->time = load_time(data, top->at, mask);
		}
		heap_down(heap, nr, 0);
	}
	bench_keep(sum);
	return n == b->records ? n : 0;
}

/* The costs of the merge, and of reading without order. */
static int measure(unsigned int nr, unsigned int run, struct bench_sample *merged,
		   struct bench_sample *plain)
{
	struct bench_run runs[] = {
		{ .name = "ours", .prepare = prepare, .work = by_merge },
		{ .name = "heap of heads, C", .prepare = prepare, .work = by_heap },
		{ .name = "reader, unordered", .prepare = prepare, .work = by_reader },
	};
	struct merge_bench *b[3] = { NULL };
	char name[64];
	int err = 0;

	/* Steps take long; these are what the targets are about. */
	if (nr < 16)
		runs[0].flags = BENCH_NO_STEPS;
	runs[1].flags = BENCH_NO_STEPS;
	runs[2].flags = BENCH_NO_STEPS;
	for (int i = 0; !err && i < 3; i++) {
		err = open_rings(&b[i], nr, run, i == 0);
		runs[i].context = b[i];
	}
	if (run == 1)
		snprintf(name, sizeof(name), "%u rings, random order", nr);
	else
		snprintf(name, sizeof(name), "%u rings, runs of %u", nr, run);
	if (!err)
		err = bench_measure(name, runs, 3);
	*merged = runs[0].median;
	*plain = runs[2].median;
	if (!err && run == 1) {
		bench_point("merge", "perfring_merge_next", nr, runs[0].median.ns);
		bench_point("merge", "heap of heads, C, unchecked", nr, runs[1].median.ns);
		bench_point("merge", "perfring_reader_next, unordered", nr, runs[2].median.ns);
	}
	for (int i = 0; i < 3; i++)
		if (b[i])
			close_rings(b[i]);
	return err;
}

static int merge_rings(void)
{
	static const unsigned int rings[] = { 1, 2, 8, 64, 512 };
	struct bench_sample merged[5], plain[5], row, reader;
	int err = 0;

	bench_plot("merge", "Records of 40 bytes from many rings, in order of time", "rings",
		   "ns a record (log)");
	for (int i = 0; !err && i < 5; i++)
		err = measure(rings[i], 1, &merged[i], &plain[i]);
	if (!err)
		err = measure(16, 64, &row, &reader);
	if (err)
		return err;
	bench_note("Peer by its published figures: a heap of heads in Go, 64 rings, random order: %.0f instructions, %.0f ns.",
		   HEAP_GO_INSN, HEAP_GO_NS);
	bench_verdict("merge-64-insn", merged[3].instructions, HEAP_GO_INSN / 3);
	bench_verdict("merge-64-ns", merged[3].ns, HEAP_GO_NS / 3);
	/* log2 of 512 is 9, of 64 it is 6. */
	bench_verdict("merge-512-insn-log2", merged[4].instructions,
		      merged[3].instructions * 9 / 6);
	bench_verdict("merge-runs-cycles", row.cycles, 2 * reader.cycles);
	return 0;
}

BENCH(merge_rings, "Reading many rings in order of time; records of 40 bytes with PERF_SAMPLE_TIME.");
