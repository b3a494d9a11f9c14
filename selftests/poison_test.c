// SPDX-License-Identifier: GPL-2.0
/*
 * No byte that nobody has written reaches user space.
 *
 * Records: what is written over is filled first, with another byte each time; a byte
 * of the record that always shows what was there has not been written.  What was
 * written from uninitialised memory is found by reading the record field by field,
 * whose sizes have to add up with zeroes for the padding, and by the bytes that the
 * kernel fills free memory with when it is told to: vm/run.sh tells it, and other
 * machines have fewer chances to fail.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common.h"
#include "kselftest_harness.h"

#define TYPES	(PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |	\
		 PERF_SAMPLE_ADDR | PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU |	\
		 PERF_SAMPLE_PERIOD | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_RAW)
#define FILLS	3	/* a time stamp may show two of them by chance */
#define PAYLOAD	0x11	/* the bytes that a test has written itself */
#define PAGES	2
#define PAGE_MAX 16384U	/* one record is longer than two of them */

/*
 * Four in a row of what the kernel fills memory with: allocated and free objects, free
 * pages, and what compilers put into variables.
 */
static bool poisoned(const void *buf, size_t len)
{
	static const unsigned char poison[] = { 0x5a, 0x6b, 0xaa, 0xfe };
	const unsigned char *byte = buf;
	unsigned int i;
	size_t at;

	for (at = 0; at + 4 <= len; at++) {
		for (i = 0; i < sizeof(poison); i++) {
			if (byte[at] == poison[i] && !memcmp(byte + at, byte + at + 1, 3))
				return true;
		}
	}
	return false;
}

static bool all(const void *buf, unsigned char value, size_t len)
{
	const unsigned char *byte = buf;

	while (len--) {
		if (*byte++ != value)
			return false;
	}
	return true;
}

FIXTURE(poison) {
	int fd;
	struct raw raw;
	uint64_t id;
	unsigned char fill[PAGES * PAGE_MAX * 2];
	unsigned int filled;		/* how often */
	bool shows[PAGES * PAGE_MAX];	/* bytes of the record that always showed it */
	uint64_t buf[8192];		/* the record */
};

FIXTURE_SETUP(poison)
{
	self->fd = -1;
	ASSERT_EQ(0, pin_to(0));
	ASSERT_GE(PAGE_MAX, PAGE);
}

FIXTURE_TEARDOWN(poison)
{
	raw_unmap(&self->raw);
	if (self->fd >= 0)
		close(self->fd);
}

/* A fresh event, enabled, whose ring is mapped with @prot. */
static int begin(FIXTURE_DATA(poison) *self, struct perf_event_attr *attr, int prot)
{
	int ret;

	raw_unmap(&self->raw);
	if (self->fd >= 0)
		close(self->fd);
	self->fd = device_open(0);
	if (self->fd < 0)
		return self->fd;
	ret = do_ioctl(self->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, attr);
	if (!ret)
		ret = raw_map(&self->raw, self->fd, PAGES, prot);
	if (!ret)
		ret = do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL);
	return ret ?: do_ioctl(self->fd, PERF_EVENT_IOC_ID, &self->id);
}

static unsigned char filling(unsigned int n)
{
	static const unsigned char byte[FILLS] = { 0xc3, 0x3c, 0x96 };

	return byte[n % FILLS];
}

/*
 * In overwrite mode one record that is longer than the ring fills all of it. A
 * second one, shorter, covers where the first one's header was.
 */
static int fill(FIXTURE_DATA(poison) *self)
{
	struct perfring_emit_record record[2] = {
		{ .type = 77, .len = self->raw.size + 64, .data = (uintptr_t)self->fill },
		{ .type = 77, .len = 120, .data = (uintptr_t)self->fill },
	};
	struct perfring_emit request = {
		.size = sizeof(request), .nr = 2, .records = (uintptr_t)record,
	};

	memset(self->fill, filling(self->filled++), sizeof(self->fill));
	return do_ioctl(self->fd, PERFRING_IOC_EMIT, &request);
}

/* Copy the bytes from @from to the head, wherever they wrap, and compare with the filling. */
static size_t written(FIXTURE_DATA(poison) *self, uint64_t from)
{
	unsigned char was = filling(self->filled - 1), *buf = (void *)self->buf;
	uint64_t head = raw_head(&self->raw), at;

	for (at = from; at != head; at++) {
		buf[at - from] = self->raw.data[at & (self->raw.size - 1)];
		if ((self->filled - 1) % FILLS == 0)
			self->shows[at - from] = true;
		self->shows[at - from] &= buf[at - from] == was;
	}
	return head - from;
}

/* How many of @size bytes nobody has written. */
static size_t unwritten(FIXTURE_DATA(poison) *self, size_t size)
{
	size_t at, n = 0;

	for (at = 0; at < size; at++)
		n += self->shows[at];
	return n;
}

/* The same record over each filling, the last one in @buf; its bytes, 0 when it fails. */
static size_t emit_over(FIXTURE_DATA(poison) *self, uint32_t type, uint32_t len)
{
	unsigned char payload[64];
	size_t size = 0, first = 0;
	uint64_t head;
	int i;

	memset(payload, PAYLOAD, sizeof(payload));
	self->filled = 0;
	for (i = 0; i < FILLS; i++) {
		if (fill(self))
			return 0;
		head = raw_head(&self->raw);
		if (emit(self->fd, type, 0, payload, len, 1, NULL))
			return 0;
		size = written(self, head);
		first = first ?: size;
	}
	return size == first ? size : 0;
}

static size_t read_id(FIXTURE_DATA(poison) *self, const uint64_t *field, bool *good)
{
	*good &= *field == self->id;
	return 1;
}

static size_t read_tid(const uint64_t *field, bool *good)
{
	const uint32_t *half = (const void *)field;

	*good &= half[0] == (uint32_t)getpid() && half[1] == (uint32_t)syscall(SYS_gettid);
	return 1;
}

/*
 * Read the sample in @buf, all of it: true when each field is what it can be, with
 * @len bytes of payload and zeroes behind it, and the record ends there.
 */
static bool whole_sample(FIXTURE_DATA(poison) *self, uint64_t type, size_t size, uint32_t len)
{
	const struct perf_event_header *header = (void *)self->buf;
	const uint64_t *field = self->buf + 1;
	const unsigned char *raw;
	uint32_t raw_size;
	bool good = true;

	good &= header->type == PERF_RECORD_SAMPLE && header->misc == PERF_RECORD_MISC_KERNEL;
	good &= header->size == size;
	if (type & PERF_SAMPLE_IDENTIFIER)
		field += read_id(self, field, &good);
	if (type & PERF_SAMPLE_IP)
		good &= *field++ >= LOWEST_KERNEL;
	if (type & PERF_SAMPLE_TID)
		field += read_tid(field, &good);
	if (type & PERF_SAMPLE_TIME)
		good &= *field && *field < 1ULL << 60, field++;
	if (type & PERF_SAMPLE_ADDR)
		good &= !*field++;
	if (type & PERF_SAMPLE_ID)
		field += read_id(self, field, &good);
	if (type & PERF_SAMPLE_STREAM_ID)
		field += read_id(self, field, &good);
	if (type & PERF_SAMPLE_CPU)
		good &= !*field++;
	if (type & PERF_SAMPLE_PERIOD)
		good &= *field++ <= 1;
	if (type & PERF_SAMPLE_CALLCHAIN) {
		/* The context marker and kernel addresses. */
		const uint64_t *end = field + 1 + *field;

		if (*field > 128)
			return false;
		while (++field < end)
			good &= *field >= LOWEST_KERNEL;
	}
	if (type & PERF_SAMPLE_RAW) {
		raw = (const unsigned char *)field;
		memcpy(&raw_size, raw, sizeof(raw_size));
		good &= raw_size >= len && raw_size < len + 8 && !((raw_size + 4) & 7);
		good &= all(raw + 4, PAYLOAD, len) && all(raw + 4 + len, 0, raw_size - len);
		field += (4 + raw_size) / 8;
	}
	return good && (const char *)field == (const char *)self->buf + size;
}

/* sample_id at @field: as many u64 as @type has bits for it. */
static bool whole_id(FIXTURE_DATA(poison) *self, uint64_t type, const uint64_t *field,
		     const void *end)
{
	bool good = true;

	if (type & PERF_SAMPLE_TID)
		field += read_tid(field, &good);
	if (type & PERF_SAMPLE_TIME)
		good &= *field && *field < 1ULL << 60, field++;
	if (type & PERF_SAMPLE_ID)
		field += read_id(self, field, &good);
	if (type & PERF_SAMPLE_STREAM_ID)
		field += read_id(self, field, &good);
	if (type & PERF_SAMPLE_CPU)
		good &= !*field++;
	if (type & PERF_SAMPLE_IDENTIFIER)
		field += read_id(self, field, &good);
	return good && field == end;
}

/*
 * Each set of the 11 fields, with a payload that leaves as many bytes for the
 * padding as the number of the set says, and sample_id in every other type. Where things
 * take long one set in so many, an odd number, so that each field and length is among them.
 */
TEST_F_TIMEOUT(poison, samples, 110)
{
	struct perf_event_attr attr;
	const unsigned char *record = (void *)self->buf;
	uint64_t bits = TYPES, type = 0;
	unsigned int set, stride = slowness() | 1, len;
	size_t size;

	for (set = 0; set < 1 << 11; set++, type = (type - bits) & bits) {
		if (set % stride)
			continue;
		attr = output_attr();
		attr.sample_type = type;
		attr.sample_id_all = 1;
		attr.exclude_callchain_user = 1;
		ASSERT_EQ(0, begin(self, &attr, PROT_READ));
		len = 1 + set % 9;
		size = emit_over(self, PERF_RECORD_SAMPLE, len);
		ASSERT_NE(0, size);
		EXPECT_EQ(0, unwritten(self, size));
		EXPECT_FALSE(poisoned(self->buf, size));
		EXPECT_TRUE(whole_sample(self, type, size, len)) {
			TH_LOG("sample_type %#llx, %u bytes of payload",
			       (unsigned long long)type, len);
		}

		size = emit_over(self, 77, len);
		ASSERT_NE(0, size);
		EXPECT_EQ(0, unwritten(self, size));
		EXPECT_FALSE(poisoned(self->buf, size));
		EXPECT_TRUE(all(record + 8, PAYLOAD, len));
		EXPECT_TRUE(all(record + 8 + len, 0, -len & 7));
		EXPECT_TRUE(whole_id(self, type, self->buf + 1 + (len + 7) / 8,
				     (char *)self->buf + size)) {
			TH_LOG("sample_type %#llx", (unsigned long long)type);
		}
	}
	/* Having been all of the bits, it begins again. */
	EXPECT_EQ(0, type);
}

/* LOST, with and without sample_id, and what a discarded record turns into. */
TEST_F(poison, lost)
{
	struct perfring_reserve reserve = {
		.size = sizeof(reserve), .type = 77, .len = 120,
		.data = (uintptr_t)self->fill,
	};
	struct perfring_release release = { .size = sizeof(release) };
	struct perf_event_attr attr;
	uint64_t head;
	size_t size;
	int id_all, i;

	for (id_all = 0; id_all < 2; id_all++) {
		attr = output_attr();
		attr.sample_type = TYPES;
		attr.sample_id_all = id_all;
		attr.exclude_callchain_user = 1;
		ASSERT_EQ(0, begin(self, &attr, PROT_READ));
		self->filled = 0;
		for (i = 0; i < FILLS; i++) {
			ASSERT_EQ(0, fill(self));
			head = raw_head(&self->raw);
			ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
			ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 3, NULL));
			ASSERT_EQ(0, do_ioctl_word(self->fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0));
			ASSERT_EQ(0, emit(self->fd, 77, 0, "12345678", 8, 1, NULL));
			size = written(self, head);
		}
		/* TID, TIME, ID, STREAM_ID, CPU, IDENTIFIER. */
		EXPECT_EQ(24 + 16 + (id_all ? 2 * 6 * 8 : 0), size);
		EXPECT_EQ(0, unwritten(self, size));
		EXPECT_FALSE(poisoned(self->buf, size));
		EXPECT_EQ(header_word(PERF_RECORD_LOST, 0, 24 + (id_all ? 48 : 0)), self->buf[0]);
		EXPECT_EQ(self->id, self->buf[1]);
		EXPECT_EQ(3, self->buf[2]);
		if (id_all) {
			EXPECT_TRUE(whole_id(self, TYPES, self->buf + 3, self->buf + 9));
		}

		/* Not the last any more when it is given up; what was written stays. */
		self->filled = 0;
		for (i = 0; i < FILLS; i++) {
			ASSERT_EQ(0, fill(self));
			head = raw_head(&self->raw);
			memset(self->fill, PAYLOAD, sizeof(self->fill));
			ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_RESERVE, &reserve));
			ASSERT_EQ(0, emit(self->fd, 77, 0, "12345678", 8, 1, NULL));
			ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_DISCARD, &release));
			EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release.result);
			size = written(self, head);
		}
		EXPECT_EQ(reserve.record_size + 16 + (id_all ? 48 : 0), size);
		EXPECT_EQ(0, unwritten(self, size));
		EXPECT_FALSE(poisoned(self->buf, size));
	}
}

/* Read all samples of a source for a while, give each payload to @check. */
static unsigned int watch(FIXTURE_DATA(poison) *self, uint64_t source, uint64_t config1,
			  uint64_t config2, bool (*check)(const void *payload, uint32_t size))
{
	struct perf_event_attr attr = output_attr();
	uint64_t end = now_ns() + 5000000000ULL;
	const unsigned char *record = (void *)self->buf;
	unsigned int seen = 0;
	char name[16];
	int size;

	attr.type = pmu_type();
	attr.config = source;
	attr.config1 = config1;
	attr.config2 = config2;
	/* A wakeup is a switch itself where a thread does it (PREEMPT_RT): none of them. */
	attr.watermark = 1;
	attr.wakeup_watermark = 1 << 30;
	if (begin(self, &attr, 0))
		return 0;
	while (seen < 200 && now_ns() < end) {
		/* A long name, then a short one: the rest of the first must not be seen. */
		snprintf(name, sizeof(name), "%s", seen & 1 ? "fifteen letters" : "ab");
		prctl(PR_SET_NAME, name);
		sleep_ms(1);
		while ((size = raw_next(&self->raw, self->buf)) > 0) {
			uint32_t raw_size;

			memcpy(&raw_size, record + 8, sizeof(raw_size));
			if (poisoned(record, size) || !check(record + 12, raw_size))
				return 0;
			seen++;
		}
	}
	prctl(PR_SET_NAME, "poison_test");
	return seen;
}

/* A name of the kernel's: zeroes from its end on. */
static bool whole_name(const char *name)
{
	size_t len = strnlen(name, 16);

	return len < 16 && all(name + len, 0, 16 - len);
}

static bool whole_switch(const void *payload, uint32_t size)
{
	const struct perfring_sched_switch_payload *p = payload;

	/* 4 + 56, and 4 for the padding. */
	return size == sizeof(*p) + 4 && whole_name(p->prev_comm) && whole_name(p->next_comm) &&
	       all(p + 1, 0, 4);
}

static bool whole_call(const void *payload, uint32_t size)
{
	const struct perfring_syscalls_payload *p = payload;

	return size == sizeof(*p) + 4 && whole_name(p->comm) &&
	       !(p->flags & ~PERFRING_SYSCALLS_COMPAT) && all(p + 1, 0, 4);
}

static bool whole_hit(const void *payload, uint32_t size)
{
	const struct perfring_kprobe_payload *p = payload;

	return size == sizeof(*p) + 4 && whole_name(p->comm) &&
	       (!p->ip || p->ip >= LOWEST_KERNEL) &&
	       all(p + 1, 0, 4);
}

static bool whole_generated(const void *payload, uint32_t size)
{
	const struct perfring_generator_payload *p = payload;
	const unsigned char *byte = payload;
	uint32_t i;

	if (p->len > size || size - p->len > 7 || !all(byte + p->len, 0, size - p->len))
		return false;
	for (i = sizeof(*p); i < p->len; i++) {
		if (byte[i] != (unsigned char)(p->seq + i))
			return false;
	}
	return true;
}

TEST_F(poison, sources)
{
	/* No structure has a hole: the members add up. */
	EXPECT_EQ(2 * (16 + 4 + 4) + 8, sizeof(struct perfring_sched_switch_payload));
	EXPECT_EQ(3 * 8 + 4 * 4 + 16, sizeof(struct perfring_syscalls_payload));
	EXPECT_EQ(8 + 2 * 4 + 16, sizeof(struct perfring_kprobe_payload));
	/* 0x5a, 0x6b and so on never stand four times in a row in what counts upwards. */
	EXPECT_LT(100, watch(self, PERFRING_SOURCE_GENERATOR, 200 | 8ULL << 32, 16 | 99 << 16,
			     whole_generated));
	EXPECT_LT(50, watch(self, PERFRING_SOURCE_SCHED_SWITCH, 0, 0, whole_switch));
	EXPECT_LT(50, watch(self, PERFRING_SOURCE_SYSCALLS, 0, 0, whole_call));
	/* What sleep_ms() comes to. */
	EXPECT_LT(50, watch(self, PERFRING_SOURCE_KPROBE, (uintptr_t)"hrtimer_nanosleep", 0,
			    whole_hit));
}

/* A fresh ring after one that was full of something: zeroes but for what is documented. */
TEST_F(poison, fresh_ring)
{
	struct perf_event_attr attr = output_attr();
	struct perf_event_mmap_page *page;
	int i;

	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, begin(self, &attr, PROT_READ));
		page = self->raw.page;
		EXPECT_TRUE(all(self->raw.data, 0, self->raw.size));
		EXPECT_EQ(offsetof(struct perf_event_mmap_page, __reserved), page->size);
		EXPECT_TRUE(all(page->__reserved, 0, sizeof(page->__reserved)));
		EXPECT_TRUE(all(&page->aux_head, 0, PAGE - offsetof(struct perf_event_mmap_page,
								    aux_head)));
		EXPECT_EQ(0, page->index);
		EXPECT_EQ(0, page->time_cycles);
		EXPECT_EQ(0, page->time_mask);
		EXPECT_EQ(0, page->__reserved_1);
		ASSERT_EQ(0, fill(self));
	}
}

#define BEHIND	0xc3	/* the user's own bytes */

/* What read(2) and the ioctls give back: the documented bytes, and none behind them. */
TEST_F(poison, answers)
{
	const uint64_t formats = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING |
				 PERF_FORMAT_ID | PERF_FORMAT_GROUP | PERF_FORMAT_LOST;
	struct perfring_reserve reserve = { .size = sizeof(reserve), .type = 77, .len = 24 };
	struct perfring_release release = { .size = sizeof(release) };
	struct perf_event_attr attr = output_attr();
	struct perfring_emit_record record = { .type = 77, .len = 8 };
	union {
		struct perfring_stats stats;
		struct perfring_emit emit;
		unsigned char byte[512];
	} user;
	uint64_t format = 0;
	ssize_t size;

	/* No structure has a hole: the members add up. */
	EXPECT_EQ(2 * 4 + 16 * 8, sizeof(struct perfring_stats));
	EXPECT_EQ(2 * 4 + 8 + 2 * 4 + 2 * 8, sizeof(struct perfring_emit));
	EXPECT_EQ(3 * 4 + 2 * 2 + 8 + 2 * 4 + 8, sizeof(struct perfring_reserve));
	EXPECT_EQ(4 * 4, sizeof(struct perfring_release));
	EXPECT_EQ(4 * 4 + 2 * 8, sizeof(struct perfring_inject));

	do {
		attr.read_format = format;
		ASSERT_EQ(0, begin(self, &attr, 0));
		memset(&user, BEHIND, sizeof(user));
		size = read(self->fd, &user, sizeof(user));
		EXPECT_EQ(8 * (1 + __builtin_popcountll(format)), size);
		EXPECT_FALSE(poisoned(&user, size));
		EXPECT_TRUE(all(user.byte + size, BEHIND, sizeof(user) - size));
		format = (format - formats) & formats;
	} while (format);

	/* STATS of any length writes that much and no more. */
	ASSERT_EQ(0, emit(self->fd, 77, 0, NULL, 8, 1, NULL));
	for (size = 8; size <= (ssize_t)sizeof(user.stats); size += 8) {
		memset(&user, BEHIND, sizeof(user));
		user.stats.size = size;
		user.stats.flags = 0;
		ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_STATS, &user));
		EXPECT_FALSE(poisoned(&user, size));
		EXPECT_TRUE(all(user.byte + size, BEHIND, sizeof(user) - size));
	}
	EXPECT_EQ(16, user.stats.bytes);
	EXPECT_EQ(PAGES * PAGE, user.stats.data_size);

	memset(&user, BEHIND, sizeof(user));
	user.emit = (struct perfring_emit) {
		.size = sizeof(user.emit), .nr = 1, .records = (uintptr_t)&record,
	};
	ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_EMIT, &user));
	EXPECT_EQ(1, user.emit.written);
	EXPECT_EQ(0, user.emit.lost);
	EXPECT_EQ((uintptr_t)&record, user.emit.records);
	EXPECT_TRUE(all(user.byte + sizeof(user.emit), BEHIND, sizeof(user) - sizeof(user.emit)));

	ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_RESERVE, &reserve));
	EXPECT_EQ(32, reserve.record_size);
	EXPECT_EQ(32, reserve.position);
	EXPECT_EQ(24, reserve.len);
	EXPECT_EQ(0, reserve.reserved);
	ASSERT_EQ(0, do_ioctl(self->fd, PERFRING_IOC_COMMIT, &release));
	EXPECT_EQ(PERFRING_RELEASE_COMMITTED, release.result);
	EXPECT_EQ(0, release.reserved);
}

/*
 * The tracepoint's entry: our fields, of which the first is of 64 bits, leave no byte between
 * them and none behind.
 */
TEST(tracepoint)
{
	char why[WHY_LEN], format[4096], *line, *ours;
	unsigned long end = 0;

	if (!tracefs_here(why, sizeof(why)))
		SKIP(return, "%s", why);
	ASSERT_LT(0, file_read("/sys/kernel/tracing/events/perfring/perfring_emit/format",
			       format, sizeof(format)));
	/* The kernel's own come first, nine bytes of them on PREEMPT_RT's 6.1. */
	ours = strstr(format, "\n\n");
	ASSERT_NE(NULL, ours);
	for (line = strstr(format, "offset:"); line; line = strstr(line + 1, "offset:")) {
		if (ours && line > ours) {
			end = (end + 7) / 8 * 8;
			ours = NULL;
		}
		EXPECT_EQ(end, strtoul(line + strlen("offset:"), NULL, 10));
		line = strstr(line, "size:");
		ASSERT_NE(NULL, line);
		end += strtoul(line + strlen("size:"), NULL, 10);
	}
	/* A structure with 64-bit fields is as long as a multiple of 8. */
	EXPECT_LT(0, end);
	EXPECT_EQ(0, end % 8);
}

DEVICE_MAIN
