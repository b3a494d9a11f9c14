// SPDX-License-Identifier: MIT
/* The command line of every command, read by its table. */
#include "cli.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <perfring/storage.h>

#define PAGES_MAX	(1U << 20)

int cli_usage(const struct cli_command *command, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "perfring: %s: ", command->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nusage: perfring %s%s%s\n", command->name, *command->usage ? " " : "",
		command->usage);
	return CLI_USAGE;
}

static int options_pages(const char *name, const char *text, size_t *pages)
{
	uint64_t value;
	int status = cli_number(name, text, 1, PAGES_MAX, &value);

	if (status)
		return status;
	if (value & (value - 1)) {
		cli_error("%s: %s is not a power of two; %zu is", name, text,
			  perfring_pages_for_bytes((size_t)value *
						   (size_t)sysconf(_SC_PAGESIZE)));
		return CLI_USAGE;
	}
	*pages = (size_t)value;
	return CLI_OK;
}

static int options_set(const struct cli_command *command, const struct cli_option *option,
		       const char *text, void *base)
{
	void *field = (char *)base + option->at;
	struct cli_list *list = field;

	switch (option->form) {
	case CLI_FLAG:
		*(bool *)field = true;
		return CLI_OK;
	case CLI_NUMBER:
		return cli_number(option->name, text, 1, option->most, field);
	case CLI_SECONDS:
		return cli_seconds(option->name, text, field);
	case CLI_PAGES:
		return options_pages(option->name, text, field);
	case CLI_TEXT:
		if (!*text)
			return cli_usage(command, "%s: '' is no %s", option->name, option->value);
		*(const char **)field = text;
		return CLI_OK;
	case CLI_LIST:
		if (list->nr == CLI_LIST_ROOM)
			return cli_usage(command, "%s %s: more than %d of them", option->name,
					 text, CLI_LIST_ROOM);
		list->text[list->nr++] = text;
		return CLI_OK;
	}
	return CLI_USAGE;
}

/* Which option is @word?  *@value: what follows a '=' in it, else NULL. */
static const struct cli_option *options_find(const struct cli_command *command, char *word,
					     const char **value)
{
	const char *equals = !strncmp(word, "--", 2) ? strchr(word, '=') : NULL;
	size_t len = equals ? (size_t)(equals - word) : strlen(word);

	*value = equals ? equals + 1 : NULL;
	for (const struct cli_option *option = command->option; option && option->name; option++)
		if (strlen(option->name) == len && !strncmp(option->name, word, len))
			return option;
	return NULL;
}

static int options_unknown(const struct cli_command *command, const char *word)
{
	char names[256] = "it has none";
	int used = 0;

	for (size_t i = 0; command->option && command->option[i].name; i++)
		used += snprintf(names + used, sizeof(names) - (size_t)used, "%s%s",
				 i ? ", " : "it has ", command->option[i].name);
	return cli_usage(command, "'%s' is not an option of it; %s", word, names);
}

/* One option, at argv[*@at]; afterwards *@at is its last word. */
static int options_one(const struct cli_command *command, int argc, char **argv, int *at,
		       void *base)
{
	const struct cli_option *option;
	char *word = argv[*at];
	const char *value;

	option = options_find(command, word, &value);
	if (!option)
		return options_unknown(command, word);
	if (option->form == CLI_FLAG && value)
		return cli_usage(command, "'%s': %s takes no value", word, option->name);
	if (option->form != CLI_FLAG && !value) {
		if (*at + 1 == argc)
			return cli_usage(command, "'%s' lacks its value, %s", word, option->value);
		value = argv[++*at];
	}
	return options_set(command, option, value, base);
}

int cli_options(const struct cli_command *command, int argc, char **argv, void *base,
		struct cli_words *words)
{
	bool ended = false;
	int status;

	words->word = argv + 1;
	words->nr = 0;
	for (int i = 1; i < argc; i++) {
		if (!ended && !strcmp(argv[i], "--")) {
			ended = true;
		} else if (!ended && argv[i][0] == '-' && argv[i][1]) {
			status = options_one(command, argc, argv, &i, base);
			if (status)
				return status;
			continue;
		} else if (!command->stops) {
			words->word[words->nr++] = argv[i];
		}
		if (!command->stops)
			continue;
		/* What follows is not for us to read, nor to move. */
		words->word = argv + i + !strcmp(argv[i], "--");
		words->nr = (size_t)(argv + argc - words->word);
		break;
	}
	if (words->nr > command->most)
		return cli_usage(command, "'%s' is one argument too many",
				 words->word[command->most]);
	if (words->nr < command->least)
		return cli_usage(command, "%u argument%s wanted, %zu given", command->least,
				 command->least == 1 ? "" : "s", words->nr);
	return CLI_OK;
}
