// SPDX-License-Identifier: MIT
/* What demo found: the table, the first records, the verdict. */
#include "demo.h"

#include <inttypes.h>
#include <string.h>

#define SHOW_COLUMN	39	/* a switch in a line of two */

static uint64_t show_lost(const struct demo_lane *lane)
{
	uint64_t lost = lane->loss.lost + lane->loss.lost_samples;

	/* The device also knows of losses that no LOST record could tell yet. */
	if (!lane->fields && lane->stats.lost_full + lane->stats.lost_paused > lost)
		lost = lane->stats.lost_full + lane->stats.lost_paused;
	return lost;
}

void demo_show_table(const struct demo *demo)
{
	char matched[64];

	puts("CPU  source  records      bytes  lost  wakeups   high water  in sequence");
	for (size_t i = 0; i < 2 * demo->nr; i++) {
		const struct demo_lane *lane = &demo->lane[i];
		const struct demo_alignment *alignment = &demo->alignment[i / 2];
		uint64_t high = lane->fields ? lane->high_water : lane->stats.high_water;
		uint64_t wakeups = lane->fields ? lane->wakeups : lane->stats.wakeups;

		if (lane->fields)
			snprintf(matched, sizeof(matched), "%zu of %zu equal", alignment->matched,
				 lane->stream.nr);
		else
			snprintf(matched, sizeof(matched), "%zu before, %zu after",
				 alignment->before, alignment->after);
		printf("%3u  %-6s %8" PRIu64 " %10" PRIu64 " %5" PRIu64 " %8" PRIu64 " %6" PRIu64 " %4.1f %%  %s\n",
		       lane->cpu, lane->fields ? "perf" : "device", lane->loss.records,
		       lane->loss.bytes, show_lost(lane), wakeups, high,
		       100.0 * (double)high /
		       (double)perfring_storage_data_size(lane->storage), matched);
	}
	puts("(high water in bytes; wakeups and high water as the module counted them, for perf as\n"
	     " epoll and the reader saw them; the device starts before perf and stops after it)\n");
}

/* "comm:pid/prio S>comm:pid/prio" */
static char *show_switch(const struct switch_record *record, char *out, size_t room)
{
	char prev[80], next[80], state[16];

	cli_escape(prev, sizeof(prev), record->prev_comm, sizeof(record->prev_comm));
	cli_escape(next, sizeof(next), record->next_comm, sizeof(record->next_comm));
	snprintf(out, room, "%s:%d/%d %s>%s:%d/%d", prev, record->prev_pid, record->prev_prio,
		 payload_state(record->prev_state, state), next, record->next_pid,
		 record->next_prio);
	return out;
}

/* Cut what does not fit, visibly. */
static void show_cut(char *text, size_t width)
{
	if (strlen(text) > width)
		memcpy(text + width - 1, "~", 2);
}

void demo_show_records(const struct demo *demo, size_t lane, size_t count)
{
	const struct demo_stream *device = &demo->lane[lane].stream;
	const struct demo_stream *perf = &demo->lane[lane + 1].stream;
	const struct demo_alignment *alignment = &demo->alignment[lane / 2];
	char left[256], right[256];
	uint64_t start = perf->nr ? perf->record[0].time : 0;

	printf("CPU %u, the first records, as task:pid/priority state>next:pid/priority; perf's time in us, and\n"
	       "how much later (+) or earlier (-) the device's probe read the clock:\n"
	       "%8s %7s  %-*s   %s\n", demo->lane[lane].cpu, "time", "device",
	       SHOW_COLUMN, "/dev/perfringN", "perf_event_open(2)");
	for (size_t i = 0; i < count && i < perf->nr && alignment->before + i < device->nr; i++) {
		const struct switch_record *a = &device->record[alignment->before + i];
		const struct switch_record *b = &perf->record[i];

		show_switch(a, left, sizeof(left));
		show_switch(b, right, sizeof(right));
		show_cut(left, SHOW_COLUMN);
		show_cut(right, SHOW_COLUMN);
		printf("%8.0f %+7.1f  %-*s %s %s\n", (double)(b->time - start) / 1e3,
		       (double)(int64_t)(a->time - b->time) / 1e3, SHOW_COLUMN, left,
		       demo_same(a, b) ? "=" : "#", right);
	}
	putchar('\n');
}

/* The first pair that differs, in full. */
static void show_mismatch(const struct demo *demo, size_t i)
{
	const struct demo_alignment *alignment = &demo->alignment[i];
	const struct demo_stream *device = &demo->lane[2 * i].stream;
	const struct demo_stream *perf = &demo->lane[2 * i + 1].stream;
	size_t at = alignment->before + alignment->matched;
	char text[256];

	if (alignment->matched >= perf->nr)
		return;
	printf("  perf's record %zu: time %" PRIu64 " %s\n", alignment->matched,
	       perf->record[alignment->matched].time,
	       show_switch(&perf->record[alignment->matched], text, sizeof(text)));
	if (at < device->nr)
		printf("  device's record %zu: time %" PRIu64 " %s\n", at,
		       device->record[at].time,
		       show_switch(&device->record[at], text, sizeof(text)));
}

static int show_lane(const struct demo_lane *lane)
{
	const char *name = lane->fields ? "perf" : "device";
	const struct perfring_stats *stats = &lane->stats;

	if (lane->stream.error) {
		printf("CPU %u: %s: not all records could be kept: %s\n", lane->cpu, name,
		       perfring_strerror(lane->stream.error));
		return CLI_FAIL;
	}
	if (show_lost(lane)) {
		printf("CPU %u: %s: %" PRIu64 " records were lost, so the streams cannot be equal; use more --pages\n",
		       lane->cpu, name, show_lost(lane));
		return CLI_FAIL;
	}
	if (!lane->fields && (stats->attempted != stats->written + stats->lost_full +
			      stats->lost_paused + stats->rejected + stats->discarded ||
			      stats->written != lane->stream.nr)) {
		printf("CPU %u: device: attempted %llu, written %llu, full %llu, paused %llu, rejected %llu, discarded %llu, read %zu\n",
		       lane->cpu, stats->attempted, stats->written, stats->lost_full,
		       stats->lost_paused, stats->rejected, stats->discarded, lane->stream.nr);
		return CLI_FAIL;
	}
	return CLI_OK;
}

/* One CPU's two streams: CLI_OK when they agree. */
static int show_pair(const struct demo *demo, size_t i)
{
	const struct demo_alignment *alignment = &demo->alignment[i];

	/* Both: a loss of either tells enough, a mismatch after it says no more. */
	if (show_lane(&demo->lane[2 * i]) | show_lane(&demo->lane[2 * i + 1]))
		return CLI_FAIL;
	if (alignment->reaped)
		printf("CPU %u: %zu dying tasks are Z to one probe and X to the other: reaped in between.\n",
		       demo->lane[2 * i].cpu, alignment->reaped);
	if (alignment->equal)
		return CLI_OK;
	printf("CPU %u: %s (%zu matched, %zu breaks of the chain)\n", demo->lane[2 * i].cpu,
	       alignment->reason, alignment->matched, alignment->breaks);
	show_mismatch(demo, i);
	return CLI_FAIL;
}

int demo_show_verdict(const struct demo *demo)
{
	uint64_t largest = 0, median = 0, value;
	int status = CLI_OK;
	size_t matched = 0;

	for (size_t i = 0; i < demo->nr; i++) {
		if (show_pair(demo, i))
			status = CLI_FAIL;
		matched += demo->alignment[i].matched;
		if (demo->alignment[i].skew > largest)
			largest = demo->alignment[i].skew;
		value = demo_align_median(&demo->lane[2 * i].stream, &demo->lane[2 * i + 1].stream,
					  &demo->alignment[i]);
		if (value > median)
			median = value;
	}
	if (status) {
		puts("The two DISAGREE.");
		return status;
	}
	printf("The two agree: %zu switches on %zu CPU%s, every field equal, none missing in between.\n"
	       "(Each probe reads the clock itself: half of the readings are within %.1f us of the\n"
	       " other's, the farthest %.1f us.)\n", matched, demo->nr, demo->nr == 1 ? "" : "s",
	       (double)median / 1e3, (double)largest / 1e3);
	return CLI_OK;
}
