// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own tracepoint sched:sched_switch.
 */
#include <linux/capability.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include "perfring.h"

static struct tracepoint *perfring_tracepoint;

/* Events attached on each CPU; written under the mutex, read by the probe there. */
static DEFINE_PER_CPU(struct hlist_head, perfring_switchers);
static DEFINE_MUTEX(perfring_switchers_lock);
static unsigned int perfring_switchers_nr;

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
	struct perfring_event *event;

	rcu_read_lock();
	if (hlist_empty(this_cpu_ptr(&perfring_switchers)))
		goto out;
	memcpy(payload.prev_comm, prev->comm, sizeof(payload.prev_comm));
	payload.prev_pid = prev->pid;
	payload.prev_prio = prev->prio;
	payload.prev_state = perfring_prev_state(preempt, prev_state, prev);
	memcpy(payload.next_comm, next->comm, sizeof(payload.next_comm));
	payload.next_pid = next->pid;
	payload.next_prio = next->prio;
	hlist_for_each_entry_rcu(event, this_cpu_ptr(&perfring_switchers), attached) {
		if (!perfring_event_on(event) || !perfring_source_due(event))
			continue;
		record.period = READ_ONCE(event->attr.sample_period);
		perfring_output(event, &record);
	}
out:
	rcu_read_unlock();
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
	int ret = 0;

	mutex_lock(&perfring_switchers_lock);
	if (!perfring_switchers_nr)
		ret = tracepoint_probe_register(perfring_tracepoint, perfring_sched_switch, NULL);
	if (!ret) {
		perfring_switchers_nr++;
		hlist_add_head_rcu(&event->attached,
				   per_cpu_ptr(&perfring_switchers, event->device->cpu));
	}
	mutex_unlock(&perfring_switchers_lock);
	return ret;
}

static void perfring_sched_switch_detach(struct perfring_event *event)
{
	mutex_lock(&perfring_switchers_lock);
	hlist_del_rcu(&event->attached);
	if (!--perfring_switchers_nr)
		tracepoint_probe_unregister(perfring_tracepoint, perfring_sched_switch, NULL);
	mutex_unlock(&perfring_switchers_lock);
}

const struct perfring_source perfring_source_sched_switch = {
	.name	= "sched_switch",
	.check	= perfring_sched_switch_check,
	.attach	= perfring_sched_switch_attach,
	.detach	= perfring_sched_switch_detach,
};

static void perfring_find_tracepoint(struct tracepoint *tracepoint, void *unused)
{
	if (!strcmp(tracepoint->name, "sched_switch"))
		perfring_tracepoint = tracepoint;
}

/* A kernel without tracepoints leaves it unset, and the source says -ENOENT. */
int perfring_sched_switch_init(void)
{
	for_each_kernel_tracepoint(perfring_find_tracepoint, NULL);
	return 0;
}

void perfring_sched_switch_exit(void)
{
	/* A probe that was unregistered may still run. */
	tracepoint_synchronize_unregister();
}
