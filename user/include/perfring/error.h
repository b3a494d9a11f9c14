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

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct perf_event_attr;

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
 * struct perfring_explain_opts - what was being done when it failed
 * @size: sizeof(struct perfring_explain_opts), as in storage.h
 * @attr: the event that was being opened, NULL none
 * @pages: data pages of each ring that was being mapped; 0 none
 * @rings: how many rings were wanted in all, as one for each CPU; 0 counts as 1
 * @payload: bytes of the sample that was being written; 0 none
 * @data_size: perfring_storage_data_size() of its ring; 0 not known
 * @structure: name of the option structure that was given, as "perfring_memory_opts";
 *	NULL none
 * @structure_size: what its size field said
 * @device: not 0: of /dev/perfringN
 * @padding: 0
 */
struct perfring_explain_opts {
	size_t size;
	const struct perf_event_attr *attr;
	size_t pages;
	size_t rings;
	size_t payload;
	size_t data_size;
	const char *structure;
	size_t structure_size;
	uint8_t device;
	uint8_t padding[7];
};

/**
 * perfring_explain - an error with its arithmetic
 * @error: the negative errno that came back
 * @opts: what is known about what was done; NULL: nothing
 * @buffer: room for the text, always terminated when @len > 0
 * @len: bytes of room
 *
 * The first line is perfring_strerror().  For EPERM and EACCES, ENOMEM, E2BIG and EMFILE
 * others follow: the limits, what counts against them now, and what would fit.  They
 * are read from /proc, /sys and the kernel during the call; what cannot be read is said.
 *
 * Return: the length of the whole text without its terminator, as snprintf(3); each
 * line ends with a newline.  -EINVAL, -E2BIG bad options.
 */
int perfring_explain(int error, const struct perfring_explain_opts *opts, char *buffer,
		     size_t len);

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
