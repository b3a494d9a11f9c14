// SPDX-License-Identifier: GPL-2.0 OR MIT
/* A program on a perf event: it sees each sample, and decides what user space gets. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} ring SEC(".maps");

__u64 samples;

SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	__u64 event[2] = { bpf_get_current_pid_tgid(), ctx->sample_period };

	if (samples++ % 4 == 0)
		bpf_ringbuf_output(&ring, event, sizeof(event), 0);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
