// SPDX-License-Identifier: GPL-2.0
/*
 * perfring_explain(): each errno provoked for real, and its arithmetic checked against
 * the limits that this test has set, or by doing what it says would do.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fixtures.h"

#define MANY	40
#define PARANOID "/proc/sys/kernel/perf_event_paranoid"

FIXTURE(explain) {
	char text[4096];
	struct perfring_explain_opts opts;
	struct perfring_storage *storage[MANY];
};

FIXTURE_SETUP(explain)
{
	self->opts.size = sizeof(self->opts);
}

FIXTURE_TEARDOWN(explain)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		perfring_storage_close(self->storage[i]);
}

static bool __attribute__((format(printf, 2, 3))) has(const char *text, const char *format, ...)
{
	char want[512];
	va_list args;

	va_start(args, format);
	vsnprintf(want, sizeof(want), format, args);
	va_end(args);
	if (strstr(text, want))
		return true;
	printf("# no \"%s\" in\n# %s\n", want, text);
	return false;
}

static int explain(FIXTURE_DATA(explain) *self, int error)
{
	return perfring_explain(error, &self->opts, self->text, sizeof(self->text));
}

static void no_files(rlim_t limit)
{
	struct rlimit now;

	getrlimit(RLIMIT_NOFILE, &now);
	now.rlim_cur = limit;
	setrlimit(RLIMIT_NOFILE, &now);
}

static int open_many(FIXTURE_DATA(explain) *self)
{
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = 1 };
	unsigned int i;
	int err = 0;

	for (i = 0; i < MANY && !err; i++)
		if (!self->storage[i])
			err = perfring_storage_open_memory(&opts, &self->storage[i]);
	return err;
}

/* The lines of one error, and of none; the buffer's end; bad options. */
TEST_F(explain, text)
{
	char small[8] = "1234567";
	int len;

	len = perfring_explain(-EBADMSG, NULL, self->text, sizeof(self->text));
	ASSERT_EQ((int)strlen(self->text), len);
	EXPECT_EQ('\n', self->text[len - 1]);
	self->text[len - 1] = '\0';
	EXPECT_STREQ(perfring_strerror(-EBADMSG), self->text);
	EXPECT_EQ(len, perfring_explain(EBADMSG, NULL, small, 5));
	EXPECT_EQ(4, strlen(small));
	EXPECT_EQ('6', small[5]);
	EXPECT_EQ(len, perfring_explain(-EBADMSG, NULL, NULL, 0));
	self->opts.padding[6] = 1;
	EXPECT_EQ(-EINVAL, explain(self, -ENOMEM));
	self->opts.padding[6] = 0;
	self->opts.size = 0;
	EXPECT_EQ(-EINVAL, explain(self, -ENOMEM));
}

/*
 * A limit of five more descriptors than there are: the sixth ring fails. With the
 * limit that the text names the forty rings and a reader do open.
 */
TEST_F(explain, files)
{
	struct perfring_reader *reader = NULL;
	unsigned long long limit = 0;
	int base = 0, fd;
	char *at;

	for (fd = 0; fd < 1024; fd++)
		if (dup2(fd, fd) == fd)
			base = fd + 1;
	/* The lowest numbers are taken. */
	while ((fd = dup(0)) >= 0 && fd < base)
		;
	close(fd);
	no_files(base + 5);
	EXPECT_EQ(-EMFILE, open_many(self));
	self->opts.rings = MANY - 5;
	ASSERT_LT(0, explain(self, -EMFILE));
	EXPECT_TRUE(has(self->text, "RLIMIT_NOFILE: %d, ", base + 5));
	EXPECT_TRUE(has(self->text, "; %d open\n", base + 5));
	EXPECT_TRUE(has(self->text, "wanted: %d, for %d rings and a reader\n", MANY - 3, MANY - 5));
	at = strstr(self->text, "would do: a limit of ");
	ASSERT_NE(NULL, at);
	limit = strtoull(at + strlen("would do: a limit of "), NULL, 10);
	EXPECT_EQ(base + 5 + MANY - 3, (long long)limit);
	no_files(limit - 1);
	EXPECT_EQ(0, open_many(self));
	EXPECT_EQ(-EMFILE, perfring_reader_create(NULL, &reader));
	no_files(limit);
	EXPECT_EQ(0, perfring_reader_create(NULL, &reader));
	perfring_reader_destroy(reader);
}

/* No room in the address space: what is there, and what a ring of memory wanted. */
TEST_F(explain, address_space)
{
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = 16384 };
	struct rlimit was, limit;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SKIP(return, "a sanitizer: it needs the address space");
#endif
	ASSERT_EQ(0, getrlimit(RLIMIT_AS, &was));
	limit = was;
	limit.rlim_cur = 64 << 20;
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
	EXPECT_EQ(-ENOMEM, perfring_storage_open_memory(&opts, &self->storage[0]));
	self->opts.pages = opts.pages;
	ASSERT_LT(0, explain(self, -ENOMEM));
	setrlimit(RLIMIT_AS, &was);
	EXPECT_TRUE(has(self->text, "wanted: 1 ring of 1 + 16384 pages of %zu bytes, %zu KiB in all\n",
			PAGE, 16385 * PAGE / 1024));
	EXPECT_TRUE(has(self->text, "RLIMIT_AS: 65536 KiB, "));
}

/* The kernel's largest piece of memory is 2^n pages, as /proc/buddyinfo shows by its columns. */
static int largest_order(void)
{
	FILE *file = fopen("/proc/buddyinfo", "r");
	unsigned long free;
	char zone[32];
	int n = -1;

	if (file && fscanf(file, "Node %*d, zone %31s", zone) == 1)
		while (fscanf(file, "%lu", &free) == 1)
			n++;
	if (file)
		fclose(file);
	return n;
}

/*
 * More data pages than perf can keep pointers of: where a piece of memory is 2^10 pages of 4096,
 * 2^19 pointers of 8 bytes or 2^20 of 4, and what stands before them, are more than that.  Its
 * answer comes before any page is taken.
 */
TEST_F(explain, pointers)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .exclude_kernel = 1,
	};
	struct perfring_perf_opts opts = {
		.size = sizeof(opts),
	};
	int err, order = largest_order();

	if (geteuid())
		SKIP(return, "uid %d: the locked-memory limit comes first", geteuid());
	ASSERT_LT(0, order);
	opts.pages = (PAGE << order) / sizeof(void *);
	err = perfring_storage_open_perf(&attr, 0, -1, &opts, &self->storage[0]);
	ASSERT_EQ(-ENOMEM, err);
	self->opts.pages = opts.pages;
	ASSERT_LT(0, explain(self, err));
	EXPECT_TRUE(has(self->text, ": %zu data pages fit\n", opts.pages / 2));
	self->opts.pages = opts.pages / 2;
	ASSERT_LT(0, explain(self, err));
	EXPECT_EQ(NULL, strstr(self->text, "data pages fit"));
}

/* In a child of nobody's: the whole CPU wants a capability, a large ring locked memory. */
TEST_F(explain, permission)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .exclude_kernel = 1,
	};
	struct perfring_perf_opts opts = { .size = sizeof(opts), .pages = 4096 };
	char paranoid[16];
	struct rlimit limit = { 8192, 8192 };
	char *at;
	int err;

	if (geteuid())
		SKIP(return, "uid %d: cannot become nobody", geteuid());
	ASSERT_LT(0, file_read(PARANOID, paranoid, sizeof(paranoid)));
	ASSERT_EQ(0, file_write(PARANOID, "2"));
	if (!fork()) {
		int bad = 0;

		setrlimit(RLIMIT_MEMLOCK, &limit);
		become_nobody();
		err = perfring_storage_open_perf(&attr, -1, 0, NULL, &self->storage[0]);
		bad |= err != -EACCES && err != -EPERM;
		self->opts.attr = &attr;
		explain(self, err);
		bad |= !has(self->text, "kernel.perf_event_paranoid: 2; ");
		bad |= !has(self->text, "asked for: not the kernel's work\n");

		err = perfring_storage_open_perf(&attr, 0, -1, &opts, &self->storage[0]);
		bad |= (err != -EPERM) << 1;
		self->opts.pages = opts.pages;
		explain(self, err);
		at = strstr(self->text, "mapping 4097 pages (1 + 4096)");
		bad |= (!at || !has(at, "RLIMIT_MEMLOCK 8 KiB") ||
			!has(at, "would fit if no other ring were mapped: 1 + ")) << 1;
		_exit(bad);
	}
	wait(&err);
	EXPECT_EQ(0, err);
	ASSERT_EQ(0, file_write(PARANOID, paranoid));
}

/* An attr of tomorrow: what the kernel knows is what it writes back. */
TEST_F(explain, attr)
{
	struct {
		struct perf_event_attr attr;
		unsigned char more[64];
	} future = {
		.attr = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY,
			  .size = sizeof(future), .exclude_kernel = 1 },
	};
	struct perf_event_attr probe = { .size = PAGE + 64 };
	int err;

	EXPECT_EQ(-1, syscall(SYS_perf_event_open, &probe, 0, -1, -1, 0UL));
	ASSERT_EQ(E2BIG, errno);
	EXPECT_EQ(0, perfring_storage_open_perf(&future.attr, 0, -1, NULL, &self->storage[0]));
	future.more[63] = 1;
	err = perfring_storage_open_perf(&future.attr, 0, -1, NULL, &self->storage[1]);
	ASSERT_EQ(-E2BIG, err);
	self->opts.attr = &future.attr;
	ASSERT_LT(0, explain(self, err));
	EXPECT_TRUE(has(self->text, "attr.size %zu; this library knows %zu bytes, this kernel %u\n",
			sizeof(future), sizeof(future.attr), probe.size));
	EXPECT_TRUE(has(self->text, "byte %zu of it is set", sizeof(future) - 1));
}

/* Option structures: each that a function takes is known to the explanation by its name. */
TEST_F(explain, structures)
{
	struct {
		struct perfring_memory_opts opts;
		uint64_t more;
	} future = { .opts = { .size = sizeof(future) } };
	char line[512], name[64];
	unsigned int n = 0;
	FILE *pipe;
	int err;

	EXPECT_EQ(0, perfring_storage_open_memory(&future.opts, &self->storage[0]));
	future.more = 1;
	err = perfring_storage_open_memory(&future.opts, &self->storage[1]);
	ASSERT_EQ(-E2BIG, err);
	self->opts.structure = "perfring_memory_opts";
	self->opts.structure_size = sizeof(future);
	ASSERT_LT(0, explain(self, err));
	EXPECT_TRUE(has(self->text, "struct perfring_memory_opts: size %zu; this library (%s) knows %zu bytes",
			sizeof(future), perfring_version(), sizeof(struct perfring_memory_opts)));
	self->opts.structure = "no_such_opts";
	ASSERT_LT(0, explain(self, err));
	EXPECT_TRUE(has(self->text, "knows no such structure\n"));

	if (access(TOP "/user/include/perfring", R_OK))
		SKIP(return, "no headers here (installed tests have none)");
	pipe = popen("cat " TOP "/user/include/perfring/*.h", "r");
	ASSERT_NE(NULL, pipe);
	while (fgets(line, sizeof(line), pipe))
		if (sscanf(line, "struct %63[a-z_] {", name) == 1 && strchr(line, '{') &&
		    strlen(name) > 5 && !strcmp(name + strlen(name) - 5, "_opts")) {
			self->opts.structure = name;
			ASSERT_LT(0, explain(self, err));
			EXPECT_EQ(NULL, strstr(self->text, "no such")) {
				TH_LOG("%s", name);
			}
			n++;
		}
	pclose(pipe);
	EXPECT_LE(8, n);
}

/* A record: what a header can say, and a ring hold; the largest ones do go in. */
TEST_F(explain, record)
{
	struct perfring_memory_opts opts = { .size = sizeof(opts), .pages = 1 };
	struct perfring_ring *ring;
	int err;

	ASSERT_EQ(0, perfring_storage_open_memory(&opts, &self->storage[0]));
	ASSERT_EQ(0, perfring_ring_open(self->storage[0], NULL, &ring));
	err = perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, 70000);
	ASSERT_EQ(-E2BIG, err);
	self->opts.payload = 70000;
	ASSERT_LT(0, explain(self, err));
	/* 8 + 4 + 70000 and what pads it to a multiple of 8 */
	EXPECT_TRUE(has(self->text, "a record of at least 70016: "));
	EXPECT_TRUE(has(self->text, "a header can say 65528, a payload of 65516\n"));

	ASSERT_EQ(-E2BIG, perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, PAGE - 8 - 12 + 1));
	self->opts.payload = PAGE - 8 - 12 + 1;
	self->opts.data_size = perfring_storage_data_size(self->storage[0]);
	ASSERT_LT(0, explain(self, err));
	EXPECT_TRUE(has(self->text, "a record of at least %zu: ", PAGE));
	EXPECT_TRUE(has(self->text, "a ring of %zu bytes holds a record of at most %zu", PAGE,
			PAGE - 8));
	EXPECT_LE(0, perfring_write(ring, PERF_RECORD_SAMPLE, 0, NULL, PAGE - 8 - 12));
	perfring_ring_close(ring);
}

/* Devices: nobody may have more than max_events. */
TEST_F(explain, device_events)
{
	const char *parameter = "/sys/module/perfring/parameters/max_events";
	char why[WHY_LEN];
	long most;

	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	most = file_long(parameter, -1);
	ASSERT_LT(0, most);
	self->opts.device = 1;
	ASSERT_LT(0, explain(self, -EMFILE));
	EXPECT_TRUE(has(self->text, "there is room for them: the limit is not the cause\n"));
	EXPECT_TRUE(has(self->text, "max_events of the module: %ld open events of a user\n", most));
	ASSERT_LT(0, explain(self, -ENOMEM));
	EXPECT_TRUE(has(self->text, "max_pages of the module: %ld data pages of one ring\n",
			file_long("/sys/module/perfring/parameters/max_pages", -1)));
	EXPECT_TRUE(has(self->text, "max_memory of the module: "));
}

/* The arithmetic of a report that is made up, and that no limit applies or nothing fits. */
TEST(mmap_report)
{
	struct perfring_mmap_report report = {
		.error = -EPERM, .paranoid = 2, .pages = 3, .page_size = 4096, .kb = 12,
		.mlock_kb = 516, .online_cpus = 2, .free_of_limit_kb = 1032, .rlimit_kb = 64,
		.pinned_kb = 8, .data_pages_fit = 256,
	};
	char text[1024];
	int len;

	len = perfring_storage_format_mmap(&report, text, sizeof(text));
	EXPECT_EQ((int)strlen(text), len);
	EXPECT_TRUE(has(text, "mapping 3 pages (1 + 2) of 4096 bytes, 12 KiB: "));
	EXPECT_TRUE(has(text, "516 KiB * 2 CPUs online = 1032 KiB"));
	EXPECT_TRUE(has(text, "RLIMIT_MEMLOCK 64 KiB, 8 KiB of it pinned\n"));
	EXPECT_TRUE(has(text, "1 + 256 pages\n"));
	report.rlimit_kb = UINT64_MAX;
	report.data_pages_fit = SIZE_MAX;
	perfring_storage_format_mmap(&report, text, sizeof(text));
	EXPECT_TRUE(has(text, "RLIMIT_MEMLOCK unlimited\n"));
	EXPECT_TRUE(has(text, "the limit is not the cause\n"));
	report.data_pages_fit = 0;
	perfring_storage_format_mmap(&report, text, sizeof(text));
	EXPECT_TRUE(has(text, "not even 1 + 1 pages fit\n"));
	EXPECT_EQ(-EINVAL, perfring_storage_explain_mmap(1, -EPERM, NULL));
}

/* With the limit raised to infinity, or a paranoid below 0, whatever is asked for fits. */
TEST(mmap_unlimited)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	struct perfring_mmap_report report;

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		SKIP(return, "RLIMIT_MEMLOCK cannot be raised: %s", strerror(errno));
	ASSERT_EQ(0, perfring_storage_explain_mmap(1, -EPERM, &report));
	EXPECT_EQ(UINT64_MAX, report.rlimit_kb);
	EXPECT_EQ(SIZE_MAX, report.data_pages_fit);
	EXPECT_EQ(2, report.pages);
	EXPECT_EQ(2 * PAGE / 1024, report.kb);
}

TEST_HARNESS_MAIN
