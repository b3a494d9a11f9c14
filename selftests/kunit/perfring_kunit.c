// SPDX-License-Identifier: GPL-2.0
/* The cases of core_cases.h in a kernel; core_test.c runs them in user space. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include "core.h"

#define CORE_CASE(name)		static void core_##name(struct kunit *test)
#define CORE_EQ(expected, seen)	KUNIT_EXPECT_EQ(test, (u64)(expected), (u64)(seen))
#define CORE_ACQUIRE(x)		smp_load_acquire(&(x)) /* C, pairs with B in the writer */
#define CORE_RELEASE(x, v)	smp_store_release(&(x), v) /* D, pairs with A in the writer */
#define CORE_YIELD()		schedule_timeout_uninterruptible(1)

static DECLARE_COMPLETION(core_done);

static int core_run(void *fn)
{
	((void (*)(void))fn)();
	/* Nothing of the module may run once it is told. */
	kthread_complete_and_exit(&core_done, 0);
}

static int core_beside(void (*fn)(void))
{
	return PTR_ERR_OR_ZERO(kthread_run(core_run, fn, "perfring_kunit"));
}

static void core_joined(void)
{
	wait_for_completion(&core_done);
}

#include "core_cases.h"

#define CORE_KUNIT(name)	KUNIT_CASE(core_##name),

static struct kunit_case core_cases[] = {
	CORE_CASES(CORE_KUNIT)
	{}
};

static struct kunit_suite core_suite = {
	.name = "perfring_core",
	.test_cases = core_cases,
};

kunit_test_suite(core_suite);

static bool planted;
module_param(planted, bool, 0);
MODULE_PARM_DESC(planted, "instead of the cases one that is wrong, and has to be told");

/* Nothing has been written. */
static void core_planted(struct kunit *test)
{
	core_reset(0);
	CORE_EQ(8, core_head());
}

static struct kunit_case core_planted_cases[] = {
	CORE_KUNIT(planted)
	{}
};

/* The suite is run after it. */
static int __init core_init(void)
{
	if (planted)
		core_suite.test_cases = core_planted_cases;
	return 0;
}
module_init(core_init);

static void __exit core_exit(void)
{
}
module_exit(core_exit);

MODULE_DESCRIPTION("KUnit tests of perfring's core");
MODULE_LICENSE("GPL");
