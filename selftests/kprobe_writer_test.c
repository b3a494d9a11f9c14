// SPDX-License-Identifier: GPL-2.0
/*
 * The source kprobe where it hurts: in the writer that tells of its hits, in the
 * scheduler, in clocks and locks, and switched while it is hit.
 */
#include <sched.h>
#include <stdlib.h>
#include "kprobe.h"
#include "module_code.h"
#include "stepping.h"

#define MISSED	"/sys/bus/event_source/devices/perfring/missed/kprobe"

/*
 * A probe on what the writer itself calls: 100 records of another event are 100
 * hits, and writing each of these would be one more, which is counted as missed.
 */
TEST_F(kprobe, own_writer)
{
	struct perf_event_attr attr = kprobe_attr("perfring_output");
	struct perfring_emit result;
	struct perfring_stats stats;
	long missed = file_long(MISSED, -1);
	struct raw raw;
	int fd;

	ASSERT_LE(0, missed);
	fd = device_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, raw_map(&raw, fd, 16, 0));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 16));
	ASSERT_EQ(0, emit(fd, PERF_RECORD_SAMPLE, 0, NULL, 20, N, &result));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(N, result.written);
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_EQ(N, stats.written);
	EXPECT_EQ(N, stats.attempted);
	EXPECT_EQ(missed + N, file_long(MISSED, -1));
	raw_unmap(&raw);
	close(fd);
	/* What a closed event has missed stays in the sum. */
	close(self->fd);
	EXPECT_EQ(missed + N, file_long(MISSED, -1));
	self->fd = device_open(0);
}

/*
 * A probe on what wakes the reader, and a reader that is to wake with every record:
 * each hit would make the next. They come to an end: what little wakes happen by
 * themselves in 300 ms are far fewer than such a circle makes, 100,000 and more.
 */
TEST_F(kprobe, own_wakeup)
{
	struct perf_event_attr attr = kprobe_attr("__wake_up");
	struct perfring_stats stats;

	attr.type = pmu_type();
	attr.wakeup_events = 1;
	ASSERT_EQ(0, modify(self->fd, attr));
	/* Overwriting, so that it would go on for ever. */
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, PROT_READ));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	/* One to begin with: a pipe's reader is woken by it, at least on this CPU. */
	ASSERT_EQ(0, system("echo | cat >/dev/null"));
	sleep_ms(300);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_GT(10000, stats.written);
}

#ifdef __x86_64__
struct code {
	const char *function;
	unsigned char bytes[32768];	/* KASAN makes much of it */
	size_t len;
};

static int code_take(const struct module_function *function, void *context)
{
	struct code *code = context;

	if (strcmp(function->name, code->function) != 0)
		return 0;
	if (function->size > sizeof(code->bytes))
		return -E2BIG;
	memcpy(code->bytes, function->code, function->size);
	code->len = function->size;
	return 1;
}

/*
 * One ring for both events, and the probe at each instruction around the function's
 * compare-and-exchanges, of which one is the loop for room: it would not end if each
 * turn took some. The records are written all the same, and hits while the
 * writer is at work are counted as missed; those before it has come in are written
 * before it, so that it finds another head than it looked at.
 */
static void own_ring(struct __test_metadata *_metadata, FIXTURE_DATA(kprobe) *self,
		     const char *function, int prot)
{
	struct perf_event_attr attr = kprobe_attr(function);
	int fd, probed = 0, loops = 0;
	struct perfring_stats stats;
	struct perfring_emit result;
	static struct code code;
	long missed = file_long(MISSED, -1);
	uint64_t last = 0;
	static uint64_t buf[8192];
	struct raw raw;
	int records;
	size_t i;

	if (!getenv("PERFRING_MODULE"))
		SKIP(return, "PERFRING_MODULE is not set: no code to look at");
	code.function = function;
	records = module_functions(code_take, &code);
	ASSERT_LE(0, records);
	if (!records)
		SKIP(return, "%s: the compiler has put it into its callers", function);
	fd = device_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, raw_map(&raw, fd, 16, prot));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	for (i = 0; i + 1 < code.len; i++) {
		/* cmpxchg is 0f b1 and the place in memory; 40 bytes before and after. */
		if (code.bytes[i] != 0x0f || code.bytes[i + 1] != 0xb1)
			continue;
		loops++;
		attr.config2 = i < 40 + last ? last : i - 40;
		for (; attr.config2 < i + 40 && attr.config2 < code.len; attr.config2++) {
			close(self->fd);
			self->fd = device_open(0);
			ASSERT_LE(0, self->fd);
			if (modify(self->fd, attr))
				continue;
			probed++;
			ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_SET_OUTPUT, fd));
			ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
			ASSERT_EQ(0, emit(fd, PERF_RECORD_SAMPLE, 0, NULL, 20, 10, &result));
			EXPECT_EQ(10, result.written);
			ASSERT_EQ(0, device_stats(self->fd, &stats));
			EXPECT_TRUE(stats_balance(&stats));
			if (!(prot & PROT_WRITE))
				continue;
			/* Each has a place of its own: what two had would be one. */
			for (records = 0; raw_next(&raw, buf) > 0; records++)
				;
			EXPECT_EQ(10 + (int)stats.written, records);
		}
		last = attr.config2;
	}
	EXPECT_LE(1, loops);
	EXPECT_LE(10, probed);
	/* The loop itself for each record, at the least. */
	EXPECT_LE(missed + 10, file_long(MISSED, -1));
	ASSERT_EQ(0, device_stats(fd, &stats));
	EXPECT_EQ(10 * probed, (int)stats.written);
	EXPECT_TRUE(stats_balance(&stats));
	raw_unmap(&raw);
	close(fd);
}

/* An overwriting ring is what the short way is not for. */
TEST_F_TIMEOUT(kprobe, own_ring, 100)
{
	own_ring(_metadata, self, "perfring_output_begin", PROT_READ);
}

TEST_F_TIMEOUT(kprobe, own_ring_in_short, 100)
{
	own_ring(_metadata, self, "perfring_plain_write", PROT_READ | PROT_WRITE);
}
#else
TEST_F(kprobe, own_ring)
{
	SKIP(return, "the instruction to look for is known for x86-64 alone");
}
#endif

static bool stop;

static void *busy(void *arg)
{
	uint64_t end = now_ns() + 60000000000ULL;
	int fd = *(int *)arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED) && now_ns() < end) {
		emit(fd, PERF_RECORD_SAMPLE, 0, NULL, 100, 20, NULL);
		sched_yield();
		syscall(SYS_getppid);
	}
	return NULL;
}

/*
 * Probes where it hurts: the scheduler, clocks, locks, wakeups, the writer, while
 * both CPUs write, switch and call. What perf probes, the device does; what it
 * refuses, the device does too, or it is a function that ftrace cannot trace, which is
 * perf's reason and not ours. The counts add up; the kernel's complaints are looked
 * for by who runs the guest.
 */
TEST_F_TIMEOUT(kprobe, anywhere, 120)
{
	static const char *const symbols[] = {
		"__schedule", "schedule", "try_to_wake_up", "finish_task_switch.isra.0",
		"local_clock", "sched_clock_cpu", "_raw_spin_lock", "_raw_spin_unlock_irqrestore",
		"irq_work_queue", "irq_work_run", "hrtimer_interrupt", "ktime_get_mono_fast_ns",
		"stack_trace_save", "__rcu_read_lock", "__rcu_read_unlock", "rcu_is_watching",
		"perfring_output", "perfring_commit", "perfring_wakeup_due", "perfring_plain_write",
		"perfring_sample_fields", "perfring_kprobe_hit", "perfring_ioctl", "memcpy",
		"do_syscall_64", "asm_exc_nmi", "nmi_handle", "kprobe_ftrace_handler",
		"task_tgid_nr_ns", "__task_pid_nr_ns", "perfring_task_ids", "unwind_next_frame",
	};
	/* What ftrace cannot trace is probed by a step over its first instruction. */
	const bool steps = stepping_works();
	struct perf_event_attr attr;
	struct perfring_stats stats;
	pthread_t thread[2];
	unsigned int i, taken = 0;
	struct raw raw;
	int fd, ret, perfs;

	fd = device_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, raw_map(&raw, fd, 16, PROT_READ));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	stop = false;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pin_to(i && second_cpu() > 0 ? second_cpu() : 0));
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, busy, &fd));
	}
	ASSERT_EQ(0, pin_to(0));
	for (i = 0; i < ARRAY_LEN(symbols); i++) {
		attr = kprobe_attr(symbols[i]);
		attr.sample_type |= PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN;
		attr.exclude_callchain_user = 1;
		/* A page, so that it is often full, and wakes. */
		ret = modify(self->fd, attr);
		perfs = oracle(attr);
		EXPECT_TRUE(ret == perfs || (perfs == -EINVAL && !ret)) {
			TH_LOG("%s: %d, perf: %d", symbols[i], ret, perfs);
		}
		taken += !ret;
		if (!ret && (perfs != -EINVAL || steps)) {
			ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
			EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
			sleep_ms(20);
			EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
			ASSERT_EQ(0, device_stats(self->fd, &stats));
			EXPECT_TRUE(stats_balance(&stats));
			raw_unmap(&self->raw);
		}
		close(self->fd);
		self->fd = device_open(0);
		ASSERT_LE(0, self->fd);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	/* More than half of them are there in every kernel. */
	EXPECT_LT(ARRAY_LEN(symbols) / 2, taken);
	ASSERT_EQ(0, device_stats(fd, &stats));
	EXPECT_TRUE(stats_balance(&stats));
	raw_unmap(&raw);
	close(fd);
}

/* Switched, closed, and opened again while two threads run into it all the time. */
TEST_F_TIMEOUT(kprobe, switched_under_load, 60)
{
	struct perf_event_attr attr = kprobe_attr(SYMBOL);
	int other = second_cpu(), i, fd;
	pthread_t thread[2];
	uint64_t head;

	fd = device_open(0);
	stop = false;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pin_to(i && other > 0 ? other : 0));
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, busy, &fd));
	}
	ASSERT_EQ(0, pin_to(0));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 4));
		sleep_ms(2);
		EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
		head = raw_head(&self->raw);
		sleep_ms(2);
		EXPECT_EQ(head, raw_head(&self->raw));
		EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
		if (i == 10 && other > 0) {
			ASSERT_EQ(0, cpu_set_online(other, false));
			ASSERT_EQ(0, cpu_set_online(other, true));
		}
		raw_drop(&self->raw);
		syscall(SYS_getppid);
		EXPECT_NE(self->raw.tail, raw_head(&self->raw));
		raw_unmap(&self->raw);
		close(self->fd);
		self->fd = device_open(0);
		ASSERT_LE(0, self->fd);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	close(fd);
}

DEVICE_MAIN
