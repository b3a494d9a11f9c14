// SPDX-License-Identifier: MIT
/* How large must a ring be?  Bursts of 1000 records of 64 bytes, read after each. */
#include <perfring/perfring.h>
#include <stdio.h>
#include "ring_sizing.skel.h"
#include "tick.h"

#define BURSTS 20
#define BURST  1000

/* 1 nothing was lost, 0 some was, negative errno */
static int try_size(unsigned int bytes)
{
	struct ring_sizing *skel = ring_sizing__open();
	struct perfring_reader *reader = NULL;
	struct perfring_storage *storage;
	int err = skel ? 0 : -1, got = 0;

	if (!err)
		err = bpf_map__set_max_entries(skel->maps.ring, bytes);
	if (!err)
		err = ring_sizing__load(skel);
	if (!err)
		err = ring_sizing__attach(skel);
	if (!err)
		err = perfring_reader_create(NULL, &reader);
	if (!err)
		err = perfring_storage_open_bpf_ringbuf(bpf_map__fd(skel->maps.ring),
							NULL, &storage);
	if (!err)
		err = perfring_reader_add(reader, storage);
	for (int burst = 0; err >= 0 && burst < BURSTS; burst++) {
		for (int i = 0; i < BURST; i++)
			tick(i);
		err = perfring_reader_consume(reader);
		got += err;
	}
	if (err >= 0) {
		printf("%4u KiB: %5d read, %5llu dropped\n", bytes / 1024, got,
		       (unsigned long long)skel->bss->dropped);
		err = skel->bss->dropped == 0;
	}
	perfring_reader_destroy(reader);
	ring_sizing__destroy(skel);
	return err;
}

int main(void)
{
	unsigned int bytes = getpagesize();
	int ret;

	while ((ret = try_size(bytes)) == 0)
		bytes *= 2;
	if (ret > 0)
		printf("%d records of 64 bytes between two reads: %u KiB are enough\n",
		       BURST, bytes / 1024);
	return ret < 0;
}
