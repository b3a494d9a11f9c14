// SPDX-License-Identifier: GPL-2.0
/*
 * A perf event array that a reader fills with rings: each CPU finds its own, under its
 * number, and nothing is left in the map when they are gone.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <poll.h>
#include <unistd.h>
#include "fixtures.h"

#define CPUS	1024

/* What came out of a reader. */
struct seen {
	uint64_t records[CPUS];		/* by the CPU of their ring */
	uint64_t lost;
	uint64_t strange;		/* not what put() wrote */
	size_t len;
	uint64_t seq;
	struct perfring_reader *reader;
};

FIXTURE(array) {
	struct bpf_writer bpf;
	struct output_request *request;
	struct perfring_reader *reader;
	struct seen seen;
};

static int record_fn(void *context, unsigned int index, const struct perfring_record *record)
{
	struct seen *seen = context;
	int cpu = perfring_reader_cpu(seen->reader, index);

	if (record->type == PERF_RECORD_LOST)
		return 0;
	if (cpu < 0 || cpu >= CPUS || !is_sample(record, seen->len, seen->seq))
		seen->strange++;
	else
		seen->records[cpu]++;
	return 0;
}

static void lost_fn(void *context, unsigned int index, uint64_t lost)
{
	struct seen *seen = context;

	(void)index;
	seen->lost += lost;
}

static int load(struct bpf_writer *bpf, void (*change)(struct bpf_object *object),
		const char **missing)
{
	return bpf_writer_load_with(bpf, "output.bpf.o", "events", sizeof(struct output_request),
				    change, missing);
}

FIXTURE_SETUP(array)
{
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = record_fn, .lost = lost_fn,
		.context = &self->seen,
	};
	const char *missing;
	int err;

	memset(self, 0, sizeof(*self));
	err = load(&self->bpf, NULL, &missing);
	if (err)
		SKIP(return, "%s: %s%s", missing, strerror(-err),
		     err == -EPERM ? ": no permission (CAP_BPF and CAP_PERFMON)" : "");
	self->request = self->bpf.request;
	ASSERT_EQ(0, perfring_reader_create(&opts, &self->reader));
	self->seen.reader = self->reader;
}

FIXTURE_TEARDOWN(array)
{
	perfring_reader_destroy(self->reader);
	bpf_writer_unload(&self->bpf);
}

/* @count records of fill(len, seq) on @cpu: 0, or the last error of a record. */
static int put(struct bpf_writer *bpf, int cpu, size_t len, uint64_t seq, unsigned int count)
{
	struct output_request *request = bpf->request;
	int err;

	fill(request->payload, len, seq);
	request->len = (uint32_t)len;
	request->count = count;
	err = bpf_writer_run(bpf, cpu);
	return err ? err : request->error;
}

/* Is @fd readable now? */
static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* What is written on a CPU comes out of that CPU's ring; there is one for each that is online. */
TEST_F(array, each_cpu)
{
	int cpu, nr = cpu_count_online(), online = 0;

	self->seen.len = 21;
	ASSERT_EQ(nr, perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL, NULL));
	ASSERT_EQ(nr, (int)perfring_reader_count(self->reader));
	for (cpu = 0; cpu < CPUS && online < nr; cpu++) {
		int err;

		memset(self->seen.records, 0, sizeof(self->seen.records));
		self->seen.seq = (uint64_t)cpu;
		err = put(&self->bpf, cpu, 21, (uint64_t)cpu, 2);
		if (err == -ENXIO)	/* offline: no ring, and nobody to write */
			continue;
		online++;
		ASSERT_EQ(0, err) TH_LOG("CPU %d", cpu);
		EXPECT_EQ(2, perfring_reader_poll(self->reader, 5000));
		EXPECT_EQ(2, self->seen.records[cpu]);
	}
	EXPECT_EQ(nr, online);
	EXPECT_EQ(0, self->seen.strange);
	EXPECT_EQ(0, self->seen.lost);
}

/* A CPU that is taken away is passed over. */
TEST_F(array, offline)
{
	int cpu = second_cpu(), nr = cpu_count_online(), ret;
	char why[WHY_LEN];

	/* Whoever loads the module tests it; others keep their CPUs. */
	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	if (cpu < 0 || cpu_set_online(cpu, false))
		SKIP(return, "no CPU that can be taken offline");
	ret = perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL, NULL);
	cpu_set_online(cpu, true);
	EXPECT_EQ(nr - 1, ret);
	EXPECT_EQ(-ENOENT, put(&self->bpf, cpu, 8, 0, 1));
	EXPECT_EQ(0, put(&self->bpf, 0, 8, 0, 1));
}

/* The CPU behind one that is taken away keeps its number: CPUs 0 and 2 are rings 0 and 1. */
TEST_F(array, gap)
{
	char why[WHY_LEN];
	int ret, err;

	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	err = third_cpu_for_second(true);
	if (err == -ENOENT)
		SKIP(return, "no CPU 2");
	ret = perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL, NULL);
	self->seen.len = 21;
	self->seen.seq = 7;
	if (!err && ret == 2) {
		EXPECT_EQ(0, put(&self->bpf, 2, 21, 7, 3));
		EXPECT_EQ(3, perfring_reader_poll(self->reader, 5000));
	}
	ASSERT_EQ(0, third_cpu_for_second(false));
	ASSERT_EQ(0, err);
	ASSERT_EQ(2, ret);
	EXPECT_EQ(2, perfring_reader_cpu(self->reader, 1));
	EXPECT_EQ(3, self->seen.records[2]);
	EXPECT_EQ(0, self->seen.strange);
}

static void one_entry(struct bpf_object *object)
{
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "events"), 1);
}

/* A map for one CPU takes one ring; asked for more by number the map's own error comes back. */
TEST_F(array, entries)
{
	static const unsigned int cpus[] = { 0, 1 };
	const struct perfring_bpf_array_opts opts = {
		.size = sizeof(opts), .cpus = cpus, .nr_cpus = 2,
	};
	struct bpf_writer small;
	const char *missing;

	ASSERT_EQ(0, load(&small, one_entry, &missing));
	if (second_cpu() == 1) {
		EXPECT_EQ(-E2BIG, perfring_reader_add_bpf_array(self->reader, small.events, NULL,
								&opts));
		/* And the first one is not there either. */
		EXPECT_EQ(-ENOENT, put(&small, 0, 8, 0, 1));
		EXPECT_EQ(NULL, perfring_reader_ring(self->reader, 0));
	}
	EXPECT_EQ(1, perfring_reader_add_bpf_array(self->reader, small.events, NULL, NULL));
	EXPECT_EQ(0, put(&small, 0, 8, 0, 1));
	perfring_reader_destroy(self->reader);
	self->reader = NULL;
	bpf_writer_unload(&small);
}

/*
 * One page of 32-byte records takes 127 of them: the kernel never fills a ring quite. What is
 * written and what is lost add up to what was tried, once a record after them tells.
 */
TEST_F(array, lost)
{
	static const unsigned int cpus[] = { 0 };
	const struct perfring_bpf_array_opts opts = {
		.size = sizeof(opts), .pages = 1, .cpus = cpus, .nr_cpus = 1,
	};
	const size_t fit = (PAGE - 1) / sample_size(20);
	size_t done = 0;
	struct perfring_loss loss = { .size = sizeof(loss) };

	self->seen.len = 20;
	ASSERT_EQ(1, perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL, &opts));
	/* At most so many at a time. */
	for (size_t left = fit + 73, now; left; left -= now) {
		now = left < 200 ? left : 200;
		EXPECT_EQ(left > 73 + now ? 0 : -ENOSPC, put(&self->bpf, 0, 20, 0, now));
		done += self->request->done;
	}
	EXPECT_EQ(fit, done);
	EXPECT_EQ((int)fit, perfring_reader_consume(self->reader));
	EXPECT_EQ(0, self->seen.lost);
	EXPECT_EQ(0, put(&self->bpf, 0, 20, 0, 1));
	EXPECT_EQ(2, perfring_reader_consume(self->reader));	/* LOST, and the record */
	EXPECT_EQ(fit + 1, self->seen.records[0]);
	EXPECT_EQ(73, self->seen.lost);
	ASSERT_EQ(0, perfring_reader_loss(self->reader, 0, &loss));
	EXPECT_EQ(73, loss.lost);
	EXPECT_EQ(0, self->seen.strange);
}

/* Bytes that wake: none before them; what is below is read whatever the descriptor says. */
TEST_F(array, watermark)
{
	static const unsigned int cpus[] = { 0 };
	struct perfring_bpf_array_opts opts = {
		.size = sizeof(opts), .pages = 1, .cpus = cpus, .nr_cpus = 1,
	};
	struct perfring_error error;
	int fd = perfring_reader_fd(self->reader);

	self->seen.len = 20;
	opts.watermark = (uint32_t)PAGE;
	EXPECT_EQ(-ERANGE, perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL,
							 &opts));
	EXPECT_EQ(-ERANGE, perfring_reader_error(self->reader, &error));
	EXPECT_STREQ("the watermark is not less than the bytes of a ring", error.reason);
	EXPECT_EQ(PAGE, error.size);
	EXPECT_EQ(-ENOENT, put(&self->bpf, 0, 20, 0, 1));

	/* Four records of 32 bytes. */
	opts.watermark = 128;
	ASSERT_EQ(1, perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL, &opts));
	ASSERT_EQ(0, put(&self->bpf, 0, 20, 0, 3));
	EXPECT_FALSE(readable(fd));
	EXPECT_EQ(3, perfring_reader_poll(self->reader, 0));
	ASSERT_EQ(0, put(&self->bpf, 0, 20, 0, 5));
	EXPECT_EQ(1, poll_events(fd, 5000) > 0);
	EXPECT_EQ(5, perfring_reader_consume(self->reader));
	perfring_reader_remove(self->reader, 0);

	/* Without one each record wakes. */
	opts.watermark = 0;
	ASSERT_EQ(1, perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL, &opts));
	EXPECT_FALSE(readable(fd));
	ASSERT_EQ(0, put(&self->bpf, 0, 20, 0, 1));
	EXPECT_TRUE(poll_events(fd, 5000) > 0);
	EXPECT_EQ(9, self->seen.records[0] + (uint64_t)perfring_reader_consume(self->reader));
}

/* A paused reader is out of the map: the program learns it, and nothing counts as lost. */
TEST_F(array, pause)
{
	const struct perfring_bpf_array_opts opts = { .size = sizeof(opts), .paused = 1 };

	self->seen.len = 8;
	ASSERT_LT(0, perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL, &opts));
	EXPECT_EQ(-ENOENT, put(&self->bpf, 0, 8, 0, 1));
	EXPECT_EQ(0, perfring_reader_resume(self->reader));
	EXPECT_EQ(0, put(&self->bpf, 0, 8, 0, 1));
	EXPECT_EQ(0, perfring_reader_pause(self->reader));
	EXPECT_EQ(0, perfring_reader_pause(self->reader));
	EXPECT_EQ(-ENOENT, put(&self->bpf, 0, 8, 0, 1));
	EXPECT_EQ(0, perfring_reader_resume(self->reader));
	EXPECT_EQ(0, put(&self->bpf, 0, 8, 0, 1));
	EXPECT_EQ(2, perfring_reader_poll(self->reader, 0));
	EXPECT_EQ(2, self->seen.records[0]);
	EXPECT_EQ(0, self->seen.lost);
}

/* The map holds nothing when a ring is removed, nor when its reader is gone. */
TEST_F(array, removal)
{
	int cpu = second_cpu();

	ASSERT_LT(0, perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL, NULL));
	ASSERT_EQ(0, perfring_reader_cpu(self->reader, 0));
	EXPECT_EQ(0, perfring_reader_remove(self->reader, 0));
	EXPECT_EQ(-ENOENT, put(&self->bpf, 0, 8, 0, 1));
	if (cpu >= 0)
		EXPECT_EQ(0, put(&self->bpf, cpu, 8, 0, 1));
	perfring_reader_destroy(self->reader);
	self->reader = NULL;
	if (cpu >= 0)
		EXPECT_EQ(-ENOENT, put(&self->bpf, cpu, 8, 0, 1));
}

/* Rings that overwrite are read by snapshots, newest first; nothing is ever lost in them. */
TEST_F(array, overwrite)
{
	static const unsigned int cpus[] = { 0 };
	const struct perfring_bpf_array_opts opts = {
		.size = sizeof(opts), .pages = 1, .cpus = cpus, .nr_cpus = 1, .overwrite = 1,
	};
	struct perfring_batch batch;
	struct perfring_record record;
	const uint64_t records = 2 * PAGE / sample_size(20) + 44;
	struct perfring_ring *ring;
	uint64_t seq;

	ASSERT_EQ(1, perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL, &opts));
	ring = perfring_reader_ring(self->reader, 0);
	for (seq = 0; seq < records; seq++)
		ASSERT_EQ(0, put(&self->bpf, 0, 20, seq, 1));
	EXPECT_EQ(0, perfring_reader_consume(self->reader));
	EXPECT_EQ(-ENODATA, perfring_reader_poll(self->reader, 0));
	EXPECT_EQ(0, perfring_reader_next(self->reader, &record, NULL));
	ASSERT_EQ(0, perfring_ring_snapshot(ring, 0, &batch));
	while (perfring_batch_next(&batch, &record) > 0)
		EXPECT_TRUE(is_sample(&record, 20, --seq)) TH_LOG("%llu", (unsigned long long)seq);
	perfring_batch_commit(&batch);
	/* A page of 32-byte records. */
	EXPECT_EQ(records - PAGE / sample_size(20), seq);
	ASSERT_EQ(0, perfring_ring_snapshot(ring, 0, &batch));
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	perfring_batch_commit(&batch);
}

/* An event that the map refuses (inherited ones): what somebody else has put there stays. */
TEST_F(array, refused)
{
	static const unsigned int cpus[] = { 0 };
	const struct perfring_bpf_array_opts opts = {
		.size = sizeof(opts), .pages = 1, .cpus = cpus, .nr_cpus = 1,
	};
	struct perf_event_attr attr = output_attr();
	struct perfring_reader *other;

	ASSERT_EQ(0, perfring_reader_create(NULL, &other));
	ASSERT_EQ(1, perfring_reader_add_bpf_array(other, self->bpf.events, NULL, &opts));
	ASSERT_EQ(0, put(&self->bpf, 0, 8, 0, 1));
	attr.inherit = 1;
	EXPECT_GT(0, perfring_reader_add_bpf_array(self->reader, self->bpf.events, &attr, &opts));
	EXPECT_EQ(0, put(&self->bpf, 0, 8, 0, 1));
	EXPECT_EQ(2, perfring_reader_consume(other));
	perfring_reader_destroy(other);
}

TEST_F(array, errors)
{
	struct perfring_bpf_array_opts opts = { .size = sizeof(opts), .padding = { 0, 1 } };
	struct perfring_storage *storage = NULL;
	int fds[2], bss = -1;
	struct bpf_map *map;

	EXPECT_EQ(-EBADF, perfring_reader_add_bpf_array(self->reader, -1, NULL, NULL));
	EXPECT_EQ(-EINVAL, perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL,
							 &opts));
	opts = (struct perfring_bpf_array_opts){ .size = sizeof(opts), .pages = 3 };
	EXPECT_EQ(-EINVAL, perfring_reader_add_bpf_array(self->reader, self->bpf.events, NULL,
							 &opts));
	bpf_object__for_each_map(map, self->bpf.object)
		if (bpf_map__type(map) == BPF_MAP_TYPE_ARRAY)
			bss = bpf_map__fd(map);
	ASSERT_LE(0, bss);
	EXPECT_EQ(-EINVAL, perfring_reader_add_bpf_array(self->reader, bss, NULL, NULL));
	EXPECT_EQ(-EINVAL, perfring_storage_open_bpf_ringbuf(bss, NULL, &storage));
	EXPECT_EQ(-EINVAL, perfring_storage_open_bpf_ringbuf(self->bpf.events, NULL, &storage));
	EXPECT_EQ(-EBADF, perfring_storage_open_bpf_ringbuf(-1, NULL, &storage));
	/* A descriptor, but none of BPF. */
	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-EINVAL, perfring_storage_open_bpf_ringbuf(fds[0], NULL, &storage));
	close(fds[0]);
	close(fds[1]);
	EXPECT_EQ(NULL, storage);
	EXPECT_EQ(0, perfring_reader_count(self->reader));
}

TEST_HARNESS_MAIN
