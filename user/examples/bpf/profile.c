// SPDX-License-Identifier: MIT
/* A BPF program attached to a perf event of this task: every fourth sample comes here. */
#include <perfring/perfring.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "profile.skel.h"

#define WANTED 100 /* samples, one a millisecond of this task's time */

int main(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.sample_period = 1000000,
	};
	struct perfring_perf_opts opts = { .size = sizeof(opts), .no_ring = 1 };
	struct profile *skel = profile__open_and_load();
	struct perfring_storage *event = NULL, *ring;
	struct perfring_reader *reader = NULL;
	struct bpf_link *link = NULL;
	int err = skel ? 0 : -1;
	time_t end = time(NULL) + 10;

	if (!err)
		err = perfring_storage_open_perf(&attr, 0, -1, &opts, &event);
	if (!err) {
		link = bpf_program__attach_perf_event(skel->progs.on_sample,
						      dup(perfring_storage_fd(event)));
		err = link ? 0 : -1;
	}
	if (!err)
		err = perfring_reader_create(NULL, &reader);
	if (!err)
		err = perfring_storage_open_bpf_ringbuf(bpf_map__fd(skel->maps.ring),
							NULL, &ring);
	if (!err)
		err = perfring_reader_add(reader, ring);
	while (err >= 0 && *(volatile unsigned long long *)&skel->bss->samples < WANTED &&
	       time(NULL) < end)
		; /* busily, so that there is something to sample */
	bpf_link__destroy(link);
	if (err >= 0)
		err = perfring_reader_consume(reader);
	if (err >= 0) {
		unsigned long long seen = skel->bss->samples;

		printf("%llu samples seen by the program, %d handed on, %s\n", seen, err,
		       (unsigned long long)err == (seen + 3) / 4 ? "every fourth"
								 : "not every fourth");
		err = (unsigned long long)err == (seen + 3) / 4 ? 0 : -1;
	}
	perfring_reader_destroy(reader);
	perfring_storage_close(event);
	profile__destroy(skel);
	return err < 0;
}
