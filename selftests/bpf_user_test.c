// SPDX-License-Identifier: GPL-2.0
/* A user ring buffer: what is submitted a BPF program sees, in order, and wakes who waits. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <unistd.h>
#include "fixtures.h"

#define USER_ITEMS	512

/* As in bpf/user_ring.bpf.c. */
struct user_request {
	uint32_t flags;
	uint32_t most;
	int64_t ret;
	uint32_t nr;
	uint32_t padding;
	struct {
		uint32_t seq;
		uint32_t len;
		uint32_t last;
	} item[USER_ITEMS];
};

FIXTURE(user) {
	struct bpf_writer bpf;
	struct user_request *request;
	struct perfring_bpf_user *ring;
};

static void one_page(struct bpf_object *object)
{
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "events"), (uint32_t)PAGE);
}

FIXTURE_SETUP(user)
{
	const char *missing;
	int err;

	memset(self, 0, sizeof(*self));
	err = bpf_writer_load_with(&self->bpf, "user_ring.bpf.o", "events",
				   sizeof(*self->request), one_page, &missing);
	if (err)
		SKIP(return, "%s: %s%s", missing, strerror(-err),
		     err == -EPERM ? ": no permission (CAP_BPF and CAP_PERFMON)" : "");
	self->request = self->bpf.request;
	self->request->most = USER_ITEMS;
	ASSERT_EQ(0, perfring_bpf_user_open(self->bpf.events, &self->ring));
}

FIXTURE_TEARDOWN(user)
{
	perfring_bpf_user_close(self->ring);
	bpf_writer_unload(&self->bpf);
}

/* Record @seq of @len bytes, 8 or more, into @sample. */
static void fill_sample(void *sample, uint32_t seq, uint32_t len)
{
	const uint32_t head[2] = { seq, len };

	fill(sample, len, seq);
	memcpy(sample, head, sizeof(head));
}

static int put(struct perfring_bpf_user *ring, uint32_t seq, uint32_t len)
{
	void *sample;
	int err = perfring_bpf_user_reserve(ring, len, &sample);

	if (err)
		return err;
	fill_sample(sample, seq, len);
	perfring_bpf_user_submit(ring, sample);
	return 0;
}

/* Run the program; how many it saw. */
static int drain(struct bpf_writer *bpf)
{
	const struct user_request *request = bpf->request;
	int err = bpf_writer_run(bpf, 0);

	return err ? err : (int)request->nr;
}

static bool is_item(const struct user_request *request, unsigned int i, uint32_t seq, uint32_t len)
{
	return request->item[i].seq == seq && request->item[i].len == len &&
	       request->item[i].last == (len > 8 ? pattern(seq, len - 1) : 0);
}

/* Many laps of all lengths, so that records lie at each offset and across the end. */
TEST_F(user, in_order)
{
	uint32_t seq = 0, first, len;
	unsigned int lap, i;

	EXPECT_EQ(PAGE, perfring_bpf_user_size(self->ring));
	for (lap = 0; lap < 300; lap++) {
		uint64_t bytes = 0;

		for (first = seq; seq < first + 7; seq++) {
			len = 8 + seq * 13 % 300;
			ASSERT_EQ(0, put(self->ring, seq, len));
			bytes += (8 + len + 7) & ~7U;
		}
		EXPECT_EQ(bytes, perfring_bpf_user_waiting(self->ring));
		ASSERT_EQ(7, drain(&self->bpf));
		EXPECT_EQ(7, self->request->ret);
		EXPECT_EQ(0, perfring_bpf_user_waiting(self->ring));
		for (i = 0; i < 7; i++)
			ASSERT_TRUE(is_item(self->request, i, first + i,
					    8 + (first + i) * 13 % 300))
				TH_LOG("record %u", first + i);
	}
}

/* What is discarded is passed over; what is not yet submitted stops the program. */
TEST_F(user, discard_and_order)
{
	void *first, *second, *third;

	ASSERT_EQ(0, perfring_bpf_user_reserve(self->ring, 16, &first));
	ASSERT_EQ(0, perfring_bpf_user_reserve(self->ring, 24, &second));
	ASSERT_EQ(0, perfring_bpf_user_reserve(self->ring, 32, &third));
	fill_sample(first, 1, 16);
	fill_sample(third, 3, 32);
	perfring_bpf_user_submit(self->ring, third);
	EXPECT_EQ(0, drain(&self->bpf));
	perfring_bpf_user_submit(self->ring, first);
	EXPECT_EQ(1, drain(&self->bpf));
	EXPECT_TRUE(is_item(self->request, 0, 1, 16));
	perfring_bpf_user_discard(self->ring, second);
	EXPECT_EQ(1, drain(&self->bpf));
	EXPECT_TRUE(is_item(self->request, 0, 3, 32));
	EXPECT_EQ(0, perfring_bpf_user_waiting(self->ring));
	/* Nothing in it at all. */
	ASSERT_EQ(0, perfring_bpf_user_reserve(self->ring, 0, &first));
	perfring_bpf_user_submit(self->ring, first);
	EXPECT_EQ(1, drain(&self->bpf));
	EXPECT_EQ(0, self->request->item[0].len);
}

/* A page of 64-byte records takes 64 of them, to the last byte; a longer one it never takes. */
TEST_F(user, full)
{
	void *sample = &sample;
	uint32_t seq;

	EXPECT_EQ(-E2BIG, perfring_bpf_user_reserve(self->ring, (uint32_t)PAGE - 7, &sample));
	EXPECT_EQ(-E2BIG, perfring_bpf_user_reserve(self->ring, UINT32_MAX, &sample));
	EXPECT_EQ(0, put(self->ring, 0, (uint32_t)PAGE - 8));
	EXPECT_EQ(-ENOSPC, perfring_bpf_user_reserve(self->ring, 0, &sample));
	EXPECT_EQ(&sample, sample);
	EXPECT_EQ(1, drain(&self->bpf));
	EXPECT_TRUE(is_item(self->request, 0, 0, (uint32_t)PAGE - 8));

	for (seq = 0; seq < PAGE / 64; seq++)
		ASSERT_EQ(0, put(self->ring, seq, 56));
	EXPECT_EQ(-ENOSPC, put(self->ring, seq, 8));
	self->request->most = 2;
	EXPECT_EQ(2, drain(&self->bpf));
	EXPECT_EQ(-ENOSPC, put(self->ring, seq, 121));
	EXPECT_EQ(0, put(self->ring, seq, 120));
	self->request->most = USER_ITEMS;
	EXPECT_EQ(PAGE / 64 - 2 + 1, (size_t)drain(&self->bpf));
	EXPECT_TRUE(is_item(self->request, self->request->nr - 1, seq, 120));
}

/* A deadline in the past, one that comes, and one that lies beyond what the ring can take. */
TEST_F(user, deadlines)
{
	void *sample = NULL;

	ASSERT_EQ(0, perfring_bpf_user_reserve_until(self->ring, (uint32_t)PAGE - 8, 0, &sample));
	EXPECT_EQ(-ETIMEDOUT, perfring_bpf_user_reserve_until(self->ring, 8, 0, &sample));
	EXPECT_EQ(-ETIMEDOUT, perfring_bpf_user_reserve_until(self->ring, 8,
							      now_ns() + 10000000, &sample));
	EXPECT_EQ(-E2BIG, perfring_bpf_user_reserve_until(self->ring, (uint32_t)PAGE, UINT64_MAX,
							  &sample));
}

struct drainer {
	struct bpf_writer *bpf;
	uint32_t records;
	uint32_t wrong;
	int err;
};

static void *drain_all(void *context)
{
	struct drainer *drainer = context;
	const struct user_request *request = drainer->bpf->request;
	uint64_t end = now_ns() + 60000000000ULL;
	uint32_t seen = 0;

	while (seen < drainer->records && !drainer->err && now_ns() < end) {
		int i, nr = drain(drainer->bpf);

		if (nr < 0)
			drainer->err = nr;
		for (i = 0; i < nr; i++, seen++)
			drainer->wrong += !is_item(request, (unsigned int)i, seen, 8 + seen % 100);
	}
	if (seen < drainer->records && !drainer->err)
		drainer->err = -ETIME;
	return NULL;
}

/*
 * The ring is full most of the time: whoever drains it wakes the writer, and nobody
 * sleeps over that.
 */
TEST_F_TIMEOUT(user, waits_for_room, 120)
{
	struct drainer drainer = { .bpf = &self->bpf, .records = 50000 };
	pthread_t thread;
	void *sample;
	uint32_t seq;
	int err = 0;

	ASSERT_EQ(0, pthread_create(&thread, NULL, drain_all, &drainer));
	for (seq = 0; seq < drainer.records && !err; seq++) {
		err = perfring_bpf_user_reserve_until(self->ring, 8 + seq % 100,
						      now_ns() + 30000000000ULL, &sample);
		if (err)
			break;
		fill_sample(sample, seq, 8 + seq % 100);
		perfring_bpf_user_submit(self->ring, sample);
	}
	EXPECT_EQ(0, err);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, drainer.err);
	EXPECT_EQ(0, drainer.wrong);
}

/* The descriptor tells that a program has drained; positions outlive the object. */
TEST_F(user, readiness_and_reopening)
{
	int fd = perfring_bpf_user_fd(self->ring);
	void *sample;

	ASSERT_EQ(0, put(self->ring, 7, 100));
	/* There has been room ever since; that is told once. */
	while (perfring_bpf_user_reserve(self->ring, 100, &sample) != -ENOSPC)
		perfring_bpf_user_discard(self->ring, sample);
	EXPECT_EQ(-ETIMEDOUT, perfring_bpf_user_reserve_until(self->ring, 100, now_ns() + 1000000,
							      &sample));
	EXPECT_EQ(0, poll_events(fd, 0));
	EXPECT_EQ(1, drain(&self->bpf));
	EXPECT_LT(0, poll_events(fd, 5000));

	ASSERT_EQ(0, put(self->ring, 8, 50));
	perfring_bpf_user_close(self->ring);
	self->ring = NULL;
	ASSERT_EQ(0, perfring_bpf_user_open(self->bpf.events, &self->ring));
	EXPECT_EQ(64, perfring_bpf_user_waiting(self->ring));
	ASSERT_EQ(0, put(self->ring, 9, 60));
	EXPECT_EQ(2, drain(&self->bpf));
	EXPECT_TRUE(is_item(self->request, 0, 8, 50));
	EXPECT_TRUE(is_item(self->request, 1, 9, 60));
}

TEST_F(user, other_maps)
{
	struct perfring_bpf_user *other = NULL;
	struct perfring_storage *storage = NULL;
	struct bpf_map *map;

	bpf_object__for_each_map(map, self->bpf.object)
		if (bpf_map__type(map) == BPF_MAP_TYPE_ARRAY)
			EXPECT_EQ(-EINVAL, perfring_bpf_user_open(bpf_map__fd(map), &other));
	EXPECT_EQ(-EBADF, perfring_bpf_user_open(-1, &other));
	EXPECT_EQ(NULL, other);
	/* And this one is nothing to be read. */
	EXPECT_EQ(-EINVAL, perfring_storage_open_bpf_ringbuf(self->bpf.events, NULL, &storage));
	perfring_bpf_user_close(NULL);
}

TEST_HARNESS_MAIN
