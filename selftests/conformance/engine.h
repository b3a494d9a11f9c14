/* SPDX-License-Identifier: GPL-2.0 */
/* Between conformance_test.c, which runs rows, and side.c, which rows call. */
#ifndef CONFORMANCE_ENGINE_H
#define CONFORMANCE_ENGINE_H

#include "conformance.h"

#define LOG_LEN	16384

enum ending { ENDED, GAVE_UP, SKIPPED };

/**
 * struct shared - what a row's process leaves behind
 * @len: bytes of @text
 * @ending: how it ended
 * @broken: @text was too short
 * @sysctls: it changed some
 * @why: for GAVE_UP and SKIPPED
 * @text: the transcript
 */
struct shared {
	size_t len;
	enum ending ending;
	bool broken;
	bool sysctls;
	char why[WHY_LEN];
	char text[LOG_LEN];
};

/**
 * struct side - one run of a row
 * @device: on the device, else on perf
 * @shared: memory that the row's process shares with the engine
 * @writer: what fills a perf ring
 * @ids: of the descriptors, in the order of their opening
 * @nr_ids: how many
 */
struct side {
	bool device;
	struct shared *shared;
	struct backend *writer;
	uint64_t ids[8];
	unsigned int nr_ids;
};

/* Before the first row: where the kernel has its code. Its addresses have a name in transcripts. */
void side_find_code(void);

#endif /* CONFORMANCE_ENGINE_H */
