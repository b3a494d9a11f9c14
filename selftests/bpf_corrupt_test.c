// SPDX-License-Identifier: GPL-2.0
/*
 * A BPF ring buffer that no kernel wrote: in memory, where positions start anywhere, bytes
 * are spoiled, and another thread writes, or scribbles.  The pages before and behind it are
 * inaccessible.
 */
#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>
#include "bpf_ring.h"

FIXTURE(memory) {
	struct bpf_ring r;
};

FIXTURE_SETUP(memory)
{
	ASSERT_EQ(0, bpf_ring_start(&self->r, false, PAGE, 0));
}

FIXTURE_TEARDOWN(memory)
{
	bpf_ring_close(&self->r);
}

static int put(struct bpf_ring *r, enum bpf_ring_op op, size_t len, uint64_t seq)
{
	unsigned char bytes[4096];

	fill(bytes, len, seq);
	return bpf_ring_put(r, op, bytes, len, 0);
}

static uint32_t *header_at(struct bpf_ring *r, uint64_t position)
{
	return (void *)(r->data + (position & (r->size - 1)));
}

/* Other positions; a new reader. */
static int restart(struct bpf_ring *r, uint64_t position)
{
	bpf_ring_close(r);
	return bpf_ring_start(r, false, PAGE, position);
}

/* Three records of 32 bytes, the second one spoiled; what is said of it, and going on behind. */
static const struct {
	const char *what;
	uint32_t header;		/* of the second record */
	uint64_t ahead;			/* added to the producer's position */
	int before;			/* records delivered before the error; -1: begin refuses */
	const char *reason;
} spoiled[] = {
	{ "one word too long", 2 * 32 - 8 + 1, 0, 1,
	  "the length reaches beyond the producer's position" },
	{ "longest", 0x3fffffff, 0, 1, "the length reaches beyond the producer's position" },
	{ "longest, to be passed over", 0x7fffffff, 0, 1,
	  "the length reaches beyond the producer's position" },
	{ "producer beyond a lap", 24, 1 << 20, -1,
	  "data_head is more than the ring's size beyond data_tail" },
	{ "producer behind", 24, -(uint64_t)200, -1,
	  "data_head is more than the ring's size beyond data_tail" },
	{ "producer within a record", 24, 4, -1, "data_head or data_tail is not a multiple of 8" },
};

TEST_F(memory, spoiled)
{
	struct perfring_batch batch;
	struct perfring_record record;
	struct perfring_error error;
	size_t i;
	int n;

	for (i = 0; i < ARRAY_LEN(spoiled); i++) {
		struct bpf_ring *r = &self->r;

		ASSERT_EQ(0, restart(r, 4096 - 40));
		for (n = 0; n < 3; n++)
			ASSERT_EQ(0, put(r, OUTPUT, 24, (uint64_t)n));
		*header_at(r, 4096 - 40 + 32) = spoiled[i].header;
		*r->producer += spoiled[i].ahead;

		n = perfring_batch_begin(r->ring, &batch);
		EXPECT_EQ(spoiled[i].before < 0 ? -EBADMSG : 0, n) TH_LOG("%s", spoiled[i].what);
		for (n = 0; perfring_batch_next(&batch, &record) > 0; n++)
			EXPECT_TRUE(is_bpf_record(&record, 24, (uint64_t)n));
		EXPECT_EQ(spoiled[i].before < 0 ? 0 : spoiled[i].before, n)
			TH_LOG("%s", spoiled[i].what);
		EXPECT_EQ(-EBADMSG, perfring_batch_next(&batch, &record));
		perfring_batch_commit(&batch);
		EXPECT_EQ(-EBADMSG, perfring_batch_error(&batch, &error));
		EXPECT_STREQ(spoiled[i].reason, error.reason);
		EXPECT_EQ(4096 - 40 + 32 * (uint64_t)n, error.position);
		EXPECT_EQ(4096 - 40 + 32 * (uint64_t)n, *r->consumer);
		/* The same by a peek. */
		EXPECT_EQ(-EBADMSG, perfring_ring_peek(r->ring, &record));
		EXPECT_EQ(-EBADMSG, perfring_ring_error(r->ring, &error));

		/* On at the head: the next record is right, if the head is. */
		EXPECT_EQ(0, perfring_ring_resync(r->ring));
		EXPECT_EQ(*r->producer, (unsigned long)*r->consumer);
		EXPECT_EQ(*r->producer, (unsigned long)perfring_ring_tail(r->ring));
		if (*r->producer & 7)
			continue;
		ASSERT_EQ(0, put(r, OUTPUT, 100, 9));
		ASSERT_EQ(1, perfring_ring_peek(r->ring, &record));
		EXPECT_TRUE(is_bpf_record(&record, 100, 9));
	}
}

/*
 * Nothing waits at a position between two words: what is loaded at the end of that batch is a
 * word all the same, because not every processor loads another one with acquire (arm64: SIGBUS).
 */
TEST_F(memory, empty_between_words)
{
	struct perfring_record record;
	struct perfring_batch batch;
	uint64_t off;

	for (off = 1; off < 8; off++) {
		ASSERT_EQ(0, restart(&self->r, PAGE - 40 + off));
		ASSERT_EQ(0, perfring_batch_begin(self->r.ring, &batch));
		EXPECT_EQ(0, (uintptr_t)(batch.end + batch.at) % sizeof(uint32_t));
		EXPECT_EQ(0, perfring_batch_next(&batch, &record));
		perfring_batch_commit(&batch);
	}
}

/* The kernel's own word in the header says nothing to a reader. */
TEST_F(memory, page_offset)
{
	static const uint32_t words[] = { 0, 1, 0xffff, 0x10000, 0x80000, 0x200000, 0x7fffffff,
					  0xffffffff };
	struct perfring_record record;
	struct perfring_batch batch;
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++) {
		uint64_t position = *self->r.producer;

		ASSERT_EQ(0, put(&self->r, OUTPUT, 21, i));
		ASSERT_EQ(0, put(&self->r, OUTPUT, 5, i + 1));
		header_at(&self->r, position)[1] = words[i];
		header_at(&self->r, position + 32)[1] = words[i];
		ASSERT_EQ(0, perfring_batch_begin(self->r.ring, &batch));
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
		EXPECT_TRUE(is_bpf_record(&record, 21, i)) TH_LOG("%x", words[i]);
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
		EXPECT_TRUE(is_bpf_record(&record, 5, i + 1));
		EXPECT_EQ(0, perfring_batch_next(&batch, &record));
		perfring_batch_commit(&batch);
	}
}

/* Positions run on beyond 2^32 and 2^64. */
TEST_F(memory, far)
{
	static const uint64_t from[] = { 0x100000000ULL - 64, -(uint64_t)64, 1ULL << 63 };
	struct perfring_record record;
	struct perfring_batch batch;
	size_t i, n;

	for (i = 0; i < ARRAY_LEN(from); i++) {
		ASSERT_EQ(0, restart(&self->r, from[i]));
		for (n = 0; n < 200; n++) {
			ASSERT_EQ(0, put(&self->r, OUTPUT, n, n));
			ASSERT_EQ(0, put(&self->r, DISCARD, 3, n));
			ASSERT_EQ(0, put(&self->r, OUTPUT, 9, n));
			ASSERT_EQ(0, perfring_batch_begin(self->r.ring, &batch));
			ASSERT_EQ(1, perfring_batch_next(&batch, &record));
			ASSERT_TRUE(is_bpf_record(&record, n, n));
			ASSERT_EQ(1, perfring_batch_next(&batch, &record));
			ASSERT_TRUE(is_bpf_record(&record, 9, n));
			ASSERT_EQ(0, perfring_batch_next(&batch, &record));
			perfring_batch_commit(&batch);
			ASSERT_EQ(*self->r.producer, (unsigned long)*self->r.consumer);
		}
	}
}

/* Records come as far as the first that is not committed, and go on there. */
TEST_F(memory, busy)
{
	struct bpf_ring *r = &self->r;
	struct perfring_record record;
	struct perfring_batch batch;
	uint64_t first, second;

	ASSERT_EQ(0, put(r, OUTPUT, 10, 0));
	first = bpf_ring_reserve(r, 16);
	ASSERT_EQ(0, put(r, OUTPUT, 30, 2));
	second = bpf_ring_reserve(r, 8);
	fill(bpf_ring_payload(r, first), 16, 1);
	ASSERT_EQ(0, perfring_batch_begin(r->ring, &batch));
	ASSERT_EQ(1, perfring_batch_next(&batch, &record));
	EXPECT_TRUE(is_bpf_record(&record, 10, 0));
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	/* The batch has ended, whatever happens now. */
	bpf_ring_commit(r, first, false);
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
	EXPECT_EQ(first, *r->consumer);

	ASSERT_EQ(0, perfring_batch_begin(r->ring, &batch));
	ASSERT_EQ(1, perfring_batch_next(&batch, &record));
	EXPECT_TRUE(is_bpf_record(&record, 16, 1));
	ASSERT_EQ(1, perfring_batch_next(&batch, &record));
	EXPECT_TRUE(is_bpf_record(&record, 30, 2));
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
	EXPECT_EQ(0, perfring_ring_peek(r->ring, &record));
	/* What is given up ends where somebody is still writing. */
	EXPECT_EQ(0, perfring_ring_resync(r->ring));
	EXPECT_EQ(second, *r->consumer);
	bpf_ring_commit(r, second, true);
	EXPECT_EQ(0, perfring_ring_peek(r->ring, &record));
	EXPECT_EQ(second + 16, *r->consumer);
}

/* Any bytes at all: a batch ends, within a lap, and every byte of its records can be read. */
TEST_F(memory, any_bytes)
{
	struct bpf_ring *r = &self->r;
	unsigned int round, seed;
	struct perfring_record record;
	struct perfring_batch batch;
	volatile unsigned char byte;
	uint64_t bytes, i;

	ASSERT_EQ((ssize_t)sizeof(seed), getrandom(&seed, sizeof(seed), 0));
	srandom(seed);
	for (round = 0; round < 20000; round++) {
		uint64_t tail = (uint64_t)random() << (round % 34);

		/* Mostly short and not BUSY, so that some records are whole. */
		for (i = 0; i < r->size / 8; i++)
			header_at(r, i * 8)[0] = (uint32_t)random() >> (random() % 32);
		perfring_ring_close(r->ring);
		r->ring = NULL;
		*r->consumer = round % 5 ? tail & ~(uint64_t)7 : tail;
		*r->producer = *r->consumer +
			       ((uint64_t)random() % (2 * r->size) & (round % 7 ? ~7ULL : ~0ULL));
		ASSERT_EQ(0, perfring_ring_open(r->storage, NULL, &r->ring));
		bytes = 0;
		if (!perfring_batch_begin(r->ring, &batch)) {
			while (perfring_batch_next(&batch, &record) > 0) {
				const unsigned char *data = record.data;

				for (i = 0; i < record.size; i++)
					byte = data[i];
				bytes += bpf_record(record.size - 8);
			}
			perfring_batch_commit(&batch);
		}
		ASSERT_LE(bytes, r->size) TH_LOG("seed %u", seed);
		ASSERT_EQ(0, perfring_ring_resync(r->ring));
		ASSERT_LE(*r->producer - *r->consumer, r->size);
	}
	(void)byte;
}

struct other {
	struct bpf_ring *r;
	uint64_t nr;
	int stop;
};

/* What pattern() needs of record @i. */
static size_t len_of(uint64_t i)
{
	return 8 + i * 7 % 90;
}

static void *write_all(void *context)
{
	struct other *other = context;
	uint64_t i = 0, position;

	while (i < other->nr && !__atomic_load_n(&other->stop, __ATOMIC_RELAXED)) {
		position = bpf_ring_reserve(other->r, len_of(i));
		if (position == UINT64_MAX)
			continue;
		fill(bpf_ring_payload(other->r, position), len_of(i), i);
		bpf_ring_commit(other->r, position, i % 11 == 3);
		i++;
	}
	return NULL;
}

/* A writer beside the reader, each waiting for the other: all of it in order, nothing torn. */
TEST_F_TIMEOUT(memory, two_threads, 120)
{
	struct other other = { .r = &self->r, .nr = 100000 };
	struct perfring_record record;
	struct perfring_batch batch;
	uint64_t i = 0, wrong = 0, end = now_ns() + 60000000000ULL;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, write_all, &other));
	while (i < other.nr && now_ns() < end) {
		if (perfring_batch_begin(self->r.ring, &batch))
			break;
		while (perfring_batch_next(&batch, &record) > 0) {
			i += i % 11 == 3;
			wrong += !is_bpf_record(&record, len_of(i), i);
			i++;
		}
		perfring_batch_commit(&batch);
	}
	__atomic_store_n(&other.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(other.nr, i);
	EXPECT_EQ(0, wrong);
}

static void *scribble(void *context)
{
	struct other *other = context;
	uint32_t word = 1, *header;

	while (!__atomic_load_n(&other->stop, __ATOMIC_RELAXED)) {
		word = word * 1103515245 + 12345;
		header = header_at(other->r, (word >> 8) & ~7U);
		__atomic_store_n(header, word >> (word >> 4) % 32, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Headers change while they are read: what was checked is what is used. */
TEST_F(memory, scribbled)
{
	struct other other = { .r = &self->r };
	struct perfring_record record;
	struct perfring_batch batch;
	unsigned int round;
	pthread_t thread;
	uint64_t records = 0;

	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &other));
	for (round = 0; round < 20000; round++) {
		const unsigned char *data = self->r.data;

		*self->r.producer = *self->r.consumer + self->r.size - 8;
		if (!perfring_batch_begin(self->r.ring, &batch)) {
			while (perfring_batch_next(&batch, &record) > 0) {
				data = record.data;
				if (data < self->r.data ||
				    data + record.size > self->r.data + 2 * self->r.size)
					break;
				records++;
			}
			EXPECT_GE(0, perfring_batch_next(&batch, &record));
			perfring_batch_commit(&batch);
		}
		perfring_ring_resync(self->r.ring);
	}
	__atomic_store_n(&other.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_LT(0, records);
}

/* What from_bpf_memory takes: two pages and twice 2^n pages, aligned. */
TEST_F(memory, geometry)
{
	struct perfring_bpf_opts opts = { .size = sizeof(opts), .cpu = 4 };
	struct perfring_storage *storage = NULL;
	struct bpf_ring *r = &self->r;

	EXPECT_EQ(-ENODATA, perfring_storage_from_bpf_memory(r->memory, 3 * PAGE, NULL, &storage));
	EXPECT_EQ(-EINVAL, perfring_storage_from_bpf_memory(r->memory, 5 * PAGE, NULL, &storage));
	EXPECT_EQ(-EINVAL, perfring_storage_from_bpf_memory(r->memory, 8 * PAGE, NULL, &storage));
	EXPECT_EQ(-EINVAL,
		  perfring_storage_from_bpf_memory(r->memory, 4 * PAGE + 1, NULL, &storage));
	EXPECT_EQ(-EFAULT, perfring_storage_from_bpf_memory(r->memory + 4, 4 * PAGE, NULL,
							    &storage));
	EXPECT_EQ(-EFAULT, perfring_storage_from_bpf_memory(NULL, 4 * PAGE, NULL, &storage));
	opts.page_size = 2048;
	EXPECT_EQ(-EINVAL, perfring_storage_from_bpf_memory(r->memory, 4 * PAGE, &opts, &storage));
	opts.page_size = 2 * PAGE;
	EXPECT_EQ(-ENODATA, perfring_storage_from_bpf_memory(r->memory, 4 * PAGE, &opts, &storage));
	opts.page_size = 0;
	opts.padding[2] = 1;
	EXPECT_EQ(-EINVAL, perfring_storage_from_bpf_memory(r->memory, 4 * PAGE, &opts, &storage));
	opts.padding[2] = 0;
	EXPECT_EQ(NULL, storage);
	ASSERT_EQ(0, perfring_storage_from_bpf_memory(r->memory, 4 * PAGE, &opts, &storage));
	EXPECT_EQ(3, perfring_storage_cpu(storage));
	EXPECT_EQ(-1, perfring_storage_fd(storage));
	EXPECT_EQ(r->data, perfring_storage_data(storage));
	EXPECT_EQ(PAGE, perfring_storage_data_size(storage));
	EXPECT_EQ(0, perfring_storage_close(storage));
}

TEST_HARNESS_MAIN
