// SPDX-License-Identifier: GPL-2.0
/*
 * The writer of a real perf ring: each run calls bpf_perf_event_output() @count
 * times with the first @len bytes of @payload, on the CPU where it runs.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MOST	256

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

/* What user space reads and writes; a name for the layout in fixtures.c. */
struct output_request {
	__u32 len;
	__u32 count;
	__u32 done;		/* records in the ring */
	__s32 error;		/* of the last one that is not */
	unsigned char payload[65536];
} request;

SEC("raw_tp")
int output(void *ctx)
{
	__u32 i;
	long ret;

	request.done = 0;
	request.error = 0;
	for (i = 0; i < MOST && i < request.count; i++) {
		__u32 len = *(volatile __u32 *)&request.len & 0xffff;

		ret = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU,
					    request.payload, len);
		if (ret)
			request.error = ret;
		else
			request.done++;
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
