/* SPDX-License-Identifier: GPL-2.0 */
/* A machine that is made up: PMUs and tracepoints in a folder, and texts that are wrong there. */
#ifndef SELFTESTS_EVENT_WORLD_H
#define SELFTESTS_EVENT_WORLD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "event_files.h"
#include "fixtures.h"

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

FIXTURE_SETUP(parse)
{
	snprintf(self->folder, sizeof(self->folder), "/tmp/perfring-events-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->folder));
	ASSERT_TRUE(make_files(self->folder));
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
