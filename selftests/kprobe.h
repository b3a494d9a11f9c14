/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the source kprobe share. */
#ifndef SELFTESTS_KPROBE_H
#define SELFTESTS_KPROBE_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define N	100

/* What getppid(2) comes to: called as often as the test says. */
#define SYMBOL	GETPPID

FIXTURE(kprobe) {
	int fd;
	struct raw raw;
	uint64_t buf[8192];
};

FIXTURE_SETUP(kprobe)
{
	ASSERT_EQ(0, pin_to(0));
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(kprobe)
{
	raw_unmap(&self->raw);
	close(self->fd);
}

static inline struct perf_event_attr kprobe_attr(const char *symbol)
{
	struct perf_event_attr attr = output_attr();

	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_KPROBE;
	attr.config1 = (uintptr_t)symbol;
	return attr;
}

/* The same probe as an event of perf. */
static inline struct perf_event_attr perf_attr(struct perf_event_attr attr)
{
	attr.type = file_long("/sys/bus/event_source/devices/kprobe/type", -1);
	attr.config = 0;
	return attr;
}

static inline int modify(int fd, struct perf_event_attr attr)
{
	return do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);
}

/* What perf_event_open(2) says of it. */
static inline int oracle(struct perf_event_attr attr)
{
	int fd;

	attr = perf_attr(attr);
	fd = perf_open(&attr, -1, 0, -1);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

#endif /* SELFTESTS_KPROBE_H */
