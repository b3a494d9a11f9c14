// SPDX-License-Identifier: MIT
/* Probes that the kernel makes for one event: PMUs kprobe and uprobe. */
#include "event.h"

#include <stdio.h>

static struct event_word take_until(struct event_parser *parser, const char *stop)
{
	struct event_word word = { parser->at, strcspn(parser->at, stop) };

	parser->at += word.len;
	return word;
}

/* "SYMBOL+OFFSET": the offset is cut off the word. */
static int cut_offset(struct event_parser *parser, struct event_word *word, uint64_t *offset)
{
	const char *plus = memchr(word->at, '+', word->len);
	struct event_word number;

	*offset = 0;
	if (!plus)
		return 0;
	number = (struct event_word){ plus + 1, (size_t)(word->at + word->len - plus - 1) };
	word->len = (size_t)(plus - word->at);
	if (perfring_event_number(number, offset))
		return 0;
	return perfring_event_fail(parser, -EINVAL, number, "SYMBOL+OFFSET, as vfs_read+0x10",
				   "the offset is no number");
}

/* An entry of the PMU of @kind, "k" or "u", maybe with "ret". */
static struct event_entry *probe_new(struct event_parser *parser, struct event_word kind, int *err)
{
	static const struct event_word retprobe = { "retprobe", 8 };
	const char *pmu = kind.at[0] == 'k' ? "kprobe" : "uprobe";
	struct event_entry *entry = perfring_event_new(parser);
	uint64_t max;

	*err = entry ? perfring_event_pmu_type(parser->sysfs, pmu, &entry->spec.attr.type) :
	       -ENOMEM;
	if (!*err && kind.at[1] == 'r')
		*err = perfring_event_pmu_field(parser->sysfs, pmu, retprobe, 1,
						&entry->spec.attr, &max);
	if (*err) {
		*err = perfring_event_fail(parser, *err, kind, NULL,
					   "this kernel has no PMU %s", pmu);
		return NULL;
	}
	entry->spec.attr.sample_period = 1;
	entry->spec.pmu = pmu;
	return entry;
}

static const char *probe_own(struct event_parser *parser, struct event_word word, int *err)
{
	const char *own = perfring_event_own(parser->specs, word);

	if (!own)
		*err = perfring_event_fail(parser, -ENOMEM, word, NULL, "out of memory");
	return own;
}

int perfring_event_kprobe(struct event_parser *parser, struct event_word kind)
{
	struct event_word symbol = take_until(parser, ",:} \t\n");
	struct event_entry *entry;
	uint64_t address;
	int err;

	entry = probe_new(parser, kind, &err);
	if (!entry)
		return err;
	/* An address stands for itself. */
	if (perfring_event_number(symbol, &address)) {
		entry->spec.attr.kprobe_addr = address;
		return 0;
	}
	err = cut_offset(parser, &symbol, &address);
	if (err)
		return err;
	if (!symbol.len)
		return perfring_event_fail(parser, -EINVAL, symbol, "/proc/kallsyms has them",
					   "which kernel function?");
	entry->spec.attr.probe_offset = address;
	entry->spec.attr.kprobe_func = (uintptr_t)probe_own(parser, symbol, &err);
	return err;
}

/* "(0x1234)" behind the place: the counter that a static probe has. */
static int probe_counter(struct event_parser *parser, struct event_entry *entry,
			 struct event_word *where)
{
	static const struct event_word field = { "ref_ctr_offset", 14 };
	const char *open = memchr(where->at, '(', where->len);
	struct event_word number;
	uint64_t value, max = 0;

	if (!open)
		return 0;
	number = (struct event_word){ open + 1, (size_t)(where->at + where->len - open - 1) };
	where->len = (size_t)(open - where->at);
	if (!number.len || number.at[number.len - 1] != ')')
		return perfring_event_fail(parser, -EINVAL, number, "PLACE(NUMBER)",
					   "the reference counter does not end");
	number.len--;
	if (!perfring_event_number(number, &value))
		return perfring_event_fail(parser, -EINVAL, number, "PLACE(NUMBER)",
					   "the reference counter is no number");
	if (!perfring_event_pmu_field(parser->sysfs, "uprobe", field, value, &entry->spec.attr,
				      &max))
		return 0;
	return perfring_event_fail(parser, -EINVAL, number, NULL,
				   "the reference counter is %#llx at most",
				   (unsigned long long)max);
}

static int probe_place(struct event_parser *parser, const char *path, struct event_word where,
		       __u64 *out)
{
	struct event_nearest nearest = { .nr = 0 };
	uint64_t offset, symbol;
	char hint[256];
	int err;

	if (perfring_event_number(where, &offset)) {
		*out = offset;
		return 0;
	}
	err = cut_offset(parser, &where, &offset);
	if (err)
		return err;
	if (!where.len)
		return perfring_event_fail(parser, -EINVAL, where, "uprobe:PATH:SYMBOL[+OFFSET]",
					   "which function?");
	nearest.word = where;
	err = perfring_event_elf_symbol(path, where, &symbol, &nearest);
	perfring_event_nearest_text(&nearest, hint, sizeof(hint));
	if (err)
		return perfring_event_fail(parser, err, where, hint,
					   err == -ENOENT ? "no such function in the file" :
					   err == -EBADMSG ? "the file is no program or library" :
					   "the file cannot be read: %s", perfring_strerror(err));
	*out = symbol + offset;
	return 0;
}

int perfring_event_uprobe(struct event_parser *parser, struct event_word kind)
{
	struct event_word path = take_until(parser, ",:} \t\n"), where;
	struct event_entry *entry;
	const char *own;
	int err;

	if (!path.len || *parser->at != ':')
		return perfring_event_fail(parser, -EINVAL, path, "uprobe:PATH:SYMBOL[+OFFSET]",
					   "which function of which file?");
	parser->at++;
	where = take_until(parser, ",:} \t\n");
	entry = probe_new(parser, kind, &err);
	if (!entry)
		return err;
	own = probe_own(parser, path, &err);
	entry->spec.attr.uprobe_path = (uintptr_t)own;
	if (!err)
		err = probe_counter(parser, entry, &where);
	if (!err)
		err = probe_place(parser, own, where, &entry->spec.attr.probe_offset);
	return err;
}
