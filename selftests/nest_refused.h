/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For nest_probe_test: the instructions that kprobes do not take, and what they are.
 */
#ifndef SELFTESTS_NEST_REFUSED_H
#define SELFTESTS_NEST_REFUSED_H

#include <stdbool.h>
#include "nest_find.h"

#define REFUSED_LEN	128

/* Ask objdump(1) which instructions of the module the kernel patches. */
bool refused_look(void);

/* What this one is, which kprobes refused. */
void refused_what(const struct boundary *boundary, char what[REFUSED_LEN]);

/* Say so of all, in a line for each function; how many they are. */
unsigned int refused_say(void);

#endif /* SELFTESTS_NEST_REFUSED_H */
