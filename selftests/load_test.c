// SPDX-License-Identifier: GPL-2.0
/*
 * A load that lasts: on each CPU a generator writes from its timer's interrupt, and a task
 * emits, so many numbered records a second each. What is read and what LOST tells are,
 * at each record, as many as were attempted before it; each second the sums are asked for.
 * One second of five nobody reads, so that there is something to lose.
 *
 * PERFRING_LOAD_SECONDS= how long (2), PERFRING_LOAD_RATE= records a second (2000), of which
 * PERFRING_LOAD_SHARE= per cent have to be held (0), read or told as lost, and more of them
 * read than lost. What has come to pass is told each minute.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define PAGES		8
#define SHORTEST	16
#define LONGEST		200
#define SECOND		1000000000ULL

/* One ring: even ones are generators', odd ones tasks', two for each CPU. */
struct load {
	struct raw raw;
	int cpu;
	uint64_t seen, told;		/* records, and lost ones */
	uint64_t rate;
	pthread_t thread;
	uint64_t emitted;
	int error;
};

static bool stop;

static int open_load(struct load *l, bool generator)
{
	struct perf_event_attr attr = output_attr();
	int fd, ret;

	if (generator) {
		attr.type = pmu_type();
		attr.config = PERFRING_SOURCE_GENERATOR;
		attr.config1 = l->rate;
		attr.config2 = SHORTEST | LONGEST << 16;
	}
	attr.watermark = 1;
	attr.wakeup_watermark = 4096;
	fd = event_into(-1, l->cpu, &attr);
	if (fd < 0)
		return fd;
	ret = raw_map(&l->raw, fd, PAGES, 0);
	return ret ?: do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
}

/* The payload of the generator, also from a task. */
static void *emit_on(void *arg)
{
	struct {
		struct perfring_generator_payload head;
		unsigned char bytes[LONGEST - SHORTEST];
	} payload;
	struct load *l = arg;
	uint64_t begin = now_ns(), due;
	unsigned int i;

	pin_to(l->cpu);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED) && !l->error) {
		due = (now_ns() - begin) / 1000 * l->rate / 1000000;
		for (; l->emitted < due && !l->error; l->emitted++) {
			payload.head.seq = l->emitted;
			payload.head.len = SHORTEST + l->emitted % (LONGEST - SHORTEST + 1);
			payload.head.crc = 0;
			for (i = SHORTEST; i < payload.head.len; i++)
				payload.bytes[i - SHORTEST] = l->emitted + i;
			payload.head.crc = crc32_zlib(&payload, payload.head.len);
			l->error = emit(l->raw.fd, PERF_RECORD_SAMPLE, 0, &payload,
					payload.head.len, 1, NULL);
		}
		sleep_ms(10);
	}
	return NULL;
}

/* What is there is right, and no number is missing that was not told as lost. */
static void drain(struct __test_metadata *_metadata, struct load *l)
{
	static unsigned char buf[65536];
	struct perfring_generator_payload payload;
	uint64_t words[3], head = raw_head(&l->raw);
	uint32_t crc;
	int size = 0;

	/* No more: they may write faster than this reads. */
	while (l->raw.tail < head && (size = raw_next(&l->raw, buf)) > 0) {
		memcpy(words, buf, sizeof(words));
		if (type_of(words) == PERF_RECORD_LOST) {
			l->told += words[2];
			continue;
		}
		ASSERT_EQ(PERF_RECORD_SAMPLE, type_of(words));
		memcpy(&payload, buf + 12, sizeof(payload));
		ASSERT_EQ(l->seen + l->told, payload.seq);
		ASSERT_EQ(SHORTEST + payload.seq % (LONGEST - SHORTEST + 1), payload.len);
		crc = payload.crc;
		memset(buf + 12 + offsetof(struct perfring_generator_payload, crc), 0, sizeof(crc));
		ASSERT_EQ(crc, crc32_zlib(buf + 12, payload.len));
		l->seen++;
	}
	ASSERT_LE(0, size);
}

/* What was there before is read by now, but for what was not published; what is read was there. */
static void account(struct __test_metadata *_metadata, struct load *l)
{
	struct perfring_stats before, after;

	ASSERT_EQ(0, device_stats(l->raw.fd, &before));
	drain(_metadata, l);
	ASSERT_EQ(0, device_stats(l->raw.fd, &after));
	ASSERT_TRUE(stats_balance(&before));
	ASSERT_TRUE(stats_balance(&after));
	ASSERT_LE(before.written, l->seen + 1);
	ASSERT_LE(l->seen, after.written);
	ASSERT_LE(l->told, after.lost_full);
	ASSERT_LE(l->seen + l->told, after.attempted);
	ASSERT_EQ(0, after.lost_paused + after.rejected + after.discarded);
}

/* When nobody writes, what was attempted has been read, or lost, and then one more tells. */
static void settle(struct __test_metadata *_metadata, struct load *l)
{
	struct perfring_generator_payload payload = { 0 };
	unsigned char bytes[LONGEST] = { 0 };
	struct perfring_stats stats;
	int fd;

	account(_metadata, l);
	ASSERT_EQ(0, device_stats(l->raw.fd, &stats));
	EXPECT_EQ(stats.written, l->seen);
	EXPECT_EQ(stats.attempted, l->seen + stats.lost_full);
	fd = event_into(l->raw.fd, l->cpu, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	payload.seq = stats.attempted;
	payload.len = SHORTEST + payload.seq % (LONGEST - SHORTEST + 1);
	memcpy(bytes, &payload, sizeof(payload));
	payload.crc = crc32_zlib(bytes, payload.len);
	memcpy(bytes, &payload, sizeof(payload));
	ASSERT_EQ(0, emit(fd, PERF_RECORD_SAMPLE, 0, bytes, payload.len, 1, NULL));
	drain(_metadata, l);
	close(fd);
	EXPECT_EQ(stats.lost_full, l->told);
	EXPECT_EQ(stats.written + 1, l->seen);
}

FIXTURE(load) {
	struct load *load;
	int n;
};

FIXTURE_SETUP(load)
{
	self->n = 2 * cpu_count_online();
	self->load = calloc(self->n, sizeof(*self->load));
	ASSERT_NE(NULL, self->load);
}

FIXTURE_TEARDOWN(load)
{
	free(self->load);
}

/* What has been held by both writers of all CPUs. */
struct held {
	unsigned long long seen, told;
};

static struct held tell(struct __test_metadata *_metadata, FIXTURE_DATA(load) *self,
			uint64_t begin)
{
	double seconds = (double)(now_ns() - begin) / SECOND;
	struct held held = {};
	int i;

	for (i = 0; i < self->n; i++) {
		held.seen += self->load[i].seen;
		held.told += self->load[i].told;
	}
	TH_LOG("%.0f s: %llu records read, %llu lost, %.0f a second of %llu", seconds, held.seen,
	       held.told, (double)(held.seen + held.told) / seconds,
	       (unsigned long long)(self->n * self->load[0].rate));
	return held;
}

TEST_F_TIMEOUT(load, adds_up_each_second, DAY)
{
	uint64_t seconds = from_environment("PERFRING_LOAD_SECONDS", 2), second, begin;
	uint64_t rate = from_environment("PERFRING_LOAD_RATE", 2000), at;
	uint64_t share = from_environment("PERFRING_LOAD_SHARE", 0);
	struct load *l = self->load;
	struct held held = {};
	int i;

	for (i = 0; i < self->n; i++) {
		l[i].cpu = i / 2;
		l[i].rate = rate;
		ASSERT_EQ(0, open_load(&l[i], !(i & 1)));
		if (i & 1)
			ASSERT_EQ(0, pthread_create(&l[i].thread, NULL, emit_on, &l[i]));
	}
	begin = now_ns();
	for (second = 1; second <= seconds; second++) {
		at = begin + second * SECOND;
		while (now_ns() < at) {
			for (i = 0; i < self->n && second % 5 != 2; i++)
				drain(_metadata, &l[i]);
			sleep_ms(20);
		}
		for (i = 0; i < self->n; i++)
			account(_metadata, &l[i]);
		if (second % 60 == 0 || second == seconds)
			held = tell(_metadata, self, begin);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	EXPECT_LE(share * rate * self->n * seconds / 100, held.seen + held.told);
	EXPECT_TRUE(!share || held.seen > held.told);
	for (i = 0; i < self->n; i++) {
		if (i & 1) {
			pthread_join(l[i].thread, NULL);
			EXPECT_EQ(0, l[i].error);
		}
		ASSERT_EQ(0, do_ioctl(l[i].raw.fd, PERF_EVENT_IOC_DISABLE, NULL));
		EXPECT_LT(0, l[i].seen);
		settle(_metadata, &l[i]);
		raw_unmap(&l[i].raw);
		close(l[i].raw.fd);
	}
	for (i = 0; i < self->n; i += 2) {
		EXPECT_EQ(device_counter(l[i].cpu, "attempted"),
			  device_counter(l[i].cpu, "written") +
			  device_counter(l[i].cpu, "lost_full") +
			  device_counter(l[i].cpu, "lost_paused") +
			  device_counter(l[i].cpu, "rejected") +
			  device_counter(l[i].cpu, "discarded"));
	}
}

DEVICE_MAIN
