/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Conformance: rows, each of which does one thing to a descriptor.  A row runs
 * twice, in a process of its own each time: on a perf descriptor, then on a device
 * descriptor of the same attr on the same CPU.  What it sees it says; the two
 * transcripts have to be equal.
 *
 * A row has no expectations: the running kernel's perf is the oracle.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#define FIXTURES_NO_HARNESS
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../fixtures.h"

/* CPU of every descriptor. */
#define ROW_CPU	0

/* One of the two runs of a row. */
struct side;

/* What a row does; @a and @b are its line's. */
typedef void row_fn(struct side *side, uint64_t a, uint64_t b);

/* One row; the name is unique within its group. */
__attribute__((format(printf, 5, 6)))
void add(const char *group, row_fn *run, uint64_t a, uint64_t b, const char *format, ...);

/* Who adds rows, by matter. */
void attr_rows(void);
void ioctl_rows(void);
void output_rows(void);
void compat_rows(void);
void mmap_rows(void);
void vma_rows(void);
void memory_rows(void);
void poll_rows(void);
void read_rows(void);
void life_rows(void);
void signal_rows(void);
void sample_rows(void);
void record_rows(void);

/* A word of the transcript. */
__attribute__((format(printf, 2, 3)))
void say(struct side *side, const char *format, ...);
/* "@what=0" or "@what=EINVAL": a number, or -errno by name */
void say_ret(struct side *side, const char *what, long ret);
/* say_ret() of a call that answers -1 and errno */
void say_call(struct side *side, const char *what, long ret);
/* As "IN|HUP". */
void say_poll(struct side *side, const char *what, int revents);
/* End the row: nothing can be compared, because. */
__attribute__((noreturn, format(printf, 2, 3)))
void give_up(struct side *side, const char *format, ...);
/* End the row: this machine cannot do it. */
__attribute__((noreturn, format(printf, 2, 3)))
void skip_row(struct side *side, const char *format, ...);

/* Is this the device's run?  For what is named differently there, not for other behaviour. */
bool is_device(const struct side *side);

/*
 * A descriptor: perf_event_open(2) of @attr, or open(2) of the device and
 * MODIFY_ATTRIBUTES, which is where the device looks at an attr.  -errno
 */
int side_open_attr(struct side *side, void *attr, int cpu);
/* Of a good attr; ends the row when there is none.  NULL counts as output_attr(). */
int side_open(struct side *side, const struct perf_event_attr *attr);
/* Mapped 1 + @pages, enabled. */
int side_ready(struct side *side, const struct perf_event_attr *attr, struct raw *raw,
	       size_t pages);
/* One sample of an event from side_open(): what bpf_perf_event_output() or write(2) says */
int side_write(struct side *side, int fd, const void *payload, size_t len);

/* Let the BPF program that writes perf rings have @fd; 0 or -errno */
int side_aim(struct side *side, int fd);

/*
 * An event that overflows, which bpf-output does not in perf: a tracepoint that
 * nobody else hits, for the device its user source.  @attr's type and config
 * are not looked at.
 */
int side_open_counter(struct side *side, const struct perf_event_attr *attr);
/* Let it happen @n times. */
void side_fire(struct side *side, int fd, unsigned int n);

/* Records waiting: types, misc, sizes, and their bytes where @bytes. */
void say_records(struct side *side, struct raw *raw, bool bytes);
/* With bytes, in which what cannot be equal has a name; @from is now_ns() before them. */
void say_records_since(struct side *side, struct raw *raw, uint64_t from);
/* A sysctl of perf's, until the row has ended. */
void side_sysctl(struct side *side, const char *name, const char *value);
/* A field of /proc/self/status, in kB; -1 */
long status_kb(const char *field);

/**
 * struct explained - a difference that has to be
 * @rows: fnmatch(3) pattern, with FNM_EXTMATCH, of "group: name"
 * @since: kernel from which on, 6012 is 6.12
 * @bits: 32 or 64: only where a long has so many; 0 anywhere
 * @sometimes: depends on the machine
 * @reason: why; ends up in CONFORMANCE.md
 *
 * Each row that the pattern matches differs: one that does not fails, unless it
 * is one for @sometimes.
 */
struct explained {
	const char *rows;
	unsigned int since;
	unsigned int bits;
	bool sometimes;
	const char *reason;
};

extern const struct explained explained[];
extern const unsigned int nr_explained;

#define RW	(PROT_READ | PROT_WRITE)

#endif /* CONFORMANCE_H */
