/* SPDX-License-Identifier: MIT */
/* What the files of the reader share. */
#ifndef PERFRING_DATA_READ_H
#define PERFRING_DATA_READ_H

#include "data.h"

struct data_id {
	uint64_t id;
	uint32_t event;
};

struct data_feature {
	const unsigned char *bytes;	/* NULL: not there */
	size_t len;
};

struct perfring_data {
	const unsigned char *bytes;	/* the whole file */
	size_t len;
	void *map;			/* NULL: the caller's memory */
	bool pipe;
	bool uniform;			/* one format fits the records of all events */
	size_t begin;			/* of the records that are handed out */
	size_t end;
	const unsigned char *records;	/* where @begin is in memory, 8-byte aligned */
	unsigned char *copy;		/* of them, where they were not aligned */
	size_t at;			/* of the next one */
	struct data_event *event;
	size_t nr_events;
	struct data_id *id;		/* sorted */
	size_t nr_ids;
	struct data_feature feature[PERFRING_DATA_FEATURES];
	struct perfring_error error;
};

/* Note what is wrong at @offset of the file; returns @code. */
int perfring_data_bad(struct perfring_data *data, int code, uint64_t offset, const char *reason);

/* An event from @attr_len bytes of an attr at @at. */
int perfring_data_take_attr(struct perfring_data *data, const unsigned char *at, size_t attr_len);

/* Ids of the last event that was taken. */
int perfring_data_take_ids(struct perfring_data *data, const unsigned char *at, size_t len);

/*
 * data_read_records.c: the record at @bytes, which is @offset in the file.  Returns 1, 0 when
 * there is none, or an error, which is in data->error; *@len: bytes to the next one.
 * @any_size: a feature may have a size that is no multiple of 8, as perf writes them.
 */
int perfring_data_step(struct perfring_data *data, const unsigned char *bytes, size_t offset,
		       bool any_size, struct perfring_record *record, size_t *len);

/* data_read_pipe.c: attrs, names and features from among the records */
int perfring_data_scan(struct perfring_data *data);

/* data_read_names.c: names from EVENT_DESC, where it is well formed */
int perfring_data_take_names(struct perfring_data *data);

#endif /* PERFRING_DATA_READ_H */
