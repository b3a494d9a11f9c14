/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A client seen from inside.
 */
#ifndef PERFRING_CLIENT_H
#define PERFRING_CLIENT_H

#include <linux/device.h>
#include <linux/kref.h>
#include "perfring_output.h"
#include "source.h"

/**
 * struct perfring_client_source - the source that a client is
 * @ref: the client's, and one for each event that names it
 * @tap: events that listen
 * @lock: callbacks one at a time; taken under event->lock
 * @client: NULL once it has unregistered; under @lock
 * @unprivileged: CAP_PERFMON is not needed
 * @id: in sysfs
 * @name: there
 */
struct perfring_client_source {
	struct kref ref;
	struct perfring_tap tap;
	struct mutex lock; /* client, and its callbacks */
	struct perfring_client *client;
	bool unprivileged;
	struct dev_ext_attribute id;
	char name[PERFRING_CLIENT_NAME + 1];
};

#endif /* PERFRING_CLIENT_H */
