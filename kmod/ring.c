// SPDX-License-Identifier: GPL-2.0
/*
 * A ring: pages that user space maps one by one, one kernel mapping of them all,
 * in which the data stands twice so that each record is in one piece, and the
 * events whose output goes there.
 */
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "perfring.h"

static struct workqueue_struct *perfring_wq;

static void perfring_ring_release(struct perfring_ring *ring)
{
	struct page *page;
	unsigned long i;

	if (ring->core.page)
		vunmap(ring->core.page);
	for (i = 0; ring->pages && i <= ring->nr_pages; i++) {
		page = ring->pages[i];
		if (!page)
			break;
		/* The page allocator wants it clear. */
		page_folio(page)->mapping = NULL;
		__free_page(page);
	}
	kvfree(ring->pages);
	kfree(ring->hold);
	kfree(ring);
}

static void perfring_ring_free_work(struct work_struct *work)
{
	struct perfring_ring *ring = container_of(to_rcu_work(work), struct perfring_ring, free);

	/* Nobody queues it any more, and who it wakes has left. */
	perfring_deferred_sync(&ring->wakeup);
	perfring_ring_release(ring);
}

/**
 * perfring_ring_free - free a ring that no event shows any more
 * @ring: unmapped and unhooked; a writer may still be inside
 *
 * Context: task.
 */
void perfring_ring_free(struct perfring_ring *ring)
{
	INIT_RCU_WORK(&ring->free, perfring_ring_free_work);
	queue_rcu_work(perfring_wq, &ring->free);
}

/**
 * perfring_ring_alloc - memory for a new mapping
 * @nr_pages: data pages, a power of two or 0
 * @cpu: the writer's
 * @attr: watermark and direction
 * @overwrite: mapped without PROT_WRITE
 * @mapping: of the file; a write fault wants to find it behind the control page. Stored
 *	before anybody maps it: who unmaps a page looks at this without a lock
 *
 * Return: the ring, or NULL without memory.
 */
struct perfring_ring *perfring_ring_alloc(unsigned long nr_pages, int cpu,
					  const struct perf_event_attr *attr,
					  bool overwrite, struct address_space *mapping)
{
	struct perf_event_mmap_page *page;
	struct perfring_ring *ring;
	unsigned long data_size = nr_pages << PAGE_SHIFT;
	unsigned long i;

	ring = kzalloc_node(sizeof(*ring), GFP_KERNEL, cpu_to_node(cpu));
	if (!ring)
		return NULL;
	ring->nr_pages = nr_pages;
	perfring_ring_wakeup_init(ring);
	ring->pages = kvcalloc(1 + 2 * nr_pages, sizeof(*ring->pages),
			       GFP_KERNEL | __GFP_NOWARN);
	if (!ring->pages)
		goto fail;
	for (i = 0; i <= nr_pages; i++) {
		ring->pages[i] = alloc_pages_node(cpu_to_node(cpu),
						  GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, 0);
		if (!ring->pages[i])
			goto fail;
		page_folio(ring->pages[i])->mapping = mapping;
		page_folio(ring->pages[i])->index = i;
	}
	for (i = 1; i <= nr_pages; i++)
		ring->pages[nr_pages + i] = ring->pages[i];
	page = vmap(ring->pages, 1 + 2 * nr_pages, VM_MAP, PAGE_KERNEL);
	if (!page)
		goto fail;

	/* Lets programs tell this layout of the capabilities from the first one. */
	page->cap_bit0_is_deprecated = 1;
	page->size = offsetof(struct perf_event_mmap_page, __reserved);
	page->data_offset = PAGE_SIZE;
	page->data_size = data_size;

	ring->core.page = page;
	ring->core.data = (unsigned char *)page + PAGE_SIZE;
	ring->core.mask = data_size - 1;
	ring->core.paused = !nr_pages;
	ring->core.overwrite = overwrite;
	ring->core.backward = attr->write_backward;
	/* At most the ring, half of it when unset. */
	if (attr->watermark)
		ring->core.watermark = min_t(unsigned long, data_size, attr->wakeup_watermark);
	if (!ring->core.watermark)
		ring->core.watermark = data_size / 2;
	return ring;

fail:
	perfring_ring_release(ring);
	return NULL;
}

/**
 * perfring_ring_attach - let an event's output go to a ring
 * @event: event
 * @ring: ring, or NULL for nowhere
 *
 * Context: task, device->mmap_mutex held.
 */
void perfring_ring_attach(struct perfring_event *event, struct perfring_ring *ring)
{
	struct perfring_ring *old = perfring_event_ring(event);
	unsigned long flags;

	if (old) {
		event->high_water = max_t(u64, event->high_water,
					  perfring_local_read(&old->core.high_water));
		spin_lock_irqsave(&old->events_lock, flags);
		list_del(&event->ring_entry);
		spin_unlock_irqrestore(&old->events_lock, flags);
		/* A ring without events is about to be freed, with what it holds. */
		if (old->hold && old->hold->event == event && !list_empty(&old->events))
			old->hold->event = list_first_entry(&old->events, struct perfring_event,
							    ring_entry);
	}
	if (ring) {
		spin_lock_irqsave(&ring->events_lock, flags);
		list_add_tail(&event->ring_entry, &ring->events);
		spin_unlock_irqrestore(&ring->events_lock, flags);
		WRITE_ONCE(event->used, true);
	}
	rcu_assign_pointer(event->ring, ring);
	/* Who waits shall see HUP, or the ring that it is now. */
	if (old)
		wake_up_all(&event->waitq);
}

/**
 * perfring_ring_redirect - PERF_EVENT_IOC_SET_OUTPUT
 * @event: event
 * @output: whose ring it shall write to; NULL for none
 *
 * Context: task.
 * Return: 0, or -EINVAL for whatever perf refuses.
 */
int perfring_ring_redirect(struct perfring_event *event, struct perfring_event *output)
{
	struct perfring_ring *ring = NULL;
	int ret = -EINVAL;

	if (output && (output == event || output->device != event->device))
		return -EINVAL;

	mutex_lock(&event->device->mmap_mutex);
	if (event->mapped)
		goto unlock;
	if (output) {
		/* A reader can put neither in order. */
		if (output->layout.clock != event->layout.clock ||
		    output->attr.write_backward != event->attr.write_backward)
			goto unlock;
		ring = perfring_event_ring(output);
		if (!ring)
			goto unlock;
	}
	perfring_ring_attach(event, ring);
	ret = 0;
unlock:
	mutex_unlock(&event->device->mmap_mutex);
	return ret;
}

int perfring_ring_init(void)
{
	perfring_wq = alloc_workqueue(PERFRING_NAME, WQ_UNBOUND, 0);
	return perfring_wq ? 0 : -ENOMEM;
}

void perfring_ring_exit(void)
{
	/* The grace periods of queue_rcu_work(), then the works they queue. */
	rcu_barrier();
	destroy_workqueue(perfring_wq);
}
