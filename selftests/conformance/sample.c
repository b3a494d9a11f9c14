// SPDX-License-Identifier: GPL-2.0
/*
 * Counting and sampling, by events of the kernel that both see: a system call that
 * nobody else makes (for perf its tracepoint, for the device its source syscalls
 * with a filter), and task switches, of which there are as many as there are.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "conformance.h"

#define EVENTS	"/sys/kernel/tracing/events/"
/* As in side.c: this one changes nothing. */
#define ASK_PERSONALITY	0xffffffff

/* perf's tracepoint @name, or the device's source; @attr's config1 and config2 are the latter's. */
static int open_event(struct side *side, struct perf_event_attr *attr, const char *name,
		      uint64_t source)
{
	char path[128], why[WHY_LEN];
	int fd;

	attr->type = pmu_type();
	attr->config = source;
	if (!is_device(side)) {
		if (!tracefs_here(why, sizeof(why)))
			skip_row(side, "%s", why);
		snprintf(path, sizeof(path), EVENTS "%s/id", name);
		attr->type = PERF_TYPE_TRACEPOINT;
		attr->config = file_long(path, -1);
		attr->config1 = 0;
		attr->config2 = 0;
	}
	fd = side_open_attr(side, attr, ROW_CPU);
	if (fd < 0)
		give_up(side, "%s: %s", name, strerror(-fd));
	return fd;
}

static int open_calls(struct side *side, uint64_t period, uint64_t sample_type)
{
	struct perf_event_attr attr = output_attr();

	attr.sample_period = period;
	attr.sample_type = sample_type;
	attr.config1 = getpid();
	attr.config2 = PERFRING_SYSCALLS_BY_NR | SYS_personality;
	return open_event(side, &attr, "syscalls/sys_exit_" PERSONALITY,
			  PERFRING_SOURCE_SYSCALLS);
}

/*
 * Samples, with the word that follows the header. Of a system call's tracepoint perf
 * says that the user was running, so misc is not compared.
 */
static void say_samples(struct side *side, struct raw *raw)
{
	static unsigned char buf[65536];
	struct perf_event_header header;
	unsigned int n = 0;
	uint64_t word = 0;

	while (raw_next(raw, buf) > 0) {
		memcpy(&header, buf, sizeof(header));
		memcpy(&word, buf + sizeof(header), sizeof(word));
		n++;
		say(side, "[%u %u %llu]", header.type, header.size, (unsigned long long)word);
	}
	say(side, "samples=%u;", n);
}

/*
 * Words: a number of calls; e ENABLE, d DISABLE, z RESET, rN REFRESH, pN PERIOD;
 * the first number is the period that the event is opened with.
 */
static const char *const sequences[] = {
	"0 e 5", "1 e 5", "2 e 5 1 1", "3 e 3 3 3", "7 e 5 5 5", "3 2 e 2 d 2 e 2 2",
	"3 e 4 z 4", "1 e p3 1 1 1 1 1 1 1", "1 e 2 p2 1 1 1 1", "7 e 3 p2 1 1 1 1", "7 e p1 3",
	"2 p5 e 4 1 5", "5 e 3 p5 1 1 1 1 1 1", "5 e 3 d p5 e 1 1 1 1 1 1", "3 r1 2 1 5",
	"3 r2 7 7", "2 r1 1 1 e 2 2", "1 e p9223372036854775807 1 1 1", "9223372036854775807 e 9",
	"4 e 2 d 9 e 2", "4 e 3 z 1 1", "3 e 2 p2 d e 1 1 1",
};

static void run_sequence(struct side *side, uint64_t a, uint64_t b)
{
	const char *at = sequences[a];
	uint64_t count, period;
	struct raw raw;
	int fd = open_calls(side, strtoull(at, NULL, 10), b);
	unsigned int n;

	say_ret(side, "map", raw_map(&raw, fd, 4, 0));
	while ((at = strchr(at, ' '))) {
		at++;
		say(side, "%.*s:", (int)strcspn(at, " "), at);
		switch (*at) {
		case 'e':
			say_ret(side, "", do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
			break;
		case 'd':
			say_ret(side, "", do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL));
			break;
		case 'z':
			say_ret(side, "", do_ioctl(fd, PERF_EVENT_IOC_RESET, NULL));
			break;
		case 'r':
			say_ret(side, "", do_ioctl_word(fd, PERF_EVENT_IOC_REFRESH, atoi(at + 1)));
			break;
		case 'p':
			period = strtoull(at + 1, NULL, 10);
			say_ret(side, "", do_ioctl(fd, PERF_EVENT_IOC_PERIOD, &period));
			break;
		default:
			for (n = atoi(at); n; n--)
				personality(ASK_PERSONALITY);
		}
		if (read(fd, &count, sizeof(count)) == sizeof(count))
			say(side, "count=%llu", (unsigned long long)count);
		say_poll(side, "poll", poll_events(fd, 0));
		say_samples(side, &raw);
	}
}

/* At least @n switches on our CPU. */
static void switch_tasks(struct side *side, unsigned int n)
{
	int there[2], back[2];
	char byte = 0;
	pid_t child;

	if (pipe(there) || pipe(back))
		give_up(side, "pipe: %s", strerror(errno));
	child = fork();
	if (!child) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
			;
		_exit(0);
	}
	for (; n; n -= n < 2 ? n : 2)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			give_up(side, "pipe: %s", strerror(errno));
	close(there[1]);
	close(there[0]);
	waitpid(child, NULL, 0);
	close(back[0]);
	close(back[1]);
}

/* A sample of task switches for each period @a? */
static void run_switches(struct side *side, uint64_t a, uint64_t b)
{
	static unsigned char buf[65536];
	struct perf_event_attr attr = output_attr();
	uint64_t count = 0, n = 0;
	struct raw raw;
	int fd;

	attr.sample_period = a;
	attr.sample_type = PERF_SAMPLE_CPU;
	/*
	 * Nobody is woken: on PREEMPT_RT a thread does that, whose switches wake again, until
	 * perf throttles what counts faster than the kernel lets it sample.
	 */
	attr.wakeup_events = 0;
	fd = open_event(side, &attr, "sched/sched_switch", PERFRING_SOURCE_SCHED_SWITCH);
	say_ret(side, "map", raw_map(&raw, fd, 64, 0));
	say_ret(side, "enable", do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
	switch_tasks(side, 100);
	say_ret(side, "disable", do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL));
	say_call(side, "read", read(fd, &count, sizeof(count)));
	while (raw_next(&raw, buf) > 0)
		n++;
	say(side, "counted=%d sampled=%d", count >= 100, n == (a ? count / a : 0));
}

void sample_rows(void)
{
	static const uint64_t periods[] = { 0, 1, 2, 7 };
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(sequences); i++) {
		add("sampling", run_sequence, i, PERF_SAMPLE_CPU, "%s", sequences[i]);
		add("sampling", run_sequence, i, PERF_SAMPLE_PERIOD, "%s, with PERIOD",
		    sequences[i]);
	}
	for (i = 0; i < ARRAY_LEN(periods); i++)
		add("sampling", run_switches, periods[i], 0, "task switches, period %llu",
		    (unsigned long long)periods[i]);
}
