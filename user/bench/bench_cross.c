// SPDX-License-Identifier: MIT
/* From one CPU to another: a writer, a reader, and a ring between them. */
#include <errno.h>
#include <math.h>
#include <perfring/perfring.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define PAGES	64
#define EVERY	32		/* records of one publication */
#define RECORDS	(1U << 20)	/* a multiple of EVERY */

/* A way from writer to reader; both sides count, both sides stop at RECORDS. */
struct cross {
	void (*write)(struct cross *cross);
	void (*read)(struct cross *cross);
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	unsigned char *data;
	uint64_t size;
	uint32_t payload;
	struct perf_event_mmap_page *control;
	uint64_t seen;
	bool ready;
	bool gone;		/* the writer has ended */
};

/* Made beforehand, each begins with its number: what has just been stored loads slowly. */
#define PAYLOADS	16

static uint64_t payloads[PAYLOADS][32];

static void payloads_make(void)
{
	for (uint64_t i = 0; i < PAYLOADS; i++)
		payloads[i][0] = i;
}

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/*
 * What a trivial ring costs: no wrapped records, no losses, sizes as they are.  Both positions
 * are where the format has them, in one cache line.
 */
static void trivial_write(struct cross *cross)
{
	uint32_t bytes = (8 + 4 + cross->payload + 7) & ~7U;
	uint64_t mask = cross->size - 1, head = cross->control->data_head;
	uint32_t raw = bytes - 12;
	uint64_t tail = 0;

	for (uint32_t i = 0; i < RECORDS; i++) {
		struct perf_event_header header = { .type = PERF_RECORD_SAMPLE,
						    .size = (uint16_t)bytes };
		uint64_t left = cross->size - (head & mask);
		unsigned char *at;

		/* To the start, the rest is a gap that the reader knows. */
		if (left < bytes)
			head += left;
		while (head + bytes - tail > cross->size) {
			tail = __atomic_load_n(&cross->control->data_tail, __ATOMIC_ACQUIRE);
			/* What waits must be published before it can be read. */
			__atomic_store_n(&cross->control->data_head, head, __ATOMIC_RELEASE);
			relax();
		}
		at = cross->data + (head & mask);
		memcpy(at, &header, sizeof(header));
		memcpy(at + 8, &raw, sizeof(raw));
		memcpy(at + 12, payloads[i % PAYLOADS], cross->payload);
		head += bytes;
		if ((i + 1) % EVERY == 0)
			__atomic_store_n(&cross->control->data_head, head, __ATOMIC_RELEASE);
	}
}

static void trivial_read(struct cross *cross)
{
	uint32_t bytes = (8 + 4 + cross->payload + 7) & ~7U;
	uint64_t mask = cross->size - 1, tail = cross->control->data_tail, head;
	const unsigned char *data = cross->data;
	uint32_t word, wrong = 0;

	for (uint32_t n = 0; n < RECORDS;) {
		head = __atomic_load_n(&cross->control->data_head, __ATOMIC_ACQUIRE);
		if (head == tail)
			relax();
		while (tail != head) {
			const unsigned char *at = data + (tail & mask);
			uint64_t left = cross->size - (tail & mask);

			if (left < bytes) {
				tail += left;
				continue;
			}
			memcpy(&word, at + 12, sizeof(word));
			wrong |= word ^ n % PAYLOADS;
			tail += ((const struct perf_event_header *)(const void *)at)->size;
			n++;
		}
		__atomic_store_n(&cross->control->data_tail, tail, __ATOMIC_RELEASE);
	}
	cross->seen = wrong ? 0 : RECORDS;
}

static void ours_write(struct cross *cross)
{
	uint32_t i;
	int ret;

	perfring_write_begin(cross->ring);
	for (i = 0; i < RECORDS;) {
		ret = perfring_write(cross->ring, PERF_RECORD_SAMPLE, 0, payloads[i % PAYLOADS],
				     cross->payload);
		if (ret == -ENOSPC) {
			perfring_write_end(cross->ring);
			relax();
			perfring_write_begin(cross->ring);
			continue;
		}
		if (ret < 0)
			break;
		i++;
		if (i % EVERY == 0) {
			perfring_write_end(cross->ring);
			perfring_write_begin(cross->ring);
		}
	}
	perfring_write_end(cross->ring);
}

static void ours_read(struct cross *cross)
{
	struct perfring_record record;
	struct perfring_batch batch;
	uint32_t n = 0, before, word, wrong = 0;
	bool gone;

	while (n < RECORDS) {
		gone = __atomic_load_n(&cross->gone, __ATOMIC_ACQUIRE);
		before = n;
		if (perfring_batch_begin(cross->ring, &batch))
			break;
		while (perfring_batch_next(&batch, &record) > 0) {
			/* The writer tells what did not fit; it tries again. */
			if (record.type == PERF_RECORD_LOST)
				continue;
			memcpy(&word, (const unsigned char *)record.data + 12, sizeof(word));
			wrong |= word ^ n % PAYLOADS;
			n++;
		}
		perfring_batch_commit(&batch);
		if (n != before)
			continue;
		/* It gave up, and that was all. */
		if (gone)
			break;
		relax();
	}
	cross->seen = wrong ? 0 : n;
}

static void *writer(void *context)
{
	struct cross *cross = context;

	bench_realtime(true);
	__atomic_store_n(&cross->ready, true, __ATOMIC_RELEASE);
	cross->write(cross);
	__atomic_store_n(&cross->gone, true, __ATOMIC_RELEASE);
	return NULL;
}

/* A thread on bench_cpu() from its first instruction on: ours may not leave it its CPU. */
static int writer_start(struct cross *cross, pthread_t *thread)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int err;

	CPU_ZERO(&set);
	CPU_SET(bench_cpu(), &set);
	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	err = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (!err)
		err = pthread_create(thread, &attr, writer, cross);
	pthread_attr_destroy(&attr);
	return -err;
}

static int cross_sample(void *context, struct bench_sample *sample)
{
	struct cross *cross = context;
	uint64_t start;
	pthread_t thread = 0;
	int err;

	err = bench_pin(bench_other_cpu());
	if (err)
		return err;
	cross->ready = false;
	cross->gone = false;
	err = writer_start(cross, &thread);
	if (err)
		return err;
	while (!__atomic_load_n(&cross->ready, __ATOMIC_ACQUIRE))
		sched_yield();
	bench_realtime(true);
	start = bench_now();
	cross->read(cross);
	pthread_join(thread, NULL);
	sample->ns = (double)(bench_now() - start) / RECORDS;
	bench_realtime(false);
	bench_pin(bench_cpu());
	if (cross->seen != RECORDS)
		return -EIO;
	return 0;
}

static int cross_open(struct cross *cross)
{
	/* The reader looks by itself: no wakeup, which would be a system call each. */
	struct perfring_memory_opts opts = {
		.size = sizeof(opts), .pages = PAGES, .watermark = 1U << 30,
	};
	int err = perfring_storage_open_memory(&opts, &cross->storage);

	if (!err)
		err = perfring_ring_open(cross->storage, NULL, &cross->ring);
	if (err)
		return err;
	cross->data = (unsigned char *)perfring_storage_data(cross->storage);
	cross->control = perfring_storage_control(cross->storage);
	cross->size = perfring_storage_data_size(cross->storage);
	/* Page by page, so that no fault is measured. */
	memset(cross->data, 0, cross->size);
	return 0;
}

static void cross_close(struct cross *cross)
{
	perfring_ring_close(cross->ring);
	perfring_storage_close(cross->storage);
}

static int cross_size(uint32_t bytes)
{
	static struct cross ours = { .write = ours_write, .read = ours_read };
	static struct cross trivial = { .write = trivial_write, .read = trivial_read };
	struct bench_run runs[] = {
		{ .name = "ours", .sample = cross_sample, .context = &ours },
		{ .name = "trivial", .sample = cross_sample, .context = &trivial },
	};
	char name[64];
	int err = cross_open(&ours);

	if (!err)
		err = cross_open(&trivial);
	if (err)
		return err;
	payloads_make();
	ours.payload = bytes - 12;
	trivial.payload = bytes - 12;
	snprintf(name, sizeof(name), "%u B records", bytes);
	err = bench_measure(name, runs, 2);
	if (!err) {
		snprintf(name, sizeof(name), "cross-%u-ns-of-trivial", bytes);
		bench_verdict(name, runs[0].median.ns, runs[1].median.ns);
	}
	cross_close(&ours);
	cross_close(&trivial);
	return err;
}

static int cross(void)
{
	int err;

	if (bench_other_cpu() < 0) {
		bench_missing("a second CPU", "nothing crosses");
		return 0;
	}
	err = cross_size(40);
	return err ? err : cross_size(264);
}

BENCH(cross, "One CPU writes, another reads; every 32nd record is published, a full ring waits.");
