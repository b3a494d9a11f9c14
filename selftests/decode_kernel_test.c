// SPDX-License-Identifier: GPL-2.0
/*
 * Side-band records of real perf about what the kernel makes: namespaces, cgroups, BPF
 * programs, changes of its own text.  Each is caused on purpose, as in decode_task_test.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "side.h"

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

#define JIT	"/proc/sys/net/core/bpf_jit_enable"

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
	char name[64], before[8] = "1";
	int fd;

	self->attr.ksymbol = 1;
	self->attr.bpf_event = 1;
	ASSERT_EQ(0, start(self, 0, -1));
	/* Off on i386, where it knows but simple programs. */
	file_read(JIT, before, sizeof(before));
	file_write(JIT, "1");
	fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "perfring", "GPL", code, 2, NULL);
	file_write(JIT, before);
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
	/* With 32 bits only a half of it is the folder's number. */
	EXPECT_EQ(st.st_ino, (unsigned long)U.cgroup.id);
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
	EXPECT_LE(LOWEST_KERNEL, U.text_poke.addr);
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
