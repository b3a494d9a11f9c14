// SPDX-License-Identifier: MIT
/* A ring of one page that has wrapped, to be looked at. */
#include "demo.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define PICTURE_WIDTH	85
#define PICTURE_KEEP	10	/* records that stay unread */

/* One record of @len bytes on the ring's CPU. */
static int picture_emit(struct perfring_storage *storage, uint32_t len)
{
	struct perfring_emit_record record = {
		.type = PERF_RECORD_SAMPLE, .len = len, .count = 1,
	};
	struct perfring_emit emit = {
		.size = sizeof(emit), .records = (uintptr_t)&record, .nr = 1,
	};

	if (ioctl(perfring_storage_fd(storage), PERFRING_IOC_EMIT, &emit) < 0)
		return -errno;
	return emit.written == 1 ? 0 : -ENOSPC;
}

/* Read the oldest record: a batch of which only one is taken. */
static int picture_release(struct perfring_ring *ring)
{
	struct perfring_record record;
	struct perfring_batch batch;
	int ret = perfring_batch_begin(ring, &batch);

	if (!ret)
		ret = perfring_batch_next(&batch, &record);
	perfring_batch_commit(&batch);
	return ret < 0 ? ret : 0;
}

/* Write, reading the oldest ones, until head is well into the second lap. */
static int picture_fill(struct perfring_storage *storage, struct perfring_ring *ring)
{
	uint32_t size = (uint32_t)perfring_storage_data_size(storage);
	uint32_t written = 0;
	int ret = perfring_storage_enable(storage);

	while (!ret && perfring_ring_head(ring) < size + size / 3) {
		ret = picture_emit(storage, size / 24 + written * 37 % (size / 32) * 2);
		if (!ret && ++written > PICTURE_KEEP)
			ret = picture_release(ring);
	}
	perfring_storage_disable(storage);
	return ret;
}

int demo_picture(unsigned int cpu)
{
	struct perfring_storage *storage;
	struct perfring_ring *ring = NULL;
	struct spec spec;
	char text[32];
	int status, err;

	snprintf(text, sizeof(text), "dev:%u/user", cpu);
	status = spec_parse(text, &spec);
	if (status)
		return status;
	status = spec_open(&spec, cpu, 1, &storage);
	spec_free(&spec);
	if (status)
		return status;
	err = perfring_ring_open(storage, NULL, &ring);
	if (!err)
		err = picture_fill(storage, ring);
	if (err) {
		cli_error("%s: %s", text, perfring_strerror(err));
		status = CLI_FAIL;
	} else {
		printf("A ring of one page, /dev/perfring%u, after some writing and reading:\n",
		       cpu);
		status = picture_print(ring, PICTURE_WIDTH);
		putchar('\n');
	}
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	return status;
}
