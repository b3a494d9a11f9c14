// SPDX-License-Identifier: GPL-2.0
/*
 * Ordered merge of what runs by itself: task switches on all CPUs as real perf and as the
 * device record them, while they are read; and the calls that wait.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include "fixtures.h"

#define PAGES		256
#define MS		300
#define SWITCHES	200	/* at least, in bytes of the rings */
#define SAMPLE_BYTES	40

FIXTURE(live) {
	struct perfring_reader *reader;
	struct perfring_merge *merge;
};

FIXTURE_VARIANT(live) {
	enum backend_kind kind;
};

FIXTURE_VARIANT_ADD(live, perf) { .kind = PERF };
FIXTURE_VARIANT_ADD(live, device) { .kind = DEVICE };

FIXTURE_SETUP(live)
{
	char why[WHY_LEN];

	if (!backend_available(variant->kind, why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, perfring_reader_create(NULL, &self->reader));
}

FIXTURE_TEARDOWN(live)
{
	perfring_merge_destroy(self->merge);
	perfring_reader_destroy(self->reader);
}

/* Each task switch is a sample with a time, on each CPU. */
static int add_switches(struct perfring_reader *reader, enum backend_kind kind)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CONTEXT_SWITCHES,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_TID | PERF_SAMPLE_CPU |
			       PERF_SAMPLE_IDENTIFIER,
		.sample_id_all = 1, .sample_period = 1, .disabled = 1,
		.read_format = PERF_FORMAT_LOST,
	};
	struct perfring_cpus_opts opts = { .size = sizeof(opts), .pages = PAGES };
	int backend = PERFRING_BACKEND_PERF;

	if (kind == DEVICE) {
		int type = pmu_type();

		if (type < 0)
			return type;
		attr.type = type;
		attr.config = PERFRING_SOURCE_SCHED_SWITCH;
		attr.sample_type |= PERF_SAMPLE_RAW;
		backend = PERFRING_BACKEND_DEVICE;
	}
	return perfring_reader_add_cpus(reader, backend, &attr, &opts);
}

/* Two threads on two CPUs (or one), which wake each other until it is over. */
struct pong {
	pthread_t thread;
	int cpu;
	int from;
	int to;
	bool *over;
};

static void *pong_run(void *context)
{
	struct pong *pong = context;
	char byte = 0;

	pin_to(pong->cpu);
	while (!__atomic_load_n(pong->over, __ATOMIC_RELAXED))
		if (write(pong->to, &byte, 1) != 1 || read(pong->from, &byte, 1) != 1)
			break;
	if (write(pong->to, &byte, 1) != 1)
		return context;
	return NULL;
}

struct seen {
	uint64_t records;
	uint64_t samples;
	uint64_t bytes;
	uint64_t late;		/* as the test sees it */
	uint64_t last;
};

/* All that is safe now. */
static int see(struct perfring_merge *merge, struct seen *seen)
{
	struct perfring_record record;
	int ret;

	while ((ret = perfring_merge_next(merge, &record, NULL)) > 0) {
		uint64_t time = perfring_merge_time(merge);

		seen->records++;
		seen->samples += record.type == PERF_RECORD_SAMPLE;
		seen->bytes += record.size;
		if (time < seen->last)
			seen->late++;
		else
			seen->last = time;
	}
	return ret;
}

/* What the events counted but lost: switches while they were enabled. */
static uint64_t counted(struct perfring_reader *reader, enum backend_kind kind)
{
	uint64_t words[4], sum = 0;

	for (unsigned int i = 0; i < perfring_reader_count(reader); i++) {
		struct perfring_storage *storage =
			perfring_ring_storage(perfring_reader_ring(reader, i));
		struct perfring_stats stats;

		if (kind == DEVICE && !device_stats(perfring_storage_fd(storage), &stats))
			sum += stats.written;
		/* The value, then the losses. */
		if (kind == PERF && perfring_storage_read(storage, words, 4) == 2)
			sum += words[0] - words[1];
	}
	return sum;
}

static uint64_t written_bytes(struct perfring_reader *reader)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < perfring_reader_count(reader); i++)
		sum += perfring_ring_head(perfring_reader_ring(reader, i));
	return sum;
}

static void run_live(struct __test_metadata *_metadata, FIXTURE_DATA(live) *self,
		     const FIXTURE_VARIANT(live) *variant, const struct perfring_merge_opts *opts)
{
	struct perfring_merge_stats stats = { .size = sizeof(stats) };
	int pipes[2][2], rings, other = second_cpu();
	bool over = false;
	struct pong pongs[2] = {
		{ .cpu = 0, .over = &over }, { .cpu = other < 0 ? 0 : other, .over = &over },
	};
	struct seen seen = { 0 };
	uint64_t end, late;
	void *failed;

	rings = add_switches(self->reader, variant->kind);
	ASSERT_LT(0, rings);
	ASSERT_EQ(0, perfring_merge_create(self->reader, opts, &self->merge));
	ASSERT_EQ(rings, perfring_merge_add_all(self->merge, NULL));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pipe(pipes[i]));
	ASSERT_EQ(0, perfring_reader_enable(self->reader));
	for (int i = 0; i < 2; i++) {
		pongs[i].from = pipes[i][0];
		pongs[i].to = pipes[!i][1];
		ASSERT_EQ(0, pthread_create(&pongs[i].thread, NULL, pong_run, &pongs[i]));
	}
	/* A busy machine may take longer for so many switches. */
	end = now_ns() + MS * 1000000ULL;
	late = end + 10000000000ULL * slowness();
	while (now_ns() < end ||
	       (written_bytes(self->reader) < SWITCHES * SAMPLE_BYTES && now_ns() < late)) {
		ASSERT_LE(0, perfring_merge_wait(self->merge, 10));
		ASSERT_EQ(0, see(self->merge, &seen));
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++) {
		pthread_join(pongs[i].thread, &failed);
		EXPECT_EQ(NULL, failed);
	}
	/* Each has written a last time to the other's. */
	for (int i = 0; i < 2; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	ASSERT_EQ(0, perfring_reader_disable(self->reader));
	ASSERT_EQ(0, perfring_merge_flush(self->merge));
	ASSERT_EQ(0, see(self->merge, &seen));

	ASSERT_EQ(0, perfring_merge_stats(self->merge, &stats));
	EXPECT_LT(SWITCHES / 2, seen.samples);
	EXPECT_EQ(seen.records, stats.delivered);
	EXPECT_EQ(seen.late, stats.late);
	EXPECT_EQ(0, stats.held);
	/* Heads began at 0: each byte that was written came once. */
	EXPECT_EQ(written_bytes(self->reader), seen.bytes);
	/* Some are counted but not sampled, when perf throttles. */
	if (variant->kind == PERF) {
		EXPECT_LE(seen.samples, counted(self->reader, variant->kind));
	} else {
		EXPECT_EQ(seen.samples, counted(self->reader, variant->kind));
	}
	if (opts && opts->slack_ns) {
		EXPECT_EQ(0, stats.late);
		EXPECT_EQ(0, stats.forced);
	}
}

/* Each switch comes once; whatever is late, the merge and we count alike. */
TEST_F(live, switches)
{
	run_live(_metadata, self, variant, NULL);
}

/*
 * With a slack longer than the test, and room for all, nothing at all can be late: the
 * flush puts everything in order.
 */
TEST_F(live, switches_all_in_order)
{
	struct perfring_merge_opts opts = {
		.size = sizeof(opts), .slack_ns = 1000000000000ULL, .window = 1 << 16,
		.hold_bytes = SIZE_MAX,
	};

	run_live(_metadata, self, variant, &opts);
}

TEST_HARNESS_MAIN
