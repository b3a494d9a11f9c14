// SPDX-License-Identifier: GPL-2.0
/* Sizes, CPUs and limits: lessons 16, 17 and 19. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "fixtures.h"

RING_FIXTURE;

/* Lesson 16: of 1 to 17 data pages only powers of two map; 0 is the default. */
TEST_F(ring, only_powers_of_two)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_memory_opts memory = { .size = sizeof(memory) };
	struct perfring_perf_opts perf = { .size = sizeof(perf) };
	struct perfring_device_opts device = { .size = sizeof(device) };
	struct perfring_storage *storage = NULL;
	size_t pages;
	int ret;

	for (pages = 0; pages <= 17; pages++) {
		memory.pages = pages;
		perf.pages = pages;
		device.pages = pages;
		if (variant->kind == MEMORY)
			ret = perfring_storage_open_memory(&memory, &storage);
		else if (variant->kind == PERF)
			ret = perfring_storage_open_perf(&attr, -1, 0, &perf, &storage);
		else
			ret = perfring_storage_open_device("/dev/perfring0", &attr, &device,
							   &storage);
		EXPECT_EQ(pages & (pages - 1) ? -EINVAL : 0, ret) {
			TH_LOG("%zu data pages", pages);
		}
		if (ret)
			continue;
		EXPECT_EQ((pages ?: variant->kind == MEMORY ? 8 : 64) * PAGE,
			  perfring_storage_data_size(storage));
		EXPECT_EQ(PAGE, perfring_storage_page_size(storage));
		EXPECT_EQ(0, perfring_storage_close(storage));
	}
}

/* A byte size rounds up to a power of two of pages: 8193 to 4, not 3. */
TEST(pages_for_bytes)
{
	const struct {
		size_t bytes, pages;
	} table[] = {
		{ 0, 1 }, { 1, 1 }, { PAGE, 1 }, { PAGE + 1, 2 }, { 2 * PAGE, 2 },
		{ 2 * PAGE + 1, 4 }, { 3 * PAGE, 4 }, { 4 * PAGE, 4 }, { 5 * PAGE, 8 },
		{ 1 << 20, (1 << 20) / PAGE }, { (1 << 20) + 1, (2 << 20) / PAGE },
		{ SIZE_MAX / 8 + 1, (SIZE_MAX / 8 + 1) / PAGE }, { SIZE_MAX / 8 + 2, 0 },
		{ SIZE_MAX / 2 + 1, 0 }, { SIZE_MAX, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		EXPECT_EQ(table[i].pages, perfring_pages_for_bytes(table[i].bytes)) {
			TH_LOG("%zu bytes", table[i].bytes);
		}
	}
	if (PAGE == 4096)
		EXPECT_EQ(4, perfring_pages_for_bytes(8193));
}

/* Options: size first, larger ones only with zeroes. */
TEST(option_sizes)
{
	struct {
		struct perfring_memory_opts opts;
		char more[16];
	} big = { .opts = { .size = sizeof(big) } };
	struct perfring_storage *storage;

	EXPECT_EQ(0, perfring_storage_open_memory((void *)&big, &storage));
	perfring_storage_close(storage);
	big.more[15] = 1;
	EXPECT_EQ(-E2BIG, perfring_storage_open_memory((void *)&big, &storage));
	big.opts.size = 0;
	EXPECT_EQ(-EINVAL, perfring_storage_open_memory((void *)&big, &storage));
	big.opts.size = sizeof(big.opts);
	big.opts.padding = 1;
	EXPECT_EQ(-EINVAL, perfring_storage_open_memory((void *)&big, &storage));
	big.opts.padding = 0;
	big.opts.position = 4;
	EXPECT_EQ(-EINVAL, perfring_storage_open_memory((void *)&big, &storage));
}

/* Control pages before 4.1 say nothing of offset and size; others may have 64 KiB pages. */
TEST(contiguous)
{
	struct perfring_image_opts opts = { .size = sizeof(opts), .page_size = 65536 };
	size_t len = 65536 * 3;
	struct perf_event_mmap_page *page = aligned_alloc(65536, len);
	struct perfring_storage *storage;

	ASSERT_NE(NULL, page);
	memset(page, 0, len);
	ASSERT_EQ(0, perfring_storage_from_contiguous(page, 65536 * 2, &opts, &storage));
	EXPECT_EQ(65536, perfring_storage_data_size(storage));
	EXPECT_EQ((char *)page + 65536, (char *)perfring_storage_data(storage));
	perfring_storage_close(storage);
	ASSERT_EQ(0, perfring_storage_from_contiguous(page, 3 * PAGE, NULL, &storage));
	EXPECT_EQ(2 * PAGE, perfring_storage_data_size(storage));
	perfring_storage_close(storage);
	EXPECT_EQ(-ENODATA, perfring_storage_from_contiguous(page, PAGE, NULL, &storage));
	EXPECT_EQ(-EINVAL, perfring_storage_from_contiguous(page, 4 * PAGE, NULL, &storage));
	EXPECT_EQ(-EFAULT, perfring_storage_from_contiguous((char *)page + 4, 3 * PAGE, NULL,
							    &storage));
	page->data_offset = PAGE;
	page->data_size = 4 * PAGE;
	EXPECT_EQ(-EBADMSG, perfring_storage_from_contiguous(page, 3 * PAGE, NULL, &storage));
	free(page);
}

/* An image of a ring reads as the ring does, and reading it leaves the file alone. */
TEST_F(ring, image)
{
	char path[] = "/tmp/perfring-image-XXXXXX";
	struct perfring_storage *image;
	struct perfring_record record;
	struct perfring_ring *ring;
	unsigned char payload[50];
	int i, round, fd;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	for (i = 0; i < 10; i++) {
		fill(payload, sizeof(payload), i);
		ASSERT_EQ(0, backend_write(&self->b, payload, sizeof(payload)));
	}
	fd = mkstemp(path);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, perfring_storage_save(self->b.storage, path));
	for (round = 0; round < 2; round++) {
		ASSERT_EQ(0, perfring_storage_open_image(path, NULL, &image));
		EXPECT_STREQ("image", perfring_storage_kind(image));
		EXPECT_EQ(0, perfring_storage_cpu(image));
		EXPECT_EQ(PERF_SAMPLE_RAW, perfring_storage_attr(image)->sample_type);
		ASSERT_EQ(0, perfring_ring_open(image, NULL, &ring));
		for (i = 0; i < 10; i++) {
			ASSERT_EQ(1, perfring_ring_peek(ring, &record));
			EXPECT_TRUE(is_sample(&record, sizeof(payload), i));
			ASSERT_EQ(1, perfring_ring_pop(ring));
		}
		EXPECT_EQ(0, perfring_ring_peek(ring, &record));
		perfring_ring_close(ring);
		perfring_storage_close(image);
	}
	EXPECT_EQ(0, truncate(path, PAGE));
	EXPECT_EQ(-ENODATA, perfring_storage_open_image(path, NULL, &image));
	unlink(path);
}

/*
 * An image that a machine of the other byte order saved, or its memory without the note: the
 * numbers that say how it lies are turned round. The image of a larger page is read.
 */
TEST(image_of_another_machine)
{
	char path[] = "/tmp/perfring-image-XXXXXX";
	static const size_t page_sizes[] = { 4096, 16384, 65536 };
	struct perf_event_mmap_page *page;
	struct perfring_storage *storage, *image;
	uint32_t version;
	unsigned int i;
	int fd;

	fd = mkstemp(path);
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_LEN(page_sizes); i++) {
		size_t size = page_sizes[i], bytes = 3 * size;
		struct perfring_image_opts opts = { .size = sizeof(opts), .page_size = size };

		page = aligned_alloc(65536, 3 * 65536);
		ASSERT_NE(NULL, page);
		memset(page, 0, bytes);
		page->data_offset = size;
		page->data_size = 2 * size;
		ASSERT_EQ(0, perfring_storage_from_contiguous(page, bytes, &opts, &storage));
		ASSERT_EQ(0, perfring_storage_save(storage, path));
		perfring_storage_close(storage);
		ASSERT_EQ(0, perfring_storage_open_image(path, NULL, &image));
		EXPECT_EQ(2 * size, perfring_storage_data_size(image));
		perfring_storage_close(image);

		/* The whole page, then without the note. */
		ASSERT_EQ((ssize_t)size, pread(fd, page, size, 0));
		page->data_offset = __builtin_bswap64(page->data_offset);
		page->data_size = __builtin_bswap64(page->data_size);
		EXPECT_EQ(-EOPNOTSUPP, perfring_storage_from_contiguous(page, bytes, NULL, &image));
		memcpy(&version, (char *)page + 2048 + 8, sizeof(version));
		EXPECT_EQ(1, version);
		version = __builtin_bswap32(version);
		memcpy((char *)page + 2048 + 8, &version, sizeof(version));
		ASSERT_EQ((ssize_t)size, pwrite(fd, page, size, 0));
		EXPECT_EQ(-EOPNOTSUPP, perfring_storage_open_image(path, NULL, &image));
		page->data_offset = 0;
		page->data_size = 0;
		EXPECT_EQ(-EOPNOTSUPP, perfring_storage_from_contiguous(page, bytes, NULL, &image));
		free(page);
	}
	close(fd);
	unlink(path);
}

/*
 * Lesson 17: CPU 1 is offline: it is left out, the rest are there, and an
 * index is no CPU number.  CPU 4095 is nobody's.
 */
static void offline(struct __test_metadata *_metadata, int backend)
{
	struct perf_event_attr attr = output_attr();
	const unsigned int cpus[] = { 1, 0 };
	struct perfring_cpus_opts opts = {
		.size = sizeof(opts), .pages = 1, .cpus = cpus, .nr_cpus = 2,
	};
	struct perfring_reader *reader;

	ASSERT_EQ(0, perfring_reader_create(NULL, &reader));
	EXPECT_EQ(1, perfring_reader_add_cpus(reader, backend, &attr, &opts));
	EXPECT_EQ(1, perfring_reader_count(reader));
	EXPECT_EQ(0, perfring_reader_cpu(reader, 0));
	opts.nr_cpus = 1;
	EXPECT_EQ(-ENODEV, perfring_reader_add_cpus(reader, backend, &attr, &opts));
	opts.cpus = NULL;
	opts.nr_cpus = 0;
	EXPECT_EQ(cpu_count_online(), perfring_reader_add_cpus(reader, backend, &attr, &opts));
	perfring_reader_destroy(reader);
}

TEST_F(ring, offline_cpu_is_left_out)
{
	if (variant->kind == MEMORY)
		return;	/* memory has no CPU */
	if (!getenv("PERFRING_MODULE"))
		SKIP(return, "PERFRING_MODULE is not set: no test machine to take CPU 1 from");
	if (access("/sys/devices/system/cpu/cpu1/online", W_OK))
		SKIP(return, "/sys/devices/system/cpu/cpu1/online: %s", strerror(errno));
	ASSERT_EQ(0, cpu_set_online(1, false));
	offline(_metadata, variant->kind == PERF ? PERFRING_BACKEND_PERF : PERFRING_BACKEND_DEVICE);
	EXPECT_EQ(0, cpu_set_online(1, true));
}

/* CPUs 0 and 2 are there: an index is no CPU number. */
TEST_F(ring, gap_between_cpus)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_cpus_opts opts = { .size = sizeof(opts), .pages = 1 };
	struct perfring_reader *reader;
	int err, n;

	if (variant->kind == MEMORY)
		return;	/* memory has no CPU */
	if (!getenv("PERFRING_MODULE"))
		SKIP(return, "PERFRING_MODULE is not set: no test machine to take CPU 1 from");
	err = third_cpu_for_second(true);
	if (err == -ENOENT)
		SKIP(return, "no CPU 2");
	EXPECT_EQ(0, perfring_reader_create(NULL, &reader));
	n = perfring_reader_add_cpus(reader, variant->kind == PERF ? PERFRING_BACKEND_PERF :
				     PERFRING_BACKEND_DEVICE, &attr, &opts);
	EXPECT_EQ(2, perfring_reader_cpu(reader, 1));
	perfring_reader_destroy(reader);
	ASSERT_EQ(0, third_cpu_for_second(false));
	EXPECT_EQ(0, err);
	EXPECT_EQ(2, n);
}

/* All CPUs online: a ring each. */
TEST_F(ring, every_cpu)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_cpus_opts opts = { .size = sizeof(opts), .pages = 1 };
	struct perfring_reader *reader;
	int backend = variant->kind == PERF ? PERFRING_BACKEND_PERF :
		      variant->kind == DEVICE ? PERFRING_BACKEND_DEVICE : PERFRING_BACKEND_MEMORY;
	int n;

	ASSERT_EQ(0, perfring_reader_create(NULL, &reader));
	n = perfring_reader_add_cpus(reader, backend, &attr, &opts);
	/* Memory has one for each possible CPU. */
	EXPECT_LE(cpu_count_online(), n);
	EXPECT_EQ((unsigned int)n, perfring_reader_count(reader));
	EXPECT_EQ(variant->kind == MEMORY ? perfring_reader_enable(reader) : 0,
		  perfring_reader_enable(reader));
	EXPECT_EQ(0, perfring_reader_cpu(reader, 0));
	perfring_reader_destroy(reader);
}

/* What the child found; shared with the parent. */
struct refusal {
	int ret;
	struct perfring_mmap_report report;
	char text[1024];
};

/*
 * Lesson 19: nobody, with RLIMIT_MEMLOCK of 8 KiB, asks for a ring of twice
 * what all CPUs have free of charge. EPERM comes with the arithmetic:
 * pages, KiB, the sysctl, the limit, and the largest ring that would fit.
 */
TEST_F(ring, memlock_explained)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_perf_opts perf = { .size = sizeof(perf) };
	struct perfring_device_opts device = { .size = sizeof(device) };
	long mlock_kb = file_long("/proc/sys/kernel/perf_event_mlock_kb", -1), paranoid;
	uint64_t free_kb = mlock_kb * cpu_count_online(), fit;
	struct refusal *refusal;
	struct perfring_storage *storage;
	struct rlimit limit = { 8192, 8192 };
	size_t pages = 1;
	pid_t child;
	int status;

	if (variant->kind == MEMORY)
		return;	/* is not charged */
	if (geteuid())
		SKIP(return, "uid %d: no permission to change users", geteuid());
	paranoid = file_long("/proc/sys/kernel/perf_event_paranoid", 2);
	ASSERT_EQ(0, file_write("/proc/sys/kernel/perf_event_paranoid", "0"));
	if (variant->kind == DEVICE)
		ASSERT_EQ(0, chmod("/dev/perfring0", 0666));
	while (pages * PAGE / 1024 < 2 * free_kb + 8)
		pages *= 2;
	perf.pages = pages;
	device.pages = pages;
	refusal = mmap(NULL, sizeof(*refusal), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	ASSERT_NE(MAP_FAILED, refusal);
	child = fork();
	if (!child) {
		if (setrlimit(RLIMIT_MEMLOCK, &limit) || become_nobody())
			_exit(1);
		attr.exclude_kernel = variant->kind == PERF;
		refusal->ret = variant->kind == PERF ?
			perfring_storage_open_perf(&attr, -1, 0, &perf, &storage) :
			perfring_storage_open_device("/dev/perfring0", &attr, &device, &storage);
		perfring_storage_explain_mmap(pages, refusal->ret, &refusal->report);
		perfring_storage_format_mmap(&refusal->report, refusal->text,
					     sizeof(refusal->text));
		/* What it says would fit does. */
		perf.pages = refusal->report.data_pages_fit;
		device.pages = perf.pages;
		status = variant->kind == PERF ?
			perfring_storage_open_perf(&attr, -1, 0, &perf, &storage) :
			perfring_storage_open_device("/dev/perfring0", &attr, &device, &storage);
		_exit(status ? 2 : 0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	if (variant->kind == DEVICE)
		chmod("/dev/perfring0", 0600);
	{
		char text[16];

		snprintf(text, sizeof(text), "%ld", paranoid);
		file_write("/proc/sys/kernel/perf_event_paranoid", text);
	}
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(-EPERM, refusal->ret);
	EXPECT_EQ(-EPERM, refusal->report.error);
	EXPECT_EQ(1 + pages, refusal->report.pages);
	EXPECT_EQ(PAGE, refusal->report.page_size);
	EXPECT_EQ((1 + pages) * PAGE / 1024, refusal->report.kb);
	EXPECT_EQ(mlock_kb, refusal->report.mlock_kb);
	EXPECT_EQ(cpu_count_online(), (int)refusal->report.online_cpus);
	EXPECT_EQ(free_kb, refusal->report.free_of_limit_kb);
	EXPECT_EQ(8, refusal->report.rlimit_kb);
	EXPECT_EQ(0, refusal->report.unlimited);
	EXPECT_EQ(0, refusal->report.paranoid);
	/* 1 + 2^n pages within what is free and the limit. */
	for (fit = 1; (1 + 2 * fit) * PAGE / 1024 <= free_kb + 8; fit *= 2)
		;
	EXPECT_EQ(fit, refusal->report.data_pages_fit);
	EXPECT_NE(NULL, strstr(refusal->text, "perf_event_mlock_kb"));
	EXPECT_NE(NULL, strstr(refusal->text, "RLIMIT_MEMLOCK"));
	EXPECT_EQ(-EINVAL, perfring_storage_explain_mmap(1, -EPERM, NULL));
	munmap(refusal, sizeof(*refusal));
}

/* More pages than there are addresses; a storage without a ring; one that has a reader. */
TEST(no_ring_here)
{
	struct perfring_memory_opts memory = { .size = sizeof(memory), .pages = SIZE_MAX / 2 + 1 };
	struct perfring_perf_opts perf = { .size = sizeof(perf), .pages = SIZE_MAX / 2 + 1 };
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .exclude_kernel = 1,
	};
	struct perfring_ring *ring, *other = NULL;
	struct perfring_storage *storage = NULL;

	EXPECT_EQ(-ENOMEM, perfring_storage_open_memory(&memory, &storage));
	EXPECT_EQ(NULL, storage);
	ASSERT_EQ(0, perfring_storage_open_memory(NULL, &storage));
	ASSERT_EQ(0, perfring_ring_open(storage, NULL, &ring));
	EXPECT_EQ(-EBUSY, perfring_ring_open(storage, NULL, &other));
	EXPECT_EQ(-EBUSY, perfring_storage_close(storage));
	perfring_ring_close(ring);
	EXPECT_EQ(0, perfring_storage_close(storage));

	storage = NULL;
	if (perfring_storage_open_perf(&attr, 0, -1, &perf, &storage) == -EACCES)
		SKIP(return, "perf_event_open: no permission");
	EXPECT_EQ(NULL, storage);
	EXPECT_EQ(-ENOMEM, perfring_storage_open_perf(&attr, 0, -1, &perf, &storage));
	perf.no_ring = 1;
	ASSERT_EQ(0, perfring_storage_open_perf(&attr, 0, -1, &perf, &storage));
	EXPECT_EQ(NULL, perfring_storage_control(storage));
	EXPECT_EQ(0, perfring_storage_data_size(storage));
	EXPECT_EQ(-ENODEV, perfring_ring_open(storage, NULL, &other));
	EXPECT_EQ(-ENODEV, perfring_storage_save(storage, "/tmp/perfring-none"));
	EXPECT_EQ(-ENODEV, perfring_storage_map_aux(storage, 1, 0));
	EXPECT_EQ(NULL, other);
	EXPECT_EQ(0, perfring_storage_close(storage));
}

TEST_HARNESS_MAIN
