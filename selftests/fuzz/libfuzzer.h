/* SPDX-License-Identifier: GPL-2.0 */
/* libFuzzer has no header of its own. */
#ifndef SELFTESTS_FUZZ_LIBFUZZER_H
#define SELFTESTS_FUZZ_LIBFUZZER_H

#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#endif /* SELFTESTS_FUZZ_LIBFUZZER_H */
