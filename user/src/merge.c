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

	if (newest > short_of)
		newest = short_of;
	if (newest > merge->seen)
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
	}
	if (merge->tree[0].time == MERGE_NEVER)
		return 0;
	return merge_relieve(merge);
}

/* A late record, or one that is not safe.  Is it delivered? */
static __attribute__((noinline)) bool merge_odd(struct perfring_merge *merge, uint64_t time)
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
static __attribute__((noinline)) void merge_mark(struct merge_ring *m)
{
	m->mark = merge_ring_entry(m, m->first)->record.position + m->lap;
	merge_ring_release(m);
}

/* The winner's ring goes on. */
static inline void merge_advance(struct perfring_merge *merge, const struct merge_ring *m)
{
	uint64_t time = merge_ring_time(m);

	if (merge->running && (time < merge->second.time ||
			       (time == merge->second.time &&
				merge->tree[0].index < merge->second.index)))
		merge->tree[0].time = time;
	else
		merge_tree_replay(merge, time);
}

int perfring_merge_next(struct perfring_merge *merge, struct perfring_record *record,
			unsigned int *index)
{
	const struct merge_entry *entry;
	struct merge_ring *m;
	unsigned int ring;
	int ret;

	for (;;) {
		if (__builtin_expect(merge->tree[0].time > merge->bound, 0)) {
			ret = merge_more(merge, index);
			if (ret <= 0)
				return ret;
		}
		ring = (unsigned int)merge->tree[0].index;
		m = &merge->rings[ring];
		entry = merge_ring_entry(m, m->first);
		if (__builtin_expect((int64_t)(entry->record.position - m->mark) >= 0, 0))
			merge_mark(m);
		/* A ring's entries are used one by one, and other rings' in between. */
		__builtin_prefetch(entry + 2);
		*record = entry->record;
		merge->time = entry->time;
		m->first++;
		merge_advance(merge, m);

		if (__builtin_expect(merge->time < merge->last || merge->time > merge->limit, 0) &&
		    !merge_odd(merge, merge->time))
			continue;
		if (merge->time > merge->last)
			merge->last = merge->time;
		merge->stats.delivered++;
		if (index)
			*index = ring;
		if (__builtin_expect(record->type == PERF_RECORD_LOST ||
				     record->type == PERF_RECORD_LOST_SAMPLES, 0)) {
			reader_saw(merge->reader, ring, record);
		} else {
			m->records++;
			m->bytes += record->size;
		}
		return 1;
	}
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
		own.held += merge_ring_held(m);
		for (uint32_t at = m->first; at != m->next; at++)
			own.held_bytes += merge_ring_entry(m, at)->record.size;
	}
	memcpy(stats, &own, own.size < sizeof(own) ? own.size : sizeof(own));
	return 0;
}
