// SPDX-License-Identifier: GPL-2.0
/* The sources: the generator's promises, sched_switch against perf's own. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

FIXTURE(source) {
	int fd;
	struct raw raw;
	uint64_t buf[8192];
};

FIXTURE_SETUP(source)
{
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(source)
{
	raw_unmap(&self->raw);
	close(self->fd);
}

static void start(struct __test_metadata *_metadata, FIXTURE_DATA(source) *self,
		  struct perf_event_attr *attr, size_t pages)
{
	ASSERT_EQ(0, source_start(&self->raw, self->fd, attr, pages));
}

/* The payload in self->buf: number, length, CRC and bytes by the rule. NULL or what is wrong. */
static const char *verify(FIXTURE_DATA(source) *self, int size, uint64_t *seq, uint32_t *len)
{
	static unsigned char copy[65536];
	struct perfring_generator_payload head, zero_crc;
	const unsigned char *payload = (unsigned char *)self->buf + 12;
	uint32_t i;

	memcpy(&head, payload, sizeof(head));
	if (head.len < sizeof(head) || size != (int)((12 + head.len + 7) & ~7U))
		return "length";
	for (i = sizeof(head); i < head.len; i++)
		if (payload[i] != (unsigned char)(head.seq + i))
			return "bytes";
	memcpy(copy, payload, head.len);
	zero_crc = head;
	zero_crc.crc = 0;
	memcpy(copy, &zero_crc, sizeof(zero_crc));
	if (crc32_zlib(copy, head.len) != head.crc)
		return "crc";
	*seq = head.seq;
	*len = head.len;
	return NULL;
}

/*
 * 1000 ticks a second, payloads of 16 to 20 bytes in turn. Numbers rise by one,
 * lengths go round, and over the time between two looks at the clock no more than
 * 1000 a second came (and more than a few).
 */
TEST_F(source, generator)
{
	struct perf_event_attr attr = output_attr();
	uint64_t seq, expected = 0, from, to;
	struct perfring_stats stats;
	const char *wrong;
	uint32_t len;
	int size;

	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 1000;
	attr.config2 = 16 | 20 << 16;
	from = now_ns();
	start(_metadata, self, &attr, 16);
	sleep_ms(300);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	to = now_ns();
	while ((size = raw_next(&self->raw, self->buf)) > 0) {
		wrong = verify(self, size, &seq, &len);
		ASSERT_EQ(NULL, wrong) {
			TH_LOG("record %llu: %s", (unsigned long long)expected, wrong);
		}
		ASSERT_EQ(expected, seq);
		ASSERT_EQ(16 + expected % 5, len);
		expected++;
	}
	EXPECT_EQ(0, size);
	EXPECT_GE((to - from) / 1000000 + 1, expected);
	EXPECT_LT(10, expected);
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_EQ(expected, stats.written);
	/* Disabled: no more come. */
	sleep_ms(20);
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
}

/* Bursts of 50 at 500 a second into a page: gaps in the numbers are what LOST says. */
TEST_F(source, generator_gaps_are_lost)
{
	struct perf_event_attr attr = output_attr();
	uint64_t seq, next = 0, gaps = 0, lost = 0, seen = 0, begin;
	struct perfring_stats stats;
	uint32_t len;
	int size;

	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 500 | 50ULL << 32;
	attr.config2 = 16 | 400 << 16;
	start(_metadata, self, &attr, 1);
	begin = now_ns();
	for (;;) {
		size = raw_next(&self->raw, self->buf);
		ASSERT_LE(0, size);
		if (!size) {
			/* What was lost is told with the next tick, whenever that is. */
			if (now_ns() - begin >= (lost ? 300000000ULL : 20000000000ULL))
				break;
			/* Too slow on purpose. */
			sleep_ms(5);
			continue;
		}
		if (((struct perf_event_header *)self->buf)->type == PERF_RECORD_LOST) {
			lost += self->buf[2];
			continue;
		}
		ASSERT_EQ(NULL, verify(self, size, &seq, &len));
		ASSERT_LE(next, seq);
		gaps += seq - next;
		next = seq + 1;
		seen++;
	}
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_LT(0, lost);
	EXPECT_EQ(gaps, lost);
	while ((size = raw_next(&self->raw, self->buf)) > 0)
		seen += ((struct perf_event_header *)self->buf)->type == PERF_RECORD_SAMPLE;
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_TRUE(stats_balance(&stats));
	EXPECT_EQ(seen, stats.written);
}

/* Period 10: one record for ten events; the count says all. */
TEST_F(source, generator_period)
{
	struct perf_event_attr attr = output_attr();
	uint64_t count, n = 0;

	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 1000;
	attr.sample_period = 10;
	attr.sample_type = PERF_SAMPLE_CPU;
	start(_metadata, self, &attr, 1);
	sleep_ms(200);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	ASSERT_EQ((ssize_t)sizeof(count), read(self->fd, &count, sizeof(count)));
	while (raw_next(&self->raw, self->buf) == 16)
		n++;
	EXPECT_LT(10, count);
	EXPECT_EQ(count / 10, n);
	/* RESET: the count starts over, the next number too. */
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_RESET, NULL));
	ASSERT_EQ((ssize_t)sizeof(count), read(self->fd, &count, sizeof(count)));
	EXPECT_EQ(0, count);
}

/* Nothing ever comes from dummy. */
TEST_F(source, dummy)
{
	struct perf_event_attr attr = output_attr();

	attr.config = PERF_COUNT_SW_DUMMY;
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	sleep_ms(50);
	EXPECT_EQ(0, raw_head(&self->raw));
}

#define TRACEPOINT "/sys/kernel/tracing/events/sched/sched_switch/id"
#define MOST	4000

#define FIELD(member, text) { text, offsetof(struct perfring_sched_switch_payload, member), \
	sizeof(((struct perfring_sched_switch_payload *)0)->member) }

static const struct {
	const char *name;
	size_t at, size;
} switch_fields[] = {
	FIELD(prev_comm, "prev_comm[16]"), FIELD(prev_pid, "prev_pid"),
	FIELD(prev_prio, "prev_prio"), FIELD(prev_state, "prev_state"),
	FIELD(next_comm, "next_comm[16]"), FIELD(next_pid, "next_pid"),
	FIELD(next_prio, "next_prio"),
};

#define FIELDS	ARRAY_LEN(switch_fields)

/* perf's fields, each from its place, as our payload has them: prev_state is a long there. */
static void take_switch(struct perfring_sched_switch_payload *to, const char *from,
			const int *places)
{
	unsigned int i;
	long state;

	for (i = 0; i < FIELDS; i++)
		if (strcmp(switch_fields[i].name, "prev_state")) {
			memcpy((char *)to + switch_fields[i].at, from + places[i],
			       switch_fields[i].size);
		} else {
			memcpy(&state, from + places[i], sizeof(state));
			to->prev_state = state;
		}
}

/*
 * The same switches through both, CPU 0, all told: behind what every tracepoint of perf's
 * begins with the fields are the same. Events are enabled one after the
 * other, so the first and last few may be in one only: each of ours has to be
 * found in perf's, in order, without a gap.
 */
TEST_F(source, sched_switch_like_perf)
{
	static unsigned char ours[MOST][sizeof(struct perfring_sched_switch_payload)];
	static unsigned char perfs[MOST][sizeof(struct perfring_sched_switch_payload)]
		__attribute__((aligned(8)));
	struct perf_event_attr attr = output_attr(), tracepoint = output_attr();
	struct raw perf;
	int n[2] = {}, places[FIELDS], i, first, fd, size;
	char why[WHY_LEN];
	long id, left;

	if (!tracefs_here(why, sizeof(why)))
		SKIP(return, "%s", why);
	for (i = 0; i < (int)FIELDS; i++) {
		places[i] = tracefs_offset("sched/sched_switch", switch_fields[i].name);
		ASSERT_LE(8, places[i]);
	}
	id = file_long(TRACEPOINT, -1);
	ASSERT_LT(0, id);
	tracepoint.type = PERF_TYPE_TRACEPOINT;
	tracepoint.config = id;
	tracepoint.disabled = 1;
	/* A wakeup is a switch itself where a thread does it (PREEMPT_RT): none of them. */
	tracepoint.watermark = 1;
	tracepoint.wakeup_watermark = 1 << 30;
	attr.watermark = 1;
	attr.wakeup_watermark = 1 << 30;
	fd = perf_open(&tracepoint, -1, 0, -1);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, raw_map(&perf, fd, 128, 0));
	attr.config = PERFRING_SOURCE_SCHED_SWITCH;
	ASSERT_EQ(0, pin_to(0));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	start(_metadata, self, &attr, 128);
	/* A sleep that is over before it has begun is no switch. */
	for (left = times_away() + 50; times_away() < left;)
		sleep_ms(1);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL));
	while (n[0] < MOST && (size = raw_next(&self->raw, self->buf)) > 0) {
		ASSERT_EQ((12 + (int)sizeof(*ours) + 7) / 8 * 8, size);
		memcpy(ours[n[0]++], (char *)self->buf + 12, sizeof(*ours));
	}
	while (n[1] < MOST && (size = raw_next(&perf, self->buf)) > 0) {
		ASSERT_LE(12 + places[FIELDS - 1] + (int)sizeof(int), size);
		take_switch((void *)perfs[n[1]++], (char *)self->buf + 12, places);
	}
	raw_unmap(&perf);
	close(fd);
	/* Each is one away and one back. */
	EXPECT_LE(100, n[0]);
	for (first = 0; first < n[1]; first++) {
		if (!memcmp(ours[0], perfs[first], sizeof(*ours)) &&
		    n[0] <= n[1] - first &&
		    !memcmp(ours[n[0] - 1], perfs[first + n[0] - 1], sizeof(*ours)))
			break;
	}
	ASSERT_LT(first, n[1]) {
		TH_LOG("our %d records are not among perf's %d", n[0], n[1]);
	}
	for (i = 0; i < n[0]; i++) {
		ASSERT_EQ(0, memcmp(ours[i], perfs[first + i], sizeof(*ours))) {
			TH_LOG("record %d of %d", i, n[0]);
		}
	}
}

/*
 * The thread that wakes readers on PREEMPT_RT, kept busy by a generator, so that the switches
 * of CPU 0 are its own in part; a child makes others.
 */
struct busy {
	struct raw raw;
	pid_t child;
};

static void busy_begin(struct __test_metadata *_metadata, struct busy *busy)
{
	struct perf_event_attr attr = output_attr();
	unsigned int ms = 0;
	int fd;

	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = 1000;
	fd = device_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pin_to(0));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	busy->child = fork();
	if (!busy->child)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A switch away and one back, out of step with the generator. */
	while (!busy->child)
		sleep_ms(1 + ms++ % 7);
	ASSERT_LT(0, busy->child);
	/* Nobody consumes: a ring that overwrites goes on to wake. */
	ASSERT_EQ(0, raw_map(&busy->raw, fd, 1, PROT_READ));
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
}

static void busy_end(struct busy *busy)
{
	int fd = busy->raw.fd;

	kill(busy->child, SIGKILL);
	waitpid(busy->child, NULL, 0);
	raw_unmap(&busy->raw);
	close(fd);
}

/* The record that fills the ring passes the watermark, and wakes, whoever's switch it is. */
TEST_F(source, sched_switch_that_fills)
{
	const unsigned int each = (12 + sizeof(struct perfring_sched_switch_payload) + 7) / 8 * 8;
	struct perf_event_attr attr = output_attr();
	struct busy busy = {};
	uint64_t end;
	int round;

	busy_begin(_metadata, &busy);
	attr.config = PERFRING_SOURCE_SCHED_SWITCH;
	attr.watermark = 1;
	attr.wakeup_watermark = (PAGE - 1) / each * each - 1;
	attr.type = pmu_type();
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	for (round = 0; round < 40; round++) {
		ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
		ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
		/* poll(2) looks once more when its time is up, which is too late. */
		end = now_ns() + 5000000000ULL * slowness();
		ASSERT_EQ(POLLIN, poll_events(self->fd, 5000 * slowness()));
		ASSERT_GT(end, now_ns()) {
			TH_LOG("round %d", round);
		}
		ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
		ASSERT_EQ(each, ((struct perf_event_header *)self->raw.data)->size);
		raw_unmap(&self->raw);
	}
	busy_end(&busy);
}

/*
 * The last switch that REFRESH lets through hangs up, whoever's it is: no other comes after
 * it.  The signal is one that is queued.
 */
TEST_F(source, sched_switch_at_the_limit)
{
	struct timespec time = { .tv_sec = 5 * slowness() };
	struct perf_event_attr attr = output_attr();
	struct busy busy = {};
	siginfo_t info;
	sigset_t set;
	int round, sig;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	busy_begin(_metadata, &busy);
	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_SCHED_SWITCH;
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 8, PROT_READ));
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->fd, F_SETSIG, SIGRTMIN));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_RDWR | O_ASYNC));
	for (round = 0; round < 40; round++) {
		ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_REFRESH, 5 + round % 7));
		do {
			sig = sigtimedwait(&set, &info, &time);
			ASSERT_EQ(SIGRTMIN, sig) {
				TH_LOG("round %d", round);
			}
		} while (info.si_code != POLL_HUP);
	}
	busy_end(&busy);
}

DEVICE_MAIN
