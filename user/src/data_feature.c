// SPDX-License-Identifier: MIT
/* The features of a file: facts about the machine, the run and the events. */
#include "data.h"
#include "limits.h"

#include <dirent.h>
#include <sys/utsname.h>
#include <time.h>

#define FEATURE_PMUS	"/sys/bus/event_source/devices"

static void feature_nrcpus(struct data_blob *blob)
{
	long available = sysconf(_SC_NPROCESSORS_CONF);
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	perfring_blob_u32(blob, available > 0 ? (uint32_t)available : 1);
	perfring_blob_u32(blob, online > 0 ? (uint32_t)online : 1);
}

static void feature_memory(struct data_blob *blob)
{
	char text[1024];
	const char *at;

	limits_slurp("/proc/meminfo", text, sizeof(text));
	at = strstr(text, "MemTotal:");
	if (at)
		perfring_blob_u64(blob, strtoull(at + strlen("MemTotal:"), NULL, 10));
}

static void feature_cmdline(const struct perfring_data_writer *writer, struct data_blob *blob)
{
	if (!writer->argc)
		return;
	perfring_blob_u32(blob, (uint32_t)writer->argc);
	for (size_t i = 0; i < writer->argc; i++)
		perfring_blob_string(blob, writer->argv[i]);
}

static void feature_event_desc(const struct perfring_data_writer *writer, struct data_blob *blob)
{
	perfring_blob_u32(blob, (uint32_t)writer->nr_events);
	perfring_blob_u32(blob, sizeof(struct perf_event_attr));
	for (size_t i = 0; i < writer->nr_events; i++) {
		const struct data_event *event = &writer->event[i];

		perfring_blob_put(blob, &event->attr, sizeof(event->attr));
		perfring_blob_u32(blob, (uint32_t)event->nr_ids);
		perfring_blob_string(blob, event->name);
		perfring_blob_put(blob, event->ids, event->nr_ids * sizeof(uint64_t));
	}
}

/* Type numbers of the PMUs, which only this machine at this time gives so. */
static void feature_pmus(struct data_blob *blob)
{
	size_t begin = blob->used;
	struct dirent *entry;
	uint32_t nr = 0;
	char path[512];
	long long type;
	DIR *dir = opendir(FEATURE_PMUS);

	if (!dir)
		return;
	perfring_blob_u32(blob, 0);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), FEATURE_PMUS "/%s/type", entry->d_name);
		type = limits_number(path, -1);
		if (type < 0)
			continue;
		perfring_blob_u32(blob, (uint32_t)type);
		perfring_blob_string(blob, entry->d_name);
		nr++;
	}
	closedir(dir);
	if (!blob->failed)
		memcpy(blob->bytes + begin, &nr, sizeof(nr));
}

static void feature_clockid(const struct perfring_data_writer *writer, struct data_blob *blob)
{
	const struct perf_event_attr *attr = &writer->event[0].attr;
	struct timespec resolution;

	if (attr->use_clockid && !clock_getres(attr->clockid, &resolution))
		perfring_blob_u64(blob, (uint64_t)resolution.tv_sec * 1000000000 +
				  (uint64_t)resolution.tv_nsec);
}

static void feature_sample_time(const struct perfring_data_writer *writer, struct data_blob *blob)
{
	if (writer->first_time == UINT64_MAX)
		return;
	perfring_blob_u64(blob, writer->first_time);
	perfring_blob_u64(blob, writer->last_time);
}

void perfring_data_describe(const struct perfring_data_writer *writer, unsigned int feature,
			    struct data_blob *blob)
{
	struct utsname name;

	if (uname(&name) < 0)
		memset(&name, 0, sizeof(name));
	switch (feature) {
	case PERFRING_DATA_TRACING_DATA:
		if (perfring_data_has_tracepoints(writer))
			perfring_data_tracing(writer, blob);
		break;
	case PERFRING_DATA_HOSTNAME:
		perfring_blob_string(blob, name.nodename);
		break;
	case PERFRING_DATA_OSRELEASE:
		perfring_blob_string(blob, name.release);
		break;
	case PERFRING_DATA_VERSION:
		perfring_blob_string(blob, perfring_version());
		break;
	case PERFRING_DATA_ARCH:
		perfring_blob_string(blob, name.machine);
		break;
	case PERFRING_DATA_NRCPUS:
		feature_nrcpus(blob);
		break;
	case PERFRING_DATA_TOTAL_MEM:
		feature_memory(blob);
		break;
	case PERFRING_DATA_CMDLINE:
		feature_cmdline(writer, blob);
		break;
	case PERFRING_DATA_EVENT_DESC:
		feature_event_desc(writer, blob);
		break;
	case PERFRING_DATA_PMU_MAPPINGS:
		feature_pmus(blob);
		break;
	case PERFRING_DATA_SAMPLE_TIME:
		feature_sample_time(writer, blob);
		break;
	case PERFRING_DATA_CLOCKID:
		feature_clockid(writer, blob);
		break;
	default:
		break;
	}
}
