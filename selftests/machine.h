/* SPDX-License-Identifier: GPL-2.0 */
/* What is in the files of machines/, which machine_write.c writes and machine_test.c reads. */
#ifndef SELFTESTS_MACHINE_H
#define SELFTESTS_MACHINE_H

#include "fixtures.h"

#define PATH_ROOM	256
#define LINE		32	/* bytes in one of machines/ */
#define NR_RECORDS	5	/* of an image */
#define NR_SAMPLES	4	/* of perf.data */
#define NR_CHAIN	3
#define NR_REGS		8
/* Of the kernel's own records; the file's page and its pages are the machine's. */
#define TASK_NAME	"machine-writer"
#define MAP_NAME	"/memfd:machine (deleted)"
#define MAP_ADDRESS	0x10000000UL
/* An id and addresses that no 32 bits hold. */
#define SAMPLE_ID	0x100000002ULL
#define SAMPLE_IP	0xffffffff80001000ULL
#define SAMPLE_TIME	1000000000000ULL

/* What is in a file of machines/. */
enum { FORWARD, BACKWARD, DATA, PIPE, NR_KINDS };

extern const char *const machine_kinds[NR_KINDS];

/* Payload of record @i: not of the same length, so that something is to be padded. */
static inline size_t payload_len(unsigned int i)
{
	return 20 + 12 * i;
}

/* The fields that each record of an image has besides; 8 bytes each. */
#define IMAGE_FIELDS	(PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |	\
			 PERF_SAMPLE_CPU)

/* The third one is no sample: pid, tid, and a name of 16 bytes. */
static inline bool is_comm(unsigned int i)
{
	return i == 2;
}

static inline size_t record_size(unsigned int i)
{
	return (is_comm(i) ? 8 + 24 : sample_size(payload_len(i))) + 4 * 8;
}

/*
 * The first record is read before the image is saved. Forward the second one lies across the
 * ring's end, and so across the end of all positions, 2^32 or 2^64; backward the first one
 * across 0.
 */
static inline uint64_t first_position(bool backward)
{
	return backward ? 32 : 0 - (uint64_t)record_size(0) - 40;
}

/* What the machine's kernel makes of @position. */
static inline uint64_t of_bits(uint64_t position, unsigned int bits)
{
	return bits == 32 ? (uint32_t)position : position;
}

/* The events of perf.data: the kernel's own records, and our samples. */
struct perf_event_attr machine_kernel_attr(void);
struct perf_event_attr machine_sample_attr(void);

/* One of the kinds, of this machine, in a file; an image of this backend. 0 or -errno */
int machine_make(enum backend_kind backend, unsigned int kind, const char *path);
/* An empty file to put it into: its descriptor, or -errno. */
int machine_temporary(char path[PATH_ROOM]);
/* All kinds, as machines/ has them, to standard output; an exit status. */
int machine_print(const char *name);

#endif /* SELFTESTS_MACHINE_H */
