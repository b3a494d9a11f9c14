// SPDX-License-Identifier: MIT
#include <perfring/perfring.h>
#include <stdio.h>

/* Count the events, and show those that have a second name. */
static int show(void *context, const struct perfring_event_item *item)
{
	unsigned int *count = context;

	if (!item->error)
		++*count;
	if (!item->error && item->alias)
		printf("%s is also called %s\n", item->name, item->alias);
	return 0;
}

int main(void)
{
	unsigned int count = 0;
	int err = perfring_event_list(NULL, PERFRING_LIST_ALL, show, &count);

	if (err) {
		fprintf(stderr, "event_list: %s\n", perfring_strerror(err));
		return 1;
	}
	printf("%u events here\n", count);
	return 0;
}
