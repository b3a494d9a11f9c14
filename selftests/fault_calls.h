/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls in which fault_test.c lets something fail, and what each needs before.
 */
#ifndef SELFTESTS_FAULT_CALLS_H
#define SELFTESTS_FAULT_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common.h"

#define CLIENT	"perfring_hello"

/* Of one user: two events, and a ring of two pages; of one CPU: a generator of this rate. */
#define EVENTS	2
#define PAGES	2
#define RATE	100

struct world {
	int fd[EVENTS];		/* -1: closed */
	int other;		/* any other descriptor */
	struct raw raw;
	void *mirror;
	size_t page;
	int pmu;
	int source;
	const char *parameters;
	bool client;
};

/* What a call needs before it is made: 0 or -errno. */

static int nothing(struct world *w)
{
	return 0;
}

static int opened(struct world *w)
{
	w->fd[0] = device_open(0);
	return w->fd[0] < 0 ? w->fd[0] : 0;
}

static int modify_source(struct world *w)
{
	struct perf_event_attr attr = output_attr();

	if (w->source) {
		attr.type = w->pmu;
		attr.config = w->source;
	}
	if (w->source == PERFRING_SOURCE_GENERATOR)
		attr.config1 = RATE;
	else if (w->source == PERFRING_SOURCE_KPROBE)
		attr.config1 = (uintptr_t)"do_sys_openat2";
	return do_ioctl(w->fd[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);
}

static int backward(struct world *w)
{
	struct perf_event_attr attr = output_attr();

	attr.write_backward = 1;
	return opened(w) ?: do_ioctl(w->fd[0], PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);
}

static int chosen(struct world *w)
{
	return opened(w) ?: modify_source(w);
}

static int mapped(struct world *w)
{
	return chosen(w) ?: raw_map(&w->raw, w->fd[0], PAGES, 0);
}

static int enabled(struct world *w)
{
	return mapped(w) ?: do_ioctl(w->fd[0], PERF_EVENT_IOC_ENABLE, NULL);
}

static int held(struct world *w)
{
	return enabled(w) ?: reserve(w->fd[0], 77, NULL, 100, 0, NULL);
}

static int two(struct world *w)
{
	w->fd[1] = device_open(0);
	return w->fd[1] < 0 ? w->fd[1] : mapped(w);
}

static int redirected(struct world *w)
{
	return two(w) ?: do_ioctl_word(w->fd[1], PERF_EVENT_IOC_SET_OUTPUT, w->fd[0]);
}

static int waited_for(struct world *w)
{
	w->other = epoll_create1(EPOLL_CLOEXEC);
	return w->other < 0 ? -errno : mapped(w);
}

static int gone(struct world *w)
{
	w->other = open(getenv("PERFRING_MODULE"), O_RDONLY | O_CLOEXEC);
	if (w->other < 0)
		return -errno;
	return module_loaded() ? within_ms(5000, module_unload) : 0;
}

/* The calls: 0 or more, or -errno. */

static int call_open(struct world *w)
{
	return opened(w);
}

static int call_map(struct world *w)
{
	return raw_map(&w->raw, w->fd[0], PAGES, 0);
}

static int call_map_control(struct world *w)
{
	return raw_map(&w->raw, w->fd[0], 0, 0);
}

static int call_map_read_only(struct world *w)
{
	return raw_map(&w->raw, w->fd[0], PAGES, PROT_READ);
}

static int map_mirror(struct world *w, int fd)
{
	w->mirror = mmap(NULL, (1 + 2 * PAGES) * w->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 PERFRING_MMAP_MIRROR);
	if (w->mirror != MAP_FAILED)
		return 0;
	w->mirror = NULL;
	return -errno;
}

static int call_map_mirror(struct world *w)
{
	return map_mirror(w, w->fd[0]);
}

/* The ring that it was redirected to. */
static int call_map_redirected(struct world *w)
{
	return map_mirror(w, w->fd[1]);
}

static int mirrored(struct world *w)
{
	return opened(w) ?: call_map_mirror(w);
}

static int call_modify(struct world *w)
{
	return modify_source(w);
}

static int call_enable(struct world *w)
{
	return do_ioctl(w->fd[0], PERF_EVENT_IOC_ENABLE, NULL);
}

static int call_disable(struct world *w)
{
	return do_ioctl(w->fd[0], PERF_EVENT_IOC_DISABLE, NULL);
}

static int call_refresh(struct world *w)
{
	return do_ioctl_word(w->fd[0], PERF_EVENT_IOC_REFRESH, 3);
}

static int call_redirect(struct world *w)
{
	return do_ioctl_word(w->fd[1], PERF_EVENT_IOC_SET_OUTPUT, w->fd[0]);
}

static int call_detach(struct world *w)
{
	return do_ioctl_word(w->fd[1], PERF_EVENT_IOC_SET_OUTPUT, -1);
}

static int call_reset(struct world *w)
{
	return do_ioctl(w->fd[0], PERF_EVENT_IOC_RESET, NULL);
}

/* Refused in any case, but not before it was read. */
static int call_filter(struct world *w)
{
	int ret = do_ioctl(w->fd[0], PERF_EVENT_IOC_SET_FILTER, (void *)"common_pid != 0");

	return ret == -EINVAL ? 0 : ret;
}

static int call_period(struct world *w)
{
	uint64_t period = 2;

	return do_ioctl(w->fd[0], PERF_EVENT_IOC_PERIOD, &period);
}

static int call_pause(struct world *w)
{
	return do_ioctl_word(w->fd[0], PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
}

static int call_id(struct world *w)
{
	uint64_t id;

	return do_ioctl(w->fd[0], PERF_EVENT_IOC_ID, &id);
}

static int call_stats(struct world *w)
{
	struct perfring_stats stats;

	return device_stats(w->fd[0], &stats);
}

static int call_position(struct world *w)
{
	struct perfring_position position = { .size = sizeof(position), .position = 64 };

	return do_ioctl(w->fd[0], PERFRING_IOC_SET_POSITION, &position);
}

static int call_emit(struct world *w)
{
	static const char bytes[100];

	return emit(w->fd[0], PERF_RECORD_SAMPLE, 0, bytes, sizeof(bytes), 2, NULL);
}

static int call_write(struct world *w)
{
	static const char bytes[100];

	return write(w->fd[0], bytes, sizeof(bytes)) < 0 ? -errno : 0;
}

static int call_read(struct world *w)
{
	uint64_t count;

	return read(w->fd[0], &count, sizeof(count)) < 0 ? -errno : 0;
}

static int call_reserve(struct world *w)
{
	static const char bytes[100];

	return reserve(w->fd[0], 77, bytes, sizeof(bytes), 0, NULL);
}

static int call_commit(struct world *w)
{
	return release(w->fd[0], true);
}

static int call_discard(struct world *w)
{
	return release(w->fd[0], false);
}

static int call_inject_head(struct world *w)
{
	struct perfring_inject inject = {
		.size = sizeof(inject), .kind = PERFRING_INJECT_DATA_HEAD, .value = 64,
	};

	return do_ioctl(w->fd[0], PERFRING_IOC_INJECT, &inject);
}

static int call_inject(struct world *w)
{
	static const char bytes[16];
	struct perfring_inject inject = {
		.size = sizeof(inject), .kind = PERFRING_INJECT_BYTES, .len = sizeof(bytes),
		.data = (uintptr_t)bytes,
	};

	return do_ioctl(w->fd[0], PERFRING_IOC_INJECT, &inject);
}

static int call_async(struct world *w)
{
	return fcntl(w->fd[0], F_SETFL, O_NONBLOCK | O_ASYNC) < 0 ? -errno : 0;
}

static int call_poll(struct world *w)
{
	return poll_events(w->fd[0], 1);
}

static int call_epoll(struct world *w)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(w->other, EPOLL_CTL_ADD, w->fd[0], &event) ? -errno : 0;
}

static int call_count(struct world *w)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr), .config = PERFRING_COUNTER_WRITTEN << 8, .type = w->pmu,
	};

	w->other = perf_open(&attr, -1, 0, -1);
	return w->other;
}

static int call_load(struct world *w)
{
	return syscall(SYS_finit_module, w->other, w->parameters, 0) ? -errno : 0;
}

static int call_load_client(struct world *w)
{
	int ret = client_load(CLIENT);

	w->client = !ret;
	return ret;
}

/*
 * @least: allocations that the module makes for it, not counting those of the kernel and
 * the copies.  @once: by the time that its answer cannot be told it has been done.
 * @init: only what a module's init function makes; the rest is the kernel's matter.
 * @again: after one failure in so many it is made again, because that takes long.
 */
static const struct call {
	const char *name;
	int (*before)(struct world *w);
	int (*call)(struct world *w);
	int source;
	unsigned int least;
	unsigned int again;
	bool once, init;
} calls[] = {
	{ "open", nothing, call_open, .least = 1 },
	/* The ring, the table of its pages, these, and what maps them. */
	{ "map", opened, call_map, .least = 2 + 1 + PAGES + 1 },
	{ "map control page", opened, call_map_control, .least = 2 + 1 + 1 },
	{ "map mirror", opened, call_map_mirror, .least = 2 + 1 + PAGES + 1 },
	{ "map read only", opened, call_map_read_only, .least = 2 + 1 + PAGES + 1 },
	{ "map backward", backward, call_map_read_only, .least = 2 + 1 + PAGES + 1 },
	{ "map once more", mapped, call_map_mirror, .least = 0 },
	{ "map beside a mirror", mirrored, call_map, .least = 0 },
	{ "map redirected", redirected, call_map_redirected, .least = 0 },
	{ "modify: user", opened, call_modify, .least = 0 },
	{ "modify: generator", opened, call_modify, .source = PERFRING_SOURCE_GENERATOR },
	{ "modify: sched_switch", opened, call_modify, .source = PERFRING_SOURCE_SCHED_SWITCH },
	{ "modify: syscalls", opened, call_modify, .source = PERFRING_SOURCE_SYSCALLS },
	/* The probe and its symbol. */
	{ "modify: kprobe", opened, call_modify, .source = PERFRING_SOURCE_KPROBE, .least = 2 },
	{ "modify: client", opened, call_modify, .source = 128 },
	{ "enable: user", mapped, call_enable, .least = 0 },
	{ "enable: generator", mapped, call_enable, .source = PERFRING_SOURCE_GENERATOR,
	  .least = 1 },
	/* The kernel's list of those who hear of a tracepoint. */
	{ "enable: sched_switch", mapped, call_enable, .source = PERFRING_SOURCE_SCHED_SWITCH,
	  .least = 1 },
	{ "enable: syscalls", mapped, call_enable, .source = PERFRING_SOURCE_SYSCALLS,
	  .least = 1 },
	{ "enable: kprobe", mapped, call_enable, .source = PERFRING_SOURCE_KPROBE },
	{ "enable: client", mapped, call_enable, .source = 128 },
	{ "refresh", mapped, call_refresh, .least = 0 },
	{ "disable: user", enabled, call_disable, .least = 0 },
	{ "disable: client", enabled, call_disable, .source = 128 },
	{ "disable: generator", enabled, call_disable, .source = PERFRING_SOURCE_GENERATOR },
	{ "disable: sched_switch", enabled, call_disable, .source = PERFRING_SOURCE_SCHED_SWITCH },
	{ "disable: syscalls", enabled, call_disable, .source = PERFRING_SOURCE_SYSCALLS },
	{ "disable: kprobe", enabled, call_disable, .source = PERFRING_SOURCE_KPROBE },
	{ "redirect", two, call_redirect, .least = 0 },
	{ "redirect to none", redirected, call_detach, .least = 0 },
	{ "reset", enabled, call_reset, .least = 0 },
	{ "filter", opened, call_filter, .least = 1 },
	{ "period", mapped, call_period, .least = 0 },
	{ "pause", mapped, call_pause, .least = 0 },
	{ "id", opened, call_id, .least = 0 },
	{ "stats", mapped, call_stats, .least = 0 },
	{ "position", mapped, call_position, .least = 0 },
	{ "emit", enabled, call_emit, .least = 1 },
	{ "write", enabled, call_write, .least = 1 },
	{ "read", enabled, call_read, .least = 0 },
	{ "reserve", enabled, call_reserve, .least = 1 },
	{ "commit", held, call_commit, .once = true },
	{ "discard", held, call_discard, .once = true },
	{ "inject", enabled, call_inject, .least = 0 },
	{ "inject: data_head", enabled, call_inject_head, .least = 0 },
	{ "async", opened, call_async, .least = 1 },
	{ "poll", mapped, call_poll, .least = 0 },
	{ "epoll", waited_for, call_epoll, .least = 1 },
	{ "count", nothing, call_count, .least = 1 },
	{ "load client", nothing, call_load_client, .init = true },
	{ "load", gone, call_load, .least = 20, .again = 16, .init = true },
};

static void end(struct world *w)
{
	int i;

	raw_unmap(&w->raw);
	if (w->mirror)
		munmap(w->mirror, (1 + 2 * PAGES) * w->page);
	for (i = 0; i < EVENTS; i++)
		if (w->fd[i] >= 0)
			close(w->fd[i]);
	if (w->other >= 0)
		close(w->other);
	if (w->client)
		client_unload(CLIENT);
}

#endif /* SELFTESTS_FAULT_CALLS_H */
