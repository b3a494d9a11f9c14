// SPDX-License-Identifier: MIT
/* list: the events of this machine. */
#include "cli.h"
#include "json.h"
#include "tracepoint.h"

#include <errno.h>
#include <fnmatch.h>
#include <perfring/perfring.h>
#include <string.h>

struct listing {
	const char *pattern;	/* NULL: all */
	struct json json;
	bool all;		/* also what this machine does not have */
	uint32_t kind;		/* of the one before */
	uint64_t nr;
};

static const struct {
	const char *name;
	uint32_t kind;
	const char *title;
} list_kinds[] = {
	{ "hw", PERFRING_LIST_HARDWARE, "hardware" },
	{ "sw", PERFRING_LIST_SOFTWARE, "software" },
	{ "cache", PERFRING_LIST_CACHE, "cache" },
	{ "pmu", PERFRING_LIST_PMU, "PMUs, as sysfs describes them" },
	{ "tracepoint", PERFRING_LIST_TRACEPOINT, "tracepoints" },
};

static const char *list_kind(uint32_t kind, bool title)
{
	for (size_t i = 0; i < ARRAY_SIZE(list_kinds); i++)
		if (list_kinds[i].kind == kind)
			return title ? list_kinds[i].title : list_kinds[i].name;
	return "?";
}

static bool list_wanted(const struct listing *list, const struct perfring_event_item *item)
{
	if (item->error && !list->all)
		return false;
	return !list->pattern || !fnmatch(list->pattern, item->name, 0) ||
	       (item->alias && !fnmatch(list->pattern, item->alias, 0));
}

static void list_json(struct listing *list, const struct perfring_event_item *item)
{
	struct json *json = &list->json;

	json_begin(json);
	json_string(json, "name", item->name, strlen(item->name));
	json_string(json, "kind", list_kind(item->kind, false),
		    strlen(list_kind(item->kind, false)));
	if (item->alias)
		json_string(json, "alias", item->alias, strlen(item->alias));
	if (item->about)
		json_string(json, "about", item->about, strlen(item->about));
	json_bool(json, "available", !item->error);
	json_end(json);
}

static int list_print(void *context, const struct perfring_event_item *item)
{
	struct listing *list = context;
	char about[2048];

	if (!list_wanted(list, item))
		return 0;
	list->nr++;
	if (list->json.on) {
		list_json(list, item);
		return 0;
	}
	if (list->kind != item->kind)
		printf("%s%s:\n", list->kind ? "\n" : "", list_kind(item->kind, true));
	list->kind = item->kind;
	/* Names are the kernel's; what a driver says about them is not always for a terminal. */
	if (item->alias || item->about || item->error)
		printf("  %-40s", item->name);
	else
		printf("  %s", item->name);
	if (item->alias)
		printf(" or %s", item->alias);
	if (item->about)
		printf(" %s", cli_escape(about, sizeof(about), item->about, strlen(item->about)));
	if (item->error)
		printf(" (%s)", item->error == -ENOENT ? "not on this machine" :
		       perfring_strerror(item->error));
	putchar('\n');
	return 0;
}

static const struct cli_option list_table[] = {
	{ "--all", NULL, "those, too, that this machine lacks, and why", CLI_FLAG,
	  offsetof(struct listing, all), 0 },
	{ "--json", NULL, "an object on each line", CLI_FLAG, offsetof(struct listing, json.on),
	  0 },
	{ .name = NULL },
};

static int list_command(int argc, char **argv)
{
	struct listing list = { .pattern = NULL };
	struct cli_words words;
	unsigned int kinds = 0;
	int err, status;

	status = cli_options(&cli_list, argc, argv, &list, &words);
	if (status)
		return status;
	for (size_t i = 0; i < words.nr; i++) {
		unsigned int kind = 0;

		for (size_t j = 0; j < ARRAY_SIZE(list_kinds); j++)
			if (!strcmp(words.word[i], list_kinds[j].name))
				kind = list_kinds[j].kind;
		kinds |= kind;
		if (!kind && list.pattern)
			return cli_usage(&cli_list, "'%s' is one PATTERN too many, after '%s'",
					 words.word[i], list.pattern);
		if (!kind)
			list.pattern = words.word[i];
	}
	err = perfring_event_list(NULL, kinds, list_print, &list);
	if (kinds == PERFRING_LIST_TRACEPOINT && (err == -ENOENT || err == -EACCES)) {
		tracepoint_no_tracefs("list");
		return CLI_FAIL;
	}
	if (err) {
		cli_error("list: %s", perfring_strerror(err));
		return CLI_FAIL;
	}
	if (!list.nr) {
		cli_error("list: no event here is called '%s'%s",
			  list.pattern ? list.pattern : "*", list.all ? "" :
			  "; --all shows those, too, that this machine does not have");
		return CLI_FAIL;
	}
	return CLI_OK;
}

const struct cli_command cli_list = {
	.name = "list",
	.usage = "[hw|sw|cache|pmu|tracepoint]... [PATTERN] [--all] [--json]",
	.about = "events of this machine; a PATTERN is as page* or sched:*\n",
	.option = list_table, .most = CLI_WORDS_ANY, .run = list_command,
};
