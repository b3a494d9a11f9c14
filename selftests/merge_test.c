// SPDX-License-Identifier: GPL-2.0
/*
 * Records of many rings in order of time, against a reference that is too simple to
 * be wrong: a list of all records, searched from end to end.  All in memory, in one
 * thread, so that it is known what was visible to each round.
 */
#include <stdlib.h>
#include "fixtures.h"
#include "merge.h"

#define RINGS_MAX	512
#define RECORDS_MAX	50000
#define TICK		40000000000ULL	/* ns: no test takes so long */
#define PAGES		16	/* enough that nothing is lost in random_order */

MERGE_FIXTURE;

/* The reference. */
struct item {
	uint64_t time;
	uint64_t seq;		/* in the order of writing, so of each ring */
	size_t len;		/* of its payload */
	unsigned int ring;
	enum { UNREAD, TAKEN, SEEN, GONE } state;
};

struct model {
	struct item *items;
	unsigned int first;	/* all before it are gone */
	unsigned int nr;
	uint64_t slack;
	uint64_t seen;		/* latest time that was seen */
	uint64_t bound;		/* safe as far as this */
	uint64_t last;		/* latest time delivered */
	uint64_t late;
	bool flushing;
};

/* What the last round saw is safe; see everything, or what there was at the flush. */
static void model_round(struct model *m)
{
	uint64_t safe = m->seen > m->slack ? m->seen - m->slack : 0;

	if (safe > m->bound)
		m->bound = safe;
	if (m->flushing)
		m->bound = UINT64_MAX;
	for (unsigned int i = m->first; i < m->nr; i++) {
		struct item *item = &m->items[i];

		if (item->state == (m->flushing ? TAKEN : UNREAD)) {
			item->state = SEEN;
			if (item->time > m->seen)
				m->seen = item->time;
		}
	}
}

static struct item *model_oldest(struct model *m)
{
	struct item *best = NULL;

	for (unsigned int i = m->first; i < m->nr; i++) {
		struct item *item = &m->items[i];

		if (item->state == SEEN &&
		    (!best || item->time < best->time ||
		     (item->time == best->time && item->ring < best->ring)))
			best = item;
	}
	return best && best->time <= m->bound ? best : NULL;
}

/* What perfring_merge_next() has to return; NULL: nothing. */
static struct item *model_next(struct model *m)
{
	struct item *item = model_oldest(m);

	for (int round = 0; round < 2 && !item; round++) {
		model_round(m);
		item = model_oldest(m);
	}
	if (!item) {
		if (m->flushing)
			m->bound = m->last;
		m->flushing = false;
		return NULL;
	}
	item->state = GONE;
	while (m->first < m->nr && m->items[m->first].state == GONE)
		m->first++;
	if (item->time < m->last)
		m->late++;
	else
		m->last = item->time;
	return item;
}

static void model_flush(struct model *m)
{
	m->flushing = true;
	for (unsigned int i = m->first; i < m->nr; i++)
		if (m->items[i].state == UNREAD)
			m->items[i].state = TAKEN;
}

/* A ring is gone with what it held. */
static void model_remove(struct model *m, unsigned int ring)
{
	for (unsigned int i = m->first; i < m->nr; i++)
		if (m->items[i].ring == ring)
			m->items[i].state = GONE;
	while (m->first < m->nr && m->items[m->first].state == GONE)
		m->first++;
}

static uint64_t random_state;

static unsigned int random_below(unsigned int n)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)((random_state >> 33) % n);
}

/* A run of the model test. */
struct run {
	const FIXTURE_VARIANT(merge) *variant;
	struct perfring_reader *reader;
	struct perfring_merge *merge;
	struct model model;
	unsigned int rings;		/* indices that are in use or were */
	unsigned int kinds[RINGS_MAX];	/* of the formats */
	bool open[RINGS_MAX];
	uint64_t times[RINGS_MAX];	/* of the newest record */
	uint64_t clock;
};

/* One record to the ring and, when it found room, to the model. */
static void run_write(struct run *run, unsigned int ring, uint64_t time)
{
	struct model *model = &run->model;
	size_t len = 8 + random_below(200);
	uint32_t type = run->times[ring] && !random_below(8) ? TYPE_OTHER : PERF_RECORD_SAMPLE;

	/* Without sample_id it has none, and counts as that of the record before. */
	if (type == TYPE_OTHER && run->kinds[ring] % 3 == 0)
		time = run->times[ring];
	if (model->nr == RECORDS_MAX ||
	    write_at(run->reader, ring, type, time, model->nr, len))
		return;
	run->times[ring] = time;
	model->items[model->nr] = (struct item){
		.time = time, .seq = model->nr, .len = len, .ring = ring,
	};
	model->nr++;
}

/*
 * A burst: mostly in order of time over all rings.  Some are interrupted: up to three
 * newer records stand before them in their ring.  Some are published late: the clock
 * was read up to 20 ticks ago.  Two of three ticks, time stands still.
 */
static void run_burst(struct run *run)
{
	unsigned int count = random_below(3 * run->rings + 3);

	while (count--) {
		unsigned int ring = random_below(run->rings);
		unsigned int inside = random_below(6) ? 0 : 1 + random_below(3);
		uint64_t time;

		if (!run->open[ring])
			continue;
		run->clock += random_below(3) ? 0 : TICK;
		time = random_below(5) ? run->clock : run->clock - random_below(20) * TICK;
		while (inside--)
			run_write(run, ring, run->clock += TICK);
		run_write(run, ring, time);
	}
}

/* Another ring, or one less; an index may be used again. */
static int run_change(struct run *run)
{
	unsigned int ring = random_below(run->rings);
	unsigned int kind = random_below(3);
	int ret;

	if (run->open[ring]) {
		ret = perfring_merge_remove(run->merge, ring);
		if (!ret)
			ret = perfring_reader_remove(run->reader, ring);
		model_remove(&run->model, ring);
		run->open[ring] = false;
		return ret;
	}
	ret = ring_add(run->reader, run->variant, kind, PAGES);
	if (ret < 0 || ret >= RINGS_MAX)
		return ret < 0 ? ret : -ENOSPC;
	run->kinds[ret] = kind;
	run->open[ret] = true;
	run->times[ret] = 0;
	if (ret == (int)run->rings)
		run->rings++;
	return perfring_merge_add(run->merge, ret, NULL);
}

/* One record, or none, as the model has it.  1, 0, or what differs in *@why. */
static int run_next(struct run *run, const char **why)
{
	struct item *item = model_next(&run->model);
	struct perfring_record record;
	unsigned int index;
	int ret = perfring_merge_next(run->merge, &record, &index);

	*why = NULL;
	if (ret < 0 || !ret != !item)
		*why = item ? "a record is missing" : "a record too much";
	else if (item && index != item->ring)
		*why = "from another ring";
	else if (item && !record_is(&record, run->kinds[index], item->seq, item->len))
		*why = "another record";
	else if (item && perfring_merge_time(run->merge) != item->time)
		*why = "another time";
	return ret;
}

/*
 * Random writes, reads, rings that come and go, and a flush now and then, checked
 * record by record: so the order, ties, what is safe when, and that each record comes
 * once; then the late ones by number.
 */
static void run_random(struct __test_metadata *_metadata, FIXTURE_DATA(merge) *self,
		       const FIXTURE_VARIANT(merge) *variant, uint64_t seed, unsigned int rings,
		       uint64_t slack)
{
	struct perfring_merge_opts opts = {
		.size = sizeof(opts), .slack_ns = slack, .window = 4096, .hold_bytes = SIZE_MAX,
	};
	struct perfring_merge_stats stats = { .size = sizeof(stats) };
	struct run *run = calloc(1, sizeof(*run));
	unsigned int i, delivered = 0;
	const char *why = NULL;

	ASSERT_NE(NULL, run);
	random_state = seed;
	run->reader = self->reader;
	run->variant = variant;
	run->model.items = calloc(RECORDS_MAX, sizeof(*run->model.items));
	run->model.slack = slack;
	run->clock = 1000 * TICK + slack;
	ASSERT_EQ(0, perfring_merge_create(self->reader, &opts, &self->merge));
	run->merge = self->merge;
	for (i = 0; i < rings; i++) {
		run->kinds[i] = i;
		run->open[i] = true;
		ASSERT_EQ((int)i, ring_add(self->reader, variant, i, PAGES));
	}
	run->rings = rings;
	ASSERT_EQ((int)rings, perfring_merge_add_all(self->merge, NULL));

	for (i = 0; i < 400 && !why; i++) {
		unsigned int reads = random_below(2) ? UINT32_MAX : random_below(100);

		if (i % 16 == 15)
			ASSERT_LE(0, run_change(run));
		run_burst(run);
		if (!random_below(30)) {
			EXPECT_EQ(0, perfring_merge_flush(self->merge));
			model_flush(&run->model);
		}
		while (reads-- && run_next(run, &why) > 0 && !why)
			delivered++;
	}
	EXPECT_EQ(NULL, why) {
		TH_LOG("seed %llu, %u rings: %s after %u", (unsigned long long)seed, rings, why,
		       delivered);
	}
	EXPECT_EQ(0, perfring_merge_flush(self->merge));
	model_flush(&run->model);
	while (!why && run_next(run, &why) > 0)
		delivered++;
	EXPECT_EQ(NULL, why);
	EXPECT_EQ(run->model.first, run->model.nr);

	ASSERT_EQ(0, perfring_merge_stats(self->merge, &stats));
	EXPECT_EQ(delivered, stats.delivered);
	EXPECT_EQ(run->model.late, stats.late);
	EXPECT_EQ(0, stats.held + stats.held_bytes + stats.forced + stats.dropped + stats.copied);
	EXPECT_LT(0, stats.inverted);
	free(run->model.items);
	free(run);
}

TEST_F(merge, random_order)
{
	static const unsigned int rings[] = { 1, 2, 3, 5, 8, 17, 64 };
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_LEN(rings); i++) {
			run_random(_metadata, self, variant, 10 * i + round, rings[i],
				   round == 2 ? 25 * TICK : 0);
			perfring_merge_destroy(self->merge);
			self->merge = NULL;
			perfring_reader_destroy(self->reader);
			ASSERT_EQ(0, perfring_reader_create(NULL, &self->reader));
		}
	}
}

/* 512 rings, the most that there may be in one test; most of them are empty most of the time. */
TEST_F(merge, many_rings)
{
	run_random(_metadata, self, variant, 512, RINGS_MAX - 32, 0);
}

TEST_HARNESS_MAIN
