// SPDX-License-Identifier: MIT
/*
 * Counting instructions where the processor's counters are not to be had: the
 * trap flag stops after each one, and a signal handler counts.  A repeated
 * string instruction counts once, as it does for the hardware.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "report.h"

#define STEPS_MAX	5000000U	/* half a minute or some */

static bool stepping;

bool bench_stepping(void)
{
	return stepping;
}

#if defined(__x86_64__)

#define TRAP_FLAG	0x100

static volatile uint64_t steps;
static greg_t last;

/* int3 begins and ends; everything else that comes is a step. */
static void on_trap(int signal, siginfo_t *info, void *data)
{
	ucontext_t *context = data;
	greg_t *registers = context->uc_mcontext.gregs;

	(void)signal;
	if (info->si_code == TRAP_TRACE) {
		steps += registers[REG_RIP] != last;
		last = registers[REG_RIP];
		if (steps >= STEPS_MAX)
			registers[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	} else {
		registers[REG_EFL] ^= TRAP_FLAG;
	}
}

double step_count(const struct bench_run *run)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO }, old;
	uint64_t done;
	int err;

	if (sigaction(SIGTRAP, &action, &old))
		return -errno;
	steps = 0;
	last = 0;
	stepping = true;
	err = run->prepare ? run->prepare(run->context) : 0;
	if (err) {
		stepping = false;
		return err;
	}
	__asm__ volatile("int3" : : : "memory");
	done = run->work(run->context);
	if (steps < STEPS_MAX)
		__asm__ volatile("int3" : : : "memory");
	stepping = false;
	sigaction(SIGTRAP, &old, NULL);
	if (steps >= STEPS_MAX)
		return -E2BIG;
	return done ? (double)steps / (double)done : -EIO;
}

#else

double step_count(const struct bench_run *run)
{
	(void)run;
	return -ENOSYS;
}

#endif
