// SPDX-License-Identifier: MIT
/* This program's own system calls: which, how long, and what came of them. */
#include <errno.h>
#include <fcntl.h>
#include <perfring/perfring.h>
#include <stdio.h>
#include <string.h>
#include "syscalls.h"
#include "syscalls.skel.h"
#include "tick.h"

static int show(void *context, unsigned int index, const struct perfring_record *record)
{
	struct syscall event;

	(void)context;
	(void)index;
	memcpy(&event, (const char *)record->data + PERFRING_BPF_HEADER, sizeof(event));
	printf("%-16.16s %3lld = %4lld  %8.1f us\n", event.comm, event.nr, event.ret,
	       (double)event.duration / 1000);
	return 0;
}

int main(void)
{
	struct perfring_reader_opts opts = { .size = sizeof(opts), .record = show };
	struct syscalls *skel = syscalls__open_and_load();
	struct perfring_reader *reader = NULL;
	struct perfring_storage *storage;
	int err = skel ? 0 : -1;

	if (!err)
		err = syscalls__attach(skel);
	if (!err)
		err = perfring_reader_create(&opts, &reader);
	if (!err)
		err = perfring_storage_open_bpf_ringbuf(bpf_map__fd(skel->maps.ring),
							NULL, &storage);
	if (!err)
		err = perfring_reader_add(reader, storage);
	if (err >= 0) {
		tick(1);
		usleep(1000);
		open("/nowhere", O_RDONLY);
		tick(0);
		err = perfring_reader_poll(reader, 1000);
	}
	if (err >= 0)
		printf("%d system calls, %llu dropped; -%d is ENOENT\n", err,
		       (unsigned long long)skel->bss->dropped, ENOENT);
	perfring_reader_destroy(reader);
	syscalls__destroy(skel);
	return err < 0;
}
