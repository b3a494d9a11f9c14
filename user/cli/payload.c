// SPDX-License-Identifier: MIT
/* Payloads: task switches, system calls, probes, the generator's records, tracepoints, bytes. */
#include "payload.h"

#include <inttypes.h>
#include <linux/perfring.h>
#include <stddef.h>
#include <string.h>

#define PAYLOAD_PREEMPTED	0x100	/* TASK_REPORT_MAX: runnable, but had to go */

const char *payload_state(int64_t state, char *out)
{
	static const char letters[] = "SDTtXZPI";
	size_t at = 0;

	for (unsigned int bit = 0; bit < 8; bit++)
		if (state >> bit & 1 && at < 12) {
			if (at)
				out[at++] = '|';
			out[at++] = letters[bit];
		}
	if (!at)
		out[at++] = 'R';
	if (state & PAYLOAD_PREEMPTED)
		out[at++] = '+';
	out[at] = '\0';
	return out;
}

bool payload_switch_device(const struct perfring_sample *sample, struct switch_record *out)
{
	struct perfring_sched_switch_payload payload;

	if (sample->raw_size < sizeof(payload))
		return false;
	memcpy(&payload, sample->raw, sizeof(payload));
	out->time = sample->time;
	out->prev_state = payload.prev_state;
	out->prev_pid = payload.prev_pid;
	out->prev_prio = payload.prev_prio;
	out->next_pid = payload.next_pid;
	out->next_prio = payload.next_prio;
	memcpy(out->prev_comm, payload.prev_comm, sizeof(out->prev_comm));
	memcpy(out->next_comm, payload.next_comm, sizeof(out->next_comm));
	return true;
}

bool payload_switch_fields(const struct tracepoint *tracepoint, struct switch_fields *fields)
{
	fields->prev_comm = tracepoint_field(tracepoint, "prev_comm");
	fields->prev_pid = tracepoint_field(tracepoint, "prev_pid");
	fields->prev_prio = tracepoint_field(tracepoint, "prev_prio");
	fields->prev_state = tracepoint_field(tracepoint, "prev_state");
	fields->next_comm = tracepoint_field(tracepoint, "next_comm");
	fields->next_pid = tracepoint_field(tracepoint, "next_pid");
	fields->next_prio = tracepoint_field(tracepoint, "next_prio");
	return fields->prev_comm && fields->prev_pid && fields->prev_prio && fields->prev_state &&
	       fields->next_comm && fields->next_pid && fields->next_prio;
}

static bool payload_s32(const struct tracepoint_field *field, const struct perfring_sample *sample,
			int32_t *out)
{
	int64_t value;

	if (!tracepoint_number(field, sample->raw, sample->raw_size, &value))
		return false;
	*out = (int32_t)value;
	return true;
}

static bool payload_comm(const struct tracepoint_field *field,
			 const struct perfring_sample *sample, char out[16])
{
	const unsigned char *bytes;
	uint32_t len;

	if (!tracepoint_bytes(field, sample->raw, sample->raw_size, &bytes, &len))
		return false;
	memset(out, 0, 16);
	memcpy(out, bytes, len < 16 ? len : 16);
	return true;
}

bool payload_switch_perf(const struct switch_fields *fields, const struct perfring_sample *sample,
			 struct switch_record *out)
{
	out->time = sample->time;
	return sample->raw && payload_comm(fields->prev_comm, sample, out->prev_comm) &&
	       payload_s32(fields->prev_pid, sample, &out->prev_pid) &&
	       payload_s32(fields->prev_prio, sample, &out->prev_prio) &&
	       tracepoint_number(fields->prev_state, sample->raw, sample->raw_size,
				 &out->prev_state) &&
	       payload_comm(fields->next_comm, sample, out->next_comm) &&
	       payload_s32(fields->next_pid, sample, &out->next_pid) &&
	       payload_s32(fields->next_prio, sample, &out->next_prio);
}

static void payload_print_switch(const struct switch_record *record, struct json *json)
{
	char prev[80], next[80], state[16];

	payload_state(record->prev_state, state);
	if (!json->on) {
		cli_escape(prev, sizeof(prev), record->prev_comm, sizeof(record->prev_comm));
		cli_escape(next, sizeof(next), record->next_comm, sizeof(record->next_comm));
		printf("  %s:%d [%d] %s ==> %s:%d [%d]", prev, record->prev_pid,
		       record->prev_prio, state, next, record->next_pid, record->next_prio);
		return;
	}
	json_open(json, "sched_switch");
	json_string(json, "prev_comm", record->prev_comm, sizeof(record->prev_comm));
	json_signed(json, "prev_pid", record->prev_pid);
	json_signed(json, "prev_prio", record->prev_prio);
	json_signed(json, "prev_state", record->prev_state);
	json_string(json, "prev_state_name", state, sizeof(state));
	json_string(json, "next_comm", record->next_comm, sizeof(record->next_comm));
	json_signed(json, "next_pid", record->next_pid);
	json_signed(json, "next_prio", record->next_prio);
	json_close(json);
}

static bool payload_print_syscall(const struct perfring_sample *sample, struct json *json)
{
	struct perfring_syscalls_payload payload;
	char comm[80];

	if (sample->raw_size < sizeof(payload))
		return false;
	memcpy(&payload, sample->raw, sizeof(payload));
	if (!json->on) {
		cli_escape(comm, sizeof(comm), payload.comm, sizeof(payload.comm));
		printf("  %s nr=%" PRIu32 "%s ret=%" PRId64 " %" PRIu64 ".%03u us", comm,
		       payload.nr, payload.flags & PERFRING_SYSCALLS_COMPAT ? " compat" : "",
		       (int64_t)payload.ret, (uint64_t)payload.duration / 1000,
		       (unsigned int)(payload.duration % 1000));
		return true;
	}
	json_open(json, "syscalls");
	json_unsigned(json, "enter", payload.enter);
	json_unsigned(json, "duration", payload.duration);
	json_signed(json, "ret", payload.ret);
	json_signed(json, "pid", payload.pid);
	json_signed(json, "tid", payload.tid);
	json_unsigned(json, "nr", payload.nr);
	json_bool(json, "compat", payload.flags & PERFRING_SYSCALLS_COMPAT);
	json_string(json, "comm", payload.comm, sizeof(payload.comm));
	json_close(json);
	return true;
}

static bool payload_print_kprobe(const struct spec *spec,
				 const struct perfring_sample *sample, struct json *json)
{
	struct perfring_kprobe_payload payload;
	char comm[80];

	if (sample->raw_size < sizeof(payload))
		return false;
	memcpy(&payload, sample->raw, sizeof(payload));
	if (!json->on) {
		cli_escape(comm, sizeof(comm), payload.comm, sizeof(payload.comm));
		printf("  %s", comm);
		if (spec->symbol)
			printf(" %s+%#" PRIx64, spec->symbol, (uint64_t)spec->attr.config2);
		if (payload.ip)
			printf(" ip=%#" PRIx64, (uint64_t)payload.ip);
		return true;
	}
	json_open(json, "kprobe");
	if (spec->symbol)
		json_string(json, "symbol", spec->symbol, strlen(spec->symbol));
	json_unsigned(json, "ip", payload.ip);
	json_signed(json, "pid", payload.pid);
	json_signed(json, "tid", payload.tid);
	json_string(json, "comm", payload.comm, sizeof(payload.comm));
	json_close(json);
	return true;
}

static bool payload_generator_valid(const struct perfring_generator_payload *head,
				    const struct perfring_sample *sample)
{
	const unsigned char *raw = sample->raw;
	const uint32_t zero = 0;
	uint32_t crc;

	/* The record's padding may add up to 7 bytes. */
	if (head->len < sizeof(*head) || head->len > sample->raw_size ||
	    sample->raw_size - head->len > 7)
		return false;
	crc = cli_crc32(0, raw, offsetof(struct perfring_generator_payload, crc));
	crc = cli_crc32(crc, &zero, sizeof(zero));
	crc = cli_crc32(crc, raw + sizeof(*head), head->len - sizeof(*head));
	return crc == head->crc;
}

static bool payload_print_generator(const struct perfring_sample *sample,
				    struct generator_check *check, struct json *json)
{
	struct perfring_generator_payload head;
	uint64_t missing = 0;
	bool valid;

	if (sample->raw_size < sizeof(head))
		return false;
	memcpy(&head, sample->raw, sizeof(head));
	valid = payload_generator_valid(&head, sample);
	if (!valid)
		check->corrupt++;
	else if (head.seq > check->next)
		missing = head.seq - check->next;
	check->records++;
	check->gaps += missing != 0;
	check->missing += missing;
	if (valid)
		check->next = head.seq + 1;

	json_open(json, "generator");
	json_unsigned(json, "seq", head.seq);
	json_unsigned(json, "len", head.len);
	if (json->on) {
		json_unsigned(json, "crc", head.crc);
		json_bool(json, "crc_ok", valid);
	} else {
		printf(" crc=%08x %s", head.crc, valid ? "ok" : "WRONG");
	}
	if (missing)
		json_unsigned(json, "missing_before", missing);
	json_close(json);
	return true;
}

static void payload_print_fields(const struct tracepoint *tracepoint,
				 const struct perfring_sample *sample, struct json *json)
{
	const struct tracepoint_field *field;
	const unsigned char *bytes;
	uint32_t len;
	int64_t value;

	json_open(json, "fields");
	for (size_t i = 0; i < tracepoint->nr; i++) {
		field = &tracepoint->field[i];
		if (field->form == TRACEPOINT_NUMBER) {
			if (!tracepoint_number(field, sample->raw, sample->raw_size, &value))
				continue;
			if (field->is_signed)
				json_signed(json, field->name, value);
			else
				json_unsigned(json, field->name, (uint64_t)value);
		} else if (tracepoint_bytes(field, sample->raw, sample->raw_size, &bytes, &len)) {
			if (field->form == TRACEPOINT_ARRAY)
				json_hex(json, field->name, bytes, len);
			else
				json_string(json, field->name, bytes, len);
		}
	}
	json_close(json);
}

/* Text, but for the zeroes that the kernel padded it with? */
static bool payload_is_text(const unsigned char *raw, uint32_t size, uint32_t *len)
{
	uint32_t n = size;

	while (n && size - n < 8 && !raw[n - 1])
		n--;
	*len = n;
	for (uint32_t i = 0; i < n; i++)
		if (raw[i] != '\t' && (raw[i] < ' ' || raw[i] >= 0x7f))
			return false;
	return n > 0;
}

static void payload_print_bytes(const struct perfring_sample *sample, struct json *json)
{
	uint32_t len;

	if (payload_is_text(sample->raw, sample->raw_size, &len))
		json_string(json, "text", sample->raw, len);
	if (json->on || !payload_is_text(sample->raw, sample->raw_size, &len))
		json_hex(json, "raw", sample->raw, sample->raw_size);
}

void payload_print(const struct spec *spec, const struct perfring_sample *sample,
		   struct generator_check *check, struct json *json)
{
	struct switch_record record;
	struct switch_fields fields;

	switch (spec->payload) {
	case SPEC_SWITCH:
		if (!payload_switch_device(sample, &record))
			break;
		payload_print_switch(&record, json);
		return;
	case SPEC_GENERATOR:
		if (!payload_print_generator(sample, check, json))
			break;
		return;
	case SPEC_SYSCALLS:
		if (!payload_print_syscall(sample, json))
			break;
		return;
	case SPEC_KPROBE:
		if (!payload_print_kprobe(spec, sample, json))
			break;
		return;
	case SPEC_TRACEPOINT:
		if (!strcmp(spec->tracepoint.name, "sched:sched_switch") &&
		    payload_switch_fields(&spec->tracepoint, &fields) &&
		    payload_switch_perf(&fields, sample, &record))
			payload_print_switch(&record, json);
		else
			payload_print_fields(&spec->tracepoint, sample, json);
		return;
	case SPEC_BYTES:
		break;
	}
	payload_print_bytes(sample, json);
}
