// SPDX-License-Identifier: GPL-2.0
/*
 * Writers that interrupt writers, on the protocol itself: kmod/core.h as user
 * space compiles it.
 *
 * A signal handler is to its thread what an interrupt is to its CPU: it comes
 * between any two instructions and ends before the thread goes on.  Two signals
 * that do not block each other make three levels.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "../kmod/core.h"
#include "../kmod/uapi/linux/perfring.h"
#include "kselftest_harness.h"

#define LEVELS		3U
#define LOST_SIZE	24
#define SKIPPED		77	/* id of the LOST records of 0 that stand for discarded ones */
#define RECORDS		100000UL
#define SIGNALS		200UL

/* header, then words that all follow from the first: level and sequence number. */
struct record {
	struct perf_event_header header;
	uint64_t word[1 + 12];
};

static struct perfring_core core;
/* The compiler may believe that raise(3) calls nothing here: hence volatile. */
static volatile unsigned long attempted[LEVELS], written[LEVELS], lost[LEVELS], wakeups;
static volatile unsigned long taken_back[LEVELS], skipped[LEVELS];
/* Whose records are discarded: a bit for each level; or every third of each. */
static volatile unsigned int discards;
#define DISCARD_THIRDS	(1U << LEVELS)
/* A record of level 1 has one of level 2 inside. */
static volatile bool deep;
static bool stop;
static unsigned long data_size;

static uint64_t word_of(uint64_t first, unsigned int i)
{
	return (first + i) * 0x9e3779b97f4a7c15ULL;
}

static unsigned int record_size(unsigned int level, unsigned long seq)
{
	return sizeof(struct perf_event_header) + (2 + (seq * 7 + level) % 12) * sizeof(uint64_t);
}

static bool discarded(unsigned int level, unsigned long seq)
{
	return discards & DISCARD_THIRDS ? seq % 3 == 2 : discards >> level & 1;
}

/* Between reserve and end: give the record up, which is at @pos. */
static void give_up(unsigned int level, struct perfring_handle *handle, unsigned long pos,
		    unsigned int size)
{
	struct {
		struct perf_event_header header;
		uint64_t id, lost;
	} skip = { .header = { .type = PERF_RECORD_LOST, .size = size }, .id = SKIPPED };

	if (perfring_core_discard(&core, handle)) {
		taken_back[level]++;
		return;
	}
	skipped[level]++;
	handle->pos = pos;
	perfring_core_copy(&core, handle, &skip, sizeof(skip));
}

static void write_one(unsigned int level)
{
	unsigned long seq = attempted[level]++, pos;
	unsigned int words, i;
	struct {
		struct perf_event_header header;
		uint64_t id, lost;
	} lost_record = { .header = { .type = PERF_RECORD_LOST, .size = LOST_SIZE } };
	struct record record;
	struct perfring_handle handle;

	record.header.type = 1000 + level;
	record.header.misc = 0;
	record.header.size = record_size(level, seq);
	words = record.header.size / sizeof(uint64_t) - 2;
	record.word[0] = seq;
	for (i = 1; i <= words; i++)
		record.word[i] = word_of(seq, i);

	if (perfring_core_begin(&core, &handle, record.header.size, LOST_SIZE, false)) {
		lost[level]++;
		if (handle.wakeup_due)
			wakeups++;
		return;
	}
	if (handle.report_lost) {
		lost_record.lost = handle.lost;
		perfring_core_copy(&core, &handle, &lost_record, LOST_SIZE);
	}
	pos = handle.pos;
	/* In pieces, as the kernel writes it. */
	perfring_core_copy(&core, &handle, &record.header, sizeof(record.header));
	perfring_core_copy(&core, &handle, record.word, record.header.size - sizeof(record.header));
	if (deep && level == 1)
		write_one(2);
	if (discarded(level, seq))
		give_up(level, &handle, pos, record.header.size);
	else
		written[level]++;
	if (perfring_core_end(&core, &handle))
		wakeups++;
}

static void interrupt(int sig)
{
	int saved = errno;

	write_one(sig == SIGUSR1 ? 1 : 2);
	errno = saved;
}

/* Let @sig come to this thread every @ns; the timer ends with the thread. */
static timer_t interrupt_every(int sig, long ns)
{
	struct itimerspec spec = { .it_interval.tv_nsec = ns, .it_value.tv_nsec = ns };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = sig };
	timer_t timer;

	event._sigev_un._tid = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &spec, NULL))
		abort();
	return timer;
}

static bool signals_enough(void)
{
#ifdef __SANITIZE_THREAD__
	/* Its runtime keeps signals back, and at times hands out one and then no more. */
	return true;
#else
	return attempted[1] >= SIGNALS && attempted[2] >= SIGNALS;
#endif
}

static void *writer_main(void *unused)
{
	unsigned long was;
	timer_t timer[2];

	(void)unused;
	/* Without a common measure, so that they meet each other's handlers as well. */
	timer[0] = interrupt_every(SIGUSR1, 70001);
	timer[1] = interrupt_every(SIGUSR2, 110003);
	while (attempted[0] < RECORDS || !signals_enough()) {
		was = lost[0];
		write_one(0);
		/* Some losses are wanted, not losses alone. */
		if (lost[0] != was)
			sched_yield();
	}
	timer_delete(timer[0]);
	timer_delete(timer[1]);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	return NULL;
}

FIXTURE(nest) {
	struct perf_event_mmap_page *page;
	unsigned long tail;
	uint64_t seq[LEVELS], seen[LEVELS], lost_seen, skipped_seen;
};

FIXTURE_SETUP(nest)
{
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };

	data_size = 4096;
	self->page = aligned_alloc(4096, 4096 + data_size);
	ASSERT_NE(self->page, NULL);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, sigaction(SIGUSR2, &action, NULL));
}

FIXTURE_TEARDOWN(nest)
{
	free(self->page);
}

/* An empty ring at @position. */
static void ring_reset(FIXTURE_DATA(nest) *self, unsigned long position)
{
	unsigned int i;

	memset(self->page, 0, 4096 + data_size);
	memset(self->seq, 0, sizeof(self->seq));
	memset(self->seen, 0, sizeof(self->seen));
	self->lost_seen = 0;
	self->skipped_seen = 0;
	self->tail = position;
	memset(&core, 0, sizeof(core));
	core.page = self->page;
	core.data = (unsigned char *)self->page + 4096;
	core.mask = data_size - 1;
	core.watermark = data_size / 2;
	perfring_core_position(&core, position);
	for (i = 0; i < LEVELS; i++) {
		attempted[i] = 0;
		written[i] = 0;
		lost[i] = 0;
		taken_back[i] = 0;
		skipped[i] = 0;
	}
	wakeups = 0;
	discards = 0;
	deep = false;
}

/* What lies at @pos, across the end of the data if need be. */
static void fetch(const void *data, uint64_t pos, void *to, unsigned int len)
{
	unsigned int off = pos & (data_size - 1), first = data_size - off;

	if (first > len)
		first = len;
	memcpy(to, (const char *)data + off, first);
	memcpy((char *)to + first, data, len - first);
}

/*
 * Read up to the published head and check each record against the rule that
 * made it.  Returns what is wrong, or NULL.
 */
static const char *consume(FIXTURE_DATA(nest) *self)
{
	unsigned long head = __atomic_load_n(&self->page->data_head, __ATOMIC_ACQUIRE), seq;
	struct record record;
	unsigned int i, level;

	/* A head that went back would look like more than a lap. */
	if (head - self->tail >= data_size)
		return "data_head is no lap ahead of data_tail";
	while (self->tail != head) {
		fetch(core.data, self->tail, &record.header, sizeof(record.header));
		if (record.header.size < 16 || record.header.size > sizeof(record) ||
		    record.header.size > head - self->tail)
			return "a size that no record has";
		fetch(core.data, self->tail, &record, record.header.size);
		self->tail += record.header.size;
		if (record.header.type == PERF_RECORD_LOST) {
			if (record.word[0] == SKIPPED) {
				self->skipped_seen++;
				if (record.word[1])
					return "a discarded record tells of losses";
				continue;
			}
			if (record.header.size != LOST_SIZE)
				return "a LOST record's size";
			self->lost_seen += record.word[1];
			continue;
		}
		level = record.header.type - 1000;
		if (level >= LEVELS)
			return "a type that was not written";
		seq = record.word[0];
		if (seq < self->seq[level])
			return "records of a level out of order";
		self->seq[level] = seq + 1;
		self->seen[level]++;
		if (record.header.size != record_size(level, seq))
			return "another record's size";
		for (i = 1; i < record.header.size / 8 - 1U; i++)
			if (record.word[i] != word_of(seq, i))
				return "another record's bytes";
	}
	return NULL;
}

static void release(const FIXTURE_DATA(nest) *self)
{
	__atomic_store_n(&self->page->data_tail, self->tail, __ATOMIC_RELEASE);
}

/* What must hold when no writer is inside and all was consumed; NULL or what does not. */
static const char *balance(const FIXTURE_DATA(nest) *self, unsigned long owed)
{
	unsigned long missing = owed, skips = 0;
	unsigned int i;

	if (core.nest)
		return "nest is not back to 0";
	if (self->tail != perfring_local_read(&core.head))
		return "a record was not published";
	/* Beyond the head it would be crossed by every record from then on. */
	if ((long)(perfring_local_read(&core.wakeup) - perfring_local_read(&core.head)) > 0)
		return "the position of the next wakeup ran away";
	for (i = 0; i < LEVELS; i++) {
		if (attempted[i] != written[i] + lost[i] + taken_back[i] + skipped[i])
			return "attempted != written + lost + discarded";
		if (self->seen[i] != written[i])
			return "a written record did not arrive";
		missing += lost[i];
		skips += skipped[i];
	}
	if (skips != self->skipped_seen)
		return "a discarded record with a follower is not there";
	/* Losses after the last record that found room are not reported yet. */
	if (missing != self->lost_seen + perfring_local_read(&core.lost))
		return "LOST records do not add up";
	return NULL;
}

/*
 * The writer makes records, at least RECORDS and until SIGNALS signals of each of
 * two kinds have interrupted it and each other, into a ring of one page that is
 * read meanwhile.  Every record must be whole, the numbers of each level must
 * rise, and those that are missing are as many as the LOST records say.  Then once
 * more, with every third record of each level discarded.
 */
static void signals_write(struct __test_metadata *_metadata, FIXTURE_DATA(nest) *self,
			  unsigned int who)
{
	unsigned long back = 0, skips = 0;
	const char *wrong;
	pthread_t writer;
	bool last = false;
	unsigned int i;

	/* Positions are only subtracted: start just below the wrap of 32 bits. */
	ring_reset(self, 0xfffffff8UL);
	discards = who;
	stop = false;
	ASSERT_EQ(0, pthread_create(&writer, NULL, writer_main, NULL));
	for (;;) {
		if (!last && __atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
			/* It has to be gone before the last look. */
			pthread_join(writer, NULL);
			last = true;
		}
		wrong = consume(self);
		ASSERT_EQ(NULL, wrong) TH_LOG("%s", wrong);
		release(self);
		if (last)
			break;
		/* The two threads may have to share a processor. */
		sched_yield();
	}
	wrong = balance(self, 0);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
	for (i = 0; i < LEVELS; i++) {
		back += taken_back[i];
		skips += skipped[i];
	}
	TH_LOG("%lu records, %lu and %lu by signals, %lu lost, %lu taken back, %lu skipped",
	       attempted[0] + attempted[1] + attempted[2], attempted[1], attempted[2],
	       lost[0] + lost[1] + lost[2], back, skips);
	EXPECT_EQ(who != 0, back != 0);
}

TEST_F_TIMEOUT(nest, signals_write_inside_a_write, 120)
{
	signals_write(_metadata, self, 0);
}

TEST_F_TIMEOUT(nest, signals_discard_inside_a_write, 120)
{
	signals_write(_metadata, self, DISCARD_THIRDS);
}

/* The sanitizers would make each path ten times as long, and see nothing more. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define TRAP_FLAG	0x100

/* As many records inside as it takes until one is lost: none is shorter than 24 bytes. */
#define FILL		(4096U / 24)

static volatile sig_atomic_t stepping;
static volatile unsigned long step, step_target;
static volatile unsigned int inner;
static FIXTURE_DATA(nest) *reader;
static const char *volatile seen_wrong;

/*
 * After each instruction: write at the chosen one, and from then on read, as one
 * on another CPU could at that moment.
 */
static void trap(int sig, siginfo_t *info, void *context)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];
	unsigned int i;

	(void)sig;
	(void)info;
	if (!stepping) {
		*flags &= ~TRAP_FLAG;
		return;
	}
	*flags |= TRAP_FLAG;
	if (step == step_target)
		for (i = 0; i < inner && (inner != FILL || !lost[1]); i++)
			write_one(1);
	if (step >= step_target && !seen_wrong)
		seen_wrong = consume(reader);
	step++;
}

/* A ring in some state, and how many records come inside the outer one. */
static const struct state {
	const char *name;
	unsigned long position;
	unsigned long room;		/* bytes free before; 0: empty */
	unsigned long owed;		/* losses not reported yet */
	unsigned long watermark;	/* 0: half the ring */
	unsigned long since;		/* bytes since the last wakeup */
	unsigned int inner;
	unsigned int discards;		/* a bit for each level */
	bool deep;			/* each inner record has one inside, too */
} states[] = {
	{ .name = "empty", .inner = 1 },
	{ .name = "two inside", .inner = 2 },
	{ .name = "across the end of the data", .position = 4096 - 24, .inner = 1 },
	{ .name = "across 2^64", .position = -24UL, .inner = 1 },
	/* the first record of level 0 has 24 bytes, that of level 1 has 32 */
	{ .name = "room for one of them", .room = 40, .inner = 1 },
	{ .name = "room for none", .room = 16, .inner = 2 },
	/* whoever comes second finds no room, and may have to report the first one's wakeup */
	{ .name = "room for one, beyond the watermark", .room = 40, .watermark = 16, .inner = 1 },
	{ .name = "losses to report", .owed = 3, .inner = 1 },
	{ .name = "losses to report, room for one", .owed = 3, .room = 64, .inner = 1 },
	{ .name = "together beyond the watermark", .watermark = 40, .inner = 1 },
	{ .name = "each record beyond the watermark", .watermark = 16, .inner = 1 },
	{ .name = "the inner one discards", .inner = 1, .discards = 2, .watermark = 16 },
	{ .name = "both discard", .inner = 1, .discards = 3, .watermark = 16 },
	{ .name = "both discard, across 2^64", .position = -24UL, .inner = 1, .discards = 3 },
	/* the outer one crosses alone: 24 and 32 bytes from the last wakeup on */
	{ .name = "the outer one discards its crossing", .inner = 1, .discards = 1,
	  .watermark = 16 },
	/* 74 > 60, and both are 106, less than twice as far */
	{ .name = "the outer one discards a late crossing", .inner = 1, .discards = 1,
	  .watermark = 60, .since = 50 },
	/* only both together cross */
	{ .name = "the outer one discards", .inner = 1, .discards = 1, .watermark = 40 },
	{ .name = "the outer one discards losses", .owed = 3, .inner = 1, .discards = 1 },
	{ .name = "both discard losses", .owed = 3, .room = 64, .inner = 1, .discards = 3 },
	{ .name = "three deep", .inner = 1, .deep = true, .watermark = 40 },
	{ .name = "three deep, twice, the outer one discards", .inner = 2, .deep = true,
	  .discards = 1, .watermark = 16 },
	{ .name = "three deep, the middle one discards", .inner = 1, .deep = true, .discards = 2,
	  .watermark = 30 },
	{ .name = "three deep, the ends discard losses", .owed = 3, .inner = 1, .deep = true,
	  .discards = 5, .watermark = 30 },
};

static void state_enter(FIXTURE_DATA(nest) *self, const struct state *state)
{
	unsigned long used = state->room ? data_size - 1 - state->room : 0;

	/* What is in use is made of bytes that the reader has seen but not released. */
	used &= ~7UL;
	ring_reset(self, state->position);
	perfring_local_set(&core.head, state->position + used);
	__atomic_store_n(&self->page->data_head, state->position + used, __ATOMIC_RELAXED);
	self->tail += used;
	perfring_local_set(&core.lost, state->owed);
	perfring_local_set(&core.wakeup, state->position + used - state->since);
	if (state->watermark)
		core.watermark = state->watermark;
	inner = state->inner;
	deep = state->deep;
	discards = state->discards;
	reader = self;
	seen_wrong = NULL;
}

/* What must hold of wakeups, @was being the position of the last one; NULL or what does not. */
static const char *wakeups_hold(unsigned long was, unsigned long start)
{
	unsigned long head = perfring_local_read(&core.head);
	unsigned long now = perfring_local_read(&core.wakeup);
	unsigned int i, kept = 0;

	for (i = 0; i < LEVELS; i++)
		kept += written[i] + skipped[i];
	if (now != was && !wakeups)
		return "a wakeup was due and nobody reported it";
	if (now == was && wakeups)
		return "a wakeup was reported and none was due";
	if (head - was > core.watermark && kept && !wakeups)
		return "more than the watermark waits, and nobody was woken";
	if (!kept && head != start)
		return "all was taken back, and the head is not where it was";
	if (!kept && now != was)
		return "all was taken back, and a wakeup was counted";
	/* It would be late for the next one. */
	if ((long)(now - head) > 0)
		return "the last wakeup is ahead of the head";
	return NULL;
}

/*
 * For each instruction of an outer write, let the trap flag stop the thread there
 * and write inside it: both records must be whole and published, what was lost
 * counted, and a due wakeup reported by one of the writers.
 */
static void step_through(struct __test_metadata *_metadata, FIXTURE_DATA(nest) *self,
			 const struct state *state, unsigned int records, unsigned int stride)
{
	unsigned long due, start, used;
	const char *wrong;

	for (step_target = 0; ; step_target += stride) {
		state_enter(self, state);
		inner = records;
		due = perfring_local_read(&core.wakeup);
		start = perfring_local_read(&core.head);
		step = 0;
		stepping = 1;
		raise(SIGTRAP);
		write_one(0);
		stepping = 0;
		if (step <= step_target)
			break;
		wrong = seen_wrong;
		if (!wrong)
			wrong = consume(self);
		if (!wrong)
			wrong = balance(self, state->owed);
		if (!wrong)
			wrong = wakeups_hold(due, start);
		used = perfring_local_read(&core.head) - self->page->data_tail;
		if (!wrong && used >= data_size)
			wrong = "more in the ring than it holds";
		ASSERT_EQ(NULL, wrong)
			TH_LOG("%s, %u inside, at instruction %lu: %s", state->name, records,
			       step_target, wrong);
		/* Those that are taken back never fill it. */
		if (records != FILL) {
			ASSERT_EQ(records, attempted[1]);
		} else if (!(state->discards & 2)) {
			ASSERT_EQ(1, lost[1]);
		}
	}
	TH_LOG("%s, %u inside: %lu instructions", state->name, records, step);
	/* The path itself is longer than this; fewer would mean no stepping. */
	EXPECT_GT(step, 50);
}

/* All states with @records inside, 0 for as many as the state says. */
static void step_states(struct __test_metadata *_metadata, FIXTURE_DATA(nest) *self,
			unsigned int records, unsigned int stride)
{
	struct sigaction action = { .sa_sigaction = trap, .sa_flags = SA_SIGINFO };
	const struct state *state;

	ASSERT_EQ(0, sigaction(SIGTRAP, &action, NULL));
	for (state = states; state < states + sizeof(states) / sizeof(*states); state++)
		step_through(_metadata, self, state, records ?: state->inner, stride);
}

/* Each step is a signal; make nest takes every instruction, others one in so many. */
static unsigned int stride(void)
{
	const char *wanted = getenv("PERFRING_NEST_STRIDE");

	if (wanted)
		return strtoul(wanted, NULL, 0) ?: 1;
	return getenv("PERFRING_MODULE") ? 11 : 5;
}

TEST_F_TIMEOUT(nest, a_write_inside_a_write_at_every_instruction, 900)
{
	step_states(_metadata, self, 0, 1);
}

TEST_F_TIMEOUT(nest, two_writes_inside_a_write, 900)
{
	step_states(_metadata, self, 2, stride());
}

/* The ring is full when the outer writer goes on, and a record was lost. */
TEST_F_TIMEOUT(nest, writes_that_fill_the_ring_inside_a_write, 900)
{
	step_states(_metadata, self, FILL, stride());
}
#endif

TEST_HARNESS_MAIN
