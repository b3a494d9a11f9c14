// SPDX-License-Identifier: GPL-2.0
/*
 * From bytes to fields: each sample_type bit alone and many together, through
 * encode and decode and from the device; records cut short; and what happens
 * when the kernel's list of bits grows.
 */
#include <stdlib.h>
#include <time.h>
#include "fixtures.h"

/*
 * A bit that the decoder does not know may add a field anywhere, so these have
 * to be looked at, and the decoder taught, when the header grows.  An older header
 * may know less.
 */
TEST(uapi_has_not_grown)
{
	EXPECT_GE(PERFRING_SAMPLE_KNOWN_MAX, (uint64_t)PERF_SAMPLE_MAX);
	EXPECT_GE(PERFRING_READ_KNOWN_MAX, (uint64_t)PERF_FORMAT_MAX);
	EXPECT_GE(PERFRING_BRANCH_KNOWN_MAX, (uint64_t)PERF_SAMPLE_BRANCH_MAX);
}

/* Unknown bits are refused when compiled, not guessed at when decoded. */
TEST(unknown_bits_refused)
{
	struct perfring_format *format = NULL;
	struct perf_event_attr attr;

	attr = output_attr();
	attr.sample_type |= PERFRING_SAMPLE_KNOWN_MAX;
	EXPECT_EQ(-EOPNOTSUPP, perfring_format_compile(&attr, &format));
	attr = output_attr();
	attr.sample_type |= 1ULL << 63;
	EXPECT_EQ(-EOPNOTSUPP, perfring_format_compile(&attr, &format));
	attr = output_attr();
	attr.sample_type |= PERF_SAMPLE_READ;
	attr.read_format = PERFRING_READ_KNOWN_MAX;
	EXPECT_EQ(-EOPNOTSUPP, perfring_format_compile(&attr, &format));
	attr = output_attr();
	attr.sample_type |= PERF_SAMPLE_WEIGHT | PERF_SAMPLE_WEIGHT_STRUCT;
	EXPECT_EQ(-EINVAL, perfring_format_compile(&attr, &format));
	EXPECT_EQ(NULL, format);
}

#define MODULE_TYPES								\
	(PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |		\
	 PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_ID |			\
	 PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD |		\
	 PERF_SAMPLE_RAW | PERF_SAMPLE_CALLCHAIN)

/*
 * A record built by hand, in the order of perf_event_open(2): field i holds 100 + i.
 * Returns its words.
 */
static size_t by_hand(uint64_t type, uint64_t *word)
{
	struct perf_event_header header = { .type = PERF_RECORD_SAMPLE, .misc = 1 };
	const uint64_t order[] = {
		PERF_SAMPLE_IDENTIFIER, PERF_SAMPLE_IP, PERF_SAMPLE_TID, PERF_SAMPLE_TIME,
		PERF_SAMPLE_ADDR, PERF_SAMPLE_ID, PERF_SAMPLE_STREAM_ID, PERF_SAMPLE_CPU,
		PERF_SAMPLE_PERIOD,
	};
	/* pid and tid; cpu and nothing */
	const uint64_t two_numbers = PERF_SAMPLE_TID | PERF_SAMPLE_CPU;
	size_t n = 1;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(order); i++)
		if (type & order[i])
			word[n++] = order[i] & two_numbers ? two_words(100 + i, 0) : 100 + i;
	if (type & PERF_SAMPLE_CALLCHAIN) {
		word[n++] = 3;
		word[n++] = 0 - 128ULL;
		word[n++] = 0xffffffff81000001ULL;
		word[n++] = 0xffffffff81000002ULL;
	}
	if (type & PERF_SAMPLE_RAW) {
		word[n] = two_words(12, 0);
		memcpy((char *)&word[n] + 4, "hello, world", 12);
		n += 2;
	}
	header.size = n * 8;
	memcpy(word, &header, 8);
	return n;
}

static void check(struct __test_metadata *_metadata, uint64_t type,
		  const struct perfring_sample *s)
{
	EXPECT_EQ(type, s->type);
	EXPECT_EQ(type & PERF_SAMPLE_IDENTIFIER ? 100 : 0, s->identifier);
	EXPECT_EQ(type & PERF_SAMPLE_IP ? 101 : 0, s->ip);
	EXPECT_EQ(type & PERF_SAMPLE_TID ? 102 : 0, s->pid);
	EXPECT_EQ(0, s->tid);
	EXPECT_EQ(type & PERF_SAMPLE_TIME ? 103 : 0, s->time);
	EXPECT_EQ(type & PERF_SAMPLE_ADDR ? 104 : 0, s->addr);
	EXPECT_EQ(type & PERF_SAMPLE_ID ? 105 : 0, s->id);
	EXPECT_EQ(type & PERF_SAMPLE_STREAM_ID ? 106 : 0, s->stream_id);
	EXPECT_EQ(type & PERF_SAMPLE_CPU ? 107 : 0, s->cpu);
	EXPECT_EQ(type & PERF_SAMPLE_PERIOD ? 108 : 0, s->period);
	EXPECT_EQ(type & PERF_SAMPLE_CALLCHAIN ? 3 : 0, s->callchain_nr);
	if (type & PERF_SAMPLE_CALLCHAIN) {
		EXPECT_EQ(0 - 128ULL, s->callchain[0]);
		EXPECT_EQ(0xffffffff81000002ULL, s->callchain[2]);
	}
	EXPECT_EQ(type & PERF_SAMPLE_RAW ? 12 : 0, s->raw_size);
	if (type & PERF_SAMPLE_RAW)
		EXPECT_EQ(0, memcmp(s->raw, "hello, world", 12));
}

/* All 2^11 combinations of what the module writes. */
TEST(fields_by_hand)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_record record = { .type = PERF_RECORD_SAMPLE };
	struct perfring_sample sample;
	struct perfring_format *format;
	uint64_t word[32], type;

	/* Count through the subsets of MODULE_TYPES. */
	type = 0;
	do {
		type = (type - MODULE_TYPES) & MODULE_TYPES;
		attr.sample_type = type;
		ASSERT_EQ(0, perfring_format_compile(&attr, &format));
		record.size = by_hand(type, word) * 8;
		record.data = word;
		ASSERT_EQ(0, perfring_decode_sample(format, &record, &sample, NULL));
		check(_metadata, type, &sample);
		perfring_format_free(format);
	} while (type);
}

/*
 * Cut short at every word, in memory of exactly that size, so that the address
 * sanitizer sees any byte beyond: refused, with the place.  One word too many
 * is refused as well.
 */
TEST(truncated)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_record record = { .type = PERF_RECORD_SAMPLE };
	struct perfring_sample sample;
	struct perfring_format *format;
	struct perfring_error error;
	uint64_t word[40] = {}, *cut;
	size_t words, n;

	attr.sample_type = MODULE_TYPES;
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	words = by_hand(MODULE_TYPES, word);
	for (n = 1; n <= words + 1; n++) {
		cut = malloc(n * 8);
		ASSERT_NE(NULL, cut);
		memcpy(cut, word, n * 8);
		((struct perf_event_header *)cut)->size = n * 8;
		record.size = n * 8;
		record.data = cut;
		memset(&error, 0, sizeof(error));
		EXPECT_EQ(n == words ? 0 : -EBADMSG,
			  perfring_decode_sample(format, &record, &sample, &error)) {
			TH_LOG("%zu of %zu words", n, words);
		}
		if (n != words) {
			EXPECT_EQ(-EBADMSG, error.code);
			EXPECT_GE(n * 8, error.offset);
			EXPECT_NE(NULL, error.reason);
		}
		free(cut);
	}
	perfring_format_free(format);
}

/* Counts in a record that lie: a chain of 2^61 entries, RAW of 4 GiB, of 5 bytes. */
TEST(lying_counts)
{
	struct perf_event_attr attr = output_attr();
	uint64_t chain[3] = { 0, 1ULL << 61, 0 }, raw[3] = {};
	static const uint32_t sizes[] = { UINT32_MAX, UINT32_MAX - 3, 13, 20, 1 << 20 };
	struct perfring_record record = { .type = PERF_RECORD_SAMPLE, .size = 24 };
	struct perfring_sample sample;
	struct perfring_format *format;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		ASSERT_EQ(0, perfring_format_compile(&attr, &format));
		memcpy(&raw[1], &sizes[i], 4);
		record.data = raw;
		EXPECT_EQ(-EBADMSG, perfring_decode_sample(format, &record, &sample, NULL)) {
			TH_LOG("RAW of %u in 16 bytes", sizes[i]);
		}
		perfring_format_free(format);
	}
	attr.sample_type = PERF_SAMPLE_CALLCHAIN;
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	record.data = chain;
	for (i = 61; i < 64; i++) {
		chain[1] = 1ULL << i;
		EXPECT_EQ(-EBADMSG, perfring_decode_sample(format, &record, &sample, NULL));
		chain[1] = (1ULL << i) + 1;
		EXPECT_EQ(-EBADMSG, perfring_decode_sample(format, &record, &sample, NULL));
	}
	perfring_format_free(format);
}

/* sample_id of other records: LOST, LOST_SAMPLES, THROTTLE and one that nobody knows. */
TEST(sample_id)
{
	struct perf_event_attr attr = output_attr();
	uint64_t word[8] = { 0, 7, 9, 11, 12, 13, 14 };
	struct perfring_record record = { .data = word };
	struct perfring_format *format;
	struct perfring_event event;

	attr.sample_type |= PERF_SAMPLE_TIME | PERF_SAMPLE_ID;
	attr.sample_id_all = 1;
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	ASSERT_EQ(16, perfring_format_id_size(format));

	record.type = PERF_RECORD_LOST;
	record.size = 8 + 16 + 16;
	ASSERT_EQ(0, perfring_decode(format, &record, &event, NULL));
	EXPECT_EQ(PERFRING_EVENT_LOST, event.kind);
	EXPECT_EQ(7, event.u.lost.id);
	EXPECT_EQ(9, event.u.lost.lost);
	EXPECT_EQ(11, event.id.time);
	EXPECT_EQ(12, event.id.id);

	record.type = PERF_RECORD_LOST_SAMPLES;
	record.size = 8 + 8 + 16;
	ASSERT_EQ(0, perfring_decode(format, &record, &event, NULL));
	EXPECT_EQ(PERFRING_EVENT_LOST_SAMPLES, event.kind);
	EXPECT_EQ(7, event.u.lost.lost);
	EXPECT_EQ(9, event.id.time);

	record.type = PERF_RECORD_THROTTLE;
	record.size = 8 + 24 + 16;
	ASSERT_EQ(0, perfring_decode(format, &record, &event, NULL));
	EXPECT_EQ(PERFRING_EVENT_THROTTLE, event.kind);
	EXPECT_EQ(7, event.u.throttle.time);
	EXPECT_EQ(9, event.u.throttle.id);
	EXPECT_EQ(11, event.u.throttle.stream_id);
	EXPECT_EQ(12, event.id.time);

	record.type = 12345;
	record.size = 8 + 8 + 16;
	ASSERT_EQ(0, perfring_decode(format, &record, &event, NULL));
	EXPECT_EQ(PERFRING_EVENT_OTHER, event.kind);
	EXPECT_EQ(8, event.u.other.size);
	EXPECT_EQ(&word[1], (const uint64_t *)event.u.other.data);
	EXPECT_EQ(11, event.id.id);

	/* No room for what it should have. */
	record.type = PERF_RECORD_LOST;
	record.size = 8 + 16 + 8;
	EXPECT_EQ(-EBADMSG, perfring_decode(format, &record, &event, NULL));
	record.type = 12345;
	record.size = 8 + 8;
	EXPECT_EQ(-EBADMSG, perfring_decode(format, &record, &event, NULL));
	perfring_format_free(format);
}

/* What read(2) answers, with every read_format bit but GROUP, and with it. */
TEST(read_formats)
{
	const uint64_t words[] = { 2, 50, 40, 10, 11, 12, 20, 21, 22 };
	struct perf_event_attr attr = output_attr();
	struct perfring_read_entry entry;
	struct perfring_format *format;
	struct perfring_read read;
	unsigned int n;

	attr.read_format = 31;
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	ASSERT_EQ(0, perfring_decode_read(format, words, 9, &read));
	EXPECT_EQ(2, read.nr);
	EXPECT_EQ(50, read.time_enabled);
	EXPECT_EQ(40, read.time_running);
	ASSERT_EQ(0, perfring_read_entry(&read, 1, &entry));
	EXPECT_EQ(20, entry.value);
	EXPECT_EQ(21, entry.id);
	EXPECT_EQ(22, entry.lost);
	EXPECT_EQ(-ERANGE, perfring_read_entry(&read, 2, &entry));
	for (n = 0; n < 9; n++) {
		EXPECT_EQ(-EBADMSG, perfring_decode_read(format, words, n, &read));
	}
	perfring_format_free(format);
	attr.read_format = 31 & ~PERF_FORMAT_GROUP;
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	ASSERT_EQ(0, perfring_decode_read(format, words, 5, &read));
	EXPECT_EQ(1, read.nr);
	ASSERT_EQ(0, perfring_read_entry(&read, 0, &entry));
	EXPECT_EQ(2, entry.value);
	EXPECT_EQ(10, entry.id);
	EXPECT_EQ(11, entry.lost);
	perfring_format_free(format);
}

RING_FIXTURE;

/*
 * What the kernel writes, decoded: each of the module's fields, over each owner.
 * In memory the library's writer knows no chain and no address; those are 0.
 */
TEST_F(ring, fields)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr };
	struct perfring_sample sample;
	struct perfring_format *format;
	struct perfring_record record;
	uint64_t id = 0, before, identifier;

	attr.sample_type = MODULE_TYPES;
	attr.sample_id_all = 1;
	attr.exclude_callchain_user = 1;
	attr.use_clockid = 1;
	attr.clockid = CLOCK_MONOTONIC;
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	ASSERT_EQ(0, perfring_storage_id(self->b.storage, &id));
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	before = now_ns();
	ASSERT_EQ(0, backend_write(&self->b, "hello, world", 12));
	ASSERT_EQ(1, perfring_ring_peek(self->b.ring, &record));
	ASSERT_EQ(0, perfring_decode_sample(format, &record, &sample, NULL));
	ASSERT_EQ(0, perfring_record_identifier(&record, &identifier));
	EXPECT_EQ(id, identifier);
	EXPECT_EQ(MODULE_TYPES, sample.type);
	EXPECT_EQ(id, sample.identifier);
	EXPECT_EQ(id, sample.id);
	EXPECT_EQ(id, sample.stream_id);
	EXPECT_EQ(0, sample.cpu);
	EXPECT_EQ(0, sample.addr);
	EXPECT_EQ(12, sample.raw_size);
	EXPECT_EQ(0, memcmp(sample.raw, "hello, world", 12));
	if (variant->kind != MEMORY) {
		EXPECT_LE(before, sample.time);
		EXPECT_GE(now_ns(), sample.time);
		EXPECT_LE(LOWEST_KERNEL, sample.ip);
		ASSERT_LE(2, sample.callchain_nr);
		EXPECT_EQ(0 - 128ULL, sample.callchain[0]);
	}
	if (variant->kind == DEVICE)
		EXPECT_EQ((uint32_t)getpid(), sample.pid);
	perfring_format_free(format);
}

/* What a format was made of, and how long its sample_id is. */
TEST(format_is_the_attrs)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_format *format;

	for (int all = 0; all < 2; all++) {
		attr.sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
		attr.sample_id_all = all;
		attr.read_format = PERF_FORMAT_ID;
		ASSERT_EQ(0, perfring_format_compile(&attr, &format));
		EXPECT_EQ(attr.sample_type, perfring_format_sample_type(format));
		EXPECT_EQ(PERF_FORMAT_ID, perfring_format_read_format(format));
		EXPECT_EQ(all, perfring_format_sample_id_all(format));
		EXPECT_EQ(all ? 16 : 0, perfring_format_id_size(format));
		perfring_format_free(format);
	}
}

TEST_HARNESS_MAIN
