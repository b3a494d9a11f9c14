// SPDX-License-Identifier: MIT
/* The command that record and count run: it waits until all is open that looks at it. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_NOT_FOUND	127
#define CHILD_NOT_RUN	126
#define CHILD_SIGNAL	128

static void child_run(char **command, int go, int error, int out)
{
	int err;
	char c;

	if (read(go, &c, 1) != 1)
		_exit(CLI_FAIL);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	execvp(command[0], command);
	err = errno;
	if (write(error, &err, sizeof(err)) != sizeof(err))
		_exit(CLI_FAIL);
	_exit(err == ENOENT ? CHILD_NOT_FOUND : CHILD_NOT_RUN);
}

int cli_child_start(struct cli_child *child, char **command, int out)
{
	int go[2], error[2];

	child->pid = 0;
	child->go = -1;
	child->error = -1;
	if (pipe2(go, O_CLOEXEC)) {
		cli_error("pipe: %s", strerror(errno));
		return CLI_FAIL;
	}
	if (pipe2(error, O_CLOEXEC)) {
		cli_error("pipe: %s", strerror(errno));
		close(go[0]);
		close(go[1]);
		return CLI_FAIL;
	}
	child->pid = fork();
	if (!child->pid) {
		close(go[1]);
		close(error[0]);
		child_run(command, go[0], error[1], out);
	}
	close(go[0]);
	close(error[1]);
	child->go = go[1];
	child->error = error[0];
	if (child->pid > 0)
		return CLI_OK;
	child->pid = 0;
	cli_error("fork: %s", strerror(errno));
	cli_child_close(child);
	return CLI_FAIL;
}

int cli_child_go(struct cli_child *child, const char *name)
{
	ssize_t got = -1;
	int err = 0;

	if (write(child->go, "", 1) == 1)
		do
			got = read(child->error, &err, sizeof(err));
		while (got < 0 && errno == EINTR);
	cli_child_close(child);
	/* The descriptor was closed by execve(2): it runs. */
	if (got == 0)
		return CLI_OK;
	waitpid(child->pid, NULL, 0);
	child->pid = 0;
	cli_error("%s: %s", *name ? name : "''", strerror(got > 0 ? err : EPIPE));
	return got > 0 && err == ENOENT ? CHILD_NOT_FOUND : CHILD_NOT_RUN;
}

int cli_child_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_SIGNAL + WTERMSIG(status);
}

void cli_child_close(struct cli_child *child)
{
	if (child->go >= 0)
		close(child->go);
	if (child->error >= 0)
		close(child->error);
	child->go = -1;
	child->error = -1;
}
