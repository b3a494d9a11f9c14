// SPDX-License-Identifier: GPL-2.0
/* The first number of PERF_RECORD_LOST is taken for the count: it is the event's id. */
#include "gallery.h"

#define print_lost print_lost
static inline void print_lost(const uint64_t *record)
{
	say_lost(record[1]);
}

#include "reader.h"
