// SPDX-License-Identifier: GPL-2.0
/*
 * Events on targets where the kernel answers what it does not answer here: PMUs that this machine
 * does not have, groups that they cannot hold, counters that are lost. The linker gives the
 * library's calls to the functions below (--wrap); each event that is opened is a dummy.
 */
#include <sys/ioctl.h>
#include "event_world.h"
#include "events_kit.h"
#include "wrap.h"

#define OPENS	8

/* What perf_event_open(2) was asked, and the errnos it gives one after the other, 0: it opens. */
static struct {
	struct perf_event_attr attr;
	int cpu, group;
} asked[OPENS];
static int answers[OPENS];
static unsigned int opens;
static bool made_up;
static int ioctl_error;		/* of the next one */
static unsigned int ioctls;
static int words_read = -1;	/* read(2) of an event: so many words of @words, */
static uint64_t words[16];
static int read_error;		/* or this errno */

DECLARE(long, syscall, (long nr, long a, long b, long c, long d, long e));
DECLARE(int, ioctl, (int fd, unsigned long request, long argument));
DECLARE(ssize_t, read, (int fd, void *to, size_t len));

long __wrap_syscall(long nr, long a, long b, long c, long d, long e)
{
	struct perf_event_attr dummy = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .exclude_kernel = 1,
		.size = sizeof(dummy), .disabled = 1,
	};

	if (nr != SYS_perf_event_open || !made_up)
		return __real_syscall(nr, a, b, c, d, e);
	if (opens < OPENS) {
		asked[opens].attr = *(struct perf_event_attr *)a;
		asked[opens].cpu = (int)c;
		asked[opens].group = (int)d;
		errno = answers[opens++];
		if (errno)
			return -1;
	}
	return __real_syscall(nr, (long)&dummy, 0, -1, -1, e);
}

int __wrap_ioctl(int fd, unsigned long request, long argument)
{
	int error = ioctl_error;

	ioctls++;
	ioctl_error = 0;
	errno = error;
	return error ? -1 : __real_ioctl(fd, request, argument);
}

ssize_t __wrap_read(int fd, void *to, size_t len)
{
	errno = read_error;
	if (read_error)
		return -1;
	if (words_read < 0)
		return __real_read(fd, to, len);
	memcpy(to, words, (size_t)words_read * 8);
	return words_read * 8;
}

static int open_files(void)
{
	int nr = 0;

	for (int fd = 0; fd < 1024; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr;
}

FIXTURE(answers) {
	char folder[64];
	char sysfs[96];
	struct perfring_event_opts parse;
	struct perfring_events_opts opts;
	struct perfring_event_specs *specs;
	struct perfring_events *events;
	struct perfring_events_failure failure;
	struct perfring_count_value value[4];
	pid_t pids[2];
};

FIXTURE_SETUP(answers)
{
	int fd = perf_open(&(struct perf_event_attr){
		.size = sizeof(struct perf_event_attr), .type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY, .exclude_kernel = 1 }, 0, -1, -1);

	if (fd < 0)
		SKIP(return, "perf_event_open: %s", strerror(-fd));
	close(fd);
	snprintf(self->folder, sizeof(self->folder), "/tmp/perfring-events-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->folder));
	ASSERT_TRUE(make_files(self->folder));
	snprintf(self->sysfs, sizeof(self->sysfs), "%s/sys", self->folder);
	self->parse.size = sizeof(self->parse);
	self->parse.sysfs = self->sysfs;
	self->opts.size = sizeof(self->opts);
	self->opts.failure = &self->failure;
	self->opts.pids = self->pids;
	self->opts.nr_pids = 1;
	made_up = true;
}

FIXTURE_TEARDOWN(answers)
{
	char line[128];

	words_read = -1;
	read_error = 0;
	perfring_events_close(self->events);
	perfring_event_specs_free(self->specs);
	snprintf(line, sizeof(line), "rm -rf %s", self->folder);
	EXPECT_EQ(0, system(line));
}

static int open_text(FIXTURE_DATA(answers) *self, const char *text)
{
	int err = perfring_event_parse(text, &self->parse, &self->specs, NULL);

	return err ? err : perfring_events_open(self->specs, &self->opts, &self->events);
}

/* P: the most precise that opens. */
TEST_F(answers, precise)
{
	const struct perfring_storage *storage;

	answers[0] = EOPNOTSUPP;
	answers[1] = EOPNOTSUPP;
	ASSERT_EQ(0, open_text(self, "cycles:P"));
	ASSERT_EQ(3, opens);
	for (unsigned int i = 0; i < 3; i++)
		EXPECT_EQ(3 - (int)i, (int)asked[i].attr.precise_ip);
	storage = perfring_events_storage(self->events, 0, 0);
	EXPECT_EQ(1, (int)perfring_storage_attr(storage)->precise_ip);
}

/* A weak group that the PMU has no room for: its events by themselves, the first one too. */
TEST_F(answers, weak_group)
{
	int files = open_files();

	answers[1] = EINVAL;
	ASSERT_EQ(0, open_text(self, "{cycles:u,instructions:u}:W"));
	ASSERT_EQ(4, opens);
	EXPECT_EQ(-1, asked[0].group);
	EXPECT_LE(0, asked[1].group);
	EXPECT_EQ(PERF_COUNT_HW_CPU_CYCLES, asked[2].attr.config);
	EXPECT_EQ(-1, asked[2].group);
	EXPECT_EQ(PERF_COUNT_HW_INSTRUCTIONS, asked[3].attr.config);
	EXPECT_EQ(-1, asked[3].group);
	/* Each is started by itself. */
	ioctls = 0;
	EXPECT_EQ(0, perfring_events_enable(self->events));
	EXPECT_EQ(2, ioctls);
	/* The first try of the first one is closed. */
	EXPECT_EQ(files + 2, open_files());
}

/* One that is not weak is refused, and it is told which. */
TEST_F(answers, strong_group)
{
	answers[1] = EINVAL;
	EXPECT_EQ(-EINVAL, open_text(self, "{cycles:u,instructions:u}"));
	EXPECT_EQ(2, opens);
	EXPECT_EQ(1, self->failure.index);
	EXPECT_EQ(-EINVAL, self->failure.error);
	EXPECT_EQ(NULL, self->events);
}

/* A PMU that says which CPUs it counts on is opened on those. */
TEST_F(answers, cpus_of_a_pmu)
{
	const unsigned int cpus[] = { 0, 3, 5 };

	ASSERT_TRUE(make_file(self->folder, "sys/bus/event_source/devices/uncore_imc_0/cpumask",
			      "1-3,7"));
	self->opts.pids = NULL;
	self->opts.nr_pids = 0;
	self->opts.cpus = cpus;
	self->opts.nr_cpus = ARRAY_LEN(cpus);
	ASSERT_EQ(0, open_text(self, "cycles,uncore_imc_0/event=1/"));
	ASSERT_EQ(3, perfring_events_targets(self->events));
	ASSERT_EQ(4, opens);
	for (size_t t = 0; t < 3; t++) {
		EXPECT_NE(NULL, perfring_events_storage(self->events, 0, t));
		EXPECT_EQ(cpus[t] == 3, !!perfring_events_storage(self->events, 1, t));
	}
	EXPECT_EQ(70, asked[2].attr.type);
	EXPECT_EQ(3, asked[2].cpu);
}

TEST_F(answers, cpus_that_are_none)
{
	ASSERT_TRUE(make_file(self->folder, "sys/bus/event_source/devices/uncore_imc_0/cpumask",
			      "none"));
	EXPECT_EQ(-ENODEV, open_text(self, "uncore_imc_0/event=1/"));
	EXPECT_EQ(0, opens);
}

/* Both tasks of a CPU write one ring. */
TEST_F(answers, tasks_share_a_ring)
{
	const unsigned int cpu = 0;

	made_up = false;
	self->pids[1] = getpid();
	self->opts.nr_pids = 2;
	self->opts.cpus = &cpu;
	self->opts.nr_cpus = 1;
	self->opts.pages = 1;
	self->opts.sampling = 1;
	ASSERT_EQ(0, open_text(self, "dummy:u"));
	EXPECT_EQ(2, perfring_events_targets(self->events));
	EXPECT_EQ(1, perfring_events_rings(self->events));
}

/* All of them are asked, and the first errno is told. */
TEST_F(answers, ioctl_fails)
{
	ASSERT_EQ(0, open_text(self, "dummy:u,dummy:u"));
	ioctl_error = EIO;
	ioctls = 0;
	EXPECT_EQ(-EIO, perfring_events_enable(self->events));
	EXPECT_EQ(2, ioctls);
	EXPECT_EQ(0, perfring_events_disable(self->events));
}

/* What read(2) says, of a group and of one event. */
TEST_F(answers, read)
{
	uint64_t id[3];

	ASSERT_EQ(0, open_text(self, "{dummy:u,dummy:u},dummy:u"));
	for (size_t i = 0; i < 3; i++)
		ASSERT_EQ(0, perfring_storage_id(perfring_events_storage(self->events, i, 0),
						 &id[i]));
	read_error = EIO;
	EXPECT_EQ(-EIO, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(-EIO, perfring_events_read_target(self->events, 0, self->value, 4));
	read_error = 0;
	/* nr, enabled, running, then a value and an id each: the last one is missing. */
	memcpy(words, (uint64_t[]){ 2, 600, 300, 10, id[0], 20, id[1] }, 7 * 8);
	words_read = 6;
	EXPECT_EQ(-EBADMSG, perfring_events_read(self->events, self->value, 4));
	/* Nothing: pinned, and its place is lost. */
	words_read = 0;
	ASSERT_EQ(3, perfring_events_read(self->events, self->value, 4));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(PERFRING_COUNT_ERROR, self->value[i].state);
		EXPECT_EQ(0, self->value[i].value);
	}
	EXPECT_EQ(-ERANGE, perfring_events_read_target(self->events, 1, self->value, 4));
	ASSERT_EQ(3, perfring_events_read_target(self->events, 0, self->value, 4));
	EXPECT_EQ(PERFRING_COUNT_ERROR, self->value[2].state);
}

/* Half of the time, thus twice as much; an id that is none of the group's is left out. */
TEST_F(answers, read_group)
{
	uint64_t id[2];

	ASSERT_EQ(0, open_text(self, "{dummy:u,dummy:u}"));
	for (size_t i = 0; i < 2; i++)
		ASSERT_EQ(0, perfring_storage_id(perfring_events_storage(self->events, i, 0),
						 &id[i]));
	memcpy(words, (uint64_t[]){ 2, 600, 300, 10, id[0], 20, id[1] }, 7 * 8);
	words_read = 7;
	ASSERT_EQ(2, perfring_events_read(self->events, self->value, 4));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(10ULL * (i + 1), self->value[i].value);
		EXPECT_EQ(20ULL * (i + 1), self->value[i].scaled);
		EXPECT_EQ(600, self->value[i].enabled);
		EXPECT_EQ(300, self->value[i].running);
		EXPECT_EQ(PERFRING_COUNTED, self->value[i].state);
	}
	/* Clocks have steps: what is short has run for no time, but has counted. */
	memcpy(words, (uint64_t[]){ 2, 0, 0, 10, id[0], 0, id[1] }, 7 * 8);
	ASSERT_EQ(2, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(PERFRING_COUNTED, self->value[0].state);
	EXPECT_EQ(10, self->value[0].value);
	EXPECT_EQ(10, self->value[0].scaled);
	EXPECT_EQ(PERFRING_COUNT_NONE, self->value[1].state);
	memcpy(words, (uint64_t[]){ 2, 600, 300, 10, id[0], 20, id[0] + id[1] }, 7 * 8);
	ASSERT_EQ(2, perfring_events_read(self->events, self->value, 4));
	EXPECT_EQ(10, self->value[0].value);
	EXPECT_EQ(PERFRING_COUNT_NONE, self->value[1].state);
}

/* Whose an id is; rows and columns that are not there. */
TEST_F(answers, whose)
{
	struct {
		struct perf_event_header header;
		uint64_t id;
	} sample = { .header = { PERF_RECORD_SAMPLE, 0, sizeof(sample) } };
	struct perfring_record record = {
		.data = &sample, .type = PERF_RECORD_SAMPLE, .size = sizeof(sample),
	};
	struct perfring_event event;
	size_t row = 9, target = 9;
	uint64_t id;
	pid_t pid;
	int cpu;

	self->pids[1] = getpid();
	self->opts.nr_pids = 2;
	ASSERT_EQ(0, open_text(self, "dummy:u,dummy:u,dummy:u"));
	ASSERT_EQ(0, perfring_storage_id(perfring_events_storage(self->events, 2, 1), &id));
	ASSERT_EQ(0, perfring_events_find(self->events, id, &row, &target));
	EXPECT_EQ(2, row);
	EXPECT_EQ(1, target);
	EXPECT_EQ(-ENOENT, perfring_events_find(self->events, UINT64_MAX, &row, &target));
	sample.id = UINT64_MAX;
	EXPECT_EQ(-ENOENT, perfring_events_decode(self->events, &record, &event, &row, NULL));
	EXPECT_EQ(NULL, perfring_events_storage(self->events, 3, 0));
	EXPECT_EQ(NULL, perfring_events_storage(self->events, 0, 2));
	EXPECT_EQ(-ERANGE, perfring_events_target(self->events, 2, &pid, &cpu));
	EXPECT_EQ(NULL, perfring_events_format(self->events, 3));
	EXPECT_EQ(NULL, perfring_events_ring(self->events, 0));
	EXPECT_EQ(-ERANGE, perfring_events_set_filter(self->events, 3, ""));
	EXPECT_EQ(-ERANGE, perfring_events_set_bpf(self->events, 3, 0));
}

TEST_HARNESS_MAIN
