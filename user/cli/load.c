// SPDX-License-Identifier: MIT
/* load and unload, through libkmod. */
#include "cli.h"
#include "load.h"

#include <errno.h>
#include <libkmod.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libkmod's own messages say less than ours. */
static void load_quiet(void *data, int priority, const char *file, int line, const char *fn,
		       const char *format, va_list args)
{
	(void)data;
	(void)priority;
	(void)file;
	(void)line;
	(void)fn;
	(void)format;
	(void)args;
}

static struct kmod_ctx *load_context(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);

	if (ctx)
		kmod_set_log_fn(ctx, load_quiet, NULL);
	else
		cli_error("libkmod: cannot be set up");
	return ctx;
}

/*
 * The modules that a file's modinfo names have to be there first.  One that is
 * built into the kernel is not named, one that is loaded is passed over; what
 * cannot be loaded is only told: the kernel knows best whether it is needed.
 */
static void load_dependencies(struct kmod_ctx *ctx, const char *depends)
{
	char *names = strdup(depends), *save = NULL, *name;
	struct kmod_module *module;
	int err;

	for (name = names ? strtok_r(names, ",", &save) : NULL; name;
	     name = strtok_r(NULL, ",", &save)) {
		err = kmod_module_new_from_name(ctx, name, &module);
		if (!err) {
			err = kmod_module_probe_insert_module(module, KMOD_PROBE_IGNORE_LOADED,
							      NULL, NULL, NULL, NULL);
			kmod_module_unref(module);
		}
		if (err)
			cli_error("module %s, which perfring needs: %s", name,
				  strerror(err < 0 ? -err : EPERM));
	}
	free(names);
}

/* PARAM=VALUE words as one string for the kernel; free() it. */
static char *load_options(int argc, char **argv)
{
	size_t room = 1, used = 0;
	char *options;

	for (int i = 0; i < argc; i++)
		room += strlen(argv[i]) + 3;
	options = malloc(room);
	if (!options)
		return NULL;
	options[0] = '\0';
	for (int i = 0; i < argc; i++) {
		const char *value = strchr(argv[i], '=') + 1;
		const char *quote = strchr(value, ' ') ? "\"" : "";
		int more = snprintf(options + used, room - used, "%s%.*s%s%s%s", i ? " " : "",
				    (int)(value - argv[i]), argv[i], quote, value, quote);

		used += (size_t)more;
	}
	return options;
}

/* The module as a file, or as it is installed for this kernel. */
static int load_find(struct kmod_ctx *ctx, const char *path, struct kmod_module **out)
{
	struct kmod_list *list = NULL;
	int err;

	if (path) {
		err = kmod_module_new_from_path(ctx, path, out);
		if (err)
			cli_error("%s: %s", path, strerror(-err));
		return err ? CLI_FAIL : CLI_OK;
	}
	err = kmod_module_new_from_lookup(ctx, "perfring", &list);
	if (!err && list)
		*out = kmod_module_get_module(list);
	kmod_module_unref_list(list);
	if (!err && list)
		return CLI_OK;
	load_not_installed();
	return CLI_FAIL;
}

static int load_insert(struct kmod_ctx *ctx, const char *path, int argc, char **argv)
{
	struct load_info info = { 0 };
	struct kmod_module *module = NULL;
	char *options = NULL;
	int err, log, status;

	status = load_find(ctx, path, &module);
	if (status)
		return status;
	status = load_info_get(module, path, &info);
	if (!status)
		status = load_check_params(&info, argc, argv);
	if (status)
		goto out;
	options = load_options(argc, argv);
	if (!options) {
		cli_error("out of memory");
		status = CLI_FAIL;
		goto out;
	}
	log = load_log_open();
	if (path) {
		load_dependencies(ctx, info.depends);
		err = kmod_module_insert_module(module, 0, options);
	} else {
		err = kmod_module_probe_insert_module(module, KMOD_PROBE_FAIL_ON_LOADED, options,
						      NULL, NULL, NULL);
	}
	if (err) {
		load_explain(&info, err < 0 ? -err : EPERM, options);
		load_log_show(log);
		status = CLI_FAIL;
	}
	if (log >= 0)
		close(log);
out:
	free(options);
	load_info_free(&info);
	kmod_module_unref(module);
	return status;
}

struct load_options {
	const char *module;
};

static const struct cli_option load_table[] = {
	{ "--module", "FILE", "the module, if it is not the installed one", CLI_TEXT,
	  offsetof(struct load_options, module), 0 },
	{ .name = NULL },
};

static int load_command(int argc, char **argv)
{
	struct load_options options = { .module = getenv("PERFRING_MODULE") };
	struct cli_words words;
	struct kmod_ctx *ctx;
	int status;

	if (options.module && !*options.module)
		options.module = NULL;
	status = cli_options(&cli_load, argc, argv, &options, &words);
	if (status)
		return status;
	for (size_t i = 0; i < words.nr; i++)
		if (words.word[i][0] == '=' || !strchr(words.word[i], '='))
			return cli_usage(&cli_load, "'%s' is not of the form PARAM=VALUE",
					 words.word[i]);
	ctx = load_context();
	if (!ctx)
		return CLI_FAIL;
	status = load_insert(ctx, options.module, (int)words.nr, words.word);
	kmod_unref(ctx);
	return status ? status : load_wait_devices();
}

const struct cli_command cli_load = {
	.name = "load", .usage = "[--module FILE] [PARAM=VALUE]...",
	.about =
"insert the module and wait for its devices; FILE, or $PERFRING_MODULE, or the installed one\n",
	.option = load_table, .most = CLI_WORDS_ANY, .run = load_command,
};

/* Descriptors that are open on all devices. */
static uint64_t load_descriptors(void)
{
	uint64_t sum = 0, events;
	char path[64];

	for (unsigned int cpu = 0; cpu < 65536; cpu++) {
		snprintf(path, sizeof(path), CLI_CLASS "/perfring%u", cpu);
		if (access(path, F_OK))
			break;
		snprintf(path, sizeof(path), CLI_CLASS "/perfring%u/events", cpu);
		if (!cli_read_u64(path, &events))
			sum += events;
	}
	return sum;
}

static int unload_remove(struct kmod_module *module)
{
	uint64_t open;
	int err;

	err = kmod_module_remove_module(module, 0);
	switch (-err) {
	case 0:
		puts("perfring: unloaded");
		return CLI_OK;
	case EWOULDBLOCK:
	case EBUSY:
		open = load_descriptors();
		cli_error("unload: in use by %llu open descriptor%s of /dev/perfringN; close %s first",
			  (unsigned long long)open, open == 1 ? "" : "s", open == 1 ? "it" : "them");
		return CLI_FAIL;
	case ENOSYS:
		cli_error("unload: this kernel has no loadable modules");
		return CLI_FAIL;
	case ENOENT:
		cli_error("unload: the module is not loaded");
		return CLI_FAIL;
	case EPERM:
		cli_error("unload: only root, with CAP_SYS_MODULE, may remove modules%s",
			  geteuid() ? "" : "; kernel.modules_disabled may be set");
		return CLI_FAIL;
	default:
		cli_error("unload: %s", strerror(-err));
		return CLI_FAIL;
	}
}

static int unload_command(int argc, char **argv)
{
	struct kmod_module *module;
	struct cli_words words;
	struct kmod_ctx *ctx;
	int status, err;

	status = cli_options(&cli_unload, argc, argv, NULL, &words);
	if (status)
		return status;
	status = CLI_FAIL;
	ctx = load_context();
	if (!ctx)
		return CLI_FAIL;
	err = kmod_module_new_from_name(ctx, "perfring", &module);
	if (err) {
		cli_error("unload: %s", strerror(-err));
	} else {
		status = unload_remove(module);
		kmod_module_unref(module);
	}
	kmod_unref(ctx);
	return status;
}

const struct cli_command cli_unload = {
	.name = "unload", .usage = "", .about = "remove the module\n", .run = unload_command,
};
