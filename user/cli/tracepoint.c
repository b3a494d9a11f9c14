// SPDX-License-Identifier: MIT
/* Reading events/SYSTEM/NAME/format and id of tracefs. */
#include "tracepoint.h"

#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *tracepoint_root(void)
{
	static const char *const roots[] = {
		"/sys/kernel/tracing/events",
		"/sys/kernel/debug/tracing/events",
	};

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (!access(roots[i], X_OK))
			return roots[i];
	return NULL;
}

/* A decimal number after @key in @line. */
static bool tracepoint_key(const char *line, const char *key, uint32_t *out)
{
	const char *at = strstr(line, key);
	char *end;

	if (!at)
		return false;
	*out = (uint32_t)strtoul(at + strlen(key), &end, 10);
	return end != at + strlen(key);
}

/* "field:char prev_comm[16];	offset:8;	size:16;	signed:0;" */
static int tracepoint_line(struct tracepoint *tracepoint, const char *line)
{
	struct tracepoint_field field = { .form = TRACEPOINT_NUMBER }, *more;
	const char *text = strstr(line, "field:"), *end, *name;
	uint32_t is_signed = 0;
	size_t len;

	if (!text)
		return 0;
	text += strlen("field:");
	end = strchr(text, ';');
	if (!end || !tracepoint_key(end, "offset:", &field.offset) ||
	    !tracepoint_key(end, "size:", &field.size))
		return -EINVAL;
	tracepoint_key(end, "signed:", &is_signed);
	field.is_signed = is_signed != 0;

	len = (size_t)(end - text);
	name = memchr(text, '[', len);
	/* "__data_loc char[] name" has its brackets before the name. */
	if (name && name > text && !strncmp(text, "__data_loc", 10)) {
		field.form = TRACEPOINT_DATA_LOC;
	} else if (name) {
		field.form = strstr(text, "char ") && strstr(text, "char ") < name ?
			     TRACEPOINT_STRING : TRACEPOINT_ARRAY;
		end = name;
	}
	for (name = end; name > text && name[-1] != ' ' && name[-1] != '*'; name--)
		;
	len = (size_t)(end - name);
	if (len >= sizeof(field.name))
		return -EINVAL;
	memcpy(field.name, name, len);
	if (!strncmp(field.name, "common_", 7))
		return 0;
	if (field.form == TRACEPOINT_NUMBER && field.size != 1 && field.size != 2 &&
	    field.size != 4 && field.size != 8)
		field.form = TRACEPOINT_ARRAY;

	more = realloc(tracepoint->field, (tracepoint->nr + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	tracepoint->field = more;
	more[tracepoint->nr++] = field;
	return 0;
}

/* @dir is SYSTEM/NAME */
static int tracepoint_format(const char *root, const char *dir, struct tracepoint *tracepoint,
			     uint64_t *id)
{
	char path[512], text[16384], *save = NULL, *line;
	int err;

	snprintf(path, sizeof(path), "%s/%s/id", root, dir);
	err = cli_read_u64(path, id);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/%s/format", root, dir);
	err = cli_read_text(path, text, sizeof(text));
	if (err)
		return err;
	for (line = strtok_r(text, "\n", &save); line && !err; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, "\tfield:", 7))
			err = tracepoint_line(tracepoint, line);
	if (err)
		tracepoint_free(tracepoint);
	return err;
}

void tracepoint_no_tracefs(const char *what)
{
	if (geteuid() != 0)
		cli_error("%s: tracefs cannot be read; be root", what);
	else
		cli_error("%s: tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing",
			  what);
}

int tracepoint_read(const char *name, struct tracepoint *tracepoint, uint64_t *id)
{
	const char *root = tracepoint_root();
	char dir[128], *colon;
	int err;

	*id = 0;
	memset(tracepoint, 0, sizeof(*tracepoint));
	if (!root) {
		tracepoint_no_tracefs(name);
		return CLI_FAIL;
	}
	if (strlen(name) >= sizeof(dir) || strchr(name, '/')) {
		cli_error("'%s' is not SYSTEM:NAME of a tracepoint", name);
		return CLI_USAGE;
	}
	snprintf(dir, sizeof(dir), "%s", name);
	snprintf(tracepoint->name, sizeof(tracepoint->name), "%s", name);
	colon = strchr(dir, ':');
	if (colon)
		*colon = '/';
	err = tracepoint_format(root, dir, tracepoint, id);
	if (!err)
		return CLI_OK;
	if (err == -ENOENT || err == -EISDIR || err == -ENOTDIR)
		cli_error("%s: there is no such tracepoint in %s", name, root);
	else
		cli_error("%s/%s: %s", root, dir, strerror(-err));
	return CLI_FAIL;
}

/* The NAME in the folder of one SYSTEM whose id is @id. */
static int tracepoint_search(const char *root, const char *system, uint64_t id,
			     struct tracepoint *tracepoint)
{
	char path[512];
	struct dirent *entry;
	uint64_t found;
	int err = -ENOENT;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", root, system);
	dir = opendir(path);
	if (!dir)
		return err;
	while (err == -ENOENT && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s/%.128s/id", root, system, entry->d_name);
		if (entry->d_name[0] == '.' || cli_read_u64(path, &found) || found != id)
			continue;
		snprintf(path, sizeof(path), "%s/%.128s", system, entry->d_name);
		err = tracepoint_format(root, path, tracepoint, &found);
		snprintf(tracepoint->name, sizeof(tracepoint->name), "%.60s:%.60s", system,
			 entry->d_name);
	}
	closedir(dir);
	return err;
}

int tracepoint_find(uint64_t id, struct tracepoint *tracepoint, uint64_t *found)
{
	const char *root = tracepoint_root();
	struct dirent *entry;
	int err = -ENOENT;
	DIR *dir;

	memset(tracepoint, 0, sizeof(*tracepoint));
	dir = root ? opendir(root) : NULL;
	if (!dir)
		return err;
	while (err == -ENOENT && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < 128)
			err = tracepoint_search(root, entry->d_name, id, tracepoint);
	closedir(dir);
	*found = id;
	return err;
}

void tracepoint_free(struct tracepoint *tracepoint)
{
	free(tracepoint->field);
	tracepoint->field = NULL;
	tracepoint->nr = 0;
}

const struct tracepoint_field *tracepoint_field(const struct tracepoint *tracepoint,
						const char *name)
{
	for (size_t i = 0; i < tracepoint->nr; i++)
		if (!strcmp(tracepoint->field[i].name, name))
			return &tracepoint->field[i];
	return NULL;
}

bool tracepoint_number(const struct tracepoint_field *field, const void *raw, uint32_t size,
		       int64_t *out)
{
	const unsigned char *at = (const unsigned char *)raw + field->offset;
	uint64_t value = 0;
	unsigned int shift = 64 - 8 * field->size;

	if (field->size < 1 || field->size > 8 || field->offset > size ||
	    field->size > size - field->offset)
		return false;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(&value, at, field->size);
	value <<= shift;
#else
	memcpy(&value, at, field->size);
#endif
	*out = field->is_signed ? (int64_t)value >> shift : (int64_t)(value >> shift);
	return true;
}

bool tracepoint_bytes(const struct tracepoint_field *field, const void *raw, uint32_t size,
		      const unsigned char **bytes, uint32_t *len)
{
	uint32_t offset = field->offset, length = field->size, where;

	if (offset > size || length > size - offset)
		return false;
	if (field->form == TRACEPOINT_DATA_LOC) {
		if (length != sizeof(where))
			return false;
		memcpy(&where, (const unsigned char *)raw + offset, sizeof(where));
		offset = where & 0xffff;
		length = where >> 16;
		if (offset > size || length > size - offset)
			return false;
	}
	*bytes = (const unsigned char *)raw + offset;
	*len = length;
	return true;
}
