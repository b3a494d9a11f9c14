// SPDX-License-Identifier: GPL-2.0
/*
 * From a failing sequence to a minimal one: without any of its operations or any
 * record it would not fail, nor with two of them made one; and its numbers are
 * small.  The ring stays as it is.
 */
#define FIXTURES_NO_HARNESS
#include <stdio.h>
#include <stdlib.h>
#include "twin.h"

/* Enough for TWIN_OPS operations many times over; a slow machine gives up by time. */
#define RUNS_MAX	20000
#define SECONDS_MAX	120
/* So often numbers alone are made smaller. */
#define TURNS		3

struct shrink {
	struct twin_sequence *s;	/* the smallest that fails so far */
	struct twin_sequence *try;
	twin_fails *fails;
	void *context;
	unsigned int runs;
	uint64_t until;
};

/*
 * A tail that made room does not any more when something before it is gone: let all
 * tails be where the head is then.
 */
static void mend_tails(struct twin_sequence *s)
{
	struct twin_model m;
	uint64_t pos, lost;
	unsigned int i, k;

	twin_model_init(&m, &s->config);
	for (i = 0; i < s->nr; i++) {
		struct twin_op *op = &s->op[i];

		if (op->what == TWIN_TAIL)
			op->arg = m.head;
		twin_model_op(&m, op);
		for (k = 0; k < op->nr; k++)
			twin_model_write(&m, op->event, op->len[k], &pos, &lost);
	}
}

/* Does @try fail?  Then it is the one to go on with, up to where it failed. */
static bool better_as_is(struct shrink *sh)
{
	unsigned int step;

	if (sh->runs >= RUNS_MAX || now_ns() > sh->until)
		return false;
	sh->runs++;
	if (!sh->fails(sh->context, sh->try, &step))
		return false;
	*sh->s = *sh->try;
	if (step < sh->s->nr)
		sh->s->nr = step + 1;
	return true;
}

/* The same for a @try with less in it, if need be with other tails. */
static bool better(struct shrink *sh)
{
	unsigned int i;

	if (better_as_is(sh))
		return true;
	for (i = 0; i < sh->try->nr && sh->try->op[i].what != TWIN_TAIL; i++)
		;
	if (i == sh->try->nr)
		return false;
	mend_tails(sh->try);
	return better_as_is(sh);
}

/* Leave out stretches of operations, long ones first. */
static bool fewer_operations(struct shrink *sh)
{
	unsigned int chunk, at, n;
	bool any = false;

	for (chunk = sh->s->nr / 2 ?: 1; chunk; chunk /= 2) {
		for (at = 0; at < sh->s->nr; ) {
			n = sh->s->nr - at < chunk ? sh->s->nr - at : chunk;
			*sh->try = *sh->s;
			memmove(&sh->try->op[at], &sh->try->op[at + n],
				(sh->s->nr - at - n) * sizeof(sh->try->op[0]));
			sh->try->nr -= n;
			/* What follows is at @at then. */
			if (sh->try->nr && better(sh))
				any = true;
			else
				at += n;
		}
	}
	return any;
}

/* The first event will do. */
static bool first_event(struct shrink *sh, unsigned int i)
{
	if (!sh->s->op[i].event)
		return false;
	*sh->try = *sh->s;
	sh->try->op[i].event = 0;
	return better(sh);
}

static bool fewer_records(struct shrink *sh, unsigned int i)
{
	unsigned int at, chunk, n;
	struct twin_op *op;
	bool any = false;

	for (chunk = sh->s->op[i].nr / 2; chunk; chunk /= 2) {
		for (at = 0; i < sh->s->nr && at < sh->s->op[i].nr; ) {
			*sh->try = *sh->s;
			op = &sh->try->op[i];
			n = op->nr - at < chunk ? op->nr - at : chunk;
			memmove(&op->len[at], &op->len[at + n],
				(op->nr - at - n) * sizeof(op->len[0]));
			op->nr -= n;
			if (op->nr && better(sh))
				any = true;
			else
				at += n;
		}
	}
	/* Only some numbers of records may fail: try each. */
	for (at = 1; i < sh->s->nr && at < sh->s->op[i].nr; at++) {
		*sh->try = *sh->s;
		sh->try->op[i].nr = at;
		any |= better(sh);
	}
	if (i < sh->s->nr && sh->s->op[i].what == TWIN_BURST && sh->s->op[i].nr == 1) {
		*sh->try = *sh->s;
		sh->try->op[i].what = TWIN_WRITE;
		any |= better(sh);
	}
	return any;
}

static bool writes(const struct twin_op *op)
{
	return op->what == TWIN_WRITE || op->what == TWIN_BURST;
}

/* One burst of two operations that write. */
static bool joined(struct shrink *sh, unsigned int i)
{
	struct twin_op *op = &sh->try->op[i], *next = op + 1;

	*sh->try = *sh->s;
	if (i + 1 >= sh->s->nr || !writes(op) || !writes(next) || op->event != next->event ||
	    op->nr + next->nr > TWIN_RECORDS)
		return false;
	op->what = TWIN_BURST;
	memcpy(&op->len[op->nr], next->len, next->nr * sizeof(next->len[0]));
	op->nr += next->nr;
	memmove(next, next + 1, (sh->s->nr - i - 2) * sizeof(*op));
	sh->try->nr--;
	return better(sh);
}

/* One record of the size of two: what matters may be where the second one ended. */
static bool merged(struct shrink *sh, unsigned int i, unsigned int k)
{
	struct twin_op *op = &sh->try->op[i];
	struct twin_model m;
	uint64_t size;

	twin_model_init(&m, &sh->s->config);
	*sh->try = *sh->s;
	if (!m.raw || i >= sh->s->nr || k + 1 >= op->nr)
		return false;
	size = twin_sample_size(&m, op->len[k]) + twin_sample_size(&m, op->len[k + 1]);
	if (size > twin_longest(&sh->s->config))
		return false;
	op->len[k] = size - m.fixed - 4;
	memmove(&op->len[k + 1], &op->len[k + 2], (op->nr - k - 2) * sizeof(op->len[0]));
	op->nr--;
	return better(sh);
}

/* The @k-th number of an operation: its argument, then its lengths. */
static uint64_t number(const struct twin_op *op, unsigned int k)
{
	return k ? op->len[k - 1] : op->arg;
}

static bool put_number(struct shrink *sh, unsigned int i, unsigned int k, uint64_t value)
{
	uint64_t now;

	if (i >= sh->s->nr)
		return false;
	now = number(&sh->s->op[i], k);
	if (value >= now)
		return false;
	*sh->try = *sh->s;
	if (k)
		sh->try->op[i].len[k - 1] = value;
	else
		sh->try->op[i].arg = value;
	return better_as_is(sh);
}

/* 0, then by halves of what may go, down to one less. */
static bool smaller_number(struct shrink *sh, unsigned int i, unsigned int k)
{
	uint64_t now = number(&sh->s->op[i], k), cut;
	bool any = false;

	if (!now)
		return false;
	if (put_number(sh, i, k, 0))
		return true;
	for (cut = now / 2 ?: 1; cut && i < sh->s->nr; cut /= 2)
		while (i < sh->s->nr && cut <= number(&sh->s->op[i], k) &&
		       put_number(sh, i, k, number(&sh->s->op[i], k) - cut))
			any = true;
	return any;
}

/* Fewer operations and records, until nothing can go. */
static bool fewer(struct shrink *sh)
{
	const struct twin_sequence *s = sh->s;
	bool any = false, more = true;
	unsigned int i, k;

	for (; more; any |= more) {
		more = fewer_operations(sh);
		for (i = 0; i < s->nr; i++) {
			more |= first_event(sh, i);
			if (i < s->nr)
				more |= fewer_records(sh, i);
			while (joined(sh, i))
				more = true;
			for (k = 0; i < s->nr && k < s->op[i].nr; k++)
				while (merged(sh, i, k))
					more = true;
		}
	}
	return any;
}

static bool smaller(struct shrink *sh)
{
	const struct twin_sequence *s = sh->s;
	unsigned int i, k;
	bool any = false;

	for (i = 0; i < s->nr; i++)
		for (k = 0; i < s->nr && k <= s->op[i].nr; k++)
			any |= smaller_number(sh, i, k);
	return any;
}

unsigned int twin_shrink(struct twin_sequence *s, twin_fails *fails, void *context)
{
	struct shrink sh = {
		.s = s, .try = malloc(sizeof(*s)), .fails = fails, .context = context,
		.until = now_ns() + SECONDS_MAX * 1000000000ULL,
	};
	unsigned int turn = TURNS;

	if (!sh.try)
		return 0;
	/* Smaller numbers may make a record superfluous; that ends, numbers go on long. */
	fewer(&sh);
	while (smaller(&sh) && (fewer(&sh) || --turn))
		;
	free(sh.try);
	return sh.runs;
}
