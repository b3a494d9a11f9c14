// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "nest_kit.h"

#define FILLER		28U	/* payload that pads to nothing: 4 + 28 is a multiple of 8 */

#define TRACING		"/sys/kernel/tracing/"
#define TRACEPOINT	TRACING "events/perfring/perfring_emit/enable"
#define TRACED_PIDS	TRACING "set_event_pid"

uint64_t nest_output, nest_reserve, nest_wake;

static struct perf_event_attr nest_attr(void)
{
	struct perf_event_attr attr = output_attr();

	attr.type = pmu_type();
	attr.config = source_id("nest");
	return attr;
}

/* One more that listens, with a ring or without. */
static int listener_open(struct nest_ring *ring, int i, uint64_t sample_type, int pages)
{
	struct perf_event_attr attr = nest_attr();
	int fd = device_open(0), ret;

	ring->listener[i] = fd;
	if (fd < 0)
		return fd;
	attr.sample_type = sample_type;
	ret = do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);
	/* One that nobody reads has room as long as it overwrites. */
	if (!ret && pages >= 0)
		ret = raw_map(&ring->listener_raw[i], fd, pages,
			      ring->config->listeners == NEST_PAUSED ? 0 : PROT_READ);
	return ret ? ret : do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
}

/* The first takes no payload. */
static int listeners_open(struct nest_ring *ring)
{
	enum nest_listeners how = ring->config->listeners;
	int i, ret;

	if (how == NEST_RINGLESS) {
		ret = listener_open(ring, 1, PERF_SAMPLE_RAW, -1);
		return ret ? ret : listener_open(ring, 0, PERF_SAMPLE_RAW | PERF_SAMPLE_TIME, 0);
	}
	ret = listener_open(ring, 1, PERF_SAMPLE_RAW, 1);
	if (!ret)
		ret = listener_open(ring, 0, PERF_SAMPLE_TIME, 1);
	for (i = 0; !ret && i < 2; i++)
		if (how == NEST_PAUSED || (how == NEST_BEFORE && i == 1))
			ret = do_ioctl_word(ring->listener[i], PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
	return ret;
}

/* How many of them have each record that is not too long. */
static uint32_t heard(const struct nest_ring *ring)
{
	switch (ring->config->listeners) {
	case NEST_READERS:
		return 2;
	case NEST_BEFORE:
		return 1;
	default:
		return 0;
	}
}

/* Another process is traced. */
static int trace_another(bool on)
{
	int fd = open(TRACED_PIDS, O_WRONLY | O_TRUNC | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (on && write(fd, "1", 1) != 1)
		ret = -errno;
	close(fd);
	return ret;
}

static int nest_start(struct nest_ring *ring)
{
	const struct nest_config *config = ring->config;
	struct perf_event_attr attr = nest_attr();
	int ret;

	attr.sample_type = config->sample_type;
	attr.sample_id_all = config->id_all;
	attr.write_backward = config->backward;
	attr.exclude_callchain_user = !!(config->sample_type & PERF_SAMPLE_CALLCHAIN);
	attr.exclude_callchain_kernel = config->no_chain;
	attr.sample_max_stack = config->max_stack;
	attr.sample_period = config->counting ? 0 : config->period ?: 1;
	attr.wakeup_events = config->wakeup_events;
	if (!config->wakeup_events) {
		attr.watermark = 1;
		attr.wakeup_watermark = 1;
	}
	ret = do_ioctl(ring->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);
	if (!ret)
		ret = raw_map(&ring->raw, ring->fd, 1, config->overwrite ? PROT_READ : 0);
	if (!ret)
		ret = do_ioctl(ring->fd, PERF_EVENT_IOC_ID, &ring->id);
	if (!ret && config->told) {
		signal(SIGIO, SIG_IGN);
		if (fcntl(ring->fd, F_SETOWN, getpid()) || fcntl(ring->fd, F_SETFL, O_ASYNC))
			ret = -errno;
	}
	if (!ret && config->traced)
		ret = file_write(TRACEPOINT, "1");
	if (!ret && config->filtered)
		ret = trace_another(true);
	return ret ?: do_ioctl(ring->fd, PERF_EVENT_IOC_ENABLE, NULL);
}

int nest_open(struct nest_ring *ring, int nest, const struct nest_config *config)
{
	bool last = config->listeners == NEST_BEFORE;
	struct nest_watch watch = {};
	int ret = 0;

	*ring = (struct nest_ring) {
		.config = config, .nest = nest, .listener = { -1, -1 }, .trigger = NEST_PROBES,
		.second = NEST_PROBES,
	};
	ring->fd = device_open(0);
	if (ring->fd < 0)
		return ring->fd;
	/* Who was enabled last is met first. */
	if (config->listeners && !last)
		ret = listeners_open(ring);
	if (!ret)
		ret = nest_start(ring);
	if (!ret && last)
		ret = listeners_open(ring);
	if (!ret && config->told && !config->counting)
		ret = do_ioctl_word(ring->fd, PERF_EVENT_IOC_REFRESH, 1 << 30);
	watch.fd = ring->fd;
	if (!ret)
		ret = do_ioctl(nest, NEST_IOC_WATCH, &watch);
	ring->watched = !watch.error;
	if (!ret)
		ret = device_stats(ring->fd, &ring->stats);
	if (ret)
		nest_close(ring);
	return ret;
}

void nest_close(struct nest_ring *ring)
{
	struct nest_watch none = { .fd = -1 };
	int i;

	do_ioctl(ring->nest, NEST_IOC_WATCH, &none);
	raw_unmap(&ring->raw);
	close(ring->fd);
	ring->fd = -1;
	for (i = 0; i < 2; i++) {
		raw_unmap(&ring->listener_raw[i]);
		if (ring->listener[i] >= 0)
			close(ring->listener[i]);
	}
	if (ring->config->traced)
		file_write(TRACEPOINT, "0");
	if (ring->config->filtered)
		trace_another(false);
}

static void set_tail(struct nest_ring *ring, uint64_t tail)
{
	if (!ring->config->overwrite)
		__atomic_store_n(&ring->raw.page->data_tail, tail, __ATOMIC_RELEASE);
}

/* Bytes of an outer record. */
static uint32_t total(const struct nest_ring *ring, uint32_t len, bool reserved)
{
	if (reserved && len < 12)
		len = 12;
	return (ring->overhead + len + 7) & ~7U;
}

/* Write as ring->write says, and judge it. */
static const char *write_it(struct nest_ring *ring)
{
	uint64_t from = ring->stats.head;
	const char *wrong;

	ring->write.number = ring->number;
	ring->write.context = ring->config->context;
	ring->write.heard = heard(ring);
	ring->write.direct = ring->config->counting;
	ring->write.output = nest_output;
	ring->write.reserve = nest_reserve;
	ring->write.wake = ring->config->down ? nest_wake : 0;
	if (do_ioctl(ring->nest, NEST_IOC_WRITE, &ring->write))
		return "cannot write";
	wrong = nest_judge(ring, from);
	ring->number += ring->write.count + 3;
	return wrong;
}

/* One record alone, with all the room there is. */
static const char *write_alone(struct nest_ring *ring, uint32_t len)
{
	set_tail(ring, raw_head(&ring->raw));
	ring->write = (struct nest_write) {
		.len = len, .index = NEST_QUIET, .trigger = NEST_PROBES, .second = NEST_PROBES,
		.type = PERF_RECORD_SAMPLE,
	};
	return write_it(ring);
}

/* How much an outer record is longer than its payload; its chain is as long each time. */
static const char *measure(struct nest_ring *ring)
{
	uint64_t head;
	const char *wrong = NULL;

	while (!wrong && !ring->overhead) {
		head = raw_head(&ring->raw);
		wrong = write_alone(ring, FILLER);
		head = nest_distance(ring, head, raw_head(&ring->raw));
		if (!wrong && head)
			ring->overhead = head - FILLER;
	}
	return wrong;
}

/* Move the head to @at bytes before the end of the data. */
static const char *move_head(struct nest_ring *ring, uint32_t at)
{
	uint64_t mask = ring->raw.size - 1, need;
	const char *wrong = NULL;

	for (;;) {
		need = nest_distance(ring, raw_head(&ring->raw), -(uint64_t)at) & mask;
		if (wrong || !need)
			return wrong;
		if (need < ring->overhead + FILLER)
			wrong = write_alone(ring, 1500);
		else
			wrong = write_alone(ring, (need > 3000 ? 2000 : need) - ring->overhead);
	}
}

/* All losses are told of, exactly. */
static const char *settle(struct nest_ring *ring)
{
	const char *wrong = NULL;

	while (!wrong && ring->owed) {
		wrong = write_alone(ring, FILLER);
		if (!wrong && ring->owed && ring->write.ret > 0)
			wrong = "a LOST record does not tell of all losses";
	}
	return wrong;
}

static const char *hold_back(struct nest_ring *ring, bool on)
{
	return do_ioctl_word(ring->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, on) ? "cannot pause" : NULL;
}

static const char *lose(struct nest_ring *ring, unsigned int n)
{
	const char *wrong = hold_back(ring, true);

	while (!wrong && n--)
		wrong = write_alone(ring, FILLER);
	return wrong ?: hold_back(ring, false);
}

/* That every record is written, and none the last that is. */
static const char *let_all(struct nest_ring *ring)
{
	uint64_t period = 1;
	int ret = 0;

	if (ring->config->limited)
		ret = do_ioctl_word(ring->fd, PERF_EVENT_IOC_REFRESH, 1 << 20);
	if (ring->config->several) {
		/* The next is the end of a period of 1, and the first of one of 2. */
		ret = do_ioctl(ring->fd, PERF_EVENT_IOC_PERIOD, &period);
		if (!ret)
			ret = do_ioctl(ring->fd, PERF_EVENT_IOC_DISABLE, NULL);
		if (!ret)
			ret = do_ioctl(ring->fd, PERF_EVENT_IOC_ENABLE, NULL);
	}
	return ret ? "cannot let records pass" : NULL;
}

static const char *prepare(struct nest_ring *ring, const struct nest_scene *scene)
{
	uint64_t head, room;
	const char *wrong = let_all(ring);

	if (!wrong)
		wrong = measure(ring);
	if (!wrong)
		wrong = settle(ring);
	if (!wrong && scene->at)
		wrong = move_head(ring, scene->at);
	if (!wrong && scene->owed)
		wrong = lose(ring, scene->owed);
	head = raw_head(&ring->raw);
	set_tail(ring, head);
	if (!wrong && scene->room && !ring->config->overwrite) {
		/* Such as is in use is made of bytes that were read and not released. */
		room = 8;
		if (scene->room == 1)
			room += total(ring, scene->len, scene->op != NEST_OUTPUT) +
				(scene->owed ? nest_lost_size(ring) : 0);
		else if (scene->room == 3)
			room += total(ring, FILLER, false) + nest_lost_size(ring);
		room = ring->raw.size - room;
		set_tail(ring, ring->config->backward ? head + room : head - room);
	}
	if (!wrong && scene->paused)
		wrong = hold_back(ring, true);
	if (!wrong && scene->scribbled && !ring->config->overwrite)
		__atomic_store_n(&ring->raw.page->data_head, 8, __ATOMIC_RELEASE);
	return wrong;
}

const char *nest_try(struct nest_ring *ring, const struct nest_scene *scene,
		     const struct nest_round *round, uint32_t index, uint32_t visit)
{
	const char *wrong = prepare(ring, scene), *resumed;
	uint64_t period = 2;

	if (wrong)
		return wrong;
	if (ring->config->several && do_ioctl(ring->fd, PERF_EVENT_IOC_PERIOD, &period))
		return "cannot make two due";
	ring->write = (struct nest_write) {
		.op = scene->op, .len = scene->len, .index = index, .visit = visit,
		.count = round->count, .trigger = ring->trigger, .second = ring->second,
		.trigger_count = 1, .trigger_len = FILLER, .detached = scene->detached,
		.type = scene->type ?: PERF_RECORD_SAMPLE, .flags = scene->flags,
		.task = scene->task, .regs = scene->regs, .new_high = scene->new_high,
		.limit = ring->config->limited, .refresh = ring->config->limited,
	};
	if (ring->config->listeners == NEST_READERS) {
		/* More than the ring holds. */
		ring->write.trigger_count = 3;
		ring->write.trigger_len = 2000;
	}
	memcpy(ring->write.inner_len, round->len, sizeof(round->len));
	wrong = write_it(ring);
	resumed = scene->paused ? hold_back(ring, false) : NULL;
	return wrong ?: resumed;
}
