// SPDX-License-Identifier: GPL-2.0
/* The cases of core_cases.h in user space; kunit/ runs them in a kernel. */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include "../kmod/core.h"
#include "kselftest_harness.h"

#define CORE_CASE(name)		static void core_##name(struct __test_metadata *_metadata)
#define CORE_EQ(expected, seen)	EXPECT_EQ((uint64_t)(expected), (uint64_t)(seen))
#define CORE_ACQUIRE(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define CORE_RELEASE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELEASE)
#define CORE_YIELD()		sched_yield()

static pthread_t core_thread;

static void *core_run(void *fn)
{
	((void (*)(void))fn)();
	return NULL;
}

static int core_beside(void (*fn)(void))
{
	return pthread_create(&core_thread, NULL, core_run, fn);
}

static void core_joined(void)
{
	pthread_join(core_thread, NULL);
}

#include "core_cases.h"

#define CORE_TEST(name)		TEST(name) { core_##name(_metadata); }
CORE_CASES(CORE_TEST)

TEST_HARNESS_MAIN
