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
	m->size = config->pages * 4096ULL;
	/* At most the ring; half of it when unset. */
	if (config->watermark)
		m->mark = config->wakeup < m->size ? config->wakeup : m->size;
	else
		m->events_due = (int)config->wakeup;
	if (!m->mark)
		m->mark = m->size / 2;
	m->enabled = true;
}

uint64_t twin_sample_size(const struct twin_model *m, uint64_t len)
{
	return m->fixed + (m->raw ? (4 + len + 7) & ~7ULL : 0);
}

uint64_t twin_model_room(const struct twin_model *m)
{
	/* One byte is never used: CIRC_SPACE() of linux/circ_buf.h. */
	return ((m->backward ? m->head - m->tail : m->tail - m->head) - 1) & (m->size - 1);
}

int twin_model_write(struct twin_model *m, uint64_t len, uint64_t *pos, uint64_t *lost)
{
	uint64_t need = twin_sample_size(m, len) + (m->lost ? m->lost_size : 0);
	uint64_t before = m->wakeup;

	if (!m->enabled)
		return -EOPNOTSUPP;
	if (m->paused || (!m->overwrite && twin_model_room(m) < need)) {
		m->lost++;
		m->lost_total++;
		/* Who has been inside publishes, whatever user space stored there. */
		if (!m->paused)
			m->published = m->head;
		return -ENOSPC;
	}
	*pos = m->backward ? m->head - need : m->head;
	m->head = m->backward ? m->head - need : m->head + need;
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
