// SPDX-License-Identifier: MIT
/* The letters behind an event's colon. */
#include "event.h"

#define MODIFIERS	"ukhIGHpPSDeW"

bool perfring_event_is_modifier(struct event_word word)
{
	for (size_t i = 0; i < word.len; i++)
		if (!memchr(MODIFIERS, word.at[i], sizeof(MODIFIERS) - 1))
			return false;
	return true;
}

static int check(struct event_parser *parser, struct event_word word)
{
	unsigned int precise = 0;

	for (size_t i = 0; i < word.len; i++) {
		struct event_word letter = { word.at + i, 1 };

		if (letter.at[0] == 'b')
			return perfring_event_fail(parser, -EOPNOTSUPP, letter, NULL,
						   "counting by BPF programs is perf stat's own");
		if (!perfring_event_is_modifier(letter))
			return perfring_event_fail(parser, -EINVAL, letter,
						   "modifiers are u k h I G H p P S D e W",
						   "no modifier of events");
		if (letter.at[0] == 'p')
			precise++;
		else if (memchr(word.at, letter.at[0], i))
			return perfring_event_fail(parser, -EINVAL, letter, NULL,
						   "a modifier stands twice");
		if (precise > 3)
			return perfring_event_fail(parser, -EINVAL, letter, "p, pp or ppp",
						   "precise_ip is 3 at most");
	}
	return 0;
}

/*
 * One letter.  The first of u, k, h excludes the other two, the first of G, H the
 * other one; further ones of the same event or its group let more in.
 */
static void apply(struct event_entry *entry, char letter)
{
	struct perf_event_attr *attr = &entry->spec.attr;

	if (strchr("ukh", letter)) {
		if (!attr->exclude_user && !attr->exclude_kernel && !attr->exclude_hv) {
			attr->exclude_user = 1;
			attr->exclude_kernel = 1;
			attr->exclude_hv = 1;
		}
		if (letter == 'u') {
			attr->exclude_user = 0;
			if (!entry->host_guest)
				attr->exclude_guest = 1;
		} else if (letter == 'k') {
			attr->exclude_kernel = 0;
		} else {
			attr->exclude_hv = 0;
		}
		return;
	}
	switch (letter) {
	case 'G':
	case 'H':
		if (!entry->host_guest) {
			attr->exclude_guest = 1;
			attr->exclude_host = 1;
		}
		entry->host_guest = true;
		if (letter == 'G')
			attr->exclude_guest = 0;
		else
			attr->exclude_host = 0;
		break;
	case 'I':
		attr->exclude_idle = 1;
		break;
	case 'p':
		attr->precise_ip++;
		if (!entry->host_guest)
			attr->exclude_guest = 1;
		break;
	case 'P':
		entry->spec.flags |= PERFRING_SPEC_PRECISE_MAX;
		break;
	case 'S':
		entry->spec.flags |= PERFRING_SPEC_SAMPLE_READ;
		break;
	case 'W':
		entry->spec.flags |= PERFRING_SPEC_WEAK;
		break;
	case 'D':
		attr->pinned = 1;
		break;
	case 'e':
		attr->exclusive = 1;
		break;
	default:
		break;
	}
}

int perfring_event_modify(struct event_parser *parser, struct event_word word, size_t first,
			  bool group)
{
	struct perfring_event_specs *specs = parser->specs;
	unsigned int precise = 0;
	int err = check(parser, word);

	if (err || !word.len)
		return err;
	for (size_t i = 0; i < word.len; i++)
		precise += word.at[i] == 'p';
	for (size_t i = first; i < specs->nr; i++) {
		struct event_entry *entry = &specs->entry[i];
		bool member = group && i > first;

		if (entry->spec.attr.precise_ip + precise > 3)
			return perfring_event_fail(parser, -EINVAL, word, NULL,
						   "%s: precise_ip is 3 at most",
						   entry->spec.name);
		/* As perf has it: what an event says itself replaces its default. */
		if (!group)
			entry->spec.attr.exclude_guest = 0;
		for (size_t j = 0; j < word.len; j++)
			if (!member || (word.at[j] != 'D' && word.at[j] != 'e'))
				apply(entry, word.at[j]);
	}
	return 0;
}
