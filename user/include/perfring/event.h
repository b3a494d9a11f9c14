/* SPDX-License-Identifier: MIT */
/*
 * Events by name: from perf's own syntax to perf_event_attr, and back to what
 * this machine has.
 *
 * A text names one event or several, as the option -e of perf(1) takes them:
 *
 *	cycles  cpu-clock  L1-dcache-load-misses	hardware, software, cache
 *	r01c0  1:2					raw, type:config
 *	cpu/event=0x3c,umask=1/  msr/tsc/  tsc		a PMU's terms and events of sysfs
 *	sched:sched_switch  sched:*			tracepoints
 *	kprobe:SYMBOL[+OFFSET]  kretprobe:...		kernel functions
 *	uprobe:PATH:SYMBOL[+OFFSET]  uretprobe:...	functions of a program or library
 *	mem:ADDRESS[/LENGTH][:rwx]			breakpoints on data and code
 *	cycles:u  cpu/event=0x3c/pp			modifiers: ukhIGHpPSDeW
 *	{cycles,instructions}:u,faults			groups, and lists with commas
 *
 * Terms of every event: config= config1= config2= config3= name= period= freq=
 * time= call-graph=fp|no max-stack= inherit no-inherit overwrite no-overwrite.
 *
 * Formats and events of PMUs are read from sysfs, ids of tracepoints from
 * tracefs: there are no tables of processors here.
 */
#ifndef PERFRING_EVENT_H
#define PERFRING_EVENT_H

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a text stands for; opaque, does not change, any number of threads may read it. */
struct perfring_event_specs;

/**
 * struct perfring_event_opts - where the machine is described
 * @size: sizeof(struct perfring_event_opts), as in storage.h
 * @sysfs: NULL: "/sys"
 * @tracefs: NULL: /sys/kernel/tracing, or /sys/kernel/debug/tracing
 */
struct perfring_event_opts {
	size_t size;
	const char *sysfs;
	const char *tracefs;
};

/**
 * struct perfring_event_error - what is wrong with a text, and where
 * @code: the negative errno that was returned, 0 when nothing is wrong
 * @position: offset of the offending token in the text, bytes
 * @length: its bytes; 0 at the end of the text
 * @padding: 0
 * @token: the token itself, cut to fit
 * @reason: what is wrong with it
 * @hint: what would be right: the names that are nearest, or what may stand
 *	there; may be empty
 */
struct perfring_event_error {
	int32_t code;
	uint32_t position;
	uint32_t length;
	uint32_t padding;
	char token[64];
	char reason[128];
	char hint[256];
};

/* perfring_event_spec.flags */
#define PERFRING_SPEC_WEAK		(1U << 0)	/* W: alone where the group cannot be */
#define PERFRING_SPEC_PRECISE_MAX	(1U << 1)	/* P: the most precise that opens */
#define PERFRING_SPEC_SAMPLE_READ	(1U << 2)	/* S: samples read the whole group */
#define PERFRING_SPEC_INHERIT		(1U << 3)	/* term inherit */
#define PERFRING_SPEC_NO_INHERIT	(1U << 4)	/* term no-inherit */
#define PERFRING_SPEC_PERIOD		(1U << 5)	/* term period or freq */

/**
 * struct perfring_event_spec - one event of a text
 * @name: as written, modifiers included, or what name= says
 * @pmu: whose event it is, as sysfs has it; NULL: a generic one
 * @unit: of the count times @scale; NULL none
 * @scale: 1 unless sysfs says otherwise
 * @cpus: where the PMU counts, as "0,18"; NULL: on every CPU
 * @group: its name, NULL without
 * @leader: index of the first event of its group; its own outside groups
 * @flags: PERFRING_SPEC_*
 * @attr: type, config*, bp_*, exclude_*, precise_ip, pinned, exclusive, the
 *	period, and what the terms ask for; all else 0, not even disabled.  As
 *	perf has it, exclude_guest is 1 unless modifiers say otherwise.
 *	Tracepoints, probes and breakpoints have sample_period 1.  Of a probe it
 *	points into the specs, which must be there when it is opened.
 *	Last, because newer headers have a longer one: attr.size says how much is there
 */
struct perfring_event_spec {
	const char *name;
	const char *pmu;
	const char *unit;
	double scale;
	const char *cpus;
	const char *group;
	uint32_t leader;
	uint32_t flags;
	struct perf_event_attr attr;
};

/**
 * perfring_event_parse - understand a text
 * @text: as above
 * @opts: options or NULL
 * @out: what it stands for, one event at least; perfring_event_specs_free() it;
 *	unchanged on error
 * @error: filled in any case; may be NULL
 *
 * Nothing is opened, so a text that is understood may still be refused by the
 * kernel.  What a probe's function is in a program is looked up in its ELF
 * symbols; kernel functions are not looked up.
 *
 * Return: 0; -EINVAL the text is wrong; -ENOENT it is not, but this machine has
 * no such PMU, tracepoint, file or symbol; -EACCES tracefs or the file may not
 * be read; -EBADMSG what a file says is not understood; -EOPNOTSUPP perf knows the word,
 * this library does not; -ENOMEM; -E2BIG, -EINVAL bad options (error->length is 0).
 */
int perfring_event_parse(const char *text, const struct perfring_event_opts *opts,
			 struct perfring_event_specs **out, struct perfring_event_error *error);

/* NULL does nothing */
void perfring_event_specs_free(struct perfring_event_specs *specs);

/* how many events; one or more */
size_t perfring_event_specs_count(const struct perfring_event_specs *specs);

/* one of them, valid as long as @specs; NULL when @index is not below the count */
const struct perfring_event_spec *
perfring_event_specs_at(const struct perfring_event_specs *specs, size_t index);

/**
 * perfring_event_error_format - an error as text
 * @error: from perfring_event_parse()
 * @text: what was parsed; shown with a mark under the token
 * @buffer: room, always terminated when @len > 0
 * @len: bytes of room
 *
 * Return: the length of the whole text without its terminator, as snprintf(3);
 * several lines, each ended by a newline.
 */
int perfring_event_error_format(const struct perfring_event_error *error, const char *text,
				char *buffer, size_t len);

/* Kinds of events for perfring_event_list(). */
#define PERFRING_LIST_HARDWARE		(1U << 0)	/* cpu-cycles ... */
#define PERFRING_LIST_SOFTWARE		(1U << 1)	/* page-faults ... */
#define PERFRING_LIST_CACHE		(1U << 2)	/* L1-dcache-loads ... */
#define PERFRING_LIST_PMU		(1U << 3)	/* what sysfs names, cpu/mem-loads/ ... */
#define PERFRING_LIST_TRACEPOINT	(1U << 4)	/* sched:sched_switch ... */
#define PERFRING_LIST_ALL		0x1fU

/**
 * struct perfring_event_item - an event that there is, or could be
 * @name: a text for perfring_event_parse(); of a PMU that takes any numbers "PMU//"
 * @alias: another name, or NULL
 * @about: what it stands for: terms, or the terms that may stand in "PMU//"; may be NULL
 * @kind: one of PERFRING_LIST_*
 * @error: of a hardware, software or cache event: 0 when it opens for this user, for user
 *	code of the calling thread; otherwise the negative errno, -ENOENT when this machine does not
 *	have it.  0 of others, which are not tried
 *
 * Strings are valid during the call.
 */
struct perfring_event_item {
	const char *name;
	const char *alias;
	const char *about;
	uint32_t kind;
	int32_t error;
};

/* called for each; returns 0 to go on, anything else ends the list and is returned from it */
typedef int (*perfring_event_fn)(void *context, const struct perfring_event_item *item);

/**
 * perfring_event_list - the events of this machine
 * @opts: options or NULL
 * @kinds: PERFRING_LIST_*, or 0 for all
 * @fn: called for each, kind by kind, in the order of their names within a PMU or a system
 * @context: for @fn
 *
 * Return: 0; what @fn returned; -ENOENT, -EACCES tracepoints alone are asked for, and tracefs is
 * not there or not for this user; -EINVAL, -E2BIG bad options; -ENOMEM.
 */
int perfring_event_list(const struct perfring_event_opts *opts, unsigned int kinds,
			perfring_event_fn fn, void *context);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_EVENT_H */
