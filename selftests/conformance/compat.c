// SPDX-License-Identifier: GPL-2.0
/* ioctl(2) of a 32-bit program, where requests with the size of a pointer have other numbers. */
#include <linux/ioctl.h>
#include <string.h>
#include "../i386.h"
#include "conformance.h"

/* Where 32 bits reach. */
static uint64_t *low_memory(struct side *side)
{
	void *page = i386_page();

	if (!page || !i386_here())
		skip_row(side, "int $0x80 (CONFIG_IA32_EMULATION)");
	return page;
}

struct compat_request {
	const char *name;
	unsigned int nr;
	unsigned int dir;
	unsigned int size;
	uint32_t value;
	bool literal;
};

static const struct compat_request requests[] = {
	{ "ENABLE", 0, _IOC_NONE, 0, 0, true },
	{ "ENABLE of 4 bytes", 0, _IOC_NONE, 4, 0, true },
	{ "DISABLE", 1, _IOC_NONE, 0, 0, true },
	{ "RESET", 3, _IOC_NONE, 0, 0, true },
	{ "RESET of the group", 3, _IOC_NONE, 0, 1, true },
	{ "PERIOD", 4, _IOC_WRITE, 8, 5, false },
	{ "PERIOD 0", 4, _IOC_WRITE, 8, 0, false },
	{ "PERIOD of 4 bytes", 4, _IOC_WRITE, 4, 5, false },
	{ "PERIOD at NULL", 4, _IOC_WRITE, 8, 0, true },
	{ "SET_OUTPUT -1", 5, _IOC_NONE, 0, 0xffffffff, true },
	{ "SET_OUTPUT 9999", 5, _IOC_NONE, 0, 9999, true },
	{ "SET_FILTER", 6, _IOC_WRITE, 4, 0x61, false },
	{ "SET_FILTER of 8 bytes", 6, _IOC_WRITE, 8, 0x61, false },
	{ "SET_FILTER of 2 bytes", 6, _IOC_WRITE, 2, 0x61, false },
	{ "SET_FILTER at NULL", 6, _IOC_WRITE, 4, 0, true },
	{ "ID", 7, _IOC_READ, 4, 0, false },
	{ "ID of 8 bytes", 7, _IOC_READ, 8, 0, false },
	{ "ID of 2 bytes", 7, _IOC_READ, 2, 0, false },
	{ "ID to write", 7, _IOC_WRITE, 4, 0, false },
	{ "ID at NULL", 7, _IOC_READ, 4, 0, true },
	{ "ID at 2^32 - 1", 7, _IOC_READ, 4, 0xffffffff, true },
	{ "SET_BPF -1", 8, _IOC_WRITE, 4, 0xffffffff, true },
	{ "SET_BPF of 8 bytes", 8, _IOC_WRITE, 8, 0xffffffff, true },
	{ "PAUSE_OUTPUT 1", 9, _IOC_WRITE, 4, 1, true },
	{ "PAUSE_OUTPUT 0", 9, _IOC_WRITE, 4, 0, true },
	{ "PAUSE_OUTPUT 2^31", 9, _IOC_WRITE, 4, 1U << 31, true },
	{ "QUERY_BPF", 10, _IOC_READ | _IOC_WRITE, 4, 4, false },
	{ "QUERY_BPF of 8 bytes", 10, _IOC_READ | _IOC_WRITE, 8, 4, false },
	{ "MODIFY_ATTRIBUTES at NULL", 11, _IOC_WRITE, 4, 0, true },
	{ "MODIFY_ATTRIBUTES at NULL, of 8 bytes", 11, _IOC_WRITE, 8, 0, true },
	{ "MODIFY_ATTRIBUTES at NULL, of 16 bytes", 11, _IOC_WRITE, 16, 0, true },
	{ "number 12", 12, _IOC_WRITE, 4, 0, true },
	{ "number 255", 255, _IOC_NONE, 0, 0, true },
};

static void run_compat(struct side *side, uint64_t a, uint64_t b)
{
	const struct compat_request *request = &requests[a];
	uint64_t *low = low_memory(side), id = 0;
	struct raw raw;
	int fd = side_ready(side, NULL, &raw, 1);

	*low = request->value;
	say_ret(side, request->name,
		i386_ioctl(fd, _IOC(request->dir, '$', request->nr, request->size),
			   request->literal ? request->value : (uint32_t)(uintptr_t)low));
	do_ioctl(fd, PERF_EVENT_IOC_ID, &id);
	if (*low == id)
		say(side, "id");
	else
		say(side, "%#llx", (unsigned long long)*low);
	say_ret(side, "write", side_write(side, fd, "x", 1));
	say_records(side, &raw, true);
}

/* SET_OUTPUT has one number everywhere. */
static void run_output(struct side *side, uint64_t a, uint64_t b)
{
	struct raw raw;
	int target, fd;

	low_memory(side);
	target = side_ready(side, NULL, &raw, 1);
	fd = side_open(side, NULL);
	do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
	say_ret(side, "SET_OUTPUT", i386_ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, target));
	say_ret(side, "write", side_write(side, fd, "x", 1));
	say_records(side, &raw, true);
	say_ret(side, "leave", do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, -1));
	say_poll(side, "poll", poll_events(fd, 0));
	say_ret(side, "SET_OUTPUT", i386_ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, target));
	/* All 32 bits set are 2^32 - 1 to the kernel, and not -1. */
	say_ret(side, "leave", i386_ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, -1));
	say_poll(side, "poll", poll_events(fd, 0));
}

static void run_refresh(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = output_attr();
	struct raw raw;
	int fd;

	low_memory(side);
	attr.sample_type = PERF_SAMPLE_CPU;
	fd = side_open_counter(side, &attr);
	say_ret(side, "map", raw_map(&raw, fd, 1, 0));
	say_ret(side, "REFRESH", i386_ioctl(fd, PERF_EVENT_IOC_REFRESH, a));
	side_fire(side, fd, 3);
	say(side, "head=%llu", (unsigned long long)raw_head(&raw));
}

void compat_rows(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(requests); i++)
		add("32-bit ioctl", run_compat, i, 0, "%s", requests[i].name);
	add("32-bit ioctl", run_output, 0, 0, "SET_OUTPUT");
	add("32-bit ioctl", run_refresh, 2, 0, "REFRESH 2");
	add("32-bit ioctl", run_refresh, 0xffffffff, 0, "REFRESH -1");
}
