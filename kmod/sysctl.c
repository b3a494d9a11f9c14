// SPDX-License-Identifier: GPL-2.0
/*
 * perf's limits.  The kernel does not export the variables, but publishes them
 * as files, so that is where they are read: from a mount of our own, which no
 * mount namespace can put something else in front of.  The files are opened
 * once, because mmap(2) asks under a lock that opening a file must not nest in.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mount.h>
#include "perfring.h"

static struct vfsmount *perfring_proc;
static struct file *perfring_mlock_kb;
static struct file *perfring_paranoid;

static long perfring_sysctl_read(struct file *file, long fallback)
{
	loff_t pos = 0;
	char buf[24];
	ssize_t n;
	long value;

	n = kernel_read(file, buf, sizeof(buf) - 1, &pos);
	if (n <= 0)
		return fallback;
	buf[n] = '\0';
	return kstrtol(buf, 10, &value) ? fallback : value;
}

/* kernel.perf_event_mlock_kb; should it fail, nothing is free of charge. */
long perfring_sysctl_mlock_kb(void)
{
	return perfring_sysctl_read(perfring_mlock_kb, 0);
}

/* kernel.perf_event_paranoid; should it fail, the strictest. */
long perfring_sysctl_paranoid(void)
{
	return perfring_sysctl_read(perfring_paranoid, 3);
}

static struct file *perfring_sysctl_open(const char *name)
{
	struct file *file = file_open_root_mnt(perfring_proc, name, O_RDONLY, 0);

	if (IS_ERR(file))
		pr_err("cannot read /proc/%s: %ld\n", name, PTR_ERR(file));
	return file;
}

int perfring_sysctl_init(void)
{
	struct file_system_type *type = get_fs_type("proc");
	int ret;

	if (!type)
		return -ENODEV;
	perfring_proc = kern_mount(type);
	module_put(type->owner);
	if (IS_ERR(perfring_proc))
		return PTR_ERR(perfring_proc);
	perfring_mlock_kb = perfring_sysctl_open("sys/kernel/perf_event_mlock_kb");
	if (IS_ERR(perfring_mlock_kb)) {
		ret = PTR_ERR(perfring_mlock_kb);
		goto unmount;
	}
	perfring_paranoid = perfring_sysctl_open("sys/kernel/perf_event_paranoid");
	if (IS_ERR(perfring_paranoid)) {
		ret = PTR_ERR(perfring_paranoid);
		goto put_mlock_kb;
	}
	return 0;

put_mlock_kb:
	fput(perfring_mlock_kb);
unmount:
	kern_unmount(perfring_proc);
	return ret;
}

void perfring_sysctl_exit(void)
{
	fput(perfring_paranoid);
	fput(perfring_mlock_kb);
	kern_unmount(perfring_proc);
}
