// SPDX-License-Identifier: MIT
/*
 * Work for the scheduler: on each CPU a pair of processes, pinned there, that
 * pass a byte through pipes; a pair, not pinned, that pass a turn by futex; and
 * sleepers.  All rest after each burst: the point is variety, not load.
 */
#include "demo.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKLOAD_BURST		25
#define WORKLOAD_REST_NS	5000000
#define WORKLOAD_SLEEPERS	2

static void workload_rest(long ns)
{
	const struct timespec wait = { .tv_nsec = ns };

	nanosleep(&wait, NULL);
}

static void workload_ping(int in, int out)
{
	char byte = 0;

	for (;;) {
		for (int i = 0; i < WORKLOAD_BURST; i++)
			if (write(out, &byte, 1) != 1 || read(in, &byte, 1) != 1)
				return;
		workload_rest(WORKLOAD_REST_NS);
	}
}

static void workload_pong(int in, int out)
{
	char byte;

	while (read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1)
		;
}

/* Take turns: who finds its own number works, the other one waits. */
static void workload_turns(uint32_t *turn, uint32_t mine)
{
	unsigned int n = 0;

	for (;;) {
		while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) != mine)
			syscall(SYS_futex, turn, FUTEX_WAIT, !mine, NULL, NULL, 0);
		if (mine && ++n % WORKLOAD_BURST == 0)
			workload_rest(WORKLOAD_REST_NS);
		__atomic_store_n(turn, !mine, __ATOMIC_RELEASE);
		syscall(SYS_futex, turn, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

static void workload_sleep(long ns)
{
	for (;;)
		workload_rest(ns);
}

static void workload_pin(unsigned int cpu)
{
	size_t size = CPU_ALLOC_SIZE(cpu + 1);
	cpu_set_t *set = CPU_ALLOC(cpu + 1);

	if (!set)
		return;
	CPU_ZERO_S(size, set);
	CPU_SET_S(cpu, size, set);
	/* A CPU that went away or is not ours: it works elsewhere then. */
	sched_setaffinity(0, size, set);
	CPU_FREE(set);
}

/* In the child 0; it dies with its parent, whatever happens to that. */
static int workload_fork(struct demo_workload *workload, const char *name)
{
	pid_t parent = getpid();
	int pid = fork();

	if (pid > 0)
		workload->pid[workload->nr++] = pid;
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	signal(SIGINT, SIG_IGN);
	prctl(PR_SET_NAME, name);
	return 0;
}

static int workload_pair(struct demo_workload *workload, unsigned int cpu)
{
	char name[16];
	int there[2], back[2];
	int pid;

	if (pipe(there))
		return -errno;
	if (pipe(back)) {
		close(there[0]);
		close(there[1]);
		return -errno;
	}
	snprintf(name, sizeof(name), "ping%u", cpu);
	pid = workload_fork(workload, name);
	if (!pid) {
		workload_pin(cpu);
		workload_ping(back[0], there[1]);
		_exit(0);
	}
	snprintf(name, sizeof(name), "pong%u", cpu);
	if (pid > 0)
		pid = workload_fork(workload, name);
	if (!pid) {
		workload_pin(cpu);
		workload_pong(there[0], back[1]);
		_exit(0);
	}
	close(there[0]);
	close(there[1]);
	close(back[0]);
	close(back[1]);
	return pid < 0 ? -EAGAIN : 0;
}

static int workload_free(struct demo_workload *workload)
{
	static const char *const names[2] = { "tick", "tock" };
	uint32_t *turn;
	int pid = 1;

	turn = mmap(NULL, sizeof(*turn), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turn == MAP_FAILED)
		return -errno;
	for (uint32_t i = 0; i < 2 && pid > 0; i++) {
		pid = workload_fork(workload, names[i]);
		if (!pid)
			workload_turns(turn, i);
	}
	munmap(turn, sizeof(*turn));
	for (long i = 0; i < WORKLOAD_SLEEPERS && pid > 0; i++) {
		pid = workload_fork(workload, "sleeper");
		if (!pid)
			workload_sleep(3000000 + i * 4000000);
	}
	return pid < 0 ? -EAGAIN : 0;
}

int demo_workload_start(const struct cli_cpus *cpus, struct demo_workload *workload)
{
	int err = 0;

	workload->nr = 0;
	workload->pid = calloc(2 * cpus->nr + 2 + WORKLOAD_SLEEPERS, sizeof(*workload->pid));
	if (!workload->pid)
		err = -ENOMEM;
	fflush(NULL);
	for (size_t i = 0; i < cpus->nr && !err; i++)
		err = workload_pair(workload, cpus->cpu[i]);
	if (!err)
		err = workload_free(workload);
	if (!err)
		return CLI_OK;
	cli_error("demo: the workload cannot be started: %s", strerror(-err));
	demo_workload_stop(workload);
	return CLI_FAIL;
}

void demo_workload_stop(struct demo_workload *workload)
{
	for (size_t i = 0; i < workload->nr; i++)
		kill(workload->pid[i], SIGKILL);
	for (size_t i = 0; i < workload->nr; i++)
		waitpid(workload->pid[i], NULL, 0);
	free(workload->pid);
	workload->pid = NULL;
	workload->nr = 0;
}
