// SPDX-License-Identifier: GPL-2.0
/* The differences that have to be. */
#include "conformance.h"

#define FIELDS	"READ|CALLCHAIN|STACK_USER|WEIGHT|DATA_SRC|TRANSACTION|PHYS_ADDR|AUX|CGROUP|" \
		"DATA_PAGE_SIZE|CODE_PAGE_SIZE|WEIGHT_STRUCT"
#define SIDE_BAND "mmap|comm|task|mmap_data|mmap2|context_switch|namespaces|ksymbol|bpf_event|" \
		"cgroup|text_poke"
#define OTHER_EVENTS "cpu-clock|task-clock|*-faults|context-switches|cpu-migrations|cgroup-switches"
#define BEYOND_LONG "more than the ring counts as the ring; perf's minimum of two longs takes a " \
		"watermark of 2^31 for negative, compares it unsigned and never wakes"
#define OVERFLOWS "each sample that a program writes is an overflow; perf's bpf-output has none"

const struct explained explained[] = {
	{ .rows = "attr bits: sample_type @(" FIELDS ")",
	  .reason = "sample fields that the device cannot fill are refused, never left out" },
	{ .rows = "attr fields: inherit with sample_type READ and TID",
	  .since = 6012,
	  .reason = "sample fields that the device cannot fill are refused, never left out" },
	{ .rows = "attr fields: REGS_USER of an unknown register",
	  .sometimes = true,
	  .reason = "which registers a processor has is not told to modules" },
	{ .rows = "attr bits: flag @(" SIDE_BAND ")",
	  .reason = "side-band records, which tell of other tasks, are refused, never left out" },
	{ .rows = "attr @(bits: flag freq|fields: freq *)",
	  .reason = "no period that follows a rate: a source that a script drives has none" },
	{ .rows = "attr fields: software @(" OTHER_EVENTS ")",
	  .reason = "of the software events only those that count nothing by themselves" },
	{ .rows = "attr as nobody: paranoid 1, sample_type +@(0|0x1|0x2)",
	  .reason = "open(2) and the node's mode decide who may have a descriptor" },
	{ .rows = "attr as nobody: paranoid 2, sample_type +@(0|0x2)",
	  .reason = "open(2) and the node's mode decide who may have a descriptor" },
	{ .rows = "mmap offset: 0x100000000",
	  .reason = "at this offset the device shows the data twice" },
	/* 2^34 + 1 pages, where addresses reach so far. */
	{ .rows = "mmap size: 0x@(400000001000|1000000004000) bytes",
	  .bits = 64,
	  .sometimes = true,
	  .reason = "perf counts the pages of a ring in 32 bits, and makes one of none" },
	{ .rows = "mmap offset: 0x100000000, with a ring*",
	  .bits = 32,
	  .reason = "at this offset, beyond all that perf maps, the device shows the data twice" },
	/* Those rows that write more than the ring holds. */
	{ .rows = "poll: watermark @(2^31|2^32 - 1), @(1 page|backward|overwrite), payloads of @(1000|2100)",
	  .bits = 32,
	  .reason = BEYOND_LONG },
	{ .rows = "poll: watermark @(2^31|2^32 - 1), @(2 pages|backward, overwrite), payloads of 2100",
	  .bits = 32,
	  .reason = BEYOND_LONG },
	{ .rows = "control page: @(bytes 0 to 255*|cap_user_time*|what is told of the clock)",
	  .sometimes = true,
	  .reason = "how the kernel makes time of the processor's counter is not told to modules" },
	{ .rows = "descriptor: @(link in|open of) /proc/self/fd",
	  .reason = "a device has a node" },
	{ .rows = "descriptor: type of fstat", .reason = "a device has a node" },
	{ .rows = "life: @(PR_TASK*|in a BPF map of perf events|as leader of a perf event)",
	  .reason = "what the kernel does with its own perf events it does not do with a device" },
	{ .rows = "signals: bpf-output, wakeup_events @(0|2)", .reason = OVERFLOWS },
	{ .rows = "signals: bpf-output, wakeup_events 1", .sometimes = true, .reason = OVERFLOWS },
	{ .rows = "REFRESH: bpf-output, more samples", .reason = OVERFLOWS },
	{ .rows = "life: its CPU goes offline and comes back",
	  .reason = "an event of the device goes on when its CPU is back" },
	{ .rows = "records: second lap, 7 bytes to pad",
	  .reason = "what pads a payload is zero; perf leaves what the ring held" },
	{ .rows = "read: write of NULL",
	  .reason = "write(2) makes a record, perf has no write" },
	{ .rows = "ioctl: MODIFY_ATTRIBUTES of size 0",
	  .reason = "MODIFY_ATTRIBUTES is how the attr gets to the device" },
};

const unsigned int nr_explained = ARRAY_LEN(explained);
