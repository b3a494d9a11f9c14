/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the readers of the gallery share and what is no matter of reading a ring: how
 * they come by it, how they touch its memory, what they print (perfring-torture(1)).
 *
 * Every load and store of the ring goes through the four functions at the end.  They
 * are the plain atomic ones, until explore.c takes their place in a model of memory.
 */
#ifndef GALLERY_H
#define GALLERY_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>

#define RECORD_MAX	65528
#define SEQUENCE_END	0xffffffffU

struct reader {
	struct perf_event_mmap_page *page;
	const unsigned char *data;
	uint64_t size;			/* data bytes */
	uint64_t bytes;			/* all that is mapped */
	uint64_t tail;			/* own copy; backward: head of the last snapshot */
	bool backward;
	uint64_t record[8192];		/* the record that is read, in one piece */
	unsigned char *copy;		/* backward: the data */
	uint64_t own;			/* of a broken reader */
};

/* Map descriptor 3; exits where that fails. */
void ring_map(struct reader *r);
/* Show what was printed, poll(2) descriptor 4, take the wakeup back; revents, 0 in time, -errno. */
int ring_wait(int ms);
/* Take back a wakeup, if there is one. */
void ring_clear(void);

/* Lines.  The last two end the program. */
void say_sample(const void *payload, uint32_t len);
void say_lost(uint64_t lost);
void say_other(const struct perf_event_header *header);
void say_snapshot(void);
_Noreturn void say_hangup(void);
_Noreturn void say_end(void);
_Noreturn void say_corrupt(void);

/* What takes the place of memory and lines in a model. */
struct model {
	uint64_t (*load)(const void *at, bool acquire);
	void (*store)(void *at, uint64_t value, bool release);
	void (*said)(const char *line);
	void (*corrupt)(void);
};

extern const struct model *model;

static inline uint64_t load_relaxed(const void *at)
{
	return model ? model->load(at, false) :
		       __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);
}

static inline uint64_t load_acquire(const void *at)
{
	return model ? model->load(at, true) :
		       __atomic_load_n((const uint64_t *)at, __ATOMIC_ACQUIRE);
}

static inline void store_relaxed(void *at, uint64_t value)
{
	if (model)
		model->store(at, value, false);
	else
		__atomic_store_n((uint64_t *)at, value, __ATOMIC_RELAXED);
}

static inline void store_release(void *at, uint64_t value)
{
	if (model)
		model->store(at, value, true);
	else
		__atomic_store_n((uint64_t *)at, value, __ATOMIC_RELEASE);
}

/* explore.c: run @drain in the model, say what came of it on stdout, and exit. */
_Noreturn void explore(struct reader *r, void (*drain)(struct reader *r));

#endif /* GALLERY_H */
