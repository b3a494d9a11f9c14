// SPDX-License-Identifier: GPL-2.0
/* CPU 1 goes and comes back under events, readers and writers. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
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

/* The number of a step on the way of a CPU; -1: there is none. */
static int step_number(const char *name)
{
	FILE *file = fopen("/sys/devices/system/cpu/hotplug/states", "r");
	char line[128], seen[64];
	int step, found = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%d: %63s", &step, seen) == 2 && !strcmp(seen, name))
			found = step;
	if (file)
		fclose(file);
	return found;
}

/* The CPU's next passage of a step fails; -1: none does any more. */
static int fail_step(int step)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", step);
	return file_write("/sys/devices/system/cpu/cpu1/hotplug/fail", text);
}

/*
 * A CPU that cannot come or go, because a step fails, goes back, through ours as well when
 * that lies behind it: everything is as before.
 */
TEST_F(hotplug, failed_step)
{
	static const struct {
		const char *name;
		bool up;
	} steps[] = {
		{ "perfring:online", true }, { "sched:active", true },
		{ "perfring:online", false }, { "workqueue:online", false },
	};
	struct perf_event_attr attr = output_attr();
	struct perfring_stats before, after;
	int i, k, fd, generator = device_open(CPU);
	struct raw raw;

	ASSERT_LT(step_number("workqueue:online"), step_number("perfring:online"));
	ASSERT_LT(step_number("perfring:online"), step_number("sched:active"));
	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 500;
	ASSERT_EQ(0, do_ioctl(generator, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	ASSERT_EQ(0, raw_map(&raw, generator, 1, PROT_READ));
	ASSERT_EQ(0, do_ioctl(generator, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, PROT_READ));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	for (i = 0; i < (int)ARRAY_LEN(steps); i++) {
		ASSERT_EQ(0, cpu_set_online(CPU, !steps[i].up));
		ASSERT_EQ(0, fail_step(step_number(steps[i].name)));
		EXPECT_EQ(-EAGAIN, cpu_set_online(CPU, steps[i].up)) {
			TH_LOG("%s, %s", steps[i].name, steps[i].up ? "up" : "down");
		}
		ASSERT_EQ(0, device_stats(generator, &before));
		EXPECT_EQ(steps[i].up ? -ENODEV : 0, emit(self->fd, 77, 0, NULL, 40, 1, NULL));
		fd = device_open(CPU);
		EXPECT_EQ(steps[i].up, fd == -ENODEV);
		if (fd >= 0)
			close(fd);
		for (k = 0; k < 1000; k++) {
			ASSERT_EQ(0, device_stats(generator, &after));
			if (after.attempted != before.attempted || (steps[i].up && k == 10))
				break;
			sleep_ms(10);
		}
		EXPECT_EQ(steps[i].up, after.attempted == before.attempted) {
			TH_LOG("%s, %s", steps[i].name, steps[i].up ? "up" : "down");
		}
		ASSERT_EQ(0, cpu_set_online(CPU, steps[i].up));
		EXPECT_EQ(steps[i].up ? 0 : -ENODEV, emit(self->fd, 77, 0, NULL, 40, 1, NULL));
	}
	raw_unmap(&raw);
	close(generator);
}

/*
 * A CPU does not let the module's step in: the module is not loaded. What is set to fail
 * has to be there, so that is done while this CPU is offline, where the step does not pass
 * when the module goes.
 */
TEST(failed_load)
{
	int step = step_number("perfring:online"), i, fd;

	if (access("/sys/devices/system/cpu/cpu1/online", W_OK))
		SKIP(return, "/sys/devices/system/cpu/cpu1/online: %s", strerror(errno));
	if (!getenv("PERFRING_MODULE"))
		SKIP(return, "PERFRING_MODULE is not set: no module to load");
	ASSERT_EQ(0, cpu_set_online(CPU, false));
	ASSERT_EQ(0, fail_step(step));
	ASSERT_EQ(0, within_ms(5000, module_unload));
	ASSERT_EQ(0, cpu_set_online(CPU, true));
	EXPECT_EQ(-EAGAIN, module_load(""));
	EXPECT_FALSE(module_loaded());
	EXPECT_EQ(-1, step_number("perfring:online"));
	ASSERT_EQ(0, fail_step(-1));
	ASSERT_EQ(0, module_load(""));
	EXPECT_EQ(step, step_number("perfring:online"));
	for (i = 0; i < 2; i++) {
		fd = device_open(i);
		EXPECT_LE(0, fd);
		close(fd);
	}
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

/* A reader of CPU 1 that sleeps until it is woken. */
struct sleeper {
	struct raw *raw;
	int end;		/* eventfd */
	bool closed;
};

static void *read_when_woken(void *arg)
{
	struct sleeper *s = arg;
	struct pollfd fds[2] = {
		{ .fd = s->raw->fd, .events = POLLIN }, { .fd = s->end, .events = POLLIN },
	};

	while (poll(fds, 2, -1) > 0 && !fds[1].revents)
		raw_drop(s->raw);
	return NULL;
}

static void *close_it(void *arg)
{
	struct sleeper *s = arg;
	int fd = s->raw->fd;

	raw_unmap(s->raw);
	close(fd);
	__atomic_store_n(&s->closed, true, __ATOMIC_RELEASE);
	return NULL;
}

static struct sleeper *asleep;

static int has_read_all(void)
{
	return raw_head(asleep->raw) == asleep->raw->page->data_tail ? 0 : -EAGAIN;
}

static int has_closed(void)
{
	return __atomic_load_n(&asleep->closed, __ATOMIC_ACQUIRE) ? 0 : -EAGAIN;
}

static void *write_later(void *arg)
{
	sleep_ms(50);
	return write(*(int *)arg, "x", 1) == 1 ? NULL : arg;
}

/*
 * A CPU that goes down writes to the end. Its reader is woken for the last record, who
 * closes the event then does not wait for the CPU, and when it is back it wakes readers.
 */
static void goes_down(struct __test_metadata *_metadata, FIXTURE_DATA(hotplug) *self,
		      struct perf_event_attr *attr)
{
	struct raw raw;
	struct sleeper s = { .raw = &raw, .end = eventfd(0, 0) };
	unsigned int ms = 5000 * slowness();
	pthread_t reader, closer;
	uint64_t until;
	void *failed;
	int fd;

	asleep = &s;
	ASSERT_EQ(0, pin_to(0));
	fd = device_open(CPU);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, attr));
	ASSERT_EQ(0, raw_map(&raw, fd, 8, 0));
	/* Whoever signals is waited for at the end as well. */
	signal(SIGIO, SIG_IGN);
	ASSERT_EQ(0, fcntl(fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_RDWR | O_ASYNC));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, pthread_create(&reader, NULL, read_when_woken, &s));
	sleep_ms(50);
	ASSERT_EQ(0, cpu_set_online(CPU, false));
	EXPECT_EQ(0, within_ms(ms, has_read_all));
	EXPECT_LT(0, raw_head(&raw));
	ASSERT_EQ(8, write(s.end, &(uint64_t){ 1 }, 8));
	pthread_join(reader, NULL);
	ASSERT_EQ(0, pthread_create(&closer, NULL, close_it, &s));
	EXPECT_EQ(0, within_ms(ms, has_closed));
	ASSERT_EQ(0, cpu_set_online(CPU, true));
	pthread_join(closer, NULL);
	close(s.end);

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	until = now_ns() + ms * 1000000ULL;
	ASSERT_EQ(0, pthread_create(&closer, NULL, write_later, &self->fd));
	/* poll(2) looks once more when its time is up, which is too late. */
	EXPECT_EQ(POLLIN, poll_events(self->fd, ms));
	EXPECT_GT(until, now_ns());
	pthread_join(closer, &failed);
	EXPECT_EQ(NULL, failed);
}

TEST_F(hotplug, switches_of_a_cpu_that_goes)
{
	struct perf_event_attr attr = output_attr();

	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_SCHED_SWITCH;
	goes_down(_metadata, self, &attr);
}

/* Called when the CPU takes no interrupt any more. */
TEST_F(hotplug, probe_of_a_cpu_that_goes)
{
	struct perf_event_attr attr = output_attr();

	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_KPROBE;
	attr.config1 = (uintptr_t)"sched_cpu_dying";
	goes_down(_metadata, self, &attr);
}

DEVICE_MAIN
