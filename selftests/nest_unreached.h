/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For nest_probe_test: the instructions that nothing it does can come by, and why.
 */
#ifndef SELFTESTS_NEST_UNREACHED_H
#define SELFTESTS_NEST_UNREACHED_H

#include <stdbool.h>
#include "nest_find.h"

/* Ask addr2line(1) and objdump(1) what stands at the boundaries that nobody came by. */
bool unreached_look(void);

/* Why nobody can come by this one; NULL when nest_unreached.c does not say. */
const char *unreached_why(const struct boundary *boundary);

#endif /* SELFTESTS_NEST_UNREACHED_H */
