// SPDX-License-Identifier: GPL-2.0
/*
 * What one user may have: max_events and max_memory, and what somebody without any
 * capability can do with a device that the administrator lets him open.  Needs
 * PERFRING_MODULE and root.
 *
 * A test switches the real and the effective uid, which takes the capabilities away,
 * and keeps root as the saved one, so that it can come back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define ALICE	65533
#define BOB	65532
#define PARANOID "/proc/sys/kernel/perf_event_paranoid"

static int become(uid_t uid)
{
	/* Root first: nobody else may become anybody. */
	if (setresuid(0, 0, 0) || setresuid(uid, uid, 0))
		return -errno;
	return 0;
}

FIXTURE(limits) {
	char paranoid[16];
	long kib;		/* of a page */
};

FIXTURE_SETUP(limits)
{
	if (!getenv("PERFRING_MODULE"))
		SKIP(return, "PERFRING_MODULE is not set: no module to load");
	if (geteuid())
		SKIP(return, "uid %d: no permission to load modules", geteuid());
	self->kib = sysconf(_SC_PAGESIZE) / 1024;
	ASSERT_LT(0, file_read(PARANOID, self->paranoid, sizeof(self->paranoid)));
	ASSERT_EQ(0, file_write(PARANOID, "2"));
	if (module_loaded())
		ASSERT_EQ(0, module_unload());
}

FIXTURE_TEARDOWN(limits)
{
	become(0);
	file_write(PARANOID, self->paranoid);
	within_ms(5000, module_unload);
	module_load("");
}

/* Refused with a message, and nothing is left behind. */
TEST_F(limits, bad_parameters)
{
	static const char *const bad[] = {
		"max_events=0", "max_events=-1", "max_events=2147483648", "max_events=",
		"max_memory=-1", "max_memory=2147483648", "max_memory=4k",
		"allow_inject=2", "allow_inject=maybe",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		EXPECT_EQ(-EINVAL, module_load(bad[i])) {
			TH_LOG("%s", bad[i]);
		}
		EXPECT_FALSE(module_loaded());
	}
	ASSERT_EQ(0, module_load("max_events=0x10 max_memory=0 allow_inject=Y"));
	EXPECT_EQ(16, file_long("/sys/module/perfring/parameters/max_events", -1));
	EXPECT_EQ(0, file_long("/sys/module/perfring/parameters/max_memory", -1));
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load(""));
	EXPECT_EQ(4096, file_long("/sys/module/perfring/parameters/max_events", -1));
}

/* Three for each user, on whatever CPU; descriptors that say the same event count once. */
TEST_F(limits, events_of_a_user)
{
	int cpu = second_cpu() < 0 ? 0 : second_cpu(), alice[3], bob[3], root[5], again, i;

	ASSERT_EQ(0, module_load("mode=0666 max_events=3"));
	ASSERT_EQ(0, become(ALICE));
	for (i = 0; i < 3; i++) {
		alice[i] = device_open(i & 1 ? cpu : 0);
		ASSERT_LE(0, alice[i]);
	}
	EXPECT_EQ(-EMFILE, device_open(0));
	EXPECT_EQ(-EMFILE, device_open(cpu));

	/* The same event under another number: one. And it goes with the last of them. */
	again = dup(alice[0]);
	ASSERT_LE(0, again);
	close(alice[0]);
	EXPECT_EQ(-EMFILE, device_open(0));
	close(again);
	alice[0] = device_open(0);
	ASSERT_LE(0, alice[0]);
	EXPECT_EQ(-EMFILE, device_open(0));

	/* Another user has three of his own; alice's remain alice's, whoever closes them. */
	ASSERT_EQ(0, become(BOB));
	for (i = 0; i < 3; i++) {
		bob[i] = device_open(0);
		ASSERT_LE(0, bob[i]);
	}
	EXPECT_EQ(-EMFILE, device_open(0));
	close(alice[1]);
	EXPECT_EQ(-EMFILE, device_open(0));
	ASSERT_EQ(0, become(ALICE));
	alice[1] = device_open(0);
	EXPECT_LE(0, alice[1]);
	EXPECT_EQ(-EMFILE, device_open(0));

	/* CAP_SYS_RESOURCE goes beyond. */
	ASSERT_EQ(0, become(0));
	for (i = 0; i < 5; i++) {
		root[i] = device_open(0);
		EXPECT_LE(0, root[i]);
		close(root[i]);
	}
	for (i = 0; i < 3; i++) {
		close(alice[i]);
		close(bob[i]);
	}
	ASSERT_EQ(0, become(ALICE));
	alice[0] = device_open(0);
	EXPECT_LE(0, alice[0]);
	close(alice[0]);
}

/* A child has the parent's event, not one more; a mapping keeps it after the last close. */
TEST_F(limits, events_after_fork_and_mmap)
{
	int fd, status, to_child[2];
	struct raw raw;
	pid_t child;
	char byte;

	ASSERT_EQ(0, module_load("mode=0666 max_events=1"));
	ASSERT_EQ(0, become(ALICE));
	fd = device_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(to_child));
	child = fork();
	if (!child) {
		close(to_child[1]);
		/* Until the parent says so, or is gone. */
		_exit(read(to_child[0], &byte, 1) == 1 ? -device_open(0) : 0);
	}
	ASSERT_LT(0, child);
	close(fd);
	EXPECT_EQ(-EMFILE, device_open(0));
	EXPECT_EQ(1, write(to_child[1], "x", 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(EMFILE, WEXITSTATUS(status));
	/* It was the child's alone, and went with it. */
	fd = device_open(0);
	ASSERT_LE(0, fd);

	ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
	close(fd);
	EXPECT_EQ(-EMFILE, device_open(0));
	raw_unmap(&raw);
	fd = device_open(0);
	EXPECT_LE(0, fd);
	close(fd);
	close(to_child[0]);
	close(to_child[1]);
}

/*
 * 16 pages for all rings of a user, the control page counted: 9 and 5 fit, and 9
 * twice do not. A second mapping of a ring is not another ring.
 */
TEST_F(limits, memory_of_a_user)
{
	struct raw first, same, second, other;
	char parameters[64];
	int fd, fd2, bob;

	snprintf(parameters, sizeof(parameters), "mode=0666 max_memory=%ld", 16 * self->kib);
	ASSERT_EQ(0, module_load(parameters));
	ASSERT_EQ(0, become(ALICE));
	fd = device_open(0);
	fd2 = device_open(0);
	ASSERT_LE(0, fd2);
	EXPECT_EQ(-ENOMEM, raw_map(&first, fd, 16, 0));
	ASSERT_EQ(0, raw_map(&first, fd, 8, 0));
	EXPECT_EQ(-ENOMEM, raw_map(&second, fd2, 8, 0));
	EXPECT_EQ(0, raw_map(&same, fd, 8, 0));
	ASSERT_EQ(0, raw_map(&second, fd2, 4, 0));
	raw_unmap(&first);
	raw_unmap(&second);
	/* The ring is still there. */
	EXPECT_EQ(-ENOMEM, raw_map(&second, fd2, 8, 0));

	ASSERT_EQ(0, become(BOB));
	bob = device_open(0);
	EXPECT_EQ(0, raw_map(&other, bob, 8, 0));
	/* Alice's event, but bob's mapping. */
	EXPECT_EQ(-ENOMEM, raw_map(&second, fd2, 8, 0));
	raw_unmap(&other);
	ASSERT_EQ(0, raw_map(&second, fd2, 8, 0));
	raw_unmap(&second);

	ASSERT_EQ(0, become(ALICE));
	raw_unmap(&same);
	EXPECT_EQ(0, raw_map(&second, fd2, 8, 0));
	raw_unmap(&second);
	ASSERT_EQ(0, become(0));
	EXPECT_EQ(0, raw_map(&first, fd, 32, 0));
	raw_unmap(&first);
	close(fd);
	close(fd2);
	close(bob);
}

/*
 * All generators of a CPU together have max_rate ticks a second: 600 of 1000 leave
 * room for 400, not for 500, until they end; another CPU has its own. A record at
 * each tick of the largest payload has 65,535 bytes: 1000 of them are 65.5 million
 * of the 64 Mi = 67.1 million bytes, so 24 more are just within, 25 are not.
 */
TEST_F(limits, generators_of_a_cpu)
{
	static const struct {
		unsigned int rate[2];
		unsigned int size[2];
		int error;
	} pair[] = {
		{ { 600, 500 }, { 16, 16 }, -EBUSY }, { { 600, 400 }, { 16, 16 }, 0 },
		{ { 500, 25 }, { 65535, 65535 }, 0 }, { { 1000, 24 }, { 65535, 65535 }, 0 },
		{ { 1000, 25 }, { 65535, 65535 }, -EBUSY },
	};
	struct perf_event_attr attr = output_attr();
	int fd[2], cpu = second_cpu(), k;
	unsigned int i;

	/* The second number is that of the last pairs: ticks are no limit there. */
	for (i = 0; i < ARRAY_LEN(pair); i++) {
		ASSERT_EQ(0, module_load(i < 2 ? "max_rate=1000" : ""));
		attr.type = pmu_type();
		attr.config = PERFRING_SOURCE_GENERATOR;
		for (k = 0; k < 2; k++) {
			fd[k] = device_open(0);
			ASSERT_LE(0, fd[k]);
			attr.config1 = pair[i].rate[k];
			attr.config2 = pair[i].size[k];
			ASSERT_EQ(0, do_ioctl(fd[k], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
		}
		EXPECT_EQ(0, do_ioctl(fd[0], PERF_EVENT_IOC_ENABLE, NULL));
		EXPECT_EQ(pair[i].error, do_ioctl(fd[1], PERF_EVENT_IOC_ENABLE, NULL)) {
			TH_LOG("%u and %u ticks of %u bytes", pair[i].rate[0], pair[i].rate[1],
			       pair[i].size[0]);
		}
		if (pair[i].error && cpu >= 0) {
			int there = device_open(cpu);

			ASSERT_LE(0, there);
			ASSERT_EQ(0, do_ioctl(there, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
			EXPECT_EQ(0, do_ioctl(there, PERF_EVENT_IOC_ENABLE, NULL));
			close(there);
		}
		EXPECT_EQ(0, do_ioctl(fd[0], PERF_EVENT_IOC_DISABLE, NULL));
		EXPECT_EQ(0, do_ioctl(fd[1], PERF_EVENT_IOC_ENABLE, NULL));
		close(fd[0]);
		close(fd[1]);
		ASSERT_EQ(0, module_unload());
	}
}

/* A REFRESH that could not start the source leaves nothing of its samples. */
TEST_F(limits, refused_refresh)
{
	static const unsigned int rate[2] = { 600, 500 };
	struct perf_event_attr attr = output_attr();
	struct perfring_stats stats;
	int fd[2], k;

	ASSERT_EQ(0, module_load("max_rate=1000"));
	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config2 = 16;
	for (k = 0; k < 2; k++) {
		fd[k] = device_open(0);
		ASSERT_LE(0, fd[k]);
		attr.config1 = rate[k];
		ASSERT_EQ(0, do_ioctl(fd[k], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	}
	EXPECT_EQ(0, do_ioctl(fd[0], PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(-EBUSY, do_ioctl_word(fd[1], PERF_EVENT_IOC_REFRESH, 20));
	EXPECT_EQ(0, do_ioctl(fd[0], PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(0, do_ioctl_word(fd[1], PERF_EVENT_IOC_REFRESH, 3));
	/* Without a ring it makes no less samples, each 2 ms. */
	do {
		sleep_ms(10);
		ASSERT_EQ(0, device_stats(fd[1], &stats));
	} while (stats.attempted < 3);
	sleep_ms(50 * slowness());
	ASSERT_EQ(0, device_stats(fd[1], &stats));
	EXPECT_EQ(3, stats.attempted);
	close(fd[0]);
	close(fd[1]);
	ASSERT_EQ(0, module_unload());
}

/*
 * Nobody may open the device unless its mode says so. Then: what he writes himself,
 * and no look at other tasks, at kernel addresses, or at what INJECT could do.
 */
TEST_F(limits, without_capabilities)
{
	static uint64_t record[8192];
	struct perf_event_attr attr = output_attr();
	struct raw raw;
	int fd;

	ASSERT_EQ(0, module_load(""));
	ASSERT_EQ(0, become(ALICE));
	EXPECT_EQ(-EACCES, device_open(0));
	ASSERT_EQ(0, become(0));
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load("mode=0666 allow_inject=1"));
	ASSERT_EQ(0, become(ALICE));
	fd = device_open(0);
	ASSERT_LE(0, fd);

	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_SCHED_SWITCH;
	EXPECT_EQ(-EACCES, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 10;
	attr.sample_type |= PERF_SAMPLE_TID;
	EXPECT_EQ(-EACCES, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	attr = output_attr();
	attr.sample_type |= PERF_SAMPLE_IP;
	EXPECT_EQ(-EACCES, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	attr.sample_type = PERF_SAMPLE_CALLCHAIN;
	attr.exclude_callchain_user = 1;
	EXPECT_EQ(-EACCES, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	attr = output_attr();
	EXPECT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));

	ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(5, write(fd, "alice", 5));
	EXPECT_EQ(24, raw_next(&raw, record));
	EXPECT_EQ(0, memcmp((char *)record + 12, "alice", 5));
	EXPECT_EQ(-EPERM, do_ioctl(fd, PERFRING_IOC_INJECT, &(struct perfring_inject) {
		.size = sizeof(struct perfring_inject), .kind = PERFRING_INJECT_DATA_SIZE,
		.value = 8192,
	}));
	EXPECT_EQ((uint64_t)self->kib * 1024, raw.page->data_size);
	/* The counters of the PMU are about everybody's records. */
	EXPECT_EQ(-EACCES, perf_open(&(struct perf_event_attr) {
		.type = pmu_type(), .size = sizeof(struct perf_event_attr),
		.config = PERFRING_COUNTER_WRITTEN << 8,
	}, -1, 0, -1));
	raw_unmap(&raw);
	close(fd);
}

#define RULE	\
	"SUBSYSTEM==\"perfring\", KERNEL==\"perfring[0-9]*\", GROUP=\"perfring\", MODE=\"0660\""

/*
 * What make install puts into place gives our devices, and nothing else, to a group.
 * Where udev is there, it agrees.
 */
TEST(udev_rule)
{
	char dir[] = "/tmp/limits_test.XXXXXX", command[256], rule[1024], path[128], link[256];
	ssize_t len;
	char *at;

	if (access(TOP "/user/udev", F_OK))
		SKIP(return, TOP "/user/udev: not here (installed tests have none)");
	ASSERT_NE(NULL, mkdtemp(dir));
	snprintf(command, sizeof(command),
		 "make -s -C " TOP "/user install-udev DESTDIR=%s PREFIX=/usr", dir);
	ASSERT_EQ(0, system(command));
	snprintf(path, sizeof(path), "%s/usr/lib/udev/rules.d/60-perfring.rules", dir);
	ASSERT_LT(0, file_read(path, rule, sizeof(rule)));
	at = strrchr(rule, '\n');
	ASSERT_NE(NULL, at);
	EXPECT_STREQ(RULE, at + 1);

	/* What the rule calls them is what the kernel does. */
	if (!module_loaded())
		ASSERT_EQ(0, module_load(""));
	len = readlink("/sys/class/perfring/perfring0/subsystem", link, sizeof(link) - 1);
	ASSERT_LT(0, len);
	link[len] = '\0';
	EXPECT_STREQ("/perfring", strrchr(link, '/'));

	/* The command is not in every version. */
	snprintf(command, sizeof(command), "udevadm verify %s 2>/dev/null", path);
	if (!system("udevadm verify --help >/dev/null 2>&1")) {
		EXPECT_EQ(0, system(command));
	}
	snprintf(command, sizeof(command), "rm -r %s", dir);
	EXPECT_EQ(0, system(command));
}

int main(int argc, char **argv)
{
	if (!getenv("PERFRING_MODULE"))
		ksft_exit_skip("PERFRING_MODULE is not set: no module to load\n");
	return test_harness_run(argc, argv);
}
