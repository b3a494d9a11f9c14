/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of RESERVE, COMMIT and DISCARD share: an event of CPU 0, and a task
 * there or elsewhere.
 *
 * Sizes: a sample of attr RAW with a payload of n bytes is 8 + (4 + n rounded up to
 * 8); any other record 8 + n rounded up.  A LOST record is 24, without sample_id.
 */
#ifndef SELFTESTS_HOLD_H
#define SELFTESTS_HOLD_H

#include <sys/mman.h>
#include <unistd.h>
#include "fixtures.h"

FIXTURE(hold) {
	int fd, other;
	struct raw raw;
	size_t page;
	uint64_t buf[8192];
};

/* The device is that of CPU 0; the ioctls come from a task there or elsewhere. */
FIXTURE_VARIANT(hold) {
	int cpu;
};

FIXTURE_VARIANT_ADD(hold, same_cpu) { .cpu = 0 };
FIXTURE_VARIANT_ADD(hold, other_cpu) { .cpu = 1 };

FIXTURE_SETUP(hold)
{
	char why[WHY_LEN];

	self->fd = -1;
	self->other = -1;
	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	if (pin_to(variant->cpu))
		SKIP(return, "CPU %d is not there", variant->cpu);
	self->page = sysconf(_SC_PAGESIZE);
}

FIXTURE_TEARDOWN(hold)
{
	if (self->raw.page)
		raw_unmap(&self->raw);
	close(self->other);
	close(self->fd);
}

/* An enabled event with a ring. */
static inline int start(FIXTURE_DATA(hold) *self, const struct perf_event_attr *attr,
			size_t pages, int prot)
{
	int ret;

	self->fd = event_into(-1, 0, attr);
	if (self->fd < 0)
		return self->fd;
	ret = raw_map(&self->raw, self->fd, pages, prot);
	return ret ?: do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL);
}

static inline struct perfring_stats stats_of(int fd)
{
	struct perfring_stats stats;

	if (device_stats(fd, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

#endif /* SELFTESTS_HOLD_H */
