// SPDX-License-Identifier: GPL-2.0
/* The data is looked for 4096 bytes behind the control page's beginning, on any machine. */
#include "gallery.h"

#define find_data find_data
static inline void find_data(struct reader *r)
{
	r->data = (const unsigned char *)r->page + 4096;
	r->size = r->bytes - 4096;
}

#include "reader.h"
