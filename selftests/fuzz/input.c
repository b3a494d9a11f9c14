// SPDX-License-Identifier: GPL-2.0
/* What the targets share: inputs, and what is done with bytes. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

const char *fuzz_input_name = "input";

void fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s: not so: %s\n", file, line, fuzz_input_name, what);
	abort();
}

size_t fuzz_bytes(struct fuzz_input *input, void *to, size_t len)
{
	if (len > input->left)
		len = input->left;
	if (len)
		memcpy(to, input->at, len);
	input->at += len;
	input->left -= len;
	return len;
}

uint8_t fuzz_u8(struct fuzz_input *input)
{
	uint8_t value = 0;

	fuzz_bytes(input, &value, sizeof(value));
	return value;
}

uint16_t fuzz_u16(struct fuzz_input *input)
{
	uint16_t value = 0;

	fuzz_bytes(input, &value, sizeof(value));
	return value;
}

uint32_t fuzz_u32(struct fuzz_input *input)
{
	uint32_t value = 0;

	fuzz_bytes(input, &value, sizeof(value));
	return value;
}

uint64_t fuzz_u64(struct fuzz_input *input)
{
	uint64_t value = 0;

	fuzz_bytes(input, &value, sizeof(value));
	return value;
}

uint64_t fuzz_position(struct fuzz_input *input)
{
	static const uint64_t around[] = { 0, 1ULL << 32, 0 - 65536ULL, 0 };
	uint16_t word = fuzz_u16(input);

	if (word >> 14 == 3)
		return fuzz_u64(input);
	/* One in 256 between words. */
	return around[word >> 14] + (word & 0x3fff) * 8ULL - 8192 + ((word & 0xff) == 0xff);
}

void fuzz_touch(const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	unsigned char sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += at[i];
	/* Whoever compiles this must think that it matters. */
	__asm__ volatile("" : : "r"(sum));
}

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* One line, its end already cut. */
static int each_line(const char *text, unsigned int nr,
		     int (*fn)(void *context, unsigned int line, const uint8_t *bytes,
			       size_t len),
		     void *context)
{
	size_t len = strlen(text) / 2;
	uint8_t *bytes;
	int ret;

	if (strspn(text, "0123456789abcdefABCDEF") != strlen(text) || strlen(text) % 2)
		return -EBADMSG;
	/* Of exactly this size, so that the address sanitizer sees what lies beyond. */
	bytes = malloc(len ? len : 1);
	if (!bytes)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	ret = fn(context, nr, bytes, len);
	free(bytes);
	return ret;
}

int fuzz_each(const char *path, int (*fn)(void *context, unsigned int line,
					  const uint8_t *bytes, size_t len),
	      void *context)
{
	FILE *file = fopen(path, "r");
	unsigned int nr = 0;
	char *line = NULL;
	size_t room = 0;
	int ret = 0, count = 0;

	if (!file)
		return -errno;
	while (!ret && getline(&line, &room, file) > 0) {
		nr++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		ret = each_line(line, nr, fn, context);
		count++;
	}
	free(line);
	fclose(file);
	return ret ? ret : count;
}
