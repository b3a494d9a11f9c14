/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What core.h promises, once for two harnesses: core_test.c runs these cases in user
 * space, also under the sanitizers, kunit/ in a kernel, also under KASAN and KCSAN.
 *
 * The includer has core.h and defines
 *
 *	CORE_CASE(name)			the head of the function of a case
 *	CORE_EQ(expected, seen)		the two are equal as 64-bit numbers
 *	CORE_ACQUIRE, CORE_RELEASE	a reader's load and store
 *	CORE_YIELD()			let others run
 *	core_beside(fn), core_joined()	run fn() in another thread; wait for its end
 */
#ifndef SELFTESTS_CORE_CASES_H
#define SELFTESTS_CORE_CASES_H

#define CORE_CASES(X)							\
	X(starts_empty)							\
	X(fills_to_the_last_but_one)					\
	X(room_returns_with_the_tail)					\
	X(copies_across_the_end)					\
	X(wraps_with_its_type)						\
	X(outermost_publishes)						\
	X(losses_are_told)						\
	X(pause_refuses)						\
	X(overwrites)							\
	X(goes_backward)						\
	X(watermark_wakes_once)						\
	X(quiet_leaves_the_wakeup)					\
	X(events_wake)							\
	X(inner_wakeup_is_the_outermosts)				\
	X(force_wakes)							\
	X(last_is_taken_back)						\
	X(followed_is_not_taken_back)					\
	X(taken_back_loss_is_told_again)				\
	X(batch_publishes_at_once)					\
	X(batch_keeps_nested_records)					\
	X(wild_tails_stay_inside)					\
	X(high_water)							\
	X(reader_beside_writer)

#define CORE_SIZE	4096UL			/* of the data */
#define CORE_LOST	24UL			/* a LOST record without trailer */
#define CORE_QUIET	(~0UL >> 1)		/* a watermark that nothing crosses */

/*
 * One ring for all cases, which run one after the other; each array on its own, so that
 * a sanitizer sees what is beside it.
 */
static struct perfring_core core_ring;
static struct perf_event_mmap_page core_page;
static unsigned char core_data[CORE_SIZE] __attribute__((aligned(8)));
static const unsigned char core_zeroes[2 * CORE_SIZE];

static void core_reset(unsigned long pos)
{
	memset(&core_ring, 0, sizeof(core_ring));
	memset(&core_page, 0, sizeof(core_page));
	memset(core_data, 0x5a, sizeof(core_data));
	core_ring.mask = CORE_SIZE - 1;
	core_ring.page = &core_page;
	core_ring.data = core_data;
	core_ring.watermark = CORE_QUIET;
	perfring_core_position(&core_ring, pos);
}

static int core_begin(struct perfring_handle *h, unsigned long size)
{
	return perfring_core_begin(&core_ring, h, size, CORE_LOST, false);
}

/* One record of zeroes, and of a LOST record before it when one is due. */
static int core_put(unsigned long size)
{
	struct perfring_handle h;
	int err = core_begin(&h, size);

	if (err)
		return err;
	if (h.report_lost)
		size += CORE_LOST;
	perfring_core_copy(&core_ring, &h, core_zeroes, size);
	return perfring_core_end(&core_ring, &h);
}

static unsigned long core_head(void)
{
	return core_page.data_head;
}

CORE_CASE(starts_empty)
{
	core_reset(64);
	CORE_EQ(64, core_head());
	CORE_EQ(64, core_page.data_tail);
	CORE_EQ(CORE_SIZE - 1, perfring_core_free(&core_ring, 64, 64));
	CORE_EQ(0, core_ring.nest);
}

/* A head that meets the tail would mean empty: 4096 never fit, 4088 do. */
CORE_CASE(fills_to_the_last_but_one)
{
	core_reset(0);
	CORE_EQ(-ENOSPC, core_put(CORE_SIZE));
	CORE_EQ(0, core_head());

	core_reset(0);
	CORE_EQ(0, core_put(CORE_SIZE - 8));
	CORE_EQ(CORE_SIZE - 8, core_head());
	CORE_EQ(-ENOSPC, core_put(8));
	CORE_EQ(CORE_SIZE - 8, core_head());
	CORE_EQ(0, core_ring.nest);
}

CORE_CASE(room_returns_with_the_tail)
{
	unsigned int i;

	core_reset(0);
	for (i = 1; i <= 100; i++) {
		CORE_EQ(0, core_put(1000));
		CORE_EQ(1000UL * i, core_head());
		core_page.data_tail = core_page.data_head;
	}
	CORE_EQ(0, perfring_local_read(&core_ring.lost));
}

/* Each length at each place around the end: the bytes lie at their positions, no others. */
CORE_CASE(copies_across_the_end)
{
	unsigned char bytes[64];
	unsigned long start, len, i, wrong = 0;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i + 1;
	for (start = CORE_SIZE - 72; start <= CORE_SIZE; start += 8) {
		for (len = 8; len <= sizeof(bytes); len += 8) {
			struct perfring_handle h;

			core_reset(start);
			CORE_EQ(0, core_begin(&h, len));
			/* In two pieces, whose border is no word's. */
			perfring_core_copy(&core_ring, &h, bytes, 3);
			perfring_core_copy(&core_ring, &h, bytes + 3, len - 3);
			perfring_core_end(&core_ring, &h);
			CORE_EQ(start + len, h.pos);
			for (i = 0; i < CORE_SIZE; i++) {
				unsigned long at = (i - start) % CORE_SIZE;

				wrong += core_data[i] != (at < len ? bytes[at] : 0x5a);
			}
		}
	}
	CORE_EQ(0, wrong);
}

CORE_CASE(wraps_with_its_type)
{
	core_reset(-16UL);
	CORE_EQ(0, core_put(64));
	CORE_EQ(48, (unsigned long)core_page.data_head);
	/* 64 wait, so 4031 are free. */
	CORE_EQ(-ENOSPC, core_put(4032));
	core_page.data_tail = 48;
	CORE_EQ(0, core_put(4032));
}

/* Three deep; the head is published by the outermost, once, for all. */
CORE_CASE(outermost_publishes)
{
	struct perfring_handle outer, middle, inner;

	core_reset(0);
	CORE_EQ(0, core_begin(&outer, 16));
	CORE_EQ(1, core_ring.nest);
	CORE_EQ(0, core_begin(&middle, 24));
	CORE_EQ(0, core_begin(&inner, 32));
	CORE_EQ(3, core_ring.nest);
	CORE_EQ(0, outer.pos);
	CORE_EQ(16, middle.pos);
	CORE_EQ(40, inner.pos);
	CORE_EQ(0, perfring_core_end(&core_ring, &inner));
	CORE_EQ(0, core_head());
	CORE_EQ(0, perfring_core_end(&core_ring, &middle));
	CORE_EQ(0, core_head());
	CORE_EQ(1, core_ring.nest);
	CORE_EQ(0, perfring_core_end(&core_ring, &outer));
	CORE_EQ(72, core_head());
	CORE_EQ(0, core_ring.nest);
}

CORE_CASE(losses_are_told)
{
	struct perfring_handle h;

	core_reset(0);
	CORE_EQ(0, core_put(4000));
	CORE_EQ(-ENOSPC, core_put(200));
	CORE_EQ(-ENOSPC, core_put(200));
	/* 95 are free: 72 fit, 72 and a LOST record of 24 do not. */
	CORE_EQ(-ENOSPC, core_put(72));
	core_page.data_tail = 4000;
	CORE_EQ(0, core_begin(&h, 72));
	CORE_EQ(1, h.report_lost);
	CORE_EQ(3, h.lost);
	CORE_EQ(4000 + 24 + 72, h.next);
	perfring_core_end(&core_ring, &h);
	CORE_EQ(0, core_begin(&h, 8));
	CORE_EQ(0, h.report_lost);
	perfring_core_end(&core_ring, &h);
}

CORE_CASE(pause_refuses)
{
	core_reset(0);
	core_ring.paused = 1;
	CORE_EQ(-EBUSY, core_put(8));
	CORE_EQ(0, core_head());
	CORE_EQ(0, core_ring.nest);
	core_ring.paused = 0;
	CORE_EQ(0, core_put(8));
	CORE_EQ(8 + CORE_LOST, core_head());
}

/* Never full, whatever the tail says; a record longer than the ring laps itself. */
CORE_CASE(overwrites)
{
	unsigned int i;

	core_reset(0);
	core_ring.overwrite = true;
	for (i = 1; i <= 20; i++) {
		CORE_EQ(0, core_put(1000));
		CORE_EQ(1000UL * i, core_head());
	}
	CORE_EQ(0, core_put(2 * CORE_SIZE));
	CORE_EQ(20000 + 2 * CORE_SIZE, core_head());
	CORE_EQ(0, perfring_local_read(&core_ring.lost));
}

CORE_CASE(goes_backward)
{
	struct perfring_handle h;

	core_reset(0);
	core_ring.backward = true;
	CORE_EQ(0, core_begin(&h, 40));
	CORE_EQ(-40UL, h.pos);
	perfring_core_copy(&core_ring, &h, core_zeroes, 40);
	CORE_EQ(0, perfring_core_end(&core_ring, &h));
	CORE_EQ(-40UL, core_head());
	CORE_EQ(0x5a, core_data[CORE_SIZE - 41]);
	CORE_EQ(0, core_data[CORE_SIZE - 40]);
	CORE_EQ(0, core_data[CORE_SIZE - 1]);
	/* 40 wait. */
	CORE_EQ(-ENOSPC, core_put(CORE_SIZE - 40));
}

/* More than 100 beyond the last wakeup: at 128, then at more than 200: at 256. */
CORE_CASE(watermark_wakes_once)
{
	unsigned int i;

	core_reset(0);
	core_ring.watermark = 100;
	for (i = 1; i <= 8; i++)
		CORE_EQ(i == 4 || i == 7, core_put(32));
	CORE_EQ(200, perfring_local_read(&core_ring.wakeup));
}

CORE_CASE(quiet_leaves_the_wakeup)
{
	struct perfring_handle h;

	core_reset(0);
	core_ring.watermark = 100;
	CORE_EQ(0, perfring_core_begin(&core_ring, &h, 200, CORE_LOST, true));
	CORE_EQ(0, perfring_core_end(&core_ring, &h));
	CORE_EQ(1, core_put(8));
	CORE_EQ(PERFRING_CAUSE_NONE, h.cause);
}

CORE_CASE(events_wake)
{
	unsigned int i;

	core_reset(0);
	for (i = 1; i <= 9; i++) {
		struct perfring_handle h;

		CORE_EQ(0, core_begin(&h, 8));
		perfring_core_count(&core_ring, &h, 3);
		CORE_EQ(i % 3 ? PERFRING_CAUSE_NONE : PERFRING_CAUSE_EVENTS, h.cause);
		CORE_EQ(i % 3 == 0, perfring_core_end(&core_ring, &h));
	}
}

CORE_CASE(inner_wakeup_is_the_outermosts)
{
	struct perfring_handle outer, inner;

	core_reset(0);
	CORE_EQ(0, core_begin(&outer, 8));
	CORE_EQ(0, core_begin(&inner, 8));
	perfring_core_count(&core_ring, &inner, 1);
	CORE_EQ(0, perfring_core_end(&core_ring, &inner));
	CORE_EQ(1, perfring_core_end(&core_ring, &outer));

	/* Also of an outermost one that finds no room. */
	core_reset(0);
	core_ring.watermark = 2000;
	perfring_core_enter(&core_ring, &outer);
	CORE_EQ(0, core_put(3000));
	CORE_EQ(-ENOSPC, perfring_core_more(&core_ring, &inner, 2000, CORE_LOST, false));
	CORE_EQ(1, perfring_core_leave(&core_ring, &outer));
}

CORE_CASE(force_wakes)
{
	struct perfring_handle h;

	core_reset(0);
	CORE_EQ(0, perfring_core_begin(&core_ring, &h, 8, CORE_LOST, true));
	perfring_core_force(&core_ring, &h);
	CORE_EQ(PERFRING_CAUSE_FORCED, h.cause);
	CORE_EQ(1, perfring_core_end(&core_ring, &h));
}

CORE_CASE(last_is_taken_back)
{
	struct perfring_handle h;

	core_reset(0);
	core_ring.watermark = 100;
	CORE_EQ(0, core_put(40));
	CORE_EQ(0, core_begin(&h, 80));
	CORE_EQ(PERFRING_CAUSE_WATERMARK, h.cause);
	CORE_EQ(1, perfring_core_discard(&core_ring, &h));
	CORE_EQ(PERFRING_CAUSE_NONE, h.cause);
	CORE_EQ(0, perfring_core_end(&core_ring, &h));
	CORE_EQ(40, core_head());
	/* The crossing was taken back with it: the next one is due it again. */
	CORE_EQ(1, core_put(80));
}

CORE_CASE(followed_is_not_taken_back)
{
	struct perfring_handle h;

	core_reset(0);
	CORE_EQ(0, core_begin(&h, 40));
	CORE_EQ(0, core_put(16));
	CORE_EQ(0, perfring_core_discard(&core_ring, &h));
	perfring_core_copy(&core_ring, &h, core_zeroes, 40);
	CORE_EQ(0, perfring_core_end(&core_ring, &h));
	CORE_EQ(56, core_head());
}

CORE_CASE(taken_back_loss_is_told_again)
{
	struct perfring_handle h;

	core_reset(0);
	CORE_EQ(-ENOSPC, core_put(CORE_SIZE));
	CORE_EQ(0, core_begin(&h, 40));
	CORE_EQ(1, h.lost);
	CORE_EQ(1, perfring_core_discard(&core_ring, &h));
	perfring_core_end(&core_ring, &h);
	CORE_EQ(0, core_head());
	CORE_EQ(0, core_begin(&h, 40));
	CORE_EQ(1, h.lost);
	perfring_core_end(&core_ring, &h);
	CORE_EQ(40 + CORE_LOST, core_head());
}

CORE_CASE(batch_publishes_at_once)
{
	struct perfring_handle batch, h;
	unsigned int i;

	core_reset(0);
	core_ring.watermark = 30;
	perfring_core_enter(&core_ring, &batch);
	for (i = 0; i < 4; i++) {
		CORE_EQ(0, perfring_core_more(&core_ring, &h, 16, CORE_LOST, false));
		perfring_core_copy(&core_ring, &h, core_zeroes, 16);
		CORE_EQ(0, core_head());
	}
	CORE_EQ(1, perfring_core_leave(&core_ring, &batch));
	CORE_EQ(64, core_head());
}

CORE_CASE(batch_keeps_nested_records)
{
	struct perfring_handle batch, h;

	core_reset(0);
	perfring_core_enter(&core_ring, &batch);
	CORE_EQ(0, perfring_core_more(&core_ring, &h, 16, CORE_LOST, false));
	CORE_EQ(0, core_put(8));
	CORE_EQ(0, perfring_core_more(&core_ring, &h, 16, CORE_LOST, false));
	CORE_EQ(24, h.pos);
	CORE_EQ(0, core_head());
	CORE_EQ(0, perfring_core_leave(&core_ring, &batch));
	CORE_EQ(40, core_head());
}

/* Whatever the owner of the mapping stores there, no byte is written beside the data. */
CORE_CASE(wild_tails_stay_inside)
{
	static const unsigned long long wild[] = {
		1, 7, CORE_SIZE - 1, CORE_SIZE, CORE_SIZE + 1, 1ULL << 31, 1ULL << 32, 1ULL << 63,
		-1ULL, -8ULL, 0x5555555555555555ULL,
	};
	unsigned int i, k, wrong = 0;

	for (k = 0; k < 2; k++) {
		core_reset(0);
		core_ring.backward = k;
		for (i = 0; i < 1000; i++) {
			unsigned long head = perfring_local_read(&core_ring.head);
			unsigned long tail = wild[i % (sizeof(wild) / sizeof(wild[0]))] + i;

			core_page.data_tail = tail;
			wrong += perfring_core_free(&core_ring, head, tail) > CORE_SIZE - 1;
			core_put(8 * (1 + i % 500));
		}
		CORE_EQ(0, core_ring.nest);
	}
	CORE_EQ(0, wrong);
}

CORE_CASE(high_water)
{
	core_reset(0);
	core_put(1000);
	core_page.data_tail = 1000;
	core_put(400);
	CORE_EQ(1000, perfring_local_read(&core_ring.high_water));
	core_put(800);
	CORE_EQ(1200, perfring_local_read(&core_ring.high_water));
}

/*
 * One thread writes, the other one reads: each word of each record is what the writer
 * stored there, none comes twice or is left out but those that are counted.
 */
#define CORE_RECORDS	20000UL
#define CORE_WORDS	9UL

static unsigned long core_refused;

static void core_write_all(void)
{
	unsigned long record[CORE_WORDS], i, k, refused = 0;
	struct perfring_handle h;

	for (i = 0; i < CORE_RECORDS; i++) {
		for (k = 0; k < CORE_WORDS; k++)
			record[k] = i * CORE_WORDS + k;
		while (perfring_core_begin(&core_ring, &h, sizeof(record), 0, false)) {
			refused++;
			CORE_YIELD();
		}
		/* A lost record of no bytes: it is the count that is of interest. */
		refused -= h.lost;
		perfring_core_copy(&core_ring, &h, record, sizeof(record));
		perfring_core_end(&core_ring, &h);
	}
	core_refused = refused;
}

CORE_CASE(reader_beside_writer)
{
	unsigned long tail = 0, head, i = 0, k, wrong = 0, idle = 0;

	core_reset(0);
	if (core_beside(core_write_all)) {
		CORE_EQ(0, 1);
		return;
	}
	while (i < CORE_RECORDS && idle < 100000000) {
		head = CORE_ACQUIRE(core_page.data_head);
		idle++;
		if (head == tail) {
			CORE_YIELD();
			continue;
		}
		idle = 0;
		for (; tail != head; i++) {
			for (k = 0; k < CORE_WORDS; k++) {
				unsigned long *word = (unsigned long *)
					(core_data + tail % CORE_SIZE);

				wrong += *word != i * CORE_WORDS + k;
				tail += sizeof(*word);
			}
			CORE_RELEASE(core_page.data_tail, tail);
		}
	}
	core_joined();
	CORE_EQ(CORE_RECORDS, i);
	CORE_EQ(0, wrong);
	CORE_EQ(0, core_refused);
	CORE_EQ(CORE_RECORDS * CORE_WORDS * sizeof(long), core_head());
}

#endif /* SELFTESTS_CORE_CASES_H */
