/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings in memory whose records have times that the test chooses, and a merge of them:
 * mapped once and mirrored, and with positions that pass 2^32 and 2^64.
 */
#ifndef SELFTESTS_MERGE_H
#define SELFTESTS_MERGE_H

#include "fixtures.h"

#define TYPE_OTHER	1000	/* no sample, and none of the kernel's */

#define MERGE_FIXTURE							\
	FIXTURE_SETUP(merge)						\
	{								\
		ASSERT_EQ(0, perfring_reader_create(NULL, &self->reader)); \
	}								\
	FIXTURE_TEARDOWN(merge)						\
	{								\
		perfring_merge_destroy(self->merge);			\
		perfring_reader_destroy(self->reader);			\
	}								\
	FIXTURE_VARIANT_ADD(merge, memory) { .mirror = false };		\
	FIXTURE_VARIANT_ADD(merge, memory_mirrored) { .mirror = true };	\
	FIXTURE_VARIANT_ADD(merge, memory_2_32) { .position = (1ULL << 32) - 64 }; \
	FIXTURE_VARIANT_ADD(merge, memory_2_64) { .position = -64UL }

FIXTURE(merge) {
	struct perfring_reader *reader;
	struct perfring_merge *merge;
};

FIXTURE_VARIANT(merge) {
	bool mirror;
	uint64_t position;
};

/* What a ring's records look like: three formats in turn. */
static inline struct perf_event_attr ring_attr(unsigned int kind)
{
	struct perf_event_attr attr = output_attr();

	attr.sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_TIME;
	if (kind % 3 == 1)
		attr.sample_type |= PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
				    PERF_SAMPLE_CPU | PERF_SAMPLE_STREAM_ID;
	if (kind % 3 == 2)
		attr.sample_type |= PERF_SAMPLE_TID | PERF_SAMPLE_ID | PERF_SAMPLE_PERIOD;
	attr.sample_id_all = kind % 3 != 0;
	return attr;
}

/* Where the payload of a sample begins: header, fields before RAW, its size. */
static inline size_t payload_offset(unsigned int kind)
{
	static const size_t fields[3] = { 1, 6, 4 };

	return 8 + 8 * fields[kind % 3] + 4;
}

/* The index of a new ring in memory. */
static inline int ring_add(struct perfring_reader *reader, const FIXTURE_VARIANT(merge) *variant,
			   unsigned int kind, size_t pages)
{
	struct perf_event_attr attr = ring_attr(kind);
	struct perfring_memory_opts opts = {
		.size = sizeof(opts), .attr = &attr, .pages = pages,
		.position = variant->position,
		.mirror = variant->mirror ? PERFRING_MIRROR_ON : PERFRING_MIRROR_OFF,
	};
	struct perfring_storage *storage;
	int ret = perfring_storage_open_memory(&opts, &storage);

	if (ret)
		return ret;
	ret = perfring_reader_add(reader, storage);
	if (ret < 0)
		perfring_storage_close(storage);
	return ret;
}

/* A record of @time that carries @seq; 0 or -errno */
static inline int write_at(struct perfring_reader *reader, unsigned int index, uint32_t type,
			   uint64_t time, uint64_t seq, size_t len)
{
	struct perfring_ring *ring = perfring_reader_ring(reader, index);
	struct perfring_sample_id id = { .time = time, .tid = 1, .pid = 2, .cpu = index };
	unsigned char payload[16384];
	int ret;

	fill(payload, len, seq);
	memcpy(payload, &seq, sizeof(seq));
	perfring_write_set_id(ring, &id);
	ret = perfring_write(ring, type, 0, payload, len);
	return ret < 0 ? ret : 0;
}

/* The record that write_at() made of @seq and @len, in whole. */
static inline bool record_is(const struct perfring_record *record, unsigned int kind, uint64_t seq,
			     size_t len)
{
	size_t offset = record->type == PERF_RECORD_SAMPLE ? payload_offset(kind) : 8;
	const unsigned char *data = (const unsigned char *)record->data + offset;
	unsigned char payload[16384];

	fill(payload, len, seq);
	memcpy(payload, &seq, sizeof(seq));
	return record->size >= offset + len && !memcmp(data, payload, len);
}

#endif /* SELFTESTS_MERGE_H */
