// SPDX-License-Identifier: GPL-2.0
/*
 * Sources of other modules: client/perfring_client.c writes from every context, and
 * comes and goes while it is listened to.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define PARAMETERS	"/sys/module/perfring_client/parameters/"
#define FIRST_ID	128
#define IDS		128

enum { TASK, SOFTIRQ, HARDIRQ, NMI, CONTEXTS };

static const char *const contexts[] = { "task", "softirq", "hardirq", "nmi" };

FIXTURE(client) {
	int fd;
	struct raw raw;
	uint64_t buf[8192];
};

FIXTURE_SETUP(client)
{
	int ret;

	if (!getenv("PERFRING_CLIENT") && !getenv("PERFRING_MODULE"))
		SKIP(return, "neither PERFRING_CLIENT nor PERFRING_MODULE is set: no client to load");
	ASSERT_EQ(0, pin_to(0));
	client_unload("perfring_client");
	ret = client_load("perfring_client");
	ASSERT_EQ(0, ret);
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(client)
{
	raw_unmap(&self->raw);
	close(self->fd);
	client_unload("perfring_client");
}

static int set(const char *parameter, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETERS "%s", parameter);
	return file_write(path, value);
}

static long get(const char *parameter)
{
	char path[128];

	snprintf(path, sizeof(path), PARAMETERS "%s", parameter);
	return file_long(path, -ENOENT);
}

/* Let the client write here; what it says was taken, or -errno */
static long client_emit(int context, const char *how, int count, int len)
{
	char command[64];
	int ret;

	snprintf(command, sizeof(command), "%s %s %d %d", contexts[context], how, count, len);
	ret = set("emit", command);
	return ret ? ret : get("taken");
}

static struct perf_event_attr client_attr(const char *name)
{
	struct perf_event_attr attr = output_attr();

	attr.type = pmu_type();
	attr.config = source_id(name);
	return attr;
}

/*
 * The next sample of attr RAW is what the client made as its record @number: header,
 * size, payload of @len, zeroes. NULL or what is wrong.
 */
static const char *verify(struct raw *raw, uint64_t *buf, uint32_t number, uint32_t context,
			  uint32_t len)
{
	const unsigned char *payload = (const unsigned char *)buf + 12;
	uint32_t whole = len < 12 ? 12 : len, head[2] = { number, context }, i;
	int size = raw_next(raw, buf);

	if (!size)
		return "none";
	if (((struct perf_event_header *)buf)->type != PERF_RECORD_SAMPLE)
		return "type";
	/* Only what was reserved is made longer. */
	if (size != (int)((12 + whole + 7) & ~7U) && size != (int)((12 + len + 7) & ~7U))
		return "size";
	if (memcmp(payload, head, len < 8 ? len : 8))
		return "number or context";
	for (i = 8; i < len; i++)
		if (payload[i] != (unsigned char)(number + i))
			return "bytes";
	for (i = len; i < (uint32_t)size - 12; i++)
		if (payload[i])
			return "padding";
	return NULL;
}

#define EXPECT_RECORD(raw, number, context, len) do {				\
		const char *wrong = verify(raw, self->buf, number, context, len);	\
										\
		ASSERT_EQ(NULL, wrong) {					\
			TH_LOG("record %d of %s, %d bytes: %s", (int)(number),	\
			       contexts[context], (int)(len), wrong);		\
		}								\
	} while (0)

/* 20 records of each context arrive in order with their bytes, on their CPU alone. */
TEST_F(client, contexts)
{
	struct perf_event_attr attr = client_attr("sample");
	int other = second_cpu(), fd = -1, i, n;
	struct raw raw;

	EXPECT_EQ(FIRST_ID, attr.config);
	/* Nobody listens. */
	EXPECT_EQ(0, client_emit(TASK, "output", 20, 50));
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 16));
	if (other > 0) {
		fd = device_open(other);
		ASSERT_EQ(0, source_start(&raw, fd, &attr, 16));
	}
	for (i = TASK; i < CONTEXTS; i++) {
#ifndef __x86_64__
		if (i == NMI)
			continue;	/* the client knows no way to make one here */
#endif
		EXPECT_EQ(20, client_emit(i, "output", 20, 50)) {
			TH_LOG("%s", contexts[i]);
		}
		for (n = 0; n < 20; n++)
			EXPECT_RECORD(&self->raw, n, i, 50);
	}
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
	if (other > 0) {
		EXPECT_EQ(0, raw_next(&raw, self->buf));
		raw_unmap(&raw);
		close(fd);
	}
}

static void *sleeper_main(void *arg)
{
	struct pollfd pollfd = { .fd = *(int *)arg, .events = POLLIN };

	/* Without a limit: who is not woken stays asleep, and the test fails by its time. */
	return (void *)(intptr_t)(poll(&pollfd, 1, -1) == 1 ? pollfd.revents : 0);
}

/*
 * A record wakes who sleeps in poll(2), whatever the context it comes from; out of
 * an NMI and out of the scheduler the irq_work has to carry that.
 */
TEST_F(client, wakes_from_each_context)
{
	struct perf_event_attr attr = client_attr("sample");
	pthread_t sleeper;
	void *events;
	int i;

	attr.wakeup_events = 1;
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 1));
	for (i = TASK; i < CONTEXTS; i++) {
#ifndef __x86_64__
		if (i == NMI)
			continue;	/* the client knows no way to make one here */
#endif
		ASSERT_EQ(0, pthread_create(&sleeper, NULL, sleeper_main, &self->fd));
		sleep_ms(50);	/* asleep by now, most likely; if not, it is ready at once */
		ASSERT_EQ(1, client_emit(i, "output", 1, 50));
		ASSERT_EQ(0, pthread_join(sleeper, &events));
		EXPECT_EQ(POLLIN, (intptr_t)events) {
			TH_LOG("%s", contexts[i]);
		}
	}
}

/* Lengths around those of padding and of a LOST record, and across the ring's end. */
TEST_F(client, lengths)
{
	static const int lengths[] = { 1, 3, 4, 5, 7, 8, 11, 12, 13, 20, 21, 100, 1000, 3000 };
	static const char *const hows[] = { "output", "commit" };
	struct perf_event_attr attr = client_attr("sample");
	unsigned int i, how, context;

	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 1));
	for (context = TASK; context < NMI; context++)
		for (how = 0; how < ARRAY_LEN(hows); how++)
			for (i = 0; i < ARRAY_LEN(lengths); i++) {
				ASSERT_EQ(1, client_emit(context, hows[how], 1, lengths[i]));
				EXPECT_RECORD(&self->raw, 0, context, lengths[i]);
			}
	/* Longer than header.size, than the ring, and nothing at all. */
	EXPECT_EQ(-E2BIG, client_emit(TASK, "output", 1, 65529));
	EXPECT_EQ(0, client_emit(TASK, "commit", 1, 65529));
	EXPECT_EQ(0, client_emit(TASK, "output", 1, PAGE));
	EXPECT_EQ(0, client_emit(TASK, "commit", 1, PAGE));
	EXPECT_EQ(0, client_emit(TASK, "commit", 1, 0));
	EXPECT_EQ(0, client_emit(TASK, "discard", 1, 0));
}

/*
 * Reserved and committed in each context, with another record written inside, which
 * stands behind; discarded ones leave nothing. The counters know all of it.
 */
TEST_F(client, reserve)
{
	struct perf_event_attr attr = client_attr("sample");
	struct perfring_stats stats;
	int i, n;

	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 16));
	for (i = TASK; i < CONTEXTS; i++) {
#ifndef __x86_64__
		if (i == NMI)
			continue;
#endif
		EXPECT_EQ(10, client_emit(i, "commit", 10, 64));
		EXPECT_EQ(10, client_emit(i, "discard", 10, 64));
		EXPECT_EQ(10, client_emit(i, "mixed", 10, 64));
		for (n = 0; n < 10; n++)
			EXPECT_RECORD(&self->raw, n, i, 64);
		for (n = 0; n < 10; n++) {
			EXPECT_RECORD(&self->raw, n, i, 64);
			EXPECT_RECORD(&self->raw, n + 1000, i, 64);
		}
		EXPECT_EQ(0, raw_next(&self->raw, self->buf));
	}
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_TRUE(stats_balance(&stats));
	EXPECT_EQ(stats.written, 3 * stats.discarded);
}

/*
 * Four that listen on one CPU, one of them through a page that is full, one without a
 * payload, one that takes every second: output and reserve give each its due.
 */
TEST_F(client, many_listeners)
{
	struct perf_event_attr attr = client_attr("sample"), bare = attr, second = attr;
	struct raw raw[4];
	/* 36 of 112 bytes fill a page of 4096 to 64; some more, an even number. */
	const int full = FIT(112), all = (full + 15) / 2 * 2;
	int fd[4], i, n;

	bare.sample_type = PERF_SAMPLE_PERIOD;
	second.sample_period = 2;
	for (i = 0; i < 4; i++) {
		fd[i] = device_open(0);
		ASSERT_LE(0, fd[i]);
		ASSERT_EQ(0, source_start(&raw[i], fd[i], i == 1 ? &bare : i == 2 ? &second : &attr,
					  i == 3 ? 1 : 16));
	}
	EXPECT_EQ(all * 3 - all / 2 + full, client_emit(HARDIRQ, "output", all, 100));
	/* Full, and the last that came is asked first: somebody else holds the room. */
	EXPECT_EQ(all, client_emit(HARDIRQ, "commit", all, 100));
	EXPECT_EQ(all, client_emit(HARDIRQ, "discard", all, 100));
	for (i = 0; i < 2; i++)
		for (n = 0; n < all; n++)
			EXPECT_RECORD(&raw[0], n, HARDIRQ, 100);
	for (n = 0; n < 2 * all; n++) {
		ASSERT_EQ(16, raw_next(&raw[1], self->buf));
		EXPECT_EQ(1, self->buf[1]);
	}
	for (i = 0; i < 2; i++)
		for (n = 1; n < all; n += 2)
			EXPECT_RECORD(&raw[2], n, HARDIRQ, 100);
	for (n = 0; n < full; n++)
		EXPECT_RECORD(&raw[3], n, HARDIRQ, 100);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, raw_next(&raw[i], self->buf));
		raw_unmap(&raw[i]);
		close(fd[i]);
	}
}

/*
 * Reserved in a page that overwrites, with another record inside that laps it: the
 * copy for the second listener would be of that one's bytes, and is not made.
 */
TEST_F(client, lapped)
{
	struct perf_event_attr attr = client_attr("sample");
	struct perfring_stats stats;
	const uint32_t fits = PAGE / 2 - 28, does_not = PAGE / 2 + 12;
	struct raw raw;
	int fd, i;

	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 16));
	for (i = 0; i < 2; i++) {
		fd = device_open(0);
		ASSERT_LE(0, fd);
		attr.write_backward = i;
		ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
		ASSERT_EQ(0, raw_map(&raw, fd, 1, PROT_READ));
		ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
		/* Two of the first fit into the page, as 2032 into 4096; not two of the others. */
		EXPECT_EQ(1, client_emit(TASK, "mixed", 1, fits));
		EXPECT_RECORD(&self->raw, 1000, TASK, fits);
		EXPECT_RECORD(&self->raw, 0, TASK, fits);
		EXPECT_EQ(1, client_emit(TASK, "mixed", 1, does_not));
		EXPECT_RECORD(&self->raw, 1000, TASK, does_not);
		EXPECT_EQ(0, raw_next(&self->raw, self->buf));
		ASSERT_EQ(0, device_stats(self->fd, &stats));
		EXPECT_EQ(1 + i, (int)stats.discarded);
		ASSERT_EQ(0, device_stats(fd, &stats));
		EXPECT_EQ(4, stats.written);
		raw_unmap(&raw);
		close(fd);
	}
}

/* start() before the first of a CPU, stop() after the last; what start() refuses. */
TEST_F(client, start_and_stop)
{
	struct perf_event_attr attr = client_attr("sample");
	struct raw raw;
	int fd;

	EXPECT_EQ(0, get("starts"));
	ASSERT_EQ(0, set("refuse", "5"));
	EXPECT_EQ(-EIO, source_start(&self->raw, self->fd, &attr, 1));
	ASSERT_EQ(0, set("refuse", "0"));
	EXPECT_EQ(0, get("starts"));
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(1, get("starts"));
	fd = device_open(0);
	ASSERT_EQ(0, source_start(&raw, fd, &attr, 1));
	EXPECT_EQ(1, get("starts"));
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(0, get("stops"));
	raw_unmap(&raw);
	close(fd);
	EXPECT_EQ(1, get("stops"));
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(2, get("starts"));
	EXPECT_EQ(1, client_emit(TASK, "output", 1, 10));
}

/* Names that are none, or taken; 128 clients and no more, each with its own id. */
TEST_F_TIMEOUT(client, names, 100)
{
	static const char *const bad[] = {
		"\n", "A", "1a", "_a", "a-b", "a/b", "a b", "../a", "a.b",
		"a2345678901234567890123456789012",
	};
	static const char *const taken[] = {
		"sample", "user", "dummy", "generator", "sched_switch", "syscalls", "kprobe",
	};
	bool seen[IDS] = { true };
	char name[40];
	unsigned int i;
	int id;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		EXPECT_EQ(-EINVAL, set("register", bad[i])) {
			TH_LOG("%s", bad[i]);
		}
	}
	for (i = 0; i < ARRAY_LEN(taken); i++) {
		EXPECT_EQ(-EEXIST, set("register", taken[i])) {
			TH_LOG("%s", taken[i]);
		}
	}
	ASSERT_EQ(0, set("flags", "2"));
	EXPECT_EQ(-EINVAL, set("register", "flagged"));
	ASSERT_EQ(0, set("flags", "0"));
	/* 31 letters are a name; so with "sample" two are there. */
	ASSERT_EQ(0, set("register", "a234567890123456789012345678901"));
	EXPECT_EQ(FIRST_ID + 1, source_id("a234567890123456789012345678901"));
	seen[1] = true;
	for (i = 2; i < IDS; i++) {
		snprintf(name, sizeof(name), "client_%u", i);
		ASSERT_EQ(0, set("register", name));
		id = source_id(name) - FIRST_ID;
		ASSERT_TRUE(id >= 0 && id < IDS && !seen[id]);
		seen[id] = true;
	}
	EXPECT_EQ(-ENOSPC, set("register", "too_many"));
	EXPECT_EQ(0, set("unregister", "client_77"));
	EXPECT_EQ(-ENOENT, source_id("client_77"));
	EXPECT_EQ(-ENOENT, set("unregister", "client_77"));
	EXPECT_EQ(0, set("register", "one_more"));
	EXPECT_LE(FIRST_ID, source_id("one_more"));
}

/* Without CAP_PERFMON: a client that is for everybody, and no word of other tasks. */
TEST_F(client, permission)
{
	struct perf_event_attr privileged, open, tells;
	int status;
	pid_t child;

	ASSERT_EQ(0, set("flags", "1"));
	ASSERT_EQ(0, set("register", "everybody"));
	privileged = client_attr("sample");
	open = client_attr("everybody");
	tells = open;
	tells.sample_type |= PERF_SAMPLE_TID;
	ASSERT_LT(0, file_long("/proc/sys/kernel/perf_event_paranoid", -1));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (become_nobody())
			_exit(2);
		if (do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &privileged) != -EACCES)
			_exit(3);
		if (do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &tells) != -EACCES)
			_exit(4);
		_exit(do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &open) != 0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* Ids that nobody has, and attrs that no client takes. */
TEST_F(client, refused)
{
	struct perf_event_attr attr = client_attr("sample");

	attr.config = FIRST_ID + 1;
	EXPECT_EQ(-ENOENT, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	attr.config = FIRST_ID + IDS - 1;
	EXPECT_EQ(-ENOENT, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	attr.config = FIRST_ID - 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	attr.config = FIRST_ID + IDS;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	attr.config = FIRST_ID;
	attr.config1 = 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	attr.config1 = 0;
	attr.config2 = 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	attr.config2 = 0;
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
}

/*
 * The client goes while an event listens: the event keeps what it has, gets no more
 * from a new client of that name or id, and cannot be enabled again. Our module
 * stays as long as the client is there.
 */
TEST_F(client, gone)
{
	struct perf_event_attr attr = client_attr("sample");
	struct raw raw;
	int fd, i;

	EXPECT_GT(0, module_unload());
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 1));
	EXPECT_EQ(1, client_emit(TASK, "output", 1, 30));
	ASSERT_EQ(0, client_unload("perfring_client"));
	EXPECT_EQ(-ENOENT, source_id("sample"));
	EXPECT_RECORD(&self->raw, 0, TASK, 30);
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_RESET, NULL));
	ASSERT_EQ(0, client_load("perfring_client"));
	EXPECT_EQ((int)attr.config, source_id("sample"));
	EXPECT_EQ(0, client_emit(TASK, "output", 1, 30));
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
		EXPECT_EQ(-ENOENT, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	}
	/* Another event hears the new one. */
	fd = device_open(0);
	ASSERT_EQ(0, source_start(&raw, fd, &attr, 1));
	EXPECT_EQ(1, client_emit(TASK, "output", 1, 30));
	EXPECT_RECORD(&raw, 0, TASK, 30);
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
	raw_unmap(&raw);
	close(fd);
}

/* A probe in a module that goes: no more hits, and no way to enable it again. */
TEST_F(client, probe_in_client)
{
	struct perf_event_attr attr = output_attr();

	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_KPROBE;
	attr.config1 = (uintptr_t)"perfring_client:sample_emit";
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 1));
	EXPECT_EQ(0, client_emit(TASK, "output", 1, 30));
	EXPECT_LT(0, raw_next(&self->raw, self->buf));
	ASSERT_EQ(0, client_unload("perfring_client"));
	ASSERT_EQ(0, client_load("perfring_client"));
	EXPECT_EQ(0, client_emit(TASK, "output", 1, 30));
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(-ENOENT, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
}

static bool stop;

/* Opens, listens, switches, closes; what it is told is either a success or ENOENT. */
static void *listener(void *arg)
{
	uint64_t end = now_ns() + 60000000000ULL;
	int cpu = *(int *)arg, ret, fd;
	struct perf_event_attr attr;
	struct raw raw;
	long rounds = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED) && now_ns() < end) {
		attr = output_attr();
		/* The lowest free id, which is the one after "sample". */
		attr.config = FIRST_ID + 1;
		memset(&raw, 0, sizeof(raw));
		fd = device_open(cpu);
		ret = source_start(&raw, fd, &attr, 1);
		if (ret && ret != -ENOENT)
			rounds = -1000000;
		do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL);
		do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
		raw_unmap(&raw);
		close(fd);
		rounds++;
	}
	return (void *)rounds;
}

/*
 * 50 times registered and unregistered while timers in hardirq write by it every
 * 100 us on all CPUs, and two threads listen, switch and close: each time it
 * returns, nobody hears more; in the end the module goes under its running timers.
 */
TEST_F_TIMEOUT(client, unregister_under_load, 100)
{
	struct perf_event_attr attr = client_attr("sample");
	int cpu[2] = { 0, second_cpu() > 0 ? second_cpu() : 0 }, i, heard = 0;
	pthread_t thread[2];
	void *rounds;
	uint64_t head;

	attr.config = FIRST_ID + 1;
	ASSERT_EQ(0, set("load", "100"));
	stop = false;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, listener, &cpu[i]));
	}
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, set("loaded", "1"));
		EXPECT_EQ(-EBUSY, set("loaded", "1"));
		ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 1));
		sleep_ms(3);
		ASSERT_EQ(0, set("loaded", "0"));
		head = raw_head(&self->raw);
		heard += head != 0;
		sleep_ms(1);
		EXPECT_EQ(head, raw_head(&self->raw));
		raw_unmap(&self->raw);
		close(self->fd);
		self->fd = device_open(0);
		ASSERT_LE(0, self->fd);
	}
	EXPECT_LT(25, heard);
	/* The module goes with all of it going on. */
	ASSERT_EQ(0, set("loaded", "1"));
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 1));
	sleep_ms(3);
	EXPECT_EQ(0, client_unload("perfring_client"));
	head = raw_head(&self->raw);
	EXPECT_NE(0, head);
	sleep_ms(1);
	EXPECT_EQ(head, raw_head(&self->raw));
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++) {
		pthread_join(thread[i], &rounds);
		EXPECT_LT(0, (long)rounds);
	}
}

DEVICE_MAIN
