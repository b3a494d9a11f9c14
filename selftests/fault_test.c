// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation and each copy from and to user space fails once, in every call that
 * makes one: by /proc/thread-self/fail-nth the first of the call, then the second, until
 * it makes no more. What fails says ENOMEM or EFAULT and leaves nothing, so that the same
 * call succeeds at once.
 *
 * What can fail and allocates nothing is a function of the module with
 * ALLOW_ERROR_INJECTION(): each call of each of them fails once as well, by
 * /sys/kernel/debug/fail_function, with an errno that nothing else says.
 *
 * PERFRING_FAULT_CALL= only the calls whose names begin so, PERFRING_FAULT_FROM= from this
 * failure on (1), PERFRING_FAULT_STRIDE= of loading a module one failure in so many (1).
 */
#include <linux/capability.h>
#include <stdio.h>
#include "adversity.h"
#include "fault_calls.h"

#define FAIL_NTH "/proc/thread-self/fail-nth"
#define DEBUGFS	"/sys/kernel/debug/"
#define REFCNT	"/sys/module/perfring/refcnt"
#define INJECTABLE DEBUGFS "error_injection/list"
#define FUNCTION "fail_function"
#define MOST	5000	/* more than any call may make */

/* Be bound by max_events and max_memory from now on. */
static int drop_resource_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[0].effective &= ~(1U << CAP_SYS_RESOURCE);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

static int configure(const char *kind, const char *name, const char *value)
{
	char path[192];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", kind, name);
	return file_write(path, value);
}

/* Fail what is called by the kernel's function @name alone; NULL: whatever is called. */
static int only_within(const char *name)
{
	char line[256], from[40] = "0", to[40] = "0", at[32], symbol[128];
	FILE *file = name ? fopen("/proc/kallsyms", "r") : NULL;
	unsigned int i;
	int ret = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31s %*c %127s", at, symbol) != 2)
			continue;
		if (!strcmp(symbol, name))
			snprintf(from, sizeof(from), "0x%s", at);
		else if (from[1] && strcmp(from + 2, at))
			break;
	}
	if (file) {
		snprintf(to, sizeof(to), "0x%s", at);
		fclose(file);
	}
	if (name && !from[1])
		return -ENOENT;
	for (i = 0; i < ARRAY_LEN(kinds) && !ret; i++) {
		ret = configure(kinds[i], "require-start", from);
		if (!ret)
			ret = configure(kinds[i], "require-end", name ? to : "0xffffffffffffffff");
	}
	return ret;
}

/*
 * Let the @n-th fail from now on: of the allocations and copies of this thread, or of the
 * calls of @function.
 */
static int trap_set(const char *function, unsigned int n)
{
	char text[32];

	snprintf(text, sizeof(text), "%u", n);
	if (!function)
		return file_write(FAIL_NTH, text);
	return configure(FUNCTION, "space", text) ?: configure(FUNCTION, "times", "1") ?:
	       configure(FUNCTION, "probability", "100");
}

/*
 * No more. 0: one has failed. What is left over counts those that were not made; when
 * that cannot be read, the reading is what has failed.
 */
static long trap_take(const char *function)
{
	long left = file_long(function ? DEBUGFS FUNCTION "/times" : FAIL_NTH, 1);
	int ret = function ? configure(FUNCTION, "probability", "0") : file_write(FAIL_NTH, "0");

	return ret ?: left;
}

/* Is it what such a failure has to say? */
static bool says_so(const char *function, int ret)
{
	return function ? ret == -EUCLEAN : ret == -ENOMEM || ret == -EFAULT;
}

/* It fails as it should, and then does not: how often it could fail. */
static unsigned int fail_each(struct __test_metadata *_metadata, FIXTURE_DATA(adversity) *self,
			      const struct call *call, const char *parameters,
			      const char *function)
{
	const unsigned int stride = call->init ? from_environment("PERFRING_FAULT_STRIDE", 1) : 1;
	unsigned int n, failed = 0;
	int ret, pmu = pmu_type();
	struct world w;
	long left;

	for (n = from_environment("PERFRING_FAULT_FROM", 1); n < MOST; n += stride) {
		/* Loading takes seconds, and not everything that fails there matters. */
		if (n % 20 == 0)
			TH_LOG("%s: %u of %u failed", call->name, failed, n);
		w = (struct world) {
			.fd = { -1, -1 }, .other = -1, .page = sysconf(_SC_PAGESIZE),
			.pmu = pmu, .source = call->source, .parameters = parameters,
		};
		ASSERT_EQ(0, call->before(&w)) {
			TH_LOG("%s, before failure %u", call->name, n);
		}
		ASSERT_EQ(0, trap_set(function, n));
		ret = call->call(&w);
		left = trap_take(function);
		ASSERT_LE(0, left);
		EXPECT_TRUE(ret >= 0 || (!left && says_so(function, ret))) {
			TH_LOG("%s, failure %u: %s", call->name, n, strerror(-ret));
		}
		if (ret < 0) {
			failed++;
			if (call->call == call_load) {
				EXPECT_FALSE(module_loaded());
			}
			ret = call->once || (call->again && n % call->again) ? 0 : call->call(&w);
			EXPECT_LE(0, ret) {
				TH_LOG("%s after failure %u: %s", call->name, n, strerror(-ret));
			}
		}
		end(&w);
		EXPECT_EQ(0, pinned());
		if (module_loaded()) {
			EXPECT_EQ(self->events[0], device_counter(0, "events"));
			/* The client is one. */
			EXPECT_EQ(call->init ? 0 : 1, file_long(REFCNT, -1)) {
				TH_LOG("%s, failure %u", call->name, n);
			}
		}
		if (left)
			break;
	}
	EXPECT_GT(MOST, n);
	return failed;
}

/*
 * A module whose user is bound, so that what is left over of his charge makes his next
 * call fail; and its client.
 */
static void prepare(struct __test_metadata *_metadata, char *parameters, size_t len)
{
	snprintf(parameters, len, "max_events=%u max_memory=%ld max_rate=%u allow_inject=1",
		 EVENTS, (1 + PAGES) * sysconf(_SC_PAGESIZE) / 1024, RATE);
	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load(parameters));
	ASSERT_EQ(0, drop_resource_capability());
	ASSERT_EQ(0, pin_to(0));
	ASSERT_EQ(0, client_load(CLIENT));
}

static bool chosen_call(const struct call *call)
{
	const char *only = getenv("PERFRING_FAULT_CALL") ?: "";

	return !strncmp(call->name, only, strlen(only));
}

/* What the kernel itself wants to fail, and what not. */
static int traps_prepare(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		/* It would trace each failure on the console. */
		ret = configure(kinds[i], "verbose", "0");
		if (ret)
			return ret;
	}
	return configure("failslab", "ignore-gfp-wait", "N") ?:
	       configure("fail_page_alloc", "ignore-gfp-wait", "N") ?:
	       configure("fail_page_alloc", "ignore-gfp-highmem", "N") ?:
	       configure("fail_page_alloc", "min-order", "0");
}

TEST_F_TIMEOUT(adversity, each_allocation_fails, DAY)
{
	unsigned int i, failed, all = 0;
	char parameters[96];

	if (access(FAIL_NTH, W_OK))
		SKIP(return, FAIL_NTH ": the kernel has no fault injection");
	if (!getenv("PERFRING_MODULE"))
		SKIP(return, "PERFRING_MODULE is not set: no module to load");
	i = -traps_prepare();
	if (i)
		SKIP(return, DEBUGFS "fail*: %s", strerror(i));
	prepare(_metadata, parameters, sizeof(parameters));
	for (i = 0; i < ARRAY_LEN(calls); i++) {
		if (!chosen_call(&calls[i]))
			continue;
		if (calls[i].init) {
			client_unload(CLIENT);
			ASSERT_EQ(0, only_within("do_one_initcall"));
		}
		failed = fail_each(_metadata, self, &calls[i], parameters, NULL);
		if (!getenv("PERFRING_FAULT_FROM"))
			EXPECT_LE(calls[i].least, failed);
		TH_LOG("%s: %u failures", calls[i].name, failed);
		all += failed;
	}
	ASSERT_EQ(0, only_within(NULL));
	client_unload(CLIENT);
	TH_LOG("%u failures", all);
}

/*
 * KiB of memory of which the kernel does not know what it is for, as it is with pages that
 * are allocated one by one: kmemleak does not follow these. Some are on their way back.
 */
static long unaccounted_kb(void)
{
	static const char *const known[] = {
		"MemFree:", "Buffers:", "Cached:", "SwapCached:", "AnonPages:", "Slab:",
		"KernelStack:", "PageTables:", "VmallocUsed:", "Percpu:",
	};
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128], name[32];
	long kb, sum = 0;
	unsigned int i;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31s %ld", name, &kb) != 2)
			continue;
		if (!strcmp(name, "MemTotal:"))
			sum += kb;
		for (i = 0; i < ARRAY_LEN(known); i++)
			if (!strcmp(name, known[i]))
				sum -= kb;
	}
	if (file)
		fclose(file);
	return sum;
}

#define LARGE	64	/* pages of a ring */
#define TIMES	64	/* that it is mapped, at each failure */

static long most_kb;

static int pages_are_back(void)
{
	return unaccounted_kb() < most_kb ? 0 : -EAGAIN;
}

/* Map and unmap a ring, whose @n-th allocation fails, if any: what is left of the trap. */
static long map_some(struct __test_metadata *_metadata, int fd, int n)
{
	struct raw raw;
	long left = 1;
	int i, ret;

	for (i = 0; i < TIMES; i++) {
		if (n) {
			ASSERT_EQ(0, trap_set(NULL, n));
		}
		ret = raw_map(&raw, fd, LARGE, 0);
		if (n)
			left = trap_take(NULL);
		EXPECT_TRUE(ret == 0 || (left == 0 && says_so(NULL, ret))) {
			TH_LOG("failure %d: %s", n, strerror(-ret));
		}
		if (!ret)
			raw_unmap(&raw);
	}
	return left;
}

/*
 * Where the kernel has no fault injection nothing fails. What leaks does so each time; the
 * kernel keeps some pages at hand, so that one of a few attempts without more is enough.
 */
TEST_F_TIMEOUT(adversity, pages_come_back, DAY)
{
	bool fails = !access(FAIL_NTH, W_OK) && !traps_prepare();
	const long leak_kb = TIMES * LARGE * sysconf(_SC_PAGESIZE) / 1024 / 2;
	int n = fails, attempt, ret, fd = device_open(0);
	long left;

	ASSERT_LE(0, fd);
	do {
		for (attempt = 0, ret = -EAGAIN; ret && attempt < 4; attempt++) {
			most_kb = unaccounted_kb() + leak_kb;
			left = map_some(_metadata, fd, n);
			ret = within_ms(1000, pages_are_back);
		}
		ASSERT_EQ(0, ret) {
			TH_LOG("failure %d: %ld KiB more than before", n,
			       unaccounted_kb() - most_kb + leak_kb);
		}
		n++;
	} while (left == 0);
	ASSERT_LT(0, left);
	/* The pages, and what is there for them. */
	EXPECT_TRUE(!fails || n > LARGE);
	TH_LOG("%d mappings, %d failures of each", TIMES, n - 1 - fails);
	close(fd);
}

/* The functions of the module that may be made to fail: how many. */
static unsigned int injectable(char (*names)[64], unsigned int most)
{
	FILE *file = fopen(INJECTABLE, "r");
	char line[256], module[64];
	unsigned int n = 0;

	while (file && n < most && fgets(line, sizeof(line), file))
		n += sscanf(line, "%63s %63s", names[n], module) == 2 &&
		     !strcmp(module, "[perfring]");
	if (file)
		fclose(file);
	return n;
}

/* From now on @name says EUCLEAN when the trap is set. */
static int inject(const char *name)
{
	char path[96], value[32];

	snprintf(path, sizeof(path), "%.63s/retval", name);
	snprintf(value, sizeof(value), "%#llx", (unsigned long long)-EUCLEAN);
	return configure(FUNCTION, "inject", name) ?: configure(FUNCTION, path, value);
}

/*
 * fail_function throws a die in the handler of a breakpoint, where the lock that this
 * takes is not for lockdep.
 */
static bool lockdep_is_on(void)
{
	FILE *file = fopen("/proc/lockdep_stats", "r");
	char line[128];
	int on = 0;

	while (file && !on && fgets(line, sizeof(line), file))
		sscanf(line, " debug_locks: %d", &on);
	if (file)
		fclose(file);
	return on;
}

/* A function that none of the calls comes to has no place among those that may fail. */
TEST_F_TIMEOUT(adversity, each_function_fails, DAY)
{
	unsigned int i, n, nr, failed, all;
	char parameters[96], names[16][64];

	if (configure(FUNCTION, "verbose", "0"))
		SKIP(return, DEBUGFS FUNCTION ": %s", strerror(errno));
	if (!getenv("PERFRING_MODULE"))
		SKIP(return, "PERFRING_MODULE is not set: no module to load");
	if (lockdep_is_on())
		SKIP(return, "lockdep is on: it would report fail_function (see planted.sh)");
	ASSERT_EQ(0, configure(FUNCTION, "probability", "0"));
	prepare(_metadata, parameters, sizeof(parameters));
	nr = injectable(names, ARRAY_LEN(names));
	EXPECT_LT(0, nr);
	EXPECT_GT(ARRAY_LEN(names), nr);
	for (n = 0; n < nr; n++) {
		ASSERT_EQ(0, inject(names[n])) {
			TH_LOG("%s: %s", names[n], strerror(errno));
		}
		for (i = 0, all = 0; i < ARRAY_LEN(calls); i++) {
			if (calls[i].init || !chosen_call(&calls[i]))
				continue;
			failed = fail_each(_metadata, self, &calls[i], parameters, names[n]);
			if (failed)
				TH_LOG("%s: %s: %u failures", names[n], calls[i].name, failed);
			all += failed;
		}
		EXPECT_LT(0, all) {
			TH_LOG("%s is not called", names[n]);
		}
		/* None any more: the module can go. */
		ASSERT_EQ(0, configure(FUNCTION, "inject", "\n"));
	}
	client_unload(CLIENT);
}

DEVICE_MAIN
