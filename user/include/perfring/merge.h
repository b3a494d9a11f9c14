/* SPDX-License-Identifier: MIT */
/*
 * Merge: the records of a reader's rings in the order of their time.
 *
 * A heap of the rings' oldest records does not give that order: a ring that is
 * empty now may yet yield an older record, and within one ring a record that an
 * interrupt wrote inside of another stands before it with a later time.  So, as
 * perf's FINISHED_ROUND: a round looks at every ring once, and what was seen
 * before the end of a round is safe to deliver when the next one has looked at
 * all rings again, because whatever comes then is newer.  Writers between
 * reading the clock and publishing are the exception, for which there is a
 * slack.
 *
 * Records stay in their rings until they are delivered.  They are copied only
 * when a ring gets too full to hold them there.  All memory is taken when a ring
 * is added; reading takes none, and makes no system call except to wait.
 *
 * One thread uses a merge and its reader.  While a ring is merged, no function
 * that delivers records of the reader (perfring_reader_poll(), _consume(),
 * _flush(), _next(), _wait()) may be called; accessors, counters,
 * perfring_reader_add() and _wake() may.
 */
#ifndef PERFRING_MERGE_H
#define PERFRING_MERGE_H

#include <perfring/reader.h>
#include <perfring/ring.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct perfring_merge;

/* struct perfring_merge_opts flags */
#define PERFRING_MERGE_DROP_LATE	(1U << 0)	/* count late records, do not deliver */
#define PERFRING_MERGE_NO_COPY		(1U << 1)	/* force records out instead */

/**
 * struct perfring_merge_opts - options of a merge
 * @size: sizeof(struct perfring_merge_opts), as in storage.h
 * @slack_ns: a record is safe when one that is newer by so much, in units of the
 *	records' clock, was seen before; or, when no ring yields anything more, after so
 *	many ns of CLOCK_MONOTONIC.  0: the rounds alone decide
 * @window: records of one ring that are looked at ahead, rounded up to a power of
 *	two, 16 to 2^20; 40 bytes each.  0: 256, and 4096 with a slack.  Records of one
 *	ring whose times are in the wrong order over less than a quarter of it
 *	are put right
 * @flags: PERFRING_MERGE_*
 * @hold_bytes: when more of a ring is in use and nothing in it may be delivered,
 *	its oldest records are copied, so that the writer does not lose others because
 *	of them; 0: half of the ring's data.  A BPF ring buffer holds nothing, because the
 *	kernel wakes only for its oldest record
 * @copy_bytes: memory for the copies of each ring; 0: as much as the ring's
 *	data.  It is not touched before it is needed
 *
 * When a ring's window is full, or its copies are and the ring is in use
 * beyond @hold_bytes, the oldest records of all rings are delivered although
 * they are not safe, up to a quarter of that ring's window, and count as forced.
 */
struct perfring_merge_opts {
	size_t size;
	uint64_t slack_ns;
	uint32_t window;
	uint32_t flags;
	size_t hold_bytes;
	size_t copy_bytes;
};

/**
 * perfring_merge_create - a merge without rings
 * @reader: outlives the merge
 * @opts: options or NULL
 * @out: the merge; unchanged on error
 *
 * Return: 0; -EINVAL, -E2BIG bad options; -ENOMEM.
 */
int perfring_merge_create(struct perfring_reader *reader, const struct perfring_merge_opts *opts,
			  struct perfring_merge **out);

/*
 * What is held in rings can be read by others again; what was copied is gone:
 * flush first.  The rings stay the reader's.  NULL does nothing.
 */
void perfring_merge_destroy(struct perfring_merge *merge);

/**
 * perfring_time_fn - the time of a record
 * @context: of the options
 * @index: the ring
 * @record: valid until the function returns
 *
 * Return: the time; 0 the record has none.
 */
typedef uint64_t (*perfring_time_fn)(void *context, unsigned int index,
				     const struct perfring_record *record);

/**
 * struct perfring_merge_ring_opts - where the records of a ring have their time
 * @size: sizeof(struct perfring_merge_ring_opts), as in storage.h
 * @attr: what the records look like; NULL: the storage's attr
 * @time: asked for each record; NULL: PERF_SAMPLE_TIME of @attr, or @payload_time
 * @context: for @time
 * @payload_time: not 0: the time is a word of this machine at this offset, from the
 *	record's first byte (so at least 8), in samples and in records of a BPF
 *	ring buffer
 * @padding: 0
 *
 * A record without a time (PERF_SAMPLE_TIME not in its sample_id, too short, or the
 * time 0) has that of the record before it in the same ring, and the first of a
 * ring that of the one after it.
 */
struct perfring_merge_ring_opts {
	size_t size;
	const struct perf_event_attr *attr;
	perfring_time_fn time;
	void *context;
	uint32_t payload_time;
	uint32_t padding;
};

/**
 * perfring_merge_add - merge a ring of the reader
 * @merge: the merge
 * @index: from perfring_reader_add(), and not merged yet
 * @opts: options or NULL
 *
 * Return: 0; -ENOENT no such ring; -EALREADY it is merged; -EOPNOTSUPP it is read by
 * snapshots; -EINVAL bad options, or the records have no time; -EBUSY a batch is open on
 * the ring; -ENOMEM.
 */
int perfring_merge_add(struct perfring_merge *merge, unsigned int index,
		       const struct perfring_merge_ring_opts *opts);

/**
 * perfring_merge_add_all - merge all rings of the reader that are not merged yet
 * @merge: the merge
 * @opts: as above, for each of them
 *
 * Rings that are read by snapshots are passed over.
 *
 * Return: rings added, 0 or more; the first error of perfring_merge_add(), and then
 * none of this call's rings stays.
 */
int perfring_merge_add_all(struct perfring_merge *merge,
			   const struct perfring_merge_ring_opts *opts);

/**
 * perfring_merge_remove - merge a ring no more
 * @merge: the merge
 * @index: of a ring that is merged; has to come before perfring_reader_remove()
 *
 * As perfring_merge_destroy() for this ring.
 *
 * Return: 0; -ENOENT.
 */
int perfring_merge_remove(struct perfring_merge *merge, unsigned int index);

/**
 * perfring_merge_next - the next record of all rings
 * @merge: the merge
 * @record: valid until the next call of a function of this merge other than
 *	an accessor
 * @index: its ring; may be NULL; also set with -EBADMSG
 *
 * Records of equal time come in the order of their ring's index, those of one
 * ring in its order.  Rounds are made when nothing is left that is safe.  Never
 * waits.  Lost callbacks of the reader are called, error and record callbacks
 * are not.
 *
 * Return: 1; 0 nothing is safe now: perfring_merge_wait(), then go on; -EBADMSG a
 * corrupt ring was skipped to its head, after the records before the fault
 * (perfring_reader_error()), go on.
 */
int perfring_merge_next(struct perfring_merge *merge, struct perfring_record *record,
			unsigned int *index);

/*
 * time of the record that perfring_merge_next() returned last, which a late one is
 * behind; 0 none
 */
uint64_t perfring_merge_time(const struct perfring_merge *merge);

/**
 * perfring_merge_wait - wait for pull
 * @merge: the merge
 * @timeout_ms: as perfring_reader_poll()
 *
 * Return: 1 a ring has new bytes, or what was held may be safe by now; 0 timeout or
 * wake; -EINTR; -ENODATA as perfring_reader_poll(): flush.
 */
int perfring_merge_wait(struct perfring_merge *merge, int timeout_ms);

/**
 * perfring_merge_poll - wait for records and deliver them in order
 * @merge: the merge
 * @timeout_ms: how long to wait; 0: not at all, negative: for ever
 *
 * Callbacks and budgets are those of the reader.  One call delivers no more
 * than the rings together can hold, however fast the writers are.
 *
 * Return: as perfring_reader_poll().
 */
int perfring_merge_poll(struct perfring_merge *merge, int timeout_ms);

/**
 * perfring_merge_flush - nothing more is to come
 * @merge: the merge
 *
 * All that the rings hold now is safe, without slack and rounds: next and poll deliver
 * it in order.  What is written later is treated as before.
 *
 * Return: 0.
 */
int perfring_merge_flush(struct perfring_merge *merge);

/**
 * struct perfring_merge_stats - what a merge has done
 * @size: sizeof(struct perfring_merge_stats), set by the caller
 * @delivered: records, late ones included, dropped ones not
 * @late: older than one delivered before; all others came in order
 * @dropped: late ones that were not delivered
 * @forced: delivered before they were safe, because a bound was reached
 * @rounds: looks at all rings
 * @inverted: records that stood behind a newer one in the same ring
 * @copied: records copied
 * @copied_bytes: of them
 * @held: records that are seen and not delivered, now
 * @held_bytes: of them
 */
struct perfring_merge_stats {
	size_t size;
	uint64_t delivered;
	uint64_t late;
	uint64_t dropped;
	uint64_t forced;
	uint64_t rounds;
	uint64_t inverted;
	uint64_t copied;
	uint64_t copied_bytes;
	uint64_t held;
	uint64_t held_bytes;
};

/* counters; returns 0, -EINVAL size 0 */
int perfring_merge_stats(const struct perfring_merge *merge,
			 struct perfring_merge_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_MERGE_H */
