/* SPDX-License-Identifier: MIT */
/* What tracefs says about a tracepoint. */
#ifndef PERFRING_CLI_TRACEPOINT_H
#define PERFRING_CLI_TRACEPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tracepoint_form {
	TRACEPOINT_NUMBER,	/* of size 1, 2, 4 or 8 */
	TRACEPOINT_STRING,	/* char array */
	TRACEPOINT_DATA_LOC,	/* u32: offset and length << 16 of a string elsewhere */
	TRACEPOINT_ARRAY,	/* any other bytes */
};

struct tracepoint_field {
	char name[48];
	enum tracepoint_form form;
	uint32_t offset;	/* in the RAW data */
	uint32_t size;
	bool is_signed;
};

struct tracepoint {
	char name[128];		/* SYSTEM:NAME */
	struct tracepoint_field *field;
	size_t nr;		/* without the common ones */
};

/* Say why there is no tracefs, for @what. */
void tracepoint_no_tracefs(const char *what);

/*
 * The format and the id of "SYSTEM:NAME".  Returns an exit status and says why not;
 * tracepoint_free() it.
 */
int tracepoint_read(const char *name, struct tracepoint *tracepoint, uint64_t *id);

/* The same by id: 0 or a negative errno, silent. */
int tracepoint_find(uint64_t id, struct tracepoint *tracepoint, uint64_t *found);
void tracepoint_free(struct tracepoint *tracepoint);

/* NULL: no such field */
const struct tracepoint_field *tracepoint_field(const struct tracepoint *tracepoint,
						const char *name);

/* A number in RAW data of @size bytes; false when it does not fit there. */
bool tracepoint_number(const struct tracepoint_field *field, const void *raw, uint32_t size,
		       int64_t *out);

/* The bytes of any field; false when they do not fit. */
bool tracepoint_bytes(const struct tracepoint_field *field, const void *raw, uint32_t size,
		      const unsigned char **bytes, uint32_t *len);

#endif /* PERFRING_CLI_TRACEPOINT_H */
