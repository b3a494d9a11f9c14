// SPDX-License-Identifier: MIT
/* From the words of a SOURCE to a perf_event_attr. */
#include "spec.h"

#include <errno.h>
#include <linux/perfring.h>
#include <stdlib.h>
#include <string.h>

#define SPEC_RATE	100	/* ticks per second when none are named */
#define SPEC_PMU	"/sys/bus/event_source/devices/perfring"
#define SPEC_SOURCES	SPEC_PMU "/sources"

void spec_attr_init(struct perf_event_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->size = sizeof(*attr);
	attr->sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
			    PERF_SAMPLE_CPU | PERF_SAMPLE_RAW;
	attr->sample_period = 1;
	attr->sample_id_all = 1;
	attr->disabled = 1;
}

int spec_pmu_type(uint32_t *type)
{
	uint64_t value;

	if (cli_read_u64(SPEC_PMU "/type", &value))
		return cli_module_missing();
	*type = (uint32_t)value;
	return CLI_OK;
}

/* ",key=value" pieces; each value goes where its key's entry says. */
struct spec_option {
	const char *key;
	uint64_t low;
	uint64_t high;
	uint64_t value;		/* in: the default */
	char **text;		/* not a number: a copy of it, the caller's to free */
};

static void spec_list_options(size_t nr, const struct spec_option option[])
{
	for (size_t i = 0; i < nr; i++)
		if (option[i].text)
			fprintf(stderr, "  %s=NAME\n", option[i].key);
		else
			fprintf(stderr, "  %s=N from %llu to %llu\n", option[i].key,
				(unsigned long long)option[i].low,
				(unsigned long long)option[i].high);
}

static int spec_options(const struct spec *spec, const char *text, size_t nr,
			struct spec_option option[])
{
	char piece[600], what[800];
	size_t len, i;
	char *value;
	int status;

	while (*text) {
		len = strcspn(text, ",");
		if (len >= sizeof(piece))
			len = sizeof(piece) - 1;
		memcpy(piece, text, len);
		piece[len] = '\0';
		text += strcspn(text, ",");
		text += *text == ',';
		value = strchr(piece, '=');
		if (value)
			*value++ = '\0';
		for (i = 0; i < nr && strcmp(piece, option[i].key) != 0; i++)
			;
		if (i == nr || !value) {
			cli_error("%s: '%s' is not an option of it; these are", spec->text, piece);
			spec_list_options(nr, option);
			return CLI_USAGE;
		}
		if (option[i].text) {
			free(*option[i].text);
			*option[i].text = strdup(value);
			if (!*option[i].text)
				return CLI_FAIL;
			continue;
		}
		snprintf(what, sizeof(what), "%s: %s", spec->text, piece);
		status = cli_number(what, value, option[i].low, option[i].high, &option[i].value);
		if (status)
			return status;
	}
	return CLI_OK;
}

static int spec_no_options(const struct spec *spec, const char *text)
{
	if (!*text)
		return CLI_OK;
	cli_error("%s: '%s': it has no options", spec->text, text);
	return CLI_USAGE;
}

static int spec_generator(struct spec *spec, const char *options)
{
	uint64_t most = 100000;
	struct spec_option option[] = {
		{ "rate", 1, 0, SPEC_RATE, NULL },
		{ "burst", 1, 65535, 1, NULL },
		{ "min_size", sizeof(struct perfring_generator_payload), 65535, 16, NULL },
		{ "max_size", sizeof(struct perfring_generator_payload), 65535, 0, NULL },
	};
	int status;

	cli_read_u64("/sys/module/perfring/parameters/max_rate", &most);
	option[0].high = most;
	if (option[0].value > most)
		option[0].value = most;
	status = spec_options(spec, options, ARRAY_SIZE(option), option);
	if (status)
		return status;
	if (!option[3].value)
		option[3].value = option[2].value;
	if (option[3].value < option[2].value) {
		cli_error("%s: max_size=%llu is less than min_size=%llu", spec->text,
			  (unsigned long long)option[3].value,
			  (unsigned long long)option[2].value);
		return CLI_USAGE;
	}
	spec->attr.config = PERFRING_SOURCE_GENERATOR;
	spec->attr.config1 = option[0].value | option[1].value << 32;
	spec->attr.config2 = option[2].value | option[3].value << 16;
	spec->payload = SPEC_GENERATOR;
	return CLI_OK;
}

static int spec_syscalls(struct spec *spec, const char *options)
{
	struct spec_option option[] = {
		{ "pid", 1, INT32_MAX, 0, NULL },
		{ "nr", 0, UINT32_MAX, UINT64_MAX, NULL },
	};
	int status;

	status = spec_options(spec, options, ARRAY_SIZE(option), option);
	if (status)
		return status;
	spec->attr.config = PERFRING_SOURCE_SYSCALLS;
	spec->attr.config1 = option[0].value;
	if (option[1].value != UINT64_MAX)
		spec->attr.config2 = option[1].value | PERFRING_SYSCALLS_BY_NR;
	spec->payload = SPEC_SYSCALLS;
	return CLI_OK;
}

static int spec_kprobe(struct spec *spec, const char *options)
{
	struct spec_option option[] = {
		{ "symbol", 0, 0, 0, &spec->symbol },
		{ "offset", 0, UINT32_MAX, 0, NULL },
	};
	int status;

	status = spec_options(spec, options, ARRAY_SIZE(option), option);
	if (status)
		return status;
	if (!spec->symbol || !*spec->symbol) {
		cli_error("%s: symbol=NAME of which function? /proc/kallsyms has them", spec->text);
		return CLI_USAGE;
	}
	spec->attr.config = PERFRING_SOURCE_KPROBE;
	spec->attr.config1 = (uintptr_t)spec->symbol;
	spec->attr.config2 = option[1].value;
	spec->payload = SPEC_KPROBE;
	return CLI_OK;
}

/* A source that another module offers: its id is where the module says it. */
static int spec_client(struct spec *spec, const char *name)
{
	char path[128], base[64];
	size_t len = strcspn(name, ",");
	uint64_t id;

	if (len < sizeof(base) && !memchr(name, '/', len) && *name != '.') {
		memcpy(base, name, len);
		base[len] = '\0';
		snprintf(path, sizeof(path), SPEC_SOURCES "/%s", base);
		if (!cli_read_u64(path, &id)) {
			spec->attr.config = id;
			return spec_no_options(spec, name + len + (name[len] == ','));
		}
	}
	cli_error("%s: '%s' is not a source of the device; there are user, sched_switch, syscalls, kprobe, generator, and those of other modules in "
		  SPEC_SOURCES, spec->text, name);
	return CLI_USAGE;
}

/* Is @text the name, with or without options behind it? */
static bool spec_named(const char *text, const char *name, const char **options)
{
	size_t len = strlen(name);

	if (strncmp(text, name, len) != 0 || (text[len] && text[len] != ','))
		return false;
	*options = text + len + (text[len] == ',');
	return true;
}

int spec_device_attr(struct spec *spec, const char *name)
{
	const char *options;
	int status;

	if (spec_named(name, "user", &options)) {
		status = spec_no_options(spec, options);
		spec->attr.type = PERF_TYPE_SOFTWARE;
		spec->attr.config = PERF_COUNT_SW_BPF_OUTPUT;
		spec->feed = true;
	} else if (spec_named(name, "sched_switch", &options)) {
		status = spec_no_options(spec, options);
		spec->attr.config = PERFRING_SOURCE_SCHED_SWITCH;
		spec->payload = SPEC_SWITCH;
	} else if (spec_named(name, "generator", &options)) {
		status = spec_generator(spec, options);
	} else if (spec_named(name, "syscalls", &options)) {
		status = spec_syscalls(spec, options);
	} else if (spec_named(name, "kprobe", &options)) {
		status = spec_kprobe(spec, options);
	} else {
		status = spec_client(spec, name);
	}
	if (!status && !spec->feed)
		status = spec_pmu_type(&spec->attr.type);
	return status;
}

/* "CPU/NAME": the CPUs; *name: what follows */
static int spec_cpus(struct spec *spec, const char *text, const char **name)
{
	const char *slash = strchr(text, '/');
	char list[256];
	size_t len = slash ? (size_t)(slash - text) : 0;
	int status;

	if (!slash || !slash[1]) {
		cli_error("%s: there should be CPU/NAME after the colon, as in dev:0/user",
			  spec->text);
		return CLI_USAGE;
	}
	*name = slash + 1;
	if (len == 1 && *text == '*') {
		status = cli_cpus_online(&spec->cpus);
		return status;
	}
	if (len < sizeof(list)) {
		memcpy(list, text, len);
		list[len] = '\0';
		if (!cli_cpu_list(list, &spec->cpus))
			return CLI_OK;
	}
	cli_error("%s: '%.*s' is not a CPU number, a list as 0,2-3, or *", spec->text, (int)len,
		  text);
	return CLI_USAGE;
}

bool spec_is(const char *text)
{
	static const char *const kinds[] = { "dev:", "perf:", "image:", "data:" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(text, kinds[i], strlen(kinds[i])))
			return true;
	return false;
}

int spec_parse(const char *text, struct spec *spec)
{
	const char *name;
	int status;

	memset(spec, 0, sizeof(*spec));
	spec->text = text;
	spec_attr_init(&spec->attr);
	if (!strncmp(text, "image:", 6)) {
		spec->kind = SPEC_IMAGE;
		spec->path = text + 6;
		if (*spec->path)
			return CLI_OK;
		cli_error("%s: which file?", text);
		return CLI_USAGE;
	}
	if (!strncmp(text, "data:", 5)) {
		spec->kind = SPEC_DATA;
		spec->path = text + 5;
		if (*spec->path)
			return CLI_OK;
		cli_error("%s: which file?", text);
		return CLI_USAGE;
	}
	if (!strncmp(text, "dev:", 4)) {
		spec->kind = SPEC_DEVICE;
		status = spec_cpus(spec, text + 4, &name);
		if (!status)
			status = spec_device_attr(spec, name);
	} else if (!strncmp(text, "perf:", 5)) {
		spec->kind = SPEC_PERF;
		status = spec_cpus(spec, text + 5, &name);
		if (!status)
			status = spec_perf_attr(spec, name);
	} else {
		cli_error("'%s' is not a source; it should begin with dev:, perf:, image: or data:, as in dev:0/sched_switch",
			  text);
		return CLI_USAGE;
	}
	if (status)
		spec_free(spec);
	return status;
}

void spec_free(struct spec *spec)
{
	free(spec->cpus.cpu);
	free(spec->symbol);
	tracepoint_free(&spec->tracepoint);
	perfring_event_specs_free(spec->events);
	memset(spec, 0, sizeof(*spec));
}
