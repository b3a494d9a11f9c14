// SPDX-License-Identifier: MIT
/* stats: the counters of all devices, once or live, and whether they add up. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATS_TRIES	20

enum stats_index {
	STATS_ATTEMPTED,
	STATS_WRITTEN,
	STATS_LOST_FULL,
	STATS_LOST_PAUSED,
	STATS_REJECTED,
	STATS_DISCARDED,
	STATS_BYTES,
	STATS_LOST_RECORDS,
	STATS_EVENTS,
	STATS_WAKEUPS,
	STATS_BY_EVENTS,
	STATS_BY_WATERMARK,
	STATS_FORCED,
	STATS_NONE,
	STATS_HIGH_WATER,
	STATS_NR,
	STATS_SECOND = STATS_WAKEUPS	/* from here on in a table of their own */
};

/* The attribute in sysfs, its heading, and whether it only ever grows. */
static const struct {
	const char *name;
	const char *heading;
	int width;
	bool counts;
} stats_attrs[STATS_NR] = {
	[STATS_ATTEMPTED]	= { "attempted", "attempted", 11, true },
	[STATS_WRITTEN]		= { "written", "written", 11, true },
	[STATS_LOST_FULL]	= { "lost_full", "full", 8, true },
	[STATS_LOST_PAUSED]	= { "lost_paused", "paused", 8, true },
	[STATS_REJECTED]	= { "rejected", "rejected", 8, true },
	[STATS_DISCARDED]	= { "discarded", "discard", 7, true },
	[STATS_BYTES]		= { "bytes", "bytes", 13, true },
	[STATS_LOST_RECORDS]	= { "lost_records", "LOSTs", 6, true },
	[STATS_EVENTS]		= { "events", "open", 4, false },
	[STATS_WAKEUPS]		= { "wakeups", "wakeups", 11, true },
	[STATS_BY_EVENTS]	= { "wakeup_events", "by events", 9, true },
	[STATS_BY_WATERMARK]	= { "wakeup_watermark", "by watermark", 12, true },
	[STATS_FORCED]		= { "wakeup_forced", "forced", 8, true },
	[STATS_NONE]		= { "wakeup_none", "without", 11, true },
	[STATS_HIGH_WATER]	= { "high_water", "most bytes", 10, false },
};

struct stats {
	uint64_t value[STATS_NR];
	bool adds_up;
};

static int stats_read(unsigned int cpu, enum stats_index index, uint64_t *out)
{
	char path[96];

	snprintf(path, sizeof(path), CLI_CLASS "/perfring%u/%s", cpu, stats_attrs[index].name);
	return cli_read_u64(path, out);
}

static uint64_t stats_parts(const struct stats *stats)
{
	return stats->value[STATS_WRITTEN] + stats->value[STATS_LOST_FULL] +
	       stats->value[STATS_LOST_PAUSED] + stats->value[STATS_REJECTED] +
	       stats->value[STATS_DISCARDED];
}

/*
 * Each file is read on its own while writers go on.  Attempts are read before
 * and after the others: when nothing moved in between the identity has to be
 * exact, otherwise the sum lies between the two.
 */
static int stats_device(unsigned int cpu, struct stats *stats)
{
	uint64_t after, parts;
	int err = 0;

	for (int try = 0; try < STATS_TRIES && !err; try++) {
		for (int i = 0; i < STATS_NR && !err; i++)
			err = stats_read(cpu, (enum stats_index)i, &stats->value[i]);
		if (!err)
			err = stats_read(cpu, STATS_ATTEMPTED, &after);
		if (err)
			break;
		parts = stats_parts(stats);
		stats->adds_up = parts - stats->value[STATS_ATTEMPTED] <=
				 after - stats->value[STATS_ATTEMPTED];
		if (stats->adds_up)
			break;
	}
	return err;
}

static int stats_all(struct stats *stats, unsigned int nr)
{
	int err;

	for (unsigned int cpu = 0; cpu < nr; cpu++) {
		err = stats_device(cpu, &stats[cpu]);
		if (err) {
			if (!cli_module_loaded())
				return cli_module_missing();
			cli_error(CLI_CLASS "/perfring%u: %s", cpu, strerror(-err));
			return CLI_FAIL;
		}
	}
	return CLI_OK;
}

/* Columns from @first to before @end. */
static void stats_table(const struct stats *now, const struct stats *before, unsigned int nr,
			uint64_t ns, int first, int end)
{
	printf("CPU");
	for (int i = first; i < end; i++)
		printf(" %*s", stats_attrs[i].width, stats_attrs[i].heading);
	puts(before ? "   per second" : "");
	for (unsigned int cpu = 0; cpu < nr; cpu++) {
		printf("%3u", cpu);
		for (int i = first; i < end; i++) {
			uint64_t value = now[cpu].value[i];

			if (before && stats_attrs[i].counts)
				value = value < before[cpu].value[i] ? 0 :
					(uint64_t)((double)(value - before[cpu].value[i]) * 1e9 /
						   (double)ns);
			printf(" %*" PRIu64, stats_attrs[i].width, value);
		}
		putchar('\n');
	}
}

/* What became of the records; why readers were woken, and how full the rings were. */
static void stats_print(const struct stats *now, const struct stats *before, unsigned int nr,
			uint64_t ns)
{
	stats_table(now, before, nr, ns, 0, STATS_SECOND);
	stats_table(now, before, nr, ns, STATS_SECOND, STATS_NR);
}

/* "attempted == written + full + paused + rejected + discarded" */
static int stats_verdict(const struct stats *stats, unsigned int nr)
{
	int status = CLI_OK;

	for (unsigned int cpu = 0; cpu < nr; cpu++) {
		if (stats[cpu].adds_up)
			continue;
		printf("CPU %u: attempted %" PRIu64 " != %" PRIu64 " = written + full + paused + rejected + discarded\n",
		       cpu, stats[cpu].value[STATS_ATTEMPTED], stats_parts(&stats[cpu]));
		status = CLI_FAIL;
	}
	if (!status)
		puts("attempted == written + full + paused + rejected + discarded on every CPU");
	return status;
}

static int stats_run(unsigned int nr, uint64_t interval, uint64_t count)
{
	struct timespec wait = {
		.tv_sec = (time_t)(interval / CLI_NS), .tv_nsec = (long)(interval % CLI_NS),
	};
	struct stats *now = calloc(nr, sizeof(*now)), *before = calloc(nr, sizeof(*before)), *swap;
	uint64_t at = cli_now(), last;
	int status = CLI_FAIL;

	if (!now || !before) {
		cli_error("out of memory");
		goto out;
	}
	status = stats_all(now, nr);
	if (status)
		goto out;
	stats_print(now, NULL, nr, 0);
	status = stats_verdict(now, nr);
	for (uint64_t i = 0; interval && (!count || i < count) && !cli_stop; i++) {
		fflush(stdout);
		nanosleep(&wait, NULL);
		if (cli_stop)
			break;
		last = at;
		at = cli_now();
		swap = before;
		before = now;
		now = swap;
		if (stats_all(now, nr)) {
			status = CLI_FAIL;
			break;
		}
		stats_print(now, before, nr, at - last);
		if (stats_verdict(now, nr))
			status = CLI_FAIL;
	}
out:
	free(now);
	free(before);
	return status;
}

struct stats_options {
	uint64_t interval;
	uint64_t count;
};

static const struct cli_option stats_table_options[] = {
	{ "-i", "SECONDS", "again and again after so long, as rates", CLI_SECONDS,
	  offsetof(struct stats_options, interval), 0 },
	{ "-n", "COUNT", "so many times, with -i", CLI_NUMBER,
	  offsetof(struct stats_options, count), UINT64_MAX },
	{ .name = NULL },
};

static int stats_command(int argc, char **argv)
{
	struct stats_options options = { .interval = 0 };
	struct cli_words words;
	unsigned int nr = 0;
	uint64_t value;
	int status;

	status = cli_options(&cli_stats, argc, argv, &options, &words);
	if (status)
		return status;
	if (options.count && !options.interval)
		return cli_usage(&cli_stats, "-n counts intervals: say -i SECONDS as well");
	if (!cli_module_loaded())
		return cli_module_missing();
	while (!stats_read(nr, STATS_ATTEMPTED, &value))
		nr++;
	if (!nr) {
		cli_error(CLI_CLASS ": there are no devices");
		return CLI_FAIL;
	}
	cli_catch_signals();
	return stats_run(nr, options.interval, options.count);
}

const struct cli_command cli_stats = {
	.name = "stats", .usage = "[-i SECONDS] [-n COUNT]",
	.about = "the devices' counters, with -i live\n",
	.option = stats_table_options, .run = stats_command,
};
