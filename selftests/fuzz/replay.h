/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_FUZZ_REPLAY_H
#define SELFTESTS_FUZZ_REPLAY_H

#include "fuzz.h"

/* Files in @dir that the fuzzing of @target begins with. */
void fuzz_seed(const struct fuzz_target *target, const char *dir);

#endif /* SELFTESTS_FUZZ_REPLAY_H */
