/* SPDX-License-Identifier: MIT */
/*
 * Self-monitoring: a running counter from its control page and its register.
 * linux/perf_event.h describes the loop beside struct perf_event_mmap_page.
 *
 * The kernel changes the page on the CPU that reads it, between two of its
 * instructions; a test does so on another one, hence the barriers below, which
 * x86 has for nothing.
 *
 *	A  lock, acquire	with B of the writer: what was written under the
 *				number that is read here is seen below
 *	C  acquire fence	what is read above is read before the lock is
 *				compared; without it a new value passes for an old one
 */
#ifndef PERFRING_COUNT_SELF_H
#define PERFRING_COUNT_SELF_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>

#define COUNT_SELF_TRIES	64	/* a page whose writer died must not hold us for ever */

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define COUNT_SELF_CAP(bit)	(1ULL << (63 - (bit)))	/* bit-fields begin at the highest bit */
#else
#define COUNT_SELF_CAP(bit)	(1ULL << (bit))
#endif
#define COUNT_SELF_CAP_SURE	COUNT_SELF_CAP(1)	/* the bits below mean what they say */
#define COUNT_SELF_CAP_PMC	COUNT_SELF_CAP(2)
#define COUNT_SELF_CAP_TIME	COUNT_SELF_CAP(3)
#define COUNT_SELF_CAP_SHORT	COUNT_SELF_CAP(5)

/* How to get at a register and a clock. */
typedef bool (*count_pmc_fn)(uint32_t index, uint64_t *value);
typedef uint64_t (*count_clock_fn)(void);

struct count_self {
	uint64_t value;
	uint64_t enabled;	/* ns */
	uint64_t running;	/* ns */
};

/* The thread sanitizer knows no fences; relaxed loads are no races to it. */
#ifdef __SANITIZE_THREAD__
#define count_self_fence()	__asm__ volatile("" : : : "memory")
#else
#define count_self_fence()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#endif

#define count_self_load(field)	__atomic_load_n(&(field), __ATOMIC_RELAXED)

/* The kernel keeps what the register lacks in offset: of the register @width bits count. */
static inline uint64_t count_self_extend(uint64_t pmc, unsigned int width)
{
	unsigned int shift = 64 - width;

	return (uint64_t)((int64_t)(pmc << shift) >> shift);
}

/* ns since the page's times were right */
static inline uint64_t count_self_delta(const struct perf_event_mmap_page *page, uint64_t caps,
					uint64_t cycles)
{
	uint32_t mult = count_self_load(page->time_mult);
	unsigned int shift = count_self_load(page->time_shift) & 63;
	uint64_t start, mask;

	if (caps & COUNT_SELF_CAP_SHORT) {
		start = count_self_load(page->time_cycles);
		mask = count_self_load(page->time_mask);
		cycles = start + ((cycles - start) & mask);
	}
	/* In two parts: the product of all of them would not fit. */
	return count_self_load(page->time_offset) + (cycles >> shift) * mult +
	       (((cycles & ((1ULL << shift) - 1)) * mult) >> shift);
}

/* @value * @enabled / @running, which would not fit in between; @running not 0 */
static inline uint64_t count_self_scale(uint64_t value, uint64_t enabled, uint64_t running)
{
	uint64_t whole, rest;

	if (enabled == running)
		return value;
	if (__builtin_mul_overflow(value / running, enabled, &whole))
		return UINT64_MAX;
	/* Less than enabled; an estimate anyway. */
	rest = (uint64_t)((double)(value % running) * (double)enabled / (double)running);
	return __builtin_add_overflow(whole, rest, &whole) ? UINT64_MAX : whole;
}

enum count_self_result {
	COUNT_SELF_DONE,
	COUNT_SELF_AGAIN,	/* the page changed meanwhile */
	COUNT_SELF_NONE,	/* not on the PMU, or not to be read like this: ask the kernel */
};

/* One try at the counter that @page is about.  @clock NULL: the value alone, no times. */
__attribute__((always_inline))
static inline enum count_self_result count_self_try(const struct perf_event_mmap_page *page,
						    count_pmc_fn read_pmc, count_clock_fn clock,
						    struct count_self *out)
{
	uint32_t index, seq = __atomic_load_n(&page->lock, __ATOMIC_ACQUIRE);	/* A */
	uint64_t caps = count_self_load(page->capabilities);
	uint64_t value = (uint64_t)count_self_load(page->offset);
	unsigned int width = count_self_load(page->pmc_width);
	uint64_t pmc, delta = 0;
	bool usable;

	index = count_self_load(page->index);
	usable = index && (caps & COUNT_SELF_CAP_SURE) && (caps & COUNT_SELF_CAP_PMC) &&
		 width - 1 < 64 && (!clock || (caps & COUNT_SELF_CAP_TIME));
	/* What was read in the middle of a change decides nothing. */
	if (__builtin_expect(!usable || seq & 1, 0)) {
		count_self_fence();
		return seq & 1 || count_self_load(page->lock) != seq ? COUNT_SELF_AGAIN :
								       COUNT_SELF_NONE;
	}
	if (!read_pmc(index, &pmc))
		return COUNT_SELF_NONE;
	if (clock) {
		delta = count_self_delta(page, caps, clock());
		out->enabled = count_self_load(page->time_enabled) + delta;
		out->running = count_self_load(page->time_running) + delta;
	}
	count_self_fence();							/* C */
	if (__builtin_expect(count_self_load(page->lock) != seq, 0))
		return COUNT_SELF_AGAIN;
	out->value = value + count_self_extend(pmc, width);
	return COUNT_SELF_DONE;
}

/* The same until it succeeds; false: ask the kernel. */
static inline bool count_self_read(const struct perf_event_mmap_page *page, count_pmc_fn read_pmc,
				   count_clock_fn clock, struct count_self *out)
{
	enum count_self_result result = COUNT_SELF_AGAIN;

	for (int i = 0; i < COUNT_SELF_TRIES && result == COUNT_SELF_AGAIN; i++)
		result = count_self_try(page, read_pmc, clock, out);
	return result == COUNT_SELF_DONE;
}

#endif /* PERFRING_COUNT_SELF_H */
