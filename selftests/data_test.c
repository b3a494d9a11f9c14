// SPDX-License-Identifier: GPL-2.0
/*
 * perf.data files: what we write, perf(1) reads, sample for sample, and so do we; what any
 * backend's ring held comes back byte for byte.
 */
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include "fixtures.h"

#define FILE_ROOM	64
#define SAMPLES_MAX	20000

struct seen {
	uint32_t pid, tid, cpu;
	uint64_t time, period, ip;
	unsigned int event;
};

struct run {
	struct perfring_reader *reader;
	struct perfring_data_writer *writer;
	struct perfring_format *format[2];
	uint64_t id[2];
	struct seen *seen;
	unsigned int nr;
	int error;
};

static const char *const names[] = { "cpu-clock", "page-faults" };

static bool have_perf(void)
{
	return !system("perf --version >/dev/null 2>&1");
}

static void temporary(char *path)
{
	int fd;

	snprintf(path, FILE_ROOM, "/tmp/perfring-data.XXXXXX");
	fd = mkstemp(path);
	if (fd >= 0)
		close(fd);
}

static int on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	struct perfring_sample sample;
	struct run *run = context;
	struct seen *seen;
	int err;

	err = perfring_data_write(run->writer, record);
	if (err || record->type != PERF_RECORD_SAMPLE)
		return err;
	if (run->nr == SAMPLES_MAX)
		return -E2BIG;
	err = perfring_decode_sample(run->format[index], record, &sample, NULL);
	if (err)
		return err;
	seen = &run->seen[run->nr++];
	*seen = (struct seen){
		.pid = sample.pid, .tid = sample.tid, .cpu = sample.cpu, .time = sample.time,
		.period = sample.period, .ip = sample.ip, .event = index,
	};
	return 0;
}

/*
 * Named in perf's report.  So much work, not so much time: where others have the processor,
 * which an emulated one does not see, time passes without samples of this.
 */
__attribute__((noinline)) void data_test_spin(void)
{
	volatile unsigned int n = 0;

	for (unsigned int i = 0; i < 20000000; i++)
		n = n + i;
}

static void touch_pages(unsigned int pages)
{
	volatile char *map = mmap(NULL, pages * 4096UL, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (unsigned int i = 0; i < pages; i++)
		map[i * 4096UL] = 1;
	munmap((void *)map, pages * 4096UL);
}

/* Two events of our own, on any CPU, read in three rounds into @path. */
static int run_events(struct run *run, const char *path, bool pipe)
{
	static const char *const argv[] = { "data_test", "with two", "words" };
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = on_record, .context = run,
	};
	struct perfring_data_opts data = {
		.size = sizeof(data), .argv = argv, .argc = 3, .pipe = pipe,
	};
	struct perfring_storage *storage;
	int err;

	run->seen = calloc(SAMPLES_MAX, sizeof(*run->seen));
	err = run->seen ? perfring_reader_create(&opts, &run->reader) : -ENOMEM;
	if (!err)
		err = perfring_data_create(path, &data, &run->writer);
	for (unsigned int i = 0; !err && i < 2; i++) {
		struct perf_event_attr attr = {
			.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .sample_id_all = 1,
			.config = i ? PERF_COUNT_SW_PAGE_FAULTS : PERF_COUNT_SW_CPU_CLOCK,
			.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
				       PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD,
			.sample_period = i ? 1 : 500000, .mmap = !i, .mmap2 = !i, .comm = !i,
		};

		err = perfring_format_compile(&attr, &run->format[i]);
		if (!err)
			err = perfring_storage_open_perf(&attr, 0, -1, NULL, &storage);
		if (!err)
			err = perfring_storage_id(storage, &run->id[i]);
		if (!err)
			err = perfring_data_add_event(run->writer, &attr, names[i]) - (int)i;
		if (!err)
			err = perfring_data_add_id(run->writer, i, run->id[i]);
		if (!err)
			err = perfring_reader_add(run->reader, storage) - (int)i;
	}
	if (!err)
		err = perfring_data_start(run->writer);
	if (!err)
		err = perfring_data_synthesize(run->writer, getpid());
	for (unsigned int i = 0; err >= 0 && i < 3; i++) {
		data_test_spin();
		touch_pages(50);
		err = perfring_reader_consume(run->reader);
		if (err >= 0)
			err = perfring_data_round(run->writer);
	}
	perfring_reader_disable(run->reader);
	if (err >= 0)
		err = perfring_reader_consume(run->reader);
	if (err >= 0)
		err = perfring_data_close(run->writer);
	return err;
}

static void run_end(struct run *run)
{
	perfring_reader_destroy(run->reader);
	perfring_format_free(run->format[0]);
	perfring_format_free(run->format[1]);
	free(run->seen);
}

static int by_time(const void *a, const void *b)
{
	const struct seen *one = a, *other = b;

	return one->time < other->time ? -1 : one->time > other->time;
}

/* Each line of perf script is a sample that the reader saw, and each of these has one. */
static void compare(struct __test_metadata *_metadata, struct run *run, const char *command)
{
	unsigned int pid, tid, cpu, nr = 0, event;
	uint64_t s, ns, period, ip;
	char line[512], name[64];
	FILE *pipe = popen(command, "r");

	ASSERT_NE(NULL, pipe);
	qsort(run->seen, run->nr, sizeof(*run->seen), by_time);
	while (fgets(line, sizeof(line), pipe)) {
		ASSERT_EQ(8, sscanf(line, " %u/%u [%u] %" SCNu64 ".%" SCNu64 ": %" SCNu64
				    " %63[^:]: %" SCNx64, &pid, &tid, &cpu, &s, &ns, &period,
				    name, &ip)) {
			TH_LOG("perf script said: %s", line);
		}
		ASSERT_GT(run->nr, nr);
		event = run->seen[nr].event;
		EXPECT_EQ(run->seen[nr].pid, pid);
		EXPECT_EQ(run->seen[nr].tid, tid);
		EXPECT_EQ(run->seen[nr].cpu, cpu);
		EXPECT_EQ(PERF_SHOWS(run->seen[nr].time), PERF_SHOWS(s * 1000000000 + ns));
		EXPECT_EQ(run->seen[nr].period, period);
		EXPECT_EQ(run->seen[nr].ip, ip);
		EXPECT_STREQ(names[event], name);
		nr++;
	}
	EXPECT_EQ(0, pclose(pipe));
	EXPECT_EQ(run->nr, nr);
}

#define SCRIPT	"script --ns -F pid,tid,cpu,time,period,event,ip --no-demangle 2>/dev/null "

/* Does the command's output have all of these? */
static void says(struct __test_metadata *_metadata, const char *command, const char *const *words)
{
	char *text = calloc(1, 1 << 20);
	FILE *pipe = popen(command, "r");
	size_t len;

	ASSERT_NE(NULL, pipe);
	len = fread(text, 1, (1 << 20) - 1, pipe);
	EXPECT_EQ(0, pclose(pipe));
	EXPECT_LT(0, len);
	for (; *words; words++) {
		EXPECT_NE(NULL, strstr(text, *words)) {
			TH_LOG("%s: no '%s' in it:\n%.2000s", command, *words, text);
		}
	}
	free(text);
}

TEST(perf_reads_ours)
{
	static const char *const list[] = {
		"cpu-clock: type: 1, size: ", "sample_period, sample_freq }: 500000",
		"sample_type: IP|TID|TIME|CPU|PERIOD|IDENTIFIER", "mmap2: 1",
		"page-faults: type: 1, ", "config: 0x2,", NULL,
	};
	static const char *const symbols[] = { "data_test_spin", NULL };
	char host[100], release[100], arch[100];
	const char *const header[] = {
		host, release, arch, "# cmdline : data_test with two words",
		"event : name = page-faults", "pmu mappings: ", "time of first sample : ", NULL,
	};
	char path[FILE_ROOM], command[512];
	struct utsname name;
	struct run run = { 0 };

	if (geteuid() && file_long("/proc/sys/kernel/perf_event_paranoid", 2) > 1)
		SKIP(return, "uid %d: kernel samples need perf_event_paranoid 1", geteuid());
	if (!have_perf())
		SKIP(return, "no perf(1)");
	temporary(path);
	ASSERT_EQ(0, run_events(&run, path, false));
	ASSERT_LT(20, run.nr);
	snprintf(command, sizeof(command), "perf " SCRIPT "-i %s", path);
	compare(_metadata, &run, command);

	snprintf(command, sizeof(command), "perf evlist -v -i %s 2>&1", path);
	says(_metadata, command, list);
	ASSERT_EQ(0, uname(&name));
	snprintf(host, sizeof(host), "# hostname : %s\n", name.nodename);
	snprintf(release, sizeof(release), "# os release : %s\n", name.release);
	snprintf(arch, sizeof(arch), "# arch : %s\n", name.machine);
	snprintf(command, sizeof(command), "perf report --header-only -i %s 2>&1", path);
	says(_metadata, command, header);
	/* The map of this program came from /proc, before the first record. */
	snprintf(command, sizeof(command), "perf report --stdio -i %s 2>/dev/null", path);
	says(_metadata, command, symbols);
	unlink(path);
	run_end(&run);
}

TEST(perf_reads_our_pipe)
{
	static const char *const symbols[] = { "data_test_spin", NULL };
	char path[FILE_ROOM], command[512];
	struct run run = { 0 };

	if (geteuid() && file_long("/proc/sys/kernel/perf_event_paranoid", 2) > 1)
		SKIP(return, "uid %d: kernel samples need perf_event_paranoid 1", geteuid());
	if (!have_perf())
		SKIP(return, "no perf(1)");
	temporary(path);
	ASSERT_EQ(0, run_events(&run, path, true));
	ASSERT_LT(20, run.nr);
	snprintf(command, sizeof(command), "cat %s | perf " SCRIPT "-i -", path);
	compare(_metadata, &run, command);
	snprintf(command, sizeof(command), "cat %s | perf report --stdio -i - 2>/dev/null", path);
	says(_metadata, command, symbols);
	unlink(path);
	run_end(&run);
}

/* Every sample once more, with the event that wrote it, from file and from pipe. */
static void read_back(struct __test_metadata *_metadata, bool pipe)
{
	struct perfring_data_event event;
	struct perfring_record record;
	struct perfring_sample sample;
	struct perfring_error error;
	struct perfring_data *data;
	unsigned int nr = 0, rounds = 0, inits = 0;
	char path[FILE_ROOM];
	struct utsname name;
	struct run run = { 0 };
	const void *bytes;
	uint64_t times[2];
	size_t len;
	int which, ret;

	temporary(path);
	ASSERT_EQ(0, run_events(&run, path, pipe));
	ASSERT_EQ(0, perfring_data_open(path, &data, &error)) {
		TH_LOG("%s at %" PRIu64, error.reason, error.position);
	}
	unlink(path);
	ASSERT_EQ(2, perfring_data_events(data));
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_EQ(0, perfring_data_event(data, i, &event));
		EXPECT_STREQ(names[i], event.name);
		ASSERT_EQ(1, event.nr_ids);
		EXPECT_EQ(run.id[i], event.ids[0]);
		EXPECT_EQ(i ? 1 : 500000, event.attr->sample_period);
	}
	EXPECT_EQ(-ENOENT, perfring_data_event(data, 2, &event));
	while ((ret = perfring_data_next(data, &record, &error)) > 0) {
		rounds += record.type == PERFRING_DATA_FINISHED_ROUND;
		inits += record.type == PERFRING_DATA_FINISHED_INIT;
		which = perfring_data_event_of(data, &record);
		if (record.type >= 64) {
			EXPECT_EQ(-ENOENT, which);
			continue;
		}
		ASSERT_LE(0, which);
		ASSERT_EQ(0, perfring_data_event(data, which, &event));
		if (record.type != PERF_RECORD_SAMPLE) {
			struct perfring_event any;

			EXPECT_EQ(0, perfring_decode(event.format, &record, &any, &error)) {
				TH_LOG("type %u: %s", record.type, error.reason);
			}
			continue;
		}
		ASSERT_EQ(0, perfring_decode_sample(event.format, &record, &sample, &error));
		ASSERT_GT(run.nr, nr);
		EXPECT_EQ(run.seen[nr].event, (unsigned int)which);
		EXPECT_EQ(run.seen[nr].time, sample.time);
		EXPECT_EQ(run.seen[nr].ip, sample.ip);
		EXPECT_EQ(run.seen[nr].period, sample.period);
		nr++;
	}
	EXPECT_EQ(0, ret);
	EXPECT_EQ(run.nr, nr);
	EXPECT_EQ(3, rounds);
	EXPECT_EQ(1, inits);
	ASSERT_EQ(0, uname(&name));
	EXPECT_STREQ(name.release, perfring_data_string(data, PERFRING_DATA_OSRELEASE));
	EXPECT_EQ(NULL, perfring_data_string(data, PERFRING_DATA_SAMPLE_TIME));
	EXPECT_EQ(-ENOENT, perfring_data_feature(data, 2, &bytes, &len));
	EXPECT_EQ(-ENOENT, perfring_data_feature(data, 1000, &bytes, &len));
	/* A pipe cannot say what is to come. */
	if (pipe) {
		EXPECT_EQ(-ENOENT,
			  perfring_data_feature(data, PERFRING_DATA_SAMPLE_TIME, &bytes, &len));
	} else {
		qsort(run.seen, run.nr, sizeof(*run.seen), by_time);
		ASSERT_EQ(0, perfring_data_feature(data, PERFRING_DATA_SAMPLE_TIME, &bytes, &len));
		ASSERT_EQ(16, len);
		memcpy(times, bytes, 16);
		EXPECT_EQ(run.seen[0].time, times[0]);
		EXPECT_EQ(run.seen[run.nr - 1].time, times[1]);
	}
	perfring_data_rewind(data);
	EXPECT_EQ(1, perfring_data_next(data, &record, NULL));
	perfring_data_free(data);
	run_end(&run);
}

TEST(read_back_file)
{
	read_back(_metadata, false);
}

TEST(read_back_pipe)
{
	read_back(_metadata, true);
}

/* What an event may not be. */
TEST(writer_refuses)
{
	struct perfring_data_opts opts = { .size = sizeof(opts), .padding = { 1 } };
	struct perfring_record record = { .type = PERFRING_RECORD_BPF, .size = 70000 };
	struct perf_event_attr attr = output_attr();
	struct perfring_data_writer *writer = NULL;
	const uint64_t words[2] = { 0 };
	char path[FILE_ROOM];

	temporary(path);
	EXPECT_EQ(-EINVAL, perfring_data_create(path, &opts, &writer));
	EXPECT_EQ(-ENOENT, perfring_data_create("/nowhere/file", NULL, &writer));
	EXPECT_EQ(NULL, writer);
	ASSERT_EQ(0, perfring_data_create(path, NULL, &writer));
	EXPECT_EQ(-EINVAL, perfring_data_start(writer));
	EXPECT_EQ(-EINVAL, perfring_data_write(writer, &record));
	EXPECT_EQ(-EINVAL, perfring_data_round(writer));
	EXPECT_EQ(-EINVAL, perfring_data_synthesize(writer, -1));
	EXPECT_EQ(-ENOENT, perfring_data_add_id(writer, 0, 1));
	EXPECT_EQ(0, perfring_data_add_event(writer, &attr, "alone"));
	/* A second one, and nothing tells their records apart. */
	EXPECT_EQ(-EINVAL, perfring_data_add_event(writer, &attr, "two"));
	attr.sample_type |= 1ULL << 40;
	EXPECT_EQ(-EINVAL, perfring_data_add_event(writer, &attr, "two"));
	EXPECT_EQ(0, perfring_data_start(writer));
	EXPECT_EQ(-EALREADY, perfring_data_start(writer));
	EXPECT_EQ(-EBUSY, perfring_data_add_event(writer, &attr, "late"));
	EXPECT_EQ(-EBUSY, perfring_data_add_id(writer, 0, 1));
	EXPECT_EQ(-EINVAL, perfring_data_write(writer, &record));
	/* Of a BPF ring buffer, and what no perf ring has. */
	record.data = words;
	record.size = 16;
	EXPECT_EQ(-EINVAL, perfring_data_write(writer, &record));
	record.type = PERF_RECORD_SAMPLE;
	record.size = 12;
	EXPECT_EQ(-EINVAL, perfring_data_write(writer, &record));
	EXPECT_EQ(0, perfring_data_close(writer));
	EXPECT_EQ(0, perfring_data_close(NULL));
	unlink(path);
}

/* The header that was checked is written, not what stands in memory by now. */
TEST(writer_keeps_its_word)
{
	const uint64_t words[2] = { UINT64_MAX, 7 };
	struct perfring_record record = { .data = words, .type = 1000, .size = 16, .misc = 3 };
	struct perf_event_attr attr = output_attr();
	struct perfring_data_writer *writer;
	struct perfring_data *data;
	char path[FILE_ROOM];

	temporary(path);
	ASSERT_EQ(0, perfring_data_create(path, NULL, &writer));
	ASSERT_EQ(0, perfring_data_add_event(writer, &attr, "e"));
	ASSERT_EQ(0, perfring_data_start(writer));
	ASSERT_EQ(0, perfring_data_write(writer, &record));
	ASSERT_EQ(0, perfring_data_close(writer));
	ASSERT_EQ(0, perfring_data_open(path, &data, NULL));
	ASSERT_EQ(1, perfring_data_next(data, &record, NULL));
	EXPECT_EQ(1000, record.type);
	EXPECT_EQ(16, record.size);
	EXPECT_EQ(3, record.misc);
	EXPECT_EQ(0, memcmp((const char *)record.data + 8, &words[1], 8));
	EXPECT_EQ(0, perfring_data_next(data, &record, NULL));
	perfring_data_free(data);
	unlink(path);
}

/* Nothing happened: perf and we read the file, and find no sample. */
TEST(writer_without_records)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.sample_id_all = 1,
	};
	struct perfring_data_writer *writer;
	struct perfring_data_event event;
	struct perfring_record record;
	struct perfring_data *data;
	char path[FILE_ROOM], line[256];
	int ret;

	temporary(path);
	ASSERT_EQ(0, perfring_data_create(path, NULL, &writer));
	ASSERT_EQ(0, perfring_data_add_event(writer, &attr, "quiet"));
	ASSERT_EQ(0, perfring_data_start(writer));
	ASSERT_EQ(0, perfring_data_close(writer));
	ASSERT_EQ(0, perfring_data_open(path, &data, NULL));
	ASSERT_EQ(0, perfring_data_event(data, 0, &event));
	EXPECT_STREQ("quiet", event.name);
	while ((ret = perfring_data_next(data, &record, NULL)) > 0)
		EXPECT_EQ(PERFRING_DATA_FINISHED_ROUND, record.type);
	EXPECT_EQ(0, ret);
	perfring_data_free(data);
	if (have_perf()) {
		snprintf(line, sizeof(line), "perf script -i %s >/dev/null 2>&1", path);
		EXPECT_EQ(0, system(line));
	}
	unlink(path);
}

/* No room on the device: the error is told by whoever comes first, and by close. */
TEST(writer_full)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_data_writer *writer;

	if (access("/dev/full", W_OK))
		SKIP(return, "no /dev/full");
	ASSERT_EQ(0, perfring_data_create("/dev/full", NULL, &writer));
	ASSERT_EQ(0, perfring_data_add_event(writer, &attr, "e"));
	ASSERT_EQ(0, perfring_data_start(writer));
	EXPECT_EQ(-ENOSPC, perfring_data_close(writer));
}

RING_FIXTURE;

/* What a pipe's records have no room for: ids are refused, a description is left out. */
TEST(pipe_too_long)
{
	static char word[70000];
	const char *const argv[] = { word };
	struct perfring_data_opts opts = {
		.size = sizeof(opts), .pipe = 1, .argv = argv, .argc = 1,
	};
	struct perf_event_attr attr = output_attr();
	struct perfring_data_writer *writer;
	struct perfring_data *data;
	char path[FILE_ROOM];
	const void *bytes;
	size_t len;

	temporary(path);
	memset(word, 'w', sizeof(word) - 1);
	/* A clock whose resolution is told: of CLOCK_MONOTONIC 1 ns, or so many. */
	attr.use_clockid = 1;
	attr.clockid = CLOCK_MONOTONIC;
	for (int ids = 0; ids < 2; ids++) {
		ASSERT_EQ(0, perfring_data_create(path, &opts, &writer));
		ASSERT_EQ(0, perfring_data_add_event(writer, &attr, "one"));
		/* 8 bytes each, beside a header and an attr. */
		for (uint64_t i = 0; ids && i < 65536 / 8; i++)
			ASSERT_EQ(0, perfring_data_add_id(writer, 0, i + 1));
		EXPECT_EQ(ids ? -E2BIG : 0, perfring_data_start(writer));
		EXPECT_EQ(ids ? -E2BIG : 0, perfring_data_close(writer));
		if (ids)
			break;
		ASSERT_EQ(0, perfring_data_open(path, &data, NULL));
		EXPECT_EQ(-ENOENT, perfring_data_feature(data, PERFRING_DATA_CMDLINE, &bytes,
							 &len));
		ASSERT_EQ(0, perfring_data_feature(data, PERFRING_DATA_CLOCKID, &bytes, &len));
		EXPECT_EQ(8, len);
		EXPECT_LT(0, *(const uint64_t *)bytes);
		perfring_data_free(data);
	}
	unlink(path);
}

/* 200 records of a ring in a file, and back, whatever their place in the ring was. */
TEST_F(ring, bytes)
{
	unsigned char payload[400];
	struct perfring_data_writer *writer;
	struct perfring_record record;
	struct perfring_data *data;
	char path[FILE_ROOM];
	uint64_t seq;

	ASSERT_EQ(0, backend_open(&self->b, variant->kind, NULL));
	temporary(path);
	ASSERT_EQ(0, perfring_data_create(path, NULL, &writer));
	ASSERT_EQ(0, perfring_data_add_event(writer, perfring_storage_attr(self->b.storage),
					     "ring"));
	ASSERT_EQ(0, perfring_data_start(writer));
	for (seq = 0; seq < 200; seq++) {
		fill(payload, seq * 2, seq);
		ASSERT_EQ(0, backend_write(&self->b, payload, seq * 2));
		ASSERT_EQ(1, perfring_ring_peek(self->b.ring, &record));
		ASSERT_EQ(0, perfring_data_write(writer, &record));
		perfring_ring_pop(self->b.ring);
	}
	ASSERT_EQ(0, perfring_data_close(writer));
	ASSERT_EQ(0, perfring_data_open(path, &data, NULL));
	for (seq = 0; seq < 200; seq++) {
		ASSERT_EQ(1, perfring_data_next(data, &record, NULL));
		EXPECT_EQ(0, perfring_data_event_of(data, &record));
		EXPECT_TRUE(is_sample(&record, seq * 2, seq));
	}
	EXPECT_EQ(0, perfring_data_next(data, &record, NULL));
	perfring_data_free(data);
	unlink(path);
}

TEST_HARNESS_MAIN
