// SPDX-License-Identifier: GPL-2.0
/*
 * A sequence as text: a line for the ring, a line for each operation, and
 * anything after '#'.
 */
#define FIXTURES_NO_HARNESS
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "twin.h"

#define SPACE	" \t"

static const char * const op_name[TWIN_WHATS] = {
	[TWIN_WRITE] = "write", [TWIN_BURST] = "burst", [TWIN_TAIL] = "tail",
	[TWIN_HEAD] = "head", [TWIN_READ] = "read", [TWIN_PAUSE] = "pause",
	[TWIN_RESUME] = "resume", [TWIN_ENABLE] = "enable", [TWIN_DISABLE] = "disable",
	[TWIN_RESET] = "reset", [TWIN_POLL] = "poll",
	[TWIN_ATTACH] = "attach", [TWIN_DETACH] = "detach",
};

static bool has_arg(enum twin_what what)
{
	return what == TWIN_TAIL || what == TWIN_HEAD || what == TWIN_READ;
}

void twin_print(FILE *to, const struct twin_sequence *s)
{
	const struct twin_config *c = &s->config;
	unsigned int i, k;

	fprintf(to, "ring pages %u sample_type 0x%" PRIx64 " wakeup %" PRIu32, c->pages,
		c->sample_type, c->wakeup);
	fprintf(to, " watermark %d overwrite %d backward %d id_all %d reader %d shared %d",
		c->watermark, c->overwrite, c->backward, c->id_all, c->reader, c->shared);
	fprintf(to, " giant %d\n", c->giant);
	for (i = 0; i < s->nr; i++) {
		const struct twin_op *op = &s->op[i];

		fprintf(to, "%s%s", op_name[op->what], op->event ? "2" : "");
		if (has_arg(op->what))
			fprintf(to, " %" PRIu64, op->arg);
		for (k = 0; k < op->nr; k++)
			fprintf(to, " %u", op->len[k]);
		fprintf(to, "\n");
	}
}

static bool parse_ring(const char *line, struct twin_config *c)
{
	unsigned int watermark, overwrite, backward, id_all, reader, shared, giant;

	if (sscanf(line,
		   "ring pages %u sample_type %" SCNx64 " wakeup %" SCNu32
		   " watermark %u overwrite %u backward %u id_all %u reader %u shared %u giant %u",
		   &c->pages, &c->sample_type, &c->wakeup, &watermark, &overwrite, &backward,
		   &id_all, &reader, &shared, &giant) != 10)
		return false;
	c->watermark = watermark;
	c->overwrite = overwrite;
	c->backward = backward;
	c->id_all = id_all;
	c->reader = reader;
	c->shared = shared;
	c->giant = giant;
	return c->pages && c->pages <= 64 && !(c->pages & (c->pages - 1));
}

/* Whether this operation is of one of two events. */
static bool has_event(enum twin_what what)
{
	return what == TWIN_WRITE || what == TWIN_BURST || what == TWIN_ENABLE ||
	       what == TWIN_DISABLE;
}

static bool parse_op(char *line, bool shared, struct twin_op *op)
{
	char *save, *word = strtok_r(line, SPACE, &save);
	size_t length = strlen(word);
	unsigned int what;

	memset(op, 0, sizeof(*op));
	op->event = word[length - 1] == '2';
	if (op->event)
		word[length - 1] = '\0';
	for (what = 0; what < TWIN_WHATS && strcmp(word, op_name[what]); what++)
		;
	if (what == TWIN_WHATS)
		return false;
	op->what = what;
	if ((op->event && !(shared && has_event(what))) ||
	    ((what == TWIN_ATTACH || what == TWIN_DETACH) && !shared))
		return false;
	while ((word = strtok_r(NULL, SPACE, &save))) {
		char *end;
		uint64_t value = strtoull(word, &end, 0);

		if (*end)
			return false;
		if (has_arg(op->what))
			op->arg = value;
		else if (op->nr < TWIN_RECORDS && value < 65536)
			op->len[op->nr++] = value;
		else
			return false;
	}
	if (op->what == TWIN_WRITE)
		return op->nr == 1;
	return op->what == TWIN_BURST ? op->nr : !op->nr;
}

int twin_parse(FILE *from, struct twin_sequence *s)
{
	char line[1024];
	int nr = 0;
	bool ring = false;

	s->nr = 0;
	while (fgets(line, sizeof(line), from)) {
		nr++;
		line[strcspn(line, "#\n")] = '\0';
		if (!line[strspn(line, SPACE)])
			continue;
		if (!ring) {
			ring = parse_ring(line, &s->config);
			if (!ring)
				return nr;
		} else if (s->nr == TWIN_OPS ||
			   !parse_op(line, s->config.shared, &s->op[s->nr++])) {
			return nr;
		}
	}
	return ring ? 0 : nr + 1;
}
