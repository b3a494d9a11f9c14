// SPDX-License-Identifier: GPL-2.0
/*
 * The binary interface: abi.h against what the compiler makes of the headers.  It has
 * every structure and every constant, no structure has a hole that a new field
 * could slip into unseen, and option structures begin with their size and mind it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fixtures.h"

static const struct field {
	const char *type;
	const char *name;	/* NULL: the structure itself */
	size_t offset, size;
	size_t want_offset, want_size;
} fields[] = {
#define SIZE(t, s)		{ #t, NULL, 0, sizeof(struct t), 0, s },
#define FIELD(t, f, o, s)	{ #t, #f, offsetof(struct t, f), sizeof(((struct t *)0)->f), o, s },
#define VALUE(...)
#include "abi.h"
#undef SIZE
#undef FIELD
#undef VALUE
};

static const struct value {
	const char *name;
	uint64_t value, want;
} values[] = {
#define SIZE(...)
#define FIELD(...)
#define VALUE(n, v)		{ #n, (uint64_t)(n), v },
#include "abi.h"
#undef SIZE
#undef FIELD
#undef VALUE
};

/* The kernel's own structure grows with its headers; it has to be a structure's end. */
static bool grows(const struct field *field)
{
	return field->name && !strcmp(field->type, "perfring_event_spec") &&
	       !strcmp(field->name, "attr");
}

static const char *named(const struct field *field)
{
	return field->name ? field->name : "all of it";
}

static bool wide(void)
{
	return sizeof(void *) == 8;
}

TEST(layout)
{
	unsigned int i;

	if (!wide())
		SKIP(return, "%zu-bit pointers: the table is not theirs", 8 * sizeof(void *));
	for (i = 0; i < ARRAY_LEN(fields); i++) {
		const struct field *field = &fields[i];

		EXPECT_EQ(field->want_offset, field->offset) {
			TH_LOG("struct %s, %s", field->type, named(field));
		}
		if (grows(field) || !strcmp(field->type, "perfring_event_spec"))
			continue;
		EXPECT_EQ(field->want_size, field->size) {
			TH_LOG("struct %s, %s", field->type, named(field));
		}
	}
}

/* Fields lie side by side, from 0 to the end: none is missing from the table, none is implied. */
TEST(no_holes)
{
	const struct field *all = NULL;
	unsigned int i;
	size_t at = 0;

	if (!wide())
		SKIP(return, "%zu-bit pointers: the table is not theirs", 8 * sizeof(void *));
	for (i = 0; i <= ARRAY_LEN(fields); i++) {
		if (i == ARRAY_LEN(fields) || !fields[i].name) {
			if (all) {
				EXPECT_EQ(all->size, at) {
					TH_LOG("struct %s ends with a hole", all->type);
				}
			}
			all = &fields[i];
			at = 0;
			continue;
		}
		EXPECT_STREQ(all->type, fields[i].type);
		EXPECT_EQ(at, fields[i].offset) {
			TH_LOG("struct %s: a hole before %s", all->type, fields[i].name);
		}
		at = fields[i].offset + fields[i].size;
	}
}

TEST(constants)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(values); i++) {
		EXPECT_EQ(values[i].want, values[i].value) {
			TH_LOG("%s", values[i].name);
		}
	}
}

static bool in_table(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(fields); i++)
		if (!strcmp(fields[i].type, name))
			return true;
	return false;
}

/* Structures of the headers that the table lacks; *@options: those whose options they are. */
TEST(complete)
{
	unsigned int structures = 0, options = 0, i;
	char line[512], name[64];
	FILE *pipe;
	size_t len;

	if (access(TOP "/user/include/perfring", R_OK))
		SKIP(return, "no headers here (installed tests have none)");
	pipe = popen("cat " TOP "/user/include/perfring/*.h", "r");
	ASSERT_NE(NULL, pipe);
	while (fgets(line, sizeof(line), pipe)) {
		if (sscanf(line, "struct %63[a-z_0-9] {", name) != 1 || !strchr(line, '{'))
			continue;
		structures++;
		EXPECT_TRUE(in_table(name)) {
			TH_LOG("struct %s is not in abi.h", name);
		}
		len = strlen(name);
		if (len < 5 || strcmp(name + len - 5, "_opts"))
			continue;
		options++;
		for (i = 0; i < ARRAY_LEN(fields); i++)
			if (!strcmp(fields[i].type, name) && !fields[i].name)
				break;
		ASSERT_GT(ARRAY_LEN(fields), i + 1);
		EXPECT_STREQ("size", fields[i + 1].name) {
			TH_LOG("struct %s", name);
		}
		EXPECT_EQ(sizeof(size_t), fields[i + 1].size);
	}
	pclose(pipe);
	EXPECT_LE(20, structures);
	EXPECT_LE(8, options);
}

/* One function for each option structure; the options are @size bytes, the last @set of them 1. */
struct minded {
	const char *name;
	size_t size;
	int (*call)(const void *opts);
};

static int closed(int err, struct perfring_storage *storage)
{
	if (!err)
		perfring_storage_close(storage);
	return err;
}

static int call_memory(const void *opts)
{
	struct perfring_storage *storage;

	return closed(perfring_storage_open_memory(opts, &storage), storage);
}

static const struct perf_event_attr dummy = {
	.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .exclude_kernel = 1,
};

static int call_perf(const void *opts)
{
	struct perfring_storage *storage;

	return closed(perfring_storage_open_perf(&dummy, 0, -1, opts, &storage), storage);
}

static int call_device(const void *opts)
{
	struct perfring_storage *storage;

	return closed(perfring_storage_open_device("/dev/null", NULL, opts, &storage), storage);
}

static int call_image(const void *opts)
{
	struct perfring_storage *storage;

	return closed(perfring_storage_open_image("/dev/null", opts, &storage), storage);
}

static int call_contiguous(const void *opts)
{
	struct perfring_storage *storage;
	uint64_t memory[8] = { 0 };

	return closed(perfring_storage_from_contiguous(memory, 64, opts, &storage), storage);
}

static int call_ring(const void *opts)
{
	struct perfring_storage *storage;
	struct perfring_ring *ring = NULL;
	int err = perfring_storage_open_memory(NULL, &storage);

	if (err)
		return err;
	err = perfring_ring_open(storage, opts, &ring);
	perfring_ring_close(ring);
	perfring_storage_close(storage);
	return err;
}

static int call_reader(const void *opts)
{
	struct perfring_reader *reader = NULL;
	int err = perfring_reader_create(opts, &reader);

	perfring_reader_destroy(reader);
	return err;
}

static int call_cpus(const void *opts)
{
	struct perfring_reader *reader;
	int err = perfring_reader_create(NULL, &reader);

	if (err)
		return err;
	err = perfring_reader_add_cpus(reader, PERFRING_BACKEND_MEMORY, NULL, opts);
	perfring_reader_destroy(reader);
	return err > 0 ? 0 : err;
}

static int call_explain(const void *opts)
{
	int err = perfring_explain(-EBADMSG, opts, NULL, 0);

	return err > 0 ? 0 : err;
}

static const struct minded minded[] = {
	{ "memory", sizeof(struct perfring_memory_opts), call_memory },
	{ "perf", sizeof(struct perfring_perf_opts), call_perf },
	{ "device", sizeof(struct perfring_device_opts), call_device },
	{ "image", sizeof(struct perfring_image_opts), call_image },
	{ "contiguous", sizeof(struct perfring_image_opts), call_contiguous },
	{ "ring", sizeof(struct perfring_ring_opts), call_ring },
	{ "reader", sizeof(struct perfring_reader_opts), call_reader },
	{ "cpus", sizeof(struct perfring_cpus_opts), call_cpus },
	{ "explain", sizeof(struct perfring_explain_opts), call_explain },
};

/*
 * Size 0 is refused; of a newer, longer structure the excess has to be zero; an older,
 * shorter one, and nothing at all, is as good as one whose fields are zero.
 */
TEST(sizes_are_minded)
{
	union {
		size_t size;
		unsigned char bytes[512];
	} opts;
	unsigned int i;
	int plain;

	for (i = 0; i < ARRAY_LEN(minded); i++) {
		const struct minded *m = &minded[i];

		memset(&opts, 0, sizeof(opts));
		EXPECT_EQ(-EINVAL, m->call(&opts)) {
			TH_LOG("%s, size 0", m->name);
		}
		plain = m->call(NULL);
		EXPECT_NE(-E2BIG, plain);
		opts.size = m->size;
		EXPECT_EQ(plain, m->call(&opts)) {
			TH_LOG("%s, its size", m->name);
		}
		opts.size = sizeof(size_t);
		EXPECT_EQ(plain, m->call(&opts)) {
			TH_LOG("%s, the size alone", m->name);
		}
		opts.size = m->size + 9;
		EXPECT_EQ(plain, m->call(&opts)) {
			TH_LOG("%s, longer by zeroes", m->name);
		}
		opts.bytes[m->size + 8] = 1;
		EXPECT_EQ(-E2BIG, m->call(&opts)) {
			TH_LOG("%s, longer by what is not zero", m->name);
		}
		opts.size = m->size + 8;
		EXPECT_EQ(plain, m->call(&opts)) {
			TH_LOG("%s, and that not looked at", m->name);
		}
	}
}

TEST_HARNESS_MAIN
