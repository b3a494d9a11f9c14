// SPDX-License-Identifier: MIT
/*
 * bench [-l] [-o FOLDER] [PATTERN]...: run the cases whose names match.
 *
 * The status is 0 when every case ran, whether its targets were met or not.
 */
#include <errno.h>
#include <fnmatch.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

static int cpus[2] = { -1, -1 };

int bench_cpu(void)
{
	return cpus[0];
}

int bench_other_cpu(void)
{
	return cpus[1];
}

int bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

void bench_realtime(bool on)
{
	struct sched_param param = { .sched_priority = on ? 1 : 0 };

	sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &param);
}

uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

unsigned int bench_repetitions(void)
{
	const char *text = getenv("REPS");
	long reps = text ? strtol(text, NULL, 10) : 0;

	return reps > 0 && reps < 10000 ? (unsigned int)reps : 11;
}

const char *bench_path(const char *file)
{
	static char path[2 * PATH_MAX];
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return file;
	self[n] = '\0';
	snprintf(path, sizeof(path), "%s/%s", dirname(self), file);
	return path;
}

/* The first CPU that we may use, and the second. */
static int find_cpus(void)
{
	cpu_set_t set;
	int nr = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return -errno;
	for (int cpu = 0; cpu < CPU_SETSIZE && nr < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[nr++] = cpu;
	return nr ? bench_pin(cpus[0]) : -ENODEV;
}

static bool wanted(const struct bench_case *what, char **patterns, int nr)
{
	for (int i = 0; i < nr; i++)
		if (!fnmatch(patterns[i], what->name, 0))
			return true;
	return nr == 0;
}

static int run(const struct bench_case *what)
{
	int err;

	report_case(what);
	err = what->run();
	if (err)
		bench_note("%s: could not be measured: %s", what->name, strerror(-err));
	return err;
}

int main(int argc, char **argv)
{
	const struct bench_case *const *what;
	const char *folder = ".";
	int opt, err, failed = 0, ran = 0;
	bool list = false;

	while ((opt = getopt(argc, argv, "lo:")) != -1) {
		if (opt == 'l')
			list = true;
		else if (opt == 'o')
			folder = optarg;
		else
			return 2;
	}
	err = find_cpus();
	if (!err && !list)
		err = report_begin(folder);
	if (err) {
		fprintf(stderr, "bench: %s\n", strerror(-err));
		return 1;
	}
	for (what = __start_bench_cases; what != __stop_bench_cases; what++) {
		if (!wanted(*what, argv + optind, argc - optind))
			continue;
		ran++;
		if (list)
			printf("%-20s %s\n", (*what)->name, (*what)->what);
		else
			failed += run(*what) != 0;
	}
	if (!ran) {
		fprintf(stderr, "bench: no case of that name, -l lists them\n");
		return 2;
	}
	if (!list)
		report_end();
	return failed > 0;
}
