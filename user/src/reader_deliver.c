// SPDX-License-Identifier: MIT
/* Reader: callbacks for what the rings hold, within a budget. */
#include "reader.h"

#include <limits.h>

#define DELIVER_CLOCK_EVERY	64	/* records between two looks at the clock */

/* What one call may still do. */
struct deliver {
	uint64_t records;		/* left; UINT64_MAX: no budget */
	uint64_t deadline;		/* ns of CLOCK_MONOTONIC; 0: none */
	uint64_t done;
	bool over;
	int ret;			/* of a callback, or -EBADMSG */
};

static bool deliver_late(const struct deliver *deliver)
{
	return deliver->deadline && reader_now() >= deliver->deadline;
}

/* How many may be done before something has to be looked at. */
static uint64_t deliver_until(const struct deliver *deliver)
{
	uint64_t until = deliver->records < INT_MAX ? deliver->records : INT_MAX;
	uint64_t clock = (deliver->done / DELIVER_CLOCK_EVERY + 1) * DELIVER_CLOCK_EVERY;

	return deliver->deadline && clock < until ? clock : until;
}

/* 1, or what perfring_batch_next() ended with */
static int deliver_batch(struct perfring_reader *reader, unsigned int index,
			 struct perfring_batch *batch, struct deliver *deliver)
{
	const perfring_record_fn fn = reader->opts.record;
	void *const context = reader->opts.context;
	uint64_t done = deliver->done, until = deliver_until(deliver);
	struct perfring_record record;
	int ret, stop = 0;

	while ((ret = perfring_batch_next(batch, &record)) > 0) {
		reader_saw(reader, index, &record);
		done++;
		if (fn)
			stop = fn(context, index, &record);
		if (__builtin_expect(!stop && done < until, 1))
			continue;
		deliver->done = done;
		if (stop)
			deliver->ret = stop;
		deliver->over = stop || done >= deliver->records || done >= INT_MAX ||
				deliver_late(deliver);
		if (deliver->over)
			break;
		until = deliver_until(deliver);
	}
	deliver->done = done;
	return ret;
}

static void deliver_ring(struct perfring_reader *reader, unsigned int index,
			 struct deliver *deliver)
{
	struct reader_slot *slot = &reader->slots[index];
	struct perfring_error error;
	struct perfring_batch batch;
	int ret;

	ret = perfring_batch_begin(slot->ring, &batch);
	if (!ret)
		ret = deliver_batch(reader, index, &batch, deliver);
	perfring_batch_commit(&batch);
	if (ret < 0) {
		perfring_batch_error(&batch, &error);
		if (reader->opts.error)
			reader->opts.error(reader->opts.context, index, &error);
		else if (!deliver->ret)
			deliver->ret = ret;
		reader_skip(reader, index, &error);
	}
}

/* Each ring once, in turn, as far as its head is when its turn comes. */
int reader_deliver(struct perfring_reader *reader, bool budgets)
{
	struct deliver deliver = { .records = UINT64_MAX };
	unsigned int first;

	reader_end_pull(reader);
	if (budgets && reader->opts.budget_records)
		deliver.records = reader->opts.budget_records;
	if (budgets && reader->opts.budget_ns)
		deliver.deadline = reader_now() + reader->opts.budget_ns;

	if (reader->turn >= reader->nr)
		reader->turn = 0;
	first = reader->turn;
	for (unsigned int i = 0; i < reader->nr && !deliver.over; i++) {
		unsigned int index = (first + i) % reader->nr;

		if (!reader_slot_read(&reader->slots[index]))
			continue;
		if (i && deliver_late(&deliver))
			break;
		deliver_ring(reader, index, &deliver);
		reader->turn = index + 1;
	}
	return deliver.ret ? deliver.ret : (int)deliver.done;
}
