// SPDX-License-Identifier: GPL-2.0
/*
 * Images and perf.data that other machines have written, kept in machines/: those of this byte
 * order are read to the last field, those of the other one are refused, and it is said why.
 *
 * "machine_test write NAME" prints such a file, of the machine that it runs on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include "machine.h"
#include "command.h"

#define CPU	0	/* of the device */

struct machine {
	const char *name;
	const char *arch;	/* uname -m */
	size_t page;
	unsigned int bits;	/* of a word, and so of a position */
	bool big_endian;
};

static int digits(const char *text, unsigned char *bytes)
{
	int nr = 0, used;

	while (nr < LINE && sscanf(text, "%2hhx%n", &bytes[nr], &used) == 1 && used == 2) {
		text += 2;
		nr++;
	}
	return nr;
}

/* The file of @kind among those of a machine into @fd; how many lines, or -errno. */
static int unpack(const char *name, const char *kind, int fd)
{
	unsigned long long offset, size;
	unsigned char bytes[LINE];
	char path[PATH_ROOM], line[2 * LINE + 32], word[16];
	bool here = false;
	int used, len, ret = 0;
	FILE *text;

	snprintf(path, sizeof(path), TOP "/selftests/machines/%s", name);
	text = fopen(path, "r");
	if (!text)
		return -errno;
	while (ret >= 0 && fgets(line, sizeof(line), text)) {
		if (*line == '#')
			continue;
		/* An offset may begin with a letter, too. */
		if (sscanf(line, "%15[a-z]%n %llu", word, &used, &size) == 2 && line[used] == ' ') {
			here = !strcmp(word, kind);
			if (here && ftruncate(fd, (off_t)size))
				ret = -errno;
		} else if (here && sscanf(line, "%llx %n", &offset, &used) == 1) {
			len = digits(line + used, bytes);
			ret = pwrite(fd, bytes, (size_t)len, (off_t)offset) == len ? ret + 1 : -EIO;
		}
	}
	fclose(text);
	return ret;
}

/* Record @i of an image; @last: the time of the one before it, and the id of all of them. */
static void check_record(struct __test_metadata *_metadata, const struct perfring_format *format,
			 const struct perfring_record *record, unsigned int i,
			 struct perfring_sample_id *last)
{
	unsigned char payload[128];
	struct perfring_event event;

	EXPECT_EQ(record_size(i), record->size);
	ASSERT_EQ(0, perfring_decode(format, record, &event, NULL));
	EXPECT_EQ(CPU, event.id.cpu);
	EXPECT_EQ(event.id.pid, event.id.tid);
	EXPECT_EQ(last->pid, event.id.pid);
	EXPECT_EQ(last->identifier, event.id.identifier);
	EXPECT_LE(last->time, event.id.time);
	last->time = event.id.time;
	if (is_comm(i)) {
		EXPECT_EQ(PERF_RECORD_MISC_USER, record->misc);
		ASSERT_EQ(PERFRING_EVENT_COMM, event.kind);
		EXPECT_EQ(42, event.u.comm.pid);
		EXPECT_EQ(43, event.u.comm.tid);
		EXPECT_STREQ(TASK_NAME, event.u.comm.comm);
		return;
	}
	EXPECT_EQ(PERF_RECORD_MISC_KERNEL, record->misc);
	ASSERT_EQ(PERFRING_EVENT_SAMPLE, event.kind);
	EXPECT_EQ(sample_size(payload_len(i)) - 12, event.u.sample.raw_size);
	fill(payload, payload_len(i), i);
	EXPECT_EQ(0, memcmp(payload, event.u.sample.raw, payload_len(i)));
}

/* The records of an image but the first one, or all of them, newest first; each at its position. */
static void check_ring(struct __test_metadata *_metadata, struct perfring_storage *storage,
		       const struct machine *of, bool backward)
{
	uint64_t position = of_bits(first_position(backward), of->bits);
	struct perfring_format *format;
	struct perfring_record record;
	struct perfring_batch batch;
	struct perfring_sample_id last = { 0 };
	struct perfring_event event;
	struct perfring_ring *ring;

	ASSERT_EQ(0, perfring_format_compile(perfring_storage_attr(storage), &format));
	ASSERT_EQ(0, perfring_ring_open(storage, NULL, &ring));
	if (!backward)
		position += record_size(0);
	for (unsigned int i = 0; i < NR_RECORDS && backward; i++)
		position -= record_size(i);
	ASSERT_EQ(0, backward ? perfring_ring_snapshot(ring, 0, &batch) :
				perfring_batch_begin(ring, &batch));
	for (unsigned int nr = backward ? 0 : 1; nr < NR_RECORDS; nr++) {
		unsigned int i = backward ? NR_RECORDS - 1 - nr : nr;

		ASSERT_EQ(1, perfring_batch_next(&batch, &record));
		EXPECT_EQ(position, record.position);
		position += record_size(i);
		if (!last.type) {
			ASSERT_EQ(0, perfring_decode(format, &record, &event, NULL));
			last = event.id;
		}
		/* Newest first: each of them is the first. */
		if (backward)
			last.time = 0;
		check_record(_metadata, format, &record, i, &last);
	}
	EXPECT_EQ(0, perfring_batch_next(&batch, &record));
	EXPECT_EQ(0, perfring_batch_torn(&batch));
	perfring_batch_commit(&batch);
	perfring_ring_close(ring);
	perfring_format_free(format);
}

/* `perfring dump` of it: its status and what it says. */
static void check_dump(struct __test_metadata *_metadata, const char *what, const char *path,
		       int status, const char *words)
{
	char args[PATH_ROOM + 32];

	snprintf(args, sizeof(args), "dump %s:%s", what, path);
	EXPECT_EQ(status, perfring(args));
	EXPECT_TRUE(said(words)) {
		TH_LOG("perfring %s, no '%s' in it: %.1000s", args, words, output);
	}
}

static void check_image(struct __test_metadata *_metadata, const char *path,
			const struct machine *of, bool backward)
{
	struct perfring_storage *storage = NULL;
	const struct perf_event_attr *attr;
	char words[64];
	int ret;

	ret = perfring_storage_open_image(path, NULL, &storage);
	if (of->big_endian != BIG_ENDIAN_HERE) {
		EXPECT_EQ(-EOPNOTSUPP, ret);
		EXPECT_EQ(NULL, storage);
		check_dump(_metadata, "image", path, 1,
			   "the image of a machine of the other byte order");
		return;
	}
	ASSERT_EQ(0, ret);
	attr = perfring_storage_attr(storage);
	EXPECT_EQ(of->page, perfring_storage_page_size(storage));
	EXPECT_EQ(of->page, perfring_storage_data_size(storage));
	EXPECT_EQ(CPU, perfring_storage_cpu(storage));
	EXPECT_EQ(backward ? PERFRING_STORAGE_OVERWRITE | PERFRING_STORAGE_BACKWARD : 0,
		  perfring_storage_flags(storage));
	EXPECT_EQ(PERF_TYPE_SOFTWARE, attr->type);
	EXPECT_EQ(PERF_COUNT_SW_BPF_OUTPUT, attr->config);
	EXPECT_EQ(IMAGE_FIELDS | PERF_SAMPLE_RAW, attr->sample_type);
	EXPECT_EQ(1, !!attr->sample_id_all);
	EXPECT_EQ(backward, !!attr->write_backward);
	check_ring(_metadata, storage, of, backward);
	perfring_storage_close(storage);
	snprintf(words, sizeof(words), ": %u records, ", NR_RECORDS - !backward);
	check_dump(_metadata, "image", path, 0, words);
}

static void check_sample(struct __test_metadata *_metadata, const struct machine *of,
			 const struct perfring_sample *sample, unsigned int i)
{
	unsigned char payload[128];

	EXPECT_EQ(SAMPLE_ID, sample->identifier);
	EXPECT_EQ(SAMPLE_IP + i, sample->ip);
	EXPECT_EQ(4242, sample->pid);
	EXPECT_EQ(4243, sample->tid);
	EXPECT_EQ(SAMPLE_TIME + 1000 * i, sample->time);
	EXPECT_EQ(UINT64_MAX - i, sample->addr);
	EXPECT_EQ(1, sample->cpu);
	EXPECT_EQ(3 + i, sample->period);
	ASSERT_EQ(NR_CHAIN, sample->callchain_nr);
	EXPECT_EQ((uint64_t)PERF_CONTEXT_KERNEL, sample->callchain[0]);
	EXPECT_EQ(SAMPLE_IP + i, sample->callchain[1]);
	EXPECT_EQ(i, sample->callchain[2]);
	EXPECT_EQ(sample_size(payload_len(i)) - 12, sample->raw_size);
	fill(payload, payload_len(i), i);
	EXPECT_EQ(0, memcmp(payload, sample->raw, payload_len(i)));
	EXPECT_EQ(of->bits == 32 ? PERF_SAMPLE_REGS_ABI_32 : PERF_SAMPLE_REGS_ABI_64,
		  sample->regs_user.abi);
	ASSERT_EQ(NR_REGS, sample->regs_user.nr);
	for (unsigned int r = 0; r < NR_REGS; r++)
		EXPECT_EQ(256 * i + r, sample->regs_user.values[r]);
}

/* Record @i of perf.data: what the kernel said of its task, then our samples. */
static void check_event(struct __test_metadata *_metadata, const struct machine *of,
			const struct perfring_event *event, unsigned int i, uint64_t id)
{
	if (i >= 2) {
		ASSERT_EQ(PERFRING_EVENT_SAMPLE, event->kind);
		EXPECT_EQ(PERF_RECORD_MISC_KERNEL, event->misc);
		check_sample(_metadata, of, &event->u.sample, i - 2);
		return;
	}
	EXPECT_EQ(id, event->id.identifier);
	EXPECT_LT(0, event->id.pid);
	EXPECT_LT(0, event->id.time);
	if (!i) {
		ASSERT_EQ(PERFRING_EVENT_COMM, event->kind);
		EXPECT_EQ(event->id.pid, event->u.comm.pid);
		EXPECT_EQ(event->id.tid, event->u.comm.tid);
		EXPECT_STREQ(TASK_NAME, event->u.comm.comm);
		return;
	}
	ASSERT_EQ(PERFRING_EVENT_MMAP2, event->kind);
	EXPECT_EQ(event->id.pid, event->u.mmap.pid);
	EXPECT_EQ(MAP_ADDRESS, event->u.mmap.addr);
	EXPECT_EQ(2 * of->page, event->u.mmap.len);
	EXPECT_EQ(of->page, event->u.mmap.pgoff);
	EXPECT_EQ(PROT_READ | PROT_EXEC, event->u.mmap.prot);
	EXPECT_EQ(MAP_PRIVATE, event->u.mmap.flags);
	EXPECT_STREQ(MAP_NAME, event->u.mmap.filename);
}

/* The events are as they were given, and the file tells the machine. */
static void check_head(struct __test_metadata *_metadata, struct perfring_data *data,
		       const struct machine *of)
{
	static const char *const names[] = { "kernel's", "ours" };
	struct perf_event_attr attrs[] = { machine_kernel_attr(), machine_sample_attr() };
	struct perfring_data_event event;

	ASSERT_EQ(2, perfring_data_events(data));
	for (unsigned int i = 0; i < ARRAY_LEN(attrs); i++) {
		ASSERT_EQ(0, perfring_data_event(data, i, &event));
		EXPECT_STREQ(names[i], event.name);
		/* Of an older header it is shorter. */
		attrs[i].size = event.attr->size;
		EXPECT_EQ(0, memcmp(&attrs[i], event.attr, sizeof(attrs[i])));
		ASSERT_EQ(1, event.nr_ids);
	}
	EXPECT_EQ(SAMPLE_ID, event.ids[0]);
	EXPECT_STREQ(of->arch, perfring_data_string(data, PERFRING_DATA_ARCH));
	EXPECT_STREQ(perfring_version(), perfring_data_string(data, PERFRING_DATA_VERSION));
}

static void check_data(struct __test_metadata *_metadata, const char *path,
		       const struct machine *of)
{
	const char *const reason = BIG_ENDIAN_HERE ?
		"written by a little-endian machine; this one is big-endian" :
		"written by a big-endian machine; this one is little-endian";
	struct perfring_data_event by;
	struct perfring_data *data = NULL;
	struct perfring_record record;
	struct perfring_error error;
	struct perfring_event event;
	unsigned int i = 0;
	int ret, which;

	ret = perfring_data_open(path, &data, &error);
	if (of->big_endian != BIG_ENDIAN_HERE) {
		EXPECT_EQ(-EOPNOTSUPP, ret);
		EXPECT_EQ(NULL, data);
		EXPECT_EQ(-EOPNOTSUPP, error.code);
		EXPECT_STREQ(reason, error.reason);
		check_dump(_metadata, "data", path, 1, reason);
		return;
	}
	ASSERT_EQ(0, ret);
	check_head(_metadata, data, of);
	while ((ret = perfring_data_next(data, &record, &error)) == 1) {
		which = perfring_data_event_of(data, &record);
		if (which < 0)
			continue;
		ASSERT_EQ(i >= 2, which);
		ASSERT_EQ(0, perfring_data_event(data, (unsigned int)which, &by));
		ASSERT_EQ(0, perfring_decode(by.format, &record, &event, NULL));
		check_event(_metadata, of, &event, i++, by.ids[0]);
	}
	EXPECT_EQ(0, ret);
	EXPECT_EQ(2 + NR_SAMPLES, i);
	perfring_data_free(data);
	check_dump(_metadata, "data", path, 0, TASK_NAME);
}

static void check(struct __test_metadata *_metadata, const char *path, const struct machine *of,
		  unsigned int kind)
{
	if (kind >= DATA)
		check_data(_metadata, path, of);
	else
		check_image(_metadata, path, of, kind == BACKWARD);
}

/* Those that were kept. */
FIXTURE(kept) {
	char path[PATH_ROOM];
	int fd;
};

FIXTURE_VARIANT(kept) {
	struct machine of;
};

FIXTURE_VARIANT_ADD(kept, x86_64) { .of = { "x86_64", "x86_64", 4096, 64, false } };
FIXTURE_VARIANT_ADD(kept, i386) { .of = { "i386", "i686", 4096, 32, false } };
FIXTURE_VARIANT_ADD(kept, arm64_16k) { .of = { "arm64-16k", "aarch64", 16384, 64, false } };
FIXTURE_VARIANT_ADD(kept, s390x) { .of = { "s390x", "s390x", 4096, 64, true } };

FIXTURE_SETUP(kept)
{
	self->fd = machine_temporary(self->path);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(kept)
{
	close(self->fd);
	unlink(self->path);
}

static void kept(struct __test_metadata *_metadata, const char *path, int fd,
		 const struct machine *of, unsigned int kind)
{
	/* At least the control page and its note, or a header, attrs and records. */
	ASSERT_LT(10, unpack(of->name, machine_kinds[kind], fd)) {
		TH_LOG("machines/%s: %s", of->name, machine_kinds[kind]);
	}
	check(_metadata, path, of, kind);
}

TEST_F(kept, image)
{
	kept(_metadata, self->path, self->fd, &variant->of, FORWARD);
}

TEST_F(kept, backward)
{
	kept(_metadata, self->path, self->fd, &variant->of, BACKWARD);
}

TEST_F(kept, perf_data)
{
	kept(_metadata, self->path, self->fd, &variant->of, DATA);
}

TEST_F(kept, perf_pipe)
{
	kept(_metadata, self->path, self->fd, &variant->of, PIPE);
}

/* perf(1) reads them, too; what it makes of the other byte order is not ours. */
TEST_F(kept, perf_script)
{
	char command[PATH_ROOM + 100], line[512], name[64];
	unsigned int pid, tid, cpu, i = 0;
	uint64_t s, ns, period;
	FILE *script;

	if (variant->of.big_endian != BIG_ENDIAN_HERE)
		return;
	if (system("perf --version >/dev/null 2>&1"))
		SKIP(return, "no perf(1)");
	ASSERT_LT(10, unpack(variant->of.name, machine_kinds[DATA], self->fd));
	snprintf(command, sizeof(command),
		 "perf script --ns -F pid,tid,cpu,time,period,event -i %s 2>&1", self->path);
	script = popen(command, "r");
	ASSERT_NE(NULL, script);
	for (; fgets(line, sizeof(line), script); i++) {
		ASSERT_EQ(7, sscanf(line, " %u/%u [%u] %" SCNu64 ".%" SCNu64 ": %" SCNu64
				    " %63[^:]:", &pid, &tid, &cpu, &s, &ns, &period, name)) {
			TH_LOG("perf script said: %s", line);
		}
		EXPECT_EQ(4242, pid);
		EXPECT_EQ(4243, tid);
		EXPECT_EQ(1, cpu);
		EXPECT_EQ(PERF_SHOWS(SAMPLE_TIME + 1000 * i), PERF_SHOWS(s * 1000000000 + ns));
		EXPECT_EQ(3 + i, period);
		EXPECT_STREQ("ours", name);
	}
	EXPECT_EQ(0, pclose(script));
	EXPECT_EQ(NR_SAMPLES, i);
}

/* What this machine writes now is no other: what is kept can be made again. */
PLACED_FIXTURE;

static void made(struct __test_metadata *_metadata, enum backend_kind backend, unsigned int kind)
{
	struct machine here = {
		.page = PAGE, .bits = 8 * sizeof(long), .big_endian = BIG_ENDIAN_HERE,
	};
	char path[PATH_ROOM];
	struct utsname host;
	int fd = machine_temporary(path), ret;

	ASSERT_LE(0, fd);
	close(fd);
	uname(&host);
	here.arch = host.machine;
	ret = machine_make(backend, kind, path);
	if (ret == -EACCES && kind >= DATA)
		SKIP(goto out, "perf_event_open: no permission");
	EXPECT_EQ(0, ret);
	if (!ret)
		check(_metadata, path, &here, kind);
out:
	unlink(path);
}

TEST_F(placed, image)
{
	made(_metadata, variant->kind, FORWARD);
}

TEST_F(placed, backward)
{
	made(_metadata, variant->kind, BACKWARD);
}

TEST(perf_data)
{
	made(_metadata, MEMORY, DATA);
}

TEST(perf_pipe)
{
	made(_metadata, MEMORY, PIPE);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "write"))
		return machine_print(argv[2]);
	return test_harness_run(argc, argv);
}
