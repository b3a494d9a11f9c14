// SPDX-License-Identifier: MIT
/* Fill a BPF ring buffer with records of one size. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define LARGEST		4096

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 262144);
} records SEC(".maps");

const volatile __u32 payload_size;	/* set before it is loaded */
unsigned char payload[LARGEST];

static long put(__u32 index, void *context)
{
	return bpf_ringbuf_output(&records, payload, payload_size & (LARGEST - 1),
				  BPF_RB_NO_WAKEUP) != 0;
}

SEC("raw_tp")
int fill(void *context)
{
	bpf_loop(1 << 20, put, 0, 0);
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
