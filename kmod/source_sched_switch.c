// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own tracepoint sched:sched_switch.
 */
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include "source.h"

static struct tracepoint *perfring_tracepoint;
static struct perfring_tap perfring_switches;

/* As the tracepoint's own prev_state: a preempted task is running. */
static s64 perfring_prev_state(bool preempt, unsigned int state, struct task_struct *prev)
{
	unsigned int index;

	if (preempt)
		return TASK_REPORT_MAX;
	index = __task_state_index(state, prev->exit_state);
	return index ? 1 << (index - 1) : 0;
}

/* Called with interrupts off and the run queue locked. */
static void perfring_sched_switch(void *unused, bool preempt, struct task_struct *prev,
				  struct task_struct *next, unsigned int prev_state)
{
	struct perfring_sched_switch_payload payload;
	struct perfring_record record = {
		.type = PERF_RECORD_SAMPLE,
		.data = &payload,
		.len = sizeof(payload),
		.ip = _RET_IP_,
	};

	if (perfring_tap_idle(&perfring_switches))
		return;
	memcpy(payload.prev_comm, prev->comm, sizeof(payload.prev_comm));
	payload.prev_pid = prev->pid;
	payload.prev_prio = prev->prio;
	payload.prev_state = perfring_prev_state(preempt, prev_state, prev);
	memcpy(payload.next_comm, next->comm, sizeof(payload.next_comm));
	payload.next_pid = next->pid;
	payload.next_prio = next->prio;
	perfring_tap_output(&perfring_switches, &record);
}

static int perfring_sched_switch_check(const struct perf_event_attr *attr)
{
	if (attr->config1 || attr->config2)
		return -EINVAL;
	if (!perfring_tracepoint)
		return -ENOENT;
	return perfmon_capable() ? 0 : -EACCES;
}

static int perfring_sched_switch_attach(struct perfring_event *event)
{
	return perfring_tap_attach(&perfring_switches, event);
}

static void perfring_sched_switch_detach(struct perfring_event *event)
{
	perfring_tap_detach(&perfring_switches, event);
}

const struct perfring_source perfring_source_sched_switch = {
	.name	= "sched_switch",
	.check	= perfring_sched_switch_check,
	.attach	= perfring_sched_switch_attach,
	.detach	= perfring_sched_switch_detach,
};

static int perfring_sched_switch_start(void)
{
	return tracepoint_probe_register(perfring_tracepoint, perfring_sched_switch, NULL);
}

static void perfring_sched_switch_stop(void)
{
	tracepoint_probe_unregister(perfring_tracepoint, perfring_sched_switch, NULL);
}

static struct perfring_tap perfring_switches = {
	.start	= perfring_sched_switch_start,
	.stop	= perfring_sched_switch_stop,
};

/* A kernel without tracepoints leaves it unset, and the source says -ENOENT. */
int perfring_sched_switch_init(void)
{
	perfring_tracepoint = perfring_tap_tracepoint("sched_switch");
	return perfring_tap_init(&perfring_switches);
}

void perfring_sched_switch_exit(void)
{
	/* A probe that was unregistered may still run. */
	tracepoint_synchronize_unregister();
	perfring_tap_exit(&perfring_switches);
}
