// SPDX-License-Identifier: MIT
/* Reading forward, warm: the library beside other readers of the same ring. */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "read_peers.h"

#define PAGES	64

/* The published figure for the Go reader that copies each payload, cycles a record. */
#define GO_COPY_CYCLES	25.3

enum { OURS, FLOOR, LIBBPF, LIBPERF_ONCE, LIBPERF_EACH, CILIUM, CONTENDERS };

static void forward_verdicts(uint32_t bytes, const struct bench_run *runs)
{
	const struct bench_sample *ours = &runs[OURS].median;
	char name[64];

	snprintf(name, sizeof(name), "read-%u-cycles-of-libbpf", bytes);
	bench_verdict(name, ours->cycles, runs[LIBBPF].median.cycles);
	snprintf(name, sizeof(name), "read-%u-cycles-of-floor", bytes);
	bench_verdict(name, ours->cycles, runs[FLOOR].median.cycles);
	snprintf(name, sizeof(name), "read-%u-instructions", bytes);
	bench_verdict(name, ours->instructions, 24);
	if (bytes == 40)
		bench_verdict("read-40-cycles-third-of-go-copy", ours->cycles, GO_COPY_CYCLES / 3);
}

static int forward_size(uint32_t bytes)
{
	struct kernel_ring ring;
	struct cilium *cilium = NULL;
	char what[64];
	int err = kernel_ring_open(&ring, PAGES, bytes);
	struct bench_run runs[CONTENDERS] = {
		[OURS] = { .name = "ours", .work = lap_ours, .context = &ring.lap },
		[FLOOR] = { .name = "floor", .work = lap_floor, .context = &ring.lap },
		[LIBBPF] = { .name = "libbpf perf_buffer__consume", .work = libbpf_consume,
			     .context = &ring },
		[LIBPERF_ONCE] = { .name = "libperf, consume once", .context = &ring },
		[LIBPERF_EACH] = { .name = "libperf, consume each", .context = &ring },
		[CILIUM] = { .name = "cilium/ebpf ReadInto" },
	};

	if (err)
		goto out;
	if (ring.libperf) {
		runs[LIBPERF_ONCE].work = libperf_once;
		runs[LIBPERF_EACH].work = libperf_each;
	} else {
		bench_missing("libperf", libperf_missing);
	}
	if (cilium_start(&cilium, PAGES, bytes)) {
		bench_missing("cilium/ebpf", "no go command or no sources of it when the bench was built");
	} else {
		runs[CILIUM].sample = cilium_sample;
		runs[CILIUM].context = cilium;
	}
	snprintf(what, sizeof(what), "%u B records", bytes);
	err = bench_measure(what, runs, CONTENDERS);
	if (!err)
		forward_verdicts(bytes, runs);
out:
	cilium_stop(cilium);
	kernel_ring_close(&ring);
	return err;
}

static int read_forward(void)
{
	int err = forward_size(40);

	return err ? err : forward_size(264);
}

BENCH(read_forward, "A perf ring of 64 pages that a BPF program filled, records alike; a word of each payload is used.");

/* Other ways through the library, on a ring in memory. */
struct way {
	struct lap lap;
	struct perfring_reader *reader;
};

static int on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	struct way *way = context;

	(void)index;
	way->lap.sum ^= lap_word((const unsigned char *)record->data + 8);
	return 0;
}

static uint64_t way_deliver(void *context)
{
	struct way *way = context;
	uint64_t laps, n = 0;

	for (laps = lap_count(&way->lap); laps; laps--) {
		lap_give(&way->lap);
		n += (uint64_t)perfring_reader_consume(way->reader);
	}
	return n == lap_total(&way->lap) ? n : 0;
}

static uint64_t way_pull(void *context)
{
	struct way *way = context;
	struct perfring_record record;
	uint64_t laps, n = 0;

	for (laps = lap_count(&way->lap); laps; laps--) {
		lap_give(&way->lap);
		while (perfring_reader_next(way->reader, &record, NULL) > 0) {
			way->lap.sum ^= lap_word((const unsigned char *)record.data + 8);
			n++;
		}
	}
	return n == lap_total(&way->lap) ? n : 0;
}

static uint64_t way_pop(void *context)
{
	struct lap *lap = context;
	struct perfring_record record;
	uint64_t laps, n = 0;

	for (laps = lap_count(lap); laps; laps--) {
		lap_give(lap);
		while (perfring_ring_peek(lap->ring, &record) > 0) {
			lap->sum ^= lap_word((const unsigned char *)record.data + 8);
			perfring_ring_pop(lap->ring);
			n++;
		}
	}
	return n == lap_total(lap) ? n : 0;
}

static uint64_t way_copy(void *context)
{
	struct lap *lap = context;
	static unsigned char copy[65536];
	uint64_t laps, n = 0;
	int size;

	for (laps = lap_count(lap); laps; laps--) {
		lap_give(lap);
		while ((size = perfring_ring_peek_size(lap->ring)) > 0) {
			perfring_ring_peek_copy(lap->ring, copy, 0, (size_t)size);
			lap->sum ^= lap_word(copy + 8);
			perfring_ring_pop(lap->ring);
			n++;
		}
	}
	return n == lap_total(lap) ? n : 0;
}

static int way_open(struct way *way, uint32_t bytes)
{
	const struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = on_record, .context = way,
	};
	int err = lap_open(&way->lap, PAGES);

	way->reader = NULL;
	if (err)
		return err;
	lap_fill_same(&way->lap, bytes);
	/* A reader keeps its tail: no going back to the start. */
	way->lap.few = 0;
	perfring_ring_close(way->lap.ring);
	way->lap.ring = NULL;
	err = perfring_reader_create(&opts, &way->reader);
	if (!err)
		err = perfring_reader_add(way->reader, way->lap.storage);
	return err < 0 ? err : 0;
}

static int read_ways_size(uint32_t bytes)
{
	struct lap lap;
	struct way way;
	struct bench_run runs[] = {
		{ .name = "batch", .prepare = lap_prepare, .work = lap_ours, .context = &lap },
		{ .name = "floor", .prepare = lap_prepare, .work = lap_floor, .context = &lap },
		{ .name = "reader, callbacks", .work = way_deliver, .context = &way },
		{ .name = "reader, next", .work = way_pull, .context = &way },
		{ .name = "peek, pop", .prepare = lap_prepare, .work = way_pop, .context = &lap },
		{ .name = "peek_size, peek_copy, pop", .prepare = lap_prepare, .work = way_copy,
		  .context = &lap },
	};
	char what[64];
	int err = lap_open(&lap, PAGES);

	if (!err)
		err = way_open(&way, bytes);
	if (err)
		return err;
	lap_fill_same(&lap, bytes);
	snprintf(what, sizeof(what), "%u B records", bytes);
	err = bench_measure(what, runs, sizeof(runs) / sizeof(runs[0]));
	lap_close(&lap);
	/* The storage goes with it. */
	perfring_reader_destroy(way.reader);
	return err;
}

static int read_ways(void)
{
	int err = read_ways_size(40);

	return err ? err : read_ways_size(264);
}

BENCH(read_ways, "The ways through the library, a memory ring of 64 pages, records alike.");

static uint32_t random_of(uint64_t n)
{
	n = (n + 1) * 0x9e3779b97f4a7c15;
	n ^= n >> 29;
	n *= 0xbf58476d1ce4e5b9;
	return (uint32_t)(n >> 40);
}

static uint32_t size_two(const void *context, uint64_t n)
{
	(void)context;
	return random_of(n) % 2 ? 264 : 40;
}

static uint32_t size_many(const void *context, uint64_t n)
{
	(void)context;
	return 16 + 8 * (random_of(n) % 32);
}

/* Just as long as it takes to guess, then another: the worst there is. */
static uint32_t size_runs(const void *context, uint64_t n)
{
	(void)context;
	return 40 + 8 * (random_of(n / (PERFRING_GUESS_AFTER + 2)) % 8);
}

/* Nine of ten alike. */
static uint32_t size_mostly(const void *context, uint64_t n)
{
	(void)context;
	return random_of(n) % 10 ? 40 : 264;
}

static int read_mixed(void)
{
	static const struct {
		const char *what;
		lap_size_fn size;
	} kinds[] = {
		{ "40 or 264 B, by chance", size_two },
		{ "16 to 264 B, by chance", size_many },
		{ "40 B, one in ten 264 B", size_mostly },
		{ "another size after each 18", size_runs },
	};
	struct lap lap;
	struct bench_run runs[] = {
		{ .name = "ours", .prepare = lap_prepare, .work = lap_ours, .context = &lap },
		{ .name = "floor", .prepare = lap_prepare, .work = lap_floor, .context = &lap },
	};
	char name[64];
	int err = lap_open(&lap, PAGES);

	for (size_t i = 0; !err && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		lap_fill(&lap, kinds[i].size, NULL);
		err = bench_measure(kinds[i].what, runs, 2);
		if (err)
			break;
		snprintf(name, sizeof(name), "read-mixed-%zu-cycles-of-floor", i + 1);
		bench_verdict(name, runs[0].median.cycles, 1.25 * runs[1].median.cycles);
	}
	lap_close(&lap);
	return err;
}

BENCH(read_mixed, "Sizes that vary, a memory ring of 64 pages: the processor cannot guess where the next record is.");

/* One point of two pictures: pages, record size. */
static int point(const char *plot, size_t pages, uint32_t bytes, double x)
{
	struct lap lap;
	struct kernel_ring ring;
	int have = kernel_ring_open(&ring, pages, bytes), err = lap_open(&lap, pages);
	struct bench_run runs[] = {
		{ .name = "ours", .prepare = lap_prepare, .work = lap_ours, .context = &lap,
		  .flags = BENCH_NO_STEPS },
		{ .name = "floor", .work = lap_floor, .context = &lap,
		  .flags = BENCH_NO_STEPS },
		{ .name = "libbpf", .work = have ? NULL : libbpf_consume, .context = &ring,
		  .flags = BENCH_NO_STEPS },
	};
	char what[64];

	if (!err) {
		lap_fill_same(&lap, bytes);
		snprintf(what, sizeof(what), "%zu pages, %u B", pages, bytes);
		err = bench_measure(what, runs, 3);
	}
	for (size_t i = 0; !err && i < 3; i++)
		bench_point(plot, runs[i].name, x, runs[i].median.ns);
	kernel_ring_close(&ring);
	lap_close(&lap);
	return err;
}

static int read_sizes(void)
{
	static const uint32_t sizes[] = { 16,	32,   64,   128,  256,	 512,  1024,
					  2048, 4096, 8192, 16384, 32768, 65528 };
	int err = 0;

	bench_plot("read_sizes", "Reading a record, ring of 64 pages", "record size, bytes",
		   "ns a record");
	for (size_t i = 0; !err && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		err = point("read_sizes", PAGES, sizes[i], sizes[i]);
	return err;
}

BENCH(read_sizes, "Costs by the size of a record: what is used of it is one word.");

static int read_rings(void)
{
	int err = 0;

	bench_plot("read_rings", "Reading a record of 40 B", "pages of the ring", "ns a record");
	for (size_t pages = 1; !err && pages <= 4096; pages *= 2)
		err = point("read_rings", pages, 40, (double)pages);
	return err;
}

BENCH(read_rings, "Costs by the size of the ring: it is warm as far as the caches hold it.");
