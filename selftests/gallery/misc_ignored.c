// SPDX-License-Identifier: GPL-2.0
/* misc is not looked at, so that a task that goes and one that comes are the same. */
#include "gallery.h"

#define print_other print_other
static inline void print_other(const struct perf_event_header *header)
{
	struct perf_event_header other = { .type = header->type, .size = header->size };

	say_other(&other);
}

#include "reader.h"
