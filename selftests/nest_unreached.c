// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common.h"
#include "nest_unreached.h"

/*
 * Instructions are named by what they were compiled from, which every compiler keeps:
 * the function they are in or were inlined from, and words of the line there. No entry
 * explains more of them in one function than it says.
 */
static const struct unreached {
	const char *function;	/* symbol; NULL: any */
	const char *within;	/* function of the source; NULL: any */
	const char *text;	/* what the line there has; NULL: anything */
	const char *calls;	/* or: what the instruction calls */
	const char *behind;	/* or: what the one before it calls */
	unsigned int most;	/* instructions of one symbol */
	const char *why;
} unreached[] = {
	{ .calls = "__stack_chk_fail", .most = 1,
	  .why = "only a stack that was overwritten leads here" },
	{ .behind = "__SCT__preempt_schedule_notrace", .most = 1,
	  .why = "a tracepoint's end may reschedule, but no writer lets itself be preempted" },
	{ .function = "perfring_output_begin", .within = "perfring_output_begin", .most = 60,
	  .text = "perfring_core_copy(core, &r->handle, &raw_size, sizeof(raw_size));",
	  .why = "4 bytes behind a multiple of 8 do not go across the end of the data" },
	{ .function = "perfring_output_begin", .within = "perfring_output_begin", .most = 4,
	  .text = "perfring_chain_put(chain);",
	  .why = "a sample with a chain is not too short to become a LOST record" },
	{ .function = "perfring_output_begin", .within = "perfring_output_begin", .most = 5,
	  .text = "perfring_wakeup_due(event, ring);",
	  .why = "a paused ring was not entered, so no wakeup is due from it" },
	{ .function = "perfring_output_begin", .within = "perfring_output_begin", .most = 1,
	  .text = "why = perfring_loss(ret);",
	  .why = "a paused ring was not entered, so no wakeup is due from it" },
	{ .function = "perfring_source_output", .within = "perfring_source_output", .most = 1,
	  .text = "for (; due && perfring_event_on(event); due--)",
	  .why = "a period that is over makes a sample at least" },
	{ .function = "perfring_plain_write", .within = "perfring_core_crossed", .most = 4,
	  .text = "head = -head;",
	  .why = "perfring_output_plain() has left a backward ring to others" },
	{ .function = "perfring_output_plain", .within = "perfring_core_free", .most = 8,
	  .text = "free = (head - tail - 1) & c->mask;",
	  .why = "perfring_output_plain() has left a backward ring to others" },
};

/* One boundary that nobody came by, as the debugging information has it. */
#define FRAMES	8

struct place {
	const struct boundary *boundary;
	unsigned int frames;
	char within[FRAMES][64];	/* from the innermost to the symbol's own */
	char text[FRAMES][128];
	char calls[64];
	char behind[64];
};

static struct place *places;
static unsigned int place_nr;
static unsigned int used[ARRAY_LEN(unreached)][FUNCTIONS];

static uint64_t place_offset(const struct place *place)
{
	return place->boundary->function->addr + place->boundary->offset - text_addr;
}

/* Line @nr of file @path; "" when there is none. */
static void line_read(const char *path, unsigned long nr, char *text, size_t len)
{
	FILE *file = fopen(path, "re");
	char line[1024];

	text[0] = '\0';
	while (file && nr && fgets(line, sizeof(line), file))
		if (!--nr)
			snprintf(text, len, "%s", line + strspn(line, "\t "));
	text[strcspn(text, "\n")] = '\0';
	if (file)
		fclose(file);
}

/* "FUNCTION at FILE:LINE", as it stands in a line of addr2line's. */
static void frame_add(struct place *place, char *frame)
{
	char *at = strstr(frame, " at "), *colon = at ? strrchr(at, ':') : NULL;

	if (!colon || place->frames == FRAMES)
		return;
	*at = '\0';
	*colon = '\0';
	snprintf(place->within[place->frames], sizeof(place->within[0]), "%s", frame);
	line_read(at + 4, strtoul(colon + 1, NULL, 10), place->text[place->frames],
		  sizeof(place->text[0]));
	place->frames++;
}

/* addr2line(1) with all of them; each begins with its address, and goes on with its callers. */
static bool frames_look(void)
{
	static const char inlined[] = " (inlined by) ";
	char list[] = "/tmp/nest_unreached.XXXXXX", line[2048], *rest;
	int fd = mkstemp(list);
	unsigned int p, next = 0;
	FILE *out;

	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out)
		return false;
	for (p = 0; p < place_nr; p++)
		fprintf(out, "0x%llx\n", (unsigned long long)place_offset(&places[p]));
	fclose(out);
	snprintf(line, sizeof(line), "addr2line -a -i -f -p -j .text -e '%s' <%s 2>/dev/null",
		 getenv("PERFRING_MODULE"), list);
	out = popen(line, "r");
	while (out && fgets(line, sizeof(line), out)) {
		if (!strncmp(line, inlined, strlen(inlined))) {
			if (next)
				frame_add(&places[next - 1], line + strlen(inlined));
			continue;
		}
		rest = strstr(line, ": ");
		if (strncmp(line, "0x", 2) || !rest || next == place_nr)
			break;
		frame_add(&places[next++], rest + 2);
	}
	unlink(list);
	return out && !pclose(out) && next == place_nr;
}

/* What the instruction at @offset calls, and so what the one at @next is behind. */
static void call_add(uint64_t offset, uint64_t next, const char *symbol)
{
	unsigned int p;

	for (p = 0; p < place_nr; p++) {
		if (place_offset(&places[p]) == offset)
			snprintf(places[p].calls, sizeof(places[p].calls), "%s", symbol);
		if (place_offset(&places[p]) == next)
			snprintf(places[p].behind, sizeof(places[p].behind), "%s", symbol);
	}
}

/* objdump(1): in a line behind an instruction stands what it calls. */
static bool calls_look(void)
{
	char line[1024], symbol[64] = "", *end, *from;
	uint64_t offset = 0, at;
	FILE *out;

	snprintf(line, sizeof(line), "objdump -d -r -j .text --no-show-raw-insn '%s' 2>/dev/null",
		 getenv("PERFRING_MODULE"));
	out = popen(line, "r");
	while (out && fgets(line, sizeof(line), out)) {
		at = strtoull(line, &end, 16);
		if (line[0] == ' ' && end[0] == ':' && end[1] == '\t') {
			if (symbol[0])
				call_add(offset, at, symbol);
			offset = at;
			symbol[0] = '\0';
		}
		from = strstr(line, ": R_");
		from = from ? strchr(from, '\t') : NULL;
		if (from)
			snprintf(symbol, sizeof(symbol), "%.*s", (int)strcspn(from + 1, "-+\n"),
				 from + 1);
	}
	return out && !pclose(out);
}

bool unreached_look(void)
{
	unsigned int b;

	places = calloc(boundary_nr, sizeof(*places));
	for (b = 0; places && b < boundary_nr; b++)
		if (!boundaries[b].fired && !boundaries[b].error &&
		    boundaries[b].function->addr - text_addr < text_len)
			places[place_nr++].boundary = &boundaries[b];
	return places && frames_look() && calls_look();
}

static bool is(const struct place *place, const struct unreached *one)
{
	unsigned int i;

	if (one->function && strcmp(one->function, place->boundary->function->name))
		return false;
	if (one->behind)
		return !strcmp(one->behind, place->behind);
	if (one->calls)
		return !strcmp(one->calls, place->calls);
	for (i = 0; i < place->frames; i++)
		if ((!one->within || !strcmp(one->within, place->within[i])) &&
		    (!one->text || strstr(place->text[i], one->text)))
			return true;
	return false;
}

const char *unreached_why(const struct boundary *boundary)
{
	unsigned int p, i, f = boundary->function - functions;

	for (p = 0; p < place_nr && places[p].boundary != boundary; p++)
		;
	if (p == place_nr)
		return NULL;
	for (i = 0; i < ARRAY_LEN(unreached); i++)
		if (is(&places[p], &unreached[i]) && used[i][f]++ < unreached[i].most)
			return unreached[i].why;
	for (i = 0; i < places[p].frames; i++)
		printf("#     %s: %s\n", places[p].within[i], places[p].text[i]);
	if (places[p].calls[0] || places[p].behind[0])
		printf("#     with %s, behind %s\n", places[p].calls, places[p].behind);
	return NULL;
}
