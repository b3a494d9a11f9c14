// SPDX-License-Identifier: GPL-2.0
/* POLLHUP is the end, and what came with it is left in the ring. */
#include "gallery.h"

#define woken woken
static inline void woken(struct reader *r, int events);

#include "reader.h"

static inline void woken(struct reader *r, int events)
{
	if (events & POLLHUP)
		say_hangup();
	drain(r);
}
