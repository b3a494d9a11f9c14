// SPDX-License-Identifier: GPL-2.0
/*
 * A merge of up to four rings that anybody writes to: an input is a program that puts records
 * with times, moves positions, scribbles, and pulls.
 *
 * Whatever the rings hold: what is delivered can be read, is in order but for those that
 * count as late, and ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

#define PAGE	4096U
#define RINGS	4U
#define TIME	8U		/* where the time is, in each record */

struct one {
	bool bpf;
	unsigned char *memory;
	uint64_t *head, *tail;
	unsigned char *data;
	uint64_t size;
	uint64_t cursor;
	uint64_t time;
	int index;			/* of the reader; -1: none */
};

struct world {
	struct one ring[RINGS];
	unsigned int nr;
	struct perfring_reader *reader;
	struct perfring_merge *merge;
	uint64_t last;			/* latest time delivered */
	uint64_t late;
	uint64_t delivered;
	uint64_t size;			/* of all rings */
};

static void check_order(struct world *w, unsigned int index, const struct perfring_record *record)
{
	struct perfring_merge_stats stats = { .size = sizeof(stats) };
	uint64_t time = perfring_merge_time(w->merge);

	FUZZ_CHECK(index < perfring_reader_count(w->reader));
	FUZZ_CHECK(perfring_reader_ring(w->reader, index));
	FUZZ_CHECK(record->size >= 8);
	fuzz_touch(record->data, record->size);
	FUZZ_CHECK(!perfring_merge_stats(w->merge, &stats));
	FUZZ_CHECK(stats.delivered == ++w->delivered);
	FUZZ_CHECK(stats.late - stats.dropped - w->late == (time < w->last));
	w->late = stats.late - stats.dropped;
	if (time > w->last)
		w->last = time;
}

static int on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	check_order(context, index, record);
	return 0;
}

static void on_error(void *context, unsigned int index, const struct perfring_error *error)
{
	struct world *w = context;

	FUZZ_CHECK(error->code == -EBADMSG && error->reason);
	FUZZ_CHECK(index < perfring_reader_count(w->reader));
}

static uint64_t on_time(void *context, unsigned int index, const struct perfring_record *record)
{
	uint64_t time = 0;

	(void)context;
	(void)index;
	if (record->size >= TIME + sizeof(time))
		memcpy(&time, (const unsigned char *)record->data + TIME, sizeof(time));
	return time;
}

static struct perfring_storage *one_storage(struct one *o, struct fuzz_input *input)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr), .sample_type = PERF_SAMPLE_TIME, .sample_id_all = 1,
	};
	struct perfring_image_opts opts = {
		.size = sizeof(opts), .attr = &attr, .page_size = PAGE,
	};
	const struct perfring_bpf_opts bpf = { .size = sizeof(bpf), .page_size = PAGE };
	struct perf_event_mmap_page *page;
	struct perfring_storage *storage;

	if (o->bpf) {
		o->memory = calloc(1, 2 * PAGE + 2 * o->size);
		FUZZ_CHECK(o->memory);
		o->tail = (void *)o->memory;
		o->head = (void *)(o->memory + PAGE);
		o->data = o->memory + 2 * (size_t)PAGE;
		o->cursor = *o->head = *o->tail = fuzz_position(input);
		FUZZ_CHECK(!perfring_storage_from_bpf_memory(o->memory, 2 * PAGE + 2 * o->size,
							     &bpf, &storage));
		return storage;
	}
	o->memory = calloc(1, PAGE + o->size);
	FUZZ_CHECK(o->memory);
	page = (void *)o->memory;
	o->data = o->memory + PAGE;
	o->head = (uint64_t *)&page->data_head;
	o->tail = (uint64_t *)&page->data_tail;
	o->cursor = *o->head = *o->tail = fuzz_position(input);
	FUZZ_CHECK(!perfring_storage_from_contiguous(o->memory, PAGE + o->size, &opts, &storage));
	return storage;
}

static void one_open(struct world *w, struct fuzz_input *input)
{
	struct one *o = &w->ring[w->nr++];
	struct perfring_merge_ring_opts opts = { .size = sizeof(opts) };
	struct perfring_storage *storage;
	uint8_t how = fuzz_u8(input);
	int err;

	o->bpf = how & 1;
	o->size = PAGE << (how >> 1 & 1);
	if (how & 4)
		opts.payload_time = TIME + (how >> 4 & 8);
	else if (how & 8 || o->bpf)
		opts.time = on_time;
	storage = one_storage(o, input);
	o->index = perfring_reader_add(w->reader, storage);
	FUZZ_CHECK(o->index >= 0);
	err = perfring_merge_add(w->merge, (unsigned int)o->index, &opts);
	FUZZ_CHECK(!err);
	w->size += o->size;
}

static void store(struct one *o, uint64_t position, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < len; i++) {
		uint64_t offset = (position + i) & (o->size - 1);

		o->data[offset] = from[i];
		if (o->bpf)
			o->data[offset + o->size] = from[i];
	}
}

/* A record of @words beside its header, with a time first and last. */
static void put(struct one *o, uint32_t type, uint32_t words, uint32_t flags)
{
	struct perf_event_header header = { .type = type, .size = (uint16_t)(8 + 8 * words) };
	uint32_t bpf[2] = { 8 * words | flags, 0 };

	store(o, o->cursor, o->bpf ? (void *)bpf : (void *)&header, 8);
	if (words) {
		store(o, o->cursor + 8, &o->time, 8);
		store(o, o->cursor + 8ULL * words, &o->time, 8);
	}
	o->cursor += 8 + 8ULL * words;
}

/* As many as there may be without a writer; then there is nothing. */
static void pull(struct world *w, uint64_t most)
{
	struct perfring_record record;
	struct perfring_error error;
	unsigned int index = 77;
	int ret;

	for (; most; most--) {
		ret = perfring_merge_next(w->merge, &record, &index);
		FUZZ_CHECK(ret == 1 || ret == 0 || ret == -EBADMSG);
		if (!ret)
			return;
		if (ret < 0)
			FUZZ_CHECK(perfring_reader_error(w->reader, &error) == ret && error.reason);
		else
			check_order(w, index, &record);
	}
}

/* No more records than there are words in the rings, and an error of each. */
static void pull_all(struct world *w)
{
	struct perfring_record record;
	uint64_t before = w->delivered;

	FUZZ_CHECK(!perfring_merge_flush(w->merge));
	pull(w, w->size / 8 + RINGS + 1);
	FUZZ_CHECK(w->delivered - before <= w->size / 8);
	FUZZ_CHECK(perfring_merge_next(w->merge, &record, NULL) == 0);
}

static void one_close(struct world *w, struct one *o)
{
	if (o->index < 0)
		return;
	FUZZ_CHECK(!perfring_merge_remove(w->merge, (unsigned int)o->index));
	FUZZ_CHECK(!perfring_reader_remove(w->reader, (unsigned int)o->index));
	o->index = -1;
}

static void step(struct world *w, struct fuzz_input *input)
{
	uint8_t what = fuzz_u8(input), n, bytes[64];
	struct one *o = &w->ring[what >> 4 & 3];
	struct perfring_merge_stats stats = { .size = sizeof(stats) };
	size_t len;
	int ret;

	if (!o->memory)
		o = &w->ring[0];
	switch (what & 15) {
	case 0:
	case 1:
	case 2:
		/* Some that come one after the other. */
		n = fuzz_u8(input);
		len = fuzz_u8(input);
		for (unsigned int i = 0; i <= n % 32U; i++) {
			o->time += len & 15;
			put(o, n & 0x80 ? n : PERF_RECORD_SAMPLE, 1 + (uint32_t)(len >> 4), 0);
		}
		*o->head = o->cursor;
		break;
	case 3:
		o->time += (uint64_t)(int64_t)(int8_t)fuzz_u8(input);
		break;
	case 4:
		o->time = fuzz_u64(input);
		break;
	case 5:
		n = fuzz_u8(input);
		put(o, n & 31, fuzz_u8(input), (uint32_t)(n >> 6) << 30);
		break;
	case 6:
		*o->head = o->cursor;
		break;
	case 7:
		*o->head += (uint64_t)(int64_t)(int8_t)fuzz_u8(input) * 8;
		break;
	case 8:
		n = fuzz_u8(input);
		*(n & 1 ? o->head : o->tail) = n & 2 ? fuzz_u64(input) : fuzz_position(input);
		break;
	case 9:
		len = fuzz_bytes(input, bytes, fuzz_u8(input) % sizeof(bytes));
		store(o, o->cursor - fuzz_u16(input), bytes, len);
		break;
	case 10:
		o->cursor = fuzz_u8(input) & 1 ? *o->head : *o->tail;
		break;
	case 11:
	case 12:
		pull(w, fuzz_u8(input));
		break;
	case 13:
		ret = perfring_merge_poll(w->merge, 0);
		FUZZ_CHECK(ret >= 0 || ret == -ENODATA);
		break;
	case 14:
		n = fuzz_u8(input);
		if (n == 0xff)
			one_close(w, o);
		else if (n & 1)
			perfring_merge_flush(w->merge);
		else
			pull_all(w);
		break;
	default:
		FUZZ_CHECK(!perfring_merge_stats(w->merge, &stats));
		FUZZ_CHECK(stats.held_bytes >= 8 * stats.held);
	}
}

static void run(const uint8_t *bytes, size_t len)
{
	struct fuzz_input input = { bytes, len };
	struct world w = { .nr = 0 };
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = on_record, .error = on_error, .context = &w,
	};
	struct perfring_merge_opts merge = { .size = sizeof(merge), .window = 16 };
	uint8_t how = fuzz_u8(&input);

	merge.flags = how >> 2 & 3;
	merge.slack_ns = how & 16 ? 100 : 0;
	merge.hold_bytes = how & 32 ? 512 : 0;
	merge.copy_bytes = how & 64 ? 1024 : 0;
	FUZZ_CHECK(!perfring_reader_create(&opts, &w.reader));
	FUZZ_CHECK(!perfring_merge_create(w.reader, &merge, &w.merge));
	while (w.nr <= (how & 3U))
		one_open(&w, &input);
	while (input.left)
		step(&w, &input);
	pull_all(&w);
	perfring_merge_destroy(w.merge);
	perfring_reader_destroy(w.reader);
	for (unsigned int i = 0; i < w.nr; i++)
		free(w.ring[i].memory);
}

const struct fuzz_target fuzz_merge = { "merge", run, 300, NULL };
