// SPDX-License-Identifier: GPL-2.0
/*
 * Any file: an image of a ring, or perf.data, read by the library and by `perfring dump`.
 *
 * The first byte says which and by whom.  An image has thousands of bytes that do not matter:
 * it is made from its size, the fields of the control page, and patches.  perf.data is the
 * input as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../../user/cli/cli.h"
#include "fuzz.h"

#define PAGE	4096U
#define NOTE	2048U		/* what save adds to the control page */

enum how { DATA = 1 << 0, DUMP = 1 << 1, JSON = 1 << 2, FROM_FILE = 1 << 3 };

struct file {
	unsigned char *bytes;
	size_t len;
};

/* The note of an image, an attr of any bytes in it. */
static void image_note(struct file *image, struct fuzz_input *input)
{
	struct {
		char magic[8];
		uint32_t version, flags;
		int32_t cpu;
		uint32_t attr_size;
	} note = { .magic = { 'p', 'e', 'r', 'f', 'r', 'i', 'n', 'g' }, .version = 1 };
	struct perf_event_attr attr = { .size = sizeof(attr), .sample_type = PERF_SAMPLE_RAW };
	uint8_t how = fuzz_u8(input);

	note.flags = how & 1;
	note.cpu = how >> 1 & 3;
	note.attr_size = how & 8 ? fuzz_u16(input) : sizeof(attr);
	attr.write_backward = how >> 4 & 1;
	attr.sample_id_all = how >> 5 & 1;
	if (how & 64)
		attr.sample_type = fuzz_u32(input) & (PERFRING_SAMPLE_KNOWN_MAX - 1);
	if (how & 128)
		fuzz_bytes(input, &attr, fuzz_u8(input) % sizeof(attr));
	memcpy(image->bytes + NOTE, &note, sizeof(note));
	memcpy(image->bytes + NOTE + sizeof(note), &attr, sizeof(attr));
}

static struct file make_image(struct fuzz_input *input)
{
	uint8_t how = fuzz_u8(input);
	struct perf_event_mmap_page *page;
	struct file image = { NULL, PAGE + (PAGE << (how & 1)) };

	if (how & 2)
		image.len = fuzz_u16(input) % 0x4000;
	image.bytes = calloc(1, image.len ? image.len : 1);
	FUZZ_CHECK(image.bytes);
	if (image.len >= 2 * PAGE) {
		page = (void *)image.bytes;
		page->data_offset = how & 4 ? fuzz_u32(input) : PAGE;
		page->data_size = how & 8 ? fuzz_u32(input) : image.len - PAGE;
		page->data_tail = how & 16 ? fuzz_position(input) : 0;
		page->data_head = page->data_tail + (how & 32 ? fuzz_u64(input) :
						     fuzz_u16(input) * 8ULL);
		if (how & 64)
			image_note(&image, input);
	}
	while (input->left && image.len) {
		size_t offset = fuzz_u16(input) % image.len, len = fuzz_u8(input) % 64;

		fuzz_bytes(input, image.bytes + offset,
			   len < image.len - offset ? len : image.len - offset);
	}
	return image;
}

static void read_image(struct perfring_storage *storage)
{
	struct perfring_format *format = NULL;
	struct perfring_record record;
	struct perfring_batch batch;
	struct perfring_ring *ring;
	uint64_t bytes = 0;
	int err, ret = 0;

	FUZZ_CHECK(!perfring_ring_open(storage, NULL, &ring));
	if (perfring_format_compile(perfring_storage_attr(storage), &format))
		format = NULL;
	if (perfring_storage_flags(storage) &
	    (PERFRING_STORAGE_OVERWRITE | PERFRING_STORAGE_BACKWARD))
		err = perfring_ring_snapshot(ring, 0, &batch);
	else
		err = perfring_batch_begin(ring, &batch);
	FUZZ_CHECK(!err || err == -EBADMSG);
	while (!err && (ret = perfring_batch_next(&batch, &record)) > 0) {
		bytes += record.size;
		FUZZ_CHECK(bytes <= perfring_storage_data_size(storage));
		fuzz_touch(record.data, record.size);
		if (format)
			fuzz_decode(format, &record);
	}
	FUZZ_CHECK(!ret || ret == -EBADMSG);
	perfring_batch_commit(&batch);
	perfring_format_free(format);
	perfring_ring_close(ring);
}

static bool image_refused(int err)
{
	return err == -EBADMSG || err == -EINVAL || err == -ENODATA || err == -E2BIG ||
	       err == -EOPNOTSUPP;
}

static void load_image(const struct file *file, const char *path)
{
	struct perfring_storage *storage;
	int err;

	if (path)
		err = perfring_storage_open_image(path, NULL, &storage);
	else
		err = perfring_storage_from_contiguous(file->bytes, file->len, NULL, &storage);
	if (err) {
		FUZZ_CHECK(image_refused(err));
		return;
	}
	read_image(storage);
	FUZZ_CHECK(!perfring_storage_close(storage));
}

static void read_features(const struct perfring_data *data)
{
	const void *bytes;
	const char *text;
	size_t len;

	for (unsigned int i = 0; i <= PERFRING_DATA_FEATURES; i++) {
		text = perfring_data_string(data, i);
		if (text)
			fuzz_touch(text, strlen(text) + 1);
		if (!perfring_data_feature(data, i, &bytes, &len))
			fuzz_touch(bytes, len);
	}
}

static void read_events(const struct perfring_data *data)
{
	struct perfring_data_event event;
	unsigned int i;

	for (i = 0; i < perfring_data_events(data); i++) {
		FUZZ_CHECK(!perfring_data_event(data, i, &event));
		FUZZ_CHECK(event.attr && event.format);
		if (event.name)
			fuzz_touch(event.name, strlen(event.name) + 1);
		fuzz_touch(event.ids, event.nr_ids * sizeof(*event.ids));
	}
	FUZZ_CHECK(i && perfring_data_event(data, i, &event) == -ENOENT);
}

/* Every record, twice; the bytes of both rounds are the same. */
static uint64_t read_records(struct perfring_data *data, size_t len)
{
	struct perfring_data_event event;
	struct perfring_record record;
	struct perfring_error error;
	uint64_t bytes = 0;
	int ret, which;

	while ((ret = perfring_data_next(data, &record, &error)) > 0) {
		FUZZ_CHECK(record.size >= 8 && record.position <= len - record.size);
		bytes += record.size;
		FUZZ_CHECK(bytes <= len);
		fuzz_touch(record.data, record.size);
		which = perfring_data_event_of(data, &record);
		FUZZ_CHECK(which == -ENOENT || which >= 0);
		if (which < 0)
			continue;
		FUZZ_CHECK(!perfring_data_event(data, (unsigned int)which, &event));
		fuzz_decode(event.format, &record);
	}
	FUZZ_CHECK(!ret || (ret == error.code && error.reason));
	FUZZ_CHECK(!ret || ret == -EBADMSG || ret == -EOPNOTSUPP);
	/* The end stays the end. */
	FUZZ_CHECK(perfring_data_next(data, &record, &error) == ret);
	return bytes;
}

static void load_data(const struct file *file, const char *path)
{
	struct perfring_error error;
	struct perfring_data *data;
	uint64_t bytes;
	int err;

	if (path)
		err = perfring_data_open(path, &data, &error);
	else
		err = perfring_data_from_memory(file->bytes, file->len, &data, &error);
	if (err) {
		FUZZ_CHECK(err == error.code && error.reason && error.position <= file->len);
		return;
	}
	read_features(data);
	read_events(data);
	bytes = read_records(data, file->len);
	perfring_data_rewind(data);
	FUZZ_CHECK(read_records(data, file->len) == bytes);
	perfring_data_free(data);
}

/* What it prints goes nowhere. */
static void dump(const char *path, unsigned int how)
{
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
	char source[80];
	char *argv[4] = { (char *)"dump", source, how & JSON ? (char *)"--json" : NULL, NULL };
	int status;

	snprintf(source, sizeof(source), "%s:%s", how & DATA ? "data" : "image", path);
	fflush(stdout);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	status = cli_dump.run(how & JSON ? 3 : 2, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(null);
	close(out);
	close(err);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	FUZZ_CHECK(status == CLI_OK || status == CLI_FAIL);
}

static void from_file(const struct file *file, unsigned int how)
{
	char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, file->bytes, file->len) == (ssize_t)file->len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (how & DUMP)
		dump(path, how);
	else if (how & DATA)
		load_data(file, path);
	else
		load_image(file, path);
	close(fd);
}

static void run(const uint8_t *bytes, size_t len)
{
	struct fuzz_input input = { bytes, len };
	unsigned int how = fuzz_u8(&input);
	struct file file;

	if (how & DATA) {
		file.len = input.left;
		file.bytes = malloc(file.len ? file.len : 1);
		FUZZ_CHECK(file.bytes);
		fuzz_bytes(&input, file.bytes, file.len);
	} else {
		file = make_image(&input);
	}
	if (how & (DUMP | FROM_FILE))
		from_file(&file, how);
	else if (how & DATA)
		load_data(&file, NULL);
	else
		load_image(&file, NULL);
	free(file.bytes);
}

const struct fuzz_target fuzz_file = { "file", run, 2048, NULL };
