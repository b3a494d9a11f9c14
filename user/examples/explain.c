// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>

/* Why something failed, with the numbers that say what would have done. */
int main(void)
{
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = 1 };
	struct perfring_explain_opts what = { .size = sizeof(what), .payload = 5000 };
	struct perfring_storage *storage = NULL;
	struct perfring_ring *ring = NULL;
	char text[1024];
	int err;

	err = perfring_storage_open_memory(&opts, &storage);
	if (!err)
		err = perfring_ring_open(storage, NULL, &ring);
	if (!err)
		err = perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, what.payload);
	if (err < 0) {
		what.data_size = perfring_storage_data_size(storage);
		perfring_explain(err, &what, text, sizeof(text));
		fputs(text, stdout);
	}
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	return 0;
}
