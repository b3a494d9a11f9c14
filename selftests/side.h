/* SPDX-License-Identifier: GPL-2.0 */
/* An event of real perf that tells of tasks or of the kernel, with sample_id and without. */
#ifndef SELFTESTS_SIDE_H
#define SELFTESTS_SIDE_H

#include <stdio.h>
#include <time.h>
#include "fixtures.h"

FIXTURE(side) {
	struct perf_event_attr attr;
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	struct perfring_format *format;
	struct perfring_event event;
	uint64_t id;
};

FIXTURE_VARIANT(side) {
	bool id;
};

FIXTURE_VARIANT_ADD(side, bare) { .id = false };
FIXTURE_VARIANT_ADD(side, with_id) { .id = true };

FIXTURE_SETUP(side)
{
	if (geteuid())
		SKIP(return, "uid %d: not root", geteuid());
	ASSERT_EQ(0, pin_to(0));
	self->attr = output_attr();
	self->attr.config = PERF_COUNT_SW_DUMMY;
	self->attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU |
				 PERF_SAMPLE_IDENTIFIER;
	self->attr.sample_id_all = variant->id;
	self->attr.use_clockid = 1;
	self->attr.clockid = CLOCK_MONOTONIC;
}

FIXTURE_TEARDOWN(side)
{
	perfring_ring_close(self->ring);
	perfring_storage_close(self->storage);
	perfring_format_free(self->format);
}

/* 0 or -errno; reading */
static inline int start(FIXTURE_DATA(side) *self, pid_t pid, int cpu)
{
	struct perfring_perf_opts opts = { .size = sizeof(opts), .pages = 64 };
	int err;

	err = perfring_format_compile(&self->attr, &self->format);
	if (!err)
		err = perfring_storage_open_perf(&self->attr, pid, cpu, &opts, &self->storage);
	if (!err)
		err = perfring_ring_open(self->storage, NULL, &self->ring);
	if (!err)
		err = perfring_storage_id(self->storage, &self->id);
	return err ? err : perfring_storage_enable(self->storage);
}

static inline bool any(const struct perfring_event *event, const void *what)
{
	return true;
}

/* The next record of @kind that @match likes; it stays in the ring until the next call. */
static inline bool find(FIXTURE_DATA(side) *self, uint32_t kind,
			bool (*match)(const struct perfring_event *, const void *),
			const void *what)
{
	struct perfring_record record;
	struct perfring_error error;
	int err;

	if (self->event.size)
		perfring_ring_pop(self->ring);
	while ((err = perfring_ring_peek(self->ring, &record)) > 0) {
		err = perfring_decode(self->format, &record, &self->event, &error);
		if (err) {
			fprintf(stderr, "# type %u of %u bytes: %s at %llu\n", record.type,
				record.size, error.reason, (unsigned long long)error.offset);
			break;
		}
		if (self->event.kind == kind && match(&self->event, what))
			return true;
		perfring_ring_pop(self->ring);
	}
	self->event.size = 0;
	return false;
}

/* Written by this task, now, or nothing without sample_id. */
static inline void check_id(struct __test_metadata *_metadata, FIXTURE_DATA(side) *self,
			    uint64_t since)
{
	const struct perfring_sample_id *id = &self->event.id;

	if (!self->attr.sample_id_all) {
		EXPECT_EQ(0, id->type);
		EXPECT_EQ(0, id->tid);
		return;
	}
	EXPECT_EQ(self->attr.sample_type, id->type);
	EXPECT_EQ((uint32_t)getpid(), id->pid);
	EXPECT_EQ((uint32_t)gettid(), id->tid);
	EXPECT_LE(since, id->time);
	EXPECT_GE(now_ns(), id->time);
	EXPECT_EQ(0, id->cpu);
	EXPECT_EQ(self->id, id->identifier);
}

#define CHECK_ID(since)	check_id(_metadata, self, since)
#define U		(self->event.u)

#endif /* SELFTESTS_SIDE_H */
