// SPDX-License-Identifier: MIT
/* Control pages of the calling thread's counters, and whether reading there pays. */
#include "count.h"

#include <sys/mman.h>
#include <time.h>

#define PAGE_ROUNDS	3
#define PAGE_READS	4

/* Only a processor's counter has a register. */
static bool page_possible(const struct perf_event_attr *attr)
{
	switch (attr->type) {
	case PERF_TYPE_SOFTWARE:
	case PERF_TYPE_TRACEPOINT:
	case PERF_TYPE_BREAKPOINT:
		return false;
	default:
		return true;
	}
}

void perfring_count_unmap(struct perfring_count *count, struct count_event *event)
{
	/* In a child of fork(2) there is no such page. */
	if (event->page && *count->owner)
		munmap(event->page, count->page_size);
	event->page = NULL;
	event->self = false;
}

static uint64_t page_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The shortest of a few tries, in ns for one read; 0: it cannot be read. */
static uint32_t page_time(struct perfring_count *count, unsigned int index, bool self)
{
	uint64_t start, took, least = UINT32_MAX;
	struct count_self now;

	for (int round = 0; round < PAGE_ROUNDS; round++) {
		start = page_now();
		for (int i = 0; i < PAGE_READS; i++) {
			if (self && !count_self_read(count->event[index].page, count_arch_pmc,
						     NULL, &now))
				return 0;
			if (!self && perfring_count_ask(count, index))
				return 0;
		}
		took = (page_now() - start) / PAGE_READS;
		if (took < least)
			least = took;
	}
	return least ? (uint32_t)least : 1;
}

static enum perfring_count_method page_method(struct perfring_count *count, unsigned int index,
					      enum perfring_count_self policy)
{
	struct count_event *event = &count->event[index];
	uint64_t caps = perfring_once_load(event->page->capabilities);

	if (!(caps & COUNT_SELF_CAP_SURE) || !(caps & COUNT_SELF_CAP_PMC))
		return PERFRING_METHOD_DENIED;
	event->self_ns = page_time(count, index, true);
	event->read_ns = page_time(count, index, false);
	/* Told to, it is tried at each read, and may be on the PMU by then. */
	if (policy == PERFRING_SELF_ON)
		return PERFRING_METHOD_SELF;
	if (!event->self_ns)
		return PERFRING_METHOD_NO_PMU;
	return event->self_ns < event->read_ns ? PERFRING_METHOD_SELF : PERFRING_METHOD_SLOWER;
}

/* All events are open and stopped; started here for a moment, as a page says little before. */
void perfring_count_pages(struct perfring_count *count, pid_t pid, enum perfring_count_self policy)
{
	unsigned int mapped = 0;

	for (unsigned int i = 0; i < count->nr; i++) {
		struct count_event *event = &count->event[i];
		void *page;

		if (event->fd < 0) {
			event->method = PERFRING_METHOD_CLOSED;
		} else if (policy == PERFRING_SELF_OFF) {
			event->method = PERFRING_METHOD_OFF;
		} else if (!*count->owner) {
			event->method = PERFRING_METHOD_NO_PAGE;
		} else if (pid || event->attr.inherit) {
			event->method = PERFRING_METHOD_OTHER;
		} else if (!page_possible(&event->attr)) {
			event->method = PERFRING_METHOD_DENIED;
		} else {
			page = mmap(NULL, count->page_size, PROT_READ, MAP_SHARED, event->fd, 0);
			event->page = page == MAP_FAILED ? NULL : page;
			event->method = PERFRING_METHOD_NO_PAGE;
			if (event->page)
				mapped++;
		}
	}
	if (!mapped)
		return;
	perfring_count_start(count);
	for (unsigned int i = 0; i < count->nr; i++) {
		struct count_event *event = &count->event[i];

		if (!event->page)
			continue;
		event->method = page_method(count, i, policy);
		event->self = event->method == PERFRING_METHOD_SELF;
		if (!event->self)
			perfring_count_unmap(count, event);
	}
	perfring_count_stop(count);
	perfring_count_reset(count);
}
