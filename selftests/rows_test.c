// SPDX-License-Identifier: GPL-2.0
/*
 * The interface that all owners of a ring stand behind: what a storage says about itself, what
 * wakes by its options, its memory taken as it is, batches of a writer, a paused reader, and the
 * rings of all owners in one order.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "fixtures.h"

RING_FIXTURE;

/* Geometry, descriptor and CPU of a ring of four pages; it closes when its ring is closed. */
TEST_F(ring, accessors)
{
	static const char *const kinds[] = {
		[MEMORY] = "memory", [PERF] = "perf", [DEVICE] = "device",
	};
	struct backend_opts opts = { .pages = 4 };
	struct perfring_storage *storage;
	int fd;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	storage = self->b.storage;
	EXPECT_STREQ(kinds[variant->kind], perfring_storage_kind(storage));
	EXPECT_EQ(PAGE, perfring_storage_page_size(storage));
	EXPECT_EQ(4 * PAGE, perfring_storage_data_size(storage));
	EXPECT_EQ(4 * PAGE, perfring_storage_control(storage)->data_size);
	EXPECT_EQ((const char *)perfring_storage_control(storage) + PAGE,
		  (const char *)perfring_storage_data(storage));
	EXPECT_EQ(0, perfring_storage_cpu(storage));
	EXPECT_EQ(PERF_COUNT_SW_BPF_OUTPUT, perfring_storage_attr(storage)->config);
	EXPECT_EQ(sizeof(struct perf_event_attr), perfring_storage_attr(storage)->size);
	EXPECT_EQ(storage, perfring_ring_storage(self->b.ring));
	fd = perfring_storage_fd(storage);
	ASSERT_LE(0, fd);
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* In use: nothing is closed. */
	EXPECT_EQ(-EBUSY, perfring_storage_close(storage));
	EXPECT_LE(0, fcntl(fd, F_GETFD));
	EXPECT_EQ(1, backend_burst(&self->b, 20, 1));
	EXPECT_EQ(32, perfring_ring_bytes_remaining(self->b.ring));
	perfring_ring_close(self->b.ring);
	self->b.ring = NULL;
	EXPECT_EQ(0, perfring_storage_close(storage));
	self->b.storage = NULL;
	EXPECT_EQ(-1, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, perfring_storage_close(NULL));
}

/*
 * Neither watermark nor wakeup_events: half a ring wakes. In a page of 4096, records of
 * 32: 64 of them are 2048 bytes, not more than half, the 65th is.
 */
TEST_F(ring, wakes_at_half)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr };
	const int half = PAGE / 2 / 32;

	attr.wakeup_events = 0;
	attr.watermark = 0;
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	EXPECT_EQ(half, backend_burst(&self->b, 20, half));
	EXPECT_FALSE(backend_poll(&self->b, 0));
	EXPECT_EQ(1, backend_burst(&self->b, 20, 1));
	EXPECT_TRUE(backend_poll(&self->b, 1000));
}

/* One page, with a watermark in its options; 0 leaves output_attr()'s wakeup_events of 1. */
static int open_watermark(struct backend *b, enum backend_kind kind, uint32_t watermark)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_memory_opts memory = {
		.size = sizeof(memory), .attr = &attr, .pages = 1, .watermark = watermark,
	};
	struct perfring_perf_opts perf = {
		.size = sizeof(perf), .pages = 1, .watermark = watermark,
	};
	struct perfring_device_opts device = {
		.size = sizeof(device), .pages = 1, .watermark = watermark,
	};
	struct perfring_storage *storage;
	int ret;

	if (kind == MEMORY)
		ret = perfring_storage_open_memory(&memory, &storage);
	else if (kind == PERF)
		ret = perfring_storage_open_perf(&attr, -1, 0, &perf, &storage);
	else
		ret = perfring_storage_open_device("/dev/perfring0", &attr, &device, &storage);
	if (!ret)
		ret = backend_attach(b, kind, storage);
	return ret ?: perfring_ring_open(storage, NULL, &b->ring);
}

/* 0 bytes: each record wakes.  128: of records of 32 the fifth, which makes it more than that. */
TEST_F(ring, wakes_by_option)
{
	int i;

	ASSERT_EQ(0, open_watermark(&self->b, variant->kind, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, backend_burst(&self->b, 20, 1));
		EXPECT_TRUE(backend_poll(&self->b, 1000));
	}
	backend_close(&self->b);
	ASSERT_EQ(0, open_watermark(&self->b, variant->kind, 128));
	EXPECT_EQ(4, backend_burst(&self->b, 20, 4));
	EXPECT_FALSE(backend_poll(&self->b, 0));
	EXPECT_EQ(1, backend_burst(&self->b, 20, 1));
	EXPECT_TRUE(backend_poll(&self->b, 1000));
}

/* Payloads of every way through perfring_write() meet the same answer. */
static void refuse_writes(struct __test_metadata *_metadata, struct perfring_ring *ring)
{
	static const size_t lengths[] = { 0, 8, 16, 28, 32, 33, 252, 32756, 40000, 65516, 65517 };
	static unsigned char payload[65536];
	struct perf_event_header header = { .type = 1000, .size = sizeof(header) };
	struct perfring_write_stats stats = { .size = sizeof(stats) };
	struct perfring_sample sample = { .raw = payload, .raw_size = 4 };
	uint64_t head = perfring_ring_head(ring);

	EXPECT_EQ(-EOPNOTSUPP, perfring_write_begin(ring));
	EXPECT_EQ(-EINVAL, perfring_write_end(ring));
	for (unsigned int i = 0; i < ARRAY_LEN(lengths); i++) {
		for (uint32_t type = 0; type < 2 * PERF_RECORD_SAMPLE; type += 3) {
			EXPECT_EQ(-EOPNOTSUPP,
				  perfring_write(ring, type, 0, payload, lengths[i]));
			EXPECT_EQ(-EOPNOTSUPP, perfring_write(ring, type, 0, NULL, lengths[i]));
		}
	}
	EXPECT_EQ(-EOPNOTSUPP, perfring_write_record(ring, &header, sizeof(header)));
	EXPECT_EQ(-EOPNOTSUPP, perfring_write_sample(ring, NULL, 0, &sample));
	EXPECT_EQ(-EOPNOTSUPP, perfring_write_set_id(ring, NULL));
	EXPECT_EQ(-EOPNOTSUPP, perfring_write_stats(ring, &stats));
	EXPECT_EQ(head, perfring_ring_head(ring));
}

/*
 * The mapping that somebody else has, control page and data in one piece: read where it is
 * for three laps, and the writer gets its room back.  Who reads it there cannot write it.
 */
TEST_F(ring, contiguous)
{
	struct backend_opts opts = { .pages = 2, .unread = true };
	const unsigned int laps = 3 * 2 * PAGE / sample_size(100);
	struct perfring_storage *storage;
	struct perf_event_mmap_page *page;
	struct perfring_record record;
	struct perfring_ring *ring;
	unsigned char payload[100];
	uint64_t written = 0, read = 0;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	page = perfring_storage_control(self->b.storage);
	ASSERT_EQ(0, perfring_storage_from_contiguous(page, 3 * PAGE, NULL, &storage));
	EXPECT_EQ(2 * PAGE, perfring_storage_data_size(storage));
	EXPECT_EQ(PAGE, perfring_storage_page_size(storage));
	EXPECT_EQ(-1, perfring_storage_fd(storage));
	ASSERT_EQ(0, perfring_ring_open(storage, NULL, &ring));
	refuse_writes(_metadata, ring);
	while (read < laps) {
		for (int i = 0; i < 7; i++, written++) {
			fill(payload, sizeof(payload), written);
			ASSERT_EQ(0, backend_write(&self->b, payload, sizeof(payload)));
		}
		EXPECT_EQ(7 * sample_size(100), perfring_ring_bytes_remaining(ring));
		for (; read < written; read++) {
			ASSERT_EQ(1, perfring_ring_peek(ring, &record));
			ASSERT_TRUE(is_sample(&record, sizeof(payload), read));
			ASSERT_EQ(1, perfring_ring_pop(ring));
		}
		EXPECT_EQ(0, perfring_ring_bytes_remaining(ring));
	}
	EXPECT_EQ(written * sample_size(100), page->data_tail);
	perfring_ring_close(ring);
	EXPECT_EQ(0, perfring_storage_close(storage));
	/* It was not ours to unmap. */
	EXPECT_EQ(written * sample_size(100), page->data_head);
}

/* What is no ring, each with its error; *out stays as it was. */
TEST(contiguous_errors)
{
	static const struct {
		size_t page_size, bytes, offset, size;
		int error;
	} table[] = {
		{ 0, 8191, 0, 0, -ENODATA },
		{ 0, 4096, 0, 0, -ENODATA },
		{ 0, 0, 0, 0, -ENODATA },
		{ 4096, 8193, 0, 0, -EINVAL },		/* no whole pages */
		{ 4096, 4 * 4096, 0, 0, -EINVAL },	/* three pages of data */
		{ 6144, 2 * 6144, 0, 0, -EINVAL },	/* no power of two */
		{ 2048, 4 * 2048, 0, 0, -EINVAL },	/* less than any machine's */
		{ 0, 2 * 4096, 2048, 0, -EINVAL },	/* the same, says the control page */
		{ 8192, 8192, 0, 0, -ENODATA },
		{ SIZE_MAX / 2 + 1, 3 * 4096, 0, 0, -ENODATA },
		{ 4096, 3 * 4096, 8192, 0, -EBADMSG },
		{ 4096, 3 * 4096, 4096, 4096, -EBADMSG },
		{ 4096, 3 * 4096, 4096, SIZE_MAX, -EBADMSG },
		{ 4096, 3 * 4096, 4096, 8192, 0 },
		{ 0, 3 * 4096, 4096, 8192, 0 },
	};
	struct perfring_image_opts opts = { .size = sizeof(opts) };
	struct perf_event_mmap_page *page = aligned_alloc(4096, 5 * 4096);
	struct perfring_storage *storage = NULL;

	ASSERT_NE(NULL, page);
	memset(page, 0, 5 * 4096);
	EXPECT_EQ(-EFAULT, perfring_storage_from_contiguous(NULL, 2 * 4096, NULL, &storage));
	for (unsigned int i = 0; i < ARRAY_LEN(table); i++) {
		page->data_offset = table[i].offset;
		page->data_size = table[i].size;
		opts.page_size = table[i].page_size;
		EXPECT_EQ(table[i].error,
			  perfring_storage_from_contiguous(page, table[i].bytes, &opts, &storage)) {
			TH_LOG("row %u", i);
		}
		EXPECT_EQ(!table[i].error, !!storage);
		perfring_storage_close(storage);
		storage = NULL;
	}
	opts.padding[3] = 1;
	EXPECT_EQ(-EINVAL, perfring_storage_from_contiguous(page, 3 * 4096, &opts, &storage));
	free(page);
}

/*
 * A batch shows when it ends: an empty one shows nothing and wakes nobody; what finds no room
 * or would never find it does not take away the others.  Other owners write themselves.
 */
TEST_F(ring, write_batch)
{
	const unsigned int fit = (PAGE - 8) / 32;
	struct perfring_write_stats stats = { .size = sizeof(stats) };
	struct perfring_ring *ring;
	struct perfring_record record;
	uint64_t words[2];
	unsigned int i;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	ring = self->b.ring;
	if (variant->kind != MEMORY) {
		refuse_writes(_metadata, ring);
		return;
	}
	EXPECT_EQ(-EINVAL, perfring_write_end(ring));
	ASSERT_EQ(0, perfring_write_begin(ring));
	EXPECT_EQ(-EALREADY, perfring_write_begin(ring));
	EXPECT_EQ(0, perfring_write_end(ring));
	EXPECT_EQ(0, perfring_ring_head(ring));
	EXPECT_FALSE(backend_poll(&self->b, 0));

	/* The shortest record is a header alone. */
	ASSERT_EQ(0, perfring_write_begin(ring));
	EXPECT_EQ(0, perfring_write(ring, 1000, 0, NULL, 0));
	EXPECT_EQ(0, perfring_ring_bytes_remaining(ring));
	EXPECT_EQ(0, perfring_ring_peek_size(ring));
	perfring_write_end(ring);
	EXPECT_EQ(8, perfring_ring_peek_size(ring));
	ASSERT_EQ(1, perfring_ring_pop(ring));

	/* One more than fit, and three that never will. */
	ASSERT_EQ(0, perfring_write_begin(ring));
	for (i = 0; i < fit; i++) {
		EXPECT_EQ(0, perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, 20));
	}
	EXPECT_EQ(-ENOSPC, perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, 20));
	EXPECT_EQ(-E2BIG, perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, PAGE));
	EXPECT_EQ(-E2BIG, perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, 70000));
	EXPECT_EQ(-E2BIG, perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, SIZE_MAX));
	EXPECT_EQ(8, perfring_ring_head(ring));
	EXPECT_EQ(1, perfring_write_end(ring));
	EXPECT_EQ(8 + fit * 32, perfring_ring_head(ring));
	EXPECT_TRUE(backend_poll(&self->b, 0));
	for (i = 0; i < fit; i++) {
		EXPECT_EQ(32, perfring_ring_peek_size(ring));
		ASSERT_EQ(1, perfring_ring_pop(ring));
	}
	/* The one that was lost is told before the next. */
	ASSERT_EQ(0, perfring_write_begin(ring));
	EXPECT_EQ(0, perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, 20));
	perfring_write_end(ring);
	ASSERT_EQ(1, perfring_ring_peek(ring, &record));
	EXPECT_EQ(PERF_RECORD_LOST, record.type);
	EXPECT_EQ(16, perfring_ring_peek_copy(ring, words, 8, 16));
	EXPECT_EQ(1, words[1]);
	ASSERT_EQ(0, perfring_write_stats(ring, &stats));
	EXPECT_EQ(1 + fit + 1, stats.written);
	EXPECT_EQ(1, stats.lost_full);
	EXPECT_EQ(3, stats.rejected);
}

static int count_record(void *context, unsigned int index, const struct perfring_record *record)
{
	uint64_t *samples = context;

	*samples += record->type == PERF_RECORD_SAMPLE;
	return 0;
}

/* A reader that pauses keeps what it has, gets nothing more, and is told what it missed. */
TEST_F(ring, paused_reader)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts backend_opts = { .attr = &attr };
	uint64_t samples = 0;
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = count_record, .context = &samples,
	};
	struct perfring_loss loss = { .size = sizeof(loss) };
	struct perfring_storage *storage;
	struct perfring_reader *reader;

	attr.read_format = PERF_FORMAT_LOST;
	ASSERT_EQ(0, backend_storage(variant->kind, &backend_opts, &storage));
	ASSERT_EQ(0, perfring_reader_create(&opts, &reader));
	ASSERT_EQ(0, perfring_reader_add(reader, storage));
	ASSERT_EQ(0, backend_attach(&self->b, variant->kind, storage));
	self->b.ring = perfring_reader_ring(reader, 0);
	EXPECT_EQ(2, backend_burst(&self->b, 20, 2));
	EXPECT_EQ(0, perfring_reader_pause(reader));
	EXPECT_EQ(0, backend_burst(&self->b, 20, 5));
	EXPECT_EQ(2, perfring_reader_poll(reader, 0));
	EXPECT_EQ(0, perfring_reader_poll(reader, 0));
	EXPECT_EQ(0, perfring_reader_resume(reader));
	EXPECT_EQ(1, backend_burst(&self->b, 20, 1));
	EXPECT_EQ(2, perfring_reader_poll(reader, 1000));
	EXPECT_EQ(3, samples);
	ASSERT_EQ(0, perfring_reader_loss(reader, 0, &loss));
	EXPECT_EQ(5, loss.lost);
	EXPECT_EQ(4, loss.records);
	self->b.ring = NULL;
	self->b.storage = NULL;
	perfring_reader_destroy(reader);
}

#define OWNERS	3
#define RECORDS	600

struct order {
	uint64_t last;		/* number of the record before */
	unsigned int seen;
	unsigned int of[OWNERS];
};

/* All that is safe; false when one does not follow the one before it. */
static bool follow(struct perfring_merge *merge, const struct perfring_format *format,
		   struct order *order)
{
	struct perfring_record record;
	struct perfring_sample sample;
	unsigned int index;
	uint64_t number;

	while (perfring_merge_next(merge, &record, &index) == 1) {
		if (perfring_decode_sample(format, &record, &sample, NULL) || sample.raw_size < 8)
			return false;
		memcpy(&number, sample.raw, sizeof(number));
		if (number != order->last + 1)
			return false;
		order->last = number;
		order->seen++;
		order->of[index]++;
	}
	return true;
}

/*
 * Memory, real perf and the device, by one clock: numbered records, each written by one of the
 * three in no order, come in the order in which they were written.
 */
TEST(owners_in_one_order)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr, .pages = 8 };
	struct perfring_merge_stats stats = { .size = sizeof(stats) };
	struct perfring_sample_id id = { 0 };
	struct backend b[OWNERS] = { 0 };
	struct order order = { 0 };
	struct perfring_format *format;
	struct perfring_storage *storage;
	struct perfring_reader *reader;
	struct perfring_merge *merge;
	unsigned int nr = 0, i, at;
	uint64_t number, end;
	char why[WHY_LEN];

	attr.sample_type |= PERF_SAMPLE_TIME;
	attr.sample_id_all = 1;
	attr.use_clockid = 1;
	attr.clockid = CLOCK_MONOTONIC;
	ASSERT_EQ(0, perfring_reader_create(NULL, &reader));
	for (i = 0; i < OWNERS; i++) {
		if (!backend_available((enum backend_kind)i, why, sizeof(why)))
			continue;
		ASSERT_EQ(0, backend_storage((enum backend_kind)i, &opts, &storage));
		ASSERT_EQ((int)nr, perfring_reader_add(reader, storage));
		ASSERT_EQ(0, backend_attach(&b[nr], (enum backend_kind)i, storage));
		b[nr].ring = perfring_reader_ring(reader, nr);
		nr++;
	}
	ASSERT_EQ(0, perfring_merge_create(reader, NULL, &merge));
	ASSERT_EQ((int)nr, perfring_merge_add_all(merge, NULL));
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	srandom(1);
	for (number = 1; number <= RECORDS; number++) {
		at = (unsigned int)random() % nr;
		id.time = now_ns();
		if (b[at].kind == MEMORY)
			ASSERT_EQ(0, perfring_write_set_id(b[at].ring, &id));
		ASSERT_EQ(0, backend_write(&b[at], &number, sizeof(number)));
		/* The kernel's clock for interrupts may be a little behind. */
		for (end = now_ns() + 20000; now_ns() < end;)
			;
		if (random() % 10 == 0)
			ASSERT_TRUE(follow(merge, format, &order)) {
				TH_LOG("after %llu", (unsigned long long)order.last);
			}
	}
	ASSERT_EQ(0, perfring_merge_flush(merge));
	ASSERT_TRUE(follow(merge, format, &order)) {
		TH_LOG("after %llu", (unsigned long long)order.last);
	}
	EXPECT_EQ(RECORDS, order.seen);
	for (i = 0; i < nr; i++)
		EXPECT_LT(0, order.of[i]);
	ASSERT_EQ(0, perfring_merge_stats(merge, &stats));
	EXPECT_EQ(0, stats.late);
	perfring_merge_destroy(merge);
	perfring_format_free(format);
	for (i = 0; i < nr; i++) {
		b[i].ring = NULL;
		b[i].storage = NULL;
		backend_close(&b[i]);
	}
	perfring_reader_destroy(reader);
	if (nr < 2)
		SKIP(return, "memory is the only owner of rings here: %s", why);
}

/* Rings of a reader that are not there, or not any more. */
TEST(reader_without_ring)
{
	struct perfring_loss loss = { .size = sizeof(loss) };
	struct perfring_storage *storage;
	struct perfring_reader *reader;
	char byte;

	ASSERT_EQ(0, perfring_reader_create(NULL, &reader));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, perfring_storage_open_memory(NULL, &storage));
		ASSERT_EQ(i, perfring_reader_add(reader, storage));
	}
	EXPECT_EQ(0, perfring_ring_peek_copy(perfring_reader_ring(reader, 0), &byte, 0, 1));
	EXPECT_EQ(0, perfring_reader_loss(reader, 0, &loss));
	loss.size = 0;
	EXPECT_EQ(-EINVAL, perfring_reader_loss(reader, 0, &loss));
	loss.size = sizeof(loss);
	ASSERT_EQ(0, perfring_reader_remove(reader, 0));
	for (unsigned int i = 0; i < 3; i += 2) {
		EXPECT_EQ(-ENOENT, perfring_reader_loss(reader, i, &loss));
		EXPECT_EQ(-ENOENT, perfring_reader_remove(reader, i));
		EXPECT_EQ(-1, perfring_reader_cpu(reader, i));
		EXPECT_EQ(NULL, perfring_reader_ring(reader, i));
	}
	/* The rest is paused and resumed. */
	EXPECT_EQ(0, perfring_reader_pause(reader));
	EXPECT_EQ(-EBUSY, perfring_write(perfring_reader_ring(reader, 1), PERF_RECORD_SAMPLE, 0,
					 NULL, 20));
	EXPECT_EQ(0, perfring_reader_resume(reader));
	EXPECT_LE(0, perfring_write(perfring_reader_ring(reader, 1), PERF_RECORD_SAMPLE, 0, NULL,
				    20));
	/* And the LOST record of the other one. */
	EXPECT_EQ(2, perfring_reader_poll(reader, 1000));
	EXPECT_EQ(-EINVAL, perfring_reader_add_cpus(reader, 99, NULL, NULL));
	perfring_reader_destroy(reader);
}

/* A budget of time is looked at between rings, and what is left comes the next time. */
TEST(budget_between_rings)
{
	struct perfring_reader_opts opts = { .size = sizeof(opts), .budget_ns = 1 };
	struct perfring_storage *storage;
	struct perfring_reader *reader;

	ASSERT_EQ(0, perfring_reader_create(&opts, &reader));
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_EQ(0, perfring_storage_open_memory(NULL, &storage));
		ASSERT_EQ((int)i, perfring_reader_add(reader, storage));
		for (unsigned int j = 0; j <= i; j++)
			ASSERT_LE(0, perfring_write(perfring_reader_ring(reader, i),
						    PERF_RECORD_SAMPLE, 0, NULL, 20));
	}
	for (int i = 1; i <= 3; i++)
		EXPECT_EQ(i, perfring_reader_consume(reader));
	EXPECT_EQ(0, perfring_reader_consume(reader));
	perfring_reader_destroy(reader);
}

/* Pulled, a fault behind a record is told of its ring. */
TEST(next_after_a_fault)
{
	struct perf_event_header *header;
	struct perfring_storage *storage;
	struct perfring_reader *reader;
	struct perfring_record record;
	unsigned int index = 9;

	ASSERT_EQ(0, perfring_reader_create(NULL, &reader));
	ASSERT_EQ(0, perfring_storage_open_memory(NULL, &storage));
	ASSERT_EQ(0, perfring_reader_add(reader, storage));
	for (int i = 0; i < 2; i++)
		ASSERT_LE(0, perfring_write(perfring_reader_ring(reader, 0), PERF_RECORD_SAMPLE, 0,
					    NULL, 20));
	/* The second one, of 8 + 4 + 20 bytes as the first. */
	header = (void *)((char *)perfring_storage_data(storage) + 32);
	EXPECT_EQ(32, header->size);
	header->size = 4;
	EXPECT_EQ(1, perfring_reader_next(reader, &record, &index));
	EXPECT_EQ(0, index);
	index = 9;
	EXPECT_EQ(-EBADMSG, perfring_reader_next(reader, &record, &index));
	EXPECT_EQ(0, index);
	EXPECT_EQ(0, perfring_reader_next(reader, &record, &index));
	perfring_reader_destroy(reader);
}

TEST_HARNESS_MAIN
