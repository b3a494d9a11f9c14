// SPDX-License-Identifier: GPL-2.0
/*
 * The writer of BPF ring buffers: one run does what the items of @request say, one
 * after the other.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define RINGBUF_ITEMS	32
#define RINGBUF_MASK	0x7ffff
#define HOLD_NS		10000000000ULL	/* before somebody takes the CPU for stuck */

enum { OUTPUT, SUBMIT, DISCARD, HOLD };

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} first SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} second SEC(".maps");

/* What user space reads and writes; a name for the layout in bpf_ring.h. */
struct ringbuf_request {
	__u32 nr;
	__u32 done;		/* records that found room */
	__u32 dropped;		/* records that did not */
	__u32 held;		/* HOLD has reserved and waits ... */
	__u32 release;		/* ... for this */
	__u32 query;		/* not 0: ask for @available and so on, at the end */
	__u64 available;
	__u64 size;
	__u64 consumer;
	__u64 producer;
	struct {
		__u32 op;
		__u32 offset;	/* of the bytes in @payload */
		__u32 len;
		__u32 flags;
	} item[RINGBUF_ITEMS];
	unsigned char payload[2 * (RINGBUF_MASK + 1)];
} request;

/*
 * Calls of bpf_loop() instead of loops: an older verifier would look at each turn of those.
 * Where the kernel has no compiler for programs that call functions (i386, s390x) there are
 * loops and nothing waits.
 */
#ifndef NO_CALLBACKS
static long held(__u32 index, void *context)
{
	return *(volatile __u32 *)&request.release != 0;
}

static long hold(__u32 index, void *context)
{
	__u64 *until = context;

	bpf_loop(1 << 12, held, 0, 0);
	return *(volatile __u32 *)&request.release != 0 || bpf_ktime_get_ns() > *until;
}

static __always_inline void hold_on(void)
{
	__u64 until = bpf_ktime_get_ns() + HOLD_NS;

	*(volatile __u32 *)&request.held = 1;
	bpf_loop(1 << 23, hold, &until, 0);
}

#define BODY
#define REPEAT(nr, what)	bpf_loop(nr, what, 0, 0)
#else
#define hold_on()		((void)0)
#define BODY			__always_inline
#define REPEAT(nr, what)						\
	do {								\
		for (__u32 i_ = 0; i_ < RINGBUF_ITEMS && i_ < (nr); i_++)	\
			if (what(i_, 0))				\
				break;					\
	} while (0)
#endif

static __always_inline int put(void *map, __u32 op, __u32 offset, __u32 len, __u64 flags)
{
	struct bpf_dynptr record;

	if (op == OUTPUT)
		return bpf_ringbuf_output(map, request.payload + offset, len, flags);

	if (bpf_ringbuf_reserve_dynptr(map, len, 0, &record)) {
		/* A null one has to be given back as well. */
		bpf_ringbuf_discard_dynptr(&record, 0);
		return -1;
	}
	if (len)
		bpf_dynptr_write(&record, 0, request.payload + offset, len, 0);
	if (op == HOLD)
		hold_on();
	if (op == DISCARD)
		bpf_ringbuf_discard_dynptr(&record, flags);
	else
		bpf_ringbuf_submit_dynptr(&record, flags);
	return 0;
}

static __always_inline long put_item(__u32 i, void *map)
{
	__u32 offset, len;

	if (i >= RINGBUF_ITEMS)
		return 1;
	offset = *(volatile __u32 *)&request.item[i].offset & RINGBUF_MASK;
	len = *(volatile __u32 *)&request.item[i].len & RINGBUF_MASK;
	if (put(map, request.item[i].op, offset, len, request.item[i].flags))
		__sync_fetch_and_add(&request.dropped, 1);
	else
		__sync_fetch_and_add(&request.done, 1);
	return 0;
}

static BODY long put_first(__u32 i, void *context)
{
	return put_item(i, &first);
}

static BODY long put_second(__u32 i, void *context)
{
	return put_item(i, &second);
}

static __always_inline void query(void *map)
{
	if (!request.query)
		return;
	request.available = bpf_ringbuf_query(map, BPF_RB_AVAIL_DATA);
	request.size = bpf_ringbuf_query(map, BPF_RB_RING_SIZE);
	request.consumer = bpf_ringbuf_query(map, BPF_RB_CONS_POS);
	request.producer = bpf_ringbuf_query(map, BPF_RB_PROD_POS);
}

/* Another run may begin while this one holds a record: bpf_loop() takes nr once. */
SEC("raw_tp")
int output(void *ctx)
{
	REPEAT(request.nr, put_first);
	query(&first);
	return 0;
}

SEC("raw_tp")
int output_second(void *ctx)
{
	REPEAT(request.nr, put_second);
	query(&second);
	return 0;
}

char _license[] SEC("license") = "GPL";
