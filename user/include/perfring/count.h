/* SPDX-License-Identifier: MIT */
/*
 * Counters: events that are counted, kept open, started, stopped and read.
 *
 * A struct perfring_count is one or more events of perf_event_open(2) on one
 * target.  Two words that are often one here: an event that counted nothing has
 * the value 0 and PERFRING_COUNTED; an event that did not count has a state that says so.
 *
 * One thread uses a struct perfring_count at a time.  Nothing is printed and nothing is
 * allocated after open.  A child of fork(2) has the parent's descriptors: it
 * may read them (the parent's counts, by read(2)) and should close them.
 */
#ifndef PERFRING_COUNT_H
#define PERFRING_COUNT_H

#include <linux/perf_event.h>
#include <perfring/event.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct perfring_count;

/**
 * enum perfring_count_state - what a value is worth
 * @PERFRING_COUNTED: it counted, perhaps a part of the time: then there is @scaled
 * @PERFRING_COUNT_NONE: not counted: it never was on the PMU; the value is not 0 but unknown.
 *	With @enabled 0 it was not started, its target never ran, or the kernel's clock
 *	stood still meanwhile, which it may between two ticks where processors' counters are
 *	not in step; otherwise others had the PMU, or the group is larger than the PMU
 * @PERFRING_COUNT_UNSUPPORTED: not open, this machine or kernel does not have the event
 * @PERFRING_COUNT_REFUSED: not open, a permission or a resource is missing
 * @PERFRING_COUNT_ERROR: a pinned event that lost its place on the PMU, for good
 *
 * NONE and the next ones have value and scaled 0, which means nothing.
 */
enum perfring_count_state {
	PERFRING_COUNTED,
	PERFRING_COUNT_NONE,
	PERFRING_COUNT_UNSUPPORTED,
	PERFRING_COUNT_REFUSED,
	PERFRING_COUNT_ERROR,
};

/**
 * struct perfring_count_value - what one event counted since perfring_count_reset()
 * @value: the count, in the event's unit (clocks: ns)
 * @scaled: @value * @enabled / @running, an estimate for the whole time; @value where both are
 *	the same; UINT64_MAX where it is more than that
 * @enabled: ns during which the event was enabled and its target ran
 * @running: ns during which it was on the PMU as well
 * @state: enum perfring_count_state
 * @error: the negative errno of a REFUSED or UNSUPPORTED event; otherwise 0
 */
struct perfring_count_value {
	uint64_t value;
	uint64_t scaled;
	uint64_t enabled;
	uint64_t running;
	uint32_t state;
	int32_t error;
};

/**
 * enum perfring_count_self - may a counter be read without a system call?
 * @PERFRING_SELF_AUTO: where the kernel allows it and it is quicker than read(2), which is
 *	measured at open; many hypervisors make it slower
 * @PERFRING_SELF_ON: where the kernel allows it
 * @PERFRING_SELF_OFF: never
 */
enum perfring_count_self {
	PERFRING_SELF_AUTO,
	PERFRING_SELF_ON,
	PERFRING_SELF_OFF,
};

/**
 * struct perfring_count_opts - options of perfring_count_open()
 * @size: sizeof(struct perfring_count_opts)
 * @names: what errors and tables call the events, copied; NULL, or NULL for one of them: a
 *	name is made of type and config
 * @failed: where to put the index of the event that made open fail, or NULL
 * @flags: PERF_FLAG_* of perf_event_open(2) besides PERF_FLAG_FD_CLOEXEC, which is always set
 * @group: not 0: all events are one group: counted together, read at one moment
 * @optional: not 0: an event that cannot be opened is marked and does not make open fail,
 *	unless the target or a resource is missing (ESRCH, EMFILE, ENFILE, ENOMEM)
 * @user_only: not 0: an event that is refused because it counts the kernel, too, is opened
 *	with exclude_kernel; perfring_count_info() says so
 * @self: enum perfring_count_self
 * @inherit: not 0: children of the target that are made from now on are counted, too
 * @enable_on_exec: not 0: started when the target calls execve(2)
 * @padding: 0
 */
struct perfring_count_opts {
	size_t size;
	const char *const *names;
	unsigned int *failed;
	uint32_t flags;
	uint8_t group;
	uint8_t optional;
	uint8_t user_only;
	uint8_t self;
	uint8_t inherit;
	uint8_t enable_on_exec;
	uint8_t padding[6];
};

/**
 * perfring_count_open - open counters, stopped
 * @attrs: the events; copied; size 0 counts as sizeof, read_format and disabled are the
 *	library's, enable_on_exec and inherit are kept
 * @nr: how many, at least 1
 * @pid: as in perf_event_open(2); 0 is the calling thread
 * @cpu: as in perf_event_open(2); -1 any
 * @opts: options or NULL
 * @out: the counters; unchanged on error
 *
 * Each event is a descriptor.  Events of the calling thread also map one page each, where that
 * is allowed (it counts against kernel.perf_event_mlock_kb), to be read without a system call.
 *
 * Return: 0; -EINVAL; -E2BIG a newer structure; -ENOMEM; otherwise what
 * perf_event_open(2) answered for the event at *opts->failed: perfring_count_explain() knows why.
 */
int perfring_count_open(const struct perf_event_attr *attrs, unsigned int nr, pid_t pid, int cpu,
			const struct perfring_count_opts *opts, struct perfring_count **out);

/**
 * perfring_count_open_text - open counters by their names
 * @events: as perfring_event_parse() takes them: "cycles:u,instructions:u", "{page-faults,cs}",
 *	PERFRING_EVENTS_HARDWARE; groups in braces are groups here
 * @pid: as perfring_count_open()
 * @cpu: as perfring_count_open()
 * @opts: as perfring_count_open(); its names are not used
 * @out: the counters; unchanged on error
 * @error: what is wrong with @events, or NULL
 *
 * Return: as perfring_count_open(), and as perfring_event_parse().
 */
int perfring_count_open_text(const char *events, pid_t pid, int cpu,
			     const struct perfring_count_opts *opts, struct perfring_count **out,
			     struct perfring_event_error *error);

/* Sets for perfring_count_open_text() and perfring_measure(); few machines have all of them. */
#define PERFRING_EVENTS_HARDWARE						\
	"instructions,cycles,cache-references,cache-misses,branches,branch-misses,bus-cycles,"	\
	"stalled-cycles-frontend,stalled-cycles-backend,ref-cycles"
#define PERFRING_EVENTS_SOFTWARE						\
	"cpu-clock,task-clock,page-faults,minor-faults,major-faults,context-switches,"	\
	"cpu-migrations,alignment-faults,emulation-faults"
#define PERFRING_EVENTS_CACHE							\
	"L1-dcache-loads,L1-dcache-load-misses,L1-dcache-stores,L1-icache-load-misses,"	\
	"LLC-loads,LLC-load-misses,LLC-stores,LLC-store-misses,"		\
	"dTLB-loads,dTLB-load-misses,dTLB-stores,dTLB-store-misses,"		\
	"iTLB-loads,iTLB-load-misses,branch-loads,branch-load-misses,node-loads,node-load-misses"

/**
 * perfring_measure_fn - what is measured
 * @context: of whoever measures
 *
 * Whatever it does counts, system calls and sleep included.
 */
typedef void (*perfring_measure_fn)(void *context);

/**
 * perfring_count_measure - what counters count while a function runs
 * @count: kept open: this costs two ioctl(2) and one read(2) for each group or single event
 * @fn: called once; may measure in turn, with the same counters or others; when it leaves by
 *	longjmp(3) the counters go on
 * @context: for @fn
 * @values: room for @nr, filled with what came on top while @fn ran
 * @nr: how many at most
 *
 * Counters that were started are left so, and not stopped in between.  What a start and a stop
 * count themselves, a few hundred instructions of the kernel where it is
 * counted, is what measuring an empty function shows.
 *
 * Return: how many values there are (at most @nr), or the errno of ioctl(2) or read(2).
 */
int perfring_count_measure(struct perfring_count *count, perfring_measure_fn fn, void *context,
			   struct perfring_count_value *values, unsigned int nr);

/**
 * perfring_measure - measure a function once: open, measure, close
 * @events: as perfring_count_open_text()
 * @fn: called once in the calling thread; not called when this fails before
 * @context: for @fn
 * @values: room for @nr, in the order of @events
 * @nr: how many at most
 *
 * What this machine does not have is marked so in @values.  Where the kernel's part is refused
 * the user's part is counted: open counters yourself to be told.
 *
 * Return: as perfring_count_measure(), perfring_count_open_text().
 */
int perfring_measure(const char *events, perfring_measure_fn fn, void *context,
		     struct perfring_count_value *values, unsigned int nr);

/**
 * perfring_count_close - unmap and close
 * @count: NULL does nothing
 */
void perfring_count_close(struct perfring_count *count);

/**
 * perfring_count_start - go on counting
 * @count: a group is started by one ioctl(2), independent events by one each
 *
 * Counts go on from where they were.  Starting what is started changes nothing.
 *
 * Return: 0, or the errno of ioctl(2).
 */
int perfring_count_start(struct perfring_count *count);

/**
 * perfring_count_stop - stop counting
 * @count: stopping what is stopped changes nothing
 *
 * Return: as perfring_count_start().
 */
int perfring_count_stop(struct perfring_count *count);

/**
 * perfring_count_reset - count from zero, times included
 * @count: started or not
 *
 * What the counters say now is noted and taken off later: nothing is lost between reset and
 * read, children that have exited are reset too (PERF_EVENT_IOC_RESET does neither), and
 * others that have the descriptor see no change.
 *
 * Return: 0, or the errno of read(2).
 */
int perfring_count_reset(struct perfring_count *count);

/**
 * perfring_count_read - all values
 * @count: started or not
 * @values: room for @nr
 * @nr: how many at most
 *
 * A group is read at one moment, by one read(2).  Independent events are read one
 * after the other, each without a system call where perfring_count_info() says so.
 *
 * Return: how many values there are (at most @nr), or the errno of read(2).
 */
int perfring_count_read(struct perfring_count *count, struct perfring_count_value *values,
			unsigned int nr);

/**
 * perfring_count_read_one - the value of one event, as perfring_count_read()
 * @count: started or not
 * @index: the event
 * @value: filled
 *
 * Return: 0; -EINVAL no such event; the errno of read(2).
 */
int perfring_count_read_one(struct perfring_count *count, unsigned int index,
			    struct perfring_count_value *value);

/**
 * perfring_count_now - the count of one event alone, by the shortest way
 * @count: started or not
 * @index: the event
 * @value: the count since perfring_count_reset(), not scaled
 *
 * For use around a few instructions.  Never a zero that means something else: what is not on
 * the PMU is asked of the kernel.
 *
 * Return: 0; -EINVAL no such event; -ENODATA it never counted; the errno with which it
 * was not opened; the errno of read(2).
 */
int perfring_count_now(struct perfring_count *count, unsigned int index, uint64_t *value);

/**
 * enum perfring_count_method - how perfring_count_now() reads a running counter, and why
 * @PERFRING_METHOD_SELF: the counter's register, no system call
 * @PERFRING_METHOD_SLOWER: read(2), because the register takes longer here
 * @PERFRING_METHOD_OFF: read(2), as PERFRING_SELF_OFF wants
 * @PERFRING_METHOD_OTHER: read(2), the target is not the calling thread, or children inherit it
 * @PERFRING_METHOD_NO_PAGE: read(2), a page could not be mapped, or not be kept from children
 * @PERFRING_METHOD_DENIED: read(2), the kernel does not allow the register (software events,
 *	rdpmc in sysfs, kernel.perf_user_access)
 * @PERFRING_METHOD_NO_PMU: read(2), the event was not on the PMU when it was tried
 * @PERFRING_METHOD_CLOSED: the event is not open
 */
enum perfring_count_method {
	PERFRING_METHOD_SELF,
	PERFRING_METHOD_SLOWER,
	PERFRING_METHOD_OFF,
	PERFRING_METHOD_OTHER,
	PERFRING_METHOD_NO_PAGE,
	PERFRING_METHOD_DENIED,
	PERFRING_METHOD_NO_PMU,
	PERFRING_METHOD_CLOSED,
};

/**
 * struct perfring_count_info - one event
 * @name: valid until close
 * @attr: as it was opened, valid until close; what it points to may have gone
 * @fd: descriptor, owned by @count; -1 not open
 * @error: the negative errno with which it was not opened; otherwise 0
 * @method: enum perfring_count_method
 * @self_ns: what one read of the register took at open; 0 not tried
 * @read_ns: what one read(2) took at open; 0 not tried
 * @user_only: not 0: the kernel's part is not counted although it was asked for
 * @unit: of the count times @scale, valid until close; NULL none
 * @scale: 1 unless the PMU says otherwise
 */
struct perfring_count_info {
	const char *name;
	const struct perf_event_attr *attr;
	int32_t fd;
	int32_t error;
	uint32_t method;
	uint32_t self_ns;
	uint32_t read_ns;
	uint32_t user_only;
	const char *unit;
	double scale;
};

/**
 * perfring_count_nr - how many events there are
 * @count: any
 *
 * Return: their number, open or not.
 */
unsigned int perfring_count_nr(const struct perfring_count *count);

/**
 * perfring_count_info - what is known about an event
 * @count: any
 * @index: the event
 * @info: filled
 *
 * Return: 0; -EINVAL no such event.
 */
int perfring_count_info(const struct perfring_count *count, unsigned int index,
			struct perfring_count_info *info);

/**
 * perfring_count_method_text - a method in words
 * @method: enum perfring_count_method
 *
 * Return: a static phrase, never NULL.
 */
const char *perfring_count_method_text(unsigned int method);

/**
 * perfring_count_state_text - a state in words
 * @state: enum perfring_count_state
 *
 * Return: a static phrase, never NULL: "counted", "not counted", "not supported", "refused",
 * "lost its counter".
 */
const char *perfring_count_state_text(unsigned int state);

/**
 * perfring_count_set_bpf - run a BPF program whenever an event happens
 * @count: at least this event is a tracepoint, kprobe or uprobe, or samples
 * @index: the event
 * @program: descriptor of the loaded program (BPF_PROG_TYPE_TRACEPOINT, _KPROBE or
 *	_PERF_EVENT); it may be closed afterwards
 *
 * A tracepoint's program runs wherever the tracepoint is hit, whatever the target; it returns
 * 0 for what is not to be counted.  The program stays until the event is closed.
 *
 * Return: 0; -EINVAL no such event, or the wrong kind of program; -EEXIST there is one; the
 * errno with which the event was not opened; other errnos of PERF_EVENT_IOC_SET_BPF.
 */
int perfring_count_set_bpf(struct perfring_count *count, unsigned int index, int program);

/**
 * enum perfring_count_cause - why an event could not be opened
 * @PERFRING_CAUSE_UNKNOWN: none of the following
 * @PERFRING_CAUSE_NO_EVENT: this machine or kernel does not have it
 * @PERFRING_CAUSE_NO_FEATURE: it has the event, but not in the way that was asked for
 * @PERFRING_CAUSE_KERNEL: the event counts the kernel: paranoid 1 or less, or exclude_kernel
 * @PERFRING_CAUSE_CPU: all processes of a CPU: paranoid 0 or less
 * @PERFRING_CAUSE_TRACEPOINT: a tracepoint's data: paranoid -1
 * @PERFRING_CAUSE_ANY: this kernel refuses ordinary users altogether (paranoid above 2)
 * @PERFRING_CAUSE_CAPABILITY: no value of paranoid helps, only CAP_PERFMON does
 * @PERFRING_CAUSE_OTHER_USER: the target is somebody else's process
 * @PERFRING_CAUSE_FILTER: seccomp or a security module refuses the system call
 * @PERFRING_CAUSE_FILES: the process, or the system, has too many files open
 * @PERFRING_CAUSE_RATE: sample_freq is above kernel.perf_event_max_sample_rate
 * @PERFRING_CAUSE_STACK: sample_max_stack is above kernel.perf_event_max_stack
 * @PERFRING_CAUSE_INVALID: the attr, or the combination of target and flags, is not valid
 * @PERFRING_CAUSE_GROUP: the leader is on another CPU or task, or the PMU has too few counters
 * @PERFRING_CAUSE_NEWER: the attr has fields that this kernel does not know
 * @PERFRING_CAUSE_TARGET: no such process, or the CPU is offline
 * @PERFRING_CAUSE_BUSY: somebody else has the PMU, or all breakpoint registers are in use
 * @PERFRING_CAUSE_MEMORY: no memory
 * @PERFRING_CAUSE_NO_PERF: the kernel is built without perf events
 */
enum perfring_count_cause {
	PERFRING_CAUSE_UNKNOWN,
	PERFRING_CAUSE_NO_EVENT,
	PERFRING_CAUSE_NO_FEATURE,
	PERFRING_CAUSE_KERNEL,
	PERFRING_CAUSE_CPU,
	PERFRING_CAUSE_TRACEPOINT,
	PERFRING_CAUSE_ANY,
	PERFRING_CAUSE_CAPABILITY,
	PERFRING_CAUSE_OTHER_USER,
	PERFRING_CAUSE_FILTER,
	PERFRING_CAUSE_FILES,
	PERFRING_CAUSE_RATE,
	PERFRING_CAUSE_STACK,
	PERFRING_CAUSE_INVALID,
	PERFRING_CAUSE_GROUP,
	PERFRING_CAUSE_NEWER,
	PERFRING_CAUSE_TARGET,
	PERFRING_CAUSE_BUSY,
	PERFRING_CAUSE_MEMORY,
	PERFRING_CAUSE_NO_PERF,
};

/**
 * struct perfring_count_report - why an event was refused, and the settings that decide
 * @error: the negative errno that is explained
 * @cause: enum perfring_count_cause
 * @pid: asked for
 * @cpu: asked for
 * @type: attr.type
 * @paranoid: kernel.perf_event_paranoid; INT32_MIN when unreadable
 * @paranoid_needed: the highest value with which this would be allowed to an ordinary user;
 *	INT32_MAX any, INT32_MIN none
 * @kptr_restrict: kernel.kptr_restrict (whether addresses of the kernel have names); -1 unreadable
 * @self_allowed: rdpmc of the CPU's PMU in sysfs, or kernel.perf_user_access; -1 there is none
 * @perfmon: not 0: this thread has CAP_PERFMON or CAP_SYS_ADMIN
 * @seccomp: not 0: system calls of this thread are filtered
 * @kernel_pmu: not 0: a PMU of this type is in /sys/bus/event_source/devices
 * @padding: 0
 * @config: attr.config
 * @max_sample_rate: kernel.perf_event_max_sample_rate, in Hz; -1 unreadable, as the next ones
 * @max_stack: kernel.perf_event_max_stack, frames
 * @mlock_kb: kernel.perf_event_mlock_kb, KiB for each online CPU and user
 * @cpu_time_max_percent: kernel.perf_cpu_time_max_percent
 * @files_open: descriptors of this process
 * @files_limit: RLIMIT_NOFILE; UINT64_MAX unlimited
 */
struct perfring_count_report {
	int32_t error;
	uint32_t cause;
	int32_t pid;
	int32_t cpu;
	uint32_t type;
	int32_t paranoid;
	int32_t paranoid_needed;
	int32_t kptr_restrict;
	int32_t self_allowed;
	uint8_t perfmon;
	uint8_t seccomp;
	uint8_t kernel_pmu;
	uint8_t padding;
	uint64_t config;
	int64_t max_sample_rate;
	int64_t max_stack;
	int64_t mlock_kb;
	int64_t cpu_time_max_percent;
	uint64_t files_open;
	uint64_t files_limit;
};

/**
 * perfring_count_explain - why an event could not be opened
 * @attr: the event; NULL: only the settings are filled in
 * @pid: the target
 * @cpu: the target
 * @error: the negative errno that open answered, 0 for none
 * @report: filled from /proc, /sys and limits of now
 *
 * Return: 0; -EINVAL @report is NULL.
 */
int perfring_count_explain(const struct perf_event_attr *attr, pid_t pid, int cpu, int error,
			   struct perfring_count_report *report);

/**
 * perfring_count_format - a report as text
 * @report: from perfring_count_explain()
 * @name: the event's name; NULL: of type and config
 * @buffer: room for the text, always terminated when @len > 0
 * @len: bytes of room
 *
 * Return: the length of the whole text without its terminator, as snprintf(3);
 * several lines, each ended by a newline: the error, what would do, the settings.
 */
int perfring_count_format(const struct perfring_count_report *report, const char *name,
			  char *buffer, size_t len);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_COUNT_H */
