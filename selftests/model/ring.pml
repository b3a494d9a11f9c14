/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol of kmod/core.h for spin(1): writers that interrupt one another on one
 * CPU, a reader on another, a ring of four slots. README.md says what this proves.
 *
 * Each statement that stands alone is one step, between any two of which a writer of a
 * higher level may come, run to its end and leave, and the reader and the memory go on.
 * The names are those of core.h. A record is one slot, written in two steps.
 *
 * Faults to plant, one at a time: -DNO_A, -DNO_B, -DNO_C, -DNO_D leave a barrier out;
 * -DNO_CMPXCHG, -DNO_XCHG, -DNO_AGAIN, -DLATE_HEAD, -DLATE_WAKEUP are mistakes in the
 * writer, -DFULL is one in how it counts room.
 */
#define SLOTS	4
#define MASK	3
#define WRAP(x)	((x) & 15)		/* positions wrap with their type */
#define START	13			/* so that they do so soon */

#define LEVELS	3
#ifndef COUNT0
#define COUNT0	2			/* records of each level */
#define COUNT1	2
#define COUNT2	0
#endif
#ifndef OWED
#define OWED	0			/* losses that are not reported when it begins */
#endif

#define TORN	255
#define LOST	64			/* and how many */
#define RECORD(level, seq)	((level) * 8 + (seq) + 1)

/* The control page, and the data. */
byte data_head = START, data_tail = START;
byte slot[SLOTS];

/* struct perfring_core */
byte head = START, lost = OWED, wakeup, nest;

/* The CPU's stores to the data are seen by others when the memory comes to it. */
bool pending;
byte pending_slot, pending_value;

/* What only the model knows. */
bool inside[LEVELS], ended[LEVELS], woken;
byte written, losses;
#define all_ended	(ended[0] && ended[1] && ended[2])

inline settle()
{
	if
	:: pending -> slot[pending_slot] = pending_value; pending = false
	:: else
	fi
}

inline store(pos, value)
{
	d_step {
		settle();
		pending_slot = (pos) & MASK;
		pending_value = value;
		pending = true
	}
}

inline enter()
{
#ifdef LATE_WAKEUP
	d_step { n = nest };
	nest = n + 1;
	h_wakeup = wakeup;
#else
	h_wakeup = wakeup;
	n = nest;
	nest = n + 1;
#endif
}

/* B is in here. The reader must never see the head go back, nor more than there is room. */
inline publish()
{
#ifndef NO_B
	d_step { settle() };
#endif
	d_step {
		assert(WRAP(h - data_head) <= MASK);
		data_head = h
	}
}

inline leave()
{
	n = nest;
	if
	:: n > 1 ->
		nest = n - 1
	:: else ->
#ifdef LATE_HEAD
		h = head;
		nest = 0;
		publish();
#else
		do
		:: true ->
			h = head;
			publish();
			nest = 0;
#ifdef NO_AGAIN
			break
#else
			if
			:: h == head -> break
			:: else -> nest = 1
			fi
#endif
		od;
#endif
		if
		:: h_wakeup != wakeup -> woken = true
		:: else
		fi
	fi
}

#ifdef FULL
#define ROOM	(MASK + 2 - WRAP(h - tail))
#else
#define ROOM	(MASK - WRAP(h - tail))
#endif

/* One record: begin, copy, end. */
inline write(level, seq)
{
	report = lost != 0;
	size = 1 + report;
	enter();
	h = head;
	do
	:: true ->
#ifdef NO_A
		/* What is stored below has come before this load. */
		store(h, TORN);
#endif
		tail = data_tail;
		if
		:: ROOM < size ->
			d_step { lost++; losses++ };
			size = 0;
			break
		:: else
		fi;
#ifdef NO_CMPXCHG
		h = head;
		head = WRAP(h + size);
		break
#else
		d_step {
			if
			:: head == h -> head = WRAP(h + size); got = true
			:: else -> h = head; got = false
			fi
		};
		if
		:: got -> break
		:: else
		fi
#endif
	od;
	if
	:: size == 0
	:: else ->
		pos = h;
		if
		:: report ->
#ifdef NO_XCHG
			count = lost;
			lost = 0;
#else
			d_step { count = lost; lost = 0 };
#endif
			store(pos, LOST + count);
			pos = WRAP(pos + 1)
		:: else
		fi;
		store(pos, TORN);
		store(pos, RECORD(level, seq));
		d_step { wakeup = WRAP(wakeup + 1); written++ }
	fi;
	leave()
}

/* A writer of @level runs when it likes to, and then none below does. */
#define WRITER(level, records)					\
	byte h_wakeup, n, h, tail, size, pos, count, seq;		\
	bool report, got;						\
	do								\
	:: seq < records ->						\
		inside[level] = true;					\
		write(level, seq);					\
		d_step { inside[level] = false; h = 0; tail = 0; n = 0;	\
			size = 0; pos = 0; count = 0; h_wakeup = 0;	\
			report = false; got = false; seq++ }		\
	:: else -> break						\
	od;								\
	ended[level] = true

active proctype task() provided (!inside[1] && !inside[2])
{
	WRITER(0, COUNT0)
}

active proctype hardirq() provided (!inside[2])
{
	WRITER(1, COUNT1)
}

active proctype nmi()
{
	WRITER(2, COUNT2)
}

active proctype memory()
{
	do
	:: d_step { pending -> settle() }
	:: all_ended && !pending -> break
	od
}

/* A slot is looked at twice: nobody may change it before the tail has passed it. */
inline look()
{
	d_step {
		if
		:: value > LOST || value == LOST ->
			told = told + value - LOST
		:: else ->
			assert(value != 0);
			level = (value - 1) / 8;
			assert(level < LEVELS);
			/* In order, and none twice. */
			assert((value - 1) % 8 >= next[level]);
			next[level] = (value - 1) % 8 + 1;
			seen++
		fi
	}
}

active proctype reader()
{
	byte h, tail = START, value, level, told, seen, early;
	byte next[LEVELS];

	do
	:: atomic { woken -> woken = false };
#ifdef NO_C
		early = slot[tail & MASK];
#endif
		h = data_head;
#ifdef NO_D
		data_tail = h;
#endif
		do
		:: tail != h ->
#ifdef NO_C
			value = early;
#else
			value = slot[tail & MASK];
#endif
			assert(value != TORN);
			assert(value == slot[tail & MASK]);
			look();
			tail = WRAP(tail + 1);
#ifdef NO_C
			early = slot[tail & MASK];
#endif
#ifndef NO_D
			data_tail = tail
#endif
		:: else -> break
		od;
		atomic { h = 0; value = 0; level = 0; early = 0 }
	:: atomic { all_ended && !pending && !woken } ->
		break
	od;

	/* Nobody is inside, all is published, the reader was woken for it, all is accounted. */
	assert(nest == 0);
	assert(data_head == head);
	assert(tail == head);
	assert(seen == written);
	assert(written + losses == COUNT0 + COUNT1 + COUNT2);
	assert(told + lost == OWED + losses)
}
