// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>

/* A ring in memory, its geometry, and one record from its writer to its reader. */
int main(void)
{
	struct perfring_memory_opts opts = {
		.size = sizeof(opts), .pages = perfring_pages_for_bytes(8193),
		.position = 0xfffffff8, .watermark = 64,
	};
	struct perfring_storage *storage = NULL;
	struct perfring_ring *ring = NULL;
	struct perfring_record record;
	int err;

	err = perfring_storage_open_memory(&opts, &storage);
	if (!err)
		err = perfring_ring_open(storage, NULL, &ring);
	if (!err) {
		printf("%s: %zu pages of data, overwriting: %d, mirrored: %d\n",
		       perfring_storage_kind(storage),
		       perfring_storage_data_size(storage) / perfring_storage_page_size(storage),
		       !!(perfring_storage_flags(storage) & PERFRING_STORAGE_OVERWRITE),
		       !!(perfring_storage_flags(storage) & PERFRING_STORAGE_MIRRORED));
		err = perfring_write(ring, PERF_RECORD_SAMPLE, 0, "one", 4);
	}
	while (err >= 0 && (err = perfring_ring_peek(ring, &record)) > 0) {
		printf("at %#llx: type %u, %u bytes, \"%s\"\n", (unsigned long long)record.position,
		       record.type, record.size, (const char *)record.data + 12);
		perfring_ring_pop(ring);
	}
	if (err < 0)
		fprintf(stderr, "storage_memory: %s\n", perfring_strerror(err));
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	return err < 0;
}
