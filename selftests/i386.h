/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ioctl(2) as a 32-bit program does it: the system call of i386, which a 64-bit
 * program can make as well, with memory below 4 GiB.
 */
#ifndef SELFTESTS_I386_H
#define SELFTESTS_I386_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

/* Of arch/x86/entry/syscalls/syscall_32.tbl. */
#define I386_IOCTL	54

/* 0 or more, -errno; a kernel without CONFIG_IA32_EMULATION kills the caller. */
static inline long i386_ioctl(int fd, unsigned int cmd, unsigned int arg)
{
#ifdef __x86_64__
	long ret;

	/* Some kernels clear these. */
	__asm__ volatile ("int $0x80" : "=a" (ret) :
			  "0" ((long)I386_IOCTL), "b" ((long)fd), "c" ((long)cmd), "d" ((long)arg) :
			  "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
#else
	return -ENXIO;
#endif
}

/* A page where 32 bits reach; NULL */
static inline void *i386_page(void)
{
#ifdef __x86_64__
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	return page == MAP_FAILED ? NULL : page;
#else
	return NULL;
#endif
}

/* Is there such a system call?  What it says of a descriptor that is none tells. */
static inline bool i386_here(void)
{
	return i386_ioctl(-1, 0, 0) == -EBADF;
}

#endif /* SELFTESTS_I386_H */
