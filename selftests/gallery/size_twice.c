// SPDX-License-Identifier: GPL-2.0
/*
 * The size is checked, and then fetched again for use.  Where somebody else can write the
 * memory, or the writer laps an overwriting ring, it need not be the same.
 */
#include "gallery.h"

#define read_record read_record
static inline uint64_t read_record(struct reader *r, uint64_t at, uint64_t head);

#include "reader.h"

static inline uint64_t read_record(struct reader *r, uint64_t at, uint64_t head)
{
	struct perf_event_header header = load_header(r, at);

	if (!good_size(header.size, head - at))
		say_corrupt();
	header = load_header(r, at);
	copy_record(r, at, header.size);
	print_record(r, header);
	return next_position(at, header.size);
}
