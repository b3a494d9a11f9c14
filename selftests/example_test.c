// SPDX-License-Identifier: GPL-2.0
/* The examples run, and the README shows the one that it says. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

static char *slurp(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	if (!file || !text) {
		if (file)
			fclose(file);
		free(text);
		return NULL;
	}
	if (fread(text, 1, (1 << 20) - 1, file) == 0)
		text[0] = '\0';
	fclose(file);
	return text;
}

/*
 * What a manual page says that this example prints: the block after it, when
 * "prints" alone stands between the two.  NULL when no page says so.
 */
static char *page_says(const char *example)
{
	char name[300], path[600], *text, *at, *end, *said = NULL;
	DIR *dir = opendir(TOP "/user/man");
	struct dirent *entry;

	snprintf(name, sizeof(name), "@EXAMPLE %s.c@\n.EE\n.P\nprints\n.P\n.EX\n", example);
	while (dir && !said && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), TOP "/user/man/%s", entry->d_name);
		text = entry->d_name[0] == '.' ? NULL : slurp(path);
		at = text ? strstr(text, name) : NULL;
		end = at ? strstr(at + strlen(name), ".EE\n") : NULL;
		if (end) {
			*end = '\0';
			said = strdup(at + strlen(name));
		}
		free(text);
	}
	if (dir)
		closedir(dir);
	/* A hyphen that is a minus, and a backslash. */
	for (at = said; at && (at = strchr(at, '\\')); at++) {
		if (at[1] == 'e')
			at[1] = '\\';
		memmove(at, at + 1, strlen(at));
	}
	return said;
}

/* Its page shows what it prints elsewhere. */
static bool differs_here(const char *example)
{
	/* What a ring of some pages holds; the pages show 4096 bytes. */
	static const char *const of_pages[] = {
		"dev_mirror", "explain", "reader_perf", "ring_overwrite", "storage_memory",
		"write_batch",
	};

	for (size_t i = 0; i < ARRAY_LEN(of_pages); i++)
		if (PAGE != 4096 && !strcmp(example, of_pages[i]))
			return true;
	/* It passes 2^32, which positions of 32 bits do not. */
	return sizeof(long) == 4 && !strcmp(example, "dev_emit");
}

/* Each ends by itself with 0 and has said something, and what its page says. */
TEST(examples_run)
{
	char line[1024], out[4096], why[WHY_LEN], *said;
	struct dirent *entry;
	DIR *dir = opendir(USER_O "/examples");
	unsigned int n = 0, shown = 0;
	size_t len;
	FILE *pipe;
	int status;

	if (geteuid() && file_long("/proc/sys/kernel/perf_event_paranoid", 2) > 2)
		SKIP(return, "uid %d: no permission for perf events", geteuid());
	if (!dir)
		SKIP(return, "%s: not built", USER_O "/examples");
	while ((entry = readdir(dir))) {
		/* Programs have no dot in their names. */
		if (strchr(entry->d_name, '.'))
			continue;
		/* Those of perfring(4) open a device. */
		if (!strncmp(entry->d_name, "dev_", 4) && !device_ready(why, sizeof(why)))
			continue;
		snprintf(line, sizeof(line), "timeout 20 %s/examples/%s", USER_O, entry->d_name);
		if (access(line + strlen("timeout 20 "), X_OK))
			continue;
		pipe = popen(line, "r");
		ASSERT_NE(NULL, pipe);
		len = fread(out, 1, sizeof(out) - 1, pipe);
		status = pclose(pipe);
		EXPECT_EQ(0, status) {
			TH_LOG("%s: status %#x", entry->d_name, status);
		}
		/* One explains what is refused with small pages alone. */
		EXPECT_TRUE(len || differs_here(entry->d_name)) {
			TH_LOG("%s says nothing", entry->d_name);
		}
		out[len] = '\0';
		/* Installed tests have no pages. */
		said = page_says(entry->d_name);
		if (said && !differs_here(entry->d_name)) {
			EXPECT_STREQ(said, out) {
				TH_LOG("its page does not show what %s prints", entry->d_name);
			}
			shown++;
		}
		free(said);
		n++;
	}
	closedir(dir);
	EXPECT_LT(0, n);
	if (!access(TOP "/user/man", R_OK)) {
		EXPECT_LT(0, shown);
	}
}

/*
 * README.md: between the two comments is a block of C that is
 * user/examples/read20.c, but for its first line, which is the licence's.
 */
TEST(readme_has_read20)
{
	char *readme = slurp(TOP "/README.md"), *source = slurp(TOP "/user/examples/read20.c");
	char *begin, *end, *body;

	if (!readme)
		SKIP(return, "README.md: not here (installed tests have none)");
	ASSERT_NE(NULL, source);
	begin = strstr(readme, "<!-- begin read20.c -->\n");
	ASSERT_NE(NULL, begin);
	end = strstr(begin, "<!-- end read20.c -->");
	ASSERT_NE(NULL, end);
	begin = strstr(begin, "```c\n");
	ASSERT_NE(NULL, begin);
	begin += strlen("```c\n");
	ASSERT_LT(begin, end);
	*end = '\0';
	end = strstr(begin, "```\n");
	ASSERT_NE(NULL, end);
	*end = '\0';
	body = source;
	if (!strncmp(body, "// SPDX", 7) && strncmp(begin, "// SPDX", 7))
		body = strchr(body, '\n') + 1;
	EXPECT_STREQ(body, begin);
	free(readme);
	free(source);
}

/* perfring(4): what is said on a CPU is heard by those who listen there. */
TEST(hello)
{
	static const char text[] = "good morning";
	uint64_t buf[8192];
	struct perf_event_attr attr = output_attr();
	char why[WHY_LEN];
	struct raw raw;
	int fd;

	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	if (!getenv("PERFRING_CLIENT") && !getenv("PERFRING_MODULE"))
		SKIP(return, "neither PERFRING_CLIENT nor PERFRING_MODULE is set: no client to load");
	ASSERT_EQ(0, pin_to(0));
	ASSERT_EQ(0, client_load("perfring_hello"));
	fd = device_open(0);
	attr.config = file_long("/sys/bus/event_source/devices/perfring/sources/hello", -1);
	EXPECT_EQ(0, source_start(&raw, fd, &attr, 1));
	EXPECT_EQ(0, file_write("/sys/module/perfring_hello/parameters/say", text));
	EXPECT_EQ(8 + 4 + 12, raw_next(&raw, buf));
	EXPECT_EQ(0, memcmp((char *)buf + 12, text, strlen(text)));
	raw_unmap(&raw);
	close(fd);
	EXPECT_EQ(0, client_unload("perfring_hello"));
}

TEST_HARNESS_MAIN
