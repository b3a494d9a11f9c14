// SPDX-License-Identifier: GPL-2.0
/* Where the last snapshot began is forgotten: the next one holds the same records again. */
#include "gallery.h"

#define snapshot snapshot
static inline void snapshot(struct reader *r);

#include "reader.h"

static inline void snapshot(struct reader *r)
{
	uint64_t head = whole_head(r, load_acquire(&r->page->data_head)), now, i;
	struct perf_event_header header;

	for (i = 0; i < r->size; i += 8) {
		now = load_relaxed(r->data + place(r, head + i));
		memcpy(r->copy + i, &now, 8);
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	now = whole_head(r, load_relaxed(&r->page->data_head));
	for (i = 0; next_in_copy(r, i, head - now < r->size ? r->size - (head - now) : 0, &header);
	     i += header.size)
		print_record(r, header);
	say_snapshot();
}
