/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/perfringN: a perf ring that the kernel writes on demand.
 *
 * The descriptor takes perf_event_open(2)'s own ioctls (PERF_EVENT_IOC_*), with
 * the same meaning, and those below for what a perf descriptor cannot do.
 *
 * Structures carry their size first.  A program built with an older header
 * passes a smaller one, whose missing fields count as zero; one built with a
 * newer header passes a larger one, which is taken when the excess is zero and
 * refused with E2BIG, and the kernel's size written back, when it is not.
 */
#ifndef _UAPI_LINUX_PERFRING_H
#define _UAPI_LINUX_PERFRING_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * Sources.  An event of {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_BPF_OUTPUT} takes
 * what write(2) and PERFRING_IOC_EMIT put in.  An event of the PMU perfring
 * (type in /sys/bus/event_source/devices/perfring/type) names its source in
 * bits 0-7 of attr.config; the other bits of config are zero.
 */
enum perfring_source_id {
	PERFRING_SOURCE_GENERATOR	= 1,
	PERFRING_SOURCE_SCHED_SWITCH	= 2,
	PERFRING_SOURCE_SYSCALLS	= 3,
	PERFRING_SOURCE_KPROBE		= 4,

	PERFRING_SOURCE_MAX		/* not a source */
};

/*
 * Numbers from 128 to 255 are given to other modules while they are there; the file
 * /sys/bus/event_source/devices/perfring/sources/NAME has them, and those above.
 * config1 and config2 are zero.  CAP_PERFMON is needed, unless the module lets
 * everybody; then it is for TID and CALLCHAIN, as with the generator.  ENOENT: nobody
 * has the number, or, from PERF_EVENT_IOC_ENABLE, no longer: the event stays open, and
 * its ring keeps what it has.
 */

/*
 * Counters, for perf_event_open(2) alone: an event of the PMU perfring on CPU N
 * with one of these in bits 8-15 of config, all other configuration zero, counts
 * for all events of /dev/perfringN; struct perfring_stats says what.  It belongs to
 * a CPU, not to a task (EINVAL), and does not sample (EOPNOTSUPP).  With a source in
 * config perf_event_open(2) says EOPNOTSUPP; the device, with a counter, EINVAL.
 */
enum perfring_counter_id {
	PERFRING_COUNTER_ATTEMPTED	= 1,
	PERFRING_COUNTER_WRITTEN	= 2,
	PERFRING_COUNTER_LOST		= 3,	/* the next two together */
	PERFRING_COUNTER_LOST_FULL	= 4,
	PERFRING_COUNTER_LOST_PAUSED	= 5,
	PERFRING_COUNTER_REJECTED	= 6,
	PERFRING_COUNTER_DISCARDED	= 7,
	PERFRING_COUNTER_BYTES		= 8,
	PERFRING_COUNTER_LOST_RECORDS	= 9,
	PERFRING_COUNTER_WAKEUPS	= 10,
	PERFRING_COUNTER_WAKEUP_EVENTS	= 11,
	PERFRING_COUNTER_WAKEUP_WATERMARK = 12,
	PERFRING_COUNTER_WAKEUP_FORCED	= 13,
	PERFRING_COUNTER_WAKEUP_NONE	= 14,

	PERFRING_COUNTER_MAX		/* not a counter */
};

/*
 * PERFRING_SOURCE_GENERATOR: a timer on the event's CPU.
 *
 *	config1 bits 0-31	ticks per second, 1 to 100000
 *	config1 bits 32-47	records per tick; 0 counts as 1
 *	config2 bits 0-15	smallest payload, bytes, at least 16; 0 counts as 16
 *	config2 bits 16-31	largest payload, bytes; 0 counts as the smallest
 *
 * A tick makes at most 4096 records and 65536 bytes (records per tick * largest
 * payload), and all ticks of a second 1048576 records and 64 MiB; one with CALLCHAIN
 * counts as 8 records.  All generators of a CPU together have as much each second, and
 * max_rate ticks: PERF_EVENT_IOC_ENABLE of one more is EBUSY.  TID and CALLCHAIN,
 * which tell of other tasks, need CAP_PERFMON or perf_event_paranoid <= 0.
 *
 * Sizes run from the smallest to the largest in steps of one byte, then start
 * over.  @seq counts every attempt, so a gap in it is what was lost.
 */
struct perfring_generator_payload {
	__u64	seq;		/* from 0, per event, reset by PERF_EVENT_IOC_RESET */
	__u32	len;		/* bytes of this payload, with these fields */
	__u32	crc;		/* CRC-32 (zlib) of the payload, this field zero */
	/* byte i of the payload, from here on, is (seq + i) & 0xff */
};

/*
 * PERFRING_SOURCE_SCHED_SWITCH: the kernel's tracepoint sched:sched_switch, the
 * same fields with the same values, in that order.  config1 and config2 are
 * zero.  Needs CAP_PERFMON.
 */
struct perfring_sched_switch_payload {
	char	prev_comm[16];
	__s32	prev_pid;
	__s32	prev_prio;
	__s64	prev_state;
	char	next_comm[16];
	__s32	next_pid;
	__s32	next_prio;
};

/*
 * PERFRING_SOURCE_SYSCALLS: each system call that ends on the CPU, by the kernel's
 * tracepoints raw_syscalls:sys_enter and sys_exit.  Needs CAP_PERFMON.
 *
 *	config1 bits 0-31	only this process (pid, the tgid of getpid(2)), as the
 *				pid namespace has it in which the device was opened;
 *				0: all
 *	config2 bits 0-31	only this system call, if bit 32 says so
 *	config2 bit 32		PERFRING_SYSCALLS_BY_NR; when it is not set, bits 0-31
 *				are zero, and all system calls are meant (0 is one)
 *
 * A call is told of when it returns, with the number that it was entered with, by
 * the event of the CPU that it returns on.  One that was entered before the first
 * such event of any CPU was enabled is not told of, and neither is one that never
 * returns (exit), or whose entry nobody saw (a new task's return from fork, what
 * seccomp or a tracer swallowed).  A table of module parameter syscall_slots
 * places holds who is inside a call; entries that found no place are counted in
 * /sys/bus/event_source/devices/perfring/missed/syscalls.
 */
struct perfring_syscalls_payload {
	__u64	enter;		/* CLOCK_MONOTONIC, ns */
	__u64	duration;	/* ns from entry to return */
	__s64	ret;		/* -errno when it failed; of restarts what the kernel sees */
	__s32	pid;		/* as PERF_SAMPLE_TID has them */
	__s32	tid;
	__u32	nr;
	__u32	flags;		/* PERFRING_SYSCALLS_COMPAT */
	char	comm[16];	/* of the task, zero-padded */
};

#define PERFRING_SYSCALLS_BY_NR		0x100000000ULL	/* in config2 */
#define PERFRING_SYSCALLS_COMPAT	0x1U	/* nr is of the 32-bit or x32 ABI */

/*
 * PERFRING_SOURCE_KPROBE: an instruction of the kernel, whenever the CPU comes to
 * it.  Needs CAP_PERFMON, as perf's own kprobes, and takes the attr that they take:
 *
 *	config1			attr.kprobe_func: address of the symbol's name
 *				("vfs_read", "module:function"), which is copied
 *	config2			attr.probe_offset: bytes behind it, mostly 0
 *
 * PERF_EVENT_IOC_MODIFY_ATTRIBUTES says EFAULT, E2BIG (a name of 512 bytes or
 * more), EINVAL (no name, an empty one, or a place that must not be probed),
 * ENOENT (no such symbol), EILSEQ (no instruction begins there), EPERM (the kernel
 * is locked down).  PERF_EVENT_IOC_ENABLE says ENOENT when the symbol's module is
 * gone.  Of functions that share a name the kernel takes the first; it also takes
 * those that ftrace cannot trace, where perf says EINVAL.
 *
 * CALLCHAIN begins with the probed address.
 *
 * Some hits are not told: those that come while the kernel handles another kprobe
 * on that CPU, which a probe in the way of the writer makes sure of; those in
 * perfring itself while its writer is at work in the event's ring; all while it
 * wakes a reader.  They are counted, the first kind for each event that waits for
 * them and whichever CPU it is of, in
 * /sys/bus/event_source/devices/perfring/missed/kprobe.
 */
struct perfring_kprobe_payload {
	__u64	ip;		/* 0 when kptr_restrict or perf_event_paranoid hide it */
	__s32	pid;		/* as PERF_SAMPLE_TID has them */
	__s32	tid;
	char	comm[16];	/* of the task, zero-padded */
};

/*
 * PERFRING_IOC_EMIT: write records now, in order, on the event's CPU.  The
 * descriptor must be open for writing (EBADF).
 *
 * type PERF_RECORD_SAMPLE lays the record out as attr.sample_type says and puts
 * the payload into its RAW field.  Every other type, known or not, becomes
 * header, payload padded to 8 bytes with zeroes, and sample_id if
 * attr.sample_id_all is set.
 */
struct perfring_emit_record {
	__u32	type;		/* PERF_RECORD_*; not 0 */
	__u16	misc;		/* or'ed into header.misc */
	__u16	reserved;	/* 0 */
	__u32	len;		/* payload bytes */
	__u32	count;		/* how many such records; 0 counts as 1 */
	__u64	data;		/* address of the payload; 0: byte i is i & 0xff */
};

/* Flags of EMIT and RESERVE. */
#define PERFRING_EMIT_NO_WAKEUP		0x1U	/* leave it to the next record */
#define PERFRING_EMIT_FORCE_WAKEUP	0x2U	/* whatever is counted */

struct perfring_emit {
	__u32	size;		/* sizeof(struct perfring_emit) */
	__u32	flags;		/* PERFRING_EMIT_*, not both */
	__u64	records;	/* address of struct perfring_emit_record[nr] */
	__u32	nr;		/* 1 to PERFRING_EMIT_MAX */
	__u32	reserved;	/* 0 */
	__u64	written;	/* out: records in the ring */
	__u64	lost;		/* out: records that met a full, a paused or no ring */
};

#define PERFRING_EMIT_MAX	1024	/* records in an array */
#define PERFRING_EMIT_COUNT_MAX	1048576	/* count of one of them */

/*
 * PERFRING_IOC_RESERVE: write one record, as EMIT would, and stop before it is
 * published.  The ring's writer stays inside: what others write meanwhile nests in
 * it, is in memory too, and shows in data_head only when PERFRING_IOC_COMMIT or
 * PERFRING_IOC_DISCARD lets the writer out.  A ring holds one such record; any event
 * of the ring may end it; the last munmap of the ring forgets it.
 *
 * A discarded record that is the last one is taken back, as if it had never been
 * (with the LOST record that it may have brought).  Otherwise it becomes a
 * PERF_RECORD_LOST of 0 lost records, which every reader passes over, so a record
 * that is shorter than a LOST record of the event cannot be reserved.
 *
 * RESERVE: EBADF without write access; EOPNOTSUPP when disabled or not a user
 * source; EBUSY when one is held; EINVAL for type 0 or a record that is too short;
 * E2BIG for one too long or longer than the ring; ENOSPC when it was lost; ENODEV
 * when the CPU is offline.  COMMIT and DISCARD: EBADF; ENOENT when none is held.
 */
struct perfring_reserve {
	__u32	size;		/* sizeof(struct perfring_reserve) */
	__u32	flags;		/* PERFRING_EMIT_*, not both */
	__u32	type;		/* PERF_RECORD_*; not 0 */
	__u16	misc;		/* or'ed into header.misc */
	__u16	reserved;	/* 0 */
	__u64	data;		/* address of the payload; 0: byte i is i & 0xff */
	__u32	len;		/* payload bytes */
	__u32	record_size;	/* out: bytes of the record */
	__u64	position;	/* out: of its header */
};

enum perfring_release_result {
	PERFRING_RELEASE_COMMITTED	= 1,
	PERFRING_RELEASE_TAKEN_BACK	= 2,	/* discarded, and the ring as before */
	PERFRING_RELEASE_SKIPPED	= 3,	/* discarded, a LOST record of 0 instead */
};

struct perfring_release {
	__u32	size;		/* sizeof(struct perfring_release) */
	__u32	flags;		/* 0 */
	__u32	result;		/* out: enum perfring_release_result */
	__u32	reserved;	/* 0 */
};

/*
 * mmap(2) at this offset, 1 + 2 * 2^n pages, is the mapping of 1 + 2^n pages with
 * the data pages twice in a row, so that no record ever wraps: the bytes at an
 * offset and at an offset + data_size are the same.  Both kinds of mapping may show
 * one ring.
 */
#define PERFRING_MMAP_MIRROR	0x100000000ULL

/*
 * PERFRING_IOC_SET_POSITION: restart the ring, empty, with head and tail here.
 * EBADF when the descriptor is not open for writing; EBUSY while an event of the
 * ring is enabled (also when REFRESH's limit stopped it) or a record is held; EINVAL
 * without data pages, when not a multiple of 8, or beyond the kernel's unsigned long.
 */
struct perfring_position {
	__u32	size;		/* sizeof(struct perfring_position) */
	__u32	flags;		/* 0 */
	__u64	position;	/* data_head and data_tail, bytes */
};

/*
 * PERFRING_IOC_INJECT: what no kernel writes, for readers to survive.  It harms the
 * readers of this ring alone, and STATS counts nothing but its wakeup.
 *
 * BYTES puts @len bytes at the head and moves the head by @value: a header that says
 * 0, 4, 7, more than there is, or a multiple of something else than 8; a type nobody
 * knows; with @value below @len a record that is torn, with @value above it what an
 * earlier lap has left.  A backward ring gets no more than @value of them: behind these
 * is the record of before.
 *
 * The others set a field of the control page, with the old value out in @value:
 * DATA_HEAD until the next record publishes the true head, DATA_SIZE and DATA_OFFSET
 * until injected again.
 *
 * EPERM without CAP_SYS_ADMIN, or when the module was loaded without allow_inject=1;
 * EBADF; EINVAL without data pages, for an unknown kind, for @len or @value beyond
 * the ring or a @value that is no multiple of 8 (both of BYTES); ENOSPC without room.
 */
enum perfring_inject_kind {
	PERFRING_INJECT_BYTES		= 1,
	PERFRING_INJECT_DATA_HEAD	= 2,
	PERFRING_INJECT_DATA_SIZE	= 3,
	PERFRING_INJECT_DATA_OFFSET	= 4,
};

struct perfring_inject {
	__u32	size;		/* sizeof(struct perfring_inject) */
	__u32	flags;		/* 0 */
	__u32	kind;		/* enum perfring_inject_kind */
	__u32	len;		/* of BYTES, at most 65536; otherwise 0 */
	__u64	data;		/* of BYTES: address of @len bytes; otherwise 0 */
	__u64	value;		/* see above */
};

#define PERFRING_INJECT_MAX	65536

/*
 * PERFRING_IOC_STATS: the event's counters, and its ring's.
 *
 *	attempted == written + lost_full + lost_paused + rejected + discarded
 *	written == wakeup_events + wakeup_watermark + wakeup_forced + wakeup_none
 *
 * hold whenever no writer is inside.  A record that PERFRING_IOC_RESERVE holds is
 * counted when it is committed or discarded.  Causes that come together, while one
 * writer interrupts another, make one wakeup: wakeups is at most the sum of them,
 * but for those of INJECT, of a discarded record that others follow, and of one
 * without room that passes on what nested in it.
 */
struct perfring_stats {
	__u32	size;		/* sizeof(struct perfring_stats) */
	__u32	flags;		/* 0 */
	__u64	attempted;	/* records somebody wanted written */
	__u64	written;	/* records in the ring, LOST records not counted */
	__u64	lost_full;	/* no room */
	__u64	lost_paused;	/* output was paused */
	__u64	rejected;	/* no ring, no data pages, too long, too short to reserve */
	__u64	discarded;	/* reserved, then given up */
	__u64	bytes;		/* of written records, LOST records not counted */
	__u64	lost_records;	/* PERF_RECORD_LOST written */
	__u64	wakeups;	/* wakeups of the reader that were due */
	__u64	high_water;	/* most bytes that waited for the reader */
	__u64	data_size;	/* of the ring; 0 without one */
	__u64	head;		/* the kernel's own */
	__u64	wakeup_events;	/* records that woke by wakeup_events */
	__u64	wakeup_watermark; /* by the watermark */
	__u64	wakeup_forced;	/* by PERFRING_EMIT_FORCE_WAKEUP */
	__u64	wakeup_none;	/* records that woke nobody */
};

/* PERF_EVENT_IOC_* are '$'; this is a letter of our own. */
#define PERFRING_IOC_MAGIC		0xbe
#define PERFRING_IOC_EMIT		_IOWR(PERFRING_IOC_MAGIC, 0, struct perfring_emit)
#define PERFRING_IOC_STATS		_IOWR(PERFRING_IOC_MAGIC, 1, struct perfring_stats)
#define PERFRING_IOC_SET_POSITION	_IOWR(PERFRING_IOC_MAGIC, 2, struct perfring_position)
#define PERFRING_IOC_RESERVE		_IOWR(PERFRING_IOC_MAGIC, 3, struct perfring_reserve)
#define PERFRING_IOC_COMMIT		_IOWR(PERFRING_IOC_MAGIC, 4, struct perfring_release)
#define PERFRING_IOC_DISCARD		_IOWR(PERFRING_IOC_MAGIC, 5, struct perfring_release)
#define PERFRING_IOC_INJECT		_IOWR(PERFRING_IOC_MAGIC, 6, struct perfring_inject)

#endif /* _UAPI_LINUX_PERFRING_H */
