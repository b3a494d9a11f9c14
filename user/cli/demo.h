/* SPDX-License-Identifier: MIT */
/* The parts of demo. */
#ifndef PERFRING_CLI_DEMO_H
#define PERFRING_CLI_DEMO_H

#include "payload.h"

#include <linux/perfring.h>
#include <perfring/perfring.h>

/* The switches of one CPU as one source told them, in the order of its ring. */
struct demo_stream {
	struct switch_record *record;
	size_t nr;
	size_t room;
	int error;		/* negative errno: not all of them are here */
};

/* What became of comparing two of them; see demo_align.c. */
struct demo_alignment {
	size_t before;		/* device's records before perf's first */
	size_t matched;
	size_t after;		/* device's records after perf's last */
	size_t reaped;		/* matched, but for Z on one side and X on the other */
	size_t breaks;		/* prev is not the next of the record before */
	uint64_t skew;		/* largest distance of the two times, ns */
	bool equal;		/* all of perf's records matched, and no stream breaks */
	const char *reason;	/* why not */
};

bool demo_same(const struct switch_record *a, const struct switch_record *b);
void demo_align(const struct demo_stream *device, const struct demo_stream *perf,
		struct demo_alignment *alignment);

/* The median distance of the two times of matched records, ns; 0 without any. */
uint64_t demo_align_median(const struct demo_stream *device, const struct demo_stream *perf,
			   const struct demo_alignment *alignment);

/* One ring: reader, storage (the reader's), and where its records go. */
struct demo_lane {
	struct perfring_reader *reader;
	struct perfring_storage *storage;
	struct perfring_format *format;
	const struct switch_fields *fields;	/* NULL: the device's payload */
	struct demo_stream stream;
	struct perfring_loss loss;
	uint64_t wakeups;			/* times that epoll said so */
	uint64_t high_water;			/* most bytes that the reader found */
	struct perfring_stats stats;		/* the device's own account */
	unsigned int cpu;
};

struct demo {
	struct spec device;
	struct spec perf;
	struct switch_fields fields;
	size_t pages;
	uint64_t time_ns;
	size_t nr;		/* CPUs */
	struct demo_lane *lane;	/* device and perf by turns: 2 * nr */
	struct demo_alignment *alignment;
	int epoll;
};

/* demo_workload.c: start, on these CPUs, and end */
struct demo_workload {
	int *pid;
	size_t nr;
};

int demo_workload_start(const struct cli_cpus *cpus, struct demo_workload *workload);
void demo_workload_stop(struct demo_workload *workload);

/* demo_show.c */
void demo_show_table(const struct demo *demo);
int demo_show_verdict(const struct demo *demo);
void demo_show_records(const struct demo *demo, size_t lane, size_t count);

/* demo_picture.c: a small ring of the device on @cpu that has wrapped */
int demo_picture(unsigned int cpu);

/* picture.c: what waits in a ring, as a bar of @width characters, with a legend */
int picture_print(struct perfring_ring *ring, unsigned int width);

#endif /* PERFRING_CLI_DEMO_H */
