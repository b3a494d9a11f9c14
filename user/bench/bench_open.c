// SPDX-License-Identifier: MIT
/* Opening and closing a reader of many rings: does a ring cost more where there are many? */
#include <errno.h>
#include <math.h>
#include <perfring/perfring.h>
#include <stdio.h>

#include "bench.h"

#define MOST	64
#define ROUNDS	4

struct open_bench {
	int backend;
	size_t rings;
	unsigned int cpus[MOST];
	bool closing;		/* measure closing, not opening */
};

static int open_sample(void *context, struct bench_sample *sample)
{
	const struct open_bench *b = context;
	struct perfring_cpus_opts opts = {
		.size = sizeof(opts), .pages = 8, .cpus = b->cpus, .nr_cpus = b->rings,
	};
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TIME, .sample_period = 1,
	};
	uint64_t took[2] = { 0 }, times[3];
	struct perfring_reader *reader;
	int ret = 0;

	for (int i = 0; i < ROUNDS && ret >= 0; i++) {
		reader = NULL;
		bench_realtime(true);
		times[0] = bench_now();
		ret = perfring_reader_create(NULL, &reader);
		if (!ret)
			ret = perfring_reader_add_cpus(reader, b->backend, &attr, &opts);
		times[1] = bench_now();
		perfring_reader_destroy(reader);
		times[2] = bench_now();
		bench_realtime(false);
		took[0] += times[1] - times[0];
		took[1] += times[2] - times[1];
	}
	sample->ns = (double)took[b->closing] / ROUNDS / (double)b->rings;
	return ret < 0 ? ret : 0;
}

/* A ring at 8, 16, 32, 64 of them; the sizes take turns. */
static int open_backend(int backend, const char *name, bool closing)
{
	static const size_t sizes[] = { 8, 16, 32, MOST };
	static struct open_bench benches[4];
	static char names[4][16];
	struct bench_run runs[4];
	char what[64];
	int err;

	for (size_t i = 0; i < 4; i++) {
		benches[i].backend = backend;
		benches[i].rings = sizes[i];
		benches[i].closing = closing;
		for (unsigned int j = 0; j < MOST; j++)
			benches[i].cpus[j] = (unsigned int)(j % 2 && bench_other_cpu() >= 0
								    ? bench_other_cpu()
								    : bench_cpu());
		snprintf(names[i], sizeof(names[i]), "%zu rings", sizes[i]);
		runs[i] = (struct bench_run){ .name = names[i], .sample = open_sample,
					      .context = &benches[i] };
	}
	snprintf(what, sizeof(what), "%s, a ring: %s", closing ? "close" : "open", name);
	err = bench_measure(what, runs, 4);
	for (size_t i = 0; !err && i < 4; i++)
		bench_point("open", what, (double)sizes[i], runs[i].median.ns / 1000);
	if (!err) {
		snprintf(what, sizeof(what), "%s-64-%s-of-8", closing ? "close" : "open", name);
		bench_verdict(what, runs[3].median.ns, 1.5 * runs[0].median.ns);
	}
	return err;
}

static int open_close(void)
{
	int err = 0;

	bench_plot("open", "A reader of many rings of 8 pages", "rings", "us a ring (log)");
	for (int closing = 0; !err && closing < 2; closing++) {
		err = open_backend(PERFRING_BACKEND_MEMORY, "memory", closing);
		if (!err)
			err = open_backend(PERFRING_BACKEND_PERF, "perf", closing);
		if (err == -EACCES || err == -EPERM) {
			bench_missing("perf rings of all CPUs", "no permission");
			err = 0;
		}
	}
	return err;
}

BENCH(open_close, "perfring_reader_add_cpus() and perfring_reader_destroy(), CPUs in turns where there are fewer.");
