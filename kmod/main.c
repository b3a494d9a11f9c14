// SPDX-License-Identifier: GPL-2.0
/*
 * perfring: /dev/perfringN, perf rings that the kernel writes on demand.
 * Here: parameters, the order of initialisation, and unwinding.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include "source.h"

#define PERFRING_PAGES_LIMIT	262144U
#define PERFRING_RATE_LIMIT	100000U
#define PERFRING_SLOTS_LEAST	32U
#define PERFRING_SLOTS_LIMIT	1048576U

static unsigned int mode = 0600;
unsigned int perfring_max_pages = PERFRING_PAGES_LIMIT;
unsigned int perfring_max_rate = PERFRING_RATE_LIMIT;
unsigned int perfring_syscall_slots = 16384;

/* An unsigned int within [low, high], or a message that says so. */
static int perfring_param(const char *val, const struct kernel_param *kp, unsigned int base,
			  unsigned int low, unsigned int high)
{
	unsigned int value;
	int ret = kstrtouint(val, base, &value);

	if (!ret && (value < low || value > high))
		ret = -EINVAL;
	if (!ret)
		*(unsigned int *)kp->arg = value;
	else if (base == 8)
		pr_err("%s=%s is not an octal mode up to %#o\n", kp->name, val, high);
	else
		pr_err("%s=%s is not a number from %u to %u\n", kp->name, val, low, high);
	return ret;
}

static int perfring_set_mode(const char *val, const struct kernel_param *kp)
{
	return perfring_param(val, kp, 8, 0, 0666);
}

static int perfring_get_mode(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%#o\n", *(unsigned int *)kp->arg);
}

static int perfring_set_pages(const char *val, const struct kernel_param *kp)
{
	return perfring_param(val, kp, 0, 1, PERFRING_PAGES_LIMIT);
}

static int perfring_set_rate(const char *val, const struct kernel_param *kp)
{
	return perfring_param(val, kp, 0, 1, PERFRING_RATE_LIMIT);
}

static int perfring_set_slots(const char *val, const struct kernel_param *kp)
{
	return perfring_param(val, kp, 0, PERFRING_SLOTS_LEAST, PERFRING_SLOTS_LIMIT);
}

static const struct kernel_param_ops perfring_mode_ops = {
	.set = perfring_set_mode, .get = perfring_get_mode,
};

static const struct kernel_param_ops perfring_pages_ops = {
	.set = perfring_set_pages, .get = param_get_uint,
};

static const struct kernel_param_ops perfring_rate_ops = {
	.set = perfring_set_rate, .get = param_get_uint,
};

static const struct kernel_param_ops perfring_slots_ops = {
	.set = perfring_set_slots, .get = param_get_uint,
};

module_param_cb(mode, &perfring_mode_ops, &mode, 0444);
MODULE_PARM_DESC(mode, "permissions of /dev/perfringN, octal (default 0600)");
module_param_cb(max_pages, &perfring_pages_ops, &perfring_max_pages, 0444);
MODULE_PARM_DESC(max_pages, "most data pages of one ring (default and limit 262144)");
module_param_cb(max_rate, &perfring_rate_ops, &perfring_max_rate, 0444);
MODULE_PARM_DESC(max_rate, "most ticks per second of one generator (default and limit 100000)");
module_param_cb(syscall_slots, &perfring_slots_ops, &perfring_syscall_slots, 0444);
MODULE_PARM_DESC(syscall_slots, "most tasks inside system calls that the source syscalls follows, rounded up to a power of two (default 16384)");

bool perfring_allow_inject;
module_param_named(allow_inject, perfring_allow_inject, bool, 0444);
MODULE_PARM_DESC(allow_inject, "CAP_SYS_ADMIN may write malformed records (default 0)");

umode_t perfring_mode(void)
{
	return mode;
}

static bool perfring_ready;

/* Is init through?  Before, nothing may be opened. */
bool perfring_is_ready(void)
{
	return smp_load_acquire(&perfring_ready); /* H, pairs with perfring_init() */
}

static int __init perfring_init(void)
{
	int ret;

	ret = perfring_sysctl_init();
	if (ret)
		return ret;
	ret = perfring_event_init();
	if (ret)
		goto exit_sysctl;
	ret = perfring_ring_init();
	if (ret)
		goto exit_event;
	ret = perfring_output_init();
	if (ret)
		goto exit_ring;
	ret = perfring_sched_switch_init();
	if (ret)
		goto exit_output;
	ret = perfring_syscalls_init();
	if (ret)
		goto exit_sched_switch;
	ret = perfring_pmu_init();
	if (ret)
		goto exit_syscalls;
	ret = perfring_device_init();
	if (ret)
		goto exit_pmu;
	smp_store_release(&perfring_ready, true); /* H, pairs with perfring_is_ready() */
	return 0;

exit_pmu:
	perfring_pmu_exit();
exit_syscalls:
	perfring_syscalls_exit();
exit_sched_switch:
	perfring_sched_switch_exit();
exit_output:
	perfring_output_exit();
exit_ring:
	perfring_ring_exit();
exit_event:
	perfring_event_exit();
exit_sysctl:
	perfring_sysctl_exit();
	return ret;
}

static void __exit perfring_exit(void)
{
	perfring_device_exit();
	perfring_pmu_exit();
	perfring_syscalls_exit();
	perfring_sched_switch_exit();
	perfring_output_exit();
	perfring_ring_exit();
	perfring_event_exit();
	perfring_sysctl_exit();
}

module_init(perfring_init);
module_exit(perfring_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("perf rings that the kernel writes on demand");
MODULE_AUTHOR("The perfring developers");
