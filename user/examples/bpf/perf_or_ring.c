// SPDX-License-Identifier: MIT
/* The same records through a perf event array and a BPF ring buffer: memory and order. */
#include <perfring/perfring.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "perf_or_ring.skel.h"
#include "tick.h"

#define TICKS	2000	/* of each of two threads */
#define PAGES	32

static struct order { /* ns; back: the longest step to an earlier time */
	unsigned long long last, back, records;
} seen[2];

/* One callback for both: the payload of a perf sample follows its u32 size. */
static int look(void *context, unsigned int index, const struct perfring_record *record)
{
	struct order *order = context;
	unsigned long long time;

	(void)index;
	memcpy(&time, (const char *)record->data + (record->type == PERFRING_RECORD_BPF ? 8 : 12),
	       sizeof(time));
	if (time < order->last && order->last - time > order->back)
		order->back = order->last - time;
	order->last = time;
	order->records++;
	return 0;
}

static void *load(void *start)
{
	pthread_barrier_wait(start);
	for (int i = 0; i < TICKS; i++)
		tick(i);
	return NULL;
}

int main(void)
{
	struct perf_or_ring *skel = perf_or_ring__open_and_load();
	struct perfring_bpf_array_opts array = { .size = sizeof(array), .pages = PAGES };
	struct perfring_reader_opts opts = { sizeof(opts), look, NULL, NULL, &seen[0], 0, 0 };
	struct perfring_reader *reader[2] = { NULL };
	struct perfring_storage *storage = NULL;
	int err = skel ? 0 : -1, cpus = 0, page = getpagesize();
	pthread_barrier_t start;
	pthread_t thread;

	pthread_barrier_init(&start, NULL, 2);
	for (int i = 0; !err && i < 2; i++, opts.context = &seen[1])
		err = perfring_reader_create(&opts, &reader[i]);
	err = err ? err : perfring_reader_add_bpf_array(reader[0], bpf_map__fd(skel->maps.array),
							NULL, &array);
	cpus = err;
	if (err > 0)
		err = perfring_storage_open_bpf_ringbuf(bpf_map__fd(skel->maps.ring), NULL,
							&storage);
	err = err ? err : perfring_reader_add(reader[1], storage);
	err = err ? err : perf_or_ring__attach(skel);
	err = err ? err : -pthread_create(&thread, NULL, load, &start);
	if (!err) {
		load(&start);
		pthread_join(thread, NULL);
	}
	for (int i = 0; err >= 0 && i < 2; i++)
		err = perfring_reader_flush(reader[i]);
	for (int i = 0; err >= 0 && i < 2; i++)
		printf("%s: %d KiB, %llu records, at most %llu us back in time\n",
		       i ? "BPF ring buffer" : "perf event array",
		       (i ? 256 * 1024 + 2 * page : cpus * (1 + PAGES) * page) / 1024,
		       seen[i].records, seen[i].back / 1000);
	perfring_reader_destroy(reader[0]);
	perfring_reader_destroy(reader[1]);
	perf_or_ring__destroy(skel);
	return err < 0;
}
