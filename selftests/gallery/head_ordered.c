// SPDX-License-Identifier: GPL-2.0
/* Positions are compared by <: once the head has passed 2^64 there is nothing more. */
#include "gallery.h"

#define is_before is_before
static inline bool is_before(uint64_t at, uint64_t head)
{
	return at < head;
}

#include "reader.h"
