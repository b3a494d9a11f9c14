// SPDX-License-Identifier: MIT
/* Why an event could not be opened, in words. */
#include "count.h"
#include "limits.h"

#define EXPLAIN_DEVICES	"/sys/bus/event_source/devices"

/* What it is, and what would do. */
static const char *format_cause(const struct perfring_count_report *report)
{
	static const char *const texts[] = {
		[PERFRING_CAUSE_NO_EVENT] =
			"not on this machine: its PMU has no such event, or there is no such tracepoint",
		[PERFRING_CAUSE_NO_FEATURE] =
			"not on this machine: the PMU cannot do it in this way (sampling, precise_ip, exclude_*)",
		[PERFRING_CAUSE_KERNEL] =
			"it counts the kernel as well: set exclude_kernel (:u)",
		[PERFRING_CAUSE_CPU] =
			"it counts all processes of a CPU: count processes instead",
		[PERFRING_CAUSE_TRACEPOINT] =
			"it records a tracepoint's data: count without PERF_SAMPLE_RAW",
		[PERFRING_CAUSE_ANY] =
			"this kernel keeps ordinary users out altogether",
		[PERFRING_CAUSE_CAPABILITY] =
			"for kprobes, uprobes and namespaces no sysctl opens the way",
		[PERFRING_CAUSE_OTHER_USER] =
			"the process is somebody else's, or not dumpable: ptrace(2) would be refused, too",
		[PERFRING_CAUSE_FILTER] =
			"no rule of perf refuses it: seccomp (a container's default), a security module or lockdown does",
		[PERFRING_CAUSE_FILES] =
			"each event is an open file: raise RLIMIT_NOFILE (ulimit -n) or fs.file-max",
		[PERFRING_CAUSE_RATE] =
			"sample_freq is above kernel.perf_event_max_sample_rate",
		[PERFRING_CAUSE_STACK] =
			"sample_max_stack is above kernel.perf_event_max_stack",
		[PERFRING_CAUSE_INVALID] =
			"a field of the attr, the target, or their combination is not valid; or the group is larger than the PMU",
		[PERFRING_CAUSE_GROUP] =
			"a group is on one CPU and one task, and not larger than the PMU",
		[PERFRING_CAUSE_NEWER] =
			"the attr sets what this kernel does not know yet",
		[PERFRING_CAUSE_TARGET] =
			"the process has gone, or the CPU is offline",
		[PERFRING_CAUSE_BUSY] =
			"somebody else has what is needed: an exclusive event, all breakpoint registers",
		[PERFRING_CAUSE_MEMORY] =
			"no memory",
		[PERFRING_CAUSE_NO_PERF] =
			"the kernel is built without CONFIG_PERF_EVENTS",
	};
	static const char no_pmu[] =
		"not on this machine: no PMU of this kind in " EXPLAIN_DEVICES
		" (a guest without one?)";

	if (report->cause == PERFRING_CAUSE_NO_EVENT && !report->kernel_pmu)
		return no_pmu;
	return report->cause < sizeof(texts) / sizeof(texts[0]) ? texts[report->cause] : NULL;
}

/* Which setting, which capability. */
static void format_remedy(const struct perfring_count_report *report, char *buffer, size_t len,
			  size_t *used)
{
	switch (report->cause) {
	case PERFRING_CAUSE_KERNEL:
	case PERFRING_CAUSE_CPU:
	case PERFRING_CAUSE_TRACEPOINT:
	case PERFRING_CAUSE_ANY:
		limits_add(buffer, len, used,
			   "kernel.perf_event_paranoid is %d: %d or less allows it, so does CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8)\n",
			   report->paranoid, report->paranoid_needed);
		break;
	case PERFRING_CAUSE_CAPABILITY:
		limits_add(buffer, len, used,
			   "CAP_PERFMON allows it (CAP_SYS_ADMIN before Linux 5.8)\n");
		break;
	case PERFRING_CAUSE_OTHER_USER:
		limits_add(buffer, len, used,
			   "CAP_PERFMON allows it (CAP_SYS_PTRACE before Linux 5.12), or the same user\n");
		break;
	case PERFRING_CAUSE_FILTER:
		limits_add(buffer, len, used, "this thread's system calls are %sfiltered by seccomp\n",
			   report->seccomp ? "" : "not ");
		break;
	case PERFRING_CAUSE_FILES:
		limits_add(buffer, len, used, "open files: %llu of %llu (RLIMIT_NOFILE)\n",
			   (unsigned long long)report->files_open,
			   (unsigned long long)report->files_limit);
		break;
	default:
		break;
	}
}

/* A line of the settings; -1 is what could not be read. */
static void format_setting(char *buffer, size_t len, size_t *used, const char *name,
			   long long value, const char *meaning)
{
	if (value < 0)
		limits_add(buffer, len, used, "%s: cannot be read\n", name);
	else
		limits_add(buffer, len, used, "%s: %lld %s\n", name, value, meaning);
}

static void format_settings(const struct perfring_count_report *report, char *buffer, size_t len,
			    size_t *used)
{
	if (report->paranoid == INT32_MIN)
		limits_add(buffer, len, used, "kernel.perf_event_paranoid: cannot be read\n");
	else
		limits_add(buffer, len, used,
			   "kernel.perf_event_paranoid: %d (this thread %s CAP_PERFMON, with which it does not matter)\n",
			   report->paranoid, report->perfmon ? "has" : "lacks");
	format_setting(buffer, len, used, "kernel.kptr_restrict", report->kptr_restrict,
		       "(0: addresses of the kernel have names)");
	format_setting(buffer, len, used, "kernel.perf_event_max_sample_rate",
		       report->max_sample_rate, "samples a second at most");
	format_setting(buffer, len, used, "kernel.perf_cpu_time_max_percent",
		       report->cpu_time_max_percent, "% of a CPU for sampling, or the rate is lowered");
	format_setting(buffer, len, used, "kernel.perf_event_max_stack", report->max_stack,
		       "frames of a call chain at most");
	format_setting(buffer, len, used, "kernel.perf_event_mlock_kb", report->mlock_kb,
		       "KiB to map for each CPU, before RLIMIT_MEMLOCK counts");
	if (report->self_allowed < 0)
		limits_add(buffer, len, used, "rdpmc or kernel.perf_user_access: not here\n");
	else
		limits_add(buffer, len, used, "rdpmc or kernel.perf_user_access: %d (0: counters are read by system calls)\n",
			   report->self_allowed);
}

int perfring_count_format(const struct perfring_count_report *report, const char *name,
			  char *buffer, size_t len)
{
	const char *cause = format_cause(report);
	size_t used = 0;

	if (len)
		buffer[0] = '\0';
	if (report->error) {
		if (name)
			limits_add(buffer, len, &used, "%s", name);
		else
			limits_add(buffer, len, &used, "type %u config 0x%llx", report->type,
				   (unsigned long long)report->config);
		limits_add(buffer, len, &used, ", pid %d, CPU %d: %s\n", report->pid, report->cpu,
			   perfring_strerror(report->error));
	}
	if (cause)
		limits_add(buffer, len, &used, "%s\n", cause);
	format_remedy(report, buffer, len, &used);
	format_settings(report, buffer, len, &used);
	return (int)used;
}
