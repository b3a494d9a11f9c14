/* SPDX-License-Identifier: MIT */
/*
 * Data: perf.data files, written so that perf(1) reads them, and read in place.
 *
 * A file holds the attrs of events, the ids by which their records are told apart,
 * the records, and features: facts about machine and run.  The layout is that
 * of tools/perf/Documentation/perf.data-file-format.txt in Linux.
 *
 * Writing: create, add events with their ids, start; then records, in rounds; close.
 * Reading: open, then next until it returns 0; records are in place.
 *
 * One thread at a time uses a writer or a reader.
 */
#ifndef PERFRING_DATA_H
#define PERFRING_DATA_H

#include <linux/perf_event.h>
#include <perfring/error.h>
#include <perfring/format.h>
#include <perfring/ring.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Types of records that are in files and never in rings; they have no sample_id. */
enum perfring_data_type {
	PERFRING_DATA_ATTR = 64,
	PERFRING_DATA_TRACING = 66,	/* u32 bytes of tracing data, which follow the record */
	PERFRING_DATA_BUILD_ID = 67,
	PERFRING_DATA_FINISHED_ROUND = 68,
	PERFRING_DATA_ID_INDEX = 69,
	PERFRING_DATA_AUXTRACE_INFO = 70,
	PERFRING_DATA_AUXTRACE = 71,	/* u64 bytes of AUX data, which follow the record */
	PERFRING_DATA_THREAD_MAP = 73,
	PERFRING_DATA_CPU_MAP = 74,
	PERFRING_DATA_EVENT_UPDATE = 78,
	PERFRING_DATA_TIME_CONV = 79,
	PERFRING_DATA_HEADER_FEATURE = 80,
	PERFRING_DATA_COMPRESSED = 81,
	PERFRING_DATA_FINISHED_INIT = 82,
	PERFRING_DATA_COMPRESSED2 = 83,
};

/* Features that are used here; others are perf's to explain. */
enum perfring_data_feature {
	PERFRING_DATA_TRACING_DATA = 1,
	PERFRING_DATA_HOSTNAME = 3,	/* string */
	PERFRING_DATA_OSRELEASE = 4,	/* string */
	PERFRING_DATA_VERSION = 5,	/* string */
	PERFRING_DATA_ARCH = 6,		/* string */
	PERFRING_DATA_NRCPUS = 7,	/* u32 available, u32 online */
	PERFRING_DATA_TOTAL_MEM = 10,	/* u64 KiB */
	PERFRING_DATA_CMDLINE = 11,
	PERFRING_DATA_EVENT_DESC = 12,
	PERFRING_DATA_PMU_MAPPINGS = 16,
	PERFRING_DATA_SAMPLE_TIME = 21,	/* u64 first, u64 last, ns */
	PERFRING_DATA_CLOCKID = 23,	/* u64 resolution, ns */
	PERFRING_DATA_DIR_FORMAT = 24,
	PERFRING_DATA_FEATURE_COMPRESSED = 27,
	PERFRING_DATA_FEATURES = 32,	/* one past the last that is known */
};

struct perfring_data_writer;
struct perfring_data;

/**
 * struct perfring_data_opts - how to write
 * @size: sizeof(struct perfring_data_opts), as in storage.h
 * @argv: the command line that the file tells, NULL none; copied
 * @argc: words of @argv
 * @pipe: not 0: for a reader that cannot seek, as perf record -o - writes it
 * @padding: 0
 */
struct perfring_data_opts {
	size_t size;
	const char *const *argv;
	uint32_t argc;
	uint8_t pipe;
	uint8_t padding[3];
};

/**
 * perfring_data_create - begin a file
 * @path: created or truncated, mode 0600 less umask; "-": standard output, which is
 *	written as to a pipe
 * @opts: options or NULL
 * @out: the writer; unchanged on error
 *
 * Return: 0; errno of open(2); -EINVAL, -E2BIG bad options; -ENOMEM.
 */
int perfring_data_create(const char *path, const struct perfring_data_opts *opts,
			 struct perfring_data_writer **out);

/**
 * perfring_data_add_event - one more event
 * @writer: not started
 * @attr: as it was opened; copied.  Of several events each has to have
 *	PERF_SAMPLE_IDENTIFIER and sample_id_all
 * @name: as perf shows it; copied
 *
 * Return: the event's index, 0 or more; -EOPNOTSUPP as perfring_format_compile();
 * -EINVAL several events without identifier; -EBUSY started; -ENOMEM.
 */
int perfring_data_add_event(struct perfring_data_writer *writer,
			    const struct perf_event_attr *attr, const char *name);

/**
 * perfring_data_add_id - an id of an event
 * @writer: not started
 * @event: its index
 * @id: from perfring_storage_id(), of each CPU or task
 *
 * Return: 0; -ENOENT no such event; -EBUSY started; -ENOMEM.
 */
int perfring_data_add_id(struct perfring_data_writer *writer, unsigned int event, uint64_t id);

/**
 * perfring_data_start - write what comes before the records
 * @writer: with its events
 *
 * Tracepoints are described by tracefs; without a readable one the file has no
 * description, and perf(1) does not read samples of tracepoints.
 *
 * Return: 0 or 1: 1 tracepoints without description; -EINVAL no event; -EALREADY;
 * errno of write(2); -ENOMEM.
 */
int perfring_data_start(struct perfring_data_writer *writer);

/**
 * perfring_data_synthesize - tell what has been running before
 * @writer: started
 * @pid: a process; -1: all of them; the kernel and its modules in any case
 *
 * COMM, FORK and MMAP2 as the kernel would have written them, from /proc, with a time of
 * 0, so that addresses get their symbols.  FINISHED_INIT follows them.  Call it once, when
 * the events are on already, and before the first record is written.
 *
 * Return: records written; errno of write(2); -EINVAL not started; -ENOMEM.
 */
int perfring_data_synthesize(struct perfring_data_writer *writer, pid_t pid);

/**
 * perfring_data_write - one record
 * @writer: started
 * @record: from a ring or a file, copied as it is; not of a BPF ring buffer
 *
 * Records are gathered and written 256 KiB at a time.
 *
 * Return: 0; errno of write(2), then of every later call too; -EINVAL not started, or no
 * perf record.
 */
int perfring_data_write(struct perfring_data_writer *writer, const struct perfring_record *record);

/**
 * perfring_data_round - FINISHED_ROUND: every ring was read to its head
 * @writer: started
 *
 * perf(1) sorts records from rings by time; after two rounds it knows that nothing older is
 * to come.  Without any it keeps all until the end.
 *
 * Return: as perfring_data_write().
 */
int perfring_data_round(struct perfring_data_writer *writer);

/**
 * perfring_data_close - write what comes after the records, and close
 * @writer: freed in any case; NULL does nothing
 *
 * Return: 0; errno of write(2), of close(2) or of an earlier call: the file is not whole then.
 */
int perfring_data_close(struct perfring_data_writer *writer);

/**
 * perfring_data_open - read a file
 * @path: a perf.data file of this machine's byte order, of perf(1) or ours, also one that
 *	was written to a pipe; mapped until perfring_data_free() and not to be
 *	truncated meanwhile
 * @out: the reader; unchanged on error
 * @error: code, reason, and in position the offset in the file; may be NULL
 *
 * Everything but the records is checked here, nothing is copied but ids.  A file whose
 * writer did not finish it (data size 0) is read to its end and has no features.
 *
 * Return: 0; errno of open(2) and mmap(2); -ENODATA shorter than a header; -EINVAL no
 * perf.data; -EOPNOTSUPP compressed, a directory, the other byte order, or a feature or
 * sample_type that is not known here; -EBADMSG sections that are not in the file, overlap or
 * contradict each other; -ENOMEM.
 */
int perfring_data_open(const char *path, struct perfring_data **out, struct perfring_error *error);

/**
 * perfring_data_from_memory - the same, of bytes of the caller
 * @bytes: 8-byte aligned; outlive the reader
 * @len: how many
 * @out: the reader; unchanged on error
 * @error: as above
 *
 * Return: as above; -EFAULT not aligned.
 */
int perfring_data_from_memory(const void *bytes, size_t len, struct perfring_data **out,
			      struct perfring_error *error);

/* The counterpart of both; NULL does nothing. */
void perfring_data_free(struct perfring_data *data);

/* events in the file; those of a pipe's are known when it is open, too */
unsigned int perfring_data_events(const struct perfring_data *data);

/**
 * struct perfring_data_event - an event of a file; pointers are the reader's
 * @attr: as far as it is known here
 * @format: of its records
 * @name: from EVENT_DESC or EVENT_UPDATE; NULL none
 * @nr_ids: how many
 * @ids: of its records
 */
struct perfring_data_event {
	const struct perf_event_attr *attr;
	const struct perfring_format *format;
	const char *name;
	size_t nr_ids;
	const uint64_t *ids;
};

/* fills *event; returns 0, -ENOENT no such event */
int perfring_data_event(const struct perfring_data *data, unsigned int index,
			struct perfring_data_event *event);

/**
 * perfring_data_next - the next record
 * @data: the reader
 * @record: in place, valid as long as @data; position is its offset in the file
 * @error: on -EBADMSG, as in perfring_data_open(); may be NULL
 *
 * Return: 1; 0 that was the last one; -EBADMSG here is no record, and nothing behind it can be
 * found; -EOPNOTSUPP a compressed one.
 */
int perfring_data_next(struct perfring_data *data, struct perfring_record *record,
		       struct perfring_error *error);

/* begin again with the first record */
void perfring_data_rewind(struct perfring_data *data);

/**
 * perfring_data_event_of - which event wrote a record
 * @data: the reader
 * @record: of this file
 *
 * Return: the event's index; -ENOENT none: an enum perfring_data_type, or an id that the file
 * does not have.  What was synthesized has id 0 and counts as the first event's.
 */
int perfring_data_event_of(const struct perfring_data *data, const struct perfring_record *record);

/**
 * perfring_data_feature - the bytes of a feature
 * @data: the reader
 * @feature: enum perfring_data_feature or any other number below its end
 * @bytes: in place
 * @len: how many
 *
 * Return: 0; -ENOENT the file does not have it.
 */
int perfring_data_feature(const struct perfring_data *data, unsigned int feature,
			  const void **bytes, size_t *len);

/**
 * perfring_data_string - a feature that is a string
 * @data: the reader
 * @feature: HOSTNAME, OSRELEASE, VERSION or ARCH
 *
 * Return: terminated, in place; NULL the file does not have it, or it has no end.
 */
const char *perfring_data_string(const struct perfring_data *data, unsigned int feature);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_DATA_H */
