// SPDX-License-Identifier: GPL-2.0
/*
 * The source kprobe: hits and stacks against perf's own kprobes, symbols that are
 * none, who may ask and see.
 */
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include "kprobe.h"

#define MOST	1000
#define KPTR	"/proc/sys/kernel/kptr_restrict"

/* How many probes are in the kernel; a line each, the last without its newline; -errno */
static int probes(void)
{
	static char text[65536];
	int i, ret, n;

	ret = file_read("/sys/kernel/debug/kprobes/list", text, sizeof(text));
	for (i = 0, n = ret > 0; i < ret; i++)
		n += text[i] == '\n';
	return ret < 0 ? ret : n;
}

static bool debugfs_here(void)
{
	return !access("/sys/kernel/debug/kprobes", F_OK) ||
	       (!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
		!mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL));
}

struct hit {
	uint64_t ip;
	int64_t pid;
	uint64_t nr;		/* of the stack */
	uint64_t stack[130];
};

/*
 * Record in @buf: TID, CALLCHAIN, RAW, whose payload begins after @skip bytes with
 * the address.
 */
static void parse(const uint64_t *buf, unsigned int skip, struct hit *hit)
{
	const unsigned char *raw;
	int32_t pid;

	memset(hit, 0, sizeof(*hit));
	memcpy(&pid, &buf[1], sizeof(pid));
	hit->pid = pid;
	hit->nr = buf[2];
	memcpy(hit->stack, &buf[3], hit->nr * sizeof(*buf));
	raw = (const unsigned char *)&buf[3 + hit->nr];
	memcpy(&hit->ip, raw + 4 + skip, sizeof(hit->ip));
}

static int hits(struct raw *raw, uint64_t *buf, unsigned int skip, struct hit *hit)
{
	int n = 0;

	while (n < MOST && raw_next(raw, buf) > 0) {
		if (((struct perf_event_header *)buf)->type != PERF_RECORD_SAMPLE || buf[2] > 129)
			return -1;
		parse(buf, skip, &hit[n]);
		/* Another task's are another matter. */
		n += hit[n].pid == getpid();
	}
	return n;
}

/* The first place behind the one where a function is entered that can be probed. */
static int second_place(const char *symbol)
{
	struct perf_event_attr attr = kprobe_attr(symbol);

	/* The entry may be a landing pad and a call of ftrace, together 9 bytes. */
	for (attr.config2 = 9; attr.config2 < 64; attr.config2++)
		if (!oracle(attr))
			return attr.config2;
	return -1;
}

/* Has the kernel made a jump of the probe that lies in SYMBOL at this offset? */
static bool is_jump(int offset)
{
	static char text[65536];
	char place[32], *line;

	if (file_read("/sys/kernel/debug/kprobes/list", text, sizeof(text)) < 0)
		return false;
	/* Several symbols may be there; all of them end so. */
	snprintf(place, sizeof(place), "getppid+%#x ", offset);
	line = strstr(text, place);
	if (!line)
		return false;
	line[strcspn(line, "\n")] = '\0';
	return strstr(line, "[OPTIMIZED]");
}

static bool becomes_jump(int offset)
{
	unsigned int i = 500 * slowness();

	while (!is_jump(offset) && --i)
		sleep_ms(10);
	return i;
}

/*
 * A place of which the kernel makes a jump. Probes of perf's on all that leave
 * room for one, 5 bytes, show it; it takes the kernel some time.
 */
static int jump_place(const char *symbol)
{
	struct perf_event_attr attr = perf_attr(kprobe_attr(symbol));
	int fd[64], place = -1, i;
	unsigned int j;

	memset(fd, -1, sizeof(fd));
	for (i = 9; i < (int)ARRAY_LEN(fd); i++) {
		attr.config2 = i;
		fd[i] = perf_open(&attr, -1, 0, -1);
		i += fd[i] < 0 ? 0 : 4;
	}
	for (j = 500 * slowness(); j && place < 0; j--) {
		sleep_ms(10);
		for (i = 0; i < (int)ARRAY_LEN(fd) && place < 0; i++)
			if (fd[i] >= 0 && is_jump(i))
				place = i;
	}
	for (i = 0; i < (int)ARRAY_LEN(fd); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	return place;
}

/*
 * 100 calls: as many samples from ours as from perf's kprobe, with the same address
 * and the same way down the stack. The first entry is the address, for
 * which perf has what the saved registers say. So at the function's entry, where ftrace
 * has the probe, and behind it, where a breakpoint or a jump has it.
 */
static void like_perf(struct __test_metadata *_metadata, FIXTURE_DATA(kprobe) *self, int offset,
		      bool jump, uint64_t least)
{
	static struct hit ours[MOST], perfs[MOST];
	struct perf_event_attr attr = kprobe_attr(SYMBOL), copy;
	char why[WHY_LEN];
	struct raw perf;
	int fd, i, nr_ours, skip;
	uint64_t j;

	attr.config2 = offset;
	/* A number as long as an address, behind what every tracepoint begins with. */
	if (!tracefs_here(why, sizeof(why)))
		SKIP(return, "%s", why);
	skip = tracefs_offset("raw_syscalls/sys_enter", "id");
	ASSERT_LE(8, skip);

	EXPECT_EQ(PERFRING_SOURCE_KPROBE, source_id("kprobe"));
	attr.sample_type |= PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN;
	attr.exclude_callchain_user = 1;
	copy = perf_attr(attr);
	fd = perf_open(&copy, -1, 0, -1);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, raw_map(&perf, fd, 64, 0));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 64));
	if (jump)
		ASSERT_TRUE(becomes_jump(offset));
	for (i = 0; i < N; i++)
		syscall(SYS_getppid);
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	syscall(SYS_getppid);
	EXPECT_EQ(N, hits(&perf, self->buf, skip, perfs));
	nr_ours = hits(&self->raw, self->buf, 0, ours);
	ASSERT_EQ(N, nr_ours);
	raw_unmap(&perf);
	close(fd);
	for (i = 0; i < N; i++) {
		ASSERT_NE(0, ours[i].ip);
		ASSERT_EQ(perfs[i].ip, ours[i].ip);
		ASSERT_EQ(perfs[i].nr, ours[i].nr) {
			for (j = 0; j < ours[i].nr; j++)
				TH_LOG("ours %#llx", (unsigned long long)ours[i].stack[j]);
			for (j = 0; j < perfs[i].nr; j++)
				TH_LOG("perf %#llx", (unsigned long long)perfs[i].stack[j]);
		}
		ASSERT_LE(least, ours[i].nr);
		ASSERT_EQ(PERF_CONTEXT_KERNEL, ours[i].stack[0]);
		ASSERT_EQ(ours[i].ip, ours[i].stack[1]);
		ASSERT_EQ(0, memcmp(&perfs[i].stack[2], &ours[i].stack[2],
				    (ours[i].nr - 2) * sizeof(uint64_t)));
	}
}

TEST_F(kprobe, like_perf)
{
	char why[WHY_LEN];
	bool ftrace = tracefs_here(why, sizeof(why)) &&
		      !access("/sys/kernel/tracing/available_filter_functions", F_OK);

	/* A marker, the address, and with ftrace at least the function's caller. */
	like_perf(_metadata, self, 0, false, ftrace ? 3 : 2);
}

TEST_F(kprobe, like_perf_behind)
{
	int offset = second_place(SYMBOL);

	ASSERT_LT(0, offset);
	/* How far the kernel gets from a breakpoint differs; perf gets no farther. */
	like_perf(_metadata, self, offset, false, 2);
}

/* The same from code that no unwinder knows, which a probe that is a jump is called from. */
TEST_F(kprobe, like_perf_jump)
{
	long on = file_long("/proc/sys/debug/kprobes-optimization", 0);
	int offset;

	if (!on)
		SKIP(return, "kprobes-optimization is off or not there: no probe becomes a jump");
	ASSERT_TRUE(debugfs_here());
	offset = jump_place(SYMBOL);
	ASSERT_LT(0, offset);
	like_perf(_metadata, self, offset, true, 3);
}

/* The whole payload; offsets and a stack that is cut at one entry. */
TEST_F(kprobe, payload)
{
	struct perf_event_attr attr = kprobe_attr(SYMBOL);
	struct perfring_kprobe_payload payload;
	char comm[16] = {}, name[32];

	snprintf(name, sizeof(name), SYMBOL);
	attr.config1 = (uintptr_t)name;
	attr.sample_max_stack = 1;
	attr.sample_type |= PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN;
	attr.exclude_callchain_user = 1;
	ASSERT_EQ(0, modify(self->fd, attr));
	/* The name was copied. */
	memset(name, 'x', sizeof(name));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	syscall(SYS_getppid);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	/* Header, IP, nr, marker, entry, RAW: 4, 32 and 4 that pad. */
	ASSERT_EQ(8 + 8 + 3 * 8 + 40, raw_next(&self->raw, self->buf));
	EXPECT_EQ(2, self->buf[2]);
	EXPECT_EQ(self->buf[1], self->buf[4]);
	memcpy(&payload, (char *)&self->buf[5] + 4, sizeof(payload));
	EXPECT_EQ(self->buf[1], payload.ip);
	EXPECT_EQ(getpid(), payload.pid);
	EXPECT_EQ(syscall(SYS_gettid), payload.tid);
	ASSERT_LT(0, file_read("/proc/thread-self/comm", comm, sizeof(comm)));
	EXPECT_EQ(0, memcmp(comm, payload.comm, sizeof(comm)));
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
}

/* Each CPU tells of its own hits. */
TEST_F(kprobe, own_cpu)
{
	struct perf_event_attr attr = kprobe_attr(SYMBOL);
	int other = second_cpu(), fd, i, n[2] = {};
	struct raw raw;

	if (other < 0)
		SKIP(return, "one CPU online: no other to be hit");
	attr.sample_type |= PERF_SAMPLE_CPU;
	fd = device_open(other);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 4));
	ASSERT_EQ(0, source_start(&raw, fd, &attr, 4));
	for (i = 0; i < 30; i++) {
		ASSERT_EQ(0, pin_to(i % 3 ? other : 0));
		syscall(SYS_getppid);
	}
	while (raw_next(&self->raw, self->buf) > 0) {
		EXPECT_EQ(0, self->buf[1]);
		n[0]++;
	}
	while (raw_next(&raw, self->buf) > 0) {
		EXPECT_EQ(two_words(other, 0), self->buf[1]);
		n[1]++;
	}
	EXPECT_EQ(10, n[0]);
	EXPECT_EQ(20, n[1]);
	raw_unmap(&raw);
	close(fd);
}

/* Names that are none: the errno that perf has for them. */
TEST_F(kprobe, bad_symbols)
{
	static char huge[4096], full[512], longest[512];
	const char *const bad[] = {
		"nosuch_symbol_at_all", "nosuch:nosuch", ":", "exc_nmi", "asm_exc_int3", huge, full,
		longest, (char *)8, (char *)-4096L, (char *)UINTPTR_MAX,
	};
	/* Two functions of x86 where no probe may be; elsewhere they are none. */
#if defined(__x86_64) || defined(__i386)
	const int unprobed = -EINVAL;
#else
	const int unprobed = -ENOENT;
#endif
	const int ret[] = {
		-ENOENT, -ENOENT, -ENOENT, unprobed, unprobed, -E2BIG, -E2BIG,
		-ENOENT, -EFAULT, -EFAULT, -EFAULT,
	};
	char *end;
	unsigned int i;

	memset(huge, 'x', sizeof(huge));
	memset(full, 'x', sizeof(full));
	memset(longest, 'x', sizeof(longest) - 1);
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		EXPECT_EQ(ret[i], modify(self->fd, kprobe_attr(bad[i]))) {
			TH_LOG("case %u", i);
		}
		EXPECT_EQ(ret[i], oracle(kprobe_attr(bad[i]))) {
			TH_LOG("case %u, perf", i);
		}
	}
	/* Without its end, before a page that is not there. */
	end = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, end);
	ASSERT_EQ(0, munmap(end + PAGE, PAGE));
	memset(end, 'x', PAGE);
	EXPECT_EQ(-EFAULT, modify(self->fd, kprobe_attr(end + PAGE - 5)));
	EXPECT_EQ(-EFAULT, oracle(kprobe_attr(end + PAGE - 5)));
	munmap(end, PAGE);
	/* perf takes an address instead of a name; the device does not. */
	EXPECT_EQ(-EINVAL, modify(self->fd, kprobe_attr(NULL)));
	EXPECT_EQ(-EINVAL, modify(self->fd, kprobe_attr("")));
	/* After all this it can still be a probe. */
	EXPECT_EQ(0, modify(self->fd, kprobe_attr(SYMBOL)));
}

/* Places inside the function; what perf says of them. */
TEST_F(kprobe, offsets)
{
	struct perf_event_attr attr = kprobe_attr(SYMBOL);
	int i, taken = 0;

	for (i = 0; i < 24; i++) {
		attr.config2 = i;
		EXPECT_EQ(oracle(attr), modify(self->fd, attr)) {
			TH_LOG("offset %d", i);
		}
		taken += !modify(self->fd, attr);
	}
	EXPECT_LT(0, taken);
	attr.config2 = 1ULL << 32;
	EXPECT_EQ(-EINVAL, modify(self->fd, attr));
	attr.config2 = UINT64_MAX;
	EXPECT_EQ(-EINVAL, modify(self->fd, attr));
}

/* Without CAP_PERFMON no probe, whatever the symbol, as perf has it. */
TEST_F(kprobe, permission)
{
	pid_t child = fork();
	int status;

	ASSERT_LE(0, child);
	if (!child) {
		if (become_nobody())
			_exit(2);
		if (oracle(kprobe_attr(SYMBOL)) != -EACCES ||
		    oracle(kprobe_attr((char *)8)) != -EACCES)
			_exit(3);
		if (modify(self->fd, kprobe_attr((char *)8)) != -EACCES)
			_exit(4);
		_exit(modify(self->fd, kprobe_attr(SYMBOL)) != -EACCES);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* kptr_restrict 2 hides the payload's address from everybody. */
TEST_F(kprobe, address_hidden)
{
	struct perf_event_attr attr = kprobe_attr(SYMBOL);
	struct perfring_kprobe_payload payload;
	long restricted = file_long(KPTR, -1);
	char text[24];

	ASSERT_LE(0, restricted);
	snprintf(text, sizeof(text), "%ld", restricted);
	ASSERT_EQ(0, file_write(KPTR, "2"));
	EXPECT_EQ(0, modify(self->fd, attr));
	EXPECT_EQ(0, file_write(KPTR, text));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	syscall(SYS_getppid);
	ASSERT_EQ(8 + 40, raw_next(&self->raw, self->buf));
	memcpy(&payload, (char *)&self->buf[1] + 4, sizeof(payload));
	EXPECT_EQ(0, payload.ip);
	EXPECT_EQ(getpid(), payload.pid);
}

/* No way out of a probe leaves it in the kernel. */
TEST_F(kprobe, none_left)
{
	struct perf_event_attr attr = kprobe_attr(SYMBOL), other = output_attr();
	int i, none;

	ASSERT_TRUE(debugfs_here());
	none = probes();
	ASSERT_LE(0, none);
	/* Replaced by itself, by another source. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, modify(self->fd, attr));
		EXPECT_EQ(none + 1, probes());
	}
	ASSERT_EQ(0, modify(self->fd, other));
	EXPECT_EQ(none, probes());
	/* An attr that is refused after the symbol was good, or because it is too late. */
	ASSERT_EQ(0, modify(self->fd, attr));
	attr.use_clockid = 1;
	attr.clockid = CLOCK_REALTIME;
	EXPECT_EQ(-EINVAL, modify(self->fd, attr));
	EXPECT_EQ(none + 1, probes());
	attr.use_clockid = 0;
	attr.clockid = 0;
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_EQ(-EBUSY, modify(self->fd, attr));
	EXPECT_EQ(none + 1, probes());
	/* Closed while enabled. */
	close(self->fd);
	EXPECT_EQ(none, probes());
	self->fd = device_open(0);
}

/* Looks whenever it is woken, on another CPU if there is one. */
static void *look_when_woken(void *arg)
{
	FIXTURE_DATA(kprobe) *self = arg;

	pin_to(second_cpu() < 0 ? 0 : second_cpu());
	while (!__atomic_load_n(&self->buf[0], __ATOMIC_RELAXED))
		poll_events(self->fd, 100);
	return NULL;
}

/*
 * Where tasks are switched, a record each that wakes: what wakes the reader must not, by
 * the switches that it makes itself, wake him for ever and keep others from their CPU.
 */
TEST_F(kprobe, scheduler)
{
	struct perf_event_attr attr = kprobe_attr("__schedule");
	pthread_t reader;
	uint64_t count;
	int i;

	ASSERT_EQ(0, modify(self->fd, attr));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, PROT_READ));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, pthread_create(&reader, NULL, look_when_woken, self));
	for (i = 0; i < 100; i++)
		sleep_ms(1);
	ASSERT_EQ(8, read(self->fd, &count, sizeof(count)));
	/* Each sleep is a switch away at least. */
	EXPECT_LE(100, count);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	__atomic_store_n(&self->buf[0], 1, __ATOMIC_RELAXED);
	pthread_join(reader, NULL);
}

DEVICE_MAIN
