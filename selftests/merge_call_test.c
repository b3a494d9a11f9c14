// SPDX-License-Identifier: GPL-2.0
/* Ordered merge: what its calls take, refuse and return, and how they wait. */
#include <stdlib.h>
#include "fixtures.h"
#include "merge.h"

MERGE_FIXTURE;

/* A merge of two rings, of formats 0 and 1. */
static int setup(FIXTURE_DATA(merge) *self, const FIXTURE_VARIANT(merge) *variant,
		 const struct perfring_merge_opts *opts)
{
	int ret = perfring_merge_create(self->reader, opts, &self->merge);

	for (int i = 0; !ret && i < 2; i++)
		ret = ring_add(self->reader, variant, i, 1) == i ? 0 : -EIO;
	return ret ?: perfring_merge_add_all(self->merge, NULL);
}

struct heard {
	unsigned int nr;
	unsigned int ring[16];
	uint64_t lost;
	unsigned int errors;
	unsigned int stop;	/* at this one; 0: never */
};

static int on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	struct heard *heard = context;

	heard->ring[heard->nr++ % ARRAY_LEN(heard->ring)] = index;
	return heard->nr == heard->stop ? -ECANCELED : 0;
}

static void on_lost(void *context, unsigned int index, uint64_t lost)
{
	((struct heard *)context)->lost += lost;
}

static void on_error(void *context, unsigned int index, const struct perfring_error *error)
{
	((struct heard *)context)->errors += index == 1 && error->code == -EBADMSG;
}

/*
 * Callbacks in order, three records a call; then one that stops; a LOST record, and a
 * corrupt ring, each told by its own callback.
 */
TEST_F(merge, poll)
{
	struct heard heard = { 0 };
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = on_record, .lost = on_lost, .error = on_error,
		.context = &heard, .budget_records = 3,
	};
	struct perfring_loss loss = { .size = sizeof(loss) };
	struct perfring_storage *storage;
	unsigned int i;

	perfring_reader_destroy(self->reader);
	ASSERT_EQ(0, perfring_reader_create(&opts, &self->reader));
	ASSERT_EQ(2, setup(self, variant, NULL));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, write_at(self->reader, i % 2, PERF_RECORD_SAMPLE, 10 + i, i, 8));
	EXPECT_EQ(3, perfring_merge_poll(self->merge, 0));
	EXPECT_EQ(2, perfring_merge_poll(self->merge, 0));
	EXPECT_EQ(0, perfring_merge_poll(self->merge, 0));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(i % 2, heard.ring[i]);
	}
	ASSERT_EQ(0, perfring_reader_loss(self->reader, 0, &loss));
	EXPECT_EQ(3, loss.records);

	heard.stop = 6;
	ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 20, 5, 8));
	ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 21, 6, 8));
	EXPECT_EQ(-ECANCELED, perfring_merge_poll(self->merge, 0));
	EXPECT_EQ(1, perfring_merge_poll(self->merge, 0));

	/* Three of a good quarter each; a time and the header stand besides. */
	for (i = 0; !write_at(self->reader, 0, PERF_RECORD_SAMPLE, 30 + i, i, PAGE / 4); i++)
		;
	EXPECT_EQ(3, i);
	EXPECT_EQ(3, perfring_merge_poll(self->merge, 0));
	ASSERT_EQ(0, perfring_merge_poll(self->merge, 0));
	ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 50, i, 8));
	EXPECT_EQ(2, perfring_merge_poll(self->merge, 0));
	EXPECT_EQ(1, heard.lost);

	storage = perfring_ring_storage(perfring_reader_ring(self->reader, 1));
	perfring_storage_control(storage)->data_head += 4;
	EXPECT_EQ(0, perfring_merge_poll(self->merge, 0));
	EXPECT_LE(1, heard.errors);
}

/*
 * A slack of 20 ms, and nothing that comes after: the wait ends when the slack is over, and
 * not before.
 */
TEST_F(merge, slack_ends)
{
	struct perfring_merge_opts opts = { .size = sizeof(opts), .slack_ns = 20000000 };
	struct perfring_record record;
	uint64_t start = now_ns();
	int ret;

	ASSERT_EQ(2, setup(self, variant, &opts));
	ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 1000000000, 0, 8));
	do {
		ret = perfring_merge_next(self->merge, &record, NULL);
	} while (!ret && perfring_merge_wait(self->merge, 10000) >= 0);
	EXPECT_EQ(1, ret);
	EXPECT_LE(20000000, now_ns() - start);
	ASSERT_EQ(0, write_at(self->reader, 1, PERF_RECORD_SAMPLE, 2000000000, 0, 8));
	/* It comes when the wait has begun, and ends it nevertheless. */
	EXPECT_EQ(1, perfring_merge_poll(self->merge, -1));
	/* Nothing there, nothing held. */
	EXPECT_EQ(0, perfring_merge_wait(self->merge, 1));
	/* Another thread's wake ends the wait that is to come. */
	ASSERT_EQ(0, perfring_reader_wake(self->reader));
	EXPECT_EQ(0, perfring_merge_poll(self->merge, -1));
}

/* A slack for ever: nothing comes before the flush, and a wait ends nevertheless. */
TEST_F(merge, slack_without_end)
{
	struct perfring_merge_opts opts = { .size = sizeof(opts), .slack_ns = UINT64_MAX };

	ASSERT_EQ(2, setup(self, variant, &opts));
	ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 1000000000, 0, 8));
	EXPECT_EQ(0, perfring_merge_poll(self->merge, 20));
	EXPECT_EQ(0, perfring_merge_wait(self->merge, 20));
	ASSERT_EQ(0, perfring_merge_flush(self->merge));
	EXPECT_EQ(1, perfring_merge_poll(self->merge, 20));
}

/* A budget of more records than an int says; one of time, looked at every 64 records. */
TEST_F(merge, budgets)
{
	struct perfring_reader_opts opts = { .size = sizeof(opts), .budget_records = UINT64_MAX };

	perfring_reader_destroy(self->reader);
	ASSERT_EQ(0, perfring_reader_create(&opts, &self->reader));
	ASSERT_EQ(2, setup(self, variant, NULL));
	for (unsigned int i = 0; i < 5; i++)
		ASSERT_EQ(0, write_at(self->reader, i % 2, PERF_RECORD_SAMPLE, 10 + i, i, 8));
	EXPECT_EQ(5, perfring_merge_poll(self->merge, 0));
	perfring_merge_destroy(self->merge);
	perfring_reader_destroy(self->reader);

	opts.budget_records = 0;
	opts.budget_ns = 1;
	self->merge = NULL;
	ASSERT_EQ(0, perfring_reader_create(&opts, &self->reader));
	ASSERT_EQ(2, setup(self, variant, NULL));
	for (unsigned int i = 0; i < 70; i++)
		ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 10 + i, i, 8));
	EXPECT_EQ(64, perfring_merge_poll(self->merge, 0));
	EXPECT_EQ(6, perfring_merge_poll(self->merge, 0));
}

/* As the owner of the pages may do at any time. */
static void corrupt_again(void *context, unsigned int index, const struct perfring_error *error)
{
	struct perfring_reader *reader = *(struct perfring_reader **)context;
	struct perfring_ring *ring = perfring_reader_ring(reader, index);

	perfring_storage_control(perfring_ring_storage(ring))->data_head += 4;
}

/* Without a callback the error is the answer; a ring that is corrupt for ever ends the call. */
TEST_F(merge, corrupt)
{
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .error = corrupt_again, .context = &self->reader,
	};
	struct perfring_loss loss = { .size = sizeof(loss) };
	struct perfring_error error;

	ASSERT_EQ(2, setup(self, variant, NULL));
	corrupt_again(&self->reader, 1, NULL);
	EXPECT_EQ(-EBADMSG, perfring_merge_poll(self->merge, 0));
	EXPECT_EQ(-EBADMSG, perfring_reader_error(self->reader, &error));
	ASSERT_EQ(0, write_at(self->reader, 0, PERF_RECORD_SAMPLE, 10, 0, 8));
	EXPECT_EQ(1, perfring_merge_poll(self->merge, 0));
	perfring_merge_destroy(self->merge);
	perfring_reader_destroy(self->reader);

	self->merge = NULL;
	ASSERT_EQ(0, perfring_reader_create(&opts, &self->reader));
	ASSERT_EQ(2, setup(self, variant, NULL));
	corrupt_again(&self->reader, 1, NULL);
	EXPECT_EQ(0, perfring_merge_poll(self->merge, 0));
	ASSERT_EQ(0, perfring_reader_loss(self->reader, 1, &loss));
	EXPECT_LT(1, loss.corrupt);
}

static uint64_t time_at_end(void *context, unsigned int index,
			    const struct perfring_record *record)
{
	uint64_t time;

	memcpy(&time, (const char *)record->data + record->size - 12, sizeof(time));
	*(unsigned int *)context += 1;
	return time;
}

/*
 * Rings without PERF_SAMPLE_TIME: the time is in the payload, 12 bytes from the start (8 of
 * header, 4 of size), or the caller's function knows; payloads of 8 and 4 that pad.
 */
TEST_F(merge, time_of_payload)
{
	struct perfring_merge_ring_opts at = { .size = sizeof(at), .payload_time = 12 };
	unsigned int calls = 0;
	struct perfring_merge_ring_opts fn = {
		.size = sizeof(fn), .time = time_at_end, .context = &calls,
	};
	struct perfring_memory_opts memory = { .size = sizeof(memory), .pages = 1 };
	static const uint64_t times[2][2] = { { 10, 30 }, { 20, 25 } };
	static const uint64_t order[4] = { 10, 20, 25, 30 };
	struct perfring_storage *storage;
	struct perfring_record record;

	ASSERT_EQ(0, perfring_merge_create(self->reader, NULL, &self->merge));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, perfring_storage_open_memory(&memory, &storage));
		ASSERT_EQ(i, perfring_reader_add(self->reader, storage));
		EXPECT_EQ(-EINVAL, perfring_merge_add(self->merge, i, NULL));
	}
	ASSERT_EQ(0, perfring_merge_add(self->merge, 0, &at));
	ASSERT_EQ(0, perfring_merge_add(self->merge, 1, &fn));
	for (int i = 0; i < 4; i++)
		ASSERT_LE(0, perfring_write(perfring_reader_ring(self->reader, i / 2),
					    PERF_RECORD_SAMPLE, 0, &times[i / 2][i % 2], 8));
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(1, perfring_merge_next(self->merge, &record, NULL));
		EXPECT_EQ(order[i], perfring_merge_time(self->merge));
	}
	EXPECT_EQ(2, calls);
}

TEST_F(merge, refused)
{
	struct perfring_merge_opts opts = { .size = sizeof(opts), .flags = 1 << 5 };
	struct perfring_merge_ring_opts ring = { .size = sizeof(ring), .payload_time = 4 };
	struct perfring_merge_stats stats = { 0 };
	struct perfring_merge *none = NULL;
	struct perfring_batch batch;

	EXPECT_EQ(-EINVAL, perfring_merge_create(self->reader, &opts, &none));
	opts.flags = 0;
	opts.window = (1 << 20) + 1;
	EXPECT_EQ(-EINVAL, perfring_merge_create(self->reader, &opts, &none));
	EXPECT_EQ(NULL, none);
	ASSERT_EQ(2, setup(self, variant, NULL));
	EXPECT_EQ(0, perfring_merge_add_all(self->merge, NULL));
	EXPECT_EQ(-EALREADY, perfring_merge_add(self->merge, 1, NULL));
	EXPECT_EQ(-ENOENT, perfring_merge_add(self->merge, 2, NULL));
	EXPECT_EQ(-ENOENT, perfring_merge_remove(self->merge, 2));
	EXPECT_EQ(0, perfring_merge_remove(self->merge, 1));
	EXPECT_EQ(-ENOENT, perfring_merge_remove(self->merge, 1));
	EXPECT_EQ(-EINVAL, perfring_merge_add(self->merge, 1, &ring));
	ASSERT_EQ(0, perfring_batch_begin(perfring_reader_ring(self->reader, 1), &batch));
	EXPECT_EQ(-EBUSY, perfring_merge_add(self->merge, 1, NULL));
	perfring_batch_cancel(&batch);
	EXPECT_EQ(1, perfring_merge_add_all(self->merge, NULL));
	EXPECT_EQ(-EINVAL, perfring_merge_stats(self->merge, &stats));
}

TEST_HARNESS_MAIN
