// SPDX-License-Identifier: MIT
/* record: rings into a perf.data file, which perf(1) and dump read. */
#include "cli.h"
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RECORD_PAGES	128
#define RECORD_TICK_MS	100
#define RECORD_END_NS	1000000
#define RECORD_FILE	"perf.data"
#define RECORD_EVENT	"cpu-clock"

static const struct cli_option record_table[] = {
	{ "-e", "EVENT", "a SOURCE or what perf record -e takes; again and again (cpu-clock)",
	  CLI_LIST, offsetof(struct record, events), 0 },
	{ "-o", "FILE", "where to (perf.data); - for standard output", CLI_TEXT,
	  offsetof(struct record, file), 0 },
	{ "-t", "SECONDS", "end after so long", CLI_SECONDS, offsetof(struct record, time_ns), 0 },
	{ "--pages", "N", "data pages of each ring, a power of two (128)", CLI_PAGES,
	  offsetof(struct record, pages), 0 },
	{ .name = NULL },
};

static int record_options(struct record *record, int argc, char **argv)
{
	struct cli_words words;
	int status;

	record->file = RECORD_FILE;
	record->pages = RECORD_PAGES;
	status = cli_options(&cli_record, argc, argv, record, &words);
	if (words.nr)
		record->command = words.word;
	if (!record->events.nr)
		record->events.text[record->events.nr++] = RECORD_EVENT;
	return status;
}

static int record_on_record(void *context, unsigned int index,
			    const struct perfring_record *what)
{
	struct record *record = context;

	(void)index;
	record->records++;
	if (what->type == PERF_RECORD_SAMPLE)
		record->samples++;
	return perfring_data_write(record->writer, what);
}

static void record_on_lost(void *context, unsigned int index, uint64_t lost)
{
	struct record *record = context;

	(void)index;
	record->lost += lost;
}

static int record_fail(const char *what, int err)
{
	cli_error("%s: %s", what, perfring_strerror(err));
	return CLI_FAIL;
}

/* Has the command ended?  Its status is kept. */
static bool record_ended(struct record *record)
{
	int status;

	if (!record->child.pid || waitpid(record->child.pid, &status, WNOHANG) <= 0)
		return false;
	record->child.pid = 0;
	record->status = cli_child_status(status);
	return true;
}

/*
 * Each poll reads every ring as far as it goes at that time, so that a round ends with it.
 * The last one is after everything has stopped.
 */
static int record_loop(struct record *record)
{
	uint64_t deadline = record->time_ns ? cli_now() + record->time_ns : UINT64_MAX;
	const struct timespec pause = { .tv_nsec = RECORD_END_NS };
	bool ended = false;
	int ret = 0;

	while (!cli_stop && !ended && cli_now() < deadline) {
		uint64_t left = (deadline - cli_now() + 999999) / 1000000;

		ended = record_ended(record);
		ret = perfring_reader_poll(record->reader,
					   left < RECORD_TICK_MS ? (int)left : RECORD_TICK_MS);
		if (ret < 0 && ret != -EINTR && ret != -ENODATA)
			break;
		/* Nothing more comes: of the command its status is still wanted. */
		if (ret == -ENODATA && !record->child.pid)
			ended = true;
		else if (ret == -ENODATA && !ended)
			nanosleep(&pause, NULL);
		ret = perfring_data_round(record->writer);
		if (ret < 0)
			break;
	}
	perfring_reader_disable(record->reader);
	if (ret >= 0 || ret == -EINTR)
		ret = perfring_reader_flush(record->reader);
	if (ret >= 0)
		ret = perfring_data_round(record->writer);
	return ret < 0 ? record_fail(record->file, ret) : CLI_OK;
}

static int record_start(struct record *record)
{
	static const char tracefs[] =
		"tracefs does not describe the tracepoints: perf will not read their samples";
	int ret;

	ret = perfring_data_start(record->writer);
	if (ret < 0)
		return record_fail(record->file, ret);
	if (ret)
		cli_error("%s", tracefs);
	ret = perfring_data_synthesize(record->writer,
				       record->command ? record->child.pid : -1);
	if (ret < 0)
		return record_fail(record->file, ret);
	return record->command ? cli_child_go(&record->child, record->command[0]) : CLI_OK;
}

static int record_run(struct record *record)
{
	struct perfring_reader_opts opts = {
		.size = sizeof(opts),
		.record = record_on_record,
		.lost = record_on_lost,
		.context = record,
	};
	struct perfring_data_opts data = {
		.size = sizeof(data),
		.argv = (const char *const *)record->argv,
		.argc = (uint32_t)record->argc,
	};
	int status, err;

	err = perfring_reader_create(&opts, &record->reader);
	if (err)
		return record_fail("reader", err);
	err = perfring_data_create(record->file, &data, &record->writer);
	if (err)
		return record_fail(record->file, err);
	status = CLI_OK;
	/* What the command says does not belong into the file. */
	if (record->command)
		status = cli_child_start(&record->child, record->command,
					 strcmp(record->file, "-") ? -1 : STDERR_FILENO);
	if (!status)
		status = record_open(record);
	if (!status)
		status = record_start(record);
	if (!status)
		status = record_loop(record);
	err = perfring_data_close(record->writer);
	record->writer = NULL;
	if (err && !status)
		status = record_fail(record->file, err);
	return status;
}

static int record_command(int argc, char **argv)
{
	struct record *record = calloc(1, sizeof(*record));
	int status;

	if (!record) {
		cli_error("out of memory");
		return CLI_FAIL;
	}
	record->argc = argc;
	record->argv = argv;
	record->child.go = -1;
	record->child.error = -1;
	status = record_options(record, argc, argv);
	if (!status) {
		cli_catch_signals();
		status = record_run(record);
		if (!status)
			fprintf(stderr, "%s: %" PRIu64 " records, %" PRIu64 " of them samples, %"
				PRIu64 " lost\n", record->file, record->records, record->samples,
				record->lost);
	}
	perfring_data_close(record->writer);
	cli_child_close(&record->child);
	if (record->child.pid) {
		kill(record->child.pid, SIGTERM);
		waitpid(record->child.pid, NULL, 0);
	}
	record_close(record);
	perfring_reader_destroy(record->reader);
	status = status ? status : record->status;
	free(record);
	return status;
}

const struct cli_command cli_record = {
	.name = "record",
	.usage = "[-e EVENT]... [-o FILE] [-t SECONDS] [--pages N] [[--] COMMAND [ARG]...]",
	.about =
"write a perf.data file, which perf script and perf report read; FILE -: for a pipe.\n"
"EVENT is a SOURCE or what perf record -e takes, of COMMAND or of the whole system\n",
	.option = record_table, .most = CLI_WORDS_ANY, .stops = true, .sources = true,
	.run = record_command,
};
