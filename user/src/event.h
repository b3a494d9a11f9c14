/* SPDX-License-Identifier: MIT */
/* What the files event_*.c share. */
#ifndef PERFRING_EVENT_INTERNAL_H
#define PERFRING_EVENT_INTERNAL_H

#include "internal.h"

#define EVENT_NAME_MAX	128	/* of a PMU, an event, a term, with its terminator */

/* A piece of a text; not terminated. */
struct event_word {
	const char *at;
	size_t len;
};

/* A string that the specs own. */
struct event_string {
	struct event_string *next;
	char text[];
};

struct event_entry {
	struct perfring_event_spec spec;
	bool host_guest;	/* G or H was said */
};

struct perfring_event_specs {
	struct event_entry *entry;
	size_t nr;
	size_t room;
	struct event_string *strings;
};

struct event_parser {
	const char *text;
	const char *at;
	const char *sysfs;
	const char *tracefs;		/* NULL: not there, or not for us */
	struct perfring_event_specs *specs;
	struct perfring_event_error *error;
};

/* Where is the machine described?  Checks @opts. */
int perfring_event_roots(const struct perfring_event_opts *opts, const char **sysfs,
			 const char **tracefs);

/* event_error.c: fill parser->error and return @code */
int perfring_event_fail(struct event_parser *parser, int code, struct event_word word,
			const char *hint, const char *reason, ...)
	__attribute__((format(printf, 5, 6)));

/* The names that are nearest to a word. */
#define EVENT_NEAREST	3

struct event_nearest {
	struct event_word word;
	unsigned int nr;
	unsigned int cost[EVENT_NEAREST];
	char name[EVENT_NEAREST][EVENT_NAME_MAX];
};

void perfring_event_nearest(struct event_nearest *nearest, const char *name);
/* "did you mean a, b?" or "" into @buffer, which is returned */
const char *perfring_event_nearest_text(const struct event_nearest *nearest, char *buffer,
					size_t len);

/* event_names.c */
struct event_name {
	const char *name;
	const char *alias;	/* or NULL */
	uint32_t type;
	uint32_t config;
};

#define EVENT_NAMES	22
extern const struct event_name perfring_event_names[EVENT_NAMES];

bool perfring_event_word_is(struct event_word word, const char *text);
bool perfring_event_by_name(struct event_word word, uint32_t *type, uint64_t *config);
bool perfring_event_by_cache(struct event_word word, uint64_t *config);
/* The usual name of each cache event in turn: false after the last. */
bool perfring_event_cache_name(unsigned int index, char *name, size_t len, uint64_t *config);

/* "12", "0x1f"; the whole word */
bool perfring_event_number(struct event_word word, uint64_t *value);
/* "r01c0" */
bool perfring_event_by_raw(struct event_word word, uint64_t *config);

/* event_parse.c: a string that the specs own; NULL without memory */
const char *perfring_event_own(struct perfring_event_specs *specs, struct event_word word);
/* Add the names of events that are no tracepoints, as far as they are near. */
void perfring_event_nearest_event(const struct event_parser *parser,
				  struct event_nearest *nearest);
/* One more entry, with the defaults, or NULL. */
struct event_entry *perfring_event_new(struct event_parser *parser);

/* event_modifier.c: what follows the colon, for all entries from @first on */
int perfring_event_modify(struct event_parser *parser, struct event_word word, size_t first,
			  bool group);
bool perfring_event_is_modifier(struct event_word word);

/* event_terms.c */
struct event_term {
	struct event_word name;
	struct event_word value;	/* at NULL: none */
	/* Where the text says so: of an alias these are the alias itself. */
	struct event_word place;
	struct event_word name_place;
	struct event_word value_place;
};

/*
 * The next of "a=1,b": 1, 0 at the end, -EINVAL; *at moves on.  Ends before '/' and '\0'.
 */
int perfring_event_term(const char **at, struct event_term *term);
/* One that every event has: 1; 0 it is another; or an error. */
int perfring_event_generic(struct event_parser *parser, struct event_entry *entry,
			   const struct event_term *term);
/* Terms after a generic event's '/', up to and with the next one. */
int perfring_event_terms(struct event_parser *parser, struct event_entry *entry);

/* event_pmu.c */
bool perfring_event_pmu_path(const char *sysfs, char *path, size_t len, const char *pmu,
			     const char *file, const char *name);
/* 0 or -errno; text without trailing white space */
int perfring_event_read_text(const char *path, char *text, size_t len);
int perfring_event_pmu_type(const char *sysfs, const char *pmu, uint32_t *type);
/* Set a field that sysfs describes: 0; -ENOENT no such format; -ERANGE, *max is the most. */
int perfring_event_pmu_field(const char *sysfs, const char *pmu, struct event_word name,
			     uint64_t value, struct perf_event_attr *attr, uint64_t *max);
/* NAME/...: parser->at is behind the first '/' */
int perfring_event_pmu(struct event_parser *parser, struct event_word name);
/* A bare name that PMUs have in events/: 1, 0 it is none, or an error. */
int perfring_event_pmu_alias(struct event_parser *parser, struct event_word name);
/* All entries of a folder but those with a dot in front; calls until not 0. */
int perfring_event_folder(const char *path, int (*fn)(void *context, const char *name),
			  void *context);

/* event_trace.c */
int perfring_event_tracepoint(struct event_parser *parser, struct event_word system,
			      struct event_word name);

/* event_probe.c: what follows "kprobe:" and the like; parser->at is moved */
int perfring_event_kprobe(struct event_parser *parser, struct event_word kind);
int perfring_event_uprobe(struct event_parser *parser, struct event_word kind);
/* event_elf.c: file offset of a function */
int perfring_event_elf_symbol(const char *path, struct event_word symbol, uint64_t *offset,
			      struct event_nearest *nearest);

#endif /* PERFRING_EVENT_INTERNAL_H */
