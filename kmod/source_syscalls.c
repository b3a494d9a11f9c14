// SPDX-License-Identifier: GPL-2.0
/*
 * System calls, each with what it took: the tracepoints raw_syscalls:sys_enter
 * and sys_exit in pairs.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include "compat.h"
#include "source.h"

enum { PERFRING_EXIT, PERFRING_SYS_EXIT, PERFRING_SYS_ENTER, PERFRING_TRACEPOINTS };

static struct tracepoint *perfring_tracepoints[PERFRING_TRACEPOINTS];
static struct perfring_tap perfring_syscalls;

/*
 * Tasks that are inside a system call, on whichever CPU.  A task's slot is in the
 * row that its address hashes to.  The task alone claims, reads and frees it, in
 * its own context, so there is no lock: only the claim of a free slot has rivals.
 * One that exits inside exit(2) frees its slot on the way.
 */
#define PERFRING_ROW	16

struct perfring_call {
	u64 enter;
	u32 nr;
	u32 flags;
};

static struct task_struct **perfring_callers;	/* [perfring_syscall_slots]; NULL: free */
static struct perfring_call *perfring_calls;	/* of the caller in the same place */
static unsigned int perfring_row_bits;
static atomic64_t perfring_calls_missed;

static unsigned int perfring_row(void)
{
	return hash_ptr(current, perfring_row_bits) * PERFRING_ROW;
}

/* The place of the current task, or one that was free; -1 when there is no room. */
static int perfring_claim(void)
{
	unsigned int row = perfring_row(), i;

	for (i = row; i < row + PERFRING_ROW; i++)
		if (READ_ONCE(perfring_callers[i]) == current)
			return i;
	for (i = row; i < row + PERFRING_ROW; i++)
		if (!READ_ONCE(perfring_callers[i]) &&
		    !cmpxchg(&perfring_callers[i], NULL, current))
			return i;
	return -1;
}

/* Take the current task's call back out; false when its beginning was not seen. */
static bool perfring_take(struct perfring_call *call)
{
	unsigned int row = perfring_row(), i;

	for (i = row; i < row + PERFRING_ROW; i++) {
		if (READ_ONCE(perfring_callers[i]) != current)
			continue;
		*call = perfring_calls[i];
		/* S, pairs with cmpxchg() in perfring_claim(): the next owner writes later. */
		smp_store_release(&perfring_callers[i], NULL);
		return true;
	}
	return false;
}

static void perfring_sys_enter(void *unused, struct pt_regs *regs, long nr)
{
	int i = perfring_claim();

	if (i < 0) {
		atomic64_inc(&perfring_calls_missed);
		return;
	}
	perfring_calls[i] = (struct perfring_call) {
		.nr = nr,
		.flags = in_compat_syscall() ? PERFRING_SYSCALLS_COMPAT : 0,
		.enter = ktime_get_ns(),
	};
}

static bool perfring_syscall_wanted(const struct perfring_event *event,
				    const struct perfring_syscalls_payload *payload)
{
	u32 pid = event->attr.config1;

	return (!pid || pid == (u32)payload->pid) &&
	       (!(event->attr.config2 & PERFRING_SYSCALLS_BY_NR) ||
		(u32)event->attr.config2 == payload->nr);
}

static void perfring_sys_exit(void *unused, struct pt_regs *regs, long ret)
{
	struct perfring_syscalls_payload payload;
	struct perfring_record record = {
		.type = PERF_RECORD_SAMPLE,
		.data = &payload,
		.len = sizeof(payload),
		.ip = _RET_IP_,
	};
	struct perfring_event *event;
	struct perfring_call call;

	if (!perfring_take(&call))
		return;
	/* Since 6.13 these tracepoints come with preemption on. */
	preempt_disable();
	if (perfring_tap_idle(&perfring_syscalls))
		goto out;
	payload.enter = call.enter;
	payload.duration = ktime_get_ns() - call.enter;
	payload.ret = ret;
	payload.nr = call.nr;
	payload.flags = call.flags;
	memcpy(payload.comm, current->comm, sizeof(payload.comm));
	perfring_tap_each(event, &perfring_syscalls) {
		if (!perfring_event_on(event))
			continue;
		perfring_task_ids(event, current, &payload.pid, &payload.tid);
		if (perfring_syscall_wanted(event, &payload))
			perfring_source_output(event, &record);
	}
out:
	preempt_enable();
}

static void perfring_process_exit(PERFRING_PROCESS_EXIT_ARGS)
{
	struct perfring_call call;

	perfring_take(&call);
}

/* In the order of registration: no call is noted whose end would not be seen. */
static const struct {
	const char *name;
	void *probe;
} perfring_probes[PERFRING_TRACEPOINTS] = {
	[PERFRING_EXIT]		= { "sched_process_exit", perfring_process_exit },
	[PERFRING_SYS_EXIT]	= { "sys_exit", perfring_sys_exit },
	[PERFRING_SYS_ENTER]	= { "sys_enter", perfring_sys_enter },
};

/* Take the probes from @i downwards away, and forget who is inside a call. */
static void perfring_syscalls_unregister(int i)
{
	for (; i >= 0; i--)
		tracepoint_probe_unregister(perfring_tracepoints[i], perfring_probes[i].probe,
					    NULL);
	tracepoint_synchronize_unregister();
	memset(perfring_callers, 0, perfring_syscall_slots * sizeof(*perfring_callers));
}

static void perfring_syscalls_free(void)
{
	kvfree(perfring_callers);
	kvfree(perfring_calls);
	perfring_callers = NULL;
	perfring_calls = NULL;
}

/* The table is made for the first who asks, and stays until the module goes. */
static int perfring_syscalls_alloc(void)
{
	if (perfring_callers)
		return 0;
	perfring_callers = kvcalloc(perfring_syscall_slots, sizeof(*perfring_callers), GFP_KERNEL);
	perfring_calls = kvcalloc(perfring_syscall_slots, sizeof(*perfring_calls), GFP_KERNEL);
	if (perfring_callers && perfring_calls)
		return 0;
	perfring_syscalls_free();
	return -ENOMEM;
}

static int perfring_syscalls_start(void)
{
	int ret, i;

	ret = perfring_syscalls_alloc();
	for (i = 0; i < PERFRING_TRACEPOINTS && !ret; i++) {
		ret = tracepoint_probe_register(perfring_tracepoints[i], perfring_probes[i].probe,
						NULL);
		if (ret)
			perfring_syscalls_unregister(i - 1);
	}
	return ret;
}

static void perfring_syscalls_stop(void)
{
	perfring_syscalls_unregister(PERFRING_TRACEPOINTS - 1);
}

static struct perfring_tap perfring_syscalls = {
	.start	= perfring_syscalls_start,
	.stop	= perfring_syscalls_stop,
};

static int perfring_syscalls_check(const struct perf_event_attr *attr)
{
	unsigned int i;

	if (attr->config1 > INT_MAX)
		return -EINVAL;
	if (attr->config2 & PERFRING_SYSCALLS_BY_NR ?
	    attr->config2 & ~PERFRING_SYSCALLS_BY_NR & ~(u64)U32_MAX : attr->config2)
		return -EINVAL;
	for (i = 0; i < PERFRING_TRACEPOINTS; i++)
		if (!perfring_tracepoints[i])
			return -ENOENT;
	return perfmon_capable() ? 0 : -EACCES;
}

static int perfring_syscalls_attach(struct perfring_event *event)
{
	return perfring_tap_attach(&perfring_syscalls, event);
}

static void perfring_syscalls_detach(struct perfring_event *event)
{
	perfring_tap_detach(&perfring_syscalls, event);
}

const struct perfring_source perfring_source_syscalls = {
	.name	= "syscalls",
	.check	= perfring_syscalls_check,
	.attach	= perfring_syscalls_attach,
	.detach	= perfring_syscalls_detach,
};

/* System calls that no record tells of, because the table had no room for them. */
u64 perfring_syscalls_missed(void)
{
	return atomic64_read(&perfring_calls_missed);
}

int perfring_syscalls_init(void)
{
	unsigned int i;

	for (i = 0; i < PERFRING_TRACEPOINTS; i++)
		perfring_tracepoints[i] = perfring_tap_tracepoint(perfring_probes[i].name);
	perfring_syscall_slots = roundup_pow_of_two(perfring_syscall_slots);
	perfring_row_bits = ilog2(perfring_syscall_slots / PERFRING_ROW);
	return perfring_tap_init(&perfring_syscalls);
}

void perfring_syscalls_exit(void)
{
	perfring_syscalls_free();
	perfring_tap_exit(&perfring_syscalls);
}
