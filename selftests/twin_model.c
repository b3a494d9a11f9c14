// SPDX-License-Identifier: GPL-2.0
/*
 * What a write does to a perf ring, as kernel/events/ring_buffer.c says.  It
 * tells where the bytes are that no two rings have in common, and what sizes
 * are worth trying; real perf is measured against it as well.
 */
#define FIXTURES_NO_HARNESS
#include <stdio.h>
#include "twin.h"

static unsigned int words_of(uint64_t type, uint64_t of)
{
	return __builtin_popcountll(type & of);
}

void twin_model_init(struct twin_model *m, const struct twin_config *config)
{
	const uint64_t id = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |
			    PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER;

	memset(m, 0, sizeof(*m));
	m->overwrite = config->overwrite;
	m->backward = config->backward;
	m->raw = config->sample_type & PERF_SAMPLE_RAW;
	/* All fields are one word, but RAW. */
	m->fixed = 8 + 8 * words_of(config->sample_type, ~(uint64_t)PERF_SAMPLE_RAW);
	m->lost_size = 24 + (config->id_all ? 8 * words_of(config->sample_type, id) : 0);
	m->size = config->pages * PAGE;
	/* At most the ring; half of it when unset. */
	if (config->watermark)
		m->mark = config->wakeup < m->size ? config->wakeup : m->size;
	else
		m->events_due = (int)config->wakeup;
	if (!m->mark)
		m->mark = m->size / 2;
	m->enabled[0] = true;
	m->enabled[1] = config->shared;
	m->attached = config->shared;
}

uint64_t twin_sample_size(const struct twin_model *m, uint64_t len)
{
	return m->fixed + (m->raw ? (4 + len + 7) & ~7ULL : 0);
}

uint64_t twin_longest(const struct twin_config *config)
{
	struct twin_model m;
	uint64_t most;

	if (config->giant)
		return PERFRING_RECORD_MAX;
	twin_model_init(&m, config);
	most = m.size - 8;
	/*
	 * One that laps itself goes over its own header, with bytes that are not the
	 * same: then there is nothing to deliver.
	 */
	if (m.overwrite)
		most = config->reader ? m.size - m.lost_size : PERFRING_RECORD_MAX;
	return most < PERFRING_RECORD_MAX ? most : PERFRING_RECORD_MAX;
}

uint64_t twin_model_room(const struct twin_model *m)
{
	/* One byte is never used: CIRC_SPACE() of linux/circ_buf.h. */
	return ((m->backward ? m->head - m->tail : m->tail - m->head) - 1) & (m->size - 1);
}

int twin_model_write(struct twin_model *m, unsigned int event, uint64_t len, uint64_t *pos,
		     uint64_t *lost)
{
	uint64_t need = twin_sample_size(m, len) + (m->lost ? m->lost_size : 0);
	unsigned long before = m->wakeup;

	if (!m->enabled[event])
		return -EOPNOTSUPP;
	/* Without a ring nothing is lost: it never could be written. */
	if (event && !m->attached)
		return -ENOSPC;
	if (m->paused || (!m->overwrite && twin_model_room(m) < need)) {
		m->lost++;
		m->lost_total[event]++;
		/* Who has been inside publishes, whatever user space stored there. */
		if (!m->paused)
			m->published = m->head;
		return -ENOSPC;
	}
	*pos = m->head;
	m->head = m->backward ? m->head - need : m->head + need;
	if (m->backward)
		*pos = m->head;
	m->published = m->head;
	*lost = m->lost;
	m->lost = 0;
	if ((m->backward ? -m->head : m->head) - m->wakeup > m->mark)
		m->wakeup += m->mark;
	if (m->events_due && (int)++m->events >= m->events_due) {
		m->events -= (uint64_t)(int64_t)m->events_due;
		m->wakeup++;
	}
	if (m->wakeup != before)
		m->ready = true;
	return 0;
}

void twin_model_op(struct twin_model *m, const struct twin_op *op)
{
	switch (op->what) {
	case TWIN_TAIL:
		m->tail = op->arg;
		break;
	case TWIN_HEAD:
		m->published = op->arg;
		break;
	case TWIN_PAUSE:
	case TWIN_RESUME:
		m->paused = op->what == TWIN_PAUSE;
		break;
	case TWIN_ENABLE:
	case TWIN_DISABLE:
		m->enabled[op->event] = op->what == TWIN_ENABLE;
		break;
	case TWIN_ATTACH:
	case TWIN_DETACH:
		m->attached = op->what == TWIN_ATTACH;
		break;
	default:
		break;
	}
}
