// SPDX-License-Identifier: MIT
/* Counters: start, stop, reset, read. */
#include "count.h"

#include <sys/ioctl.h>
#include <unistd.h>

#define COUNT_GROUP_HEAD	3	/* words before a group's values */

_Thread_local char perfring_count_here __attribute__((tls_model("initial-exec")));

static int count_ioctl(struct perfring_count *count, unsigned long request)
{
	int err = 0;

	/* The members of a group were never disabled: they go with their leader. */
	for (unsigned int i = 0; i < count->nr; i++)
		if (count->event[i].fd >= 0 && count->event[i].leader == i &&
		    ioctl(count->event[i].fd, request, 0) && !err)
			err = -errno;
	return err;
}

int perfring_count_start(struct perfring_count *count)
{
	count->still = false;
	count->started = true;
	return count_ioctl(count, PERF_EVENT_IOC_ENABLE);
}

int perfring_count_stop(struct perfring_count *count)
{
	count->still = false;
	count->started = false;
	return count_ioctl(count, PERF_EVENT_IOC_DISABLE);
}

/* Values in the order in which the group was opened. */
static int count_ask_group(struct perfring_count *count, unsigned int leader)
{
	size_t at = COUNT_GROUP_HEAD;
	ssize_t got;

	got = read(count->event[leader].fd, count->words,
		   (COUNT_GROUP_HEAD + count->nr) * sizeof(*count->words));
	if (got < 0)
		return -errno;
	for (unsigned int i = leader; i < count->nr; i++) {
		struct count_event *event = &count->event[i];

		if (event->fd < 0 || event->leader != leader)
			continue;
		event->lost = (size_t)got < (at + 1) * sizeof(*count->words);
		if (event->lost)
			continue;
		event->last.value = count->words[at++];
		event->last.enabled = count->words[1];
		event->last.running = count->words[2];
	}
	return 0;
}

int perfring_count_ask(struct perfring_count *count, unsigned int index)
{
	struct count_event *event = &count->event[index];
	ssize_t got;

	/* A leader says all or nothing. */
	if (event->grouped && event->leader == index)
		return count_ask_group(count, index);
	got = read(event->fd, &event->last, sizeof(event->last));
	if (got < 0)
		return -errno;
	event->lost = got != (ssize_t)sizeof(event->last);
	return 0;
}

/* As perfring_count_ask(), without asking anybody; false: ask. */
static bool count_look(struct perfring_count *count, struct count_event *event)
{
	if (!event->self || !perfring_count_mine(count) ||
	    !count_self_read(event->page, count_arch_pmc, count_arch_clock, &event->last))
		return false;
	event->lost = false;
	return true;
}

int perfring_count_ask_all(struct perfring_count *count)
{
	int err = 0;

	if (count->still)
		return 0;
	for (unsigned int i = 0; i < count->nr && !err; i++) {
		struct count_event *event = &count->event[i];

		if (event->fd < 0 || event->leader != i)
			continue;
		if (!event->grouped && count_look(count, event))
			continue;
		err = perfring_count_ask(count, i);
	}
	count->still = !err && !count->started && !count->foreign;
	return err;
}

void perfring_count_judge(struct perfring_count_value *value)
{
	if (!value->running && !value->value) {
		value->state = PERFRING_COUNT_NONE;
		return;
	}
	value->state = PERFRING_COUNTED;
	value->scaled = value->running ?
			count_self_scale(value->value, value->enabled, value->running) :
			value->value;
}

void perfring_count_value(const struct count_event *event, const struct count_self *base,
			  struct perfring_count_value *value)
{
	memset(value, 0, sizeof(*value));
	if (event->fd < 0) {
		value->error = event->error;
		value->state = perfring_count_error_state(event->error);
		return;
	}
	if (event->lost) {
		value->state = PERFRING_COUNT_ERROR;
		return;
	}
	value->enabled = event->last.enabled - base->enabled;
	value->running = event->last.running - base->running;
	value->value = event->last.value - base->value;
	perfring_count_judge(value);
}

int perfring_count_reset(struct perfring_count *count)
{
	int err = perfring_count_ask_all(count);

	for (unsigned int i = 0; i < count->nr && !err; i++)
		count->event[i].base = count->event[i].last;
	return err;
}

int perfring_count_read(struct perfring_count *count, struct perfring_count_value *values,
			unsigned int nr)
{
	int err = perfring_count_ask_all(count);

	if (err)
		return err;
	if (nr > count->nr)
		nr = count->nr;
	for (unsigned int i = 0; i < nr; i++)
		perfring_count_value(&count->event[i], &count->event[i].base, &values[i]);
	return (int)nr;
}

int perfring_count_read_one(struct perfring_count *count, unsigned int index,
			    struct perfring_count_value *value)
{
	struct count_event *event;
	int err = 0;

	if (index >= count->nr)
		return -EINVAL;
	event = &count->event[index];
	if (event->fd >= 0 && !count->still && !count_look(count, event))
		err = perfring_count_ask(count, index);
	if (!err)
		perfring_count_value(event, &event->base, value);
	return err;
}

/* The part of perfring_count_now() that does not have to be quick. */
__attribute__((noinline))
static int count_now_asked(struct perfring_count *count, unsigned int index, uint64_t *value)
{
	struct count_event *event = &count->event[index];
	int err;

	if (event->fd < 0)
		return event->error;
	err = count_look(count, event) ? 0 : perfring_count_ask(count, index);
	if (err)
		return err;
	if (event->lost || !event->last.running)
		return -ENODATA;
	*value = event->last.value - event->base.value;
	return 0;
}

int perfring_count_now(struct perfring_count *count, unsigned int index, uint64_t *value)
{
	struct count_event *event;
	struct count_self now;

	if (index >= count->nr)
		return -EINVAL;
	event = &count->event[index];
	if (!event->self || !perfring_count_mine(count) ||
	    count_self_try(event->page, count_arch_pmc, NULL, &now) != COUNT_SELF_DONE)
		return count_now_asked(count, index, value);
	*value = now.value - event->base.value;
	return 0;
}

int perfring_count_set_bpf(struct perfring_count *count, unsigned int index, int program)
{
	if (index >= count->nr)
		return -EINVAL;
	if (count->event[index].fd < 0)
		return count->event[index].error;
	return ioctl(count->event[index].fd, PERF_EVENT_IOC_SET_BPF, program) ? -errno : 0;
}
