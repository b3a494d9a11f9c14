/* SPDX-License-Identifier: GPL-2.0 */
/* The functions of a module, as its file has them. */
#ifndef SELFTESTS_MODULE_CODE_H
#define SELFTESTS_MODULE_CODE_H

#include <stddef.h>
#include <stdint.h>

struct module_function {
	const char *name;
	const char *section;
	size_t section_size;
	uint64_t offset;		/* in the section */
	size_t size;
	const unsigned char *code;	/* there as long as @each runs */
};

/*
 * Calls @each for the functions of $PERFRING_MODULE until it returns something else than 0.
 * Returns that, 0 after the last one, or -errno: -ENOEXEC when it is no module.
 */
int module_functions(int (*each)(const struct module_function *function, void *context),
		     void *context);

#endif /* SELFTESTS_MODULE_CODE_H */
