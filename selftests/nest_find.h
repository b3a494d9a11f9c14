/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For nest_probe_test: the module's functions, their instructions, and probes there.
 */
#ifndef SELFTESTS_NEST_FIND_H
#define SELFTESTS_NEST_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/perfring_nest.h"

#define FUNCTIONS	1024
#define CONFIGS		32

struct function {
	char name[64];
	uint64_t addr;
	uint32_t size;
	bool on_path;
	bool rest;			/* has instructions that no scene comes by */
	struct nest_probe entry;	/* an instruction soon behind it */
	uint32_t entry_index;		/* of the probe; NEST_PROBES without one */
	uint32_t boundaries;
	uint32_t covered;
};

/* An instruction that a probe was taken for, or bytes in a row that none was. */
struct boundary {
	struct function *function;
	uint32_t offset;
	uint32_t end;
	uint32_t index;			/* of the probe; NEST_PROBES: refused */
	int error;
	bool by_ftrace;
	uint64_t scenes[CONFIGS];	/* a bit for each that comes by */
	unsigned int takes;		/* interruptions that lead here; 0: a scene comes by */
	bool usual;			/* usual scenes come by */
	unsigned long fired;
};

/* Where the module's .text is. */
extern uint64_t text_addr;
extern size_t text_len;

extern struct function functions[FUNCTIONS];
extern unsigned int function_nr;
extern struct boundary boundaries[NEST_PROBES];
extern unsigned int boundary_nr;
/* Where not all instructions are looked at: how many there are; else 0. */
extern unsigned int instruction_nr;

/* The functions of $PERFRING_MODULE, which is loaded; 0 or -errno */
int functions_read(void);

/* Where the function of that name is; 0 when there is none. */
uint64_t function_addr(const char *name);

/* How often the probe was hit since the last time; -errno */
int probe_arm(int nest, uint32_t index, bool on);

/*
 * An armed probe soon behind a function's entry, where ftrace's call is, which takes
 * long to arm; false when it cannot be armed.
 */
bool probe_entry(int nest, struct function *function);

/*
 * The instructions of all functions on_path, with a probe each; false when there are none.
 * When one in @stride is enough, objdump(1) says where they begin; else kprobes do.
 */
bool find_boundaries(int nest, unsigned int stride);

#endif /* SELFTESTS_NEST_FIND_H */
