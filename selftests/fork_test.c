// SPDX-License-Identifier: GPL-2.0
/*
 * What perfring(7) says about fork(2): which rings a child has, what it may do
 * with them, and that its parent does not notice what it gives up.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fixtures.h"

RING_FIXTURE;

#define LEN	20

/* The child's exit status, or minus its signal; -1000 when it does not end. */
static int end_of(pid_t child)
{
	int status, i;

	for (i = 0; i < 1000; i++) {
		if (waitpid(child, &status, WNOHANG) == child)
			return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
		usleep(10000);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return -1000;
}

static int read_all(struct perfring_ring *ring)
{
	int records = 0;

	while (perfring_ring_pop(ring) > 0)
		records++;
	return records;
}

/* Only the mapping of a ring in memory is there in the child. */
TEST_F(ring, mapping)
{
	volatile struct perf_event_mmap_page *page;
	pid_t child;
	int end;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	ASSERT_EQ(3, backend_burst(&self->b, LEN, 3));
	page = perfring_storage_control(self->b.storage);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		signal(SIGSEGV, SIG_DFL);
		_exit(page->data_head == 3 * sample_size(LEN) ? 7 : 8);
	}
	end = end_of(child);
	EXPECT_EQ(variant->kind == MEMORY ? 7 : -SIGSEGV, end);
	EXPECT_EQ(3, read_all(self->b.ring));
}

/* A child that closes its copies takes nothing away, and the event goes on. */
TEST_F(ring, close_in_child)
{
	pid_t child;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	ASSERT_EQ(3, backend_burst(&self->b, LEN, 3));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		perfring_ring_close(self->b.ring);
		_exit(perfring_storage_close(self->b.storage) ? 1 : 0);
	}
	EXPECT_EQ(0, end_of(child));
	EXPECT_EQ(3, backend_burst(&self->b, LEN, 3));
	EXPECT_EQ(6, read_all(self->b.ring));
	EXPECT_TRUE(backend_poll(&self->b, 0));
}

/*
 * A child destroys its reader in the middle of a pull: the parent's set of descriptors
 * is the same one, and what it has not released is not released.
 */
TEST_F(ring, destroy_in_child)
{
	struct backend_opts unread = { .pages = 1, .unread = true };
	struct perfring_reader *reader;
	struct perfring_record record;
	unsigned char first[64];
	uint64_t tail;
	pid_t child;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &unread));
	ASSERT_EQ(0, perfring_reader_create(NULL, &reader));
	if (self->b.ring)
		perfring_ring_close(self->b.ring);
	self->b.ring = NULL;
	ASSERT_EQ(0, perfring_reader_add(reader, self->b.storage));
	self->b.ring = perfring_reader_ring(reader, 0);
	ASSERT_EQ(2, backend_burst(&self->b, LEN, 2));
	ASSERT_EQ(1, perfring_reader_next(reader, &record, NULL));
	memcpy(first, record.data, sizeof(first) < record.size ? sizeof(first) : record.size);
	tail = perfring_storage_control(self->b.storage)->data_tail;
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		perfring_reader_destroy(reader);
		_exit(0);
	}
	EXPECT_EQ(0, end_of(child));
	EXPECT_EQ(tail, perfring_storage_control(self->b.storage)->data_tail);
	EXPECT_EQ(0, memcmp(first, record.data, record.size));
	EXPECT_EQ(1, perfring_reader_next(reader, &record, NULL));
	EXPECT_EQ(0, perfring_reader_next(reader, &record, NULL));
	/* Wakeups of before, taken back; then a new one comes through. */
	EXPECT_EQ(0, perfring_reader_wait(reader, 0));
	EXPECT_EQ(1, backend_burst(&self->b, LEN, 1));
	EXPECT_TRUE(poll_events(perfring_reader_fd(reader), 5000) & POLLIN);
	EXPECT_EQ(1, perfring_reader_poll(reader, 5000));
	self->b.storage = NULL;
	self->b.ring = NULL;
	perfring_reader_destroy(reader);
}

/* A child writes to its parent, more than the ring holds: the tail comes back to it. */
TEST(child_writes)
{
	const unsigned int count = 1000;	/* of 32 bytes, on a page */
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = 1 };
	struct perfring_storage *storage;
	struct perfring_reader *reader;
	struct perfring_record record;
	unsigned int seen = 0, sum = 0, number[5] = { 0 }, i;
	pid_t child;
	int ret = 0;

	ASSERT_EQ(0, perfring_storage_open_memory(&opts, &storage));
	ASSERT_EQ(0, perfring_reader_create(NULL, &reader));
	ASSERT_EQ(0, perfring_reader_add(reader, storage));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct perfring_ring *ring = perfring_reader_ring(reader, 0);

		for (i = 1; i <= count; i++) {
			number[0] = i;
			do {
				ret = perfring_write(ring, PERF_RECORD_SAMPLE, 0, number,
						     sizeof(number));
			} while (ret == -ENOSPC && !usleep(100));
		}
		_exit(0);
	}
	while (seen < count && ret >= 0) {
		ret = perfring_reader_next(reader, &record, NULL);
		if (!ret) {
			ret = perfring_reader_wait(reader, 10000);
			ASSERT_EQ(1, ret);
		} else if (ret > 0 && record.type == PERF_RECORD_SAMPLE) {
			memcpy(&i, (const char *)record.data + 12, sizeof(i));
			seen++;
			sum += i;
		}
	}
	EXPECT_EQ(count, seen);
	EXPECT_EQ(count * (count + 1) / 2, sum);
	EXPECT_EQ(0, end_of(child));
	perfring_reader_destroy(reader);
}

/* And the other way round: the child reads, and the parent's writer sees room again. */
TEST(child_reads)
{
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = 1 };
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	unsigned int written = 0;
	pid_t child;

	ASSERT_EQ(0, perfring_storage_open_memory(&opts, &storage));
	ASSERT_EQ(0, perfring_ring_open(storage, NULL, &ring));
	while (perfring_write(ring, 1000, 0, NULL, 20) >= 0)
		written++;
	EXPECT_EQ(FIT(32), written);
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(read_all(ring) == (int)FIT(32) ? 0 : 1);
	EXPECT_EQ(0, end_of(child));
	EXPECT_LE(0, perfring_write(ring, 1000, 0, NULL, 20));
	perfring_ring_close(ring);
	perfring_storage_close(storage);
}

TEST_HARNESS_MAIN
