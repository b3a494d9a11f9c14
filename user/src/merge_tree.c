// SPDX-License-Identifier: MIT
/*
 * Merge: a tournament of the rings' next records.
 *
 * Node i plays the winners of 2i and 2i + 1 and keeps the loser; the leaf of ring r is
 * leaves + r, and is not stored.  When the winner's ring has another record, only
 * the games on its way up are played again: log2(rings) of them.
 */
#include "merge.h"

/* Without branches: who wins is not predictable. */
static inline bool key_before(const struct merge_key *a, const struct merge_key *b)
{
	return (a->time < b->time) | ((a->time == b->time) & (a->index < b->index));
}

static inline void key_play(struct merge_key *winner, struct merge_key *loser)
{
	uint64_t swap = -(uint64_t)key_before(loser, winner);
	uint64_t time = (winner->time ^ loser->time) & swap;
	uint64_t index = (winner->index ^ loser->index) & swap;

	winner->time ^= time;
	loser->time ^= time;
	winner->index ^= index;
	loser->index ^= index;
}

/* The ring of the winner goes on at @time. */
void merge_tree_replay(struct perfring_merge *merge, uint64_t time)
{
	struct merge_key winner = { time, merge->tree[0].index };
	uint64_t was = winner.index;
	uint64_t leaf = was + merge->leaves;

	for (uint64_t node = leaf / 2; node; node /= 2)
		key_play(&winner, &merge->tree[node]);
	merge->tree[0] = winner;

	/* It won again: a run, perhaps, which the best loser on its way ends. */
	merge->running = winner.index == was;
	if (!merge->running)
		return;
	merge->second = (struct merge_key){ MERGE_NEVER, UINT64_MAX };
	for (uint64_t node = leaf / 2; node; node /= 2)
		if (key_before(&merge->tree[node], &merge->second))
			merge->second = merge->tree[node];
}

/* All games, after rings have got other records than those they had. */
void merge_tree_build(struct perfring_merge *merge)
{
	struct merge_key *tree = merge->tree;
	unsigned int leaves = merge->leaves;

	/* The first half holds the losers, the second one each node's winner while it
	 * plays. */
	for (unsigned int i = 0; i < leaves; i++) {
		uint64_t time = MERGE_NEVER;

		if (i < merge->nr && merge->rings[i].ring)
			time = merge_ring_time(&merge->rings[i]);
		tree[leaves + i] = (struct merge_key){ time, i };
	}
	for (unsigned int width = leaves / 2; width; width /= 2) {
		for (unsigned int i = 0; i < width; i++) {
			struct merge_key winner = tree[leaves + 2 * i];
			struct merge_key loser = tree[leaves + 2 * i + 1];

			key_play(&winner, &loser);
			tree[width + i] = loser;
			tree[leaves + i] = winner;
		}
	}
	tree[0] = tree[leaves];
	merge->running = false;
}
