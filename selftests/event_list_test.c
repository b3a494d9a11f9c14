// SPDX-License-Identifier: GPL-2.0
/* The events of a machine that is made up, and of this one, by the library and the command. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "event_world.h"

#define LISTED_MAX	128

struct listed {
	unsigned int nr;
	unsigned int stop;	/* after so many; 0: never */
	struct {
		char name[64];
		char about[64];
		uint32_t kind;
		int error;
	} item[LISTED_MAX];
};

static int note(void *context, const struct perfring_event_item *item)
{
	struct listed *listed = context;

	if (listed->nr < LISTED_MAX) {
		snprintf(listed->item[listed->nr].name, 64, "%.63s", item->name);
		snprintf(listed->item[listed->nr].about, 64, "%.63s",
			 item->about ? item->about : "");
		listed->item[listed->nr].kind = item->kind;
		listed->item[listed->nr].error = item->error;
	}
	listed->nr++;
	return listed->nr == listed->stop ? 77 : 0;
}

/* What the folder of event_world.h describes, in the order of names. */
TEST_F(parse, pmus_and_tracepoints)
{
	static const char *const wanted[][2] = {
		{ "cpu//", "cmask,edge,event,inv,ldlat,offcore_rsp,split,umask" },
		{ "cpu/choose/", "event=0x10,umask=?" },
		{ "cpu/mem-loads/", "event=0xcd,umask=0x1,ldlat=3" },
		{ "cpu/slots/", "event=0x400,umask=0x01,edge" },
		{ "kprobe//", "retprobe" },
		{ "uncore_imc_0//", "event,umask" },
		{ "uncore_imc_0/cas_count_read/", "event=0x04,umask=0x03" },
		{ "uncore_imc_1//", "event" },
		{ "uprobe//", "ref_ctr_offset,retprobe" },
		{ "raw_syscalls:sys_enter", "" },
		{ "sched:sched_switch", "" },
		{ "sched:sched_wakeup", "" },
		{ "sched:sched_wakeup_new", "" },
	};
	struct listed listed = { .nr = 0 };

	ASSERT_EQ(0, perfring_event_list(&self->opts, PERFRING_LIST_PMU |
					 PERFRING_LIST_TRACEPOINT, note, &listed));
	ASSERT_EQ(ARRAY_LEN(wanted), listed.nr);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		EXPECT_STREQ(wanted[i][0], listed.item[i].name);
		EXPECT_STREQ(wanted[i][1], listed.item[i].about);
		EXPECT_EQ(i < 9 ? PERFRING_LIST_PMU : PERFRING_LIST_TRACEPOINT,
			  listed.item[i].kind);
	}
	/* The callback may end it. */
	listed.nr = 0;
	listed.stop = 3;
	EXPECT_EQ(77, perfring_event_list(&self->opts, 0, note, &listed));
	EXPECT_EQ(3, listed.nr);
	EXPECT_EQ(-EINVAL, perfring_event_list(&self->opts, 1U << 31, note, &listed));
	self->opts.tracefs = "/nonexistent";
	EXPECT_EQ(-ENOENT, perfring_event_list(&self->opts, PERFRING_LIST_TRACEPOINT, note,
					       &listed));
	listed.nr = 0;
	listed.stop = 0;
	EXPECT_EQ(0, perfring_event_list(&self->opts, PERFRING_LIST_ALL, note, &listed));
	EXPECT_LT(9, listed.nr);
}

/* Each name is one that the parser takes, but for those that leave something open. */
TEST_F(parse, what_is_listed_is_understood)
{
	struct perfring_event_error error;
	struct listed listed = { .nr = 0 };

	ASSERT_EQ(0, perfring_event_list(&self->opts, 0, note, &listed));
	ASSERT_GE(LISTED_MAX, listed.nr);
	for (unsigned int i = 0; i < listed.nr; i++) {
		if (strchr(listed.item[i].about, '?'))
			continue;
		EXPECT_EQ(0, perfring_event_parse(listed.item[i].name, &self->opts, &self->specs,
						  &error)) {
			TH_LOG("%s: %s", listed.item[i].name, error.reason);
		}
		perfring_event_specs_free(self->specs);
		self->specs = NULL;
	}
}

/* Every kernel with perf events has this one, for every user. */
TEST(the_machine_has_page_faults)
{
	struct listed listed = { .nr = 0 };
	bool found = false;

	ASSERT_EQ(0, perfring_event_list(NULL, PERFRING_LIST_SOFTWARE, note, &listed));
	for (unsigned int i = 0; i < listed.nr && i < LISTED_MAX; i++)
		if (!strcmp(listed.item[i].name, "page-faults") && !listed.item[i].error)
			found = true;
	EXPECT_TRUE(found);
}

static char output[65536];

static int run(const char *arguments)
{
	char line[512];
	size_t len;
	FILE *pipe;
	int status;

	snprintf(line, sizeof(line), "timeout 20 %s/perfring %s 2>&1", USER_O, arguments);
	pipe = popen(line, "r");
	if (!pipe)
		return -1;
	len = fread(output, 1, sizeof(output) - 1, pipe);
	output[len] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(the_command_lists)
{
	if (access(USER_O "/perfring", X_OK))
		SKIP(return, "%s: not built", USER_O "/perfring");
	EXPECT_EQ(0, run("list sw"));
	EXPECT_NE(NULL, strstr(output, "page-faults"));
	EXPECT_EQ(NULL, strstr(output, "L1-dcache-loads"));
	EXPECT_EQ(0, run("list --all"));
	EXPECT_NE(NULL, strstr(output, "L1-dcache-loads"));
	EXPECT_EQ(0, run("list 'minor-*' --json"));
	EXPECT_STREQ("{\"name\":\"minor-faults\",\"kind\":\"sw\",\"available\":true}\n", output);
	EXPECT_EQ(1, run("list nosuch"));
	EXPECT_EQ(2, run("list --nosuch"));
	/* Where dump takes an event, it takes what is listed, and says what is wrong. */
	EXPECT_NE(0, run("dump perf:0/cpu-clok -n 1"));
	EXPECT_NE(NULL, strstr(output, "cpu-clock"));
	if (geteuid())
		return;
	EXPECT_EQ(0, run("dump perf:0/cpu-clock/period=1000000/ -n 2 -t 10"));
	EXPECT_NE(NULL, strstr(output, "2 records"));
	EXPECT_EQ(0, run("dump perf:0/cpu-clock,period=1000000 -n 2 -t 10"));
	EXPECT_NE(NULL, strstr(output, "period=1000000"));
}

TEST_HARNESS_MAIN
