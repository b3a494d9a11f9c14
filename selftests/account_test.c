// SPDX-License-Identifier: GPL-2.0
/*
 * attempted == written + lost_full + lost_paused + rejected + discarded, for each
 * event by STATS and for each device by sysfs, after each kind of trouble.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

static const char *const counters[] = {
	"attempted", "written", "lost_full", "lost_paused", "rejected", "discarded", "bytes",
	"lost_records", "wakeups",
};

#define NR	ARRAY_LEN(counters)

FIXTURE(account) {
	int fd;
	struct raw raw;
	uint64_t before[NR];
};

FIXTURE_SETUP(account)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		self->before[i] = device_counter(0, counters[i]);
		ASSERT_NE(UINT64_MAX, self->before[i]);
	}
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
}

FIXTURE_TEARDOWN(account)
{
	raw_unmap(&self->raw);
	if (self->fd >= 0)
		close(self->fd);
}

/* The event says @want, the identity holds, and the device moved by as much. */
static void check(struct __test_metadata *_metadata, FIXTURE_DATA(account) *self,
		  const struct perfring_stats *want)
{
	struct perfring_stats got;
	uint64_t field[NR], sum = 0;
	unsigned int i;

	ASSERT_EQ(0, device_stats(self->fd, &got));
	EXPECT_TRUE(stats_balance(&got));
	EXPECT_EQ(want->attempted, got.attempted);
	EXPECT_EQ(want->written, got.written);
	EXPECT_EQ(want->lost_full, got.lost_full);
	EXPECT_EQ(want->lost_paused, got.lost_paused);
	EXPECT_EQ(want->rejected, got.rejected);
	EXPECT_EQ(0, got.discarded);
	EXPECT_EQ(want->bytes, got.bytes);
	EXPECT_EQ(want->lost_records, got.lost_records);
	EXPECT_EQ(want->wakeups, got.wakeups);
	memcpy(field, &got.attempted, sizeof(field));
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(self->before[i] + field[i], device_counter(0, counters[i])) {
			TH_LOG("%s", counters[i]);
		}
	}
	for (i = 1; i < 6; i++)
		sum += device_counter(0, counters[i]);
	EXPECT_EQ(sum, device_counter(0, "attempted"));
}

/*
 * Full: a page has room for 255 records of 16 (or more, where it is larger), 45 are lost.
 * After the reader took all, one more brings the LOST record. Each
 * sample written is a wakeup due (wakeup_events 1); LOST makes none of its own.
 */
TEST_F(account, full)
{
	struct perfring_stats want = {
		.attempted = FIT(16) + 45, .written = FIT(16), .lost_full = 45,
		.bytes = FIT(16) * 16, .wakeups = FIT(16),
	};
	struct perfring_stats got;

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 4, FIT(16) + 45, NULL));
	check(_metadata, self, &want);
	ASSERT_EQ(0, device_stats(self->fd, &got));
	EXPECT_EQ(FIT(16) * 16, got.high_water);
	EXPECT_EQ(FIT(16) * 16, got.head);
	EXPECT_EQ(PAGE, got.data_size);
	raw_drop(&self->raw);
	ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 4, 1, NULL));
	want.attempted++;
	want.written++;
	want.bytes += 16;
	want.lost_records++;
	want.wakeups++;
	check(_metadata, self, &want);
}

/* Paused: 7 missed. */
TEST_F(account, paused)
{
	struct perfring_stats want = {
		.attempted = 8, .written = 1, .lost_paused = 7, .bytes = 16, .wakeups = 1,
		.lost_records = 1,
	};

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
	ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 4, 7, NULL));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0));
	ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 4, 1, NULL));
	check(_metadata, self, &want);
}

/* Rejected: without a ring, with the control page alone, and too long. */
TEST_F(account, rejected)
{
	struct perfring_stats want = { .attempted = 4, .rejected = 4 };

	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(ENOSPC, errno);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 0, 0));
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	raw_unmap(&self->raw);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	EXPECT_EQ(-E2BIG, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 65517, 1, NULL));
	EXPECT_EQ(-E2BIG, emit(self->fd, 77, 0, NULL, 65521, 1, NULL));
	check(_metadata, self, &want);
}

/* A record longer than the ring finds no room, ever: lost, not rejected. */
TEST_F(account, longer_than_the_ring)
{
	struct perfring_stats want = { .attempted = 1, .lost_full = 1 };

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	EXPECT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, PAGE + 1000, 1, NULL));
	check(_metadata, self, &want);
}

/* A wild tail loses the owner's records and nothing else; the sums hold. */
TEST_F(account, wild_tail)
{
	static const uint64_t tails[] = { 1, 7, 4095, 1ULL << 63, ~0ULL, 12345678, 0 - 8ULL };
	struct perfring_stats got;
	unsigned int i;

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	for (i = 0; i < ARRAY_LEN(tails); i++) {
		__atomic_store_n(&self->raw.page->data_tail, tails[i], __ATOMIC_RELEASE);
		ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 100, 100, NULL));
		ASSERT_EQ(0, device_stats(self->fd, &got));
		EXPECT_TRUE(stats_balance(&got));
		EXPECT_EQ((i + 1) * 100, got.attempted);
		EXPECT_EQ(0, got.head % 8);
		EXPECT_EQ(got.head, raw_head(&self->raw));
	}
}

struct storm {
	int fd, cpu;
	unsigned int rounds;
	uint64_t written, lost;
	int error;
};

static void *storm(void *arg)
{
	struct storm *s = arg;
	struct perfring_emit result;

	s->error = pin_to(s->cpu);
	while (!s->error && s->rounds--) {
		s->error = emit(s->fd, s->rounds & 1 ? 77 : PERF_RECORD_SAMPLE, 0, NULL,
				s->rounds % 200, 50, &result);
		s->written += result.written;
		s->lost += result.lost;
	}
	return NULL;
}

#define FDS	4

/*
 * Nested: a generator of 10000 a second in hardirq on CPU 0 while threads on both
 * CPUs emit into the same events and others: user tasks, IPIs and the timer
 * interrupt each other on the CPU. Sums hold for each event and the device.
 */
TEST_F(account, nested_writers)
{
	struct perf_event_attr attr = output_attr();
	struct storm storms[2 * FDS] = {};
	struct perfring_stats stats;
	struct raw raw[FDS + 1];
	uint64_t attempted = 0;
	pthread_t thread[2 * FDS];
	int fd[FDS + 1], i, other = second_cpu() < 0 ? 0 : second_cpu();

	for (i = 0; i <= FDS; i++) {
		fd[i] = device_open(0);
		ASSERT_LE(0, fd[i]);
		if (i == FDS) {
			attr.type = pmu_type();
			attr.config = PERFRING_SOURCE_GENERATOR;
			attr.config1 = 10000;
			attr.config2 = 16 | 300 << 16;
		}
		ASSERT_EQ(0, do_ioctl(fd[i], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
		/* Some overwrite, some fill up. */
		ASSERT_EQ(0, raw_map(&raw[i], fd[i], 4, i & 1 ? PROT_READ : 0));
		ASSERT_EQ(0, do_ioctl(fd[i], PERF_EVENT_IOC_ENABLE, NULL));
	}
	for (i = 0; i < 2 * FDS; i++) {
		storms[i] = (struct storm) {
			.fd = fd[i % FDS], .cpu = i < FDS ? 0 : other, .rounds = 100,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, storm, &storms[i]));
	}
	for (i = 0; i < 2 * FDS; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, storms[i].error);
	}
	ASSERT_EQ(0, do_ioctl(fd[FDS], PERF_EVENT_IOC_DISABLE, NULL));
	for (i = 0; i <= FDS; i++) {
		ASSERT_EQ(0, device_stats(fd[i], &stats));
		EXPECT_TRUE(stats_balance(&stats)) {
			TH_LOG("event %d", i);
		}
		if (i < FDS) {
			EXPECT_EQ(2 * 100 * 50, stats.attempted);
			EXPECT_EQ(storms[i].written + storms[i + FDS].written, stats.written);
			EXPECT_EQ(storms[i].lost + storms[i + FDS].lost, stats.lost_full);
		} else {
			EXPECT_LT(0, stats.attempted);
		}
		EXPECT_EQ(stats.head, raw_head(&raw[i]));
		attempted += stats.attempted;
		raw_unmap(&raw[i]);
		close(fd[i]);
	}
	/* Closed events are in the device's sums. */
	EXPECT_EQ(self->before[0] + attempted, device_counter(0, "attempted"));
	EXPECT_EQ(device_counter(0, "attempted"),
		  device_counter(0, "written") + device_counter(0, "lost_full") +
		  device_counter(0, "lost_paused") + device_counter(0, "rejected") +
		  device_counter(0, "discarded"));
}

/* EMIT tells what was lost before the last sample of REFRESH, lost as well, stopped it. */
TEST_F(account, emit_that_is_stopped)
{
	struct perfring_emit result;

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 3));
	EXPECT_EQ(-EOPNOTSUPP, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 4, 10, &result));
	EXPECT_EQ(0, result.written);
	EXPECT_EQ(3, result.lost);
}

/* events counts what is open. */
TEST_F(account, events)
{
	uint64_t open_now = device_counter(0, "events");
	int fd = device_open(0);

	EXPECT_EQ(open_now + 1, device_counter(0, "events"));
	close(fd);
	EXPECT_EQ(open_now, device_counter(0, "events"));
}

DEVICE_MAIN
