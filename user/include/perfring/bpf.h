/* SPDX-License-Identifier: MIT */
/*
 * BPF: the maps by which BPF programs and user space send each other records.
 *
 * A BPF ring buffer is a storage and read like every other one; its records have
 * the type PERFRING_RECORD_BPF.  A perf event array is filled with rings of perf, one
 * for each CPU, by perfring_reader_add_bpf_array() of reader.h.  A user ring buffer
 * carries records to BPF programs.
 *
 * Maps are named by descriptors, from whatever loaded the programs (libbpf,
 * bpf_obj_get(3)); the library makes the few calls of bpf(2) that it needs itself.
 * Positions are read as 64-bit words, as a 64-bit kernel has them.
 */
#ifndef PERFRING_BPF_H
#define PERFRING_BPF_H

#include <perfring/storage.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct perfring_bpf_opts - a BPF ring buffer
 * @size: sizeof(struct perfring_bpf_opts), as in storage.h
 * @page_size: perfring_storage_from_bpf_memory(): bytes of each position's page;
 *	0: this machine's.  0 for a map
 * @cpu: what perfring_storage_cpu() answers, plus one; 0: any (-1)
 * @overwrite: perfring_storage_from_bpf_memory(): not 0: never full, the reader takes
 *	snapshots; the word 16 bytes into the producer's page is where the oldest record is.
 *	0 for a map, which says it itself
 * @padding: 0
 */
struct perfring_bpf_opts {
	size_t size;
	size_t page_size;
	uint32_t cpu;
	uint8_t overwrite;
	uint8_t padding[3];
};

/**
 * perfring_storage_open_bpf_ringbuf - map a BPF ring buffer
 * @map_fd: of a BPF_MAP_TYPE_RINGBUF; stays the caller's, the storage has a copy
 * @opts: options or NULL
 * @out: the storage; unchanged on error
 *
 * The kind is "bpf", the data stands there twice in a row (PERFRING_STORAGE_MIRRORED),
 * there is no control page, and the attr is that of bpf-output with PERF_SAMPLE_RAW.
 * perfring_ring_head() of its ring is the producer's position, perfring_ring_tail() the
 * consumer's, perfring_ring_bytes_remaining() what lies between, records that
 * are still being written and discarded ones included.
 *
 * A ring buffer has one consumer: two readers of one map take each other's records.
 * A map of BPF_F_RB_OVERWRITE (Linux 6.19) has PERFRING_STORAGE_OVERWRITE: its ring is read by
 * snapshots.  A program of 32 bits cannot read it: what stands before the oldest record's
 * position is as long as the kernel's longs are.
 *
 * Return: 0; -EOPNOTSUPP it overwrites, and we have 32 bits; -EINVAL @map_fd is another
 * kind of map, or bad options; -EBADF; -EPERM; -E2BIG; -ENOMEM; what bpf(2) and mmap(2) answer.
 */
int perfring_storage_open_bpf_ringbuf(int map_fd, const struct perfring_bpf_opts *opts,
				      struct perfring_storage **out);

/**
 * perfring_storage_from_bpf_memory - a BPF ring buffer in memory of the caller
 * @memory: laid out as the map is mapped: consumer's page, producer's page, data, the
 *	same data once more; 8-byte aligned.  It stays the caller's and outlives the
 *	storage; the consumer's position in it is written
 * @bytes: all of it
 * @opts: options or NULL
 * @out: the storage; unchanged on error
 *
 * For what imitates a kernel: tests, dumps.  Where the second half is no mapping of the first
 * but a copy of it, that has to be kept up by whoever writes.
 *
 * Return: 0; -ENODATA shorter than two pages and twice a page of data; -EINVAL not 2 +
 * 2 * 2^n pages or a page size that is no power of two of at least 4096; -EOPNOTSUPP as
 * for a map; -EFAULT not aligned; -E2BIG; -ENOMEM.
 */
int perfring_storage_from_bpf_memory(void *memory, size_t bytes,
				     const struct perfring_bpf_opts *opts,
				     struct perfring_storage **out);

/* The other way: what user space sends to BPF programs. */
struct perfring_bpf_user;

/* Longest record of a user ring buffer; the kernel takes no longer one. */
#define PERFRING_BPF_USER_MAX	((1U << 24) - 1)

/**
 * perfring_bpf_user_open - map a user ring buffer
 * @map_fd: of a BPF_MAP_TYPE_USER_RINGBUF (Linux 6.1); stays the caller's, the object has a
 *	copy
 * @out: the object; unchanged on error
 *
 * Records are written in place and read by a program that calls
 * bpf_user_ringbuf_drain().  One thread at a time reserves; what it has reserved any thread
 * may submit or discard.  A map has one writer: two objects for it, or the
 * same one after a fork(2) in two processes, write over each other.
 *
 * Return: 0; -EINVAL @map_fd is another kind of map; -EBADF; -EPERM; -ENOMEM; what bpf(2),
 * mmap(2) and epoll_create1(2) answer.
 */
int perfring_bpf_user_open(int map_fd, struct perfring_bpf_user **out);

/* What is reserved and not submitted stops the reader for good.  NULL does nothing. */
void perfring_bpf_user_close(struct perfring_bpf_user *user);

/**
 * perfring_bpf_user_reserve - room for one record
 * @user: the ring
 * @size: bytes, 0 to PERFRING_BPF_USER_MAX
 * @sample: set to the room, 8-byte aligned; the caller's until submit or discard; unchanged on
 *	error
 *
 * The program reads records in the order of their reservation and stops at the
 * first that is neither submitted nor discarded.
 *
 * Return: 0; -ENOSPC no room now; -E2BIG there can never be so much.
 */
int perfring_bpf_user_reserve(struct perfring_bpf_user *user, uint32_t size, void **sample);

/**
 * perfring_bpf_user_reserve_until - the same, waiting for room
 * @user: the ring
 * @size: as above
 * @sample: as above
 * @deadline_ns: of CLOCK_MONOTONIC; UINT64_MAX: for ever.  One in the past does not wait
 *
 * Who drains wakes, unless with BPF_RB_NO_WAKEUP; when the time is over it looks
 * once more.
 *
 * Return: as perfring_bpf_user_reserve(), with -ETIMEDOUT instead of -ENOSPC; -EINTR a
 * signal came while it waited.
 */
int perfring_bpf_user_reserve_until(struct perfring_bpf_user *user, uint32_t size,
				    uint64_t deadline_ns, void **sample);

/* The record is complete; @sample is what was reserved and nobody's from now on. */
void perfring_bpf_user_submit(struct perfring_bpf_user *user, void *sample);
/* The same for a record that the program is not to see. */
void perfring_bpf_user_discard(struct perfring_bpf_user *user, void *sample);

/* bytes that no program has drained yet, with headers; never fails */
uint64_t perfring_bpf_user_waiting(const struct perfring_bpf_user *user);
/* bytes of the ring; each record takes 8 more than its size, rounded up to 8 */
size_t perfring_bpf_user_size(const struct perfring_bpf_user *user);
/* an epoll descriptor for an event loop: readable when a program has drained; the object's own */
int perfring_bpf_user_fd(const struct perfring_bpf_user *user);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_BPF_H */
