// SPDX-License-Identifier: MIT
/*
 * Two accounts of the same task switches of one CPU, record for record.
 *
 * Both probes are called, one after the other and with interrupts off, for each
 * hit of the tracepoint on that CPU.  The device was enabled before perf and
 * is disabled after it, so each of perf's records has its counterpart in the
 * device's stream, and between the first and the last of them there is no other:
 * perf's stream is a contiguous part of the device's.
 *
 * Where does it begin?  Each probe reads the clock by itself, the one a little after
 * the other, and a clock that never goes back may stand still over several hits (perf's
 * does, between ticks, where the processors' counters are not in step).  The counterpart
 * of perf's first record is hence one of: the device's last record before it in time, those
 * of the same time, the first one after it.  Successive switches differ, because a task
 * is never switched with itself, so the longest run tells which.
 *
 * That nothing is missing from both shows in the chain: who is switched in is
 * who is switched out next.
 */
#include "demo.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN_ZOMBIE	0x20	/* EXIT_ZOMBIE */
#define ALIGN_DEAD	0x10	/* EXIT_DEAD */

/*
 * A dead task's last switch may be interleaved with its parent, on another CPU,
 * which takes its status: the first probe sees a zombie, the second a dead one.
 */
static bool align_reaped(const struct switch_record *a, const struct switch_record *b)
{
	return (a->prev_state == ALIGN_ZOMBIE && b->prev_state == ALIGN_DEAD) ||
	       (a->prev_state == ALIGN_DEAD && b->prev_state == ALIGN_ZOMBIE);
}

/* All fields of the payload; the times are each probe's own. */
bool demo_same(const struct switch_record *a, const struct switch_record *b)
{
	return a->prev_pid == b->prev_pid && a->next_pid == b->next_pid &&
	       a->prev_prio == b->prev_prio && a->next_prio == b->next_prio &&
	       (a->prev_state == b->prev_state || align_reaped(a, b)) &&
	       !strncmp(a->prev_comm, b->prev_comm, sizeof(a->prev_comm)) &&
	       !strncmp(a->next_comm, b->next_comm, sizeof(a->next_comm));
}

static size_t align_breaks(const struct demo_stream *stream)
{
	size_t breaks = 0;

	for (size_t i = 1; i < stream->nr; i++)
		breaks += stream->record[i].prev_pid != stream->record[i - 1].next_pid;
	return breaks;
}

/* How many records of perf match those of the device from @first on. */
static size_t align_run(const struct demo_stream *device, size_t first,
			const struct demo_stream *perf)
{
	size_t n = 0;

	while (n < perf->nr && first + n < device->nr &&
	       demo_same(&device->record[first + n], &perf->record[n]))
		n++;
	return n;
}

static uint64_t align_skew(const struct switch_record *a, const struct switch_record *b)
{
	return a->time < b->time ? b->time - a->time : a->time - b->time;
}

static void align_measure(const struct demo_stream *device, const struct demo_stream *perf,
			  struct demo_alignment *alignment)
{
	for (size_t i = 0; i < alignment->matched; i++) {
		const struct switch_record *a = &device->record[alignment->before + i];
		const struct switch_record *b = &perf->record[i];
		uint64_t skew = align_skew(a, b);

		if (skew > alignment->skew)
			alignment->skew = skew;
		alignment->reaped += align_reaped(a, b);
	}
}

void demo_align(const struct demo_stream *device, const struct demo_stream *perf,
		struct demo_alignment *alignment)
{
	size_t at, run;

	memset(alignment, 0, sizeof(*alignment));
	if (!perf->nr || !device->nr) {
		alignment->reason = perf->nr ? "the device has no records" :
				    "perf has no records";
		return;
	}
	for (at = 1; at < device->nr && device->record[at].time < perf->record[0].time; at++)
		;
	alignment->before = at - 1;
	for (at--; at < device->nr; at++) {
		run = align_run(device, at, perf);
		if (run > alignment->matched) {
			alignment->before = at;
			alignment->matched = run;
		}
		if (device->record[at].time > perf->record[0].time)
			break;
	}
	align_measure(device, perf, alignment);
	alignment->after = device->nr - alignment->before - alignment->matched;
	alignment->breaks = align_breaks(device) + align_breaks(perf);

	if (alignment->matched < perf->nr)
		alignment->reason = alignment->before + alignment->matched < device->nr ?
				    "they differ" : "the device's records end before perf's";
	else if (alignment->breaks)
		alignment->reason =
			"a switch is missing: prev is not the next of the record before";
	else
		alignment->equal = true;
}

static int align_compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

uint64_t demo_align_median(const struct demo_stream *device, const struct demo_stream *perf,
			   const struct demo_alignment *alignment)
{
	uint64_t *skew = calloc(alignment->matched + 1, sizeof(*skew));
	uint64_t median;

	if (!skew)
		return 0;
	for (size_t i = 0; i < alignment->matched; i++)
		skew[i] = align_skew(&device->record[alignment->before + i], &perf->record[i]);
	qsort(skew, alignment->matched, sizeof(*skew), align_compare);
	median = skew[alignment->matched / 2];
	free(skew);
	return median;
}
