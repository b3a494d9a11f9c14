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
 * The winner so far, who comes from @node, plays the loser that the node above has, and the other
 * way round when he loses.  Of equals the one on the left wins, whose ring's index is the lower
 * one; an odd node is on the right.  So MERGE_NEVER must have a successor.  Returns the node above.
 */
static inline uint64_t key_play(struct merge_key *tree, struct merge_key *winner, uint64_t node)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	struct merge_key worse;
	struct merge_key *half;
	uint64_t less;

	/*
	 * Who wins is not predictable, and in C compilers make a branch of it.  The carry is
	 * the lowest bit of the node first, then whether the loser is less than the winner
	 * and that.
	 */
	__asm__("shrq %[node]\n\t"
		"leaq (%[tree],%[node],8), %[half]\n\t"
		"movq (%[half],%[node],8), %[worse_time]\n\t"
		"movl 8(%[half],%[node],8), %[worse_index]\n\t"
		"movq %[worse_time], %[less]\n\t"
		"sbbq %[time], %[less]\n\t"
		"cmovbq %[time], %[worse_time]\n\t"
		"cmovbq (%[half],%[node],8), %[time]\n\t"
		"cmovbl %[index], %[worse_index]\n\t"
		"cmovbl 8(%[half],%[node],8), %[index]\n\t"
		"movq %[worse_time], (%[half],%[node],8)\n\t"
		"movl %[worse_index], 8(%[half],%[node],8)"
		: [node] "+&r"(node), [time] "+&r"(winner->time), [index] "+&r"(winner->index),
		  [half] "=&r"(half), [less] "=&r"(less), [worse_time] "=&r"(worse.time),
		  [worse_index] "=&r"(worse.index)
		: [tree] "r"(tree)
		: "cc", "memory");
	return node;
#else
	struct merge_key *loser = &tree[node / 2], worse = *loser;

	if (worse.time < winner->time + (node & 1)) {
		*loser = *winner;
		*winner = worse;
	}
	return node / 2;
#endif
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
	uint64_t leaf = merge->leaves + (uint64_t)winner.index;

	for (uint64_t node = leaf; node > 1;)
		node = key_play(tree, &winner, node);

	/* It won again: a run, perhaps, which the best loser on its way ends. */
	merge->running = winner.index == tree[0].index;
	tree[0] = winner;
	if (__builtin_expect(!merge->running, 1))
		return;
	merge->second = (struct merge_key){ MERGE_NEVER, UINT32_MAX };
	for (uint64_t node = leaf / 2; node; node /= 2)
		if (key_before(&tree[node], &merge->second))
			merge->second = tree[node];
}

/* All games, after rings have got other records than those they had. */
void merge_tree_build(struct perfring_merge *merge)
{
	struct merge_key *tree = merge->tree;
	unsigned int leaves = merge->leaves;

	/* The first half holds the losers, the second one each node's winner while it plays. */
	for (unsigned int i = 0; i < merge->nr; i++) {
		const struct merge_ring *m = &merge->rings[i];
		uint64_t time = m->ring ? merge_ring_time(m) : MERGE_NEVER;

		tree[leaves + i] = (struct merge_key){ time, i };
	}
	for (unsigned int i = merge->nr; i < leaves; i++)
		tree[leaves + i] = (struct merge_key){ MERGE_NEVER, i };
	for (unsigned int width = leaves / 2; width; width /= 2) {
		for (unsigned int i = 0; i < width; i++) {
			struct merge_key winner = tree[leaves + 2 * i];

			tree[width + i] = tree[leaves + 2 * i + 1];
			key_play(tree, &winner, 2 * (uint64_t)(width + i));
			tree[leaves + i] = winner;
		}
	}
	tree[0] = tree[leaves];
	merge->running = false;
	merge->run = NULL;
	merge->run_end = NULL;
}
