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

#define TRACEPOINT	"/sys/kernel/tracing/events/perfring/perfring_emit/enable"

static struct perf_event_attr nest_attr(void)
{
	struct perf_event_attr attr = output_attr();

	attr.type = pmu_type();
	attr.config = source_id("nest");
	return attr;
}

/* Two more that listen: the first takes no payload, and neither ever has room. */
static int listeners_open(struct nest_ring *ring)
{
	struct perf_event_attr attr = nest_attr();
	int i, ret = 0;

	for (i = 1; !ret && i >= 0; i--) {
		ring->listener[i] = device_open(0);
		if (ring->listener[i] < 0)
			return ring->listener[i];
		attr.sample_type = i ? PERF_SAMPLE_RAW : PERF_SAMPLE_TIME;
		ret = source_start(&ring->listener_raw[i], ring->listener[i], &attr, 1);
		if (!ret)
			ret = do_ioctl_word(ring->listener[i], PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
	}
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
	attr.sample_period = config->period ?: 1;
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
	return ret ?: do_ioctl(ring->fd, PERF_EVENT_IOC_ENABLE, NULL);
}

int nest_open(struct nest_ring *ring, int nest, const struct nest_config *config)
{
	struct nest_watch watch = {};
	int ret = 0;

	*ring = (struct nest_ring) {
		.config = config, .nest = nest, .listener = { -1, -1 }, .trigger = NEST_PROBES,
	};
	ring->fd = device_open(0);
	if (ring->fd < 0)
		return ring->fd;
	if (config->listeners)
		ret = listeners_open(ring);
	if (!ret)
		ret = nest_start(ring);
	if (!ret && config->told)
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
	uint64_t from = raw_head(&ring->raw);
	const char *wrong;

	ring->write.number = ring->number;
	ring->write.hardirq = ring->config->hardirq;
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
		.len = len, .index = NEST_QUIET, .trigger = NEST_PROBES,
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

static const char *prepare(struct nest_ring *ring, const struct nest_scene *scene)
{
	uint64_t head, room;
	const char *wrong = measure(ring);

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
		room = ring->raw.size - room;
		set_tail(ring, ring->config->backward ? head + room : head - room);
	}
	if (!wrong && scene->paused)
		wrong = hold_back(ring, true);
	return wrong;
}

const char *nest_try(struct nest_ring *ring, const struct nest_scene *scene,
		     const struct nest_round *round, uint32_t index, uint32_t visit)
{
	const char *wrong = prepare(ring, scene), *resumed;

	if (wrong)
		return wrong;
	ring->write = (struct nest_write) {
		.op = scene->op, .len = scene->len, .index = index, .visit = visit,
		.count = round->count, .trigger = ring->trigger,
	};
	memcpy(ring->write.inner_len, round->len, sizeof(round->len));
	wrong = write_it(ring);
	resumed = scene->paused ? hold_back(ring, false) : NULL;
	return wrong ?: resumed;
}
