/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What nest_probe_test writes, and what comes inside: every configuration of an event
 * with every scene and every round.
 */
#ifndef SELFTESTS_NEST_SCENES_H
#define SELFTESTS_NEST_SCENES_H

#include "nest_kit.h"

#define ALL_FIELDS	(PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |		\
			 PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_ID |			\
			 PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD |	\
			 PERF_SAMPLE_RAW)

/* The rare ones, behind the usual ones, are for instructions that those do not come by. */
#define CONFIGS_USUAL	12
#define SCENES_USUAL	19

static const struct nest_config configs[] = {
	{ .name = "plain", .sample_type = PERF_SAMPLE_RAW, .wakeup_events = 1 },
	{ .name = "watermark", .sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_TIME },
	{ .name = "all fields", .sample_type = ALL_FIELDS, .id_all = true, .wakeup_events = 2 },
	{ .name = "callchain", .sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_CALLCHAIN,
	  .wakeup_events = 1 },
	{ .name = "backward", .sample_type = PERF_SAMPLE_RAW, .backward = true,
	  .wakeup_events = 1 },
	{ .name = "overwritten", .sample_type = PERF_SAMPLE_RAW, .overwrite = true,
	  .wakeup_events = 1 },
	{ .name = "overwritten backward", .sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_TID,
	  .overwrite = true, .backward = true, .wakeup_events = 3 },
	{ .name = "SIGIO and a limit", .sample_type = PERF_SAMPLE_RAW, .told = true,
	  .wakeup_events = 1 },
	{ .name = "traced", .sample_type = PERF_SAMPLE_RAW, .traced = true, .wakeup_events = 1 },
	{ .name = "callchain in hardirq", .context = NEST_IN_HARDIRQ, .wakeup_events = 1,
	  .sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_TIME },
	{ .name = "with listeners", .sample_type = PERF_SAMPLE_RAW, .listeners = NEST_PAUSED,
	  .wakeup_events = 1 },
	{ .name = "every second", .sample_type = PERF_SAMPLE_RAW, .period = 2,
	  .wakeup_events = 1 },
	{ .name = "watermark alone", .sample_type = PERF_SAMPLE_RAW },
	{ .name = "watermark, backward", .sample_type = PERF_SAMPLE_RAW, .backward = true },
	{ .name = "at the limit", .sample_type = PERF_SAMPLE_RAW, .told = true, .limited = true,
	  .wakeup_events = 1, .again = true },
	{ .name = "with readers", .listeners = NEST_READERS, .sample_type = PERF_SAMPLE_RAW,
	  .overwrite = true, .wakeup_events = 1 },
	{ .name = "with readers, backward", .listeners = NEST_READERS, .overwrite = true,
	  .sample_type = PERF_SAMPLE_RAW, .backward = true, .wakeup_events = 1 },
	{ .name = "callchain in softirq", .context = NEST_IN_SOFTIRQ, .wakeup_events = 1,
	  .max_stack = 1, .sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_CALLCHAIN },
	{ .name = "callchain in NMI", .context = NEST_IN_NMI, .wakeup_events = 1,
	  .sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_CALLCHAIN },
	{ .name = "callchain of nothing", .no_chain = true, .id_all = true, .wakeup_events = 1,
	  .sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_TIME },
	{ .name = "preempted", .context = NEST_IN_PREEMPTED, .sample_type = PERF_SAMPLE_RAW,
	  .wakeup_events = 1 },
	{ .name = "behind listeners", .listeners = NEST_BEFORE, .sample_type = PERF_SAMPLE_RAW,
	  .wakeup_events = 1 },
	{ .name = "with the ringless", .listeners = NEST_RINGLESS, .wakeup_events = 1,
	  .sample_type = PERF_SAMPLE_RAW },
	{ .name = "counting", .sample_type = PERF_SAMPLE_RAW, .told = true, .counting = true,
	  .wakeup_events = 1 },
	{ .name = "two are due", .sample_type = PERF_SAMPLE_RAW, .several = true,
	  .wakeup_events = 1 },
	{ .name = "traced elsewhere", .sample_type = PERF_SAMPLE_RAW, .traced = true,
	  .filtered = true, .wakeup_events = 1 },
	{ .name = "on a CPU that goes down", .sample_type = PERF_SAMPLE_RAW, .told = true,
	  .wakeup_events = 1, .down = true },
	{ .name = "at the limit, nobody told", .sample_type = PERF_SAMPLE_RAW, .limited = true,
	  .wakeup_events = 1 },
};

/* 4 + 100 pads to nothing, 4 + 29 by 7 bytes. */
static const struct nest_scene scenes[] = {
	{ .name = "empty", .len = 29 },
	{ .name = "across the end", .len = 100, .at = 48 },
	{ .name = "room for one", .len = 28, .room = 1 },
	{ .name = "room for none", .len = 28, .room = 2 },
	{ .name = "losses due", .len = 28, .owed = 3 },
	{ .name = "losses due, room for one", .len = 61, .owed = 1, .room = 1 },
	{ .name = "losses due, across the end", .len = 28, .owed = 2, .at = 16 },
	{ .name = "paused", .len = 28, .paused = true },
	{ .name = "committed", .op = NEST_COMMIT, .len = 101 },
	{ .name = "committed, losses due, across the end", .op = NEST_COMMIT, .len = 100,
	  .owed = 1, .at = 40 },
	{ .name = "committed, room for one", .op = NEST_COMMIT, .len = 100, .room = 1 },
	{ .name = "discarded", .op = NEST_DISCARD, .len = 100 },
	{ .name = "discarded, losses due", .op = NEST_DISCARD, .len = 100, .owed = 2 },
	{ .name = "discarded, room for none", .op = NEST_DISCARD, .len = 100, .room = 2 },
	{ .name = "in another", .op = NEST_COMMIT_AROUND, .len = 100 },
	{ .name = "in another, losses due", .op = NEST_COMMIT_AROUND, .len = 100, .owed = 1 },
	{ .name = "in another, room for that", .op = NEST_COMMIT_AROUND, .len = 100, .room = 1 },
	{ .name = "in a discarded one", .op = NEST_DISCARD_AROUND, .len = 100 },
	{ .name = "in a discarded one, losses due", .op = NEST_DISCARD_AROUND, .len = 100,
	  .owed = 1, .at = 80 },
	{ .name = "too long", .len = 65528 },
	{ .name = "beyond all lengths", .op = NEST_RECORD, .len = 65536 },
	{ .name = "of another type, too long", .op = NEST_RECORD, .type = 70, .len = 65528 },
	{ .name = "longer than the ring", .op = NEST_COMMIT, .len = 5000 },
	{ .name = "too short", .op = NEST_SHORT, .type = 70, .len = 8 },
	{ .name = "refused", .op = NEST_REFUSED, .len = 28 },
	{ .name = "head scribbled", .len = 28, .room = 2, .scribbled = true },
	{ .name = "room for a shorter one", .len = 100, .room = 3 },
	{ .name = "most so far", .len = 28, .new_high = true },
	{ .name = "most so far, committed", .op = NEST_COMMIT, .len = 28, .new_high = true },
	{ .name = "of another type, forced", .op = NEST_RECORD, .type = 70, .len = 29,
	  .flags = PERFRING_EMIT_FORCE_WAKEUP },
	{ .name = "of another type, across the end", .op = NEST_RECORD, .type = 70, .len = 100,
	  .owed = 1, .at = 48 },
	{ .name = "quiet, of the idle task", .op = NEST_RECORD, .len = 28, .task = NEST_IDLE,
	  .flags = PERFRING_EMIT_NO_WAKEUP },
	{ .name = "of a task that has exited", .op = NEST_RECORD, .len = 28, .task = NEST_EXITED },
	{ .name = "detached meanwhile", .op = NEST_COMMIT, .len = 28, .detached = true },
	{ .name = "another in it discarded", .op = NEST_DISCARD_WITHIN, .len = 28 },
	{ .name = "with registers", .op = NEST_RECORD, .len = 28, .regs = true },
};

static const struct nest_round rounds[] = {
	{ .name = "one inside", .count = 1, .len = { 28 } },
	{ .name = "two inside", .count = 2, .len = { 30, 61 } },
	/* The last three are of the smallest size there is: at most two find room. */
	{ .name = "the ring filled inside", .count = 11,
	  .len = { 3000, 2000, 1000, 500, 250, 120, 60, 30, 8, 8, 8 } },
};

static const struct nest_round nothing = { .name = "alone" };

#endif /* SELFTESTS_NEST_SCENES_H */
