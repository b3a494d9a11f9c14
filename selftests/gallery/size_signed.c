// SPDX-License-Identifier: GPL-2.0
/* The size is kept in a signed number of 16 bits: the longest records are negative. */
#include "gallery.h"

#define good_size good_size
static inline bool good_size(int16_t size, uint64_t left)
{
	return size >= 8 && size % 8 == 0 && (uint64_t)size <= left;
}

#include "reader.h"
