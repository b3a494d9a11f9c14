/* SPDX-License-Identifier: MIT */
/* Reading a record from front to back, never beyond its end. */
#ifndef PERFRING_CURSOR_H
#define PERFRING_CURSOR_H

#include "internal.h"

/*
 * @at never passes @end.  After the first field that does not fit @reason is set
 * and every later take gives zero, so that one look at the end is enough.
 */
struct cursor {
	const unsigned char *begin;
	const unsigned char *at;
	const unsigned char *end;
	const unsigned char *fault;
	const char *reason;
	bool no_hw_index;
};

static inline void cursor_begin(struct cursor *cursor, const struct perfring_record *record)
{
	memset(cursor, 0, sizeof(*cursor));
	cursor->begin = record->data;
	cursor->at = cursor->begin;
	cursor->end = cursor->begin + record->size;
}

/* 0, or -EBADMSG with the place and the reason. */
static inline int cursor_result(const struct cursor *cursor, const struct perfring_record *record,
				struct perfring_error *error)
{
	if (!cursor->reason)
		return 0;
	if (error) {
		error->code = -EBADMSG;
		error->size = record->size;
		error->position = record->position;
		error->offset = (uint64_t)(cursor->fault - cursor->begin);
		error->reason = cursor->reason;
	}
	return -EBADMSG;
}

static inline const void *cursor_bad(struct cursor *cursor, const char *reason)
{
	if (!cursor->reason) {
		cursor->reason = reason;
		cursor->fault = cursor->at;
	}
	cursor->at = cursor->end;
	return NULL;
}

/* @bytes at the cursor, a multiple of 8 but in RAW; NULL when they are not there. */
static inline const void *cursor_take(struct cursor *cursor, uint64_t bytes, const char *reason)
{
	const unsigned char *at = cursor->at;

	if (__builtin_expect(bytes > (size_t)(cursor->end - at), 0))
		return cursor_bad(cursor, reason);
	cursor->at = at + bytes;
	return at;
}

static inline uint64_t cursor_u64(struct cursor *cursor, const char *reason)
{
	const void *at = cursor_take(cursor, sizeof(uint64_t), reason);

	return at ? *(const perfring_word *)at : 0;
}

/* Two halves of a word, in the order of memory. */
static inline void cursor_u32x2(struct cursor *cursor, uint32_t *first, uint32_t *second,
				const char *reason)
{
	const void *at = cursor_take(cursor, 2 * sizeof(uint32_t), reason);

	*first = 0;
	*second = 0;
	if (at) {
		memcpy(first, at, sizeof(*first));
		memcpy(second, (const unsigned char *)at + sizeof(*first), sizeof(*second));
	}
}

/* @nr words; @nr comes from the record and may be anything. */
static inline const uint64_t *cursor_words(struct cursor *cursor, uint64_t nr, const char *reason)
{
	if (nr > (size_t)(cursor->end - cursor->at) / sizeof(uint64_t))
		return cursor_bad(cursor, reason);
	return cursor_take(cursor, nr * sizeof(uint64_t), reason);
}

/* A string and what pads it, up to the end; NULL when it does not end there. */
static inline const char *cursor_string(struct cursor *cursor, const char *reason)
{
	const char *at = (const char *)cursor->at;

	if (cursor->at == cursor->end || !memchr(at, '\0', (size_t)(cursor->end - cursor->at)))
		return (const char *)cursor_bad(cursor, reason);
	cursor->at = cursor->end;
	return at;
}

/* decode_sample.c: in a sample and in PERF_RECORD_READ */
void perfring_decode_read_words(const struct perfring_format *format, struct cursor *cursor,
				struct perfring_read *read);

/* decode_sideband.c: is it one of them?  Then kind and fields are set. */
bool perfring_decode_sideband(const struct perfring_format *format, struct cursor *cursor,
			      struct perfring_event *event);

#endif /* PERFRING_CURSOR_H */
