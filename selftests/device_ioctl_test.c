// SPDX-License-Identifier: GPL-2.0
/*
 * ioctl(2), read(2) and write(2) of the device: perf's own requests against a
 * perf descriptor in the same state, ours with every size and flag.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

/* An address that nobody maps; the compiler is not to know. */
static void *volatile nowhere = (void *)8;

FIXTURE(device) {
	int fd;		/* fresh */
	int perf;	/* the same of perf_event_open(2) */
	struct raw raw, perf_raw;
};

FIXTURE_SETUP(device)
{
	struct perf_event_attr attr = output_attr();

	self->fd = device_open(0);
	self->perf = perf_open(&attr, -1, 0, -1);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->perf);
}

FIXTURE_TEARDOWN(device)
{
	raw_unmap(&self->raw);
	raw_unmap(&self->perf_raw);
	close(self->perf);
	close(self->fd);
}

/* Every request of perf's that the device has, good and bad, mapped or not. */
static void compare_ioctls(struct __test_metadata *_metadata, FIXTURE_DATA(device) *self)
{
	static const uint64_t periods[] = { 0, 1, 5, 1ULL << 63, (1ULL << 63) - 1 };
	static const struct {
		const char *name;
		unsigned long request;
		unsigned long arg;
	} table[] = {
		{ "ENABLE", PERF_EVENT_IOC_ENABLE, 0 },
		{ "ENABLE again", PERF_EVENT_IOC_ENABLE, 0 },
		{ "DISABLE", PERF_EVENT_IOC_DISABLE, 0 },
		{ "DISABLE again", PERF_EVENT_IOC_DISABLE, 0 },
		{ "RESET", PERF_EVENT_IOC_RESET, 0 },
		{ "ENABLE of the group", PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP },
		{ "PERIOD at NULL", PERF_EVENT_IOC_PERIOD, 0 },
		{ "ID at NULL", PERF_EVENT_IOC_ID, 0 },
		{ "ID at 8", PERF_EVENT_IOC_ID, 8 },
		{ "PAUSE_OUTPUT 1", PERF_EVENT_IOC_PAUSE_OUTPUT, 1 },
		{ "PAUSE_OUTPUT 0", PERF_EVENT_IOC_PAUSE_OUTPUT, 0 },
		{ "unknown number of perf", _IO('$', 77), 0 },
		{ "unknown letter", _IO('p', 1), 0 },
		{ "unknown number of ours", _IOWR(PERFRING_IOC_MAGIC, 99, uint64_t), 0 },
		{ "ENABLE with a size", _IOW('$', 0, uint64_t), 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		EXPECT_EQ(do_ioctl_word(self->perf, table[i].request, table[i].arg),
			  do_ioctl_word(self->fd, table[i].request, table[i].arg)) {
			TH_LOG("%s", table[i].name);
		}
	}
	for (i = 0; i < ARRAY_LEN(periods); i++) {
		uint64_t period = periods[i];

		EXPECT_EQ(do_ioctl(self->perf, PERF_EVENT_IOC_PERIOD, &period),
			  do_ioctl(self->fd, PERF_EVENT_IOC_PERIOD, &period)) {
			TH_LOG("PERIOD %#llx", (unsigned long long)period);
		}
	}
}

TEST_F(device, ioctls_like_perf_without_ring)
{
	compare_ioctls(_metadata, self);
}

TEST_F(device, ioctls_like_perf_with_ring)
{
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 2, 0));
	ASSERT_EQ(0, raw_map(&self->perf_raw, self->perf, 2, 0));
	compare_ioctls(_metadata, self);
}

TEST_F(device, ioctls_like_perf_with_control_page)
{
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 0, 0));
	ASSERT_EQ(0, raw_map(&self->perf_raw, self->perf, 0, 0));
	compare_ioctls(_metadata, self);
}

/* Not a sampling event: no period to set. */
TEST_F(device, period_needs_sampling)
{
	struct perf_event_attr attr = output_attr();
	uint64_t period = 5;
	int perf;

	attr.sample_period = 0;
	perf = perf_open(&attr, -1, 0, -1);
	ASSERT_LE(0, perf);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	EXPECT_EQ(-EINVAL, do_ioctl(perf, PERF_EVENT_IOC_PERIOD, &period));
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERF_EVENT_IOC_PERIOD, &period));
	close(perf);
}

/* Ids are unique among open events, and stay. */
TEST_F(device, id)
{
	uint64_t id = 0, again = 0, other = 0, perf = 0;
	int fd = device_open(0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ID, &id));
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ID, &again));
	EXPECT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ID, &other));
	EXPECT_EQ(0, do_ioctl(self->perf, PERF_EVENT_IOC_ID, &perf));
	EXPECT_NE(0, id);
	EXPECT_EQ(id, again);
	EXPECT_NE(id, other);
	EXPECT_NE(id, perf);
	close(fd);
}

/*
 * All 32 read_formats: as many bytes as perf's, ENOSPC with one less, and the same
 * fields: one member, the ID that the ioctl says, no loss, as long
 * running as enabled.
 */
TEST_F(device, read_formats_like_perf)
{
	const uint32_t times = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	uint64_t ours[6], perfs[6], id, end;
	struct perf_event_attr attr;
	unsigned int format, at;
	ssize_t len;
	int fd, perf;

	for (format = 0; format < PERF_FORMAT_MAX; format++) {
		attr = output_attr();
		attr.read_format = format;
		attr.disabled = 0;
		perf = perf_open(&attr, -1, 0, -1);
		fd = device_open(0);
		ASSERT_LE(0, perf);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
		ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ID, &id));
		len = read(perf, perfs, sizeof(perfs));
		ASSERT_LT(0, len);
		/* The CPU's clock may stand still for a tick, where the TSC is not trusted. */
		end = now_ns() + 1000000000 * slowness();
		do {
			EXPECT_EQ(len, read(fd, ours, sizeof(ours))) {
				TH_LOG("read_format %#x", format);
			}
		} while (format & times && !ours[1] && now_ns() < end);
		EXPECT_EQ(len, read(fd, ours, len));
		EXPECT_EQ(-1, read(perf, perfs, len - 1));
		EXPECT_EQ(ENOSPC, errno);
		EXPECT_EQ(-1, read(fd, ours, len - 1));
		EXPECT_EQ(ENOSPC, errno);
		EXPECT_EQ(-1, read(fd, nowhere, len));
		EXPECT_EQ(EFAULT, errno);

		at = 0;
		EXPECT_EQ(perfs[at], ours[at]);	/* 1, or a count of 0 */
		at++;
		if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
			EXPECT_LT(0, ours[at++]);
		if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
			EXPECT_LT(0, ours[at++]);
		if ((format & 3) == 3)
			EXPECT_EQ(ours[at - 1], ours[at - 2]);
		if (format & PERF_FORMAT_GROUP)
			EXPECT_EQ(perfs[at], ours[at++]);
		if (format & PERF_FORMAT_ID)
			EXPECT_EQ(id, ours[at++]);
		if (format & PERF_FORMAT_LOST)
			EXPECT_EQ(0, ours[at++]);
		EXPECT_EQ((ssize_t)(at * sizeof(*ours)), len);
		close(fd);
		close(perf);
	}
}

/* A structure with room behind it. */
union request {
	uint32_t word[65536 / 4];	/* the largest page */
	struct perfring_emit emit;
	struct perfring_stats stats;
	struct perfring_position position;
	struct perfring_reserve reserve;
	struct perfring_release release;
};

/*
 * Our structures: too short, short, exact, longer with zeroes, longer with
 * something that this kernel does not know. @shortest is what a first version has.
 * What has been done is undone by the counterpart of @ioc, or done before by it.
 */
static void probe_sizes(struct __test_metadata *_metadata, int fd, unsigned long ioc,
			const union request *good, uint32_t known, uint32_t shortest)
{
#define PROBE(ret)								\
	do {									\
		if (ioc == PERFRING_IOC_COMMIT || ioc == PERFRING_IOC_DISCARD)	\
			reserve(fd, 77, NULL, 24, 0, NULL);			\
		EXPECT_EQ(ret, do_ioctl(fd, ioc, &request)) {			\
			TH_LOG("size %u", size);				\
		}								\
		if (ioc == PERFRING_IOC_RESERVE)				\
			EXPECT_EQ((ret) ? -ENOENT : PERFRING_RELEASE_TAKEN_BACK,	\
				  release(fd, false));				\
	} while (0)
	union request request;
	uint32_t size;

	EXPECT_EQ(-EFAULT, do_ioctl(fd, ioc, NULL));
	for (size = 0; size < shortest; size++) {
		request = *good;
		request.word[0] = size;
		PROBE(-EINVAL);
	}
	for (size = shortest; size <= known; size += 8) {
		request = *good;
		request.word[0] = size;
		PROBE(0);
		EXPECT_EQ(size, request.word[0]);
	}
	request = *good;
	request.word[0] = known + 8;
	PROBE(0);
	request = *good;
	request.word[0] = PAGE;
	PROBE(0);

	request = *good;
	request.word[0] = known + 8;
	((char *)&request)[known + 7] = 1;
	PROBE(-E2BIG);
	EXPECT_EQ(known, request.word[0]);
	request = *good;
	request.word[0] = PAGE;
	((char *)&request)[PAGE - 1] = 1;
	PROBE(-E2BIG);
	EXPECT_EQ(known, request.word[0]);
	request = *good;
	request.word[0] = PAGE + 1;
	PROBE(-E2BIG);
	EXPECT_EQ(known, request.word[0]);

	request = *good;
	request.word[1] = 1U << 31;	/* flags */
	PROBE(-EINVAL);
#undef PROBE
}

TEST_F(device, emit_sizes)
{
	struct perfring_emit_record record = { .type = PERF_RECORD_SAMPLE, .len = 1 };
	union request good = { .emit = {
		.size = sizeof(good.emit), .nr = 1, .records = (uintptr_t)&record,
	} };

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 16, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	/* Its counts come back, so there is no shorter form. */
	probe_sizes(_metadata, self->fd, PERFRING_IOC_EMIT, &good, sizeof(good.emit),
		    sizeof(good.emit));
}

TEST_F(device, stats_sizes)
{
	union request good = { .stats = { .size = sizeof(good.stats) } }, request;

	probe_sizes(_metadata, self->fd, PERFRING_IOC_STATS, &good, sizeof(good.stats), 8);
	/* What was not asked for is not written. */
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 1, 3, NULL));
	memset(&request, 0x55, sizeof(request));
	request.stats.size = 16;
	request.stats.flags = 0;
	EXPECT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_STATS, &request));
	EXPECT_EQ(3, request.stats.attempted);
	EXPECT_EQ(0x5555555555555555ULL, request.stats.written);
}

TEST_F(device, position_sizes)
{
	union request good = { .position = { .size = sizeof(good.position) } };

	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERFRING_IOC_SET_POSITION, &good));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	probe_sizes(_metadata, self->fd, PERFRING_IOC_SET_POSITION, &good,
		    sizeof(good.position), 8);
}

TEST_F(device, reserve_and_release_sizes)
{
	union request good = { .reserve = {
		.size = sizeof(good.reserve), .type = 77, .len = 24,
	} };

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	probe_sizes(_metadata, self->fd, PERFRING_IOC_RESERVE, &good, sizeof(good.reserve),
		    sizeof(good.reserve));
	good = (union request) { .release = { .size = sizeof(good.release) } };
	probe_sizes(_metadata, self->fd, PERFRING_IOC_DISCARD, &good, sizeof(good.release),
		    sizeof(good.release));
	probe_sizes(_metadata, self->fd, PERFRING_IOC_COMMIT, &good, sizeof(good.release),
		    sizeof(good.release));
}

/* Positions: multiples of 8, only while disabled, and both ends go there. */
TEST_F(device, position_values)
{
	static const uint64_t good[] = {
		0, 8, 4096, (unsigned long)(1ULL << 32), -8UL, ~(~0UL >> 1),
	};
	struct perfring_position position = { .size = sizeof(position) };
	unsigned int i;

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	for (i = 0; i < ARRAY_LEN(good); i++) {
		position.position = good[i];
		EXPECT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_SET_POSITION, &position));
		EXPECT_EQ(good[i], self->raw.page->data_head);
		EXPECT_EQ(good[i], self->raw.page->data_tail);
	}
	for (i = 1; i < 8; i++) {
		position.position = i;
		EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERFRING_IOC_SET_POSITION, &position));
	}
	position.position = 8;
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(-EBUSY, do_ioctl(self->fd, PERFRING_IOC_SET_POSITION, &position));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_SET_POSITION, &position));

	raw_unmap(&self->raw);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 0, 0));
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERFRING_IOC_SET_POSITION, &position));
}

/* What EMIT refuses before it writes anything. */
TEST_F(device, emit_refusals)
{
	struct perfring_emit_record record, good = { .type = 77, .len = 8 };
	struct perfring_emit request, fine = {
		.size = sizeof(fine), .nr = 1, .records = (uintptr_t)&record,
	};
	struct perf_event_attr dummy = output_attr();
	struct perfring_stats stats;
	int fd;

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	record = good;
	request = fine;
	/* Disabled. */
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(self->fd, PERFRING_IOC_EMIT, &request));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
#define REFUSED(ret, change) do {						\
		record = good;							\
		request = fine;							\
		change;								\
		EXPECT_EQ(ret, do_ioctl(self->fd, PERFRING_IOC_EMIT, &request)) { \
			TH_LOG("%s", #change);					\
		}								\
		EXPECT_EQ(0, request.written);					\
	} while (0)
	REFUSED(-EINVAL, request.reserved = 1);
	REFUSED(-EINVAL, request.nr = 0);
	REFUSED(-EINVAL, request.nr = PERFRING_EMIT_MAX + 1);
	REFUSED(-EFAULT, request.records = 0);
	REFUSED(-EINVAL, record.type = 0);
	REFUSED(-EINVAL, record.reserved = 1);
	REFUSED(-EINVAL, record.count = PERFRING_EMIT_COUNT_MAX + 1);
	REFUSED(-EFAULT, record.data = 8);
#undef REFUSED
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_EQ(0, stats.attempted);
	/* 8 + 65528 bytes are more than a header can say: counted, as rejected. */
	EXPECT_EQ(-E2BIG, emit(self->fd, 77, 0, NULL, 65528, 1, NULL));
	EXPECT_EQ(-E2BIG, emit(self->fd, 77, 0, NULL, UINT32_MAX, 1, NULL));
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_EQ(2, stats.attempted);
	EXPECT_EQ(2, stats.rejected);

	/* Another source: nothing may be put in. */
	dummy.config = PERF_COUNT_SW_DUMMY;
	dummy.disabled = 0;
	fd = device_open(0);
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &dummy));
	EXPECT_EQ(-EOPNOTSUPP, emit(fd, 77, 0, NULL, 8, 1, NULL));
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(EOPNOTSUPP, errno);
	close(fd);
}

/*
 * One EMIT of three kinds of records: a sample of 24 bytes twice (8 + 4 + 12),
 * type 77 of 16 with misc, a throttle of 32.  The ring has them in that order.
 */
TEST_F(device, emit_batch)
{
	uint64_t throttle[3] = { 1, 2, 3 };
	struct perfring_emit_record records[3] = {
		{ .type = PERF_RECORD_SAMPLE, .len = 12, .count = 2 },
		{ .type = 77, .misc = 0x1234, .len = 3 },
		{ .type = PERF_RECORD_THROTTLE, .len = 24, .data = (uintptr_t)throttle },
	};
	struct perfring_emit request = {
		.size = sizeof(request), .nr = 3, .records = (uintptr_t)records,
	};
	const struct {
		uint32_t size;
		unsigned char byte[12];
	} raw[1] = { { 12, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 } } };
	static uint64_t buf[8192];
	struct perf_event_header *header = (void *)buf;
	unsigned int i;

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_EMIT, &request));
	EXPECT_EQ(4, request.written);
	EXPECT_EQ(0, request.lost);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(24, raw_next(&self->raw, buf));
		EXPECT_EQ(PERF_RECORD_SAMPLE, header->type);
		/* RAW says 12, and byte i of the payload is i. */
		EXPECT_EQ(0, memcmp(&buf[1], raw, sizeof(raw)));
	}
	ASSERT_EQ(16, raw_next(&self->raw, buf));
	EXPECT_EQ(77, header->type);
	EXPECT_EQ(0x1234, header->misc);
	/* Byte i is i, then zeroes. */
	EXPECT_EQ(0, memcmp(&buf[1], "\0\1\2\0\0\0\0", 8));
	ASSERT_EQ(32, raw_next(&self->raw, buf));
	EXPECT_EQ(PERF_RECORD_THROTTLE, header->type);
	EXPECT_EQ(0, memcmp(&buf[1], throttle, sizeof(throttle)));
	EXPECT_EQ(0, raw_next(&self->raw, buf));
}

/*
 * A descriptor that is open for reading only may look, not write, be it by an
 * ioctl; and the kernel takes its mapping for a private one.
 */
TEST_F(device, read_only_descriptor)
{
	struct perfring_emit_record record = { .type = PERF_RECORD_SAMPLE };
	struct perfring_emit emission = { .size = sizeof(emission), .nr = 1 };
	struct perfring_position position = { .size = sizeof(position) };
	struct perfring_stats stats = { .size = sizeof(stats) };
	int fd = open("/dev/perfring0", O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	emission.records = (uintptr_t)&record;
	EXPECT_EQ(-EBADF, do_ioctl(fd, PERFRING_IOC_EMIT, &emission));
	EXPECT_EQ(-EBADF, do_ioctl(fd, PERFRING_IOC_SET_POSITION, &position));
	EXPECT_EQ(0, do_ioctl(fd, PERFRING_IOC_STATS, &stats));
	EXPECT_EQ(0, stats.attempted);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
}

/* write(2): who is told what. */
TEST_F(device, write_errors)
{
	static char payload[65536];
	struct perfring_stats stats;

	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	/* Without a ring a record has nowhere to go. */
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(ENOSPC, errno);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 65536 / PAGE, 0));
	EXPECT_EQ(-1, write(self->fd, nowhere, 8));
	EXPECT_EQ(EFAULT, errno);
	/* The longest record is 65528: 8 + 4 + 65516. */
	EXPECT_EQ(-1, write(self->fd, payload, 65517));
	EXPECT_EQ(E2BIG, errno);
	EXPECT_EQ(-1, write(self->fd, payload, 65536));
	EXPECT_EQ(E2BIG, errno);
	EXPECT_EQ(65516, write(self->fd, payload, 65516));
	/* 65536 - 65528 is 8, and a ring is never filled to the last byte. */
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(0, write(self->fd, payload, 0) < 0 ? 0 : 1);
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_EQ(6, stats.attempted);	/* all but the fault */
	EXPECT_EQ(1, stats.written);
	EXPECT_EQ(3, stats.rejected);	/* no ring, two too long */
	EXPECT_EQ(2, stats.lost_full);
	EXPECT_EQ(65528, stats.bytes);
	EXPECT_EQ(65528, stats.high_water);
	EXPECT_TRUE(stats_balance(&stats));
}

DEVICE_MAIN
