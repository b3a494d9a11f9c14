/* SPDX-License-Identifier: MIT */
/* The layout of perf.data, and what the files of the writer share. */
#ifndef PERFRING_SRC_DATA_H
#define PERFRING_SRC_DATA_H

#include "internal.h"

#define DATA_MAGIC		0x32454c4946524550ULL	/* "PERFILE2" */
#define DATA_MAGIC_OLD		0x454c494646524550ULL	/* "PERFFILE" */
#define DATA_USER_TYPE		64	/* types from here on are not the kernel's */
#define DATA_FEATURE_WORDS	4

struct data_section {
	uint64_t offset;
	uint64_t size;
};

struct data_header {
	uint64_t magic;
	uint64_t size;			/* of this; 16 in a pipe, where nothing more follows */
	uint64_t attr_size;		/* of an entry: an attr and the section of its ids */
	struct data_section attrs;
	struct data_section data;
	struct data_section event_types;	/* not used any more */
	uint64_t features[DATA_FEATURE_WORDS];
};

#define DATA_PIPE_HEADER	(2 * sizeof(uint64_t))

/* Bytes that grow; after the first failure nothing is added and @failed stays. */
struct data_blob {
	unsigned char *bytes;
	size_t used;
	size_t room;
	bool failed;
};

struct data_event {
	struct perf_event_attr attr;
	struct perfring_format *format;
	char *name;
	uint64_t *ids;
	size_t nr_ids;
};

struct perfring_data_writer {
	int fd;
	int error;			/* the first one, then of every call */
	bool own_fd;
	bool pipe;
	bool started;
	struct data_event *event;
	size_t nr_events;
	char **argv;
	size_t argc;
	unsigned char *buffer;
	size_t used;
	uint64_t offset;		/* in the file, of buffer[0] */
	uint64_t data_offset;
	size_t time_offset;		/* in a sample, of its time; 0: not the same in all */
	uint64_t first_time;		/* UINT64_MAX: no sample */
	uint64_t last_time;
};

/* data_write.c: all of them return 0 or the writer's error */
int perfring_data_put(struct perfring_data_writer *writer, const void *bytes, size_t len);
int perfring_data_flush(struct perfring_data_writer *writer);
uint64_t perfring_data_position(const struct perfring_data_writer *writer);

/* data_blob.c */
void perfring_blob_put(struct data_blob *blob, const void *bytes, size_t len);
void perfring_blob_u32(struct data_blob *blob, uint32_t word);
void perfring_blob_u64(struct data_blob *blob, uint64_t word);
/* length and text, padded to 64 as perf does */
void perfring_blob_string(struct data_blob *blob, const char *text);
/* the whole of a file; false when it cannot be read, and nothing is added then */
bool perfring_blob_file(struct data_blob *blob, const char *path);
void perfring_blob_free(struct data_blob *blob);

/* data_feature.c: one feature; nothing when there is nothing to say about it */
void perfring_data_describe(const struct perfring_data_writer *writer, unsigned int feature,
			    struct data_blob *blob);

/* data_tracing.c: what tracefs says about the tracepoints among the events; 1: it says nothing */
int perfring_data_tracing(const struct perfring_data_writer *writer, struct data_blob *blob);
bool perfring_data_has_tracepoints(const struct perfring_data_writer *writer);

#endif /* PERFRING_SRC_DATA_H */
