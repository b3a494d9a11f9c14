/* SPDX-License-Identifier: MIT */
/*
 * What a command takes, in one table: it is what the command line is read by, and what
 * --help prints.
 */
#ifndef PERFRING_CLI_OPTIONS_H
#define PERFRING_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_form {
	CLI_FLAG,	/* bool, no value */
	CLI_NUMBER,	/* uint64_t from 1 to .most */
	CLI_SECONDS,	/* uint64_t of ns, from seconds with a fraction */
	CLI_PAGES,	/* size_t, a power of two */
	CLI_TEXT,	/* const char *, not empty */
	CLI_LIST,	/* struct cli_list, again and again */
};

#define CLI_LIST_ROOM	64

struct cli_list {
	const char *text[CLI_LIST_ROOM];
	size_t nr;
};

struct cli_option {
	const char *name;	/* "-n", "--pages" */
	const char *value;	/* "COUNT"; NULL for a flag */
	const char *about;
	enum cli_form form;
	size_t at;		/* offset of what it sets in the command's own structure */
	uint64_t most;
};

struct cli_command {
	const char *name;
	const char *usage;	/* what follows the name */
	const char *about;	/* lines */
	const struct cli_option *option;	/* up to one without a name; NULL: none */
	unsigned int least;	/* words that are no options */
	unsigned int most;
	bool stops;		/* the first word ends the options: a command's own follow */
	bool sources;		/* takes a SOURCE: --help explains it */
	int (*run)(int argc, char **argv);
};

#define CLI_WORDS_ANY		UINT32_MAX

struct cli_words {
	char **word;
	size_t nr;
};

/*
 * Read @argv after its first word: options into @base, the other words, which lie in
 * @argv afterwards, into @words.
 */
int cli_options(const struct cli_command *command, int argc, char **argv, void *base,
		struct cli_words *words);

/* A message and how @command is used; returns CLI_USAGE. */
int cli_usage(const struct cli_command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* PERFRING_CLI_OPTIONS_H */
