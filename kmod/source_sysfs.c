// SPDX-License-Identifier: GPL-2.0
/*
 * The sources in the PMU's folder of sysfs:
 *
 *	sources/NAME	the id, for attr.config
 *	missed/NAME	what happened and could not be told, since the module came
 */
#include <linux/device.h>
#include <linux/sysfs.h>
#include "source.h"

static ssize_t perfring_id_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dev_ext_attribute *id = container_of(attr, struct dev_ext_attribute, attr);

	return sysfs_emit(buf, "%lu\n", (unsigned long)id->var);
}

#define PERFRING_ID(name, id)							\
	static struct dev_ext_attribute perfring_id_##name = {			\
		__ATTR(name, 0444, perfring_id_show, NULL), (void *)(id)	\
	}

PERFRING_ID(generator, PERFRING_SOURCE_GENERATOR);
PERFRING_ID(sched_switch, PERFRING_SOURCE_SCHED_SWITCH);
PERFRING_ID(syscalls, PERFRING_SOURCE_SYSCALLS);
PERFRING_ID(kprobe, PERFRING_SOURCE_KPROBE);

static struct attribute *perfring_sources_attrs[] = {
	&perfring_id_generator.attr.attr,
	&perfring_id_sched_switch.attr.attr,
	&perfring_id_syscalls.attr.attr,
	&perfring_id_kprobe.attr.attr,
	NULL
};

const struct attribute_group perfring_sources_group = {
	.name = "sources",
	.attrs = perfring_sources_attrs,
};

/* Another module's source; @attr and @name stay until it is removed. */
int perfring_sysfs_add(struct dev_ext_attribute *attr, const char *name, unsigned long id)
{
	sysfs_attr_init(&attr->attr.attr);
	attr->attr.attr.name = name;
	attr->attr.attr.mode = 0444;
	attr->attr.show = perfring_id_show;
	attr->var = (void *)id;
	return sysfs_add_file_to_group(&perfring_pmu_device()->kobj, &attr->attr.attr,
				       perfring_sources_group.name);
}

/* Waits for who is reading it. */
void perfring_sysfs_remove(struct dev_ext_attribute *attr)
{
	sysfs_remove_file_from_group(&perfring_pmu_device()->kobj, &attr->attr.attr,
				     perfring_sources_group.name);
}

static ssize_t syscalls_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", perfring_syscalls_missed());
}
static DEVICE_ATTR_RO(syscalls);

static ssize_t kprobe_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", perfring_kprobes_missed());
}
static DEVICE_ATTR_RO(kprobe);

static struct attribute *perfring_missed_attrs[] = {
	&dev_attr_syscalls.attr,
	&dev_attr_kprobe.attr,
	NULL
};

const struct attribute_group perfring_missed_group = {
	.name = "missed",
	.attrs = perfring_missed_attrs,
};
