// SPDX-License-Identifier: MIT
/* Tracepoints as tracefs describes them. */
#include "event.h"

#include <fnmatch.h>
#include <stdio.h>
#include <unistd.h>

struct trace_match {
	struct event_parser *parser;
	struct event_word place;
	char system[EVENT_NAME_MAX];
	char name[EVENT_NAME_MAX];
	const char *at;			/* system that is looked at */
	unsigned int nr;
	bool systems;			/* such a system was there */
	struct event_nearest near_system;
	struct event_nearest near_name;
};

static bool has_glob(const char *text)
{
	return text[strcspn(text, "*?[")];
}

static int trace_add(struct trace_match *m, const char *name)
{
	char path[1024], text[64];
	struct event_entry *entry;
	uint64_t id;
	int err;

	snprintf(path, sizeof(path), "%s/events/%s/%s/id", m->parser->tracefs, m->at, name);
	err = perfring_event_read_text(path, text, sizeof(text));
	/* enable and filter stand beside the events. */
	if (err == -ENOTDIR || err == -ENOENT)
		return 0;
	if (err)
		return err;
	if (!perfring_event_number((struct event_word){ text, strlen(text) }, &id))
		return -EBADMSG;
	entry = perfring_event_new(m->parser);
	if (!entry)
		return -ENOMEM;
	entry->spec.attr.type = PERF_TYPE_TRACEPOINT;
	entry->spec.attr.config = id;
	entry->spec.attr.sample_period = 1;
	m->nr++;
	if (has_glob(m->system) || has_glob(m->name)) {
		snprintf(path, sizeof(path), "%s:%s", m->at, name);
		entry->spec.name = perfring_event_own(m->parser->specs,
						      (struct event_word){ path, strlen(path) });
		if (!entry->spec.name)
			return -ENOMEM;
	}
	return 0;
}

static int trace_name(void *context, const char *name)
{
	struct trace_match *m = context;

	perfring_event_nearest(&m->near_name, name);
	if (strcmp(m->name, name) != 0 && fnmatch(m->name, name, 0) != 0)
		return 0;
	return trace_add(m, name);
}

static int trace_system(void *context, const char *system)
{
	struct trace_match *m = context;
	char path[1024];
	int err;

	perfring_event_nearest(&m->near_system, system);
	if (strcmp(m->system, system) != 0 && fnmatch(m->system, system, 0) != 0)
		return 0;
	m->at = system;
	snprintf(path, sizeof(path), "%s/events/%s", m->parser->tracefs, system);
	err = perfring_event_folder(path, trace_name, m);
	if (err == -ENOTDIR)
		return 0;
	m->systems = true;
	return err;
}

static int trace_missing(struct trace_match *m, struct event_word system, struct event_word name)
{
	char hint[256];

	if (m->systems) {
		perfring_event_nearest_text(&m->near_name, hint, sizeof(hint));
		return perfring_event_fail(m->parser, -ENOENT, name, hint,
					   "%s has no such tracepoint", m->system);
	}
	/* Perhaps it was to be an event, and what follows its modifiers. */
	perfring_event_nearest_event(m->parser, &m->near_system);
	perfring_event_nearest_text(&m->near_system, hint, sizeof(hint));
	if (!m->parser->tracefs && !hint[0])
		return perfring_event_fail(m->parser, geteuid() ? -EACCES : -ENOENT, system,
					   geteuid() ? "be root" :
					   "mount -t tracefs tracefs /sys/kernel/tracing",
					   "tracefs, which knows tracepoints, cannot be read");
	return perfring_event_fail(m->parser, -ENOENT, system, hint,
				   "neither an event nor a system of tracepoints");
}

int perfring_event_tracepoint(struct event_parser *parser, struct event_word system,
			      struct event_word name)
{
	struct trace_match m = {
		.parser = parser,
		.near_system.word = system,
		.near_name.word = name,
	};
	char path[1024];
	size_t first = parser->specs->nr, last;
	int err;

	if (!name.len || system.len >= EVENT_NAME_MAX || name.len >= EVENT_NAME_MAX)
		return perfring_event_fail(parser, -EINVAL, name, "SYSTEM:NAME",
					   "no name of a tracepoint");
	if (!parser->tracefs)
		return trace_missing(&m, system, name);
	memcpy(m.system, system.at, system.len);
	memcpy(m.name, name.at, name.len);
	snprintf(path, sizeof(path), "%s/events", parser->tracefs);
	err = perfring_event_folder(path, trace_system, &m);
	if (err)
		return perfring_event_fail(parser, err, system, err == -EACCES ? "be root" : NULL,
					   "%s: %s", path, perfring_strerror(err));
	if (!m.nr)
		return trace_missing(&m, system, name);
	if (*parser->at != '/')
		return 0;
	/* The same terms for each of them. */
	last = parser->specs->nr;
	m.at = ++parser->at;
	for (size_t i = first; i < last; i++) {
		parser->at = m.at;
		err = perfring_event_terms(parser, &parser->specs->entry[i]);
		if (err)
			return err;
	}
	return 0;
}
