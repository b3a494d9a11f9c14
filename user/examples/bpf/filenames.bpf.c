// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Records as long as the names in them. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tick.h"

struct name {
	__u32 length;
	char text[4096];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} ring SEC(".maps");

/* Too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct name);
} scratch SEC(".maps");

SEC("raw_tp/sys_enter")
int on_tick(struct bpf_raw_tracepoint_args *ctx)
{
	struct name *name;
	__u32 zero = 0;
	__u64 address;
	long length;

	if (!ticked(ctx, &address))
		return 0;
	name = bpf_map_lookup_elem(&scratch, &zero);
	if (!name)
		return 0;
	length = bpf_probe_read_user_str(name->text, sizeof(name->text), (void *)address);
	if (length == 0)
		length = 1;	/* the NUL of an empty one: 6.12 and before do not count it */
	if (length < 0 || length > sizeof(name->text))
		return 0;
	name->length = length;
	bpf_ringbuf_output(&ring, name, sizeof(name->length) + length, 0);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
