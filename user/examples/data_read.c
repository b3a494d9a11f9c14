// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>

/* How many records of which type a perf.data file has, and of which events. */
int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "perf.data";
	unsigned int samples = 0, others = 0, strange = 0;
	struct perfring_error error;
	struct perfring_record record;
	struct perfring_event event;
	struct perfring_data_event of;
	struct perfring_data *data;
	int which, ret = perfring_data_open(path, &data, &error);

	if (ret) {
		printf("%s: %s\n", path, error.reason ? error.reason : perfring_strerror(ret));
		return argc > 1;
	}
	for (unsigned int i = 0; !perfring_data_event(data, i, &of); i++)
		printf("event %u: %s, %zu ids\n", i, of.name ? of.name : "?", of.nr_ids);
	while ((ret = perfring_data_next(data, &record, &error)) > 0) {
		which = perfring_data_event_of(data, &record);
		if (which < 0) {
			others++;	/* of the file, not of an event */
			continue;
		}
		perfring_data_event(data, (unsigned int)which, &of);
		if (perfring_decode(of.format, &record, &event, &error))
			strange++;
		else if (event.kind == PERFRING_EVENT_SAMPLE)
			samples++;
		else
			others++;
	}
	if (ret < 0)
		printf("at byte %llu: %s\n", (unsigned long long)error.position, error.reason);
	printf("%u samples, %u other records, %u that cannot be decoded\n", samples, others,
	       strange);
	perfring_data_free(data);
	return ret < 0;
}
