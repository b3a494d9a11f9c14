/* SPDX-License-Identifier: MIT */
/*
 * What a processor has for reading its own counters and clock: all that the
 * library knows of architectures.
 *
 *	COUNT_ARCH			defined where there is something
 *	count_arch_pmc(index, &value)	the counter that a control page names with
 *					@index (not 0); false: not one that can be read
 *	count_arch_clock()		the clock that cap_user_time is about
 *	count_arch_ask(attr)		ask for a counter that can be read; true: it changed
 */
#ifndef PERFRING_COUNT_ARCH_H
#define PERFRING_COUNT_ARCH_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__) || defined(__i386__)

#define COUNT_ARCH	"rdpmc"

/* Index 1 + n is general counter n; bit 30 less one is the first fixed counter. */
static inline bool count_arch_pmc(uint32_t index, uint64_t *value)
{
	uint32_t low, high;

	__asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(index - 1));
	*value = (uint64_t)high << 32 | low;
	return true;
}

static inline uint64_t count_arch_clock(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline bool count_arch_ask(struct perf_event_attr *attr)
{
	(void)attr;
	return false;
}

#elif defined(__aarch64__)

#define COUNT_ARCH	"mrs"

#define COUNT_ARCH_CYCLES	32	/* 1 + the number of pmccntr_el0 among the counters */
#define COUNT_ARCH_USER		2	/* attr.config1 of a CPU PMU: readable by its user */

/* A system register is part of the instruction: one for each counter. */
static inline bool count_arch_pmc(uint32_t index, uint64_t *value)
{
#define COUNT_ARCH_CASE(n)	case 1 + (n): __asm__ volatile("mrs %0, pmevcntr" #n "_el0" : "=r"(*value)); return true
	switch (index) {
	COUNT_ARCH_CASE(0); COUNT_ARCH_CASE(1); COUNT_ARCH_CASE(2); COUNT_ARCH_CASE(3);
	COUNT_ARCH_CASE(4); COUNT_ARCH_CASE(5); COUNT_ARCH_CASE(6); COUNT_ARCH_CASE(7);
	COUNT_ARCH_CASE(8); COUNT_ARCH_CASE(9); COUNT_ARCH_CASE(10); COUNT_ARCH_CASE(11);
	COUNT_ARCH_CASE(12); COUNT_ARCH_CASE(13); COUNT_ARCH_CASE(14); COUNT_ARCH_CASE(15);
	COUNT_ARCH_CASE(16); COUNT_ARCH_CASE(17); COUNT_ARCH_CASE(18); COUNT_ARCH_CASE(19);
	COUNT_ARCH_CASE(20); COUNT_ARCH_CASE(21); COUNT_ARCH_CASE(22); COUNT_ARCH_CASE(23);
	COUNT_ARCH_CASE(24); COUNT_ARCH_CASE(25); COUNT_ARCH_CASE(26); COUNT_ARCH_CASE(27);
	COUNT_ARCH_CASE(28); COUNT_ARCH_CASE(29); COUNT_ARCH_CASE(30);
	case COUNT_ARCH_CYCLES:
		__asm__ volatile("mrs %0, pmccntr_el0" : "=r"(*value));
		return true;
	default:
		return false;
	}
#undef COUNT_ARCH_CASE
}

static inline uint64_t count_arch_clock(void)
{
	uint64_t value;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(value) : : "memory");
	return value;
}

/* The kernel lets a counter be read only if its event asked (arm_pmuv3, rdpmc). */
static inline bool count_arch_ask(struct perf_event_attr *attr)
{
	if ((attr->type != PERF_TYPE_HARDWARE && attr->type != PERF_TYPE_HW_CACHE &&
	     attr->type != PERF_TYPE_RAW) || attr->config1 & COUNT_ARCH_USER)
		return false;
	attr->config1 |= COUNT_ARCH_USER;
	return true;
}

#else

static inline bool count_arch_pmc(uint32_t index, uint64_t *value)
{
	(void)index;
	(void)value;
	return false;
}

static inline uint64_t count_arch_clock(void)
{
	return 0;
}

static inline bool count_arch_ask(struct perf_event_attr *attr)
{
	(void)attr;
	return false;
}

#endif

#endif /* PERFRING_COUNT_ARCH_H */
