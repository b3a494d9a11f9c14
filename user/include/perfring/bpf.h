/* SPDX-License-Identifier: MIT */
/*
 * BPF: the maps by which BPF programs and user space send each other records.
 *
 * A BPF ring buffer is a storage and read like every other one; its records have
 * the type PERFRING_RECORD_BPF.  A perf event array is filled with rings of perf, one
 * for each CPU, by perfring_reader_add_bpf_array() of reader.h.
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
 * @padding: 0
 */
struct perfring_bpf_opts {
	size_t size;
	size_t page_size;
	uint32_t cpu;
	uint32_t padding;
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
 *
 * Return: 0; -EINVAL @map_fd is another kind of map, or bad options; -EOPNOTSUPP it
 * overwrites; -EBADF; -EPERM; -E2BIG; -ENOMEM; what bpf(2) and mmap(2) answer.
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
 * 2 * 2^n pages or a page size that is no power of two of at least 4096; -EFAULT
 * not aligned; -E2BIG; -ENOMEM.
 */
int perfring_storage_from_bpf_memory(void *memory, size_t bytes,
				     const struct perfring_bpf_opts *opts,
				     struct perfring_storage **out);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_BPF_H */
