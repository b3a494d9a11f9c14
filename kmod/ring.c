// SPDX-License-Identifier: GPL-2.0
/*
 * A ring's memory: pages that user space maps one by one, and one kernel
 * mapping of them all, so that the writer sees the data in one piece.
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
		/* Set by the fault handler; the allocator wants it clear. */
		page_folio(page)->mapping = NULL;
		__free_page(page);
	}
	kvfree(ring->pages);
	kfree(ring);
}

static void perfring_ring_free_work(struct work_struct *work)
{
	perfring_ring_release(container_of(to_rcu_work(work), struct perfring_ring, free));
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
 *
 * Return: the ring, or NULL without memory.
 */
struct perfring_ring *perfring_ring_alloc(unsigned long nr_pages, int cpu,
					  const struct perf_event_attr *attr,
					  bool overwrite)
{
	struct perf_event_mmap_page *page;
	struct perfring_ring *ring;
	unsigned long data_size = nr_pages << PAGE_SHIFT;
	unsigned long i;

	ring = kzalloc_node(sizeof(*ring), GFP_KERNEL, cpu_to_node(cpu));
	if (!ring)
		return NULL;
	ring->nr_pages = nr_pages;
	ring->pages = kvcalloc(nr_pages + 1, sizeof(*ring->pages),
			       GFP_KERNEL | __GFP_NOWARN);
	if (!ring->pages)
		goto fail;
	for (i = 0; i <= nr_pages; i++) {
		ring->pages[i] = alloc_pages_node(cpu_to_node(cpu),
						  GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, 0);
		if (!ring->pages[i])
			goto fail;
	}
	page = vmap(ring->pages, nr_pages + 1, VM_MAP, PAGE_KERNEL);
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
	/* As perf reads it: a signed long, at most the ring, half of it when unset. */
	if (attr->watermark)
		ring->core.watermark = min_t(long, data_size, attr->wakeup_watermark);
	if (!ring->core.watermark)
		ring->core.watermark = data_size / 2;
	return ring;

fail:
	perfring_ring_release(ring);
	return NULL;
}

/* The page that user space sees at @pgoff of the mapping, or NULL. */
struct page *perfring_ring_page(const struct perfring_ring *ring, pgoff_t pgoff)
{
	return pgoff <= ring->nr_pages ? ring->pages[pgoff] : NULL;
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
