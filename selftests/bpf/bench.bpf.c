// SPDX-License-Identifier: GPL-2.0
/*
 * What a record of 28 bytes costs a BPF program: how long @ROUNDS calls of a helper
 * take, and as many times nothing.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define ROUNDS	64

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} ring SEC(".maps");

struct bench_result {
	__u64 ns;
	__u64 taken;
} result;

static unsigned char payload[28] = { 1 };

#define BENCH(name, call)						\
	SEC("raw_tp")							\
	int name(void *ctx)						\
	{								\
		__u64 start = bpf_ktime_get_ns(), taken = 0;		\
									\
		for (int i = 0; i < ROUNDS; i++) {			\
			taken += (call) == 0;				\
			__asm__ volatile("" : : : "memory");		\
		}							\
		result.ns = bpf_ktime_get_ns() - start;			\
		result.taken = taken;					\
		return 0;						\
	}

BENCH(nothing, 0)
BENCH(perf, bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, payload, sizeof(payload)))
BENCH(ringbuf, bpf_ringbuf_output(&ring, payload, sizeof(payload), BPF_RB_NO_WAKEUP))

char _license[] SEC("license") = "GPL";
