// SPDX-License-Identifier: MIT
/*
 * Writing to a ring in memory by one thread, warm: the library beside the simplest
 * writer of the same ring, which is header, size, memcpy, and one release a batch.
 *
 * A watermark beyond the ring is the ring's size, as in perf: each time that the ring is full
 * the library tells its descriptor, which costs more than a thousand cycles.  The simplest
 * writer tells one of its own as often, so that both do the same for their readers.
 */
#include <errno.h>
#include <perfring/perfring.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

#define PAGES	64
#define PASSES	64	/* over the whole ring, in one repetition */

static unsigned char payload[65536] __attribute__((aligned(64)));

/* Instructions of the Go writer that is the peer, without Go on this machine: as once counted. */
#define GO_40	117
#define GO_264	153

struct write_bench {
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	struct perf_event_mmap_page *control;
	unsigned char *data;
	uint64_t mask;
	uint64_t head;		/* the floor's own */
	int fd;			/* the same */
	const unsigned char *payload;
	uint32_t len;
};

static uint64_t write_passes(void)
{
	return bench_stepping() ? 1 : PASSES;
}

/* Who reads all of it at once. */
static void write_drop(struct write_bench *b)
{
	uint64_t head = __atomic_load_n(&b->control->data_head, __ATOMIC_RELAXED);

	__atomic_store_n(&b->control->data_tail, head, __ATOMIC_RELEASE);
}

static void floor_across(struct write_bench *b, uint64_t at, const void *from, uint64_t len)
{
	uint64_t first = b->mask + 1 - at;

	if (first > len)
		first = len;
	memcpy(b->data + at, from, first);
	memcpy(b->data, (const unsigned char *)from + first, len - first);
}

/* Does not know about signal handlers, losses, pauses, counters, nor when to tell. */
static inline bool floor_put(struct write_bench *b, const void *from, uint32_t len)
{
	uint32_t raw = ((len + 4 + 7) & ~7U) - 4;
	uint64_t size = 12 + raw, at = b->head & b->mask;
	uint64_t tail = __atomic_load_n(&b->control->data_tail, __ATOMIC_ACQUIRE);

	if (b->head - tail + size > b->mask)
		return false;
	if (at + size <= b->mask + 1) {
		struct perf_event_header *header = (void *)(b->data + at);

		header->type = PERF_RECORD_SAMPLE;
		header->misc = 0;
		header->size = (uint16_t)size;
		memcpy(b->data + at + 8, &raw, 4);
		memcpy(b->data + at + 12, from, len);
	} else {
		struct perf_event_header header = { PERF_RECORD_SAMPLE, 0, (uint16_t)size };

		floor_across(b, at, &header, 8);
		floor_across(b, (at + 8) & b->mask, &raw, 4);
		floor_across(b, (at + 12) & b->mask, from, len);
	}
	b->head += size;
	return true;
}

static uint64_t write_floor(void *context)
{
	struct write_bench *b = context;
	uint64_t n = 0;

	for (uint64_t pass = 0; pass < write_passes(); pass++) {
		while (floor_put(b, b->payload, b->len))
			n++;
		__atomic_store_n(&b->control->data_head, b->head, __ATOMIC_RELEASE);
		if (eventfd_write(b->fd, 1))
			return 0;
		write_drop(b);
	}
	return n;
}

static uint64_t write_batches(void *context)
{
	struct write_bench *b = context;
	uint64_t n = 0;

	for (uint64_t pass = 0; pass < write_passes(); pass++) {
		perfring_write_begin(b->ring);
		while (!perfring_write(b->ring, PERF_RECORD_SAMPLE, 0, b->payload, b->len))
			n++;
		perfring_write_end(b->ring);
		write_drop(b);
	}
	return n;
}

static uint64_t write_singles(void *context)
{
	struct write_bench *b = context;
	uint64_t n = 0;

	for (uint64_t pass = 0; pass < write_passes(); pass++) {
		while (perfring_write(b->ring, PERF_RECORD_SAMPLE, 0, b->payload, b->len) >= 0)
			n++;
		write_drop(b);
	}
	return n;
}

/* Each has a ring of its own: the floor's head is not the library's. */
static int write_open(struct write_bench *b, size_t pages, uint32_t len)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW, .watermark = 1, .wakeup_watermark = 1U << 30,
	};
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = pages, .attr = &attr };
	int err = perfring_storage_open_memory(&opts, &b->storage);

	if (err)
		return err;
	b->control = perfring_storage_control(b->storage);
	/* The floor writes where the library would. */
	b->data = (unsigned char *)b->control + b->control->data_offset;
	b->mask = perfring_storage_data_size(b->storage) - 1;
	b->len = len;
	b->payload = payload;
	b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->fd < 0)
		return -errno;
	memset(payload, 0x5a, sizeof(payload));
	return perfring_ring_open(b->storage, NULL, &b->ring);
}

static void write_close(struct write_bench *b)
{
	perfring_ring_close(b->ring);
	perfring_storage_close(b->storage);
	if (b->fd > 0)
		close(b->fd);
}

static int write_size(size_t pages, uint32_t len, double go)
{
	struct write_bench batch = { 0 }, single = { 0 }, floor = { 0 };
	struct bench_run runs[] = {
		{ .name = "ours, batch", .work = write_batches, .context = &batch },
		{ .name = "floor", .work = write_floor, .context = &floor },
		{ .name = "ours, each published", .work = write_singles, .context = &single },
	};
	uint32_t bytes = len + 12;
	char name[64];
	int err = write_open(&batch, pages, len);

	err = err ? err : write_open(&single, pages, len);
	err = err ? err : write_open(&floor, pages, len);
	snprintf(name, sizeof(name), "%u B records", bytes);
	err = err ? err : bench_measure(name, runs, 3);
	if (!err) {
		snprintf(name, sizeof(name), "write-%u-cycles-floor", bytes);
		bench_verdict(name, runs[0].median.cycles, 1.25 * runs[1].median.cycles);
		snprintf(name, sizeof(name), "write-%u-insn-floor", bytes);
		bench_verdict(name, runs[0].median.instructions,
			      1.25 * runs[1].median.instructions);
		snprintf(name, sizeof(name), "write-%u-insn-go", bytes);
		bench_verdict(name, runs[0].median.instructions, go / 2);
	}
	write_close(&batch);
	write_close(&single);
	write_close(&floor);
	return err;
}

static int write_memory(void)
{
	/* Of some thousand records the instructions can be stepped through. */
	int err = write_size(PAGES / 4, 28, GO_40);

	return err ? err : write_size(PAGES, 252, GO_264);
}

BENCH(write_memory, "Writing samples to a ring in memory of 16 or 64 pages until it is full, again and again.");

static int write_point(uint32_t bytes)
{
	struct write_bench batch = { 0 }, single = { 0 }, floor = { 0 };
	struct bench_run runs[] = {
		{ .name = "ours, batch", .work = write_batches, .context = &batch,
		  .flags = BENCH_NO_STEPS },
		{ .name = "ours, each published", .work = write_singles, .context = &single,
		  .flags = BENCH_NO_STEPS },
		{ .name = "floor", .work = write_floor, .context = &floor,
		  .flags = BENCH_NO_STEPS },
	};
	char what[64];
	int err = write_open(&batch, PAGES, bytes - 12);

	err = err ? err : write_open(&single, PAGES, bytes - 12);
	err = err ? err : write_open(&floor, PAGES, bytes - 12);
	snprintf(what, sizeof(what), "%u B", bytes);
	err = err ? err : bench_measure(what, runs, 3);
	for (size_t i = 0; !err && i < 3; i++)
		bench_point("write_sizes", runs[i].name, bytes, runs[i].median.ns);
	write_close(&batch);
	write_close(&single);
	write_close(&floor);
	return err;
}

static int write_sizes(void)
{
	int err = 0;

	bench_plot("write_sizes", "Writing a record, ring of 64 pages", "record size, bytes",
		   "ns a record (log)");
	for (uint32_t bytes = 16; !err && bytes < 65536; bytes *= 2)
		err = write_point(bytes);
	return err ? err : write_point(PERFRING_RECORD_MAX);
}

BENCH(write_sizes, "Costs by the size of a record that is written.");
