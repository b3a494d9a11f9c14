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

static void deliver_batch(struct perfring_reader *reader, unsigned int index,
			  struct perfring_batch *batch, struct deliver *deliver, int *ret)
{
	const struct perfring_reader_opts *opts = &reader->opts;
	struct perfring_record record;

	*ret = 0;
	while (!deliver->over && (*ret = perfring_batch_next(batch, &record)) > 0) {
		reader_saw(reader, index, &record);
		deliver->done++;
		if (opts->record)
			deliver->ret = opts->record(opts->context, index, &record);
		if (deliver->ret || deliver->done >= deliver->records || deliver->done >= INT_MAX ||
		    (deliver->done % DELIVER_CLOCK_EVERY == 0 && deliver_late(deliver)))
			deliver->over = true;
	}
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
		deliver_batch(reader, index, &batch, deliver, &ret);
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
