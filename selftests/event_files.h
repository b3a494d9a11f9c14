/* SPDX-License-Identifier: GPL-2.0 */
/* A machine that is made up, as files in a folder: PMUs in sys/, tracepoints in trace/. */
#ifndef SELFTESTS_EVENT_FILES_H
#define SELFTESTS_EVENT_FILES_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

/* All of them, below @folder. */
static bool make_files(const char *folder)
{
	char path[256], text[1024], *slash;

	for (size_t i = 0; i < sizeof(described) / sizeof(described[0]); i++) {
		if (!make_file(folder, described[i].path, described[i].text))
			return false;
		snprintf(path, sizeof(path), "%s", described[i].path);
		slash = strrchr(path, '/');
		if (strcmp(slash, "/id") != 0)
			continue;
		/* perf wants to know the fields. */
		strcpy(slash, "/format");
		snprintf(text, sizeof(text), format, described[i].text);
		if (!make_file(folder, path, text))
			return false;
	}
	return true;
}

#endif /* SELFTESTS_EVENT_FILES_H */
