// SPDX-License-Identifier: MIT
/* A ring of /dev/perfringN: the attr comes by ioctl, all else is as with perf. */
#include "internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>

/* The number at the end of the path; -1 when there is none. */
static int device_cpu(const char *path)
{
	size_t len = strlen(path);
	size_t digits = 0;

	while (digits < len && path[len - digits - 1] >= '0' && path[len - digits - 1] <= '9')
		digits++;
	if (!digits || digits > 6)
		return -1;
	return (int)strtol(path + len - digits, NULL, 10);
}

static int device_setup(struct perfring_storage *storage, const char *path,
			const struct perf_event_attr *attr,
			const struct perfring_device_opts *own)
{
	int err;

	if (!path || own->mirror > PERFRING_MIRROR_ON)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(own->padding); i++)
		if (own->padding[i])
			return -EINVAL;
	err = perfring_attr_take(&storage->attr, attr, own->watermark, own->wakeup_events,
				 own->backward);
	if (err)
		return err;
	storage->cpu = device_cpu(path);
	storage->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (storage->fd < 0)
		return -errno;
	if ((attr || own->watermark || own->wakeup_events || own->backward) &&
	    ioctl(storage->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &storage->attr) < 0)
		return -errno;
	return perfring_storage_map(storage, own->pages, own->overwrite,
				    (enum perfring_mirror)own->mirror);
}

int perfring_storage_open_device(const char *path, const struct perf_event_attr *attr,
				 const struct perfring_device_opts *opts,
				 struct perfring_storage **out)
{
	struct perfring_storage *storage;
	struct perfring_device_opts own;
	int err;

	err = perfring_opts_take(&own, sizeof(own), opts);
	if (err)
		return err;
	storage = perfring_storage_alloc(STORAGE_DEVICE);
	if (!storage)
		return -ENOMEM;
	err = device_setup(storage, path, attr, &own);
	if (err) {
		perfring_storage_close(storage);
		return err;
	}
	*out = storage;
	return 0;
}
