/* SPDX-License-Identifier: MIT */
/*
 * Format: from a perf_event_attr to the fields of a record.
 *
 * An attr is compiled once; decoding then touches no attr.  Layouts follow
 * perf_event_open(2) and perf_output_sample() of kernel/events/core.c.
 *
 * Decoded structures point into the record: they are valid as long as it is.
 * A compiled format does not change; any number of threads may decode with it.
 */
#ifndef PERFRING_FORMAT_H
#define PERFRING_FORMAT_H

#include <linux/perf_event.h>
#include <perfring/error.h>
#include <perfring/ring.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct perfring_format;

/* One past the last bit of sample_type that is known here, as PERF_SAMPLE_MAX. */
#define PERFRING_SAMPLE_KNOWN_MAX	(1ULL << 25)
/* The same for read_format. */
#define PERFRING_READ_KNOWN_MAX		(1ULL << 5)
/* And for branch_sample_type, which adds fields too. */
#define PERFRING_BRANCH_KNOWN_MAX	(1ULL << 20)
/* One past the last type of record that the kernel writes and is known, as PERF_RECORD_MAX. */
#define PERFRING_RECORD_KNOWN_MAX	23U

/**
 * perfring_format_compile - make a decoder
 * @attr: sample_type, read_format, branch_sample_type, sample_regs_*,
 *	sample_id_all are used; copied
 * @out: the format; perfring_format_free() it; unchanged on error
 *
 * Return: 0; -EOPNOTSUPP a bit that is not known, because it may add a field
 * anywhere; -EINVAL bits that exclude each other (WEIGHT and WEIGHT_STRUCT);
 * -ENOMEM.
 */
int perfring_format_compile(const struct perf_event_attr *attr, struct perfring_format **out);

/* NULL does nothing */
void perfring_format_free(struct perfring_format *format);

/* the attr's sample_type, read_format; 0 or 1: sample_id_all */
uint64_t perfring_format_sample_type(const struct perfring_format *format);
uint64_t perfring_format_read_format(const struct perfring_format *format);
int perfring_format_sample_id_all(const struct perfring_format *format);

/* bytes of the sample_id at the end of every record but samples; 0 without sample_id_all */
size_t perfring_format_id_size(const struct perfring_format *format);

/**
 * struct perfring_read - PERF_SAMPLE_READ, or what read(2) answers
 * @format: the attr's read_format
 * @nr: counters; 1 without PERF_FORMAT_GROUP
 * @time_enabled: ns, 0 when not in @format
 * @time_running: ns, 0 when not in @format
 * @words: the first counter's value; use perfring_read_entry()
 */
struct perfring_read {
	uint64_t format;
	uint64_t nr;
	uint64_t time_enabled;
	uint64_t time_running;
	const uint64_t *words;
};

/**
 * struct perfring_read_entry - one counter
 * @value: the count, not scaled
 * @id: event id, 0 when not in the format
 * @lost: samples lost, 0 when not in the format
 */
struct perfring_read_entry {
	uint64_t value;
	uint64_t id;
	uint64_t lost;
};

/* counter @index into *entry; returns 0, -ERANGE not below read->nr */
int perfring_read_entry(const struct perfring_read *read, uint64_t index,
			struct perfring_read_entry *entry);

/**
 * perfring_decode_read - take apart what perfring_storage_read() got
 * @format: compiled from the event's attr
 * @words: the words; outlive @read
 * @nr: how many
 * @read: filled
 *
 * Return: 0; -EBADMSG fewer words than the format needs.
 */
int perfring_decode_read(const struct perfring_format *format, const uint64_t *words, size_t nr,
			 struct perfring_read *read);

/**
 * struct perfring_regs - PERF_SAMPLE_REGS_USER or _INTR
 * @abi: enum perf_sample_regs_abi; 0 and no values when there were none
 * @mask: the attr's; bit i set: register i of asm/perf_regs.h is here
 * @nr: values, in the order of the bits of @mask
 * @padding: 0
 * @values: in the record, 8-byte aligned
 */
struct perfring_regs {
	uint64_t abi;
	uint64_t mask;
	uint32_t nr;
	uint32_t padding;
	const uint64_t *values;
};

/**
 * struct perfring_sample - the fields of a PERF_RECORD_SAMPLE
 * @type: PERF_SAMPLE_* bits of the fields that are here; the others are 0
 * @raw: first byte of the raw data, 4-byte (not 8) aligned
 * @raw_size: bytes at @raw as the record says.  The kernel rounds it up so that
 *	4 + raw_size is a multiple of 8: up to 7 bytes of padding follow the exact
 *	payload and are counted here; the exact size is in no record, the payload
 *	has to say it
 * @weight: PERF_SAMPLE_WEIGHT, or the three parts of _WEIGHT_STRUCT as one word
 * @branches: struct perf_branch_entry[branch_nr]
 * @branch_counters: u64[branch_nr] or NULL
 * @branch_hw_index: 0 without PERF_SAMPLE_BRANCH_HW_INDEX
 * @stack: stack_size bytes as dumped, of which stack_dyn_size are valid
 * @aux: aux_size bytes
 *
 * Other fields are as perf_event_open(2) names them; times are of the event's
 * clock, addresses and sizes in bytes.
 */
struct perfring_sample {
	uint64_t type;
	uint64_t identifier;
	uint64_t ip;
	uint32_t pid;
	uint32_t tid;
	uint64_t time;
	uint64_t addr;
	uint64_t id;
	uint64_t stream_id;
	uint32_t cpu;
	uint32_t cpu_reserved;
	uint64_t period;
	struct perfring_read read;
	uint64_t callchain_nr;
	const uint64_t *callchain;
	const void *raw;
	uint32_t raw_size;
	uint32_t padding;
	uint64_t branch_nr;
	uint64_t branch_hw_index;
	const struct perf_branch_entry *branches;
	const uint64_t *branch_counters;
	struct perfring_regs regs_user;
	uint64_t stack_size;
	uint64_t stack_dyn_size;
	const void *stack;
	uint64_t weight;
	uint64_t data_src;
	uint64_t transaction;
	struct perfring_regs regs_intr;
	uint64_t phys_addr;
	uint64_t cgroup;
	uint64_t data_page_size;
	uint64_t code_page_size;
	uint64_t aux_size;
	const void *aux;
};

/**
 * struct perfring_sample_id - who and when, of any record
 * @type: PERF_SAMPLE_* bits of the fields that are here; the others are 0
 */
struct perfring_sample_id {
	uint64_t type;
	uint32_t pid;
	uint32_t tid;
	uint64_t time;
	uint64_t id;
	uint64_t stream_id;
	uint32_t cpu;
	uint32_t padding;
	uint64_t identifier;
};

/* Which member of struct perfring_event is filled. */
enum perfring_event_kind {
	PERFRING_EVENT_OTHER,		/* other */
	PERFRING_EVENT_SAMPLE,		/* sample */
	PERFRING_EVENT_LOST,		/* lost */
	PERFRING_EVENT_LOST_SAMPLES,	/* lost, id 0 */
	PERFRING_EVENT_THROTTLE,	/* throttle */
	PERFRING_EVENT_UNTHROTTLE,	/* throttle */
	PERFRING_EVENT_MMAP,		/* mmap, as far as PERF_RECORD_MMAP goes */
	PERFRING_EVENT_MMAP2,		/* mmap */
	PERFRING_EVENT_COMM,		/* comm */
	PERFRING_EVENT_FORK,		/* task */
	PERFRING_EVENT_EXIT,		/* task */
	PERFRING_EVENT_READ,		/* read */
	PERFRING_EVENT_AUX,		/* aux */
	PERFRING_EVENT_ITRACE_START,	/* itrace_start */
	PERFRING_EVENT_SWITCH,		/* context_switch, pid and tid 0 */
	PERFRING_EVENT_SWITCH_CPU_WIDE,	/* context_switch */
	PERFRING_EVENT_NAMESPACES,	/* namespaces */
	PERFRING_EVENT_KSYMBOL,		/* ksymbol */
	PERFRING_EVENT_BPF_EVENT,	/* bpf_event */
	PERFRING_EVENT_CGROUP,		/* cgroup */
	PERFRING_EVENT_TEXT_POKE,	/* text_poke */
	PERFRING_EVENT_AUX_OUTPUT_HW_ID,	/* aux_output_hw_id */
	PERFRING_EVENT_CALLCHAIN_DEFERRED,	/* callchain_deferred */
};

/**
 * struct perfring_mmap - PERF_RECORD_MMAP and _MMAP2
 * @data: 1: not executable (PERF_RECORD_MISC_MMAP_DATA)
 * @build_id_size: bytes at @build_id, at most 20; 0: the inode is here instead
 * @build_id: of the mapped file, NULL without
 * @maj: device of the file, as @min; with a build id 0, as @ino and @ino_generation, and
 *	in PERF_RECORD_MMAP, as all to @flags
 * @prot: PROT_* of mmap(2)
 * @flags: MAP_* of mmap(2)
 * @filename: terminated
 */
struct perfring_mmap {
	uint32_t pid;
	uint32_t tid;
	uint64_t addr;
	uint64_t len;
	uint64_t pgoff;
	uint8_t data;
	uint8_t build_id_size;
	uint8_t padding[6];
	const unsigned char *build_id;
	uint32_t maj;
	uint32_t min;
	uint64_t ino;
	uint64_t ino_generation;
	uint32_t prot;
	uint32_t flags;
	const char *filename;
};

/**
 * struct perfring_event - a decoded record of any type
 * @kind: enum perfring_event_kind
 * @type: header.type
 * @size: of the record
 * @misc: header.misc
 * @padding: 0
 * @id: of a sample: the same fields as in the sample; otherwise the sample_id at
 *	the end, nothing without sample_id_all
 * @lost: how many records were lost, and the id of the event that lost them
 * @throttle: ns and ids of PERF_RECORD_THROTTLE and _UNTHROTTLE
 * @comm: a task's new name; exec: 1 when an exec gave it
 * @task: of PERF_RECORD_FORK and _EXIT; ppid and ptid are the parent's
 * @read: counts of a task that exits
 * @aux: offset and bytes of what is new in the AUX area; PERF_AUX_FLAG_*
 * @context_switch: out: 1, to the task pid/tid, or 0, from it; preempt: 1 when it would have
 *	gone on; the task that is switched is that of the sample_id
 * @namespaces: link[nr] in the order of the NAMESPACES of linux/perf_event.h
 * @ksymbol: type PERF_RECORD_KSYMBOL_TYPE_*; flags PERF_RECORD_KSYMBOL_FLAGS_*
 * @bpf_event: type PERF_BPF_EVENT_*; tag is of 8 bytes
 * @text_poke: the bytes of kernel text at addr before and after
 * @callchain_deferred: the user's part of the chains that ended in the context
 *	PERF_CONTEXT_USER_DEFERRED (-640) and this cookie
 * @other: the bytes between header and sample_id of every other type
 *
 * Strings are terminated and pointers point into the record.
 */
struct perfring_event {
	uint32_t kind;
	uint32_t type;
	uint32_t size;
	uint16_t misc;
	uint16_t padding;
	struct perfring_sample_id id;
	union {
		struct perfring_sample sample;
		struct perfring_mmap mmap;
		struct {
			uint64_t id;
			uint64_t lost;
		} lost;
		struct {
			uint64_t time;
			uint64_t id;
			uint64_t stream_id;
		} throttle;
		struct {
			uint32_t pid;
			uint32_t tid;
			uint64_t exec;
			const char *comm;
		} comm;
		struct {
			uint32_t pid;
			uint32_t ppid;
			uint32_t tid;
			uint32_t ptid;
			uint64_t time;
		} task;
		struct {
			uint32_t pid;
			uint32_t tid;
			struct perfring_read values;
		} read;
		struct {
			uint64_t offset;
			uint64_t size;
			uint64_t flags;
		} aux;
		struct {
			uint32_t pid;
			uint32_t tid;
		} itrace_start;
		struct {
			uint32_t pid;
			uint32_t tid;
			uint32_t out;
			uint32_t preempt;
		} context_switch;
		struct {
			uint32_t pid;
			uint32_t tid;
			uint64_t nr;
			const struct perf_ns_link_info *link;
		} namespaces;
		struct {
			uint64_t addr;
			uint32_t len;
			uint16_t type;
			uint16_t flags;
			const char *name;
		} ksymbol;
		struct {
			uint16_t type;
			uint16_t flags;
			uint32_t id;
			const unsigned char *tag;
		} bpf_event;
		struct {
			uint64_t id;
			const char *path;
		} cgroup;
		struct {
			uint64_t addr;
			uint16_t old_len;
			uint16_t new_len;
			uint32_t padding;
			const unsigned char *old_bytes;
			const unsigned char *new_bytes;
		} text_poke;
		struct {
			uint64_t hw_id;
		} aux_output_hw_id;
		struct {
			uint64_t cookie;
			uint64_t nr;
			const uint64_t *ips;
		} callchain_deferred;
		struct {
			const void *data;
			size_t size;
		} other;
	} u;
};

/**
 * perfring_decode - any record
 * @format: of the event that wrote the record
 * @record: from a batch, a peek, or filled by hand (8-byte aligned data)
 * @event: filled when 0 is returned
 * @error: filled with place and reason on -EBADMSG; may be NULL
 *
 * No byte beyond record->size is read whatever the record says.  Types that
 * are not known are no error: PERFRING_EVENT_OTHER.  What pads a string or the bytes of
 * TEXT_POKE is not looked at; everywhere else bytes that are left over are an error.
 *
 * Return: 0; -EBADMSG a field does not fit into the record, or a string has no end in it.
 */
int perfring_decode(const struct perfring_format *format, const struct perfring_record *record,
		    struct perfring_event *event, struct perfring_error *error);

/**
 * perfring_decode_sample - a PERF_RECORD_SAMPLE
 * @format: of the event that wrote the record
 * @record: as above
 * @sample: filled when 0 is returned
 * @error: as above
 *
 * Return: 0; -EBADMSG as above, or bytes left over after the last field; -EINVAL another
 * type of record.
 */
int perfring_decode_sample(const struct perfring_format *format,
			   const struct perfring_record *record, struct perfring_sample *sample,
			   struct perfring_error *error);

/**
 * perfring_record_identifier - which event wrote a record
 * @record: of a ring whose events all have PERF_SAMPLE_IDENTIFIER and
 *	sample_id_all, so that the id is found without a format
 * @id: what PERF_EVENT_IOC_ID answers for that event
 *
 * Return: 0; -ENODATA the record is too short to have one.
 */
int perfring_record_identifier(const struct perfring_record *record, uint64_t *id);

/**
 * perfring_encode_sample - the bytes of a PERF_RECORD_SAMPLE
 * @format: which fields, in which order; sample->type is not used
 * @misc: header.misc
 * @sample: their values; read.words as perfring_read_entry() reads them; raw is
 *	padded as the kernel does (raw_size may be exact); the number of
 *	registers is the format's when abi is not 0
 * @buffer: room, 8-byte aligned; not touched when too small
 * @len: bytes of room
 *
 * Return: bytes of the record; -E2BIG more than header.size can say; -ENOSPC
 * more than @len.
 */
int perfring_encode_sample(const struct perfring_format *format, uint16_t misc,
			   const struct perfring_sample *sample, void *buffer, size_t len);

/**
 * perfring_encode_id - the bytes of a sample_id
 * @format: which fields
 * @id: their values; id->type is not used
 * @buffer: room for perfring_format_id_size() bytes
 *
 * Return: bytes.
 */
int perfring_encode_id(const struct perfring_format *format, const struct perfring_sample_id *id,
		       void *buffer);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_FORMAT_H */
