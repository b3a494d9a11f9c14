// SPDX-License-Identifier: GPL-2.0
/*
 * True NMIs: the virtual machine's monitor sends them (vm/run.sh has a port for that),
 * and a handler of client/perfring_nest_main.c writes a record in each, while a thread
 * writes to the same ring without end.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "client/perfring_nest.h"
#include "common.h"
#include "kselftest_harness.h"

#define NMIS	200U
#define LEN	52U		/* of the payload: 4 + 52 is a multiple of 8 */
#define LOAD	1000		/* type of the records that are interrupted */
#define PORTS	"/sys/class/virtio-ports"

static bool stop;

struct load {
	int fd;
	int error;
	uint64_t written;
};

/* Records of @fd on CPU 0, until told to stop. */
static void *load_main(void *arg)
{
	struct load *load = arg;
	struct perfring_emit result;

	load->error = pin_to(0);
	while (!load->error && !__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		load->error = emit(load->fd, LOAD, 0, NULL, 40, 64, &result);
		load->written += result.written;
	}
	return NULL;
}

/* Where a line "nmi" makes the monitor send one; -ENOENT elsewhere than in a guest of ours. */
static int port_open(void)
{
	DIR *ports = opendir(PORTS);
	char path[300], name[64];
	struct dirent *entry;
	int fd = -ENOENT;

	while (ports && fd == -ENOENT && (entry = readdir(ports))) {
		snprintf(path, sizeof(path), PORTS "/%s/name", entry->d_name);
		if (file_read(path, name, sizeof(name)) <= 0 || strcmp(name, "perfring.nmi"))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	if (ports)
		closedir(ports);
	return fd;
}

FIXTURE(nmi) {
	int port;
	int nest;
	int fd;
	int user;		/* an event of the same ring that takes what EMIT puts in */
	struct raw raw;
	uint64_t buf[8192];
	uint32_t found;
	uint64_t load_found;
};

FIXTURE_SETUP(nmi)
{
	struct perf_event_attr attr = output_attr();
	struct nest_watch watch;

	if (!getenv("PERFRING_CLIENT") && !getenv("PERFRING_MODULE"))
		SKIP(return, "neither PERFRING_CLIENT nor PERFRING_MODULE is set: no module to load");
	self->port = port_open();
	if (self->port == -ENOENT)
		SKIP(return, "no port perfring.nmi, as vm/run.sh makes it: nothing sends NMIs");
	ASSERT_LE(0, self->port);
	client_unload("perfring_nest");
	ASSERT_EQ(0, client_load("perfring_nest"));
	self->nest = open("/dev/perfring_nest", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->nest);
	self->fd = device_open(0);
	ASSERT_LE(0, self->fd);
	attr.config = source_id("nest");
	ASSERT_EQ(0, source_start(&self->raw, self->fd, &attr, 64));
	self->user = event_into(self->fd, 0, NULL);
	ASSERT_LE(0, self->user);
	ASSERT_EQ(0, do_ioctl(self->user, PERF_EVENT_IOC_ENABLE, NULL));
	watch.fd = self->fd;
	ASSERT_EQ(0, do_ioctl(self->nest, NEST_IOC_WATCH, &watch));
}

FIXTURE_TEARDOWN(nmi)
{
	close(self->nest);
	raw_unmap(&self->raw);
	close(self->user);
	close(self->fd);
	close(self->port);
	client_unload("perfring_nest");
}

/* Read what is there. NULL, or what is wrong with it. */
static const char *drain(FIXTURE_DATA(nmi) *self)
{
	const struct perf_event_header *header = (const void *)self->buf;
	const unsigned char *payload = (const unsigned char *)self->buf + 12;
	struct nest_payload head;
	uint32_t i;
	int size;

	while ((size = raw_next(&self->raw, self->buf)) > 0) {
		if (header->type == PERF_RECORD_LOST)
			continue;
		if (header->type == LOAD) {
			/* The pattern of EMIT: byte i is i. */
			if (size != 48 || self->buf[1] != ZERO_TO_SEVEN ||
			    self->buf[5] != (ZERO_TO_SEVEN | 0x20 * 0x0101010101010101ULL))
				return "a record that was interrupted is not whole";
			self->load_found++;
			continue;
		}
		memcpy(&head, payload, sizeof(head));
		if (header->type != PERF_RECORD_SAMPLE || size != 12 + (int)LEN || !head.inner)
			return "a record that nobody wrote";
		if (head.number < self->found)
			return "records of NMIs out of order";
		for (i = sizeof(head); i < LEN; i++)
			if (payload[i] != (unsigned char)(head.number + i))
				return "a record of an NMI is not whole";
		/* What was lost in between is counted by STATS. */
		self->found++;
	}
	return size ? "a corrupt ring" : NULL;
}

/* One NMI, sent and written of; 0 or -errno */
static int send_nmi(FIXTURE_DATA(nmi) *self, struct nest_nmi *nmi, const char **wrong)
{
	uint64_t end = now_ns() + 10000000000ULL;
	uint32_t was = nmi->count;
	int ret;

	if (write(self->port, "nmi\n", 4) != 4)
		return -errno;
	do {
		*wrong = drain(self);
		ret = do_ioctl(self->nest, NEST_IOC_NMI, nmi);
		if (!ret && nmi->count == was)
			sched_yield();
	} while (!ret && !*wrong && nmi->count == was && now_ns() < end);
	return ret;
}

/*
 * 200 NMIs, the next when the last has been handled, so that none falls together with
 * another: as many records as were sent and found room, and those that they have
 * interrupted are whole as well.
 */
TEST_F_TIMEOUT(nmi, nmis_write_under_load, 120)
{
	struct nest_nmi nmi = { .on = 1, .len = LEN };
	struct load load = { .fd = self->user };
	struct perfring_stats stats, of_load;
	const char *wrong = NULL;
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, do_ioctl(self->nest, NEST_IOC_NMI, &nmi));
	if (nmi.error)
		SKIP(return, "no NMI handlers on this architecture");
	ASSERT_EQ(0, pin_to(second_cpu() > 0 ? second_cpu() : 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, load_main, &load));
	for (i = 1; i <= NMIS && !wrong; i++) {
		ASSERT_EQ(0, send_nmi(self, &nmi, &wrong));
		ASSERT_EQ(NULL, wrong)
			TH_LOG("%s", wrong);
		ASSERT_EQ(i, nmi.count);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, load.error);
	nmi.on = 0;
	ASSERT_EQ(0, do_ioctl(self->nest, NEST_IOC_NMI, &nmi));
	wrong = drain(self);
	ASSERT_EQ(NULL, wrong)
		TH_LOG("%s", wrong);
	ASSERT_EQ(0, device_stats(self->fd, &stats));
	ASSERT_EQ(0, device_stats(self->user, &of_load));
	TH_LOG("%u NMIs, %u of them inside a writer, %u records, %llu lost; %llu records interrupted",
	       nmi.count, nmi.nested, self->found, (unsigned long long)stats.lost_full,
	       (unsigned long long)self->load_found);
	EXPECT_EQ(NMIS, nmi.count);
	EXPECT_EQ(nmi.written, self->found);
	EXPECT_EQ(nmi.written, stats.written);
	EXPECT_EQ(NMIS, stats.attempted);
	EXPECT_EQ(NMIS - nmi.written, stats.lost_full);
	EXPECT_TRUE(stats_balance(&stats));
	EXPECT_TRUE(stats_balance(&of_load));
	EXPECT_EQ(load.written, self->load_found);
	EXPECT_EQ(load.written, of_load.written);
	/* Everything is published, so that nobody is inside. */
	EXPECT_EQ(stats.head, raw_head(&self->raw));
	/* CPU 0 does little else than write. */
	EXPECT_LT(0, nmi.nested);
}

DEVICE_MAIN
