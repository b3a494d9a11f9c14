// SPDX-License-Identifier: MIT
/* A ring in anonymous memory, written by perfring_write(). */
#include "internal.h"

#include <sys/eventfd.h>

#define MEMORY_PAGES	8

static void memory_core_init(struct perfring_storage *storage, uint64_t position)
{
	const struct perf_event_attr *attr = &storage->attr;
	struct perfring_core *core = &storage->core;

	core->page = storage->control;
	core->data = storage->data;
	core->mask = storage->data_size - 1;
	core->backward = attr->write_backward;
	core->overwrite = storage->flags & PERFRING_STORAGE_OVERWRITE;
	/* As ring_buffer_init() of kernel/events/ring_buffer.c. */
	if (attr->watermark)
		core->watermark = attr->wakeup_watermark;
	if (core->watermark > storage->data_size)
		core->watermark = storage->data_size;
	if (!core->watermark)
		core->watermark = storage->data_size / 2;
	perfring_core_position(core, (unsigned long)position);
}

static int memory_setup(struct perfring_storage *storage, const struct perfring_memory_opts *own)
{
	size_t pages = own->pages ? own->pages : MEMORY_PAGES;
	size_t page_size = storage->page_size;
	bool mirror = own->mirror != PERFRING_MIRROR_OFF;
	int err;

	if (!perfring_is_power_of_2(pages) || own->position & 7 ||
	    own->position != (unsigned long)own->position ||
	    own->mirror > PERFRING_MIRROR_ON || own->padding)
		return -EINVAL;
	if (pages > SIZE_MAX / page_size / 4)
		return -ENOMEM;
	err = perfring_attr_take(&storage->attr, own->attr, own->watermark,
				 own->wakeup_events, own->backward);
	if (err)
		return err;
	err = perfring_map_guarded(storage, (1 + pages) * page_size,
				   mirror ? pages * page_size : 0);
	if (err)
		return err;

	storage->data = (unsigned char *)storage->control + page_size;
	storage->data_size = pages * page_size;
	storage->control->size = offsetof(struct perf_event_mmap_page, __reserved);
	storage->control->data_offset = page_size;
	storage->control->data_size = storage->data_size;
	storage->cpu = (int)own->cpu - 1;
	storage->flags = PERFRING_STORAGE_WRITABLE | PERFRING_STORAGE_PAUSABLE;
	if (mirror)
		storage->flags |= PERFRING_STORAGE_MIRRORED;
	if (own->overwrite)
		storage->flags |= PERFRING_STORAGE_OVERWRITE;
	if (storage->attr.write_backward)
		storage->flags |= PERFRING_STORAGE_BACKWARD;
	memory_core_init(storage, own->position);

	storage->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return storage->fd < 0 ? -errno : 0;
}

int perfring_storage_open_memory(const struct perfring_memory_opts *opts,
				 struct perfring_storage **out)
{
	struct perfring_storage *storage;
	struct perfring_memory_opts own;
	int err;

	err = perfring_opts_take(&own, sizeof(own), opts);
	if (err)
		return err;
	storage = perfring_storage_alloc(STORAGE_MEMORY);
	if (!storage)
		return -ENOMEM;
	err = memory_setup(storage, &own);
	if (err) {
		perfring_storage_close(storage);
		return err;
	}
	*out = storage;
	return 0;
}
