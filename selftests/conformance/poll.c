// SPDX-License-Identifier: GPL-2.0
/* Readiness: poll(2), select(2), epoll(7), and who is woken. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include "conformance.h"

/* When a reader is due a wakeup. */
static const struct {
	const char *name;
	bool watermark;
	uint32_t value;
} wakes[] = {
	{ "wakeup_events 0", false, 0 }, { "wakeup_events 1", false, 1 },
	{ "wakeup_events 2", false, 2 }, { "wakeup_events 3", false, 3 },
	{ "wakeup_events 2^32 - 1", false, UINT32_MAX },
	{ "watermark 0", true, 0 }, { "watermark 1", true, 1 }, { "watermark 16", true, 16 },
	{ "watermark 17", true, 17 }, { "watermark 64", true, 64 },
	{ "watermark 2048", true, 2048 }, { "watermark 4096", true, 4096 },
	{ "watermark 8192", true, 8192 }, { "watermark 2^31", true, 1U << 31 },
	{ "watermark 2^32 - 1", true, UINT32_MAX },
};

/* Samples of this payload: 16, 1016 bytes; more than half of a page. */
static const unsigned int payloads[] = { 1, 1000, 2100 };

/* Rings: forward, backward; written over; more pages. */
static const struct {
	const char *name;
	bool backward, overwrite;
	unsigned int pages;
} shapes[] = {
	{ "1 page", false, false, 1 }, { "2 pages", false, false, 2 },
	{ "backward", true, false, 1 }, { "overwrite", false, true, 1 },
	{ "backward, overwrite", true, true, 2 },
};

static void wake_attr(struct perf_event_attr *attr, unsigned int wake)
{
	*attr = output_attr();
	attr->watermark = wakes[wake].watermark;
	attr->wakeup_events = wakes[wake].value;
}

/* Six samples, the reader drains after the fourth; @a: wake and shape, @b: payload */
static void run_wake(struct side *side, uint64_t a, uint64_t b)
{
	static const char zeroes[4096];
	unsigned int wake = a >> 8, shape = a & 0xff, i;
	struct perf_event_attr attr;
	struct raw raw;
	int fd;

	wake_attr(&attr, wake);
	attr.write_backward = shapes[shape].backward;
	fd = side_open(side, &attr);
	say_ret(side, "map", raw_map(&raw, fd, shapes[shape].pages,
				     shapes[shape].overwrite ? PROT_READ : RW));
	do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
	for (i = 0; i < 6; i++) {
		say_ret(side, "write", side_write(side, fd, zeroes, payloads[b]));
		say_poll(side, "poll", poll_events(fd, 0));
		say(side, "head=%#llx", (unsigned long long)raw_head(&raw));
		if (i == 3 && !shapes[shape].overwrite) {
			raw.tail = raw_head(&raw);
			raw.page->data_tail = raw.tail;
			say_poll(side, "drained", poll_events(fd, 0));
		}
	}
	say_poll(side, "again", poll_events(fd, 0));
}

/* What is asked for, and what comes. */
static void run_mask(struct side *side, uint64_t a, uint64_t b)
{
	struct raw raw;
	int fd = side_ready(side, NULL, &raw, 1), ret;
	struct pollfd pollfd = { .fd = fd, .events = a };

	if (b)
		raw_unmap(&raw);
	else
		say_ret(side, "write", side_write(side, fd, "x", 1));
	ret = poll(&pollfd, 1, 0);
	say_call(side, "poll", ret);
	say_poll(side, "events", pollfd.revents);
	say_poll(side, "IN later", poll_events(fd, 0));
}

static int ready(struct side *side, int epoll, const char *what)
{
	struct epoll_event event = {};
	int ret = epoll_wait(epoll, &event, 1, 0);

	say_call(side, what, ret);
	if (ret > 0)
		say_poll(side, "events", event.events & 0xffff);
	return ret;
}

/*
 * epoll with flags @a: what is waiting when the descriptor is added, each
 * sample, the drain, disable, unmap, map again.
 */
static void run_epoll(struct side *side, uint64_t a, uint64_t b)
{
	struct epoll_event event = { .events = EPOLLIN | a };
	int epoll = epoll_create1(EPOLL_CLOEXEC), fd, i;
	struct perf_event_attr attr;
	struct raw raw;

	wake_attr(&attr, b);
	fd = side_ready(side, &attr, &raw, 1);
	say_ret(side, "write", side_write(side, fd, "x", 1));
	say_call(side, "add", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	ready(side, epoll, "added");
	ready(side, epoll, "again");
	for (i = 0; i < 3; i++) {
		say_ret(side, "write", side_write(side, fd, "x", 1));
		ready(side, epoll, "written");
		ready(side, epoll, "again");
	}
	raw.page->data_tail = raw_head(&raw);
	ready(side, epoll, "drained");
	do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL);
	ready(side, epoll, "disabled");
	do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
	ready(side, epoll, "enabled");
	say_call(side, "mod", epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
	ready(side, epoll, "modified");
	raw_unmap(&raw);
	ready(side, epoll, "unmapped");
	ready(side, epoll, "again");
	say_ret(side, "map", raw_map(&raw, fd, 1, 0));
	ready(side, epoll, "mapped");
	say_ret(side, "write", side_write(side, fd, "x", 1));
	ready(side, epoll, "written");
	say_call(side, "del", epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
}

/* Added before there is a ring. */
static void run_epoll_early(struct side *side, uint64_t a, uint64_t b)
{
	struct epoll_event event = { .events = EPOLLIN | a };
	int epoll = epoll_create1(EPOLL_CLOEXEC), fd = side_open(side, NULL);
	struct raw raw;

	say_call(side, "add", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	ready(side, epoll, "added");
	ready(side, epoll, "again");
	say_ret(side, "map", raw_map(&raw, fd, 1, 0));
	ready(side, epoll, "mapped");
	do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
	ready(side, epoll, "enabled");
	/* Not written to: a BPF program would hold the descriptor open. */
	close(fd);
	ready(side, epoll, "closed");
	raw_unmap(&raw);
	ready(side, epoll, "unmapped");
}

static void run_select(struct side *side, uint64_t a, uint64_t b)
{
	struct timeval none = {};
	fd_set in, out, bad;
	struct raw raw;
	int fd = side_ready(side, NULL, &raw, 1), i;

	if (a)
		raw_unmap(&raw);
	for (i = 0; i < 2; i++) {
		FD_ZERO(&in);
		FD_SET(fd, &in);
		out = in;
		bad = in;
		say_call(side, "select", select(fd + 1, &in, &out, &bad, &none));
		say(side, "in=%d out=%d bad=%d", FD_ISSET(fd, &in), FD_ISSET(fd, &out),
		    FD_ISSET(fd, &bad));
		say_ret(side, "write", side_write(side, fd, "x", 1));
	}
}

/* Milliseconds that nobody waits for whole, unless something is wrong. */
#define LONG_TIME	10000
/* Those that somebody waits for who is not woken. */
#define SHORT_TIME	200

struct waiter {
	int fd;
	int ms;
	int revents;
	bool late;	/* the time was over */
	pthread_t thread;
};

static void *wait_poll(void *arg)
{
	struct waiter *waiter = arg;
	uint64_t until = now_ns() + waiter->ms * 1000000ULL;

	waiter->revents = poll_events(waiter->fd, waiter->ms);
	/* One that is not woken looks once more when the time is over. */
	waiter->late = now_ns() >= until;
	return NULL;
}

static void start(struct side *side, struct waiter *waiter, int fd, int ms)
{
	waiter->fd = fd;
	waiter->ms = ms;
	if (pthread_create(&waiter->thread, NULL, wait_poll, waiter))
		give_up(side, "no thread");
}

enum woken_by { SAMPLE, UNMAP, DISABLE_IT, OUTPUT_OTHER, OUTPUT_LEFT, TARGET_UNMAPPED, NR_WOKEN };

static const char *const woken_names[] = {
	"a sample", "the last munmap", "DISABLE", "SET_OUTPUT of another", "SET_OUTPUT -1",
	"munmap of the ring it shares",
};

/* @b threads sleep in poll(2); @a happens.  A sleeper takes the readiness with it. */
static void run_woken(struct side *side, uint64_t a, uint64_t b)
{
	struct waiter waiters[4] = {};
	struct raw raw;
	int owner = side_ready(side, NULL, &raw, 1), fd = owner;
	int ms = a == DISABLE_IT || a == OUTPUT_OTHER ? SHORT_TIME : LONG_TIME;
	unsigned int i, in = 0, hup = 0, nothing = 0, late = 0;

	if (a >= OUTPUT_OTHER) {
		fd = side_open(side, NULL);
		do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
	}
	if (a == OUTPUT_LEFT || a == TARGET_UNMAPPED)
		say_ret(side, "SET_OUTPUT", do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, owner));
	/* Who waits with the short time is one of those that are not woken. */
	for (i = 0; i < b; i++)
		start(side, &waiters[i], a == OUTPUT_OTHER ? owner : fd,
		      a == SAMPLE && i ? SHORT_TIME * 3 : ms);
	sleep_ms(30);
	switch ((enum woken_by)a) {
	case SAMPLE:
		say_ret(side, "write", side_write(side, fd, "x", 1));
		break;
	case UNMAP:
	case TARGET_UNMAPPED:
		raw_unmap(&raw);
		break;
	case DISABLE_IT:
		do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL);
		break;
	case OUTPUT_OTHER:
		say_ret(side, "SET_OUTPUT", do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, owner));
		break;
	case OUTPUT_LEFT:
		say_ret(side, "leave", do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, -1));
		break;
	case NR_WOKEN:
		break;
	}
	if (a == SAMPLE && b > 1) {
		/* Whoever is the second gets a second one. */
		sleep_ms(SHORT_TIME);
		say_ret(side, "write", side_write(side, fd, "x", 1));
	}
	for (i = 0; i < b; i++) {
		pthread_join(waiters[i].thread, NULL);
		in += !!(waiters[i].revents & POLLIN);
		hup += !!(waiters[i].revents & POLLHUP);
		nothing += !waiters[i].revents;
		late += waiters[i].ms == LONG_TIME && waiters[i].late;
	}
	say(side, "in=%u hup=%u nothing=%u late=%u", in, hup, nothing, late);
	say_poll(side, "afterwards", poll_events(fd, 0));
}

void poll_rows(void)
{
	static const int masks[] = {
		0, POLLIN, POLLRDNORM, POLLPRI, POLLOUT, POLLRDBAND, POLLWRNORM, POLLHUP, POLLERR,
		0x7fff,
	};
	static const struct {
		uint32_t flags;
		const char *name;
	} modes[] = {
		{ 0, "level" }, { EPOLLET, "edge" }, { EPOLLONESHOT, "one shot" },
		{ EPOLLET | EPOLLEXCLUSIVE, "exclusive edge" },
	};
	unsigned int i, k, n;

	for (i = 0; i < ARRAY_LEN(wakes); i++)
		for (k = 0; k < ARRAY_LEN(shapes); k++)
			for (n = 0; n < ARRAY_LEN(payloads); n++)
				add("poll", run_wake, i << 8 | k, n, "%s, %s, payloads of %u",
				    wakes[i].name, shapes[k].name, payloads[n]);
	for (i = 0; i < ARRAY_LEN(masks); i++)
		for (k = 0; k < 2; k++)
			add("poll", run_mask, masks[i], k, "asked for %#x, %s", masks[i],
			    k ? "unmapped" : "written");
	for (i = 0; i < ARRAY_LEN(modes); i++) {
		for (k = 0; k < ARRAY_LEN(wakes); k += 3)
			add("epoll", run_epoll, modes[i].flags, k, "%s, %s", modes[i].name,
			    wakes[k].name);
		add("epoll", run_epoll_early, modes[i].flags, 0, "%s, added before mmap",
		    modes[i].name);
	}
	add("poll", run_select, 0, 0, "select, mapped");
	add("poll", run_select, 1, 0, "select, unmapped");
	for (i = 0; i < NR_WOKEN; i++)
		for (k = 1; k <= 2; k++)
			add("wakeups", run_woken, i, k, "%u %s, %s", k,
			    k == 1 ? "sleeper" : "sleepers", woken_names[i]);
}
