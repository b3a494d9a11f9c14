// SPDX-License-Identifier: GPL-2.0
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "nest_kit.h"

#define RECORDS		(NEST_INNER + 8)
#define NEST_RECORD_MAX	(UINT16_MAX & ~7)

/* Is each record an attempt?  Who is over a limit, or between two periods, makes none. */
static bool exact(const struct nest_ring *ring)
{
	return !ring->config->period && !ring->config->limited && !ring->config->counting &&
	       !ring->config->several && !ring->write.detached;
}

/* The outer record is a sample that counts for a wakeup. */
static bool counts(const struct nest_write *write)
{
	return write->type == PERF_RECORD_SAMPLE && !write->flags;
}

/* Such as no ring takes: refused, and counted as that. */
static bool rejects(const struct nest_ring *ring)
{
	const struct nest_write *write = &ring->write;

	if (write->op == NEST_SHORT || write->len + ring->overhead > NEST_RECORD_MAX)
		return true;
	/* A record that is begun has to be in one piece. */
	return write->op >= NEST_COMMIT && write->op <= NEST_DISCARD_WITHIN &&
	       write->len + ring->overhead > ring->raw.size;
}

static bool discards(const struct nest_write *write)
{
	return write->op == NEST_DISCARD || write->op == NEST_DISCARD_AROUND;
}

/* The same, or one inside of it is given up. */
static bool gives_up(const struct nest_write *write)
{
	return discards(write) || write->op == NEST_DISCARD_WITHIN;
}

static bool around(const struct nest_write *write)
{
	return write->op == NEST_COMMIT_AROUND || write->op == NEST_DISCARD_AROUND;
}

uint64_t nest_distance(const struct nest_ring *ring, uint64_t from, uint64_t to)
{
	/* Positions begin again at 0 where the kernel's unsigned long does. */
	return (unsigned long)(ring->config->backward ? from - to : to - from);
}

uint32_t nest_lost_size(const struct nest_ring *ring)
{
	uint64_t type = ring->config->sample_type &
			(PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |
			 PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER);

	return 24 + (ring->config->id_all ? 8 * __builtin_popcountll(type) : 0);
}

/* One record as it was found. */
struct found {
	uint32_t type;
	uint32_t size;
	uint32_t number;
	uint64_t lost;
};

/* A record that is none of samples or losses: payload, and sample_id. */
static const char *find_other(const struct nest_ring *ring, const uint64_t *record,
			      struct found *found)
{
	const unsigned char *payload = (const unsigned char *)&record[1];
	uint32_t padded = (ring->write.len + 7) & ~7U, i;
	struct nest_payload head;

	if (found->size != 8 + padded + nest_lost_size(ring) - 24)
		return "a record of another type has another size";
	memcpy(&head, payload, sizeof(head));
	found->number = head.number;
	if (head.number != ring->write.number || head.inner)
		return "a payload that was not written";
	for (i = sizeof(head); i < padded; i++)
		if (payload[i] != (i < ring->write.len ? (unsigned char)(head.number + i) : 0))
			return "another record's bytes";
	/* IDENTIFIER is its last. */
	if (ring->config->id_all && ring->config->sample_type & PERF_SAMPLE_IDENTIFIER &&
	    record[found->size / 8 - 1] != ring->id)
		return "sample_id is not the event's";
	return NULL;
}

/* Whose pid TID has: 0 is the idle task's, -1 that of one that has exited. */
static uint32_t teller(const struct nest_write *write, bool outer)
{
	if (!outer || !write->task)
		return getpid();
	return write->task == NEST_IDLE ? 0 : -1U;
}

static const char *find_sample(const struct nest_ring *ring, const uint64_t *record,
			       struct found *found)
{
	const struct nest_write *write = &ring->write;
	uint64_t type = ring->config->sample_type;
	const unsigned char *payload;
	struct nest_payload head;
	uint32_t i, n = 1, raw, len, tid;

	/* In the order of the kernel's comment at PERF_RECORD_SAMPLE. */
	if (type & PERF_SAMPLE_IDENTIFIER && record[n++] != ring->id)
		return "IDENTIFIER is not the event's";
	n += !!(type & PERF_SAMPLE_IP);
	tid = type & PERF_SAMPLE_TID ? (uint32_t)record[n++] : 0;
	n += !!(type & PERF_SAMPLE_TIME);
	if (type & PERF_SAMPLE_ADDR && record[n++])
		return "ADDR is not 0";
	if (type & PERF_SAMPLE_ID && record[n++] != ring->id)
		return "ID is not the event's";
	if (type & PERF_SAMPLE_STREAM_ID && record[n++] != ring->id)
		return "STREAM_ID is not the event's";
	if (type & PERF_SAMPLE_CPU && record[n++])
		return "CPU is not 0";
	if (type & PERF_SAMPLE_PERIOD && record[n++] != 1)
		return "PERIOD is not 1";
	if (type & PERF_SAMPLE_CALLCHAIN) {
		if (record[n] > found->size / 8)
			return "more entries of CALLCHAIN than the record holds";
		n += 1 + record[n];
	}
	if (!(type & PERF_SAMPLE_RAW))
		return n * 8 == found->size ? NULL : "size without RAW";
	memcpy(&raw, &record[n], sizeof(raw));
	if (n * 8 + sizeof(raw) + raw != found->size)
		return "RAW does not end where the record does";
	payload = (const unsigned char *)&record[n] + sizeof(raw);
	memcpy(&head, payload, sizeof(head));
	found->number = head.number;
	i = head.number - write->number;
	if (i > write->count + 2 || head.inner != !!i)
		return "a payload that was not written";
	if (type & PERF_SAMPLE_TID && tid != teller(write, !i))
		return "TID is not who wrote";
	if (i > write->count)
		len = i == write->count + 1 ? NEST_AROUND_LEN : write->trigger_len;
	else
		len = i ? write->inner_len[i - 1] : write->len;
	for (i = sizeof(head); i < len; i++)
		if (payload[i] != (unsigned char)(head.number + i))
			return "another record's bytes";
	for (; i < raw; i++)
		if (payload[i])
			return "padding is not zero";
	return NULL;
}

/* All records between two heads, in the order of their reservation. */
static const char *find_all(const struct nest_ring *ring, uint64_t from, uint64_t to,
			    struct found *found, unsigned int *nr)
{
	uint64_t at = ring->config->backward ? to : from, left = nest_distance(ring, from, to);
	static uint64_t record[8192];
	unsigned int n = 0, i;
	const char *wrong = NULL;
	struct found swap;
	uint32_t off, first;

	for (; left; left -= found[n].size, at += found[n].size, n++) {
		const struct perf_event_header *header;

		if (n == 2 * RECORDS)
			return "more records than were written";
		off = at & (ring->raw.size - 1);
		header = (const void *)(ring->raw.data + off);
		found[n] = (struct found) { .type = header->type, .size = header->size };
		if (found[n].size < 16 || found[n].size % 8 || found[n].size > left)
			return "a size that no record has";
		first = ring->raw.size - off < found[n].size ? ring->raw.size - off : found[n].size;
		memcpy(record, ring->raw.data + off, first);
		memcpy((char *)record + first, ring->raw.data, found[n].size - first);
		if (found[n].type == PERF_RECORD_LOST) {
			if (record[1] != ring->id)
				return "LOST is not of the event";
			found[n].lost = record[2];
			continue;
		}
		if (found[n].type == PERF_RECORD_SAMPLE)
			wrong = find_sample(ring, record, &found[n]);
		else if (found[n].type == ring->write.type)
			wrong = find_other(ring, record, &found[n]);
		else
			wrong = "a type that was not written";
		if (wrong)
			return wrong;
	}
	if (ring->config->backward)
		for (i = 0; i < n / 2; i++) {
			swap = found[i];
			found[i] = found[n - 1 - i];
			found[n - 1 - i] = swap;
		}
	*nr = n;
	return NULL;
}

/*
 * The numbers of the samples that have to be there, in the order in which they came to
 * reserve.  Of the record that was interrupted that is not known when it was so twice:
 * then it is @anywhere, whose number this is, else -1.
 */
static unsigned int expected(const struct nest_write *write, uint64_t from, uint32_t *order,
			     int64_t *anywhere)
{
	bool outer = write->ret > 0 && !discards(write), outer_first;
	bool inner = around(write) && write->around_ret > 0, inner_first;
	uint32_t outer_number = write->number, inner_number = write->number + write->count + 1;
	unsigned int at = 0, i;

	*anywhere = -1;
	if (write->triggered && around(write)) {
		*anywhere = inner ? (int64_t)inner_number : -1;
		inner = false;
	} else if (write->triggered) {
		*anywhere = outer ? (int64_t)outer_number : -1;
		outer = false;
	}
	outer_first = around(write) || !write->fired || write->head != from;
	inner_first = !write->fired || write->head != write->around_head;
	if (outer && outer_first)
		order[at++] = outer_number;
	if (inner && inner_first)
		order[at++] = inner_number;
	for (i = 0; i < write->trigger_ret; i++)
		order[at++] = inner_number + 1;
	for (i = 0; write->fired && i < write->count; i++)
		if (write->inner_ret[i] > 0)
			order[at++] = write->number + 1 + i;
	if (inner && !inner_first)
		order[at++] = inner_number;
	if (outer && !outer_first)
		order[at++] = outer_number;
	return at;
}

/* What stands in the ring, against what the writers were told. */
static const char *judge_records(struct nest_ring *ring, uint64_t from,
				 const struct perfring_stats *was, const struct perfring_stats *now)
{
	const struct nest_write *write = &ring->write;
	uint64_t lost = 0, bytes = 0, lost_records = 0, given_up = now->discarded - was->discarded;
	bool raw = ring->config->sample_type & PERF_SAMPLE_RAW;
	uint64_t head = raw_head(&ring->raw);
	unsigned int nr = 0, i, at = 0, all;
	struct found found[2 * RECORDS + 1];
	uint32_t order[RECORDS];
	int64_t anywhere;
	const char *wrong;

	if (head != now->head)
		return "a record was not published";
	lost_records = now->lost_records - was->lost_records;
	if (nest_distance(ring, from, head) > ring->raw.size) {
		/* They have told of all there was, and been written over. */
		if (lost_records)
			ring->owed = 0;
		return ring->config->overwrite ? NULL : "more in the ring than it holds";
	}
	wrong = find_all(ring, from, head, found, &nr);
	if (wrong)
		return wrong;

	all = expected(write, from, order, &anywhere);
	for (i = 0; i < nr; i++) {
		if (found[i].type == PERF_RECORD_LOST) {
			lost += found[i].lost;
			/* One of another size stands for a record that was given up. */
			if (found[i].size == nest_lost_size(ring))
				lost_records--;
			else if (found[i].lost)
				return "a discarded record tells of losses";
			else if (given_up-- == 0)
				return "a skipped record and none was discarded";
			continue;
		}
		bytes += found[i].size;
		/* How often, a period says. */
		if (ring->config->several)
			continue;
		if (found[i].number == anywhere)
			anywhere = -1;
		else if (at == all)
			return "a record too many";
		else if (raw && found[i].number != order[at++])
			return "records out of order";
	}
	if (!ring->config->several && (anywhere >= 0 || at != all))
		return "a written record is not there";
	if (now->bytes - was->bytes != bytes)
		return "bytes are not those of the records";
	if (lost_records)
		return "lost_records are not those in the ring";
	if (lost > ring->owed)
		return "LOST records tell of more than was lost";
	ring->owed -= lost;
	return NULL;
}

/* The counters, against what the writers were told. */
static const char *judge_counters(struct nest_ring *ring, const struct perfring_stats *was,
				  const struct perfring_stats *now)
{
	const struct nest_write *write = &ring->write;
	uint64_t attempts = write->op != NEST_REFUSED, written = 0, discarded = 0;
	uint64_t rejected = now->rejected - was->rejected;
	uint64_t lost = now->lost_full - was->lost_full + now->lost_paused - was->lost_paused;
	uint32_t i;

	if (write->fired)
		attempts += write->count;
	if (discards(write))
		discarded = write->ret > 0;
	else
		written = write->ret > 0;
	if (write->op == NEST_DISCARD_WITHIN && write->ret > 0) {
		attempts++;
		discarded += write->within;
	}
	if (around(write) && write->ret > 0) {
		attempts++;
		written += write->around_ret > 0;
	}
	attempts += write->triggered * write->trigger_count;
	written += write->trigger_ret;
	for (i = 0; write->fired && i < write->count; i++)
		written += write->inner_ret[i] > 0;
	ring->owed += lost;
	if (!stats_balance(now))
		return "the counters do not add up";
	if (!ring->config->several && now->written - was->written != written)
		return "written is not what the writers were told";
	if (now->discarded - was->discarded != discarded)
		return "discarded is not what was discarded";
	if (rejected && !rejects(ring))
		return "a record was rejected";
	if (exact(ring) && rejected != rejects(ring))
		return "a record that is none was not rejected";
	if (exact(ring) && now->attempted - was->attempted != attempts)
		return "attempted is not as often as it was";
	if (exact(ring) && lost != attempts - written - discarded - rejected)
		return "lost is not the rest";
	if (!ring->config->overwrite && now->high_water >= ring->raw.size)
		return "high_water beyond the ring";
	return NULL;
}

/* Whoever was due a wakeup has got it, with the last record in sight. */
static const char *judge_wakeups(struct nest_ring *ring, const struct perfring_stats *was,
				 const struct perfring_stats *now)
{
	const struct nest_write *write = &ring->write;
	uint64_t written = now->written - was->written;
	uint64_t by_events = now->wakeup_events - was->wakeup_events;
	uint64_t by_watermark = now->wakeup_watermark - was->wakeup_watermark;
	uint64_t forced = now->wakeup_forced - was->wakeup_forced;
	/* Of what was written, how much counts for wakeup_events, and for a watermark. */
	uint64_t counted = written, crossing = written;
	int ready = poll_events(ring->fd, 0);

	if (write->wakeups_down)
		return "a CPU that goes down was to wake somebody";
	if (ready < 0)
		return "poll";
	if (write->ret > 0 && !discards(write)) {
		counted -= !counts(write);
		crossing -= !!write->flags;
	}
	if (forced != (write->ret > 0 && write->flags & PERFRING_EMIT_FORCE_WAKEUP))
		return "a wakeup was forced, or was not";
	ring->samples += counted;
	ring->causes += by_events;
	if (by_events + by_watermark + forced) {
		if (now->wakeups == was->wakeups)
			return "a wakeup was due and nobody reported it";
		if (!(ready & POLLIN))
			return "a wakeup was due and poll says nothing";
		if (!write->wakeups)
			return "a wakeup was due and nobody was woken";
		if (exact(ring) && ring->config->wakeup_events < 2 && !gives_up(write) &&
		    counts(write) && write->wakeup_head != raw_head(&ring->raw))
			return "who was woken did not see the last record";
	} else if (ready && !gives_up(write)) {
		return "no wakeup was due, and poll says one was";
	}
	if (ring->config->wakeup_events == 1 && by_events != counted)
		return "a record did not count for a wakeup";
	if (!ring->config->wakeup_events && !gives_up(write) && by_watermark != crossing)
		return "a record did not cross the watermark";
	/* What counts twice now is taken off later: one record short of the next, or before. */
	if (ring->config->wakeup_events > 1 &&
	    ring->causes * ring->config->wakeup_events + ring->config->wakeup_events <=
	    ring->samples)
		return "as many records as make a wakeup, and none was counted";
	return NULL;
}

/* Each outermost writer publishes once, and the head never goes back. */
static const char *judge_heads(const struct nest_ring *ring, uint64_t from,
			       const struct perfring_stats *was, const struct perfring_stats *now)
{
	const struct nest_write *write = &ring->write;
	uint32_t outside = write->heads - write->heads_inside, taken = 0, i;
	uint64_t paused = now->lost_paused - was->lost_paused, last = from;

	if (write->nest_after)
		return "nest is not back to 0";
	if (!ring->watched)
		return NULL;
	if (write->heads > NEST_HEADS)
		return "published too often";
	for (i = 0; i < write->heads; i++) {
		/* A filled ring that overwrites is several laps at once. */
		if (nest_distance(ring, last, write->data_head[i]) > 8 * ring->raw.size)
			return "data_head went back";
		last = write->data_head[i];
	}
	if (last != raw_head(&ring->raw))
		return "data_head is not what was published last";
	if (!exact(ring))
		return NULL;
	if (paused)
		return write->heads ? "a writer that was turned away published" : NULL;
	if (write->fired && write->nest && write->heads_inside)
		return "published while a writer was inside";
	/* Who finds no room may leave without. */
	for (i = 0; write->fired && i < write->count; i++)
		taken += write->inner_ret[i] > 0;
	if (write->fired && !write->nest &&
	    (write->heads_inside > write->count || write->heads_inside < taken))
		return "an outermost writer did not publish once";
	/* Twice when somebody came between the head's store and the look after it. */
	if ((!outside && write->ret > 0) ||
	    outside > 1 + write->fired + write->triggered * (1 + write->trigger_count))
		return "the outer writer did not publish once";
	return NULL;
}

const char *nest_judge(struct nest_ring *ring, uint64_t from)
{
	struct perfring_stats now, *was = &ring->stats;
	const char *wrong;

	if (device_stats(ring->fd, &now))
		return "STATS";
	wrong = judge_counters(ring, was, &now);
	if (!wrong && ring->config->limited && ring->write.limit_after < 0)
		wrong = "the limit of REFRESH went below 0, where there is none";
	if (!wrong)
		wrong = judge_records(ring, from, was, &now);
	if (!wrong)
		wrong = judge_heads(ring, from, was, &now);
	if (!wrong)
		wrong = judge_wakeups(ring, was, &now);
	ring->stats = now;
	return wrong;
}
