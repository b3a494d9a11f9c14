// SPDX-License-Identifier: MIT
/* Between two slashes: the terms that every event has. */
#include "event.h"

static struct event_word take_until(const char **at, const char *stop)
{
	struct event_word word = { *at, strcspn(*at, stop) };

	*at += word.len;
	return word;
}

int perfring_event_term(const char **at, struct event_term *term)
{
	const char *start = *at;

	memset(term, 0, sizeof(*term));
	if (!**at || **at == '/')
		return 0;
	term->name = take_until(at, "=,/ \t\n");
	if (**at == '=') {
		++*at;
		if (**at == '\'') {
			++*at;
			term->value = take_until(at, "'");
			if (**at == '\'')
				++*at;
		} else {
			term->value = take_until(at, ",/ \t\n");
		}
		term->value_place = term->value;
	}
	term->name_place = term->name;
	term->place = (struct event_word){ start, (size_t)(*at - start) };
	if (!term->name.len || (term->value.at && !term->value.len))
		return -EINVAL;
	if (**at != ',')
		return !**at || **at == '/' ? 1 : -EINVAL;
	++*at;
	/* A comma wants one more. */
	return **at && **at != '/' ? 1 : -EINVAL;
}

enum generic_kind {
	GENERIC_CONFIG,
	GENERIC_CONFIG1,
	GENERIC_CONFIG2,
	GENERIC_CONFIG3,
	GENERIC_PERIOD,
	GENERIC_FREQ,
	GENERIC_TIME,
	GENERIC_MAX_STACK,
	/* From here on no number. */
	GENERIC_NAME,
	GENERIC_CALL_GRAPH,
	/* From here on no value. */
	GENERIC_INHERIT,
	GENERIC_NO_INHERIT,
	GENERIC_OVERWRITE,
	GENERIC_NO_OVERWRITE,
	GENERIC_PERFS,		/* known to perf alone */
};

static const struct {
	const char *name;
	enum generic_kind kind;
	uint64_t low, high;
} generics[] = {
	{ "config", GENERIC_CONFIG, 0, UINT64_MAX },
	{ "config1", GENERIC_CONFIG1, 0, UINT64_MAX },
	{ "config2", GENERIC_CONFIG2, 0, UINT64_MAX },
	{ "config3", GENERIC_CONFIG3, 0, UINT64_MAX },
	{ "period", GENERIC_PERIOD, 1, INT64_MAX },
	{ "freq", GENERIC_FREQ, 1, INT64_MAX },
	{ "time", GENERIC_TIME, 0, 1 },
	{ "max-stack", GENERIC_MAX_STACK, 1, UINT16_MAX },
	{ "name", GENERIC_NAME, 0, 0 },
	{ "call-graph", GENERIC_CALL_GRAPH, 0, 0 },
	{ "inherit", GENERIC_INHERIT, 0, 0 },
	{ "no-inherit", GENERIC_NO_INHERIT, 0, 0 },
	{ "overwrite", GENERIC_OVERWRITE, 0, 0 },
	{ "no-overwrite", GENERIC_NO_OVERWRITE, 0, 0 },
	{ "branch_type", GENERIC_PERFS, 0, 0 },
	{ "stack-size", GENERIC_PERFS, 0, 0 },
	{ "nr", GENERIC_PERFS, 0, 0 },
	{ "driver-config", GENERIC_PERFS, 0, 0 },
	{ "percore", GENERIC_PERFS, 0, 0 },
	{ "aux-output", GENERIC_PERFS, 0, 0 },
	{ "aux-sample-size", GENERIC_PERFS, 0, 0 },
	{ "metric-id", GENERIC_PERFS, 0, 0 },
};

#define GENERICS	(sizeof(generics) / sizeof(generics[0]))

static int generic_number(struct event_parser *parser, const struct event_term *term, size_t index,
			  uint64_t *value)
{
	if (!term->value.at || !perfring_event_number(term->value, value) ||
	    *value < generics[index].low || *value > generics[index].high)
		return perfring_event_fail(parser, -EINVAL, term->place, NULL,
					   "%s wants a number from %llu to %llu",
					   generics[index].name,
					   (unsigned long long)generics[index].low,
					   (unsigned long long)generics[index].high);
	return 0;
}

static int generic_config3(struct event_parser *parser, struct event_entry *entry,
			   const struct event_term *term, uint64_t value)
{
#ifdef PERF_ATTR_SIZE_VER8
	(void)parser;
	(void)term;
	entry->spec.attr.config3 = value;
	return 0;
#else
	(void)entry;
	(void)value;
	return perfring_event_fail(parser, -EOPNOTSUPP, term->place, NULL,
				   "this library was built with headers without config3");
#endif
}

static int apply_number(struct event_parser *parser, struct event_entry *entry,
			const struct event_term *term, enum generic_kind kind, uint64_t value)
{
	struct perf_event_attr *attr = &entry->spec.attr;

	switch (kind) {
	case GENERIC_CONFIG:
		attr->config = value;
		break;
	case GENERIC_CONFIG1:
		attr->config1 = value;
		break;
	case GENERIC_CONFIG2:
		attr->config2 = value;
		break;
	case GENERIC_CONFIG3:
		return generic_config3(parser, entry, term, value);
	case GENERIC_PERIOD:
	case GENERIC_FREQ:
		attr->freq = kind == GENERIC_FREQ;
		attr->sample_period = value;
		entry->spec.flags |= PERFRING_SPEC_PERIOD;
		break;
	case GENERIC_TIME:
		attr->sample_type &= ~(uint64_t)PERF_SAMPLE_TIME;
		attr->sample_type |= value ? PERF_SAMPLE_TIME : 0;
		break;
	case GENERIC_MAX_STACK:
		attr->sample_max_stack = (uint16_t)value;
		break;
	default:
		break;
	}
	return 0;
}

static int apply_text(struct event_parser *parser, struct event_entry *entry,
		      const struct event_term *term, enum generic_kind kind)
{
	struct perf_event_attr *attr = &entry->spec.attr;

	if (kind == GENERIC_NAME) {
		if (!term->value.at)
			return perfring_event_fail(parser, -EINVAL, term->place, "name=TEXT",
						   "which name?");
		entry->spec.name = perfring_event_own(parser->specs, term->value);
		if (!entry->spec.name)
			return perfring_event_fail(parser, -ENOMEM, term->place, NULL,
						   "out of memory");
	} else if (!term->value.at) {
		return perfring_event_fail(parser, -EINVAL, term->place, "fp or no",
					   "which call graph?");
	} else if (perfring_event_word_is(term->value, "fp")) {
		attr->sample_type |= PERF_SAMPLE_CALLCHAIN;
	} else if (perfring_event_word_is(term->value, "no")) {
		attr->sample_type &= ~(uint64_t)PERF_SAMPLE_CALLCHAIN;
	} else if (perfring_event_word_is(term->value, "dwarf") ||
		   perfring_event_word_is(term->value, "lbr")) {
		return perfring_event_fail(parser, -EOPNOTSUPP, term->value_place, "fp or no",
					   "set the attr's stack, registers or branches yourself");
	} else {
		return perfring_event_fail(parser, -EINVAL, term->value_place, "fp or no",
					   "no kind of call graph");
	}
	return 0;
}

static int apply_flag(struct event_parser *parser, struct event_entry *entry,
		      const struct event_term *term, enum generic_kind kind)
{
	struct perfring_event_spec *spec = &entry->spec;
	uint64_t value = 1;

	if (kind == GENERIC_PERFS)
		return perfring_event_fail(parser, -EOPNOTSUPP, term->name_place, NULL,
					   "a term of perf's that has no meaning here");
	if (term->value.at && (!perfring_event_number(term->value, &value) || value > 1))
		return perfring_event_fail(parser, -EINVAL, term->value_place, "no value",
					   "the term is on or off");
	switch (kind) {
	case GENERIC_INHERIT:
	case GENERIC_NO_INHERIT:
		spec->flags &= ~(PERFRING_SPEC_INHERIT | PERFRING_SPEC_NO_INHERIT);
		spec->flags |= (kind == GENERIC_INHERIT) == (value == 1) ?
			       PERFRING_SPEC_INHERIT : PERFRING_SPEC_NO_INHERIT;
		break;
	default:
		spec->attr.write_backward = (kind == GENERIC_OVERWRITE) == (value == 1);
	}
	return 0;
}

int perfring_event_generic(struct event_parser *parser, struct event_entry *entry,
			   const struct event_term *term)
{
	uint64_t value = 0;
	int err = 0;

	for (size_t i = 0; i < GENERICS; i++) {
		if (!perfring_event_word_is(term->name, generics[i].name))
			continue;
		if (generics[i].kind < GENERIC_NAME) {
			err = generic_number(parser, term, i, &value);
			if (!err)
				err = apply_number(parser, entry, term, generics[i].kind, value);
		} else if (generics[i].kind < GENERIC_INHERIT) {
			err = apply_text(parser, entry, term, generics[i].kind);
		} else {
			err = apply_flag(parser, entry, term, generics[i].kind);
		}
		return err ? err : 1;
	}
	return 0;
}

int perfring_event_terms(struct event_parser *parser, struct event_entry *entry)
{
	struct event_nearest nearest = { .nr = 0 };
	struct event_term term;
	char hint[256];
	int ret;

	while ((ret = perfring_event_term(&parser->at, &term)) == 1) {
		ret = perfring_event_generic(parser, entry, &term);
		if (ret < 0)
			return ret;
		if (ret)
			continue;
		nearest.word = term.name;
		for (size_t i = 0; i < GENERICS; i++)
			if (generics[i].kind != GENERIC_PERFS)
				perfring_event_nearest(&nearest, generics[i].name);
		perfring_event_nearest_text(&nearest, hint, sizeof(hint));
		return perfring_event_fail(parser, -EINVAL, term.name_place,
					   hint[0] ? hint : "a PMU's terms stand in PMU/.../",
					   "no term of such an event");
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
