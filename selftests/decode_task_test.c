// SPDX-License-Identifier: GPL-2.0
/*
 * Side-band records of real perf about tasks and their mappings: each is caused on purpose,
 * and its fields are compared with what the cause was.
 */
#include <elf.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include "side.h"

TEST_F(side, comm)
{
	uint64_t since = now_ns();

	self->attr.comm = 1;
	ASSERT_EQ(0, start(self, 0, -1));
	ASSERT_EQ(0, prctl(PR_SET_NAME, "a new name"));
	ASSERT_TRUE(find(self, PERFRING_EVENT_COMM, any, NULL));
	EXPECT_EQ((uint32_t)getpid(), U.comm.pid);
	EXPECT_EQ((uint32_t)gettid(), U.comm.tid);
	EXPECT_EQ(0, U.comm.exec);
	EXPECT_STREQ("a new name", U.comm.comm);
	CHECK_ID(since);
	EXPECT_FALSE(find(self, PERFRING_EVENT_COMM, any, NULL));
}

/* A child waits, is watched, and becomes this program's help. */
TEST_F(side, comm_exec)
{
	int go[2], status;
	pid_t child;
	char c;

	self->attr.comm = 1;
	self->attr.comm_exec = 1;
	ASSERT_EQ(0, pipe(go));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (read(go[0], &c, 1) == 1) {
			freopen("/dev/null", "w", stdout);
			freopen("/dev/null", "w", stderr);
			execl("/proc/self/exe", "help", "-h", NULL);
		}
		_exit(1);
	}
	ASSERT_EQ(0, start(self, child, -1));
	ASSERT_EQ(1, write(go[1], "g", 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(find(self, PERFRING_EVENT_COMM, any, NULL));
	EXPECT_EQ((uint32_t)child, U.comm.pid);
	EXPECT_EQ(1, U.comm.exec);
	EXPECT_STREQ("exe", U.comm.comm);
	if (variant->id)
		EXPECT_EQ((uint32_t)child, self->event.id.tid);
}

/* An inherited event hears the child's end as well. */
TEST_F(side, fork_and_exit)
{
	uint64_t since = now_ns();
	pid_t child;

	self->attr.task = 1;
	self->attr.inherit = 1;
	ASSERT_EQ(0, start(self, 0, 0));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(0);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	ASSERT_TRUE(find(self, PERFRING_EVENT_FORK, any, NULL));
	EXPECT_EQ((uint32_t)child, U.task.pid);
	EXPECT_EQ((uint32_t)child, U.task.tid);
	EXPECT_EQ((uint32_t)getpid(), U.task.ppid);
	EXPECT_EQ((uint32_t)gettid(), U.task.ptid);
	EXPECT_LE(since, U.task.time);
	CHECK_ID(since);
	since = U.task.time;
	ASSERT_TRUE(find(self, PERFRING_EVENT_EXIT, any, NULL));
	EXPECT_EQ((uint32_t)child, U.task.pid);
	EXPECT_EQ((uint32_t)child, U.task.tid);
	EXPECT_EQ((uint32_t)getpid(), U.task.ppid);
	EXPECT_LE(since, U.task.time);
	EXPECT_GE(now_ns(), U.task.time);
	if (variant->id)
		EXPECT_EQ((uint32_t)child, self->event.id.pid);
}

static bool at_addr(const struct perfring_event *event, const void *addr)
{
	return event->u.mmap.addr == (uintptr_t)addr;
}

/* The second page of a file that nobody else has. */
static void *map_file(struct __test_metadata *_metadata, int prot, struct stat *st)
{
	long page = sysconf(_SC_PAGESIZE);
	int fd = memfd_create("perfring", 0);
	void *map;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 2 * page));
	ASSERT_EQ(0, fstat(fd, st));
	map = mmap(NULL, page, prot, MAP_SHARED, fd, page);
	close(fd);
	ASSERT_NE(MAP_FAILED, map);
	return map;
}

TEST_F(side, mmap)
{
	uint64_t since = now_ns();
	struct stat st;
	void *map;

	self->attr.mmap = 1;
	ASSERT_EQ(0, start(self, 0, -1));
	map = map_file(_metadata, PROT_READ | PROT_EXEC, &st);
	ASSERT_TRUE(find(self, PERFRING_EVENT_MMAP, at_addr, map));
	EXPECT_EQ((uint32_t)getpid(), U.mmap.pid);
	EXPECT_EQ((uint32_t)gettid(), U.mmap.tid);
	EXPECT_EQ((uint64_t)sysconf(_SC_PAGESIZE), U.mmap.len);
	EXPECT_EQ((uint64_t)sysconf(_SC_PAGESIZE), U.mmap.pgoff);
	EXPECT_EQ(0, U.mmap.data);
	EXPECT_STREQ("/memfd:perfring (deleted)", U.mmap.filename);
	CHECK_ID(since);
}

TEST_F(side, mmap2)
{
	uint64_t since = now_ns();
	struct stat st;
	void *map;

	self->attr.mmap = 1;
	self->attr.mmap2 = 1;
	ASSERT_EQ(0, start(self, 0, -1));
	map = map_file(_metadata, PROT_READ | PROT_EXEC, &st);
	ASSERT_TRUE(find(self, PERFRING_EVENT_MMAP2, at_addr, map));
	EXPECT_EQ((uint32_t)getpid(), U.mmap.pid);
	EXPECT_EQ((uint64_t)sysconf(_SC_PAGESIZE), U.mmap.len);
	EXPECT_EQ((uint64_t)sysconf(_SC_PAGESIZE), U.mmap.pgoff);
	EXPECT_EQ(major(st.st_dev), U.mmap.maj);
	EXPECT_EQ(minor(st.st_dev), U.mmap.min);
	EXPECT_EQ(st.st_ino, U.mmap.ino);
	EXPECT_EQ(NULL, U.mmap.build_id);
	EXPECT_EQ(PROT_READ | PROT_EXEC, U.mmap.prot);
	EXPECT_EQ(MAP_SHARED, U.mmap.flags);
	EXPECT_STREQ("/memfd:perfring (deleted)", U.mmap.filename);
	CHECK_ID(since);
}

TEST_F(side, mmap_data)
{
	struct stat st;
	void *map;

	self->attr.mmap = 1;
	self->attr.mmap2 = 1;
	self->attr.mmap_data = 1;
	ASSERT_EQ(0, start(self, 0, -1));
	map = map_file(_metadata, PROT_READ | PROT_WRITE, &st);
	ASSERT_TRUE(find(self, PERFRING_EVENT_MMAP2, at_addr, map));
	EXPECT_EQ(1, U.mmap.data);
	EXPECT_EQ(PROT_READ | PROT_WRITE, U.mmap.prot);
	EXPECT_EQ(st.st_ino, U.mmap.ino);
}

struct build_id {
	const unsigned char *bytes;
	size_t size;
};

/* The note of the first object, which is the program itself. */
static int own_build_id(struct dl_phdr_info *info, size_t size, void *context)
{
	struct build_id *id = context;

	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const unsigned char *at = (const unsigned char *)info->dlpi_addr + p->p_vaddr;
		const unsigned char *end = at + p->p_memsz;

		if (p->p_type != PT_NOTE)
			continue;
		while (at + sizeof(ElfW(Nhdr)) <= end) {
			const ElfW(Nhdr) *note = (const void *)at;
			const unsigned char *desc =
				at + sizeof(*note) + ((note->n_namesz + 3) & ~3);

			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4) {
				id->bytes = desc;
				id->size = note->n_descsz;
			}
			at = desc + ((note->n_descsz + 3) & ~3);
		}
	}
	return 1;
}

TEST_F(side, mmap2_build_id)
{
	struct build_id id = { NULL, 0 };
	void *map;
	int fd;

	dl_iterate_phdr(own_build_id, &id);
	if (!id.bytes)
		SKIP(return, "this program was linked without a build id");
	self->attr.mmap = 1;
	self->attr.mmap2 = 1;
	self->attr.build_id = 1;
	ASSERT_EQ(0, start(self, 0, -1));
	fd = open("/proc/self/exe", O_RDONLY);
	map = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_TRUE(find(self, PERFRING_EVENT_MMAP2, at_addr, map));
	ASSERT_NE(NULL, U.mmap.build_id);
	ASSERT_EQ(id.size, U.mmap.build_id_size);
	EXPECT_EQ(0, memcmp(id.bytes, U.mmap.build_id, id.size));
	EXPECT_EQ(0, U.mmap.ino);
	EXPECT_EQ(MAP_PRIVATE, U.mmap.flags);
}

static void stop(FIXTURE_DATA(side) *self)
{
	perfring_ring_close(self->ring);
	perfring_storage_close(self->storage);
	perfring_format_free(self->format);
	self->ring = NULL;
	self->storage = NULL;
	self->format = NULL;
	self->event.size = 0;
}

/* A child, with an inherited event, writes @word five times and ends.  Its pid, or -errno. */
static pid_t write_five(FIXTURE_DATA(side) *self, volatile uint64_t *word)
{
	struct perf_event_attr other = output_attr();
	int err, fd, go[2];
	pid_t child;
	char c;

	err = start(self, 0, 0);
	if (err)
		return err;
	if (pipe(go))
		return -errno;
	child = fork();
	if (!child) {
		close(go[1]);
		if (read(go[0], &c, 1))
			_exit(1);
		for (unsigned int i = 0; i < 5; i++)
			*word = i;
		pass_time();
		_exit(0);
	}
	/* With other events the kernel does not swap the events of the two when it switches. */
	other.config = PERF_COUNT_SW_DUMMY;
	fd = perf_open(&other, 0, -1, -1);
	close(go[0]);
	close(go[1]);
	waitpid(child, NULL, 0);
	close(fd);
	return child;
}

/*
 * A child writes the watched word five times and ends: its count is read at its exit.
 * When the two were switched before we could prevent that they are swapped, it is our own
 * event that ended; try again.
 */
TEST_F(side, read)
{
	uint64_t deadline = now_ns() + 2000000000ULL, words[3];
	struct perfring_read_entry entry;
	volatile uint64_t *word;
	bool found = false;
	pid_t child;

	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)word);
	self->attr.type = PERF_TYPE_BREAKPOINT;
	self->attr.config = 0;
	self->attr.bp_type = HW_BREAKPOINT_W;
	self->attr.bp_addr = (uintptr_t)word;
	self->attr.bp_len = HW_BREAKPOINT_LEN_4;
	self->attr.sample_period = 1000000;
	self->attr.exclude_kernel = 1;
	self->attr.inherit = 1;
	self->attr.inherit_stat = 1;
	self->attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_ID;
	do {
		stop(self);
		child = write_five(self, word);
		if (child == -ENOENT || child == -ENODEV || child == -EOPNOTSUPP)
			SKIP(return, "no hardware breakpoint: %s", strerror(-child));
		ASSERT_LE(0, child);
		found = find(self, PERFRING_EVENT_READ, any, NULL);
	} while (!found && now_ns() < deadline);
	if (!found)
		SKIP(return, "this kernel reads no counts at a task's exit (as some from 5.13 on do not)");
	EXPECT_EQ((uint32_t)child, U.read.pid);
	EXPECT_EQ((uint32_t)child, U.read.tid);
	EXPECT_EQ(1, U.read.values.nr);
	ASSERT_EQ(0, perfring_read_entry(&U.read.values, 0, &entry));
	EXPECT_EQ(5, entry.value);
	EXPECT_LT(0, entry.id);
	EXPECT_LT(0, U.read.values.time_enabled);
	/* The sum of all is the same, because nobody else wrote. */
	ASSERT_EQ(3, perfring_storage_read(self->storage, words, 3));
	EXPECT_EQ(5, words[0]);
	EXPECT_EQ(self->id, words[2]);
}

static bool goes(const struct perfring_event *event, const void *what)
{
	return event->u.context_switch.out && !event->u.context_switch.preempt;
}

static bool comes(const struct perfring_event *event, const void *what)
{
	return !event->u.context_switch.out;
}

TEST_F(side, switch)
{
	uint64_t since = now_ns(), end = since + 1000000000;

	self->attr.context_switch = 1;
	ASSERT_EQ(0, start(self, 0, -1));
	/* Who is not yet asleep when the time is over does not go. */
	do {
		ASSERT_GT(end, now_ns());
		sleep_ms(2);
	} while (!find(self, PERFRING_EVENT_SWITCH, goes, NULL));
	CHECK_ID(since);
	since = self->event.id.time;
	ASSERT_TRUE(find(self, PERFRING_EVENT_SWITCH, comes, NULL));
	CHECK_ID(since);
}

static bool goes_to(const struct perfring_event *event, const void *tid)
{
	return event->u.context_switch.out &&
	       event->u.context_switch.tid == *(const uint32_t *)tid;
}

/*
 * We sleep, and come back: in between whoever ran before us said that we are the next,
 * and right behind it we say who that was.
 */
TEST_F(side, switch_cpu_wide)
{
	uint32_t me = gettid(), before;

	self->attr.context_switch = 1;
	ASSERT_EQ(0, start(self, -1, 0));
	sleep_ms(2);
	ASSERT_EQ(0, perfring_storage_disable(self->storage));
	ASSERT_TRUE(find(self, PERFRING_EVENT_SWITCH_CPU_WIDE, goes_to, &me));
	EXPECT_EQ((uint32_t)getpid(), U.context_switch.pid);
	before = self->event.id.tid;
	ASSERT_TRUE(find(self, PERFRING_EVENT_SWITCH_CPU_WIDE, comes, NULL));
	if (variant->id) {
		EXPECT_EQ(me, self->event.id.tid);
		EXPECT_EQ(before, U.context_switch.tid);
	} else {
		EXPECT_NE(me, U.context_switch.tid);
	}
}

TEST_HARNESS_MAIN
