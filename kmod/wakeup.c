// SPDX-License-Identifier: GPL-2.0
/*
 * From a writer in any context to the reader in poll(2).
 */
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/sched/clock.h>
#include "perfring.h"

static void perfring_wakeup_work(struct irq_work *work)
{
	struct perfring_event *event = container_of(work, struct perfring_event, wakeup);
	struct perfring_event *other;
	struct perfring_ring *ring;
	int kill = xchg(&event->kill, 0);

	rcu_read_lock();
	ring = rcu_dereference(event->ring);
	if (ring)
		list_for_each_entry_rcu(other, &ring->events, ring_entry)
			wake_up_all(&other->waitq);
	rcu_read_unlock();
	if (kill)
		kill_fasync(&event->fasync, SIGIO, kill);
}

void perfring_wakeup_init(struct perfring_event *event)
{
	init_waitqueue_head(&event->waitq);
	init_irq_work(&event->wakeup, perfring_wakeup_work);
}

int perfring_fasync(int fd, struct file *file, int on)
{
	struct perfring_event *event = file->private_data;

	return fasync_helper(fd, file, on, &event->fasync);
}

/**
 * perfring_overflow - a sample was due: SIGIO, and the limit of REFRESH
 * @event: event; one without sample_period has no overflows
 *
 * As perf, whether or not the sample found room.
 *
 * Context: any, with preemption off, on the event's CPU.
 */
void perfring_overflow(struct perfring_event *event)
{
	int kill = POLL_IN;

	if (!READ_ONCE(event->attr.sample_period))
		return;
	if (READ_ONCE(event->stopped)) {
		/* It was inside when the limit was reached: nobody shall miss that. */
		kill = POLL_HUP;
	} else if (atomic_read(&event->limit) && atomic_dec_and_test(&event->limit)) {
		kill = POLL_HUP;
		event->stopped_at = sched_clock_cpu(event->device->cpu);
		smp_store_release(&event->stopped, true); /* I, pairs with perfring_event_time() */
	}
	if (READ_ONCE(event->fasync)) {
		WRITE_ONCE(event->kill, kill);
		irq_work_queue(&event->wakeup);
	}
}

/**
 * perfring_wakeup_due - the core said that the reader is due a wakeup
 * @event: event
 * @ring: its ring
 *
 * Context: any, on the event's CPU.  A wait queue cannot be touched from an
 * NMI or under the scheduler's locks, an irq_work can be queued there.
 */
void perfring_wakeup_due(struct perfring_event *event, struct perfring_ring *ring)
{
	perfring_account(event, wakeups, 1);
	atomic_set(&ring->poll, (__force int)(EPOLLIN | EPOLLRDNORM));
	irq_work_queue(&event->wakeup);
}

/* As perf: HUP without a ring, else what the last wakeup left, once. */
__poll_t perfring_poll(struct file *file, struct poll_table_struct *wait)
{
	struct perfring_event *event = file->private_data;
	struct perfring_ring *ring;
	__poll_t events = EPOLLHUP;

	poll_wait(file, &event->waitq, wait);
	mutex_lock(&event->device->mmap_mutex);
	ring = perfring_event_ring(event);
	if (ring)
		events = (__force __poll_t)atomic_xchg(&ring->poll, 0);
	mutex_unlock(&event->device->mmap_mutex);
	return events;
}
