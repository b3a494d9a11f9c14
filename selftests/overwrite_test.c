// SPDX-License-Identifier: GPL-2.0
/* Lesson 12: rings that are never full, forward and backward, read by snapshots. */
#include <pthread.h>
#include "fixtures.h"

RING_FIXTURE;

static void open_ring(struct __test_metadata *_metadata, struct backend *b,
		      enum backend_kind kind, bool backward)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr, .overwrite = true };

	attr.write_backward = backward;
	attr.read_format = PERF_FORMAT_LOST;
	ASSERT_EQ(0, backend_open(b, kind, &opts));
	ASSERT_EQ((backward ? PERFRING_STORAGE_BACKWARD : 0) | PERFRING_STORAGE_OVERWRITE,
		  perfring_storage_flags(b->storage) &
		  (PERFRING_STORAGE_BACKWARD | PERFRING_STORAGE_OVERWRITE));
}

static void write_some(struct __test_metadata *_metadata, struct backend *b, uint64_t from,
		       uint64_t to)
{
	unsigned char payload[100];

	for (; from < to; from++) {
		fill(payload, sizeof(payload), from);
		ASSERT_EQ(0, backend_write(b, payload, sizeof(payload)));
	}
}

/* Before the first lap: all of them, newest first; a second look finds nothing. */
TEST_F(ring, backward_newest_first)
{
	struct perfring_record record;
	struct perfring_batch batch;
	int i;

	open_ring(_metadata, &self->b, variant->kind, true);
	/* It grows downwards from 0. */
	write_some(_metadata, &self->b, 0, 10);
	EXPECT_EQ(0 - 10 * 112ULL, perfring_ring_head(self->b.ring));
	/* In order it cannot be read. */
	EXPECT_EQ(-EOPNOTSUPP, perfring_batch_begin(self->b.ring, &batch));
	EXPECT_EQ(-EOPNOTSUPP, perfring_ring_peek(self->b.ring, &record));
	ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
	for (i = 9; i >= 0; i--) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
		EXPECT_TRUE(is_sample(&record, 100, i));
	}
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	EXPECT_EQ(0, perfring_batch_torn(&batch));
	perfring_batch_commit(&batch);

	ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
	/* Three more: those alone. */
	write_some(_metadata, &self->b, 10, 13);
	ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
	for (i = 12; i >= 10; i--) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
		EXPECT_TRUE(is_sample(&record, 100, i));
	}
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
}

/*
 * Several laps: of a page 36 whole records of 112 are left (4032), and 64 bytes
 * of the one before, which are torn.  The snapshot pauses; nobody wrote, so
 * nothing was lost by that.
 */
TEST_F(ring, backward_lapped)
{
	const int whole = PAGE / 112;
	struct perfring_record record;
	struct perfring_batch batch;
	int i;

	open_ring(_metadata, &self->b, variant->kind, true);
	write_some(_metadata, &self->b, 0, 200);
	ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
	for (i = 199; i >= 200 - whole; i--) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
		EXPECT_TRUE(is_sample(&record, 100, i)) {
			TH_LOG("record %d", i);
		}
	}
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	EXPECT_EQ(PAGE - whole * 112, perfring_batch_torn(&batch));
	perfring_batch_commit(&batch);
	EXPECT_EQ(0, backend_lost(&self->b));
	/* Output goes on after it. */
	write_some(_metadata, &self->b, 200, 201);
	ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
	ASSERT_EQ(1, perfring_batch_next(&batch, &record));
	EXPECT_TRUE(is_sample(&record, 100, 200));
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
}

/* Forward: oldest first while not lapped; lapped, no record can be found. */
TEST_F(ring, forward)
{
	struct perfring_record record;
	struct perfring_batch batch;
	/* Of 112 bytes: nearly a page, across its end, more than a page. */
	const int first = FIT(112) - 6, second = first + 20, third = second + FIT(112) + 64;
	int i;

	open_ring(_metadata, &self->b, variant->kind, false);
	write_some(_metadata, &self->b, 0, first);
	ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
	for (i = 0; i < first; i++) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
		EXPECT_TRUE(is_sample(&record, 100, i));
	}
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
	/* Those since then, across the end. */
	write_some(_metadata, &self->b, first, second);
	ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
	for (i = first; i < second; i++) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
		EXPECT_TRUE(is_sample(&record, 100, i));
	}
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
	write_some(_metadata, &self->b, second, third);
	ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	EXPECT_EQ(PAGE, perfring_batch_torn(&batch));
	perfring_batch_commit(&batch);
	EXPECT_EQ(0, backend_lost(&self->b));
}

/* A backward ring that is full at the tail: newest first, and commit makes room. */
TEST_F(ring, backward_not_overwriting)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr };
	const int fit = (PAGE - 8) / 16;
	struct perfring_record record;
	struct perfring_batch batch;
	int n = 0;

	attr.write_backward = 1;
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	EXPECT_EQ(fit, backend_burst(&self->b, 4, fit + 5));
	ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
	while (perfring_batch_next(&batch, &record) == 1)
		n++;
	perfring_batch_commit(&batch);
	EXPECT_EQ(fit, n);
	EXPECT_EQ(1, backend_burst(&self->b, 4, 1));
}

struct lapper {
	struct backend *b;
	bool stop;
	uint64_t written;
};

static void *lap(void *arg)
{
	struct lapper *lapper = arg;
	unsigned char payload[100];

	while (!__atomic_load_n(&lapper->stop, __ATOMIC_RELAXED)) {
		fill(payload, sizeof(payload), lapper->written);
		memcpy(payload, &lapper->written, 8);
		if (!backend_write(lapper->b, payload, sizeof(payload)))
			lapper->written++;
	}
	return NULL;
}

/*
 * The writer laps the reader while it copies, with and without a pause: what is
 * handed out is whole, newest first without a gap, newer than the last time.
 */
/*
 * Without a pause the oldest record of a snapshot may be torn: a writer that is
 * inside has not said yet how far it reaches. All records have one size here, so
 * it reaches into one at most.
 */
static void lapped(struct __test_metadata *_metadata, struct backend *b, unsigned int flags)
{
	uint64_t end = now_ns() + 300000000ULL, seq, last, newest = 0, records = 0, size;
	struct lapper lapper = { .b = b };
	struct perfring_record record;
	struct perfring_batch batch;
	bool first_ever = true, first, torn;
	pthread_t thread;
	size_t i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, lap, &lapper));
	while (now_ns() < end || (!records && now_ns() < end + 5000000000ULL)) {
		/* Let the writer go some laps: a pause lasts longer than what is between two. */
		sleep_ms(1);
		ASSERT_EQ(0, perfring_ring_snapshot(b->ring, flags, &batch));
		first = true;
		last = 0;
		size = 0;
		torn = false;
		while (perfring_batch_next(&batch, &record) == 1) {
			const unsigned char *payload = (const unsigned char *)record.data + 12;

			size += record.size;
			if (record.type == PERF_RECORD_LOST)
				continue;
			/* Then it was not the oldest. */
			ASSERT_FALSE(torn) {
				TH_LOG("a torn record that is not the oldest");
			}
			ASSERT_EQ(PERF_RECORD_SAMPLE, record.type);
			ASSERT_EQ(112, record.size);
			memcpy(&seq, payload, 8);
			for (i = 8; i < 100; i++) {
				if (payload[i] != pattern(seq, i))
					break;
			}
			if (i < 100 && flags & PERFRING_SNAPSHOT_NO_PAUSE) {
				torn = true;
				continue;
			}
			ASSERT_EQ(100, i) {
				TH_LOG("record %llu is torn", (unsigned long long)seq);
			}
			if (first) {
				ASSERT_TRUE(first_ever || seq > newest);
			} else {
				ASSERT_EQ(last - 1, seq);
			}
			if (first)
				newest = seq;
			first = false;
			last = seq;
			records++;
		}
		ASSERT_GE(PAGE, size + perfring_batch_torn(&batch));
		if (!first)
			first_ever = false;
		perfring_batch_commit(&batch);
	}
	__atomic_store_n(&lapper.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_LT(0, records);
}

TEST_F(ring, lapped_while_reading_paused)
{
	open_ring(_metadata, &self->b, variant->kind, true);
	lapped(_metadata, &self->b, 0);
}

TEST_F(ring, lapped_while_reading_unpaused)
{
#if defined(__SANITIZE_THREAD__)
	if (variant->kind == MEMORY)
		SKIP(return, "racing with the writer by design: not for the thread sanitizer");
#endif
	open_ring(_metadata, &self->b, variant->kind, true);
	lapped(_metadata, &self->b, PERFRING_SNAPSHOT_NO_PAUSE);
}

TEST_HARNESS_MAIN
