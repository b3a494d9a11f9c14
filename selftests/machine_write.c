// SPDX-License-Identifier: GPL-2.0
/* Writing the files of machines/: see machine.h. */
#define FIXTURES_NO_HARNESS	/* it defines functions, once a program */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <time.h>
#include "machine.h"

const char *const machine_kinds[NR_KINDS] = { "image", "backward", "data", "pipe" };

static int write_one(struct backend *b, unsigned int i)
{
	struct {
		uint32_t pid, tid;
		char name[16];
	} comm = { 42, 43, TASK_NAME };
	unsigned char payload[128];
	int ret;

	if (!is_comm(i)) {
		fill(payload, payload_len(i), i);
		return backend_write(b, payload, payload_len(i));
	}
	if (b->kind == DEVICE)
		return emit(perfring_storage_fd(b->storage), PERF_RECORD_COMM,
			    PERF_RECORD_MISC_USER, &comm, sizeof(comm), 1, NULL);
	ret = perfring_write(b->ring, PERF_RECORD_COMM, PERF_RECORD_MISC_USER, &comm, sizeof(comm));
	return ret < 0 ? ret : 0;
}

/* 0 or -errno */
static int make_image(enum backend_kind kind, bool backward, const char *path)
{
	struct perf_event_attr attr = output_attr();
	/* The backward one is a flight recorder: never full, and read by snapshots. */
	struct backend_opts opts = {
		.pages = 1, .attr = &attr, .overwrite = backward,
		.position = of_bits(first_position(backward), 8 * sizeof(long)),
	};
	struct perfring_record record;
	struct backend b;
	int ret;

	attr.sample_type = IMAGE_FIELDS | PERF_SAMPLE_RAW;
	attr.sample_id_all = 1;
	attr.write_backward = backward;
	ret = backend_open(&b, kind, &opts);
	for (unsigned int i = 0; !ret && i < NR_RECORDS; i++)
		ret = write_one(&b, i);
	if (!ret && !backward) {
		ret = perfring_ring_peek(b.ring, &record) == 1 ? 0 : -ENODATA;
		if (!ret)
			ret = perfring_ring_pop(b.ring) == 1 ? 0 : -ENODATA;
	}
	if (!ret)
		ret = perfring_storage_save(b.storage, path);
	backend_close(&b);
	return ret;
}

struct perf_event_attr machine_kernel_attr(void)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY,
		.size = sizeof(struct perf_event_attr), .sample_type = IMAGE_FIELDS,
		.sample_id_all = 1, .disabled = 1, .exclude_kernel = 1,
		.comm = 1, .mmap = 1, .mmap2 = 1,
	};
}

struct perf_event_attr machine_sample_attr(void)
{
	struct perf_event_attr attr = output_attr();

	attr.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
			   PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_CPU |
			   PERF_SAMPLE_PERIOD | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_RAW |
			   PERF_SAMPLE_REGS_USER;
	attr.sample_regs_user = (1ULL << NR_REGS) - 1;
	attr.sample_id_all = 1;
	return attr;
}

static int write_records(struct perfring_data_writer *writer, struct perfring_ring *ring)
{
	struct perfring_record record;
	int ret;

	while ((ret = perfring_ring_peek(ring, &record)) == 1) {
		ret = perfring_data_write(writer, &record);
		if (ret)
			return ret;
		perfring_ring_pop(ring);
	}
	return ret ?: perfring_data_round(writer);
}

/* A new name and a mapping of two pages that may be run: of these the kernel tells. */
static int kernel_records(struct perfring_data_writer *writer, struct perfring_storage *storage)
{
	int fd = memfd_create("machine", MFD_CLOEXEC), ret;
	struct perfring_ring *ring;
	void *map;

	if (fd < 0)
		return -errno;
	ret = perfring_ring_open(storage, NULL, &ring);
	if (!ret)
		ret = perfring_storage_enable(storage);
	if (!ret) {
		prctl(PR_SET_NAME, TASK_NAME);
		map = mmap((void *)MAP_ADDRESS, 2 * PAGE, PROT_READ | PROT_EXEC,
			   MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, PAGE);
		ret = map == MAP_FAILED ? -errno : munmap(map, 2 * PAGE);
		perfring_storage_disable(storage);
	}
	if (!ret)
		ret = write_records(writer, ring);
	perfring_ring_close(ring);
	close(fd);
	return ret;
}

static int own_records(struct perfring_data_writer *writer)
{
	struct perf_event_attr attr = machine_sample_attr();
	struct perfring_memory_opts opts = { .size = sizeof(opts), .attr = &attr };
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	int ret;

	ret = perfring_storage_open_memory(&opts, &storage);
	if (ret)
		return ret;
	ret = perfring_ring_open(storage, NULL, &ring);
	for (unsigned int i = 0; ret >= 0 && i < NR_SAMPLES; i++) {
		uint64_t chain[NR_CHAIN] = { PERF_CONTEXT_KERNEL, SAMPLE_IP + i, i };
		uint64_t values[NR_REGS];
		unsigned char payload[128];
		struct perfring_sample sample = {
			.identifier = SAMPLE_ID, .ip = SAMPLE_IP + i, .pid = 4242, .tid = 4243,
			.time = SAMPLE_TIME + 1000 * i, .addr = UINT64_MAX - i, .cpu = 1,
			.period = 3 + i, .callchain_nr = NR_CHAIN, .callchain = chain,
			.raw = payload, .raw_size = payload_len(i),
			.regs_user = {
				.abi = sizeof(long) == 4 ? PERF_SAMPLE_REGS_ABI_32 :
							   PERF_SAMPLE_REGS_ABI_64,
				.mask = attr.sample_regs_user, .nr = NR_REGS, .values = values,
			},
		};

		for (unsigned int r = 0; r < NR_REGS; r++)
			values[r] = 256 * i + r;
		fill(payload, payload_len(i), i);
		ret = perfring_write_sample(ring, NULL, PERF_RECORD_MISC_KERNEL, &sample);
	}
	if (ret >= 0)
		ret = write_records(writer, ring);
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	return ret;
}

/* 0 or -errno */
static int make_data(bool pipe, const char *path)
{
	static const char *const words[] = { "machine_test", "write" };
	struct perfring_data_opts opts = {
		.size = sizeof(opts), .argv = words, .argc = ARRAY_LEN(words), .pipe = pipe,
	};
	struct perfring_perf_opts perf = { .size = sizeof(perf), .pages = 1 };
	struct perf_event_attr attr = machine_kernel_attr(), other = machine_sample_attr();
	struct perfring_data_writer *writer;
	struct perfring_storage *storage;
	uint64_t id;
	int ret, err;

	ret = perfring_storage_open_perf(&attr, 0, -1, &perf, &storage);
	if (ret)
		return ret;
	ret = perfring_data_create(path, &opts, &writer);
	if (ret) {
		perfring_storage_close(storage);
		return ret;
	}
	ret = perfring_storage_id(storage, &id);
	if (!ret)
		ret = perfring_data_add_event(writer, &attr, "kernel's");
	if (!ret)
		ret = perfring_data_add_event(writer, &other, "ours") - 1;
	if (!ret)
		ret = perfring_data_add_id(writer, 0, id);
	if (!ret)
		ret = perfring_data_add_id(writer, 1, SAMPLE_ID);
	if (!ret)
		ret = perfring_data_start(writer);
	if (!ret)
		ret = kernel_records(writer, storage);
	if (!ret)
		ret = own_records(writer);
	err = perfring_data_close(writer);
	perfring_storage_close(storage);
	return ret ?: err;
}

int machine_make(enum backend_kind backend, unsigned int kind, const char *path)
{
	return kind >= DATA ? make_data(kind == PIPE, path) :
			      make_image(backend, kind == BACKWARD, path);
}

int machine_temporary(char path[PATH_ROOM])
{
	int fd;

	snprintf(path, PATH_ROOM, "/tmp/perfring-machine.XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -errno : fd;
}

/* 32 bytes a line, without those that are all zero: most of an image. */
static int print_file(const char *kind, int fd)
{
	static const unsigned char nothing[LINE];
	off_t size = lseek(fd, 0, SEEK_END);
	unsigned char line[LINE];
	ssize_t len;

	printf("%s %lld\n", kind, (long long)size);
	for (off_t at = 0; at < size; at += len) {
		len = pread(fd, line, sizeof(line), at);
		if (len <= 0)
			return len ? -errno : -EIO;
		if (!memcmp(line, nothing, (size_t)len))
			continue;
		printf("%llx ", (long long)at);
		for (ssize_t i = 0; i < len; i++)
			printf("%02x", line[i]);
		printf("\n");
	}
	return 0;
}

int machine_print(const char *name)
{
	char path[PATH_ROOM], day[16], why[WHY_LEN];
	struct utsname host;
	time_t now = time(NULL);
	int fd, ret;

	if (!device_ready(why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	uname(&host);
	strftime(day, sizeof(day), "%F", gmtime(&now));
	printf("# %s: GPL-2.0\n# %s: Linux %s, %s, pages of %zu bytes, words of %zu bits, %s\n",
	       "SPDX-License-Identifier", name, host.release, host.machine, PAGE,
	       8 * sizeof(long), day);
	for (unsigned int kind = 0; kind < NR_KINDS; kind++) {
		fd = machine_temporary(path);
		ret = fd < 0 ? fd : machine_make(DEVICE, kind, path);
		if (!ret)
			ret = print_file(machine_kinds[kind], fd);
		close(fd);
		unlink(path);
		if (ret) {
			fprintf(stderr, "%s: %s\n", machine_kinds[kind], strerror(-ret));
			return 1;
		}
	}
	return 0;
}
