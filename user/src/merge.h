/* SPDX-License-Identifier: MIT */
/* The inside of a merge, shared by merge.c and its siblings. */
#ifndef PERFRING_SRC_MERGE_H
#define PERFRING_SRC_MERGE_H

#include "reader.h"

#define MERGE_NEVER	(UINT64_MAX - 1)	/* later than any record; one more is later still */

struct merge_entry {
	uint64_t time;
	struct perfring_record record;
};

/*
 * One ring.  Its batch goes on over all rounds; the records that it has handed out wait
 * in @queue, sorted by time.  ring->tail stays before the oldest of them that is not
 * copied.
 */
struct merge_ring {
	struct perfring_ring *ring; /* NULL: not merged */
	struct merge_entry *queue;
	uint32_t mask;	/* of the queue; its room is a power of two */
	uint32_t first; /* runs freely, as @next does */
	uint32_t next;
	uint32_t told; /* as @first: all before it is in the reader's books */
	bool partial;	 /* the batch has more than the queue has room for */
	bool untimed;	 /* no record had a time yet; those in the queue wait for one */
	bool inverted;	 /* some in the queue are not in the ring's order */
	bool failed;	 /* @batch says why; skipped when the queue is empty */
	uint32_t type;	 /* of records with the time at @offset */
	uint32_t offset; /* 0: they have none */
	uint32_t least;	 /* bytes of them that have one */
	uint32_t back;	 /* bytes from the time to the end of all others; 0: none */
	perfring_time_fn time; /* instead of these */
	void *context;
	uint64_t last;	 /* time of the newest by position */
	uint64_t lap;	 /* bytes delivered that are worth a release */
	uint64_t newest; /* the latest time that was in the queue */
	uint64_t mark;	 /* position of the record before which it comes */
	uint64_t bytes;	 /* of the records that are delivered but not in the books yet */
	uint64_t hold;
	unsigned char *copy; /* copies, the next one at @copy_next */
	uint64_t copy_size;
	uint64_t copy_next;
	struct perfring_batch batch;
};

/* A leaf's record and a loser of the tournament. */
struct merge_key {
	uint64_t time;
	uint32_t index;
};

struct perfring_merge {
	struct perfring_reader *reader;
	struct perfring_merge_opts opts;
	struct merge_ring *rings; /* by the reader's index */
	struct merge_key *tree;	  /* losers; the winner is tree[0] */
	unsigned int nr;	  /* of rings, those not merged included */
	unsigned int leaves;	  /* 2^n, nr or more */
	bool running;		  /* the winner won before, @second is the next best */
	bool flushing;
	bool partial; /* a ring was left with more, by the last round */
	struct merge_key second;
	const struct merge_entry *run; /* what comes next without a look; @run_end: nothing */
	const struct merge_entry *run_end;
	struct merge_ring *run_ring;
	uint64_t bound;	   /* deliver as far as this */
	uint64_t limit;	   /* safe as far as this, beyond it is forced */
	uint64_t calm;	   /* the nearer one of these two */
	uint64_t last;	   /* latest time delivered */
	uint64_t seen;	   /* safe after the next round */
	uint64_t newest;   /* latest time seen */
	uint64_t time;	   /* of the last one delivered */
	uint64_t moved;	   /* when the last round saw something, CLOCK_MONOTONIC */
	uint64_t capacity; /* bytes of all rings */
	struct perfring_merge_stats stats; /* held and held_bytes are read on demand */
};

static inline uint32_t merge_ring_held(const struct merge_ring *m)
{
	return m->next - m->first;
}

static inline struct merge_entry *merge_ring_entry(const struct merge_ring *m, uint32_t i)
{
	return &m->queue[i & m->mask];
}

/* The time of the ring's next record. */
static inline uint64_t merge_ring_time(const struct merge_ring *m)
{
	if (m->first == m->next || m->untimed)
		return MERGE_NEVER;
	return merge_ring_entry(m, m->first)->time;
}

/* merge_ring.c */
int merge_ring_open(struct perfring_merge *merge, unsigned int index,
		    const struct perfring_merge_ring_opts *own);
void merge_ring_close(struct perfring_merge *merge, struct merge_ring *m);
void merge_ring_release(struct merge_ring *m);
int merge_ring_extend(struct merge_ring *m);
bool merge_ring_news(const struct merge_ring *m);
bool merge_ring_read(struct perfring_merge *merge, struct merge_ring *m);
uint64_t merge_ring_relieve(struct perfring_merge *merge, struct merge_ring *m);

/* merge_tree.c */
void merge_tree_build(struct perfring_merge *merge);
void merge_tree_replay(struct perfring_merge *merge, uint64_t time);

#endif /* PERFRING_SRC_MERGE_H */
