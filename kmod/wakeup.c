// SPDX-License-Identifier: GPL-2.0
/*
 * From a writer in any context to the reader in poll(2).
 */
#include <linux/fs.h>
#include <linux/poll.h>
#include "perfring.h"

static void perfring_wakeup_work(struct irq_work *work)
{
	struct perfring_event *event = container_of(work, struct perfring_event, wakeup);

	wake_up_all(&event->waitq);
}

void perfring_wakeup_init(struct perfring_event *event)
{
	init_waitqueue_head(&event->waitq);
	init_irq_work(&event->wakeup, perfring_wakeup_work);
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
	mutex_lock(&event->mmap_mutex);
	ring = rcu_dereference_protected(event->ring, lockdep_is_held(&event->mmap_mutex));
	if (ring)
		events = (__force __poll_t)atomic_xchg(&ring->poll, 0);
	mutex_unlock(&event->mmap_mutex);
	return events;
}
