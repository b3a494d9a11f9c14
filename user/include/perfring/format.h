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
 * @other: the bytes between header and sample_id of every other type
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
 * are not known are no error: PERFRING_EVENT_OTHER.
 *
 * Return: 0; -EBADMSG a field does not fit into the record.
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
