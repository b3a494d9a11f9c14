/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fuzzing: from any bytes to calls of the library.
 *
 * A target is one function of an input.  libFuzzer calls it (libfuzzer.c), and so does
 * fuzz_corpus_test with what is kept in corpus/ and crashes/.  What the library may answer
 * is checked by FUZZ_CHECK(), what it may touch by the sanitizers.
 */
#ifndef SELFTESTS_FUZZ_H
#define SELFTESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <perfring/perfring.h>

/**
 * struct fuzz_target - what is fuzzed
 * @name: of the files in corpus/ and crashes/
 * @run: reads no byte beyond @len; keeps nothing from one call to the next
 * @longest: useful bytes of an input
 * @done: after the last call; NULL: nothing is left behind
 */
struct fuzz_target {
	const char *name;
	void (*run)(const uint8_t *bytes, size_t len);
	size_t longest;
	void (*done)(void);
};

extern const struct fuzz_target fuzz_ring;	/* ring bytes and control page, and calls */
extern const struct fuzz_target fuzz_record;	/* attr and record */
extern const struct fuzz_target fuzz_file;	/* images and perf.data */
extern const struct fuzz_target fuzz_event;	/* texts, and what sysfs says */
extern const struct fuzz_target fuzz_merge;	/* several rings */

#define FUZZ_TARGETS	5
extern const struct fuzz_target *const fuzz_targets[FUZZ_TARGETS];

/* What is being run, for messages. */
extern const char *fuzz_input_name;

/* Says where and ends the process. */
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

#define FUZZ_CHECK(condition)						\
	do {								\
		if (!(condition))					\
			fuzz_fail(__FILE__, __LINE__, #condition);	\
	} while (0)

/* An input, taken from its beginning; zeroes behind its end. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

uint8_t fuzz_u8(struct fuzz_input *input);
uint16_t fuzz_u16(struct fuzz_input *input);
uint32_t fuzz_u32(struct fuzz_input *input);
uint64_t fuzz_u64(struct fuzz_input *input);
/* As many as there are, at most @len. */
size_t fuzz_bytes(struct fuzz_input *input, void *to, size_t len);
/* A position: near where 32 and 64 bits end, near 0, rarely between words. */
uint64_t fuzz_position(struct fuzz_input *input);

/* Read each byte. */
void fuzz_touch(const void *bytes, size_t len);
/* Decode, read all that the event points to, and encode samples again. */
void fuzz_decode(const struct perfring_format *format, const struct perfring_record *record);

/*
 * Inputs in a file: lines of hexadecimal digits; lines that begin with '#' are remarks.
 * Calls @fn for each in memory of exactly its size; how many, or -errno, or what @fn
 * returned that was not 0.
 */
int fuzz_each(const char *path, int (*fn)(void *context, unsigned int line,
					  const uint8_t *bytes, size_t len),
	      void *context);

#endif /* SELFTESTS_FUZZ_H */
