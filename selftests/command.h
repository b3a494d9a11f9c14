/* SPDX-License-Identifier: GPL-2.0 */
/* Running the command perfring, and looking at what it says. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* PERFRING_COMMAND names another one than that which was built. */
static inline const char *command_path(void)
{
	return getenv("PERFRING_COMMAND") ?: USER_O "/perfring";
}

static char output[1 << 20];

/* Exit status of a shell's line (128 + a signal's number); its standard output in output. */
static inline int shell(const char *line)
{
	size_t n = 0, got;
	FILE *pipe;
	int status;

	pipe = popen(line, "r");
	if (!pipe)
		return -1;
	while (n < sizeof(output) - 1 && (got = fread(output + n, 1, sizeof(output) - 1 - n, pipe)))
		n += got;
	output[n] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Run `perfring @args`; standard error too. */
static inline int perfring(const char *args)
{
	char line[8192];

	snprintf(line, sizeof(line), "timeout 25 %s %s 2>&1", command_path(), args);
	return shell(line);
}

static inline bool said(const char *what)
{
	return strstr(output, what);
}

#endif /* COMMAND_H */
