/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is done between watch() and watch_end(): does it allocate, does it call the
 * kernel?  The allocator's functions are the program's own, and the kernel hands
 * system calls back to it (syscall user dispatch, Linux 5.11).
 */
#ifndef SELFTESTS_WATCH_H
#define SELFTESTS_WATCH_H

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "fixtures.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH	59
#define PR_SYS_DISPATCH_ON		1
#define SYSCALL_DISPATCH_FILTER_ALLOW	0
#define SYSCALL_DISPATCH_FILTER_BLOCK	1
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED	1
#else
#define SANITIZED	0
#endif

#define NOTHING	(-1L)

static volatile char watched;		/* SYSCALL_DISPATCH_FILTER_*, read by the kernel */
static volatile long first_call;		/* number of the first system call, or NOTHING */
static volatile unsigned int allocations;	/* of any thread: __atomic_fetch_add() */
static volatile bool counting;

static void count_allocation(void)
{
	if (counting)
		__atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
}

#if SANITIZED
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
					      void (*on_free)(const volatile void *));

static void on_malloc(const volatile void *p, size_t size)
{
	count_allocation();
}

static void on_free(const volatile void *p)
{
	count_allocation();
}
#else
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *p);

void *malloc(size_t size)
{
	count_allocation();
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	count_allocation();
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	count_allocation();
	return __libc_realloc(p, size);
}

void *memalign(size_t align, size_t size)
{
	count_allocation();
	return __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	count_allocation();
	return __libc_memalign(align, size);
}

void free(void *p)
{
	count_allocation();
	__libc_free(p);
}
#endif

/* Note the call, then let it through: back to the instruction, which is 2 bytes long. */
static void on_syscall(int sig, siginfo_t *info, void *context)
{
	ucontext_t *at = context;

#if defined(__x86_64__)
	at->uc_mcontext.gregs[REG_RIP] -= 2;
#elif defined(__i386__)
	at->uc_mcontext.gregs[REG_EIP] -= 2;
#elif defined(__s390__)
	at->uc_mcontext.psw.addr -= 2;
#else
	(void)at;	/* no kernel hands them back there */
#endif
	first_call = info->si_syscall;
	watched = SYSCALL_DISPATCH_FILTER_ALLOW;
}

static bool watch_ready(char *why, size_t len)
{
	struct sigaction action = { .sa_sigaction = on_syscall, .sa_flags = SA_SIGINFO };

#if SANITIZED
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
#endif
	if (sigaction(SIGSYS, &action, NULL) ||
	    prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &watched)) {
		snprintf(why, len, "kernel without syscall user dispatch (5.11, not arm64): errno %d",
			 errno);
		return false;
	}
	return true;
}

static void watch(void)
{
	first_call = NOTHING;
	allocations = 0;
	counting = true;
	watched = SYSCALL_DISPATCH_FILTER_BLOCK;
}

static void watch_end(void)
{
	watched = SYSCALL_DISPATCH_FILTER_ALLOW;
	counting = false;
}

/* What was done between the two: nothing that is forbidden. */
#define EXPECT_CLEAN(what)						\
	do {								\
		EXPECT_EQ(NOTHING, first_call) {			\
			TH_LOG("%s: system call %ld", what, first_call);	\
		}							\
		EXPECT_EQ(0, allocations) {				\
			TH_LOG("%s allocates", what);			\
		}							\
	} while (0)

#endif /* SELFTESTS_WATCH_H */
