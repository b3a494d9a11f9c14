// SPDX-License-Identifier: GPL-2.0
/*
 * PERFRING_MMAP_MIRROR: control page, data pages, and the data pages once more, in
 * one mapping; and how the library reads it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fixtures.h"

#define RW		(PROT_READ | PROT_WRITE)
#define MIRROR		((off_t)PERFRING_MMAP_MIRROR)
#define MLOCK_KB	"/proc/sys/kernel/perf_event_mlock_kb"

FIXTURE(mirror) {
	int fd;
	size_t page_size;
};

FIXTURE_SETUP(mirror)
{
	char why[WHY_LEN];

	self->fd = -1;
	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	self->page_size = sysconf(_SC_PAGESIZE);
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(mirror)
{
	close(self->fd);
}

/* mmap(2) of @pages; 0 or -errno, the address in *@at, or unmapped again. */
static int map_at(FIXTURE_DATA(mirror) *self, size_t pages, int prot, int flags, off_t offset,
		  unsigned char **at)
{
	unsigned char *map = mmap(NULL, pages * self->page_size, prot, flags, self->fd, offset);

	int ret = map == MAP_FAILED ? -errno : 0;

	if (at)
		*at = map;
	else if (!ret)
		munmap(map, pages * self->page_size);
	return ret;
}

/* Head and tail here; the event is disabled for that. */
static int start_at(int fd, uint64_t where)
{
	struct perfring_position position = { .size = sizeof(position), .position = where };
	int ret = do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL);

	ret = ret ?: do_ioctl(fd, PERFRING_IOC_SET_POSITION, &position);
	return ret ?: do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
}

/*
 * 1 to 64 pages: after each of some hundred records, which lap the ring, the halves
 * are equal.  The page says what the ring is, not what the mapping is.
 */
TEST_F(mirror, halves_are_equal)
{
	size_t pages, size;
	unsigned int i;

	for (pages = 1; pages <= 64; pages *= 2) {
		struct perf_event_mmap_page *page;
		unsigned char *map;

		size = pages * self->page_size;
		ASSERT_EQ(0, map_at(self, 1 + 2 * pages, RW, MAP_SHARED, MIRROR, &map));
		page = (void *)map;
		EXPECT_EQ(size, page->data_size);
		EXPECT_EQ(self->page_size, page->data_offset);
		ASSERT_EQ(0, start_at(self->fd, size - 128));
		for (i = 0; i < 100; i++) {
			ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, i * size / 200 % 60000, 1, NULL));
			ASSERT_EQ(0, memcmp(map + self->page_size, map + self->page_size + size,
					    size)) {
				TH_LOG("%zu pages, record %u", pages, i);
			}
			page->data_tail = page->data_head;
		}
		ASSERT_EQ(0, munmap(map, (1 + 2 * pages) * self->page_size));
	}
}

/* A record across the end, of each length at each distance, and the longest one: in one piece. */
TEST_F(mirror, across_the_end_in_one_piece)
{
	struct perf_event_mmap_page *page;
	struct perf_event_header header;
	unsigned int before, len, i;
	unsigned char *map, *at;

	ASSERT_EQ(0, map_at(self, 3, RW, MAP_SHARED, MIRROR, &map));
	for (before = 8; before <= 64; before += 8)
		for (len = before; len <= 200; len += 8) {
			ASSERT_EQ(0, start_at(self->fd, self->page_size - before));
			ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, len, 1, NULL));
			at = map + 2 * self->page_size - before;
			memcpy(&header, at, sizeof(header));
			ASSERT_EQ(8 + len, header.size);
			for (i = 0; i < len; i++)
				ASSERT_EQ(i, at[8 + i]);
		}
	ASSERT_EQ(0, munmap(map, 3 * self->page_size));

	ASSERT_EQ(0, map_at(self, 1 + 2 * 16, RW, MAP_SHARED, MIRROR, &map));
	page = (void *)map;
	ASSERT_EQ(0, start_at(self->fd, 16 * self->page_size - 8));
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 65520, 1, NULL));
	at = map + 17 * self->page_size - 8;
	memcpy(&header, at, sizeof(header));
	EXPECT_EQ(65528, header.size);
	EXPECT_EQ(65528, page->data_head - page->data_tail);
	for (i = 0; i < 65520; i++)
		ASSERT_EQ((i & 0xff), at[8 + i]);
	ASSERT_EQ(0, munmap(map, 33 * self->page_size));
}

/* The second half first: its pages need no touch of the first. */
TEST_F(mirror, second_half_first)
{
	unsigned char *map;

	ASSERT_EQ(0, map_at(self, 1 + 2 * 4, RW, MAP_SHARED, MIRROR, &map));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 4 * self->page_size / 16 - 1, NULL));
	EXPECT_EQ(77, type_of(&map[8 * self->page_size]));
	EXPECT_EQ(77, type_of(&map[4 * self->page_size]));
	EXPECT_EQ(77, type_of(&map[5 * self->page_size]));
	EXPECT_EQ(77, type_of(&map[self->page_size]));
	ASSERT_EQ(0, munmap(map, 9 * self->page_size));
}

/* 1 + 2 * 2^n pages at that very offset, shared. */
TEST_F(mirror, refused)
{
	/* As the kernel has it of files: an unsigned long is the most. */
	const int beyond = sizeof(long) == 8 ? -EINVAL : -EOVERFLOW;
	const struct {
		size_t pages;
		int flags;
		off_t offset;
		int ret;
	} table[] = {
		{ 1, MAP_SHARED, MIRROR, -EINVAL },	/* no data pages */
		{ 2, MAP_SHARED, MIRROR, -EINVAL },	/* one half */
		{ 3, MAP_SHARED, MIRROR, 0 },
		{ 4, MAP_SHARED, MIRROR, -EINVAL },	/* odd */
		{ 5, MAP_SHARED, MIRROR, 0 },
		{ 6, MAP_SHARED, MIRROR, -EINVAL },	/* odd */
		{ 7, MAP_SHARED, MIRROR, -EINVAL },	/* 2 * 3 */
		{ 9, MAP_SHARED, MIRROR, 0 },
		{ 11, MAP_SHARED, MIRROR, -EINVAL },	/* 2 * 5 */
		{ 17, MAP_SHARED, MIRROR, 0 },
		{ 18, MAP_SHARED, MIRROR, -EINVAL },
		{ 3, MAP_PRIVATE, MIRROR, -EINVAL },
		{ 3, MAP_SHARED, MIRROR + PAGE, beyond },
		{ 3, MAP_SHARED, MIRROR - PAGE, beyond },
		{ 3, MAP_SHARED, 2 * MIRROR, beyond },
		{ 3, MAP_SHARED, MIRROR / 2, -EINVAL },
		/* of 2^18 data pages, the limit max_pages, twice: too many */
		{ 1 + (4UL << 18), MAP_SHARED, MIRROR, -ENOMEM },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].pages > SIZE_MAX / self->page_size)
			continue;
		EXPECT_EQ(table[i].ret, map_at(self, table[i].pages, RW, table[i].flags,
					       table[i].offset, NULL)) {
			TH_LOG("%zu pages at %#llx", table[i].pages,
			       (unsigned long long)table[i].offset);
		}
	}
}

/* Both kinds show one ring, whichever comes first, and it lives as long as one of them. */
TEST_F(mirror, shared_with_the_plain_mapping)
{
	unsigned char *plain = NULL, *twice;
	int first;

	for (first = 0; first < 2; first++) {
		if (first)
			ASSERT_EQ(0, map_at(self, 1 + 2, RW, MAP_SHARED, 0, &plain));
		ASSERT_EQ(0, map_at(self, 1 + 4, RW, MAP_SHARED, MIRROR, &twice));
		if (!first)
			ASSERT_EQ(0, map_at(self, 1 + 2, RW, MAP_SHARED, 0, &plain));
		/* The ring's size counts, not the mapping's. */
		EXPECT_EQ(-EINVAL, map_at(self, 1 + 4, RW, MAP_SHARED, 0, NULL));
		EXPECT_EQ(-EINVAL, map_at(self, 1 + 2, RW, MAP_SHARED, MIRROR, NULL));
		EXPECT_EQ(-EINVAL, map_at(self, 1 + 8, RW, MAP_SHARED, MIRROR, NULL));
		ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
		ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 100, 5, NULL));
		EXPECT_EQ(0, memcmp(plain, twice, 3 * self->page_size));
		((struct perf_event_mmap_page *)plain)->data_tail = 216;
		EXPECT_EQ(216, ((struct perf_event_mmap_page *)twice)->data_tail);
		ASSERT_EQ(0, munmap(first ? plain : twice, (first ? 3 : 5) * self->page_size));
		ASSERT_EQ(0, emit(self->fd, 78, 0, NULL, 100, 1, NULL));
		EXPECT_EQ(78, type_of((first ? twice : plain) + self->page_size + 5 * 112));
		ASSERT_EQ(0, munmap(first ? twice : plain, (first ? 5 : 3) * self->page_size));
		EXPECT_EQ(-1, write(self->fd, "x", 1));
	}
}

/* The signal that ends a child which touches @at, 0 if none does; as in device_mmap_test. */
static int touch(volatile unsigned char *at, bool write)
{
	int status = 0;
	pid_t child;

	child = vfork();
	if (!child) {
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		if (write)
			*at = 1;
		else
			(void)*at;
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Read before and written, or written at once: no byte of either half. */
TEST_F(mirror, data_is_never_writable)
{
	unsigned char *map;
	int page;

	ASSERT_EQ(0, map_at(self, 1 + 2 * 2, RW, MAP_SHARED, MIRROR, &map));
	for (page = 1; page <= 4; page++)
		EXPECT_EQ(SIGBUS, touch(map + page * self->page_size, true));
	for (page = 1; page <= 4; page++) {
		EXPECT_EQ(0, touch(map + page * self->page_size, false));
		EXPECT_EQ(SIGBUS, touch(map + page * self->page_size, true));
	}
	EXPECT_EQ(0, touch(map + 2048, true));
	ASSERT_EQ(0, munmap(map, 5 * self->page_size));
}

/* Mapped for reading alone the ring overwrites, and shows the same twice. */
TEST_F(mirror, read_only_overwrites)
{
	struct perf_event_mmap_page *page;
	struct perfring_emit result;
	unsigned char *map;

	ASSERT_EQ(0, map_at(self, 3, PROT_READ, MAP_SHARED, MIRROR, &map));
	page = (void *)map;
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 1000, 50, &result));
	EXPECT_EQ(50, result.written);
	EXPECT_EQ(50 * 1008, page->data_head);
	EXPECT_EQ(0, memcmp(map + self->page_size, map + 2 * self->page_size, self->page_size));
	EXPECT_EQ(SIGSEGV, touch(map, true));
	EXPECT_EQ(SIGSEGV, touch(map + 2 * self->page_size, true));
	ASSERT_EQ(0, munmap(map, 3 * self->page_size));
}

/* What becomes of a part of a mapping, in errnos: 0 where it worked. */
struct fate {
	int unmap_first, unmap_middle, unmap_last, protect_part, protect, fixed, shrink, grow, move;
	int child;
};

static int failed(bool bad)
{
	return bad ? errno : 0;
}

static struct fate fate_of(FIXTURE_DATA(mirror) *self, size_t pages, off_t offset)
{
	size_t page = self->page_size, len = pages * page;
	unsigned char *map = NULL, *place;
	unsigned char vec;
	struct fate fate;
	pid_t child;
	int status;

	memset(&fate, 0xff, sizeof(fate));
	if (map_at(self, pages, RW, MAP_SHARED, offset, &map))
		return fate;
	fate.unmap_first = failed(munmap(map, page));
	fate.unmap_middle = failed(munmap(map + len / page / 2 * page, page));
	fate.unmap_last = failed(munmap(map + len - page, page));
	fate.protect_part = failed(mprotect(map + page, page, PROT_READ));
	fate.protect = failed(mprotect(map, len, PROT_READ)) ?: failed(mprotect(map, len, RW));
	fate.fixed = failed(mmap(map + page, page, PROT_READ,
				 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	fate.shrink = failed(mremap(map, len, len - page, 0) == MAP_FAILED);
	fate.grow = failed(mremap(map, len, 2 * len, MREMAP_MAYMOVE) == MAP_FAILED);
	child = fork();
	if (!child)
		_exit(mincore(map, page, &vec) ? errno : 0);
	waitpid(child, &status, 0);
	fate.child = WEXITSTATUS(status);
	place = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mremap(map, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, place) != MAP_FAILED) {
		fate.move = 0;
		map = place;
		if (touch(map + len - page, false))
			fate.move = -1;
	} else {
		fate.move = errno;
	}
	munmap(map, len);
	return fate;
}

/* Its parts, its move, its child: as of the plain mapping, whose are perf's (device_mmap_test). */
TEST_F(mirror, parts_as_of_the_plain_mapping)
{
	struct fate plain = fate_of(self, 1 + 4, 0), twice = fate_of(self, 1 + 2 * 4, MIRROR);

#define SAME(what)	EXPECT_EQ(plain.what, twice.what)
	SAME(unmap_first);
	SAME(unmap_middle);
	SAME(unmap_last);
	SAME(protect_part);
	SAME(protect);
	SAME(fixed);
	SAME(shrink);
	SAME(grow);
	SAME(move);
	SAME(child);
#undef SAME
	EXPECT_EQ(EINVAL, twice.unmap_middle);
	EXPECT_EQ(0, twice.move);
	EXPECT_EQ(ENOMEM, twice.child);
}

/* KiB that this process has pinned, beyond what each user may. */
static long pinned_kb(void)
{
	char buf[8192], *line;

	if (file_read("/proc/self/status", buf, sizeof(buf)) < 0)
		return -1;
	line = strstr(buf, "VmPin:");
	return line ? strtol(line + 6, NULL, 10) : -1;
}

/* Each page is charged once, however often it is shown. */
TEST_F(mirror, pages_are_charged_once)
{
	unsigned char *map, *again;
	char was[16];
	long before, kb = self->page_size / 1024;

	ASSERT_LT(0, file_read(MLOCK_KB, was, sizeof(was)));
	before = pinned_kb();
	ASSERT_EQ(0, file_write(MLOCK_KB, "0"));
	EXPECT_EQ(0, map_at(self, 1 + 2 * 8, RW, MAP_SHARED, MIRROR, &map));
	EXPECT_EQ(before + 9 * kb, pinned_kb());
	EXPECT_EQ(0, map_at(self, 1 + 8, RW, MAP_SHARED, 0, &again));
	EXPECT_EQ(before + 9 * kb, pinned_kb());
	munmap(map, 17 * self->page_size);
	EXPECT_EQ(before + 9 * kb, pinned_kb());
	munmap(again, 9 * self->page_size);
	EXPECT_EQ(before, pinned_kb());
	ASSERT_EQ(0, file_write(MLOCK_KB, was));
}

/* One line of /proc/self/maps, from the first page to the last. */
TEST_F(mirror, one_vma)
{
	unsigned long long offset;
	unsigned long start, end;
	unsigned int lines = 0;
	unsigned char *map;
	char line[512];
	FILE *maps;

	ASSERT_EQ(0, map_at(self, 1 + 2 * 4, RW, MAP_SHARED, MIRROR, &map));
	maps = fopen("/proc/self/maps", "r");
	ASSERT_NE(NULL, maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %*s %llx", &start, &end, &offset) != 3 ||
		    end <= (unsigned long)map ||
		    start >= (unsigned long)map + 9 * self->page_size)
			continue;
		lines++;
		EXPECT_EQ((unsigned long)map, start);
		EXPECT_EQ((unsigned long)map + 9 * self->page_size, end);
		EXPECT_EQ(PERFRING_MMAP_MIRROR, offset);
		EXPECT_NE(NULL, strstr(line, "perfring0"));
	}
	fclose(maps);
	EXPECT_EQ(1, lines);
	ASSERT_EQ(0, munmap(map, 9 * self->page_size));
}

/* The library, on memory everywhere and on the device where it is there. */
FIXTURE(library) {
	struct backend b;
};

FIXTURE_VARIANT(library) {
	enum backend_kind kind;
};

FIXTURE_VARIANT_ADD(library, memory) { .kind = MEMORY };
FIXTURE_VARIANT_ADD(library, device) { .kind = DEVICE };

FIXTURE_SETUP(library)
{
	char why[WHY_LEN];

	if (!backend_available(variant->kind, why, sizeof(why)))
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(library)
{
	backend_close(&self->b);
}

static int library_open(enum backend_kind kind, uint8_t mirror, size_t size,
			struct perfring_storage **out)
{
	struct perfring_memory_opts memory = { .pages = 2, .mirror = mirror };
	struct perfring_device_opts device = { .pages = 2, .mirror = mirror };

	memory.size = size ? size : sizeof(memory);
	device.size = size ? size : sizeof(device);
	if (kind == MEMORY)
		return perfring_storage_open_memory(&memory, out);
	return perfring_storage_open_device("/dev/perfring0", NULL, &device, out);
}

/* Used when it is there, unless told not to; a value that nobody knows is refused. */
TEST_F(library, option)
{
	static const struct {
		uint8_t mirror;
		size_t size;
		bool mirrored;
	} table[] = {
		{ PERFRING_MIRROR_AUTO, 0, true },
		{ PERFRING_MIRROR_ON, 0, true },
		{ PERFRING_MIRROR_OFF, 0, false },
		/* a program that has size and pages alone */
		{ PERFRING_MIRROR_OFF, 2 * sizeof(size_t), true },
	};
	struct perfring_storage *storage;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		const unsigned char *data;

		ASSERT_EQ(0, library_open(variant->kind, table[i].mirror, table[i].size, &storage));
		EXPECT_EQ(table[i].mirrored,
			  !!(perfring_storage_flags(storage) & PERFRING_STORAGE_MIRRORED));
		EXPECT_EQ(2 * PAGE, perfring_storage_data_size(storage));
		if (table[i].mirrored) {
			data = perfring_storage_data(storage);
			EXPECT_EQ(0, memcmp(data, data + 2 * PAGE, 2 * PAGE));
		}
		perfring_storage_close(storage);
	}
	EXPECT_EQ(-EINVAL, library_open(variant->kind, PERFRING_MIRROR_ON + 1, 0, &storage));
}

/*
 * A record that begins 8 bytes before the end is handed out where it lies, by batch,
 * peek and after a lap; not mirrored, it is a copy.  Its payload: 100 bytes.
 */
TEST_F(library, record_in_place)
{
	const size_t size = sample_size(100);
	struct backend_opts opts = { .pages = 1, .position = PAGE - 8 };
	unsigned char payload[100];
	struct perfring_record record;
	struct perfring_batch batch;
	const unsigned char *data;
	int mirror, round;

	for (mirror = 0; mirror < 2; mirror++) {
		backend_mirror(mirror);
		ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
		data = perfring_storage_data(self->b.storage);
		for (round = 0; round < 2; round++) {
			fill(payload, sizeof(payload), round);
			ASSERT_EQ(0, backend_write(&self->b, payload, sizeof(payload)));
			if (round) {
				ASSERT_EQ(0, perfring_batch_begin(self->b.ring, &batch));
				ASSERT_EQ(1, perfring_batch_next(&batch, &record));
			} else {
				ASSERT_EQ(1, perfring_ring_peek(self->b.ring, &record));
			}
			EXPECT_TRUE(is_sample(&record, sizeof(payload), round));
			EXPECT_EQ(PAGE - 8 + round * PAGE, record.position);
			EXPECT_EQ(mirror, (const unsigned char *)record.data == data + PAGE - 8);
			if (round) {
				EXPECT_EQ(0, perfring_batch_next(&batch, &record));
				perfring_batch_commit(&batch);
				break;
			}
			ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
			/* One record up to 8 bytes before the end again. */
			ASSERT_EQ(1, backend_burst(&self->b, payload_for(PAGE - size), 1));
			ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
		}
		backend_close(&self->b);
	}
}

/* A batch of a whole lap across the end: each record begins where the last one ended. */
TEST_F(library, lap_in_one_piece)
{
	struct backend_opts opts = { .pages = 1, .position = PAGE - 40 };
	struct perfring_record record;
	struct perfring_batch batch;
	const unsigned char *next;
	const unsigned int fit = (PAGE - 1) / 48;
	unsigned int n = 0;

	backend_mirror(true);
	ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
	/* of 8 + 4 + 36 bytes: 85 in 4095 */
	ASSERT_EQ((int)fit, backend_burst(&self->b, 36, fit + 15));
	next = (const unsigned char *)perfring_storage_data(self->b.storage) + PAGE - 40;
	ASSERT_EQ(0, perfring_batch_begin(self->b.ring, &batch));
	while (perfring_batch_next(&batch, &record) > 0) {
		EXPECT_EQ(next, (const unsigned char *)record.data);
		next += record.size;
		n++;
	}
	EXPECT_EQ(fit, n);
	perfring_batch_commit(&batch);
	EXPECT_EQ(0, perfring_ring_bytes_remaining(self->b.ring));
}

/*
 * Snapshots are copies, in which the record across the end lies in one piece as well:
 * backward rings of a page and of 128 KiB, where the copy does not repeat all of itself.
 */
TEST_F(library, snapshot_in_one_piece)
{
	struct perf_event_attr attr = output_attr();
	struct backend_opts opts = { .attr = &attr, .overwrite = true };
	struct perfring_record record;
	struct perfring_batch batch;
	const size_t many = 32 * 4096 / PAGE;	/* records are no longer than 64 KiB */
	unsigned int mirror, bytes, wraps;
	const unsigned char *before;
	size_t len;

	attr.write_backward = 1;
	for (mirror = 0; mirror < 2; mirror++)
		for (opts.pages = 1; opts.pages <= many; opts.pages *= many) {
			backend_mirror(mirror);
			ASSERT_EQ(0, backend_open(&self->b, variant->kind, &opts));
			/* A third of the ring and a bit, so that the third one goes across. */
			len = opts.pages * PAGE / 3 + 100;
			ASSERT_EQ(5, backend_burst(&self->b, len, 5));
			ASSERT_EQ(0, perfring_ring_snapshot(self->b.ring, 0, &batch));
			before = NULL;
			wraps = 0;
			for (bytes = 0; perfring_batch_next(&batch, &record) > 0;
			     bytes += record.size) {
				const unsigned char *data = record.data;

				ASSERT_EQ(sample_size(len), record.size);
				EXPECT_EQ((len - 1) & 0xff, data[12 + len - 1]);
				if (before && data != before + record.size)
					wraps++;
				before = data;
			}
			EXPECT_LT(0, bytes);
			EXPECT_GE(1, wraps);
			perfring_batch_commit(&batch);
			backend_close(&self->b);
		}
}

TEST_HARNESS_MAIN
