// SPDX-License-Identifier: GPL-2.0
/*
 * What a BPF program sends, through the reader: by a ring buffer and by a perf event
 * array the same calls give the same records.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include "bpf_ring.h"

#define LEN	20		/* 28 bytes + 4 in the ring buffer, 32 in perf's */

/* A record of either format: fill(LEN, seq), and up to 7 bytes that pad it in perf's. */
static bool is_payload(const struct perfring_record *record, uint64_t seq)
{
	const struct perf_event_attr attr = { .sample_type = PERF_SAMPLE_RAW };
	struct perfring_format *format;
	struct perfring_sample sample;
	unsigned char bytes[LEN];
	bool ok;

	fill(bytes, LEN, seq);
	if (perfring_format_compile(&attr, &format))
		return false;
	ok = !perfring_decode_sample(format, record, &sample, NULL) &&
	     sample.raw_size >= LEN && sample.raw_size < LEN + 8 &&
	     !memcmp(sample.raw, bytes, LEN);
	perfring_format_free(format);
	return ok;
}

struct seen {
	uint64_t next;			/* seq that comes next */
	uint64_t strange;
	uint64_t lost;
	unsigned int index;
};

static int record_fn(void *context, unsigned int index, const struct perfring_record *record)
{
	struct seen *seen = context;

	seen->index = index;
	if (record->type == PERF_RECORD_LOST)
		return 0;
	if (is_payload(record, seen->next))
		__atomic_store_n(&seen->next, seen->next + 1, __ATOMIC_RELEASE);
	else
		seen->strange++;
	return 0;
}

static void lost_fn(void *context, unsigned int index, uint64_t lost)
{
	struct seen *seen = context;

	(void)index;
	seen->lost += lost;
}

/* Either format behind one reader, CPU 0 writes. */
struct stream {
	bool array;
	struct bpf_ring r;
	struct bpf_writer perf;
	struct perfring_reader *reader;
	struct seen seen;
};

static int stream_open(struct stream *s, bool array, const struct perfring_reader_opts *own,
		       const char **missing)
{
	static const unsigned int cpus[] = { 0 };
	const struct perfring_bpf_array_opts opts = {
		.size = sizeof(opts), .pages = 1, .cpus = cpus, .nr_cpus = 1,
	};
	struct perfring_reader_opts reader = { .size = sizeof(reader) };
	int err;

	memset(s, 0, sizeof(*s));
	if (own)
		reader = *own;
	reader.record = record_fn;
	reader.lost = lost_fn;
	reader.context = &s->seen;
	s->array = array;
	*missing = "a reader";
	err = perfring_reader_create(&reader, &s->reader);
	if (err)
		return err;
	if (array) {
		err = bpf_writer_load(&s->perf, "output.bpf.o", sizeof(struct output_request),
				      missing);
		if (!err)
			err = perfring_reader_add_bpf_array(s->reader, s->perf.events, NULL, &opts);
	} else {
		*missing = "a BPF ring buffer";
		err = bpf_ring_open(&s->r, true, PAGE, 0);
		if (!err)
			err = perfring_reader_add(s->reader, s->r.storage);
		if (err >= 0)
			s->r.storage = NULL;	/* the reader's */
	}
	return err < 0 ? err : 0;
}

static void stream_close(struct stream *s)
{
	perfring_reader_destroy(s->reader);
	bpf_ring_close(&s->r);
	bpf_writer_unload(&s->perf);
}

/* Record @seq: 0 or -ENOSPC. */
static int stream_put(struct stream *s, uint64_t seq)
{
	struct output_request *request = s->perf.request;
	unsigned char bytes[LEN];
	int err;

	fill(bytes, LEN, seq);
	if (!s->array)
		return bpf_ring_put(&s->r, OUTPUT, bytes, LEN, 0);
	memcpy(request->payload, bytes, LEN);
	request->len = LEN;
	request->count = 1;
	err = bpf_writer_run(&s->perf, 0);
	return err ? err : request->error;
}

FIXTURE(stream) {
	struct stream s;
};

FIXTURE_VARIANT(stream) {
	bool array;
};

FIXTURE_VARIANT_ADD(stream, ringbuf) { .array = false };
FIXTURE_VARIANT_ADD(stream, array) { .array = true };

FIXTURE_SETUP(stream)
{
	const char *missing;
	int err = stream_open(&self->s, variant->array, NULL, &missing);

	if (err)
		SKIP(return, "%s: %s%s", missing, strerror(-err),
		     err == -EPERM ? ": no permission (CAP_BPF and CAP_PERFMON)" : "");
}

FIXTURE_TEARDOWN(stream)
{
	stream_close(&self->s);
}

/* Twenty laps of the ring, by poll, by consume and by pull: all there, in order, counted. */
TEST_F(stream, in_order)
{
	struct stream *s = &self->s;
	struct perfring_loss loss = { .size = sizeof(loss) };
	struct perfring_record record;
	uint64_t seq = 0, pulled = 0;
	unsigned int lap, i, index = 99;

	for (lap = 0; lap < 60; lap++) {
		for (i = 0; i < 40; i++)
			ASSERT_EQ(0, stream_put(s, seq++));
		if (lap % 3 == 0) {
			EXPECT_EQ(40, perfring_reader_poll(s->reader, 5000));
		} else if (lap % 3 == 1) {
			EXPECT_EQ(40, perfring_reader_consume(s->reader));
		} else {
			ASSERT_EQ(1, perfring_reader_wait(s->reader, 5000));
			while (perfring_reader_next(s->reader, &record, &index) > 0)
				pulled += is_payload(&record, s->seen.next++);
			EXPECT_EQ(0, index);
		}
	}
	EXPECT_EQ(seq, s->seen.next);
	EXPECT_EQ(20 * 40, pulled);
	EXPECT_EQ(0, s->seen.strange);
	ASSERT_EQ(0, perfring_reader_loss(s->reader, 0, &loss));
	EXPECT_EQ(seq, loss.records);
	EXPECT_EQ(0, loss.lost + loss.corrupt + loss.skipped);
	EXPECT_EQ(0, perfring_ring_bytes_remaining(perfring_reader_ring(s->reader, 0)));
}

/* Nothing comes: a time-out, a deadline, a wake; each returns 0. */
TEST_F(stream, waits)
{
	struct stream *s = &self->s;

	EXPECT_EQ(0, perfring_reader_poll(s->reader, 0));
	EXPECT_EQ(0, perfring_reader_poll(s->reader, 5));
	EXPECT_EQ(0, perfring_reader_poll_until(s->reader, 1));
	EXPECT_EQ(0, perfring_reader_poll_until(s->reader, now_ns() + 5000000));
	EXPECT_EQ(0, perfring_reader_wait(s->reader, 5));
	perfring_reader_wake(s->reader);
	EXPECT_EQ(0, perfring_reader_poll(s->reader, 20000));
	ASSERT_EQ(0, stream_put(s, 0));
	EXPECT_EQ(1, perfring_reader_wait(s->reader, 5000));
	EXPECT_EQ(1, perfring_reader_poll(s->reader, 5000));
}

/* The epoll descriptor: readable by a record, not any more when it was read. */
TEST_F(stream, readiness)
{
	struct stream *s = &self->s;
	int i, fd = perfring_reader_fd(s->reader);

	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, poll_events(fd, 0));
		ASSERT_EQ(0, stream_put(s, s->seen.next));
		EXPECT_EQ(POLLIN, poll_events(fd, 5000));
		EXPECT_EQ(1, perfring_reader_consume(s->reader));
	}
	EXPECT_EQ(5, s->seen.next);
}

/* Ten at most a call; the next calls go on there, flush takes all. */
TEST_F(stream, budget)
{
	const struct perfring_reader_opts opts = { .size = sizeof(opts), .budget_records = 10 };
	struct stream *s = &self->s;
	const char *missing;
	uint64_t seq;

	stream_close(s);
	ASSERT_EQ(0, stream_open(s, variant->array, &opts, &missing));
	for (seq = 0; seq < 50; seq++)
		ASSERT_EQ(0, stream_put(s, seq));
	EXPECT_EQ(10, perfring_reader_poll(s->reader, 0));
	EXPECT_EQ(10, perfring_reader_consume(s->reader));
	EXPECT_EQ(10, perfring_reader_poll(s->reader, 5000));
	EXPECT_EQ(20, perfring_reader_flush(s->reader));
	EXPECT_EQ(50, s->seen.next);
	EXPECT_EQ(0, s->seen.strange);
}

/*
 * Three times more than fits: what was tried is what was read and what was dropped. A
 * ring buffer's program counts those itself, a perf ring tells with a later record.
 */
TEST_F(stream, accounting)
{
	struct stream *s = &self->s;
	const size_t each = variant->array ? sample_size(LEN) : bpf_record(LEN);
	const uint64_t fit = (PAGE - 1) / each, tried = 3 * PAGE / each;
	uint64_t i, dropped = 0;

	for (i = 0; i < tried; i++) {
		int err = stream_put(s, i);

		if (err)
			ASSERT_EQ(-ENOSPC, err);
		dropped += err != 0;
	}
	EXPECT_EQ(tried - fit, dropped);
	EXPECT_EQ((int)fit, perfring_reader_flush(s->reader));
	EXPECT_EQ(fit, s->seen.next);
	ASSERT_EQ(0, stream_put(s, fit));
	perfring_reader_flush(s->reader);
	EXPECT_EQ(fit + 1, s->seen.next);
	EXPECT_EQ(0, s->seen.strange);
	EXPECT_EQ(variant->array ? dropped : 0, s->seen.lost);
	if (!variant->array)
		EXPECT_EQ(dropped, s->r.request->dropped);
}

struct rounds {
	struct stream *s;
	unsigned int nr;
	bool discard;		/* ringbuf: one that is discarded before each */
	int err;
};

/* Each record is written when the one before was read: the reader looks once more, or waits. */
static void *write_rounds(void *context)
{
	struct rounds *rounds = context;
	struct stream *s = rounds->s;
	unsigned char bytes[LEN] = {};
	uint64_t i, end;

	for (i = 0; i < rounds->nr && !rounds->err; i++) {
		if (rounds->discard)
			rounds->err = bpf_ring_put(&s->r, DISCARD, bytes, LEN, 0);
		if (!rounds->err)
			rounds->err = stream_put(s, i);
		end = now_ns() + 20000000000ULL;
		while (__atomic_load_n(&s->seen.next, __ATOMIC_ACQUIRE) == i && !rounds->err)
			if (now_ns() > end)
				rounds->err = -ETIME;
	}
	return NULL;
}

static void run_rounds(struct __test_metadata *_metadata, struct stream *s, bool discard)
{
	struct rounds rounds = { .s = s, .nr = 3000, .discard = discard };
	pthread_t thread;
	int ret = 1;

	ASSERT_EQ(0, pthread_create(&thread, NULL, write_rounds, &rounds));
	while (s->seen.next < rounds.nr && ret > 0)
		ret = perfring_reader_poll(s->reader, 15000);
	pthread_join(thread, NULL);
	EXPECT_LT(0, ret);
	EXPECT_EQ(0, rounds.err);
	EXPECT_EQ(rounds.nr, s->seen.next);
	EXPECT_EQ(0, s->seen.strange);
}

/* A record between the last look and the wait is not slept over. */
TEST_F_TIMEOUT(stream, no_lost_wakeup, 120)
{
	run_rounds(_metadata, &self->s, false);
}

FIXTURE(ringbuf) {
	struct stream s;
};

FIXTURE_SETUP(ringbuf)
{
	const char *missing;
	int err = stream_open(&self->s, false, NULL, &missing);

	if (err)
		SKIP(return, "%s: %s%s", missing, strerror(-err),
		     err == -EPERM ? ": no permission (CAP_BPF and CAP_PERFMON)" : "");
}

FIXTURE_TEARDOWN(ringbuf)
{
	stream_close(&self->s);
}

static int put_flags(struct bpf_ring *r, enum bpf_ring_op op, uint64_t seq, uint32_t flags)
{
	unsigned char bytes[LEN];

	fill(bytes, LEN, seq);
	return bpf_ring_put(r, op, bytes, LEN, flags);
}

/*
 * The kernel wakes for a record when the reader has come as far, unless told not to;
 * and whenever told so.
 */
TEST_F(ringbuf, wakeup_flags)
{
	struct stream *s = &self->s;
	int fd = perfring_reader_fd(s->reader);

	ASSERT_EQ(0, put_flags(&s->r, OUTPUT, 0, BPF_RB_NO_WAKEUP));
	EXPECT_EQ(0, poll_events(fd, 0));
	/* It is there all the same, and the look before a wait finds it. */
	EXPECT_EQ(1, perfring_reader_poll(s->reader, 20000));
	ASSERT_EQ(0, put_flags(&s->r, SUBMIT, 1, BPF_RB_NO_WAKEUP));
	/* The reader is not there yet, so this one need not wake, */
	ASSERT_EQ(0, put_flags(&s->r, SUBMIT, 2, 0));
	EXPECT_EQ(0, poll_events(fd, 0));
	/* but this one has to. */
	ASSERT_EQ(0, put_flags(&s->r, SUBMIT, 3, BPF_RB_FORCE_WAKEUP));
	EXPECT_EQ(POLLIN, poll_events(fd, 5000));
	EXPECT_EQ(3, perfring_reader_consume(s->reader));
	ASSERT_EQ(0, put_flags(&s->r, DISCARD, 0, BPF_RB_FORCE_WAKEUP));
	EXPECT_EQ(POLLIN, poll_events(fd, 5000));
	EXPECT_EQ(0, perfring_reader_consume(s->reader));
	EXPECT_EQ(0, poll_events(fd, 0));
	EXPECT_EQ(4, s->seen.next);
	EXPECT_EQ(0, s->seen.strange);
}

/* No record is slept over where the look before the wait released nothing but discarded ones. */
TEST_F_TIMEOUT(ringbuf, no_lost_wakeup_behind_discarded, 120)
{
	run_rounds(_metadata, &self->s, true);
}

struct holder {
	struct bpf_ring *r;
	int cpu;
	int err;
};

static void *hold_one(void *context)
{
	struct holder *holder = context;

	holder->err = pin_to(holder->cpu);
	if (!holder->err)
		holder->err = bpf_writer_run(&holder->r->bpf, holder->cpu);
	return NULL;
}

static struct bpf_ring *held_ring;

static int is_held(void)
{
	return !__atomic_load_n(&held_ring->request->held, __ATOMIC_ACQUIRE);
}

/*
 * A program on another CPU has reserved and not submitted: what is behind it waits for
 * it, the reader waits without turning round, and then all of them come in order.
 */
TEST_F_TIMEOUT(ringbuf, busy_holds_back, 60)
{
	struct stream *s = &self->s;
	struct holder holder = { .r = &s->r, .cpu = second_cpu() };
	struct ringbuf_request *request = s->r.request;
	int fd = perfring_reader_fd(s->reader);
	struct perfring_record record;
	pthread_t thread;

	if (!BPF_CALLBACKS)
		SKIP(return, "a program without callbacks cannot wait: see ringbuf.bpf.c");
	if (holder.cpu < 0)
		SKIP(return, "one CPU: nobody to hold a record meanwhile");
	/* On PREEMPT_RT a timer of that CPU has to wait until the record is given back. */
	ASSERT_EQ(0, pin_to(0));
	fill(request->payload, LEN, 0);
	request->nr = 1;
	request->item[0].op = HOLD;
	request->item[0].len = LEN;
	ASSERT_EQ(0, pthread_create(&thread, NULL, hold_one, &holder));
	held_ring = &s->r;
	EXPECT_EQ(0, within_ms(10000, is_held));
	EXPECT_EQ(0, put_flags(&s->r, OUTPUT, 1, BPF_RB_FORCE_WAKEUP));
	EXPECT_EQ(0, put_flags(&s->r, OUTPUT, 2, 0));

	EXPECT_EQ(3 * bpf_record(LEN),
		  perfring_ring_bytes_remaining(perfring_reader_ring(s->reader, 0)));
	EXPECT_EQ(0, perfring_reader_consume(s->reader));
	EXPECT_EQ(0, perfring_reader_next(s->reader, &record, NULL));
	EXPECT_EQ(0, perfring_reader_poll(s->reader, 20));
	EXPECT_EQ(0, perfring_reader_wait(s->reader, 20));
	/* The kernel would say that there is something to be read. */
	EXPECT_EQ(0, poll_events(fd, 0));

	__atomic_store_n(&request->release, 1, __ATOMIC_RELEASE);
	EXPECT_EQ(POLLIN, poll_events(fd, 10000));
	EXPECT_EQ(3, perfring_reader_poll(s->reader, 10000));
	EXPECT_EQ(3, s->seen.next);
	EXPECT_EQ(0, s->seen.strange);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, holder.err);
}

/* Two ring buffers and an array in one reader; each record comes with its own index. */
TEST_F(ringbuf, many_rings)
{
	struct stream *s = &self->s;
	struct ringbuf_request *request = s->r.request;
	struct perfring_storage *storage;
	struct bpf_writer perf;
	struct output_request *output;
	const char *missing;
	int second, err, fd;

	fd = bpf_object__find_map_fd_by_name(s->r.bpf.object, "second");
	ASSERT_EQ(0, perfring_storage_open_bpf_ringbuf(fd, NULL, &storage));
	second = perfring_reader_add(s->reader, storage);
	ASSERT_EQ(1, second);
	ASSERT_EQ(0, bpf_writer_load(&perf, "output.bpf.o", sizeof(*output), &missing));
	ASSERT_EQ(cpu_count_online(),
		  perfring_reader_add_bpf_array(s->reader, perf.events, NULL, NULL));
	output = perf.request;

	ASSERT_EQ(0, put_flags(&s->r, OUTPUT, 0, 0));
	EXPECT_EQ(1, perfring_reader_poll(s->reader, 5000));
	EXPECT_EQ(0, s->seen.index);

	fill(request->payload, LEN, 1);
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	ASSERT_EQ(0, bpf_prog_test_run_opts(s->r.second, &opts));
	EXPECT_EQ(1, perfring_reader_poll(s->reader, 5000));
	EXPECT_EQ(1, s->seen.index);

	fill(output->payload, LEN, 2);
	output->len = LEN;
	output->count = 1;
	err = bpf_writer_run(&perf, 0);
	EXPECT_EQ(0, err ? err : output->error);
	EXPECT_EQ(1, perfring_reader_poll(s->reader, 5000));
	EXPECT_EQ(0, perfring_reader_cpu(s->reader, s->seen.index));
	EXPECT_LT(1, s->seen.index);
	EXPECT_EQ(3, s->seen.next);
	EXPECT_EQ(0, s->seen.strange);
	/* A ring buffer can be paused by nobody. */
	EXPECT_EQ(-EOPNOTSUPP, perfring_reader_pause(s->reader));
	EXPECT_EQ(0, bpf_writer_run(&perf, 0));
	EXPECT_EQ(-ENOENT, output->error);
	bpf_writer_unload(&perf);
}

/* The map's own descriptor lasts as long as the storage, whoever closes the caller's. */
TEST_F(ringbuf, owns_its_descriptor)
{
	struct stream *s = &self->s;
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	struct perfring_record record;
	int fd = dup(s->r.bpf.events);

	perfring_reader_remove(s->reader, 0);
	ASSERT_EQ(0, perfring_storage_open_bpf_ringbuf(fd, NULL, &storage));
	close(fd);
	ASSERT_EQ(0, perfring_ring_open(storage, NULL, &ring));
	ASSERT_EQ(0, put_flags(&s->r, OUTPUT, 7, 0));
	EXPECT_EQ(POLLIN, poll_events(perfring_storage_fd(storage), 5000));
	ASSERT_EQ(1, perfring_ring_peek(ring, &record));
	EXPECT_TRUE(is_bpf_record(&record, LEN, 7));
	perfring_ring_close(ring);
	EXPECT_EQ(0, perfring_storage_close(storage));
}

TEST_HARNESS_MAIN
