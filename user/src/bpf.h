/* SPDX-License-Identifier: MIT */
/* The few commands of bpf(2) that the library needs, without libbpf. */
#ifndef PERFRING_SRC_BPF_H
#define PERFRING_SRC_BPF_H

#include "internal.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BPF_OVERWRITE	(1U << 19)	/* BPF_F_RB_OVERWRITE, Linux 6.19 */

static inline int bpf_call(enum bpf_cmd command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr)) < 0 ? -errno : 0;
}

/* What kind of map it is, and how large. */
static inline int bpf_map_about(int map_fd, struct bpf_map_info *info)
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

static inline int bpf_map_set(int map_fd, uint32_t key, uint32_t value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map_fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	attr.flags = BPF_ANY;
	return bpf_call(BPF_MAP_UPDATE_ELEM, &attr);
}

static inline int bpf_map_unset(int map_fd, uint32_t key)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map_fd;
	attr.key = (uintptr_t)&key;
	return bpf_call(BPF_MAP_DELETE_ELEM, &attr);
}

#endif /* PERFRING_SRC_BPF_H */
