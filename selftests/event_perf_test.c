// SPDX-License-Identifier: GPL-2.0
/*
 * Texts that name events.  What they mean is what perf(1) says: "perf stat -vv"
 * prints the attr of each event that it opens, and ours has to be the same.  The PMUs
 * and tracepoints are made up, in a folder that both are told to take for sysfs and
 * tracefs, so that the test is the same on each machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "event_world.h"

#define SEEN_MAX	160

/* Each alone is one event, which need not exist. */
static const char *const singles[] = {
	"cycles", "cpu-cycles", "instructions", "cache-references", "cache-misses", "branches",
	"branch-instructions", "branch-misses", "bus-cycles", "stalled-cycles-frontend",
	"idle-cycles-frontend", "stalled-cycles-backend", "idle-cycles-backend", "ref-cycles",
	"cpu-clock", "task-clock", "page-faults", "faults", "minor-faults", "major-faults",
	"context-switches", "cs", "cpu-migrations", "migrations", "alignment-faults",
	"emulation-faults", "dummy", "bpf-output", "cgroup-switches",
	"L1-dcache-loads", "L1-dcache-load-misses", "L1-dcache-stores", "L1-dcache-prefetches",
	"L1-dcache-store-misses", "L1-dcache-prefetch-misses", "L1-icache-loads",
	"L1-icache-load-misses", "LLC-loads", "LLC-load-misses", "LLC-stores", "LLC-prefetches",
	"dTLB-loads", "dTLB-load-misses", "dTLB-stores", "iTLB-loads", "iTLB-load-misses",
	"branch-loads", "branch-load-misses", "node-loads", "node-load-misses",
	"node-store-misses", "l1d-read-misses", "l1-d-write-refs", "l1i-load-miss",
	"L2-speculative-read-ops", "d-tlb-store-access", "Data-TLB-misses", "i-tlb", "bpu-read",
	"btb-loads-Reference", "bpc-misses", "L1-data-misses-stores", "Instruction-TLB-read-miss",
	"r1", "r01c0", "r1a8", "rFF00ff00FF00ff00", "0:1", "1:3", "4:0x1a8",
	"cpu/event=0x3c/", "cpu/event=0x3c,umask=0x1/", "cpu/event=0x4c5,inv,cmask=16/",
	"cpu/config=10,config1=11,config2=12/", "cpu//", "cpu/offcore_rsp=0xffffffffffffffff/",
	"cpu/edge,event=1/", "cpu/edge=0,event=1/", "cpu/split=0x1ff/", "cpu/split=0x123/",
	"cpu/mem-loads/", "cpu/mem-loads/pp", "cpu/slots/", "cpu/choose,umask=0x7/", "cpu/r3c/",
	"cpu/event=mem-loads/", "cpu/slots,inv/u", "mem-loads", "slots", "mem-loads:u",
	"software/config=2/",
	"cycles:u", "cycles:k", "cycles:h", "cycles:uk", "cycles:kh", "cycles:ukh", "cycles:H",
	"cycles:G", "cycles:GH", "cycles:uG", "cycles:kH", "cycles:I", "cycles:p", "cycles:pp",
	"cycles:ppp", "cycles:upp", "cycles:Gp", "cycles:D", "cycles:e", "cycles:De", "cycles:uIppD",
	"r1a8:u", "1:1:k", "L1-dcache-loads:kp", "cpu/event=0x3c/k", "cycles/config=7/",
	"cycles/name=mine/u", "cycles/config1=0x55,config2=3/ppp",
};

/* As many as a processor has registers for, in one run. */
static const char *const breakpoints[][4] = {
	{ "mem:0x1000", "mem:4096", "mem:0x1000/4:w", "mem:0x1000:w" },
	{ "mem:0x1000:rw", "mem:0x1000:wr", "mem:0x1000:x", "mem:0x1000/8" },
	{ "mem:0x1000/1:w", "mem:0x1000/2:rw:u", "mem:0x1000:u", "mem:0x1000:x:k" },
};

/*
 * In runs of their own: perf tries tracepoints again with fewer features when the kernel
 * knows no such id, or when a processor cannot watch reads alone; and it opens what counts
 * on one CPU after all others.
 */
static const char *const alone[] = {
	"uncore_imc_0/event=4,umask=3/", "uncore_imc_0/cas_count_read/", "cas_count_read",
	"tracepoint/config=60001/", "sched:sched_switch", "raw_syscalls:sys_enter",
	"sched:sched_wakeup:u", "mem:0x1000:r",
};

/* Several events, which the kernel opens. */
static const char *const lists[] = {
	"faults,cs", "faults, cs:u ,dummy", "{faults,cs}", "{faults:u,cs:k}", "{faults:u,cs}:k",
	"{faults:G,cs}:H", "{faults,cs,dummy}:D", "{faults,cs},{dummy,migrations}:u,minor-faults:k",
	"own{faults,cs}:u", "faults/name=a/,cs/name=b/k",
};

/* Sampled by perf record: the terms that only matter then. */
static const char *const sampled[] = {
	"faults/period=1000/", "cpu-clock/freq=99/", "cpu-clock/period=0x10000,call-graph=fp/u",
	"cs/call-graph=no,period=3/", "faults/period=7,max-stack=5,call-graph=fp/k",
	"mem:0x1000/4:rw",
};

/* The attr that perf printed, of the fields that it prints when they are not 0. */
struct seen {
	struct perf_event_attr attr;
	char sample_type[128];
};

static unsigned long long seen_number(const char *line)
{
	while (*line == ' ')
		line++;
	return strtoull(line, NULL, 0);
}

#define SEEN_BIT(name)						\
	if (!strncmp(line, #name " ", sizeof(#name)))		\
		seen->attr.name = seen_number(line + sizeof(#name) - 1) & 7
#define SEEN_WORD(text, name)					\
	if (!strncmp(line, text " ", sizeof(text)))		\
		seen->attr.name = seen_number(line + sizeof(text) - 1)

static void seen_line(struct seen *seen, const char *line)
{
	SEEN_WORD("type", type);
	SEEN_WORD("config", config);
	SEEN_WORD("{ bp_addr, config1 }", config1);
	SEEN_WORD("{ bp_len, config2 }", config2);
	SEEN_WORD("{ sample_period, sample_freq }", sample_period);
	SEEN_WORD("bp_type", bp_type);
	SEEN_WORD("sample_max_stack", sample_max_stack);
	SEEN_BIT(freq);
	SEEN_BIT(pinned);
	SEEN_BIT(exclusive);
	SEEN_BIT(exclude_user);
	SEEN_BIT(exclude_kernel);
	SEEN_BIT(exclude_hv);
	SEEN_BIT(exclude_idle);
	SEEN_BIT(exclude_host);
	SEEN_BIT(exclude_guest);
	SEEN_BIT(precise_ip);
	if (!strncmp(line, "sample_type ", 12))
		snprintf(seen->sample_type, sizeof(seen->sample_type), "%.120s", line + 12);
}

/* Run perf in the made-up machine: how many attrs it printed; *status is its status. */
static unsigned int ask_perf(const struct perfring_event_opts *opts, const char *arguments,
			     struct seen *seen, int *status)
{
	static char line[16384];
	unsigned int nr = 0;
	bool in = false;
	size_t len;
	FILE *pipe;

	snprintf(line, sizeof(line), "SYSFS_PATH=%s TRACEFS_PATH=%s timeout 60 perf %s 2>&1",
		 opts->sysfs, opts->tracefs, arguments);
	pipe = popen(line, "r");
	if (!pipe)
		return 0;
	while (fgets(line, sizeof(line), pipe)) {
		if (!strncmp(line, "perf_event_attr:", 16)) {
			in = nr < SEEN_MAX;
			if (in)
				memset(&seen[nr], 0, sizeof(*seen));
			nr++;
		} else if (!strncmp(line, "---", 3)) {
			in = false;
		} else if (in) {
			len = strspn(line, " ");
			seen_line(&seen[nr - 1], line + len);
		}
	}
	*status = pclose(pipe);
	return nr;
}

static bool perf_here(void)
{
	return !system("command -v perf >/dev/null 2>&1 && perf version >/dev/null 2>&1");
}

#define SAME(field)								\
	EXPECT_EQ((unsigned long long)seen->attr.field,				\
		  (unsigned long long)spec->attr.field) {			\
		TH_LOG("%s: " #field, spec->name);				\
	}

static void expect_same(struct __test_metadata *_metadata, const struct seen *seen,
			const struct perfring_event_spec *spec)
{
	SAME(type);
	SAME(config);
	SAME(config1);
	SAME(config2);
	SAME(bp_type);
	SAME(pinned);
	SAME(exclusive);
	SAME(exclude_user);
	SAME(exclude_kernel);
	SAME(exclude_hv);
	SAME(exclude_idle);
	SAME(exclude_host);
	SAME(exclude_guest);
	SAME(precise_ip);
}

/* All in one run of perf, each as its own option: attrs come in their order. */
static void compare_singles(struct __test_metadata *_metadata,
			    FIXTURE_DATA(parse) *self, const char *const *text, size_t nr,
			    struct seen *seen)
{
	static char line[16384];
	struct perfring_event_error error;
	int status, len = snprintf(line, sizeof(line), "stat -vv");
	unsigned int shown;

	for (size_t i = 0; i < nr; i++)
		len += snprintf(line + len, sizeof(line) - (size_t)len, " -e '%s'", text[i]);
	snprintf(line + len, sizeof(line) - (size_t)len, " true");
	/* One alone may be tried several times. */
	shown = ask_perf(&self->opts, line, seen, &status);
	ASSERT_LE(nr, shown);
	/* One that this processor refuses is tried again, less exactly (arm64: mem:0x1000:x). */
	if (shown != nr && nr > 1) {
		compare_singles(_metadata, self, text, nr / 2, seen);
		compare_singles(_metadata, self, text + nr / 2, nr - nr / 2, seen);
		return;
	}
	for (size_t i = 0; i < nr; i++) {
		ASSERT_EQ(0, perfring_event_parse(text[i], &self->opts, &self->specs, &error)) {
			TH_LOG("%s: %s; %s", text[i], error.reason, error.hint);
		}
		ASSERT_EQ(1, perfring_event_specs_count(self->specs));
		expect_same(_metadata, &seen[i], perfring_event_specs_at(self->specs, 0));
		perfring_event_specs_free(self->specs);
		self->specs = NULL;
	}
}

TEST_F(parse, means_what_perf_means)
{
	static struct seen seen[SEEN_MAX];

	_Static_assert(ARRAY_LEN(singles) <= SEEN_MAX, "more room");
	if (!perf_here())
		SKIP(return, "no perf(1), which says what events mean");
	compare_singles(_metadata, self, singles, ARRAY_LEN(singles), seen);
	for (size_t i = 0; i < ARRAY_LEN(breakpoints); i++)
		compare_singles(_metadata, self, breakpoints[i], ARRAY_LEN(breakpoints[i]), seen);
	for (size_t i = 0; i < ARRAY_LEN(alone); i++)
		compare_singles(_metadata, self, &alone[i], 1, seen);
}

TEST_F(parse, lists_and_groups_mean_what_perf_means)
{
	static struct seen seen[SEEN_MAX];
	struct perfring_event_error error;
	char line[512];
	int status;

	if (!perf_here())
		SKIP(return, "no perf(1), which says what events mean");
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		ASSERT_EQ(0, perfring_event_parse(lists[i], &self->opts, &self->specs, &error)) {
			TH_LOG("%s: %s; %s", lists[i], error.reason, error.hint);
		}
		snprintf(line, sizeof(line), "stat -vv -e '%s' true", lists[i]);
		ASSERT_EQ(perfring_event_specs_count(self->specs),
			  ask_perf(&self->opts, line, seen, &status)) {
			TH_LOG("%s", lists[i]);
		}
		for (size_t j = 0; j < perfring_event_specs_count(self->specs); j++)
			expect_same(_metadata, &seen[j], perfring_event_specs_at(self->specs, j));
		perfring_event_specs_free(self->specs);
		self->specs = NULL;
	}
}

/* perf record has a period of its own for events without, and asks for more fields. */
TEST_F(parse, periods_and_call_graphs_are_perf_records)
{
	static struct seen all[SEEN_MAX];
	const struct perfring_event_spec *spec;
	const struct seen *seen = all;
	char line[1024];
	int status, len = snprintf(line, sizeof(line), "record -vv -o /dev/null");

	if (!perf_here())
		SKIP(return, "no perf(1), which says what events mean");
	for (size_t i = 0; i < ARRAY_LEN(sampled); i++)
		len += snprintf(line + len, sizeof(line) - (size_t)len, " -e '%s'", sampled[i]);
	snprintf(line + len, sizeof(line) - (size_t)len, " true");
	/* Those that follow the list are perf's own. */
	ASSERT_LE(ARRAY_LEN(sampled), ask_perf(&self->opts, line, all, &status));
	for (size_t i = 0; i < ARRAY_LEN(sampled); i++, seen++) {
		ASSERT_EQ(0, perfring_event_parse(sampled[i], &self->opts, &self->specs, NULL));
		spec = perfring_event_specs_at(self->specs, 0);
		expect_same(_metadata, seen, spec);
		SAME(sample_period);
		SAME(freq);
		SAME(sample_max_stack);
		EXPECT_EQ(!!strstr(seen->sample_type, "CALLCHAIN"),
			  (spec->attr.sample_type & PERF_SAMPLE_CALLCHAIN) != 0);
		perfring_event_specs_free(self->specs);
		self->specs = NULL;
	}
}

/* perf 6.1 takes the end of the text for that of a group, and a lone number's name for 1. */
static bool perf_takes(const char *text)
{
	return !strcmp(text, "{cycles") || !strcmp(text, "cpu/event/");
}

/* One run of perf for each text: every one is refused there, too. */
TEST_F_TIMEOUT(parse, refuses_what_perf_refuses, 120)
{
	static struct seen seen[SEEN_MAX];
	char line[512];
	int status;

	if (!perf_here())
		SKIP(return, "no perf(1), which says what events mean");
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		/* An empty list is none at all for perf, which then has events of its own. */
		if (!wrong[i].text[0] || perf_takes(wrong[i].text))
			continue;
		snprintf(line, sizeof(line), "stat -vv -e '%s' true", wrong[i].text);
		EXPECT_EQ(0, ask_perf(&self->opts, line, seen, &status)) {
			TH_LOG("perf takes '%s'", wrong[i].text);
		}
		EXPECT_NE(0, status);
	}
}

TEST_HARNESS_MAIN
