// SPDX-License-Identifier: GPL-2.0
/* A correct reader over libperfring, which does what reader.h does in steps. */
#include "gallery.h"

#include <errno.h>
#include <perfring/perfring.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static void print_record(const struct perfring_format *format,
			 const struct perfring_record *record)
{
	struct perf_event_header header = {
		.type = record->type, .misc = record->misc, .size = (uint16_t)record->size,
	};
	struct perfring_event event;
	const unsigned char *raw;
	uint32_t len, sequence;

	if (perfring_decode(format, record, &event, NULL))
		say_corrupt();
	switch (record->type) {
	case PERF_RECORD_SAMPLE:
		raw = event.u.sample.raw;
		if (event.u.sample.raw_size < 8)
			say_corrupt();
		memcpy(&len, raw, 4);
		memcpy(&sequence, raw + 4, 4);
		if (sequence == SEQUENCE_END)
			say_end();
		say_sample(raw, len < event.u.sample.raw_size ? len : event.u.sample.raw_size);
		break;
	case PERF_RECORD_LOST:
		say_lost(event.u.lost.lost);
		break;
	default:
		say_other(&header);
	}
}

/* What there is, or, of a ring that overwrites, what is new. */
static void read_all(struct perfring_ring *ring, const struct perfring_format *format,
		     bool backward)
{
	struct perfring_record record;
	struct perfring_batch batch;
	int ret = backward ? perfring_ring_snapshot(ring, PERFRING_SNAPSHOT_NO_PAUSE, &batch) :
			     perfring_batch_begin(ring, &batch);

	while (!ret && (ret = perfring_batch_next(&batch, &record)) > 0) {
		print_record(format, &record);
		ret = 0;
	}
	perfring_batch_commit(&batch);
	if (ret)
		say_corrupt();
	if (backward)
		say_snapshot();
}

int main(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_BPF_OUTPUT,
		.size = sizeof(attr), .sample_type = PERF_SAMPLE_RAW,
	};
	struct perfring_image_opts opts = { .size = sizeof(opts), .attr = &attr };
	struct perfring_storage *storage;
	struct perfring_format *format;
	struct perfring_ring *ring;
	static struct reader r;
	int events;

	ring_map(&r);
	attr.write_backward = r.backward;
	opts.overwrite = r.backward;
	if (perfring_format_compile(&attr, &format) ||
	    perfring_storage_from_contiguous(r.page, r.bytes, &opts, &storage) ||
	    perfring_ring_open(storage, NULL, &ring))
		return 1;
	if (!r.backward)
		read_all(ring, format, false);
	for (;;) {
		events = ring_wait(50);
		if (events < 0 && events != -EINTR)
			return 1;
		if (!r.backward || events > 0)
			read_all(ring, format, r.backward);
		if (events > 0 && events & POLLHUP)
			say_hangup();
	}
}
