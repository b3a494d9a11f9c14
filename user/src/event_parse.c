// SPDX-License-Identifier: MIT
/* Texts that name events: lists, groups, and what stands before a slash or colon. */
#include "event.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int perfring_event_roots(const struct perfring_event_opts *opts, const char **sysfs,
			 const char **tracefs)
{
	static const char *const usual[] = {
		"/sys/kernel/tracing",
		"/sys/kernel/debug/tracing",
	};
	struct perfring_event_opts own;
	char path[64];
	int err;

	err = perfring_opts_take(&own, sizeof(own), opts);
	if (err)
		return err;
	*sysfs = own.sysfs ? own.sysfs : "/sys";
	*tracefs = own.tracefs;
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) && !*tracefs; i++) {
		snprintf(path, sizeof(path), "%s/events", usual[i]);
		if (!access(path, X_OK))
			*tracefs = usual[i];
	}
	return 0;
}

const char *perfring_event_own(struct perfring_event_specs *specs, struct event_word word)
{
	struct event_string *string = malloc(sizeof(*string) + word.len + 1);

	if (!string)
		return NULL;
	memcpy(string->text, word.at, word.len);
	string->text[word.len] = '\0';
	string->next = specs->strings;
	specs->strings = string;
	return string->text;
}

struct event_entry *perfring_event_new(struct event_parser *parser)
{
	struct perfring_event_specs *specs = parser->specs;
	size_t room = specs->room ? 2 * specs->room : 4;
	struct event_entry *entry;

	if (specs->nr == specs->room) {
		entry = realloc(specs->entry, room * sizeof(*entry));
		if (!entry)
			return NULL;
		specs->entry = entry;
		specs->room = room;
	}
	entry = &specs->entry[specs->nr];
	memset(entry, 0, sizeof(*entry));
	entry->spec.attr.size = sizeof(entry->spec.attr);
	entry->spec.attr.exclude_guest = 1;
	entry->spec.scale = 1;
	entry->spec.leader = (uint32_t)specs->nr++;
	return entry;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_*?.[]!-", c));
}

static struct event_word take_name(struct event_parser *parser)
{
	struct event_word word = { parser->at, 0 };

	while (is_name(*parser->at))
		parser->at++;
	word.len = (size_t)(parser->at - word.at);
	return word;
}

static void skip_space(struct event_parser *parser)
{
	while (is_space(*parser->at))
		parser->at++;
}

/* One character, or the end. */
static struct event_word here(const struct event_parser *parser)
{
	return (struct event_word){ parser->at, *parser->at ? 1 : 0 };
}

static int no_memory(struct event_parser *parser)
{
	return perfring_event_fail(parser, -ENOMEM, here(parser), NULL, "out of memory");
}

static int add_generic(struct event_parser *parser, uint32_t type, uint64_t config)
{
	struct event_entry *entry = perfring_event_new(parser);

	if (!entry)
		return no_memory(parser);
	entry->spec.attr.type = type;
	entry->spec.attr.config = config;
	if (*parser->at != '/')
		return 0;
	parser->at++;
	return perfring_event_terms(parser, entry);
}

/* "1:3"; parser->at is behind the type. */
static int add_numbers(struct event_parser *parser, struct event_word word)
{
	uint64_t type, config;

	if (!perfring_event_number(word, &type) || type > UINT32_MAX)
		return perfring_event_fail(parser, -EINVAL, word, "a number below 2^32",
					   "no type of events");
	if (*parser->at != ':')
		return perfring_event_fail(parser, -EINVAL, word, "TYPE:CONFIG, two numbers",
					   "a number alone is no event");
	parser->at++;
	word = take_name(parser);
	if (!perfring_event_number(word, &config))
		return perfring_event_fail(parser, -EINVAL, word, "TYPE:CONFIG, two numbers",
					   "config is no number");
	return add_generic(parser, (uint32_t)type, config);
}

/* The letters of "rw" in any order, each once: 0 when it is something else. */
static uint32_t breakpoint_access(struct event_word word)
{
	static const struct {
		char letter;
		uint32_t bit;
	} bits[] = { { 'r', 1 }, { 'w', 2 }, { 'x', 4 } };	/* HW_BREAKPOINT_R, _W, _X */
	uint32_t access = 0;

	for (size_t i = 0; i < word.len; i++)
		for (size_t j = 0; j <= 3; j++) {
			if (j == 3 || (bits[j].letter == word.at[i] && (access & bits[j].bit)))
				return 0;
			if (bits[j].letter == word.at[i]) {
				access |= bits[j].bit;
				break;
			}
		}
	return access;
}

/* "mem:ADDRESS[/LENGTH][:rwx]"; parser->at is behind the first colon. */
static int add_breakpoint(struct event_parser *parser)
{
	struct event_entry *entry = perfring_event_new(parser);
	struct perf_event_attr *attr;
	struct event_word word = take_name(parser);
	uint64_t address, length = 0;
	uint32_t access = 0;

	if (!entry)
		return no_memory(parser);
	if (!perfring_event_number(word, &address))
		return perfring_event_fail(parser, -EINVAL, word, "mem:ADDRESS[/LENGTH][:rwx]",
					   "the address is no number");
	if (*parser->at == '/') {
		parser->at++;
		word = take_name(parser);
		if (!perfring_event_number(word, &length) || !length)
			return perfring_event_fail(parser, -EINVAL, word, "1, 2, 4 or 8 bytes",
						   "no length of a breakpoint");
	}
	if (*parser->at == ':') {
		const char *colon = parser->at++;

		word = take_name(parser);
		access = breakpoint_access(word);
		/* Other letters are modifiers, which come next. */
		if (!access && word.len && !perfring_event_is_modifier(word))
			return perfring_event_fail(parser, -EINVAL, word,
						   "r, w, x, each once at most",
						   "what is to be watched?");
		if (!access)
			parser->at = colon;
	}
	attr = &entry->spec.attr;
	attr->type = PERF_TYPE_BREAKPOINT;
	attr->sample_period = 1;
	attr->bp_addr = address;
	attr->bp_type = access ? access : 3;
	/* The kernel takes no other length for code than that of a long. */
	attr->bp_len = length ? length : attr->bp_type == 4 ? sizeof(long) : 4;
	return 0;
}

static int offer(void *context, const char *name)
{
	/* NAME.unit and the like describe NAME. */
	if (!strchr(name, '.'))
		perfring_event_nearest(context, name);
	return 0;
}

struct offer_events {
	const struct event_parser *parser;
	struct event_nearest *nearest;
};

static int offer_events(void *context, const char *pmu)
{
	struct offer_events *of = context;
	char path[512];

	if (perfring_event_pmu_path(of->parser->sysfs, path, sizeof(path), pmu, "events", NULL))
		perfring_event_folder(path, offer, of->nearest);
	return 0;
}

void perfring_event_nearest_event(const struct event_parser *parser,
				  struct event_nearest *nearest)
{
	struct offer_events of = { parser, nearest };
	char path[512], name[EVENT_NAME_MAX];
	uint64_t config;

	for (size_t i = 0; i < EVENT_NAMES; i++) {
		perfring_event_nearest(nearest, perfring_event_names[i].name);
		if (perfring_event_names[i].alias)
			perfring_event_nearest(nearest, perfring_event_names[i].alias);
	}
	for (unsigned int i = 0; perfring_event_cache_name(i, name, sizeof(name), &config); i++)
		perfring_event_nearest(nearest, name);
	if (perfring_event_pmu_path(parser->sysfs, path, sizeof(path), "", NULL, NULL))
		perfring_event_folder(path, offer_events, &of);
}

/* Neither a known name nor a PMU's event. */
static int unknown(struct event_parser *parser, struct event_word word)
{
	struct event_nearest nearest = { .word = word };
	char hint[256];

	perfring_event_nearest_event(parser, &nearest);
	perfring_event_nearest_text(&nearest, hint, sizeof(hint));
	return perfring_event_fail(parser, -EINVAL, word,
				   hint[0] ? hint :
				   "events are NAME, rHEX, PMU/TERM=VALUE/, SYSTEM:NAME, kprobe:SYMBOL, uprobe:PATH:SYMBOL, mem:ADDRESS",
				   "no event has this name");
}

static int add_tool(struct event_parser *parser, struct event_word word)
{
	static const char *const tools[] = { "duration_time", "user_time", "system_time" };

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (perfring_event_word_is(word, tools[i]))
			return perfring_event_fail(parser, -EOPNOTSUPP, word,
						   "clock_gettime(2), getrusage(2)",
						   "perf measures it itself, it is no event");
	return 0;
}

/* The event itself, with its terms; modifiers are not looked at. */
static int add_event(struct event_parser *parser)
{
	struct event_word word = take_name(parser);
	uint64_t config;
	uint32_t type;
	int ret;

	if (!word.len)
		return perfring_event_fail(parser, -EINVAL, here(parser), NULL,
					   "an event should stand here");
	if (*parser->at == ':') {
		parser->at++;
		if (perfring_event_word_is(word, "kprobe") ||
		    perfring_event_word_is(word, "kretprobe"))
			return perfring_event_kprobe(parser, word);
		if (perfring_event_word_is(word, "uprobe") ||
		    perfring_event_word_is(word, "uretprobe"))
			return perfring_event_uprobe(parser, word);
		if (perfring_event_word_is(word, "mem"))
			return add_breakpoint(parser);
		parser->at--;
	}
	if (perfring_event_by_name(word, &type, &config))
		return add_generic(parser, type, config);
	if (perfring_event_by_cache(word, &config))
		return add_generic(parser, PERF_TYPE_HW_CACHE, config);
	if (perfring_event_by_raw(word, &config))
		return add_generic(parser, PERF_TYPE_RAW, config);
	if (*word.at >= '0' && *word.at <= '9')
		return add_numbers(parser, word);
	if (*parser->at == '/') {
		parser->at++;
		return perfring_event_pmu(parser, word);
	}
	ret = add_tool(parser, word);
	if (!ret)
		ret = perfring_event_pmu_alias(parser, word);
	if (ret)
		return ret < 0 ? ret : 0;
	if (*parser->at != ':')
		return unknown(parser, word);
	parser->at++;
	return perfring_event_tracepoint(parser, word, take_name(parser));
}

/* ":u" after anything, "u" after a slash. */
static int add_modifiers(struct event_parser *parser, size_t first, bool group)
{
	struct event_word word;

	if (*parser->at == ':')
		parser->at++;
	else if (group || parser->at[-1] != '/')
		return 0;
	word = take_name(parser);
	return perfring_event_modify(parser, word, first, group);
}

/* One event of the text; a name with '*' may be many. */
static int parse_event(struct event_parser *parser)
{
	struct perfring_event_specs *specs = parser->specs;
	struct event_word word;
	size_t first = specs->nr;
	int err;

	skip_space(parser);
	word.at = parser->at;
	err = add_event(parser);
	if (!err)
		err = add_modifiers(parser, first, false);
	if (err)
		return err;
	word.len = (size_t)(parser->at - word.at);
	for (size_t i = first; i < specs->nr; i++) {
		if (specs->entry[i].spec.name)
			continue;
		specs->entry[i].spec.name = perfring_event_own(specs, word);
		if (!specs->entry[i].spec.name)
			return no_memory(parser);
	}
	skip_space(parser);
	return 0;
}

/* What the kernel has no room for: only the first of a group may be pinned. */
static int check_group(struct event_parser *parser, size_t first, struct event_word word)
{
	const struct perfring_event_specs *specs = parser->specs;

	for (size_t i = first + 1; i < specs->nr; i++)
		if (specs->entry[i].spec.attr.pinned || specs->entry[i].spec.attr.exclusive)
			return perfring_event_fail(parser, -EINVAL, word,
						   "put D and e to the group's first event",
						   "%s: only a whole group is pinned or exclusive",
						   specs->entry[i].spec.name);
	return 0;
}

/* "{a,b}:u"; parser->at is at the brace. */
static int parse_group(struct event_parser *parser, struct event_word name)
{
	struct perfring_event_specs *specs = parser->specs;
	struct event_word word = here(parser);
	const char *own = NULL;
	size_t first = specs->nr;
	int err;

	if (name.len) {
		own = perfring_event_own(specs, name);
		if (!own)
			return no_memory(parser);
	}
	do {
		parser->at++;
		err = parse_event(parser);
		if (err)
			return err;
	} while (*parser->at == ',');
	if (*parser->at != '}')
		return perfring_event_fail(parser, -EINVAL, here(parser), "',' or '}'",
					   "the group does not end");
	parser->at++;
	word.len = (size_t)(parser->at - word.at);
	for (size_t i = first; i < specs->nr; i++) {
		specs->entry[i].spec.leader = (uint32_t)first;
		specs->entry[i].spec.group = own;
	}
	err = check_group(parser, first, word);
	if (!err)
		err = add_modifiers(parser, first, true);
	skip_space(parser);
	return err;
}

static int parse_list(struct event_parser *parser)
{
	struct event_word name;
	int err;

	for (;;) {
		skip_space(parser);
		name = take_name(parser);
		if (*parser->at == '{') {
			err = parse_group(parser, name);
		} else {
			parser->at = name.at;
			err = parse_event(parser);
		}
		if (err || !*parser->at)
			return err;
		if (*parser->at != ',')
			return perfring_event_fail(parser, -EINVAL, here(parser),
						   "',' and one more event, or the end",
						   "this does not belong to an event");
		parser->at++;
	}
}

int perfring_event_parse(const char *text, const struct perfring_event_opts *opts,
			 struct perfring_event_specs **out, struct perfring_event_error *error)
{
	struct perfring_event_error local = { .code = 0 };
	struct event_parser parser = {
		.text = text,
		.at = text,
		.error = error ? error : &local,
	};
	int err;

	memset(parser.error, 0, sizeof(*parser.error));
	err = perfring_event_roots(opts, &parser.sysfs, &parser.tracefs);
	if (err)
		return perfring_event_fail(&parser, err, (struct event_word){ text, 0 }, NULL,
					   "bad options");
	parser.specs = calloc(1, sizeof(*parser.specs));
	err = parser.specs ? parse_list(&parser) : no_memory(&parser);
	if (err) {
		perfring_event_specs_free(parser.specs);
		return err;
	}
	*out = parser.specs;
	return 0;
}

void perfring_event_specs_free(struct perfring_event_specs *specs)
{
	struct event_string *next;

	if (!specs)
		return;
	while (specs->strings) {
		next = specs->strings->next;
		free(specs->strings);
		specs->strings = next;
	}
	free(specs->entry);
	free(specs);
}

size_t perfring_event_specs_count(const struct perfring_event_specs *specs)
{
	return specs->nr;
}

const struct perfring_event_spec *
perfring_event_specs_at(const struct perfring_event_specs *specs, size_t index)
{
	return index < specs->nr ? &specs->entry[index].spec : NULL;
}
