// SPDX-License-Identifier: GPL-2.0
/* Events on tasks, CPUs and cgroups, counted. */
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "events_kit.h"

__attribute__((noinline, noclone)) int events_test_called(int x)
{
	/* Not empty, or else calls may be merged. */
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

/* As it was opened on the first target. */
static const struct perf_event_attr *attr_of(const struct perfring_events *events, size_t index)
{
	return perfring_storage_attr(perfring_events_storage(events, index, 0));
}

/* Stores to a word, as a breakpoint sees them: these and no more, while it is enabled. */
TEST_F(events, breakpoint_counts_stores)
{
	NEED_BREAKPOINTS();
	snprintf(self->text, sizeof(self->text), "mem:%p/" WORD ":w:u", (void *)&watched[0]);
	OPEN();
	store(3);
	ASSERT_EQ(1, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(PERFRING_COUNT_NONE, self->value[0].state);
	EXPECT_EQ(0, self->value[0].enabled);
	ASSERT_EQ(0, perfring_events_enable(self->events));
	store(TIMES);
	pass_time();
	ASSERT_EQ(0, perfring_events_disable(self->events));
	store(3);
	ASSERT_EQ(1, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(PERFRING_COUNTED, self->value[0].state);
	EXPECT_EQ(TIMES, self->value[0].value);
	EXPECT_EQ(TIMES, self->value[0].scaled);
	EXPECT_LT(0, self->value[0].running);
	EXPECT_EQ(self->value[0].enabled, self->value[0].running);
	/* Zero, and on from there. */
	ASSERT_EQ(0, perfring_events_reset(self->events));
	ASSERT_EQ(0, perfring_events_enable(self->events));
	store(2);
	ASSERT_EQ(1, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(2, self->value[0].value);
}

TEST_F(events, uprobe_counts_calls)
{
	char path[256] = "";

	if (!has_pmu("uprobe"))
		SKIP(return, "this kernel has no PMU uprobe");
	ASSERT_LT(0, readlink("/proc/self/exe", path, sizeof(path) - 1));
	snprintf(self->text, sizeof(self->text),
		 "uprobe:%s:events_test_called,uretprobe:%s:events_test_called", path, path);
	OPEN();
	ASSERT_EQ(0, perfring_events_enable(self->events));
	for (int i = 0; i < TIMES; i++)
		events_test_called(i);
	ASSERT_EQ(0, perfring_events_disable(self->events));
	ASSERT_EQ(2, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(TIMES, self->value[0].value);
	EXPECT_EQ(TIMES, self->value[1].value);
}

TEST_F(events, kprobe_counts_calls)
{
	if (!has_pmu("kprobe"))
		SKIP(return, "this kernel has no PMU kprobe");
	snprintf(self->text, sizeof(self->text),
		 "kprobe:" GETPPID ",kretprobe:" GETPPID);
	OPEN();
	ASSERT_EQ(0, perfring_events_enable(self->events));
	for (int i = 0; i < TIMES; i++)
		syscall(SYS_getppid);
	ASSERT_EQ(0, perfring_events_disable(self->events));
	ASSERT_EQ(2, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(TIMES, self->value[0].value);
	EXPECT_EQ(TIMES, self->value[1].value);
}

/*
 * Two counters in one group, of one thing, since no page here comes from a disk: read together,
 * they are the same at any time.
 */
TEST_F(events, a_group_is_read_at_one_moment)
{
	uint64_t last = 0;

	NEED_BREAKPOINTS();
	ASSERT_TRUE(fault(1));
	strcpy(self->text, "{faults,minor-faults,mem:0x1000:w}:u");
	OPEN();
	ASSERT_EQ(0, perfring_events_enable(self->events));
	for (unsigned int i = 1; i <= TIMES; i++) {
		ASSERT_TRUE(fault(1));
		ASSERT_EQ(3, perfring_events_read(self->events, self->value, 4));
		EXPECT_LT(last, self->value[0].value);
		last = self->value[0].value;
		EXPECT_EQ(last, self->value[1].value);
		for (int j = 1; j < 3; j++) {
			EXPECT_EQ(self->value[0].enabled, self->value[j].enabled);
			EXPECT_EQ(self->value[0].running, self->value[j].running);
		}
	}
	/* The leader's ioctl stops all of them. */
	ASSERT_EQ(0, perfring_storage_disable(perfring_events_storage(self->events, 0, 0)));
	ASSERT_TRUE(fault(1));
	ASSERT_EQ(2, perfring_events_read(self->events, self->value, 2));
	EXPECT_EQ(last, self->value[0].value);
	EXPECT_EQ(last, self->value[1].value);
}

/* Children from after the opening are counted with their parent, unless the text says no. */
TEST_F(events, children_inherit)
{
	struct child child;

	NEED_BREAKPOINTS();
	self->opts.inherit = 1;
	snprintf(self->text, sizeof(self->text), "mem:%p/" WORD ":w:u,faults/no-inherit/u",
		 (void *)&watched[0]);
	OPEN();
	ASSERT_EQ(0, perfring_events_enable(self->events));
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(child_start(&child, store_times));
		ASSERT_TRUE(child_run(&child));
	}
	store(1);
	ASSERT_EQ(2, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(3 * TIMES + 1, self->value[0].value);
	EXPECT_TRUE(attr_of(self->events, 0)->inherit == 1);
	EXPECT_TRUE(attr_of(self->events, 1)->inherit == 0);
}

/* What a child does before execve(2) is not counted, and it says so. */
TEST_F(events, enable_on_exec)
{
	struct child child;

	ASSERT_TRUE(child_start(&child, exec_true));
	self->pids[0] = child.pid;
	self->opts.enable_on_exec = 1;
	strcpy(self->text, "faults:u");
	OPEN();
	ASSERT_EQ(1, perfring_events_read(self->events, self->value, 1));
	EXPECT_EQ(PERFRING_COUNT_NONE, self->value[0].state);
	ASSERT_TRUE(child_run(&child));
	ASSERT_EQ(1, perfring_events_read(self->events, self->value, 1));
	EXPECT_EQ(PERFRING_COUNTED, self->value[0].state);
	/* It cannot run without touching a page. */
	EXPECT_LT(0, self->value[0].value);
}

/* Two tasks: each a target, and a sum; one that is gone is left out. */
TEST_F(events, several_tasks)
{
	struct child child[2];
	pid_t pids[3], pid;
	int cpu;

	NEED_BREAKPOINTS();
	ASSERT_TRUE(child_start(&child[0], store_times));
	ASSERT_TRUE(child_start(&child[1], store_times));
	pids[0] = child[0].pid;
	pids[1] = child[1].pid;
	pids[2] = fork();
	if (!pids[2])
		_exit(0);
	ASSERT_EQ(pids[2], waitpid(pids[2], NULL, 0));
	self->opts.pids = pids;
	self->opts.nr_pids = 3;
	snprintf(self->text, sizeof(self->text), "mem:%p/" WORD ":w:u", (void *)&watched[0]);
	OPEN();
	ASSERT_EQ(3, perfring_events_targets(self->events));
	EXPECT_NE(NULL, perfring_events_storage(self->events, 0, 1));
	EXPECT_EQ(NULL, perfring_events_storage(self->events, 0, 2));
	ASSERT_EQ(0, perfring_events_target(self->events, 1, &pid, &cpu));
	EXPECT_EQ(child[1].pid, pid);
	EXPECT_EQ(-1, cpu);
	EXPECT_EQ(-ERANGE, perfring_events_target(self->events, 3, &pid, &cpu));
	ASSERT_EQ(0, perfring_events_enable(self->events));
	ASSERT_TRUE(child_run(&child[0]));
	ASSERT_EQ(1, perfring_events_read_target(self->events, 0, self->value, 4));
	EXPECT_EQ(TIMES, self->value[0].value);
	ASSERT_EQ(1, perfring_events_read_target(self->events, 1, self->value, 4));
	EXPECT_EQ(0, self->value[0].value);
	ASSERT_TRUE(child_run(&child[1]));
	ASSERT_EQ(1, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(2 * TIMES, self->value[0].value);
	/* Nobody is left. */
	perfring_events_close(self->events);
	self->events = NULL;
	EXPECT_EQ(-ESRCH, perfring_events_open(self->specs, &self->opts, &self->events));
}

/*
 * A task on two CPUs by turns.  The event of one of them was on the PMU a part of
 * the time: what it says is less than the truth, and is scaled.  Both together have the truth
 * itself, and before the task has been on the second CPU, that one's count is not 0 but unknown.
 */
TEST_F(events, part_of_the_time)
{
	int second = second_cpu();
	unsigned int cpus[2] = { 0, (unsigned int)second };
	const struct perfring_count_value *value = self->value;

	NEED_BREAKPOINTS();
	if (second < 0)
		SKIP(return, "one CPU");
	self->opts.cpus = cpus;
	self->opts.nr_cpus = 2;
	snprintf(self->text, sizeof(self->text), "mem:%p/" WORD ":w:u", (void *)&watched[0]);
	ASSERT_EQ(0, pin_to(0));
	OPEN();
	ASSERT_EQ(0, perfring_events_enable(self->events));
	store(TIMES);
	pass_time();
	ASSERT_EQ(1, perfring_events_read_target(self->events, 1, self->value, 4));
	EXPECT_EQ(PERFRING_COUNT_NONE, value->state);
	EXPECT_LT(0, value->enabled);
	EXPECT_EQ(0, value->running);
	EXPECT_EQ(0, value->scaled);
	ASSERT_EQ(0, pin_to(second));
	store(2 * TIMES);
	pass_time();
	ASSERT_EQ(0, perfring_events_disable(self->events));
	ASSERT_EQ(1, perfring_events_read_target(self->events, 0, self->value, 4));
	EXPECT_EQ(PERFRING_COUNTED, value->state);
	EXPECT_EQ(TIMES, value->value);
	EXPECT_LT(value->running, value->enabled);
	EXPECT_LT(TIMES, value->scaled);
	/* By the definition, in floating point. */
	EXPECT_GE(1, (double)TIMES * (double)value->enabled / (double)value->running -
		     (double)value->scaled);
	ASSERT_EQ(1, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(3 * TIMES, value->value);
	EXPECT_LE(value->running, value->enabled);
}

/* More counters than the processor has: they take turns, and one estimate is as good as another. */
TEST_F(events, counters_take_turns)
{
	struct perfring_count_value value[24];
	uint64_t low = UINT64_MAX, high = 0, part = 0;
	volatile uint64_t sum = 0;
	int len = 0;

	for (size_t i = 0; i < ARRAY_LEN(value); i++)
		len += snprintf(self->text + len, sizeof(self->text) - (size_t)len, "%sbranches:u",
				i ? "," : "");
	ASSERT_EQ(0, perfring_event_parse(self->text, NULL, &self->specs, NULL));
	if (perfring_events_open(self->specs, &self->opts, &self->events))
		SKIP(return, "no hardware counters: error %d", self->failure.error);
	ASSERT_EQ(0, perfring_events_enable(self->events));
	for (uint64_t i = 0; i < 400000000; i++)
		sum += i;
	(void)sum;
	ASSERT_EQ(0, perfring_events_disable(self->events));
	ASSERT_EQ(24, perfring_events_read(self->events, value, 24));
	for (size_t i = 0; i < ARRAY_LEN(value); i++) {
		part += value[i].running < value[i].enabled;
		if (value[i].state != PERFRING_COUNTED)
			continue;
		low = value[i].scaled < low ? value[i].scaled : low;
		high = value[i].scaled > high ? value[i].scaled : high;
	}
	EXPECT_LT(0, part);
	EXPECT_LE(high, 2 * low);
}

/* All tasks of the CPUs, and all tracepoints that a star names. */
TEST_F(events, all_tasks_of_all_cpus)
{
	struct child child;
	char why[WHY_LEN];
	pid_t pid;
	int cpu;

	if (!tracefs_here(why, sizeof(why)))
		SKIP(return, "%s", why);
	self->opts.pids = NULL;
	self->opts.nr_pids = 0;
	strcpy(self->text, "raw_syscalls:sys_*");
	ASSERT_TRUE(child_start(&child, ask_parent));
	OPEN();
	EXPECT_LE(cpu_count_online(), (int)perfring_events_targets(self->events));
	ASSERT_EQ(0, perfring_events_target(self->events, 0, &pid, &cpu));
	EXPECT_EQ(-1, pid);
	EXPECT_EQ(0, cpu);
	snprintf(self->text, sizeof(self->text), "id == %d", SYS_getppid);
	ASSERT_EQ(0, perfring_events_set_filter(self->events, 0, self->text));
	ASSERT_EQ(0, perfring_events_set_filter(self->events, 1, self->text));
	ASSERT_EQ(0, perfring_events_enable(self->events));
	ASSERT_TRUE(child_run(&child));
	ASSERT_EQ(2, perfring_events_read(self->events, self->value, 4));
	/* Others may ask for their parents, too. */
	EXPECT_LE(TIMES, self->value[0].value);
	EXPECT_LE(TIMES, self->value[1].value);
}

/* Where a version 2 hierarchy is: found, or mounted there for this process alone. */
static bool cgroup_root(char *path, size_t len)
{
	char line[1024], point[256], kind[32];
	FILE *mounts = fopen("/proc/mounts", "r");
	bool found = false;

	while (mounts && !found && fgets(line, sizeof(line), mounts))
		if (sscanf(line, "%*s %255s %31s", point, kind) == 2 && !strcmp(kind, "cgroup2")) {
			snprintf(path, len, "%s", point);
			found = true;
		}
	if (mounts)
		fclose(mounts);
	if (found)
		return true;
	snprintf(path, len, "/tmp/perfring-cgroup-XXXXXX");
	return mkdtemp(path) && !unshare(CLONE_NEWNS) &&
	       !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("cgroup2", path, "cgroup2", 0, NULL);
}

/* Two tasks do the same; the one in the cgroup is counted. */
TEST_F(events, cgroup)
{
	char root[256], path[300], procs[320], pid[16];
	struct child child[2];

	NEED_BREAKPOINTS();
	if (!cgroup_root(root, sizeof(root)))
		SKIP(return, "no hierarchy of cgroups: error %d", errno);
	snprintf(path, sizeof(path), "%s/perfring-events-%d", root, getpid());
	/*
	 * Where nobody has set up anything yet, as in a guest, a cgroup gets perf's part when
	 * something else is enabled for it.
	 */
	snprintf(procs, sizeof(procs), "%s/cgroup.subtree_control", root);
	file_write(procs, "+pids");
	if (mkdir(path, 0755))
		SKIP(return, "%s: error %d", path, errno);
	ASSERT_TRUE(child_start(&child[0], store_times));
	ASSERT_TRUE(child_start(&child[1], store_times));
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	snprintf(pid, sizeof(pid), "%d", child[0].pid);
	ASSERT_EQ(0, file_write(procs, pid));
	self->opts.pids = NULL;
	self->opts.nr_pids = 0;
	self->opts.cgroup = path;
	snprintf(self->text, sizeof(self->text), "mem:%p/" WORD ":w:u", (void *)&watched[0]);
	OPEN();
	ASSERT_EQ(0, perfring_events_enable(self->events));
	EXPECT_TRUE(child_run(&child[1]));
	ASSERT_EQ(1, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(0, self->value[0].value);
	EXPECT_TRUE(child_run(&child[0]));
	ASSERT_EQ(1, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(PERFRING_COUNTED, self->value[0].state);
	EXPECT_EQ(TIMES, self->value[0].value);
	perfring_events_close(self->events);
	self->events = NULL;
	EXPECT_EQ(0, rmdir(path));
	EXPECT_EQ(-ENOENT, perfring_events_open(self->specs, &self->opts, &self->events));
}

/* A PMU that knows no exclude bits gets none that the text did not ask for. */
TEST_F(events, a_pmu_without_exclusion)
{
	if (!has_pmu("msr"))
		SKIP(return, "this machine has no PMU msr");
	strcpy(self->text, "msr/tsc/");
	OPEN();
	EXPECT_TRUE(attr_of(self->events, 0)->exclude_guest == 0);
	ASSERT_EQ(0, perfring_events_enable(self->events));
	ASSERT_EQ(1, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(PERFRING_COUNTED, self->value[0].state);
}

#ifdef __x86_64__
/* x86 cannot watch reads alone: an event that this machine does not have. */
TEST_F(events, what_is_not_there_is_said)
{
	snprintf(self->text, sizeof(self->text), "faults,mem:%p/" WORD ":r:u", (void *)&watched[0]);
	ASSERT_EQ(0, perfring_event_parse(self->text, NULL, &self->specs, NULL));
	EXPECT_EQ(-EINVAL, perfring_events_open(self->specs, &self->opts, &self->events));
	EXPECT_EQ(NULL, self->events);
	EXPECT_EQ(1, self->failure.index);
	EXPECT_EQ(-EINVAL, self->failure.error);
	EXPECT_EQ(0, self->failure.pid);
	EXPECT_EQ(-1, self->failure.cpu);
	self->opts.optional = 1;
	ASSERT_EQ(0, perfring_events_open(self->specs, &self->opts, &self->events));
	EXPECT_EQ(NULL, perfring_events_storage(self->events, 1, 0));
	ASSERT_EQ(2, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(PERFRING_COUNT_UNSUPPORTED, self->value[1].state);
	EXPECT_EQ(-EINVAL, self->value[1].error);
}
#endif

TEST_F(events, options_are_checked)
{
	const unsigned int cpu = 0, none = UINT32_MAX;
	struct perfring_events_opts opts;

	ASSERT_EQ(0, perfring_event_parse("dummy", NULL, &self->specs, NULL));
#define REFUSED(...)								\
	do {									\
		opts = self->opts;						\
		__VA_ARGS__;							\
		EXPECT_EQ(-EINVAL, perfring_events_open(self->specs, &opts, &self->events)) { \
			TH_LOG("%s", #__VA_ARGS__);				\
		}								\
		EXPECT_EQ(NULL, self->events);					\
	} while (0)
	REFUSED(opts.size = 0);
	REFUSED(opts.nr_pids = 0);
	REFUSED(opts.pids = NULL);
	REFUSED(opts.cpus = &cpu);
	REFUSED(opts.nr_cpus = 1);
	REFUSED(opts.cgroup = "/");
	REFUSED(opts.period = 1, opts.frequency = 1);
	REFUSED(opts.watermark = 1, opts.wakeup_events = 1);
	REFUSED(opts.track = 1);
	REFUSED(opts.padding[5] = 1);
	REFUSED(opts.pids = NULL, opts.nr_pids = 0, opts.enable_on_exec = 1);
	/* No CPU, and -1 to the kernel. */
	REFUSED(opts.cpus = &none, opts.nr_cpus = 1);
	REFUSED(opts.sampling = 1, opts.pages = 3);
	ASSERT_EQ(0, perfring_events_open(self->specs, NULL, &self->events));
	EXPECT_EQ(1, perfring_events_count(self->events));
	EXPECT_EQ(1, perfring_events_targets(self->events));
	EXPECT_EQ(0, perfring_events_rings(self->events));
	EXPECT_EQ(NULL, perfring_events_ring(self->events, 0));
	EXPECT_NE(NULL, perfring_events_format(self->events, 0));
	EXPECT_EQ(NULL, perfring_events_format(self->events, 1));
}

TEST_HARNESS_MAIN
