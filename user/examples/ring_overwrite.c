// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>
#include <sys/prctl.h>

/*
 * A flight recorder: the kernel overwrites the oldest records of a perf ring and asks
 * nobody; what was last is looked at when it matters.  Each new name of this task
 * is a record of 32 bytes, so that a page holds the last 128.
 */
int main(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY,
		.comm = 1, .exclude_kernel = 1,
	};
	struct perfring_perf_opts opts = {
		.size = sizeof(opts), .pages = 1, .overwrite = 1, .backward = 1,
	};
	struct perfring_storage *storage = NULL;
	struct perfring_ring *ring = NULL;
	struct perfring_record record;
	struct perfring_batch batch;
	unsigned int records = 0;
	char name[16];
	int err;

	err = perfring_storage_open_perf(&attr, 0, -1, &opts, &storage);
	if (!err)
		err = perfring_ring_open(storage, NULL, &ring);
	for (int i = 0; i < 1000 && !err; i++) {
		snprintf(name, sizeof(name), "name number %d", i);
		prctl(PR_SET_NAME, name);
	}
	/* Output is paused while the ring is copied; the newest record comes first. */
	if (!err)
		err = perfring_ring_snapshot(ring, 0, &batch);
	if (!err) {
		while ((err = perfring_batch_next(&batch, &record)) > 0)
			if (records++ < 3)	/* header, pid, tid, name */
				printf("%s\n", (const char *)record.data + 16);
		printf("%u records, %llu bytes of no whole one\n", records,
		       (unsigned long long)perfring_batch_torn(&batch));
		perfring_batch_commit(&batch);
	}
	if (err < 0)
		fprintf(stderr, "ring_overwrite: %s\n", perfring_strerror(err));
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	return err < 0;
}
