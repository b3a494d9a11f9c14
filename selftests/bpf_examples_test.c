// SPDX-License-Identifier: GPL-2.0
/*
 * The examples with BPF programs run on this kernel, and what they print adds up: their loads are
 * counted, so that the figures follow from the sizes of records and rings.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

/* A BPF ring takes one byte less than its size, so one of these less than fit. */
#define RING_HOLDS(bytes, record)	((bytes) / (record) - 1)

FIXTURE(example) {
	char out[8192];
};

FIXTURE_SETUP(example)
{
	if (geteuid())
		SKIP(return, "uid %d: no permission to load BPF programs", geteuid());
	if (access(USER_O "/examples-bpf/ring_sizing", X_OK))
		SKIP(return, "%s: not built (clang, bpftool, libbpf and the kernel's BTF are needed)",
		     USER_O "/examples-bpf");
}

FIXTURE_TEARDOWN(example)
{
}

/* Its output; false when it failed. */
static bool run(const char *name, char *out, size_t len)
{
	char line[512];
	size_t got;
	FILE *pipe;

	snprintf(line, sizeof(line), "timeout 60 %s/examples-bpf/%s 2>&1", USER_O, name);
	pipe = popen(line, "r");
	if (!pipe)
		return false;
	got = fread(out, 1, len - 1, pipe);
	out[got] = '\0';
	if (!pclose(pipe))
		return true;
	printf("# %s failed: %s\n", name, out);
	return false;
}

/* Bursts of 1000 records of 56 + 8 bytes, twenty times, into ever larger rings. */
TEST_F(example, ring_sizing)
{
	unsigned int kib = getpagesize() / 1024, size;
	int read, dropped, most;
	char *at = self->out;

	ASSERT_TRUE(run("ring_sizing", self->out, sizeof(self->out)));
	do {
		ASSERT_EQ(3, sscanf(at, "%u KiB: %d read, %d dropped", &size, &read, &dropped));
		ASSERT_EQ(kib, size);
		most = RING_HOLDS(kib * 1024, 64);
		EXPECT_EQ(20 * (most < 1000 ? most : 1000), read);
		EXPECT_EQ(20 * 1000, read + dropped);
		at = strchr(at, '\n') + 1;
		kib *= 2;
	} while (dropped);
	EXPECT_NE(NULL, strstr(at, "64 KiB are enough"));
}

/* Two threads, 2000 ticks each, through both. */
TEST_F(example, perf_or_ring)
{
	int kib, array, ring;
	char *at;

	ASSERT_TRUE(run("perf_or_ring", self->out, sizeof(self->out)));
	ASSERT_EQ(2, sscanf(self->out, "perf event array: %d KiB, %d records", &kib, &array));
	EXPECT_EQ(4000, array);
	EXPECT_EQ(sysconf(_SC_NPROCESSORS_ONLN) * 33 * getpagesize() / 1024, kib);
	at = strstr(self->out, "BPF ring buffer:");
	ASSERT_NE(NULL, at);
	ASSERT_EQ(2, sscanf(at, "BPF ring buffer: %d KiB, %d records", &kib, &ring));
	EXPECT_EQ(4000, ring);
}

/* 8000 ticks of which 80 are rare; a ring of 64 KiB for records of 64 bytes. */
TEST_F(example, backpressure)
{
	static const char row[] = ": %d read, %d thinned out, dropped %d common and %d rare";
	int read, thinned, common, rare;
	char *at;

	ASSERT_TRUE(run("backpressure", self->out, sizeof(self->out)));
	at = strstr(self->out, "as they come");
	ASSERT_NE(NULL, at);
	ASSERT_EQ(4, sscanf(strchr(at, ':'), row, &read, &thinned, &common, &rare));
	EXPECT_EQ(RING_HOLDS(65536, 64), read);
	EXPECT_EQ(0, thinned);
	/* In the first 1023 ticks eleven rare ones: 0, 100 ... 1000. */
	EXPECT_EQ(80 - 11, rare);
	EXPECT_EQ(8000, read + common + rare);

	at = strstr(self->out, "thinning out");
	ASSERT_NE(NULL, at);
	ASSERT_EQ(4, sscanf(strchr(at, ':'), row, &read, &thinned, &common, &rare));
	EXPECT_EQ(0, rare);
	EXPECT_EQ(8000, read + thinned + common);
}

/* header 8, length 4, and the name with its NUL */
TEST_F(example, filenames)
{
	ASSERT_TRUE(run("filenames", self->out, sizeof(self->out)));
	EXPECT_NE(NULL, strstr(self->out, "  13 bytes: "));
	EXPECT_NE(NULL, strstr(self->out, "  14 bytes: /\n"));
	EXPECT_NE(NULL, strstr(self->out, "  26 bytes: /etc/hostname\n"));
	EXPECT_NE(NULL, strstr(self->out, "4108 bytes: ////"));
}

/* 2000 ticks, every 50th urgent; records of 8 + 8 bytes in rings of one page. */
TEST_F(example, priorities)
{
	int read, portions, dropped;
	char *at;

	ASSERT_TRUE(run("priorities", self->out, sizeof(self->out)));
	ASSERT_EQ(2, sscanf(self->out, "urgent: %d read, %d dropped", &read, &dropped));
	EXPECT_EQ(40, read);
	EXPECT_EQ(0, dropped);
	at = strstr(self->out, "bulk:");
	ASSERT_NE(NULL, at);
	ASSERT_EQ(3, sscanf(at, "bulk: %d read in %d portions, %d dropped", &read, &portions,
			    &dropped));
	EXPECT_EQ(RING_HOLDS(getpagesize(), 16), read);
	EXPECT_EQ(2000 - 40, read + dropped);
	/* 512 bytes each */
	EXPECT_EQ((read + 31) / 32, portions);
}

/* All 10000 come, although most wake nobody; how often the others do is the scheduler's. */
TEST_F(example, batching)
{
	int each, batches;
	char *at;

	ASSERT_TRUE(run("batching", self->out, sizeof(self->out)));
	ASSERT_EQ(1, sscanf(self->out, "each wakes: 10000 records in %d readings", &each));
	at = strchr(self->out, '\n') + 1;
	ASSERT_EQ(1, sscanf(at, "16 KiB at a time: 10000 records in %d readings", &batches));
	EXPECT_LT(0, batches);
	EXPECT_LT(0, each);
}

/* What it did on purpose: getpid, a sleep, an open that fails. */
TEST_F(example, syscalls)
{
	char want[64];
	int calls;

	ASSERT_TRUE(run("syscalls", self->out, sizeof(self->out)));
	snprintf(want, sizeof(want), "%3d = %4d ", SYS_openat, -ENOENT);
	EXPECT_NE(NULL, strstr(self->out, want));
	snprintf(want, sizeof(want), "%3d = %4d ", SYS_clock_nanosleep, 0);
	EXPECT_NE(NULL, strstr(self->out, want));
	ASSERT_EQ(1, sscanf(strrchr(self->out, ';') - strlen("3 system calls, 0 dropped"),
			    "%d system calls, 0 dropped", &calls));
#ifdef __SANITIZE_THREAD__
	/* The sanitizer's run time makes calls of its own. */
	EXPECT_LE(3, calls);
#else
	EXPECT_EQ(3, calls);
#endif
}

/* The page perfring_bpf(3) shows these very lines. */
TEST_F(example, echo)
{
	ASSERT_TRUE(run("echo", self->out, sizeof(self->out)));
	EXPECT_EQ(0, strncmp(self->out, "1 4 9 16 25 36 49 64 81 100 ", 28));
	EXPECT_NE(NULL, strstr(self->out, "\n10 answers, 0 bytes left over\n"));
}

/* It says itself whether every fourth came. */
TEST_F(example, profile)
{
	ASSERT_TRUE(run("profile", self->out, sizeof(self->out)));
	EXPECT_NE(NULL, strstr(self->out, "every fourth"));
	EXPECT_EQ(NULL, strstr(self->out, "not every"));
}

TEST_HARNESS_MAIN
