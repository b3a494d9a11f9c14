// SPDX-License-Identifier: GPL-2.0
/* The tail is stored as an offset in the data, which is right in the first lap alone. */
#include "gallery.h"

#define store_tail store_tail
static inline void store_tail(struct reader *r, uint64_t tail)
{
	store_release(&r->page->data_tail, tail & (r->size - 1));
}

#include "reader.h"
