// SPDX-License-Identifier: MIT
/* What no kernel writes: a reader says so and ends. */
#include "torture.h"

#include <string.h>

/* Two good records, then it is corrupt from the head on. */
static bool hostile_begin(struct torture *t)
{
	return torture_begin(t) && torture_put(t, 20, true) && torture_put(t, 28, true) &&
	       torture_settled(t);
}

static bool hostile_ended(struct torture *t)
{
	return torture_expect(t, 0, 0, "corrupt");
}

/* A header that says @size, of which @there bytes are in the ring. */
static bool run_size(struct torture *t, uint16_t size, uint32_t there)
{
	struct {
		struct perf_event_header header;
		uint32_t raw;
		uint32_t len;
		uint32_t word[10];
	} record;

	memset(&record, 0, sizeof(record));
	record.header.type = PERF_RECORD_SAMPLE;
	record.header.size = size;
	record.raw = 20;
	record.len = 16;
	return hostile_begin(t) && hostile_ended(t) &&
	       torture_did(t, t->ring.backend->inject(&t->ring, &record, there, there),
			   "write what no kernel writes (root, perfring load allow_inject=1)") &&
	       torture_ended(t);
}

static bool run_size_zero(struct torture *t)
{
	return run_size(t, 0, 40);
}

static bool run_size_small(struct torture *t)
{
	return run_size(t, 4, 40);
}

static bool run_size_odd(struct torture *t)
{
	return run_size(t, 30, 40);
}

static bool run_size_beyond(struct torture *t)
{
	return run_size(t, 48, 24);
}

static bool run_size_ring(struct torture *t)
{
	return run_size(t, 0xfff8, 40);
}

/*
 * A data_head @far from where it was, after a lap of records that divide the data: what
 * is at a wrong position looks good.
 */
static bool run_head(struct torture *t, uint64_t far)
{
	const uint32_t len = 20;

	if (!torture_begin(t))
		return false;
	for (uint64_t done = 0; done < t->ring.size + 64; done += torture_sample_size(len))
		if (!torture_put(t, len, true) || !torture_settled(t))
			return false;
	return hostile_ended(t) &&
	       torture_did(t, t->ring.backend->inject_head(&t->ring,
							   t->ring.control->data_head + far),
			   "write what no kernel writes (root, perfring load allow_inject=1)") &&
	       torture_ended(t);
}

static bool run_head_back(struct torture *t)
{
	return run_head(t, 0ULL - 8);
}

static bool run_head_jump(struct torture *t)
{
	/* Where positions have 32 bits the upper half is nothing that a reader must look at. */
	return run_head(t, 1ULL << (sizeof(long) == 4 ? 30 : 40));
}

/*
 * The size is the record's until it has been loaded, and then one that cannot be.  Who
 * loads it once has the record; who looks again may say that it is corrupt.
 */
static bool run_size_changes(struct torture *t)
{
	static const uint16_t lies[] = { 48, 0xfff8, 0 };

	if (!hostile_begin(t))
		return false;
	t->may_refuse = true;
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		if (!torture_watch(t, t->ring.control->data_head, lies[i]) ||
		    !torture_put(t, 12, true) || !torture_settled(t))
			return false;
		if (t->refused)
			return torture_ended(t);
		if (!torture_watch_touched(t))
			return torture_skip(t, "nothing here tells when a size is loaded (watchpoints by ptrace(2))");
	}
	t->may_refuse = false;
	return torture_finish(t);
}

const struct torture_scenario torture_hostile[] = {
	{ "size-zero", "a header that says 0 bytes",
	  "a size below 8 ends the reading: nothing after it can be found",
	  run_size_zero },
	{ "size-small", "a header that says 4 bytes",
	  "a size below 8 ends the reading: the header itself is longer",
	  run_size_small },
	{ "size-odd", "a header that says 30 bytes",
	  "sizes are multiples of 8",
	  run_size_odd },
	{ "size-beyond", "a header that says 48 bytes where 24 are published",
	  "a record ends at data_head or before it",
	  run_size_beyond },
	{ "size-ring", "a header that says 65528 bytes in a smaller ring",
	  "a record ends at data_head or before it",
	  run_size_ring },
	{ "head-back", "data_head goes 8 bytes back",
	  "data_head - data_tail is more than data_size: no position that follows",
	  run_head_back },
	{ "head-jump", "data_head jumps by 1 TiB (1 GiB where positions have 32 bits)",
	  "data_head - data_tail is more than data_size: no position that follows",
	  run_head_jump },
	{ "size-changes", "a header's size is another one once the reader has loaded it",
	  "load the size once: what is checked and what is used must be the same number",
	  run_size_changes },
};

const size_t torture_hostile_nr = ARRAY_SIZE(torture_hostile);
