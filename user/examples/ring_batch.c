// SPDX-License-Identifier: MIT
#include <errno.h>
#include <perfring/perfring.h>
#include <stdio.h>

/* All that waits, in batches of at most 1000 bytes: one acquire, one release for each. */
static int drain(struct perfring_ring *ring)
{
	struct perfring_record record;
	struct perfring_batch batch;
	struct perfring_error error;
	int ret;

	for (;;) {
		unsigned int records = 0;

		ret = perfring_batch_begin_budget(ring, &batch, 1000);
		while (!ret && (ret = perfring_batch_next(&batch, &record)) > 0) {
			records++;	/* record.data stays valid up to the commit */
			ret = 0;
		}
		perfring_batch_commit(&batch);
		if (ret == -EBADMSG && perfring_batch_error(&batch, &error)) {
			printf("at %llu: %s\n", (unsigned long long)error.position, error.reason);
			return perfring_ring_resync(ring);
		}
		if (ret || !records)
			return ret;
		printf("%u records, %llu bytes wait\n", records,
		       (unsigned long long)perfring_ring_bytes_remaining(ring));
	}
}

int main(void)
{
	struct perfring_storage *storage = NULL;
	struct perfring_ring *ring = NULL;
	unsigned char copy[8];
	int err;

	err = perfring_storage_open_memory(NULL, &storage);
	if (!err)
		err = perfring_ring_open(storage, NULL, &ring);
	/* 100 samples of 8 + 4 + 12 bytes, and one of another type */
	for (int i = 0; i < 100 && err >= 0; i++)
		err = perfring_write(ring, PERF_RECORD_SAMPLE, 0, "twelve bytes", 12);
	if (err >= 0)
		err = drain(ring);
	if (!err)
		err = perfring_write(ring, 1000, 0, "peek", 4);
	if (err >= 0) {
		err = perfring_ring_peek_copy(ring, copy, 8, sizeof(copy));
		printf("peek: %d bytes, %d of its payload: %s\n",
		       perfring_ring_peek_size(ring), err, (const char *)copy);
		printf("pop: %d", perfring_ring_pop(ring));
		printf(", then %d\n", perfring_ring_pop(ring));
	}
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	return err < 0;
}
