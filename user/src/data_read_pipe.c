// SPDX-License-Identifier: MIT
/* A file that was written to a pipe: what others have in sections stands among the records. */
#include "data_read.h"

#include <stdlib.h>

#define EVENT_UPDATE_NAME	2

static int scan_attr(struct perfring_data *data, const struct perfring_record *record)
{
	const unsigned char *at = (const unsigned char *)record->data +
				  sizeof(struct perf_event_header);
	size_t len = record->size - sizeof(struct perf_event_header);
	uint32_t size = 0;
	int err;

	if (len >= PERF_ATTR_SIZE_VER0)
		memcpy(&size, at + offsetof(struct perf_event_attr, size), sizeof(size));
	if (!size)
		size = PERF_ATTR_SIZE_VER0;
	if (size > len)
		return perfring_data_bad(data, -EBADMSG, record->position,
					 "an attr does not fit into its record");
	err = perfring_data_take_attr(data, at, size);
	return err ? err : perfring_data_take_ids(data, at + size, len - size);
}

static int scan_feature(struct perfring_data *data, const struct perfring_record *record)
{
	const unsigned char *at = record->data;
	uint64_t feature;

	if (record->size < sizeof(struct perf_event_header) + sizeof(feature))
		return perfring_data_bad(data, -EBADMSG, record->position,
					 "a feature does not fit into its record");
	memcpy(&feature, at + sizeof(struct perf_event_header), sizeof(feature));
	if (feature == PERFRING_DATA_FEATURE_COMPRESSED)
		return perfring_data_bad(data, -EOPNOTSUPP, record->position,
					 "the records are compressed");
	/* One past the last is the end of them, of whichever version. */
	if (feature < PERFRING_DATA_FEATURES) {
		data->feature[feature].bytes = at + 16;
		data->feature[feature].len = record->size - 16;
	}
	return 0;
}

/* The name of the event whose first id this is. */
static int scan_update(struct perfring_data *data, const struct perfring_record *record)
{
	const char *name = (const char *)record->data + 24;
	uint64_t what[2];

	if (record->size <= 24 || !memchr(name, '\0', record->size - 24))
		return 0;
	memcpy(what, (const unsigned char *)record->data + 8, sizeof(what));
	if (what[0] != EVENT_UPDATE_NAME)
		return 0;
	for (size_t i = 0; i < data->nr_events; i++) {
		struct data_event *event = &data->event[i];

		if (event->name || !event->nr_ids || event->ids[0] != what[1])
			continue;
		event->name = strdup(name);
		if (!event->name)
			return perfring_data_bad(data, -ENOMEM, record->position,
						 "no memory for a name");
		break;
	}
	return 0;
}

static int scan_record(struct perfring_data *data, const struct perfring_record *record)
{
	switch (record->type) {
	case PERFRING_DATA_ATTR:
		return scan_attr(data, record);
	case PERFRING_DATA_HEADER_FEATURE:
		return scan_feature(data, record);
	case PERFRING_DATA_EVENT_UPDATE:
		return scan_update(data, record);
	default:
		return 0;
	}
}

/*
 * Records begin behind the last feature of an odd size, which perf writes before all that
 * the kernel has said; there they may have to be moved to where they are aligned.
 */
static int scan_align(struct perfring_data *data)
{
	data->records = data->bytes + data->begin;
	if (!(data->begin & 7))
		return 0;
	data->copy = malloc(data->end - data->begin + 1);
	if (!data->copy)
		return perfring_data_bad(data, -ENOMEM, data->begin, "no memory for the records");
	memcpy(data->copy, data->records, data->end - data->begin);
	data->records = data->copy;
	return 0;
}

/*
 * As far as the records are good: the same error waits where they are read.  Events come
 * before what they write.
 */
int perfring_data_scan(struct perfring_data *data)
{
	struct perfring_record record;
	bool head = true;
	size_t at = data->begin, len;
	int err = 0;

	while (!err && perfring_data_step(data, data->bytes + at, at, head, &record, &len) > 0) {
		if (record.type < DATA_USER_TYPE && !data->nr_events)
			break;
		head = head && record.type >= DATA_USER_TYPE;
		err = scan_record(data, &record);
		at += len;
		if (len & 7)
			data->begin = at;
	}
	if (err)
		return err;
	if (data->nr_events)
		memset(&data->error, 0, sizeof(data->error));
	err = scan_align(data);
	/* EVENT_DESC may come before the attrs that it names. */
	if (!err && data->feature[PERFRING_DATA_EVENT_DESC].bytes)
		err = perfring_data_take_names(data);
	return err;
}
