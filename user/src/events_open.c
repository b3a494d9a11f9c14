// SPDX-License-Identifier: MIT
/* Events on targets: what is opened, in which groups, into which ring. */
#include "events.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define EVENTS_FREQUENCY	1000
#define EVENTS_MAX		(1U << 20)	/* cells */

struct events_opening {
	struct perfring_events *events;
	struct perfring_events_opts own;
	int cgroup;			/* its descriptor, -1 none */
};

/* Rows as the specs have them, with the CPUs of their PMUs. */
static int open_rows(struct events_opening *o, const struct perfring_event_specs *specs)
{
	struct perfring_events *events = o->events;
	int err = 0;

	events->nr = perfring_event_specs_count(specs);
	events->row = calloc(events->nr, sizeof(*events->row));
	if (!events->row)
		return -ENOMEM;
	for (size_t i = 0; i < events->nr && !err; i++) {
		struct events_row *row = &events->row[i];

		row->spec = perfring_event_specs_at(specs, i);
		row->leader = row->spec->leader;
		row->weak = row->spec->flags & PERFRING_SPEC_WEAK;
		if (row->leader != i) {
			row->group = true;
			events->row[row->leader].group = true;
		}
		if (row->spec->cpus)
			err = perfring_cpus_parse(row->spec->cpus, &row->cpus, &row->nr_cpus);
	}
	return err;
}

/* Tasks, or CPUs, or each of the ones on each of the others. */
static int open_targets(struct events_opening *o)
{
	struct perfring_events *events = o->events;
	const struct perfring_events_opts *own = &o->own;
	const unsigned int *cpus = own->cpus;
	size_t nr_cpus = own->cpus ? own->nr_cpus : 0, nr_pids = own->nr_pids;
	unsigned int *possible = NULL;
	int err;

	/* The kernel takes numbers that are none for -1, which is any CPU. */
	for (size_t i = 0; i < nr_cpus; i++)
		if (cpus[i] > INT_MAX)
			return -EINVAL;
	/* Nobody reads a ring that an inherited event could write from two CPUs. */
	if (!cpus && (!nr_pids || (own->sampling && own->inherit))) {
		err = perfring_cpus_possible(&possible, &nr_cpus);
		if (err)
			return err;
		cpus = possible;
	}
	err = -EINVAL;
	if (!nr_pids)
		nr_pids = 1;
	events->targets = nr_pids * (nr_cpus ? nr_cpus : 1);
	if (events->targets && events->targets / nr_pids <= EVENTS_MAX &&
	    events->targets <= EVENTS_MAX / events->nr) {
		events->target = calloc(events->targets, sizeof(*events->target));
		err = events->target ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !err && i < events->targets; i++) {
		struct events_target *target = &events->target[i];

		target->task = nr_cpus ? i / nr_cpus : i;
		target->pid = o->cgroup >= 0 ? o->cgroup :
			      own->nr_pids ? own->pids[target->task] : -1;
		target->cpu = nr_cpus ? (int)cpus[i % nr_cpus] : -1;
		target->present = true;
	}
	free(possible);
	return err;
}

static void sample_attr(const struct events_opening *o, size_t index, struct perf_event_attr *attr)
{
	const struct events_row *row = &o->events->row[index];
	const struct perfring_events_opts *own = &o->own;
	uint64_t fields = own->sample_type;

	if (!fields) {
		fields = PERF_SAMPLE_IP | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD;
		if (attr->type == PERF_TYPE_TRACEPOINT)
			fields |= PERF_SAMPLE_RAW;
		if (attr->type == PERF_TYPE_BREAKPOINT)
			fields |= PERF_SAMPLE_ADDR;
	}
	attr->sample_type |= fields | PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
	attr->sample_id_all = 1;
	if (!attr->sample_period) {
		attr->freq = !own->period;
		attr->sample_period = own->period ? own->period :
				      own->frequency ? own->frequency : EVENTS_FREQUENCY;
	}
	if (row->spec->flags & PERFRING_SPEC_SAMPLE_READ && row->group) {
		if (row->leader == index) {
			attr->sample_type |= PERF_SAMPLE_READ;
		} else {
			attr->sample_period = 0;
			attr->freq = 0;
		}
	}
	if (own->track && !index) {
		attr->comm = 1;
		attr->mmap = 1;
		attr->mmap2 = 1;
		attr->task = 1;
	}
}

/* The attr of a row; @led: it is not the first of its group that is open. */
static void open_attr(const struct events_opening *o, size_t index, bool led, bool group,
		      struct perf_event_attr *attr)
{
	const struct perfring_events_opts *own = &o->own;
	const struct perfring_event_spec *spec = o->events->row[index].spec;

	*attr = spec->attr;
	attr->disabled = !led;
	attr->enable_on_exec = !led && own->enable_on_exec;
	attr->inherit = spec->flags & PERFRING_SPEC_NO_INHERIT ? 0 :
			spec->flags & PERFRING_SPEC_INHERIT ? 1 : own->inherit != 0;
	attr->use_clockid = own->use_clockid != 0;
	attr->clockid = own->clockid;
	attr->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING |
			    PERF_FORMAT_ID;
	if (group)
		attr->read_format |= PERF_FORMAT_GROUP;
	if (own->sampling) {
		sample_attr(o, index, attr);
	} else {
		attr->sample_period = 0;
		attr->freq = 0;
		attr->sample_type = 0;
		attr->write_backward = 0;
	}
}

/* Was exclude_guest our own idea, which a PMU without such bits refuses? */
static bool only_guest(const struct perf_event_attr *attr)
{
	return attr->exclude_guest && !attr->exclude_host && !attr->exclude_user &&
	       !attr->exclude_kernel && !attr->exclude_hv && !attr->exclude_idle;
}

static int open_once(const struct events_opening *o, const struct perf_event_attr *attr,
		     const struct events_target *target, const struct perfring_storage *leader,
		     struct perfring_storage **out)
{
	const struct perfring_perf_opts opts = {
		.size = sizeof(opts),
		.watermark = o->own.sampling ? o->own.watermark : 0,
		.wakeup_events = o->own.sampling ? o->own.wakeup_events : 0,
		.flags = o->cgroup >= 0 ? PERF_FLAG_PID_CGROUP : 0,
		.no_ring = 1,
		.group = leader,
	};

	return perfring_storage_open_perf(attr, target->pid, target->cpu, &opts, out);
}

static int open_cell(const struct events_opening *o, size_t index,
		     const struct events_target *target, struct events_cell *cell,
		     const struct perfring_storage *leader)
{
	const struct perfring_event_spec *spec = o->events->row[index].spec;
	struct perf_event_attr attr;
	uint64_t least;
	int err;

	open_attr(o, index, leader, cell->grouped, &attr);
	least = attr.precise_ip;
	if (spec->flags & PERFRING_SPEC_PRECISE_MAX)
		attr.precise_ip = 3;
	do {
		err = open_once(o, &attr, target, leader, &cell->storage);
	} while (err && attr.precise_ip > least && attr.precise_ip--);
	if ((err == -EINVAL || err == -EOPNOTSUPP) && only_guest(&attr)) {
		attr.exclude_guest = 0;
		err = open_once(o, &attr, target, leader, &cell->storage);
	}
	return err ? err : perfring_storage_id(cell->storage, &cell->id);
}

static bool row_counts_on(const struct events_row *row, int cpu)
{
	if (!row->cpus || cpu < 0)
		return true;
	for (size_t i = 0; i < row->nr_cpus; i++)
		if ((int)row->cpus[i] == cpu)
			return true;
	return false;
}

static void close_cells(struct perfring_events *events, size_t target, size_t first, size_t last)
{
	for (size_t i = first; i < last; i++) {
		perfring_storage_close(events_cell(events, target, i)->storage);
		events_cell(events, target, i)->storage = NULL;
	}
}

static bool may_miss(const struct events_opening *o, int err)
{
	return o->own.optional &&
	       perfring_count_error_state(err) == PERFRING_COUNT_UNSUPPORTED;
}

/* One group, or one event, which begins at row @first; *next is the row after it. */
static int open_group(struct events_opening *o, size_t target, size_t first, bool weak,
		      size_t *next)
{
	struct perfring_events *events = o->events;
	const struct events_target *t = &events->target[target];
	struct perfring_storage *leader = NULL;
	struct events_cell *cell;
	size_t leads = first, i;
	int err;

	for (i = first; i < events->nr && events->row[i].leader == events->row[first].leader; i++) {
		cell = events_cell(events, target, i);
		if (!row_counts_on(&events->row[i], t->cpu))
			continue;
		cell->grouped = events->row[i].group && !weak;
		err = open_cell(o, i, t, cell, cell->grouped ? leader : NULL);
		/* What does not fit together is tried once more, each for itself. */
		if (err == -EINVAL && leader && events->row[first].weak && !weak) {
			close_cells(events, target, first, i + 1);
			return open_group(o, target, first, true, next);
		}
		cell->error = err;
		if (err && !may_miss(o, err)) {
			if (o->own.failure)
				*o->own.failure = (struct perfring_events_failure){
					(uint32_t)i, t->pid, t->cpu, err,
				};
			return err;
		}
		if (!leader || weak)
			leads = i;
		cell->leader = leads;
		if (!err && !leader && !weak)
			leader = cell->storage;
	}
	*next = i;
	return 0;
}

/* The ring of a target's CPU, or of its own: a dummy that nothing but the others write. */
static int open_ring(struct events_opening *o, size_t target)
{
	struct perfring_events *events = o->events;
	struct events_target *t = &events->target[target];
	const struct perfring_events_opts *own = &o->own;
	const struct perfring_perf_opts opts = {
		.size = sizeof(opts),
		.pages = own->pages,
		.watermark = own->watermark,
		.wakeup_events = own->wakeup_events,
		.flags = o->cgroup >= 0 ? PERF_FLAG_PID_CGROUP : 0,
	};
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.disabled = 1,
		.inherit = own->inherit != 0,
		.use_clockid = own->use_clockid != 0,
		.clockid = own->clockid,
		.exclude_kernel = 1,
	};
	int err;

	for (size_t i = 0; t->cpu >= 0 && i < target; i++)
		if (events->target[i].present && events->target[i].cpu == t->cpu) {
			t->ring = events->target[i].ring;
			return 0;
		}
	/* All events of a ring write in one direction. */
	attr.write_backward = events->row[0].spec->attr.write_backward;
	err = perfring_storage_open_perf(&attr, t->pid, t->cpu, &opts,
					 &events->ring[events->rings]);
	if (!err)
		t->ring = events->rings++;
	return err;
}

static int open_output(struct events_opening *o, size_t target)
{
	struct perfring_events *events = o->events;
	const struct perfring_storage *storage;
	int err = open_ring(o, target), ring;

	if (err)
		return err;
	ring = perfring_storage_fd(events->ring[events->target[target].ring]);
	for (size_t i = 0; i < events->nr; i++) {
		storage = events_cell(events, target, i)->storage;
		if (storage && ioctl(perfring_storage_fd(storage), PERF_EVENT_IOC_SET_OUTPUT, ring))
			return -errno;
	}
	return 0;
}

/* All rows on one target and their ring; a target that is not there, or goes now, is left out. */
static int open_target(struct events_opening *o, size_t target)
{
	struct events_target *t = &o->events->target[target];
	int err = 0;

	for (size_t i = 0; i < o->events->nr && !err;)
		err = open_group(o, target, i, false, &i);
	if (!err && o->own.sampling)
		err = open_output(o, target);
	if ((err == -ENODEV && t->cpu >= 0) || (err == -ESRCH && t->pid > 0)) {
		close_cells(o->events, target, 0, o->events->nr);
		t->present = false;
	}
	return err;
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct events_id *)a)->id, y = ((const struct events_id *)b)->id;

	return x < y ? -1 : x > y;
}

/* What is looked up later, so that nothing is allocated then. */
static int open_tables(struct events_opening *o)
{
	struct perfring_events *events = o->events;
	size_t cells = events->targets * events->nr;
	struct perf_event_attr attr;
	int err;

	for (size_t i = 0; i < cells; i++)
		if (events->cell[i].storage)
			events->id[events->ids++] = (struct events_id){ events->cell[i].id, i };
	qsort(events->id, events->ids, sizeof(*events->id), by_id);
	for (size_t i = 0; i < events->nr; i++) {
		open_attr(o, i, false, events->row[i].group, &attr);
		for (size_t t = 0; t < events->targets; t++)
			if (events_cell(events, t, i)->storage) {
				attr = *perfring_storage_attr(events_cell(events, t, i)->storage);
				break;
			}
		err = perfring_format_compile(&attr, &events->row[i].format);
		if (err)
			return err;
	}
	return 0;
}

static int open_all(struct events_opening *o)
{
	struct perfring_events *events = o->events;
	size_t cells = events->targets * events->nr, present = 0;
	int err, last = -ENODEV;

	events->cell = calloc(cells, sizeof(*events->cell));
	events->id = calloc(cells, sizeof(*events->id));
	events->ring = calloc(events->targets, sizeof(struct perfring_storage *));
	events->words = calloc(3 + 2 * events->nr, sizeof(*events->words));
	events->sum = calloc(2 * events->nr, sizeof(*events->sum));
	if (!events->cell || !events->id || !events->ring || !events->words || !events->sum)
		return -ENOMEM;
	events->task = events->sum + events->nr;
	for (size_t i = 0; i < events->targets; i++) {
		err = open_target(o, i);
		if (err && events->target[i].present)
			return err;
		if (err)
			last = err;
		else
			present++;
	}
	return present ? open_tables(o) : last;
}

static int open_opts(struct events_opening *o, const struct perfring_events_opts *opts)
{
	static const pid_t self;
	const struct perfring_events_opts *own = &o->own;
	int err = perfring_opts_take(&o->own, sizeof(o->own), opts);

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(own->padding); i++)
		if (own->padding[i])
			return -EINVAL;
	if (!opts) {
		o->own.pids = &self;
		o->own.nr_pids = 1;
	}
	if (!own->pids != !own->nr_pids || !own->cpus != !own->nr_cpus ||
	    (own->cgroup && own->pids) || (own->period && own->frequency) ||
	    (own->watermark && own->wakeup_events) || (own->track && !own->sampling) ||
	    (own->enable_on_exec && !own->pids))
		return -EINVAL;
	if (!own->cgroup)
		return 0;
	o->cgroup = open(own->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return o->cgroup < 0 ? -errno : 0;
}

int perfring_events_open(const struct perfring_event_specs *specs,
			 const struct perfring_events_opts *opts, struct perfring_events **out)
{
	struct events_opening o = { .cgroup = -1 };
	int err;

	o.events = calloc(1, sizeof(*o.events));
	err = o.events ? open_opts(&o, opts) : -ENOMEM;
	if (!err)
		err = open_rows(&o, specs);
	if (!err)
		err = open_targets(&o);
	if (!err)
		err = open_all(&o);
	if (o.cgroup >= 0)
		close(o.cgroup);
	if (err) {
		perfring_events_close(o.events);
		return err;
	}
	o.events->sampling = o.own.sampling != 0;
	for (size_t i = 0; i < o.events->nr; i++)
		o.events->row[i].spec = NULL;
	/* A cgroup's descriptor is no pid. */
	for (size_t i = 0; o.own.cgroup && i < o.events->targets; i++)
		o.events->target[i].pid = -1;
	*out = o.events;
	return 0;
}

void perfring_events_close(struct perfring_events *events)
{
	if (!events)
		return;
	for (size_t i = 0; events->cell && i < events->targets; i++)
		close_cells(events, i, 0, events->nr);
	for (size_t i = 0; i < events->rings; i++)
		perfring_storage_close(events->ring[i]);
	for (size_t i = 0; events->row && i < events->nr; i++) {
		perfring_format_free(events->row[i].format);
		free(events->row[i].cpus);
	}
	free(events->row);
	free(events->target);
	free(events->cell);
	free(events->ring);
	free(events->id);
	free(events->words);
	free(events->sum);
	free(events);
}
