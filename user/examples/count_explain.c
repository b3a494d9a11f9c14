// SPDX-License-Identifier: MIT
#include <perfring/count.h>
#include <perfring/error.h>
#include <stdio.h>

/* Open a group on a whole CPU; when that is refused, say which event, and what would do. */
int main(void)
{
	const struct perf_event_attr attrs[] = {
		{ .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK },
		{ .type = PERF_TYPE_HARDWARE, .config = PERF_COUNT_HW_BUS_CYCLES },
	};
	static const char *const names[] = { "cpu-clock", "bus-cycles" };
	unsigned int failed = 0;
	struct perfring_count_opts opts = {
		.size = sizeof(opts), .names = names, .failed = &failed, .group = 1,
	};
	struct perfring_count_report report;
	struct perfring_count *count;
	char text[4096];
	int err = perfring_count_open(attrs, 2, -1, 0, &opts, &count);

	if (!err) {
		puts("this machine has both, for you");
		perfring_count_close(count);
		return 0;
	}
	if (perfring_count_explain(&attrs[failed], -1, 0, err, &report))
		return 1;
	perfring_count_format(&report, names[failed], text, sizeof(text));
	fputs(text, stdout);
	return report.cause == PERFRING_CAUSE_UNKNOWN;
}
