// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>

/* Sample this program's own work every millisecond, read the first twenty records. */
int main(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000, .exclude_kernel = 1,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID,
	};
	struct perfring_storage *storage;
	struct perfring_reader *reader = NULL;
	struct perfring_record record;
	int err, seen = 0;

	err = perfring_reader_create(NULL, &reader);
	if (!err)
		err = perfring_storage_open_perf(&attr, 0, -1, NULL, &storage);
	if (!err)
		err = perfring_reader_add(reader, storage);
	while (err >= 0 && seen < 20)
		if ((err = perfring_reader_next(reader, &record, NULL)) > 0)
			printf("record %2d: type %u, %u bytes\n", ++seen, record.type, record.size);
	if (err < 0)
		printf("failed: %s\n", perfring_strerror(err));
	perfring_reader_destroy(reader);	/* closes the storage as well */
	return err < 0;
}
