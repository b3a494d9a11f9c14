// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common.h"
#include "kselftest.h"
#include "nest_refused.h"

/*
 * The module's tables of what the kernel patches. An entry of each is relocated by the
 * instruction, and by the key or the call it depends on; a jump label's by its target too.
 * A return is a jump in the file: where the kernel needs none, it becomes ret, and int3s
 * where the jump's other bytes were.
 */
static const struct table {
	const char *section;
	const char *kind;
	bool keyed;
	unsigned int skip;		/* bytes from there to what is refused */
} tables[] = {
	{ "__jump_table", "jump label of ", true, 0 },
	{ ".static_call_sites", "static call of ", true, 0 },
	{ ".return_sites", "int3s behind a return", false, 1 },
};

/* What stands in them of one instruction. */
static struct patched {
	uint64_t offset;	/* in the module's .text */
	const char *kind;
	char by[64];
} *patched;
static unsigned int patched_nr;

/* What stands before the name of a static call, or of its key, is always the same. */
static const char *plain(const char *symbol)
{
	static const char * const prefixes[] = { "__SCT__", "__SCK__" };
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(prefixes); i++)
		if (!strncmp(symbol, prefixes[i], strlen(prefixes[i])))
			return symbol + strlen(prefixes[i]);
	return symbol;
}

static void patched_add(const struct table *table, uint64_t offset, const char *by)
{
	struct patched *more = reallocarray(patched, patched_nr + 1, sizeof(*patched));

	if (!more)
		return;		/* it is refused and nobody knows why */
	patched = more;
	more += patched_nr++;
	*more = (struct patched) { .offset = offset + table->skip, .kind = table->kind };
	snprintf(more->by, sizeof(more->by), "%.*s", (int)strcspn(by, "+"), by);
}

/* objdump(1): what each word of the table is relocated by, in their order. */
static void table_look(const struct table *table)
{
	char line[512], value[256];
	uint64_t offset = 0, where;
	bool at = false;
	FILE *out;

	snprintf(line, sizeof(line), "objdump -r -j %s '%s' 2>/dev/null", table->section,
		 getenv("PERFRING_MODULE"));
	out = popen(line, "r");
	while (out && fgets(line, sizeof(line), out)) {
		if (sscanf(line, "%*x R_%*s %255s", value) != 1)
			continue;
		if (strncmp(value, ".text+", 6)) {
			/* The last of an entry, unless that is of another section's code. */
			if (at && table->keyed)
				patched_add(table, offset, plain(value));
			at = false;
			continue;
		}
		where = strtoull(value + 6, NULL, 0);
		if (!table->keyed)
			patched_add(table, where, "");
		else if (!at)
			offset = where;
		at = true;
	}
	if (out)
		pclose(out);
}

bool refused_look(void)
{
	unsigned int i;

	/* Not every machine has all of them. */
	for (i = 0; i < ARRAY_LEN(tables); i++)
		table_look(&tables[i]);
	return patched_nr;
}

void refused_what(const struct boundary *boundary, char what[REFUSED_LEN])
{
	uint64_t offset = boundary->function->addr + boundary->offset - text_addr;
	unsigned int i;

	for (i = 0; i < patched_nr && patched[i].offset != offset; i++)
		;
	if (boundary->error == -EXDEV)
		snprintf(what, REFUSED_LEN, "entry, where kprobes take the call of ftrace behind it");
	else if (i < patched_nr)
		snprintf(what, REFUSED_LEN, "%s%s", patched[i].kind, patched[i].by);
	else
		snprintf(what, REFUSED_LEN, "unknown, %s", strerror(-boundary->error));
}

unsigned int refused_say(void)
{
	char what[REFUSED_LEN], line[1024];
	unsigned int b, f, nr, all = 0;
	size_t len;

	for (f = 0; f < function_nr; f++) {
		for (b = 0, nr = 0, len = 0; b < boundary_nr; b++) {
			if (boundaries[b].function != &functions[f] || !boundaries[b].error)
				continue;
			refused_what(&boundaries[b], what);
			if (len < sizeof(line))
				len += snprintf(line + len, sizeof(line) - len, "%s+0x%x %s",
						nr ? "; " : "", boundaries[b].offset, what);
			nr++;
		}
		if (nr)
			ksft_print_msg("nest: refused in %s: %u: %s\n", functions[f].name, nr,
				       line);
		all += nr;
	}
	return all;
}
