// SPDX-License-Identifier: MIT
/* Counters by their names, and around a function. */
#include "count.h"

#include <stdlib.h>
#include <string.h>

static void measure_want(const struct perfring_event_spec *spec,
			 const struct perfring_count_opts *own, struct count_want *want)
{
	want->attr = spec->attr;
	want->name = spec->name;
	want->unit = spec->unit;
	want->scale = spec->scale;
	want->leader = spec->leader;
	want->weak = spec->flags & PERFRING_SPEC_WEAK;
	if ((own->inherit || spec->flags & PERFRING_SPEC_INHERIT) &&
	    !(spec->flags & PERFRING_SPEC_NO_INHERIT))
		want->attr.inherit = 1;
	if (own->enable_on_exec)
		want->attr.enable_on_exec = 1;
	/* To be counted, not sampled, unless the text says so. */
	if (!(spec->flags & PERFRING_SPEC_PERIOD) && want->attr.type != PERF_TYPE_BREAKPOINT)
		want->attr.sample_period = 0;
}

int perfring_count_open_text(const char *events, pid_t pid, int cpu,
			     const struct perfring_count_opts *opts, struct perfring_count **out,
			     struct perfring_event_error *error)
{
	struct perfring_event_specs *specs;
	struct perfring_count_opts own;
	struct count_want *wants;
	unsigned int nr;
	int err;

	if (error)
		memset(error, 0, sizeof(*error));
	err = perfring_count_opts_take(&own, opts);
	if (err)
		return err;
	err = perfring_event_parse(events, NULL, &specs, error);
	if (err)
		return err;
	nr = (unsigned int)perfring_event_specs_count(specs);
	wants = calloc(nr, sizeof(*wants));
	err = -ENOMEM;
	if (wants) {
		for (unsigned int i = 0; i < nr; i++)
			measure_want(perfring_event_specs_at(specs, i), &own, &wants[i]);
		err = perfring_count_open_wants(wants, nr, pid, cpu, &own, out);
	}
	free(wants);
	perfring_event_specs_free(specs);
	return err;
}

int perfring_count_measure(struct perfring_count *count, perfring_measure_fn fn, void *context,
			   struct perfring_count_value *values, unsigned int nr)
{
	bool inside = count->started;
	int err = perfring_count_ask_all(count);

	if (err)
		return err;
	if (nr > count->nr)
		nr = count->nr;
	/* Whoever measures within @fn has values of his own. */
	for (unsigned int i = 0; i < nr; i++) {
		values[i].value = count->event[i].last.value;
		values[i].enabled = count->event[i].last.enabled;
		values[i].running = count->event[i].last.running;
	}
	if (!inside)
		err = perfring_count_start(count);
	if (!err) {
		fn(context);
		if (!inside)
			err = perfring_count_stop(count);
	}
	if (!err)
		err = perfring_count_ask_all(count);
	for (unsigned int i = 0; i < nr && !err; i++) {
		struct count_self before = {
			.value = values[i].value, .enabled = values[i].enabled,
			.running = values[i].running,
		};

		perfring_count_value(&count->event[i], &before, &values[i]);
	}
	return err ? err : (int)nr;
}

int perfring_measure(const char *events, perfring_measure_fn fn, void *context,
		     struct perfring_count_value *values, unsigned int nr)
{
	struct perfring_count_opts opts = {
		.size = sizeof(opts), .optional = 1, .user_only = 1, .self = PERFRING_SELF_OFF,
	};
	struct perfring_count *count;
	int err;

	err = perfring_count_open_text(events, 0, -1, &opts, &count, NULL);
	if (err)
		return err;
	err = perfring_count_measure(count, fn, context, values, nr);
	perfring_count_close(count);
	return err;
}
