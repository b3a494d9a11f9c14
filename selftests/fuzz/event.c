// SPDX-License-Identifier: GPL-2.0
/*
 * Any text as an event, on a machine that is made up.  The lines behind the first are what its
 * sysfs says of one more field, one more event, and that one's scale, unit and CPUs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../event_files.h"
#include "fuzz.h"

#define LINES	6

/* What the lines are, from the second on. */
static const char *const says[LINES - 1] = {
	"sys/bus/event_source/devices/cpu/format/zz",
	"sys/bus/event_source/devices/cpu/events/zz",
	"sys/bus/event_source/devices/cpu/events/zz.scale",
	"sys/bus/event_source/devices/cpu/events/zz.unit",
	"sys/bus/event_source/devices/cpu/cpumask",
};

static char folder[64];

static void done(void)
{
	char line[128];

	if (!folder[0])
		return;
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	if (system(line))
		fprintf(stderr, "%s is left\n", folder);
	folder[0] = '\0';
}

/* Once for all calls. */
static void folder_make(void)
{
	snprintf(folder, sizeof(folder), "/tmp/perfring-fuzz-XXXXXX");
	FUZZ_CHECK(mkdtemp(folder));
	FUZZ_CHECK(make_files(folder));
}

static void check_specs(const struct perfring_event_specs *specs)
{
	size_t nr = perfring_event_specs_count(specs);
	const struct perfring_event_spec *spec;

	FUZZ_CHECK(nr >= 1);
	for (size_t i = 0; i < nr; i++) {
		spec = perfring_event_specs_at(specs, i);
		FUZZ_CHECK(spec && spec->name && spec->leader <= i);
		FUZZ_CHECK(spec->attr.size == sizeof(spec->attr));
		fuzz_touch(spec->name, strlen(spec->name));
		fuzz_touch(spec->pmu, spec->pmu ? strlen(spec->pmu) : 0);
		fuzz_touch(spec->unit, spec->unit ? strlen(spec->unit) : 0);
		fuzz_touch(spec->cpus, spec->cpus ? strlen(spec->cpus) : 0);
		fuzz_touch(spec->group, spec->group ? strlen(spec->group) : 0);
		/* Without a group an event leads itself. */
		FUZZ_CHECK(perfring_event_specs_at(specs, spec->leader)->leader == spec->leader);
	}
	FUZZ_CHECK(!perfring_event_specs_at(specs, nr));
}

static void check_error(const struct perfring_event_error *error, const char *text, int err)
{
	char whole[4096], cut[16];
	int need;

	FUZZ_CHECK(error->code == err && err < 0);
	FUZZ_CHECK(error->reason[0]);
	FUZZ_CHECK((uint64_t)error->position + error->length <= strlen(text));
	FUZZ_CHECK(memchr(error->token, '\0', sizeof(error->token)));
	FUZZ_CHECK(memchr(error->reason, '\0', sizeof(error->reason)));
	FUZZ_CHECK(memchr(error->hint, '\0', sizeof(error->hint)));
	FUZZ_CHECK(!strncmp(error->token, text + error->position,
			    error->length < 32 ? error->length : 32));
	need = perfring_event_error_format(error, text, whole, sizeof(whole));
	FUZZ_CHECK(need > 0 && strnlen(whole, sizeof(whole)) == (size_t)need);
	FUZZ_CHECK(whole[need - 1] == '\n');
	FUZZ_CHECK(perfring_event_error_format(error, text, cut, sizeof(cut)) == need);
	FUZZ_CHECK(!strncmp(cut, whole, sizeof(cut) - 1) && !cut[sizeof(cut) - 1]);
}

static void run(const uint8_t *bytes, size_t len)
{
	struct perfring_event_opts opts = { .size = sizeof(opts) };
	struct perfring_event_specs *specs = NULL;
	struct perfring_event_error error;
	char sysfs[96], tracefs[96], path[256], *rest, *text, *line[LINES] = { NULL };
	int err;

	if (!folder[0])
		folder_make();
	snprintf(sysfs, sizeof(sysfs), "%s/sys", folder);
	snprintf(tracefs, sizeof(tracefs), "%s/trace", folder);
	opts.sysfs = sysfs;
	opts.tracefs = tracefs;

	rest = malloc(len + 1);
	FUZZ_CHECK(rest);
	if (len)
		memcpy(rest, bytes, len);
	rest[len] = '\0';
	text = rest;
	for (unsigned int i = 0; i < LINES && rest; i++)
		line[i] = strsep(&rest, "\n");
	for (unsigned int i = 1; i < LINES && line[i]; i++)
		FUZZ_CHECK(make_file(folder, says[i - 1], line[i]));

	/* A copy of its very length; what opens devices is none of this program's business. */
	line[0] = strdup(text);
	FUZZ_CHECK(line[0]);
	free(text);
	err = strstr(line[0], "/dev/") ? -EINVAL :
	      perfring_event_parse(line[0], &opts, &specs, &error);
	if (specs)
		check_specs(specs);
	else if (!strstr(line[0], "/dev/"))
		check_error(&error, line[0], err);
	perfring_event_specs_free(specs);
	free(line[0]);
	for (unsigned int i = 0; i < LINES - 1; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, says[i]);
		unlink(path);
	}
}

const struct fuzz_target fuzz_event = { "event", run, 200, done };
