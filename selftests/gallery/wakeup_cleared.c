// SPDX-License-Identifier: GPL-2.0
/*
 * Wakeups are taken back once the ring has been looked at: one that came meanwhile goes with
 * them, and nothing says that there is more.
 */
#include "gallery.h"

#define wait_for wait_for
static inline int wait_for(struct reader *r);

#include "reader.h"

/* r->own: it has looked because it was woken; a wait that ended by its limit left no wakeup. */
static inline int wait_for(struct reader *r)
{
	int events;

	if (r->own)
		ring_clear();
	events = ring_wait(wait_ms);
	r->own = events > 0;
	return events;
}
