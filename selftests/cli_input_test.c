// SPDX-License-Identifier: GPL-2.0
/*
 * The command perfring with wrong input: words, numbers, files, and outputs that cannot be
 * written.  Each time a status that is not 0, no signal, and the value that is wrong named,
 * with what would be right.
 *
 * The command is linked into this program and runs in a child of it: that is soon done, also
 * where all is emulated.  What is about its descriptors runs it as a program.
 */
#include <fcntl.h>
#include <perfring/perfring.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include "command.h"
#include "fixtures.h"

int perfring_main(int argc, char **argv);

/* @args as a shell takes them apart, of which only '' is known here. */
static int split(char *args, char **argv, int room)
{
	int argc = 0;

	while (*args && argc < room - 1) {
		char *to = args;

		argv[argc++] = to;
		for (; *args && *args != ' '; args++) {
			if (*args != '\'') {
				*to++ = *args;
				continue;
			}
			/* Up to its partner. */
			for (args++; *args && *args != '\''; args++)
				*to++ = *args;
		}
		args += *args == ' ';
		*to = '\0';
	}
	argv[argc] = NULL;
	return argc;
}

/* As perfring() of command.h, without a shell and a new program. */
static int inside(const char *args)
{
	char copy[400] = "perfring ", *argv[32];
	size_t n = 0;
	ssize_t got;
	int ends[2], status;
	pid_t child;

	snprintf(copy + strlen(copy), sizeof(copy) - strlen(copy), "%s", args);
	if (pipe(ends))
		return -1;
	child = fork();
	if (!child) {
		alarm(25);
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		exit(perfring_main(split(copy, argv, ARRAY_LEN(argv)), argv));
	}
	close(ends[1]);
	for (got = 1; got > 0 && n < sizeof(output) - 1; n += got > 0 ? got : 0)
		got = read(ends[0], output + n, sizeof(output) - 1 - n);
	output[n] = '\0';
	close(ends[0]);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct wrong {
	const char *args;
	int status;
	const char *says;	/* the value */
	const char *right;	/* what would do */
};

static void check(struct __test_metadata *_metadata, const struct wrong *wrong, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		EXPECT_EQ(wrong[i].status, inside(wrong[i].args)) {
			TH_LOG("perfring %s: %s", wrong[i].args, output);
		}
		EXPECT_EQ(0, strncmp(output, "perfring: ", 10)) {
			TH_LOG("perfring %s: %s", wrong[i].args, output);
		}
		EXPECT_TRUE(said(wrong[i].says) && said(wrong[i].right)) {
			TH_LOG("perfring %s: neither '%s' nor '%s': %s", wrong[i].args,
			       wrong[i].says, wrong[i].right, output);
		}
	}
}

#define CHECK(table)	check(_metadata, table, ARRAY_LEN(table))

/* Words that are nothing, too many, or too few; options without their value. */
TEST(words)
{
	static const struct wrong table[] = {
		{ "", 2, "which command", "perfring --help" },
		{ "''", 2, "''", "there are load, unload" },
		{ "frobnicate", 2, "'frobnicate'", "there are load, unload" },
		{ "--nosuch", 2, "'--nosuch'", "there are load, unload" },
		{ "help frobnicate", 2, "'frobnicate'", "there are load, unload" },
		{ "help dump save", 2, "'save'", "usage: perfring help [COMMAND]" },
		{ "version 3", 2, "'3'", "usage: perfring version" },
		{ "dump", 2, "0 given", "usage: perfring dump SOURCE" },
		{ "dump data:a b", 2, "'b'", "usage: perfring dump SOURCE" },
		{ "dump data:a -n", 2, "'-n' lacks its value, COUNT", "usage: perfring dump" },
		{ "dump data:a -x", 2, "'-x'", "-n, -t, --json, --pages, --order" },
		{ "dump data:a --json=1", 2, "'--json=1'", "no value" },
		{ "dump --order image:/a", 2, "image:/a", "being written" },
		{ "save --order perf:0/dummy a", 2, "'--order'", "-t, --pages" },
		{ "save data:a", 2, "1 given", "usage: perfring save SOURCE FILE" },
		{ "save data:a ''", 2, "''", "usage: perfring save SOURCE FILE" },
		{ "save data:a b", 2, "data:a", "one ring" },
		{ "record -e", 2, "'-e' lacks its value, EVENT", "usage: perfring record" },
		{ "record -o '' true", 2, "''", "usage: perfring record" },
		{ "record -q true", 2, "'-q'", "-e, -o, -t, --pages" },
		{ "record -e image:x true", 2, "image:x", "usage: perfring record" },
		{ "record -e data:x true", 2, "data:x", "usage: perfring record" },
		{ "count", 2, "what to count", "-p PID" },
		{ "count -e '' true", 2, "''", "EVENTS" },
		{ "count -a -p 7", 2, "-p 7", "usage: perfring count" },
		{ "count -p 7 true", 2, "'true'", "usage: perfring count" },
		{ "list a b", 2, "'b'", "[PATTERN]" },
		{ "torture", 2, "COMMAND", "usage: perfring torture" },
		{ "torture --scenario nosuch true", 2, "'nosuch'", "--list" },
		{ "torture --backend nosuch true", 2, "'nosuch'", "memory or device" },
		{ "stats -n 3", 2, "-n", "-i SECONDS" },
		{ "stats 3", 2, "'3'", "usage: perfring stats" },
		{ "demo 3", 2, "'3'", "usage: perfring demo" },
		{ "inject dev:0", 2, "1 given", "dev:CPU KIND" },
		{ "inject perf:0 all", 2, "'perf:0'", "dev:CPU" },
		{ "inject dev:x all", 2, "'x'", "0 to 65535" },
		{ "inject dev:-1 all", 2, "'-1'", "0 to 65535" },
		{ "inject dev:0 nosuch", 2, "'nosuch'", "head-backward" },
		{ "load --module", 2, "'--module'", "FILE" },
		{ "load --module ''", 2, "''", "FILE" },
		{ "load max_pages", 2, "'max_pages'", "PARAM=VALUE" },
		{ "load =1", 2, "'=1'", "PARAM=VALUE" },
		{ "unload perfring", 2, "'perfring'", "usage: perfring unload" },
	};

	CHECK(table);
}

/* Each option that takes a number, with what is none of its. */
TEST(numbers)
{
	static const char *const options[][2] = {
		{ "dump perf:0/page-faults -n", " is not a number from 1 to " },
		{ "dump perf:0/page-faults --pages", " is not a number from 1 to " },
		{ "save perf:0/page-faults /dev/null --pages", " is not a number from 1 to " },
		{ "record --pages", " is not a number from 1 to " },
		{ "demo --pages", " is not a number from 1 to " },
		{ "stats -i 1 -n", " is not a number from 1 to " },
		{ "count -p", " is not a number from 1 to " },
		{ "dump perf:0/page-faults -t", " is not a number of seconds from 0.001 to " },
		{ "save perf:0/page-faults /dev/null -t", " is not a number of seconds from " },
		{ "record -t", " is not a number of seconds from " },
		{ "count -a -t", " is not a number of seconds from " },
		{ "demo -t", " is not a number of seconds from " },
		{ "torture -t", " is not a number of seconds from " },
		{ "stats -i", " is not a number of seconds from " },
	};
	/* The first option gets all of them, the others the first two. */
	static const char *const values[] = {
		"-1", "0", "", "x", "1x", " 1", "+1", "99999999999999999999999", "0x", "inf",
	};
	char args[200], says[100];

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		for (size_t j = 0; j < (i ? 2 : ARRAY_LEN(values)); j++) {
			const struct wrong wrong = { args, 2, says, options[i][1] };

			snprintf(args, sizeof(args), "%s '%s'", options[i][0], values[j]);
			snprintf(says, sizeof(says), "'%s'", values[j]);
			check(_metadata, &wrong, 1);
		}
}

/* Sources: CPUs, kinds, events, their terms. */
TEST(sources)
{
	static const struct wrong table[] = {
		{ "dump ''", 2, "''", "dev:, perf:, image: or data:" },
		{ "dump nosuch:0/x", 2, "'nosuch:0/x'", "dev:, perf:, image: or data:" },
		{ "dump perf:0", 2, "perf:0", "CPU/NAME" },
		{ "dump perf:0/", 2, "perf:0/", "CPU/NAME" },
		{ "dump perf:/page-faults", 2, "''", "0,2-3, or *" },
		{ "dump perf:-1/page-faults", 2, "'-1'", "0,2-3, or *" },
		{ "dump perf:3-1/page-faults", 2, "'3-1'", "0,2-3, or *" },
		{ "dump perf:0,/page-faults", 2, "'0,'", "0,2-3, or *" },
		{ "dump perf:99999999999999999999/page-faults", 2, "'99999999999999999999'",
		  "0,2-3, or *" },
		{ "dump perf:0/page-foults", 2, "perf:0/page-foults", "did you mean page-faults?" },
		{ "dump perf:0/page-faults,period=0", 2, "period=0", "a number from 1 to " },
		{ "dump perf:0/page-faults,period=-5", 2, "period=-5", "a number from 1 to " },
		{ "dump perf:0/page-faults,nosuch=1", 2, "nosuch=1", "no term" },
		{ "dump perf:0/page-faults:q", 2, "page-faults:q", "modifiers are" },
		{ "dump perf:0/mem:x:w", 2, "mem:x:w", "mem:ADDRESS" },
		{ "dump image:", 2, "image:", "which file" },
		{ "dump data:", 2, "data:", "which file" },
		{ "record -e '' true", 2, "''", "an event should stand here" },
		{ "record -e dummy, true", 2, "'dummy,'", "an event should stand here" },
		{ "count -e page-foults true", 2, "'page-foults'", "did you mean page-faults?" },
		{ "dump dev:x/user", 2, "'x'", "0,2-3, or *" },
		{ "dump dev:0/generator,rate=0", 2, "'0'", "a number from 1 to " },
		{ "dump dev:0/generator,nosuch=1", 2, "'nosuch'", "burst=N from 1 to 65535" },
		{ "dump dev:0/generator,min_size=32,max_size=16", 2, "max_size=16", "min_size=32" },
		{ "dump dev:0/user,x=1", 2, "'x=1'", "no options" },
		{ "dump dev:0/kprobe", 2, "dev:0/kprobe", "symbol=NAME" },
		{ "dump dev:0/nosuch", 2, "'nosuch'", "sched_switch" },
		{ "save 'perf:0,0/page-faults' /dev/null", 2, "perf:0,0", "name one CPU" },
		{ "dump perf:0/page-faults --pages 3", 2, "3 is not a power of two", "4 is" },
		{ "record --pages 5 true", 2, "5 is not a power of two", "8 is" },
		{ "demo --pages 100", 2, "100 is not a power of two", "128 is" },
		{ "list nosuch_event", 1, "'nosuch_event'", "--all" },
	};

	CHECK(table);
}

/* What is well said and not there: a status of 1. */
TEST(refused)
{
	static const struct wrong table[] = {
		{ "dump perf:9999/page-faults", 1, "CPU 9999", "online are 0" },
		{ "dump perf:0/page-faults,freq=999999999", 1, "freq=999999999",
		  "perf_event_max_sample_rate" },
		{ "record -e cpu-clock/freq=999999999/ -o /dev/null true", 1, "freq=999999999",
		  "perf_event_max_sample_rate" },
		{ "count -p 2147483647 -e page-faults", 1, "pid 2147483647", "no such process" },
	};
	static const struct wrong pages[] = {
		{ "dump perf:0/page-faults --pages 1048576", 1, "1048576", "data pages fit" },
		{ "record --pages 1048576 -o /dev/null true", 1, "1048576", "data pages fit" },
	};
	char why[WHY_LEN];

	if (!backend_available(PERF, why, sizeof(why)))
		SKIP(return, "%s", why);
	CHECK(table);
	/* With larger pages the kernel would give root all memory that there is. */
	if (PAGE == 4096)
		CHECK(pages);
}

/* A command that is not there or not one; the status of one that is. */
TEST(commands)
{
	static const struct wrong table[] = {
		{ "record -o /dev/null /nowhere/command", 127, "/nowhere/command", "No such file" },
		{ "record -o /dev/null /dev/null", 126, "/dev/null", "Permission denied" },
		{ "record -o /dev/null ''", 127, "''", "No such file" },
		{ "count -e dummy /nowhere/command", 127, "/nowhere/command", "No such file" },
		{ "count -e page-faults /dev/null", 126, "/dev/null", "Permission denied" },
	};
	static const struct wrong pages[] = {
		{ "dump perf:0/page-faults --pages 1048576", 1, "1048576", "data pages fit" },
		{ "record --pages 1048576 -o /dev/null true", 1, "1048576", "data pages fit" },
	};
	char why[WHY_LEN];

	if (!backend_available(PERF, why, sizeof(why)))
		SKIP(return, "%s", why);
	CHECK(table);
	/* With larger pages the kernel would give root all memory that there is. */
	if (PAGE == 4096)
		CHECK(pages);
	EXPECT_EQ(7, inside("record -o /dev/null sh -c 'exit 7'"));
	EXPECT_EQ(128 + SIGKILL, inside("record -o /dev/null sh -c 'kill -9 $$'"));
	EXPECT_EQ(0, inside("record -t 0.05 -o /dev/null sleep 60"));
}

/* Files that cannot be read or written. */
TEST(files)
{
	static const struct wrong table[] = {
		{ "dump image:/nowhere/a", 1, "/nowhere/a", "No such file" },
		{ "dump image:/tmp", 1, "/tmp", "not an image of a ring (1 + 2^n pages" },
		{ "dump image:/dev/null", 1, "/dev/null", "not an image of a ring (1 + 2^n pages" },
		{ "dump data:/nowhere/a", 1, "/nowhere/a", "No such file" },
		{ "dump data:/tmp", 1, "/tmp", "a folder" },
		{ "dump data:/dev/null", 1, "/dev/null", "perf.data" },
		{ "save image:/nowhere/a /dev/null", 1, "/nowhere/a", "No such file" },
		{ "load --module /nowhere/a.ko", 1, "/nowhere/a.ko", "No such file" },
		{ "load --module /dev/null", 1, "/dev/null", "not a kernel module" },
	};
	static const struct wrong outputs[] = {
		{ "save perf:0/page-faults /nowhere/a -t 0.01", 1, "/nowhere/a", "No such file" },
		{ "save perf:0/page-faults /tmp -t 0.01", 1, "/tmp", "Is a directory" },
		{ "save perf:0/page-faults /dev/full -t 0.01", 1, "/dev/full", "No space left" },
		{ "record -o /nowhere/a true", 1, "/nowhere/a", "no such file" },
		{ "record -o /tmp true", 1, "/tmp", "Is a directory" },
		{ "record -o /dev/full true", 1, "/dev/full", "no room" },
	};
	char why[WHY_LEN];

	CHECK(table);
	if (!backend_available(PERF, why, sizeof(why)))
		SKIP(return, "%s", why);
	CHECK(outputs);
}

FIXTURE(cut) {
	char path[40];
	char args[64];
	off_t size;
	int fd;
};

FIXTURE_SETUP(cut)
{
	strcpy(self->path, "/tmp/perfring-cli.XXXXXX");
	self->fd = mkstemp(self->path);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(cut)
{
	close(self->fd);
	unlink(self->path);
}

/* Whole it is read; cut off anywhere, as the file system had no more room, it is not. */
static void cut_everywhere(struct __test_metadata *_metadata, FIXTURE_DATA(cut) *self,
			   const char *kind, const off_t *at, size_t nr)
{
	const struct wrong wrong = { self->args, 1, self->path, "" };

	snprintf(self->args, sizeof(self->args), "dump %s:%s", kind, self->path);
	EXPECT_EQ(0, inside(self->args)) {
		TH_LOG("%s", output);
	}
	while (nr--) {
		ASSERT_LT(at[nr], self->size);
		ASSERT_EQ(0, ftruncate(self->fd, at[nr]));
		check(_metadata, &wrong, 1);
	}
}

/* The file is 1 + 2^n pages and what save puts behind them, or it is none. */
TEST_F(cut, image_file)
{
	const off_t page = sysconf(_SC_PAGESIZE);
	struct perfring_storage *storage;
	struct perfring_ring *ring;

	ASSERT_EQ(0, perfring_storage_open_memory(NULL, &storage));
	ASSERT_EQ(0, perfring_ring_open(storage, NULL, &ring));
	ASSERT_LE(0, perfring_write(ring, PERF_RECORD_SAMPLE, 0, "abcdefgh", 8));
	ASSERT_EQ(0, perfring_storage_save(storage, self->path));
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	self->size = lseek(self->fd, 0, SEEK_END);
	{
		const off_t at[] = { 0, 1, page - 1, page, 2 * page + 1, self->size - 1 };

		cut_everywhere(_metadata, self, "image", at, ARRAY_LEN(at));
	}
}

/* Within the header (104 bytes), the attrs, the records. */
TEST_F(cut, data_file)
{
	static const off_t at[] = { 0, 1, 7, 15, 16, 103, 104, 180 };
	const struct perf_event_header record = { .type = 1000, .size = sizeof(record) };
	const struct perfring_record view = {
		.data = &record, .type = record.type, .size = record.size,
	};
	struct perf_event_attr attr = output_attr();
	struct perfring_data_writer *writer;

	ASSERT_EQ(0, perfring_data_create(self->path, NULL, &writer));
	ASSERT_EQ(0, perfring_data_add_event(writer, &attr, "x"));
	ASSERT_LE(0, perfring_data_start(writer));
	ASSERT_EQ(0, perfring_data_write(writer, &view));
	ASSERT_EQ(0, perfring_data_close(writer));
	close(self->fd);
	self->fd = open(self->path, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->size = lseek(self->fd, 0, SEEK_END);
	cut_everywhere(_metadata, self, "data", at, ARRAY_LEN(at));
}

/* Commands that print: no room, nothing open. */
TEST(output_not_writable)
{
	static const char *const commands[] = {
		"dump --help", "list sw", "count -e page-faults true",
	};
	char line[400];

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		snprintf(line, sizeof(line), "%s %s 2>&1 >/dev/full", command_path(), commands[i]);
		EXPECT_EQ(1, shell(line)) {
			TH_LOG("%s", line);
		}
		EXPECT_TRUE(said("standard output"));
		snprintf(line, sizeof(line), "%s %s 2>&1 >&-", command_path(), commands[i]);
		EXPECT_EQ(1, shell(line)) {
			TH_LOG("%s", line);
		}
		EXPECT_TRUE(said("standard output"));
	}
}

/* Where tracefs is not mounted, a list of its tracepoints is refused, and told how to mount it. */
TEST(list_without_tracefs)
{
	int status;
	pid_t child;

	if (geteuid())
		SKIP(return, "root is needed to unmount tracefs");
	child = fork();
	if (!child) {
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(2);
		umount2("/sys/kernel/tracing", MNT_DETACH);
		umount2("/sys/kernel/debug", MNT_DETACH);
		if (inside("list tracepoint") != 1 ||
		    !strstr(output, "list: tracefs is not mounted: mount -t tracefs"))
			_exit(3);
		/* With others it is left out. */
		if (inside("list sw tracepoint") || !strstr(output, "cpu-clock"))
			_exit(4);
		if (setuid(65534) || inside("list tracepoint") != 1 ||
		    !strstr(output, "list: tracefs cannot be read; be root"))
			_exit(5);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status >> 8);
	EXPECT_TRUE(WIFEXITED(status));
}

/* Nobody reads any more: it ends, by the signal or, where that is ignored, with 1. */
TEST(output_hung_up)
{
	for (int ignored = 0; ignored < 2; ignored++) {
		int ends[2], status;
		pid_t child;

		ASSERT_EQ(0, pipe(ends));
		child = fork();
		if (!child) {
			signal(SIGPIPE, ignored ? SIG_IGN : SIG_DFL);
			dup2(ends[1], STDOUT_FILENO);
			close(ends[0]);
			close(ends[1]);
			execl(command_path(), "perfring", "list", "sw", NULL);
			_exit(99);
		}
		close(ends[0]);
		close(ends[1]);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		if (ignored) {
			EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
		} else {
			EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
		}
	}
}

/*
 * Every command prints how it is used, and knows the options that it prints: each wants the
 * value that is shown, or none.
 */
TEST(help_of_each_command)
{
	static char all[sizeof(output)], own[sizeof(output)];
	char args[100], says[100], command[32], option[32], *line, *save, *inner;
	unsigned int commands = 0, options = 0;

	ASSERT_EQ(0, inside("--help"));
	strcpy(all, output);
	for (line = strtok_r(all, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "A SOURCE", 8))
			break;
		/* Two spaces, not more. */
		if (strspn(line, " ") != 2 || sscanf(line, " %31[a-z]", command) != 1)
			continue;
		commands++;
		snprintf(args, sizeof(args), "%s --help", command);
		EXPECT_EQ(0, inside(args));
		snprintf(says, sizeof(says), "usage: perfring %s", command);
		EXPECT_EQ(0, strncmp(output, says, strlen(says)));
		strcpy(own, output);
		snprintf(args, sizeof(args), "help %s", command);
		EXPECT_EQ(0, inside(args));
		EXPECT_STREQ(own, output);
		snprintf(args, sizeof(args), "%s --nosuch", command);
		EXPECT_EQ(2, inside(args));
		EXPECT_TRUE(said("'--nosuch'") && said(says));
		for (char *at = own; (at = strstr(at, "\n  -")); at++) {
			if (sscanf(at, "\n  %31[a-z-] %31[A-Z]", option, says) != 2) {
				snprintf(args, sizeof(args), "%s %s=1", command, option);
				inner = "takes no value";
				if (strncmp(option, "--", 2))
					continue;
			} else {
				snprintf(args, sizeof(args), "%s %s", command, option);
				inner = "lacks its value";
			}
			options++;
			EXPECT_EQ(2, inside(args));
			EXPECT_TRUE(said(inner)) {
				TH_LOG("perfring %s: %s", args, output);
			}
		}
	}
	EXPECT_LE(12, commands);
	EXPECT_LE(20, options);
}

TEST_HARNESS_MAIN
