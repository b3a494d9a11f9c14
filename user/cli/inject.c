// SPDX-License-Identifier: MIT
/*
 * inject: what no kernel writes, put into a ring of our own by the module, and what
 * the library's reader makes of it.
 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <perfring/perfring.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../kmod/uapi/linux/perfring.h"

/* What the reader says to it. */
enum inject_verdict {
	INJECT_BAD_RECORD,	/* -EBADMSG from next */
	INJECT_BAD_HEAD,	/* -EBADMSG from begin */
	INJECT_BAD_SAMPLE,	/* a record, which the decoder refuses */
	INJECT_FINE,		/* nothing wrong */
};

/*
 * @type, @bytes: of the header, @raw: of the sample's RAW; @len bytes of it are written
 * and the head moves by @value.  A head is @value beyond the tail.
 */
static const struct inject_kind {
	const char *name;
	const char *what;
	enum inject_verdict verdict;
	uint32_t kind;
	uint32_t type;
	uint16_t bytes;
	uint16_t len;
	uint32_t raw;
	int64_t value;
} inject_kinds[] = {
	{ "size-0", "a header that says 0 bytes", INJECT_BAD_RECORD,
	  PERFRING_INJECT_BYTES, 77, 0, 16, 0, 16 },
	{ "size-4", "a header that says 4 bytes", INJECT_BAD_RECORD,
	  PERFRING_INJECT_BYTES, 77, 4, 16, 0, 16 },
	{ "size-7", "a header that says 7 bytes", INJECT_BAD_RECORD,
	  PERFRING_INJECT_BYTES, 77, 7, 16, 0, 16 },
	{ "size-12", "a header that says 12 bytes, no multiple of 8", INJECT_BAD_RECORD,
	  PERFRING_INJECT_BYTES, 77, 12, 16, 0, 16 },
	{ "beyond-head", "a header that says more than there is", INJECT_BAD_RECORD,
	  PERFRING_INJECT_BYTES, 77, 4096, 16, 0, 16 },
	{ "torn", "a record of 48 bytes, of which the head shows 24", INJECT_BAD_RECORD,
	  PERFRING_INJECT_BYTES, 77, 48, 48, 0, 24 },
	{ "unknown-type", "a type that nobody knows", INJECT_FINE,
	  PERFRING_INJECT_BYTES, 0xdeadbeef, 16, 16, 0, 16 },
	{ "bad-raw", "a sample whose RAW says 1004 bytes and has 12", INJECT_BAD_SAMPLE,
	  PERFRING_INJECT_BYTES, PERF_RECORD_SAMPLE, 24, 24, 1004, 24 },
	{ "head-backward", "a head 8 bytes before the tail", INJECT_BAD_HEAD,
	  PERFRING_INJECT_DATA_HEAD, 0, 0, 0, 0, -8 },
	{ "head-jump", "a head 1 TiB ahead", INJECT_BAD_HEAD,
	  PERFRING_INJECT_DATA_HEAD, 0, 0, 0, 0, (int64_t)1 << 40 },
	{ "head-unaligned", "a head between two words", INJECT_BAD_HEAD,
	  PERFRING_INJECT_DATA_HEAD, 0, 0, 0, 0, 12 },
	{ "data-size", "a control page that says twice the size", INJECT_FINE,
	  PERFRING_INJECT_DATA_SIZE, 0, 0, 0, 0, 8192 },
	{ "data-offset", "a control page that says another place", INJECT_FINE,
	  PERFRING_INJECT_DATA_OFFSET, 0, 0, 0, 0, 8 },
};

static const struct inject_kind *inject_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(inject_kinds); i++)
		if (!strcmp(inject_kinds[i].name, name))
			return &inject_kinds[i];
	return NULL;
}

static int inject_put(struct perfring_storage *storage, const struct inject_kind *kind)
{
	struct {
		struct perf_event_header header;
		uint32_t word[10];
	} bytes = {
		.header = { .type = kind->type, .size = kind->bytes },
		.word = { kind->raw },
	};
	struct perfring_inject inject = {
		.size = sizeof(inject), .kind = kind->kind, .len = kind->len,
		.value = (uint64_t)kind->value,
	};

	if (kind->kind == PERFRING_INJECT_BYTES)
		inject.data = (uintptr_t)&bytes;
	else if (kind->kind == PERFRING_INJECT_DATA_HEAD)
		inject.value += perfring_storage_control(storage)->data_tail;
	return ioctl(perfring_storage_fd(storage), PERFRING_IOC_INJECT, &inject) ? -errno : 0;
}

/* Read all that is there; *@verdict is the first thing that was wrong.  Records read. */
static unsigned int inject_read(struct perfring_ring *ring, const struct perfring_format *format,
				enum inject_verdict *verdict, struct perfring_error *error)
{
	struct perfring_record record;
	struct perfring_event event;
	struct perfring_batch batch;
	unsigned int records = 0;
	int ret;

	*verdict = INJECT_FINE;
	if (perfring_batch_begin(ring, &batch)) {
		*verdict = INJECT_BAD_HEAD;
		perfring_batch_error(&batch, error);
		return 0;
	}
	while ((ret = perfring_batch_next(&batch, &record)) > 0) {
		records++;
		printf("    a record at %" PRIu64 ": type %u, %u bytes\n", record.position,
		       record.type, record.size);
		if (perfring_decode(format, &record, &event, error))
			*verdict = INJECT_BAD_SAMPLE;
	}
	if (ret) {
		*verdict = INJECT_BAD_RECORD;
		perfring_batch_error(&batch, error);
	}
	perfring_batch_commit(&batch);
	return records;
}

/* The way out, which differs; then a good record has to come through. */
static bool inject_recover(struct perfring_storage *storage, struct perfring_ring *ring,
			   const struct perfring_format *format, enum inject_verdict verdict)
{
	struct perfring_error error;

	if (verdict == INJECT_BAD_RECORD) {
		perfring_ring_resync(ring);
		printf("    resync gives up %" PRIu64 " bytes", perfring_ring_skipped(ring));
	} else {
		printf("    nothing is given up");
	}
	puts("; one more good record:");
	if (write(perfring_storage_fd(storage), "good", 4) != 4) {
		printf("    it was not written: %s\n", strerror(errno));
		return false;
	}
	return inject_read(ring, format, &verdict, &error) && verdict == INJECT_FINE;
}

static int inject_one(struct perfring_storage *storage, struct perfring_ring *ring,
		      const struct perfring_format *format, const struct inject_kind *kind)
{
	struct perf_event_mmap_page *page = perfring_storage_control(storage);
	struct perfring_error error = { .reason = "" };
	enum inject_verdict verdict;
	int err = 0;

	printf("%s: a good record, then %s\n", kind->name, kind->what);
	if (write(perfring_storage_fd(storage), "good", 4) != 4)
		err = -errno;
	if (!err)
		err = inject_put(storage, kind);
	if (err == -EPERM) {
		cli_error("injecting needs CAP_SYS_ADMIN and a module that allows it: perfring unload; perfring load allow_inject=1");
		return CLI_FAIL;
	}
	if (err) {
		cli_error("injecting %s: %s", kind->name, strerror(-err));
		return CLI_FAIL;
	}
	inject_read(ring, format, &verdict, &error);
	if (verdict == INJECT_FINE)
		puts("    the reader sees nothing wrong");
	else
		printf("    the reader says, at %" PRIu64 ": %s; the tail %s %" PRIu64 "\n",
		       error.position, error.reason,
		       verdict == INJECT_BAD_SAMPLE ? "goes on to" : "stays at",
		       (uint64_t)page->data_tail);
	if (verdict != kind->verdict || !inject_recover(storage, ring, format, verdict)) {
		puts("    which is not what was expected");
		return CLI_FAIL;
	}
	return CLI_OK;
}

/* Each kind on a ring of its own. */
static int inject_ring(unsigned int cpu, const struct inject_kind *kind)
{
	struct perfring_device_opts opts = { .size = sizeof(opts), .pages = 1 };
	struct perfring_storage *storage = NULL;
	struct perfring_format *format = NULL;
	struct perfring_ring *ring = NULL;
	int err, status = CLI_FAIL;
	char path[32];

	snprintf(path, sizeof(path), "/dev/perfring%u", cpu);
	err = perfring_storage_open_device(path, NULL, &opts, &storage);
	if (!err)
		err = perfring_format_compile(perfring_storage_attr(storage), &format);
	if (!err)
		err = perfring_ring_open(storage, NULL, &ring);
	if (!err)
		err = perfring_storage_enable(storage);
	if (err)
		cli_error("%s: %s", path, perfring_strerror(err));
	else
		status = inject_one(storage, ring, format, kind);
	perfring_ring_close(ring);
	perfring_format_free(format);
	perfring_storage_close(storage);
	return status;
}

static int inject_command(int argc, char **argv)
{
	struct cli_words words;
	int status = cli_options(&cli_inject, argc, argv, NULL, &words);
	uint64_t cpu;

	if (status)
		return status;
	if (strncmp(words.word[0], "dev:", 4) != 0)
		return cli_usage(&cli_inject, "'%s' is not of the form dev:CPU", words.word[0]);
	if (cli_number(words.word[0], words.word[0] + 4, 0, 65535, &cpu))
		return CLI_USAGE;
	for (size_t i = 1; i < words.nr; i++)
		if (strcmp(words.word[i], "all") != 0 && !inject_find(words.word[i])) {
			fprintf(stderr, "perfring: inject: '%s' is not one of: all", words.word[i]);
			for (size_t j = 0; j < ARRAY_SIZE(inject_kinds); j++)
				fprintf(stderr, " %s", inject_kinds[j].name);
			fputc('\n', stderr);
			return CLI_USAGE;
		}
	if (!cli_module_loaded())
		return cli_module_missing();
	for (size_t i = 1; i < words.nr && !status; i++)
		for (size_t j = 0; j < ARRAY_SIZE(inject_kinds) && !status; j++)
			if (!strcmp(words.word[i], "all") ||
			    !strcmp(words.word[i], inject_kinds[j].name))
				status = inject_ring((unsigned int)cpu, &inject_kinds[j]);
	return status;
}

const struct cli_command cli_inject = {
	.name = "inject", .usage = "dev:CPU KIND...",
	.about =
"put into a ring what no kernel writes, and show what the reader makes of it: size-0\n"
"size-4 size-7 size-12 beyond-head torn unknown-type bad-raw head-backward head-jump\n"
"head-unaligned data-size data-offset, or all; wants root and a module loaded with\n"
"allow_inject=1\n",
	.least = 2, .most = CLI_WORDS_ANY, .run = inject_command,
};
