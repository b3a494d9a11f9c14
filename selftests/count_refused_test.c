// SPDX-License-Identifier: GPL-2.0
/*
 * Refusals: what the explanation says is what the kernel does, for each value of
 * kernel.perf_event_paranoid that there is, and each limit in turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fixtures.h"

#define PARANOID	"/proc/sys/kernel/perf_event_paranoid"

struct attempt {
	const char *name;
	struct perf_event_attr attr;
	pid_t pid;
	int cpu;
};

#define SOFTWARE(c, ...)							\
	{									\
		.size = sizeof(struct perf_event_attr), .type = PERF_TYPE_SOFTWARE,	\
		.config = c, __VA_ARGS__						\
	}

static struct attempt attempts[] = {
	{ "user's part of a thread", SOFTWARE(PERF_COUNT_SW_TASK_CLOCK, .exclude_kernel = 1),
	  0, -1 },
	{ "a thread", SOFTWARE(PERF_COUNT_SW_TASK_CLOCK), 0, -1 },
	{ "user's part of a CPU", SOFTWARE(PERF_COUNT_SW_CPU_CLOCK, .exclude_kernel = 1), -1, 0 },
	{ "a CPU", SOFTWARE(PERF_COUNT_SW_CPU_CLOCK), -1, 0 },
	{ "namespaces", SOFTWARE(PERF_COUNT_SW_DUMMY, .namespaces = 1, .exclude_kernel = 1),
	  0, -1 },
	{ "process 1", SOFTWARE(PERF_COUNT_SW_TASK_CLOCK, .exclude_kernel = 1), 1, -1 },
	{ "tracepoint, counted", { .type = PERF_TYPE_TRACEPOINT, .exclude_kernel = 1 }, 0, -1 },
	{ "tracepoint, recorded",
	  { .type = PERF_TYPE_TRACEPOINT, .sample_type = PERF_SAMPLE_RAW, .sample_period = 1,
	    .exclude_kernel = 1 }, 0, -1 },
};

/* What a child saw. */
struct seen {
	int ret;
	struct perfring_count_report report;
	char text[2000];
};

static struct seen *seen_map(void)
{
	struct seen *seen = mmap(NULL, ARRAY_LEN(attempts) * sizeof(*seen), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return seen == MAP_FAILED ? NULL : seen;
}

static void try(const struct attempt *a, struct seen *seen)
{
	struct perfring_count *count = NULL;

	seen->ret = perfring_count_open(&a->attr, 1, a->pid, a->cpu, NULL, &count);
	perfring_count_explain(&a->attr, a->pid, a->cpu, seen->ret, &seen->report);
	perfring_count_format(&seen->report, a->name, seen->text, sizeof(seen->text));
	perfring_count_close(count);
}

/* In a child, as nobody; the exit status. */
static int try_all_as_nobody(struct seen *seen)
{
	int status;
	pid_t child = fork();

	if (!child) {
		if (become_nobody())
			_exit(1);
		for (unsigned int i = 0; i < ARRAY_LEN(attempts); i++)
			try(&attempts[i], &seen[i]);
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * From 4 to -1: nobody is refused exactly where the value is above what the report says is needed,
 * and the cause names the rule.  Above 2 Debian's kernels refuse all, others none: seen from
 * the first attempt, which every kernel grants at 2.
 */
TEST(paranoid)
{
	struct seen *seen = seen_map();
	char was[16], value[16], why[WHY_LEN];
	unsigned int refused = 0;
	long id = 0;

	if (geteuid())
		SKIP(return, "uid %d: no permission to change users", geteuid());
	ASSERT_NE(NULL, seen);
	if (tracefs_here(why, sizeof(why)))
		id = file_long("/sys/kernel/tracing/events/sched/sched_switch/id", 0);
	for (unsigned int i = 0; i < ARRAY_LEN(attempts); i++)
		if (attempts[i].attr.type == PERF_TYPE_TRACEPOINT)
			attempts[i].attr.config = id;
	ASSERT_LT(0, file_read(PARANOID, was, sizeof(was)));
	for (int paranoid = 4; paranoid >= -1; paranoid--) {
		bool closed;

		snprintf(value, sizeof(value), "%d", paranoid);
		ASSERT_EQ(0, file_write(PARANOID, value));
		EXPECT_EQ(0, try_all_as_nobody(seen));
		file_write(PARANOID, was);
		closed = paranoid > 2 && seen[0].ret == -EACCES;
		for (unsigned int i = 0; i < ARRAY_LEN(attempts); i++) {
			const struct attempt *a = &attempts[i];
			const struct perfring_count_report *r = &seen[i].report;
			int needed = r->paranoid_needed, limit = closed ? 2 : paranoid;
			bool denied = seen[i].ret == -EACCES || seen[i].ret == -EPERM;

			if (a->attr.type == PERF_TYPE_TRACEPOINT && !a->attr.config)
				continue;
			EXPECT_EQ(paranoid, r->paranoid);
			EXPECT_EQ(0, r->perfmon);
			EXPECT_EQ(closed || needed == INT32_MIN || a->pid > 0 ||
				  (needed < 2 && limit > needed), denied) {
				TH_LOG("paranoid %d, %s: %d, needs %d\n%s", paranoid, a->name,
				       seen[i].ret, needed, seen[i].text);
			}
			refused += denied;
			if (!denied) {
				EXPECT_EQ(0, seen[i].ret);
				continue;
			}
			EXPECT_NE(PERFRING_CAUSE_UNKNOWN, r->cause);
			EXPECT_NE(PERFRING_CAUSE_FILTER, r->cause) {
				TH_LOG("paranoid %d, %s", paranoid, a->name);
			}
			EXPECT_NE(NULL, strstr(seen[i].text, "CAP_PERFMON"));
			if (r->cause == PERFRING_CAUSE_KERNEL || r->cause == PERFRING_CAUSE_CPU ||
			    r->cause == PERFRING_CAUSE_TRACEPOINT) {
				snprintf(why, sizeof(why), "kernel.perf_event_paranoid is %d: %d or less allows it",
					 paranoid, needed);
				EXPECT_NE(NULL, strstr(seen[i].text, why)) {
					TH_LOG("%s in:\n%s", why, seen[i].text);
				}
			}
		}
		if (paranoid != 2)
			continue;
		EXPECT_EQ(0, seen[0].ret);
		EXPECT_EQ(PERFRING_CAUSE_KERNEL, seen[1].report.cause);
		EXPECT_EQ(1, seen[1].report.paranoid_needed);
		EXPECT_EQ(PERFRING_CAUSE_CPU, seen[2].report.cause);
		EXPECT_EQ(0, seen[2].report.paranoid_needed);
		/* The kernel looks at the first rule; both are to be satisfied. */
		EXPECT_EQ(PERFRING_CAUSE_KERNEL, seen[3].report.cause);
		EXPECT_EQ(0, seen[3].report.paranoid_needed);
		EXPECT_EQ(PERFRING_CAUSE_CAPABILITY, seen[4].report.cause);
		EXPECT_EQ(PERFRING_CAUSE_OTHER_USER, seen[5].report.cause);
		if (attempts[7].attr.config) {
			EXPECT_EQ(PERFRING_CAUSE_TRACEPOINT, seen[7].report.cause);
			EXPECT_EQ(-1, seen[7].report.paranoid_needed);
		}
	}
	EXPECT_LT(0, refused);
	munmap(seen, ARRAY_LEN(attempts) * sizeof(*seen));
}

/* Nobody at paranoid 2 asks for the kernel's part as well, and is content with his own. */
TEST(user_only)
{
	struct perf_event_attr attr = SOFTWARE(PERF_COUNT_SW_TASK_CLOCK);
	struct perfring_count_opts opts = { .size = sizeof(opts), .user_only = 1 };
	struct perfring_count_info info;
	struct perfring_count *count;
	char was[16];
	int status;
	pid_t child;

	if (geteuid())
		SKIP(return, "uid %d: no permission to change users", geteuid());
	ASSERT_LT(0, file_read(PARANOID, was, sizeof(was)));
	ASSERT_EQ(0, file_write(PARANOID, "2"));
	child = fork();
	if (!child) {
		if (become_nobody())
			_exit(1);
		if (perfring_count_open(&attr, 1, 0, -1, NULL, &count) != -EACCES)
			_exit(2);
		if (perfring_count_open(&attr, 1, 0, -1, &opts, &count))
			_exit(3);
		perfring_count_info(count, 0, &info);
		_exit(info.user_only == 1 && info.attr->exclude_kernel ? 0 : 4);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	file_write(PARANOID, was);
	EXPECT_EQ(0, WEXITSTATUS(status));
	/* Root gets what he asks for. */
	ASSERT_EQ(0, perfring_count_open(&attr, 1, 0, -1, &opts, &count));
	ASSERT_EQ(0, perfring_count_info(count, 0, &info));
	EXPECT_EQ(0, info.user_only);
	perfring_count_close(count);
}

/* Three descriptors more: the fourth event has none, optional or not; all are closed again. */
TEST(files)
{
	struct perf_event_attr attrs[5] = {
		SOFTWARE(PERF_COUNT_SW_DUMMY), SOFTWARE(PERF_COUNT_SW_DUMMY),
		SOFTWARE(PERF_COUNT_SW_DUMMY), SOFTWARE(PERF_COUNT_SW_DUMMY),
		SOFTWARE(PERF_COUNT_SW_DUMMY),
	};
	unsigned int failed = 99;
	struct perfring_count_opts opts = {
		.size = sizeof(opts), .failed = &failed, .optional = 1,
	};
	struct perfring_count_report before, report;
	struct perfring_count *count = NULL;
	struct rlimit limit, was;
	char text[2000], line[64];
	int lowest = dup(0), fd;

	/* Whoever started this may have left us some: the next three are free. */
	for (fd = lowest; fd < lowest + 16; fd++)
		close(fd);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &was));
	ASSERT_EQ(0, perfring_count_explain(NULL, 0, -1, 0, &before));
	EXPECT_EQ(was.rlim_cur == RLIM_INFINITY ? UINT64_MAX : was.rlim_cur, before.files_limit);
	limit = was;
	limit.rlim_cur = lowest + 3;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, perfring_count_open(attrs, 5, 0, -1, &opts, &count));
	setrlimit(RLIMIT_NOFILE, &was);
	EXPECT_EQ(3, failed);
	EXPECT_EQ(NULL, count);
	ASSERT_EQ(0, perfring_count_explain(&attrs[3], 0, -1, -EMFILE, &report));
	EXPECT_EQ(PERFRING_CAUSE_FILES, report.cause);
	EXPECT_EQ(before.files_open, report.files_open);
	EXPECT_LT(0, perfring_count_format(&report, "dummy", text, sizeof(text)));
	snprintf(line, sizeof(line), "open files: %llu of ", (unsigned long long)before.files_open);
	EXPECT_NE(NULL, strstr(text, line));
	EXPECT_EQ(lowest, dup(0));
	close(lowest);
}

/* One by one what the kernel says, and what that means. */
TEST(causes)
{
	long rate = file_long("/proc/sys/kernel/perf_event_max_sample_rate", 100000);
	long stack = file_long("/proc/sys/kernel/perf_event_max_stack", 127);
	const struct {
		struct attempt a;
		int error, cause;
	} rows[] = {
		{ { "frequency", SOFTWARE(PERF_COUNT_SW_CPU_CLOCK, .freq = 1,
					  .sample_freq = rate + 1), 0, -1 },
		  -EINVAL, PERFRING_CAUSE_RATE },
		{ { "stack", SOFTWARE(PERF_COUNT_SW_CPU_CLOCK, .sample_period = 1000000,
				      .sample_type = PERF_SAMPLE_CALLCHAIN,
				      .sample_max_stack = stack + 1), 0, -1 },
		  -EOVERFLOW, PERFRING_CAUSE_STACK },
		{ { "no such software event", SOFTWARE(1000), 0, -1 }, -ENOENT,
		  PERFRING_CAUSE_NO_EVENT },
		{ { "no target", SOFTWARE(PERF_COUNT_SW_DUMMY), -1, -1 }, -EINVAL,
		  PERFRING_CAUSE_INVALID },
		{ { "no process", SOFTWARE(PERF_COUNT_SW_DUMMY), 0x3ffffff, -1 }, -ESRCH,
		  PERFRING_CAUSE_TARGET },
	};
	struct seen *seen = seen_map();

	ASSERT_NE(NULL, seen);
	for (unsigned int i = 0; i < ARRAY_LEN(rows); i++) {
		try(&rows[i].a, seen);
		EXPECT_EQ(rows[i].error, seen->ret) {
			TH_LOG("%s", rows[i].a.name);
		}
		EXPECT_EQ(rows[i].cause, (int)seen->report.cause) {
			TH_LOG("%s:\n%s", rows[i].a.name, seen->text);
		}
		EXPECT_EQ(0, strncmp(seen->text, rows[i].a.name, strlen(rows[i].a.name)));
	}
	munmap(seen, ARRAY_LEN(attempts) * sizeof(*seen));
}

/* Each errno of perf_event_open(2) has its cause, by itself where nothing else decides. */
TEST(every_errno)
{
	static const struct {
		int error, cpu, cause;
	} rows[] = {
		{ ENOENT, -1, PERFRING_CAUSE_NO_EVENT },
		{ EOPNOTSUPP, -1, PERFRING_CAUSE_NO_FEATURE },
		{ ENXIO, -1, PERFRING_CAUSE_NO_FEATURE },
		/* A CPU that is offline, or a PMU without driver. */
		{ ENODEV, 0, PERFRING_CAUSE_TARGET },
		{ ENODEV, -1, PERFRING_CAUSE_NO_EVENT },
		{ ESRCH, -1, PERFRING_CAUSE_TARGET },
		{ EMFILE, -1, PERFRING_CAUSE_FILES },
		{ ENFILE, -1, PERFRING_CAUSE_FILES },
		{ EINVAL, -1, PERFRING_CAUSE_INVALID },
		{ EOVERFLOW, -1, PERFRING_CAUSE_STACK },
		{ E2BIG, -1, PERFRING_CAUSE_NEWER },
		{ EBUSY, -1, PERFRING_CAUSE_BUSY },
		{ ENOSPC, -1, PERFRING_CAUSE_BUSY },
		{ ENOMEM, -1, PERFRING_CAUSE_MEMORY },
		{ ENOSYS, -1, PERFRING_CAUSE_NO_PERF },
		{ EIO, -1, PERFRING_CAUSE_UNKNOWN },
		{ 0, -1, PERFRING_CAUSE_UNKNOWN },
	};
	struct perf_event_attr attr = SOFTWARE(PERF_COUNT_SW_CPU_CLOCK);
	struct perfring_count_report report;
	char text[2000];

	for (unsigned int i = 0; i < ARRAY_LEN(rows); i++)
		for (int sign = -1; sign <= 1; sign += 2) {
			ASSERT_EQ(0, perfring_count_explain(&attr, 0, rows[i].cpu,
							    sign * rows[i].error, &report));
			EXPECT_EQ(rows[i].cause, (int)report.cause) {
				TH_LOG("errno %d", rows[i].error);
			}
			EXPECT_EQ(-rows[i].error, report.error);
			EXPECT_EQ(1, report.kernel_pmu);
		}
	/* What has no name is called by its numbers. */
	perfring_count_explain(&attr, 0, -1, -EBUSY, &report);
	perfring_count_format(&report, NULL, text, sizeof(text));
	EXPECT_EQ(0, strncmp(text, "type 1 config 0x0, pid 0, CPU -1: ", 34));
	/* As of a machine with rdpmc in sysfs. */
	report.self_allowed = 2;
	perfring_count_format(&report, NULL, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "perf_user_access: 2 "));
}

/* A filter as containers have it: EPERM that no rule of perf explains. */
TEST(seccomp)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_LEN(filter), .filter = filter };
	struct seen *seen = seen_map();

	ASSERT_NE(NULL, seen);
	ASSERT_EQ(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	ASSERT_EQ(0, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	try(&attempts[0], seen);
	EXPECT_EQ(-EPERM, seen->ret);
	EXPECT_EQ(1, seen->report.seccomp);
	if (seen->report.perfmon || seen->report.paranoid <= 2)
		EXPECT_EQ(PERFRING_CAUSE_FILTER, seen->report.cause);
	munmap(seen, ARRAY_LEN(attempts) * sizeof(*seen));
}

/* The settings are those of the files, and a text of any room ends. */
TEST(settings)
{
	struct perfring_count_report report;
	char text[2000], part[2000];
	uint64_t files = 0;
	int len;

	EXPECT_EQ(-EINVAL, perfring_count_explain(NULL, 0, -1, 0, NULL));
	ASSERT_EQ(0, perfring_count_explain(NULL, 0, -1, 0, &report));
	for (int fd = 0; fd < 1024; fd++)
		files += fcntl(fd, F_GETFD) >= 0;
	EXPECT_EQ(files, report.files_open);
	EXPECT_EQ(file_long("/proc/sys/kernel/perf_event_max_sample_rate", -1),
		  report.max_sample_rate);
	EXPECT_EQ(file_long("/proc/sys/kernel/perf_event_max_stack", -1), report.max_stack);
	EXPECT_EQ(file_long("/proc/sys/kernel/perf_event_mlock_kb", -1), report.mlock_kb);
	EXPECT_EQ(file_long("/proc/sys/kernel/perf_cpu_time_max_percent", -1),
		  report.cpu_time_max_percent);
	EXPECT_EQ(file_long("/proc/sys/kernel/kptr_restrict", -1), report.kptr_restrict);
	EXPECT_EQ(file_long("/sys/bus/event_source/devices/cpu/rdpmc",
			    file_long("/proc/sys/kernel/perf_user_access", -1)),
		  report.self_allowed);
	len = perfring_count_format(&report, NULL, text, sizeof(text));
	ASSERT_EQ(len, (int)strlen(text));
	for (int room = 0; room <= len + 1; room++) {
		memset(part, '#', sizeof(part));
		ASSERT_EQ(len, perfring_count_format(&report, NULL, part, room));
		if (room)
			ASSERT_EQ(0, strncmp(text, part, room - 1));
		if (room)
			ASSERT_EQ(room <= len ? room - 1 : len, (int)strlen(part));
		ASSERT_EQ('#', part[room]);
	}
}

TEST_HARNESS_MAIN
