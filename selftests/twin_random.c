// SPDX-License-Identifier: GPL-2.0
/*
 * Random rings and operations, weighted to where writers go wrong: lengths
 * around what a word, the room, the end of the data and the watermark hold.
 */
#define FIXTURES_NO_HARNESS
#include <limits.h>
#include <stdio.h>
#include "twin.h"

/* splitmix64: any state will do, also consecutive ones. */
uint64_t twin_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t below(uint64_t *state, uint64_t n)
{
	return twin_random(state) % n;
}

static bool one_in(uint64_t *state, unsigned int n)
{
	return !below(state, n);
}

void twin_random_config(struct twin_config *config, uint64_t *state, bool device)
{
	static const uint64_t types[] = {
		PERF_SAMPLE_IDENTIFIER, PERF_SAMPLE_TID, PERF_SAMPLE_TIME, PERF_SAMPLE_ADDR,
		PERF_SAMPLE_ID, PERF_SAMPLE_STREAM_ID, PERF_SAMPLE_CPU, PERF_SAMPLE_PERIOD,
	};
	static const unsigned int small[] = { 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6 };
	static const uint32_t events[] = { 0, 1, 1, 2, 3, 5, 17, 1000, 0x80000000, 0xffffffff };
	uint64_t size;
	unsigned int i;

	memset(config, 0, sizeof(*config));
	config->pages = 1U << small[below(state, ARRAY_LEN(small))];
	size = config->pages * PAGE;
	config->overwrite = one_in(state, 4);
	config->backward = one_in(state, 3);
	config->id_all = one_in(state, 2);
	config->reader = one_in(state, 2);
	config->shared = one_in(state, 4);
	config->giant = one_in(state, 8) && device && !config->overwrite;
	/* RAW alone a third of the time; now and then nothing at all. */
	config->sample_type = one_in(state, 12) ? 0 : PERF_SAMPLE_RAW;
	if (!one_in(state, 3))
		for (i = 0; i < ARRAY_LEN(types); i++)
			if (one_in(state, 2))
				config->sample_type |= types[i];
	config->watermark = one_in(state, 2);
	if (!config->watermark) {
		config->wakeup = events[below(state, ARRAY_LEN(events))];
		return;
	}
	switch (below(state, 7)) {
	case 0:
		config->wakeup = below(state, 2);
		break;
	case 1:
		config->wakeup = 8 * below(state, 64);
		break;
	case 2:
		config->wakeup = size - 16 + 8 * below(state, 4);
		break;
	case 3:
		/* More than a long is not the same for all: see conformance/explained.c. */
		config->wakeup = (uint32_t)(twin_random(state) & LONG_MAX);
		break;
	default:
		config->wakeup = below(state, size);
		break;
	}
}

/* A length for the next sample of @m. */
static uint16_t random_len(uint64_t *state, const struct twins *t, const struct twin_model *m)
{
	static const uint16_t edges[] = { 0, 0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 13, 20, 21 };
	const uint64_t most = twin_longest(&t->config), at = m->head & (m->size - 1);
	const uint64_t lost = m->lost ? m->lost_size : 0;
	uint64_t size, edge;

	if (!m->raw)
		return 0;
	/* A sample of @size bytes, with LOST before it; 8 less or more; any padding. */
	edge = 8 - 8 * below(state, 3) - lost;
	switch (below(state, 12)) {
	case 0:
	case 1:
		return edges[below(state, ARRAY_LEN(edges))];
	case 2:
		size = (twin_model_room(m) & ~7ULL) + edge;
		break;
	case 3:
		size = (m->backward && at ? at : m->size - at) + edge;
		break;
	case 4:
		size = m->wakeup + m->mark - (m->backward ? -m->head : m->head) + edge;
		break;
	case 5:
		size = most + (one_in(state, 2) ? 0 : edge);
		break;
	case 6:
		size = below(state, most);
		break;
	case 7:
		size = below(state, most < 2048 ? most : 2048);
		break;
	case 8:
		size = below(state, m->size < 65536 ? m->size : 65536);
		break;
	default:
		size = m->fixed + below(state, 120);
		break;
	}
	if ((int64_t)size < (int64_t)m->fixed + 16)
		size = m->fixed + 16;
	if (size > most)
		size = most;
	/* size = fixed + 4 + len + 0 to 7 bytes of padding, a multiple of 8 */
	return (size & ~7ULL) - m->fixed - 4 - below(state, 8);
}

static void random_writes(struct twin_op *op, uint64_t *state, const struct twins *t)
{
	struct twin_model m = t->model;
	/* Otherwise most bursts fill the ring at once. */
	bool small = op->nr > 1 && m.raw && one_in(state, 2);
	uint64_t pos, lost;
	unsigned int i;

	for (i = 0; i < op->nr; i++) {
		op->len[i] = small ? below(state, 120) : random_len(state, t, &m);
		twin_model_write(&m, op->event, op->len[i], &pos, &lost);
	}
}

/* Honest tails, mostly, so that something can be written. */
static uint64_t random_tail(uint64_t *state, const struct twin_model *m)
{
	unsigned long used = m->backward ? m->tail - m->head : m->head - m->tail;
	uint64_t part = used && used <= m->size ? below(state, used) : 0;
	uint64_t sign = m->backward ? -1 : 1;

	switch (below(state, 16)) {
	case 0:
		return twin_random(state);
	case 1:
		return m->head + sign * (1 + below(state, m->size));
	case 2:
		return m->head - 16 + below(state, 33);
	case 3:
		return -below(state, 2);
	case 4:
		return m->head - sign * (m->size - 16 + below(state, 33));
	case 5:
		return m->tail + sign * part;
	case 6:
	case 7:
	case 8:
		return m->tail + sign * (part & ~7ULL);
	case 9:
		return m->tail;
	default:
		return m->head;
	}
}

static enum twin_what random_what(uint64_t *state, const struct twins *t)
{
	const struct twin_model *m = &t->model;
	/* A snapshot copies the ring; a paused one waits for all CPUs. */
	unsigned int rarely = !t->config.overwrite && !t->config.backward ? 1 :
			      m->paused ? 32 : 1 + t->config.pages / 4;

	/* Neither lasts. */
	if (m->paused && one_in(state, 6))
		return TWIN_RESUME;
	if (!m->enabled[0] && one_in(state, 3))
		return TWIN_ENABLE;
	if (t->config.shared && !m->attached && one_in(state, 6))
		return TWIN_ATTACH;
	if (t->config.shared && one_in(state, 100))
		return TWIN_DETACH;
	switch (below(state, 100)) {
	case 0 ... 44:
		return TWIN_WRITE;
	case 45 ... 61:
		return TWIN_BURST;
	case 62 ... 64:
		return one_in(state, 8) ? TWIN_RESUME : TWIN_PAUSE;
	case 65:
		return one_in(state, 8) ? TWIN_ENABLE : TWIN_DISABLE;
	case 66:
		return TWIN_RESET;
	case 67 ... 68:
		return t->config.reader || m->overwrite ? TWIN_POLL : TWIN_HEAD;
	case 69:
		return TWIN_POLL;
	default:
		if (t->config.reader)
			return one_in(state, rarely) ? TWIN_READ : TWIN_WRITE;
		return m->overwrite ? TWIN_WRITE : TWIN_TAIL;
	}
}

void twin_random_op(struct twin_op *op, uint64_t *state, const struct twins *t)
{
	memset(op, 0, sizeof(*op));
	op->what = random_what(state, t);
	/* The first event is enabled again soon, the second half as soon. */
	if (t->config.shared && (op->what == TWIN_WRITE || op->what == TWIN_BURST ||
				 op->what == TWIN_ENABLE || op->what == TWIN_DISABLE))
		op->event = below(state, 2);
	switch (op->what) {
	case TWIN_WRITE:
	case TWIN_BURST:
		op->nr = op->what == TWIN_WRITE ? 1 : 1 + below(state, TWIN_RECORDS);
		random_writes(op, state, t);
		break;
	case TWIN_TAIL:
		op->arg = random_tail(state, &t->model);
		break;
	case TWIN_HEAD:
		op->arg = one_in(state, 2) ? twin_random(state) : t->model.head + 8;
		break;
	case TWIN_READ:
		op->arg = one_in(state, 3) ? 1000000 : below(state, 20);
		break;
	default:
		break;
	}
}

static void see_config(struct twin_seen *seen, const struct twin_config *config)
{
	seen->sequences++;
	seen->pages[__builtin_ctz(config->pages)]++;
	seen->overwrite += config->overwrite;
	seen->backward += config->backward;
	seen->id_all += config->id_all;
	seen->reader += config->reader;
	seen->shared += config->shared;
	seen->giant += config->giant;
	seen->watermark += config->watermark;
	seen->events += !config->watermark && config->wakeup > 1;
}

bool twins_random(struct twins *t, uint64_t seed, uint64_t steps, struct twin_sequence *failing)
{
	uint64_t state = seed, started = now_ns(), said = started, now, first = t->seen.steps;
	uint64_t done, length;
	bool good = true;

	for (done = 0; good && done < steps; done = t->seen.steps - first) {
		twin_random_config(&failing->config, &state, t->device);
		see_config(&t->seen, &failing->config);
		length = 50 + below(&state, 400);
		if (length > steps - done)
			length = steps - done;
		good = twins_begin(t, &failing->config);
		for (failing->nr = 0; good && failing->nr < length; ) {
			struct twin_op *op = &failing->op[failing->nr++];

			twin_random_op(op, &state, t);
			good = twins_step(t, op);
		}
		good = twins_end(t) && good;
		now = now_ns();
		/* Silence would be taken for a hang. */
		if (now - said > 5000000000ULL) {
			said = now;
			printf("# %llu of %llu steps, %.3f ms each\n",
			       (unsigned long long)(t->seen.steps - first),
			       (unsigned long long)steps,
			       (now - started) / 1e6 / (t->seen.steps - first));
			fflush(stdout);
		}
	}
	return good;
}
