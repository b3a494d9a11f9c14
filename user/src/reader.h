/* SPDX-License-Identifier: MIT */
/* The inside of a reader, shared by reader.c and its siblings. */
#ifndef PERFRING_SRC_READER_H
#define PERFRING_SRC_READER_H

#include "internal.h"

#include <sys/types.h>

/* A perf event array, whose entries are the rings of several slots. */
struct reader_array {
	int map_fd;
	unsigned int users;
};

struct reader_slot {
	struct perfring_ring *ring;	/* NULL: free */
	struct perfring_storage *storage;
	struct reader_array *array;	/* where the ring is the entry of its CPU; NULL: in none */
	struct perfring_loss loss;	/* format_lost is read on demand */
	bool polled;			/* in the epoll set */
};

/* One thread uses it; @wake_fd alone is for all. */
struct perfring_reader {
	struct perfring_reader_opts opts;
	struct reader_slot *slots;
	unsigned int nr;		/* slots in use, free ones between included */
	unsigned int room;
	unsigned int polled;		/* slots in the epoll set */
	unsigned int turn;		/* the slot that is looked at first */
	int epoll_fd;
	int wake_fd;
	pid_t owner;			/* who created it; a child of fork(2) has a copy only */
	bool pulling;			/* @pull is open, on slot @pull_slot */
	unsigned int pull_slot;
	struct perfring_batch pull;
	struct perfring_error error;
};

/* reader.c */
void reader_end_pull(struct perfring_reader *reader);
void reader_lost(struct perfring_reader *reader, unsigned int index,
		 const struct perfring_record *record);
void reader_skip(struct perfring_reader *reader, unsigned int index,
		 const struct perfring_error *error);
int reader_add(struct perfring_reader *reader, struct perfring_storage *storage, bool polled);
uint64_t reader_now(void);

/* Count a record. */
static inline void reader_saw(struct perfring_reader *reader, unsigned int index,
			      const struct perfring_record *record)
{
	struct perfring_loss *loss = &reader->slots[index].loss;

	loss->records++;
	loss->bytes += record->size;
	/* One look for what is seen most. */
	if (__builtin_expect(record->type == PERF_RECORD_SAMPLE, 1))
		return;
	if (record->type == PERF_RECORD_LOST || record->type == PERF_RECORD_LOST_SAMPLES)
		reader_lost(reader, index, record);
}

/* Is there a ring, and one that is read in order? */
static inline bool reader_slot_read(const struct reader_slot *slot)
{
	return slot->ring && slot->ring->forward;
}

/* reader_cpus.c */
struct reader_cpus {
	const unsigned int *cpus;	/* NULL: all possible ones */
	size_t nr;
	/* index of what was added for @cpu; -ENODEV: none, the CPU is offline */
	int (*add)(struct perfring_reader *reader, unsigned int cpu, void *context);
	void *context;
};

int reader_add_each(struct perfring_reader *reader, const struct reader_cpus *each);

/* reader_bpf.c */
void reader_leave_array(struct reader_slot *slot, bool entry);

/* reader_wait.c */
int reader_ms_left(uint64_t deadline);

/* reader_deliver.c */
int reader_deliver(struct perfring_reader *reader, bool budgets);

/* reader_wait.c */
#define READER_FOREVER	UINT64_MAX	/* a deadline that never comes */

uint64_t reader_deadline(int timeout_ms);
int reader_wait_for(struct perfring_reader *reader, uint64_t deadline, int (*take)(void *context),
		    int (*look)(void *context), void *context);

#endif /* PERFRING_SRC_READER_H */
