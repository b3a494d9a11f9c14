// SPDX-License-Identifier: GPL-2.0
/*
 * perfring record: what it writes, perf(1) and perfring dump read; of a command, of the
 * device, of tracepoints, through a pipe.
 */
#include <stdio.h>
#include <stdlib.h>
#include "command.h"
#include "fixtures.h"

/* perf takes its time where all is emulated. */
#define SECONDS	120

static unsigned int lines(void)
{
	unsigned int n = 0;

	for (const char *at = output; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

FIXTURE(record) {
	char file[40];
	unsigned int samples;
};

FIXTURE_SETUP(record)
{
	int fd;

	if (geteuid())
		SKIP(return, "uid %d: not root", geteuid());
	strcpy(self->file, "/tmp/perfring-record.XXXXXX");
	fd = mkstemp(self->file);
	ASSERT_LE(0, fd);
	close(fd);
	setenv("FILE", self->file, 1);
	setenv("PERFRING", command_path(), 1);
}

FIXTURE_TEARDOWN(record)
{
	unlink(self->file);
}

/* Run it; how many samples it says it has written. */
static void record(struct __test_metadata *_metadata, FIXTURE_DATA(record) *self, const char *line)
{
	const char *of;

	ASSERT_EQ(0, shell(line)) {
		TH_LOG("%s: %s", line, output);
	}
	of = strstr(output, " records, ");
	ASSERT_NE(NULL, of) {
		TH_LOG("%s: %s", line, output);
	}
	self->samples = atoi(of + strlen(" records, "));
}

#define RECORD(line)	record(_metadata, self, line)
#define WORK		"sh -c 'i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done'"

#define NEED_PERF()							\
	do {								\
		if (shell("perf --version"))				\
			SKIP(return, "no perf(1)");			\
	} while (0)

TEST_F_TIMEOUT(record, command, SECONDS)
{
	unsigned int shown;

	NEED_PERF();
	RECORD("$PERFRING record -e cpu-clock/period=200000/ -e page-faults -o $FILE -- " WORK " 2>&1");
	ASSERT_LT(5, self->samples);
	ASSERT_EQ(0, shell("perf script -F comm,tid,time,event,ip,sym -i $FILE 2>/dev/null"));
	shown = lines();
	EXPECT_EQ(self->samples, shown);
	EXPECT_TRUE(said(" page-faults: "));
	EXPECT_TRUE(said("sh "));
	ASSERT_EQ(0, shell("$PERFRING dump data:$FILE 2>&1 | grep -c ' ip='"));
	EXPECT_EQ(shown, (unsigned int)atoi(output));
	ASSERT_EQ(0, shell("$PERFRING dump data:$FILE 2>&1 | grep -c 'comm_pid=.* comm=sh$'"));
	EXPECT_EQ(0, shell("perf report --stdio -i $FILE 2>/dev/null"));
	EXPECT_TRUE(said("[.] "));
}

/* What the command prints does not get into the pipe. */
TEST_F_TIMEOUT(record, pipe, SECONDS)
{
	NEED_PERF();
	RECORD("{ $PERFRING record -e cpu-clock/period=200000/ -o - -- sh -c 'i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done; echo noise' >$FILE; } 2>&1");
	EXPECT_TRUE(said("noise"));
	ASSERT_EQ(0, shell("cat $FILE | perf script -F tid,time,event,ip -i - 2>/dev/null"));
	EXPECT_EQ(self->samples, lines());
	ASSERT_EQ(0, shell("cat $FILE | perf evlist -i - 2>&1"));
	EXPECT_TRUE(said("cpu-clock"));
	ASSERT_EQ(0,
		  shell("$PERFRING dump data:$FILE --json 2>&1 | grep -c '\"type\":\"sample\"'"));
	EXPECT_EQ(self->samples, (unsigned int)atoi(output));
	/* The summary comes last, where it goes to the same place. */
	EXPECT_EQ(0, shell("$PERFRING dump data:$FILE --json 2>&1 | tail -n 1 | grep '^data:'"));
}

#define SWITCHES	"grep -c ' sched:sched_switch: .*prev_comm=.* ==> next_comm='"

/* perf tells the fields of a tracepoint by what the file says of it. */
TEST_F_TIMEOUT(record, tracepoint, SECONDS)
{
	char why[WHY_LEN];

	NEED_PERF();
	if (!tracefs_here(why, sizeof(why)))
		SKIP(return, "%s", why);
	RECORD("$PERFRING record -e perf:0/sched:sched_switch -o $FILE -t 0.5 2>&1");
	ASSERT_LT(2, self->samples);
	ASSERT_EQ(0, shell("perf script -i $FILE 2>/dev/null | " SWITCHES));
	EXPECT_EQ(self->samples, (unsigned int)atoi(output));
	ASSERT_EQ(0, shell("$PERFRING dump data:$FILE 2>&1 | grep -c ' ==> '"));
	EXPECT_EQ(self->samples, (unsigned int)atoi(output));
	RECORD("{ $PERFRING record -e sched:sched_switch -o - -t 0.2 >$FILE; } 2>&1");
	ASSERT_EQ(0, shell("cat $FILE | perf script -i - 2>/dev/null | grep -c 'prev_comm='"));
	EXPECT_EQ(self->samples, (unsigned int)atoi(output));
}

/* The device's records, numbered and with checksums, by way of a file. */
TEST_F_TIMEOUT(record, device, SECONDS)
{
	char why[WHY_LEN];

	NEED_PERF();
	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	RECORD("$PERFRING record -e dev:0/generator,rate=200,max_size=200 -o $FILE -t 0.5 2>&1");
	ASSERT_LT(5, self->samples);
	ASSERT_EQ(0, shell("$PERFRING dump data:$FILE 2>&1"));
	EXPECT_TRUE(said(" 0 missing in 0 gaps, checksums: 0 of "));
	ASSERT_EQ(0,
		  shell("perf script -F tid,time,event -i $FILE 2>&1 | grep -c 'dev:0/generator'"));
	EXPECT_EQ(self->samples, (unsigned int)atoi(output));
	ASSERT_EQ(0, shell("perf evlist -v -i $FILE 2>&1"));
	EXPECT_TRUE(said("sample_type: TID|TIME|CPU|RAW|IDENTIFIER"));
}

/* Wrong words: a status of 2 or 1, and the reason. */
TEST_F(record, wrong)
{
	EXPECT_EQ(2, shell("$PERFRING record -x 1 2>&1"));
	EXPECT_TRUE(said("'-x'"));
	EXPECT_EQ(2, shell("$PERFRING record -e 2>&1"));
	EXPECT_EQ(2, shell("$PERFRING record --pages 3 -o $FILE true 2>&1"));
	EXPECT_EQ(2, shell("$PERFRING record -e no-such-event -o $FILE true 2>&1"));
	EXPECT_TRUE(said("no-such-event"));
	EXPECT_EQ(2, shell("$PERFRING record -e image:x -o $FILE true 2>&1"));
	EXPECT_EQ(1, shell("$PERFRING record -o /nowhere/file true 2>&1"));
	EXPECT_TRUE(said("/nowhere/file"));
	EXPECT_EQ(1, shell("$PERFRING dump data:/nowhere/file 2>&1"));
	EXPECT_EQ(1, shell("$PERFRING dump data:/bin/sh 2>&1"));
	EXPECT_TRUE(said("no perf.data"));
	EXPECT_EQ(2, shell("$PERFRING dump data: 2>&1"));
	EXPECT_EQ(2, shell("$PERFRING save data:/bin/sh $FILE 2>&1"));
}

TEST_HARNESS_MAIN
