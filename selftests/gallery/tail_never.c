// SPDX-License-Identifier: GPL-2.0
/* The tail is never stored: the ring fills up, and all later records are lost. */
#include "gallery.h"

#define store_tail store_tail
static inline void store_tail(struct reader *r, uint64_t tail)
{
	(void)r;
	(void)tail;
}

#include "reader.h"
