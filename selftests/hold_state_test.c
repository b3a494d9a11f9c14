// SPDX-License-Identifier: GPL-2.0
/*
 * A held record and its surroundings: readers that meet what a discarded one left,
 * refusals, controls, who leaves while it is held, rings of each kind.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <poll.h>
#include "fixtures.h"
#include "hold.h"

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
	ASSERT_EQ(base, mmap(base, size + self->page, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED, self->fd, 0));
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
	struct perfring_reserve held, *fixed;
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
	/* A request that cannot take the answer: nothing is held. */
	begin.reserved = 0;
	fixed = mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, fixed);
	*fixed = begin;
	ASSERT_EQ(0, mprotect(fixed, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, PERFRING_IOC_RESERVE, fixed));
	EXPECT_EQ(-ENOENT, release(self->fd, true));
	EXPECT_EQ(0, raw_head(&self->raw));
	munmap(fixed, self->page);
	EXPECT_EQ(2, stats_of(self->fd).attempted);
	EXPECT_EQ(1, stats_of(self->fd).discarded);
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
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, FIT(16) + 45, &result));
	EXPECT_EQ(-ENOSPC, reserve(self->fd, 1000, NULL, 24, 0, NULL));
	stats = stats_of(self->fd);
	EXPECT_EQ(3 + 1 + 2, stats.rejected);
	EXPECT_EQ(1, stats.lost_paused);
	EXPECT_EQ(2 + result.lost, stats.lost_full);
	EXPECT_EQ(2, stats.discarded);
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
	EXPECT_EQ(ZERO_TO_SEVEN, self->buf[1]);
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
	EXPECT_EQ(-32UL, held.position);
	EXPECT_EQ(0, raw_head(&self->raw));
	memcpy(&word, self->raw.data + end - 32, sizeof(word));
	EXPECT_EQ(header_word(1000, 0, 32), word);
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 1, NULL));
	EXPECT_EQ(0, raw_head(&self->raw));
	EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(self->fd, false));
	EXPECT_EQ(-48UL, raw_head(&self->raw));
	memcpy(&word, self->raw.data + end - 48, sizeof(word));
	EXPECT_EQ(header_word(77, 0, 16), word);
	memcpy(&word, self->raw.data + end - 32, sizeof(word));
	EXPECT_EQ(header_word(PERF_RECORD_LOST, 0, 32), word);
	memcpy(&word, self->raw.data + end - 16, sizeof(word));
	EXPECT_EQ(0, word);

	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, &held));
	EXPECT_EQ(-80UL, held.position);
	EXPECT_EQ(PERFRING_RELEASE_TAKEN_BACK, release(self->fd, false));
	EXPECT_EQ(-48UL, raw_head(&self->raw));
	ASSERT_EQ(0, reserve(self->fd, 1000, NULL, 24, 0, &held));
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_EQ(-80UL, raw_head(&self->raw));
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
	unsigned long head;
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
		head = raw_head(&self->raw);
		EXPECT_EQ(32 + self->page, backward ? -head : head);
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
