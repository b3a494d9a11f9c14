/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Can one process put a watchpoint into another and be told of the load?  Asked without the
 * command perfring, which has a scenario that needs it.
 */
#ifndef WATCHPOINT_H
#define WATCHPOINT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386)
static inline bool watchpoints_work(void)
{
	static volatile uint64_t watched;
	const size_t first = offsetof(struct user, u_debugreg);
	int status = 0;
	bool told;
	pid_t child = fork();

	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(1);
		raise(SIGSTOP);
		_exit(watched != 0);
	}
	if (child < 0)
		return false;
	/* On, for loads and stores of the first four bytes. */
	told = waitpid(child, &status, 0) == child && WIFSTOPPED(status) &&
	       !ptrace(PTRACE_POKEUSER, child, first, &watched) &&
	       !ptrace(PTRACE_POKEUSER, child, first + 7 * sizeof(long), 0xf0001UL) &&
	       !ptrace(PTRACE_CONT, child, NULL, NULL) &&
	       waitpid(child, &status, 0) == child && WIFSTOPPED(status) &&
	       WSTOPSIG(status) == SIGTRAP;
	kill(child, SIGKILL);
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
		;
	return told;
}
#else
static inline bool watchpoints_work(void)
{
	return false;
}
#endif

#endif /* WATCHPOINT_H */
