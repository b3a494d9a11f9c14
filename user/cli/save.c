// SPDX-License-Identifier: MIT
/* save: let a ring fill, and keep it as a file that dump image:FILE reads. */
#include "cli.h"
#include "dump.h"

#include <errno.h>
#include <inttypes.h>
#include <perfring/perfring.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Lines of standard input into the ring, as dump does. */
static int save_feed(int fd)
{
	char line[4096];

	while (!cli_stop && fgets(line, sizeof(line), stdin))
		if (write(fd, line, strcspn(line, "\n")) < 0) {
			cli_error("standard input: %s", errno == ENOSPC ?
				  "the ring is full; use more --pages" : strerror(errno));
			return CLI_FAIL;
		}
	return CLI_OK;
}

static int save_fill(struct spec *spec, struct perfring_storage *storage, uint64_t time_ns)
{
	struct timespec wait = {
		.tv_sec = (time_t)(time_ns / CLI_NS), .tv_nsec = (long)(time_ns % CLI_NS),
	};
	int status = CLI_OK, err;

	err = perfring_storage_enable(storage);
	if (err) {
		spec_enable_error(spec, spec->cpus.cpu[0], err);
		return CLI_FAIL;
	}
	if (spec->feed)
		status = save_feed(perfring_storage_fd(storage));
	else
		nanosleep(&wait, NULL);
	perfring_storage_disable(storage);
	return status;
}

static const struct cli_option save_table[] = {
	{ "-t", "SECONDS", "how long the ring fills (1)", CLI_SECONDS,
	  offsetof(struct dump_options, time_ns), 0 },
	{ "--pages", "N", "data pages of the ring, a power of two (128)", CLI_PAGES,
	  offsetof(struct dump_options, pages), 0 },
	{ .name = NULL },
};

static int save_command(int argc, char **argv)
{
	struct dump_options options = { .pages = DUMP_PAGES, .time_ns = CLI_NS };
	struct perf_event_mmap_page *control;
	struct perfring_storage *storage;
	struct cli_words words;
	struct spec spec;
	uint64_t waiting;
	const char *file;
	int status, err;

	status = cli_options(&cli_save, argc, argv, &options, &words);
	if (status)
		return status;
	file = words.word[1];
	if (!*file)
		return cli_usage(&cli_save, "'' is no FILE");
	status = spec_parse(words.word[0], &spec);
	if (status)
		return status;
	if (spec.cpus.nr > 1) {
		cli_error("%s: a file holds one ring: name one CPU", spec.text);
		spec_free(&spec);
		return CLI_USAGE;
	}
	if (spec.kind == SPEC_DATA) {
		cli_error("%s: a file holds one ring, and this is none", spec.text);
		spec_free(&spec);
		return CLI_USAGE;
	}
	cli_catch_signals();
	status = spec_open(&spec, spec.cpus.nr ? spec.cpus.cpu[0] : 0, options.pages, &storage);
	if (!status) {
		if (spec.kind != SPEC_IMAGE)
			status = save_fill(&spec, storage, options.time_ns);
		err = perfring_storage_save(storage, file);
		control = perfring_storage_control(storage);
		/* size_t: positions of a 32-bit kernel begin again at 0. */
		waiting = (size_t)(__atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE) -
				   control->data_tail);
		if (err) {
			cli_error("%s: %s", file, strerror(-err));
			status = CLI_FAIL;
		} else {
			printf("%s: %" PRIu64 " bytes of records in a ring of %zu\n",
			       file, waiting, perfring_storage_data_size(storage));
		}
		perfring_storage_close(storage);
	}
	spec_free(&spec);
	return status;
}

const struct cli_command cli_save = {
	.name = "save",
	.usage = "SOURCE FILE [-t SECONDS] [--pages N]",
	.about = "let a ring fill for a while, keep it as a file\n",
	.option = save_table, .least = 2, .most = 2, .sources = true, .run = save_command,
};
