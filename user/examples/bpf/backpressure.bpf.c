// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Thin out what is common when the ring fills, so that there is room for what is rare. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tick.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} ring SEC(".maps");

const volatile bool thin_out;
__u64 thinned, dropped, dropped_rare;

/* Every so many of the common ticks are let through. */
static __always_inline __u64 share(void)
{
	__u64 fill = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

	if (!thin_out || fill < 32768)
		return 1;
	return fill < 57344 ? 8 : 64;
}

SEC("raw_tp/sys_enter")
int on_tick(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 value, *event;
	bool rare;

	if (!ticked(ctx, &value))
		return 0;
	rare = value % 100 == 0;
	if (!rare && value % share()) {
		__sync_fetch_and_add(&thinned, 1);
		return 0;
	}
	event = bpf_ringbuf_reserve(&ring, 56, 0);
	if (!event) {
		__sync_fetch_and_add(rare ? &dropped_rare : &dropped, 1);
		return 0;
	}
	*event = value;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
