// SPDX-License-Identifier: GPL-2.0
/*
 * A reader that scribbles: threads write to every word of control pages as fast as they
 * can, values of chance and values that hurt, while writers of all kinds write to those
 * rings. Somebody else's rings on the same CPU get each record that they are due, the
 * scribblers' own sums hold, and when it is over their rings are as good as new.
 *
 * PERFRING_SCRIBBLE_SECONDS= how long (2), PERFRING_SCRIBBLE_SEED= which values (1).
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define RATE		2000
#define SCRIBBLERS	2
#define WRITERS		2
#define WORDS		(4096 / 8)	/* those of the smallest page */

enum { FORWARD, BACKWARD, GENERATOR, TRACE, VICTIMS };

static const char *const names[] = { "forward", "backward", "generator", "sched_switch" };

FIXTURE(scribble) {
	struct raw victim[VICTIMS];
	struct raw exact, counted;	/* who has nothing to do with it */
	uint64_t emitted;		/* into exact */
	uint64_t seen, lost;		/* of counted */
	uint64_t head[VICTIMS];
	unsigned char buf[65536];
};

struct scribbler {
	FIXTURE_DATA(scribble) *self;
	uint64_t state;
	int cpu;
	bool *stop;
	uint64_t writes;
};

static struct perf_event_attr attr_of(int victim)
{
	struct perf_event_attr attr = output_attr();

	attr.write_backward = victim == BACKWARD;
	if (victim == GENERATOR) {
		attr.type = pmu_type();
		attr.config = PERFRING_SOURCE_GENERATOR;
		attr.config1 = RATE | 2ULL << 32;
		attr.config2 = 16 | 1200 << 16;
		attr.watermark = 1;
		attr.wakeup_watermark = 1000;
	} else if (victim == TRACE) {
		attr.type = pmu_type();
		attr.config = PERFRING_SOURCE_SCHED_SWITCH;
		/* Each wakeup is one more. */
		attr.wakeup_events = 0;
		attr.watermark = 1;
		attr.wakeup_watermark = UINT32_MAX;
	}
	return attr;
}

/* An enabled event of CPU 0 with a ring. */
static int start(struct raw *raw, struct perf_event_attr attr, size_t pages)
{
	int fd = event_into(-1, 0, &attr), ret;

	if (fd < 0)
		return fd;
	ret = raw_map(raw, fd, pages, 0);
	return ret ?: do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
}

FIXTURE_SETUP(scribble)
{
	struct perf_event_attr attr = output_attr();
	int i;

	if (geteuid())
		SKIP(return, "uid %d: no permission to hear of task switches", geteuid());
	for (i = 0; i < VICTIMS; i++) {
		ASSERT_EQ(0, start(&self->victim[i], attr_of(i), 1 << i % 3)) {
			TH_LOG("%s", names[i]);
		}
	}
	ASSERT_EQ(0, start(&self->exact, attr, 1));
	attr.type = pmu_type();
	attr.config = PERFRING_SOURCE_GENERATOR;
	attr.config1 = RATE;
	ASSERT_EQ(0, start(&self->counted, attr, 32));
}

static void end(struct raw *raw)
{
	raw_unmap(raw);
	close(raw->fd);
}

FIXTURE_TEARDOWN(scribble)
{
	int i;

	for (i = 0; i < VICTIMS; i++)
		end(&self->victim[i]);
	end(&self->exact);
	end(&self->counted);
	EXPECT_EQ(device_counter(0, "attempted"),
		  device_counter(0, "written") + device_counter(0, "lost_full") +
		  device_counter(0, "lost_paused") + device_counter(0, "rejected") +
		  device_counter(0, "discarded"));
}

static uint64_t chance(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 16 ^ *state << 24;
}

/* What a writer that believed it would trip over. */
static uint64_t hostile(const struct raw *raw, uint64_t x)
{
	uint64_t head = raw_head(raw);

	switch (x >> 8 & 15) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return 1ULL << (x & 63);
	case 3:
		return (1ULL << (x & 63)) - 1;
	case 4:
		return head + (x & 15);
	case 5:
		return head - (x & 15);
	case 6:
		return head + raw->size;
	case 7:
		return head - raw->size - (x & 8);
	case 8:
		return raw->size << (x & 3);
	case 9:
		return head ^ 1ULL << (x & 63);
	case 10:
	case 11:
		return head;	/* now and then it goes on */
	default:
		return x * x;
	}
}

static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	unsigned int i;

	pin_to(s->cpu);
	while (!__atomic_load_n(s->stop, __ATOMIC_RELAXED))
		for (i = 0; i < VICTIMS; i++) {
			const struct raw *raw = &s->self->victim[i];
			uint64_t x = chance(&s->state), *word = (uint64_t *)raw->page;

			word += x & 1 ? x >> 1 & (WORDS - 1) :
				x & 2 ? offsetof(struct perf_event_mmap_page, data_head) / 8 :
					offsetof(struct perf_event_mmap_page, data_tail) / 8;
			__atomic_store_n(word, hostile(raw, chance(&s->state)), __ATOMIC_RELAXED);
			s->writes++;
		}
	return NULL;
}

/* Into both rings that write(2) and EMIT fill, of any length up to more than the ring. */
static void *write_on(void *arg)
{
	struct scribbler *s = arg;
	static const char bytes[600];
	uint64_t x;
	int fd;

	pin_to(s->cpu);
	while (!__atomic_load_n(s->stop, __ATOMIC_RELAXED)) {
		x = chance(&s->state);
		fd = s->self->victim[x & 1 ? FORWARD : BACKWARD].fd;
		if (x & 2)
			emit(fd, x & 4 ? PERF_RECORD_SAMPLE : 77, 0, bytes, x >> 8 & 511,
			     1 + (x >> 20 & 15), NULL);
		else if (x & 8)
			write(fd, bytes, x >> 8 & 511);
		else if (!reserve(fd, 77, bytes, x >> 8 & 511, 0, NULL))
			release(fd, x & 16);
	}
	return NULL;
}

/* A numbered record, and back at once: nothing else is there, and it woke. */
static void exactly_one(struct __test_metadata *_metadata, FIXTURE_DATA(scribble) *self)
{
	struct perfring_emit result;
	uint64_t number = self->emitted++;

	ASSERT_EQ(0, emit(self->exact.fd, PERF_RECORD_SAMPLE, 0, &number, sizeof(number), 1,
			  &result));
	ASSERT_EQ(1, result.written);
	ASSERT_EQ(POLLIN, poll_events(self->exact.fd, 0));
	/* Header, size of RAW, the number, and 4 bytes to a multiple of 8. */
	ASSERT_EQ(8 + 4 + 8 + 4, raw_next(&self->exact, self->buf));
	ASSERT_EQ(0, memcmp(self->buf + 12, &number, sizeof(number)));
	ASSERT_EQ(0, raw_next(&self->exact, self->buf));
}

/* Every number of the generator's has been read, or told as lost. */
static void drain(struct __test_metadata *_metadata, FIXTURE_DATA(scribble) *self)
{
	struct perfring_generator_payload payload;
	uint64_t words[3];
	int size;

	while ((size = raw_next(&self->counted, self->buf)) > 0) {
		memcpy(words, self->buf, sizeof(words));
		if (type_of(self->buf) == PERF_RECORD_LOST) {
			self->lost += words[2];
			continue;
		}
		memcpy(&payload, self->buf + 12, sizeof(payload));
		ASSERT_EQ(self->seen + self->lost, payload.seq);
		ASSERT_EQ(16, payload.len);
		self->seen++;
	}
	ASSERT_EQ(0, size);
}

/* The sums hold, and the head that the kernel keeps goes its way. */
static void look(struct __test_metadata *_metadata, FIXTURE_DATA(scribble) *self, int victim)
{
	struct perfring_stats stats;
	int64_t gone;

	ASSERT_EQ(0, device_stats(self->victim[victim].fd, &stats));
	ASSERT_TRUE(stats_balance(&stats));
	ASSERT_EQ(0, stats.head % 8);
	ASSERT_EQ(self->victim[victim].size, stats.data_size);
	gone = (long)(stats.head - self->head[victim]);
	/* But for a DISCARD, which takes back what it had reserved, of less than 600 bytes. */
	ASSERT_LE(-600, victim == BACKWARD ? -gone : gone) {
		TH_LOG("%s", names[victim]);
	}
	self->head[victim] = stats.head;
}

/* Its owner comes to his senses: what is written next is where the head was, and is right. */
static void recovers(struct __test_metadata *_metadata, FIXTURE_DATA(scribble) *self, int victim)
{
	struct perf_event_header *header = (void *)self->buf;
	struct raw *raw = &self->victim[victim];
	struct perf_event_attr attr = output_attr();
	uint64_t number = 4711, at, end, i;
	struct perfring_stats stats;
	int fd;

	ASSERT_EQ(0, do_ioctl(raw->fd, PERF_EVENT_IOC_DISABLE, NULL));
	ASSERT_EQ(0, device_stats(raw->fd, &stats));
	at = stats.head;
	__atomic_store_n(&raw->page->data_tail, at, __ATOMIC_RELEASE);
	attr.write_backward = victim == BACKWARD;
	fd = event_into(raw->fd, 0, &attr);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, emit(fd, 77, 0, &number, sizeof(number), 1, NULL));
	close(fd);
	end = raw_head(raw);
	if (victim == BACKWARD) {
		end = at;
		at = raw_head(raw);
	}
	/* A long may begin again at 0 in between. */
	end = at + (unsigned long)(end - at);
	/* 16 bytes, and 24 before them if something was lost. */
	EXPECT_TRUE(end - at == 16 || end - at == 24 + 16) {
		TH_LOG("%s: %llu", names[victim], (unsigned long long)(end - at));
	}
	for (i = 0; i < end - at && i < sizeof(self->buf); i++)
		self->buf[i] = raw->data[(at + i) & (raw->size - 1)];
	if (end - at > 16) {
		EXPECT_EQ(PERF_RECORD_LOST, header->type);
		EXPECT_EQ(24, header->size);
		header += 3;
	}
	EXPECT_EQ(77, header->type);
	EXPECT_EQ(16, header->size);
	EXPECT_EQ(0, memcmp(header + 1, &number, sizeof(number)));
}

TEST_F_TIMEOUT(scribble, others_do_not_notice, DAY)
{
	uint64_t seconds = from_environment("PERFRING_SCRIBBLE_SECONDS", 2), told = now_ns();
	uint64_t seed = from_environment("PERFRING_SCRIBBLE_SEED", 1), writes = 0;
	uint64_t until = now_ns() + seconds * 1000000000ULL;
	struct scribbler threads[SCRIBBLERS + WRITERS];
	pthread_t thread[SCRIBBLERS + WRITERS];
	int i, other = second_cpu() < 0 ? 0 : second_cpu();
	struct perfring_stats stats;
	bool stop = false;

	for (i = 0; i < SCRIBBLERS + WRITERS; i++) {
		threads[i] = (struct scribbler) {
			.self = self, .state = seed * 100 + i, .cpu = i & 1 ? other : 0,
			.stop = &stop,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, i < SCRIBBLERS ? scribble : write_on,
					    &threads[i]));
	}
	/* A busy machine gets half a minute for the generator's first records. */
	while (now_ns() < until ||
	       (self->seen < 100 && now_ns() < until + slowness() * 30000000000ULL)) {
		exactly_one(_metadata, self);
		drain(_metadata, self);
		for (i = 0; i < VICTIMS; i++)
			look(_metadata, self, i);
		/* The runner of a long one wants to hear that it goes on. */
		if (now_ns() - told > 10000000000ULL) {
			told = now_ns();
			TH_LOG("%llu records are right", (unsigned long long)self->emitted);
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < SCRIBBLERS + WRITERS; i++) {
		pthread_join(thread[i], NULL);
		writes += threads[i].writes;
	}
	exactly_one(_metadata, self);
	EXPECT_LE(100, self->seen);

	ASSERT_EQ(0, do_ioctl(self->counted.fd, PERF_EVENT_IOC_DISABLE, NULL));
	drain(_metadata, self);
	ASSERT_EQ(0, device_stats(self->counted.fd, &stats));
	EXPECT_TRUE(stats_balance(&stats));
	EXPECT_EQ(self->seen, stats.written);
	/* What was lost last is not told yet. */
	EXPECT_LE(self->lost, stats.lost_full);
	EXPECT_EQ(stats.attempted, self->seen + stats.lost_full);
	ASSERT_EQ(0, device_stats(self->exact.fd, &stats));
	EXPECT_TRUE(stats_balance(&stats));
	EXPECT_EQ(self->emitted, stats.written);
	EXPECT_EQ(self->emitted, stats.attempted);
	for (i = 0; i < VICTIMS; i++) {
		ASSERT_EQ(0, device_stats(self->victim[i].fd, &stats));
		/* They were written to, and for the most part full, or so it seemed. */
		EXPECT_LT(0, stats.written) {
			TH_LOG("%s", names[i]);
		}
		TH_LOG("%s: %llu written, %llu lost", names[i], (unsigned long long)stats.written,
		       (unsigned long long)stats.lost_full);
		recovers(_metadata, self, i);
	}
	TH_LOG("%llu words scribbled, %llu and %llu records are right, %llu lost",
	       (unsigned long long)writes, (unsigned long long)self->emitted,
	       (unsigned long long)self->seen, (unsigned long long)self->lost);
}

DEVICE_MAIN
