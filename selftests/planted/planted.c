// SPDX-License-Identifier: GPL-2.0
/*
 * One mistake for each thing that a debug kernel looks for: "insmod planted.ko bug=NAME"
 * makes it once. Only for a machine that is thrown away afterwards.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

#define SIZE	40	/* between two of the slab's sizes, and not a whole page */

static char *bug = "none";
module_param(bug, charp, 0);
MODULE_PARM_DESC(bug, "the name of the mistake to make");

/* Not known to the compiler, which would see the mistake else. */
static unsigned int size = SIZE;

static void plant_none(void)
{
}

static void plant_slab_overflow(void)
{
	char *p = kmalloc(size, GFP_KERNEL);

	if (p)
		WRITE_ONCE(p[size], 1);
	kfree(p);
}

static void plant_use_after_free(void)
{
	char *p = kmalloc(size, GFP_KERNEL);

	kfree(p);
	if (p)
		WRITE_ONCE(p[1], 1);
}

static void plant_vmalloc_overflow(void)
{
	char *p = vmalloc(size);

	if (p)
		WRITE_ONCE(p[size], 1);
	vfree(p);
}

static void plant_leak(void)
{
	char *p = kmalloc(size, GFP_KERNEL);

	if (p)
		WRITE_ONCE(p[0], 1);
}

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static void plant_lock_inversion(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

/* A spinlock that hard interrupts take, taken with them on. */
static DEFINE_RAW_SPINLOCK(shared);

static void take_it(struct irq_work *work)
{
	raw_spin_lock(&shared);
	raw_spin_unlock(&shared);
}

static void plant_irq_unsafe_lock(void)
{
	static struct irq_work work = IRQ_WORK_INIT_HARD(take_it);

	irq_work_queue(&work);
	irq_work_sync(&work);
	raw_spin_lock(&shared);
	raw_spin_unlock(&shared);
}

static void plant_atomic_sleep(void)
{
	preempt_disable();
	might_sleep();
	preempt_enable();
}

/* What a kernel without DEBUG_ATOMIC_SLEEP sees as well. */
static void plant_atomic_schedule(void)
{
	preempt_disable();
	usleep_range(1000, 2000);
	/* The scheduler has put the count right. */
	if (preempt_count())
		preempt_enable();
}

static void plant_preemptible_cpu(void)
{
	pr_info("on CPU %d\n", smp_processor_id());
}

static void plant_shift(void)
{
	unsigned int bits = size;

	OPTIMIZER_HIDE_VAR(bits);
	pr_info("%d\n", 1 << bits);
}

static void plant_bounds(void)
{
	static int table[SIZE];
	unsigned int i = size;

	OPTIMIZER_HIDE_VAR(i);
	pr_info("%d\n", table[i]);
}

static void plant_list(void)
{
	static LIST_HEAD(list);
	static LIST_HEAD(stranger);
	static LIST_HEAD(entry);

	list.next = &stranger;
	list_add(&entry, &list);
	INIT_LIST_HEAD(&list);
}

static void fired(struct timer_list *timer)
{
}

static void plant_object(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (timer) {
		timer_setup(timer, fired, 0);
		mod_timer(timer, jiffies + 1000 * HZ);
	}
	kfree(timer);
}

static long raced;

static int racer(void *done)
{
	unsigned long end = jiffies + 3 * HZ;

	while (time_before(jiffies, end)) {
		int i;

		for (i = 0; i < 1000; i++) {
			raced++;
			barrier();
		}
		cond_resched();
	}
	/* Nothing of the module may run once it is told. */
	kthread_complete_and_exit(done, 0);
}

static void plant_race(void)
{
	DECLARE_COMPLETION_ONSTACK(done);
	int i, started = 0;

	for (i = 0; i < 2; i++)
		started += !IS_ERR(kthread_run(racer, &done, "planted/%d", i));
	while (started--)
		wait_for_completion(&done);
	pr_info("%ld\n", raced);
}

static const struct {
	const char *name;
	void (*plant)(void);
} bugs[] = {
	{ "none", plant_none },
	{ "slab_overflow", plant_slab_overflow },
	{ "use_after_free", plant_use_after_free },
	{ "vmalloc_overflow", plant_vmalloc_overflow },
	{ "leak", plant_leak },
	{ "lock_inversion", plant_lock_inversion },
	{ "irq_unsafe_lock", plant_irq_unsafe_lock },
	{ "atomic_sleep", plant_atomic_sleep },
	{ "atomic_schedule", plant_atomic_schedule },
	{ "preemptible_cpu", plant_preemptible_cpu },
	{ "shift", plant_shift },
	{ "bounds", plant_bounds },
	{ "list", plant_list },
	{ "object", plant_object },
	{ "race", plant_race },
};

static int __init planted_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (!strcmp(bug, bugs[i].name)) {
			bugs[i].plant();
			return 0;
		}
	}
	return -ENOENT;
}
module_init(planted_init);

static void __exit planted_exit(void)
{
}
module_exit(planted_exit);

MODULE_DESCRIPTION("mistakes to be reported");
MODULE_LICENSE("GPL");
