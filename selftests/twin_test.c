// SPDX-License-Identifier: GPL-2.0
/*
 * Twins: one random sequence of writes, reads, pauses and polls on every owner of
 * a ring that this machine has; after each step they agree, in bytes, head,
 * losses and readiness.  Real perf is the first of them.
 */
#include <stdlib.h>
#include "fixtures.h"

#define STEPS	400

struct twin {
	enum backend_kind kind;
	const char *name;
	struct backend b;
};

static uint64_t state;

static unsigned int random_below(unsigned int n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

/*
 * Are two records the same?  Of a sample what pads it is not looked at: the
 * exact payload is @len.  LOST differs in the id of who lost.
 */
static bool same(const struct perfring_record *a, const struct perfring_record *b, size_t len)
{
	const unsigned char *x = a->data, *y = b->data;

	if (a->type != b->type || a->misc != b->misc || a->size != b->size ||
	    a->position != b->position)
		return false;
	if (a->type == PERF_RECORD_LOST)
		return !memcmp(x + 16, y + 16, 8);
	return !memcmp(x, y, 12 + len);
}

/* The length of the payload that record @seq has; small ones, some of 1 KiB. */
static size_t length(uint64_t seq)
{
	return seq % 7 ? seq * 37 % 120 : seq * 61 % 1024;
}

/* Which record a sample is, is in its first bytes, if it is that long. */
static void twins(struct __test_metadata *_metadata, const struct perf_event_attr *attr)
{
	struct twin twin[3] = {
		{ PERF, "perf", {} }, { DEVICE, "device", {} }, { MEMORY, "memory", {} },
	};
	struct backend_opts opts = { .attr = attr, .pages = 2 };
	unsigned char payload[1024];
	struct perfring_batch batch[3];
	struct perfring_record record[3];
	char why[WHY_LEN], missing[3 * WHY_LEN] = "";
	unsigned int n = 0, i, step, op, k;
	uint64_t seq = 0, taken = 0;
	bool paused = false, ready;
	/* Lengths of the samples that are in the ring. */
	static size_t waiting[1024];
	uint64_t put = 0;
	int ret[3];

	for (i = 0; i < 3; i++) {
		if (backend_available(twin[i].kind, why, sizeof(why))) {
			twin[n++] = twin[i];
		} else {
			strcat(missing, why);
		}
	}
	if (n < 2)
		SKIP(return, "nobody to compare with: %.150s", missing);
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, backend_open(&twin[i].b, twin[i].kind, &opts));
	}
	for (step = 0; step < STEPS; step++) {
		op = random_below(20);
		if (op < 12) {
			size_t len = length(++seq);

			fill(payload, len, seq);
			for (i = 0; i < n; i++) {
				ret[i] = backend_write(&twin[i].b, payload, len);
				EXPECT_EQ(ret[0], ret[i]) {
					TH_LOG("step %u: write of %zu to %s", step, len,
					       twin[i].name);
				}
			}
			if (!ret[0])
				waiting[put++ % ARRAY_LEN(waiting)] = len;
		} else if (op < 17) {
			unsigned int take = random_below(30);

			for (i = 0; i < n; i++) {
				ASSERT_EQ(0, perfring_batch_begin(twin[i].b.ring, &batch[i]));
			}
			for (k = 0; k < take; k++) {
				size_t len = waiting[taken % ARRAY_LEN(waiting)];

				for (i = 0; i < n; i++) {
					ret[i] = perfring_batch_next(&batch[i], &record[i]);
					ASSERT_EQ(ret[0], ret[i]);
				}
				if (ret[0] != 1)
					break;
				for (i = 1; i < n; i++) {
					EXPECT_TRUE(same(&record[0], &record[i], len)) {
						TH_LOG("step %u: record of %s", step,
						       twin[i].name);
					}
				}
				taken += record[0].type == PERF_RECORD_SAMPLE;
			}
			for (i = 0; i < n; i++) {
				perfring_batch_commit(&batch[i]);
			}
		} else if (op < 18) {
			paused = !paused;
			for (i = 0; i < n; i++) {
				EXPECT_EQ(0, paused ? perfring_storage_pause(twin[i].b.storage) :
						      perfring_storage_resume(twin[i].b.storage));
			}
		}
		ready = backend_poll(&twin[0].b, 0);
		for (i = 1; i < n; i++) {
			ASSERT_EQ(perfring_ring_head(twin[0].b.ring),
				  perfring_ring_head(twin[i].b.ring)) {
				TH_LOG("step %u: head of %s", step, twin[i].name);
			}
			ASSERT_EQ(perfring_ring_tail(twin[0].b.ring),
				  perfring_ring_tail(twin[i].b.ring));
			ASSERT_EQ(backend_lost(&twin[0].b), backend_lost(&twin[i].b)) {
				TH_LOG("step %u: lost of %s", step, twin[i].name);
			}
			ASSERT_EQ(ready, backend_poll(&twin[i].b, 0)) {
				TH_LOG("step %u: readiness of %s", step, twin[i].name);
			}
		}
	}
	/* Something of everything happened. */
	EXPECT_LT(0, taken);
	EXPECT_LT(0, backend_lost(&twin[0].b));
	for (i = 0; i < n; i++) {
		backend_close(&twin[i].b);
	}
}

static void seeds(struct __test_metadata *_metadata, const struct perf_event_attr *attr)
{
	struct perf_event_attr with_lost = *attr;
	unsigned int seed;

	with_lost.read_format = PERF_FORMAT_LOST;
	for (seed = 1; seed <= 5; seed++) {
		state = seed;
		twins(_metadata, &with_lost);
	}
}

TEST(wakeup_each)
{
	struct perf_event_attr attr = output_attr();

	seeds(_metadata, &attr);
}

TEST(wakeup_every_fifth)
{
	struct perf_event_attr attr = output_attr();

	attr.wakeup_events = 5;
	seeds(_metadata, &attr);
}

/* A watermark of 1000 bytes. */
TEST(wakeup_watermark)
{
	struct perf_event_attr attr = output_attr();

	attr.watermark = 1;
	attr.wakeup_watermark = 1000;
	seeds(_metadata, &attr);
}

/* Neither: perf wakes at half the ring. */
TEST(wakeup_unset)
{
	struct perf_event_attr attr = output_attr();

	attr.wakeup_events = 0;
	seeds(_metadata, &attr);
}

/* As large as the ring, and larger, which counts as the ring. */
TEST(wakeup_watermark_of_the_ring)
{
	struct perf_event_attr attr = output_attr();

	attr.watermark = 1;
	attr.wakeup_watermark = 8192;
	seeds(_metadata, &attr);
	attr.wakeup_watermark = 100000;
	seeds(_metadata, &attr);
}

TEST_HARNESS_MAIN
