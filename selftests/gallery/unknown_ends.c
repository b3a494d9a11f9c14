// SPDX-License-Identifier: GPL-2.0
/* A type that is newer than the reader is an error, and not stepped over. */
#include "gallery.h"

#define print_other print_other
static inline void print_other(const struct perf_event_header *header)
{
	if (header->type >= PERF_RECORD_MAX)
		say_corrupt();
	say_other(header);
}

#include "reader.h"
