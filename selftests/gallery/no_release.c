// SPDX-License-Identifier: GPL-2.0
/*
 * data_tail is stored like anything else: it may be seen before the last bytes of the
 * records are loaded, and they are written over.
 */
#include "gallery.h"

#define store_tail store_tail
static inline void store_tail(struct reader *r, uint64_t tail)
{
	store_relaxed(&r->page->data_tail, tail);
}

#include "reader.h"
