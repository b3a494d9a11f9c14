/* SPDX-License-Identifier: MIT */
/*
 * torture: scenarios that a reader of somebody else's is led through.
 *
 * A scenario writes a ring step by step, tells beforehand which lines the reader, a
 * child process, has to print, and waits until it has: for what is printed, for
 * data_tail, for the reader's end.  Each wait has a deadline, and nothing else is a
 * matter of time.
 */
#ifndef PERFRING_TORTURE_H
#define PERFRING_TORTURE_H

#include "cli.h"

#include <limits.h>
#include <sys/types.h>

struct torture_backend;

/**
 * struct torture_shape - the ring of a scenario
 * @bytes: data bytes at least; 0: one page
 * @position: where head and tail start
 * @page_size: bytes of the control page; 0: this machine's
 * @backward: overwriting and written backward
 * @old: a control page that says neither data_offset nor data_size
 */
struct torture_shape {
	uint64_t bytes;
	uint64_t position;
	size_t page_size;
	bool backward;
	bool old;
};

/**
 * struct torture_ring - its writer
 * @backend: what it is made of
 * @control: as the reader maps it
 * @data: what is published can be written here; NULL: by the kernel alone
 * @size: data bytes, a power of two
 * @map_bytes: what the reader maps
 * @map_fd: of this descriptor
 * @wait_fd: what the reader polls
 * @own: of the backend
 */
struct torture_ring {
	const struct torture_backend *backend;
	volatile struct perf_event_mmap_page *control;
	volatile unsigned char *data;
	uint64_t size;
	size_t map_bytes;
	int map_fd;
	int wait_fd;
	void *own;
};

/*
 * What rings are made of.  Calls return 0 or a negative errno; -EOPNOTSUPP: the
 * scenario cannot be had here.
 */
struct torture_backend {
	const char *name;
	int (*open)(struct torture_ring *ring, const struct torture_shape *shape);
	void (*close)(struct torture_ring *ring);
	/* A record as PERFRING_IOC_EMIT lays it out; -ENOSPC: lost. */
	int (*write)(struct torture_ring *ring, uint32_t type, uint16_t misc, const void *payload,
		     uint32_t len, bool wake);
	/* One that is in memory and not published; and taken back. */
	int (*hold)(struct torture_ring *ring, const void *payload, uint32_t len);
	int (*discard)(struct torture_ring *ring);
	/* @len bytes at the head, which moves by @move; and a data_head. */
	int (*inject)(struct torture_ring *ring, const void *bytes, uint32_t len, uint64_t move);
	int (*inject_head)(struct torture_ring *ring, uint64_t head);
	/* A wakeup without a record; NULL: there is none. */
	int (*wake)(struct torture_ring *ring);
	/* The end of all wakeups. */
	int (*hangup)(struct torture_ring *ring);
};

extern const struct torture_backend torture_memory;
extern const struct torture_backend torture_device;

/* Bytes of a sample with @len bytes of payload: header, u32, padding to 8. */
static inline uint32_t torture_sample_size(uint32_t len)
{
	return 8 + ((4 + len + 7) & ~7U);
}

/* The longest payload: a record of 65528 bytes. */
#define TORTURE_PAYLOAD_MAX	65516U

/* A line that the reader has to print, and where its record is. */
struct torture_line {
	char text[40];
	uint64_t position;
	uint32_t size;
};

struct torture_lines {
	struct torture_line *line;
	size_t nr;
	size_t room;
};

/* Where the reader is; scenarios use the functions below. */
struct torture {
	struct torture_ring ring;
	char *const *command;
	uint64_t timeout;		/* ns of each wait */
	pid_t child;			/* 0: none, or waited for */
	int status;			/* of waitpid(2), once it has ended */
	int out;			/* its standard output */
	bool deaf;			/* let it block on what it prints */
	char buffer[4096];		/* a line that is not whole yet */
	size_t buffered;
	bool backward;
	struct torture_lines due;	/* all that was ever due */
	struct torture_lines records;	/* backward: all that was ever written */
	size_t printed;			/* so many of those due came */
	size_t snapped;			/* so many of the records are in a snapshot */
	uint64_t tail;			/* as last seen */
	uint32_t sequence;
	uint32_t pending;		/* records lost and not yet reported */
	bool may_refuse;		/* "corrupt" may take the place of the last line due */
	bool refused;			/* it has */
	struct torture_watch *watch;	/* torture_watch(); NULL: none */
	bool skipped;
	char why[400];			/* it failed, or is skipped, because */
};

struct torture_scenario {
	const char *name;
	const char *about;		/* what happens; a sentence's beginning */
	const char *hint;		/* what is mostly wrong in readers that fail */
	bool (*run)(struct torture *t);
};

/* torture_scenarios.c, torture_hostile.c */
extern const struct torture_scenario torture_scenarios[];
extern const size_t torture_scenarios_nr;
extern const struct torture_scenario torture_hostile[];
extern const size_t torture_hostile_nr;

/*
 * torture_child.c.  All but torture_close() return false when the scenario is over:
 * it has failed, or is skipped, and t->why says why.
 */
bool torture_fail(struct torture *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool torture_skip(struct torture *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Did a backend's call work?  @what it was to do. */
bool torture_did(struct torture *t, int err, const char *what);

/* A ring, and a reader of it; records may be written before it is started. */
bool torture_open(struct torture *t, const struct torture_shape *shape);
bool torture_start(struct torture *t);
/* Have positions of this machine the width that the scenario is about? */
static inline bool torture_position_here(const struct torture_shape *shape)
{
	return shape->position <= ULONG_MAX;
}

/*
 * How far it is from one position to another.  Those of a 32-bit kernel have 32 bits and begin
 * at 0 again; a reader's may go on, because the kernel looks at the lower half alone.
 */
static inline uint64_t torture_distance(uint64_t from, uint64_t to)
{
	return (unsigned long)(to - from);
}

/* The same with a ring of one page, empty, at position 0. */
bool torture_begin(struct torture *t);
/* The next line that is due; of a record if @size. */
bool torture_expect(struct torture *t, uint64_t position, uint32_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
bool torture_note(struct torture *t, struct torture_lines *lines, const struct torture_line *line);
/* All lines printed. */
bool torture_printed(struct torture *t);
/* And all of the ring released. */
bool torture_settled(struct torture *t);
/* It has printed as much as it can with nobody listening, or released everything. */
bool torture_blocked(struct torture *t);
/* Take what it has printed so far. */
bool torture_listen(struct torture *t);
/* It has nothing to do, as far as one can see; never false for lack of time. */
bool torture_asleep(struct torture *t);
/* Stopped by a signal, and going on. */
bool torture_stop(struct torture *t, bool stop);
/* SIGUSR1, for a reader that handles it. */
bool torture_signal(struct torture *t);
/* All lines printed, and it has ended with 0. */
bool torture_ended(struct torture *t);
void torture_close(struct torture *t);

/*
 * torture_watch.c: once the reader has loaded the size of the record at @position, which is
 * not written yet, it is @lie.
 */
bool torture_watch(struct torture *t, uint64_t position, uint16_t lie);
bool torture_watch_touched(const struct torture *t);
/* Has the reader ended?  Its threads go on only while somebody asks. */
bool torture_watch_gone(struct torture *t);
void torture_watch_close(struct torture *t);

/* torture_put.c: records and the lines that are due for them */
/*
 * A sample of @len bytes of payload, 8 or more; with or without a wakeup.  Backward, a
 * wakeup makes a snapshot due.
 */
bool torture_put(struct torture *t, uint32_t len, bool wake);
bool torture_put_other(struct torture *t, uint32_t type, uint16_t misc, uint32_t len);
/* Samples of @len until one more has no room, each with a wakeup. */
bool torture_fill(struct torture *t, uint32_t len);
/* One that has to meet a full ring. */
bool torture_put_lost(struct torture *t, uint32_t len);
/* Samples, settled, until the next record begins at @offset of the data. */
bool torture_advance(struct torture *t, uint64_t offset);
/* The last sample, after which the reader ends. */
bool torture_finish(struct torture *t);
/* A payload as it stands in the ring; the text of its line. */
const unsigned char *torture_payload(uint32_t len, uint32_t sequence);
uint32_t torture_fnv(const void *bytes, size_t len);

#endif /* PERFRING_TORTURE_H */
