// SPDX-License-Identifier: GPL-2.0
/*
 * Module parameters, and what each user has of what they limit.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/kstrtox.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include "perfring.h"

#define PERFRING_PAGES_LIMIT	262144U
#define PERFRING_RATE_LIMIT	100000U
#define PERFRING_SLOTS_LEAST	32U
#define PERFRING_SLOTS_LIMIT	1048576U

static unsigned int perfring_mode_bits = 0600;
unsigned int perfring_max_pages = PERFRING_PAGES_LIMIT;
unsigned int perfring_max_rate = PERFRING_RATE_LIMIT;
unsigned int perfring_syscall_slots = 16384;
static unsigned int perfring_max_events = 4096;
static unsigned int perfring_max_memory;
bool perfring_allow_inject;

/* A number from @low to @high, or an octal mode up to @high when @octal. */
struct perfring_param {
	unsigned int *value;
	unsigned int low;
	unsigned int high;
	bool octal;
};

static int perfring_param_set(const char *val, const struct kernel_param *kp)
{
	const struct perfring_param *param = kp->arg;
	unsigned int value;
	int ret = kstrtouint(val, param->octal ? 8 : 0, &value);

	if (!ret && (value < param->low || value > param->high))
		ret = -EINVAL;
	if (!ret)
		*param->value = value;
	else if (param->octal)
		pr_err("%s=%s is not an octal mode up to %#o\n", kp->name, val, param->high);
	else
		pr_err("%s=%s is not a number from %u to %u\n", kp->name, val, param->low,
		       param->high);
	return ret;
}

static int perfring_param_get(char *buf, const struct kernel_param *kp)
{
	const struct perfring_param *param = kp->arg;

	return sysfs_emit(buf, param->octal ? "%#o\n" : "%u\n", *param->value);
}

static const struct kernel_param_ops perfring_param_ops = {
	.set = perfring_param_set, .get = perfring_param_get,
};

static struct perfring_param perfring_param_mode = {
	&perfring_mode_bits, 0, 0666, true,
};
module_param_cb(mode, &perfring_param_ops, &perfring_param_mode, 0444);
MODULE_PARM_DESC(mode, "permissions of /dev/perfringN, octal (default 0600)");

static struct perfring_param perfring_param_pages = {
	&perfring_max_pages, 1, PERFRING_PAGES_LIMIT, false,
};
module_param_cb(max_pages, &perfring_param_ops, &perfring_param_pages, 0444);
MODULE_PARM_DESC(max_pages, "most data pages of one ring (default and limit 262144)");

static struct perfring_param perfring_param_rate = {
	&perfring_max_rate, 1, PERFRING_RATE_LIMIT, false,
};
module_param_cb(max_rate, &perfring_param_ops, &perfring_param_rate, 0444);
MODULE_PARM_DESC(max_rate, "most ticks per second of one generator (default and limit 100000)");

static struct perfring_param perfring_param_slots = {
	&perfring_syscall_slots, PERFRING_SLOTS_LEAST, PERFRING_SLOTS_LIMIT, false,
};
module_param_cb(syscall_slots, &perfring_param_ops, &perfring_param_slots, 0444);
MODULE_PARM_DESC(syscall_slots, "most tasks inside system calls that the source syscalls follows, rounded up to a power of two (default 16384)");

static struct perfring_param perfring_param_events = {
	&perfring_max_events, 1, INT_MAX, false,
};
module_param_cb(max_events, &perfring_param_ops, &perfring_param_events, 0444);
MODULE_PARM_DESC(max_events, "most open events of one user (default 4096)");

static struct perfring_param perfring_param_memory = {
	&perfring_max_memory, 0, INT_MAX, false,
};
module_param_cb(max_memory, &perfring_param_ops, &perfring_param_memory, 0444);
MODULE_PARM_DESC(max_memory, "most KiB of all rings of one user (default 0, perf's limits alone)");

module_param_named(allow_inject, perfring_allow_inject, bool, 0444);
MODULE_PARM_DESC(allow_inject, "CAP_SYS_ADMIN may write malformed records (default 0)");

umode_t perfring_mode(void)
{
	return perfring_mode_bits;
}

/**
 * struct perfring_user - what one user has, as long as it is anything
 * @uid: real uid, as for the limits of setrlimit(2)
 * @events: open events
 * @pages: of rings
 */
struct perfring_user {
	kuid_t uid;
	unsigned int events;
	unsigned long pages;
};

static DEFINE_XARRAY(perfring_users);		/* by uid */
static DEFINE_MUTEX(perfring_users_lock);	/* and all in it */

static struct perfring_user *perfring_user_get(kuid_t uid)
{
	struct perfring_user *user = xa_load(&perfring_users, __kuid_val(uid));
	int ret;

	if (user)
		return user;
	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user)
		return ERR_PTR(-ENOMEM);
	user->uid = uid;
	ret = xa_err(xa_store(&perfring_users, __kuid_val(uid), user, GFP_KERNEL_ACCOUNT));
	if (ret) {
		kfree(user);
		return ERR_PTR(ret);
	}
	return user;
}

static void perfring_user_put(struct perfring_user *user)
{
	if (user->events || user->pages)
		return;
	xa_erase(&perfring_users, __kuid_val(user->uid));
	kfree(user);
}

static bool perfring_user_fits(const struct perfring_user *user, unsigned int events,
			       unsigned long pages)
{
	unsigned long max_pages = perfring_max_memory >> (PAGE_SHIFT - 10);

	if (events && user->events + events > perfring_max_events)
		return false;
	return !pages || !perfring_max_memory || user->pages + pages <= max_pages;
}

/**
 * perfring_user_charge - count what the current user is about to have
 * @events: open events
 * @pages: of rings
 * @out: for perfring_user_uncharge()
 *
 * Only one of @events and @pages is not 0.  CAP_SYS_RESOURCE goes beyond the limits.
 *
 * Context: task.
 * Return: 0; -EMFILE for too many events, -ENOMEM for too many pages or without memory.
 */
int perfring_user_charge(unsigned int events, unsigned long pages, struct perfring_user **out)
{
	struct perfring_user *user;
	int ret = 0;

	mutex_lock(&perfring_users_lock);
	user = perfring_user_get(current_uid());
	if (IS_ERR(user)) {
		ret = PTR_ERR(user);
		goto unlock;
	}
	if (!perfring_user_fits(user, events, pages) && !capable(CAP_SYS_RESOURCE)) {
		perfring_user_put(user);
		ret = events ? -EMFILE : -ENOMEM;
		goto unlock;
	}
	user->events += events;
	user->pages += pages;
	*out = user;
unlock:
	mutex_unlock(&perfring_users_lock);
	return ret;
}

/**
 * perfring_user_uncharge - give back what perfring_user_charge() counted
 * @user: its result
 * @events: as there
 * @pages: as there
 *
 * Context: task.
 */
void perfring_user_uncharge(struct perfring_user *user, unsigned int events, unsigned long pages)
{
	mutex_lock(&perfring_users_lock);
	user->events -= events;
	user->pages -= pages;
	perfring_user_put(user);
	mutex_unlock(&perfring_users_lock);
}
