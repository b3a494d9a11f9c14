/* SPDX-License-Identifier: GPL-2.0 */
/*
 * perfring for other modules: be a source that the devices offer by name.
 *
 *	static struct perfring_client client = { .name = "mine" };
 *
 *	perfring_client_register(&client);		(module init)
 *	perfring_client_output(&client, data, len);	(whenever it happens)
 *	perfring_client_unregister(&client);		(module exit)
 *
 * The source gets an id, which /sys/bus/event_source/devices/perfring/sources/mine
 * says; a program that puts it into attr.config of the PMU perfring listens.  What is
 * output on a CPU goes to all events of the source that are enabled on that CPU, as
 * samples with the bytes as RAW.  The functions are in the namespace PERFRING.
 */
#ifndef PERFRING_OUTPUT_H
#define PERFRING_OUTPUT_H

#include <linux/bits.h>
#include <linux/types.h>

struct perfring_client_source;

/* Longest name, its end not counted. */
#define PERFRING_CLIENT_NAME	31

/* Whoever may open the device may listen; without it CAP_PERFMON is needed. */
#define PERFRING_CLIENT_UNPRIVILEGED	BIT(0)

/**
 * struct perfring_client - a source of another module
 * @name: a to z, 0 to 9 and _, beginning with a letter; read by register alone
 * @flags: PERFRING_CLIENT_*
 * @start: the first event that listens on @cpu is about to; it fails to be enabled
 *	with what this returns, if not 0; may be NULL
 * @stop: the last one has gone; the counterpart of @start; may be NULL
 * @source: ours; NULL while not registered
 *
 * @start and @stop come in task context, one at a time, and may sleep; they may
 * output, but not register or unregister.  @cpu may be offline.
 */
struct perfring_client {
	const char *name;
	unsigned int flags;
	int (*start)(struct perfring_client *client, unsigned int cpu);
	void (*stop)(struct perfring_client *client, unsigned int cpu);
	struct perfring_client_source __rcu *source;
};

/**
 * struct perfring_client_reservation - a record that is being written
 * @data: room for the payload, in one piece, zeroed
 * @len: its bytes
 * @source: ours
 * @private: ours
 *
 * Lives on the stack of who reserves.
 */
struct perfring_client_reservation {
	void *data;
	u32 len;
	struct perfring_client_source *source;
	u64 private[32];
};

int perfring_client_register(struct perfring_client *client);
void perfring_client_unregister(struct perfring_client *client);
bool perfring_client_listening(struct perfring_client *client);
int perfring_client_output(struct perfring_client *client, const void *data, u32 len);
void *perfring_client_reserve(struct perfring_client *client, u32 len,
			      struct perfring_client_reservation *reservation);
void perfring_client_commit(struct perfring_client_reservation *reservation);
void perfring_client_discard(struct perfring_client_reservation *reservation);

#endif /* PERFRING_OUTPUT_H */
