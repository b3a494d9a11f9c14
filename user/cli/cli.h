/* SPDX-License-Identifier: MIT */
/*
 * What the files of the command perfring share.
 *
 * Unless said otherwise a function here that can fail says why on stderr and
 * returns an exit status: CLI_OK, CLI_FAIL or CLI_USAGE.
 */
#ifndef PERFRING_CLI_H
#define PERFRING_CLI_H

#include <linux/perf_event.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CLI_OK		0
#define CLI_FAIL	1	/* it went wrong, or two things that should agree do not */
#define CLI_USAGE	2	/* the command line is wrong */

#define CLI_CLASS	"/sys/class/perfring"
#define CLI_ONLINE	"/sys/devices/system/cpu/online"
#define CLI_NS		((uint64_t)1000000000)

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* The subcommands; argv[0] is the subcommand's name. */
int cli_load(int argc, char **argv);
int cli_unload(int argc, char **argv);
int cli_dump(int argc, char **argv);
int cli_save(int argc, char **argv);
int cli_record(int argc, char **argv);
int cli_stats(int argc, char **argv);
int cli_inject(int argc, char **argv);
int cli_count(int argc, char **argv);
int cli_list(int argc, char **argv);
int cli_demo(int argc, char **argv);
int cli_torture(int argc, char **argv);

/* util.c */

/* Set by SIGINT and SIGTERM once cli_catch_signals() was called. */
extern volatile sig_atomic_t cli_stop;
void cli_catch_signals(void);

/* "perfring: ...\n" on stderr */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A message, then the line that shows how @command is used; returns CLI_USAGE. */
int cli_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A number within [low, high]; decimal, 0x or 0.  @what names it in the message. */
int cli_number(const char *what, const char *text, uint64_t low, uint64_t high, uint64_t *out);

/* Seconds, with or without a fraction, as nanoseconds. */
int cli_seconds(const char *what, const char *text, uint64_t *out);

/* The text of a small file without its last newline: 0 or a negative errno, silent. */
int cli_read_text(const char *path, char *text, size_t room);

/* The number in a small file: 0 or a negative errno, silent. */
int cli_read_u64(const char *path, uint64_t *out);

struct cli_cpus {
	unsigned int *cpu;
	size_t nr;
};

/* "0-3,5"; 0 or a negative errno, silent.  free() cpus->cpu. */
int cli_cpu_list(const char *text, struct cli_cpus *cpus);

/* The CPUs that are online. */
int cli_cpus_online(struct cli_cpus *cpus);

/*
 * Bytes that came from elsewhere, up to @len or the first NUL, for a terminal:
 * everything but printable ASCII, and the backslash, becomes \xNN.  Returns @out.
 */
const char *cli_escape(char *out, size_t room, const void *text, size_t len);

/* CLOCK_MONOTONIC in ns */
uint64_t cli_now(void);

/* Is the module in the kernel?  How to get it there, on stderr, when not. */
bool cli_module_loaded(void);
int cli_module_missing(void);

/*
 * CRC-32 as in zlib: begin with @crc 0, and continue with what it returned.
 */
uint32_t cli_crc32(uint32_t crc, const void *data, size_t len);

#endif /* PERFRING_CLI_H */
