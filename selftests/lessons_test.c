// SPDX-License-Identifier: GPL-2.0
/*
 * What went wrong elsewhere in descriptors that map a ring, each tried on this one.
 *
 * perf_event_mlock_kb is 0 meanwhile, so that every page of a ring is pinned memory
 * of the process that mapped it first: VmPin says whether one is left over.  Processes
 * race, and not threads, where mmap(2) is meant: a process has a lock around it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define MLOCK_KB "/proc/sys/kernel/perf_event_mlock_kb"
#define PAGES	4
#define RW	(PROT_READ | PROT_WRITE)
#define CHILDREN 4

FIXTURE(lessons) {
	size_t page;
	char mlock_kb[16];
	uint64_t events;
	int fd[2];		/* of CPU 0, enabled */
	struct raw raw;
	pid_t child[CHILDREN];
	unsigned int children;
};

FIXTURE_SETUP(lessons)
{
	int i;

	if (geteuid())
		SKIP(return, "uid %d: no permission to set sysctls", geteuid());
	self->page = sysconf(_SC_PAGESIZE);
	ASSERT_LT(0, file_read(MLOCK_KB, self->mlock_kb, sizeof(self->mlock_kb)));
	ASSERT_EQ(0, file_write(MLOCK_KB, "0"));
	self->events = device_counter(0, "events");
	for (i = 0; i < 2; i++) {
		self->fd[i] = device_open(0);
		ASSERT_LE(0, self->fd[i]);
		ASSERT_EQ(0, do_ioctl(self->fd[i], PERF_EVENT_IOC_ENABLE, NULL));
	}
}

/* KiB that this process has pinned. */
static long pinned(void)
{
	char status[4096], *at;

	if (file_read("/proc/self/status", status, sizeof(status)) <= 0)
		return -1;
	at = strstr(status, "VmPin:");
	return at ? atol(at + 6) : -1;
}

/* Whatever a test has done: no event, no page and no reference is left. */
FIXTURE_TEARDOWN(lessons)
{
	unsigned int i;

	for (i = 0; i < self->children; i++) {
		kill(self->child[i], SIGKILL);
		waitpid(self->child[i], NULL, 0);
	}
	raw_unmap(&self->raw);
	for (i = 0; i < 2; i++)
		close(self->fd[i]);
	file_write(MLOCK_KB, self->mlock_kb);
	EXPECT_EQ(0, pinned());
	EXPECT_EQ(self->events, device_counter(0, "events"));
	if (getenv("PERFRING_MODULE")) {
		EXPECT_EQ(0, within_ms(5000, module_unload));
		EXPECT_EQ(0, module_load(""));
	}
}

/* Does the process map @len bytes of a device at @map, in one piece, and no more of it? */
static bool mapped_whole(const void *map, size_t len)
{
	unsigned long start, end;
	unsigned int seen = 0;
	bool whole = false;
	char line[512], *at;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps)) {
		if (!strstr(line, "/dev/perfring"))
			continue;
		start = strtoul(line, &at, 16);
		end = strtoul(at + 1, NULL, 16);
		whole = start == (unsigned long)map && end == start + len;
		seen++;
	}
	if (maps)
		fclose(maps);
	return len ? seen == 1 && whole : !seen;
}

/* Run @work in a child until teardown or its end. */
static int start(FIXTURE_DATA(lessons) *self, void (*work)(FIXTURE_DATA(lessons) *self))
{
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (!child) {
		/* The parent's death is the child's, too. */
		alarm(60);
		work(self);
		_exit(0);
	}
	self->child[self->children++] = child;
	return 0;
}

/* Wait for the children that end by themselves; how many said that all was well. */
static unsigned int finish(FIXTURE_DATA(lessons) *self)
{
	unsigned int well = 0;
	int status;

	while (self->children) {
		if (waitpid(self->child[--self->children], &status, 0) > 0)
			well += WIFEXITED(status) && !WEXITSTATUS(status);
	}
	return well;
}

/*
 * CVE-2025-38563: a VMA that was split had two halves, each of which released the
 * whole. Nothing splits ours, plain or mirrored.
 */
TEST_F(lessons, no_split)
{
	size_t page = self->page, len[2] = { (1 + PAGES) * page, (1 + 2 * PAGES) * page };
	char *map, *place;
	int mirror;

	place = mmap(NULL, len[1], PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, place);
	for (mirror = 0; mirror < 2; mirror++) {
		size_t all = len[mirror], last = all - page;

		map = mmap(NULL, all, RW, MAP_SHARED, self->fd[0],
			   mirror ? PERFRING_MMAP_MIRROR : 0);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(-1, munmap(map, page));
		EXPECT_EQ(-1, munmap(map + page, page));
		EXPECT_EQ(-1, munmap(map + last, page));
		EXPECT_EQ(-1, mprotect(map, page, PROT_READ));
		EXPECT_EQ(-1, mprotect(map + page, page, PROT_NONE));
		EXPECT_EQ(-1, madvise(map + page, page, MADV_DOFORK));
		EXPECT_EQ(-1, madvise(map, page, MADV_SEQUENTIAL));
		EXPECT_EQ(MAP_FAILED, mremap(map, all, last, 0));
		EXPECT_EQ(MAP_FAILED, mremap(map, page, page, MREMAP_MAYMOVE | MREMAP_FIXED,
					     place));
		EXPECT_EQ(MAP_FAILED, mremap(map + page, page, page,
					     MREMAP_MAYMOVE | MREMAP_FIXED, place));
		EXPECT_EQ(MAP_FAILED, mmap(map + page, page, RW,
					   MAP_FIXED | MAP_SHARED | MAP_ANONYMOUS, -1, 0));
		EXPECT_EQ(MAP_FAILED, mmap(map + page, page, RW, MAP_FIXED | MAP_SHARED,
					   self->fd[0], 0));
		EXPECT_TRUE(mapped_whole(map, all));
		EXPECT_EQ((1 + PAGES) * (long)page / 1024, pinned());
		EXPECT_EQ(1, write(self->fd[0], "x", 1));
		/* Over all of it something else may be mapped: then it is gone. */
		EXPECT_EQ(map, mmap(map, all, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
				    -1, 0));
		EXPECT_TRUE(mapped_whole(NULL, 0));
		EXPECT_EQ(0, pinned());
		EXPECT_EQ(-1, write(self->fd[0], "x", 1));
		munmap(map, all);
	}
	munmap(place, len[1]);
}

/* As nobody, who may pin nothing. */
static void map_as_nobody(FIXTURE_DATA(lessons) *self)
{
	const struct rlimit none = { 0, 0 };
	struct raw raw;

	_exit(become_nobody() || setrlimit(RLIMIT_MEMLOCK, &none) ||
	      raw_map(&raw, self->fd[0], PAGES, 0) != -EPERM || !mapped_whole(NULL, 0));
}

/*
 * CVE-2025-38565: an mmap(2) that failed was told to the event as if it had worked.
 * After each kind of failure there is no ring, the attr is still free, nothing is
 * pinned; and a failure beside a good mapping takes nothing from that.
 */
TEST_F(lessons, failed_mmap)
{
	struct perf_event_attr attr = output_attr();
	const struct {
		size_t pages;
		int flags;
		uint64_t offset;
		int error;
	} bad[] = {
		{ 1 + 3, MAP_SHARED, 0, EINVAL },
		{ 1 + PAGES, MAP_PRIVATE, 0, EINVAL },
		{ 1 + PAGES, MAP_SHARED, self->page, EINVAL },
		{ 1 + 3, MAP_SHARED, PERFRING_MMAP_MIRROR, EINVAL },
		{ 1, MAP_SHARED, PERFRING_MMAP_MIRROR, EINVAL },
		{ 1 + 524288, MAP_SHARED, 0, ENOMEM },	/* beyond max_pages */
	};
	struct raw raw;
	unsigned int i;
	int fd = device_open(0);

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		EXPECT_EQ(MAP_FAILED, mmap(NULL, bad[i].pages * self->page, RW, bad[i].flags, fd,
					   bad[i].offset));
		EXPECT_EQ(bad[i].error, errno) {
			TH_LOG("%zu pages at %#llx", bad[i].pages,
			       (unsigned long long)bad[i].offset);
		}
		EXPECT_EQ(0, pinned());
		EXPECT_EQ(POLLHUP, poll_events(fd, 0));
		EXPECT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	}
	close(fd);
	EXPECT_TRUE(mapped_whole(NULL, 0));
	ASSERT_EQ(0, start(self, map_as_nobody));
	EXPECT_EQ(1, finish(self));

	ASSERT_EQ(0, raw_map(&self->raw, self->fd[0], PAGES, 0));
	for (i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT_EQ(MAP_FAILED, mmap(NULL, bad[i].pages * self->page, RW, bad[i].flags,
					   self->fd[0], bad[i].offset));
	EXPECT_EQ(-EINVAL, raw_map(&raw, self->fd[0], 2 * PAGES, 0));
	EXPECT_TRUE(mapped_whole(self->raw.page, self->raw.map));
	EXPECT_EQ(1, write(self->fd[0], "x", 1));
	EXPECT_EQ(16, raw_head(&self->raw));
	raw_unmap(&self->raw);
	EXPECT_EQ(POLLHUP, poll_events(self->fd[0], 0));
}

#define RACE_NS	1500000000ULL

static void map_and_unmap(FIXTURE_DATA(lessons) *self, int fd)
{
	uint64_t end = now_ns() + RACE_NS;
	struct raw raw;

	while (now_ns() < end) {
		if (raw_map(&raw, fd, PAGES, 0))
			_exit(1);
		/* All of it is there, however short. */
		if (raw.page->data_size != raw.size || raw.data[raw.size - 1] == 0xff)
			_exit(2);
		raw_unmap(&raw);
	}
}

static void map_first(FIXTURE_DATA(lessons) *self)
{
	map_and_unmap(self, self->fd[0]);
}

static void map_second(FIXTURE_DATA(lessons) *self)
{
	map_and_unmap(self, self->fd[1]);
}

static void write_both(FIXTURE_DATA(lessons) *self)
{
	uint64_t end = now_ns() + RACE_NS;

	while (now_ns() < end) {
		emit(self->fd[0], 77, 0, NULL, 100, 20, NULL);
		emit(self->fd[1], PERF_RECORD_SAMPLE, 0, NULL, 100, 20, NULL);
	}
}

/*
 * CVE-2026-23248: one process mapped the ring while another's munmap freed it. Two
 * do nothing else, and a writer is always inside.
 */
TEST_F(lessons, mmap_races_last_munmap)
{
	ASSERT_EQ(0, start(self, map_first));
	ASSERT_EQ(0, start(self, map_first));
	ASSERT_EQ(0, start(self, write_both));
	EXPECT_EQ(3, finish(self));
	EXPECT_EQ(POLLHUP, poll_events(self->fd[0], 0));
	/* As good as ever. */
	ASSERT_EQ(0, raw_map(&self->raw, self->fd[0], PAGES, 0));
	EXPECT_EQ(0, raw_head(&self->raw));
	EXPECT_EQ(1, write(self->fd[0], "x", 1));
	EXPECT_EQ(16, raw_head(&self->raw));
}

/*
 * CVE-2026-23127: the count of mappings of an event that writes into another's ring
 * was 0 when it was mapped itself. Here it keeps the ring alone, after the owner
 * has gone.
 */
TEST_F(lessons, mmap_after_redirect)
{
	struct raw second;

	ASSERT_EQ(0, raw_map(&self->raw, self->fd[0], PAGES, 0));
	ASSERT_EQ(0, do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, self->fd[0]));
	ASSERT_EQ(0, raw_map(&second, self->fd[1], PAGES, 0));
	EXPECT_EQ((1 + PAGES) * (long)self->page / 1024, pinned());
	EXPECT_EQ(-EINVAL, do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, -1));
	raw_unmap(&self->raw);
	close(self->fd[0]);
	EXPECT_EQ(1, write(self->fd[1], "x", 1));
	EXPECT_EQ(16, raw_head(&second));
	EXPECT_EQ(PERF_RECORD_SAMPLE, ((struct perf_event_header *)second.data)->type);
	EXPECT_EQ((1 + PAGES) * (long)self->page / 1024, pinned());
	raw_unmap(&second);
	EXPECT_EQ(0, pinned());
	EXPECT_EQ(POLLHUP, poll_events(self->fd[1], 0));
	self->fd[0] = device_open(0);
}

static void redirect(FIXTURE_DATA(lessons) *self)
{
	uint64_t end = now_ns() + RACE_NS;
	int ret;

	while (now_ns() < end) {
		/* EINVAL while the other one has no ring. */
		ret = do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, self->fd[0]);
		if (ret && ret != -EINVAL)
			_exit(1);
		if (do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, -1))
			_exit(2);
	}
	do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, self->fd[0]);
}

/* CVE-2022-49607: SET_OUTPUT found a ring that the last munmap was about to free. */
TEST_F(lessons, redirect_races_last_munmap)
{
	ASSERT_EQ(0, start(self, map_first));
	ASSERT_EQ(0, start(self, redirect));
	ASSERT_EQ(0, start(self, write_both));
	EXPECT_EQ(3, finish(self));
	EXPECT_EQ(POLLHUP, poll_events(self->fd[0], 0));
	EXPECT_EQ(POLLHUP, poll_events(self->fd[1], 0));
	EXPECT_EQ(-1, write(self->fd[1], "x", 1));
	EXPECT_EQ(ENOSPC, errno);
}

/*
 * CVE-2024-46713: each event had a mutex, but the buffer was one. Two processes map
 * it through one event each, while we hold it and read: its records stay in order.
 */
TEST_F(lessons, two_doors_to_a_ring)
{
	static uint64_t buf[8192];
	struct perf_event_header *header = (void *)buf;
	uint64_t end = now_ns() + 30000000000ULL, n = 0;
	int size, status;

	ASSERT_EQ(0, raw_map(&self->raw, self->fd[0], PAGES, 0));
	ASSERT_EQ(0, do_ioctl_word(self->fd[1], PERF_EVENT_IOC_SET_OUTPUT, self->fd[0]));
	ASSERT_EQ(0, start(self, map_first));
	ASSERT_EQ(0, start(self, map_second));
	ASSERT_EQ(0, start(self, write_both));
	while (!waitpid(self->child[2], &status, WNOHANG) && now_ns() < end) {
		while ((size = raw_next(&self->raw, buf)) > 0) {
			/* 8 + 100 padded, or 8 + 4 + 100. */
			EXPECT_EQ(header->type == PERF_RECORD_LOST ? 24 : 112, size);
			n++;
		}
		ASSERT_EQ(0, size);
	}
	self->children = 2;
	EXPECT_EQ(0, status);
	EXPECT_EQ(2, finish(self));
	EXPECT_LT(0, n);
	EXPECT_TRUE(mapped_whole(self->raw.page, self->raw.map));
}

/*
 * CVE-2023-5717: a group's read wrote more than had been measured. Each read_format
 * into a buffer that is as long as it must be and not a byte longer.
 */
TEST_F(lessons, read_fills_what_it_says)
{
	const uint64_t formats = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING |
				 PERF_FORMAT_ID | PERF_FORMAT_GROUP | PERF_FORMAT_LOST;
	struct perf_event_attr attr = output_attr();
	uint64_t format = 0, *value;
	char *guard;
	size_t size;
	int fd;

	guard = mmap(NULL, 2 * self->page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, guard);
	ASSERT_EQ(0, mprotect(guard + self->page, self->page, PROT_NONE));
	do {
		attr.read_format = format;
		fd = device_open(0);
		ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
		size = 8 * (1 + __builtin_popcountll(format));
		value = (uint64_t *)(guard + self->page - size);
		EXPECT_EQ((ssize_t)size, read(fd, value, self->page));
		EXPECT_EQ(format & PERF_FORMAT_GROUP ? 1 : 0, *value);
		memset(value, 0xee, size);
		EXPECT_EQ(-1, read(fd, value, size - 1));
		EXPECT_EQ(ENOSPC, errno);
		EXPECT_EQ(0xeeeeeeeeeeeeeeeeULL, *value);
		/* A byte too high: EFAULT, and no word behind the guard. */
		EXPECT_EQ(-1, read(fd, (char *)value + 1, size));
		EXPECT_EQ(EFAULT, errno);
		close(fd);
		format = (format - formats) & formats;
	} while (format);
	munmap(guard, 2 * self->page);
}

static int to_child[2], to_parent[2];

/* With the mapping that madvise(2) let through. */
static void inherit(FIXTURE_DATA(lessons) *self)
{
	char byte;

	if (!mapped_whole(self->raw.page, self->raw.map))
		_exit(1);
	if (write(to_parent[1], "x", 1) != 1 || read(to_child[0], &byte, 1) != 1)
		_exit(2);
	/* What the parent wrote after it had unmapped its own. */
	if (raw_head(&self->raw) != 16 || self->raw.data[8 + 4] != 'p')
		_exit(3);
	raw_drop(&self->raw);
	if (write(self->fd[0], "c", 1) != 1 || raw_head(&self->raw) != 32)
		_exit(4);
}

/*
 * CVE-2026-23380: MADV_DOFORK takes VM_DONTCOPY away, so a child has the mapping
 * that nobody had counted. It counts, lives as long as the child, and the pages stay
 * charged to the parent until then.
 */
TEST_F(lessons, dofork)
{
	char byte;

	ASSERT_EQ(0, pipe(to_child));
	ASSERT_EQ(0, pipe(to_parent));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd[0], PAGES, 0));
	ASSERT_EQ(0, madvise(self->raw.page, self->raw.map, MADV_DOFORK));
	ASSERT_EQ(0, start(self, inherit));
	ASSERT_EQ(1, read(to_parent[0], &byte, 1));
	raw_unmap(&self->raw);
	EXPECT_TRUE(mapped_whole(NULL, 0));
	EXPECT_EQ((1 + PAGES) * (long)self->page / 1024, pinned());
	EXPECT_EQ(0, poll_events(self->fd[0], 0) & POLLHUP);
	EXPECT_EQ(1, write(self->fd[0], "p", 1));
	EXPECT_EQ(1, write(to_child[1], "x", 1));
	EXPECT_EQ(1, finish(self));
	EXPECT_EQ(POLLHUP, poll_events(self->fd[0], 0));
	EXPECT_EQ(0, pinned());
	close(to_child[0]);
	close(to_child[1]);
	close(to_parent[0]);
	close(to_parent[1]);
}

/*
 * CVE-2024-41009: a position that user space may write let a second reservation
 * overlap the first one, and the kernel then trusted what stood there. Any tail, while
 * a record is held: records are lost or overwritten, which is the reader's own harm,
 * but counts, positions and the rest of the control page stay right.
 */
TEST_F(lessons, wild_tail_over_a_held_record)
{
	static const uint64_t tails[] = {
		0, 8, 1, 4095, 4096, 1ULL << 32, 1ULL << 63, -1ULL, -8ULL, -4096ULL,
		0xdeadbeefdeadbeefULL, 16384, 16384 - 8, 8192,
	};
	struct perfring_reserve reserve = {
		.size = sizeof(reserve), .type = 77, .len = 1000,
	};
	struct perfring_release release = { .size = sizeof(release) };
	struct perfring_position position = { .size = sizeof(position) };
	struct perf_event_mmap_page before;
	static uint64_t buf[8192];
	struct perfring_stats stats, old;
	unsigned int i, lap;

	ASSERT_EQ(0, raw_map(&self->raw, self->fd[0], PAGES, 0));
	for (i = 0; i < 2 * ARRAY_LEN(tails); i++) {
		ASSERT_EQ(0, device_stats(self->fd[0], &old));
		ASSERT_EQ(0, do_ioctl(self->fd[0], PERFRING_IOC_RESERVE, &reserve));
		before = *self->raw.page;
		self->raw.page->data_tail = tails[i / 2];
		EXPECT_EQ(0, emit(self->fd[0], PERF_RECORD_SAMPLE, 0, NULL, 100, 500, NULL));
		/* A reader that pretends to have read it all lets us lap the held record. */
		for (lap = 0; lap < 3; lap++) {
			ASSERT_EQ(0, device_stats(self->fd[0], &stats));
			self->raw.page->data_tail = stats.head;
			EXPECT_EQ(0, emit(self->fd[0], PERF_RECORD_SAMPLE, 0, NULL, 100, 150,
					  NULL));
		}
		self->raw.page->data_tail = tails[i / 2];
		EXPECT_EQ(before.data_head, raw_head(&self->raw));
		ASSERT_EQ(0, do_ioctl(self->fd[0], i & 1 ? PERFRING_IOC_DISCARD :
							   PERFRING_IOC_COMMIT, &release));
		EXPECT_EQ(0, raw_head(&self->raw) % 8);
		ASSERT_EQ(0, device_stats(self->fd[0], &stats));
		EXPECT_TRUE(stats_balance(&stats));
		EXPECT_EQ(1 + 500 + 3 * 150, stats.attempted - old.attempted);
		EXPECT_EQ(i & 1, stats.discarded - old.discarded);
		/* 8 + 4 + 100 each, and the held one as long as it was. */
		EXPECT_EQ((stats.written - old.written - !(i & 1)) * 112 +
			  (i & 1 ? 0 : reserve.record_size), stats.bytes - old.bytes);
		EXPECT_EQ(stats.head, raw_head(&self->raw));
		EXPECT_EQ(tails[i / 2], self->raw.page->data_tail);
		EXPECT_EQ(before.data_offset, self->raw.page->data_offset);
		EXPECT_EQ(before.data_size, self->raw.page->data_size);
		EXPECT_EQ(0, memcmp(&before, self->raw.page,
				    offsetof(struct perf_event_mmap_page, lock)));
		EXPECT_EQ(0, self->raw.page->aux_offset);

		/* A reader who behaves finds what is written from now on. */
		ASSERT_EQ(0, do_ioctl(self->fd[0], PERF_EVENT_IOC_DISABLE, NULL));
		ASSERT_EQ(0, do_ioctl(self->fd[0], PERFRING_IOC_SET_POSITION, &position));
		ASSERT_EQ(0, do_ioctl(self->fd[0], PERF_EVENT_IOC_ENABLE, NULL));
		self->raw.tail = 0;
		EXPECT_EQ(1, write(self->fd[0], "x", 1));
		while (raw_next(&self->raw, buf) > 0)
			;
		EXPECT_EQ(raw_head(&self->raw), self->raw.tail);
	}
}

DEVICE_MAIN
