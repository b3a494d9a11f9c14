// SPDX-License-Identifier: GPL-2.0
/*
 * Side-band records of real perf: each is caused on purpose, and its fields are
 * compared with what the cause was; with sample_id and without.
 */
#include <bpf/bpf.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/hw_breakpoint.h>
#include <link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
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
static int start(FIXTURE_DATA(side) *self, pid_t pid, int cpu)
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

static bool any(const struct perfring_event *event, const void *what)
{
	return true;
}

/* The next record of @kind that @match likes; it stays in the ring until the next call. */
static bool find(FIXTURE_DATA(side) *self, uint32_t kind,
		 bool (*match)(const struct perfring_event *, const void *), const void *what)
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
static void check_id(struct __test_metadata *_metadata, FIXTURE_DATA(side) *self, uint64_t since)
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
			const unsigned char *desc = at + sizeof(*note) + ((note->n_namesz + 3) & ~3);

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
	self->attr.bp_len = HW_BREAKPOINT_LEN_8;
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
	uint64_t since = now_ns();

	self->attr.context_switch = 1;
	ASSERT_EQ(0, start(self, 0, -1));
	sleep_ms(2);
	ASSERT_TRUE(find(self, PERFRING_EVENT_SWITCH, goes, NULL));
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

/* In the order of linux/perf_event.h. */
TEST_F(side, namespaces)
{
	static const char *const names[] = { "net", "uts", "ipc", "pid", "user", "mnt", "cgroup" };
	uint64_t since = now_ns();
	struct stat st;
	char path[64];

	self->attr.namespaces = 1;
	ASSERT_EQ(0, start(self, 0, -1));
	ASSERT_EQ(0, unshare(CLONE_NEWUTS));
	ASSERT_TRUE(find(self, PERFRING_EVENT_NAMESPACES, any, NULL));
	EXPECT_EQ((uint32_t)getpid(), U.namespaces.pid);
	EXPECT_EQ((uint32_t)gettid(), U.namespaces.tid);
	ASSERT_LE(ARRAY_LEN(names), U.namespaces.nr);
	for (unsigned int i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		ASSERT_EQ(0, stat(path, &st)) {
			TH_LOG("%s", path);
		}
		EXPECT_EQ(st.st_ino, U.namespaces.link[i].ino) {
			TH_LOG("%s", names[i]);
		}
		EXPECT_EQ(st.st_dev, U.namespaces.link[i].dev);
	}
	CHECK_ID(since);
}

static bool of_program(const struct perfring_event *event, const void *id)
{
	return event->u.bpf_event.id == *(const uint32_t *)id;
}

static bool of_addr(const struct perfring_event *event, const void *addr)
{
	return event->u.ksymbol.addr == *(const uint64_t *)addr;
}

TEST_F(side, ksymbol_and_bpf_event)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	uint64_t since = now_ns(), addr = 0;
	struct bpf_prog_info info = {
		.jited_ksyms = (uintptr_t)&addr, .nr_jited_ksyms = 1,
	};
	uint32_t len = sizeof(info);
	char name[64];
	int fd;

	self->attr.ksymbol = 1;
	self->attr.bpf_event = 1;
	ASSERT_EQ(0, start(self, 0, -1));
	fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "perfring", "GPL", code, 2, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bpf_obj_get_info_by_fd(fd, &info, &len));
	if (!info.jited_prog_len)
		SKIP(return, "no BPF JIT: programs are no kernel symbols");
	snprintf(name, sizeof(name), "bpf_prog_%02x%02x%02x%02x%02x%02x%02x%02x_perfring",
		 info.tag[0], info.tag[1], info.tag[2], info.tag[3], info.tag[4], info.tag[5],
		 info.tag[6], info.tag[7]);
	ASSERT_TRUE(find(self, PERFRING_EVENT_KSYMBOL, of_addr, &addr));
	EXPECT_EQ(info.jited_prog_len, U.ksymbol.len);
	EXPECT_EQ(PERF_RECORD_KSYMBOL_TYPE_BPF, U.ksymbol.type);
	EXPECT_EQ(0, U.ksymbol.flags);
	EXPECT_STREQ(name, U.ksymbol.name);
	CHECK_ID(since);
	ASSERT_TRUE(find(self, PERFRING_EVENT_BPF_EVENT, of_program, &info.id));
	EXPECT_EQ(PERF_BPF_EVENT_PROG_LOAD, U.bpf_event.type);
	EXPECT_EQ(0, memcmp(info.tag, U.bpf_event.tag, 8));
	CHECK_ID(since);

	close(fd);
	ASSERT_TRUE(find(self, PERFRING_EVENT_KSYMBOL, of_addr, &addr));
	EXPECT_EQ(PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER, U.ksymbol.flags);
	EXPECT_STREQ(name, U.ksymbol.name);
	ASSERT_TRUE(find(self, PERFRING_EVENT_BPF_EVENT, of_program, &info.id));
	EXPECT_EQ(PERF_BPF_EVENT_PROG_UNLOAD, U.bpf_event.type);
}

/* A folder of cgroups, made and taken away; what it was is in @st. */
static void make_cgroup(const char *folder, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	if (!mkdir(folder, 0755))
		stat(folder, st);
	rmdir(folder);
}

/*
 * A cgroup is made, in a mount of our own; its id is the number of its folder.  Where no
 * controller was ever handed down, as in a fresh guest, perf's is not either.
 */
TEST_F(side, cgroup)
{
	char mount_point[] = "/tmp/perfring.XXXXXX", folder[100], control[100], base[40];
	uint64_t since = now_ns();
	const char *slash;
	struct stat st;
	bool found;
	int err;

	self->attr.cgroup = 1;
	err = start(self, 0, -1);
	if (err == -EINVAL)
		SKIP(return, "this kernel has no cgroup records");
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_NE(NULL, mkdtemp(mount_point));
	if (mount("none", mount_point, "cgroup2", 0, NULL)) {
		err = errno;
		rmdir(mount_point);
		SKIP(return, "cgroup2 cannot be mounted: %s", strerror(err));
	}
	snprintf(base, sizeof(base), "perfring-%d", getpid());
	snprintf(folder, sizeof(folder), "%s/%s", mount_point, base);
	snprintf(control, sizeof(control), "%s/cgroup.subtree_control", mount_point);
	make_cgroup(folder, &st);
	found = find(self, PERFRING_EVENT_CGROUP, any, NULL);
	if (!found && !file_write(control, "+pids")) {
		make_cgroup(folder, &st);
		found = find(self, PERFRING_EVENT_CGROUP, any, NULL);
		file_write(control, "-pids");
	}
	umount(mount_point);
	rmdir(mount_point);
	ASSERT_TRUE(found);
	EXPECT_EQ(st.st_ino, U.cgroup.id);
	slash = strrchr(U.cgroup.path, '/');
	ASSERT_NE(NULL, slash);
	EXPECT_STREQ(base, slash + 1);
	CHECK_ID(since);
}

struct poke {
	uint64_t addr;
	unsigned int len;
	unsigned char from[16], to[16];
};

static bool pokes_back(const struct perfring_event *event, const void *what)
{
	const struct poke *poke = what;

	return event->u.text_poke.addr == poke->addr &&
	       event->u.text_poke.old_len == poke->len &&
	       event->u.text_poke.new_len == poke->len &&
	       !memcmp(event->u.text_poke.old_bytes, poke->to, poke->len) &&
	       !memcmp(event->u.text_poke.new_bytes, poke->from, poke->len);
}

/*
 * The first event of a software kind makes jumps of no-ops in the kernel's text, and the
 * end of the last one makes no-ops of the jumps: the same bytes, the other way round.
 * Somebody else may have such an event now and then.
 */
TEST_F(side, text_poke)
{
	struct perf_event_attr fault = output_attr();
	uint64_t since = now_ns(), deadline = since + 2000000000ULL;
	struct poke poke;
	bool found;
	int err, fd;

	fault.config = PERF_COUNT_SW_PAGE_FAULTS_MAJ;
	self->attr.text_poke = 1;
	err = start(self, 0, -1);
	if (err == -EINVAL)
		SKIP(return, "this kernel has no text_poke records");
	ASSERT_EQ(0, err);
	do {
		fd = perf_open(&fault, 0, -1, -1);
		ASSERT_LE(0, fd);
		found = find(self, PERFRING_EVENT_TEXT_POKE, any, NULL);
		if (found)
			break;
		close(fd);
		sleep_ms(10);
	} while (now_ns() < deadline);
	if (!found)
		SKIP(return, "this kernel tells of no change to its text when an event's jumps are patched");
	CHECK_ID(since);
	EXPECT_LE(1ULL << 63, U.text_poke.addr);
	poke.addr = U.text_poke.addr;
	poke.len = U.text_poke.old_len;
	ASSERT_LE(2, poke.len);
	ASSERT_GE(sizeof(poke.from), poke.len);
	ASSERT_EQ(poke.len, U.text_poke.new_len);
	memcpy(poke.from, U.text_poke.old_bytes, poke.len);
	memcpy(poke.to, U.text_poke.new_bytes, poke.len);
	EXPECT_NE(0, memcmp(poke.from, poke.to, poke.len));
	while (find(self, PERFRING_EVENT_TEXT_POKE, any, NULL))
		;
	close(fd);
	do {
		found = find(self, PERFRING_EVENT_TEXT_POKE, pokes_back, &poke);
		sleep_ms(found ? 0 : 10);
	} while (!found && now_ns() < deadline);
	EXPECT_TRUE(found);
}

TEST_HARNESS_MAIN
