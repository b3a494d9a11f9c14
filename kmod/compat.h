/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every test of the kernel's version, with the history of what changed.
 * Oldest kernel supported: 6.1.
 */
#ifndef PERFRING_COMPAT_H
#define PERFRING_COMPAT_H

#include <linux/cred.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/perf_event.h>
#include <linux/sched/user.h>
#include <linux/string.h>
#include <linux/version.h>

/* 6.3: vm_flags became const outside of vm_flags_set(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

/* 6.3: attr.config3. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline u64 perfring_attr_config3(const struct perf_event_attr *attr)
{
	return 0;
}

static inline void perfring_attr_copy_config3(struct perf_event_attr *to,
					      const struct perf_event_attr *from)
{
}
#else
static inline u64 perfring_attr_config3(const struct perf_event_attr *attr)
{
	return attr->config3;
}

static inline void perfring_attr_copy_config3(struct perf_event_attr *to,
					      const struct perf_event_attr *from)
{
	to->config3 = from->config3;
}
#endif

/*
 * 6.1.y and 6.12.y, late, got a counter of perf's own for what a user has locked, which
 * was one for all who lock: no version says it, Kbuild looks.
 */
static inline atomic_long_t *perfring_user_mlock(const struct cred *cred)
{
#ifdef PERFRING_PERF_MLOCK
	return &cred->user->perf_mlock;
#else
	return &cred->user->locked_vm;
#endif
}

/*
 * Offsets beyond unsigned long, which the mirror's is where that has 32 bits.  6.12: a flag
 * of the operations; before, of each file.
 */
#ifdef FOP_UNSIGNED_OFFSET
#define PERFRING_FOP_FLAGS	(BITS_PER_LONG == 32 ? FOP_UNSIGNED_OFFSET : 0)
static inline void perfring_file_offsets(struct file *file)
{
}
#else
static inline void perfring_file_offsets(struct file *file)
{
	if (BITS_PER_LONG == 32)
		file->f_mode |= FMODE_UNSIGNED_OFFSET;
}
#endif

/* 6.4: class_create() lost its owner. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define perfring_class_create(name)	class_create(THIS_MODULE, name)
#else
#define perfring_class_create(name)	class_create(name)
#endif

/* 6.2: class->devnode takes a const device. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define PERFRING_DEVNODE_CONST
#else
#define PERFRING_DEVNODE_CONST		const
#endif

/* 6.13: hrtimer_setup() replaces hrtimer_init() and an assignment; 6.15 removes those. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

/* 6.16: sched_process_exit also says whether the whole process exits. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define PERFRING_PROCESS_EXIT_ARGS	void *unused, struct task_struct *task
#else
#define PERFRING_PROCESS_EXIT_ARGS	void *unused, struct task_struct *task, bool group_dead
#endif

/* 6.12: an inherited event may have PERF_SAMPLE_READ if it says whose value it is. */
static inline bool perfring_attr_read_inherits(const struct perf_event_attr *attr)
{
	return LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0) &&
	       attr->sample_type & PERF_SAMPLE_TID;
}

/*
 * 6.13, and older ones to which it was backported: bits 1 and 2 of a word that
 * was reserved, and refused, are aux_pause and aux_resume.
 */
static inline bool perfring_attr_aux_pauses(const struct perf_event_attr *attr)
{
	u32 aux_action;

	memcpy(&aux_action, (const char *)attr +
	       offsetofend(struct perf_event_attr, aux_sample_size), sizeof(aux_action));
	return aux_action & 6;
}

/* 6.13: a namespace is a string. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define EXPORT_SYMBOL_PERFRING(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, PERFRING)
#define MODULE_IMPORT_PERFRING()	MODULE_IMPORT_NS(PERFRING)
#else
#define EXPORT_SYMBOL_PERFRING(symbol)	EXPORT_SYMBOL_NS_GPL(symbol, "PERFRING")
#define MODULE_IMPORT_PERFRING()	MODULE_IMPORT_NS("PERFRING")
#endif

#endif /* PERFRING_COMPAT_H */
