// SPDX-License-Identifier: MIT
/* Reader: a ring for each CPU; those that are offline are skipped. */
#include "reader.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CPUS_DEVICE	"/dev/perfring"

int perfring_cpus_parse(const char *text, unsigned int **cpus, size_t *nr)
{
	unsigned long first, last;
	unsigned int *more;
	char *end;

	*cpus = NULL;
	*nr = 0;
	while (*text >= '0' && *text <= '9') {
		first = strtoul(text, &end, 10);
		last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
		if (last < first || last > 1U << 20)
			break;
		more = realloc(*cpus, (*nr + last - first + 1) * sizeof(*more));
		if (!more) {
			free(*cpus);
			*cpus = NULL;
			return -ENOMEM;
		}
		*cpus = more;
		for (; first <= last; first++)
			more[(*nr)++] = (unsigned int)first;
		text = *end == ',' ? end + 1 : end;
	}
	return *nr ? 0 : -ENODEV;
}

int perfring_cpus_possible(unsigned int **cpus, size_t *nr)
{
	char text[4096] = "";
	long count;
	ssize_t got = -1;
	int fd = open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (got <= 0) {
		count = sysconf(_SC_NPROCESSORS_CONF);
		snprintf(text, sizeof(text), "0-%ld", count > 1 ? count - 1 : 0);
	}
	return perfring_cpus_parse(text, cpus, nr);
}

static int cpus_open(int backend, const struct perf_event_attr *attr,
		     const struct perfring_cpus_opts *own, unsigned int cpu,
		     struct perfring_storage **storage)
{
	const struct perfring_memory_opts memory = {
		.size = sizeof(memory),
		.pages = own->pages,
		.attr = attr,
		.watermark = own->watermark,
		.wakeup_events = own->wakeup_events,
		.cpu = cpu + 1,
	};
	const struct perfring_perf_opts perf = {
		.size = sizeof(perf),
		.pages = own->pages,
		.watermark = own->watermark,
		.wakeup_events = own->wakeup_events,
	};
	const struct perfring_device_opts device = {
		.size = sizeof(device),
		.pages = own->pages,
		.watermark = own->watermark,
		.wakeup_events = own->wakeup_events,
	};
	char path[4096];
	int len;

	switch (backend) {
	case PERFRING_BACKEND_MEMORY:
		return perfring_storage_open_memory(&memory, storage);
	case PERFRING_BACKEND_PERF:
		return perfring_storage_open_perf(attr, own->pid ? own->pid : -1, (int)cpu,
						  &perf, storage);
	case PERFRING_BACKEND_DEVICE:
		len = snprintf(path, sizeof(path), "%s%u",
			       own->device_prefix ? own->device_prefix : CPUS_DEVICE, cpu);
		if (len < 0 || (size_t)len >= sizeof(path))
			return -ENAMETOOLONG;
		return perfring_storage_open_device(path, attr, &device, storage);
	default:
		return -EINVAL;
	}
}

struct cpus_request {
	int backend;
	const struct perf_event_attr *attr;
	const struct perfring_cpus_opts *own;
};

static int cpus_add_one(struct perfring_reader *reader, unsigned int cpu, void *context)
{
	const struct cpus_request *request = context;
	struct perfring_storage *storage = NULL;
	int ret;

	ret = cpus_open(request->backend, request->attr, request->own, cpu, &storage);
	if (ret)
		return ret;
	ret = perfring_reader_add(reader, storage);
	if (ret < 0)
		perfring_storage_close(storage);
	return ret;
}

/* One ring for each CPU, or none; how many. */
int reader_add_each(struct perfring_reader *reader, const struct reader_cpus *each)
{
	unsigned int *possible = NULL, *added;
	const unsigned int *cpus = each->cpus;
	size_t nr = each->nr, nr_added = 0;
	int ret;

	if (!cpus) {
		ret = perfring_cpus_possible(&possible, &nr);
		if (ret)
			return ret;
		cpus = possible;
	}

	added = calloc(nr ? nr : 1, sizeof(*added));
	ret = added ? 0 : -ENOMEM;
	for (size_t i = 0; i < nr && ret >= 0; i++) {
		/* -1 is any CPU to perf. */
		ret = cpus[i] > INT_MAX ? -EINVAL : each->add(reader, cpus[i], each->context);
		if (ret >= 0)
			added[nr_added++] = (unsigned int)ret;
		else if (ret == -ENODEV)
			ret = 0;
	}
	if (ret >= 0)
		ret = nr_added ? (int)nr_added : -ENODEV;
	else
		while (nr_added)
			perfring_reader_remove(reader, added[--nr_added]);
	free(added);
	free(possible);
	return ret;
}

int perfring_reader_add_cpus(struct perfring_reader *reader, int backend,
			     const struct perf_event_attr *attr,
			     const struct perfring_cpus_opts *opts)
{
	struct perfring_cpus_opts own;
	struct cpus_request request = { .backend = backend, .attr = attr, .own = &own };
	struct reader_cpus each = { .add = cpus_add_one, .context = &request };
	int err;

	err = perfring_opts_take(&own, sizeof(own), opts);
	if (err)
		return err;
	if (own.padding)
		return -EINVAL;
	each.cpus = own.cpus;
	each.nr = own.nr_cpus;
	return reader_add_each(reader, &each);
}
