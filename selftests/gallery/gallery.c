// SPDX-License-Identifier: GPL-2.0
/* How a reader of the gallery comes by its ring, and what it prints. */
#define _GNU_SOURCE
#include "gallery.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RING_FD	3
#define WAIT_FD	4

const struct model *model;

static void say(const char *line)
{
	if (model)
		model->said(line);
	else
		puts(line);
}

/* A handler that does nothing, so that a wait can be interrupted. */
static void on_signal(int signal)
{
	(void)signal;
}

void ring_map(struct reader *r)
{
	struct sigaction action = { .sa_handler = on_signal };
	const char *bytes = getenv("PERFRING_BYTES"), *mode = getenv("PERFRING_MODE");
	void *map;

	sigaction(SIGUSR1, &action, NULL);
	/* What is printed is seen when ring_wait() says so, under stdbuf(1) too. */
	setvbuf(stdout, NULL, _IOFBF, 0);
	if (!bytes || !mode) {
		fputs("this runs below perfring torture; see perfring-torture(1)\n", stderr);
		exit(2);
	}
	r->backward = !strcmp(mode, "backward");
	r->bytes = strtoull(bytes, NULL, 10);
	map = mmap(NULL, r->bytes, r->backward ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED,
		   RING_FD, 0);
	if (map == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	r->page = map;
}

static int wait_fd(int ms)
{
	struct pollfd fd = { .fd = WAIT_FD, .events = POLLIN };
	char buffer[4096];
	int n = poll(&fd, 1, ms);

	if (n <= 0)
		return n ? -errno : 0;
	if (fd.revents & POLLIN && read(WAIT_FD, buffer, sizeof(buffer)) < 0 && errno != EAGAIN)
		return -errno;
	return fd.revents;
}

int ring_wait(int ms)
{
	fflush(stdout);
	return wait_fd(ms);
}

void ring_clear(void)
{
	wait_fd(0);
}

void say_sample(const void *payload, uint32_t len)
{
	const unsigned char *byte = payload;
	uint32_t hash = 2166136261U, i;
	char line[40];

	for (i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * 16777619U;
	snprintf(line, sizeof(line), "sample %" PRIu32 " %08" PRIx32, len, hash);
	say(line);
}

void say_lost(uint64_t lost)
{
	char line[40];

	snprintf(line, sizeof(line), "lost %" PRIu64, lost);
	say(line);
}

void say_other(const struct perf_event_header *header)
{
	char line[40];

	snprintf(line, sizeof(line), "record %" PRIu32 " %u %u", header->type, header->misc,
		 header->size);
	say(line);
}

void say_snapshot(void)
{
	puts("snapshot");
}

static void say_last(const char *line)
{
	puts(line);
	exit(fflush(stdout) ? 1 : 0);
}

void say_hangup(void)
{
	say_last("hangup");
	abort();
}

void say_end(void)
{
	say_last("end");
	abort();
}

void say_corrupt(void)
{
	if (model)
		model->corrupt();
	say_last("corrupt");
	abort();
}
