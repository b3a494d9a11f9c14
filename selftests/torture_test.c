// SPDX-License-Identifier: GPL-2.0
/*
 * perfring torture itself: what it says and answers, what its page says, and the readers in
 * other languages that the page shows.
 */
#include <libgen.h>
#include <limits.h>
#include "fixtures.h"
#include "command.h"
#include "watchpoint.h"

#define MAN_PAGE	TOP "/user/man/perfring-torture.1.in"
#define PYTHON		TOP "/user/examples/torture_reader.py"

/* Where the tests were built; the gallery's readers lie below. */
static const char *here(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return "";
	path[n] = '\0';
	return dirname(path);
}

/* As a page has it: a hyphen that is a minus. */
static const char *roff(const char *text, char *out)
{
	char *at = out;

	for (; *text; text++) {
		if (*text == '-')
			*at++ = '\\';
		*at++ = *text;
	}
	*at = '\0';
	return out;
}

/* The manual page tells of each scenario in the words of the command. */
TEST(page_has_the_scenarios)
{
	char line[600], name[80], text[700], item[900], *about;
	FILE *page = fopen(MAN_PAGE, "r"), *pipe;

	if (!page)
		SKIP(return, "no source tree with its pages");
	output[fread(output, 1, sizeof(output) - 1, page)] = '\0';
	fclose(page);
	snprintf(line, sizeof(line), "%s torture --list", command_path());
	pipe = popen(line, "r");
	ASSERT_NE(NULL, pipe);
	while (fgets(line, sizeof(line), pipe)) {
		line[strcspn(line, "\n")] = '\0';
		about = line + strcspn(line, " ");
		*about++ = '\0';
		about += strspn(about, " ");
		snprintf(item, sizeof(item), "\n.TP\n.B %s\n%s\n", roff(line, name),
			 roff(about, text));
		EXPECT_NE(NULL, strstr(output, item)) {
			TH_LOG("no item of the page is:%s", item);
		}
	}
	EXPECT_EQ(0, pclose(pipe));
}

/* Run the command on @reader; its output in output, and its exit status. */
static int run_torture(const char *options, const char *reader)
{
	char line[2000];

	snprintf(line, sizeof(line), "%s torture %s -- %s 2>&1", command_path(), options, reader);
	return shell(line);
}

FIXTURE(language) {
};

FIXTURE_VARIANT(language) {
	const char *backend;
};

FIXTURE_VARIANT_ADD(language, memory) { .backend = "memory" };
FIXTURE_VARIANT_ADD(language, device) { .backend = "device" };

FIXTURE_SETUP(language)
{
	char why[WHY_LEN];

	if (strcmp(variant->backend, "device") != 0)
		return;
	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, module_allow(true));
}

FIXTURE_TEARDOWN(language)
{
	if (!strcmp(variant->backend, "device"))
		EXPECT_EQ(0, module_allow(false));
}

/* What a reader that does all but overwriting rings comes to. */
static const char *all_forward(void)
{
	static char text[80];
	/* Positions of 32 bits do not pass what two scenarios pass. */
	unsigned int here = 25U - !watchpoints_work() - (sizeof(long) == 4 ? 2 : 0);

	snprintf(text, sizeof(text), ": %u passed, 0 failed, %u skipped", here, 27 - here);
	return text;
}

/* Does @reader pass?  Where all is emulated, @one scenario. */
static bool passes(const char *backend, const char *reader, const char *one)
{
	bool few = device_ready((char [WHY_LEN]){}, WHY_LEN);
	char options[80];

	snprintf(options, sizeof(options), "--backend %s -t 60%s%s", backend,
		 few ? " --scenario " : "", few ? one : "");
	return !run_torture(options, reader) &&
	       said(few ? ": 1 passed, 0 failed, 0 skipped" : all_forward());
}

TEST_F_TIMEOUT(language, python, 110)
{
	if (system("python3 -c 'import mmap' 2>/dev/null"))
		SKIP(return, "no python3");
	EXPECT_TRUE(passes(variant->backend, "python3 " PYTHON, "wrap")) {
		TH_LOG("%s", output);
	}
}

/* It has several threads, of which any may be the one that loads. */
TEST_F_TIMEOUT(language, go, 110)
{
	bool memory = !strcmp(variant->backend, "memory");
	char reader[PATH_MAX];

	snprintf(reader, sizeof(reader), "%s/torture_reader_go", here());
	if (access(reader, X_OK))
		SKIP(return, "no go for this machine when the tests were built (Debian: golang-go)");
	EXPECT_TRUE(passes(variant->backend, reader,
			   memory && watchpoints_work() ? "size-changes" : "wrap")) {
		TH_LOG("%s", output);
	}
}

TEST_F_TIMEOUT(language, rust, 110)
{
	bool memory = !strcmp(variant->backend, "memory");
	char reader[PATH_MAX];

	snprintf(reader, sizeof(reader), "%s/torture_reader_rust", here());
	if (access(reader, X_OK))
		SKIP(return, "no rustc for this machine when the tests were built (Debian: rustc)");
	EXPECT_TRUE(passes(variant->backend, reader,
			   memory && watchpoints_work() ? "size-changes" : "wrap")) {
		TH_LOG("%s", output);
	}
}

/* In plain words: what happened, what was wrong, what it mostly is; and the status. */
TEST(words_and_status)
{
	char reader[600];

	snprintf(reader, sizeof(reader), "%s/gallery/lost_ignored", here());
	EXPECT_EQ(1, run_torture("--backend memory --scenario plain --scenario lost", reader));
	EXPECT_NE(NULL, strstr(output, "memory.plain           ok\n"));
	EXPECT_NE(NULL, strstr(output, "memory.lost            FAILS\n"));
	EXPECT_NE(NULL, strstr(output, "and should have been 'lost 5'"));
	EXPECT_NE(NULL, strstr(output, "mostly: PERF_RECORD_LOST says how many are missing"));
	EXPECT_NE(NULL, strstr(output, "1 passed, 1 failed, 0 skipped"));
	EXPECT_EQ(0, run_torture("--backend memory --scenario plain", reader));
	/* A reader that is none. */
	EXPECT_EQ(1, run_torture("--backend memory --scenario plain", "/nonexistent/reader"));
	EXPECT_NE(NULL, strstr(output, "No such file or directory"));
	EXPECT_EQ(1, run_torture("--backend memory --scenario plain", "false"));
	EXPECT_NE(NULL, strstr(output, "it ended with status 1 after 0 lines"));
	EXPECT_EQ(1, run_torture("--backend memory --scenario plain", "sh -c 'kill -SEGV $$'"));
	EXPECT_NE(NULL, strstr(output, "it died of SIGSEGV"));
	EXPECT_EQ(0, run_torture("--backend memory --scenario plain", "sh -c 'exit 4'"));
	EXPECT_NE(NULL, strstr(output, "skipped: the reader does not do this"));
	EXPECT_EQ(1, run_torture("--backend memory --scenario plain -t 0.2", "sleep 100"));
	EXPECT_NE(NULL, strstr(output, "is still due (line 1)"));
	EXPECT_EQ(1, run_torture("--backend memory --scenario plain",
				 "sh -c 'echo what; sleep 100'"));
	EXPECT_NE(NULL, strstr(output, "line 1 was 'what' and should have been 'sample 8 "));
	EXPECT_EQ(2, run_torture("--scenario nosuch", reader));
	EXPECT_EQ(2, run_torture("--backend nosuch", reader));
}

TEST_HARNESS_MAIN
