// SPDX-License-Identifier: MIT
/* Events that are open: start, stop, read, and whose a record is. */
#include "events.h"

size_t perfring_events_count(const struct perfring_events *events)
{
	return events->nr;
}

size_t perfring_events_targets(const struct perfring_events *events)
{
	return events->targets;
}

int perfring_events_target(const struct perfring_events *events, size_t target, pid_t *pid,
			   int *cpu)
{
	if (target >= events->targets)
		return -ERANGE;
	*pid = events->target[target].pid;
	*cpu = events->target[target].cpu;
	return 0;
}

struct perfring_storage *perfring_events_storage(const struct perfring_events *events,
						 size_t index, size_t target)
{
	if (index >= events->nr || target >= events->targets)
		return NULL;
	return events_cell(events, target, index)->storage;
}

/* One ioctl for each group: those that are led follow. */
static int each_leader(struct perfring_events *events,
		       int (*fn)(struct perfring_storage *storage), bool all)
{
	int first = 0, err;

	for (size_t t = 0; t < events->targets; t++)
		for (size_t i = 0; i < events->nr; i++) {
			struct events_cell *cell = events_cell(events, t, i);

			if (!cell->storage || (!all && cell->leader != i))
				continue;
			err = fn(cell->storage);
			if (err && !first)
				first = err;
		}
	return first;
}

int perfring_events_enable(struct perfring_events *events)
{
	return each_leader(events, perfring_storage_enable, false);
}

int perfring_events_disable(struct perfring_events *events)
{
	return each_leader(events, perfring_storage_disable, false);
}

int perfring_events_reset(struct perfring_events *events)
{
	return each_leader(events, perfring_storage_reset, true);
}

int perfring_events_set_filter(struct perfring_events *events, size_t index, const char *filter)
{
	struct perfring_storage *storage;
	int err = 0;

	if (index >= events->nr)
		return -ERANGE;
	for (size_t t = 0; t < events->targets && !err; t++) {
		storage = events_cell(events, t, index)->storage;
		if (storage)
			err = perfring_storage_set_filter(storage, filter);
	}
	return err;
}

int perfring_events_set_bpf(struct perfring_events *events, size_t index, int program)
{
	struct perfring_storage *storage;
	int err = 0;

	if (index >= events->nr)
		return -ERANGE;
	for (size_t t = 0; t < events->targets && !err; t++) {
		storage = events_cell(events, t, index)->storage;
		if (storage)
			err = perfring_storage_set_bpf(storage, program);
	}
	return err;
}

static void value_state(struct perfring_count_value *value)
{
	if (value->state != PERFRING_COUNT_ERROR && !value->error)
		perfring_count_judge(value);
}

/* read(2) of a leader, or of an event alone, into the rows of its group. */
static int read_group(struct perfring_events *events, size_t target, size_t leads,
		      struct perfring_count_value *values)
{
	const struct events_cell *cell = events_cell(events, target, leads);
	const uint64_t *words = events->words, *entry;
	size_t nr = 1;
	int got = perfring_storage_read(cell->storage, events->words, 3 + 2 * events->nr);

	if (got < 0)
		return got;
	/* A pinned event that lost its place has nothing to say. */
	if (!got) {
		for (size_t i = leads; i < events->nr; i++)
			if (events_cell(events, target, i)->storage &&
			    events_cell(events, target, i)->leader == leads)
				values[i].state = PERFRING_COUNT_ERROR;
		return 0;
	}
	/* nr, enabled, running, (value, id)...; alone: value, enabled, running, id */
	if (cell->grouped)
		nr = words[0];
	if ((size_t)got < (cell->grouped ? 3 + 2 * nr : 4))
		return -EBADMSG;
	for (size_t j = 0, i = leads; j < nr && i < events->nr; i++) {
		const struct events_cell *member = events_cell(events, target, i);

		entry = words + 3 + 2 * j;
		if (!member->storage || member->leader != leads ||
		    member->id != (cell->grouped ? entry[1] : words[3]))
			continue;
		values[i].value = cell->grouped ? entry[0] : words[0];
		values[i].enabled = words[1];
		values[i].running = words[2];
		j++;
	}
	return 0;
}

static int read_cells(struct perfring_events *events, size_t target,
		      struct perfring_count_value *values)
{
	const struct events_cell *cell;
	int err = 0;

	memset(values, 0, events->nr * sizeof(*values));
	for (size_t i = 0; i < events->nr && !err; i++) {
		cell = events_cell(events, target, i);
		if (cell->storage && cell->leader == i)
			err = read_group(events, target, i, values);
	}
	return err;
}

/* Rows that are open nowhere say why; otherwise what they counted. */
static void finish(const struct perfring_events *events, size_t first, size_t last,
		   struct perfring_count_value *values, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		bool open = false;
		int error = 0;

		for (size_t t = first; t < last; t++) {
			open = open || events_cell(events, t, i)->storage;
			error = error ? error : events_cell(events, t, i)->error;
		}
		if (!open && error) {
			values[i].error = error;
			values[i].state = perfring_count_error_state(error);
		}
		value_state(&values[i]);
	}
}

int perfring_events_read_target(struct perfring_events *events, size_t target,
				struct perfring_count_value *values, size_t nr)
{
	int err;

	if (target >= events->targets)
		return -ERANGE;
	err = read_cells(events, target, events->sum);
	if (err)
		return err;
	if (nr > events->nr)
		nr = events->nr;
	memcpy(values, events->sum, nr * sizeof(*values));
	finish(events, target, target + 1, values, nr);
	return (int)nr;
}

/* A task's time is that of one of its CPUs: it runs on one at a time. */
static void add_task(const struct perfring_events *events, struct perfring_count_value *values,
		     size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		values[i].value += events->task[i].value;
		values[i].running += events->task[i].running;
		/* They were not stopped at the very same moment. */
		values[i].enabled += events->task[i].enabled > events->task[i].running ?
				     events->task[i].enabled : events->task[i].running;
		if (events->task[i].state == PERFRING_COUNT_ERROR)
			values[i].state = PERFRING_COUNT_ERROR;
	}
	memset(events->task, 0, events->nr * sizeof(*events->task));
}

int perfring_events_read(struct perfring_events *events, struct perfring_count_value *values,
			 size_t nr)
{
	const struct events_target *target = events->target;
	bool tasks = target[0].pid >= 0;
	int err;

	if (nr > events->nr)
		nr = events->nr;
	memset(values, 0, nr * sizeof(*values));
	memset(events->task, 0, events->nr * sizeof(*events->task));
	for (size_t t = 0; t < events->targets; t++) {
		err = read_cells(events, t, events->sum);
		if (err)
			return err;
		for (size_t i = 0; i < events->nr; i++) {
			struct perfring_count_value *task = &events->task[i];
			const struct perfring_count_value *cell = &events->sum[i];

			task->value += cell->value;
			task->running += cell->running;
			if (!tasks)
				task->enabled += cell->enabled;
			else if (task->enabled < cell->enabled)
				task->enabled = cell->enabled;
			if (cell->state == PERFRING_COUNT_ERROR)
				task->state = PERFRING_COUNT_ERROR;
		}
		if (t + 1 == events->targets || target[t + 1].task != target[t].task)
			add_task(events, values, nr);
	}
	finish(events, 0, events->targets, values, nr);
	return (int)nr;
}

size_t perfring_events_rings(const struct perfring_events *events)
{
	return events->rings;
}

struct perfring_storage *perfring_events_ring(const struct perfring_events *events, size_t index)
{
	return index < events->rings ? events->ring[index] : NULL;
}

int perfring_events_give(struct perfring_events *events, struct perfring_reader *reader)
{
	int ret, given = 0;

	while (events->rings) {
		ret = perfring_reader_add(reader, events->ring[events->rings - 1]);
		if (ret < 0)
			return ret;
		events->rings--;
		given++;
	}
	return given;
}

int perfring_events_find(const struct perfring_events *events, uint64_t id, size_t *index,
			 size_t *target)
{
	size_t low = 0, high = events->ids, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (events->id[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == events->ids || events->id[low].id != id)
		return -ENOENT;
	if (index)
		*index = events->id[low].cell % events->nr;
	if (target)
		*target = events->id[low].cell / events->nr;
	return 0;
}

const struct perfring_format *perfring_events_format(const struct perfring_events *events,
						     size_t index)
{
	return index < events->nr ? events->row[index].format : NULL;
}

int perfring_events_decode(const struct perfring_events *events,
			   const struct perfring_record *record, struct perfring_event *event,
			   size_t *index, struct perfring_error *error)
{
	size_t row = 0;
	uint64_t id = 0;
	int err = perfring_record_identifier(record, &id);

	/* What the ring itself has lost is signed by the event that came next, or by nobody. */
	if (!err && id && perfring_events_find(events, id, &row, NULL) &&
	    record->type == PERF_RECORD_SAMPLE)
		return -ENOENT;
	if (index)
		*index = row;
	return perfring_decode(events->row[row].format, record, event, error);
}
