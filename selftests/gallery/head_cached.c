// SPDX-License-Identifier: GPL-2.0
/* data_head is loaded once, as a compiler does when nothing says that it changes. */
#include "gallery.h"

#define load_head load_head
static inline uint64_t load_head(struct reader *r)
{
	if (!r->own)
		r->own = load_acquire(&r->page->data_head);
	return r->own;
}

#include "reader.h"
