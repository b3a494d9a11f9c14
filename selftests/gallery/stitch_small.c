// SPDX-License-Identifier: GPL-2.0
/* Records across the end are put together in a page, which the longest ones do not fit in. */
#include "gallery.h"

#define copy_record copy_record
static inline void copy_record(struct reader *r, uint64_t at, uint16_t size)
{
	uint64_t offset = at & (r->size - 1);

	if (offset + size > r->size && size > 4096)
		size = 4096;
	for (unsigned int i = 0; i < size / 8U; i++)
		r->record[i] = load_relaxed(r->data + ((at + 8 * i) & (r->size - 1)));
}

#include "reader.h"
