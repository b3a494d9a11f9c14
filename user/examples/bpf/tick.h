/* SPDX-License-Identifier: MIT */
/*
 * The load of these examples: a system call with two arguments that it does not take,
 * which a program on its way in knows by the first.
 */
#ifndef TICK_H
#define TICK_H

#define TICK 0x7065726672696e67ULL

#ifdef __bpf__
/* The second argument of the tick that this is; false: some other system call. */
static __always_inline bool ticked(struct bpf_raw_tracepoint_args *ctx, __u64 *value)
{
	struct pt_regs *regs = (struct pt_regs *)ctx->args[0];

	if (PT_REGS_PARM1_CORE_SYSCALL(regs) != TICK)
		return false;
	*value = PT_REGS_PARM2_CORE_SYSCALL(regs);
	return true;
}
#else
#include <sys/syscall.h>
#include <unistd.h>

static inline void tick(unsigned long value)
{
	syscall(SYS_getpid, TICK, value);
}
#endif

#endif /* TICK_H */
