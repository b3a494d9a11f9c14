// SPDX-License-Identifier: GPL-2.0
/*
 * A BPF ring buffer that overwrites its oldest records, read by snapshots: by the kernel where it
 * knows that, and in memory by a writer that does what it would.
 */
#include <pthread.h>
#include <unistd.h>
#include "bpf_ring.h"

FIXTURE(over) {
	struct bpf_ring r;
};

FIXTURE_VARIANT(over) {
	bool kernel;
};

FIXTURE_VARIANT_ADD(over, kernel) { .kernel = true };
FIXTURE_VARIANT_ADD(over, memory) { .kernel = false };

FIXTURE_SETUP(over)
{
	char why[WHY_LEN];
	int err;

	memset(&self->r, 0, sizeof(self->r));
	if (!bpf_ring_available(variant->kernel, why, sizeof(why)))
		SKIP(return, "%s", why);
	if (sizeof(long) == 4)
		SKIP(return, "programs of 32 bits are refused: see refused_with_32_bits");
	err = bpf_ring_start_overwriting(&self->r, variant->kernel, PAGE, 0);
	if (variant->kernel && err == -EINVAL)
		SKIP(return, "this kernel's BPF ring buffers do not overwrite (Linux 6.19)");
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(over)
{
	bpf_ring_close(&self->r);
}

/* A program of 32 bits cannot know where the oldest record's position lies. */
TEST(refused_with_32_bits)
{
	struct bpf_ring r;

	EXPECT_EQ(sizeof(long) == 4 ? -EOPNOTSUPP : 0,
		  bpf_ring_start_overwriting(&r, false, PAGE, 0));
	bpf_ring_close(&r);
}

static size_t len_of(uint64_t seq)
{
	return seq * 7 % 90;
}

static int put(struct bpf_ring *r, uint64_t seq)
{
	unsigned char bytes[100];

	fill(bytes, len_of(seq), seq);
	return bpf_ring_put(r, OUTPUT, bytes, len_of(seq), 0);
}

/* A snapshot holds the records from @from up to @to and no other; what was lost before. */
static bool snapshot_is(struct bpf_ring *r, uint64_t from, uint64_t to, uint64_t torn)
{
	struct perfring_record record;
	struct perfring_batch batch;
	bool ok = true;

	if (perfring_ring_snapshot(r->ring, 0, &batch))
		return false;
	for (; perfring_batch_next(&batch, &record) > 0; from++)
		ok = ok && from < to && is_bpf_record(&record, len_of(from), from);
	ok = ok && from == to && perfring_batch_torn(&batch) == torn &&
	     !perfring_batch_error(&batch, &(struct perfring_error){ 0 });
	perfring_batch_commit(&batch);
	return ok;
}

/* As long as nothing is overwritten a snapshot gives what came since the last one. */
TEST_F(over, within_a_lap)
{
	struct perfring_reader *reader;
	struct perfring_batch batch;
	uint64_t seq;

	EXPECT_EQ(PERFRING_STORAGE_OVERWRITE | PERFRING_STORAGE_MIRRORED,
		  perfring_storage_flags(self->r.storage));
	EXPECT_TRUE(snapshot_is(&self->r, 0, 0, 0));
	for (seq = 0; seq < 10; seq++)
		ASSERT_EQ(0, put(&self->r, seq));
	EXPECT_TRUE(snapshot_is(&self->r, 0, 10, 0));
	EXPECT_TRUE(snapshot_is(&self->r, 10, 10, 0));
	EXPECT_EQ(0, perfring_ring_bytes_remaining(self->r.ring));
	for (; seq < 17; seq++)
		ASSERT_EQ(0, put(&self->r, seq));
	EXPECT_TRUE(snapshot_is(&self->r, 10, 17, 0));
	/* There is no other way to read it. */
	EXPECT_EQ(-EOPNOTSUPP, perfring_batch_begin(self->r.ring, &batch));
	perfring_ring_close(self->r.ring);
	self->r.ring = NULL;
	ASSERT_EQ(0, perfring_reader_create(NULL, &reader));
	EXPECT_EQ(-EOPNOTSUPP, perfring_reader_add(reader, self->r.storage));
	perfring_reader_destroy(reader);
}

/*
 * After many laps: as many of the newest as fit into one byte less than the ring. All others were
 * lost since the snapshot before.
 */
TEST_F(over, many_laps)
{
	uint64_t seq = 0, first = 0, lost, kept, oldest;
	unsigned int round;

	for (round = 0; round < 50; round++) {
		first = seq;
		for (; seq < first + 300 + round; seq++)
			ASSERT_EQ(0, put(&self->r, seq));
		kept = 0;
		for (oldest = seq; kept + bpf_record(len_of(oldest - 1)) <= PAGE - 1; oldest--)
			kept += bpf_record(len_of(oldest - 1));
		for (lost = 0; first < oldest; first++)
			lost += bpf_record(len_of(first));
		ASSERT_TRUE(snapshot_is(&self->r, oldest, seq, lost)) TH_LOG("round %u", round);
		ASSERT_TRUE(snapshot_is(&self->r, seq, seq, 0));
	}
}

/* Discarded ones are passed over. */
TEST_F(over, discarded)
{
	unsigned char bytes[8] = {};

	ASSERT_EQ(0, bpf_ring_put(&self->r, DISCARD, bytes, 8, 0));
	ASSERT_EQ(0, put(&self->r, 0));
	ASSERT_EQ(0, bpf_ring_put(&self->r, DISCARD, bytes, 5, 0));
	ASSERT_EQ(0, put(&self->r, 1));
	EXPECT_TRUE(snapshot_is(&self->r, 0, 2, 0));
}

/* What is still being written ends a snapshot, and the next one begins with it. */
TEST_F(over, busy)
{
	uint64_t position;

	if (variant->kernel)
		SKIP(return, "bpf_reader_test holds a record; here memory says what a reader does");
	ASSERT_EQ(0, put(&self->r, 0));
	position = bpf_ring_reserve(&self->r, len_of(1));
	ASSERT_EQ(0, put(&self->r, 2));
	EXPECT_TRUE(snapshot_is(&self->r, 0, 1, 0));
	EXPECT_TRUE(snapshot_is(&self->r, 1, 1, 0));
	fill(bpf_ring_payload(&self->r, position), len_of(1), 1);
	bpf_ring_commit(&self->r, position, false);
	EXPECT_TRUE(snapshot_is(&self->r, 1, 3, 0));
}

/* Positions and lengths that cannot be: an error or nothing, in any case no byte out of bounds. */
TEST_F(over, spoiled)
{
	static const uint64_t off[] = { 1, 4, 8, 4096, (uint64_t)-8, (uint64_t)-4096, 1ULL << 63 };
	struct perfring_batch batch;
	struct perfring_record record;
	struct bpf_ring *r = &self->r;
	size_t i;
	int err;

	if (variant->kernel)
		SKIP(return, "nobody can spoil the kernel's own ring");
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, put(r, i));
	for (i = 0; i < ARRAY_LEN(off); i++) {
		uint64_t oldest = *r->oldest;

		*r->oldest += off[i];
		err = perfring_ring_snapshot(r->ring, 0, &batch);
		if (off[i] & 7)
			EXPECT_EQ(-EBADMSG, err);
		while (!err && perfring_batch_next(&batch, &record) > 0)
			EXPECT_LE(record.size, r->size);
		perfring_batch_cancel(&batch);
		*r->oldest = oldest;
	}
	/* The oldest record longer than all. */
	*(uint32_t *)(void *)(r->data + (*r->oldest & (r->size - 1))) = 0x3fffffff;
	EXPECT_EQ(-EBADMSG, perfring_ring_snapshot(r->ring, 0, &batch));
	EXPECT_EQ(0, perfring_ring_resync(r->ring));
	ASSERT_EQ(*r->producer, perfring_ring_tail(r->ring));
	EXPECT_EQ(0, perfring_ring_snapshot(r->ring, 0, &batch));
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
}

struct other {
	struct bpf_ring *r;
	uint64_t seq;
	int stop;
};

static void *write_on(void *context)
{
	struct other *other = context;

	while (!__atomic_load_n(&other->stop, __ATOMIC_RELAXED))
		if (!put(other->r, other->seq))
			other->seq++;
	return NULL;
}

/* A writer that never stops: whole records alone, each newer than the one before. */
TEST_F_TIMEOUT(over, beside_a_writer, 60)
{
	struct other other = { .r = &self->r };
	struct perfring_record record;
	struct perfring_batch batch;
	uint64_t next = 0, records = 0, wrong = 0, end = now_ns() + 1000000000ULL;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, write_on, &other));
	while (now_ns() < end || (!records && now_ns() < end + 20000000000ULL)) {
		ASSERT_EQ(0, perfring_ring_snapshot(self->r.ring, 0, &batch));
		while (perfring_batch_next(&batch, &record) > 0) {
			uint64_t seq = next;

			/* Which one it is: the next that has its length and its bytes. */
			while (seq < next + 100000 && !is_bpf_record(&record, len_of(seq), seq))
				seq++;
			wrong += seq == next + 100000;
			next = seq + 1;
			records++;
		}
		perfring_batch_commit(&batch);
	}
	__atomic_store_n(&other.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_LT(0, records);
	EXPECT_EQ(0, wrong);
	EXPECT_LE(next, other.seq);
}

TEST_HARNESS_MAIN
