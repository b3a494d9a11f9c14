// SPDX-License-Identifier: MIT
/*
 * A size that is another one as soon as the reader has loaded it.
 *
 * Its threads are traced, with a watchpoint of the processor on the two bytes.  The first
 * instruction that touches them stops its thread; the lie is stored, all threads are let
 * go, that one last, and nobody traces them any more: what runs at a program's end may
 * want to (sanitizers do).
 */
#include "torture.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WATCH_ADDRESSES	4	/* mappings of the ring; x86 has so many watchpoints */
#define WATCH_THREADS	256
#define WATCH_NAP_NS	50000

struct torture_watch {
	uint64_t address[WATCH_ADDRESSES];	/* in the reader; 0: none */
	volatile uint16_t *size;
	uint16_t lie;
	struct {
		pid_t tid;
		bool armed;
	} thread[WATCH_THREADS];		/* those that are traced */
	size_t nr;
	pid_t toucher;				/* has loaded the size, and stands */
	bool touched;
	int error;				/* of a watchpoint */
};

#if defined(__x86_64__) || defined(__i386)
#define WATCH_CONTROL	7

static int watch_register(pid_t tid, unsigned int nr, unsigned long value)
{
	unsigned long at = offsetof(struct user, u_debugreg) + nr * sizeof(long);

	return ptrace(PTRACE_POKEUSER, tid, at, value) ? -errno : 0;
}

static int watch_set(pid_t tid, const uint64_t *address)
{
	unsigned long control = 0;
	int err;

	for (unsigned int i = 0; i < WATCH_ADDRESSES; i++) {
		if (!address[i])
			continue;
		err = watch_register(tid, i, (unsigned long)address[i]);
		if (err)
			return err;
		/* On, for loads and stores of two bytes. */
		control |= 1UL << 2 * i | 7UL << (16 + 4 * i);
	}
	return watch_register(tid, WATCH_CONTROL, control);
}
#else
/* Others have no watchpoints, or ones that stop before the load is done. */
static int watch_set(pid_t tid, const uint64_t *address)
{
	(void)tid;
	(void)address;
	return -EOPNOTSUPP;
}
#endif

static size_t watch_find(const struct torture_watch *w, pid_t tid)
{
	size_t i = 0;

	while (i < w->nr && w->thread[i].tid != tid)
		i++;
	return i;
}

static void watch_add(struct torture_watch *w, pid_t tid)
{
	if (watch_find(w, tid) < w->nr)
		return;
	if (w->nr == WATCH_THREADS) {
		w->error = -EAGAIN;
		return;
	}
	w->thread[w->nr].armed = false;
	w->thread[w->nr++].tid = tid;
}

static void watch_remove(struct torture_watch *w, pid_t tid)
{
	size_t i = watch_find(w, tid);

	if (i < w->nr)
		w->thread[i] = w->thread[--w->nr];
}

/* Let a thread that stands go on, with a @signal that was on its way. */
static void watch_resume(struct torture_watch *w, pid_t tid, int signal)
{
	static const uint64_t nowhere[WATCH_ADDRESSES];
	size_t i = watch_find(w, tid);

	if (w->toucher) {
		watch_set(tid, nowhere);
		ptrace(PTRACE_DETACH, tid, NULL, (long)signal);
		watch_remove(w, tid);
		return;
	}
	if (i < w->nr && !w->thread[i].armed) {
		int err = watch_set(tid, w->address);

		if (err)
			w->error = err;
		w->thread[i].armed = true;
	}
	ptrace(PTRACE_CONT, tid, NULL, (long)signal);
}

static void watch_stopped(struct torture_watch *w, pid_t tid, int status)
{
	int event = status >> 16, signal = WSTOPSIG(status);
	unsigned long other = 0;
	siginfo_t info;

	/* One that was born traced. */
	watch_add(w, tid);
	if (event == PTRACE_EVENT_CLONE && !ptrace(PTRACE_GETEVENTMSG, tid, NULL, &other))
		watch_add(w, (pid_t)other);
	if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
		ptrace(PTRACE_LISTEN, tid, NULL, NULL);
		return;
	}
	if (!event && signal == SIGTRAP && !ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) &&
	    info.si_code == TRAP_HWBKPT) {
		signal = 0;
		if (!w->toucher) {
			w->toucher = tid;
			return;
		}
	}
	watch_resume(w, tid, event ? 0 : signal);
}

/* What the threads have done; false: nothing. */
static bool watch_serve(struct torture *t)
{
	struct torture_watch *w = t->watch;
	int status;
	pid_t tid = waitpid(-1, &status, WNOHANG | __WALL);

	if (tid <= 0)
		return false;
	if (WIFSTOPPED(status)) {
		watch_stopped(w, tid, status);
		return true;
	}
	watch_remove(w, tid);
	if (tid == t->child) {
		t->status = status;
		t->child = 0;
	}
	return true;
}

/* Until all but @left threads are let go, or the reader is no more. */
static void watch_leave(struct torture *t, size_t left)
{
	const struct timespec nap = { .tv_nsec = WATCH_NAP_NS };
	uint64_t end = cli_now() + t->timeout;
	struct torture_watch *w = t->watch;

	for (size_t i = 0; i < w->nr; i++)
		if (w->thread[i].tid != w->toucher)
			ptrace(PTRACE_INTERRUPT, w->thread[i].tid, NULL, NULL);
	while (t->child && w->nr > left && cli_now() < end)
		if (!watch_serve(t))
			nanosleep(&nap, NULL);
}

bool torture_watch_gone(struct torture *t)
{
	struct torture_watch *w = t->watch;

	while (t->child && w->nr && !w->toucher && watch_serve(t))
		;
	if (t->child && w->toucher) {
		*w->size = w->lie;
		w->touched = true;
		watch_leave(t, 1);
		watch_resume(w, w->toucher, 0);
		w->toucher = 0;
	}
	if (t->child && !w->nr && waitpid(t->child, &t->status, WNOHANG) == t->child)
		t->child = 0;
	return !t->child;
}

/* Where the reader has the byte at @offset of what it maps. */
static unsigned int watch_addresses(struct torture *t, uint64_t offset)
{
	unsigned long long begin, end, from, inode;
	unsigned int nr = 0, major, minor;
	char path[40], line[600];
	struct stat ring;
	FILE *maps;

	memset(t->watch->address, 0, sizeof(t->watch->address));
	snprintf(path, sizeof(path), "/proc/%d/maps", t->child);
	maps = fstat(t->ring.map_fd, &ring) ? NULL : fopen(path, "r");
	while (maps && nr < WATCH_ADDRESSES && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%llx-%llx %*s %llx %x:%x %llu", &begin, &end, &from, &major,
			   &minor, &inode) == 6 &&
		    makedev(major, minor) == ring.st_dev && inode == ring.st_ino &&
		    offset >= from && offset - from < end - begin)
			t->watch->address[nr++] = begin + (offset - from);
	if (maps)
		fclose(maps);
	return nr;
}

/* Attach the threads that are not, and have them stop for their watchpoints. */
static bool watch_attach(struct torture *t)
{
	struct torture_watch *w = t->watch;
	struct dirent *entry;
	bool done = true;
	char path[40];
	pid_t tid;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", t->child);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		tid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (!tid || watch_find(w, tid) < w->nr)
			continue;
		done = false;
		/* One that was born traced will stop by itself. */
		if (!ptrace(PTRACE_SEIZE, tid, NULL, PTRACE_O_TRACECLONE)) {
			ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
			watch_add(w, tid);
		} else if (tid == t->child) {
			w->error = -errno;
		}
	}
	if (dir)
		closedir(dir);
	for (size_t i = 0; i < w->nr; i++)
		done = done && w->thread[i].armed;
	return done;
}

bool torture_watch(struct torture *t, uint64_t position, uint16_t lie)
{
	uint64_t offset = (position & (t->ring.size - 1)) +
			  offsetof(struct perf_event_header, size);
	const struct timespec nap = { .tv_nsec = WATCH_NAP_NS };
	uint64_t end = cli_now() + t->timeout;
	struct torture_watch *w;

	if (!t->ring.data)
		return torture_did(t, -EOPNOTSUPP, "change what is published");
	if (!t->watch)
		t->watch = calloc(1, sizeof(*t->watch));
	w = t->watch;
	if (!w)
		return torture_skip(t, "no memory");
	w->touched = false;
	w->size = (volatile uint16_t *)(t->ring.data + offset);
	w->lie = lie;
	if (!watch_addresses(t, t->ring.control->data_offset + offset))
		return torture_skip(t, "its mapping of the ring is not found");
	while (!watch_attach(t)) {
		while (watch_serve(t))
			;
		if (!t->child)
			return torture_fail(t, "it has ended before anything was wrong");
		if (w->error || cli_now() > end)
			return torture_skip(t, "nothing here tells when a size is loaded (watchpoints by ptrace(2)): %s",
					    strerror(w->error ? -w->error : ETIMEDOUT));
		nanosleep(&nap, NULL);
	}
	return true;
}

bool torture_watch_touched(const struct torture *t)
{
	return t->watch && t->watch->touched;
}

void torture_watch_close(struct torture *t)
{
	int status;

	/* It was killed, but is not over before its traced threads are waited for. */
	while (t->watch && t->watch->nr && t->child > 0)
		if (waitpid(-1, &status, __WALL) == t->child ? !WIFSTOPPED(status) :
							       errno == ECHILD)
			t->child = 0;
	free(t->watch);
	t->watch = NULL;
}
