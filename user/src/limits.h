/* SPDX-License-Identifier: MIT */
/* What explanations are made of: small files, their numbers, lines of text. */
#ifndef PERFRING_LIMITS_H
#define PERFRING_LIMITS_H

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The start of a small file as a string; empty when it cannot be read. */
static inline void limits_slurp(const char *path, char *text, size_t room)
{
	ssize_t got = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		got = read(fd, text, room - 1);
		close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
}

static inline long long limits_number(const char *path, long long otherwise)
{
	char text[64], *end;
	long long value;

	limits_slurp(path, text, sizeof(text));
	value = strtoll(text, &end, 10);
	return end == text ? otherwise : value;
}

/* The number after a field's name in /proc/self/status. */
static inline uint64_t limits_status(const char *status, const char *name, int base)
{
	const char *at = strstr(status, name);

	return at ? strtoull(at + strlen(name), NULL, base) : 0;
}

/* One piece of text after what is there already, as far as there is room. */
__attribute__((format(printf, 4, 0)))
static inline void limits_vadd(char *buffer, size_t len, size_t *used, const char *format,
			       va_list args)
{
	int more = vsnprintf(*used < len ? buffer + *used : NULL, *used < len ? len - *used : 0,
			     format, args);

	if (more > 0)
		*used += (size_t)more;
}

__attribute__((format(printf, 4, 5)))
static inline void limits_add(char *buffer, size_t len, size_t *used, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	limits_vadd(buffer, len, used, format, args);
	va_end(args);
}

#endif /* PERFRING_LIMITS_H */
