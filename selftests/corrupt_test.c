// SPDX-License-Identifier: GPL-2.0
/*
 * Rings whose bytes cannot be records: a reader answers -EBADMSG with the place,
 * never spins, never touches a byte beyond, and can go on.  Lessons 2, 3, 4, 14.
 */
#include <pthread.h>
#include <sys/mman.h>
#include "fixtures.h"

#define DATA	(2 * PAGE)	/* of data */
#define DATA_MAX	(2 * 65536)	/* with the largest pages */

FIXTURE(corrupt) {
	char *map;			/* guard, control, data, guard */
	struct perf_event_mmap_page *page;
	unsigned char *data;
	size_t page_size;
	struct perfring_storage *storage;
	struct perfring_ring *ring;
};

FIXTURE_SETUP(corrupt)
{
	struct perfring_image_opts opts = { .size = sizeof(opts) };
	struct perf_event_attr attr = output_attr();
	size_t page = self->page_size = PAGE;

	self->map = mmap(NULL, 3 * page + DATA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->map);
	ASSERT_EQ(0, mprotect(self->map + page, page + DATA, PROT_READ | PROT_WRITE));
	self->page = (void *)(self->map + page);
	self->data = (unsigned char *)self->map + 2 * page;
	self->page->data_offset = page;
	self->page->data_size = DATA;
	opts.attr = &attr;
	ASSERT_EQ(0, perfring_storage_from_contiguous(self->page, page + DATA, &opts,
						      &self->storage));
}

FIXTURE_TEARDOWN(corrupt)
{
	perfring_ring_close(self->ring);
	perfring_storage_close(self->storage);
	munmap(self->map, 3 * self->page_size + DATA);
}

static void put_header(FIXTURE_DATA(corrupt) *self, uint64_t position, uint32_t type,
		       uint16_t size)
{
	struct perf_event_header header = { .type = type, .size = size };

	memcpy(self->data + position % DATA, &header, sizeof(header));
}

/* Tail at @tail, head at @head; read from there. */
static void place(struct __test_metadata *_metadata, FIXTURE_DATA(corrupt) *self, uint64_t tail,
		  uint64_t head)
{
	perfring_ring_close(self->ring);
	self->ring = NULL;
	self->page->data_tail = tail;
	__atomic_store_n(&self->page->data_head, head, __ATOMIC_RELEASE);
	ASSERT_EQ(0, perfring_ring_open(self->storage, NULL, &self->ring));
}

/*
 * Lessons 2 and 3: two good records of 32 bytes, then one whose size is wrong.
 * 96 bytes wait, so 40 is more than what is left (32); the good ones are
 * delivered and released, the tail stays at the bad one, at every position.
 */
TEST_F(corrupt, bad_sizes)
{
	static const uint16_t sizes[] = { 0, 1, 4, 7, 9, 12, 31, 33, 40, 64, 8192, 8200,
					  65528, 65535 };
	const uint64_t starts[] = { 0, 8, DATA - 64, DATA - 72, DATA - 96, DATA - 32,
					   (1ULL << 32) - 64, 0 - 64ULL, 0 - 72ULL };
	struct perfring_record record;
	struct perfring_error error;
	struct perfring_batch batch;
	unsigned int i, j;
	uint64_t start;

	for (i = 0; i < ARRAY_LEN(starts); i++) {
		for (j = 0; j < ARRAY_LEN(sizes); j++) {
			start = starts[i];
			put_header(self, start, 1, 32);
			put_header(self, start + 32, 2, 32);
			put_header(self, start + 64, 3, sizes[j]);
			place(_metadata, self, start, start + 96);
			ASSERT_EQ(0, perfring_batch_begin(self->ring, &batch));
			ASSERT_EQ(1, perfring_batch_next(&batch, &record));
			EXPECT_EQ(1, record.type);
			ASSERT_EQ(1, perfring_batch_next(&batch, &record));
			EXPECT_EQ(2, record.type);
			ASSERT_EQ(-EBADMSG, perfring_batch_next(&batch, &record)) {
				TH_LOG("size %u at %#llx", sizes[j], (unsigned long long)start);
			}
			ASSERT_EQ(-EBADMSG, perfring_batch_next(&batch, &record));
			EXPECT_EQ(-EBADMSG, perfring_batch_error(&batch, &error));
			EXPECT_EQ(start + 64, error.position);
			EXPECT_EQ(sizes[j], error.size);
			EXPECT_NE(NULL, error.reason);
			EXPECT_EQ(0, perfring_batch_remaining(&batch));
			perfring_batch_commit(&batch);
			EXPECT_EQ(start + 64, self->page->data_tail);

			/* Again: nothing new, the same answer, the same tail. */
			ASSERT_EQ(0, perfring_batch_begin(self->ring, &batch));
			EXPECT_EQ(-EBADMSG, perfring_batch_next(&batch, &record));
			perfring_batch_commit(&batch);
			EXPECT_EQ(start + 64, self->page->data_tail);
			EXPECT_EQ(-EBADMSG, perfring_ring_peek(self->ring, &record));
			EXPECT_EQ(-EBADMSG, perfring_ring_peek_size(self->ring));
			EXPECT_EQ(-EBADMSG, perfring_ring_pop(self->ring));
			EXPECT_EQ(start + 64, self->page->data_tail);

			/* The way out: the head. */
			EXPECT_EQ(0, perfring_ring_resync(self->ring));
			EXPECT_EQ(start + 96, self->page->data_tail);
			EXPECT_EQ(32, perfring_ring_skipped(self->ring));
			EXPECT_EQ(0, perfring_ring_peek(self->ring, &record));
		}
	}
}

/* The last record of the data ends exactly at its end, or a byte-word beyond head. */
TEST_F(corrupt, ends_at_the_end)
{
	struct perfring_record record;

	put_header(self, DATA - 64, 7, 64);
	place(_metadata, self, DATA - 64, DATA);
	ASSERT_EQ(1, perfring_ring_peek(self->ring, &record));
	EXPECT_EQ(64, record.size);
	EXPECT_EQ(self->data + DATA - 64, (const unsigned char *)record.data);
	put_header(self, DATA - 64, 7, 72);
	place(_metadata, self, DATA - 64, DATA);
	EXPECT_EQ(-EBADMSG, perfring_ring_peek(self->ring, &record));
}

/* A head that cannot follow the tail: behind it, more than a lap ahead, between words. */
TEST_F(corrupt, bad_heads)
{
	const struct {
		uint64_t tail, head;
	} table[] = {
		{ 0, DATA + 8 }, { 64, 0 }, { 0, 1ULL << 40 }, { 0, 0 - 8ULL }, { 0, 12 },
		{ 0, 1 }, { 64, 64 + 7 }, { 1ULL << 32, (1ULL << 32) - 8 },
	};
	struct perfring_record record;
	struct perfring_error error;
	struct perfring_batch batch;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		put_header(self, table[i].tail, 1, 8);
		place(_metadata, self, table[i].tail, table[i].head);
		EXPECT_EQ(-EBADMSG, perfring_batch_begin(self->ring, &batch)) {
			TH_LOG("tail %#llx, head %#llx", (unsigned long long)table[i].tail,
			       (unsigned long long)table[i].head);
		}
		EXPECT_EQ(-EBADMSG, perfring_batch_error(&batch, &error));
		/* Next and commit are harmless. */
		EXPECT_GE(0, perfring_batch_next(&batch, &record));
		perfring_batch_commit(&batch);
		EXPECT_EQ(table[i].tail, self->page->data_tail);
	}
}

/*
 * Lesson 14: THROTTLE, UNTHROTTLE, types that nobody knows and header-only
 * records are delivered, and the next record is right.
 */
TEST_F(corrupt, unknown_types_are_delivered)
{
	static const struct {
		uint32_t type;
		uint16_t size;
	} table[] = {
		{ PERF_RECORD_THROTTLE, 32 }, { PERF_RECORD_UNTHROTTLE, 32 }, { 200, 8 },
		{ 0xffffffff, 4096 }, { 0, 16 }, { PERF_RECORD_LOST_SAMPLES, 16 }, { 64, 8 },
		{ PERF_RECORD_SAMPLE, 24 },
	};
	struct perfring_format *format;
	struct perfring_record record;
	struct perfring_event event;
	struct perfring_batch batch;
	uint64_t position = DATA - 40;
	unsigned int i;

	ASSERT_EQ(0, perfring_format_compile(perfring_storage_attr(self->storage), &format));
	for (i = 0; i < ARRAY_LEN(table); i++) {
		put_header(self, position, table[i].type, table[i].size);
		position += table[i].size;
	}
	/* The sample's RAW says 12. */
	memcpy(&self->data[(position - 16) % DATA], &(uint32_t) { 12 }, sizeof(uint32_t));
	place(_metadata, self, DATA - 40, position);
	ASSERT_EQ(0, perfring_batch_begin(self->ring, &batch));
	for (i = 0; i < ARRAY_LEN(table); i++) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &record)) {
			TH_LOG("record %u", i);
		}
		EXPECT_EQ(table[i].type, record.type);
		EXPECT_EQ(table[i].size, record.size);
		EXPECT_EQ(0, perfring_decode(format, &record, &event, NULL));
	}
	EXPECT_EQ(PERFRING_EVENT_SAMPLE, event.kind);
	EXPECT_EQ(12, event.u.sample.raw_size);
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
	perfring_format_free(format);
}

static bool stop;

/* Scribbles over the header of the only record, whose true size is 64. */
static void *scribble(void *arg)
{
	FIXTURE_DATA(corrupt) *self = arg;
	uint64_t *word = (void *)(self->data + DATA - 64), header, x = 1;
	static const uint16_t sizes[] = { 64, 0, 8, 65528, 64, 4, 72, 4096 };
	struct perf_event_header next = { .type = 9 };

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		next.size = sizes[x++ % ARRAY_LEN(sizes)];
		memcpy(&header, &next, sizeof(header));
		__atomic_store_n(word, header, __ATOMIC_RELAXED);
	}
	return NULL;
}

/*
 * Lesson 4: another thread flips the size while the reader looks. Whatever it
 * sees, it sees once: the record is whole or refused, and what follows it is as
 * long as was said. Behind the last byte is a page that faults.
 */
TEST_F(corrupt, size_flips_while_reading)
{
	uint64_t end = now_ns() + 300000000ULL, good = 0, bad = 0;
	struct perfring_record record;
	struct perfring_batch batch;
	pthread_t thread;
	int i, ret;

	/* Eight words that are no header, should the reader go there. */
	memset(self->data + DATA - 64, 0xff, 64);
	place(_metadata, self, DATA - 64, DATA);
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, self));
	/* On a busy machine one of the two outcomes takes its time. */
	while (now_ns() < end || !good || !bad) {
		ASSERT_EQ(0, perfring_batch_begin(self->ring, &batch));
		for (i = 0; i < 9; i++) {
			ret = perfring_batch_next(&batch, &record);
			if (ret != 1)
				break;
			ASSERT_LE(8, record.size);
			ASSERT_GE(64, record.size);
			/* Read all that it says is there. */
			for (unsigned int at = 0; at < record.size; at += 8) {
				(void)__atomic_load_n((uint64_t *)((char *)record.data + at),
						      __ATOMIC_RELAXED);
			}
		}
		/* At most 64 / 8 records. */
		ASSERT_GT(9, i);
		if (ret == -EBADMSG)
			bad++;
		else
			good++;
		perfring_batch_cancel(&batch);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* The reader of many rings reports a corrupt one, skips it, and reads the other. */
static void seen_error(void *context, unsigned int index, const struct perfring_error *error)
{
	uint64_t *seen = context;

	seen[0] += index == 0 && error->code == -EBADMSG;
}

static int seen_record(void *context, unsigned int index, const struct perfring_record *record)
{
	uint64_t *seen = context;

	seen[1 + index] += record->size;
	return 0;
}

TEST_F(corrupt, reader_skips)
{
	uint64_t seen[3] = {};
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = seen_record, .error = seen_error, .context = seen,
	};
	struct perfring_loss loss = { .size = sizeof(loss) };
	struct perfring_storage *memory;
	struct perfring_reader *reader;

	put_header(self, 0, 1, 32);
	put_header(self, 32, 1, 0);
	self->page->data_head = 96;
	ASSERT_EQ(0, perfring_storage_open_memory(NULL, &memory));
	ASSERT_EQ(0, perfring_reader_create(&opts, &reader));
	ASSERT_EQ(0, perfring_reader_add(reader, self->storage));
	self->storage = NULL;	/* the reader's now */
	ASSERT_EQ(1, perfring_reader_add(reader, memory));
	ASSERT_LE(0, perfring_write(perfring_reader_ring(reader, 1), 77, 0, "x", 1));
	EXPECT_EQ(2, perfring_reader_consume(reader));
	EXPECT_EQ(1, seen[0]);
	EXPECT_EQ(32, seen[1]);
	EXPECT_EQ(16, seen[2]);
	EXPECT_EQ(96, self->page->data_tail);
	EXPECT_EQ(0, perfring_reader_consume(reader));
	EXPECT_EQ(1, seen[0]);
	ASSERT_EQ(0, perfring_reader_loss(reader, 0, &loss));
	EXPECT_EQ(1, loss.corrupt);
	EXPECT_EQ(64, loss.skipped);
	EXPECT_EQ(1, loss.records);
	perfring_reader_destroy(reader);
}

/* No callback for errors: the call says so, also when a budget ends it in the ring behind. */
TEST_F(corrupt, told_behind_a_budget)
{
	struct perfring_reader_opts opts = { .size = sizeof(opts), .budget_records = 1 };
	struct perfring_storage *memory;
	struct perfring_reader *reader;

	put_header(self, 0, 1, 0);
	self->page->data_head = 96;
	ASSERT_EQ(0, perfring_storage_open_memory(NULL, &memory));
	ASSERT_EQ(0, perfring_reader_create(&opts, &reader));
	ASSERT_EQ(0, perfring_reader_add(reader, self->storage));
	self->storage = NULL;	/* the reader's now */
	ASSERT_EQ(1, perfring_reader_add(reader, memory));
	ASSERT_LE(0, perfring_write(perfring_reader_ring(reader, 1), 77, 0, "x", 1));
	EXPECT_EQ(-EBADMSG, perfring_reader_consume(reader));
	EXPECT_EQ(0, perfring_reader_consume(reader));
	perfring_reader_destroy(reader);
}

/* Writes @n records of @size from @start on, publishes them, reads and releases them. */
static void read_alike(struct __test_metadata *_metadata, FIXTURE_DATA(corrupt) *self,
		       uint64_t start, unsigned int n, uint16_t size)
{
	struct perfring_record record;
	struct perfring_batch batch;
	unsigned int i;

	for (i = 0; i < n; i++)
		put_header(self, start + i * size, i + 1, size);
	__atomic_store_n(&self->page->data_head, start + n * size, __ATOMIC_RELEASE);
	ASSERT_EQ(0, perfring_batch_begin(self->ring, &batch));
	for (i = 0; i < n; i++) {
		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
		ASSERT_EQ(i + 1, record.type);
		ASSERT_EQ(size, record.size);
		ASSERT_EQ(start + i * size, record.position);
	}
	perfring_batch_commit(&batch);
}

/*
 * After many records of one size a reader expects one more of it.  What comes is bad,
 * at once or after good ones: a size that cannot be, or that very size where 8 bytes less
 * of it are there.  PERFRING_GUESS_AFTER is less than 40, and the data holds 40 records
 * of 200 bytes.
 */
TEST_F(corrupt, after_many_alike)
{
	static const uint16_t alike[] = { 16, 24, 40, 200 };
	static const uint16_t bad[] = { 0, 4, 12, 39, 41, 65528, 65535 };
	static const unsigned int good[] = { 0, 1, 3 };
	struct perfring_record record;
	struct perfring_error error;
	struct perfring_batch batch;
	unsigned int i, j, k, n;
	uint64_t start, at, size;

	for (i = 0; i < ARRAY_LEN(alike); i++) {
		for (j = 0; j <= ARRAY_LEN(bad); j++) {
			for (k = 0; k < ARRAY_LEN(good); k++) {
				size = alike[i];
				/* So that what is bad comes near the end of the data, and at it. */
				start = DATA - (40 + 2) * size;
				place(_metadata, self, start, start);
				read_alike(_metadata, self, start, 40, size);
				start += 40 * size;
				for (n = 0; n < good[k]; n++)
					put_header(self, start + n * size, 1, size);
				at = start + n * size;
				put_header(self, at, 2, j < ARRAY_LEN(bad) ? bad[j] : size);
				__atomic_store_n(&self->page->data_head, at + size - 8,
						 __ATOMIC_RELEASE);
				ASSERT_EQ(0, perfring_batch_begin(self->ring, &batch));
				for (n = 0; n < good[k]; n++)
					ASSERT_EQ(1, perfring_batch_next(&batch, &record));
				ASSERT_EQ(-EBADMSG, perfring_batch_next(&batch, &record)) {
					TH_LOG("%u of %llu", j, (unsigned long long)size);
				}
				EXPECT_EQ(-EBADMSG, perfring_batch_error(&batch, &error));
				EXPECT_EQ(at, error.position);
				perfring_batch_commit(&batch);
				EXPECT_EQ(at, self->page->data_tail);
			}
		}
	}
}

/* Runs of 1 to 40 records of a size of 8 to 128, until a lap is full; the types number them. */
static unsigned int put_runs(FIXTURE_DATA(corrupt) *self, uint64_t start, uint64_t *seed,
			     uint16_t sizes[DATA_MAX / 8])
{
	unsigned int n = 0, run = 0;
	uint64_t done = 0;
	uint16_t size = 0;

	while (done < DATA) {
		if (!run) {
			*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
			run = 1 + (*seed >> 33) % 40;
			size = 8 + 8 * ((*seed >> 48) % 16);
		}
		run--;
		if (size > DATA - done)
			size = DATA - done;
		put_header(self, start + done, n + 1, size);
		sizes[n++] = size;
		done += size;
	}
	return n;
}

/* Sizes that change after any number of equal ones, whole laps and by budgets. */
TEST_F(corrupt, sizes_in_runs)
{
	uint64_t start = 0 - 5 * DATA - 40ULL, seed = 1, position, bytes;
	static uint16_t sizes[DATA_MAX / 8];
	struct perfring_record record;
	struct perfring_batch batch;
	unsigned int lap, i, n;
	int ret;

	place(_metadata, self, start, start);
	for (lap = 0; lap < 2000; lap++) {
		position = start + lap * (uint64_t)DATA;
		n = put_runs(self, position, &seed, sizes);
		__atomic_store_n(&self->page->data_head, position + DATA, __ATOMIC_RELEASE);
		for (i = 0; i < n;) {
			/* Every other lap in pieces; each ends with the record that reaches it. */
			bytes = lap % 2 ? 1 + seed % 1000 : 0;
			ASSERT_EQ(0, perfring_batch_begin_budget(self->ring, &batch, bytes));
			while ((ret = perfring_batch_next(&batch, &record)) > 0) {
				ASSERT_LT(i, n);
				ASSERT_EQ(i + 1, record.type);
				ASSERT_EQ(sizes[i], record.size);
				ASSERT_EQ(position, record.position);
				position += sizes[i++];
			}
			ASSERT_EQ(0, ret);
			if (bytes && i < n)
				ASSERT_LE(bytes, position - self->page->data_tail);
			perfring_batch_commit(&batch);
			ASSERT_EQ(position, self->page->data_tail);
		}
		ASSERT_EQ(start + (lap + 1) * (uint64_t)DATA, position);
	}
}

TEST_HARNESS_MAIN
