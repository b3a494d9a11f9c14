// SPDX-License-Identifier: GPL-2.0
/*
 * Counters that are read by their register, on machines that have none: the linker gives
 * the library's system calls to the functions below (--wrap), which answer for a counter
 * that the test makes up, and rdpmc, which faults, is carried out by a signal handler.
 */
#include <fcntl.h>
#include <perfring/perfring.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include "../user/src/count_self.h"
#include "fixtures.h"
#include "wrap.h"

#define CAPS_ALL	(COUNT_SELF_CAP_SURE | COUNT_SELF_CAP_PMC | COUNT_SELF_CAP_TIME)
#define WIDTH		48
#define EVENTS		4

/* What perf_event_open(2) gave, and what mmap(2) gave for it. */
static int fds[EVENTS];
static struct perf_event_mmap_page *pages[EVENTS];
static unsigned int events;
static struct perf_event_mmap_page fresh;	/* what a page says at first */
static uint64_t words[3 + EVENTS];		/* that read(2) gives, */
static size_t nr_words;				/* so many of them, */
static int read_error, ioctl_error;		/* or this errno */
static unsigned int reads, mapped;
static bool no_page, no_wipe;

static volatile uint64_t pmc;			/* the register */
static volatile uint32_t pmc_asked;
static volatile unsigned int pmc_reads;

/* What the kernel refuses at open, one answer after the other, 0: it opens. */
static int open_answers[4];
static unsigned int opens;
static struct perf_event_attr opened[4];
static int groups[4];

static int event_of(int fd)
{
	for (unsigned int i = 0; i < events; i++)
		if (fds[i] == fd)
			return (int)i;
	return -1;
}

DECLARE(long, syscall, (long nr, long a, long b, long c, long d, long e));
DECLARE(int, ioctl, (int fd, unsigned long request, long argument));
DECLARE(ssize_t, read, (int fd, void *to, size_t len));
DECLARE(int, madvise, (void *at, size_t len, int advice));
DECLARE(void *, mmap64, (void *at, size_t len, int prot, int flags, int fd, off_t offset));
DECLARE(int, munmap, (void *at, size_t len));

long __wrap_syscall(long nr, long a, long b, long c, long d, long e)
{
	if (nr != SYS_perf_event_open || events == EVENTS)
		return __real_syscall(nr, a, b, c, d, e);
	if (opens < ARRAY_LEN(open_answers)) {
		opened[opens] = *(struct perf_event_attr *)a;
		groups[opens] = (int)d;
		errno = open_answers[opens++];
		if (errno)
			return -1;
	}
	fds[events] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fds[events++];
}

int __wrap_ioctl(int fd, unsigned long request, long argument)
{
	if (event_of(fd) < 0)
		return __real_ioctl(fd, request, argument);
	errno = ioctl_error;
	return ioctl_error ? -1 : 0;
}

ssize_t __wrap_read(int fd, void *to, size_t len)
{
	size_t bytes = nr_words * sizeof(words[0]);

	if (event_of(fd) < 0)
		return __real_read(fd, to, len);
	reads++;
	errno = read_error;
	if (read_error)
		return -1;
	memcpy(to, words, bytes < len ? bytes : len);
	return (ssize_t)(bytes < len ? bytes : len);
}

int __wrap_madvise(void *at, size_t len, int advice)
{
	errno = EINVAL;		/* as of a kernel that does not know MADV_WIPEONFORK */
	return no_wipe ? -1 : __real_madvise(at, len, advice);
}

void *__wrap_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	int event = event_of(fd);
	void *map;

	if (event < 0)
		return __real_mmap64(at, len, prot, flags, fd, offset);
	errno = EPERM;
	if (no_page)
		return MAP_FAILED;
	map = __real_mmap64(at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return map;
	memcpy(map, &fresh, sizeof(fresh));
	pages[event] = map;
	mapped++;
	return map;
}

int __wrap_munmap(void *at, size_t len)
{
	for (unsigned int i = 0; i < events; i++)
		mapped -= at && at == pages[i];
	return __real_munmap(at, len);
}

FIXTURE(reg) {
	struct perfring_count *count;
	struct perfring_count_opts opts;
};

#ifdef __x86_64__
/* rdpmc where it is not allowed; an emulator that lacks it calls it illegal. */
static void carry_out(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	const unsigned char *code = (const unsigned char *)regs[REG_RIP];
	uint64_t value = pmc & (~0ULL >> (64 - WIDTH));

	(void)info;
	if (code[0] != 0x0f || code[1] != 0x33) {
		signal(sig, SIG_DFL);
		return;
	}
	pmc_reads++;
	pmc_asked = (uint32_t)regs[REG_RCX];
	regs[REG_RAX] = (uint32_t)value;
	regs[REG_RDX] = (uint32_t)(value >> 32);
	regs[REG_RIP] += 2;
}

static bool registers_here(void)
{
	struct sigaction action = { .sa_sigaction = carry_out, .sa_flags = SA_SIGINFO };
	uint32_t low, high;

	sigaction(SIGILL, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	__asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(0));
	return pmc_reads == 1;
}
#else
static bool registers_here(void)
{
	return false;
}
#endif

FIXTURE_SETUP(reg)
{
	if (!registers_here())
		SKIP(return, "rdpmc does not fault here (not x86-64, or rdpmc in sysfs is 2)");
	fresh = (struct perf_event_mmap_page){
		.capabilities = CAPS_ALL, .index = 3, .pmc_width = WIDTH, .offset = 1000,
		.time_enabled = 5000, .time_running = 4000, .time_offset = 300,
	};
	/* What the page and a register of -3 say. */
	pmc = -3ULL;
	words[0] = 997;
	words[1] = 5300;
	words[2] = 4300;
	nr_words = 3;
	self->opts.size = sizeof(self->opts);
	self->opts.self = PERFRING_SELF_ON;
}

FIXTURE_TEARDOWN(reg)
{
	perfring_count_close(self->count);
}

static int open_some(FIXTURE_DATA(reg) *self, unsigned int nr, pid_t pid)
{
	struct perf_event_attr attrs[EVENTS] = { 0 };

	for (unsigned int i = 0; i < nr; i++) {
		attrs[i].type = PERF_TYPE_HARDWARE;
		attrs[i].config = PERF_COUNT_HW_INSTRUCTIONS;
	}
	return perfring_count_open(attrs, nr, pid, -1, &self->opts, &self->count);
}

/* Index 3 is register 2; what it counted from -3 to 4 is 7, and no system call says so. */
TEST_F(reg, now)
{
	struct perfring_count_info info;
	unsigned int before;
	uint64_t value = 0;

	ASSERT_EQ(0, open_some(self, 1, 0));
	ASSERT_EQ(0, perfring_count_info(self->count, 0, &info));
	EXPECT_EQ(PERFRING_METHOD_SELF, info.method);
	EXPECT_LT(0, info.self_ns);
	EXPECT_LT(0, info.read_ns);
	ASSERT_EQ(0, perfring_count_start(self->count));
	before = reads;
	pmc = 4;
	EXPECT_EQ(0, perfring_count_now(self->count, 0, &value));
	EXPECT_EQ(7, value);
	EXPECT_EQ(2, pmc_asked);
	/* The kernel moves what the register lacks to the offset. */
	pages[0]->offset += 1ULL << 47;
	EXPECT_EQ(0, perfring_count_now(self->count, 0, &value));
	EXPECT_EQ((1ULL << 47) + 7, value);
	EXPECT_EQ(before, reads);
}

/* The times go by the page's clock; for half of them it was on the PMU. */
TEST_F(reg, times)
{
	struct perfring_count_value one, all[2];
	unsigned int before;

	ASSERT_EQ(0, open_some(self, 1, 0));
	ASSERT_EQ(0, perfring_count_start(self->count));
	before = reads;
	pmc = 7;
	pages[0]->time_enabled += 1000;
	pages[0]->time_running += 500;
	ASSERT_EQ(0, perfring_count_read_one(self->count, 0, &one));
	EXPECT_EQ(PERFRING_COUNTED, one.state);
	EXPECT_EQ(10, one.value);
	EXPECT_EQ(1000, one.enabled);
	EXPECT_EQ(500, one.running);
	EXPECT_EQ(20, one.scaled);
	ASSERT_EQ(1, perfring_count_read(self->count, all, 2));
	EXPECT_EQ(0, memcmp(&one, all, sizeof(one)));
	/* More than 64 bits can say. */
	pages[0]->offset += INT64_MAX / 2;
	pages[0]->time_enabled += 10000;
	ASSERT_EQ(0, perfring_count_read_one(self->count, 0, &one));
	EXPECT_EQ(UINT64_MAX, one.scaled);
	EXPECT_EQ(before, reads);
}

/*
 * A clock of which 8 bits are kept stands where the page's times were right (mask 0), 512 ticks
 * of 3 / 2^1 ns after its beginning.
 */
TEST_F(reg, short_clock)
{
	struct perfring_count_value one;

	fresh.capabilities |= COUNT_SELF_CAP_SHORT;
	fresh.time_mult = 3;
	fresh.time_shift = 1;
	ASSERT_EQ(0, open_some(self, 1, 0));
	ASSERT_EQ(0, perfring_count_start(self->count));
	pages[0]->time_cycles = 512;
	ASSERT_EQ(0, perfring_count_read_one(self->count, 0, &one));
	EXPECT_EQ(768, one.enabled);
	EXPECT_EQ(768, one.running);
}

/* Where the register says nothing, or the page never rests, the kernel is asked. */
TEST_F(reg, kernel_is_asked)
{
	struct perfring_count_value one;
	unsigned int before, tried;
	uint64_t value;

	ASSERT_EQ(0, open_some(self, 1, 0));
	ASSERT_EQ(0, perfring_count_start(self->count));
	words[0] = 997 + 42;
	pages[0]->index = 0;
	before = reads;
	ASSERT_EQ(0, perfring_count_now(self->count, 0, &value));
	EXPECT_EQ(42, value);
	EXPECT_EQ(before + 1, reads);
	ASSERT_EQ(0, perfring_count_read_one(self->count, 0, &one));
	EXPECT_EQ(42, one.value);
	EXPECT_EQ(before + 2, reads);
	/* A writer that died with the lock held. */
	pages[0]->index = 3;
	pages[0]->lock = 1;
	tried = pmc_reads;
	ASSERT_EQ(0, perfring_count_now(self->count, 0, &value));
	EXPECT_EQ(42, value);
	EXPECT_EQ(before + 3, reads);
	EXPECT_EQ(tried, pmc_reads);
	/* As soon as it can be read it is. */
	pages[0]->lock = 2;
	pmc = 2;
	ASSERT_EQ(0, perfring_count_now(self->count, 0, &value));
	EXPECT_EQ(5, value);
	EXPECT_EQ(before + 3, reads);
}

static void *now_elsewhere(void *context)
{
	uint64_t value = 0;
	int err = perfring_count_now(context, 0, &value);

	return (void *)(uintptr_t)(err ? 0 : value);
}

/* Registers of another thread are not these; a child of fork(2) has the page no more. */
TEST_F(reg, not_mine)
{
	void *value = NULL;
	pthread_t thread;
	int status = 0;
	pid_t child;

	ASSERT_EQ(0, open_some(self, 1, 0));
	ASSERT_EQ(0, perfring_count_start(self->count));
	words[0] = 997 + 42;
	ASSERT_EQ(0, pthread_create(&thread, NULL, now_elsewhere, self->count));
	ASSERT_EQ(0, pthread_join(thread, &value));
	EXPECT_EQ(42, (uintptr_t)value);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		bool same = (uintptr_t)now_elsewhere(self->count) == 42;

		/* The pages are not its own to unmap. */
		perfring_count_close(self->count);
		_exit(!same || mapped != 1);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* What open finds out about an event, and whether it keeps the page. */
TEST_F(reg, methods)
{
	static const struct {
		uint64_t caps;
		uint32_t index;
		enum perfring_count_self policy;
		pid_t pid;
		bool no_page, no_wipe, inherit;
		enum perfring_count_method method;
		bool kept;
	} cases[] = {
		{ CAPS_ALL, 3, PERFRING_SELF_ON, .method = PERFRING_METHOD_SELF, .kept = true },
		/* It may be on the PMU when it is read. */
		{ CAPS_ALL, 0, PERFRING_SELF_ON, .method = PERFRING_METHOD_SELF, .kept = true },
		{ CAPS_ALL, 0, PERFRING_SELF_AUTO, .method = PERFRING_METHOD_NO_PMU },
		{ CAPS_ALL, 3, PERFRING_SELF_OFF, .method = PERFRING_METHOD_OFF },
		{ CAPS_ALL & ~COUNT_SELF_CAP_PMC, 3, PERFRING_SELF_ON,
		  .method = PERFRING_METHOD_DENIED },
		{ CAPS_ALL & ~COUNT_SELF_CAP_SURE, 3, PERFRING_SELF_ON,
		  .method = PERFRING_METHOD_DENIED },
		{ CAPS_ALL, 3, PERFRING_SELF_ON, .no_page = true,
		  .method = PERFRING_METHOD_NO_PAGE },
		{ CAPS_ALL, 3, PERFRING_SELF_ON, .no_wipe = true,
		  .method = PERFRING_METHOD_NO_PAGE },
		{ CAPS_ALL, 3, PERFRING_SELF_ON, .pid = 1, .method = PERFRING_METHOD_OTHER },
		{ CAPS_ALL, 3, PERFRING_SELF_ON, .inherit = true,
		  .method = PERFRING_METHOD_OTHER },
	};
	struct perfring_count_info info;
	uint64_t value;

	for (unsigned int i = 0; i < ARRAY_LEN(cases); i++) {
		events = 0;
		mapped = 0;
		fresh.capabilities = cases[i].caps;
		fresh.index = cases[i].index;
		no_page = cases[i].no_page;
		no_wipe = cases[i].no_wipe;
		self->opts.self = cases[i].policy;
		self->opts.inherit = cases[i].inherit;
		ASSERT_EQ(0, open_some(self, 1, cases[i].pid));
		ASSERT_EQ(0, perfring_count_info(self->count, 0, &info));
		EXPECT_EQ(cases[i].method, info.method) {
			TH_LOG("case %u", i);
		}
		EXPECT_EQ(cases[i].kept, mapped) {
			TH_LOG("case %u", i);
		}
		/* However it is read. */
		ASSERT_EQ(0, perfring_count_reset(self->count));
		ASSERT_EQ(0, perfring_count_start(self->count));
		words[0] = 997 + 42;
		pmc = -3ULL + 42;
		ASSERT_EQ(0, perfring_count_now(self->count, 0, &value));
		EXPECT_EQ(42, value) {
			TH_LOG("case %u", i);
		}
		pmc = -3ULL;
		words[0] = 997;
		perfring_count_close(self->count);
		self->count = NULL;
		EXPECT_EQ(0, mapped);
	}
}

/* By itself the library takes the quicker way, which it has measured. */
TEST_F(reg, quicker)
{
	struct perfring_count_info info;

	self->opts.self = PERFRING_SELF_AUTO;
	ASSERT_EQ(0, open_some(self, 1, 0));
	ASSERT_EQ(0, perfring_count_info(self->count, 0, &info));
	EXPECT_LT(0, info.self_ns);
	EXPECT_LT(0, info.read_ns);
	EXPECT_EQ(info.self_ns < info.read_ns ? PERFRING_METHOD_SELF : PERFRING_METHOD_SLOWER,
		  info.method);
	EXPECT_EQ(info.method == PERFRING_METHOD_SELF, mapped);
}

/* What the kernel refuses is told, by each call, of a group and of an event by itself. */
TEST_F(reg, errors)
{
	struct perfring_count_value values[2];
	uint64_t value;

	self->opts.self = PERFRING_SELF_OFF;
	for (unsigned int group = 0; group < 2; group++) {
		events = 0;
		self->opts.group = group;
		ASSERT_EQ(0, open_some(self, 2, 0));
		ioctl_error = EIO;
		EXPECT_EQ(-EIO, perfring_count_start(self->count));
		EXPECT_EQ(-EIO, perfring_count_stop(self->count));
		EXPECT_EQ(-EIO, perfring_count_set_bpf(self->count, 0, 0));
		ioctl_error = 0;
		ASSERT_EQ(0, perfring_count_start(self->count));
		read_error = EFBIG;
		EXPECT_EQ(-EFBIG, perfring_count_read(self->count, values, 2));
		EXPECT_EQ(-EFBIG, perfring_count_read_one(self->count, 0, values));
		EXPECT_EQ(-EFBIG, perfring_count_now(self->count, 0, &value));
		EXPECT_EQ(-EFBIG, perfring_count_reset(self->count));
		read_error = 0;
		perfring_count_close(self->count);
		self->count = NULL;
	}
}

/* A pinned event that lost its place: read(2) says nothing, and that is no zero. */
TEST_F(reg, lost)
{
	struct perfring_count_value values[2];
	uint64_t value;

	self->opts.self = PERFRING_SELF_OFF;
	ASSERT_EQ(0, open_some(self, 2, 0));
	ASSERT_EQ(0, perfring_count_start(self->count));
	nr_words = 0;
	EXPECT_EQ(-ENODATA, perfring_count_now(self->count, 1, &value));
	ASSERT_EQ(2, perfring_count_read(self->count, values, 2));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(PERFRING_COUNT_ERROR, values[i].state);
		EXPECT_EQ(0, values[i].value);
		EXPECT_EQ(0, values[i].error);
	}
}

/* The same of a group, of which only the first event has a value. */
TEST_F(reg, group_lost)
{
	struct perfring_count_value values[2];

	self->opts.self = PERFRING_SELF_OFF;
	self->opts.group = 1;
	ASSERT_EQ(0, open_some(self, 2, 0));
	ASSERT_EQ(0, perfring_count_start(self->count));
	words[0] = 1;
	words[1] = 600;
	words[2] = 300;
	words[3] = 50;
	nr_words = 4;
	ASSERT_EQ(2, perfring_count_read(self->count, values, 2));
	EXPECT_EQ(PERFRING_COUNTED, values[0].state);
	EXPECT_EQ(PERFRING_COUNT_ERROR, values[1].state);
}

/* Refused with the kernel's part and without it: the first answer, and the attr as it was. */
TEST_F(reg, user_only)
{
	struct perfring_count_value value;
	struct perfring_count_info info;

	self->opts.user_only = 1;
	open_answers[0] = EACCES;
	open_answers[1] = EINVAL;
	EXPECT_EQ(-EACCES, open_some(self, 1, 0));
	EXPECT_EQ(2, opens);
	EXPECT_EQ(0, (int)opened[0].exclude_kernel);
	EXPECT_EQ(1, (int)opened[1].exclude_kernel);
	/* Not so that the rest cannot be opened. */
	opens = 0;
	self->opts.optional = 1;
	ASSERT_EQ(0, open_some(self, 1, 0));
	ASSERT_EQ(0, perfring_count_info(self->count, 0, &info));
	EXPECT_EQ(-EACCES, info.error);
	EXPECT_EQ(PERFRING_METHOD_CLOSED, info.method);
	EXPECT_EQ(0, info.user_only);
	ASSERT_EQ(1, perfring_count_read(self->count, &value, 1));
	EXPECT_EQ(PERFRING_COUNT_REFUSED, value.state);
	EXPECT_EQ(-EACCES, value.error);
	EXPECT_EQ(-EACCES, perfring_count_now(self->count, 0, &value.value));
	EXPECT_EQ(-EACCES, perfring_count_set_bpf(self->count, 0, 0));
}

/* A weak group that the PMU cannot hold: its second event counts by itself. */
TEST_F(reg, weak_group)
{
	open_answers[1] = EINVAL;
	ASSERT_EQ(0, perfring_count_open_text("{cycles,instructions}:W", gettid(), -1, &self->opts,
					      &self->count, NULL));
	EXPECT_EQ(3, opens);
	EXPECT_EQ(-1, groups[0]);
	EXPECT_EQ(fds[0], groups[1]);
	EXPECT_EQ(-1, groups[2]);
	EXPECT_EQ(0, (int)opened[1].disabled);
	EXPECT_EQ(1, (int)opened[2].disabled);
	EXPECT_EQ(PERF_COUNT_HW_INSTRUCTIONS, opened[2].config);
	/* Each is read by itself: the leader as the group that it was opened as. */
	EXPECT_EQ(PERF_FORMAT_GROUP, opened[0].read_format & PERF_FORMAT_GROUP);
	EXPECT_EQ(0, opened[2].read_format & PERF_FORMAT_GROUP);
}

/* Which of several is the one, where it can be said. */
TEST_F(reg, failed)
{
	struct {
		struct perf_event_attr attr;
		char more[8];
	} attrs[2] = { { .attr.size = sizeof(attrs[0].attr) } };
	unsigned int failed = 9;

	self->opts.failed = &failed;
	open_answers[1] = EBUSY;
	EXPECT_EQ(-EBUSY, open_some(self, 3, 0));
	EXPECT_EQ(1, failed);
	failed = 9;
	/* One of a newer header, whose last byte is set. */
	attrs[0].attr.size = sizeof(attrs[0]);
	attrs[0].more[7] = 1;
	EXPECT_EQ(-E2BIG, perfring_count_open(&attrs[0].attr, 1, 0, -1, &self->opts,
					      &self->count));
	EXPECT_EQ(0, failed);
}

/* What measures tells what fails before the function is run, and after. */
static unsigned int runs;

static void run(void *context)
{
	runs++;
	read_error = *(int *)context;
}

TEST_F(reg, measure_fails)
{
	struct perfring_count_value value;
	int error = 0;

	self->opts.self = PERFRING_SELF_OFF;
	ASSERT_EQ(0, open_some(self, 1, 0));
	ioctl_error = EIO;
	EXPECT_EQ(-EIO, perfring_count_measure(self->count, run, &error, &value, 1));
	ioctl_error = 0;
	read_error = EIO;
	EXPECT_EQ(-EIO, perfring_count_measure(self->count, run, &error, &value, 1));
	read_error = 0;
	EXPECT_EQ(0, runs);
	error = EFBIG;
	EXPECT_EQ(-EFBIG, perfring_count_measure(self->count, run, &error, &value, 1));
	EXPECT_EQ(1, runs);
	read_error = 0;
	open_answers[3] = EMFILE;
	opens = 3;
	events = 0;
	EXPECT_EQ(-EMFILE, perfring_measure("cycles", run, &error, &value, 1));
	EXPECT_EQ(1, runs);
}

TEST_HARNESS_MAIN
