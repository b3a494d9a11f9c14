/* SPDX-License-Identifier: MIT */
/*
 * Errors and the version.
 *
 * Every function of this library that can fail returns 0 or a positive number
 * on success and a negative errno otherwise.  Nothing is printed, nothing
 * aborts, errno itself is not part of the interface.
 */
#ifndef PERFRING_ERROR_H
#define PERFRING_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PERFRING_VERSION_MAJOR	0
#define PERFRING_VERSION_MINOR	1
#define PERFRING_VERSION_PATCH	0

/**
 * struct perfring_error - what is wrong with bytes in a ring, and where
 * @code: the negative errno that was returned, 0 when nothing is wrong
 * @size: size of the record as its header said, 0 when there is none
 * @position: ring position (free running, bytes) of the record's first byte
 * @offset: offset of the fault from that byte
 * @reason: a static English phrase, never freed; NULL when @code is 0
 */
struct perfring_error {
	int32_t code;
	uint32_t size;
	uint64_t position;
	uint64_t offset;
	const char *reason;
};

/**
 * perfring_strerror - a short explanation of an error of this library
 * @error: a negative errno; a positive one means the same
 *
 * Return: a static string, valid for ever, never NULL; any thread may call.
 */
const char *perfring_strerror(int error);

/**
 * perfring_version - version of the library that is linked
 *
 * Return: a static string, "major.minor.patch".
 */
const char *perfring_version(void);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_ERROR_H */
