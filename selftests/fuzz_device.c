// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common.h"
#include "fuzz_device.h"

static uint64_t draw(struct fuzz_device *f)
{
	/* splitmix64 */
	uint64_t z = f->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t below(struct fuzz_device *f, uint64_t n)
{
	return draw(f) % n;
}

static bool one_in(struct fuzz_device *f, uint64_t n)
{
	return !below(f, n);
}

/* A number that somebody has forgotten to check. */
static uint64_t odd(struct fuzz_device *f)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 3, 4, 7, 8, 9, 16, 24, 63, 64, 100, 255, 256, 4088, 4095, 4096, 4097, 8192,
		65520, 65528, 65535, 65536, 65537, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff,
		0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffff8,
		0xffffffffffffffff,
	};

	return one_in(f, 8) ? draw(f) >> below(f, 64) : numbers[below(f, ARRAY_LEN(numbers))];
}

static int any_fd(struct fuzz_device *f)
{
	/* Never one that is not ours: others stand by. */
	if (one_in(f, 20))
		return one_in(f, 2) ? -1 : 9999;
	return f->fd[below(f, FUZZ_DEVICE_FDS)];
}

/* Bytes from here to there, by the kernel, who says when one is not there; to NULL: only from. */
static long carry(struct fuzz_device *f, void *to, const void *from, size_t len)
{
	if (pwrite(f->scratch, from, len, 0) < 0 || (to && pread(f->scratch, to, len, 0) < 0))
		return -errno;
	return 0;
}

/* Where an argument of @len bytes lies: mostly well, at times where it faults or is a ring. */
static void *place(struct fuzz_device *f, const void *bytes, size_t len)
{
	unsigned char *at = f->arg;
	unsigned int map = (unsigned int)below(f, FUZZ_DEVICE_MAPS);

	switch (below(f, 24)) {
	case 0:
		return (void *)(uintptr_t)odd(f);
	case 1:
		/* Its end is missing. */
		len = below(f, len + 1);
		at = f->arg + f->page - len;
		break;
	case 2:
		at = f->arg + f->page - len;
		break;
	case 3:
		if (f->map[map].at)
			at = f->map[map].at + below(f, f->map[map].len - len);
		break;
	default:
		break;
	}
	carry(f, at, bytes, len);
	return at;
}

/* One bit, one word, or nothing at all is other than it should be. */
static void spoil(struct fuzz_device *f, void *bytes, size_t len)
{
	unsigned char *at = bytes;
	uint64_t word;
	size_t offset;

	switch (below(f, 6)) {
	case 0:
		at[below(f, len)] ^= (unsigned char)(1U << below(f, 8));
		break;
	case 1:
		word = odd(f);
		offset = below(f, len / 4) * 4;
		memcpy(at + offset, &word, len - offset < 8 ? 4 : 8);
		break;
	default:
		break;
	}
}

static uint64_t any_config(struct fuzz_device *f, struct perf_event_attr *attr)
{
	static const char *const symbols[] = { "vfs_read", "do_nanosleep", "no_such_symbol", "" };
	uint64_t source = 1 + below(f, PERFRING_SOURCE_MAX);

	switch (source) {
	case PERFRING_SOURCE_GENERATOR:
		attr->config1 = (1 + below(f, 500)) | below(f, 4) << 32;
		attr->config2 = (16 + below(f, 300)) | (one_in(f, 2) ? 400ULL << 16 : 0);
		break;
	case PERFRING_SOURCE_SYSCALLS:
		attr->config1 = one_in(f, 2) ? (uint64_t)getpid() : 0;
		attr->config2 = one_in(f, 2) ? PERFRING_SYSCALLS_BY_NR | below(f, 400) : 0;
		break;
	case PERFRING_SOURCE_KPROBE:
		attr->config1 = (uintptr_t)symbols[below(f, ARRAY_LEN(symbols))];
		attr->config2 = one_in(f, 4) ? below(f, 64) : 0;
		break;
	default:
		break;
	}
	return source;
}

static struct perf_event_attr any_attr(struct fuzz_device *f)
{
	static const uint64_t fields[] = {
		PERF_SAMPLE_IP, PERF_SAMPLE_TID, PERF_SAMPLE_TIME, PERF_SAMPLE_ID, PERF_SAMPLE_CPU,
		PERF_SAMPLE_STREAM_ID, PERF_SAMPLE_PERIOD, PERF_SAMPLE_IDENTIFIER,
		PERF_SAMPLE_CALLCHAIN, PERF_SAMPLE_RAW, PERF_SAMPLE_RAW,
	};
	struct perf_event_attr attr = output_attr();

	for (uint64_t i = below(f, 6); i; i--)
		attr.sample_type |= fields[below(f, ARRAY_LEN(fields))];
	if (attr.sample_type & PERF_SAMPLE_CALLCHAIN)
		attr.exclude_callchain_user = 1;
	attr.sample_id_all = one_in(f, 2);
	attr.write_backward = one_in(f, 4);
	attr.disabled = one_in(f, 2);
	attr.read_format = below(f, 32);
	if (one_in(f, 2)) {
		attr.watermark = 1;
		attr.wakeup_watermark = (uint32_t)below(f, 8192);
	} else {
		attr.wakeup_events = (uint32_t)below(f, 4);
	}
	if (one_in(f, 3)) {
		attr.type = (uint32_t)f->pmu;
		attr.config = any_config(f, &attr);
	} else if (one_in(f, 12)) {
		attr.config = PERF_COUNT_SW_DUMMY;
	}
	spoil(f, &attr, sizeof(attr));
	return attr;
}

static void slot_close(struct fuzz_device *f, unsigned int slot)
{
	if (f->fd[slot] >= 0)
		close(f->fd[slot]);
	f->fd[slot] = -1;
}

/* Each returns what the call did: 0 or more, or -errno. */

static long call_open(struct fuzz_device *f)
{
	static const int flags[] = { O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_WRONLY, O_RDWR | O_TRUNC };
	unsigned int slot = (unsigned int)below(f, FUZZ_DEVICE_FDS);
	char path[32];

	slot_close(f, slot);
	snprintf(path, sizeof(path), "/dev/perfring%d", one_in(f, 2) ? 0 : f->other_cpu);
	f->fd[slot] = open(path, flags[below(f, ARRAY_LEN(flags))] | O_CLOEXEC | O_NONBLOCK);
	return f->fd[slot] < 0 ? -errno : 0;
}

static long call_close(struct fuzz_device *f)
{
	slot_close(f, (unsigned int)below(f, FUZZ_DEVICE_FDS));
	return 0;
}

static long call_dup(struct fuzz_device *f)
{
	unsigned int slot = (unsigned int)below(f, FUZZ_DEVICE_FDS);
	int fd = dup(any_fd(f));

	if (fd < 0)
		return -errno;
	slot_close(f, slot);
	f->fd[slot] = fd;
	return 0;
}

static void map_drop(struct fuzz_device *f, unsigned int i)
{
	if (f->map[i].at)
		munmap(f->map[i].at, f->map[i].len);
	f->map[i].at = NULL;
}

static long call_mmap(struct fuzz_device *f)
{
	static const size_t pages[] = { 2, 2, 3, 3, 5, 9, 17, 33, 1, 4, 0, 65 };
	unsigned int i = (unsigned int)below(f, FUZZ_DEVICE_MAPS);
	size_t len = pages[below(f, ARRAY_LEN(pages))] * f->page;
	int prot = one_in(f, 4) ? PROT_READ : PROT_READ | PROT_WRITE;
	int flags = one_in(f, 16) ? MAP_PRIVATE : MAP_SHARED;
	off_t offset = one_in(f, 3) ? (off_t)PERFRING_MMAP_MIRROR : 0;
	void *at;

	if (one_in(f, 16))
		offset = (off_t)(odd(f) & ~(f->page - 1));
	if (one_in(f, 32))
		len = odd(f);
	if (one_in(f, 32))
		prot = (int)below(f, 8);
	map_drop(f, i);
	/* Not gigabytes by mistake: what is mapped is memory of the guest. */
	if (len > 1 << 20 && !(len >> 20 >> 20))
		len = 1 << 20;
	at = mmap(NULL, len, prot, flags, any_fd(f), offset);
	if (at == MAP_FAILED)
		return -errno;
	f->map[i].at = at;
	f->map[i].len = (len + f->page - 1) & ~(f->page - 1);
	return 0;
}

static long call_munmap(struct fuzz_device *f)
{
	unsigned int i = (unsigned int)below(f, FUZZ_DEVICE_MAPS);
	size_t len = f->map[i].len, at;

	if (!f->map[i].at)
		return -EINVAL;
	if (one_in(f, 2) || len <= f->page) {
		map_drop(f, i);
		return 0;
	}
	/* A hole in it; what is left goes later, as if it were whole. */
	at = below(f, len / f->page) * f->page;
	return munmap(f->map[i].at + at, f->page) ? -errno : 0;
}

static long call_vm(struct fuzz_device *f)
{
	unsigned int i = (unsigned int)below(f, FUZZ_DEVICE_MAPS);
	unsigned char *at = f->map[i].at;
	size_t len = f->map[i].len, to_len;
	void *to;
	int ret;

	if (!at)
		return -EINVAL;
	switch (below(f, 4)) {
	case 0:
		ret = mprotect(at, len, (int)below(f, 8));
		break;
	case 1:
		ret = madvise(at, len, (int)below(f, 26));
		break;
	case 2:
		to_len = len + (below(f, 3) - 1) * f->page;
		to = mremap(at, len, to_len, (int)below(f, 2) * MREMAP_MAYMOVE);
		if (to == MAP_FAILED)
			return -errno;
		f->map[i].at = to;
		f->map[i].len = to_len;
		return 0;
	default:
		ret = msync(at, len, MS_SYNC);
	}
	return ret ? -errno : 0;
}

/* Somebody writes where only the reader's tail belongs, or anywhere. */
static long call_scribble(struct fuzz_device *f)
{
	unsigned int i = (unsigned int)below(f, FUZZ_DEVICE_MAPS);
	size_t offset = offsetof(struct perf_event_mmap_page, data_tail), len = 8;
	uint64_t words[8];

	if (!f->map[i].at)
		return -EINVAL;
	for (size_t j = 0; j < ARRAY_LEN(words); j++)
		words[j] = odd(f);
	if (one_in(f, 2)) {
		offset = below(f, f->map[i].len);
		len = below(f, sizeof(words));
	}
	return carry(f, f->map[i].at + offset, words, len);
}

static long call_look(struct fuzz_device *f)
{
	unsigned int i = (unsigned int)below(f, FUZZ_DEVICE_MAPS);

	return f->map[i].at ? carry(f, NULL, f->map[i].at, f->map[i].len) : -EINVAL;
}

static long do_call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static long call_modify(struct fuzz_device *f)
{
	struct perf_event_attr attr = any_attr(f);

	return do_call(any_fd(f), PERF_EVENT_IOC_MODIFY_ATTRIBUTES, place(f, &attr, sizeof(attr)));
}

static long call_enable(struct fuzz_device *f)
{
	static const unsigned long requests[] = {
		PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_ENABLE,
		PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE, PERF_EVENT_IOC_DISABLE,
		PERF_EVENT_IOC_RESET,
	};

	return do_call(any_fd(f), requests[below(f, ARRAY_LEN(requests))],
		       (void *)(uintptr_t)odd(f));
}

static long call_period(struct fuzz_device *f)
{
	uint64_t period = one_in(f, 2) ? 1 + below(f, 5) : odd(f);

	return do_call(any_fd(f), PERF_EVENT_IOC_PERIOD, place(f, &period, sizeof(period)));
}

static long call_pause(struct fuzz_device *f)
{
	return do_call(any_fd(f), PERF_EVENT_IOC_PAUSE_OUTPUT, (void *)(uintptr_t)below(f, 3));
}

static long call_redirect(struct fuzz_device *f)
{
	int other = one_in(f, 3) ? -1 : any_fd(f);

	return do_call(any_fd(f), PERF_EVENT_IOC_SET_OUTPUT, (void *)(intptr_t)other);
}

static long call_refresh(struct fuzz_device *f)
{
	uint64_t samples = one_in(f, 2) ? below(f, 5) : odd(f);

	return do_call(any_fd(f), PERF_EVENT_IOC_REFRESH, (void *)(uintptr_t)samples);
}

static long call_perf_rest(struct fuzz_device *f)
{
	static const unsigned long requests[] = {
		PERF_EVENT_IOC_SET_FILTER, PERF_EVENT_IOC_SET_BPF, PERF_EVENT_IOC_QUERY_BPF,
		PERFRING_IOC_INJECT + 1, 0, 0x5401,
	};
	char text[16] = "common_pid == 1";
	unsigned long request = requests[below(f, ARRAY_LEN(requests))];

	if (request == PERF_EVENT_IOC_SET_BPF)
		return do_call(any_fd(f), request, (void *)(intptr_t)any_fd(f));
	if (one_in(f, 4))
		request ^= 1UL << below(f, 32);
	/* A bit more and it is one that takes what is no text for a descriptor. */
	if (request == PERF_EVENT_IOC_SET_OUTPUT)
		return -EINVAL;
	return do_call(any_fd(f), request, place(f, text, sizeof(text)));
}

static long call_emit(struct fuzz_device *f)
{
	struct perfring_emit_record record[4];
	struct perfring_emit request = {
		.size = sizeof(request), .nr = 1 + (uint32_t)below(f, ARRAY_LEN(record)),
		.flags = (uint32_t)below(f, 3),
	};

	memset(record, 0, sizeof(record));
	for (uint32_t i = 0; i < request.nr; i++) {
		record[i].type = one_in(f, 3) ? (uint32_t)below(f, 80) : PERF_RECORD_SAMPLE;
		record[i].len = (uint32_t)(one_in(f, 8) ? odd(f) : below(f, 600));
		record[i].count = (uint32_t)(one_in(f, 6) ? below(f, 300) : below(f, 4));
		record[i].data = one_in(f, 2) ? 0 : (uintptr_t)f->arg;
	}
	spoil(f, record, sizeof(record));
	/* Too many is one thing; so many that it takes minutes another. */
	for (uint32_t i = 0; i < ARRAY_LEN(record); i++)
		if (record[i].count > 2000 && record[i].count <= PERFRING_EMIT_COUNT_MAX)
			record[i].count = 2000;
	memcpy(f->arg + 2048, record, sizeof(record));
	request.records = (uintptr_t)f->arg + 2048;
	spoil(f, &request, sizeof(request));
	return do_call(any_fd(f), PERFRING_IOC_EMIT, place(f, &request, sizeof(request)));
}

static long call_ask(struct fuzz_device *f)
{
	struct perfring_stats stats = { .size = sizeof(stats) };

	if (one_in(f, 4))
		return do_call(any_fd(f), PERF_EVENT_IOC_ID, place(f, &stats, sizeof(stats.head)));
	spoil(f, &stats, sizeof(stats));
	return do_call(any_fd(f), PERFRING_IOC_STATS, place(f, &stats, sizeof(stats)));
}

static long call_position(struct fuzz_device *f)
{
	struct perfring_position position = { .size = sizeof(position) };

	position.position = one_in(f, 3) ? odd(f) : odd(f) & ~7ULL;
	spoil(f, &position, sizeof(position));
	return do_call(any_fd(f), PERFRING_IOC_SET_POSITION, place(f, &position, sizeof(position)));
}

static long call_hold(struct fuzz_device *f)
{
	struct perfring_reserve reserve = {
		.size = sizeof(reserve), .type = PERF_RECORD_SAMPLE,
		.len = (uint32_t)(one_in(f, 8) ? odd(f) : below(f, 600)),
		.flags = (uint32_t)below(f, 3),
	};
	struct perfring_release release = { .size = sizeof(release) };

	if (one_in(f, 3)) {
		spoil(f, &release, sizeof(release));
		return do_call(any_fd(f), one_in(f, 2) ? PERFRING_IOC_COMMIT : PERFRING_IOC_DISCARD,
			       place(f, &release, sizeof(release)));
	}
	reserve.data = one_in(f, 2) ? 0 : (uintptr_t)f->arg;
	spoil(f, &reserve, sizeof(reserve));
	return do_call(any_fd(f), PERFRING_IOC_RESERVE, place(f, &reserve, sizeof(reserve)));
}

static long call_inject(struct fuzz_device *f)
{
	struct perfring_inject inject = {
		.size = sizeof(inject), .kind = 1 + (uint32_t)below(f, 4), .value = odd(f),
	};

	if (inject.kind == PERFRING_INJECT_BYTES) {
		inject.len = (uint32_t)below(f, 200);
		inject.data = (uintptr_t)f->arg;
		inject.value = below(f, 30) * 8;
	}
	spoil(f, &inject, sizeof(inject));
	return do_call(any_fd(f), PERFRING_IOC_INJECT, place(f, &inject, sizeof(inject)));
}

static long call_read_write(struct fuzz_device *f)
{
	unsigned char bytes[512];
	size_t len = one_in(f, 4) ? odd(f) & 0x1ffff : below(f, sizeof(bytes));
	void *at;
	ssize_t ret;

	memset(bytes, 0x5a, sizeof(bytes));
	at = place(f, bytes, len < sizeof(bytes) ? len : sizeof(bytes));
	ret = one_in(f, 2) ? read(any_fd(f), at, len) : write(any_fd(f), at, len);
	return ret < 0 ? -errno : 0;
}

static long call_wait(struct fuzz_device *f)
{
	struct pollfd poll_fd = { .fd = any_fd(f), .events = (short)below(f, 65536) };
	int fd = any_fd(f);

	switch (below(f, 4)) {
	case 0:
		return fcntl(fd, F_SETFL, (one_in(f, 2) ? O_ASYNC : 0) | O_NONBLOCK) ? -errno : 0;
	case 1:
		return fcntl(fd, F_SETOWN, one_in(f, 2) ? getpid() : 0) ? -errno : 0;
	case 2:
		return lseek(fd, (off_t)odd(f), (int)below(f, 5)) < 0 ? -errno : 0;
	default:
		return poll(&poll_fd, 1, 0) < 0 ? -errno : poll_fd.revents & POLLNVAL ? -EBADF : 0;
	}
}

static const struct {
	const char *name;
	long (*fn)(struct fuzz_device *f);
	unsigned int weight;		/* what waits for others comes less often */
} calls[FUZZ_DEVICE_KINDS] = {
	{ "open", call_open, 40 }, { "close", call_close, 8 }, { "dup", call_dup, 4 },
	{ "mmap", call_mmap, 30 }, { "munmap", call_munmap, 6 }, { "vm", call_vm, 8 },
	{ "scribble", call_scribble, 40 }, { "look", call_look, 8 },
	{ "modify", call_modify, 50 }, { "enable", call_enable, 68 },
	{ "period", call_period, 12 }, { "pause", call_pause, 12 },
	{ "redirect", call_redirect, 12 }, { "refresh", call_refresh, 16 },
	{ "rest", call_perf_rest, 12 }, { "emit", call_emit, 100 }, { "ask", call_ask, 26 },
	{ "position", call_position, 12 }, { "hold", call_hold, 60 },
	{ "inject", call_inject, 30 }, { "read_write", call_read_write, 40 },
	{ "wait", call_wait, 10 },
};

const char *fuzz_device_untaken(const struct fuzz_device *f)
{
	for (unsigned int i = 0; i < FUZZ_DEVICE_KINDS; i++) {
		/* Of the rest everything is refused, and INJECT where the module does. */
		if (calls[i].fn == call_perf_rest || (calls[i].fn == call_inject && !f->may_inject))
			continue;
		if (!f->taken[i])
			return calls[i].name;
	}
	return NULL;
}

void fuzz_device_call(struct fuzz_device *f, uint64_t nr, bool show)
{
	unsigned int kind = 0;
	uint64_t at, sum = 0;
	long ret;

	/* From the seed and the number alone, so that no call depends on the answer to another. */
	f->state = f->seed * 0x9e3779b97f4a7c15ULL + nr;
	for (unsigned int i = 0; i < FUZZ_DEVICE_KINDS; i++)
		sum += calls[i].weight;
	for (at = below(f, sum); at >= calls[kind].weight; kind++)
		at -= calls[kind].weight;
	ret = calls[kind].fn(f);
	if (show) {
		printf("# call %llu: %s: %s\n", (unsigned long long)nr, calls[kind].name,
		       ret < 0 ? strerror((int)-ret) : "taken");
		fflush(stdout);
	}
	if (ret < 0)
		f->refused++;
	else
		f->taken[kind]++;
}

int fuzz_device_start(struct fuzz_device *f, uint64_t seed, int other_cpu)
{
	unsigned char *pages;

	memset(f, 0, sizeof(*f));
	f->seed = seed;
	f->other_cpu = other_cpu;
	f->page = (size_t)sysconf(_SC_PAGESIZE);
	f->pmu = pmu_type();
	if (f->pmu < 0)
		return f->pmu;
	pages = mmap(NULL, 2 * f->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED || munmap(pages + f->page, f->page))
		return -errno;
	f->arg = pages;
	f->scratch = memfd_create("scratch", MFD_CLOEXEC);
	if (f->scratch < 0)
		return -errno;
	for (unsigned int i = 0; i < FUZZ_DEVICE_FDS; i++)
		f->fd[i] = -1;
	signal(SIGIO, SIG_IGN);
	return 0;
}

const char *fuzz_device_quiesce(struct fuzz_device *f)
{
	struct perfring_release release = { .size = sizeof(release) };
	struct perfring_stats stats;

	for (unsigned int i = 0; i < FUZZ_DEVICE_FDS; i++) {
		do_call(f->fd[i], PERF_EVENT_IOC_DISABLE, NULL);
		do_call(f->fd[i], PERFRING_IOC_COMMIT, &release);
	}
	for (unsigned int i = 0; i < FUZZ_DEVICE_FDS; i++) {
		memset(&stats, 0, sizeof(stats));
		stats.size = sizeof(stats);
		if (f->fd[i] < 0)
			continue;
		if (do_call(f->fd[i], PERFRING_IOC_STATS, &stats))
			return "no STATS of an event";
		if (!stats_balance(&stats))
			return "the sums of an event do not hold";
	}
	return NULL;
}

void fuzz_device_stop(struct fuzz_device *f)
{
	for (unsigned int i = 0; i < FUZZ_DEVICE_MAPS; i++)
		map_drop(f, i);
	for (unsigned int i = 0; i < FUZZ_DEVICE_FDS; i++)
		slot_close(f, i);
	munmap(f->arg, f->page);
	close(f->scratch);
}
