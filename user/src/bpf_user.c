// SPDX-License-Identifier: MIT
/*
 * A user ring buffer: we write, a BPF program reads.
 *
 *	writer (this file)			kernel (kernel/bpf/ringbuf.c)
 *
 *	reserve:				drain:
 *	   load consumer_pos, (A) acquire	   load producer_pos, (C) acquire
 *	   store header, BUSY			   load header, (F) acquire
 *	   (B) release, store producer_pos	   load payload
 *	store payload				   (D) release, store consumer_pos
 *	submit:					   wake
 *	   (E) exchange header, not BUSY
 *
 * A pairs with D: without it a record may be written over while it is read.  B pairs with C:
 * without it the header of the lap before may be read.  E pairs with F: without it
 * bytes of the payload may be read before they are stored.
 */
#include "bpf.h"
#include "reader.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

struct perfring_bpf_user {
	unsigned char *map;		/* positions, data, the same data */
	size_t map_size;
	const __u64 *consumer;
	__u64 *producer;
	unsigned char *data;
	uint64_t size;
	int map_fd;
	int epoll_fd;
};

static int user_open(struct perfring_bpf_user *user, int map_fd)
{
	/* Edges: as long as there is room for anything the map is always writable. */
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	size_t page = perfring_system_page_size();
	struct bpf_map_info info;
	int err;

	err = perfring_bpf_about(map_fd, &info);
	if (err)
		return err;
	if (info.type != BPF_MAP_TYPE_USER_RINGBUF)
		return -EINVAL;
	user->size = info.max_entries;
	user->map_fd = fcntl(map_fd, F_DUPFD_CLOEXEC, 0);
	if (user->map_fd < 0)
		return -errno;
	user->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (user->epoll_fd < 0 ||
	    epoll_ctl(user->epoll_fd, EPOLL_CTL_ADD, user->map_fd, &event) < 0)
		return -errno;
	err = perfring_bpf_map(user->map_fd, user->size, PROT_READ, PROT_READ | PROT_WRITE,
			       &user->map, &user->map_size);
	if (err)
		return err;
	user->consumer = (const void *)user->map;
	user->producer = (void *)(user->map + page);
	user->data = user->map + 2 * page;
	return 0;
}

int perfring_bpf_user_open(int map_fd, struct perfring_bpf_user **out)
{
	struct perfring_bpf_user *user;
	int err;

	user = calloc(1, sizeof(*user));
	if (!user)
		return -ENOMEM;
	user->map_fd = -1;
	user->epoll_fd = -1;
	err = user_open(user, map_fd);
	if (err) {
		perfring_bpf_user_close(user);
		return err;
	}
	*out = user;
	return 0;
}

void perfring_bpf_user_close(struct perfring_bpf_user *user)
{
	if (!user)
		return;
	if (user->map)
		munmap(user->map, user->map_size);
	if (user->epoll_fd >= 0)
		close(user->epoll_fd);
	if (user->map_fd >= 0)
		close(user->map_fd);
	free(user);
}

int perfring_bpf_user_reserve(struct perfring_bpf_user *user, uint32_t size, void **sample)
{
	/* The position is ours alone, but it outlives us in the map. */
	uint64_t position = __atomic_load_n(user->producer, __ATOMIC_RELAXED);
	uint64_t whole = PERFRING_BPF_HEADER + perfring_round_8(size);
	uint64_t waiting;
	uint32_t *header;

	if (size > PERFRING_BPF_USER_MAX || whole > user->size)
		return -E2BIG;
	/* A, pairs with D: what is written below has been read. */
	waiting = position - __atomic_load_n(user->consumer, __ATOMIC_ACQUIRE);
	if (waiting > user->size || user->size - waiting < whole)
		return -ENOSPC;
	header = (void *)(user->data + (position & (user->size - 1)));
	__atomic_store_n(&header[0], size | PERFRING_BPF_BUSY, __ATOMIC_RELAXED);
	header[1] = 0;
	/* B, pairs with C: who sees the position sees the header. */
	__atomic_store_n(user->producer, position + whole, __ATOMIC_RELEASE);
	*sample = header + 2;
	return 0;
}

int perfring_bpf_user_reserve_until(struct perfring_bpf_user *user, uint32_t size,
				    uint64_t deadline_ns, void **sample)
{
	struct epoll_event event;
	int left, err;

	for (;;) {
		left = reader_ms_left(deadline_ns);
		err = perfring_bpf_user_reserve(user, size, sample);
		if (err != -ENOSPC)
			return err;
		if (!left)
			return -ETIMEDOUT;
		if (epoll_wait(user->epoll_fd, &event, 1, left) < 0)
			return -errno;
	}
}

static void user_commit(void *sample, uint32_t flags)
{
	uint32_t *header = (uint32_t *)sample - 2;
	uint32_t size = header[0] & ~PERFRING_BPF_BUSY;

	/* E, pairs with F: the payload is there before it is anybody else's. */
	__atomic_exchange_n(header, size | flags, __ATOMIC_ACQ_REL);
}

void perfring_bpf_user_submit(struct perfring_bpf_user *user, void *sample)
{
	(void)user;
	user_commit(sample, 0);
}

void perfring_bpf_user_discard(struct perfring_bpf_user *user, void *sample)
{
	(void)user;
	user_commit(sample, PERFRING_BPF_DISCARD);
}

uint64_t perfring_bpf_user_waiting(const struct perfring_bpf_user *user)
{
	uint64_t consumer = __atomic_load_n(user->consumer, __ATOMIC_ACQUIRE);

	return __atomic_load_n(user->producer, __ATOMIC_RELAXED) - consumer;
}

size_t perfring_bpf_user_size(const struct perfring_bpf_user *user)
{
	return (size_t)user->size;
}

int perfring_bpf_user_fd(const struct perfring_bpf_user *user)
{
	return user->epoll_fd;
}
