// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/perf_event.h>
#include <linux/perfring.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* A record that is in memory, another one nested in it, and neither published. */
int main(void)
{
	struct perfring_reserve reserve = {
		.size = sizeof(reserve), .type = PERF_RECORD_SAMPLE,
		.data = (uintptr_t)"held, and not published", .len = 24,
	};
	struct perfring_release release = { .size = sizeof(release) };
	int fd = open("/dev/perfring0", O_RDWR | O_CLOEXEC), size = getpagesize();
	volatile struct perf_event_mmap_page *page;
	struct perf_event_header header;
	unsigned long long head, pos;
	char *data;

	page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || page == MAP_FAILED || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) ||
	    ioctl(fd, PERFRING_IOC_RESERVE, &reserve) || write(fd, "nested", 6) != 6)
		goto fail;
	data = (char *)page + size;
	printf("head %llu, but at %llu: %s\n", (unsigned long long)page->data_head,
	       (unsigned long long)reserve.position, data + reserve.position + 12);
	if (ioctl(fd, PERFRING_IOC_DISCARD, &release))
		goto fail;
	head = page->data_head;
	__sync_synchronize();
	for (pos = 0; pos < head; pos += header.size) {
		header = *(struct perf_event_header *)(data + pos);
		printf("at %llu: type %u, %u bytes\n", pos, header.type, header.size);
	}
	return release.result != PERFRING_RELEASE_SKIPPED;
fail:
	perror("/dev/perfring0");
	return 1;
}
