// SPDX-License-Identifier: MIT
/* Bytes that grow, for what is put together before it is written. */
#include "data.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOB_STRING_ALIGN	64
#define BLOB_READ		4096

static unsigned char *blob_room(struct data_blob *blob, size_t len)
{
	size_t room = blob->room ? blob->room : 1024;
	unsigned char *bytes;

	if (blob->failed)
		return NULL;
	while (room - blob->used < len && room <= SIZE_MAX / 4)
		room *= 2;
	if (room - blob->used < len) {
		blob->failed = true;
		return NULL;
	}
	if (room != blob->room) {
		bytes = realloc(blob->bytes, room);
		if (!bytes) {
			blob->failed = true;
			return NULL;
		}
		blob->bytes = bytes;
		blob->room = room;
	}
	return blob->bytes + blob->used;
}

void perfring_blob_put(struct data_blob *blob, const void *bytes, size_t len)
{
	unsigned char *at = blob_room(blob, len);

	if (at && len) {
		memcpy(at, bytes, len);
		blob->used += len;
	}
}

void perfring_blob_u32(struct data_blob *blob, uint32_t word)
{
	perfring_blob_put(blob, &word, sizeof(word));
}

void perfring_blob_u64(struct data_blob *blob, uint64_t word)
{
	perfring_blob_put(blob, &word, sizeof(word));
}

void perfring_blob_string(struct data_blob *blob, const char *text)
{
	static const char zero[BLOB_STRING_ALIGN];
	size_t len = strlen(text) + 1;
	size_t pad = -len & (BLOB_STRING_ALIGN - 1);

	perfring_blob_u32(blob, (uint32_t)(len + pad));
	perfring_blob_put(blob, text, len);
	perfring_blob_put(blob, zero, pad);
}

bool perfring_blob_file(struct data_blob *blob, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t before = blob->used;
	unsigned char *at;
	ssize_t got = 1;

	if (fd < 0)
		return false;
	while (got > 0) {
		at = blob_room(blob, BLOB_READ);
		got = at ? read(fd, at, BLOB_READ) : 0;
		if (got > 0)
			blob->used += (size_t)got;
	}
	close(fd);
	if (got < 0)
		blob->used = before;
	return !got;
}

void perfring_blob_free(struct data_blob *blob)
{
	free(blob->bytes);
	memset(blob, 0, sizeof(*blob));
}
