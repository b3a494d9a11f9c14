// SPDX-License-Identifier: MIT
/* From an attr to a decoder: which fields there are, and how long. */
#include "internal.h"

#include <stdlib.h>

#define FORMAT_ID_FIELDS						\
	(PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |		\
	 PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER)

/*
 * A kernel header with more bits than are known here is refused at run time, bit by bit;
 * one with less would make the known ones unusable.
 */
_Static_assert((uint64_t)PERF_SAMPLE_WEIGHT_STRUCT < PERFRING_SAMPLE_KNOWN_MAX,
	       "every bit of the header that this was written for is known");
_Static_assert((uint64_t)PERF_FORMAT_MAX >= PERFRING_READ_KNOWN_MAX, "header has FORMAT_LOST");

int perfring_format_compile(const struct perf_event_attr *attr, struct perfring_format **out)
{
	uint64_t both = PERF_SAMPLE_WEIGHT | PERF_SAMPLE_WEIGHT_STRUCT;
	struct perfring_format *format;

	if (attr->sample_type & ~(PERFRING_SAMPLE_KNOWN_MAX - 1) ||
	    attr->read_format & ~(PERFRING_READ_KNOWN_MAX - 1))
		return -EOPNOTSUPP;
	if (attr->sample_type & PERF_SAMPLE_BRANCH_STACK &&
	    attr->branch_sample_type & ~(PERFRING_BRANCH_KNOWN_MAX - 1))
		return -EOPNOTSUPP;
	if ((attr->sample_type & both) == both)
		return -EINVAL;

	format = calloc(1, sizeof(*format));
	if (!format)
		return -ENOMEM;
	format->sample_type = attr->sample_type;
	format->read_format = attr->read_format;
	format->branch_type = attr->branch_sample_type;
	format->regs_user = attr->sample_regs_user;
	format->regs_intr = attr->sample_regs_intr;
	format->regs_user_nr = (uint32_t)__builtin_popcountll(attr->sample_regs_user);
	format->regs_intr_nr = (uint32_t)__builtin_popcountll(attr->sample_regs_intr);
	format->read_entry = 1 + !!(attr->read_format & PERF_FORMAT_ID) +
			     !!(attr->read_format & PERF_FORMAT_LOST);
	format->id_all = attr->sample_id_all;
	if (attr->sample_id_all)
		format->id_size = 8 * (uint32_t)__builtin_popcountll(attr->sample_type &
								     FORMAT_ID_FIELDS);
	*out = format;
	return 0;
}

void perfring_format_free(struct perfring_format *format)
{
	free(format);
}

uint64_t perfring_format_sample_type(const struct perfring_format *format)
{
	return format->sample_type;
}

uint64_t perfring_format_read_format(const struct perfring_format *format)
{
	return format->read_format;
}

int perfring_format_sample_id_all(const struct perfring_format *format)
{
	return format->id_all;
}

size_t perfring_format_id_size(const struct perfring_format *format)
{
	return format->id_size;
}

int perfring_record_identifier(const struct perfring_record *record, uint64_t *id)
{
	const unsigned char *data = record->data;

	if (record->size < sizeof(struct perf_event_header) + sizeof(*id))
		return -ENODATA;
	/* First field of a sample, last one of the sample_id of all others. */
	if (record->type == PERF_RECORD_SAMPLE)
		data += sizeof(struct perf_event_header);
	else
		data += record->size - sizeof(*id);
	memcpy(id, data, sizeof(*id));
	return 0;
}
