/* SPDX-License-Identifier: MIT */
/* What bench.c and measure.c hand to report.c. */
#ifndef PERFRING_BENCH_REPORT_H
#define PERFRING_BENCH_REPORT_H

#include "bench.h"

/* From the linker, see BENCH() */
extern const struct bench_case *const __start_bench_cases[];
extern const struct bench_case *const __stop_bench_cases[];

/* Everything is written below @folder. */
int report_begin(const char *folder);
void report_case(const struct bench_case *what);
void report_row(const char *what, const struct bench_run *run);
/* Tables and pictures; how many verdicts were not ok. */
int report_end(void);

/* step.c: instructions of one operation, or -errno */
double step_count(const struct bench_run *run);

#endif /* PERFRING_BENCH_REPORT_H */
