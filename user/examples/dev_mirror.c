// SPDX-License-Identifier: MIT
#define _FILE_OFFSET_BITS 64	/* the offset of the mirror has 33 bits */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <linux/perfring.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* A record that begins 16 bytes before the end of the ring, read in one piece. */
int main(void)
{
	int fd = open("/dev/perfring0", O_RDWR | O_CLOEXEC), size = getpagesize();
	struct perfring_position position = {
		.size = sizeof(position), .position = size - 16,
	};
	volatile struct perf_event_mmap_page *page;
	unsigned long long tail, head;
	char *data;

	/* One control page, one page of data, and that page again. */
	page = mmap(NULL, 3 * size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PERFRING_MMAP_MIRROR);
	if (fd < 0 || page == MAP_FAILED || ioctl(fd, PERFRING_IOC_SET_POSITION, &position) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) || write(fd, "across the end", 15) != 15) {
		perror("/dev/perfring0");
		return 1;
	}
	head = page->data_head;
	__sync_synchronize();
	tail = page->data_tail;
	data = (char *)page + size;
	printf("bytes %llu to %llu of %d: %s\n", tail, head, size, data + tail % size + 12);
	return 0;
}
