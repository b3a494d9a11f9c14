// SPDX-License-Identifier: GPL-2.0
/*
 * A module that is a source of perfring, and what it does is up to the test, by
 * its parameters in /sys/module/perfring_client/parameters:
 *
 *	register	(write) be one more source of that name
 *	unregister	(write) be it no more
 *	flags		flags of those to come
 *	refuse		what start() returns, positive
 *	emit		(write) "CONTEXT HOW COUNT LENGTH": records by the first source, on
 *			the CPU of the one who writes; CONTEXT is task, softirq, hardirq or
 *			nmi; HOW is output, commit, discard, or mixed, which reserves,
 *			outputs another one inside, and commits
 *	taken		what the last emit returned in all: events that took a record
 *	load		microseconds from one record to the next, by a timer of each CPU; 0:
 *			no more
 *	starts, stops	calls of start() and stop()
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/apic.h>
#include <asm/nmi.h>
#endif
#include "compat.h"
#include "perfring_output.h"

/* As client_test.c has it. */
struct sample_payload {
	u32 number;
	u32 context;
	u8 rest[];	/* byte i of the payload is number + i */
};

#define SAMPLE_LEN	4096

enum { TASK, SOFTIRQ, HARDIRQ, NMI, CONTEXTS };

static const char *const sample_contexts[] = { "task", "softirq", "hardirq", "nmi" };

struct sample {
	struct perfring_client client;
	struct list_head entry;
	char name[64];
};

static LIST_HEAD(samples);
static DEFINE_MUTEX(samples_lock); /* samples */
static bool sample_ready;

static unsigned int flags;
module_param(flags, uint, 0644);
static int refuse;
module_param(refuse, int, 0644);
static int starts, stops;
module_param(starts, int, 0444);
module_param(stops, int, 0444);
static int taken;
module_param(taken, int, 0444);

static int sample_start(struct perfring_client *client, unsigned int cpu)
{
	if (refuse)
		return -refuse;
	starts++;
	return 0;
}

static void sample_stop(struct perfring_client *client, unsigned int cpu)
{
	stops++;
}

static int sample_register(const char *val, const struct kernel_param *kp)
{
	struct sample *sample = kzalloc(sizeof(*sample), GFP_KERNEL);
	int ret;

	if (!sample)
		return -ENOMEM;
	strscpy(sample->name, val, sizeof(sample->name));
	strim(sample->name);
	sample->client.name = sample->name;
	sample->client.flags = flags;
	sample->client.start = sample_start;
	sample->client.stop = sample_stop;
	mutex_lock(&samples_lock);
	ret = perfring_client_register(&sample->client);
	if (ret >= 0) {
		list_add_tail(&sample->entry, &samples);
		/* Twice is once too often. */
		WARN_ON(perfring_client_register(&sample->client) != -EBUSY);
	}
	mutex_unlock(&samples_lock);
	if (ret < 0)
		kfree(sample);
	return ret < 0 ? ret : 0;
}

static void sample_unregister_one(struct sample *sample)
{
	perfring_client_unregister(&sample->client);
	/* Both are nothing. */
	perfring_client_unregister(&sample->client);
	WARN_ON(perfring_client_output(&sample->client, sample, 8) != -ENODEV);
	list_del(&sample->entry);
	kfree(sample);
}

static int sample_unregister(const char *val, const struct kernel_param *kp)
{
	struct sample *sample, *next;
	char name[64];
	int ret = -ENOENT;

	strscpy(name, val, sizeof(name));
	strim(name);
	mutex_lock(&samples_lock);
	list_for_each_entry_safe(sample, next, &samples, entry)
		if (!strcmp(sample->name, name)) {
			sample_unregister_one(sample);
			ret = 0;
		}
	mutex_unlock(&samples_lock);
	return ret;
}

/* One visit to a context. */
static struct {
	struct perfring_client *client;
	char how[16];
	unsigned int context;
	unsigned int count;
	unsigned int len;
	unsigned int done;
	u8 *payload;
} sample_visit;

static void sample_fill(u8 *to, unsigned int number)
{
	struct sample_payload head = { .number = number, .context = sample_visit.context };
	unsigned int i;

	for (i = 0; i < sample_visit.len; i++)
		to[i] = number + i;
	memcpy(to, &head, min_t(size_t, sizeof(head), sample_visit.len));
}

/* Runs in the context that was asked for. */
static void sample_emit_here(void)
{
	bool output = !strcmp(sample_visit.how, "output");
	bool discard = !strcmp(sample_visit.how, "discard");
	bool mixed = !strcmp(sample_visit.how, "mixed");
	struct perfring_client_reservation reservation;
	struct perfring_client *client = sample_visit.client;
	unsigned int i;
	int ret;

	for (i = 0; i < sample_visit.count; i++) {
		if (output) {
			sample_fill(sample_visit.payload, i);
			ret = perfring_client_output(client, sample_visit.payload,
						     sample_visit.len);
			if (ret < 0) {
				taken = ret;
				break;
			}
			taken += ret;
			continue;
		}
		if (!perfring_client_reserve(client, sample_visit.len, &reservation))
			continue;
		taken++;
		sample_fill(reservation.data, i);
		if (mixed) {
			sample_fill(sample_visit.payload, i + 1000);
			perfring_client_output(client, sample_visit.payload, sample_visit.len);
		}
		if (discard)
			perfring_client_discard(&reservation);
		else
			perfring_client_commit(&reservation);
	}
	smp_store_release(&sample_visit.done, 1); /* pairs with sample_wait() */
}

static void sample_tasklet_run(struct tasklet_struct *tasklet)
{
	sample_emit_here();
}

static void sample_irq_work_run(struct irq_work *work)
{
	sample_emit_here();
}

static DECLARE_TASKLET(sample_tasklet, sample_tasklet_run);
static struct irq_work sample_irq_work = IRQ_WORK_INIT_HARD(sample_irq_work_run);

#ifdef CONFIG_X86_LOCAL_APIC
static atomic_t sample_nmi_due = ATOMIC_INIT(0);

static int sample_nmi(unsigned int type, struct pt_regs *regs)
{
	if (!atomic_cmpxchg(&sample_nmi_due, 1, 0))
		return NMI_DONE;
	sample_emit_here();
	return NMI_HANDLED;
}

/* The interrupt controller can send its own CPU one; the caller has preemption off. */
static int sample_nmi_raise(void)
{
	atomic_set(&sample_nmi_due, 1);
	apic->send_IPI(smp_processor_id(), NMI_VECTOR);
	return 0;
}

static int sample_nmi_init(void)
{
	return register_nmi_handler(NMI_LOCAL, sample_nmi, 0, KBUILD_MODNAME);
}

static void sample_nmi_exit(void)
{
	unregister_nmi_handler(NMI_LOCAL, KBUILD_MODNAME);
}
#else
/* No way for a module to make an NMI here: the test skips what needs one. */
static int sample_nmi_raise(void)
{
	return -EOPNOTSUPP;
}

static int sample_nmi_init(void)
{
	return 0;
}

static void sample_nmi_exit(void)
{
}
#endif

/* Preemption is off, so that all of it is on one CPU. */
static int sample_raise(void)
{
	switch (sample_visit.context) {
	case TASK:
		sample_emit_here();
		return 0;
	case SOFTIRQ:
		tasklet_schedule(&sample_tasklet);
		return 0;
	case HARDIRQ:
		return irq_work_queue(&sample_irq_work) ? 0 : -EBUSY;
	default:
		return sample_nmi_raise();
	}
}

static int sample_wait(void)
{
	int i;

	for (i = 0; i < 5000; i++) {
		if (smp_load_acquire(&sample_visit.done)) /* pairs with sample_emit_here() */
			break;
		usleep_range(1000, 2000);
	}
	tasklet_kill(&sample_tasklet);
	irq_work_sync(&sample_irq_work);
	return sample_visit.done ? 0 : -ETIMEDOUT;
}

static int sample_emit(const char *val, const struct kernel_param *kp)
{
	char context[16];
	struct sample *sample;
	int ret;

	if (!sample_ready)
		return -EAGAIN;
	mutex_lock(&samples_lock);
	ret = -EINVAL;
	if (sscanf(val, "%15s %15s %u %u", context, sample_visit.how, &sample_visit.count,
		   &sample_visit.len) != 4)
		goto out;
	ret = match_string(sample_contexts, CONTEXTS, context);
	if (ret < 0)
		goto out;
	sample_visit.context = ret;
	sample = list_first_entry_or_null(&samples, struct sample, entry);
	ret = -ENODEV;
	if (!sample)
		goto out;
	sample_visit.client = &sample->client;
	sample_visit.done = 0;
	sample_visit.payload = kzalloc(max_t(size_t, sample_visit.len, SAMPLE_LEN), GFP_KERNEL);
	ret = -ENOMEM;
	if (!sample_visit.payload)
		goto out;
	taken = 0;
	preempt_disable();
	ret = sample_raise();
	preempt_enable();
	if (!ret)
		ret = sample_wait();
	kfree(sample_visit.payload);
out:
	mutex_unlock(&samples_lock);
	return ret;
}

static DEFINE_PER_CPU(struct hrtimer, sample_timers);
static unsigned int sample_interval;
static struct sample sample_loader = { .name = "load" };

/* By turns an output, a record that is committed, and one that is not. */
static enum hrtimer_restart sample_tick(struct hrtimer *timer)
{
	struct perfring_client_reservation reservation;
	u64 payload[8] = { ktime_get_mono_fast_ns() };

	if (payload[0] % 3 == 0) {
		perfring_client_output(&sample_loader.client, payload, sizeof(payload));
	} else if (perfring_client_reserve(&sample_loader.client, sizeof(payload),
					   &reservation)) {
		memcpy(reservation.data, payload, sizeof(payload));
		if (payload[0] % 3 == 1)
			perfring_client_commit(&reservation);
		else
			perfring_client_discard(&reservation);
	}
	hrtimer_forward_now(timer, ns_to_ktime(READ_ONCE(sample_interval) * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static void sample_load_start(void *unused)
{
	hrtimer_start(this_cpu_ptr(&sample_timers), ns_to_ktime(sample_interval * NSEC_PER_USEC),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

static void sample_load_stop(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		hrtimer_cancel(per_cpu_ptr(&sample_timers, cpu));
	sample_interval = 0;
}

/*
 * The source "load" is registered while it runs: the timers go on when it is not,
 * which is what they are for.
 */
static int sample_load(const char *val, const struct kernel_param *kp)
{
	unsigned int interval;
	int ret = kstrtouint(val, 0, &interval);

	if (ret)
		return ret;
	mutex_lock(&samples_lock);
	if (interval && !sample_interval) {
		sample_interval = interval;
		on_each_cpu(sample_load_start, NULL, 1);
	} else if (interval) {
		ret = -EBUSY;
	} else {
		sample_load_stop();
	}
	mutex_unlock(&samples_lock);
	return ret;
}

/* 1: register the source "load", 0: unregister it, whether its timers run or not */
static int sample_loaded(const char *val, const struct kernel_param *kp)
{
	bool on;
	int ret = kstrtobool(val, &on);

	if (ret)
		return ret;
	sample_loader.client.name = sample_loader.name;
	if (!on) {
		perfring_client_unregister(&sample_loader.client);
		return 0;
	}
	ret = perfring_client_register(&sample_loader.client);
	return ret < 0 ? ret : 0;
}

static const struct kernel_param_ops register_ops = { .set = sample_register };
static const struct kernel_param_ops unregister_ops = { .set = sample_unregister };
static const struct kernel_param_ops emit_ops = { .set = sample_emit };
static const struct kernel_param_ops load_ops = { .set = sample_load };
static const struct kernel_param_ops loaded_ops = { .set = sample_loaded };

module_param_cb(register, &register_ops, NULL, 0200);
module_param_cb(unregister, &unregister_ops, NULL, 0200);
module_param_cb(emit, &emit_ops, NULL, 0200);
module_param_cb(load, &load_ops, NULL, 0200);
module_param_cb(loaded, &loaded_ops, NULL, 0200);

static int __init sample_init(void)
{
	unsigned int cpu;
	int ret = sample_nmi_init();

	if (ret)
		return ret;
	for_each_possible_cpu(cpu)
		hrtimer_setup(per_cpu_ptr(&sample_timers, cpu), sample_tick, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_PINNED_HARD);
	ret = sample_register("sample", NULL);
	if (ret) {
		sample_nmi_exit();
		return ret;
	}
	sample_ready = true;
	return 0;
}

static void __exit sample_exit(void)
{
	struct sample *sample, *next;

	/* Sources first, so that the timers run into it. */
	perfring_client_unregister(&sample_loader.client);
	list_for_each_entry_safe(sample, next, &samples, entry)
		sample_unregister_one(sample);
	sample_load_stop();
	sample_nmi_exit();
}

module_init(sample_init);
module_exit(sample_exit);

MODULE_IMPORT_PERFRING();
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("a source of perfring for its selftests");
MODULE_AUTHOR("The perfring developers");
