// SPDX-License-Identifier: GPL-2.0
/* A record is read on where the data has ended, into what happens to lie behind it. */
#include "gallery.h"

#define copy_record copy_record
static inline void copy_record(struct reader *r, uint64_t at, uint16_t size)
{
	uint64_t offset = at & (r->size - 1);

	for (uint64_t i = 0; i < size; i += 8)
		r->record[i / 8] = load_relaxed(r->data + offset + i);
}

#include "reader.h"
