// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libkmod.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "common.h"

int file_read(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, len - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	while (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

long file_long(const char *path, long fallback)
{
	char buf[64];

	return file_read(path, buf, sizeof(buf)) > 0 ? strtol(buf, NULL, 10) : fallback;
}

bool module_loaded(void)
{
	return !access("/sys/module/perfring", F_OK);
}

static int module_insert(const char *path, const char *parameters)
{
	struct kmod_module *module = NULL;
	struct kmod_ctx *ctx;
	int ret;

	if (!path)
		return -ENOENT;
	ctx = kmod_new(NULL, NULL);
	if (!ctx)
		return -ENOMEM;
	/* A refused load is a result here, not something to print. */
	kmod_set_log_priority(ctx, 0);
	ret = kmod_module_new_from_path(ctx, path, &module);
	if (!ret)
		ret = kmod_module_insert_module(module, 0, parameters);
	kmod_module_unref(module);
	kmod_unref(ctx);
	return ret;
}

int module_load(const char *parameters)
{
	return module_insert(getenv("PERFRING_MODULE"), parameters);
}

int client_load(const char *name)
{
	const char *path = getenv("PERFRING_CLIENT"), *module = getenv("PERFRING_MODULE");
	char beside[4096];

	/* The build has perfring.ko in kmod/, and these in client/ beside it. */
	if (path)
		snprintf(beside, sizeof(beside), "%.*s%s.ko", (int)(strrchr(path, '/') + 1 - path),
			 path, name);
	else if (module)
		snprintf(beside, sizeof(beside), "%.*s../client/%s.ko",
			 (int)(strrchr(module, '/') + 1 - module), module, name);
	else
		return -ENOENT;
	return module_insert(beside, "");
}

static int module_remove(const char *name)
{
	struct kmod_module *module = NULL;
	struct kmod_ctx *ctx;
	int ret;

	ctx = kmod_new(NULL, NULL);
	if (!ctx)
		return -ENOMEM;
	kmod_set_log_priority(ctx, 0);
	ret = kmod_module_new_from_name(ctx, name, &module);
	if (!ret)
		ret = kmod_module_remove_module(module, O_NONBLOCK);
	kmod_module_unref(module);
	kmod_unref(ctx);
	return ret;
}

int module_unload(void)
{
	return module_remove("perfring");
}

int module_allow(bool inject)
{
	char now[8];
	int ret = 0;

	if (file_read("/sys/module/perfring/parameters/allow_inject", now, sizeof(now)) > 0) {
		if ((now[0] == 'Y') == inject)
			return 0;
		ret = module_unload();
	}
	return ret ?: module_load(inject ? "allow_inject=1" : "");
}

int client_unload(const char *name)
{
	return module_remove(name);
}

bool device_ready(char *why, size_t len)
{
	const char *path = getenv("PERFRING_MODULE");
	int ret;

	if (!module_loaded()) {
		if (!path) {
			snprintf(why, len, "/dev/perfring0: module not loaded");
			return false;
		}
		if (geteuid()) {
			snprintf(why, len, "%s: not loaded, and loading needs root", path);
			return false;
		}
		ret = module_load("");
		if (ret && ret != -EEXIST) {
			snprintf(why, len, "%s: cannot be loaded: %s", path, strerror(-ret));
			return false;
		}
	}
	if (access("/dev/perfring0", R_OK | W_OK)) {
		snprintf(why, len, "/dev/perfring0: %s", strerror(errno));
		return false;
	}
	return true;
}

int device_open(int cpu)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/perfring%d", cpu);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int pmu_type(void)
{
	return file_long("/sys/bus/event_source/devices/perfring/type", -ENOENT);
}

int source_id(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/perfring/sources/%s", name);
	return file_long(path, -ENOENT);
}

uint64_t device_counter(int cpu, const char *name)
{
	char path[96], buf[32];

	snprintf(path, sizeof(path), "/sys/class/perfring/perfring%d/%s", cpu, name);
	return file_read(path, buf, sizeof(buf)) > 0 ? strtoull(buf, NULL, 10) : UINT64_MAX;
}

struct perf_event_attr output_attr(void)
{
	return (struct perf_event_attr) {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(struct perf_event_attr),
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
		.wakeup_events = 1,
		.disabled = 1,
	};
}

int perf_open(const struct perf_event_attr *attr, pid_t pid, int cpu, int group)
{
	int fd = syscall(SYS_perf_event_open, attr, pid, cpu, group, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int do_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int do_ioctl_word(int fd, unsigned long request, unsigned long arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static uint64_t own_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void pass_time(void)
{
	uint64_t end = own_time() + 5000000;

	while (own_time() < end)
		;
}

uint64_t from_environment(const char *name, uint64_t fallback)
{
	const char *value = getenv(name);

	return value && *value ? strtoull(value, NULL, 0) : fallback;
}

unsigned int slowness(void)
{
	return from_environment("PERFRING_SLOWNESS", 1) ?: 1;
}

unsigned int __wrap_alarm(unsigned int seconds)
{
	return __real_alarm(seconds * slowness());
}

int within_ms(unsigned int ms, int (*fn)(void))
{
	uint64_t end = now_ns() + (uint64_t)ms * slowness() * 1000000;
	int ret;

	while ((ret = fn()) && now_ns() < end)
		sleep_ms(10);
	return ret;
}

int poll_events(int fd, int ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int ret = poll(&pollfd, 1, ms);

	return ret < 0 ? -errno : pollfd.revents;
}

int pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

int cpu_count_online(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

int cpu_set_online(int cpu, bool online)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return file_write(path, online ? "1" : "0");
}

long times_away(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? -1 : usage.ru_nvcsw;
}

int second_cpu(void)
{
	return cpu_count_online() > 1 ? 1 : -1;
}

int third_cpu_for_second(bool on)
{
	int err = cpu_set_online(on ? 2 : 1, true);

	return err ?: cpu_set_online(on ? 1 : 2, false);
}

int become_nobody(void)
{
	const unsigned int nobody = 65534;

	if (setgroups(0, NULL) || setresgid(nobody, nobody, nobody) ||
	    setresuid(nobody, nobody, nobody))
		return -errno;
	return 0;
}

uint32_t crc32_zlib(const void *data, size_t len)
{
	const unsigned char *byte = data;
	uint32_t crc = ~0U;
	int i;

	while (len--) {
		crc ^= *byte++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return ~crc;
}

int raw_map(struct raw *raw, int fd, size_t pages, int prot)
{
	size_t page_size = sysconf(_SC_PAGESIZE);

	raw->fd = fd;
	raw->map = (1 + pages) * page_size;
	raw->size = pages * page_size;
	raw->tail = 0;
	raw->page = mmap(NULL, raw->map, prot ? prot : PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (raw->page == MAP_FAILED) {
		raw->page = NULL;
		return -errno;
	}
	raw->data = (unsigned char *)raw->page + page_size;
	return 0;
}

void raw_unmap(struct raw *raw)
{
	if (raw->page)
		munmap(raw->page, raw->map);
	raw->page = NULL;
}

uint64_t raw_head(const struct raw *raw)
{
	return __atomic_load_n(&raw->page->data_head, __ATOMIC_ACQUIRE);
}

static void raw_copy(const struct raw *raw, void *to, size_t len)
{
	size_t at = raw->tail & (raw->size - 1), first = raw->size - at;

	if (first > len)
		first = len;
	memcpy(to, raw->data + at, first);
	memcpy((char *)to + first, raw->data, len - first);
}

int raw_next(struct raw *raw, void *buf)
{
	uint64_t head = raw_head(raw);
	struct perf_event_header header;

	if (raw->tail == head)
		return 0;
	raw_copy(raw, &header, sizeof(header));
	if (header.size < sizeof(header) || header.size & 7 || header.size > head - raw->tail)
		return -EBADMSG;
	raw_copy(raw, buf, header.size);
	raw->tail += header.size;
	__atomic_store_n(&raw->page->data_tail, raw->tail, __ATOMIC_RELEASE);
	return header.size;
}

void raw_drop(struct raw *raw)
{
	raw->tail = raw_head(raw);
	__atomic_store_n(&raw->page->data_tail, raw->tail, __ATOMIC_RELEASE);
}

int source_start(struct raw *raw, int fd, struct perf_event_attr *attr, size_t pages)
{
	int ret;

	attr->type = pmu_type();
	ret = do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, attr);
	if (!ret)
		ret = raw_map(raw, fd, pages, 0);
	return ret ? ret : do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
}

int emit(int fd, uint32_t type, uint16_t misc, const void *data, uint32_t len, uint32_t count,
	 struct perfring_emit *result)
{
	struct perfring_emit_record record = {
		.type = type, .misc = misc, .len = len, .count = count,
		.data = (uintptr_t)data,
	};
	struct perfring_emit request = {
		.size = sizeof(request), .nr = 1, .records = (uintptr_t)&record,
	};
	int ret = do_ioctl(fd, PERFRING_IOC_EMIT, &request);

	if (result)
		*result = request;
	return ret;
}

int reserve(int fd, uint32_t type, const void *data, uint32_t len, uint32_t flags,
	    struct perfring_reserve *result)
{
	struct perfring_reserve request = {
		.size = sizeof(request), .flags = flags, .type = type, .len = len,
		.data = (uintptr_t)data,
	};
	int ret = do_ioctl(fd, PERFRING_IOC_RESERVE, &request);

	if (result)
		*result = request;
	return ret;
}

int release(int fd, bool commit)
{
	struct perfring_release request = { .size = sizeof(request) };
	int ret = do_ioctl(fd, commit ? PERFRING_IOC_COMMIT : PERFRING_IOC_DISCARD, &request);

	return ret ?: (int)request.result;
}

int event_into(int fd, int cpu, const struct perf_event_attr *attr)
{
	struct perf_event_attr own;
	int event = device_open(cpu), ret = 0;

	if (event < 0)
		return event;
	if (attr) {
		own = *attr;
		ret = do_ioctl(event, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &own);
	}
	if (!ret && fd >= 0)
		ret = do_ioctl_word(event, PERF_EVENT_IOC_SET_OUTPUT, fd);
	if (!ret)
		return event;
	close(event);
	return ret;
}

int device_stats(int fd, struct perfring_stats *stats)
{
	*stats = (struct perfring_stats) { .size = sizeof(*stats) };
	return do_ioctl(fd, PERFRING_IOC_STATS, stats);
}

bool stats_balance(const struct perfring_stats *stats)
{
	return stats->attempted == stats->written + stats->lost_full + stats->lost_paused +
				   stats->rejected + stats->discarded &&
	       stats->written == stats->wakeup_events + stats->wakeup_watermark +
				 stats->wakeup_forced + stats->wakeup_none;
}

/*
 * Many machines do not mount tracefs: then mount it, in a namespace of the test's
 * own, which ends with it.
 */
bool tracefs_here(char *why, size_t len)
{
	if (!access("/sys/kernel/tracing/events", F_OK))
		return true;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL)) {
		snprintf(why, len, "/sys/kernel/tracing: tracefs: %s", strerror(errno));
		return false;
	}
	return true;
}

int tracefs_offset(const char *event, const char *field)
{
	char path[128], format[4096], name[64];
	const char *at;
	int offset;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/format", event);
	snprintf(name, sizeof(name), " %s;\toffset:", field);
	if (file_read(path, format, sizeof(format)) <= 0)
		return -ENOENT;
	at = strstr(format, name);
	return at && sscanf(at + strlen(name), "%d", &offset) == 1 ? offset : -ENOENT;
}
