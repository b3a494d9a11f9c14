// SPDX-License-Identifier: MIT
/* Merge: one ring, whose records are put in order ahead of delivery. */
#include "merge.h"

#include <stdlib.h>

#define MERGE_NO_TIME(time)	((time) - 1 >= MERGE_NEVER - 1)

static uint64_t batch_position(const struct perfring_batch *batch)
{
	return batch->end_position + (uint64_t)(int64_t)batch->at;
}

/* Where the time is, compiled once. */
static int ring_time(struct merge_ring *m, const struct perf_event_attr *attr, bool bpf,
		     const struct perfring_merge_ring_opts *own)
{
	static const uint64_t before = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID;
	/* The words of sample_id from TIME on. */
	static const uint64_t behind = PERF_SAMPLE_TIME | PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID |
				       PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER;
	uint64_t type = attr->sample_type;

	m->time = own->time;
	m->context = own->context;
	m->type = bpf ? PERFRING_RECORD_BPF : PERF_RECORD_SAMPLE;
	if (type & PERF_SAMPLE_TIME && !bpf) {
		m->offset = 8 + 8 * (uint32_t)__builtin_popcountll(type & before);
		if (attr->sample_id_all)
			m->back = 8 * (uint32_t)__builtin_popcountll(type & behind);
	}
	if (own->payload_time)
		m->offset = own->payload_time;
	/* Any record may have it, or else none that is shorter than this. */
	m->least = UINT32_MAX;
	if (m->time)
		return 0;
	m->least = m->offset + (uint32_t)sizeof(uint64_t);
	if (!m->offset || m->offset > PERFRING_RECORD_MAX || own->padding ||
	    (own->payload_time && own->payload_time < sizeof(struct perf_event_header)))
		return -EINVAL;
	return 0;
}

int merge_ring_open(struct perfring_merge *merge, unsigned int index,
		    const struct perfring_merge_ring_opts *own)
{
	struct perfring_ring *ring = perfring_reader_ring(merge->reader, index);
	struct merge_ring *m = &merge->rings[index];
	const struct perfring_merge_opts *opts = &merge->opts;
	int err;

	if (!ring->forward)
		return -EOPNOTSUPP;
	if (perfring_ring_busy(ring))
		return -EBUSY;
	memset(m, 0, sizeof(*m));
	err = ring_time(m, own->attr ? own->attr : &ring->storage->attr, ring->bpf, own);
	if (err)
		return err;
	m->mask = opts->window - 1;
	m->untimed = true;
	m->lap = ring->data_size / 4;
	m->mark = ring->tail + m->lap;
	m->hold = opts->hold_bytes ? opts->hold_bytes : ring->data_size / 2;
	/* The kernel wakes only for the record at the tail: none may stay behind. */
	if (ring->bpf)
		m->hold = 0;
	if (!(opts->flags & PERFRING_MERGE_NO_COPY))
		m->copy_size = opts->copy_bytes ? opts->copy_bytes : ring->data_size;
	m->copy_size &= ~(uint64_t)7;
	m->queue = malloc(opts->window * sizeof(*m->queue));
	m->copy = malloc(m->copy_size ? m->copy_size : 1);
	if (!m->queue || !m->copy) {
		free(m->queue);
		free(m->copy);
		return -ENOMEM;
	}
	perfring_batch_empty(&m->batch, ring->tail);
	m->ring = ring;
	return 0;
}

/* What was delivered since the last round, in the books. */
static void ring_account(struct perfring_merge *merge, struct merge_ring *m)
{
	struct perfring_loss *loss = &merge->reader->slots[m - merge->rings].loss;
	uint32_t records = m->first - m->told;

	merge->stats.delivered += records;
	loss->records += records;
	loss->bytes += m->bytes;
	m->told = m->first;
	m->bytes = 0;
}

void merge_ring_close(struct perfring_merge *merge, struct merge_ring *m)
{
	ring_account(merge, m);
	merge_ring_release(m);
	perfring_batch_cancel(&m->batch);
	free(m->queue);
	free(m->copy);
	memset(m, 0, sizeof(*m));
}

static bool ring_copied(const struct merge_ring *m, const struct merge_entry *entry)
{
	const unsigned char *data = entry->record.data;

	return data >= m->copy && data < m->copy + m->copy_size;
}

/* Give back what lies before the oldest record that waits in the ring. */
void merge_ring_release(struct merge_ring *m)
{
	uint64_t end = batch_position(&m->batch), most = 0, held;

	if (!m->batch.ring)
		return;
	for (uint32_t i = m->first; i != m->next; i++) {
		const struct merge_entry *entry = merge_ring_entry(m, i);

		if (ring_copied(m, entry))
			continue;
		held = end - entry->record.position;
		if (held > most)
			most = held;
		/* In order: this is the oldest. */
		if (!m->inverted)
			break;
	}
	perfring_release(m->ring, end - most);
}

/* The batch as far as the head is now; what it has handed out stays. */
int merge_ring_extend(struct merge_ring *m)
{
	struct perfring_batch *batch = &m->batch;
	struct perfring_ring *ring = m->ring;
	uint64_t position, head, held, waiting;

	if (!batch->ring)
		return perfring_batch_begin(ring, batch);
	position = batch_position(batch);
	head = ring->bpf ? perfring_bpf_head(ring) : perfring_load_head(ring);
	waiting = head - ring->tail;
	held = position - ring->tail;
	if (waiting > ring->data_size || waiting < held)
		return perfring_batch_fail(batch, -EBADMSG, position, 0,
					   "data_head is before what was read, or more than the ring's size beyond data_tail");
	if (waiting && (waiting | head) & 7)
		return perfring_batch_fail(batch, -EBADMSG, position, 0,
					   "data_head is not a multiple of 8");
	ring->guess = batch->guess;
	ring->alike = batch->alike;
	ring->last = batch->last;
	perfring_batch_set(batch, ring, position, position + waiting - held);
	/* What was stitched is delivered, or no other can cross the end: all is within a lap. */
	batch->stitched = 0;
	perfring_batch_stretch(batch, position);
	return 0;
}

/* Has the ring more than what waits in the queue? */
bool merge_ring_news(const struct merge_ring *m)
{
	uint64_t position = batch_position(&m->batch);

	if (m->failed)
		return true;
	if (m->ring->tail == position)
		return perfring_ring_ready(m->ring);
	return perfring_load_head(m->ring) != position;
}

static uint64_t load_word(const unsigned char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* The same for other records than most. */
static __attribute__((noinline)) uint64_t ring_find_time(const struct perfring_merge *merge,
							 const struct merge_ring *m,
							 const struct perfring_record *record)
{
	const unsigned char *data = record->data;

	if (m->time)
		return m->time(m->context, (unsigned int)(m - merge->rings), record);
	if (record->type != m->type && m->back &&
	    record->size >= m->back + sizeof(struct perf_event_header))
		return load_word(data + record->size - m->back);
	return 0;
}

/* The first time of a ring is that of the records before it, too. */
static void ring_timed(struct merge_ring *m, uint64_t time)
{
	for (uint32_t i = m->first; i != m->next; i++)
		merge_ring_entry(m, i)->time = time;
	m->untimed = false;
	m->last = time;
	m->newest = time;
}

/* To its place: the entry at @i, which is older than one before it. */
static void ring_invert(struct perfring_merge *merge, struct merge_ring *m, uint32_t i)
{
	struct merge_entry entry = *merge_ring_entry(m, i);

	merge->stats.inverted++;
	m->inverted = true;
	for (; i != m->first && merge_ring_entry(m, i - 1)->time > entry.time; i--)
		*merge_ring_entry(m, i) = *merge_ring_entry(m, i - 1);
	*merge_ring_entry(m, i) = entry;
}

/* The entry at @next has no time, is the first one that has, or is older than one before it. */
static __attribute__((noinline)) void ring_odd(struct perfring_merge *merge, struct merge_ring *m,
					       uint32_t next)
{
	struct merge_entry *entry = merge_ring_entry(m, next);

	m->next = next;
	if (MERGE_NO_TIME(entry->time))
		entry->time = m->last;
	else if (m->untimed)
		ring_timed(m, entry->time);
	m->last = entry->time;
	if (entry->time < m->newest)
		ring_invert(merge, m, next);
	else
		m->newest = entry->time;
}

/* The last @nr records were in order, up to one of @time. */
static inline void ring_newest(struct merge_ring *m, uint64_t time, uint32_t nr)
{
	if (!nr)
		return;
	m->last = time;
	m->newest = time;
}

/* From the batch into the queue, as far as there is room: 0 or -EBADMSG. */
static int ring_queue(struct perfring_merge *merge, struct merge_ring *m)
{
	uint32_t next = m->next, fresh = next, mask = m->mask, end = m->first + mask + 1;
	struct merge_entry *queue = m->queue;
	uint64_t time, newest = m->untimed ? MERGE_NEVER : m->newest;
	struct perfring_batch *batch = &m->batch;
	ptrdiff_t at = batch->at, next_at;
	perfring_word word;
	int ret = 1;

	for (; next != end; next++) {
		struct merge_entry *entry = &queue[next & mask];
		struct perfring_record *record = &entry->record;

		/* A position in memory would be what each record waits for. */
		next_at = perfring_batch_guess(batch, at, &word);
		if (__builtin_expect(next_at <= 0, 1)) {
			perfring_batch_fill(batch, at, word, record);
			at = next_at;
		} else {
			batch->at = at;
			ret = perfring_batch_next(batch, record);
			at = batch->at;
			if (ret <= 0)
				break;
		}
		if (__builtin_expect(record->type == m->type && record->size >= m->least, 1))
			time = load_word((const unsigned char *)record->data + m->offset);
		else
			time = ring_find_time(merge, m, record);
		entry->time = time;
		if (__builtin_expect(time < newest || time >= MERGE_NEVER, 0)) {
			ring_newest(m, newest, next - fresh);
			ring_odd(merge, m, next);
			newest = m->untimed ? MERGE_NEVER : m->newest;
			fresh = next + 1;
			continue;
		}
		newest = time;
	}
	ring_newest(m, newest, next - fresh);
	batch->at = at;
	m->next = next;
	return ret < 0 ? ret : 0;
}

/* Is there no time to be had for what waits for one? */
static void ring_give_up(const struct perfring_merge *merge, struct merge_ring *m)
{
	if (m->untimed && m->first != m->next && (m->partial || m->failed || merge->flushing))
		ring_timed(m, merge->last);
}

/* A round's look at a ring.  Something new? */
bool merge_ring_read(struct perfring_merge *merge, struct merge_ring *m)
{
	uint32_t was = m->next;
	int ret = 0;

	ring_account(merge, m);
	merge_ring_release(m);
	if (m->failed) {
		m->partial = false;
		ring_give_up(merge, m);
		return false;
	}
	if (m->first == m->next)
		m->inverted = false;
	/* What is flushed was taken when the flush began. */
	if (!merge->flushing)
		ret = merge_ring_extend(m);
	if (!ret)
		ret = ring_queue(merge, m);
	/* Of a BPF ring buffer some records are passed over. */
	if (m->first == m->next && m->ring->bpf)
		merge_ring_release(m);
	m->failed = ret < 0;
	m->partial = !m->failed && perfring_batch_remaining(&m->batch);
	ring_give_up(merge, m);
	return m->next != was;
}

/* Bytes of the copies from the oldest one that waits up to where the next one goes. */
static uint64_t copies_used(const struct merge_ring *m)
{
	uint64_t used = 0;

	for (uint32_t i = m->first; i != m->next; i++) {
		const struct merge_entry *entry = merge_ring_entry(m, i);
		uint64_t age;

		if (!ring_copied(m, entry))
			continue;
		age = m->copy_next -
		      (uint64_t)((const unsigned char *)entry->record.data - m->copy);
		if (age == 0 || age > m->copy_size)
			age += m->copy_size;
		if (age > used)
			used = age;
	}
	return used;
}

/* Copy what waits in the ring before @position; false when there is no room for all. */
static bool ring_copy(struct perfring_merge *merge, struct merge_ring *m,
		      uint64_t position)
{
	uint64_t used = copies_used(m), oldest = m->ring->tail;

	for (uint32_t i = m->first; i != m->next; i++) {
		struct perfring_record *record = &merge_ring_entry(m, i)->record;
		uint64_t bytes = perfring_round_8(record->size), skip = 0;

		if (ring_copied(m, merge_ring_entry(m, i)) ||
		    record->position - oldest >= position - oldest)
			continue;
		if (m->copy_next + bytes > m->copy_size)
			skip = m->copy_size - m->copy_next;
		if (used + skip + bytes > m->copy_size)
			return false;
		if (m->copy_next + bytes > m->copy_size)
			m->copy_next = 0;
		memcpy(m->copy + m->copy_next, record->data, record->size);
		record->data = m->copy + m->copy_next;
		m->copy_next += bytes;
		used += skip + bytes;
		merge->stats.copied++;
		merge->stats.copied_bytes += record->size;
	}
	return true;
}

/*
 * Nothing is safe to deliver.  Let the writer have room, by copies; when that does
 * not do: how far to deliver all the same, 0 not at all.
 */
uint64_t merge_ring_relieve(struct perfring_merge *merge, struct merge_ring *m)
{
	uint32_t held = merge_ring_held(m);
	uint64_t waiting;
	bool full = m->partial;

	if (!held || m->untimed)
		return 0;
	merge_ring_release(m);
	waiting = perfring_ring_bytes_remaining(m->ring);
	if (waiting > m->hold) {
		full |= !ring_copy(merge, m, m->ring->tail + waiting - m->hold);
		merge_ring_release(m);
	}
	return full ? merge_ring_entry(m, m->first + held / 4)->time : 0;
}
