// SPDX-License-Identifier: GPL-2.0
/*
 * One open file description is one event on the device's CPU.
 */
#include <linux/cpu.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pid_namespace.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "perfring.h"

/*
 * Ids are unique for the life of the module, and far from those of perf events,
 * which count from 1: a reader may merge both.
 */
static atomic64_t perfring_last_id = ATOMIC64_INIT(1LL << 40);

/*
 * Pages of a mapping point to the file's address_space, and a device node's
 * knows nothing of dirty pages.  An anonymous inode's does; it needs a file
 * system to live in, which nobody can mount.
 */
static struct vfsmount *perfring_mount;
static struct inode *perfring_inode;

static int perfring_init_fs_context(struct fs_context *context)
{
	return init_pseudo(context, 0x70726e67) ? 0 : -ENOMEM;
}

/* No owner: our own mount must not keep the module loaded. */
static struct file_system_type perfring_fs = {
	.name			= PERFRING_NAME,
	.init_fs_context	= perfring_init_fs_context,
	.kill_sb		= kill_anon_super,
};

int perfring_event_init(void)
{
	perfring_mount = kern_mount(&perfring_fs);
	if (IS_ERR(perfring_mount))
		return PTR_ERR(perfring_mount);
	perfring_inode = alloc_anon_inode(perfring_mount->mnt_sb);
	if (IS_ERR(perfring_inode)) {
		kern_unmount(perfring_mount);
		return PTR_ERR(perfring_inode);
	}
	return 0;
}

void perfring_event_exit(void)
{
	iput(perfring_inode);
	kern_unmount(perfring_mount);
}

/* perf's clock as the event's CPU has it, whoever asks. */
static u64 perfring_event_clock(const struct perfring_event *event)
{
	return cpu_clock(event->device->cpu);
}

/* ns enabled, and with a CPU of its own an event always runs when enabled. */
u64 perfring_event_time(struct perfring_event *event)
{
	u64 time = event->time_enabled, now;

	if (event->enabled) {
		now = perfring_event_clock(event);
		/* I, pairs with perfring_overflow(): then stopped_at is there. */
		if (smp_load_acquire(&event->stopped))
			now = event->stopped_at;
		time += max_t(s64, now - event->enabled_at, 0);
	}
	return time;
}

u64 perfring_event_lost(struct perfring_event *event)
{
	return perfring_counter_read(&event->counters, PERFRING_COUNTER_LOST);
}

/* Bring the counter fields of the control page up to date; device->mmap_mutex held. */
void perfring_event_publish(struct perfring_event *event)
{
	struct perfring_ring *ring = perfring_event_ring(event);
	struct perf_event_mmap_page *page;
	u64 time = perfring_event_time(event);

	if (!ring)
		return;
	page = ring->core.page;
	/*
	 * A reader retries while lock is odd or changed.  It may be a real-time
	 * task of this CPU, so do not let it in while lock is odd.
	 */
	preempt_disable();
	WRITE_ONCE(page->lock, ++ring->lock);
	smp_wmb(); /* E, pairs with the reader's barrier before it loads lock again */
	page->index = 0;
	page->offset = local64_read(&event->count);
	page->time_enabled = time;
	page->time_running = time;
	smp_wmb(); /* F, pairs with the reader's barrier after it first loads lock */
	WRITE_ONCE(page->lock, ++ring->lock);
	preempt_enable();
}

/**
 * perfring_on_cpu - run on a CPU, or here when it is offline and has no writer
 * @cpu: CPU
 * @fn: called with preemption off
 * @arg: for @fn
 *
 * Context: task, cpus_read_lock held.
 */
void perfring_on_cpu(int cpu, void (*fn)(void *), void *arg)
{
	if (!smp_call_function_single(cpu, fn, arg, 1))
		return;
	preempt_disable();
	fn(arg);
	preempt_enable();
}

/**
 * perfring_event_on_cpu - change what writers change without a lock
 * @event: event
 * @fn: see perfring_on_cpu()
 * @arg: for @fn
 *
 * Context: task.
 */
void perfring_event_on_cpu(struct perfring_event *event, void (*fn)(void *), void *arg)
{
	cpus_read_lock();
	perfring_on_cpu(event->device->cpu, fn, arg);
	cpus_read_unlock();
}

static void perfring_event_set(struct perfring_event *event, bool enabled)
{
	mutex_lock(&event->device->mmap_mutex);
	if (enabled && event->attr.sample_period) {
		event->last_period = event->attr.sample_period;
		perfring_source_reload(event);
	}
	event->time_enabled = perfring_event_time(event);
	event->enabled_at = perfring_event_clock(event);
	/* Only now: a disabled event stays stopped until nobody is inside. */
	if (enabled)
		WRITE_ONCE(event->stopped, false);
	/* The source and write(2) see an attr and a layout that stand still. */
	smp_store_release(&event->enabled, enabled); /* G, pairs with perfring_event_on() */
	/* perf leaves the page as it is when an event stops. */
	if (enabled)
		perfring_event_publish(event);
	mutex_unlock(&event->device->mmap_mutex);
}

/**
 * perfring_event_enable - start
 * @event: event; enabling an enabled one is nothing
 *
 * Context: task, event->lock held.
 * Return: 0, or why the source cannot start.
 */
int perfring_event_enable(struct perfring_event *event)
{
	int ret = 0;

	lockdep_assert_held(&event->lock);
	if (READ_ONCE(event->stopped))
		perfring_event_disable(event);
	if (event->enabled)
		return 0;
	perfring_event_set(event, true);
	if (event->source->attach)
		ret = event->source->attach(event);
	if (ret)
		perfring_event_set(event, false);
	else
		WRITE_ONCE(event->used, true);
	return ret;
}

/**
 * perfring_event_disable - stop; when it returns no writer is inside or to come
 * @event: event; disabling a disabled one is nothing
 *
 * Context: task, event->lock held.
 */
void perfring_event_disable(struct perfring_event *event)
{
	lockdep_assert_held(&event->lock);
	if (!event->enabled)
		return;
	if (event->source->detach)
		event->source->detach(event);
	perfring_event_set(event, false);
	/*
	 * Writers look at enabled with preemption off.  Expedited, because it is
	 * the ioctl of a test that measures, not a path of production.
	 */
	synchronize_rcu_expedited();
}

/**
 * perfring_event_modify - PERF_EVENT_IOC_MODIFY_ATTRIBUTES
 * @event: event
 * @attr: from perfring_copy_attr(); the source may change it
 *
 * An attr without @disabled starts the event, as perf_event_open(2) does.
 *
 * Context: task.
 * Return: 0, -EBUSY once it was enabled or mapped, or what is wrong with the attr.
 */
int perfring_event_modify(struct perfring_event *event, struct perf_event_attr *attr)
{
	const struct perfring_source *source, *unused;
	struct perfring_layout layout;
	void *state = NULL, *unused_state;
	bool used;
	int ret;

	ret = perfring_source_find(attr, &source);
	if (!ret)
		ret = perfring_layout_init(&layout, attr);
	if (!ret && source->prepare)
		ret = source->prepare(attr, &state);
	if (ret)
		return ret;

	mutex_lock(&event->lock);
	mutex_lock(&event->device->mmap_mutex);
	used = event->used;
	unused = source;
	unused_state = state;
	if (!used) {
		unused = event->source;
		unused_state = event->state;
		event->state = state;
		event->attr = *attr;
		event->layout = layout;
		WRITE_ONCE(event->source, source);
		local64_set(&event->period_left, -(s64)attr->sample_period);
	}
	mutex_unlock(&event->device->mmap_mutex);
	if (used)
		ret = -EBUSY;
	else if (!attr->disabled)
		ret = perfring_event_enable(event);
	mutex_unlock(&event->lock);
	if (unused_state)
		unused->release(unused_state);
	return ret;
}

static int perfring_open(struct inode *inode, struct file *file)
{
	struct perfring_device *device = perfring_device_find(iminor(inode));
	/* What perf_buffer__new() of libbpf would ask for. */
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
		.wakeup_events = 1,
		.disabled = 1,
	};
	struct perfring_event *event;
	int ret;

	/* A failed init takes the module away whoever has it open. */
	if (!perfring_is_ready() || !device)
		return -ENODEV;
	event = kzalloc(sizeof(*event), GFP_KERNEL_ACCOUNT);
	if (!event)
		return -ENOMEM;
	event->device = device;
	event->id = atomic64_inc_return(&perfring_last_id);
	event->ns = get_pid_ns(task_active_pid_ns(current));
	mutex_init(&event->lock);
	perfring_event_wakeup_init(event);
	ret = perfring_user_charge(1, 0, &event->owner);
	if (ret)
		goto free;
	ret = perfring_event_modify(event, &attr);
	if (!ret && !perfring_device_add(device, event))
		ret = -ENODEV;
	if (ret)
		goto uncharge;
	file->private_data = event;
	/* open(2) sets it for 64-bit programs; a perf descriptor does not have it. */
	file->f_flags &= ~O_LARGEFILE;
	perfring_file_offsets(file);
	file->f_mapping = perfring_inode->i_mapping;
	return nonseekable_open(inode, file);

uncharge:
	perfring_user_uncharge(event->owner, 1, 0);
free:
	put_pid_ns(event->ns);
	kfree(event);
	return ret;
}

/* The last close; mappings hold the file, so the ring, if any, is another event's. */
static int perfring_release(struct inode *inode, struct file *file)
{
	struct perfring_event *event = file->private_data;

	mutex_lock(&event->lock);
	perfring_event_disable(event);
	mutex_unlock(&event->lock);
	mutex_lock(&event->device->mmap_mutex);
	perfring_ring_attach(event, NULL);
	mutex_unlock(&event->device->mmap_mutex);
	perfring_device_remove(event->device, event);
	perfring_deferred_sync(&event->signal);
	if (event->state)
		event->source->release(event->state);
	perfring_user_uncharge(event->owner, 1, 0);
	put_pid_ns(event->ns);
	kfree(event);
	return 0;
}

static ssize_t perfring_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	struct perfring_event *event = file->private_data;
	u64 value[6], format, time, size;
	unsigned int n = 0;

	mutex_lock(&event->lock);
	format = event->attr.read_format;
	time = perfring_event_time(event);
	mutex_unlock(&event->lock);

	size = perfring_read_size(format);
	if (count < size)
		return -ENOSPC;
	if (format & PERF_FORMAT_GROUP)
		value[n++] = 1;
	else
		value[n++] = local64_read(&event->count);
	if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
		value[n++] = time;
	if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
		value[n++] = time;
	if (format & PERF_FORMAT_GROUP)
		value[n++] = local64_read(&event->count);
	if (format & PERF_FORMAT_ID)
		value[n++] = event->id;
	if (format & PERF_FORMAT_LOST)
		value[n++] = perfring_event_lost(event);
	if (copy_to_user(buf, value, size))
		return -EFAULT;
	return size;
}

const struct file_operations perfring_fops = {
	.owner		= THIS_MODULE,
	.open		= perfring_open,
	.release	= perfring_release,
	.read		= perfring_read,
	.write		= perfring_write,
	.poll		= perfring_poll,
	.fasync		= perfring_fasync,
	.mmap		= perfring_mmap,
	.unlocked_ioctl	= perfring_ioctl,
	.compat_ioctl	= perfring_compat_ioctl,
#ifdef PERFRING_FOP_FLAGS
	.fop_flags	= PERFRING_FOP_FLAGS,
#endif
};
