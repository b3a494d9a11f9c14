// SPDX-License-Identifier: GPL-2.0
/*
 * The source syscalls with many tasks: none missed while the table has room, all
 * that are missed counted when it has not, switched off and on under load.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include "syscalls.h"

#define MISSED	"/sys/bus/event_source/devices/perfring/missed/syscalls"

static void *caller(void *arg)
{
	int i;

	for (i = 0; i < N; i++)
		syscall(SYS_getppid);
	return NULL;
}

static int blocker[2];

/* Inside read(2) until the other end of the pipe is closed. */
static void *blocked(void *arg)
{
	char byte;

	return read(blocker[0], &byte, 1) ? blocker : NULL;
}

#define THREADS	200

/* How many threads are inside read(2) of the pipe? */
static int threads_reading(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	char path[64], text[256], call[32];
	int n = 0, len;

	len = snprintf(call, sizeof(call), "%d 0x%x ", SYS_read, blocker[0]);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%.16s/syscall", entry->d_name);
		if (file_read(path, text, sizeof(text)) > 0)
			n += !strncmp(text, call, len);
	}
	closedir(dir);
	return n;
}

static int threads_start(pthread_t thread[], void *(*fn)(void *))
{
	pthread_attr_t small;
	int i, err;

	/* All their stacks fit 32 bits. */
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 256 * 1024);
	for (i = 0, err = 0; i < THREADS && !err; i++)
		err = pthread_create(&thread[i], &small, fn, NULL);
	pthread_attr_destroy(&small);
	return -err;
}

/*
 * 200 threads, each with 100 calls, while 200 others are inside one: a record for
 * each call, none missed, and for the others one each when they come out.
 */
TEST_F_TIMEOUT(syscalls, many_tasks, 60)
{
	struct perf_event_attr attr = syscalls_attr(getpid(), SYS_getppid);
	struct perf_event_attr reads = syscalls_attr(getpid(), SYS_read);
	long missed = file_long(MISSED, -1);
	struct perfring_syscalls_payload payload;
	pthread_t inside[THREADS], thread[THREADS];
	struct raw raw;
	int fd, i, n = 0;
	void *wrong;

	ASSERT_LE(0, missed);
	fd = device_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(blocker));
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 512));
	ASSERT_EQ(0, source_start(&raw, fd, &reads, 16));
	ASSERT_EQ(0, threads_start(inside, blocked));
	ASSERT_EQ(0, threads_start(thread, caller));
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	close(blocker[1]);
	for (i = 0; i < THREADS; i++) {
		pthread_join(inside[i], &wrong);
		EXPECT_EQ(NULL, wrong);
	}
	while (next(&self->raw, self->buf, &payload))
		n++;
	EXPECT_EQ(THREADS * N, n);
	for (n = 0; next(&raw, self->buf, &payload); n += !payload.ret)
		;
	EXPECT_EQ(THREADS, n);
	EXPECT_EQ(missed, file_long(MISSED, -1));
	raw_unmap(&raw);
	close(fd);
	close(blocker[0]);
}

/*
 * A table of 32 places and 200 tasks inside read(2): at least 168 entries found no
 * place, which is counted, and those that come out with a record are at most 32.
 * Places are free again afterwards.
 */
TEST_F_TIMEOUT(syscalls, small_table, 60)
{
	struct perf_event_attr attr = syscalls_attr(getpid(), SYS_read);
	struct perfring_syscalls_payload payload;
	pthread_t inside[THREADS];
	char byte;
	int i, n = 0;

	if (!getenv("PERFRING_MODULE"))
		SKIP(return, "PERFRING_MODULE is not set: no module to load with a parameter");
	close(self->fd);
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load("syscall_slots=32"));
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pipe(blocker));
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 16));
	EXPECT_EQ(0, file_long(MISSED, -1));
	ASSERT_EQ(0, threads_start(inside, blocked));
	for (i = 0; i < 1000 && threads_reading() < THREADS; i++)
		sleep_ms(10);
	ASSERT_EQ(THREADS, threads_reading());
	EXPECT_LE(THREADS - 32, file_long(MISSED, -1));
	close(blocker[1]);
	for (i = 0; i < THREADS; i++)
		pthread_join(inside[i], NULL);
	while (next(&self->raw, self->buf, &payload))
		n += !payload.ret;
	EXPECT_GE(32, n);
	EXPECT_LT(0, n);
	for (i = 0; i < N; i++) {
		EXPECT_EQ(-1, read(-1, &byte, 1));
	}
	for (n = 0; next(&self->raw, self->buf, &payload); n += payload.ret == -EBADF)
		;
	EXPECT_EQ(N, n);
	close(blocker[0]);
	raw_unmap(&self->raw);
	close(self->fd);
	EXPECT_EQ(0, module_unload());
	EXPECT_EQ(0, module_load(""));
	self->fd = device_open(0);
}

static bool stop;

static void *hammer(void *arg)
{
	uint64_t end = now_ns() + 60000000000ULL;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED) && now_ns() < end)
		syscall(SYS_getppid);
	return NULL;
}

/*
 * Switched off and on while two CPUs call all the time, by one event for each, and
 * CPU 1 goes away and comes back under it: records are whole, off means off, and
 * the last switch still works.
 */
TEST_F_TIMEOUT(syscalls, switched_under_load, 60)
{
	struct perf_event_attr attr = syscalls_attr(0, SYS_getppid);
	struct perfring_syscalls_payload payload;
	int other = second_cpu(), fd, i, n = 0;
	pthread_t thread[2];
	struct raw raw;
	uint64_t head;

	if (other < 0)
		SKIP(return, "one CPU online: none to take offline");
	fd = device_open(other);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, source_start(&raw, fd, &attr, 16));
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 16));
	stop = false;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pin_to(i ? other : 0));
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, hammer, NULL));
	}
	ASSERT_EQ(0, pin_to(0));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
		EXPECT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL));
		head = raw_head(&self->raw);
		sleep_ms(2);
		EXPECT_EQ(head, raw_head(&self->raw));
		EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
		EXPECT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
		if (i == 10) {
			ASSERT_EQ(0, cpu_set_online(other, false));
			ASSERT_EQ(0, cpu_set_online(other, true));
		}
		for (head = raw_head(&self->raw); self->raw.tail - head > INT64_MAX; n++) {
			ASSERT_TRUE(next(&self->raw, self->buf, &payload));
			EXPECT_EQ(SYS_getppid, payload.nr);
		}
		raw_drop(&raw);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	EXPECT_LT(0, n);
	raw_drop(&raw);
	ASSERT_EQ(0, pin_to(other));
	syscall(SYS_getppid);
	EXPECT_TRUE(next(&raw, self->buf, &payload));
	raw_unmap(&raw);
	close(fd);
}

DEVICE_MAIN
