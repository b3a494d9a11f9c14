// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints counted: by name, with a BPF program that looks on or decides; and, by counting
 * system calls, what a reading of counters costs.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "fixtures.h"

#define CALLS	100
/* A system call that nobody makes by the way. */
#define EVENT	"syscalls:sys_enter_getpriority"

static void call(void *context)
{
	for (int i = 0; i < CALLS; i++)
		getpriority(PRIO_PROCESS, 0);
	pass_time();
}

static bool possible(char *why, size_t len)
{
	if (geteuid()) {
		snprintf(why, len, "uid %d: no permission to count tracepoints", geteuid());
		return false;
	}
	if (!tracefs_here(why, len))
		return false;
	if (!access("/sys/kernel/tracing/events/syscalls/sys_enter_getpriority/id", F_OK))
		return true;
	snprintf(why, len, EVENT ": the kernel has no such tracepoint");
	return false;
}

/* A program that adds 1 to the map's only value and returns @answer; -errno */
static int program(int map, int answer)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 1 },
		{ .code = BPF_STX | BPF_DW | BPF_ATOMIC, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_2,
		  .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = answer },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_TRACEPOINT, NULL, "GPL", insns, ARRAY_LEN(insns), NULL);
}

/*
 * A tracepoint counted CALLS times. A program that says 1 has seen as many, at least (others
 * may call, too); one that says 0 has seen them, and they are not counted.
 */
TEST(tracepoint)
{
	struct perfring_count *count;
	struct perfring_count_value v;
	char why[WHY_LEN];
	uint64_t seen;
	uint32_t zero = 0;
	int map, fd;

	if (!possible(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(1, perfring_measure(EVENT, call, NULL, &v, 1));
	EXPECT_EQ(PERFRING_COUNTED, v.state);
	EXPECT_EQ(CALLS, v.value);
	for (unsigned int answer = 2; answer--;) {
		map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "seen", 4, 8, 1, NULL);
		ASSERT_LE(0, map);
		fd = program(map, (int)answer);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, perfring_count_open_text(EVENT, 0, -1, NULL, &count, NULL));
		EXPECT_EQ(-EINVAL, perfring_count_set_bpf(count, 1, fd));
		ASSERT_EQ(0, perfring_count_set_bpf(count, 0, fd));
		EXPECT_EQ(-EEXIST, perfring_count_set_bpf(count, 0, fd));
		close(fd);
		ASSERT_EQ(1, perfring_count_measure(count, call, NULL, &v, 1));
		EXPECT_EQ(PERFRING_COUNTED, v.state);
		EXPECT_EQ(answer * CALLS, v.value);
		ASSERT_EQ(0, bpf_map_lookup_elem(map, &zero, &seen));
		EXPECT_LE(CALLS, seen);
		perfring_count_close(count);
		close(map);
	}
	/* With the event the program has gone. */
	ASSERT_EQ(1, perfring_measure(EVENT, call, NULL, &v, 1));
	EXPECT_EQ(CALLS, v.value);
}

/* Not for a program: an event that is none's, or not open. */
TEST(not_for_bpf)
{
	struct perfring_count_opts opts = { .size = sizeof(opts), .optional = 1 };
	struct perfring_count *count;

	ASSERT_EQ(0, perfring_count_open_text("dummy,2147483632:1", 0, -1, &opts, &count, NULL));
	EXPECT_EQ(-EBADF, perfring_count_set_bpf(count, 0, -1));
	EXPECT_EQ(-ENOENT, perfring_count_set_bpf(count, 1, -1));
	perfring_count_close(count);
}

#define SYSCALLS "syscalls:sys_enter_read,syscalls:sys_enter_ioctl,raw_syscalls:sys_enter"
#define CLOCKS	"cpu-clock,task-clock,dummy,page-faults,cs"

struct reading {
	struct perfring_count *count;
	struct perfring_count_value value[5];
	uint64_t now;
};

static void read_all(void *context)
{
	struct reading *r = context;

	perfring_count_read(r->count, r->value, 5);
}

static void read_one(void *context)
{
	struct reading *r = context;

	perfring_count_now(r->count, 3, &r->now);
}

static void start_stop(void *context)
{
	struct reading *r = context;

	perfring_count_start(r->count);
	perfring_count_stop(r->count);
}

static void empty(void *context)
{
}

static void measure(void *context)
{
	struct reading *r = context;

	perfring_count_measure(r->count, empty, NULL, r->value, 5);
}

/*
 * System calls counted by their tracepoints: a group of five is one read(2), whatever is read
 * of it, so that its values are of one moment; single ones are five. A group is started by
 * one ioctl(2). A measurement with counters that are kept open is two and one, nothing else.
 */
TEST(system_calls)
{
	static const struct {
		const char *events;
		uint64_t reads, ioctls;
	} rows[] = {
		{ "{" CLOCKS "}", 1, 1 },
		{ CLOCKS, 5, 5 },
	};
	struct perfring_count *calls;
	struct perfring_count_value v[3];
	struct reading r = {};
	char why[WHY_LEN];

	if (!possible(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, perfring_count_open_text(SYSCALLS, 0, -1, NULL, &calls, NULL));
	for (unsigned int i = 0; i < ARRAY_LEN(rows); i++) {
		ASSERT_EQ(0, perfring_count_open_text(rows[i].events, 0, -1, NULL, &r.count, NULL));
		ASSERT_EQ(0, perfring_count_start(r.count));
		/* Three ioctl(2) to start and three to stop the counters of calls: seen in part. */
		uint64_t base[3];

		ASSERT_EQ(3, perfring_count_measure(calls, empty, NULL, v, 3));
		for (int j = 0; j < 3; j++)
			base[j] = v[j].value;
		ASSERT_EQ(3, perfring_count_measure(calls, read_all, &r, v, 3));
		EXPECT_EQ(rows[i].reads, v[0].value - base[0]);
		EXPECT_EQ(0, v[1].value - base[1]);
		EXPECT_EQ(rows[i].reads, v[2].value - base[2]);
		ASSERT_EQ(3, perfring_count_measure(calls, read_one, &r, v, 3));
		EXPECT_EQ(1, v[0].value - base[0]);
		EXPECT_EQ(1, v[2].value - base[2]);
		ASSERT_EQ(3, perfring_count_measure(calls, start_stop, &r, v, 3));
		EXPECT_EQ(2 * rows[i].ioctls, v[1].value - base[1]);
		EXPECT_EQ(2 * rows[i].ioctls, v[2].value - base[2]);
		/* The first finds out what the counters say, the others know. */
		measure(&r);
		ASSERT_EQ(3, perfring_count_measure(calls, measure, &r, v, 3));
		EXPECT_EQ(rows[i].reads, v[0].value - base[0]);
		EXPECT_EQ(2 * rows[i].ioctls, v[1].value - base[1]);
		EXPECT_EQ(rows[i].reads + 2 * rows[i].ioctls, v[2].value - base[2]);
		perfring_count_close(r.count);
	}
	perfring_count_close(calls);
}

TEST_HARNESS_MAIN
