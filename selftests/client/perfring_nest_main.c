// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts a writer of perfring at a chosen instruction: a kprobe whose handler
 * writes records of the same source.  See perfring_nest.h; nest_probe_test.c and
 * nest_nmi_test.c use it.
 *
 * The handler writes once for each outer record.  One that wrote at each hit would,
 * in the loop that looks for room, keep the outer writer from ever getting it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/hw_breakpoint.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/perf_event.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/nmi.h>
#endif
#include "compat.h"
#include "perfring.h"
#include "perfring_nest.h"
#include "perfring_nest_outer.h"
#include "perfring_output.h"

struct perfring_client nest_client = { .name = "nest" };

struct nest_point {
	struct kprobe kprobe;
	unsigned int hits;
};

static DEFINE_MUTEX(nest_lock); /* all of this, against other tasks */
static struct nest_point **nest_points;
static unsigned int nest_nr;

/* The event that is looked at, and who waits for it. */
static struct file *nest_file;
struct perfring_event *nest_event;
static struct perf_event_mmap_page *nest_page;
static wait_queue_head_t *nest_queue;
static wait_queue_entry_t nest_waiter;
static struct perf_event * __percpu *nest_heads;

/* The write that runs, on nest_cpu alone. */
struct nest_write nest_run;
struct nest_point *nest_armed, *nest_trigger;
static struct nest_point *nest_second;
static bool nest_running;
int nest_cpu;
static unsigned int nest_visit;
static u8 nest_inner_payload[NEST_LEN];

/* The only places that know what a ring of perfring has inside. */
static u32 nest_inside(void)
{
	struct perfring_ring *ring = rcu_dereference_sched(nest_event->ring);

	return READ_ONCE(ring->core.nest);
}

u64 nest_head(void)
{
	struct perfring_ring *ring = rcu_dereference_sched(nest_event->ring);

	return perfring_local_read(&ring->core.head);
}

/* A record that is not the outer one. */
static int nest_output(u32 number, u32 inner, u32 len)
{
	nest_fill(nest_inner_payload, number, inner, len);
	return nest_sample(nest_inner_payload, len);
}

static void nest_inner(void)
{
	u32 i;

	nest_run.nest = nest_inside();
	nest_run.head = nest_head();
	nest_run.heads_before = nest_run.heads;
	/* As PERF_EVENT_IOC_REFRESH of another CPU begins. */
	if (nest_run.refresh)
		atomic_inc(&nest_event->limit);
	for (i = 0; i < nest_run.count; i++)
		nest_run.inner_ret[i] = nest_output(nest_run.number + 1 + i, 1,
						    nest_run.inner_len[i]);
	nest_run.heads_inside = nest_run.heads - nest_run.heads_before;
	nest_run.fired = 1;
}

/* What leads to where others then come inside. */
static void nest_first(void)
{
	u32 i;

	if (nest_run.refresh)
		atomic_inc(&nest_event->limit);
	for (i = 0; i < nest_run.trigger_count; i++)
		nest_run.trigger_ret += nest_output(nest_run.number + nest_run.count + 2, 1,
						    nest_run.trigger_len) > 0;
	nest_run.triggered++;
}

static int nest_hit(struct kprobe *kprobe, struct pt_regs *regs)
{
	struct nest_point *point = container_of(kprobe, struct nest_point, kprobe);

	if (!READ_ONCE(nest_running) || smp_processor_id() != nest_cpu ||
	    nest_run.index == NEST_QUIET)
		return 0;
	point->hits++;
	if (point == nest_trigger) {
		nest_trigger = NULL;
		nest_first();
	} else if (point == nest_second && !nest_trigger) {
		nest_second = NULL;
		nest_first();
	}
	if (point != nest_armed || nest_trigger || nest_second)
		return 0;
	nest_run.hits++;
	if (nest_visit++ == nest_run.visit)
		nest_inner();
	return 0;
}

/* The processor says so of each store to data_head. */
static void __maybe_unused nest_head_stored(struct perf_event *event,
					    struct perf_sample_data *data,
					    struct pt_regs *regs)
{
	if (!READ_ONCE(nest_running) || smp_processor_id() != nest_cpu)
		return;
	if (nest_run.heads < NEST_HEADS)
		nest_run.data_head[nest_run.heads] = READ_ONCE(nest_page->data_head);
	nest_run.heads++;
}

static int nest_woken(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	if (READ_ONCE(nest_running)) {
		nest_run.wakeups++;
		nest_run.wakeup_head = READ_ONCE(nest_page->data_head);
	}
	return 0;
}

static void nest_wait_on(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	nest_queue = queue;
	init_waitqueue_func_entry(&nest_waiter, nest_woken);
	add_wait_queue(queue, &nest_waiter);
}

static void nest_forget(void)
{
	if (nest_heads)
		unregister_wide_hw_breakpoint(nest_heads);
	nest_heads = NULL;
	if (nest_queue)
		remove_wait_queue(nest_queue, &nest_waiter);
	nest_queue = NULL;
	nest_event = NULL;
	if (nest_file)
		fput(nest_file);
	nest_file = NULL;
}

static int nest_watch(struct nest_watch *watch)
{
	struct perf_event_attr __maybe_unused attr;
	struct perfring_ring *ring;
	struct poll_table_struct table;

	nest_forget();
	watch->error = 0;
	if (watch->fd < 0)
		return 0;
	nest_file = fget(watch->fd);
	if (!nest_file)
		return -EBADF;
	nest_event = nest_file->private_data;
	rcu_read_lock_sched();
	ring = rcu_dereference_sched(nest_event->ring);
	nest_page = ring ? ring->core.page : NULL;
	rcu_read_unlock_sched();
	if (!nest_page) {
		nest_forget();
		return -ENXIO;
	}
	init_poll_funcptr(&table, nest_wait_on);
	vfs_poll(nest_file, &table);

	/* arm64 stops before the store and is not stepped over it: it would be tried for ever. */
#if defined(CONFIG_HAVE_HW_BREAKPOINT) && !defined(CONFIG_ARM64)
	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)&nest_page->data_head;
	attr.bp_len = BITS_PER_LONG == 64 ? HW_BREAKPOINT_LEN_8 : HW_BREAKPOINT_LEN_4;
	attr.bp_type = HW_BREAKPOINT_W;
	nest_heads = register_wide_hw_breakpoint(&attr, nest_head_stored, NULL);
	if (IS_ERR((void __force *)nest_heads)) {
		watch->error = PTR_ERR((void __force *)nest_heads);
		nest_heads = NULL;
	}
#else
	watch->error = -EOPNOTSUPP;
#endif
	return 0;
}

static u16 nest_size(struct kprobe *kprobe)
{
#ifdef CONFIG_KPROBES_ON_FTRACE
	if (kprobe_ftrace(kprobe))
		return MCOUNT_INSN_SIZE;
#endif
#ifdef CONFIG_X86
	return kprobe->ainsn.size;
#else
	return 0;
#endif
}

static int nest_probe(struct nest_probe *probe)
{
	struct nest_point *point;

	if (nest_nr >= NEST_PROBES)
		return -ENOSPC;
	point = kzalloc(sizeof(*point), GFP_KERNEL);
	if (!point)
		return -ENOMEM;
	point->kprobe.addr = (kprobe_opcode_t *)(unsigned long)probe->addr;
	point->kprobe.pre_handler = nest_hit;
	point->kprobe.flags = KPROBE_FLAG_DISABLED;
	probe->error = register_kprobe(&point->kprobe);
	if (probe->error) {
		kfree(point);
		return 0;
	}
	probe->addr = (unsigned long)point->kprobe.addr;
	probe->size = nest_size(&point->kprobe);
	probe->by_ftrace = kprobe_ftrace(&point->kprobe);
	nest_points[nest_nr++] = point;
	return 0;
}

static int nest_arm(struct nest_arm *arm)
{
	struct nest_point *point;

	if (arm->index >= nest_nr)
		return -EINVAL;
	point = nest_points[arm->index];
	arm->error = arm->on ? enable_kprobe(&point->kprobe) : disable_kprobe(&point->kprobe);
	arm->hits = point->hits;
	point->hits = 0;
	return 0;
}

static void nest_unprobe(void)
{
	struct kprobe **kprobes = kvcalloc(nest_nr + 1, sizeof(*kprobes), GFP_KERNEL);
	unsigned int i;

	/* All at once is one grace period; one by one, should there be no memory. */
	for (i = 0; i < nest_nr; i++) {
		if (kprobes)
			kprobes[i] = &nest_points[i]->kprobe;
		else
			unregister_kprobe(&nest_points[i]->kprobe);
	}
	if (kprobes)
		unregister_kprobes(kprobes, nest_nr);
	kvfree(kprobes);
	for (i = 0; i < nest_nr; i++)
		kfree(nest_points[i]);
	nest_nr = 0;
}

static void nest_nothing(struct irq_work *work)
{
}

static DEFINE_IRQ_WORK(nest_last, nest_nothing);

/* The CPU is back, and its writers are told of, as perfring_cpu_online() does it. */
static void nest_up(void)
{
	void (*wake)(struct perfring_event *event) = (void *)(unsigned long)nest_run.wake;

	nest_run.wakeups_down = nest_run.wakeups;
	WRITE_ONCE(nest_event->device->down, false);
	wake(nest_event);
}

static int nest_write(void)
{
	u32 i;

	if (!nest_event || nest_run.len > NEST_LEN || nest_run.count > NEST_INNER ||
	    nest_run.index > NEST_QUIET || nest_run.trigger_len > NEST_LEN)
		return -EINVAL;
	if ((nest_run.direct || nest_run.op == NEST_RECORD) && !nest_run.output)
		return -EINVAL;
	if (nest_run.op == NEST_SHORT && !nest_run.reserve)
		return -EINVAL;
	for (i = 0; i < nest_run.count; i++)
		if (nest_run.inner_len[i] > NEST_LEN)
			return -EINVAL;
	nest_armed = nest_run.index < nest_nr ? nest_points[nest_run.index] : NULL;
	nest_trigger = nest_run.trigger < nest_nr ? nest_points[nest_run.trigger] : NULL;
	nest_second = nest_run.second < nest_nr ? nest_points[nest_run.second] : NULL;
	nest_visit = 0;
	memset_after(&nest_run, 0, inner_len);

	rcu_read_lock_sched();
	if (nest_run.new_high)
		perfring_local_set(&rcu_dereference_sched(nest_event->ring)->core.high_water, 0);
	rcu_read_unlock_sched();
	if (nest_run.limit)
		atomic_set(&nest_event->limit, nest_run.limit);
	nest_cpu = raw_smp_processor_id();
	WRITE_ONCE(nest_running, true);
	/* As perfring_cpu_offline() leaves it. */
	if (nest_run.wake)
		WRITE_ONCE(nest_event->device->down, true);
	nest_outer_write();
	/* Behind what the writers have queued on this CPU, on which the caller stays. */
	irq_work_queue(&nest_last);
	irq_work_sync(&nest_last);
	if (nest_run.wake)
		nest_up();
	WRITE_ONCE(nest_running, false);
	nest_armed = NULL;

	nest_run.limit_after = atomic_read(&nest_event->limit);
	rcu_read_lock_sched();
	nest_run.nest_after = nest_inside();
	rcu_read_unlock_sched();
	return 0;
}

#ifdef CONFIG_X86_LOCAL_APIC
static struct nest_nmi nest_nmi_state;
static bool nest_nmi_on;

/* Of the kind that nobody else has claimed, which QEMU's are. */
static int nest_nmi_handler(unsigned int type, struct pt_regs *regs)
{
	struct nest_nmi *now = &nest_nmi_state;
	int ret;

	/* nest_nmi() reads the numbers meanwhile. */
	nest_fill(nest_inner_payload, now->count, 1, now->len);
	WRITE_ONCE(now->nested, now->nested + (nest_inside() != 0));
	ret = perfring_client_output(&nest_client, nest_inner_payload, now->len);
	WRITE_ONCE(now->written, now->written + (ret > 0));
	WRITE_ONCE(now->count, now->count + 1);
	return NMI_HANDLED;
}

static int nest_nmi(struct nest_nmi *nmi)
{
	int ret;

	if (nmi->len > NEST_LEN || !nest_event)
		return -EINVAL;
	if (nmi->on && !nest_nmi_on) {
		nest_nmi_state = (struct nest_nmi) { .len = nmi->len };
		ret = register_nmi_handler(NMI_UNKNOWN, nest_nmi_handler, 0, KBUILD_MODNAME);
		if (ret)
			return ret;
		nest_nmi_on = true;
	} else if (!nmi->on && nest_nmi_on) {
		unregister_nmi_handler(NMI_UNKNOWN, KBUILD_MODNAME);
		nest_nmi_on = false;
	}
	nmi->error = 0;
	nmi->count = READ_ONCE(nest_nmi_state.count);
	nmi->written = READ_ONCE(nest_nmi_state.written);
	nmi->nested = READ_ONCE(nest_nmi_state.nested);
	return 0;
}
#else
static int nest_nmi(struct nest_nmi *nmi)
{
	nmi->error = -EOPNOTSUPP;
	return 0;
}
#endif

static long nest_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	union {
		struct nest_probe probe;
		struct nest_arm arm;
		struct nest_watch watch;
		struct nest_nmi nmi;
	} request;
	long ret = -EFAULT;
	void *data = cmd == NEST_IOC_WRITE ? (void *)&nest_run : (void *)&request;

	if (_IOC_TYPE(cmd) != 'n' || (data == &request && _IOC_SIZE(cmd) > sizeof(request)))
		return -ENOTTY;
	mutex_lock(&nest_lock);
	if (copy_from_user(data, user, _IOC_SIZE(cmd)))
		goto out;
	switch (cmd) {
	case NEST_IOC_PROBE:
		ret = nest_probe(&request.probe);
		break;
	case NEST_IOC_ARM:
		ret = nest_arm(&request.arm);
		break;
	case NEST_IOC_WATCH:
		ret = nest_watch(&request.watch);
		break;
	case NEST_IOC_WRITE:
		ret = nest_write();
		break;
	case NEST_IOC_NMI:
		ret = nest_nmi(&request.nmi);
		break;
	default:
		ret = -ENOTTY;
	}
	if (!ret && copy_to_user(user, data, _IOC_SIZE(cmd)))
		ret = -EFAULT;
out:
	mutex_unlock(&nest_lock);
	return ret;
}

static int nest_release(struct inode *inode, struct file *file)
{
	struct nest_nmi off = {};

	mutex_lock(&nest_lock);
	nest_nmi(&off);
	nest_unprobe();
	nest_forget();
	mutex_unlock(&nest_lock);
	return 0;
}

static const struct file_operations nest_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = nest_ioctl,
	.release = nest_release,
};

static struct miscdevice nest_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "perfring_nest",
	.fops = &nest_fops,
	.mode = 0600,
};

static int __init nest_init(void)
{
	int ret;

	nest_points = kvcalloc(NEST_PROBES, sizeof(*nest_points), GFP_KERNEL);
	if (!nest_points)
		return -ENOMEM;
	ret = nest_outer_init();
	if (ret)
		goto free;
	ret = perfring_client_register(&nest_client);
	if (ret < 0)
		goto outer;
	ret = misc_register(&nest_device);
	if (!ret)
		return 0;
	perfring_client_unregister(&nest_client);
outer:
	nest_outer_exit();
free:
	kvfree(nest_points);
	return ret;
}
module_init(nest_init);

static void __exit nest_exit(void)
{
	misc_deregister(&nest_device);
	perfring_client_unregister(&nest_client);
	nest_outer_exit();
	kvfree(nest_points);
}
module_exit(nest_exit);

MODULE_IMPORT_PERFRING();
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("interrupts writers of perfring for its selftests");
MODULE_AUTHOR("The perfring developers");
