// SPDX-License-Identifier: GPL-2.0
/* All positions are taken to have 64 bits: a 32-bit kernel's begin at 0 again after 2^32. */
#include "gallery.h"

#define whole_head whole_head
static inline uint64_t whole_head(const struct reader *r, uint64_t head)
{
	(void)r;
	return head;
}

#include "reader.h"
