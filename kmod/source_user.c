// SPDX-License-Identifier: GPL-2.0
/*
 * The source that a program feeds: write(2) and PERFRING_IOC_EMIT.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include "perfring.h"

/*
 * Records and bytes of one visit to the event's CPU, which has interrupts off
 * when the visitor comes from elsewhere.
 */
#define PERFRING_VISIT		64
#define PERFRING_VISIT_BYTES	16384

struct perfring_visit {
	struct perfring_event *event;
	struct perfring_record record;
	u32 count;
	u32 written;
	u32 lost;
	int ret;
};

/* The stack of a record that was carried here is that of whom it interrupted. */
static int perfring_user_check(const struct perf_event_attr *attr)
{
	return attr->sample_type & PERF_SAMPLE_CALLCHAIN ? perfring_source_watch() : 0;
}

const struct perfring_source perfring_source_user = {
	.name	= "user",
	.check	= perfring_user_check,
};

static void perfring_visit_output(void *arg)
{
	struct perfring_visit *visit = arg;
	u32 i;

	for (i = 0; i < visit->count; i++) {
		/* Here and not before: whoever disables waits for us, not for our caller. */
		if (!perfring_event_on(visit->event)) {
			visit->ret = -EOPNOTSUPP;
			return;
		}
		visit->ret = perfring_output(visit->event, &visit->record);
		if (!visit->ret)
			visit->written++;
		else if (visit->ret == -ENOSPC)
			visit->lost++;
		else
			return;
	}
}

/*
 * Write @visit->count times on the event's CPU.  There already, interrupts stay
 * on and other writers may nest; from elsewhere an IPI carries the record.
 */
static int perfring_visit(struct perfring_visit *visit)
{
	struct perfring_device *device = visit->event->device;
	int ret;

	visit->written = 0;
	visit->lost = 0;
	if (get_cpu() == device->cpu) {
		perfring_visit_output(visit);
		put_cpu();
		return 0;
	}
	put_cpu();
	/* One at a time, so that the CPU gets to its own work between two. */
	if (mutex_lock_killable(&device->visit))
		return -EINTR;
	ret = smp_call_function_single(device->cpu, perfring_visit_output, visit, 1);
	mutex_unlock(&device->visit);
	return ret ? -ENODEV : 0;
}

static bool perfring_takes_writes(const struct perfring_event *event)
{
	return READ_ONCE(event->source) == &perfring_source_user;
}

/*
 * write(2): one sample with the bytes as RAW.  Returns @count, or -ENOSPC when
 * it was lost, -E2BIG when it cannot be a record, -EOPNOTSUPP when the event is
 * disabled or has another source, -ENODEV when its CPU is offline.
 */
ssize_t perfring_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	struct perfring_visit visit = {
		.event = file->private_data,
		.record = {
			.type = PERF_RECORD_SAMPLE,
			.ip = _THIS_IP_,
			.task = current,
		},
		.count = 1,
	};
	void *data = NULL;
	int ret;

	if (!perfring_takes_writes(visit.event))
		return -EOPNOTSUPP;
	if (count > PERFRING_RECORD_MAX) {
		/* To be counted as rejected, without the bytes. */
		visit.record.len = PERFRING_RECORD_MAX + 1;
	} else if (count) {
		data = kvmalloc(count, GFP_KERNEL_ACCOUNT);
		if (!data)
			return -ENOMEM;
		if (copy_from_user(data, buf, count)) {
			kvfree(data);
			return -EFAULT;
		}
		visit.record.data = data;
		visit.record.len = count;
	}
	ret = perfring_visit(&visit);
	kvfree(data);
	return ret ?: visit.ret ?: count;
}

/* The user's payload, or a pattern; one that is too long is rejected without it. */
static int perfring_payload(u8 *data, u64 from, u32 len)
{
	u32 i;

	if (len > PERFRING_RECORD_MAX)
		return 0;
	if (from)
		return copy_from_user(data, u64_to_user_ptr(from), len) ? -EFAULT : 0;
	for (i = 0; i < len; i++)
		data[i] = i;
	return 0;
}

static int perfring_emit_one(struct perfring_visit *visit, struct perfring_emit *emit,
			     const struct perfring_emit_record *from, void *data)
{
	u32 len = min_t(u32, from->len, PERFRING_RECORD_MAX + 1);
	u32 most = clamp_t(u32, PERFRING_VISIT_BYTES / (len + 1), 1, PERFRING_VISIT);
	u32 left = from->count ?: 1;
	int ret;

	ret = perfring_payload(data, from->data, len);
	if (ret)
		return ret;

	visit->record.data = data;
	visit->record.len = len;
	visit->record.type = from->type;
	visit->record.misc = from->misc;
	while (left) {
		if (fatal_signal_pending(current))
			return -EINTR;
		visit->count = min(left, most);
		ret = perfring_visit(visit);
		emit->written += visit->written;
		emit->lost += visit->lost;
		if (ret)
			return ret;
		if (visit->ret && visit->ret != -ENOSPC)
			return visit->ret;
		left -= visit->count;
		cond_resched();
	}
	return 0;
}

/**
 * perfring_emit - PERFRING_IOC_EMIT
 * @event: event
 * @emit: request; written and lost are filled in, also with an error
 *
 * All records are looked at before the first is written.
 *
 * Return: 0 when every record was attempted; -EINVAL, -EFAULT, -E2BIG,
 * -EOPNOTSUPP, -ENODEV as write(2); -EINTR.
 */
int perfring_emit(struct perfring_event *event, struct perfring_emit *emit)
{
	struct perfring_visit visit = {
		.event = event,
		.record = { .ip = _THIS_IP_, .task = current, .flags = emit->flags },
	};
	struct perfring_emit_record *records;
	void *data;
	u32 i;
	int ret;

	emit->written = 0;
	emit->lost = 0;
	if (!perfring_takes_writes(event))
		return -EOPNOTSUPP;
	if (!emit->nr || emit->nr > PERFRING_EMIT_MAX)
		return -EINVAL;
	records = vmemdup_user(u64_to_user_ptr(emit->records), emit->nr * sizeof(*records));
	if (IS_ERR(records))
		return PTR_ERR(records);
	data = kvmalloc(PERFRING_RECORD_MAX, GFP_KERNEL_ACCOUNT);
	ret = data ? 0 : -ENOMEM;
	for (i = 0; i < emit->nr && !ret; i++)
		if (!records[i].type || records[i].reserved ||
		    records[i].count > PERFRING_EMIT_COUNT_MAX)
			ret = -EINVAL;
	for (i = 0; i < emit->nr && !ret; i++)
		ret = perfring_emit_one(&visit, emit, &records[i], data);
	kvfree(data);
	kvfree(records);
	return ret;
}

/**
 * perfring_user_reserve - PERFRING_IOC_RESERVE
 * @event: event
 * @reserve: request; record_size and position are filled in
 *
 * Return: 0 or -errno.
 */
int perfring_user_reserve(struct perfring_event *event, struct perfring_reserve *reserve)
{
	u32 len = min_t(u32, reserve->len, PERFRING_RECORD_MAX + 1);
	struct perfring_record record = {
		.type = reserve->type,
		.misc = reserve->misc,
		.flags = reserve->flags,
		.len = len,
		.ip = _THIS_IP_,
		.task = current,
	};
	void *data;
	int ret;

	if (!perfring_takes_writes(event))
		return -EOPNOTSUPP;
	data = kvmalloc(len, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;
	ret = perfring_payload(data, reserve->data, len);
	if (!ret) {
		record.data = data;
		ret = perfring_hold_reserve(event, &record, reserve);
	}
	kvfree(data);
	return ret;
}
