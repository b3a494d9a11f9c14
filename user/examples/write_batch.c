// SPDX-License-Identifier: MIT
#include <errno.h>
#include <perfring/perfring.h>
#include <stdio.h>

/* More than fits: what is lost is counted, and told by the next record that finds room. */
int main(void)
{
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = 1 };
	struct perfring_write_stats stats = { .size = sizeof(stats) };
	struct perfring_storage *storage = NULL;
	struct perfring_ring *ring = NULL;
	struct perfring_record record;
	struct perfring_batch batch;
	int err, wakeup = 0;

	err = perfring_storage_open_memory(&opts, &storage);
	if (!err)
		err = perfring_ring_open(storage, NULL, &ring);
	if (!err)
		err = perfring_write_begin(ring);
	/* Samples of 8 + 4 + 100 bytes: 36 of them in a page; the reader sees none as yet. */
	for (int i = 0; i < 40 && (!err || err == -ENOSPC); i++)
		err = perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, 100);
	printf("the last one: %s; a record too long for a header: %s\n", perfring_strerror(err),
	       perfring_strerror(perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, 70000)));
	wakeup = perfring_write_end(ring);	/* now all of them at once */

	err = perfring_batch_begin(ring, &batch);
	while (!err && perfring_batch_next(&batch, &record) > 0)
		;
	perfring_batch_commit(&batch);
	perfring_write(ring, PERF_RECORD_SAMPLE, 0, "room again", 11);
	perfring_ring_peek(ring, &record);
	printf("wakeup %d; first record after it: type %u (PERF_RECORD_LOST)\n", wakeup,
	       record.type);

	perfring_write_stats(ring, &stats);
	printf("%llu attempted = %llu written + %llu lost + %llu rejected; at most %llu bytes waited\n",
	       (unsigned long long)stats.attempted, (unsigned long long)stats.written,
	       (unsigned long long)stats.lost_full, (unsigned long long)stats.rejected,
	       (unsigned long long)stats.high_water);
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	return err < 0;
}
