// SPDX-License-Identifier: GPL-2.0
/* Functions measured: what they did is known beforehand. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fixtures.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EXACT	false	/* a sanitizer's memory faults as well */
#else
#define EXACT	true
#endif

#define GROUPS	"{page-faults,task-clock},{2147483632:1,page-faults,minor-faults}"
#define FAULTS	"page-faults,minor-faults,major-faults"

/* *@context new pages: as many faults. */
static void touch(void *context)
{
	size_t pages = *(size_t *)context, size = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, pages * size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return;
	madvise(memory, pages * size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < pages; i++)
		((volatile char *)memory)[i * size] = 1;
	munmap(memory, pages * size);
}

/* Nothing, until it has taken time: what took none, and counts 0, was not counted. */
static void nothing(void *context)
{
	pass_time();
}

static void touch_long(void *context)
{
	touch(context);
	pass_time();
}

/* @n instructions twice: a decrement and a jump, on every machine that we know. */
__attribute__((noinline))
static void loop(void *context)
{
	unsigned long n = *(unsigned long *)context;

#if defined(__x86_64) || defined(__i386)
	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n) : : "cc");
#elif defined(__aarch64__)
	__asm__ volatile("1: subs %0, %0, #1\n\tb.ne 1b" : "+r"(n) : : "cc");
#else
	while (n--)
		__asm__ volatile("" : "+r"(n));
#endif
}

#define CHECK_FAULTS(want, got)							\
	do {									\
		EXPECT_LE((uint64_t)(want), (uint64_t)(got));			\
		if (EXACT)							\
			EXPECT_EQ((uint64_t)(want), (uint64_t)(got));		\
	} while (0)

/* Open, measure, close. */
TEST(once)
{
	struct perfring_count_value v[3];
	size_t pages = 123;
	int before = dup(0), after;

	close(before);
	touch_long(&pages);
	ASSERT_EQ(3, perfring_measure(FAULTS, touch_long, &pages, v, 3));
	CHECK_FAULTS(123, v[0].value);
	EXPECT_EQ(v[0].value, v[1].value);
	EXPECT_EQ(0, v[2].value);
	EXPECT_EQ(PERFRING_COUNTED, v[2].state);
	/* Room for one; and none of the descriptors stays. */
	ASSERT_EQ(1, perfring_measure(FAULTS, touch, &pages, v, 1));
	CHECK_FAULTS(123, v[0].value);
	after = dup(0);
	close(after);
	EXPECT_EQ(before, after);
	EXPECT_EQ(-EINVAL, perfring_measure("", touch, &pages, v, 1));
	EXPECT_GT(0, perfring_measure("page-foults", touch, &pages, v, 1));
}

/*
 * The sets whole: what this machine has is counted, the rest is marked; clocks are not above the
 * time that has passed by more than their start and stop.
 */
TEST(sets)
{
	static const char *const sets[] = {
		PERFRING_EVENTS_HARDWARE, PERFRING_EVENTS_SOFTWARE, PERFRING_EVENTS_CACHE,
	};
	static const int sizes[] = { 10, 9, 18 };
	struct perfring_count_value v[32];
	size_t pages = 50;
	uint64_t start, took;

	pass_time();	/* its own pages are there from now on */
	for (unsigned int i = 0; i < ARRAY_LEN(sets); i++) {
		start = now_ns();
		ASSERT_EQ(sizes[i], perfring_measure(sets[i], touch_long, &pages, v, 32));
		took = now_ns() - start;
		for (int j = 0; j < sizes[i]; j++) {
			EXPECT_NE(PERFRING_COUNT_REFUSED, v[j].state);
			EXPECT_NE(PERFRING_COUNT_ERROR, v[j].state);
			EXPECT_EQ(v[j].state == PERFRING_COUNT_UNSUPPORTED, v[j].error != 0);
			if (sets[i] == sets[1])
				EXPECT_EQ(PERFRING_COUNTED, v[j].state);
		}
		if (sets[i] != sets[1])
			continue;
		EXPECT_LT(0, v[0].value);	/* cpu-clock */
		EXPECT_GT(took, v[0].value);
		EXPECT_LT(0, v[1].value);	/* task-clock */
		EXPECT_GT(took, v[1].value);
		CHECK_FAULTS(50, v[2].value);
		EXPECT_EQ(v[2].value, v[3].value + v[4].value);
		EXPECT_EQ(0, v[7].value);	/* alignment-faults: x86 and arm64 have none */
		EXPECT_EQ(0, v[8].value);
	}
}

struct nest {
	struct perfring_count *count;
	struct perfring_count_value inner[3], deeper[3];
	size_t pages;
	int depth;
};

/* 10 pages, what is within, 10 pages. */
static void nest(void *context)
{
	struct nest *n = context;
	size_t ten = 10;

	touch(&ten);
	pass_time();
	if (n->depth++ == 0)
		perfring_count_measure(n->count, nest, n, n->inner, 3);
	else
		perfring_count_measure(n->count, touch, &n->pages, n->deeper, 3);
	touch(&ten);
}

/* Within a measurement another, by the same counters: each has its own. */
TEST(nested)
{
	struct perfring_count_value v[3];
	struct nest n = { .pages = 100 };
	size_t pages = 100;

	ASSERT_EQ(0, perfring_count_open_text(FAULTS, 0, -1, NULL, &n.count, NULL));
	touch(&pages);
	pass_time();
	for (int i = 0; i < 3; i++) {
		n.depth = 0;
		ASSERT_EQ(3, perfring_count_measure(n.count, nest, &n, v, 3));
		touch(&pages);		/* not counted */
		CHECK_FAULTS(100, n.deeper[0].value);
		CHECK_FAULTS(100 + 20, n.inner[0].value);
		CHECK_FAULTS(100 + 40, v[0].value);
		EXPECT_LT(n.deeper[0].running, n.inner[0].running);
		EXPECT_LT(n.inner[0].running, v[0].running);
	}
	ASSERT_EQ(3, perfring_count_read(n.count, v, 3));
	CHECK_FAULTS(3 * 140, v[0].value);
	/* Started by hand: they go on afterwards. */
	ASSERT_EQ(0, perfring_count_reset(n.count));
	ASSERT_EQ(0, perfring_count_start(n.count));
	ASSERT_EQ(3, perfring_count_measure(n.count, touch, &pages, v, 3));
	CHECK_FAULTS(100, v[0].value);
	touch(&pages);
	ASSERT_EQ(0, perfring_count_stop(n.count));
	ASSERT_EQ(3, perfring_count_read(n.count, v, 3));
	CHECK_FAULTS(200, v[0].value);
	perfring_count_close(n.count);
}

/* A function that does nothing has no faults: kept open for the second time, nothing is new. */
TEST(empty)
{
	struct perfring_count_value v[3];
	struct perfring_count *count;

	ASSERT_EQ(0, perfring_count_open_text(FAULTS, 0, -1, NULL, &count, NULL));
	ASSERT_EQ(3, perfring_count_measure(count, nothing, NULL, v, 3));
	ASSERT_EQ(3, perfring_count_measure(count, nothing, NULL, v, 3));
	CHECK_FAULTS(0, v[0].value);
	EXPECT_EQ(PERFRING_COUNTED, v[0].state);
	perfring_count_close(count);
}

static bool hog_stop;

static void *hog(void *arg)
{
	uint64_t deadline = now_ns() + 20000000000ULL;

	pin_to(0);
	while (!__atomic_load_n(&hog_stop, __ATOMIC_RELAXED) && now_ns() < deadline)
		;
	return NULL;
}

/* Faults, with the CPU given away in between. */
static void touch_slowly(void *context)
{
	size_t one = 1;
	long away;

	for (size_t i = 0; i < *(size_t *)context; i++) {
		touch(&one);
		sched_yield();
		/* A sleep that is over before it has begun is no switch. */
		for (away = times_away(); i % 10 == 0 && times_away() == away;)
			usleep(100);
	}
}

/*
 * Preempted: another thread wants the same CPU and faults as well. What it does is not ours; the
 * time away is neither: the task clock is shorter than the time that passed.
 */
TEST(preempted)
{
	struct perfring_count_value v[3];
	size_t pages = 100;
	pthread_t thread;
	uint64_t start, took;

	ASSERT_EQ(0, pin_to(0));
	touch_slowly(&pages);
	ASSERT_EQ(0, pthread_create(&thread, NULL, hog, NULL));
	start = now_ns();
	ASSERT_EQ(3, perfring_measure("{page-faults,task-clock,context-switches}", touch_slowly,
				      &pages, v, 3));
	took = now_ns() - start;
	__atomic_store_n(&hog_stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	CHECK_FAULTS(100, v[0].value);
	EXPECT_LE(10, v[2].value);	/* each sleep is one */
	EXPECT_LT(v[1].value, took);
	EXPECT_EQ(v[0].running, v[0].enabled);
}

/*
 * Groups of a text: members are read with their leader. What the first group lacks does not
 * touch the second, and the member that is there first leads.
 */
TEST(groups)
{
	struct perfring_count_opts opts = { .size = sizeof(opts), .optional = 1 };
	struct perfring_count_value v[5];
	struct perfring_count *count;
	size_t pages = 40;

	ASSERT_EQ(0, perfring_count_open_text(GROUPS, 0, -1, &opts, &count, NULL));
	ASSERT_EQ(5, (int)perfring_count_nr(count));
	touch_long(&pages);
	ASSERT_EQ(5, perfring_count_measure(count, touch_long, &pages, v, 5));
	EXPECT_EQ(PERFRING_COUNT_UNSUPPORTED, v[2].state);
	CHECK_FAULTS(40, v[0].value);
	CHECK_FAULTS(40, v[3].value);
	CHECK_FAULTS(40, v[4].value);
	EXPECT_EQ(v[0].running, v[1].running);
	EXPECT_EQ(v[3].running, v[4].running);
	EXPECT_LT(0, v[1].value);
	perfring_count_close(count);
}

/* What is wrong with a text is said, and where. */
TEST(text)
{
	struct perfring_event_error error;
	struct perfring_count *count = NULL;

	EXPECT_GT(0, perfring_count_open_text("page-faults,cycels", 0, -1, NULL, &count, &error));
	EXPECT_EQ(12, error.position);
	EXPECT_EQ(NULL, count);
}

/*
 * Three instructions a lap would be wrong, two are right: the difference of two lengths has no
 * overhead in it, but an interrupt's return now and then.
 */
TEST(instructions)
{
	struct perfring_count_value once, twice;
	struct perfring_count *count;
	unsigned long n = 1000000, n2 = 2000000;
	uint64_t a, b;
	int err;

	err = perfring_count_open_text("instructions:u", 0, -1, NULL, &count, NULL);
	if (err)
		SKIP(return, "instructions:u: %s: no PMU on this machine", perfring_strerror(err));
	ASSERT_EQ(1, perfring_count_measure(count, loop, &n, &once, 1));
	ASSERT_EQ(1, perfring_count_measure(count, loop, &n2, &twice, 1));
	EXPECT_LE(2 * n - n / 100, twice.value - once.value);
	EXPECT_GE(2 * n + n / 100, twice.value - once.value);
	/* The register, or whatever it is, says the same. */
	ASSERT_EQ(0, perfring_count_start(count));
	ASSERT_EQ(0, perfring_count_now(count, 0, &a));
	loop(&n);
	ASSERT_EQ(0, perfring_count_now(count, 0, &b));
	EXPECT_LE(2 * n - n / 100, b - a);
	EXPECT_GE(2 * n + n / 100, b - a);
	ASSERT_EQ(1, perfring_count_read(count, &once, 1));
	EXPECT_LE(b, once.value);
	EXPECT_GT(b + n, once.value);
	perfring_count_close(count);
}

TEST_HARNESS_MAIN
