// SPDX-License-Identifier: GPL-2.0
/*
 * What an attr may say: PERF_EVENT_IOC_MODIFY_ATTRIBUTES of the device against
 * perf_event_open(2) with the same attr on the same kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

/* An attr with room behind it, as one from a newer header has. */
struct big_attr {
	struct perf_event_attr attr;
	unsigned char more[8192];
};

/* On a fresh descriptor; 0 or -errno */
static int modify(void *attr)
{
	int fd = device_open(0), ret;

	if (fd < 0)
		return fd;
	ret = do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, attr);
	close(fd);
	return ret;
}

/* 0 or -errno of perf_event_open(2) for CPU 0 */
static int oracle(void *attr)
{
	int fd = perf_open(attr, -1, 0, -1);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/*
 * Fresh from open: a disabled bpf-output event with RAW, period 1, a wakeup each.
 * 5 bytes of payload then make 8 (header) + 4 (size) + 5 and padding to 8: 24.
 */
TEST(open_defaults)
{
	struct perf_event_attr attr = output_attr();
	int fd = device_open(0), perf = perf_open(&attr, -1, 0, -1);
	struct perf_event_header *header;
	static uint64_t buf[8192];
	struct raw raw;
	uint64_t count;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, perf);
	/* Without a mapping both hang up. */
	EXPECT_EQ(poll_events(perf, 0), poll_events(fd, 0));
	/* Disabled. */
	EXPECT_EQ(-1, write(fd, "hello", 5));
	EXPECT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
	EXPECT_EQ(0, poll_events(fd, 0));
	EXPECT_EQ(5, write(fd, "hello", 5));
	EXPECT_NE(0, poll_events(fd, 1000));
	ASSERT_EQ(24, raw_next(&raw, buf));
	header = (void *)buf;
	EXPECT_EQ(PERF_RECORD_SAMPLE, header->type);
	EXPECT_EQ(PERF_RECORD_MISC_KERNEL, header->misc);
	EXPECT_EQ(0, memcmp((char *)buf + 12, "hello", 5));
	EXPECT_EQ((ssize_t)sizeof(count), read(fd, &count, sizeof(count)));
	raw_unmap(&raw);
	close(perf);
	close(fd);
}

/*
 * attr.size: 0 counts as the first version's 64; less is too small; more is
 * fine while the rest is zero.  A refusal writes back what the kernel knows.
 */
TEST(attr_size_like_perf)
{
	static const struct {
		uint32_t size;
		int dirty;	/* this byte of the attr is not zero; -1 none */
	} table[] = {
		{ 0, -1 }, { 1, -1 }, { 63, -1 }, { 64, -1 }, { 72, -1 }, { 65, -1 },
		{ sizeof(struct perf_event_attr), -1 },
		{ sizeof(struct perf_event_attr) + 8, -1 },
		{ 4096, -1 }, { 4096, 4095 }, { 4096, 1000 }, { 4097, -1 }, { 8192, -1 },
		{ 4095, 4094 }, { UINT32_MAX, -1 },
	};
	struct big_attr ours, perfs;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		memset(&ours, 0, sizeof(ours));
		ours.attr = output_attr();
		ours.attr.size = table[i].size;
		if (table[i].dirty >= 0)
			((unsigned char *)&ours)[table[i].dirty] = 1;
		perfs = ours;
		EXPECT_EQ(oracle(&perfs), modify(&ours)) {
			TH_LOG("size %u, byte %d set", table[i].size, table[i].dirty);
		}
		EXPECT_EQ(perfs.attr.size, ours.attr.size) {
			TH_LOG("size written back for %u", table[i].size);
		}
	}
	EXPECT_EQ(-EFAULT, modify(NULL));
	EXPECT_EQ(-EFAULT, oracle(NULL));
}

/* An attr that both take or refuse alike: output_attr() and a change. */
TEST(attr_values_like_perf)
{
	struct perf_event_attr table[32], *a = table, copy;
	const char *what[32];
	unsigned int n = 0, i;
	int ours, perfs;

#define CASE(change) do {			\
		a[n] = output_attr();		\
		a[n].change;			\
		what[n++] = #change;		\
	} while (0)
	CASE(sample_type |= 1ULL << 40);
	CASE(sample_type |= 1ULL << 63);
	CASE(sample_type = 0);
	CASE(read_format = 1ULL << 20);
	CASE(read_format = PERF_FORMAT_ID | PERF_FORMAT_LOST);
	CASE(__reserved_1 = 1);
	CASE(__reserved_2 = 1);
	CASE(__reserved_3 = 8);
	CASE(sample_period = 1ULL << 63);
	CASE(sample_period = 0);
	CASE(sample_period = (1ULL << 63) - 1);
	CASE(inherit_thread = 1);
	CASE(type = 0xfffffff0);
	CASE(config = 9999);
	CASE(config = PERF_COUNT_SW_DUMMY);
	CASE(wakeup_events = 0);
	CASE(wakeup_events = UINT32_MAX);
	CASE(watermark = 1);
	CASE(write_backward = 1);
	CASE(sample_id_all = 1);
	CASE(pinned = 1);
	CASE(exclude_user = 1);
	CASE(exclude_kernel = 1);
	CASE(exclude_idle = 1);
#undef CASE
	for (i = 0; i < n; i++) {
		copy = table[i];
		ours = modify(&copy);
		copy = table[i];
		perfs = oracle(&copy);
		EXPECT_EQ(perfs, ours) {
			TH_LOG("%s", what[i]);
		}
	}
}

/* Pairs that exclude each other, and the depth of stacks. */
TEST(attr_combinations_like_perf)
{
	struct perf_event_attr attr, copy;
	int bit;

	attr = output_attr();
	attr.remove_on_exec = 1;
	attr.enable_on_exec = 1;
	copy = attr;
	EXPECT_EQ(-EINVAL, oracle(&copy));
	EXPECT_EQ(-EINVAL, modify(&attr));

	attr = output_attr();
	attr.sigtrap = 1;
	copy = attr;
	EXPECT_EQ(-EINVAL, oracle(&copy));
	EXPECT_EQ(-EINVAL, modify(&attr));

	/*
	 * aux_start_paused, aux_pause, aux_resume since 6.13, which some 6.12 have as
	 * well: perf says EINVAL or EOPNOTSUPP, for want of an AUX leader or an AUX area.
	 */
	for (bit = 1; bit <= 4; bit *= 2) {
		attr = output_attr();
		attr.__reserved_3 = bit;
		copy = attr;
		EXPECT_NE(0, oracle(&copy));
		EXPECT_NE(0, modify(&attr));
	}

	attr = output_attr();
	attr.sample_type |= PERF_SAMPLE_CALLCHAIN;
	attr.exclude_callchain_user = 1;
	/* PERF_MAX_STACK_DEPTH is 127. */
	attr.sample_max_stack = 128;
	copy = attr;
	EXPECT_EQ(-EOVERFLOW, oracle(&copy));
	EXPECT_EQ(-EOVERFLOW, modify(&attr));
	attr.sample_max_stack = 127;
	copy = attr;
	EXPECT_EQ(0, oracle(&copy));
	EXPECT_EQ(0, modify(&attr));
}

/* What perf can and the device cannot is refused, never ignored. */
TEST(attr_unsupported)
{
	static const uint64_t sample_types[] = {
		PERF_SAMPLE_READ, PERF_SAMPLE_BRANCH_STACK, PERF_SAMPLE_REGS_USER,
		PERF_SAMPLE_STACK_USER, PERF_SAMPLE_WEIGHT, PERF_SAMPLE_DATA_SRC,
		PERF_SAMPLE_TRANSACTION, PERF_SAMPLE_REGS_INTR, PERF_SAMPLE_PHYS_ADDR,
		PERF_SAMPLE_AUX, PERF_SAMPLE_CGROUP, PERF_SAMPLE_DATA_PAGE_SIZE,
		PERF_SAMPLE_CODE_PAGE_SIZE, PERF_SAMPLE_WEIGHT_STRUCT,
		/* With the user's part of the stack, that is. */
		PERF_SAMPLE_CALLCHAIN,
	};
	struct perf_event_attr attr;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(sample_types); i++) {
		attr = output_attr();
		attr.sample_type |= sample_types[i];
		/* What perf wants with some of them. */
		attr.branch_sample_type = PERF_SAMPLE_BRANCH_ANY;
		attr.sample_regs_user = 1;
		attr.sample_regs_intr = 1;
		EXPECT_EQ(-EOPNOTSUPP, modify(&attr)) {
			TH_LOG("sample_type %#llx", (unsigned long long)sample_types[i]);
		}
	}
#define CASE(change) do {				\
		attr = output_attr();			\
		attr.change;				\
		EXPECT_EQ(-EOPNOTSUPP, modify(&attr)) {	\
			TH_LOG("%s", #change);		\
		}					\
	} while (0)
	CASE(mmap = 1);
	CASE(mmap2 = 1);
	CASE(mmap_data = 1);
	CASE(comm = 1);
	CASE(task = 1);
	CASE(freq = 1);
	CASE(context_switch = 1);
	CASE(namespaces = 1);
	CASE(ksymbol = 1);
	CASE(bpf_event = 1);
	CASE(aux_output = 1);
	CASE(cgroup = 1);
	CASE(text_poke = 1);
#undef CASE
}

/*
 * Clocks: a software event takes those that perf takes, a source that may write
 * from an NMI only the two that can be read there.
 */
TEST(attr_clockid)
{
	static const int clocks[] = {
		CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI,
		CLOCK_PROCESS_CPUTIME_ID, CLOCK_MONOTONIC_COARSE, 12345, -1,
	};
	struct perf_event_attr attr;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(clocks); i++) {
		attr = output_attr();
		attr.sample_type |= PERF_SAMPLE_TIME;
		attr.use_clockid = 1;
		attr.clockid = clocks[i];
		EXPECT_EQ(oracle(&attr), modify(&attr)) {
			TH_LOG("clock %d", clocks[i]);
		}
		attr.type = pmu_type();
		attr.config = PERFRING_SOURCE_GENERATOR;
		attr.config1 = 10;
		EXPECT_EQ(clocks[i] == CLOCK_MONOTONIC || clocks[i] == CLOCK_MONOTONIC_RAW ?
			  0 : -EINVAL, modify(&attr)) {
			TH_LOG("generator, clock %d", clocks[i]);
		}
	}
}

/* The attr is final once the event was enabled, even for a moment, or mapped. */
TEST(modify_busy)
{
	struct perf_event_attr attr = output_attr();
	struct raw raw;
	int fd;

	fd = device_open(0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	EXPECT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	EXPECT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(-EBUSY, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	EXPECT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(-EBUSY, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	close(fd);

	fd = device_open(0);
	ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
	EXPECT_EQ(-EBUSY, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	raw_unmap(&raw);
	EXPECT_EQ(-EBUSY, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	close(fd);

	/* An attr that is not disabled starts the event. */
	attr.disabled = 0;
	fd = device_open(0);
	EXPECT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	EXPECT_EQ(0, raw_map(&raw, fd, 1, 0));
	EXPECT_EQ(1, write(fd, "x", 1));
	raw_unmap(&raw);
	close(fd);
}

/* config of the PMU perfring: which sources there are and what they take. */
TEST(source_config)
{
	static const struct {
		uint64_t config, config1, config2;
		int ret;
	} table[] = {
		{ PERFRING_SOURCE_GENERATOR, 100, 0, 0 },
		{ PERFRING_SOURCE_GENERATOR, 0, 0, -EINVAL },		/* no rate */
		{ PERFRING_SOURCE_GENERATOR, 100000, 0, 0 },
		{ PERFRING_SOURCE_GENERATOR, 100001, 0, -EINVAL },
		{ PERFRING_SOURCE_GENERATOR, 1 | 1ULL << 48, 0, -EINVAL },
		{ PERFRING_SOURCE_GENERATOR, 1, 15, -EINVAL },		/* min < 16 */
		{ PERFRING_SOURCE_GENERATOR, 1, 32 | 31 << 16, -EINVAL },	/* max < min */
		{ PERFRING_SOURCE_GENERATOR, 1, 32 | 32 << 16, 0 },
		{ PERFRING_SOURCE_GENERATOR, 1, 1ULL << 32, -EINVAL },
		{ PERFRING_SOURCE_GENERATOR, 1, 0xffff | 0xffffULL << 16, 0 },
		{ PERFRING_SOURCE_SCHED_SWITCH, 0, 0, 0 },
		{ PERFRING_SOURCE_SCHED_SWITCH, 1, 0, -EINVAL },
		{ PERFRING_SOURCE_SCHED_SWITCH, 0, 1, -EINVAL },
		{ 0, 0, 0, -EINVAL },
		{ PERFRING_SOURCE_MAX, 0, 0, -EINVAL },
		{ 1ULL << 40 | PERFRING_SOURCE_GENERATOR, 100, 0, -EINVAL },
	};
	struct perf_event_attr attr;
	unsigned int i;
	int type = pmu_type();

	ASSERT_LT(0, type);
	for (i = 0; i < ARRAY_LEN(table); i++) {
		attr = output_attr();
		attr.type = type;
		attr.config = table[i].config;
		attr.config1 = table[i].config1;
		attr.config2 = table[i].config2;
		EXPECT_EQ(table[i].ret, modify(&attr)) {
			TH_LOG("config %#llx %#llx %#llx", (unsigned long long)attr.config,
			       (unsigned long long)attr.config1,
			       (unsigned long long)attr.config2);
		}
	}
	/* They see the whole CPU. */
	attr = output_attr();
	attr.type = type;
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 10;
	attr.exclude_kernel = 1;
	EXPECT_EQ(-EINVAL, modify(&attr));
	/* A source needs a ring: perf_event_open(2) has none to give. */
	attr.exclude_kernel = 0;
	EXPECT_EQ(-EOPNOTSUPP, oracle(&attr));
	/* And a counter is no source. */
	attr.config1 = 0;
	attr.config = PERFRING_COUNTER_WRITTEN << 8;
	EXPECT_EQ(-EINVAL, modify(&attr));
	attr.config |= PERFRING_SOURCE_SCHED_SWITCH;
	EXPECT_EQ(-EINVAL, modify(&attr));
}

/*
 * What a generator may write: 4096 records and 65536 bytes a tick, records times largest
 * payload, and 2^20 records and 64 MiB a second, ticks times that; 8 records for one with
 * CALLCHAIN.  Each limit itself is fine, one more is not.
 */
TEST(generator_limits)
{
	static const struct {
		uint64_t rate, records, largest;
		int ret;
		uint64_t also;		/* in sample_type */
	} table[] = {
		{ 1, 4096, 16, 0, 0 }, { 1, 4097, 16, -EINVAL, 0 },
		{ 1, 16, 4096, 0, 0 }, { 1, 16, 4097, -EINVAL, 0 },
		{ 1, 2, 32768, 0, 0 }, { 1, 2, 32769, -EINVAL, 0 },
		{ 256, 4096, 16, 0, 0 }, { 257, 4096, 16, -EINVAL, 0 },
		{ 16384, 64, 16, 0, 0 }, { 16385, 64, 16, -EINVAL, 0 },
		{ 16384, 64, 64, 0, 0 }, { 16384, 64, 65, -EINVAL, 0 },
		{ 1, 512, 16, 0, PERF_SAMPLE_CALLCHAIN },
		{ 1, 513, 16, -EINVAL, PERF_SAMPLE_CALLCHAIN },
		{ 256, 512, 16, 0, PERF_SAMPLE_CALLCHAIN },
		{ 257, 512, 16, -EINVAL, PERF_SAMPLE_CALLCHAIN },
		/* 100000 ticks: 671.08 bytes each. */
		{ 100000, 1, 671, 0, 0 }, { 100000, 1, 672, -EINVAL, 0 },
	};
	struct perf_event_attr attr;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		attr = output_attr();
		attr.type = pmu_type();
		attr.config = PERFRING_SOURCE_GENERATOR;
		attr.sample_type |= table[i].also;
		attr.exclude_callchain_user = 1;
		attr.config1 = table[i].rate | table[i].records << 32;
		attr.config2 = 16 | table[i].largest << 16;
		EXPECT_EQ(table[i].ret, modify(&attr)) {
			TH_LOG("%u ticks of %u records of %u bytes", (unsigned int)table[i].rate,
			       (unsigned int)table[i].records, (unsigned int)table[i].largest);
		}
	}
}

/* In a child that is nobody, with the descriptor handed over; -errno or 0. */
static int modify_as_nobody(struct perf_event_attr *attr)
{
	int fd = device_open(0), status = 0;
	pid_t child = fork();

	if (!child) {
		if (become_nobody())
			_exit(255);
		_exit(-do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, attr));
	}
	waitpid(child, &status, 0);
	close(fd);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

#define PARANOID "/proc/sys/kernel/perf_event_paranoid"

/* Who may see the scheduler, and kernel addresses. */
TEST(permissions)
{
	struct perf_event_attr attr = output_attr();
	char was[16];
	struct stat st;
	int status;
	pid_t child;

	if (geteuid())
		SKIP(return, "uid %d: no permission to change users", geteuid());
	ASSERT_EQ(0, stat("/dev/perfring0", &st));
	EXPECT_EQ(0600, st.st_mode & 0777);
	child = fork();
	if (!child)
		_exit(become_nobody() ? 255 : -device_open(0));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(EACCES, WEXITSTATUS(status));

	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_SCHED_SWITCH;
	EXPECT_EQ(0, modify(&attr));
	EXPECT_EQ(-EACCES, modify_as_nobody(&attr));

	ASSERT_LT(0, file_read(PARANOID, was, sizeof(was)));
	attr = output_attr();
	attr.sample_type |= PERF_SAMPLE_IP;
	ASSERT_EQ(0, file_write(PARANOID, "2"));
	EXPECT_EQ(0, modify(&attr));
	EXPECT_EQ(-EACCES, modify_as_nobody(&attr));
	attr.sample_type = PERF_SAMPLE_CALLCHAIN;
	attr.exclude_callchain_user = 1;
	EXPECT_EQ(-EACCES, modify_as_nobody(&attr));
	attr.sample_type = PERF_SAMPLE_TID;
	EXPECT_EQ(0, modify_as_nobody(&attr));
	ASSERT_EQ(0, file_write(PARANOID, "1"));
	attr.sample_type = PERF_SAMPLE_IP;
	EXPECT_EQ(0, modify_as_nobody(&attr));
	file_write(PARANOID, was);
}

DEVICE_MAIN
