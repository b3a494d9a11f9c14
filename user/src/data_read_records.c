// SPDX-License-Identifier: MIT
/* The records of a perf.data file, one after the other, and whose they are. */
#include "data_read.h"

#include <stdlib.h>

static int step_bad(struct perfring_data *data, int code, size_t position, uint32_t size,
		    uint64_t offset, const char *reason)
{
	perfring_data_bad(data, code, position, reason);
	data->error.size = size;
	data->error.offset = offset;
	return code;
}

/* Bytes behind a record that belong to it, and are no records. */
static bool next_trailer(const struct perfring_record *record, uint64_t *len)
{
	const unsigned char *data = record->data;
	uint32_t word;

	*len = 0;
	if (record->type == PERFRING_DATA_AUXTRACE) {
		if (record->size < sizeof(struct perf_event_header) + sizeof(*len))
			return false;
		memcpy(len, data + sizeof(struct perf_event_header), sizeof(*len));
	} else if (record->type == PERFRING_DATA_TRACING) {
		if (record->size < sizeof(struct perf_event_header) + sizeof(word))
			return false;
		memcpy(&word, data + sizeof(struct perf_event_header), sizeof(word));
		*len = word;
	}
	return !(*len & 7);
}

int perfring_data_step(struct perfring_data *data, const unsigned char *bytes, size_t offset,
		       bool any_size, struct perfring_record *record, size_t *len)
{
	struct perf_event_header header;
	size_t left = data->end - offset;
	uint64_t trailer;

	if (!left)
		return 0;
	if (left < sizeof(header))
		return step_bad(data, -EBADMSG, offset, 0, 0, "the file ends within a header");
	memcpy(&header, bytes, sizeof(header));
	any_size = any_size && header.type == PERFRING_DATA_HEADER_FEATURE;
	if (header.size < sizeof(header) || (header.size & 7 && !any_size))
		return step_bad(data, -EBADMSG, offset, header.size, 6,
				"the size is less than a header or no multiple of 8");
	if (header.size > left)
		return step_bad(data, -EBADMSG, offset, header.size, 6,
				"the record goes beyond the end of the records");
	if (header.type == PERFRING_DATA_COMPRESSED || header.type == PERFRING_DATA_COMPRESSED2)
		return step_bad(data, -EOPNOTSUPP, offset, header.size, 0,
				"the records are compressed");
	memset(record, 0, sizeof(*record));
	record->data = bytes;
	record->position = offset;
	record->type = header.type;
	record->size = header.size;
	record->misc = header.misc;
	if (!next_trailer(record, &trailer) || trailer > left - header.size)
		return step_bad(data, -EBADMSG, offset, header.size, sizeof(header),
				"what follows the record goes beyond the end of the records");
	*len = header.size + (size_t)trailer;
	return 1;
}

int perfring_data_next(struct perfring_data *data, struct perfring_record *record,
		       struct perfring_error *error)
{
	size_t len = 0;
	int ret;

	ret = perfring_data_step(data, data->records + (data->at - data->begin), data->at, false,
				 record, &len);
	data->at += len;
	if (ret < 0 && error)
		*error = data->error;
	return ret;
}

void perfring_data_rewind(struct perfring_data *data)
{
	data->at = data->begin;
}

unsigned int perfring_data_events(const struct perfring_data *data)
{
	return (unsigned int)data->nr_events;
}

int perfring_data_event(const struct perfring_data *data, unsigned int index,
			struct perfring_data_event *event)
{
	const struct data_event *own;

	if (index >= data->nr_events)
		return -ENOENT;
	own = &data->event[index];
	event->attr = &own->attr;
	event->format = own->format;
	event->name = own->name;
	event->nr_ids = own->nr_ids;
	event->ids = own->ids;
	return 0;
}

static int id_find(const void *key, const void *entry)
{
	const uint64_t *id = key;
	const struct data_id *one = entry;

	if (*id == one->id)
		return 0;
	return *id < one->id ? -1 : 1;
}

/* The id in a record of a format that all events share; false: it has none. */
static bool id_shared(const struct perfring_data *data, const struct perfring_record *record,
		      uint64_t *id)
{
	const uint64_t before = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
				PERF_SAMPLE_ADDR;
	uint64_t type = data->event[0].attr.sample_type;
	size_t offset = sizeof(struct perf_event_header);

	if (type & PERF_SAMPLE_IDENTIFIER)
		return !perfring_record_identifier(record, id);
	if (!(type & PERF_SAMPLE_ID))
		return false;
	if (record->type == PERF_RECORD_SAMPLE)
		offset += 8 * (size_t)__builtin_popcountll(type & before);
	else
		offset = record->size - 8 * (1 + !!(type & PERF_SAMPLE_CPU) +
					     (size_t)!!(type & PERF_SAMPLE_STREAM_ID));
	if (offset > record->size - sizeof(*id))
		return false;
	memcpy(id, (const unsigned char *)record->data + offset, sizeof(*id));
	return true;
}

int perfring_data_event_of(const struct perfring_data *data, const struct perfring_record *record)
{
	const struct data_id *found;
	uint64_t id;

	if (record->type >= DATA_USER_TYPE)
		return -ENOENT;
	if (data->nr_events == 1)
		return 0;
	if (record->type != PERF_RECORD_SAMPLE && !data->event[0].attr.sample_id_all)
		return 0;
	if (!id_shared(data, record, &id))
		return data->uniform ? 0 : -ENOENT;
	if (!id && record->type != PERF_RECORD_SAMPLE)
		return 0;
	found = data->nr_ids ? bsearch(&id, data->id, data->nr_ids, sizeof(*data->id), id_find)
			     : NULL;
	return found ? (int)found->event : -ENOENT;
}
