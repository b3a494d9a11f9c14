// SPDX-License-Identifier: GPL-2.0
/* The first thing is a wait, for what is there already. */
#include "gallery.h"

#define first first
static inline void first(struct reader *r);

#include "reader.h"

static inline void first(struct reader *r)
{
	ring_wait(-1);
	drain(r);
}
