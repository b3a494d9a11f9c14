// SPDX-License-Identifier: GPL-2.0
/*
 * The record that is interrupted: what it is, and in which context it is written.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kdebug.h>
#include <linux/kthread.h>
#include <linux/perf_event.h>
#include <linux/sched/task.h>
#include "client.h"
#include "perfring_nest_outer.h"

/* perfring_output() and perfring_reserve(). */
typedef int (*nest_output_fn)(struct perfring_event *event, const struct perfring_record *record);
typedef int (*nest_reserve_fn)(struct perfring_event *event, const struct perfring_record *record,
			       struct perfring_reservation *reservation);

/* One that was never registered. */
static struct perfring_client nest_stranger = { .name = "stranger" };
static struct task_struct *nest_exited;
static u8 nest_outer_payload[NEST_LEN];
static u8 nest_around_payload[NEST_AROUND_LEN];

void nest_fill(u8 *to, u32 number, u32 inner, u32 len)
{
	struct nest_payload head = { .number = number, .inner = inner };
	u32 i;

	for (i = 0; i < len; i++)
		to[i] = number + i;
	memcpy(to, &head, min_t(size_t, sizeof(head), len));
}

/* By a function that is not exported, where the caller says it is. */
static int nest_direct(struct perfring_record *record)
{
	nest_output_fn output = (nest_output_fn)(unsigned long)nest_run.output;
	int ret;

	preempt_disable();
	ret = output(nest_event, record);
	preempt_enable();
	return ret ?: 1;
}

int nest_sample(const void *data, u32 len)
{
	struct perfring_record record = { .type = PERF_RECORD_SAMPLE, .data = data, .len = len };
	int ret;

	if (nest_run.direct)
		return nest_direct(&record);
	ret = perfring_client_output(&nest_client, data, len);
	return ret > 0 ? ret - (int)nest_run.heard : ret;
}

/* Such as the kernel's unwinders go on from. */
static __always_inline void nest_regs(struct pt_regs *regs)
{
#ifdef CONFIG_X86
	regs->ip = _THIS_IP_;
	regs->sp = current_stack_pointer;
	regs->bp = (unsigned long)__builtin_frame_address(0);
	regs->cs = __KERNEL_CS;
#else
	perf_fetch_caller_regs(regs);
#endif
}

static int nest_record(void)
{
	struct perfring_record record = {
		.type = nest_run.type,
		.flags = nest_run.flags,
		.data = nest_outer_payload,
		.len = nest_run.len,
		.period = 1,
	};
	struct pt_regs regs = {};

	if (nest_run.task)
		record.task = nest_run.task == NEST_IDLE ? &init_task : nest_exited;
	if (nest_run.regs) {
		nest_regs(&regs);
		record.regs = &regs;
		record.ip = instruction_pointer(&regs);
	}
	return nest_direct(&record);
}

static int nest_short(void)
{
	nest_reserve_fn reserve = (nest_reserve_fn)(unsigned long)nest_run.reserve;
	struct perfring_record record = { .type = nest_run.type, .len = nest_run.len };
	struct perfring_reservation reservation;
	int ret;

	preempt_disable();
	ret = reserve(nest_event, &record, &reservation);
	/* Nobody ends it: the writers that follow publish nothing, and the test says so. */
	preempt_enable();
	return ret ?: 1;
}

/* What is not said to be a record of the event's at all. */
static int nest_refused(void)
{
	struct perfring_client_reservation reservation;

	if (perfring_client_output(&nest_stranger, nest_outer_payload, 28) != -ENODEV ||
	    perfring_client_reserve(&nest_stranger, 28, &reservation) ||
	    perfring_client_reserve(&nest_client, 0, &reservation) ||
	    perfring_client_output(&nest_client, nest_outer_payload, NEST_LEN) != -E2BIG)
		return 1;
	return -ENODEV;
}

static void nest_reserved(void)
{
	u32 op = nest_run.op, number = nest_run.number + nest_run.count + 1;
	bool around = op == NEST_COMMIT_AROUND || op == NEST_DISCARD_AROUND ||
		      op == NEST_DISCARD_WITHIN;
	struct perfring_client_reservation reservation, within;
	struct nest_point *armed = nest_armed, *trigger = nest_trigger;
	bool reserved;

	if (around) {
		nest_armed = NULL;
		nest_trigger = NULL;
	}
	reserved = perfring_client_reserve(&nest_client, nest_run.len, &reservation);
	if (around) {
		nest_armed = armed;
		nest_trigger = trigger;
	}
	if (!reserved)
		return;
	nest_run.ret = 1;
	memcpy(reservation.data, nest_outer_payload, nest_run.len);
	if (nest_run.detached)
		hlist_del_rcu(&nest_event->attached);
	if (op == NEST_DISCARD_WITHIN) {
		nest_run.within = !!perfring_client_reserve(&nest_client, NEST_AROUND_LEN, &within);
		if (nest_run.within)
			perfring_client_discard(&within);
		nest_armed = NULL;
	} else if (around) {
		nest_fill(nest_around_payload, number, 1, NEST_AROUND_LEN);
		nest_run.around_head = nest_head();
		nest_run.around_ret = nest_sample(nest_around_payload, NEST_AROUND_LEN);
	}
	if (op == NEST_DISCARD || op == NEST_DISCARD_AROUND)
		perfring_client_discard(&reservation);
	else
		perfring_client_commit(&reservation);
	if (nest_run.detached)
		hlist_add_head_rcu(&nest_event->attached,
				   this_cpu_ptr(reservation.source->tap.events));
}

static void nest_outer(void)
{
	switch (nest_run.op) {
	case NEST_OUTPUT:
		nest_run.ret = nest_sample(nest_outer_payload, nest_run.len);
		break;
	case NEST_RECORD:
		nest_run.ret = nest_record();
		break;
	case NEST_SHORT:
		nest_run.ret = nest_short();
		break;
	case NEST_REFUSED:
		nest_run.ret = nest_refused();
		break;
	default:
		nest_reserved();
	}
}

static void nest_outer_run(struct irq_work *work)
{
	nest_outer();
}

static struct irq_work nest_outer_work = IRQ_WORK_INIT_HARD(nest_outer_run);
static DECLARE_COMPLETION(nest_softirq_done);

static void nest_softirq_run(struct tasklet_struct *tasklet)
{
	nest_outer();
	complete(&nest_softirq_done);
}

static DECLARE_TASKLET(nest_softirq, nest_softirq_run);

#ifdef CONFIG_X86
static bool nest_trap_set;

/* A breakpoint that no kprobe has put there: the kernel takes it for an NMI. */
static int nest_trapped(struct notifier_block *block, unsigned long reason, void *data)
{
	if (reason != DIE_INT3 || !nest_trap_set || smp_processor_id() != nest_cpu)
		return NOTIFY_DONE;
	nest_trap_set = false;
	nest_outer();
	return NOTIFY_STOP;
}

static struct notifier_block nest_trap = { .notifier_call = nest_trapped };

static int nest_trap_begin(void)
{
	return register_die_notifier(&nest_trap);
}

static void nest_trap_end(void)
{
	unregister_die_notifier(&nest_trap);
}

static void nest_outer_nmi(void)
{
	nest_trap_set = true;
	asm volatile("int3; nop" : : : "memory");
}
#else
static int nest_trap_begin(void)
{
	return 0;
}

static void nest_trap_end(void)
{
}

static void nest_outer_nmi(void)
{
	nest_outer();
}
#endif

void nest_outer_write(void)
{
	nest_fill(nest_outer_payload, nest_run.number, 0, nest_run.len);
	switch (nest_run.context) {
	case NEST_IN_SOFTIRQ:
		reinit_completion(&nest_softirq_done);
		tasklet_schedule(&nest_softirq);
		wait_for_completion(&nest_softirq_done);
		return;
	case NEST_IN_PREEMPTED:
		set_tsk_need_resched(current);
		set_preempt_need_resched();
		nest_outer();
		return;
	}
	preempt_disable();
	if (nest_run.context == NEST_IN_HARDIRQ) {
		/* It comes at once, or behind preempt_enable(). */
		irq_work_queue(&nest_outer_work);
	} else if (nest_run.context == NEST_IN_NMI) {
		nest_outer_nmi();
	} else {
		nest_outer();
	}
	preempt_enable();
	irq_work_sync(&nest_outer_work);
}

static int nest_exit_now(void *unused)
{
	return 0;
}

/* A task that nobody finds any more. */
static int nest_exited_make(void)
{
	unsigned int i;

	nest_exited = kthread_create(nest_exit_now, NULL, "nest_exited");
	if (IS_ERR(nest_exited))
		return PTR_ERR(nest_exited);
	get_task_struct(nest_exited);
	kthread_stop(nest_exited);
	for (i = 0; i < 10000 && pid_alive(nest_exited); i++)
		usleep_range(1000, 2000);
	if (!pid_alive(nest_exited))
		return 0;
	put_task_struct(nest_exited);
	return -ETIMEDOUT;
}

int nest_outer_init(void)
{
	int ret = nest_exited_make();

	if (ret)
		return ret;
	ret = nest_trap_begin();
	if (ret)
		put_task_struct(nest_exited);
	return ret;
}

void nest_outer_exit(void)
{
	nest_trap_end();
	put_task_struct(nest_exited);
}
