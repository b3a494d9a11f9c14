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

#if defined(__x86_64) || defined(__i386)

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

/* A register's name is part of the instruction: one for each counter. */
#define COUNT_ARCH_COUNTER(n)							\
	static inline uint64_t count_arch_counter_##n(void)			\
	{									\
		uint64_t value;							\
										\
		__asm__ volatile("mrs %0, pmevcntr" #n "_el0" : "=r"(value));	\
		return value;							\
	}

COUNT_ARCH_COUNTER(0) COUNT_ARCH_COUNTER(1) COUNT_ARCH_COUNTER(2) COUNT_ARCH_COUNTER(3)
COUNT_ARCH_COUNTER(4) COUNT_ARCH_COUNTER(5) COUNT_ARCH_COUNTER(6) COUNT_ARCH_COUNTER(7)
COUNT_ARCH_COUNTER(8) COUNT_ARCH_COUNTER(9) COUNT_ARCH_COUNTER(10) COUNT_ARCH_COUNTER(11)
COUNT_ARCH_COUNTER(12) COUNT_ARCH_COUNTER(13) COUNT_ARCH_COUNTER(14) COUNT_ARCH_COUNTER(15)
COUNT_ARCH_COUNTER(16) COUNT_ARCH_COUNTER(17) COUNT_ARCH_COUNTER(18) COUNT_ARCH_COUNTER(19)
COUNT_ARCH_COUNTER(20) COUNT_ARCH_COUNTER(21) COUNT_ARCH_COUNTER(22) COUNT_ARCH_COUNTER(23)
COUNT_ARCH_COUNTER(24) COUNT_ARCH_COUNTER(25) COUNT_ARCH_COUNTER(26) COUNT_ARCH_COUNTER(27)
COUNT_ARCH_COUNTER(28) COUNT_ARCH_COUNTER(29) COUNT_ARCH_COUNTER(30)

/* Index 1 + n is counter n; one more than all of them is the cycle counter. */
static inline bool count_arch_pmc(uint32_t index, uint64_t *value)
{
	static uint64_t (*const counters[])(void) = {
		count_arch_counter_0, count_arch_counter_1, count_arch_counter_2,
		count_arch_counter_3, count_arch_counter_4, count_arch_counter_5,
		count_arch_counter_6, count_arch_counter_7, count_arch_counter_8,
		count_arch_counter_9, count_arch_counter_10, count_arch_counter_11,
		count_arch_counter_12, count_arch_counter_13, count_arch_counter_14,
		count_arch_counter_15, count_arch_counter_16, count_arch_counter_17,
		count_arch_counter_18, count_arch_counter_19, count_arch_counter_20,
		count_arch_counter_21, count_arch_counter_22, count_arch_counter_23,
		count_arch_counter_24, count_arch_counter_25, count_arch_counter_26,
		count_arch_counter_27, count_arch_counter_28, count_arch_counter_29,
		count_arch_counter_30,
	};

	if (index == COUNT_ARCH_CYCLES)
		__asm__ volatile("mrs %0, pmccntr_el0" : "=r"(*value));
	else if (index - 1 < sizeof(counters) / sizeof(counters[0]))
		*value = counters[index - 1]();
	else
		return false;
	return true;
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
