// SPDX-License-Identifier: GPL-2.0
/*
 * The writer of the perf twin: one run writes up to TWIN_RECORDS records of
 * different lengths, so that a burst is one system call.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TWIN_RECORDS	32

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

/* What user space reads and writes; a name for the layout in twin.h. */
struct twin_request {
	__u32 nr;
	__u32 event;		/* index in @events */
	struct {
		__u32 offset;	/* of the record's bytes in @payload */
		__u32 len;
		__s32 ret;
	} item[TWIN_RECORDS];
	unsigned char payload[2 * 65536];
} request;

SEC("raw_tp")
int output(void *ctx)
{
	__u64 event = request.event;
	__u32 i;

	for (i = 0; i < TWIN_RECORDS && i < request.nr; i++) {
		__u32 offset = *(volatile __u32 *)&request.item[i].offset & 0xffff;
		__u32 len = *(volatile __u32 *)&request.item[i].len & 0xffff;

		request.item[i].ret = bpf_perf_event_output(ctx, &events, event,
							    request.payload + offset, len);
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
