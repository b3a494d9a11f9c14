// SPDX-License-Identifier: MIT
/*
 * Consuming a BPF ring buffer, warm: the library beside libbpf's ring_buffer__consume(), on the
 * same map.  The consumer's position is set back before each lap, so that the kernel
 * writes once and both read the same bytes as often as it takes.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <perfring/perfring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define PASSES	32	/* over the whole ring, in one repetition */

struct bpf_bench {
	struct bpf_object *object;
	struct ring_buffer *libbpf;
	struct perfring_storage *storage;
	uint64_t *consumer;	/* position in the map */
	uint64_t size;
	uint64_t records;	/* in one lap */
	uint64_t seen;
	uint64_t sum;
};

static uint64_t bpf_passes(void)
{
	return bench_stepping() ? 1 : PASSES;
}

static uint64_t word_at(const void *data)
{
	uint64_t word;

	memcpy(&word, data, sizeof(word));
	return word;
}

/* Opening the ring anew is how our reader comes to know that the position went back. */
static uint64_t bpf_ours(void *context)
{
	struct bpf_bench *b = context;
	struct perfring_record record;
	struct perfring_batch batch;
	struct perfring_ring *ring;
	uint64_t sum = 0, n = 0;

	for (uint64_t pass = 0; pass < bpf_passes(); pass++) {
		__atomic_store_n(b->consumer, 0, __ATOMIC_RELEASE);
		if (perfring_ring_open(b->storage, NULL, &ring))
			return 0;
		perfring_batch_begin(ring, &batch);
		while (perfring_batch_next(&batch, &record) > 0) {
			sum ^= word_at((const unsigned char *)record.data + PERFRING_BPF_HEADER);
			n++;
		}
		perfring_batch_commit(&batch);
		perfring_ring_close(ring);
	}
	b->sum = sum;
	return n == bpf_passes() * b->records ? n : 0;
}

static int bpf_sample(void *context, void *data, size_t size)
{
	struct bpf_bench *b = context;

	(void)size;
	b->sum ^= word_at(data);
	b->seen++;
	return 0;
}

static uint64_t bpf_libbpf(void *context)
{
	struct bpf_bench *b = context;

	b->seen = 0;
	for (uint64_t pass = 0; pass < bpf_passes(); pass++) {
		__atomic_store_n(b->consumer, 0, __ATOMIC_RELEASE);
		ring_buffer__consume(b->libbpf);
	}
	return b->seen == bpf_passes() * b->records ? b->seen : 0;
}

static int bpf_fill(struct bpf_bench *b, uint32_t payload)
{
	struct bpf_test_run_opts opts = { .sz = sizeof(opts) };
	struct bpf_program *fill;
	struct bpf_map *map;
	int fd, err = -ENOENT;

	b->object = bpf_object__open_file(bench_path("ringbuf.bpf.o"), NULL);
	if (!b->object)
		return -errno;
	bpf_object__for_each_map(map, b->object)
		if (strstr(bpf_map__name(map), ".rodata"))
			err = bpf_map__set_initial_value(map, &payload, sizeof(payload));
	if (!err)
		err = bpf_object__load(b->object);
	if (err)
		return err;
	fd = bpf_object__find_map_fd_by_name(b->object, "records");
	fill = bpf_object__find_program_by_name(b->object, "fill");
	err = bpf_prog_test_run_opts(bpf_program__fd(fill), &opts);
	if (!err)
		err = perfring_storage_open_bpf_ringbuf(fd, NULL, &b->storage);
	if (err)
		return err;
	b->libbpf = ring_buffer__new(fd, bpf_sample, b, NULL);
	b->consumer = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
			   fd, 0);
	if (!b->libbpf || b->consumer == MAP_FAILED)
		return -errno;
	b->size = perfring_storage_data_size(b->storage);
	b->records = (b->size - 1) / ((payload + PERFRING_BPF_HEADER + 7) & ~7U);
	return 0;
}

static void bpf_close(struct bpf_bench *b)
{
	if (b->consumer && b->consumer != MAP_FAILED)
		munmap(b->consumer, (size_t)sysconf(_SC_PAGESIZE));
	ring_buffer__free(b->libbpf);
	perfring_storage_close(b->storage);
	bpf_object__close(b->object);
}

static int bpf_size(uint32_t bytes)
{
	struct bpf_bench b = { 0 };
	struct bench_run runs[] = {
		{ .name = "ours", .work = bpf_ours, .context = &b },
		{ .name = "libbpf", .work = bpf_libbpf, .context = &b },
	};
	char name[64];
	int err = bpf_fill(&b, bytes - PERFRING_BPF_HEADER - 4);

	if (err == -EPERM) {
		bench_missing("libbpf ring_buffer", "may not load a BPF program");
		err = 0;
	} else if (!err) {
		snprintf(name, sizeof(name), "%u B records", bytes);
		err = bench_measure(name, runs, 2);
		if (!err) {
			snprintf(name, sizeof(name), "bpf-%u-insn", bytes);
			bench_verdict(name, runs[0].median.instructions,
				      0.7 * runs[1].median.instructions);
			snprintf(name, sizeof(name), "bpf-%u-cycles", bytes);
			bench_verdict(name, runs[0].median.cycles, runs[1].median.cycles);
		}
	}
	bpf_close(&b);
	return err;
}

static int bpf_consume(void)
{
	int err = bpf_size(40);

	return err ? err : bpf_size(264);
}

BENCH(bpf_consume, "Consuming a warm BPF ring buffer of 64 pages, one word of each record's payload used.");
