// SPDX-License-Identifier: GPL-2.0
/* The bytes of records: fields of a sample and pairs of them, padding, LOST and its sample_id. */
#include <string.h>
#include <time.h>
#include "conformance.h"

/* What a row's records are made of; @id_all and the payload's bytes are in its second number. */
#define ID_ALL	(1 << 16)

static const struct {
	uint64_t bit;
	const char *name;
} fields[] = {
	{ PERF_SAMPLE_IDENTIFIER, "IDENTIFIER" }, { PERF_SAMPLE_IP, "IP" },
	{ PERF_SAMPLE_TID, "TID" }, { PERF_SAMPLE_TIME, "TIME" }, { PERF_SAMPLE_ADDR, "ADDR" },
	{ PERF_SAMPLE_ID, "ID" }, { PERF_SAMPLE_STREAM_ID, "STREAM_ID" },
	{ PERF_SAMPLE_CPU, "CPU" }, { PERF_SAMPLE_PERIOD, "PERIOD" }, { PERF_SAMPLE_RAW, "RAW" },
};

/* A sample, one that is lost to a pause, and a sample behind the LOST record. */
static void run_fields(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = output_attr();
	unsigned char payload[256];
	struct raw raw;
	uint64_t from;
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(payload); i++)
		payload[i] = 1 + i;
	attr.sample_type = a;
	attr.sample_id_all = !!(b & ID_ALL);
	attr.use_clockid = 1;
	attr.clockid = CLOCK_MONOTONIC;
	from = now_ns();
	fd = side_ready(side, &attr, &raw, 1);
	say_ret(side, "write", side_write(side, fd, payload, b & 0xff));
	do_ioctl_word(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
	say_ret(side, "write", side_write(side, fd, payload, b & 0xff));
	do_ioctl_word(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0);
	say_ret(side, "write", side_write(side, fd, payload, b & 0xff));
	say_records_since(side, &raw, from);
}

/* The second lap of a ring, after samples of 64 bytes: what pads a payload of @a bytes. */
static void run_lap(struct side *side, uint64_t a, uint64_t b)
{
	unsigned char payload[64];
	struct raw raw;
	int fd = side_ready(side, NULL, &raw, 1);
	unsigned int i;

	memset(payload, 0xee, sizeof(payload));
	for (i = 0; i < PAGE / 64; i++) {
		if (side_write(side, fd, payload, 52))
			give_up(side, "the first lap is not written");
		raw_drop(&raw);
	}
	memset(payload, 0x11, sizeof(payload));
	say_ret(side, "write", side_write(side, fd, payload, a));
	say_records(side, &raw, true);
}

/* Samples of @a bytes until no more fit, the reader takes one, and so on: what is lost. */
static void run_full(struct side *side, uint64_t a, uint64_t b)
{
	static unsigned char payload[65536], buf[65536];
	struct perf_event_attr attr = output_attr();
	struct raw raw;
	unsigned int i, n;
	int fd;

	attr.write_backward = b;
	fd = side_ready(side, &attr, &raw, 1);
	for (i = 0; i < 4; i++) {
		for (n = 0; !side_write(side, fd, payload, a); n++)
			;
		say(side, "%u fit, head=%#llx", n, (unsigned long long)raw_head(&raw));
		if (b)
			break;
		say(side, "took %d", raw_next(&raw, buf));
		say(side, "took %d", raw_next(&raw, buf));
	}
}

void record_rows(void)
{
	static const unsigned int lengths[] = { 0, 1, 3, 4, 5, 11, 12, 13, 100 };
	/* Up to a whole page with header and size, and more. */
	static const unsigned int fills[] = {
		1, 12, 100, 1000, 1012, 2028, 4068, 4076, 4084, 5000,
	};
	uint64_t all = 0;
	unsigned int i, k;

	for (i = 0; i < ARRAY_LEN(fields); i++) {
		all |= fields[i].bit;
		for (k = 0; k < i; k++)
			add("records", run_fields, fields[k].bit | fields[i].bit, 5 | ID_ALL,
			    "%s and %s", fields[k].name, fields[i].name);
		add("records", run_fields, fields[i].bit, 5, "%s", fields[i].name);
		add("records", run_fields, fields[i].bit, 5 | ID_ALL, "%s, sample_id_all",
		    fields[i].name);
	}
	add("records", run_fields, all, 5, "all fields");
	add("records", run_fields, all, 5 | ID_ALL, "all fields, sample_id_all");
	add("records", run_fields, 0, 5, "no field");
	add("records", run_fields, 0, 5 | ID_ALL, "no field, sample_id_all");
	for (i = 0; i < ARRAY_LEN(lengths); i++)
		add("records", run_fields, PERF_SAMPLE_RAW, lengths[i], "payload of %u bytes",
		    lengths[i]);
	/* 4 + 12 bytes need no padding, 4 + 13 need 7. */
	add("records", run_lap, 12, 0, "second lap, nothing to pad");
	add("records", run_lap, 13, 0, "second lap, 7 bytes to pad");
	for (i = 0; i < ARRAY_LEN(fills); i++)
		for (k = 0; k < 2; k++)
			add("records", run_full, fills[i], k, "a page full of %u bytes%s", fills[i],
			    k ? ", backward" : "");
}
