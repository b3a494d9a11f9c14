// SPDX-License-Identifier: GPL-2.0
/* PERF_EVENT_IOC_SET_OUTPUT: events that share a ring, and who may not. */
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include "conformance.h"

enum refusal {
	SELF, OTHER_CPU, OTHER_CLOCK, SAME_CLOCK, OTHER_DIRECTION, BOTH_BACKWARD, UNMAPPED_TARGET,
	TARGET_WAS_MAPPED, MAPPED_SOURCE, SOURCE_WAS_MAPPED, ENABLED_SOURCE, A_PIPE, A_DEVICE,
	A_CLOSED_FD, MINUS_TWO, UINT_MAX_FD, NONE, NONE_MAPPED, BEYOND_32_BITS, CONTROL_PAGE,
	OVERWRITE_RING, OTHER_SAMPLE_TYPE, OTHER_WATERMARK, NR_REFUSALS,
};

static const char *const refusal_names[] = {
	"itself", "of another CPU", "with another clock", "with the same clock",
	"of another direction", "both backward", "not mapped", "not mapped any more",
	"the source is mapped", "the source was mapped", "the source is enabled", "a pipe",
	"another device", "a closed descriptor", "-2", "2^32 - 1", "-1, nothing to leave",
	"-1, the source is mapped", "with bits beyond 32", "of a control page alone",
	"of an overwritten ring", "with another sample_type", "with another watermark",
};

static void run_refusal(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = output_attr(), other;
	struct raw raw = {}, own = {};
	int fd, target, cpu = ROW_CPU, pipes[2];
	unsigned long arg;

	other = attr;
	if (a == OTHER_CLOCK || a == SAME_CLOCK) {
		attr.use_clockid = 1;
		attr.clockid = CLOCK_MONOTONIC;
	}
	if (a == SAME_CLOCK)
		other = attr;
	other.write_backward = a == OTHER_DIRECTION || a == BOTH_BACKWARD;
	attr.write_backward = a == BOTH_BACKWARD;
	if (a == OTHER_SAMPLE_TYPE)
		attr.sample_type = PERF_SAMPLE_CPU | PERF_SAMPLE_ID;
	if (a == OTHER_WATERMARK) {
		attr.watermark = 1;
		attr.wakeup_watermark = 100;
	}
	if (a == OTHER_CPU)
		cpu = second_cpu();
	fd = side_open(side, &attr);
	target = side_open_attr(side, &other, cpu);
	if (target < 0)
		give_up(side, "target: %s", strerror(-target));
	if (a != UNMAPPED_TARGET)
		say_ret(side, "map", raw_map(&raw, target, a == CONTROL_PAGE ? 0 : 1,
					     a == OVERWRITE_RING ? PROT_READ : RW));
	if (a == TARGET_WAS_MAPPED)
		raw_unmap(&raw);
	if (a == MAPPED_SOURCE || a == SOURCE_WAS_MAPPED || a == NONE_MAPPED)
		say_ret(side, "map source", raw_map(&own, fd, 1, 0));
	if (a == SOURCE_WAS_MAPPED)
		raw_unmap(&own);
	if (a == ENABLED_SOURCE)
		do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);

	arg = target;
	switch ((enum refusal)a) {
	case SELF:
		arg = fd;
		break;
	case A_PIPE:
		arg = pipe(pipes) ? 9999 : pipes[0];
		break;
	case A_DEVICE:
		arg = open("/dev/null", O_RDWR);
		break;
	case A_CLOSED_FD:
		arg = 9999;
		break;
	case MINUS_TWO:
		arg = -2;
		break;
	case UINT_MAX_FD:
		arg = 0xffffffff;
		break;
	case NONE:
	case NONE_MAPPED:
		arg = -1;
		break;
	case BEYOND_32_BITS:
		arg |= (unsigned long)(1ULL << 32);
		break;
	default:
		break;
	}
	say_ret(side, "SET_OUTPUT", do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, arg));
	say_poll(side, "poll", poll_events(fd, 0));
	do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
	say_ret(side, "write", side_write(side, fd, "x", 1));
	if (a == CONTROL_PAGE || a == UNMAPPED_TARGET || a == TARGET_WAS_MAPPED)
		return;
	say(side, "head=%llu", (unsigned long long)raw_head(&raw));
	if (a != OVERWRITE_RING && !other.write_backward)
		say_records(side, &raw, true);
}

/* Three descriptors A, B, C of one attr; the steps of a row work on them. */
struct trio {
	int fd[3];
	struct raw raw[3];
};

static const struct perf_event_attr *trio_attr(void)
{
	static struct perf_event_attr attr;

	attr = output_attr();
	attr.sample_type |= PERF_SAMPLE_IDENTIFIER;
	attr.sample_id_all = 1;
	attr.read_format = PERF_FORMAT_LOST;
	return &attr;
}

/* How each of them is. */
static void look(struct side *side, struct trio *trio)
{
	uint64_t words[2];
	int i;

	for (i = 0; i < 3; i++) {
		if (trio->fd[i] < 0)
			continue;
		say(side, "%c:", 'A' + i);
		say_poll(side, "poll", poll_events(trio->fd[i], 0));
		if (read(trio->fd[i], words, sizeof(words)) == sizeof(words))
			say(side, "count=%llu lost=%llu", (unsigned long long)words[0],
			    (unsigned long long)words[1]);
	}
}

/*
 * Steps, of two letters each: what, on whom.
 *	m, n  map 1 or 2 data pages	u  unmap
 *	o     write a sample		f  fill: 5 samples of 1024 bytes
 *	r     read the mapping's records
 *	p, q  pause, resume		e, d  enable, disable
 *	c     close			x  no ring any more: SET_OUTPUT -1
 *	A to C: SET_OUTPUT to that one
 */
static void step(struct side *side, struct trio *trio, char what, int i)
{
	static const char big[1000];
	int fd = trio->fd[i], k;

	say(side, "%c%c:", what, 'A' + i);
	switch (what) {
	case 'm':
	case 'n':
		say_ret(side, "map", raw_map(&trio->raw[i], fd, what == 'm' ? 1 : 2, 0));
		break;
	case 'u':
		raw_unmap(&trio->raw[i]);
		break;
	case 'o':
		say_ret(side, "write", side_write(side, fd, "x", 1));
		break;
	case 'f':
		for (k = 0; k < 5; k++)
			say_ret(side, "write", side_write(side, fd, big, sizeof(big)));
		break;
	case 'r':
		/* The sizes of what fills a page would be too much to say. */
		say_records(side, &trio->raw[i], trio->raw[i].size == 4096 &&
			    raw_head(&trio->raw[i]) - trio->raw[i].tail < 500);
		break;
	case 'p':
	case 'q':
		say_ret(side, "pause", do_ioctl_word(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, what == 'p'));
		break;
	case 'e':
		say_ret(side, "enable", do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL));
		break;
	case 'd':
		say_ret(side, "disable", do_ioctl(fd, PERF_EVENT_IOC_DISABLE, NULL));
		break;
	case 'c':
		close(fd);
		trio->fd[i] = -1;
		break;
	case 'x':
		say_ret(side, "leave", do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, -1));
		break;
	default:
		say_ret(side, "SET_OUTPUT",
			do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, trio->fd[what - 'A']));
	}
	look(side, trio);
}

static const struct {
	const char *name;
	const char *steps;
} shares[] = {
	{ "two events, one ring", "mA AB oB oA oB rA" },
	{ "three events, one ring", "mA AB AC oB oC oA rA" },
	{ "the same again", "mA AB AB oB rA" },
	{ "through one that has no mapping", "mA AB BC oC oB rA" },
	{ "through one that left", "mA AB BC xB oC oB rA" },
	{ "and away", "mA AB oB xB oB oA rA" },
	{ "and away, and back", "mA AB oB xB oB AB oB rA" },
	{ "from one ring to another", "mA mC AB oB CB oB rA rC" },
	{ "the target is unmapped", "mA AB oB uA oB oA" },
	{ "the target is unmapped and mapped again", "mA AB oB uA mA oB oA AB oB rA" },
	{ "the target is closed, its mapping stays", "mA AB cA oB rA uA oB" },
	{ "the source is closed", "mA AB oB cB oA rA" },
	{ "the source is closed, then the target unmapped", "mA AB oB cB uA oA" },
	{ "the target is disabled", "mA AB dA oA oB rA" },
	{ "the source is disabled", "mA AB dB oA oB eB oB rA" },
	{ "pause of the source", "mA AB pB oA oB qB oA rA" },
	{ "pause of the target", "mA AB pA oB qB oB rA" },
	{ "a mapping of the source", "mA AB mB oA oB rA rB" },
	{ "a mapping of the source of another size", "mA AB nB oB rA" },
	{ "a mapping of the source, the target's goes", "mA AB mB uA oA oB rB" },
	{ "a mapping of the source comes and goes", "mA AB mB uB oB oA rA" },
	{ "both mapped, both go", "mA AB mB uB uA oB oA" },
	{ "both mapped, both go, the other way", "mA AB mB uA uB oB oA" },
	{ "a mapped source cannot leave", "mA AB mB xB oB rA" },
	{ "a mapped source cannot go elsewhere", "mA mC AB mB CB oB rA rC" },
	{ "the target shares the source's", "mA AB BA oB rA" },
	{ "both ways without mappings", "AB BA" },
	{ "a full ring, the other writes next", "mA AB fB rA oA rA" },
	{ "a full ring, each loses", "mA AB fA fB rA oB rA" },
	{ "a source with a ring of its own before", "mA mB oB uB AB oB rA" },
	{ "closed in the order of opening", "mA AB BC cA cB oC rA uA oC" },
};

static void run_share(struct side *side, uint64_t a, uint64_t b)
{
	const char *at = shares[a].steps;
	struct trio trio = {};
	int i;

	for (i = 0; i < 3; i++) {
		trio.fd[i] = side_open(side, trio_attr());
		do_ioctl(trio.fd[i], PERF_EVENT_IOC_ENABLE, NULL);
	}
	for (; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
		step(side, &trio, at[0], at[1] - 'A');
}

/* Who wakes whom: @a the source's wakeup_events, @b the target's. */
static void run_wake(struct side *side, uint64_t a, uint64_t b)
{
	struct perf_event_attr attr = output_attr();
	int fd, target, i;
	struct raw raw;

	attr.wakeup_events = b;
	target = side_ready(side, &attr, &raw, 1);
	attr.wakeup_events = a;
	fd = side_open(side, &attr);
	say_ret(side, "SET_OUTPUT", do_ioctl_word(fd, PERF_EVENT_IOC_SET_OUTPUT, target));
	do_ioctl(fd, PERF_EVENT_IOC_ENABLE, NULL);
	for (i = 0; i < 4; i++) {
		say_ret(side, "write", side_write(side, i & 1 ? target : fd, "x", 1));
		say_poll(side, "source", poll_events(fd, 0));
		say_poll(side, "target", poll_events(target, 0));
	}
	say_records(side, &raw, false);
}

void output_rows(void)
{
	unsigned int i, k;

	for (i = 0; i < NR_REFUSALS; i++)
		if (i != OTHER_CPU || second_cpu() > 0)
			add("SET_OUTPUT", run_refusal, i, 0, "target %s", refusal_names[i]);
	for (i = 0; i < ARRAY_LEN(shares); i++)
		add("SET_OUTPUT", run_share, i, 0, "%s", shares[i].name);
	for (i = 0; i < 4; i++)
		for (k = 0; k < 4; k++)
			add("SET_OUTPUT", run_wake, i, k, "wakeup_events %u into %u", i, k);
}
