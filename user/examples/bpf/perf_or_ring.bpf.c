// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Each tick goes into a perf event array and into a ring buffer. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tick.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} ring SEC(".maps");

SEC("raw_tp/sys_enter")
int on_tick(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 event[2];

	if (!ticked(ctx, &event[1]))
		return 0;
	event[0] = bpf_ktime_get_ns();
	bpf_perf_event_output(ctx, &array, BPF_F_CURRENT_CPU, event, sizeof(event));
	bpf_ringbuf_output(&ring, event, sizeof(event), 0);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
