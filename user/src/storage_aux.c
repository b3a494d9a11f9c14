// SPDX-License-Identifier: MIT
/* The AUX area of an event, as it is: a second mapping, and its two positions. */
#include "internal.h"

#include <sys/mman.h>

int perfring_storage_map_aux(struct perfring_storage *storage, size_t pages, unsigned int flags)
{
	struct perf_event_mmap_page *page = storage->control;
	int prot = flags & PERFRING_AUX_OVERWRITE ? PROT_READ : PROT_READ | PROT_WRITE;
	uint64_t offset;
	size_t size;
	void *map;

	if (flags & ~PERFRING_AUX_OVERWRITE || !perfring_is_power_of_2(pages))
		return -EINVAL;
	if (storage->kind != STORAGE_PERF)
		return -EOPNOTSUPP;
	if (!page)
		return -ENODEV;
	if (storage->aux)
		return -EBUSY;
	/* The kernel is told in the control page, which a read-only mapping does not allow. */
	if (storage->flags & PERFRING_STORAGE_OVERWRITE)
		return -EACCES;
	if (pages > SIZE_MAX / storage->page_size / 4)
		return -ENOMEM;

	/* Anywhere behind the data; the kernel compares it with the offset of mmap(2). */
	size = pages * storage->page_size;
	offset = storage->page_size + storage->data_size;
	perfring_once_store(page->aux_offset, offset);
	perfring_once_store(page->aux_size, size);
	map = mmap(NULL, size, prot, MAP_SHARED, storage->fd, (off_t)offset);
	if (map == MAP_FAILED) {
		int err = -errno;

		perfring_once_store(page->aux_offset, 0);
		perfring_once_store(page->aux_size, 0);
		return err;
	}
	storage->aux = map;
	storage->aux_size = size;
	return 0;
}

const void *perfring_storage_aux(const struct perfring_storage *storage)
{
	return storage->aux;
}

size_t perfring_storage_aux_size(const struct perfring_storage *storage)
{
	return storage->aux_size;
}

uint64_t perfring_storage_aux_head(const struct perfring_storage *storage)
{
	/* Pairs with the release in perf_aux_output_end(): the bytes before it are there. */
	return storage->control ? __atomic_load_n(&storage->control->aux_head, __ATOMIC_ACQUIRE)
				: 0;
}

void perfring_storage_set_aux_tail(struct perfring_storage *storage, uint64_t tail)
{
	/* Pairs with the load in perf_aux_output_begin(): the bytes before it were read. */
	if (storage->control && !(storage->flags & PERFRING_STORAGE_OVERWRITE))
		__atomic_store_n(&storage->control->aux_tail, tail, __ATOMIC_RELEASE);
}
