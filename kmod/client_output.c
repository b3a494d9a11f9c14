// SPDX-License-Identifier: GPL-2.0
/*
 * What the modules that are sources write, from any context.
 */
#include <linux/build_bug.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include "compat.h"
#include "client.h"

/*
 * Least payload of a reserved record: with the 4 bytes of its size it makes the
 * record as long as a LOST record, which is what a discarded one becomes.
 */
#define PERFRING_LEAST	12

/* What perfring_client_reservation.private holds; @more samples are due to @event. */
struct perfring_client_hold {
	struct perfring_reservation first;
	struct perfring_event *event;
	unsigned int more;
	unsigned long ip;
};

/**
 * perfring_client_listening - is there anybody to output for?
 * @client: client
 *
 * Worth a look where the payload takes work.
 *
 * Context: any; a hint unless preemption is off.
 * Return: true if so, on this CPU.
 */
bool perfring_client_listening(struct perfring_client *client)
{
	struct perfring_client_source *source;
	bool listening;

	preempt_disable();
	source = rcu_dereference_sched(client->source);
	listening = source && !perfring_tap_idle(&source->tap);
	preempt_enable();
	return listening;
}
EXPORT_SYMBOL_PERFRING(perfring_client_listening);

/* A function of its own, because the short way needs neither the record nor a frame. */
static noinline unsigned int perfring_client_record(struct perfring_event *event,
						    const void *data, u32 len, unsigned long ip)
{
	struct perfring_record record = {
		.type = PERF_RECORD_SAMPLE,
		.data = data,
		.len = len,
		.ip = ip,
	};

	return perfring_source_output(event, &record);
}

/**
 * perfring_client_output - tell the events of this CPU
 * @client: client
 * @data: payload
 * @len: its bytes
 *
 * Context: any, NMI included.
 * Return: how many events have it in their ring, 0 when nobody listens or has room;
 * -E2BIG when it is too long for any record, -ENODEV when not registered.
 */
int perfring_client_output(struct perfring_client *client, const void *data, u32 len)
{
	unsigned long ip = _RET_IP_;
	struct perfring_client_source *source;
	struct perfring_event *event;
	int ret = -ENODEV;

	if (len > PERFRING_RECORD_MAX)
		return -E2BIG;
	preempt_disable();
	source = rcu_dereference_sched(client->source);
	if (!source)
		goto out;
	ret = 0;
	perfring_tap_each(event, &source->tap) {
		if (!perfring_event_on(event))
			continue;
		/* A sample of each event, and nothing but the payload: most are so. */
		if (event->layout.plain && READ_ONCE(event->attr.sample_period) == 1) {
			local64_inc(&event->count);
			ret += !perfring_output_plain(event, data, len);
		} else {
			ret += perfring_client_record(event, data, len, ip);
		}
	}
out:
	preempt_enable();
	return ret;
}
EXPORT_SYMBOL_PERFRING(perfring_client_output);

static bool perfring_has_payload(const struct perfring_event *event)
{
	return event->layout.sample_type & PERF_SAMPLE_RAW;
}

/**
 * perfring_client_reserve - begin a record, to be written where it stays
 * @client: client
 * @len: bytes of its payload; 1 to 11 become 12, the rest zero
 * @reservation: result
 *
 * The room is in the ring of the first event on this CPU that has some. Preemption is
 * off from here to perfring_client_commit() or perfring_client_discard(), one of which
 * has to follow in the same context; other records may nest in between.
 *
 * Context: any, NMI included.
 * Return: the room, also in @reservation->data; NULL, with nothing to end, when nobody
 * listens who takes a payload, when none of them has room, or when not registered.
 */
void *perfring_client_reserve(struct perfring_client *client, u32 len,
			      struct perfring_client_reservation *reservation)
{
	struct perfring_client_hold *hold = (void *)reservation->private;
	u32 whole = max_t(u32, len, PERFRING_LEAST);
	struct perfring_record record = {
		.type = PERF_RECORD_SAMPLE,
		.len = whole,
		.ip = _RET_IP_,
		.period = 1,
	};
	struct perfring_client_source *source;
	struct perfring_event *event;
	unsigned int due;
	int ret;

	BUILD_BUG_ON(sizeof(*hold) > sizeof(reservation->private));
	reservation->data = NULL;
	if (!len || len > PERFRING_RECORD_MAX)
		return NULL;
	preempt_disable();
	source = rcu_dereference_sched(client->source);
	if (!source)
		goto out;
	perfring_tap_each(event, &source->tap) {
		if (!perfring_event_on(event) || !perfring_has_payload(event))
			continue;
		ret = -ENOSPC;
		/* One of them may have been the last that REFRESH lets through. */
		for (due = perfring_source_due(event); due && perfring_event_on(event); due--) {
			ret = perfring_reserve(event, &record, &hold->first);
			if (!ret)
				break;
		}
		if (ret)
			continue;
		hold->event = event;
		hold->more = due - 1;
		hold->ip = record.ip;
		reservation->source = source;
		reservation->data = hold->first.data;
		reservation->len = len;
		/* What the client forgets to write tells nobody what the ring held. */
		memset(reservation->data, 0, whole);
		return reservation->data;
	}
out:
	preempt_enable();
	return NULL;
}
EXPORT_SYMBOL_PERFRING(perfring_client_reserve);

/* The same record once more, for another event or the same one. */
static void perfring_client_copy(struct perfring_client_reservation *reservation,
				 struct perfring_event *event)
{
	struct perfring_client_hold *hold = (void *)reservation->private;
	struct perfring_record record = {
		.type = PERF_RECORD_SAMPLE,
		.len = max_t(u32, reservation->len, PERFRING_LEAST),
		.ip = hold->ip,
		.period = 1,
	};
	struct perfring_reservation copy;

	if (!perfring_has_payload(event)) {
		perfring_output(event, &record);
		return;
	}
	if (perfring_reserve(event, &record, &copy))
		return;
	memcpy(copy.data, reservation->data, record.len);
	/* Then it may be what the first one's owner alone may see. */
	if (perfring_lapped(&hold->first))
		perfring_discard(&copy);
	else
		perfring_commit(&copy);
}

static void perfring_client_copies(struct perfring_client_reservation *reservation,
				   struct perfring_event *event)
{
	unsigned int due;

	if (!perfring_event_on(event))
		return;
	for (due = perfring_source_due(event); due && perfring_event_on(event); due--)
		perfring_client_copy(reservation, event);
}

/**
 * perfring_client_commit - the record is written
 * @reservation: from perfring_client_reserve()
 *
 * Copies it to the other events of this CPU, then shows it in the first.
 *
 * Context: that of the reserve.
 */
void perfring_client_commit(struct perfring_client_reservation *reservation)
{
	struct perfring_client_hold *hold = (void *)reservation->private;
	struct perfring_event *event;
	bool met = false;

	/*
	 * Those before the first had no room or were not due, or take no payload and
	 * were not asked.  Should it have been detached meanwhile, which waits for us,
	 * it still leads to those behind it.
	 */
	perfring_tap_each(event, &reservation->source->tap) {
		met = event == hold->event;
		if (met)
			break;
		if (!perfring_has_payload(event))
			perfring_client_copies(reservation, event);
	}
	event = hold->event;
	for (; hold->more && perfring_event_on(event); hold->more--)
		perfring_client_copy(reservation, event);
	hlist_for_each_entry_continue_rcu(event, attached)
		if (met || perfring_has_payload(event))
			perfring_client_copies(reservation, event);
	perfring_commit(&hold->first);
	preempt_enable();
}
EXPORT_SYMBOL_PERFRING(perfring_client_commit);

/**
 * perfring_client_discard - there is no such record
 * @reservation: from perfring_client_reserve()
 *
 * Readers see nothing of it, or, when others have written behind it, a LOST record
 * that says 0.
 *
 * Context: that of the reserve.
 */
void perfring_client_discard(struct perfring_client_reservation *reservation)
{
	struct perfring_client_hold *hold = (void *)reservation->private;

	perfring_discard(&hold->first);
	preempt_enable();
}
EXPORT_SYMBOL_PERFRING(perfring_client_discard);
