// SPDX-License-Identifier: GPL-2.0
/* The reader of a user ring buffer: what each record says of itself, and its last byte. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define USER_ITEMS	512

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* What user space reads and writes; a name for the layout in bpf_user_test.c. */
struct user_request {
	__u32 flags;		/* of bpf_user_ringbuf_drain() */
	__u32 most;		/* stop after so many */
	__s64 ret;		/* what it returned */
	__u32 nr;		/* records seen */
	__u32 padding;
	struct {
		__u32 seq;
		__u32 len;	/* 0: shorter than these two */
		__u32 last;	/* byte; 256: not there */
	} item[USER_ITEMS];
} request;

static long seen(struct bpf_dynptr *sample, void *context)
{
	struct {
		__u32 seq;
		__u32 len;
	} head = {};
	__u32 i = request.nr;
	unsigned char last;

	if (i >= USER_ITEMS)
		return 1;
	request.nr = i + 1;
	request.item[i].last = 256;
	if (bpf_dynptr_read(&head, sizeof(head), sample, 0, 0))
		head.len = 0;
	request.item[i].seq = head.seq;
	request.item[i].len = head.len;
	if (head.len && !bpf_dynptr_read(&last, 1, sample, head.len - 1, 0))
		request.item[i].last = last;
	return request.nr >= request.most;
}

SEC("raw_tp")
int output(void *ctx)
{
	request.nr = 0;
	request.ret = bpf_user_ringbuf_drain(&events, seen, 0, request.flags);
	return 0;
}

char _license[] SEC("license") = "GPL";
