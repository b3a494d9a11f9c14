// SPDX-License-Identifier: GPL-2.0
/* Descriptors, mappings, processes and threads, in every order. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

/* The mapping outlives the descriptor, and its event with it. */
TEST(close_before_munmap)
{
	uint64_t events = device_counter(0, "events");
	struct raw raw;
	int fd = device_open(0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, raw_map(&raw, fd, 2, 0));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(1, write(fd, "x", 1));
	close(fd);
	EXPECT_EQ(events + 1, device_counter(0, "events"));
	EXPECT_EQ(16, raw_head(&raw));
	EXPECT_EQ(PERF_RECORD_SAMPLE, ((struct perf_event_header *)raw.data)->type);
	raw.page->data_tail = 16;
	raw_unmap(&raw);
	EXPECT_EQ(events, device_counter(0, "events"));
}

/* The ring goes with its last mapping; the event stays and may have another. */
TEST(munmap_before_close)
{
	struct raw raw;
	int fd = device_open(0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, raw_map(&raw, fd, 2, 0));
	ASSERT_EQ(1, write(fd, "x", 1));
	raw_unmap(&raw);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(POLLHUP, poll_events(fd, 0));
	/* A new ring is empty, and owes nothing of the old one. */
	ASSERT_EQ(0, raw_map(&raw, fd, 4, 0));
	EXPECT_EQ(0, raw_head(&raw));
	ASSERT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(16, raw_head(&raw));
	raw_unmap(&raw);
	close(fd);
}

/* A second descriptor of the same description is the same event. */
TEST(dup_is_the_same_event)
{
	uint64_t id = 0, same = 1;
	struct raw raw;
	int fd = device_open(0), fd2 = dup(fd);

	ASSERT_LE(0, fd2);
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ID, &id));
	ASSERT_EQ(0, do_ioctl(fd2, PERF_EVENT_IOC_ID, &same));
	EXPECT_EQ(id, same);
	ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(fd2, PERF_EVENT_IOC_ENABLE, NULL));
	close(fd);
	EXPECT_EQ(1, write(fd2, "x", 1));
	EXPECT_EQ(16, raw_head(&raw));
	raw_unmap(&raw);
	close(fd2);
}

/* The child has the descriptor and not the mapping; its records are the parent's to read. */
TEST(fork_leaves_the_mapping)
{
	static uint64_t buf[8192];
	unsigned char vec;
	struct raw raw;
	int fd = device_open(0), status;
	pid_t child;

	ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	child = fork();
	if (!child) {
		if (!mincore(raw.page, PAGE, &vec) || errno != ENOMEM)
			_exit(1);
		_exit(write(fd, "child", 5) == 5 ? 0 : 2);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	ASSERT_EQ(24, raw_next(&raw, buf));
	EXPECT_EQ(0, memcmp((char *)buf + 12, "child", 5));
	/* Its exit did not take the ring away. */
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(16, raw_next(&raw, buf));
	raw_unmap(&raw);
	close(fd);
}

static void *poll_once(void *arg)
{
	return (void *)(intptr_t)poll_events(*(int *)arg, 300);
}

/* Closed by another thread while somebody polls: the wait ends by its timeout, nothing breaks. */
TEST(close_while_polling)
{
	struct raw raw;
	pthread_t thread;
	void *ret;
	int fd = device_open(0);

	ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, poll_once, &fd));
	sleep_ms(50);
	close(fd);
	raw_unmap(&raw);
	pthread_join(thread, &ret);
	EXPECT_EQ(0, (intptr_t)ret & POLLIN);
}

/* Unmapped while others write: what comes after is rejected; the sum holds. */
static bool stop;

static void *write_on(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		emit(*(int *)arg, 77, 0, NULL, 100, 64, NULL);
	return NULL;
}

TEST(remap_under_writers)
{
	struct perfring_stats stats;
	pthread_t thread[2];
	struct raw raw;
	int fd = device_open(0), i;

	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, write_on, &fd));
	}
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, raw_map(&raw, fd, 1 << (i & 3), i & 4 ? PROT_READ : 0));
		raw_unmap(&raw);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	ASSERT_EQ(0, device_stats(fd, &stats));
	EXPECT_TRUE(stats_balance(&stats));
	EXPECT_LT(0, stats.attempted);
	close(fd);
}

#define HAMMERS	4

struct hammer {
	int *fd;		/* shared by all */
	uint64_t end;
	unsigned int seed;
	unsigned long calls;
};

/* Any call, good or not, on descriptors that others close meanwhile. */
static void *hammer(void *arg)
{
	struct hammer *h = arg;
	struct perfring_stats stats = { .size = sizeof(stats) };
	struct perf_event_attr attr = output_attr();
	struct perfring_position position = { .size = sizeof(position) };
	unsigned int op, slot;
	uint64_t words[6];
	struct raw raw;
	int fd;

	while (now_ns() < h->end) {
		op = rand_r(&h->seed);
		slot = (op >> 8) % 4;
		fd = __atomic_load_n(&h->fd[slot], __ATOMIC_RELAXED);
		switch (op % 13) {
		case 0:
			fd = __atomic_exchange_n(&h->fd[slot], device_open(slot & 1 ? 0 : slot / 2),
						 __ATOMIC_RELAXED);
			if (fd >= 0)
				close(fd);
			break;
		case 1:
			if (!raw_map(&raw, fd, 1 << (op >> 12) % 3, op & 0x10000 ? PROT_READ : 0)) {
				(void)raw_head(&raw);
				raw_unmap(&raw);
			}
			break;
		case 2:
			do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
			break;
		case 3:
			do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL);
			break;
		case 4:
			do_ioctl_word(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, op >> 16 & 1);
			break;
		case 5:
			do_ioctl(fd, PERF_EVENT_IOC_RESET, NULL);
			break;
		case 6:
			attr = output_attr();
			if (op & 0x10000) {
				attr.type = pmu_type();
				attr.config = op & 0x20000 ? PERFRING_SOURCE_GENERATOR :
							     PERFRING_SOURCE_SCHED_SWITCH;
				attr.config1 = op & 0x20000 ? 1000 : 0;
			}
			do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);
			break;
		case 7:
			emit(fd, PERF_RECORD_SAMPLE, 0, NULL, op >> 20, 20, NULL);
			break;
		case 8:
			do_ioctl(fd, PERFRING_IOC_STATS, &stats);
			break;
		case 9:
			position.position = op & ~7U;
			do_ioctl(fd, PERFRING_IOC_SET_POSITION, &position);
			break;
		case 10:
			poll_events(fd, 0);
			break;
		case 11:
			if (read(fd, words, sizeof(words)) < 0 && errno == ENOSPC)
				h->calls--;
			break;
		case 12:
			if (write(fd, words, op >> 24) < 0)
				h->calls--;
			break;
		}
		h->calls++;
	}
	return NULL;
}

/*
 * Three seconds of open, mmap, munmap, close and every ioctl from threads that
 * share the descriptors. Unloading is refused meanwhile; at the end the device's
 * sums hold and as many events are open as before.
 */
TEST(hammered)
{
	uint64_t events = device_counter(0, "events"), sum = 0;
	static const char *const parts[] = {
		"written", "lost_full", "lost_paused", "rejected", "discarded",
	};
	struct hammer hammers[HAMMERS];
	pthread_t thread[HAMMERS];
	struct perf_event_attr attr = output_attr();
	int fd[4], hold = device_open(0);
	unsigned int i;

	ASSERT_LE(0, hold);
	/*
	 * One stays attached to the tracepoint: its first and last user make the
	 * kernel patch the scheduler's code, and emulated machines do not bear
	 * that thousands of times.
	 */
	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_SCHED_SWITCH;
	attr.disabled = 0;
	ASSERT_EQ(0, do_ioctl(hold, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	for (i = 0; i < 4; i++)
		fd[i] = device_open(0);
	for (i = 0; i < HAMMERS; i++) {
		hammers[i] = (struct hammer) {
			.fd = fd, .end = now_ns() + 3000000000ULL, .seed = 4711 + i,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, hammer, &hammers[i]));
	}
	for (i = 0; i < 5; i++) {
		EXPECT_GT(0, module_unload());
		sleep_ms(100);
	}
	for (i = 0; i < HAMMERS; i++) {
		pthread_join(thread[i], NULL);
		TH_LOG("thread %u: %lu calls", i, hammers[i].calls);
	}
	for (i = 0; i < 4; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
	}
	close(hold);
	EXPECT_EQ(events, device_counter(0, "events"));
	for (i = 0; i < ARRAY_LEN(parts); i++)
		sum += device_counter(0, parts[i]);
	EXPECT_EQ(sum, device_counter(0, "attempted"));
}

DEVICE_MAIN
