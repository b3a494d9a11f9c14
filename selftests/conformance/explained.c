// SPDX-License-Identifier: GPL-2.0
/* The differences that have to be. */
#include <linux/version.h>
#include "conformance.h"

#define FIELDS	"READ|CALLCHAIN|STACK_USER|WEIGHT|DATA_SRC|TRANSACTION|PHYS_ADDR|AUX|CGROUP|" \
		"DATA_PAGE_SIZE|CODE_PAGE_SIZE|WEIGHT_STRUCT"
#define SIDE_BAND "mmap|comm|task|mmap_data|mmap2|context_switch|namespaces|ksymbol|bpf_event|" \
		"cgroup|text_poke"

const struct explained explained[] = {
	{ "attr bits: sample_type @(" FIELDS ")", 0,
	  "sample fields that the device cannot fill are refused, never left out" },
	{ "attr fields: inherit with sample_type READ and TID", KERNEL_VERSION(6, 12, 0),
	  "sample fields that the device cannot fill are refused, never left out" },
	{ "attr bits: flag @(" SIDE_BAND ")", 0,
	  "side-band records, which tell of other tasks, are refused, never left out" },
	{ "attr @(bits: flag freq|fields: freq *)", 0,
	  "no period that follows a rate: a source that a script drives has none" },
	{ "attr fields: software @(cpu-clock|task-clock|page-faults|context-switches|"
	  "cpu-migrations|*-faults|cgroup-switches)", 0,
	  "of the software events only those that count nothing by themselves" },
	{ "attr as nobody: paranoid 1, *", 0,
	  "open(2) and the node's mode decide who may have a descriptor" },
	{ "attr as nobody: paranoid 2, sample_type +@(0|0x2)", 0,
	  "open(2) and the node's mode decide who may have a descriptor" },
	{ "read: write of NULL", 0, "write(2) makes a record, perf has no write" },
	{ "ioctl: MODIFY_ATTRIBUTES of size 0", 0,
	  "MODIFY_ATTRIBUTES is how the attr gets to the device" },
};

const unsigned int nr_explained = ARRAY_LEN(explained);
