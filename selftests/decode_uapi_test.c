// SPDX-License-Identifier: GPL-2.0
/*
 * Does the decoder know all that the kernel may write?  Compiled with the header of
 * the newest kernel source that is here (UAPI_NEWEST; see the Makefile) instead of the
 * installed one, and the running kernel is asked, too.  When these fail, the
 * decoder has to learn the new bits or types.
 */
#include <stdio.h>
#include "fixtures.h"

TEST(header_has_not_grown)
{
#ifndef UAPI_NEWEST
	SKIP(return, "no include/uapi/linux/perf_event.h beside KSFT: only the installed header is known");
#else
	EXPECT_GE(PERFRING_SAMPLE_KNOWN_MAX, (uint64_t)PERF_SAMPLE_MAX);
	EXPECT_GE(PERFRING_READ_KNOWN_MAX, (uint64_t)PERF_FORMAT_MAX);
	EXPECT_GE(PERFRING_BRANCH_KNOWN_MAX, (uint64_t)PERF_SAMPLE_BRANCH_MAX);
	EXPECT_GE(PERFRING_RECORD_KNOWN_MAX, (uint32_t)PERF_RECORD_MAX);
	/* It is another one than the installed header, or this test says nothing new. */
	EXPECT_LE(136, sizeof(struct perf_event_attr));
#endif
}

/* The names that are used by number, because installed headers lack them. */
TEST(numbers)
{
	EXPECT_EQ(21, PERF_RECORD_AUX_OUTPUT_HW_ID);
#ifdef UAPI_NEWEST
	EXPECT_EQ(1 << 19, PERF_SAMPLE_BRANCH_COUNTERS);
#endif
}

static struct perf_event_attr dummy(void)
{
	struct perf_event_attr attr = output_attr();

	attr.config = PERF_COUNT_SW_DUMMY;
	attr.sample_type = 0;
	attr.exclude_kernel = 1;
	return attr;
}

static int accepted(struct perf_event_attr attr)
{
	int fd = perf_open(&attr, 0, -1, -1);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* This kernel, of whichever version, takes no bit that the library would refuse. */
TEST(kernel_has_not_grown)
{
	struct perf_event_attr attr = dummy();
	uint64_t bit;

	ASSERT_EQ(0, accepted(attr));
	for (bit = PERFRING_SAMPLE_KNOWN_MAX; bit; bit <<= 1) {
		attr.sample_type = bit;
		EXPECT_EQ(-EINVAL, accepted(attr)) {
			TH_LOG("sample_type %#llx", (unsigned long long)bit);
		}
	}
	attr = dummy();
	for (bit = PERFRING_READ_KNOWN_MAX; bit; bit <<= 1) {
		attr.read_format = bit;
		EXPECT_EQ(-EINVAL, accepted(attr)) {
			TH_LOG("read_format %#llx", (unsigned long long)bit);
		}
	}
	attr = dummy();
	attr.sample_type = PERF_SAMPLE_BRANCH_STACK;
	for (bit = PERFRING_BRANCH_KNOWN_MAX; bit; bit <<= 1) {
		attr.branch_sample_type = bit | PERF_SAMPLE_BRANCH_USER | PERF_SAMPLE_BRANCH_ANY;
		EXPECT_EQ(-EINVAL, accepted(attr)) {
			TH_LOG("branch_sample_type %#llx", (unsigned long long)bit);
		}
	}
	/* And a known one is refused for another reason: the dummy has no branches. */
	attr.branch_sample_type = PERF_SAMPLE_BRANCH_USER | PERF_SAMPLE_BRANCH_ANY;
	EXPECT_EQ(-EOPNOTSUPP, accepted(attr));
}

/* Each known bit compiles, alone; the next one does not. */
TEST(every_known_bit)
{
	struct perf_event_attr attr = dummy();
	struct perfring_format *format;
	uint64_t bit;

	for (bit = 1; bit < PERFRING_SAMPLE_KNOWN_MAX; bit <<= 1) {
		attr.sample_type = bit;
		EXPECT_EQ(0, perfring_format_compile(&attr, &format));
		perfring_format_free(format);
	}
	attr.sample_type = PERF_SAMPLE_BRANCH_STACK;
	for (bit = 1; bit < PERFRING_BRANCH_KNOWN_MAX; bit <<= 1) {
		attr.branch_sample_type = bit;
		EXPECT_EQ(0, perfring_format_compile(&attr, &format));
		perfring_format_free(format);
	}
	attr.branch_sample_type = bit;
	EXPECT_EQ(-EOPNOTSUPP, perfring_format_compile(&attr, &format));
}

TEST_HARNESS_MAIN
