/* SPDX-License-Identifier: MIT */
/* What the sources of the library share, and nobody else sees. */
#ifndef PERFRING_INTERNAL_H
#define PERFRING_INTERNAL_H

/* Everything is hidden but what the public headers declare. */
#pragma GCC visibility push(default)
#include <perfring/perfring.h>
#pragma GCC visibility pop

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core.h"

#define PERFRING_CACHELINE	64

/* Which system calls a storage has besides its mapping. */
enum storage_kind {
	STORAGE_MEMORY,
	STORAGE_PERF,
	STORAGE_DEVICE,
	STORAGE_IMAGE,
	STORAGE_BPF,
};

struct perfring_storage {
	enum storage_kind kind;
	unsigned int flags;		/* PERFRING_STORAGE_* */
	struct perf_event_mmap_page *control;	/* NULL: a BPF ring buffer */
	__u64 *consumer;		/* positions of a BPF ring buffer */
	const __u64 *producer;
	unsigned char *data;
	size_t data_size;
	size_t page_size;
	void *map;			/* what close unmaps; NULL: the caller's */
	size_t map_size;
	void *aux;			/* NULL: not mapped */
	size_t aux_size;
	int fd;
	int cpu;
	int paused;			/* by perfring_storage_pause(); atomic */
	bool in_use;			/* a ring is open */
	struct perf_event_attr attr;
	/* The writer's, far from the fields above, which the reader loads. */
	struct perfring_core core __attribute__((aligned(PERFRING_CACHELINE)));
};

struct perfring_writer;

struct perfring_ring {
	/* What does not change, which the writer's thread loads as well. */
	struct perfring_storage *storage;
	struct perfring_writer *writer;	/* never NULL: see ring_write.c */
	const __u64 *head_at;		/* what the writer stores */
	__u64 *tail_at;			/* what the reader stores */
	unsigned char *data;
	uint64_t data_size;
	uint64_t reach;			/* bytes in one piece from data on: data_size or twice it */
	bool keep;			/* never store the tail */
	bool forward;			/* read by batches, not by snapshots */
	bool bpf;			/* records of a BPF ring buffer */
	/*
	 * The reader's, in cache lines that its stores need not take from the writer.  @tail
	 * is its own copy; that in memory is only stored.
	 */
	/* of peek and pop */
	struct perfring_batch one __attribute__((aligned(PERFRING_CACHELINE)));
	uint64_t tail;
	bool busy;			/* a batch is open */
	bool peeked;			/* current is the oldest record */
	uint16_t last;			/* as in the last batch, like the next two */
	uint32_t alike;
	ptrdiff_t guess;
	uint64_t skipped;
	unsigned char *stitch;		/* PERFRING_RECORD_MAX bytes */
	unsigned char *copy;		/* copy_size bytes, from the first snapshot on */
	uint64_t copy_size;		/* the data, and its beginning once more */
	struct perfring_record current;
	struct perfring_error error;
};

/* PERF_SAMPLE_BRANCH_COUNTERS, from Linux 6.8 on */
#define FORMAT_BRANCH_COUNTERS	(1ULL << 19)

struct perfring_format {
	uint64_t sample_type;
	uint64_t read_format;
	uint64_t branch_type;
	uint64_t regs_user;
	uint64_t regs_intr;
	uint32_t regs_user_nr;
	uint32_t regs_intr_nr;
	uint32_t id_size;		/* 0 without sample_id_all */
	uint32_t read_entry;		/* words of one counter */
	bool id_all;
};

/* storage.c */
int perfring_opts_take(void *own, size_t own_size, const void *given);
struct perfring_storage *perfring_storage_alloc(enum storage_kind kind);
int perfring_attr_take(struct perf_event_attr *own, const struct perf_event_attr *given,
		       uint32_t watermark, uint32_t wakeup_events, bool backward);
size_t perfring_system_page_size(void);
int perfring_map_guarded(struct perfring_storage *storage, size_t bytes, size_t mirror);

/* storage_perf.c */
int perfring_storage_map(struct perfring_storage *storage, size_t pages, bool overwrite,
			 enum perfring_mirror mirror);

/* reader_cpus.c: the CPU numbers of a list as "0-3,8", and all possible ones; for free() */
int perfring_cpus_parse(const char *text, unsigned int **cpus, size_t *nr);
int perfring_cpus_possible(unsigned int **cpus, size_t *nr);

/*
 * The position that a kernel means by @seen: one of 32 bits has positions of 32 bits, which
 * go on at 0; ours go on at 2^32, as everywhere else.  @from is a position less than 2^32
 * away, before it or (@backward) after it.  A 32-bit program may also read a kernel of 64
 * bits: what has bits up there is then taken as it is.
 */
static inline uint64_t perfring_extend(uint64_t seen, uint64_t from, bool backward)
{
	uint64_t whole;

	if (sizeof(unsigned long) == sizeof(uint64_t))
		return seen;
	whole = backward ? from - (uint32_t)(from - seen) : from + (uint32_t)(seen - from);
	return seen >> 32 ? seen : whole;
}

/* ring.c */
uint64_t perfring_load_head(const struct perfring_ring *ring);
void perfring_release(struct perfring_ring *ring, uint64_t tail);
bool perfring_ring_busy(struct perfring_ring *ring);
void perfring_batch_empty(struct perfring_batch *batch, uint64_t position);
void perfring_batch_set(struct perfring_batch *batch, struct perfring_ring *ring,
			uint64_t start, uint64_t stop);
void perfring_batch_stretch(struct perfring_batch *batch, uint64_t position);
int perfring_batch_fail(struct perfring_batch *batch, int code, uint64_t position,
			uint32_t size, const char *reason);
int perfring_batch_finish(struct perfring_batch *batch, uint64_t position);
bool perfring_ring_ready(const struct perfring_ring *ring);

/* ring_bpf.c */
uint64_t perfring_bpf_head(const struct perfring_ring *ring);
bool perfring_bpf_ready(const struct perfring_ring *ring);
int perfring_bpf_more(struct perfring_batch *batch, struct perfring_record *record,
		      uint64_t position);
uint64_t perfring_bpf_beyond(const struct perfring_ring *ring);
int perfring_bpf_snapshot(struct perfring_ring *ring, struct perfring_batch *batch, uint64_t head);

/* What @seen of a head means, by the reader's own tail. */
static inline uint64_t perfring_ring_extend(const struct perfring_ring *ring, uint64_t seen)
{
	/* Of a BPF ring buffer another word may lie behind the position. */
	if (ring->bpf && sizeof(unsigned long) < sizeof(uint64_t))
		seen = (uint32_t)seen;
	return perfring_extend(seen, ring->tail, ring->storage->flags & PERFRING_STORAGE_BACKWARD);
}

/* ring_write.c */
int perfring_writer_create(struct perfring_ring *ring);
void perfring_writer_destroy(struct perfring_ring *ring);

/* encode.c: a sample in three parts, so that the middle one need not be copied */
struct perfring_parts {
	unsigned char *buffer;		/* 8-byte aligned */
	size_t room;
	size_t head;			/* bytes up to the raw data */
	size_t tail;			/* bytes after its padding, from head on */
	size_t raw;			/* bytes of the raw data */
	size_t pad;			/* zeroes after them */
};

int perfring_encode_parts(const struct perfring_format *format, uint16_t misc,
			  const struct perfring_sample *sample, struct perfring_parts *parts);

static inline bool perfring_is_power_of_2(uint64_t n)
{
	return n && !(n & (n - 1));
}

static inline size_t perfring_round_8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

#endif /* PERFRING_INTERNAL_H */
