// SPDX-License-Identifier: MIT
/* The generic events: hardware, software, cache.  Their numbers are perf_event.h's. */
#include "event.h"

#include <stdio.h>
#include <strings.h>

#define HARDWARE(name, alias, config) \
	{ name, alias, PERF_TYPE_HARDWARE, PERF_COUNT_HW_##config }
#define SOFTWARE(name, alias, config) \
	{ name, alias, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_##config }

const struct event_name perfring_event_names[EVENT_NAMES] = {
	HARDWARE("cpu-cycles", "cycles", CPU_CYCLES),
	HARDWARE("instructions", NULL, INSTRUCTIONS),
	HARDWARE("cache-references", NULL, CACHE_REFERENCES),
	HARDWARE("cache-misses", NULL, CACHE_MISSES),
	HARDWARE("branch-instructions", "branches", BRANCH_INSTRUCTIONS),
	HARDWARE("branch-misses", NULL, BRANCH_MISSES),
	HARDWARE("bus-cycles", NULL, BUS_CYCLES),
	HARDWARE("stalled-cycles-frontend", "idle-cycles-frontend", STALLED_CYCLES_FRONTEND),
	HARDWARE("stalled-cycles-backend", "idle-cycles-backend", STALLED_CYCLES_BACKEND),
	HARDWARE("ref-cycles", NULL, REF_CPU_CYCLES),
	SOFTWARE("cpu-clock", NULL, CPU_CLOCK),
	SOFTWARE("task-clock", NULL, TASK_CLOCK),
	SOFTWARE("page-faults", "faults", PAGE_FAULTS),
	SOFTWARE("context-switches", "cs", CONTEXT_SWITCHES),
	SOFTWARE("cpu-migrations", "migrations", CPU_MIGRATIONS),
	SOFTWARE("minor-faults", NULL, PAGE_FAULTS_MIN),
	SOFTWARE("major-faults", NULL, PAGE_FAULTS_MAJ),
	SOFTWARE("alignment-faults", NULL, ALIGNMENT_FAULTS),
	SOFTWARE("emulation-faults", NULL, EMULATION_FAULTS),
	SOFTWARE("dummy", NULL, DUMMY),
	SOFTWARE("bpf-output", NULL, BPF_OUTPUT),
	/* Its constant is not in the headers of older kernels. */
	{ "cgroup-switches", NULL, PERF_TYPE_SOFTWARE, 11 },
};

/* The first name of each is the one that lists show. */
static const char *const cache_types[][4] = {
	[PERF_COUNT_HW_CACHE_L1D] = { "L1-dcache", "l1-d", "l1d", "L1-data" },
	[PERF_COUNT_HW_CACHE_L1I] = { "L1-icache", "l1-i", "l1i", "L1-instruction" },
	[PERF_COUNT_HW_CACHE_LL] = { "LLC", "L2" },
	[PERF_COUNT_HW_CACHE_DTLB] = { "dTLB", "d-tlb", "Data-TLB" },
	[PERF_COUNT_HW_CACHE_ITLB] = { "iTLB", "i-tlb", "Instruction-TLB" },
	/* "branches" alone is the hardware event. */
	[PERF_COUNT_HW_CACHE_BPU] = { "branch", "bpu", "btb", "bpc" },
	[PERF_COUNT_HW_CACHE_NODE] = { "node" },
};

static const struct {
	const char *name;
	uint8_t op;
} cache_ops[] = {
	{ "loads", PERF_COUNT_HW_CACHE_OP_READ },
	{ "load", PERF_COUNT_HW_CACHE_OP_READ },
	{ "read", PERF_COUNT_HW_CACHE_OP_READ },
	{ "stores", PERF_COUNT_HW_CACHE_OP_WRITE },
	{ "store", PERF_COUNT_HW_CACHE_OP_WRITE },
	{ "write", PERF_COUNT_HW_CACHE_OP_WRITE },
	{ "prefetches", PERF_COUNT_HW_CACHE_OP_PREFETCH },
	{ "prefetch", PERF_COUNT_HW_CACHE_OP_PREFETCH },
	{ "speculative-read", PERF_COUNT_HW_CACHE_OP_PREFETCH },
	{ "speculative-load", PERF_COUNT_HW_CACHE_OP_PREFETCH },
};

static const struct {
	const char *name;
	uint8_t result;
} cache_results[] = {
	{ "refs", PERF_COUNT_HW_CACHE_RESULT_ACCESS },
	{ "Reference", PERF_COUNT_HW_CACHE_RESULT_ACCESS },
	{ "ops", PERF_COUNT_HW_CACHE_RESULT_ACCESS },
	{ "access", PERF_COUNT_HW_CACHE_RESULT_ACCESS },
	{ "misses", PERF_COUNT_HW_CACHE_RESULT_MISS },
	{ "miss", PERF_COUNT_HW_CACHE_RESULT_MISS },
};

#define LENGTH(array)	(sizeof(array) / sizeof((array)[0]))
#define OP(name)	(1U << PERF_COUNT_HW_CACHE_OP_##name)

/* What there is of each cache: nobody stores to an instruction cache. */
static const uint8_t cache_has[] = {
	[PERF_COUNT_HW_CACHE_L1D] = OP(READ) | OP(WRITE) | OP(PREFETCH),
	[PERF_COUNT_HW_CACHE_L1I] = OP(READ) | OP(PREFETCH),
	[PERF_COUNT_HW_CACHE_LL] = OP(READ) | OP(WRITE) | OP(PREFETCH),
	[PERF_COUNT_HW_CACHE_DTLB] = OP(READ) | OP(WRITE) | OP(PREFETCH),
	[PERF_COUNT_HW_CACHE_ITLB] = OP(READ),
	[PERF_COUNT_HW_CACHE_BPU] = OP(READ),
	[PERF_COUNT_HW_CACHE_NODE] = OP(READ) | OP(WRITE) | OP(PREFETCH),
};

bool perfring_event_word_is(struct event_word word, const char *text)
{
	return strlen(text) == word.len && !memcmp(text, word.at, word.len);
}

bool perfring_event_by_name(struct event_word word, uint32_t *type, uint64_t *config)
{
	for (size_t i = 0; i < EVENT_NAMES; i++) {
		const struct event_name *known = &perfring_event_names[i];

		if (perfring_event_word_is(word, known->name) ||
		    (known->alias && perfring_event_word_is(word, known->alias))) {
			*type = known->type;
			*config = known->config;
			return true;
		}
	}
	return false;
}

/* Is @name the beginning of @word, up to its end or a dash?  Then it is cut off. */
static bool cache_part(struct event_word *word, const char *name)
{
	size_t len = strlen(name);

	if (word->len < len || strncasecmp(word->at, name, len) != 0)
		return false;
	if (word->len == len) {
		word->len = 0;
		return true;
	}
	if (word->at[len] != '-')
		return false;
	word->at += len + 1;
	word->len -= len + 1;
	return word->len > 0;
}

static int cache_type(struct event_word *word)
{
	for (size_t i = 0; i < LENGTH(cache_types); i++)
		for (size_t j = 0; j < LENGTH(cache_types[i]) && cache_types[i][j]; j++)
			if (cache_part(word, cache_types[i][j]))
				return (int)i;
	if (cache_part(word, "branches"))
		return PERF_COUNT_HW_CACHE_BPU;
	return -1;
}

static int cache_op(struct event_word *word)
{
	for (size_t i = 0; i < LENGTH(cache_ops); i++)
		if (cache_part(word, cache_ops[i].name))
			return cache_ops[i].op;
	return -1;
}

static int cache_result(struct event_word *word)
{
	for (size_t i = 0; i < LENGTH(cache_results); i++)
		if (cache_part(word, cache_results[i].name))
			return cache_results[i].result;
	return -1;
}

/* TYPE[-OP][-RESULT], or the two the other way round; without: loads, accesses. */
bool perfring_event_by_cache(struct event_word word, uint64_t *config)
{
	int type = cache_type(&word), op, result;

	if (type < 0)
		return false;
	op = cache_op(&word);
	result = cache_result(&word);
	if (op < 0 && result >= 0)
		op = cache_op(&word);
	if (word.len)
		return false;
	if (op < 0)
		op = PERF_COUNT_HW_CACHE_OP_READ;
	if (result < 0)
		result = PERF_COUNT_HW_CACHE_RESULT_ACCESS;
	if (!(cache_has[type] & 1U << op))
		return false;
	*config = (uint64_t)type | (uint64_t)op << 8 | (uint64_t)result << 16;
	return true;
}

bool perfring_event_cache_name(unsigned int index, char *name, size_t len, uint64_t *config)
{
	static const char *const ops[][2] = {
		[PERF_COUNT_HW_CACHE_OP_READ] = { "loads", "load-misses" },
		[PERF_COUNT_HW_CACHE_OP_WRITE] = { "stores", "store-misses" },
		[PERF_COUNT_HW_CACHE_OP_PREFETCH] = { "prefetches", "prefetch-misses" },
	};

	for (unsigned int type = 0; type < LENGTH(cache_types); type++)
		for (unsigned int op = 0; op < LENGTH(ops); op++)
			for (unsigned int result = 0; result < 2; result++) {
				if (!(cache_has[type] & 1U << op) || index--)
					continue;
				snprintf(name, len, "%s-%s", cache_types[type][0],
					 ops[op][result]);
				*config = type | op << 8 | result << 16;
				return true;
			}
	return false;
}

bool perfring_event_number(struct event_word word, uint64_t *value)
{
	unsigned int base = 10, digit;
	size_t i = 0;

	if (word.len > 2 && word.at[0] == '0' && (word.at[1] == 'x' || word.at[1] == 'X')) {
		base = 16;
		i = 2;
	}
	*value = 0;
	for (; i < word.len; i++) {
		char c = word.at[i];

		if (c >= '0' && c <= '9')
			digit = (unsigned int)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned int)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned int)(c - 'A') + 10;
		else
			return false;
		if (digit >= base || __builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, digit, value))
			return false;
	}
	return word.len > 0;
}

/* "r01c0" */
bool perfring_event_by_raw(struct event_word word, uint64_t *config)
{
	char hex[2 + 16 + 1] = "0x";

	if (word.len < 2 || word.len > 17 || word.at[0] != 'r')
		return false;
	memcpy(hex + 2, word.at + 1, word.len - 1);
	return perfring_event_number((struct event_word){ hex, word.len + 1 }, config);
}
