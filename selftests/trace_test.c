// SPDX-License-Identifier: GPL-2.0
/* The tracepoint perfring:perfring_emit, through perf_event_open(2) and through perf. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define EVENT	"/sys/kernel/tracing/events/perfring/perfring_emit/"

/* As the format file has it; position() looks where each one is. */
struct emitted {
	uint64_t id, position;
	uint32_t cpu, type, size;
	int32_t ret;
};

static const struct {
	const char *name;
	unsigned int at, size;
} fields[] = {
#define FIELD(type, name) { type " " #name ";", offsetof(struct emitted, name), \
			    sizeof(((struct emitted *)0)->name) }
	FIELD("u64", id), FIELD("u64", position), FIELD("u32", cpu), FIELD("u32", type),
	FIELD("u32", size), FIELD("int", ret),
};

FIXTURE(trace) {
	int fd;			/* /dev/perfring0 */
	uint64_t id;
	struct raw raw;		/* its ring, when mapped */
	int perf;		/* the tracepoint on CPU 0 */
	struct raw samples;
	unsigned int offset[ARRAY_LEN(fields)];
	char dir[32];
	char data[64];
};

FIXTURE_SETUP(trace)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr),
		.sample_type = PERF_SAMPLE_RAW, .sample_period = 1, .wakeup_events = 1,
		.read_format = PERF_FORMAT_LOST,
	};
	char why[WHY_LEN], format[4096], *at;
	unsigned int i, size;
	long id;

	self->perf = -1;
	self->fd = -1;
	snprintf(self->dir, sizeof(self->dir), "/tmp/trace_test.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->data, sizeof(self->data), "%s/data", self->dir);
	if (!tracefs_here(why, sizeof(why)))
		SKIP(return, "%s", why);
	id = file_long(EVENT "id", -1);
	ASSERT_LT(0, id);
	ASSERT_LT(0, file_read(EVENT "format", format, sizeof(format)));
	for (i = 0; i < ARRAY_LEN(fields); i++) {
		at = strstr(format, fields[i].name);
		ASSERT_NE(NULL, at) {
			TH_LOG("%s", fields[i].name);
		}
		ASSERT_EQ(2, sscanf(strstr(at, "offset:"), "offset:%u; size:%u;",
				    &self->offset[i], &size));
		ASSERT_EQ(fields[i].size, size);
	}
	attr.config = id;
	self->perf = perf_open(&attr, -1, 0, -1);
	ASSERT_LE(0, self->perf);
	ASSERT_EQ(0, raw_map(&self->samples, self->perf, 256, 0));
	ASSERT_EQ(0, pin_to(0));
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ID, &self->id));
}

FIXTURE_TEARDOWN(trace)
{
	raw_unmap(&self->raw);
	raw_unmap(&self->samples);
	close(self->fd);
	close(self->perf);
	unlink(self->data);
	rmdir(self->dir);
}

/* Samples that found no room, also those that no LOST record has told of yet. */
static uint64_t lost(FIXTURE_DATA(trace) *self)
{
	uint64_t words[2];	/* the count, and these */

	return read(self->perf, words, sizeof(words)) == sizeof(words) ? words[1] : ~0ULL;
}

/* The next sample, whose fields lie where the format file says; false when there is none. */
static bool next_emitted(FIXTURE_DATA(trace) *self, struct emitted *emitted)
{
	static uint64_t buf[8192];
	struct perf_event_header *header = (void *)buf;
	unsigned int i;

	while (raw_next(&self->samples, buf) > 0) {
		if (header->type != PERF_RECORD_SAMPLE)
			continue;
		for (i = 0; i < ARRAY_LEN(fields); i++)
			memcpy((char *)emitted + fields[i].at,
			       (char *)buf + sizeof(*header) + sizeof(uint32_t) + self->offset[i],
			       fields[i].size);
		return true;
	}
	return false;
}

/*
 * One attempt of each kind, each told once, with what became of it.  Records of 4
 * bytes of payload take 8 + 4 + 4 = 16; a page holds 4095.
 */
TEST_F(trace, every_attempt)
{
	struct perfring_reserve reserve = {
		.size = sizeof(reserve), .type = PERF_RECORD_SAMPLE, .len = 12,
	};
	struct perfring_release release = { .size = sizeof(release) };
	const unsigned int fit = (PAGE - 1 - 104) / 16;
	struct emitted got;
	unsigned int i;

#define EXPECT_EMITTED(type_, size_, position_, ret_)				\
	do {									\
		ASSERT_TRUE(next_emitted(self, &got));				\
		EXPECT_EQ(self->id, got.id);					\
		EXPECT_EQ(0, got.cpu);						\
		EXPECT_EQ(type_, got.type);					\
		EXPECT_EQ(size_, got.size);					\
		EXPECT_EQ(position_, got.position);				\
		EXPECT_EQ(ret_, got.ret);					\
	} while (0)

	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	/* No ring: never laid out. */
	EXPECT_EQ(0, emit(self->fd, 77, 0, NULL, 4, 1, NULL));
	EXPECT_EMITTED(77, 0, 0, -ENOSPC);

	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	EXPECT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 4, 3, NULL));
	for (i = 0; i < 3; i++)
		EXPECT_EMITTED(PERF_RECORD_SAMPLE, 16, 16 * i, 0);
	/* Header and payload. */
	EXPECT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 1, NULL));
	EXPECT_EMITTED(77, 16, 48, 0);

	/* A pause; what comes then stands behind a LOST record of 24. */
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
	EXPECT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 4, 1, NULL));
	EXPECT_EMITTED(PERF_RECORD_SAMPLE, 16, 0, -ENOSPC);
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0));
	EXPECT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 4, 1, NULL));
	EXPECT_EMITTED(PERF_RECORD_SAMPLE, 16, 64 + 24, 0);

	/* Too long before it was laid out, and after: 8 + (4 + 65528 padded to 8). */
	EXPECT_EQ(-E2BIG, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 65536, 1, NULL));
	EXPECT_EMITTED(PERF_RECORD_SAMPLE, 0, 0, -E2BIG);
	EXPECT_EQ(-E2BIG, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 65528, 1, NULL));
	EXPECT_EMITTED(PERF_RECORD_SAMPLE, 8 + 65536, 0, -E2BIG);

	/* 104 bytes are used; of 4096 another 3991 are left, for 249. */
	EXPECT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 4, fit + 51, NULL));
	for (i = 0; i < fit + 51; i++)
		EXPECT_EMITTED(PERF_RECORD_SAMPLE, 16, i < fit ? 104 + 16 * i : 0,
			       i < fit ? 0 : -ENOSPC);

	/* Held, told when it ends; taken back, and then the same again for good. */
	raw_drop(&self->raw);
	ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_RESERVE, &reserve));
	EXPECT_FALSE(next_emitted(self, &got));
	ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_DISCARD, &release));
	EXPECT_EMITTED(PERF_RECORD_SAMPLE, 24, 104 + fit * 16 + 24, -ECANCELED);
	ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_RESERVE, &reserve));
	ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_COMMIT, &release));
	EXPECT_EMITTED(PERF_RECORD_SAMPLE, 24, 104 + fit * 16 + 24, 0);
	EXPECT_FALSE(next_emitted(self, &got));
	EXPECT_EQ(0, lost(self));
}

/* From a timer's interrupt: as many as the event has attempted, each behind the one before. */
TEST_F(trace, from_hardirq)
{
	struct perf_event_attr attr = output_attr();
	uint64_t n = 0, end = now_ns() + 10000000000ULL, next = 0;
	struct perfring_stats stats;
	struct emitted got;

	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 500 | 4ULL << 32;	/* four each, 500 times a second */
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 4, PROT_READ));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	do {
		sleep_ms(10);
		ASSERT_EQ(0, device_stats(self->fd, &stats));
	} while (stats.attempted < 100 && now_ns() < end);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_LE(100, stats.attempted);
	while (next_emitted(self, &got)) {
		EXPECT_EQ(next, got.position);
		next += got.size;
		n++;
	}
	EXPECT_EQ(stats.attempted, n + lost(self));
}

/*
 * Under the scheduler's locks, where each sample wakes a reader, whose switch makes
 * the next one: it goes on and on, but comes to an end when it is told to.
 */
TEST_F(trace, from_the_scheduler)
{
	struct perf_event_attr attr = output_attr();
	uint64_t n = 0, end;
	struct perfring_stats stats;
	struct emitted got;

	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_SCHED_SWITCH;
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 4, PROT_READ));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	end = now_ns() + 300000000ULL;
	do {
		if (poll_events(self->perf, 100) > 0) {
			while (next_emitted(self, &got)) {
				EXPECT_EQ(self->id, got.id);
				n++;
			}
		}
	} while (now_ns() < end);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	while (next_emitted(self, &got))
		n++;
	EXPECT_LT(0, n);
	EXPECT_EQ(stats.attempted, n + lost(self));
}

/* A perf event on the tracepoint keeps the module loaded. */
TEST_F(trace, module_is_busy)
{
	close(self->fd);
	self->fd = -1;
	EXPECT_GT(0, module_unload());
	if (!getenv("PERFRING_MODULE"))
		SKIP(return, "PERFRING_MODULE is not set: no module to load again");
	raw_unmap(&self->samples);
	close(self->perf);
	self->perf = -1;
	ASSERT_EQ(0, within_ms(5000, module_unload));
	EXPECT_NE(0, access(EVENT "id", F_OK));
	EXPECT_EQ(0, module_load(""));
}

#define RECORD	"perf record -q -C 0 -e perfring:perfring_emit"
#define HELLOS	"sh -c 'for i in 1 2 3; do printf hello >&9; done'"

/* perf record and perf script: three writes of a shell are three samples of 8 + 4 + 5, padded. */
TEST_F_TIMEOUT(trace, perf_record, 100)
{
	char command[512], line[512], want[256];
	unsigned int n = 0;
	FILE *script;

	if (system("perf --version >/dev/null 2>&1"))
		SKIP(return, "perf: not installed");
	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, 0));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	snprintf(command, sizeof(command), "exec 9>&%d; " RECORD " -o %s -- " HELLOS " 2>&1",
		 self->fd, self->data);
	ASSERT_EQ(0, system(command));
	snprintf(command, sizeof(command), "perf script -i %s -F event,trace 2>&1", self->data);
	script = popen(command, "r");
	ASSERT_NE(NULL, script);
	while (fgets(line, sizeof(line), script)) {
		if (!strstr(line, "perfring:perfring_emit:"))
			continue;
		snprintf(want, sizeof(want), "cpu=0 id=%llu type=9 size=24 position=%u ret=0",
			 (unsigned long long)self->id, 24 * n++);
		EXPECT_NE(NULL, strstr(line, want)) {
			TH_LOG("%s", line);
		}
	}
	pclose(script);
	EXPECT_EQ(3, n);
}

DEVICE_MAIN
