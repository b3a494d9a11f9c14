// SPDX-License-Identifier: MIT
/* count: what a command, a process or all CPUs do, counted. */
#include "cli.h"
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <perfring/perfring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define COUNT_EVENTS	"task-clock,context-switches,cpu-migrations,page-faults,cycles,instructions,branches,branch-misses"
#define COUNT_TICK_MS	50

struct counting {
	const char *events;
	uint64_t time_ns;
	uint64_t pid;
	bool all;
	bool json;
	bool alone;			/* not the children */
	char **command;			/* NULL: none */
	struct perfring_count **count;	/* one for each CPU with all, otherwise one */
	size_t nr;
	struct perfring_count_value *sum;
	unsigned int events_nr;
};

static const struct cli_option count_table[] = {
	{ "-e", "EVENTS", "which, as perf takes them: cycles:u,page-faults", CLI_TEXT,
	  offsetof(struct counting, events), 0 },
	{ "-a", NULL, "all CPUs, all processes", CLI_FLAG, offsetof(struct counting, all), 0 },
	{ "-p", "PID", "one process", CLI_NUMBER, offsetof(struct counting, pid), INT32_MAX },
	{ "-t", "SECONDS", "how long, without COMMAND", CLI_SECONDS,
	  offsetof(struct counting, time_ns), 0 },
	{ "--no-inherit", NULL, "without the children", CLI_FLAG,
	  offsetof(struct counting, alone), 0 },
	{ "--json", NULL, "an object for each event", CLI_FLAG, offsetof(struct counting, json),
	  0 },
	{ .name = NULL },
};

static int count_options(int argc, char **argv, struct counting *c)
{
	struct cli_words words;
	int status;

	status = cli_options(&cli_count, argc, argv, c, &words);
	if (status)
		return status;
	c->command = words.nr ? words.word : NULL;
	if (c->all && c->pid)
		return cli_usage(&cli_count, "-a is all processes, -p %" PRIu64 " is one", c->pid);
	if (c->pid && c->command)
		return cli_usage(&cli_count, "with -p there is no command to run, as '%s'",
				 c->command[0]);
	if (!c->all && !c->pid && !c->command)
		return cli_usage(&cli_count, "say what to count: a command, -p PID, or -a");
	return CLI_OK;
}

/* Why it cannot be opened: the event, what would do; the settings, where they decide. */
static void count_explain(const struct perf_event_attr *attr, const char *name, pid_t pid, int cpu,
			  int error)
{
	struct perfring_count_report report;
	char text[4096], *settings;

	if (perfring_count_explain(attr, pid, cpu, error, &report)) {
		cli_error("count: %s: %s", name, perfring_strerror(error));
		return;
	}
	perfring_count_format(&report, name, text, sizeof(text));
	settings = strstr(text, "\nkernel.perf_event_paranoid:");
	if (settings && error != -EACCES && error != -EPERM)
		settings[1] = '\0';
	fprintf(stderr, "perfring: count: %s", text);
}

static int count_open_one(struct counting *c, pid_t pid, int cpu, struct perfring_count **out)
{
	struct perfring_count_opts opts = {
		.size = sizeof(opts), .optional = 1, .user_only = 1, .self = PERFRING_SELF_OFF,
		.inherit = !c->all && !c->alone, .enable_on_exec = !c->all && c->command,
	};
	struct perfring_event_error error;
	char text[1024];
	int err;

	err = perfring_count_open_text(c->events, pid, cpu, &opts, out, &error);
	if (!err)
		return CLI_OK;
	if (error.code) {
		perfring_event_error_format(&error, c->events, text, sizeof(text));
		cli_error("count: -e '%s':", c->events);
		fputs(text, stderr);
		return CLI_USAGE;
	}
	count_explain(NULL, c->events, pid, cpu, err);
	return CLI_FAIL;
}

static int count_open(struct counting *c, pid_t pid)
{
	struct cli_cpus cpus = { NULL, 1 };
	int status = c->all ? cli_cpus_online(&cpus) : CLI_OK;

	if (status)
		return status;
	c->count = calloc(cpus.nr, sizeof(struct perfring_count *));
	if (!c->count)
		status = CLI_FAIL;
	for (; c->count && c->nr < cpus.nr && !status; c->nr += !status)
		status = count_open_one(c, pid, c->all ? (int)cpus.cpu[c->nr] : -1,
					&c->count[c->nr]);
	free(cpus.cpu);
	if (status)
		return status;
	c->events_nr = perfring_count_nr(c->count[0]);
	c->sum = calloc(2 * (size_t)c->events_nr, sizeof(*c->sum));
	return c->sum ? CLI_OK : CLI_FAIL;
}

/* What all CPUs counted; counted on one is counted. */
static int count_sum(struct counting *c)
{
	struct perfring_count_value *one = c->sum + c->events_nr;

	for (size_t i = 0; i < c->nr; i++) {
		int err = perfring_count_read(c->count[i], one, c->events_nr);

		if (err < 0) {
			cli_error("count: %s", perfring_strerror(err));
			return CLI_FAIL;
		}
		for (unsigned int j = 0; j < c->events_nr; j++) {
			struct perfring_count_value *sum = &c->sum[j];

			if (!i || one[j].state < sum->state) {
				sum->state = one[j].state;
				sum->error = one[j].error;
			}
			sum->value += one[j].value;
			sum->scaled += one[j].scaled;
			sum->enabled += one[j].enabled;
			sum->running += one[j].running;
		}
	}
	return CLI_OK;
}

/* 1234567 as 1,234,567 */
static const char *count_digits(uint64_t value, char *out, size_t room)
{
	char plain[24];
	size_t at = 0, len = (size_t)snprintf(plain, sizeof(plain), "%" PRIu64, value);

	for (size_t i = 0; i < len && at + 2 < room; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = '\0';
	return out;
}

static void count_row(const struct perfring_count_info *info,
		      const struct perfring_count_value *value)
{
	char text[40], name[200];

	if (value->state != PERFRING_COUNTED)
		snprintf(text, sizeof(text), "<%s>", perfring_count_state_text(value->state));
	else if (info->scale != 1)
		snprintf(text, sizeof(text), "%.3f", (double)value->scaled * info->scale);
	else
		count_digits(value->scaled, text, sizeof(text));
	printf("%20s %-6s %s%s", text, info->unit ? info->unit : "",
	       cli_escape(name, sizeof(name), info->name, strlen(info->name)),
	       info->user_only ? " (user's part)" : "");
	if (value->state == PERFRING_COUNTED && value->running != value->enabled)
		printf("   estimated: counted %.1f %% of the time",
		       100.0 * (double)value->running / (double)value->enabled);
	putchar('\n');
}

static void count_object(const struct perfring_count_info *info,
			 const struct perfring_count_value *value)
{
	const char *state = perfring_count_state_text(value->state);
	struct json json = { .on = true };

	json_begin(&json);
	json_string(&json, "event", info->name, strlen(info->name));
	json_string(&json, "state", state, strlen(state));
	if (value->state == PERFRING_COUNTED) {
		json_unsigned(&json, "value", value->value);
		json_unsigned(&json, "scaled", value->scaled);
		json_unsigned(&json, "enabled", value->enabled);
		json_unsigned(&json, "running", value->running);
	}
	if (info->unit)
		json_string(&json, "unit", info->unit, strlen(info->unit));
	if (info->user_only)
		json_bool(&json, "user_only", true);
	if (value->error)
		json_signed(&json, "error", value->error);
	json_end(&json);
}

static void count_print(struct counting *c, pid_t pid, uint64_t elapsed)
{
	struct perfring_count_info info;
	int said = 0;

	for (unsigned int i = 0; i < c->events_nr; i++) {
		perfring_count_info(c->count[0], i, &info);
		if (c->json)
			count_object(&info, &c->sum[i]);
		else
			count_row(&info, &c->sum[i]);
	}
	fflush(stdout);
	/* The settings once: they are the same for all. */
	for (unsigned int i = 0; i < c->events_nr && !said; i++) {
		perfring_count_info(c->count[0], i, &info);
		if (c->sum[i].state != PERFRING_COUNT_REFUSED)
			continue;
		said = 1;
		count_explain(info.attr, info.name, c->all ? -1 : pid, c->all ? 0 : -1,
			      c->sum[i].error);
	}
	if (!c->json)
		printf("%20.6f s      elapsed\n", (double)elapsed / 1e9);
}

static int count_start(struct counting *c)
{
	for (size_t i = 0; i < c->nr; i++) {
		int err = perfring_count_start(c->count[i]);

		if (err) {
			cli_error("count: %s", perfring_strerror(err));
			return CLI_FAIL;
		}
	}
	return CLI_OK;
}

static int count_wait(const struct counting *c, pid_t child)
{
	const struct timespec tick = { .tv_nsec = COUNT_TICK_MS * 1000000L };
	uint64_t deadline = c->time_ns ? cli_now() + c->time_ns : UINT64_MAX;
	int status = 0;

	if (child > 0) {
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		return cli_child_status(status);
	}
	while (!cli_stop && cli_now() < deadline && (!c->pid || !kill((pid_t)c->pid, 0)))
		nanosleep(&tick, NULL);
	return CLI_OK;
}

/* Was anything counted?  What this machine does not have is no failure, what is refused is. */
static int count_verdict(const struct counting *c)
{
	int status = CLI_OK;

	for (unsigned int i = 0; i < c->events_nr; i++) {
		if (c->sum[i].state == PERFRING_COUNTED)
			return CLI_OK;
		if (c->sum[i].state == PERFRING_COUNT_REFUSED)
			status = CLI_FAIL;
	}
	return status;
}

static int count_run(struct counting *c)
{
	struct cli_child child = { .go = -1, .error = -1 };
	pid_t pid = c->all ? -1 : (pid_t)c->pid;
	int status = CLI_OK, result = CLI_OK;
	uint64_t start;

	if (c->command) {
		status = cli_child_start(&child, c->command, -1);
		if (status)
			return status;
		if (!c->all)
			pid = child.pid;
	}
	status = count_open(c, pid);
	if (!status && (c->all || !c->command))
		status = count_start(c);
	start = cli_now();
	if (!status && c->command)
		status = cli_child_go(&child, c->command[0]);
	cli_child_close(&child);	/* without a word the child ends */
	if (!status || child.pid)
		result = count_wait(c, child.pid);
	if (!status)
		status = count_sum(c);
	if (!status) {
		count_print(c, pid, cli_now() - start);
		status = result ? result : count_verdict(c);
	}
	for (size_t i = 0; i < c->nr; i++)
		perfring_count_close(c->count[i]);
	free(c->count);
	free(c->sum);
	return status;
}

static int count_command(int argc, char **argv)
{
	struct counting c = { .events = COUNT_EVENTS };
	int status = count_options(argc, argv, &c);

	if (status)
		return status;
	cli_catch_signals();
	return count_run(&c);
}

const struct cli_command cli_count = {
	.name = "count",
	.usage =
"[-e EVENTS] [-a|-p PID] [-t SECONDS] [--no-inherit] [--json] [[--] COMMAND [ARG]...]",
	.about = "count events of a command, of a process, or of all CPUs\n",
	.option = count_table, .most = CLI_WORDS_ANY, .stops = true, .run = count_command,
};
