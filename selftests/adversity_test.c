// SPDX-License-Identifier: GPL-2.0
/* Every allocation that fails. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "adversity.h"

#define FAIL_NTH "/proc/thread-self/fail-nth"
#define DEBUGFS	"/sys/kernel/debug/"

/* Whatever allocates, each with what came of those before; only ENOMEM and EFAULT may happen. */
static int allocate_all(int type, int *failed)
{
	struct perf_event_attr generator = output_attr(), counter = { .size = sizeof(counter) };
	int fd[3] = { -1, -1, -1 }, perf, ret, bad = 0;
	char bytes[100] = { 0 };
	struct raw raw[2] = { 0 };
	unsigned int i;

#define TRY(expression)							\
	do {								\
		ret = (expression);					\
		if (ret < 0) {						\
			++*failed;					\
			bad |= ret != -ENOMEM && ret != -EFAULT;	\
		}							\
	} while (0)

	for (i = 0; i < 3; i++) {
		TRY(fd[i] = device_open(0));
		if (fd[i] < 0)
			goto out;
	}
	TRY(raw_map(&raw[0], fd[0], 2, 0));
	if (ret)
		goto out;
	TRY(do_ioctl(fd[0], PERF_EVENT_IOC_ENABLE, NULL));
	TRY(do_ioctl(fd[1], PERF_EVENT_IOC_ENABLE, NULL));
	TRY(do_ioctl_word(fd[1], PERF_EVENT_IOC_SET_OUTPUT, fd[0]));
	TRY(emit(fd[0], PERF_RECORD_SAMPLE, 0, bytes, sizeof(bytes), 2, NULL));
	TRY(write(fd[0], bytes, sizeof(bytes)) < 0 ? -errno : 0);
	TRY(reserve(fd[0], 77, bytes, sizeof(bytes), 0, NULL));
	if (!ret)
		TRY(release(fd[1], false));
	TRY(fcntl(fd[0], F_SETFL, O_NONBLOCK | O_ASYNC) < 0 ? -errno : 0);
	generator.type = type;
	generator.config = PERFRING_SOURCE_GENERATOR;
	generator.config1 = 100;
	TRY(do_ioctl(fd[2], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &generator));
	TRY(raw_map(&raw[1], fd[2], 1, PROT_READ));
	TRY(do_ioctl(fd[2], PERF_EVENT_IOC_ENABLE, NULL));
	counter.type = type;
	counter.config = PERFRING_COUNTER_WRITTEN << 8;
	TRY(perf = perf_open(&counter, -1, 0, -1));
	if (perf >= 0)
		close(perf);
out:
	for (i = 0; i < 2; i++)
		raw_unmap(&raw[i]);
	for (i = 0; i < 3; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
	}
	return bad;
}

/* Be bound by max_events and max_memory from now on. */
static int drop_resource_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[0].effective &= ~(1U << CAP_SYS_RESOURCE);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/*
 * The first allocation of all that fails, then the second, until so many as there
 * are have failed once; after each nothing is left. The user may have no more than
 * allocate_all() takes, so that a charge that is left over makes the next one fail.
 */
TEST_F_TIMEOUT(adversity, each_allocation_fails, 110)
{
	static const char *const waits[] = {
		DEBUGFS "failslab/ignore-gfp-wait", DEBUGFS "fail_page_alloc/ignore-gfp-wait",
	};
	/* They would trace each failure on the console. */
	static const char *const verbose[] = {
		DEBUGFS "failslab/verbose", DEBUGFS "fail_page_alloc/verbose",
		DEBUGFS "fail_usercopy/verbose",
	};
	unsigned int n, i, injected = 0;
	int failed, type;
	char text[64];

	if (access(FAIL_NTH, W_OK))
		SKIP(return, FAIL_NTH ": the kernel has no fault injection");
	for (i = 0; i < ARRAY_LEN(waits); i++) {
		if (file_write(waits[i], "N"))
			SKIP(return, "%s: %s", waits[i], strerror(errno));
	}
	for (i = 0; i < ARRAY_LEN(verbose); i++)
		file_write(verbose[i], "0");
	if (getenv("PERFRING_MODULE")) {
		ASSERT_EQ(0, module_unload());
		snprintf(text, sizeof(text), "max_events=3 max_memory=%ld",
			 (1 + 2 + 1 + 1) * sysconf(_SC_PAGESIZE) / 1024);
		ASSERT_EQ(0, module_load(text));
		ASSERT_EQ(0, drop_resource_capability());
	}
	type = pmu_type();
	for (n = 1; n < 1000; n++) {
		snprintf(text, sizeof(text), "%u", n);
		failed = 0;
		ASSERT_EQ(0, file_write(FAIL_NTH, text));
		EXPECT_EQ(0, allocate_all(type, &failed)) {
			TH_LOG("allocation %u", n);
		}
		/* 0: it has failed. What is left over counts those that were not made. */
		i = file_long(FAIL_NTH, -1);
		ASSERT_EQ(0, file_write(FAIL_NTH, "0"));
		EXPECT_EQ(0, pinned());
		EXPECT_EQ(self->events[0], device_counter(0, "events"));
		if (i)
			break;
		injected++;
	}
	TH_LOG("%u allocations failed", injected);
	EXPECT_LT(20, injected);
	EXPECT_GT(1000, n);
	failed = 0;
	EXPECT_EQ(0, allocate_all(type, &failed));
	EXPECT_EQ(0, failed);
}

DEVICE_MAIN
