/* SPDX-License-Identifier: MIT */
/* What the library needs of bpf(2), without libbpf. */
#ifndef PERFRING_SRC_BPF_H
#define PERFRING_SRC_BPF_H

#include "internal.h"

#include <linux/bpf.h>

#define BPF_OVERWRITE	(1U << 19)	/* BPF_F_RB_OVERWRITE, Linux 6.19 */

/* What kind of map it is, and how large. */
int perfring_bpf_about(int map_fd, struct bpf_map_info *info);
int perfring_bpf_set(int map_fd, uint32_t key, uint32_t value);
int perfring_bpf_unset(int map_fd, uint32_t key);

/*
 * The pages of a ring buffer in one piece: consumer's position, producer's position, @data bytes
 * and the same once more.  The kernel lets the page of one position and no other be written,
 * so that it takes two mappings: @first for the consumer's page, @rest.
 */
int perfring_bpf_map(int map_fd, uint64_t data, int first, int rest, unsigned char **map,
		     size_t *bytes);

#endif /* PERFRING_SRC_BPF_H */
