// SPDX-License-Identifier: GPL-2.0
/*
 * A BPF ring buffer through the calls that read a perf ring: what the kernel writes, and
 * the same format in memory, where it starts anywhere.
 */
#include <unistd.h>
#include "bpf_ring.h"

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

static unsigned char bytes[RINGBUF_PAYLOAD];

static int put(struct bpf_ring *r, enum bpf_ring_op op, size_t len, uint64_t seq)
{
	fill(bytes, len, seq);
	return bpf_ring_put(r, op, bytes, len, 0);
}

/* The next record of @batch is that of fill(len, seq). */
static bool next_is(struct perfring_batch *batch, size_t len, uint64_t seq)
{
	struct perfring_record record;

	return perfring_batch_next(batch, &record) == 1 && is_bpf_record(&record, len, seq);
}

/* What there is, given up. */
static unsigned int drop(struct perfring_ring *ring)
{
	struct perfring_batch batch;
	struct perfring_record record;
	unsigned int n = 0;

	if (perfring_batch_begin(ring, &batch))
		return UINT32_MAX;
	while (perfring_batch_next(&batch, &record) > 0)
		n++;
	perfring_batch_commit(&batch);
	return n;
}

/* The storage says what it is; positions, sizes and what waits are the kernel's own. */
TEST_F(bpf_ring, accessors)
{
	struct perfring_storage *storage;
	const struct perf_event_attr *attr;

	ASSERT_EQ(0, bpf_ring_start(&self->r, variant->kernel, 4 * PAGE, 0));
	storage = self->r.storage;
	EXPECT_STREQ("bpf", perfring_storage_kind(storage));
	EXPECT_EQ(4 * PAGE, perfring_storage_data_size(storage));
	EXPECT_EQ(PAGE, perfring_storage_page_size(storage));
	EXPECT_EQ(NULL, perfring_storage_control(storage));
	EXPECT_EQ(-1, perfring_storage_cpu(storage));
	EXPECT_EQ(PERFRING_STORAGE_MIRRORED, perfring_storage_flags(storage));
	attr = perfring_storage_attr(storage);
	EXPECT_EQ(PERF_SAMPLE_RAW, attr->sample_type);
	EXPECT_EQ(variant->kernel, perfring_storage_fd(storage) >= 0);
	EXPECT_EQ(-EOPNOTSUPP, perfring_storage_enable(storage));
	EXPECT_EQ(-EOPNOTSUPP, perfring_storage_pause(storage));
	EXPECT_EQ(-EOPNOTSUPP, perfring_storage_save(storage, "/dev/null"));
	EXPECT_EQ(-EBUSY, perfring_storage_close(storage));

	/* 8 + 5 and 8 + 16 bytes, each rounded up to 8. */
	ASSERT_EQ(0, put(&self->r, OUTPUT, 5, 0));
	ASSERT_EQ(0, put(&self->r, OUTPUT, 16, 1));
	EXPECT_EQ(40, perfring_ring_bytes_remaining(self->r.ring));
	EXPECT_EQ(40, perfring_ring_head(self->r.ring));
	EXPECT_EQ(1, perfring_ring_pop(self->r.ring));
	EXPECT_EQ(16, perfring_ring_tail(self->r.ring));
	EXPECT_EQ(24, perfring_ring_bytes_remaining(self->r.ring));
	if (variant->kernel) {
		self->r.request->query = 1;
		self->r.request->nr = 0;
		ASSERT_EQ(0, bpf_writer_run(&self->r.bpf, 0));
		EXPECT_EQ(24, self->r.request->available);
		EXPECT_EQ(4 * PAGE, self->r.request->size);
		EXPECT_EQ(16, self->r.request->consumer);
		EXPECT_EQ(40, self->r.request->producer);
	} else {
		EXPECT_EQ(16, *self->r.consumer);
		EXPECT_EQ(40, *self->r.producer);
	}
}

/* Each length, also none, and longer than a record of perf can be, with its exact size. */
TEST_F(bpf_ring, lengths)
{
	static const size_t lens[] = { 0, 1, 7, 8, 9, 15, 16, 28, 255, 4096, 65527, 65528, 65536,
				       500000 };
	struct perfring_batch batch;
	struct perfring_record record;
	uint64_t position = 0;
	size_t i;

	ASSERT_EQ(0, bpf_ring_start(&self->r, variant->kernel, 256 * PAGE, 0));
	for (i = 0; i < ARRAY_LEN(lens); i++)
		ASSERT_EQ(0, put(&self->r, i & 1 ? SUBMIT : OUTPUT, lens[i], i));
	ASSERT_EQ(0, perfring_batch_begin(self->r.ring, &batch));
	for (i = 0; i < ARRAY_LEN(lens); i++) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
		EXPECT_TRUE(is_bpf_record(&record, lens[i], i)) TH_LOG("%zu bytes", lens[i]);
		EXPECT_EQ(position, record.position);
		position += bpf_record(lens[i]);
	}
	EXPECT_EQ(0, perfring_batch_remaining(&batch));
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	/* Nothing is released before the commit, all of it by it. */
	EXPECT_EQ(position, perfring_ring_bytes_remaining(self->r.ring));
	perfring_batch_commit(&batch);
	EXPECT_EQ(0, perfring_ring_bytes_remaining(self->r.ring));
	EXPECT_EQ(position, perfring_ring_tail(self->r.ring));
}

/* A record at each offset before the end of the data, so that it lies across it: in one piece. */
TEST_F(bpf_ring, wrap)
{
	const size_t size = PAGE, len = 100;
	struct perfring_batch batch;
	size_t before, at = 0;

	ASSERT_EQ(0, bpf_ring_start(&self->r, variant->kernel, size, 0));
	for (before = 0; before <= bpf_record(len); before += 8) {
		/* Fill up to @before bytes in front of the end; a lap is more than fits. */
		size_t gap = (size - before - at) & (size - 1);

		if (gap >= 16)
			ASSERT_EQ(0, put(&self->r, OUTPUT, gap / 2 / 8 * 8 - 8, 0));
		drop(self->r.ring);
		at = (at + (gap >= 16 ? gap / 2 / 8 * 8 : 0)) & (size - 1);
		gap = (size - before - at) & (size - 1);
		if (gap)
			ASSERT_EQ(0, put(&self->r, DISCARD, gap - 8, 0));
		drop(self->r.ring);
		ASSERT_EQ(0, put(&self->r, OUTPUT, len, before));
		at = (size - before + bpf_record(len)) & (size - 1);
		ASSERT_EQ(0, perfring_ring_head(self->r.ring) % 8);
		ASSERT_EQ(at, perfring_ring_head(self->r.ring) & (size - 1));
		ASSERT_EQ(0, perfring_batch_begin(self->r.ring, &batch));
		EXPECT_TRUE(next_is(&batch, len, before)) TH_LOG("%zu before the end", before);
		perfring_batch_commit(&batch);
	}
}

/* What is discarded is never delivered, and its room is given back, also where nothing else is. */
TEST_F(bpf_ring, discard)
{
	struct perfring_batch batch;
	struct perfring_record record;
	unsigned int i;

	ASSERT_EQ(0, bpf_ring_start(&self->r, variant->kernel, PAGE, 0));
	ASSERT_EQ(0, put(&self->r, DISCARD, 10, 0));
	ASSERT_EQ(0, put(&self->r, SUBMIT, 11, 1));
	ASSERT_EQ(0, put(&self->r, DISCARD, 12, 2));
	ASSERT_EQ(0, put(&self->r, DISCARD, 0, 3));
	ASSERT_EQ(0, put(&self->r, SUBMIT, 14, 4));
	ASSERT_EQ(0, put(&self->r, DISCARD, 15, 5));
	ASSERT_EQ(0, perfring_batch_begin(self->r.ring, &batch));
	EXPECT_TRUE(next_is(&batch, 11, 1));
	EXPECT_TRUE(next_is(&batch, 14, 4));
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
	EXPECT_EQ(0, perfring_ring_bytes_remaining(self->r.ring));

	/* By batches and by peeks: many times what the ring takes at once. */
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, put(&self->r, DISCARD, 1000, i));
		EXPECT_EQ(0, drop(self->r.ring));
	}
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, put(&self->r, DISCARD, 1000, i));
		EXPECT_EQ(0, perfring_ring_peek(self->r.ring, &record));
	}
	EXPECT_EQ(0, perfring_ring_bytes_remaining(self->r.ring));
}

/* Record by record; between them discarded ones. */
TEST_F(bpf_ring, peek_and_pop)
{
	struct perfring_record record;
	unsigned char some[4];
	uint32_t type = 0;

	ASSERT_EQ(0, bpf_ring_start(&self->r, variant->kernel, PAGE, 0));
	EXPECT_EQ(0, perfring_ring_peek(self->r.ring, &record));
	EXPECT_EQ(0, perfring_ring_pop(self->r.ring));
	ASSERT_EQ(0, put(&self->r, OUTPUT, 13, 1));
	ASSERT_EQ(0, put(&self->r, DISCARD, 100, 0));
	ASSERT_EQ(0, put(&self->r, OUTPUT, 3, 2));
	EXPECT_EQ(21, perfring_ring_peek_size(self->r.ring));
	EXPECT_EQ(1, perfring_ring_peek_type(self->r.ring, &type));
	EXPECT_EQ(PERFRING_RECORD_BPF, type);
	EXPECT_EQ(4, perfring_ring_peek_copy(self->r.ring, some, 8 + 9, 4));
	EXPECT_EQ(pattern(1, 9), some[0]);
	EXPECT_EQ(1, perfring_ring_peek(self->r.ring, &record));
	EXPECT_TRUE(is_bpf_record(&record, 13, 1));
	EXPECT_EQ(1, perfring_ring_pop(self->r.ring));
	/* 8 + 13, rounded up. */
	EXPECT_EQ(24, perfring_ring_tail(self->r.ring));
	EXPECT_EQ(1, perfring_ring_peek(self->r.ring, &record));
	EXPECT_TRUE(is_bpf_record(&record, 3, 2));
	EXPECT_EQ(1, perfring_ring_pop(self->r.ring));
	EXPECT_EQ(0, perfring_ring_pop(self->r.ring));
	EXPECT_EQ(0, perfring_ring_bytes_remaining(self->r.ring));
}

/* A full ring takes nothing more, and as much as was released afterwards. */
TEST_F(bpf_ring, full)
{
	const size_t len = 56, size = PAGE;
	struct perfring_batch batch;
	struct perfring_record record;
	size_t fit = (size - 1) / bpf_record(len), i;

	ASSERT_EQ(0, bpf_ring_start(&self->r, variant->kernel, size, 0));
	for (i = 0; i < fit; i++)
		ASSERT_EQ(0, put(&self->r, i & 1 ? SUBMIT : OUTPUT, len, i));
	EXPECT_EQ(-ENOSPC, put(&self->r, SUBMIT, len, i));
	EXPECT_EQ(-ENOSPC, put(&self->r, OUTPUT, len, i));
	if (variant->kernel)
		EXPECT_EQ(2, self->r.request->dropped);

	/* Three are read; the batch is begun anew where it stopped. */
	ASSERT_EQ(0, perfring_batch_begin(self->r.ring, &batch));
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(next_is(&batch, len, i));
	EXPECT_EQ(-ENOSPC, put(&self->r, OUTPUT, len, i));
	perfring_batch_commit(&batch);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, put(&self->r, OUTPUT, len, fit + i));
	EXPECT_EQ(-ENOSPC, put(&self->r, OUTPUT, len, 0));
	ASSERT_EQ(0, perfring_batch_begin(self->r.ring, &batch));
	for (i = 3; i < fit + 3; i++)
		EXPECT_TRUE(next_is(&batch, len, i)) TH_LOG("record %zu", i);
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	/* Cancelled: they come again. */
	perfring_batch_cancel(&batch);
	EXPECT_EQ(fit, drop(self->r.ring));
}

/* A budget ends with the record that reaches it. */
TEST_F(bpf_ring, budget)
{
	struct perfring_batch batch;
	struct perfring_record record;
	uint64_t seq = 0;
	int n;

	ASSERT_EQ(0, bpf_ring_start(&self->r, variant->kernel, PAGE, 0));
	for (seq = 0; seq < 10; seq++)
		ASSERT_EQ(0, put(&self->r, OUTPUT, 24, seq));
	/* Records of 32 bytes: 65 bytes are reached by the third. */
	ASSERT_EQ(0, perfring_batch_begin_budget(self->r.ring, &batch, 65));
	for (n = 0; perfring_batch_next(&batch, &record) > 0; n++)
		EXPECT_TRUE(is_bpf_record(&record, 24, (uint64_t)n));
	EXPECT_EQ(3, n);
	perfring_batch_commit(&batch);
	EXPECT_EQ(7, drop(self->r.ring));
}

/* What decodes a perf sample gives the payload, whatever the format asks for. */
TEST_F(bpf_ring, decode)
{
	const struct perf_event_attr attr = {
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN,
		.sample_id_all = 1,
	};
	struct perfring_format *format;
	struct perfring_record record;
	struct perfring_sample sample;
	struct perfring_event event;
	size_t len;

	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	ASSERT_EQ(0, bpf_ring_start(&self->r, variant->kernel, PAGE, 0));
	for (len = 0; len < 20; len++) {
		ASSERT_EQ(0, put(&self->r, OUTPUT, len, len));
		ASSERT_EQ(1, perfring_ring_peek(self->r.ring, &record));
		ASSERT_EQ(0, perfring_decode_sample(format, &record, &sample, NULL));
		EXPECT_EQ(PERF_SAMPLE_RAW, sample.type);
		EXPECT_EQ(len, sample.raw_size);
		EXPECT_EQ((const unsigned char *)record.data + 8, sample.raw);
		ASSERT_EQ(0, perfring_decode(format, &record, &event, NULL));
		EXPECT_EQ(PERFRING_EVENT_SAMPLE, event.kind);
		EXPECT_EQ(len, event.u.sample.raw_size);
		EXPECT_EQ(sample.raw, event.u.sample.raw);
		EXPECT_EQ(1, perfring_ring_pop(self->r.ring));
	}
	perfring_format_free(format);
}

TEST_HARNESS_MAIN
