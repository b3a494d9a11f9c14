// SPDX-License-Identifier: MIT
/* A burst that is larger than the ring: drop what comes last, or thin out what is common.
 */
#include <perfring/perfring.h>
#include <stdio.h>
#include "backpressure.skel.h"
#include "tick.h"

#define BURST 8000

static int burst(bool thin_out)
{
	struct backpressure *skel = backpressure__open();
	struct perfring_reader *reader = NULL;
	struct perfring_storage *storage;
	int err = skel ? 0 : -1;

	if (!err) {
		skel->rodata->thin_out = thin_out;
		err = backpressure__load(skel);
	}
	if (!err)
		err = backpressure__attach(skel);
	if (!err)
		err = perfring_reader_create(NULL, &reader);
	if (!err)
		err = perfring_storage_open_bpf_ringbuf(bpf_map__fd(skel->maps.ring),
							NULL, &storage);
	if (!err)
		err = perfring_reader_add(reader, storage);
	if (err >= 0) {
		for (int i = 0; i < BURST; i++)
			tick(i);
		err = perfring_reader_consume(reader);
	}
	if (err >= 0)
		printf("%s: %d read, %llu thinned out, dropped %llu common and %llu rare\n",
		       thin_out ? "thinning out" : "as they come", err,
		       (unsigned long long)skel->bss->thinned,
		       (unsigned long long)skel->bss->dropped,
		       (unsigned long long)skel->bss->dropped_rare);
	perfring_reader_destroy(reader);
	backpressure__destroy(skel);
	return err;
}

int main(void)
{
	printf("%d ticks, every 100th rare, a ring for 1023:\n", BURST);
	return burst(false) < 0 || burst(true) < 0;
}
