// SPDX-License-Identifier: MIT
/*
 * demo: the same task switches twice, once by /dev/perfringN and once by
 * perf_event_open(2), read by the same reader with the same callbacks.
 */
#include "demo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEMO_PAGES	256
#define DEMO_RECORDS	(1U << 22)	/* of one stream, 72 bytes each */
#define DEMO_TICK_MS	200
#define DEMO_FIRST	10

/* The callback of every lane: decode, take the payload apart, keep it. */
static int demo_on_record(void *context, unsigned int index, const struct perfring_record *record)
{
	struct demo_lane *lane = context;
	struct demo_stream *stream = &lane->stream;
	struct perfring_sample sample;
	struct switch_record *more, *keep;
	bool good;

	(void)index;
	if (record->type != PERF_RECORD_SAMPLE)
		return 0;
	if (stream->nr == stream->room) {
		size_t room = stream->room ? 2 * stream->room : 4096;

		more = room <= DEMO_RECORDS ? realloc(stream->record, room * sizeof(*more)) : NULL;
		if (!more) {
			stream->error = -ENOMEM;
			return stream->error;
		}
		stream->record = more;
		stream->room = room;
	}
	keep = &stream->record[stream->nr];
	good = !perfring_decode_sample(lane->format, record, &sample, NULL) &&
	       sample.cpu == lane->cpu;
	if (good && lane->fields)
		good = payload_switch_perf(lane->fields, &sample, keep);
	else if (good)
		good = payload_switch_device(&sample, keep);
	if (!good) {
		stream->error = -EBADMSG;
		return stream->error;
	}
	stream->nr++;
	return 0;
}

static int demo_lane_open(struct demo *demo, struct demo_lane *lane, struct spec *spec,
			  unsigned int cpu)
{
	struct perfring_reader_opts opts = {
		.size = sizeof(opts), .record = demo_on_record, .context = lane,
	};
	struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = lane } };
	struct perfring_storage *storage;
	int status, err;

	lane->cpu = cpu;
	lane->fields = spec->kind == SPEC_PERF ? &demo->fields : NULL;
	status = spec_open(spec, cpu, demo->pages, &storage);
	if (status)
		return status;
	err = perfring_format_compile(perfring_storage_attr(storage), &lane->format);
	if (!err)
		err = perfring_reader_create(&opts, &lane->reader);
	if (!err)
		err = perfring_reader_add(lane->reader, storage);
	if (err < 0) {
		cli_error("%s: %s", spec->text, perfring_strerror(err));
		perfring_storage_close(storage);
		return CLI_FAIL;
	}
	lane->storage = storage;
	if (!epoll_ctl(demo->epoll, EPOLL_CTL_ADD, perfring_reader_fd(lane->reader), &event))
		return CLI_OK;
	cli_error("epoll: %s", strerror(errno));
	return CLI_FAIL;
}

static int demo_open(struct demo *demo)
{
	int status = CLI_OK;

	demo->nr = demo->device.cpus.nr;
	demo->lane = calloc(2 * demo->nr + 1, sizeof(*demo->lane));
	demo->alignment = calloc(demo->nr + 1, sizeof(*demo->alignment));
	demo->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!demo->lane || !demo->alignment || demo->epoll < 0) {
		cli_error("demo: %s", strerror(errno));
		return CLI_FAIL;
	}
	for (size_t i = 0; i < 2 * demo->nr && !status; i++)
		status = demo_lane_open(demo, &demo->lane[i], i & 1 ? &demo->perf : &demo->device,
					demo->device.cpus.cpu[i / 2]);
	return status;
}

static void demo_close(struct demo *demo)
{
	for (size_t i = 0; demo->lane && i < 2 * demo->nr; i++) {
		perfring_reader_destroy(demo->lane[i].reader);
		perfring_format_free(demo->lane[i].format);
		free(demo->lane[i].stream.record);
	}
	free(demo->lane);
	free(demo->alignment);
	if (demo->epoll >= 0)
		close(demo->epoll);
	spec_free(&demo->device);
	spec_free(&demo->perf);
}

/* The device begins first and ends last: what perf has, it has too. */
static int demo_enable(struct demo *demo)
{
	for (size_t turn = 0; turn < 2; turn++)
		for (size_t i = turn; i < 2 * demo->nr; i += 2) {
			int err = perfring_storage_enable(demo->lane[i].storage);

			if (err) {
				spec_enable_error(turn ? &demo->perf : &demo->device,
						  demo->lane[i].cpu, err);
				return CLI_FAIL;
			}
		}
	return CLI_OK;
}

static void demo_disable(struct demo *demo)
{
	for (size_t turn = 2; turn-- > 0;)
		for (size_t i = turn; i < 2 * demo->nr; i += 2)
			perfring_storage_disable(demo->lane[i].storage);
}

/* Read what a lane has; a full stream is no reason to stop the others. */
static void demo_consume(struct demo_lane *lane, bool all)
{
	uint64_t waiting = perfring_ring_bytes_remaining(perfring_reader_ring(lane->reader, 0));
	int ret;

	if (waiting > lane->high_water)
		lane->high_water = waiting;
	ret = all ? perfring_reader_flush(lane->reader) : perfring_reader_consume(lane->reader);
	if (ret < 0 && !lane->stream.error)
		lane->stream.error = ret;
}

static int demo_read(struct demo *demo)
{
	uint64_t deadline = cli_now() + demo->time_ns, now;
	struct epoll_event event[64];
	int nr;

	while (!cli_stop && (now = cli_now()) < deadline) {
		uint64_t left = (deadline - now + 999999) / 1000000;

		nr = epoll_wait(demo->epoll, event, ARRAY_SIZE(event),
				left < DEMO_TICK_MS ? (int)left : DEMO_TICK_MS);
		if (nr < 0 && errno != EINTR) {
			cli_error("epoll: %s", strerror(errno));
			return CLI_FAIL;
		}
		for (int i = 0; i < nr; i++) {
			struct demo_lane *lane = event[i].data.ptr;

			lane->wakeups++;
			demo_consume(lane, false);
		}
		/* Nobody woke us: look anyway, so that little waits at the end. */
		for (size_t i = 0; nr <= 0 && i < 2 * demo->nr; i++)
			demo_consume(&demo->lane[i], false);
	}
	return CLI_OK;
}

static void demo_account(struct demo_lane *lane)
{
	lane->loss.size = sizeof(lane->loss);
	perfring_reader_loss(lane->reader, 0, &lane->loss);
	lane->stats.size = sizeof(lane->stats);
	if (!lane->fields)
		ioctl(perfring_storage_fd(lane->storage), PERFRING_IOC_STATS, &lane->stats);
}

static int demo_run(struct demo *demo)
{
	struct demo_workload workload;
	int status;

	status = demo_workload_start(&demo->device.cpus, &workload);
	if (status)
		return status;
	status = demo_enable(demo);
	if (!status)
		status = demo_read(demo);
	demo_disable(demo);
	demo_workload_stop(&workload);
	for (size_t i = 0; i < 2 * demo->nr; i++) {
		demo_consume(&demo->lane[i], true);
		demo_account(&demo->lane[i]);
	}
	for (size_t i = 0; i < demo->nr; i++)
		demo_align(&demo->lane[2 * i].stream, &demo->lane[2 * i + 1].stream,
			   &demo->alignment[i]);
	return status;
}

static const struct cli_option demo_table[] = {
	{ "-t", "SECONDS", "how long (2)", CLI_SECONDS, offsetof(struct demo, time_ns), 0 },
	{ "--pages", "N", "data pages of each ring, a power of two (256)", CLI_PAGES,
	  offsetof(struct demo, pages), 0 },
	{ .name = NULL },
};

static int demo_specs(struct demo *demo)
{
	int status;

	if (!cli_module_loaded())
		return cli_module_missing();
	status = spec_parse("dev:*/sched_switch", &demo->device);
	if (!status)
		status = spec_parse("perf:*/sched:sched_switch", &demo->perf);
	if (!status && demo->perf.cpus.nr != demo->device.cpus.nr) {
		cli_error("demo: CPUs came or went meanwhile; try again");
		status = CLI_FAIL;
	}
	if (!status && !payload_switch_fields(&demo->perf.tracepoint, &demo->fields)) {
		cli_error("demo: sched:sched_switch has other fields in this kernel");
		status = CLI_FAIL;
	}
	return status;
}

static int demo_command(int argc, char **argv)
{
	struct demo demo = { .pages = DEMO_PAGES, .time_ns = 2 * CLI_NS, .epoll = -1 };
	struct cli_words words;
	int status, picture;

	status = cli_options(&cli_demo, argc, argv, &demo, &words);
	if (!status)
		status = demo_specs(&demo);
	if (!status) {
		cli_catch_signals();
		status = demo_open(&demo);
	}
	if (!status) {
		printf("Task switches of %g s, seen twice: by /dev/perfringN and by perf_event_open(2),\n"
		       "both read by libperfring from rings of %zu page%s.\n\n",
		       (double)demo.time_ns / 1e9, demo.pages, demo.pages == 1 ? "" : "s");
		status = demo_run(&demo);
	}
	if (!status) {
		demo_show_table(&demo);
		demo_show_records(&demo, 0, DEMO_FIRST);
		picture = demo_picture(demo.lane[0].cpu);
		status = demo_show_verdict(&demo);
		status = status ? status : picture;
	}
	demo_close(&demo);
	return status;
}

const struct cli_command cli_demo = {
	.name = "demo", .usage = "[-t SECONDS] [--pages N]",
	.about = "the same scheduler events from the module and from perf, record for record\n",
	.option = demo_table, .run = demo_command,
};
