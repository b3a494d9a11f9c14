// SPDX-License-Identifier: GPL-2.0
/*
 * A model of memory, in which a reader of gallery.h runs in every way that it can run.
 *
 * order: a writer with the kernel's barriers, and a reader with those that it has.  Each
 * store of the writer makes a version of a word.  The writer is always as far as it can
 * be, and a load may find any version that is not too old: not before what the reader has
 * found there already, and not before what a data_head that was loaded with acquire
 * covers.  A data_tail that is stored without release may be seen as soon as the head
 * was loaded, before the bytes of the records are.  What is printed must be what was
 * written, each time.
 *
 * fetch: memory has no surprises, but somebody writes over the headers, between any two
 * loads.  What is printed must be what was written, or "corrupt".
 *
 * Every choice is tried, by running the reader again with the next one.
 */
#include "gallery.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS		8		/* of data */
#define BYTES		(8 * WORDS)
#define RECORDS		6
#define RECORD_BYTES	24
#define RECORD_WORDS	3
#define VERSIONS	(RECORDS + 1)
#define DRAINS		8
#define CHOICES		400
#define LOADS_MAX	20000
#define RUNS_MAX	3000000
#define TRACE_MAX	40
#define HOSTILE_SIZE	65528

struct word {
	uint64_t value[VERSIONS];
	unsigned int time[VERSIONS];	/* of the store, in the writer's order */
	bool header[VERSIONS];
	unsigned int nr;
	unsigned int found;		/* the newest version that the reader has found */
};

static struct {
	bool fetch;
	struct word data[WORDS], head;
	uint64_t written;		/* the writer's own head */
	unsigned int record;		/* the next one that it writes */
	unsigned int time;		/* its last store's */
	uint64_t tail;			/* as it sees it */
	unsigned int view;		/* the reader finds nothing older than this */
	bool early;			/* tail is seen before it is stored */
	unsigned int early_time;	/* the writer's time then */
	bool scribbled;
	unsigned int printed;
	unsigned int loads;
	bool wrong;
	char why[120];
	struct step {
		enum { HEAD, DATA, TAIL, PRINT } what;
		bool odd;		/* HEAD, TAIL: ordered; DATA: old; PRINT: wrong */
		uint64_t at, value;
	} step[TRACE_MAX];
	unsigned int steps;
} world;

/* What was chosen, of how many; those up to depth are being done again. */
static unsigned int chosen[CHOICES], options[CHOICES], depth, known;

static jmp_buf out;
static struct reader *explored;

enum { BEGIN, ENDED, IMPOSSIBLE };

/* One of @nr. */
static unsigned int choose(unsigned int nr)
{
	if (nr < 2 || depth == CHOICES)
		return 0;
	if (depth == known) {
		chosen[depth] = 0;
		options[depth] = nr;
		known++;
	}
	return chosen[depth++];
}

/* The next run's choices; false: there are no others. */
static bool choose_next(void)
{
	while (known && chosen[known - 1] + 1 == options[known - 1])
		known--;
	if (!known)
		return false;
	chosen[known - 1]++;
	return true;
}

/* For whoever wants to know how it came about. */
static void trace(unsigned int what, bool odd, uint64_t at, uint64_t value)
{
	if (world.steps < TRACE_MAX)
		world.step[world.steps++] = (struct step){ what, odd, at, value };
}

static void print_step(const struct step *step)
{
	switch (step->what) {
	case HEAD:
		printf("    load data_head: %" PRIu64 "%s\n", step->value,
		       step->odd ? ", acquire" : "");
		break;
	case DATA:
		printf("      load data + %" PRIu64 ": %#" PRIx64 "%s\n", step->at, step->value,
		       step->odd ? ", which is not the newest" : "");
		break;
	case TAIL:
		printf("    store data_tail: %" PRIu64 "%s\n", step->value,
		       step->odd ? ", release" : "");
		break;
	default:
		printf("      print record %" PRIu64 "%s\n", step->at, step->odd ? ", wrong" : "");
	}
}

/* Not what was written.  It counts if what follows shows that it can be. */
static void wrong(const char *why, const char *line)
{
	if (!world.wrong)
		snprintf(world.why, sizeof(world.why), "%s%s", why, line);
	world.wrong = true;
	if (!world.early)
		longjmp(out, ENDED);
}

static void write_word(struct word *word, uint64_t value, bool header)
{
	word->value[word->nr] = value;
	word->time[word->nr] = ++world.time;
	word->header[word->nr++] = header;
}

static uint64_t header_word(uint16_t size)
{
	struct perf_event_header header = {
		.type = world.fetch ? 77 : PERF_RECORD_SAMPLE, .size = size,
	};
	uint64_t word;

	memcpy(&word, &header, sizeof(word));
	return word;
}

/* Payload of record @nr as it stands in its words: u32 size; u32 length, u32 number. */
static void payload(uint32_t half[4], unsigned int nr)
{
	half[0] = RECORD_BYTES - 12;
	half[1] = 8;
	half[2] = 100 + nr;
	half[3] = 0;
}

/* As far as there is room, each record published by itself. */
static void writer_goes_on(void)
{
	uint64_t words[RECORD_WORDS], at;
	uint32_t half[4];
	unsigned int i;

	while (world.record < RECORDS &&
	       ((world.tail - world.written - 1) & (BYTES - 1)) >= RECORD_BYTES) {
		payload(half, world.record++);
		words[0] = header_word(RECORD_BYTES);
		memcpy(&words[1], half, sizeof(half));
		for (i = 0; i < RECORD_WORDS; i++) {
			at = (world.written / 8 + i) % WORDS;
			write_word(&world.data[at], words[i], !i);
		}
		world.written += RECORD_BYTES;
		write_word(&world.head, world.written, true);
	}
}

/* The version that this load finds. */
static unsigned int find_version(struct word *word)
{
	unsigned int oldest = word->found, newest = word->nr - 1;

	if (world.fetch)
		return newest;
	while (oldest < newest && word->time[oldest + 1] <= world.view)
		oldest++;
	/* What came of an early tail cannot be what the tail was made of. */
	if (world.early && word->header[oldest])
		while (newest > oldest && word->time[newest] > world.early_time)
			newest--;
	word->found = newest - choose(newest - oldest + 1);
	return word->found;
}

/* Shall a tail of @head or less be seen from now on, though it is stored later? */
static void look_ahead(uint64_t head)
{
	uint64_t records = (head - world.tail) / RECORD_BYTES;
	unsigned int ahead;

	if (head - world.tail > BYTES)
		return;
	ahead = choose(1 + (unsigned int)records);
	if (!ahead)
		return;
	world.early = true;
	world.early_time = world.time;
	world.tail += (uint64_t)ahead * RECORD_BYTES;
	writer_goes_on();
}

static uint64_t load_data(uint64_t offset)
{
	struct word *word = &world.data[offset / 8];
	unsigned int version = find_version(word);
	uint64_t value = word->value[version];

	if (world.fetch && !world.scribbled)
		world.scribbled = !choose(2);
	if (world.scribbled && word->header[version])
		value = header_word(HOSTILE_SIZE);
	trace(DATA, version + 1 < word->nr, offset, value);
	return value;
}

static uint64_t model_load(const void *at, bool acquire)
{
	const struct reader *r = explored;
	uint64_t offset, value;
	unsigned int version;

	if (++world.loads > LOADS_MAX) {
		wrong("it does not come to an end", "");
		longjmp(out, IMPOSSIBLE);
	}
	if (at == &r->page->data_head) {
		version = find_version(&world.head);
		value = world.head.value[version];
		if (acquire && world.head.time[version] > world.view)
			world.view = world.head.time[version];
		trace(HEAD, acquire, 0, value);
		if (!world.early && !world.fetch)
			look_ahead(value);
		return value;
	}
	if (at == &r->page->data_tail)
		return world.tail;
	offset = (uint64_t)((const unsigned char *)at - r->data);
	if (offset >= BYTES || offset % 8) {
		wrong("it loads what is not in the data", "");
		return 0;
	}
	return load_data(offset);
}

static void model_store(void *at, uint64_t value, bool release)
{
	if (at != &explored->page->data_tail)
		wrong("it stores somewhere else than in data_tail", "");
	trace(TAIL, release, 0, value);
	/* Only this store can be the one that was seen. */
	if (world.early && (release || value != world.tail))
		longjmp(out, IMPOSSIBLE);
	world.early = false;
	world.tail = value;
	if (world.wrong)
		longjmp(out, ENDED);
	writer_goes_on();
}

static void model_said(const char *line)
{
	uint32_t half[4], hash = 2166136261U, i;
	unsigned char bytes[8];
	char due[40];

	payload(half, world.printed++);
	memcpy(bytes, &half[1], sizeof(bytes));
	for (i = 0; i < sizeof(bytes); i++)
		hash = (hash ^ bytes[i]) * 16777619U;
	if (world.fetch)
		snprintf(due, sizeof(due), "record 77 0 %d", RECORD_BYTES);
	else
		snprintf(due, sizeof(due), "sample 8 %08" PRIx32, hash);
	trace(PRINT, strcmp(line, due), world.printed - 1, 0);
	if (strcmp(line, due))
		wrong("it prints what was not written: ", line);
}

static void model_corrupt(void)
{
	if (world.early)
		longjmp(out, IMPOSSIBLE);
	if (!world.fetch)
		wrong("it says corrupt", "");
	longjmp(out, ENDED);
}

static const struct model the_model = {
	.load = model_load,
	.store = model_store,
	.said = model_said,
	.corrupt = model_corrupt,
};

static void world_begin(bool fetch)
{
	unsigned int i;

	memset(&world, 0, sizeof(world));
	world.fetch = fetch;
	/* Before the first record there is nothing, and a head of 0. */
	for (i = 0; i < WORDS; i++)
		world.data[i].nr = 1;
	world.head.nr = 1;
	world.head.header[0] = true;
	writer_goes_on();
	explored->tail = 0;
	explored->own = 0;
	depth = 0;
}

/* Run it once; false: it cannot run like this. */
static bool run(void (*drain)(struct reader *r))
{
	switch (setjmp(out)) {
	case BEGIN:
		for (int i = 0; i < DRAINS && world.printed < RECORDS; i++) {
			drain(explored);
			if (world.early)
				return false;
		}
		return true;
	case ENDED:
		return true;
	default:
		return false;
	}
}

static bool explore_one(const char *name, bool fetch, void (*drain)(struct reader *r))
{
	unsigned long runs = 0;
	unsigned int i;

	known = 0;
	do {
		world_begin(fetch);
		if (!run(drain))
			continue;
		runs++;
		if (!world.wrong)
			continue;
		printf("%s FAILS: %s\n", name, world.why);
		for (i = 0; i < world.steps; i++)
			print_step(&world.step[i]);
		return false;
	} while (choose_next() && runs < RUNS_MAX);
	printf("%s ok: %lu runs%s\n", name, runs, runs < RUNS_MAX ? ", all there are" : "");
	return true;
}

void explore(struct reader *r, void (*drain)(struct reader *r))
{
	static struct perf_event_mmap_page page;
	static unsigned char data[BYTES];
	bool order, fetch;

	r->page = &page;
	r->data = data;
	r->size = BYTES;
	r->bytes = sizeof(page) + BYTES;
	explored = r;
	model = &the_model;
	order = explore_one("order", false, drain);
	fetch = explore_one("fetch", true, drain);
	exit(order && fetch ? 0 : 1);
}
