// SPDX-License-Identifier: MIT
/*
 * What a record of 28 bytes costs writers in the kernel, in instructions: bench.sh has
 * let selftests/bench_guest.sh count them in a guest, and says in BENCH_GUEST where
 * the lines "WRITER room|full COST" are.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char *const writers[] = { "ours", "perf", "ringbuf" };
static const char *const names[] = {
	"ours: perfring_client_output()", "bpf_perf_event_output()", "bpf_ringbuf_output()",
};

static int write_kernel(void)
{
	double cost[3][2] = { { NAN, NAN }, { NAN, NAN }, { NAN, NAN } };
	const char *path = getenv("BENCH_GUEST");
	FILE *file = path ? fopen(path, "r") : NULL;
	char writer[16], state[16];
	double figure;

	if (!file) {
		bench_missing("the writers in the kernel", "no guest has counted them");
		return 0;
	}
	while (fscanf(file, "%15s %15s %lf", writer, state, &figure) == 3)
		for (unsigned int i = 0; i < 3; i++)
			if (!strcmp(writer, writers[i]))
				cost[i][!strcmp(state, "full")] = figure;
	fclose(file);
	for (unsigned int i = 0; i < 3; i++)
		bench_note("%-32s %5.0f instructions with room, %5.0f when full", names[i],
			   cost[i][0], cost[i][1]);
	bench_verdict("write-kernel-room", cost[0][0], 250);
	bench_verdict("write-kernel-full", cost[0][1], 120);
	return 0;
}

BENCH(write_kernel, "A record of 28 bytes by writers in the kernel, counted in a guest.");
