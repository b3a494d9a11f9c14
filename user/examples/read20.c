// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>

/* Sample this program's own work every millisecond; show the first five samples. */
int main(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_PERIOD,
		.sample_period = 1000000, .exclude_kernel = 1,
	};
	struct perfring_storage *storage;
	struct perfring_reader *reader = NULL;
	struct perfring_format *format = NULL;
	struct perfring_record record;
	struct perfring_sample sample;
	int seen = 0, err = perfring_format_compile(&attr, &format);

	if (!err)
		err = perfring_reader_create(NULL, &reader);
	if (!err)	/* or _open_device("/dev/perfring0", ...), _memory, _image */
		err = perfring_storage_open_perf(&attr, 0, -1, NULL, &storage);
	if (!err)
		err = perfring_reader_add(reader, storage);
	while (err >= 0 && seen < 5) {
		err = perfring_reader_next(reader, &record, NULL);
		if (err <= 0)
			continue;	/* busily, so that there is something to sample */
		err = perfring_decode_sample(format, &record, &sample, NULL);
		if (err >= 0)
			printf("sample %d: %u bytes, period %llu, %s\n", ++seen, record.size,
			       (unsigned long long)sample.period, sample.ip ? "in user code" : "?");
	}
	if (err < 0)
		fprintf(stderr, "read20: %s\n", perfring_strerror(err));
	perfring_reader_destroy(reader);	/* and the storage with it */
	perfring_format_free(format);
	return err < 0;
}
