// SPDX-License-Identifier: GPL-2.0
/*
 * demo: where perf's stream of task switches lies within the device's, when each
 * probe reads the clock by itself and the clock may stand still.
 */
#include <string.h>
#include "../user/cli/demo.h"
#include "kselftest_harness.h"

#define MAX	16

/* Switches of tasks in a row, each from the one before to the next: "abca" is three. */
struct stream {
	struct switch_record record[MAX];
	struct demo_stream demo;
};

static void stream(struct stream *s, const char *tasks, const uint64_t *times)
{
	memset(s, 0, sizeof(*s));
	s->demo.record = s->record;
	for (; tasks[1]; tasks++, s->demo.nr++) {
		s->record[s->demo.nr].time = times[s->demo.nr];
		s->record[s->demo.nr].prev_pid = tasks[0];
		s->record[s->demo.nr].next_pid = tasks[1];
	}
}

static struct demo_alignment align(const char *device, const uint64_t *device_times,
				   const char *perf, const uint64_t *perf_times)
{
	struct demo_alignment alignment;
	struct stream d, p;

	stream(&d, device, device_times);
	stream(&p, perf, perf_times);
	demo_align(&d.demo, &p.demo, &alignment);
	return alignment;
}

#define TIMES(...)	((const uint64_t[]){ __VA_ARGS__ })

/* In each hit the device's probe is first, or perf's. */
TEST(who_reads_first)
{
	struct demo_alignment a;

	a = align("abcdef", TIMES(10, 20, 30, 40, 50), "cde", TIMES(31, 41));
	EXPECT_TRUE(a.equal);
	EXPECT_EQ(2, a.before);
	EXPECT_EQ(2, a.matched);
	EXPECT_EQ(1, a.after);
	EXPECT_EQ(1, a.skew);

	a = align("abcdef", TIMES(10, 20, 30, 40, 50), "cde", TIMES(29, 39));
	EXPECT_TRUE(a.equal);
	EXPECT_EQ(2, a.before);

	a = align("abc", TIMES(10, 20), "abc", TIMES(9, 20));
	EXPECT_TRUE(a.equal);
	EXPECT_EQ(0, a.before);
}

/* Several hits at what the clock says is one time. */
TEST(clock_stands_still)
{
	struct demo_alignment a;

	a = align("abcdefg", TIMES(10, 20, 20, 20, 20, 30), "efg", TIMES(20, 30));
	EXPECT_TRUE(a.equal);
	EXPECT_EQ(4, a.before);

	/* It moved on between the two probes of the first hit. */
	a = align("abcdefg", TIMES(10, 20, 20, 20, 30, 30), "efg", TIMES(20, 30));
	EXPECT_TRUE(a.equal);
	EXPECT_EQ(4, a.before);
	a = align("abcdefg", TIMES(10, 20, 20, 20, 20, 30), "bcdefg",
		  TIMES(10, 20, 20, 20, 30));
	EXPECT_TRUE(a.equal);
	EXPECT_EQ(1, a.before);

	/* The same two tasks all the while. */
	a = align("abababa", TIMES(20, 20, 20, 20, 20, 20), "babab", TIMES(20, 20, 20, 20));
	EXPECT_TRUE(a.equal);
	EXPECT_EQ(4, a.matched);
}

/* What differs, is missing, or ends too soon is told. */
TEST(differences)
{
	struct demo_alignment a;

	a = align("abcdef", TIMES(10, 20, 30, 40, 50), "cdx", TIMES(30, 40));
	EXPECT_FALSE(a.equal);
	EXPECT_STREQ("they differ", a.reason);
	EXPECT_EQ(2, a.before);
	EXPECT_EQ(1, a.matched);

	/* Too far in time to be the same hit. */
	a = align("abcdef", TIMES(10, 20, 30, 40, 50), "abc", TIMES(40, 50));
	EXPECT_FALSE(a.equal);
	EXPECT_EQ(0, a.matched);
	EXPECT_EQ(2, a.before);

	a = align("abcd", TIMES(10, 20, 30), "cde", TIMES(30, 40));
	EXPECT_FALSE(a.equal);
	EXPECT_STREQ("the device's records end before perf's", a.reason);

	a = align("abcd", TIMES(10, 20, 30), "a", TIMES(0));
	EXPECT_FALSE(a.equal);
	EXPECT_STREQ("perf has no records", a.reason);
}

/* A switch that neither has: the chain breaks. */
TEST(missing_from_both)
{
	struct stream d, p;
	struct demo_alignment a;

	stream(&d, "abcde", TIMES(10, 20, 30, 40));
	stream(&p, "abcde", TIMES(11, 21, 31, 41));
	d.record[2] = d.record[3];
	p.record[2] = p.record[3];
	d.demo.nr = 3;
	p.demo.nr = 3;
	demo_align(&d.demo, &p.demo, &a);
	EXPECT_FALSE(a.equal);
	EXPECT_EQ(3, a.matched);
	EXPECT_EQ(2, a.breaks);
}

TEST_HARNESS_MAIN
