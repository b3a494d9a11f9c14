// SPDX-License-Identifier: GPL-2.0
/* Writers that interrupt writers on the device: one of its CPU, one carried there. */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

struct storm {
	int fd;
	int cpu;
	uint32_t type;
	unsigned long rounds;
	uint64_t written, lost;
	int error;
};

/* EMIT of 64 records at a time, from @cpu. */
static void *storm_main(void *arg)
{
	struct storm *storm = arg;
	struct perfring_emit result;

	storm->error = pin_to(storm->cpu);
	while (!storm->error && storm->rounds--) {
		storm->error = emit(storm->fd, storm->type, 0, NULL, 40, 64, &result);
		storm->written += result.written;
		storm->lost += result.lost;
	}
	return NULL;
}

/*
 * One thread emits on the event's CPU with interrupts on, another from the other
 * CPU, whose records an interrupt carries in: the second kind nests in the first.
 */
TEST(interrupts_write_inside_a_write)
{
	struct storm storm[2] = {
		{ .cpu = 0, .type = 1000, .rounds = 300 },
		{ .cpu = 1, .type = 1001, .rounds = 300 },
	};
	static uint64_t buf[8192];
	const struct perf_event_header *header = (void *)buf;
	uint64_t seen[2] = {}, lost_seen = 0;
	struct perfring_stats stats;
	pthread_t thread[2];
	unsigned int i, ended;
	struct raw raw;
	int fd, size;

	if (second_cpu() < 0)
		SKIP(return, "one CPU online, two are needed");
	storm[1].cpu = second_cpu();
	fd = device_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	for (i = 0; i < 2; i++) {
		storm[i].fd = fd;
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, storm_main, &storm[i]));
	}
	/* One more look after both have ended. */
	for (ended = 0; ended < 3; ) {
		if (ended == 2 || !pthread_tryjoin_np(thread[ended], NULL))
			ended++;
		while ((size = raw_next(&raw, buf)) > 0) {
			if (header->type == PERF_RECORD_LOST) {
				lost_seen += buf[2];
				continue;
			}
			ASSERT_EQ(48, size);
			ASSERT_EQ(0, header->misc);
			/* The pattern of EMIT: byte i is i. */
			ASSERT_EQ(ZERO_TO_SEVEN, buf[1]);
			ASSERT_EQ(ZERO_TO_SEVEN + 32 * 0x0101010101010101ULL, buf[5]);
			ASSERT_LT(header->type - 1000, 2U);
			seen[header->type - 1000]++;
		}
		ASSERT_EQ(0, size);
	}
	EXPECT_EQ(0, storm[0].error);
	EXPECT_EQ(0, storm[1].error);
	ASSERT_EQ(0, device_stats(fd, &stats));
	EXPECT_EQ(2 * 300 * 64U, stats.attempted);
	EXPECT_EQ(stats.attempted, stats.written + stats.lost_full);
	EXPECT_EQ(storm[0].written + storm[1].written, stats.written);
	EXPECT_EQ(storm[0].lost + storm[1].lost, stats.lost_full);
	EXPECT_EQ(stats.written, seen[0] + seen[1]);
	EXPECT_EQ(storm[0].written, seen[0]);
	EXPECT_LE(lost_seen, stats.lost_full);
	raw_unmap(&raw);
	close(fd);
}

DEVICE_MAIN
