// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Take numbers from user space, send their squares back. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tick.h"

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 64 * 1024);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} answers SEC(".maps");

static long answer(struct bpf_dynptr *request, void *context)
{
	__u64 number;

	if (bpf_dynptr_read(&number, sizeof(number), request, 0, 0))
		return 0;	/* too short: the next one */
	number *= number;
	bpf_ringbuf_output(&answers, &number, sizeof(number), 0);
	return 0;
}

SEC("raw_tp/sys_enter")
int on_tick(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 value;

	if (ticked(ctx, &value))
		bpf_user_ringbuf_drain(&requests, answer, 0, 0);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
