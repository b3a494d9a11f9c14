// SPDX-License-Identifier: GPL-2.0
/*
 * A 32-bit program and the device: MODIFY_ATTRIBUTES, which perf has no use for on such
 * events, and our own requests, whose structures are the same for all programs.
 * conformance_test compares perf's other requests.
 */
#include <linux/ioctl.h>
#include <string.h>
#include <unistd.h>
#include "common.h"
#include "i386.h"
#include "kselftest_harness.h"

/* As 32-bit headers have it: the size is that of a pointer. */
#define MODIFY_ATTRIBUTES_32	_IOC(_IOC_WRITE, '$', 11, 4)
#define ID_32			_IOC(_IOC_READ, '$', 7, 4)

FIXTURE(compat) {
	int fd;
	void *low;
	struct raw raw;
};

FIXTURE_SETUP(compat)
{
	self->low = i386_page();
	if (!self->low || !i386_here())
		SKIP(return, "int $0x80 (CONFIG_IA32_EMULATION)");
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(compat)
{
	raw_unmap(&self->raw);
	close(self->fd);
}

/* In 32 bits with the argument in low memory; 0 or -errno */
static long request(FIXTURE_DATA(compat) *self, unsigned int cmd)
{
	return i386_ioctl(self->fd, cmd, (uintptr_t)self->low);
}

/* The attr is taken: with PERF_SAMPLE_CPU alone a record has 16 bytes, whatever is written. */
TEST_F(compat, modify_attributes)
{
	struct perf_event_attr *attr = self->low;
	static uint64_t buf[8192];

	*attr = output_attr();
	attr->sample_type = PERF_SAMPLE_CPU;
	ASSERT_EQ(0, request(self, MODIFY_ATTRIBUTES_32));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(5, write(self->fd, "hello", 5));
	EXPECT_EQ(16, raw_next(&self->raw, buf));
	/* Too late now, and the 64-bit number is as good. */
	EXPECT_EQ(-EBUSY, request(self, MODIFY_ATTRIBUTES_32));
	EXPECT_EQ(-EBUSY, request(self, PERF_EVENT_IOC_MODIFY_ATTRIBUTES));
	attr->size = 1;
	EXPECT_EQ(-E2BIG, request(self, MODIFY_ATTRIBUTES_32));
	EXPECT_EQ(-EFAULT, i386_ioctl(self->fd, MODIFY_ATTRIBUTES_32, 0));
}

/* All 64 bits of an ID that has more than 32. */
TEST_F(compat, id)
{
	uint64_t *low = self->low, id = 0;

	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ID, &id));
	EXPECT_LT(UINT32_MAX, id);
	low[1] = 4711;
	ASSERT_EQ(0, request(self, ID_32));
	EXPECT_EQ(id, low[0]);
	EXPECT_EQ(4711, low[1]);
}

/* Our own have one number: addresses in them are 64 bits wide. */
TEST_F(compat, own_requests)
{
	struct perfring_emit_record *record = (void *)((char *)self->low + 1024);
	struct perfring_position *position = self->low;
	struct perfring_stats *stats = self->low;
	struct perfring_emit *emission = self->low;
	static uint64_t buf[8192];

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	*position = (struct perfring_position) { .size = sizeof(*position), .position = 64 };
	ASSERT_EQ(0, request(self, PERFRING_IOC_SET_POSITION));
	EXPECT_EQ(64, raw_head(&self->raw));
	self->raw.tail = 64;
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	*record = (struct perfring_emit_record) { .type = 77, .len = 8, .count = 3 };
	*emission = (struct perfring_emit) {
		.size = sizeof(*emission), .records = (uintptr_t)record, .nr = 1,
	};
	ASSERT_EQ(0, request(self, PERFRING_IOC_EMIT));
	EXPECT_EQ(3, emission->written);
	EXPECT_EQ(16, raw_next(&self->raw, buf));
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	ASSERT_EQ(0, request(self, PERFRING_IOC_STATS));
	EXPECT_EQ(3, stats->written);
	EXPECT_EQ(4096, stats->data_size);
	/* A size of 4 is no number of ours. */
	EXPECT_EQ(-ENOTTY, request(self, _IOC(_IOC_READ | _IOC_WRITE, PERFRING_IOC_MAGIC, 1, 4)));
}

DEVICE_MAIN
