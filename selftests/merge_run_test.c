// SPDX-License-Identifier: GPL-2.0
/*
 * Ordered merge where one ring has many records in a row before any other's: what is not
 * looked at again there must come out as if it had been.
 */
#include <stdlib.h>
#include "fixtures.h"
#include "merge.h"

#define SIZE	64	/* bytes of a record: of format 0, 8 + 8 + 4 + LEN */
#define LEN	44
#define LAST	1000	/* time of the only record of ring 1 */

MERGE_FIXTURE;

static struct perfring_merge_stats stats_of(const struct perfring_merge *merge)
{
	struct perfring_merge_stats stats = { .size = sizeof(stats) };

	perfring_merge_stats(merge, &stats);
	return stats;
}

/* Records of the times @first to @last to ring 0, numbered as them. */
static int write_run(struct perfring_reader *reader, uint64_t first, uint64_t last)
{
	int ret = 0;

	for (; first <= last && !ret; first++)
		ret = write_at(reader, 0, PERF_RECORD_SAMPLE, first, first, LEN);
	return ret;
}

/* Two rings of a page, of which the second one has a record that comes last. */
static int setup(FIXTURE_DATA(merge) *self, const FIXTURE_VARIANT(merge) *variant,
		 const struct perfring_merge_opts *opts)
{
	int ret = perfring_merge_create(self->reader, opts, &self->merge);

	for (int i = 0; i < 2 && ret >= 0; i++)
		ret = ring_add(self->reader, variant, 0, 1);
	if (ret >= 0)
		ret = perfring_merge_add_all(self->merge, NULL);
	return ret < 0 ? ret : write_at(self->reader, 1, PERF_RECORD_SAMPLE, LAST, LAST, LEN);
}

/* The next record is a whole one of @ring and @time, and numbered as that. */
#define ASSERT_NEXT(ring, when)							\
	do {									\
		struct perfring_record record_;					\
		unsigned int index_ = 999;					\
										\
		ASSERT_EQ(1, perfring_merge_next(self->merge, &record_, &index_)); \
		ASSERT_EQ(when, perfring_merge_time(self->merge));		\
		ASSERT_EQ(ring, index_);					\
		ASSERT_TRUE(record_is(&record_, 0, when, LEN));			\
	} while (0)

/*
 * Each record is in the counters when it is delivered, one that tells of losses as well; how
 * many were lost is what it says.
 */
TEST_F(merge, books)
{
	struct {
		struct perf_event_header header;
		uint64_t id;
		uint64_t lost;
	} lost = { .header = { PERF_RECORD_LOST, 0, sizeof(lost) }, .lost = 7 };
	struct perfring_loss loss = { .size = sizeof(loss) };
	struct perfring_record record;

	ASSERT_EQ(0, setup(self, variant, NULL));
	ASSERT_EQ(0, write_run(self->reader, 1, 20));
	for (int i = 0; i < 2; i++)
		ASSERT_LE(0, perfring_write_record(perfring_reader_ring(self->reader, 0), &lost,
						   sizeof(lost)));
	ASSERT_EQ(0, write_run(self->reader, 21, 40));
	for (unsigned int i = 1; i <= 43; i++) {
		ASSERT_EQ(1, perfring_merge_next(self->merge, &record, NULL));
		EXPECT_EQ(i == 21 || i == 22, record.type == PERF_RECORD_LOST);
		EXPECT_EQ(i, stats_of(self->merge).delivered);
		EXPECT_EQ(43 - i, stats_of(self->merge).held);
	}
	EXPECT_EQ(0, perfring_merge_next(self->merge, &record, NULL));
	ASSERT_EQ(0, perfring_reader_loss(self->reader, 0, &loss));
	EXPECT_EQ(42, loss.records);
	EXPECT_EQ(40 * SIZE + 2 * sizeof(lost), loss.bytes);
	EXPECT_EQ(14, loss.lost);
	ASSERT_EQ(0, perfring_reader_loss(self->reader, 1, &loss));
	EXPECT_EQ(1, loss.records);
	EXPECT_EQ(43, stats_of(self->merge).delivered);
	EXPECT_EQ(0, stats_of(self->merge).late);
}

/* Rings that come amid a run change nothing of it; it ends when its own ring goes. */
TEST_F(merge, rings_come_and_go)
{
	struct perfring_record record;
	uint64_t time;

	ASSERT_EQ(0, setup(self, variant, NULL));
	ASSERT_EQ(0, write_run(self->reader, 1, 60));
	for (time = 1; time <= 20; time++)
		ASSERT_NEXT(0, time);
	for (int i = 2; i < 12; i++) {
		ASSERT_EQ(i, ring_add(self->reader, variant, 0, 1));
		ASSERT_EQ(0, perfring_merge_add(self->merge, i, NULL));
		for (int j = 0; j < 2; j++, time++)
			ASSERT_NEXT(0, time);
	}
	EXPECT_EQ(60 - 40 + 1, stats_of(self->merge).held);
	ASSERT_EQ(0, perfring_merge_remove(self->merge, 0));
	ASSERT_NEXT(1, LAST);
	EXPECT_EQ(0, perfring_merge_next(self->merge, &record, NULL));
	EXPECT_EQ(41, stats_of(self->merge).delivered);
}

/* What was delivered is given back each quarter of the ring, though no other look is due. */
TEST_F(merge, room_is_given_back)
{
	struct perfring_ring *ring;

	ASSERT_EQ(0, setup(self, variant, NULL));
	ring = perfring_reader_ring(self->reader, 0);
	ASSERT_EQ(0, write_run(self->reader, 1, 60));
	for (uint64_t time = 1; time <= 60; time++) {
		ASSERT_NEXT(0, time);
		EXPECT_GT((60 - time + 1) * SIZE + PAGE / 4, perfring_ring_bytes_remaining(ring));
		EXPECT_LE((60 - time + 1) * SIZE, perfring_ring_bytes_remaining(ring));
	}
	EXPECT_EQ(2, stats_of(self->merge).rounds);
}

/* A sample too short for a time counts as the one before it. */
TEST_F(merge, short_sample)
{
	struct perf_event_header header = { PERF_RECORD_SAMPLE, 0, sizeof(header) };
	struct perfring_record record;

	ASSERT_EQ(0, setup(self, variant, NULL));
	ASSERT_EQ(0, write_run(self->reader, 1, 20));
	ASSERT_LE(0, perfring_write_record(perfring_reader_ring(self->reader, 0), &header,
					   sizeof(header)));
	ASSERT_EQ(0, write_run(self->reader, 21, 40));
	for (uint64_t time = 1; time <= 20; time++)
		ASSERT_NEXT(0, time);
	ASSERT_EQ(1, perfring_merge_next(self->merge, &record, NULL));
	EXPECT_EQ(sizeof(header), record.size);
	EXPECT_EQ(20, perfring_merge_time(self->merge));
	for (uint64_t time = 21; time <= 40; time++)
		ASSERT_NEXT(0, time);
	ASSERT_NEXT(1, LAST);
	EXPECT_EQ(0, stats_of(self->merge).inverted);
}

/*
 * A window of 16, of which 12 are delivered before the next look, and so on for some laps of the
 * queue.  What ring 1 has got by then is in order, and ring 0 is first where both have one.
 */
TEST_F(merge, window_of_a_run)
{
	struct perfring_merge_opts opts = { .size = sizeof(opts), .window = 16 };
	struct perfring_record record;
	uint64_t time;

	ASSERT_EQ(0, perfring_merge_create(self->reader, &opts, &self->merge));
	ASSERT_EQ(0, ring_add(self->reader, variant, 0, 1));
	ASSERT_EQ(1, ring_add(self->reader, variant, 0, 1));
	ASSERT_EQ(2, perfring_merge_add_all(self->merge, NULL));
	ASSERT_EQ(0, write_run(self->reader, 1, 60));
	for (time = 1; time <= 12; time++)
		ASSERT_NEXT(0, time);
	for (time = 13; time < 60; time += 5)
		ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, time, time, LEN));
	for (time = 13; time <= 60; time++) {
		ASSERT_NEXT(0, time);
		if (time % 5 == 3)
			ASSERT_NEXT(1, time);
	}
	EXPECT_EQ(0, perfring_merge_next(self->merge, &record, NULL));
	EXPECT_EQ(0, stats_of(self->merge).late);
	EXPECT_EQ(0, stats_of(self->merge).forced);
}

TEST_HARNESS_MAIN
