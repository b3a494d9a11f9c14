// SPDX-License-Identifier: GPL-2.0
/*
 * What has to be the same after each step: results, data_head, data_tail, poll(2),
 * the value and PERF_FORMAT_LOST, the bytes of the data area, and what the library's
 * reader delivers.  Of the bytes those are left out that cannot be the same:
 *
 *   TIME			instead it may not go back
 *   ID, IDENTIFIER, STREAM_ID	instead it has to be the twin's own id
 *   bytes that pad RAW		perf leaves there what the ring held; the device and
 *				the library have to leave zeroes
 *
 * TID is compared: the same task, on the rings' CPU, writes all of them.
 *
 * All bytes are compared after each step in rings of up to FULL bytes.  In
 * larger ones after each step those which it wrote, and all of them after each
 * EVERY steps and at the end; a byte written where it should not may therefore be
 * seen up to EVERY steps late.  (Shrinking looks at all of them always.)
 */
#define FIXTURES_NO_HARNESS
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "twin.h"

#define FULL	16384
#define EVERY	16

bool twin_differ(struct twins *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->why, sizeof(t->why), format, args);
	va_end(args);
	return false;
}

enum word { SAME, ID, TIME };

/* A word at a position, as it is in each ring now. */
static bool place(struct twins *t, uint64_t pos, enum word word)
{
	uint64_t at = (pos & (t->model.size - 1)) / 8;
	struct twin *twin;

	t->mask[at] = word == SAME ? ~0ULL : 0;
	/* A step that went around may have written there again. */
	if (word == SAME || t->dirty > t->model.size)
		return true;
	for (twin = t->twin; twin < t->twin + t->nr; twin++) {
		uint64_t value = twin->data[at];

		if (word == ID && value != twin->id[t->writer])
			return twin_differ(t, "%s: id %llu in a record, %llu by ioctl", twin->name,
				      (unsigned long long)value,
					   (unsigned long long)twin->id[t->writer]);
		if (word == TIME && value < twin->time)
			return twin_differ(t, "%s: the time goes back, from %llu to %llu",
				      twin->name, (unsigned long long)twin->time,
				      (unsigned long long)value);
		if (word == TIME)
			twin->time = value;
	}
	return true;
}

/* Fields in the order of a record, each one word. */
struct field {
	uint64_t type;
	enum word word;
};

static const struct field in_sample[] = {
	{ PERF_SAMPLE_IDENTIFIER, ID }, { PERF_SAMPLE_TID, SAME }, { PERF_SAMPLE_TIME, TIME },
	{ PERF_SAMPLE_ADDR, SAME }, { PERF_SAMPLE_ID, ID }, { PERF_SAMPLE_STREAM_ID, ID },
	{ PERF_SAMPLE_CPU, SAME }, { PERF_SAMPLE_PERIOD, SAME },
};

static const struct field in_sample_id[] = {
	{ PERF_SAMPLE_TID, SAME }, { PERF_SAMPLE_TIME, TIME }, { PERF_SAMPLE_ID, ID },
	{ PERF_SAMPLE_STREAM_ID, ID }, { PERF_SAMPLE_CPU, SAME }, { PERF_SAMPLE_IDENTIFIER, ID },
};

static bool place_fields(struct twins *t, uint64_t *pos, const struct field *field, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (!(field[i].type & t->config.sample_type))
			continue;
		if (!place(t, *pos, field[i].word))
			return false;
		*pos += 8;
	}
	return true;
}

/* RAW: size and payload are the same, what pads them is not. */
static bool place_raw(struct twins *t, uint64_t pos, uint64_t len)
{
	uint64_t words = (4 + len + 7) / 8, pad = words * 8 - 4 - len, at, now;
	struct twin *twin;

	while (words) {
		at = (pos & (t->model.size - 1)) / 8;
		now = t->model.size / 8 - at;
		if (now > words)
			now = words;
		memset(t->mask + at, 0xff, now * 8);
		words -= now;
		pos += now * 8;
	}
	at = ((pos - 8) & (t->model.size - 1)) / 8;
	memset((char *)&t->mask[at] + 8 - pad, 0, pad);
	if (t->dirty > t->model.size)
		return true;
	for (twin = t->twin + 1; twin < t->twin + t->nr; twin++)
		if (twin->data[at] & ~t->mask[at])
			return twin_differ(t, "%s: what pads RAW is not zero", twin->name);
	return true;
}

/* A written record, with the LOST record before it if @lost. */
bool twin_place_record(struct twins *t, uint64_t pos, uint64_t len, uint64_t lost)
{
	bool good = true;

	if (lost) {
		good = place(t, pos, SAME) && place(t, pos + 8, ID) && place(t, pos + 16, SAME);
		pos += 24;
		if (t->config.id_all)
			good = good && place_fields(t, &pos, in_sample_id,
						    ARRAY_LEN(in_sample_id));
	}
	good = good && place(t, pos, SAME);
	pos += 8;
	good = good && place_fields(t, &pos, in_sample, ARRAY_LEN(in_sample));
	return good && (!t->model.raw || place_raw(t, pos, len));
}

/* The bytes of a record that all have delivered, less those that are not the same. */
bool twin_same_record(struct twins *t, const struct perfring_record *record, unsigned int i)
{
	const struct perfring_record *a = &record[0], *b = &record[i];
	const uint64_t *x = a->data, *y = b->data;
	uint64_t at = (a->position & (t->model.size - 1)) / 8;
	unsigned int k;

	if (a->type != b->type || a->misc != b->misc || a->size != b->size ||
	    a->position != b->position)
		return false;
	for (k = 0; k < a->size / 8U; k++)
		if ((x[k] ^ y[k]) & t->mask[(at + k) & (t->model.size / 8 - 1)])
			return false;
	return true;
}

static bool same_page(struct twins *t)
{
	unsigned int i;

	for (i = 0; i < t->nr; i++) {
		uint64_t head = __atomic_load_n(&t->twin[i].page->data_head, __ATOMIC_ACQUIRE);
		uint64_t tail = t->twin[i].page->data_tail;

		if (head != t->model.published || tail != t->model.tail)
			return twin_differ(t, "%s: head %llu, tail %llu instead of %llu, %llu",
				      t->twin[i].name, (unsigned long long)head,
				      (unsigned long long)tail,
				      (unsigned long long)t->model.published,
				      (unsigned long long)t->model.tail);
	}
	return true;
}

static bool same_readiness(struct twins *t)
{
	struct pollfd fd[3];
	unsigned int i;

	for (i = 0; i < t->nr; i++)
		fd[i] = (struct pollfd) {
			.fd = perfring_storage_fd(t->twin[i].storage),
			.events = POLLIN | POLLRDNORM,
		};
	if (poll(fd, t->nr, 0) < 0)
		return twin_differ(t, "poll: %s", strerror(errno));
	for (i = 0; i < t->nr; i++) {
		/* Memory's descriptor is an eventfd, which knows POLLIN alone. */
		if (t->twin[i].kind == MEMORY && fd[i].revents == POLLIN) {
			perfring_storage_clear_wakeup(t->twin[i].storage);
			fd[i].revents |= POLLRDNORM;
		}
		if (fd[i].revents != (t->model.ready ? POLLIN | POLLRDNORM : 0))
			return twin_differ(t, "%s: poll says %#x, and it is %sready",
					   t->twin[i].name, fd[i].revents,
					   t->model.ready ? "" : "not ");
	}
	t->seen.ready += t->model.ready;
	t->model.ready = false;
	return true;
}

/* The value, which no bpf-output event ever counts, and the losses. */
static bool same_loss(struct twins *t, const struct twin *twin, int fd, uint64_t lost)
{
	uint64_t words[3] = {};
	ssize_t got = read(fd, words, sizeof(words));

	if (got == 16 && !words[0] && words[1] == lost)
		return true;
	return twin_differ(t, "%s: read: %zd, value %llu, %llu lost instead of %llu", twin->name,
			   got, (unsigned long long)words[0], (unsigned long long)words[1],
			   (unsigned long long)lost);
}

static bool same_losses(struct twins *t)
{
	struct perfring_write_stats stats = { .size = sizeof(stats) };
	const uint64_t *lost = t->model.lost_total;
	struct twin *twin;

	for (twin = t->twin; twin < t->twin + t->nr; twin++) {
		if (twin->kind != MEMORY) {
			if (!same_loss(t, twin, perfring_storage_fd(twin->storage), lost[0]) ||
			    (twin->second >= 0 && !same_loss(t, twin, twin->second, lost[1])))
				return false;
			continue;
		}
		/* Its writer counts for both events. */
		perfring_write_stats(twin->ring, &stats);
		if (stats.lost_full + stats.lost_paused != lost[0] + lost[1])
			return twin_differ(t, "%s: %llu full and %llu paused lost instead of %llu",
					   twin->name, (unsigned long long)stats.lost_full,
					   (unsigned long long)stats.lost_paused,
					   (unsigned long long)(lost[0] + lost[1]));
	}
	return true;
}

/* @nr words from word @at on, around the end. */
static bool same_bytes(struct twins *t, uint64_t at, uint64_t nr)
{
	uint64_t words = t->model.size / 8, k, stop;
	unsigned int i;

	if (nr >= words) {
		at = 0;
		nr = words;
	}
	for (; nr; nr -= stop - at, at = 0) {
		stop = at + nr < words ? at + nr : words;
		for (i = 1; i < t->nr; i++) {
			const uint64_t *x = t->twin[0].data, *y = t->twin[i].data;

			for (k = at; k < stop; k++)
				if ((x[k] ^ y[k]) & t->mask[k])
					return twin_differ(t, "%s: the word at %llu of the data is %016llx, perf has %016llx",
						      t->twin[i].name, (unsigned long long)k * 8,
						      (unsigned long long)y[k],
						      (unsigned long long)x[k]);
		}
	}
	return true;
}

bool twins_same_bytes(struct twins *t)
{
	return same_bytes(t, 0, t->model.size / 8);
}

bool twins_same(struct twins *t, uint64_t before)
{
	const struct twin_model *m = &t->model;
	uint64_t from = ((m->backward ? m->head : before) & (m->size - 1)) / 8;

	if (!same_page(t) || !same_readiness(t) || !same_losses(t))
		return false;
	if (t->thorough || m->size <= FULL || t->step % EVERY == EVERY - 1)
		return twins_same_bytes(t);
	return same_bytes(t, from, t->dirty / 8);
}
