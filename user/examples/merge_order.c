// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>

/* What happens at a time, on one of two CPUs. */
static int event(struct perfring_reader *reader, unsigned int ring, uint64_t time, const char *what)
{
	struct perfring_sample_id id = { .time = time };
	char text[12];

	snprintf(text, sizeof(text), "%s", what);
	perfring_write_set_id(perfring_reader_ring(reader, ring), &id);
	return perfring_write(perfring_reader_ring(reader, ring), PERF_RECORD_SAMPLE, 0, text,
			      sizeof(text));
}

static int show(struct perfring_merge *merge)
{
	struct perfring_record record;
	unsigned int ring;
	int ret;

	/* header 8 bytes, time 8, size of what follows 4 */
	while ((ret = perfring_merge_next(merge, &record, &ring)) > 0)
		printf("%3llu  CPU %u  %s\n", (unsigned long long)perfring_merge_time(merge), ring,
		       (const char *)record.data + 20);
	return ret;
}

/* Two rings, in one of which an interrupt came between reading the clock and writing. */
int main(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
	};
	struct perfring_memory_opts memory = { .size = sizeof(memory), .attr = &attr };
	struct perfring_merge_stats stats = { .size = sizeof(stats) };
	struct perfring_storage *storage;
	struct perfring_reader *reader = NULL;
	struct perfring_merge *merge = NULL;
	int err = perfring_reader_create(NULL, &reader);

	for (int cpu = 0; !err && cpu < 2; cpu++) {
		err = perfring_storage_open_memory(&memory, &storage);
		if (!err)
			err = perfring_reader_add(reader, storage) < 0;
	}
	if (!err)
		err = perfring_merge_create(reader, NULL, &merge);
	if (!err)	/* or rings of perf and devices: perfring_reader_add_cpus() */
		err = perfring_merge_add_all(merge, NULL);
	if (err > 0) {
		event(reader, 0, 10, "starts");
		event(reader, 0, 31, "interrupt");	/* written inside of the next one */
		event(reader, 0, 30, "interrupted");
		event(reader, 1, 20, "in between");
		event(reader, 1, 31, "tie");
		err = show(merge);
	}
	if (!err) {
		event(reader, 1, 15, "too late");
		err = show(merge);
	}
	if (!err) {
		perfring_merge_stats(merge, &stats);
		printf("%llu records, %llu late, %llu out of order in their ring\n",
		       (unsigned long long)stats.delivered, (unsigned long long)stats.late,
		       (unsigned long long)stats.inverted);
	}
	if (err < 0)
		fprintf(stderr, "merge_order: %s\n", perfring_strerror(err));
	perfring_merge_destroy(merge);
	perfring_reader_destroy(reader);
	return err != 0;
}
