// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Two rings: what is urgent need not wait, nor find its ring full of the rest. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tick.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} urgent SEC(".maps"), bulk SEC(".maps");

__u64 dropped_urgent, dropped_bulk;

SEC("raw_tp/sys_enter")
int on_tick(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 value;

	if (!ticked(ctx, &value))
		return 0;
	if (value % 50 == 0) {
		if (bpf_ringbuf_output(&urgent, &value, sizeof(value),
				       BPF_RB_FORCE_WAKEUP))
			__sync_fetch_and_add(&dropped_urgent, 1);
	} else if (bpf_ringbuf_output(&bulk, &value, sizeof(value), BPF_RB_NO_WAKEUP)) {
		__sync_fetch_and_add(&dropped_bulk, 1);
	}
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
