// SPDX-License-Identifier: MIT
/* One record as one line, and the summary after all of them. */
#include "dump.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <string.h>

static const char *const dump_types[] = {
	[PERF_RECORD_MMAP] = "mmap",
	[PERF_RECORD_LOST] = "lost",
	[PERF_RECORD_COMM] = "comm",
	[PERF_RECORD_EXIT] = "exit",
	[PERF_RECORD_THROTTLE] = "throttle",
	[PERF_RECORD_UNTHROTTLE] = "unthrottle",
	[PERF_RECORD_FORK] = "fork",
	[PERF_RECORD_READ] = "read",
	[PERF_RECORD_SAMPLE] = "sample",
	[PERF_RECORD_MMAP2] = "mmap2",
	[PERF_RECORD_AUX] = "aux",
	[PERF_RECORD_ITRACE_START] = "itrace_start",
	[PERF_RECORD_LOST_SAMPLES] = "lost_samples",
	[PERF_RECORD_SWITCH] = "switch",
	[PERF_RECORD_SWITCH_CPU_WIDE] = "switch_cpu_wide",
	[PERF_RECORD_NAMESPACES] = "namespaces",
	[PERF_RECORD_KSYMBOL] = "ksymbol",
	[PERF_RECORD_BPF_EVENT] = "bpf_event",
	[PERF_RECORD_CGROUP] = "cgroup",
	[PERF_RECORD_TEXT_POKE] = "text_poke",
	[PERF_RECORD_AUX_OUTPUT_HW_ID] = "aux_output_hw_id",
	[22] = "callchain_deferred",	/* not in the headers of older kernels */
};

int dump_format(struct dump *dump, const struct perfring_storage *storage)
{
	int err = perfring_format_compile(perfring_storage_attr(storage), &dump->own_format);

	dump->format = dump->own_format;
	if (!err)
		return CLI_OK;
	cli_error("%s: its records cannot be decoded: %s", dump->spec.text,
		  perfring_strerror(err));
	return CLI_FAIL;
}

/* "CPU   seconds.nanoseconds    pid/tid" */
static void dump_head(const struct dump *dump, struct json *json,
		      const struct perfring_record *record, const struct perfring_sample_id *id)
{
	const char *name = record->type < ARRAY_SIZE(dump_types) ? dump_types[record->type] : NULL;

	if (!json->on) {
		if (id->type & PERF_SAMPLE_CPU)
			printf("%3" PRIu32, id->cpu);
		if (id->type & PERF_SAMPLE_TIME)
			printf(" %6" PRIu64 ".%09" PRIu64, id->time / CLI_NS, id->time % CLI_NS);
		if (id->type & PERF_SAMPLE_TID)
			printf(" %6d/%-6d", (int32_t)id->pid, (int32_t)id->tid);
		if (record->type != PERF_RECORD_SAMPLE && name)
			printf(" %s", name);
		else if (record->type != PERF_RECORD_SAMPLE)
			printf(" type %" PRIu32, record->type);
		return;
	}
	json_string(json, "source", dump->spec.text, strlen(dump->spec.text));
	if (name)
		json_string(json, "type", name, strlen(name));
	else
		json_unsigned(json, "type", record->type);
	json_unsigned(json, "misc", record->misc);
	json_unsigned(json, "size", record->size);
	json_unsigned(json, "position", record->position);
	if (id->type & PERF_SAMPLE_CPU)
		json_unsigned(json, "cpu", id->cpu);
	if (id->type & PERF_SAMPLE_TIME)
		json_unsigned(json, "time", id->time);
	if (id->type & PERF_SAMPLE_TID) {
		json_signed(json, "pid", (int32_t)id->pid);
		json_signed(json, "tid", (int32_t)id->tid);
	}
	if (id->type & PERF_SAMPLE_IDENTIFIER)
		json_unsigned(json, "id", id->identifier);
	else if (id->type & PERF_SAMPLE_ID)
		json_unsigned(json, "id", id->id);
}

static void dump_sample(const struct dump *dump, struct json *json, unsigned int index,
			const struct perfring_sample *sample)
{
	if (sample->type & PERF_SAMPLE_IP) {
		if (json->on)
			json_unsigned(json, "ip", sample->ip);
		else
			printf(" ip=%#" PRIx64, sample->ip);
	}
	if (sample->type & PERF_SAMPLE_ADDR) {
		if (json->on)
			json_unsigned(json, "addr", sample->addr);
		else
			printf(" addr=%#" PRIx64, sample->addr);
	}
	if (sample->type & PERF_SAMPLE_PERIOD)
		json_unsigned(json, "period", sample->period);
	if (sample->type & PERF_SAMPLE_RAW)
		payload_print(&dump->spec, sample, &dump->check[index], json);
}

bool dump_record(struct dump *dump, unsigned int index, const struct perfring_record *record)
{
	struct json *json = &dump->json;
	struct perfring_event event;
	struct perfring_error error;

	dump->records++;
	dump->bytes += record->size;
	if (perfring_decode(dump->format, record, &event, &error)) {
		dump->corrupt++;
		cli_error("record at position %" PRIu64 ", type %" PRIu32
			  ", %u bytes: at byte %" PRIu64 ": %s",
			  record->position, record->type, (unsigned int)record->size,
			  error.offset, error.reason);
		return dump->records != dump->options.count;
	}
	json_begin(json);
	dump_head(dump, json, record, &event.id);
	switch (event.kind) {
	case PERFRING_EVENT_SAMPLE:
		dump_sample(dump, json, index, &event.u.sample);
		break;
	case PERFRING_EVENT_LOST:
	case PERFRING_EVENT_LOST_SAMPLES:
		dump->lost += event.u.lost.lost;
		json_unsigned(json, "lost", event.u.lost.lost);
		break;
	case PERFRING_EVENT_THROTTLE:
	case PERFRING_EVENT_UNTHROTTLE:
		json_unsigned(json, "time", event.u.throttle.time);
		break;
	default:
		dump_sideband(json, &event);
	}
	json_end(json);
	return dump->records != dump->options.count;
}

int dump_summary(const struct dump *dump)
{
	size_t nr = dump->spec.cpus.nr ? dump->spec.cpus.nr : 1;
	/* JSON lines stay JSON. */
	FILE *out = dump->json.on ? stderr : stdout;
	struct generator_check sum = { 0 };

	/* Not into the middle of a line, where both go to one place. */
	fflush(stdout);
	fprintf(out, "%s: %" PRIu64 " records, %" PRIu64 " bytes, %" PRIu64 " lost",
		dump->spec.text, dump->records, dump->bytes, dump->lost);
	if (dump->corrupt)
		fprintf(out, ", %" PRIu64 " times corrupt", dump->corrupt);
	if (dump->spec.payload == SPEC_GENERATOR) {
		for (size_t i = 0; i < nr; i++) {
			sum.records += dump->check[i].records;
			sum.gaps += dump->check[i].gaps;
			sum.missing += dump->check[i].missing;
			sum.corrupt += dump->check[i].corrupt;
		}
		fprintf(out, "; sequence: %" PRIu64 " missing in %" PRIu64
			" gaps, checksums: %" PRIu64 " of %" PRIu64 " wrong",
			sum.missing, sum.gaps, sum.corrupt, sum.records);
	}
	fputc('\n', out);
	return sum.corrupt ? CLI_FAIL : CLI_OK;
}
