/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What perfring_nest.ko does for the tests that interrupt a writer: requests to
 * /dev/perfring_nest, of one program at a time.
 */
#ifndef PERFRING_NEST_H
#define PERFRING_NEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* At most so many probes, records inside of a write, and heads that are told. */
#define NEST_PROBES	8192
#define NEST_QUIET	(NEST_PROBES + 1)
#define NEST_INNER	12
#define NEST_HEADS	32
/* Payloads of records whose length nobody chooses. */
#define NEST_AROUND_LEN	44

/* How the outer record is written. */
enum nest_op {
	NEST_OUTPUT,
	NEST_COMMIT,
	NEST_DISCARD,
	/* The same two around one more, numbered behind those inside, which is interrupted. */
	NEST_COMMIT_AROUND,
	NEST_DISCARD_AROUND,
	/* The one inside is given up, and then the one around it committed. */
	NEST_DISCARD_WITHIN,
	/* By perfring_output() itself: @type, @flags, @task and @regs are for this. */
	NEST_RECORD,
	/* perfring_reserve() of a record that is shorter than the LOST one it may become. */
	NEST_SHORT,
	/* What is refused before any ring is looked at. */
	NEST_REFUSED,
};

/* Where the outer record is written. */
enum nest_context {
	NEST_IN_TASK,
	NEST_IN_SOFTIRQ,
	NEST_IN_HARDIRQ,
	NEST_IN_NMI,
	/* In a task that is to be preempted as soon as it can be. */
	NEST_IN_PREEMPTED,
};

/* Of whom it tells. */
enum nest_task {
	NEST_CURRENT,
	NEST_IDLE,
	NEST_EXITED,
};

/*
 * A payload begins with this and goes on with bytes (number + i) & 0xff, i being
 * their offset in it; a shorter one is cut off.
 */
struct nest_payload {
	__u32 number;
	__u32 inner;
};

/*
 * A kprobe at @addr, which is not armed yet; its index is the number of those before.
 * Kprobes may take the one behind it, where ftrace's call is, for a function's entry.
 */
struct nest_probe {
	__u64 addr;		/* in and out */
	__s32 error;		/* out: 0 or what register_kprobe() said */
	__u16 size;		/* out: bytes of the instruction; 0 when kprobes do not say */
	__u16 by_ftrace;	/* out: the probe is a call of ftrace, whose arming takes long */
};

/* One of those: out, how often it was hit since the last look, while a write ran. */
struct nest_arm {
	__u32 index;
	__u32 on;
	__u32 hits;		/* out */
	__s32 error;		/* out */
};

/* The event of descriptor @fd is looked at from now on; -1: no event. */
struct nest_watch {
	__s32 fd;
	__s32 error;		/* out: why stores to data_head cannot be watched; 0: they are */
};

/*
 * Write a record by the source; at hit number @visit of probe @index write @count
 * more.  Without a probe (@index NEST_PROBES) it is one record alone, and with
 * NEST_QUIET no hits are counted for NEST_IOC_ARM either.  With probe
 * @trigger there are more, numbered behind all others, at its first hit, and hits
 * of @index count from then on.
 */
struct nest_write {
	__u32 op;		/* enum nest_op */
	__u32 number;
	__u32 len;
	__u32 index;
	__u32 visit;
	__u32 trigger;		/* NEST_PROBES: none */
	__u32 second;		/* the same at the first hit of this one behind that */
	__u32 trigger_count;	/* records, all with the same number */
	__u32 trigger_len;	/* and their payloads */
	__u32 context;		/* enum nest_context */
	__u32 type;
	__u32 flags;		/* PERFRING_EMIT_* */
	__u32 task;		/* enum nest_task */
	__u32 regs;		/* CALLCHAIN begins at registers, as a probe's does */
	__u32 direct;		/* NEST_OUTPUT, and those inside, by perfring_output() */
	__u32 detached;		/* the event is, between NEST_COMMIT's reserve and commit */
	__u32 new_high;		/* nothing has waited in the ring so far */
	__u32 limit;		/* samples that are left of REFRESH; 0: as it is */
	__u32 refresh;		/* and one more by whoever writes inside */
	__u32 heard;		/* other events that get each record as well */
	__u64 output;		/* address of perfring_output() */
	__u64 reserve;		/* and of perfring_reserve() */
	__u64 wake;		/* and, if the CPU goes down meanwhile, of perfring_event_wake() */
	__u32 count;		/* records inside, numbered from @number + 1 */
	__u32 inner_len[NEST_INNER];
	/* out */
	__u32 hits;		/* of that probe */
	__u32 fired;		/* the records inside were written */
	__s32 ret;		/* > 0 when it is in the ring, or was until it was given up */
	__s32 inner_ret[NEST_INNER];
	__s32 around_ret;	/* of the record that is interrupted in another */
	__u32 within;		/* NEST_DISCARD_WITHIN: it was reserved */
	__u32 trigger_ret;	/* how many of those are in the ring */
	__u32 triggered;	/* how often */
	__u32 nest;		/* writers inside when the probe was hit */
	__u32 nest_after;
	__s32 limit_after;	/* samples that are left of REFRESH */
	__u32 wakeups_down;	/* calls, while the CPU goes down, of who waits for the event */
	__u64 head;		/* of the writer, when the probe was hit */
	__u64 around_head;	/* before the record that is interrupted in another */
	__u32 wakeups;		/* calls of who waits for the event */
	__u32 heads;		/* stores to data_head, and what was stored */
	__u64 wakeup_head;	/* data_head at the last of those calls */
	__u64 data_head[NEST_HEADS];
	__u32 heads_before;	/* how many of the stores came before those inside */
	__u32 heads_inside;	/* and during them */
};

/*
 * While @on, each NMI that nobody else knows anything of writes a record: numbers
 * from 0 on.
 */
struct nest_nmi {
	__u32 on;
	__u32 len;
	/* out */
	__u32 count;
	__u32 written;
	__u32 nested;		/* of which there was a writer inside */
	__s32 error;
};

#define NEST_IOC_PROBE	_IOWR('n', 0, struct nest_probe)
#define NEST_IOC_ARM	_IOWR('n', 1, struct nest_arm)
#define NEST_IOC_WATCH	_IOWR('n', 2, struct nest_watch)
#define NEST_IOC_WRITE	_IOWR('n', 3, struct nest_write)
#define NEST_IOC_NMI	_IOWR('n', 4, struct nest_nmi)

#endif /* PERFRING_NEST_H */
