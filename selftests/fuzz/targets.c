// SPDX-License-Identifier: GPL-2.0
#include "fuzz.h"

const struct fuzz_target *const fuzz_targets[FUZZ_TARGETS] = {
	&fuzz_ring, &fuzz_record, &fuzz_file, &fuzz_event, &fuzz_merge,
};
