// SPDX-License-Identifier: GPL-2.0
/*
 * ioctl(2): perf_event_open(2)'s own numbers with perf's answers, and ours.
 */
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "perfring.h"

static long perfring_ioc_modify(struct perfring_event *event, void __user *arg)
{
	struct perf_event_attr attr;
	int ret;

	ret = perfring_copy_attr(arg, &attr);
	return ret ?: perfring_event_modify(event, &attr);
}

static long perfring_ioc_enable(struct perfring_event *event, bool enable)
{
	int ret = 0;

	mutex_lock(&event->lock);
	if (enable)
		ret = perfring_event_enable(event);
	else
		perfring_event_disable(event);
	mutex_unlock(&event->lock);
	return ret;
}

static void perfring_reset(void *arg)
{
	struct perfring_event *event = arg;

	local64_set(&event->count, 0);
	local64_set(&event->generator.seq, 0);
}

static long perfring_ioc_reset(struct perfring_event *event)
{
	mutex_lock(&event->lock);
	perfring_event_on_cpu(event, perfring_reset, event);
	mutex_lock(&event->device->mmap_mutex);
	perfring_event_publish(event);
	mutex_unlock(&event->device->mmap_mutex);
	mutex_unlock(&event->lock);
	return 0;
}

struct perfring_period_call {
	struct perfring_event *event;
	u64 period;
};

/* Where the writers are: a period of two words shall not be seen by halves. */
static void perfring_set_period(void *arg)
{
	const struct perfring_period_call *call = arg;

	WRITE_ONCE(call->event->attr.sample_period, call->period);
	/* As perf: the next event ends the period, or the next enable begins one. */
	local64_set(&call->event->period_left, 0);
}

static long perfring_ioc_period(struct perfring_event *event, void __user *arg)
{
	struct perfring_period_call call = { .event = event };
	long ret = 0;

	if (copy_from_user(&call.period, arg, sizeof(call.period)))
		return -EFAULT;
	mutex_lock(&event->lock);
	if (!event->attr.sample_period || !call.period || call.period & (1ULL << 63))
		ret = -EINVAL;
	else
		perfring_event_on_cpu(event, perfring_set_period, &call);
	mutex_unlock(&event->lock);
	return ret;
}

static long perfring_ioc_pause(struct perfring_event *event, bool pause)
{
	struct perfring_ring *ring;
	long ret = -EINVAL;

	rcu_read_lock();
	ring = rcu_dereference(event->ring);
	if (ring && ring->nr_pages) {
		WRITE_ONCE(ring->core.paused, pause);
		ret = 0;
	}
	rcu_read_unlock();
	return ret;
}

/* What all our structures begin with. */
struct perfring_head {
	u32 size;
	u32 flags;
};

/*
 * Take a structure of @known bytes, of which @least have to be there, and of whose
 * flags only @flags may be set. to->size is what the user said, and nothing that is
 * written meanwhile.
 */
static int perfring_copy_in(void *to, size_t known, size_t least, u32 flags, void __user *from)
{
	struct perfring_head *head = to;
	u32 size;
	int ret;

	if (get_user(size, (u32 __user *)from))
		return -EFAULT;
	if (size < least)
		return -EINVAL;
	ret = -E2BIG;
	if (size <= PAGE_SIZE)
		ret = copy_struct_from_user(to, known, from, size);
	if (ret == -E2BIG && put_user((u32)known, (u32 __user *)from))
		return -EFAULT;
	if (ret)
		return ret;
	head->size = size;
	return head->flags & ~flags ? -EINVAL : 0;
}

static long perfring_ioc_stats(struct perfring_event *event, void __user *arg)
{
	struct perfring_stats stats;
	u32 size;
	int ret;

	ret = perfring_copy_in(&stats, sizeof(stats), sizeof(struct perfring_head), 0, arg);
	if (ret)
		return ret;
	size = stats.size;
	perfring_stats_fill(&stats, event);
	stats.size = size;
	return copy_to_user(arg, &stats, min_t(size_t, size, sizeof(stats))) ? -EFAULT : 0;
}

#define PERFRING_EMIT_FLAGS	(PERFRING_EMIT_NO_WAKEUP | PERFRING_EMIT_FORCE_WAKEUP)

static long perfring_ioc_emit(struct perfring_event *event, void __user *arg)
{
	struct perfring_emit emit;
	int ret;

	/* The counts that come back are the point: no shorter form. */
	ret = perfring_copy_in(&emit, sizeof(emit), sizeof(emit), PERFRING_EMIT_FLAGS, arg);
	if (ret)
		return ret;
	if (emit.flags == PERFRING_EMIT_FLAGS || emit.reserved)
		return -EINVAL;
	ret = perfring_emit(event, &emit);
	if (copy_to_user(arg, &emit, sizeof(emit)))
		return -EFAULT;
	return ret;
}

static long perfring_ioc_reserve(struct perfring_event *event, void __user *arg)
{
	struct perfring_reserve reserve;
	int ret;

	ret = perfring_copy_in(&reserve, sizeof(reserve), sizeof(reserve), PERFRING_EMIT_FLAGS,
			       arg);
	if (ret)
		return ret;
	if (reserve.flags == PERFRING_EMIT_FLAGS || !reserve.type || reserve.reserved)
		return -EINVAL;
	reserve.record_size = 0;
	reserve.position = 0;
	ret = perfring_user_reserve(event, &reserve);
	if (copy_to_user(arg, &reserve, sizeof(reserve))) {
		/* Who does not hear of it cannot end it. */
		if (!ret)
			perfring_hold_release(event, false);
		return -EFAULT;
	}
	return ret;
}

static long perfring_ioc_release(struct perfring_event *event, void __user *arg, bool commit)
{
	struct perfring_release release;
	int ret;

	ret = perfring_copy_in(&release, sizeof(release), sizeof(release), 0, arg);
	if (ret)
		return ret;
	if (release.reserved)
		return -EINVAL;
	ret = perfring_hold_release(event, commit);
	if (ret < 0)
		return ret;
	release.result = ret;
	return copy_to_user(arg, &release, sizeof(release)) ? -EFAULT : 0;
}

/* As perf_event_open(2)'s of another event: its ring takes our output. */
static long perfring_ioc_output(struct perfring_event *event, unsigned long arg)
{
	struct file *file;
	long ret = -EBADF;

	if (arg == -1UL)
		return perfring_ring_redirect(event, NULL);
	file = fget((int)arg);
	if (!file)
		return -EBADF;
	if (file->f_op == &perfring_fops)
		ret = perfring_ring_redirect(event, file->private_data);
	fput(file);
	return ret;
}

/* Enable, for @samples more than are left of an earlier call. */
static long perfring_ioc_refresh(struct perfring_event *event, int samples)
{
	long ret = -EINVAL;

	mutex_lock(&event->lock);
	if (event->attr.sample_period && !event->attr.inherit) {
		atomic_add(samples, &event->limit);
		smp_mb__after_atomic(); /* K, pairs with perfring_stop() */
		ret = perfring_event_enable(event);
		/* Nobody writes, then: the next one begins where this did. */
		if (ret)
			atomic_sub(samples, &event->limit);
	}
	mutex_unlock(&event->lock);
	return ret;
}

/* Only tracepoints have filters; but a bad string is seen first. */
static long perfring_ioc_filter(const char __user *arg)
{
	char *filter = strndup_user(arg, PAGE_SIZE);

	if (IS_ERR(filter))
		return PTR_ERR(filter);
	kfree(filter);
	return -EINVAL;
}

static long perfring_ioc_inject(struct perfring_event *event, void __user *arg)
{
	struct perfring_inject inject;
	int ret;

	ret = perfring_copy_in(&inject, sizeof(inject), sizeof(inject), 0, arg);
	if (ret)
		return ret;
	ret = perfring_inject(event, &inject);
	if (ret)
		return ret;
	return copy_to_user(arg, &inject, sizeof(inject)) ? -EFAULT : 0;
}

/*
 * Of programs perf takes those of its own type for such an event; one that
 * filters or counts has nothing to do here.
 */
static long perfring_ioc_bpf(u32 fd)
{
	struct bpf_prog *prog = bpf_prog_get_type_dev(fd, BPF_PROG_TYPE_PERF_EVENT, false);

	if (IS_ERR(prog))
		return PTR_ERR(prog);
	bpf_prog_put(prog);
	return -EOPNOTSUPP;
}

static bool perfring_ring_busy(struct perfring_ring *ring)
{
	struct perfring_event *event;

	if (ring->hold)
		return true;
	list_for_each_entry(event, &ring->events, ring_entry)
		if (event->enabled)
			return true;
	return false;
}

static long perfring_ioc_position(struct perfring_event *event, void __user *arg)
{
	struct perfring_position position;
	struct perfring_ring *ring;
	long ret;

	ret = perfring_copy_in(&position, sizeof(position), sizeof(struct perfring_head), 0, arg);
	if (ret)
		return ret;
	if (position.position & 7 || position.position > ULONG_MAX)
		return -EINVAL;

	mutex_lock(&event->device->mmap_mutex);
	ring = perfring_event_ring(event);
	ret = -EINVAL;
	if (event->enabled || (ring && perfring_ring_busy(ring))) {
		ret = -EBUSY;
	} else if (ring && ring->nr_pages) {
		/* One of them may have been disabled just now, with a writer inside. */
		synchronize_rcu_expedited();
		perfring_core_position(&ring->core, position.position);
		ret = 0;
	}
	mutex_unlock(&event->device->mmap_mutex);
	return ret;
}

/* What writes: the descriptor must be open for writing. */
static bool perfring_ioc_writes(unsigned int cmd)
{
	switch (cmd) {
	case PERFRING_IOC_EMIT:
	case PERFRING_IOC_SET_POSITION:
	case PERFRING_IOC_RESERVE:
	case PERFRING_IOC_COMMIT:
	case PERFRING_IOC_DISCARD:
	case PERFRING_IOC_INJECT:
		return true;
	default:
		return false;
	}
}

long perfring_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct perfring_event *event = file->private_data;
	void __user *user = (void __user *)arg;

	if (perfring_ioc_writes(cmd) && !(file->f_mode & FMODE_WRITE))
		return -EBADF;

	switch (cmd) {
	case PERF_EVENT_IOC_ENABLE:
		return perfring_ioc_enable(event, true);
	case PERF_EVENT_IOC_DISABLE:
		return perfring_ioc_enable(event, false);
	case PERF_EVENT_IOC_RESET:
		return perfring_ioc_reset(event);
	case PERF_EVENT_IOC_PERIOD:
		return perfring_ioc_period(event, user);
	case PERF_EVENT_IOC_ID:
		return put_user(event->id, (u64 __user *)user);
	case PERF_EVENT_IOC_PAUSE_OUTPUT:
		return perfring_ioc_pause(event, arg);
	case PERF_EVENT_IOC_SET_OUTPUT:
		return perfring_ioc_output(event, arg);
	case PERF_EVENT_IOC_REFRESH:
		return perfring_ioc_refresh(event, arg);
	case PERF_EVENT_IOC_MODIFY_ATTRIBUTES:
		return perfring_ioc_modify(event, user);
	case PERF_EVENT_IOC_SET_FILTER:
		return perfring_ioc_filter(user);
	case PERF_EVENT_IOC_SET_BPF:
		return perfring_ioc_bpf(arg);
	case PERF_EVENT_IOC_QUERY_BPF:
		return perfmon_capable() ? -EINVAL : -EPERM;
	case PERFRING_IOC_EMIT:
		return perfring_ioc_emit(event, user);
	case PERFRING_IOC_STATS:
		return perfring_ioc_stats(event, user);
	case PERFRING_IOC_SET_POSITION:
		return perfring_ioc_position(event, user);
	case PERFRING_IOC_RESERVE:
		return perfring_ioc_reserve(event, user);
	case PERFRING_IOC_COMMIT:
		return perfring_ioc_release(event, user, true);
	case PERFRING_IOC_DISCARD:
		return perfring_ioc_release(event, user, false);
	case PERFRING_IOC_INJECT:
		return perfring_ioc_inject(event, user);
	default:
		return -ENOTTY;
	}
}

/* perf's ioctls that carry sizeof(pointer) in their number, and only those. */
long perfring_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (_IOC_NR(cmd)) {
	case _IOC_NR(PERF_EVENT_IOC_SET_FILTER):
	case _IOC_NR(PERF_EVENT_IOC_ID):
	case _IOC_NR(PERF_EVENT_IOC_QUERY_BPF):
	case _IOC_NR(PERF_EVENT_IOC_MODIFY_ATTRIBUTES):
		if (_IOC_TYPE(cmd) == '$' && _IOC_SIZE(cmd) == sizeof(u32)) {
			cmd &= ~IOCSIZE_MASK;
			cmd |= sizeof(void *) << IOCSIZE_SHIFT;
		}
	}
	return perfring_ioctl(file, cmd, (unsigned long)(u32)arg);
}
