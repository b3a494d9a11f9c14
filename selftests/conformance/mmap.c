// SPDX-License-Identifier: GPL-2.0
/* mmap(2): sizes, offsets, protections, flags, the first mapping and those after it. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include "conformance.h"

/* What a mapping shows, and whether the event writes to it. */
static void look(struct side *side, int fd, const void *map)
{
	const struct perf_event_mmap_page *page = map;

	say(side, "offset=%llu size=%llu", (unsigned long long)page->data_offset,
	    (unsigned long long)page->data_size);
	do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
	say_ret(side, "write", side_write(side, fd, "x", 1));
	say(side, "head=%lld", (long long)page->data_head);
	say_poll(side, "poll", poll_events(fd, 0));
}

/* 0 or -errno in the transcript; where it is, or MAP_FAILED */
static void *map(struct side *side, const char *what, int fd, void *at, size_t len, int prot,
		 int flags, off_t offset)
{
	void *ret = mmap(at, len, prot, flags, fd, offset);

	say_ret(side, what, ret == MAP_FAILED ? -errno : 0);
	if (ret != MAP_FAILED && at)
		say(side, "there=%d", ret == at);
	return ret;
}

/* @a bytes. */
static void run_bytes(struct side *side, uint64_t a, uint64_t b)
{
	int fd = side_open(side, NULL);
	void *at = map(side, "map", fd, NULL, a, b ? RW : PROT_READ, MAP_SHARED, 0);

	say_poll(side, "poll", poll_events(fd, 0));
	if (at == MAP_FAILED)
		return;
	look(side, fd, at);
	say_call(side, "unmap", munmap(at, a));
	say_poll(side, "poll", poll_events(fd, 0));
}

/* 1 + 2 pages at an offset of @a bytes; @b: when there is a ring already */
static void run_offset(struct side *side, uint64_t a, uint64_t b)
{
	int fd = side_open(side, NULL);

	if (b)
		map(side, "first", fd, NULL, 3 * PAGE, RW, MAP_SHARED, 0);
	map(side, "map", fd, NULL, b == 2 ? 2 * PAGE : 3 * PAGE, RW, MAP_SHARED, a);
	say_poll(side, "poll", poll_events(fd, 0));
}

/* Protections and flags. */
static void run_flags(struct side *side, uint64_t a, uint64_t b)
{
	int fd = side_open(side, NULL);
	void *at = map(side, "map", fd, NULL, 3 * PAGE, a, b, 0);

	if (at == MAP_FAILED)
		return;
	if (a & PROT_READ)
		look(side, fd, at);
	say_call(side, "unmap", munmap(at, 3 * PAGE));
}

/* A first mapping of 1 + 4 pages, protected as @a >> 8; a second of @b bytes, as @a & 7 */
static void run_second(struct side *side, uint64_t a, uint64_t b)
{
	int fd = side_open(side, NULL);
	struct perf_event_mmap_page *one, *two;

	one = map(side, "first", fd, NULL, 5 * PAGE, a >> 8, MAP_SHARED, 0);
	two = map(side, "second", fd, NULL, b, a & 7, MAP_SHARED, 0);
	if (two == MAP_FAILED) {
		look(side, fd, one);
		return;
	}
	if (a & PROT_WRITE)
		two->data_tail = 4711;
	say(side, "tail=%lld", (long long)one->data_tail);
	look(side, fd, two);
	say_call(side, "unmap first", munmap(one, 5 * PAGE));
	say(side, "head=%lld", (long long)two->data_head);
	say_ret(side, "write", side_write(side, fd, "x", 1));
	say_poll(side, "poll", poll_events(fd, 0));
	/* A third, while the second is there. */
	one = map(side, "third", fd, NULL, 5 * PAGE, PROT_READ, MAP_SHARED, 0);
	say_call(side, "unmap second", munmap(two, b));
	say_poll(side, "poll", poll_events(fd, 0));
	say_call(side, "unmap third", munmap(one, 5 * PAGE));
	say_poll(side, "poll", poll_events(fd, 0));
	one = map(side, "another size", fd, NULL, 3 * PAGE, RW, MAP_SHARED, 0);
	if (one != MAP_FAILED)
		look(side, fd, one);
}

enum fixed {
	OVER_NOTHING, OVER_MEMORY, NOREPLACE_NOTHING, NOREPLACE_MEMORY, OVER_HEAD, OVER_DATA,
	OVER_TAIL, OVER_WHOLE, OVER_MORE, RING_OVER_ITSELF, RING_OVER_OTHER, RING_OVER_PART,
	MISALIGNED, NR_FIXED,
};

static const char *const fixed_names[] = {
	"over nothing", "over memory", "not replacing, over nothing", "not replacing, over memory",
	"memory over the control page", "memory over a data page", "memory over the last page",
	"memory over it all", "memory over it all and more", "itself over itself",
	"another ring over it", "another ring over part of it", "at an odd address",
};

static void run_fixed(struct side *side, uint64_t a, uint64_t b)
{
	int fd = side_open(side, NULL), other = side_open(side, NULL);
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
	char *at = mmap(NULL, 16 * PAGE, PROT_NONE, anon, -1, 0) + 4 * PAGE, *ring = at;
	struct perf_event_mmap_page *page = (void *)ring;

	switch ((enum fixed)a) {
	case OVER_NOTHING:
		munmap(at, 3 * PAGE);
		map(side, "map", fd, at, 3 * PAGE, RW, MAP_SHARED | MAP_FIXED, 0);
		break;
	case NOREPLACE_NOTHING:
		munmap(at, 3 * PAGE);
		map(side, "map", fd, at, 3 * PAGE, RW, MAP_SHARED | MAP_FIXED_NOREPLACE, 0);
		break;
	case NOREPLACE_MEMORY:
		map(side, "map", fd, at, 3 * PAGE, RW, MAP_SHARED | MAP_FIXED_NOREPLACE, 0);
		say_poll(side, "poll", poll_events(fd, 0));
		return;
	case MISALIGNED:
		map(side, "map", fd, at + 8, 3 * PAGE, RW, MAP_SHARED | MAP_FIXED, 0);
		say_poll(side, "poll", poll_events(fd, 0));
		return;
	default:
		map(side, "map", fd, at, 3 * PAGE, RW, MAP_SHARED | MAP_FIXED, 0);
	}
	switch ((enum fixed)a) {
	case OVER_HEAD:
		map(side, "over", -1, at, PAGE, RW, anon | MAP_FIXED, 0);
		break;
	case OVER_DATA:
		map(side, "over", -1, at + PAGE, PAGE, RW, anon | MAP_FIXED, 0);
		break;
	case OVER_TAIL:
		map(side, "over", -1, at + 2 * PAGE, 2 * PAGE, RW, anon | MAP_FIXED, 0);
		break;
	case OVER_WHOLE:
		map(side, "over", -1, at, 3 * PAGE, RW, anon | MAP_FIXED, 0);
		break;
	case OVER_MORE:
		map(side, "over", -1, at - PAGE, 5 * PAGE, RW, anon | MAP_FIXED, 0);
		break;
	case RING_OVER_ITSELF:
		map(side, "over", fd, at, 3 * PAGE, RW, MAP_SHARED | MAP_FIXED, 0);
		break;
	case RING_OVER_OTHER:
		map(side, "over", other, at, 3 * PAGE, RW, MAP_SHARED | MAP_FIXED, 0);
		say_poll(side, "poll", poll_events(other, 0));
		look(side, other, page);
		break;
	case RING_OVER_PART:
		map(side, "over", other, at + PAGE, 3 * PAGE, RW, MAP_SHARED | MAP_FIXED, 0);
		say_poll(side, "poll", poll_events(other, 0));
		break;
	default:
		break;
	}
	look(side, fd, page);
	say_call(side, "unmap", munmap(at, 3 * PAGE));
	say_poll(side, "poll", poll_events(fd, 0));
}

/* Which attr makes which ring: @a flags, see below. */
static void run_attr(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = output_attr();
	void *at;
	int fd;

	attr.write_backward = a & 1;
	attr.inherit = !!(a & 2);
	attr.watermark = !!(a & 4);
	attr.pinned = !!(a & 8);
	attr.disabled = !(a & 16);
	fd = side_open(side, &attr);
	at = map(side, "map", fd, NULL, 2 * PAGE, b, MAP_SHARED, 0);
	/* A BPF program does not write to an inherited event. */
	if (at != MAP_FAILED && !attr.inherit)
		look(side, fd, at);
	close(fd);
	if (at != MAP_FAILED)
		say_call(side, "unmap", munmap(at, 2 * PAGE));
}

static void run_closed(struct side *side, uint64_t a, uint64_t b)
{
	int fd = side_open(side, NULL);

	if (a)
		map(side, "first", fd, NULL, 3 * PAGE, RW, MAP_SHARED, 0);
	close(fd);
	map(side, "map", fd, NULL, 3 * PAGE, RW, MAP_SHARED, 0);
}

/* Address space and other limits of the process, as root. */
static void run_limit(struct side *side, uint64_t a, uint64_t b)
{
	struct rlimit limit = { b, b };
	int fd = side_open(side, NULL);
	void *at;

	say_call(side, "setrlimit", setrlimit(a, &limit));
	at = map(side, "map", fd, NULL, 257 * PAGE, RW, MAP_SHARED, 0);
	if (at != MAP_FAILED)
		say_call(side, "unmap", munmap(at, 257 * PAGE));
}

static void flag_rows(void)
{
	static const struct {
		int flags;
		const char *name;
	} flags[] = {
		{ MAP_SHARED, "shared" }, { MAP_PRIVATE, "private" },
		{ MAP_SHARED_VALIDATE, "shared, validated" },
		{ MAP_SHARED | MAP_POPULATE, "shared, populated" },
		{ MAP_SHARED | MAP_LOCKED, "shared, locked" },
		{ MAP_SHARED | MAP_NORESERVE, "shared, no reserve" },
		{ MAP_SHARED | MAP_HUGETLB, "shared, huge pages" },
#ifdef MAP_32BIT
		{ MAP_SHARED | MAP_32BIT, "shared, below 2 GiB" },
#endif
		{ MAP_SHARED | MAP_GROWSDOWN, "shared, growing down" },
		{ MAP_SHARED_VALIDATE | MAP_SYNC, "shared, synchronous" },
		{ MAP_SHARED | MAP_PRIVATE, "all types" }, { 0, "no type" },
	};
	static const char *const prots[] = {
		"none", "r", "w", "rw", "x", "rx", "wx", "rwx",
	};
	unsigned int i, prot;

	for (i = 0; i < ARRAY_LEN(flags); i++)
		for (prot = 0; prot < 8; prot++)
			add("mmap flags", run_flags, prot, flags[i].flags, "%s, %s",
			    flags[i].name, prots[prot]);
}

void mmap_rows(void)
{
	const uint64_t page = PAGE, bytes[] = {
		0, 1, page - 1, page + 1, 2 * page - 1, 2 * page + 1, 3 * page - 1, 3 * page + 1,
		5 * page - 1, 5 * page + 1, 33 * page, 65 * page, 66 * page, 129 * page,
		1025 * page,
		/* More than memory or a record of all the pages can be. */
		((1ULL << (page > 4096 ? 23 : 20)) + 1) * page, ((1ULL << 24) + 1) * page,
		((1ULL << 31) + 1) * page,
		(1ULL << 20) * PAGE, ((1ULL << 34) + 1) * PAGE, 1ULL << 47, 1ULL << 63, ~0UL,
	};
	const uint64_t offsets[] = {
		1, 8, 2048, page, 2 * page, 3 * page, 4 * page, 8 * page, 1UL << 31, 1ULL << 32,
		1ULL << 62, -page,
	};
	static const size_t seconds[] = { 1, 2, 3, 4, 5, 6, 9, 17 };
	static const unsigned int pairs[] = {
		3 << 8 | 3, 3 << 8 | 1, 1 << 8 | 3, 1 << 8 | 1, 3 << 8 | 7,
	};
	unsigned int i, k;

	for (i = 0; i <= 18; i++)
		for (k = 0; k < 2; k++)
			add("mmap size", run_bytes, i * PAGE, k, "%u pages, %s", i,
			    k ? "rw" : "r");
	for (i = 0; i < ARRAY_LEN(bytes); i++)
		if (bytes[i] == (size_t)bytes[i])
			add("mmap size", run_bytes, bytes[i], 1, "%#llx bytes",
			    (unsigned long long)bytes[i]);
	for (i = 0; i < ARRAY_LEN(offsets); i++) {
		add("mmap offset", run_offset, offsets[i], 0, "%#llx",
		    (unsigned long long)offsets[i]);
		add("mmap offset", run_offset, offsets[i], 1, "%#llx, with a ring",
		    (unsigned long long)offsets[i]);
		add("mmap offset", run_offset, offsets[i], 2, "%#llx, with a ring, 2 pages",
		    (unsigned long long)offsets[i]);
	}
	flag_rows();
	for (i = 0; i < ARRAY_LEN(seconds); i++)
		for (k = 0; k < ARRAY_LEN(pairs); k++)
			add("mmap again", run_second, pairs[k], seconds[i] * PAGE,
			    "%zu pages, protection %u after %u", seconds[i], pairs[k] & 7,
			    pairs[k] >> 8);
	for (i = 0; i < NR_FIXED; i++)
		add("MAP_FIXED", run_fixed, i, 0, "%s", fixed_names[i]);
	for (i = 0; i < 32; i++)
		add("mmap of an attr", run_attr, i, i & 1 ? PROT_READ : RW, "%s%s%s%s%s",
		    i & 1 ? "backward" : "forward", i & 2 ? ", inherit" : "",
		    i & 4 ? ", watermark" : "", i & 8 ? ", pinned" : "",
		    i & 16 ? ", enabled" : "");
	add("mmap again", run_closed, 0, 0, "after close");
	add("mmap again", run_closed, 1, 0, "after close, one is there");
	add("mmap limits", run_limit, RLIMIT_AS, 1 << 20, "RLIMIT_AS of 1 MiB");
	add("mmap limits", run_limit, RLIMIT_DATA, PAGE, "RLIMIT_DATA of a page");
	add("mmap limits", run_limit, RLIMIT_MEMLOCK, 0, "RLIMIT_MEMLOCK of 0 as root");
	add("mmap limits", run_limit, RLIMIT_FSIZE, 0, "RLIMIT_FSIZE of 0");
}
