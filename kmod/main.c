// SPDX-License-Identifier: GPL-2.0
/*
 * perfring: /dev/perfringN, perf rings that the kernel writes on demand.
 * Here: the order of initialisation, and unwinding.
 */
#include <linux/module.h>
#include "source.h"

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
