// SPDX-License-Identifier: MIT
/*
 * PERF_RECORD_SAMPLE.  The order of fields is that of perf_output_sample() in
 * kernel/events/core.c, which is not the order of the bits.
 */
#include "internal.h"
#include "cursor.h"

void perfring_decode_read_words(const struct perfring_format *format, struct cursor *cursor,
				struct perfring_read *read)
{
	static const char reason[] = "READ does not fit";
	uint64_t flags = format->read_format;

	read->format = flags;
	read->nr = 1;
	if (flags & PERF_FORMAT_GROUP) {
		read->nr = cursor_u64(cursor, reason);
		if (flags & PERF_FORMAT_TOTAL_TIME_ENABLED)
			read->time_enabled = cursor_u64(cursor, reason);
		if (flags & PERF_FORMAT_TOTAL_TIME_RUNNING)
			read->time_running = cursor_u64(cursor, reason);
		if (read->nr > UINT16_MAX)
			cursor_bad(cursor, "READ has more counters than a record can hold");
		else
			read->words = cursor_words(cursor, read->nr * format->read_entry, reason);
		return;
	}

	/* A single counter: value, times, id, lost; the times are in between. */
	read->words = cursor_words(cursor, 1, reason);
	if (flags & PERF_FORMAT_TOTAL_TIME_ENABLED)
		read->time_enabled = cursor_u64(cursor, reason);
	if (flags & PERF_FORMAT_TOTAL_TIME_RUNNING)
		read->time_running = cursor_u64(cursor, reason);
	cursor_words(cursor, format->read_entry - 1, reason);
}

int perfring_read_entry(const struct perfring_read *read, uint64_t index,
			struct perfring_read_entry *entry)
{
	const uint64_t *at = read->words;
	uint64_t flags = read->format;
	unsigned int size = 1;

	if (index >= read->nr)
		return -ERANGE;
	if (flags & PERF_FORMAT_GROUP) {
		size += !!(flags & PERF_FORMAT_ID) + !!(flags & PERF_FORMAT_LOST);
		at += index * size;
	}
	memset(entry, 0, sizeof(*entry));
	entry->value = *at++;
	if (!(flags & PERF_FORMAT_GROUP))
		at += !!(flags & PERF_FORMAT_TOTAL_TIME_ENABLED) +
		      !!(flags & PERF_FORMAT_TOTAL_TIME_RUNNING);
	if (flags & PERF_FORMAT_ID)
		entry->id = *at++;
	if (flags & PERF_FORMAT_LOST)
		entry->lost = *at;
	return 0;
}

int perfring_decode_read(const struct perfring_format *format, const uint64_t *words, size_t nr,
			 struct perfring_read *read)
{
	const unsigned char *begin = (const unsigned char *)words;
	struct cursor cursor = { .begin = begin, .at = begin, .end = begin + nr * sizeof(*words) };

	memset(read, 0, sizeof(*read));
	perfring_decode_read_words(format, &cursor, read);
	return cursor.reason ? -EBADMSG : 0;
}

/*
 * u32 size, then the bytes.  The kernel chooses the size so that both together
 * are a multiple of 8: it counts the padding.
 */
static void decode_raw(struct cursor *cursor, struct perfring_sample *sample)
{
	const void *size = cursor_take(cursor, sizeof(uint32_t), "RAW size does not fit");

	if (!size)
		return;
	memcpy(&sample->raw_size, size, sizeof(sample->raw_size));
	if ((sample->raw_size + sizeof(uint32_t)) & 7) {
		cursor_bad(cursor, "RAW size and its padding are not a multiple of 8");
		return;
	}
	sample->raw = cursor_take(cursor, sample->raw_size, "RAW data does not fit");
}

static void decode_branches(const struct perfring_format *format, struct cursor *cursor,
			    struct perfring_sample *sample)
{
	static const char reason[] = "BRANCH_STACK does not fit";
	uint64_t nr = cursor_u64(cursor, reason);

	if (format->branch_type & PERF_SAMPLE_BRANCH_HW_INDEX && !cursor->no_hw_index)
		sample->branch_hw_index = cursor_u64(cursor, reason);
	sample->branch_nr = nr;
	if (nr > UINT16_MAX) {
		cursor_bad(cursor, "BRANCH_STACK has more entries than a record can hold");
		return;
	}
	sample->branches = cursor_take(cursor, nr * sizeof(struct perf_branch_entry), reason);
	if (format->branch_type & FORMAT_BRANCH_COUNTERS)
		sample->branch_counters = cursor_words(cursor, nr, reason);
}

static void decode_regs(struct cursor *cursor, uint64_t mask, uint32_t nr,
			struct perfring_regs *regs)
{
	static const char reason[] = "REGS do not fit";

	regs->abi = cursor_u64(cursor, reason);
	regs->mask = mask;
	/* Another ABI may bring other registers, and fields behind them. */
	if (regs->abi > PERF_SAMPLE_REGS_ABI_64) {
		cursor_bad(cursor, "REGS of an ABI that is not known");
		return;
	}
	if (regs->abi != PERF_SAMPLE_REGS_ABI_NONE) {
		regs->nr = nr;
		regs->values = cursor_words(cursor, nr, reason);
	}
}

static void decode_stack(struct cursor *cursor, struct perfring_sample *sample)
{
	static const char reason[] = "STACK_USER does not fit";

	sample->stack_size = cursor_u64(cursor, reason);
	if (!sample->stack_size)
		return;
	if (sample->stack_size & 7) {
		cursor_bad(cursor, "STACK_USER size is not a multiple of 8");
		return;
	}
	sample->stack = cursor_take(cursor, sample->stack_size, reason);
	sample->stack_dyn_size = cursor_u64(cursor, reason);
	if (sample->stack_dyn_size > sample->stack_size)
		cursor_bad(cursor, "STACK_USER dyn_size is more than its size");
}

static void decode_aux(struct cursor *cursor, struct perfring_sample *sample)
{
	sample->aux_size = cursor_u64(cursor, "AUX size does not fit");
	if (sample->aux_size & 7)
		cursor_bad(cursor, "AUX size is not a multiple of 8");
	else
		sample->aux = cursor_take(cursor, sample->aux_size, "AUX data does not fit");
}

/* The fields of fixed size that come first. */
static void decode_head(struct cursor *cursor, uint64_t type, struct perfring_sample *sample)
{
	static const char reason[] = "a field of fixed size does not fit";

	if (type & PERF_SAMPLE_IDENTIFIER)
		sample->identifier = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_IP)
		sample->ip = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_TID)
		cursor_u32x2(cursor, &sample->pid, &sample->tid, reason);
	if (type & PERF_SAMPLE_TIME)
		sample->time = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_ADDR)
		sample->addr = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_ID)
		sample->id = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_STREAM_ID)
		sample->stream_id = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_CPU)
		cursor_u32x2(cursor, &sample->cpu, &sample->cpu_reserved, reason);
	if (type & PERF_SAMPLE_PERIOD)
		sample->period = cursor_u64(cursor, reason);
}

/* What follows RAW, and is rare. */
static void decode_rest(const struct perfring_format *format, struct cursor *cursor,
			struct perfring_sample *sample)
{
	static const char reason[] = "a field of fixed size does not fit";
	uint64_t type = format->sample_type;

	if (type & PERF_SAMPLE_BRANCH_STACK)
		decode_branches(format, cursor, sample);
	if (type & PERF_SAMPLE_REGS_USER)
		decode_regs(cursor, format->regs_user, format->regs_user_nr, &sample->regs_user);
	if (type & PERF_SAMPLE_STACK_USER)
		decode_stack(cursor, sample);
	if (type & (PERF_SAMPLE_WEIGHT | PERF_SAMPLE_WEIGHT_STRUCT))
		sample->weight = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_DATA_SRC)
		sample->data_src = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_TRANSACTION)
		sample->transaction = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_REGS_INTR)
		decode_regs(cursor, format->regs_intr, format->regs_intr_nr, &sample->regs_intr);
	if (type & PERF_SAMPLE_PHYS_ADDR)
		sample->phys_addr = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_CGROUP)
		sample->cgroup = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_DATA_PAGE_SIZE)
		sample->data_page_size = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_CODE_PAGE_SIZE)
		sample->code_page_size = cursor_u64(cursor, reason);
	if (type & PERF_SAMPLE_AUX)
		decode_aux(cursor, sample);
}

static void decode_fields(const struct perfring_format *format, struct cursor *cursor,
			  struct perfring_sample *sample)
{
	const uint64_t common = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
				PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_ID |
				PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD |
				PERF_SAMPLE_READ | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_RAW;
	uint64_t type = format->sample_type;

	memset(sample, 0, sizeof(*sample));
	sample->type = type;

	cursor_take(cursor, sizeof(struct perf_event_header), "the header does not fit");
	decode_head(cursor, type, sample);
	if (type & PERF_SAMPLE_READ)
		perfring_decode_read_words(format, cursor, &sample->read);
	if (type & PERF_SAMPLE_CALLCHAIN) {
		sample->callchain_nr = cursor_u64(cursor, "CALLCHAIN does not fit");
		sample->callchain = cursor_words(cursor, sample->callchain_nr,
						 "CALLCHAIN does not fit");
	}
	if (type & PERF_SAMPLE_RAW)
		decode_raw(cursor, sample);
	if (type & ~common)
		decode_rest(format, cursor, sample);
	if (cursor->at != cursor->end)
		cursor_bad(cursor, "bytes are left over after the last field");
}

/* The payload is all there is, whatever the format: it has its exact length. */
static void decode_bpf(const struct perfring_record *record, struct perfring_sample *sample)
{
	memset(sample, 0, sizeof(*sample));
	sample->type = PERF_SAMPLE_RAW;
	sample->raw = (const unsigned char *)record->data + PERFRING_BPF_HEADER;
	sample->raw_size = record->size - PERFRING_BPF_HEADER;
}

int perfring_decode_sample(const struct perfring_format *format,
			   const struct perfring_record *record, struct perfring_sample *sample,
			   struct perfring_error *error)
{
	struct cursor cursor;

	if (record->type == PERFRING_RECORD_BPF) {
		decode_bpf(record, sample);
		return 0;
	}
	if (record->type != PERF_RECORD_SAMPLE)
		return -EINVAL;
	cursor_begin(&cursor, record);
	decode_fields(format, &cursor, sample);
	if (cursor.reason && format->branch_type & PERF_SAMPLE_BRANCH_HW_INDEX &&
	    format->sample_type & PERF_SAMPLE_BRANCH_STACK && !sample->branch_nr) {
		/* Where no stack was taken the kernel writes nr 0 and leaves hw_idx out. */
		cursor_begin(&cursor, record);
		cursor.no_hw_index = true;
		decode_fields(format, &cursor, sample);
	}
	return cursor_result(&cursor, record, error);
}
