// SPDX-License-Identifier: MIT
/* PMUs as sysfs describes them: type, format, events. */
#include "event.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define PMU_TERMS_MAX	512
#define PMU_DEPTH	4	/* aliases of aliases */

bool perfring_event_pmu_path(const char *sysfs, char *path, size_t len, const char *pmu,
			     const char *file, const char *name)
{
	int need = snprintf(path, len, "%s/bus/event_source/devices/%s%s%s%s%s", sysfs, pmu,
			    file ? "/" : "", file ? file : "", name ? "/" : "", name ? name : "");

	return need > 0 && (size_t)need < len;
}

int perfring_event_read_text(const char *path, char *text, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;
	int err;

	if (fd < 0)
		return -errno;
	got = read(fd, text, len - 1);
	err = got < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	while (got && isspace((unsigned char)text[got - 1]))
		got--;
	text[got] = '\0';
	return 0;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int perfring_event_folder(const char *path, int (*fn)(void *context, const char *name),
			  void *context)
{
	struct dirent **entry;
	int nr = scandir(path, &entry, not_hidden, by_bytes), ret = 0;

	if (nr < 0)
		return -errno;
	for (int i = 0; i < nr; i++) {
		if (!ret)
			ret = fn(context, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	return ret;
}

int perfring_event_pmu_type(const char *sysfs, const char *pmu, uint32_t *type)
{
	char path[512], text[32];
	uint64_t value;
	int err;

	if (!perfring_event_pmu_path(sysfs, path, sizeof(path), pmu, "type", NULL))
		return -ENOENT;
	err = perfring_event_read_text(path, text, sizeof(text));
	if (err)
		return err;
	if (!perfring_event_number((struct event_word){ text, strlen(text) }, &value) ||
	    value > UINT32_MAX)
		return -EBADMSG;
	*type = (uint32_t)value;
	return 0;
}

/* A file of format/ or events/, if its name can be one. */
static int read_described(const char *sysfs, const char *pmu, const char *folder,
			  struct event_word name, const char *suffix, char *text, size_t len)
{
	char path[512], file[EVENT_NAME_MAX + 16];

	if (name.len >= EVENT_NAME_MAX || memchr(name.at, '/', name.len) || name.at[0] == '.')
		return -ENOENT;
	snprintf(file, sizeof(file), "%.*s%s", (int)name.len, name.at, suffix);
	if (!perfring_event_pmu_path(sysfs, path, sizeof(path), pmu, folder, file))
		return -ENOENT;
	return perfring_event_read_text(path, text, len);
}

/* "config1:0-7,32-35": which word, and which of its bits. */
static int parse_format(const char *text, struct perf_event_attr *attr, __u64 **word,
			uint64_t *mask)
{
	unsigned long low, high;
	char *end;

	if (!strncmp(text, "config:", 7))
		*word = &attr->config;
	else if (!strncmp(text, "config1:", 8))
		*word = &attr->config1;
	else if (!strncmp(text, "config2:", 8))
		*word = &attr->config2;
#ifdef PERF_ATTR_SIZE_VER8
	else if (!strncmp(text, "config3:", 8))
		*word = &attr->config3;
#endif
	else
		return -EOPNOTSUPP;
	*mask = 0;
	text = strchr(text, ':');
	do {
		low = strtoul(text + 1, &end, 10);
		high = *end == '-' ? strtoul(end + 1, &end, 10) : low;
		if (low > high || high > 63 || (*end && *end != ','))
			return -EBADMSG;
		*mask |= (UINT64_MAX >> (63 - (high - low))) << low;
		text = end;
	} while (*text);
	return 0;
}

int perfring_event_pmu_field(const char *sysfs, const char *pmu, struct event_word name,
			     uint64_t value, struct perf_event_attr *attr, uint64_t *max)
{
	char text[256];
	__u64 *word;
	uint64_t mask;
	int err = read_described(sysfs, pmu, "format", name, "", text, sizeof(text));

	if (!err)
		err = parse_format(text, attr, &word, &mask);
	if (err)
		return err;
	*max = UINT64_MAX >> (64 - __builtin_popcountll(mask));
	if (value > *max)
		return -ERANGE;
	/* The lowest bit of the value goes to the lowest bit of the mask, and so on. */
	*word &= ~mask;
	for (; mask; mask &= mask - 1, value >>= 1)
		if (value & 1)
			*word |= mask & -mask;
	return 0;
}

struct pmu_context {
	struct event_parser *parser;
	const char *pmu;
	const char *terms;	/* as given, for those that an event leaves open */
	size_t entry;
	unsigned int depth;
};

static struct event_entry *pmu_entry(const struct pmu_context *c)
{
	return &c->parser->specs->entry[c->entry];
}

static int offer(void *context, const char *name)
{
	if (!strchr(name, '.'))
		perfring_event_nearest(context, name);
	return 0;
}

static int unknown_term(struct pmu_context *c, const struct event_term *term)
{
	static const char *const folders[] = { "format", "events" };
	struct event_nearest nearest = { .word = term->name };
	char path[512], hint[256];

	for (size_t i = 0; i < 2; i++)
		if (perfring_event_pmu_path(c->parser->sysfs, path, sizeof(path), c->pmu,
					    folders[i], NULL))
			perfring_event_folder(path, offer, &nearest);
	perfring_event_nearest_text(&nearest, hint, sizeof(hint));
	if (!hint[0])
		snprintf(hint, sizeof(hint), "its terms and events: format/ and events/ of %s/bus/event_source/devices/%s",
			 c->parser->sysfs, c->pmu);
	return perfring_event_fail(c->parser, -EINVAL, term->name_place, hint,
				   "PMU %s has no such term or event", c->pmu);
}

static int bad_description(struct pmu_context *c, const struct event_term *term, int err)
{
	return perfring_event_fail(c->parser, err, term->name_place, NULL,
				   "what sysfs says about %.*s of PMU %s is not understood",
				   (int)term->name.len, term->name.at, c->pmu);
}

static int set_field(struct pmu_context *c, const struct event_term *term)
{
	struct perf_event_attr *attr = &pmu_entry(c)->spec.attr, before = *attr;
	uint64_t value = 1, max;
	int err;

	if (term->value.at && !perfring_event_number(term->value, &value))
		return perfring_event_fail(c->parser, -EINVAL, term->value_place, NULL,
					   "%.*s wants a number", (int)term->name.len,
					   term->name.at);
	err = perfring_event_pmu_field(c->parser->sysfs, c->pmu, term->name, value, attr, &max);
	if (err == -ERANGE)
		return perfring_event_fail(c->parser, -EINVAL, term->value_place, NULL,
					   "too large for %.*s, whose largest value is %#llx",
					   (int)term->name.len, term->name.at,
					   (unsigned long long)max);
	if (err)
		return bad_description(c, term, err);
	if (!term->value.at && max > 1) {
		*attr = before;
		return perfring_event_fail(c->parser, -EINVAL, term->name_place, NULL,
					   "%.*s wants a value of 0 to %#llx",
					   (int)term->name.len, term->name.at,
					   (unsigned long long)max);
	}
	return 0;
}

/* Is @name among the terms of the text? */
static bool term_given(const char *at, struct event_word name)
{
	struct event_term term;

	while (perfring_event_term(&at, &term) == 1)
		if (term.name.len == name.len && !memcmp(term.name.at, name.at, name.len))
			return term.value.at;
	return false;
}

static int read_scale(struct pmu_context *c, struct event_word name)
{
	struct perfring_event_spec *spec = &pmu_entry(c)->spec;
	const char *sysfs = c->parser->sysfs;
	char text[64];
	locale_t plain;
	int err;

	err = read_described(sysfs, c->pmu, "events", name, ".unit", text, sizeof(text));
	if (!err) {
		spec->unit = perfring_event_own(c->parser->specs,
						(struct event_word){ text, strlen(text) });
		if (!spec->unit)
			return -ENOMEM;
	} else if (err != -ENOENT) {
		return err;
	}
	err = read_described(sysfs, c->pmu, "events", name, ".scale", text, sizeof(text));
	if (!err) {
		/* A point is a point, whatever the program's language. */
		plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
		if (!plain)
			return -ENOMEM;
		spec->scale = strtod_l(text, NULL, plain);
		freelocale(plain);
	}
	return err == -ENOENT ? 0 : err;
}

static int apply_term(struct pmu_context *c, const struct event_term *term);

/* The terms that an event of sysfs stands for. */
static int apply_alias(struct pmu_context *c, struct event_word name, const char *text,
		       const struct event_term *origin)
{
	struct event_term term;
	const char *at = text;
	int ret;

	if (++c->depth > PMU_DEPTH)
		return bad_description(c, origin, -EBADMSG);
	while ((ret = perfring_event_term(&at, &term)) == 1) {
		term.place = origin->place;
		term.name_place = origin->name_place;
		term.value_place = origin->name_place;
		if (term.value.at && perfring_event_word_is(term.value, "?")) {
			if (!term_given(c->terms, term.name))
				return perfring_event_fail(c->parser, -EINVAL, origin->name_place,
							   NULL, "the event leaves %.*s open: give it a value",
							   (int)term.name.len, term.name.at);
			continue;
		}
		ret = apply_term(c, &term);
		if (ret)
			return ret;
	}
	c->depth--;
	return ret || *at ? bad_description(c, origin, -EBADMSG) : read_scale(c, name);
}

struct find_alias {
	struct event_word name;
	char found[EVENT_NAME_MAX];
};

static int find_alias(void *context, const char *name)
{
	struct find_alias *find = context;

	if (strlen(name) != find->name.len || find->name.len >= sizeof(find->found) ||
	    strncasecmp(name, find->name.at, find->name.len) != 0)
		return 0;
	memcpy(find->found, name, find->name.len + 1);
	return 1;
}

/* The text of events/NAME, whatever the case of its letters; @find->found is its name. */
static int read_alias(const char *sysfs, const char *pmu, struct find_alias *find, char *text,
		      size_t len)
{
	char path[512];
	int ret;

	if (memchr(find->name.at, '.', find->name.len) ||
	    !perfring_event_pmu_path(sysfs, path, sizeof(path), pmu, "events", NULL))
		return -ENOENT;
	ret = perfring_event_folder(path, find_alias, find);
	if (ret <= 0)
		return ret ? ret : -ENOENT;
	return read_described(sysfs, pmu, "events",
			      (struct event_word){ find->found, strlen(find->found) }, "",
			      text, len);
}

/*
 * A format's field, an event's name, or event=NAME.  A file that is there and cannot be read
 * is an error of its own: without it the term would mean something else, or nothing.
 */
static int apply_term(struct pmu_context *c, const struct event_term *term)
{
	const char *sysfs = c->parser->sysfs;
	struct find_alias find = { .name = term->name };
	char text[PMU_TERMS_MAX];
	uint64_t number = 1;
	bool is_number;
	int ret = perfring_event_generic(c->parser, pmu_entry(c), term);

	if (ret)
		return ret < 0 ? ret : 0;
	is_number = !term->value.at || perfring_event_number(term->value, &number);
	/* "event=NAME" is an event, whatever a format says of numbers. */
	if (!is_number && perfring_event_word_is(term->name, "event")) {
		find.name = term->value;
	} else {
		ret = read_described(sysfs, c->pmu, "format", term->name, "", text, sizeof(text));
		if (!ret)
			return set_field(c, term);
		if (ret != -ENOENT)
			return ret;
		if (number != 1 || !is_number)
			return unknown_term(c, term);
	}
	ret = read_alias(sysfs, c->pmu, &find, text, sizeof(text));
	if (!ret)
		return apply_alias(c, (struct event_word){ find.found, strlen(find.found) }, text,
				   term);
	if (ret != -ENOENT)
		return ret;
	/* "r3c" as in an event of its own */
	if (!term->value.at && perfring_event_by_raw(term->name, &number)) {
		pmu_entry(c)->spec.attr.config = number;
		return 0;
	}
	return unknown_term(c, term);
}

static int apply_terms(struct pmu_context *c)
{
	struct event_parser *parser = c->parser;
	struct event_term term;
	int ret;

	while ((ret = perfring_event_term(&parser->at, &term)) == 1) {
		ret = apply_term(c, &term);
		if (ret)
			return ret;
	}
	if (ret < 0)
		return perfring_event_fail(parser, -EINVAL, term.place, "TERM or TERM=VALUE, ...",
					   "this is no term");
	if (*parser->at != '/')
		return perfring_event_fail(parser, -EINVAL, (struct event_word){ parser->at, 0 },
					   "a second '/'", "the terms do not end");
	parser->at++;
	return 0;
}

static int pmu_cpus(struct pmu_context *c)
{
	static const char *const files[] = { "cpumask", "cpus" };
	struct perfring_event_spec *spec = &pmu_entry(c)->spec;
	char path[512], text[1024];
	int err;

	for (size_t i = 0; i < 2 && !spec->cpus; i++) {
		if (!perfring_event_pmu_path(c->parser->sysfs, path, sizeof(path), c->pmu,
					     files[i], NULL))
			continue;
		err = perfring_event_read_text(path, text, sizeof(text));
		if (err && err != -ENOENT)
			return err;
		if (err || !text[0])
			continue;
		spec->cpus = perfring_event_own(c->parser->specs,
						(struct event_word){ text, strlen(text) });
		if (!spec->cpus)
			return -ENOMEM;
	}
	return 0;
}

/* An entry of a PMU that is there, without terms. */
static int pmu_new(struct pmu_context *c, const char *pmu)
{
	struct event_entry *entry = perfring_event_new(c->parser);
	struct event_word word = { pmu, strlen(pmu) };
	int err;

	if (!entry)
		return -ENOMEM;
	c->entry = entry->spec.leader;
	entry->spec.pmu = perfring_event_own(c->parser->specs, word);
	if (!entry->spec.pmu)
		return -ENOMEM;
	c->pmu = entry->spec.pmu;
	err = perfring_event_pmu_type(c->parser->sysfs, pmu, &entry->spec.attr.type);
	return err ? err : pmu_cpus(c);
}

struct pmu_match {
	struct pmu_context c;
	struct event_word word;
	struct event_nearest nearest;
	unsigned int nr;
	bool exact;		/* no second look for names that go on */
};

static bool pmu_matches(struct pmu_match *m, const char *name)
{
	char pattern[EVENT_NAME_MAX];
	size_t len = m->word.len;

	if (m->exact)
		return perfring_event_word_is(m->word, name);
	if (len >= sizeof(pattern))
		return false;
	memcpy(pattern, m->word.at, len);
	pattern[len] = '\0';
	/* "imc" stands for uncore_imc_0, uncore_imc_1, ... */
	if (!strncmp(name, "uncore_", 7) && strncmp(pattern, "uncore_", 7) != 0)
		name += 7;
	if (strpbrk(pattern, "*?["))
		return !fnmatch(pattern, name, 0);
	if (strncmp(name, pattern, len) != 0)
		return false;
	name += len;
	if (*name == '_')
		name++;
	return name[strspn(name, "0123456789")] == '\0';
}

static int pmu_try(void *context, const char *name)
{
	struct pmu_match *m = context;
	int err;

	perfring_event_nearest(&m->nearest, name);
	if (!pmu_matches(m, name))
		return 0;
	m->nr++;
	m->c.parser->at = m->c.terms;
	err = pmu_new(&m->c, name);
	return err ? err : apply_terms(&m->c);
}

/* Out of memory and the like have not been explained yet. */
static int pmu_failed(struct event_parser *parser, struct event_word word, int err)
{
	if (parser->error->code)
		return parser->error->code;
	return perfring_event_fail(parser, err, word, NULL, "%s", perfring_strerror(err));
}

int perfring_event_pmu(struct event_parser *parser, struct event_word name)
{
	struct pmu_match m = {
		.c = { .parser = parser, .terms = parser->at },
		.word = name,
		.nearest.word = name,
		.exact = true,
	};
	char path[512], hint[256];
	int err = -ENOENT;

	if (perfring_event_pmu_path(parser->sysfs, path, sizeof(path), "", NULL, NULL))
		err = perfring_event_folder(path, pmu_try, &m);
	if (!err && !m.nr) {
		m.exact = false;
		err = perfring_event_folder(path, pmu_try, &m);
	}
	if (err)
		return pmu_failed(parser, name, err);
	if (m.nr)
		return 0;
	perfring_event_nearest_text(&m.nearest, hint, sizeof(hint));
	return perfring_event_fail(parser, -ENOENT, name, hint, "this machine has no such PMU");
}

static int pmu_try_alias(void *context, const char *pmu)
{
	struct pmu_match *m = context;
	struct find_alias find = { .name = m->word };
	const struct event_term term = {
		.name = m->word,
		.place = m->word,
		.name_place = m->word,
		.value_place = m->word,
	};
	char text[PMU_TERMS_MAX];
	int err = read_alias(m->c.parser->sysfs, pmu, &find, text, sizeof(text));

	if (err)
		return err == -ENOENT ? 0 : err;
	m->nr++;
	err = pmu_new(&m->c, pmu);
	return err ? err : apply_term(&m->c, &term);
}

int perfring_event_pmu_alias(struct event_parser *parser, struct event_word name)
{
	struct pmu_match m = {
		.c = { .parser = parser, .terms = "" },
		.word = name,
	};
	char path[512];
	int err = 0;

	if (perfring_event_pmu_path(parser->sysfs, path, sizeof(path), "", NULL, NULL))
		err = perfring_event_folder(path, pmu_try_alias, &m);
	if (err == -ENOENT && !parser->error->code)
		err = 0;
	if (err)
		return pmu_failed(parser, name, err);
	return m.nr > 0;
}
