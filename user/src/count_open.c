// SPDX-License-Identifier: MIT
/* Counters: open, close, and what is known about each. */
#include "count.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_MAX_EVENTS	(1U << 16)

enum perfring_count_state perfring_count_error_state(int error)
{
	switch (-error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case EOPNOTSUPP:
	case EINVAL:		/* what the PMU drivers say of a combination that they lack */
	case E2BIG:
	case ENOSYS:
		return PERFRING_COUNT_UNSUPPORTED;
	default:
		return PERFRING_COUNT_REFUSED;
	}
}

/* Whatever event it is about: going on would find the same. */
static bool open_is_fatal(int error)
{
	return error == -ESRCH || error == -EMFILE || error == -ENFILE || error == -ENOMEM ||
	       error == -EBADF;
}

static int open_try(struct count_event *event, struct perf_event_attr *attr, pid_t pid, int cpu,
		    int group, uint32_t flags)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, pid, cpu, group,
			      (unsigned long)flags | PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	event->fd = fd;
	event->attr = *attr;
	return 0;
}

static int open_event(struct perfring_count *count, unsigned int index, pid_t pid, int cpu,
		      const struct perfring_count_opts *own)
{
	struct count_event *event = &count->event[index];
	bool led = count->group && count->leader < count->nr;
	int group = led ? count->event[count->leader].fd : -1;
	struct perf_event_attr attr = event->attr;
	int err = -EINVAL;

	attr.disabled = !led;
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	if (count->group && !led)
		attr.read_format |= PERF_FORMAT_GROUP;
	if (!pid && !attr.inherit && own->self != PERFRING_SELF_OFF && count_arch_ask(&attr)) {
		err = open_try(event, &attr, pid, cpu, group, own->flags);
		attr.config1 = event->attr.config1;
	}
	if (err)
		err = open_try(event, &attr, pid, cpu, group, own->flags);
	if ((err == -EACCES || err == -EPERM) && own->user_only && !attr.exclude_kernel) {
		attr.exclude_kernel = 1;
		if (!open_try(event, &attr, pid, cpu, group, own->flags)) {
			event->user_only = true;
			err = 0;
		}
	}
	if (!err && count->group && !led)
		count->leader = index;
	event->error = err;
	return err && (!own->optional || open_is_fatal(err)) ? err : 0;
}

static int open_name(struct count_event *event, const char *name)
{
	if (name)
		event->name = strdup(name);
	else if (asprintf(&event->name, "type %u config 0x%llx", event->attr.type,
			  (unsigned long long)event->attr.config) < 0)
		event->name = NULL;
	return event->name ? 0 : -ENOMEM;
}

static int open_all(struct perfring_count *count, const struct perf_event_attr *attrs, pid_t pid,
		    int cpu, const struct perfring_count_opts *own)
{
	int err = 0;

	for (unsigned int i = 0; i < count->nr && !err; i++) {
		struct count_event *event = &count->event[i];

		err = perfring_attr_take(&event->attr, &attrs[i], 0, 0, false);
		if (!err)
			err = open_name(event, own->names ? own->names[i] : NULL);
		if (!err)
			err = open_event(count, i, pid, cpu, own);
		if (err && own->failed)
			*own->failed = i;
	}
	return err;
}

/* What the library keeps for itself: the owner's page, and room for a group. */
static int open_room(struct perfring_count *count)
{
	void *owner;

	count->words = calloc(3 + (size_t)count->nr, sizeof(*count->words));
	if (!count->words)
		return -ENOMEM;
	owner = mmap(NULL, count->page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (owner == MAP_FAILED)
		return -errno;
	count->owner = owner;
	*count->owner = &perfring_count_here;
	return madvise(owner, count->page_size, MADV_WIPEONFORK) ? -errno : 0;
}

int perfring_count_open(const struct perf_event_attr *attrs, unsigned int nr, pid_t pid, int cpu,
			const struct perfring_count_opts *opts, struct perfring_count **out)
{
	struct perfring_count_opts own;
	struct perfring_count *count;
	int err;

	err = perfring_opts_take(&own, sizeof(own), opts);
	if (err)
		return err;
	if (!attrs || !nr || nr > OPEN_MAX_EVENTS || own.self > PERFRING_SELF_OFF)
		return -EINVAL;
	count = calloc(1, sizeof(*count) + nr * sizeof(count->event[0]));
	if (!count)
		return -ENOMEM;
	count->nr = nr;
	count->leader = nr;
	count->group = own.group;
	count->page_size = perfring_system_page_size();
	for (unsigned int i = 0; i < nr; i++)
		count->event[i].fd = -1;
	if (pid == gettid())
		pid = 0;
	err = open_room(count);
	if (!err)
		err = open_all(count, attrs, pid, cpu, &own);
	if (err) {
		perfring_count_close(count);
		return err;
	}
	perfring_count_pages(count, pid, (enum perfring_count_self)own.self);
	*out = count;
	return 0;
}

void perfring_count_close(struct perfring_count *count)
{
	if (!count)
		return;
	/* Members before their leader: it would free them to count by themselves. */
	for (unsigned int i = count->nr; i--;) {
		struct count_event *event = &count->event[i];

		if (count->owner)
			perfring_count_unmap(count, event);
		if (event->fd >= 0)
			close(event->fd);
		free(event->name);
	}
	if (count->owner)
		munmap(count->owner, count->page_size);
	free(count->words);
	free(count);
}

unsigned int perfring_count_nr(const struct perfring_count *count)
{
	return count->nr;
}

int perfring_count_info(const struct perfring_count *count, unsigned int index,
			struct perfring_count_info *info)
{
	const struct count_event *event;

	if (index >= count->nr)
		return -EINVAL;
	event = &count->event[index];
	memset(info, 0, sizeof(*info));
	info->name = event->name;
	info->attr = &event->attr;
	info->fd = event->fd;
	info->error = event->error;
	info->method = event->method;
	info->self_ns = event->self_ns;
	info->read_ns = event->read_ns;
	info->user_only = event->user_only;
	return 0;
}

const char *perfring_count_method_text(unsigned int method)
{
	static const char *const texts[] = {
		[PERFRING_METHOD_SELF] = "register",
		[PERFRING_METHOD_SLOWER] = "read(2): the register takes longer here",
		[PERFRING_METHOD_OFF] = "read(2): as it was asked for",
		[PERFRING_METHOD_OTHER] = "read(2): another task, or inherited",
		[PERFRING_METHOD_NO_PAGE] = "read(2): the event's page could not be mapped",
		[PERFRING_METHOD_DENIED] = "read(2): the kernel offers no register",
		[PERFRING_METHOD_NO_PMU] = "read(2): not on the PMU when it was tried",
		[PERFRING_METHOD_CLOSED] = "not open",
	};

	return method < sizeof(texts) / sizeof(texts[0]) ? texts[method] : "unknown";
}

const char *perfring_count_state_text(unsigned int state)
{
	static const char *const texts[] = {
		[PERFRING_COUNTED] = "counted",
		[PERFRING_COUNT_NONE] = "not counted",
		[PERFRING_COUNT_UNSUPPORTED] = "not supported",
		[PERFRING_COUNT_REFUSED] = "refused",
		[PERFRING_COUNT_ERROR] = "lost its counter",
	};

	return state < sizeof(texts) / sizeof(texts[0]) ? texts[state] : "unknown";
}
