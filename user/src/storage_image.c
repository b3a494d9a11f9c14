// SPDX-License-Identifier: MIT
/* A ring as bytes: a file image, or memory of the caller. */
#include "internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What save adds to the control page: perf has no field beyond 2048 bytes there, and a page
 * is never smaller than 4096.
 */
#define IMAGE_NOTE_OFFSET	2048
#define IMAGE_MAGIC		"perfring"
#define IMAGE_VERSION		1

struct image_note {
	char magic[8];
	uint32_t version;
	uint32_t flags;			/* PERFRING_STORAGE_OVERWRITE or 0 */
	int32_t cpu;
	uint32_t attr_size;
	unsigned char attr[1024];
};

_Static_assert(IMAGE_NOTE_OFFSET + sizeof(struct image_note) <= 4096, "note fits a page");
_Static_assert(sizeof(struct perf_event_attr) <= 1024, "attr fits the note");

/* The attr is read into a buffer that an attr of any size fits. */
static int image_attr(struct perfring_storage *storage, const struct image_note *note)
{
	union {
		struct perf_event_attr attr;
		unsigned char bytes[sizeof(note->attr)];
	} whole = { .bytes = { 0 } };

	if (note->attr_size < PERF_ATTR_SIZE_VER0 || note->attr_size > sizeof(note->attr))
		return -EBADMSG;
	memcpy(whole.bytes, note->attr, note->attr_size);
	whole.attr.size = note->attr_size;
	return perfring_attr_take(&storage->attr, &whole.attr, 0, 0, false);
}

/*
 * Was it written by a machine of the other byte order?  Numbers that mean something when
 * they are turned round say it: the note's version, or else the offset of the data.
 */
static bool image_other_order(const struct image_note *note, uint64_t offset, size_t bytes)
{
	if (!memcmp(note->magic, IMAGE_MAGIC, sizeof(note->magic)) &&
	    note->version == __builtin_bswap32(IMAGE_VERSION))
		return true;
	return offset > bytes && __builtin_bswap64(offset) < bytes;
}

/* storage->control and map are set, @bytes are readable there: check, and find the rest. */
static int image_setup(struct perfring_storage *storage, size_t bytes,
		       const struct perfring_image_opts *own)
{
	const struct perf_event_mmap_page *control = storage->control;
	uint64_t offset = control->data_offset;
	uint64_t size = control->data_size;
	size_t page_size = own->page_size;
	struct image_note note;
	int err;

	memcpy(&note, (const unsigned char *)control + IMAGE_NOTE_OFFSET, sizeof(note));
	if (image_other_order(&note, offset, bytes))
		return -EOPNOTSUPP;
	if (!page_size)
		page_size = offset ? (size_t)offset : storage->page_size;
	if (!perfring_is_power_of_2(page_size) || page_size < 4096)
		return -EINVAL;
	if (bytes < page_size || bytes - page_size < page_size)
		return -ENODATA;
	if (bytes % page_size || !perfring_is_power_of_2(bytes / page_size - 1))
		return -EINVAL;
	if ((offset && offset != page_size) || (size && size != bytes - page_size))
		return -EBADMSG;
	storage->page_size = page_size;
	storage->data = (unsigned char *)storage->control + page_size;
	storage->data_size = bytes - page_size;

	if (!memcmp(note.magic, IMAGE_MAGIC, sizeof(note.magic)) &&
	    note.version == IMAGE_VERSION) {
		storage->cpu = note.cpu;
		storage->flags = note.flags & PERFRING_STORAGE_OVERWRITE;
		err = own->attr ? 0 : image_attr(storage, &note);
	} else {
		err = own->attr ? 0 : perfring_attr_take(&storage->attr, NULL, 0, 0, false);
	}
	if (!err && own->attr)
		err = perfring_attr_take(&storage->attr, own->attr, 0, 0, false);
	if (own->overwrite)
		storage->flags |= PERFRING_STORAGE_OVERWRITE;
	if (storage->attr.write_backward)
		storage->flags |= PERFRING_STORAGE_BACKWARD;
	return err;
}

static int image_opts(struct perfring_image_opts *own, const struct perfring_image_opts *opts)
{
	int err = perfring_opts_take(own, sizeof(*own), opts);

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(own->padding); i++)
		if (own->padding[i])
			return -EINVAL;
	return 0;
}

int perfring_storage_from_contiguous(void *memory, size_t bytes,
				     const struct perfring_image_opts *opts,
				     struct perfring_storage **out)
{
	struct perfring_storage *storage;
	struct perfring_image_opts own;
	int err;

	err = image_opts(&own, opts);
	if (err)
		return err;
	if (!memory || (uintptr_t)memory & 7)
		return -EFAULT;
	if (bytes < 2 * (size_t)4096)
		return -ENODATA;
	storage = perfring_storage_alloc(STORAGE_IMAGE);
	if (!storage)
		return -ENOMEM;
	storage->control = memory;
	err = image_setup(storage, bytes, &own);
	if (err) {
		perfring_storage_close(storage);
		return err;
	}
	*out = storage;
	return 0;
}

static int image_read(int fd, unsigned char *to, size_t bytes)
{
	ssize_t got;

	while (bytes) {
		got = read(fd, to, bytes);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return -ENODATA;
		to += got;
		bytes -= (size_t)got;
	}
	return 0;
}

static int image_load(struct perfring_storage *storage, int fd,
		      const struct perfring_image_opts *own)
{
	struct stat st;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > SIZE_MAX / 2)
		return -EINVAL;
	if (st.st_size < 2 * (off_t)4096)
		return -ENODATA;
	err = perfring_map_guarded(storage, (size_t)st.st_size, 0);
	if (!err)
		err = image_read(fd, (unsigned char *)storage->control, (size_t)st.st_size);
	return err ? err : image_setup(storage, (size_t)st.st_size, own);
}

int perfring_storage_open_image(const char *path, const struct perfring_image_opts *opts,
				struct perfring_storage **out)
{
	struct perfring_storage *storage;
	struct perfring_image_opts own;
	int err, fd;

	err = image_opts(&own, opts);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	storage = perfring_storage_alloc(STORAGE_IMAGE);
	err = storage ? image_load(storage, fd, &own) : -ENOMEM;
	close(fd);
	if (err) {
		perfring_storage_close(storage);
		return err;
	}
	*out = storage;
	return 0;
}

static int image_write(int fd, const unsigned char *from, size_t bytes)
{
	ssize_t put;

	while (bytes) {
		put = write(fd, from, bytes);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		from += put;
		bytes -= (size_t)put;
	}
	return 0;
}

/* A copy of the control page with the note, its head loaded before any data is copied. */
static unsigned char *image_control(const struct perfring_storage *storage)
{
	struct image_note note = {
		.magic = { 'p', 'e', 'r', 'f', 'r', 'i', 'n', 'g' },
		.version = IMAGE_VERSION,
		.flags = storage->flags & PERFRING_STORAGE_OVERWRITE,
		.cpu = storage->cpu,
		.attr_size = sizeof(storage->attr),
	};
	struct perf_event_mmap_page *page;
	uint64_t head, tail;

	page = calloc(1, storage->page_size);
	if (!page)
		return NULL;
	/* C, pairs with B in perfring_core_leave(): the bytes before head are there. */
	head = __atomic_load_n(&storage->control->data_head, __ATOMIC_ACQUIRE);
	tail = __atomic_load_n(&storage->control->data_tail, __ATOMIC_RELAXED);
	memcpy(page, storage->control, offsetof(struct perf_event_mmap_page, data_head));
	/* One order of positions, whatever machine reads it. */
	page->data_head = perfring_extend(head, tail, storage->flags & PERFRING_STORAGE_BACKWARD);
	page->data_tail = tail;
	page->data_offset = storage->page_size;
	page->data_size = storage->data_size;
	memcpy(note.attr, &storage->attr, sizeof(storage->attr));
	memcpy((unsigned char *)page + IMAGE_NOTE_OFFSET, &note, sizeof(note));
	return (unsigned char *)page;
}

int perfring_storage_save(const struct perfring_storage *storage, const char *path)
{
	unsigned char *control;
	int err, fd;

	if (!storage->data)
		return -ENODEV;
	if (!storage->control)
		return -EOPNOTSUPP;
	control = image_control(storage);
	if (!control)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = -errno;
		free(control);
		return err;
	}
	err = image_write(fd, control, storage->page_size);
	if (!err)
		err = image_write(fd, storage->data, storage->data_size);
	if (close(fd) < 0 && !err)
		err = -errno;
	free(control);
	return err;
}
