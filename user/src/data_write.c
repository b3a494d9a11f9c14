// SPDX-License-Identifier: MIT
/* Writing perf.data: header, attrs and ids first, then records, features last. */
#include "data.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define WRITE_BUFFER	((size_t)256 << 10)
#define EVENT_UPDATE_NAME	2
#define FEATURE_RECORD_HEAD	16	/* header and the feature's number */

static int write_all(int fd, const unsigned char *bytes, size_t len)
{
	ssize_t put;

	while (len) {
		put = write(fd, bytes, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		bytes += put;
		len -= (size_t)put;
	}
	return 0;
}

int perfring_data_flush(struct perfring_data_writer *writer)
{
	if (!writer->error)
		writer->error = write_all(writer->fd, writer->buffer, writer->used);
	writer->offset += writer->used;
	writer->used = 0;
	return writer->error;
}

int perfring_data_put(struct perfring_data_writer *writer, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	size_t part;

	while (len && !writer->error) {
		part = WRITE_BUFFER - writer->used;
		if (part > len)
			part = len;
		memcpy(writer->buffer + writer->used, at, part);
		writer->used += part;
		at += part;
		len -= part;
		if (writer->used == WRITE_BUFFER)
			perfring_data_flush(writer);
	}
	return writer->error;
}

uint64_t perfring_data_position(const struct perfring_data_writer *writer)
{
	return writer->offset + writer->used;
}

static void write_pad(struct perfring_data_writer *writer)
{
	static const uint64_t zero;

	perfring_data_put(writer, &zero, -perfring_data_position(writer) & 7);
}

static void writer_free(struct perfring_data_writer *writer)
{
	for (size_t i = 0; i < writer->nr_events; i++) {
		perfring_format_free(writer->event[i].format);
		free(writer->event[i].name);
		free(writer->event[i].ids);
	}
	free(writer->event);
	for (size_t i = 0; i < writer->argc; i++)
		free(writer->argv[i]);
	free(writer->argv);
	free(writer->buffer);
	if (writer->own_fd)
		close(writer->fd);
	free(writer);
}

static int writer_setup(struct perfring_data_writer *writer, const char *path,
			const struct perfring_data_opts *own)
{
	writer->pipe = own->pipe || !strcmp(path, "-");
	writer->fd = STDOUT_FILENO;
	writer->first_time = UINT64_MAX;
	writer->buffer = malloc(WRITE_BUFFER);
	if (!writer->buffer)
		return -ENOMEM;
	if (own->argv && own->argc) {
		writer->argv = calloc(own->argc, sizeof(*writer->argv));
		if (!writer->argv)
			return -ENOMEM;
		for (; writer->argc < own->argc; writer->argc++) {
			writer->argv[writer->argc] = strdup(own->argv[writer->argc]);
			if (!writer->argv[writer->argc])
				return -ENOMEM;
		}
	}
	if (!strcmp(path, "-"))
		return 0;
	writer->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (writer->fd < 0)
		return -errno;
	writer->own_fd = true;
	return 0;
}

int perfring_data_create(const char *path, const struct perfring_data_opts *opts,
			 struct perfring_data_writer **out)
{
	struct perfring_data_writer *writer;
	struct perfring_data_opts own;
	int err;

	err = perfring_opts_take(&own, sizeof(own), opts);
	if (err)
		return err;
	if (!path || own.padding[0] || own.padding[1] || own.padding[2])
		return -EINVAL;
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	err = writer_setup(writer, path, &own);
	if (err) {
		writer_free(writer);
		return err;
	}
	*out = writer;
	return 0;
}

/* Ids stand where they are found without the attr. */
static bool event_told_apart(const struct perf_event_attr *attr)
{
	return attr->sample_type & PERF_SAMPLE_IDENTIFIER && attr->sample_id_all;
}

int perfring_data_add_event(struct perfring_data_writer *writer,
			    const struct perf_event_attr *attr, const char *name)
{
	struct data_event *event;
	int err;

	if (writer->started)
		return -EBUSY;
	if (writer->nr_events &&
	    (!event_told_apart(attr) || !event_told_apart(&writer->event[0].attr)))
		return -EINVAL;
	event = realloc(writer->event, (writer->nr_events + 1) * sizeof(*event));
	if (!event)
		return -ENOMEM;
	writer->event = event;
	event += writer->nr_events;
	memset(event, 0, sizeof(*event));
	err = perfring_attr_take(&event->attr, attr, 0, 0, false);
	if (!err)
		err = perfring_format_compile(&event->attr, &event->format);
	if (err)
		return err;
	event->name = strdup(name);
	if (!event->name) {
		perfring_format_free(event->format);
		return -ENOMEM;
	}
	return (int)writer->nr_events++;
}

int perfring_data_add_id(struct perfring_data_writer *writer, unsigned int index, uint64_t id)
{
	struct data_event *event;
	uint64_t *ids;

	if (writer->started)
		return -EBUSY;
	if (index >= writer->nr_events)
		return -ENOENT;
	event = &writer->event[index];
	ids = realloc(event->ids, (event->nr_ids + 1) * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	event->ids = ids;
	ids[event->nr_ids++] = id;
	return 0;
}

/* Where the time is in a sample, when that is the same for all events; a dummy has none. */
static size_t time_offset(const struct perfring_data_writer *writer)
{
	const uint64_t before = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID;
	size_t offset = 0, one;

	for (size_t i = 0; i < writer->nr_events; i++) {
		const struct perf_event_attr *attr = &writer->event[i].attr;
		uint64_t type = attr->sample_type;

		if (attr->type == PERF_TYPE_SOFTWARE && attr->config == PERF_COUNT_SW_DUMMY)
			continue;
		if (!(type & PERF_SAMPLE_TIME))
			return 0;
		one = sizeof(struct perf_event_header) +
		      8 * (size_t)__builtin_popcountll(type & before);
		if (offset && one != offset)
			return 0;
		offset = one;
	}
	return offset;
}

static void start_file(struct perfring_data_writer *writer)
{
	static const struct data_header header;
	struct data_section ids = { .offset = sizeof(header) };

	/* The header comes last, when it is known what is where. */
	perfring_data_put(writer, &header, sizeof(header));
	for (size_t i = 0; i < writer->nr_events; i++)
		perfring_data_put(writer, writer->event[i].ids,
				  writer->event[i].nr_ids * sizeof(uint64_t));
	for (size_t i = 0; i < writer->nr_events; i++) {
		ids.size = writer->event[i].nr_ids * sizeof(uint64_t);
		perfring_data_put(writer, &writer->event[i].attr, sizeof(writer->event[i].attr));
		perfring_data_put(writer, &ids, sizeof(ids));
		ids.offset += ids.size;
	}
	writer->data_offset = perfring_data_position(writer);
}

static void put_header(struct perfring_data_writer *writer, uint32_t type, size_t size)
{
	struct perf_event_header header = { .type = type, .size = (uint16_t)size };

	perfring_data_put(writer, &header, sizeof(header));
}

static void pipe_event(struct perfring_data_writer *writer, const struct data_event *event)
{
	size_t size = sizeof(struct perf_event_header) + sizeof(event->attr) +
		      event->nr_ids * sizeof(uint64_t);
	size_t name = perfring_round_8(strlen(event->name) + 1);
	uint64_t update[2] = { EVENT_UPDATE_NAME, event->nr_ids ? event->ids[0] : 0 };

	if (size > PERFRING_RECORD_MAX) {
		writer->error = -E2BIG;
		return;
	}
	put_header(writer, PERFRING_DATA_ATTR, size);
	perfring_data_put(writer, &event->attr, sizeof(event->attr));
	perfring_data_put(writer, event->ids, event->nr_ids * sizeof(uint64_t));
	size = sizeof(struct perf_event_header) + sizeof(update) + name;
	if (!event->nr_ids || size > PERFRING_RECORD_MAX)
		return;
	put_header(writer, PERFRING_DATA_EVENT_UPDATE, size);
	perfring_data_put(writer, update, sizeof(update));
	perfring_data_put(writer, event->name, strlen(event->name) + 1);
	write_pad(writer);
}

static void pipe_feature(struct perfring_data_writer *writer, uint64_t feature,
			 const struct data_blob *blob)
{
	size_t size = FEATURE_RECORD_HEAD + perfring_round_8(blob->used);

	if (size > PERFRING_RECORD_MAX)
		return;
	put_header(writer, PERFRING_DATA_HEADER_FEATURE, size);
	perfring_data_put(writer, &feature, sizeof(feature));
	perfring_data_put(writer, blob->bytes, blob->used);
	write_pad(writer);
}

/* A record that says how long, and the data behind it. */
static int pipe_tracing(struct perfring_data_writer *writer)
{
	struct data_blob blob = { 0 };
	uint32_t size[2] = { 0, 0 };
	int ret;

	ret = perfring_data_tracing(writer, &blob);
	if (!ret && !blob.failed) {
		size[0] = (uint32_t)perfring_round_8(blob.used);
		put_header(writer, PERFRING_DATA_TRACING,
			   sizeof(struct perf_event_header) + sizeof(size));
		perfring_data_put(writer, size, sizeof(size));
		perfring_data_put(writer, blob.bytes, blob.used);
		write_pad(writer);
	}
	if (blob.failed)
		writer->error = -ENOMEM;
	perfring_blob_free(&blob);
	return ret;
}

/* In a pipe nothing can be put in later: what is known now, in records. */
static int start_pipe(struct perfring_data_writer *writer)
{
	static const uint64_t header[2] = { DATA_MAGIC, DATA_PIPE_HEADER };
	struct data_blob blob = { 0 };
	int ret = 0;

	perfring_data_put(writer, header, sizeof(header));
	for (size_t i = 0; i < writer->nr_events; i++)
		pipe_event(writer, &writer->event[i]);
	for (unsigned int i = 0; i < PERFRING_DATA_FEATURES; i++) {
		/* Names come with EVENT_UPDATE, tracing data in a record of its own. */
		if (i == PERFRING_DATA_EVENT_DESC || i == PERFRING_DATA_TRACING_DATA)
			continue;
		perfring_data_describe(writer, i, &blob);
		if (blob.used)
			pipe_feature(writer, i, &blob);
		blob.used = 0;
	}
	/* The end of features. */
	pipe_feature(writer, PERFRING_DATA_FEATURES, &blob);
	if (blob.failed)
		writer->error = -ENOMEM;
	perfring_blob_free(&blob);
	if (perfring_data_has_tracepoints(writer))
		ret = pipe_tracing(writer);
	perfring_data_flush(writer);
	return ret;
}

static bool tracepoints_unknown(const struct perfring_data_writer *writer)
{
	struct data_blob blob = { 0 };
	int ret = 0;

	if (perfring_data_has_tracepoints(writer))
		ret = perfring_data_tracing(writer, &blob);
	perfring_blob_free(&blob);
	return ret;
}

int perfring_data_start(struct perfring_data_writer *writer)
{
	int ret;

	if (writer->started)
		return -EALREADY;
	if (!writer->nr_events)
		return -EINVAL;
	writer->started = true;
	writer->time_offset = time_offset(writer);
	if (writer->pipe) {
		ret = start_pipe(writer);
	} else {
		start_file(writer);
		ret = tracepoints_unknown(writer);
	}
	return writer->error ? writer->error : ret;
}

int perfring_data_write(struct perfring_data_writer *writer, const struct perfring_record *record)
{
	struct perf_event_header header = {
		.type = record->type, .misc = record->misc, .size = (uint16_t)record->size,
	};
	uint64_t time;

	if (!writer->started || record->type == PERFRING_RECORD_BPF ||
	    record->size > PERFRING_RECORD_MAX || record->size < sizeof(header) ||
	    record->size & 7)
		return -EINVAL;
	if (record->type == PERF_RECORD_SAMPLE && writer->time_offset &&
	    record->size >= writer->time_offset + sizeof(time)) {
		memcpy(&time, (const unsigned char *)record->data + writer->time_offset,
		       sizeof(time));
		if (time < writer->first_time)
			writer->first_time = time;
		if (time > writer->last_time)
			writer->last_time = time;
	}
	/* That in memory may be another one by now. */
	perfring_data_put(writer, &header, sizeof(header));
	return perfring_data_put(writer, (const unsigned char *)record->data + sizeof(header),
				 record->size - sizeof(header));
}

int perfring_data_round(struct perfring_data_writer *writer)
{
	if (!writer->started)
		return -EINVAL;
	put_header(writer, PERFRING_DATA_FINISHED_ROUND, sizeof(struct perf_event_header));
	return writer->error;
}

/* A section for each feature, the table of them right behind the data; then the header. */
static void finish_file(struct perfring_data_writer *writer)
{
	struct data_header header = {
		.magic = DATA_MAGIC,
		.size = sizeof(header),
		.attr_size = sizeof(struct perf_event_attr) + sizeof(struct data_section),
		.data = { .offset = writer->data_offset },
	};
	struct data_section section[PERFRING_DATA_FEATURES];
	struct data_blob blob = { 0 };
	size_t nr = 0, before;

	/* No data at all is what a writer leaves that could not finish. */
	if (perfring_data_position(writer) == writer->data_offset)
		perfring_data_round(writer);
	header.data.size = perfring_data_position(writer) - writer->data_offset;
	header.attrs.size = writer->nr_events * header.attr_size;
	header.attrs.offset = writer->data_offset - header.attrs.size;
	for (unsigned int i = 0; i < PERFRING_DATA_FEATURES; i++) {
		before = blob.used;
		perfring_data_describe(writer, i, &blob);
		if (blob.used == before)
			continue;
		section[nr].offset = before;
		section[nr++].size = blob.used - before;
		header.features[0] |= 1ULL << i;
	}
	for (size_t i = 0; i < nr; i++)
		section[i].offset += perfring_data_position(writer) + nr * sizeof(*section);
	perfring_data_put(writer, section, nr * sizeof(*section));
	perfring_data_put(writer, blob.bytes, blob.used);
	if (blob.failed)
		writer->error = -ENOMEM;
	perfring_blob_free(&blob);
	perfring_data_flush(writer);
	if (!writer->error && lseek(writer->fd, 0, SEEK_SET) < 0)
		writer->error = -errno;
	if (!writer->error)
		writer->error = write_all(writer->fd, (unsigned char *)&header, sizeof(header));
}

int perfring_data_close(struct perfring_data_writer *writer)
{
	int err;

	if (!writer)
		return 0;
	if (writer->started && !writer->pipe)
		finish_file(writer);
	else if (writer->started)
		perfring_data_flush(writer);
	if (writer->own_fd && close(writer->fd) < 0 && !writer->error)
		writer->error = -errno;
	writer->own_fd = false;
	err = writer->error;
	writer_free(writer);
	return err;
}
