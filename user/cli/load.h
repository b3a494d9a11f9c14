/* SPDX-License-Identifier: MIT */
/* What load.c needs to explain what it does. */
#ifndef PERFRING_CLI_LOAD_H
#define PERFRING_CLI_LOAD_H

#include <libkmod.h>

/* From a module's modinfo; strings are its own. */
struct load_info {
	const char *path;		/* NULL: the installed one */
	char *vermagic;
	char *depends;
	char **param;			/* "name:what it is" */
	size_t nr_params;
};

/* load_explain.c */
int load_info_get(const struct kmod_module *module, const char *path, struct load_info *info);
void load_info_free(struct load_info *info);

/* The kernel ignores a parameter that it does not know; here it is an error. */
int load_check_params(const struct load_info *info, int argc, char **argv);

/* Why the kernel did not take it; @err is positive. */
void load_explain(const struct load_info *info, int err, const char *options);
void load_not_installed(void);

/* The kernel's messages from now on: a descriptor or -1; then those that are ours. */
int load_log_open(void);
void load_log_show(int log);

/* Wait until each device has its node, and say what is there. */
int load_wait_devices(void);

#endif /* PERFRING_CLI_LOAD_H */
