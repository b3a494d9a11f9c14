// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>
#include <stdlib.h>

/* Sample two events of this thread through one ring, and tell them apart. */
int main(void)
{
	const char *text = "cpu-clock/period=1000000/u,faults/period=1/u";
	const pid_t self = 0;
	struct perfring_events_opts opts = {
		.size = sizeof(opts), .pids = &self, .nr_pids = 1, .sampling = 1,
	};
	struct perfring_event_specs *specs = NULL;
	struct perfring_events *events = NULL;
	struct perfring_reader *reader = NULL;
	struct perfring_record record;
	struct perfring_event event;
	unsigned int seen[2] = { 0, 0 };
	volatile char *page;
	size_t index;
	int err;

	err = perfring_event_parse(text, NULL, &specs, NULL);
	if (!err)
		err = perfring_events_open(specs, &opts, &events);
	if (!err)
		err = perfring_reader_create(NULL, &reader);
	if (!err)
		err = perfring_events_give(events, reader);
	if (err >= 0)
		err = perfring_events_enable(events);
	while (err >= 0 && (seen[0] < 3 || seen[1] < 3)) {
		err = perfring_reader_next(reader, &record, NULL);
		if (!err) {
			page = calloc(1, 1 << 20);	/* new pages, so that there are faults */
			if (page)
				page[1 << 19] = 1;
			free((void *)page);
		}
		if (err <= 0)
			continue;
		err = perfring_events_decode(events, &record, &event, &index, NULL);
		if (!err && event.kind == PERFRING_EVENT_SAMPLE && seen[index]++ < 3)
			printf("%s: thread %s, %s\n", perfring_event_specs_at(specs, index)->name,
			       event.id.tid ? "known" : "?",
			       event.u.sample.ip >> 63 ? "in the kernel" : "in user code");
	}
	if (err < 0)
		fprintf(stderr, "events_sample: %s\n", perfring_strerror(err));
	perfring_reader_destroy(reader);	/* and the rings with it */
	perfring_events_close(events);
	perfring_event_specs_free(specs);
	return err < 0;
}
