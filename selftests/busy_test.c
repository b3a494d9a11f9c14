// SPDX-License-Identifier: GPL-2.0
/*
 * RESET and PERIOD from another CPU while the event's own is busy: a program runs
 * there without pause, a generator writes from its timer.  A change that is made from
 * elsewhere could be lost between the load and the store of the writer's increment.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

/* Milliseconds in which the generator is sure to tick; it does 2000 times a second. */
#define DEADLINE	10000
#define ROUNDS		200

FIXTURE(busy) {
	int fd;
	int cpu;
	struct raw raw;
	uint64_t buf[8192];
	pthread_t spinner;
	bool spinning;
	bool stop;
};

/* The program that keeps the event's CPU busy. */
static void *spin(void *arg)
{
	FIXTURE_DATA(busy) *self = arg;

	if (pin_to(self->cpu))
		return NULL;
	while (!__atomic_load_n(&self->stop, __ATOMIC_RELAXED))
		;
	return NULL;
}

FIXTURE_SETUP(busy)
{
	struct perf_event_attr attr = output_attr();

	self->cpu = second_cpu();
	if (self->cpu < 0)
		SKIP(return, "one CPU: nobody can be elsewhere");
	ASSERT_EQ(0, pin_to(0));
	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 2000;
	self->fd = device_open(self->cpu);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 64, 0));
	ASSERT_EQ(0, pthread_create(&self->spinner, NULL, spin, self));
	self->spinning = true;
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
}

FIXTURE_TEARDOWN(busy)
{
	__atomic_store_n(&self->stop, true, __ATOMIC_RELAXED);
	if (self->spinning)
		pthread_join(self->spinner, NULL);
	raw_unmap(&self->raw);
	close(self->fd);
}

static uint64_t counted(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : UINT64_MAX;
}

/* At least @n more events; false when none come. */
static bool wait_events(int fd, uint64_t n)
{
	uint64_t until = now_ns() + DEADLINE * 1000000ULL, from = counted(fd);

	while (counted(fd) < from + n)
		if (now_ns() > until)
			return false;
	return true;
}

/*
 * Each RESET makes the next record number 0.  Between two of them comes at least one
 * record, so there are as many zeroes as RESETs, and one for the start; in between
 * numbers follow each other.
 */
TEST_F(busy, reset)
{
	struct perfring_generator_payload payload;
	uint64_t next = 0, zeroes = 0;
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		ASSERT_TRUE(wait_events(self->fd, 1));
		ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_RESET, NULL));
		/* What has come since is less than what comes in a deadline. */
		EXPECT_GT(2 * DEADLINE, counted(self->fd));
		while (raw_next(&self->raw, self->buf) > 0) {
			memcpy(&payload, (char *)self->buf + 12, sizeof(payload));
			if (!payload.seq)
				zeroes++;
			else
				EXPECT_EQ(next, payload.seq);
			next = payload.seq + 1;
		}
	}
	ASSERT_TRUE(wait_events(self->fd, 1));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	while (raw_next(&self->raw, self->buf) > 0) {
		memcpy(&payload, (char *)self->buf + 12, sizeof(payload));
		zeroes += !payload.seq;
	}
	EXPECT_EQ(ROUNDS + 1, zeroes);
}

/*
 * PERIOD of 2^62, by perf's arithmetic: what is left becomes 0. The next event makes it
 * 1, which are two periods of the old length, 1: two samples, -1 is left. The one after
 * makes that 0: a third sample, and then 2^62 are left. No more than three come while
 * events go on.  PERIOD of 1: each event is a sample again.
 */
TEST_F(busy, period)
{
	uint64_t never = 1ULL << 62, each = 1, head;
	const size_t size = 8 + 4 + 16 + 4;	/* header, size, payload, padding to 8 */
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_PERIOD, &never));
		raw_drop(&self->raw);
		head = raw_head(&self->raw);
		ASSERT_TRUE(wait_events(self->fd, 8));
		EXPECT_GE(head + 3 * size, raw_head(&self->raw)) {
			TH_LOG("round %u", round);
		}
		ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_PERIOD, &each));
		head = raw_head(&self->raw);
		ASSERT_TRUE(wait_events(self->fd, 2));
		EXPECT_LE(head + size, raw_head(&self->raw)) {
			TH_LOG("round %u", round);
		}
	}
}

DEVICE_MAIN
