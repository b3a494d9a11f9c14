// SPDX-License-Identifier: MIT
/* The records of a perf.data file. */
#include "dump.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static void data_error(const struct dump *dump, int err, const struct perfring_error *error)
{
	if (error->reason)
		cli_error("%s: at byte %" PRIu64 ": %s", dump->spec.path, error->position,
			  error->reason);
	else
		cli_error("%s: %s", dump->spec.path, strerror(-err));
}

/* What is not the kernel's has no fields that an event says. */
static bool data_own(struct dump *dump, const struct perfring_record *record)
{
	struct json *json = &dump->json;

	dump->records++;
	dump->bytes += record->size;
	json_begin(json);
	json_string(json, "source", dump->spec.text, strlen(dump->spec.text));
	json_unsigned(json, "type", record->type);
	json_unsigned(json, "size", record->size);
	json_unsigned(json, "position", record->position);
	json_end(json);
	return dump->records != dump->options.count;
}

static int data_records(struct dump *dump, struct perfring_data *data)
{
	struct perfring_data_event event;
	struct perfring_record record;
	struct perfring_error error = { 0 };
	bool more = true;
	int which, ret = 0;

	while (more && !cli_stop && (ret = perfring_data_next(data, &record, &error)) > 0) {
		which = perfring_data_event_of(data, &record);
		if (which < 0) {
			more = data_own(dump, &record);
			continue;
		}
		perfring_data_event(data, (unsigned int)which, &event);
		dump->format = event.format;
		more = dump_record(dump, 0, &record);
	}
	if (ret >= 0)
		return CLI_OK;
	data_error(dump, ret, &error);
	return CLI_FAIL;
}

/* One event with payloads can be told by its attr; of several nobody says which is which. */
static void data_payload(struct dump *dump, const struct perfring_data *data)
{
	struct perfring_data_event event, raw;
	unsigned int nr = 0;

	for (unsigned int i = 0; !perfring_data_event(data, i, &event); i++)
		if (event.attr->sample_type & PERF_SAMPLE_RAW) {
			raw = event;
			nr++;
		}
	if (nr == 1)
		spec_file_payload(&dump->spec, raw.attr);
}

int dump_data(struct dump *dump)
{
	struct perfring_error error;
	struct perfring_data *data;
	int err, status;

	err = perfring_data_open(dump->spec.path, &data, &error);
	if (err) {
		data_error(dump, err, &error);
		return CLI_FAIL;
	}
	data_payload(dump, data);
	status = data_records(dump, data);
	dump_summary(dump);
	dump->format = NULL;
	perfring_data_free(data);
	return status;
}
