// SPDX-License-Identifier: GPL-2.0
/* What becomes of a mapping: parts of it, moves, protections, advice, fork. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "conformance.h"

#define PAGES	5UL	/* 1 + 4 */

/* A running event, mapped with room on both sides. */
struct mapping {
	int fd;
	char *at;
};

static struct mapping setup(struct side *side, int prot)
{
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
	char *room = mmap(NULL, (PAGES + 16) * PAGE, PROT_NONE, anon, -1, 0);
	struct mapping m = { .fd = side_open(side, NULL), .at = room + 4 * PAGE };

	munmap(m.at, PAGES * PAGE);
	if (mmap(m.at, PAGES * PAGE, prot, MAP_SHARED | MAP_FIXED, m.fd, 0) != m.at)
		give_up(side, "mmap: %s", strerror(errno));
	do_ioctl(m.fd, PERF_EVENT_IOC_ENABLE, NULL);
	return m;
}

/* Which of the pages are mapped where it was, "mmmmm" when all are. */
static void say_pages(struct side *side, const char *at)
{
	char text[PAGES + 1] = "";
	unsigned char vec;
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		text[i] = mincore((void *)(at + i * PAGE), PAGE, &vec) ? '-' : 'm';
	say(side, "pages=%s", text);
}

/* Does the event still have a ring, and can it be read at @at? */
static void look(struct side *side, const struct mapping *m, const char *at)
{
	const struct perf_event_mmap_page *page = (const void *)at;
	int status, pipes[2];
	uint64_t head;

	say_poll(side, "poll", poll_events(m->fd, 0));
	say_ret(side, "write", side_write(side, m->fd, "x", 1));
	say_poll(side, "poll", poll_events(m->fd, 0));
	/* write(2) reads it without a signal; fork does not copy it. */
	if (pipe(pipes))
		give_up(side, "pipe: %s", strerror(errno));
	status = write(pipes[1], (const void *)&page->data_head, sizeof(head));
	say_call(side, "control page", status);
	if (status == sizeof(head) && read(pipes[0], &head, sizeof(head)) == sizeof(head))
		say(side, "head=%llu", (unsigned long long)head);
	say_call(side, "data", write(pipes[1], at + PAGE, 8));
	say_call(side, "last page", write(pipes[1], at + (PAGES - 1) * PAGE, 8));
	close(pipes[0]);
	close(pipes[1]);
}

static void finish(struct side *side, const struct mapping *m, char *at)
{
	say_call(side, "munmap", munmap(at, PAGES * PAGE));
	say_poll(side, "poll", poll_events(m->fd, 0));
	say_ret(side, "map again", mmap(NULL, 2 * PAGE, RW, MAP_SHARED, m->fd, 0) == MAP_FAILED ?
		-errno : 0);
}

/* Page @a of it, @b pages long. */
struct part {
	const char *name;
	int first;
	int pages;
};

static const struct part parts[] = {
	{ "the control page", 0, 1 }, { "the first data page", 1, 1 },
	{ "a page in the middle", 2, 1 }, { "the last page", 4, 1 }, { "the head", 0, 3 },
	{ "the data", 1, 4 }, { "the tail", 3, 2 }, { "the whole", 0, 5 },
	{ "the tail and more", 3, 4 }, { "what is before, and the head", -2, 4 },
	{ "all around", -1, 7 }, { "the last page and more", 4, 3 }, { "what is behind", 5, 1 },
};

static void run_munmap(struct side *side, uint64_t a, uint64_t b)
{
	struct mapping m = setup(side, RW);

	say_call(side, "munmap", munmap(m.at + parts[a].first * (long)PAGE,
					parts[a].pages * PAGE - b));
	say_pages(side, m.at);
	look(side, &m, m.at);
	finish(side, &m, m.at);
}

static void run_mprotect(struct side *side, uint64_t a, uint64_t b)
{
	struct mapping m = setup(side, b >> 8);

	say_call(side, "mprotect", mprotect(m.at + parts[a].first * (long)PAGE,
					    parts[a].pages * PAGE, b & 0xff));
	say_pages(side, m.at);
	look(side, &m, m.at);
	say_call(side, "back", mprotect(m.at, PAGES * PAGE, RW));
	look(side, &m, m.at);
	finish(side, &m, m.at);
}

static void run_madvise(struct side *side, uint64_t a, uint64_t b)
{
	struct mapping m = setup(side, RW);

	say_ret(side, "write", side_write(side, m.fd, "abc", 3));
	say_call(side, "madvise", madvise(m.at + parts[a].first * (long)PAGE,
					  parts[a].pages * PAGE, b));
	say_pages(side, m.at);
	look(side, &m, m.at);
	finish(side, &m, m.at);
}

enum locking { MLOCK, LOCK_ONFAULT, MUNLOCK, MLOCKALL, MSYNC, MSYNC_ASYNC, MSYNC_INVALIDATE,
	       MINCORE, MBIND, REMAP_PAGES, MSEAL, NR_LOCKING };

static const char *const locking_names[] = {
	"mlock", "mlock2 on fault", "munlock", "mlockall", "msync", "msync async",
	"msync invalidate", "mincore", "mbind", "remap_file_pages", "mseal",
};

#ifndef SYS_mseal
#define SYS_mseal	462
#endif

static void run_locking(struct side *side, uint64_t a, uint64_t b)
{
	struct mapping m = setup(side, RW);
	char *at = m.at + parts[a].first * (long)PAGE;
	size_t len = parts[a].pages * PAGE;
	unsigned char vec[16] = {};
	unsigned long nodes = 1;
	long ret = -1;

	switch ((enum locking)b) {
	case MLOCK:
		ret = mlock(at, len);
		break;
	case LOCK_ONFAULT:
		ret = syscall(SYS_mlock2, at, len, 1);
		break;
	case MUNLOCK:
		ret = munlock(at, len);
		break;
	case MLOCKALL:
		ret = mlockall(MCL_CURRENT);
		break;
	case MSYNC:
		ret = msync(at, len, MS_SYNC);
		break;
	case MSYNC_ASYNC:
		ret = msync(at, len, MS_ASYNC);
		break;
	case MSYNC_INVALIDATE:
		ret = msync(at, len, MS_SYNC | MS_INVALIDATE);
		break;
	case MINCORE:
		ret = mincore(at, len, vec);
		break;
	case MBIND:
		ret = syscall(SYS_mbind, at, len, MPOL_BIND, &nodes, 8, 0);
		break;
	case REMAP_PAGES:
		ret = syscall(SYS_remap_file_pages, at, len, 0, 1, 0);
		break;
	case MSEAL:
		ret = syscall(SYS_mseal, at, len, 0);
		break;
	case NR_LOCKING:
		break;
	}
	say_call(side, locking_names[b], ret);
	if (b == MINCORE)
		say(side, "in core=%u%u%u%u%u", vec[0] & 1, vec[1] & 1, vec[2] & 1, vec[3] & 1,
		    vec[4] & 1);
	say(side, "VmLck=%ld", status_kb("VmLck"));
	say_pages(side, m.at);
	look(side, &m, m.at);
	finish(side, &m, m.at);
}

/**
 * struct move - an mremap(2)
 * @first: page of the mapping where the old one begins
 * @old: pages, the old size
 * @new: pages, the new size
 * @flags: MREMAP_*
 * @fixed: 0 none, 1 elsewhere, 2 over itself by one page
 */
struct move {
	const char *name;
	int first;
	size_t old, new;
	int flags;
	int fixed;
};

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif
#define MOVE	MREMAP_MAYMOVE
#define FIXED	(MREMAP_MAYMOVE | MREMAP_FIXED)

static const struct move moves[] = {
	{ "the same size", 0, 5, 5, 0, 0 },
	{ "the same size, may move", 0, 5, 5, MOVE, 0 },
	{ "grow by 1", 0, 5, 6, 0, 0 },
	{ "grow by 1, may move", 0, 5, 6, MOVE, 0 },
	{ "grow to double data", 0, 5, 9, MOVE, 0 },
	{ "shrink by 1", 0, 5, 4, 0, 0 },
	{ "shrink by 1, may move", 0, 5, 4, MOVE, 0 },
	{ "shrink to the control page", 0, 5, 1, 0, 0 },
	{ "to nothing", 0, 5, 0, 0, 0 },
	{ "the whole, elsewhere", 0, 5, 5, FIXED, 1 },
	{ "the whole, over itself", 0, 5, 5, FIXED, 2 },
	{ "the whole, elsewhere and larger", 0, 5, 9, FIXED, 1 },
	{ "the whole, elsewhere and smaller", 0, 5, 3, FIXED, 1 },
	{ "the control page, elsewhere", 0, 1, 1, FIXED, 1 },
	{ "a data page, elsewhere", 1, 1, 1, FIXED, 1 },
	{ "the data, elsewhere", 1, 4, 4, FIXED, 1 },
	{ "the last page, elsewhere", 4, 1, 1, FIXED, 1 },
	{ "beyond the end, elsewhere", 3, 4, 4, FIXED, 1 },
	{ "another one of it, old size 0", 0, 0, 5, MOVE, 0 },
	{ "another one of its data, old size 0", 1, 0, 4, MOVE, 0 },
	{ "another one, smaller, old size 0", 0, 0, 3, MOVE, 0 },
	{ "another one, larger, old size 0", 0, 0, 9, MOVE, 0 },
	{ "another one elsewhere, old size 0", 0, 0, 5, FIXED, 1 },
	{ "leaving it behind", 0, 5, 5, MOVE | MREMAP_DONTUNMAP, 0 },
	{ "leaving it behind, elsewhere", 0, 5, 5, FIXED | MREMAP_DONTUNMAP, 1 },
	{ "leaving a part behind", 1, 2, 2, MOVE | MREMAP_DONTUNMAP, 0 },
	{ "unknown flag", 0, 5, 5, 8, 0 },
	{ "FIXED alone", 0, 5, 5, MREMAP_FIXED, 1 },
};

static void run_mremap(struct side *side, uint64_t a, uint64_t b)
{
	const struct move *move = &moves[a];
	struct mapping m = setup(side, b ? RW : PROT_READ);
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
	char *to = mmap(NULL, 16 * PAGE, PROT_NONE, anon, -1, 0), *at;

	if (move->fixed == 2)
		to = m.at + PAGE;
	at = mremap(m.at + move->first * (long)PAGE, move->old * PAGE, move->new * PAGE,
		    move->flags, move->fixed ? to : NULL);
	say_ret(side, "mremap", at == MAP_FAILED ? -errno : 0);
	say(side, "VmPin=%ld", status_kb("VmPin"));
	if (!move->fixed || move->fixed == 1)
		say_pages(side, m.at);
	look(side, &m, m.at);
	if (at == MAP_FAILED || at == m.at) {
		finish(side, &m, m.at);
		return;
	}
	look(side, &m, at);
	say_call(side, "munmap old", munmap(m.at, PAGES * PAGE));
	say_poll(side, "poll", poll_events(m.fd, 0));
	say_call(side, "munmap new", munmap(at, move->new * PAGE));
	say_poll(side, "poll", poll_events(m.fd, 0));
}

/*
 * A child, after advice @a: does it have the mapping, can it read and write it, does
 * its end or its munmap take the ring from its parent?
 */
static void run_fork(struct side *side, uint64_t a, uint64_t b)
{
	struct mapping m = setup(side, RW);
	struct perf_event_mmap_page *page = (void *)m.at;
	int status = 0;
	pid_t child;

	if (a)
		say_call(side, "madvise", madvise(m.at, PAGES * PAGE, a));
	child = fork();
	if (!child) {
		say_pages(side, m.at);
		say_poll(side, "poll", poll_events(m.fd, 0));
		if (b)
			say_call(side, "munmap", munmap(m.at, PAGES * PAGE));
		else if (a == MADV_DOFORK)
			page->data_tail = 8;
		/* Its own, of the inherited descriptor. */
		say_ret(side, "map", mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, m.fd, 0) ==
			MAP_FAILED ? -errno : 0);
		_exit(0);
	}
	waitpid(child, &status, 0);
	say(side, "tail=%llu", (unsigned long long)page->data_tail);
	look(side, &m, m.at);
	finish(side, &m, m.at);
}

static const struct {
	int advice;
	const char *name;
} advices[] = {
	{ MADV_NORMAL, "NORMAL" }, { MADV_RANDOM, "RANDOM" }, { MADV_SEQUENTIAL, "SEQUENTIAL" },
	{ MADV_WILLNEED, "WILLNEED" }, { MADV_DONTNEED, "DONTNEED" }, { MADV_FREE, "FREE" },
	{ MADV_REMOVE, "REMOVE" }, { MADV_DONTFORK, "DONTFORK" }, { MADV_DOFORK, "DOFORK" },
	{ MADV_MERGEABLE, "MERGEABLE" }, { MADV_HUGEPAGE, "HUGEPAGE" },
	{ MADV_NOHUGEPAGE, "NOHUGEPAGE" }, { MADV_DONTDUMP, "DONTDUMP" },
	{ MADV_DODUMP, "DODUMP" }, { MADV_WIPEONFORK, "WIPEONFORK" },
	{ MADV_KEEPONFORK, "KEEPONFORK" }, { MADV_COLD, "COLD" }, { MADV_PAGEOUT, "PAGEOUT" },
	{ 22, "POPULATE_READ" }, { 23, "POPULATE_WRITE" }, { 24, "DONTNEED_LOCKED" },
	{ 99, "unknown" },
};

void vma_rows(void)
{
	static const unsigned int whole = 7;
	static const unsigned int some[] = { 0, 1, 2, 3, 7 };
	static const int prots[] = {
		RW << 8 | PROT_NONE, RW << 8 | PROT_READ, RW << 8 | RW, RW << 8 | PROT_EXEC,
		RW << 8 | RW | PROT_EXEC, PROT_READ << 8 | RW, PROT_NONE << 8 | PROT_READ,
		PROT_READ << 8 | PROT_WRITE,
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_LEN(parts); i++)
		add("munmap", run_munmap, i, 0, "%s", parts[i].name);
	add("munmap", run_munmap, whole, 4095, "the whole, less 4095 bytes");
	add("munmap", run_munmap, whole, PAGE, "the whole, less a page");
	for (i = 0; i < ARRAY_LEN(prots); i++)
		for (k = 0; k < ARRAY_LEN(some); k++)
			add("mprotect", run_mprotect, some[k], prots[i], "%s, from %d to %d",
			    parts[some[k]].name, prots[i] >> 8, prots[i] & 0xff);
	for (i = 0; i < ARRAY_LEN(advices); i++) {
		add("madvise", run_madvise, whole, advices[i].advice, "%s, the whole",
		    advices[i].name);
		add("madvise", run_madvise, 2, advices[i].advice, "%s, %s", advices[i].name,
		    parts[2].name);
	}
	for (i = 0; i < NR_LOCKING; i++) {
		add("mlock and others", run_locking, whole, i, "%s, the whole", locking_names[i]);
		add("mlock and others", run_locking, 2, i, "%s, %s", locking_names[i],
		    parts[2].name);
	}
	for (i = 0; i < ARRAY_LEN(moves); i++)
		for (k = 0; k < 2; k++)
			add("mremap", run_mremap, i, k, "%s, %s", moves[i].name, k ? "rw" : "r");
	for (i = 0; i < 2; i++) {
		add("fork", run_fork, 0, i, "no advice%s", i ? ", the child unmaps" : "");
		add("fork", run_fork, MADV_DONTFORK, i, "DONTFORK%s",
		    i ? ", the child unmaps" : "");
		add("fork", run_fork, MADV_DOFORK, i, "DOFORK%s", i ? ", the child unmaps" : "");
		add("fork", run_fork, MADV_WIPEONFORK, i, "WIPEONFORK%s",
		    i ? ", the child unmaps" : "");
	}
}
