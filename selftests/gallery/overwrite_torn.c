// SPDX-License-Identifier: GPL-2.0
/* A ring that overwrites is read in place, while the writer goes on. */
#include "gallery.h"

#define snapshot snapshot
static inline void snapshot(struct reader *r);

#include "reader.h"

static inline void snapshot(struct reader *r)
{
	uint64_t head = whole_head(r, load_acquire(&r->page->data_head)), i;
	uint64_t fresh = r->tail - head, end = fresh < r->size ? fresh : r->size;
	struct perf_event_header header;

	for (i = 0; i + 8 <= end; i += header.size) {
		header = load_header(r, head + i);
		if (!good_size(header.size, end - i))
			break;
		copy_record(r, head + i, header.size);
		print_record(r, header);
	}
	r->tail = head;
	say_snapshot();
}
