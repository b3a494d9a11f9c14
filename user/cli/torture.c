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
	const char *names[64];		/* --scenario; none: all */
	size_t nr_names;
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
	for (size_t i = 0; i < all->nr_names; i++)
		if (!strcmp(name, all->names[i]))
			return true;
	return !all->nr_names;
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
static int torture_backend_named(struct torturing *all, const char *name)
{
	if (!strcmp(name, "memory"))
		all->backends[0] = &torture_memory;
	else if (!strcmp(name, "device"))
		all->backends[0] = &torture_device;
	else
		return cli_usage("torture", "'%s' is not memory or device", name);
	all->nr_backends = 1;
	return CLI_OK;
}

static int torture_scenario_named(struct torturing *all, const char *name)
{
	const struct torture_scenario *scenario;

	for (size_t i = 0; (scenario = torture_at(i)); i++)
		if (!strcmp(name, scenario->name)) {
			if (all->nr_names == ARRAY_SIZE(all->names))
				return cli_usage("torture", "too many scenarios");
			all->names[all->nr_names++] = scenario->name;
			return CLI_OK;
		}
	return cli_usage("torture", "'%s' is no scenario; there are those of torture --list", name);
}

static int torture_parse(struct torturing *all, int argc, char **argv)
{
	int i, status = CLI_OK;

	for (i = 1; i < argc && argv[i][0] == '-' && !status; i++) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (!strcmp(argv[i], "--list"))
			all->list = true;
		else if (!strcmp(argv[i], "--ktap"))
			all->ktap = true;
		else if (i + 1 == argc)
			status = cli_usage("torture", "'%s': unknown, or its value is missing",
					   argv[i]);
		else if (!strcmp(argv[i], "--scenario"))
			status = torture_scenario_named(all, argv[++i]);
		else if (!strcmp(argv[i], "--backend"))
			status = torture_backend_named(all, argv[++i]);
		else if (!strcmp(argv[i], "-t"))
			status = cli_seconds("-t", argv[++i], &all->timeout);
		else
			status = cli_usage("torture", "'%s' is no option", argv[i]);
	}
	all->command = argv + i;
	if (!status && !all->list && i >= argc)
		status = cli_usage("torture", "it wants the command that runs a reader");
	return status;
}

int cli_torture(int argc, char **argv)
{
	struct torturing all = {
		.backends = { &torture_memory, &torture_device },
		.nr_backends = access("/dev/perfring0", R_OK | W_OK) ? 1 : 2,
		.timeout = 10 * CLI_NS,
	};
	int status = torture_parse(&all, argc, argv);

	if (status)
		return status;
	if (all.list) {
		torture_list(&all);
		return CLI_OK;
	}
	if (all.backends[0] == &torture_device && !cli_module_loaded())
		return cli_module_missing();
	cli_catch_signals();
	signal(SIGPIPE, SIG_IGN);
	return torture_all(&all);
}
