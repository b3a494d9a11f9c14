// SPDX-License-Identifier: GPL-2.0
/* The bench runs: its cases are listed, one of them measures, steps, and reports. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define PROGRAM	USER_O "/bench/bench"

FIXTURE(bench)
{
	char folder[64];
	char out[8192];
};

FIXTURE_SETUP(bench)
{
	if (access(PROGRAM, X_OK))
		SKIP(return, "%s: not built, a sanitizer's figures say nothing", PROGRAM);
	strcpy(self->folder, "/tmp/perfring-bench-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->folder));
}

FIXTURE_TEARDOWN(bench)
{
	char line[128];

	if (!self->folder[0])
		return;
	snprintf(line, sizeof(line), "rm -r %s", self->folder);
	EXPECT_EQ(0, system(line));
}

/* What the program says to these arguments, and its status. */
static int bench_says(char *out, size_t room, const char *folder, const char *args)
{
	char line[512];
	size_t len;
	FILE *pipe;

	snprintf(line, sizeof(line), "REPS=1 timeout 60 %s -o %s %s 2>&1", PROGRAM, folder, args);
	pipe = popen(line, "r");
	if (!pipe)
		return -1;
	len = fread(out, 1, room - 1, pipe);
	out[len] = '\0';
	return pclose(pipe);
}

TEST_F(bench, lists_cases)
{
	char name[32] = "", before[32], *line, *rest;
	int n = 0;

	ASSERT_EQ(0, bench_says(self->out, sizeof(self->out), self->folder, "-l"));
	for (line = strtok_r(self->out, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		strcpy(before, name);
		ASSERT_EQ(1, sscanf(line, "%31s", name));
		EXPECT_STRNE(before, name);
		n++;
	}
	EXPECT_LT(1, n);
	ASSERT_EQ(0, bench_says(self->out, sizeof(self->out), self->folder, "-l count_loop"));
	EXPECT_EQ(0, strncmp(self->out, "count_loop ", 11));
	EXPECT_EQ(self->out + strlen(self->out) - 1, strchr(self->out, '\n'));
}

TEST_F(bench, no_such_case)
{
	EXPECT_EQ(2, WEXITSTATUS(bench_says(self->out, sizeof(self->out), self->folder, "nobody")));
}

/*
 * Ours and the bare instruction: both take time, ours more instructions than the loop's
 * own; the verdict is that of the two figures beside it, on the screen and in the table.
 */
TEST_F(bench, one_case)
{
	double figure, bound;
	char verdict[16], row[128], *at;
	char path[128], *table = calloc(1, 65536);
	FILE *file;

	ASSERT_NE(NULL, table);
	ASSERT_EQ(0, bench_says(self->out, sizeof(self->out), self->folder, "count_loop"));
	at = strstr(self->out, "\nbench: count-loop-ns ");
	ASSERT_NE(NULL, at) {
		TH_LOG("%s", self->out);
	}
	at += strlen("\nbench: count-loop-ns ");
	ASSERT_EQ(3, sscanf(at, "%lf %lf %15s", &figure, &bound, verdict));
	EXPECT_TRUE(figure > 0 && bound > 0);
	EXPECT_STREQ(figure <= bound ? "ok" : "short", verdict);

	snprintf(path, sizeof(path), "%s/results.md", self->folder);
	file = fopen(path, "r");
	ASSERT_NE(NULL, file);
	ASSERT_LT(0, fread(table, 1, 65535, file));
	fclose(file);
	snprintf(row, sizeof(row), "| count-loop-ns | %.4g | %.4g | %s |\n", figure, bound,
		 verdict);
	EXPECT_NE(NULL, strstr(table, row)) {
		TH_LOG("no %s in %s", row, table);
	}

#if defined(__x86_64__)
	double ours, bare;

	at = strstr(table, "| ours |");
	ASSERT_NE(NULL, at);
	ASSERT_EQ(1, sscanf(at, "| ours | %*f / %*f | %*f / %*f | %lf", &ours));
	at = strstr(table, "| bare instruction |");
	ASSERT_NE(NULL, at);
	ASSERT_EQ(1, sscanf(at, "| bare instruction | %*f / %*f | %*f / %*f | %lf", &bare));
	/* Read the clock, add, count, compare, jump: four at least. */
	EXPECT_LE(4, bare);
	EXPECT_LT(bare, ours);
#endif
	free(table);
}

TEST_HARNESS_MAIN
