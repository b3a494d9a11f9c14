// SPDX-License-Identifier: GPL-2.0
/*
 * The mapping: control page, then data pages, with perf's rules and perf's
 * accounting (the same counters, so that the limits are shared with perf).
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include "compat.h"
#include "perfring.h"

#define PERFRING_MIRROR_PGOFF	((unsigned long)(PERFRING_MMAP_MIRROR >> PAGE_SHIFT))

/* One more VMA of the same ring (the kernel moved one, or gave it to a child). */
static void perfring_vm_open(struct vm_area_struct *vma)
{
	struct perfring_event *event = vma->vm_file->private_data;

	mutex_lock(&event->device->mmap_mutex);
	event->mapped++;
	perfring_event_ring(event)->mapped++;
	mutex_unlock(&event->device->mmap_mutex);
}

static void perfring_vm_close(struct vm_area_struct *vma)
{
	struct perfring_event *event = vma->vm_file->private_data;
	struct perfring_device *device = event->device;
	struct perfring_event *other, *next;
	struct perfring_ring *ring;
	bool last;

	mutex_lock(&device->mmap_mutex);
	ring = perfring_event_ring(event);
	last = !--ring->mapped;
	if (!--event->mapped)
		perfring_ring_attach(event, NULL);
	/* Nobody can read it any more, so nobody shall write it. */
	if (last)
		list_for_each_entry_safe(other, next, &ring->events, ring_entry)
			perfring_ring_attach(other, NULL);
	mutex_unlock(&device->mmap_mutex);
	if (!last)
		return;

	atomic_long_sub(ring->mlock_pages, perfring_user_mlock(ring->cred));
	atomic64_sub(ring->pinned_pages, &ring->mm->pinned_vm);
	mmdrop(ring->mm);
	put_cred(ring->cred);
	perfring_user_uncharge(ring->owner, 0, ring->nr_pages + 1);
	perfring_ring_free(ring);
}

static vm_fault_t perfring_vm_fault(struct vm_fault *vmf)
{
	struct perfring_event *event = vmf->vma->vm_file->private_data;
	/* Of the ring, mirror or not: perfring_mmap() has seen that the VMA ends with it. */
	pgoff_t pgoff = vmf->pgoff - vmf->vma->vm_pgoff;
	struct perfring_ring *ring;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct page *page;

	/* Only the control page may be written. */
	if (pgoff && (vmf->flags & (FAULT_FLAG_MKWRITE | FAULT_FLAG_WRITE)))
		return VM_FAULT_SIGBUS;
	if (vmf->flags & FAULT_FLAG_MKWRITE)
		return 0;

	rcu_read_lock();
	ring = rcu_dereference(event->ring);
	if (ring && pgoff <= 2 * ring->nr_pages) {
		page = ring->pages[pgoff];
		get_page(page);
		vmf->page = page;
		ret = 0;
	}
	rcu_read_unlock();
	return ret;
}

/* A part of the mapping cannot go or move: head and data belong together. */
static int perfring_vm_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

static const struct vm_operations_struct perfring_vm_ops = {
	.open		= perfring_vm_open,
	.close		= perfring_vm_close,
	.fault		= perfring_vm_fault,
	.page_mkwrite	= perfring_vm_fault,
	.may_split	= perfring_vm_may_split,
};

/*
 * perf's arithmetic: each user has perf_event_mlock_kb a CPU; what goes beyond
 * is pinned memory of the process and must fit RLIMIT_MEMLOCK, unless the
 * caller has CAP_IPC_LOCK or the administrator allows everything.
 * Returns how many of @pages go beyond, or -EPERM.
 */
static long perfring_beyond(unsigned long pages, struct mm_struct *mm)
{
	unsigned long limit, locked, extra = 0;

	limit = (perfring_sysctl_mlock_kb() >> (PAGE_SHIFT - 10)) * num_online_cpus();
	locked = atomic_long_read(perfring_user_mlock(current_cred()));
	locked = min(locked, limit) + pages;
	if (locked > limit)
		extra = locked - limit;
	if (atomic64_read(&mm->pinned_vm) + extra > rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT &&
	    perfring_sysctl_paranoid() > -1 && !capable(CAP_IPC_LOCK))
		return -EPERM;
	return extra;
}

static int perfring_map_new(struct perfring_event *event, struct vm_area_struct *vma,
			    unsigned long nr_pages)
{
	long beyond = perfring_beyond(nr_pages + 1, vma->vm_mm);
	struct perfring_ring *ring;
	struct perfring_user *owner;
	int ret;

	if (beyond < 0)
		return beyond;
	if (nr_pages > perfring_max_pages)
		return -ENOMEM;
	ret = perfring_user_charge(0, nr_pages + 1, &owner);
	if (ret)
		return ret;
	ring = perfring_ring_alloc(nr_pages, event->device->cpu, &event->attr,
				   !(vma->vm_flags & VM_WRITE), vma->vm_file->f_mapping);
	if (!ring) {
		perfring_user_uncharge(owner, 0, nr_pages + 1);
		return -ENOMEM;
	}

	ring->owner = owner;
	/*
	 * For their user, whom not every 6.1.y lets a module give back (free_uid()). Not by
	 * get_cred(): it stores into them, as any open(2) of another thread does meanwhile.
	 */
	ring->cred = get_new_cred((struct cred *)current_cred());
	/* Not always the last vma's: madvise(MADV_DOFORK) gives one to a child. */
	ring->mm = vma->vm_mm;
	mmgrab(ring->mm);
	ring->pinned_pages = beyond;
	ring->mlock_pages = nr_pages + 1 - beyond;
	atomic_long_add(ring->mlock_pages, perfring_user_mlock(ring->cred));
	atomic64_add(ring->pinned_pages, &ring->mm->pinned_vm);

	perfring_ring_attach(event, ring);
	perfring_event_publish(event);
	return 0;
}

/* mmap(2) of the device, under mm->mmap_lock. */
int perfring_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct perfring_event *event = file->private_data;
	unsigned long size = vma->vm_end - vma->vm_start;
	unsigned long nr_pages = size / PAGE_SIZE - 1;
	struct perfring_ring *ring;
	int ret = 0;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_pgoff == PERFRING_MIRROR_PGOFF) {
		/* The data pages twice: at least one, and an even number. */
		if (!nr_pages || nr_pages & 1)
			return -EINVAL;
		nr_pages /= 2;
	} else if (vma->vm_pgoff) {
		/* With 32 bits the kernel left it to us to say what is beyond an offset. */
		return vma->vm_pgoff > (ULONG_MAX - size) >> PAGE_SHIFT ? -EOVERFLOW : -EINVAL;
	}
	if (nr_pages && !is_power_of_2(nr_pages))
		return -EINVAL;

	mutex_lock(&event->device->mmap_mutex);
	ring = perfring_event_ring(event);
	if (!ring)
		ret = perfring_map_new(event, vma, nr_pages);
	else if (ring->nr_pages != nr_pages)
		ret = -EINVAL;
	if (!ret) {
		event->mapped++;
		perfring_event_ring(event)->mapped++;
	}
	mutex_unlock(&event->device->mmap_mutex);
	if (ret)
		return ret;

	/* The accounting is one process's: a child must not inherit the mapping. */
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &perfring_vm_ops;
	return 0;
}
