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

/* The leader that an event gets: the first of its group that is open; @index: itself. */
static unsigned int open_leader(const struct perfring_count *count, unsigned int index)
{
	unsigned int wanted = count->event[index].wanted;

	for (unsigned int i = wanted; i < index; i++)
		if (count->event[i].wanted == wanted && count->event[i].leader == i &&
		    count->event[i].fd >= 0)
			return i;
	return index;
}

/* With the kernel's part and without it, as far as the options go. */
static int open_kind(struct count_event *event, struct perf_event_attr *attr, pid_t pid, int cpu,
		     int group, const struct perfring_count_opts *own)
{
	int err = -EINVAL;

	/* A PMU that does not know the bit refuses it: then without. */
	if (!pid && !attr->inherit && own->self != PERFRING_SELF_OFF && count_arch_ask(attr)) {
		err = open_try(event, attr, pid, cpu, group, own->flags);
		attr->config1 = event->attr.config1;
	}
	if (err)
		err = open_try(event, attr, pid, cpu, group, own->flags);
	if ((err != -EACCES && err != -EPERM) || !own->user_only || attr->exclude_kernel)
		return err;
	attr->exclude_kernel = 1;
	if (open_try(event, attr, pid, cpu, group, own->flags))
		return err;
	event->user_only = true;
	return 0;
}

static int open_event(struct perfring_count *count, unsigned int index, pid_t pid, int cpu,
		      const struct perfring_count_opts *own)
{
	struct count_event *event = &count->event[index];
	struct perf_event_attr attr = event->attr;
	bool led;
	int err;

	event->leader = open_leader(count, index);
	led = event->leader != index;
	attr.disabled = !led;
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	if (event->grouped && !led)
		attr.read_format |= PERF_FORMAT_GROUP;
	err = open_kind(event, &attr, pid, cpu, led ? count->event[event->leader].fd : -1, own);
	if (err == -EINVAL && led && event->weak) {
		event->leader = index;
		event->grouped = false;
		attr.disabled = 1;
		err = open_kind(event, &attr, pid, cpu, -1, own);
	}
	event->error = err;
	return err && (!own->optional || open_is_fatal(err)) ? err : 0;
}

static int open_name(struct count_event *event, const struct count_want *want)
{
	if (want->name)
		event->name = strdup(want->name);
	else if (asprintf(&event->name, "type %u config 0x%llx", event->attr.type,
			  (unsigned long long)event->attr.config) < 0)
		event->name = NULL;
	if (want->unit)
		event->unit = strdup(want->unit);
	event->scale = want->scale;
	return event->name && !event->unit == !want->unit ? 0 : -ENOMEM;
}

static void open_groups(struct perfring_count *count, const struct count_want *wants, bool all)
{
	for (unsigned int i = 0; i < count->nr; i++) {
		struct count_event *event = &count->event[i];

		event->wanted = all ? 0 : wants[i].leader;
		event->weak = wants[i].weak;
		if (!all && event->wanted == i)
			continue;
		event->grouped = true;
		count->event[event->wanted].grouped = true;
	}
}

static int open_all(struct perfring_count *count, const struct count_want *wants, pid_t pid,
		    int cpu, const struct perfring_count_opts *own)
{
	int err = 0;

	for (unsigned int i = 0; i < count->nr && !err; i++) {
		struct count_event *event = &count->event[i];

		event->attr = wants[i].attr;
		count->foreign |= event->attr.enable_on_exec;
		err = open_name(event, &wants[i]);
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
	/* Where a child's copy cannot be told from ours nobody has registers. */
	if (madvise(owner, count->page_size, MADV_WIPEONFORK))
		*count->owner = NULL;
	return 0;
}

int perfring_count_open_wants(const struct count_want *wants, unsigned int nr, pid_t pid, int cpu,
			      const struct perfring_count_opts *own, struct perfring_count **out)
{
	struct perfring_count *count = calloc(1, sizeof(*count) + nr * sizeof(count->event[0]));
	int err;

	if (!count)
		return -ENOMEM;
	count->nr = nr;
	count->page_size = perfring_system_page_size();
	for (unsigned int i = 0; i < nr; i++)
		count->event[i].fd = -1;
	open_groups(count, wants, own->group);
	if (pid == gettid())
		pid = 0;
	err = open_room(count);
	if (!err)
		err = open_all(count, wants, pid, cpu, own);
	if (err) {
		perfring_count_close(count);
		return err;
	}
	perfring_count_pages(count, pid, (enum perfring_count_self)own->self);
	*out = count;
	return 0;
}

int perfring_count_opts_take(struct perfring_count_opts *own,
			     const struct perfring_count_opts *given)
{
	int err = perfring_opts_take(own, sizeof(*own), given);

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(own->padding); i++)
		if (own->padding[i])
			return -EINVAL;
	return own->self > PERFRING_SELF_OFF ? -EINVAL : 0;
}

int perfring_count_open(const struct perf_event_attr *attrs, unsigned int nr, pid_t pid, int cpu,
			const struct perfring_count_opts *opts, struct perfring_count **out)
{
	struct perfring_count_opts own;
	struct count_want *wants;
	int err = perfring_count_opts_take(&own, opts);

	if (err)
		return err;
	if (!attrs || !nr || nr > OPEN_MAX_EVENTS)
		return -EINVAL;
	wants = calloc(nr, sizeof(*wants));
	if (!wants)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr && !err; i++) {
		err = perfring_attr_take(&wants[i].attr, &attrs[i], 0, 0, false);
		if (err && own.failed)
			*own.failed = i;
		wants[i].attr.inherit |= own.inherit != 0;
		wants[i].attr.enable_on_exec |= own.enable_on_exec != 0;
		wants[i].name = own.names ? own.names[i] : NULL;
		wants[i].scale = 1;
		wants[i].leader = i;
	}
	if (!err)
		err = perfring_count_open_wants(wants, nr, pid, cpu, &own, out);
	free(wants);
	return err;
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
		free(event->unit);
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
	info->unit = event->unit;
	info->scale = event->scale;
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
