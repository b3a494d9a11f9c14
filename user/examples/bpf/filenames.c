// SPDX-License-Identifier: MIT
/* Names of any length, each in a record that is just long enough. */
#include <perfring/perfring.h>
#include <stdio.h>
#include <string.h>
#include "filenames.skel.h"
#include "tick.h"

struct sum {
	unsigned int records, bytes;
};

static int show(void *context, unsigned int index, const struct perfring_record *record)
{
	const char *payload = (const char *)record->data + PERFRING_BPF_HEADER;
	struct sum *sum = context;
	unsigned int length;

	(void)index;
	memcpy(&length, payload, sizeof(length));
	if (length + sizeof(length) + PERFRING_BPF_HEADER != record->size)
		return -1;
	printf("%4u bytes: %.40s\n", record->size, payload + sizeof(length));
	sum->records++;
	sum->bytes += (record->size + 7) / 8 * 8;
	return 0;
}

int main(void)
{
	/* On the stack, because a program cannot wait for a page that is not there yet. */
	char names[4][64] = { "", "/", "/etc/hostname",
			      "/usr/src/linux/tools/testing/selftests/bpf/progs/ringbuf.c" };
	char longest[4096];
	struct filenames *skel = filenames__open_and_load();
	struct sum sum = { 0 };
	struct perfring_reader_opts opts = { .size = sizeof(opts), .record = show,
					     .context = &sum };
	struct perfring_reader *reader = NULL;
	struct perfring_storage *storage;
	int err = skel ? 0 : -1;

	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	if (!err)
		err = filenames__attach(skel);
	if (!err)
		err = perfring_reader_create(&opts, &reader);
	if (!err)
		err = perfring_storage_open_bpf_ringbuf(bpf_map__fd(skel->maps.ring),
							NULL, &storage);
	if (!err)
		err = perfring_reader_add(reader, storage);
	for (int i = 0; err >= 0 && i < 4; i++)
		tick((unsigned long)names[i]);
	tick((unsigned long)longest);
	if (err >= 0)
		err = perfring_reader_poll(reader, 1000);
	if (err >= 0)
		printf("%u names in %u bytes; records for the longest possible take %zu\n",
		       sum.records, sum.bytes,
		       sum.records * (8 + sizeof(int) + sizeof(longest) + 4));
	perfring_reader_destroy(reader);
	filenames__destroy(skel);
	return err < 0;
}
