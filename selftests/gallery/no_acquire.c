// SPDX-License-Identifier: GPL-2.0
/*
 * data_head is loaded like anything else: a processor, or a compiler, may load a record
 * first, as it was before it was written.
 */
#include "gallery.h"

#define load_head load_head
static inline uint64_t load_head(struct reader *r)
{
	return load_relaxed(&r->page->data_head);
}

#include "reader.h"
