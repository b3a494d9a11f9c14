// SPDX-License-Identifier: GPL-2.0 OR MIT
/* A record of 64 bytes for each tick, and a count of those without room. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tick.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* set anew before each load */
} ring SEC(".maps");

__u64 dropped;

SEC("raw_tp/sys_enter")
int on_tick(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 value, *event;

	if (!ticked(ctx, &value))
		return 0;
	event = bpf_ringbuf_reserve(&ring, 56, 0);
	if (!event) {
		__sync_fetch_and_add(&dropped, 1);
		return 0;
	}
	*event = value;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
