/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the module share.
 *
 * Locks, outermost first:
 *
 *	event->lock		attr, state and source of one event
 *	source locks		(tracepoint registration takes cpus_read_lock)
 *	cpus_read_lock
 *	device->visit		writers from other CPUs
 *	device->lock		list of events, online; also taken by CPU hotplug,
 *				which holds the CPU lock: so nothing under it may
 *				take cpus_read_lock
 *	device->mmap_mutex	the rings of the device's events, which they may
 *				share; taken under mm->mmap_lock, so nothing under
 *				it may touch user memory
 *	perfring_users_lock	what each user has
 *
 * User memory is never touched under any of them.  The writing side takes no
 * lock: it runs on the event's CPU with preemption off and under RCU.
 */
#ifndef PERFRING_H
#define PERFRING_H

#include <linux/atomic.h>
#include <linux/cdev.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/perf_event.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <asm/local64.h>
#include "core.h"
#include "uapi/linux/perfring.h"

#define PERFRING_NAME "perfring"

/* The longest record: header.size is 16 bits and records are 8-byte multiples. */
#define PERFRING_RECORD_MAX	(U16_MAX & ~7)

struct perfring_event;
struct perfring_user;
struct seq_file;

/**
 * struct perfring_deferred - what cannot be done where a writer is
 * @soon: does it
 * @at_tick: does it as well, with the CPU's next tick
 */
struct perfring_deferred {
	struct irq_work soon;
	struct irq_work at_tick;
};

/* ring.c */

/**
 * struct perfring_ring - the memory of one mapping, and who writes it
 * @core: protocol state
 * @pages: control page, data pages, and the data pages once more: what user space
 *	sees from the start of a mapping, mirrored or not
 * @nr_pages: data pages; 0 when only the control page is mapped
 * @mapped: VMAs that show the ring; device->mmap_mutex
 * @events: whose output goes here; changed under device->mmap_mutex and @events_lock
 * @events_lock: for wakeups, which cannot take the mutex
 * @wakeup: carries a wakeup out of the writer's context, to all @events
 * @poll: EPOLL bits for the next poll(2), taken by it
 * @cred: whose user was charged the locked pages
 * @mm: whose pinned_vm was charged
 * @mlock_pages: pages charged to @cred's user
 * @pinned_pages: pages charged to @mm
 * @owner: whose max_memory was charged
 * @lock: sequence of the control page's counter fields; device->mmap_mutex
 * @hold: what PERFRING_IOC_RESERVE holds; NULL without; device->mmap_mutex
 * @free: frees after a grace period, in task context
 */
struct perfring_ring {
	struct perfring_core core;
	struct page **pages;
	unsigned long nr_pages;
	unsigned long mapped;
	struct list_head events;
	spinlock_t events_lock; /* events */
	struct perfring_deferred wakeup;
	atomic_t poll;
	const struct cred *cred;
	struct mm_struct *mm;
	unsigned long mlock_pages;
	unsigned long pinned_pages;
	struct perfring_user *owner;
	u32 lock;
	struct perfring_reservation *hold;
	struct rcu_work free;
};

struct perfring_ring *perfring_ring_alloc(unsigned long nr_pages, int cpu,
					  const struct perf_event_attr *attr,
					  bool overwrite, struct address_space *mapping);
void perfring_ring_free(struct perfring_ring *ring);
void perfring_ring_attach(struct perfring_event *event, struct perfring_ring *ring);
int perfring_ring_redirect(struct perfring_event *event, struct perfring_event *output);
int perfring_ring_init(void);
void perfring_ring_exit(void);

/* record.c */

/**
 * struct perfring_layout - what an attr makes of a record
 * @sample_type: attr.sample_type
 * @plain: a sample is header, size and payload
 * @clock: what TIME reads
 * @id_size: bytes of sample_id after other records; 0 without sample_id_all
 * @max_stack: most entries of a CALLCHAIN, context marker not counted
 * @wakeup_events: attr's, 0 when the attr wakes by watermark
 */
struct perfring_layout {
	u64 sample_type;
	bool plain;
	u64 (*clock)(void);
	unsigned int id_size;
	unsigned int max_stack;
	int wakeup_events;
};

/**
 * struct perfring_record - what a source wants written
 * @data: payload
 * @len: its bytes
 * @type: PERF_RECORD_*
 * @misc: or'ed into header.misc
 * @ip: kernel address for IP
 * @regs: of a probe at @ip: CALLCHAIN begins there; NULL: with who called
 * @period: for PERIOD
 * @flags: PERFRING_EMIT_*
 * @task: for TID; NULL for the current one
 */
struct perfring_record {
	const void *data;
	u32 len;
	u32 type;
	u16 misc;
	u32 flags;
	unsigned long ip;
	struct pt_regs *regs;
	u64 period;
	struct task_struct *task;
};

int perfring_layout_init(struct perfring_layout *layout,
			 const struct perf_event_attr *attr);
u64 perfring_read_size(u64 read_format);
void perfring_task_ids(const struct perfring_event *event, struct task_struct *task,
		       s32 *pid, s32 *tid);
unsigned int perfring_id_fields(const struct perfring_event *event, u64 *field,
				struct task_struct *task, u64 time);
unsigned int perfring_sample_fields(const struct perfring_event *event, u64 *field,
				    const struct perfring_record *record, u64 time);

/* stats.c */

/**
 * struct perfring_counters - exact accounting; incremented on the event's CPU
 * alone, by perfring_account()
 * @value: by enum perfring_counter_id; those of a sum, which are LOST, ATTEMPTED and
 *	WRITTEN, are not used: perfring_counter_read() adds
 *
 * attempted == written + lost_full + lost_paused + rejected + discarded
 * written == wakeup_events + wakeup_watermark + wakeup_forced + wakeup_none
 */
struct perfring_counters {
	local64_t value[PERFRING_COUNTER_MAX];
};

extern const struct attribute_group *perfring_device_groups[];
u64 perfring_counter_read(const struct perfring_counters *counters,
			  enum perfring_counter_id id);
u64 perfring_stats_high_water(struct perfring_event *event);
void perfring_stats_fill(struct perfring_stats *stats, struct perfring_event *event);

/* source.c */

/**
 * struct perfring_source - where payloads come from
 * @name: in sysfs
 * @check: 0 or -errno for an attr; may be NULL
 * @prepare: make what event->state keeps for this attr, which it may change; no
 *	lock held, so that it may look at user memory; may be NULL
 * @release: the counterpart of @prepare; the event is detached; no lock held
 * @attach: begin to emit; event->lock held; may be NULL
 * @detach: begin no more; perfring_event_disable() waits for who is inside;
 *	event->lock held
 * @online: the event's CPU came up; runs there, device->lock held; may be NULL
 * @offline: the event's CPU goes down; device->lock held; may be NULL
 */
struct perfring_source {
	const char *name;
	int (*check)(const struct perf_event_attr *attr);
	int (*prepare)(struct perf_event_attr *attr, void **state);
	void (*release)(void *state);
	int (*attach)(struct perfring_event *event);
	void (*detach)(struct perfring_event *event);
	void (*online)(struct perfring_event *event);
	void (*offline)(struct perfring_event *event);
};

extern const struct perfring_source perfring_source_user;
extern const struct perfring_source perfring_source_dummy;
extern const struct perfring_source perfring_source_generator;
extern const struct perfring_source perfring_source_sched_switch;
extern const struct perfring_source perfring_source_syscalls;
extern const struct perfring_source perfring_source_kprobe;
extern const struct perfring_source perfring_source_client;

int perfring_source_find(const struct perf_event_attr *attr,
			 const struct perfring_source **out);
int perfring_source_watch(void);
unsigned int perfring_source_reload(struct perfring_event *event);
unsigned int perfring_source_due(struct perfring_event *event);
unsigned int perfring_source_output(struct perfring_event *event,
				    struct perfring_record *record);
int perfring_sched_switch_init(void);
void perfring_sched_switch_exit(void);

/* device.c */

/**
 * struct perfring_device - /dev/perfringN, for CPU N
 * @cpu: N
 * @online: CPU N is up; under @lock
 * @down: CPU N is going down or coming up: nobody is woken there; changed on CPU N
 * @drain: PREEMPT_RT: irq_work that is behind all other
 * @lock: see the top of this file
 * @visit: one writer at a time comes to CPU N from elsewhere
 * @mmap_mutex: see the top of this file
 * @events: open events; under @lock
 * @counters: of all events there are and were
 * @high_water: of events that are gone; under @lock
 * @ticks: of all generators, each second; under @lock
 * @tick_bytes: of all generators, each second; under @lock
 * @tick_records: as @tick_bytes
 * @dev: in sysfs
 */
struct perfring_device {
	int cpu;
	bool online;
	bool down;
	struct irq_work drain;
	struct mutex lock; /* online, events, high_water, ticks */
	struct mutex visit; /* remote writers */
	struct mutex mmap_mutex; /* rings of the events */
	struct list_head events;
	struct perfring_counters counters;
	u64 high_water;
	u64 ticks;
	u64 tick_bytes;
	u64 tick_records;
	struct device *dev;
};

struct perfring_device *perfring_device_find(unsigned int cpu);
int perfring_device_init(void);
void perfring_device_exit(void);
bool perfring_device_add(struct perfring_device *device, struct perfring_event *event);
void perfring_device_remove(struct perfring_device *device, struct perfring_event *event);

/* event.c */

/**
 * struct perfring_generator - state of a generator source
 * @timer: runs on the event's CPU
 * @interval: between ticks
 * @burst: records a tick
 * @min: smallest payload
 * @max: largest payload
 * @len: next payload
 * @seq: next sequence number
 * @running: attached; device->lock
 * @payload: @max bytes
 */
struct perfring_generator {
	struct hrtimer timer;
	ktime_t interval;
	u32 burst;
	u32 min;
	u32 max;
	u32 len;
	local64_t seq;
	bool running;
	u8 *payload;
};

/**
 * struct perfring_event - one open file
 * @device: of CPU N
 * @id: for ID, IDENTIFIER and STREAM_ID
 * @ns: pid namespace of TID
 * @owner: whose max_events was charged
 * @lock: protects the fields up to @period_left against other tasks; writers
 *	read them only while @enabled, when all but attr.sample_period stand still.
 *	@enabled, @enabled_at and @time_enabled change under the device's mmap_mutex
 *	as well
 * @attr: as perf_event_open(2) takes it
 * @layout: compiled from @attr
 * @source: follows from @attr
 * @state: what @source prepared for @attr
 * @enabled: writers look at it first
 * @used: was enabled or mapped, so @attr is final
 * @enabled_at: perf clock when @enabled became true
 * @time_enabled: ns before @enabled_at
 * @count: events of the source
 * @period_left: until the next sample, negative; as perf counts
 * @last_period: length of the period that @period_left is of
 * @limit: samples until @stopped, from PERF_EVENT_IOC_REFRESH; 0 for no limit
 * @stopped: @limit was reached; a writer cannot disable, so it leaves this
 * @stopped_at: perf clock then
 * @mapped: VMAs of this event; device->mmap_mutex
 * @ring: where output goes, its own or another event's; device->mmap_mutex, RCU
 *	for writers
 * @ring_entry: in ring->events; device->mmap_mutex
 * @high_water: of the rings before this one
 * @counters: accounting
 * @waitq: poll(2)
 * @fasync: whom SIGIO goes to; has a lock of its own
 * @kill: POLL_IN or POLL_HUP for the next SIGIO, 0 for none
 * @signal: sends SIGIO, outside of the writer's context
 * @entry: in device->events
 * @attached: in the source's per-CPU list
 * @generator: when @source is the generator
 */
struct perfring_event {
	struct perfring_device *device;
	u64 id;
	struct pid_namespace *ns;
	struct perfring_user *owner;

	struct mutex lock; /* state; see the top */
	struct perf_event_attr attr;
	struct perfring_layout layout;
	const struct perfring_source *source;
	void *state;
	bool enabled;
	bool used;
	u64 enabled_at;
	u64 time_enabled;
	local64_t count;
	local64_t period_left;
	u64 last_period;

	atomic_t limit;
	bool stopped;
	u64 stopped_at;

	unsigned long mapped;
	struct perfring_ring __rcu *ring;
	struct list_head ring_entry;
	u64 high_water;

	struct perfring_counters counters;
	wait_queue_head_t waitq;
	struct fasync_struct *fasync;
	int kill;
	struct perfring_deferred signal;
	struct list_head entry;
	struct hlist_node attached;
	struct perfring_generator generator;
};

extern const struct file_operations perfring_fops;

/* May a writer go on?  Then attr and layout stand still. */
static inline bool perfring_event_on(const struct perfring_event *event)
{
	/* G, pairs with perfring_event_set() */
	return smp_load_acquire(&event->enabled) && !READ_ONCE(event->stopped);
}

/* Count for the event, and for all events its device ever has. */
static inline void perfring_account(struct perfring_event *event, enum perfring_counter_id id,
				    u64 n)
{
	local64_add(n, &event->counters.value[id]);
	local64_add(n, &event->device->counters.value[id]);
}

/* The ring of an event; device->mmap_mutex held. */
static inline struct perfring_ring *perfring_event_ring(const struct perfring_event *event)
{
	return rcu_dereference_protected(event->ring,
					 lockdep_is_held(&event->device->mmap_mutex));
}

int perfring_event_init(void);
void perfring_event_exit(void);
int perfring_event_enable(struct perfring_event *event);
void perfring_event_disable(struct perfring_event *event);
int perfring_event_modify(struct perfring_event *event, struct perf_event_attr *attr);
u64 perfring_event_time(struct perfring_event *event);
u64 perfring_event_lost(struct perfring_event *event);
void perfring_event_publish(struct perfring_event *event);
void perfring_on_cpu(int cpu, void (*fn)(void *), void *arg);
void perfring_event_on_cpu(struct perfring_event *event, void (*fn)(void *), void *arg);

/* attr.c */
int perfring_copy_attr(struct perf_event_attr __user *uattr,
		       struct perf_event_attr *attr);

/* ioctl.c */
long perfring_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long perfring_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* mmap.c */
int perfring_mmap(struct file *file, struct vm_area_struct *vma);

/* output.c */
int perfring_output_init(void);
void perfring_output_exit(void);
int perfring_output(struct perfring_event *event, const struct perfring_record *record);
int perfring_output_plain(struct perfring_event *event, const void *data, u32 len);

/**
 * struct perfring_reservation - a record between reserve and commit
 * @event: who counts it; another one of the ring, when the one that wrote it left
 * @ring: where
 * @handle: the writer inside
 * @data: the payload's room in one piece, zeroed by nobody
 * @record: position of the record's header
 * @type: PERF_RECORD_*
 * @size: bytes of the record
 * @flags: PERFRING_EMIT_*
 * @id: of the event that wrote it, for a LOST record before it or instead of it
 * @sample_id: of that LOST record
 * @id_size: bytes of @sample_id
 */
struct perfring_reservation {
	struct perfring_event *event;
	struct perfring_ring *ring;
	struct perfring_handle handle;
	void *data;
	unsigned long record;
	unsigned long payload;
	u32 type;
	u32 size;
	u32 flags;
	u64 id;
	u64 sample_id[6];
	unsigned int id_size;
};

int perfring_reserve(struct perfring_event *event, const struct perfring_record *record,
		     struct perfring_reservation *reservation);
void perfring_commit(struct perfring_reservation *reservation);
bool perfring_discard(struct perfring_reservation *reservation);
bool perfring_lapped(const struct perfring_reservation *reservation);

/* hold.c */
int perfring_hold_reserve(struct perfring_event *event, struct perfring_record *record,
			  struct perfring_reserve *reserve);
int perfring_hold_release(struct perfring_event *event, bool commit);

/* source_user.c */
ssize_t perfring_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos);
int perfring_emit(struct perfring_event *event, struct perfring_emit *emit);
int perfring_user_reserve(struct perfring_event *event, struct perfring_reserve *reserve);

/* inject.c */
int perfring_inject(struct perfring_event *event, struct perfring_inject *inject);

/* wakeup.c */
void perfring_ring_wakeup_init(struct perfring_ring *ring);
void perfring_event_wakeup_init(struct perfring_event *event);
bool perfring_waking(void);
int perfring_fasync(int fd, struct file *file, int on);
void perfring_deferred_sync(struct perfring_deferred *deferred);
void perfring_overflow_told(struct perfring_event *event);
void perfring_signal_told(struct perfring_event *event);
void perfring_event_wake(struct perfring_event *event);
void perfring_wakeup_due(struct perfring_event *event, struct perfring_ring *ring);
__poll_t perfring_poll(struct file *file, struct poll_table_struct *wait);

/* Is there a limit, or somebody to signal? */
static inline bool perfring_overflow_wanted(struct perfring_event *event)
{
	return atomic_read(&event->limit) || READ_ONCE(event->stopped) || READ_ONCE(event->fasync);
}

/**
 * perfring_overflow - a sample was due: the limit of REFRESH, and what SIGIO says
 * @event: event; one without sample_period has no overflows
 *
 * As perf, whether or not the sample finds room.  perfring_signal() is to follow.
 *
 * Context: any, with preemption off, on the event's CPU.
 */
static inline void perfring_overflow(struct perfring_event *event)
{
	if (unlikely(perfring_overflow_wanted(event)))
		perfring_overflow_told(event);
}

/* Send what perfring_overflow() or perfring_wakeup_due() has left.  Context: as they. */
static inline void perfring_signal(struct perfring_event *event)
{
	if (unlikely(READ_ONCE(event->kill)))
		perfring_signal_told(event);
}

/* pmu.c */
int perfring_pmu_init(void);
void perfring_pmu_exit(void);
u32 perfring_pmu_type(void);
struct device *perfring_pmu_device(void);

/* sysctl.c */
int perfring_sysctl_init(void);
void perfring_sysctl_exit(void);
long perfring_sysctl_mlock_kb(void);
long perfring_sysctl_paranoid(void);
long perfring_sysctl_max_stack(void);
bool perfring_sysctl_addresses(void);

/* limits.c */
extern unsigned int perfring_max_pages;
extern unsigned int perfring_max_rate;
extern bool perfring_allow_inject;
extern unsigned int perfring_syscall_slots;
umode_t perfring_mode(void);
int perfring_user_charge(unsigned int events, unsigned long pages, struct perfring_user **out);
void perfring_user_uncharge(struct perfring_user *user, unsigned int events, unsigned long pages);

/* main.c */
bool perfring_is_ready(void);

#endif /* PERFRING_H */
