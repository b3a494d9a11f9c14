// SPDX-License-Identifier: MIT
/* What a module is, why it was not taken, and what there is once it was. */
#include "cli.h"
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define LOAD_WAIT_NS	(5 * CLI_NS)

static int load_info_add(struct load_info *info, const char *key, const char *value)
{
	char **more;

	if (!strcmp(key, "vermagic") && !info->vermagic) {
		info->vermagic = strdup(value);
		return info->vermagic ? 0 : -ENOMEM;
	}
	if (!strcmp(key, "depends") && !info->depends) {
		info->depends = strdup(value);
		return info->depends ? 0 : -ENOMEM;
	}
	if (strcmp(key, "parm") != 0)
		return 0;
	more = realloc(info->param, (info->nr_params + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	info->param = more;
	info->param[info->nr_params] = strdup(value);
	return info->param[info->nr_params++] ? 0 : -ENOMEM;
}

int load_info_get(const struct kmod_module *module, const char *path, struct load_info *info)
{
	struct kmod_list *list = NULL, *entry;
	int err;

	info->path = path;
	err = kmod_module_get_info(module, &list);
	if (err >= 0) {
		err = 0;
		kmod_list_foreach(entry, list) {
			err = load_info_add(info, kmod_module_info_get_key(entry),
					    kmod_module_info_get_value(entry));
			if (err)
				break;
		}
	}
	kmod_module_info_free_list(list);
	if (!err && !info->depends)
		info->depends = strdup("");
	if (!err && info->vermagic && info->depends)
		return CLI_OK;
	if (!err || err == -ENOEXEC || err == -EINVAL)
		cli_error("%s: not a kernel module", path ? path : kmod_module_get_path(module));
	else
		cli_error("%s: %s", path ? path : kmod_module_get_path(module), strerror(-err));
	return CLI_FAIL;
}

void load_info_free(struct load_info *info)
{
	for (size_t i = 0; i < info->nr_params; i++)
		free(info->param[i]);
	free(info->param);
	free(info->vermagic);
	free(info->depends);
}

static void load_params_show(const struct load_info *info)
{
	fputs("  parameters:\n", stderr);
	for (size_t i = 0; i < info->nr_params; i++) {
		int len = (int)strcspn(info->param[i], ":");

		fprintf(stderr, "    %-10.*s %s\n", len, info->param[i],
			info->param[i][len] ? info->param[i] + len + 1 : "");
	}
}

static bool load_param_known(const struct load_info *info, const char *name, size_t len)
{
	/* The kernel takes this one for every module. */
	if (len == 6 && !strncmp(name, "dyndbg", len))
		return true;
	for (size_t i = 0; i < info->nr_params; i++)
		if (!strncmp(info->param[i], name, len) && info->param[i][len] == ':')
			return true;
	return false;
}

int load_check_params(const struct load_info *info, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		size_t len = strcspn(argv[i], "=");

		if (load_param_known(info, argv[i], len))
			continue;
		cli_error("load: '%.*s' is not a parameter of the module", (int)len, argv[i]);
		load_params_show(info);
		return CLI_USAGE;
	}
	return CLI_OK;
}

static void load_explain_kernel(const struct load_info *info)
{
	struct utsname name;
	const char *release = uname(&name) ? "?" : name.release;
	size_t len = strcspn(info->vermagic, " ");

	if (strlen(release) == len && !strncmp(release, info->vermagic, len))
		cli_error("load: the kernel refuses the module's format");
	else
		cli_error("load: the module was built for another kernel; build it with KDIR=/lib/modules/%s/build",
			  release);
	fprintf(stderr, "  module   %s\n  running  %s\n", info->vermagic, release);
}

static void load_explain_permission(void)
{
	char lockdown[128], disabled[8];

	if (geteuid() != 0) {
		cli_error("load: only root, with CAP_SYS_MODULE, may insert modules");
		return;
	}
	if (!cli_read_text("/proc/sys/kernel/modules_disabled", disabled, sizeof(disabled)) &&
	    !strcmp(disabled, "1"))
		cli_error("load: kernel.modules_disabled is 1: no module can be loaded until the next boot");
	else if (!cli_read_text("/sys/kernel/security/lockdown", lockdown, sizeof(lockdown)) &&
		 !strstr(lockdown, "[none]"))
		cli_error("load: kernel lockdown (%s) wants a signed module", lockdown);
	else
		cli_error("load: not permitted: no CAP_SYS_MODULE (in a container?)");
}

void load_not_installed(void)
{
	struct utsname name;

	cli_error("load: no module perfring in /lib/modules/%s; name its file with --module FILE or $PERFRING_MODULE",
		  uname(&name) ? "?" : name.release);
}

void load_explain(const struct load_info *info, int err, const char *options)
{
	switch (err) {
	case EEXIST:
		cli_error("load: the module is already loaded; perfring unload removes it");
		break;
	case EINVAL:
		cli_error("load: the kernel refuses the parameters '%s'", options);
		load_params_show(info);
		break;
	case ENOEXEC:
		load_explain_kernel(info);
		break;
	case EPERM:
	case EACCES:
		load_explain_permission();
		break;
	case EKEYREJECTED:
	case ENOKEY:
		cli_error("load: this kernel only takes signed modules: %s", strerror(err));
		break;
	case ENOENT:
		cli_error("load: a symbol that the module needs is not in the kernel");
		break;
	case ENOSYS:
		cli_error("load: this kernel has no loadable modules");
		break;
	default:
		cli_error("load: %s", strerror(err));
	}
}

/* A descriptor of /dev/kmsg that stands at the end. */
int load_log_open(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log >= 0)
		lseek(log, 0, SEEK_END);
	return log;
}

void load_log_show(int log)
{
	char record[2048], *text, *end;
	ssize_t got;

	while (log >= 0) {
		got = read(log, record, sizeof(record) - 1);
		if (got < 0 && errno == EPIPE)
			continue;
		if (got <= 0)
			return;
		/* "priority,sequence,time,flags;text\n", then lines of keys */
		record[got] = '\0';
		text = strchr(record, ';');
		if (!text)
			continue;
		end = strchr(text, '\n');
		if (end)
			*end = '\0';
		if (strstr(text, "perfring"))
			fprintf(stderr, "  the kernel says: %s\n", text + 1);
	}
}

/* How many devices there are, and how many have no node yet. */
static unsigned int load_devices(unsigned int *missing)
{
	unsigned int nr = 0;
	char path[64];

	*missing = 0;
	for (;; nr++) {
		snprintf(path, sizeof(path), CLI_CLASS "/perfring%u", nr);
		if (access(path, F_OK))
			return nr;
		snprintf(path, sizeof(path), "/dev/perfring%u", nr);
		if (access(path, F_OK))
			++*missing;
	}
}

int load_wait_devices(void)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	uint64_t deadline = cli_now() + LOAD_WAIT_NS;
	unsigned int nr, missing;
	char mode[16] = "?", type[16] = "?";

	for (;;) {
		nr = load_devices(&missing);
		if (nr && !missing)
			break;
		if (cli_now() > deadline) {
			cli_error("load: %u of %u devices have no node in /dev; is devtmpfs mounted there, or udev running?",
				  missing, nr);
			return CLI_FAIL;
		}
		nanosleep(&pause, NULL);
	}
	cli_read_text("/sys/module/perfring/parameters/mode", mode, sizeof(mode));
	cli_read_text("/sys/bus/event_source/devices/perfring/type", type, sizeof(type));
	printf("perfring: loaded, /dev/perfring%s%.0u (mode %s), PMU perfring of type %s\n",
	       nr > 1 ? "0-" : "0", nr > 1 ? nr - 1 : 0, mode, type);
	return CLI_OK;
}
