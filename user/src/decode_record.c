// SPDX-License-Identifier: MIT
/* Records of any type, and the sample_id at the end of all but samples. */
#include "internal.h"
#include "cursor.h"

/* The order is that of __perf_event__output_id_sample(): IDENTIFIER last. */
static void decode_id(const struct perfring_format *format, const unsigned char *at,
		      struct perfring_sample_id *id)
{
	static const char reason[] = "sample_id does not fit";
	struct cursor cursor = { .begin = at, .at = at, .end = at + format->id_size };
	uint64_t type = format->sample_type;
	uint32_t reserved;

	id->type = type & (PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |
			   PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER);
	if (type & PERF_SAMPLE_TID)
		cursor_u32x2(&cursor, &id->pid, &id->tid, reason);
	if (type & PERF_SAMPLE_TIME)
		id->time = cursor_u64(&cursor, reason);
	if (type & PERF_SAMPLE_ID)
		id->id = cursor_u64(&cursor, reason);
	if (type & PERF_SAMPLE_STREAM_ID)
		id->stream_id = cursor_u64(&cursor, reason);
	if (type & PERF_SAMPLE_CPU)
		cursor_u32x2(&cursor, &id->cpu, &reserved, reason);
	if (type & PERF_SAMPLE_IDENTIFIER)
		id->identifier = cursor_u64(&cursor, reason);
}

static void decode_sample_as_id(const struct perfring_sample *sample,
				struct perfring_sample_id *id)
{
	id->type = sample->type & (PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |
				   PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU |
				   PERF_SAMPLE_IDENTIFIER);
	id->pid = sample->pid;
	id->tid = sample->tid;
	id->time = sample->time;
	id->id = sample->id;
	id->stream_id = sample->stream_id;
	id->cpu = sample->cpu;
	id->identifier = sample->identifier;
}

static void decode_body(const struct perfring_format *format, struct cursor *cursor,
			struct perfring_event *event)
{
	switch (event->type) {
	case PERF_RECORD_LOST:
		event->kind = PERFRING_EVENT_LOST;
		event->u.lost.id = cursor_u64(cursor, "LOST id does not fit");
		event->u.lost.lost = cursor_u64(cursor, "LOST count does not fit");
		break;
	case PERF_RECORD_LOST_SAMPLES:
		event->kind = PERFRING_EVENT_LOST_SAMPLES;
		event->u.lost.id = 0;
		event->u.lost.lost = cursor_u64(cursor, "LOST_SAMPLES count does not fit");
		break;
	case PERF_RECORD_THROTTLE:
	case PERF_RECORD_UNTHROTTLE:
		event->kind = event->type == PERF_RECORD_THROTTLE ? PERFRING_EVENT_THROTTLE
								  : PERFRING_EVENT_UNTHROTTLE;
		event->u.throttle.time = cursor_u64(cursor, "THROTTLE time does not fit");
		event->u.throttle.id = cursor_u64(cursor, "THROTTLE id does not fit");
		event->u.throttle.stream_id = cursor_u64(cursor,
							 "THROTTLE stream_id does not fit");
		break;
	default:
		if (perfring_decode_sideband(format, cursor, event))
			break;
		event->kind = PERFRING_EVENT_OTHER;
		event->u.other.data = cursor->at;
		event->u.other.size = (size_t)(cursor->end - cursor->at);
		cursor->at = cursor->end;
		break;
	}
	if (cursor->at != cursor->end)
		cursor_bad(cursor, "bytes are left over after the last field");
}

int perfring_decode(const struct perfring_format *format, const struct perfring_record *record,
		    struct perfring_event *event, struct perfring_error *error)
{
	struct cursor cursor;
	int err;

	event->type = record->type;
	event->misc = record->misc;
	event->size = record->size;
	event->padding = 0;
	memset(&event->id, 0, sizeof(event->id));
	if (record->type == PERF_RECORD_SAMPLE || record->type == PERFRING_RECORD_BPF) {
		event->kind = PERFRING_EVENT_SAMPLE;
		err = perfring_decode_sample(format, record, &event->u.sample, error);
		if (!err)
			decode_sample_as_id(&event->u.sample, &event->id);
		return err;
	}

	cursor_begin(&cursor, record);
	cursor_take(&cursor, sizeof(struct perf_event_header), "the header does not fit");
	if (format->id_size > (size_t)(cursor.end - cursor.at)) {
		cursor_bad(&cursor, "sample_id does not fit");
	} else if (format->id_all) {
		cursor.end -= format->id_size;
		decode_id(format, cursor.end, &event->id);
	}
	if (!cursor.reason)
		decode_body(format, &cursor, event);
	return cursor_result(&cursor, record, error);
}
