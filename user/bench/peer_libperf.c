// SPDX-License-Identifier: MIT
/* libperf, built from the kernel's tools where they could be fetched. */
#include "read_peers.h"

#if defined(HAVE_LIBPERF)

#include <internal/mmap.h>
#include <perf/event.h>
#include <perf/mmap.h>
#include <stdlib.h>

const char *const libperf_missing;

static int libperf_print(enum libperf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* As perf_mmap__mmap() leaves it, on a ring that is mapped already. */
struct perf_mmap *libperf_view(void *base, size_t data_size)
{
	struct perf_mmap *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	libperf_init(libperf_print);
	map->base = base;
	map->mask = (int)data_size - 1;
	map->fd = -1;
	/* A second user, so that an empty ring is not unmapped. */
	refcount_set(&map->refcnt, 2);
	return map;
}

void libperf_free(struct perf_mmap *map)
{
	if (map)
		free(map->event_copy);
	free(map);
}

static uint64_t consume(struct kernel_ring *ring, bool each)
{
	struct perf_mmap *map = ring->libperf;
	uint64_t n = 0, sum = 0, laps;
	union perf_event *event;

	for (laps = lap_count(&ring->lap); laps; laps--) {
		lap_give(&ring->lap);
		map->prev = ring->lap.first;
		if (perf_mmap__read_init(map))
			return 0;
		while ((event = perf_mmap__read_event(map))) {
			sum ^= lap_word((const char *)event + 8);
			n++;
			if (each)
				perf_mmap__consume(map);
		}
		if (!each)
			perf_mmap__consume(map);
		perf_mmap__read_done(map);
	}
	ring->lap.sum = sum;
	return n == lap_total(&ring->lap) ? n : 0;
}

uint64_t libperf_once(void *context)
{
	return consume(context, false);
}

uint64_t libperf_each(void *context)
{
	return consume(context, true);
}

#else

const char *const libperf_missing = "not built from the kernel's tools";

struct perf_mmap *libperf_view(void *base, size_t data_size)
{
	(void)base;
	(void)data_size;
	return NULL;
}

void libperf_free(struct perf_mmap *map)
{
	(void)map;
}

uint64_t libperf_once(void *context)
{
	(void)context;
	return 0;
}

uint64_t libperf_each(void *context)
{
	(void)context;
	return 0;
}

#endif
