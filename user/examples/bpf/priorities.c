// SPDX-License-Identifier: MIT
/*
 * Two rings in one reader: the urgent one wakes it and is read first, the other in
 * portions.
 */
#include <perfring/perfring.h>
#include <stdio.h>
#include "priorities.skel.h"
#include "tick.h"

#define TICKS	2000
#define PORTION 512 /* bytes */

enum { URGENT, BULK };

static int take(struct perfring_reader *reader, unsigned int index, size_t bytes)
{
	struct perfring_batch batch;
	struct perfring_record record;
	int nr = 0;

	perfring_batch_begin_budget(perfring_reader_ring(reader, index), &batch, bytes);
	while (perfring_batch_next(&batch, &record) > 0)
		nr++;
	perfring_batch_commit(&batch);
	return nr;
}

int main(void)
{
	struct priorities *skel = priorities__open_and_load();
	int err = skel ? 0 : -1, got[2] = { 0 }, turns = 0, nr;
	struct perfring_reader *reader = NULL;
	struct perfring_storage *storage;

	if (!err)
		err = perfring_reader_create(NULL, &reader);
	for (int i = URGENT; err >= 0 && i <= BULK; i++) {
		int map = bpf_map__fd(i ? skel->maps.bulk : skel->maps.urgent);

		err = perfring_storage_open_bpf_ringbuf(map, NULL, &storage);
		if (!err)
			err = perfring_reader_add(reader, storage);
	}
	if (err >= 0)
		err = priorities__attach(skel);
	for (int i = 0; err >= 0 && i < TICKS; i++)
		tick(i);
	while (err >= 0 && perfring_reader_wait(reader, 0) > 0) {
		turns++;
		got[URGENT] += take(reader, URGENT, 0);
		nr = take(reader, BULK, PORTION);
		got[BULK] += nr;
	}
	if (err >= 0) {
		printf("urgent: %d read, %llu dropped\n", got[URGENT],
		       (unsigned long long)skel->bss->dropped_urgent);
		printf("bulk: %d read in %d portions, %llu dropped\n", got[BULK], turns,
		       (unsigned long long)skel->bss->dropped_bulk);
	}
	perfring_reader_destroy(reader);
	priorities__destroy(skel);
	return err < 0;
}
