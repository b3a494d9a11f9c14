// SPDX-License-Identifier: GPL-2.0
/*
 * Why each record wakes the reader, or does not: flags of EMIT and RESERVE, the
 * causes that STATS and sysfs count, and what poll(2) sees of them.
 *
 * Sizes: a sample of RAW with 12 bytes is 8 + 4 + 12 = 24, a record of another type
 * with 16 bytes is 24 as well.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define QUIET	PERFRING_EMIT_NO_WAKEUP
#define FORCE	PERFRING_EMIT_FORCE_WAKEUP
#define OTHER	77	/* a type that is no sample */

enum cause { NONE, EVENTS, WATERMARK, FORCED, CAUSES };

static const char *const cause_names[] = {
	"wakeup_none", "wakeup_events", "wakeup_watermark", "wakeup_forced",
};

FIXTURE(wakeup) {
	int fd;
	struct raw raw;
};

FIXTURE_SETUP(wakeup)
{
	self->fd = -1;
	ASSERT_EQ(0, pin_to(0));
}

FIXTURE_TEARDOWN(wakeup)
{
	if (self->raw.page)
		raw_unmap(&self->raw);
	close(self->fd);
}

static int start(FIXTURE_DATA(wakeup) *self, const struct perf_event_attr *attr, size_t pages)
{
	int ret;

	self->fd = event_into(-1, 0, attr);
	if (self->fd < 0)
		return self->fd;
	ret = raw_map(&self->raw, self->fd, pages, 0);
	return ret ?: do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL);
}

static int put(int fd, uint32_t type, uint32_t flags, uint32_t len, uint32_t count)
{
	struct perfring_emit_record record = { .type = type, .len = len, .count = count };
	struct perfring_emit request = {
		.size = sizeof(request), .flags = flags, .nr = 1, .records = (uintptr_t)&record,
	};

	return do_ioctl(fd, PERFRING_IOC_EMIT, &request);
}

static void causes_of(int fd, uint64_t cause[CAUSES])
{
	struct perfring_stats stats;

	device_stats(fd, &stats);
	cause[NONE] = stats.wakeup_none;
	cause[EVENTS] = stats.wakeup_events;
	cause[WATERMARK] = stats.wakeup_watermark;
	cause[FORCED] = stats.wakeup_forced;
}

struct step {
	uint32_t type, flags;
	enum cause cause;
};

/* Each step counts under its cause and no other; poll(2) is ready after those that wake. */
static void take_steps(struct __test_metadata *_metadata, int fd, const struct step *steps,
		       unsigned int n)
{
	uint64_t before[CAUSES], after[CAUSES];
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		causes_of(fd, before);
		ASSERT_EQ(0, put(fd, steps[i].type, steps[i].flags,
				 steps[i].type == OTHER ? 16 : 12, 1));
		causes_of(fd, after);
		for (j = 0; j < CAUSES; j++)
			EXPECT_EQ(before[j] + (j == steps[i].cause), after[j]) {
				TH_LOG("step %u: %s", i, cause_names[j]);
			}
		EXPECT_EQ(steps[i].cause == NONE ? 0 : POLLIN, poll_events(fd, 0) & POLLIN) {
			TH_LOG("step %u", i);
		}
	}
}

/*
 * Every third sample; others do not count, nor do quiet ones, and a forced one
 * counts as well.
 */
TEST_F(wakeup, every_third_sample)
{
	static const struct step steps[] = {
		{ PERF_RECORD_SAMPLE, 0, NONE },
		{ PERF_RECORD_SAMPLE, 0, NONE },
		{ OTHER, 0, NONE },
		{ PERF_RECORD_SAMPLE, 0, EVENTS },
		{ PERF_RECORD_SAMPLE, QUIET, NONE },
		{ PERF_RECORD_SAMPLE, 0, NONE },		/* 1 */
		{ PERF_RECORD_SAMPLE, 0, NONE },		/* 2 */
		{ PERF_RECORD_SAMPLE, QUIET, NONE },		/* is not the third */
		{ PERF_RECORD_SAMPLE, 0, EVENTS },		/* is */
		{ PERF_RECORD_SAMPLE, FORCE, FORCED },		/* 1 */
		{ PERF_RECORD_SAMPLE, 0, NONE },		/* 2 */
		{ OTHER, FORCE, FORCED },
		{ PERF_RECORD_SAMPLE, 0, EVENTS },		/* 3 */
		{ PERF_RECORD_SAMPLE, 0, NONE },		/* 1 */
		{ PERF_RECORD_SAMPLE, 0, NONE },		/* 2 */
		{ PERF_RECORD_SAMPLE, FORCE, FORCED },		/* 3, and forced comes first */
		{ PERF_RECORD_SAMPLE, 0, NONE },		/* 1 */
	};
	struct perf_event_attr attr = output_attr();

	attr.wakeup_events = 3;
	ASSERT_EQ(0, start(self, &attr, 4));
	take_steps(_metadata, self->fd, steps, ARRAY_LEN(steps));
}

/*
 * More than 64 bytes since the last wakeup, whose position moves on by 64.  Records
 * of 24, the numbers are head and last wakeup after each.
 */
TEST_F(wakeup, watermark)
{
	static const struct step steps[] = {
		{ PERF_RECORD_SAMPLE, 0, NONE },		/* 24, 0 */
		{ OTHER, 0, NONE },				/* 48, 0 */
		{ PERF_RECORD_SAMPLE, 0, WATERMARK },		/* 72, 64 */
		{ PERF_RECORD_SAMPLE, QUIET, NONE },		/* 96, 64 */
		{ PERF_RECORD_SAMPLE, QUIET, NONE },		/* 120, 64 */
		{ PERF_RECORD_SAMPLE, QUIET, NONE },		/* 144, 64: left to ... */
		{ OTHER, QUIET, NONE },				/* 168, 64 */
		{ OTHER, 0, WATERMARK },			/* 192, 128: ... this one */
		{ PERF_RECORD_SAMPLE, 0, WATERMARK },		/* 216, 192 */
		{ PERF_RECORD_SAMPLE, 0, NONE },		/* 240, 192 */
		/* A forced one crosses as well (264 > 256), so that the next is early. */
		{ PERF_RECORD_SAMPLE, FORCE, FORCED },		/* 264, 257 */
		{ PERF_RECORD_SAMPLE, 0, NONE },		/* 288, 257 */
		{ PERF_RECORD_SAMPLE, 0, NONE },		/* 312, 257 */
		{ PERF_RECORD_SAMPLE, 0, WATERMARK },		/* 336, 321 */
	};
	struct perf_event_attr attr = output_attr();

	attr.watermark = 1;
	attr.wakeup_watermark = 64;
	ASSERT_EQ(0, start(self, &attr, 4));
	take_steps(_metadata, self->fd, steps, ARRAY_LEN(steps));
}

/*
 * An event that counts has half the ring for a watermark besides: 2048 of a page of 4096.
 * Samples of 48: the 43rd crosses.  Due by both, it is counted under events.
 */
TEST_F(wakeup, both)
{
	const unsigned int crosses = PAGE / 2 / 48 + 1;
	const struct {
		unsigned int wakeup_events;
		uint64_t events, watermark;
	} table[] = {
		{ 100000, 0, 1 }, { crosses, 1, 0 }, { crosses - 1, 1, 1 }, { crosses + 1, 0, 1 },
		{ 0, 0, 1 },
	};
	struct perf_event_attr attr = output_attr();
	struct perfring_stats stats;
	unsigned int i, n, ready;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		attr.wakeup_events = table[i].wakeup_events;
		ASSERT_EQ(0, start(self, &attr, 1));
		ready = 0;
		for (n = 0; n < crosses; n++) {
			ASSERT_EQ(0, put(self->fd, PERF_RECORD_SAMPLE, 0, 36, 1));
			ready += !!(poll_events(self->fd, 0) & POLLIN);
		}
		ASSERT_EQ(0, device_stats(self->fd, &stats));
		EXPECT_EQ(table[i].events, stats.wakeup_events) {
			TH_LOG("wakeup_events %u", table[i].wakeup_events);
		}
		EXPECT_EQ(table[i].watermark, stats.wakeup_watermark) {
			TH_LOG("wakeup_events %u", table[i].wakeup_events);
		}
		EXPECT_EQ(table[i].events + table[i].watermark, stats.wakeups);
		EXPECT_EQ(stats.wakeups, ready);
		EXPECT_EQ(crosses * 48, stats.high_water);
		EXPECT_TRUE(stats_balance(&stats));
		raw_unmap(&self->raw);
		close(self->fd);
		self->fd = -1;
	}
}

/* The flags of RESERVE are for its COMMIT, and a discarded record has no cause. */
TEST_F(wakeup, held)
{
	struct perfring_stats stats;

	ASSERT_EQ(0, start(self, NULL, 1));
	ASSERT_EQ(0, reserve(self->fd, PERF_RECORD_SAMPLE, NULL, 12, QUIET, NULL));
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_EQ(0, poll_events(self->fd, 0));
	ASSERT_EQ(0, reserve(self->fd, OTHER, NULL, 16, FORCE, NULL));
	EXPECT_EQ(0, poll_events(self->fd, 0));
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_EQ(POLLIN, poll_events(self->fd, 0) & POLLIN);
	ASSERT_EQ(0, reserve(self->fd, OTHER, NULL, 16, FORCE, NULL));
	EXPECT_EQ(PERFRING_RELEASE_TAKEN_BACK, release(self->fd, false));
	EXPECT_EQ(0, poll_events(self->fd, 0));
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_EQ(1, stats.wakeup_none);
	EXPECT_EQ(1, stats.wakeup_forced);
	EXPECT_EQ(0, stats.wakeup_events);
	EXPECT_EQ(2, stats.written);
	EXPECT_TRUE(stats_balance(&stats));
	/* Two causes in one nest: two counted, one wakeup. */
	ASSERT_EQ(0, reserve(self->fd, PERF_RECORD_SAMPLE, NULL, 12, 0, NULL));
	ASSERT_EQ(0, put(self->fd, PERF_RECORD_SAMPLE, 0, 12, 1));
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_EQ(2, stats.wakeup_events);
	EXPECT_EQ(2, stats.wakeups);	/* the forced one, and this */
}

/* A record that finds no room wakes nobody, forced or not. */
TEST_F(wakeup, lost_records_do_not)
{
	struct perfring_stats before, after;

	ASSERT_EQ(0, start(self, NULL, 1));
	ASSERT_EQ(0, put(self->fd, PERF_RECORD_SAMPLE, 0, 12, FIT(24) + 30));
	poll_events(self->fd, 0);
	ASSERT_EQ(0, device_stats(self->fd, &before));
	ASSERT_LT(0, before.lost_full);
	ASSERT_EQ(0, put(self->fd, PERF_RECORD_SAMPLE, FORCE, 12, 10));
	ASSERT_EQ(0, device_stats(self->fd, &after));
	EXPECT_EQ(before.lost_full + 10, after.lost_full);
	EXPECT_EQ(before.wakeup_forced, after.wakeup_forced);
	EXPECT_EQ(before.wakeups, after.wakeups);
	EXPECT_EQ(0, poll_events(self->fd, 0));
}

/*
 * 3000 random records and tails: poll(2) is ready just when a wakeup was counted, a
 * wakeup is counted just when a cause was, and sysfs has the sums.
 */
TEST_F(wakeup, random)
{
	static const uint32_t flags[] = { 0, 0, 0, QUIET, FORCE };
	unsigned int seed = getenv("PERFRING_SEED") ? atoi(getenv("PERFRING_SEED")) : 4711;
	uint64_t sysfs[CAUSES], was = 0, causes;
	struct perf_event_attr attr = output_attr();
	struct perfring_stats stats;
	unsigned int i, j;
	bool ready;

	TH_LOG("PERFRING_SEED=%u", seed);
	for (j = 0; j < CAUSES; j++)
		sysfs[j] = device_counter(0, cause_names[j]);
	attr.wakeup_events = 7;
	ASSERT_EQ(0, start(self, &attr, 1));
	for (i = 0; i < 3000; i++) {
		ASSERT_EQ(0, put(self->fd, rand_r(&seed) % 3 ? PERF_RECORD_SAMPLE : OTHER,
				 flags[rand_r(&seed) % ARRAY_LEN(flags)],
				 rand_r(&seed) % (300 * PAGE / 4096), 1));
		ready = poll_events(self->fd, 0) & POLLIN;
		ASSERT_EQ(0, device_stats(self->fd, &stats));
		ASSERT_EQ(stats.wakeups != was, ready) {
			TH_LOG("step %u", i);
		}
		was = stats.wakeups;
		causes = stats.wakeup_events + stats.wakeup_watermark + stats.wakeup_forced;
		ASSERT_EQ(causes, stats.wakeups) {
			TH_LOG("step %u", i);
		}
		ASSERT_TRUE(stats_balance(&stats));
		if (!(rand_r(&seed) % 10))
			raw_drop(&self->raw);
	}
	EXPECT_LT(0, stats.wakeup_events);
	EXPECT_LT(0, stats.wakeup_watermark);
	EXPECT_LT(0, stats.wakeup_forced);
	EXPECT_LT(0, stats.lost_full);
	EXPECT_EQ(sysfs[NONE] + stats.wakeup_none, device_counter(0, "wakeup_none"));
	EXPECT_EQ(sysfs[EVENTS] + stats.wakeup_events, device_counter(0, "wakeup_events"));
	EXPECT_EQ(sysfs[WATERMARK] + stats.wakeup_watermark,
		  device_counter(0, "wakeup_watermark"));
	EXPECT_EQ(sysfs[FORCED] + stats.wakeup_forced, device_counter(0, "wakeup_forced"));
}

DEVICE_MAIN
