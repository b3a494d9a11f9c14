// SPDX-License-Identifier: GPL-2.0
/*
 * Does a device descriptor answer as a perf descriptor of the same attr does?
 * conformance/conformance.h says how, conformance/ has the rows.
 *
 *	conformance_test [--markdown] [--verbose] [PATTERN]
 *
 * PATTERN, as of a shell, chooses rows by "group: name". --verbose shows both
 * transcripts of each row, --markdown ends with the tables of CONFORMANCE.md.
 * PERFRING_CONFORMANCE_STRIDE= one row in so many (1), for kernels that take long.
 */
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "conformance/engine.h"
#include "kselftest.h"

/* Seconds that a row may take; a slow guest needs a small part of one. */
#define ROW_DEADLINE	30

struct row {
	const char *group;
	char name[128];		/* "group: name" */
	row_fn *run;
	uint64_t a, b;
	bool differs;
	bool skipped;
	const struct explained *explained;
};

static struct row *rows;
static unsigned int nr_rows;
static struct shared *shared;
static struct backend writer = { .cpu = -1 };
/* 6012 is 6.12. */
static unsigned int kernel;

void add(const char *group, row_fn *run, uint64_t a, uint64_t b, const char *format, ...)
{
	struct row *row;
	va_list args;
	unsigned int i;
	int n;

	rows = realloc(rows, (nr_rows + 1) * sizeof(*rows));
	if (!rows)
		ksft_exit_fail_msg("no memory\n");
	row = &rows[nr_rows];
	*row = (struct row) { .group = group, .run = run, .a = a, .b = b };
	n = snprintf(row->name, sizeof(row->name), "%s: ", group);
	va_start(args, format);
	n += vsnprintf(row->name + n, sizeof(row->name) - n, format, args);
	va_end(args);
	if (n >= (int)sizeof(row->name))
		ksft_exit_fail_msg("the name of row '%s' is too long\n", row->name);
	for (i = 0; i < nr_rows; i++)
		if (!strcmp(rows[i].name, row->name))
			ksft_exit_fail_msg("two rows '%s'\n", row->name);
	nr_rows++;
}

static bool matches(const char *pattern, const char *name)
{
	return !fnmatch(pattern, name, FNM_EXTMATCH);
}

static const char *const sysctls[] = {
	"/proc/sys/kernel/perf_event_paranoid", "/proc/sys/kernel/perf_event_mlock_kb",
	"/proc/sys/kernel/perf_event_max_stack",
};

static char sysctl_was[ARRAY_LEN(sysctls)][16];

static void sysctls_restore(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(sysctls); i++)
		file_write(sysctls[i], sysctl_was[i]);
}

/* One run of a row in a process of its own; a copy of what it left in *@out. */
static void run_side(const struct row *row, bool device, struct shared *out)
{
	struct side side = { .device = device, .shared = shared, .writer = &writer };
	int status = 0, sig;
	pid_t child;

	memset(shared, 0, sizeof(*shared));
	fflush(stdout);
	child = fork();
	if (!child) {
		alarm(ROW_DEADLINE);
		row->run(&side, row->a, row->b);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (shared->sysctls)
		sysctls_restore();
	/* The map holds a perf descriptor open. */
	if (!device)
		bpf_writer_aim(&writer.bpf, ROW_CPU, -1);
	if (WIFSIGNALED(status)) {
		sig = WTERMSIG(status);
		say(&side, "killed by SIG%s", sigabbrev_np(sig));
		if (sig == SIGALRM) {
			shared->ending = GAVE_UP;
			snprintf(shared->why, sizeof(shared->why), "ran longer than %d s",
				 ROW_DEADLINE);
		}
	} else if (WEXITSTATUS(status)) {
		shared->ending = GAVE_UP;
		snprintf(shared->why, sizeof(shared->why), "exited with %d", WEXITSTATUS(status));
	}
	if (shared->broken) {
		shared->ending = GAVE_UP;
		snprintf(shared->why, sizeof(shared->why), "said too much");
	}
	*out = *shared;
}

/* Is it about kernels and machines like this one? */
static bool applies(const struct explained *entry)
{
	return kernel >= entry->since && (!entry->bits || entry->bits == 8 * sizeof(long));
}

static const struct explained *explanation(const struct row *row)
{
	unsigned int i;

	for (i = 0; i < nr_explained; i++)
		if (applies(&explained[i]) && matches(explained[i].rows, row->name))
			return &explained[i];
	return NULL;
}

static void run_row(struct row *row, bool verbose)
{
	static struct shared perf, device;
	bool failed, wrong;

	run_side(row, false, &perf);
	run_side(row, true, &device);
	if (perf.ending == SKIPPED || device.ending == SKIPPED) {
		row->skipped = true;
		ksft_test_result_skip("%s # SKIP %s\n", row->name, perf.ending == SKIPPED ?
				      perf.why : device.why);
		return;
	}
	/* Two that gave up are equal in nothing. */
	failed = perf.ending == GAVE_UP;
	row->differs = failed || device.ending == GAVE_UP || strcmp(perf.text, device.text);
	row->explained = explanation(row);
	wrong = row->differs ? !row->explained : row->explained && !row->explained->sometimes;
	if (failed || wrong || verbose) {
		ksft_print_msg("perf:   %s%s\n", perf.text, perf.why);
		ksft_print_msg("device: %s%s\n", device.text, device.why);
	}
	if (wrong && !row->differs)
		ksft_print_msg("no difference any more: %s\n", row->explained->reason);
	ksft_test_result(!failed && !wrong, "%s\n", row->name);
}

/* An explanation of nothing is none. */
static void check_explained(const struct explained *entry)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_rows; i++)
		n += matches(entry->rows, rows[i].name);
	ksft_test_result(n || !applies(entry), "explained: %s\n", entry->rows);
}

struct count {
	unsigned int rows, differences, explained;
};

/* Of a group, or of all. */
static struct count count_rows(const char *group, const struct explained *entry)
{
	struct count count = {};
	unsigned int i;

	for (i = 0; i < nr_rows; i++) {
		if ((group && strcmp(rows[i].group, group)) || rows[i].skipped ||
		    (entry && rows[i].explained != entry))
			continue;
		count.rows++;
		count.differences += rows[i].differs;
		count.explained += rows[i].differs && rows[i].explained;
	}
	return count;
}

/* Is this row the first of its group? */
static bool first_of_group(unsigned int i)
{
	unsigned int k;

	for (k = 0; k < i; k++)
		if (!strcmp(rows[k].group, rows[i].group))
			return false;
	return true;
}

/* "2: because. 1: because of that." for a group; several entries may have one reason. */
static void print_reasons(const char *group)
{
	unsigned int i, k, n;

	for (i = 0; i < nr_explained; i++) {
		for (k = 0; k < i && strcmp(explained[k].reason, explained[i].reason); k++)
			;
		if (k < i)
			continue;
		for (n = 0; k < nr_explained; k++)
			if (!strcmp(explained[k].reason, explained[i].reason))
				n += count_rows(group, &explained[k]).differences;
		if (n)
			printf("%u: %s. ", n, explained[i].reason);
	}
}

static void print_markdown(struct count all)
{
	struct utsname name;
	struct count count;
	unsigned int i;

	uname(&name);
	printf("\n## Linux %s\n\n", name.release);
	printf("%u rows, %u differences, %u explained.\n\n", all.rows, all.differences,
	       all.explained);
	printf("| rows about | rows | differences | why |\n|---|---:|---:|---|\n");
	for (i = 0; i < nr_rows; i++) {
		if (!first_of_group(i))
			continue;
		count = count_rows(rows[i].group, NULL);
		printf("| %s | %u | %u | ", rows[i].group, count.rows, count.differences);
		print_reasons(rows[i].group);
		if (count.differences > count.explained)
			printf("**Not explained.** ");
		printf("|\n");
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "markdown", no_argument, NULL, 'm' },
		{ "verbose", no_argument, NULL, 'v' },
		{}
	};
	const uint64_t stride = from_environment("PERFRING_CONFORMANCE_STRIDE", 1) ?: 1;
	bool markdown = false, verbose = false, whole;
	const char *pattern = NULL;
	unsigned int i, n, major, minor;
	struct utsname name;
	char why[WHY_LEN];
	struct count all;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "mv", options, NULL)) != -1) {
		if (opt == 'm')
			markdown = true;
		else if (opt == 'v')
			verbose = true;
		else
			return KSFT_FAIL;
	}
	if (optind < argc)
		pattern = argv[optind];

	ksft_print_header();
	if (!device_ready(why, sizeof(why)) || !backend_available(PERF, why, sizeof(why)))
		ksft_exit_skip("%s\n", why);
	/* Users, sysctls, the nodes' mode. */
	if (geteuid())
		ksft_exit_skip("uid %d: needs root\n", geteuid());
	ret = backend_writer(&writer);
	if (ret)
		ksft_exit_fail_msg("BPF program: %s\n", strerror(-ret));
	uname(&name);
	if (sscanf(name.release, "%u.%u", &major, &minor) != 2)
		ksft_exit_fail_msg("kernel %s?\n", name.release);
	kernel = 1000 * major + minor;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED || pin_to(ROW_CPU))
		ksft_exit_fail_msg("%s\n", strerror(errno));
	for (i = 0; i < ARRAY_LEN(sysctls); i++)
		if (file_read(sysctls[i], sysctl_was[i], sizeof(sysctl_was[i])) <= 0)
			ksft_exit_fail_msg("%s cannot be read\n", sysctls[i]);

	side_find_code();
	attr_rows();
	read_rows();
	ioctl_rows();
	output_rows();
	signal_rows();
	compat_rows();
	poll_rows();
	mmap_rows();
	vma_rows();
	memory_rows();
	life_rows();
	sample_rows();
	record_rows();

	for (i = n = 0; i < nr_rows; i++)
		if (i % stride == 0 && (!pattern || matches(pattern, rows[i].name)))
			rows[n++] = rows[i];
	nr_rows = n;
	whole = stride == 1 && !pattern;
	ksft_set_plan(nr_rows + (whole ? nr_explained : 0));
	for (i = 0; i < nr_rows; i++)
		run_row(&rows[i], verbose);
	for (i = 0; i < nr_explained && whole; i++)
		check_explained(&explained[i]);

	all = count_rows(NULL, NULL);
	ksft_print_cnts();
	printf("# conformance: %u rows, %u differences, %u explained\n", all.rows, all.differences,
	       all.explained);
	if (markdown)
		print_markdown(all);
	backend_close(&writer);
	free(rows);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
