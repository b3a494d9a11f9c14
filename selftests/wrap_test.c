// SPDX-License-Identifier: GPL-2.0
/* Records across the end of the data, and positions across 2^32 and 2^64. */
#include <stdlib.h>
#include "fixtures.h"

RING_FIXTURE;
PLACED_FIXTURE;

/* Where positions begin again at 0: 2^64, or 2^32 where an unsigned long has 32 bits. */
#define END	((uint64_t)~0UL + 1)

/* Write a record of @size bytes, number @seq. */
static int put(struct backend *b, unsigned char *payload, size_t size, uint64_t seq)
{
	fill(payload, payload_for(size), seq);
	return backend_write(b, payload, payload_for(size));
}

/* Take the one record that is there: 0, or what is wrong. */
static const char *take(struct backend *b, size_t size, uint64_t seq)
{
	struct perfring_record record;
	struct perfring_batch batch;
	const char *wrong = NULL;

	if (perfring_batch_begin(b->ring, &batch))
		return "begin";
	if (perfring_batch_next(&batch, &record) != 1)
		wrong = "no record";
	else if (!is_sample(&record, payload_for(size), seq))
		wrong = "other bytes";
	else if (perfring_batch_next(&batch, &record))
		wrong = "more than one record";
	perfring_batch_commit(&batch);
	return wrong;
}

/*
 * Lesson 1: every record length at every 8-byte offset before the end of the
 * data. Lengths of 16 (an empty sample) to @most; for a length L the record
 * begins 8, 16, ... L bytes before the end. A filler of half the ring and one
 * more bring the head there: together the distance plus one lap.
 */
static void every_offset(struct __test_metadata *_metadata, struct backend *b, size_t most,
			 size_t step)
{
	unsigned char *payload = malloc(65536);
	size_t ring = perfring_storage_data_size(b->storage), half = ring / 2;
	size_t size, before, rest;
	uint64_t seq = 0, head, cases = 0;
	const char *wrong = NULL;

	ASSERT_NE(NULL, payload);
	for (size = 16; size <= most && !wrong; size += step) {
		for (before = 8; before <= size && !wrong; before += 8) {
			head = perfring_ring_head(b->ring);
			/* From here to @before bytes before the end, less than a lap. */
			rest = (2 * ring - before - head % ring) % ring;
			if (rest && rest < 32)
				rest += ring;
			if (rest > half) {
				ASSERT_EQ(0, put(b, payload, half, ++seq));
				wrong = take(b, half, seq);
				rest -= half;
			}
			/* 16 is the shortest sample: nothing between 0 and it. */
			if (!wrong && rest == 8) {
				ASSERT_EQ(0, put(b, payload, half, ++seq));
				wrong = take(b, half, seq);
				rest += half;
			}
			if (!wrong && rest > half) {
				ASSERT_EQ(0, put(b, payload, half - 16, ++seq));
				wrong = take(b, half - 16, seq);
				rest -= half - 16;
			}
			if (!wrong && rest) {
				ASSERT_EQ(0, put(b, payload, rest, ++seq));
				wrong = take(b, rest, seq);
			}
			if (!wrong) {
				head = perfring_ring_head(b->ring);
				ASSERT_EQ(ring - before, head % ring);
				ASSERT_EQ(0, put(b, payload, size, ++seq));
				ASSERT_EQ(head + size, perfring_ring_head(b->ring));
				wrong = take(b, size, seq);
				cases++;
			}
		}
	}
	EXPECT_EQ(NULL, wrong) {
		TH_LOG("%s: size %zu, %zu before the end", wrong, size - step, before - 8);
	}
	/* Per length L / 8 offsets, for L of 16 and on. */
	EXPECT_LT(0, cases);
	free(payload);
}

TEST_F(ring, every_length_at_every_offset)
{
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	every_offset(_metadata, &self->b, 128, 8);
	/* And some of the longest of a page. */
	every_offset(_metadata, &self->b, PAGE / 2, PAGE / 2 - 16);
}

/* In plain memory all lengths up to 1 KiB: 8128 cases. */
TEST(memory_every_length_at_every_offset)
{
	struct backend b;

	ASSERT_EQ(0, backend_open(&b, MEMORY, NULL));
	every_offset(_metadata, &b, 1024, 8);
	backend_close(&b);
}

/*
 * Lesson 5: the longest record, 65528 bytes (a u16, a multiple of 8), in a ring of
 * 64 KiB, where it leaves 8 bytes, and of 128 KiB; begun at several offsets, so
 * that it wraps early, in the middle and late.
 */
TEST_F(ring, longest_record_across_the_end)
{
	static unsigned char payload[65536];
	struct backend_opts opts = {};
	size_t kib, at, size = 65528;
	uint64_t seq = 0;

	for (kib = 64; kib <= 128; kib *= 2) {
		opts.pages = kib * 1024 / PAGE;
		ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
		for (at = 0; at < 5; at++) {
			/* Each lap the head comes to lie 8 + 32 or so bytes lower. */
			size_t filler = at == 2 ? 32768 : 32;

			ASSERT_EQ(0, put(&self->b, payload, filler, ++seq));
			ASSERT_EQ(NULL, take(&self->b, filler, seq));
			ASSERT_EQ(0, put(&self->b, payload, size, ++seq));
			EXPECT_STREQ("", take(&self->b, size, seq) ?: "") {
				TH_LOG("%zu KiB, round %zu", kib, at);
			}
		}
		backend_close(&self->b);
	}
}

/*
 * Lesson 8: head and tail pass 2^32 and 2^64. Where positions have 32 bits, what the library
 * says of them goes on after 2^32. They start 64 bytes before, so the third
 * record of 24 bytes crosses; 40 records of 24 are 960, read in pairs.
 */
static void past(struct __test_metadata *_metadata, struct backend *b, enum backend_kind kind,
		 uint64_t start)
{
	struct backend_opts opts = { .position = start };
	struct perfring_record record;
	struct perfring_batch batch;
	unsigned char payload[12];
	uint64_t seq, i;

	ASSERT_EQ(0, backend_open(b, kind, &opts));
	EXPECT_EQ(start, perfring_ring_head(b->ring));
	EXPECT_EQ(start, perfring_ring_tail(b->ring));
	EXPECT_EQ(0, perfring_ring_peek(b->ring, &record));
	for (seq = 0; seq < 40; seq += 2) {
		for (i = seq; i < seq + 2; i++) {
			fill(payload, sizeof(payload), i);
			ASSERT_EQ(0, backend_write(b, payload, sizeof(payload)));
		}
		ASSERT_EQ(start + (seq + 2) * 24, perfring_ring_head(b->ring));
		EXPECT_EQ(48, perfring_ring_bytes_remaining(b->ring));
		ASSERT_EQ(0, perfring_batch_begin(b->ring, &batch));
		for (i = seq; i < seq + 2; i++) {
			ASSERT_EQ(1, perfring_batch_next(&batch, &record));
			EXPECT_EQ(start + i * 24, record.position);
			EXPECT_TRUE(is_sample(&record, sizeof(payload), i));
		}
		EXPECT_EQ(0, perfring_batch_next(&batch, &record));
		perfring_batch_commit(&batch);
	}
	EXPECT_EQ(start + 960, perfring_storage_control(b->storage)->data_tail);
	/* Full, on the other side. */
	EXPECT_EQ((int)FIT(24), backend_burst(b, 12, PAGE));
}

TEST_F(placed, head_past_2_32)
{
	past(_metadata, &self->b, variant->kind, (1ULL << 32) - 64);
}

TEST_F(placed, head_past_2_64)
{
	if (END)
		SKIP(return, "positions have 32 bits here");
	past(_metadata, &self->b, variant->kind, 0 - 64ULL);
}

/* A full ring that straddles the last position is full, not empty or corrupt. */
TEST_F(placed, full_across_the_end)
{
	struct backend_opts opts = { .position = END - 2048 };
	struct perfring_record record;
	struct perfring_batch batch;
	int n = 0;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	EXPECT_EQ((int)((PAGE - 8) / 16), backend_burst(&self->b, 4, PAGE));
	ASSERT_EQ(0, perfring_batch_begin(self->b.ring, &batch));
	while (perfring_batch_next(&batch, &record) == 1)
		n++;
	EXPECT_EQ(0, perfring_batch_error(&batch, &(struct perfring_error) {}));
	perfring_batch_commit(&batch);
	EXPECT_EQ((int)((PAGE - 8) / 16), n);
}

/* A ring saved across the end reads from the file as it would have here. */
TEST_F(placed, image_across_the_end)
{
	char path[] = "/tmp/perfring-wrap-XXXXXX";
	struct backend_opts opts = { .position = END - 64 };
	struct perfring_storage *image;
	struct perfring_record record;
	struct perfring_ring *ring;
	unsigned char payload[12];
	int i, fd;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	for (i = 0; i < 10; i++) {
		fill(payload, sizeof(payload), i);
		ASSERT_EQ(0, backend_write(&self->b, payload, sizeof(payload)));
	}
	fd = mkstemp(path);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, perfring_storage_save(self->b.storage, path));
	ASSERT_EQ(0, perfring_storage_open_image(path, NULL, &image));
	unlink(path);
	EXPECT_EQ(END - 64 + 240, perfring_storage_control(image)->data_head);
	ASSERT_EQ(0, perfring_ring_open(image, NULL, &ring));
	EXPECT_EQ(240, perfring_ring_bytes_remaining(ring));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(1, perfring_ring_peek(ring, &record));
		EXPECT_EQ(END - 64 + i * 24, record.position);
		EXPECT_TRUE(is_sample(&record, sizeof(payload), i));
		ASSERT_EQ(1, perfring_ring_pop(ring));
	}
	EXPECT_EQ(0, perfring_ring_peek(ring, &record));
	perfring_ring_close(ring);
	perfring_storage_close(image);
}

/* Backward rings too: they start 64 bytes after 2^32, or 0, and grow down past it. */
TEST_F(placed, backward_past_2_32)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = {
		.attr = &attr, .position = (unsigned long)(1ULL << 32) + 64, .overwrite = true,
	};
	struct perfring_record record;
	struct perfring_batch batch;
	unsigned char payload[12];
	int i;

	attr.write_backward = 1;
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	for (i = 0; i < 10; i++) {
		fill(payload, sizeof(payload), i);
		ASSERT_EQ(0, backend_write(&self->b, payload, sizeof(payload)));
	}
	EXPECT_EQ(opts.position - 240, perfring_ring_head(self->b.ring));
	ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
	for (i = 9; i >= 0; i--) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
		EXPECT_TRUE(is_sample(&record, sizeof(payload), i));
	}
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
}

TEST_HARNESS_MAIN
