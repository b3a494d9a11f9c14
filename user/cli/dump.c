// SPDX-License-Identifier: MIT
/* dump: the records of a source, decoded, as text or JSON. */
#include "cli.h"
#include "dump.h"

#include <errno.h>
#include <inttypes.h>
#include <perfring/perfring.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DUMP_TICK_MS	100
/* A writer may be so late after it has read the clock. */
#define DUMP_SLACK_NS	10000000

static int dump_on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	struct dump *dump = context;

	return dump_record(dump, index, record) ? 0 : -ECANCELED;
}

static void dump_on_error(void *context, unsigned int index, const struct perfring_error *error)
{
	struct dump *dump = context;

	dump->corrupt++;
	cli_error("ring %u is corrupt at position %llu + %llu: %s; skipped", index,
		  (unsigned long long)error->position, (unsigned long long)error->offset,
		  error->reason);
}

/* The first error of a storage is enough. */
static int dump_add_rings(struct dump *dump)
{
	size_t nr = dump->spec.kind == SPEC_IMAGE ? 1 : dump->spec.cpus.nr;
	struct perfring_storage *storage;
	int status, index;

	for (size_t i = 0; i < nr; i++) {
		status = spec_open(&dump->spec, dump->spec.cpus.nr ? dump->spec.cpus.cpu[i] : 0,
				   dump->options.pages, &storage);
		if (status)
			return status;
		index = perfring_reader_add(dump->reader, storage);
		if (index < 0) {
			cli_error("%s: %s", dump->spec.text, perfring_strerror(index));
			perfring_storage_close(storage);
			return CLI_FAIL;
		}
	}
	return CLI_OK;
}

static struct perfring_storage *dump_storage(const struct dump *dump, size_t index)
{
	return perfring_ring_storage(perfring_reader_ring(dump->reader, (unsigned int)index));
}

static int dump_poll(struct dump *dump, int timeout_ms)
{
	if (dump->merge)
		return perfring_merge_poll(dump->merge, timeout_ms);
	return perfring_reader_poll(dump->reader, timeout_ms);
}

/* All that is there. */
static int dump_flush(struct dump *dump)
{
	int ret;

	if (!dump->merge)
		return perfring_reader_flush(dump->reader);
	perfring_merge_flush(dump->merge);
	do {
		ret = perfring_merge_poll(dump->merge, 0);
	} while (ret > 0);
	return ret;
}

static int dump_enable(struct dump *dump)
{
	for (size_t i = 0; i < dump->spec.cpus.nr; i++) {
		int err = perfring_storage_enable(dump_storage(dump, i));

		if (err) {
			spec_enable_error(&dump->spec, dump->spec.cpus.cpu[i], err);
			return CLI_FAIL;
		}
	}
	return CLI_OK;
}

/* One line of input becomes one record; a full ring is emptied first. */
static int dump_feed_line(struct dump *dump, const char *line, size_t len)
{
	int fd = perfring_storage_fd(dump_storage(dump, dump->feed_next++ % dump->spec.cpus.nr));
	int ret;

	if (write(fd, line, len) >= 0)
		return 0;
	if (errno == ENOSPC) {
		ret = dump->merge ? dump_flush(dump) : perfring_reader_consume(dump->reader);
		if (ret < 0)
			return ret;
		if (write(fd, line, len) >= 0)
			return 0;
	}
	cli_error("%s: a line of %zu bytes: %s", dump->spec.text, len, strerror(errno));
	return -EIO;
}

/* What standard input has now: 1, 0 at its end, -errno. */
static int dump_feed(struct dump *dump)
{
	char *text = dump->line, *end;
	size_t room = sizeof(dump->line) - dump->line_used;
	ssize_t got = read(STDIN_FILENO, text + dump->line_used, room);
	bool last = got == 0;
	int ret = 0;

	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	dump->line_used += (size_t)got;
	while (!ret && dump->line_used) {
		size_t len = dump->line_used, used;

		end = memchr(text, '\n', len);
		if (end)
			len = (size_t)(end - text);
		else if (!last && len < sizeof(dump->line))
			break;
		ret = dump_feed_line(dump, text, len);
		used = len + (end ? 1 : 0);
		dump->line_used -= used;
		memmove(text, text + used, dump->line_used);
	}
	return ret ? ret : !last;
}

/* Wait a moment for records, or for input: as perfring_reader_poll(). */
static int dump_wait(struct dump *dump, int timeout_ms)
{
	struct pollfd fds[2] = {
		{ .fd = perfring_reader_fd(dump->reader), .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	int ret;

	if (!dump->spec.feed)
		return dump_poll(dump, timeout_ms);
	if (poll(fds, 2, timeout_ms) < 0)
		return -errno;
	if (fds[1].revents) {
		ret = dump_feed(dump);
		if (ret < 0)
			return ret;
		if (!ret) {
			ret = dump_flush(dump);
			return ret < 0 ? ret : -ENODATA;
		}
	}
	return dump_poll(dump, 0);
}

static int dump_live(struct dump *dump)
{
	uint64_t deadline = dump->options.time_ns ? cli_now() + dump->options.time_ns : UINT64_MAX;
	int ret = 0, status;
	uint64_t now;

	status = dump_enable(dump);
	if (status)
		return status;
	while (!cli_stop && (now = cli_now()) < deadline) {
		uint64_t left = (deadline - now + 999999) / 1000000;

		ret = dump_wait(dump, left < DUMP_TICK_MS ? (int)left : DUMP_TICK_MS);
		if (ret < 0 && ret != -EINTR)
			break;
		fflush(stdout);
		if (ferror(stdout))
			break;
	}
	perfring_reader_disable(dump->reader);
	if (ret >= 0 || ret == -EINTR)
		ret = dump_flush(dump);
	if (ret >= 0 || ret == -ECANCELED || ret == -ENODATA)
		return CLI_OK;
	if (ret != -EIO)
		cli_error("%s: %s", dump->spec.text, perfring_strerror(ret));
	return CLI_FAIL;
}

/* The rings are there: their records in the order of time. */
static int dump_merge(struct dump *dump)
{
	const struct perfring_merge_opts opts = {
		.size = sizeof(opts), .slack_ns = DUMP_SLACK_NS,
	};
	int err;

	err = perfring_merge_create(dump->reader, &opts, &dump->merge);
	if (!err)
		err = perfring_merge_add_all(dump->merge, NULL);
	if (err >= 0)
		return CLI_OK;
	cli_error("%s: --order: %s", dump->spec.text, perfring_strerror(err));
	return CLI_FAIL;
}

static void dump_late(const struct dump *dump)
{
	struct perfring_merge_stats stats = { .size = sizeof(stats) };

	if (!dump->merge)
		return;
	perfring_merge_stats(dump->merge, &stats);
	if (stats.late)
		cli_error("%s: %" PRIu64 " records came too late to be in order", dump->spec.text,
			  stats.late);
}

static int dump_reader(struct dump *dump)
{
	struct perfring_reader_opts opts = {
		.size = sizeof(opts),
		.record = dump_on_record,
		.error = dump_on_error,
		.context = dump,
	};
	int status, err;

	err = perfring_reader_create(&opts, &dump->reader);
	if (err) {
		cli_error("%s", perfring_strerror(err));
		return CLI_FAIL;
	}
	status = dump_add_rings(dump);
	if (!status)
		status = dump_format(dump, dump_storage(dump, 0));
	if (!status && dump->options.order)
		status = dump_merge(dump);
	if (!status)
		status = dump_live(dump);
	dump_late(dump);
	perfring_merge_destroy(dump->merge);
	perfring_reader_destroy(dump->reader);
	return status;
}

/* An image is read once; an overwriting or backward ring has its own way. */
static int dump_image(struct dump *dump)
{
	struct perfring_storage *storage;
	struct perfring_ring *ring = NULL;
	struct perfring_record record;
	struct perfring_batch batch;
	struct perfring_error error;
	int status, err;

	status = spec_open(&dump->spec, 0, 0, &storage);
	if (status)
		return status;
	status = dump_format(dump, storage);
	if (status)
		goto out;
	err = perfring_ring_open(storage, NULL, &ring);
	if (err) {
		cli_error("%s: %s", dump->spec.text, perfring_strerror(err));
		status = CLI_FAIL;
		goto out;
	}
	if (perfring_storage_flags(storage) &
	    (PERFRING_STORAGE_OVERWRITE | PERFRING_STORAGE_BACKWARD))
		err = perfring_ring_snapshot(ring, 0, &batch);
	else
		err = perfring_batch_begin(ring, &batch);
	while (!err && !cli_stop && (err = perfring_batch_next(&batch, &record)) > 0)
		err = dump_record(dump, 0, &record) ? 0 : -ECANCELED;
	if (err < 0 && err != -ECANCELED) {
		if (perfring_batch_error(&batch, &error))
			dump_on_error(dump, 0, &error);
		else
			cli_error("%s: %s", dump->spec.text, perfring_strerror(err));
		status = CLI_FAIL;
	}
	perfring_batch_commit(&batch);
	perfring_ring_close(ring);
out:
	perfring_storage_close(storage);
	return status;
}

static const struct cli_option dump_table[] = {
	{ "-n", "COUNT", "end after so many records", CLI_NUMBER,
	  offsetof(struct dump_options, count), UINT64_MAX },
	{ "-t", "SECONDS", "end after so long", CLI_SECONDS,
	  offsetof(struct dump_options, time_ns), 0 },
	{ "--json", NULL, "an object on each line", CLI_FLAG, offsetof(struct dump_options, json),
	  0 },
	{ "--pages", "N", "data pages of each ring, a power of two (128)", CLI_PAGES,
	  offsetof(struct dump_options, pages), 0 },
	{ "--order", NULL, "those of several CPUs in the order of time", CLI_FLAG,
	  offsetof(struct dump_options, order), 0 },
	{ .name = NULL },
};

static int dump_command(int argc, char **argv)
{
	struct dump dump = { .options = { .pages = DUMP_PAGES } };
	struct cli_words words;
	int status;

	status = cli_options(&cli_dump, argc, argv, &dump.options, &words);
	if (!status)
		status = spec_parse(words.word[0], &dump.spec);
	if (status)
		return status;
	if (dump.options.order && (dump.spec.kind == SPEC_DATA || dump.spec.kind == SPEC_IMAGE)) {
		status = cli_usage(&cli_dump, "--order is for rings that are being written, not %s",
				   dump.spec.text);
		spec_free(&dump.spec);
		return status;
	}
	dump.json.on = dump.options.json;
	dump.check = calloc(dump.spec.cpus.nr + 1, sizeof(*dump.check));
	if (!dump.check) {
		cli_error("out of memory");
		spec_free(&dump.spec);
		return CLI_FAIL;
	}
	cli_catch_signals();
	if (dump.spec.kind == SPEC_DATA)
		status = dump_data(&dump);
	else if (dump.spec.kind == SPEC_IMAGE)
		status = dump_image(&dump);
	else
		status = dump_reader(&dump);
	if (dump.format)
		status = dump_summary(&dump) || dump.corrupt ? CLI_FAIL : status;
	perfring_format_free(dump.own_format);
	free(dump.check);
	spec_free(&dump.spec);
	return status;
}

const struct cli_command cli_dump = {
	.name = "dump",
	.usage = "SOURCE [-n COUNT] [-t SECONDS] [--json] [--pages N] [--order]",
	.about = "print the records of rings, decoded\n",
	.option = dump_table, .least = 1, .most = 1, .sources = true, .run = dump_command,
};
