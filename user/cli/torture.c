// SPDX-License-Identifier: MIT
/* torture: which scenarios does somebody's reader fail, and why? */
#include "torture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct torturing {
	const struct torture_backend *backends[2];
	size_t nr_backends;
	char *const *command;
	uint64_t timeout;
	struct cli_list names;		/* --scenario; none: all */
	const char *backend;
	bool ktap;
	bool list;
	unsigned int nr;
	unsigned int failed;
	unsigned int skipped;
};

static const struct torture_scenario *torture_at(size_t i)
{
	if (i < torture_scenarios_nr)
		return &torture_scenarios[i];
	i -= torture_scenarios_nr;
	return i < torture_hostile_nr ? &torture_hostile[i] : NULL;
}

static bool torture_wanted(const struct torturing *all, const char *name)
{
	for (size_t i = 0; i < all->names.nr; i++)
		if (!strcmp(name, all->names.text[i]))
			return true;
	return !all->names.nr;
}

static void torture_list(const struct torturing *all)
{
	const struct torture_scenario *scenario;

	for (size_t i = 0; (scenario = torture_at(i)); i++)
		if (torture_wanted(all, scenario->name))
			printf("%-14s %s\n", scenario->name, scenario->about);
}

static void torture_tell(struct torturing *all, const struct torture_scenario *scenario,
			 const struct torture *t, bool passed)
{
	const char *before = all->ktap ? "#" : "   ", *skip = "";
	char name[40];

	snprintf(name, sizeof(name), "%s.%s", t->ring.backend->name, scenario->name);
	all->nr++;
	if (!passed && t->skipped) {
		skip = all->ktap ? " # SKIP " : ": ";
		all->skipped++;
	}
	if (all->ktap)
		printf("%s %u %s%s%s\n", passed || *skip ? "ok" : "not ok", all->nr, name, skip,
		       *skip ? t->why : "");
	else
		printf("%-22s %s%s%s\n", name, passed ? "ok" : *skip ? "skipped" : "FAILS", skip,
		       *skip ? t->why : "");
	if (!passed && !*skip) {
		all->failed++;
		printf("%s what happens: %s\n", before, scenario->about);
		printf("%s what is wrong: %s\n", before, t->why);
		printf("%s mostly: %s\n", before, scenario->hint);
	}
	fflush(stdout);
}

/* False when there is no use in going on. */
static bool torture_one(struct torturing *all, const struct torture_backend *backend,
			const struct torture_scenario *scenario)
{
	struct torture t;
	bool passed, runs;

	memset(&t, 0, sizeof(t));
	t.ring.backend = backend;
	t.ring.map_fd = -1;
	t.ring.wait_fd = -1;
	t.out = -1;
	t.command = all->command;
	t.timeout = all->timeout;
	passed = scenario->run(&t);
	runs = t.command;
	torture_close(&t);
	if (!runs)
		cli_error("torture: '%s': %s", all->command[0], t.why);
	else
		torture_tell(all, scenario, &t, passed);
	return runs && !cli_stop;
}

static int torture_all(struct torturing *all)
{
	const struct torture_scenario *scenario;
	unsigned int plan = 0;

	for (size_t i = 0; (scenario = torture_at(i)); i++)
		plan += torture_wanted(all, scenario->name) * (unsigned int)all->nr_backends;
	if (all->ktap)
		printf("TAP version 13\n1..%u\n", plan);
	for (size_t b = 0; b < all->nr_backends; b++)
		for (size_t i = 0; (scenario = torture_at(i)); i++)
			if (torture_wanted(all, scenario->name) &&
			    !torture_one(all, all->backends[b], scenario))
				return CLI_FAIL;
	printf("%s%s: %u passed, %u failed, %u skipped\n", all->ktap ? "# " : "",
	       all->command[0], all->nr - all->failed - all->skipped, all->failed, all->skipped);
	return all->failed ? CLI_FAIL : CLI_OK;
}

/* The device only if asked for, or if it is there. */
static int torture_backend(struct torturing *all)
{
	all->backends[0] = &torture_memory;
	all->backends[1] = &torture_device;
	all->nr_backends = 1;
	if (!all->backend)
		all->nr_backends = access("/dev/perfring0", R_OK | W_OK) ? 1 : 2;
	else if (!strcmp(all->backend, "device"))
		all->backends[0] = &torture_device;
	else if (strcmp(all->backend, "memory") != 0)
		return cli_usage(&cli_torture, "--backend: '%s' is not memory or device",
				 all->backend);
	return CLI_OK;
}

static int torture_names(const struct torturing *all)
{
	const struct torture_scenario *scenario;

	for (size_t j = 0; j < all->names.nr; j++) {
		for (size_t i = 0; (scenario = torture_at(i)); i++)
			if (!strcmp(all->names.text[j], scenario->name))
				break;
		if (!scenario)
			return cli_usage(&cli_torture,
					 "--scenario: '%s' is none; there are those of --list",
					 all->names.text[j]);
	}
	return CLI_OK;
}

static const struct cli_option torture_table[] = {
	{ "--list", NULL, "print the scenarios and end", CLI_FLAG,
	  offsetof(struct torturing, list), 0 },
	{ "--scenario", "NAME", "this one, and others; not all", CLI_LIST,
	  offsetof(struct torturing, names), 0 },
	{ "--backend", "RING", "memory or device, not both", CLI_TEXT,
	  offsetof(struct torturing, backend), 0 },
	{ "-t", "SECONDS", "time for each step (10)", CLI_SECONDS,
	  offsetof(struct torturing, timeout), 0 },
	{ "--ktap", NULL, "print KTAP", CLI_FLAG, offsetof(struct torturing, ktap), 0 },
	{ .name = NULL },
};

static int torture_command(int argc, char **argv)
{
	struct torturing all = { .timeout = 10 * CLI_NS };
	struct cli_words words;
	int status = cli_options(&cli_torture, argc, argv, &all, &words);

	if (!status)
		status = torture_names(&all);
	if (!status)
		status = torture_backend(&all);
	if (status)
		return status;
	if (all.list) {
		torture_list(&all);
		return CLI_OK;
	}
	if (!words.nr)
		return cli_usage(&cli_torture, "it wants the COMMAND that runs a reader");
	all.command = words.word;
	if (all.backends[0] == &torture_device && !cli_module_loaded())
		return cli_module_missing();
	cli_catch_signals();
	signal(SIGPIPE, SIG_IGN);
	return torture_all(&all);
}

const struct cli_command cli_torture = {
	.name = "torture",
	.usage =
"[--list] [--scenario NAME]... [--backend RING] [-t SECONDS] [--ktap] [--] COMMAND [ARG]...",
	.about = "which scenarios somebody's reader fails, and why; see perfring-torture(1)\n",
	.option = torture_table, .most = CLI_WORDS_ANY, .stops = true, .run = torture_command,
};
