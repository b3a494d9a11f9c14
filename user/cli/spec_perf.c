// SPDX-License-Identifier: MIT
/* What follows perf:CPU/: an event by name. */
#include "spec.h"

#include <errno.h>
#include <string.h>

#define SPEC_PERF_FREQ	100	/* samples per second of what has no period */

/* The fields of a tracepoint: by its name, or, when more was said than that, by its id. */
static int perf_tracepoint(struct spec *spec, const char *text, uint64_t id)
{
	uint64_t found;

	spec->payload = SPEC_TRACEPOINT;
	if (strchr(text, ':') == strrchr(text, ':') && !strpbrk(text, "/*?["))
		return tracepoint_read(text, &spec->tracepoint, &found);
	if (tracepoint_find(id, &spec->tracepoint, &found))
		spec->payload = SPEC_BYTES;
	return CLI_OK;
}

/* An event's own fields, and of the samples those that it can fill. */
static int perf_take(struct spec *spec, const char *text, const struct perfring_event_spec *event)
{
	const uint64_t usual = spec->attr.sample_type;
	struct perf_event_attr attr = event->attr;

	attr.sample_type |= usual;
	attr.sample_id_all = 1;
	attr.disabled = 1;
	spec->attr = attr;
	if (attr.type == PERF_TYPE_TRACEPOINT)
		return perf_tracepoint(spec, text, attr.config);
	/* Probes have the registers, or what the kernel made of them. */
	if (event->pmu && (!strcmp(event->pmu, "kprobe") || !strcmp(event->pmu, "uprobe")))
		return CLI_OK;
	if (attr.type == PERF_TYPE_SOFTWARE && attr.config == PERF_COUNT_SW_BPF_OUTPUT) {
		spec->attr.sample_period = 1;
		return CLI_OK;
	}
	spec->attr.sample_type &= ~(uint64_t)PERF_SAMPLE_RAW;
	if (attr.type == PERF_TYPE_SOFTWARE && attr.config == PERF_COUNT_SW_DUMMY) {
		/* The event of the side band: what tasks do to themselves. */
		spec->attr.comm = 1;
		spec->attr.task = 1;
		spec->attr.sample_period = 1;
		return CLI_OK;
	}
	spec->attr.sample_type |= PERF_SAMPLE_IP | PERF_SAMPLE_ADDR | PERF_SAMPLE_PERIOD;
	if (attr.sample_period)
		return CLI_OK;
	/* Clocks and counters of the processor are too fast for a sample each time. */
	if (attr.type == PERF_TYPE_SOFTWARE && attr.config != PERF_COUNT_SW_CPU_CLOCK &&
	    attr.config != PERF_COUNT_SW_TASK_CLOCK) {
		spec->attr.sample_period = 1;
	} else {
		spec->attr.freq = 1;
		spec->attr.sample_freq = SPEC_PERF_FREQ;
	}
	return CLI_OK;
}

int spec_perf_attr(struct spec *spec, const char *name)
{
	const char *comma = strchr(name, ',');
	struct perfring_event_error error;
	char text[1024], shown[2048];
	int len;

	/* "cpu-clock,period=5" as "cpu-clock/period=5/" */
	if (comma && !memchr(name, '/', (size_t)(comma - name)))
		len = snprintf(text, sizeof(text), "%.*s/%s/", (int)(comma - name), name,
			       comma + 1);
	else
		len = snprintf(text, sizeof(text), "%s", name);
	if (len < 0 || (size_t)len >= sizeof(text)) {
		cli_error("%s: too long", spec->text);
		return CLI_USAGE;
	}
	if (perfring_event_parse(text, NULL, &spec->events, &error)) {
		perfring_event_error_format(&error, text, shown, sizeof(shown));
		cli_error("%s: no event; 'perfring list' shows those that there are", spec->text);
		fputs(shown, stderr);
		/* A right name that this machine does not know is no wrong usage. */
		return error.code == -EINVAL || error.code == -EOPNOTSUPP ? CLI_USAGE : CLI_FAIL;
	}
	if (perfring_event_specs_count(spec->events) != 1) {
		cli_error("%s: that is %zu events; one ring has one", spec->text,
			  perfring_event_specs_count(spec->events));
		return CLI_USAGE;
	}
	return perf_take(spec, text, perfring_event_specs_at(spec->events, 0));
}
