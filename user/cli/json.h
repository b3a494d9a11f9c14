/* SPDX-License-Identifier: MIT */
/* Named values on stdout: as JSON, one object a line, or as " name=value". */
#ifndef PERFRING_CLI_JSON_H
#define PERFRING_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	bool on;	/* JSON, otherwise text */
	bool comma;	/* JSON: a value stands before */
};

void json_begin(struct json *json);
void json_end(struct json *json);	/* with a newline, also in text */

/* An object as a value; text ignores both. */
void json_open(struct json *json, const char *name);
void json_close(struct json *json);

void json_unsigned(struct json *json, const char *name, uint64_t value);
void json_signed(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);

/* Bytes up to @len or the first NUL, what does not print escaped. */
void json_string(struct json *json, const char *name, const void *text, size_t len);

/* All bytes in hexadecimal; text gives the first ones only. */
void json_hex(struct json *json, const char *name, const void *bytes, size_t len);

#endif /* PERFRING_CLI_JSON_H */
