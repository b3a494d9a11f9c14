// SPDX-License-Identifier: MIT
/* What happens to every reader, sooner or later. */
#include "torture.h"

#include <unistd.h>

/* Ten records, each read before the next one is written. */
static bool run_plain(struct torture *t)
{
	if (!torture_begin(t))
		return false;
	for (uint32_t i = 0; i < 10; i++)
		if (!torture_put(t, 8 + 11 * i, true) || !torture_settled(t))
			return false;
	return torture_finish(t);
}

static bool run_backlog(struct torture *t)
{
	const struct torture_shape shape = { .bytes = 0 };

	if (!torture_open(t, &shape))
		return false;
	for (uint32_t i = 0; i < 40; i++)
		if (!torture_put(t, 8 + i, false))
			return false;
	return torture_start(t) && torture_settled(t) && torture_finish(t);
}

static bool run_quiet(struct torture *t)
{
	if (!torture_begin(t) || !torture_put(t, 20, true))
		return false;
	for (uint32_t i = 0; i < 5; i++)
		if (!torture_settled(t) || !torture_asleep(t) || !torture_put(t, 20 + i, false))
			return false;
	return torture_settled(t) && torture_finish(t);
}

/* Each record at every place where it lies across the end of the data. */
static bool run_wrap(struct torture *t)
{
	static const uint32_t lens[] = { 8, 28, 68 };
	uint32_t size;

	if (!torture_begin(t))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		size = torture_sample_size(lens[i]);
		for (uint32_t before = 8; before < size; before += 8)
			if (!torture_advance(t, t->ring.size - before) ||
			    !torture_put(t, lens[i], true) || !torture_settled(t))
				return false;
	}
	return torture_finish(t);
}

static bool run_padding(struct torture *t)
{
	if (!torture_begin(t))
		return false;
	for (uint32_t len = 8; len < 25; len++)
		if (!torture_put(t, len, true) || !torture_settled(t))
			return false;
	return torture_finish(t);
}

static bool run_largest(struct torture *t)
{
	/* The first one lies half before the end, half after it. */
	const struct torture_shape shape = { .bytes = 131072, .position = 131072 - 32760 };
	static const uint32_t lens[] = {
		TORTURE_PAYLOAD_MAX, 32756, 32760, TORTURE_PAYLOAD_MAX, TORTURE_PAYLOAD_MAX,
	};

	if (!torture_open(t, &shape) || !torture_start(t))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++)
		if (!torture_put(t, lens[i], true) || !torture_settled(t))
			return false;
	return torture_finish(t);
}

static bool run_types(struct torture *t)
{
	static const struct {
		uint32_t type;
		uint16_t misc;
		uint32_t len;
	} others[] = {
		{ PERF_RECORD_THROTTLE, 0, 24 },
		{ PERF_RECORD_UNTHROTTLE, 0, 24 },
		{ PERF_RECORD_SWITCH, PERF_RECORD_MISC_SWITCH_OUT, 0 },
		{ PERF_RECORD_SWITCH, 0, 0 },
		{ 77, 0, 40 },
		{ 0xdeadbeef, 0xffff, 8 },
	};

	if (!torture_begin(t))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!torture_put_other(t, others[i].type, others[i].misc, others[i].len) ||
		    !torture_settled(t) || !torture_put(t, 20, true) || !torture_settled(t))
			return false;
	return torture_finish(t);
}

static bool lose(struct torture *t, uint32_t nr)
{
	if (!torture_fill(t, 28))
		return false;
	while (nr--)
		if (!torture_put_lost(t, 28))
			return false;
	return true;
}

static bool lost_told(struct torture *t)
{
	return torture_settled(t) && torture_put(t, 28, true) && torture_settled(t) &&
	       torture_put(t, 28, true) && torture_settled(t);
}

/*
 * The LOST record itself across the end, where the ring has pages of a power of two.  Two of
 * them, because the device counts its ids from 1: not both can be what is lost.
 */
static bool run_lost(struct torture *t)
{
	const struct torture_shape shape = { .position = 1 << 20 };

	return torture_open(t, &shape) && lose(t, 5) && torture_start(t) && lost_told(t) &&
	       torture_stop(t, true) && lose(t, 2) && torture_stop(t, false) && lost_told(t) &&
	       torture_finish(t);
}

static bool run_position(struct torture *t, uint64_t position)
{
	const struct torture_shape shape = { .position = position };

	if (!torture_open(t, &shape) || !torture_start(t))
		return false;
	for (uint32_t i = 0; i < 4; i++)
		if (!torture_put(t, 8 + 9 * i, true) || !torture_settled(t))
			return false;
	return torture_finish(t);
}

static bool run_position_32(struct torture *t)
{
	return run_position(t, (1ULL << 32) - 64);
}

static bool run_position_63(struct torture *t)
{
	return run_position(t, (1ULL << 63) - 64);
}

static bool run_position_64(struct torture *t)
{
	return run_position(t, 0ULL - 64);
}

/*
 * More than the reader can print with nobody listening, so that it comes to a stand
 * within its batch; meanwhile what it has released is written over.
 */
static bool run_refill(struct torture *t)
{
	const struct torture_shape shape = { .bytes = 16 * (uint64_t)sysconf(_SC_PAGESIZE) };

	if (!torture_open(t, &shape) || !torture_fill(t, 9) || !torture_start(t))
		return false;
	for (int i = 0; i < 20; i++)
		if (!torture_blocked(t) || !torture_fill(t, 8 + 8 * (uint32_t)(i % 3)) ||
		    !torture_listen(t))
			return false;
	return torture_settled(t) && torture_finish(t);
}

/* One that is written, not published, and taken back, behind one that is published. */
static bool run_hold(struct torture *t)
{
	const struct torture_shape shape = { .bytes = 0 };

	if (!torture_open(t, &shape) || !torture_put(t, 20, true) ||
	    !torture_did(t, t->ring.backend->hold(&t->ring, torture_payload(20, 1000), 20),
			 "hold a record"))
		return false;
	if (!torture_start(t) || !torture_settled(t) || !torture_asleep(t) ||
	    !torture_did(t, t->ring.backend->discard(&t->ring), "take a record back"))
		return false;
	return torture_put(t, 28, true) && torture_settled(t) && torture_finish(t);
}

static bool run_hangup(struct torture *t)
{
	if (!torture_begin(t) || !torture_put(t, 20, true) || !torture_settled(t) ||
	    !torture_asleep(t) || !torture_stop(t, true))
		return false;
	for (uint32_t i = 0; i < 3; i++)
		if (!torture_put(t, 20, false))
			return false;
	if (!torture_did(t, t->ring.backend->hangup(&t->ring), "hang up") ||
	    !torture_expect(t, 0, 0, "hangup") || !torture_stop(t, false))
		return false;
	return torture_ended(t);
}

static bool run_signal(struct torture *t)
{
	if (!torture_begin(t) || !torture_put(t, 20, true) || !torture_settled(t))
		return false;
	for (int i = 0; i < 10; i++)
		if (!torture_asleep(t) || !torture_signal(t))
			return false;
	return torture_put(t, 20, true) && torture_settled(t) && torture_finish(t);
}

/* The control page of a machine with pages of 64 KiB. */
static bool run_page_64k(struct torture *t)
{
	const struct torture_shape shape = { .page_size = 65536 };

	if (!torture_open(t, &shape) || !torture_start(t) || !torture_put(t, 20, true) ||
	    !torture_settled(t) || !torture_advance(t, t->ring.size - 16) ||
	    !torture_put(t, 28, true) || !torture_settled(t))
		return false;
	return torture_finish(t);
}

static bool run_old_kernel(struct torture *t)
{
	const struct torture_shape shape = { .old = true };

	if (!torture_open(t, &shape) || !torture_start(t) || !torture_put(t, 20, true) ||
	    !torture_settled(t) || !torture_advance(t, t->ring.size - 16) ||
	    !torture_put(t, 28, true) || !torture_settled(t))
		return false;
	return torture_finish(t);
}

static bool put_many(struct torture *t, uint64_t bytes, uint32_t len)
{
	for (uint64_t done = 0; done < bytes; done += torture_sample_size(len))
		if (!torture_put(t, len, false))
			return false;
	return torture_put(t, len, true);
}

/*
 * Lapped three times; then a little more, while positions pass 0; then, where that can be,
 * nothing.
 */
static bool run_overwrite(struct torture *t)
{
	const struct torture_shape shape = {
		.position = 3 * (uint64_t)sysconf(_SC_PAGESIZE) + 128, .backward = true,
	};
	int err;

	if (!torture_open(t, &shape) || !put_many(t, 3 * t->ring.size, 28) || !torture_start(t) ||
	    !torture_printed(t) || !torture_put(t, 20, false) || !torture_put(t, 60, true) ||
	    !torture_printed(t))
		return false;
	if (t->ring.backend->wake) {
		if (!torture_expect(t, 0, 0, "snapshot"))
			return false;
		err = t->ring.backend->wake(&t->ring);
		if (!torture_did(t, err, "wake") || !torture_printed(t))
			return false;
	}
	return torture_finish(t);
}

/* Lapped while the reader prints what it has found. */
static bool run_overwrite_lap(struct torture *t)
{
	const struct torture_shape shape = {
		.bytes = 16 * (uint64_t)sysconf(_SC_PAGESIZE), .backward = true,
	};

	if (!torture_open(t, &shape) || !put_many(t, t->ring.size, 9) || !torture_start(t) ||
	    !torture_blocked(t) || !put_many(t, 2 * t->ring.size, 12) || !torture_printed(t))
		return false;
	return torture_finish(t);
}

const struct torture_scenario torture_scenarios[] = {
	{ "plain", "ten records, each read before the next one is written",
	  "the tail is stored once its records are used, as a position that runs on freely",
	  run_plain },
	{ "backlog", "40 records wait before the reader begins, and nothing wakes it",
	  "look at the ring before the first wait; release what was read and no more",
	  run_backlog },
	{ "quiet", "records below the watermark, which wake nobody, while the reader waits",
	  "wait with a time limit, and look at the ring when it is over",
	  run_quiet },
	{ "wrap", "records of 24, 40 and 80 bytes across the end of the data, at each place",
	  "every byte of a record, its first fields too, is at (position + offset) modulo data_size",
	  run_wrap },
	{ "padding", "payloads of every length modulo 8",
	  "the RAW field is rounded up by the kernel: the payload knows its length itself",
	  run_padding },
	{ "largest", "records of 65528 bytes across the end, and of 32768",
	  "header.size is unsigned, and up to 65528 bytes have to be put together",
	  run_largest },
	{ "types", "THROTTLE, SWITCH and types of no name, with misc, between samples",
	  "a type that is not known is stepped over by its size; misc is 16 bits before it",
	  run_types },
	{ "lost", "a full ring loses 5 records, and then 2, and says so later",
	  "PERF_RECORD_LOST says how many are missing: u64 id, u64 lost",
	  run_lost },
	{ "position-32", "positions pass 2^32, where those of a 32-bit kernel begin at 0 again",
	  "a position has 64 bits, of a 32-bit kernel 32: so many count of a difference, and no less",
	  run_position_32 },
	{ "position-63", "positions pass 2^63",
	  "positions are unsigned, and only ever subtracted",
	  run_position_63 },
	{ "position-64", "positions pass 2^64 and begin at 0 again",
	  "positions are not ordered by <, only subtracted",
	  run_position_64 },
	{ "refill", "what the reader has released is written over at once, while it cannot print",
	  "the tail is stored after the last use of the bytes before it",
	  run_refill },
	{ "hold", "a record is in memory and not published, and then taken back",
	  "nothing at data_head or beyond is a record, whatever the bytes look like",
	  run_hold },
	{ "signal", "signals interrupt the reader's wait (for one that handles SIGUSR1)",
	  "EINTR from poll(2) means: again",
	  run_signal },
	{ "hangup", "three records and POLLHUP come together",
	  "read what is there, then do not poll again",
	  run_hangup },
	{ "page-64k", "a control page of 64 KiB",
	  "the data begins at data_offset, not after 4096 bytes",
	  run_page_64k },
	{ "old-kernel", "data_offset and data_size are 0, as before Linux 4.1",
	  "then the data is what was mapped, less one page",
	  run_old_kernel },
	{ "overwrite", "a ring that is written backward and overwrites, lapped; three snapshots",
	  "each snapshot begins at a data_head of its own, and ends at the last one's or after a lap",
	  run_overwrite },
	{ "overwrite-lap", "the same is lapped while the reader prints",
	  "take back the wakeup, copy, look at data_head again, leave out what may be overwritten",
	  run_overwrite_lap },
};

const size_t torture_scenarios_nr = ARRAY_SIZE(torture_scenarios);
