// SPDX-License-Identifier: GPL-2.0
/*
 * What a record costs a module that is a source, for guest_bench.c.  To write COUNT to
 * /sys/module/perfring_bench/parameters/run outputs so many records of 28 bytes on
 * this CPU, with interrupts off; then
 *
 *	ticks	of the time stamp counter, for all of them, the loop taken off
 *	taken	records that found room
 */
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/timex.h>
#include "perfring_output.h"

static unsigned long ticks;
module_param(ticks, ulong, 0444);
static unsigned int taken;
module_param(taken, uint, 0444);

static struct perfring_client bench = { .name = "bench" };

static unsigned long bench_loop(unsigned int count, bool output)
{
	u8 payload[28] = { 1 };
	unsigned long flags;
	cycles_t start, end;
	unsigned int i;

	taken = 0;
	local_irq_save(flags);
	start = get_cycles();
	for (i = 0; i < count; i++) {
		if (output)
			taken += perfring_client_output(&bench, payload, sizeof(payload)) > 0;
		barrier();
	}
	end = get_cycles();
	local_irq_restore(flags);
	return end - start;
}

static int bench_run(const char *val, const struct kernel_param *kp)
{
	unsigned long empty;
	unsigned int count;
	int ret = kstrtouint(val, 0, &count);

	if (ret)
		return ret;
	empty = bench_loop(count, false);
	ticks = bench_loop(count, true) - empty;
	return 0;
}

static const struct kernel_param_ops bench_ops = { .set = bench_run };
module_param_cb(run, &bench_ops, NULL, 0200);

static int __init bench_init(void)
{
	int id = perfring_client_register(&bench);

	return id < 0 ? id : 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	perfring_client_unregister(&bench);
}
module_exit(bench_exit);

MODULE_IMPORT_NS(PERFRING);	/* "PERFRING" since 6.13 */
MODULE_DESCRIPTION("what a record costs");
MODULE_LICENSE("GPL");
