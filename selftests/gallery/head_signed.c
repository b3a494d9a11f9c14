// SPDX-License-Identifier: GPL-2.0
/* Positions are signed, and compared: once the head has passed 2^63 there is nothing more. */
#include "gallery.h"

#define is_before is_before
static inline bool is_before(int64_t at, int64_t head)
{
	return at < head;
}

#include "reader.h"
