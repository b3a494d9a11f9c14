/* SPDX-License-Identifier: MIT */
/* The readers that the library is measured beside. */
#ifndef PERFRING_BENCH_READ_PEERS_H
#define PERFRING_BENCH_READ_PEERS_H

#include "lap.h"

struct bpf_object;
struct perf_buffer;
struct perf_mmap;

/* A real perf ring on bench_cpu(), libbpf's, filled by read.bpf.c. */
struct kernel_ring {
	struct bpf_object *object;
	struct perf_buffer *buffer;
	struct lap lap;
	uint64_t seen;			/* by libbpf's callback */
	struct perf_mmap *libperf;	/* a view of the same ring; NULL: not built in */
};

/* What is missing is said; close is harmless after an error */
int kernel_ring_open(struct kernel_ring *ring, size_t pages, uint32_t record);
void kernel_ring_close(struct kernel_ring *ring);

/* For struct bench_run; context is a struct kernel_ring */
uint64_t libbpf_consume(void *ring);

/* NULL where libperf was not built in */
struct perf_mmap *libperf_view(void *base, size_t data_size);
void libperf_free(struct perf_mmap *map);
extern const char *const libperf_missing;	/* NULL: there it is */
uint64_t libperf_once(void *ring);	/* all events, then one consume */
uint64_t libperf_each(void *ring);	/* event, consume, event, ... */

/* cilium/ebpf, in a process of its own */
struct cilium;
int cilium_start(struct cilium **cilium, size_t pages, uint32_t record);
void cilium_stop(struct cilium *cilium);
int cilium_sample(void *cilium, struct bench_sample *sample);

#endif /* PERFRING_BENCH_READ_PEERS_H */
