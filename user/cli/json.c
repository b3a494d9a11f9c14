// SPDX-License-Identifier: MIT
/* Named values in two notations. */
#include "json.h"

#include "cli.h"

#include <inttypes.h>

#define JSON_TEXT_HEX	32	/* bytes in text */

void json_begin(struct json *json)
{
	json->comma = false;
	if (json->on)
		putchar('{');
}

void json_end(struct json *json)
{
	fputs(json->on ? "}\n" : "\n", stdout);
}

static void json_name(struct json *json, const char *name)
{
	if (json->on)
		printf("%s\"%s\":", json->comma ? "," : "", name);
	else
		printf(" %s=", name);
	json->comma = true;
}

void json_open(struct json *json, const char *name)
{
	if (!json->on)
		return;
	json_name(json, name);
	putchar('{');
	json->comma = false;
}

void json_close(struct json *json)
{
	if (!json->on)
		return;
	putchar('}');
	json->comma = true;
}

void json_unsigned(struct json *json, const char *name, uint64_t value)
{
	json_name(json, name);
	printf("%" PRIu64, value);
}

void json_signed(struct json *json, const char *name, int64_t value)
{
	json_name(json, name);
	printf("%" PRId64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	json_name(json, name);
	fputs(value ? "true" : "false", stdout);
}

/* Every byte is a character of its own, so that any bytes are valid JSON. */
static void json_escaped(const unsigned char *text, size_t len)
{
	putchar('"');
	for (size_t i = 0; i < len && text[i]; i++) {
		if (text[i] == '"' || text[i] == '\\')
			printf("\\%c", text[i]);
		else if (text[i] < ' ' || text[i] >= 0x7f)
			printf("\\u%04x", text[i]);
		else
			putchar(text[i]);
	}
	putchar('"');
}

void json_string(struct json *json, const char *name, const void *text, size_t len)
{
	const unsigned char *bytes = text;
	char piece[256];
	size_t take;

	json_name(json, name);
	if (json->on) {
		json_escaped(bytes, len);
		return;
	}
	while (len && *bytes) {
		take = len < 60 ? len : 60;
		fputs(cli_escape(piece, sizeof(piece), bytes, take), stdout);
		for (; take && *bytes; take--, len--)
			bytes++;
	}
}

void json_hex(struct json *json, const char *name, const void *bytes, size_t len)
{
	const unsigned char *byte = bytes;
	size_t shown = json->on || len <= JSON_TEXT_HEX ? len : JSON_TEXT_HEX;

	json_name(json, name);
	if (json->on)
		putchar('"');
	for (size_t i = 0; i < shown; i++)
		printf("%02x", byte[i]);
	if (json->on)
		putchar('"');
	else if (shown < len)
		printf("... (%zu bytes)", len);
}
