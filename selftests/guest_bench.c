// SPDX-License-Identifier: GPL-2.0
/*
 * guest_bench: what a record of 28 bytes costs a writer in the kernel, printed as lines
 * "WRITER room|full COST"; bench_guest.sh runs it in a guest where one instruction
 * takes one nanosecond and one tick, so that the costs are instructions.
 *
 *	ours	a module calls perfring_client_output()
 *	perf	a BPF program calls bpf_perf_event_output()
 *	ringbuf	a BPF program calls bpf_ringbuf_output()
 *
 * Nobody reads and nobody is woken: rings by watermark, NO_WAKEUP.  The least of some
 * rounds is what counts, because interrupts cost, too.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common.h"

#define PARAMETERS	"/sys/module/perfring_bench/parameters/"
#define PAGES		64
#define COUNT		1000	/* ours, at a time; all find room */
#define ROUNDS		64	/* as in bpf/bench.bpf.c */
#define REPEAT		10

static int fail(const char *what, int err)
{
	fprintf(stderr, "guest_bench: %s: %s\n", what, strerror(-err));
	return 1;
}

static void say(const char *who, bool full, double cost)
{
	printf("%s %s %.1f\n", who, full ? "full" : "room", cost);
}

static int run_ours(struct raw *raw, bool full)
{
	long taken, ticks, least = LONG_MAX;
	int ret, i;

	for (i = 0; i < REPEAT; i++) {
		if (!full)
			raw_drop(raw);
		ret = file_write(PARAMETERS "run", "1000");
		if (ret)
			return ret;
		taken = file_long(PARAMETERS "taken", -1);
		ticks = file_long(PARAMETERS "ticks", -1);
		if (taken != (full ? 0 : COUNT)) {
			/* The first rounds may fill it. */
			if (!full || i == REPEAT - 1)
				return -EPROTO;
			continue;
		}
		if (ticks < least)
			least = ticks;
	}
	say("ours", full, (double)least / COUNT);
	return 0;
}

static int ours(void)
{
	struct perf_event_attr attr = output_attr();
	struct raw raw;
	char why[WHY_LEN];
	int fd, ret;

	if (!device_ready(why, sizeof(why))) {
		fprintf(stderr, "guest_bench: %s\n", why);
		return -ENODEV;
	}
	client_unload("perfring_bench");
	ret = client_load("perfring_bench");
	if (ret)
		return ret;
	fd = device_open(0);
	if (fd < 0)
		return fd;
	attr.type = pmu_type();
	attr.config = source_id("bench");
	attr.sample_type = PERF_SAMPLE_RAW;
	attr.watermark = 1;
	attr.wakeup_watermark = 1U << 30;
	attr.sample_period = 1;
	ret = source_start(&raw, fd, &attr, PAGES);
	if (!ret)
		ret = run_ours(&raw, false);
	if (!ret)
		ret = run_ours(&raw, true);
	raw_unmap(&raw);
	close(fd);
	client_unload("perfring_bench");
	return ret;
}

struct bench_result {
	uint64_t ns;
	uint64_t taken;
};

/* The least of some rounds of a program, all of whose records find room or none. */
static int run_bpf(struct bpf_object *object, const struct bench_result *result, const char *name,
		   uint64_t taken, uint64_t *least)
{
	int fd = bpf_program__fd(bpf_object__find_program_by_name(object, name)), ret, i, good = 0;

	*least = UINT64_MAX;
	for (i = 0; i < 1000 && good < REPEAT; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts);

		ret = bpf_prog_test_run_opts(fd, &opts);
		if (ret)
			return ret;
		if (result->taken != taken)
			continue;
		good++;
		if (result->ns < *least)
			*least = result->ns;
	}
	return good == REPEAT ? 0 : -EPROTO;
}

static int bpf_events(struct bpf_object *object, struct raw *raw)
{
	struct perf_event_attr attr = output_attr();
	int fd, ret, zero = 0;

	attr.sample_type = PERF_SAMPLE_RAW;
	attr.watermark = 1;
	attr.wakeup_watermark = 1U << 30;
	fd = perf_open(&attr, -1, 0, -1);
	if (fd < 0)
		return fd;
	ret = raw_map(raw, fd, PAGES, 0);
	if (!ret && bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, "events"), &zero,
					&fd, 0))
		ret = -errno;
	return ret ? ret : do_ioctl_word(fd, PERF_EVENT_IOC_ENABLE, 0);
}

static int peers(const char *path)
{
	static const char *const names[] = { "perf", "ringbuf" };
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bench_result *result = MAP_FAILED;
	uint64_t nothing, least;
	struct bpf_map *map;
	struct raw raw;
	unsigned int i;
	int ret;

	if (!object)
		return -errno;
	ret = bpf_object__load(object);
	if (ret)
		return ret;
	bpf_object__for_each_map(map, object)
		if (strstr(bpf_map__name(map), ".bss"))
			result = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
				      bpf_map__fd(map), 0);
	if (result == MAP_FAILED)
		return -errno;
	ret = bpf_events(object, &raw);
	if (!ret)
		ret = run_bpf(object, result, "nothing", ROUNDS, &nothing);
	for (i = 0; i < ARRAY_LEN(names) && !ret; i++) {
		ret = run_bpf(object, result, names[i], ROUNDS, &least);
		if (ret)
			break;
		say(names[i], false, (double)(least - nothing) / ROUNDS);
		/* From here on nobody has room: the first rounds see to that. */
		ret = run_bpf(object, result, names[i], 0, &least);
		if (!ret)
			say(names[i], true, (double)(least - nothing) / ROUNDS);
	}
	bpf_object__close(object);
	return ret;
}

int main(int argc, char **argv)
{
	int ret;

	if (argc != 2) {
		fprintf(stderr, "usage: guest_bench bench.bpf.o\n");
		return 2;
	}
	ret = pin_to(0);
	if (ret)
		return fail("CPU 0", ret);
	ret = ours();
	if (ret)
		return fail("ours", ret);
	ret = peers(argv[1]);
	return ret ? fail("BPF programs", ret) : 0;
}
