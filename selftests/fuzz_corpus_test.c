// SPDX-License-Identifier: GPL-2.0
/*
 * What fuzzing has found, without a fuzzer: the inputs that reach all that was ever reached,
 * and those that once were too much.  make fuzz goes on from there.
 */
#include <stdio.h>
#include "fuzz/fuzz.h"
#include "kselftest_harness.h"

FIXTURE(corpus) {
};

FIXTURE_SETUP(corpus)
{
}

FIXTURE_VARIANT(corpus) {
	const struct fuzz_target *target;
};

FIXTURE_TEARDOWN(corpus)
{
	if (variant->target->done)
		variant->target->done();
}

FIXTURE_VARIANT_ADD(corpus, ring) { .target = &fuzz_ring };
FIXTURE_VARIANT_ADD(corpus, record) { .target = &fuzz_record };
FIXTURE_VARIANT_ADD(corpus, file) { .target = &fuzz_file };
FIXTURE_VARIANT_ADD(corpus, event) { .target = &fuzz_event };
FIXTURE_VARIANT_ADD(corpus, merge) { .target = &fuzz_merge };

static char name[512];

static int run_one(void *context, unsigned int line, const uint8_t *bytes, size_t len)
{
	const struct fuzz_target *target = context;
	char *at = strrchr(name, ':');

	snprintf(at + 1, sizeof(name) - (size_t)(at + 1 - name), "%u", line);
	target->run(bytes, len);
	return 0;
}

static int run_all(const char *folder, const struct fuzz_target *target)
{
	char path[256];

	snprintf(path, sizeof(path), TOP "/selftests/fuzz/%s/%s", folder, target->name);
	snprintf(name, sizeof(name), "%s/%s:", folder, target->name);
	fuzz_input_name = name;
	return fuzz_each(path, run_one, (void *)target);
}

TEST_F(corpus, replay)
{
	int ret = run_all("corpus", variant->target);

	EXPECT_LT(10, ret);
	/* Not every target has had one. */
	ret = run_all("crashes", variant->target);
	EXPECT_TRUE(ret > 0 || ret == -ENOENT);
}

TEST_HARNESS_MAIN
