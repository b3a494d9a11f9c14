// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What each system call of one task took: a record on its way out. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tick.h"

#include "syscalls.h"

struct begin {
	__u64 time, nr;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct begin);
} begun SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} ring SEC(".maps");

__u32 wanted; /* the task that ticked */
__u64 dropped;

SEC("raw_tp/sys_enter")
int on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct begin begin = { bpf_ktime_get_ns(), ctx->args[1] };
	__u64 value;

	if (ticked(ctx, &value))
		wanted = value ? tid : 0;
	if (wanted == tid)
		bpf_map_update_elem(&begun, &tid, &begin, BPF_ANY);
	return 0;
}

SEC("raw_tp/sys_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct begin *begin = bpf_map_lookup_elem(&begun, &tid);
	struct syscall *event;

	if (!begin)
		return 0;
	event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);
	if (event) {
		event->duration = bpf_ktime_get_ns() - begin->time;
		event->nr = begin->nr;
		event->ret = (long)ctx->args[1];
		event->tid = tid;
		bpf_get_current_comm(event->comm, sizeof(event->comm));
		bpf_ringbuf_submit(event, 0);
	} else {
		__sync_fetch_and_add(&dropped, 1);
	}
	bpf_map_delete_elem(&begun, &tid);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
