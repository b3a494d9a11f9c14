// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A program with an event loop of its own: the reader is one descriptor in it. */
int main(void)
{
	struct itimerspec tick = { .it_interval.tv_nsec = 2000000, .it_value.tv_nsec = 2000000 };
	struct perfring_memory_opts opts = { .size = sizeof(opts), .wakeup_events = 4 };
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), loop = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN }, ready[2];
	struct perfring_storage *storage = NULL;
	struct perfring_reader *reader = NULL;
	int err, n, ticks = 0, seen = 0, woken = 0;
	unsigned long long expired;

	err = perfring_reader_create(NULL, &reader);
	if (!err)
		err = perfring_storage_open_memory(&opts, &storage);
	if (!err)
		err = perfring_reader_add(reader, storage);
	if (err >= 0) {
		event.data.fd = perfring_reader_fd(reader);
		epoll_ctl(loop, EPOLL_CTL_ADD, event.data.fd, &event);
		event.data.fd = timer;
		epoll_ctl(loop, EPOLL_CTL_ADD, timer, &event);
		timerfd_settime(timer, 0, &tick, NULL);
	}
	/* Each tick writes a record; each fourth record wakes the reader. */
	while (err >= 0 && ticks < 10 && (n = epoll_wait(loop, ready, 2, 1000)) > 0) {
		/* When both are ready, the reader first. */
		if (n == 2 || ready[0].data.fd != timer) {
			woken++;
			/* Up to the 0, which takes the wakeup back. */
			while ((err = perfring_reader_poll(reader, 0)) > 0)
				seen += err;
		}
		if (err >= 0 && (n == 2 || ready[0].data.fd == timer)) {
			if (read(timer, &expired, sizeof(expired)) < 0)
				continue;
			ticks++;
			err = perfring_write(perfring_reader_ring(reader, 0), PERF_RECORD_SAMPLE, 0,
					     "tick", 5);
		}
	}
	printf("%d ticks, woken %d times for %d records", ticks, woken, seen);
	printf(", left over: %d\n", perfring_reader_flush(reader));
	perfring_reader_destroy(reader);
	close(timer);
	close(loop);
	return err < 0;
}
