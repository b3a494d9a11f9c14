// SPDX-License-Identifier: GPL-2.0
/* perf_event_open(2): each field of the attr, each bit of a field, each size of it. */
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "conformance.h"

/* An attr with room behind it, as one from a newer header has. */
union big_attr {
	struct perf_event_attr attr;
	unsigned char byte[8192];
};

/*
 * Where a field is; by number, because a test host's header may know less than
 * the kernel that is tested.
 */
enum offset {
	AT_TYPE = 0, AT_CONFIG = 8, AT_PERIOD = 16, AT_SAMPLE_TYPE = 24, AT_READ_FORMAT = 32,
	AT_FLAGS = 40, AT_WAKEUP = 48, AT_BP_TYPE = 52, AT_CONFIG1 = 56, AT_CONFIG2 = 64,
	AT_BRANCH = 72, AT_REGS_USER = 80, AT_STACK_USER = 88, AT_CLOCKID = 92,
	AT_REGS_INTR = 96, AT_AUX_WATERMARK = 104, AT_MAX_STACK = 108, AT_RESERVED_2 = 110,
	AT_AUX_SAMPLE_SIZE = 112, AT_RESERVED_3 = 116, AT_SIG_DATA = 120, AT_CONFIG3 = 128,
};

static const char *const flag_names[] = {
	"disabled", "inherit", "pinned", "exclusive", "exclude_user", "exclude_kernel",
	"exclude_hv", "exclude_idle", "mmap", "comm", "freq", "inherit_stat",
	"enable_on_exec", "task", "watermark", "precise_ip 1", "precise_ip 2", "mmap_data",
	"sample_id_all", "exclude_host", "exclude_guest", "exclude_callchain_kernel",
	"exclude_callchain_user", "mmap2", "comm_exec", "use_clockid", "context_switch",
	"write_backward", "namespaces", "ksymbol", "bpf_event", "aux_output", "cgroup",
	"text_poke", "build_id", "inherit_thread", "remove_on_exec", "sigtrap",
};

static const char *const sample_names[] = {
	"IP", "TID", "TIME", "ADDR", "READ", "CALLCHAIN", "ID", "CPU", "PERIOD", "STREAM_ID",
	"RAW", "BRANCH_STACK", "REGS_USER", "STACK_USER", "WEIGHT", "DATA_SRC", "IDENTIFIER",
	"TRANSACTION", "REGS_INTR", "PHYS_ADDR", "AUX", "CGROUP", "DATA_PAGE_SIZE",
	"CODE_PAGE_SIZE", "WEIGHT_STRUCT",
};

static const char *const format_names[] = {
	"TOTAL_TIME_ENABLED", "TOTAL_TIME_RUNNING", "ID", "GROUP", "LOST",
};

/* A field set to a value, maybe a second one, of output_attr(). */
struct setting {
	const char *name;
	enum offset at;
	unsigned int bytes;
	uint64_t value;
	/* 0: no second one. */
	enum offset at2;
	unsigned int bytes2;
	uint64_t value2;
};

#define FLAG(bit)	(1ULL << (bit))
/* Bits of flag_names[]. */
#define DISABLED	FLAG(0)
#define INHERIT		FLAG(1)
#define FREQ		FLAG(10)
#define ON_EXEC		FLAG(12)
#define WATERMARK	FLAG(14)
#define NO_USER_CHAIN	FLAG(22)
#define CLOCKID		FLAG(25)
#define INHERIT_THREAD	FLAG(35)
#define REMOVE_ON_EXEC	FLAG(36)
#define SIGTRAP_FLAG	FLAG(37)

#define ONE(...)	{ __VA_ARGS__, 0, 0, 0 }

static const struct setting settings[] = {
	ONE("software cpu-clock", AT_CONFIG, 8, 0),
	ONE("software task-clock", AT_CONFIG, 8, 1),
	ONE("software page-faults", AT_CONFIG, 8, 2),
	ONE("software context-switches", AT_CONFIG, 8, 3),
	ONE("software cpu-migrations", AT_CONFIG, 8, 4),
	ONE("software minor-faults", AT_CONFIG, 8, 5),
	ONE("software major-faults", AT_CONFIG, 8, 6),
	ONE("software alignment-faults", AT_CONFIG, 8, 7),
	ONE("software emulation-faults", AT_CONFIG, 8, 8),
	ONE("software dummy", AT_CONFIG, 8, 9),
	ONE("software bpf-output", AT_CONFIG, 8, 10),
	ONE("software cgroup-switches", AT_CONFIG, 8, 11),
	ONE("software 12", AT_CONFIG, 8, 12),
	ONE("software 2^32 + 10", AT_CONFIG, 8, (1ULL << 32) + 10),
	ONE("software 2^63 + 10", AT_CONFIG, 8, (1ULL << 63) + 10),
	ONE("type 2^31 - 1", AT_TYPE, 4, 0x7fffffff),
	ONE("type 2^32 - 16", AT_TYPE, 4, 0xfffffff0),
	ONE("sample_period 0", AT_PERIOD, 8, 0),
	ONE("sample_period 2", AT_PERIOD, 8, 2),
	ONE("sample_period 2^63 - 1", AT_PERIOD, 8, (1ULL << 63) - 1),
	ONE("sample_period 2^63", AT_PERIOD, 8, 1ULL << 63),
	ONE("sample_period 2^64 - 1", AT_PERIOD, 8, ~0ULL),
	{ "freq 0", AT_PERIOD, 8, 0, AT_FLAGS, 8, FREQ },
	{ "freq 1000", AT_PERIOD, 8, 1000, AT_FLAGS, 8, FREQ },
	{ "freq 2^62", AT_PERIOD, 8, 1ULL << 62, AT_FLAGS, 8, FREQ },
	ONE("wakeup_events 0", AT_WAKEUP, 4, 0),
	ONE("wakeup_events 2", AT_WAKEUP, 4, 2),
	ONE("wakeup_events 2^31", AT_WAKEUP, 4, 1U << 31),
	ONE("wakeup_events 2^32 - 1", AT_WAKEUP, 4, ~0U),
	{ "wakeup_watermark 0", AT_WAKEUP, 4, 0, AT_FLAGS, 8, WATERMARK },
	{ "wakeup_watermark 4096", AT_WAKEUP, 4, 4096, AT_FLAGS, 8, WATERMARK },
	{ "wakeup_watermark 2^32 - 1", AT_WAKEUP, 4, ~0U, AT_FLAGS, 8, WATERMARK },
	ONE("bp_type 1", AT_BP_TYPE, 4, 1),
	ONE("bp_type 2^31", AT_BP_TYPE, 4, 1U << 31),
	ONE("config1 1", AT_CONFIG1, 8, 1),
	ONE("config1 2^64 - 1", AT_CONFIG1, 8, ~0ULL),
	ONE("config2 1", AT_CONFIG2, 8, 1),
	ONE("branch_sample_type USER", AT_BRANCH, 8, 1),
	ONE("branch_sample_type 2^63", AT_BRANCH, 8, 1ULL << 63),
	ONE("sample_regs_user 1", AT_REGS_USER, 8, 1),
	ONE("sample_regs_user 2^63", AT_REGS_USER, 8, 1ULL << 63),
	ONE("sample_stack_user 8", AT_STACK_USER, 4, 8),
	ONE("sample_stack_user 1", AT_STACK_USER, 4, 1),
	ONE("sample_stack_user 65535", AT_STACK_USER, 4, 65535),
	ONE("sample_regs_intr 1", AT_REGS_INTR, 8, 1),
	ONE("sample_regs_intr 2^63", AT_REGS_INTR, 8, 1ULL << 63),
	ONE("aux_watermark 4096", AT_AUX_WATERMARK, 4, 4096),
	ONE("aux_sample_size 1", AT_AUX_SAMPLE_SIZE, 4, 1),
	ONE("sig_data 1", AT_SIG_DATA, 8, 1),
	{ "config3 1, size 136", AT_CONFIG3, 8, 1, 4, 4, 136 },
	ONE("sample_max_stack 1", AT_MAX_STACK, 2, 1),
	ONE("sample_max_stack 128 without CALLCHAIN", AT_MAX_STACK, 2, 128),
	ONE("sample_max_stack 65535 without CALLCHAIN", AT_MAX_STACK, 2, 65535),
	{ "sample_period 0, wakeup_events 0", AT_PERIOD, 8, 0, AT_WAKEUP, 4, 0 },
	ONE("clockid 1 without use_clockid", AT_CLOCKID, 4, 1),
	ONE("clockid 99 without use_clockid", AT_CLOCKID, 4, 99),
	ONE("inherit and inherit_thread", AT_FLAGS, 8, INHERIT | INHERIT_THREAD),
	ONE("inherit_thread alone", AT_FLAGS, 8, INHERIT_THREAD),
	ONE("remove_on_exec and enable_on_exec", AT_FLAGS, 8, REMOVE_ON_EXEC | ON_EXEC),
	ONE("sigtrap alone", AT_FLAGS, 8, SIGTRAP_FLAG),
	ONE("disabled with inherit", AT_FLAGS, 8, DISABLED | INHERIT),
	{ "inherit with sample_type READ", AT_FLAGS, 8, INHERIT, AT_SAMPLE_TYPE, 8, 1 << 4 },
	ONE("sigtrap with remove_on_exec", AT_FLAGS, 8, SIGTRAP_FLAG | REMOVE_ON_EXEC),
	{ "inherit with sample_type READ and TID", AT_FLAGS, 8, INHERIT,
	  AT_SAMPLE_TYPE, 8, 1 << 4 | 1 << 1 },
	{ "inherit with format GROUP", AT_FLAGS, 8, INHERIT, AT_READ_FORMAT, 8, 1 << 3 },
	ONE("BRANCH_STACK without branch type", AT_SAMPLE_TYPE, 8, 1 << 11),
	{ "BRANCH_STACK of an unknown branch type", AT_SAMPLE_TYPE, 8, 1 << 11,
	  AT_BRANCH, 8, 1ULL << 60 },
	ONE("REGS_USER of no register", AT_SAMPLE_TYPE, 8, 1 << 12),
	{ "REGS_USER of an unknown register", AT_SAMPLE_TYPE, 8, 1 << 12,
	  AT_REGS_USER, 8, 1ULL << 63 },
	ONE("REGS_INTR of no register", AT_SAMPLE_TYPE, 8, 1 << 18),
	{ "STACK_USER of 65535", AT_SAMPLE_TYPE, 8, 1 << 13, AT_STACK_USER, 4, 65535 },
	{ "STACK_USER of 9", AT_SAMPLE_TYPE, 8, 1 << 13, AT_STACK_USER, 4, 9 },
	ONE("WEIGHT and WEIGHT_STRUCT", AT_SAMPLE_TYPE, 8, 1 << 14 | 1 << 24),
	ONE("all that a user's sample may have", AT_SAMPLE_TYPE, 8,
	    0xf | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 16),
};

/* The attr of a row: output_attr() with room, big enough for config3. */
static union big_attr *big_attr(void)
{
	static union big_attr big;

	memset(&big, 0, sizeof(big));
	big.attr = output_attr();
	return &big;
}

/* The same flags where a big-endian machine has them: it counts bit-fields from the other end. */
static uint64_t mirrored(uint64_t flags)
{
	uint64_t turned = 0;
	unsigned int bit;

	for (bit = 0; bit < 64; bit++)
		turned |= (flags >> bit & 1) << (63 - bit);
	return turned;
}

/* Set bits of the number of @bytes at @at, besides those that it has. */
static void add_bits(union big_attr *big, unsigned int at, unsigned int bytes, uint64_t value)
{
	const unsigned char *low = (unsigned char *)&value;
	unsigned int i;

	if (BIG_ENDIAN_HERE && at == AT_FLAGS)
		value = mirrored(value);
	if (BIG_ENDIAN_HERE)
		low += sizeof(value) - bytes;
	for (i = 0; i < bytes; i++)
		big->byte[at + i] |= low[i];
}

static void set(union big_attr *big, unsigned int at, unsigned int bytes, uint64_t value)
{
	memset(&big->byte[at], 0, bytes);
	add_bits(big, at, bytes, value);
}

/* What opening it says; an attr that perf takes makes a descriptor that can be enabled. */
static void try_attr(struct side *side, union big_attr *big)
{
	int fd = side_open_attr(side, big, ROW_CPU);

	say_ret(side, "open", fd < 0 ? fd : 0);
	if (fd < 0)
		return;
	say_ret(side, "enable", do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	close(fd);
}

/* Bit @b of the field at @a, which ends with its word, besides what output_attr() has. */
static void run_bit(struct side *side, uint64_t a, uint64_t b)
{
	union big_attr *big = big_attr();

	add_bits(big, a, 8 - a % 8, 1ULL << b);
	try_attr(side, big);
}

static void run_setting(struct side *side, uint64_t a, uint64_t b)
{
	const struct setting *setting = &settings[a];
	union big_attr *big = big_attr();

	set(big, setting->at, setting->bytes, setting->value);
	if (setting->at2)
		set(big, setting->at2, setting->bytes2, setting->value2);
	try_attr(side, big);
}

/* Size @a, byte @b set; what is written back shows. */
static void run_size(struct side *side, uint64_t a, uint64_t b)
{
	union big_attr *big = big_attr();

	big->attr.size = a;
	if (b)
		big->byte[b] = 1;
	try_attr(side, big);
	say(side, "size=%u", big->attr.size);
}

/* An attr that ends where nothing is mapped; @a bytes of it can be read. */
static void run_edge(struct side *side, uint64_t a, uint64_t b)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *two = mmap(NULL, 2 * page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct perf_event_attr attr = output_attr();
	int fd;

	if (two == MAP_FAILED || munmap(two + page, page))
		give_up(side, "two pages: %s", strerror(errno));
	attr.size = b;
	memcpy(two + page - a, &attr, a < sizeof(attr) ? a : sizeof(attr));
	fd = side_open_attr(side, two + page - a, ROW_CPU);
	say_ret(side, "open", fd < 0 ? fd : 0);
}

static void run_address(struct side *side, uint64_t a, uint64_t b)
{
	int fd = side_open_attr(side, (void *)(uintptr_t)a, ROW_CPU);

	say_ret(side, "open", fd < 0 ? fd : 0);
}

/* A size that is refused, in memory that cannot be written. */
static void run_read_only(struct side *side, uint64_t a, uint64_t b)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct perf_event_attr *attr = mmap(NULL, page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd;

	if (attr == MAP_FAILED)
		give_up(side, "a page: %s", strerror(errno));
	*attr = output_attr();
	attr->size = a;
	mprotect(attr, page, PROT_READ);
	fd = side_open_attr(side, attr, ROW_CPU);
	say_ret(side, "open", fd < 0 ? fd : 0);
	say(side, "size=%u", attr->size);
}

static void run_clock(struct side *side, uint64_t a, uint64_t b)
{
	union big_attr *big = big_attr();

	big->attr.sample_type |= PERF_SAMPLE_TIME;
	set(big, AT_FLAGS, 8, DISABLED | CLOCKID);
	set(big, AT_CLOCKID, 4, a);
	try_attr(side, big);
}

/* CALLCHAIN of the kernel's part, at most @a deep. */
static void run_stack(struct side *side, uint64_t a, uint64_t b)
{
	union big_attr *big = big_attr();

	big->attr.sample_type |= PERF_SAMPLE_CALLCHAIN;
	set(big, AT_FLAGS, 8, DISABLED | NO_USER_CHAIN);
	set(big, AT_MAX_STACK, 2, a);
	if (b)
		side_sysctl(side, "perf_event_max_stack", "64");
	try_attr(side, big);
}

/* As nobody, under a perf_event_paranoid; the device's node is opened by root. */
static void run_paranoid(struct side *side, uint64_t a, uint64_t b)
{
	union big_attr *big = big_attr();
	char text[8];
	int fd = -1, ret;

	snprintf(text, sizeof(text), "%d", (int)a);
	side_sysctl(side, "perf_event_paranoid", text);
	big->attr.sample_type |= b;
	if (b & PERF_SAMPLE_CALLCHAIN)
		big->attr.exclude_callchain_user = 1;
	if (is_device(side))
		fd = device_open(ROW_CPU);
	ret = become_nobody();
	if (ret)
		give_up(side, "nobody: %s", strerror(-ret));
	if (is_device(side)) {
		say_ret(side, "open", do_ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, big));
		return;
	}
	fd = perf_open(&big->attr, -1, ROW_CPU, -1);
	say_ret(side, "open", fd < 0 ? fd : 0);
}

static void run_cpu(struct side *side, uint64_t a, uint64_t b)
{
	union big_attr *big = big_attr();
	int fd = side_open_attr(side, big, a);

	say_ret(side, "open", fd < 0 ? fd : 0);
}

/* Not disabled: it counts and writes from the start. */
static void run_started(struct side *side, uint64_t a, uint64_t b)
{
	union big_attr *big = big_attr();
	struct raw raw;
	int fd;

	big->attr.disabled = a;
	fd = side_open_attr(side, big, ROW_CPU);
	say_ret(side, "open", fd < 0 ? fd : 0);
	say_ret(side, "map", raw_map(&raw, fd, 1, 0));
	say_ret(side, "write", side_write(side, fd, "x", 1));
	say_records(side, &raw, false);
}

static void size_rows(void)
{
	static const uint32_t sizes[] = {
		0, 1, 8, 48, 63, 64, 65, 71, 72, 80, 96, 104, 112, 120, 128, 136, 137, 144, 256,
		4095, 4096, 4097, 8192, 1U << 31, UINT32_MAX,
	};
	static const struct {
		uint32_t size, byte;
	} dirty[] = {
		/* Beyond what is said to be there: not looked at. */
		{ 64, 80 }, { 0, 80 },
		/* Beyond what any tested kernel knows. */
		{ 4096, 4095 }, { 4096, 1000 }, { 2048, 2047 }, { 512, 256 }, { 4095, 4094 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(sizes); i++)
		add("attr size", run_size, sizes[i], 0, "%u", sizes[i]);
	for (i = 0; i < ARRAY_LEN(dirty); i++)
		add("attr size", run_size, dirty[i].size, dirty[i].byte, "%u, byte %u set",
		    dirty[i].size, dirty[i].byte);
	add("attr size", run_edge, 64, 64, "64, and a page ends there");
	add("attr size", run_edge, 64, 72, "72 of which 64 can be read");
	add("attr size", run_edge, 44, 64, "64 of which 44 can be read");
	add("attr size", run_read_only, 63, 0, "63 in memory that cannot be written");
	add("attr size", run_read_only, 64, 0, "64 in memory that cannot be written");
	add("attr size", run_address, 0, 0, "at NULL");
	add("attr size", run_address, 8, 0, "at 8");
	add("attr size", run_address, 1ULL << 63, 0, "at 2^63");
	add("attr size", run_address, ~0ULL, 0, "at 2^64 - 1");
}

static void bit_rows(const char *field, enum offset at, unsigned int bits,
		     const char *const *names, unsigned int nr_names)
{
	unsigned int bit;

	for (bit = 0; bit < bits; bit++)
		if (bit < nr_names)
			add("attr bits", run_bit, at, bit, "%s %s", field, names[bit]);
		else
			add("attr bits", run_bit, at, bit, "%s bit %u", field, bit);
}

void attr_rows(void)
{
	static const int clocks[] = { -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 12345 };
	static const unsigned int depths[] = { 0, 1, 126, 127, 128, 65535 };
	static const uint64_t paranoid_types[] = {
		0, PERF_SAMPLE_IP, PERF_SAMPLE_CALLCHAIN, PERF_SAMPLE_TID,
	};
	unsigned int i;
	int level;

	bit_rows("sample_type", AT_SAMPLE_TYPE, 64, sample_names, ARRAY_LEN(sample_names));
	bit_rows("read_format", AT_READ_FORMAT, 64, format_names, ARRAY_LEN(format_names));
	bit_rows("flag", AT_FLAGS, 64, flag_names, ARRAY_LEN(flag_names));
	bit_rows("__reserved_2", AT_RESERVED_2, 16, NULL, 0);
	bit_rows("__reserved_3", AT_RESERVED_3, 32, NULL, 0);
	for (i = 0; i < ARRAY_LEN(settings); i++)
		add("attr fields", run_setting, i, 0, "%s", settings[i].name);
	for (i = 0; i < ARRAY_LEN(clocks); i++)
		add("attr fields", run_clock, clocks[i], 0, "clock %d", clocks[i]);
	for (i = 0; i < ARRAY_LEN(depths); i++)
		add("attr fields", run_stack, depths[i], 0, "CALLCHAIN of %u", depths[i]);
	add("attr fields", run_stack, 64, 1, "CALLCHAIN of 64, most is 64");
	add("attr fields", run_stack, 65, 1, "CALLCHAIN of 65, most is 64");
	add("attr fields", run_started, 0, 0, "not disabled, it writes");
	add("attr fields", run_started, 1, 0, "disabled, it does not write");
	if (second_cpu() > 0)
		add("attr fields", run_cpu, second_cpu(), 0, "on another CPU");
	size_rows();
	for (level = -1; level <= 2; level++)
		for (i = 0; i < ARRAY_LEN(paranoid_types); i++)
			add("attr as nobody", run_paranoid, level, paranoid_types[i],
			    "paranoid %d, sample_type +%#llx", level,
			    (unsigned long long)paranoid_types[i]);
}
