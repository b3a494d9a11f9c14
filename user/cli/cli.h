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
#include <sys/types.h>

#include "options.h"

#define CLI_OK		0
#define CLI_FAIL	1	/* it went wrong, or two things that should agree do not */
#define CLI_USAGE	2	/* the command line is wrong */

#define CLI_CLASS	"/sys/class/perfring"
#define CLI_ONLINE	"/sys/devices/system/cpu/online"
#define CLI_NS		((uint64_t)1000000000)

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* The commands; argv[0] is the command's name. */
extern const struct cli_command cli_load;
extern const struct cli_command cli_unload;
extern const struct cli_command cli_dump;
extern const struct cli_command cli_save;
extern const struct cli_command cli_record;
extern const struct cli_command cli_stats;
extern const struct cli_command cli_inject;
extern const struct cli_command cli_count;
extern const struct cli_command cli_list;
extern const struct cli_command cli_demo;
extern const struct cli_command cli_torture;

/* util.c */

/* Set by SIGINT and SIGTERM once cli_catch_signals() was called. */
extern volatile sig_atomic_t cli_stop;
void cli_catch_signals(void);

/* "perfring: ...\n" on stderr */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

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

/* child.c: a command that waits to become itself */
struct cli_child {
	pid_t pid;	/* 0: none */
	int go;		/* write: it may begin */
	int error;	/* read: why it did not */
};

/* With @out its standard output goes there.  A child that was never let go ends by itself. */
int cli_child_start(struct cli_child *child, char **command, int out);

/* Let it begin; when it cannot be run that is said, and the status is a shell's: 127 or 126. */
int cli_child_go(struct cli_child *child, const char *name);

/* The exit status of what waitpid(2) said: 128 + its number for a signal. */
int cli_child_status(int status);

/* Release the descriptors; the child itself is the caller's. */
void cli_child_close(struct cli_child *child);

/* Is the module in the kernel?  How to get it there, on stderr, when not. */
bool cli_module_loaded(void);
int cli_module_missing(void);

/*
 * CRC-32 as in zlib: begin with @crc 0, and continue with what it returned.
 */
uint32_t cli_crc32(uint32_t crc, const void *data, size_t len);

#endif /* PERFRING_CLI_H */
