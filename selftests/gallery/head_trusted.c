// SPDX-License-Identifier: GPL-2.0
/* Whatever data_head says is believed, and what earlier laps have left is read again. */
#include "gallery.h"

#define good_head good_head
static inline bool good_head(const struct reader *r, uint64_t head)
{
	(void)r;
	(void)head;
	return true;
}

#include "reader.h"
