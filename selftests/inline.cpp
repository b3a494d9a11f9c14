// SPDX-License-Identifier: GPL-2.0
/* Every inline function of the public headers, in a C++ program that runs. */
#include <cstdio>
#include <cstring>
#include <perfring/perfring.h>

static int failed(const char *what)
{
	std::fprintf(stderr, "inline: %s\n", what);
	return 1;
}

int main()
{
	perfring_memory_opts opts = {};
	perfring_storage *storage = nullptr;
	perfring_ring *ring = nullptr;
	perfring_record record;
	perfring_batch batch;
	unsigned int records = 0;
	uint64_t before;

	opts.size = sizeof(opts);
	opts.pages = 1;
	if (perfring_storage_open_memory(&opts, &storage) ||
	    perfring_ring_open(storage, nullptr, &ring))
		return failed("no ring");
	/* 100 of one size, so that a guess is made, and 50 whose sizes vary */
	for (unsigned int i = 0; i < 150; i++)
		if (perfring_write(ring, 1000, 0, "", i < 100 ? 1 : i % 16) < 0)
			return failed("cannot write");
	if (perfring_batch_begin(ring, &batch))
		return failed("cannot begin");
	before = perfring_batch_remaining(&batch);
	while (perfring_batch_next(&batch, &record) > 0) {
		before -= record.size;
		records++;
		if (perfring_batch_remaining(&batch) != before)
			return failed("what remains is not what was not read");
	}
	perfring_batch_commit(&batch);
	if (records != 150 || before)
		return failed("not all were read");
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	return 0;
}
