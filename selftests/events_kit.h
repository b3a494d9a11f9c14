/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events on targets.  What they count is what the test does: so many calls of a function,
 * stores to a word, system calls, pages; so each count is known exactly.
 */
#ifndef SELFTESTS_EVENTS_KIT_H
#define SELFTESTS_EVENTS_KIT_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fixtures.h"

#define TIMES	57

/* What breakpoints watch; of one cacheline, so that no other data is near. */
/* Breakpoints are as wide as a word at most. */
static volatile unsigned long watched[8] __attribute__((aligned(64)));
#if __SIZEOF_LONG__ == 8
#define WORD	"8"
#else
#define WORD	"4"
#endif

static inline void store(unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		watched[0] = i;
}

/* Touch pages that were never touched: so many faults. */
static inline bool fault(unsigned int pages)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *map = mmap(NULL, pages * size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return false;
	/* EINVAL: a kernel without huge pages, as those for real time are. */
	if (madvise((void *)map, pages * size, MADV_NOHUGEPAGE) && errno != EINVAL)
		return false;
	for (unsigned int i = 0; i < pages; i++)
		map[i * size] = 1;
	return !munmap((void *)map, pages * size);
}

FIXTURE(events) {
	struct perfring_event_specs *specs;
	struct perfring_events *events;
	struct perfring_reader *reader;
	struct perfring_events_failure failure;
	struct perfring_events_opts opts;
	struct perfring_count_value value[4];
	pid_t pids[2];
	char text[512];
};

FIXTURE_SETUP(events)
{
	if (geteuid())
		SKIP(return, "uid %d: breakpoints and probes want root", geteuid());
	memset(&self->opts, 0, sizeof(self->opts));
	self->opts.size = sizeof(self->opts);
	self->opts.failure = &self->failure;
	self->opts.pids = self->pids;
	self->opts.nr_pids = 1;
}

/* For another text. */
static inline void close_events(FIXTURE_DATA(events) *self)
{
	perfring_reader_destroy(self->reader);
	perfring_events_close(self->events);
	perfring_event_specs_free(self->specs);
	self->reader = NULL;
	self->events = NULL;
	self->specs = NULL;
}

FIXTURE_TEARDOWN(events)
{
	close_events(self);
}

/* Parse self->text, open on self->opts; what fails is told. */
static inline int open_events(struct __test_metadata *_metadata, FIXTURE_DATA(events) *self)
{
	struct perfring_event_error error;
	char shown[1024] = "";
	int err = perfring_event_parse(self->text, NULL, &self->specs, &error);

	if (err) {
		perfring_event_error_format(&error, self->text, shown, sizeof(shown));
		TH_LOG("%s", shown);
		return err;
	}
	err = perfring_events_open(self->specs, &self->opts, &self->events);
	if (!err && self->opts.sampling)
		err = perfring_reader_create(NULL, &self->reader);
	if (!err && self->opts.sampling) {
		err = perfring_events_give(self->events, self->reader);
		err = err < 0 ? err : 0;
	}
	if (err)
		TH_LOG("%s: event %u, pid %d, cpu %d: %d", self->text, self->failure.index,
		       self->failure.pid, self->failure.cpu, self->failure.error);
	return err;
}

#define OPEN()	ASSERT_EQ(0, open_events(_metadata, self))

static inline bool has_pmu(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", name);
	return !access(path, R_OK);
}

/* In a test whose events are stores to a word (mem:). */
#define NEED_BREAKPOINTS()									\
	do {											\
		if (!has_pmu("breakpoint"))							\
			SKIP(return, "this machine has no PMU breakpoint");			\
	} while (0)

/* A child that waits until its parent has written a byte, then does @fn, and its end. */
struct child {
	pid_t pid;
	int go;
};

static inline bool child_start(struct child *child, void (*fn)(void))
{
	int pipes[2];
	char byte;

	if (pipe2(pipes, O_CLOEXEC))
		return false;
	child->pid = fork();
	if (!child->pid) {
		close(pipes[1]);
		if (read(pipes[0], &byte, 1) == 1)
			fn();
		_exit(0);
	}
	close(pipes[0]);
	child->go = pipes[1];
	return child->pid > 0;
}

static inline bool child_run(struct child *child)
{
	int status = -1;

	return write(child->go, "g", 1) == 1 && !close(child->go) &&
	       waitpid(child->pid, &status, 0) == child->pid && !status;
}

static inline void store_times(void)
{
	store(TIMES);
}

static inline void exec_true(void)
{
	execl("/bin/true", "true", (char *)NULL);
	_exit(1);
}

static inline void ask_parent(void)
{
	for (int i = 0; i < TIMES; i++)
		syscall(SYS_getppid);
}

#endif /* SELFTESTS_EVENTS_KIT_H */
