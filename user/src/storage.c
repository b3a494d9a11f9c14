// SPDX-License-Identifier: MIT
/* What all storages share: options, accessors, ioctls, the end. */
#include "internal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Take an option structure whose first field is its size: fields that it lacks are zero,
 * fields that only it has must be.
 */
int perfring_opts_take(void *own, size_t own_size, const void *given)
{
	size_t size;

	memset(own, 0, own_size);
	if (!given)
		return 0;
	memcpy(&size, given, sizeof(size));
	if (size < sizeof(size))
		return -EINVAL;
	for (size_t i = own_size; i < size; i++)
		if (((const unsigned char *)given)[i])
			return -E2BIG;
	memcpy(own, given, size < own_size ? size : own_size);
	return 0;
}

size_t perfring_system_page_size(void)
{
	long size = sysconf(_SC_PAGESIZE);

	return size > 0 ? (size_t)size : 4096;
}

size_t perfring_pages_for_bytes(size_t bytes)
{
	size_t page = perfring_system_page_size();
	size_t need = bytes / page + (bytes % page != 0);
	size_t pages = 1;

	while (pages < need) {
		pages *= 2;
		/* What no storage is opened with: control page and mirror go in as well. */
		if (pages > SIZE_MAX / page / 4)
			return 0;
	}
	return pages;
}

struct perfring_storage *perfring_storage_alloc(enum storage_kind kind)
{
	struct perfring_storage *storage;

	storage = aligned_alloc(PERFRING_CACHELINE, sizeof(*storage));
	if (!storage)
		return NULL;
	memset(storage, 0, sizeof(*storage));
	storage->kind = kind;
	storage->page_size = perfring_system_page_size();
	storage->fd = -1;
	storage->cpu = -1;
	return storage;
}

/* An own copy of an attr, of the size that is known here, with the options' changes. */
int perfring_attr_take(struct perf_event_attr *own, const struct perf_event_attr *given,
		       uint32_t watermark, uint32_t wakeup_events, bool backward)
{
	size_t size;

	if (watermark && wakeup_events)
		return -EINVAL;

	memset(own, 0, sizeof(*own));
	if (given) {
		size = given->size ? given->size : sizeof(*own);
		for (size_t i = sizeof(*own); i < size; i++)
			if (((const unsigned char *)given)[i])
				return -E2BIG;
		memcpy(own, given, size < sizeof(*own) ? size : sizeof(*own));
	} else {
		own->type = PERF_TYPE_SOFTWARE;
		own->config = PERF_COUNT_SW_BPF_OUTPUT;
		own->sample_type = PERF_SAMPLE_RAW;
		own->sample_period = 1;
		own->wakeup_events = 1;
	}
	own->size = sizeof(*own);

	if (watermark) {
		own->watermark = 1;
		own->wakeup_watermark = watermark;
	}
	if (wakeup_events) {
		own->watermark = 0;
		own->wakeup_events = wakeup_events;
	}
	if (backward)
		own->write_backward = 1;
	return 0;
}

/*
 * Control and data in memory of our own, the last @mirror bytes of it twice in a row,
 * an inaccessible page on each side.
 */
int perfring_map_guarded(struct perfring_storage *storage, size_t bytes, size_t mirror)
{
	size_t guard = perfring_system_page_size();
	size_t size = bytes + mirror + 2 * guard;
	unsigned char *map, *end;

	if (size < bytes)
		return -ENOMEM;
	map = mmap(NULL, size, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	storage->map = map;
	storage->map_size = size;
	if (mprotect(map + guard, bytes, PROT_READ | PROT_WRITE))
		return -errno;
	end = map + guard + bytes;
	/* From a shared mapping, an old size of 0 makes another one of the same pages. */
	if (mirror && mremap(end - mirror, 0, mirror, MREMAP_MAYMOVE | MREMAP_FIXED, end) != end)
		return -errno;
	storage->control = (void *)(map + guard);
	return 0;
}

int perfring_storage_close(struct perfring_storage *storage)
{
	if (!storage)
		return 0;
	if (storage->in_use)
		return -EBUSY;
	/* Its pages hang on those of the ring. */
	if (storage->aux)
		munmap(storage->aux, storage->aux_size);
	if (storage->map)
		munmap(storage->map, storage->map_size);
	if (storage->fd >= 0)
		close(storage->fd);
	free(storage);
	return 0;
}

const char *perfring_storage_kind(const struct perfring_storage *storage)
{
	static const char *const names[] = {
		[STORAGE_MEMORY] = "memory",
		[STORAGE_PERF] = "perf",
		[STORAGE_DEVICE] = "device",
		[STORAGE_IMAGE] = "image",
		[STORAGE_BPF] = "bpf",
	};

	return names[storage->kind];
}

struct perf_event_mmap_page *perfring_storage_control(const struct perfring_storage *storage)
{
	return storage->control;
}

const void *perfring_storage_data(const struct perfring_storage *storage)
{
	return storage->data;
}

size_t perfring_storage_data_size(const struct perfring_storage *storage)
{
	return storage->data_size;
}

size_t perfring_storage_page_size(const struct perfring_storage *storage)
{
	return storage->page_size;
}

int perfring_storage_fd(const struct perfring_storage *storage)
{
	return storage->fd;
}

int perfring_storage_cpu(const struct perfring_storage *storage)
{
	return storage->cpu;
}

const struct perf_event_attr *perfring_storage_attr(const struct perfring_storage *storage)
{
	return &storage->attr;
}

unsigned int perfring_storage_flags(const struct perfring_storage *storage)
{
	return storage->flags;
}

static bool storage_is_event(const struct perfring_storage *storage)
{
	return storage->kind == STORAGE_PERF || storage->kind == STORAGE_DEVICE;
}

static int storage_ioctl(const struct perfring_storage *storage, unsigned long request,
			 unsigned long argument)
{
	if (!storage_is_event(storage))
		return -EOPNOTSUPP;
	return ioctl(storage->fd, request, argument) < 0 ? -errno : 0;
}

int perfring_storage_enable(struct perfring_storage *storage)
{
	return storage_ioctl(storage, PERF_EVENT_IOC_ENABLE, 0);
}

int perfring_storage_disable(struct perfring_storage *storage)
{
	return storage_ioctl(storage, PERF_EVENT_IOC_DISABLE, 0);
}

int perfring_storage_reset(struct perfring_storage *storage)
{
	return storage_ioctl(storage, PERF_EVENT_IOC_RESET, 0);
}

static int storage_set_paused(struct perfring_storage *storage, int paused)
{
	int err = 0;

	if (storage->kind == STORAGE_MEMORY)
		perfring_once_store(storage->core.paused, paused);
	else
		err = storage_ioctl(storage, PERF_EVENT_IOC_PAUSE_OUTPUT, (unsigned long)paused);
	if (!err)
		perfring_once_store(storage->paused, paused);
	return err;
}

int perfring_storage_pause(struct perfring_storage *storage)
{
	return storage_set_paused(storage, 1);
}

int perfring_storage_resume(struct perfring_storage *storage)
{
	return storage_set_paused(storage, 0);
}

int perfring_storage_set_period(struct perfring_storage *storage, uint64_t period)
{
	return storage_ioctl(storage, PERF_EVENT_IOC_PERIOD, (unsigned long)(uintptr_t)&period);
}

int perfring_storage_id(const struct perfring_storage *storage, uint64_t *id)
{
	if (storage->kind == STORAGE_MEMORY) {
		*id = 0;
		return 0;
	}
	return storage_ioctl(storage, PERF_EVENT_IOC_ID, (unsigned long)(uintptr_t)id);
}

int perfring_storage_set_filter(struct perfring_storage *storage, const char *filter)
{
	return storage_ioctl(storage, PERF_EVENT_IOC_SET_FILTER, (unsigned long)(uintptr_t)filter);
}

int perfring_storage_set_bpf(struct perfring_storage *storage, int program)
{
	return storage_ioctl(storage, PERF_EVENT_IOC_SET_BPF, (unsigned long)program);
}

int perfring_storage_read(const struct perfring_storage *storage, uint64_t *words, size_t nr)
{
	ssize_t got;

	if (!storage_is_event(storage))
		return -EOPNOTSUPP;
	got = read(storage->fd, words, nr * sizeof(*words));
	if (got < 0)
		return -errno;
	return (int)((size_t)got / sizeof(*words));
}

void perfring_storage_clear_wakeup(struct perfring_storage *storage)
{
	uint64_t count;

	/* An eventfd: EAGAIN when no wakeup was due, and then nothing is to be done. */
	if (storage->kind == STORAGE_MEMORY && read(storage->fd, &count, sizeof(count)) < 0)
		return;
}
