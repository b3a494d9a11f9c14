// SPDX-License-Identifier: GPL-2.0
/*
 * perf's limits.  The kernel does not export the variables, but publishes them
 * as files, so that is where they are read: from a mount of our own, which no
 * mount namespace can put something else in front of.  The files are opened
 * once, because mmap(2) asks under a lock that opening a file must not nest in.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mount.h>
#include "perfring.h"

static struct vfsmount *perfring_proc;

enum {
	PERFRING_MLOCK_KB, PERFRING_PARANOID, PERFRING_MAX_STACK, PERFRING_KPTR_RESTRICT,
	PERFRING_SYSCTLS
};

static const char *const perfring_names[] = {
	[PERFRING_MLOCK_KB]	= "sys/kernel/perf_event_mlock_kb",
	[PERFRING_PARANOID]	= "sys/kernel/perf_event_paranoid",
	[PERFRING_MAX_STACK]	= "sys/kernel/perf_event_max_stack",
	[PERFRING_KPTR_RESTRICT] = "sys/kernel/kptr_restrict",
};

static struct file *perfring_files[PERFRING_SYSCTLS];

static long perfring_sysctl_read(unsigned int i, long fallback)
{
	loff_t pos = 0;
	char buf[24];
	ssize_t n;
	long value;

	n = kernel_read(perfring_files[i], buf, sizeof(buf) - 1, &pos);
	if (n <= 0)
		return fallback;
	buf[n] = '\0';
	return kstrtol(buf, 10, &value) ? fallback : value;
}

/* kernel.perf_event_mlock_kb; should it fail, nothing is free of charge. */
long perfring_sysctl_mlock_kb(void)
{
	return perfring_sysctl_read(PERFRING_MLOCK_KB, 0);
}

/* kernel.perf_event_paranoid; should it fail, the strictest. */
long perfring_sysctl_paranoid(void)
{
	return perfring_sysctl_read(PERFRING_PARANOID, 3);
}

/* kernel.perf_event_max_stack; should it fail, as short as can be. */
long perfring_sysctl_max_stack(void)
{
	return perfring_sysctl_read(PERFRING_MAX_STACK, 1);
}

/* May the current task see kernel addresses, by kernel.kptr_restrict and by perf? */
bool perfring_sysctl_addresses(void)
{
	switch (perfring_sysctl_read(PERFRING_KPTR_RESTRICT, 2)) {
	case 0:
		return perfring_sysctl_paranoid() <= 1 || perfmon_capable();
	case 1:
		return capable(CAP_SYSLOG);
	default:
		return false;
	}
}

void perfring_sysctl_exit(void)
{
	unsigned int i;

	for (i = 0; i < PERFRING_SYSCTLS; i++)
		if (perfring_files[i])
			fput(perfring_files[i]);
	kern_unmount(perfring_proc);
}

int perfring_sysctl_init(void)
{
	struct file_system_type *type = get_fs_type("proc");
	struct file *file;
	unsigned int i;

	if (!type)
		return -ENODEV;
	perfring_proc = kern_mount(type);
	module_put(type->owner);
	if (IS_ERR(perfring_proc))
		return PTR_ERR(perfring_proc);
	for (i = 0; i < PERFRING_SYSCTLS; i++) {
		file = file_open_root_mnt(perfring_proc, perfring_names[i], O_RDONLY, 0);
		if (IS_ERR(file)) {
			pr_err("cannot read /proc/%s: %ld\n", perfring_names[i], PTR_ERR(file));
			perfring_sysctl_exit();
			return PTR_ERR(file);
		}
		perfring_files[i] = file;
	}
	return 0;
}
