/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the sources share beyond perfring.h.
 */
#ifndef PERFRING_SOURCE_H
#define PERFRING_SOURCE_H

#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include "perfring.h"

struct dev_ext_attribute;
struct tracepoint;

/* Ids of sources that other modules are: what attr.config has room for. */
#define PERFRING_CLIENT_FIRST	128
#define PERFRING_CLIENT_IDS	128

/**
 * struct perfring_tap - events attached to something that happens on all CPUs
 * @lock: protects @nr and the writing side of @events
 * @events: for each CPU the events that want to hear; RCU for those who tell
 * @nr: events on all of them
 * @start: called before the first event is there; may be NULL
 * @stop: called after the last one has gone, which may still be seen by who is
 *	inside; may be NULL
 */
struct perfring_tap {
	struct mutex lock; /* nr, events, start and stop */
	struct hlist_head __percpu *events;
	unsigned int nr;
	int (*start)(void);
	void (*stop)(void);
};

/*
 * Events attached on this CPU.  Preemption is off, which is an RCU reader and
 * keeps perfring_event_disable() waiting.  Ask perfring_event_on() of each.
 */
#define perfring_tap_each(event, tap)					\
	hlist_for_each_entry_rcu(event, this_cpu_ptr((tap)->events), attached)

/* Does nobody on this CPU listen?  Preemption is off. */
static inline bool perfring_tap_idle(const struct perfring_tap *tap)
{
	return hlist_empty(this_cpu_ptr(tap->events));
}

int perfring_tap_init(struct perfring_tap *tap);
void perfring_tap_exit(struct perfring_tap *tap);
int perfring_tap_attach(struct perfring_tap *tap, struct perfring_event *event);
void perfring_tap_detach(struct perfring_tap *tap, struct perfring_event *event);
unsigned int perfring_tap_output(struct perfring_tap *tap, struct perfring_record *record);
struct tracepoint *perfring_tap_tracepoint(const char *name);

/* source_syscalls.c */
int perfring_syscalls_init(void);
void perfring_syscalls_exit(void);
u64 perfring_syscalls_missed(void);

/* source_kprobe.c */
u64 perfring_kprobes_missed(void);

/* source_sysfs.c */
extern const struct attribute_group perfring_sources_group;
extern const struct attribute_group perfring_missed_group;
int perfring_sysfs_add(struct dev_ext_attribute *attr, const char *name, unsigned long id);
void perfring_sysfs_remove(struct dev_ext_attribute *attr);

/* source.c */
bool perfring_source_builtin(const char *name);
bool perfring_source_shows_tasks(const struct perf_event_attr *attr);

#endif /* PERFRING_SOURCE_H */
