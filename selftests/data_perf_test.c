// SPDX-License-Identifier: GPL-2.0
/* perf.data files of perf(1) itself, to a file and to a pipe: we read what perf script shows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fixtures.h"

/* perf needs its time to start where all is emulated. */
#define SECONDS	120

FIXTURE(perf) {
};

FIXTURE_SETUP(perf)
{
	if (geteuid())
		SKIP(return, "uid %d: not root", geteuid());
	if (system("perf --version >/dev/null 2>&1"))
		SKIP(return, "no perf(1)");
}

FIXTURE_TEARDOWN(perf)
{
}

/* perf's own file: as many samples as perf script shows, with the same times and places. */
static void read_perf(struct __test_metadata *_metadata, const char *write, const char *show)
{
	char path[64], command[512], line[512];
	struct perfring_data_event event;
	struct perfring_record record;
	struct perfring_sample sample;
	struct perfring_event any;
	struct perfring_error error;
	struct perfring_data *data;
	unsigned int nr = 0, shown = 0, which;
	uint64_t s, ns, ip, sum = 0, sum_shown = 0;
	FILE *pipe;
	int fd, ret;

	strcpy(path, "/tmp/perfring-data.XXXXXX");
	fd = mkstemp(path);
	ASSERT_LE(0, fd);
	close(fd);
	snprintf(command, sizeof(command), write, path);
	ASSERT_EQ(0, system(command));
	ASSERT_EQ(0, perfring_data_open(path, &data, &error)) {
		TH_LOG("%s at %" PRIu64, error.reason, error.position);
	}
	while ((ret = perfring_data_next(data, &record, &error)) > 0) {
		if (record.type >= 64)
			continue;
		which = perfring_data_event_of(data, &record);
		ASSERT_EQ(0, perfring_data_event(data, which, &event));
		ASSERT_EQ(0, perfring_decode(event.format, &record, &any, &error)) {
			TH_LOG("type %u of %u at %" PRIu64 ": %s", record.type, record.size,
			       record.position, error.reason);
		}
		if (record.type != PERF_RECORD_SAMPLE)
			continue;
		sample = any.u.sample;
		nr++;
		sum += sample.time + sample.ip * 3;
	}
	EXPECT_EQ(0, ret) {
		TH_LOG("%s at %" PRIu64, error.reason, error.position);
	}
	ASSERT_EQ(0, perfring_data_event(data, 0, &event));
	perfring_data_free(data);
	snprintf(command, sizeof(command), show, path);
	pipe = popen(command, "r");
	ASSERT_NE(NULL, pipe);
	while (fgets(line, sizeof(line), pipe)) {
		ASSERT_EQ(3, sscanf(line, " %" SCNu64 ".%" SCNu64 ": %" SCNx64, &s, &ns, &ip)) {
			TH_LOG("%s", line);
		}
		sum_shown += s * 1000000000 + ns + ip * 3;
		shown++;
	}
	pclose(pipe);
	unlink(path);
	EXPECT_LT(2, nr);
	EXPECT_EQ(shown, nr);
	EXPECT_EQ(PERF_SHOWS(sum_shown), PERF_SHOWS(sum));
}

#define RECORD	"perf record -B -N --no-bpf-event "
#define WORK	"sh -c 'i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done'"
#define EVENTS	"cpu-clock/period=500000/,faults/period=10/,cs/period=1/"
#define SHOW	"perf script --ns -F time,ip 2>/dev/null -i "

/* Three events, each with ids on all CPUs. */
TEST_F_TIMEOUT(perf, file, SECONDS)
{
	read_perf(_metadata, RECORD "-a -d -e " EVENTS " -o %s -- " WORK " >/dev/null 2>&1", SHOW "%s");
}

/* One event, whose records carry no id, and features before the records. */
TEST_F_TIMEOUT(perf, pipe, SECONDS)
{
	read_perf(_metadata, RECORD "-e cpu-clock -c 100000 -o - -- " WORK " 2>/dev/null >%s",
		  SHOW "- <%s");
}

TEST_HARNESS_MAIN
