// SPDX-License-Identifier: MIT
/* libbpf's perf_buffer, on a ring that a BPF program has filled. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "read_peers.h"

/* As in read.bpf.c. */
struct read_request {
	uint32_t len;
	uint32_t done;
	int32_t error;
	unsigned char payload[65536];
};

static void on_sample(void *context, int cpu, void *data, __u32 size)
{
	struct kernel_ring *ring = context;

	(void)cpu;
	(void)size;
	ring->lap.sum ^= lap_word(data);
	ring->seen++;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* Write until it is full; how many records there are then. */
static int64_t fill(struct kernel_ring *ring, uint32_t record)
{
	struct bpf_test_run_opts opts = { .sz = sizeof(opts), .flags = BPF_F_TEST_RUN_ON_CPU,
					  .cpu = (__u32)bench_cpu() };
	/* Its name begins with the file's. */
	struct bpf_map *bss = bpf_object__next_map(ring->object, NULL);
	struct bpf_program *program =
		bpf_object__find_program_by_name(ring->object, "read_fill");
	struct read_request *request;
	int64_t records = 0;
	int err;

	while (bss && !strstr(bpf_map__name(bss), ".bss"))
		bss = bpf_object__next_map(ring->object, bss);
	if (!bss || !program)
		return -ENOENT;
	request = mmap(NULL, sizeof(*request), PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(bss), 0);
	if (request == MAP_FAILED)
		return -errno;
	request->len = record - 12;
	do {
		err = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);
		records += request->done;
	} while (!err && !request->error);
	munmap(request, sizeof(*request));
	return err ? err : records;
}

int kernel_ring_open(struct kernel_ring *ring, size_t pages, uint32_t record)
{
	struct perf_event_mmap_page *control = NULL;
	int64_t records;
	size_t size, i;
	void *base;
	int err;

	memset(ring, 0, sizeof(*ring));
	libbpf_set_print(quiet);
	ring->object = bpf_object__open_file(bench_path("read.bpf.o"), NULL);
	if (!ring->object)
		return -errno;
	err = bpf_object__load(ring->object);
	if (err)
		return err;
	ring->buffer = perf_buffer__new(bpf_object__find_map_fd_by_name(ring->object, "events"),
					pages, on_sample, NULL, ring, NULL);
	if (!ring->buffer)
		return -errno;
	records = fill(ring, record);
	if (records < 0)
		return (int)records;
	for (i = 0; i < perf_buffer__buffer_cnt(ring->buffer); i++) {
		err = perf_buffer__buffer(ring->buffer, (int)i, &base, &size);
		if (err)
			return err;
		control = base;
		if (control->data_head)
			break;
	}
	if (!control || !control->data_head)
		return -ENODATA;
	size = (size_t)(control->data_offset + control->data_size);
	ring->libperf = libperf_view(base, (size_t)control->data_size);
	return lap_adopt(&ring->lap, base, size, (uint64_t)records);
}

void kernel_ring_close(struct kernel_ring *ring)
{
	libperf_free(ring->libperf);
	lap_close(&ring->lap);
	perf_buffer__free(ring->buffer);
	bpf_object__close(ring->object);
}

uint64_t libbpf_consume(void *context)
{
	struct kernel_ring *ring = context;
	uint64_t laps;

	ring->seen = 0;
	for (laps = lap_count(&ring->lap); laps; laps--) {
		lap_give(&ring->lap);
		if (perf_buffer__consume(ring->buffer))
			return 0;
	}
	return ring->seen == lap_total(&ring->lap) ? ring->seen : 0;
}
