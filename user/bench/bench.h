/* SPDX-License-Identifier: MIT */
/*
 * Bench: what a call costs, beside its peers, in one run.
 *
 * A matter is a file bench_*.c in this folder; the build finds it.  It has one
 * or more cases:
 *
 *	static uint64_t ours(void *context) { ...; return operations; }
 *	static uint64_t peer(void *context) { ...; return operations; }
 *
 *	static int thing(void)
 *	{
 *		struct bench_run runs[] = {
 *			{ .name = "ours", .work = ours, .context = &thing },
 *			{ .name = "peer", .work = peer, .context = &thing },
 *		};
 *		int err = bench_measure("thing", runs, 2);
 *
 *		if (!err)
 *			bench_verdict("thing-insn", runs[0].median.instructions,
 *				      1.1 * runs[1].median.instructions);
 *		return err;
 *	}
 *	BENCH(thing, "what it measures");
 *
 * bench_measure() lets the contenders take turns, so that a change of the
 * processor's pace meets them all, and writes a row of the table for each.
 */
#ifndef PERFRING_BENCH_H
#define PERFRING_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Costs of one operation; NAN where nothing counted.  Where the machine has no
 * counters for us, @cycles is @ns times the processor's pace, measured beside it, and
 * @instructions are those of user space, stepped through one by one.
 */
struct bench_sample {
	double ns;
	double cycles;
	double instructions;
};

/* struct bench_run flags */
#define BENCH_KERNEL	(1U << 0)	/* count in the kernel as well, not only in user space */
#define BENCH_NO_STEPS	(1U << 1)	/* do not step to count instructions: time is asked for */

/**
 * struct bench_run - one contender
 * @name: "ours", "floor", or the peer's
 * @prepare: called before each repetition, not measured; may be NULL.  Returns 0 or -errno
 * @work: what is measured; returns the operations done, 0 when it failed.  It should
 *	take a tenth of a millisecond at least: two system calls surround it
 * @sample: instead of @work, for what measures itself (another process, another
 *	thread's clock): fills the costs of one operation, returns 0 or -errno
 * @context: for all three
 * @flags: BENCH_*
 * @min: result: the smallest of each, over the repetitions
 * @median: result
 */
struct bench_run {
	const char *name;
	int (*prepare)(void *context);
	uint64_t (*work)(void *context);
	int (*sample)(void *context, struct bench_sample *sample);
	void *context;
	unsigned int flags;
	struct bench_sample min;
	struct bench_sample median;
};

/**
 * bench_measure - let contenders take turns
 * @what: heading in the table: operation and its size
 * @runs: the contenders; those without work and sample are left out (all NAN)
 * @nr: how many
 *
 * The thread runs on bench_cpu(), with real-time priority while it is measured
 * where that is allowed.  The number of repetitions is 11, or REPS=.
 *
 * Return: 0, or -errno of the first contender that failed.
 */
int bench_measure(const char *what, struct bench_run *runs, size_t nr);

/**
 * bench_verdict - one target
 * @name: of the target, one word
 * @figure: what was measured, at best @bound; NAN when it could not be
 * @bound: what it may be
 */
void bench_verdict(const char *name, double figure, double bound);

/* A peer that is not there: "cilium/ebpf", "no go command" */
void bench_missing(const char *peer, const char *why);
/* A line of text under the table. */
void bench_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * bench_plot - a picture of lines, NAME.svg, drawn at the end
 * @name: of the file
 * @title: over it
 * @x: what x is, log scale to base 2
 * @y: what y is, log scale when it ends in "(log)"
 */
void bench_plot(const char *name, const char *title, const char *x, const char *y);
/* One point of the line @series in the picture @name. */
void bench_point(const char *name, const char *series, double x, double y);

/* The CPU that measurements run on, and another one (-1: there is none). */
int bench_cpu(void);
int bench_other_cpu(void);
/* Run the calling thread on that CPU; 0 or -errno. */
int bench_pin(int cpu);
/* Real-time priority for the calling thread, or back; failure does not matter. */
void bench_realtime(bool on);
/* CLOCK_MONOTONIC, ns */
uint64_t bench_now(void);
/* How many repetitions bench_measure() makes. */
unsigned int bench_repetitions(void);
/* A file beside the program: an object for libbpf, a peer's program. */
const char *bench_path(const char *file);

/*
 * Is this call of work, or of prepare, made to count instructions one by one?  Then it
 * should do the least that is typical, some thousand operations: a step takes a microsecond,
 * or ten in a virtual machine.
 */
bool bench_stepping(void);

/* The value is used; memory may have changed. */
#define bench_keep(value)	__asm__ volatile("" : : "r"(value) : "memory")

struct bench_case {
	const char *name;
	const char *what;
	int (*run)(void);	/* 0, or -errno: said, and counted as short */
};

/* The linker puts the cases of all files in one row. */
#define BENCH(function, text)							\
	static const struct bench_case bench_case_##function = {		\
		#function, text, function					\
	};									\
	static const struct bench_case *const bench_entry_##function		\
	__attribute__((used, section("bench_cases"))) = &bench_case_##function

#endif /* PERFRING_BENCH_H */
