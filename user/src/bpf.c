// SPDX-License-Identifier: MIT
#include "bpf.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf_call(enum bpf_cmd command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr)) < 0 ? -errno : 0;
}

int perfring_bpf_about(int map_fd, struct bpf_map_info *info)
{
	union bpf_attr attr;
	int err;

	memset(info, 0, sizeof(*info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)map_fd;
	attr.info.info_len = sizeof(*info);
	attr.info.info = (uintptr_t)info;
	err = bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr);
	return err == -EBADFD ? -EBADF : err;	/* the one command that says so */
}

int perfring_bpf_set(int map_fd, uint32_t key, uint32_t value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map_fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	attr.flags = BPF_ANY;
	return bpf_call(BPF_MAP_UPDATE_ELEM, &attr);
}

int perfring_bpf_unset(int map_fd, uint32_t key)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map_fd;
	attr.key = (uintptr_t)&key;
	return bpf_call(BPF_MAP_DELETE_ELEM, &attr);
}

int perfring_bpf_map(int map_fd, uint64_t data, int first, int rest, unsigned char **map,
		     size_t *bytes)
{
	size_t page = perfring_system_page_size();
	unsigned char *at;

	if (!perfring_is_power_of_2(data) || data > SIZE_MAX / 2 - 2 * page)
		return -EINVAL;
	*bytes = 2 * page + 2 * (size_t)data;
	at = mmap(NULL, *bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	*map = at;
	if (mmap(at, page, first, MAP_SHARED | MAP_FIXED, map_fd, 0) != at ||
	    mmap(at + page, *bytes - page, rest, MAP_SHARED | MAP_FIXED, map_fd,
		 (off_t)page) != at + page)
		return -errno;
	return 0;
}
