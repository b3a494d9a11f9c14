// SPDX-License-Identifier: MIT
/*
 * Reader: waiting.
 *
 * All rings are looked at before each wait, whatever the descriptors say, so
 * bytes below a watermark are not stranded, and a record written between the
 * look and the wait makes its descriptor readable, so no wakeup is lost.
 */
#include "reader.h"

#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

#define WAIT_EVENTS	64

uint64_t reader_deadline(int timeout_ms)
{
	if (timeout_ms < 0)
		return READER_FOREVER;
	if (!timeout_ms)
		return 0;
	return reader_now() + (uint64_t)timeout_ms * 1000000u;
}

/* Milliseconds up to a point in time, rounded up. */
int reader_ms_left(uint64_t deadline)
{
	uint64_t now, ms;

	if (deadline == READER_FOREVER)
		return -1;
	now = deadline ? reader_now() : 0;
	if (now >= deadline)
		return 0;
	ms = (deadline - now + 999999u) / 1000000u;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* A ring's task is gone: what is in the ring stays readable, the descriptor would never rest. */
static void wait_hangup(struct perfring_reader *reader, struct reader_slot *slot)
{
	epoll_ctl(reader->epoll_fd, EPOLL_CTL_DEL, slot->storage->fd, NULL);
	slot->polled = false;
	slot->loss.hangup = 1;
	reader->polled--;
}

/* 1 woken by another thread, 0 rings or time, negative errno */
static int wait_once(struct perfring_reader *reader, uint64_t deadline)
{
	struct epoll_event events[WAIT_EVENTS];
	int nr, woken = 0;
	uint64_t count;

	nr = epoll_wait(reader->epoll_fd, events, WAIT_EVENTS, reader_ms_left(deadline));
	if (nr < 0)
		return -errno;
	for (int i = 0; i < nr; i++) {
		uint32_t index = events[i].data.u32;

		if (index >= reader->nr) {
			if (read(reader->wake_fd, &count, sizeof(count)) > 0)
				woken = 1;
			continue;
		}
		if (!reader->slots[index].ring)
			continue;
		perfring_storage_clear_wakeup(reader->slots[index].storage);
		if (events[i].events & (EPOLLHUP | EPOLLERR))
			wait_hangup(reader, &reader->slots[index]);
	}
	return woken;
}

static int wait_look(void *context)
{
	struct perfring_reader *reader = context;

	reader_end_pull(reader);
	for (unsigned int i = 0; i < reader->nr; i++)
		if (reader->slots[i].ring && perfring_ring_ready(reader->slots[i].ring))
			return 1;
	return 0;
}

/*
 * The same for poll and wait: @take is positive or negative when there is something, @look
 * when there is something to take.
 */
int reader_wait_for(struct perfring_reader *reader, uint64_t deadline, int (*take)(void *context),
		    int (*look)(void *context), void *context)
{
	int ret, woken;

	for (;;) {
		ret = take(context);
		if (ret)
			return ret;
		if (!reader->polled)
			return -ENODATA;
		/*
		 * What was discarded is released, but nothing of it was delivered: the
		 * writer wakes for what follows only if it saw that, see ring_bpf.c.
		 */
		woken = wait_once(reader, look(context) ? 0 : deadline);
		if (woken < 0)
			return woken;
		if (woken || !reader_ms_left(deadline))
			return take(context);
	}
}

static int wait_deliver(void *context)
{
	return reader_deliver(context, true);
}

int perfring_reader_poll(struct perfring_reader *reader, int timeout_ms)
{
	return reader_wait_for(reader, reader_deadline(timeout_ms), wait_deliver, wait_look,
			       reader);
}

int perfring_reader_poll_until(struct perfring_reader *reader, uint64_t deadline_ns)
{
	return reader_wait_for(reader, deadline_ns, wait_deliver, wait_look, reader);
}

int perfring_reader_wait(struct perfring_reader *reader, int timeout_ms)
{
	return reader_wait_for(reader, reader_deadline(timeout_ms), wait_look, wait_look, reader);
}

int perfring_reader_consume(struct perfring_reader *reader)
{
	return reader_deliver(reader, true);
}

int perfring_reader_flush(struct perfring_reader *reader)
{
	return reader_deliver(reader, false);
}
