// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>
#include <string.h>

/* Pack two records by hand, as the kernel would, and take them apart again. */
int main(void)
{
	struct perf_event_attr attr = {
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
		.sample_id_all = 1,
	};
	struct perfring_sample sample = {
		.pid = 7, .tid = 8, .time = 100, .raw = "hello", .raw_size = 5,
	};
	struct perfring_sample_id who = { .pid = 7, .tid = 8, .time = 101 };
	uint32_t task[2] = { 7, 8 };
	struct perfring_format *format;
	struct perfring_record record = { .type = PERF_RECORD_SAMPLE };
	struct perfring_event event;
	struct perfring_error error;
	uint64_t room[16] = { 0 };
	int size;

	if (perfring_format_compile(&attr, &format))
		return 1;
	size = perfring_encode_sample(format, PERF_RECORD_MISC_USER, &sample, room, sizeof(room));
	record.data = room;
	record.size = (uint32_t)size;
	if (!perfring_decode(format, &record, &event, NULL))
		printf("sample of %u: %s, %u bytes with what pads them\n", event.u.sample.tid,
		       (const char *)event.u.sample.raw, event.u.sample.raw_size);

	/* PERF_RECORD_COMM: pid, tid, a name, and the sample_id. */
	memcpy(room + 1, task, sizeof(task));
	memcpy(room + 2, "a name\0", 8);
	size = 24 + perfring_encode_id(format, &who, room + 3);
	record.type = PERF_RECORD_COMM;
	record.size = (uint32_t)size;
	if (!perfring_decode(format, &record, &event, NULL))
		printf("task %u is called '%s', at %llu\n", event.u.comm.tid, event.u.comm.comm,
		       (unsigned long long)event.id.time);

	/* A name without an end. */
	memcpy(room + 2, "no name!", 8);
	if (perfring_decode(format, &record, &event, &error))
		printf("at byte %llu of %u: %s\n", (unsigned long long)error.offset, error.size,
		       error.reason);
	perfring_format_free(format);
	return 0;
}
