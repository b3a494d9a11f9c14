// SPDX-License-Identifier: GPL-2.0
/* A record of 0 bytes is passed over, by 0 bytes, and again. */
#include "gallery.h"

#define good_size good_size
static inline bool good_size(uint16_t size, uint64_t left)
{
	return !size || (size >= 8 && size % 8 == 0 && size <= left);
}

#define read_record read_record
static inline uint64_t read_record(struct reader *r, uint64_t at, uint64_t head);

#include "reader.h"

static inline uint64_t read_record(struct reader *r, uint64_t at, uint64_t head)
{
	struct perf_event_header header = load_header(r, at);

	if (!good_size(header.size, head - at))
		say_corrupt();
	if (header.size) {
		copy_record(r, at, header.size);
		print_record(r, header);
	}
	return next_position(at, header.size);
}
