// SPDX-License-Identifier: GPL-2.0
/*
 * Fills perf rings: each run writes records until the first that does not fit, or MOST.
 * It is attached to nothing, whatever its section says: BPF_PROG_TEST_RUN runs it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MOST	1024

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

/* What user space reads and writes. */
struct read_request {
	__u32 len;
	__u32 done;
	__s32 error;
	unsigned char payload[65536];
} request;

SEC("raw_tp/fill")
int read_fill(void *ctx)
{
	__u32 i;
	long ret = 0;

	request.done = 0;
	for (i = 0; i < MOST && !ret; i++) {
		__u32 len = *(volatile __u32 *)&request.len & 0xffff;

		ret = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, request.payload, len);
		if (!ret)
			request.done++;
	}
	request.error = ret;
	return 0;
}

char _license[] SEC("license") = "GPL";
