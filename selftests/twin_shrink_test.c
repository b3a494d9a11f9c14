// SPDX-License-Identifier: GPL-2.0
/*
 * Do the twins find mistakes, and what is left of the sequence that did?  The
 * memory twin of this program is written by a copy of the library's writer whose
 * core.h makes one mistake at a time (twin_mutations.sed).
 */
#include <stdlib.h>
#include "twin.h"

#define SEED	1
#define STEPS	20000

int twin_mutation;

static bool fails(void *context, const struct twin_sequence *s, unsigned int *step)
{
	return !twins_run(context, s, step);
}

FIXTURE(mistake) {
	struct twins t;
};

/* @most: operations that have to do, and why. */
FIXTURE_VARIANT(mistake) {
	int mutation;
	unsigned int most;
};

/* Head and tail are equal at the start: taken for full, a write is lost. */
FIXTURE_VARIANT_ADD(mistake, filled_to_the_last_byte) { .mutation = 1, .most = 1 };

FIXTURE_VARIANT_ADD(mistake, filled_to_the_last_byte_backward) { .mutation = 2, .most = 1 };
/*
 * Writes whose sizes add up to the watermark, or to a multiple of it.  The ring that
 * is hit first has one of its own size, so that there are tails in between; and no
 * length grows while shrinking.
 */
FIXTURE_VARIANT_ADD(mistake, watermark_too_early) { .mutation = 3, .most = 8 };
/* Pause, write, resume, write, and one write more; or full, a tail, and these. */
FIXTURE_VARIANT_ADD(mistake, lost_told_twice) { .mutation = 4, .most = 5 };
/* Pause, write, resume, write; or full, a loss, a tail, a write. */
FIXTURE_VARIANT_ADD(mistake, no_room_for_lost) { .mutation = 5, .most = 4 };
/* As many records as wakeup_events, 17 here: a burst and single writes around it. */
FIXTURE_VARIANT_ADD(mistake, one_sample_too_late) { .mutation = 6, .most = 4 };
/* The first write is beyond any watermark. */
FIXTURE_VARIANT_ADD(mistake, backward_watermark) { .mutation = 7, .most = 1 };
/* Writes up to near the end, and a tail unless the ring overwrites; one that goes across. */
FIXTURE_VARIANT_ADD(mistake, across_the_end) { .mutation = 8, .most = 4 };

FIXTURE_SETUP(mistake)
{
	char why[WHY_LEN];

	if (!twins_init(&self->t, false, why, sizeof(why)))
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(mistake)
{
	twins_exit(&self->t);
}

TEST_F_TIMEOUT(mistake, is_found_and_shrunk, 300)
{
	static struct twin_sequence s, again;
	FILE *text = tmpfile();
	unsigned int step, runs;

	ASSERT_NE(NULL, text);
	twin_mutation = variant->mutation;
	ASSERT_FALSE(twins_random(&self->t, SEED, STEPS, &s));
	TH_LOG("sequence %llu, operation %u: %s", (unsigned long long)self->t.seen.sequences,
	       s.nr, self->t.why);
	self->t.thorough = true;
	runs = twin_shrink(&s, fails, &self->t);
	printf("# after %u runs:\n", runs);
	twin_print(stdout, &s);
	fflush(stdout);
	EXPECT_LE(s.nr, variant->most);

	/* What was printed is the sequence. */
	twin_print(text, &s);
	rewind(text);
	ASSERT_EQ(0, twin_parse(text, &again));
	fclose(text);
	EXPECT_FALSE(twins_run(&self->t, &again, &step));
	EXPECT_EQ(s.nr, step + 1);
	/* Without the mistake nothing is wrong with it. */
	twin_mutation = 0;
	EXPECT_TRUE(twins_run(&self->t, &again, &step)) {
		TH_LOG("%s", self->t.why);
	}
}

/* Fails when a write of 100 bytes or more is between a pause and a resume. */
static bool long_write_in_pause(void *context, const struct twin_sequence *s, unsigned int *step)
{
	bool paused = false;
	unsigned int k;

	++*(unsigned int *)context;
	for (*step = 0; *step < s->nr; ++*step) {
		const struct twin_op *op = &s->op[*step];

		if (op->what == TWIN_PAUSE || op->what == TWIN_RESUME)
			paused = op->what == TWIN_PAUSE;
		for (k = 0; k < op->nr; k++)
			if (paused && op->len[k] >= 100)
				return true;
	}
	return false;
}

/*
 * By hand: of 300 operations, bursts of 5 all of them but some pauses, two are left,
 * and of the burst one record, which cannot be smaller.
 */
TEST(shrunk_to_the_pair_that_matters)
{
	static struct twin_sequence s = { .config.pages = 1, .nr = 300 };
	unsigned int calls = 0, runs, i, k;

	for (i = 0; i < s.nr; i++) {
		struct twin_op *op = &s.op[i];

		op->what = i % 50 == 20 ? TWIN_PAUSE : i % 50 == 30 ? TWIN_RESUME : TWIN_BURST;
		if (op->what != TWIN_BURST)
			continue;
		op->nr = 5;
		for (k = 0; k < op->nr; k++)
			op->len[k] = i % 50 == 25 ? 30 + 1000 * (k == 3) : i % 50 < 20 ? 5000 : k;
	}
	runs = twin_shrink(&s, long_write_in_pause, &calls);
	EXPECT_EQ(calls, runs);
	ASSERT_EQ(2, s.nr);
	EXPECT_EQ(TWIN_PAUSE, s.op[0].what);
	EXPECT_EQ(TWIN_WRITE, s.op[1].what);
	EXPECT_EQ(1, s.op[1].nr);
	EXPECT_EQ(100, s.op[1].len[0]);
}

#define RING_OF(pages, shared)							\
	"ring pages " pages " sample_type 0x400 wakeup 1 watermark 0 overwrite 0"	\
	" backward 0 id_all 0 reader 0 shared " shared " giant 0\n"
#define RING	RING_OF("1", "0")

/* Lines that are none are told by number. */
TEST(what_is_no_sequence)
{
	static const struct {
		const char *text;
		int line;
	} table[] = {
		{ RING "# nothing\n\nwrite 5\ntail 0x10 # one\n", 0 },
		{ "write 5\n", 1 },
		{ "", 1 },
		{ RING_OF("1", "1") "write2 5\ndetach\n", 0 },
		{ RING_OF("3", "0"), 1 },
		{ "ring pages 1 sample_type 0x400 wakeup 1\n", 1 },
		{ RING RING, 2 },
		{ RING "write\n", 2 },
		{ RING "\nwrite 65536\n", 3 },
		{ RING "pause 1\n", 2 },
		{ RING "jump\n", 2 },
		{ RING "write2 5\n", 2 },
		{ RING "attach\n", 2 },
		{ RING_OF("1", "1") "pause2\n", 2 },
		{ RING "burst 1 x\n", 2 },
	};
	static struct twin_sequence s;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		FILE *text = tmpfile();

		ASSERT_NE(NULL, text);
		fputs(table[i].text, text);
		rewind(text);
		EXPECT_EQ(table[i].line, twin_parse(text, &s)) {
			TH_LOG("%s", table[i].text);
		}
		fclose(text);
		if (!i)
			EXPECT_EQ(2, s.nr);
	}
}

TEST_HARNESS_MAIN
