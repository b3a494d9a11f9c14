// SPDX-License-Identifier: GPL-2.0
/*
 * A batch of the memory writer: what is in the ring when it ends is what its records
 * leave when each is written by itself, and signal handlers may write inside.
 */
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>
#include "fixtures.h"

#define PAGES	1
#define STEPS	3000
#define MOST	40	/* records of a batch */

FIXTURE(batch) {
	struct perfring_storage *storage[2];
	struct perfring_ring *ring[2];
	uint64_t size;
};

FIXTURE_VARIANT(batch) {
	uint64_t sample_type;
	uint32_t watermark;	/* 0: wakeup_events is 3 */
	bool id_all;
	bool overwrite;
	bool backward;
	enum perfring_mirror mirror;
};

FIXTURE_VARIANT_ADD(batch, raw) { .sample_type = PERF_SAMPLE_RAW, .watermark = 1000 };

FIXTURE_VARIANT_ADD(batch, raw_without_mirror)
{
	.sample_type = PERF_SAMPLE_RAW, .watermark = 100, .mirror = PERFRING_MIRROR_OFF,
};

FIXTURE_VARIANT_ADD(batch, raw_by_events) { .sample_type = PERF_SAMPLE_RAW };

FIXTURE_VARIANT_ADD(batch, raw_overwrites)
{
	.sample_type = PERF_SAMPLE_RAW, .watermark = 1000, .overwrite = true,
};

FIXTURE_VARIANT_ADD(batch, raw_backward)
{
	.sample_type = PERF_SAMPLE_RAW, .watermark = 1000, .backward = true,
};

FIXTURE_VARIANT_ADD(batch, fields)
{
	.sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_TID | PERF_SAMPLE_IDENTIFIER |
		       PERF_SAMPLE_REGS_INTR,
	.watermark = 300, .id_all = true,
};

FIXTURE_SETUP(batch)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_memory_opts opts = {
		.size = sizeof(opts), .pages = PAGES, .attr = &attr,
		/* Positions are only subtracted. */
		.position = 0xfffffff8ULL - PAGE, .mirror = variant->mirror,
		.overwrite = variant->overwrite, .backward = variant->backward,
	};
	struct perfring_sample_id id = { .pid = 11, .tid = 12, .id = 13, .identifier = 14 };
	int i;

	attr.sample_type = variant->sample_type;
	attr.sample_id_all = variant->id_all;
	attr.watermark = !!variant->watermark;
	if (variant->watermark)
		attr.wakeup_watermark = variant->watermark;
	else
		attr.wakeup_events = 3;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, perfring_storage_open_memory(&opts, &self->storage[i]));
		ASSERT_EQ(0, perfring_ring_open(self->storage[i], NULL, &self->ring[i]));
		ASSERT_EQ(0, perfring_write_set_id(self->ring[i], &id));
	}
	self->size = perfring_storage_data_size(self->storage[0]);
}

FIXTURE_TEARDOWN(batch)
{
	int i;

	for (i = 0; i < 2; i++) {
		perfring_ring_close(self->ring[i]);
		perfring_storage_close(self->storage[i]);
	}
}

/* Mostly short; now and then one that no ring of a page has room for. */
static size_t some_length(void)
{
	return random() % 50 == 0 ? random() % 6000 : random() % 8 ? random() % 60 : random() % 300;
}

/* The same record for both; the same answer, but for the wakeup that the batch keeps. */
static bool write_both(struct perfring_ring *const ring[2], const unsigned char *bytes)
{
	unsigned int what = random() % 16;
	uint32_t type = what == 0 ? PERF_RECORD_COMM : PERF_RECORD_SAMPLE;
	const void *payload = what == 1 ? NULL : bytes + random() % 64;
	size_t len = some_length();
	int ret[2], i;

	for (i = 0; i < 2; i++)
		ret[i] = perfring_write(ring[i], type, (uint16_t)what, payload, len);
	return ret[0] == (ret[1] > 0 ? 0 : ret[1]);
}

static bool same_stats(struct perfring_ring *const ring[2])
{
	struct perfring_write_stats stats[2];
	int i;

	for (i = 0; i < 2; i++) {
		stats[i].size = sizeof(stats[i]);
		if (perfring_write_stats(ring[i], &stats[i]))
			return false;
		if (stats[i].attempted != stats[i].written + stats[i].lost_full +
		    stats[i].lost_paused + stats[i].rejected)
			return false;
		stats[i].wakeups = 0;
	}
	return !memcmp(&stats[0], &stats[1], sizeof(stats[0]));
}

/*
 * Random records, room and pauses: ring 0 has each batch at once, ring 1 each record by
 * itself, and after each batch they have the same bytes, head, counters, and one
 * was woken if the other was.
 */
TEST_F(batch, is_its_records)
{
	struct perf_event_mmap_page *page[2];
	struct perfring_write_stats stats = { .size = sizeof(stats) };
	unsigned char bytes[8192];
	unsigned int step, n, i;
	uint64_t woken, bytes_written = 0;
	size_t at;

	srandom(1);
	for (at = 0; at < sizeof(bytes); at++)
		bytes[at] = (unsigned char)random();
	for (i = 0; i < 2; i++)
		page[i] = perfring_storage_control(self->storage[i]);
	for (step = 0; step < STEPS; step++) {
		ASSERT_EQ(0, perfring_write_stats(self->ring[1], &stats));
		woken = stats.wakeups;
		ASSERT_EQ(0, perfring_write_begin(self->ring[0]));
		n = 1 + random() % MOST;
		while (n--) {
			if (random() % 200 == 0)
				for (i = 0; i < 2; i++)
					perfring_storage_pause(self->storage[i]);
			else if (random() % 20 == 0)
				for (i = 0; i < 2; i++)
					perfring_storage_resume(self->storage[i]);
			ASSERT_TRUE(write_both(self->ring, bytes));
		}
		ASSERT_EQ(0, perfring_write_stats(self->ring[1], &stats));
		ASSERT_EQ(stats.wakeups != woken, perfring_write_end(self->ring[0]));
		ASSERT_TRUE(same_stats(self->ring));
		ASSERT_EQ(page[0]->data_head, page[1]->data_head);
		ASSERT_EQ(0, memcmp(perfring_storage_data(self->storage[0]),
				    perfring_storage_data(self->storage[1]), self->size));
		/* All is read, or a part, or nothing. */
		if (random() % 4) {
			uint64_t tail = page[0]->data_tail, head = page[0]->data_head;

			if (random() % 2)
				head = tail + (int64_t)(head - tail) / 16 * 8;
			for (i = 0; i < 2; i++)
				page[i]->data_tail = head;
		}
	}
	/* It was worth the while. */
	ASSERT_EQ(0, perfring_write_stats(self->ring[0], &stats));
	bytes_written = stats.bytes;
	EXPECT_LT(20 * self->size, bytes_written);
	EXPECT_LT(0, stats.lost_paused);
	EXPECT_LT(0, stats.lost_records);
	if (!variant->overwrite)
		EXPECT_LT(0, stats.lost_full);
}

/* The sanitizers would make each path ten times as long, and see nothing more. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define TRAP_FLAG	0x100
#define OUTER		2U	/* records of the batch: by the long way, and by the short one */

static volatile sig_atomic_t stepping;
static volatile unsigned long step, step_target;
static struct perfring_ring *volatile inner_ring;
static volatile int inner_ret;
static volatile size_t inner_len;
static unsigned char inner_payload[4000];

/* After each instruction; at the chosen one write from here. */
static void trap(int sig, siginfo_t *info, void *context)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];

	(void)sig;
	(void)info;
	if (!stepping) {
		*flags &= ~TRAP_FLAG;
		return;
	}
	*flags |= TRAP_FLAG;
	if (step++ != step_target)
		return;
	*flags &= ~TRAP_FLAG;
	inner_ret = perfring_write(inner_ring, PERF_RECORD_SAMPLE, 7, inner_payload, inner_len);
}

/* Where a ring stands when the batch begins. */
struct state {
	const char *name;
	uint64_t used;		/* bytes that nobody has read */
	uint64_t high;		/* the most that ever were */
	uint32_t watermark;
	size_t inner;		/* bytes that the handler writes */
};

static const struct state states[] = {
	{ "nothing is near", .high = 4000, .watermark = 4096, .inner = 20 },
	{ "the mark rises", .watermark = 4096, .inner = 20 },
	{ "each wakes", .high = 4000, .watermark = 8, .inner = 20 },
	{ "the last wakes", .high = 4000, .watermark = 80, .inner = 20 },
	/* of two records of 40 bytes and one of 32 */
	{ "room for two", .used = 4096 - 8 - 80, .high = 4088, .watermark = 4096, .inner = 20 },
	{ "room for one", .used = 4096 - 8 - 40, .high = 4088, .watermark = 4096, .inner = 20 },
	{ "the inner one never fits", .high = 4000, .watermark = 4096, .inner = 4000 },
};

/* Records that add up to @bytes. */
static int write_bytes(struct perfring_ring *ring, uint64_t bytes)
{
	uint64_t now;
	int ret = 0;

	for (; bytes && ret >= 0; bytes -= now) {
		now = bytes >= 56 ? 40 : bytes;
		ret = perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, now - 12);
	}
	return ret < 0 ? ret : 0;
}

/* A ring of one page with that state, to be closed in any case; 0 or -errno. */
static int state_open(const struct state *state, struct perfring_storage **storage,
		      struct perfring_ring **ring)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_memory_opts opts = {
		.size = sizeof(opts), .pages = 1, .attr = &attr, .position = 4096 - 56,
	};
	struct perfring_record record;
	int ret;

	attr.sample_type = PERF_SAMPLE_RAW;
	attr.watermark = 1;
	attr.wakeup_watermark = state->watermark;
	ret = perfring_storage_open_memory(&opts, storage);
	if (!ret)
		ret = perfring_ring_open(*storage, NULL, ring);
	if (!ret)
		ret = write_bytes(*ring, state->high);
	while (!ret && perfring_ring_peek(*ring, &record) == 1)
		perfring_ring_pop(*ring);
	return ret ?: write_bytes(*ring, state->used);
}

/* What has become of the two records and the one inside; NULL or what is wrong. */
static const char *state_check(struct perfring_ring *ring, const struct perfring_write_stats *was,
			       const int ret[OUTER], int woke)
{
	struct perfring_write_stats now = { .size = sizeof(now) };
	unsigned int good = !inner_ret || inner_ret == 1, mine = 0, i;
	struct perfring_record record;
	struct perfring_batch batch;
	uint64_t expected = 0, number;
	uint32_t raw;
	int err;

	perfring_write_stats(ring, &now);
	for (i = 0; i < OUTER; i++)
		good += !ret[i];
	if (now.written - was->written != good ||
	    now.attempted - was->attempted != OUTER + 1 ||
	    now.attempted != now.written + now.lost_full + now.lost_paused + now.rejected)
		return "the counters do not add up";
	if (!(now.wakeups - was->wakeups) == (woke == 1 || inner_ret == 1))
		return "a wakeup that nobody told, or one told that was none";
	if (perfring_batch_begin(ring, &batch) < 0)
		return "the ring cannot be read";
	while ((err = perfring_batch_next(&batch, &record)) > 0) {
		const unsigned char *payload = (const unsigned char *)record.data + 12;

		if (record.type == PERF_RECORD_LOST)
			continue;
		memcpy(&raw, payload - 4, 4);
		if (record.misc == 7) {
			mine++;
			if (memcmp(payload, inner_payload,
				   raw < inner_len ? raw : inner_len))
				return "the inner record is not whole";
		} else if (record.misc == 9) {
			if (record.size != 40 || raw != 28)
				return "an outer record's size";
			memcpy(&number, payload, 8);
			if (number < expected)
				return "the outer records are out of order";
			expected = number + 1;
			for (i = 8; i < 28; i++)
				if (payload[i] != number + i)
					return "an outer record is not whole";
		}
	}
	perfring_batch_commit(&batch);
	if (err)
		return "the ring is broken";
	if (mine != (!inner_ret || inner_ret == 1))
		return "the inner record is not there";
	return NULL;
}

FIXTURE(inside) {
};

FIXTURE_SETUP(inside)
{
}

FIXTURE_TEARDOWN(inside)
{
}

/*
 * A batch of two records, and at each of its instructions a handler that writes one
 * more: all of those that found room are there, whole and in order, when it ends, and
 * the wakeup that was due has been told.
 */
TEST_F_TIMEOUT(inside, a_write_at_every_instruction, 200)
{
	struct sigaction action = { .sa_sigaction = trap, .sa_flags = SA_SIGINFO };
	struct perfring_write_stats was = { .size = sizeof(was) };
	/* Each step is a signal: where all takes too long, one instruction in so many. */
	uint64_t stride = from_environment("PERFRING_NEST_STRIDE", 1) ?: 1;
	const struct state *state;
	unsigned char payload[OUTER][28];
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	const char *wrong;
	int ret[OUTER], woke;
	uint64_t i, j;

	ASSERT_EQ(0, sigaction(SIGTRAP, &action, NULL));
	memset(inner_payload, 0x5a, sizeof(inner_payload));
	for (i = 0; i < OUTER; i++) {
		memcpy(payload[i], &i, 8);
		for (j = 8; j < sizeof(payload[i]); j++)
			payload[i][j] = (unsigned char)(i + j);
	}
	for (state = states; state < states + sizeof(states) / sizeof(*states); state++) {
		for (step_target = 0;; step_target += stride) {
			ASSERT_EQ(0, state_open(state, &storage, &ring));
			ASSERT_EQ(0, perfring_write_stats(ring, &was));
			inner_ring = ring;
			inner_len = state->inner;
			step = 0;
			stepping = 1;
			raise(SIGTRAP);
			perfring_write_begin(ring);
			for (i = 0; i < OUTER; i++)
				ret[i] = perfring_write(ring, PERF_RECORD_SAMPLE, 9, payload[i],
							sizeof(payload[i]));
			woke = perfring_write_end(ring);
			stepping = 0;
			wrong = step > step_target ? state_check(ring, &was, ret, woke) : NULL;
			ASSERT_EQ(NULL, wrong)
				TH_LOG("%s, at instruction %lu: %s", state->name, step_target,
				       wrong);
			perfring_ring_close(ring);
			perfring_storage_close(storage);
			if (step <= step_target)
				break;
		}
		TH_LOG("%s: %lu instructions", state->name, step_target);
		EXPECT_GT(step_target, 100);
	}
}
#endif

TEST_HARNESS_MAIN
