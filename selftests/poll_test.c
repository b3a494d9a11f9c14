// SPDX-License-Identifier: GPL-2.0
/* Waiting: readiness, budgets, left-overs, lost wakeups, hang-up.  Lessons 9, 10, 11, 18. */
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include "fixtures.h"

RING_FIXTURE;

struct counts {
	uint64_t records, lost;
};

static int on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	struct counts *counts = context;

	(void)index;
	(void)record;
	counts->records++;
	return 0;
}

/* A reader of one backend's ring; the reader owns storage and ring. */
static void open_reader(struct __test_metadata *_metadata, struct backend *b,
			enum backend_kind kind, const struct perf_event_attr *attr, size_t pages,
			struct perfring_reader_opts *opts, struct perfring_reader **reader)
{
	struct backend_opts backend_opts = { .attr = attr, .pages = pages };
	struct perfring_storage *storage;

	opts->size = sizeof(*opts);
	opts->record = on_record;
	ASSERT_EQ(0, backend_storage(kind, &backend_opts, &storage));
	ASSERT_EQ(0, perfring_reader_create(opts, reader));
	ASSERT_EQ(0, perfring_reader_add(*reader, storage));
	ASSERT_EQ(0, backend_attach(b, kind, storage));
	b->ring = perfring_reader_ring(*reader, 0);
}

static void close_reader(struct backend *b, struct perfring_reader *reader)
{
	b->ring = NULL;
	b->storage = NULL;
	perfring_reader_destroy(reader);
}

/* wakeup_events 1: each record makes it ready, once. */
TEST_F(ring, ready_each)
{
	int i;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	EXPECT_FALSE(backend_poll(&self->b, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, backend_burst(&self->b, 4, 1));
		EXPECT_TRUE(backend_poll(&self->b, 0));
		EXPECT_FALSE(backend_poll(&self->b, 0));
	}
}

/* wakeup_events 5: the 5th, 10th, 15th. */
TEST_F(ring, ready_every_fifth)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr };
	int i;

	attr.wakeup_events = 5;
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	for (i = 1; i <= 15; i++) {
		EXPECT_EQ(1, backend_burst(&self->b, 4, 1));
		EXPECT_EQ(i % 5 == 0, backend_poll(&self->b, 0)) {
			TH_LOG("record %d", i);
		}
	}
}

/*
 * A watermark of 96 bytes and records of 16: perf wakes when the head is more than
 * 96 past the last wakeup, not when it is 96, and counts on from there in steps
 * of 96.  So after 7 (112 > 96), 13 (208 > 192), 19 (304 > 288).
 */
TEST_F(ring, ready_by_watermark)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr };
	int i;

	attr.watermark = 1;
	attr.wakeup_watermark = 96;
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	for (i = 1; i <= 20; i++) {
		EXPECT_EQ(1, backend_burst(&self->b, 4, 1));
		EXPECT_EQ(i == 7 || i == 13 || i == 19, backend_poll(&self->b, 0)) {
			TH_LOG("record %d", i);
		}
	}
}

/* The options of a storage say the same as the attr. */
TEST_F(ring, watermark_options)
{
	const struct perf_event_attr *attr;
	struct perfring_storage *storage;
	struct perfring_memory_opts memory = { .size = sizeof(memory), .watermark = 100 };
	struct perfring_perf_opts perf = { .size = sizeof(perf), .watermark = 100 };
	struct perfring_device_opts device = { .size = sizeof(device), .watermark = 100 };
	struct perf_event_attr output = output_attr();
	int ret = -1;

	if (variant->kind == MEMORY)
		ret = perfring_storage_open_memory(&memory, &storage);
	else if (variant->kind == PERF)
		ret = perfring_storage_open_perf(&output, -1, 0, &perf, &storage);
	else
		ret = perfring_storage_open_device("/dev/perfring0", &output, &device, &storage);
	ASSERT_EQ(0, ret);
	attr = perfring_storage_attr(storage);
	EXPECT_EQ(1, (int)attr->watermark);
	EXPECT_EQ(100, attr->wakeup_watermark);
	EXPECT_EQ(0, perfring_storage_close(storage));
	/* Both at once contradict each other. */
	memory.wakeup_events = 1;
	perf.wakeup_events = 1;
	device.wakeup_events = 1;
	if (variant->kind == MEMORY)
		ret = perfring_storage_open_memory(&memory, &storage);
	else if (variant->kind == PERF)
		ret = perfring_storage_open_perf(&output, -1, 0, &perf, &storage);
	else
		ret = perfring_storage_open_device("/dev/perfring0", &output, &device, &storage);
	EXPECT_EQ(-EINVAL, ret);
}

/*
 * Lesson 10: records below the watermark wake nobody; they are delivered when
 * the deadline comes, by consume and by flush.
 */
TEST_F(ring, leftovers_by_deadline_and_flush)
{
	struct perf_event_attr attr = output_attr();
	struct counts counts = {};
	struct perfring_reader_opts opts = { .context = &counts };
	struct perfring_reader *reader;
	uint64_t start;

	attr.watermark = 1;
	attr.wakeup_watermark = 4000;
	open_reader(_metadata, &self->b, variant->kind, &attr, 1, &opts, &reader);
	/* They are there when it comes: at once. */
	EXPECT_EQ(3, backend_burst(&self->b, 4, 3));
	start = now_ns();
	EXPECT_EQ(3, perfring_reader_poll(reader, 5000));
	EXPECT_GT(2000000000ULL, now_ns() - start);
	EXPECT_EQ(0, perfring_reader_poll(reader, 0));
	EXPECT_EQ(2, backend_burst(&self->b, 4, 2));
	EXPECT_EQ(2, perfring_reader_consume(reader));
	EXPECT_EQ(2, backend_burst(&self->b, 4, 2));
	EXPECT_EQ(2, perfring_reader_flush(reader));
	EXPECT_EQ(2, backend_burst(&self->b, 4, 2));
	EXPECT_EQ(2, perfring_reader_poll_until(reader, now_ns()));
	/* Nothing: it waits as long as it was told. */
	start = now_ns();
	EXPECT_EQ(0, perfring_reader_poll(reader, 50));
	EXPECT_LE(49000000ULL, now_ns() - start);
	EXPECT_EQ(9, counts.records);
	close_reader(&self->b, reader);
}

struct late {
	struct backend *b;
	unsigned int ms;
	bool stop;
	unsigned int pages_free;
	uint64_t written;	/* when */
};

static void *write_late(void *arg)
{
	struct late *late = arg;

	sleep_ms(late->ms);
	backend_burst(late->b, 4, 3);
	late->written = now_ns();
	return NULL;
}

/* What is written below the watermark while it waits comes at the deadline, not after. */
TEST_F(ring, leftovers_written_while_waiting)
{
	struct perf_event_attr attr = output_attr();
	struct counts counts = {};
	struct perfring_reader_opts opts = { .context = &counts };
	struct late late = { .b = &self->b, .ms = 30 };
	struct perfring_reader *reader;
	unsigned int ms = 150;
	pthread_t thread;
	uint64_t begin;
	int got;

	attr.watermark = 1;
	attr.wakeup_watermark = 4000;
	open_reader(_metadata, &self->b, variant->kind, &attr, 1, &opts, &reader);
	/* Where the writer is kept from its CPU for so long, once more with more time. */
	do {
		ms *= 2;
		ASSERT_GT(60000, ms);
		perfring_reader_consume(reader);
		begin = now_ns();
		ASSERT_EQ(0, pthread_create(&thread, NULL, write_late, &late));
		got = perfring_reader_poll(reader, ms);
		pthread_join(thread, NULL);
	} while (late.written >= begin + ms * 1000000ULL);
	EXPECT_EQ(3, got);
	close_reader(&self->b, reader);
}

static void *write_always(void *arg)
{
	struct late *late = arg;

	while (!__atomic_load_n(&late->stop, __ATOMIC_RELAXED))
		backend_burst(late->b, 4, 50);
	return NULL;
}

/*
 * Lesson 9: a writer that never stops. A budget of 10 records returns 10; one
 * of 20 ms returns within a second; without any a call ends as well.
 */
TEST_F(ring, budget_while_outrun)
{
	struct counts counts = {};
	struct perfring_reader_opts opts = { .context = &counts, .budget_records = 10 };
	struct late late = { .b = &self->b };
	struct perfring_reader *reader;
	pthread_t thread;
	uint64_t start;
	int i, ret, round;

	for (round = 0; round < 3; round++) {
		opts.budget_records = round == 0 ? 10 : 0;
		opts.budget_ns = round == 1 ? 20000000 : 0;
		open_reader(_metadata, &self->b, variant->kind, NULL, 1, &opts, &reader);
		late.stop = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, write_always, &late));
		for (i = 0; i < 20; i++) {
			start = now_ns();
			ret = perfring_reader_poll(reader, 1000);
			EXPECT_LE(0, ret);
			EXPECT_GE(round ? INT_MAX : 10, ret);
			EXPECT_GT(2000000000ULL, now_ns() - start);
		}
		__atomic_store_n(&late.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		EXPECT_LT(0, counts.records);
		/* Flush knows no budget. */
		perfring_reader_flush(reader);
		EXPECT_EQ(0, perfring_ring_bytes_remaining(self->b.ring));
		close_reader(&self->b, reader);
		backend_close(&self->b);
	}
}

static void *write_when_empty(void *arg)
{
	struct late *late = arg;
	struct perf_event_mmap_page *page = perfring_storage_control(late->b->storage);
	uint64_t end = now_ns() + 20000000000ULL;
	int i;

	/* Each as soon as the one before was taken: in the middle of the next wait. */
	for (i = 0; i < 500 && now_ns() < end; i++) {
		backend_burst(late->b, 4, 1);
		while (__atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE) !=
		       __atomic_load_n(&page->data_tail, __ATOMIC_ACQUIRE) &&
		       now_ns() < end)
			;
	}
	return NULL;
}

/* Lesson 11: a write between the last look at the head and poll: no stall. */
TEST_F(ring, no_lost_wakeup)
{
	struct counts counts = {};
	struct perfring_reader_opts opts = { .context = &counts };
	struct late late = { .b = &self->b };
	struct perfring_reader *reader;
	uint64_t start, longest = 0;
	pthread_t thread;

	open_reader(_metadata, &self->b, variant->kind, NULL, 1, &opts, &reader);
	ASSERT_EQ(0, pthread_create(&thread, NULL, write_when_empty, &late));
	while (counts.records < 500) {
		start = now_ns();
		if (!perfring_reader_poll(reader, 5000))
			break;
		if (now_ns() - start > longest)
			longest = now_ns() - start;
	}
	EXPECT_EQ(500, counts.records);
	/* A stall would last the whole timeout. */
	EXPECT_GT(4000000000ULL, longest);
	pthread_join(thread, NULL);
	close_reader(&self->b, reader);
}

/* Another thread may end the wait, before it begins too. */
static void *wake(void *arg)
{
	sleep_ms(30);
	perfring_reader_wake(arg);
	return NULL;
}

TEST_F(ring, wake)
{
	struct counts counts = {};
	struct perfring_reader_opts opts = { .context = &counts };
	struct perfring_reader *reader;
	uint64_t start = now_ns();
	pthread_t thread;

	open_reader(_metadata, &self->b, variant->kind, NULL, 1, &opts, &reader);
	ASSERT_EQ(0, perfring_reader_wake(reader));
	EXPECT_EQ(0, perfring_reader_poll(reader, 10000));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wake, reader));
	EXPECT_EQ(0, perfring_reader_poll(reader, 10000));
	EXPECT_GT(8000000000ULL, now_ns() - start);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, perfring_reader_poll(reader, 10));
	close_reader(&self->b, reader);
}

/* Pull style: next until 0, then wait; the ring of each record is said. */
TEST_F(ring, pull)
{
	struct perfring_reader_opts opts = {};
	struct perfring_reader *reader;
	struct perfring_record record;
	unsigned int index = 99;
	int i;

	open_reader(_metadata, &self->b, variant->kind, NULL, 1, &opts, &reader);
	EXPECT_EQ(0, perfring_reader_next(reader, &record, &index));
	EXPECT_EQ(0, perfring_reader_wait(reader, 10));
	EXPECT_EQ(5, backend_burst(&self->b, 4, 5));
	EXPECT_EQ(1, perfring_reader_wait(reader, 1000));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(1, perfring_reader_next(reader, &record, &index));
		EXPECT_EQ(0, index);
		EXPECT_EQ(PERF_RECORD_SAMPLE, record.type);
	}
	EXPECT_EQ(0, perfring_reader_next(reader, &record, &index));
	EXPECT_EQ(0, perfring_ring_bytes_remaining(self->b.ring));
	close_reader(&self->b, reader);
}

/*
 * Lesson 18: a task event hangs up when its task is gone. What it left is drained
 * first, then nothing polls it any more: one more call says so and does not
 * spin. The task is a child that switches some times before it ends.
 */
TEST(hangup_drained_then_quiet)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CONTEXT_SWITCHES,
		.size = sizeof(attr), .sample_type = PERF_SAMPLE_TID, .sample_period = 1,
		.watermark = 1, .wakeup_watermark = 4096, .task = 1,
	};
	struct perfring_perf_opts perf = { .size = sizeof(perf), .pages = 2 };
	struct counts counts = {};
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = on_record, .context = &counts,
	};
	struct perfring_loss loss = { .size = sizeof(loss) };
	struct perfring_storage *storage;
	struct perfring_reader *reader;
	int i, ret = 0, go[2], calls = 0;
	char c = 0, why[WHY_LEN];
	uint64_t start;
	pid_t child;

	if (!backend_available(PERF, why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, pipe(go));
	child = fork();
	if (!child) {
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		for (i = 0; i < 5; i++)
			sleep_ms(2);
		_exit(0);
	}
	ret = perfring_storage_open_perf(&attr, child, -1, &perf, &storage);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, perfring_reader_create(&opts, &reader));
	ASSERT_EQ(0, perfring_reader_add(reader, storage));
	ASSERT_EQ(1, write(go[1], "x", 1));
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	start = now_ns();
	do {
		ret = perfring_reader_poll(reader, 3000);
		calls++;
	} while (ret > 0 || (ret == 0 && calls < 5));
	EXPECT_EQ(-ENODATA, ret);
	/* Five sleeps are five switches at least, and they are all there. */
	EXPECT_LE(5, counts.records);
	EXPECT_GE(5, calls);
	ASSERT_EQ(0, perfring_reader_loss(reader, 0, &loss));
	EXPECT_EQ(1, loss.hangup);
	EXPECT_GT(2500000000ULL, now_ns() - start);
	EXPECT_EQ(-ENODATA, perfring_reader_poll(reader, 1000));
	EXPECT_EQ(0, perfring_reader_consume(reader));
	perfring_reader_destroy(reader);
	close(go[0]);
	close(go[1]);
}

TEST_HARNESS_MAIN
