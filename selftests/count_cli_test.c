// SPDX-License-Identifier: GPL-2.0
/* perfring count: what it prints of commands that are known, and its exit status. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

static char out[16384];

/* Its exit status; what it says is in out. */
static int run(const char *arguments)
{
	char line[1024];
	size_t got;
	int status;
	FILE *pipe;

	snprintf(line, sizeof(line), "timeout 30 %s/perfring count %s 2>&1", USER_O, arguments);
	pipe = popen(line, "r");
	if (!pipe)
		return -1;
	got = fread(out, 1, sizeof(out) - 1, pipe);
	out[got] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The number after "name": in the line of the @nth event; -1 without */
static long long member(unsigned int nth, const char *name)
{
	char key[64], *at = out, *end;

	while (nth-- && at)
		at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
	if (!at)
		return -1;
	end = strchr(at, '\n');
	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(at, key);
	return at && at < end ? strtoll(at + strlen(key), NULL, 10) : -1;
}

/*
 * dd's buffer of a MiB is read into: a fault for each page, in a child of the shell. The
 * shell alone has fewer.
 */
#define DD	"-- sh -c 'dd if=/dev/zero of=/dev/null bs=1048576 count=1 2>/dev/null; true'"
TEST(inherit)
{
	long pages = 1048576 / sysconf(_SC_PAGESIZE);
	long long with, without;

	ASSERT_EQ(0, run("--json -e page-faults,minor-faults " DD)) {
		TH_LOG("%s", out);
	}
	with = member(0, "value");
	EXPECT_LE(pages, with);
	EXPECT_EQ(with, member(0, "scaled"));
	EXPECT_EQ(member(0, "enabled"), member(0, "running"));
	EXPECT_LT(0, member(0, "running"));
	EXPECT_NE(NULL, strstr(out, "{\"event\":\"page-faults\",\"state\":\"counted\","));
	EXPECT_NE(NULL, strstr(out, "{\"event\":\"minor-faults\",\"state\":\"counted\","));
	ASSERT_EQ(0, run("--json --no-inherit -e page-faults " DD));
	without = member(0, "value");
	EXPECT_LT(0, without);
	EXPECT_LE(pages, with - without);
}

/* The table: a name and a number in each row, what is not there marked. */
TEST(table)
{
	ASSERT_EQ(0, run("-e '{page-faults,task-clock},2147483632:1' true"));
	EXPECT_NE(NULL, strstr(out, " page-faults\n"));
	EXPECT_NE(NULL, strstr(out, " task-clock\n"));
	EXPECT_NE(NULL, strstr(out, "     <not supported>        2147483632:1\n"));
	EXPECT_NE(NULL, strstr(out, " elapsed\n"));
	ASSERT_EQ(0, run("--json -e 2147483632:1 true"));
	EXPECT_STREQ("{\"event\":\"2147483632:1\",\"state\":\"not supported\",\"error\":-2}\n",
		     out);
}

/* The command's status is passed on; one that cannot run, and words that are wrong. */
TEST(status)
{
	EXPECT_EQ(5, run("-e page-faults sh -c 'exit 5'"));
	EXPECT_EQ(128 + 9, run("-e page-faults sh -c 'kill -9 $$'"));
	EXPECT_EQ(127, run("-e page-faults ./no-such-command"));
	EXPECT_NE(NULL, strstr(out, "./no-such-command: No such file or directory"));
	EXPECT_EQ(2, run("-e page-foults true"));
	EXPECT_NE(NULL, strstr(out, "did you mean page-faults?"));
	EXPECT_EQ(2, run("-e"));
	EXPECT_EQ(2, run("--nonsense true"));
	EXPECT_EQ(2, run("-e page-faults"));
	EXPECT_EQ(2, run("-a -p 1"));
	EXPECT_EQ(2, run("-p 1 true"));
	EXPECT_EQ(1, run("-p 4000000 -t 0.01"));
	EXPECT_NE(NULL, strstr(out, "no such process"));
}

/*
 * All CPUs, all processes, for a tenth of a second: the CPU clocks are of that length each, so that
 * their sum is as many times what passed.
 */
TEST(all)
{
	long long cpus = cpu_count_online(), clock;

	if (geteuid() && file_long("/proc/sys/kernel/perf_event_paranoid", 2) > 0)
		SKIP(return, "uid %d: no permission to count CPUs", geteuid());
	ASSERT_EQ(0, run("--json -a -t 0.1 -e cpu-clock")) {
		TH_LOG("%s", out);
	}
	clock = member(0, "value");
	EXPECT_LE(cpus * 100000000, clock);
	EXPECT_EQ(clock, member(0, "scaled"));
	/* With a command they are counted as long as it runs. */
	ASSERT_EQ(3, run("--json -a -e cpu-clock sh -c 'sleep 0.1; exit 3'"));
	EXPECT_LE(cpus * 100000000, member(0, "value"));
}

/* A process that is there already. */
TEST(process)
{
	char arguments[64];
	int status;
	pid_t child = fork();

	if (!child) {
		for (uint64_t end = now_ns() + 60000000000ULL; now_ns() < end;)
			;
		_exit(0);
	}
	snprintf(arguments, sizeof(arguments), "--json -e task-clock -p %d -t 0.1", child);
	EXPECT_EQ(0, run(arguments));
	EXPECT_LT(0, member(0, "value"));
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
}

TEST_HARNESS_MAIN
