// SPDX-License-Identifier: GPL-2.0
/* What libFuzzer calls; -DFUZZ_TARGET= says which target. */
#include <stdlib.h>
#include "libfuzzer.h"

#ifndef FUZZ_TARGET
#define FUZZ_TARGET fuzz_ring
#endif

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return FUZZ_TARGET.done ? atexit(FUZZ_TARGET.done) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	FUZZ_TARGET.run(bytes, len);
	return 0;
}
