/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTESTS_COVERAGE_H
#define SELFTESTS_COVERAGE_H

/* libgcov's, which has no header */
void __gcov_dump(void);

/* What ld --wrap=_exit makes of it. */
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

#endif /* SELFTESTS_COVERAGE_H */
