// SPDX-License-Identifier: GPL-2.0
/*
 * The read path allocates nothing and makes no system call, wherever the ring is, a BPF
 * ring buffer included, and with the rings in order of time; nor does the writer of a
 * ring in memory, but for its wakeups.
 */
#include "bpf_ring.h"
#include "merge.h"
#include "watch.h"

RING_FIXTURE;

/* 40 records of 8 + 4 + 100 bytes on a page of 4096: several come to lie across the end. */
#define LEN	100
#define BURST	20

struct seen {
	unsigned int records;
	uint64_t lost;
	struct perfring_format *format;
	int err;
};

static int on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	struct seen *seen = context;
	struct perfring_event event;

	seen->records++;
	if (seen->format && perfring_decode(seen->format, record, &event, NULL))
		seen->err = -EBADMSG;
	return 0;
}

static void on_lost(void *context, unsigned int index, uint64_t lost)
{
	struct seen *seen = context;

	seen->lost += lost;
}

/* All there is by a batch, decoded; records or -errno */
static int read_batch(struct perfring_ring *ring, const struct perfring_format *format)
{
	struct perfring_record record;
	struct perfring_sample sample;
	struct perfring_batch batch;
	int ret, records = 0;

	ret = perfring_batch_begin(ring, &batch);
	while (!ret && (ret = perfring_batch_next(&batch, &record)) > 0) {
		ret = record.type != PERF_RECORD_SAMPLE ? 0 :
		      perfring_decode_sample(format, &record, &sample, NULL);
		records++;
	}
	perfring_batch_commit(&batch);
	return ret < 0 ? ret : records;
}

static int read_peek(struct perfring_ring *ring)
{
	struct perfring_record record;
	unsigned char copy[LEN];
	uint32_t type;
	int records = 0;

	while (perfring_ring_peek_size(ring) > 0 && perfring_ring_peek_type(ring, &type) == 1 &&
	       perfring_ring_peek(ring, &record) == 1 &&
	       perfring_ring_peek_copy(ring, copy, 0, sizeof(copy)) > 0 &&
	       perfring_ring_pop(ring) == 1)
		records++;
	return records;
}

/* The detectors detect: without that the tests below would say nothing. */
TEST(detects)
{
	char why[WHY_LEN];
	void *volatile p;

	if (!watch_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	watch();
	syscall(SYS_getppid);
	watch_end();
	EXPECT_EQ(SYS_getppid, first_call);
	EXPECT_EQ(0, allocations);
	watch();
	p = malloc(16);
	free(p);
	watch_end();
	EXPECT_EQ(2, allocations);
	watch();
	watch_end();
	EXPECT_CLEAN("nothing");
}

/* Batches and peeks, record after record across the end of the ring, decoded. */
TEST_F(ring, batch_and_peek)
{
	struct backend_opts opts = { .pages = 1 };
	struct perfring_format *format;
	char why[WHY_LEN];
	unsigned int round;
	int records;

	if (!watch_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	ASSERT_EQ(0, perfring_format_compile(perfring_storage_attr(self->b.storage), &format));
	for (round = 0; round < 10; round++) {
		ASSERT_EQ(BURST, backend_burst(&self->b, LEN, BURST));
		watch();
		records = round % 2 ? read_peek(self->b.ring) : read_batch(self->b.ring, format);
		watch_end();
		EXPECT_EQ(BURST, records);
		EXPECT_CLEAN(round % 2 ? "peek and pop" : "a batch");
	}
	/* Nothing there, and losses. */
	watch();
	records = read_batch(self->b.ring, format) + read_peek(self->b.ring);
	watch_end();
	EXPECT_EQ(0, records);
	EXPECT_CLEAN("an empty ring");
	EXPECT_GE((int)FIT(8 + 4 + LEN), backend_burst(&self->b, LEN, FIT(LEN)));
	perfring_ring_resync(self->b.ring);
	EXPECT_EQ(1, backend_burst(&self->b, LEN, 1));
	watch();
	records = read_batch(self->b.ring, format);
	watch_end();
	EXPECT_EQ(2, records);	/* LOST, and the sample */
	EXPECT_CLEAN("a batch with LOST");
	perfring_format_free(format);
}

/* A reader: consume, flush, poll with data there, next. A wait is seen to be a system call. */
TEST_F(ring, reader)
{
	struct seen seen = { 0 };
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = on_record, .lost = on_lost, .context = &seen,
	};
	struct backend_opts unread = { .pages = 1, .unread = true };
	struct perfring_reader *reader;
	struct perfring_record record;
	char why[WHY_LEN];
	unsigned int round;
	int index, ret;

	if (!watch_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &unread));
	ASSERT_EQ(0, perfring_format_compile(perfring_storage_attr(self->b.storage), &seen.format));
	ASSERT_EQ(0, perfring_reader_create(&opts, &reader));
	if (self->b.ring)
		perfring_ring_close(self->b.ring);
	self->b.ring = NULL;
	index = perfring_reader_add(reader, self->b.storage);
	ASSERT_EQ(0, index);
	self->b.ring = perfring_reader_ring(reader, index);
	for (round = 0; round < 8; round++) {
		ASSERT_EQ(BURST, backend_burst(&self->b, LEN, BURST));
		seen.records = 0;
		ret = 0;
		watch();
		switch (round % 4) {
		case 0:
			ret = perfring_reader_consume(reader);
			break;
		case 1:
			ret = perfring_reader_flush(reader);
			break;
		case 2:
			ret = perfring_reader_poll(reader, -1);
			break;
		default:
			while (perfring_reader_next(reader, &record, NULL) > 0)
				ret++;
			seen.records = ret;
		}
		watch_end();
		EXPECT_EQ(BURST, ret);
		EXPECT_EQ(BURST, seen.records);
		EXPECT_EQ(0, seen.err);
		EXPECT_CLEAN(round % 4 == 3 ? "next" : "consume, flush, or poll");
	}
	watch();
	ret = perfring_reader_consume(reader);
	watch_end();
	EXPECT_EQ(0, ret);
	EXPECT_CLEAN("consume of nothing");
	/* What it returns is poll_test's: s390x loses an argument of calls that it hands back. */
	watch();
	perfring_reader_poll(reader, 0);
	watch_end();
	EXPECT_NE(NOTHING, first_call);		/* it looked at the descriptors */
	EXPECT_EQ(0, allocations);
	perfring_format_free(seen.format);
	/* The storage is the reader's. */
	self->b.storage = NULL;
	self->b.ring = NULL;
	perfring_reader_destroy(reader);
}

/* A snapshot's records; its beginning pauses, and the first one allocates. */
TEST_F(ring, snapshot)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr, .pages = 1, .overwrite = true };
	struct perfring_record record;
	struct perfring_batch batch;
	unsigned int round, records;
	char why[WHY_LEN];

	if (!watch_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	attr.write_backward = 1;
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(BURST, backend_burst(&self->b, LEN, BURST));
		watch();
		if (round == 0) {
			watch_end();
			ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
			watch();
		} else {
			perfring_ring_snapshot(self->b.ring, PERFRING_SNAPSHOT_NO_PAUSE, &batch);
		}
		for (records = 0; perfring_batch_next(&batch, &record) > 0; records++)
			;
		perfring_batch_commit(&batch);
		watch_end();
		EXPECT_EQ(BURST, records);
		EXPECT_CLEAN("a snapshot");
	}
}

FIXTURE(bpf_ring) {
	struct bpf_ring r;
};

FIXTURE_VARIANT(bpf_ring) {
	bool kernel;
};

FIXTURE_VARIANT_ADD(bpf_ring, kernel) { .kernel = true };
FIXTURE_VARIANT_ADD(bpf_ring, memory) { .kernel = false };

FIXTURE_SETUP(bpf_ring)
{
	char why[WHY_LEN];

	memset(&self->r, 0, sizeof(self->r));
	if (!bpf_ring_available(variant->kernel, why, sizeof(why)))
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(bpf_ring)
{
	bpf_ring_close(&self->r);
}

/* 8 + 100 bytes, rounded up to 112: 36 in a page, so that the second round passes its end. */
TEST_F(bpf_ring, batch_and_peek)
{
	struct perfring_record record;
	struct perfring_batch batch;
	unsigned char payload[LEN];
	unsigned int round, i;
	char why[WHY_LEN];
	int records;

	if (!watch_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, bpf_ring_start(&self->r, variant->kernel, PAGE, 0));
	for (round = 0; round < 6; round++) {
		for (i = 0; i < BURST; i++) {
			fill(payload, LEN, i);
			ASSERT_EQ(0, bpf_ring_put(&self->r, i % 4 ? OUTPUT : DISCARD, payload, LEN,
						  0));
		}
		records = 0;
		watch();
		if (round % 2) {
			records = read_peek(self->r.ring);
		} else {
			perfring_batch_begin(self->r.ring, &batch);
			while (perfring_batch_next(&batch, &record) > 0)
				records++;
			perfring_batch_commit(&batch);
		}
		watch_end();
		EXPECT_EQ(BURST - BURST / 4, records);
		EXPECT_CLEAN("a BPF ring buffer");
	}
}

MERGE_FIXTURE;

/*
 * Four rings whose times interleave, each filled beyond the half where records begin to be
 * copied out of it; rounds, then all that is held.
 */
TEST_F(merge, next)
{
	struct perfring_record record;
	unsigned int i, n = 0, round;
	uint64_t time = 1, before = 0;
	bool ordered = true;
	char why[WHY_LEN];

	if (!watch_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, perfring_merge_create(self->reader, NULL, &self->merge));
	for (i = 0; i < 4; i++)
		ASSERT_EQ((int)i, ring_add(self->reader, variant, i, 1));
	ASSERT_EQ(4, perfring_merge_add_all(self->merge, NULL));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 100; i++) {
			ASSERT_EQ(0, write_at(self->reader, i % 4, PERF_RECORD_SAMPLE, time++, i,
					      LEN / 2));
		}
		watch();
		while (perfring_merge_next(self->merge, &record, NULL) > 0) {
			ordered &= before <= perfring_merge_time(self->merge);
			before = perfring_merge_time(self->merge);
			n++;
		}
		if (round == 2) {
			perfring_merge_flush(self->merge);
			while (perfring_merge_next(self->merge, &record, NULL) > 0)
				n++;
		}
		watch_end();
		EXPECT_CLEAN("a merge");
	}
	EXPECT_EQ(300, n);
	EXPECT_TRUE(ordered);
}

/* The writer of memory: one by one and in batches; then a wakeup, which is one write(2). */
TEST(writer)
{
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = 1, .watermark = PAGE };
	struct perfring_storage *storage;
	struct perfring_record record;
	struct perfring_ring *ring;
	char why[WHY_LEN];
	int i, ret;

	if (!watch_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, perfring_storage_open_memory(&opts, &storage));
	ASSERT_EQ(0, perfring_ring_open(storage, NULL, &ring));
	watch();
	for (i = ret = 0; i < 10; i++)
		ret |= perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, LEN);
	ret |= perfring_write_begin(ring);
	for (i = 0; i < 10; i++)
		ret |= perfring_write(ring, 1000, 0, NULL, LEN);
	ret |= perfring_write_end(ring);
	watch_end();
	EXPECT_EQ(0, ret);
	EXPECT_CLEAN("writing");
	watch();
	for (i = 0; i < (int)FIT(LEN); i++)
		ret |= perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, LEN);
	watch_end();
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_CLEAN("writing to a full ring");
	while (perfring_ring_peek(ring, &record) > 0)
		perfring_ring_pop(ring);
	perfring_ring_close(ring);
	perfring_storage_close(storage);

	opts.watermark = 8;
	ASSERT_EQ(0, perfring_storage_open_memory(&opts, &storage));
	ASSERT_EQ(0, perfring_ring_open(storage, NULL, &ring));
	watch();
	ret = perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, LEN);
	watch_end();
	EXPECT_EQ(1, ret);
	EXPECT_EQ(SYS_write, first_call);
	EXPECT_EQ(0, allocations);
	perfring_ring_close(ring);
	perfring_storage_close(storage);
}

static void measured(void *context)
{
	(*(int *)context)++;
}

/*
 * Counters: nothing is allocated once they are open, whatever is done with them; and of stopped
 * ones that were read the kernel is not asked again.
 */
TEST(counters)
{
	struct perfring_count_value value[2];
	struct perfring_count *count;
	uint64_t now;
	int ret, calls = 0;
	char why[WHY_LEN];

	if (!watch_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, perfring_count_open_text("{task-clock:u,page-faults:u}", 0, -1, NULL, &count,
					      NULL));
	watch();
	watched = SYSCALL_DISPATCH_FILTER_ALLOW;
	ret = perfring_count_start(count) | perfring_count_now(count, 0, &now) |
	      perfring_count_read_one(count, 1, &value[0]) | perfring_count_reset(count) |
	      perfring_count_stop(count);
	ret |= perfring_count_measure(count, measured, &calls, value, 2) != 2;
	watch_end();
	EXPECT_EQ(0, ret);
	EXPECT_EQ(1, calls);
	EXPECT_CLEAN("counting");
	watch();
	ret = perfring_count_read(count, value, 2) != 2 || perfring_count_reset(count);
	watch_end();
	EXPECT_EQ(0, ret);
	EXPECT_CLEAN("reading stopped counters");
	perfring_count_close(count);
}

TEST_HARNESS_MAIN
