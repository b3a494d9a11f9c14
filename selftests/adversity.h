/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of adversity share: when it is over no event, no pinned page and no
 * reference is left, the sums hold, and the module unloads.
 */
#ifndef SELFTESTS_ADVERSITY_H
#define SELFTESTS_ADVERSITY_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define MLOCK_KB "/proc/sys/kernel/perf_event_mlock_kb"

FIXTURE(adversity) {
	char mlock_kb[16];
	uint64_t events[2];
	int cpu[2];
};

FIXTURE_SETUP(adversity)
{
	int i;

	if (geteuid())
		SKIP(return, "uid %d: no permission to set sysctls", geteuid());
	/* Whatever is mapped is pinned memory then. */
	ASSERT_LT(0, file_read(MLOCK_KB, self->mlock_kb, sizeof(self->mlock_kb)));
	ASSERT_EQ(0, file_write(MLOCK_KB, "0"));
	self->cpu[1] = second_cpu() < 0 ? 0 : second_cpu();
	for (i = 0; i < 2; i++)
		self->events[i] = device_counter(self->cpu[i], "events");
}

static inline long pinned(void)
{
	char status[4096], *at;

	if (file_read("/proc/self/status", status, sizeof(status)) <= 0)
		return -1;
	at = strstr(status, "VmPin:");
	return at ? atol(at + 6) : -1;
}

static inline uint64_t losses_and_written(int cpu)
{
	static const char *const parts[] = {
		"written", "lost_full", "lost_paused", "rejected", "discarded",
	};
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(parts); i++)
		sum += device_counter(cpu, parts[i]);
	return sum;
}

FIXTURE_TEARDOWN(adversity)
{
	int i;

	file_write(MLOCK_KB, self->mlock_kb);
	EXPECT_EQ(0, pinned());
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(self->events[i], device_counter(self->cpu[i], "events"));
		EXPECT_EQ(losses_and_written(self->cpu[i]),
			  device_counter(self->cpu[i], "attempted"));
	}
	if (getenv("PERFRING_MODULE")) {
		EXPECT_EQ(0, within_ms(5000, module_unload));
		EXPECT_EQ(0, module_load(""));
	}
}

#endif /* SELFTESTS_ADVERSITY_H */
