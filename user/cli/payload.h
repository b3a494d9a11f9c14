/* SPDX-License-Identifier: MIT */
/* The RAW field of a sample, printed by what is known about it. */
#ifndef PERFRING_CLI_PAYLOAD_H
#define PERFRING_CLI_PAYLOAD_H

#include "json.h"
#include "spec.h"

#include <perfring/format.h>

/* One task switch, from whichever source. */
struct switch_record {
	uint64_t time;
	int64_t prev_state;
	int32_t prev_pid;
	int32_t prev_prio;
	int32_t next_pid;
	int32_t next_prio;
	char prev_comm[16];
	char next_comm[16];
};

/* What the records of a generator said so far, of one ring. */
struct generator_check {
	uint64_t records;
	uint64_t next;		/* sequence number that should come */
	uint64_t gaps;
	uint64_t missing;	/* numbers in the gaps */
	uint64_t corrupt;	/* wrong length or checksum */
};

/* "R", "S", "R+", "D|K"; as the tracepoint prints it.  Returns @out (16 bytes). */
const char *payload_state(int64_t state, char *out);

/* The device's payload; false when it is too short. */
bool payload_switch_device(const struct perfring_sample *sample, struct switch_record *out);

/* Fields of perf's tracepoint sched:sched_switch. */
struct switch_fields {
	const struct tracepoint_field *prev_comm, *prev_pid, *prev_prio, *prev_state;
	const struct tracepoint_field *next_comm, *next_pid, *next_prio;
};

bool payload_switch_fields(const struct tracepoint *tracepoint, struct switch_fields *fields);
bool payload_switch_perf(const struct switch_fields *fields, const struct perfring_sample *sample,
			 struct switch_record *out);

void payload_print(const struct spec *spec, const struct perfring_sample *sample,
		   struct generator_check *check, struct json *json);

#endif /* PERFRING_CLI_PAYLOAD_H */
