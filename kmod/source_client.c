// SPDX-License-Identifier: GPL-2.0
/*
 * Sources of other modules: who they are, and the events that listen to them.
 * What they write is in client_output.c.
 */
#include <linux/capability.h>
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/kref.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "compat.h"
#include "client.h"

static DEFINE_MUTEX(perfring_clients_lock); /* perfring_clients, client->source */
static struct perfring_client_source *perfring_clients[PERFRING_CLIENT_IDS];

static void perfring_client_free(struct kref *ref)
{
	struct perfring_client_source *source =
		container_of(ref, struct perfring_client_source, ref);

	perfring_tap_exit(&source->tap);
	kfree(source);
}

static void perfring_client_put(struct perfring_client_source *source)
{
	kref_put(&source->ref, perfring_client_free);
}

static bool perfring_client_name_valid(const char *name)
{
	const char *c;

	if (!name || !islower(*name) || strlen(name) > PERFRING_CLIENT_NAME)
		return false;
	for (c = name; *c; c++)
		if (!islower(*c) && !isdigit(*c) && *c != '_')
			return false;
	return true;
}

/* A place in perfring_clients for @name; perfring_clients_lock held. */
static int perfring_client_slot(const char *name)
{
	int i, slot = -ENOSPC;

	if (perfring_source_builtin(name))
		return -EEXIST;
	for (i = PERFRING_CLIENT_IDS - 1; i >= 0; i--)
		if (!perfring_clients[i])
			slot = i;
		else if (!strcmp(perfring_clients[i]->name, name))
			return -EEXIST;
	return slot;
}

/**
 * perfring_client_register - become a source
 * @client: client; its memory stays until it is unregistered
 *
 * Context: task; not from its callbacks.
 * Return: the id, 128 to 255, for attr.config; -EINVAL for a bad name or flag, -EBUSY
 * when it is registered, -EEXIST when the name is taken, -ENOSPC when there are 128
 * clients, -ENOMEM.
 */
int perfring_client_register(struct perfring_client *client)
{
	struct perfring_client_source *source;
	int slot, ret;

	if (!perfring_client_name_valid(client->name) ||
	    client->flags & ~(unsigned int)PERFRING_CLIENT_UNPRIVILEGED)
		return -EINVAL;
	source = kzalloc(sizeof(*source), GFP_KERNEL);
	if (!source)
		return -ENOMEM;
	ret = perfring_tap_init(&source->tap);
	if (ret) {
		kfree(source);
		return ret;
	}
	kref_init(&source->ref);
	mutex_init(&source->lock);
	source->client = client;
	source->unprivileged = client->flags & PERFRING_CLIENT_UNPRIVILEGED;
	strscpy(source->name, client->name, sizeof(source->name));

	mutex_lock(&perfring_clients_lock);
	ret = -EBUSY;
	if (rcu_access_pointer(client->source))
		goto put;
	slot = perfring_client_slot(source->name);
	ret = slot;
	if (slot < 0)
		goto put;
	ret = perfring_sysfs_add(&source->id, source->name, PERFRING_CLIENT_FIRST + slot);
	if (ret)
		goto put;
	perfring_clients[slot] = source;
	rcu_assign_pointer(client->source, source);
	mutex_unlock(&perfring_clients_lock);
	return PERFRING_CLIENT_FIRST + slot;

put:
	mutex_unlock(&perfring_clients_lock);
	perfring_client_put(source);
	return ret;
}
EXPORT_SYMBOL_PERFRING(perfring_client_register);

/* Let all events of @cpu go; source->lock held. */
static void perfring_client_silence(struct perfring_client_source *source, unsigned int cpu)
{
	struct hlist_head *events = per_cpu_ptr(source->tap.events, cpu);
	struct perfring_event *event;
	struct hlist_node *next;

	if (hlist_empty(events))
		return;
	hlist_for_each_entry_safe(event, next, events, attached)
		perfring_tap_detach(&source->tap, event);
	if (source->client->stop)
		source->client->stop(source->client, cpu);
}

/**
 * perfring_client_unregister - be a source no more
 * @client: client; one that is not registered is left alone
 *
 * When it returns, no callback and no output of the client is running on any CPU,
 * and its memory may go; a client that still outputs is told -ENODEV.  Events of
 * the source stay open, keep what they have, and get nothing more.
 *
 * Context: task; not from its callbacks, not between reserve and commit.
 */
void perfring_client_unregister(struct perfring_client *client)
{
	struct perfring_client_source *source;
	unsigned int i, cpu;

	mutex_lock(&perfring_clients_lock);
	source = rcu_dereference_protected(client->source,
					   lockdep_is_held(&perfring_clients_lock));
	if (!source) {
		mutex_unlock(&perfring_clients_lock);
		return;
	}
	RCU_INIT_POINTER(client->source, NULL);
	for (i = 0; i < PERFRING_CLIENT_IDS; i++)
		if (perfring_clients[i] == source)
			perfring_clients[i] = NULL;
	perfring_sysfs_remove(&source->id);
	mutex_unlock(&perfring_clients_lock);

	mutex_lock(&source->lock);
	for_each_possible_cpu(cpu)
		perfring_client_silence(source, cpu);
	source->client = NULL;
	mutex_unlock(&source->lock);
	/* Outputs run with preemption off. Expedited: a module may be many clients. */
	synchronize_rcu_expedited();
	perfring_client_put(source);
}
EXPORT_SYMBOL_PERFRING(perfring_client_unregister);

static int perfring_client_check(const struct perf_event_attr *attr)
{
	return attr->config1 || attr->config2 ? -EINVAL : 0;
}

static int perfring_client_prepare(struct perf_event_attr *attr, void **state)
{
	struct perfring_client_source *source;
	unsigned int slot;

	slot = array_index_nospec((unsigned long)(attr->config - PERFRING_CLIENT_FIRST),
				  PERFRING_CLIENT_IDS);
	mutex_lock(&perfring_clients_lock);
	source = perfring_clients[slot];
	if (source)
		kref_get(&source->ref);
	mutex_unlock(&perfring_clients_lock);
	if (!source)
		return -ENOENT;
	if (source->unprivileged ? perfring_source_shows_tasks(attr) : !perfmon_capable()) {
		perfring_client_put(source);
		return -EACCES;
	}
	*state = source;
	return 0;
}

static void perfring_client_release(void *state)
{
	perfring_client_put(state);
}

static int perfring_client_attach(struct perfring_event *event)
{
	struct perfring_client_source *source = event->state;
	struct perfring_client *client;
	int cpu = event->device->cpu, ret = 0;

	mutex_lock(&source->lock);
	client = source->client;
	if (!client)
		ret = -ENOENT;
	else if (client->start && hlist_empty(per_cpu_ptr(source->tap.events, cpu)))
		ret = client->start(client, cpu);
	if (!ret)
		ret = perfring_tap_attach(&source->tap, event);
	mutex_unlock(&source->lock);
	return ret;
}

static void perfring_client_detach(struct perfring_event *event)
{
	struct perfring_client_source *source = event->state;
	struct perfring_client *client;
	int cpu = event->device->cpu;

	mutex_lock(&source->lock);
	client = source->client;
	/* Else it took all its events with it. */
	if (client) {
		perfring_tap_detach(&source->tap, event);
		if (client->stop && hlist_empty(per_cpu_ptr(source->tap.events, cpu)))
			client->stop(client, cpu);
	}
	mutex_unlock(&source->lock);
}

const struct perfring_source perfring_source_client = {
	.name		= "client",
	.check		= perfring_client_check,
	.prepare	= perfring_client_prepare,
	.release	= perfring_client_release,
	.attach		= perfring_client_attach,
	.detach		= perfring_client_detach,
};
