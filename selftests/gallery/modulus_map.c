// SPDX-License-Identifier: GPL-2.0
/* Positions modulo what was mapped, control page and all, which is no power of two. */
#include "gallery.h"

#define place place
static inline uint64_t place(const struct reader *r, uint64_t position)
{
	return position % r->bytes;
}

#include "reader.h"
