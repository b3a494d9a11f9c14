// SPDX-License-Identifier: MIT
/* What events there are. */
#include "event.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

struct event_lister {
	const char *sysfs;
	const char *tracefs;
	perfring_event_fn fn;
	void *context;
	const char *folder;	/* PMU or system that is looked at */
	char terms[512];	/* of a PMU */
};

static int list_item(const struct event_lister *list, uint32_t kind, const char *name,
		     const char *alias, const char *about, int error)
{
	const struct perfring_event_item item = {
		.name = name,
		.alias = alias,
		.about = about,
		.kind = kind,
		.error = error,
	};

	return list->fn(list->context, &item);
}

/* Can it be opened?  As little as any user may ask for. */
static int list_try(uint32_t type, uint64_t config)
{
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.config = config,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int list_names(const struct event_lister *list, uint32_t type, uint32_t kind)
{
	int ret = 0;

	for (size_t i = 0; i < EVENT_NAMES && !ret; i++) {
		const struct event_name *known = &perfring_event_names[i];

		if (known->type == type)
			ret = list_item(list, kind, known->name, known->alias, NULL,
					list_try(type, known->config));
	}
	return ret;
}

static int list_caches(const struct event_lister *list)
{
	char name[EVENT_NAME_MAX];
	uint64_t config;
	int ret = 0;

	for (unsigned int i = 0; !ret && perfring_event_cache_name(i, name, sizeof(name), &config);
	     i++)
		ret = list_item(list, PERFRING_LIST_CACHE, name, NULL, NULL,
				list_try(PERF_TYPE_HW_CACHE, config));
	return ret;
}

static int list_pmu_event(void *context, const char *name)
{
	struct event_lister *list = context;
	char path[512], text[512], whole[2 * EVENT_NAME_MAX + 4];
	int need = snprintf(whole, sizeof(whole), "%s/%s/", list->folder, name);

	/* NAME.unit and the like belong to NAME. */
	if (strchr(name, '.') || need < 0 || (size_t)need >= sizeof(whole) ||
	    !perfring_event_pmu_path(list->sysfs, path, sizeof(path), list->folder, "events",
				     name) ||
	    perfring_event_read_text(path, text, sizeof(text)))
		return 0;
	return list_item(list, PERFRING_LIST_PMU, whole, NULL, text, 0);
}

static int list_pmu_term(void *context, const char *name)
{
	struct event_lister *list = context;
	size_t used = strlen(list->terms);

	snprintf(list->terms + used, sizeof(list->terms) - used, "%s%s", used ? "," : "", name);
	return 0;
}

static int list_pmu(void *context, const char *pmu)
{
	struct event_lister *list = context;
	char path[512], name[EVENT_NAME_MAX];
	int ret = 0, need = snprintf(name, sizeof(name), "%s//", pmu);

	list->folder = pmu;
	list->terms[0] = '\0';
	if (perfring_event_pmu_path(list->sysfs, path, sizeof(path), pmu, "format", NULL))
		perfring_event_folder(path, list_pmu_term, list);
	if (list->terms[0] && need > 0 && (size_t)need < sizeof(name))
		ret = list_item(list, PERFRING_LIST_PMU, name, NULL, list->terms, 0);
	if (!ret && perfring_event_pmu_path(list->sysfs, path, sizeof(path), pmu, "events", NULL))
		ret = perfring_event_folder(path, list_pmu_event, list);
	/* Few PMUs have names for events. */
	return ret == -ENOENT ? 0 : ret;
}

static int list_tracepoint(void *context, const char *name)
{
	struct event_lister *list = context;
	char path[1024], whole[2 * EVENT_NAME_MAX];

	snprintf(path, sizeof(path), "%s/events/%s/%s/id", list->tracefs, list->folder, name);
	if (access(path, F_OK))
		return 0;
	snprintf(whole, sizeof(whole), "%s:%s", list->folder, name);
	return list_item(list, PERFRING_LIST_TRACEPOINT, whole, NULL, NULL, 0);
}

static int list_system(void *context, const char *system)
{
	struct event_lister *list = context;
	char path[1024];
	int ret;

	list->folder = system;
	snprintf(path, sizeof(path), "%s/events/%s", list->tracefs, system);
	ret = perfring_event_folder(path, list_tracepoint, list);
	return ret == -ENOTDIR ? 0 : ret;
}

static int list_tracepoints(struct event_lister *list, bool alone)
{
	char path[1024];
	int ret = geteuid() ? -EACCES : -ENOENT;

	if (list->tracefs) {
		snprintf(path, sizeof(path), "%s/events", list->tracefs);
		ret = perfring_event_folder(path, list_system, list);
	}
	return (ret == -EACCES || ret == -ENOENT) && !alone ? 0 : ret;
}

int perfring_event_list(const struct perfring_event_opts *opts, unsigned int kinds,
			perfring_event_fn fn, void *context)
{
	struct event_lister list = { .fn = fn, .context = context };
	char path[512];
	int ret = perfring_event_roots(opts, &list.sysfs, &list.tracefs);

	if (!kinds)
		kinds = PERFRING_LIST_ALL;
	if (!ret && kinds & ~PERFRING_LIST_ALL)
		ret = -EINVAL;
	if (!ret && kinds & PERFRING_LIST_HARDWARE)
		ret = list_names(&list, PERF_TYPE_HARDWARE, PERFRING_LIST_HARDWARE);
	if (!ret && kinds & PERFRING_LIST_SOFTWARE)
		ret = list_names(&list, PERF_TYPE_SOFTWARE, PERFRING_LIST_SOFTWARE);
	if (!ret && kinds & PERFRING_LIST_CACHE)
		ret = list_caches(&list);
	if (!ret && kinds & PERFRING_LIST_PMU &&
	    perfring_event_pmu_path(list.sysfs, path, sizeof(path), "", NULL, NULL)) {
		ret = perfring_event_folder(path, list_pmu, &list);
		ret = ret == -ENOENT ? 0 : ret;
	}
	if (!ret && kinds & PERFRING_LIST_TRACEPOINT)
		ret = list_tracepoints(&list, kinds == PERFRING_LIST_TRACEPOINT);
	return ret;
}
