/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the source syscalls share. */
#ifndef SELFTESTS_SYSCALLS_H
#define SELFTESTS_SYSCALLS_H

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define N	100

FIXTURE(syscalls) {
	int fd;
	struct raw raw;
	uint64_t buf[8192];
};

FIXTURE_SETUP(syscalls)
{
	ASSERT_EQ(0, pin_to(0));
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(syscalls)
{
	raw_unmap(&self->raw);
	close(self->fd);
}

static inline struct perf_event_attr syscalls_attr(pid_t pid, int nr)
{
	struct perf_event_attr attr = output_attr();

	attr.config = PERFRING_SOURCE_SYSCALLS;
	attr.config1 = pid;
	if (nr >= 0)
		attr.config2 = nr | PERFRING_SYSCALLS_BY_NR;
	return attr;
}

/* The next payload, past what LOST says; false when there is none, or when it is not one. */
static inline bool next(struct raw *raw, void *buf, struct perfring_syscalls_payload *payload)
{
	/* Header, size, 56 bytes, and 4 that pad to a multiple of 8. */
	const int size = 8 + 4 + sizeof(*payload) + 4;
	struct perf_event_header *header = buf;
	int seen;

	do
		seen = raw_next(raw, buf);
	while (seen > 0 && header->type == PERF_RECORD_LOST);
	if (seen != size || header->type != PERF_RECORD_SAMPLE)
		return false;
	memcpy(payload, (char *)buf + 12, sizeof(*payload));
	return true;
}

#endif /* SELFTESTS_SYSCALLS_H */
