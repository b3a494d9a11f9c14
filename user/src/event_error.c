// SPDX-License-Identifier: MIT
/* What is wrong with a text: the place, the reason, the nearest names. */
#include "event.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

int perfring_event_fail(struct event_parser *parser, int code, struct event_word word,
			const char *hint, const char *reason, ...)
{
	struct perfring_event_error *error = parser->error;
	va_list args;

	memset(error, 0, sizeof(*error));
	error->code = code;
	error->position = (uint32_t)(word.at - parser->text);
	error->length = (uint32_t)word.len;
	snprintf(error->token, sizeof(error->token), "%.*s", (int)word.len, word.at);
	snprintf(error->hint, sizeof(error->hint), "%s", hint ? hint : "");
	va_start(args, reason);
	vsnprintf(error->reason, sizeof(error->reason), reason, args);
	va_end(args);
	return code;
}

/* Letters to insert, remove or replace, whatever their case. */
static unsigned int distance(struct event_word a, const char *b, size_t len)
{
	unsigned int row[EVENT_NAME_MAX + 1], corner, above, best;

	for (unsigned int j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; i < a.len; i++) {
		corner = row[0]++;
		for (size_t j = 0; j < len; j++) {
			above = row[j + 1];
			best = corner + (tolower((unsigned char)a.at[i]) !=
					 tolower((unsigned char)b[j]));
			if (above + 1 < best)
				best = above + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			row[j + 1] = best;
			corner = above;
		}
	}
	return row[len];
}

void perfring_event_nearest(struct event_nearest *nearest, const char *name)
{
	size_t len = strlen(name), most = nearest->word.len / 3 + 1;
	unsigned int cost, at;

	if (!len || len >= EVENT_NAME_MAX || nearest->word.len >= EVENT_NAME_MAX ||
	    len > nearest->word.len + most || nearest->word.len > len + most)
		return;
	cost = distance(nearest->word, name, len);
	if (cost > most)
		return;
	for (at = 0; at < nearest->nr; at++)
		if (!strcmp(nearest->name[at], name))
			return;
	for (at = nearest->nr; at && nearest->cost[at - 1] > cost; at--)
		;
	if (at == EVENT_NEAREST)
		return;
	if (nearest->nr < EVENT_NEAREST)
		nearest->nr++;
	for (unsigned int i = nearest->nr - 1; i > at; i--) {
		nearest->cost[i] = nearest->cost[i - 1];
		memcpy(nearest->name[i], nearest->name[i - 1], EVENT_NAME_MAX);
	}
	nearest->cost[at] = cost;
	memcpy(nearest->name[at], name, len + 1);
}

const char *perfring_event_nearest_text(const struct event_nearest *nearest, char *buffer,
					size_t len)
{
	size_t used = 0;

	if (len)
		buffer[0] = '\0';
	for (unsigned int i = 0; i < nearest->nr && used < len; i++)
		used += (size_t)snprintf(buffer + used, len - used, "%s%s",
					 i ? ", " : "did you mean ", nearest->name[i]);
	if (used && used < len)
		snprintf(buffer + used, len - used, "?");
	return buffer;
}

int perfring_event_error_format(const struct perfring_event_error *error, const char *text,
				char *buffer, size_t len)
{
	int marks = error->length ? (int)error->length : 1;
	char mark[64];

	if (!error->code)
		return snprintf(buffer, len, "%s", "");
	if (marks > (int)sizeof(mark) - 1)
		marks = (int)sizeof(mark) - 1;
	memset(mark, '^', (size_t)marks);
	mark[marks] = '\0';
	return snprintf(buffer, len, "%s\n%*s%s\n%s%s%s\n", text, (int)error->position, "", mark,
			error->reason, error->hint[0] ? "; " : "", error->hint);
}
