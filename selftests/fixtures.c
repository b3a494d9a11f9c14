// SPDX-License-Identifier: GPL-2.0
#define FIXTURES_NO_HARNESS	/* it defines functions, once a program */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fixtures.h"

#define BURST	256U

static int bpf_quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

int bpf_writer_load(struct bpf_writer *w, const char *file, size_t size, const char **missing)
{
	return bpf_writer_load_with(w, file, "events", size, NULL, missing);
}

int bpf_writer_load_with(struct bpf_writer *w, const char *file, const char *events, size_t size,
			 void (*change)(struct bpf_object *object), const char **missing)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	int err;

	memset(w, 0, sizeof(*w));
	*missing = "a BPF object beside the test";
	if (n < 0)
		return -errno;
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, file);
	libbpf_set_print(bpf_quiet);
	w->object = bpf_object__open_file(path, NULL);
	if (!w->object)
		return -errno;
	if (change)
		change(w->object);
	*missing = "loading a BPF program";
	err = bpf_object__load(w->object);
	if (err)
		return err;
	*missing = "a map or program in a BPF object";
	w->size = size;
	bpf_object__for_each_map(map, w->object)
		if (strstr(bpf_map__name(map), ".bss"))
			w->request = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
					  bpf_map__fd(map), 0);
	if (w->request == MAP_FAILED)
		w->request = NULL;
	w->program = bpf_program__fd(bpf_object__find_program_by_name(w->object, "output"));
	w->events = bpf_object__find_map_fd_by_name(w->object, events);
	return w->request && w->program >= 0 && w->events >= 0 ? 0 : -ENOENT;
}

void bpf_writer_unload(struct bpf_writer *w)
{
	if (w->request)
		munmap(w->request, w->size);
	w->request = NULL;
	bpf_object__close(w->object);
	w->object = NULL;
}

int bpf_writer_aim(const struct bpf_writer *w, int index, int fd)
{
	if (fd < 0)
		return bpf_map_delete_elem(w->events, &index) ? -errno : 0;
	return bpf_map_update_elem(w->events, &index, &fd, BPF_ANY) ? -errno : 0;
}

int bpf_writer_run(const struct bpf_writer *w, int cpu)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = cpu);

	return bpf_prog_test_run_opts(w->program, &opts) ? -errno : 0;
}

/* The writer of perf rings; *@missing names what failed. */
static int output_load(struct backend *b, const char **missing)
{
	int err = bpf_writer_load(&b->bpf, "output.bpf.o", sizeof(*b->request), missing);

	b->request = b->bpf.request;
	return err;
}

static void output_unload(struct backend *b)
{
	bpf_writer_unload(&b->bpf);
	b->request = NULL;
}

bool backend_available(enum backend_kind kind, char *why, size_t len)
{
	struct perf_event_attr attr = output_attr();
	struct backend b = { .cpu = -1 };
	const char *missing;
	int ret;

	if (kind == MEMORY)
		return true;
	if (kind == DEVICE)
		return device_ready(why, len);

	ret = perf_open(&attr, -1, 0, -1);
	if (ret < 0) {
		snprintf(why, len, "perf_event_open: %s (uid %d, perf_event_paranoid %ld)%s",
			 strerror(-ret), geteuid(),
			 file_long("/proc/sys/kernel/perf_event_paranoid", -99),
			 ret == -EACCES || ret == -EPERM ? ": no permission" : "");
		return false;
	}
	close(ret);
	ret = output_load(&b, &missing);
	output_unload(&b);
	if (ret) {
		snprintf(why, len, "%s: %s%s", missing, strerror(-ret),
			 ret == -EPERM ? ": no permission (CAP_BPF and CAP_PERFMON)" : "");
		return false;
	}
	return true;
}

static enum perfring_mirror mirrored = PERFRING_MIRROR_OFF;

void backend_mirror(bool mirror)
{
	mirrored = mirror ? PERFRING_MIRROR_ON : PERFRING_MIRROR_OFF;
}

int backend_storage(enum backend_kind kind, const struct backend_opts *opts,
		    struct perfring_storage **out)
{
	struct perf_event_attr attr = opts->attr ? *opts->attr : output_attr();
	struct perfring_memory_opts memory = {
		.size = sizeof(memory), .attr = &attr, .pages = opts->pages ?: 1,
		.position = opts->position, .overwrite = opts->overwrite, .cpu = 1,
		.mirror = mirrored,
	};
	struct perfring_perf_opts perf = {
		.size = sizeof(perf), .pages = opts->pages ?: 1, .overwrite = opts->overwrite,
	};
	struct perfring_device_opts device = {
		.size = sizeof(device), .pages = opts->pages ?: 1, .overwrite = opts->overwrite,
		.mirror = mirrored,
	};
	struct perfring_position position = {
		.size = sizeof(position), .position = opts->position,
	};
	int ret;

	switch (kind) {
	case MEMORY:
		return perfring_storage_open_memory(&memory, out);
	case PERF:
		if (opts->position)
			return -EOPNOTSUPP;
		return perfring_storage_open_perf(&attr, -1, 0, &perf, out);
	case DEVICE:
		break;
	}
	ret = perfring_storage_open_device("/dev/perfring0", &attr, &device, out);
	if (!ret && opts->position) {
		ret = do_ioctl(perfring_storage_fd(*out), PERFRING_IOC_SET_POSITION, &position);
		if (ret) {
			perfring_storage_close(*out);
			*out = NULL;
		}
	}
	return ret;
}

int backend_writer(struct backend *b)
{
	const char *missing;

	b->kind = PERF;
	b->cpu = 0;
	return output_load(b, &missing);
}

int backend_attach(struct backend *b, enum backend_kind kind, struct perfring_storage *storage)
{
	const char *missing;
	int ret;

	b->kind = kind;
	b->cpu = 0;
	b->storage = storage;
	if (kind == PERF) {
		ret = output_load(b, &missing);
		if (ret)
			return ret;
		ret = bpf_writer_aim(&b->bpf, b->cpu, perfring_storage_fd(storage));
		if (ret)
			return ret;
	}
	return kind == MEMORY ? 0 : perfring_storage_enable(storage);
}

int backend_open(struct backend *b, enum backend_kind kind, const struct backend_opts *opts)
{
	static const struct backend_opts defaults;
	struct perfring_storage *storage = NULL;
	int ret;

	if (!opts)
		opts = &defaults;
	memset(b, 0, sizeof(*b));
	b->cpu = -1;
	ret = backend_storage(kind, opts, &storage);
	if (!ret)
		ret = backend_attach(b, kind, storage);
	/* Memory is written through its ring. */
	if (!ret && (!opts->unread || kind == MEMORY))
		ret = perfring_ring_open(storage, NULL, &b->ring);
	return ret;
}

void backend_close(struct backend *b)
{
	output_unload(b);
	perfring_ring_close(b->ring);
	b->ring = NULL;
	perfring_storage_close(b->storage);
	b->storage = NULL;
}

/* Run the BPF program once; 0 or -errno of the run, not of its records. */
static int output_run(struct backend *b, size_t len, unsigned int count)
{
	b->request->len = len;
	b->request->count = count;
	return bpf_writer_run(&b->bpf, b->cpu);
}

int backend_write(struct backend *b, const void *payload, size_t len)
{
	ssize_t n;
	int ret;

	switch (b->kind) {
	case MEMORY:
		/* The kernel's writers say that they are of the kernel. */
		ret = perfring_write(b->ring, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL,
				     payload, len);
		/* A pause is a loss; the kernel does not tell the two apart. */
		return ret > 0 ? 0 : ret == -EBUSY ? -ENOSPC : ret;
	case PERF:
		if (len > sizeof(b->request->payload))
			return -E2BIG;
		memcpy(b->request->payload, payload, len);
		ret = output_run(b, len, 1);
		return ret ?: b->request->error;
	case DEVICE:
		break;
	}
	n = write(perfring_storage_fd(b->storage), payload, len);
	return n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO;
}

int backend_burst(struct backend *b, size_t len, unsigned int count)
{
	struct perfring_emit result;
	unsigned int now;
	int done = 0, ret;
	size_t i;

	switch (b->kind) {
	case MEMORY:
		while (count--) {
			ret = perfring_write(b->ring, PERF_RECORD_SAMPLE,
					     PERF_RECORD_MISC_KERNEL, NULL, len);
			if (ret >= 0)
				done++;
			else if (ret != -ENOSPC && ret != -EBUSY)
				return ret;
		}
		return done;
	case PERF:
		for (i = 0; i < len; i++)
			b->request->payload[i] = i;
		for (; count; count -= now) {
			now = count < BURST ? count : BURST;
			ret = output_run(b, len, now);
			if (ret)
				return ret;
			done += b->request->done;
		}
		return done;
	case DEVICE:
		break;
	}
	ret = emit(perfring_storage_fd(b->storage), PERF_RECORD_SAMPLE, 0, NULL, len, count,
		   &result);
	return ret ?: (int)result.written;
}

bool backend_poll(struct backend *b, int ms)
{
	bool ready = poll_events(perfring_storage_fd(b->storage), ms) > 0;

	if (b->kind == MEMORY)
		perfring_storage_clear_wakeup(b->storage);
	return ready;
}

uint64_t backend_lost(struct backend *b)
{
	struct perfring_write_stats stats = { .size = sizeof(stats) };
	uint64_t words[6] = {};

	if (b->kind == MEMORY) {
		perfring_write_stats(b->ring, &stats);
		return stats.lost_full + stats.lost_paused;
	}
	/* read_format PERF_FORMAT_LOST: the value, then the losses. */
	return perfring_storage_read(b->storage, words, 6) == 2 ? words[1] : UINT64_MAX;
}
