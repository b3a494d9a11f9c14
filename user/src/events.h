/* SPDX-License-Identifier: MIT */
/* What the files events_*.c share. */
#ifndef PERFRING_EVENTS_INTERNAL_H
#define PERFRING_EVENTS_INTERNAL_H

#include "count.h"
#include "internal.h"

struct events_target {
	pid_t pid;
	int cpu;
	size_t task;		/* targets of one task follow each other */
	bool present;		/* neither offline nor gone */
	size_t ring;		/* that its samples go to */
};

/* One event on one target. */
struct events_cell {
	struct perfring_storage *storage;	/* NULL: not open */
	uint64_t id;
	size_t leader;				/* row of its group's leader on this target */
	bool grouped;				/* its read_format has PERF_FORMAT_GROUP */
	int error;				/* why it is not open; 0: not on this CPU */
};

struct events_row {
	const struct perfring_event_spec *spec;	/* during open alone */
	struct perfring_format *format;
	unsigned int *cpus;			/* of its PMU; NULL all */
	size_t nr_cpus;
	size_t leader;
	bool group;				/* of two or more */
	bool weak;
};

struct events_id {
	uint64_t id;
	size_t cell;
};

struct perfring_events {
	size_t nr;				/* rows */
	size_t targets;
	size_t rings;
	size_t ids;
	struct events_row *row;
	struct events_target *target;
	struct events_cell *cell;		/* [target * nr + row] */
	struct perfring_storage **ring;		/* NULL where the reader has it */
	struct events_id *id;			/* in the order of ids */
	uint64_t *words;			/* of one read(2) */
	struct perfring_count_value *sum;	/* of one target */
	struct perfring_count_value *task;	/* of one task */
	bool sampling;
};

static inline struct events_cell *events_cell(const struct perfring_events *events, size_t target,
					      size_t row)
{
	return &events->cell[target * events->nr + row];
}

#endif /* PERFRING_EVENTS_INTERNAL_H */
