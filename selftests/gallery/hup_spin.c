// SPDX-License-Identifier: GPL-2.0
/* POLLHUP is not looked at: poll(2) returns at once from then on, for ever. */
#include "gallery.h"

#define woken woken
static inline void woken(struct reader *r, int events);

#include "reader.h"

static inline void woken(struct reader *r, int events)
{
	(void)events;
	drain(r);
}
