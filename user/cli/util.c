// SPDX-License-Identifier: MIT
/* Messages, numbers, small files, CPU lists, escapes. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t cli_stop;

static void cli_on_signal(int signal)
{
	(void)signal;
	cli_stop = 1;
}

/* No SA_RESTART: a wait has to end. */
void cli_catch_signals(void)
{
	struct sigaction action = { .sa_handler = cli_on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

void cli_error(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("perfring: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int cli_number(const char *what, const char *text, uint64_t low, uint64_t high, uint64_t *out)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || *text < '0' || *text > '9' || *end || value < low || value > high) {
		cli_error("%s: '%s' is not a number from %llu to %llu", what, text,
			  (unsigned long long)low, (unsigned long long)high);
		return CLI_USAGE;
	}
	*out = value;
	return CLI_OK;
}

int cli_seconds(const char *what, const char *text, uint64_t *out)
{
	double value;
	char *end;

	errno = 0;
	value = strtod(text, &end);
	if (errno || end == text || *end || !strchr("0123456789.", *text) || !isfinite(value) ||
	    value < 0.001 || value > 1e6) {
		cli_error("%s: '%s' is not a number of seconds from 0.001 to 1000000", what, text);
		return CLI_USAGE;
	}
	*out = (uint64_t)(value * 1e9);
	return CLI_OK;
}

int cli_read_text(const char *path, char *text, size_t room)
{
	size_t used = 0;
	ssize_t got = 0;
	int fd, err;

	text[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (used < room - 1) {
		got = read(fd, text + used, room - 1 - used);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	err = got < 0 ? -errno : 0;
	close(fd);
	while (used && text[used - 1] == '\n')
		used--;
	text[used] = '\0';
	return err;
}

int cli_read_u64(const char *path, uint64_t *out)
{
	char text[64], *end;
	int err;

	err = cli_read_text(path, text, sizeof(text));
	if (err)
		return err;
	errno = 0;
	*out = strtoull(text, &end, 0);
	return errno || end == text ? -EINVAL : 0;
}

static int cli_cpus_add(struct cli_cpus *cpus, unsigned long low, unsigned long high)
{
	unsigned int *more;

	if (high < low || high > 65535)
		return -EINVAL;
	more = realloc(cpus->cpu, (cpus->nr + (high - low) + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	cpus->cpu = more;
	for (; low <= high; low++)
		cpus->cpu[cpus->nr++] = (unsigned int)low;
	return 0;
}

int cli_cpu_list(const char *text, struct cli_cpus *cpus)
{
	struct cli_cpus list = { NULL, 0 };
	unsigned long low, high;
	char *end;
	int err;

	do {
		err = -EINVAL;
		if (*text < '0' || *text > '9')
			break;
		low = strtoul(text, &end, 10);
		high = low;
		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			high = strtoul(end + 1, &end, 10);
		if (*end && *end != ',')
			break;
		err = cli_cpus_add(&list, low, high);
		text = end + 1;
	} while (!err && *end);
	if (err) {
		free(list.cpu);
		return err;
	}
	*cpus = list;
	return 0;
}

int cli_cpus_online(struct cli_cpus *cpus)
{
	char text[4096];
	int err;

	err = cli_read_text(CLI_ONLINE, text, sizeof(text));
	if (!err)
		err = cli_cpu_list(text, cpus);
	if (!err)
		return CLI_OK;
	cli_error("%s: %s", CLI_ONLINE, strerror(-err));
	return CLI_FAIL;
}

const char *cli_escape(char *out, size_t room, const void *text, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *in = text;
	size_t at = 0;

	for (size_t i = 0; i < len && in[i] && at + 5 <= room; i++) {
		if (in[i] >= ' ' && in[i] < 0x7f && in[i] != '\\') {
			out[at++] = (char)in[i];
			continue;
		}
		out[at++] = '\\';
		out[at++] = 'x';
		out[at++] = digits[in[i] >> 4];
		out[at++] = digits[in[i] & 15];
	}
	out[at] = '\0';
	return out;
}

uint64_t cli_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * CLI_NS + (uint64_t)now.tv_nsec;
}

bool cli_module_loaded(void)
{
	return access(CLI_CLASS, F_OK) == 0;
}

int cli_module_missing(void)
{
	cli_error("the module is not loaded (there is no " CLI_CLASS "); load it with");
	fputs("  perfring load                        when it is installed for this kernel\n"
	      "  perfring load --module perfring.ko   from the folder where it was built, or\n"
	      "  insmod perfring.ko\n", stderr);
	return CLI_FAIL;
}

uint32_t cli_crc32(uint32_t crc, const void *data, size_t len)
{
	const unsigned char *byte = data;

	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= byte[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return ~crc;
}
