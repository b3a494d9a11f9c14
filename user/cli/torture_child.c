// SPDX-License-Identifier: MIT
/* The reader: a child process, what it prints, and where it is. */
#include "torture.h"

#include <errno.h>
#include <fcntl.h>
#include <perfring/perfring.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_RING_FD	3
#define CHILD_WAIT_FD	4
#define CHILD_SKIPS	4	/* exit status: this scenario is not for me */
#define CHILD_NAP_NS	50000
#define CHILD_ASLEEP_NS	(2 * CLI_NS)	/* one that never sleeps is not waited for longer */

static void child_why(struct torture *t, const char *format, va_list args)
{
	if (!t->why[0])
		vsnprintf(t->why, sizeof(t->why), format, args);
}

bool torture_fail(struct torture *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	child_why(t, format, args);
	va_end(args);
	return false;
}

bool torture_skip(struct torture *t, const char *format, ...)
{
	va_list args;

	t->skipped = true;
	va_start(args, format);
	child_why(t, format, args);
	va_end(args);
	return false;
}

bool torture_did(struct torture *t, int err, const char *what)
{
	if (!err)
		return true;
	if (err == -EOPNOTSUPP)
		return torture_skip(t, "the %s cannot: %s", t->ring.backend->name, what);
	return torture_fail(t, "the %s did not: %s: %s", t->ring.backend->name, what,
			    perfring_strerror(err));
}

/* In the child, up to its exec; says on @report why it came to nothing. */
static void child_become(const struct torture *t, int out, int report)
{
	struct rlimit no_core = { 0, 0 };
	char bytes[24];
	int ring, wait, err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	/* Out of the way of where they go. */
	ring = fcntl(t->ring.map_fd, F_DUPFD_CLOEXEC, CHILD_WAIT_FD + 1);
	wait = fcntl(t->ring.wait_fd, F_DUPFD_CLOEXEC, CHILD_WAIT_FD + 1);
	report = fcntl(report, F_DUPFD_CLOEXEC, CHILD_WAIT_FD + 1);
	snprintf(bytes, sizeof(bytes), "%zu", t->ring.map_bytes);
	setenv("PERFRING_BYTES", bytes, 1);
	setenv("PERFRING_MODE", t->backward ? "backward" : "forward", 1);
	if (dup2(out, STDOUT_FILENO) >= 0 && dup2(ring, CHILD_RING_FD) >= 0 &&
	    dup2(wait, CHILD_WAIT_FD) >= 0)
		execvp(t->command[0], t->command);
	err = errno;
	if (write(report, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

bool torture_open(struct torture *t, const struct torture_shape *shape)
{
	t->backward = shape->backward;
	if (!torture_did(t, t->ring.backend->open(&t->ring, shape), "a ring like this"))
		return false;
	t->tail = shape->position;
	return true;
}

bool torture_begin(struct torture *t)
{
	const struct torture_shape plain = { .bytes = 0 };

	return torture_open(t, &plain) && torture_start(t);
}

bool torture_start(struct torture *t)
{
	int out[2], report[2], err = 0;
	ssize_t got;

	if (pipe2(out, O_CLOEXEC))
		return torture_skip(t, "pipe: %s", strerror(errno));
	if (pipe2(report, O_CLOEXEC)) {
		close(out[0]);
		close(out[1]);
		return torture_skip(t, "pipe: %s", strerror(errno));
	}
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETPIPE_SZ, 2 * (int)sysconf(_SC_PAGESIZE));
	fflush(stdout);
	t->out = out[0];
	t->child = fork();
	if (!t->child)
		child_become(t, out[1], report[1]);
	if (t->child < 0)
		err = errno;
	close(out[1]);
	close(report[1]);
	got = read(report[0], &err, sizeof(err));
	close(report[0]);
	if (got == sizeof(err) || err) {
		t->command = NULL;
		return torture_fail(t, "it cannot be run: %s", strerror(err));
	}
	return true;
}

bool torture_note(struct torture *t, struct torture_lines *lines, const struct torture_line *line)
{
	size_t room = lines->room ? 2 * lines->room : 64;
	struct torture_line *more;

	if (lines->nr == lines->room) {
		more = realloc(lines->line, room * sizeof(*more));
		if (!more)
			return torture_skip(t, "no memory");
		lines->line = more;
		lines->room = room;
	}
	lines->line[lines->nr++] = *line;
	return true;
}

bool torture_expect(struct torture *t, uint64_t position, uint32_t size, const char *format, ...)
{
	struct torture_line line = { .position = position, .size = size };
	va_list args;

	va_start(args, format);
	vsnprintf(line.text, sizeof(line.text), format, args);
	va_end(args);
	return torture_note(t, &t->due, &line);
}

static bool child_twice(struct torture *t, const char *shown, size_t i)
{
	return torture_fail(t, "'%s' came twice: it is the record at %llu, which was read before",
			    shown, (unsigned long long)t->due.line[i].position);
}

/* What @text is instead of what was due. */
static bool child_wrong(struct torture *t, const char *text)
{
	const struct torture_line *due = &t->due.line[t->printed];
	char shown[128];
	size_t i;

	cli_escape(shown, sizeof(shown), text, strnlen(text, 30));
	if (t->printed == t->due.nr) {
		for (i = t->due.nr; i-- > 0;)
			if (t->due.line[i].size && !strcmp(t->due.line[i].text, text))
				return child_twice(t, shown, i);
		return torture_fail(t, "'%s' came when nothing more was published", shown);
	}
	for (i = t->printed + 1; i < t->due.nr; i++)
		if (!strcmp(t->due.line[i].text, text))
			return torture_fail(t, "line %zu was '%s' and should have been '%s': %zu before it never came",
					    t->printed + 1, shown, due->text, i - t->printed);
	if (due->size)
		return torture_fail(t, "line %zu was '%s' and should have been '%s', the record of %u bytes at %llu, which is %llu in the data",
				    t->printed + 1, shown, due->text, due->size,
				    (unsigned long long)due->position,
				    (unsigned long long)due->position & (t->ring.size - 1));
	return torture_fail(t, "line %zu was '%s' and should have been '%s'", t->printed + 1, shown,
			    due->text);
}

/* In place of the last line that is due. */
static bool child_refuses(const struct torture *t, const char *text)
{
	return t->may_refuse && t->printed + 1 == t->due.nr && !strcmp(text, "corrupt");
}

/* The whole lines in the buffer. */
static bool child_lines(struct torture *t)
{
	char *line = t->buffer, *end;

	while ((end = memchr(line, '\n', t->buffered - (size_t)(line - t->buffer)))) {
		*end = '\0';
		/* Its own remarks. */
		if (*line != '#') {
			if (child_refuses(t, line))
				t->refused = true;
			else if (t->printed == t->due.nr ||
				 strcmp(line, t->due.line[t->printed].text) != 0)
				return child_wrong(t, line);
			t->printed++;
		}
		line = end + 1;
	}
	t->buffered -= (size_t)(line - t->buffer);
	memmove(t->buffer, line, t->buffered);
	if (t->buffered == sizeof(t->buffer))
		return torture_fail(t, "a line of %zu bytes and more", sizeof(t->buffer));
	return true;
}

/* Up to the pipe's last byte: a page that is not empty takes nothing new. */
bool torture_listen(struct torture *t)
{
	ssize_t got;

	while ((got = read(t->out, t->buffer + t->buffered,
			   sizeof(t->buffer) - t->buffered)) > 0) {
		t->buffered += (size_t)got;
		if (!child_lines(t))
			return false;
	}
	return true;
}

/* data_tail is the reader's to move, forward and no further than data_head. */
static bool child_tail(struct torture *t)
{
	uint64_t head = t->ring.control->data_head, tail, ahead;

	if (t->backward)
		return true;
	tail = t->ring.control->data_tail;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	ahead = torture_distance(t->tail, head);
	if (ahead <= t->ring.size && torture_distance(t->tail, tail) > ahead)
		return torture_fail(t, "data_tail went from %llu to %llu, but data_head is %llu",
				    (unsigned long long)t->tail, (unsigned long long)tail,
				    (unsigned long long)head);
	t->tail = tail;
	return true;
}

static char child_state(const struct torture *t)
{
	char path[40], text[512];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", t->child);
	if (cli_read_text(path, text, sizeof(text)))
		return '?';
	at = strrchr(text, ')');
	return at && at[1] ? at[2] : '?';
}

static bool child_gone(struct torture *t)
{
	if (t->watch)
		return torture_watch_gone(t);
	if (t->child && waitpid(t->child, &t->status, WNOHANG) == t->child)
		t->child = 0;
	return !t->child;
}

/* How it has ended, when it should not have, or not so. */
static bool child_ended_wrong(struct torture *t)
{
	char how[60];

	if (WIFSIGNALED(t->status))
		snprintf(how, sizeof(how), "died of SIG%s", sigabbrev_np(WTERMSIG(t->status)));
	else
		snprintf(how, sizeof(how), "ended with status %d", WEXITSTATUS(t->status));
	if (t->printed < t->due.nr)
		return torture_fail(t, "it %s after %zu lines; '%s' was due", how, t->printed,
				    t->due.line[t->printed].text);
	return torture_fail(t, "it %s", how);
}

static bool is_released(const struct torture *t)
{
	return !torture_distance(t->ring.control->data_tail, t->ring.control->data_head);
}

static bool is_printed(struct torture *t)
{
	return t->printed == t->due.nr;
}

static bool is_settled(struct torture *t)
{
	return t->printed == t->due.nr && (t->backward || t->refused || is_released(t));
}

/*
 * A pipe of two pages blocks when both have something and the next bytes do not fit the
 * second one: there is a page or more in it then.  Or all is released.
 */
static bool is_blocked(struct torture *t)
{
	int bytes = 0;

	ioctl(t->out, FIONREAD, &bytes);
	return bytes >= (int)sysconf(_SC_PAGESIZE) || !t->child ||
	       (!t->backward && is_released(t));
}

static bool is_stopped(struct torture *t)
{
	return child_state(t) == 'T';
}

static bool is_gone(struct torture *t)
{
	return t->child == 0;
}

/* Out of time: say what it has not done. */
static bool child_late(struct torture *t)
{
	char state = child_state(t);
	const char *does = state == 'S' ? "it waits" : state == 'R' ? "it runs" : "it is busy";

	if (t->printed < t->due.nr)
		return torture_fail(t, "after %.3g s '%s' is still due (line %zu); data_tail is %llu, data_head %llu, and %s",
				    (double)t->timeout / 1e9, t->due.line[t->printed].text,
				    t->printed + 1, (unsigned long long)t->ring.control->data_tail,
				    (unsigned long long)t->ring.control->data_head, does);
	if (!is_settled(t))
		return torture_fail(t, "all was read, but after %.3g s data_tail is %llu and not %llu",
				    (double)t->timeout / 1e9,
				    (unsigned long long)t->ring.control->data_tail,
				    (unsigned long long)t->ring.control->data_head);
	return torture_fail(t, "after %.3g s it has not ended, and %s", (double)t->timeout / 1e9,
			    does);
}

/* Until @done, or it is over. */
static bool child_until(struct torture *t, bool (*done)(struct torture *t))
{
	const struct timespec nap = { .tv_nsec = CHILD_NAP_NS };
	uint64_t end = cli_now() + t->timeout;
	struct pollfd out = { .fd = t->out, .events = POLLIN };
	bool gone, last = false;

	for (;;) {
		if (cli_stop)
			return torture_skip(t, "interrupted");
		gone = child_gone(t);
		/* What it has stored is looked at after what it has printed. */
		if ((!t->deaf && !torture_listen(t)) || !child_tail(t))
			return false;
		if (gone && WIFEXITED(t->status) && WEXITSTATUS(t->status) == CHILD_SKIPS &&
		    !t->printed)
			return torture_skip(t, "the reader does not do this (status %d)",
					    CHILD_SKIPS);
		if (done(t))
			return true;
		if (gone && poll(&out, 1, 0) > 0 && !(out.revents & POLLIN)) {
			/* The pipe is empty and will be. */
			if (last)
				return child_ended_wrong(t);
			last = true;
			continue;
		}
		if (last || cli_now() > end)
			return gone ? child_ended_wrong(t) : child_late(t);
		if (t->deaf)
			nanosleep(&nap, NULL);
		else
			ppoll(&out, 1, &nap, NULL);
	}
}

bool torture_printed(struct torture *t)
{
	return child_until(t, is_printed);
}

bool torture_settled(struct torture *t)
{
	return child_until(t, is_settled);
}

bool torture_blocked(struct torture *t)
{
	bool blocked;

	t->deaf = true;
	blocked = child_until(t, is_blocked);
	t->deaf = false;
	return blocked;
}

/* A good guess is enough: what follows must be right wherever the reader is. */
bool torture_asleep(struct torture *t)
{
	const struct timespec nap = { .tv_nsec = CHILD_NAP_NS };
	uint64_t end = cli_now() + CHILD_ASLEEP_NS;

	while (child_state(t) != 'S' && cli_now() < end) {
		if (child_gone(t))
			return child_ended_wrong(t);
		nanosleep(&nap, NULL);
	}
	return true;
}

bool torture_stop(struct torture *t, bool stop)
{
	if (!t->child)
		return child_ended_wrong(t);
	kill(-t->child, stop ? SIGSTOP : SIGCONT);
	return !stop || child_until(t, is_stopped);
}

/* Does it handle a signal?  From the mask in its status. */
static bool child_handles(const struct torture *t, int signal)
{
	char path[40], text[4096];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/status", t->child);
	if (cli_read_text(path, text, sizeof(text)))
		return false;
	at = strstr(text, "SigCgt:");
	return at && (strtoull(at + 7, NULL, 16) >> (signal - 1) & 1);
}

bool torture_signal(struct torture *t)
{
	if (child_gone(t))
		return child_ended_wrong(t);
	if (!child_handles(t, SIGUSR1))
		return torture_skip(t, "the reader does not handle SIGUSR1");
	kill(t->child, SIGUSR1);
	return true;
}

bool torture_ended(struct torture *t)
{
	if (!torture_printed(t) || !child_until(t, is_gone))
		return false;
	/* Nothing may follow. */
	if (!torture_listen(t))
		return false;
	if (t->buffered)
		return torture_fail(t, "its last line has no end");
	if (!WIFEXITED(t->status) || WEXITSTATUS(t->status))
		return child_ended_wrong(t);
	return true;
}

void torture_close(struct torture *t)
{
	if (t->child > 0) {
		kill(-t->child, SIGKILL);
		torture_watch_close(t);
		while (t->child > 0 && waitpid(t->child, &t->status, 0) < 0 && errno == EINTR)
			;
	}
	torture_watch_close(t);
	t->child = 0;
	if (t->out >= 0)
		close(t->out);
	t->out = -1;
	t->ring.backend->close(&t->ring);
	free(t->due.line);
	free(t->records.line);
}
