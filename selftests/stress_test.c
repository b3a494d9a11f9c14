// SPDX-License-Identifier: GPL-2.0
/*
 * Lesson 6: a writer and a reader in two threads. Each payload has a number, its
 * length and a CRC over both and its bytes. A missing barrier shows as a bad CRC,
 * a race under the thread sanitizer, or a number that does not rise.
 */
#include <pthread.h>
#include "fixtures.h"

RING_FIXTURE;

#define LONGEST	500

struct message {
	uint64_t seq;
	uint32_t len;
	uint32_t crc;		/* of the payload, this field zero */
	unsigned char bytes[LONGEST];
};

#define ENOUGH	100	/* records */

struct stress {
	struct backend *b;
	uint64_t written, refused, end;
	int error;
	bool done;
};

static uint32_t checksum(struct message *message)
{
	uint32_t was = message->crc, crc;

	message->crc = 0;
	crc = crc32_zlib(message, message->len);
	message->crc = was;
	return crc;
}

static void *writer(void *arg)
{
	struct stress *stress = arg;
	struct message message;
	uint64_t seq;
	int ret;

	/* Half a second, and longer where so many have not found room by then. */
	for (seq = 0; now_ns() < stress->end || (stress->written < ENOUGH && !stress->error);
	     seq++) {
		message.seq = seq;
		message.len = 16 + seq * 13 % LONGEST;
		fill(message.bytes, message.len - 16, seq);
		message.crc = checksum(&message);
		ret = backend_write(stress->b, &message, message.len);
		if (!ret)
			stress->written++;
		else if (ret == -ENOSPC)
			stress->refused++;
		else
			stress->error = ret;
	}
	__atomic_store_n(&stress->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * Half a second; every number either arrives or is told as lost, so those that
 * arrived are as many as were written, and LOST counts the refused ones, but for
 * those after the last record that found room.
 */
TEST_F(ring, sequence_and_checksum)
{
	struct backend_opts opts = { .pages = 4 };
	struct stress stress = { .b = &self->b };
	struct message message;
	struct perfring_record record;
	struct perfring_batch batch;
	uint64_t next = 0, seen = 0, lost = 0, words[3];
	pthread_t thread;
	bool last = false;
	int ret;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	stress.end = now_ns() + 500000000ULL * slowness();
	ASSERT_EQ(0, pthread_create(&thread, NULL, writer, &stress));
	for (;;) {
		if (!last && __atomic_load_n(&stress.done, __ATOMIC_ACQUIRE)) {
			pthread_join(thread, NULL);
			last = true;
		}
		ASSERT_EQ(0, perfring_batch_begin(self->b.ring, &batch));
		while ((ret = perfring_batch_next(&batch, &record)) == 1) {
			if (record.type == PERF_RECORD_LOST) {
				memcpy(words, record.data, sizeof(words));
				lost += words[2];
				continue;
			}
			ASSERT_EQ(PERF_RECORD_SAMPLE, record.type);
			ASSERT_GE(sample_size(sizeof(message)), record.size);
			memcpy(&message, (char *)record.data + 12, record.size - 12);
			ASSERT_EQ(sample_size(message.len), record.size);
			ASSERT_EQ(message.crc, checksum(&message));
			ASSERT_LE(next, message.seq);
			next = message.seq + 1;
			seen++;
		}
		ASSERT_EQ(0, ret);
		perfring_batch_commit(&batch);
		if (last)
			break;
	}
	EXPECT_EQ(0, stress.error);
	EXPECT_LE(ENOUGH, seen);
	EXPECT_EQ(stress.written, seen);
	EXPECT_GE(stress.refused, lost);
	/* One more, and nothing is owed. */
	ASSERT_EQ(0, backend_write(&self->b, "", 0));
	ASSERT_EQ(1, perfring_ring_peek(self->b.ring, &record));
	if (record.type == PERF_RECORD_LOST) {
		memcpy(words, record.data, sizeof(words));
		lost += words[2];
	}
	EXPECT_EQ(stress.refused, lost);
	TH_LOG("%llu records, %llu lost", (unsigned long long)seen, (unsigned long long)lost);
}

/* The same through a reader that sleeps: no wakeup is lost, so it ends. */
static int on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	uint64_t *seen = context;

	(void)index;
	seen[0] += record->type == PERF_RECORD_SAMPLE;
	return 0;
}

static void on_lost(void *context, unsigned int index, uint64_t lost)
{
	uint64_t *seen = context;

	(void)index;
	seen[1] += lost;
}

TEST_F(ring, sleeping_reader)
{
	uint64_t seen[2] = {};
	struct perfring_reader_opts reader_opts = {
		.size = sizeof(reader_opts), .record = on_record, .lost = on_lost, .context = seen,
	};
	struct backend_opts opts = { .pages = 4 };
	struct stress stress = { .b = &self->b };
	struct perfring_storage *storage;
	struct perfring_reader *reader;
	pthread_t thread;

	ASSERT_EQ(0, backend_storage(variant->kind, &opts, &storage));
	ASSERT_EQ(0, perfring_reader_create(&reader_opts, &reader));
	ASSERT_EQ(0, perfring_reader_add(reader, storage));
	ASSERT_EQ(0, backend_attach(&self->b, variant->kind, storage));
	self->b.ring = perfring_reader_ring(reader, 0);
	stress.end = now_ns() + 300000000ULL;
	ASSERT_EQ(0, pthread_create(&thread, NULL, writer, &stress));
	while (!__atomic_load_n(&stress.done, __ATOMIC_ACQUIRE)) {
		ASSERT_LE(0, perfring_reader_poll(reader, 50));
	}
	pthread_join(thread, NULL);
	ASSERT_LE(0, perfring_reader_flush(reader));
	EXPECT_LT(10, seen[0]);
	EXPECT_EQ(stress.written, seen[0]);
	EXPECT_GE(stress.refused, seen[1]);
	/* The reader owns both. */
	self->b.ring = NULL;
	self->b.storage = NULL;
	perfring_reader_destroy(reader);
}

TEST_HARNESS_MAIN
