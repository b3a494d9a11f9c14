// SPDX-License-Identifier: MIT
#include <perfring/count.h>
#include <perfring/error.h>
#include <inttypes.h>
#include <stdio.h>

/* A few instructions, measured again and again by a counter that stays open and runs. */
int main(void)
{
	static const char *const events[] = { "instructions:u", "task-clock:u" };
	struct perfring_count_info info;
	struct perfring_count *count = NULL;
	uint64_t before, after, least = UINT64_MAX;
	int err = -1;

	/* The first that this machine has. */
	for (int i = 0; i < 2 && err; i++)
		err = perfring_count_open_text(events[i], 0, -1, NULL, &count, NULL);
	if (!err)
		err = perfring_count_start(count);
	for (int i = 0; i < 1000 && !err; i++) {
		err = perfring_count_now(count, 0, &before);
		for (volatile int j = 0; j < 100; j++)
			;
		if (!err)
			err = perfring_count_now(count, 0, &after);
		if (!err && after - before < least)
			least = after - before;
	}
	if (err) {
		fprintf(stderr, "count_self: %s\n", perfring_strerror(err));
		return 1;
	}
	perfring_count_info(count, 0, &info);
	printf("%s: %" PRIu64 " at least, read by %s\n", info.name, least,
	       perfring_count_method_text(info.method));
	if (info.self_ns)
		printf("a reading takes %u ns by the register, %u ns by read(2)\n", info.self_ns,
		       info.read_ns);
	perfring_count_close(count);
	return 0;
}
