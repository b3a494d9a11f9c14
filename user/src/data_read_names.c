// SPDX-License-Identifier: MIT
/* Names of events, and the features that are strings. */
#include "data_read.h"

#include <stdlib.h>

struct names_cursor {
	const unsigned char *at;
	const unsigned char *end;
};

static bool names_u32(struct names_cursor *cursor, uint32_t *word)
{
	if ((size_t)(cursor->end - cursor->at) < sizeof(*word))
		return false;
	memcpy(word, cursor->at, sizeof(*word));
	cursor->at += sizeof(*word);
	return true;
}

static const unsigned char *names_skip(struct names_cursor *cursor, uint64_t len)
{
	const unsigned char *at = cursor->at;

	if (len > (size_t)(cursor->end - at))
		return NULL;
	cursor->at += len;
	return at;
}

/* One entry: attr, number of ids, name, ids. */
static int names_entry(struct perfring_data *data, struct names_cursor *cursor,
		       uint32_t attr_size, size_t index)
{
	const unsigned char *name;
	uint32_t ids, len;

	if (!names_skip(cursor, attr_size) || !names_u32(cursor, &ids) ||
	    !names_u32(cursor, &len))
		return -EBADMSG;
	name = names_skip(cursor, len);
	if (!name || !names_skip(cursor, (uint64_t)ids * sizeof(uint64_t)))
		return -EBADMSG;
	if (!len || !memchr(name, '\0', len))
		return -EBADMSG;
	if (index >= data->nr_events || data->event[index].name)
		return 0;
	data->event[index].name = strdup((const char *)name);
	return data->event[index].name ? 0 : -ENOMEM;
}

int perfring_data_take_names(struct perfring_data *data)
{
	const struct data_feature *desc = &data->feature[PERFRING_DATA_EVENT_DESC];
	struct names_cursor cursor;
	uint32_t nr, attr_size;
	int err = 0;

	if (!desc->bytes)
		return 0;
	cursor.at = desc->bytes;
	cursor.end = desc->bytes + desc->len;
	if (!names_u32(&cursor, &nr) || !names_u32(&cursor, &attr_size) || nr > desc->len)
		err = -EBADMSG;
	for (uint32_t i = 0; !err && i < nr; i++)
		err = names_entry(data, &cursor, attr_size, i);
	if (!err)
		return 0;
	return perfring_data_bad(data, err, (uint64_t)(cursor.at - data->bytes),
				 "the descriptions of the events do not fit");
}

int perfring_data_feature(const struct perfring_data *data, unsigned int feature,
			  const void **bytes, size_t *len)
{
	if (feature >= PERFRING_DATA_FEATURES || !data->feature[feature].bytes)
		return -ENOENT;
	*bytes = data->feature[feature].bytes;
	*len = data->feature[feature].len;
	return 0;
}

const char *perfring_data_string(const struct perfring_data *data, unsigned int feature)
{
	const void *bytes;
	size_t have;
	uint32_t len;

	if (perfring_data_feature(data, feature, &bytes, &have) || have < sizeof(len))
		return NULL;
	memcpy(&len, bytes, sizeof(len));
	bytes = (const unsigned char *)bytes + sizeof(len);
	if (len > have - sizeof(len) || !memchr(bytes, '\0', len))
		return NULL;
	return bytes;
}
