// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a mapping: what it says, who may write which page, how other
 * processes and the kernel get at it, who pays for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "conformance.h"

#define TOUCHED	(1U << 16)	/* touched before; of a place */

/* A running event with 1 + 2 pages, one record of "abcd" in it. */
static char *setup(struct side *side, int prot, int *fd)
{
	char *at;

	*fd = side_open(side, NULL);
	at = mmap(NULL, 3 * PAGE, prot, MAP_SHARED, *fd, 0);
	if (at == MAP_FAILED)
		give_up(side, "mmap: %s", strerror(errno));
	do_ioctl(*fd, PERF_EVENT_IOC_ENABLE, NULL);
	if (side_write(side, *fd, "abcd", 4))
		give_up(side, "the record is not written");
	return at;
}

/* Touch byte @a; @b: 1 write , 2 mapped for reading */
static void run_touch(struct side *side, uint64_t a, uint64_t b)
{
	int fd;
	volatile char *at = setup(side, b & 2 ? PROT_READ : RW, &fd);

	say(side, "touch");
	if (b & 1)
		at[a] = 1;
	else
		say(side, "%d", at[a]);
	say(side, "done");
}

/* Atomic and plain writes to the page of control, by field. */
static void run_control(struct side *side, uint64_t a, uint64_t b)
{
	int fd;
	volatile uint64_t *word = (void *)setup(side, RW, &fd);

	word[a] = b;
	say(side, "is=%#llx", (unsigned long long)word[a]);
	say_ret(side, "write", side_write(side, fd, "x", 1));
	say(side, "is=%#llx", (unsigned long long)word[a]);
	say(side, "head=%#llx tail=%#llx", (unsigned long long)word[128],
	    (unsigned long long)word[129]);
	say_poll(side, "poll", poll_events(fd, 0));
}

/* Bytes of the control page, 8 at a time; the clocks' are another row. */
static void run_fields(struct side *side, uint64_t a, uint64_t b)
{
	int fd;
	const uint64_t *word = (void *)setup(side, RW, &fd);
	const struct perf_event_mmap_page *page = (const void *)word;
	unsigned int i;

	if (b)
		do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL);
	for (i = a; i < a + 32; i++) {
		if (i * 8 == offsetof(struct perf_event_mmap_page, time_enabled) ||
		    i * 8 == offsetof(struct perf_event_mmap_page, time_running))
			say(side, "%u:%s", i * 8, word[i] ? "time" : "0");
		else if (i * 8 == offsetof(struct perf_event_mmap_page, time_offset) ||
			 i * 8 == offsetof(struct perf_event_mmap_page, time_zero))
			continue;	/* see run_clock() */
		else if (i * 8 == offsetof(struct perf_event_mmap_page, lock))
			say(side, "lock is %s", page->lock & 1 ? "odd" : "even");
		else if (word[i])
			say(side, "%u:%#llx", i * 8, (unsigned long long)word[i]);
	}
}

enum field { LOCK_MOVES, TIMES_MOVE, TIMES_STOP, TIMES_EQUAL, CAP_TIME, CAP_ZERO, CAP_RDPMC,
	     CLOCK_FIELDS, RESERVED, NR_FIELDS };

static const char *const field_names[] = {
	"lock moves with each change", "times move with each change", "times while disabled",
	"enabled and running", "cap_user_time", "cap_user_time_zero", "cap_user_rdpmc",
	"what is told of the clock", "reserved words",
};

#define MOVED_NS	2000000		/* see pass_time() */

static void run_field(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_mmap_page was, now;
	int fd, i;
	struct perf_event_mmap_page *page = (void *)setup(side, RW, &fd);

	pin_to(ROW_CPU);	/* the time that is to pass is that of the event's CPU */
	was = *page;
	pass_time();
	do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL);
	now = *page;
	switch ((enum field)a) {
	case LOCK_MOVES:
		say(side, "disabled=%d", was.lock != now.lock);
		do_ioctl(fd, PERF_EVENT_IOC_RESET, NULL);
		say(side, "reset=%d", now.lock != page->lock);
		now = *page;
		do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
		say(side, "enabled=%d", now.lock != page->lock);
		break;
	case TIMES_MOVE:
		for (i = 0; i < 3; i++) {
			was = *page;
			do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
			pass_time();
			do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL);
			say(side, "moved=%d",
			    page->time_enabled - was.time_enabled >= MOVED_NS);
		}
		break;
	case TIMES_STOP:
		pass_time();
		do_ioctl(fd, PERF_EVENT_IOC_RESET, NULL);
		say(side, "moved=%d", page->time_enabled != now.time_enabled);
		break;
	case TIMES_EQUAL:
		/* perf has written them when the event began, hence 0 or next to it. */
		do_ioctl(fd, PERF_EVENT_IOC_RESET, NULL);
		say(side, "equal=%d zero=%d", page->time_enabled == page->time_running,
		    !page->time_enabled);
		break;
	case CAP_TIME:
		say(side, "%d", (int)page->cap_user_time);
		break;
	case CAP_ZERO:
		say(side, "%d %d", (int)page->cap_user_time_zero, (int)page->cap_user_time_short);
		break;
	case CAP_RDPMC:
		say(side, "%d width=%u", (int)page->cap_user_rdpmc, page->pmc_width);
		break;
	case CLOCK_FIELDS:
		say(side, "shift=%u mult=%u zero=%d offset=%d", page->time_shift, page->time_mult,
		    !!page->time_zero, !!page->time_offset);
		break;
	case RESERVED:
		for (i = page->size; i < 1024; i++)
			if (((char *)page)[i])
				say(side, "%d", i);
		break;
	case NR_FIELDS:
		break;
	}
}

enum way {
	VM_READ_SELF, VM_READ_CHILD, VM_WRITE_SELF, VM_WRITE_CHILD, PEEK, POKE, PROC_READ,
	PROC_WRITE, KERNEL_READ, KERNEL_WRITE, DIRECT_WRITE, NR_WAYS,
};

static const char *const way_names[] = {
	"process_vm_readv of its own", "process_vm_readv by a child",
	"process_vm_writev of its own", "process_vm_writev by a child", "PTRACE_PEEKDATA",
	"PTRACE_POKEDATA", "/proc/PID/mem read", "/proc/PID/mem written", "write(2) from it",
	"read(2) into it", "process_vm_readv into it",
};

/* What a child does with its parent @pid, at @at. */
static void from_child(struct side *side, enum way way, pid_t pid, char *at)
{
	uint64_t word = 0;
	struct iovec local = { &word, 8 }, remote = { at, 8 };
	char path[40];
	int fd, status;
	long ret;

	switch (way) {
	case VM_READ_CHILD:
		say_call(side, "readv", process_vm_readv(pid, &local, 1, &remote, 1, 0));
		break;
	case VM_WRITE_CHILD:
		say_call(side, "writev", process_vm_writev(pid, &local, 1, &remote, 1, 0));
		break;
	case PEEK:
	case POKE:
		say_call(side, "attach", ptrace(PTRACE_ATTACH, pid, NULL, NULL));
		waitpid(pid, &status, __WALL);
		errno = 0;
		if (way == PEEK)
			word = ptrace(PTRACE_PEEKDATA, pid, at, NULL);
		else
			ptrace(PTRACE_POKEDATA, pid, at, 0);
		say_ret(side, "data", -errno);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		break;
	default:
		snprintf(path, sizeof(path), "/proc/%d/mem", pid);
		fd = open(path, O_RDWR);
		say_call(side, "open", fd < 0 ? fd : 0);
		if (way == PROC_READ)
			ret = pread(fd, &word, 8, (off_t)(uintptr_t)at);
		else
			ret = pwrite(fd, &word, 8, (off_t)(uintptr_t)at);
		say_call(side, "mem", ret);
	}
	say(side, "word=%#llx", (unsigned long long)word);
}

/* The word at @b of the mapping, in way @a. */
static void run_way(struct side *side, uint64_t a, uint64_t b)
{
	int fd, pipes[2], status = 0;
	char *at = setup(side, RW, &fd) + (b & 0xffff);
	uint64_t word = 0;
	struct iovec local = { &word, 8 }, remote = { at, 8 };
	pid_t child;

	/* As it is: not there yet, unless somebody has looked. */
	if (b >> 16)
		say(side, "word=%#llx", (unsigned long long)*(volatile uint64_t *)at);
	if (pipe(pipes))
		give_up(side, "pipe: %s", strerror(errno));
	switch ((enum way)a) {
	case VM_READ_SELF:
		say_call(side, "readv", process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
		say(side, "word=%#llx", (unsigned long long)word);
		break;
	case VM_WRITE_SELF:
		say_call(side, "writev", process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
		break;
	case KERNEL_READ:
		say_call(side, "write", write(pipes[1], at, 8));
		break;
	case KERNEL_WRITE:
		say_call(side, "fill", write(pipes[1], "12345678", 8));
		say_call(side, "read", read(pipes[0], at, 8));
		break;
	case DIRECT_WRITE:
		say_call(side, "readv", process_vm_readv(getpid(), &remote, 1, &local, 1, 0));
		break;
	default:
		child = fork();
		if (!child) {
			from_child(side, a, getppid(), at);
			_exit(0);
		}
		/* Stopped and traced or not, it waits for its child. */
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
	}
	say_ret(side, "write", side_write(side, fd, "x", 1));
	say_poll(side, "poll", poll_events(fd, 0));
}

/* /proc/self/smaps of it: what is counted, and the flags. */
static void run_smaps(struct side *side, uint64_t a, uint64_t b)
{
	int fd;
	char *at = setup(side, a, &fd), line[256], head[40];
	bool inside = false;
	FILE *file = fopen("/proc/self/smaps", "r");

	if (!file)
		give_up(side, "smaps: %s", strerror(errno));
	if (b)
		say(side, "%d", ((volatile char *)at)[PAGE]);
	snprintf(head, sizeof(head), "%lx-%lx", (unsigned long)at, (unsigned long)at + 3 * PAGE);
	while (fgets(line, sizeof(line), file)) {
		if (strchr("0123456789abcdef", line[0])) {
			inside = !strncmp(line, head, strlen(head));
			/* Permissions and offset; device, inode and name are another matter. */
			if (inside)
				say(side, "%.13s", strchr(line, ' ') + 1);
		} else if (inside) {
			line[strcspn(line, "\n")] = '\0';
			say(side, "%s;", line);
		}
	}
	fclose(file);
}

static void say_charged(struct side *side)
{
	say(side, "VmPin=%ld VmLck=%ld", status_kb("VmPin"), status_kb("VmLck"));
}

/*
 * As nobody: rings of @a's data pages (8 bits each, as powers of two, from the
 * lowest), with RLIMIT_MEMLOCK of @b kB; each answer and what is charged, then all
 * goes and the first is mapped again.
 */
static void run_charge(struct side *side, uint64_t a, uint64_t b)
{
	struct rlimit limit = { (b & 0xffff) * 1024, (b & 0xffff) * 1024 };
	unsigned int mlock_kb = b >> 16 & 0xffff, i;
	int paranoid = (int)(b >> 32), fd[6], ret;
	struct raw raw[6] = {};
	char text[16];

	snprintf(text, sizeof(text), "%u", mlock_kb);
	side_sysctl(side, "perf_event_mlock_kb", text);
	snprintf(text, sizeof(text), "%d", paranoid);
	side_sysctl(side, "perf_event_paranoid", text);
	for (i = 0; i < ARRAY_LEN(fd); i++)
		fd[i] = side_open(side, NULL);
	say_call(side, "setrlimit", setrlimit(RLIMIT_MEMLOCK, &limit));
	ret = become_nobody();
	if (ret)
		give_up(side, "nobody: %s", strerror(-ret));
	for (i = 0; i < ARRAY_LEN(fd) && a; i++, a >>= 8) {
		say_ret(side, "map", raw_map(&raw[i], fd[i], 1UL << (a & 0xff) >> 1, 0));
		say_charged(side);
	}
	while (i--)
		raw_unmap(&raw[i]);
	say_charged(side);
	say_ret(side, "map", raw_map(&raw[0], fd[0], 1, 0));
	say_charged(side);
	say_ret(side, "again", raw_map(&raw[1], fd[0], 1, 0));
	say_charged(side);
}

/* For run_charge(): pages are powers of two, plus 1, from the lowest byte; 1 is none */
#define LIMIT(paranoid, mlock_kb, memlock_kb)					\
	((uint64_t)(uint32_t)(paranoid) << 32 | (uint64_t)(mlock_kb) << 16 | (memlock_kb))

void memory_rows(void)
{
	const unsigned int page = PAGE, bytes[] = {
		0, 8, 1024, 1032, page - 1, page, page + 1, 2 * page - 1, 2 * page, 3 * page - 1,
	};
	/* data_head, data_tail, lock, index, data_offset, data_size, aux_offset, reserved */
	static const unsigned int words[] = { 128, 129, 1, 2, 130, 131, 134, 50, 511 };
	static const uint64_t values[] = { 0, 8, 16, 1ULL << 20, ~0ULL };
	const unsigned int places[] = {
		0, 1024, page, 2 * page, 3 * page - 8, page | TOUCHED, TOUCHED,
	};
	static const struct {
		const char *name;
		uint64_t rings;
		uint64_t limit;
	} charges[] = {
		/* n: 2^(n - 1) data pages, of what run_charge() shifts */
		{ "one small ring, nothing locked", 2, LIMIT(2, 516, 0) },
		{ "rings until the user's part is used up", 0x0a0a0a0a0aULL, LIMIT(2, 516, 0) },
		{ "the same with RLIMIT_MEMLOCK of 256 kB", 0x0a0a0a0a0aULL, LIMIT(2, 516, 256) },
		{ "the same with RLIMIT_MEMLOCK of 8 MiB", 0x0c0c0c0c0aULL, LIMIT(2, 516, 8192) },
		{ "one that is too large by itself", 0x14, LIMIT(2, 516, 64) },
		{ "one that fits with RLIMIT_MEMLOCK only", 0x14, LIMIT(2, 516, 8192) },
		{ "perf_event_mlock_kb of 0, nothing locked", 2, LIMIT(2, 0, 0) },
		{ "perf_event_mlock_kb of 0", 0x0202, LIMIT(2, 0, 12) },
		{ "perf_event_mlock_kb of 4", 0x020202, LIMIT(2, 4, 4) },
		{ "perf_event_mlock_kb of 7, not a page more", 0x020202, LIMIT(2, 7, 4) },
		{ "perf_event_paranoid of -1", 0x0a0a0a0a0aULL, LIMIT(-1, 16, 0) },
		{ "perf_event_paranoid of 0", 0x0a0a0a0a0aULL, LIMIT(0, 16, 0) },
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_LEN(bytes); i++)
		for (k = 0; k < 4; k++)
			add("memory", run_touch, bytes[i], k, "byte %u is %s, mapped %s", bytes[i],
			    k & 1 ? "written" : "read", k & 2 ? "r" : "rw");
	for (i = 0; i < ARRAY_LEN(words); i++)
		for (k = 0; k < ARRAY_LEN(values); k++)
			add("control page", run_control, words[i], values[k],
			    "%#llx into word %u", (unsigned long long)values[k], words[i]);
	for (i = 0; i < 512; i += 32)
		for (k = 0; k < 2; k++)
			add("control page", run_fields, i, k, "bytes %u to %u%s", i * 8,
			    i * 8 + 255, k ? ", disabled" : "");
	for (i = 0; i < NR_FIELDS; i++)
		add("control page", run_field, i, 0, "%s", field_names[i]);
	for (i = 0; i < NR_WAYS; i++)
		for (k = 0; k < ARRAY_LEN(places); k++)
			add("access", run_way, i, places[k], "%s, at %u%s", way_names[i],
			    places[k] & 0xffff, places[k] >> 16 ? ", touched before" : "");
	for (k = 0; k < 2; k++) {
		add("access", run_smaps, RW, k, "smaps, rw%s", k ? ", touched" : "");
		add("access", run_smaps, PROT_READ, k, "smaps, r%s", k ? ", touched" : "");
	}
	for (i = 0; i < ARRAY_LEN(charges); i++)
		add("locked memory", run_charge, charges[i].rings, charges[i].limit, "%s",
		    charges[i].name);
}
