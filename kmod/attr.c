// SPDX-License-Identifier: GPL-2.0
/*
 * What an attr may say: perf's checks first, then what this device can do.
 */
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <linux/perf_regs.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "perfring.h"

/* What perfring_read() knows. */
#define PERFRING_READ_FORMATS							\
	(PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING |	\
	 PERF_FORMAT_ID | PERF_FORMAT_GROUP | PERF_FORMAT_LOST)

/*
 * Is everything in @attr known here?  What is not copied has no meaning for this
 * device, and so has what a newer kernel adds to the structure.  What is copied
 * has perf's meaning, or, for such an event of a whole CPU, no effect in perf
 * either: there is no exec, no child and no breakpoint, and the sizes of fields
 * that sample_type does not ask for are not looked at.
 */
static bool perfring_attr_supported(const struct perf_event_attr *attr)
{
	struct perf_event_attr known = {
		.type				= attr->type,
		.size				= attr->size,
		.config				= attr->config,
		.sample_period			= attr->sample_period,
		.sample_type			= attr->sample_type,
		.read_format			= attr->read_format & PERFRING_READ_FORMATS,
		.disabled			= attr->disabled,
		.inherit			= attr->inherit,
		.pinned				= attr->pinned,
		.exclusive			= attr->exclusive,
		.exclude_user			= attr->exclude_user,
		.exclude_kernel			= attr->exclude_kernel,
		.exclude_hv			= attr->exclude_hv,
		.exclude_idle			= attr->exclude_idle,
		.inherit_stat			= attr->inherit_stat,
		.enable_on_exec			= attr->enable_on_exec,
		.watermark			= attr->watermark,
		.precise_ip			= attr->precise_ip,
		.sample_id_all			= attr->sample_id_all,
		.exclude_host			= attr->exclude_host,
		.exclude_guest			= attr->exclude_guest,
		.exclude_callchain_kernel	= attr->exclude_callchain_kernel,
		.exclude_callchain_user		= attr->exclude_callchain_user,
		/* Both change side-band records, which are refused. */
		.comm_exec			= attr->comm_exec,
		.build_id			= attr->build_id,
		.use_clockid			= attr->use_clockid,
		.write_backward			= attr->write_backward,
		.inherit_thread			= attr->inherit_thread,
		.remove_on_exec			= attr->remove_on_exec,
		.wakeup_events			= attr->wakeup_events,
		.bp_type			= attr->bp_type,
		.config1			= attr->config1,
		.config2			= attr->config2,
		.branch_sample_type		= attr->branch_sample_type,
		.sample_regs_user		= attr->sample_regs_user,
		.sample_stack_user		= attr->sample_stack_user,
		.clockid			= attr->clockid,
		.sample_regs_intr		= attr->sample_regs_intr,
		.aux_watermark			= attr->aux_watermark,
		.sample_max_stack		= attr->sample_max_stack,
		.sig_data			= attr->sig_data,
	};

	perfring_attr_copy_config3(&known, attr);
	/* Registers that not every PMU can read are refused whether or not asked for. */
	if ((attr->sample_regs_user | attr->sample_regs_intr) & PERF_REG_EXTENDED_MASK)
		return false;
	return !memcmp(&known, attr, sizeof(known));
}

/* The values of fields that sample_type asks for. */
static int perfring_attr_check_sample(const struct perf_event_attr *attr)
{
	u64 type = attr->sample_type, branch = attr->branch_sample_type;

	if (type & PERF_SAMPLE_BRANCH_STACK &&
	    (branch & ~(u64)(PERF_SAMPLE_BRANCH_MAX - 1) ||
	     !(branch & ~(u64)PERF_SAMPLE_BRANCH_PLM_ALL)))
		return -EINVAL;
	if (type & PERF_SAMPLE_REGS_USER && !attr->sample_regs_user)
		return -EINVAL;
	if (type & PERF_SAMPLE_STACK_USER &&
	    (attr->sample_stack_user >= U16_MAX || attr->sample_stack_user & 7))
		return -EINVAL;
	if (type & PERF_SAMPLE_REGS_INTR && !attr->sample_regs_intr)
		return -EINVAL;
	if (type & PERF_SAMPLE_WEIGHT && type & PERF_SAMPLE_WEIGHT_STRUCT)
		return -EINVAL;
	/* Whose value would it be? */
	if (type & PERF_SAMPLE_READ && attr->inherit && !perfring_attr_read_inherits(attr))
		return -EINVAL;
	return 0;
}

/* As perf_event_open(2), in its order. */
static int perfring_attr_check(const struct perf_event_attr *attr)
{
	int ret;

	if (attr->__reserved_1 || attr->__reserved_2 || attr->__reserved_3)
		return -EINVAL;
	if (attr->sample_type & ~(u64)(PERF_SAMPLE_MAX - 1))
		return -EINVAL;
	if (attr->read_format & ~(u64)(PERF_FORMAT_MAX - 1))
		return -EINVAL;
	ret = perfring_attr_check_sample(attr);
	if (ret)
		return ret;
	if (!attr->inherit && attr->inherit_thread)
		return -EINVAL;
	if (attr->remove_on_exec && attr->enable_on_exec)
		return -EINVAL;
	/* To whom?  The event has no task. */
	if (attr->sigtrap)
		return -EINVAL;
	if (!attr->freq && attr->sample_period & (1ULL << 63))
		return -EINVAL;
	/* They want the leader of a group with an AUX area. */
	if (attr->aux_sample_size || perfring_attr_aux_pauses(attr))
		return -EINVAL;
	return 0;
}

/**
 * perfring_copy_attr - take a perf_event_attr from user space
 * @uattr: user's; its size field is updated with -E2BIG
 * @attr: result
 *
 * Return: 0; -E2BIG for a size below VER0, beyond a page, or with non-zero
 * bytes that this kernel does not know; -EINVAL for reserved bits and for
 * combinations that perf refuses; -EACCES for kernel addresses;
 * -EOPNOTSUPP for what perf can and this device cannot.
 */
int perfring_copy_attr(struct perf_event_attr __user *uattr, struct perf_event_attr *attr)
{
	u32 size;
	int ret;

	if (get_user(size, &uattr->size))
		return -EFAULT;
	if (!size)
		size = PERF_ATTR_SIZE_VER0;
	ret = -E2BIG;
	if (size >= PERF_ATTR_SIZE_VER0 && size <= PAGE_SIZE)
		ret = copy_struct_from_user(attr, sizeof(*attr), uattr, size);
	/* As perf, which says E2BIG also where it cannot write the size. */
	if (ret == -E2BIG)
		put_user((u32)sizeof(*attr), &uattr->size);
	if (ret)
		return ret;
	attr->size = size;

	ret = perfring_attr_check(attr);
	if (ret)
		return ret;
	if (!perfring_attr_supported(attr))
		return -EOPNOTSUPP;

	/* perf's limit for who may see kernel addresses. */
	if (attr->sample_type & (PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN) &&
	    perfring_sysctl_paranoid() > 1 && !perfmon_capable())
		return -EACCES;
	return 0;
}
