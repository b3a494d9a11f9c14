// SPDX-License-Identifier: GPL-2.0
/* A position is kept in 32 bits, which a busy ring of a 64-bit kernel uses up in minutes. */
#include "gallery.h"

#define load_head load_head
static inline uint64_t load_head(struct reader *r)
{
	return (uint32_t)load_acquire(&r->page->data_head);
}

#include "reader.h"
