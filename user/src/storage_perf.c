// SPDX-License-Identifier: MIT
/* A ring of perf_event_open(2); and the mapping that the device shares. */
#include "internal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uapi/linux/perfring.h"

#define PERF_PAGES	64

/* Data pages twice in a row, in one mapping; only the device has that. */
static void *map_mirrored(const struct perfring_storage *storage, size_t pages, int prot)
{
	return mmap(NULL, (1 + 2 * pages) * storage->page_size, prot, MAP_SHARED, storage->fd,
		    (off_t)PERFRING_MMAP_MIRROR);
}

/* Map control and data pages of storage->fd; everything else of the storage is set. */
int perfring_storage_map(struct perfring_storage *storage, size_t pages, bool overwrite,
			 enum perfring_mirror mirror)
{
	size_t page_size = storage->page_size;
	int prot = overwrite ? PROT_READ : PROT_READ | PROT_WRITE;
	uint64_t offset, size;
	void *map = MAP_FAILED;
	bool mirrored;
	int flags;

	if (!pages)
		pages = PERF_PAGES;
	if (!perfring_is_power_of_2(pages))
		return -EINVAL;
	if (pages > SIZE_MAX / page_size / 4)
		return -ENOMEM;

	flags = fcntl(storage->fd, F_GETFL);
	if (flags < 0 || fcntl(storage->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;

	if (mirror != PERFRING_MIRROR_OFF)
		map = map_mirrored(storage, pages, prot);
	mirrored = map != MAP_FAILED;
	/* A module that does not know the offset says EINVAL, and no other error is due to it. */
	if (!mirrored && mirror == PERFRING_MIRROR_ON)
		return errno == EINVAL ? -EOPNOTSUPP : -errno;
	if (!mirrored && (mirror == PERFRING_MIRROR_OFF || errno == EINVAL))
		map = mmap(NULL, (1 + pages) * page_size, prot, MAP_SHARED, storage->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	storage->map = map;
	storage->map_size = (1 + (mirrored ? 2 : 1) * pages) * page_size;
	storage->control = map;

	/* Kernels before 4.1 leave both zero: data is all but the first page. */
	offset = perfring_once_load(storage->control->data_offset);
	size = perfring_once_load(storage->control->data_size);
	if (!offset)
		offset = page_size;
	if (!size)
		size = pages * page_size;
	if (offset != page_size || size != pages * page_size)
		return -EBADMSG;
	storage->data = (unsigned char *)map + page_size;
	storage->data_size = pages * page_size;

	storage->flags = PERFRING_STORAGE_PAUSABLE;
	if (mirrored)
		storage->flags |= PERFRING_STORAGE_MIRRORED;
	if (overwrite)
		storage->flags |= PERFRING_STORAGE_OVERWRITE;
	if (storage->attr.write_backward)
		storage->flags |= PERFRING_STORAGE_BACKWARD;
	return 0;
}

static int perf_setup(struct perfring_storage *storage, const struct perf_event_attr *attr,
		      pid_t pid, const struct perfring_perf_opts *own)
{
	int err, group = own->group ? own->group->fd : -1;

	if (!attr || own->padding || (own->group && group < 0))
		return -EINVAL;
	err = perfring_attr_take(&storage->attr, attr, own->watermark, own->wakeup_events,
				 own->backward);
	if (err)
		return err;
	storage->fd = (int)syscall(SYS_perf_event_open, &storage->attr, pid, storage->cpu, group,
				   (unsigned long)own->flags | PERF_FLAG_FD_CLOEXEC);
	if (storage->fd < 0)
		return -errno;
	if (own->no_ring)
		return 0;
	return perfring_storage_map(storage, own->pages, own->overwrite, PERFRING_MIRROR_OFF);
}

int perfring_storage_open_perf(const struct perf_event_attr *attr, pid_t pid, int cpu,
			       const struct perfring_perf_opts *opts,
			       struct perfring_storage **out)
{
	struct perfring_storage *storage;
	struct perfring_perf_opts own;
	int err;

	err = perfring_opts_take(&own, sizeof(own), opts);
	if (err)
		return err;
	storage = perfring_storage_alloc(STORAGE_PERF);
	if (!storage)
		return -ENOMEM;
	storage->cpu = cpu;
	err = perf_setup(storage, attr, pid, &own);
	if (err) {
		perfring_storage_close(storage);
		return err;
	}
	*out = storage;
	return 0;
}
