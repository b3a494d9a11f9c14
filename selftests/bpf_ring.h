/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A BPF ring buffer with two owners: the kernel, where a BPF program writes, and memory of
 * the test, where a writer does what the kernel's would.  The kernel's is what the other
 * one is measured by; the other one starts anywhere and may be spoiled.
 */
#ifndef SELFTESTS_BPF_RING_H
#define SELFTESTS_BPF_RING_H

#include <linux/bpf.h>
#include "fixtures.h"

enum bpf_ring_op { OUTPUT, SUBMIT, DISCARD, HOLD };

/* Where ringbuf.bpf.c has loops: Debian's kernels for these interpret programs. */
#if defined(__i386) || defined(__s390__)
#define BPF_CALLBACKS	false
#else
#define BPF_CALLBACKS	true
#endif

#define RINGBUF_ITEMS	32
#define RINGBUF_PAYLOAD	0x7ffffU	/* longest that the program writes */

/* As in bpf/ringbuf.bpf.c. */
struct ringbuf_request {
	uint32_t nr;
	uint32_t done;
	uint32_t dropped;
	uint32_t held;
	uint32_t release;
	uint32_t query;
	uint64_t available;
	uint64_t size;
	uint64_t consumer;
	uint64_t producer;
	struct {
		uint32_t op;
		uint32_t offset;
		uint32_t len;
		uint32_t flags;
	} item[RINGBUF_ITEMS];
	unsigned char payload[2 * (RINGBUF_PAYLOAD + 1)];
};

struct bpf_ring {
	bool kernel;
	size_t size;			/* data bytes */
	struct bpf_writer bpf;		/* kernel */
	int second;			/* kernel: the program that writes the second map */
	struct ringbuf_request *request;
	unsigned char *memory;		/* pages of positions, data, the same data */
	size_t bytes;			/* of @memory */
	size_t guard;			/* inaccessible, on each side of it */
	uint64_t *consumer, *producer;
	uint64_t *oldest;		/* overwriting memory: position of the oldest record */
	unsigned char *data;
	struct perfring_storage *storage;
	struct perfring_ring *ring;
};

/* Can this machine do it?  Otherwise *@why says what is missing. */
bool bpf_ring_available(bool kernel, char *why, size_t len);
/*
 * A ring of @size data bytes, its storage open, no reader; the positions start at
 * @position, kernel: at 0.  0 or -errno.
 */
int bpf_ring_open(struct bpf_ring *r, bool kernel, size_t size, uint64_t position);
/* The same, and a reader of its own. */
int bpf_ring_start(struct bpf_ring *r, bool kernel, size_t size, uint64_t position);
/* A ring that overwrites, and a reader; kernel: -EINVAL where it does not know that. */
int bpf_ring_start_overwriting(struct bpf_ring *r, bool kernel, size_t size, uint64_t position);
void bpf_ring_close(struct bpf_ring *r);

/* One record: 0 or -ENOSPC; @flags: BPF_RB_*, memory has no wakeups. */
int bpf_ring_put(struct bpf_ring *r, enum bpf_ring_op op, const void *payload, size_t len,
		 uint32_t flags);
/* Memory: a record that is BUSY until bpf_ring_commit(); its position, UINT64_MAX no room. */
uint64_t bpf_ring_reserve(struct bpf_ring *r, size_t len);
unsigned char *bpf_ring_payload(const struct bpf_ring *r, uint64_t position);
void bpf_ring_commit(struct bpf_ring *r, uint64_t position, bool discard);

/* Bytes of a record with @len of payload. */
static inline size_t bpf_record(size_t len)
{
	return (8 + len + 7) & ~(size_t)7;
}

/* Is it the record of fill(len, seq)? */
static inline bool is_bpf_record(const struct perfring_record *record, size_t len, uint64_t seq)
{
	const unsigned char *data = record->data;
	size_t i;

	if (record->type != PERFRING_RECORD_BPF || record->size != 8 + len || record->misc)
		return false;
	for (i = 0; i < len; i++)
		if (data[8 + i] != pattern(seq, i))
			return false;
	return true;
}

#endif /* SELFTESTS_BPF_RING_H */
