/* SPDX-License-Identifier: MIT */
/*
 * Reader: many rings under one epoll descriptor.
 *
 * One thread uses a reader; perfring_reader_wake() is the one call that any
 * other thread, or a signal handler, may make.  Records come ring by ring, in
 * the order of each ring; across rings they are not ordered.  A child of fork(2) may
 * do nothing with its parent's reader but destroy its copy.
 *
 * Delivering what is there allocates nothing and makes no system call; with a timeout or
 * a budget of time it looks at the clock, which the vDSO answers where it can.
 *
 * A ring whose bytes cannot be records is reported once, skipped to its head
 * and read on: the other rings do not suffer, and nothing spins.
 */
#ifndef PERFRING_READER_H
#define PERFRING_READER_H

#include <perfring/ring.h>
#include <perfring/storage.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct perfring_reader;

/**
 * perfring_record_fn - called for each record, LOST included
 * @context: of the options
 * @index: the ring, from perfring_reader_add()
 * @record: valid until the callback returns
 *
 * Must not call functions of this reader except accessors and wake.
 *
 * Return: 0 to go on; anything else stops the call after this record, which is
 * released, and is returned from it (make it negative).
 */
typedef int (*perfring_record_fn)(void *context, unsigned int index,
				  const struct perfring_record *record);

/**
 * perfring_lost_fn - called for each PERF_RECORD_LOST and _LOST_SAMPLES as well
 * @context: of the options
 * @index: the ring
 * @lost: how many
 */
typedef void (*perfring_lost_fn)(void *context, unsigned int index, uint64_t lost);

/**
 * perfring_error_fn - called when a ring is corrupt, before it is skipped
 * @context: of the options
 * @index: the ring
 * @error: where and why
 *
 * Without this callback the call returns -EBADMSG and the next one goes on.
 */
typedef void (*perfring_error_fn)(void *context, unsigned int index,
				  const struct perfring_error *error);

/**
 * struct perfring_reader_opts - options of a reader
 * @size: sizeof(struct perfring_reader_opts), as in storage.h
 * @record: may be NULL: records are counted and released
 * @lost: may be NULL
 * @error: may be NULL
 * @context: for the callbacks
 * @budget_records: a call of poll, consume or flush ends after so many; 0: none
 * @budget_ns: or after so many ns, looked at between batches and every 64
 *	records; 0: none
 *
 * Even without a budget a call reads each ring at most as far as its head was
 * when the call came to it, so it ends however fast the writers are.
 */
struct perfring_reader_opts {
	size_t size;
	perfring_record_fn record;
	perfring_lost_fn lost;
	perfring_error_fn error;
	void *context;
	uint64_t budget_records;
	uint64_t budget_ns;
};

/**
 * perfring_reader_create - a reader without rings
 * @opts: options or NULL
 * @out: the reader; unchanged on error
 *
 * Return: 0; -EINVAL, -E2BIG bad options; -ENOMEM; -EMFILE.
 */
int perfring_reader_create(const struct perfring_reader_opts *opts, struct perfring_reader **out);

/*
 * Closes all rings and storages that were added; NULL does nothing.  In a child of
 * fork(2) it gives up the child's copies, and takes nothing from the parent.
 */
void perfring_reader_destroy(struct perfring_reader *reader);

/**
 * perfring_reader_add - one more ring
 * @reader: the reader
 * @storage: forward, not overwriting; no ring open on it.  The reader owns it
 *	from success on, and on error it stays the caller's
 *
 * Return: the ring's index, which no later add of this reader changes: 0 or more; -EOPNOTSUPP the
 * ring needs snapshots; errors of perfring_ring_open(); -ENOMEM.
 */
int perfring_reader_add(struct perfring_reader *reader, struct perfring_storage *storage);

/**
 * perfring_reader_remove - one ring less
 * @reader: the reader
 * @index: of a ring; free for the next add afterwards
 *
 * What waits in it is given up; flush first.  Its storage is closed.
 *
 * Return: 0; -ENOENT no such ring.
 */
int perfring_reader_remove(struct perfring_reader *reader, unsigned int index);

/* Which storage perfring_reader_add_cpus() opens. */
enum perfring_backend {
	PERFRING_BACKEND_MEMORY = 1,
	PERFRING_BACKEND_PERF = 2,
	PERFRING_BACKEND_DEVICE = 3,
};

/**
 * struct perfring_cpus_opts - options of perfring_reader_add_cpus()
 * @size: sizeof(struct perfring_cpus_opts), as in storage.h
 * @pages: data pages of each ring; 0: the backend's default
 * @watermark: as in struct perfring_memory_opts
 * @wakeup_events: as in struct perfring_memory_opts
 * @cpus: CPU numbers; NULL: all possible ones
 * @nr_cpus: how many are in @cpus
 * @pid: perf: as in perf_event_open(2); 0 counts as -1, every process
 * @padding: 0
 * @device_prefix: device: path before the CPU number; NULL: "/dev/perfring"
 */
struct perfring_cpus_opts {
	size_t size;
	size_t pages;
	uint32_t watermark;
	uint32_t wakeup_events;
	const unsigned int *cpus;
	size_t nr_cpus;
	int32_t pid;
	uint32_t padding;
	const char *device_prefix;
};

/**
 * perfring_reader_add_cpus - a ring for each CPU
 * @reader: the reader
 * @backend: enum perfring_backend
 * @attr: the event, the same on each CPU
 * @opts: options or NULL
 *
 * A CPU that is offline (-ENODEV) is skipped; for the event of one process (@pid) perf
 * opens there as well, and writes when the CPU is back.  An index is not a CPU number:
 * perfring_reader_cpu() says which CPU a ring is of.
 *
 * Return: rings added; -ENODEV none; -EINVAL a CPU above INT_MAX; -ENAMETOOLONG a device's
 * path of PATH_MAX bytes and more; the first other error, and then none of this call's
 * rings stays.
 */
int perfring_reader_add_cpus(struct perfring_reader *reader, int backend,
			     const struct perf_event_attr *attr,
			     const struct perfring_cpus_opts *opts);

/**
 * struct perfring_bpf_array_opts - options of perfring_reader_add_bpf_array()
 * @size: sizeof(struct perfring_bpf_array_opts), as in storage.h
 * @pages: data pages of each ring, a power of two; 0 counts as 64
 * @watermark: bytes waiting that wake, less than a ring has; 0: each record wakes,
 *	or what @attr says
 * @overwrite: not 0: the rings keep the newest records: write_backward, and mapped
 *	read-only.  They are read by perfring_ring_snapshot(perfring_reader_ring());
 *	poll and consume pass over them
 * @paused: not 0: nothing enters the map before perfring_reader_resume()
 * @padding: 0
 * @cpus: CPU numbers; NULL: all possible ones for which the map has an entry
 * @nr_cpus: how many are in @cpus
 */
struct perfring_bpf_array_opts {
	size_t size;
	size_t pages;
	uint32_t watermark;
	uint8_t overwrite;
	uint8_t paused;
	uint8_t padding[2];
	const unsigned int *cpus;
	size_t nr_cpus;
};

/**
 * perfring_reader_add_bpf_array - a ring for each CPU, in a BPF perf event array
 * @reader: the reader
 * @map_fd: of a BPF_MAP_TYPE_PERF_EVENT_ARRAY; stays the caller's, the reader has a copy
 * @attr: NULL: software/bpf-output, PERF_SAMPLE_RAW, which is what bpf_perf_event_output()
 *	writes to
 * @opts: options or NULL
 *
 * Each ring becomes the map's entry of its CPU's number, which is where
 * BPF_F_CURRENT_CPU looks; a CPU that is offline (-ENODEV) is skipped.  When a ring
 * is removed, or the reader destroyed, its entry is deleted, whoever put another one there.
 *
 * Return: rings added; -EINVAL another kind of map; -ERANGE @watermark is not less than
 * the bytes of a ring, as perfring_reader_error() says too; -E2BIG one of @cpus has no
 * entry in the map; else as perfring_reader_add_cpus().
 */
int perfring_reader_add_bpf_array(struct perfring_reader *reader, int map_fd,
				  const struct perf_event_attr *attr,
				  const struct perfring_bpf_array_opts *opts);

/**
 * perfring_reader_pause - nothing is written any more
 * @reader: the reader
 *
 * Rings in a perf event array leave it: bpf_perf_event_output() fails with -ENOENT, and
 * nothing counts as lost.  Output of the others is paused, as by
 * perfring_storage_pause(): records count as lost.  What was written can be read.
 *
 * Return: 0; -EOPNOTSUPP some cannot be paused (a BPF ring buffer, an image); the first
 * other error.  All rings are tried, also after an error.
 */
int perfring_reader_pause(struct perfring_reader *reader);

/* the counterpart of perfring_reader_pause(); returns as that */
int perfring_reader_resume(struct perfring_reader *reader);

/* One more than the highest index; indices of removed rings have no ring. */
unsigned int perfring_reader_count(const struct perfring_reader *reader);
/* The ring of an index, the reader's own; NULL none.  For its storage and its writer. */
struct perfring_ring *perfring_reader_ring(const struct perfring_reader *reader,
					   unsigned int index);
/* perfring_storage_cpu() of an index; -1 none */
int perfring_reader_cpu(const struct perfring_reader *reader, unsigned int index);
/* ioctl on every ring, all of them even after an error; returns 0 or the first error */
int perfring_reader_enable(struct perfring_reader *reader);
int perfring_reader_disable(struct perfring_reader *reader);

/**
 * perfring_reader_fd - for an event loop
 * @reader: the reader
 *
 * When it is readable call perfring_reader_poll() with a timeout of 0 until that
 * returns 0, which takes back the wakeups of memory; consume and next do not.
 *
 * Return: the epoll descriptor, readable when poll would not wait for the
 * kernel.  Left-overs below a watermark do not make it readable.
 */
int perfring_reader_fd(const struct perfring_reader *reader);

/**
 * perfring_reader_poll - wait for records and deliver them
 * @reader: the reader
 * @timeout_ms: how long to wait; 0: not at all, negative: for ever
 *
 * Looks at all rings first and waits only when they are empty; when the time
 * is over it looks at them once more, so what is below a watermark is late at
 * most.  A ring that has hung up (its task is gone) is drained, then polled no more.
 *
 * Return: records delivered, at most INT_MAX; 0 on timeout or wake; -EINTR a
 * signal came while it waited; -ENODATA it had to wait, but every ring has hung up or there is
 * none; what a callback returned; -EBADMSG a corrupt ring and no error callback.
 * When some records were delivered before an error, the error is returned.
 */
int perfring_reader_poll(struct perfring_reader *reader, int timeout_ms);

/**
 * perfring_reader_poll_until - the same with a point in time
 * @reader: the reader
 * @deadline_ns: of CLOCK_MONOTONIC; one in the past does not wait
 *
 * Return: as perfring_reader_poll().
 */
int perfring_reader_poll_until(struct perfring_reader *reader, uint64_t deadline_ns);

/**
 * perfring_reader_consume - deliver what is there, never wait
 * @reader: the reader
 *
 * All rings are looked at, whatever the watermarks say, starting after
 * the one where a budget ended the last call.
 *
 * Return: as perfring_reader_poll(), never -EINTR or -ENODATA.
 */
int perfring_reader_consume(struct perfring_reader *reader);

/**
 * perfring_reader_flush - deliver all that is there, whatever the budgets
 * @reader: the reader
 *
 * Return: as perfring_reader_consume().
 */
int perfring_reader_flush(struct perfring_reader *reader);

/**
 * perfring_reader_next - pull one record
 * @reader: the reader
 * @record: valid until the next call of a function of this reader other than
 *	an accessor or wake
 * @index: its ring; may be NULL; also set with -EBADMSG
 *
 * Rings take turns by batches.  Never waits: when it returns 0,
 * perfring_reader_wait(), then go on.  Lost callbacks are called, error and
 * record callbacks are not.
 *
 * Return: 1; 0 all rings are empty; -EBADMSG a corrupt ring was skipped
 * (perfring_reader_error()), go on.
 */
int perfring_reader_next(struct perfring_reader *reader, struct perfring_record *record,
			 unsigned int *index);

/**
 * perfring_reader_wait - wait for pull
 * @reader: the reader
 * @timeout_ms: as perfring_reader_poll()
 *
 * Return: 1 a ring has bytes; 0 timeout or wake; -EINTR; -ENODATA as above.
 */
int perfring_reader_wait(struct perfring_reader *reader, int timeout_ms);

/* what the last -EBADMSG, or -ERANGE, was about; returns error->code */
int perfring_reader_error(const struct perfring_reader *reader, struct perfring_error *error);

/**
 * perfring_reader_wake - end a wait
 * @reader: not destroyed meanwhile
 *
 * The wait that is on, or else the next one, returns at once.  Any thread;
 * async-signal-safe.
 *
 * Return: 0.
 */
int perfring_reader_wake(struct perfring_reader *reader);

/**
 * struct perfring_loss - what one ring has seen
 * @size: sizeof(struct perfring_loss), set by the caller
 * @records: delivered, LOST included
 * @bytes: of them
 * @lost: sum of PERF_RECORD_LOST
 * @lost_samples: sum of PERF_RECORD_LOST_SAMPLES
 * @format_lost: the kernel's count by PERF_FORMAT_LOST, read now; 0 when the
 *	attr does not ask for it.  Losses that no LOST record has told yet are
 *	in here only
 * @corrupt: times the ring was skipped
 * @skipped: bytes skipped
 * @hangup: 1: the ring has hung up
 */
struct perfring_loss {
	size_t size;
	uint64_t records;
	uint64_t bytes;
	uint64_t lost;
	uint64_t lost_samples;
	uint64_t format_lost;
	uint64_t corrupt;
	uint64_t skipped;
	uint64_t hangup;
};

/* counters of a ring; returns 0, -ENOENT no such ring, -EINVAL size 0 */
int perfring_reader_loss(const struct perfring_reader *reader, unsigned int index,
			 struct perfring_loss *loss);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_READER_H */
