// SPDX-License-Identifier: GPL-2.0
/*
 * Another process writes over the control page and the data while they are read, whatever comes
 * to its mind, as anybody can who maps a ring: a reader stays within the ring, and comes to an
 * end. The pages before and behind the ring are not there.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fixtures.h"

#define DATA		(2 * PAGE)
#define ROUNDS		400	/* at least */
#define NS		250000000ULL
#define LAP		(DATA / 8)

enum how { FORWARD, OVERWRITE, BACKWARD, BPF };

FIXTURE(flip) {
	unsigned char *map;		/* page that is not there, ring, page that is not there */
	size_t len;			/* of the ring */
	size_t page;
	pid_t other;
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	struct perfring_reader *reader;
	struct perfring_merge *merge;
};

FIXTURE_VARIANT(flip) {
	enum how how;
};

FIXTURE_VARIANT_ADD(flip, forward) { .how = FORWARD };
FIXTURE_VARIANT_ADD(flip, overwrite) { .how = OVERWRITE };
FIXTURE_VARIANT_ADD(flip, backward) { .how = BACKWARD };
FIXTURE_VARIANT_ADD(flip, bpf) { .how = BPF };

/* Until it is killed: headers that look right, positions near each other, and any bits. */
static void scribble(unsigned char *ring, size_t len, size_t data, uint64_t *head, uint64_t *tail)
{
	uint64_t seed = 1, word;

	/* Positions rest at times, or no snapshot would ever find its head where it was. */
	for (unsigned int n = 0;; n++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		word = seed >> 33;
		switch (n >> 12 & 1 ? 3 : seed >> 61) {
		case 0:
			__atomic_store_n(head, (seed >> 20) % (2 * DATA) & ~7ULL, __ATOMIC_RELEASE);
			break;
		case 1:
			__atomic_store_n(tail, (seed >> 20) % (2 * DATA) & ~7ULL, __ATOMIC_RELEASE);
			break;
		case 2:
			ring[word % len] ^= (unsigned char)(1U << (seed >> 58 & 7));
			break;
		default:
			/* As a header of perf and as one of BPF: sizes of 8 to 128 are common. */
			word = 8 * ((seed >> 40 & 15) + 1);
			word = header_word(seed >> 44 & 1 ? 9 : word, 0, word);
			__atomic_store_n((uint64_t *)(void *)(ring + len - data +
							      (seed >> 20) % (data / 8) * 8),
					 word, __ATOMIC_RELAXED);
		}
	}
}

FIXTURE_SETUP(flip)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_image_opts opts = { .size = sizeof(opts), .attr = &attr };
	struct perf_event_mmap_page *control;
	size_t page = self->page = (size_t)sysconf(_SC_PAGESIZE);
	bool bpf = variant->how == BPF;
	uint64_t *head, *tail;
	unsigned char *ring;

	self->len = bpf ? 2 * page + 2 * DATA : page + DATA;
	self->map = mmap(NULL, self->len + 2 * page, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->map);
	ring = self->map + page;
	ASSERT_EQ(0, mprotect(ring, self->len, PROT_READ | PROT_WRITE));
	attr.write_backward = variant->how == BACKWARD;
	opts.overwrite = variant->how == OVERWRITE;
	if (bpf) {
		tail = (void *)ring;
		head = (void *)(ring + page);
		/* The second half is the first. */
		ASSERT_NE(MAP_FAILED, mremap(ring + 2 * page, 0, DATA,
					     MREMAP_MAYMOVE | MREMAP_FIXED,
					     ring + 2 * page + DATA));
		ASSERT_EQ(0, perfring_storage_from_bpf_memory(ring, self->len, NULL,
							      &self->storage));
	} else {
		control = (void *)ring;
		head = (void *)&control->data_head;
		tail = (void *)&control->data_tail;
		ASSERT_EQ(0, perfring_storage_from_contiguous(ring, self->len, &opts,
							      &self->storage));
	}
	self->other = fork();
	ASSERT_LE(0, self->other);
	if (!self->other) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		scribble(ring, self->len, bpf ? 2 * DATA : DATA, head, tail);
	}
}

FIXTURE_TEARDOWN(flip)
{
	if (self->other > 0) {
		kill(self->other, SIGKILL);
		waitpid(self->other, NULL, 0);
	}
	perfring_merge_destroy(self->merge);
	perfring_reader_destroy(self->reader);
	perfring_ring_close(self->ring);
	perfring_storage_close(self->storage);
	munmap(self->map, self->len + 2 * self->page);
}

/* All that it says is there. */
static void look(const struct perfring_record *record)
{
	const volatile unsigned char *data = record->data;
	uint32_t i;

	for (i = 0; i < record->size; i++)
		(void)data[i];
}

/* On a busy machine it takes a while until there was a record. */
static bool over(unsigned int rounds, uint64_t begin, bool seen)
{
	uint64_t ns = now_ns() - begin;

	return rounds > ROUNDS && ns > (seen ? NS : 80 * NS);
}

TEST_F(flip, batches_and_peeks)
{
	bool snapshots = variant->how == OVERWRITE || variant->how == BACKWARD;
	uint64_t begin = now_ns(), seen = 0, bytes;
	struct perfring_record record;
	struct perfring_batch batch;
	unsigned int round, n, calls;
	struct perfring_event event;
	struct perfring_format *format;
	int ret;

	ASSERT_EQ(0, perfring_format_compile(perfring_storage_attr(self->storage), &format));
	ASSERT_EQ(0, perfring_ring_open(self->storage, NULL, &self->ring));
	for (round = 0; !over(round, begin, seen); round++) {
		ret = snapshots ? perfring_ring_snapshot(self->ring, 0, &batch) :
				  perfring_batch_begin(self->ring, &batch);
		ASSERT_TRUE(ret == 0 || ret == -EBADMSG);
		bytes = 0;
		for (n = 0; perfring_batch_next(&batch, &record) > 0; n++) {
			look(&record);
			bytes += (record.size + 7) & ~7U;
			/* Fields may change between two looks: only where they lie is certain. */
			perfring_decode(format, &record, &event, NULL);
		}
		/* A lap, and no more. */
		ASSERT_GE(DATA, bytes);
		seen += n;
		if (round & 1)
			perfring_batch_commit(&batch);
		else
			perfring_batch_cancel(&batch);
		for (calls = 0; !snapshots && calls < LAP; calls++) {
			if (perfring_ring_peek(self->ring, &record) <= 0)
				break;
			look(&record);
			ASSERT_EQ(1, perfring_ring_pop(self->ring));
		}
		ASSERT_EQ(0, perfring_ring_resync(self->ring));
	}
	/* Some of what is scribbled are records. */
	EXPECT_LT(0, seen);
	perfring_format_free(format);
}

static uint64_t payload_time(void *context, unsigned int index,
			     const struct perfring_record *record)
{
	look(record);
	return record->position;
}

static void on_error(void *context, unsigned int index, const struct perfring_error *error)
{
}

TEST_F(flip, reader_and_merge)
{
	struct perfring_reader_opts opts = { .size = sizeof(opts), .error = on_error };
	struct perfring_merge_ring_opts how = { .size = sizeof(how), .time = payload_time };
	uint64_t begin = now_ns();
	struct perfring_record record;
	unsigned int round, n;

	ASSERT_EQ(0, perfring_reader_create(&opts, &self->reader));
	if (variant->how == OVERWRITE || variant->how == BACKWARD) {
		EXPECT_EQ(-EOPNOTSUPP, perfring_reader_add(self->reader, self->storage));
		return;
	}
	ASSERT_EQ(0, perfring_reader_add(self->reader, self->storage));
	self->storage = NULL;	/* the reader's now */
	for (round = 0; !over(round, begin, true); round++) {
		/* One look at the head for each call. */
		ASSERT_LE(0, perfring_reader_consume(self->reader));
		for (n = 0; n < 100 && perfring_reader_next(self->reader, &record, NULL); n++)
			;
		if (round % 8)
			continue;
		perfring_merge_destroy(self->merge);
		self->merge = NULL;
		ASSERT_EQ(0, perfring_merge_create(self->reader, NULL, &self->merge));
		ASSERT_EQ(0, perfring_merge_add(self->merge, 0, &how));
		for (n = 0; n < 100 && perfring_merge_next(self->merge, &record, NULL) > 0; n++)
			look(&record);
		perfring_merge_flush(self->merge);
		for (n = 0; n < 100 && perfring_merge_next(self->merge, &record, NULL) > 0; n++)
			look(&record);
		ASSERT_EQ(0, perfring_merge_remove(self->merge, 0));
	}
}

TEST_HARNESS_MAIN
