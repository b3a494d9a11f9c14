// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that no program makes: ioctl(2), mmap(2), read(2), write(2) and their kin on
 * /dev/perfringN, valid ones with something wrong in them. Nobody else is to notice: events
 * that stand by, on the same device and on another, keep each record, and the sums hold.
 * What the kernel says of it the runner hears.
 *
 * PERFRING_FUZZ_SEED= and PERFRING_FUZZ_CALLS= choose other calls, and more. The same seed
 * makes the same calls; PERFRING_FUZZ_SHOW=N prints those from the Nth on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include "common.h"
#include "fuzz_device.h"
#include "kselftest_harness.h"

#define CALLS	5000

/* Somebody who has nothing to do with it, and what is in his ring. */
struct bystander {
	struct raw raw;
	uint64_t seq;
	int cpu;
};

FIXTURE(device) {
	struct bystander by[2];
	int cpus;
	uint64_t events[2];
	bool loaded;
};

FIXTURE_SETUP(device)
{
	char why[WHY_LEN];

	if (geteuid())
		SKIP(return, "uid %d: only root may do all of it", geteuid());
	/* With the right to write what no kernel writes, where the module is ours. */
	if (getenv("PERFRING_MODULE")) {
		if (module_loaded())
			ASSERT_EQ(0, within_ms(5000, module_unload));
		ASSERT_EQ(0, module_load("allow_inject=1"));
		self->loaded = true;
	}
	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	self->cpus = second_cpu() > 0 ? 2 : 1;
	for (int i = 0; i < self->cpus; i++) {
		struct bystander *by = &self->by[i];

		by->cpu = i ? second_cpu() : 0;
		self->events[i] = device_counter(by->cpu, "events");
		ASSERT_EQ(0, raw_map(&by->raw, device_open(by->cpu), 1, 0));
		ASSERT_EQ(0, do_ioctl_word(by->raw.fd, PERF_EVENT_IOC_ENABLE, 0));
	}
}

FIXTURE_TEARDOWN(device)
{
	static const char *const parts[] = {
		"written", "lost_full", "lost_paused", "rejected", "discarded",
	};
	uint64_t sum;

	for (int i = 0; i < self->cpus; i++) {
		struct bystander *by = &self->by[i];

		raw_unmap(&by->raw);
		close(by->raw.fd);
		EXPECT_EQ(self->events[i], device_counter(by->cpu, "events"));
		sum = 0;
		for (size_t j = 0; j < ARRAY_LEN(parts); j++)
			sum += device_counter(by->cpu, parts[j]);
		EXPECT_EQ(device_counter(by->cpu, "attempted"), sum);
	}
	if (self->loaded)
		EXPECT_EQ(0, within_ms(5000, module_unload));
}

/* A numbered record, and back again: 0 or what is wrong. */
static const char *stand_by(struct bystander *by)
{
	static unsigned char record[65536];
	struct perfring_stats stats = { .size = sizeof(stats) };
	uint64_t payload[2], seq = ++by->seq;
	struct perfring_emit result;

	if (emit(by->raw.fd, PERF_RECORD_SAMPLE, 0, &seq, sizeof(seq), 1, &result))
		return "EMIT fails";
	if (result.written != 1 || result.lost)
		return "a record is lost";
	/* Header, size of RAW, the number. */
	if (raw_next(&by->raw, record) != 8 + 4 + 8 + 4)
		return "another record is there";
	memcpy(payload, record + 12, sizeof(seq));
	if (payload[0] != seq)
		return "another number is there";
	if (raw_next(&by->raw, record))
		return "there is one more record";
	if (device_stats(by->raw.fd, &stats) || !stats_balance(&stats))
		return "the sums do not hold";
	return stats.attempted == seq && stats.written == seq ? NULL : "other sums";
}

/* Kernel coverage of this thread's calls: places in the module that were seen. */
struct coverage {
	int fd;
	unsigned long *trace;
	unsigned long begin, end;	/* of the module */
	unsigned char *seen;
	unsigned long places;
};

#define KCOV_WORDS	(1UL << 18)
#define KCOV_INIT	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)

static void coverage_start(struct coverage *c)
{
	char line[256];
	FILE *modules = fopen("/proc/modules", "r");
	unsigned long size;

	memset(c, 0, sizeof(*c));
	while (modules && fgets(line, sizeof(line), modules))
		if (sscanf(line, "perfring %lu %*s %*s %*s %lx", &size, &c->begin) == 2)
			c->end = c->begin + size;
	if (modules)
		fclose(modules);
	c->fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (c->fd < 0 || c->begin == c->end || ioctl(c->fd, KCOV_INIT, KCOV_WORDS))
		return;
	c->trace = mmap(NULL, KCOV_WORDS * sizeof(*c->trace), PROT_READ | PROT_WRITE, MAP_SHARED,
			c->fd, 0);
	c->seen = calloc(1, c->end - c->begin);
	if (c->trace == MAP_FAILED || !c->seen || ioctl(c->fd, KCOV_ENABLE, 0))
		c->trace = NULL;
}

static void coverage_take(struct coverage *c)
{
	unsigned long nr;

	if (!c->trace)
		return;
	nr = __atomic_load_n(&c->trace[0], __ATOMIC_RELAXED);
	for (unsigned long i = 1; i <= nr; i++) {
		unsigned long at = c->trace[i];

		if (at < c->begin || at >= c->end || c->seen[at - c->begin])
			continue;
		c->seen[at - c->begin] = 1;
		c->places++;
	}
	__atomic_store_n(&c->trace[0], 0, __ATOMIC_RELAXED);
}

TEST_F_TIMEOUT(device, random_calls, DAY)
{
	uint64_t seed = from_environment("PERFRING_FUZZ_SEED", 1);
	uint64_t calls = from_environment("PERFRING_FUZZ_CALLS", CALLS);
	uint64_t show = from_environment("PERFRING_FUZZ_SHOW", UINT64_MAX);
	uint64_t begin = now_ns(), i;
	struct coverage coverage;
	const char *why = NULL;
	struct fuzz_device f;

	TH_LOG("PERFRING_FUZZ_SEED=%llu PERFRING_FUZZ_CALLS=%llu", (unsigned long long)seed,
	       (unsigned long long)calls);
	ASSERT_EQ(0, fuzz_device_start(&f, seed, self->cpus > 1 ? second_cpu() : 0));
	f.may_inject = self->loaded;
	coverage_start(&coverage);
	for (i = 0; i < calls && !why; i++) {
		fuzz_device_call(&f, i, i >= show);
		/* Now and then, and more often in a short run. */
		if (i % 64)
			continue;
		coverage_take(&coverage);
		for (int by = 0; by < self->cpus && !why; by++)
			why = stand_by(&self->by[by]);
		/* The runner wants to hear that it goes on. */
		if (i && i % 4096 == 0)
			TH_LOG("%llu calls", (unsigned long long)i);
	}
	coverage_take(&coverage);
	if (!why)
		why = fuzz_device_quiesce(&f);
	fuzz_device_stop(&f);
	for (int by = 0; by < self->cpus && !why; by++)
		why = stand_by(&self->by[by]);
	EXPECT_EQ(NULL, why) {
		TH_LOG("PERFRING_FUZZ_SEED=%llu, call %llu: %s", (unsigned long long)seed,
		       (unsigned long long)i, why);
	}
	TH_LOG("%llu calls in %.1f s, %llu of them refused", (unsigned long long)i,
	       (double)(now_ns() - begin) / 1e9, (unsigned long long)f.refused);
	if (coverage.trace)
		TH_LOG("KCOV: %lu places of the module were reached", coverage.places);
	/* Most of what is valid is taken, and most of what is not is refused. */
	EXPECT_LT(i / 20, f.refused);
	EXPECT_LT(i / 20, i - f.refused);
	why = i < CALLS ? NULL : fuzz_device_untaken(&f);
	EXPECT_EQ(NULL, why) {
		TH_LOG("no %s has ever been taken", why);
	}
	close(coverage.fd);
}

TEST_HARNESS_MAIN
