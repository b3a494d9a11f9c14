// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel seldom or never answers here: calls that are interrupted or do a part,
 * files that cannot be read, control pages of before 4.1, an AUX area. The linker gives the
 * library's calls to the functions below (--wrap); what the library makes of it is what
 * its headers promise.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "fixtures.h"
#include "wrap.h"

static const char *failing;	/* this call fails, once, */
static int failing_errno;	/* with this; 0: it does nothing and returns 0 */
static bool reads_stutter;	/* each second one is interrupted, the others do a part */
static bool writes_stutter;
static bool turn;
static const char *hidden;	/* no file whose path begins so can be opened, */
static const char *folder;	/* nor this folder */
static const char *kallsyms, *modules;	/* texts instead of those of the kernel */
static int event_fd = -1;	/* what perf_event_open(2) gives, if not -1 */
static void *event_map;		/* what mmap(2) gives for it */
static void *aux_map;		/* the same of its AUX area */
static off_t aux_offset;
static int unmapped;		/* of the AUX area */

static bool fails(const char *name)
{
	if (!failing || strcmp(failing, name))
		return false;
	failing = NULL;
	errno = failing_errno;
	return true;
}

static bool is_hidden(const char *path)
{
	if (!hidden || strncmp(path, hidden, strlen(hidden)))
		return false;
	errno = ENOENT;
	return true;
}

#define WRAP(type, name, parameters, ...)					\
	DECLARE(type, name, parameters);					\
	type __wrap_##name parameters						\
	{									\
		if (fails(#name))						\
			return failing_errno ? -1 : 0;				\
		return __real_##name(__VA_ARGS__);				\
	}

WRAP(int, fstat64, (int fd, struct stat64 *st), fd, st)
WRAP(off64_t, lseek64, (int fd, off64_t offset, int whence), fd, offset, whence)
WRAP(int, epoll_wait, (int fd, struct epoll_event *events, int most, int ms), fd, events, most, ms)
DECLARE(int, open64, (const char *path, int flags, mode_t mode));
DECLARE(FILE *, fopen64, (const char *path, const char *mode));
DECLARE(DIR *, opendir, (const char *path));
DECLARE(int, close, (int fd));
DECLARE(ssize_t, read, (int fd, void *to, size_t len));
DECLARE(ssize_t, write, (int fd, const void *from, size_t len));
DECLARE(long, syscall, (long nr, long a, long b, long c, long d, long e));
DECLARE(void *, mmap64, (void *at, size_t len, int prot, int flags, int fd, off_t offset));
DECLARE(int, munmap, (void *at, size_t len));

int __wrap_open64(const char *path, int flags, mode_t mode)
{
	return is_hidden(path) ? -1 : __real_open64(path, flags, mode);
}

FILE *__wrap_fopen64(const char *path, const char *mode)
{
	const char *text = !strcmp(path, "/proc/kallsyms") ? kallsyms :
			   !strcmp(path, "/proc/modules") ? modules : NULL;

	if (is_hidden(path))
		return NULL;
	return text ? fmemopen((void *)text, strlen(text), "r") : __real_fopen64(path, mode);
}

DIR *__wrap_opendir(const char *path)
{
	if (folder && !strcmp(path, folder)) {
		errno = ENOENT;
		return NULL;
	}
	return is_hidden(path) ? NULL : __real_opendir(path);
}

/* It is closed in any case, as by Linux. */
int __wrap_close(int fd)
{
	int ret = __real_close(fd);

	return fails("close") ? -1 : ret;
}

ssize_t __wrap_read(int fd, void *to, size_t len)
{
	if (fails("read"))
		return failing_errno ? -1 : 0;
	turn = !turn;
	errno = EINTR;
	if (reads_stutter && turn)
		return -1;
	return __real_read(fd, to, reads_stutter && len > 1000 ? 1000 : len);
}

ssize_t __wrap_write(int fd, const void *from, size_t len)
{
	if (fails("write"))
		return -1;
	turn = !turn;
	errno = EINTR;
	if (writes_stutter && turn)
		return -1;
	return __real_write(fd, from, writes_stutter && len > 1000 ? 1000 : len);
}

long __wrap_syscall(long nr, long a, long b, long c, long d, long e)
{
	if (nr != SYS_perf_event_open)
		return __real_syscall(nr, a, b, c, d, e);
	if (fails("perf_event_open"))
		return -1;
	return event_fd < 0 ? __real_syscall(nr, a, b, c, d, e) : dup(event_fd);
}

void *__wrap_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (event_fd < 0 || fd < 0)
		return __real_mmap64(at, len, prot, flags, fd, offset);
	if (!offset)
		return event_map;
	aux_offset = offset;
	return aux_map;
}

int __wrap_munmap(void *at, size_t len)
{
	unmapped += at == aux_map;
	return at == event_map || at == aux_map ? 0 : __real_munmap(at, len);
}

FIXTURE(answers) {
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	char path[2][64];
};

FIXTURE_SETUP(answers)
{
	for (int i = 0; i < 2; i++) {
		snprintf(self->path[i], sizeof(self->path[i]), "/tmp/perfring-answers-%d.%d",
			 getpid(), i);
	}
}

FIXTURE_TEARDOWN(answers)
{
	failing = NULL;
	hidden = NULL;
	folder = NULL;
	perfring_ring_close(self->ring);
	perfring_storage_close(self->storage);
	for (int i = 0; i < 2; i++)
		unlink(self->path[i]);
}

static int open_memory(FIXTURE_DATA(answers) *self)
{
	int err = perfring_storage_open_memory(NULL, &self->storage);

	if (!err)
		err = perfring_ring_open(self->storage, NULL, &self->ring);
	for (int i = 0; !err && i < 100; i++)
		err = perfring_write(self->ring, PERF_RECORD_SAMPLE, 0, NULL, 80);
	return err < 0 ? err : 0;
}

/* Bytes of a file, and how many; NULL: it cannot be read. */
static unsigned char *whole(const char *path, size_t *len)
{
	FILE *file = fopen(path, "r");
	unsigned char *bytes = malloc(1 << 20);

	*len = file && bytes ? fread(bytes, 1, 1 << 20, file) : 0;
	if (file)
		fclose(file);
	return bytes;
}

static bool same_files(const char *one, const char *other)
{
	unsigned char *bytes[2];
	size_t len[2];
	bool same;

	bytes[0] = whole(one, &len[0]);
	bytes[1] = whole(other, &len[1]);
	same = bytes[0] && bytes[1] && len[0] && len[0] == len[1] &&
	       !memcmp(bytes[0], bytes[1], len[0]);
	free(bytes[0]);
	free(bytes[1]);
	return same;
}

/* Interrupted and in pieces, the image of a ring is the same, and so is the ring read from it. */
TEST_F(answers, image_in_pieces)
{
	struct perfring_storage *image;

	ASSERT_EQ(0, open_memory(self));
	ASSERT_EQ(0, perfring_storage_save(self->storage, self->path[0]));
	reads_stutter = true;
	writes_stutter = true;
	ASSERT_EQ(0, perfring_storage_save(self->storage, self->path[1]));
	ASSERT_EQ(0, perfring_storage_open_image(self->path[1], NULL, &image));
	reads_stutter = false;
	writes_stutter = false;
	EXPECT_TRUE(same_files(self->path[0], self->path[1]));
	ASSERT_EQ(perfring_storage_data_size(self->storage), perfring_storage_data_size(image));
	EXPECT_EQ(0, memcmp(perfring_storage_data(self->storage), perfring_storage_data(image),
			    perfring_storage_data_size(image)));
	perfring_storage_close(image);
}

/* Each call of save and open_image that fails is told; a file that has shrunk is too short. */
TEST_F(answers, image_fails)
{
	static const struct {
		const char *call;
		int error;
	} saves[] = { { "write", ENOSPC }, { "close", EIO } },
	  opens[] = { { "fstat64", EIO }, { "read", EIO }, { "read", 0 } };
	struct perfring_storage *image;

	ASSERT_EQ(0, open_memory(self));
	for (unsigned int i = 0; i < ARRAY_LEN(saves); i++) {
		failing = saves[i].call;
		failing_errno = saves[i].error;
		EXPECT_EQ(-saves[i].error, perfring_storage_save(self->storage, self->path[0]));
		EXPECT_EQ(NULL, failing);
	}
	ASSERT_EQ(0, perfring_storage_save(self->storage, self->path[0]));
	for (unsigned int i = 0; i < ARRAY_LEN(opens); i++) {
		failing = opens[i].call;
		failing_errno = opens[i].error;
		EXPECT_EQ(opens[i].error ? -opens[i].error : -ENODATA,
			  perfring_storage_open_image(self->path[0], NULL, &image));
		EXPECT_EQ(NULL, failing);
	}
}

static int begin_data(const char *path, bool pipe, uint32_t type,
		      struct perfring_data_writer **writer)
{
	struct perfring_data_opts opts = { .size = sizeof(opts), .pipe = pipe };
	struct perf_event_attr attr = output_attr();
	int ret;

	attr.type = type;
	attr.sample_type |= PERF_SAMPLE_TIME;
	ret = perfring_data_create(path, &opts, writer);
	if (!ret)
		ret = perfring_data_add_event(*writer, &attr, "event");
	return ret < 0 ? ret : perfring_data_start(*writer);
}

static int write_data(const char *path, bool pipe)
{
	struct perf_event_header header = { .type = PERFRING_DATA_FINISHED_INIT, .size = 8 };
	struct perfring_record record = { .data = &header, .type = header.type, .size = 8 };
	struct perfring_data_writer *writer = NULL;
	int err, ret = begin_data(path, pipe, PERF_TYPE_SOFTWARE, &writer);

	for (int i = 0; !ret && i < 100; i++)
		ret = perfring_data_write(writer, &record);
	err = perfring_data_close(writer);
	return ret ? ret : err;
}

/* The same of perf.data, as a file and as for a pipe. */
TEST_F(answers, data_in_pieces)
{
	for (int pipe = 0; pipe < 2; pipe++) {
		ASSERT_EQ(0, write_data(self->path[0], pipe));
		writes_stutter = true;
		ASSERT_EQ(0, write_data(self->path[1], pipe));
		writes_stutter = false;
		EXPECT_TRUE(same_files(self->path[0], self->path[1]));
	}
}

TEST_F(answers, data_fails)
{
	struct perfring_data_writer *writer;
	struct perfring_data *data;

	failing = "write";
	failing_errno = ENOSPC;
	EXPECT_EQ(-ENOSPC, write_data(self->path[0], false));
	failing = "lseek64";
	failing_errno = EIO;
	EXPECT_EQ(-EIO, write_data(self->path[0], false));
	ASSERT_EQ(0, perfring_data_create(self->path[0], NULL, &writer));
	failing = "close";
	failing_errno = EDQUOT;
	EXPECT_EQ(-EDQUOT, perfring_data_close(writer));
	ASSERT_EQ(0, write_data(self->path[0], false));
	failing = "fstat64";
	failing_errno = EIO;
	EXPECT_EQ(-EIO, perfring_data_open(self->path[0], &data, NULL));
}

/* Tracepoints of which tracefs says nothing: 1, and a file all the same, without the feature. */
TEST_F(answers, no_tracefs)
{
	struct perfring_data_writer *writer;
	struct perfring_data *data;
	const void *bytes;
	size_t len;

	hidden = "/sys/kernel/";
	for (int pipe = 0; pipe < 2; pipe++) {
		ASSERT_EQ(1, begin_data(self->path[0], pipe, PERF_TYPE_TRACEPOINT, &writer));
		ASSERT_EQ(0, perfring_data_close(writer));
		ASSERT_EQ(0, perfring_data_open(self->path[0], &data, NULL));
		EXPECT_EQ(-ENOENT, perfring_data_feature(data, PERFRING_DATA_TRACING_DATA, &bytes,
							 &len));
		EXPECT_EQ(1, perfring_data_events(data));
		perfring_data_free(data);
	}
}

/* Without its folder of PMUs a machine has no mapping of their numbers, and the rest. */
TEST_F(answers, no_pmus)
{
	struct perfring_data *data;
	const void *bytes;
	size_t len;

	folder = "/sys/bus/event_source/devices";
	ASSERT_EQ(0, write_data(self->path[0], false));
	ASSERT_EQ(0, perfring_data_open(self->path[0], &data, NULL));
	EXPECT_EQ(-ENOENT, perfring_data_feature(data, PERFRING_DATA_PMU_MAPPINGS, &bytes, &len));
	EXPECT_EQ(0, perfring_data_feature(data, PERFRING_DATA_EVENT_DESC, &bytes, &len));
	perfring_data_free(data);
}

/* A record of the kernel's memory: what linux/perf_event.h has under PERF_RECORD_MMAP. */
struct kernel_map {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t start, len, pgoff;
	char name[];
};

/*
 * The kernel from _text to _etext, whatever else stands there, and modules whose address is
 * told; of the process, which cannot be seen, nothing.
 */
TEST_F(answers, synthesized)
{
	static const struct {
		uint64_t start, len, pgoff;
		const char *name;
	} want[] = {
		{ 0xffffffff81000000, 0x1000000, 0xffffffff81000000, "[kernel.kallsyms]_text" },
		{ 0xffffffffc0001000, 8192, 0, "[one]" },
		{ 0xffffffffc0009000, 4096, 0, "[three]" },
	};
	struct perfring_data_writer *writer;
	struct perfring_record record;
	struct perfring_data *data;

	kallsyms = "what is this\nffffffff80fff000 T _stext\nffffffff81000000 T _text\n"
		   "ffffffff81800000 T other\nffffffff82000000 T _etext\n";
	modules = "one 8192 1 two, Live 0xffffffffc0001000\ntwo 100 0 - Live 0x0000000000000000\n"
		  "nothing\nthree 4096 0 - Live 0xffffffffc0009000\n";
	ASSERT_EQ(0, begin_data(self->path[0], false, PERF_TYPE_SOFTWARE, &writer));
	hidden = "/proc/";
	EXPECT_EQ(0, perfring_data_synthesize(writer, getpid()));
	hidden = "/proc/self";
	EXPECT_EQ(3, perfring_data_synthesize(writer, 0x7fffffff));
	hidden = NULL;
	ASSERT_EQ(0, perfring_data_close(writer));
	ASSERT_EQ(0, perfring_data_open(self->path[0], &data, NULL));
	ASSERT_EQ(1, perfring_data_next(data, &record, NULL));
	EXPECT_EQ(PERFRING_DATA_FINISHED_INIT, record.type);
	for (unsigned int i = 0; i < ARRAY_LEN(want); i++) {
		const struct kernel_map *map;

		ASSERT_EQ(1, perfring_data_next(data, &record, NULL));
		map = record.data;
		EXPECT_EQ(PERF_RECORD_MMAP, record.type);
		EXPECT_EQ(PERF_RECORD_MISC_KERNEL, record.misc);
		EXPECT_EQ(UINT32_MAX, map->pid);
		EXPECT_EQ(want[i].start, map->start);
		EXPECT_EQ(want[i].len, map->len);
		EXPECT_EQ(want[i].pgoff, map->pgoff);
		EXPECT_STREQ(want[i].name, map->name);
	}
	ASSERT_EQ(1, perfring_data_next(data, &record, NULL));
	EXPECT_EQ(PERFRING_DATA_FINISHED_INIT, record.type);
	perfring_data_free(data);
}

/* Neither settings nor limits can be read: that is what the explanations say. */
TEST_F(answers, settings_unreadable)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_explain_opts opts = { .size = sizeof(opts), .attr = &attr, .device = 1 };
	struct perfring_count_report count;
	struct perfring_mmap_report report;
	char text[4096];

	hidden = "/";
	perfring_explain(-EACCES, &opts, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "kernel.perf_event_paranoid: cannot be read\n"));
	perfring_explain(-ENOMEM, &opts, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "max_pages of the module: cannot be read\n"));
	EXPECT_NE(NULL, strstr(text, "max_memory of the module: cannot be read\n"));

	ASSERT_EQ(0, perfring_storage_explain_mmap(1, -EPERM, &report));
	EXPECT_EQ(INT32_MIN, report.paranoid);
	EXPECT_EQ(-1, report.mlock_kb);
	EXPECT_EQ(0, report.free_of_limit_kb);
	EXPECT_EQ(0, report.unlimited);
	perfring_storage_format_mmap(&report, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "kernel.perf_event_mlock_kb: cannot be read\n"));
	EXPECT_NE(NULL, strstr(text, "kernel.perf_event_paranoid: cannot be read\n"));

	ASSERT_EQ(0, perfring_count_explain(&attr, 0, -1, -ENOENT, &count));
	EXPECT_EQ(INT32_MIN, count.paranoid);
	EXPECT_EQ(-1, count.max_stack);
	EXPECT_EQ(-1, count.self_allowed);
	EXPECT_EQ(0, count.kernel_pmu);
	EXPECT_EQ(0, count.files_open);
	perfring_count_format(&count, "it", text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "no PMU of this kind"));
	EXPECT_NE(NULL, strstr(text, "kernel.perf_event_paranoid: cannot be read\n"));
	EXPECT_NE(NULL, strstr(text, "kernel.perf_event_max_stack: cannot be read\n"));
}

/* A kernel that does not say how large its perf_event_attr is. */
TEST_F(answers, attr_size_unknown)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_explain_opts opts = { .size = sizeof(opts), .attr = &attr };
	char text[4096];

	failing = "perf_event_open";
	failing_errno = ENOSYS;
	perfring_explain(-E2BIG, &opts, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "what this kernel knows it does not say\n"));
	/* One that takes it as it is. */
	event_fd = open("/dev/null", O_RDONLY);
	ASSERT_LE(0, event_fd);
	perfring_explain(-E2BIG, &opts, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "what this kernel knows it does not say\n"));
	close(event_fd);
}

/* An event of one data page, which the test has made up. */
static int open_event(FIXTURE_DATA(answers) *self, const struct perf_event_mmap_page *page)
{
	static _Alignas(65536) unsigned char map[2 * 65536];
	struct perfring_perf_opts opts = { .size = sizeof(opts), .pages = 1 };
	struct perf_event_attr attr = output_attr();

	memcpy(map, page, sizeof(*page));
	event_map = map;
	event_fd = open("/dev/null", O_RDONLY);
	return perfring_storage_open_perf(&attr, 0, -1, &opts, &self->storage);
}

/* Kernels before 4.1 say neither where the data is nor how much: behind the first page, all. */
TEST_F(answers, control_page_before_4_1)
{
	struct perf_event_mmap_page page = { 0 };

	ASSERT_EQ(0, open_event(self, &page));
	EXPECT_EQ((char *)event_map + PAGE, (char *)perfring_storage_data(self->storage));
	EXPECT_EQ(PAGE, perfring_storage_data_size(self->storage));
}

TEST_F(answers, control_page_that_lies)
{
	struct perf_event_mmap_page page = { .data_offset = 2 * PAGE, .data_size = PAGE };

	EXPECT_EQ(-EBADMSG, open_event(self, &page));
	EXPECT_EQ(NULL, self->storage);
	page.data_offset = PAGE;
	page.data_size = 2 * PAGE;
	EXPECT_EQ(-EBADMSG, open_event(self, &page));
	EXPECT_EQ(NULL, self->storage);
}

/*
 * An AUX area: the kernel is told where it is asked for, behind the data, and how large; its
 * positions are those of the control page; it is unmapped with the storage.
 */
TEST_F(answers, aux)
{
	struct perf_event_mmap_page *page, fresh = { .data_offset = PAGE, .data_size = PAGE };
	static unsigned char area[1];

	ASSERT_EQ(0, open_event(self, &fresh));
	page = event_map;
	aux_map = area;
	EXPECT_EQ(0, perfring_storage_aux_size(self->storage));
	EXPECT_EQ(-ENOMEM, perfring_storage_map_aux(self->storage, SIZE_MAX / 2 + 1, 0));
	EXPECT_EQ(0, page->aux_size);
	ASSERT_EQ(0, perfring_storage_map_aux(self->storage, 4, 0));
	EXPECT_EQ((off_t)page->aux_offset, aux_offset);
	EXPECT_EQ(2 * PAGE, page->aux_offset);
	EXPECT_EQ(4 * PAGE, page->aux_size);
	EXPECT_EQ((void *)area, perfring_storage_aux(self->storage));
	EXPECT_EQ(4 * PAGE, perfring_storage_aux_size(self->storage));
	EXPECT_EQ(-EBUSY, perfring_storage_map_aux(self->storage, 4, 0));
	page->aux_head = 0x123456789a;
	EXPECT_EQ(0x123456789a, perfring_storage_aux_head(self->storage));
	perfring_storage_set_aux_tail(self->storage, 0x123456000);
	EXPECT_EQ(0x123456000, page->aux_tail);
	EXPECT_EQ(0, unmapped);
	EXPECT_EQ(0, perfring_storage_close(self->storage));
	self->storage = NULL;
	EXPECT_EQ(1, unmapped);
}

/* A signal while one waits: -EINTR, and what was written meanwhile is there the next time. */
TEST_F(answers, wait_interrupted)
{
	struct perfring_merge *merge = NULL;
	struct perfring_reader *reader;
	struct perf_event_attr attr = output_attr();
	struct perfring_memory_opts opts = { .size = sizeof(opts), .attr = &attr };

	attr.sample_type |= PERF_SAMPLE_TIME;
	attr.sample_id_all = 1;
	ASSERT_EQ(0, perfring_reader_create(NULL, &reader));
	ASSERT_EQ(0, perfring_storage_open_memory(&opts, &self->storage));
	ASSERT_EQ(0, perfring_reader_add(reader, self->storage));
	self->storage = NULL;
	failing_errno = EINTR;
	failing = "epoll_wait";
	EXPECT_EQ(-EINTR, perfring_reader_poll(reader, 1000));
	failing = "epoll_wait";
	EXPECT_EQ(-EINTR, perfring_reader_wait(reader, 1000));
	ASSERT_LE(0, perfring_write(perfring_reader_ring(reader, 0), PERF_RECORD_SAMPLE, 0, NULL,
				    20));
	EXPECT_EQ(1, perfring_reader_wait(reader, 0));
	EXPECT_EQ(1, perfring_reader_poll(reader, 0));
	ASSERT_EQ(0, perfring_merge_create(reader, NULL, &merge));
	ASSERT_EQ(1, perfring_merge_add_all(merge, NULL));
	failing = "epoll_wait";
	EXPECT_EQ(-EINTR, perfring_merge_poll(merge, 1000));
	perfring_merge_destroy(merge);
	/* It is readable already, and errno is whatever it was, for signal handlers. */
	failing = "write";
	failing_errno = EAGAIN;
	errno = EDOM;
	EXPECT_EQ(0, perfring_reader_wake(reader));
	EXPECT_EQ(EDOM, errno);
	perfring_reader_destroy(reader);
}

TEST_HARNESS_MAIN
