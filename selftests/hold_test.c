// SPDX-License-Identifier: GPL-2.0
/*
 * RESERVE, COMMIT, DISCARD: a record that is written and not published, and
 * writers that nest in it.
 *
 * Sizes: a sample of attr RAW with a payload of n bytes is 8 + (4 + n rounded up to
 * 8); any other record 8 + n rounded up.  A LOST record is 24, without sample_id.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fixtures.h"

FIXTURE(hold) {
	int fd, other;
	struct raw raw;
	size_t page;
	uint64_t buf[8192];
};

/* The device is that of CPU 0; the ioctls come from a task there or elsewhere. */
FIXTURE_VARIANT(hold) {
	int cpu;
};

FIXTURE_VARIANT_ADD(hold, same_cpu) { .cpu = 0 };
FIXTURE_VARIANT_ADD(hold, other_cpu) { .cpu = 1 };

FIXTURE_SETUP(hold)
{
	char why[WHY_LEN];

	self->fd = -1;
	self->other = -1;
	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	if (pin_to(variant->cpu))
		SKIP(return, "CPU %d is not there", variant->cpu);
	self->page = sysconf(_SC_PAGESIZE);
}

FIXTURE_TEARDOWN(hold)
{
	if (self->raw.page)
		raw_unmap(&self->raw);
	close(self->other);
	close(self->fd);
}

/* An enabled event with a ring. */
static int start(FIXTURE_DATA(hold) *self, const struct perf_event_attr *attr, size_t pages,
		 int prot)
{
	int ret;

	self->fd = event_into(-1, 0, attr);
	if (self->fd < 0)
		return self->fd;
	ret = raw_map(&self->raw, self->fd, pages, prot);
	return ret ?: do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL);
}

static struct perfring_stats stats_of(int fd)
{
	struct perfring_stats stats;

	if (device_stats(fd, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

static uint32_t type_of(const void *record)
{
	return ((const struct perf_event_header *)record)->type;
}

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

/* At least @n records of @fd's event, within five seconds, with the CPU busy now and then. */
static bool wrote(int fd, uint64_t n)
{
	uint64_t end = now_ns() + 5000000000ULL;

	while (stats_of(fd).written < n && now_ns() < end)
		sleep_ms(5);
	return stats_of(fd).written >= n;
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
	EXPECT_TRUE(wrote(self->other, 10));
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
	EXPECT_TRUE(wrote(self->other, 4));
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
	/* 4096 / 16 = 256 records, of which one byte may not be used: 255. */
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 260, &result));
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
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 260, &result));
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
	EXPECT_EQ(PERF_RECORD_LOST | 64ULL << 48, record[0]);
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

/* What a reader was told. */
struct told {
	unsigned int samples, records, losses;
	uint64_t lost;
};

static void libbpf_sample(void *context, int cpu, void *data, uint32_t size)
{
	struct told *told = context;

	(void)cpu;
	(void)data;
	(void)size;
	told->samples++;
}

static void libbpf_lost(void *context, int cpu, __u64 lost)
{
	struct told *told = context;

	(void)cpu;
	told->losses++;
	told->lost += lost;
}

/*
 * libbpf's perf_buffer passes over it.  It opens perf events of its own; at the
 * place of its mapping of CPU 0's ring we put ours, of the same size.
 */
TEST_F(hold, libbpf_passes_over_lost_0)
{
	struct perf_buffer *buffer;
	struct told told = {};
	size_t size;
	void *base;
	int map;

	map = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, NULL, 4, 4, 8, NULL);
	ASSERT_LE(0, map);
	buffer = perf_buffer__new(map, 2, libbpf_sample, libbpf_lost, &told, NULL);
	ASSERT_NE(NULL, buffer);
	ASSERT_EQ(0, perf_buffer__buffer(buffer, 0, &base, &size));
	ASSERT_EQ(2 * self->page, size);
	self->fd = event_into(-1, 0, NULL);
	ASSERT_EQ(base, mmap(base, size + self->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			     self->fd, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(1, write(self->fd, "x", 1));
	ASSERT_EQ(0, reserve(self->fd, PERF_RECORD_SAMPLE, NULL, 100, 0, NULL));
	ASSERT_EQ(1, write(self->fd, "y", 1));
	ASSERT_EQ(0, perf_buffer__consume_buffer(buffer, 0));
	EXPECT_EQ(1, told.samples);
	EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(self->fd, false));
	ASSERT_EQ(0, perf_buffer__consume_buffer(buffer, 0));
	EXPECT_EQ(2, told.samples);
	EXPECT_EQ(1, told.losses);
	EXPECT_EQ(0, told.lost);
	perf_buffer__free(buffer);
	close(map);
}

static void on_lost(void *context, unsigned int index, uint64_t lost)
{
	struct told *told = context;

	(void)index;
	told->losses++;
	told->lost += lost;
}

static int on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	struct told *told = context;

	(void)index;
	told->records++;
	told->samples += record->type == PERF_RECORD_SAMPLE;
	return 0;
}

/* So does the library's reader. */
TEST_F(hold, library_passes_over_lost_0)
{
	struct told told = {};
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = on_record, .lost = on_lost, .context = &told,
	};
	struct perfring_storage *storage;
	struct perfring_reader *reader;
	int fd;

	ASSERT_EQ(0, perfring_storage_open_device("/dev/perfring0", NULL, NULL, &storage));
	ASSERT_EQ(0, perfring_reader_create(&opts, &reader));
	ASSERT_EQ(0, perfring_storage_enable(storage));
	fd = perfring_storage_fd(storage);
	ASSERT_EQ(0, perfring_reader_add(reader, storage));
	ASSERT_EQ(0, reserve(fd, PERF_RECORD_SAMPLE, NULL, 100, 0, NULL));
	ASSERT_EQ(3, write(fd, "abc", 3));
	EXPECT_EQ(0, perfring_reader_consume(reader));
	EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(fd, false));
	EXPECT_EQ(2, perfring_reader_consume(reader));
	EXPECT_EQ(2, told.records);
	EXPECT_EQ(1, told.samples);
	EXPECT_EQ(1, told.losses);
	EXPECT_EQ(0, told.lost);
	perfring_reader_destroy(reader);
}

/* Who is told what. */
TEST_F(hold, refusals)
{
	struct perfring_release end = { .size = sizeof(end) };
	struct perfring_reserve begin = { .size = sizeof(begin), .type = 1000, .len = 24 };
	struct perf_event_attr attr = output_attr();
	struct perfring_reserve held;
	struct perfring_emit result;
	struct perfring_stats stats;
	int fd;

	/* No ring, and not enabled. */
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(-EOPNOTSUPP, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	EXPECT_EQ(-ENOENT, release(self->fd, true));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(-ENOSPC, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	stats = stats_of(self->fd);
	EXPECT_EQ(1, stats.attempted);
	EXPECT_EQ(1, stats.rejected);

	EXPECT_EQ(-EINVAL, reserve(self->fd, 0, NULL, 24, 0, NULL));
	EXPECT_EQ(-EINVAL, reserve(self->fd, 1000, NULL, 24, 3, NULL));
	EXPECT_EQ(-EINVAL, reserve(self->fd, 1000, NULL, 24, 4, NULL));
	begin.reserved = 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERFRING_IOC_RESERVE, &begin));
	EXPECT_EQ(-EFAULT, reserve(self->fd, 1000, (void *)8, 24, 0, NULL));
	EXPECT_EQ(1, stats_of(self->fd).attempted);
	/* Shorter than the 24 of a LOST record: 16; 8 + 4 + 4; but 24 will do. */
	EXPECT_EQ(-EINVAL, reserve(self->fd, 1000, NULL, 8, 0, NULL));
	EXPECT_EQ(-EINVAL, reserve(self->fd, PERF_RECORD_SAMPLE, NULL, 4, 0, NULL));
	EXPECT_EQ(0, reserve(self->fd, 1000, NULL, 9, 0, &held));
	EXPECT_EQ(24, held.record_size);
	/* One is held: of whatever size, from whichever event. */
	EXPECT_EQ(-EBUSY, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	self->other = event_into(self->fd, 0, NULL);
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, do_ioctl(self->other, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(-EBUSY, reserve(self->other, 1000, NULL, 24, 0, NULL));
	end.flags = 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERFRING_IOC_COMMIT, &end));
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERFRING_IOC_DISCARD, &end));
	/* And from whichever event it ends. */
	EXPECT_EQ(PERFRING_RELEASE_TAKEN_BACK, release(self->other, false));
	EXPECT_EQ(-ENOENT, release(self->other, false));
	EXPECT_EQ(-ENOENT, release(self->fd, true));

	/* Longer than a header can say, longer than the ring. */
	EXPECT_EQ(-E2BIG, reserve(self->fd, 1000, NULL, 65528, 0, NULL));
	EXPECT_EQ(-E2BIG, reserve(self->fd, 1000, NULL, UINT32_MAX, 0, NULL));
	EXPECT_EQ(-E2BIG, reserve(self->fd, 1000, NULL, self->page, 0, NULL));
	/* As long as the ring has no room in it: one byte is never used. */
	EXPECT_EQ(-ENOSPC, reserve(self->fd, 1000, NULL, self->page - 8, 0, NULL));
	/* Paused: lost. */
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
	EXPECT_EQ(-ENOSPC, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0));
	/* Full. */
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 300, &result));
	EXPECT_EQ(-ENOSPC, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	stats = stats_of(self->fd);
	EXPECT_EQ(3 + 1 + 2, stats.rejected);
	EXPECT_EQ(1, stats.lost_paused);
	EXPECT_EQ(2 + result.lost, stats.lost_full);
	EXPECT_EQ(1, stats.discarded);
	EXPECT_TRUE(stats_balance(&stats));

	/* Another source. */
	attr.config = PERF_COUNT_SW_DUMMY;
	attr.disabled = 0;
	fd = event_into(self->fd, 0, &attr);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EOPNOTSUPP, reserve(fd, 1000, NULL, 24, 0, NULL));
	EXPECT_EQ(-ENOENT, release(fd, true));
	close(fd);
	/* Open for reading. */
	fd = open("/dev/perfring0", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, reserve(fd, 1000, NULL, 24, 0, NULL));
	EXPECT_EQ(-EBADF, release(fd, true));
	EXPECT_EQ(-EBADF, release(fd, false));
	close(fd);
}

/* Position and ring stand while one is held; the rest of the controls work. */
TEST_F(hold, controls_while_held)
{
	struct perfring_position position = { .size = sizeof(position), .position = 4096 };
	struct perfring_stats stats;

	ASSERT_EQ(0, start(self, NULL, 1, 0));
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(-EBUSY, do_ioctl(self->fd, PERFRING_IOC_SET_POSITION, &position));
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_RESET, NULL));
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(EOPNOTSUPP, errno);
	/* What is inside may leave. */
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_EQ(32, raw_head(&self->raw));
	EXPECT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_SET_POSITION, &position));
	EXPECT_EQ(4096, raw_head(&self->raw));
	self->raw.tail = 4096;

	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
	/* The pause is for who comes. */
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_EQ(32, raw_next(&self->raw, self->buf));
	stats = stats_of(self->fd);
	EXPECT_EQ(1, stats.lost_paused);
	EXPECT_EQ(2, stats.written);
	EXPECT_TRUE(stats_balance(&stats));
}

/* The last munmap forgets it; close alone does not, as the mapping keeps the event. */
TEST_F(hold, munmap_and_close)
{
	struct perfring_stats stats;
	struct raw raw;
	int i;

	ASSERT_EQ(0, start(self, NULL, 2, 0));
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	raw_unmap(&self->raw);
	EXPECT_EQ(-ENOENT, release(self->fd, true));
	stats = stats_of(self->fd);
	EXPECT_EQ(0, stats.attempted);
	/* A new ring knows nothing of it. */
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(16, raw_head(&self->raw));

	/* Many, so that what is not freed or freed twice has a chance to show. */
	for (i = 0; i < 20; i++) {
		int fd = event_into(-1, 0, NULL);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
		ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
		ASSERT_EQ(0, reserve(fd, PERF_RECORD_SAMPLE, NULL, 1000, 0, NULL));
		close(fd);
		EXPECT_EQ(0, raw_head(&raw));
		EXPECT_EQ(PERF_RECORD_SAMPLE, type_of(raw.data));
		raw_unmap(&raw);
	}
}

/* The event that holds leaves the ring, by a detach or by its close: another one ends it. */
TEST_F(hold, holder_leaves)
{
	struct perfring_stats stats;
	int round;

	ASSERT_EQ(0, start(self, NULL, 1, 0));
	for (round = 0; round < 4; round++) {
		self->other = event_into(self->fd, 0, NULL);
		ASSERT_LE(0, self->other);
		ASSERT_EQ(0, do_ioctl(self->other, PERF_EVENT_IOC_ENABLE, NULL));
		ASSERT_EQ(0, reserve(self->other, 1000, NULL, 24, 0, NULL));
		if (round & 1) {
			close(self->other);
			self->other = -1;
		} else {
			ASSERT_EQ(0, do_ioctl_word(self->other, PERF_EVENT_IOC_SET_OUTPUT, -1));
			EXPECT_EQ(-ENOENT, release(self->other, true));
		}
		if (round & 2) {
			EXPECT_EQ(PERFRING_RELEASE_TAKEN_BACK, release(self->fd, false));
		} else {
			EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
			EXPECT_EQ(32, raw_next(&self->raw, self->buf));
			EXPECT_EQ(1000, type_of(self->buf));
		}
		EXPECT_EQ(0, raw_next(&self->raw, self->buf));
		close(self->other);
	}
	self->other = -1;
	stats = stats_of(self->fd);
	EXPECT_TRUE(stats_balance(&stats));
}

/*
 * The one that leaves has no sample_id, the one that stays has 48 bytes of it: what
 * the record becomes was settled when it was reserved, and its neighbours stay.
 */
TEST_F(hold, holder_leaves_to_another_layout)
{
	struct perf_event_attr attr = output_attr();
	unsigned char before[56];
	uint64_t id;

	attr.sample_id_all = 1;
	attr.sample_type |= PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |
			    PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER;
	ASSERT_EQ(0, start(self, &attr, 1, 0));
	self->other = event_into(self->fd, 0, NULL);
	ASSERT_LE(0, self->other);
	ASSERT_EQ(0, do_ioctl(self->other, PERF_EVENT_IOC_ID, &id));
	ASSERT_EQ(0, do_ioctl(self->other, PERF_EVENT_IOC_ENABLE, NULL));
	/* 8 + 48, without sample_id */
	ASSERT_EQ(0, emit(self->other, 77, 0, NULL, 48, 1, NULL));
	memcpy(before, self->raw.data, sizeof(before));
	/* As short as can be. */
	ASSERT_EQ(0, reserve(self->other, 1000, NULL, 16, 0, NULL));
	ASSERT_EQ(0, emit(self->other, 78, 0, NULL, 48, 1, NULL));
	ASSERT_EQ(0, do_ioctl_word(self->other, PERF_EVENT_IOC_SET_OUTPUT, -1));
	EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(self->fd, false));
	EXPECT_EQ(0, memcmp(before, self->raw.data, sizeof(before)));
	ASSERT_EQ(56, raw_next(&self->raw, self->buf));
	ASSERT_EQ(24, raw_next(&self->raw, self->buf));
	EXPECT_EQ(PERF_RECORD_LOST, type_of(self->buf));
	EXPECT_EQ(id, self->buf[1]);
	EXPECT_EQ(0, self->buf[2]);
	ASSERT_EQ(56, raw_next(&self->raw, self->buf));
	EXPECT_EQ(78, type_of(self->buf));
	EXPECT_EQ(0x0706050403020100ULL, self->buf[1]);
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
}

/* Backward: the held record lies below the head, what nests below it. */
TEST_F(hold, backward)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_reserve held;
	uint64_t end, word;

	attr.write_backward = 1;
	ASSERT_EQ(0, start(self, &attr, 1, PROT_READ));
	end = self->raw.size;
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, &held));
	EXPECT_EQ(-32ULL, held.position);
	EXPECT_EQ(0, raw_head(&self->raw));
	memcpy(&word, self->raw.data + end - 32, sizeof(word));
	EXPECT_EQ(1000 | 32ULL << 48, word);
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 1, NULL));
	EXPECT_EQ(0, raw_head(&self->raw));
	EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(self->fd, false));
	EXPECT_EQ(-48ULL, raw_head(&self->raw));
	memcpy(&word, self->raw.data + end - 48, sizeof(word));
	EXPECT_EQ(77 | 16ULL << 48, word);
	memcpy(&word, self->raw.data + end - 32, sizeof(word));
	EXPECT_EQ(PERF_RECORD_LOST | 32ULL << 48, word);
	memcpy(&word, self->raw.data + end - 16, sizeof(word));
	EXPECT_EQ(0, word);

	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, &held));
	EXPECT_EQ(-80ULL, held.position);
	EXPECT_EQ(PERFRING_RELEASE_TAKEN_BACK, release(self->fd, false));
	EXPECT_EQ(-48ULL, raw_head(&self->raw));
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, &held));
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_EQ(-80ULL, raw_head(&self->raw));
}

/*
 * In an overwriting ring those who nest may lap the held record: 256 records of 16
 * fill the page once more.  What lies there is theirs; the discard leaves it alone.
 */
TEST_F(hold, lapped)
{
	static unsigned char before[65536];
	struct perf_event_attr attr = output_attr();
	struct perfring_emit result;
	int backward;

	for (backward = 0; backward < 2; backward++) {
		attr.write_backward = backward;
		ASSERT_EQ(0, start(self, &attr, 1, PROT_READ));
		ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, NULL));
		ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, self->page / 16, &result));
		ASSERT_EQ(self->page / 16, result.written);
		memcpy(before, self->raw.data, self->raw.size);
		EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(self->fd, false));
		EXPECT_EQ(0, memcmp(before, self->raw.data, self->raw.size));
		EXPECT_EQ(32 + self->page, backward ? -raw_head(&self->raw) : raw_head(&self->raw));
		raw_unmap(&self->raw);
		close(self->fd);
		self->fd = -1;
	}
	/* Just not lapped: it ends where the newest begins, and is still to be read. */
	attr.write_backward = 0;
	ASSERT_EQ(0, start(self, &attr, 1, PROT_READ));
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, self->page / 16 - 2, &result));
	EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(self->fd, false));
	EXPECT_EQ(PERF_RECORD_LOST, type_of(self->raw.data));
	EXPECT_EQ(self->page, raw_head(&self->raw));
}

/*
 * A record across the end of the data: the kernel writes it in one piece, the ring
 * shows it in two.  Position: 8 before the end.
 */
TEST_F(hold, across_the_end)
{
	struct perfring_position position = { .size = sizeof(position) };
	unsigned char *bytes = (unsigned char *)self->buf;
	unsigned int i;

	self->fd = device_open(0);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	position.position = self->page - 8;
	ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_SET_POSITION, &position));
	self->raw.tail = position.position;
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 200, 0, NULL));
	EXPECT_EQ(position.position, raw_head(&self->raw));
	ASSERT_EQ(1, write(self->fd, "x", 1));
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	ASSERT_EQ(208, raw_next(&self->raw, self->buf));
	for (i = 0; i < 200; i++)
		EXPECT_EQ(i, bytes[8 + i]);
	ASSERT_EQ(16, raw_next(&self->raw, self->buf));
	/* And the longest record there is, in a ring that is just large enough. */
	raw_unmap(&self->raw);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 65536 / self->page, 0));
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 65520, 0, NULL));
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	ASSERT_EQ(65528, raw_next(&self->raw, self->buf));
	EXPECT_EQ((65519 & 0xff), bytes[65527]);
}

TEST_HARNESS_MAIN
