// SPDX-License-Identifier: MIT
/*
 * Merge: a tournament of the rings' next records.
 *
 * Node i plays the winners of 2i and 2i + 1 and keeps the loser; the leaf of ring r is
 * leaves + r, and is not stored.  When the winner's ring has another record, only
 * the games on its way up are played again: log2(rings) of them.
 */
#include "merge.h"

/*
 * The winner so far against a loser, without branches: who wins is not predictable.  Of
 * equals the one on the left wins, whose ring's index is the lower one; @right: the winner so
 * far is not that.  So MERGE_NEVER must have a successor.
 */
static inline void key_play(struct merge_key *winner, struct merge_key *loser, uint64_t right)
{
	struct merge_key worse = *loser, better = *winner;
	uint64_t edge = better.time + right;

#if defined(__x86_64__)
	/* In C, compilers make a branch of it. */
	__asm__("cmpq %[edge], %[worse_time]\n\t"
		"cmovbq %[time], %[worse_time]\n\t"
		"cmovbq %[loser_time], %[time]\n\t"
		"cmovbl %[index], %[worse_index]\n\t"
		"cmovbl %[loser_index], %[index]"
		: [worse_time] "+&r"(worse.time), [time] "+&r"(better.time),
		  [worse_index] "+&r"(worse.index), [index] "+&r"(better.index)
		: [edge] "r"(edge), [loser_time] "m"(loser->time), [loser_index] "m"(loser->index)
		: "cc");
#else
	bool swap = worse.time < edge;

	better = swap ? *loser : *winner;
	worse = swap ? *winner : *loser;
#endif
	winner->time = better.time;
	winner->index = better.index;
	loser->time = worse.time;
	loser->index = worse.index;
}

static inline bool key_before(const struct merge_key *a, const struct merge_key *b)
{
	return a->time < b->time || (a->time == b->time && a->index < b->index);
}

/* The ring of the winner goes on at @time. */
void merge_tree_replay(struct perfring_merge *merge, uint64_t time)
{
	struct merge_key *tree = merge->tree;
	struct merge_key winner = { time, tree[0].index };
	uint32_t was = winner.index;

	for (uint32_t node = was + merge->leaves; node > 1; node /= 2)
		key_play(&winner, &tree[node / 2], node & 1);
	tree[0] = winner;

	/* It won again: a run, perhaps, which the best loser on its way ends. */
	merge->running = winner.index == was;
	if (__builtin_expect(!merge->running, 1))
		return;
	merge->second = (struct merge_key){ MERGE_NEVER, UINT32_MAX };
	for (uint32_t node = (was + merge->leaves) / 2; node; node /= 2)
		if (key_before(&tree[node], &merge->second))
			merge->second = tree[node];
}

/* All games, after rings have got other records than those they had. */
void merge_tree_build(struct perfring_merge *merge)
{
	struct merge_key *tree = merge->tree;
	unsigned int leaves = merge->leaves;

	/* The first half holds the losers, the second one each node's winner while it plays. */
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

			key_play(&winner, &loser, 0);
			tree[width + i] = loser;
			tree[leaves + i] = winner;
		}
	}
	tree[0] = tree[leaves];
	merge->running = false;
}
