/* SPDX-License-Identifier: MIT */
/* The state of record. */
#ifndef PERFRING_CLI_RECORD_H
#define PERFRING_CLI_RECORD_H

#include "spec.h"

#include <perfring/perfring.h>

struct record {
	/* What was given. */
	struct cli_list events;
	const char *file;
	size_t pages;
	uint64_t time_ns;	/* 0: no limit */
	char **command;		/* NULL: none */
	char **argv;		/* of all, for the file */
	int argc;
	/* What became of it. */
	struct spec spec[CLI_LIST_ROOM];
	struct perfring_event_specs *specs[CLI_LIST_ROOM];
	struct perfring_reader *reader;
	struct perfring_data_writer *writer;
	struct cli_child child;
	int status;		/* its exit status, when it has ended by itself */
	uint64_t records;
	uint64_t samples;
	uint64_t lost;
};

/* record_open.c: every ring of every event, in reader and writer, and enabled */
int record_open(struct record *record);
void record_close(struct record *record);

#endif /* PERFRING_CLI_RECORD_H */
