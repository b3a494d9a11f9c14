// SPDX-License-Identifier: MIT
/* The bytes of a sample from its fields, as the kernel writes them. */
#include "internal.h"

/*
 * @used runs on when the room is over, so that the length is known at the end;
 * nothing is stored beyond the room.
 */
struct sink {
	unsigned char *buffer;
	size_t room;
	size_t used;
};

static void put(struct sink *sink, const void *data, uint64_t len)
{
	/* Lengths come from the caller: saturate far beyond any room. */
	if (len > SIZE_MAX / 4 || sink->used > SIZE_MAX / 4) {
		sink->used = SIZE_MAX / 2;
		return;
	}
	if (len && sink->used <= sink->room && len <= sink->room - sink->used)
		memcpy(sink->buffer + sink->used, data, len);
	sink->used += len;
}

static void put_u64(struct sink *sink, uint64_t word)
{
	put(sink, &word, sizeof(word));
}

static void put_u32x2(struct sink *sink, uint32_t first, uint32_t second)
{
	put(sink, &first, sizeof(first));
	put(sink, &second, sizeof(second));
}

static void put_words(struct sink *sink, const void *words, uint64_t nr, size_t each)
{
	put(sink, words, nr > UINT32_MAX ? SIZE_MAX : nr * each);
}

static void encode_read(const struct perfring_format *format, struct sink *sink,
			const struct perfring_read *given)
{
	struct perfring_read read = *given;
	struct perfring_read_entry entry;
	uint64_t flags = format->read_format;
	bool group = flags & PERF_FORMAT_GROUP;

	/* Without words: zeroes of the right length. */
	read.format = flags;
	if (!group)
		read.nr = 1;
	if (read.nr > UINT16_MAX) {
		put(sink, NULL, SIZE_MAX);
		return;
	}
	memset(&entry, 0, sizeof(entry));
	if (group)
		put_u64(sink, read.nr);
	else if (read.words)
		perfring_read_entry(&read, 0, &entry);
	if (!group)
		put_u64(sink, entry.value);
	if (flags & PERF_FORMAT_TOTAL_TIME_ENABLED)
		put_u64(sink, read.time_enabled);
	if (flags & PERF_FORMAT_TOTAL_TIME_RUNNING)
		put_u64(sink, read.time_running);
	for (uint64_t i = 0; i < read.nr; i++) {
		if (read.words)
			perfring_read_entry(&read, i, &entry);
		if (group)
			put_u64(sink, entry.value);
		if (flags & PERF_FORMAT_ID)
			put_u64(sink, entry.id);
		if (flags & PERF_FORMAT_LOST)
			put_u64(sink, entry.lost);
	}
}

static void encode_regs(struct sink *sink, uint32_t nr, const struct perfring_regs *regs)
{
	put_u64(sink, regs->abi);
	if (regs->abi != PERF_SAMPLE_REGS_ABI_NONE)
		put_words(sink, regs->values, nr, sizeof(uint64_t));
}

static void encode_branches(const struct perfring_format *format, struct sink *sink,
			    const struct perfring_sample *sample)
{
	put_u64(sink, sample->branch_nr);
	if (format->branch_type & PERF_SAMPLE_BRANCH_HW_INDEX)
		put_u64(sink, sample->branch_hw_index);
	put_words(sink, sample->branches, sample->branch_nr, sizeof(struct perf_branch_entry));
	if (format->branch_type & FORMAT_BRANCH_COUNTERS)
		put_words(sink, sample->branch_counters, sample->branch_nr, sizeof(uint64_t));
}

static void encode_head(const struct perfring_format *format, struct sink *sink,
			const struct perfring_sample *sample)
{
	uint64_t type = format->sample_type;

	if (type & PERF_SAMPLE_IDENTIFIER)
		put_u64(sink, sample->identifier);
	if (type & PERF_SAMPLE_IP)
		put_u64(sink, sample->ip);
	if (type & PERF_SAMPLE_TID)
		put_u32x2(sink, sample->pid, sample->tid);
	if (type & PERF_SAMPLE_TIME)
		put_u64(sink, sample->time);
	if (type & PERF_SAMPLE_ADDR)
		put_u64(sink, sample->addr);
	if (type & PERF_SAMPLE_ID)
		put_u64(sink, sample->id);
	if (type & PERF_SAMPLE_STREAM_ID)
		put_u64(sink, sample->stream_id);
	if (type & PERF_SAMPLE_CPU)
		put_u32x2(sink, sample->cpu, sample->cpu_reserved);
	if (type & PERF_SAMPLE_PERIOD)
		put_u64(sink, sample->period);
	if (type & PERF_SAMPLE_READ)
		encode_read(format, sink, &sample->read);
	if (type & PERF_SAMPLE_CALLCHAIN) {
		put_u64(sink, sample->callchain_nr);
		put_words(sink, sample->callchain, sample->callchain_nr, sizeof(uint64_t));
	}
}

static void encode_tail(const struct perfring_format *format, struct sink *sink,
			const struct perfring_sample *sample)
{
	uint64_t type = format->sample_type;

	if (type & PERF_SAMPLE_BRANCH_STACK)
		encode_branches(format, sink, sample);
	if (type & PERF_SAMPLE_REGS_USER)
		encode_regs(sink, format->regs_user_nr, &sample->regs_user);
	if (type & PERF_SAMPLE_STACK_USER) {
		put_u64(sink, sample->stack_size);
		put(sink, sample->stack, sample->stack_size);
		if (sample->stack_size)
			put_u64(sink, sample->stack_dyn_size);
	}
	if (type & (PERF_SAMPLE_WEIGHT | PERF_SAMPLE_WEIGHT_STRUCT))
		put_u64(sink, sample->weight);
	if (type & PERF_SAMPLE_DATA_SRC)
		put_u64(sink, sample->data_src);
	if (type & PERF_SAMPLE_TRANSACTION)
		put_u64(sink, sample->transaction);
	if (type & PERF_SAMPLE_REGS_INTR)
		encode_regs(sink, format->regs_intr_nr, &sample->regs_intr);
	if (type & PERF_SAMPLE_PHYS_ADDR)
		put_u64(sink, sample->phys_addr);
	if (type & PERF_SAMPLE_CGROUP)
		put_u64(sink, sample->cgroup);
	if (type & PERF_SAMPLE_DATA_PAGE_SIZE)
		put_u64(sink, sample->data_page_size);
	if (type & PERF_SAMPLE_CODE_PAGE_SIZE)
		put_u64(sink, sample->code_page_size);
	if (type & PERF_SAMPLE_AUX) {
		put_u64(sink, sample->aux_size);
		put(sink, sample->aux, sample->aux_size);
	}
}

/*
 * Everything but the raw data: what comes before it, and right behind that in
 * the buffer what comes after it.
 */
int perfring_encode_parts(const struct perfring_format *format, uint16_t misc,
			  const struct perfring_sample *sample, struct perfring_parts *parts)
{
	struct sink sink = { .buffer = parts->buffer, .room = parts->room };
	struct perf_event_header header = { .type = PERF_RECORD_SAMPLE, .misc = misc };
	uint32_t raw_size;
	size_t size;

	parts->raw = 0;
	parts->pad = 0;
	put(&sink, &header, sizeof(header));
	encode_head(format, &sink, sample);
	if (format->sample_type & PERF_SAMPLE_RAW) {
		if (sample->raw_size > PERFRING_RECORD_MAX)
			return -E2BIG;
		/* As perf_prepare_sample(): the size counts the padding. */
		raw_size = (uint32_t)(perfring_round_8(sample->raw_size + sizeof(uint32_t)) -
				      sizeof(uint32_t));
		put(&sink, &raw_size, sizeof(raw_size));
		parts->raw = sample->raw_size;
		parts->pad = raw_size - sample->raw_size;
	}
	parts->head = sink.used;
	encode_tail(format, &sink, sample);
	parts->tail = sink.used - parts->head;

	size = sink.used + parts->raw + parts->pad;
	if (size > PERFRING_RECORD_MAX)
		return -E2BIG;
	if (size & 7)
		return -EINVAL;
	if (sink.used > sink.room)
		return -ENOSPC;
	header.size = (uint16_t)size;
	memcpy(parts->buffer, &header, sizeof(header));
	return (int)size;
}

int perfring_encode_sample(const struct perfring_format *format, uint16_t misc,
			   const struct perfring_sample *sample, void *buffer, size_t len)
{
	struct perfring_parts parts = { .buffer = buffer, .room = 0 };
	unsigned char header[sizeof(struct perf_event_header)];
	unsigned char *at;
	int size;

	/* First without a room, for the length alone. */
	parts.buffer = header;
	size = perfring_encode_parts(format, misc, sample, &parts);
	if (size != -ENOSPC)
		return size;
	if (parts.head + parts.raw + parts.pad + parts.tail > len)
		return -ENOSPC;
	parts.buffer = buffer;
	parts.room = len;
	size = perfring_encode_parts(format, misc, sample, &parts);

	at = parts.buffer + parts.head;
	memmove(at + parts.raw + parts.pad, at, parts.tail);
	if (parts.raw && sample->raw)
		memcpy(at, sample->raw, parts.raw);
	else
		memset(at, 0, parts.raw);
	memset(at + parts.raw, 0, parts.pad);
	return size;
}

int perfring_encode_id(const struct perfring_format *format, const struct perfring_sample_id *id,
		       void *buffer)
{
	struct sink sink = { .buffer = buffer, .room = format->id_size };
	uint64_t type = format->id_all ? format->sample_type : 0;

	if (type & PERF_SAMPLE_TID)
		put_u32x2(&sink, id->pid, id->tid);
	if (type & PERF_SAMPLE_TIME)
		put_u64(&sink, id->time);
	if (type & PERF_SAMPLE_ID)
		put_u64(&sink, id->id);
	if (type & PERF_SAMPLE_STREAM_ID)
		put_u64(&sink, id->stream_id);
	if (type & PERF_SAMPLE_CPU)
		put_u32x2(&sink, id->cpu, 0);
	if (type & PERF_SAMPLE_IDENTIFIER)
		put_u64(&sink, id->identifier);
	return (int)sink.used;
}
