// SPDX-License-Identifier: MIT
/* Measuring: hardware counters around a call, repetitions that take turns. */
#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

/* Cycles lead, instructions follow. */
struct counters {
	bool tried;
	int leader;
	int follower;
};

static struct counters counters[2];	/* user space alone; with the kernel */

static int counter_open(uint64_t config, int group, bool kernel)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attr), .config = config,
		.read_format = PERF_FORMAT_GROUP, .disabled = group < 0,
		.exclude_kernel = !kernel, .exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, group, PERF_FLAG_FD_CLOEXEC);
}

static const struct counters *counters_get(bool kernel)
{
	struct counters *c = &counters[kernel];

	if (c->tried)
		return c;
	c->tried = true;
	c->follower = -1;
	c->leader = counter_open(PERF_COUNT_HW_CPU_CYCLES, -1, kernel);
	if (c->leader < 0)
		bench_missing("the processor's cycle counter",
			      "cycles are time at its pace, instructions stepped");
	else
		c->follower = counter_open(PERF_COUNT_HW_INSTRUCTIONS, c->leader, kernel);
	return c;
}

/* Cycles in a nanosecond, by a chain of additions that take one each. */
static double pace(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 4; i++) {
		uint64_t start = bench_now(), took;
		unsigned long x = (unsigned long)start, add = x;

		/* Each waits for the one before: the compiler may not know what x is. */
		for (int j = 0; j < 10000; j++) {
			x += add;
			__asm__ volatile("" : "+r"(x));
		}
		took = bench_now() - start;
		if (took < best)
			best = took;
	}
	return 10000.0 / (double)best;
}

static int measure_once(struct bench_run *run, struct bench_sample *sample)
{
	const struct counters *c = counters_get(run->flags & BENCH_KERNEL);
	uint64_t counts[3] = { 0 }, start, end, done;
	double ghz = 0;
	int err = run->prepare ? run->prepare(run->context) : 0;

	sample->ns = NAN;
	sample->cycles = NAN;
	sample->instructions = NAN;
	if (err)
		return err;
	if (run->sample)
		return run->sample(run->context, sample);

	bench_realtime(true);
	if (c->leader < 0)
		ghz = pace();
	if (c->leader >= 0) {
		ioctl(c->leader, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
		ioctl(c->leader, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
	}
	start = bench_now();
	done = run->work(run->context);
	end = bench_now();
	if (c->leader >= 0) {
		ioctl(c->leader, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
		if (read(c->leader, counts, sizeof(counts)) < 0)
			counts[0] = 0;
	}
	bench_realtime(false);
	if (!done)
		return -EIO;
	sample->ns = (double)(end - start) / (double)done;
	if (counts[0] > 0)
		sample->cycles = (double)counts[1] / (double)done;
	else
		sample->cycles = sample->ns * ghz;
	if (counts[0] > 1)
		sample->instructions = (double)counts[2] / (double)done;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of one field of all samples, NAN being none. */
static void summarise(const struct bench_sample *samples, size_t nr, size_t field, double *min,
		      double *median)
{
	double *values = malloc(nr * sizeof(*values));
	size_t have = 0;

	*min = NAN;
	*median = NAN;
	if (!values)
		return;
	for (size_t i = 0; i < nr; i++) {
		double value;

		memcpy(&value, (const char *)&samples[i] + field, sizeof(value));
		if (!isnan(value))
			values[have++] = value;
	}
	if (have) {
		qsort(values, have, sizeof(*values), by_value);
		*min = values[0];
		*median = have % 2 ? values[have / 2]
				   : (values[have / 2 - 1] + values[have / 2]) / 2;
	}
	free(values);
}

static void run_summarise(struct bench_run *run, const struct bench_sample *samples, size_t nr)
{
	summarise(samples, nr, offsetof(struct bench_sample, ns), &run->min.ns, &run->median.ns);
	summarise(samples, nr, offsetof(struct bench_sample, cycles), &run->min.cycles,
		  &run->median.cycles);
	summarise(samples, nr, offsetof(struct bench_sample, instructions),
		  &run->min.instructions, &run->median.instructions);
}

/* What no counter told. */
static void run_step(const char *what, struct bench_run *run)
{
	const char *no = getenv("STEPS");
	double steps;

	if (no && !strcmp(no, "0"))
		return;
	if (!run->work || !isnan(run->median.instructions) ||
	    run->flags & (BENCH_KERNEL | BENCH_NO_STEPS))
		return;
	steps = step_count(run);
	if (steps < 0) {
		bench_note("%s: %s: instructions not counted: %s", what, run->name,
			   strerror((int)-steps));
		return;
	}
	run->min.instructions = steps;
	run->median.instructions = steps;
}

int bench_measure(const char *what, struct bench_run *runs, size_t nr)
{
	size_t reps = bench_repetitions();
	struct bench_sample *samples = calloc(nr * reps, sizeof(*samples));
	struct bench_sample warm;
	int err = samples ? 0 : -ENOMEM;

	/* Round 0 warms caches and predictors, and is not counted. */
	for (size_t rep = 0; !err && rep <= reps; rep++) {
		for (size_t i = 0; !err && i < nr; i++) {
			if (runs[i].work || runs[i].sample)
				err = measure_once(&runs[i], rep ? &samples[i * reps + rep - 1]
								 : &warm);
			if (err)
				bench_note("%s: %s: %s", what, runs[i].name, strerror(-err));
		}
	}
	for (size_t i = 0; !err && i < nr; i++) {
		if (!runs[i].work && !runs[i].sample) {
			runs[i].min = (struct bench_sample){ NAN, NAN, NAN };
			runs[i].median = runs[i].min;
			continue;
		}
		run_summarise(&runs[i], samples + i * reps, reps);
		run_step(what, &runs[i]);
		report_row(what, &runs[i]);
	}
	free(samples);
	return err;
}
