// SPDX-License-Identifier: MIT
/* cilium/ebpf: go/cilium.go, which is asked for one repetition by each line. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "read_peers.h"

struct cilium {
	pid_t pid;
	FILE *ask;
	FILE *answer;
};

static void run_go(const int to[2], const int from[2], size_t bytes, uint32_t record)
{
	char object[PATH_MAX], numbers[3][32];

	dup2(to[0], STDIN_FILENO);
	dup2(from[1], STDOUT_FILENO);
	for (int i = 0; i < 2; i++) {
		close(to[i]);
		close(from[i]);
	}
	snprintf(object, sizeof(object), "%s", bench_path("read.bpf.o"));
	snprintf(numbers[0], sizeof(numbers[0]), "%zu", bytes);
	snprintf(numbers[1], sizeof(numbers[1]), "%u", record);
	snprintf(numbers[2], sizeof(numbers[2]), "%d", bench_cpu());
	execl(bench_path("cilium"), "cilium", object, numbers[0], numbers[1], numbers[2],
	      (char *)NULL);
	_exit(127);
}

int cilium_start(struct cilium **out, size_t pages, uint32_t record)
{
	struct cilium *cilium;
	int to[2], from[2];

	if (access(bench_path("cilium"), X_OK))
		return -ENOENT;
	cilium = calloc(1, sizeof(*cilium));
	if (!cilium || pipe(to) || pipe(from)) {
		free(cilium);
		return -ENOMEM;
	}
	signal(SIGPIPE, SIG_IGN);
	cilium->pid = fork();
	if (!cilium->pid)
		run_go(to, from, pages * (size_t)sysconf(_SC_PAGESIZE), record);
	close(to[0]);
	close(from[1]);
	cilium->ask = fdopen(to[1], "w");
	cilium->answer = fdopen(from[0], "r");
	*out = cilium;
	return 0;
}

void cilium_stop(struct cilium *cilium)
{
	if (!cilium)
		return;
	fclose(cilium->ask);
	fclose(cilium->answer);
	waitpid(cilium->pid, NULL, 0);
	free(cilium);
}

int cilium_sample(void *context, struct bench_sample *sample)
{
	struct cilium *cilium = context;

	if (fputs("\n", cilium->ask) == EOF || fflush(cilium->ask))
		return -EPIPE;
	return fscanf(cilium->answer, "%lf", &sample->ns) == 1 ? 0 : -EPIPE;
}
