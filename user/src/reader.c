// SPDX-License-Identifier: MIT
/* Reader: rings come and go; counters; pull. */
#include "reader.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define READER_WAKE	UINT32_MAX	/* epoll data of the wake descriptor */

uint64_t reader_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int perfring_reader_create(const struct perfring_reader_opts *opts, struct perfring_reader **out)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = READER_WAKE };
	struct perfring_reader *reader;
	int err;

	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	err = perfring_opts_take(&reader->opts, sizeof(reader->opts), opts);
	if (err) {
		free(reader);
		return err;
	}
	reader->owner = getpid();
	reader->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	reader->epoll_fd = reader->wake_fd < 0 ? -1 : epoll_create1(EPOLL_CLOEXEC);
	if (reader->epoll_fd < 0 ||
	    epoll_ctl(reader->epoll_fd, EPOLL_CTL_ADD, reader->wake_fd, &event) < 0) {
		err = -errno;
		perfring_reader_destroy(reader);
		return err;
	}
	*out = reader;
	return 0;
}

/*
 * A child of fork(2) shares the epoll set, the BPF maps and the memory rings with its
 * parent, and has no mapping of perf's rings: only copies are given up.
 */
static void reader_disown(struct perfring_reader *reader)
{
	reader->pulling = false;
	for (unsigned int i = 0; i < reader->nr; i++) {
		struct reader_slot *slot = &reader->slots[i];

		slot->polled = false;
		reader_leave_array(slot, false);
	}
}

void perfring_reader_destroy(struct perfring_reader *reader)
{
	if (!reader)
		return;
	if (reader->owner != getpid())
		reader_disown(reader);
	for (unsigned int i = 0; i < reader->nr; i++)
		perfring_reader_remove(reader, i);
	if (reader->epoll_fd >= 0)
		close(reader->epoll_fd);
	if (reader->wake_fd >= 0)
		close(reader->wake_fd);
	free(reader->slots);
	free(reader);
}

/* A free slot; *index is reader->nr when it is a new one. */
static int reader_slot(struct perfring_reader *reader, unsigned int *index)
{
	struct reader_slot *slots;
	unsigned int room;

	for (*index = 0; *index < reader->nr; (*index)++)
		if (!reader->slots[*index].ring)
			return 0;
	if (reader->nr < reader->room)
		return 0;
	room = reader->room ? 2 * reader->room : 8;
	slots = realloc(reader->slots, room * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	reader->slots = slots;
	reader->room = room;
	return 0;
}

int perfring_reader_add(struct perfring_reader *reader, struct perfring_storage *storage)
{
	if (storage->flags & (PERFRING_STORAGE_OVERWRITE | PERFRING_STORAGE_BACKWARD))
		return -EOPNOTSUPP;
	return reader_add(reader, storage, true);
}

/* A ring that is read by snapshots is only kept, not polled. */
int reader_add(struct perfring_reader *reader, struct perfring_storage *storage, bool polled)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct reader_slot *slot;
	struct perfring_ring *ring;
	unsigned int index;
	int err;

	/*
	 * A BPF ring buffer is readable as long as its oldest record is still being written:
	 * waiting for that would not be waiting.
	 */
	if (storage->kind == STORAGE_BPF)
		event.events |= EPOLLET;
	polled = polled && storage->fd >= 0;
	reader_end_pull(reader);
	err = reader_slot(reader, &index);
	if (!err)
		err = perfring_ring_open(storage, NULL, &ring);
	if (err)
		return err;
	event.data.u32 = index;
	if (polled &&
	    epoll_ctl(reader->epoll_fd, EPOLL_CTL_ADD, storage->fd, &event) < 0) {
		err = -errno;
		perfring_ring_close(ring);
		return err;
	}

	slot = &reader->slots[index];
	memset(slot, 0, sizeof(*slot));
	slot->ring = ring;
	slot->storage = storage;
	slot->polled = polled;
	reader->polled += polled;
	if (index == reader->nr)
		reader->nr++;
	return (int)index;
}

int perfring_reader_remove(struct perfring_reader *reader, unsigned int index)
{
	struct reader_slot *slot;

	if (index >= reader->nr || !reader->slots[index].ring)
		return -ENOENT;
	reader_end_pull(reader);
	slot = &reader->slots[index];
	if (slot->polled) {
		/* Named, because a copy of the descriptor may keep it in the set. */
		epoll_ctl(reader->epoll_fd, EPOLL_CTL_DEL, slot->storage->fd, NULL);
		reader->polled--;
	}
	reader_leave_array(slot, true);
	perfring_ring_close(slot->ring);
	perfring_storage_close(slot->storage);
	slot->ring = NULL;
	slot->storage = NULL;
	slot->polled = false;
	return 0;
}

unsigned int perfring_reader_count(const struct perfring_reader *reader)
{
	return reader->nr;
}

struct perfring_ring *perfring_reader_ring(const struct perfring_reader *reader,
					   unsigned int index)
{
	return index < reader->nr ? reader->slots[index].ring : NULL;
}

int perfring_reader_cpu(const struct perfring_reader *reader, unsigned int index)
{
	if (!perfring_reader_ring(reader, index))
		return -1;
	return perfring_storage_cpu(reader->slots[index].storage);
}

static int reader_each(struct perfring_reader *reader, int (*call)(struct perfring_storage *))
{
	int ret, err = 0;

	for (unsigned int i = 0; i < reader->nr; i++) {
		ret = reader->slots[i].ring ? call(reader->slots[i].storage) : 0;
		if (ret && !err)
			err = ret;
	}
	return err;
}

int perfring_reader_enable(struct perfring_reader *reader)
{
	return reader_each(reader, perfring_storage_enable);
}

int perfring_reader_disable(struct perfring_reader *reader)
{
	return reader_each(reader, perfring_storage_disable);
}

int perfring_reader_fd(const struct perfring_reader *reader)
{
	return reader->epoll_fd;
}

int perfring_reader_error(const struct perfring_reader *reader, struct perfring_error *error)
{
	*error = reader->error;
	return error->code;
}

int perfring_reader_wake(struct perfring_reader *reader)
{
	uint64_t one = 1;
	int saved = errno;

	/* EAGAIN: it is readable already.  errno stays, for signal handlers. */
	if (write(reader->wake_fd, &one, sizeof(one)) < 0)
		errno = saved;
	return 0;
}

/* A LOST or LOST_SAMPLES; it has a callback of its own. */
void reader_lost(struct perfring_reader *reader, unsigned int index,
		 const struct perfring_record *record)
{
	struct perfring_loss *loss = &reader->slots[index].loss;
	const unsigned char *data = record->data;
	uint64_t lost;

	if (record->type == PERF_RECORD_LOST && record->size >= 24) {
		memcpy(&lost, data + 16, sizeof(lost));
		loss->lost += lost;
	} else if (record->type == PERF_RECORD_LOST_SAMPLES && record->size >= 16) {
		memcpy(&lost, data + 8, sizeof(lost));
		loss->lost_samples += lost;
	} else {
		return;
	}
	if (reader->opts.lost)
		reader->opts.lost(reader->opts.context, index, lost);
}

/* A corrupt ring, no batch open on it: note why and go on at its head. */
void reader_skip(struct perfring_reader *reader, unsigned int index,
		 const struct perfring_error *error)
{
	struct reader_slot *slot = &reader->slots[index];

	reader->error = *error;
	perfring_ring_resync(slot->ring);
	slot->loss.corrupt++;
	slot->loss.skipped = perfring_ring_skipped(slot->ring);
}

int perfring_reader_loss(const struct perfring_reader *reader, unsigned int index,
			 struct perfring_loss *loss)
{
	const struct perf_event_attr *attr;
	struct perfring_loss own;
	struct perfring_format *format;
	struct perfring_read_entry entry;
	struct perfring_read read;
	uint64_t words[512];
	int got;

	if (loss->size < sizeof(loss->size))
		return -EINVAL;
	if (!perfring_reader_ring(reader, index))
		return -ENOENT;
	own = reader->slots[index].loss;
	own.size = loss->size;
	attr = perfring_storage_attr(reader->slots[index].storage);
	if (attr->read_format & PERF_FORMAT_LOST && !perfring_format_compile(attr, &format)) {
		got = perfring_storage_read(reader->slots[index].storage, words,
					    sizeof(words) / sizeof(words[0]));
		if (got > 0 && !perfring_decode_read(format, words, (size_t)got, &read))
			for (uint64_t i = 0; !perfring_read_entry(&read, i, &entry); i++)
				own.format_lost += entry.lost;
		perfring_format_free(format);
	}
	memcpy(loss, &own, own.size < sizeof(own) ? own.size : sizeof(own));
	return 0;
}

/* The record that next has returned is done with. */
void reader_end_pull(struct perfring_reader *reader)
{
	if (reader->pulling)
		perfring_batch_commit(&reader->pull);
	reader->pulling = false;
}

/* 1 a record of this slot, 0 none, -EBADMSG */
static int reader_pull(struct perfring_reader *reader, unsigned int index,
		       struct perfring_record *record)
{
	struct reader_slot *slot = &reader->slots[index];
	struct perfring_error error;
	int ret = 0;

	if (!reader->pulling) {
		ret = perfring_batch_begin(slot->ring, &reader->pull);
		reader->pulling = !ret;
		reader->pull_slot = index;
	}
	if (!ret)
		ret = perfring_batch_next(&reader->pull, record);
	if (ret > 0) {
		reader_saw(reader, index, record);
		return ret;
	}
	reader_end_pull(reader);
	if (ret == -EBADMSG) {
		perfring_batch_error(&reader->pull, &error);
		reader_skip(reader, index, &error);
	}
	return ret;
}

int perfring_reader_next(struct perfring_reader *reader, struct perfring_record *record,
			 unsigned int *index)
{
	unsigned int slot, tries;
	int ret;

	if (reader->pulling) {
		slot = reader->pull_slot;
		/* What is most common, by itself; what has ended says so again. */
		if (perfring_batch_next(&reader->pull, record) > 0) {
			reader_saw(reader, slot, record);
			if (index)
				*index = slot;
			return 1;
		}
		ret = reader_pull(reader, slot, record);
		if (ret && index)
			*index = slot;
		if (ret)
			return ret;
		reader->turn = slot + 1;
	}
	for (tries = 0; tries < reader->nr; tries++) {
		if (reader->turn >= reader->nr)
			reader->turn = 0;
		slot = reader->turn++;
		if (!reader_slot_read(&reader->slots[slot]))
			continue;
		ret = reader_pull(reader, slot, record);
		if (ret && index)
			*index = slot;
		if (ret)
			return ret;
	}
	return 0;
}
