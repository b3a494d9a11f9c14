// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once, and every allocation that fails: afterwards no event, no
 * pinned page and no reference is left, and the sums hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

static long pinned(void)
{
	char status[4096], *at;

	if (file_read("/proc/self/status", status, sizeof(status)) <= 0)
		return -1;
	at = strstr(status, "VmPin:");
	return at ? atol(at + 6) : -1;
}

static uint64_t losses_and_written(int cpu)
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

#define SLOTS	6
#define THREADS	3
#define RACE_NS	3000000000ULL

struct hammer {
	int *fd;		/* shared by all threads, and at first by two processes */
	int *cpu;
	uint64_t end;
	unsigned int seed;
	unsigned long calls;
	unsigned long good;
};

static int map_a_while(int fd, unsigned int op)
{
	size_t pages = 1 << (op >> 12) % 3, page = sysconf(_SC_PAGESIZE), len;
	bool mirror = op & 0x10000;
	struct perf_event_mmap_page *map;

	len = (1 + (mirror ? 2 : 1) * pages) * page;
	map = mmap(NULL, len, op & 0x20000 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   mirror ? PERFRING_MMAP_MIRROR : 0);
	if (map == MAP_FAILED)
		return -errno;
	/* Any tail; and the last byte is there. */
	if (!(op & 0x20000))
		map->data_tail = op & 0x40000 ? map->data_head : op;
	if (((volatile char *)map)[len - 1] && op & 0x80000)
		sched_yield();
	if (op & 0x100000)
		madvise(map, len, MADV_DOFORK);
	return munmap(map, len) ? -errno : 0;
}

static int modify(int fd, unsigned int op)
{
	struct perf_event_attr attr = output_attr();

	attr.disabled = op >> 16 & 1;
	attr.read_format = PERF_FORMAT_LOST;
	attr.write_backward = op >> 17 & 1;
	if (op & 0x40000) {
		attr.type = pmu_type();
		attr.config = PERFRING_SOURCE_GENERATOR;
		attr.config1 = 2000;
		attr.write_backward = 0;
	}
	return do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);
}

/* Open another event in place of the one in the slot. */
static int reopen(struct hammer *h, unsigned int slot)
{
	int fd = device_open(h->cpu[slot & 1]);

	fd = __atomic_exchange_n(&h->fd[slot], fd, __ATOMIC_RELAXED);
	if (fd >= 0)
		close(fd);
	return fd;
}

static int count_a_while(struct hammer *h, unsigned int op)
{
	struct perf_event_attr attr = {
		.type = pmu_type(), .size = sizeof(attr),
		.config = (1 + op % (PERFRING_COUNTER_MAX - 1)) << 8,
	};
	uint64_t value;
	int fd = perf_open(&attr, -1, h->cpu[op >> 16 & 1], -1), ret;

	if (fd < 0)
		return fd;
	ret = read(fd, &value, sizeof(value));
	close(fd);
	return ret;
}

static void *hammer(void *arg)
{
	struct hammer *h = arg;
	struct perfring_position position = { .size = sizeof(position) };
	struct perfring_stats stats;
	unsigned int op, slot;
	uint64_t words[6];
	int fd, other, ret = 0;

	while (now_ns() < h->end) {
		op = (unsigned int)rand_r(&h->seed) << 8 ^ rand_r(&h->seed);
		slot = (op >> 8) % SLOTS;
		fd = __atomic_load_n(&h->fd[slot], __ATOMIC_RELAXED);
		other = __atomic_load_n(&h->fd[(op >> 20) % SLOTS], __ATOMIC_RELAXED);
		switch (op % 16) {
		case 0:
			ret = reopen(h, slot);
			break;
		case 1:
		case 2:
			ret = map_a_while(fd, op);
			break;
		case 3:
			ret = do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
			break;
		case 4:
			ret = do_ioctl(fd, op & 0x10000 ? PERF_EVENT_IOC_DISABLE :
							  PERF_EVENT_IOC_RESET, NULL);
			break;
		case 5:
			ret = do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT,
					    op & 0x10000 ? other : -1);
			break;
		case 6:
			ret = modify(fd, op);
			break;
		case 7:
			ret = reserve(fd, 77, NULL, 24 + (op >> 24), 0, NULL);
			break;
		case 8:
			ret = release(fd, op & 0x10000);
			break;
		case 9:
			position.position = op & ~7U;
			ret = do_ioctl(fd, PERFRING_IOC_SET_POSITION, &position);
			break;
		case 10:
			ret = device_stats(fd, &stats);
			break;
		case 11:
			ret = poll_events(fd, 0);
			break;
		case 12:
			ret = do_ioctl_word(fd, PERF_EVENT_IOC_REFRESH, 1 + (op >> 28));
			break;
		case 13:
			ret = count_a_while(h, op);
			break;
		case 14:
			ret = read(fd, words, sizeof(words));
			break;
		case 15:
			ret = emit(fd, op & 0x10000 ? PERF_RECORD_SAMPLE : 77, 0, NULL, op >> 22,
				   10, NULL);
			break;
		}
		h->calls++;
		h->good += ret >= 0;
	}
	return NULL;
}

static void race(struct hammer *hammers, int *fd, int *cpu, unsigned int seed, uint64_t end)
{
	pthread_t thread[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		hammers[i] = (struct hammer) { .fd = fd, .cpu = cpu, .end = end, .seed = seed + i };
		if (pthread_create(&thread[i], NULL, hammer, &hammers[i]))
			_exit(1);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

/* CPU 1 goes and comes, and somebody wants the module away. */
static void *disturb(void *arg)
{
	uint64_t end = *(uint64_t *)arg;
	bool online = true, plugs = !access("/sys/devices/system/cpu/cpu1/online", W_OK);
	uintptr_t unloaded = 0;

	while (now_ns() < end) {
		unloaded += !module_unload();
		if (plugs) {
			online = !online;
			cpu_set_online(1, online);
		}
		sleep_ms(100);
	}
	if (plugs)
		cpu_set_online(1, true);
	return (void *)unloaded;
}

/*
 * Two processes of three threads, which have the descriptors in common, do any call
 * with any of them for three seconds: open, close, mmap, munmap, SET_OUTPUT, held
 * records, counters; meanwhile a CPU goes and comes, and rmmod is refused.
 */
TEST_F(adversity, everything_at_once)
{
	uint64_t end = now_ns() + RACE_NS * slowness();
	struct hammer hammers[THREADS];
	int fd[SLOTS], hold = device_open(0), status;
	unsigned long calls = 0, good = 0;
	pthread_t disturber;
	unsigned int i;
	void *unloaded;
	pid_t child;

	ASSERT_LE(0, hold);
	for (i = 0; i < SLOTS; i++) {
		fd[i] = device_open(self->cpu[i & 1]);
		ASSERT_LE(0, fd[i]);
	}
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		race(hammers, fd, self->cpu, 1000, end);
		_exit(0);
	}
	ASSERT_LT(0, child);
	ASSERT_EQ(0, pthread_create(&disturber, NULL, disturb, &end));
	race(hammers, fd, self->cpu, 2000, end);
	pthread_join(disturber, &unloaded);
	EXPECT_EQ(NULL, unloaded);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	for (i = 0; i < THREADS; i++) {
		calls += hammers[i].calls;
		good += hammers[i].good;
	}
	TH_LOG("%lu calls, %lu of them good", calls, good);
	EXPECT_LT(calls / 10, good);
	for (i = 0; i < SLOTS; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
	}
	close(hold);
}

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
