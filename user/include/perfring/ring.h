/* SPDX-License-Identifier: MIT */
/*
 * Ring: the reader of a storage.
 *
 * One thread at a time consumes a ring; a writer (the kernel, another process,
 * the thread that calls perfring_write()) runs beside it without locks.
 *
 * Reading allocates nothing and makes no system call, but for the beginning of a
 * snapshot, which pauses the writer and, the first time, takes memory.
 *
 * A ring that is consumed in order is read in batches, or record by record with
 * peek and pop.  An overwriting or backward one is read by snapshots.
 *
 *	perfring_batch_begin(ring, &batch);
 *	while ((err = perfring_batch_next(&batch, &record)) > 0)
 *		use(&record);
 *	perfring_batch_commit(&batch);
 */
#ifndef PERFRING_RING_H
#define PERFRING_RING_H

#include <perfring/error.h>
#include <perfring/storage.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct perfring_ring;

/* Longest record of a perf ring: header.size is a u16 and a multiple of 8. */
#define PERFRING_RECORD_MAX	65528U

/*
 * Type of the records of a BPF ring buffer, whose header has none; above all that the
 * kernel and perf.data use.
 */
#define PERFRING_RECORD_BPF	0x40000000U

/* That header: u32 length and flags, u32 that is the kernel's own. */
#define PERFRING_BPF_HEADER	8U
#define PERFRING_BPF_BUSY	(1U << 31)	/* still being written */
#define PERFRING_BPF_DISCARD	(1U << 30)	/* not to be delivered */

/* struct perfring_ring_opts flags */
#define PERFRING_RING_KEEP	(1U << 0)	/* look only: never store data_tail */

/**
 * struct perfring_ring_opts - how to read
 * @size: sizeof(struct perfring_ring_opts), as in storage.h
 * @flags: PERFRING_RING_*
 * @padding: 0
 */
struct perfring_ring_opts {
	size_t size;
	uint32_t flags;
	uint32_t padding;
};

/**
 * struct perfring_record - one record, in place
 * @data: its first byte, which is that of its struct perf_event_header; 8-byte
 *	aligned, @size bytes are readable.  Another process may scribble there:
 *	use the fields below, not the header in memory
 * @position: ring position (free running, bytes) of that byte
 * @type: header.type, PERF_RECORD_* or anything else; PERFRING_RECORD_BPF in a BPF
 *	ring buffer
 * @size: bytes with the header, checked.  In a perf ring header.size: 8 to 65528 and a
 *	multiple of 8; in a BPF ring buffer 8 and the exact length of the payload, which
 *	follows the header of 8 bytes
 * @misc: header.misc; 0 in a BPF ring buffer
 * @padding: not set
 *
 * The memory stays valid and unchanged by an honest writer until the batch's
 * commit, or the record's pop.
 */
struct perfring_record {
	const void *data;
	uint64_t position;
	uint32_t type;
	uint32_t size;
	uint16_t misc;
	uint16_t padding[3];
};

/**
 * struct perfring_batch - records between two positions; on the caller's stack
 *
 * All fields are the library's own.  Records are read at @end + @at; @at runs
 * from minus the bytes of this stretch up to 0, where perfring_batch_more()
 * goes on beyond the end of the data, or ends.
 */
struct perfring_batch {
	const unsigned char *end;	/* end of the stretch in memory */
	ptrdiff_t at;			/* next record, relative to it; <= 0 */
	uint64_t end_position;		/* ring position of @end */
	uint64_t stop;			/* ring position where the batch ends */
	uint64_t limit;			/* budget: no record begins here or later */
	uint64_t start;			/* ring position of the first record */
	uint64_t torn;			/* snapshot: bytes of no whole record */
	struct perfring_ring *ring;	/* NULL: not begun */
	struct perfring_error error;
	ptrdiff_t guess;		/* size of the next record; PERFRING_GUESS_NONE */
	uint32_t alike;			/* records like the one before it, in a row */
	uint16_t last;			/* size of the last record whose size was no guess */
	uint8_t stitched;		/* the record across the end was handed out */
	uint8_t snapshot;
	uint8_t bpf;			/* records of a BPF ring buffer */
	uint8_t padding[7];
};

/**
 * perfring_ring_open - read a storage
 * @storage: with a ring; stays the caller's and outlives the ring
 * @opts: options or NULL
 * @out: the ring; unchanged on error
 *
 * Reading goes on at data_tail as it is now.
 *
 * Return: 0; -EBUSY a ring is open on it; -ENODEV the storage has no ring;
 * -EINVAL, -E2BIG bad options; -ENOMEM.
 */
int perfring_ring_open(struct perfring_storage *storage, const struct perfring_ring_opts *opts,
		       struct perfring_ring **out);

/**
 * perfring_ring_close - the counterpart of perfring_ring_open()
 * @ring: its batches end, uncommitted; NULL does nothing.  The storage stays open
 */
void perfring_ring_close(struct perfring_ring *ring);

/* the storage of perfring_ring_open() */
struct perfring_storage *perfring_ring_storage(const struct perfring_ring *ring);

/**
 * perfring_batch_begin - take what is in the ring now
 * @ring: neither overwriting nor backward
 * @batch: set up; also after an error, so that next and commit are harmless
 *
 * One acquire of data_head.  What is written later belongs to the next batch,
 * so a batch ends however fast the writer is; it is at most one lap.
 *
 * Return: 0, with or without records; -EBADMSG when data_head is no position
 * that follows data_tail (see perfring_batch_error()); -EOPNOTSUPP the ring
 * needs snapshots; -EBUSY another batch or a peeked record is open.
 */
int perfring_batch_begin(struct perfring_ring *ring, struct perfring_batch *batch);

/**
 * perfring_batch_begin_budget - the same with a budget
 * @ring: as above
 * @batch: as above
 * @bytes: the batch ends with the record that reaches so many; 0: no budget
 *
 * For a budget in records or time stop calling next: commit releases only what
 * next has returned.
 *
 * Return: as perfring_batch_begin().
 */
int perfring_batch_begin_budget(struct perfring_ring *ring, struct perfring_batch *batch,
				size_t bytes);

/* The part of perfring_batch_next() that is rare; not for direct use. */
int perfring_batch_more(struct perfring_batch *batch, struct perfring_record *record);

/* header as one word; other types may alias it */
#if defined(__GNUC__)
/* A call of it costs more than what it does. */
#define PERFRING_INLINE	__attribute__((__always_inline__)) inline
typedef uint64_t perfring_word __attribute__((__may_alias__));
typedef uint32_t perfring_half __attribute__((__may_alias__));
#else
#define PERFRING_INLINE	inline
typedef uint64_t perfring_word;
typedef uint32_t perfring_half;
#endif

/* No guess: further than any stretch. */
#define PERFRING_GUESS_NONE	(PTRDIFF_MAX / 2)
/* So many records of one size in a row, and the next is guessed to be like them. */
#define PERFRING_GUESS_AFTER	32

/* header.size of a header in one word; not for direct use */
static inline uint16_t perfring_word_size(perfring_word word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (uint16_t)(word >> 48);
#else
	return (uint16_t)word;
#endif
}

/* The record at @at, whose header is @word; not for direct use. */
static PERFRING_INLINE void perfring_batch_fill(const struct perfring_batch *batch, ptrdiff_t at,
						perfring_word word,
						struct perfring_record *record)
{
	record->data = batch->end + at;
	record->position = batch->end_position + (uint64_t)(int64_t)at;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	record->type = (uint32_t)word;
	record->misc = (uint16_t)(word >> 32);
#else
	record->type = (uint32_t)(word >> 32);
	record->misc = (uint16_t)(word >> 16);
#endif
	record->size = perfring_word_size(word);
}

/* perfring_batch_next() where sizes vary; not for direct use. */
static inline int perfring_batch_vary(struct perfring_batch *batch,
				      struct perfring_record *record)
{
	struct perfring_record other;
	ptrdiff_t at = batch->at;
	perfring_word word;
	uint32_t alike;
	uint16_t size;
	int ret;

	if (__builtin_expect(at != 0, 1)) {
		word = __atomic_load_n((const perfring_word *)(const void *)(batch->end + at),
				       __ATOMIC_RELAXED);
		size = perfring_word_size(word);
		if (__builtin_expect(size != 0 && (size & 7) == 0 && at + size <= 0, 1)) {
			/* Without a branch, which sizes that vary would mislead. */
			alike = (batch->alike + 1) & -(uint32_t)(size == batch->last);
			batch->alike = alike;
			batch->last = size;
			batch->guess = PERFRING_GUESS_NONE;
			if (__builtin_expect(alike >= PERFRING_GUESS_AFTER, 0))
				batch->guess = size;
			batch->at = at + size;
			perfring_batch_fill(batch, at, word, record);
			return 1;
		}
	}
	/* Not into @record: it can stay in registers as long as nobody knows its address. */
	ret = perfring_batch_more(batch, &other);
	if (ret > 0)
		*record = other;
	return ret;
}

/*
 * The header at @at, when it is of the size that the next one is guessed to be: where the one after
 * it is, else more than 0; not for direct use.
 */
static PERFRING_INLINE ptrdiff_t perfring_batch_guess(const struct perfring_batch *batch,
						      ptrdiff_t at, perfring_word *word)
{
	ptrdiff_t guess = batch->guess, next = at + guess;

#if defined(__GNUC__)
	/* The compiler must not find out that it is at + size as well. */
	__asm__("" : "+r"(next));
#endif
	/*
	 * A guess is a size that was checked, so what is left is that it fits.  When it is
	 * wrong the header is loaded and checked as if this had not been.
	 */
	if (__builtin_expect(next > 0, 0))
		return 1;
	*word = __atomic_load_n((const perfring_word *)(const void *)(batch->end + at),
				__ATOMIC_RELAXED);
	return __builtin_expect(perfring_word_size(*word) == guess, 1) ? next : 1;
}

/* perfring_batch_next() in a BPF ring buffer; not for direct use. */
static inline int perfring_batch_next_bpf(struct perfring_batch *batch,
					  struct perfring_record *record)
{
	const unsigned char *data = batch->end + batch->at;
	struct perfring_record other;
	uint32_t header;
	ptrdiff_t next;
	int ret;

	/* F of ring_bpf.c: no byte of the payload is loaded before. */
	header = __atomic_load_n((const perfring_half *)(const void *)data, __ATOMIC_ACQUIRE);
	next = batch->at + (ptrdiff_t)((header + PERFRING_BPF_HEADER + 7) & ~7U);
	/* At the end no record fits, so that it needs no look of its own. */
	if (__builtin_expect(header < PERFRING_BPF_DISCARD && next <= 0, 1)) {
		record->data = data;
		record->position = batch->end_position + (uint64_t)(int64_t)batch->at;
		record->type = PERFRING_RECORD_BPF;
		record->size = header + PERFRING_BPF_HEADER;
		record->misc = 0;
		batch->at = next;
		return 1;
	}
	ret = perfring_batch_more(batch, &other);
	if (ret > 0)
		*record = other;
	return ret;
}

/**
 * perfring_batch_next - the next record of a batch
 * @batch: begun
 * @record: filled when 1 is returned
 *
 * A header is loaded once and checked before anything uses it.
 *
 * Where a record ends, and so where the next one begins, is known when its header is
 * loaded.  After some records of one size the next is taken for one like them: the
 * processor goes on to the record after it while the header is still on its way, and comes
 * back if it says otherwise.
 *
 * Return: 1; 0 at the end, and ever after; -EBADMSG when the next header
 * cannot be one, and ever after: perfring_batch_error() says where and why.
 * The records before it were delivered and are released by the commit; data_tail
 * then points at the bad one until perfring_ring_resync().
 */
static PERFRING_INLINE int perfring_batch_next(struct perfring_batch *batch,
					       struct perfring_record *record)
{
	ptrdiff_t at = batch->at, next;
	perfring_word word;

	if (__builtin_expect(batch->bpf, 0))
		return perfring_batch_next_bpf(batch, record);
	next = perfring_batch_guess(batch, at, &word);
	if (__builtin_expect(next <= 0, 1)) {
		batch->at = next;
		perfring_batch_fill(batch, at, word, record);
		return 1;
	}
	return perfring_batch_vary(batch, record);
}

/**
 * perfring_batch_commit - release the records that next has returned
 * @batch: begun; ended by this.  Pointers into it are invalid from now on
 *
 * One release of data_tail, and none when nothing was returned.  After a
 * snapshot it remembers what was seen.  Without a commit the ring stays as it
 * was and -EBUSY for others; perfring_batch_cancel() ends such a batch.
 */
void perfring_batch_commit(struct perfring_batch *batch);

/**
 * perfring_batch_cancel - end a batch and release nothing
 * @batch: begun; the same records come again
 */
void perfring_batch_cancel(struct perfring_batch *batch);

/**
 * perfring_batch_remaining - bytes of the batch that next has not returned
 * @batch: begun
 *
 * Return: bytes; 0 after the end or an error.
 */
static inline uint64_t perfring_batch_remaining(const struct perfring_batch *batch)
{
	return batch->stop - (batch->end_position + (uint64_t)(int64_t)batch->at);
}

/**
 * perfring_batch_error - what was wrong
 * @batch: after -EBADMSG, before or after its commit
 * @error: filled; code 0 when nothing was wrong
 *
 * Return: error->code.
 */
int perfring_batch_error(const struct perfring_batch *batch, struct perfring_error *error);

/**
 * perfring_batch_torn - bytes of a snapshot that are in no whole record
 * @batch: from perfring_ring_snapshot(), after next has returned 0
 *
 * Return: bytes that the writer overwrote in part before or while they were
 * copied; 0 for other batches.
 */
uint64_t perfring_batch_torn(const struct perfring_batch *batch);

/* perfring_ring_snapshot() flags */
#define PERFRING_SNAPSHOT_NO_PAUSE	(1U << 0)	/* do not stop the writer */

/**
 * perfring_ring_snapshot - copy what an overwriting or backward ring holds
 * @ring: overwriting, or backward, or both
 * @flags: PERFRING_SNAPSHOT_*
 * @batch: set up; read with next, ended by commit
 *
 * Output is paused while the ring is copied, where the storage can and unless
 * @flags say no; records of that time are lost, which the writer counts.
 * Without a pause the head is looked at again after the copy, and what the
 * writer overwrote meanwhile is not handed out; only the oldest record of a
 * kernel's ring may still be torn by a writer that has not published yet.  With
 * one, a kernel's ring takes an RCU grace period, some ten milliseconds.  A backward ring gives the
 * newest record first, up to one lap; a forward one gives those since the last
 * snapshot, oldest first, or, once lapped, none: where a record begins is known
 * no more, all its bytes count as torn.  A BPF ring buffer that overwrites says where its
 * oldest record is: it gives what it still has of those since the last snapshot.
 *
 * The commit remembers the head: a second snapshot without a write between is
 * empty.  A backward ring that does not overwrite has its data_tail moved too.
 *
 * Return: 0; -EOPNOTSUPP a forward ring that does not overwrite; -EBUSY as
 * perfring_batch_begin(); -EBADMSG the head is not a multiple of 8; -ENOMEM.
 */
int perfring_ring_snapshot(struct perfring_ring *ring, unsigned int flags,
			   struct perfring_batch *batch);

/**
 * perfring_ring_resync - give up what waits, go on at the head
 * @ring: no batch open
 *
 * The way out of -EBADMSG: from an unknown position no record boundary can be
 * found again.
 *
 * Return: 0; -EBUSY a batch is open.  perfring_ring_skipped() adds it up.
 */
int perfring_ring_resync(struct perfring_ring *ring);

/* bytes that perfring_ring_resync() ever gave up; no unit of records exists for them */
uint64_t perfring_ring_skipped(const struct perfring_ring *ring);

/*
 * Peek and pop: one record at a time.  Between a peek and its pop no batch,
 * snapshot or resync is possible (-EBUSY), nor a peek while a batch is open.
 */

/**
 * perfring_ring_peek - look at the oldest record
 * @ring: neither overwriting nor backward
 * @record: filled when 1 is returned; valid until its pop
 *
 * Return: 1; 0 when the ring is empty; -EBADMSG (perfring_ring_error());
 * -EOPNOTSUPP, -EBUSY as perfring_batch_begin().
 */
int perfring_ring_peek(struct perfring_ring *ring, struct perfring_record *record);

/**
 * perfring_ring_pop - release the oldest record
 * @ring: peeked or not
 *
 * One release of data_tail.
 *
 * Return: 1; 0 when the ring was empty; errors of perfring_ring_peek().
 */
int perfring_ring_pop(struct perfring_ring *ring);

/* header.size of the oldest record, 8 to 65528; 0 when empty; errors of peek */
int perfring_ring_peek_size(struct perfring_ring *ring);
/* header.type of the oldest record into *type; returns as peek */
int perfring_ring_peek_type(struct perfring_ring *ring, uint32_t *type);

/**
 * perfring_ring_peek_copy - copy bytes of the oldest record
 * @ring: as perfring_ring_peek()
 * @buffer: room for @len bytes
 * @offset: of the first byte, from the start of the record (its header)
 * @len: bytes
 *
 * Return: bytes copied, less than @len where the record ends, 0 when @offset is
 * beyond it or the ring is empty; errors of perfring_ring_peek().
 */
int perfring_ring_peek_copy(struct perfring_ring *ring, void *buffer, size_t offset, size_t len);

/**
 * perfring_ring_bytes_remaining - bytes that wait
 * @ring: any
 *
 * Return: data_head - data_tail with a fresh head, records that a batch has not
 * committed included; for an overwriting ring bytes since the last snapshot, at
 * most one lap.  A corrupt head gives what it says.
 */
uint64_t perfring_ring_bytes_remaining(const struct perfring_ring *ring);

/* what the last failed peek or pop found; returns error->code */
int perfring_ring_error(const struct perfring_ring *ring, struct perfring_error *error);

/*
 * Positions: data_head now (acquire), and the reader's own tail.  Those of a 32-bit kernel
 * begin again at 0 after 2^32; here, and in records, they go on.
 */
uint64_t perfring_ring_head(const struct perfring_ring *ring);
uint64_t perfring_ring_tail(const struct perfring_ring *ring);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_RING_H */
