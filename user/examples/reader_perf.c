// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>
#include <sys/prctl.h>

struct totals {
	unsigned long long names, lost;
};

static int on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	struct totals *totals = context;

	(void)index;
	totals->names += record->type == PERF_RECORD_COMM;
	return 0;
}

static void on_lost(void *context, unsigned int index, uint64_t lost)
{
	struct totals *totals = context;

	totals->lost += lost;
	printf("ring %u lost %llu\n", index, (unsigned long long)lost);
}

/* A perf ring of one page that wakes at half of it; each new name of the task is a record. */
int main(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY,
		.comm = 1, .exclude_kernel = 1,
	};
	struct totals totals = { 0 };
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = on_record, .lost = on_lost, .context = &totals,
	};
	struct perfring_perf_opts perf = { .size = sizeof(perf), .pages = 1, .watermark = 2048 };
	struct perfring_storage *storage = NULL;
	struct perfring_reader *reader = NULL;
	const int names[] = { 100, 200, 1 };
	int err;

	err = perfring_reader_create(&opts, &reader);
	if (!err)
		err = perfring_storage_open_perf(&attr, 0, -1, &perf, &storage);
	if (!err) {
		err = perfring_reader_add(reader, storage);
		if (err < 0)
			perfring_storage_close(storage);
	}
	/* The first round fits, of the second some are lost, which the third one tells. */
	for (int round = 0; round < 3 && err >= 0; round++) {
		for (int i = 0; i < names[round]; i++)
			prctl(PR_SET_NAME, i % 2 ? "odd" : "even");
		err = perfring_reader_poll(reader, 1000);
	}
	printf("%llu names seen, %llu lost, of 301\n", totals.names, totals.lost);
	if (err < 0)
		fprintf(stderr, "reader_perf: %s\n", perfring_strerror(err));
	perfring_reader_destroy(reader);	/* and its storages */
	return err < 0;
}
