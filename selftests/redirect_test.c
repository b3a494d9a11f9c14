// SPDX-License-Identifier: GPL-2.0
/*
 * SET_OUTPUT: several events, one ring.
 *
 * Sizes: a sample of RAW and IDENTIFIER with a payload of up to 4 bytes is
 * 8 + 8 + (4 + 4) = 24.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define EVENTS	3

FIXTURE(redirect) {
	int fd[EVENTS];		/* the first one is mapped */
	uint64_t id[EVENTS];
	struct raw raw;
	uint64_t buf[8192];
};

static struct perf_event_attr tagged_attr(void)
{
	struct perf_event_attr attr = output_attr();

	attr.sample_type |= PERF_SAMPLE_IDENTIFIER;
	attr.read_format = PERF_FORMAT_LOST;
	return attr;
}

FIXTURE_SETUP(redirect)
{
	struct perf_event_attr attr = tagged_attr();
	int i;

	for (i = 0; i < EVENTS; i++) {
		self->fd[i] = event_into(-1, 0, &attr);
		ASSERT_LE(0, self->fd[i]);
		ASSERT_EQ(0, do_ioctl(self->fd[i], PERF_EVENT_IOC_ID, &self->id[i]));
	}
	ASSERT_EQ(0, raw_map(&self->raw, self->fd[0], 1, 0));
	for (i = 0; i < EVENTS; i++) {
		if (i)
			ASSERT_EQ(0, do_ioctl_word(self->fd[i], PERF_EVENT_IOC_SET_OUTPUT,
						   self->fd[0]));
		ASSERT_EQ(0, do_ioctl(self->fd[i], PERF_EVENT_IOC_ENABLE, NULL));
	}
}

FIXTURE_TEARDOWN(redirect)
{
	int i;

	raw_unmap(&self->raw);
	for (i = 0; i < EVENTS; i++)
		close(self->fd[i]);
}

static struct perfring_stats stats_of(int fd)
{
	struct perfring_stats stats;

	if (device_stats(fd, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

static uint64_t lost_of(int fd)
{
	uint64_t word[2];

	return read(fd, word, sizeof(word)) == sizeof(word) ? word[1] : UINT64_MAX;
}

/* Records of all lie in the order of writing, each with its event's id. */
TEST_F(redirect, told_apart_by_identifier)
{
	int i, round;

	for (round = 0; round < 4; round++)
		for (i = 0; i < EVENTS; i++)
			ASSERT_EQ(4, write(self->fd[i], &i, 4));
	for (round = 0; round < 4; round++)
		for (i = 0; i < EVENTS; i++) {
			ASSERT_EQ(24, raw_next(&self->raw, self->buf));
			EXPECT_EQ(self->id[i], self->buf[1]);
			EXPECT_EQ(0, memcmp((char *)&self->buf[2] + 4, &i, 4));
		}
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
	/* Each counts its own, and all show the one ring. */
	for (i = 0; i < EVENTS; i++) {
		struct perfring_stats stats = stats_of(self->fd[i]);

		EXPECT_EQ(4, stats.written);
		EXPECT_EQ(4 * 24, stats.bytes);
		EXPECT_EQ(EVENTS * 4 * 24, stats.head);
		EXPECT_EQ((uint64_t)self->raw.size, stats.data_size);
		EXPECT_TRUE(stats_balance(&stats));
	}
}

struct poller {
	int fd, events;
	pthread_t thread;
};

static void *poll_long(void *arg)
{
	struct poller *poller = arg;

	poller->events = poll_events(poller->fd, -1);
	return NULL;
}

/*
 * What woke it, -1 if nothing did within ten seconds: a poll(2) with a limit would look
 * once more at its end and see what nobody told it.
 */
static int poller_events(struct poller *poller)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 10;
	return pthread_timedjoin_np(poller->thread, NULL, &end) ? -1 : poller->events;
}

/* Is somebody asleep on it?  There is no way to see that; so give it some time. */
static int poller_start(struct poller *poller, int fd)
{
	int ret;

	poller->fd = fd;
	ret = pthread_create(&poller->thread, NULL, poll_long, poller);
	sleep_ms(50);
	return ret;
}

/* Whoever writes, whoever sleeps: each pair, by poll(2) that waits and by epoll. */
TEST_F(redirect, wakeups_reach_every_event)
{
	struct epoll_event ready = { .events = EPOLLIN };
	struct poller poller;
	int writer, sleeper, epoll;

	for (writer = 0; writer < EVENTS; writer++)
		for (sleeper = 0; sleeper < EVENTS; sleeper++) {
			ASSERT_EQ(0, poller_start(&poller, self->fd[sleeper]));
			ASSERT_EQ(1, write(self->fd[writer], "x", 1));
			ASSERT_EQ(POLLIN, poller_events(&poller) & ~POLLRDNORM) {
				TH_LOG("%d writes, %d sleeps", writer, sleeper);
			}
			/* Readiness is the ring's, and taken. */
			EXPECT_EQ(0, poll_events(self->fd[writer], 0));

			epoll = epoll_create1(EPOLL_CLOEXEC);
			ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd[sleeper], &ready));
			EXPECT_EQ(0, epoll_wait(epoll, &ready, 1, 0));
			ASSERT_EQ(1, write(self->fd[writer], "x", 1));
			EXPECT_EQ(1, epoll_wait(epoll, &ready, 1, 10000));
			close(epoll);
			raw_drop(&self->raw);
		}
}

/* At the last munmap all that sleep are told, and none has a ring any more. */
TEST_F(redirect, last_munmap_hangs_up_all)
{
	struct poller poller[EVENTS];
	int i;

	for (i = 0; i < EVENTS; i++)
		ASSERT_EQ(0, poller_start(&poller[i], self->fd[i]));
	raw_unmap(&self->raw);
	for (i = 0; i < EVENTS; i++) {
		EXPECT_EQ(POLLHUP, poller_events(&poller[i]));
		EXPECT_EQ(-1, write(self->fd[i], "x", 1));
		EXPECT_EQ(ENOSPC, errno);
	}
}

/*
 * A second mapping, through another event of the ring, is of the same ring and keeps
 * it.  The event whose own last mapping goes leaves, as in perf.
 */
TEST_F(redirect, second_mapping_keeps_the_ring)
{
	struct raw second;

	ASSERT_EQ(0, raw_map(&second, self->fd[1], 1, 0));
	ASSERT_EQ(1, write(self->fd[0], "a", 1));
	EXPECT_EQ(24, raw_head(&second));
	EXPECT_EQ(0, memcmp(self->raw.data, second.data, self->raw.size));
	/* Mapped, it cannot be redirected. */
	EXPECT_EQ(-EINVAL, do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, self->fd[2]));
	EXPECT_EQ(-EINVAL, do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, -1));
	raw_unmap(&self->raw);
	EXPECT_EQ(POLLHUP, poll_events(self->fd[0], 0));
	EXPECT_EQ(-1, write(self->fd[0], "x", 1));
	EXPECT_EQ(1, write(self->fd[2], "x", 1));
	EXPECT_EQ(1, write(self->fd[1], "x", 1));
	EXPECT_EQ(72, raw_head(&second));
	/* And it may come back, by mapping a ring of its own or by SET_OUTPUT. */
	ASSERT_EQ(0, do_ioctl_word(self->fd[0], PERF_EVENT_IOC_SET_OUTPUT, self->fd[2]));
	EXPECT_EQ(1, write(self->fd[0], "x", 1));
	EXPECT_EQ(96, raw_head(&second));
	raw_unmap(&second);
	EXPECT_EQ(POLLHUP, poll_events(self->fd[2], 0));
	EXPECT_EQ(POLLHUP, poll_events(self->fd[0], 0));
}

/* -1 detaches one, again changes nothing; the others go on. */
TEST_F(redirect, detach)
{
	struct poller poller;

	ASSERT_EQ(0, poller_start(&poller, self->fd[1]));
	ASSERT_EQ(0, do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, -1));
	EXPECT_EQ(POLLHUP, poller_events(&poller));
	EXPECT_EQ(0, do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, -1));
	EXPECT_EQ(-1, write(self->fd[1], "x", 1));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(0, raw_head(&self->raw));
	EXPECT_EQ(1, write(self->fd[2], "x", 1));
	EXPECT_EQ(24, raw_head(&self->raw));
	EXPECT_EQ(1, stats_of(self->fd[1]).rejected);
	EXPECT_EQ(0, stats_of(self->fd[1]).head);
}

/* Where an event without a mapping of its own writes, others may follow it. */
TEST_F(redirect, through_another)
{
	struct raw elsewhere;
	int fd;

	fd = event_into(self->fd[2], 0, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(16, raw_head(&self->raw));
	/* From ring to ring, without a detach. */
	ASSERT_EQ(0, do_ioctl_word(self->fd[2], PERF_EVENT_IOC_SET_OUTPUT, -1));
	ASSERT_EQ(0, raw_map(&elsewhere, self->fd[2], 2, 0));
	ASSERT_EQ(0, do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, self->fd[2]));
	ASSERT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(16, raw_head(&self->raw));
	EXPECT_EQ(16, raw_head(&elsewhere));
	/* high_water: of both rings */
	EXPECT_EQ(16, stats_of(fd).high_water);
	raw_unmap(&elsewhere);
	close(fd);
}

/* The mapping keeps the event that was mapped when its descriptor is closed. */
TEST_F(redirect, target_closed)
{
	close(self->fd[0]);
	self->fd[0] = -1;
	ASSERT_EQ(1, write(self->fd[1], "x", 1));
	EXPECT_EQ(24, raw_head(&self->raw));
	EXPECT_EQ(POLLIN, poll_events(self->fd[2], 0) & POLLIN);
	raw_unmap(&self->raw);
	EXPECT_EQ(POLLHUP, poll_events(self->fd[1], 0));
	EXPECT_EQ(-1, write(self->fd[1], "x", 1));
}

/* Closed without a word: the ring and the others stay. */
TEST_F(redirect, redirected_closed)
{
	ASSERT_EQ(1, write(self->fd[1], "x", 1));
	close(self->fd[1]);
	self->fd[1] = -1;
	ASSERT_EQ(1, write(self->fd[0], "x", 1));
	ASSERT_EQ(24, raw_next(&self->raw, self->buf));
	EXPECT_EQ(self->id[1], self->buf[1]);
	ASSERT_EQ(24, raw_next(&self->raw, self->buf));
	EXPECT_EQ(self->id[0], self->buf[1]);
}

/*
 * A page full of records of 24 bytes; then two of the first and three of the second are lost.
 * The third tells of all five in its LOST record, under its id; read(2) tells each
 * event's own.
 */
TEST_F(redirect, losses)
{
	struct perfring_emit result;
	int i;

	ASSERT_EQ(0, emit(self->fd[0], PERF_RECORD_SAMPLE, 0, NULL, 4, FIT(24), &result));
	ASSERT_EQ(FIT(24), result.written);
	for (i = 0; i < 5; i++)
		ASSERT_EQ(-1, write(self->fd[i >= 2], "x", 1));
	raw_drop(&self->raw);
	ASSERT_EQ(1, write(self->fd[2], "x", 1));
	ASSERT_EQ(24, raw_next(&self->raw, self->buf));
	EXPECT_EQ(PERF_RECORD_LOST, ((struct perf_event_header *)self->buf)->type);
	EXPECT_EQ(self->id[2], self->buf[1]);
	EXPECT_EQ(5, self->buf[2]);
	ASSERT_EQ(24, raw_next(&self->raw, self->buf));
	EXPECT_EQ(self->id[2], self->buf[1]);
	EXPECT_EQ(2, lost_of(self->fd[0]));
	EXPECT_EQ(3, lost_of(self->fd[1]));
	EXPECT_EQ(0, lost_of(self->fd[2]));
	EXPECT_EQ(1, stats_of(self->fd[2]).lost_records);
	EXPECT_EQ(0, stats_of(self->fd[0]).lost_records);
}

/* A pause is the ring's: whichever event asks for it. */
TEST_F(redirect, pause_is_the_rings)
{
	int i;

	ASSERT_EQ(0, do_ioctl_word(self->fd[1], PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
	for (i = 0; i < EVENTS; i++) {
		EXPECT_EQ(-1, write(self->fd[i], "x", 1));
		EXPECT_EQ(1, lost_of(self->fd[i]));
	}
	ASSERT_EQ(0, do_ioctl_word(self->fd[2], PERF_EVENT_IOC_PAUSE_OUTPUT, 0));
	EXPECT_EQ(1, write(self->fd[0], "x", 1));
}

/*
 * wakeup_events is each event's, the count behind it the ring's, as rb->events is in
 * perf.  With 3 and 5: two of the first and one of the second make 3, which is less
 * than 5; the next of the first makes 4 >= 3 and wakes, 1 is left; four of the
 * second make 5 >= 5 and wake, none is left.
 */
TEST_F(redirect, wakeup_events_count_together)
{
	static const struct {
		int writer;
		bool wakes;
	} steps[] = {
		{ 0, false }, { 0, false }, { 1, false }, { 0, true },
		{ 1, false }, { 1, false }, { 1, false }, { 1, true },
		{ 0, false }, { 0, false }, { 0, true },
	};
	struct perf_event_attr attr = tagged_attr();
	unsigned int i;
	struct raw raw;
	int fd[2];

	attr.wakeup_events = 3;
	fd[0] = event_into(-1, 0, &attr);
	ASSERT_EQ(0, raw_map(&raw, fd[0], 1, 0));
	attr.wakeup_events = 5;
	fd[1] = event_into(fd[0], 0, &attr);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, do_ioctl(fd[i], PERF_EVENT_IOC_ENABLE, NULL));
	for (i = 0; i < ARRAY_LEN(steps); i++) {
		ASSERT_EQ(1, write(fd[steps[i].writer], "x", 1));
		EXPECT_EQ(steps[i].wakes ? POLLIN : 0, poll_events(fd[1], 0) & POLLIN) {
			TH_LOG("step %u", i);
		}
	}
	EXPECT_EQ(2, stats_of(fd[0]).wakeup_events);
	EXPECT_EQ(1, stats_of(fd[1]).wakeup_events);
	EXPECT_EQ(4, stats_of(fd[0]).wakeup_none);
	EXPECT_EQ(4, stats_of(fd[1]).wakeup_none);
	raw_unmap(&raw);
	close(fd[1]);
	close(fd[0]);
}

/* What cannot be: nothing changes, and the event writes where it wrote. */
TEST_F(redirect, refusals)
{
	struct perf_event_attr attr = tagged_attr();
	int pipes[2], fd, other = second_cpu();

#define REFUSED(target)								\
	EXPECT_EQ(-EINVAL, do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, target))
	REFUSED(self->fd[1]);		/* itself */
	fd = device_open(0);
	REFUSED(fd);			/* no ring there */
	close(fd);
	attr.write_backward = 1;
	fd = event_into(-1, 0, &attr);
	EXPECT_EQ(-EINVAL, do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, self->fd[0]));
	close(fd);
	attr = tagged_attr();
	attr.use_clockid = 1;
	attr.clockid = CLOCK_MONOTONIC;
	fd = event_into(-1, 0, &attr);
	EXPECT_EQ(-EINVAL, do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, self->fd[0]));
	close(fd);
	if (other > 0) {
		fd = device_open(other);
		EXPECT_EQ(-EINVAL, do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, self->fd[0]));
		close(fd);
	}
#undef REFUSED
	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-EBADF, do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, pipes[0]));
	close(pipes[0]);
	close(pipes[1]);
	EXPECT_EQ(-EBADF, do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, 9999));
	ASSERT_EQ(1, write(self->fd[1], "x", 1));
	EXPECT_EQ(24, raw_head(&self->raw));
	EXPECT_EQ(-EINVAL, do_ioctl_word(self->fd[0], PERF_EVENT_IOC_SET_OUTPUT, self->fd[1]));
}

/*
 * A timer's, the scheduler's and a program's records in one ring: read beside, told
 * apart by id, each as many as its event says, the timer's numbers without a gap.
 */
TEST(three_sources_in_one_ring)
{
	struct perf_event_attr attr = tagged_attr();
	uint64_t id[3], seen[3] = {}, seq = 0, number, end, now;
	static uint64_t buf[8192];
	struct perfring_stats stats;
	struct raw raw;
	bool last;
	int fd[3], i;

	fd[0] = event_into(-1, 0, &attr);
	ASSERT_LE(0, fd[0]);
	ASSERT_EQ(0, raw_map(&raw, fd[0], 64, 0));
	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 1000;
	fd[1] = event_into(fd[0], 0, &attr);
	attr.config = PERFRING_SOURCE_SCHED_SWITCH;
	attr.config1 = 0;
	fd[2] = event_into(fd[0], 0, &attr);
	for (i = 0; i < 3; i++) {
		ASSERT_LE(0, fd[i]);
		ASSERT_EQ(0, do_ioctl(fd[i], PERF_EVENT_IOC_ID, &id[i]));
		ASSERT_EQ(0, do_ioctl(fd[i], PERF_EVENT_IOC_ENABLE, NULL));
	}
	end = now_ns() + 300000000ULL;
	do {
		/* Of each some, however long this machine may look away. */
		now = now_ns();
		last = now > end + 10000000000ULL || (now > end && seen[0] && seen[1] && seen[2]);
		if (last)
			for (i = 0; i < 3; i++)
				do_ioctl(fd[i], PERF_EVENT_IOC_DISABLE, NULL);
		else
			EXPECT_EQ(1, write(fd[0], "x", 1));
		while (raw_next(&raw, buf) > 0) {
			for (i = 0; i < 3 && buf[1] != id[i]; i++)
				;
			ASSERT_GT(3, i);
			seen[i]++;
			if (i == 1) {
				memcpy(&number, (char *)buf + 20, sizeof(number));
				ASSERT_EQ(seq, number);
				seq++;
			}
		}
		usleep(1000);
	} while (!last);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, device_stats(fd[i], &stats));
		EXPECT_EQ(0, stats.lost_full);
		EXPECT_EQ(stats.written, seen[i]);
		EXPECT_LT(0, seen[i]);
		close(fd[i]);
	}
	raw_unmap(&raw);
}

#define HAMMERS	4
#define SLOTS	6

struct hammer {
	int *fd;
	uint64_t end;
	unsigned int seed;
	unsigned long calls, done;
};

/* Any call on events of one CPU that share rings and are closed meanwhile. */
static void *hammer(void *arg)
{
	struct hammer *h = arg;
	struct perf_event_attr attr = output_attr();
	unsigned int op, slot;
	struct raw raw;
	int fd, to, ret;

	while (now_ns() < h->end) {
		op = rand_r(&h->seed);
		slot = (op >> 8) % SLOTS;
		fd = __atomic_load_n(&h->fd[slot], __ATOMIC_RELAXED);
		to = __atomic_load_n(&h->fd[(op >> 12) % SLOTS], __ATOMIC_RELAXED);
		ret = -1;
		switch (op % 12) {
		case 0:
			attr = output_attr();
			if (op & 0x10000) {
				attr.type = pmu_type();
				attr.config = PERFRING_SOURCE_GENERATOR;
				attr.config1 = 2000;
			}
			attr.sample_id_all = op >> 17 & 1;
			if (attr.sample_id_all)
				attr.sample_type |= PERF_SAMPLE_TIME | PERF_SAMPLE_ID;
			attr.watermark = op >> 18 & 1;
			attr.disabled = 0;
			fd = __atomic_exchange_n(&h->fd[slot], event_into(-1, 0, &attr),
						 __ATOMIC_RELAXED);
			ret = close(fd);
			break;
		case 1:
		case 2:
			ret = raw_map(&raw, fd, 1 + (op >> 16 & 1), op & 0x20000 ? PROT_READ : 0);
			if (!ret) {
				do_ioctl_word(to, PERF_EVENT_IOC_SET_OUTPUT, fd);
				emit(to, 77, 0, NULL, op >> 24, 20, NULL);
				if (!(op & 0x20000))
					raw_drop(&raw);
				raw_unmap(&raw);
			}
			break;
		case 3:
		case 4:
			ret = do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, to);
			break;
		case 5:
			ret = do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, -1);
			break;
		case 6:
			ret = emit(fd, PERF_RECORD_SAMPLE, 0, NULL, op >> 22, 20, NULL);
			break;
		case 7:
			ret = reserve(fd, PERF_RECORD_SAMPLE, NULL, op >> 22, 0, NULL);
			break;
		case 8:
			ret = release(fd, op & 0x10000);
			break;
		case 9:
			ret = poll_events(fd, 0);
			break;
		case 10:
			ret = do_ioctl_word(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, op >> 16 & 1);
			break;
		case 11:
			ret = do_ioctl(fd, op & 0x10000 ? PERF_EVENT_IOC_ENABLE :
							  PERF_EVENT_IOC_DISABLE, NULL);
			break;
		}
		h->calls++;
		h->done += ret >= 0;
	}
	return NULL;
}

/* Three seconds of that; afterwards the sums hold and nothing is left. */
TEST(hammered)
{
	static const char *const parts[] = {
		"written", "lost_full", "lost_paused", "rejected", "discarded",
	};
	uint64_t events = device_counter(0, "events"), sum = 0;
	struct hammer hammers[HAMMERS];
	pthread_t thread[HAMMERS];
	int fd[SLOTS];
	struct raw raw;
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		fd[i] = event_into(-1, 0, NULL);
	/* One ring stays, so that there is something to be redirected to. */
	ASSERT_EQ(0, raw_map(&raw, fd[0], 1, 0));
	for (i = 0; i < HAMMERS; i++) {
		hammers[i] = (struct hammer) {
			.fd = fd, .end = now_ns() + 3000000000ULL, .seed = 42 + i,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, hammer, &hammers[i]));
	}
	for (i = 0; i < HAMMERS; i++) {
		pthread_join(thread[i], NULL);
		TH_LOG("thread %u: %lu calls, %lu of them good", i, hammers[i].calls,
		       hammers[i].done);
		EXPECT_LT(hammers[i].calls / 10, hammers[i].done);
	}
	raw_unmap(&raw);
	for (i = 0; i < SLOTS; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
	}
	EXPECT_EQ(events, device_counter(0, "events"));
	for (i = 0; i < ARRAY_LEN(parts); i++)
		sum += device_counter(0, parts[i]);
	EXPECT_EQ(sum, device_counter(0, "attempted"));
}

DEVICE_MAIN
