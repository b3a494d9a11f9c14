// SPDX-License-Identifier: MIT
/* Counters: reading one, starting and stopping it, measuring a function, beside the bare calls. */
#include "bench.h"

#include <errno.h>
#include <math.h>
#include <perfring/perfring.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../src/count_arch.h"
#include "../src/count_self.h"

#define READS	20000
#define ROUNDS	1000
#define HARDWARE	"instructions:u"
#define SOFTWARE	"task-clock"
#define GROUP		"{task-clock,page-faults,cs,migrations}"

struct count_bench {
	struct perfring_count *count;	/* ours */
	struct perfring_count *one;	/* of the same event, for the bare calls */
	const char *events;
	int fd;				/* of the other one's leader */
	uint32_t index;			/* of its register; 0: there is none */
	unsigned int values;
	uint64_t sum;
};

static unsigned int reads(void)
{
	return bench_stepping() ? 20 : READS;
}

static uint64_t read_ours(void *context)
{
	struct count_bench *b = context;
	uint64_t value;

	for (unsigned int i = 0; i < reads(); i++) {
		if (perfring_count_now(b->count, 0, &value))
			return 0;
		b->sum += value;
	}
	return reads();
}

static uint64_t read_register(void *context)
{
	struct count_bench *b = context;
	uint64_t value;

	for (unsigned int i = 0; i < reads(); i++) {
		if (!count_arch_pmc(b->index, &value))
			return 0;
		b->sum += value;
	}
	return reads();
}

static uint64_t read_call(void *context)
{
	struct count_bench *b = context;
	uint64_t value[3 + 8];

	for (unsigned int i = 0; i < reads(); i++) {
		if (read(b->fd, value, sizeof(value)) <= 0)
			return 0;
		b->sum += value[0];
	}
	return reads();
}

/* Two of the same kind, so that neither disturbs the other's state. */
static int open_both(struct count_bench *b, const char *events, unsigned int self)
{
	struct perfring_count_opts opts = { .size = sizeof(opts), .self = (uint8_t)self };
	struct perfring_count_opts other = { .size = sizeof(other), .self = PERFRING_SELF_OFF };
	struct perfring_count_info info;
	int err = perfring_count_open_text(events, 0, -1, &opts, &b->count, NULL);

	b->events = events;
	if (!err)
		err = perfring_count_open_text(events, 0, -1, &other, &b->one, NULL);
	if (err)
		return err;
	perfring_count_info(b->one, 0, &info);
	b->fd = info.fd;
	b->values = perfring_count_nr(b->one);
	return 0;
}

static void close_both(struct count_bench *b)
{
	perfring_count_close(b->one);
	perfring_count_close(b->count);
}

/* The register of our running counter: the kernel says which in a page. */
static uint32_t find_register(const struct count_bench *b)
{
	struct perf_event_mmap_page *page;
	struct perfring_count_info info;
	uint32_t index = 0;

	perfring_count_info(b->count, 0, &info);
	page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, info.fd, 0);
	if (page == MAP_FAILED)
		return 0;
	if (page->cap_user_rdpmc)
		index = page->index;
	/* It stays mapped: without a mapping the instruction is not allowed. */
	return index;
}

static int count_read(void)
{
	struct count_bench b = { 0 }, forced = { 0 };
	struct bench_run runs[4] = {
		{ .name = "ours", .work = read_ours, .context = &b },
		{ .name = "bare read(2)", .work = read_call, .context = &b },
		{ .name = "bare register", .context = &b },
		{ .name = "ours, register", .context = &forced },
	};
	struct perfring_count_info info;
	double least;
	int err = open_both(&b, HARDWARE, PERFRING_SELF_AUTO);

	if (err) {
		bench_missing("the register of a counter", "no PMU on this machine");
		err = open_both(&b, SOFTWARE, PERFRING_SELF_AUTO);
	}
	if (!err)
		err = perfring_count_start(b.count);
	if (!err)
		err = perfring_count_start(b.one);
	if (!err)
		err = open_both(&forced, b.events, PERFRING_SELF_ON);
	if (!err)
		err = perfring_count_start(forced.count);
	if (err)
		return err;
	b.index = find_register(&b);
	if (b.index) {
		runs[2].work = read_register;
		runs[3].work = read_ours;
	}
	perfring_count_info(b.count, 0, &info);
	err = bench_measure("read a running counter", runs, 4);
	if (!err) {
		least = fmin(runs[1].median.ns, runs[2].median.ns);
		bench_note("%s is read by %s", info.name, perfring_count_method_text(info.method));
		bench_verdict("count-read-quicker-ns", runs[0].median.ns, 1.1 * least);
		bench_verdict("count-read-register-ns", runs[3].median.ns, 1.1 * runs[2].median.ns);
	}
	close_both(&forced);
	close_both(&b);
	return err;
}

BENCH(count_read, "One counter of the calling thread read while it runs: the quicker of register and read(2).");

/* A clock in place of the counter, on a page of our own: what surrounds the register. */
static bool clock_pmc(uint32_t index, uint64_t *value)
{
	(void)index;
	*value = count_arch_clock();
	return true;
}

static uint64_t loop_ours(void *context)
{
	const struct perf_event_mmap_page *page = context;
	struct count_self now;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < reads(); i++) {
		if (count_self_try(page, clock_pmc, NULL, &now) != COUNT_SELF_DONE)
			return 0;
		sum += now.value;
	}
	bench_keep(sum);
	return reads();
}

static uint64_t loop_bare(void *context)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < reads(); i++)
		sum += count_arch_clock();
	bench_keep(sum);
	bench_keep(context);
	return reads();
}

static int count_loop(void)
{
	struct perf_event_mmap_page page = {
		.capabilities = COUNT_SELF_CAP_SURE | COUNT_SELF_CAP_PMC,
		.index = 1, .pmc_width = 48,
	};
	struct bench_run runs[] = {
		{ .name = "ours", .work = loop_ours, .context = &page },
		{ .name = "bare instruction", .work = loop_bare, .context = &page },
	};
	int err = bench_measure("the loop, the clock as the register", runs, 2);

	if (!err)
		bench_verdict("count-loop-ns", runs[0].median.ns, 1.1 * runs[1].median.ns);
	return err;
}

BENCH(count_loop, "What surrounds a counter's register, the clock's (rdtsc, cntvct_el0) in its place.");

static uint64_t switch_ours(void *context)
{
	struct count_bench *b = context;
	unsigned int rounds = bench_stepping() ? 20 : ROUNDS;

	for (unsigned int i = 0; i < rounds; i++)
		if (perfring_count_start(b->count) || perfring_count_stop(b->count))
			return 0;
	return rounds;
}

static uint64_t switch_bare(void *context)
{
	struct count_bench *b = context;
	unsigned int rounds = bench_stepping() ? 20 : ROUNDS;

	for (unsigned int i = 0; i < rounds; i++)
		if (ioctl(b->fd, PERF_EVENT_IOC_ENABLE, 0) ||
		    ioctl(b->fd, PERF_EVENT_IOC_DISABLE, 0))
			return 0;
	return rounds;
}

static void nothing(void *context)
{
	bench_keep(context);
}

static uint64_t measure_ours(void *context)
{
	struct perfring_count_value value[8];
	struct count_bench *b = context;
	unsigned int rounds = bench_stepping() ? 20 : ROUNDS;

	for (unsigned int i = 0; i < rounds; i++)
		if (perfring_count_measure(b->count, nothing, b, value, 8) < 0)
			return 0;
	return rounds;
}

static uint64_t measure_bare(void *context)
{
	struct count_bench *b = context;
	unsigned int rounds = bench_stepping() ? 20 : ROUNDS;
	uint64_t value[3 + 8];

	for (unsigned int i = 0; i < rounds; i++) {
		if (ioctl(b->fd, PERF_EVENT_IOC_ENABLE, 0))
			return 0;
		nothing(b);
		if (ioctl(b->fd, PERF_EVENT_IOC_DISABLE, 0) ||
		    read(b->fd, value, sizeof(value)) <= 0)
			return 0;
	}
	return rounds;
}

static uint64_t once_ours(void *context)
{
	struct perfring_count_value value[8];
	struct count_bench *b = context;
	unsigned int rounds = bench_stepping() ? 2 : 50;

	for (unsigned int i = 0; i < rounds; i++)
		if (perfring_measure(b->events, nothing, b, value, 8) < 0)
			return 0;
	return rounds;
}

/* perf-utils, if it is there: a program of its own for each repetition. */
static struct count_peer {
	const char *what;
} peer_start_stop = { "start-stop" }, peer_measure = { "measure" }, peer_once = { "once" };

static int peer_sample(void *context, struct bench_sample *sample)
{
	const struct count_peer *peer = context;
	char line[256];
	FILE *pipe;
	int got;

	snprintf(line, sizeof(line), "'%s' %s", bench_path("perfutils"), peer->what);
	pipe = popen(line, "r");
	if (!pipe)
		return -ENOMEM;
	got = fscanf(pipe, "%lf", &sample->ns);
	return pclose(pipe) || got != 1 ? -EPIPE : 0;
}

/* It is compared with one event of the same kind, the software's. */
static void add_peer(struct bench_run *run, const struct count_bench *b,
		     struct count_peer *peer)
{
	if (strcmp(b->events, SOFTWARE) != 0)
		return;
	if (access(bench_path("perfutils"), X_OK)) {
		bench_missing("perf-utils", "no go command or no sources of it when the bench was built");
		return;
	}
	run->sample = peer_sample;
	run->context = peer;
}

static int count_kept(const char *events, const char *what, const char *verdict)
{
	struct count_bench b = { 0 };
	struct bench_run switches[] = {
		{ .name = "ours", .work = switch_ours, .context = &b },
		{ .name = "bare ioctl(2)", .work = switch_bare, .context = &b },
		{ .name = "perf-utils" },
	};
	struct bench_run measures[] = {
		{ .name = "ours", .work = measure_ours, .context = &b },
		{ .name = "bare calls", .work = measure_bare, .context = &b },
		{ .name = "ours, opened", .work = once_ours, .context = &b },
		{ .name = "perf-utils" },
		{ .name = "perf-utils, opened" },
	};
	char text[96];
	int err = open_both(&b, events, PERFRING_SELF_AUTO);

	if (err) {
		bench_missing(events, perfring_strerror(err));
		return 0;
	}
	add_peer(&switches[2], &b, &peer_start_stop);
	add_peer(&measures[3], &b, &peer_measure);
	add_peer(&measures[4], &b, &peer_once);
	snprintf(text, sizeof(text), "start and stop %s", what);
	err = bench_measure(text, switches, 3);
	if (!err) {
		snprintf(text, sizeof(text), "count-start-stop-%s-ns", verdict);
		bench_verdict(text, switches[0].median.ns, 1.1 * switches[1].median.ns);
		snprintf(text, sizeof(text), "measure an empty function, %s", what);
		err = bench_measure(text, measures, 5);
	}
	close_both(&b);
	return err;
}

static int count_start_stop(void)
{
	int err = count_kept(SOFTWARE, "one software event", "software");

	if (!err)
		err = count_kept(GROUP, "a group of four", "group");
	if (!err)
		err = count_kept(HARDWARE, "one hardware event", "hardware");
	bench_note("perf-utils publishes 488 ns for a profiler that is kept open, 0.4 ms for one that is not");
	return err;
}

BENCH(count_start_stop, "A kept-open profiler: start and stop, and a function measured.");
