// SPDX-License-Identifier: MIT
/*
 * Why a ring could not be mapped: the arithmetic of perf_mmap() in
 * kernel/events/core.c, from user space.
 */
#include "internal.h"
#include "limits.h"

#include <sys/resource.h>

#define LIMITS_CAP_IPC_LOCK	14

/* Data pages that fit beside one control page, a power of two. */
static size_t limits_fit(const struct perfring_mmap_report *report)
{
	uint64_t page_kb = report->page_size / 1024;
	uint64_t locked, pages, fit = 1;

	if (report->unlimited || report->rlimit_kb == UINT64_MAX)
		return SIZE_MAX;
	pages = report->free_of_limit_kb / page_kb;
	locked = report->pinned_kb < report->rlimit_kb ? report->rlimit_kb - report->pinned_kb : 0;
	pages += locked / page_kb;
	if (pages < 2)
		return 0;
	while (fit * 2 <= pages - 1 && fit < SIZE_MAX / 4)
		fit *= 2;
	return (size_t)fit;
}

int perfring_storage_explain_mmap(size_t data_pages, int error,
				  struct perfring_mmap_report *report)
{
	char status[8192];
	struct rlimit limit;
	long online;

	if (!report)
		return -EINVAL;
	memset(report, 0, sizeof(*report));
	report->error = error > 0 ? -error : error;
	report->pages = data_pages + 1;
	report->page_size = perfring_system_page_size();
	report->kb = (uint64_t)report->pages * (report->page_size / 1024);
	report->paranoid = (int32_t)limits_number("/proc/sys/kernel/perf_event_paranoid",
						  INT32_MIN);
	report->mlock_kb = limits_number("/proc/sys/kernel/perf_event_mlock_kb", -1);
	online = sysconf(_SC_NPROCESSORS_ONLN);
	report->online_cpus = online > 0 ? (uint64_t)online : 1;
	if (report->mlock_kb > 0)
		report->free_of_limit_kb = (uint64_t)report->mlock_kb * report->online_cpus;
	report->rlimit_kb = UINT64_MAX;
	if (!getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur != RLIM_INFINITY)
		report->rlimit_kb = limit.rlim_cur / 1024;
	limits_slurp("/proc/self/status", status, sizeof(status));
	report->pinned_kb = limits_status(status, "\nVmPin:", 10);
	if (limits_status(status, "\nCapEff:", 16) >> LIMITS_CAP_IPC_LOCK & 1)
		report->unlimited = 1;
	if (report->paranoid != INT32_MIN && report->paranoid < 0)
		report->unlimited = 1;
	report->data_pages_fit = limits_fit(report);
	return 0;
}

int perfring_storage_format_mmap(const struct perfring_mmap_report *report, char *buffer,
				 size_t len)
{
	size_t used = 0;

	if (len)
		buffer[0] = '\0';
	limits_add(buffer, len, &used, "mapping %zu pages (1 + %zu) of %zu bytes, %llu KiB: %s\n",
		   report->pages, report->pages - 1, report->page_size,
		   (unsigned long long)report->kb, perfring_strerror(report->error));
	if (report->mlock_kb < 0)
		limits_add(buffer, len, &used, "kernel.perf_event_mlock_kb: cannot be read\n");
	else
		limits_add(buffer, len, &used,
			   "free of limit: kernel.perf_event_mlock_kb %lld KiB * %llu CPUs online = %llu KiB for all rings of the user\n",
			   (long long)report->mlock_kb, (unsigned long long)report->online_cpus,
			   (unsigned long long)report->free_of_limit_kb);
	if (report->rlimit_kb == UINT64_MAX)
		limits_add(buffer, len, &used, "beyond it: RLIMIT_MEMLOCK unlimited\n");
	else
		limits_add(buffer, len, &used,
			   "beyond it: RLIMIT_MEMLOCK %llu KiB, %llu KiB of it pinned\n",
			   (unsigned long long)report->rlimit_kb,
			   (unsigned long long)report->pinned_kb);
	if (report->paranoid == INT32_MIN)
		limits_add(buffer, len, &used, "kernel.perf_event_paranoid: cannot be read\n");
	else
		limits_add(buffer, len, &used,
			   "kernel.perf_event_paranoid: %d (no limit below 0, nor with CAP_IPC_LOCK)\n",
			   report->paranoid);
	if (report->data_pages_fit == SIZE_MAX)
		limits_add(buffer, len, &used, "no limit applies: the limit is not the cause\n");
	else if (report->data_pages_fit)
		limits_add(buffer, len, &used,
			   "would fit if no other ring were mapped: 1 + %zu pages\n",
			   report->data_pages_fit);
	else
		limits_add(buffer, len, &used, "not even 1 + 1 pages fit\n");
	return (int)used;
}
