// SPDX-License-Identifier: MIT
/* The command perfring: its subcommands and its help. */
#include "cli.h"

#include <perfring/error.h>
#include <string.h>

static const char help_sources[] =
"A SOURCE is one of\n"
"  dev:CPU/user                           lines of standard input, by way of /dev/perfringCPU\n"
"  dev:CPU/sched_switch                   the kernel's task switches\n"
"  dev:CPU/syscalls[,pid=N][,nr=N]        system calls that return there, with what they took\n"
"  dev:CPU/kprobe,symbol=NAME[,offset=N]  a kernel function, whenever it is called there\n"
"  dev:CPU/NAME                           what another module offers by that name\n"
"  dev:CPU/generator[,rate=N][,burst=N][,min_size=N][,max_size=N]\n"
"                                         numbered, checked records: rate ticks a second (100),\n"
"                                         burst records a tick (1), sizes in bytes (16)\n"
"  perf:CPU/EVENT                         an event as perf record -e takes it: page-faults,\n"
"                                         cycles:u, cpu-clock/period=1000000/,\n"
"                                         sched:sched_switch, kprobe:SYMBOL, mem:ADDRESS:w;\n"
"                                         see list\n"
"  image:FILE                             what save has kept\n"
"  data:FILE                              what record, or perf record, has kept\n"
"CPU is a number, a list such as 0,2-3, or * for all that are online.\n";

static int help_run(int argc, char **argv);
static int version_run(int argc, char **argv);

static const struct cli_command cli_help = {
	.name = "help", .usage = "[COMMAND]", .about = "what there is, or how COMMAND is used\n",
	.most = 1, .run = help_run,
};

static const struct cli_command cli_version = {
	.name = "version", .usage = "", .about = "the version\n", .run = version_run,
};

static const struct cli_command *const commands[] = {
	&cli_load, &cli_unload, &cli_dump, &cli_save, &cli_record, &cli_stats, &cli_inject,
	&cli_count, &cli_list, &cli_demo, &cli_torture, &cli_help, &cli_version,
};

/* Lines, each behind spaces. */
static void help_lines(const char *text, const char *before)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		printf("%s%.*s\n", before, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void help_all(void)
{
	puts("usage: perfring COMMAND [ARG]...\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		printf("  %s%s%s\n", commands[i]->name, *commands[i]->usage ? " " : "",
		       commands[i]->usage);
		help_lines(commands[i]->about, "        ");
	}
	puts("  --help, -h, COMMAND --help, --version\n");
	fputs(help_sources, stdout);
	puts("\nExit status: 0 success, 1 failure or disagreement, 2 wrong usage.");
}

static void help_command(const struct cli_command *command)
{
	char words[64];

	printf("usage: perfring %s%s%s\n\n", command->name, *command->usage ? " " : "",
	       command->usage);
	help_lines(command->about, "");
	if (command->option)
		putchar('\n');
	for (const struct cli_option *option = command->option; option && option->name; option++) {
		snprintf(words, sizeof(words), "%s%s%s", option->name, option->value ? " " : "",
			 option->value ? option->value : "");
		printf("  %-16s %s\n", words, option->about);
	}
	if (command->sources) {
		putchar('\n');
		fputs(help_sources, stdout);
	}
}

static const struct cli_command *find(const char *name)
{
	static const char *const other[][2] = {
		{ "--help", "help" }, { "-h", "help" }, { "--version", "version" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		if (!strcmp(name, other[i][0]))
			name = other[i][1];
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i]->name))
			return commands[i];
	fprintf(stderr, "perfring: '%s' is not a command; there are", name);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stderr, "%s %s", i ? "," : "", commands[i]->name);
	fputc('\n', stderr);
	return NULL;
}

static int help_run(int argc, char **argv)
{
	const struct cli_command *command;
	struct cli_words words;
	int status = cli_options(&cli_help, argc, argv, NULL, &words);

	if (status)
		return status;
	if (!words.nr) {
		help_all();
		return CLI_OK;
	}
	command = find(words.word[0]);
	if (!command)
		return CLI_USAGE;
	help_command(command);
	return CLI_OK;
}

static int version_run(int argc, char **argv)
{
	struct cli_words words;
	int status = cli_options(&cli_version, argc, argv, NULL, &words);

	if (!status)
		printf("perfring %s\n", perfring_version());
	return status;
}

int main(int argc, char **argv)
{
	const struct cli_command *command;
	int status = CLI_OK;

	if (argc < 2) {
		fputs("perfring: which command? 'perfring --help' lists them\n", stderr);
		return CLI_USAGE;
	}
	command = find(argv[1]);
	if (!command)
		return CLI_USAGE;
	if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h")))
		help_command(command);
	else
		status = command->run(argc - 1, argv + 1);
	if (fflush(stdout) || ferror(stdout)) {
		cli_error("standard output: cannot be written");
		status = status ? status : CLI_FAIL;
	}
	return status;
}
