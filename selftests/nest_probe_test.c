// SPDX-License-Identifier: GPL-2.0
/*
 * Every interleaving of two writers on a device: a kprobe at each instruction of the
 * module that a write comes by, whose handler writes as well (client/perfring_nest_main.c).
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
#include "nest_refused.h"
#include "nest_scenes.h"
#include "nest_unreached.h"
#include "stepping.h"
#include "kselftest.h"

#define VISITS		4	/* of one instruction in one write that are tried */
#define STRIDE		16	/* of all instructions one in so many, unless told otherwise */
#define OPTIMIZATION	"/proc/sys/debug/kprobes-optimization"

static unsigned long runs, interruptions;
static unsigned int stride = STRIDE;
/* How many are looked at, and: those now that none of the usual ones has come by. */
static unsigned int config_nr = CONFIGS_USUAL, scene_nr = SCENES_USUAL;
static bool rare;

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
	for (c = 0; c < config_nr; c++) {
		if (nest_open(&ring, nest, &configs[c])) {
			ksft_print_msg("%s: cannot open\n", configs[c].name);
			return false;
		}
		for (s = 0; s < scene_nr; s++) {
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
	for (c = 0; c < config_nr; c++) {
		if (nest_open(&ring, nest, &configs[c]))
			return false;
		for (s = 0; s < scene_nr; s++) {
			wrong = nest_try(&ring, &scenes[s], &nothing, NEST_PROBES, 0);
			if (wrong) {
				said(&configs[c], &scenes[s], &nothing, NULL, 0, wrong);
				return false;
			}
			for (b = 0; b < boundary_nr; b++)
				if (!boundaries[b].error &&
				    probe_arm(nest, boundaries[b].index, true) > 0)
					boundaries[b].scenes[c] |= 1ULL << s;
		}
		nest_close(&ring);
	}
	for (b = 0; b < boundary_nr; b++)
		if (!boundaries[b].error)
			probe_arm(nest, boundaries[b].index, false);
	return true;
}

/* In which scenes of configuration @c the instruction is interrupted now; a bit for each. */
static uint64_t scenes_now(const struct boundary *boundary, unsigned int c)
{
	if (rare)
		return boundary->usual && !configs[c].again ? 0 : boundary->scenes[c];
	return c < CONFIGS_USUAL ? boundary->scenes[c] & ((1ULL << SCENES_USUAL) - 1) : 0;
}

/* The instructions, and which of them kprobes refuse. */
static bool find_instructions(int nest)
{
	if (!find_boundaries(nest, stride))
		return false;
	if (!refused_look())
		ksft_print_msg("objdump(1) does not read what the kernel patches in the module\n");
	ksft_print_msg("nest: refused in all: %u\n", refused_say());
	return true;
}

/* All scenes, rounds and visits at one instruction; false when something was wrong. */
static bool interrupt_at(struct nest_ring *ring, struct boundary *boundary)
{
	unsigned int s, r, c = ring->config - configs;
	const char *wrong = NULL;
	uint32_t visit;

	for (s = 0; s < scene_nr; s++)
		for (r = 0; r < ARRAY_LEN(rounds); r++) {
			if (!(scenes_now(boundary, c) >> s & 1))
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
		if (boundaries[b].error || boundaries[b].by_ftrace ||
		    !scenes_now(&boundaries[b], c))
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
	return !wrong && (rare || interruptions > was);
}

static bool is_met(const struct boundary *boundary)
{
	unsigned int c;

	for (c = 0; c < config_nr; c++)
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
	uint64_t now;

	for (b = 0; b < boundary_nr && wrong < 5; b++) {
		for (now = 0, c = 0; boundaries[b].by_ftrace && c < config_nr; c++)
			now |= scenes_now(&boundaries[b], c);
		if (!now)
			continue;
		met++;
		if (probe_arm(nest, boundaries[b].index, true) < 0)
			return false;
		for (c = 0; c < config_nr; c++) {
			if (!scenes_now(&boundaries[b], c))
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

/* What none of the usual scenes comes by, in all configurations and scenes. */
static bool interrupt_rare(int nest)
{
	unsigned int b, c;
	bool right = true;

	rare = true;
	for (b = 0; b < boundary_nr; b++)
		boundaries[b].usual = boundaries[b].fired;
	for (c = 0; right && c < config_nr; c++)
		right = interrupt_config(nest, c);
	right = right && interrupt_entries(nest);
	rare = false;
	return right;
}

/*
 * Instructions where a write comes only when another one has been inside before: what
 * a compare-and-exchange does that failed, or the publisher that sees one more record.
 * So at each instruction @trigger of the functions that have such, one record is
 * written, and then more where it leads to.
 */
static bool interrupt_trigger(struct nest_ring *ring, unsigned int trigger)
{
	unsigned int b, s, r, takes = ring->second == NEST_PROBES ? 1 : 2;
	const char *wrong;

	ring->trigger = boundaries[trigger].index;
	for (s = 0; s < scene_nr; s++) {
		if (!(boundaries[trigger].scenes[ring->config - configs] >> s & 1) ||
		    scenes[s].room == 2 || scenes[s].paused || scenes[s].len > 1000)
			continue;
		wrong = nest_try(ring, &scenes[s], &nothing, NEST_PROBES, 0);
		for (b = 0; !wrong && b < boundary_nr; b++) {
			if (boundaries[b].error || boundaries[b].by_ftrace ||
			    (boundaries[b].fired && boundaries[b].takes != takes) ||
			    probe_arm(ring->nest, boundaries[b].index, true) <= 0)
				continue;
			boundaries[b].takes = takes;
			for (r = 0; !wrong && r < ARRAY_LEN(rounds); r++) {
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

/*
 * And where it takes two: the compare-and-exchange has failed, and the publisher of that
 * sees one record more. In one configuration, at each two instructions of a function.
 */
static bool interrupt_seconds(int nest)
{
	struct nest_ring ring;
	unsigned int t, u;
	bool right = true;

	if (nest_open(&ring, nest, &configs[0]))
		return false;
	for (t = 0; t < boundary_nr; t++) {
		if (!boundaries[t].scenes[0] || boundaries[t].by_ftrace)
			continue;
		probe_arm(nest, boundaries[t].index, true);
		for (u = 0; right && u < boundary_nr; u++) {
			if (boundaries[u].function != boundaries[t].function ||
			    boundaries[u].takes != 1)
				continue;
			ring.second = boundaries[u].index;
			right = interrupt_trigger(&ring, t);
		}
		if (!boundaries[t].takes)
			probe_arm(nest, boundaries[t].index, false);
	}
	nest_close(&ring);
	return right;
}

static bool interrupt_rest(int nest)
{
	static const unsigned int chosen[] = {
		0, 1, 4, 5, 11, CONFIGS_USUAL, CONFIGS_USUAL + 1, CONFIGS_USUAL + 2,
		CONFIGS_USUAL + 3, CONFIGS_USUAL + 4, ARRAY_LEN(configs) - 1,
	};
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
			    !boundaries[b].fired || boundaries[b].takes ||
			    !boundaries[b].function->rest)
				continue;
			probe_arm(nest, boundaries[b].index, true);
			wrong += !interrupt_trigger(&ring, b);
			probe_arm(nest, boundaries[b].index, false);
		}
		nest_close(&ring);
	}
	wrong += !interrupt_seconds(nest);
	for (b = 0; b < boundary_nr; b++)
		if (!boundaries[b].error && !boundaries[b].by_ftrace)
			probe_arm(nest, boundaries[b].index, false);
	ksft_print_msg("what only an interruption leads to: %lu writes interrupted, %.1f s\n",
		       interruptions - was, (now_ns() - begin) / 1e9);
	return !wrong;
}

/* Why an instruction was not interrupted, and whether it may be. */
static bool reason(const struct boundary *boundary)
{
	char what[REFUSED_LEN];
	const char *why;

	if (boundary->error) {
		refused_what(boundary, what);
		ksft_print_msg("  +0x%x-0x%x: kprobes refuse it: %s\n", boundary->offset,
			       boundary->end - 1, what);
		return true;
	}
	if (is_met(boundary)) {
		ksft_print_msg("  +0x%x: left out\n", boundary->offset);
		return false;
	}
	why = stride == 1 ? unreached_why(boundary) : NULL;
	ksft_print_msg("  +0x%x: no scene comes by%s%s\n", boundary->offset, why ? ": " : "",
		       why ?: "");
	return why;
}

/* What was covered, and by name what was not; false when something was left out. */
static bool report(void)
{
	unsigned int b, f, refused = 0, covered = 0, on_path = 0, missed = 0, unknown = 0;
	bool known;

	for (b = 0; b < boundary_nr; b++) {
		missed += !boundaries[b].fired && is_met(&boundaries[b]);
		boundaries[b].function->covered += boundaries[b].fired != 0;
		covered += boundaries[b].fired != 0;
		refused += boundaries[b].error != 0;
	}
	if (stride == 1 && !unreached_look())
		ksft_print_msg("addr2line(1) or objdump(1) does not read the module\n");
	for (f = 0; f < function_nr; f++) {
		if (!functions[f].on_path)
			continue;
		on_path++;
		ksft_print_msg("%s: %u boundaries, %u covered\n", functions[f].name,
			       functions[f].boundaries, functions[f].covered);
		for (b = 0; b < boundary_nr; b++) {
			if (boundaries[b].function != &functions[f] || boundaries[b].fired)
				continue;
			known = reason(&boundaries[b]);
			unknown += !known && !is_met(&boundaries[b]);
		}
	}
	if (instruction_nr)
		ksft_print_msg("nest: of %u instructions one in %u:\n", instruction_nr, stride);
	ksft_print_msg("nest: %u boundaries, %u covered, %u refused by kprobes, %u where no scene comes by\n",
		       boundary_nr, covered, refused, boundary_nr - covered - refused - missed);
	if (stride == 1)
		ksft_print_msg("nest: %u left out, %u where no scene comes by and nest_unreached.c does not say why\n",
			       missed, unknown);
	ksft_print_msg("nest: %u functions, %lu writes interrupted in %lu\n", on_path,
		       interruptions, runs);
	if (stride == 1)
		return !missed && !unknown && covered;
	/*
	 * Where a scene comes by at times it may not: an interrupt falls into it, or a ring of
	 * before is freed meanwhile.  Of few instructions one may be of that kind.  Half has to
	 * be come by of what takes a probe: arm64 refuses seven of a sample of twenty.
	 */
	return missed <= 1 + boundary_nr / 50 && covered > (boundary_nr - refused) / 2;
}

_Static_assert(ARRAY_LEN(configs) <= CONFIGS, "places for what each configuration comes by");
_Static_assert(ARRAY_LEN(scenes) <= 64, "a bit for each scene");

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
	if (stride == 1) {
		config_nr = ARRAY_LEN(configs);
		scene_nr = ARRAY_LEN(scenes);
	}
	ksft_set_plan(CONFIGS_USUAL + 5 + 2 * (stride == 1));
	ret = functions_read();
	if (ret)
		ksft_exit_fail_msg("functions of the module: %s\n", strerror(-ret));
	nest_output = function_addr("perfring_output");
	nest_reserve = function_addr("perfring_reserve");
	nest_wake = function_addr("perfring_event_wake");
	ksft_test_result(find_path(nest), "functions on the way of a write\n");
	ksft_print_msg("%.1f s\n", (now_ns() - begin) / 1e9);
	ksft_test_result(find_instructions(nest), "instructions of those functions\n");
	ksft_print_msg("%.1f s\n", (now_ns() - begin) / 1e9);
	ksft_test_result(find_scenes(nest), "scenes that come by those\n");
	ksft_print_msg("%.1f s\n", (now_ns() - begin) / 1e9);
	for (c = 0; c < CONFIGS_USUAL; c++)
		ksft_test_result(interrupt_config(nest, c), "interrupted: %s\n", configs[c].name);
	ksft_test_result(interrupt_entries(nest), "interrupted: at functions' entries\n");
	if (stride == 1) {
		ksft_test_result(interrupt_rare(nest), "interrupted: what rare scenes come by\n");
		ksft_test_result(interrupt_rest(nest),
				 "interrupted: what only an interruption leads to\n");
	}
	ksft_test_result(report(), "instructions that were interrupted\n");
	ksft_print_msg("%.1f s\n", (now_ns() - begin) / 1e9);

	close(nest);
	client_unload("perfring_nest");
	file_write(OPTIMIZATION, optimization);
	ksft_finished();
}
