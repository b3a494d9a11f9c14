// SPDX-License-Identifier: GPL-2.0
/*
 * The command perfring, from outside: exit statuses, and a few words that have to
 * be there. What is wrong input is in cli_input_test.c.
 */
#include <perfring/perfring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "command.h"
#include "fixtures.h"

FIXTURE(command) {
};

FIXTURE_SETUP(command)
{
	char why[WHY_LEN];

	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(command)
{
}

TEST(help)
{
	EXPECT_EQ(0, perfring("--help"));
	EXPECT_TRUE(said("load"));
	EXPECT_TRUE(said("dump"));
	EXPECT_TRUE(said("stats"));
	EXPECT_TRUE(said("demo"));
}

/* Five switches of real perf; as JSON, a line that begins with a brace for each. */
TEST(dump_perf)
{
	char why[WHY_LEN];

	if (!backend_available(PERF, why, sizeof(why)) || !tracefs_here(why, sizeof(why)))
		SKIP(return, "%s", why);
	EXPECT_EQ(0, perfring("dump perf:0/sched:sched_switch -n 5")) {
		TH_LOG("%s", output);
	}
	EXPECT_NE('\0', output[0]);
}

/* Of the JSON lines: records, those before which a newer one stands, and of which CPU. */
struct sequence {
	unsigned int records;
	unsigned int inverted;
	unsigned int of_cpu[2];
};

static struct sequence sequence(void)
{
	struct sequence s = {};
	unsigned long long time, cpu, newest = 0;
	char *save = NULL, *line, *at;

	for (line = strtok_r(output, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		at = strstr(line, "\"time\":");
		if (!at || sscanf(at, "\"time\":%llu", &time) != 1)
			continue;
		at = strstr(line, "\"cpu\":");
		if (at && sscanf(at, "\"cpu\":%llu", &cpu) == 1 && cpu < 2)
			s.of_cpu[cpu]++;
		s.records++;
		s.inverted += time < newest;
		if (time > newest)
			newest = time;
	}
	return s;
}

/*
 * Rings of all CPUs, 1000 records a second each, read when a quarter of one is full: ring by
 * ring, so that the times go back; in the order of time they do not, but for those that the
 * command says it got too late.
 */
static void in_order(struct __test_metadata *_metadata, const char *source)
{
	const size_t pages = 512 * 1024 / PAGE;	/* at most 64 bytes a record */
	unsigned int late = 0;
	struct sequence s;
	char args[200], *at;

	snprintf(args, sizeof(args), "dump '%s' --json -n 600 -t 20 --pages %zu", source,
		 pages);
	ASSERT_EQ(0, perfring(args)) {
		TH_LOG("%s", output);
	}
	s = sequence();
	EXPECT_EQ(600, s.records);
	EXPECT_TRUE(s.inverted || second_cpu() < 0);

	snprintf(args, sizeof(args), "dump '%s' --json --order -n 600 -t 20 --pages %zu",
		 source, pages);
	ASSERT_EQ(0, perfring(args)) {
		TH_LOG("%s", output);
	}
	at = strstr(output, " records came too late");
	while (at && at > output && at[-1] >= '0' && at[-1] <= '9')
		at--;
	if (at)
		late = strtoul(at, NULL, 10);
	s = sequence();
	EXPECT_EQ(600, s.records);
	EXPECT_EQ(late, s.inverted);
	EXPECT_GT(60, s.inverted);
	EXPECT_LT(0, s.of_cpu[0]);
	EXPECT_TRUE(s.of_cpu[1] || second_cpu() < 0);
}

/* Keeps a CPU from being idle, where perf takes hardly a sample. */
static pid_t keep_busy(int cpu)
{
	pid_t child = fork();

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pin_to(cpu) || nice(19) == -1)
		_exit(1);
	for (;;)
		;
}

TEST(dump_order)
{
	int cpu[] = { 0, second_cpu() };
	pid_t busy[2] = {};
	char why[WHY_LEN];

	if (!backend_available(PERF, why, sizeof(why)))
		SKIP(return, "%s", why);
	for (int i = 0; i < 2; i++)
		if (cpu[i] >= 0)
			busy[i] = keep_busy(cpu[i]);
	in_order(_metadata, "perf:*/cpu-clock,freq=1000");
	for (int i = 0; i < 2; i++)
		if (busy[i] > 0) {
			kill(busy[i], SIGKILL);
			EXPECT_EQ(busy[i], waitpid(busy[i], NULL, 0));
		}
}

/* An image of a ring with a LOST record in it. */
TEST(dump_image)
{
	char path[] = "/tmp/perfring-cli-XXXXXX", args[64];
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	int i, fd = mkstemp(path);

	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, perfring_storage_open_memory(NULL, &storage));
	ASSERT_EQ(0, perfring_ring_open(storage, NULL, &ring));
	for (i = 0; i < 3; i++) {
		ASSERT_LE(0, perfring_write(ring, PERF_RECORD_SAMPLE, 0, "abcdefgh", 8));
	}
	ASSERT_EQ(0, perfring_storage_save(storage, path));
	snprintf(args, sizeof(args), "dump image:%s", path);
	EXPECT_EQ(0, perfring(args)) {
		TH_LOG("%s", output);
	}
	EXPECT_NE('\0', output[0]);
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	unlink(path);
}

/* Without the module: said how to load it. With it: generator, counters and the demo. */
TEST(without_module)
{
	if (module_loaded() || getenv("PERFRING_MODULE"))
		return;	/* what it is about cannot be; the next test can */
	EXPECT_LT(0, perfring("dump dev:0/generator,rate=100 -n 1"));
	EXPECT_TRUE(said("load"));
	EXPECT_LT(0, perfring("stats"));
}

TEST_F(command, dump)
{
	EXPECT_EQ(0, perfring("dump dev:0/generator,rate=1000 -n 5")) {
		TH_LOG("%s", output);
	}
	EXPECT_NE('\0', output[0]);
	EXPECT_LT(0, perfring("dump dev:0/nosuch -n 1"));
	EXPECT_TRUE(said("nosuch"));
}

TEST_F(command, dump_order)
{
	in_order(_metadata, "dev:*/generator,rate=1000");
}

/* The command itself makes system calls while it waits for some. */
TEST_F(command, dump_syscalls)
{
	EXPECT_EQ(0, perfring("dump dev:*/syscalls -n 3 -t 10")) {
		TH_LOG("%s", output);
	}
	EXPECT_TRUE(said(" nr="));
	EXPECT_TRUE(said(" ret="));
	EXPECT_EQ(0, perfring("dump dev:*/syscalls --json -n 3 -t 10"));
	EXPECT_TRUE(said("\"syscalls\":{\"enter\":"));
	EXPECT_LT(0, perfring("dump dev:0/syscalls,pid=0 -n 1"));
	EXPECT_TRUE(said("from 1"));
}

/* The command waits, so there is something to see; and symbols that are none. */
TEST_F(command, dump_kprobe)
{
	EXPECT_EQ(0, perfring("dump dev:*/kprobe,symbol=schedule -n 1 -t 10")) {
		TH_LOG("%s", output);
	}
	EXPECT_TRUE(said(" schedule+0"));
	EXPECT_LT(0, perfring("dump dev:0/kprobe,symbol=nosuch_symbol -n 1"));
	EXPECT_TRUE(said("no such symbol"));
	EXPECT_LT(0, perfring("dump dev:0/kprobe -n 1"));
	EXPECT_TRUE(said("symbol=NAME"));
	EXPECT_LT(0, perfring("dump dev:0/kprobe,symbol=x,nosuch=1 -n 1"));
	EXPECT_TRUE(said("offset=N"));
}

/* A source of another module, by its name. */
TEST_F(command, dump_client)
{
	if (!getenv("PERFRING_CLIENT") && !getenv("PERFRING_MODULE"))
		SKIP(return, "neither PERFRING_CLIENT nor PERFRING_MODULE is set: no client to load");
	ASSERT_EQ(0, client_load("perfring_client"));
	ASSERT_EQ(0, file_write("/sys/module/perfring_client/parameters/loaded", "1"));
	ASSERT_EQ(0, file_write("/sys/module/perfring_client/parameters/load", "1000"));
	EXPECT_EQ(0, perfring("dump dev:0/load -n 3 -t 10")) {
		TH_LOG("%s", output);
	}
	/* 64 bytes of payload, 4 that pad. */
	EXPECT_TRUE(said(" raw="));
	EXPECT_LT(0, perfring("dump dev:0/load,option=1 -n 1"));
	EXPECT_TRUE(said("option"));
	ASSERT_EQ(0, client_unload("perfring_client"));
	EXPECT_LT(0, perfring("dump dev:0/load -n 1"));
	EXPECT_TRUE(said("load"));
}

TEST_F(command, stats)
{
	EXPECT_EQ(0, perfring("stats")) {
		TH_LOG("%s", output);
	}
	EXPECT_TRUE(said("attempted"));
	EXPECT_TRUE(said("by watermark"));
	EXPECT_TRUE(said("forced"));
}

/* Refused as the module is loaded, with what to do; then every kind, each with its reason. */
TEST_F(command, inject)
{
	static const char *const reasons[] = {
		"less than 8", "not a multiple of 8", "beyond data_head", "type 3735928559",
		"more than the ring's size", "nothing wrong", "resync gives up 16 bytes",
	};
	unsigned int i;

	EXPECT_LT(0, perfring("inject dev:0 size-0"));
	EXPECT_TRUE(said("allow_inject=1"));
	EXPECT_LT(0, perfring("inject dev:9999 size-0"));
	EXPECT_TRUE(said("/dev/perfring9999"));
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load("allow_inject=1"));
	EXPECT_EQ(0, perfring("inject dev:0 all")) {
		TH_LOG("%s", output);
	}
	for (i = 0; i < ARRAY_LEN(reasons); i++)
		EXPECT_NE(NULL, strstr(output, reasons[i]));
	EXPECT_FALSE(said("not what was expected"));
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load(""));
}

/* Both rings tell the same: exit status 0. */
TEST_F(command, demo)
{
	EXPECT_EQ(0, perfring("demo -t 1")) {
		TH_LOG("%s", output);
	}
}

TEST_HARNESS_MAIN
