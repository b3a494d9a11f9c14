// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Wake the reader when there is something worth it, not for each record. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tick.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} ring SEC(".maps");

const volatile __u32 batch; /* bytes that are worth it; 0: each record */

SEC("raw_tp/sys_enter")
int on_tick(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 value, flags = 0;

	if (!ticked(ctx, &value))
		return 0;
	if (batch)
		flags = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= batch
				? BPF_RB_FORCE_WAKEUP
				: BPF_RB_NO_WAKEUP;
	bpf_ringbuf_output(&ring, &value, sizeof(value), flags);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
