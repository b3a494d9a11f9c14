// SPDX-License-Identifier: GPL-2.0
/*
 * Option structures: the size comes first; one of a newer header is taken when what it has
 * more is zero; padding is zero. The same of each function that takes one.
 */
#include <bpf/bpf.h>
#include <stddef.h>
#include <stdlib.h>
#include "fixtures.h"

#define MORE	16	/* bytes that a newer header has more */

static struct perf_event_attr attr;

/* What is there to call it with, and what it answers; nothing stays open. */
typedef int (*take_fn)(const void *opts);

static int take_storage(int ret, struct perfring_storage *storage)
{
	if (!ret)
		perfring_storage_close(storage);
	return ret;
}

static int take_memory(const void *opts)
{
	struct perfring_storage *storage;
	int ret = perfring_storage_open_memory(opts, &storage);

	return take_storage(ret, storage);
}

static int take_perf(const void *opts)
{
	struct perfring_storage *storage;
	int ret = perfring_storage_open_perf(&attr, 0, -1, opts, &storage);

	return take_storage(ret, storage);
}

static int take_device(const void *opts)
{
	struct perfring_storage *storage;
	int ret = perfring_storage_open_device("/nowhere/perfring0", NULL, opts, &storage);

	return take_storage(ret, storage);
}

static int take_image(const void *opts)
{
	struct perfring_storage *storage;
	int ret = perfring_storage_open_image("/nowhere", opts, &storage);

	return take_storage(ret, storage);
}

static int take_contiguous(const void *opts)
{
	static _Alignas(65536) unsigned char memory[2 * 65536];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct perfring_storage *storage;
	int ret = perfring_storage_from_contiguous(memory, 2 * page, opts, &storage);

	return take_storage(ret, storage);
}

static int take_ringbuf(const void *opts)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "options", 0, 0, 65536, NULL);
	struct perfring_storage *storage;
	int ret = perfring_storage_open_bpf_ringbuf(fd, opts, &storage);

	if (fd >= 0)
		close(fd);
	return take_storage(ret, storage);
}

static int take_ring(const void *opts)
{
	struct perfring_storage *storage = NULL;
	struct perfring_ring *ring = NULL;
	int ret = perfring_storage_open_memory(NULL, &storage);

	if (!ret)
		ret = perfring_ring_open(storage, opts, &ring);
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	return ret;
}

static int take_reader(const void *opts)
{
	struct perfring_reader *reader = NULL;
	int ret = perfring_reader_create(opts, &reader);

	perfring_reader_destroy(reader);
	return ret;
}

static int take_cpus(const void *opts)
{
	struct perfring_reader *reader = NULL;
	int ret = perfring_reader_create(NULL, &reader);

	if (!ret)
		ret = perfring_reader_add_cpus(reader, PERFRING_BACKEND_MEMORY, NULL, opts);
	perfring_reader_destroy(reader);
	return ret;
}

static int take_array(const void *opts)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_PERF_EVENT_ARRAY, "options", 4, 4, 1, NULL);
	struct perfring_reader *reader = NULL;
	int ret = perfring_reader_create(NULL, &reader);

	if (!ret)
		ret = perfring_reader_add_bpf_array(reader, fd, NULL, opts);
	perfring_reader_destroy(reader);
	if (fd >= 0)
		close(fd);
	return ret;
}

/* A merge of one ring, made with @opts and joined with @ring_opts. */
static int take_both(const void *opts, const void *ring_opts)
{
	const unsigned int cpu = 0;
	struct perfring_cpus_opts cpus = {
		.size = sizeof(cpus), .pages = 1, .cpus = &cpu, .nr_cpus = 1,
	};
	struct perf_event_attr timed = output_attr();
	struct perfring_reader *reader = NULL;
	struct perfring_merge *merge = NULL;
	int ret = perfring_reader_create(NULL, &reader);

	timed.sample_type |= PERF_SAMPLE_TIME;
	timed.sample_id_all = 1;
	if (!ret)
		ret = perfring_reader_add_cpus(reader, PERFRING_BACKEND_MEMORY, &timed, &cpus);
	if (ret >= 0)
		ret = perfring_merge_create(reader, opts, &merge);
	if (!ret)
		ret = perfring_merge_add(merge, 0, ring_opts);
	perfring_merge_destroy(merge);
	perfring_reader_destroy(reader);
	return ret;
}

static int take_merge(const void *opts)
{
	return take_both(opts, NULL);
}

static int take_merge_ring(const void *opts)
{
	return take_both(NULL, opts);
}

static int take_event(const void *opts)
{
	struct perfring_event_specs *specs = NULL;
	int ret = perfring_event_parse("dummy", opts, &specs, NULL);

	perfring_event_specs_free(specs);
	return ret;
}

static int take_events(const void *opts)
{
	const pid_t self = 0;
	struct perfring_event_specs *specs = NULL;
	struct perfring_events *events = NULL;
	int ret = perfring_event_parse("dummy:u", NULL, &specs, NULL);
	struct {
		struct perfring_events_opts opts;
		char more[MORE];
	} own;

	memcpy(&own, opts, sizeof(own));
	own.opts.pids = &self;
	own.opts.nr_pids = 1;
	if (!ret)
		ret = perfring_events_open(specs, &own.opts, &events);
	perfring_events_close(events);
	perfring_event_specs_free(specs);
	return ret;
}

static int take_count(const void *opts)
{
	struct perfring_count *count = NULL;
	int ret = perfring_count_open(&attr, 1, 0, -1, opts, &count);

	perfring_count_close(count);
	return ret;
}

static int take_count_text(const void *opts)
{
	struct perfring_count *count = NULL;
	int ret = perfring_count_open_text("dummy:u", 0, -1, opts, &count, NULL);

	perfring_count_close(count);
	return ret;
}

static int take_data_file(const void *opts)
{
	struct perfring_data_writer *writer = NULL;
	int ret = perfring_data_create("/dev/null", opts, &writer);

	if (!ret)
		perfring_data_close(writer);
	return ret;
}

static int take_explain(const void *opts)
{
	return perfring_explain(-EBADMSG, opts, NULL, 0);
}

FIXTURE(options) {
};

FIXTURE_VARIANT(options) {
	take_fn take;
	size_t size;
	size_t padding;		/* where it is, */
	size_t padded;		/* and how many bytes; 0: none */
	bool perf;		/* opens a real event */
	bool bpf;		/* makes a map */
};

#define PADDED(fn, what, ...)								\
	FIXTURE_VARIANT_ADD(options, fn) {						\
		.take = take_##fn, .size = sizeof(struct perfring_##what),		\
		.padding = offsetof(struct perfring_##what, padding),			\
		.padded = sizeof(((struct perfring_##what *)NULL)->padding), __VA_ARGS__ \
	}
#define FULL(fn, what)									\
	FIXTURE_VARIANT_ADD(options, fn) {						\
		.take = take_##fn, .size = sizeof(struct perfring_##what)		\
	}

PADDED(memory, memory_opts);
PADDED(perf, perf_opts, .perf = true);
PADDED(device, device_opts);
PADDED(image, image_opts);
PADDED(contiguous, image_opts);
PADDED(ringbuf, bpf_opts, .bpf = true);
PADDED(ring, ring_opts);
FULL(reader, reader_opts);
PADDED(cpus, cpus_opts);
PADDED(array, bpf_array_opts, .perf = true, .bpf = true);
FULL(merge, merge_opts);
PADDED(merge_ring, merge_ring_opts);
FULL(event, event_opts);
PADDED(events, events_opts, .perf = true);
PADDED(count, count_opts, .perf = true);
PADDED(count_text, count_opts, .perf = true);
PADDED(data_file, data_opts);
PADDED(explain, explain_opts);

FIXTURE_SETUP(options)
{
	int fd;

	attr = (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .exclude_kernel = 1,
	};
	fd = variant->perf ? perf_open(&attr, 0, -1, -1) : 0;
	if (fd < 0)
		SKIP(return, "perf_event_open: %s", strerror(-fd));
	if (variant->perf)
		close(fd);
	fd = variant->bpf ? bpf_map_create(BPF_MAP_TYPE_RINGBUF, "options", 0, 0, 65536, NULL) : 0;
	if (fd < 0)
		SKIP(return, "no BPF map can be made here (CAP_BPF)");
	if (variant->bpf)
		close(fd);
}

FIXTURE_TEARDOWN(options)
{
}

TEST_F(options, are_taken_by_their_size)
{
	union {
		unsigned char bytes[512];
		size_t size;
	} opts;
	int usual;

	ASSERT_GE(sizeof(opts), variant->size + MORE);
	memset(&opts, 0, sizeof(opts));
	opts.size = variant->size;
	usual = variant->take(&opts);
	/* Nothing is there to be opened, or it is, but the options are right. */
	EXPECT_TRUE(usual >= 0 || usual == -ENOENT) {
		TH_LOG("%d", usual);
	}
	/* What an older one lacks is zero. */
	opts.size = sizeof(size_t);
	EXPECT_EQ(usual, variant->take(&opts));
	for (size_t size = 0; size < sizeof(size_t); size++) {
		opts.size = size;
		EXPECT_EQ(-EINVAL, variant->take(&opts));
	}
	opts.size = variant->size + MORE;
	EXPECT_EQ(usual, variant->take(&opts));
	for (size_t i = variant->size; i < variant->size + MORE; i++) {
		opts.bytes[i] = 1;
		EXPECT_EQ(-E2BIG, variant->take(&opts));
		opts.bytes[i] = 0;
	}
	opts.size = variant->size;
	for (size_t i = variant->padding; i < variant->padding + variant->padded; i++) {
		opts.bytes[i] = 1;
		EXPECT_EQ(-EINVAL, variant->take(&opts)) {
			TH_LOG("byte %zu", i);
		}
		opts.bytes[i] = 0;
	}
	EXPECT_EQ(usual, variant->take(&opts));
}

TEST_HARNESS_MAIN
