// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel function, or an instruction in it, whenever the CPU comes there.
 *
 * Each event has a kprobe of its own, as perf's have.  It is registered when the
 * attr is set, so that a bad symbol is told where perf_event_open(2) would, and
 * armed while the event is enabled.  A hit inside of another one's handler, our
 * writer being probed for instance, the kernel skips and counts.
 *
 * A probe in the writer's loop for room must not take room in the very ring, each
 * time round: the loop would never end.  So those in this module skip their hits
 * while anybody writes to their ring.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/error-injection.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "source.h"

/**
 * struct perfring_kprobe - what an event of this source keeps
 * @kprobe: registered; enabled while the event is
 * @event: whose it is; set before the kprobe is enabled
 * @show_ip: the one who set the attr may see kernel addresses
 * @own: the probed address is in this module
 * @symbol: as the user gave it
 * @entry: in perfring_kprobes
 */
struct perfring_kprobe {
	struct kprobe kprobe;
	struct perfring_event *event;
	bool show_ip;
	bool own;
	char *symbol;
	struct list_head entry;
};

static LIST_HEAD(perfring_kprobes);
static DEFINE_MUTEX(perfring_kprobes_lock); /* perfring_kprobes, ..._missed_before */
static u64 perfring_kprobes_missed_before;
static atomic64_t perfring_kprobes_skipped;

static bool perfring_kprobe_in_writer(const struct perfring_event *event)
{
	const struct perfring_ring *ring = rcu_dereference_sched(event->ring);

	return ring && READ_ONCE(ring->core.nest);
}

/* Called with preemption off, as deep in the kernel as there are functions. */
static int perfring_kprobe_hit(struct kprobe *kprobe, struct pt_regs *regs)
{
	struct perfring_kprobe *probe = container_of(kprobe, struct perfring_kprobe, kprobe);
	struct perfring_event *event = READ_ONCE(probe->event);
	struct perfring_kprobe_payload payload;
	struct perfring_record record = {
		.type = PERF_RECORD_SAMPLE,
		.data = &payload,
		.len = sizeof(payload),
		.ip = (unsigned long)kprobe->addr,
		.regs = regs,
	};

	/* The kprobe is hit on all CPUs. */
	if (!event || raw_smp_processor_id() != event->device->cpu || !perfring_event_on(event))
		return 0;
	/* A record that wakes its reader would hit what wakes it. */
	if (perfring_waking() || (probe->own && perfring_kprobe_in_writer(event))) {
		atomic64_inc(&perfring_kprobes_skipped);
		return 0;
	}
	payload.ip = probe->show_ip ? record.ip : 0;
	perfring_task_ids(event, current, &payload.pid, &payload.tid);
	memcpy(payload.comm, current->comm, sizeof(payload.comm));
	perfring_source_output(event, &record);
	return 0;
}

NOKPROBE_SYMBOL(perfring_kprobe_hit);

static int perfring_kprobe_check(const struct perf_event_attr *attr)
{
	/* As perf, before anything is said of the symbol. */
	if (!perfmon_capable())
		return -EACCES;
	return attr->config1 && attr->config2 <= UINT_MAX ? 0 : -EINVAL;
}

static char *perfring_kprobe_symbol(u64 address)
{
	char *symbol = strndup_user(u64_to_user_ptr(address), KSYM_NAME_LEN);

	if (PTR_ERR(symbol) == -EINVAL)
		return ERR_PTR(-E2BIG);
	if (!IS_ERR(symbol) && !*symbol) {
		kfree(symbol);
		return ERR_PTR(-EINVAL);
	}
	return symbol;
}

static int perfring_kprobe_prepare(struct perf_event_attr *attr, void **state)
{
	struct perfring_kprobe *probe;
	int ret;

	ret = security_locked_down(LOCKDOWN_KPROBES);
	if (ret)
		return ret;
	probe = kzalloc(sizeof(*probe), GFP_KERNEL_ACCOUNT);
	if (!probe)
		return -ENOMEM;
	probe->symbol = perfring_kprobe_symbol(attr->config1);
	if (IS_ERR(probe->symbol)) {
		ret = PTR_ERR(probe->symbol);
		goto free;
	}
	probe->show_ip = perfring_sysctl_addresses();
	probe->kprobe.symbol_name = probe->symbol;
	probe->kprobe.offset = attr->config2;
	probe->kprobe.pre_handler = perfring_kprobe_hit;
	probe->kprobe.flags = KPROBE_FLAG_DISABLED;
	ret = register_kprobe(&probe->kprobe);
	if (ret)
		goto free_symbol;
	probe->own = within_module((unsigned long)probe->kprobe.addr, THIS_MODULE);
	/* The name has been copied: nothing later may follow the user's pointer. */
	attr->config1 = 0;
	mutex_lock(&perfring_kprobes_lock);
	list_add(&probe->entry, &perfring_kprobes);
	mutex_unlock(&perfring_kprobes_lock);
	*state = probe;
	return 0;

free_symbol:
	kfree(probe->symbol);
free:
	kfree(probe);
	return ret;
}

static void perfring_kprobe_release(void *state)
{
	struct perfring_kprobe *probe = state;

	/* Waits for who is inside. */
	unregister_kprobe(&probe->kprobe);
	mutex_lock(&perfring_kprobes_lock);
	list_del(&probe->entry);
	perfring_kprobes_missed_before += probe->kprobe.nmissed;
	mutex_unlock(&perfring_kprobes_lock);
	kfree(probe->symbol);
	kfree(probe);
}

static noinline int perfring_kprobe_arm(struct perfring_kprobe *probe)
{
	return enable_kprobe(&probe->kprobe);
}

/* Nothing else makes it fail: for fault_test. */
ALLOW_ERROR_INJECTION(perfring_kprobe_arm, ERRNO);

static int perfring_kprobe_attach(struct perfring_event *event)
{
	struct perfring_kprobe *probe = event->state;

	/* The module with the function may be gone. */
	if (kprobe_gone(&probe->kprobe))
		return -ENOENT;
	WRITE_ONCE(probe->event, event);
	return perfring_kprobe_arm(probe);
}

static void perfring_kprobe_detach(struct perfring_event *event)
{
	struct perfring_kprobe *probe = event->state;

	/* A function that is gone is not called, so there is nothing to be done. */
	disable_kprobe(&probe->kprobe);
	WRITE_ONCE(probe->event, NULL);
}

const struct perfring_source perfring_source_kprobe = {
	.name		= "kprobe",
	.check		= perfring_kprobe_check,
	.prepare	= perfring_kprobe_prepare,
	.release	= perfring_kprobe_release,
	.attach		= perfring_kprobe_attach,
	.detach		= perfring_kprobe_detach,
};

/* Hits that are not told: inside another kprobe's handler, the writer, or a wakeup. */
u64 perfring_kprobes_missed(void)
{
	struct perfring_kprobe *probe;
	u64 missed;

	mutex_lock(&perfring_kprobes_lock);
	missed = perfring_kprobes_missed_before + atomic64_read(&perfring_kprobes_skipped);
	list_for_each_entry(probe, &perfring_kprobes, entry)
		missed += READ_ONCE(probe->kprobe.nmissed);
	mutex_unlock(&perfring_kprobes_lock);
	return missed;
}
