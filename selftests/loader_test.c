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

/* 20 times there and back, each with a ring that was used. */
TEST_F_TIMEOUT(loader, rounds, 60)
{
	struct raw raw;
	int i, fd;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, module_load(""));
		fd = device_open(0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, raw_map(&raw, fd, 4, 0));
		ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
		EXPECT_EQ(0, emit(fd, PERF_RECORD_SAMPLE, 0, NULL, 100, 10, NULL));
		EXPECT_NE(0, raw_head(&raw));
		raw_unmap(&raw);
		close(fd);
		/* The ring is freed after a grace period, which unloading waits for. */
		ASSERT_EQ(0, module_unload());
	}
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
