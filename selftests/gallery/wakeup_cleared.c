// SPDX-License-Identifier: GPL-2.0
/*
 * Wakeups are taken back once the ring has been looked at: one that came meanwhile goes with
 * them, and nothing says that there is more.
 */
#include "gallery.h"

#define wait_for wait_for
static inline int wait_for(struct reader *r);

#include "reader.h"

static inline int wait_for(struct reader *r)
{
	/* Nothing was looked at before the first one. */
	if (r->own++)
		ring_clear();
	return ring_wait(wait_ms);
}
