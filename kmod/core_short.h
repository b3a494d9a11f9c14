/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One record in short: core.h for a writer who looks before it comes in, and comes in
 * only when nothing is in the way.
 */
#ifndef PERFRING_CORE_SHORT_H
#define PERFRING_CORE_SHORT_H

#include "core.h"

/**
 * perfring_core_idle - is all published, and a loss nothing but one more to count?
 * @c: ring
 * @h: handle after perfring_core_look()
 *
 * Else perfring_core_begin() has more to do, even where it fails: a control page whose
 * data_head is not ours gets it back, as in perf.  Beside data_tail this is all that is
 * read from that page, and what it says costs time at most.
 */
static inline bool perfring_core_idle(const struct perfring_core *c,
				      const struct perfring_handle *h)
{
	return perfring_once_load(c->page->data_head) == h->head;
}

/**
 * perfring_core_try - perfring_core_begin() in short, for who has looked himself
 * @c: ring, neither backward nor overwriting
 * @h: handle after perfring_core_look(), which has found room for @size bytes; there is
 *	no loss to tell
 * @size: bytes of the record
 *
 * Context: any, on the writing CPU with preemption off.
 * Return: as perfring_core_begin(), at the head that was looked at; -EAGAIN when others
 * came since, which is left to perfring_core_begin().
 */
static inline int perfring_core_try(struct perfring_core *c, struct perfring_handle *h,
				    unsigned long size)
{
	unsigned long head = h->head;

	h->wakeup_due = false;
	h->cause = PERFRING_CAUSE_NONE;
	h->report_lost = false;
	h->lost = 0;
	h->pos = head;
	h->next = head + size;
	h->left -= size;
	perfring_core_enter(c, h);
	/* A: the caller's branch on room came before. */
	if (perfring_unlikely(!perfring_local_try_cmpxchg(&c->head, &head, h->next))) {
		h->wakeup_due = perfring_core_leave(c, h);
		return -EAGAIN;
	}
	perfring_core_reserved(c, h, false);
	return 0;
}

#endif /* PERFRING_CORE_SHORT_H */
