// SPDX-License-Identifier: GPL-2.0
/* What rows do to a descriptor, be it perf's or the device's, and how they say what came of it. */
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>
#include "engine.h"

bool is_device(const struct side *side)
{
	return side->device;
}

void say(struct side *side, const char *format, ...)
{
	struct shared *shared = side->shared;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(shared->text + shared->len, sizeof(shared->text) - shared->len, format, args);
	va_end(args);
	shared->len += n;
	if (shared->len >= sizeof(shared->text) - 1) {
		/* What is cut off could differ. */
		shared->len = sizeof(shared->text) - 1;
		shared->broken = true;
		return;
	}
	shared->text[shared->len++] = ' ';
}

void say_ret(struct side *side, const char *what, long ret)
{
	const char *name = ret < 0 ? strerrorname_np(-ret) : NULL;

	if (name)
		say(side, "%s=%s", what, name);
	else
		say(side, "%s=%ld", what, ret);
}

void say_call(struct side *side, const char *what, long ret)
{
	say_ret(side, what, ret == -1 ? -errno : ret);
}

void say_poll(struct side *side, const char *what, int revents)
{
	static const struct {
		int bit;
		const char *name;
	} bits[] = {
		{ POLLIN, "IN" }, { POLLPRI, "PRI" }, { POLLOUT, "OUT" }, { POLLERR, "ERR" },
		{ POLLHUP, "HUP" }, { POLLNVAL, "NVAL" }, { POLLRDNORM, "RDNORM" },
		{ POLLRDBAND, "RDBAND" }, { POLLWRNORM, "WRNORM" }, { POLLWRBAND, "WRBAND" },
		{ POLLRDHUP, "RDHUP" },
	};
	char text[80] = "";
	unsigned int i;

	if (revents < 0) {
		say_ret(side, what, revents);
		return;
	}
	for (i = 0; i < ARRAY_LEN(bits); i++) {
		if (!(revents & bits[i].bit))
			continue;
		if (*text)
			strcat(text, "|");
		strcat(text, bits[i].name);
		revents &= ~bits[i].bit;
	}
	if (revents)
		say(side, "%s=%s+%#x", what, text, revents);
	else
		say(side, "%s=%s", what, *text ? text : "nothing");
}

static void end_row(struct side *side, enum ending ending, const char *format, va_list args)
{
	vsnprintf(side->shared->why, sizeof(side->shared->why), format, args);
	side->shared->ending = ending;
	_exit(0);
}

void give_up(struct side *side, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end_row(side, GAVE_UP, format, args);
	__builtin_unreachable();
}

void skip_row(struct side *side, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end_row(side, SKIPPED, format, args);
	__builtin_unreachable();
}

int side_open_attr(struct side *side, void *attr, int cpu)
{
	char path[32];
	int fd, ret;

	if (side->device) {
		/* Blocking, as a perf descriptor is. */
		snprintf(path, sizeof(path), "/dev/perfring%d", cpu);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		ret = do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, attr);
		if (ret) {
			close(fd);
			return ret;
		}
	} else {
		fd = perf_open(attr, -1, cpu, -1);
		if (fd < 0)
			return fd;
	}
	if (side->nr_ids < ARRAY_LEN(side->ids))
		do_ioctl(fd, PERF_EVENT_IOC_ID, &side->ids[side->nr_ids++]);
	return fd;
}

int side_open(struct side *side, const struct perf_event_attr *attr)
{
	struct perf_event_attr copy = attr ? *attr : output_attr();
	int fd = side_open_attr(side, &copy, ROW_CPU);

	if (fd < 0)
		give_up(side, "open: %s", strerror(-fd));
	return fd;
}

int side_ready(struct side *side, const struct perf_event_attr *attr, struct raw *raw,
	       size_t pages)
{
	int fd = side_open(side, attr), ret;

	ret = raw_map(raw, fd, pages, 0);
	if (!ret)
		ret = do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
	if (ret)
		give_up(side, "map and enable: %s", strerror(-ret));
	return fd;
}

int side_aim(struct side *side, int fd)
{
	return bpf_writer_aim(&side->writer->bpf, ROW_CPU, fd);
}

int side_write(struct side *side, int fd, const void *payload, size_t len)
{
	ssize_t n;
	int ret;

	if (side->device) {
		n = write(fd, payload, len);
		return n < 0 ? -errno : 0;
	}
	ret = side_aim(side, fd);
	if (ret)
		give_up(side, "the BPF program's map: %s", strerror(-ret));
	return backend_write(side->writer, payload, len);
}

/*
 * personality(2) with this argument changes nothing, and nobody calls it by
 * accident.
 */
#define ASK_PERSONALITY	0xffffffff
#define TRACEPOINT	"events/syscalls/sys_enter_" PERSONALITY "/id"

int side_open_counter(struct side *side, const struct perf_event_attr *attr)
{
	struct perf_event_attr copy = *attr;
	char why[WHY_LEN];
	int fd;

	copy.type = PERF_TYPE_SOFTWARE;
	copy.config = PERF_COUNT_SW_BPF_OUTPUT;
	if (!side->device) {
		if (!tracefs_here(why, sizeof(why)))
			skip_row(side, "%s", why);
		copy.type = PERF_TYPE_TRACEPOINT;
		copy.config = file_long("/sys/kernel/tracing/" TRACEPOINT, -1);
		if ((long)copy.config < 0)
			skip_row(side, "%s (CONFIG_FTRACE_SYSCALLS)", TRACEPOINT);
	}
	fd = side_open_attr(side, &copy, ROW_CPU);
	if (fd < 0)
		give_up(side, "open of what counts: %s", strerror(-fd));
	return fd;
}

void side_fire(struct side *side, int fd, unsigned int n)
{
	while (n--) {
		if (!side->device)
			personality(ASK_PERSONALITY);
		else if (write(fd, "", 0) < 0 && errno != ENOSPC && errno != EOPNOTSUPP)
			give_up(side, "write: %s", strerror(errno));
	}
}

/* Which of our descriptors has this ID; -1 */
static int whose(const struct side *side, uint64_t id)
{
	unsigned int i;

	for (i = 0; i < side->nr_ids; i++)
		if (side->ids[i] == id)
			return i;
	return -1;
}

/* Where the code of the kernel and of the module lies: on s390x among a program's addresses. */
static struct {
	uint64_t begin, end;
} code[2];

void side_find_code(void)
{
	FILE *symbols = fopen("/proc/kallsyms", "r"), *modules = fopen("/proc/modules", "r");
	unsigned long long address, size;
	char line[512];

	while (symbols && !code[0].end && fgets(line, sizeof(line), symbols)) {
		address = strtoull(line, NULL, 16);
		if (strstr(line, " _stext\n"))
			code[0].begin = address;
		else if (strstr(line, " _etext\n"))
			code[0].end = address;
	}
	while (modules && fgets(line, sizeof(line), modules))
		if (sscanf(line, "perfring %llu %*s %*s %*s %llx", &size, &address) == 2) {
			code[1].begin = address;
			code[1].end = address + size;
		}
	if (symbols)
		fclose(symbols);
	if (modules)
		fclose(modules);
}

static bool kernel_address(uint64_t word)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(code); i++)
		if (word >= code[i].begin && word < code[i].end)
			return true;
	if (sizeof(long) == 4)
		return word >= 1U << 31 && word < -4096U;
	return (int64_t)word < -4096;
}

/*
 * Words of 8 bytes. An ID counts as the number of its descriptor, and with @from our
 * TID, a CLOCK_MONOTONIC from then to now, and an address of the kernel by name.
 */
static void say_bytes(struct side *side, const unsigned char *buf, size_t len, uint64_t from)
{
	uint64_t word, self = two_words(getpid(), getpid());
	char text[2048] = "";
	size_t i, n = 0;

	for (i = 0; i + sizeof(word) <= len && n < sizeof(text); i += sizeof(word)) {
		memcpy(&word, buf + i, sizeof(word));
		if (whose(side, word) >= 0)
			n += snprintf(text + n, sizeof(text) - n, " id%d", whose(side, word));
		else if (from && word == self)
			n += snprintf(text + n, sizeof(text) - n, " self");
		else if (from && word >= from && word <= now_ns())
			n += snprintf(text + n, sizeof(text) - n, " now");
		else if (from && kernel_address(word))
			n += snprintf(text + n, sizeof(text) - n, " kernel");
		else
			n += snprintf(text + n, sizeof(text) - n, " %016llx",
				      (unsigned long long)word);
	}
	say(side, "%s", text);
	if (n >= sizeof(text))
		side->shared->broken = true;
}

static void say_each(struct side *side, struct raw *raw, bool bytes, uint64_t from)
{
	static unsigned char buf[65536];
	struct perf_event_header header;
	int size;

	for (;;) {
		size = raw_next(raw, buf);
		if (size <= 0)
			break;
		memcpy(&header, buf, sizeof(header));
		say(side, "[type=%u misc=%u size=%d", header.type, header.misc, size);
		if (bytes)
			say_bytes(side, buf + sizeof(header), size - sizeof(header), from);
		say(side, "]");
	}
	if (size < 0)
		say_ret(side, "ring", size);
}

void say_records(struct side *side, struct raw *raw, bool bytes)
{
	say_each(side, raw, bytes, 0);
}

void say_records_since(struct side *side, struct raw *raw, uint64_t from)
{
	say_each(side, raw, true, from);
}

void side_sysctl(struct side *side, const char *name, const char *value)
{
	char path[96];
	int ret;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	side->shared->sysctls = true;
	ret = file_write(path, value);
	if (ret)
		give_up(side, "%s: %s", path, strerror(-ret));
}

long status_kb(const char *field)
{
	char status[8192], *at;

	if (file_read("/proc/self/status", status, sizeof(status)) <= 0)
		return -1;
	at = strstr(status, field);
	return at ? atol(at + strlen(field) + 1) : -1;
}
