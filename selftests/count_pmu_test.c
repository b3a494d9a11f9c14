// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of a processor: instructions that the test knows, by their registers and by
 * read(2), more counters than there are registers.  Needs a PMU, which few virtual machines
 * have; with ARCH=arm64 this runs in one that counts exactly (icount in check.sh).
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "fixtures.h"

#define USER_ACCESS	"/proc/sys/kernel/perf_user_access"
#define LOOP	1000000UL
/* Per mille of what is expected: what interrupts add, and where a counter starts late. */
#define NEAR(want, got, per_mille)						\
	({									\
		uint64_t want_ = (want), got_ = (got);				\
										\
		(got_ > want_ ? got_ - want_ : want_ - got_) * 1000 <= want_ * (per_mille);	\
	})

/* Two instructions, @n times. */
__attribute__((noinline))
static void loop(unsigned long n)
{
#if defined(__x86_64) || defined(__i386)
	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n) : : "cc");
#elif defined(__aarch64__)
	__asm__ volatile("1: subs %0, %0, #1\n\tb.ne 1b" : "+r"(n) : : "cc");
#else
	(void)n;
#endif
}

#define INSTRUCTIONS								\
	{									\
		.type = PERF_TYPE_HARDWARE, .config = PERF_COUNT_HW_INSTRUCTIONS,	\
		.exclude_kernel = 1, .exclude_hv = 1,				\
	}

static const struct perf_event_attr instructions = INSTRUCTIONS;

FIXTURE(pmu) {
	struct perfring_count *count;
	struct perfring_count *other;
};

FIXTURE_SETUP(pmu)
{
	int err = perfring_count_open(&instructions, 1, 0, -1, NULL, &self->count);

#if !defined(__x86_64) && !defined(__i386) && !defined(__aarch64__)
	SKIP(return, "no loop of known length for this architecture");
#endif
	if (err == -ENOENT)
		SKIP(return, "no PMU on this machine that counts instructions");
	if (err == -EACCES || err == -EPERM)
		SKIP(return, "perf_event_open: no permission (perf_event_paranoid)");
	ASSERT_EQ(0, err);
	perfring_count_close(self->count);
	self->count = NULL;
}

FIXTURE_TEARDOWN(pmu)
{
	perfring_count_close(self->count);
	perfring_count_close(self->other);
}

static int open_self(unsigned int self, struct perfring_count **out)
{
	struct perfring_count_opts opts = { .size = sizeof(opts), .self = self };

	return perfring_count_open(&instructions, 1, 0, -1, &opts, out);
}

/* Does the kernel let registers be read?  The explanation knows. */
static bool self_allowed(void)
{
	struct perfring_count_report report;

	perfring_count_explain(NULL, 0, -1, 0, &report);
	return report.self_allowed > 0;
}

/* By each way the same: the difference of two lengths has no overhead in it. */
TEST_F(pmu, instructions)
{
	struct perfring_count_value value;
	struct perfring_count_info info;
	uint64_t a, b, c;

	for (unsigned int way = PERFRING_SELF_AUTO; way <= PERFRING_SELF_OFF; way++) {
		ASSERT_EQ(0, open_self(way, &self->count));
		ASSERT_EQ(0, perfring_count_info(self->count, 0, &info));
		if (way == PERFRING_SELF_ON && self_allowed())
			EXPECT_EQ(PERFRING_METHOD_SELF, info.method);
		if (way == PERFRING_SELF_OFF)
			EXPECT_EQ(PERFRING_METHOD_OFF, info.method);
		/* It takes the quicker one, as it was measured. */
		if (way == PERFRING_SELF_AUTO && info.self_ns)
			EXPECT_EQ(info.self_ns < info.read_ns ? PERFRING_METHOD_SELF :
				  PERFRING_METHOD_SLOWER, info.method);
		/* What open tried does not show. */
		ASSERT_EQ(1, perfring_count_read(self->count, &value, 1));
		EXPECT_EQ(PERFRING_COUNT_NONE, value.state);
		ASSERT_EQ(0, perfring_count_start(self->count));
		ASSERT_EQ(0, perfring_count_now(self->count, 0, &a));
		loop(LOOP);
		ASSERT_EQ(0, perfring_count_now(self->count, 0, &b));
		loop(2 * LOOP);
		ASSERT_EQ(0, perfring_count_now(self->count, 0, &c));
		EXPECT_TRUE(NEAR(2 * LOOP, (c - b) - (b - a), 10)) {
			TH_LOG("%s: %llu, %llu", perfring_count_method_text(info.method),
			       (unsigned long long)(b - a), (unsigned long long)(c - b));
		}
		perfring_count_close(self->count);
		self->count = NULL;
	}
}

/* Register, read(2), register of the same event: count and times go up, and are near. */
TEST_F(pmu, register_and_read)
{
	struct perfring_count_value value[2];
	struct perfring_count_info info;
	uint64_t words[3];

	ASSERT_EQ(0, open_self(PERFRING_SELF_ON, &self->count));
	ASSERT_EQ(0, perfring_count_info(self->count, 0, &info));
	if (info.method != PERFRING_METHOD_SELF)
		SKIP(return, "the kernel does not let the register be read (rdpmc, perf_user_access)");
	ASSERT_EQ(0, perfring_count_reset(self->count));
	ASSERT_EQ(0, perfring_count_start(self->count));
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, perfring_count_read_one(self->count, 0, &value[0]));
		ASSERT_EQ(sizeof(words), read(info.fd, words, sizeof(words)));
		ASSERT_EQ(0, perfring_count_read_one(self->count, 0, &value[1]));
		EXPECT_EQ(PERFRING_COUNTED, value[0].state);
		if (words[1] == words[2])
			EXPECT_EQ(value[0].running, value[0].enabled);
		EXPECT_LT(value[0].value, value[1].value);
		EXPECT_LT(value[0].enabled, value[1].enabled);
		/* read(2) says what open and its measurement counted as well. */
		EXPECT_LE(value[0].value, words[0]);
		EXPECT_LE(value[0].enabled, words[1]);
		loop(1000);
	}
	EXPECT_TRUE(NEAR(100 * 2 * 1000, value[1].value, 500));
}

/* Two of the same kind in a group, read at one moment: the same but for their start. */
TEST_F(pmu, group)
{
	const struct perf_event_attr attrs[] = { INSTRUCTIONS, INSTRUCTIONS };
	struct perfring_count_opts opts = { .size = sizeof(opts), .group = 1 };
	struct perfring_count_value value[2];

	ASSERT_EQ(0, perfring_count_open(attrs, 2, 0, -1, &opts, &self->count));
	ASSERT_EQ(0, perfring_count_start(self->count));
	for (int i = 0; i < 100; i++) {
		loop(100);
		ASSERT_EQ(2, perfring_count_read(self->count, value, 2));
		EXPECT_EQ(value[0].running, value[1].running);
		EXPECT_TRUE(value[0].value + 64 >= value[1].value &&
			    value[1].value + 64 >= value[0].value) {
			TH_LOG("%llu %llu", (unsigned long long)value[0].value,
			       (unsigned long long)value[1].value);
		}
	}
}

#define MANY	16

/* More counters than registers take turns; each estimates what it would have counted alone. */
TEST_F(pmu, multiplexed)
{
	struct perf_event_attr attrs[MANY];
	struct perfring_count_value value[MANY];
	unsigned long laps = 0;
	bool turns = false;

	for (int i = 0; i < MANY; i++)
		attrs[i] = instructions;
	for (unsigned int way = PERFRING_SELF_ON; way <= PERFRING_SELF_OFF; way++) {
		struct perfring_count_opts opts = { .size = sizeof(opts), .self = way };
		uint64_t end = 0;

		ASSERT_EQ(0, perfring_count_open(attrs, MANY, 0, -1, &opts, &self->count));
		ASSERT_EQ(0, perfring_count_start(self->count));
		/* 400 ms of its own time, by its own clock. */
		for (laps = 0; end < 400000000; laps++) {
			loop(LOOP / 10);
			ASSERT_EQ(0, perfring_count_read_one(self->count, 0, &value[0]));
			end = value[0].enabled;
		}
		ASSERT_EQ(MANY, perfring_count_read(self->count, value, MANY));
		for (int i = 0; i < MANY; i++) {
			turns |= value[i].running < value[i].enabled;
			ASSERT_EQ(PERFRING_COUNTED, value[i].state);
			EXPECT_TRUE(NEAR(2 * LOOP / 10 * laps, value[i].scaled, 100)) {
				TH_LOG("%d: value %llu scaled %llu of %lu, %llu of %llu ns", i,
				       (unsigned long long)value[i].value,
				       (unsigned long long)value[i].scaled, 2 * LOOP / 10 * laps,
				       (unsigned long long)value[i].running,
				       (unsigned long long)value[i].enabled);
			}
		}
		perfring_count_close(self->count);
		self->count = NULL;
	}
	if (!turns)
		SKIP(return, "the PMU has %d counters or more: none has to wait", MANY);
}

/* A group that is larger than any PMU: refused, in part, or never counted; never 0 for that. */
TEST_F(pmu, group_too_large)
{
	struct perf_event_attr attrs[2 * MANY];
	struct perfring_count_value value[2 * MANY];
	struct perfring_count_opts opts = { .size = sizeof(opts), .group = 1 };

	for (int i = 0; i < 2 * MANY; i++)
		attrs[i] = instructions;
	EXPECT_EQ(-EINVAL, perfring_count_open(attrs, 2 * MANY, 0, -1, &opts, &self->count));
	opts.optional = 1;
	ASSERT_EQ(0, perfring_count_open(attrs, 2 * MANY, 0, -1, &opts, &self->count));
	ASSERT_EQ(0, perfring_count_start(self->count));
	loop(LOOP);
	ASSERT_EQ(0, perfring_count_stop(self->count));
	ASSERT_EQ(2 * MANY, perfring_count_read(self->count, value, 2 * MANY));
	for (int i = 0; i < 2 * MANY; i++) {
		if (value[i].state == PERFRING_COUNTED)
			EXPECT_TRUE(NEAR(2 * LOOP, value[i].scaled, 100));
	}
	EXPECT_EQ(PERFRING_COUNT_UNSUPPORTED, value[2 * MANY - 1].state);
	EXPECT_EQ(-EINVAL, value[2 * MANY - 1].error);
}

static void *now_elsewhere(void *arg)
{
	uint64_t value = 0;

	loop(LOOP);	/* what it does itself does not count */
	return (void *)(uintptr_t)(perfring_count_now(arg, 0, &value) ? 0 : value);
}

/* Another thread's registers are not ours, nor is a child's copy of the page there. */
TEST_F(pmu, others)
{
	uint64_t before, value;
	pthread_t thread;
	void *seen;
	int status;
	pid_t child;

	ASSERT_EQ(0, open_self(PERFRING_SELF_ON, &self->count));
	ASSERT_EQ(0, perfring_count_start(self->count));
	loop(LOOP);
	ASSERT_EQ(0, pthread_create(&thread, NULL, now_elsewhere, self->count));
	pthread_join(thread, &seen);
	EXPECT_TRUE(NEAR(2 * LOOP, (uintptr_t)seen, 100)) {
		TH_LOG("%llu", (unsigned long long)(uintptr_t)seen);
	}
	ASSERT_EQ(0, perfring_count_now(self->count, 0, &before));
	child = fork();
	if (!child) {
		loop(LOOP);
		status = perfring_count_now(self->count, 0, &value) ? 1 :
			 !NEAR(2 * LOOP, value, 100);
		perfring_count_close(self->count);
		_exit(status);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	/* The page is still there. */
	ASSERT_EQ(0, perfring_count_now(self->count, 0, &before));
	loop(1000);
	ASSERT_EQ(0, perfring_count_now(self->count, 0, &value));
	EXPECT_LE(2000, value - before);
	EXPECT_GT(20000, value - before);
}

/* Far between: an emulated processor looks for overflows at clock ticks alone. */
#define PERIOD	(3 * LOOP)

static volatile uint64_t loaded;

/*
 * Sampled: a generic event, that of a cache where there is one, and a number of the
 * processor's own.  Each counts at least what the loop has, and gives a sample for each period
 * of that; where it says it was may be some instructions later, now and then in the kernel.
 */
TEST_F(pmu, samples)
{
	struct perf_event_attr attrs[] = {
		INSTRUCTIONS,
#if defined(__aarch64__)
		{ .type = PERF_TYPE_RAW, .config = 0x08 },	/* INST_RETIRED */
#else
		{ .type = PERF_TYPE_RAW, .config = 0xc0 },	/* the same of Intel and of AMD */
#endif
		{ .type = PERF_TYPE_HW_CACHE, .config = PERF_COUNT_HW_CACHE_L1D },
	};
	struct perfring_perf_opts opts = { .size = sizeof(opts), .pages = 64 };
	struct perfring_storage *storage;
	struct perfring_sample sample;
	struct perfring_format *format;
	struct perfring_record record;
	struct perfring_batch batch;
	struct perfring_ring *ring;
	uint64_t words[3], seen, elsewhere;
	int err;

	for (unsigned int i = 0; i < ARRAY_LEN(attrs); i++) {
		attrs[i].exclude_kernel = 1;
		attrs[i].exclude_hv = 1;
		attrs[i].disabled = 1;
		attrs[i].sample_period = PERIOD;
		attrs[i].sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_PERIOD;
		attrs[i].read_format = PERF_FORMAT_TOTAL_TIME_ENABLED |
				       PERF_FORMAT_TOTAL_TIME_RUNNING;
		err = perfring_storage_open_perf(&attrs[i], 0, -1, &opts, &storage);
		if (i == ARRAY_LEN(attrs) - 1 && (err == -ENOENT || err == -EOPNOTSUPP))
			break;	/* the PMU does not count its cache */
		ASSERT_EQ(0, err);
		ASSERT_EQ(0, perfring_format_compile(&attrs[i], &format));
		ASSERT_EQ(0, perfring_ring_open(storage, NULL, &ring));
		ASSERT_EQ(0, perfring_storage_enable(storage));
		for (unsigned long j = 0; j < 10 * LOOP; j++)
			loaded;
		ASSERT_EQ(0, perfring_storage_disable(storage));
		ASSERT_EQ(3, perfring_storage_read(storage, words, 3));
		ASSERT_LT(0, words[2]);
		/* Other events may have had the counter for a part of the time. */
		EXPECT_LE(9.0 * LOOP, (double)words[0] / words[2] * words[1]);
		ASSERT_EQ(0, perfring_batch_begin(ring, &batch));
		for (seen = elsewhere = 0; perfring_batch_next(&batch, &record) > 0;) {
			if (record.type != PERF_RECORD_SAMPLE)
				continue;	/* THROTTLE, perhaps */
			ASSERT_EQ(0, perfring_decode_sample(format, &record, &sample, NULL));
			EXPECT_EQ(PERIOD, sample.period);
			EXPECT_EQ((uint32_t)gettid(), sample.tid);
			elsewhere += sample.ip >> 63;
			seen++;
		}
		perfring_batch_commit(&batch);
		EXPECT_GE(seen / 2, elsewhere);
		/* One for each period; less of them where the kernel throttled. */
		EXPECT_GE(words[0] / PERIOD + 1, seen);
		EXPECT_LE(words[0] / PERIOD / 2, seen) {
			TH_LOG("event %u: %llu samples of %llu", i, (unsigned long long)seen,
			       (unsigned long long)words[0]);
		}
		perfring_ring_close(ring);
		EXPECT_EQ(0, perfring_storage_close(storage));
		perfring_format_free(format);
	}
}

static char access_before[16];
static pid_t main_pid;

/* The harness ends the program itself. */
static void restore_access(void)
{
	if (getpid() == main_pid)
		file_write(USER_ACCESS, access_before);
}

int main(int argc, char **argv)
{
	/* arm64: registers may be read if somebody has allowed it. */
	main_pid = getpid();
	if (file_read(USER_ACCESS, access_before, sizeof(access_before)) > 0 &&
	    !atexit(restore_access))
		file_write(USER_ACCESS, "1");
	return test_harness_run(argc, argv);
}
