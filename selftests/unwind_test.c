// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation and each system call of what opens, adds and writes fails, one at a time: the
 * caller is told, and nothing stays open, mapped or allocated.  The linker gives the
 * library's calls to the functions below (--wrap), not those of the C library itself.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "event_files.h"
#include "fixtures.h"
#include "wrap.h"
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

static unsigned int countdown;		/* 0: nothing fails */
static bool hit;
static int maps;			/* that the library has */
static const char *what;

static bool fails(const char *name, int error)
{
	if (!countdown || --countdown)
		return false;
	hit = true;
	what = name;
	errno = error;
	return true;
}

#define WRAP(type, failed, name, parameters, ...)				\
	DECLARE(type, name, parameters);					\
	type __wrap_##name parameters						\
	{									\
		return fails(#name, ENOMEM) ? failed : __real_##name(__VA_ARGS__); \
	}

WRAP(void *, NULL, malloc, (size_t len), len)
WRAP(void *, NULL, calloc, (size_t nr, size_t len), nr, len)
WRAP(void *, NULL, realloc, (void *was, size_t len), was, len)
WRAP(void *, NULL, aligned_alloc, (size_t align, size_t len), align, len)
WRAP(char *, NULL, strdup, (const char *text), text)
WRAP(int, -1, mprotect, (void *at, size_t len, int prot), at, len, prot)
WRAP(int, -1, madvise, (void *at, size_t len, int advice), at, len, advice)
WRAP(int, -1, eventfd, (unsigned int count, int flags), count, flags)
WRAP(int, -1, epoll_create1, (int flags), flags)
WRAP(int, -1, epoll_ctl, (int fd, int op, int of, struct epoll_event *event), fd, op, of, event)
#define MOVE	void *at, size_t was, size_t len, int flags, void *to
WRAP(void *, MAP_FAILED, mremap, (MOVE), at, was, len, flags, to)
/* Those that take what comes: a word each, as they are called. */
WRAP(int, -1, open64, (const char *path, int flags, mode_t mode), path, flags, mode)
WRAP(int, -1, fcntl64, (int fd, int command, long argument), fd, command, argument)
WRAP(int, -1, ioctl, (int fd, unsigned long request, long argument), fd, request, argument)
WRAP(ssize_t, -1, read, (int fd, void *to, size_t len), fd, to, len)
WRAP(ssize_t, -1, write, (int fd, const void *from, size_t len), fd, from, len)

DECLARE(long, syscall, (long nr, long a, long b, long c, long d, long e));

static pid_t mortal;			/* a child that ends before it gets a ring; 0: none */

long __wrap_syscall(long nr, long a, long b, long c, long d, long e)
{
	const struct perf_event_attr *attr = (void *)a;

	if (fails("syscall", ENOMEM))
		return -1;
	if (nr == __NR_perf_event_open && mortal && (pid_t)b == mortal &&
	    attr->config == PERF_COUNT_SW_DUMMY) {
		kill(mortal, SIGKILL);
		waitpid(mortal, NULL, 0);
		mortal = 0;
	}
	return __real_syscall(nr, a, b, c, d, e);
}

DECLARE(void *, mmap64, (void *at, size_t len, int prot, int flags, int fd, off_t offset));
DECLARE(int, munmap, (void *at, size_t len));

void *__wrap_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	void *map;

	if (fails("mmap", ENOMEM))
		return MAP_FAILED;
	map = __real_mmap64(at, len, prot, flags, fd, offset);
	/* What takes the place of another one goes with it. */
	maps += map != MAP_FAILED && !(flags & MAP_FIXED);
	return map;
}

int __wrap_munmap(void *at, size_t len)
{
	maps--;
	return __real_munmap(at, len);
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int nr = 0;

	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}

struct world {
	char image[64];			/* of a ring */
	char data[64];			/* perf.data, as from a pipe */
	char out[64];
	char folder[64];		/* a machine that is made up */
	char sysfs[96];
	char tracefs[96];
	struct perfring_storage *some;	/* open all the time */
	int array;			/* BPF maps; -1: none here */
	int ringbuf;
	int user;
	bool perf;
	bool device;
};

static struct perf_event_attr some_attr(void)
{
	struct perf_event_attr attr = output_attr();

	attr.sample_type |= PERF_SAMPLE_TIME | PERF_SAMPLE_TID | PERF_SAMPLE_IDENTIFIER;
	attr.sample_id_all = 1;
	return attr;
}

static int close_storage(int ret, struct perfring_storage *storage)
{
	perfring_storage_close(storage);
	return ret;
}

static int memory(const struct world *w)
{
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = 2 };
	struct perfring_storage *storage = NULL;
	struct perfring_ring *ring = NULL;
	struct perfring_batch batch;
	int ret;

	opts.overwrite = 1;
	opts.backward = 1;
	ret = perfring_storage_open_memory(&opts, &storage);
	if (!ret)
		ret = perfring_ring_open(storage, NULL, &ring);
	if (!ret)
		ret = perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, 20);
	if (ret >= 0) {
		/* The first one takes memory. */
		ret = perfring_ring_snapshot(ring, 0, &batch);
		perfring_batch_commit(&batch);
	}
	perfring_ring_close(ring);
	return close_storage(ret, storage);
}

static int perf(const struct world *w)
{
	struct perfring_perf_opts opts = { .size = sizeof(opts), .pages = 1 };
	struct perf_event_attr attr = some_attr();
	struct perfring_storage *storage = NULL;
	struct perfring_ring *ring = NULL;
	int ret = perfring_storage_open_perf(&attr, -1, 0, &opts, &storage);

	if (!ret)
		ret = perfring_ring_open(storage, NULL, &ring);
	perfring_ring_close(ring);
	return close_storage(ret, storage);
}

static int device(const struct world *w)
{
	struct perfring_device_opts opts = {
		.size = sizeof(opts), .pages = 1, .mirror = PERFRING_MIRROR_ON,
	};
	struct perf_event_attr attr = some_attr();
	struct perfring_storage *storage = NULL;
	int ret = perfring_storage_open_device("/dev/perfring0", &attr, &opts, &storage);

	return close_storage(ret, storage);
}

static int image(const struct world *w)
{
	struct perfring_storage *storage = NULL;
	int ret = perfring_storage_open_image(w->image, NULL, &storage);

	if (!ret)
		ret = perfring_storage_save(storage, w->out);
	return close_storage(ret, storage);
}

static int bpf_ringbuf(const struct world *w)
{
	struct perfring_storage *storage = NULL;
	int ret = perfring_storage_open_bpf_ringbuf(w->ringbuf, NULL, &storage);

	return close_storage(ret, storage);
}

static int bpf_user(const struct world *w)
{
	struct perfring_bpf_user *user = NULL;
	int ret = perfring_bpf_user_open(w->user, &user);

	perfring_bpf_user_close(user);
	return ret;
}

/* More rings than there is room for at first, and a merge of them. */
static int rings(const struct world *w)
{
	struct perfring_cpus_opts opts = { .size = sizeof(opts), .pages = 1 };
	const unsigned int cpus[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct perf_event_attr attr = some_attr();
	struct perfring_reader *reader = NULL;
	struct perfring_merge *merge = NULL;
	int ret = perfring_reader_create(NULL, &reader);

	opts.cpus = cpus;
	opts.nr_cpus = ARRAY_LEN(cpus);
	if (!ret)
		ret = perfring_reader_add_cpus(reader, PERFRING_BACKEND_MEMORY, &attr, &opts);
	/* The kernel takes its time to close one. */
	opts.nr_cpus = 1;
	if (ret >= 0 && w->perf)
		ret = perfring_reader_add_cpus(reader, PERFRING_BACKEND_PERF, &attr, &opts);
	if (ret >= 0)
		ret = perfring_merge_create(reader, NULL, &merge);
	if (!ret)
		ret = perfring_merge_add_all(merge, NULL);
	perfring_merge_destroy(merge);
	perfring_reader_destroy(reader);
	return ret;
}

static int possible_cpus(const struct world *w)
{
	struct perf_event_attr attr = some_attr();
	struct perfring_reader *reader = NULL;
	int ret = perfring_reader_create(NULL, &reader);

	if (!ret)
		ret = perfring_reader_add_cpus(reader, PERFRING_BACKEND_MEMORY, &attr, NULL);
	perfring_reader_destroy(reader);
	return ret;
}

static int bpf_array(const struct world *w)
{
	struct perfring_reader *reader = NULL;
	int ret = perfring_reader_create(NULL, &reader);

	if (!ret)
		ret = perfring_reader_add_bpf_array(reader, w->array, NULL, NULL);
	perfring_reader_destroy(reader);
	return ret;
}

static int parse(const struct world *w)
{
	struct perfring_event_specs *specs = NULL;
	static const char text[] =
		"{faults:u,cs},cpu-clock/name=c/,mem:0x1000:w,uprobe:/bin/true:main,nosuch";
	int ret = perfring_event_parse(text, NULL, &specs, NULL);

	perfring_event_specs_free(specs);
	/* It ends so when nothing fails. */
	return ret == -EINVAL || ret == -ENOENT ? 0 : ret;
}

static int events(const struct world *w)
{
	struct perfring_event_specs *specs = NULL;
	struct perfring_events *events = NULL;
	struct perfring_reader *reader = NULL;
	const pid_t self = 0;
	struct perfring_events_opts opts = {
		.size = sizeof(opts), .sampling = 1, .pids = &self, .nr_pids = 1,
		.pages = 1,
	};
	int ret = perfring_event_parse("{faults:u,cs:u},dummy:u", NULL, &specs, NULL);

	if (!ret)
		ret = perfring_events_open(specs, &opts, &events);
	if (!ret)
		ret = perfring_reader_create(NULL, &reader);
	if (!ret)
		ret = perfring_events_give(events, reader);
	perfring_reader_destroy(reader);
	perfring_events_close(events);
	perfring_event_specs_free(specs);
	return ret;
}

static int count(const struct world *w)
{
	struct perfring_count_opts opts = { .size = sizeof(opts) };
	struct perfring_count_value values[3];
	struct perfring_count *count = NULL;
	int ret = perfring_count_open_text("{faults:u,cs:u},cpu-clock:u", 0, -1, &opts, &count,
					   NULL);

	if (!ret)
		ret = perfring_count_start(count);
	if (!ret)
		ret = perfring_count_read(count, values, 3);
	perfring_count_close(count);
	return ret;
}

static int count_attrs(const struct world *w)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_TASK_CLOCK, .exclude_kernel = 1,
	};
	struct perfring_count *count = NULL;
	int ret = perfring_count_open(&attr, 1, 0, -1, NULL, &count);

	perfring_count_close(count);
	return ret;
}

static int contiguous(const struct world *w)
{
	static _Alignas(65536) unsigned char bytes[2 * 65536];
	struct perfring_storage *storage = NULL;
	int ret = perfring_storage_from_contiguous(bytes, 2 * perfring_storage_page_size(w->some),
						   NULL, &storage);

	return close_storage(ret, storage);
}

/* PMUs, their events and tracepoints, as files say. */
static int parse_files(const struct world *w)
{
	struct perfring_event_opts opts = { .size = sizeof(opts), .sysfs = w->sysfs,
					    .tracefs = w->tracefs };
	static const char text[] =
		"cpu/mem-loads,ldlat=4/,cas_count_read,r1a,imc/event=6/,sched:*,kprobe:x+4";
	struct perfring_event_specs *specs = NULL;
	int ret = perfring_event_parse(text, &opts, &specs, NULL);

	for (size_t i = 0; !ret && i < perfring_event_specs_count(specs); i++)
		ret = strchr(perfring_event_specs_at(specs, i)->name, '*') ? -EIO : 0;
	perfring_event_specs_free(specs);
	return ret;
}

static int write_data(const char *path, bool pipe)
{
	const char *const argv[] = { "a", "b" };
	struct perfring_data_opts opts = {
		.size = sizeof(opts), .pipe = pipe, .argv = argv, .argc = 2,
	};
	struct perf_event_attr attr = some_attr();
	struct perfring_data_writer *writer = NULL;
	int err, ret = perfring_data_create(path, &opts, &writer);

	for (int i = 0; ret >= 0 && i < 2; i++) {
		ret = perfring_data_add_event(writer, &attr, "e");
		if (ret >= 0)
			ret = perfring_data_add_id(writer, (unsigned int)i, 7 + (uint64_t)i);
	}
	if (ret >= 0)
		ret = perfring_data_start(writer);
	err = perfring_data_close(writer);
	return ret < 0 ? ret : err;
}

static int data_file(const struct world *w)
{
	return write_data(w->out, false);
}

static int data_pipe(const struct world *w)
{
	return write_data(w->out, true);
}

static int data_read(const struct world *w)
{
	struct perfring_data *data = NULL;
	int ret = perfring_data_open(w->data, &data, NULL);

	perfring_data_free(data);
	return ret;
}

static int make_map(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t entries)
{
	int fd = bpf_map_create(type, "unwind", key, value, entries, NULL);

	return fd < 0 ? -1 : fd;
}

static bool make_world(struct world *w)
{
	struct perfring_storage *storage;
	char why[WHY_LEN];
	bool made;

	snprintf(w->image, sizeof(w->image), "/tmp/perfring-unwind-%d.image", getpid());
	snprintf(w->data, sizeof(w->data), "/tmp/perfring-unwind-%d.data", getpid());
	snprintf(w->folder, sizeof(w->folder), "/tmp/perfring-unwind-XXXXXX");
	w->perf = backend_available(PERF, why, sizeof(why));
	w->device = backend_available(DEVICE, why, sizeof(why));
	w->array = make_map(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 1024);
	w->ringbuf = make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 65536);
	w->user = make_map(BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 65536);
	if (perfring_storage_open_memory(NULL, &storage))
		return false;
	made = !perfring_storage_save(storage, w->image) && write_data(w->data, true) >= 0;
	w->some = storage;
	made = made && mkdtemp(w->folder) && make_files(w->folder);
	snprintf(w->sysfs, sizeof(w->sysfs), "%s/sys", w->folder);
	snprintf(w->tracefs, sizeof(w->tracefs), "%s/trace", w->folder);
	snprintf(w->out, sizeof(w->out), "/tmp/perfring-unwind-%d.out", getpid());
	return made;
}

static void clear_world(const struct world *w)
{
	char line[128];

	unlink(w->image);
	unlink(w->data);
	unlink(w->out);
	perfring_storage_close(w->some);
	snprintf(line, sizeof(line), "rm -rf %s", w->folder);
	if (system(line))
		printf("# %s failed\n", line);
}

#define FAILURES_MOST	20000

/* @fn with its first call failing, with its second one, ... until none is left to fail. */
static void each(struct __test_metadata *_metadata, int (*fn)(const struct world *w),
		 const struct world *w)
{
	unsigned int n, refused = 0;
	int ret, files = 0;

	/* Once for what the C library keeps for itself. */
	ASSERT_LE(0, fn(w));
	files = open_files();
	maps = 0;
	for (n = 1; n < FAILURES_MOST; n++) {
		hit = false;
		countdown = n;
		ret = fn(w);
		countdown = 0;
		EXPECT_EQ(files, open_files()) {
			TH_LOG("call %u, %s", n, what);
		}
		EXPECT_EQ(0, maps) {
			TH_LOG("call %u, %s", n, what);
		}
		maps = 0;
		if (!hit)
			break;
		refused += ret < 0;
		/* What may be missing is passed over: texts for errors, features of a file. */
		EXPECT_TRUE(ret >= 0 || ret == -ENOMEM) {
			TH_LOG("call %u, %s: %d", n, what, ret);
		}
	}
	EXPECT_LE(0, ret);
	EXPECT_GT(FAILURES_MOST, n);
	EXPECT_LT(0, refused);
#ifdef __SANITIZE_ADDRESS__
	EXPECT_EQ(0, __lsan_do_recoverable_leak_check());
#endif
}

enum need { NOTHING, REAL_PERF, THE_DEVICE, BPF_ARRAY, BPF_RINGBUF, BPF_USER };

FIXTURE(unwind) {
	struct world w;
};

FIXTURE_VARIANT(unwind) {
	int (*fn)(const struct world *w);
	enum need need;
};

#define OPERATION(name, what_for)						\
	FIXTURE_VARIANT_ADD(unwind, name) { .fn = name, .need = what_for }

OPERATION(memory, NOTHING);
OPERATION(image, NOTHING);
OPERATION(rings, NOTHING);
OPERATION(possible_cpus, NOTHING);
OPERATION(contiguous, NOTHING);
OPERATION(parse, NOTHING);
OPERATION(parse_files, NOTHING);
OPERATION(data_file, NOTHING);
OPERATION(data_pipe, NOTHING);
OPERATION(data_read, NOTHING);
OPERATION(perf, REAL_PERF);
OPERATION(events, REAL_PERF);
OPERATION(count, REAL_PERF);
OPERATION(count_attrs, REAL_PERF);
OPERATION(device, THE_DEVICE);
OPERATION(bpf_array, BPF_ARRAY);
OPERATION(bpf_ringbuf, BPF_RINGBUF);
OPERATION(bpf_user, BPF_USER);

FIXTURE_SETUP(unwind)
{
	const struct world *w = &self->w;
	char why[WHY_LEN];

	ASSERT_TRUE(make_world(&self->w));
	if (variant->need == REAL_PERF && !backend_available(PERF, why, sizeof(why)))
		SKIP(return, "%s", why);
	if (variant->need == THE_DEVICE && !backend_available(DEVICE, why, sizeof(why)))
		SKIP(return, "%s", why);
	if ((variant->need == BPF_ARRAY && w->array < 0) ||
	    (variant->need == BPF_RINGBUF && w->ringbuf < 0) ||
	    (variant->need == BPF_USER && w->user < 0))
		SKIP(return, "no such BPF map can be made here (CAP_BPF)");
}

FIXTURE_TEARDOWN(unwind)
{
	clear_world(&self->w);
}

TEST_F_TIMEOUT(unwind, nothing_is_left, 100)
{
	each(_metadata, variant->fn, &self->w);
}

/* A task that has its events, and is gone when its ring is opened, is left out. */
TEST(a_task_ends_meanwhile)
{
	struct perfring_event_specs *specs;
	struct perfring_events *events;
	pid_t pids[2] = { 0, 0 }, child;
	struct perfring_events_opts opts = {
		.size = sizeof(opts), .sampling = 1, .pids = pids, .nr_pids = 2, .pages = 1,
	};
	char why[WHY_LEN];
	int files;

	if (!backend_available(PERF, why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_EQ(0, perfring_event_parse("faults:u,cs:u", NULL, &specs, NULL));
	for (int who = 0; who < 2; who++) {
		child = fork();
		if (!child) {
			pause();
			_exit(1);
		}
		ASSERT_LT(0, child);
		/* The one beside it lives, or nobody does. */
		pids[0] = who ? child : 0;
		pids[1] = child;
		files = open_files();
		mortal = child;
		if (who) {
			opts.nr_pids = 1;
			EXPECT_EQ(-ESRCH, perfring_events_open(specs, &opts, &events));
			EXPECT_EQ(files, open_files());
			continue;
		}
		ASSERT_EQ(0, perfring_events_open(specs, &opts, &events));
		EXPECT_EQ(0, mortal);
		EXPECT_EQ(1, perfring_events_rings(events));
		/* Two events and a ring, of the task that is there. */
		EXPECT_EQ(files + 3, open_files());
		perfring_events_close(events);
		EXPECT_EQ(files, open_files());
	}
	perfring_event_specs_free(specs);
}

TEST_HARNESS_MAIN
