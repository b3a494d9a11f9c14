// SPDX-License-Identifier: GPL-2.0
/* CPU 1 goes and comes back under events, readers and writers. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define CPU	1

FIXTURE(hotplug) {
	int fd;
	struct raw raw;
};

FIXTURE_SETUP(hotplug)
{
	if (access("/sys/devices/system/cpu/cpu1/online", W_OK))
		SKIP(return, "/sys/devices/system/cpu/cpu1/online: %s", strerror(errno));
	ASSERT_EQ(0, cpu_set_online(CPU, true));
	self->fd = device_open(CPU);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(hotplug)
{
	cpu_set_online(CPU, true);
	raw_unmap(&self->raw);
	close(self->fd);
}

/* An offline CPU's device does not open and takes nothing; both come back with it. */
TEST_F(hotplug, offline_is_enodev)
{
	struct perfring_stats before, after;

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(1, write(self->fd, "x", 1));
	ASSERT_EQ(0, cpu_set_online(CPU, false));
	EXPECT_EQ(-ENODEV, device_open(CPU));
	ASSERT_EQ(0, device_stats(self->fd, &before));
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENODEV, emit(self->fd, 77, 0, NULL, 8, 3, NULL));
	/* Nobody was there to attempt it. */
	ASSERT_EQ(0, device_stats(self->fd, &after));
	EXPECT_EQ(before.attempted, after.attempted);
	/* Reading and control go on. */
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(16, raw_head(&self->raw));
	ASSERT_EQ(0, cpu_set_online(CPU, true));
	EXPECT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(32, raw_head(&self->raw));
}

/* A record that is held when its CPU goes is ended by whoever is there, or after its return. */
TEST_F(hotplug, held_while_offline)
{
	static uint64_t buf[8192];
	struct perfring_stats stats;
	int back, commit;
	uint64_t head = 0;

	ASSERT_EQ(0, pin_to(0));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	for (back = 0; back < 2; back++)
		for (commit = 0; commit < 2; commit++) {
			ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, NULL));
			ASSERT_EQ(1, write(self->fd, "x", 1));
			ASSERT_EQ(0, cpu_set_online(CPU, false));
			EXPECT_EQ(-EBUSY, reserve(self->fd, 1000, NULL, 24, 0, NULL));
			if (back)
				ASSERT_EQ(0, cpu_set_online(CPU, true));
			EXPECT_EQ(head, raw_head(&self->raw));
			EXPECT_EQ(commit ? PERFRING_RELEASE_COMMITTED : PERFRING_RELEASE_SKIPPED,
				  release(self->fd, commit));
			head += 32 + 16;
			EXPECT_EQ(head, raw_head(&self->raw));
			EXPECT_EQ(POLLIN, poll_events(self->fd, 0) & POLLIN);
			if (!back) {
				EXPECT_EQ(-ENODEV, reserve(self->fd, 1000, NULL, 24, 0, NULL));
				EXPECT_EQ(-ENOENT, release(self->fd, true));
				ASSERT_EQ(0, cpu_set_online(CPU, true));
			}
			ASSERT_EQ(32, raw_next(&self->raw, buf));
			ASSERT_EQ(16, raw_next(&self->raw, buf));
		}
	/* Its writer is as it was: nothing stays inside. */
	ASSERT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(head + 16, raw_head(&self->raw));
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_EQ(2, stats.discarded);
	EXPECT_EQ(2 + 4 + 1, stats.written);
	EXPECT_TRUE(stats_balance(&stats));
}

static volatile bool stop;

static void *poller(void *arg)
{
	FIXTURE_DATA(hotplug) *self = arg;
	uint64_t buf[8192], n = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		poll_events(self->fd, 20);
		while (raw_next(&self->raw, buf) > 0)
			n++;
	}
	return (void *)(uintptr_t)n;
}

/* A generator of 500 a second pauses with its CPU and goes on; nothing is lost on the way. */
TEST_F(hotplug, generator_resumes)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_stats at_offline, later, back;
	pthread_t thread;
	void *seen;
	int i;

	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 500;
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 8, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, poller, self));
	sleep_ms(100);
	ASSERT_EQ(0, cpu_set_online(CPU, false));
	ASSERT_EQ(0, device_stats(self->fd, &at_offline));
	EXPECT_LT(0, at_offline.written);
	sleep_ms(100);
	ASSERT_EQ(0, device_stats(self->fd, &later));
	EXPECT_EQ(at_offline.attempted, later.attempted);
	ASSERT_EQ(0, cpu_set_online(CPU, true));
	for (i = 0; i < 200; i++) {
		sleep_ms(10);
		ASSERT_EQ(0, device_stats(self->fd, &back));
		if (back.written > later.written)
			break;
	}
	EXPECT_LT(later.written, back.written);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	ASSERT_EQ(0, device_stats(self->fd, &back));
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, &seen);
	EXPECT_TRUE(stats_balance(&back));
	EXPECT_EQ(0, back.lost_full);
	EXPECT_EQ(back.written, (uintptr_t)seen);
}

/* Off and on five times, with a writer that is told ENODEV in between and no record gone. */
TEST_F(hotplug, rounds_under_writes)
{
	struct perfring_emit result;
	uint64_t written = 0, lost = 0;
	struct perfring_stats stats;
	int i, ret, absent = 0;

	ASSERT_EQ(0, pin_to(0));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 4, PROT_READ));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, cpu_set_online(CPU, i & 1));
		ret = emit(self->fd, 77, 0, NULL, 40, 200, &result);
		written += result.written;
		lost += result.lost;
		absent += ret == -ENODEV;
		EXPECT_EQ(i & 1 ? 0 : -ENODEV, ret);
	}
	EXPECT_EQ(5, absent);
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	/* An overwriting ring is never full. */
	EXPECT_EQ(5 * 200, stats.attempted);
	EXPECT_EQ(5 * 200, written);
	EXPECT_EQ(0, lost);
	EXPECT_TRUE(stats_balance(&stats));
}

/* Waits for an event of its own, until there is something or for longer than that takes. */
struct waiter {
	struct raw raw;
	bool epoll;
	int events;		/* what it was told; 0 once the time was over */
	bool back;
};

static void *wait_for_it(void *arg)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct waiter *w = arg;
	int ms = 20000 * slowness(), epoll;

	if (!w->epoll) {
		w->events = poll_events(w->raw.fd, ms);
	} else {
		epoll = epoll_create1(EPOLL_CLOEXEC);
		w->events = epoll_ctl(epoll, EPOLL_CTL_ADD, w->raw.fd, &event) ||
			    epoll_wait(epoll, &event, 1, ms) != 1 ? 0 : (int)event.events;
		close(epoll);
	}
	__atomic_store_n(&w->back, true, __ATOMIC_RELEASE);
	return NULL;
}

/* read(2) gives the count and never waits, wherever the CPU is. */
static unsigned long reads;

static void *read_on(void *arg)
{
	uint64_t count;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		if (read(*(int *)arg, &count, sizeof(count)) == sizeof(count))
			__atomic_fetch_add(&reads, 1, __ATOMIC_RELAXED);
	return NULL;
}

static unsigned long reads_before;

static int has_read(void)
{
	return __atomic_load_n(&reads, __ATOMIC_RELAXED) > reads_before ? 0 : -EAGAIN;
}

/*
 * Readers who wait when their CPU goes stay, those who come then wait as well; the first
 * record after its return wakes them, and when the ring goes instead they are told so.
 */
TEST_F(hotplug, waiting_readers)
{
	struct waiter waiters[4];
	pthread_t thread[4], reader;
	int i, ends;

	ASSERT_EQ(0, pin_to(0));
	ASSERT_EQ(0, pthread_create(&reader, NULL, read_on, &self->fd));
	for (ends = 0; ends < 2; ends++) {
		for (i = 0; i < 4; i++) {
			waiters[i] = (struct waiter) { .epoll = i & 1 };
			ASSERT_EQ(0, raw_map(&waiters[i].raw, device_open(CPU), 1, 0));
			ASSERT_EQ(0, do_ioctl(waiters[i].raw.fd, PERF_EVENT_IOC_ENABLE, NULL));
		}
		for (i = 0; i < 4; i++) {
			if (i == 2)
				ASSERT_EQ(0, cpu_set_online(CPU, false));
			ASSERT_EQ(0, pthread_create(&thread[i], NULL, wait_for_it, &waiters[i]));
			sleep_ms(20);
		}
		reads_before = __atomic_load_n(&reads, __ATOMIC_RELAXED);
		EXPECT_EQ(0, within_ms(10000, has_read));
		for (i = 0; i < 4; i++) {
			EXPECT_FALSE(__atomic_load_n(&waiters[i].back, __ATOMIC_ACQUIRE));
			if (ends)
				raw_unmap(&waiters[i].raw);
		}
		ASSERT_EQ(0, cpu_set_online(CPU, true));
		for (i = 0; i < 4; i++) {
			if (!ends)
				EXPECT_EQ(1, write(waiters[i].raw.fd, "x", 1));
			pthread_join(thread[i], NULL);
			EXPECT_EQ(ends ? POLLHUP : POLLIN, waiters[i].events) {
				TH_LOG("waiter %d, end %d", i, ends);
			}
			raw_unmap(&waiters[i].raw);
			close(waiters[i].raw.fd);
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(reader, NULL);
}

DEVICE_MAIN
