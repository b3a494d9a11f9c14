// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>
#include <unistd.h>

/* Sample this program into a file that perf report reads. */
int main(int argc, char **argv)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
			       PERF_SAMPLE_PERIOD,
		.sample_period = 1000000, .sample_id_all = 1, .exclude_kernel = 1,
		.mmap = 1, .mmap2 = 1, .comm = 1, .task = 1,
	};
	const char *path = argc > 1 ? argv[1] : "/dev/null";
	struct perfring_data_writer *writer = NULL;
	struct perfring_reader *reader = NULL;
	struct perfring_storage *storage;
	struct perfring_record record;
	int samples = 0, err = perfring_reader_create(NULL, &reader), last;
	uint64_t id;

	if (!err)
		err = perfring_data_create(path, NULL, &writer);
	if (!err)
		err = perfring_storage_open_perf(&attr, 0, -1, NULL, &storage);
	if (!err)
		err = perfring_reader_add(reader, storage);
	if (!err)
		err = perfring_storage_id(storage, &id);
	if (!err)
		err = perfring_data_add_event(writer, &attr, "cpu-clock");
	if (!err)
		err = perfring_data_add_id(writer, 0, id);
	if (!err)
		err = perfring_data_start(writer);
	if (!err)
		err = perfring_data_synthesize(writer, getpid());
	while (err >= 0 && samples < 5) {
		err = perfring_reader_next(reader, &record, NULL);
		if (err > 0) {
			samples += record.type == PERF_RECORD_SAMPLE;
			err = perfring_data_write(writer, &record);
		}
	}
	last = perfring_data_close(writer);
	err = err < 0 ? err : last;
	if (err)
		fprintf(stderr, "data_write: %s\n", perfring_strerror(err));
	else
		printf("%d samples in %s\n", samples, path);
	perfring_reader_destroy(reader);
	return err < 0;
}
