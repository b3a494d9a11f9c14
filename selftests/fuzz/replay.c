// SPDX-License-Identifier: GPL-2.0
/*
 * Without a fuzzer:
 *
 *	replay TARGET run FILE...	what the fuzzer does with these files
 *	replay TARGET seed DIR		files to begin with
 *	replay TARGET unpack FILE DIR	a file of corpus/ or crashes/, each line a file
 *	replay TARGET pack DIR		the other way, to standard output
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "replay.h"

#define LONGEST	(1 << 16)

static size_t load(const char *path, uint8_t *bytes)
{
	FILE *file = fopen(path, "r");
	size_t len;

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	len = fread(bytes, 1, LONGEST, file);
	fclose(file);
	return len;
}

static int run_file(const struct fuzz_target *target, const char *path)
{
	static uint8_t bytes[LONGEST];
	size_t len = load(path, bytes);
	/* Of exactly this size. */
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, bytes, len);
	fuzz_input_name = path;
	target->run(copy, len);
	free(copy);
	printf("%s: %s: ok\n", target->name, path);
	return 0;
}

static int unpack_one(void *context, unsigned int line, const uint8_t *bytes, size_t len)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/line-%u", (const char *)context, line);
	file = fopen(path, "w");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file))
		return -EIO;
	return 0;
}

static int unpack(const char *path, char *dir)
{
	int ret = fuzz_each(path, unpack_one, dir);

	if (ret < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-ret));
	return ret < 0;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int pack(const char *dir)
{
	static uint8_t bytes[LONGEST];
	struct dirent **names;
	char path[512];
	int nr = scandir(dir, &names, not_hidden, alphasort);
	size_t len;

	if (nr < 0) {
		fprintf(stderr, "%s: %s\n", dir, strerror(errno));
		return 1;
	}
	for (int i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		len = load(path, bytes);
		for (size_t j = 0; j < len; j++)
			printf("%02x", bytes[j]);
		printf("\n");
		free(names[i]);
	}
	free(names);
	return 0;
}

int main(int argc, char **argv)
{
	const struct fuzz_target *target = NULL;
	int ret = 0;

	for (size_t i = 0; i < FUZZ_TARGETS; i++)
		if (argc > 3 && !strcmp(argv[1], fuzz_targets[i]->name))
			target = fuzz_targets[i];
	if (target && !strcmp(argv[2], "run")) {
		for (int i = 3; i < argc; i++)
			ret |= run_file(target, argv[i]);
		if (target->done)
			target->done();
		return ret;
	}
	if (target && !strcmp(argv[2], "seed")) {
		fuzz_seed(target, argv[3]);
		return 0;
	}
	if (target && !strcmp(argv[2], "unpack") && argc == 5)
		return unpack(argv[3], argv[4]);
	if (target && !strcmp(argv[2], "pack"))
		return pack(argv[3]);
	fprintf(stderr, "usage: replay TARGET run FILE... | seed DIR | unpack FILE DIR | pack DIR\n");
	return 2;
}
