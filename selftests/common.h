/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests share that needs no libperfring: the module, sysctls, CPUs, and
 * a reader of rings that is independent of the library, so that the device is
 * judged by what perf_event_open(2) documents and not by our own reader.
 */
#ifndef SELFTESTS_COMMON_H
#define SELFTESTS_COMMON_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include "../kmod/uapi/linux/perfring.h"

/* What getppid(2) comes to, and where addresses of the kernel begin. */
#if defined(__x86_64__)
#define GETPPID		"__x64_sys_getppid"
#elif defined(__i386)
#define GETPPID		"__ia32_sys_getppid"
#elif defined(__aarch64__)
#define GETPPID		"__arm64_sys_getppid"
#elif defined(__s390__)
#define GETPPID		"__s390x_sys_getppid"
#else
#define GETPPID		"sys_getppid"
#endif
/* What the kernel calls personality(2). */
#if defined(__aarch64__)
#define PERSONALITY	"arm64_personality"
#elif defined(__s390__)
#define PERSONALITY	"s390_personality"
#else
#define PERSONALITY	"personality"
#endif
#if defined(__s390__)
#define LOWEST_KERNEL	1ULL		/* an address space of its own */
#elif __SIZEOF_LONG__ == 4
#define LOWEST_KERNEL	(1ULL << 31)
#else
#define LOWEST_KERNEL	(1ULL << 63)
#endif

/* perf(1) of 32 bits doubles the upper half of the times that it shows. */
#define PERF_SHOWS(time) ((unsigned long)(time))

/* Of this machine: 4, 16 or 64 KiB. */
#define PAGE		((size_t)sysconf(_SC_PAGESIZE))
/* Records of so many bytes that a ring of one page takes: 4095 bytes of 4096 at most. */
#define FIT(bytes)	((unsigned int)((PAGE - 8) / (bytes)))

#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))
#define WHY_LEN		200
#define DAY		86400	/* timeout of what may run in a soak; settings has the runner's */

/*
 * The module, through libkmod.  PERFRING_MODULE is the absolute path of
 * perfring.ko.  All return 0 or -errno.
 */
bool module_loaded(void);
int module_load(const char *parameters);
int module_unload(void);
/* Loaded, and what no kernel writes may be written there, or not. */
int module_allow(bool inject);
/*
 * The module in client/, from $PERFRING_CLIENT or where it was built with
 * PERFRING_MODULE, which must be loaded.
 */
int client_load(const char *name);
int client_unload(const char *name);

/*
 * Is /dev/perfring0 there?  Loads the module when PERFRING_MODULE says which.
 * Otherwise *@why says what is missing.
 */
bool device_ready(char *why, size_t len);
/* open(2) of /dev/perfring@cpu; -errno */
int device_open(int cpu);
/* attr.type of the PMU perfring; -errno */
int pmu_type(void);
/* a source's id, by its name in the PMU's folder sources; -errno */
int source_id(const char *name);
/* a counter of /sys/class/perfring/perfring@cpu */
uint64_t device_counter(int cpu, const char *name);

/* The attr that a fresh device has. */
struct perf_event_attr output_attr(void);
/* perf_event_open(2), close-on-exec; -errno */
int perf_open(const struct perf_event_attr *attr, pid_t pid, int cpu, int group);
/* ioctl(2); 0 or more, -errno */
int do_ioctl(int fd, unsigned long request, void *arg);
/* As a literal argument. */
int do_ioctl_word(int fd, unsigned long request, unsigned long arg);

int file_read(const char *path, char *buf, size_t len);
int file_write(const char *path, const char *text);
/* A decimal number in a file, or @fallback. */
long file_long(const char *path, long fallback);

uint64_t now_ns(void);
void sleep_ms(unsigned int ms);
/*
 * Run until perf's clock has moved on, by 5 ms.  Where the processors' counters are not in
 * step it stands still from a tick's length after one tick to the next, however late that is.
 * A thread's own time is of the same clock; so is that of a task's events, which passes while it
 * runs and not while it sleeps.
 */
void pass_time(void);
/*
 * How many times longer things take here than on a usual machine: PERFRING_SLOWNESS,
 * else 1. alarm(2), which is also the harness's deadline, is scaled by it.
 */
unsigned int slowness(void);
/* The linker puts the second in alarm(2)'s place, which then is the first. */
unsigned int __real_alarm(unsigned int seconds);
unsigned int __wrap_alarm(unsigned int seconds);
/* A number that the environment may have, in any base. */
uint64_t from_environment(const char *name, uint64_t fallback);
/* What @fn returns: 0, or what is not 0 after trying for @ms. */
int within_ms(unsigned int ms, int (*fn)(void));
/* Events of poll(2) within @ms; -errno */
int poll_events(int fd, int ms);
int pin_to(int cpu);
int cpu_count_online(void);
int cpu_set_online(int cpu, bool online);
/* How often this thread has given up its CPU */
long times_away(void);
/* CPU that @fd's tests use besides 0; -1 with one CPU */
int second_cpu(void);
/* CPU 2, which guests have offline for this, instead of CPU 1, or back; -ENOENT no CPU 2 */
int third_cpu_for_second(bool on);

/* Give up root for good: uid and gid of nobody, no capability. */
int become_nobody(void);

/* CRC-32 as zlib has it. */
uint32_t crc32_zlib(const void *data, size_t len);

static inline uint32_t type_of(const void *record)
{
	return ((const struct perf_event_header *)record)->type;
}

#define BIG_ENDIAN_HERE	(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

/* The word of the bytes 0 to 7, in this order: what EMIT writes when it is given nothing. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ZERO_TO_SEVEN	0x0706050403020100ULL
#else
#define ZERO_TO_SEVEN	0x0001020304050607ULL
#endif

/* A record's first word, as it lies in memory. */
static inline uint64_t header_word(uint32_t type, uint16_t misc, uint16_t size)
{
	struct perf_event_header header = { .type = type, .misc = misc, .size = size };
	uint64_t word;

	memcpy(&word, &header, sizeof(word));
	return word;
}

/* Two numbers that share a word, as pid and tid do. */
static inline uint64_t two_words(uint32_t first, uint32_t second)
{
	uint32_t both[2] = { first, second };
	uint64_t word;

	memcpy(&word, both, sizeof(word));
	return word;
}

/* A mapping and a tail; reads without libperfring. */
struct raw {
	int fd;
	struct perf_event_mmap_page *page;
	unsigned char *data;
	size_t size;		/* data bytes */
	size_t map;		/* bytes mapped */
	uint64_t tail;
};

/* mmap 1 + @pages; @prot 0 counts as read and write; -errno */
int raw_map(struct raw *raw, int fd, size_t pages, int prot);
void raw_unmap(struct raw *raw);
uint64_t raw_head(const struct raw *raw);
/* Copy the oldest record to @buf of 64 KiB.  Its size, 0 when empty, -EBADMSG. */
int raw_next(struct raw *raw, void *buf);
/* All that is there, forgotten. */
void raw_drop(struct raw *raw);

/* Give @fd this attr of the PMU perfring, map 1 + @pages, enable.  0 or -errno */
int source_start(struct raw *raw, int fd, struct perf_event_attr *attr, size_t pages);

/* EMIT of @count records; *@emit may be NULL.  0 or -errno */
int emit(int fd, uint32_t type, uint16_t misc, const void *data, uint32_t len, uint32_t count,
	 struct perfring_emit *result);
/* RESERVE; *@result may be NULL.  0 or -errno */
int reserve(int fd, uint32_t type, const void *data, uint32_t len, uint32_t flags,
	    struct perfring_reserve *result);
/* COMMIT or DISCARD of what is held: enum perfring_release_result or -errno */
int release(int fd, bool commit);
/*
 * One more event of CPU @cpu, of @attr (NULL: as it is opened), whose output goes
 * to the ring of @fd (-1: nowhere yet); -errno
 */
int event_into(int fd, int cpu, const struct perf_event_attr *attr);
/* STATS; and does the identity hold? */
int device_stats(int fd, struct perfring_stats *stats);
bool stats_balance(const struct perfring_stats *stats);

/* Are the kernel's tracepoints described where perf and the command look? */
bool tracefs_here(char *why, size_t len);
/*
 * Where @field is in the data of the tracepoint "group/name"; -ENOENT.  The kernel's own fields
 * are before it, eight bytes of them or, with PREEMPT_RT's lazy preemption of 6.1, nine.
 */
int tracefs_offset(const char *event, const char *field);

/* main() of a program that is about the device alone. */
#define DEVICE_MAIN							\
	int main(int argc, char **argv)					\
	{								\
		char why[WHY_LEN];					\
									\
		if (!device_ready(why, sizeof(why)))			\
			ksft_exit_skip("%s\n", why);			\
		return test_harness_run(argc, argv);			\
	}

#endif /* SELFTESTS_COMMON_H */
