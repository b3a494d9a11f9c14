/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The perf ring protocol, writer's side: reserve, copy, publish.
 *
 * This file is the only place that knows it.  The kernel writer, the library's
 * memory writer and the sanitizer builds compile this same text, so it includes
 * nothing of the kernel unless __KERNEL__ is defined.
 *
 * One ring has one writing CPU (in user space: one writing thread).  A writer
 * may be interrupted at any instruction by another one on the same CPU
 * (softirq, hardirq, NMI; a signal handler), and such writers nest strictly:
 * the inner one has ended before the outer one goes on.  Therefore operations
 * need to be atomic against the own CPU alone (local_t), and only the outermost
 * writer publishes data_head, for all.
 *
 * Positions run freely and wrap with their type; they are only subtracted,
 * never ordered with '<'.
 *
 * The reader runs on any CPU:
 *
 *	writer (this file)			reader
 *
 *	load data_tail				load data_head
 *	   (A) control dependency, or		   (C) acquire
 *	       acquire
 *	store record				load record
 *	   (B) write barrier, or		   (D) release
 *	       release
 *	store data_head				store data_tail
 *
 * A pairs with D: the writer sees a tail only when the reader has done with the
 * bytes before it; without the pair a record is overwritten while it is read.
 * B pairs with C: the reader sees a head only when the bytes before it are
 * there; without the pair it reads what an earlier lap has left.
 */
#ifndef PERFRING_CORE_H
#define PERFRING_CORE_H

#ifdef __KERNEL__

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/perf_event.h>
#include <linux/string.h>
#include <asm/barrier.h>
#include <asm/local.h>

struct perfring_local {
	local_t v;
};

#define perfring_local_read(l)		((unsigned long)local_read(&(l)->v))
#define perfring_local_set(l, x)	local_set(&(l)->v, x)
#define perfring_local_add(l, x)	local_add(x, &(l)->v)
#define perfring_local_add_return(l, x)	((unsigned long)local_add_return(x, &(l)->v))
#define perfring_local_xchg(l, x)	((unsigned long)local_xchg(&(l)->v, x))

/* Returns true, or false with what was found in *@old. */
static inline bool perfring_local_try_cmpxchg(struct perfring_local *l,
					      unsigned long *old,
					      unsigned long new)
{
	unsigned long seen = local_cmpxchg(&l->v, *old, new);
	bool done = seen == *old;

	*old = seen;
	return done;
}

#define perfring_once_load(x)		READ_ONCE(x)
#define perfring_once_store(x, v)	WRITE_ONCE(x, v)
#define perfring_barrier()		barrier()
#define perfring_unlikely(x)		unlikely(x)

/* A: the caller's branch on room is the control dependency. */
#define perfring_load_tail(page)	((unsigned long)READ_ONCE((page)->data_tail))

/* smp_wmb and not smp_store_release: data_head is 64 bits on 32-bit machines too. */
#define perfring_store_head(page, head)					\
	do {								\
		smp_wmb(); /* B, pairs with C in the reader */		\
		WRITE_ONCE((page)->data_head, head);			\
	} while (0)

#else /* user space */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <linux/perf_event.h>

struct perfring_local {
	unsigned long v;
};

#define perfring_local_read(l)		__atomic_load_n(&(l)->v, __ATOMIC_RELAXED)
#define perfring_local_set(l, x)	__atomic_store_n(&(l)->v, x, __ATOMIC_RELAXED)

#if defined(__x86_64__) && !defined(__ILP32__) && !defined(__SANITIZE_THREAD__)
/*
 * One instruction without the lock prefix: atomic against a signal handler of
 * this thread, which is all that a ring of one writer needs.
 */
static inline unsigned long perfring_local_add_return(struct perfring_local *l,
						      unsigned long x)
{
	unsigned long was = x;

	__asm__ __volatile__("xaddq %0, %1" : "+r"(was), "+m"(l->v) : : "memory", "cc");
	return was + x;
}

static inline void perfring_local_add(struct perfring_local *l, unsigned long x)
{
	__asm__ __volatile__("addq %1, %0" : "+m"(l->v) : "er"(x) : "memory", "cc");
}

static inline bool perfring_local_try_cmpxchg(struct perfring_local *l,
					      unsigned long *old,
					      unsigned long new_)
{
	bool done;

	__asm__ __volatile__("cmpxchgq %3, %1"
			     : "=@ccz"(done), "+m"(l->v), "+a"(*old)
			     : "r"(new_)
			     : "memory");
	return done;
}
#else
#define perfring_local_add_return(l, x)	__atomic_add_fetch(&(l)->v, x, __ATOMIC_RELAXED)
#define perfring_local_add(l, x)	((void)perfring_local_add_return(l, x))

static inline bool perfring_local_try_cmpxchg(struct perfring_local *l,
					      unsigned long *old,
					      unsigned long new_)
{
	return __atomic_compare_exchange_n(&l->v, old, new_, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
#endif

#define perfring_local_xchg(l, x)	__atomic_exchange_n(&(l)->v, x, __ATOMIC_RELAXED)

#define perfring_once_load(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define perfring_once_store(x, y)	__atomic_store_n(&(x), y, __ATOMIC_RELAXED)
#define perfring_barrier()		__atomic_signal_fence(__ATOMIC_SEQ_CST)
#define perfring_unlikely(x)		__builtin_expect(!!(x), 0)

/* A, pairs with D: acquire, because the thread sanitizer knows no control dependency. */
#define perfring_load_tail(page)						\
	((unsigned long)__atomic_load_n(&(page)->data_tail, __ATOMIC_ACQUIRE))
/* B, pairs with C in the reader. */
#define perfring_store_head(page, head)						\
	__atomic_store_n(&(page)->data_head, head, __ATOMIC_RELEASE)

#endif /* __KERNEL__ */

/**
 * struct perfring_core - the writer's private state of one ring
 * @head: next position to reserve; ahead of data_head while a writer is inside
 * @lost: records lost since the last PERF_RECORD_LOST
 * @wakeup: grows whenever the reader is due a wakeup; in watermark terms the
 *	position of the last one, as in perf
 * @events: samples since the last wakeup by wakeup_events
 * @high_water: most bytes that ever waited for the reader
 * @nest: writers inside
 * @paused: output is paused, or the ring has no data pages
 * @overwrite: never full, data_tail is ignored
 * @backward: records are written towards lower positions
 * @watermark: bytes that make a wakeup due; at most LONG_MAX
 * @mask: data size - 1; the data size is a power of two
 * @page: control page, shared with user space; only data_tail is read from it here,
 *	in one place, and whatever it says costs at most the owner's records
 * @data: first data byte
 *
 * The fields up to @nest belong to the writing CPU.  @paused is one word that
 * anyone may set; the rest does not change while the ring can be written.
 */
struct perfring_core {
	struct perfring_local head;
	struct perfring_local lost;
	struct perfring_local wakeup;
	struct perfring_local events;
	struct perfring_local high_water;
	unsigned int nest;
	int paused;
	bool overwrite;
	bool backward;
	unsigned long watermark;
	unsigned long mask;
	struct perf_event_mmap_page *page;
	unsigned char *data;
};

/* Why a record wakes the reader; the first that applies. */
enum perfring_cause {
	PERFRING_CAUSE_NONE,
	PERFRING_CAUSE_FORCED,
	PERFRING_CAUSE_EVENTS,
	PERFRING_CAUSE_WATERMARK,
};

/**
 * struct perfring_handle - one writer between begin and end; lives on its stack
 * @pos: where the next copied byte goes
 * @head: core->head before the reservation
 * @next: core->head after it
 * @left: bytes that are free then
 * @wakeup: what core->wakeup was when the writer came in
 * @lost: count for the LOST record
 * @cause: why the record wakes the reader
 * @report_lost: the caller writes a LOST record before its own
 * @wakeup_due: begin failed, and the reader is due a wakeup all the same
 */
struct perfring_handle {
	unsigned long pos;
	unsigned long head;
	unsigned long next;
	unsigned long left;
	unsigned long wakeup;
	unsigned long lost;
	enum perfring_cause cause;
	bool report_lost;
	bool wakeup_due;
};

/*
 * How many bytes are free?  A ring is never filled to the last byte, because
 * head == tail means empty: at most mask bytes are in use.
 */
static inline unsigned long perfring_core_free(const struct perfring_core *c,
					       unsigned long head, unsigned long tail)
{
	unsigned long free;

	if (perfring_unlikely(c->backward))
		free = (head - tail - 1) & c->mask;
	else
		free = (tail - head - 1) & c->mask;
	return free;
}

/*
 * Is @head more than the watermark beyond the last wakeup?  Signed, unlike perf: a
 * wakeup that is counted or forced moves @wakeup as well, a discarded record takes
 * @head back, so that @head may be the one behind.
 */
static inline bool perfring_core_crossed(const struct perfring_core *c, unsigned long head,
					 unsigned long wakeup)
{
	if (perfring_unlikely(c->backward))
		head = -head;
	return (long)(head - wakeup) > (long)c->watermark;
}

/**
 * perfring_core_enter - come in as a writer
 * @c: ring
 * @h: handle to set up
 *
 * Nothing is published before the matching perfring_core_leave(), so a writer
 * that enters, writes several records with begin and end, and leaves, publishes
 * them at once: that is all a batch is.
 * Context: any, on the writing CPU with preemption off.
 */
static inline void perfring_core_enter(struct perfring_core *c,
				       struct perfring_handle *h)
{
	/*
	 * @wakeup first: a writer between the two lines is outermost itself and
	 * wakes.  The other way round, as in the kernel's perf_output_get_handle(),
	 * it leaves the wakeup to us, who have not seen that there is one.
	 */
	h->wakeup = perfring_local_read(&c->wakeup);
	perfring_barrier();
	/* Load and store need not be one: whoever comes between puts it back. */
	perfring_once_store(c->nest, perfring_once_load(c->nest) + 1);
	perfring_barrier();
}

/**
 * perfring_core_leave - the counterpart of perfring_core_enter()
 * @c: ring
 * @h: the handle that came in
 *
 * Return: true when the reader is due a wakeup.  The inner writers of a nest
 * return false; the outermost, which has seen @wakeup before them, says it.
 */
static inline bool perfring_core_leave(struct perfring_core *c,
				       struct perfring_handle *h)
{
	unsigned int nest = perfring_once_load(c->nest);
	unsigned long head;

	if (nest > 1) {
		perfring_once_store(c->nest, nest - 1);
		return false;
	}

	for (;;) {
		/*
		 * @head is read while nest is 1, so that a writer coming now
		 * leaves the publishing to us, and data_head never goes back.
		 */
		perfring_barrier();
		head = perfring_local_read(&c->head);
		perfring_store_head(c->page, head);
		/* Published, then nest 0: a writer coming after may publish by itself. */
		perfring_barrier();
		perfring_once_store(c->nest, 0);
		/* Nest 0, then look: did one come in between and leave it to us? */
		perfring_barrier();
		if (head == perfring_local_read(&c->head))
			break;
		perfring_once_store(c->nest, 1);
	}
	return h->wakeup != perfring_local_read(&c->wakeup);
}

/**
 * perfring_core_look - where is the head, and is there room behind it?
 * @c: ring
 * @h: handle; head is set, and left to the bytes that are free
 * @room: bytes that must be free
 */
static inline bool perfring_core_look(const struct perfring_core *c, struct perfring_handle *h,
				      unsigned long room)
{
	h->head = perfring_local_read(&c->head);
	h->left = perfring_core_free(c, h->head, perfring_load_tail(c->page));
	return !perfring_unlikely(h->left < room) || c->overwrite;
}

/**
 * perfring_core_reserve - move the head
 * @c: ring that the writer has entered
 * @h: handle; pos, head and next are set, and left unless the ring overwrites
 * @size: bytes by which the head moves
 * @room: bytes that must be free
 *
 * Return: false without room.
 */
static inline bool perfring_core_reserve(struct perfring_core *c, struct perfring_handle *h,
					 unsigned long size, unsigned long room)
{
	unsigned long seen, next;

	do {
		if (!perfring_core_look(c, h, room))
			return false;
		/* A: no store below before the load of data_tail. */
		next = perfring_unlikely(c->backward) ? h->head - size : h->head + size;
		seen = h->head;
	} while (perfring_unlikely(!perfring_local_try_cmpxchg(&c->head, &seen, next)));

	h->pos = perfring_unlikely(c->backward) ? next : h->head;
	h->next = next;
	h->left -= size;
	return true;
}

/* The most bytes that ever waited: data size - 1 - @left do now. */
static inline void perfring_core_high_water(struct perfring_core *c, unsigned long left)
{
	unsigned long used = c->mask - left, high = perfring_local_read(&c->high_water);

	while (perfring_unlikely(used > high) &&
	       !perfring_local_try_cmpxchg(&c->high_water, &high, used))
		;
}

/* What follows from a reservation: the high-water mark, the watermark. */
static inline void perfring_core_reserved(struct perfring_core *c, struct perfring_handle *h,
					  bool quiet)
{
	unsigned long wakeup;

	if (!c->overwrite)
		perfring_core_high_water(c, h->left);
	if (quiet)
		return;
	wakeup = perfring_local_read(&c->wakeup);
	/* An inner writer's crossing counts for this record, too. */
	while (perfring_unlikely(perfring_core_crossed(c, h->next, wakeup)))
		if (perfring_local_try_cmpxchg(&c->wakeup, &wakeup, wakeup + c->watermark)) {
			h->cause = PERFRING_CAUSE_WATERMARK;
			break;
		}
}

/*
 * perfring_core_begin() for one who has entered when @entered says so, and who gets
 * what wakeup is due, in a failure too, from his perfring_core_leave().
 */
static inline int perfring_core_begin_in(struct perfring_core *c, struct perfring_handle *h,
					 unsigned long size, unsigned long lost_size,
					 bool quiet, bool entered)
{
	h->wakeup_due = false;
	h->cause = PERFRING_CAUSE_NONE;
	if (perfring_unlikely(perfring_once_load(c->paused))) {
		perfring_local_add(&c->lost, 1);
		return -EBUSY;
	}

	h->report_lost = perfring_local_read(&c->lost) != 0;
	h->lost = 0;
	if (perfring_unlikely(h->report_lost))
		size += lost_size;

	if (!entered)
		perfring_core_enter(c, h);
	if (perfring_unlikely(!perfring_core_reserve(c, h, size, size))) {
		perfring_local_add(&c->lost, 1);
		if (!entered)
			h->wakeup_due = perfring_core_leave(c, h);
		return -ENOSPC;
	}
	perfring_core_reserved(c, h, quiet);
	if (perfring_unlikely(h->report_lost))
		h->lost = perfring_local_xchg(&c->lost, 0);
	return 0;
}

/**
 * perfring_core_begin - reserve room for a record
 * @c: ring
 * @h: handle to set up
 * @size: bytes of the record, a multiple of 8
 * @lost_size: bytes of a LOST record of this ring
 * @quiet: leave the wakeup to the next record that is not quiet
 *
 * On success the caller first writes a LOST record of @lost_size bytes if
 * h->report_lost says so, then its own, with perfring_core_copy(), and ends
 * with perfring_core_end().  On failure there is nothing to end; the loss is
 * counted for the next LOST record, and h->wakeup_due says what
 * perfring_core_end() would: a writer that nested in the attempt may have left
 * its wakeup to this one.
 *
 * Context: any, on the writing CPU with preemption off.
 * Return: 0, -ENOSPC when full, -EBUSY when paused.
 */
static inline int perfring_core_begin(struct perfring_core *c,
				      struct perfring_handle *h,
				      unsigned long size, unsigned long lost_size,
				      bool quiet)
{
	return perfring_core_begin_in(c, h, size, lost_size, quiet, false);
}

/**
 * perfring_core_more - reserve room for a record of a batch
 * @c: ring that the writer has entered
 * @h: handle to set up, not that of the batch
 * @size: as perfring_core_begin()
 * @lost_size: the same
 * @quiet: the same
 *
 * The record needs no perfring_core_end(), and @h->wakeup_due is not for it to say:
 * perfring_core_leave() of the batch does both.
 *
 * Context: any, on the writing CPU with preemption off.
 * Return: as perfring_core_begin().
 */
static inline int perfring_core_more(struct perfring_core *c, struct perfring_handle *h,
				     unsigned long size, unsigned long lost_size, bool quiet)
{
	return perfring_core_begin_in(c, h, size, lost_size, quiet, true);
}

/**
 * perfring_core_copy - write bytes of a reserved record
 * @c: ring
 * @h: handle from perfring_core_begin()
 * @src: bytes
 * @len: how many; all copies of a record add up to its size
 *
 * In overwrite mode a record may be longer than the ring and then laps itself.
 */
static inline void perfring_core_copy(const struct perfring_core *c,
				      struct perfring_handle *h,
				      const void *src, unsigned long len)
{
	const unsigned char *from = (const unsigned char *)src;
	unsigned long offset = h->pos & c->mask, chunk;

	/* Where it is inlined, @len is often a constant. */
	if (!perfring_unlikely(len > c->mask + 1 - offset)) {
		memcpy(c->data + offset, from, len);
		h->pos += len;
		return;
	}
	while (len) {
		offset = h->pos & c->mask;
		chunk = c->mask + 1 - offset;
		if (chunk > len)
			chunk = len;
		memcpy(c->data + offset, from, chunk);
		from += chunk;
		h->pos += chunk;
		len -= chunk;
	}
}

/**
 * perfring_core_count - count a sample towards wakeup_events
 * @c: ring
 * @h: handle from perfring_core_begin(), not a quiet one
 * @wakeup_events: the attr's, 0 for never
 *
 * Between begin and end.
 */
static inline void perfring_core_count(struct perfring_core *c, struct perfring_handle *h,
				       int wakeup_events)
{
	if (!wakeup_events)
		return;
	if ((int)perfring_local_add_return(&c->events, 1) >= wakeup_events) {
		perfring_local_add(&c->events, -(unsigned long)(long)wakeup_events);
		perfring_local_add(&c->wakeup, 1);
		h->cause = PERFRING_CAUSE_EVENTS;
	}
}

/**
 * perfring_core_force - make a wakeup due, whatever is counted
 * @c: ring
 * @h: handle from perfring_core_begin()
 *
 * Between begin and end.
 */
static inline void perfring_core_force(struct perfring_core *c, struct perfring_handle *h)
{
	perfring_local_add(&c->wakeup, 1);
	h->cause = PERFRING_CAUSE_FORCED;
}

/**
 * perfring_core_discard - give a reservation up
 * @c: ring
 * @h: handle from perfring_core_begin()
 *
 * Before end, and before count and force.  When nobody has reserved since, all of
 * it is taken back: a LOST record too, whose count goes to the next one.
 *
 * Return: true when taken back; false when the caller must make its record one
 * that readers skip, because another one follows.
 */
static inline bool perfring_core_discard(struct perfring_core *c, struct perfring_handle *h)
{
	unsigned long next = h->next, head, wakeup;

	if (!perfring_local_try_cmpxchg(&c->head, &next, h->head))
		return false;
	if (h->cause == PERFRING_CAUSE_WATERMARK) {
		perfring_local_add(&c->wakeup, -c->watermark);
		/*
		 * A writer between the two lines has measured from our crossing.  What
		 * it has written may be due a wakeup from where the last one was; should
		 * it be one that comes now, it sees that itself.
		 */
		perfring_barrier();
		wakeup = perfring_local_read(&c->wakeup);
		head = perfring_local_read(&c->head);
		if (head != h->head && perfring_core_crossed(c, head, wakeup))
			perfring_local_try_cmpxchg(&c->wakeup, &wakeup, wakeup + c->watermark);
	}
	h->cause = PERFRING_CAUSE_NONE;
	if (h->lost)
		perfring_local_add(&c->lost, h->lost);
	return true;
}

/**
 * perfring_core_end - end a record; the outermost writer publishes
 * @c: ring
 * @h: handle from perfring_core_begin()
 *
 * Return: true when the reader is due a wakeup.
 */
static inline bool perfring_core_end(struct perfring_core *c, struct perfring_handle *h)
{
	return perfring_core_leave(c, h);
}

/**
 * perfring_core_position - start the ring, empty, at a position
 * @c: ring that nobody writes now
 * @pos: head and tail; a multiple of 8
 */
static inline void perfring_core_position(struct perfring_core *c, unsigned long pos)
{
	perfring_local_set(&c->head, pos);
	perfring_local_set(&c->wakeup, c->backward ? -pos : pos);
	perfring_once_store(c->page->data_tail, pos);
	perfring_store_head(c->page, pos);
}

#endif /* PERFRING_CORE_H */
