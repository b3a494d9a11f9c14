/* SPDX-License-Identifier: GPL-2.0 */
/* Random calls on the devices, from a seed. */
#ifndef SELFTESTS_FUZZ_DEVICE_H
#define SELFTESTS_FUZZ_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_DEVICE_FDS		6
#define FUZZ_DEVICE_MAPS	6
#define FUZZ_DEVICE_KINDS	22

struct fuzz_device {
	uint64_t seed;
	uint64_t state;			/* of the call that is being made */
	int other_cpu;
	int pmu;			/* type of the PMU perfring */
	int fd[FUZZ_DEVICE_FDS];	/* -1: closed */
	struct {
		unsigned char *at;	/* NULL: none */
		size_t len;
	} map[FUZZ_DEVICE_MAPS];
	unsigned char *arg;		/* a page for arguments; the one behind it is not there */
	size_t page;
	int scratch;			/* bytes go there and come from there */
	bool may_inject;
	uint64_t refused;
	uint64_t taken[FUZZ_DEVICE_KINDS];
};

/* 0 or -errno */
int fuzz_device_start(struct fuzz_device *f, uint64_t seed, int other_cpu);
/* The call @nr of this seed, or a few that belong together; @show: say which. */
void fuzz_device_call(struct fuzz_device *f, uint64_t nr, bool show);
/* A kind of call that was never taken, or NULL. */
const char *fuzz_device_untaken(const struct fuzz_device *f);
/* Ends all that writes; then the sums of each event hold. NULL, or what is wrong. */
const char *fuzz_device_quiesce(struct fuzz_device *f);
void fuzz_device_stop(struct fuzz_device *f);

#endif /* SELFTESTS_FUZZ_DEVICE_H */
