/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the two halves of perfring_nest.ko: perfring_nest_main.c, which interrupts, and
 * perfring_nest_outer.c, which writes what is interrupted.
 */
#ifndef PERFRING_NEST_OUTER_H
#define PERFRING_NEST_OUTER_H

#include "perfring.h"
#include "perfring_nest.h"
#include "perfring_output.h"

/* The longest payload. */
#define NEST_LEN	65536

struct nest_point;

extern struct perfring_client nest_client;

/* The event that is looked at. */
extern struct perfring_event *nest_event;

/* The write that runs, on nest_cpu alone, and where it is interrupted. */
extern struct nest_write nest_run;
extern struct nest_point *nest_armed, *nest_trigger;
extern int nest_cpu;

u64 nest_head(void);

void nest_fill(u8 *to, u32 number, u32 inner, u32 len);

/* One sample of nest_event's; > 0 when it is in its ring. */
int nest_sample(const void *data, u32 len);

/* The outer record, where it is to be written: on this CPU, on which the caller stays. */
void nest_outer_write(void);

int nest_outer_init(void);
void nest_outer_exit(void);

#endif /* PERFRING_NEST_OUTER_H */
