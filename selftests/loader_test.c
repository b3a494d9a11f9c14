// SPDX-License-Identifier: GPL-2.0
/*
 * The module comes and goes, through libkmod.  Needs PERFRING_MODULE and root.
 * Each test leaves the module loaded with its defaults.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

FIXTURE(loader) {
	int fd;
};

FIXTURE_SETUP(loader)
{
	if (!getenv("PERFRING_MODULE"))
		SKIP(return, "PERFRING_MODULE is not set: no module to load");
	if (geteuid())
		SKIP(return, "uid %d: no permission to load modules", geteuid());
	self->fd = -1;
	if (module_loaded())
		ASSERT_EQ(0, module_unload());
}

FIXTURE_TEARDOWN(loader)
{
	if (self->fd >= 0)
		close(self->fd);
	if (module_loaded())
		module_unload();
	module_load("");
}

/* A refused parameter leaves nothing behind. */
TEST_F(loader, bad_parameters)
{
	static const char *const bad[] = {
		"mode=0777", "mode=abc", "mode=", "mode=-1", "mode=0667",
		"max_pages=0", "max_pages=262145", "max_pages=-1", "max_pages=x",
		"max_rate=0", "max_rate=100001", "max_rate=1k",
		"syscall_slots=31", "syscall_slots=1048577",
		"mode=0600 max_rate=0",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		EXPECT_EQ(-EINVAL, module_load(bad[i])) {
			TH_LOG("%s", bad[i]);
		}
		EXPECT_FALSE(module_loaded());
		EXPECT_NE(0, access("/dev/perfring0", F_OK));
	}
}

/* Good ones can be read back, and do what they say. */
TEST_F(loader, good_parameters)
{
	struct perf_event_attr attr = output_attr();
	struct stat st;
	struct raw raw;
	char buf[32];

	ASSERT_EQ(0, module_load("mode=0640 max_pages=4 max_rate=50"));
	ASSERT_LT(0, file_read("/sys/module/perfring/parameters/mode", buf, sizeof(buf)));
	EXPECT_STREQ("0640", buf);
	EXPECT_EQ(4, file_long("/sys/module/perfring/parameters/max_pages", -1));
	EXPECT_EQ(50, file_long("/sys/module/perfring/parameters/max_rate", -1));
	ASSERT_EQ(0, stat("/dev/perfring0", &st));
	EXPECT_EQ(0640, st.st_mode & 0777);
	EXPECT_TRUE(S_ISCHR(st.st_mode));

	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(-ENOMEM, raw_map(&raw, self->fd, 8, 0));
	EXPECT_EQ(0, raw_map(&raw, self->fd, 4, 0));
	raw_unmap(&raw);
	close(self->fd);
	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 51;
	self->fd = device_open(0);
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	attr.config1 = 50;
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
}

/* A device for each possible CPU, with what sysfs says of it and of the PMU. */
TEST_F(loader, devices)
{
	static const char *const formats[][2] = {
		{ "source", "config:0-7" }, { "rate", "config1:0-31" },
		{ "burst", "config1:32-47" }, { "min_size", "config2:0-15" },
		{ "max_size", "config2:16-31" }, { "pid", "config1:0-31" },
		{ "nr", "config2:0-31" }, { "by_nr", "config2:32" },
		{ "symbol", "config1:0-63" }, { "offset", "config2:0-31" },
	};
	char path[128], buf[64];
	unsigned int i;
	int cpu;

	ASSERT_EQ(0, module_load(""));
	for (cpu = 0; cpu < sysconf(_SC_NPROCESSORS_CONF); cpu++) {
		snprintf(path, sizeof(path), "/dev/perfring%d", cpu);
		EXPECT_EQ(0, access(path, R_OK | W_OK));
		EXPECT_EQ(0, device_counter(cpu, "attempted"));
		EXPECT_EQ(0, device_counter(cpu, "events"));
	}
	EXPECT_LT(0, pmu_type());
	for (i = 0; i < ARRAY_LEN(formats); i++) {
		snprintf(path, sizeof(path), "/sys/bus/event_source/devices/perfring/format/%s",
			 formats[i][0]);
		ASSERT_LT(0, file_read(path, buf, sizeof(buf)));
		EXPECT_STREQ(formats[i][1], buf);
	}
}

TEST_F(loader, twice)
{
	ASSERT_EQ(0, module_load(""));
	EXPECT_EQ(-EEXIST, module_load(""));
	EXPECT_TRUE(module_loaded());
}

/* Busy while a descriptor or a mapping is there: the mapping holds it alone as well. */
TEST_F(loader, unload_busy)
{
	struct raw raw;
	int fd;

	ASSERT_EQ(0, module_load(""));
	fd = device_open(0);
	ASSERT_LE(0, fd);
	EXPECT_GT(0, module_unload());
	ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
	EXPECT_GT(0, module_unload());
	close(fd);
	EXPECT_GT(0, module_unload());
	EXPECT_EQ(1, raw.page->compat_version + 1);
	raw_unmap(&raw);
	EXPECT_EQ(0, module_unload());
	EXPECT_FALSE(module_loaded());
	EXPECT_NE(0, access("/dev/perfring0", F_OK));
}

/* What somebody has of the kernel's memory, and how much more is a leak. */
enum { OBJECTS, AREAS, KBYTES, MEMORIES };

static const struct {
	const char *name;
	unsigned int noise;
	unsigned int four_rounds;
} memories[] = {
	/* What the module has once is a leak in 200 rounds, what a ring has in ten. */
	{ "objects of kmalloc and kernfs", 100, 1 },
	{ "areas of vmalloc", 0, 4 },
	/* Half of the largest ring, where pages are smallest. */
	{ "KiB of memory", 0, 4 * 512 },
};

#define RINGS		32
#define RING_PAGES	256

static void memory_now(uint64_t now[MEMORIES])
{
	FILE *slabs = NULL, *areas = fopen("/proc/vmallocinfo", "r");
	FILE *all = fopen("/proc/meminfo", "r");
	unsigned long long n, available = 0;
	char line[512];

	memset(now, 0, MEMORIES * sizeof(*now));
	/* KASAN keeps what was freed for a while; then kmemleak is there to look. */
	if (access("/sys/kernel/debug/kmemleak", F_OK))
		slabs = fopen("/proc/slabinfo", "r");
	while (slabs && fgets(line, sizeof(line), slabs))
		if (sscanf(line, "kmalloc%*s %llu", &n) == 1 ||
		    sscanf(line, "kernfs_node_cache %llu", &n) == 1)
			now[OBJECTS] += n;
	while (areas && fgets(line, sizeof(line), areas))
		now[AREAS] += !strstr(line, "unpurged");
	while (all && fgets(line, sizeof(line), all))
		if (sscanf(line, "MemAvailable: %llu", &n) == 1)
			available = n;
	/* That more of it is used, as with the others. */
	now[KBYTES] = (1ULL << 40) - available;
	if (slabs)
		fclose(slabs);
	if (areas)
		fclose(areas);
	if (all)
		fclose(all);
}

/* There and back, with rings of which one was used. */
static void round_trip(struct __test_metadata *_metadata)
{
	static const char *const there[] = {
		"/dev/perfring0", "/sys/class/perfring", "/sys/module/perfring",
		"/sys/bus/event_source/devices/perfring",
	};
	struct raw raw[RINGS];
	unsigned int i;

	ASSERT_EQ(0, module_load(""));
	for (i = 0; i < RINGS; i++) {
		ASSERT_EQ(0, raw_map(&raw[i], device_open(0), i ? 0 : RING_PAGES, 0));
		ASSERT_EQ(0, do_ioctl(raw[i].fd, PERF_EVENT_IOC_ENABLE, NULL));
	}
	EXPECT_EQ(0, emit(raw[0].fd, PERF_RECORD_SAMPLE, 0, NULL, 100, 10, NULL));
	EXPECT_NE(0, raw_head(&raw[0]));
	for (i = 0; i < ARRAY_LEN(there); i++) {
		EXPECT_EQ(0, access(there[i], F_OK));
	}
	for (i = 0; i < RINGS; i++) {
		raw_unmap(&raw[i]);
		close(raw[i].fd);
	}
	/* The rings are freed after a grace period, which unloading waits for. */
	ASSERT_EQ(0, module_unload());
	for (i = 0; i < ARRAY_LEN(there); i++) {
		EXPECT_NE(0, access(there[i], F_OK)) {
			TH_LOG("%s", there[i]);
		}
	}
}

/*
 * Ten times there and back, or PERFRING_LOADER_ROUNDS=. What leaks does so each time;
 * others need memory now and then, so that one of a few attempts without more is enough.
 */
TEST_F_TIMEOUT(loader, rounds, DAY)
{
	uint64_t rounds = from_environment("PERFRING_LOADER_ROUNDS", 10), i;
	uint64_t before[MEMORIES], after[MEMORIES];
	int attempt, memory, grown = 1;

	for (i = 0; i < 3; i++)
		round_trip(_metadata);
	for (attempt = 0; attempt < 4 && grown; attempt++) {
		memory_now(before);
		for (i = 0; i < rounds; i++) {
			round_trip(_metadata);
			if (i % 20 == 19)
				TH_LOG("%llu rounds", (unsigned long long)i + 1);
		}
		memory_now(after);
		grown = 0;
		for (memory = 0; memory < MEMORIES; memory++) {
			int64_t more = after[memory] - before[memory];

			TH_LOG("%llu rounds: %lld more %s", (unsigned long long)rounds,
			       (long long)more, memories[memory].name);
			grown += more >= (int64_t)(memories[memory].noise +
						   rounds * memories[memory].four_rounds / 4);
		}
	}
	EXPECT_EQ(0, grown);
}

static void *writer(void *arg)
{
	uint64_t end = now_ns() + 500000000ULL;
	int fd = *(int *)arg;

	while (now_ns() < end)
		emit(fd, 77, 0, NULL, 64, 1000, NULL);
	return NULL;
}

/* While a generator and two threads write it is refused, and right after it works. */
TEST_F(loader, unload_under_load)
{
	struct perf_event_attr attr = output_attr();
	int fd[2], i, refused = 0;
	pthread_t thread[2];
	struct raw raw[2];

	ASSERT_EQ(0, module_load(""));
	for (i = 0; i < 2; i++) {
		fd[i] = device_open(0);
		ASSERT_LE(0, fd[i]);
	}
	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 1000;
	ASSERT_EQ(0, do_ioctl(fd[1], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, raw_map(&raw[i], fd[i], 4, i ? 0 : PROT_READ));
		ASSERT_EQ(0, do_ioctl(fd[i], PERF_EVENT_IOC_ENABLE, NULL));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, writer, &fd[0]));
	}
	for (i = 0; i < 20; i++) {
		refused += module_unload() < 0;
		sleep_ms(10);
	}
	EXPECT_EQ(20, refused);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	/* Still writing: the generator. */
	for (i = 0; i < 2; i++) {
		close(fd[i]);
		raw_unmap(&raw[i]);
	}
	EXPECT_EQ(0, module_unload());
}

int main(int argc, char **argv)
{
	if (!getenv("PERFRING_MODULE"))
		ksft_exit_skip("PERFRING_MODULE is not set: no module to load\n");
	return test_harness_run(argc, argv);
}
