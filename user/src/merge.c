// SPDX-License-Identifier: MIT
/* Merge: rings come and go; rounds; pull. */
#include "merge.h"

#include <stdlib.h>

#define MERGE_WINDOW	   256U
#define MERGE_WINDOW_SLACK 4096U
#define MERGE_WINDOW_MIN   16U
#define MERGE_WINDOW_MAX   (1U << 20)

int perfring_merge_create(struct perfring_reader *reader,
			  const struct perfring_merge_opts *opts,
			  struct perfring_merge **out)
{
	struct perfring_merge_opts own;
	struct perfring_merge *merge;
	uint32_t window = MERGE_WINDOW_MIN;
	int err;

	err = perfring_opts_take(&own, sizeof(own), opts);
	if (err)
		return err;
	if (own.flags & ~(PERFRING_MERGE_DROP_LATE | PERFRING_MERGE_NO_COPY) ||
	    own.window > MERGE_WINDOW_MAX)
		return -EINVAL;
	if (!own.window)
		own.window = own.slack_ns ? MERGE_WINDOW_SLACK : MERGE_WINDOW;
	while (window < own.window)
		window *= 2;
	own.window = window;

	merge = calloc(1, sizeof(*merge));
	if (!merge)
		return -ENOMEM;
	merge->tree = calloc(2, sizeof(*merge->tree));
	if (!merge->tree) {
		free(merge);
		return -ENOMEM;
	}
	merge->reader = reader;
	merge->opts = own;
	merge->leaves = 1;
	merge_tree_build(merge);
	*out = merge;
	return 0;
}

void perfring_merge_destroy(struct perfring_merge *merge)
{
	if (!merge)
		return;
	for (unsigned int i = 0; i < merge->nr; i++)
		perfring_merge_remove(merge, i);
	free(merge->rings);
	free(merge->tree);
	free(merge);
}

/* Room for the ring of an index. */
static int merge_grow(struct perfring_merge *merge, unsigned int index)
{
	unsigned int leaves = merge->leaves;
	struct merge_ring *rings;
	struct merge_key *tree;

	if (index < merge->nr)
		return 0;
	while (leaves <= index)
		leaves *= 2;
	rings = realloc(merge->rings, leaves * sizeof(*rings));
	if (!rings)
		return -ENOMEM;
	merge->rings = rings;
	tree = realloc(merge->tree, 2 * leaves * sizeof(*tree));
	if (!tree)
		return -ENOMEM;
	merge->tree = tree;
	merge->leaves = leaves;
	memset(&rings[merge->nr], 0, (index + 1 - merge->nr) * sizeof(*rings));
	merge->nr = index + 1;
	return 0;
}

static struct merge_ring *merge_ring(const struct perfring_merge *merge,
				     unsigned int index)
{
	if (index >= merge->nr || !merge->rings[index].ring)
		return NULL;
	return &merge->rings[index];
}

int perfring_merge_add(struct perfring_merge *merge, unsigned int index,
		       const struct perfring_merge_ring_opts *opts)
{
	struct perfring_merge_ring_opts own;
	int err;

	err = perfring_opts_take(&own, sizeof(own), opts);
	if (err)
		return err;
	if (!perfring_reader_ring(merge->reader, index))
		return -ENOENT;
	if (merge_ring(merge, index))
		return -EALREADY;
	reader_end_pull(merge->reader);
	err = merge_grow(merge, index);
	if (!err)
		err = merge_ring_open(merge, index, &own);
	merge_tree_build(merge);
	if (err)
		return err;
	merge->capacity += merge->rings[index].ring->data_size;
	return 0;
}

int perfring_merge_remove(struct perfring_merge *merge, unsigned int index)
{
	struct merge_ring *m = merge_ring(merge, index);

	if (!m)
		return -ENOENT;
	merge->capacity -= m->ring->data_size;
	merge_ring_close(merge, m);
	merge_tree_build(merge);
	return 0;
}

int perfring_merge_add_all(struct perfring_merge *merge,
			   const struct perfring_merge_ring_opts *opts)
{
	unsigned int nr = perfring_reader_count(merge->reader), index;
	unsigned char *added;
	int err = 0, count = 0;

	added = calloc(nr ? nr : 1, 1);
	if (!added)
		return -ENOMEM;
	for (index = 0; index < nr && !err; index++) {
		if (!perfring_reader_ring(merge->reader, index) ||
		    merge_ring(merge, index))
			continue;
		err = perfring_merge_add(merge, index, opts);
		added[index] = !err;
		count += !err;
	}
	while (err && index--)
		if (added[index])
			perfring_merge_remove(merge, index);
	free(added);
	return err ? err : count;
}

/* Unindexed records of a ring are not before this, but for inversions over a quarter of it. */
static uint64_t ring_short_of(const struct merge_ring *m)
{
	uint32_t held = merge_ring_held(m);

	return merge_ring_entry(m, m->first + held - held / 4 - 1)->time;
}

/* Look at every ring once.  Was there anything new? */
static bool merge_round(struct perfring_merge *merge)
{
	uint64_t newest = merge->newest, short_of = MERGE_NEVER, safe = merge->seen;
	uint64_t slack = merge->opts.slack_ns;
	bool any = false;

	merge->partial = false;
	for (unsigned int i = 0; i < merge->nr; i++) {
		struct merge_ring *m = &merge->rings[i];

		if (!m->ring)
			continue;
		any |= merge_ring_read(merge, m);
		if (m->newest > newest)
			newest = m->newest;
		if (m->partial) {
			uint64_t ring = ring_short_of(m);

			merge->partial = true;
			if (ring < short_of)
				short_of = ring;
		}
	}
	merge->stats.rounds++;
	merge->newest = newest;

	/* What the round before this one saw is safe now. */
	if (slack) {
		uint64_t now = reader_now();

		if (any)
			merge->moved = now;
		if (any || now - merge->moved < slack)
			safe = safe > slack ? safe - slack : 0;
	}
	if (safe > merge->limit)
		merge->limit = safe;
	if (merge->flushing)
		merge->limit = MERGE_NEVER - 1;
	merge->bound = merge->limit < short_of ? merge->limit : short_of;
	merge->calm = merge->bound;

	merge->seen = newest;
	merge_tree_build(merge);
	return any;
}

/* A corrupt ring all of whose good records are delivered goes on at its head. */
static int merge_failed(struct perfring_merge *merge, unsigned int *index)
{
	for (unsigned int i = 0; i < merge->nr; i++) {
		struct merge_ring *m = &merge->rings[i];

		if (!m->ring || !m->failed || m->first != m->next)
			continue;
		m->failed = false;
		perfring_batch_cancel(&m->batch);
		reader_skip(merge->reader, i, &m->batch.error);
		/* The error is told: a flush, which begins no batch, would find it again. */
		perfring_batch_empty(&m->batch, m->ring->tail);
		if (index)
			*index = i;
		return -EBADMSG;
	}
	return 0;
}

/* Nothing is safe even after two rounds: must something be delivered nevertheless? */
static bool merge_relieve(struct perfring_merge *merge)
{
	uint64_t far, bound = 0;

	for (unsigned int i = 0; i < merge->nr; i++) {
		if (!merge->rings[i].ring)
			continue;
		far = merge_ring_relieve(merge, &merge->rings[i]);
		if (far > bound)
			bound = far;
	}
	if (bound)
		merge->bound = bound;
	return merge->tree[0].time <= merge->bound;
}

/* Something to deliver, after all that was safe is delivered: 1, 0, -EBADMSG. */
static int merge_more(struct perfring_merge *merge, unsigned int *index)
{
	int err;

	/* The second makes safe what the first has seen. */
	for (int round = 0; round < 2; round++) {
		merge_round(merge);
		err = merge_failed(merge, index);
		if (err)
			return err;
		if (merge->tree[0].time <= merge->bound)
			return 1;
	}
	if (merge->flushing) {
		merge->flushing = false;
		merge->limit = merge->last;
		merge->bound = merge->last;
		merge->calm = merge->last;
	}
	if (merge->tree[0].time == MERGE_NEVER)
		return 0;
	return merge_relieve(merge);
}

/* A late record, or one that is not safe.  Is it delivered? */
static bool merge_odd(struct perfring_merge *merge, uint64_t time)
{
	if (time > merge->limit)
		merge->stats.forced++;
	if (time >= merge->last)
		return true;
	merge->stats.late++;
	if (!(merge->opts.flags & PERFRING_MERGE_DROP_LATE))
		return true;
	merge->stats.dropped++;
	return false;
}

/* A ring is not kept full while much of it is read. */
static void merge_mark(struct merge_ring *m)
{
	m->mark = merge_ring_entry(m, m->first)->record.position + m->lap;
	merge_ring_release(m);
}

/* Nothing is to be done about the ring or its counters before it is delivered. */
static inline bool merge_plain(const struct merge_ring *m, const struct merge_entry *entry)
{
	return (int64_t)(entry->record.position - m->mark) < 0 && entry->record.type == m->type;
}

/*
 * What waits in the winner's queue and needs no further look: it is before what any other ring
 * has, safe, and plain.  The last of it is not in the run, since who takes that
 * one has to look for the next.
 */
static __attribute__((noinline)) void merge_run(struct perfring_merge *merge, struct merge_ring *m)
{
	const struct merge_entry *entry = merge_ring_entry(m, m->first), *end;
	uint64_t until = merge->second.time - 1;
	uint32_t left = merge_ring_held(m), piece = m->mask + 1 - (m->first & m->mask);

	if (until > merge->calm)
		until = merge->calm;
	end = entry + (left < piece ? left : piece);
	/* After a late one others may be late as well. */
	if (entry->time < merge->last)
		end = entry;
	merge->run = entry;
	merge->run_ring = m;
	while (entry != end && entry->time <= until && merge_plain(m, entry))
		entry++;
	merge->run_end = entry == merge->run ? entry : entry - 1;
}

/* The winner's ring goes on, at @time. */
static inline void merge_advance(struct perfring_merge *merge, struct merge_ring *m, uint64_t time)
{
	if (merge->running && (time < merge->second.time ||
			       (time == merge->second.time &&
				merge->tree[0].index < merge->second.index))) {
		merge->tree[0].time = time;
		merge_run(merge, m);
	} else {
		merge_tree_replay(merge, time);
	}
}

/* perfring_merge_next() whatever there is to be said about the record. */
static __attribute__((noinline)) int merge_any(struct perfring_merge *merge,
					       struct perfring_record *record,
					       unsigned int *index)
{
	struct merge_ring *m;
	unsigned int ring;
	int ret;

	for (;;) {
		if (merge->tree[0].time > merge->bound) {
			ret = merge_more(merge, index);
			if (ret <= 0)
				return ret;
		}
		ring = merge->tree[0].index;
		m = &merge->rings[ring];
		*record = merge_ring_entry(m, m->first)->record;
		if ((int64_t)(record->position - m->mark) >= 0)
			merge_mark(m);
		merge->time = merge->tree[0].time;
		m->first++;
		merge_advance(merge, m, merge_ring_time(m));

		if ((merge->time < merge->last || merge->time > merge->limit) &&
		    !merge_odd(merge, merge->time)) {
			m->told++;
			continue;
		}
		if (merge->time > merge->last)
			merge->last = merge->time;
		if (index)
			*index = ring;
		if (record->type == PERF_RECORD_LOST || record->type == PERF_RECORD_LOST_SAMPLES) {
			m->told++;
			merge->stats.delivered++;
			reader_saw(merge->reader, ring, record);
		} else {
			m->bytes += record->size;
		}
		return 1;
	}
}

/* The record at @entry is delivered, and nothing is to be said about it. */
static inline void merge_hand(struct perfring_merge *merge, struct merge_ring *m,
			      const struct merge_entry *entry, struct perfring_record *record)
{
	*record = entry->record;
	merge->time = entry->time;
	merge->last = entry->time;
	m->bytes += entry->record.size;
	m->first++;
}

/* What most records need; no call but the last one, so that few registers need be saved. */
int perfring_merge_next(struct perfring_merge *merge, struct perfring_record *record,
			unsigned int *index)
{
	const struct merge_entry *entry = merge->run;
	struct merge_key *best = merge->tree;
	struct merge_ring *m;

	if (entry != merge->run_end) {
		if (index)
			*index = best->index;
		merge_hand(merge, merge->run_ring, entry, record);
		best->time = entry[1].time;
		merge->run = entry + 1;
		return 1;
	}
	if (__builtin_expect(best->time > merge->calm || best->time < merge->last, 0))
		return merge_any(merge, record, index);
	m = &merge->rings[best->index];
	entry = merge_ring_entry(m, m->first);
	if (__builtin_expect(!merge_plain(m, entry), 0))
		return merge_any(merge, record, index);

	/* A ring's entries are used one by one, and other rings' in between. */
	__builtin_prefetch(entry + 2);
	if (index)
		*index = best->index;
	merge_hand(merge, m, entry, record);
	merge_advance(merge, m, m->first == m->next ? MERGE_NEVER
						    : merge_ring_entry(m, m->first)->time);
	return 1;
}

uint64_t perfring_merge_time(const struct perfring_merge *merge)
{
	return merge->time;
}

int perfring_merge_flush(struct perfring_merge *merge)
{
	for (unsigned int i = 0; i < merge->nr; i++) {
		struct merge_ring *m = &merge->rings[i];

		if (!m->ring || m->failed)
			continue;
		merge_ring_release(m);
		m->failed = merge_ring_extend(m) < 0;
	}
	merge->flushing = true;
	return 0;
}

int perfring_merge_stats(const struct perfring_merge *merge,
			 struct perfring_merge_stats *stats)
{
	struct perfring_merge_stats own = merge->stats;

	if (stats->size < sizeof(stats->size))
		return -EINVAL;
	own.size = stats->size;
	for (unsigned int i = 0; i < merge->nr; i++) {
		const struct merge_ring *m = &merge->rings[i];

		if (!m->ring)
			continue;
		own.delivered += m->first - m->told;
		own.held += merge_ring_held(m);
		for (uint32_t at = m->first; at != m->next; at++)
			own.held_bytes += merge_ring_entry(m, at)->record.size;
	}
	memcpy(stats, &own, own.size < sizeof(own) ? own.size : sizeof(own));
	return 0;
}
