// SPDX-License-Identifier: MIT
/* A BPF ring buffer: the map's pages, or memory that looks like them. */
#include "bpf.h"

#include <fcntl.h>
#include <sys/mman.h>

/* Two pages of positions at @memory, then the data, twice. */
static void bpf_pages(struct perfring_storage *storage, void *memory)
{
	unsigned char *page = memory;

	storage->consumer = (void *)page;
	storage->producer = (void *)(page + storage->page_size);
	storage->data = page + 2 * storage->page_size;
}

/*
 * The kernel's positions are its longs, and that of the oldest record is the third. Where ours
 * has 32 bits, nothing says which the kernel's has.
 */
static int bpf_overwrites(struct perfring_storage *storage)
{
	if (sizeof(unsigned long) < sizeof(*storage->producer))
		return -EOPNOTSUPP;
	storage->flags |= PERFRING_STORAGE_OVERWRITE;
	return 0;
}

static int bpf_open(struct perfring_storage *storage, int map_fd)
{
	struct bpf_map_info info;
	unsigned char *map = NULL;
	int err;

	err = perfring_bpf_about(map_fd, &info);
	if (err)
		return err;
	if (info.type != BPF_MAP_TYPE_RINGBUF)
		return -EINVAL;
	if (info.map_flags & BPF_OVERWRITE) {
		err = bpf_overwrites(storage);
		if (err)
			return err;
	}
	storage->data_size = info.max_entries;
	storage->fd = fcntl(map_fd, F_DUPFD_CLOEXEC, 0);
	if (storage->fd < 0)
		return -errno;
	err = perfring_bpf_map(storage->fd, storage->data_size, PROT_READ | PROT_WRITE, PROT_READ,
			       &map, &storage->map_size);
	storage->map = map;
	if (!err)
		bpf_pages(storage, map);
	return err;
}

static int bpf_from_memory(struct perfring_storage *storage, void *memory, size_t bytes)
{
	size_t page = storage->page_size;

	if (!perfring_is_power_of_2(page) || page < 4096)
		return -EINVAL;
	if (!memory || (uintptr_t)memory & 7)
		return -EFAULT;
	if (bytes / page < 4)
		return -ENODATA;
	storage->data_size = (bytes - 2 * page) / 2;
	if (bytes % page || !perfring_is_power_of_2(storage->data_size))
		return -EINVAL;
	bpf_pages(storage, memory);
	return 0;
}

/* What both have in common; @storage is closed by the caller on error. */
static int bpf_alloc(const struct perfring_bpf_opts *opts, struct perfring_bpf_opts *own,
		     struct perfring_storage **out)
{
	struct perfring_storage *storage;
	int err;

	err = perfring_opts_take(own, sizeof(*own), opts);
	if (err)
		return err;
	if (own->padding[0] || own->padding[1] || own->padding[2])
		return -EINVAL;
	storage = perfring_storage_alloc(STORAGE_BPF);
	if (!storage)
		return -ENOMEM;
	storage->cpu = (int)own->cpu - 1;
	storage->flags = PERFRING_STORAGE_MIRRORED;
	*out = storage;
	return perfring_attr_take(&storage->attr, NULL, 0, 0, false);
}

int perfring_storage_open_bpf_ringbuf(int map_fd, const struct perfring_bpf_opts *opts,
				      struct perfring_storage **out)
{
	struct perfring_storage *storage = NULL;
	struct perfring_bpf_opts own;
	int err;

	err = bpf_alloc(opts, &own, &storage);
	if (!err)
		err = own.page_size || own.overwrite ? -EINVAL : bpf_open(storage, map_fd);
	if (err) {
		perfring_storage_close(storage);
		return err;
	}
	*out = storage;
	return 0;
}

int perfring_storage_from_bpf_memory(void *memory, size_t bytes,
				     const struct perfring_bpf_opts *opts,
				     struct perfring_storage **out)
{
	struct perfring_storage *storage = NULL;
	struct perfring_bpf_opts own;
	int err;

	err = bpf_alloc(opts, &own, &storage);
	if (!err && own.page_size)
		storage->page_size = own.page_size;
	if (!err && own.overwrite)
		err = bpf_overwrites(storage);
	if (!err)
		err = bpf_from_memory(storage, memory, bytes);
	if (err) {
		perfring_storage_close(storage);
		return err;
	}
	*out = storage;
	return 0;
}
