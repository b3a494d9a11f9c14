// SPDX-License-Identifier: GPL-2.0
/*
 * Every type of record that is no sample, built by hand from the layouts in the
 * comments of linux/perf_event.h, with and without sample_id; cut short at every
 * word; with strings that do not end and counts that lie.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include "fixtures.h"

#define ID_TYPE	(PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_IDENTIFIER)

struct builder {
	struct perf_event_header header;
	unsigned char body[1000];
	size_t used;			/* of body */
};

static void put(struct builder *b, const void *bytes, size_t len)
{
	memcpy(b->body + b->used, bytes, len);
	b->used += len;
}

static void put16(struct builder *b, uint16_t v) { put(b, &v, sizeof(v)); }
static void put32(struct builder *b, uint32_t v) { put(b, &v, sizeof(v)); }
static void put64(struct builder *b, uint64_t v) { put(b, &v, sizeof(v)); }

/* Terminated, padded with zeroes. */
static void put_string(struct builder *b, const char *text)
{
	put(b, text, strlen(text) + 1);
	while (b->used & 7)
		b->body[b->used++] = 0;
}

/* A sample_id of ID_TYPE: fields in the order of the header's struct sample_id. */
static void put_id(struct builder *b)
{
	put32(b, 501);
	put32(b, 502);
	put64(b, 503);
	put32(b, 504);
	put32(b, 0);
	put64(b, 505);
}

FIXTURE(layout) {
	struct perf_event_attr attr;
	struct perfring_format *format;
	struct perfring_event event;
	struct perfring_error error;
	struct builder b;
	void *copy;
	bool id;
};

FIXTURE_VARIANT(layout) {
	bool id;
};

FIXTURE_VARIANT_ADD(layout, bare) { .id = false };

FIXTURE_VARIANT_ADD(layout, with_id) { .id = true };

FIXTURE_SETUP(layout)
{
	self->id = variant->id;
	self->attr = output_attr();
	self->attr.sample_type = ID_TYPE;
	self->attr.sample_id_all = variant->id;
	ASSERT_EQ(0, perfring_format_compile(&self->attr, &self->format));
}

FIXTURE_TEARDOWN(layout)
{
	perfring_format_free(self->format);
	free(self->copy);
}

static void begin(FIXTURE_DATA(layout) *self, uint32_t type, uint16_t misc)
{
	memset(&self->b, 0, sizeof(self->b));
	self->b.header.type = type;
	self->b.header.misc = misc;
}

/* Decode the body's first @len bytes and sample_id, from memory of exactly that size. */
static int decode(FIXTURE_DATA(layout) *self, size_t len)
{
	struct perfring_record record = {
		.type = self->b.header.type, .misc = self->b.header.misc,
	};
	struct builder b = self->b;

	b.used = len;
	if (self->id)
		put_id(&b);
	b.header.size = 8 + b.used;
	free(self->copy);
	self->copy = malloc(b.header.size);
	if (!self->copy)
		return -ENOMEM;
	memcpy(self->copy, &b.header, 8);
	memcpy((char *)self->copy + 8, b.body, b.used);
	record.data = self->copy;
	record.size = b.header.size;
	memset(&self->event, 0xa5, sizeof(self->event));
	memset(&self->error, 0, sizeof(self->error));
	return perfring_decode(self->format, &record, &self->event, &self->error);
}

/*
 * Every shorter body is refused.  A longer one, too, unless the last field is a string or
 * bytes, which may be padded.
 */
static void check_lengths(struct __test_metadata *_metadata, FIXTURE_DATA(layout) *self,
			  bool padded)
{
	size_t len = self->b.used;

	ASSERT_EQ(0, len % 8);
	for (size_t cut = 0; cut < len; cut += 8) {
		EXPECT_EQ(-EBADMSG, decode(self, cut)) {
			TH_LOG("type %u cut to %zu of %zu", self->b.header.type, cut, len);
		}
		EXPECT_EQ(-EBADMSG, self->error.code);
		EXPECT_NE(NULL, self->error.reason);
		EXPECT_GE(8 + cut, self->error.offset);
	}
	EXPECT_EQ(padded ? 0 : -EBADMSG, decode(self, len + 8));
	ASSERT_EQ(0, decode(self, len)) {
		TH_LOG("type %u: %s at %llu", self->b.header.type, self->error.reason,
		       (unsigned long long)self->error.offset);
	}
	EXPECT_EQ(self->b.header.type, self->event.type);
	EXPECT_EQ(self->b.header.misc, self->event.misc);
	EXPECT_EQ(self->id ? ID_TYPE : 0, self->event.id.type);
	EXPECT_EQ(self->id ? 501 : 0, self->event.id.pid);
	EXPECT_EQ(self->id ? 502 : 0, self->event.id.tid);
	EXPECT_EQ(self->id ? 503 : 0, self->event.id.time);
	EXPECT_EQ(self->id ? 504 : 0, self->event.id.cpu);
	EXPECT_EQ(self->id ? 505 : 0, self->event.id.identifier);
}

#define CHECK(padded)	check_lengths(_metadata, self, padded)
#define U		(self->event.u)

TEST_F(layout, mmap)
{
	begin(self, PERF_RECORD_MMAP, PERF_RECORD_MISC_USER | PERF_RECORD_MISC_MMAP_DATA);
	put32(&self->b, 11);
	put32(&self->b, 12);
	put64(&self->b, 0x7f0000001000);
	put64(&self->b, 0x2000);
	put64(&self->b, 0x3000);
	put_string(&self->b, "/usr/lib/file");
	CHECK(true);
	EXPECT_EQ(PERFRING_EVENT_MMAP, self->event.kind);
	EXPECT_EQ(11, U.mmap.pid);
	EXPECT_EQ(12, U.mmap.tid);
	EXPECT_EQ(0x7f0000001000, U.mmap.addr);
	EXPECT_EQ(0x2000, U.mmap.len);
	EXPECT_EQ(0x3000, U.mmap.pgoff);
	EXPECT_EQ(1, U.mmap.data);
	EXPECT_EQ(NULL, U.mmap.build_id);
	EXPECT_EQ(0, U.mmap.ino);
	EXPECT_EQ(0, U.mmap.prot);
	EXPECT_STREQ("/usr/lib/file", U.mmap.filename);
}

static void put_mmap2(struct builder *b)
{
	put32(b, 11);
	put32(b, 12);
	put64(b, 0x7f0000001000);
	put64(b, 0x2000);
	put64(b, 0x3000);
}

TEST_F(layout, mmap2)
{
	begin(self, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER);
	put_mmap2(&self->b);
	put32(&self->b, 8);
	put32(&self->b, 1);
	put64(&self->b, 1ULL << 33);
	put64(&self->b, 77);
	put32(&self->b, PROT_READ | PROT_EXEC);
	put32(&self->b, MAP_PRIVATE);
	put_string(&self->b, "//anon");
	CHECK(true);
	EXPECT_EQ(PERFRING_EVENT_MMAP2, self->event.kind);
	EXPECT_EQ(12, U.mmap.tid);
	EXPECT_EQ(0x3000, U.mmap.pgoff);
	EXPECT_EQ(0, U.mmap.data);
	EXPECT_EQ(8, U.mmap.maj);
	EXPECT_EQ(1, U.mmap.min);
	EXPECT_EQ(1ULL << 33, U.mmap.ino);
	EXPECT_EQ(77, U.mmap.ino_generation);
	EXPECT_EQ(NULL, U.mmap.build_id);
	EXPECT_EQ(PROT_READ | PROT_EXEC, U.mmap.prot);
	EXPECT_EQ(MAP_PRIVATE, U.mmap.flags);
	EXPECT_STREQ("//anon", U.mmap.filename);
}

/* The build id stands where the inode would; one of 21 bytes has no room there. */
TEST_F(layout, mmap2_build_id)
{
	unsigned char id[20];

	for (size_t i = 0; i < sizeof(id); i++)
		id[i] = 100 + i;
	begin(self, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER | PERF_RECORD_MISC_MMAP_BUILD_ID);
	put_mmap2(&self->b);
	put(&self->b, "\24\0\0", 4);	/* u8 size, 20, and three that are reserved */
	put(&self->b, id, sizeof(id));
	put32(&self->b, PROT_READ | PROT_EXEC);
	put32(&self->b, MAP_SHARED);
	put_string(&self->b, "/bin/true");
	CHECK(true);
	EXPECT_EQ(PERFRING_EVENT_MMAP2, self->event.kind);
	EXPECT_EQ(20, U.mmap.build_id_size);
	ASSERT_NE(NULL, U.mmap.build_id);
	EXPECT_EQ(0, memcmp(id, U.mmap.build_id, 20));
	EXPECT_EQ(0, U.mmap.maj);
	EXPECT_EQ(0, U.mmap.ino);
	EXPECT_EQ(PROT_READ | PROT_EXEC, U.mmap.prot);
	EXPECT_EQ(MAP_SHARED, U.mmap.flags);
	EXPECT_STREQ("/bin/true", U.mmap.filename);

	self->b.body[32] = 21;
	EXPECT_EQ(-EBADMSG, decode(self, self->b.used));
}

TEST_F(layout, comm)
{
	begin(self, PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC);
	put32(&self->b, 21);
	put32(&self->b, 22);
	put_string(&self->b, "fifteen letters");
	CHECK(true);
	EXPECT_EQ(PERFRING_EVENT_COMM, self->event.kind);
	EXPECT_EQ(21, U.comm.pid);
	EXPECT_EQ(22, U.comm.tid);
	EXPECT_EQ(1, U.comm.exec);
	EXPECT_STREQ("fifteen letters", U.comm.comm);

	/* Without its end: what follows is the sample_id, or nothing. */
	memset(self->b.body + 8, 'x', 16);
	EXPECT_EQ(-EBADMSG, decode(self, self->b.used));
	EXPECT_EQ(16, self->error.offset);
}

TEST_F(layout, fork_and_exit)
{
	static const uint32_t types[] = { PERF_RECORD_FORK, PERF_RECORD_EXIT };
	static const uint32_t kinds[] = { PERFRING_EVENT_FORK, PERFRING_EVENT_EXIT };

	for (unsigned int i = 0; i < ARRAY_LEN(types); i++) {
		begin(self, types[i], 0);
		put32(&self->b, 31);
		put32(&self->b, 32);
		put32(&self->b, 33);
		put32(&self->b, 34);
		put64(&self->b, 35);
		CHECK(false);
		EXPECT_EQ(kinds[i], self->event.kind);
		EXPECT_EQ(31, U.task.pid);
		EXPECT_EQ(32, U.task.ppid);
		EXPECT_EQ(33, U.task.tid);
		EXPECT_EQ(34, U.task.ptid);
		EXPECT_EQ(35, U.task.time);
	}
}

/* Values as read_format says: alone, and a group of two. */
TEST_F(layout, read)
{
	struct perfring_read_entry entry;

	self->attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_ID;
	perfring_format_free(self->format);
	ASSERT_EQ(0, perfring_format_compile(&self->attr, &self->format));
	begin(self, PERF_RECORD_READ, 0);
	put32(&self->b, 41);
	put32(&self->b, 42);
	put64(&self->b, 43);
	put64(&self->b, 44);
	put64(&self->b, 45);
	CHECK(false);
	EXPECT_EQ(PERFRING_EVENT_READ, self->event.kind);
	EXPECT_EQ(41, U.read.pid);
	EXPECT_EQ(42, U.read.tid);
	EXPECT_EQ(1, U.read.values.nr);
	EXPECT_EQ(44, U.read.values.time_enabled);
	EXPECT_EQ(0, U.read.values.time_running);
	ASSERT_EQ(0, perfring_read_entry(&U.read.values, 0, &entry));
	EXPECT_EQ(43, entry.value);
	EXPECT_EQ(45, entry.id);

	self->attr.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_LOST;
	perfring_format_free(self->format);
	ASSERT_EQ(0, perfring_format_compile(&self->attr, &self->format));
	begin(self, PERF_RECORD_READ, 0);
	put32(&self->b, 41);
	put32(&self->b, 42);
	put64(&self->b, 2);
	for (unsigned int i = 0; i < 4; i++)
		put64(&self->b, 46 + i);
	CHECK(false);
	EXPECT_EQ(2, U.read.values.nr);
	ASSERT_EQ(0, perfring_read_entry(&U.read.values, 1, &entry));
	EXPECT_EQ(48, entry.value);
	EXPECT_EQ(49, entry.lost);
}

TEST_F(layout, aux)
{
	begin(self, PERF_RECORD_AUX, 0);
	put64(&self->b, 1ULL << 40);
	put64(&self->b, 4096);
	put64(&self->b, PERF_AUX_FLAG_TRUNCATED);
	CHECK(false);
	EXPECT_EQ(PERFRING_EVENT_AUX, self->event.kind);
	EXPECT_EQ(1ULL << 40, U.aux.offset);
	EXPECT_EQ(4096, U.aux.size);
	EXPECT_EQ(PERF_AUX_FLAG_TRUNCATED, U.aux.flags);

	begin(self, PERF_RECORD_ITRACE_START, 0);
	put32(&self->b, 51);
	put32(&self->b, 52);
	CHECK(false);
	EXPECT_EQ(PERFRING_EVENT_ITRACE_START, self->event.kind);
	EXPECT_EQ(51, U.itrace_start.pid);
	EXPECT_EQ(52, U.itrace_start.tid);

	begin(self, 21, 0);		/* PERF_RECORD_AUX_OUTPUT_HW_ID */
	put64(&self->b, 53);
	CHECK(false);
	EXPECT_EQ(PERFRING_EVENT_AUX_OUTPUT_HW_ID, self->event.kind);
	EXPECT_EQ(53, U.aux_output_hw_id.hw_id);
}

TEST_F(layout, lost_samples)
{
	begin(self, PERF_RECORD_LOST_SAMPLES, 0);
	put64(&self->b, 61);
	CHECK(false);
	EXPECT_EQ(PERFRING_EVENT_LOST_SAMPLES, self->event.kind);
	EXPECT_EQ(61, U.lost.lost);
	EXPECT_EQ(0, U.lost.id);
}

TEST_F(layout, switches)
{
	begin(self, PERF_RECORD_SWITCH,
	      PERF_RECORD_MISC_SWITCH_OUT | PERF_RECORD_MISC_SWITCH_OUT_PREEMPT);
	CHECK(false);
	EXPECT_EQ(PERFRING_EVENT_SWITCH, self->event.kind);
	EXPECT_EQ(1, U.context_switch.out);
	EXPECT_EQ(1, U.context_switch.preempt);
	EXPECT_EQ(0, U.context_switch.tid);

	begin(self, PERF_RECORD_SWITCH_CPU_WIDE, PERF_RECORD_MISC_SWITCH_OUT);
	put32(&self->b, 71);
	put32(&self->b, 72);
	CHECK(false);
	EXPECT_EQ(PERFRING_EVENT_SWITCH_CPU_WIDE, self->event.kind);
	EXPECT_EQ(1, U.context_switch.out);
	EXPECT_EQ(0, U.context_switch.preempt);
	EXPECT_EQ(71, U.context_switch.pid);
	EXPECT_EQ(72, U.context_switch.tid);
	self->b.header.misc = 0;
	ASSERT_EQ(0, decode(self, self->b.used));
	EXPECT_EQ(0, U.context_switch.out);
}

TEST_F(layout, namespaces)
{
	static const uint64_t lies[] = { 3, 1ULL << 32, 1ULL << 60, UINT64_MAX };

	begin(self, PERF_RECORD_NAMESPACES, 0);
	put32(&self->b, 81);
	put32(&self->b, 82);
	put64(&self->b, 2);
	for (unsigned int i = 0; i < 4; i++)
		put64(&self->b, 83 + i);
	CHECK(false);
	EXPECT_EQ(PERFRING_EVENT_NAMESPACES, self->event.kind);
	EXPECT_EQ(81, U.namespaces.pid);
	EXPECT_EQ(82, U.namespaces.tid);
	ASSERT_EQ(2, U.namespaces.nr);
	EXPECT_EQ(83, U.namespaces.link[0].dev);
	EXPECT_EQ(84, U.namespaces.link[0].ino);
	EXPECT_EQ(86, U.namespaces.link[1].ino);
	for (unsigned int i = 0; i < ARRAY_LEN(lies); i++) {
		memcpy(self->b.body + 8, &lies[i], 8);
		EXPECT_EQ(-EBADMSG, decode(self, self->b.used));
	}
}

TEST_F(layout, ksymbol)
{
	begin(self, PERF_RECORD_KSYMBOL, 0);
	put64(&self->b, 0xffffffffc0000000);
	put32(&self->b, 91);
	put16(&self->b, PERF_RECORD_KSYMBOL_TYPE_OOL);
	put16(&self->b, PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER);
	put_string(&self->b, "optimized");
	CHECK(true);
	EXPECT_EQ(PERFRING_EVENT_KSYMBOL, self->event.kind);
	EXPECT_EQ(0xffffffffc0000000, U.ksymbol.addr);
	EXPECT_EQ(91, U.ksymbol.len);
	EXPECT_EQ(PERF_RECORD_KSYMBOL_TYPE_OOL, U.ksymbol.type);
	EXPECT_EQ(PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER, U.ksymbol.flags);
	EXPECT_STREQ("optimized", U.ksymbol.name);
}

TEST_F(layout, bpf_event)
{
	begin(self, PERF_RECORD_BPF_EVENT, 0);
	put16(&self->b, PERF_BPF_EVENT_PROG_UNLOAD);
	put16(&self->b, 101);
	put32(&self->b, 102);
	put(&self->b, "taggedBPF", 8);
	CHECK(false);
	EXPECT_EQ(PERFRING_EVENT_BPF_EVENT, self->event.kind);
	EXPECT_EQ(PERF_BPF_EVENT_PROG_UNLOAD, U.bpf_event.type);
	EXPECT_EQ(101, U.bpf_event.flags);
	EXPECT_EQ(102, U.bpf_event.id);
	EXPECT_EQ(0, memcmp("taggedBP", U.bpf_event.tag, 8));
}

TEST_F(layout, cgroup)
{
	begin(self, PERF_RECORD_CGROUP, 0);
	put64(&self->b, 111);
	put_string(&self->b, "/system.slice/one");
	CHECK(true);
	EXPECT_EQ(PERFRING_EVENT_CGROUP, self->event.kind);
	EXPECT_EQ(111, U.cgroup.id);
	EXPECT_STREQ("/system.slice/one", U.cgroup.path);
}

/* 3 bytes become 5: addr, the lengths, 8 bytes of text, 4 that pad them. */
TEST_F(layout, text_poke)
{
	static const uint16_t lies[] = { 10, 65535 };

	begin(self, PERF_RECORD_TEXT_POKE, PERF_RECORD_MISC_KERNEL);
	put64(&self->b, 0xffffffff81000000);
	put16(&self->b, 3);
	put16(&self->b, 5);
	put(&self->b, "oldfresh", 8);
	put32(&self->b, 0);
	/* One word less still has a byte of each, but not all of them. */
	CHECK(true);
	EXPECT_EQ(PERFRING_EVENT_TEXT_POKE, self->event.kind);
	EXPECT_EQ(0xffffffff81000000, U.text_poke.addr);
	EXPECT_EQ(3, U.text_poke.old_len);
	EXPECT_EQ(5, U.text_poke.new_len);
	EXPECT_EQ(0, memcmp("old", U.text_poke.old_bytes, 3));
	EXPECT_EQ(0, memcmp("fresh", U.text_poke.new_bytes, 5));
	for (unsigned int i = 0; i < ARRAY_LEN(lies); i++) {
		memcpy(self->b.body + 8, &lies[i], 2);
		EXPECT_EQ(-EBADMSG, decode(self, self->b.used));
	}
}

TEST_F(layout, callchain_deferred)
{
	static const uint64_t lies[] = { 4, 1ULL << 61, UINT64_MAX };

	begin(self, 22, 0);		/* PERF_RECORD_CALLCHAIN_DEFERRED */
	put64(&self->b, 121);
	put64(&self->b, 3);
	put64(&self->b, (uint64_t)PERF_CONTEXT_USER);
	put64(&self->b, 122);
	put64(&self->b, 123);
	CHECK(false);
	EXPECT_EQ(PERFRING_EVENT_CALLCHAIN_DEFERRED, self->event.kind);
	EXPECT_EQ(121, U.callchain_deferred.cookie);
	ASSERT_EQ(3, U.callchain_deferred.nr);
	EXPECT_EQ(123, U.callchain_deferred.ips[2]);
	for (unsigned int i = 0; i < ARRAY_LEN(lies); i++) {
		memcpy(self->b.body + 8, &lies[i], 8);
		EXPECT_EQ(-EBADMSG, decode(self, self->b.used));
	}
}

/* The first type that is not known is handed out as it is, and so are perf.data's own. */
TEST_F(layout, unknown)
{
	static const uint32_t types[] = { PERFRING_RECORD_KNOWN_MAX, 68, PERFRING_RECORD_BPF - 1 };

	for (unsigned int i = 0; i < ARRAY_LEN(types); i++) {
		begin(self, types[i], 3);
		put64(&self->b, 131);
		ASSERT_EQ(0, decode(self, 8));
		EXPECT_EQ(PERFRING_EVENT_OTHER, self->event.kind);
		EXPECT_EQ(8, U.other.size);
		EXPECT_EQ(0, memcmp(self->b.body, U.other.data, 8));
		EXPECT_EQ(self->id ? 505 : 0, self->event.id.identifier);
	}
}

/* Registers of an ABI that does not exist yet bring fields that nobody knows. */
TEST(unknown_abi)
{
	struct perf_event_attr attr = output_attr();
	uint64_t word[] = { 0, PERF_SAMPLE_REGS_ABI_64, 7, 8 };
	struct perfring_record record = { .type = PERF_RECORD_SAMPLE, .data = word, .size = 32 };
	struct perfring_sample sample;
	struct perfring_format *format;

	attr.sample_type = PERF_SAMPLE_REGS_INTR;
	attr.sample_regs_intr = 0x21;
	ASSERT_EQ(0, perfring_format_compile(&attr, &format));
	ASSERT_EQ(0, perfring_decode_sample(format, &record, &sample, NULL));
	EXPECT_EQ(2, sample.regs_intr.nr);
	EXPECT_EQ(8, sample.regs_intr.values[1]);
	for (word[1] = 3; word[1] < 1ULL << 40; word[1] *= 3) {
		EXPECT_EQ(-EBADMSG, perfring_decode_sample(format, &record, &sample, NULL));
	}
	perfring_format_free(format);
}

TEST_HARNESS_MAIN
