// SPDX-License-Identifier: GPL-2.0
/*
 * The mapping of the device against that of a perf descriptor: which ones are
 * refused and how, what may be written, what becomes of parts.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

static size_t page_size;

FIXTURE(mapping) {
	int fd[2];	/* device, perf */
	char *map[2];
};

#define DATA_PAGES	4
#define RW		(PROT_READ | PROT_WRITE)

FIXTURE_SETUP(mapping)
{
	struct perf_event_attr attr = output_attr();

	page_size = sysconf(_SC_PAGESIZE);
	self->fd[0] = device_open(0);
	self->fd[1] = perf_open(&attr, -1, 0, -1);
	ASSERT_LE(0, self->fd[0]);
	ASSERT_LE(0, self->fd[1]);
}

FIXTURE_TEARDOWN(mapping)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

/* mmap(2); 0 or -errno, the address in *@at */
static int map_pages(int fd, size_t pages, int prot, int flags, off_t offset, char **at)
{
	char *map = mmap(NULL, pages * page_size, prot, flags, fd, offset * page_size);

	if (map == MAP_FAILED)
		return -errno;
	if (at)
		*at = map;
	else
		munmap(map, pages * page_size);
	return 0;
}

static void map_both(struct __test_metadata *_metadata, FIXTURE_DATA(mapping) *self, int prot)
{
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, map_pages(self->fd[i], 1 + DATA_PAGES, prot, MAP_SHARED, 0,
				       &self->map[i]));
	}
}

/* First mappings, one by one; each is gone before the next. */
TEST_F(mapping, first_like_perf)
{
	const struct {
		size_t pages;
		int prot, flags;
		off_t offset;
	} table[] = {
		{ 1 + 4, RW, MAP_SHARED, 0 },
		{ 1 + 4, PROT_READ, MAP_SHARED, 0 },
		{ 1 + 4, PROT_NONE, MAP_SHARED, 0 },
		{ 1 + 4, RW, MAP_PRIVATE, 0 },
		{ 1 + 4, PROT_READ, MAP_PRIVATE, 0 },
		{ 1, RW, MAP_SHARED, 0 },
		{ 1, PROT_READ, MAP_SHARED, 0 },
		{ 1 + 3, RW, MAP_SHARED, 0 },
		{ 4, RW, MAP_SHARED, 0 },
		{ 1 + 5, RW, MAP_SHARED, 0 },
		{ 1 + 17, RW, MAP_SHARED, 0 },
		{ 1 + 4, RW, MAP_SHARED, 4 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		EXPECT_EQ(map_pages(self->fd[1], table[i].pages, table[i].prot, table[i].flags,
				    table[i].offset, NULL),
			  map_pages(self->fd[0], table[i].pages, table[i].prot, table[i].flags,
				    table[i].offset, NULL)) {
			TH_LOG("case %u", i);
		}
	}
	/* An offset is never right here; perf has found a use for some. */
	EXPECT_EQ(-EINVAL, map_pages(self->fd[0], 1 + 4, RW, MAP_SHARED, 1, NULL));
}

/*
 * A second mapping shows the same ring: its size has to be the same. What
 * is written through one is seen through the other, which stays when the first goes.
 */
TEST_F(mapping, second_like_perf)
{
	static const size_t pages[] = { 1, 1 + 2, 1 + 4, 1 + 8 };
	char *again[2] = {};
	unsigned int i;
	struct perf_event_mmap_page *page;

	map_both(_metadata, self, PROT_READ | PROT_WRITE);
	for (i = 0; i < ARRAY_LEN(pages); i++) {
		EXPECT_EQ(map_pages(self->fd[1], pages[i], RW, MAP_SHARED, 0, NULL),
			  map_pages(self->fd[0], pages[i], RW, MAP_SHARED, 0, NULL)) {
			TH_LOG("second mapping of %zu pages", pages[i]);
		}
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, map_pages(self->fd[i], 1 + DATA_PAGES, PROT_READ, MAP_SHARED, 0,
				       &again[i]));
		((struct perf_event_mmap_page *)self->map[i])->data_tail = 4711;
		page = (void *)again[i];
		EXPECT_EQ(4711, page->data_tail);
		ASSERT_EQ(0, munmap(self->map[i], (1 + DATA_PAGES) * page_size));
		EXPECT_EQ(4711, page->data_tail);
		EXPECT_EQ(DATA_PAGES * page_size, page->data_size);
		ASSERT_EQ(0, munmap(again[i], (1 + DATA_PAGES) * page_size));
	}
	/* All gone: another size is fine. */
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, map_pages(self->fd[i], 1 + 8, RW, MAP_SHARED, 0, NULL));
	}
}

/* What a fresh control page says. */
TEST_F(mapping, control_page)
{
	struct perf_event_mmap_page *ours, *perfs;

	map_both(_metadata, self, PROT_READ | PROT_WRITE);
	ours = (void *)self->map[0];
	perfs = (void *)self->map[1];
	EXPECT_EQ(page_size, ours->data_offset);
	EXPECT_EQ(DATA_PAGES * page_size, ours->data_size);
	EXPECT_EQ(perfs->data_offset, ours->data_offset);
	EXPECT_EQ(perfs->data_size, ours->data_size);
	EXPECT_EQ(perfs->version, ours->version);
	EXPECT_EQ(perfs->compat_version, ours->compat_version);
	EXPECT_EQ(perfs->size, ours->size);
	EXPECT_EQ(0U + perfs->cap_bit0_is_deprecated, 0U + ours->cap_bit0_is_deprecated);
	EXPECT_EQ(0, ours->data_head);
	EXPECT_EQ(0, ours->data_tail);
	EXPECT_EQ(0, ours->aux_size);
}

/* The signal that ends a child which touches @at, 0 if none does. */
static int touch(volatile char *at, bool write)
{
	int status = 0;
	pid_t child;

	/* The mapping does not go to a child of fork: its parent is the one to try. */
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

/* Only the control page may be written, and in a read-only mapping nothing. */
TEST_F(mapping, writes_like_perf)
{
	int i, page, signals[2];

	map_both(_metadata, self, PROT_READ | PROT_WRITE);
	for (page = 0; page <= DATA_PAGES; page++) {
		for (i = 0; i < 2; i++) {
			EXPECT_EQ(0, touch(self->map[i] + page * page_size, false));
			signals[i] = touch(self->map[i] + page * page_size + 8, true);
		}
		EXPECT_EQ(signals[1], signals[0]);
		EXPECT_EQ(page ? SIGBUS : 0, signals[0]);
	}
	for (i = 0; i < 2; i++)
		munmap(self->map[i], (1 + DATA_PAGES) * page_size);
	map_both(_metadata, self, PROT_READ);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(SIGSEGV, touch(self->map[i], true));
	}
}

/* Parts of it: head and data belong together. */
TEST_F(mapping, parts)
{
	char *map = NULL, *place;

	ASSERT_EQ(0, map_pages(self->fd[0], 1 + DATA_PAGES, RW, MAP_SHARED, 0, &map));
	EXPECT_EQ(-1, munmap(map, page_size));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, munmap(map + page_size, page_size));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, munmap(map + DATA_PAGES * page_size, page_size));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, mprotect(map + page_size, page_size, PROT_READ));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(map + page_size, page_size, PROT_READ,
				   MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	place = mmap(NULL, page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, place);
	EXPECT_EQ(MAP_FAILED, mremap(map, page_size, page_size, MREMAP_MAYMOVE | MREMAP_FIXED,
				     place));
	/* It is whole and works. */
	EXPECT_EQ(DATA_PAGES * page_size, ((struct perf_event_mmap_page *)map)->data_size);
	EXPECT_EQ(0, touch(map + DATA_PAGES * page_size, false));
	EXPECT_EQ(0, munmap(map, (1 + DATA_PAGES) * page_size));
}

/* It does not grow, and may move as a whole. */
TEST_F(mapping, mremap_like_perf)
{
	size_t len = (1 + DATA_PAGES) * page_size;
	int i, err[2];
	char *moved;

	map_both(_metadata, self, PROT_READ | PROT_WRITE);
	for (i = 0; i < 2; i++) {
		moved = mremap(self->map[i], len, 2 * len, MREMAP_MAYMOVE);
		err[i] = moved == MAP_FAILED ? errno : 0;
	}
	EXPECT_EQ(EFAULT, err[0]);
	EXPECT_EQ(err[1], err[0]);
	for (i = 0; i < 2; i++) {
		char *place = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		ASSERT_NE(MAP_FAILED, place);
		moved = mremap(self->map[i], len, len, MREMAP_MAYMOVE | MREMAP_FIXED, place);
		err[i] = moved == MAP_FAILED ? errno : 0;
		if (!err[i]) {
			EXPECT_EQ(0, touch(moved + page_size, false));
			EXPECT_EQ(0, munmap(moved, len));
		}
	}
	EXPECT_EQ(err[1], err[0]);
}

/* The child of a fork does not have it. */
TEST_F(mapping, fork_like_perf)
{
	unsigned char vec;
	int i, status;
	pid_t child;

	map_both(_metadata, self, PROT_READ | PROT_WRITE);
	for (i = 0; i < 2; i++) {
		child = fork();
		if (!child)
			/* mincore(2) of nothing is ENOMEM. */
			_exit(mincore(self->map[i], page_size, &vec) ? errno : 0);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(ENOMEM, WEXITSTATUS(status));
		EXPECT_EQ(0, touch(self->map[i], false));
	}
}

/* Locked memory is charged once for each ring, to one account with perf's: VmPin of the process. */
TEST_F(mapping, accounting)
{
	long mlock_kb = file_long("/proc/sys/kernel/perf_event_mlock_kb", -1);
	size_t pages = 2;
	char status[4096], *at;
	long before, with;
	char *map0 = NULL;

	/* Twice what all CPUs have free of charge, so that some of it is pinned. */
	while (pages * page_size / 1024 < 2UL * mlock_kb * cpu_count_online())
		pages *= 2;
	ASSERT_LT(0, file_read("/proc/self/status", status, sizeof(status)));
	at = strstr(status, "VmPin:");
	ASSERT_NE(NULL, at);
	before = atol(at + 6);
	ASSERT_EQ(0, map_pages(self->fd[0], 1 + pages, PROT_READ, MAP_SHARED, 0, &map0));
	ASSERT_LT(0, file_read("/proc/self/status", status, sizeof(status)));
	with = atol(strstr(status, "VmPin:") + 6);
	EXPECT_LT(before, with);
	/* At most all of it; at least what is not free. */
	EXPECT_LE(with - before, (long)((1 + pages) * page_size / 1024));
	EXPECT_GE(with - before, (long)((1 + pages) * page_size / 1024) -
				 mlock_kb * cpu_count_online());
	ASSERT_EQ(0, munmap(map0, (1 + pages) * page_size));
	ASSERT_LT(0, file_read("/proc/self/status", status, sizeof(status)));
	EXPECT_EQ(before, atol(strstr(status, "VmPin:") + 6));
}

DEVICE_MAIN
