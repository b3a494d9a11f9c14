/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Twins: rings of one attr that go through one sequence of operations.  The first
 * is a real perf ring, and after each step the others have to equal it.
 *
 *	twin_model.c	what a write does to head, losses and wakeups
 *	twin_run.c	a sequence on all twins
 *	twin_compare.c	what has to be the same after each step
 *	twin_random.c	random rings and operations
 *	twin_text.c	a sequence as lines, and back
 *	twin_shrink.c	from a failing sequence to a minimal one
 */
#ifndef SELFTESTS_TWIN_H
#define SELFTESTS_TWIN_H

#include <stdio.h>
#include "fixtures.h"

#define TWIN_RECORDS	32	/* as in bpf/twin.bpf.c */
#define TWIN_OPS	512

/**
 * struct twin_config - the rings of a sequence
 * @pages: data pages
 * @overwrite: mapped read-only
 * @backward: attr.write_backward
 * @id_all: attr.sample_id_all
 * @watermark: attr.watermark
 * @reader: the tail is the library reader's; otherwise any value is stored
 * @shared: a second event writes into the ring of the first (SET_OUTPUT)
 * @giant: records larger than the ring are tried; without the memory twin, whose
 *	writer refuses them, where the kernel's writers count a loss
 * @wakeup: attr.wakeup_events or attr.wakeup_watermark
 * @sample_type: attr.sample_type
 */
struct twin_config {
	unsigned int pages;
	bool overwrite;
	bool backward;
	bool id_all;
	bool watermark;
	bool reader;
	bool shared;
	bool giant;
	uint32_t wakeup;
	uint64_t sample_type;
};

/*
 * WRITE is a write(2), BURST one EMIT.  These, ENABLE and DISABLE are of either event;
 * DETACH takes the ring from the second one and ATTACH gives it back.  HEAD and TAIL
 * store a word into the control page, as the owner of a mapping may.  READ delivers
 * up to arg records, or, where the ring needs it, takes a snapshot of which so many
 * are looked at.
 */
enum twin_what {
	TWIN_WRITE, TWIN_BURST, TWIN_TAIL, TWIN_HEAD, TWIN_READ, TWIN_PAUSE, TWIN_RESUME,
	TWIN_ENABLE, TWIN_DISABLE, TWIN_RESET, TWIN_POLL, TWIN_ATTACH, TWIN_DETACH,
	TWIN_WHATS			/* not an operation */
};

struct twin_op {
	enum twin_what what;
	unsigned int event;		/* 0, or 1: the second */
	unsigned int nr;		/* WRITE: 1, BURST: 1 to TWIN_RECORDS */
	uint64_t arg;			/* HEAD, TAIL, READ */
	uint16_t len[TWIN_RECORDS];	/* bytes of the payloads */
};

struct twin_sequence {
	struct twin_config config;
	unsigned int nr;
	struct twin_op op[TWIN_OPS];
};

/* What happened, so that a test knows that it has seen everything. */
struct twin_seen {
	uint64_t steps, sequences;
	uint64_t op[TWIN_WHATS];
	uint64_t written, lost_full, lost_paused, lost_records, refused, detached;
	uint64_t ready, exact_end, wrapped, filled, longest, lapped_itself;
	uint64_t delivered, torn, wild_tail;
	uint64_t pages[7], overwrite, backward, id_all, watermark, events, reader, shared, giant;
};

/* twin_model.c */

/**
 * struct twin_model - what perf documents of its writer's state
 * @fixed: bytes of a sample besides RAW
 * @raw: the sample has RAW
 * @lost_size: bytes of a LOST record
 * @size: data bytes
 * @mark: bytes that make a wakeup due
 * @events_due: samples that make one due; 0 for never
 */
struct twin_model {
	bool overwrite;
	bool backward;
	bool raw;
	unsigned int fixed;
	unsigned int lost_size;
	int events_due;
	uint64_t size;
	uint64_t mark;

	bool enabled[2];
	bool attached;			/* the second event */
	bool paused;
	unsigned long head;		/* as long as perf's */
	uint64_t published;
	uint64_t tail;
	uint64_t lost;
	uint64_t lost_total[2];
	unsigned long wakeup;
	uint64_t events;
	bool ready;
};

void twin_model_init(struct twin_model *m, const struct twin_config *config);
/* Bytes of a sample with so many bytes of payload. */
uint64_t twin_sample_size(const struct twin_model *m, uint64_t len);
/* The largest sample that such rings can be asked for. */
uint64_t twin_longest(const struct twin_config *config);
/* Free bytes. */
uint64_t twin_model_room(const struct twin_model *m);
/*
 * One record of @event: 0, -ENOSPC, -EOPNOTSUPP.  *@pos is where it begins, and its LOST
 * record if *@lost, which is then before it.
 */
int twin_model_write(struct twin_model *m, unsigned int event, uint64_t len, uint64_t *pos,
		     uint64_t *lost);
/* What an operation that does not write, and not READ, does. */
void twin_model_op(struct twin_model *m, const struct twin_op *op);

/* twin_run.c */

/* As in bpf/twin.bpf.c. */
struct twin_request {
	uint32_t nr;
	uint32_t event;
	struct {
		uint32_t offset;
		uint32_t len;
		int32_t ret;
	} item[TWIN_RECORDS];
	unsigned char payload[2 * 65536];
};

struct twin {
	enum backend_kind kind;
	const char *name;
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	struct perf_event_mmap_page *page;
	const uint64_t *data;
	int second;			/* fd of the second event; -1: none */
	uint64_t id[2];
	uint64_t time;			/* of its last record with TIME */
};

struct twins {
	bool device;			/* there is one */
	bool thorough;			/* all bytes after each step */
	struct bpf_writer bpf;
	struct twin_request *request;
	struct twin twin[3];
	unsigned int nr;		/* of the sequence */
	struct twin_config config;
	struct twin_model model;
	unsigned int step;
	uint64_t *mask;			/* of each word: the bits that are compared */
	uint64_t dirty;			/* bytes that the step has written, */
	unsigned int writer;		/* and which event did */
	uint64_t looked_at;		/* data_tail, by the memory's writer */
	struct twin_seen seen;
	char why[400];			/* the first difference */
};

/* Load the BPF program, go to CPU 0.  false: *@why says what is missing. */
bool twins_init(struct twins *t, bool device, char *why, size_t len);
void twins_exit(struct twins *t);
/* All return false after a difference, which is in @t->why. */
bool twins_begin(struct twins *t, const struct twin_config *config);
bool twins_step(struct twins *t, const struct twin_op *op);
/* Compares all bytes, if nothing differed before. */
bool twins_end(struct twins *t);
/* The three above; *@step is the one that differed. */
bool twins_run(struct twins *t, const struct twin_sequence *s, unsigned int *step);

/* twin_compare.c; all return false after a difference, the first always. */
/* Say what it is in @t->why; false. */
bool twin_differ(struct twins *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A record of the model, just written; its LOST record is before it if @lost. */
bool twin_place_record(struct twins *t, uint64_t pos, uint64_t len, uint64_t lost);
/* Twin @i delivered record[i]; is it that of the first? */
bool twin_same_record(struct twins *t, const struct perfring_record *record, unsigned int i);
/* After a step: everything; @before is where the head was. */
bool twins_same(struct twins *t, uint64_t before);
/* All bytes of the data areas. */
bool twins_same_bytes(struct twins *t);

/* twin_random.c */
uint64_t twin_random(uint64_t *state);
void twin_random_config(struct twin_config *config, uint64_t *state, bool device);
/* An operation for the state that @t is in. */
void twin_random_op(struct twin_op *op, uint64_t *state, const struct twins *t);
/*
 * Random sequences until @steps are done.  false: @failing is the one that
 * differed, up to that step, and @t->why says how.
 */
bool twins_random(struct twins *t, uint64_t seed, uint64_t steps,
		  struct twin_sequence *failing);

/* twin_text.c */
void twin_print(FILE *to, const struct twin_sequence *s);
/* 0, or the number of the first line that is not understood. */
int twin_parse(FILE *from, struct twin_sequence *s);

/* twin_shrink.c */
typedef bool twin_fails(void *context, const struct twin_sequence *s, unsigned int *step);
/* Make @s, which fails, as short and small as it goes; how many runs that took. */
unsigned int twin_shrink(struct twin_sequence *s, twin_fails *fails, void *context);

#endif /* SELFTESTS_TWIN_H */
