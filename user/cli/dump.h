/* SPDX-License-Identifier: MIT */
/* The state of dump. */
#ifndef PERFRING_CLI_DUMP_H
#define PERFRING_CLI_DUMP_H

#include "json.h"
#include "payload.h"
#include "spec.h"

#include <perfring/perfring.h>

#define DUMP_PAGES	128

struct dump_options {
	size_t pages;
	uint64_t count;		/* 0: no limit */
	uint64_t time_ns;	/* 0: no limit */
	bool json;
	bool order;
};

struct dump {
	struct dump_options options;
	struct spec spec;
	struct json json;
	struct perfring_reader *reader;
	struct perfring_merge *merge;	/* NULL: ring by ring */
	const struct perfring_format *format;	/* of the records that come */
	struct perfring_format *own_format;	/* to be freed */
	struct generator_check *check;	/* of each ring */
	uint64_t records;
	uint64_t bytes;
	uint64_t lost;
	uint64_t corrupt;
	char line[4096];		/* of standard input, not yet a record */
	size_t line_used;
	size_t feed_next;
};

/* Compile the format of the records of @storage. */
int dump_format(struct dump *dump, const struct perfring_storage *storage);

/* Print one; false when it was the last one wanted. */
bool dump_record(struct dump *dump, unsigned int index, const struct perfring_record *record);

/* dump_data.c: the records of a perf.data file */
int dump_data(struct dump *dump);

/* dump_sideband.c: the fields of a record that is neither sample nor loss */
void dump_sideband(struct json *json, const struct perfring_event *event);

/* The last line; fails when the generator's records were not as they should. */
int dump_summary(const struct dump *dump);

#endif /* PERFRING_CLI_DUMP_H */
