// SPDX-License-Identifier: MIT
#include <perfring/count.h>
#include <perfring/error.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define EVENTS	"task-clock,page-faults,context-switches,instructions:u,cycles:u"

/* What is to be measured: 4 MiB, taken and written. */
static void work(void *context)
{
	size_t size = 4 << 20;
	volatile char *memory = malloc(size);

	for (size_t i = 0; memory && i < size; i++)
		memory[i] = (char)i;
	free((void *)memory);
	++*(int *)context;
}

int main(void)
{
	static const char *const names[] = {
		"ns of CPU", "page faults", "context switches", "instructions", "cycles",
	};
	struct perfring_count_value value[5];
	int calls = 0, nr = perfring_measure(EVENTS, work, &calls, value, 5);

	if (nr < 0) {
		fprintf(stderr, "count_function: %s\n", perfring_strerror(nr));
		return 1;
	}
	for (int i = 0; i < nr; i++) {
		/* 0 is a number; what was not counted is none. */
		if (value[i].state == PERFRING_COUNTED)
			printf("%12" PRIu64 " %s\n", value[i].scaled, names[i]);
		else
			printf("%12s %s (%s)\n", "-", names[i],
			       perfring_count_state_text(value[i].state));
	}
	return calls != 1;
}
