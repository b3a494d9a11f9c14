/* SPDX-License-Identifier: MIT */
/*
 * Room for the records of a batch, several at a time: core.h for a writer who asks
 * once how far nothing is in the way, and then takes what he needs up to there.
 */
#ifndef PERFRING_TAKE_H
#define PERFRING_TAKE_H

#include "core.h"

/**
 * perfring_core_clear - how far may the head go without a look at anything?
 * @c: ring that the writer has entered; neither backward nor overwriting
 *
 * Up to there nothing is short of room, nothing crosses the watermark and no mark is
 * passed.  The answer may be old when it comes, because of other writers: tail,
 * wakeup and high_water only grow, so that it is nearer than a new one.  Losses the
 * caller has to look for himself, after he has noted it.
 */
static inline unsigned long perfring_core_clear(const struct perfring_core *c)
{
	unsigned long head = perfring_local_read(&c->head);
	/* A tail may be anywhere: what counts is where it is in the data. */
	unsigned long used = (head - perfring_load_tail(c->page)) & c->mask;
	unsigned long high = head + perfring_local_read(&c->high_water) - used;
	unsigned long wake = perfring_local_read(&c->wakeup) + c->watermark;

	return (long)(high - wake) < 0 ? high : wake;
}

/**
 * perfring_core_take - reserve what is known to be clear
 * @c: ring that the writer has entered; neither paused, backward nor overwriting
 * @pos: core->head; result: where the record begins
 * @size: bytes of the record
 * @clear: position, from perfring_core_clear() or before the head for none
 *
 * Return: false when that takes perfring_core_more().
 */
static inline bool perfring_core_take(struct perfring_core *c, unsigned long *pos,
				      unsigned long size, unsigned long clear)
{
	unsigned long next = *pos + size;

	/* A: the load of data_tail that @clear follows from came before. */
	return !perfring_unlikely((long)(clear - next) < 0) &&
	       perfring_local_try_cmpxchg(&c->head, pos, next);
}

#endif /* PERFRING_TAKE_H */
