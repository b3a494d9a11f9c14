// SPDX-License-Identifier: GPL-2.0
/* One sequence on all twins; what is compared after each step is in twin_compare.c. */
#define _GNU_SOURCE
#define FIXTURES_NO_HARNESS
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "twin.h"

static const char * const names[] = {
	[PERF] = "perf", [MEMORY] = "memory", [DEVICE] = "device",
};

bool twins_init(struct twins *t, bool device, char *why, size_t len)
{
	uint64_t state = 1;
	const char *missing;
	int err;
	size_t i;

	memset(t, 0, sizeof(*t));
	if (!backend_available(PERF, why, len) || (device && !device_ready(why, len)))
		return false;
	err = pin_to(0);
	if (err) {
		snprintf(why, len, "going to CPU 0: %s", strerror(-err));
		return false;
	}
	err = bpf_writer_load(&t->bpf, "twin.bpf.o", sizeof(*t->request), &missing);
	if (err) {
		snprintf(why, len, "%s: %s", missing, strerror(-err));
		return false;
	}
	t->device = device;
	t->request = t->bpf.request;
	for (i = 0; i < sizeof(t->request->payload); i++)
		t->request->payload[i] = twin_random(&state);
	return true;
}

void twins_exit(struct twins *t)
{
	if (t->nr)
		twins_end(t);
	bpf_writer_unload(&t->bpf);
}

static struct perf_event_attr twin_attr(const struct twin_config *config)
{
	return (struct perf_event_attr) {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(struct perf_event_attr),
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_period = 1,
		.sample_type = config->sample_type,
		.read_format = PERF_FORMAT_LOST,
		.sample_id_all = config->id_all,
		.watermark = config->watermark,
		.wakeup_events = config->wakeup,	/* wakeup_watermark is the same word */
		.write_backward = config->backward,
	};
}

/* The event that writes into the ring of the first. */
static int open_second(struct twins *t, struct twin *twin)
{
	struct perf_event_attr attr = twin_attr(&t->config);
	int err = 0;

	twin->second = twin->kind == PERF ? perf_open(&attr, -1, 0, -1) : device_open(0);
	if (twin->second < 0)
		return twin->second;
	if (twin->kind == DEVICE)
		err = do_ioctl(twin->second, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);
	if (!err)
		err = do_ioctl(twin->second, PERF_EVENT_IOC_ID, &twin->id[1]);
	if (!err)
		err = do_ioctl_word(twin->second, PERF_EVENT_IOC_SET_OUTPUT,
				    perfring_storage_fd(twin->storage));
	if (!err && twin->kind == PERF)
		err = bpf_writer_aim(&t->bpf, 1, twin->second);
	return err;
}

static int open_twin(struct twins *t, struct twin *twin, enum backend_kind kind)
{
	struct perf_event_attr attr = twin_attr(&t->config);
	struct backend_opts opts = {
		.pages = t->config.pages, .attr = &attr, .overwrite = t->config.overwrite,
	};
	int err;

	memset(twin, 0, sizeof(*twin));
	twin->kind = kind;
	twin->name = names[kind];
	twin->second = -1;
	err = backend_storage(kind, &opts, &twin->storage);
	if (!err)
		err = perfring_ring_open(twin->storage, NULL, &twin->ring);
	if (err)
		return err;
	twin->page = perfring_storage_control(twin->storage);
	twin->data = perfring_storage_data(twin->storage);
	/* Memory says who writes what it is told. */
	if (kind == MEMORY) {
		memcpy(twin->id, t->twin[0].id, sizeof(twin->id));
		return 0;
	}
	if (kind == PERF)
		err = bpf_writer_aim(&t->bpf, 0, perfring_storage_fd(twin->storage));
	if (!err)
		err = perfring_storage_id(twin->storage, &twin->id[0]);
	if (!err && t->config.shared)
		err = open_second(t, twin);
	return err;
}

bool twins_begin(struct twins *t, const struct twin_config *config)
{
	static const enum backend_kind order[] = { PERF, DEVICE, MEMORY };
	unsigned int i;
	int err;

	t->config = *config;
	t->nr = 0;
	t->step = 0;
	t->dirty = 0;
	t->looked_at = 0;
	t->why[0] = '\0';
	twin_model_init(&t->model, config);
	t->mask = malloc(t->model.size);
	if (!t->mask)
		return twin_differ(t, "no memory");
	memset(t->mask, 0xff, t->model.size);
	for (i = 0; i < ARRAY_LEN(order); i++) {
		if ((order[i] == DEVICE && !t->device) || (order[i] == MEMORY && config->giant))
			continue;
		err = open_twin(t, &t->twin[t->nr++], order[i]);
		if (err)
			return twin_differ(t, "%s: open: %s", names[order[i]], strerror(-err));
	}
	return true;
}

/* Where the bytes of payload @i of a step are; another place each time. */
static uint32_t payload_at(const struct twins *t, unsigned int i)
{
	return (t->step * 2654435761U + i * 40503U) & 0xffff;
}

/* One sample by write(2), more by EMIT; *@done how many are in the ring. */
static int write_device(struct twins *t, const struct twin *twin, const struct twin_op *op,
			uint64_t *done)
{
	struct perfring_emit_record record[TWIN_RECORDS];
	struct perfring_emit request = {
		.size = sizeof(request), .nr = op->nr, .records = (uintptr_t)record,
	};
	int fd = op->event ? twin->second : perfring_storage_fd(twin->storage), ret;
	unsigned int i;

	*done = 0;
	if (op->what == TWIN_WRITE) {
		ret = write(fd, t->request->payload + payload_at(t, 0), op->len[0]);
		*done = ret == op->len[0];
		return *done || (ret < 0 && errno == ENOSPC) ? 0 : ret < 0 ? -errno : -EIO;
	}
	for (i = 0; i < op->nr; i++)
		record[i] = (struct perfring_emit_record) {
			.type = PERF_RECORD_SAMPLE,
			.len = op->len[i],
			.data = (uintptr_t)t->request->payload + payload_at(t, i),
		};
	ret = do_ioctl(fd, PERFRING_IOC_EMIT, &request);
	*done = request.written;
	return ret ?: request.written + request.lost == op->nr ? 0 : -EIO;
}

/*
 * A batch relies on that since the writer's last look at it: room that was there is there
 * until it is used.  perf looks at the tail for each record.
 */
static bool tail_went_forward(const struct twins *t, const struct twin *twin)
{
	uint64_t mask = t->model.size - 1, was = t->looked_at;

	if (t->config.backward || t->config.overwrite)
		return true;
	return ((twin->page->data_tail - was) & mask) <= ((t->model.head - was) & mask);
}

static int write_memory(struct twins *t, const struct twin *twin, const struct twin_op *op,
			uint64_t *done)
{
	uint64_t own = twin->id[op->event];
	struct perfring_sample_id id = {
		.pid = getpid(), .tid = gettid(), .id = own, .stream_id = own, .identifier = own,
	};
	/*
	 * What is published at once is the same in the end; but a batch publishes the head
	 * when nothing is written because of a pause, too.
	 */
	bool batch = op->what == TWIN_BURST && t->step & 1 && !t->model.paused &&
		     tail_went_forward(t, twin);
	unsigned int i;
	int ret = 0;

	*done = 0;
	/* Memory is enabled always, and always has a ring. */
	if (!t->model.enabled[op->event])
		return -EOPNOTSUPP;
	if (op->event && !t->model.attached)
		return 0;
	perfring_write_set_id(twin->ring, &id);
	if (batch)
		ret = perfring_write_begin(twin->ring);
	for (i = 0; i < op->nr && !ret; i++) {
		ret = perfring_write(twin->ring, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL,
				     t->request->payload + payload_at(t, i),
				     t->model.raw ? op->len[i] : 0);
		*done += ret >= 0;
		if (ret > 0 || ret == -ENOSPC || ret == -EBUSY)
			ret = 0;
	}
	if (batch && perfring_write_end(twin->ring) < 0)
		return -EINVAL;
	if (batch || *done)
		t->looked_at = twin->page->data_tail;
	return ret;
}

static int write_perf(struct twins *t, const struct twin_op *op, uint64_t *done)
{
	int ret = bpf_writer_run(&t->bpf, 0);
	unsigned int i;

	*done = 0;
	for (i = 0; i < op->nr && !ret; i++) {
		ret = t->request->item[i].ret;
		*done += !ret;
		if (ret == -ENOSPC)
			ret = 0;
	}
	return ret;
}

static void see_record(struct twins *t, uint64_t pos, uint64_t need, uint64_t lost)
{
	uint64_t at = pos & (t->model.size - 1);

	t->seen.lost_records += !!lost;
	t->seen.exact_end += at + need == t->model.size;
	t->seen.wrapped += at + need > t->model.size;
	t->seen.lapped_itself += need > t->model.size;
	t->seen.longest += need == PERFRING_RECORD_MAX;
	/* As full as it gets; a tail that is no multiple of 8 has room for 8 more. */
	t->seen.filled += !t->model.overwrite && twin_model_room(&t->model) < 8;
}

static bool step_write(struct twins *t, const struct twin_op *op)
{
	uint64_t done[3] = {}, expected = 0, pos[TWIN_RECORDS], lost[TWIN_RECORDS], before;
	int want[TWIN_RECORDS], ret[3] = {}, refused;
	unsigned int i;

	refused = t->model.enabled[op->event] ? 0 : -EOPNOTSUPP;
	t->writer = op->event;
	t->request->event = op->event;
	t->request->nr = op->nr;
	for (i = 0; i < op->nr; i++) {
		t->request->item[i].offset = payload_at(t, i);
		t->request->item[i].len = op->len[i];
		t->request->item[i].ret = -EIO;
	}
	for (i = 0; i < t->nr; i++) {
		switch (t->twin[i].kind) {
		case PERF:
			ret[i] = write_perf(t, op, &done[i]);
			break;
		case MEMORY:
			ret[i] = write_memory(t, &t->twin[i], op, &done[i]);
			break;
		case DEVICE:
			ret[i] = write_device(t, &t->twin[i], op, &done[i]);
			break;
		}
	}
	for (i = 0; i < op->nr; i++) {
		before = t->model.head;
		lost[i] = 0;
		want[i] = twin_model_write(&t->model, op->event, op->len[i], &pos[i],
					   &lost[i]);
		expected += !want[i];
		t->dirty += t->model.backward ? before - t->model.head : t->model.head - before;
		if (want[i] == -ENOSPC && op->event && !t->model.attached)
			t->seen.detached++;
		else if (want[i] == -ENOSPC && t->model.paused)
			t->seen.lost_paused++;
		else if (want[i] == -ENOSPC)
			t->seen.lost_full++;
		if (want[i] != t->request->item[i].ret)
			return twin_differ(t, "perf: record %u: %d instead of %d", i,
				      t->request->item[i].ret, want[i]);
	}
	for (i = 0; i < t->nr; i++)
		if (ret[i] != refused || done[i] != expected)
			return twin_differ(t, "%s: %d, %llu written; perf: %d, %llu",
					   t->twin[i].name,
					   ret[i], (unsigned long long)done[i],
					   ret[0], (unsigned long long)done[0]);
	t->seen.written += expected;
	t->seen.refused += !!refused;
	for (i = 0; i < op->nr; i++) {
		if (want[i])
			continue;
		see_record(t, pos[i], twin_sample_size(&t->model, op->len[i]) +
			   (lost[i] ? t->model.lost_size : 0), lost[i]);
		if (!twin_place_record(t, pos[i], op->len[i], lost[i]))
			return false;
	}
	return true;
}

static bool step_read(struct twins *t, uint64_t most)
{
	bool snapshot = t->config.overwrite || t->config.backward;
	struct perfring_record record[3];
	struct perfring_batch batch[3];
	uint64_t taken;
	unsigned int i;
	int ret[3];

	for (i = 0; i < t->nr; i++) {
		/* Nobody writes meanwhile, so there is nothing to pause for. */
		ret[i] = snapshot ? perfring_ring_snapshot(t->twin[i].ring,
							   PERFRING_SNAPSHOT_NO_PAUSE, &batch[i]) :
				    perfring_batch_begin(t->twin[i].ring, &batch[i]);
		if (ret[i])
			return twin_differ(t, "%s: reader: %s", t->twin[i].name, strerror(-ret[i]));
	}
	for (taken = 0; taken < most; taken++) {
		for (i = 0; i < t->nr; i++) {
			ret[i] = perfring_batch_next(&batch[i], &record[i]);
			if (ret[i] < 0 || ret[i] != ret[0])
				return twin_differ(t, "%s: record %llu: reader: %d, perf %d",
					      t->twin[i].name, (unsigned long long)taken, ret[i],
					      ret[0]);
		}
		if (!ret[0])
			break;
		for (i = 1; i < t->nr; i++)
			if (!twin_same_record(t, record, i))
				return twin_differ(t, "%s: record %llu: type %u, %u bytes at %llu, perf has type %u, %u bytes at %llu",
					      t->twin[i].name, (unsigned long long)taken,
					      record[i].type, record[i].size,
					      (unsigned long long)record[i].position,
					      record[0].type, record[0].size,
					      (unsigned long long)record[0].position);
	}
	for (i = 0; i < t->nr; i++) {
		perfring_batch_commit(&batch[i]);
		if (perfring_batch_torn(&batch[i]) != perfring_batch_torn(&batch[0]) ||
		    perfring_ring_tail(t->twin[i].ring) != perfring_ring_tail(t->twin[0].ring))
			return twin_differ(t, "%s: another tail, or other torn bytes, than perf's",
				      t->twin[i].name);
	}
	t->seen.delivered += taken;
	t->seen.torn += perfring_batch_torn(&batch[0]) != 0;
	t->model.tail = t->twin[0].page->data_tail;
	return true;
}

/* The other operations, on one twin. */
static int step_one(const struct twin *twin, const struct twin_op *op)
{
	int first, fd;

	switch (op->what) {
	case TWIN_TAIL:
		__atomic_store_n(&twin->page->data_tail, op->arg, __ATOMIC_RELEASE);
		return 0;
	case TWIN_HEAD:
		__atomic_store_n(&twin->page->data_head, op->arg, __ATOMIC_RELEASE);
		return 0;
	case TWIN_PAUSE:
		return perfring_storage_pause(twin->storage);
	case TWIN_RESUME:
		return perfring_storage_resume(twin->storage);
	default:
		break;
	}
	/* Memory is enabled always, and counts no event. */
	if (twin->kind == MEMORY)
		return 0;
	first = perfring_storage_fd(twin->storage);
	fd = op->event ? twin->second : first;
	switch (op->what) {
	case TWIN_ENABLE:
		return do_ioctl_word(fd, PERF_EVENT_IOC_ENABLE, 0);
	case TWIN_DISABLE:
		return do_ioctl_word(fd, PERF_EVENT_IOC_DISABLE, 0);
	case TWIN_ATTACH:
		return do_ioctl_word(twin->second, PERF_EVENT_IOC_SET_OUTPUT, first);
	case TWIN_DETACH:
		return do_ioctl_word(twin->second, PERF_EVENT_IOC_SET_OUTPUT, -1);
	case TWIN_RESET:
		return perfring_storage_reset(twin->storage);
	default:
		return 0;
	}
}

static bool step_others(struct twins *t, const struct twin_op *op)
{
	unsigned int i;
	int ret;

	for (i = 0; i < t->nr; i++) {
		ret = step_one(&t->twin[i], op);
		if (ret)
			return twin_differ(t, "%s: %s", t->twin[i].name, strerror(-ret));
	}
	twin_model_op(&t->model, op);
	if (op->what == TWIN_TAIL)
		t->seen.wild_tail += op->arg & 7 ||
				     (unsigned long)(t->model.head - op->arg) > t->model.size;
	return true;
}

bool twins_step(struct twins *t, const struct twin_op *op)
{
	unsigned long before = t->model.head;
	bool good;

	t->dirty = 0;
	switch (op->what) {
	case TWIN_WRITE:
	case TWIN_BURST:
		good = step_write(t, op);
		break;
	case TWIN_READ:
		good = step_read(t, op->arg);
		break;
	default:
		good = step_others(t, op);
		break;
	}
	good = good && twins_same(t, before);
	t->step++;
	t->seen.steps++;
	t->seen.op[op->what]++;
	return good;
}

bool twins_end(struct twins *t)
{
	bool good = !t->why[0] && twins_same_bytes(t);
	struct twin *twin;

	bpf_writer_aim(&t->bpf, 0, -1);
	bpf_writer_aim(&t->bpf, 1, -1);
	for (twin = t->twin; twin < t->twin + t->nr; twin++) {
		perfring_ring_close(twin->ring);
		perfring_storage_close(twin->storage);
		if (twin->second >= 0)
			close(twin->second);
	}
	t->nr = 0;
	free(t->mask);
	t->mask = NULL;
	return good;
}

bool twins_run(struct twins *t, const struct twin_sequence *s, unsigned int *step)
{
	bool good = twins_begin(t, &s->config);

	for (*step = 0; good && *step < s->nr; ++*step)
		good = twins_step(t, &s->op[*step]);
	if (!good && *step)
		--*step;
	return twins_end(t) && good;
}
