// SPDX-License-Identifier: GPL-2.0
/*
 * Signals of an overflow: O_ASYNC, F_SETSIG, and the limit of REFRESH.
 *
 * Each test runs on the device, written from its CPU and from another, and on a perf
 * event that counts page faults with a period of 1, which one touch of a page makes
 * overflow just as one write(2) the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

/* That of F_SETSIG, queued; SIGIO itself is not. */
#define QUEUED	(SIGRTMIN + 3)

enum kind { USER, REMOTE, FAULTS };

FIXTURE(overflow) {
	int fd;
	struct raw raw;
	volatile char *page;
};

FIXTURE_VARIANT(overflow) {
	enum kind kind;
};

FIXTURE_VARIANT_ADD(overflow, device) { .kind = USER };
FIXTURE_VARIANT_ADD(overflow, device_from_afar) { .kind = REMOTE };
FIXTURE_VARIANT_ADD(overflow, perf) { .kind = FAULTS };

static struct perf_event_attr overflow_attr(enum kind kind)
{
	struct perf_event_attr attr = output_attr();

	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED;
	if (kind == FAULTS) {
		attr.config = PERF_COUNT_SW_PAGE_FAULTS;
		attr.exclude_kernel = 1;
	}
	return attr;
}

static int overflow_open(enum kind kind, const struct perf_event_attr *attr)
{
	return kind == FAULTS ? perf_open(attr, 0, -1, -1) : event_into(-1, 0, attr);
}

/* The ring, its pages faulted in, so that to read it is no event. */
static int ring_map(FIXTURE_DATA(overflow) *self)
{
	int ret = raw_map(&self->raw, self->fd, 1, 0);

	if (!ret) {
		raw_drop(&self->raw);
		(void)*(volatile unsigned char *)self->raw.data;
	}
	return ret;
}

/* One overflow; what write(2) said, where there is one. */
static int fire(FIXTURE_DATA(overflow) *self, enum kind kind)
{
	if (kind != FAULTS)
		return write(self->fd, "x", 1) < 0 ? -errno : 1;
	madvise((void *)self->page, PAGE, MADV_DONTNEED);
	*self->page = 1;
	return 1;
}

/*
 * What fork(2) has copied is old, and where the processor has no bit for that (s390x), the
 * first look at such a page is a fault, locked or not: look at them all.
 */
static void look_at_all_pages(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long begin, end, at;
	char line[512], rights[5];

	/* Not at those of the vdso's time, some of which are not there. */
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s", &begin, &end, rights) == 3 && rights[0] == 'r' &&
		    !strstr(line, "[v"))
			for (at = begin; at < end; at += PAGE)
				(void)*(volatile char *)at;
	if (maps)
		fclose(maps);
}

FIXTURE_SETUP(overflow)
{
	struct perf_event_attr attr = overflow_attr(variant->kind);
	char why[WHY_LEN];
	sigset_t set;

	self->fd = -1;
	self->page = MAP_FAILED;
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, QUEUED);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	if (variant->kind != FAULTS && !device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
	if (pin_to(variant->kind == REMOTE))
		SKIP(return, "CPU 1 is not there");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	if (variant->kind == FAULTS)
		SKIP(return, "a sanitizer's memory has page faults of its own, which count as well");
#endif
	/* No faults but ours, not even those of a copy after fork(2). */
	if (variant->kind == FAULTS && mlockall(MCL_CURRENT))
		SKIP(return, "mlockall: %s", strerror(errno));
	self->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->page);
	self->fd = overflow_open(variant->kind, &attr);
	if (self->fd < 0 && variant->kind == FAULTS)
		SKIP(return, "perf_event_open: %s", strerror(-self->fd));
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ring_map(self));
	if (variant->kind == FAULTS)
		look_at_all_pages();
}

FIXTURE_TEARDOWN(overflow)
{
	if (self->raw.page)
		raw_unmap(&self->raw);
	close(self->fd);
}

/* Signals of @fd to this process: SIGIO when @sig is 0. */
static int arm(int fd, int sig)
{
	if (fcntl(fd, F_SETOWN, getpid()) || fcntl(fd, F_SETSIG, sig) ||
	    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC))
		return -errno;
	return 0;
}

/* The next signal within @ms: its number, or 0. */
static int caught(siginfo_t *info, unsigned int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigaddset(&set, QUEUED);
	memset(info, 0, sizeof(*info));
	sig = sigtimedwait(&set, info, &time);
	return sig < 0 ? 0 : sig;
}

/* A queued signal of @fd that says @code; long enough for a slow machine. */
#define EXPECT_SIGNAL(fd, code) do {						\
		siginfo_t info_;						\
										\
		EXPECT_EQ(QUEUED, caught(&info_, 5000));			\
		EXPECT_EQ(code, info_.si_code);					\
		EXPECT_EQ(fd, info_.si_fd);					\
		/* as fcntl(2) and sigaction(2) have it */			\
		EXPECT_EQ((code) == POLL_IN ? POLLIN | POLLRDNORM : POLLHUP | POLLERR, \
			  info_.si_band);					\
	} while (0)

#define EXPECT_SILENCE() do {							\
		siginfo_t info_;						\
										\
		EXPECT_EQ(0, caught(&info_, 20));				\
	} while (0)

/* ns enabled */
static uint64_t time_enabled(int fd)
{
	uint64_t word[2];

	return read(fd, word, sizeof(word)) == sizeof(word) ? word[1] : 0;
}

static unsigned int records(FIXTURE_DATA(overflow) *self)
{
	static uint64_t buf[8192];
	unsigned int n = 0;

	while (raw_next(&self->raw, buf) > 0)
		n++;
	return n;
}

/* Nobody asked. */
TEST_F(overflow, silent_without_async)
{
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	fire(self, variant->kind);
	EXPECT_SILENCE();
	EXPECT_EQ(1, records(self));
	/* And no more, once O_ASYNC is taken back. */
	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_RDWR | O_NONBLOCK));
	fire(self, variant->kind);
	EXPECT_SILENCE();
}

/* SIGIO, of the kernel, without a descriptor. */
TEST_F(overflow, plain_sigio)
{
	siginfo_t info;

	ASSERT_EQ(0, arm(self->fd, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	EXPECT_SILENCE();
	fire(self, variant->kind);
	EXPECT_EQ(SIGIO, caught(&info, 5000));
	EXPECT_EQ(SI_KERNEL, info.si_code);
	EXPECT_SILENCE();
}

/* F_SETSIG: which descriptor and why, queued once for each overflow. */
TEST_F(overflow, queued_signal)
{
	int i;

	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	for (i = 0; i < 3; i++) {
		fire(self, variant->kind);
		EXPECT_SIGNAL(self->fd, POLL_IN);
	}
	EXPECT_SILENCE();
	EXPECT_EQ(3, records(self));
}

/* The signal is for each overflow, wakeup or not, and also for what finds no room. */
TEST_F(overflow, lost_samples_signal)
{
	struct perf_event_attr attr = overflow_attr(variant->kind);
	int i;

	raw_unmap(&self->raw);
	close(self->fd);
	attr.wakeup_events = 0;
	self->fd = overflow_open(variant->kind, &attr);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ring_map(self));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	/* More than there is room for. */
	for (i = 0; i < (int)FIT(16) + 45; i++)
		fire(self, variant->kind);
	ASSERT_EQ(0, arm(self->fd, QUEUED));
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_IN);
	EXPECT_SILENCE();
	EXPECT_EQ(FIT(16), records(self));
}

/*
 * REFRESH(3): three samples, the third of which hangs up, and then the event is
 * disabled: nothing comes, and its time stands still.
 */
TEST_F(overflow, refresh)
{
	uint64_t time;

	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 3));
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_IN);
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_IN);
	pass_time();
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_HUP);
	EXPECT_EQ(variant->kind == FAULTS ? 1 : -EOPNOTSUPP, fire(self, variant->kind));
	EXPECT_SILENCE();
	EXPECT_EQ(3, records(self));
	/* poll(2) hangs up without a ring, not for this. */
	EXPECT_EQ(POLLIN, poll_events(self->fd, 0) & (POLLIN | POLLHUP));
	time = time_enabled(self->fd);
	EXPECT_LT(0, time);
	sleep_ms(20);
	EXPECT_EQ(time, time_enabled(self->fd));
	/* To disable what has disabled itself is nothing, and its time stays. */
	EXPECT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(time, time_enabled(self->fd));
}

/* Each REFRESH adds to what is left, also while it runs; 0 adds nothing. */
TEST_F(overflow, refresh_adds)
{
	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 1));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 2));
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_IN);
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 0));
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_IN);
	pass_time();
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_HUP);
	/* And again. */
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 1));
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_HUP);
	fire(self, variant->kind);
	EXPECT_SILENCE();
	EXPECT_EQ(4, records(self));
}

/* What is left of a limit outlives a DISABLE. */
TEST_F(overflow, limit_stays_while_disabled)
{
	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 2));
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_IN);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_HUP);
}

/* ENABLE after the limit: none any more, and time goes on from where it stood. */
TEST_F(overflow, enable_after_the_limit)
{
	uint64_t time;
	int i;

	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 1));
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_HUP);
	time = time_enabled(self->fd);
	sleep_ms(200);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	for (i = 0; i < 5; i++) {
		fire(self, variant->kind);
		EXPECT_SIGNAL(self->fd, POLL_IN);
	}
	EXPECT_EQ(6, records(self));
	pass_time();
	EXPECT_LT(time, time_enabled(self->fd));
}

/* REFRESH wants an event that samples. */
TEST_F(overflow, refresh_of_a_counter)
{
	struct perf_event_attr attr = overflow_attr(variant->kind);
	int fd;

	attr.sample_period = 0;
	fd = overflow_open(variant->kind, &attr);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, do_ioctl_word(fd, PERF_EVENT_IOC_REFRESH, 1));
	close(fd);
	attr = overflow_attr(variant->kind);
	attr.inherit = 1;
	fd = overflow_open(variant->kind, &attr);
	if (fd >= 0)
		EXPECT_EQ(-EINVAL, do_ioctl_word(fd, PERF_EVENT_IOC_REFRESH, 1));
	close(fd);
}

/* A negative one is added as well, as perf does: what is left is 5 - 3. */
TEST_F(overflow, refresh_negative)
{
	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 5));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, -3));
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_IN);
	pass_time();
	fire(self, variant->kind);
	EXPECT_SIGNAL(self->fd, POLL_HUP);
}

/* F_SETOWN: another process is told. */
TEST_F(overflow, owner_is_another_process)
{
	siginfo_t info;
	int status;
	pid_t child;

	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(caught(&info, 5000) == QUEUED && info.si_code == POLL_IN &&
		      info.si_fd == self->fd ? 0 : 1);
	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, child));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	fire(self, variant->kind);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_SILENCE();
}

FIXTURE(device) {
	int fd;
	struct raw raw;
	uint64_t buf[8192];
};

FIXTURE_SETUP(device)
{
	char why[WHY_LEN];
	sigset_t set;

	self->fd = -1;
	sigemptyset(&set);
	sigaddset(&set, QUEUED);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(device)
{
	if (self->raw.page)
		raw_unmap(&self->raw);
	close(self->fd);
}

/*
 * From an interrupt: a generator of 7 records a tick with a limit of 25, which is in
 * the middle of its fourth tick, stops there.  24 signals and a hang-up, 25 records.
 */
TEST_F(device, generator_stops_at_the_limit)
{
	struct perf_event_attr attr = output_attr();
	struct perfring_stats stats;
	siginfo_t info;
	int n;

	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 200 | 7ULL << 32;
	self->fd = event_into(-1, 0, &attr);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 2, 0));
	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 25));
	/* Signals of one tick may come as one: the last wins, and only it hangs up. */
	for (n = 0; n < 25; n++) {
		ASSERT_EQ(QUEUED, caught(&info, 5000));
		if (info.si_code == POLL_HUP)
			break;
		EXPECT_EQ(POLL_IN, info.si_code);
	}
	EXPECT_EQ(POLL_HUP, info.si_code);
	EXPECT_SILENCE();
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_EQ(25, stats.written);
	for (n = 0; raw_next(&self->raw, self->buf) > 0; n++)
		;
	EXPECT_EQ(25, n);
	/* The timer runs again for the next 3, its numbers go on. */
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 3));
	do {
		ASSERT_EQ(QUEUED, caught(&info, 5000));
	} while (info.si_code != POLL_HUP);
	for (n = 0; raw_next(&self->raw, self->buf) > 0; n++) {
		uint64_t seq;

		memcpy(&seq, (char *)self->buf + 12, sizeof(seq));
		EXPECT_EQ(25 + n, (int)seq);
	}
	EXPECT_EQ(3, n);
}

/* A batch of EMIT ends at the limit, in the middle. */
TEST_F(device, emit_ends_at_the_limit)
{
	struct perfring_emit result;
	siginfo_t info;

	self->fd = device_open(0);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 2, 0));
	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 100));
	EXPECT_EQ(-EOPNOTSUPP, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 4, 150, &result));
	EXPECT_EQ(100, result.written);
	EXPECT_EQ(1600, raw_head(&self->raw));
	do {
		ASSERT_EQ(QUEUED, caught(&info, 5000));
	} while (info.si_code != POLL_HUP);
	/* Only samples overflow. */
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 1));
	EXPECT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 10, &result));
	EXPECT_SILENCE();
}

/*
 * A held sample overflows when it is committed, and not when it is taken back.  One
 * that was inside when the limit was reached is one more, and a hang-up again.
 */
TEST_F(device, held_sample)
{
	self->fd = device_open(0);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 2, 0));
	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 2));
	ASSERT_EQ(0, reserve(self->fd, PERF_RECORD_SAMPLE, NULL, 20, 0, NULL));
	EXPECT_EQ(PERFRING_RELEASE_TAKEN_BACK, release(self->fd, false));
	EXPECT_SILENCE();
	ASSERT_EQ(0, reserve(self->fd, PERF_RECORD_SAMPLE, NULL, 20, 0, NULL));
	EXPECT_SILENCE();
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_SIGNAL(self->fd, POLL_IN);
	ASSERT_EQ(0, reserve(self->fd, PERF_RECORD_SAMPLE, NULL, 20, 0, NULL));
	EXPECT_EQ(1, write(self->fd, "x", 1));
	EXPECT_SIGNAL(self->fd, POLL_HUP);
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release(self->fd, true));
	EXPECT_SIGNAL(self->fd, POLL_HUP);
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

/* Each event of a shared ring tells its own owner. */
TEST_F(device, redirected_event_signals)
{
	int other;

	self->fd = device_open(0);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 2, 0));
	other = event_into(self->fd, 0, NULL);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, arm(other, QUEUED));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, do_ioctl(other, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(1, write(other, "x", 1));
	EXPECT_SIGNAL(other, POLL_IN);
	EXPECT_SILENCE();
	ASSERT_EQ(1, write(self->fd, "x", 1));
	EXPECT_SIGNAL(self->fd, POLL_IN);
	EXPECT_SILENCE();
	close(other);
}

/*
 * A wakeup signals, too, where there is no overflow: sample_period 0, and records
 * that are no samples.
 */
TEST_F(device, wakeup_without_overflow)
{
	struct perf_event_attr attr = output_attr();

	attr.sample_period = 0;
	attr.wakeup_events = 2;
	self->fd = event_into(-1, 0, &attr);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, arm(self->fd, QUEUED));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(1, write(self->fd, "x", 1));
	EXPECT_SILENCE();
	ASSERT_EQ(1, write(self->fd, "x", 1));
	EXPECT_SIGNAL(self->fd, POLL_IN);
	EXPECT_SILENCE();
	/* 32 bytes are there; half of the page and more, so the watermark is crossed once. */
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, PAGE / 2, 1, NULL));
	EXPECT_SIGNAL(self->fd, POLL_IN);
	EXPECT_SILENCE();
}

/* Closed and unmapped with signals armed: nobody is told any more, nothing breaks. */
TEST_F(device, close_while_armed)
{
	struct raw raw;
	int i;

	for (i = 0; i < 50; i++) {
		int fd = device_open(0);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, raw_map(&raw, fd, 1, 0));
		ASSERT_EQ(0, arm(fd, QUEUED));
		ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
		ASSERT_EQ(1, write(fd, "x", 1));
		EXPECT_SIGNAL(fd, POLL_IN);
		close(fd);
		raw_unmap(&raw);
	}
	EXPECT_SILENCE();
}

TEST_HARNESS_MAIN
