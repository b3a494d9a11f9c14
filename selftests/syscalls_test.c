// SPDX-License-Identifier: GPL-2.0
/*
 * The source syscalls: entry and return in pairs, filters, tasks that move and
 * exit, and perf's two tracepoints as the oracle.
 */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include "syscalls.h"

/*
 * 100 calls of getppid(2) by this process make 100 records with all that is known
 * of them, also beside read(2)s, which nobody asked for.
 */
TEST_F(syscalls, pid_and_nr)
{
	struct perf_event_attr attr = syscalls_attr(getpid(), SYS_getppid);
	struct perfring_syscalls_payload payload;
	uint64_t from, to, last = 0;
	char comm[16] = {};
	int i;

	ASSERT_EQ(PERFRING_SOURCE_SYSCALLS, source_id("syscalls"));
	ASSERT_EQ(0, prctl(PR_SET_NAME, "caller"));
	memcpy(comm, "caller", 6);
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 16));
	from = now_ns();
	for (i = 0; i < N; i++) {
		syscall(SYS_getppid);
		EXPECT_EQ(-1, read(-1, comm, 1));
	}
	to = now_ns();
	for (i = 0; i < N; i++) {
		ASSERT_TRUE(next(&self->raw, self->buf, &payload)) {
			TH_LOG("record %d", i);
		}
		EXPECT_EQ(SYS_getppid, payload.nr);
		EXPECT_EQ(getppid(), payload.ret);
		EXPECT_EQ(getpid(), payload.pid);
		EXPECT_EQ(syscall(SYS_gettid), payload.tid);
		EXPECT_EQ(0, payload.flags);
		EXPECT_EQ(0, memcmp(comm, payload.comm, sizeof(comm)));
		EXPECT_LE(from, payload.enter);
		EXPECT_LE(last, payload.enter);
		last = payload.enter + payload.duration;
		EXPECT_LE(payload.enter, last);
		EXPECT_LE(last, to);
	}
}

/* Number 0, read(2), can be asked for. */
TEST_F(syscalls, number_zero)
{
	struct perf_event_attr attr = syscalls_attr(getpid(), 0);
	struct perfring_syscalls_payload payload;
	char byte;
	int i;

	if (SYS_read)
		SKIP(return, "number 0 is not read(2) here");
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 16));
	for (i = 0; i < N; i++) {
		EXPECT_EQ(-1, read(-1, &byte, 1));
		syscall(SYS_getppid);
	}
	for (i = 0; i < N; i++) {
		ASSERT_TRUE(next(&self->raw, self->buf, &payload));
		EXPECT_EQ(0, payload.nr);
		EXPECT_EQ(-EBADF, payload.ret);
	}
	EXPECT_FALSE(next(&self->raw, self->buf, &payload));
}

/*
 * Without a number all calls of the process, in order: these three, then the ioctl
 * that ends it, which is still inside. The ioctl that began it was entered
 * before anybody listened.
 */
TEST_F(syscalls, pid_alone)
{
	struct perf_event_attr attr = syscalls_attr(getpid(), -1);
	struct perfring_syscalls_payload payload[4];
	int n = 0;

	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 16));
	syscall(SYS_getppid);
	close(-1);
	syscall(SYS_gettid);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	while (n < 4 && next(&self->raw, self->buf, &payload[n]))
		n++;
	ASSERT_EQ(3, n);
	EXPECT_EQ(SYS_getppid, payload[0].nr);
	EXPECT_EQ(SYS_close, payload[1].nr);
	EXPECT_EQ(-EBADF, payload[1].ret);
	EXPECT_EQ(SYS_gettid, payload[2].nr);
	EXPECT_EQ(getpid(), payload[2].ret);
}

/* A sleep takes at least what was asked for, and no more than a clock outside says. */
TEST_F(syscalls, duration)
{
	struct perf_event_attr attr = syscalls_attr(getpid(), SYS_clock_nanosleep);
	struct perfring_syscalls_payload payload;
	struct timespec ts = { 0, 5000000 };
	uint64_t from, to;

	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 1));
	from = now_ns();
	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, NULL);
	to = now_ns();
	ASSERT_TRUE(next(&self->raw, self->buf, &payload));
	EXPECT_LE(5000000, payload.duration);
	EXPECT_LE(payload.duration, to - from);
	EXPECT_EQ(0, payload.ret);
}

/*
 * sched_setaffinity(2) that leaves no way but to the other CPU begins here and
 * ends there: it is told of there, and only there.
 */
TEST_F(syscalls, moves)
{
	struct perf_event_attr attr = syscalls_attr(getpid(), SYS_sched_setaffinity);
	struct perfring_syscalls_payload payload;
	int other = second_cpu(), fd, i;
	struct raw raw;

	if (other < 0)
		SKIP(return, "one CPU online: nowhere to go");
	fd = device_open(other);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 1));
	ASSERT_EQ(0, source_start(&raw, fd, &attr, 1));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, pin_to(i & 1 ? 0 : other));
		EXPECT_TRUE(next(i & 1 ? &self->raw : &raw, self->buf, &payload)) {
			TH_LOG("move %d", i);
		}
		EXPECT_EQ(SYS_sched_setaffinity, payload.nr);
		EXPECT_EQ(0, payload.ret);
		EXPECT_EQ(0, raw_next(&self->raw, self->buf));
		EXPECT_EQ(0, raw_next(&raw, self->buf));
	}
	raw_unmap(&raw);
	close(fd);
}

/*
 * 100 children, whose task structures the kernel soon uses again: a record each
 * for the parent's clone3(2), with the child as its result; none for the child's
 * return from it, and none for exit_group(2), which does not return.
 */
TEST_F_TIMEOUT(syscalls, fork_and_exit, 100)
{
	struct perf_event_attr attr = syscalls_attr(0, SYS_clone3);
	struct perf_event_attr exits = syscalls_attr(0, SYS_exit_group);
	/* Whose arguments have one order on all machines, which clone(2)'s have not. */
	struct clone_args args = { .exit_signal = SIGCHLD };
	struct perfring_syscalls_payload payload;
	struct raw raw;
	pid_t child[N];
	int fd, i;

	fd = device_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 16));
	ASSERT_EQ(0, source_start(&raw, fd, &exits, 16));
	for (i = 0; i < N; i++) {
		child[i] = syscall(SYS_clone3, &args, sizeof(args));
		if (!child[i])
			_exit(0);
		ASSERT_EQ(child[i], waitpid(child[i], NULL, 0));
	}
	for (i = 0; i < N;) {
		ASSERT_TRUE(next(&self->raw, self->buf, &payload));
		EXPECT_NE(0, payload.ret);
		if (payload.pid != getpid())
			continue;
		EXPECT_EQ(child[i], payload.ret);
		i++;
	}
	EXPECT_EQ(0, raw_next(&raw, self->buf));
	raw_unmap(&raw);
	close(fd);
}

/* pid is that of the opener's namespace, in the filter and in the records. */
TEST_F(syscalls, pid_namespace)
{
	struct perfring_syscalls_payload payload;
	struct perf_event_attr attr;
	int fd, status;
	pid_t child;

	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (getpid() != 1)
			_exit(2);
		fd = device_open(0);
		attr = syscalls_attr(1, SYS_getppid);
		if (source_start(&self->raw, fd, &attr, 1))
			_exit(3);
		syscall(SYS_getppid);
		if (!next(&self->raw, self->buf, &payload))
			_exit(4);
		_exit(payload.pid == 1 && payload.tid == 1 && !payload.ret ? 0 : 5);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* What an attr may not say, and who may not ask. */
TEST_F(syscalls, refused)
{
	static const uint64_t bad[][2] = {
		{ 1ULL << 31, 0 }, { 1ULL << 32, 0 }, { 0, 1 }, { 0, UINT32_MAX },
		{ 0, 1ULL << 33 }, { 0, PERFRING_SYSCALLS_BY_NR | 1ULL << 33 }, { 0, 1ULL << 63 },
	};
	struct perf_event_attr attr = syscalls_attr(0, -1);
	unsigned int i;
	pid_t child;
	int status;

	attr.type = pmu_type();
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		attr.config1 = bad[i][0];
		attr.config2 = bad[i][1];
		EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr)) {
			TH_LOG("case %u", i);
		}
	}
	attr.config1 = INT32_MAX;
	attr.config2 = PERFRING_SYSCALLS_BY_NR | UINT32_MAX;
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (become_nobody())
			_exit(2);
		_exit(do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr) != -EACCES);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

struct call {
	int64_t tid;
	int64_t nr;
	int64_t ret;
};

static void ignore(int sig)
{
}

/*
 * Calls that succeed and fail, one that a signal interrupts with a handler that
 * calls in turn, and the handler's return, whose number the kernel forgets.
 */
static void *mixture(void *arg)
{
	struct timespec ts = { 0, 100000 };
	int i;

	*(pid_t *)arg = syscall(SYS_gettid);
	for (i = 0; i < 60; i++) {
		syscall(SYS_getppid);
		close(-1);
		nanosleep(&ts, NULL);
		syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
	}
	return NULL;
}

#define MOST	4000
#define EVENT	"/sys/kernel/tracing/events/raw_syscalls/"

/* The calls of these tasks, paired from perf's two tracepoints in one ring. */
static int perf_calls(struct raw *raw, void *buf, long enter_id, const pid_t tid[3],
		      struct call *calls)
{
	struct call inside[3];
	bool is_inside[3] = {};
	struct {
		struct perf_event_header header;
		uint32_t raw_size;
		uint16_t type;
		uint8_t flags, preempt_count;
		int32_t pid;
	} __attribute__((packed)) *record = buf;
	const int id = tracefs_offset("raw_syscalls/sys_enter", "id");
	const int ret = tracefs_offset("raw_syscalls/sys_exit", "ret");
	const char *entry = (char *)&record->type;
	long value;
	int n = 0, i;

	if (id < 0 || ret < 0)
		return -1;
	while (raw_next(raw, buf) > 0) {
		if (record->header.type != PERF_RECORD_SAMPLE || n == MOST)
			return -1;
		for (i = 0; i < 3 && record->pid != tid[i]; i++)
			;
		if (i == 3)
			continue;
		if (record->type == enter_id) {
			memcpy(&value, entry + id, sizeof(value));
			inside[i] = (struct call) { .tid = record->pid, .nr = value };
		} else if (is_inside[i]) {
			memcpy(&value, entry + ret, sizeof(value));
			calls[n] = inside[i];
			calls[n++].ret = value;
		}
		is_inside[i] = record->type == enter_id;
	}
	return n;
}

/*
 * The same calls as perf's sys_enter and sys_exit make in pairs, of this process on
 * CPU 0. perf listens longer on both sides; ours has to be found in its, in order,
 * without a gap: both write in the same place of the same call.
 */
TEST_F(syscalls, like_perf)
{
	static struct call perfs[MOST], ours[MOST];
	struct perf_event_attr attr = syscalls_attr(getpid(), -1), tracepoint = output_attr();
	struct perfring_syscalls_payload payload;
	int fd[2], i, first, n = 0, nr_perfs;
	long enter_id, exit_id;
	pid_t tid[3] = { getpid() };
	pthread_t thread[2];
	struct raw perf;
	char why[WHY_LEN];

	if (!tracefs_here(why, sizeof(why)))
		SKIP(return, "%s", why);
	signal(SIGUSR1, ignore);
	enter_id = file_long(EVENT "sys_enter/id", -1);
	exit_id = file_long(EVENT "sys_exit/id", -1);
	ASSERT_LT(0, enter_id);
	ASSERT_LT(0, exit_id);
	tracepoint.type = PERF_TYPE_TRACEPOINT;
	for (i = 0; i < 2; i++) {
		tracepoint.config = i ? exit_id : enter_id;
		fd[i] = perf_open(&tracepoint, -1, 0, -1);
		ASSERT_LE(0, fd[i]);
	}
	ASSERT_EQ(0, raw_map(&perf, fd[0], 128, 0));
	ASSERT_EQ(0, do_ioctl_word(fd[1], PERF_EVENT_IOC_SET_OUTPUT, fd[0]));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, do_ioctl(fd[i], PERF_EVENT_IOC_ENABLE, NULL));
	}
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 128));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, pthread_create(&thread[i], NULL, mixture, &tid[1 + i]));
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, do_ioctl(fd[i], PERF_EVENT_IOC_DISABLE, NULL));
	}

	while (n < MOST && next(&self->raw, self->buf, &payload))
		ours[n++] = (struct call) { payload.tid, payload.nr, payload.ret };
	nr_perfs = perf_calls(&perf, self->buf, enter_id, tid, perfs);
	raw_unmap(&perf);
	for (i = 0; i < 2; i++)
		close(fd[i]);
	/* Each round of each thread: getppid, close, nanosleep, gettid, tgkill, rt_sigreturn. */
	EXPECT_LE(2 * 60 * 6, n);
	for (first = 0; first + n <= nr_perfs; first++) {
		for (i = 0; i < n && !memcmp(&ours[i], &perfs[first + i], sizeof(*ours)); i++)
			;
		if (i == n)
			break;
	}
	EXPECT_LE(first + n, nr_perfs) {
		TH_LOG("our %d calls are not among perf's %d", n, nr_perfs);
	}
}

DEVICE_MAIN
