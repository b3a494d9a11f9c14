// SPDX-License-Identifier: MIT
/* Merge: waiting, and callbacks in order. */
#include "merge.h"

#include <limits.h>

#define MERGE_CLOCK_EVERY	64	/* records between two looks at the clock */

static bool merge_held(const struct perfring_merge *merge)
{
	for (unsigned int i = 0; i < merge->nr; i++)
		if (merge->rings[i].ring && merge_ring_time(&merge->rings[i]) != MERGE_NEVER)
			return true;
	return false;
}

struct merge_wait {
	struct perfring_merge *merge;
	uint64_t deadline;
	int (*take)(void *context);
	int (*look)(void *context);
	bool held;	/* something was held when the wait began */
	bool again;	/* something is now, and there is an end to that */
};

/* Not their sum, which a slack without end is too large for. */
static bool wait_slack(const struct perfring_merge *merge, uint64_t deadline)
{
	uint64_t slack = merge->opts.slack_ns;

	return slack && merge->moved < deadline && slack < deadline - merge->moved &&
	       merge_held(merge);
}

static int wait_take(void *context)
{
	struct merge_wait *wait = context;
	int ret = wait->take(wait->merge);

	if (ret || wait->held || !wait_slack(wait->merge, wait->deadline))
		return ret;
	wait->again = true;
	return 1;
}

static int wait_news(void *context)
{
	const struct merge_wait *wait = context;

	return wait->look(wait->merge);
}

/* As reader_wait_for(), but when a slack is over for what is held because of it, so is the wait. */
static int wait_for(struct perfring_merge *merge, uint64_t deadline, int (*take)(void *context),
		    int (*look)(void *context))
{
	struct merge_wait wait = {
		.merge = merge, .deadline = deadline, .take = take, .look = look,
	};
	uint64_t until;
	int ret;

	for (;;) {
		wait.again = false;
		wait.held = wait_slack(merge, deadline);
		until = wait.held ? merge->moved + merge->opts.slack_ns : deadline;
		ret = reader_wait_for(merge->reader, until, wait_take, wait_news, &wait);
		if (wait.again)
			continue;
		/* Woken, or else the time is over. */
		if (ret || until == deadline || reader_now() < until)
			return ret;
	}
}

/* More than what waits already, or something of it that may be delivered. */
static int wait_look(void *context)
{
	struct perfring_merge *merge = context;
	uint64_t slack = merge->opts.slack_ns;

	if (merge->flushing || merge->tree[0].time <= merge->bound)
		return 1;
	for (unsigned int i = 0; i < merge->nr; i++)
		if (merge->rings[i].ring && merge_ring_news(&merge->rings[i]))
			return 1;
	return merge_held(merge) && (!slack || reader_now() - merge->moved >= slack);
}

int perfring_merge_wait(struct perfring_merge *merge, int timeout_ms)
{
	return wait_for(merge, reader_deadline(timeout_ms), wait_look, wait_look);
}

/* One call of poll: until a budget, nothing safe, or a lap of all rings. */
static int wait_deliver(void *context)
{
	struct perfring_merge *merge = context;
	const struct perfring_reader_opts *opts = &merge->reader->opts;
	uint64_t records = opts->budget_records ? opts->budget_records : INT_MAX;
	uint64_t deadline =
		opts->budget_ns ? reader_now() + opts->budget_ns : READER_FOREVER;
	uint64_t bytes = 0, done = 0;
	struct perfring_record record;
	unsigned int index, faults = 0;
	int ret, err = 0;

	if (records > INT_MAX)
		records = INT_MAX;
	while (done < records && bytes <= merge->capacity) {
		ret = perfring_merge_next(merge, &record, &index);
		if (!ret)
			break;
		if (ret < 0) {
			if (opts->error)
				opts->error(opts->context, index, &merge->reader->error);
			else if (!err)
				err = ret;
			/* A ring that is corrupt again and again ends the call, too. */
			if (++faults > merge->nr)
				break;
			continue;
		}
		done++;
		bytes += record.size;
		if (opts->record) {
			ret = opts->record(opts->context, index, &record);
			if (ret)
				return ret;
		}
		if (done % MERGE_CLOCK_EVERY == 0 && deadline != READER_FOREVER &&
		    reader_now() >= deadline)
			break;
	}
	return err ? err : (int)done;
}

int perfring_merge_poll(struct perfring_merge *merge, int timeout_ms)
{
	return wait_for(merge, reader_deadline(timeout_ms), wait_deliver, wait_look);
}
