// SPDX-License-Identifier: GPL-2.0
/*
 * A counter read from its control page and its register: the loop of the library on pages
 * that a test makes up, with registers that it makes up, on any machine.
 */
#include <pthread.h>
#include <string.h>
#include "../user/src/count_self.h"
#include "common.h"
#include "kselftest_harness.h"

#define CAPS_ALL	(COUNT_SELF_CAP_SURE | COUNT_SELF_CAP_PMC | COUNT_SELF_CAP_TIME)

/* Register @index, as many bits as the page says. */
static uint64_t registers[8], clock_value;
static uint32_t asked;

static bool pmc(uint32_t index, uint64_t *value)
{
	asked = index;
	if (index >= ARRAY_LEN(registers))
		return false;
	*value = registers[index];
	return true;
}

static uint64_t ticks(void)
{
	return clock_value;
}

/*
 * The register has @width bits, the offset is 1000 less the register as the kernel saw it
 * last; 7 more events have come, which may turn it over from all ones (-1) to
 * zero, where a sign is all that tells.
 */
TEST(width)
{
	static const unsigned int widths[] = { 32, 40, 48, 63, 64 };
	static const int64_t before[] = { 0, 1, -1, -3, -7, -8, 100, INT32_MAX - 7, INT32_MIN };
	struct perf_event_mmap_page page;
	struct count_self out;
	uint64_t mask;

	for (unsigned int i = 0; i < ARRAY_LEN(widths); i++)
		for (unsigned int j = 0; j < ARRAY_LEN(before); j++) {
			memset(&page, 0, sizeof(page));
			page.capabilities = CAPS_ALL;
			page.index = 3;
			page.pmc_width = widths[i];
			page.offset = 1000 - before[j];
			mask = ~0ULL >> (64 - widths[i]);
			registers[3] = (uint64_t)(before[j] + 7) & mask;
			ASSERT_TRUE(count_self_read(&page, pmc, NULL, &out));
			EXPECT_EQ(1007, out.value) {
				TH_LOG("width %u before %lld", widths[i], (long long)before[j]);
			}
			EXPECT_EQ(3, asked);
		}
}

/*
 * mult / 2^shift is ns a tick, offset what to add: at tick 3 * 2^40 + 12345 with 2^-20 * 419430 ns
 * (0.4, a little less). The products are of 61 bits.
 */
TEST(times)
{
	struct perf_event_mmap_page page = {
		.capabilities = CAPS_ALL, .index = 1, .pmc_width = 48,
		.time_mult = 419430, .time_shift = 20,
		.time_enabled = 5000000, .time_running = 4000000,
	};
	uint64_t start = (3ULL << 40) + 12345, elapsed = 1000000007;
	struct count_self out;
	uint64_t ns;

	/* Times on the page were right at start: offset takes that away. */
	page.time_offset = -(start * page.time_mult >> page.time_shift);
	clock_value = start + elapsed;
	ns = (clock_value * page.time_mult >> page.time_shift) + page.time_offset;
	ASSERT_TRUE(count_self_read(&page, pmc, ticks, &out));
	EXPECT_EQ(5000000 + ns, out.enabled);
	EXPECT_EQ(4000000 + ns, out.running);

	/* A clock of 32 bits that turned over since time_cycles: the mask completes it. */
	page.capabilities |= COUNT_SELF_CAP_SHORT;
	page.time_mask = UINT32_MAX;
	page.time_cycles = start;
	clock_value = (start + elapsed) & UINT32_MAX;
	ASSERT_TRUE(count_self_read(&page, pmc, ticks, &out));
	EXPECT_EQ(5000000 + ns, out.enabled);

	/* Without a time on the page times cannot be had, the value can. */
	page.capabilities = COUNT_SELF_CAP_SURE | COUNT_SELF_CAP_PMC;
	EXPECT_FALSE(count_self_read(&page, pmc, ticks, &out));
	EXPECT_TRUE(count_self_read(&page, pmc, NULL, &out));
}

/* Each reason for which the kernel has to be asked; never a value. */
TEST(no_register)
{
	const struct perf_event_mmap_page good = {
		.capabilities = CAPS_ALL, .index = 1, .pmc_width = 48, .lock = 2,
	};
	struct perf_event_mmap_page page = good;
	struct count_self out;

	ASSERT_TRUE(count_self_read(&page, pmc, NULL, &out));
	page.index = 0;			/* not on the PMU */
	EXPECT_FALSE(count_self_read(&page, pmc, NULL, &out));
	page = good;
	page.index = ARRAY_LEN(registers);	/* a register that there is not */
	EXPECT_FALSE(count_self_read(&page, pmc, NULL, &out));
	page = good;
	page.capabilities &= ~COUNT_SELF_CAP_PMC;
	EXPECT_FALSE(count_self_read(&page, pmc, NULL, &out));
	page = good;
	page.capabilities &= ~COUNT_SELF_CAP_SURE;	/* before Linux 3.12 */
	EXPECT_FALSE(count_self_read(&page, pmc, NULL, &out));
	page = good;
	page.pmc_width = 0;
	EXPECT_FALSE(count_self_read(&page, pmc, NULL, &out));
	page.pmc_width = 65;
	EXPECT_FALSE(count_self_read(&page, pmc, NULL, &out));
	page = good;
	page.lock = 3;			/* a change that never ends */
	EXPECT_FALSE(count_self_read(&page, pmc, NULL, &out));
}

/* Capabilities are bits of a union: those of the header and ours are the same. */
TEST(capabilities)
{
	struct perf_event_mmap_page page = {};

	page.cap_bit0_is_deprecated = 1;
	EXPECT_EQ(COUNT_SELF_CAP_SURE, page.capabilities);
	page = (struct perf_event_mmap_page){};
	page.cap_user_rdpmc = 1;
	EXPECT_EQ(COUNT_SELF_CAP_PMC, page.capabilities);
	page = (struct perf_event_mmap_page){};
	page.cap_user_time = 1;
	EXPECT_EQ(COUNT_SELF_CAP_TIME, page.capabilities);
	page = (struct perf_event_mmap_page){};
	page.cap_user_time_short = 1;
	EXPECT_EQ(COUNT_SELF_CAP_SHORT, page.capabilities);
}

/* The expectation is of 128 bits; the rest in a double's 53 bits is near. */
TEST(scale)
{
	static const uint64_t cases[][3] = {
		{ 0, 100, 50 }, { 1, 3, 2 }, { 1000, 7, 7 },
		{ 12345678901ULL, 10000000000, 3333333333 },
		{ 1ULL << 50, 1000000, 999999 }, { 999, 3600000000000ULL, 1800000000000ULL },
	};

	for (unsigned int i = 0; i < ARRAY_LEN(cases); i++) {
		/* The largest is of 51 bits, which leave 13 for the fraction. */
		long double exact = (long double)cases[i][0] * cases[i][1] / cases[i][2];
		uint64_t got = count_self_scale(cases[i][0], cases[i][1], cases[i][2]);

		EXPECT_TRUE(got <= exact + 1 && got + 1 >= exact) {
			TH_LOG("case %u: %llu", i, (unsigned long long)got);
		}
	}
	EXPECT_EQ(UINT64_MAX, count_self_scale(1ULL << 63, 100, 1));
	EXPECT_EQ(UINT64_MAX, count_self_scale(UINT64_MAX, UINT64_MAX, UINT64_MAX - 1));
}

/*
 * Another thread rewrites the page as the kernel does, lock odd meanwhile: another register, of
 * another width, and the offset that belongs to it.  Register i holds a number of its own; with
 * the offset it makes the sum and the lap, which the times are, too: what does not belong
 * together shows.  The register takes a while, so that much happens before the times are read.
 */
#define SUM	0x123456789abcdefLL
#define LAPS	20000

static struct perf_event_mmap_page shared;
static bool stop;

static int64_t fixed(uint32_t index)
{
	return (int64_t)(index * 0x1234567ULL) * (index & 1 ? 1 : -1);
}

static bool fixed_pmc(uint32_t index, uint64_t *value)
{
	*value = (uint64_t)fixed(index);
	for (volatile int i = 0; i < 20; i++)
		;
	return true;
}

static void page_store(uint64_t lap)
{
	uint32_t index = 1 + lap % 7;

	__atomic_store_n(&shared.index, index, __ATOMIC_RELAXED);
	__atomic_store_n(&shared.offset, SUM + (int64_t)lap - fixed(index), __ATOMIC_RELAXED);
	__atomic_store_n(&shared.pmc_width, (uint16_t)(33 + lap % 31), __ATOMIC_RELAXED);
	__atomic_store_n(&shared.time_enabled, lap, __ATOMIC_RELAXED);
	__atomic_store_n(&shared.time_running, lap, __ATOMIC_RELAXED);
}

static void *rewrite(void *arg)
{
	for (uint64_t lap = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); lap++) {
		__atomic_fetch_add(&shared.lock, 1, __ATOMIC_SEQ_CST);
		page_store(lap);
		__atomic_fetch_add(&shared.lock, 1, __ATOMIC_SEQ_CST);
		/* Most of the time a page is at rest. */
		for (volatile int i = 0; i < 50; i++)
			;
	}
	return NULL;
}

TEST(seqlock)
{
	uint64_t deadline = now_ns() + 3000000000ULL, again = 0, moved = 0, last = 0;
	enum count_self_result result;
	struct count_self out;
	pthread_t thread;

	shared.capabilities = CAPS_ALL;
	clock_value = 0;
	page_store(0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, rewrite, NULL));
	/* Torn pages are tried, too, or the test shows nothing. */
	while ((moved < LAPS || again < LAPS / 100) && now_ns() < deadline) {
		result = count_self_try(&shared, fixed_pmc, ticks, &out);
		ASSERT_NE(COUNT_SELF_NONE, result);
		if (result == COUNT_SELF_AGAIN) {
			again++;
			continue;
		}
		moved += out.enabled != last;
		ASSERT_EQ(SUM + out.enabled, out.value);
		ASSERT_EQ(out.enabled, out.running);
		ASSERT_LE(last, out.enabled);
		last = out.enabled;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_LT(0, again);
	EXPECT_LT(0, moved);
}

TEST_HARNESS_MAIN
