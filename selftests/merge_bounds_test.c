// SPDX-License-Identifier: GPL-2.0
/*
 * Ordered merge at its bounds: rings too full to hold records, windows, late records,
 * records without a time, corrupt rings; and what the calls refuse.
 */
#include <stdlib.h>
#include "fixtures.h"
#include "merge.h"

#define SIZE	64	/* bytes of most records: of format 0, 8 + 8 + 4 + LEN */
#define LEN	44
#define SLACK	1000000000000ULL	/* ns: no test takes so long */

MERGE_FIXTURE;

static struct perfring_merge_stats stats_of(const struct perfring_merge *merge)
{
	struct perfring_merge_stats stats = { .size = sizeof(stats) };

	perfring_merge_stats(merge, &stats);
	return stats;
}

/* A merge of @nr rings of one page each, format @kind. */
static int setup(FIXTURE_DATA(merge) *self, const FIXTURE_VARIANT(merge) *variant,
		 const struct perfring_merge_opts *opts, unsigned int nr, unsigned int kind)
{
	int ret = perfring_merge_create(self->reader, opts, &self->merge);

	while (!ret && nr--) {
		ret = ring_add(self->reader, variant, kind, 1);
		ret = ret < 0 ? ret : 0;
	}
	return ret ?: perfring_merge_add_all(self->merge, NULL);
}

/* @count records of the times @first, @first + 1, ... to ring 0, numbered as them. */
static int write_run(struct perfring_reader *reader, uint64_t first, unsigned int count)
{
	int ret = 0;

	for (unsigned int i = 0; i < count && !ret; i++)
		ret = write_at(reader, 0, PERF_RECORD_SAMPLE, first + i, first + i, LEN);
	return ret;
}

/* Deliver as much as goes; how many, all of them of times that follow on @first. */
static int read_run(struct perfring_merge *merge, uint64_t first)
{
	struct perfring_record record;
	int count = 0, ret;

	while ((ret = perfring_merge_next(merge, &record, NULL)) > 0) {
		if (!record_is(&record, 0, first + count, LEN) ||
		    perfring_merge_time(merge) != first + count)
			return -EBADMSG;
		count++;
	}
	return ret ?: count;
}

/* The next record's time, and its ring; 0: nothing; -errno */
static int64_t next_time(struct perfring_merge *merge, unsigned int *index)
{
	struct perfring_record record;
	int ret = perfring_merge_next(merge, &record, index);

	return ret > 0 ? (int64_t)perfring_merge_time(merge) : ret;
}

#define EXPECT_NEXT(ring, time)						\
	do {								\
		unsigned int index_ = 999;				\
									\
		EXPECT_EQ(time, next_time(self->merge, &index_));	\
		EXPECT_EQ(ring, index_);				\
	} while (0)

/*
 * A page, of which 2048 bytes may be held, and a slack that nothing reaches. 30
 * records of 64 (1920) stay in the ring. 10 more (2560): the oldest 512 bytes, 8 records,
 * are copied. From there on each record that is written drives one out, until the
 * copies are a page, too: 64 copies and 32 records in the ring. The next one finds no
 * room for a copy: of 97 that are held a quarter (24) and one go, by force. All the time
 * the writer has room.
 */
TEST_F(merge, copies)
{
	struct perfring_merge_opts opts = { .size = sizeof(opts), .slack_ns = SLACK };
	/* In half a page, and all that are held in the end; the numbers above are of 4096. */
	const unsigned int half = PAGE / 2 / SIZE, all = 3 * half + 1, by_force = all / 4 + 1;
	uint64_t time = 1;
	unsigned int i;

	ASSERT_EQ(1, setup(self, variant, &opts, 1, 0));
	ASSERT_EQ(0, write_run(self->reader, time, 30));
	EXPECT_EQ(0, read_run(self->merge, 1));
	EXPECT_EQ(30, stats_of(self->merge).held);
	EXPECT_EQ(30 * SIZE, stats_of(self->merge).held_bytes);
	EXPECT_EQ(0, stats_of(self->merge).copied);
	time += 30;
	ASSERT_EQ(0, write_run(self->reader, time, half + 8 - 30));
	EXPECT_EQ(0, read_run(self->merge, 1));
	EXPECT_EQ(8, stats_of(self->merge).copied);
	EXPECT_EQ(8 * SIZE, stats_of(self->merge).copied_bytes);
	EXPECT_EQ(PAGE / 2, perfring_ring_bytes_remaining(perfring_reader_ring(self->reader, 0)));
	time += half + 8 - 30;
	for (i = 0; i < 2 * half - 8; i++) {
		ASSERT_EQ(0, write_run(self->reader, time++, 1));
		EXPECT_EQ(0, read_run(self->merge, 1));
		EXPECT_EQ(9 + i, stats_of(self->merge).copied);
	}
	EXPECT_EQ(all - 1, stats_of(self->merge).held);
	EXPECT_EQ(0, stats_of(self->merge).forced);
	ASSERT_EQ(0, write_run(self->reader, time++, 1));
	/* Then there is room for copies again. */
	EXPECT_EQ((int)by_force, read_run(self->merge, 1));
	EXPECT_EQ(by_force, stats_of(self->merge).forced);
	EXPECT_EQ(2 * half + 1, stats_of(self->merge).copied);
	EXPECT_EQ(all - by_force, stats_of(self->merge).held);
	ASSERT_EQ(0, perfring_merge_flush(self->merge));
	EXPECT_EQ((int)(all - by_force), read_run(self->merge, by_force + 1));
	EXPECT_EQ(by_force, stats_of(self->merge).forced);
	EXPECT_EQ(all, stats_of(self->merge).delivered);
	EXPECT_EQ(0, stats_of(self->merge).late);
}

/*
 * Records of 64 to 1064 bytes, so that copies meet the end of their memory anywhere,
 * and the ring's end as well; whatever is forced, each comes once, whole, in order, and
 * the writer, who keeps to 1500 bytes between two reads, loses none.
 */
TEST_F(merge, copies_of_any_size)
{
	struct perfring_merge_opts opts = { .size = sizeof(opts), .slack_ns = SLACK };
	static size_t len[3000];
	struct perfring_record record;
	unsigned int written = 0, read = 0, round;

	opts.copy_bytes = 3000;
	ASSERT_EQ(1, setup(self, variant, &opts, 1, 0));
	for (round = 0; round <= 600; round++) {
		size_t bytes = 0;

		while (bytes < 1500 - 64 && written < ARRAY_LEN(len)) {
			len[written] = LEN + 8 * (written * 37 % 126);
			bytes += len[written] + 20;
			if (bytes > 1500)
				break;
			ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 1 + written,
					      written, len[written]));
			written++;
		}
		if (round == 600)
			ASSERT_EQ(0, perfring_merge_flush(self->merge));
		while (perfring_merge_next(self->merge, &record, NULL) == 1) {
			ASSERT_TRUE(record_is(&record, 0, read, len[read]));
			read++;
		}
	}
	EXPECT_LT(1000, written);
	EXPECT_EQ(written, read);
	EXPECT_EQ(0, stats_of(self->merge).late);
	EXPECT_LT(0, stats_of(self->merge).copied);
	EXPECT_LT(0, stats_of(self->merge).forced);
}

/* Without copies: at one more than half a page (33 in 4096) a quarter (8) and one go. */
TEST_F(merge, no_copy)
{
	struct perfring_merge_opts opts = {
		.size = sizeof(opts), .slack_ns = SLACK, .flags = PERFRING_MERGE_NO_COPY,
	};
	const unsigned int half = PAGE / 2 / SIZE, by_force = (half + 1) / 4 + 1;

	ASSERT_EQ(1, setup(self, variant, &opts, 1, 0));
	ASSERT_EQ(0, write_run(self->reader, 1, half));
	EXPECT_EQ(0, read_run(self->merge, 1));
	ASSERT_EQ(0, write_run(self->reader, half + 1, 1));
	EXPECT_EQ((int)by_force, read_run(self->merge, 1));
	EXPECT_EQ(by_force, stats_of(self->merge).forced);
	EXPECT_EQ(0, stats_of(self->merge).copied);
}

/*
 * A window of 16 records. 16 wait for the slack; the 17th has no room there, and a
 * quarter (4) of the 16 and one go by force.
 */
TEST_F(merge, window)
{
	struct perfring_merge_opts opts = {
		.size = sizeof(opts), .slack_ns = SLACK, .window = 9,
	};

	ASSERT_EQ(1, setup(self, variant, &opts, 1, 0));
	ASSERT_EQ(0, write_run(self->reader, 1, 16));
	EXPECT_EQ(0, read_run(self->merge, 1));
	EXPECT_EQ(16, stats_of(self->merge).held);
	ASSERT_EQ(0, write_run(self->reader, 17, 1));
	EXPECT_EQ(5, read_run(self->merge, 1));
	EXPECT_EQ(5, stats_of(self->merge).forced);
	EXPECT_EQ(12, stats_of(self->merge).held);
}

/*
 * Rings with far more than the window: nothing is forced and nothing is late, since the rings
 * keep what the window has no room for. Ring 0 has the odd times in runs of three
 * that stand the wrong way round, ring 1 the even ones, ring 2 all of them at once.
 */
TEST_F(merge, longer_than_the_window)
{
	struct perfring_merge_opts opts = { .size = sizeof(opts), .window = 16 };
	int64_t time, last = 0;
	unsigned int i, count = 0;

	ASSERT_EQ(3, setup(self, variant, &opts, 3, 0));
	for (i = 0; i < 120; i++) {
		ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE,
				      1001 + 2 * (i - i % 3 + 2 - i % 3), i, 8));
		ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, 1002 + 2 * i, i, 8));
		ASSERT_EQ(0, write_at(self->reader, 2, PERF_RECORD_SAMPLE, 1120, i, 8));
	}
	while ((time = next_time(self->merge, NULL)) > 0) {
		ASSERT_LE(last, time);
		last = time;
		count++;
	}
	EXPECT_EQ(0, time);
	EXPECT_EQ(360, count);
	EXPECT_EQ(0, stats_of(self->merge).late);
	EXPECT_EQ(0, stats_of(self->merge).forced);
	EXPECT_EQ(80, stats_of(self->merge).inverted);
}

/* A record of long ago behind more than a window of newer ones is late; dropped if one likes. */
TEST_F(merge, late)
{
	struct perfring_merge_opts opts = { .size = sizeof(opts), .window = 16 };
	struct perfring_record record;
	unsigned int drop, count, late;

	for (drop = 0; drop < 2; drop++) {
		opts.flags = drop ? PERFRING_MERGE_DROP_LATE : 0;
		ASSERT_EQ(1, setup(self, variant, &opts, 1, 0));
		ASSERT_EQ(0, write_run(self->reader, 100, 30));
		ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 7, 7, LEN));
		ASSERT_EQ(0, write_run(self->reader, 130, 3));
		for (count = 0, late = 0; perfring_merge_next(self->merge, &record, NULL) == 1;
		     count++)
			late += perfring_merge_time(self->merge) == 7;
		EXPECT_EQ(34 - drop, count);
		EXPECT_EQ(!drop, late);
		EXPECT_EQ(1, stats_of(self->merge).late);
		EXPECT_EQ(drop, stats_of(self->merge).dropped);
		EXPECT_EQ(34 - drop, stats_of(self->merge).delivered);
		perfring_merge_destroy(self->merge);
		self->merge = NULL;
		ASSERT_EQ(0, perfring_reader_remove(self->reader, 0));
	}
}

/*
 * An empty ring yields an older record after all, which no heap of heads puts right:
 * the record of 20 waits for the round after it was seen, and 10 has come by then.
 */
TEST_F(merge, empty_ring_may_be_older)
{
	struct perfring_merge_opts opts = { .size = sizeof(opts), .slack_ns = 15 * SLACK };

	ASSERT_EQ(2, setup(self, variant, &opts, 2, 0));
	ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 20 * SLACK, 0, 8));
	EXPECT_EQ(0, next_time(self->merge, NULL));
	ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, 10 * SLACK, 0, 8));
	EXPECT_EQ(0, next_time(self->merge, NULL));
	/* Seen by the first round of the next call, so 10 and 20 are safe in its second. */
	ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, 35 * SLACK, 0, 8));
	EXPECT_NEXT(1, 10 * (int64_t)SLACK);
	EXPECT_NEXT(0, 20 * (int64_t)SLACK);
	EXPECT_EQ(0, next_time(self->merge, NULL));
	EXPECT_EQ(1, stats_of(self->merge).held);
}

/* Ties: by ring, then by their order in the ring. */
TEST_F(merge, ties)
{
	unsigned int i, index;
	struct perfring_record record;

	ASSERT_EQ(3, setup(self, variant, NULL, 3, 0));
	for (i = 0; i < 12; i++) {
		ASSERT_EQ(0, write_at(self->reader, 2 - i % 3, PERF_RECORD_SAMPLE, 5, i / 3, 8));
	}
	for (i = 0; i < 12; i++) {
		ASSERT_EQ(1, perfring_merge_next(self->merge, &record, &index));
		EXPECT_EQ(i / 4, index);
		EXPECT_TRUE(record_is(&record, 0, i % 4, 8));
	}
}

/*
 * LOST without sample_id has the time of the record before it (so it is first of what
 * follows), with sample_id that of the writer, who came at 400.
 */
TEST_F(merge, lost)
{
	unsigned int kind;
	uint64_t time;

	for (kind = 0; kind < 2; kind++) {
		ASSERT_EQ(2, setup(self, variant, NULL, 2, kind));
		for (time = 100; !write_at(self->reader, 0, PERF_RECORD_SAMPLE, time, 0, 100);)
			time++;
		while (next_time(self->merge, NULL) > 0)
			;
		EXPECT_EQ(time - 1, perfring_merge_time(self->merge));
		ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 400, 0, 100));
		ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, 250, 0, 100));
		ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, 400, 0, 100));
		if (!kind)
			EXPECT_NEXT(0, (int64_t)time - 1);
		EXPECT_NEXT(1, 250);
		if (kind)
			EXPECT_NEXT(0, 400);
		EXPECT_NEXT(0, 400);
		EXPECT_NEXT(1, 400);
		EXPECT_EQ(0, next_time(self->merge, NULL));
		EXPECT_EQ(0, stats_of(self->merge).late);
		perfring_merge_destroy(self->merge);
		self->merge = NULL;
		ASSERT_EQ(0, perfring_reader_remove(self->reader, 0));
		ASSERT_EQ(0, perfring_reader_remove(self->reader, 1));
	}
}

/* The first record of a ring has no time: it waits for that of the next one, or for a flush. */
TEST_F(merge, first_without_time)
{
	ASSERT_EQ(2, setup(self, variant, NULL, 2, 0));
	ASSERT_EQ(0, write_at(self->reader, 0, TYPE_OTHER, 1, 0, 8));
	ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, 50, 0, 8));
	EXPECT_NEXT(1, 50);
	EXPECT_EQ(0, next_time(self->merge, NULL));
	EXPECT_EQ(1, stats_of(self->merge).held);
	ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, 60, 0, 8));
	ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 70, 0, 8));
	EXPECT_NEXT(1, 60);
	EXPECT_NEXT(0, 70);
	EXPECT_NEXT(0, 70);
	EXPECT_EQ(0, next_time(self->merge, NULL));

	ASSERT_EQ(2, ring_add(self->reader, variant, 0, 1));
	ASSERT_EQ(0, perfring_merge_add(self->merge, 2, NULL));
	ASSERT_EQ(0, write_at(self->reader, 2, TYPE_OTHER, 1, 0, 8));
	EXPECT_EQ(0, next_time(self->merge, NULL));
	ASSERT_EQ(0, perfring_merge_flush(self->merge));
	EXPECT_NEXT(2, 70);
	EXPECT_EQ(0, next_time(self->merge, NULL));
	EXPECT_EQ(0, stats_of(self->merge).late);
}

/* Of the record at @position: its header's word of type, misc and size. */
static void spoil(struct perfring_storage *storage, uint64_t position)
{
	char *data = (char *)perfring_storage_data(storage);

	*(uint64_t *)(data + position % perfring_storage_data_size(storage)) =
		header_word(0, 0, 12);
}

/*
 * Ring 1 is corrupt behind its second record, ring 2 has a head from nowhere. What
 * was good comes in order, each of the two is reported once and goes on at its head.
 */
TEST_F(merge, corrupt)
{
	struct perfring_loss loss = { .size = sizeof(loss) };
	struct perfring_storage *storage;
	struct perfring_error error;
	unsigned int index, reported = 0;
	uint64_t head;
	int64_t time, last = 0;
	int count = 0;

	ASSERT_EQ(3, setup(self, variant, NULL, 3, 0));
	for (time = 1; time <= 4; time++) {
		ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 10 * time, 0, LEN));
		ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, 10 * time, 0, LEN));
	}
	/* The third record of ring 1. */
	storage = perfring_ring_storage(perfring_reader_ring(self->reader, 1));
	spoil(storage, variant->position + 2 * SIZE);
	storage = perfring_ring_storage(perfring_reader_ring(self->reader, 2));
	head = perfring_storage_control(storage)->data_head;
	perfring_storage_control(storage)->data_head = head + 8000;
	while ((time = next_time(self->merge, &index))) {
		if (time == -EBADMSG) {
			EXPECT_NE(0, index);
			reported |= 1 << index;
			EXPECT_EQ(-EBADMSG, perfring_reader_error(self->reader, &error));
			EXPECT_EQ(variant->position + (index == 1 ? 2 * SIZE : 0), error.position);
			continue;
		}
		ASSERT_LE(last, time);
		last = time;
		ASSERT_GT(10, ++count);
	}
	EXPECT_EQ(6, count);
	EXPECT_EQ(1 << 1 | 1 << 2, reported);
	ASSERT_EQ(0, perfring_reader_loss(self->reader, 1, &loss));
	EXPECT_EQ(1, loss.corrupt);
	EXPECT_EQ(2 * SIZE, loss.skipped);
	EXPECT_EQ(2, loss.records);
	ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, 50, 0, LEN));
	ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 60, 0, LEN));
	EXPECT_NEXT(1, 50);
	EXPECT_NEXT(0, 60);
}

/*
 * Ring 0 is corrupt before any of its records had a time: the one that is good comes, with the
 * time of those before it, then the fault is told, and the ring goes on; flushed or not.
 */
TEST_F(merge, corrupt_without_time)
{
	struct perfring_storage *storage;
	uint64_t position;
	unsigned int index;

	ASSERT_EQ(2, setup(self, variant, NULL, 2, 0));
	storage = perfring_ring_storage(perfring_reader_ring(self->reader, 0));
	for (int flush = 0; flush < 2; flush++) {
		if (flush) {
			ASSERT_EQ(2, ring_add(self->reader, variant, 0, 1));
			ASSERT_EQ(0, perfring_merge_add(self->merge, 2, NULL));
			storage = perfring_ring_storage(perfring_reader_ring(self->reader, 2));
		}
		position = variant->position;
		/* Two of 16 bytes, and the second says that it has 12. */
		ASSERT_EQ(0, write_at(self->reader, 2 * flush, TYPE_OTHER, 1, 0, 8));
		ASSERT_EQ(0, write_at(self->reader, 2 * flush, TYPE_OTHER, 1, 0, 8));
		spoil(storage, position + 16);
		ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, 50 + flush, 0, 8));
		if (flush)
			ASSERT_EQ(0, perfring_merge_flush(self->merge));
		EXPECT_NEXT(2U * flush, 50 * flush);
		if (flush)
			EXPECT_NEXT(1, 51);
		EXPECT_EQ(-EBADMSG, next_time(self->merge, &index));
		EXPECT_EQ(2U * flush, index);
		if (!flush)
			EXPECT_NEXT(1, 50);
		EXPECT_EQ(0, next_time(self->merge, NULL));
	}
	EXPECT_EQ(0, stats_of(self->merge).held);
}

/* What next has returned is held; the tail moves when all before it is delivered. */
TEST_F(merge, held_in_the_ring)
{
	const unsigned int fit = FIT(SIZE);
	struct perfring_record record;
	struct perfring_ring *ring;

	ASSERT_EQ(1, setup(self, variant, NULL, 1, 0));
	ring = perfring_reader_ring(self->reader, 0);
	ASSERT_EQ(0, write_run(self->reader, 1, fit));
	ASSERT_EQ(1, perfring_merge_next(self->merge, &record, NULL));
	EXPECT_EQ(-ENOSPC, write_run(self->reader, fit + 1, 1));
	EXPECT_TRUE(record_is(&record, 0, 1, LEN));
	/* A quarter of the page, 16 of 4096, is released on the way, and again. */
	EXPECT_EQ((int)fit - 1, read_run(self->merge, 2));
	EXPECT_EQ(0, stats_of(self->merge).copied);
	EXPECT_EQ(0, perfring_ring_bytes_remaining(ring));
}

TEST_HARNESS_MAIN
