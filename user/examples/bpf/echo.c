// SPDX-License-Identifier: MIT
/* Send numbers to a BPF program, read the squares that it sends back. */
#include <perfring/perfring.h>
#include <stdio.h>
#include <string.h>
#include "echo.skel.h"
#include "tick.h"

static int show(void *context, unsigned int index, const struct perfring_record *record)
{
	unsigned long long square;

	(void)context;
	(void)index;
	if (record->size != PERFRING_BPF_HEADER + sizeof(square))
		return -1;
	memcpy(&square, (const char *)record->data + PERFRING_BPF_HEADER, sizeof(square));
	printf("%llu ", square);
	return 0;
}

static int send(struct perfring_bpf_user *requests, unsigned long long number)
{
	void *sample;
	int err = perfring_bpf_user_reserve(requests, sizeof(number), &sample);

	if (err)
		return err;	/* -ENOSPC: the program does not keep up */
	memcpy(sample, &number, sizeof(number));
	perfring_bpf_user_submit(requests, sample);
	return 0;
}

int main(void)
{
	struct perfring_reader_opts opts = { .size = sizeof(opts), .record = show };
	struct echo *skel = echo__open_and_load();
	struct perfring_bpf_user *requests = NULL;
	struct perfring_reader *reader = NULL;
	struct perfring_storage *answers;
	int err = skel ? echo__attach(skel) : -1;

	if (!err)
		err = perfring_bpf_user_open(bpf_map__fd(skel->maps.requests), &requests);
	if (!err)
		err = perfring_reader_create(&opts, &reader);
	if (!err)
		err = perfring_storage_open_bpf_ringbuf(bpf_map__fd(skel->maps.answers), NULL,
							&answers);
	if (!err)
		err = perfring_reader_add(reader, answers);
	for (int i = 1; err >= 0 && i <= 10; i++)
		err = send(requests, i);
	if (err >= 0) {
		tick(0);	/* the program looks at its ring */
		err = perfring_reader_poll(reader, 1000);
	}
	if (err >= 0)
		printf("\n%d answers, %llu bytes left over\n", err,
		       (unsigned long long)perfring_bpf_user_waiting(requests));
	else
		fprintf(stderr, "echo: %s\n", perfring_strerror(err));
	perfring_reader_destroy(reader);
	perfring_bpf_user_close(requests);
	echo__destroy(skel);
	return err < 0;
}
