// SPDX-License-Identifier: GPL-2.0
/*
 * RESERVE, COMMIT, DISCARD: a record that is written and not published, writers that
 * nest in it, and what is left of one that is discarded.
 */
#include <fcntl.h>
#include <poll.h>
#include "fixtures.h"
#include "hold.h"

/* The bytes are there, the head is not; COMMIT is what moves it. */
TEST_F(hold, in_memory_not_published)
{
	static const char text[20] = "nineteen characters";
	struct perfring_reserve held;
	struct perfring_stats stats;
	uint32_t raw_size;

	ASSERT_EQ(0, start(self, NULL, 1, 0));
	ASSERT_EQ(0, reserve(self->fd, PERF_RECORD_SAMPLE, text, sizeof(text), 0, &held));
	EXPECT_EQ(32, held.record_size);	/* 8 + 4 + 20 */
	EXPECT_EQ(0, held.position);
	EXPECT_EQ(0, raw_head(&self->raw));
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
	EXPECT_EQ(PERF_RECORD_SAMPLE, type_of(self->raw.data));
	EXPECT_EQ(32, ((struct perf_event_header *)self->raw.data)->size);
	memcpy(&raw_size, self->raw.data + 8, 4);
	EXPECT_EQ(20, raw_size);
	EXPECT_EQ(0, memcmp(self->raw.data + 12, text, sizeof(text)));
	EXPECT_EQ(0, poll_events(self->fd, 0));
	/* Not counted yet, and the kernel's own head is past it. */
	stats = stats_of(self->fd);
	EXPECT_EQ(0, stats.attempted);
	EXPECT_EQ(32, stats.head);
	EXPECT_TRUE(stats_balance(&stats));

	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_EQ(32, raw_head(&self->raw));
	EXPECT_EQ(POLLIN, poll_events(self->fd, 0) & POLLIN);
	ASSERT_EQ(32, raw_next(&self->raw, self->buf));
	EXPECT_EQ(0, memcmp((char *)self->buf + 12, text, sizeof(text)));
	stats = stats_of(self->fd);
	EXPECT_EQ(1, stats.attempted);
	EXPECT_EQ(1, stats.written);
	EXPECT_EQ(32, stats.bytes);
	EXPECT_EQ(1, stats.wakeup_events);
	EXPECT_TRUE(stats_balance(&stats));
	EXPECT_EQ(-ENOENT, release(self->fd, true));
}

/*
 * write(2), EMIT and a batch of 200 records nest: 32 held, 16, 24, 200 * 16 behind
 * it, in memory, none published before the COMMIT and all by it, in order.
 */
TEST_F(hold, user_writers_nest)
{
	const uint64_t behind = 32 + 16 + 24 + 200 * 16;
	struct perf_event_header header;
	struct perfring_emit result;
	int i;

	ASSERT_EQ(0, start(self, NULL, 1, 0));
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	ASSERT_EQ(4, write(self->fd, "abcd", 4));
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 16, 1, &result));
	ASSERT_EQ(0, emit(self->fd, 78, 0, NULL, 8, 200, &result));
	EXPECT_EQ(200, result.written);
	EXPECT_EQ(0, raw_head(&self->raw));
	EXPECT_EQ(0, poll_events(self->fd, 0));
	EXPECT_EQ(behind, stats_of(self->fd).head);
	memcpy(&header, self->raw.data + 32, sizeof(header));
	EXPECT_EQ(PERF_RECORD_SAMPLE, header.type);
	memcpy(&header, self->raw.data + behind - 16, sizeof(header));
	EXPECT_EQ(78, header.type);

	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_EQ(behind, raw_head(&self->raw));
	/* The sample inside was due a wakeup: one, from the outermost. */
	EXPECT_EQ(POLLIN, poll_events(self->fd, 0) & POLLIN);
	EXPECT_EQ(1, stats_of(self->fd).wakeups);
	ASSERT_EQ(32, raw_next(&self->raw, self->buf));
	EXPECT_EQ(1000, type_of(self->buf));
	ASSERT_EQ(16, raw_next(&self->raw, self->buf));
	EXPECT_EQ(PERF_RECORD_SAMPLE, type_of(self->buf));
	EXPECT_EQ(0, memcmp((char *)self->buf + 12, "abcd", 4));
	ASSERT_EQ(24, raw_next(&self->raw, self->buf));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(16, raw_next(&self->raw, self->buf));
		EXPECT_EQ(78, type_of(self->buf));
	}
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
}

/*
 * At least @n records of @fd's event, within five seconds.  This task sleeps on the event's
 * CPU: there are switches however idle that is.  Then it goes to @home again.
 */
static bool wrote(int fd, uint64_t n, int home)
{
	uint64_t end = now_ns() + 5000000000ULL;

	while (stats_of(fd).written < n && now_ns() < end) {
		if (pin_to(0))
			return false;
		sleep_ms(5);
	}
	return !pin_to(home) && stats_of(fd).written >= n;
}

/*
 * An interrupt nests: a generator, whose output goes to the ring, writes from its
 * timer.  Its records are numbered and of 8 + 4 + 20 = 32 bytes.
 */
TEST_F(hold, interrupts_nest)
{
	struct perf_event_attr attr = output_attr();
	uint64_t seq = 0;
	struct perfring_stats stats;

	ASSERT_EQ(0, start(self, NULL, 16, 0));
	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 500;
	attr.config2 = 20;
	self->other = event_into(self->fd, 0, &attr);
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	ASSERT_EQ(0, do_ioctl(self->other, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_TRUE(wrote(self->other, 10, variant->cpu));
	EXPECT_EQ(0, raw_head(&self->raw));
	EXPECT_EQ(0, poll_events(self->fd, 0));
	EXPECT_EQ(PERF_RECORD_SAMPLE, type_of(self->raw.data + 32));
	ASSERT_EQ(0, do_ioctl(self->other, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(0, raw_head(&self->raw));
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	stats = stats_of(self->other);
	EXPECT_EQ(0, stats.lost_full);
	EXPECT_EQ(32 + 32 * stats.written, raw_head(&self->raw));
	EXPECT_EQ(32, raw_next(&self->raw, self->buf));
	EXPECT_EQ(1000, type_of(self->buf));
	while (raw_next(&self->raw, self->buf) == 32) {
		uint64_t is;

		memcpy(&is, (char *)self->buf + 12, sizeof(is));
		EXPECT_EQ(seq, is);
		seq++;
	}
	EXPECT_EQ(stats.written, seq);
}

/* The scheduler's tracepoint nests: many switches, and this task sleeps between. */
TEST_F(hold, switches_nest)
{
	const size_t size = sample_size(sizeof(struct perfring_sched_switch_payload));
	struct perf_event_attr attr = output_attr();
	struct perfring_stats stats;
	uint64_t n = 0;

	ASSERT_EQ(0, start(self, NULL, 16, 0));
	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_SCHED_SWITCH;
	self->other = event_into(self->fd, 0, &attr);
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	ASSERT_EQ(0, do_ioctl(self->other, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_TRUE(wrote(self->other, 4, variant->cpu));
	EXPECT_EQ(0, raw_head(&self->raw));
	ASSERT_EQ(0, do_ioctl(self->other, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(0, raw_head(&self->raw));
	/* The end of the hold is a switch or two, which no longer count. */
	EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(self->fd, false));
	stats = stats_of(self->other);
	EXPECT_EQ(32 + size * stats.written, raw_head(&self->raw));
	EXPECT_EQ(32, raw_next(&self->raw, self->buf));
	EXPECT_EQ(PERF_RECORD_LOST, type_of(self->buf));
	while (raw_next(&self->raw, self->buf) == (int)size)
		n++;
	EXPECT_EQ(stats.written, n);
}

/* The last one is taken back: the ring is as before, the next record lies where it lay. */
TEST_F(hold, discard_of_the_last)
{
	struct perfring_stats before, after;
	struct perfring_reserve held;

	ASSERT_EQ(0, start(self, NULL, 1, 0));
	ASSERT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(POLLIN, poll_events(self->fd, 0) & POLLIN);
	before = stats_of(self->fd);
	ASSERT_EQ(0, reserve(self->fd, PERF_RECORD_SAMPLE, NULL, 100, 0, &held));
	EXPECT_EQ(16, held.position);
	EXPECT_EQ(PERFRING_RELEASE_TAKEN_BACK, release(self->fd, false));
	after = stats_of(self->fd);
	EXPECT_EQ(16, raw_head(&self->raw));
	EXPECT_EQ(16, after.head);
	EXPECT_EQ(before.attempted + 1, after.attempted);
	EXPECT_EQ(before.discarded + 1, after.discarded);
	EXPECT_EQ(before.written, after.written);
	EXPECT_EQ(before.bytes, after.bytes);
	EXPECT_EQ(before.wakeups, after.wakeups);
	EXPECT_EQ(before.wakeup_events, after.wakeup_events);
	EXPECT_TRUE(stats_balance(&after));
	EXPECT_EQ(0, poll_events(self->fd, 0));
	ASSERT_EQ(1, write(self->fd, "y", 1));
	ASSERT_EQ(16, raw_next(&self->raw, self->buf));
	ASSERT_EQ(16, raw_next(&self->raw, self->buf));
	EXPECT_EQ('y', ((char *)self->buf)[12]);
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
}

/*
 * Five losses wait for the next LOST record, which a held record brings: position
 * 24 further on.  Discarded, both go, and the five are told by the next one;
 * committed, they are told once.
 */
TEST_F(hold, discard_gives_losses_back)
{
	struct perfring_emit result;
	struct perfring_reserve held;
	uint64_t head;

	ASSERT_EQ(0, start(self, NULL, 1, 0));
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, FIT(16) + 5, &result));
	ASSERT_EQ(5, result.lost);
	raw_drop(&self->raw);
	head = raw_head(&self->raw);
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, &held));
	EXPECT_EQ(head + 24, held.position);
	EXPECT_EQ(PERFRING_RELEASE_TAKEN_BACK, release(self->fd, false));
	EXPECT_EQ(head, raw_head(&self->raw));
	EXPECT_EQ(0, stats_of(self->fd).lost_records);

	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, &held));
	EXPECT_EQ(head + 24, held.position);
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_EQ(1, stats_of(self->fd).lost_records);
	ASSERT_EQ(24, raw_next(&self->raw, self->buf));
	EXPECT_EQ(PERF_RECORD_LOST, type_of(self->buf));
	EXPECT_EQ(5, self->buf[2]);
	ASSERT_EQ(32, raw_next(&self->raw, self->buf));
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
	ASSERT_EQ(1, write(self->fd, "x", 1));
	ASSERT_EQ(16, raw_next(&self->raw, self->buf));
}

/* With a follower the LOST record that it brought stays, and tells its losses. */
TEST_F(hold, discard_with_follower_tells_losses)
{
	struct perfring_emit result;

	ASSERT_EQ(0, start(self, NULL, 1, 0));
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, FIT(16) + 5, &result));
	ASSERT_EQ(5, result.lost);
	raw_drop(&self->raw);
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	ASSERT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(self->fd, false));
	EXPECT_EQ(1, stats_of(self->fd).lost_records);
	ASSERT_EQ(24, raw_next(&self->raw, self->buf));
	EXPECT_EQ(5, self->buf[2]);
	ASSERT_EQ(32, raw_next(&self->raw, self->buf));
	EXPECT_EQ(PERF_RECORD_LOST, type_of(self->buf));
	EXPECT_EQ(0, self->buf[2]);
	ASSERT_EQ(16, raw_next(&self->raw, self->buf));
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
}

/*
 * A watermark of 64 and a record of 80 that crosses it, taken back: the crossing
 * is taken back too.  Records of 24 then wake at the third (72 > 64), neither
 * before nor, as it would with the crossing left in, at the sixth (144 > 128).
 */
TEST_F(hold, discard_restores_the_watermark)
{
	struct perf_event_attr attr = output_attr();
	int i;

	attr.watermark = 1;
	attr.wakeup_watermark = 64;
	ASSERT_EQ(0, start(self, &attr, 1, 0));
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 72, 0, NULL));
	EXPECT_EQ(PERFRING_RELEASE_TAKEN_BACK, release(self->fd, false));
	EXPECT_EQ(0, poll_events(self->fd, 0));
	for (i = 1; i <= 6; i++) {
		ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 16, 1, NULL));
		/* 144 > 128 at the sixth again */
		EXPECT_EQ(i % 3 ? 0 : POLLIN, poll_events(self->fd, 0) & POLLIN) {
			TH_LOG("record %d", i);
		}
	}
	EXPECT_EQ(2, stats_of(self->fd).wakeup_watermark);
	EXPECT_EQ(2, stats_of(self->fd).wakeups);
}

/* Committed, or discarded with a follower, the crossing wakes. */
TEST_F(hold, watermark_of_a_held_record)
{
	struct perf_event_attr attr = output_attr();

	attr.watermark = 1;
	attr.wakeup_watermark = 64;
	ASSERT_EQ(0, start(self, &attr, 1, 0));
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 72, 0, NULL));
	EXPECT_EQ(0, poll_events(self->fd, 0));
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_EQ(POLLIN, poll_events(self->fd, 0) & POLLIN);
	EXPECT_EQ(1, stats_of(self->fd).wakeup_watermark);
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 72, 0, NULL));
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 16, 1, NULL));
	EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(self->fd, false));
	EXPECT_EQ(POLLIN, poll_events(self->fd, 0) & POLLIN);
	EXPECT_EQ(1, stats_of(self->fd).wakeup_watermark);
}

/*
 * With a follower it becomes a LOST record of 0, as long as it was: 64 bytes, of
 * which the 24 of a LOST record count and, with sample_id_all, those at its end.
 */
TEST_F(hold, discard_with_follower_is_lost_0)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_stats stats;
	uint64_t id, record[5], value;

	attr.sample_id_all = 1;
	attr.sample_type |= PERF_SAMPLE_ID | PERF_SAMPLE_CPU;
	ASSERT_EQ(0, start(self, &attr, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ID, &id));
	/* 8 + 40 and a sample_id of 16 */
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 40, 0, NULL));
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 1, NULL));
	EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(self->fd, false));
	EXPECT_EQ(64 + 32, raw_head(&self->raw));
	memcpy(record, self->raw.data, sizeof(record));
	EXPECT_EQ(header_word(PERF_RECORD_LOST, 0, 64), record[0]);
	EXPECT_EQ(id, record[1]);
	EXPECT_EQ(0, record[2]);
	memcpy(&value, self->raw.data + 64 - 16, sizeof(value));
	EXPECT_EQ(id, value);
	memcpy(&value, self->raw.data + 64 - 8, sizeof(value));
	EXPECT_EQ(0, value);	/* CPU 0 */
	stats = stats_of(self->fd);
	EXPECT_EQ(2, stats.attempted);
	EXPECT_EQ(1, stats.written);
	EXPECT_EQ(1, stats.discarded);
	EXPECT_EQ(32, stats.bytes);
	EXPECT_TRUE(stats_balance(&stats));
}

TEST_HARNESS_MAIN
