// SPDX-License-Identifier: MIT
/* record: rings into a perf.data file, which perf(1) and dump read. */
#include "cli.h"
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD_PAGES	128
#define RECORD_PAGES_MAX	(1U << 20)
#define RECORD_TICK_MS	100
#define RECORD_FILE	"perf.data"
#define RECORD_EVENT	"cpu-clock"

static int record_option(struct record *record, const char *name, const char *value)
{
	uint64_t number;
	int status;

	if (!strcmp(name, "-e")) {
		if (record->nr_texts == ARRAY_SIZE(record->text))
			return cli_usage("record", "more than %zu times -e",
					 ARRAY_SIZE(record->text));
		record->text[record->nr_texts++] = value;
		return CLI_OK;
	}
	if (!strcmp(name, "-o")) {
		record->file = value;
		return CLI_OK;
	}
	if (!strcmp(name, "-t"))
		return cli_seconds("-t", value, &record->time_ns);
	if (!strcmp(name, "--pages")) {
		status = cli_number("--pages", value, 1, RECORD_PAGES_MAX, &number);
		if (!status && number & (number - 1))
			return cli_usage("record", "--pages: %s is not a power of two", value);
		record->pages = (size_t)number;
		return status;
	}
	return cli_usage("record", "'%s' is not an option of it", name);
}

static int record_options(struct record *record, int argc, char **argv)
{
	int status = CLI_OK, i;

	record->file = RECORD_FILE;
	record->pages = RECORD_PAGES;
	for (i = 1; i < argc && !status && argv[i][0] == '-'; i += 2) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (i + 1 == argc)
			return cli_usage("record", "'%s' lacks its value", argv[i]);
		status = record_option(record, argv[i], argv[i + 1]);
	}
	if (!status && i < argc)
		record->command = argv + i;
	if (!record->nr_texts)
		record->text[record->nr_texts++] = RECORD_EVENT;
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

/* The command, stopped before it becomes itself. */
static int record_fork(struct record *record)
{
	int go[2];
	char c;

	record->go = -1;
	if (!record->command)
		return CLI_OK;
	if (pipe(go) < 0)
		return record_fail("pipe", -errno);
	record->child = fork();
	if (record->child < 0)
		return record_fail("fork", -errno);
	if (!record->child) {
		close(go[1]);
		if (read(go[0], &c, 1) != 1)
			_exit(CLI_FAIL);
		close(go[0]);
		/* What it says does not belong into the file. */
		if (!strcmp(record->file, "-"))
			dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(record->command[0], record->command);
		cli_error("%s: %s", record->command[0], strerror(errno));
		_exit(127);
	}
	close(go[0]);
	record->go = go[1];
	return CLI_OK;
}

/* Has the command ended?  Its status is kept. */
static bool record_ended(struct record *record)
{
	return record->child > 0 &&
	       waitpid(record->child, &record->status, WNOHANG) == record->child;
}

/*
 * Each poll reads every ring as far as it goes at that time, so that a round ends with it.
 * The last one is after everything has stopped.
 */
static int record_loop(struct record *record)
{
	uint64_t deadline = record->time_ns ? cli_now() + record->time_ns : UINT64_MAX;
	bool ended = false;
	int ret = 0;

	while (!cli_stop && !ended && cli_now() < deadline) {
		uint64_t left = (deadline - cli_now() + 999999) / 1000000;

		ended = record_ended(record);
		ret = perfring_reader_poll(record->reader,
					   left < RECORD_TICK_MS ? (int)left : RECORD_TICK_MS);
		if (ret < 0 && ret != -EINTR && ret != -ENODATA)
			break;
		if (ret == -ENODATA)
			ended = true;
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
				       record->child > 0 ? record->child : -1);
	if (ret < 0)
		return record_fail(record->file, ret);
	if (record->go >= 0 && write(record->go, "g", 1) != 1)
		return record_fail(record->command[0], -errno);
	return CLI_OK;
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
	status = record_fork(record);
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

int cli_record(int argc, char **argv)
{
	struct record *record = calloc(1, sizeof(*record));
	int status;

	if (!record) {
		cli_error("out of memory");
		return CLI_FAIL;
	}
	record->argc = argc;
	record->argv = argv;
	record->go = -1;
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
	if (record->go >= 0)
		close(record->go);
	if (record->child > 0 && waitpid(record->child, NULL, WNOHANG) == 0) {
		kill(record->child, SIGTERM);
		waitpid(record->child, NULL, 0);
	}
	record_close(record);
	perfring_reader_destroy(record->reader);
	free(record);
	return status;
}
