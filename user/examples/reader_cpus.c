// SPDX-License-Identifier: MIT
#define _GNU_SOURCE 1
#include <perfring/perfring.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

static int on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	unsigned int *records = context;

	if (record->type == PERF_RECORD_COMM)
		records[index]++;
	return 0;
}

/* A ring for each CPU that is online, and a record in each: this task goes there for it. */
int main(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY,
		.comm = 1, .exclude_kernel = 1,
	};
	unsigned int records[1024] = { 0 }, right = 0, online = 0;
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = on_record, .context = records,
	};
	struct perfring_cpus_opts cpus = { .size = sizeof(cpus), .pages = 1, .pid = getpid() };
	struct perfring_reader *reader = NULL;
	int err, rings = 0;

	err = perfring_reader_create(&opts, &reader);
	if (!err)	/* there may be gaps: an index is not a CPU */
		err = perfring_reader_add_cpus(reader, PERFRING_BACKEND_PERF, &attr, &cpus);
	rings = err;
	for (int i = 0; i < rings; i++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(perfring_reader_cpu(reader, i), &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			continue; /* offline; perf gives a task's event a ring there as well */
		prctl(PR_SET_NAME, "traveller");
		online++;
	}
	if (err > 0)
		err = perfring_reader_flush(reader);
	for (int i = 0; i < rings; i++)
		right += records[i] == 1;
	printf("%s\n", online && right == online ?
	       "one record in the ring of each CPU" : "not the same everywhere");
	if (err < 0)
		fprintf(stderr, "reader_cpus: %s\n", perfring_strerror(err));
	perfring_reader_destroy(reader);
	return err < 0;
}
