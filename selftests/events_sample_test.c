// SPDX-License-Identifier: GPL-2.0
/* Events on tasks and CPUs, sampled: whose a record is, and what it says. */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <time.h>
#include "events_kit.h"

/* Samples of two events in one ring: each tells its event, and has its own address. */
TEST_F(events, samples_of_two_events_share_a_ring)
{
	unsigned int seen[2] = { 0, 0 };
	struct perfring_record record;
	struct perfring_event event;
	size_t index;

	NEED_BREAKPOINTS();
	self->opts.sampling = 1;
	snprintf(self->text, sizeof(self->text), "mem:%p/" WORD ":w:u,mem:%p/" WORD ":w:u",
		 (void *)&watched[0], (void *)&watched[1]);
	OPEN();
	EXPECT_EQ(0, perfring_events_rings(self->events));
	EXPECT_EQ(1, perfring_reader_count(self->reader));
	ASSERT_EQ(0, perfring_events_enable(self->events));
	store(TIMES);
	for (int i = 0; i < 2 * TIMES; i++)
		watched[1] = 1;
	ASSERT_EQ(0, perfring_events_disable(self->events));
	while (perfring_reader_next(self->reader, &record, NULL) == 1) {
		ASSERT_EQ(0, perfring_events_decode(self->events, &record, &event, &index, NULL));
		ASSERT_EQ(PERFRING_EVENT_SAMPLE, event.kind);
		ASSERT_GT(2, index);
		EXPECT_EQ((uintptr_t)&watched[index], event.u.sample.addr);
		EXPECT_EQ((uint32_t)getpid(), event.u.sample.pid);
		seen[index]++;
	}
	EXPECT_EQ(TIMES, seen[0]);
	EXPECT_EQ(2 * TIMES, seen[1]);
	EXPECT_EQ(-ENOENT, perfring_events_find(self->events, 0, NULL, NULL));
}

/* The events may go first: their rings are the reader's, with what is in them. */
TEST_F(events, rings_outlive_their_events)
{
	struct perfring_record record;
	unsigned int seen = 0;

	NEED_BREAKPOINTS();
	self->opts.sampling = 1;
	snprintf(self->text, sizeof(self->text), "mem:%p/" WORD ":w:u", (void *)&watched[0]);
	OPEN();
	ASSERT_EQ(0, perfring_events_enable(self->events));
	store(5);
	perfring_events_close(self->events);
	self->events = NULL;
	store(5);
	while (perfring_reader_next(self->reader, &record, NULL) == 1)
		seen++;
	EXPECT_EQ(5, seen);
}

/*
 * S: the leader's samples, and no others, have the counts of both.  The kernel counts a fault
 * before it says what kind it was, so at that moment the two are the same.
 */
TEST_F(events, samples_read_their_group)
{
	struct perfring_read_entry entry[2];
	struct perfring_record record;
	struct perfring_event event;
	unsigned int seen = 0;

	ASSERT_TRUE(fault(1));
	self->opts.sampling = 1;
	self->opts.period = 1;
	strcpy(self->text, "{minor-faults,faults}:uS");
	OPEN();
	ASSERT_EQ(0, perfring_events_enable(self->events));
	ASSERT_TRUE(fault(TIMES));
	ASSERT_EQ(0, perfring_events_disable(self->events));
	while (perfring_reader_next(self->reader, &record, NULL) == 1) {
		ASSERT_EQ(0, perfring_events_decode(self->events, &record, &event, NULL, NULL));
		ASSERT_EQ(2, event.u.sample.read.nr);
		ASSERT_EQ(0, perfring_read_entry(&event.u.sample.read, 0, &entry[0]));
		ASSERT_EQ(0, perfring_read_entry(&event.u.sample.read, 1, &entry[1]));
		seen++;
		EXPECT_EQ(seen, entry[0].value);
		EXPECT_EQ(seen, entry[1].value);
	}
	EXPECT_LE(TIMES, seen);
}

/* Their samples come through rings of the CPUs, and say who they are. */
TEST_F(events, children_are_sampled)
{
	unsigned int seen = 0;
	struct perfring_record record;
	struct perfring_event event;
	struct child child;

	NEED_BREAKPOINTS();
	self->opts.sampling = 1;
	self->opts.inherit = 1;
	snprintf(self->text, sizeof(self->text), "mem:%p/" WORD ":w:u", (void *)&watched[0]);
	OPEN();
	/* perf opens the event of a task where a CPU is offline, too. */
	EXPECT_EQ(sysconf(_SC_NPROCESSORS_CONF), (int)perfring_reader_count(self->reader));
	ASSERT_EQ(0, perfring_events_enable(self->events));
	ASSERT_TRUE(child_start(&child, store_times));
	ASSERT_TRUE(child_run(&child));
	while (perfring_reader_next(self->reader, &record, NULL) == 1) {
		ASSERT_EQ(0, perfring_events_decode(self->events, &record, &event, NULL, NULL));
		if (event.kind != PERFRING_EVENT_SAMPLE)
			continue;
		EXPECT_EQ((uint32_t)child.pid, event.u.sample.pid);
		seen++;
	}
	EXPECT_EQ(TIMES, seen);
}

/* The records' times are of the clock that was asked for. */
TEST_F(events, clock)
{
	struct timespec before, after;
	struct perfring_record record;
	struct perfring_event event;

	self->opts.sampling = 1;
	self->opts.use_clockid = 1;
	self->opts.clockid = CLOCK_REALTIME;
	/* What may come in an NMI can have no such clock. */
	strcpy(self->text, "faults/period=1/u");
	OPEN();
	clock_gettime(CLOCK_REALTIME, &before);
	ASSERT_EQ(0, perfring_events_enable(self->events));
	ASSERT_TRUE(fault(1));
	ASSERT_EQ(0, perfring_events_disable(self->events));
	clock_gettime(CLOCK_REALTIME, &after);
	ASSERT_EQ(1, perfring_reader_next(self->reader, &record, NULL));
	ASSERT_EQ(0, perfring_events_decode(self->events, &record, &event, NULL, NULL));
	EXPECT_LE((uint64_t)before.tv_sec * 1000000000 + (uint64_t)before.tv_nsec,
		  event.u.sample.time);
	EXPECT_GE((uint64_t)after.tv_sec * 1000000000 + (uint64_t)after.tv_nsec,
		  event.u.sample.time);
}

/* A tracepoint's hits with their data, those alone that pass the filter. */
TEST_F(events, tracepoint)
{
	struct perfring_record record;
	struct perfring_event event;
	unsigned int seen = 0;
	char why[WHY_LEN];
	long nr;
	int at;

	if (!tracefs_here(why, sizeof(why)))
		SKIP(return, "%s", why);
	at = tracefs_offset("raw_syscalls/sys_enter", "id");
	ASSERT_LE(8, at);
	self->opts.sampling = 1;
	strcpy(self->text, "raw_syscalls:sys_enter");
	OPEN();
	EXPECT_EQ(-EINVAL, perfring_events_set_filter(self->events, 0, "no_such_field == 1"));
	EXPECT_EQ(-ERANGE, perfring_events_set_filter(self->events, 1, "id == 1"));
	snprintf(self->text, sizeof(self->text), "id == %d", SYS_getppid);
	ASSERT_EQ(0, perfring_events_set_filter(self->events, 0, self->text));
	ASSERT_EQ(0, perfring_events_enable(self->events));
	ask_parent();
	ASSERT_EQ(0, perfring_events_disable(self->events));
	while (perfring_reader_next(self->reader, &record, NULL) == 1) {
		ASSERT_EQ(0, perfring_events_decode(self->events, &record, &event, NULL, NULL));
		ASSERT_LE(at + sizeof(nr), event.u.sample.raw_size);
		memcpy(&nr, (const char *)event.u.sample.raw + at, sizeof(nr));
		EXPECT_EQ(SYS_getppid, nr);
		seen++;
	}
	EXPECT_EQ(TIMES, seen);
}

/* So many faults, so many samples, unless a program says no. */
TEST_F(events, a_program_keeps_samples_out)
{
	const struct bpf_insn no[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, load);
	struct perfring_record record;
	unsigned int seen = 0;
	int program;

	self->opts.sampling = 1;
	self->opts.period = 1;
	strcpy(self->text, "faults:u");
	OPEN();
	ASSERT_EQ(0, perfring_events_enable(self->events));
	ASSERT_TRUE(fault(TIMES));
	ASSERT_EQ(0, perfring_events_disable(self->events));
	while (perfring_reader_next(self->reader, &record, NULL) == 1)
		seen++;
	EXPECT_LE(TIMES, seen);
	program = bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, "no", "GPL", no, ARRAY_LEN(no), &load);
	if (program < 0)
		SKIP(return, "no BPF programs here: error %d", program);
	ASSERT_EQ(0, perfring_events_set_bpf(self->events, 0, program));
	EXPECT_EQ(-EEXIST, perfring_events_set_bpf(self->events, 0, program));
	EXPECT_EQ(-ERANGE, perfring_events_set_bpf(self->events, 1, program));
	close(program);
	ASSERT_EQ(0, perfring_events_reset(self->events));
	ASSERT_EQ(0, perfring_events_enable(self->events));
	ASSERT_TRUE(fault(TIMES));
	ASSERT_EQ(0, perfring_events_disable(self->events));
	EXPECT_EQ(0, perfring_reader_next(self->reader, &record, NULL));
	ASSERT_EQ(1, perfring_events_read(self->events, self->value, 4));
	EXPECT_LE(TIMES, self->value[0].value);
}

__attribute__((noinline, noclone)) int events_sample_called(int x)
{
	/* Not empty, or else calls may be merged. */
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

static void call_times(void)
{
	for (int i = 0; i < TIMES; i++)
		events_sample_called(i);
}

static void fault_times(void)
{
	fault(TIMES);
}

/* Counted first, sampled at each hit then: both as many as @work does. */
static void count_and_sample(struct __test_metadata *_metadata, FIXTURE_DATA(events) *self,
			     void (*work)(void), bool more)
{
	struct perfring_record record;
	struct perfring_event event;
	uint64_t seen = 0;
	size_t index;

	for (int sampling = 0; sampling < 2; sampling++) {
		self->opts.sampling = (uint8_t)sampling;
		self->opts.period = sampling;
		OPEN();
		ASSERT_EQ(0, perfring_events_enable(self->events));
		work();
		ASSERT_EQ(0, perfring_events_disable(self->events));
		ASSERT_EQ(1, perfring_events_read(self->events, self->value, 4));
		EXPECT_EQ(PERFRING_COUNTED, self->value[0].state);
		EXPECT_LE(TIMES, self->value[0].value);
		EXPECT_TRUE(more || self->value[0].value == TIMES) {
			TH_LOG("%s: %llu", self->text, (unsigned long long)self->value[0].value);
		}
		while (sampling && perfring_reader_next(self->reader, &record, NULL) == 1) {
			ASSERT_EQ(0, perfring_events_decode(self->events, &record, &event, &index,
							    NULL));
			ASSERT_EQ(PERFRING_EVENT_SAMPLE, event.kind);
			EXPECT_EQ(0, index);
			EXPECT_EQ((uint32_t)getpid(), event.u.sample.pid);
			seen++;
		}
		close_events(self);
	}
	EXPECT_EQ(self->value[0].value, seen) {
		TH_LOG("%s", self->text);
	}
}

/* What the kernel itself counts, of each kind: as many samples as hits. */
TEST_F(events, kinds_are_counted_and_sampled)
{
	char path[256] = "", why[WHY_LEN];

	strcpy(self->text, "faults:u");
	count_and_sample(_metadata, self, fault_times, true);
	snprintf(self->text, sizeof(self->text), "mem:%p/" WORD ":w:u", (void *)&watched[0]);
	if (has_pmu("breakpoint"))
		count_and_sample(_metadata, self, store_times, false);
	if (!access("/sys/bus/event_source/devices/kprobe/type", R_OK)) {
		strcpy(self->text, "kprobe:" GETPPID);
		count_and_sample(_metadata, self, ask_parent, false);
		ASSERT_LT(0, readlink("/proc/self/exe", path, sizeof(path) - 1));
		snprintf(self->text, sizeof(self->text), "uprobe:%s:events_sample_called", path);
		count_and_sample(_metadata, self, call_times, false);
	}
	if (tracefs_here(why, sizeof(why))) {
		strcpy(self->text, "syscalls:sys_enter_getppid");
		count_and_sample(_metadata, self, ask_parent, false);
	}
}

/* The first event tells of tasks, too: the child's FORK, COMM and EXIT. */
TEST_F(events, tasks_are_tracked)
{
	bool fork_seen = false, exit_seen = false, comm_seen = false;
	struct perfring_record record;
	struct perfring_event event;
	struct child child;

	self->opts.sampling = 1;
	self->opts.inherit = 1;
	self->opts.track = 1;
	strcpy(self->text, "dummy:u");
	OPEN();
	ASSERT_EQ(0, perfring_events_enable(self->events));
	ASSERT_TRUE(child_start(&child, exec_true));
	ASSERT_TRUE(child_run(&child));
	while (perfring_reader_next(self->reader, &record, NULL) == 1) {
		ASSERT_EQ(0, perfring_events_decode(self->events, &record, &event, NULL, NULL));
		fork_seen = fork_seen || event.type == PERF_RECORD_FORK;
		exit_seen = exit_seen || event.type == PERF_RECORD_EXIT;
		comm_seen = comm_seen || event.type == PERF_RECORD_COMM;
	}
	EXPECT_TRUE(fork_seen);
	EXPECT_TRUE(comm_seen);
	EXPECT_TRUE(exit_seen);
}

TEST_HARNESS_MAIN
