/* SPDX-License-Identifier: GPL-2.0 */
/* A machine that is made up: PMUs and tracepoints in a folder, and texts that are wrong there. */
#ifndef SELFTESTS_EVENT_WORLD_H
#define SELFTESTS_EVENT_WORLD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "fixtures.h"

static const struct {
	const char *path;
	const char *text;
} described[] = {
	{ "sys/devices/system/cpu/online", "0" },
	{ "sys/bus/event_source/devices/software/type", "1" },
	{ "sys/bus/event_source/devices/tracepoint/type", "2" },
	{ "sys/bus/event_source/devices/breakpoint/type", "5" },
	{ "sys/bus/event_source/devices/cpu/type", "4" },
	{ "sys/bus/event_source/devices/cpu/format/event", "config:0-7,32-35" },
	{ "sys/bus/event_source/devices/cpu/format/umask", "config:8-15" },
	{ "sys/bus/event_source/devices/cpu/format/edge", "config:18" },
	{ "sys/bus/event_source/devices/cpu/format/inv", "config:23" },
	{ "sys/bus/event_source/devices/cpu/format/cmask", "config:24-31" },
	{ "sys/bus/event_source/devices/cpu/format/offcore_rsp", "config1:0-63" },
	{ "sys/bus/event_source/devices/cpu/format/ldlat", "config1:0-15" },
	{ "sys/bus/event_source/devices/cpu/format/split", "config2:0-3,8-11,63" },
	{ "sys/bus/event_source/devices/cpu/events/mem-loads", "event=0xcd,umask=0x1,ldlat=3" },
	{ "sys/bus/event_source/devices/cpu/events/slots", "event=0x400,umask=0x01,edge" },
	{ "sys/bus/event_source/devices/cpu/events/choose", "event=0x10,umask=?" },
	{ "sys/bus/event_source/devices/uncore_imc_0/type", "70" },
	{ "sys/bus/event_source/devices/uncore_imc_0/cpumask", "0" },
	{ "sys/bus/event_source/devices/uncore_imc_0/format/event", "config:0-7" },
	{ "sys/bus/event_source/devices/uncore_imc_0/format/umask", "config:8-15" },
	{ "sys/bus/event_source/devices/uncore_imc_0/events/cas_count_read",
	  "event=0x04,umask=0x03" },
	{ "sys/bus/event_source/devices/uncore_imc_0/events/cas_count_read.scale",
	  "6.103515625e-5" },
	{ "sys/bus/event_source/devices/uncore_imc_0/events/cas_count_read.unit", "MiB" },
	{ "sys/bus/event_source/devices/uncore_imc_1/type", "71" },
	{ "sys/bus/event_source/devices/uncore_imc_1/cpumask", "0" },
	{ "sys/bus/event_source/devices/uncore_imc_1/format/event", "config:0-7" },
	{ "sys/bus/event_source/devices/kprobe/type", "6" },
	{ "sys/bus/event_source/devices/kprobe/format/retprobe", "config:0" },
	{ "sys/bus/event_source/devices/uprobe/type", "7" },
	{ "sys/bus/event_source/devices/uprobe/format/retprobe", "config:0" },
	{ "sys/bus/event_source/devices/uprobe/format/ref_ctr_offset", "config:32-63" },
	{ "trace/events/sched/enable", "0" },
	{ "trace/events/sched/sched_switch/id", "60001" },
	{ "trace/events/sched/sched_wakeup/id", "60002" },
	{ "trace/events/sched/sched_wakeup_new/id", "60003" },
	{ "trace/events/raw_syscalls/sys_enter/id", "60009" },
};

/* Ids are those of no tracepoint, so that perf is told at once that there is none. */
static const char format[] =
	"name: it\nID: %s\nformat:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
	"\tfield:int x;\toffset:8;\tsize:4;\tsigned:1;\n\nprint fmt: \"%%d\", REC->x\n";

/* What perf refuses, what is wrong with it, and what should be said about it. */
static const struct {
	const char *text;
	const char *token;
	int code;
	const char *hint;	/* part of it */
} wrong[] = {
	{ "", "", -EINVAL, "" },
	{ "cycels", "cycels", -EINVAL, "cycles" },
	{ "instruction", "instruction", -EINVAL, "instructions" },
	{ "L1-dcache-lods", "L1-dcache-lods", -EINVAL, "L1-dcache-loads" },
	{ "L1-icache-stores", "L1-icache-stores", -EINVAL, "L1-icache-loads" },
	{ "cycles,", "", -EINVAL, "" },
	{ "{cycles", "", -EINVAL, "'}'" },
	{ "cycles}", "}", -EINVAL, "','" },
	{ "{cycles,{faults}}", "{", -EINVAL, "" },
	{ "{}", "}", -EINVAL, "" },
	{ "cycles:y", "y", -EINVAL, "modifiers are" },
	{ "cycles:pppp", "p", -EINVAL, "ppp" },
	{ "cycles:uu", "u", -EINVAL, "" },
	{ "r1g", "r1g", -EINVAL, "" },
	{ "r12345678901234567", "r12345678901234567", -EINVAL, "" },
	{ "77", "77", -EINVAL, "TYPE:CONFIG" },
	{ "cpu/event=0x3c", "", -EINVAL, "'/'" },
	{ "cpu/evnt=0x3c/", "evnt", -EINVAL, "event" },
	{ "cpu/event/", "event", -EINVAL, "" },
	{ "cpu/umask=0x100/", "0x100", -EINVAL, "" },
	{ "cpu/umask=x/", "x", -EINVAL, "" },
	{ "cpu/event=,umask=1/", "event=", -EINVAL, "TERM" },
	{ "cpu/mem-load/", "mem-load", -EINVAL, "mem-loads" },
	{ "cpu/choose/", "choose", -EINVAL, "" },
	{ "cpv/event=1/", "cpv", -ENOENT, "cpu" },
	{ "cycles/umask=1/", "umask", -EINVAL, "PMU" },
	{ "cycles/perid=1/", "perid", -EINVAL, "period" },
	{ "cycles/config=x/", "config=x", -EINVAL, "" },
	{ "sched:sched_swich", "sched_swich", -ENOENT, "sched_switch" },
	{ "shed:sched_switch", "shed", -ENOENT, "sched" },
	{ "sched:nothing_*", "nothing_*", -ENOENT, "" },
	{ "mem:here", "here", -EINVAL, "ADDRESS" },
	{ "mem:0x1000:rr", "rr", -EINVAL, "r, w, x" },
	{ "mem:0x1000:q", "q", -EINVAL, "r, w, x" },
};

FIXTURE(parse) {
	char folder[64];
	char sysfs[96];
	char tracefs[96];
	struct perfring_event_opts opts;
	struct perfring_event_specs *specs;
};

static bool make_file(const char *folder, const char *path, const char *text)
{
	char whole[512];
	FILE *file;
	bool good;

	snprintf(whole, sizeof(whole), "%s/%s", folder, path);
	for (char *at = whole + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		mkdir(whole, 0755);
	}
	file = fopen(whole, "w");
	if (!file)
		return false;
	good = fprintf(file, "%s\n", text) > 0;
	return !fclose(file) && good;
}

FIXTURE_SETUP(parse)
{
	char path[256], text[1024], *slash;

	snprintf(self->folder, sizeof(self->folder), "/tmp/perfring-events-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->folder));
	for (size_t i = 0; i < ARRAY_LEN(described); i++) {
		ASSERT_TRUE(make_file(self->folder, described[i].path, described[i].text));
		snprintf(path, sizeof(path), "%s", described[i].path);
		slash = strrchr(path, '/');
		if (strcmp(slash, "/id") != 0)
			continue;
		/* perf wants to know the fields. */
		strcpy(slash, "/format");
		snprintf(text, sizeof(text), format, described[i].text);
		ASSERT_TRUE(make_file(self->folder, path, text));
	}
	snprintf(self->sysfs, sizeof(self->sysfs), "%s/sys", self->folder);
	snprintf(self->tracefs, sizeof(self->tracefs), "%s/trace", self->folder);
	self->opts.size = sizeof(self->opts);
	self->opts.sysfs = self->sysfs;
	self->opts.tracefs = self->tracefs;
}

FIXTURE_TEARDOWN(parse)
{
	char line[128];

	perfring_event_specs_free(self->specs);
	snprintf(line, sizeof(line), "rm -rf %s", self->folder);
	EXPECT_EQ(0, system(line));
}

#endif /* SELFTESTS_EVENT_WORLD_H */
