// SPDX-License-Identifier: GPL-2.0
/*
 * Every interleaving of two writers on a device: a kprobe at each instruction of the
 * module that a write comes by, whose handler writes as well (client/perfring_nest.c).
 *
 * The functions are found, not listed: those of the module whose first instruction is
 * hit while a record is written in one of the scenes below. In each of them
 * register_kprobe() is offered every byte; what it takes is an instruction's
 * beginning. Then, for each of these, each configuration of an event, each scene and
 * each visit of the instruction, records come inside: one, two, or as many as fill the
 * ring, and nest_kit.c judges what is in the ring, what was published and when, what
 * was counted and who was woken.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "nest_find.h"
#include "nest_kit.h"
#include "stepping.h"
#include "kselftest.h"

#define VISITS		4	/* of one instruction in one write that are tried */
#define STRIDE		16	/* of all instructions one in so many, unless told otherwise */
#define OPTIMIZATION	"/proc/sys/debug/kprobes-optimization"

#define ALL_FIELDS	(PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |		\
			 PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_ID |			\
			 PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD |	\
			 PERF_SAMPLE_RAW)

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
	{ .name = "callchain in hardirq", .hardirq = true, .wakeup_events = 1,
	  .sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_TIME },
	{ .name = "with listeners", .sample_type = PERF_SAMPLE_RAW, .listeners = true,
	  .wakeup_events = 1 },
	{ .name = "every second", .sample_type = PERF_SAMPLE_RAW, .period = 2,
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
};

static const struct nest_round rounds[] = {
	{ .name = "one inside", .count = 1, .len = { 28 } },
	{ .name = "two inside", .count = 2, .len = { 30, 61 } },
	/* The last three are of the smallest size there is: at most two find room. */
	{ .name = "the ring filled inside", .count = 11,
	  .len = { 3000, 2000, 1000, 500, 250, 120, 60, 30, 8, 8, 8 } },
};

static const struct nest_round nothing = { .name = "alone" };

static unsigned long runs, interruptions;
static unsigned int stride = STRIDE;

static void said(const struct nest_config *config, const struct nest_scene *scene,
		 const struct nest_round *round, const struct boundary *boundary, uint32_t visit,
		 const char *wrong)
{
	ksft_print_msg("%s, %s, %s, at %s+0x%x, visit %u: %s\n", config->name, scene->name,
		       round->name, boundary ? boundary->function->name : "nothing",
		       boundary ? boundary->offset : 0, visit, wrong);
}

/*
 * Which functions does a write come by?  Those inside are of the same functions, or
 * of the same one further down.
 */
static bool find_path(int nest)
{
	struct nest_ring ring;
	unsigned int c, s, f;
	const char *wrong;

	for (f = 0; f < function_nr; f++)
		if (!probe_entry(nest, &functions[f]))
			return false;
	for (c = 0; c < ARRAY_LEN(configs); c++) {
		if (nest_open(&ring, nest, &configs[c])) {
			ksft_print_msg("%s: cannot open\n", configs[c].name);
			return false;
		}
		for (s = 0; s < ARRAY_LEN(scenes); s++) {
			wrong = nest_try(&ring, &scenes[s], &nothing, NEST_PROBES, 0);
			if (!wrong)
				continue;
			said(&configs[c], &scenes[s], &nothing, NULL, 0, wrong);
			return false;
		}
		nest_close(&ring);
	}
	for (f = 0; f < function_nr; f++)
		if (functions[f].entry_index != NEST_PROBES)
			functions[f].on_path = probe_arm(nest, functions[f].entry_index,
							 false) > 0;
	return true;
}

/* Which scenes come by which instruction?  All of them armed, nothing inside. */
static bool find_scenes(int nest)
{
	unsigned int b, c, s;
	struct nest_ring ring;
	const char *wrong;

	for (b = 0; b < boundary_nr; b++)
		if (!boundaries[b].error && probe_arm(nest, boundaries[b].index, true) < 0) {
			ksft_print_msg("cannot arm %s+0x%x\n", boundaries[b].function->name,
				       boundaries[b].offset);
			return false;
		}
	for (c = 0; c < ARRAY_LEN(configs); c++) {
		if (nest_open(&ring, nest, &configs[c]))
			return false;
		for (s = 0; s < ARRAY_LEN(scenes); s++) {
			wrong = nest_try(&ring, &scenes[s], &nothing, NEST_PROBES, 0);
			if (wrong) {
				said(&configs[c], &scenes[s], &nothing, NULL, 0, wrong);
				return false;
			}
			for (b = 0; b < boundary_nr; b++)
				if (!boundaries[b].error &&
				    probe_arm(nest, boundaries[b].index, true) > 0)
					boundaries[b].scenes[c] |= 1U << s;
		}
		nest_close(&ring);
	}
	for (b = 0; b < boundary_nr; b++)
		if (!boundaries[b].error)
			probe_arm(nest, boundaries[b].index, false);
	return true;
}

/* All scenes, rounds and visits at one instruction; false when something was wrong. */
static bool interrupt_at(struct nest_ring *ring, struct boundary *boundary)
{
	unsigned int s, r, c = ring->config - configs;
	const char *wrong = NULL;
	uint32_t visit;

	for (s = 0; s < ARRAY_LEN(scenes); s++)
		for (r = 0; r < ARRAY_LEN(rounds); r++) {
			if (!(boundary->scenes[c] >> s & 1))
				break;
			for (visit = 0; visit < VISITS; visit++) {
				wrong = nest_try(ring, &scenes[s], &rounds[r], boundary->index,
						 visit);
				runs++;
				if (wrong) {
					said(ring->config, &scenes[s], &rounds[r], boundary, visit,
					     wrong);
					return false;
				}
				if (!ring->write.fired)
					break;
				boundary->fired++;
				interruptions++;
			}
		}
	return true;
}

/* Boundary @b in configuration @c, armed. */
static bool interrupt_boundary(struct nest_ring *ring, unsigned int b, unsigned int c)
{
	if (interrupt_at(ring, &boundaries[b]))
		return true;
	/* What was wrong with this ring is not to be so with the next. */
	nest_close(ring);
	if (nest_open(ring, ring->nest, &configs[c]))
		ksft_exit_fail_msg("%s: cannot open\n", configs[c].name);
	return false;
}

static bool interrupt_config(int nest, unsigned int c)
{
	unsigned long was = interruptions;
	uint64_t begin = now_ns();
	struct nest_ring ring;
	unsigned int b, wrong = 0;

	if (nest_open(&ring, nest, &configs[c])) {
		ksft_print_msg("cannot open\n");
		return false;
	}
	if (!ring.watched)
		ksft_print_msg("stores to data_head cannot be watched here\n");
	for (b = 0; b < boundary_nr && wrong < 5; b++) {
		if (boundaries[b].error || boundaries[b].by_ftrace || !boundaries[b].scenes[c])
			continue;
		if (probe_arm(nest, boundaries[b].index, true) < 0) {
			ksft_print_msg("cannot arm %s+0x%x\n", boundaries[b].function->name,
				       boundaries[b].offset);
			wrong++;
			continue;
		}
		wrong += !interrupt_boundary(&ring, b, c);
		probe_arm(nest, boundaries[b].index, false);
	}
	nest_close(&ring);
	ksft_print_msg("%s: %lu writes interrupted, %.1f s\n", configs[c].name,
		       interruptions - was, (now_ns() - begin) / 1e9);
	return !wrong && interruptions > was;
}

static bool is_met(const struct boundary *boundary)
{
	unsigned int c;

	for (c = 0; c < ARRAY_LEN(configs); c++)
		/* Which of two is written is not the scene's to say. */
		if (boundary->scenes[c] && !configs[c].period)
			return true;
	return false;
}

/* Entries where ftrace's call is: each armed once for all configurations. */
static bool interrupt_entries(int nest)
{
	unsigned long was = interruptions;
	uint64_t begin = now_ns();
	struct nest_ring ring;
	unsigned int b, c, wrong = 0, met = 0;

	for (b = 0; b < boundary_nr && wrong < 5; b++) {
		if (!boundaries[b].by_ftrace || !is_met(&boundaries[b]))
			continue;
		met++;
		if (probe_arm(nest, boundaries[b].index, true) < 0)
			return false;
		for (c = 0; c < ARRAY_LEN(configs); c++) {
			if (!boundaries[b].scenes[c])
				continue;
			if (nest_open(&ring, nest, &configs[c]))
				return false;
			wrong += !interrupt_boundary(&ring, b, c);
			nest_close(&ring);
		}
		probe_arm(nest, boundaries[b].index, false);
	}
	ksft_print_msg("entries: %lu writes interrupted, %.1f s\n", interruptions - was,
		       (now_ns() - begin) / 1e9);
	/* One in so many instructions may be none of them. */
	return !wrong && (!met || interruptions > was);
}

/*
 * Instructions where a write comes only when another one has been inside before: what
 * a compare-and-exchange does that failed, or the publisher that sees one more record.
 * So at each instruction @trigger of the functions that have such, one record is
 * written, and then more where it leads to.
 */
static bool interrupt_trigger(struct nest_ring *ring, unsigned int trigger)
{
	const char *wrong;
	unsigned int b, s, r;

	ring->trigger = boundaries[trigger].index;
	for (s = 0; s < ARRAY_LEN(scenes); s++) {
		if (!(boundaries[trigger].scenes[ring->config - configs] >> s & 1) ||
		    scenes[s].room || scenes[s].paused || scenes[s].op >= NEST_COMMIT_AROUND)
			continue;
		wrong = nest_try(ring, &scenes[s], &nothing, NEST_PROBES, 0);
		for (b = 0; !wrong && b < boundary_nr; b++) {
			if (boundaries[b].error || boundaries[b].by_ftrace ||
			    (boundaries[b].fired && !boundaries[b].rest) ||
			    probe_arm(ring->nest, boundaries[b].index, true) <= 0)
				continue;
			boundaries[b].rest = true;
			for (r = 0; !wrong && r < 2; r++) {
				wrong = nest_try(ring, &scenes[s], &rounds[r],
						 boundaries[b].index, 0);
				boundaries[b].fired += ring->write.fired;
				interruptions += ring->write.fired;
				runs++;
			}
			if (wrong)
				said(ring->config, &scenes[s], &rounds[r - 1], &boundaries[b], 0,
				     wrong);
		}
		if (wrong) {
			said(ring->config, &scenes[s], &nothing, &boundaries[trigger], 0, wrong);
			return false;
		}
	}
	return true;
}

static bool interrupt_rest(int nest)
{
	static const unsigned int chosen[] = { 0, 1, 4, 5 };
	unsigned long was = interruptions;
	unsigned int b, c, wrong = 0;
	uint64_t begin = now_ns();
	struct nest_ring ring;

	for (b = 0; b < boundary_nr; b++) {
		if (boundaries[b].error || boundaries[b].by_ftrace || boundaries[b].fired)
			continue;
		boundaries[b].function->rest = true;
		probe_arm(nest, boundaries[b].index, true);
	}
	for (c = 0; !wrong && c < ARRAY_LEN(chosen); c++) {
		if (nest_open(&ring, nest, &configs[chosen[c]]))
			return false;
		for (b = 0; !wrong && b < boundary_nr; b++) {
			if (boundaries[b].error || boundaries[b].by_ftrace ||
			    !boundaries[b].fired || boundaries[b].rest ||
			    !boundaries[b].function->rest)
				continue;
			probe_arm(nest, boundaries[b].index, true);
			wrong += !interrupt_trigger(&ring, b);
			probe_arm(nest, boundaries[b].index, false);
		}
		nest_close(&ring);
	}
	for (b = 0; b < boundary_nr; b++)
		if (!boundaries[b].error && !boundaries[b].by_ftrace)
			probe_arm(nest, boundaries[b].index, false);
	ksft_print_msg("what only an interruption leads to: %lu writes interrupted, %.1f s\n",
		       interruptions - was, (now_ns() - begin) / 1e9);
	return !wrong;
}

/* What was covered, and by name what was not; false when something was left out. */
static bool report(void)
{
	unsigned int b, f, refused = 0, covered = 0, on_path = 0, missed = 0;

	for (b = 0; b < boundary_nr; b++) {
		missed += !boundaries[b].fired && is_met(&boundaries[b]);
		boundaries[b].function->covered += boundaries[b].fired != 0;
		covered += boundaries[b].fired != 0;
		refused += boundaries[b].error != 0;
	}
	for (f = 0; f < function_nr; f++) {
		if (!functions[f].on_path)
			continue;
		on_path++;
		ksft_print_msg("%s: %u boundaries, %u covered\n", functions[f].name,
			       functions[f].boundaries, functions[f].covered);
		for (b = 0; b < boundary_nr; b++) {
			if (boundaries[b].function != &functions[f] || boundaries[b].fired)
				continue;
			if (boundaries[b].error == -EXDEV)
				ksft_print_msg("  +0x%x: kprobes take the one behind it\n",
					       boundaries[b].offset);
			else if (boundaries[b].error)
				ksft_print_msg("  +0x%x-0x%x: kprobes refuse it: %s\n",
					       boundaries[b].offset, boundaries[b].end - 1,
					       strerror(-boundaries[b].error));
			else
				ksft_print_msg("  +0x%x: %s\n", boundaries[b].offset,
					       is_met(&boundaries[b]) ? "left out" :
					       "no scene comes by");
		}
	}
	if (instruction_nr)
		ksft_print_msg("nest: of %u instructions one in %u:\n", instruction_nr, stride);
	ksft_print_msg("nest: %u boundaries, %u covered, %u refused by kprobes, %u where no scene comes by\n",
		       boundary_nr, covered, refused, boundary_nr - covered - refused);
	ksft_print_msg("nest: %u functions, %lu writes interrupted in %lu\n", on_path,
		       interruptions, runs);
	/*
	 * Where a scene comes by at times it may not: an interrupt falls into it, or a ring of
	 * before is freed meanwhile.  Of few instructions one may be of that kind.
	 */
	return missed <= 1 + boundary_nr / 50 && covered > boundary_nr / 2;
}

_Static_assert(ARRAY_LEN(configs) <= CONFIGS, "places for what each configuration comes by");
_Static_assert(ARRAY_LEN(scenes) <= 32, "a bit for each scene");

int main(void)
{
	char why[WHY_LEN], optimization[8] = "";
	uint64_t begin = now_ns();
	unsigned int c;
	int nest, ret;

	if (!device_ready(why, sizeof(why)))
		ksft_exit_skip("%s\n", why);
	if (!getenv("PERFRING_MODULE"))
		ksft_exit_skip("PERFRING_MODULE is not set: no sizes of functions\n");
	if (!stepping_works())
		ksft_exit_skip("single steps go astray on this machine: its emulator loses condition codes\n");
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	client_unload("perfring_nest");
	ret = client_load("perfring_nest");
	if (ret)
		ksft_exit_fail_msg("perfring_nest.ko: %s\n", strerror(-ret));
	nest = open("/dev/perfring_nest", O_RDWR | O_CLOEXEC);
	if (nest < 0 || pin_to(0))
		ksft_exit_fail_msg("/dev/perfring_nest: %s\n", strerror(errno));
	/* A jump in place of a probe takes several instructions' room. */
	file_read(OPTIMIZATION, optimization, sizeof(optimization));
	file_write(OPTIMIZATION, "0");

	if (getenv("PERFRING_NEST_STRIDE"))
		stride = strtoul(getenv("PERFRING_NEST_STRIDE"), NULL, 0) ?: 1;
	ksft_set_plan(ARRAY_LEN(configs) + 5 + (stride == 1));
	ret = functions_read();
	if (ret)
		ksft_exit_fail_msg("functions of the module: %s\n", strerror(-ret));
	ksft_test_result(find_path(nest), "functions on the way of a write\n");
	ksft_print_msg("%.1f s\n", (now_ns() - begin) / 1e9);
	ksft_test_result(find_boundaries(nest, stride), "instructions of those functions\n");
	ksft_print_msg("%.1f s\n", (now_ns() - begin) / 1e9);
	ksft_test_result(find_scenes(nest), "scenes that come by those\n");
	ksft_print_msg("%.1f s\n", (now_ns() - begin) / 1e9);
	for (c = 0; c < ARRAY_LEN(configs); c++)
		ksft_test_result(interrupt_config(nest, c), "interrupted: %s\n", configs[c].name);
	ksft_test_result(interrupt_entries(nest), "interrupted: at functions' entries\n");
	if (stride == 1)
		ksft_test_result(interrupt_rest(nest),
				 "interrupted: what only an interruption leads to\n");
	ksft_test_result(report(), "instructions that were interrupted\n");
	ksft_print_msg("%.1f s\n", (now_ns() - begin) / 1e9);

	close(nest);
	client_unload("perfring_nest");
	file_write(OPTIMIZATION, optimization);
	ksft_finished();
}
