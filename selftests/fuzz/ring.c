// SPDX-License-Identifier: GPL-2.0
/*
 * Any control page, any bytes in the ring, any calls of a reader: an input is a program that
 * writes headers and bytes, moves positions, scribbles, and reads.
 *
 * Between two calls nothing changes but by the program, so that what a batch or a peek
 * may answer is known: it is worked out from the bytes, by a second and simpler reader.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

#define PAGE	4096U

enum kind { FORWARD, OVERWRITE, BACKWARD, BACKWARD_OVERWRITE, WRITTEN, BPF, BPF_OVERWRITE, KINDS };

struct world {
	enum kind kind;
	bool bpf;
	bool snapshots;			/* and not batches */
	bool backward;
	unsigned char *memory;		/* the caller's; NULL: the library's */
	struct perf_event_mmap_page *control;
	uint64_t *head, *tail;		/* in shared memory */
	unsigned char *data;
	uint64_t size;
	uint64_t cursor;		/* where the program writes */
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	struct perfring_format *format;
	/* A batch, and what is known about it. */
	struct perfring_batch batch;
	bool open;
	bool snapshot;
	int ended;			/* 1: not yet; what it ended with */
	uint64_t start;
	uint64_t position;		/* of the next record */
	uint64_t stop;			/* no byte beyond */
	uint64_t limit;			/* no record begins here */
	uint64_t bytes;			/* delivered */
	bool peeked;
};

/* The other half of what is mapped twice is a copy here. */
static void world_store(struct world *w, uint64_t position, const void *bytes, size_t len)
{
	const unsigned char *from = bytes;

	for (size_t i = 0; i < len; i++) {
		uint64_t offset = (position + i) & (w->size - 1);

		w->data[offset] = from[i];
		if (w->bpf)
			w->data[offset + w->size] = from[i];
	}
}

static void world_load(const struct world *w, uint64_t position, void *bytes, size_t len)
{
	unsigned char *to = bytes;

	for (size_t i = 0; i < len; i++)
		to[i] = w->data[(position + i) & (w->size - 1)];
}

static bool world_image(struct world *w, struct fuzz_input *input,
			const struct perf_event_attr *attr)
{
	struct perfring_image_opts opts = { .size = sizeof(opts), .attr = attr, .page_size = PAGE };

	w->memory = calloc(1, PAGE + w->size);
	FUZZ_CHECK(w->memory);
	w->control = (void *)w->memory;
	w->data = w->memory + PAGE;
	opts.overwrite = w->kind == OVERWRITE || w->kind == BACKWARD_OVERWRITE;
	w->control->data_tail = fuzz_position(input);
	w->control->data_head = w->control->data_tail;
	w->cursor = w->control->data_tail;
	return !perfring_storage_from_contiguous(w->memory, PAGE + w->size, &opts, &w->storage);
}

static bool world_written(struct world *w, struct fuzz_input *input,
			  const struct perf_event_attr *attr)
{
	uint8_t how = fuzz_u8(input);
	struct perfring_memory_opts opts = {
		.size = sizeof(opts), .attr = attr, .pages = w->size / PAGE,
		.position = fuzz_position(input), .mirror = how & 1, .wakeup_events = how >> 1 & 1,
	};

	opts.overwrite = how >> 2 & 1;
	opts.backward = how >> 3 & 1;
	if (perfring_storage_open_memory(&opts, &w->storage))
		return false;
	w->snapshots = opts.overwrite || opts.backward;
	w->backward = opts.backward;
	w->control = perfring_storage_control(w->storage);
	/* Its pages are those of the machine. */
	w->size = perfring_storage_data_size(w->storage);
	w->data = (unsigned char *)perfring_storage_data(w->storage);
	w->cursor = w->control->data_tail;
	return true;
}

static bool world_bpf(struct world *w, struct fuzz_input *input)
{
	struct perfring_bpf_opts opts = {
		.size = sizeof(opts), .page_size = PAGE, .overwrite = w->snapshots,
	};

	w->memory = calloc(1, 2 * PAGE + 2 * w->size);
	FUZZ_CHECK(w->memory);
	w->tail = (void *)w->memory;
	w->head = (void *)(w->memory + PAGE);
	w->data = w->memory + 2 * (size_t)PAGE;
	w->cursor = *w->tail = *w->head = fuzz_position(input);
	if (w->snapshots)
		w->head[2] = w->cursor;
	return !perfring_storage_from_bpf_memory(w->memory, 2 * PAGE + 2 * w->size, &opts,
						 &w->storage);
}

static bool world_open(struct world *w, struct fuzz_input *input)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .sample_type = PERF_SAMPLE_RAW };
	bool good;

	w->kind = fuzz_u8(input) % KINDS;
	w->size = PAGE << fuzz_u8(input) % 3;
	w->bpf = w->kind == BPF || w->kind == BPF_OVERWRITE;
	w->snapshots = w->kind != FORWARD && w->kind != WRITTEN && w->kind != BPF;
	w->backward = w->kind == BACKWARD || w->kind == BACKWARD_OVERWRITE;
	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_BPF_OUTPUT;
	attr.write_backward = w->backward;
	if (w->bpf)
		good = world_bpf(w, input);
	else if (w->kind == WRITTEN)
		good = world_written(w, input, &attr);
	else
		good = world_image(w, input, &attr);
	if (!good)
		return false;
	if (w->control) {
		w->head = (uint64_t *)&w->control->data_head;
		w->tail = (uint64_t *)&w->control->data_tail;
	}
	FUZZ_CHECK(!perfring_format_compile(perfring_storage_attr(w->storage), &w->format));
	return !perfring_ring_open(w->storage, NULL, &w->ring);
}

static void world_close(struct world *w)
{
	perfring_ring_close(w->ring);
	if (w->storage)
		FUZZ_CHECK(!perfring_storage_close(w->storage));
	perfring_format_free(w->format);
	free(w->memory);
}

/* A header at the cursor, which goes on behind it, or in a backward ring before it. */
static void put(struct world *w, uint32_t type, uint32_t size)
{
	struct perf_event_header header = { .type = type, .size = (uint16_t)size };
	uint32_t words[2] = { size, type };

	if (w->backward)
		w->cursor -= size;
	world_store(w, w->cursor, w->bpf ? (void *)words : (void *)&header, 8);
	if (!w->backward)
		w->cursor += w->bpf ? (8 + (size & 0x3fffffff) + 7) & ~7ULL : size;
}

/* What the rules say about the record at @position: 1 and its size, 0, or -EBADMSG. */
static int judge(const struct world *w, uint64_t *position, uint64_t stop, uint64_t limit,
		 uint32_t *size)
{
	struct perf_event_header header;
	uint32_t word;

	while (*position != stop && (limit == stop || (int64_t)(limit - *position) > 0)) {
		if (!w->bpf) {
			world_load(w, *position, &header, sizeof(header));
			*size = header.size;
			if (*size < 8 || *size & 7 || *size > stop - *position)
				return -EBADMSG;
			return 1;
		}
		world_load(w, *position, &word, sizeof(word));
		if (word >> 31)
			return 0;
		*size = (word & 0x3fffffff) + 8;
		if (((*size + 7) & ~7ULL) > stop - *position)
			return -EBADMSG;
		if (!(word >> 30))
			return 1;
		*position += (*size + 7) & ~7ULL;
	}
	return 0;
}

/* The bytes are those of the ring. */
static void same_bytes(const struct world *w, const struct perfring_record *record)
{
	unsigned char *bytes = malloc(record->size);

	FUZZ_CHECK(bytes);
	world_load(w, record->position, bytes, record->size);
	FUZZ_CHECK(!memcmp(bytes, record->data, record->size));
	free(bytes);
}

static void check_record(const struct world *w, const struct perfring_record *record)
{
	FUZZ_CHECK(record->size >= 8 && record->size <= w->size);
	FUZZ_CHECK(((uintptr_t)record->data & 7) == 0);
	FUZZ_CHECK(!w->bpf || record->type == PERFRING_RECORD_BPF);
	FUZZ_CHECK(w->bpf || !(record->size & 7));
	fuzz_touch(record->data, record->size);
	fuzz_decode(w->format, record);
}

/* A kernel of 32 bits has no others; what is beyond them then is no position of its. */
static uint64_t head_after(const struct world *w, uint64_t tail)
{
	uint64_t head = *w->head;

	if (sizeof(long) == 4 && (w->bpf || head <= UINT32_MAX))
		head = tail + (uint32_t)(head - tail);
	return head;
}

static void begin(struct world *w, size_t budget)
{
	uint64_t tail = perfring_ring_tail(w->ring), head = head_after(w, tail);
	uint64_t waiting = head - tail;
	struct perfring_batch batch;
	bool good = waiting <= w->size && !(waiting && ((waiting | head) & 7));
	int ret = perfring_batch_begin_budget(w->ring, w->open ? &batch : &w->batch, budget);

	if (w->snapshots) {
		FUZZ_CHECK(ret == -EOPNOTSUPP);
	} else if (w->open || w->peeked) {
		FUZZ_CHECK(ret == -EBUSY);
	} else {
		FUZZ_CHECK(ret == (good ? 0 : -EBADMSG));
		w->open = !ret;
		w->snapshot = false;
		w->ended = 1;
		w->start = tail;
		w->position = tail;
		w->stop = head;
		w->limit = budget && budget < waiting ? tail + ((budget + 7) & ~(size_t)7) : head;
		w->bytes = 0;
	}
}

static void snapshot(struct world *w, unsigned int flags)
{
	struct perfring_batch batch;
	int ret = perfring_ring_snapshot(w->ring, flags, w->open ? &batch : &w->batch);

	if (flags & ~PERFRING_SNAPSHOT_NO_PAUSE) {
		FUZZ_CHECK(ret == -EINVAL);
	} else if (!w->snapshots) {
		FUZZ_CHECK(ret == -EOPNOTSUPP);
	} else if (w->open) {
		FUZZ_CHECK(ret == -EBUSY);
	} else {
		FUZZ_CHECK(!ret || ret == -EBADMSG);
		w->open = !ret;
		w->snapshot = true;
		w->ended = 1;
		w->bytes = 0;
	}
}

static void next(struct world *w)
{
	struct perfring_record record;
	struct perfring_error error;
	uint32_t size = 0;
	int ret, expected = w->ended;

	if (!w->open)
		return;
	if (expected == 1 && !w->snapshot)
		expected = judge(w, &w->position, w->stop, w->limit, &size);
	ret = perfring_batch_next(&w->batch, &record);
	if (w->ended != 1 || !w->snapshot)
		FUZZ_CHECK(ret == expected);
	if (ret <= 0) {
		w->ended = ret;
		FUZZ_CHECK(perfring_batch_error(&w->batch, &error) == ret);
		FUZZ_CHECK(!perfring_batch_remaining(&w->batch));
		FUZZ_CHECK(!ret || error.reason);
		FUZZ_CHECK(!ret || w->snapshot || error.position == w->position);
		return;
	}
	FUZZ_CHECK(w->snapshot || (record.position == w->position && record.size == size));
	check_record(w, &record);
	if (!w->snapshot)
		same_bytes(w, &record);
	w->position = record.position + ((record.size + 7) & ~7U);
	w->bytes += (record.size + 7) & ~7U;
	/* A BPF ring buffer counts all laps that are gone. */
	FUZZ_CHECK(w->bytes + (w->bpf ? 0 : perfring_batch_torn(&w->batch)) <= w->size);
}

static void end(struct world *w, bool commit)
{
	uint64_t tail = *w->tail;

	if (!w->open)
		return;
	if (commit)
		perfring_batch_commit(&w->batch);
	else
		perfring_batch_cancel(&w->batch);
	w->open = false;
	/* Nothing is released but what was delivered, or passed over behind it. */
	if (!w->snapshot && commit && w->bytes)
		FUZZ_CHECK(*w->tail == w->position);
	if (!commit)
		FUZZ_CHECK(*w->tail == tail);
}

/* peek and its kin agree; @calls says which are tried */
static void peek(struct world *w, unsigned int calls, size_t offset, size_t len)
{
	struct perfring_record record;
	struct perfring_error error;
	unsigned char *copy;
	uint32_t type;
	int ret = perfring_ring_peek(w->ring, &record);

	if (w->snapshots)
		FUZZ_CHECK(ret == -EOPNOTSUPP);
	else if (w->open)
		FUZZ_CHECK(ret == -EBUSY);
	else
		FUZZ_CHECK(ret == 1 || ret == 0 || ret == -EBADMSG);
	if (ret < 0)
		FUZZ_CHECK(perfring_ring_error(w->ring, &error) == ret && error.reason);
	if (ret != 1) {
		/* A fresh look at the head may find nothing, or something else. */
		w->peeked = perfring_ring_peek_size(w->ring) > 0;
		return;
	}
	w->peeked = true;
	check_record(w, &record);
	FUZZ_CHECK(w->bpf || record.position == perfring_ring_tail(w->ring));
	if (calls & 1)
		FUZZ_CHECK(perfring_ring_peek_size(w->ring) == (int)record.size);
	if (calls & 2)
		FUZZ_CHECK(perfring_ring_peek_type(w->ring, &type) == 1 && type == record.type);
	if (calls & 4) {
		copy = malloc(len ? len : 1);
		FUZZ_CHECK(copy);
		ret = perfring_ring_peek_copy(w->ring, copy, offset, len);
		FUZZ_CHECK(ret == (int)(offset >= record.size ? 0 :
					len < record.size - offset ? len : record.size - offset));
		free(copy);
	}
}

static void pop(struct world *w)
{
	bool peeked = w->peeked;
	int ret = perfring_ring_pop(w->ring);

	FUZZ_CHECK(!peeked || ret == 1);
	w->peeked = false;
}

static void resync(struct world *w)
{
	int ret = perfring_ring_resync(w->ring);

	if (w->open || w->peeked) {
		FUZZ_CHECK(ret == -EBUSY);
		return;
	}
	FUZZ_CHECK(!ret);
	if (!w->bpf)
		FUZZ_CHECK((unsigned long)perfring_ring_tail(w->ring) == (unsigned long)*w->head);
}

/* All that is there, and no more than a lap of it. */
static void drain(struct world *w)
{
	size_t most = w->size / 8 + 1;

	if (w->snapshots)
		snapshot(w, 0);
	else
		begin(w, 0);
	while (w->open && w->ended == 1 && most--)
		next(w);
	FUZZ_CHECK(!w->open || w->ended != 1);
	end(w, true);
}

static void reopen(struct world *w, uint32_t flags)
{
	struct perfring_ring_opts opts = { .size = sizeof(opts), .flags = flags };

	if (w->open)
		return;
	perfring_ring_close(w->ring);
	w->ring = NULL;
	w->peeked = false;
	/* With KEEP what is checked about tails in memory does not hold. */
	opts.flags &= ~PERFRING_RING_KEEP;
	FUZZ_CHECK(perfring_ring_open(w->storage, &opts, &w->ring) == (opts.flags ? -EINVAL : 0));
	if (!w->ring)
		FUZZ_CHECK(!perfring_ring_open(w->storage, NULL, &w->ring));
}

static void write_some(struct world *w, struct fuzz_input *input)
{
	struct perfring_write_stats stats = { .size = sizeof(stats) };
	static uint64_t bytes[65536 / 8];
	uint32_t type = fuzz_u8(input), count = fuzz_u8(input) >> 2;
	uint16_t len = fuzz_u16(input);
	struct perfring_sample_id id = { .id = len };
	struct perf_event_header header = { .type = type, .size = len };
	int ret = 0;

	if (w->kind != WRITTEN)
		return;
	switch (type & 7) {
	case 0:
		perfring_write_begin(w->ring);
		break;
	case 1:
		perfring_write_end(w->ring);
		break;
	case 2:
		memcpy(bytes, &header, sizeof(header));
		ret = perfring_write_record(w->ring, bytes, len);
		break;
	case 3:
		perfring_write_set_id(w->ring, &id);
		break;
	default:
		for (uint32_t i = 0; i <= count && ret >= 0; i++)
			ret = perfring_write(w->ring, type & 8 ? PERF_RECORD_SAMPLE : type, 0,
					     type & 16 ? bytes : NULL, len & 0x1fff);
	}
	FUZZ_CHECK(ret >= 0 || ret == -ENOSPC || ret == -E2BIG || ret == -EINVAL || ret == -EBUSY);
	FUZZ_CHECK(!perfring_write_stats(w->ring, &stats));
	FUZZ_CHECK(stats.attempted == stats.written + stats.lost_full + stats.lost_paused +
		   stats.rejected);
}

/* What somebody else who maps the ring can do. */
static void scribble(struct world *w, struct fuzz_input *input)
{
	unsigned char *page = w->control ? (unsigned char *)w->control : w->memory;
	uint8_t bytes[16];
	uint16_t offset = fuzz_u16(input) % (w->bpf ? 2 * PAGE : PAGE);
	size_t len = fuzz_bytes(input, bytes, fuzz_u8(input) % sizeof(bytes));

	if (len > PAGE - offset % PAGE)
		len = PAGE - offset % PAGE;
	memcpy(page + offset, bytes, len);
}

static void move(struct world *w, struct fuzz_input *input, uint64_t *position)
{
	uint8_t how = fuzz_u8(input);

	if (how < 0x80)
		*position = w->cursor;
	else if (how < 0xc0)
		*position += (uint64_t)(int64_t)(int8_t)(how << 2) * 8;
	else if (how < 0xe0)
		*position = fuzz_position(input);
	else
		*position = fuzz_u64(input);
}

static void step(struct world *w, struct fuzz_input *input)
{
	uint8_t bytes[256];
	uint32_t n, size;

	switch (fuzz_u8(input) % 24) {
	case 0:
		put(w, fuzz_u8(input), fuzz_u16(input));
		break;
	case 1:
		put(w, fuzz_u8(input), fuzz_u32(input));
		break;
	case 2:
	case 3:
		/* Good ones of one size, as many as the reader needs to expect more. */
		n = fuzz_u8(input) % 64;
		size = fuzz_u8(input) * 8;
		while (n--)
			put(w, n & 15, w->bpf ? size + (n & 7) : size + 8);
		break;
	case 4:
		n = fuzz_u8(input);
		n = (uint32_t)fuzz_bytes(input, bytes, n);
		world_store(w, w->cursor - n, bytes, n);
		break;
	case 5:
	case 6:
		move(w, input, w->head);
		break;
	case 7:
		move(w, input, &w->cursor);
		break;
	case 8:
		move(w, input, w->tail);
		break;
	case 9:
		if (w->kind == BPF_OVERWRITE)
			move(w, input, w->head + 2);
		break;
	case 10:
		scribble(w, input);
		break;
	case 11:
		begin(w, 0);
		break;
	case 12:
		begin(w, fuzz_u16(input));
		break;
	case 13:
	case 14:
		for (n = fuzz_u8(input) % 64 + 1; n; n--)
			next(w);
		break;
	case 15:
		end(w, true);
		break;
	case 16:
		end(w, false);
		break;
	case 17:
		n = fuzz_u8(input);
		snapshot(w, n > 0xf0 ? n : n & 1);
		break;
	case 18:
		n = fuzz_u16(input);
		peek(w, n & 7, n >> 3 & 255, n >> 11);
		break;
	case 19:
		pop(w);
		break;
	case 20:
		resync(w);
		break;
	case 21:
		n = fuzz_u8(input);
		reopen(w, n > 0xf0 ? n : 0);
		break;
	case 22:
		write_some(w, input);
		break;
	default:
		drain(w);
	}
	perfring_ring_bytes_remaining(w->ring);
}

static void run(const uint8_t *bytes, size_t len)
{
	struct fuzz_input input = { bytes, len };
	struct world w = { 0 };

	if (world_open(&w, &input))
		while (input.left)
			step(&w, &input);
	if (w.ring) {
		end(&w, true);
		/* Whatever has happened, the way out leads on. */
		if (w.peeked)
			pop(&w);
		resync(&w);
		drain(&w);
	}
	world_close(&w);
}

const struct fuzz_target fuzz_ring = { "ring", run, 400, NULL };
