// SPDX-License-Identifier: GPL-2.0
/*
 * Twins: random sequences on a real perf ring and on its twins; after each step
 * they agree (twin_run.c says in what).
 *
 * PERFRING_TWIN_SEED= and PERFRING_TWIN_STEPS= choose other sequences, and more.
 * What fails is shrunk and printed; PERFRING_TWIN_REPLAY= names a file with such
 * lines, which is run instead.
 */
#include <stdlib.h>
#include "twin.h"

#define STEPS	20000

FIXTURE(against_perf) {
	struct twins t;
};

FIXTURE_VARIANT(against_perf) {
	bool device;
};

FIXTURE_VARIANT_ADD(against_perf, memory) { .device = false };
FIXTURE_VARIANT_ADD(against_perf, device) { .device = true };

FIXTURE_SETUP(against_perf)
{
	char why[WHY_LEN];

	if (!twins_init(&self->t, variant->device, why, sizeof(why)))
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(against_perf)
{
	twins_exit(&self->t);
}

static bool fails(void *context, const struct twin_sequence *s, unsigned int *step)
{
	return !twins_run(context, s, step);
}

static void replay(struct __test_metadata *_metadata, struct twins *t, const char *path)
{
	static struct twin_sequence s;
	FILE *from = fopen(path, "r");
	unsigned int step;

	ASSERT_NE(NULL, from);
	ASSERT_EQ(0, twin_parse(from, &s));
	fclose(from);
	t->thorough = true;
	EXPECT_TRUE(twins_run(t, &s, &step)) {
		TH_LOG("operation %u: %s", step + 1, t->why);
	}
}

/* So many steps must have seen all there is. */
static void saw_everything(struct __test_metadata *_metadata, const struct twins *t)
{
	const struct twin_seen *seen = &t->seen;
	unsigned int i;

	for (i = 0; i < TWIN_WHATS; i++)
		EXPECT_LT(0, seen->op[i]);
	for (i = 0; i < ARRAY_LEN(seen->pages); i++)
		EXPECT_LT(0, seen->pages[i]);
	EXPECT_LT(0, seen->written);
	EXPECT_LT(0, seen->lost_full);
	EXPECT_LT(0, seen->lost_paused);
	EXPECT_LT(0, seen->lost_records);
	EXPECT_LT(0, seen->refused);
	EXPECT_LT(0, seen->detached);
	EXPECT_LT(0, seen->ready);
	EXPECT_LT(0, seen->exact_end);
	EXPECT_LT(0, seen->wrapped);
	EXPECT_LT(0, seen->filled);
	EXPECT_LT(0, seen->longest);
	EXPECT_LT(0, seen->lapped_itself);
	EXPECT_LT(0, seen->delivered);
	EXPECT_LT(0, seen->torn);
	EXPECT_LT(0, seen->wild_tail);
	EXPECT_LT(0, seen->overwrite);
	EXPECT_LT(0, seen->backward);
	EXPECT_LT(0, seen->id_all);
	EXPECT_LT(0, seen->watermark);
	EXPECT_LT(0, seen->events);
	EXPECT_LT(0, seen->reader);
	EXPECT_LT(0, seen->shared);
	if (t->device)
		EXPECT_LT(0, seen->giant);
}

TEST_F_TIMEOUT(against_perf, random, DAY)
{
	const char *path = getenv("PERFRING_TWIN_REPLAY");
	uint64_t seed = from_environment("PERFRING_TWIN_SEED", 1);
	uint64_t steps = from_environment("PERFRING_TWIN_STEPS", STEPS);
	struct twins *t = &self->t;
	static struct twin_sequence s;
	uint64_t started = now_ns();
	unsigned int step, runs;
	char why[sizeof(t->why)];

	if (path) {
		replay(_metadata, t, path);
		return;
	}
	TH_LOG("PERFRING_TWIN_SEED=%llu PERFRING_TWIN_STEPS=%llu", (unsigned long long)seed,
	       (unsigned long long)steps);
	if (twins_random(t, seed, steps, &s)) {
		TH_LOG("%llu steps in %llu sequences, %.3f ms each; %llu records, %llu lost",
		       (unsigned long long)t->seen.steps,
		       (unsigned long long)t->seen.sequences,
		       (now_ns() - started) / 1e6 / steps,
		       (unsigned long long)t->seen.written,
		       (unsigned long long)(t->seen.lost_full + t->seen.lost_paused));
		if (steps >= STEPS)
			saw_everything(_metadata, t);
		return;
	}
	strcpy(why, t->why);
	step = s.nr;
	t->thorough = true;
	runs = twin_shrink(&s, fails, t);
	printf("# sequence %llu, operation %u: %s\n# %u runs later, the least that fails:\n",
	       (unsigned long long)t->seen.sequences, step, why, runs);
	twin_print(stdout, &s);
	fflush(stdout);
	twins_run(t, &s, &step);
	EXPECT_TRUE(false) {
		TH_LOG("%s", t->why);
	}
}

TEST_HARNESS_MAIN
