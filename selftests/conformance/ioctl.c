// SPDX-License-Identifier: GPL-2.0
/* ioctl(2) of one descriptor: each request of perf's, in each state, with each argument. */
#include <fcntl.h>
#include <linux/ioctl.h>
#include <string.h>
#include "conformance.h"

enum state { FRESH, ENABLED, CONTROL, MAPPED, RUNNING, PAUSED, OVERWRITE, GONE, NR_STATES };

static const char *const state_names[] = {
	"fresh", "enabled", "control page", "mapped", "running", "paused", "overwrite", "unmapped",
};

/* A descriptor in a state; the mapping, where there is one, in *@raw. */
static int enter(struct side *side, enum state state, struct raw *raw)
{
	static const struct {
		bool map;
		int pages;
		int prot;
		bool enable;
	} how[] = {
		[FRESH]	    = { false, 0, RW, false },
		[ENABLED]   = { false, 0, RW, true },
		[CONTROL]   = { true, 0, RW, true },
		[MAPPED]    = { true, 1, RW, false },
		[RUNNING]   = { true, 1, RW, true },
		[PAUSED]    = { true, 1, RW, true },
		[OVERWRITE] = { true, 1, PROT_READ, true },
		[GONE]	    = { true, 1, RW, true },
	};
	int fd = side_open(side, NULL), ret = 0;

	raw->page = NULL;
	if (how[state].map)
		ret = raw_map(raw, fd, how[state].pages, how[state].prot);
	if (!ret && how[state].enable)
		ret = do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
	if (!ret && state == PAUSED)
		ret = do_ioctl_word(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
	if (ret)
		give_up(side, "%s: %s", state_names[state], strerror(-ret));
	if (state == GONE)
		raw_unmap(raw);
	return fd;
}

/* What became of it: readiness, whether it writes, what it counts. */
static void look(struct side *side, int fd, enum state state, struct raw *raw)
{
	uint64_t count;

	say_poll(side, "poll", poll_events(fd, 0));
	say_ret(side, "write", side_write(side, fd, "x", 1));
	say_call(side, "read", read(fd, &count, sizeof(count)));
	say(side, "count=%llu", (unsigned long long)count);
	say_poll(side, "poll", poll_events(fd, 0));
	if (raw->page && raw->size && state != OVERWRITE)
		say_records(side, raw, true);
	else if (raw->page)
		say(side, "head=%llu", (unsigned long long)raw_head(raw));
}

/* Where an argument is. */
enum place {
	LITERAL, GOOD, MISALIGNED, CUT, READ_ONLY, NOWHERE, KERNEL,
};

static const char *const place_names[] = {
	"", "", " misaligned", " cut off by the end of a page", " in memory that cannot be written",
	" at 8", " at 2^63",
};

/* An address of that kind with @len bytes of @value, zeroes behind them. */
static void *argument(struct side *side, enum place place, const void *value, size_t len)
{
	size_t page = sysconf(_SC_PAGESIZE), at = 0;
	char *two = mmap(NULL, 2 * page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (two == MAP_FAILED || munmap(two + page, page))
		give_up(side, "two pages: %s", strerror(errno));
	if (place == NOWHERE)
		return (void *)8;
	if (place == KERNEL)
		return (void *)(~0UL ^ ~0UL >> 1);
	if (place == MISALIGNED)
		at = 1;
	if (place == CUT)
		at = page - 4;
	memcpy(two + at, value, place == CUT ? 4 : len);
	if (place == READ_ONLY)
		mprotect(two, page, PROT_READ);
	return two + at;
}

struct request {
	const char *name;
	unsigned long cmd;
	enum place place;
	uint64_t value;
};

/* In each state. */
static const struct request everywhere[] = {
	{ "ENABLE", PERF_EVENT_IOC_ENABLE, LITERAL, 0 },
	{ "ENABLE of the group", PERF_EVENT_IOC_ENABLE, LITERAL, PERF_IOC_FLAG_GROUP },
	{ "ENABLE with unknown flags", PERF_EVENT_IOC_ENABLE, LITERAL, 0xdead0 },
	{ "DISABLE", PERF_EVENT_IOC_DISABLE, LITERAL, 0 },
	{ "DISABLE of the group", PERF_EVENT_IOC_DISABLE, LITERAL, PERF_IOC_FLAG_GROUP },
	{ "RESET", PERF_EVENT_IOC_RESET, LITERAL, 0 },
	{ "RESET of the group", PERF_EVENT_IOC_RESET, LITERAL, PERF_IOC_FLAG_GROUP },
	{ "RESET with unknown flags", PERF_EVENT_IOC_RESET, LITERAL, ~0ULL },
	{ "PERIOD 7", PERF_EVENT_IOC_PERIOD, GOOD, 7 },
	{ "PERIOD 0", PERF_EVENT_IOC_PERIOD, GOOD, 0 },
	{ "PAUSE_OUTPUT 0", PERF_EVENT_IOC_PAUSE_OUTPUT, LITERAL, 0 },
	{ "PAUSE_OUTPUT 1", PERF_EVENT_IOC_PAUSE_OUTPUT, LITERAL, 1 },
	{ "PAUSE_OUTPUT 2", PERF_EVENT_IOC_PAUSE_OUTPUT, LITERAL, 2 },
	{ "PAUSE_OUTPUT 2^32", PERF_EVENT_IOC_PAUSE_OUTPUT, LITERAL, 1ULL << 32 },
	{ "ID", PERF_EVENT_IOC_ID, GOOD, 0 },
	{ "SET_FILTER", PERF_EVENT_IOC_SET_FILTER, GOOD, 0x30203d3d206161ULL },
	{ "SET_BPF -1", PERF_EVENT_IOC_SET_BPF, LITERAL, -1 },
	{ "QUERY_BPF", PERF_EVENT_IOC_QUERY_BPF, GOOD, 4 },
	{ "unknown number 12", _IO('$', 12), LITERAL, 0 },
};

/* In one state, RUNNING: what the argument is made of matters. */
static const struct request once[] = {
	{ "PERIOD 1", PERF_EVENT_IOC_PERIOD, GOOD, 1 },
	{ "PERIOD 2^63 - 1", PERF_EVENT_IOC_PERIOD, GOOD, (1ULL << 63) - 1 },
	{ "PERIOD 2^63", PERF_EVENT_IOC_PERIOD, GOOD, 1ULL << 63 },
	{ "PERIOD 2^64 - 1", PERF_EVENT_IOC_PERIOD, GOOD, ~0ULL },
	{ "PERIOD", PERF_EVENT_IOC_PERIOD, MISALIGNED, 3 },
	{ "PERIOD", PERF_EVENT_IOC_PERIOD, CUT, 3 },
	{ "PERIOD", PERF_EVENT_IOC_PERIOD, READ_ONLY, 3 },
	{ "PERIOD", PERF_EVENT_IOC_PERIOD, NOWHERE, 0 },
	{ "PERIOD", PERF_EVENT_IOC_PERIOD, KERNEL, 0 },
	{ "PERIOD at NULL", PERF_EVENT_IOC_PERIOD, LITERAL, 0 },
	{ "ID", PERF_EVENT_IOC_ID, MISALIGNED, 0 },
	{ "ID", PERF_EVENT_IOC_ID, CUT, 0 },
	{ "ID", PERF_EVENT_IOC_ID, READ_ONLY, 0 },
	{ "ID", PERF_EVENT_IOC_ID, NOWHERE, 0 },
	{ "ID", PERF_EVENT_IOC_ID, KERNEL, 0 },
	{ "ID at NULL", PERF_EVENT_IOC_ID, LITERAL, 0 },
	{ "SET_FILTER empty", PERF_EVENT_IOC_SET_FILTER, GOOD, 0 },
	{ "SET_FILTER", PERF_EVENT_IOC_SET_FILTER, CUT, 0x30203d3d206161ULL },
	{ "SET_FILTER", PERF_EVENT_IOC_SET_FILTER, NOWHERE, 0 },
	{ "SET_FILTER at NULL", PERF_EVENT_IOC_SET_FILTER, LITERAL, 0 },
	{ "SET_BPF of stdin", PERF_EVENT_IOC_SET_BPF, LITERAL, 0 },
	{ "SET_BPF 9999", PERF_EVENT_IOC_SET_BPF, LITERAL, 9999 },
	{ "QUERY_BPF of 0", PERF_EVENT_IOC_QUERY_BPF, GOOD, 0 },
	{ "QUERY_BPF of 2^32 - 1", PERF_EVENT_IOC_QUERY_BPF, GOOD, ~0U },
	{ "QUERY_BPF", PERF_EVENT_IOC_QUERY_BPF, CUT, 4 },
	{ "QUERY_BPF", PERF_EVENT_IOC_QUERY_BPF, NOWHERE, 0 },
	{ "QUERY_BPF at NULL", PERF_EVENT_IOC_QUERY_BPF, LITERAL, 0 },
	{ "MODIFY_ATTRIBUTES at NULL", PERF_EVENT_IOC_MODIFY_ATTRIBUTES, LITERAL, 0 },
	{ "MODIFY_ATTRIBUTES", PERF_EVENT_IOC_MODIFY_ATTRIBUTES, NOWHERE, 0 },
	{ "MODIFY_ATTRIBUTES of size 0", PERF_EVENT_IOC_MODIFY_ATTRIBUTES, GOOD, 0 },
};

static void run(struct side *side, enum state state, const struct request *request)
{
	uint64_t value[32] = { request->value }, id = 0, again = 1;
	unsigned long arg = request->value;
	struct raw raw;
	int fd = enter(side, state, &raw);

	if (request->place != LITERAL)
		arg = (unsigned long)argument(side, request->place, value, sizeof(value));
	say_ret(side, request->name, do_ioctl_word(fd, request->cmd, arg));
	if (request->cmd == PERF_EVENT_IOC_ID && request->place <= MISALIGNED && arg) {
		memcpy(&id, (void *)arg, sizeof(id));
		do_ioctl(fd, PERF_EVENT_IOC_ID, &again);
		say(side, "id: zero=%d same=%d", !id, id == again);
	} else if (request->place == GOOD) {
		/* What is written back. */
		memcpy(value, (void *)arg, sizeof(value));
		say(side, "argument=%#llx,%#llx", (unsigned long long)value[0],
		    (unsigned long long)value[1]);
	}
	look(side, fd, state, &raw);
}

static void run_everywhere(struct side *side, uint64_t a, uint64_t b)
{
	run(side, a, &everywhere[b]);
}

static void run_once(struct side *side, uint64_t a, uint64_t b)
{
	run(side, RUNNING, &once[b]);
}

/* Request number @a with direction @b and sizes that are not its own. */
static void run_number(struct side *side, uint64_t a, uint64_t b)
{
	static const unsigned int sizes[] = { 0, 1, 2, 4, 8, 16, 128, 0x3fff };
	uint64_t value[32] = { 4 };
	struct raw raw;
	int fd = enter(side, RUNNING, &raw);
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		unsigned long cmd = _IOC(b, '$', a, sizes[i]);

		/* Those with rows of their own. */
		if (cmd == PERF_EVENT_IOC_MODIFY_ATTRIBUTES || cmd == PERF_EVENT_IOC_SET_OUTPUT ||
		    cmd == PERF_EVENT_IOC_REFRESH)
			continue;
		say(side, "%u:", sizes[i]);
		say_ret(side, "ioctl", do_ioctl(fd, cmd, value));
	}
	look(side, fd, RUNNING, &raw);
}

static void run_letter(struct side *side, uint64_t a, uint64_t b)
{
	uint64_t value[32] = {};
	struct raw raw;
	int fd = enter(side, RUNNING, &raw);

	say_ret(side, "ioctl", do_ioctl(fd, _IOC(_IOC_NONE, a, b, 0), value));
	look(side, fd, RUNNING, &raw);
}

/* What every file's ioctl(2) answers before the file is asked. */
static void run_generic(struct side *side, uint64_t a, uint64_t b)
{
	struct raw raw;
	int fd = enter(side, RUNNING, &raw), value = 0;

	say_ret(side, "ioctl", do_ioctl(fd, a, &value));
	say(side, "value=%d", value);
	say(side, "flags=%#x", fcntl(fd, F_GETFL));
	say(side, "fd=%#x", fcntl(fd, F_GETFD));
}

/* A second PERIOD takes effect: of @b events, those that are due make a sample. */
static void run_period(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = output_attr();
	uint64_t period = a;
	struct raw raw;
	int fd;

	attr.sample_period = 0;
	fd = side_open(side, &attr);
	say_ret(side, "map", raw_map(&raw, fd, 1, 0));
	if (b)
		say_ret(side, "enable", do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	say_ret(side, "PERIOD", do_ioctl(fd, PERF_EVENT_IOC_PERIOD, &period));
	look(side, fd, RUNNING, &raw);
}

/* Requests one after the other; each digit of @a one, from the last. */
static void run_sequence(struct side *side, uint64_t a, uint64_t b)
{
	static const struct {
		const char *name;
		unsigned long cmd;
		unsigned long arg;
	} steps[] = {
		{ "ENABLE", PERF_EVENT_IOC_ENABLE, 0 }, { "DISABLE", PERF_EVENT_IOC_DISABLE, 0 },
		{ "RESET", PERF_EVENT_IOC_RESET, 0 }, { "pause", PERF_EVENT_IOC_PAUSE_OUTPUT, 1 },
		{ "resume", PERF_EVENT_IOC_PAUSE_OUTPUT, 0 },
	};
	struct raw raw;
	int fd = enter(side, b, &raw);

	for (; a; a /= 10) {
		say_ret(side, steps[a % 10 - 1].name,
			do_ioctl_word(fd, steps[a % 10 - 1].cmd, steps[a % 10 - 1].arg));
		look(side, fd, b, &raw);
	}
}

void ioctl_rows(void)
{
	static const char *const dirs[] = { "_IO", "_IOW", "_IOR", "_IOWR" };
	static const unsigned int letters[] = { 0, 'p', 'T', '#', '%', 0xff };
	static const unsigned long generic[] = { 0x5401, 0x5421, 0x5450, 0x5451, 0x541b, 0x5452 };
	/* 1 ENABLE, 2 DISABLE, 3 RESET, 4 pause, 5 resume; from the right */
	static const unsigned int sequences[] = {
		11, 22, 33, 44, 55, 121, 1212, 541, 5414, 1541, 12412, 2541, 31, 13, 5141,
	};
	unsigned int i, k, dir;

	for (k = 0; k < NR_STATES; k++)
		for (i = 0; i < ARRAY_LEN(everywhere); i++)
			add("ioctl", run_everywhere, k, i, "%s, %s", everywhere[i].name,
			    state_names[k]);
	for (i = 0; i < ARRAY_LEN(once); i++)
		add("ioctl", run_once, 0, i, "%s%s", once[i].name, place_names[once[i].place]);
	for (i = 0; i <= 11; i++)
		for (dir = 0; dir < 4; dir++)
			add("ioctl numbers", run_number, i, dir, "%s %u of any size", dirs[dir], i);
	for (i = 12; i < 256; i += i < 20 ? 1 : 47)
		add("ioctl numbers", run_number, i, 0, "_IO %u of any size", i);
	for (i = 0; i < ARRAY_LEN(letters); i++)
		add("ioctl numbers", run_letter, letters[i], 0, "letter %#x number 0", letters[i]);
	for (i = 0; i < ARRAY_LEN(generic); i++)
		add("ioctl numbers", run_generic, generic[i], 0, "of every file, %#lx", generic[i]);
	for (i = 0; i < 2; i++) {
		add("ioctl", run_period, 5, i, "PERIOD without sampling, %s",
		    i ? "enabled" : "disabled");
		add("ioctl", run_period, 0, i, "PERIOD 0 without sampling, %s",
		    i ? "enabled" : "disabled");
	}
	for (i = 0; i < ARRAY_LEN(sequences); i++)
		for (k = MAPPED; k <= OVERWRITE; k++)
			add("ioctl", run_sequence, sequences[i], k, "sequence %u, %s",
			    sequences[i], state_names[k]);
}
