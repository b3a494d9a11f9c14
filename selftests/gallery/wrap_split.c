// SPDX-License-Identifier: GPL-2.0
/* The second piece of a record across the end is not taken from the beginning of the data. */
#include "gallery.h"

#define copy_record copy_record
static inline void copy_record(struct reader *r, uint64_t at, uint16_t size)
{
	uint64_t offset = at & (r->size - 1), first = r->size - offset;

	for (uint64_t i = 0; i < size; i += 8)
		r->record[i / 8] = load_relaxed(r->data + (i < first ? offset + i : i));
}

#include "reader.h"
