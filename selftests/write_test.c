// SPDX-License-Identifier: GPL-2.0
/*
 * What a writer refuses, by each of its functions, and that it is counted as rejected, not as
 * lost; samples written from their fields; what a ring without a writer answers.
 */
#include <stdlib.h>
#include <unistd.h>
#include "fixtures.h"

#define RECORD_MAX	65528	/* what header.size can say, in 8 bytes */

FIXTURE(write) {
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	struct perfring_format *format;
	unsigned char *bytes;
};

FIXTURE_SETUP(write)
{
	self->bytes = calloc(2, 65536);
	ASSERT_NE(NULL, self->bytes);
}

FIXTURE_TEARDOWN(write)
{
	perfring_format_free(self->format);
	perfring_ring_close(self->ring);
	perfring_storage_close(self->storage);
	free(self->bytes);
}

static int open_type(FIXTURE_DATA(write) *self, uint64_t type, size_t pages)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = pages, .attr = &attr };
	int err;

	attr.sample_type = type;
	err = perfring_format_compile(&attr, &self->format);
	if (!err)
		err = perfring_storage_open_memory(&opts, &self->storage);
	return err ? err : perfring_ring_open(self->storage, NULL, &self->ring);
}

static struct perfring_write_stats stats(const FIXTURE_DATA(write) *self)
{
	struct perfring_write_stats stats = { .size = sizeof(stats) };

	perfring_write_stats(self->ring, &stats);
	return stats;
}

static int write_raw(FIXTURE_DATA(write) *self, uint32_t type, uint16_t size, size_t len)
{
	struct perf_event_header header = { .type = type, .size = size };

	memcpy(self->bytes, &header, sizeof(header));
	return perfring_write_record(self->ring, self->bytes, len);
}

/* Nothing of what is refused is in the ring, and the next record is the first. */
TEST_F(write, refused)
{
	struct perfring_record record;
	unsigned int refused = 0;

	ASSERT_EQ(0, open_type(self, PERF_SAMPLE_RAW, 32));
#define REFUSED(error, call)	do { EXPECT_EQ(error, call); refused++; } while (0)
	REFUSED(-EINVAL, perfring_write(self->ring, 0, 0, self->bytes, 8));
	REFUSED(-EINVAL, perfring_write(self->ring, 0, 0, NULL, 8));
	REFUSED(-EINVAL, perfring_write(self->ring, 0, 0, self->bytes, 20));
	/* 8 of header, 4 of size. */
	REFUSED(-E2BIG, perfring_write(self->ring, PERF_RECORD_SAMPLE, 0, self->bytes,
				       RECORD_MAX - 11));
	REFUSED(-E2BIG, perfring_write(self->ring, PERF_RECORD_SAMPLE, 0, NULL, RECORD_MAX - 11));
	REFUSED(-E2BIG, perfring_write(self->ring, PERF_RECORD_SAMPLE, 0, NULL, SIZE_MAX));
	REFUSED(-E2BIG, perfring_write(self->ring, PERF_RECORD_SAMPLE, 0, self->bytes, SIZE_MAX));
	REFUSED(-E2BIG, perfring_write(self->ring, PERF_RECORD_MMAP, 0, self->bytes,
				       RECORD_MAX - 7));
	/* Header and length do not agree, or are none. */
	REFUSED(-EINVAL, write_raw(self, PERF_RECORD_MMAP, 16, 0));
	REFUSED(-EINVAL, write_raw(self, PERF_RECORD_MMAP, 4, 4));
	REFUSED(-EINVAL, write_raw(self, PERF_RECORD_MMAP, 20, 20));
	REFUSED(-EINVAL, write_raw(self, PERF_RECORD_MMAP, 16, 24));
	REFUSED(-EINVAL, write_raw(self, 0, 16, 16));
	REFUSED(-E2BIG, write_raw(self, PERF_RECORD_MMAP, 0, 65536));
	EXPECT_EQ(refused, stats(self).rejected);
	EXPECT_EQ(refused, stats(self).attempted);
	EXPECT_EQ(0, stats(self).written);
	EXPECT_EQ(0, stats(self).bytes);
	EXPECT_EQ(0, perfring_ring_peek(self->ring, &record));
	/* What is just not too long. */
	EXPECT_LE(0, perfring_write(self->ring, PERF_RECORD_SAMPLE, 0, self->bytes,
				    RECORD_MAX - 12));
	EXPECT_LE(0, write_raw(self, PERF_RECORD_MMAP, 16, 16));
	ASSERT_EQ(1, perfring_ring_peek(self->ring, &record));
	EXPECT_EQ(RECORD_MAX, record.size);
	perfring_ring_pop(self->ring);
	ASSERT_EQ(1, perfring_ring_peek(self->ring, &record));
	EXPECT_EQ(PERF_RECORD_MMAP, record.type);
	EXPECT_EQ(2, stats(self).written);
	EXPECT_EQ(RECORD_MAX + 16, stats(self).bytes);
}

/* A payload has to have a field; a sample without one may come without. */
TEST_F(write, sample_without_raw)
{
	struct perfring_sample_id id = { .pid = 7, .tid = 8 };
	struct perfring_sample sample;
	struct perfring_record record;

	ASSERT_EQ(0, open_type(self, PERF_SAMPLE_TID, 1));
	ASSERT_EQ(0, perfring_write_set_id(self->ring, &id));
	EXPECT_EQ(-EINVAL, perfring_write(self->ring, PERF_RECORD_SAMPLE, 0, self->bytes, 1));
	EXPECT_EQ(1, stats(self).rejected);
	EXPECT_LE(0, perfring_write(self->ring, PERF_RECORD_SAMPLE, 0, NULL, 0));
	ASSERT_EQ(1, perfring_ring_peek(self->ring, &record));
	ASSERT_EQ(0, perfring_decode_sample(self->format, &record, &sample, NULL));
	EXPECT_EQ(PERF_SAMPLE_TID, sample.type);
	EXPECT_EQ(7, sample.pid);
	EXPECT_EQ(8, sample.tid);
}

/* Fields go in as they come out, by the storage's layout or by another one. */
TEST_F(write, sample_from_fields)
{
	const uint64_t chain[] = { 0x1000, 0x2000, 0x3000 };
	struct perfring_sample out, in = {
		.ip = 0x1234, .pid = 1, .tid = 2, .time = 3, .callchain_nr = 3,
		.callchain = chain, .raw = "payload", .raw_size = 7,
	};
	struct perf_event_attr other = output_attr();
	struct perfring_format *format;
	struct perfring_record record;

	ASSERT_EQ(0, open_type(self, PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN |
				     PERF_SAMPLE_RAW, 32));
	EXPECT_LE(0, perfring_write_sample(self->ring, NULL, 5, &in));
	ASSERT_EQ(1, perfring_ring_peek(self->ring, &record));
	EXPECT_EQ(5, record.misc);
	/* header, ip, pid and tid, 1 + 3 words, 4 + 7 and what pads it */
	EXPECT_EQ(8 + 8 + 8 + 32 + 16, record.size);
	ASSERT_EQ(0, perfring_decode_sample(self->format, &record, &out, NULL));
	EXPECT_EQ(0x1234, out.ip);
	EXPECT_EQ(2, out.tid);
	EXPECT_EQ(3, out.callchain_nr);
	EXPECT_EQ(0, memcmp(chain, out.callchain, sizeof(chain)));
	EXPECT_EQ(0, memcmp("payload\0\0\0\0\0", out.raw, 12));
	EXPECT_EQ(12, out.raw_size);
	perfring_ring_pop(self->ring);

	other.sample_type = PERF_SAMPLE_TIME;
	ASSERT_EQ(0, perfring_format_compile(&other, &format));
	EXPECT_LE(0, perfring_write_sample(self->ring, format, 0, &in));
	ASSERT_EQ(1, perfring_ring_peek(self->ring, &record));
	EXPECT_EQ(16, record.size);
	ASSERT_EQ(0, perfring_decode_sample(format, &record, &out, NULL));
	EXPECT_EQ(3, out.time);
	perfring_format_free(format);

	/* 8191 words are more than a record; so is a payload of 64 KiB, or one of all memory. */
	in.callchain = (const uint64_t *)self->bytes;
	in.callchain_nr = 8191;
	EXPECT_EQ(-E2BIG, perfring_write_sample(self->ring, NULL, 0, &in));
	/* Of which the bytes would be 8 in 64 bits. */
	in.callchain_nr = (1ULL << 61) + 1;
	EXPECT_EQ(-E2BIG, perfring_write_sample(self->ring, NULL, 0, &in));
	in.callchain_nr = 0;
	in.raw_size = 65536;
	EXPECT_EQ(-E2BIG, perfring_write_sample(self->ring, NULL, 0, &in));
	in.raw_size = UINT32_MAX;
	EXPECT_EQ(-E2BIG, perfring_write_sample(self->ring, NULL, 0, &in));
	EXPECT_EQ(4, stats(self).rejected);
	EXPECT_EQ(2, stats(self).written);
}

/* The same by perfring_encode_sample(), which says how much room it lacks by -ENOSPC. */
TEST_F(write, encoded)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_sample in = { .raw_size = 20, .stack_size = 12 };
	struct perfring_format *format;

	ASSERT_EQ(0, open_type(self, PERF_SAMPLE_RAW, 1));
	memset(self->bytes, 0x55, 64);
	EXPECT_EQ(-ENOSPC, perfring_encode_sample(self->format, 0, &in, self->bytes, 31));
	for (int i = 0; i < 64; i++)
		EXPECT_EQ(0x55, self->bytes[i]);
	EXPECT_EQ(32, perfring_encode_sample(self->format, 0, &in, self->bytes, 32));
	EXPECT_EQ(0x55, self->bytes[32]);
	/* A group of more counters than any record holds. */
	attr.sample_type = PERF_SAMPLE_READ;
	attr.read_format = PERF_FORMAT_GROUP;
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	in.read.nr = UINT64_MAX;
	EXPECT_EQ(-E2BIG, perfring_encode_sample(format, 0, &in, self->bytes, 65536));
	perfring_format_free(format);
	/* A stack is dumped in whole words. */
	attr.sample_type = PERF_SAMPLE_STACK_USER;
	attr.read_format = 0;
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	in.stack = self->bytes;
	EXPECT_EQ(-EINVAL, perfring_encode_sample(format, 0, &in, self->bytes + 65536, 65536));
	in.stack_size = 16;
	EXPECT_EQ(8 + 8 + 16 + 8,
		  perfring_encode_sample(format, 0, &in, self->bytes + 65536, 65536));
	perfring_format_free(format);
}

/* The counters of any size that there is room for, from the first field on. */
TEST_F(write, stats_by_size)
{
	struct perfring_write_stats all, some;

	ASSERT_EQ(0, open_type(self, PERF_SAMPLE_RAW, 1));
	EXPECT_LE(0, perfring_write(self->ring, PERF_RECORD_SAMPLE, 0, NULL, 20));
	all = stats(self);
	for (size_t size = 0; size <= sizeof(all); size++) {
		memset(&some, 0x55, sizeof(some));
		some.size = size;
		if (size < sizeof(size)) {
			EXPECT_EQ(-EINVAL, perfring_write_stats(self->ring, &some));
			continue;
		}
		EXPECT_EQ(0, perfring_write_stats(self->ring, &some));
		EXPECT_EQ(size, some.size);
		EXPECT_EQ(0, memcmp((char *)&all + sizeof(size), (char *)&some + sizeof(size),
				    size - sizeof(size)));
		for (size_t i = size; i < sizeof(some); i++)
			EXPECT_EQ(0x55, ((unsigned char *)&some)[i]);
	}
}

/* An image is read, not written. */
TEST_F(write, nobody)
{
	struct perfring_write_stats none = { .size = sizeof(none) };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct perfring_sample sample = { 0 };
	struct perfring_ring *ring;
	struct perfring_storage *image;
	void *memory = aligned_alloc(page, 2 * page);

	ASSERT_NE(NULL, memory);
	memset(memory, 0, 2 * page);
	ASSERT_EQ(0, perfring_storage_from_contiguous(memory, 2 * page, NULL, &image));
	ASSERT_EQ(0, perfring_ring_open(image, NULL, &ring));
	EXPECT_EQ(-EOPNOTSUPP, perfring_write_begin(ring));
	EXPECT_EQ(-EINVAL, perfring_write_end(ring));
	EXPECT_EQ(-EOPNOTSUPP, perfring_write(ring, PERF_RECORD_SAMPLE, 0, self->bytes, 20));
	EXPECT_EQ(-EOPNOTSUPP, perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, 200));
	EXPECT_EQ(-EOPNOTSUPP, write_raw(&(FIXTURE_DATA(write)){
		.ring = ring, .bytes = self->bytes }, PERF_RECORD_MMAP, 16, 16));
	EXPECT_EQ(-EOPNOTSUPP, perfring_write_sample(ring, NULL, 0, &sample));
	EXPECT_EQ(-EOPNOTSUPP, perfring_write_set_id(ring, NULL));
	EXPECT_EQ(-EOPNOTSUPP, perfring_write_stats(ring, &none));
	for (size_t i = 0; i < 2 * page; i++)
		ASSERT_EQ(0, ((char *)memory)[i]);
	/* What cannot be done with it. */
	EXPECT_EQ(-EBUSY, perfring_storage_close(image));
	EXPECT_EQ(-EOPNOTSUPP, perfring_storage_enable(image));
	EXPECT_EQ(-EOPNOTSUPP, perfring_storage_set_period(image, 1));
	perfring_ring_close(ring);
	perfring_storage_close(image);
	free(memory);
}

TEST_HARNESS_MAIN
