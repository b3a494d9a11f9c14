// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/perf_event.h>
#include <linux/perfring.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Write three records across the position 2^32, then ask why the reader woke. */
int main(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_BPF_OUTPUT,
		.size = sizeof(attr), .sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1, .wakeup_events = 2, .disabled = 1,
	};
	struct perfring_position position = {
		.size = sizeof(position), .position = (1ULL << 32) - 16,
	};
	struct perfring_emit_record record[] = {
		{ .type = PERF_RECORD_SAMPLE, .len = 4, .count = 2 },	/* 16 bytes each */
		{ .type = 4711, .len = 8 },				/* 16, and no sample */
	};
	struct perfring_emit emit = {
		.size = sizeof(emit), .records = (uintptr_t)record, .nr = 2,
	};
	struct perfring_stats stats = { .size = sizeof(stats) };
	struct perf_event_mmap_page *page;
	int fd = open("/dev/perfring0", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr))
		goto fail;
	page = mmap(NULL, 2 * getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED || ioctl(fd, PERFRING_IOC_SET_POSITION, &position) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) || ioctl(fd, PERFRING_IOC_EMIT, &emit) ||
	    ioctl(fd, PERFRING_IOC_STATS, &stats))
		goto fail;
	printf("%llu written, tail %#llx, head %#llx\n", (unsigned long long)emit.written,
	       (unsigned long long)page->data_tail, (unsigned long long)page->data_head);
	printf("woke by wakeup_events: %llu, not at all: %llu\n",
	       (unsigned long long)stats.wakeup_events, (unsigned long long)stats.wakeup_none);
	return 0;
fail:
	perror("/dev/perfring0");
	return 1;
}
