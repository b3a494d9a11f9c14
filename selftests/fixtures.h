/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One ring, three owners: plain memory that the library writes, a real perf event
 * that a BPF program writes, and the device.  A test of the fixture "ring" runs
 * on each; real perf is what the other two are measured by.  Memory and device come
 * with their data mapped once, as perf's, and mirrored.
 */
#ifndef SELFTESTS_FIXTURES_H
#define SELFTESTS_FIXTURES_H

#include <errno.h>
#include <perfring/perfring.h>
#include <string.h>
#include "common.h"
#ifndef FIXTURES_NO_HARNESS
#include "kselftest_harness.h"
#endif

enum backend_kind { MEMORY, PERF, DEVICE };

/**
 * struct backend_opts - the ring that a test wants
 * @pages: data pages; 0 counts as 1
 * @attr: NULL: output_attr()
 * @position: where head and tail start; not with PERF
 * @overwrite: map read-only
 * @unread: no reader: @ring of struct backend is NULL, memory excepted
 */
struct backend_opts {
	size_t pages;
	const struct perf_event_attr *attr;
	uint64_t position;
	bool overwrite;
	bool unread;
};

struct bpf_object;

/* As in bpf/output.bpf.c. */
struct output_request {
	uint32_t len;
	uint32_t count;
	uint32_t done;
	int32_t error;
	unsigned char payload[65536];
};

/* A BPF object with a program "output" that writes the rings in its map "events". */
struct bpf_writer {
	struct bpf_object *object;
	int program;
	int events;
	void *request;		/* the object's .bss */
	size_t size;		/* of @request */
};

/* @file lies beside the test; -errno and *@missing: what failed.  Unload in any case. */
int bpf_writer_load(struct bpf_writer *w, const char *file, size_t size, const char **missing);
/* The same with another name for the map; @change is called before it is loaded. */
int bpf_writer_load_with(struct bpf_writer *w, const char *file, const char *events, size_t size,
			 void (*change)(struct bpf_object *object), const char **missing);
void bpf_writer_unload(struct bpf_writer *w);
/* What it writes at @index, a CPU if the program says so: a perf descriptor, or -1 for none. */
int bpf_writer_aim(const struct bpf_writer *w, int index, int fd);
/* Run it once; 0 or -errno of the run, not of its records. */
int bpf_writer_run(const struct bpf_writer *w, int cpu);

struct backend {
	enum backend_kind kind;
	int cpu;
	struct perfring_storage *storage;
	struct perfring_ring *ring;
	struct bpf_writer bpf;		/* PERF */
	struct output_request *request;
};

/*
 * Are the data pages of what is opened from now on mapped twice in a row?  PERF
 * cannot; a test's process is its own, so that no other one is meant.
 */
void backend_mirror(bool mirror);
/* Can this machine do it?  Otherwise *@why says what is missing. */
bool backend_available(enum backend_kind kind, char *why, size_t len);
/* 0 or -errno; on CPU 0, enabled */
int backend_open(struct backend *b, enum backend_kind kind, const struct backend_opts *opts);
/* Takes a storage that is open already; it is closed with the backend or by its reader. */
int backend_attach(struct backend *b, enum backend_kind kind, struct perfring_storage *storage);
void backend_close(struct backend *b);
/* What writes perf rings, without a ring: bpf_writer_aim() chooses one, backend_write() writes. */
int backend_writer(struct backend *b);
/* Storage without ring and writer, enabled not yet. */
int backend_storage(enum backend_kind kind, const struct backend_opts *opts,
		    struct perfring_storage **out);

/* One sample with this payload: 0, -ENOSPC (lost), or another -errno. */
int backend_write(struct backend *b, const void *payload, size_t len);
/* @count samples whose byte i is i; how many are in the ring */
int backend_burst(struct backend *b, size_t len, unsigned int count);
/* poll(2) within @ms; readiness is taken back, as perf does by itself */
bool backend_poll(struct backend *b, int ms);
/* PERF_FORMAT_LOST, or what the writer counted */
uint64_t backend_lost(struct backend *b);

/* Bytes of a sample of attr RAW with a payload of @len: header, size, padding to 8. */
static inline size_t sample_size(size_t len)
{
	return 8 + ((4 + len + 7) & ~(size_t)7);
}

/* The payload that makes a sample of @size bytes, the longest there is. */
static inline size_t payload_for(size_t size)
{
	return size - 8 - 4;
}

/* Byte @i of the payload of record @seq. */
static inline unsigned char pattern(uint64_t seq, size_t i)
{
	return (unsigned char)(seq * 131 + i * 7 + (i >> 8));
}

static inline void fill(unsigned char *payload, size_t len, uint64_t seq)
{
	size_t i;

	for (i = 0; i < len; i++)
		payload[i] = pattern(seq, i);
}

/*
 * Is @record the sample that backend_write() made of fill(len, seq)?  What pads
 * it is not looked at: perf leaves there what an earlier lap wrote.
 */
static inline bool is_sample(const struct perfring_record *record, size_t len, uint64_t seq)
{
	const unsigned char *data = record->data;
	uint32_t raw_size;
	size_t i;

	if (record->type != PERF_RECORD_SAMPLE || record->size != sample_size(len))
		return false;
	memcpy(&raw_size, data + 8, 4);
	if (raw_size != sample_size(len) - 12)
		return false;
	for (i = 0; i < len; i++)
		if (data[12 + i] != pattern(seq, i))
			return false;
	return true;
}

#define BACKEND_FIXTURE(name)						\
	FIXTURE(name) {							\
		struct backend b;					\
	};								\
	FIXTURE_VARIANT(name) {						\
		enum backend_kind kind;					\
		bool mirror;						\
	};								\
	FIXTURE_SETUP(name)						\
	{								\
		char why[WHY_LEN];					\
									\
		backend_mirror(variant->mirror);			\
		self->b.cpu = -1;					\
		if (!backend_available(variant->kind, why, sizeof(why))) \
			SKIP(return, "%s", why);			\
	}								\
	FIXTURE_TEARDOWN(name)						\
	{								\
		backend_close(&self->b);				\
	}								\
	FIXTURE_VARIANT_ADD(name, memory) { .kind = MEMORY };		\
	FIXTURE_VARIANT_ADD(name, memory_mirrored) { .kind = MEMORY, .mirror = true }; \
	FIXTURE_VARIANT_ADD(name, device) { .kind = DEVICE };		\
	FIXTURE_VARIANT_ADD(name, device_mirrored) { .kind = DEVICE, .mirror = true }

/* All of them. */
#define RING_FIXTURE							\
	BACKEND_FIXTURE(ring);						\
	FIXTURE_VARIANT_ADD(ring, perf) { .kind = PERF }

/* Those whose positions can be chosen. */
#define PLACED_FIXTURE	BACKEND_FIXTURE(placed)

#endif /* SELFTESTS_FIXTURES_H */
