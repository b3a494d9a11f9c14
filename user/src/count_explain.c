// SPDX-License-Identifier: MIT
/*
 * Why an event could not be opened: the checks of perf_event_open() in
 * kernel/events/core.c, from user space.
 */
#include "count.h"
#include "limits.h"

#include <dirent.h>
#include <sys/resource.h>

#define EXPLAIN_CAP_SYS_ADMIN	21
#define EXPLAIN_CAP_PERFMON	38
#define EXPLAIN_DEVICES		"/sys/bus/event_source/devices"
#define EXPLAIN_KERNEL		"/proc/sys/kernel/"

/* attr.type of a PMU; -1: there is none of that name */
static long long explain_pmu_type(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), EXPLAIN_DEVICES "/%s/type", name);
	return limits_number(path, -1);
}

static bool explain_cpu_name(const char *name)
{
	return !strncmp(name, "cpu", 3) || !strncmp(name, "arm", 3);
}

/* Is there a PMU for @type; of the types that every CPU PMU serves, is there one at all? */
static bool explain_has_pmu(uint32_t type)
{
	DIR *dir = opendir(EXPLAIN_DEVICES);
	struct dirent *entry;
	bool found = false;

	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (type == PERF_TYPE_HARDWARE || type == PERF_TYPE_HW_CACHE ||
		    type == PERF_TYPE_RAW)
			found = explain_cpu_name(entry->d_name);
		else
			found = explain_pmu_type(entry->d_name) == (long long)type;
	}
	closedir(dir);
	return found;
}

static uint64_t explain_files_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t nr = 0;

	if (!dir)
		return 0;
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		nr += entry->d_name[0] != '.';
	closedir(dir);
	return nr - 1;	/* the folder itself */
}

static int32_t explain_self_allowed(void)
{
	static const char *const paths[] = {
		EXPLAIN_DEVICES "/cpu/rdpmc", EXPLAIN_DEVICES "/cpu_core/rdpmc",
		EXPLAIN_KERNEL "perf_user_access",
	};
	long long value = -1;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]) && value < 0; i++)
		value = limits_number(paths[i], -1);
	return (int32_t)value;
}

static void explain_settings(struct perfring_count_report *report)
{
	char status[8192], map[64];
	unsigned int inside = 0, outside = 0, nr = 0;
	struct rlimit limit;
	uint64_t caps;

	report->paranoid = (int32_t)limits_number(EXPLAIN_KERNEL "perf_event_paranoid", INT32_MIN);
	report->kptr_restrict = (int32_t)limits_number(EXPLAIN_KERNEL "kptr_restrict", -1);
	report->self_allowed = explain_self_allowed();
	report->max_sample_rate = limits_number(EXPLAIN_KERNEL "perf_event_max_sample_rate", -1);
	report->max_stack = limits_number(EXPLAIN_KERNEL "perf_event_max_stack", -1);
	report->mlock_kb = limits_number(EXPLAIN_KERNEL "perf_event_mlock_kb", -1);
	report->cpu_time_max_percent = limits_number(EXPLAIN_KERNEL "perf_cpu_time_max_percent",
						     -1);
	report->files_open = explain_files_open();
	report->files_limit = UINT64_MAX;
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur != RLIM_INFINITY)
		report->files_limit = limit.rlim_cur;

	limits_slurp("/proc/thread-self/status", status, sizeof(status));
	caps = limits_status(status, "\nCapEff:", 16);
	report->seccomp = limits_status(status, "\nSeccomp:", 10) != 0;
	/* Capabilities count in the first user namespace, which maps everybody to himself. */
	limits_slurp("/proc/self/uid_map", map, sizeof(map));
	report->perfmon = (caps >> EXPLAIN_CAP_PERFMON | caps >> EXPLAIN_CAP_SYS_ADMIN) & 1;
	if (sscanf(map, "%u %u %u", &inside, &outside, &nr) == 3 &&
	    (inside || outside || nr != UINT32_MAX))
		report->perfmon = 0;
}

/* A tracepoint whose data is to be recorded. */
static bool explain_traces(const struct perf_event_attr *attr)
{
	return attr->type == PERF_TYPE_TRACEPOINT && attr->sample_type & PERF_SAMPLE_RAW;
}

static bool explain_probes(const struct perf_event_attr *attr)
{
	return (long long)attr->type == explain_pmu_type("kprobe") ||
	       (long long)attr->type == explain_pmu_type("uprobe");
}

/* The strictest setting that would let an ordinary user do it. */
static int32_t explain_needed(const struct perf_event_attr *attr, pid_t pid)
{
	if (attr->namespaces || explain_probes(attr))
		return INT32_MIN;
	if (explain_traces(attr))
		return -1;
	if (pid == -1)
		return 0;
	return attr->exclude_kernel ? 2 : 1;
}

/* The first check that fails, in the kernel's order. */
static enum perfring_count_cause explain_refused(const struct perf_event_attr *attr,
						 const struct perfring_count_report *report)
{
	if (!report->perfmon) {
		if (report->paranoid > 2)
			return PERFRING_CAUSE_ANY;
		if (report->paranoid > 1 && !attr->exclude_kernel)
			return PERFRING_CAUSE_KERNEL;
		if (report->paranoid_needed == INT32_MIN)
			return PERFRING_CAUSE_CAPABILITY;
		if (report->paranoid > -1 && explain_traces(attr))
			return PERFRING_CAUSE_TRACEPOINT;
		if (report->paranoid > 0 && report->pid == -1)
			return PERFRING_CAUSE_CPU;
	}
	if (report->pid > 0 && !report->seccomp)
		return PERFRING_CAUSE_OTHER_USER;
	return PERFRING_CAUSE_FILTER;
}

static enum perfring_count_cause explain_cause(const struct perf_event_attr *attr,
					       const struct perfring_count_report *report)
{
	switch (-report->error) {
	case EACCES:
	case EPERM:
		return explain_refused(attr, report);
	case ENOENT:
		return PERFRING_CAUSE_NO_EVENT;
	case EOPNOTSUPP:
	case ENXIO:
		return PERFRING_CAUSE_NO_FEATURE;
	case ENODEV:
		return report->cpu >= 0 ? PERFRING_CAUSE_TARGET : PERFRING_CAUSE_NO_EVENT;
	case ESRCH:
		return PERFRING_CAUSE_TARGET;
	case EMFILE:
	case ENFILE:
		return PERFRING_CAUSE_FILES;
	case EINVAL:
		if (attr->freq && report->max_sample_rate >= 0 &&
		    attr->sample_freq > (uint64_t)report->max_sample_rate)
			return PERFRING_CAUSE_RATE;
		return PERFRING_CAUSE_INVALID;
	case EOVERFLOW:
		return PERFRING_CAUSE_STACK;
	case E2BIG:
		return PERFRING_CAUSE_NEWER;
	case EBUSY:
	case ENOSPC:
		return PERFRING_CAUSE_BUSY;
	case ENOMEM:
		return PERFRING_CAUSE_MEMORY;
	case ENOSYS:
		return PERFRING_CAUSE_NO_PERF;
	default:
		return PERFRING_CAUSE_UNKNOWN;
	}
}

int perfring_count_explain(const struct perf_event_attr *attr, pid_t pid, int cpu, int error,
			   struct perfring_count_report *report)
{
	struct perf_event_attr own;

	if (!report)
		return -EINVAL;
	memset(report, 0, sizeof(*report));
	report->error = error > 0 ? -error : error;
	report->pid = pid;
	report->cpu = cpu;
	report->paranoid_needed = INT32_MAX;
	explain_settings(report);
	if (!attr || perfring_attr_take(&own, attr, 0, 0, false))
		return 0;
	report->type = own.type;
	report->config = own.config;
	report->kernel_pmu = explain_has_pmu(own.type);
	report->paranoid_needed = explain_needed(&own, pid);
	if (report->error)
		report->cause = explain_cause(&own, report);
	return 0;
}
