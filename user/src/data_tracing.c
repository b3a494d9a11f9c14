// SPDX-License-Identifier: MIT
/*
 * Tracing data: how the payloads of tracepoints are laid out, in the words of tracefs, in the
 * order that trace-cmd.dat(5) has (version 6).
 */
#include "data.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "limits.h"

static const char *const tracing_mounts[] = {
	"/sys/kernel/tracing", "/sys/kernel/debug/tracing",
};

struct tracing {
	const struct perfring_data_writer *writer;
	const char *mount;
	struct data_blob *blob;
};

bool perfring_data_has_tracepoints(const struct perfring_data_writer *writer)
{
	for (size_t i = 0; i < writer->nr_events; i++)
		if (writer->event[i].attr.type == PERF_TYPE_TRACEPOINT)
			return true;
	return false;
}

/* u64 size and the bytes of a file; the size of tracefs' files is not known before. */
static bool tracing_file(struct data_blob *blob, const char *path)
{
	size_t begin = blob->used;
	uint64_t size;

	perfring_blob_u64(blob, 0);
	if (!perfring_blob_file(blob, path)) {
		blob->used = begin;
		return false;
	}
	size = blob->used - begin - sizeof(size);
	if (!blob->failed)
		memcpy(blob->bytes + begin, &size, sizeof(size));
	return true;
}

static bool tracing_wanted(const struct perfring_data_writer *writer, long long id)
{
	for (size_t i = 0; i < writer->nr_events; i++)
		if (writer->event[i].attr.type == PERF_TYPE_TRACEPOINT &&
		    (long long)writer->event[i].attr.config == id)
			return true;
	return false;
}

/* The formats of one system's wanted events behind its name; how many. */
static uint32_t tracing_system(struct tracing *tracing, const char *system)
{
	struct data_blob *blob = tracing->blob;
	size_t begin = blob->used, count;
	struct dirent *entry;
	char path[1024];
	uint32_t nr = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/events/%s", tracing->mount, system);
	dir = opendir(path);
	if (!dir)
		return 0;
	perfring_blob_put(blob, system, strlen(system) + 1);
	count = blob->used;
	perfring_blob_u32(blob, 0);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/events/%s/%s/id", tracing->mount, system,
			 entry->d_name);
		if (!tracing_wanted(tracing->writer, limits_number(path, -1)))
			continue;
		snprintf(path, sizeof(path), "%s/events/%s/%s/format", tracing->mount, system,
			 entry->d_name);
		nr += tracing_file(blob, path);
	}
	closedir(dir);
	if (!nr)
		blob->used = begin;
	else if (!blob->failed)
		memcpy(blob->bytes + count, &nr, sizeof(nr));
	return nr;
}

/* Systems in the order of their folders; 0 when no event was found. */
static uint32_t tracing_events(struct tracing *tracing)
{
	struct data_blob *blob = tracing->blob;
	size_t begin = blob->used;
	struct dirent *entry;
	uint32_t systems = 0;
	char path[256];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/events", tracing->mount);
	dir = opendir(path);
	if (!dir)
		return 0;
	perfring_blob_u32(blob, 0);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			systems += tracing_system(tracing, entry->d_name) > 0;
	closedir(dir);
	if (!blob->failed)
		memcpy(blob->bytes + begin, &systems, sizeof(systems));
	return systems;
}

/* How the kernel's own ring is laid out; perf reads it and needs none of it. */
static bool tracing_headers(struct tracing *tracing)
{
	static const char page[] = "header_page", event[] = "header_event";
	char path[256];

	perfring_blob_put(tracing->blob, page, sizeof(page));
	snprintf(path, sizeof(path), "%s/events/header_page", tracing->mount);
	if (!tracing_file(tracing->blob, path))
		return false;
	perfring_blob_put(tracing->blob, event, sizeof(event));
	snprintf(path, sizeof(path), "%s/events/header_event", tracing->mount);
	return tracing_file(tracing->blob, path);
}

int perfring_data_tracing(const struct perfring_data_writer *writer, struct data_blob *blob)
{
	static const unsigned char magic[] = { 23, 8, 68, 't', 'r', 'a', 'c', 'i', 'n', 'g' };
	static const char version[] = "0.6";
	struct tracing tracing = { .writer = writer, .blob = blob };
	unsigned char sizes[2] = { 0, sizeof(long) };
	size_t begin = blob->used;

	sizes[0] = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	for (size_t i = 0; i < sizeof(tracing_mounts) / sizeof(tracing_mounts[0]); i++) {
		tracing.mount = tracing_mounts[i];
		blob->used = begin;
		perfring_blob_put(blob, magic, sizeof(magic));
		perfring_blob_put(blob, version, sizeof(version));
		perfring_blob_put(blob, sizes, sizeof(sizes));
		perfring_blob_u32(blob, (uint32_t)perfring_system_page_size());
		if (!tracing_headers(&tracing))
			continue;
		perfring_blob_u32(blob, 0);	/* events of the function tracer */
		if (!tracing_events(&tracing))
			continue;
		perfring_blob_u32(blob, 0);	/* kallsyms */
		perfring_blob_u32(blob, 0);	/* strings of trace_printk() */
		perfring_blob_u64(blob, 0);	/* names of tasks */
		return 0;
	}
	blob->used = begin;
	return 1;
}
