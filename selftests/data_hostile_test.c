// SPDX-License-Identifier: GPL-2.0
/*
 * perf.data files that nobody wrote: cut short at every byte, with bytes changed, with
 * offsets and sizes that lie.  Each copy is in memory of exactly its size, so that
 * the address sanitizer sees every byte beyond.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "fixtures.h"

#define NR_RECORDS	12

/* The header's words, by their place: perf.data-file-format.txt. */
enum { MAGIC, SIZE, ATTR_SIZE, ATTRS, ATTRS_SIZE, DATA, DATA_SIZE, TYPES, TYPES_SIZE, FEATURES };

#define MAGIC_WORD	0x32454c4946524550ULL	/* PERFILE2, where the lowest byte is the first */

struct file {
	unsigned char *bytes;
	size_t len;
};

static struct perf_event_attr event_attr(void)
{
	struct perf_event_attr attr = output_attr();

	attr.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
			   PERF_SAMPLE_RAW;
	attr.sample_id_all = 1;
	return attr;
}

static int add_records(struct perfring_data_writer *writer)
{
	struct perf_event_attr attr = event_attr();
	struct perfring_sample_id id = { .pid = 1, .tid = 1, .time = 100 };
	struct perfring_memory_opts opts = { .size = sizeof(opts), .attr = &attr };
	struct perfring_storage *storage;
	struct perfring_record record;
	struct perfring_ring *ring;
	int err;

	err = perfring_storage_open_memory(&opts, &storage);
	if (err)
		return err;
	err = perfring_ring_open(storage, NULL, &ring);
	for (unsigned int i = 0; err >= 0 && i < NR_RECORDS; i++) {
		id.identifier = 70 + i % 3;
		id.time += i;
		perfring_write_set_id(ring, &id);
		/* A sample, or a COMM of pid, tid and a name. */
		if (i % 4)
			err = perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, i * 5);
		else
			err = perfring_write(ring, PERF_RECORD_COMM, 0, "pid.tid.name\0\0\0", 16);
		if (err >= 0 && perfring_ring_peek(ring, &record) == 1) {
			err = perfring_data_write(writer, &record);
			perfring_ring_pop(ring);
		}
		if (err >= 0 && i % 5 == 4)
			err = perfring_data_round(writer);
	}
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	return err < 0 ? err : 0;
}

/* Two events with three ids, and some records. */
static struct file make(struct __test_metadata *_metadata, bool pipe)
{
	struct perfring_data_opts opts = { .size = sizeof(opts), .pipe = pipe };
	char path[] = "/tmp/perfring-hostile.XXXXXX";
	struct perf_event_attr attr = event_attr();
	struct perfring_data_writer *writer;
	struct file file = { NULL, 0 };
	FILE *in;
	int fd = mkstemp(path);

	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, perfring_data_create(path, &opts, &writer));
	ASSERT_EQ(0, perfring_data_add_event(writer, &attr, "one"));
	ASSERT_EQ(1, perfring_data_add_event(writer, &attr, "two"));
	ASSERT_EQ(0, perfring_data_add_id(writer, 0, 70));
	ASSERT_EQ(0, perfring_data_add_id(writer, 0, 71));
	ASSERT_EQ(0, perfring_data_add_id(writer, 1, 72));
	ASSERT_EQ(0, perfring_data_start(writer));
	ASSERT_EQ(0, add_records(writer));
	ASSERT_EQ(0, perfring_data_close(writer));
	in = fopen(path, "r");
	ASSERT_NE(NULL, in);
	file.bytes = malloc(1 << 20);
	file.len = fread(file.bytes, 1, 1 << 20, in);
	fclose(in);
	unlink(path);
	ASSERT_LT(100, file.len);
	return file;
}

/*
 * Open @len bytes of a copy and read all there is: the number of records, or the error of
 * opening.  *@ret: how reading ended.
 */
static int walk(const unsigned char *bytes, size_t len, int *ret, struct perfring_error *error)
{
	struct perfring_data_event event;
	struct perfring_record record;
	struct perfring_event any;
	struct perfring_data *data;
	void *copy = malloc(len ? len : 1);
	int which, err, nr = 0;
	const void *feature;
	size_t feature_len;
	volatile unsigned char sink = 0;

	memcpy(copy, bytes, len);
	err = perfring_data_from_memory(copy, len, &data, error);
	if (err) {
		free(copy);
		return err;
	}
	for (unsigned int i = 0; i < PERFRING_DATA_FEATURES; i++) {
		perfring_data_string(data, i);
		if (!perfring_data_feature(data, i, &feature, &feature_len))
			for (size_t j = 0; j < feature_len; j++)
				sink += ((const unsigned char *)feature)[j];
	}
	while ((*ret = perfring_data_next(data, &record, error)) > 0) {
		nr++;
		for (size_t j = 0; j < record.size; j++)
			sink += ((const unsigned char *)record.data)[j];
		which = perfring_data_event_of(data, &record);
		if (which >= 0 && !perfring_data_event(data, which, &event))
			perfring_decode(event.format, &record, &any, error);
	}
	(void)sink;
	perfring_data_free(data);
	free(copy);
	return nr;
}

/* As it was written: 12 records and two rounds. */
TEST(whole)
{
	struct file file = make(_metadata, false), pipe = make(_metadata, true);
	struct perfring_error error;
	int ret;

	EXPECT_EQ(NR_RECORDS + 2, walk(file.bytes, file.len, &ret, &error));
	EXPECT_EQ(0, ret);
	EXPECT_LT(NR_RECORDS + 2, walk(pipe.bytes, pipe.len, &ret, &error));
	EXPECT_EQ(0, ret);
	free(file.bytes);
	free(pipe.bytes);
}

/* The last feature is at the end, so that no file that is cut is whole. */
TEST(cut_anywhere)
{
	struct file file = make(_metadata, false);
	struct perfring_error error;
	size_t len;
	int err, ret;

	for (len = 0; len < file.len; len++) {
		err = walk(file.bytes, len, &ret, &error);
		EXPECT_GT(0, err) {
			TH_LOG("%zu of %zu bytes: %d records", len, file.len, err);
		}
		EXPECT_EQ(err, error.code);
		EXPECT_NE(NULL, error.reason);
		EXPECT_GE(file.len, error.position);
	}
	free(file.bytes);
}

/* A pipe has no end that it could lack: what is whole comes, then it ends or is cut. */
TEST(pipe_cut_anywhere)
{
	struct file file = make(_metadata, true);
	struct perfring_error error;
	int nr, ret, whole, last = 0;
	size_t len;

	whole = walk(file.bytes, file.len, &ret, &error);
	for (len = 0; len < file.len; len++) {
		nr = walk(file.bytes, len, &ret, &error);
		if (nr < 0)
			continue;
		EXPECT_LE(last, nr);
		EXPECT_GT(whole, nr);
		EXPECT_TRUE(ret == 0 || ret == -EBADMSG);
		if (ret < 0)
			EXPECT_EQ(-EBADMSG, error.code);
		last = nr;
	}
	EXPECT_EQ(whole - 1, last);
	free(file.bytes);
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* One to four changes, of a bit, a byte or a word, mostly in what comes before the records. */
static void change(unsigned char *bytes, size_t len, uint64_t *state)
{
	static const uint64_t values[] = { 0, 1, 7, 8, 0xffff, UINT32_MAX, 1ULL << 32, INT64_MAX,
					   UINT64_MAX, UINT64_MAX - 7 };
	unsigned int nr = 1 + random_next(state) % 4;

	while (nr--) {
		size_t most = random_next(state) % 4 ? 512 : len;
		size_t at = random_next(state) % (most < len ? most : len), which;

		switch (random_next(state) % 3) {
		case 0:
			bytes[at] ^= 1 << random_next(state) % 8;
			break;
		case 1:
			bytes[at] = random_next(state);
			break;
		default:
			at &= ~(size_t)7;
			which = random_next(state) % ARRAY_LEN(values);
			if (at + 8 <= len)
				memcpy(bytes + at, &values[which], 8);
		}
	}
}

static void changed(struct __test_metadata *_metadata, bool pipe)
{
	struct file file = make(_metadata, pipe);
	unsigned char *bytes = malloc(file.len);
	uint64_t state = 88172645463325252ULL;
	unsigned int opened = 0, refused = 0;
	struct perfring_error error;
	int nr, ret;

	for (unsigned int i = 0; i < 20000; i++) {
		memcpy(bytes, file.bytes, file.len);
		change(bytes, file.len, &state);
		nr = walk(bytes, file.len, &ret, &error);
		opened += nr >= 0;
		refused += nr < 0;
		EXPECT_GE((int)(file.len / 8), nr);
	}
	/* Both happened, or the changes were not what they should be. */
	EXPECT_LT(1000, opened);
	EXPECT_LT(1000, refused);
	free(bytes);
	free(file.bytes);
}

TEST(file_changed)
{
	changed(_metadata, false);
}

TEST(pipe_changed)
{
	changed(_metadata, true);
}

/* One word of the header is something else: the error, and a reason with this in it. */
static void refuse(struct __test_metadata *_metadata, unsigned int word, uint64_t value, int err,
		   const char *reason)
{
	struct file file = make(_metadata, false);
	struct perfring_error error;
	int ret;

	memcpy(file.bytes + 8 * word, &value, 8);
	EXPECT_EQ(err, walk(file.bytes, file.len, &ret, &error)) {
		TH_LOG("word %u = %#" PRIx64, word, value);
	}
	EXPECT_EQ(err, error.code);
	ASSERT_NE(NULL, error.reason);
	EXPECT_NE(NULL, strstr(error.reason, reason)) {
		TH_LOG("word %u = %#" PRIx64 ": %s", word, value, error.reason);
	}
	free(file.bytes);
}

#define REFUSE(word, value, err, reason)	refuse(_metadata, word, value, err, reason)

TEST(header)
{
	uint64_t magic;

	/* That of another machine's byte order, then an old one. */
	magic = __builtin_bswap64(MAGIC_WORD);
	REFUSE(MAGIC, magic, -EOPNOTSUPP, BIG_ENDIAN_HERE ? "by a little-endian" : "by a big-endian");
	REFUSE(MAGIC, 0x454c494646524550ULL, -EOPNOTSUPP, "before Linux");
	memcpy(&magic, "\177ELF....", 8);
	REFUSE(MAGIC, magic, -EINVAL, "no perf.data");
	REFUSE(SIZE, 104 + 8, -EOPNOTSUPP, "header");
	REFUSE(SIZE, 0, -EOPNOTSUPP, "header");
	REFUSE(SIZE, UINT64_MAX, -EOPNOTSUPP, "header");
	/* attr and section: less than the first attr there was, not its multiple, huge. */
	REFUSE(ATTR_SIZE, 0, -EBADMSG, "entries");
	REFUSE(ATTR_SIZE, 16, -EBADMSG, "entries");
	REFUSE(ATTR_SIZE, 72, -EBADMSG, "entries");
	REFUSE(ATTR_SIZE, 1ULL << 40, -EBADMSG, "entries");
	REFUSE(ATTR_SIZE, UINT64_MAX - 7, -EBADMSG, "entries");
	REFUSE(ATTRS, UINT64_MAX - 7, -EBADMSG, "attrs");
	REFUSE(ATTRS, 8, -EBADMSG, "attrs");
	REFUSE(ATTRS_SIZE, 0, -EBADMSG, "entries");
	REFUSE(ATTRS_SIZE, UINT64_MAX, -EBADMSG, "");
	REFUSE(DATA, 0, -EBADMSG, "records");
	REFUSE(DATA, 12, -EBADMSG, "records");
	REFUSE(DATA, UINT64_MAX - 7, -EBADMSG, "records");
	REFUSE(DATA, 1ULL << 40, -EBADMSG, "records");
	/* Where the attrs are. */
	REFUSE(DATA, 104, -EBADMSG, "attrs and records");
	REFUSE(DATA_SIZE, UINT64_MAX, -EBADMSG, "records");
	REFUSE(DATA_SIZE, UINT64_MAX - 400, -EBADMSG, "records");
	REFUSE(FEATURES, 1ULL << 32, -EOPNOTSUPP, "features");
	REFUSE(FEATURES + 3, 1, -EOPNOTSUPP, "features");
	REFUSE(FEATURES, 1ULL << PERFRING_DATA_FEATURE_COMPRESSED, -EOPNOTSUPP, "compressed");
	REFUSE(FEATURES, 1ULL << PERFRING_DATA_DIR_FORMAT, -EOPNOTSUPP, "folder");
	/* 25 more features than there is room for, and none of them where it should be. */
	REFUSE(FEATURES, 0x01ffffff & ~(1ULL << 24), -EBADMSG, "feature");
}

/*
 * An attr of a newer header, whose fields that are not known here are zero: what is handed out is
 * as long as it says, so that it can be given to a writer.
 */
TEST(newer_attr)
{
	struct {
		uint64_t file[2];
		struct perf_event_header header;
		struct perf_event_attr attr;
		char more[512];
	} *file = calloc(1, sizeof(*file));
	struct perfring_data_writer *writer;
	struct perfring_data_event event;
	struct perfring_data *data;

	ASSERT_NE(NULL, file);
	file->file[0] = MAGIC_WORD;
	file->file[1] = sizeof(file->file);
	file->header.type = PERFRING_DATA_ATTR;
	file->header.size = sizeof(*file) - sizeof(file->file);
	file->attr = event_attr();
	file->attr.size = sizeof(file->attr) + sizeof(file->more);
	ASSERT_EQ(0, perfring_data_from_memory(file, sizeof(*file), &data, NULL));
	ASSERT_EQ(0, perfring_data_event(data, 0, &event));
	EXPECT_EQ(sizeof(struct perf_event_attr), event.attr->size);
	EXPECT_EQ(file->attr.sample_type, event.attr->sample_type);
	ASSERT_EQ(0, perfring_data_create("/dev/null", NULL, &writer));
	EXPECT_EQ(0, perfring_data_add_event(writer, event.attr, "e"));
	perfring_data_close(writer);
	perfring_data_free(data);
	free(file);
}

/*
 * Entry 0 of the attrs: its offset is in the header, its ids are named in the last two words
 * of its 144 bytes (an attr of this header, and a section).
 */
static void refuse_entry(struct __test_metadata *_metadata, size_t at, const void *value,
			 size_t len, int err, const char *reason)
{
	struct file file = make(_metadata, false);
	struct perfring_error error;
	uint64_t attrs;
	int ret;

	memcpy(&attrs, file.bytes + 8 * ATTRS, 8);
	memcpy(file.bytes + attrs + at, value, len);
	EXPECT_EQ(err, walk(file.bytes, file.len, &ret, &error)) {
		TH_LOG("byte %zu of the entry", at);
	}
	ASSERT_NE(NULL, error.reason);
	EXPECT_NE(NULL, strstr(error.reason, reason)) {
		TH_LOG("byte %zu of the entry: %s", at, error.reason);
	}
	free(file.bytes);
}

TEST(entry)
{
	const size_t ids = sizeof(struct perf_event_attr);
	struct perf_event_attr attr = event_attr();
	uint64_t words[2];
	uint32_t size;

	size = 8;
	refuse_entry(_metadata, 4, &size, 4, -EBADMSG, "attr.size");
	size = UINT32_MAX;
	refuse_entry(_metadata, 4, &size, 4, -EBADMSG, "attr.size");
	attr.sample_type |= PERFRING_SAMPLE_KNOWN_MAX;
	refuse_entry(_metadata, 0, &attr, sizeof(attr), -EOPNOTSUPP, "not known");
	/* Ids beyond the file, more than fit, not a whole number, where the attrs are. */
	words[0] = UINT64_MAX - 7;
	words[1] = 16;
	refuse_entry(_metadata, ids, words, 16, -EBADMSG, "ids");
	words[0] = 104;
	words[1] = UINT64_MAX - 7;
	refuse_entry(_metadata, ids, words, 16, -EBADMSG, "ids");
	words[1] = 12;
	refuse_entry(_metadata, ids, words, 16, -EBADMSG, "ids");
	words[1] = 512;
	refuse_entry(_metadata, ids, words, 16, -EBADMSG, "overlap");
}

/* Records that lie, one in each file: what is before it still comes. */
static void refuse_record(struct __test_metadata *_metadata, struct perf_event_header header,
			  uint64_t word, int err, const char *reason)
{
	struct file file = make(_metadata, false);
	struct perfring_error error;
	struct perfring_record record;
	struct perfring_data *data;
	uint64_t offset = 0;
	int ret;

	ASSERT_EQ(0, perfring_data_from_memory(file.bytes, file.len, &data, &error));
	for (unsigned int i = 0; i < 5; i++) {
		ASSERT_EQ(1, perfring_data_next(data, &record, &error));
		offset = record.position;
	}
	perfring_data_free(data);
	if (!header.size)
		header.size = record.size;
	memcpy(file.bytes + offset, &header, 8);
	memcpy(file.bytes + offset + 8, &word, 8);
	EXPECT_EQ(4, walk(file.bytes, file.len, &ret, &error));
	EXPECT_EQ(err, ret);
	EXPECT_EQ(offset, error.position);
	ASSERT_NE(NULL, error.reason);
	EXPECT_NE(NULL, strstr(error.reason, reason)) {
		TH_LOG("type %u: %s", header.type, error.reason);
	}
	free(file.bytes);
}

TEST(records)
{
	struct perf_event_header header = { .type = PERF_RECORD_SAMPLE, .size = 7 };

	refuse_record(_metadata, header, 0, -EBADMSG, "less than a header");
	header.size = 36;
	refuse_record(_metadata, header, 0, -EBADMSG, "multiple of 8");
	header.size = 65528;
	refuse_record(_metadata, header, 0, -EBADMSG, "beyond the end");
	header.size = 0;
	header.type = PERFRING_DATA_COMPRESSED;
	refuse_record(_metadata, header, 0, -EOPNOTSUPP, "compressed");
	header.type = PERFRING_DATA_COMPRESSED2;
	refuse_record(_metadata, header, 0, -EOPNOTSUPP, "compressed");
	header.type = PERFRING_DATA_AUXTRACE;
	refuse_record(_metadata, header, UINT64_MAX - 7, -EBADMSG, "follows");
	refuse_record(_metadata, header, 1 << 20, -EBADMSG, "follows");
	header.type = PERFRING_DATA_TRACING;
	/* A length of 32 bits. */
	refuse_record(_metadata, header, two_words(12, 0), -EBADMSG, "follows");
	refuse_record(_metadata, header, two_words(1 << 20, 0), -EBADMSG, "follows");
}

/* The AUX data behind its record is skipped. */
TEST(auxtrace)
{
	struct file file = make(_metadata, false);
	struct perf_event_header header = { .type = PERFRING_DATA_AUXTRACE };
	struct perfring_record first, second, record;
	struct perfring_data *data;
	uint64_t words[1];

	ASSERT_EQ(0, perfring_data_from_memory(file.bytes, file.len, &data, NULL));
	ASSERT_EQ(1, perfring_data_next(data, &first, NULL));
	ASSERT_EQ(1, perfring_data_next(data, &second, NULL));
	header.size = first.size;
	words[0] = second.size;
	memcpy(file.bytes + first.position, &header, 8);
	memcpy(file.bytes + first.position + 8, words, 8);
	perfring_data_rewind(data);
	ASSERT_EQ(1, perfring_data_next(data, &record, NULL));
	EXPECT_EQ(PERFRING_DATA_AUXTRACE, record.type);
	EXPECT_EQ(first.size, record.size);
	ASSERT_EQ(1, perfring_data_next(data, &record, NULL));
	EXPECT_EQ(second.position + second.size, record.position);
	perfring_data_free(data);
	free(file.bytes);
}

/* A writer that died before it could finish: size 0, no features; all records up to there. */
TEST(unfinished)
{
	struct file file = make(_metadata, false);
	uint64_t data, size, zero = 0;
	struct perfring_error error;
	int ret;

	memcpy(&data, file.bytes + 8 * DATA, 8);
	memcpy(&size, file.bytes + 8 * DATA_SIZE, 8);
	memcpy(file.bytes + 8 * DATA_SIZE, &zero, 8);
	EXPECT_EQ(NR_RECORDS + 2, walk(file.bytes, data + size, &ret, &error));
	EXPECT_EQ(0, ret);
	EXPECT_EQ(NR_RECORDS + 1, walk(file.bytes, data + size - 1, &ret, &error));
	EXPECT_EQ(-EBADMSG, ret);
	free(file.bytes);
}

TEST(no_files)
{
	struct perfring_data *data = NULL;
	struct perfring_error error;
	const uint64_t word = 0;

	EXPECT_EQ(-ENOENT, perfring_data_open("/nowhere/perf.data", &data, &error));
	EXPECT_EQ(-EOPNOTSUPP, perfring_data_open("/tmp", &data, &error));
	EXPECT_NE(NULL, error.reason);
	EXPECT_EQ(-EINVAL, perfring_data_open("/dev/null", &data, NULL));
	EXPECT_EQ(-EFAULT, perfring_data_from_memory((const char *)&word + 1, 100, &data, NULL));
	EXPECT_EQ(-ENODATA, perfring_data_from_memory(&word, 0, &data, &error));
	EXPECT_EQ(NULL, data);
	perfring_data_free(NULL);
}

TEST_HARNESS_MAIN
