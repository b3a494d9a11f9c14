// SPDX-License-Identifier: MIT
/* The command perfring: its subcommands and its help. */
#include "cli.h"

#include <perfring/error.h>
#include <string.h>

static const char cli_help_text[] =
"usage: perfring COMMAND [ARG]...\n"
"\n"
"  load [--module FILE] [PARAM=VALUE]...  insert the module and wait for its devices; FILE, or\n"
"                                         $PERFRING_MODULE, or the installed one\n"
"  unload                                 remove it\n"
"  dump SOURCE [-n COUNT] [-t SECONDS] [--json] [--pages N] [--order]\n"
"                                         print the records of rings, decoded; --order: those of\n"
"                                         several CPUs in the order of time\n"
"  save SOURCE FILE [-t SECONDS] [--pages N]\n"
"                                         let a ring fill for a while, keep it as a file\n"
"  record [-e EVENT]... [-o FILE] [-t SECONDS] [--pages N] [[--] COMMAND [ARG]...]\n"
"                                         write a perf.data file, which perf script and perf report\n"
"                                         read; FILE -: for a pipe.  EVENT is a SOURCE or what perf\n"
"                                         record -e takes, of COMMAND or of the whole system\n"
"  stats [-i SECONDS] [-n COUNT]          the devices' counters, with -i live\n"
"  inject dev:CPU KIND...                 put into a ring what no kernel writes, and show what the\n"
"                                         reader makes of it: size-0 size-4 size-7 size-12\n"
"                                         beyond-head torn unknown-type bad-raw head-backward\n"
"                                         head-jump head-unaligned data-size data-offset, or all;\n"
"                                         wants root and a module loaded with allow_inject=1\n"
"  count [-e EVENTS] [-a|-p PID] [-t SECONDS] [--no-inherit] [--json] [[--] COMMAND [ARG]...]\n"
"                                         count events of a command, of a process, or of all CPUs;\n"
"                                         EVENTS as perf takes them: cycles:u,page-faults\n"
"  list [hw|sw|cache|pmu|tracepoint]... [PATTERN] [--all] [--json]\n"
"                                         events of this machine; --all: those, too, that it lacks\n"
"  demo [-t SECONDS] [--pages N]          the same scheduler events from the module and from\n"
"                                         perf, record for record\n"
"  torture [--list] [--scenario NAME]... [--backend memory|device] [-t SECONDS] [--ktap]\n"
"          [--] COMMAND [ARG]...          which scenarios somebody's reader fails, and why;\n"
"                                         see perfring-torture(1)\n"
"  help, --version\n"
"\n"
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
"CPU is a number, a list such as 0,2-3, or * for all that are online.\n"
"\n"
"Exit status: 0 success, 1 failure or disagreement, 2 wrong usage.\n";

static int cli_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs(cli_help_text, stdout);
	return CLI_OK;
}

static int cli_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("perfring %s\n", perfring_version());
	return CLI_OK;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} cli_commands[] = {
	{ "load", cli_load },
	{ "unload", cli_unload },
	{ "dump", cli_dump },
	{ "save", cli_save },
	{ "record", cli_record },
	{ "stats", cli_stats },
	{ "inject", cli_inject },
	{ "count", cli_count },
	{ "list", cli_list },
	{ "demo", cli_demo },
	{ "torture", cli_torture },
	{ "help", cli_help },
	{ "--help", cli_help },
	{ "-h", cli_help },
	{ "version", cli_version },
	{ "--version", cli_version },
};

int main(int argc, char **argv)
{
	int status;

	if (argc < 2) {
		fputs(cli_help_text, stderr);
		return CLI_USAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(cli_commands); i++)
		if (!strcmp(argv[1], cli_commands[i].name)) {
			if (argc == 3 && !strcmp(argv[2], "--help"))
				status = cli_help(0, NULL);
			else
				status = cli_commands[i].run(argc - 1, argv + 1);
			if (fflush(stdout) || ferror(stdout)) {
				cli_error("standard output: cannot be written");
				status = status ? status : CLI_FAIL;
			}
			return status;
		}
	cli_error("'%s' is not a command; there are load, unload, dump, save, record, stats, inject, count, list, demo, torture, help",
		  argv[1]);
	return CLI_USAGE;
}
