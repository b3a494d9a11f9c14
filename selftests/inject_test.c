// SPDX-License-Identifier: GPL-2.0
/*
 * INJECT: what no kernel writes, in a ring that one writes, and what the library
 * says of it.  On memory the same bytes are put there by hand.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fixtures.h"

#define DATA	PAGE	/* one page */
#define ALLOWED	"/sys/module/perfring/parameters/allow_inject"

static int inject(int fd, uint32_t kind, const void *data, uint32_t len, uint64_t *value)
{
	struct perfring_inject request = {
		.size = sizeof(request), .kind = kind, .len = len, .data = (uintptr_t)data,
		.value = *value,
	};
	int ret = do_ioctl(fd, PERFRING_IOC_INJECT, &request);

	*value = request.value;
	return ret;
}

/* The field of the control page that @kind sets. */
static volatile uint64_t *field_of(struct perf_event_mmap_page *page, uint32_t kind)
{
	return kind == PERFRING_INJECT_DATA_HEAD ? (uint64_t *)&page->data_head :
	       kind == PERFRING_INJECT_DATA_SIZE ? (uint64_t *)&page->data_size :
						   (uint64_t *)&page->data_offset;
}

/* The same on each backend; a memory's writer makes the room, the bytes come by hand. */
static int backend_inject(struct backend *b, uint32_t kind, const void *data, uint32_t len,
			  uint64_t value)
{
	struct perf_event_mmap_page *page = perfring_storage_control(b->storage);
	unsigned char *bytes = (unsigned char *)perfring_storage_data(b->storage);
	uint64_t head = page->data_head;
	uint32_t i;
	int ret;

	if (b->kind == DEVICE)
		return inject(perfring_storage_fd(b->storage), kind, data, len, &value);
	if (kind != PERFRING_INJECT_BYTES) {
		*field_of(page, kind) = value;
		return 0;
	}
	ret = value ? perfring_write(b->ring, 77, 0, NULL, value - 8) : 0;
	/* What is beyond the given bytes is of an earlier lap: nothing, here. */
	for (i = 0; ret >= 0 && i < (len > value ? len : value); i++)
		bytes[(head + i) % DATA] = i < len ? ((const unsigned char *)data)[i] : 0;
	return ret < 0 ? ret : 0;
}

FIXTURE(injected) {
	struct backend b;
	struct perf_event_mmap_page *page;
	uint64_t bytes[16];
};

FIXTURE_VARIANT(injected) {
	enum backend_kind kind;
	bool mirror;
};

FIXTURE_VARIANT_ADD(injected, memory) { .kind = MEMORY };
FIXTURE_VARIANT_ADD(injected, memory_mirrored) { .kind = MEMORY, .mirror = true };
FIXTURE_VARIANT_ADD(injected, device) { .kind = DEVICE };
FIXTURE_VARIANT_ADD(injected, device_mirrored) { .kind = DEVICE, .mirror = true };

FIXTURE_SETUP(injected)
{
	char why[WHY_LEN];

	self->b.cpu = -1;
	backend_mirror(variant->mirror);
	if (!backend_available(variant->kind, why, sizeof(why)))
		SKIP(return, "%s", why);
	if (variant->kind == DEVICE)
		ASSERT_EQ(0, module_allow(true));
}

FIXTURE_TEARDOWN(injected)
{
	backend_close(&self->b);
	if (variant->kind == DEVICE)
		module_allow(false);
}

/* A ring with a good sample of 32 bytes at @position, read up to its end. */
static void open_at(struct __test_metadata *_metadata, FIXTURE_DATA(injected) *self,
		    enum backend_kind kind, uint64_t position)
{
	struct backend_opts opts = { .pages = 1, .position = position };

	backend_close(&self->b);
	ASSERT_EQ(0, backend_open(&self->b, kind, &opts));
	self->page = perfring_storage_control(self->b.storage);
	ASSERT_EQ(1, backend_burst(&self->b, 20, 1));
}

/* The ring works again: an honest sample comes through, and is the only one. */
static void expect_recovered(struct __test_metadata *_metadata, FIXTURE_DATA(injected) *self)
{
	struct perfring_record record;
	unsigned char payload[20];

	fill(payload, sizeof(payload), 3);
	ASSERT_EQ(0, backend_write(&self->b, payload, sizeof(payload)));
	ASSERT_EQ(1, perfring_ring_peek(self->b.ring, &record));
	EXPECT_TRUE(is_sample(&record, sizeof(payload), 3));
	ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
	EXPECT_EQ(0, perfring_ring_peek(self->b.ring, &record));
}

/*
 * Headers that cannot be, behind a good record: it is delivered, then -EBADMSG with
 * place and reason by batch and peek as often as they are asked, the tail stays at the
 * bad one; resync gives up what was moved, and the next record comes.  In the middle
 * and with the bad header in the last word of the data.
 */
TEST_F(injected, bad_headers)
{
	static const struct {
		const char *name;
		uint16_t size;		/* in the header */
		uint32_t len;		/* bytes */
		uint64_t value;		/* that the head moves */
		uint64_t at;		/* of the bad header, behind the good record */
		const char *reason;
	} table[] = {
		{ "size 0", 0, 8, 16, 0, "less than 8" },
		{ "size 4", 4, 8, 16, 0, "less than 8" },
		{ "size 7", 7, 16, 16, 0, "less than 8" },
		{ "size 12", 12, 16, 16, 0, "not a multiple of 8" },
		{ "size 65535", 65535, 16, 16, 0, "not a multiple of 8" },
		{ "beyond the head", 64, 32, 32, 0, "beyond data_head" },
		{ "by one word", 40, 32, 32, 0, "beyond data_head" },
		{ "as long as can be", 65528, 8, 8, 0, "beyond data_head" },
		/* 64 bytes of a record of 64, of which the head shows 40 */
		{ "torn", 64, 64, 40, 0, "beyond data_head" },
		/* a record of 16, then what an earlier lap has left */
		{ "the head too far", 16, 16, 48, 16, "less than 8" },
	};
	const uint64_t positions[] = { 0, DATA - 40, DATA - 32, -40UL };
	struct perfring_record record;
	struct perfring_error error;
	struct perfring_batch batch;
	unsigned int i, j;
	uint64_t bad;

	for (j = 0; j < ARRAY_LEN(positions); j++)
		for (i = 0; i < ARRAY_LEN(table); i++) {
			open_at(_metadata, self, variant->kind, positions[j]);
			bad = positions[j] + 32 + table[i].at;
			self->bytes[0] = header_word(77, 0, table[i].size);
			ASSERT_EQ(0, backend_inject(&self->b, PERFRING_INJECT_BYTES, self->bytes,
						    table[i].len, table[i].value));
			/* Positions of 32 bits begin again at 0, and ours go on. */
			ASSERT_EQ((unsigned long)(positions[j] + 32 + table[i].value),
				  self->page->data_head);
			ASSERT_EQ(0, perfring_batch_begin(self->b.ring, &batch));
			ASSERT_EQ(1, perfring_batch_next(&batch, &record));
			EXPECT_EQ(PERF_RECORD_SAMPLE, record.type);
			if (table[i].at) {
				ASSERT_EQ(1, perfring_batch_next(&batch, &record));
				EXPECT_EQ(77, record.type);
			}
			ASSERT_EQ(-EBADMSG, perfring_batch_next(&batch, &record)) {
				TH_LOG("%s at %#llx", table[i].name, (unsigned long long)bad);
			}
			EXPECT_EQ(-EBADMSG, perfring_batch_next(&batch, &record));
			EXPECT_EQ(-EBADMSG, perfring_batch_error(&batch, &error));
			EXPECT_EQ(bad, error.position);
			EXPECT_NE(NULL, strstr(error.reason, table[i].reason)) {
				TH_LOG("%s: %s", table[i].name, error.reason);
			}
			perfring_batch_commit(&batch);
			EXPECT_EQ(bad, self->page->data_tail);
			EXPECT_EQ(-EBADMSG, perfring_ring_peek(self->b.ring, &record));
			EXPECT_EQ(-EBADMSG, perfring_ring_pop(self->b.ring));
			EXPECT_EQ(bad, self->page->data_tail);
			EXPECT_EQ(0, perfring_ring_resync(self->b.ring));
			EXPECT_EQ(self->page->data_head, (unsigned long)self->page->data_tail);
			EXPECT_EQ(table[i].value - table[i].at,
				  perfring_ring_skipped(self->b.ring));
			expect_recovered(_metadata, self);
		}
}

/* A type that nobody knows is a record; a RAW that says more than there is, is not a sample. */
TEST_F(injected, good_headers)
{
	struct perfring_format *format;
	struct perfring_record record;
	struct perfring_event event;
	struct perfring_error error;

	open_at(_metadata, self, variant->kind, DATA - 48);
	ASSERT_EQ(0, perfring_format_compile(perfring_storage_attr(self->b.storage), &format));
	self->bytes[0] = header_word(0xdeadbeef, 0x1234, 24);
	self->bytes[1] = 1;
	self->bytes[2] = 2;
	self->bytes[3] = header_word(PERF_RECORD_SAMPLE, 0, 32);
	self->bytes[4] = 1000;
	ASSERT_EQ(0, backend_inject(&self->b, PERFRING_INJECT_BYTES, self->bytes, 56, 56));
	ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
	ASSERT_EQ(1, perfring_ring_peek(self->b.ring, &record));
	EXPECT_EQ(0xdeadbeef, record.type);
	EXPECT_EQ(0x1234, record.misc);
	EXPECT_EQ(24, record.size);
	EXPECT_EQ(0, memcmp((const char *)record.data + 8, &self->bytes[1], 16));
	EXPECT_EQ(0, perfring_decode(format, &record, &event, NULL));
	ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
	ASSERT_EQ(1, perfring_ring_peek(self->b.ring, &record));
	EXPECT_EQ(PERF_RECORD_SAMPLE, record.type);
	EXPECT_EQ(-EBADMSG, perfring_decode(format, &record, &event, &error));
	EXPECT_NE(NULL, error.reason);
	ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
	expect_recovered(_metadata, self);
	perfring_format_free(format);
}

/*
 * A head behind the tail, more than a lap ahead, or between two words: refused before
 * any byte is read, the tail stays; the next record publishes the true head.
 */
TEST_F(injected, bad_heads)
{
	const struct {
		const char *name;
		int64_t from_tail;
		const char *reason;
	} table[] = {
		{ "backward", -8, "more than the ring's size" },
		{ "far backward", -(int64_t)DATA, "more than the ring's size" },
		{ "one word more than a lap", DATA + 8, "more than the ring's size" },
		{ "a jump", 1LL << 40, "more than the ring's size" },
		{ "between two words", 12, "not a multiple of 8" },
	};
	const uint64_t positions[] = { 64, DATA - 32, -32UL };
	struct perfring_record record;
	struct perfring_error error;
	struct perfring_batch batch;
	unsigned int i, j;

	for (j = 0; j < ARRAY_LEN(positions); j++)
		for (i = 0; i < ARRAY_LEN(table); i++) {
			open_at(_metadata, self, variant->kind, positions[j]);
			ASSERT_EQ(0, backend_inject(&self->b, PERFRING_INJECT_DATA_HEAD, NULL, 0,
						    positions[j] + table[i].from_tail));
			EXPECT_EQ(-EBADMSG, perfring_batch_begin(self->b.ring, &batch)) {
				TH_LOG("%s", table[i].name);
			}
			EXPECT_EQ(-EBADMSG, perfring_batch_error(&batch, &error));
			EXPECT_NE(NULL, strstr(error.reason, table[i].reason)) {
				TH_LOG("%s: %s", table[i].name, error.reason);
			}
			perfring_batch_commit(&batch);
			EXPECT_EQ(-EBADMSG, perfring_ring_peek(self->b.ring, &record));
			EXPECT_EQ(positions[j], self->page->data_tail);
			/* Written on: the good record, the one that healed it, no more. */
			ASSERT_EQ(1, backend_burst(&self->b, 4, 1));
			EXPECT_EQ((unsigned long)(positions[j] + 48), self->page->data_head);
			ASSERT_EQ(1, perfring_ring_peek(self->b.ring, &record));
			EXPECT_EQ(32, record.size);
			ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
			ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
			expect_recovered(_metadata, self);
		}
}

/*
 * data_size and data_offset that lie: a reader that has the ring open goes by what it
 * mapped, one that comes is told.
 */
TEST_F(injected, bad_geometry)
{
	const struct {
		uint32_t kind;
		uint64_t lie;
	} table[] = {
		{ PERFRING_INJECT_DATA_SIZE, 2 * DATA },
		{ PERFRING_INJECT_DATA_SIZE, DATA / 2 },
		{ PERFRING_INJECT_DATA_SIZE, 1ULL << 60 },
		{ PERFRING_INJECT_DATA_SIZE, DATA - 1 },
		{ PERFRING_INJECT_DATA_OFFSET, 2 * PAGE },
		{ PERFRING_INJECT_DATA_OFFSET, 8 },
		{ PERFRING_INJECT_DATA_OFFSET, -(uint64_t)PAGE },
	};
	struct perfring_storage *other;
	struct perfring_record record;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(table); i++) {
		open_at(_metadata, self, variant->kind, DATA - 16);
		ASSERT_EQ(0, backend_inject(&self->b, table[i].kind, NULL, 0, table[i].lie));
		EXPECT_EQ(table[i].lie, *field_of(self->page, table[i].kind));
		ASSERT_EQ(1, perfring_ring_peek(self->b.ring, &record));
		EXPECT_EQ(32, record.size);
		EXPECT_EQ(19, ((const unsigned char *)record.data)[31]);
		ASSERT_EQ(1, perfring_ring_pop(self->b.ring));
		expect_recovered(_metadata, self);
		EXPECT_GT(0, perfring_storage_from_contiguous(self->page, PAGE + DATA, NULL,
							      &other)) {
			TH_LOG("case %u", i);
		}
	}
}

FIXTURE(device) {
	int fd;
	struct raw raw;
};

FIXTURE_SETUP(device)
{
	char why[WHY_LEN];

	self->fd = -1;
	if (!device_ready(why, sizeof(why)))
		SKIP(return, "%s", why);
}

FIXTURE_TEARDOWN(device)
{
	if (self->raw.page)
		raw_unmap(&self->raw);
	close(self->fd);
	module_allow(false);
}

static int start(FIXTURE_DATA(device) *self, int prot)
{
	int ret;

	self->fd = device_open(0);
	if (self->fd < 0)
		return self->fd;
	ret = raw_map(&self->raw, self->fd, 1, prot);
	return ret ?: do_ioctl(self->fd, PERF_EVENT_IOC_ENABLE, NULL);
}

/* As it is loaded nobody may, root neither. */
TEST_F(device, off_by_default)
{
	uint64_t word = 0, value = 8;
	char now[8];

	ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, module_load(""));
	ASSERT_LT(0, file_read(ALLOWED, now, sizeof(now)));
	EXPECT_EQ('N', now[0]);
	/* Nor may it be switched on later, by whoever mounts sysfs writable. */
	EXPECT_EQ(-EACCES, access(ALLOWED, W_OK) ? -errno : file_write(ALLOWED, "Y"));
	ASSERT_EQ(0, start(self, 0));
	EXPECT_EQ(-EPERM, inject(self->fd, PERFRING_INJECT_BYTES, &word, 8, &value));
	EXPECT_EQ(0, raw_head(&self->raw));
}

/* CAP_SYS_ADMIN, of the caller and not of who opened. */
TEST_F(device, needs_the_capability)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];
	uint64_t word = header_word(77, 0, 8), value = 8;
	pid_t child;
	int status;

	ASSERT_EQ(0, module_allow(true));
	ASSERT_EQ(0, start(self, 0));
	child = fork();
	if (!child) {
		if (syscall(SYS_capget, &head, caps))
			_exit(1);
		caps[0].effective &= ~(1U << CAP_SYS_ADMIN);
		if (syscall(SYS_capset, &head, caps))
			_exit(2);
		_exit(inject(self->fd, PERFRING_INJECT_BYTES, &word, 8, &value) == -EPERM ? 0 : 3);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(0, raw_head(&self->raw));
	EXPECT_EQ(0, inject(self->fd, PERFRING_INJECT_BYTES, &word, 8, &value));
	EXPECT_EQ(8, raw_head(&self->raw));
}

/* What it refuses, and that nothing has moved then. */
TEST_F(device, refusals)
{
	static char bytes[PERFRING_INJECT_MAX + 8];
	const struct {
		uint32_t kind, len;
		uint64_t value;
		int ret;
	} table[] = {
		{ 0, 0, 0, -EINVAL },
		{ 5, 0, 0, -EINVAL },
		{ PERFRING_INJECT_BYTES, 8, 4, -EINVAL },
		{ PERFRING_INJECT_BYTES, 8, DATA + 8, -EINVAL },
		{ PERFRING_INJECT_BYTES, 8, -8ULL, -EINVAL },
		{ PERFRING_INJECT_BYTES, DATA + 1, 8, -EINVAL },
		{ PERFRING_INJECT_BYTES, PERFRING_INJECT_MAX + 1, 8, -EINVAL },
		{ PERFRING_INJECT_BYTES, UINT32_MAX, 8, -EINVAL },
		{ PERFRING_INJECT_BYTES, 8, DATA, -ENOSPC },	/* one byte is never used */
		{ PERFRING_INJECT_DATA_HEAD, 8, 0, -EINVAL },
	};
	struct perfring_inject request = {
		.size = sizeof(request), .kind = PERFRING_INJECT_BYTES, .len = 8, .data = 8,
		.value = 8,
	};
	uint64_t value = 8;
	struct perfring_stats stats;
	unsigned int i;
	int fd;

	ASSERT_EQ(0, module_allow(true));
	self->fd = device_open(0);
	/* No ring. */
	EXPECT_EQ(-EINVAL, inject(self->fd, PERFRING_INJECT_BYTES, bytes, 8, &value));
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 0, 0));
	EXPECT_EQ(-EINVAL, inject(self->fd, PERFRING_INJECT_BYTES, bytes, 8, &value));
	raw_unmap(&self->raw);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, 0));
	for (i = 0; i < ARRAY_LEN(table); i++) {
		value = table[i].value;
		EXPECT_EQ(table[i].ret, inject(self->fd, table[i].kind, bytes, table[i].len,
					       &value)) {
			TH_LOG("case %u", i);
		}
	}
	/* Sizes: short, long with something that nobody knows, long with nothing. */
	for (i = 0; i < 3; i++) {
		struct {
			struct perfring_inject known;
			uint64_t more;
		} sized = { .known = { .kind = PERFRING_INJECT_DATA_SIZE, .value = DATA } };

		sized.known.size = i ? sizeof(sized) : sizeof(sized.known) - 8;
		sized.more = i == 1;
		EXPECT_EQ(i == 0 ? -EINVAL : i == 1 ? -E2BIG : 0,
			  do_ioctl(self->fd, PERFRING_IOC_INJECT, &sized));
	}
	/* An address for what takes none, a bad one, a flag. */
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, PERFRING_IOC_INJECT, &request));
	request.kind = PERFRING_INJECT_DATA_HEAD;
	request.len = 0;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERFRING_IOC_INJECT, &request));
	request.data = 0;
	request.flags = 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, PERFRING_IOC_INJECT, &request));
	EXPECT_EQ(0, raw_head(&self->raw));
	EXPECT_EQ(DATA, self->raw.page->data_size);
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_EQ(0, stats.attempted);
	EXPECT_EQ(1, stats.wakeups);	/* by the one that was good */
	fd = open("/dev/perfring0", O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-EBADF, inject(fd, PERFRING_INJECT_BYTES, bytes, 8, &value));
	close(fd);
}

/* It wakes, and counts nothing else; the event need not be enabled; fields say what they were. */
TEST_F(device, wakes_and_counts_nothing)
{
	uint64_t word[2] = { header_word(77, 0, 16), 4711 }, value = 16;
	struct perfring_stats stats;

	ASSERT_EQ(0, module_allow(true));
	ASSERT_EQ(0, start(self, 0));
	ASSERT_EQ(0, do_ioctl(self->fd, PERF_EVENT_IOC_DISABLE, NULL));
	EXPECT_EQ(0, poll_events(self->fd, 0));
	ASSERT_EQ(0, inject(self->fd, PERFRING_INJECT_BYTES, word, 16, &value));
	EXPECT_EQ(POLLIN, poll_events(self->fd, 0) & POLLIN);
	EXPECT_EQ(16, raw_head(&self->raw));
	value = DATA;
	ASSERT_EQ(0, inject(self->fd, PERFRING_INJECT_DATA_HEAD, NULL, 0, &value));
	EXPECT_EQ(16, value);
	EXPECT_EQ(DATA, raw_head(&self->raw));
	EXPECT_EQ(POLLIN, poll_events(self->fd, 0) & POLLIN);
	value = 1;
	ASSERT_EQ(0, inject(self->fd, PERFRING_INJECT_DATA_SIZE, NULL, 0, &value));
	EXPECT_EQ(DATA, value);
	value = 2;
	ASSERT_EQ(0, inject(self->fd, PERFRING_INJECT_DATA_OFFSET, NULL, 0, &value));
	EXPECT_EQ(PAGE, value);
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	EXPECT_EQ(0, stats.attempted);
	EXPECT_EQ(0, stats.bytes);
	EXPECT_EQ(4, stats.wakeups);
	EXPECT_EQ(16, stats.head);
	EXPECT_TRUE(stats_balance(&stats));
}

/* Inside a held record it is one more that nests; backward it grows downward. */
TEST_F(device, nests_and_goes_backward)
{
	struct perf_event_attr attr = output_attr();
	uint64_t word[2] = { header_word(78, 0, 16), 4711 }, value = 16;
	uint64_t torn[3] = { header_word(79, 0, 24), 1, 2 };

	ASSERT_EQ(0, module_allow(true));
	ASSERT_EQ(0, start(self, 0));
	ASSERT_EQ(0, reserve(self->fd, 77, NULL, 24, 0, NULL));
	ASSERT_EQ(0, inject(self->fd, PERFRING_INJECT_BYTES, word, 16, &value));
	EXPECT_EQ(0, raw_head(&self->raw));
	EXPECT_EQ(0, memcmp(self->raw.data + 32, word, 16));
	EXPECT_EQ(PERFRING_RELEASE_SKIPPED, release(self->fd, false));
	EXPECT_EQ(48, raw_head(&self->raw));
	raw_unmap(&self->raw);
	close(self->fd);

	attr.write_backward = 1;
	self->fd = event_into(-1, 0, &attr);
	ASSERT_EQ(0, raw_map(&self->raw, self->fd, 1, PROT_READ));
	ASSERT_EQ(0, inject(self->fd, PERFRING_INJECT_BYTES, word, 16, &value));
	EXPECT_EQ(-16UL, raw_head(&self->raw));
	EXPECT_EQ(0, memcmp(self->raw.data + DATA - 16, word, 16));
	/* What is too much for @value does not fall on the record of before. */
	ASSERT_EQ(0, inject(self->fd, PERFRING_INJECT_BYTES, torn, 24, &value));
	EXPECT_EQ(-32UL, raw_head(&self->raw));
	EXPECT_EQ(0, memcmp(self->raw.data + DATA - 32, torn, 16));
	EXPECT_EQ(0, memcmp(self->raw.data + DATA - 16, word, 16));
	/* Overwriting it is never full, and nothing else wakes without a record. */
	for (int i = 0; i < 100; i++) {
		value = 0;
		ASSERT_EQ(0, inject(self->fd, PERFRING_INJECT_BYTES, word, 16, &value));
	}
	EXPECT_EQ(-32UL, raw_head(&self->raw));
}

TEST_HARNESS_MAIN
