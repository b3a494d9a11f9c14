// SPDX-License-Identifier: GPL-2.0
/* Overflows: REFRESH, and SIGIO for who asks with O_ASYNC. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "conformance.h"

/* What counts: each event makes a record, of a header and the CPU. */
static struct perf_event_attr counter_attr(void)
{
	struct perf_event_attr attr = output_attr();

	attr.sample_type = PERF_SAMPLE_CPU;
	return attr;
}

static void block(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGIO);
	sigaddset(set, SIGUSR1);
	sigaddset(set, SIGRTMIN);
	sigaddset(set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, set, NULL);
}

/* Signals that are pending; the first may be on its way still. */
static void say_signals(struct side *side, const sigset_t *set, int fd)
{
	struct timespec wait = { 0, 30000000 };
	siginfo_t info;
	int sig;

	for (;;) {
		sig = sigtimedwait(set, &info, &wait);
		if (sig < 0)
			break;
		say(side, "{sig=%d code=%d", sig, info.si_code);
		if (info.si_code > 0 && info.si_code < SI_KERNEL)
			say(side, "band=%#lx fd=%d", info.si_band, info.si_fd == fd);
		say(side, "}");
		wait.tv_nsec = 2000000;
	}
	say(side, "no more;");
}

enum own { NOBODY, SELF_PID, SELF_THREAD, SELF_GROUP, GONE_PID };

/**
 * struct async - who asks for which signal, how
 * @async: O_ASYNC
 * @own: F_SETOWN or F_SETOWN_EX
 * @sig: F_SETSIG; 0 none
 * @map: data pages; -1 no mapping
 * @more: wakeup_events and others, see run_async()
 */
struct async {
	const char *name;
	bool async;
	enum own own;
	int sig;
	int map;
	char more;
};

static const struct async asyncs[] = {
	{ "no O_ASYNC, no owner", false, NOBODY, 0, 1, 0 },
	{ "no O_ASYNC", false, SELF_PID, 0, 1, 0 },
	{ "no owner", true, NOBODY, 0, 1, 0 },
	{ "SIGIO", true, SELF_PID, 0, 1, 0 },
	{ "SIGIO to a thread", true, SELF_THREAD, 0, 1, 0 },
	{ "SIGIO to a group", true, SELF_GROUP, 0, 1, 0 },
	{ "SIGIO to one who is gone", true, GONE_PID, 0, 1, 0 },
	{ "F_SETSIG of SIGIO", true, SELF_PID, SIGIO, 1, 0 },
	{ "F_SETSIG of SIGUSR1", true, SELF_PID, SIGUSR1, 1, 0 },
	{ "F_SETSIG of a real-time signal", true, SELF_PID, 34, 1, 0 },
	{ "a real-time signal without mapping", true, SELF_PID, 34, -1, 0 },
	{ "a real-time signal, control page", true, SELF_PID, 34, 0, 0 },
	{ "a real-time signal, wakeup_events 2", true, SELF_PID, 34, 1, 'w' },
	{ "a real-time signal, watermark", true, SELF_PID, 34, 1, 'm' },
	{ "a real-time signal, paused", true, SELF_PID, 34, 1, 'p' },
	{ "a real-time signal, overwrite", true, SELF_PID, 34, 1, 'o' },
	{ "a real-time signal, disabled", true, SELF_PID, 34, 1, 'd' },
	{ "a real-time signal, O_ASYNC taken back", true, SELF_PID, 34, 1, 'b' },
	{ "a real-time signal, the ring unmapped", true, SELF_PID, 34, 1, 'u' },
	{ "a real-time signal, REFRESH 2", true, SELF_PID, 34, 1, 'r' },
	{ "SIGIO, REFRESH 2", true, SELF_PID, 0, 1, 'r' },
	{ "a real-time signal, REFRESH 2 without mapping", true, SELF_PID, 34, -1, 'r' },
	{ "a real-time signal, by FIOASYNC", false, SELF_PID, 34, 1, 'f' },
	{ "a real-time signal, another owner later", true, GONE_PID, 34, 1, 's' },
	{ "a real-time signal, of a duplicate", true, SELF_PID, 34, 1, '2' },
	{ "a real-time signal, a duplicate closed", true, SELF_PID, 34, 1, '3' },
};

static void set_owner(struct side *side, int fd, enum own who)
{
	struct f_owner_ex owner = { F_OWNER_TID, syscall(SYS_gettid) };
	pid_t child;

	switch (who) {
	case NOBODY:
		break;
	case SELF_PID:
		say_call(side, "F_SETOWN", fcntl(fd, F_SETOWN, getpid()));
		say(side, "own=%d", fcntl(fd, F_GETOWN) == getpid());
		break;
	case SELF_THREAD:
		say_call(side, "F_SETOWN_EX", fcntl(fd, F_SETOWN_EX, &owner));
		break;
	case SELF_GROUP:
		setpgid(0, 0);
		say_call(side, "F_SETOWN", fcntl(fd, F_SETOWN, -getpgrp()));
		break;
	case GONE_PID:
		child = fork();
		if (!child)
			_exit(0);
		say_call(side, "F_SETOWN", fcntl(fd, F_SETOWN, child));
		waitpid(child, NULL, 0);
		break;
	}
}

static void run_async(struct side *side, uint64_t a, uint64_t b)
{
	const struct async *how = &asyncs[a];
	struct perf_event_attr attr = counter_attr();
	struct raw raw = {};
	sigset_t set;
	int fd, on = 1, i, other = -1;

	if (how->more == 'w')
		attr.wakeup_events = 2;
	if (how->more == 'm') {
		attr.watermark = 1;
		attr.wakeup_watermark = 100;
	}
	block(&set);
	fd = side_open_counter(side, &attr);
	if (how->map >= 0)
		say_ret(side, "map", raw_map(&raw, fd, how->map,
					     how->more == 'o' ? PROT_READ : RW));
	set_owner(side, fd, how->own);
	if (how->sig)
		say_call(side, "F_SETSIG", fcntl(fd, F_SETSIG, how->sig));
	if (how->async)
		say_call(side, "F_SETFL", fcntl(fd, F_SETFL, O_ASYNC));
	if (how->more == 'f')
		say_ret(side, "FIOASYNC", do_ioctl(fd, 0x5452, &on));
	say(side, "flags=%d sig=%d", !!(fcntl(fd, F_GETFL) & O_ASYNC), fcntl(fd, F_GETSIG));
	if (how->more == '2' || how->more == '3')
		other = dup(fd);
	if (how->more == '3')
		close(fd);
	if (other >= 0)
		fd = how->more == '3' ? other : fd;
	if (how->more == 'r')
		say_ret(side, "REFRESH", do_ioctl_word(fd, PERF_EVENT_IOC_REFRESH, 2));
	else if (how->more != 'd')
		say_ret(side, "enable", do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	if (how->more == 'p')
		do_ioctl_word(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1);
	if (how->more == 's')
		set_owner(side, fd, SELF_PID);
	if (how->more == 'u')
		raw_unmap(&raw);
	for (i = 0; i < 3; i++) {
		if (how->more == 'b' && i == 1)
			say_call(side, "F_SETFL", fcntl(fd, F_SETFL, 0));
		side_fire(side, other >= 0 ? other : fd, 1);
		say_signals(side, &set, fd);
		say_poll(side, "poll", poll_events(fd, 0));
		if (raw.page)
			say(side, "head=%llu", (unsigned long long)raw_head(&raw));
	}
}

static void say_sizes(struct side *side, struct raw *raw)
{
	static unsigned char buf[65536];
	struct perf_event_header header;
	uint64_t cpu;

	while (raw_next(raw, buf) > 0) {
		memcpy(&header, buf, sizeof(header));
		memcpy(&cpu, buf + sizeof(header), sizeof(cpu));
		say(side, "[type=%u size=%u %#llx]", header.type, header.size,
		    (unsigned long long)cpu);
	}
}

/* bpf-output itself: does a sample signal, with wakeup_events @a? */
static void run_output_signal(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = output_attr();
	struct raw raw;
	sigset_t set;
	int fd, i;

	attr.wakeup_events = a;
	block(&set);
	fd = side_ready(side, &attr, &raw, 1);
	set_owner(side, fd, SELF_PID);
	say_call(side, "F_SETSIG", fcntl(fd, F_SETSIG, 34));
	say_call(side, "F_SETFL", fcntl(fd, F_SETFL, O_ASYNC));
	for (i = 0; i < 3; i++) {
		say_ret(side, "write", side_write(side, fd, "x", 1));
		say_signals(side, &set, fd);
	}
}

/*
 * REFRESH: words of a number or a letter. A number of events that happen;
 * rN REFRESH by N, e ENABLE, d DISABLE, z RESET, m map.
 */
static const char *const refreshes[] = {
	"m r0 3", "m r1 3", "m r2 1 1 1", "m r3 2 2", "m r-1 3", "m r1 2 r1 2", "m r1 2 r2 3",
	"m r2 1 r2 4", "m r1 2 e 3", "m r1 2 d e 3", "m r2 1 d 1 e 2", "m e 1 r1 2", "m e r2 1 e 3",
	"m r1 r1 3", "m r1 z 3", "m r1 2 r0 2", "m r1000 5", "m r1 d 1 r1 3", "r1 3", "r1 m 3",
	"r2 1 m 3", "r1 2 m e 2", "m d r1 2", "m r-2 1 r3 3", "m r2147483647 2 r1 2",
};

static void run_refresh(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = counter_attr();
	const char *at = refreshes[a];
	struct raw raw = {};
	int fd = side_open_counter(side, &attr);

	for (; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL) {
		switch (*at) {
		case 'm':
			say_ret(side, "map", raw_map(&raw, fd, 1, 0));
			break;
		case 'r':
			say_ret(side, "REFRESH", do_ioctl_word(fd, PERF_EVENT_IOC_REFRESH,
							       atoi(at + 1)));
			break;
		case 'e':
			say_ret(side, "ENABLE", do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
			break;
		case 'd':
			say_ret(side, "DISABLE", do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL));
			break;
		case 'z':
			say_ret(side, "RESET", do_ioctl(fd, PERF_EVENT_IOC_RESET, NULL));
			break;
		default:
			side_fire(side, fd, atoi(at));
		}
		say_poll(side, "poll", poll_events(fd, 0));
		if (raw.page)
			say(side, "head=%llu", (unsigned long long)raw_head(&raw));
	}
	/* Of a system call's tracepoint perf says that the user was running. */
	if (raw.page)
		say_sizes(side, &raw);
}

/* Of bpf-output with period @a: what REFRESH of 1 says; 1 inherited, else as many samples. */
static void run_refresh_output(struct side *side, uint64_t a, uint64_t b)
{
	uint64_t n;

	struct perf_event_attr attr = output_attr();
	struct raw raw;
	int fd;

	attr.sample_period = a;
	attr.inherit = b == 1;
	fd = side_open(side, &attr);
	say_ret(side, "map", raw_map(&raw, fd, 1, 0));
	say_ret(side, "REFRESH", do_ioctl_word(fd, PERF_EVENT_IOC_REFRESH, 1));
	/* A BPF program does not write to an inherited event. */
	for (n = b; n > 1; n--)
		say_ret(side, "write", side_write(side, fd, "x", 1));
	say_records(side, &raw, true);
}

/* The times stop with the last one. */
static void run_refresh_times(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = counter_attr();
	uint64_t before[3], after[3];
	int fd;

	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	fd = side_open_counter(side, &attr);
	pin_to(ROW_CPU);	/* the time that is to pass is that of the event's CPU */
	say_ret(side, "REFRESH", do_ioctl_word(fd, PERF_EVENT_IOC_REFRESH, a));
	side_fire(side, fd, 1);
	say_call(side, "read", read(fd, before, sizeof(before)));
	pass_time();
	say_call(side, "read", read(fd, after, sizeof(after)));
	say(side, "goes on=%d", after[1] > before[1]);
	say(side, "equal=%d", after[1] == after[2]);
}

void signal_rows(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(asyncs); i++)
		add("signals", run_async, i, 0, "%s", asyncs[i].name);
	for (i = 0; i < 3; i++)
		add("signals", run_output_signal, i, 0, "bpf-output, wakeup_events %u", i);
	for (i = 0; i < ARRAY_LEN(refreshes); i++)
		add("REFRESH", run_refresh, i, 0, "%s", refreshes[i]);
	add("REFRESH", run_refresh_output, 0, 3, "bpf-output without sampling");
	add("REFRESH", run_refresh_output, 1, 2, "bpf-output, one sample");
	add("REFRESH", run_refresh_output, 1, 4, "bpf-output, more samples");
	add("REFRESH", run_refresh_output, 0, 1, "bpf-output, inherited, without sampling");
	add("REFRESH", run_refresh_output, 1, 1, "bpf-output, inherited");
	add("REFRESH", run_refresh_times, 1, 0, "times, after the last");
	add("REFRESH", run_refresh_times, 2, 0, "times, before the last");
}
