/* SPDX-License-Identifier: MIT */
/* The inside of a reader, shared by reader.c and its siblings. */
#ifndef PERFRING_SRC_READER_H
#define PERFRING_SRC_READER_H

#include "internal.h"

struct reader_slot {
	struct perfring_ring *ring;	/* NULL: free */
	struct perfring_storage *storage;
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
	bool pulling;			/* @pull is open, on slot @pull_slot */
	unsigned int pull_slot;
	struct perfring_batch pull;
	struct perfring_error error;
};

/* reader.c */
void reader_end_pull(struct perfring_reader *reader);
void reader_saw(struct perfring_reader *reader, unsigned int index,
		const struct perfring_record *record);
void reader_skip(struct perfring_reader *reader, unsigned int index,
		 const struct perfring_error *error);
uint64_t reader_now(void);

/* reader_deliver.c */
int reader_deliver(struct perfring_reader *reader, bool budgets);

#endif /* PERFRING_SRC_READER_H */
