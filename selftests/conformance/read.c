// SPDX-License-Identifier: GPL-2.0
/* read(2) and what else moves a file's bytes. */
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>
#include "conformance.h"

/* Most that read(2) has: value or nr, two times, value, id, lost. */
#define MOST	(6 * sizeof(uint64_t))

/* The bytes of a read_format without siblings, from the man page's structures. */
static size_t format_size(uint64_t format)
{
	return (1 + __builtin_popcountll(format)) * sizeof(uint64_t);
}

static int open_format(struct side *side, uint64_t format)
{
	struct perf_event_attr attr = output_attr();

	attr.read_format = format;
	return side_open(side, &attr);
}

/*
 * What is read with format @a into @b bytes.  The ID is the one that the ioctl
 * says, times have passed or not; the rest is a number.
 */
static void run_format(struct side *side, uint64_t a, uint64_t b)
{
	uint64_t words[2 * MOST / sizeof(uint64_t)], id = 0;
	int fd = open_format(side, a);
	unsigned int i;
	ssize_t n;

	memset(words, 0x55, sizeof(words));
	say_ret(side, "id", do_ioctl(fd, PERF_EVENT_IOC_ID, &id));
	n = read(fd, words, b);
	say_call(side, "read", n);
	for (i = 0; i < ARRAY_LEN(words); i++)
		if (words[i] == id)
			say(side, "id");
		else
			say(side, "%#llx", (unsigned long long)words[i]);
}

/* The same once the event was enabled for a moment: the times pass, and are equal. */
static void run_times(struct side *side, uint64_t a, uint64_t b)
{
	uint64_t words[MOST / sizeof(uint64_t)] = {}, again[MOST / sizeof(uint64_t)] = {}, *time;
	int fd = open_format(side, a), i;

	time = &words[1];
	pin_to(ROW_CPU);	/* the time that is to pass is that of the event's CPU */
	for (i = 0; i < 2; i++) {
		say_ret(side, "enable", do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
		pass_time();
		if (b)
			say_ret(side, "disable", do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL));
		say_call(side, "read", read(fd, words, sizeof(words)));
		say(side, "passed=%d", time[0] >= 2000000);
		if ((a & 3) == 3)
			say(side, "equal=%d", time[0] == time[1]);
		pass_time();
		say_call(side, "read", read(fd, again, sizeof(again)));
		say(side, "goes on=%d", again[1] > words[1]);
	}
}

/* Into memory that is not there, or ends. */
static void run_bad(struct side *side, uint64_t a, uint64_t b)
{
	int fd = open_format(side, b);

	say_call(side, "read", read(fd, (void *)(uintptr_t)a, format_size(b)));
}

static void run_split(struct side *side, uint64_t a, uint64_t b)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *two = mmap(NULL, 2 * page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open_format(side, a);

	if (two == MAP_FAILED || munmap(two + page, page))
		give_up(side, "two pages: %s", strerror(errno));
	say_call(side, "read", read(fd, two + page - b, format_size(a)));
}

enum how {
	PREAD, PREAD_AT_8, LSEEK_SET, LSEEK_CUR, LSEEK_END, READV, PREADV, WRITE_NULL, SPLICE,
	SENDFILE, COPY_RANGE, FSYNC, FTRUNCATE, FALLOCATE, READAHEAD, FADVISE, NR_HOW,
};

static const char *const how_names[] = {
	"pread", "pread at 8", "lseek to the start", "lseek by 0", "lseek to the end",
	"readv in two parts", "preadv", "write of NULL", "splice to a pipe", "sendfile to a pipe",
	"copy_file_range", "fsync", "ftruncate", "fallocate", "readahead", "posix_fadvise",
};

static void run_how(struct side *side, uint64_t a, uint64_t b)
{
	uint64_t words[MOST / sizeof(uint64_t)] = {};
	struct iovec parts[2] = {
		{ .iov_base = words, .iov_len = 8 }, { .iov_base = words + 1, .iov_len = 40 },
	};
	int fd = open_format(side, b), pipes[2];
	off64_t at = 0;
	long ret = -1;

	if (pipe(pipes))
		give_up(side, "pipe: %s", strerror(errno));
	switch ((enum how)a) {
	case PREAD:
		ret = pread(fd, words, sizeof(words), 0);
		break;
	case PREAD_AT_8:
		ret = pread(fd, words, sizeof(words), 8);
		break;
	case LSEEK_SET:
		ret = lseek(fd, 0, SEEK_SET);
		break;
	case LSEEK_CUR:
		ret = lseek(fd, 0, SEEK_CUR);
		break;
	case LSEEK_END:
		ret = lseek(fd, 0, SEEK_END);
		break;
	case READV:
		ret = readv(fd, parts, 2);
		break;
	case PREADV:
		ret = preadv(fd, parts, 2, 0);
		break;
	case WRITE_NULL:
		ret = write(fd, NULL, 0);
		break;
	case SPLICE:
		ret = splice(fd, NULL, pipes[1], NULL, 4096, SPLICE_F_NONBLOCK);
		break;
	case SENDFILE:
		ret = sendfile(pipes[1], fd, NULL, 4096);
		break;
	case COPY_RANGE:
		ret = copy_file_range(fd, &at, pipes[1], NULL, 4096, 0);
		break;
	case FSYNC:
		ret = fsync(fd);
		break;
	case FTRUNCATE:
		ret = ftruncate(fd, 0);
		break;
	case FALLOCATE:
		ret = fallocate(fd, 0, 0, 4096);
		break;
	case READAHEAD:
		ret = readahead(fd, 0, 4096);
		break;
	case FADVISE:
		ret = -posix_fadvise(fd, 0, 4096, POSIX_FADV_WILLNEED);
		say_ret(side, how_names[a], ret);
		return;
	case NR_HOW:
		break;
	}
	say_call(side, how_names[a], ret);
}

/* What LOST counts after @a samples of 1016 bytes each into a ring of @b pages. */
static void run_lost(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = output_attr();
	uint64_t words[2] = {};
	char payload[1000] = {};
	struct raw raw;
	int fd;

	attr.read_format = PERF_FORMAT_LOST;
	fd = side_ready(side, &attr, &raw, b);
	while (a--)
		say_ret(side, "write", side_write(side, fd, payload, sizeof(payload)));
	say_call(side, "read", read(fd, words, sizeof(words)));
	say(side, "count=%llu lost=%llu", (unsigned long long)words[0],
	    (unsigned long long)words[1]);
	say_ret(side, "reset", do_ioctl(fd, PERF_EVENT_IOC_RESET, NULL));
	say_call(side, "read", read(fd, words, sizeof(words)));
	say(side, "count=%llu lost=%llu", (unsigned long long)words[0],
	    (unsigned long long)words[1]);
	say_records(side, &raw, false);
	say_ret(side, "write", side_write(side, fd, payload, sizeof(payload)));
	say_records(side, &raw, false);
}

void read_rows(void)
{
	static const char *const counts[] = { "0", "short", "exact", "long" };
	uint64_t format;
	unsigned int i;

	for (format = 0; format < PERF_FORMAT_MAX; format++) {
		size_t size = format_size(format);
		size_t count[] = { 0, size - 1, size, 2 * MOST };

		for (i = 0; i < ARRAY_LEN(count); i++)
			add("read", run_format, format, count[i], "format %#llx, count %s",
			    (unsigned long long)format, counts[i]);
	}
	for (format = 1; format <= 3; format++)
		for (i = 0; i < 2; i++)
			add("read", run_times, format, i, "format %#llx, times%s",
			    (unsigned long long)format, i ? ", disabled again" : "");
	add("read", run_bad, 0, 0, "at NULL");
	add("read", run_bad, 8, 0x1f, "at 8, all formats");
	add("read", run_bad, ~7ULL, 0, "at 2^64 - 8");
	add("read", run_split, 0x1f, 8, "8 of 48 bytes are mapped");
	add("read", run_split, 0x1f, 48, "48 of 48 bytes are mapped");
	add("read", run_split, 0x1f, 47, "47 of 48 bytes are mapped");
	for (i = 0; i < NR_HOW; i++)
		add("read", run_how, i, 0x1f, "%s", how_names[i]);
	add("read", run_lost, 3, 1, "LOST, nothing lost");
	add("read", run_lost, 4, 1, "LOST, one lost");
	add("read", run_lost, 9, 1, "LOST, some lost");
	add("read", run_lost, 3, 0, "LOST, no data pages");
}
