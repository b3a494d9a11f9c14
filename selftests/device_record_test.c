// SPDX-License-Identifier: GPL-2.0
/*
 * The records of the device, byte by byte: each sample_type bit alone and all of
 * them, sample_id, LOST, misc and types of EMIT.  Read without the library.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define ALL_FIXED (PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |		\
		   PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_ID |		\
		   PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD)

#define KERNEL_CHAIN	((uint64_t)-128)	/* PERF_CONTEXT_KERNEL */

FIXTURE(record) {
	int fd;
	struct raw raw;
	uint64_t id;
	uint64_t buf[8192];
};

FIXTURE_SETUP(record)
{
	self->fd = -1;
}

FIXTURE_TEARDOWN(record)
{
	raw_unmap(&self->raw);
	if (self->fd >= 0)
		close(self->fd);
}

static void set_up(struct __test_metadata *_metadata, FIXTURE_DATA(record) *self,
		   struct perf_event_attr *attr, size_t pages)
{
	raw_unmap(&self->raw);
	if (self->fd >= 0)
		close(self->fd);
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, attr));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, pages, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_ID, &self->id));
}

static uint64_t pid_tid(void)
{
	return two_words(getpid(), syscall(SYS_gettid));
}

/*
 * Check a sample in self->buf of attr.sample_type @type and a payload of the
 * @len bytes 0, 1, 2...; the order of the fields is that of perf_event_open(2).
 * @before and @after: CLOCK_MONOTONIC or anything that bounds TIME.
 */
static void check_sample(struct __test_metadata *_metadata, FIXTURE_DATA(record) *self,
			 uint64_t type, int size, uint32_t len, uint64_t before, uint64_t after)
{
	const struct perf_event_header *header = (void *)self->buf;
	const uint64_t *field = self->buf + 1;
	uint32_t raw_size, i;
	uint64_t nr;

	EXPECT_EQ(PERF_RECORD_SAMPLE, header->type);
	EXPECT_EQ(PERF_RECORD_MISC_KERNEL, header->misc);
	EXPECT_EQ(size, header->size);
	if (type & PERF_SAMPLE_IDENTIFIER)
		EXPECT_EQ(self->id, *field++);
	if (type & PERF_SAMPLE_IP)
		EXPECT_LE(LOWEST_KERNEL, *field++);
	if (type & PERF_SAMPLE_TID)
		EXPECT_EQ(pid_tid(), *field++);
	if (type & PERF_SAMPLE_TIME) {
		EXPECT_LE(before, *field);
		EXPECT_GE(after, *field);
		field++;
	}
	if (type & PERF_SAMPLE_ADDR)
		EXPECT_EQ(0, *field++);
	if (type & PERF_SAMPLE_ID)
		EXPECT_EQ(self->id, *field++);
	if (type & PERF_SAMPLE_STREAM_ID)
		EXPECT_EQ(self->id, *field++);
	if (type & PERF_SAMPLE_CPU)
		EXPECT_EQ(0, *field++);		/* CPU 0, and 32 bits reserved */
	if (type & PERF_SAMPLE_PERIOD)
		EXPECT_EQ(0, *field++);		/* bpf_perf_event_output() has none either */
	if (type & PERF_SAMPLE_CALLCHAIN) {
		nr = *field++;
		ASSERT_LE(2, nr);
		ASSERT_GE(127 + 1, nr);
		EXPECT_EQ(KERNEL_CHAIN, field[0]);
		for (i = 1; i < nr; i++) {
			EXPECT_LE(LOWEST_KERNEL, field[i]);
		}
		field += nr;
	}
	if (type & PERF_SAMPLE_RAW) {
		memcpy(&raw_size, field, 4);
		EXPECT_EQ((4 + len + 7) / 8 * 8 - 4, raw_size);
		for (i = 0; i < len; i++)
			if (((unsigned char *)field)[4 + i] != (i & 0xff))
				break;
		EXPECT_EQ(len, i);
		field += (4 + raw_size) / 8;
	}
	/* Nothing is left, nothing is missing. */
	EXPECT_EQ(size, (int)((char *)field - (char *)self->buf));
}

static uint64_t mono(void)
{
	return now_ns();
}

/* Each bit alone, then with RAW, then all at once; TIME by CLOCK_MONOTONIC. */
TEST_F(record, sample_types)
{
	struct perf_event_attr attr;
	uint64_t before, type;
	int bit, size, step;

	for (bit = 0; bit <= 17; bit++) {
		for (step = 0; step < 2; step++) {
			type = bit == 17 ? ALL_FIXED | PERF_SAMPLE_CALLCHAIN : 1ULL << bit;
			if (!(type & (ALL_FIXED | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_RAW)))
				continue;
			if (step)
				type |= PERF_SAMPLE_RAW;
			attr = output_attr();
			attr.sample_type = type;
			attr.exclude_callchain_user = 1;
			attr.use_clockid = 1;
			attr.clockid = CLOCK_MONOTONIC;
			set_up(_metadata, self, &attr, 1);
			before = mono();
			ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL,
					  type & PERF_SAMPLE_RAW ? 21 : 0, 1, NULL));
			size = raw_next(&self->raw, self->buf);
			ASSERT_LT(0, size) {
				TH_LOG("sample_type %#llx", (unsigned long long)type);
			}
			check_sample(_metadata, self, type, size, 21, before, mono());
		}
	}
}

/* IDENTIFIER is bit 16; both kinds of write(2) and EMIT give the same. */
TEST_F(record, write_and_emit_alike)
{
	unsigned char payload[21];
	struct perf_event_attr attr = output_attr();
	unsigned int i;

	for (i = 0; i < sizeof(payload); i++)
		payload[i] = i;
	attr.sample_type |= PERF_SAMPLE_TID | PERF_SAMPLE_CPU | PERF_SAMPLE_ID;
	set_up(_metadata, self, &attr, 1);
	ASSERT_EQ((ssize_t)sizeof(payload), write(self->fd, payload, sizeof(payload)));
	ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, payload, sizeof(payload), 1, NULL));
	for (i = 0; i < 2; i++) {
		/* 8, TID, ID, CPU, 4 + 21 and 7 more */
		ASSERT_EQ(8 + 3 * 8 + 32, raw_next(&self->raw, self->buf));
		check_sample(_metadata, self, attr.sample_type, 64, sizeof(payload), 0, 0);
	}
}

/*
 * perf's own clock: TIME lies between two samples of a perf event that is hit
 * before and after, on the same CPU.
 */
TEST_F(record, time_is_perfs)
{
	struct perf_event_attr attr = output_attr(), clock = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CONTEXT_SWITCHES,
		.size = sizeof(clock), .sample_type = PERF_SAMPLE_TIME, .sample_period = 1,
	};
	uint64_t time[3], buf[1024], end;
	struct raw perf;
	int fd, i, size;

	ASSERT_EQ(0, pin_to(0));
	attr.sample_type |= PERF_SAMPLE_TIME;
	set_up(_metadata, self, &attr, 1);
	fd = perf_open(&clock, -1, 0, -1);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, raw_map(&perf, fd, 8, 0));
	for (i = 0; i < 3; i++) {
		if (i == 1) {
			ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 4, 1, NULL));
			ASSERT_LT(0, raw_next(&self->raw, self->buf));
			time[i] = self->buf[1];
			continue;
		}
		raw_drop(&perf);
		/* Sleeping is a context switch on this CPU, unless the time is over before. */
		end = now_ns() + 1000000000;
		do {
			size = raw_next(&perf, buf);
			ASSERT_LE(0, size);
			if (!size)
				sleep_ms(2);
			ASSERT_GT(end, now_ns());
		} while (!size || ((struct perf_event_header *)buf)->type != PERF_RECORD_SAMPLE);
		time[i] = buf[1];
	}
	EXPECT_LE(time[0], time[1]);
	EXPECT_LE(time[1], time[2]);
	raw_unmap(&perf);
	close(fd);
}

/* Each clock: TIME lies between two readings of it. */
TEST_F(record, clocks)
{
	static const int clocks[] = {
		CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI,
	};
	struct perf_event_attr attr = output_attr();
	struct timespec before, after;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(clocks); i++) {
		attr.sample_type = PERF_SAMPLE_TIME;
		attr.use_clockid = 1;
		attr.clockid = clocks[i];
		set_up(_metadata, self, &attr, 1);
		clock_gettime(clocks[i], &before);
		ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 0, 1, NULL));
		clock_gettime(clocks[i], &after);
		ASSERT_EQ(16, raw_next(&self->raw, self->buf));
		EXPECT_LE(before.tv_sec * 1000000000ULL + before.tv_nsec, self->buf[1]) {
			TH_LOG("clock %d", clocks[i]);
		}
		EXPECT_GE(after.tv_sec * 1000000000ULL + after.tv_nsec, self->buf[1]) {
			TH_LOG("clock %d", clocks[i]);
		}
	}
}

/* Time does not go back from one record to the next. */
TEST_F(record, time_is_monotonic)
{
	struct perf_event_attr attr = output_attr();
	uint64_t last = 0;
	int n = 0;

	attr.sample_type = PERF_SAMPLE_TIME;
	set_up(_metadata, self, &attr, 8);
	ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 0, 1000, NULL));
	while (raw_next(&self->raw, self->buf) == 16) {
		EXPECT_LE(last, self->buf[1]);
		last = self->buf[1];
		n++;
	}
	EXPECT_EQ(1000, n);
}

/*
 * sample_id after other records: TID, TIME, ID, STREAM_ID, CPU, IDENTIFIER, and
 * on LOST.  Records of type 77 with 8 bytes of payload and
 * sample_id are 16 + 48 = 64, so 63 fit a page of 4096 and the next is lost. Then
 * 10 more. The LOST record says 11.
 */
TEST_F(record, sample_id)
{
	struct perf_event_attr attr = output_attr();
	const unsigned int fit = FIT(64);
	uint64_t last_time = 0;
	uint64_t *id;
	struct perf_event_header *header = (void *)self->buf;
	struct perfring_emit result;
	int i;

	attr.sample_type |= ALL_FIXED;
	attr.sample_id_all = 1;
	set_up(_metadata, self, &attr, 1);
	ASSERT_EQ(0, emit(self->fd, 77, 5, NULL, 8, fit + 11, &result));
	EXPECT_EQ(fit, result.written);
	EXPECT_EQ(11, result.lost);
	for (i = 0; i < (int)fit; i++) {
		ASSERT_EQ(64, raw_next(&self->raw, self->buf));
	}
	EXPECT_EQ(0, raw_next(&self->raw, self->buf));
	EXPECT_EQ(5, header->misc);
	EXPECT_EQ(ZERO_TO_SEVEN, self->buf[1]);
	ASSERT_EQ(0, emit(self->fd, 77, 5, NULL, 8, 1, NULL));
	ASSERT_EQ(24 + 48, raw_next(&self->raw, self->buf));
	EXPECT_EQ(PERF_RECORD_LOST, header->type);
	EXPECT_EQ(0, header->misc);
	EXPECT_EQ(self->id, self->buf[1]);
	EXPECT_EQ(11, self->buf[2]);
	for (i = 0; i < 2; i++) {
		id = self->buf + (i ? 2 : 3);
		EXPECT_EQ(pid_tid(), id[0]);
		EXPECT_LE(last_time, id[1]);
		last_time = id[1];
		EXPECT_EQ(self->id, id[2]);
		EXPECT_EQ(self->id, id[3]);
		EXPECT_EQ(0, id[4]);
		EXPECT_EQ(self->id, id[5]);
		if (!i)
			ASSERT_EQ(64, raw_next(&self->raw, self->buf));
	}
}

/* Each bit of sample_id alone is 8 bytes, the fields that only samples have none. */
TEST_F(record, sample_id_bits)
{
	const uint64_t in_id = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID |
			       PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER;
	struct perf_event_attr attr;
	int bit;

	for (bit = 0; bit < 17; bit++) {
		if (!(ALL_FIXED >> bit & 1))
			continue;
		attr = output_attr();
		attr.sample_type = 1ULL << bit;
		attr.sample_id_all = 1;
		set_up(_metadata, self, &attr, 1);
		ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 1, NULL));
		EXPECT_EQ(in_id >> bit & 1 ? 24 : 16, raw_next(&self->raw, self->buf)) {
			TH_LOG("bit %d", bit);
		}
		/* Without sample_id_all there is none. */
		attr.sample_id_all = 0;
		set_up(_metadata, self, &attr, 1);
		ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 1, NULL));
		EXPECT_EQ(16, raw_next(&self->raw, self->buf));
	}
}

/* misc is or'ed in; types known and unknown are header, payload, zeroes. */
TEST_F(record, types_and_misc)
{
	static const uint32_t types[] = { 1, PERF_RECORD_THROTTLE, PERF_RECORD_LOST_SAMPLES,
					  18, 77, 0x7fffffff, UINT32_MAX };
	struct perf_event_attr attr = output_attr();
	struct perf_event_header *header = (void *)self->buf;
	unsigned int i, len;
	char zero[8] = {};

	set_up(_metadata, self, &attr, 4);
	for (i = 0; i < ARRAY_LEN(types); i++) {
		for (len = 0; len <= 17; len++) {
			ASSERT_EQ(0, emit(self->fd, types[i], 0x8001, NULL, len, 1, NULL));
			ASSERT_EQ(8 + ((int)len + 7) / 8 * 8, raw_next(&self->raw, self->buf));
			EXPECT_EQ(types[i], header->type);
			EXPECT_EQ(0x8001, header->misc);
			EXPECT_EQ(0, memcmp((char *)self->buf + 8 + len, zero, -len & 7));
		}
	}
	ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0x4000, NULL, 4, 1, NULL));
	ASSERT_EQ(16, raw_next(&self->raw, self->buf));
	EXPECT_EQ(PERF_RECORD_MISC_KERNEL | 0x4000, header->misc);
}

/* sample_max_stack bounds the chain (the marker is not counted); no kernel part: empty. */
TEST_F(record, callchain_depth)
{
	struct perf_event_attr attr = output_attr();
	uint16_t depth;

	for (depth = 1; depth <= 3; depth++) {
		attr.sample_type = PERF_SAMPLE_CALLCHAIN;
		attr.exclude_callchain_user = 1;
		attr.sample_max_stack = depth;
		set_up(_metadata, self, &attr, 1);
		/* From the own CPU: write(2) itself is some frames deep. */
		ASSERT_EQ(0, pin_to(0));
		ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 0, 1, NULL));
		EXPECT_EQ(8 + 8 + 8 + 8 * depth, raw_next(&self->raw, self->buf));
		EXPECT_EQ(1 + depth, self->buf[1]);
	}
	attr.exclude_callchain_kernel = 1;
	set_up(_metadata, self, &attr, 1);
	ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 0, 1, NULL));
	EXPECT_EQ(16, raw_next(&self->raw, self->buf));
	EXPECT_EQ(0, self->buf[1]);
}

/*
 * The chain begins with the caller of the writer, a function of the module that is
 * not one of the writer's own: what is above it would be the same in every record.
 */
TEST_F(record, callchain_begins_with_the_caller)
{
	struct perf_event_attr attr = output_attr();
	unsigned long long address, best = 0;
	char line[512], name[256], module[64], found[256] = "";
	FILE *symbols;

	attr.sample_type = PERF_SAMPLE_CALLCHAIN;
	attr.exclude_callchain_user = 1;
	set_up(_metadata, self, &attr, 1);
	ASSERT_EQ(0, pin_to(0));
	ASSERT_EQ(0, emit(self->fd, PERF_RECORD_SAMPLE, 0, NULL, 0, 1, NULL));
	ASSERT_LT(0, raw_next(&self->raw, self->buf));
	ASSERT_LE(2, self->buf[1]);
	EXPECT_EQ((uint64_t)PERF_CONTEXT_KERNEL, self->buf[2]);
	symbols = fopen("/proc/kallsyms", "r");
	ASSERT_NE(NULL, symbols);
	while (fgets(line, sizeof(line), symbols))
		if (sscanf(line, "%llx %*c %255s [%63[^]]]", &address, name, module) == 3 &&
		    !strcmp(module, "perfring") && address <= self->buf[3] && address > best) {
			best = address;
			strcpy(found, name);
		}
	fclose(symbols);
	/* EMIT comes to the writer through the one that visits a CPU. */
	EXPECT_EQ(0, strncmp(found, "perfring_visit", strlen("perfring_visit"))) {
		TH_LOG("it begins with %s", found);
	}
}

/* A writer on another CPU is carried to the event's: CPU is 0, TID the writer's. */
TEST_F(record, from_another_cpu)
{
	struct perf_event_attr attr = output_attr();

	if (second_cpu() < 0)
		SKIP(return, "one CPU online, two are needed");
	ASSERT_EQ(0, pin_to(second_cpu()));
	attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_CPU;
	set_up(_metadata, self, &attr, 1);
	ASSERT_EQ(0, write(self->fd, "", 0));
	ASSERT_EQ(24, raw_next(&self->raw, self->buf));
	check_sample(_metadata, self, attr.sample_type, 24, 0, 0, 0);
}

DEVICE_MAIN
