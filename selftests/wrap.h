/* SPDX-License-Identifier: GPL-2.0 */
/* For programs that take the place of calls of the library's, by the linker's --wrap. */
#ifndef SELFTESTS_WRAP_H
#define SELFTESTS_WRAP_H

/* What stands for a call, and the call itself. */
#define DECLARE(type, name, parameters)						\
	type __real_##name parameters;						\
	type __wrap_##name parameters

#endif /* SELFTESTS_WRAP_H */
