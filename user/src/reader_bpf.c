// SPDX-License-Identifier: MIT
/* Reader: the rings of a BPF perf event array; and who may write. */
#include "bpf.h"
#include "reader.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct array_request {
	struct reader_array *array;
	const struct perf_event_attr *attr;
	const struct perfring_bpf_array_opts *own;
	uint32_t entries;
};

static int array_enter(const struct reader_slot *slot)
{
	return perfring_bpf_set(slot->array->map_fd, (uint32_t)slot->storage->cpu,
			   (uint32_t)slot->storage->fd);
}

static int array_delete(const struct reader_slot *slot)
{
	int err = perfring_bpf_unset(slot->array->map_fd, (uint32_t)slot->storage->cpu);

	return err == -ENOENT ? 0 : err;
}

static void array_put(struct reader_array *array)
{
	if (--array->users)
		return;
	close(array->map_fd);
	free(array);
}

/* @entry: with its entry; the map would keep the event, and a program go on writing to it. */
void reader_leave_array(struct reader_slot *slot, bool entry)
{
	if (!slot->array)
		return;
	if (entry)
		array_delete(slot);
	array_put(slot->array);
	slot->array = NULL;
}

static int array_open(const struct array_request *request, unsigned int cpu,
		      struct perfring_storage **storage)
{
	const struct perfring_bpf_array_opts *own = request->own;
	const struct perfring_perf_opts perf = {
		.size = sizeof(perf),
		.pages = own->pages,
		.watermark = own->watermark,
		.overwrite = own->overwrite,
		.backward = own->overwrite,
	};
	struct perf_event_attr attr;
	int err;

	err = perfring_attr_take(&attr, request->attr, 0, 0, false);
	if (!err)
		err = perfring_storage_open_perf(&attr, -1, (int)cpu, &perf, storage);
	return err;
}

static int array_add_one(struct perfring_reader *reader, unsigned int cpu, void *context)
{
	const struct array_request *request = context;
	struct perfring_storage *storage = NULL;
	struct reader_slot *slot;
	int index, err;

	if (!request->own->cpus && cpu >= request->entries)
		return -ENODEV;
	err = array_open(request, cpu, &storage);
	if (err)
		return err;
	if (storage->attr.watermark && storage->attr.wakeup_watermark >= storage->data_size) {
		/* perf takes it, and then wakes when records are lost already. */
		reader->error = (struct perfring_error){
			.code = -ERANGE,
			.size = storage->attr.wakeup_watermark,
			.reason = "the watermark is not less than the bytes of a ring",
		};
		perfring_storage_close(storage);
		return -ERANGE;
	}
	index = reader_add(reader, storage, !request->own->overwrite);
	if (index < 0) {
		perfring_storage_close(storage);
		return index;
	}
	slot = &reader->slots[index];
	slot->array = request->array;
	slot->array->users++;
	err = request->own->paused ? 0 : array_enter(slot);
	if (err) {
		/* The entry is not ours. */
		reader_leave_array(slot, false);
		perfring_reader_remove(reader, (unsigned int)index);
	}
	return err ? err : index;
}

static int array_create(int map_fd, struct array_request *request)
{
	struct bpf_map_info info;
	int err;

	err = perfring_bpf_about(map_fd, &info);
	if (err)
		return err;
	if (info.type != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		return -EINVAL;
	request->entries = info.max_entries;
	request->array = malloc(sizeof(*request->array));
	if (!request->array)
		return -ENOMEM;
	/* The entries last as long as the descriptor by which they were made is open. */
	request->array->users = 1;
	request->array->map_fd = fcntl(map_fd, F_DUPFD_CLOEXEC, 0);
	err = request->array->map_fd < 0 ? -errno : 0;
	if (err)
		free(request->array);
	return err;
}

int perfring_reader_add_bpf_array(struct perfring_reader *reader, int map_fd,
				  const struct perf_event_attr *attr,
				  const struct perfring_bpf_array_opts *opts)
{
	struct perfring_bpf_array_opts own;
	struct array_request request = { .attr = attr, .own = &own };
	struct reader_cpus each = { .add = array_add_one, .context = &request };
	int ret;

	ret = perfring_opts_take(&own, sizeof(own), opts);
	if (ret)
		return ret;
	if (own.padding[0] || own.padding[1])
		return -EINVAL;
	ret = array_create(map_fd, &request);
	if (ret)
		return ret;
	each.cpus = own.cpus;
	each.nr = own.nr_cpus;
	ret = reader_add_each(reader, &each);
	array_put(request.array);
	return ret;
}

/* All of them, also after an error. */
static int each_slot(struct perfring_reader *reader, int (*entry)(const struct reader_slot *),
		     int (*output)(struct perfring_storage *))
{
	int ret, err = 0;

	for (unsigned int i = 0; i < reader->nr; i++) {
		const struct reader_slot *slot = &reader->slots[i];

		if (!slot->ring)
			continue;
		ret = slot->array ? entry(slot) : output(slot->storage);
		if (ret && !err)
			err = ret;
	}
	return err;
}

int perfring_reader_pause(struct perfring_reader *reader)
{
	return each_slot(reader, array_delete, perfring_storage_pause);
}

int perfring_reader_resume(struct perfring_reader *reader)
{
	return each_slot(reader, array_enter, perfring_storage_resume);
}
