// SPDX-License-Identifier: GPL-2.0
/*
 * The tail is stored as soon as it is known, and the records are used afterwards: the
 * writer fills the room at once.  A reader that returns pointers into the ring and moves
 * the tail before its caller is done has the same fault.
 */
#include "gallery.h"

#define drain drain
static inline void drain(struct reader *r);

#include "reader.h"

static inline void drain(struct reader *r)
{
	uint64_t head = whole_head(r, load_head(r)), at = r->tail;

	if (!good_head(r, head))
		say_corrupt();
	if (head != at)
		store_tail(r, head);
	while (is_before(at, head))
		at = read_record(r, at, head);
	r->tail = head;
}
