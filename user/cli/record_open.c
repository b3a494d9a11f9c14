// SPDX-License-Identifier: MIT
/* The rings that record reads: of the words after -e, and one beside them for the tasks. */
#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD_FREQ	1000	/* samples per second, where the event does not say */

static int open_fail(const char *text, int err)
{
	cli_error("%s: %s", text, perfring_strerror(err));
	return CLI_FAIL;
}

/* One ring into the reader, and its id into the file. */
static int open_take(struct record *record, const char *text, unsigned int event,
		     struct perfring_storage *storage)
{
	uint64_t id;
	int ret;

	ret = perfring_storage_id(storage, &id);
	if (!ret)
		ret = perfring_data_add_id(record->writer, event, id);
	if (!ret)
		ret = perfring_reader_add(record->reader, storage);
	if (ret >= 0)
		return CLI_OK;
	perfring_storage_close(storage);
	return open_fail(text, ret);
}

/* dev:CPU/... and perf:CPU/...: as dump opens them. */
static int open_spec(struct record *record, size_t index)
{
	struct spec *spec = &record->spec[index];
	struct perfring_storage *storage;
	const char *name;
	int event, status;

	status = spec_parse(record->events.text[index], spec);
	if (status)
		return status;
	if (spec->kind != SPEC_DEVICE && spec->kind != SPEC_PERF)
		return cli_usage(&cli_record, "-e %s: a file: there is nothing to record",
				 spec->text);
	/* What perf has perf knows by its own name. */
	name = spec->kind == SPEC_PERF ? strchr(spec->text, '/') + 1 : spec->text;
	event = perfring_data_add_event(record->writer, &spec->attr, name);
	if (event < 0)
		return open_fail(spec->text, event);
	for (size_t i = 0; !status && i < spec->cpus.nr; i++) {
		status = spec_open(spec, spec->cpus.cpu[i], record->pages, &storage);
		if (!status)
			status = open_take(record, spec->text, (unsigned int)event, storage);
		if (!status) {
			int err = perfring_storage_enable(storage);

			if (err) {
				spec_enable_error(spec, spec->cpus.cpu[i], err);
				status = CLI_FAIL;
			}
		}
	}
	return status;
}

/*
 * The first ring of an event of the whole system, or of the command.  Who may not look
 * into the kernel gets his own part, as perf has it.
 */
static int open_first(const char *text, struct perf_event_attr *attr, pid_t pid, int cpu,
		      const struct perfring_perf_opts *opts, struct perfring_storage **out)
{
	int err = perfring_storage_open_perf(attr, pid, cpu, opts, out);

	if ((err != -EACCES && err != -EPERM) || attr->exclude_kernel)
		return err;
	attr->exclude_kernel = 1;
	err = perfring_storage_open_perf(attr, pid, cpu, opts, out);
	if (!err)
		cli_error("%s: without the kernel's part, which is not permitted", text);
	return err;
}

/* On each CPU one ring. */
static int open_cpus(struct record *record, const char *text, struct perf_event_attr *attr)
{
	struct perfring_perf_opts opts = {
		.size = sizeof(opts), .pages = record->pages,
		.watermark = (uint32_t)(record->pages * (size_t)sysconf(_SC_PAGESIZE) / 4),
	};
	const bool own = record->command;
	const pid_t pid = own ? record->child.pid : -1;
	struct spec spec = { .kind = SPEC_PERF, .text = text };
	struct perfring_storage *storage;
	int event = -1, err = -ENODEV, status = CLI_OK;

	if (cli_cpus_online(&spec.cpus))
		return CLI_FAIL;
	attr->sample_type |= PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
			     PERF_SAMPLE_CPU;
	attr->sample_id_all = 1;
	attr->disabled = own;
	attr->enable_on_exec = own;
	attr->inherit = own;
	for (size_t i = 0; !status && i < spec.cpus.nr; i++) {
		unsigned int cpu = spec.cpus.cpu[i];

		if (event < 0)
			err = open_first(text, attr, pid, (int)cpu, &opts, &storage);
		else
			err = perfring_storage_open_perf(attr, pid, (int)cpu, &opts, &storage);
		/* It went offline meanwhile. */
		if (err == -ENODEV)
			continue;
		spec.attr = *attr;
		if (err) {
			spec_open_error(&spec, pid, cpu, record->pages, err);
			status = CLI_FAIL;
			break;
		}
		if (event < 0)
			event = perfring_data_add_event(record->writer, attr, text);
		status = event < 0 ? open_fail(text, event) :
			 open_take(record, text, (unsigned int)event, storage);
	}
	if (!status && event < 0)
		status = open_fail(text, err);
	free(spec.cpus.cpu);
	return status;
}

static int open_text(struct record *record, size_t index)
{
	const char *text = record->events.text[index];
	const struct perfring_event_spec *spec;
	struct perfring_event_error error;
	struct perf_event_attr attr;
	char message[1024];
	int status = CLI_OK;

	if (perfring_event_parse(text, NULL, &record->specs[index], &error)) {
		perfring_event_error_format(&error, text, message, sizeof(message));
		cli_error("record: -e '%s':", text);
		fputs(message, stderr);
		return CLI_USAGE;
	}
	for (size_t i = 0; !status && i < perfring_event_specs_count(record->specs[index]); i++) {
		spec = perfring_event_specs_at(record->specs[index], i);
		attr = spec->attr;
		attr.sample_type |= PERF_SAMPLE_IP | PERF_SAMPLE_PERIOD;
		if (attr.type == PERF_TYPE_TRACEPOINT)
			attr.sample_type |= PERF_SAMPLE_RAW;
		if (!attr.sample_period) {
			attr.freq = 1;
			attr.sample_freq = RECORD_FREQ;
		}
		status = open_cpus(record, spec->name, &attr);
	}
	return status;
}

/* An event that counts nothing and tells of tasks, mappings and symbols. */
static int open_side_band(struct record *record)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY,
		.size = sizeof(attr), .exclude_kernel = 1,
		.mmap = 1, .mmap2 = 1, .comm = 1, .comm_exec = 1, .task = 1,
	};

	return open_cpus(record, "dummy:u", &attr);
}

int record_open(struct record *record)
{
	int status = CLI_OK;

	for (size_t i = 0; !status && i < record->events.nr; i++) {
		const char *text = record->events.text[i];

		if (spec_is(text))
			status = open_spec(record, i);
		else
			status = open_text(record, i);
	}
	return status ? status : open_side_band(record);
}

void record_close(struct record *record)
{
	for (size_t i = 0; i < ARRAY_SIZE(record->spec); i++) {
		spec_free(&record->spec[i]);
		perfring_event_specs_free(record->specs[i]);
	}
}
