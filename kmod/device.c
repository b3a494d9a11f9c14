// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/perfringN for each possible CPU, and what happens when one goes offline.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "compat.h"
#include "perfring.h"

static struct perfring_device *perfring_devices;	/* [nr_cpu_ids] */
static struct class *perfring_class;
static struct cdev perfring_cdev;
static dev_t perfring_devt;
static enum cpuhp_state perfring_cpuhp;
static enum cpuhp_state perfring_cpuhp_dead;

/* The device of a CPU, or NULL when that CPU is not possible. */
struct perfring_device *perfring_device_find(unsigned int cpu)
{
	return cpu < nr_cpu_ids && cpu_possible(cpu) ? &perfring_devices[cpu] : NULL;
}

/* Hook a fresh event in; false when the CPU is offline. */
bool perfring_device_add(struct perfring_device *device, struct perfring_event *event)
{
	bool online;

	mutex_lock(&device->lock);
	online = device->online;
	if (online)
		list_add_tail(&event->entry, &device->events);
	mutex_unlock(&device->lock);
	return online;
}

/* Unhook an event that nobody writes any more, and keep its high-water mark. */
void perfring_device_remove(struct perfring_device *device, struct perfring_event *event)
{
	mutex_lock(&device->lock);
	list_del(&event->entry);
	device->high_water = max(device->high_water, perfring_stats_high_water(event));
	mutex_unlock(&device->lock);
}

/* Tell of what was written while the device was down; device->lock held. */
static void perfring_device_wake(struct perfring_device *device)
{
	struct perfring_event *event;

	list_for_each_entry(event, &device->events, entry)
		perfring_event_wake(event);
}

/* Nothing to be done, but after all that was to be done before. */
static void perfring_drained(struct irq_work *work)
{
}

/* Runs on @cpu, where no writer is inside, then. */
static int perfring_cpu_online(unsigned int cpu)
{
	struct perfring_device *device = &perfring_devices[cpu];
	const struct perfring_source *source;
	struct perfring_event *event;

	mutex_lock(&device->lock);
	device->online = true;
	list_for_each_entry(event, &device->events, entry) {
		source = READ_ONCE(event->source);
		if (source->online)
			source->online(event);
	}
	WRITE_ONCE(device->down, false);
	perfring_device_wake(device);
	mutex_unlock(&device->lock);
	return 0;
}

/* Runs on @cpu, as above, which goes on to work, and what is written is kept. */
static int perfring_cpu_offline(unsigned int cpu)
{
	struct perfring_device *device = &perfring_devices[cpu];
	const struct perfring_source *source;
	struct perfring_event *event;

	mutex_lock(&device->lock);
	device->online = false;
	list_for_each_entry(event, &device->events, entry) {
		source = READ_ONCE(event->source);
		if (source->offline)
			source->offline(event);
	}
	WRITE_ONCE(device->down, true);
	/* A thread that is about to be parked runs it. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		irq_work_queue(&device->drain);
		irq_work_sync(&device->drain);
	}
	mutex_unlock(&device->lock);
	return 0;
}

/* Runs elsewhere, when @cpu does nothing any more. */
static int perfring_cpu_dead(unsigned int cpu)
{
	struct perfring_device *device = &perfring_devices[cpu];

	mutex_lock(&device->lock);
	perfring_device_wake(device);
	mutex_unlock(&device->lock);
	return 0;
}

static char *perfring_devnode(PERFRING_DEVNODE_CONST struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = perfring_mode();
	return NULL;
}

static void perfring_device_destroy(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (perfring_devices[cpu].dev)
			device_unregister(perfring_devices[cpu].dev);
}

static int perfring_device_create(void)
{
	struct perfring_device *device;
	struct device *dev;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		device = &perfring_devices[cpu];
		dev = device_create_with_groups(perfring_class, NULL, perfring_devt + cpu,
						device, perfring_device_groups,
						PERFRING_NAME "%u", cpu);
		if (IS_ERR(dev)) {
			perfring_device_destroy();
			return PTR_ERR(dev);
		}
		device->dev = dev;
	}
	return 0;
}

int perfring_device_init(void)
{
	struct perfring_device *device;
	unsigned int cpu;
	int ret;

	perfring_devices = kcalloc(nr_cpu_ids, sizeof(*perfring_devices), GFP_KERNEL);
	if (!perfring_devices)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		device = &perfring_devices[cpu];
		device->cpu = cpu;
		mutex_init(&device->lock);
		mutex_init(&device->visit);
		mutex_init(&device->mmap_mutex);
		INIT_LIST_HEAD(&device->events);
		init_irq_work(&device->drain, perfring_drained);
	}

	perfring_class = perfring_class_create(PERFRING_NAME);
	if (IS_ERR(perfring_class)) {
		ret = PTR_ERR(perfring_class);
		goto free_devices;
	}
	perfring_class->devnode = perfring_devnode;
	ret = alloc_chrdev_region(&perfring_devt, 0, nr_cpu_ids, PERFRING_NAME);
	if (ret)
		goto destroy_class;
	ret = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, PERFRING_NAME ":dead", NULL,
					perfring_cpu_dead);
	if (ret < 0)
		goto unregister_region;
	perfring_cpuhp_dead = ret;
	/* Calls online for each CPU that is. */
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, PERFRING_NAME ":online",
				perfring_cpu_online, perfring_cpu_offline);
	if (ret < 0)
		goto remove_dead;
	perfring_cpuhp = ret;
	cdev_init(&perfring_cdev, &perfring_fops);
	perfring_cdev.owner = THIS_MODULE;
	ret = cdev_add(&perfring_cdev, perfring_devt, nr_cpu_ids);
	if (ret)
		goto remove_cpuhp;
	/* Last, because udev and the user may open at once. */
	ret = perfring_device_create();
	if (ret)
		goto delete_cdev;
	return 0;

delete_cdev:
	cdev_del(&perfring_cdev);
remove_cpuhp:
	cpuhp_remove_state(perfring_cpuhp);
remove_dead:
	cpuhp_remove_state_nocalls(perfring_cpuhp_dead);
unregister_region:
	unregister_chrdev_region(perfring_devt, nr_cpu_ids);
destroy_class:
	class_destroy(perfring_class);
free_devices:
	kfree(perfring_devices);
	return ret;
}

void perfring_device_exit(void)
{
	perfring_device_destroy();
	cdev_del(&perfring_cdev);
	cpuhp_remove_state(perfring_cpuhp);
	cpuhp_remove_state_nocalls(perfring_cpuhp_dead);
	unregister_chrdev_region(perfring_devt, nr_cpu_ids);
	class_destroy(perfring_class);
	kfree(perfring_devices);
}
