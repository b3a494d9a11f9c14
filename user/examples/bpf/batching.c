// SPDX-License-Identifier: MIT
/* Wakeups for each record, and for each 16 KiB of them with a look every 50 ms besides.
 */
#include <perfring/perfring.h>
#include <pthread.h>
#include <stdio.h>
#include "batching.skel.h"
#include "tick.h"

#define TICKS 10000

static void *load(void *unused)
{
	(void)unused;
	for (int i = 0; i < TICKS; i++)
		tick(i);
	return NULL;
}

static int run(unsigned int batch)
{
	struct batching *skel = batching__open();
	int err = skel ? 0 : -1, got = 0, polls = 0, waits = 0;
	struct perfring_reader *reader = NULL;
	struct perfring_storage *storage;
	pthread_t thread;

	if (!err) {
		skel->rodata->batch = batch;
		err = batching__load(skel);
	}
	if (!err)
		err = batching__attach(skel);
	if (!err)
		err = perfring_reader_create(NULL, &reader);
	if (!err)
		err = perfring_storage_open_bpf_ringbuf(bpf_map__fd(skel->maps.ring),
							NULL, &storage);
	if (!err)
		err = perfring_reader_add(reader, storage);
	if (err >= 0)
		err = -pthread_create(&thread, NULL, load, NULL);
	if (err >= 0) {
		/* The time is for what is less than a batch: it would never wake. */
		for (; err >= 0 && got < TICKS && waits < 200; waits += !err) {
			err = perfring_reader_poll(reader, 50);
			polls += err > 0;
			got += err > 0 ? err : 0;
		}
		pthread_join(thread, NULL);
	}
	if (err >= 0)
		printf("%s: %d records in %d readings\n",
		       batch ? "16 KiB at a time" : "each wakes", got, polls);
	perfring_reader_destroy(reader);
	batching__destroy(skel);
	return err < 0 || got != TICKS;
}

int main(void)
{
	return run(0) || run(16384);
}
