// SPDX-License-Identifier: GPL-2.0
/* The head is not asked: where a header is, is a record. */
#include "gallery.h"

#define drain drain
static inline void drain(struct reader *r);

#include "reader.h"

static inline void drain(struct reader *r)
{
	struct perf_event_header header;
	uint64_t at = r->tail;

	for (;;) {
		header = load_header(r, at);
		if (!header.size)
			break;
		at = read_record(r, at, at + r->size);
	}
	if (at != r->tail)
		store_tail(r, at);
	r->tail = at;
}
