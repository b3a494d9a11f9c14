/* SPDX-License-Identifier: MIT */
/*
 * Events that are open: what a text names (event.h), on tasks, CPUs or a cgroup,
 * counted or sampled.
 *
 * A struct perfring_events is a table: one row for each event of the text, one column for
 * each target, which is a task, a CPU, or a task on a CPU.  When it samples, the events of
 * a CPU (or of a task on any CPU) share one ring, which any reader takes, and
 * perfring_events_decode() tells whose a record is.
 *
 * One thread uses a struct perfring_events at a time; perfring_events_find() and
 * perfring_events_decode() change nothing.  Counters of one target that are read often,
 * without a system call where possible: count.h.
 */
#ifndef PERFRING_EVENTS_H
#define PERFRING_EVENTS_H

#include <perfring/count.h>
#include <perfring/event.h>
#include <perfring/format.h>
#include <perfring/reader.h>
#include <perfring/storage.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct perfring_events;

/**
 * struct perfring_events_failure - which event on which target could not be opened
 * @index: of the event in the specs
 * @pid: as for perf_event_open(2)
 * @cpu: as for perf_event_open(2)
 * @error: its negative errno; perfring_count_explain() knows why
 */
struct perfring_events_failure {
	uint32_t index;
	int32_t pid;
	int32_t cpu;
	int32_t error;
};

/**
 * struct perfring_events_opts - targets, and what is done there
 * @size: sizeof(struct perfring_events_opts), as in storage.h
 * @pids: tasks (thread ids; 0 is the calling thread); NULL: all that run on the CPUs
 * @nr_pids: how many are in @pids
 * @cpus: CPU numbers; NULL: for tasks whichever they run on, otherwise all CPUs
 * @nr_cpus: how many are in @cpus
 * @cgroup: folder of a cgroup whose tasks are meant, on the CPUs; not together with @pids
 * @failure: where to put what made open fail, or NULL
 * @pages: data pages of each ring, a power of two; 0 counts as 64
 * @sample_type: PERF_SAMPLE_* besides IDENTIFIER, TID, TIME and what a spec asks for; 0: IP, CPU
 *	and PERIOD, RAW of tracepoints, ADDR of breakpoints
 * @frequency: samples per second of events that have no period of their own; 0 counts as
 *	1000, together with @period it is -EINVAL
 * @period: not 0: or so many events from one sample to the next
 * @watermark: as in struct perfring_memory_opts
 * @wakeup_events: as in struct perfring_memory_opts
 * @clockid: of the records' times when @use_clockid is not 0; otherwise perf's own clock
 * @sampling: not 0: samples into rings; otherwise the events are counted only
 * @inherit: not 0: children that the tasks make from now on, too, unless a spec says no
 * @enable_on_exec: not 0: the events start when their task calls execve(2)
 * @track: not 0: the first event records COMM, MMAP2, FORK and EXIT as well; needs @sampling
 * @optional: not 0: an event that the machine does not have is marked, and does not make
 *	open fail
 * @use_clockid: see @clockid
 * @padding: 0
 */
struct perfring_events_opts {
	size_t size;
	const pid_t *pids;
	size_t nr_pids;
	const unsigned int *cpus;
	size_t nr_cpus;
	const char *cgroup;
	struct perfring_events_failure *failure;
	size_t pages;
	uint64_t sample_type;
	uint64_t frequency;
	uint64_t period;
	uint32_t watermark;
	uint32_t wakeup_events;
	int32_t clockid;
	uint8_t sampling;
	uint8_t inherit;
	uint8_t enable_on_exec;
	uint8_t track;
	uint8_t optional;
	uint8_t use_clockid;
	uint8_t padding[6];
};

/**
 * perfring_events_open - open all events on all targets, stopped
 * @specs: from perfring_event_parse(); not needed afterwards
 * @opts: options; NULL counts the calling thread
 * @out: the events; unchanged on error
 *
 * A group is a group on each target: its first event leads.  A weak group (modifier W) that the
 * PMU has no room for is opened as single events.  exclude_guest, which a text does not ask for, is
 * given up where a PMU refuses it, and P takes the most precise that opens.  A CPU that is offline
 * and a task that is gone are left out as long as others remain; a PMU that counts on
 * some CPUs only (spec->cpus) is opened on those.
 *
 * Tasks that are sampled with @inherit have a ring for each CPU: the kernel wants it so.
 *
 * Return: 0; -EINVAL bad options, or a CPU above INT_MAX; -E2BIG options that are not known here;
 * -ENODEV, -ESRCH no target is left; -ENOMEM; errno of open(2) for the cgroup; otherwise what
 * perf_event_open(2), mmap(2) or PERF_EVENT_IOC_SET_OUTPUT answered for opts->failure.
 */
int perfring_events_open(const struct perfring_event_specs *specs,
			 const struct perfring_events_opts *opts, struct perfring_events **out);

/**
 * perfring_events_close - close all events, and the rings that no reader has
 * @events: NULL does nothing.  Rings of a reader stay: what is in them can still be read, but
 *	not be decoded with @events
 */
void perfring_events_close(struct perfring_events *events);

/* rows: events of the specs; columns: targets */
size_t perfring_events_count(const struct perfring_events *events);
size_t perfring_events_targets(const struct perfring_events *events);

/* who a target is; @pid or @cpu -1: any; 0 or -ERANGE */
int perfring_events_target(const struct perfring_events *events, size_t target, pid_t *pid,
			   int *cpu);

/* the event's own storage, without a ring, for what storage.h has; NULL: not open there */
struct perfring_storage *perfring_events_storage(const struct perfring_events *events,
						 size_t index, size_t target);

/* start, stop, set to zero: all of them, even after an error; 0 or the first errno of ioctl(2) */
int perfring_events_enable(struct perfring_events *events);
int perfring_events_disable(struct perfring_events *events);
int perfring_events_reset(struct perfring_events *events);

/**
 * perfring_events_set_filter - which records of a tracepoint count
 * @events: rows may be of other kinds
 * @index: a tracepoint's row
 * @filter: as in tracefs, "prev_pid == 1 && next_comm ~ \"a*\""
 *
 * Return: 0; -ERANGE no such row; errno of ioctl(2), of the first target.
 */
int perfring_events_set_filter(struct perfring_events *events, size_t index, const char *filter);

/* a BPF program for an event, on all targets; as perfring_storage_set_bpf() */
int perfring_events_set_bpf(struct perfring_events *events, size_t index, int program);

/**
 * perfring_events_read - what each event counted on all targets together
 * @events: started or not
 * @values: room for @nr
 * @nr: how many at most
 *
 * Each group is read by one read(2) on each target.  value, enabled and running are sums; of
 * a task that is opened on several CPUs enabled is the time of one of them, since it runs on
 * one at a time.  scaled is value * enabled / running.  An event that never ran is
 * PERFRING_COUNT_NONE.
 *
 * Return: how many values there are (at most @nr), or the errno of read(2).
 */
int perfring_events_read(struct perfring_events *events, struct perfring_count_value *values,
			 size_t nr);

/**
 * perfring_events_read_target - the same for one target
 * @events: started or not
 * @target: which
 * @values: room for @nr
 * @nr: how many at most
 *
 * Return: as above; -ERANGE no such target.
 */
int perfring_events_read_target(struct perfring_events *events, size_t target,
				struct perfring_count_value *values, size_t nr);

/* rings that are still here; 0 after perfring_events_give(), or without sampling */
size_t perfring_events_rings(const struct perfring_events *events);
/* one of them, to open a ring on; NULL not below the number */
struct perfring_storage *perfring_events_ring(const struct perfring_events *events, size_t index);

/**
 * perfring_events_give - hand the rings to a reader
 * @events: sampling
 * @reader: owns them from now on; may be destroyed before or after @events
 *
 * Return: rings added; errors of perfring_reader_add(), and then the rest is still here.
 */
int perfring_events_give(struct perfring_events *events, struct perfring_reader *reader);

/**
 * perfring_events_find - whose id is it?
 * @events: any
 * @id: PERF_SAMPLE_IDENTIFIER, PERF_EVENT_IOC_ID
 * @index: set to the row; may be NULL
 * @target: set to the column; may be NULL
 *
 * Return: 0; -ENOENT no event of these.
 */
int perfring_events_find(const struct perfring_events *events, uint64_t id, size_t *index,
			 size_t *target);

/* how to decode the records of a row; NULL no such row; valid until close */
const struct perfring_format *perfring_events_format(const struct perfring_events *events,
						     size_t index);

/**
 * perfring_events_decode - take apart a record of the rings
 * @events: sampling
 * @record: from a ring of theirs
 * @event: filled
 * @index: set to the row; may be NULL.  A record that no event has signed (LOST of the ring)
 *	is of row 0
 * @error: as for perfring_decode(); may be NULL
 *
 * Return: as perfring_decode(); -ENOENT it has the id of other events.
 */
int perfring_events_decode(const struct perfring_events *events,
			   const struct perfring_record *record, struct perfring_event *event,
			   size_t *index, struct perfring_error *error);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_EVENTS_H */
