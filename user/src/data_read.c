// SPDX-License-Identifier: MIT
/*
 * Opening perf.data: every offset and length is checked against the file before it is used,
 * and against the others where they may not overlap.
 */
#include "data_read.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_ATTR_MAX	4096		/* far more than any kernel's */

int perfring_data_bad(struct perfring_data *data, int code, uint64_t offset, const char *reason)
{
	data->error.code = code;
	data->error.position = offset;
	data->error.reason = reason;
	return code;
}

static bool section_fits(const struct perfring_data *data, const struct data_section *section)
{
	return section->offset <= data->len && section->size <= data->len - section->offset;
}

static bool sections_apart(const struct data_section *a, const struct data_section *b)
{
	return !a->size || !b->size || a->offset + a->size <= b->offset ||
	       b->offset + b->size <= a->offset;
}

int perfring_data_take_attr(struct perfring_data *data, const unsigned char *at, size_t attr_len)
{
	uint64_t offset = (uint64_t)(at - data->bytes);
	struct data_event *event;
	uint32_t size;
	int err;

	if (attr_len < PERF_ATTR_SIZE_VER0 || attr_len > READ_ATTR_MAX || attr_len % 8)
		return perfring_data_bad(data, -EBADMSG, offset, "no attr is of this size");
	memcpy(&size, at + offsetof(struct perf_event_attr, size), sizeof(size));
	if (size && (size < PERF_ATTR_SIZE_VER0 || size > attr_len))
		return perfring_data_bad(data, -EBADMSG, offset, "attr.size is not within its entry");
	for (size_t i = sizeof(struct perf_event_attr); i < attr_len; i++)
		if (at[i])
			return perfring_data_bad(data, -EOPNOTSUPP, offset + i,
						 "an attr has fields that are not known here");
	event = realloc(data->event, (data->nr_events + 1) * sizeof(*event));
	if (!event)
		return perfring_data_bad(data, -ENOMEM, offset, "no memory for an event");
	data->event = event;
	event += data->nr_events;
	memset(event, 0, sizeof(*event));
	memcpy(&event->attr, at,
	       attr_len < sizeof(event->attr) ? attr_len : sizeof(event->attr));
	/* No more than what is there is handed out. */
	if (size > sizeof(event->attr))
		event->attr.size = sizeof(event->attr);
	err = perfring_format_compile(&event->attr, &event->format);
	if (err)
		return perfring_data_bad(data, err, offset,
					 "an attr asks for fields that are not known here");
	data->nr_events++;
	return 0;
}

int perfring_data_take_ids(struct perfring_data *data, const unsigned char *at, size_t len)
{
	struct data_event *event = &data->event[data->nr_events - 1];
	size_t nr = len / sizeof(uint64_t);
	struct data_id *id;

	if (!nr)
		return 0;
	/* Sections of ids that overlap could ask for any amount of memory. */
	if (len % sizeof(uint64_t) || data->nr_ids + nr > data->len / sizeof(uint64_t))
		return perfring_data_bad(data, -EBADMSG, (uint64_t)(at - data->bytes),
					 "more ids than the file has room for");
	id = realloc(data->id, (data->nr_ids + nr) * sizeof(*id));
	if (!id)
		return perfring_data_bad(data, -ENOMEM, 0, "no memory for ids");
	data->id = id;
	event->ids = malloc(nr * sizeof(uint64_t));
	if (!event->ids)
		return perfring_data_bad(data, -ENOMEM, 0, "no memory for ids");
	event->nr_ids = nr;
	memcpy(event->ids, at, nr * sizeof(uint64_t));
	for (size_t i = 0; i < nr; i++) {
		id[data->nr_ids].id = event->ids[i];
		id[data->nr_ids++].event = (uint32_t)(data->nr_events - 1);
	}
	return 0;
}

static int read_attrs(struct perfring_data *data, const struct data_header *header)
{
	size_t attr_len = (size_t)header->attr_size - sizeof(struct data_section);
	struct data_section ids;
	int err = 0;

	if (header->attr_size < PERF_ATTR_SIZE_VER0 + sizeof(ids) ||
	    header->attr_size > READ_ATTR_MAX || !header->attrs.size ||
	    header->attrs.size % header->attr_size)
		return perfring_data_bad(data, -EBADMSG, offsetof(struct data_header, attr_size),
					 "the attrs are no whole number of entries");
	if (!section_fits(data, &header->attrs) || header->attrs.offset < header->size)
		return perfring_data_bad(data, -EBADMSG, offsetof(struct data_header, attrs),
					 "the attrs are not within the file");
	for (uint64_t at = header->attrs.offset;
	     !err && at < header->attrs.offset + header->attrs.size; at += header->attr_size) {
		memcpy(&ids, data->bytes + at + attr_len, sizeof(ids));
		if (!section_fits(data, &ids))
			return perfring_data_bad(data, -EBADMSG, at + attr_len,
						 "ids are not within the file");
		if (!sections_apart(&ids, &header->data) || !sections_apart(&ids, &header->attrs))
			return perfring_data_bad(data, -EBADMSG, at + attr_len,
						 "ids overlap the records or the attrs");
		err = perfring_data_take_attr(data, data->bytes + at, attr_len);
		if (!err)
			err = perfring_data_take_ids(data, data->bytes + ids.offset,
						     (size_t)ids.size);
	}
	return err;
}

static int read_features(struct perfring_data *data, const struct data_header *header)
{
	struct data_section table = { .offset = header->data.offset + header->data.size };
	struct data_section section;
	uint64_t known = (1ULL << PERFRING_DATA_FEATURES) - 1;
	size_t nr = 0;

	if (header->features[0] & ~known || header->features[1] || header->features[2] ||
	    header->features[3])
		return perfring_data_bad(data, -EOPNOTSUPP, offsetof(struct data_header, features),
					 "the file has features that are not known here");
	if (header->features[0] & 1ULL << PERFRING_DATA_FEATURE_COMPRESSED)
		return perfring_data_bad(data, -EOPNOTSUPP, offsetof(struct data_header, features),
					 "the file is compressed (perf inject -i FILE -o OTHER undoes that)");
	if (header->features[0] & 1ULL << PERFRING_DATA_DIR_FORMAT)
		return perfring_data_bad(data, -EOPNOTSUPP, offsetof(struct data_header, features),
					 "the file is one of a folder of perf record --threads");
	table.size = (uint64_t)__builtin_popcountll(header->features[0]) * sizeof(section);
	if (!section_fits(data, &table))
		return perfring_data_bad(data, -EBADMSG, table.offset,
					 "the table of features is not within the file");
	for (unsigned int i = 0; i < PERFRING_DATA_FEATURES; i++) {
		if (!(header->features[0] & 1ULL << i))
			continue;
		memcpy(&section, data->bytes + table.offset + nr++ * sizeof(section),
		       sizeof(section));
		if (!section_fits(data, &section) ||
		    (section.size && section.offset < table.offset + table.size))
			return perfring_data_bad(data, -EBADMSG,
						 table.offset + (nr - 1) * sizeof(section),
						 "a feature is not within the end of the file");
		data->feature[i].bytes = data->bytes + section.offset;
		data->feature[i].len = (size_t)section.size;
	}
	return 0;
}

static int read_seekable(struct perfring_data *data, struct data_header *header)
{
	int err;

	if (header->data.offset < header->size || header->data.offset % 8 ||
	    header->data.offset > data->len)
		return perfring_data_bad(data, -EBADMSG, offsetof(struct data_header, data),
					 "the records are not within the file");
	if (!header->data.size) {
		/* The writer ended before it could say how much there is. */
		header->data.size = data->len - header->data.offset;
		memset(header->features, 0, sizeof(header->features));
	}
	if (!section_fits(data, &header->data))
		return perfring_data_bad(data, -EBADMSG, offsetof(struct data_header, data),
					 "the records are not within the file");
	if (!sections_apart(&header->attrs, &header->data))
		return perfring_data_bad(data, -EBADMSG, offsetof(struct data_header, attrs),
					 "attrs and records overlap");
	data->begin = (size_t)header->data.offset;
	data->end = (size_t)(header->data.offset + header->data.size);
	data->records = data->bytes + data->begin;
	err = read_attrs(data, header);
	if (!err)
		err = read_features(data, header);
	return err ? err : perfring_data_take_names(data);
}

static int id_compare(const void *a, const void *b)
{
	const struct data_id *one = a, *other = b;

	if (one->id != other->id)
		return one->id < other->id ? -1 : 1;
	return (one->event > other->event) - (one->event < other->event);
}

/* Do all events have the same fields? */
static bool same_fields(const struct data_event *a, const struct data_event *b)
{
	const struct perf_event_attr *x = &a->attr, *y = &b->attr;

	return x->sample_type == y->sample_type && x->read_format == y->read_format &&
	       x->branch_sample_type == y->branch_sample_type &&
	       x->sample_regs_user == y->sample_regs_user &&
	       x->sample_regs_intr == y->sample_regs_intr &&
	       x->sample_id_all == y->sample_id_all;
}

static int read_finish(struct perfring_data *data)
{
	if (!data->nr_events)
		return perfring_data_bad(data, -EBADMSG, 0, "the file has no events");
	data->uniform = true;
	for (size_t i = 1; i < data->nr_events; i++)
		if (!same_fields(&data->event[0], &data->event[i]))
			data->uniform = false;
	for (size_t i = 0; i < data->nr_events && !data->uniform; i++)
		if (!(data->event[i].attr.sample_type & PERF_SAMPLE_IDENTIFIER) ||
		    !data->event[i].attr.sample_id_all)
			return perfring_data_bad(data, -EOPNOTSUPP, 0,
						 "events differ, and their records do not say whose they are");
	if (data->nr_ids)
		qsort(data->id, data->nr_ids, sizeof(*data->id), id_compare);
	data->at = data->begin;
	return 0;
}

static int read_all(struct perfring_data *data)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	static const char other_order[] =
		"written by a big-endian machine; this one is little-endian";
#else
	static const char other_order[] =
		"written by a little-endian machine; this one is big-endian";
#endif
	struct data_header header;

	if (data->len < DATA_PIPE_HEADER)
		return perfring_data_bad(data, -ENODATA, 0, "shorter than any header");
	memset(&header, 0, sizeof(header));
	memcpy(&header, data->bytes, data->len < sizeof(header) ? data->len : sizeof(header));
	if (header.magic == __builtin_bswap64(DATA_MAGIC))
		return perfring_data_bad(data, -EOPNOTSUPP, 0, other_order);
	if (header.magic == DATA_MAGIC_OLD)
		return perfring_data_bad(data, -EOPNOTSUPP, 0, "of the format before Linux 3.5");
	if (header.magic != DATA_MAGIC)
		return perfring_data_bad(data, -EINVAL, 0, "no perf.data: PERFILE2 is not at its start");
	if (header.size == DATA_PIPE_HEADER) {
		data->pipe = true;
		data->begin = DATA_PIPE_HEADER;
		data->end = data->len;
		return perfring_data_scan(data);
	}
	if (data->len < sizeof(header))
		return perfring_data_bad(data, -ENODATA, 0, "shorter than its header");
	if (header.size != sizeof(header))
		return perfring_data_bad(data, -EOPNOTSUPP, offsetof(struct data_header, size),
					 "the header is of a size that is not known here");
	return read_seekable(data, &header);
}

static int data_open(struct perfring_data *data, struct perfring_data **out,
		     struct perfring_error *error)
{
	int err = read_all(data);

	if (!err)
		err = read_finish(data);
	if (error)
		*error = data->error;
	if (err) {
		perfring_data_free(data);
		return err;
	}
	*out = data;
	return 0;
}

int perfring_data_from_memory(const void *bytes, size_t len, struct perfring_data **out,
			      struct perfring_error *error)
{
	struct perfring_data *data;

	if (error)
		memset(error, 0, sizeof(*error));
	if ((uintptr_t)bytes & 7)
		return -EFAULT;
	data = calloc(1, sizeof(*data));
	if (!data)
		return -ENOMEM;
	data->bytes = bytes;
	data->len = len;
	return data_open(data, out, error);
}

/* The bytes of @fd, mapped; of a file that is empty there is nothing to map. */
static int data_map(struct perfring_data *data, int fd)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EOPNOTSUPP;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > SIZE_MAX / 2)
		return -EINVAL;
	if (!st.st_size)
		return 0;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	data->bytes = map;
	data->len = (size_t)st.st_size;
	data->map = map;
	return 0;
}

int perfring_data_open(const char *path, struct perfring_data **out, struct perfring_error *error)
{
	struct perfring_data *data;
	int err, fd;

	if (error)
		memset(error, 0, sizeof(*error));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	data = calloc(1, sizeof(*data));
	err = data ? data_map(data, fd) : -ENOMEM;
	close(fd);
	if (err) {
		if (error && err == -EOPNOTSUPP)
			error->reason = "a folder, as perf record --threads writes it";
		else if (error && err == -EINVAL)
			error->reason = "no perf.data: it is not a regular file";
		if (error && error->reason)
			error->code = err;
		perfring_data_free(data);
		return err;
	}
	return data_open(data, out, error);
}

void perfring_data_free(struct perfring_data *data)
{
	if (!data)
		return;
	for (size_t i = 0; i < data->nr_events; i++) {
		perfring_format_free(data->event[i].format);
		free(data->event[i].name);
		free(data->event[i].ids);
	}
	free(data->event);
	free(data->id);
	free(data->copy);
	if (data->map)
		munmap(data->map, data->len);
	free(data);
}
