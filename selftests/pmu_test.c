// SPDX-License-Identifier: GPL-2.0
/* The counters of the PMU perfring, through perf_event_open(2) and through perf. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define PMU	"/sys/bus/event_source/devices/perfring/"

static const struct {
	const char *name;
	uint64_t id;
} counters[] = {
	{ "attempted", PERFRING_COUNTER_ATTEMPTED },
	{ "written", PERFRING_COUNTER_WRITTEN },
	{ "lost", PERFRING_COUNTER_LOST },
	{ "lost_full", PERFRING_COUNTER_LOST_FULL },
	{ "lost_paused", PERFRING_COUNTER_LOST_PAUSED },
	{ "rejected", PERFRING_COUNTER_REJECTED },
	{ "discarded", PERFRING_COUNTER_DISCARDED },
	{ "bytes", PERFRING_COUNTER_BYTES },
	{ "lost_records", PERFRING_COUNTER_LOST_RECORDS },
	{ "wakeups", PERFRING_COUNTER_WAKEUPS },
	{ "wakeup_events", PERFRING_COUNTER_WAKEUP_EVENTS },
	{ "wakeup_watermark", PERFRING_COUNTER_WAKEUP_WATERMARK },
	{ "wakeup_forced", PERFRING_COUNTER_WAKEUP_FORCED },
	{ "wakeup_none", PERFRING_COUNTER_WAKEUP_NONE },
};

#define NR	ARRAY_LEN(counters)

static struct perf_event_attr counter_attr(uint64_t id)
{
	return (struct perf_event_attr) {
		.type = pmu_type(),
		.size = sizeof(struct perf_event_attr),
		.config = id << 8,
	};
}

static int counter_open(uint64_t id, int cpu)
{
	struct perf_event_attr attr = counter_attr(id);

	return perf_open(&attr, -1, cpu, -1);
}

static uint64_t counter_read(int fd)
{
	uint64_t value;

	return read(fd, &value, sizeof(value)) == sizeof(value) ? value : UINT64_MAX;
}

/* Each name in events/ says its number in format/; the kernel counts on every CPU. */
TEST(names)
{
	char path[128], buf[64], want[64];
	unsigned int i;

	EXPECT_EQ(PERFRING_COUNTER_MAX - 1, NR);
	for (i = 0; i < NR; i++) {
		snprintf(path, sizeof(path), PMU "events/%s", counters[i].name);
		ASSERT_LT(0, file_read(path, buf, sizeof(buf)));
		snprintf(want, sizeof(want), "counter=%u", (unsigned int)counters[i].id);
		EXPECT_STREQ(want, buf);
	}
	ASSERT_LT(0, file_read(PMU "format/counter", buf, sizeof(buf)));
	EXPECT_STREQ("config:8-15", buf);
	ASSERT_LT(0, file_read(PMU "events/bytes.unit", buf, sizeof(buf)));
	EXPECT_STREQ("B", buf);
	ASSERT_LT(0, file_read(PMU "events/bytes.scale", buf, sizeof(buf)));
	EXPECT_STREQ("1", buf);
	/* With a cpumask perf would take the PMU for one that counts for other CPUs, too. */
	EXPECT_NE(0, access(PMU "cpumask", F_OK));
}

/* perf's own answers where it has one, the documented ones where it has none. */
TEST(refused)
{
	static const struct {
		const char *what;
		uint64_t config, config1, config2, period;
		bool exclude;
		int pid, cpu, ret;
	} table[] = {
		{ "no counter", 0, .pid = -1, .ret = -EINVAL },
		{ "one too many", PERFRING_COUNTER_MAX << 8, .pid = -1, .ret = -EINVAL },
		{ "the last", 255 << 8, .pid = -1, .ret = -EINVAL },
		{ "beyond the field", 1 << 16 | 1 << 8, .pid = -1, .ret = -EINVAL },
		{ "the highest bit", 1ULL << 63 | 1 << 8, .pid = -1, .ret = -EINVAL },
		{ "config1", 1 << 8, .config1 = 1, .pid = -1, .ret = -EINVAL },
		{ "config2", 1 << 8, .config2 = 1, .pid = -1, .ret = -EINVAL },
		{ "a source", PERFRING_SOURCE_SCHED_SWITCH, .pid = -1, .ret = -EOPNOTSUPP },
		{ "both", PERFRING_SOURCE_SCHED_SWITCH | 1 << 8, .pid = -1, .ret = -EOPNOTSUPP },
		{ "sampling", 1 << 8, .period = 1, .pid = -1, .ret = -EOPNOTSUPP },
		{ "exclude_kernel", 1 << 8, .exclude = true, .pid = -1, .ret = -EINVAL },
		{ "a task", 1 << 8, .pid = 0, .cpu = -1, .ret = -EINVAL },
		{ "a task on a CPU", 1 << 8, .pid = 0, .ret = -EINVAL },
		{ "no CPU", 1 << 8, .pid = -1, .cpu = -1, .ret = -EINVAL },
		{ "no such CPU", 1 << 8, .pid = -1, .cpu = 100000, .ret = -EINVAL },
		{ "good", 1 << 8, .pid = -1, .ret = 0 },
	};
	struct perf_event_attr attr;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		attr = counter_attr(0);
		attr.config = table[i].config;
		attr.config1 = table[i].config1;
		attr.config2 = table[i].config2;
		attr.sample_period = table[i].period;
		attr.exclude_kernel = table[i].exclude;
		fd = perf_open(&attr, table[i].pid, table[i].cpu, -1);
		EXPECT_EQ(table[i].ret, fd < 0 ? fd : 0) {
			TH_LOG("%s", table[i].what);
		}
		if (fd >= 0)
			close(fd);
	}
}

FIXTURE(pmu) {
	int fd;			/* /dev/perfring0, a page, enabled */
	struct raw raw;
	char dir[32];		/* for perf's output */
	char out[64];
};

FIXTURE_SETUP(pmu)
{
	snprintf(self->dir, sizeof(self->dir), "/tmp/pmu_test.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->out, sizeof(self->out), "%s/out", self->dir);
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
}

FIXTURE_TEARDOWN(pmu)
{
	raw_unmap(&self->raw);
	close(self->fd);
	unlink(self->out);
	rmdir(self->dir);
}

/* All of @samples, 4 bytes of payload each: 8 (header) + 4 (size) + 4. */
#define SAMPLE	16

static int emit_samples(int fd, unsigned int samples)
{
	return emit(fd, PERF_RECORD_SAMPLE, 0, NULL, 4, samples, NULL);
}

/*
 * All counters as one group, read at once.  A page of 4096 holds 255
 * records of 16: 45 more find no room.  With room again one more comes after a LOST
 * record; 7 meet a pause, one is too long; one more comes after a second LOST
 * record.  Each sample written is a wakeup.  Of two other records one forces it, and
 * a third is given up.
 */
TEST_F(pmu, group)
{
	const uint64_t want[NR] = {
		[PERFRING_COUNTER_ATTEMPTED - 1] = FIT(16) + 45 + 1 + 7 + 1 + 1 + 3,
		[PERFRING_COUNTER_WRITTEN - 1] = FIT(16) + 2 + 2,
		[PERFRING_COUNTER_LOST - 1] = 45 + 7,
		[PERFRING_COUNTER_LOST_FULL - 1] = 45,
		[PERFRING_COUNTER_LOST_PAUSED - 1] = 7,
		[PERFRING_COUNTER_REJECTED - 1] = 1,
		[PERFRING_COUNTER_DISCARDED - 1] = 1,
		[PERFRING_COUNTER_BYTES - 1] = (FIT(16) + 2 + 2) * SAMPLE,
		[PERFRING_COUNTER_LOST_RECORDS - 1] = 2,
		[PERFRING_COUNTER_WAKEUPS - 1] = FIT(16) + 2 + 1,
		[PERFRING_COUNTER_WAKEUP_EVENTS - 1] = FIT(16) + 2,
		[PERFRING_COUNTER_WAKEUP_FORCED - 1] = 1,
		[PERFRING_COUNTER_WAKEUP_NONE - 1] = 1,
	};
	struct perfring_reserve reserve = {
		.size = sizeof(reserve), .type = 77, .len = 24,
	};
	struct perfring_release release = { .size = sizeof(release) };
	struct perfring_emit_record record = { .type = 77, .len = 8 };
	struct perfring_emit forced = {
		.size = sizeof(forced), .flags = PERFRING_EMIT_FORCE_WAKEUP, .nr = 1,
	};
	struct perf_event_attr attr;
	uint64_t value[1 + NR];
	int fd[NR], i;

	for (i = 0; i < (int)NR; i++) {
		attr = counter_attr(counters[i].id);
		attr.read_format = PERF_FORMAT_GROUP;
		attr.disabled = !i;
		fd[i] = perf_open(&attr, -1, 0, i ? fd[0] : -1);
		ASSERT_LE(0, fd[i]);
	}
	/* Before it is enabled nothing counts. */
	ASSERT_EQ(0, emit_samples(self->fd, 5));
	raw_drop(&self->raw);
	ASSERT_EQ(0, do_ioctl(fd[0], PERF_EVENT_IOC_ENABLE, NULL));

	EXPECT_EQ(0, emit_samples(self->fd, FIT(16) + 45));
	raw_drop(&self->raw);
	EXPECT_EQ(0, emit_samples(self->fd, 1));
	EXPECT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
	EXPECT_EQ(0, emit_samples(self->fd, 7));
	EXPECT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0));
	EXPECT_EQ(-E2BIG, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 65536, 1, NULL));
	EXPECT_EQ(0, emit_samples(self->fd, 1));
	raw_drop(&self->raw);
	EXPECT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 1, NULL));
	forced.records = (uintptr_t)&record;
	EXPECT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_EMIT, &forced));
	EXPECT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_RESERVE, &reserve));
	EXPECT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_DISCARD, &release));
	/* The event goes, what the device counted stays. */
	raw_unmap(&self->raw);

	ASSERT_EQ(sizeof(value), read(fd[0], value, sizeof(value)));
	EXPECT_EQ(NR, value[0]);
	for (i = 0; i < (int)NR; i++) {
		EXPECT_EQ(want[i], value[1 + i]) {
			TH_LOG("%s", counters[i].name);
		}
	}
	/* And after it is disabled. */
	ASSERT_EQ(0, do_ioctl(fd[0], PERF_EVENT_IOC_DISABLE, NULL));
	emit_samples(self->fd, 3);
	ASSERT_EQ(sizeof(value), read(fd[0], value, sizeof(value)));
	EXPECT_EQ(want[0], value[1]);
	for (i = 0; i < (int)NR; i++)
		close(fd[i]);
}

/* Stopped and started, reset, and two that count the same from different times on. */
TEST_F(pmu, from_when_it_starts)
{
	int early = counter_open(PERFRING_COUNTER_WRITTEN, 0), late;

	ASSERT_LE(0, early);
	EXPECT_EQ(0, emit_samples(self->fd, 10));
	late = counter_open(PERFRING_COUNTER_WRITTEN, 0);
	ASSERT_LE(0, late);
	EXPECT_EQ(0, emit_samples(self->fd, 20));
	EXPECT_EQ(30, counter_read(early));
	EXPECT_EQ(20, counter_read(late));
	ASSERT_EQ(0, do_ioctl(late, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(0, emit_samples(self->fd, 40));
	EXPECT_EQ(20, counter_read(late));
	ASSERT_EQ(0, do_ioctl(late, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(0, emit_samples(self->fd, 80));
	EXPECT_EQ(100, counter_read(late));
	ASSERT_EQ(0, do_ioctl(late, PERF_EVENT_IOC_RESET, NULL));
	EXPECT_EQ(0, counter_read(late));
	EXPECT_EQ(150, counter_read(early));
	close(early);
	close(late);
}

/* The count of CPU 1 knows nothing of CPU 0, whoever reads and writes where. */
TEST_F(pmu, each_cpu_its_own)
{
	int cpu = second_cpu(), there, here, fd;
	struct raw raw;

	if (cpu < 0)
		SKIP(return, "one CPU");
	here = counter_open(PERFRING_COUNTER_BYTES, 0);
	there = counter_open(PERFRING_COUNTER_BYTES, cpu);
	fd = device_open(cpu);
	ASSERT_LE(0, here);
	ASSERT_LE(0, there);
	ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, pin_to(0));
	EXPECT_EQ(0, emit_samples(fd, 3));
	EXPECT_EQ(0, emit_samples(self->fd, 2));
	ASSERT_EQ(0, pin_to(cpu));
	EXPECT_EQ(0, emit_samples(fd, 3));
	EXPECT_EQ(0, emit_samples(self->fd, 2));
	EXPECT_EQ(4 * SAMPLE, counter_read(here));
	EXPECT_EQ(6 * SAMPLE, counter_read(there));
	raw_unmap(&raw);
	close(fd);
	close(here);
	close(there);
}

/* A counter keeps the module loaded, as a device does, and lets it go again. */
TEST(module_is_busy)
{
	int fd;

	if (!getenv("PERFRING_MODULE"))
		SKIP(return, "PERFRING_MODULE is not set: no module to load again");
	fd = counter_open(PERFRING_COUNTER_WRITTEN, 0);
	ASSERT_LE(0, fd);
	EXPECT_GT(0, module_unload());
	close(fd);
	/* perf frees an event after a grace period. */
	ASSERT_EQ(0, within_ms(5000, module_unload));
	EXPECT_EQ(-ENOENT, pmu_type());
	EXPECT_EQ(0, module_load(""));
}

/* A CPU goes with its counter open: perf stops it, and what it had counted stays. */
TEST(cpu_goes_offline)
{
	int cpu = second_cpu(), fd, dev;
	struct raw raw;

	if (cpu < 0)
		SKIP(return, "one CPU");
	if (access("/sys/devices/system/cpu/cpu1/online", W_OK))
		SKIP(return, "/sys/devices/system/cpu/cpu1/online: %s", strerror(errno));
	fd = counter_open(PERFRING_COUNTER_WRITTEN, cpu);
	dev = device_open(cpu);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, raw_map(&raw, dev, 1, 0));
	ASSERT_EQ(0, do_ioctl(dev, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(0, emit_samples(dev, 3));
	ASSERT_EQ(0, cpu_set_online(cpu, false));
	EXPECT_EQ(3, counter_read(fd));
	EXPECT_EQ(-ENODEV, counter_open(PERFRING_COUNTER_WRITTEN, cpu));
	ASSERT_EQ(0, cpu_set_online(cpu, true));
	close(fd);
	fd = counter_open(PERFRING_COUNTER_WRITTEN, cpu);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, emit_samples(dev, 4));
	EXPECT_EQ(4, counter_read(fd));
	raw_unmap(&raw);
	close(dev);
	close(fd);
}

/*
 * perf stat with @options while a shell runs @script, whose descriptor 9 is
 * /dev/perfring0.  Its CSV lines go to self->out.  perf's status.
 */
static int perf_stat(FIXTURE_DATA(pmu) *self, const char *options, const char *script)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "exec 9>&%d; LC_ALL=C perf stat -x, -o %s %s -- sh -c '%s'", self->fd, self->out,
		 options, script);
	if (fcntl(self->fd, F_SETFD, 0))
		return -1;
	return system(command);
}

/* Sum of the values in @out's CSV lines that name @event and begin with @prefix, -1 for none. */
static int64_t perf_value(const char *out, const char *prefix, const char *event,
			  unsigned int column, unsigned int *lines)
{
	FILE *file = fopen(out, "r");
	char line[256], *at;
	int64_t sum = -1;
	unsigned int i;

	*lines = 0;
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, prefix, strlen(prefix)) || !strstr(line, event))
			continue;
		for (at = line, i = 0; at && i < column; i++)
			at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL;
		if (!at)
			continue;
		sum = (sum < 0 ? 0 : sum) + strtoll(at, NULL, 10);
		++*lines;
	}
	if (file)
		fclose(file);
	return sum;
}

static bool perf_here(void)
{
	return !system("perf --version >/dev/null 2>&1");
}

/* perf list knows them all. */
TEST(perf_list)
{
	char line[256], word[64];
	bool seen[NR] = { false };
	unsigned int i;
	FILE *list;

	if (!perf_here())
		SKIP(return, "perf: not installed");
	list = popen("perf list --no-desc pmu 2>/dev/null </dev/null", "r");
	ASSERT_NE(NULL, list);
	while (fgets(line, sizeof(line), list)) {
		for (i = 0; i < NR; i++) {
			snprintf(word, sizeof(word), "perfring/%s/", counters[i].name);
			seen[i] |= !!strstr(line, word);
		}
	}
	pclose(list);
	for (i = 0; i < NR; i++) {
		EXPECT_TRUE(seen[i]) {
			TH_LOG("%s", counters[i].name);
		}
	}
}

/* printf(1) of a shell is one write(2): a sample of 8 + 4 + 5 bytes, padded to 24. */
#define HELLO	"printf hello >&9"

#define GROUP	" -e \"{perfring/written/,perfring/wakeups/}\""

/* Three records of 24 bytes, as single events and as a group, with the unit of bytes. */
TEST_F_TIMEOUT(pmu, perf_stat, 100)
{
	char text[1024];
	unsigned int lines;

	if (!perf_here())
		SKIP(return, "perf: not installed");
	ASSERT_EQ(0, perf_stat(self, "-C 0 -e perfring/attempted/,perfring/bytes/" GROUP,
			       HELLO "; " HELLO "; " HELLO));
	EXPECT_EQ(3, perf_value(self->out, "", "perfring/attempted/", 0, &lines));
	EXPECT_EQ(3 * 24, perf_value(self->out, "", "perfring/bytes/", 0, &lines));
	EXPECT_EQ(3, perf_value(self->out, "", "perfring/written/", 0, &lines));
	EXPECT_EQ(3, perf_value(self->out, "", "perfring/wakeups/", 0, &lines));
	EXPECT_EQ(1, lines);
	ASSERT_LT(0, file_read(self->out, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "72,B,perfring/bytes/"));
}

/* All CPUs, told apart: what was written into /dev/perfring0 is CPU 0's. */
TEST_F_TIMEOUT(pmu, perf_stat_all_cpus, 100)
{
	unsigned int lines, cpu;
	char prefix[16];

	if (!perf_here())
		SKIP(return, "perf: not installed");
	ASSERT_EQ(0, perf_stat(self, "-a -A -e perfring/written/", HELLO "; " HELLO));
	EXPECT_EQ(2, perf_value(self->out, "", "perfring/written/", 1, &lines));
	EXPECT_EQ((unsigned int)cpu_count_online(), lines);
	for (cpu = 0; cpu < lines; cpu++) {
		snprintf(prefix, sizeof(prefix), "CPU%u,", cpu);
		EXPECT_EQ(cpu ? 0 : 2, perf_value(self->out, prefix, "perfring/written/", 1,
						  &(unsigned int) { 0 }));
	}
}

/* With -I, each interval has its part. */
TEST_F_TIMEOUT(pmu, perf_stat_intervals, 100)
{
	unsigned int lines;

	if (!perf_here())
		SKIP(return, "perf: not installed");
	ASSERT_EQ(0, perf_stat(self, "-I 100 -C 0 -e perfring/written/",
			       HELLO "; sleep 0.5; " HELLO "; " HELLO "; sleep 0.5"));
	EXPECT_EQ(3, perf_value(self->out, "", "perfring/written/", 1, &lines));
	EXPECT_LE(2, lines);
}

#define REFUSED	"-e perfring/source=2/,perfring/counter=99/ -e perfring/counter=2,rate=1/"

/* perf asks for what the PMU cannot do, and says so instead of counting nothing. */
TEST_F_TIMEOUT(pmu, perf_refused, 100)
{
	char text[1024], *at;
	int refused = 0;

	if (!perf_here())
		SKIP(return, "perf: not installed");
	/* A source, a counter that is none, one with more than it takes, and a good one. */
	ASSERT_EQ(0, perf_stat(self, "-C 0 " REFUSED " -e perfring/counter=2/", "true"));
	ASSERT_LT(0, file_read(self->out, text, sizeof(text)));
	for (at = text; (at = strstr(at, "<not supported>")); at++)
		refused++;
	EXPECT_EQ(3, refused) {
		TH_LOG("%s", text);
	}
	EXPECT_NE(0, system("perf record -C 0 -e perfring/written/ -o /dev/null true 2>/dev/null"));
}

DEVICE_MAIN
