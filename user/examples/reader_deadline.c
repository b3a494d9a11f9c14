// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define RECORDS	50

/* A slow writer: it will not reach the watermark before it ends. */
static void *writer(void *ring)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < RECORDS; i++) {
		nanosleep(&pause, NULL);
		perfring_write(ring, PERF_RECORD_SAMPLE, 0, &i, sizeof(i));
	}
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * A watermark saves wakeups and makes records late; a deadline says how late.  Every
 * 10 ms the ring is looked at whether somebody was woken or not.
 */
int main(void)
{
	struct perfring_memory_opts opts = { .size = sizeof(opts), .watermark = 16384 };
	struct perfring_write_stats stats = { .size = sizeof(stats) };
	struct perfring_storage *storage = NULL;
	struct perfring_reader *reader = NULL;
	uint64_t deadline = now_ns();
	pthread_t thread;
	int err, seen = 0;

	err = perfring_reader_create(NULL, &reader);
	if (!err)
		err = perfring_storage_open_memory(&opts, &storage);
	if (!err)
		err = perfring_reader_add(reader, storage);
	if (err < 0 || pthread_create(&thread, NULL, writer, perfring_reader_ring(reader, err)))
		return 1;
	while (err >= 0 && seen < RECORDS - 10) {
		deadline += 10000000;
		err = perfring_reader_poll_until(reader, deadline);
		seen += err > 0 ? err : 0;
	}
	pthread_join(thread, NULL);
	/* At the end what is left over is taken without a wait. */
	err = perfring_reader_flush(reader);
	seen += err > 0 ? err : 0;
	perfring_write_stats(perfring_reader_ring(reader, 0), &stats);
	printf("%d of %d records, %llu wakeups\n", seen, RECORDS,
	       (unsigned long long)stats.wakeups);
	perfring_reader_destroy(reader);
	return err < 0;
}
