// SPDX-License-Identifier: GPL-2.0
/*
 * Counters: numbers that the test knows beforehand, states that say what a zero means, and
 * refusals that say why.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fixtures.h"

#define PARANOID	"/proc/sys/kernel/perf_event_paranoid"
#define PAGES		300
#define NO_TYPE		0x7ffffff0	/* of no PMU */

/* A sanitizer's memory faults as well. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EXACT	false
#else
#define EXACT	true
#endif

static struct perf_event_attr software(uint64_t config)
{
	return (struct perf_event_attr){
		.size = sizeof(struct perf_event_attr),
		.type = PERF_TYPE_SOFTWARE, .config = config,
	};
}

/* @pages faults: pages that nobody had. */
static void touch(size_t pages)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, pages * size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return;
	madvise(memory, pages * size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < pages; i++)
		((volatile char *)memory)[i * size] = 1;
	munmap(memory, pages * size);
}

FIXTURE(count) {
	struct perfring_count *count;
};

FIXTURE_SETUP(count)
{
	touch(1);
}

FIXTURE_TEARDOWN(count)
{
	perfring_count_close(self->count);
}

FIXTURE_VARIANT(count) {
	bool group;
};

FIXTURE_VARIANT_ADD(count, group) {
	.group = true,
};

FIXTURE_VARIANT_ADD(count, independent) {
	.group = false,
};

#define OPEN(attrs, pid, cpu, ...)						\
	({									\
		struct perfring_count_opts opts_ = {				\
			.size = sizeof(opts_), .group = variant->group, __VA_ARGS__	\
		};								\
		perfring_count_open(attrs, ARRAY_LEN(attrs), pid, cpu, &opts_, &self->count);	\
	})

/*
 * PAGES new pages are as many faults, all minor, none major.  What stopped counters miss is
 * missing, and reset takes off all, the times too.
 */
TEST_F(count, faults)
{
	struct perf_event_attr attrs[] = {
		software(PERF_COUNT_SW_PAGE_FAULTS), software(PERF_COUNT_SW_PAGE_FAULTS_MIN),
		software(PERF_COUNT_SW_PAGE_FAULTS_MAJ),
	};
	struct perfring_count_value v[3], after[3];

	ASSERT_EQ(0, OPEN(attrs, 0, -1));
	ASSERT_EQ(3, perfring_count_nr(self->count));
	pass_time();		/* its own pages are there from now on */
	for (unsigned int round = 1; round <= 2; round++) {
		ASSERT_EQ(0, perfring_count_start(self->count));
		touch(PAGES);
		pass_time();
		ASSERT_EQ(0, perfring_count_stop(self->count));
		touch(PAGES);
		ASSERT_EQ(3, perfring_count_read(self->count, v, 3));
		for (int i = 0; i < 3; i++) {
			EXPECT_EQ(PERFRING_COUNTED, v[i].state);
			EXPECT_EQ(v[i].value, v[i].scaled);
			EXPECT_EQ(v[i].enabled, v[i].running);
			EXPECT_LT(0, v[i].running);
		}
		EXPECT_LE(round * PAGES, v[0].value);
		if (EXACT)
			EXPECT_EQ(round * PAGES, v[0].value);
		EXPECT_EQ(v[0].value, v[1].value);
		EXPECT_EQ(0, v[2].value);
	}
	/* Stopped is stopped. */
	ASSERT_EQ(3, perfring_count_read(self->count, after, 3));
	EXPECT_EQ(0, memcmp(v, after, sizeof(v)));
	ASSERT_EQ(0, perfring_count_reset(self->count));
	ASSERT_EQ(2, perfring_count_read(self->count, after, 2));
	EXPECT_EQ(PERFRING_COUNT_NONE, after[0].state);
	EXPECT_EQ(0, after[0].value + after[0].enabled + after[0].running);
	ASSERT_EQ(0, perfring_count_start(self->count));
	touch(7);
	ASSERT_EQ(0, perfring_count_read_one(self->count, 1, &v[1]));
	EXPECT_LE(7, v[1].value);
	EXPECT_GT(PAGES, v[1].value);
	EXPECT_EQ(0, perfring_count_now(self->count, 0, &v[0].value));
	EXPECT_GE(v[0].value, v[1].value);
	EXPECT_EQ(-EINVAL, perfring_count_read_one(self->count, 3, v));
	EXPECT_EQ(-EINVAL, perfring_count_now(self->count, 3, &v[0].value));
}

/* Every event alone, by the shortest way: the same number for the first and for the last. */
TEST_F(count, now)
{
	struct perf_event_attr attrs[] = {
		software(PERF_COUNT_SW_PAGE_FAULTS), software(PERF_COUNT_SW_PAGE_FAULTS),
		software(PERF_COUNT_SW_PAGE_FAULTS),
	};
	uint64_t before, value[3];

	ASSERT_EQ(0, OPEN(attrs, 0, -1));
	/* Never started: not 0. */
	EXPECT_EQ(-ENODATA, perfring_count_now(self->count, 0, &value[0]));
	ASSERT_EQ(0, perfring_count_start(self->count));
	pass_time();
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_EQ(0, perfring_count_now(self->count, i, &before));
		touch(PAGES);
		ASSERT_EQ(0, perfring_count_now(self->count, i, &value[i]));
		EXPECT_LE(PAGES, value[i] - before);
		if (EXACT)
			EXPECT_EQ(PAGES, value[i] - before);
	}
}

struct pong {
	int to[2], from[2];
	int rounds;
};

static void *pong(void *arg)
{
	struct pong *p = arg;
	char c;

	for (int i = 0; i < p->rounds; i++)
		if (read(p->to[0], &c, 1) != 1 || write(p->from[1], &c, 1) != 1)
			return (void *)1;
	return NULL;
}

/*
 * Each of ROUNDS pings finds the pipe empty when the other thread is on the same CPU and
 * has not run yet: the thread sleeps, which is a switch. Pinned, it does not migrate.
 */
#define ROUNDS	200
TEST_F(count, switches)
{
	struct perf_event_attr attrs[] = {
		software(PERF_COUNT_SW_CONTEXT_SWITCHES), software(PERF_COUNT_SW_CPU_MIGRATIONS),
	};
	struct perfring_count_value v[2];
	struct pong p = { .rounds = ROUNDS };
	pthread_t thread;
	void *failed;
	char c = 0;

	ASSERT_EQ(0, pin_to(0));
	ASSERT_EQ(0, pipe(p.to));
	ASSERT_EQ(0, pipe(p.from));
	ASSERT_EQ(0, OPEN(attrs, 0, -1));
	ASSERT_EQ(0, pthread_create(&thread, NULL, pong, &p));
	ASSERT_EQ(0, perfring_count_start(self->count));
	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(1, write(p.to[1], &c, 1));
		ASSERT_EQ(1, read(p.from[0], &c, 1));
	}
	pass_time();
	ASSERT_EQ(0, perfring_count_stop(self->count));
	pthread_join(thread, &failed);
	EXPECT_EQ(NULL, failed);
	ASSERT_EQ(2, perfring_count_read(self->count, v, 2));
	/* One may fall to a preemption that comes before the read. */
	EXPECT_LE(ROUNDS, v[0].value);
	EXPECT_EQ(0, v[1].value);
	EXPECT_EQ(PERFRING_COUNTED, v[1].state);
}

/* There and back, N times: as many migrations, by an event that was not asked for the kernel's. */
TEST_F(count, migrations)
{
	struct perf_event_attr attrs[] = { software(PERF_COUNT_SW_CPU_MIGRATIONS) };
	struct perfring_count_value v[1];
	int other = second_cpu();

	if (other < 0)
		SKIP(return, "one CPU online");
	ASSERT_EQ(0, pin_to(0));
	ASSERT_EQ(0, OPEN(attrs, 0, -1));
	ASSERT_EQ(0, perfring_count_start(self->count));
	for (int i = 0; i < 20; i++)
		ASSERT_EQ(0, pin_to(i & 1 ? 0 : other));
	ASSERT_EQ(0, perfring_count_stop(self->count));
	ASSERT_EQ(1, perfring_count_read(self->count, v, 1));
	EXPECT_EQ(20, v[0].value);
}

/*
 * An event of another CPU: enabled while this thread runs, never running: not counted, which is
 * no 0.  Then half of the time there: the faults there exactly, the rest by estimate.
 */
TEST_F(count, part_of_the_time)
{
	struct perf_event_attr attrs[] = { software(PERF_COUNT_SW_PAGE_FAULTS) };
	struct perfring_count_value v[1];
	int other = second_cpu();

	if (other < 0)
		SKIP(return, "one CPU online");
	ASSERT_EQ(0, pin_to(0));
	ASSERT_EQ(0, OPEN(attrs, 0, other));
	ASSERT_EQ(0, perfring_count_start(self->count));
	touch(PAGES);
	pass_time();
	ASSERT_EQ(1, perfring_count_read(self->count, v, 1));
	EXPECT_EQ(PERFRING_COUNT_NONE, v[0].state);
	EXPECT_LT(0, v[0].enabled);
	EXPECT_EQ(0, v[0].running);
	EXPECT_EQ(0, v[0].scaled);
	ASSERT_EQ(0, pin_to(other));
	touch(PAGES);
	pass_time();
	ASSERT_EQ(0, pin_to(0));
	touch(PAGES);
	ASSERT_EQ(0, perfring_count_stop(self->count));
	ASSERT_EQ(1, perfring_count_read(self->count, v, 1));
	EXPECT_EQ(PERFRING_COUNTED, v[0].state);
	EXPECT_LE(PAGES, v[0].value);
	if (EXACT)
		EXPECT_EQ(PAGES, v[0].value);
	EXPECT_LT(0, v[0].running);
	EXPECT_LT(v[0].running, v[0].enabled);
	EXPECT_EQ(v[0].value * v[0].enabled / v[0].running, v[0].scaled);
}

/* A child that never ran has nothing to count. */
TEST_F(count, target_never_ran)
{
	struct perf_event_attr attrs[] = { software(PERF_COUNT_SW_PAGE_FAULTS) };
	struct perfring_count_value v[1];
	int go[2], status;
	pid_t child;
	char c;

	ASSERT_EQ(0, pipe(go));
	child = fork();
	if (!child) {
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		touch(PAGES);
		_exit(0);
	}
	sleep_ms(50);	/* it sleeps in read(2) */
	ASSERT_EQ(0, OPEN(attrs, child, -1));
	ASSERT_EQ(0, perfring_count_start(self->count));
	sleep_ms(20);
	ASSERT_EQ(1, perfring_count_read(self->count, v, 1));
	EXPECT_EQ(PERFRING_COUNT_NONE, v[0].state);
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	/* It has gone; what it did stays. */
	ASSERT_EQ(1, perfring_count_read(self->count, v, 1));
	EXPECT_EQ(PERFRING_COUNTED, v[0].state);
	EXPECT_LE(PAGES, v[0].value);
}

/* From exec on, and the children. Reset takes off a child that has gone. */
TEST_F(count, exec_and_inherit)
{
	struct perf_event_attr attrs[] = { software(PERF_COUNT_SW_PAGE_FAULTS) };
	struct perfring_count_value v[1];
	struct perfring_count_info info;
	int go[2], status;
	pid_t child;
	char c;

	attrs[0].inherit = 1;
	attrs[0].enable_on_exec = 1;
	ASSERT_EQ(0, pipe(go));
	child = fork();
	if (!child) {
		if (read(go[0], &c, 1) == 1)
			execl("/bin/sh", "sh", "-c", "true; (true)", NULL);
		_exit(127);
	}
	ASSERT_EQ(0, OPEN(attrs, child, -1));
	ASSERT_EQ(0, perfring_count_info(self->count, 0, &info));
	EXPECT_EQ(PERFRING_METHOD_OTHER, info.method);
	ASSERT_EQ(1, perfring_count_read(self->count, v, 1));
	EXPECT_EQ(PERFRING_COUNT_NONE, v[0].state);
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(1, perfring_count_read(self->count, v, 1));
	EXPECT_EQ(PERFRING_COUNTED, v[0].state);
	EXPECT_LT(10, v[0].value);	/* no program starts with fewer */
	ASSERT_EQ(0, perfring_count_reset(self->count));
	ASSERT_EQ(1, perfring_count_read(self->count, v, 1));
	EXPECT_EQ(0, v[0].value);
}

/* In a child of fork(2) the counters' pages are gone: read(2), the parent's counts, no fault. */
TEST_F(count, fork)
{
	struct perf_event_attr attrs[] = {
		software(PERF_COUNT_SW_PAGE_FAULTS),
		{ .type = PERF_TYPE_HARDWARE, .config = PERF_COUNT_HW_INSTRUCTIONS,
		  .exclude_kernel = 1 },
	};
	struct perfring_count_value v[2], child_saw[2];
	int status, answer[2];
	pid_t child;

	ASSERT_EQ(0, OPEN(attrs, 0, -1, .optional = 1, .self = PERFRING_SELF_ON));
	ASSERT_EQ(0, pipe(answer));
	ASSERT_EQ(0, perfring_count_start(self->count));
	touch(PAGES);
	ASSERT_EQ(0, perfring_count_stop(self->count));
	child = fork();
	if (!child) {
		status = perfring_count_read(self->count, v, 2) != 2 ||
			 write(answer[1], v, sizeof(v)) != sizeof(v);
		perfring_count_close(self->count);
		_exit(status);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(sizeof(child_saw), read(answer[0], child_saw, sizeof(child_saw)));
	ASSERT_EQ(2, perfring_count_read(self->count, v, 2));
	EXPECT_EQ(0, memcmp(v, child_saw, sizeof(v)));
	EXPECT_LE(PAGES, v[0].value);
}

/* The first, the middle and the last of a set that this machine lacks: the others count. */
TEST_F(count, unsupported)
{
	struct perf_event_attr attrs[5] = {
		{ .type = NO_TYPE }, software(PERF_COUNT_SW_PAGE_FAULTS),
		{ .type = NO_TYPE, .config = 1 },
		software(PERF_COUNT_SW_PAGE_FAULTS_MIN), { .type = NO_TYPE },
	};
	static const char *const names[5] = { "one", "two", NULL, "four", "five" };
	struct perfring_count_report report;
	struct perfring_count_info info;
	struct perfring_count_value v[5];
	unsigned int failed = 99;
	char text[2000];

	EXPECT_EQ(-ENOENT, OPEN(attrs, 0, -1, .failed = &failed));
	EXPECT_EQ(0, failed);
	EXPECT_EQ(NULL, self->count);
	ASSERT_EQ(0, OPEN(attrs, 0, -1, .optional = 1, .names = names));
	ASSERT_EQ(0, perfring_count_start(self->count));
	touch(PAGES);
	ASSERT_EQ(0, perfring_count_stop(self->count));
	ASSERT_EQ(5, perfring_count_read(self->count, v, 5));
	for (unsigned int i = 0; i < 5; i += 2) {
		EXPECT_EQ(PERFRING_COUNT_UNSUPPORTED, v[i].state);
		EXPECT_EQ(-ENOENT, v[i].error);
		EXPECT_EQ(-ENOENT, perfring_count_now(self->count, i, &v[i].value));
		ASSERT_EQ(0, perfring_count_info(self->count, i, &info));
		EXPECT_EQ(-1, info.fd);
		EXPECT_EQ(-ENOENT, info.error);
		EXPECT_EQ(PERFRING_METHOD_CLOSED, info.method);
	}
	for (unsigned int i = 1; i < 5; i += 2) {
		EXPECT_EQ(PERFRING_COUNTED, v[i].state);
		EXPECT_LE(PAGES, v[i].value);
	}
	EXPECT_EQ(v[1].value, v[3].value);
	ASSERT_EQ(0, perfring_count_info(self->count, 1, &info));
	EXPECT_STREQ("two", info.name);
	ASSERT_EQ(0, perfring_count_info(self->count, 2, &info));
	EXPECT_STREQ("type 2147483632 config 0x1", info.name);
	EXPECT_EQ(-EINVAL, perfring_count_info(self->count, 5, &info));

	ASSERT_EQ(0, perfring_count_explain(&attrs[2], 0, -1, -ENOENT, &report));
	EXPECT_EQ(PERFRING_CAUSE_NO_EVENT, report.cause);
	EXPECT_EQ(0, report.kernel_pmu);
	EXPECT_LT(0, perfring_count_format(&report, info.name, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "type 2147483632 config 0x1"));
	EXPECT_NE(NULL, strstr(text, "not on this machine: no PMU of this kind"));
}

/* Without hardware counters (an emulated guest) the hardware set says so, and never 0. */
TEST_F(count, hardware_or_not)
{
	struct perf_event_attr attrs[PERF_COUNT_HW_MAX] = {};
	struct perfring_count_value v[PERF_COUNT_HW_MAX];
	struct perfring_count_report report;

	for (unsigned int i = 0; i < PERF_COUNT_HW_MAX; i++)
		attrs[i] = (struct perf_event_attr){ .type = PERF_TYPE_HARDWARE, .config = i };
	ASSERT_EQ(0, OPEN(attrs, 0, -1, .optional = 1, .user_only = 1));
	ASSERT_EQ(0, perfring_count_start(self->count));
	touch(PAGES);
	ASSERT_EQ(0, perfring_count_stop(self->count));
	ASSERT_EQ(PERF_COUNT_HW_MAX, perfring_count_read(self->count, v, PERF_COUNT_HW_MAX));
	ASSERT_EQ(0, perfring_count_explain(&attrs[0], 0, -1, v[0].error, &report));
	for (unsigned int i = 0; i < PERF_COUNT_HW_MAX; i++) {
		if (!report.kernel_pmu) {
			EXPECT_EQ(PERFRING_COUNT_UNSUPPORTED, v[i].state);
			EXPECT_EQ(-ENOENT, v[i].error);
		} else if (v[i].state == PERFRING_COUNTED && i <= PERF_COUNT_HW_INSTRUCTIONS) {
			EXPECT_LT(1000, v[i].value);
		}
	}
}

/* What is wrong with the options is not the kernel's to say. */
TEST_F(count, options)
{
	struct perf_event_attr attrs[] = { software(PERF_COUNT_SW_DUMMY) };
	struct {
		struct perfring_count_opts opts;
		uint64_t more;
	} newer = { .opts.size = sizeof(newer) };

	EXPECT_EQ(-EINVAL, perfring_count_open(NULL, 1, 0, -1, NULL, &self->count));
	EXPECT_EQ(-EINVAL, perfring_count_open(attrs, 0, 0, -1, NULL, &self->count));
	EXPECT_EQ(-EINVAL, OPEN(attrs, 0, -1, .self = 3));
	newer.more = 1;
	EXPECT_EQ(-E2BIG, perfring_count_open(attrs, 1, 0, -1, &newer.opts, &self->count));
	newer.more = 0;
	EXPECT_EQ(0, perfring_count_open(attrs, 1, 0, -1, &newer.opts, &self->count));
}

static void *read_elsewhere(void *arg)
{
	struct perfring_count_value v;

	return (void *)(uintptr_t)(perfring_count_read(arg, &v, 1) == 1 ? v.value : 0);
}

/* Another thread reads what this one did. */
TEST_F(count, other_thread)
{
	struct perf_event_attr attrs[] = { software(PERF_COUNT_SW_PAGE_FAULTS) };
	pthread_t thread;
	void *value;

	ASSERT_EQ(0, OPEN(attrs, 0, -1, .self = PERFRING_SELF_ON));
	ASSERT_EQ(0, perfring_count_start(self->count));
	touch(PAGES);
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_elsewhere, self->count));
	pthread_join(thread, &value);
	EXPECT_LE(PAGES, (uintptr_t)value);
}

TEST_HARNESS_MAIN
