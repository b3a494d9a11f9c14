// SPDX-License-Identifier: GPL-2.0
/*
 * Texts that name events, as far as perf(1) is not asked (event_perf_test.c does): what is
 * said about wrong ones, and what goes beyond an attr.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "event_world.h"

/* Position and token are the ones in the table, whose texts have no token twice. */
TEST_F(parse, says_what_is_wrong_and_where)
{
	struct perfring_event_error error;
	const char *text, *at;
	char shown[1024];

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		text = wrong[i].text;
		EXPECT_EQ(wrong[i].code,
			  perfring_event_parse(text, &self->opts, &self->specs, &error)) {
			TH_LOG("'%s'", text);
		}
		EXPECT_EQ(NULL, self->specs);
		EXPECT_EQ(wrong[i].code, error.code);
		EXPECT_STREQ(wrong[i].token, error.token);
		/* From the end: an empty token is there, and a letter is the last one. */
		at = text + strlen(text);
		while (at > text && strncmp(at, wrong[i].token, strlen(wrong[i].token)) != 0)
			at--;
		if (strcmp(text, "{cycles,{faults}}") != 0) {
			EXPECT_EQ(at - text, error.position) {
				TH_LOG("'%s'", text);
			}
		}
		EXPECT_EQ(strlen(wrong[i].token), error.length);
		EXPECT_NE('\0', error.reason[0]);
		EXPECT_NE(NULL, strstr(error.hint, wrong[i].hint)) {
			TH_LOG("'%s': %s; %s", text, error.reason, error.hint);
		}
		EXPECT_LT(0, perfring_event_error_format(&error, text, shown, sizeof(shown)));
		EXPECT_EQ(0, strncmp(text, shown, strlen(text)));
		EXPECT_NE(NULL, strstr(shown, error.reason));
	}
}

/*
 * Where we differ: a term of the text replaces the one of the event that it names, as its
 * author meant; perf 6.1 has the bits of both, and makes 31 of ldlat=3 and ldlat=30.
 */
TEST_F(parse, the_text_has_the_last_word)
{
	ASSERT_EQ(0, perfring_event_parse("cpu/mem-loads,ldlat=30/", &self->opts, &self->specs,
					  NULL));
	EXPECT_EQ(0x1cd, perfring_event_specs_at(self->specs, 0)->attr.config);
	EXPECT_EQ(30, perfring_event_specs_at(self->specs, 0)->attr.config1);
}

/* A word of perf's that has no counterpart is named as such. */
TEST_F(parse, perfs_own_words_are_not_supported)
{
	static const char *const texts[] = {
		"cycles:b", "cycles/call-graph=dwarf/", "cycles/percore/", "duration_time",
	};
	struct perfring_event_error error;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		EXPECT_EQ(-EOPNOTSUPP, perfring_event_parse(texts[i], &self->opts, &self->specs,
							    &error)) {
			TH_LOG("%s", texts[i]);
		}
		EXPECT_EQ(-EOPNOTSUPP, error.code);
	}
}

/* A star is each tracepoint, in order; a beginning is each PMU of that kind. */
TEST_F(parse, one_name_for_many)
{
	static const char *const names[] = {
		"sched:sched_switch", "sched:sched_wakeup", "sched:sched_wakeup_new",
	};
	const struct perfring_event_spec *spec;

	ASSERT_EQ(0, perfring_event_parse("sched:*:u", &self->opts, &self->specs, NULL));
	ASSERT_EQ(3, perfring_event_specs_count(self->specs));
	for (size_t i = 0; i < 3; i++) {
		spec = perfring_event_specs_at(self->specs, i);
		EXPECT_STREQ(names[i], spec->name);
		EXPECT_EQ(PERF_TYPE_TRACEPOINT, spec->attr.type);
		EXPECT_EQ(60001 + i, spec->attr.config);
		EXPECT_TRUE(spec->attr.exclude_kernel == 1);
		EXPECT_EQ(1, spec->attr.sample_period);
		EXPECT_EQ(i, spec->leader);
	}
	EXPECT_EQ(NULL, perfring_event_specs_at(self->specs, 3));
	perfring_event_specs_free(self->specs);
	self->specs = NULL;

	ASSERT_EQ(0, perfring_event_parse("{uncore_imc/event=5/,imc/event=6/}", &self->opts,
					  &self->specs, NULL));
	ASSERT_EQ(4, perfring_event_specs_count(self->specs));
	for (size_t i = 0; i < 4; i++) {
		spec = perfring_event_specs_at(self->specs, i);
		EXPECT_EQ(70 + i % 2, spec->attr.type);
		EXPECT_EQ(5 + i / 2, spec->attr.config);
		EXPECT_STREQ("0", spec->cpus);
		EXPECT_EQ(0, spec->leader);
	}
}

TEST_F(parse, sysfs_says_unit_and_scale)
{
	const struct perfring_event_spec *spec;

	ASSERT_EQ(0, perfring_event_parse("cas_count_read,cycles", &self->opts, &self->specs,
					  NULL));
	spec = perfring_event_specs_at(self->specs, 0);
	EXPECT_STREQ("MiB", spec->unit);
	EXPECT_STREQ("uncore_imc_0", spec->pmu);
	/* 64 bytes in MiB: 2^-14, exactly */
	EXPECT_TRUE(spec->scale == 1.0 / 16384);
	spec = perfring_event_specs_at(self->specs, 1);
	EXPECT_EQ(NULL, spec->unit);
	EXPECT_EQ(NULL, spec->pmu);
	EXPECT_EQ(NULL, spec->cpus);
	EXPECT_TRUE(spec->scale == 1.0);
}

TEST_F(parse, groups_names_and_flags)
{
	const struct perfring_event_spec *spec;

	ASSERT_EQ(0, perfring_event_parse("own{cycles:u,faults/name=mine,inherit/}:SW,cs/no-inherit/P",
					  &self->opts, &self->specs, NULL));
	ASSERT_EQ(3, perfring_event_specs_count(self->specs));
	spec = perfring_event_specs_at(self->specs, 0);
	EXPECT_STREQ("cycles:u", spec->name);
	EXPECT_STREQ("own", spec->group);
	EXPECT_EQ(0, spec->leader);
	EXPECT_EQ(PERFRING_SPEC_SAMPLE_READ | PERFRING_SPEC_WEAK, spec->flags);
	spec = perfring_event_specs_at(self->specs, 1);
	EXPECT_STREQ("mine", spec->name);
	EXPECT_STREQ("own", spec->group);
	EXPECT_EQ(0, spec->leader);
	EXPECT_EQ(PERFRING_SPEC_SAMPLE_READ | PERFRING_SPEC_WEAK | PERFRING_SPEC_INHERIT,
		  spec->flags);
	spec = perfring_event_specs_at(self->specs, 2);
	EXPECT_STREQ("cs/no-inherit/P", spec->name);
	EXPECT_EQ(NULL, spec->group);
	EXPECT_EQ(2, spec->leader);
	EXPECT_EQ(PERFRING_SPEC_NO_INHERIT | PERFRING_SPEC_PRECISE_MAX, spec->flags);
	EXPECT_EQ(-EINVAL, perfring_event_parse("{cycles,faults:D}", &self->opts, &self->specs,
						NULL));
}

/* perfring's PMU of the device, from the machine's own sysfs. */
TEST(events_of_the_device)
{
	struct perfring_event_specs *specs = NULL;
	const struct perfring_event_spec *spec;
	char why[WHY_LEN];

	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, perfring_event_parse("perfring/written/,perfring/source=2/", NULL, &specs,
					  NULL));
	ASSERT_EQ(2, perfring_event_specs_count(specs));
	spec = perfring_event_specs_at(specs, 0);
	EXPECT_EQ(pmu_type(), (int)spec->attr.type);
	EXPECT_STREQ("perfring", spec->pmu);
	spec = perfring_event_specs_at(specs, 1);
	EXPECT_EQ(pmu_type(), (int)spec->attr.type);
	EXPECT_EQ(2, spec->attr.config);
	perfring_event_specs_free(specs);
}

/* Kernel functions by name or address; what points into the text is a copy. */
TEST_F(parse, kprobes)
{
	char text[] = "kprobe:vfs_read+0x10,kretprobe:vfs_read:k,kprobe:0xffffffff81000000";
	const struct perf_event_attr *attr;

	ASSERT_EQ(0, perfring_event_parse(text, &self->opts, &self->specs, NULL));
	memset(text, 'x', sizeof(text) - 1);
	ASSERT_EQ(3, perfring_event_specs_count(self->specs));
	attr = &perfring_event_specs_at(self->specs, 0)->attr;
	EXPECT_EQ(6, attr->type);
	EXPECT_EQ(0, attr->config);
	EXPECT_STREQ("vfs_read", (const char *)(uintptr_t)attr->kprobe_func);
	EXPECT_EQ(0x10, attr->probe_offset);
	EXPECT_EQ(1, attr->sample_period);
	attr = &perfring_event_specs_at(self->specs, 1)->attr;
	EXPECT_EQ(1, attr->config);
	EXPECT_STREQ("vfs_read", (const char *)(uintptr_t)attr->kprobe_func);
	EXPECT_EQ(0, attr->probe_offset);
	EXPECT_TRUE(attr->exclude_user == 1);
	attr = &perfring_event_specs_at(self->specs, 2)->attr;
	EXPECT_EQ(0, attr->kprobe_func);
	EXPECT_EQ(0xffffffff81000000, attr->kprobe_addr);
	EXPECT_EQ(-EINVAL, perfring_event_parse("kprobe:vfs_read+x", &self->opts, &self->specs,
						NULL));
	EXPECT_EQ(-EINVAL, perfring_event_parse("kprobe:", &self->opts, &self->specs, NULL));
}

__attribute__((noinline, noclone)) int event_parse_probed(int x)
{
	return x + 1;
}

/* The mapping of this program tells where in the file a function is. */
static uint64_t file_offset_of(const void *function)
{
	unsigned long low, high, offset;
	uint64_t found = 0;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %lx", &low, &high, &offset) == 3 &&
		    (uintptr_t)function >= low && (uintptr_t)function < high)
			found = (uintptr_t)function - low + offset;
	if (maps)
		fclose(maps);
	return found;
}

TEST_F(parse, uprobes)
{
	struct perfring_event_error error;
	const struct perf_event_attr *attr;
	char path[256] = "", text[1024];
	uint64_t offset = file_offset_of(event_parse_probed);

	ASSERT_LT(0, readlink("/proc/self/exe", path, sizeof(path) - 1));
	ASSERT_NE(0, offset);
	snprintf(text, sizeof(text),
		 "uprobe:%s:event_parse_probed,uretprobe:%s:event_parse_probed+4:u,uprobe:%s:0x1234(0x55)",
		 path, path, path);
	ASSERT_EQ(0, perfring_event_parse(text, &self->opts, &self->specs, &error)) {
		TH_LOG("%s; %s", error.reason, error.hint);
	}
	ASSERT_EQ(3, perfring_event_specs_count(self->specs));
	attr = &perfring_event_specs_at(self->specs, 0)->attr;
	EXPECT_EQ(7, attr->type);
	EXPECT_EQ(0, attr->config);
	EXPECT_STREQ(path, (const char *)(uintptr_t)attr->uprobe_path);
	EXPECT_EQ(offset, attr->probe_offset);
	attr = &perfring_event_specs_at(self->specs, 1)->attr;
	EXPECT_EQ(1, attr->config);
	EXPECT_EQ(offset + 4, attr->probe_offset);
	EXPECT_TRUE(attr->exclude_kernel == 1);
	attr = &perfring_event_specs_at(self->specs, 2)->attr;
	EXPECT_EQ(0x55ULL << 32, attr->config);
	EXPECT_EQ(0x1234, attr->probe_offset);

	snprintf(text, sizeof(text), "uprobe:%s:event_parse_prober", path);
	EXPECT_EQ(-ENOENT, perfring_event_parse(text, &self->opts, &self->specs, &error));
	EXPECT_STREQ("event_parse_prober", error.token);
	EXPECT_NE(NULL, strstr(error.hint, "event_parse_probed"));
	EXPECT_EQ(-EBADMSG, perfring_event_parse("uprobe:/proc/self/maps:main", &self->opts,
						 &self->specs, &error));
	/* Nobody writes to it: who opened it as a file would wait for ever. */
	snprintf(path, sizeof(path), "%s/fifo", self->folder);
	ASSERT_EQ(0, mkfifo(path, 0600));
	snprintf(text, sizeof(text), "uprobe:%s:main", path);
	EXPECT_EQ(-EBADMSG, perfring_event_parse(text, &self->opts, &self->specs, &error));
	EXPECT_EQ(-ENOENT, perfring_event_parse("uprobe:/no/such/file:main", &self->opts,
						&self->specs, &error));
	EXPECT_EQ(-EINVAL, perfring_event_parse("uprobe:/bin/true", &self->opts, &self->specs,
						&error));
}

/* What of perf.data's and perf record's terms is more than a number of the attr. */
TEST_F(parse, terms)
{
	static const char *const texts[] = {
		"cycles/time=1,time=0/", "cycles/time=1/", "faults/name='a, b'/", "branches-loads",
		"cycles/overwrite/", "cycles/no-overwrite/", "cycles/inherit=0/",
	};
	const uint64_t time = PERF_SAMPLE_TIME;
	char text[256] = "";
	const struct perfring_event_spec *spec;
	struct perfring_event_error error;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		strcat(strcat(text, i ? "," : ""), texts[i]);
	ASSERT_EQ(0, perfring_event_parse(text, &self->opts, &self->specs, &error)) {
		TH_LOG("%s: %s", error.token, error.reason);
	}
	ASSERT_EQ(7, perfring_event_specs_count(self->specs));
	spec = perfring_event_specs_at(self->specs, 0);
	EXPECT_EQ(0, spec->attr.sample_type & time);
	spec = perfring_event_specs_at(self->specs, 1);
	EXPECT_EQ(time, spec->attr.sample_type & time);
	EXPECT_STREQ("a, b", perfring_event_specs_at(self->specs, 2)->name);
	/* The branch unit has several names; loads (0), of which all count (0). */
	spec = perfring_event_specs_at(self->specs, 3);
	EXPECT_EQ(PERF_TYPE_HW_CACHE, spec->attr.type);
	EXPECT_EQ(PERF_COUNT_HW_CACHE_BPU, spec->attr.config);
	EXPECT_TRUE(perfring_event_specs_at(self->specs, 4)->attr.write_backward == 1);
	EXPECT_TRUE(perfring_event_specs_at(self->specs, 5)->attr.write_backward == 0);
	EXPECT_EQ(PERFRING_SPEC_NO_INHERIT, perfring_event_specs_at(self->specs, 6)->flags &
		  (PERFRING_SPEC_INHERIT | PERFRING_SPEC_NO_INHERIT));
}

/* As far as the headers of the build know it. */
TEST_F(parse, config3)
{
	struct perfring_event_error error;
	int err = perfring_event_parse("cycles/config3=7/", &self->opts, &self->specs, &error);

#ifdef PERF_ATTR_SIZE_VER8
	ASSERT_EQ(0, err);
	EXPECT_EQ(7, perfring_event_specs_at(self->specs, 0)->attr.config3);
#else
	EXPECT_EQ(-EOPNOTSUPP, err);
	EXPECT_STREQ("config3=7", error.token);
#endif
}

/* The same terms for each of several tracepoints. */
TEST_F(parse, terms_of_many)
{
	ASSERT_EQ(0, perfring_event_parse("sched:sched_wakeup*/period=7,name=it/u", &self->opts,
					  &self->specs, NULL));
	ASSERT_EQ(2, perfring_event_specs_count(self->specs));
	for (size_t i = 0; i < 2; i++) {
		const struct perfring_event_spec *spec = perfring_event_specs_at(self->specs, i);

		EXPECT_EQ(60002 + i, spec->attr.config);
		EXPECT_EQ(7, spec->attr.sample_period);
		EXPECT_STREQ("it", spec->name);
		EXPECT_TRUE(spec->attr.exclude_kernel == 1);
	}
}

/* More that is wrong, each with its errno and the place that is shown. */
TEST_F(parse, says_more_that_is_wrong)
{
	static const struct {
		const char *text, *token;
		int code;
	} rows[] = {
		{ "cycles/inherit=2/", "2", -EINVAL },
		{ "cycles/inherit=x/", "x", -EINVAL },
		{ "cycles/name/", "name", -EINVAL },
		{ "cycles/call-graph/", "call-graph", -EINVAL },
		{ "cycles/call-graph=up/", "up", -EINVAL },
		{ "sched:sched_wakeup*/perid=7/", "perid", -EINVAL },
		{ "{cycles:pp,faults}:pp", "pp", -EINVAL },
		{ "uprobe:/bin/true:0x10(5", "5", -EINVAL },
		{ "uprobe:/bin/true:0x10()", "", -EINVAL },
		{ "uprobe:/bin/true:0x10(x)", "x", -EINVAL },
		/* Its field has 32 bits. */
		{ "uprobe:/bin/true:0x10(0x100000000)", "0x100000000", -EINVAL },
		{ "uprobe:/bin/true:+4", "", -EINVAL },
		{ "kprobe:+4", "", -EINVAL },
		{ "kprobe:x+y", "y", -EINVAL },
		/* As the files of this machine that is made up are described wrong. */
		{ "bad/event=1/", "bad", -EBADMSG },
		{ "cpu/again/", "again", -EBADMSG },
		{ "bad:bad", "bad", -EBADMSG },
	};
	struct perfring_event_error error;
	char shown[512];

	ASSERT_TRUE(make_file(self->folder, "sys/bus/event_source/devices/bad/type", "x"));
	ASSERT_TRUE(make_file(self->folder, "sys/bus/event_source/devices/cpu/events/again",
			      "again,umask=1"));
	ASSERT_TRUE(make_file(self->folder, "trace/events/bad/bad/id", "x"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		EXPECT_EQ(rows[i].code, perfring_event_parse(rows[i].text, &self->opts,
							     &self->specs, &error)) {
			TH_LOG("'%s'", rows[i].text);
		}
		EXPECT_EQ(NULL, self->specs);
		EXPECT_STREQ(rows[i].token, error.token) {
			TH_LOG("'%s': %s", rows[i].text, error.reason);
		}
	}
	/* A folder of tracepoints that is none. */
	self->opts.tracefs = "/nowhere";
	EXPECT_EQ(-ENOENT, perfring_event_parse("sched:sched_switch", &self->opts, &self->specs,
						&error));
	EXPECT_NE(NULL, strstr(error.reason, "/nowhere/events: "));
	/* What is not wrong has no text, and the mark below a long word has an end. */
	memset(&error, 0, sizeof(error));
	EXPECT_EQ(0, perfring_event_error_format(&error, "cycles", shown, sizeof(shown)));
	EXPECT_STREQ("", shown);
	error.code = -EINVAL;
	error.length = 200;
	perfring_event_error_format(&error, "cycles", shown, sizeof(shown));
	EXPECT_EQ(63, strspn(strchr(shown, '^'), "^"));
}

/* Options as everywhere: a size of 0, and more than is known. */
TEST(options_are_checked)
{
	struct {
		struct perfring_event_opts opts;
		uint64_t more;
	} larger = { { .size = sizeof(larger) }, 1 };
	struct perfring_event_opts opts = { .size = 0 };
	struct perfring_event_specs *specs = NULL;

	EXPECT_EQ(-EINVAL, perfring_event_parse("cycles", &opts, &specs, NULL));
	EXPECT_EQ(-E2BIG, perfring_event_parse("cycles", &larger.opts, &specs, NULL));
	EXPECT_EQ(NULL, specs);
}

TEST_HARNESS_MAIN
