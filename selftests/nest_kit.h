/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For nest_probe_test: an event of the source of client/perfring_nest_main.c, its ring
 * brought into a state, one write with records inside, and what must hold then.
 */
#ifndef SELFTESTS_NEST_KIT_H
#define SELFTESTS_NEST_KIT_H

#include <stdbool.h>
#include <stdint.h>
#include "client/perfring_nest.h"
#include "common.h"

/* Two more events of the source: one takes no payload, the other one does. */
enum nest_listeners {
	NEST_ALONE,
	NEST_PAUSED,			/* neither ever has room */
	NEST_READERS,			/* both always have */
	NEST_BEFORE,			/* the same but for the payload's, both met first */
	NEST_RINGLESS,			/* one has no ring, the other one no data pages */
};

/* How an event is opened. */
struct nest_config {
	const char *name;
	uint64_t sample_type;
	bool id_all;
	bool overwrite;
	bool backward;
	unsigned int wakeup_events;	/* 0: by a watermark of a byte: each record crosses */
	unsigned int period;		/* 0: 1 */
	bool told;			/* SIGIO, and a limit that is never reached */
	bool traced;			/* perfring:perfring_emit is on */
	bool filtered;			/* for another process */
	enum nest_context context;	/* of the outer record */
	enum nest_listeners listeners;
	bool no_chain;			/* exclude_callchain_kernel */
	uint16_t max_stack;		/* entries of a CALLCHAIN; 0: as many as there are */
	bool limited;			/* by REFRESH, and the outer record is the last */
	bool counting;			/* no period: no samples but by perfring_output() */
	bool several;			/* the first record is due twice */
	bool again;			/* also where a usual one has come by */
	bool down;			/* its CPU goes down */
};

/* What its ring is like, and how the outer record is written. */
struct nest_scene {
	const char *name;
	enum nest_op op;
	uint32_t len;		/* payload of the outer record */
	uint32_t at;		/* head before the end of the data; 0: anywhere */
	unsigned int owed;	/* losses not reported yet */
	unsigned int room;	/* 0: all, 1: for the outer one, 2: none, 3: for a shorter one */
	bool paused;
	bool scribbled;		/* data_head is not where the writer left it */
	bool detached;		/* between NEST_COMMIT's reserve and commit */
	bool new_high;		/* nothing has waited so far */
	uint32_t type;		/* of NEST_RECORD and NEST_SHORT, as the rest */
	uint32_t flags;
	enum nest_task task;
	bool regs;
};

/* How many records come inside, and their payloads. */
struct nest_round {
	const char *name;
	uint32_t count;
	uint32_t len[NEST_INNER];
};

struct nest_ring {
	const struct nest_config *config;
	int nest;		/* /dev/perfring_nest */
	int fd;
	int listener[2];
	struct raw listener_raw[2];
	uint32_t trigger;	/* see struct nest_write */
	uint32_t second;
	bool watched;		/* stores to data_head are told */
	struct raw raw;
	uint64_t id;
	uint32_t number;	/* of the next record */
	uint64_t owed;		/* losses that no LOST record has told of */
	uint64_t samples;	/* ever written */
	uint64_t causes;	/* of a wakeup by wakeup_events, ever */
	uint32_t overhead;	/* bytes of an outer record but for its payload */
	struct perfring_stats stats;	/* after the last record */
	struct nest_write write;
};

/* Where the module has what it does not export; 0: not known. */
extern uint64_t nest_output, nest_reserve, nest_wake;

/* By which records go from one head to another; positions are only subtracted. */
uint64_t nest_distance(const struct nest_ring *ring, uint64_t from, uint64_t to);
/* Bytes of a LOST record: header, id, count and sample_id. */
uint32_t nest_lost_size(const struct nest_ring *ring);
/* What was wrong with ring->write, before which the head was @from, or NULL. */
const char *nest_judge(struct nest_ring *ring, uint64_t from);

/* 0 or -errno */
int nest_open(struct nest_ring *ring, int nest, const struct nest_config *config);
void nest_close(struct nest_ring *ring);

/*
 * Bring the ring into the state of @scene and write, with @round inside at hit @visit
 * of probe @index.  NULL, or what was wrong; ring->write says how it went.
 */
const char *nest_try(struct nest_ring *ring, const struct nest_scene *scene,
		     const struct nest_round *round, uint32_t index, uint32_t visit);

#endif /* SELFTESTS_NEST_KIT_H */
