/* SPDX-License-Identifier: MIT */
/*
 * Storage: the mapping of a ring, its geometry, and a descriptor or none.
 *
 * A storage is one control page and 2^n data pages in the layout of
 * perf_event_open(2), whoever owns the memory.  What reads or writes it is a
 * ring (ring.h).
 *
 * Option structures carry their size first: `.size = sizeof(opts)`.  A larger
 * one, from a newer header, is taken when the excess is zero and refused with
 * -E2BIG when not; size 0 is -EINVAL.  A NULL pointer means the defaults, as
 * does zero in each field.
 *
 * No function here may run while another thread uses the same storage, except
 * the accessors and the ioctl wrappers (enable to read), which any thread may
 * call while the storage is open.
 *
 * After fork(2) the child has the descriptors and no mapping of a perf or device ring:
 * it may close the storage, before it maps anything else, and no more.  Rings in memory
 * and images are shared: one of the two processes may read from then on, and one write.
 */
#ifndef PERFRING_STORAGE_H
#define PERFRING_STORAGE_H

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct perfring_storage;

/* perfring_storage_flags() */
#define PERFRING_STORAGE_OVERWRITE	(1U << 0)	/* never full, data_tail is ignored */
#define PERFRING_STORAGE_BACKWARD	(1U << 1)	/* newest record at data_head */
#define PERFRING_STORAGE_WRITABLE	(1U << 2)	/* perfring_write() works */
#define PERFRING_STORAGE_PAUSABLE	(1U << 3)	/* pause and resume work */
#define PERFRING_STORAGE_MIRRORED	(1U << 4)	/* the data stands there twice in a row */

/*
 * Mirrored data: the bytes at an offset and at an offset + data_size are the same, so
 * that no record lies in two pieces and none has to be copied to be handed out.
 */
enum perfring_mirror {
	PERFRING_MIRROR_AUTO = 0,	/* where the storage can */
	PERFRING_MIRROR_OFF = 1,	/* as perf maps it */
	PERFRING_MIRROR_ON = 2,		/* -EOPNOTSUPP where it cannot */
};

/**
 * struct perfring_memory_opts - a ring in anonymous memory
 * @size: sizeof(struct perfring_memory_opts)
 * @pages: data pages, a power of two; 0 counts as 8
 * @attr: what the records look like (sample_type, sample_id_all, write_backward,
 *	wakeup); copied.  NULL: software/bpf-output with PERF_SAMPLE_RAW,
 *	sample_period 1, wakeup_events 1, as the device when it is opened
 * @position: data_head and data_tail to start at, a multiple of 8; no more than an
 *	unsigned long holds, which is what kernels have
 * @watermark: not 0: bytes waiting that make a wakeup due; sets attr.watermark
 *	and attr.wakeup_watermark in the copy.  With neither, half the ring
 * @wakeup_events: not 0: samples that make a wakeup due; sets attr.wakeup_events
 *	and clears attr.watermark in the copy.  Together with @watermark: -EINVAL
 * @overwrite: not 0: never full, the reader takes snapshots
 * @backward: not 0: sets attr.write_backward in the copy
 * @mirror: enum perfring_mirror
 * @padding: 0
 * @cpu: what perfring_storage_cpu() answers, plus one; 0: none (-1)
 */
struct perfring_memory_opts {
	size_t size;
	size_t pages;
	const struct perf_event_attr *attr;
	uint64_t position;
	uint32_t watermark;
	uint32_t wakeup_events;
	uint8_t overwrite;
	uint8_t backward;
	uint8_t mirror;
	uint8_t padding;
	uint32_t cpu;
};

/**
 * struct perfring_perf_opts - a ring of perf_event_open(2)
 * @size: sizeof(struct perfring_perf_opts)
 * @pages: data pages, a power of two; 0 counts as 64
 * @watermark: as in struct perfring_memory_opts
 * @wakeup_events: as in struct perfring_memory_opts
 * @flags: PERF_FLAG_* besides PERF_FLAG_FD_CLOEXEC, which is always set
 * @overwrite: not 0: map read-only, so that the kernel overwrites
 * @backward: not 0: sets attr.write_backward in the copy
 * @no_ring: not 0: open the event, do not map; it can be counted, not read
 * @padding: 0
 * @group: leader of the event's group, NULL for none; used during the call only
 */
struct perfring_perf_opts {
	size_t size;
	size_t pages;
	uint32_t watermark;
	uint32_t wakeup_events;
	uint32_t flags;
	uint8_t overwrite;
	uint8_t backward;
	uint8_t no_ring;
	uint8_t padding;
	const struct perfring_storage *group;
};

/**
 * struct perfring_device_opts - a ring of /dev/perfringN
 * @size: sizeof(struct perfring_device_opts)
 * @pages: data pages, a power of two; 0 counts as 64
 * @watermark: as in struct perfring_memory_opts
 * @wakeup_events: as in struct perfring_memory_opts
 * @overwrite: not 0: map read-only, so that the kernel overwrites
 * @backward: not 0: sets attr.write_backward in the copy
 * @mirror: enum perfring_mirror
 * @padding: 0
 */
struct perfring_device_opts {
	size_t size;
	size_t pages;
	uint32_t watermark;
	uint32_t wakeup_events;
	uint8_t overwrite;
	uint8_t backward;
	uint8_t mirror;
	uint8_t padding[5];
};

/**
 * struct perfring_image_opts - how to take bytes that look like a ring
 * @size: sizeof(struct perfring_image_opts)
 * @attr: what the records look like, copied; NULL: what
 *	perfring_storage_save() noted in the image, without a note the default
 *	of struct perfring_memory_opts
 * @page_size: bytes of the control page; 0: what the control page says
 *	(data_offset), or this machine's page size where it says nothing
 * @overwrite: not 0: the ring was an overwriting one
 * @padding: 0
 */
struct perfring_image_opts {
	size_t size;
	const struct perf_event_attr *attr;
	size_t page_size;
	uint8_t overwrite;
	uint8_t padding[7];
};

/**
 * perfring_storage_open_memory - a ring in anonymous memory, with a writer
 * @opts: options or NULL
 * @out: the storage; unchanged on error
 *
 * The page before and the page after the ring are inaccessible, so that a byte out
 * of bounds faults.  The descriptor is an eventfd, readable when a wakeup was
 * due since perfring_storage_clear_wakeup().
 *
 * Return: 0; -EINVAL pages not 2^n, position not a multiple of 8 or beyond
 * an unsigned long, padding not zero; -E2BIG a newer structure; -ENOMEM; -EMFILE.
 */
int perfring_storage_open_memory(const struct perfring_memory_opts *opts,
				 struct perfring_storage **out);

/**
 * perfring_storage_open_perf - perf_event_open(2) and mmap(2)
 * @attr: the event; copied, attr->size 0 counts as sizeof
 * @pid: as in perf_event_open(2)
 * @cpu: as in perf_event_open(2)
 * @opts: options or NULL
 * @out: the storage; unchanged on error
 *
 * The descriptor is close-on-exec and nonblocking.
 *
 * Return: 0; -ENODEV the CPU is offline; -EPERM from the mapping is explained
 * by perfring_storage_explain_mmap(); otherwise what perf_event_open(2), mmap(2)
 * answer; -EINVAL and -E2BIG also as in perfring_storage_open_memory().
 */
int perfring_storage_open_perf(const struct perf_event_attr *attr, pid_t pid, int cpu,
			       const struct perfring_perf_opts *opts,
			       struct perfring_storage **out);

/**
 * perfring_storage_open_device - open, set up and map /dev/perfringN
 * @path: the device file; its trailing number is the CPU
 * @attr: the event, installed by PERF_EVENT_IOC_MODIFY_ATTRIBUTES and copied;
 *	NULL leaves the device's default of struct perfring_memory_opts
 * @opts: options or NULL
 * @out: the storage; unchanged on error
 *
 * From there on like perfring_storage_open_perf().
 *
 * Return: 0; -ENODEV the CPU is offline; -ENOENT or -ENXIO without the module;
 * otherwise as perfring_storage_open_perf().
 */
int perfring_storage_open_device(const char *path, const struct perf_event_attr *attr,
				 const struct perfring_device_opts *opts,
				 struct perfring_storage **out);

/**
 * perfring_storage_open_image - a file that perfring_storage_save() wrote
 * @path: file of 1 + 2^n pages; read into memory, then closed
 * @opts: options or NULL
 * @out: the storage; unchanged on error
 *
 * Reading the ring moves the tail of the copy in memory, never of the file.
 *
 * Return: 0; errno of open(2) and read(2); -EBADMSG the control page and the
 * file's size disagree; -EINVAL not 1 + 2^n pages; -ENODATA shorter than that; -EOPNOTSUPP
 * written by a machine of the other byte order; -E2BIG a newer structure; -ENOMEM.
 */
int perfring_storage_open_image(const char *path, const struct perfring_image_opts *opts,
				struct perfring_storage **out);

/**
 * perfring_storage_from_contiguous - a ring in memory of the caller
 * @memory: control page, then data pages, 8-byte aligned; stays the caller's,
 *	outlives the storage; data_tail in it is written
 * @bytes: all of it
 * @opts: options or NULL
 * @out: the storage; unchanged on error
 *
 * A control page whose data_offset and data_size are both zero (kernels before
 * 4.1) is taken as one page followed by data.
 *
 * Return: 0; -ENODATA shorter than two pages; -EINVAL not 1 + 2^n pages or a page
 * size that is not a power of two of at least 4096; -EFAULT not aligned;
 * -EBADMSG the control page and @bytes disagree; -EOPNOTSUPP the other byte order; -E2BIG a
 * newer structure; -ENOMEM.
 */
int perfring_storage_from_contiguous(void *memory, size_t bytes,
				     const struct perfring_image_opts *opts,
				     struct perfring_storage **out);

/**
 * perfring_storage_save - write a ring to a file
 * @storage: any storage with a ring; pause it, or accept that a running writer
 *	tears the oldest records of an overwriting ring
 * @path: created or truncated, mode 0600 less umask
 *
 * The file is the control page and the data pages as they are in memory.  Bytes
 * 2048 and on of the control page, which perf leaves zero, note the attr, the
 * CPU and the flags; nothing else differs.
 *
 * Return: 0; errno of open(2), write(2) and close(2); -ENODEV without a ring; -EOPNOTSUPP a BPF
 * ring buffer; -ENOMEM.
 */
int perfring_storage_save(const struct perfring_storage *storage, const char *path);

/**
 * perfring_storage_close - unmap and close
 * @storage: no ring may be open on it; NULL does nothing
 *
 * Return: 0, -EBUSY while a ring is open on it (nothing is closed then).
 */
int perfring_storage_close(struct perfring_storage *storage);

/**
 * perfring_pages_for_bytes - data pages that hold so many bytes
 * @bytes: at least so many; 0 counts as 1
 *
 * Return: the smallest power of two of pages of this machine; 0 when @bytes is
 * more than a mapping can be.  8193 bytes need 4 pages of 4 KiB.
 */
size_t perfring_pages_for_bytes(size_t bytes);

/* Accessors: valid while the storage is open; none fails. */

/* "memory", "perf", "device", "image" or "bpf" */
const char *perfring_storage_kind(const struct perfring_storage *storage);
/*
 * control page; NULL without a ring or for a BPF ring buffer; written by the ring's
 * reader alone (data_tail)
 */
struct perf_event_mmap_page *perfring_storage_control(const struct perfring_storage *storage);
/*
 * First data byte, of twice perfring_storage_data_size() with PERFRING_STORAGE_MIRRORED;
 * NULL without a ring.
 */
const void *perfring_storage_data(const struct perfring_storage *storage);
/* data bytes, a power of two; 0 without a ring */
size_t perfring_storage_data_size(const struct perfring_storage *storage);
/* bytes of the control page */
size_t perfring_storage_page_size(const struct perfring_storage *storage);
/* pollable descriptor, owned by the storage; -1: none */
int perfring_storage_fd(const struct perfring_storage *storage);
/* CPU that writes; -1: unknown or any */
int perfring_storage_cpu(const struct perfring_storage *storage);
/* the attr as it was installed; attr.size is sizeof(struct perf_event_attr) */
const struct perf_event_attr *perfring_storage_attr(const struct perfring_storage *storage);
/* PERFRING_STORAGE_* */
unsigned int perfring_storage_flags(const struct perfring_storage *storage);

/*
 * ioctl(2) wrappers.  Return 0 or its negative errno.  Memory can pause, resume
 * and has id 0; what a storage cannot do at all is -EOPNOTSUPP.
 */
int perfring_storage_enable(struct perfring_storage *storage);
int perfring_storage_disable(struct perfring_storage *storage);
int perfring_storage_reset(struct perfring_storage *storage);
int perfring_storage_pause(struct perfring_storage *storage);
int perfring_storage_resume(struct perfring_storage *storage);
int perfring_storage_set_period(struct perfring_storage *storage, uint64_t period);
int perfring_storage_id(const struct perfring_storage *storage, uint64_t *id);

/**
 * perfring_storage_set_filter - which hits of a tracepoint or an address filter count
 * @storage: perf; a tracepoint, or a PMU that filters by address
 * @filter: text as in tracefs, "prev_pid == 1"; see PERF_EVENT_IOC_SET_FILTER
 *
 * Return: 0; -EOPNOTSUPP no such storage; errno of ioctl(2).
 */
int perfring_storage_set_filter(struct perfring_storage *storage, const char *filter);

/**
 * perfring_storage_set_bpf - run a BPF program whenever the event happens
 * @storage: perf; a tracepoint or probe, or an event that samples
 * @program: descriptor of the loaded program; may be closed afterwards
 *
 * A program that returns 0 keeps the sample out of the ring.
 *
 * Return: 0; -EOPNOTSUPP no such storage; -EINVAL the wrong kind of program; -EEXIST there is
 * one; other errnos of PERF_EVENT_IOC_SET_BPF.
 */
int perfring_storage_set_bpf(struct perfring_storage *storage, int program);

/**
 * perfring_storage_read - read(2) the event's counts
 * @storage: perf or device
 * @words: room for the answer in the layout of attr.read_format;
 *	perfring_decode_read() of format.h takes it apart
 * @nr: room, in words
 *
 * Return: words read; 0 when the event is in error state; -ENOSPC too little
 * room; -EOPNOTSUPP no descriptor that counts.
 */
int perfring_storage_read(const struct perfring_storage *storage, uint64_t *words, size_t nr);

/**
 * perfring_storage_clear_wakeup - take back a wakeup that was seen
 * @storage: any; only the eventfd of a memory storage needs it
 *
 * Call it before looking at the ring, not after: what is written in between
 * then wakes again.  struct perfring_reader does so by itself.
 */
void perfring_storage_clear_wakeup(struct perfring_storage *storage);

/* perfring_storage_map_aux() */
#define PERFRING_AUX_OVERWRITE	(1U << 0)	/* never full, aux_tail is ignored */

/**
 * perfring_storage_map_aux - map the AUX area of an event that has one
 * @storage: perf, its ring mapped and not overwriting
 * @pages: a power of two
 * @flags: PERFRING_AUX_*
 *
 * What the hardware writes there (Intel PT, SPE, CoreSight, ...) is handed out as it is;
 * PERF_RECORD_AUX in the ring says which bytes are new.  Unmapped with the storage.
 *
 * Return: 0; -EOPNOTSUPP the event's PMU has no AUX area, or the storage is none of perf;
 * -EINVAL bad arguments; -EBUSY mapped already; -EACCES the ring is mapped read-only;
 * -ENODEV without a ring; otherwise what mmap(2) answers (perf_event_open(2)).
 */
int perfring_storage_map_aux(struct perfring_storage *storage, size_t pages, unsigned int flags);

/*
 * The AUX area: first byte, NULL when not mapped; bytes, 0 when not mapped.  Positions are
 * free running, as data_head and data_tail: bytes from tail to head are there, at position
 * modulo size.  The tail says that all before it has been read; any thread may call, and one
 * may set the tail.
 */
const void *perfring_storage_aux(const struct perfring_storage *storage);
size_t perfring_storage_aux_size(const struct perfring_storage *storage);
uint64_t perfring_storage_aux_head(const struct perfring_storage *storage);
void perfring_storage_set_aux_tail(struct perfring_storage *storage, uint64_t tail);

/**
 * struct perfring_mmap_report - the arithmetic of the locked-memory limit
 * @error: the negative errno that is explained
 * @paranoid: kernel.perf_event_paranoid; INT32_MIN when unreadable
 * @pages: asked for, the control page included
 * @page_size: bytes
 * @kb: asked for, KiB
 * @mlock_kb: kernel.perf_event_mlock_kb, KiB for each online CPU and user; -1
 *	when unreadable
 * @online_cpus: CPUs online
 * @free_of_limit_kb: @mlock_kb * @online_cpus: what a user may map before
 *	RLIMIT_MEMLOCK counts; other rings of the user count against it too
 * @rlimit_kb: RLIMIT_MEMLOCK, KiB; UINT64_MAX unlimited
 * @pinned_kb: VmPin of this process, KiB, which counts against @rlimit_kb
 * @data_pages_fit: the largest 2^n of data pages that would fit if the user had
 *	no other ring; 0 none, SIZE_MAX when no limit applies
 * @unlimited: not 0: paranoid < 0 or CAP_IPC_LOCK, no limit applies
 * @padding: 0
 */
struct perfring_mmap_report {
	int32_t error;
	int32_t paranoid;
	size_t pages;
	size_t page_size;
	uint64_t kb;
	int64_t mlock_kb;
	uint64_t online_cpus;
	uint64_t free_of_limit_kb;
	uint64_t rlimit_kb;
	uint64_t pinned_kb;
	size_t data_pages_fit;
	uint8_t unlimited;
	uint8_t padding[7];
};

/**
 * perfring_storage_explain_mmap - why a ring could not be mapped
 * @data_pages: asked for, without the control page
 * @error: the negative errno that open answered
 * @report: filled from /proc, sysctls and limits of now
 *
 * Return: 0; -EINVAL @report is NULL.
 */
int perfring_storage_explain_mmap(size_t data_pages, int error,
				  struct perfring_mmap_report *report);

/**
 * perfring_storage_format_mmap - a report as text
 * @report: from perfring_storage_explain_mmap()
 * @buffer: room for the text, always terminated when @len > 0
 * @len: bytes of room
 *
 * Return: the length of the whole text without its terminator, as snprintf(3);
 * several lines, each ended by a newline.
 */
int perfring_storage_format_mmap(const struct perfring_mmap_report *report, char *buffer,
				 size_t len);

#ifdef __cplusplus
}
#endif

#endif /* PERFRING_STORAGE_H */
