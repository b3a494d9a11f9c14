// SPDX-License-Identifier: MIT
/* Opening the rings of a SOURCE, and explaining why one does not open. */
#include "spec.h"

#include <errno.h>
#include <linux/perfring.h>
#include <perfring/count.h>
#include <perfring/error.h>
#include <string.h>
#include <unistd.h>

/*
 * The library's account of the locked-memory limit, a line at a time; false when
 * the limit is not what stands in the way.
 */
static bool spec_explain_mmap(const struct spec *spec, unsigned int cpu, size_t pages, int err)
{
	struct perfring_mmap_report report;
	char text[2048], *save = NULL, *line;

	if (perfring_storage_explain_mmap(pages, err, &report) || report.data_pages_fit == SIZE_MAX)
		return false;
	cli_error("%s: CPU %u: a ring of %zu pages may not be mapped; locked memory:", spec->text,
		  cpu, pages);
	perfring_storage_format_mmap(&report, text, sizeof(text));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		fprintf(stderr, "  %s\n", line);
	return true;
}

/* The library's arithmetic of another limit. */
static void spec_explain_limit(const struct spec *spec, unsigned int cpu, size_t pages, int err)
{
	struct perfring_explain_opts what = {
		.size = sizeof(what), .attr = &spec->attr, .pages = pages,
		.rings = spec->cpus.nr, .device = spec->kind == SPEC_DEVICE,
	};
	char text[2048], *save = NULL, *line;

	perfring_explain(err, &what, text, sizeof(text));
	line = strtok_r(text, "\n", &save);
	cli_error("%s: CPU %u: %s", spec->text, cpu, line);
	while ((line = strtok_r(NULL, "\n", &save)))
		fprintf(stderr, "  %s\n", line);
}

/* What a small file says, or a question mark. */
static const char *spec_read(const char *path, char *text, size_t room)
{
	return cli_read_text(path, text, room) ? "?" : text;
}

static void spec_explain_offline(const struct spec *spec, unsigned int cpu)
{
	char online[256];

	cli_error("%s: CPU %u is not online; online are %s", spec->text, cpu,
		  spec_read(CLI_ONLINE, online, sizeof(online)));
}

/* The library's account of why perf_event_open(2) refuses, without the settings after it. */
static void spec_explain_perf(const struct spec *spec, pid_t pid, unsigned int cpu, int err)
{
	struct perfring_count_report report;
	char text[4096], *save = NULL, *line;

	if (err == -EINVAL && cpu >= (unsigned int)sysconf(_SC_NPROCESSORS_CONF)) {
		spec_explain_offline(spec, cpu);
		return;
	}
	if (perfring_count_explain(&spec->attr, pid, (int)cpu, err, &report)) {
		cli_error("%s: CPU %u: %s", spec->text, cpu, perfring_strerror(err));
		return;
	}
	perfring_count_format(&report, spec->text, text, sizeof(text));
	line = strtok_r(text, "\n", &save);
	cli_error("%s", line);
	while ((line = strtok_r(NULL, "\n", &save)) &&
	       strncmp(line, "kernel.perf_event_paranoid:", 27) != 0)
		fprintf(stderr, "  %s\n", line);
	if (report.cause == PERFRING_CAUSE_RATE)
		fprintf(stderr, "  freq=%llu; kernel.perf_event_max_sample_rate is %lld\n",
			(unsigned long long)spec->attr.sample_freq,
			(long long)report.max_sample_rate);
}

static void spec_explain_device(const struct spec *spec, unsigned int cpu, int err)
{
	char possible[256], path[32];

	snprintf(path, sizeof(path), "/dev/perfring%u", cpu);
	switch (-err) {
	case ENOENT:
	case ENXIO:
		if (!access(path, F_OK)) {
			cli_error("%s: this kernel has no such %s", spec->text,
				  spec->payload == SPEC_KPROBE ? "symbol" : "source");
			break;
		}
		cli_error("%s: there is no /dev/perfring%u; possible CPUs are %s", spec->text, cpu,
			  spec_read("/sys/devices/system/cpu/possible", possible,
				    sizeof(possible)));
		break;
	case EACCES:
		if (access(path, R_OK | W_OK))
			cli_error("%s: no permission for %s; be root, or load the module with mode=0666",
				  spec->text, path);
		else
			cli_error("%s: not permitted: this source needs CAP_PERFMON; be root",
				  spec->text);
		break;
	case EILSEQ:
		cli_error("%s: no instruction begins there", spec->text);
		break;
	case EINVAL:
		if (spec->payload == SPEC_KPROBE) {
			cli_error("%s: the kernel does not allow a probe there", spec->text);
			break;
		}
		cli_error("%s: /dev/perfring%u refuses the event; see /sys/module/perfring/parameters",
			  spec->text, cpu);
		break;
	default:
		cli_error("%s: /dev/perfring%u: %s", spec->text, cpu, perfring_strerror(err));
	}
}

void spec_open_error(const struct spec *spec, pid_t pid, unsigned int cpu, size_t pages, int err)
{
	char path[64];
	uint64_t most;

	if (err == -EPERM && spec_explain_mmap(spec, cpu, pages, err))
		return;
	if (err == -ENODEV) {
		spec_explain_offline(spec, cpu);
	} else if (spec->kind == SPEC_DEVICE) {
		snprintf(path, sizeof(path), "/sys/module/perfring/parameters/max_pages");
		if ((err == -EINVAL || err == -ENOMEM) && !cli_read_u64(path, &most) &&
		    pages > most)
			cli_error("%s: %zu pages are more than the module's max_pages=%llu",
				  spec->text, pages, (unsigned long long)most);
		else if (err == -ENOMEM || err == -EMFILE || err == -E2BIG)
			spec_explain_limit(spec, cpu, pages, err);
		else
			spec_explain_device(spec, cpu, err);
	} else if (err == -ENOMEM || err == -EMFILE || err == -E2BIG) {
		spec_explain_limit(spec, cpu, pages, err);
	} else {
		spec_explain_perf(spec, pid, cpu, err);
	}
}

void spec_enable_error(const struct spec *spec, unsigned int cpu, int err)
{
	spec_open_error(spec, -1, cpu, 0, err == -EPERM ? -EACCES : err);
}

/* A file does not say what its payloads are, but its attr does, nearly. */
void spec_file_payload(struct spec *spec, const struct perf_event_attr *attr)
{
	static const enum spec_payload payload[] = {
		[PERFRING_SOURCE_GENERATOR] = SPEC_GENERATOR,
		[PERFRING_SOURCE_SCHED_SWITCH] = SPEC_SWITCH,
		[PERFRING_SOURCE_SYSCALLS] = SPEC_SYSCALLS,
		[PERFRING_SOURCE_KPROBE] = SPEC_KPROBE,
	};
	uint64_t id;

	spec->attr = *attr;
	if (attr->type >= PERF_TYPE_MAX && (attr->config & 0xff) < ARRAY_SIZE(payload))
		spec->payload = payload[attr->config & 0xff];
	else if (attr->type == PERF_TYPE_TRACEPOINT &&
		 !tracepoint_find(attr->config, &spec->tracepoint, &id))
		spec->payload = SPEC_TRACEPOINT;
}

static int spec_open_image(struct spec *spec, struct perfring_storage **out)
{
	int err = perfring_storage_open_image(spec->path, NULL, out);

	if (!err) {
		spec_file_payload(spec, perfring_storage_attr(*out));
		return CLI_OK;
	}
	if (err == -EINVAL || err == -ENODATA || err == -EBADMSG)
		cli_error("%s: not an image of a ring (1 + 2^n pages, as perfring save writes it)",
			  spec->path);
	else if (err == -EOPNOTSUPP)
		cli_error("%s: the image of a machine of the other byte order", spec->path);
	else
		cli_error("%s: %s", spec->path, strerror(-err));
	return CLI_FAIL;
}

int spec_open(struct spec *spec, unsigned int cpu, size_t pages, struct perfring_storage **out)
{
	/* A quarter of the ring wakes the reader: late enough, and time enough. */
	uint32_t watermark = (uint32_t)(pages * (size_t)sysconf(_SC_PAGESIZE) / 4);
	struct perfring_device_opts device = {
		.size = sizeof(device), .pages = pages, .watermark = watermark,
	};
	struct perfring_perf_opts perf = {
		.size = sizeof(perf), .pages = pages, .watermark = watermark,
	};
	char path[32];
	int err;

	if (spec->kind == SPEC_IMAGE)
		return spec_open_image(spec, out);
	if (spec->kind == SPEC_PERF) {
		err = perfring_storage_open_perf(&spec->attr, -1, (int)cpu, &perf, out);
	} else {
		if (!cli_module_loaded())
			return cli_module_missing();
		snprintf(path, sizeof(path), "/dev/perfring%u", cpu);
		err = perfring_storage_open_device(path, &spec->attr, &device, out);
	}
	if (!err)
		return CLI_OK;
	spec_open_error(spec, -1, cpu, pages, err);
	return CLI_FAIL;
}
