// SPDX-License-Identifier: GPL-2.0
/*
 * Any attr, any record: what is decoded lies within the record, and a sample that is
 * encoded again is what it was.
 *
 * An input is an attr's fields, a header's, and the bytes behind it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

/* Inside of the record, or nothing at all. */
static void touch_within(const struct perfring_record *record, const void *at, uint64_t len)
{
	const unsigned char *begin = record->data, *bytes = at;

	if (!len)
		return;
	FUZZ_CHECK(bytes >= begin && bytes < begin + record->size);
	FUZZ_CHECK(len <= (uint64_t)(begin + record->size - bytes));
	fuzz_touch(bytes, len);
}

static void touch_text(const struct perfring_record *record, const char *text)
{
	FUZZ_CHECK(text);
	touch_within(record, text, strlen(text) + 1);
}

static void touch_read(const struct perfring_record *record, const struct perfring_read *read)
{
	struct perfring_read_entry entry;
	uint64_t i;

	/* No entry is shorter than a word. */
	FUZZ_CHECK(read->nr <= record->size / 8);
	for (i = 0; i < read->nr; i++)
		FUZZ_CHECK(!perfring_read_entry(read, i, &entry));
	FUZZ_CHECK(perfring_read_entry(read, i, &entry) == -ERANGE);
}

static void touch_regs(const struct perfring_record *record, const struct perfring_regs *regs)
{
	FUZZ_CHECK(regs->abi || !regs->nr);
	touch_within(record, regs->values, 8ULL * regs->nr);
}

static void touch_sample(const struct perfring_record *record,
			 const struct perfring_sample *sample)
{
	touch_read(record, &sample->read);
	touch_within(record, sample->callchain, 8 * sample->callchain_nr);
	touch_within(record, sample->raw, sample->raw_size);
	touch_within(record, sample->branches,
		     sample->branch_nr * sizeof(struct perf_branch_entry));
	if (sample->branch_counters)
		touch_within(record, sample->branch_counters, 8 * sample->branch_nr);
	touch_regs(record, &sample->regs_user);
	touch_within(record, sample->stack, sample->stack_size);
	FUZZ_CHECK(sample->stack_dyn_size <= sample->stack_size);
	touch_regs(record, &sample->regs_intr);
	touch_within(record, sample->aux, sample->aux_size);
}

static void touch_event(const struct perfring_record *record, const struct perfring_event *event)
{
	switch (event->kind) {
	case PERFRING_EVENT_SAMPLE:
		touch_sample(record, &event->u.sample);
		break;
	case PERFRING_EVENT_MMAP:
	case PERFRING_EVENT_MMAP2:
		touch_text(record, event->u.mmap.filename);
		FUZZ_CHECK(event->u.mmap.build_id_size <= 20);
		touch_within(record, event->u.mmap.build_id, event->u.mmap.build_id_size);
		break;
	case PERFRING_EVENT_COMM:
		touch_text(record, event->u.comm.comm);
		break;
	case PERFRING_EVENT_READ:
		touch_read(record, &event->u.read.values);
		break;
	case PERFRING_EVENT_NAMESPACES:
		FUZZ_CHECK(event->u.namespaces.nr <= record->size / 16);
		touch_within(record, event->u.namespaces.link, 16 * event->u.namespaces.nr);
		break;
	case PERFRING_EVENT_KSYMBOL:
		touch_text(record, event->u.ksymbol.name);
		break;
	case PERFRING_EVENT_BPF_EVENT:
		touch_within(record, event->u.bpf_event.tag, 8);
		break;
	case PERFRING_EVENT_CGROUP:
		touch_text(record, event->u.cgroup.path);
		break;
	case PERFRING_EVENT_TEXT_POKE:
		touch_within(record, event->u.text_poke.old_bytes, event->u.text_poke.old_len);
		touch_within(record, event->u.text_poke.new_bytes, event->u.text_poke.new_len);
		break;
	case PERFRING_EVENT_CALLCHAIN_DEFERRED:
		FUZZ_CHECK(event->u.callchain_deferred.nr <= record->size / 8);
		touch_within(record, event->u.callchain_deferred.ips,
			     8 * event->u.callchain_deferred.nr);
		break;
	case PERFRING_EVENT_OTHER:
		touch_within(record, event->u.other.data, event->u.other.size);
		break;
	default:
		break;
	}
}

/* A sample is encoded to the bytes that it was decoded from. */
static void encode(const struct perfring_format *format, const struct perfring_record *record,
		   const struct perfring_sample *sample)
{
	unsigned char *again;
	int ret;

	/* Without branches the kernel writes hw_index or leaves it out. */
	if (sample->type & PERF_SAMPLE_BRANCH_STACK && !sample->branch_nr)
		return;
	again = malloc(record->size);
	FUZZ_CHECK(again);
	ret = perfring_encode_sample(format, record->misc, sample, again, record->size);
	FUZZ_CHECK(ret == (int)record->size);
	FUZZ_CHECK(!memcmp((const unsigned char *)record->data + 8, again + 8, record->size - 8));
	FUZZ_CHECK(perfring_encode_sample(format, record->misc, sample, again,
					  record->size - 8) == -ENOSPC);
	free(again);
}

void fuzz_decode(const struct perfring_format *format, const struct perfring_record *record)
{
	struct perfring_event event;
	struct perfring_error error;
	struct perfring_sample sample;
	uint64_t id;
	int ret;

	ret = perfring_record_identifier(record, &id);
	FUZZ_CHECK(!ret || ret == -ENODATA);
	ret = perfring_decode(format, record, &event, &error);
	if (ret) {
		FUZZ_CHECK(ret == -EBADMSG && error.code == ret && error.reason);
		FUZZ_CHECK(error.offset <= record->size && error.size == record->size);
		FUZZ_CHECK(error.position == record->position);
		return;
	}
	FUZZ_CHECK(event.type == record->type && event.size == record->size);
	touch_event(record, &event);
	ret = perfring_decode_sample(format, record, &sample, NULL);
	if (event.kind != PERFRING_EVENT_SAMPLE) {
		FUZZ_CHECK(ret == -EINVAL);
		return;
	}
	FUZZ_CHECK(!ret && !memcmp(&sample, &event.u.sample, sizeof(sample)));
	if (record->type == PERF_RECORD_SAMPLE)
		encode(format, record, &sample);
}

static void decode_words(const struct perfring_format *format, const struct perfring_record *record)
{
	struct perfring_read read;
	size_t nr = (record->size - 8) / 8;
	const uint64_t *words = (const uint64_t *)record->data + 1;
	int ret = perfring_decode_read(format, words, nr, &read);

	FUZZ_CHECK(!ret || ret == -EBADMSG);
	if (!ret)
		touch_read(record, &read);
}

static void run(const uint8_t *bytes, size_t len)
{
	struct fuzz_input input = { bytes, len };
	struct perf_event_attr attr = { .size = sizeof(attr) };
	struct perf_event_header header;
	struct perfring_format *format;
	struct perfring_record record = { 0 };
	uint8_t flags = fuzz_u8(&input);
	unsigned char *data;
	size_t size;
	int err;

	attr.sample_type = fuzz_u32(&input);
	if (!(flags & 1))
		attr.sample_type &= PERFRING_SAMPLE_KNOWN_MAX - 1;
	attr.sample_id_all = flags >> 1 & 1;
	attr.read_format = flags & 4 ? fuzz_u64(&input) : flags >> 3;
	if (attr.sample_type & PERF_SAMPLE_BRANCH_STACK)
		attr.branch_sample_type = fuzz_u32(&input);
	if (attr.sample_type & PERF_SAMPLE_REGS_USER)
		attr.sample_regs_user = fuzz_u64(&input);
	if (attr.sample_type & PERF_SAMPLE_REGS_INTR)
		attr.sample_regs_intr = fuzz_u64(&input);
	err = perfring_format_compile(&attr, &format);
	if (err) {
		FUZZ_CHECK(err == -EOPNOTSUPP || err == -EINVAL);
		return;
	}
	FUZZ_CHECK(perfring_format_sample_type(format) == attr.sample_type);
	FUZZ_CHECK(perfring_format_read_format(format) == attr.read_format);
	FUZZ_CHECK(perfring_format_id_size(format) % 8 == 0);

	header.type = fuzz_u8(&input);
	header.misc = fuzz_u16(&input);
	/* What is left, in words. */
	size = 8 + (input.left & ~(size_t)7);
	if (size > PERFRING_RECORD_MAX)
		size = PERFRING_RECORD_MAX;
	header.size = (uint16_t)size;
	data = malloc(size);
	FUZZ_CHECK(data);
	memcpy(data, &header, sizeof(header));
	fuzz_bytes(&input, data + 8, size - 8);
	record.data = data;
	record.position = 1 << 20;
	record.type = header.type;
	record.misc = header.misc;
	record.size = header.size;
	fuzz_decode(format, &record);
	decode_words(format, &record);
	free(data);
	perfring_format_free(format);
}

const struct fuzz_target fuzz_record = { "record", run, 600, NULL };
