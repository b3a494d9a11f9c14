/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Do single steps leave a program's result as it was?  A kprobe steps over the instruction
 * that it takes the place of, and QEMU's s390x (7.2, for one) loses the condition code
 * that such an instruction sets: the kernel would take the wrong branch.  Asked in user
 * space, where it does no harm.
 */
#ifndef STEPPING_H
#define STEPPING_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_MAX	200000

static inline bool stepping_works(void)
{
	unsigned int steps = 0;
	int status = 0;
	char text[64];
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(1);
		raise(SIGSTOP);
		snprintf(text, sizeof(text), "%d %s %#lx", -4711, "steps", 0xfedcUL);
		_exit(strcmp(text, "-4711 steps 0xfedc") != 0);
	}
	if (child < 0)
		return false;
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status) &&
	       (WSTOPSIG(status) == SIGTRAP || !steps) && ++steps < STEPS_MAX &&
	       !ptrace(PTRACE_SINGLESTEP, child, NULL, NULL))
		;
	if (WIFSTOPPED(status)) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

#endif /* STEPPING_H */
