// SPDX-License-Identifier: GPL-2.0
/*
 * From a writer in any context to the reader in poll(2), and to who wants SIGIO.
 *
 * A wait queue cannot be touched from an NMI or under the scheduler's locks, and
 * neither can a signal be sent; an irq_work can be queued there.
 */
#include <linux/fs.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <linux/sched/clock.h>
#include "perfring.h"

static DEFINE_PER_CPU(unsigned int, perfring_wakers);

/*
 * Is this CPU waking a reader?  A source whose records make the kernel do what it
 * records (a kprobe on the functions that wake) would never come to an end.
 */
bool perfring_waking(void)
{
	return this_cpu_read(perfring_wakers);
}

/*
 * On PREEMPT_RT a thread runs this CPU's irq_work.  It was seen at work, is never another
 * one, and is only compared.
 */
static DEFINE_PER_CPU(struct task_struct *, perfring_waker);

/*
 * PREEMPT_RT: is this what that thread does, and not what interrupts it?  An NMI, and
 * with it a kprobe's breakpoint, is counted as an interrupt besides.
 */
static bool perfring_in_waker(void)
{
	unsigned long count = preempt_count();

	return IS_ENABLED(CONFIG_PREEMPT_RT) && current == this_cpu_read(perfring_waker) &&
	       (count & HARDIRQ_MASK) >> HARDIRQ_SHIFT <= (count & NMI_MASK) >> NMI_SHIFT;
}

static void perfring_waking_begins(void)
{
	this_cpu_inc(perfring_wakers);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		this_cpu_write(perfring_waker, current);
}

static void perfring_waking_ends(void)
{
	this_cpu_dec(perfring_wakers);
}

static void perfring_deferred_at_tick(struct irq_work *work)
{
	struct perfring_deferred *deferred =
		container_of(work, struct perfring_deferred, at_tick);

	deferred->soon.func(&deferred->soon);
}

static void perfring_deferred_init(struct perfring_deferred *deferred,
				   void (*fn)(struct irq_work *work))
{
	init_irq_work(&deferred->soon, fn);
	deferred->at_tick = IRQ_WORK_INIT_LAZY(perfring_deferred_at_tick);
}

/**
 * perfring_deferred_sync - wait until it has been done
 * @deferred: nobody begins it any more
 *
 * Context: task.
 */
void perfring_deferred_sync(struct perfring_deferred *deferred)
{
	irq_work_sync(&deferred->soon);
	irq_work_sync(&deferred->at_tick);
}

/*
 * On PREEMPT_RT, what the thread does that wakes readers, its own switches, say, may be
 * records that wake: it would run for ever, and nobody else on its CPU.  So that is left to
 * the next tick.  On a CPU that goes down it might be left for ever, and keep
 * perfring_deferred_sync() waiting: there perfring_device_wake() does it.
 *
 * Context: as perfring_wakeup_due().
 */
static void perfring_defer(const struct perfring_device *device,
			   struct perfring_deferred *deferred)
{
	if (unlikely(READ_ONCE(device->down)) && raw_smp_processor_id() == device->cpu)
		return;
	irq_work_queue(unlikely(perfring_in_waker()) ? &deferred->at_tick : &deferred->soon);
}

static void perfring_ring_wakeup(struct irq_work *work)
{
	struct perfring_ring *ring = container_of(work, struct perfring_ring, wakeup.soon);
	struct perfring_event *event;
	unsigned long flags;

	perfring_waking_begins();
	spin_lock_irqsave(&ring->events_lock, flags);
	list_for_each_entry(event, &ring->events, ring_entry)
		wake_up_all(&event->waitq);
	spin_unlock_irqrestore(&ring->events_lock, flags);
	perfring_waking_ends();
}

void perfring_ring_wakeup_init(struct perfring_ring *ring)
{
	INIT_LIST_HEAD(&ring->events);
	spin_lock_init(&ring->events_lock);
	perfring_deferred_init(&ring->wakeup, perfring_ring_wakeup);
}

static void perfring_kill(struct perfring_event *event)
{
	int kill = xchg(&event->kill, 0);

	if (kill)
		kill_fasync(&event->fasync, SIGIO, kill);
}

static void perfring_event_signal(struct irq_work *work)
{
	perfring_waking_begins();
	perfring_kill(container_of(work, struct perfring_event, signal.soon));
	perfring_waking_ends();
}

/* perfring_signal() when there is something to be sent. */
void perfring_signal_told(struct perfring_event *event)
{
	perfring_defer(event->device, &event->signal);
}

/**
 * perfring_event_wake - tell all that may have been left untold
 * @event: event
 *
 * Who is woken for nothing goes on waiting.  Context: task.
 */
void perfring_event_wake(struct perfring_event *event)
{
	perfring_kill(event);
	wake_up_all(&event->waitq);
}

void perfring_event_wakeup_init(struct perfring_event *event)
{
	init_waitqueue_head(&event->waitq);
	perfring_deferred_init(&event->signal, perfring_event_signal);
}

int perfring_fasync(int fd, struct file *file, int on)
{
	struct perfring_event *event = file->private_data;

	return fasync_helper(fd, file, on, &event->fasync);
}

/*
 * REFRESH may come between the last count and the stop: then there is a limit
 * again.  K: stopped, then limit; perfring_ioc_refresh() has it the other way
 * round, so one of the two sees the other.
 */
static bool perfring_stop(struct perfring_event *event, u64 now)
{
	event->stopped_at = now;
	smp_store_release(&event->stopped, true); /* I, pairs with perfring_event_time() */
	smp_mb(); /* K, pairs with perfring_ioc_refresh() */
	if (!atomic_read(&event->limit))
		return true;
	WRITE_ONCE(event->stopped, false);
	return false;
}

/* perfring_overflow() when that is wanted.  Context: as that. */
void perfring_overflow_told(struct perfring_event *event)
{
	bool over = false;
	int left = -1;
	u64 now;

	if (!READ_ONCE(event->attr.sample_period))
		return;
	if (!READ_ONCE(event->stopped) && atomic_read(&event->limit)) {
		now = cpu_clock(event->device->cpu);
		/* A writer that came in between may have been the last: not below 0. */
		left = atomic_fetch_add_unless(&event->limit, -1, 0);
		over = left == 1 && perfring_stop(event, now);
	}
	/* It was inside when the limit was reached: nobody shall miss that. */
	if (left < 1)
		over = READ_ONCE(event->stopped);
	if (!READ_ONCE(event->fasync))
		return;
	if (over)
		WRITE_ONCE(event->kill, POLL_HUP);
	else
		cmpxchg(&event->kill, 0, POLL_IN); /* nor the hang-up of such a writer */
}

/**
 * perfring_wakeup_due - the core said that the reader is due a wakeup
 * @event: event
 * @ring: its ring
 *
 * Context: any, on the event's CPU.
 */
void perfring_wakeup_due(struct perfring_event *event, struct perfring_ring *ring)
{
	perfring_account(event, PERFRING_COUNTER_WAKEUPS, 1);
	/* J: data_head first, pairs with the xchg in perfring_poll(). */
	atomic_set_release(&ring->poll, (__force int)(EPOLLIN | EPOLLRDNORM));
	perfring_defer(event->device, &ring->wakeup);
	/* What an overflow has to say goes before. */
	if (READ_ONCE(event->fasync)) {
		cmpxchg(&event->kill, 0, POLL_IN);
		perfring_signal(event);
	}
}

/*
 * As perf: HUP without a ring, else what the last wakeup left, once.  Who changes
 * the ring wakes us afterwards.
 */
__poll_t perfring_poll(struct file *file, struct poll_table_struct *wait)
{
	struct perfring_event *event = file->private_data;
	struct perfring_ring *ring;
	__poll_t events = EPOLLHUP;

	poll_wait(file, &event->waitq, wait);
	rcu_read_lock();
	ring = rcu_dereference(event->ring);
	if (ring) /* J, pairs with perfring_wakeup_due(): head is as new as the wakeup. */
		events = (__force __poll_t)atomic_xchg(&ring->poll, 0);
	rcu_read_unlock();
	return events;
}
