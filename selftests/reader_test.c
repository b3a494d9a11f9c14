// SPDX-License-Identifier: GPL-2.0
/*
 * What a reader gets from each of the three owners, and that it is the same:
 * bytes, positions, losses, pauses, readiness, and what becomes of a record
 * that the reader holds.
 */
#include "fixtures.h"

RING_FIXTURE;

/* The next record, which has to be there, is delivered and released. */
static int take(struct perfring_ring *ring, struct perfring_record *record, unsigned char *copy)
{
	int ret = perfring_ring_peek(ring, record);

	if (ret <= 0)
		return ret;
	memcpy(copy, record->data, record->size);
	record->data = copy;
	return perfring_ring_pop(ring);
}

/*
 * Lesson 15, and the layout: payloads of 0 to 17 bytes and of some more. A record is
 * header (8), size (4), payload, and zero to seven bytes that round it up to 8;
 * the size in the record counts them. The head moves by the record's size.
 */
TEST_F(ring, raw_padding)
{
	unsigned char payload[512];
	struct perfring_record record;
	struct perfring_sample sample;
	struct perfring_format *format;
	uint64_t head = 0;
	size_t len;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	ASSERT_EQ(0, perfring_format_compile(perfring_storage_attr(self->b.storage), &format));
	for (len = 0; len <= sizeof(payload); len += len < 17 ? 1 : 55) {
		fill(payload, len, len);
		ASSERT_EQ(0, backend_write(&self->b, payload, len)) {
			TH_LOG("%zu bytes", len);
		}
		head += sample_size(len);
		EXPECT_EQ(head, perfring_storage_control(self->b.storage)->data_head);
		ASSERT_EQ(1, perfring_ring_peek(self->b.ring, &record));
		EXPECT_EQ(head - sample_size(len), record.position);
		EXPECT_EQ(PERF_RECORD_MISC_KERNEL, record.misc);
		EXPECT_TRUE(is_sample(&record, len, len));
		ASSERT_EQ(0, perfring_decode_sample(format, &record, &sample, NULL));
		/* Padded: 4 + size is a multiple of 8, and less than 8 bytes are too many. */
		EXPECT_EQ(0, (4 + sample.raw_size) % 8);
		EXPECT_LE(len, sample.raw_size);
		EXPECT_GT(len + 8, sample.raw_size);
		ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
		EXPECT_EQ(head, perfring_storage_control(self->b.storage)->data_tail);
	}
	EXPECT_EQ(0, perfring_ring_peek(self->b.ring, &record));
	perfring_format_free(format);
}

/*
 * Lesson 13. A page holds 4096 - 8 bytes at most. Records of 112 (8 + 4 + 100)
 * fit 36 times (4032), so of 46 ten are lost. The first that finds room again
 * comes after a LOST record of 10, which has 24 bytes; then nothing more is owed.
 */
TEST_F(ring, lost)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr };
	const unsigned int fit = (PAGE - 8) / sample_size(100);
	struct perfring_record record;
	struct perfring_event event;
	struct perfring_format *format;
	unsigned char copy[256];
	unsigned int i;

	attr.read_format = PERF_FORMAT_LOST;
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	EXPECT_EQ(0, backend_lost(&self->b));
	EXPECT_EQ((int)fit, backend_burst(&self->b, 100, fit + 10));
	EXPECT_EQ(10, backend_lost(&self->b));
	for (i = 0; i < fit; i++) {
		ASSERT_EQ(1, take(self->b.ring, &record, copy));
		EXPECT_EQ(sample_size(100), record.size);
	}
	EXPECT_EQ(0, perfring_ring_peek(self->b.ring, &record));
	EXPECT_EQ(2, backend_burst(&self->b, 100, 2));
	ASSERT_EQ(1, take(self->b.ring, &record, copy));
	EXPECT_EQ(24, record.size);
	ASSERT_EQ(0, perfring_decode(format, &record, &event, NULL));
	EXPECT_EQ(PERFRING_EVENT_LOST, event.kind);
	EXPECT_EQ(10, event.u.lost.lost);
	EXPECT_EQ(0, event.id.type);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(1, take(self->b.ring, &record, copy));
		EXPECT_EQ(PERF_RECORD_SAMPLE, record.type);
	}
	EXPECT_EQ(0, perfring_ring_peek(self->b.ring, &record));
	EXPECT_EQ(10, backend_lost(&self->b));
	perfring_format_free(format);
}

/*
 * The same with sample_id_all: TID, TIME, ID, CPU and IDENTIFIER follow LOST, 24
 * and 40 bytes; a sample has the same five and 112 bytes: 152. 4088 / 152 is 26.
 * A LOST record needs room as well: with 64 bytes free after one of 152 was
 * read (136 + 152 = 288 with the rest of the page, 4088 - 25 * 152), it comes.
 */
TEST_F(ring, lost_with_sample_id)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr };
	const unsigned int size = 112 + 5 * 8, fit = (PAGE - 8) / size;
	struct perfring_record record;
	struct perfring_event event;
	struct perfring_format *format;
	unsigned char copy[256];
	uint64_t id = 0, last = 0;
	unsigned int i, lost = 0, round;

	attr.sample_id_all = 1;
	attr.sample_type |= PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |
			    PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER;
	attr.read_format = PERF_FORMAT_LOST;
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	EXPECT_EQ(40, perfring_format_id_size(format));
	ASSERT_EQ(0, perfring_storage_id(self->b.storage, &id));
	for (round = 1; round <= 3; round++) {
		EXPECT_LE((int)fit - 1, backend_burst(&self->b, 100, fit + round));
		for (;;) {
			int ret = take(self->b.ring, &record, copy);

			ASSERT_LE(0, ret);
			if (!ret)
				break;
			ASSERT_EQ(0, perfring_decode(format, &record, &event, NULL));
			EXPECT_EQ(id, event.id.id);
			EXPECT_EQ(id, event.id.identifier);
			EXPECT_LE(last, event.id.time);
			last = event.id.time;
			if (event.kind == PERFRING_EVENT_LOST) {
				EXPECT_EQ(24 + 40, record.size);
				EXPECT_EQ(id, event.u.lost.id);
				lost += event.u.lost.lost;
			} else {
				EXPECT_EQ(size, record.size);
			}
		}
	}
	/* What is owed still comes with the next one. */
	EXPECT_EQ(1, backend_burst(&self->b, 100, 1));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(1, take(self->b.ring, &record, copy));
		ASSERT_EQ(0, perfring_decode(format, &record, &event, NULL));
		if (event.kind == PERFRING_EVENT_LOST)
			lost += event.u.lost.lost;
	}
	/* Sums equal the drops. */
	EXPECT_LT(0, lost);
	EXPECT_EQ(lost, backend_lost(&self->b));
	perfring_format_free(format);
}

/* A paused ring takes nothing; what it missed is told after it goes on. */
TEST_F(ring, pause)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr };
	struct perfring_record record;
	unsigned char copy[64];
	uint64_t words[2];

	attr.read_format = PERF_FORMAT_LOST;
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	EXPECT_EQ(2, backend_burst(&self->b, 4, 2));
	EXPECT_EQ(0, perfring_storage_pause(self->b.storage));
	EXPECT_EQ(0, backend_burst(&self->b, 4, 5));
	EXPECT_EQ(32, perfring_ring_head(self->b.ring));
	EXPECT_EQ(0, perfring_storage_resume(self->b.storage));
	EXPECT_EQ(1, backend_burst(&self->b, 4, 1));
	EXPECT_EQ(32 + 24 + 16, perfring_ring_head(self->b.ring));
	ASSERT_EQ(1, take(self->b.ring, &record, copy));
	ASSERT_EQ(1, take(self->b.ring, &record, copy));
	ASSERT_EQ(1, take(self->b.ring, &record, copy));
	EXPECT_EQ(PERF_RECORD_LOST, record.type);
	memcpy(words, copy + 8, sizeof(words));
	EXPECT_EQ(5, words[1]);
	EXPECT_EQ(5, backend_lost(&self->b));
}

/*
 * Lesson 7: what a batch hands out stays until its commit. The ring is full (255
 * records of 16 in 4088); the reader holds all of them while the writer
 * tries to refill: nothing finds room, and the held bytes do not change. After the
 * commit there is room at once.
 */
TEST_F(ring, held_until_commit)
{
	const unsigned int fit = (PAGE - 8) / 16;
	unsigned char payload[4];
	static struct perfring_record held[65536 / 16];
	struct perfring_batch batch;
	unsigned int i;

	ASSERT_LE(fit, ARRAY_LEN(held));
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	for (i = 0; i < fit; i++) {
		fill(payload, 4, i);
		ASSERT_EQ(0, backend_write(&self->b, payload, 4));
	}
	ASSERT_EQ(0, perfring_batch_begin(self->b.ring, &batch));
	for (i = 0; i < fit; i++) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &held[i]));
	}
	EXPECT_EQ(0, perfring_batch_next(&batch, &held[0] + fit));
	memset(payload, 0xee, sizeof(payload));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(-ENOSPC, backend_write(&self->b, payload, 4));
	}
	EXPECT_EQ(0, perfring_ring_tail(self->b.ring));
	for (i = 0; i < fit; i++) {
		EXPECT_TRUE(is_sample(&held[i], 4, i));
	}
	perfring_batch_commit(&batch);
	EXPECT_EQ(fit * 16, perfring_ring_tail(self->b.ring));
	EXPECT_EQ(0, backend_write(&self->b, payload, 4));
}

/* A commit releases what next has returned and no more; a cancel releases nothing. */
TEST_F(ring, commit_and_cancel)
{
	struct perfring_record record, other;
	struct perfring_batch batch, second;
	int i;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	EXPECT_EQ(10, backend_burst(&self->b, 20, 10));	/* of 32 */
	EXPECT_EQ(320, perfring_ring_bytes_remaining(self->b.ring));
	ASSERT_EQ(0, perfring_batch_begin(self->b.ring, &batch));
	EXPECT_EQ(-EBUSY, perfring_batch_begin(self->b.ring, &second));
	EXPECT_EQ(-EBUSY, perfring_ring_peek(self->b.ring, &other));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
	}
	EXPECT_EQ(7 * 32, perfring_batch_remaining(&batch));
	perfring_batch_cancel(&batch);
	EXPECT_EQ(0, perfring_storage_control(self->b.storage)->data_tail);
	ASSERT_EQ(0, perfring_batch_begin(self->b.ring, &batch));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
	}
	perfring_batch_commit(&batch);
	EXPECT_EQ(96, perfring_storage_control(self->b.storage)->data_tail);
	/* A budget of 33 bytes is reached within the second record. */
	ASSERT_EQ(0, perfring_batch_begin_budget(self->b.ring, &batch, 33));
	EXPECT_EQ(1, perfring_batch_next(&batch, &record));
	EXPECT_EQ(1, perfring_batch_next(&batch, &record));
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
	EXPECT_EQ(160, perfring_ring_tail(self->b.ring));
	/* What is written after begin belongs to the next one. */
	ASSERT_EQ(0, perfring_batch_begin(self->b.ring, &batch));
	EXPECT_EQ(1, backend_burst(&self->b, 20, 1));
	for (i = 0; perfring_batch_next(&batch, &record) == 1; i++)
		;
	EXPECT_EQ(5, i);
	perfring_batch_commit(&batch);
	EXPECT_EQ(32, perfring_ring_bytes_remaining(self->b.ring));
}

/* A look at the ring that never moves the tail. */
TEST_F(ring, keep)
{
	struct perfring_ring_opts keep = { .size = sizeof(keep), .flags = PERFRING_RING_KEEP };
	struct perfring_record record;
	struct perfring_batch batch;
	int n = 0;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	EXPECT_EQ(5, backend_burst(&self->b, 20, 5));
	perfring_ring_close(self->b.ring);
	ASSERT_EQ(0, perfring_ring_open(self->b.storage, &keep, &self->b.ring));
	ASSERT_EQ(0, perfring_batch_begin(self->b.ring, &batch));
	while (perfring_batch_next(&batch, &record) == 1)
		n++;
	perfring_batch_commit(&batch);
	EXPECT_EQ(5, n);
	EXPECT_EQ(0, perfring_storage_control(self->b.storage)->data_tail);
}

/* Peek at parts of a record across the end of the data, and at its size and type. */
TEST_F(ring, peek_copy)
{
	static unsigned char payload[65536];
	const size_t len = 2000;
	unsigned char part[2100];
	struct perfring_record record;
	uint32_t type;
	size_t at;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	EXPECT_EQ(0, perfring_ring_peek_size(self->b.ring));
	EXPECT_EQ(0, perfring_ring_pop(self->b.ring));
	fill(payload, sizeof(payload), 1);
	ASSERT_EQ(0, backend_write(&self->b, payload, payload_for(PAGE - 1064)));
	ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
	/* This one begins 1064 bytes before the end of the page. */
	ASSERT_EQ(0, backend_write(&self->b, payload, len));
	EXPECT_EQ((int)sample_size(len), perfring_ring_peek_size(self->b.ring));
	EXPECT_EQ(1, perfring_ring_peek_type(self->b.ring, &type));
	EXPECT_EQ(PERF_RECORD_SAMPLE, type);
	for (at = 0; at < len; at += 97) {
		size_t want = len - at < 300 ? len - at : 300;

		EXPECT_LE((int)want, perfring_ring_peek_copy(self->b.ring, part, 12 + at, 300));
		EXPECT_EQ(0, memcmp(part, payload + at, want));
	}
	EXPECT_EQ(0, perfring_ring_peek_copy(self->b.ring, part, 5000, 10));
	ASSERT_EQ(1, perfring_ring_peek(self->b.ring, &record));
	EXPECT_TRUE(is_sample(&record, len, 1));
	ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
	EXPECT_EQ(0, perfring_ring_peek(self->b.ring, &record));
}

TEST_HARNESS_MAIN
