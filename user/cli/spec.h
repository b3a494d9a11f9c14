/* SPDX-License-Identifier: MIT */
/* A SOURCE of the command line, and the storages it stands for. */
#ifndef PERFRING_CLI_SPEC_H
#define PERFRING_CLI_SPEC_H

#include "cli.h"
#include "tracepoint.h"

#include <perfring/event.h>
#include <perfring/storage.h>

enum spec_kind {
	SPEC_DEVICE,
	SPEC_PERF,
	SPEC_IMAGE,
	SPEC_DATA,
};

/* What the RAW field of a sample holds. */
enum spec_payload {
	SPEC_BYTES,		/* nobody knows */
	SPEC_SWITCH,		/* struct perfring_sched_switch_payload */
	SPEC_GENERATOR,		/* struct perfring_generator_payload */
	SPEC_SYSCALLS,		/* struct perfring_syscalls_payload */
	SPEC_KPROBE,		/* struct perfring_kprobe_payload */
	SPEC_TRACEPOINT,	/* as tracefs says */
};

struct spec {
	enum spec_kind kind;
	enum spec_payload payload;
	const char *text;		/* the whole of it, the caller's */
	const char *path;		/* of an image or data; within text */
	struct cli_cpus cpus;
	struct perf_event_attr attr;	/* disabled */
	char *symbol;			/* of a kprobe; attr points to it */
	struct perfring_event_specs *events;	/* likewise, of perf's probes */
	struct tracepoint tracepoint;
	bool feed;			/* dev:CPU/user */
};

/* Does it begin as a SOURCE does? */
bool spec_is(const char *text);

/* Understand @text, which outlives @spec. */
int spec_parse(const char *text, struct spec *spec);
void spec_free(struct spec *spec);

/*
 * Open the ring of one CPU (of an image: any number), disabled.  For an image, @spec
 * then knows what its payloads are.
 */
int spec_open(struct spec *spec, unsigned int cpu, size_t pages, struct perfring_storage **out);

/* The event's attr for a name after dev:CPU/ or perf:CPU/; the latter in spec_perf.c */
int spec_device_attr(struct spec *spec, const char *name);
int spec_perf_attr(struct spec *spec, const char *name);

/* An event that samples every time: TIME, CPU, TID, IDENTIFIER, and RAW. */
void spec_attr_init(struct perf_event_attr *attr);

/* Type number of the PMU perfring. */
int spec_pmu_type(uint32_t *type);

/* What the payloads of an event of a file are. */
void spec_file_payload(struct spec *spec, const struct perf_event_attr *attr);

/* Why the ring of @cpu, for @pid, could not be opened. */
void spec_open_error(const struct spec *spec, pid_t pid, unsigned int cpu, size_t pages, int err);

/* Why enabling the ring of @cpu failed with @err. */
void spec_enable_error(const struct spec *spec, unsigned int cpu, int err);

#endif /* PERFRING_CLI_SPEC_H */
