// SPDX-License-Identifier: GPL-2.0
/*
 * From a failing sequence to a minimal one: without any of its operations, any
 * record of a burst, or with a smaller number anywhere, it would not fail.
 * The ring stays as it is.
 */
#define FIXTURES_NO_HARNESS
#include <stdio.h>
#include <stdlib.h>
#include "twin.h"

/* Enough for TWIN_OPS operations many times over; a slow machine gives up by time. */
#define RUNS_MAX	20000
#define SECONDS_MAX	120

struct shrink {
	struct twin_sequence *s;	/* the smallest that fails so far */
	struct twin_sequence *try;
	twin_fails *fails;
	void *context;
	unsigned int runs;
	uint64_t until;
};

/* Does @try fail?  Then it is the one to go on with, up to where it failed. */
static bool better(struct shrink *sh)
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
	return better(sh);
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

unsigned int twin_shrink(struct twin_sequence *s, twin_fails *fails, void *context)
{
	struct shrink sh = {
		.s = s, .try = malloc(sizeof(*s)), .fails = fails, .context = context,
		.until = now_ns() + SECONDS_MAX * 1000000000ULL,
	};
	unsigned int i, k;
	bool any = sh.try;

	while (any) {
		any = fewer_operations(&sh);
		for (i = 0; i < s->nr; i++) {
			any |= fewer_records(&sh, i);
			for (k = 0; i < s->nr && k <= s->op[i].nr; k++)
				any |= smaller_number(&sh, i, k);
		}
	}
	free(sh.try);
	return sh.runs;
}
