// SPDX-License-Identifier: MIT
/*
 * Errors with their arithmetic: which limit there is, what counts against it, what
 * would fit.
 */
#include "internal.h"
#include "limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define EXPLAIN_KERNEL	"/proc/sys/kernel/"
#define EXPLAIN_MODULE	"/sys/module/perfring/parameters/"
#define EXPLAIN_FILES	(1 << 20)	/* descriptors that are looked at, at most */

struct explain {
	const struct perfring_explain_opts *own;
	int error;
	char *buffer;
	size_t len;
	size_t used;
};

__attribute__((format(printf, 2, 3)))
static void say(struct explain *explain, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	limits_vadd(explain->buffer, explain->len, &explain->used, format, args);
	va_end(args);
}

/* Bytes of a limit in KiB, or that there is none. */
static void say_limit(struct explain *explain, const char *name, rlim_t limit, uint64_t used)
{
	if (limit == RLIM_INFINITY)
		say(explain, "%s: unlimited, %llu KiB used\n", name, (unsigned long long)used);
	else
		say(explain, "%s: %llu KiB, %llu KiB used\n", name,
		    (unsigned long long)limit / 1024, (unsigned long long)used);
}

static void say_parameter(struct explain *explain, const char *name, const char *unit)
{
	char path[64];
	long long value;

	snprintf(path, sizeof(path), EXPLAIN_MODULE "%s", name);
	value = limits_number(path, -1);
	if (value < 0)
		say(explain, "%s of the module: cannot be read\n", name);
	else if (!value)
		say(explain, "%s of the module: 0, no limit but perf's\n", name);
	else
		say(explain, "%s of the module: %lld%s\n", name, value, unit);
}

static void explain_permission(struct explain *explain)
{
	struct perfring_mmap_report report;
	long long paranoid;
	char text[1024];

	/* perf_mmap() says EPERM, perf_event_open(2) EACCES or, without the capability, EPERM. */
	if (explain->own->pages && explain->error == EPERM &&
	    !perfring_storage_explain_mmap(explain->own->pages, -EPERM, &report)) {
		perfring_storage_format_mmap(&report, text, sizeof(text));
		say(explain, "%s", text);
	}
	paranoid = limits_number(EXPLAIN_KERNEL "perf_event_paranoid", INT32_MIN);
	if (paranoid == INT32_MIN) {
		say(explain, "kernel.perf_event_paranoid: cannot be read\n");
		return;
	}
	say(explain, "kernel.perf_event_paranoid: %lld; without CAP_PERFMON the kernel's own work wants 1 or less, events of a whole CPU 0, raw tracepoints -1\n",
	    paranoid);
	if (explain->own->attr)
		say(explain, "asked for: %s\n", explain->own->attr->exclude_kernel ?
		    "not the kernel's work" : "the kernel's work too (exclude_kernel would spare it)");
	if (explain->own->device)
		say(explain, "devices: who may open them is said by the mode of /dev/perfringN\n");
}

/* The largest piece of a kernel's memory is 2^n pages: it lists how many it has of each size. */
static int explain_order(void)
{
	char text[1024], *at;
	int sizes = 0;

	limits_slurp("/proc/buddyinfo", text, sizeof(text));
	at = strstr(text, "zone ");
	if (!at)
		return 10;
	text[strcspn(text, "\n")] = '\0';
	/* The zone's name comes first. */
	for (at += strlen("zone"); *at; at += strcspn(at, " ")) {
		at += strspn(at, " ");
		sizes += *at != '\0';
	}
	return sizes > 2 && sizes < 32 ? sizes - 2 : 10;
}

static void explain_memory(struct explain *explain)
{
	const struct perfring_explain_opts *own = explain->own;
	unsigned long long page = perfring_system_page_size();
	unsigned long long rings = own->rings ? own->rings : 1;
	unsigned long long kib = rings * (own->pages + 1) * (page / 1024);
	char status[8192], info[4096];
	struct rlimit limit;
	uint64_t most = 1;
	int order = explain_order();

	limits_slurp("/proc/self/status", status, sizeof(status));
	limits_slurp("/proc/meminfo", info, sizeof(info));
	if (own->pages)
		say(explain, "wanted: %llu ring%s of 1 + %zu pages of %llu bytes, %llu KiB in all\n",
		    rings, rings == 1 ? "" : "s", own->pages, page, kib);
	if (!getrlimit(RLIMIT_AS, &limit))
		say_limit(explain, "RLIMIT_AS", limit.rlim_cur,
			  limits_status(status, "\nVmSize:", 10));
	say(explain, "memory available: %llu KiB\n",
	    (unsigned long long)limits_status(info, "\nMemAvailable:", 10));
	/* rb_alloc() of kernel/events/ring_buffer.c: a pointer for each page, and a bit more. */
	while (most * 2 * sizeof(void *) < page << order)
		most *= 2;
	if (own->device) {
		say_parameter(explain, "max_pages", " data pages of one ring");
		say_parameter(explain, "max_memory", " KiB of all rings of a user");
	} else if (own->pages > most) {
		say(explain, "the kernel keeps a pointer for each page, in one piece of memory of at most 2^%d pages: %llu data pages fit\n",
		    order, (unsigned long long)most);
	}
}

/* The kernel's own sizeof(struct perf_event_attr), which it writes back; 0 not known. */
static uint32_t explain_attr_size(void)
{
	struct perf_event_attr attr = { .size = (uint32_t)perfring_system_page_size() + 8 };
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0)
		close((int)fd);
	return fd < 0 && errno == E2BIG ? attr.size : 0;
}

static void explain_attr(struct explain *explain, const struct perf_event_attr *attr)
{
	const unsigned char *bytes = (const unsigned char *)attr;
	size_t size = attr->size ? attr->size : sizeof(*attr), known = explain_attr_size();

	say(explain, "perf_event_attr: attr.size %zu; this library knows %zu bytes", size,
	    sizeof(*attr));
	if (known)
		say(explain, ", this kernel %zu\n", known);
	else
		say(explain, ", what this kernel knows it does not say\n");
	if (!known || known > sizeof(*attr))
		known = sizeof(*attr);
	for (size_t i = known; i < size; i++)
		if (bytes[i]) {
			say(explain, "byte %zu of it is set and beyond that\n", i);
			return;
		}
}

/* A name for each option structure of a public header, and its size here. */
static size_t explain_structure(const char *name)
{
	static const struct {
		const char *name;
		size_t size;
	} known[] = {
#define KNOWN(type)	{ #type, sizeof(struct type) }
		KNOWN(perfring_bpf_array_opts),
		KNOWN(perfring_bpf_opts),
		KNOWN(perfring_count_opts),
		KNOWN(perfring_cpus_opts),
		KNOWN(perfring_data_opts),
		KNOWN(perfring_device_opts),
		KNOWN(perfring_event_opts),
		KNOWN(perfring_events_opts),
		KNOWN(perfring_explain_opts),
		KNOWN(perfring_image_opts),
		KNOWN(perfring_memory_opts),
		KNOWN(perfring_merge_opts),
		KNOWN(perfring_merge_ring_opts),
		KNOWN(perfring_perf_opts),
		KNOWN(perfring_reader_opts),
		KNOWN(perfring_ring_opts),
#undef KNOWN
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return known[i].size;
	return 0;
}

static void explain_large(struct explain *explain)
{
	const struct perfring_explain_opts *own = explain->own;
	size_t record = 8 + perfring_round_8(4 + own->payload), known;

	if (own->attr)
		explain_attr(explain, own->attr);
	if (own->structure) {
		known = explain_structure(own->structure);
		say(explain, "struct %s: size %zu; this library (%s) knows ", own->structure,
		    own->structure_size, perfring_version());
		if (known)
			say(explain, "%zu bytes, and what is beyond has to be 0\n", known);
		else
			say(explain, "no such structure\n");
	}
	if (own->payload) {
		say(explain, "a payload of %zu bytes is a record of at least %zu: header 8, size 4, padded to 8; a header can say %u, a payload of %u\n",
		    own->payload, record, PERFRING_RECORD_MAX, PERFRING_RECORD_MAX - 12);
		if (own->data_size)
			say(explain, "a ring of %zu bytes holds a record of at most %zu, for it is never quite full\n",
			    own->data_size, own->data_size - 8);
	}
}

/* Without opening any: there may be none left. */
static uint64_t explain_open(rlim_t limit)
{
	uint64_t open = 0;

	for (int fd = 0; fd < EXPLAIN_FILES && (rlim_t)fd < limit; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			open++;
	return open;
}

static void explain_files(struct explain *explain)
{
	unsigned long long rings = explain->own->rings ? explain->own->rings : 1;
	unsigned long long want = rings + 2, open, need;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	open = explain_open(limit.rlim_cur);
	need = open + want;
	say(explain, "RLIMIT_NOFILE: %llu, which this process may raise to %llu; %llu open\n",
	    (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max, open);
	say(explain, "wanted: %llu, for %llu ring%s and a reader\n", want, rings,
	    rings == 1 ? "" : "s");
	if (need > limit.rlim_cur)
		say(explain, "would do: a limit of %llu\n", need);
	else
		say(explain, "there is room for them: the limit is not the cause\n");
	if (explain->own->device)
		say_parameter(explain, "max_events", " open events of a user");
}

int perfring_explain(int error, const struct perfring_explain_opts *opts, char *buffer,
		     size_t len)
{
	struct perfring_explain_opts own;
	struct explain explain = {
		.own = &own, .error = error < 0 ? -error : error, .buffer = buffer, .len = len,
	};
	int err = perfring_opts_take(&own, sizeof(own), opts);

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(own.padding); i++)
		if (own.padding[i])
			return -EINVAL;
	if (len)
		buffer[0] = '\0';
	say(&explain, "%s\n", perfring_strerror(error));
	switch (explain.error) {
	case EACCES:
	case EPERM:
		explain_permission(&explain);
		break;
	case ENOMEM:
		explain_memory(&explain);
		break;
	case E2BIG:
		explain_large(&explain);
		break;
	case EMFILE:
		explain_files(&explain);
		break;
	default:
		break;
	}
	return (int)explain.used;
}
