// SPDX-License-Identifier: GPL-2.0
/* Inputs to begin with, where a fuzzer would be long in finding one: whole files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "replay.h"

static struct perf_event_attr seed_attr(bool several)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_BPF_OUTPUT,
		.size = sizeof(attr), .sample_period = 1,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
	};

	attr.sample_type |= several ? PERF_SAMPLE_IDENTIFIER : PERF_SAMPLE_ID;
	attr.sample_id_all = 1;
	return attr;
}

static void seed_records(struct perfring_data_writer *writer, const struct perf_event_attr *attr)
{
	static const char comm[16] = "pid.tid.name";
	struct perfring_memory_opts opts = { .size = sizeof(opts), .attr = attr };
	struct perfring_sample_id id = { .pid = 1, .tid = 2, .time = 100 };
	struct perfring_storage *storage;
	struct perfring_record record;
	struct perfring_ring *ring;

	FUZZ_CHECK(!perfring_storage_open_memory(&opts, &storage));
	FUZZ_CHECK(!perfring_ring_open(storage, NULL, &ring));
	for (unsigned int i = 0; i < 4; i++) {
		id.id = 70 + i % 3;
		id.identifier = id.id;
		perfring_write_set_id(ring, &id);
		if (i)
			perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, i * 5);
		else
			perfring_write(ring, PERF_RECORD_COMM, 0, comm, sizeof(comm));
		FUZZ_CHECK(perfring_ring_peek(ring, &record) == 1);
		FUZZ_CHECK(!perfring_data_write(writer, &record));
		perfring_ring_pop(ring);
	}
	FUZZ_CHECK(!perfring_data_round(writer));
	perfring_ring_close(ring);
	perfring_storage_close(storage);
}

/* Of this machine nothing is told. */
static void seed_blank(unsigned char *bytes, size_t len, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; n && i + n <= len; i++)
		if (!memcmp(bytes + i, text, n))
			memset(bytes + i, 'x', n);
}

static void seed_file(const char *dir, const char *name, bool several, bool pipe)
{
	struct perfring_data_opts opts = { .size = sizeof(opts), .pipe = pipe };
	struct perf_event_attr attr = seed_attr(several);
	struct perfring_data_writer *writer;
	unsigned char bytes[1 + 16384];
	struct utsname machine;
	char path[512];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FUZZ_CHECK(!perfring_data_create(path, &opts, &writer));
	FUZZ_CHECK(!perfring_data_add_event(writer, &attr, "one"));
	FUZZ_CHECK(!perfring_data_add_id(writer, 0, 70));
	if (several) {
		FUZZ_CHECK(perfring_data_add_event(writer, &attr, "two") == 1);
		FUZZ_CHECK(!perfring_data_add_id(writer, 1, 71));
	}
	FUZZ_CHECK(perfring_data_start(writer) >= 0);
	seed_records(writer, &attr);
	FUZZ_CHECK(!perfring_data_close(writer));

	file = fopen(path, "r+");
	FUZZ_CHECK(file);
	len = fread(bytes + 1, 1, sizeof(bytes) - 1, file);
	uname(&machine);
	seed_blank(bytes + 1, len, machine.nodename);
	seed_blank(bytes + 1, len, machine.release);
	/* perf.data, of memory */
	bytes[0] = 1;
	rewind(file);
	FUZZ_CHECK(fwrite(bytes, 1, len + 1, file) == len + 1);
	fclose(file);
}

static void seed_event(const char *dir)
{
	static const char *const texts[] = {
		"cycles:u,instructions:k", "{cycles,faults}:S,L1-dcache-load-misses:ppp",
		"cpu/event=0x3c,umask=1,name=it,period=100/u", "cpu/mem-loads/P,cpu/slots/",
		"uncore_imc/cas_count_read/", "sched:sched_*", "raw_syscalls:sys_enter:H",
		"kprobe:vfs_read+0x10,kretprobe:x", "mem:0x1000/8:rw", "r01c0,4:0x3c",
		"uprobe:/proc/self/exe:main", "cycles/freq=99,call-graph=fp,max-stack=4,inherit/",
		"cpu/zz=3/\nconfig:0-3,8-11\nevent=1,umask=?\n1e-3", "{a,b}:W",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char path[512];
		FILE *file;

		snprintf(path, sizeof(path), "%s/seed-%zu", dir, i);
		file = fopen(path, "w");
		FUZZ_CHECK(file && fputs(texts[i], file) >= 0 && !fclose(file));
	}
}

void fuzz_seed(const struct fuzz_target *target, const char *dir)
{
	if (target == &fuzz_file) {
		seed_file(dir, "seed-one", false, false);
		seed_file(dir, "seed-two", true, false);
		seed_file(dir, "seed-pipe", false, true);
	} else if (target == &fuzz_event) {
		seed_event(dir);
	}
}
