// SPDX-License-Identifier: GPL-2.0
/*
 * Events that hear of the same thing: sources with a list for each CPU.
 */
#include <linux/string.h>
#include <linux/tracepoint.h>
#include "source.h"

int perfring_tap_init(struct perfring_tap *tap)
{
	mutex_init(&tap->lock);
	tap->nr = 0;
	/* Empty list heads are zeroes. */
	tap->events = alloc_percpu(struct hlist_head);
	return tap->events ? 0 : -ENOMEM;
}

/* Nobody is attached, and who told the tap has been waited for. */
void perfring_tap_exit(struct perfring_tap *tap)
{
	free_percpu(tap->events);
}

/**
 * perfring_tap_attach - let an event hear
 * @tap: tap
 * @event: event; not attached anywhere
 *
 * Context: task.
 * Return: 0, or why the tap cannot start.
 */
int perfring_tap_attach(struct perfring_tap *tap, struct perfring_event *event)
{
	int ret = 0;

	mutex_lock(&tap->lock);
	if (!tap->nr && tap->start)
		ret = tap->start();
	if (!ret) {
		tap->nr++;
		hlist_add_head_rcu(&event->attached,
				   per_cpu_ptr(tap->events, event->device->cpu));
	}
	mutex_unlock(&tap->lock);
	return ret;
}

/**
 * perfring_tap_detach - let it hear no more
 * @tap: tap
 * @event: attached event; a writer that has found it may still be inside, for
 *	whom perfring_event_disable() waits
 *
 * Context: task.
 */
void perfring_tap_detach(struct perfring_tap *tap, struct perfring_event *event)
{
	mutex_lock(&tap->lock);
	hlist_del_rcu(&event->attached);
	if (!--tap->nr && tap->stop)
		tap->stop();
	mutex_unlock(&tap->lock);
}

/**
 * perfring_tap_output - tell all events of this CPU the same
 * @tap: tap
 * @record: what to write; its period is set for each
 *
 * Context: any, with preemption off.
 * Return: how many have it in their ring.
 */
unsigned int perfring_tap_output(struct perfring_tap *tap, struct perfring_record *record)
{
	struct perfring_event *event;
	unsigned int n = 0;

	perfring_tap_each(event, tap) {
		if (perfring_event_on(event))
			n += perfring_source_output(event, record);
	}
	return n;
}

struct perfring_tracepoint {
	const char *name;
	struct tracepoint *found;
};

static void perfring_tap_match(struct tracepoint *tracepoint, void *arg)
{
	struct perfring_tracepoint *wanted = arg;

	if (!strcmp(tracepoint->name, wanted->name))
		wanted->found = tracepoint;
}

/* A tracepoint of the kernel proper by its name; NULL when there is none. */
struct tracepoint *perfring_tap_tracepoint(const char *name)
{
	struct perfring_tracepoint wanted = { .name = name };

	for_each_kernel_tracepoint(perfring_tap_match, &wanted);
	return wanted.found;
}
