# SPDX-License-Identifier: GPL-2.0
#
# Makes of core.h one whose mistakes twin_shrink_test.c switches on by number, to
# see that the twins find each and that what is left of the sequence is short.
# The Makefile counts that every line here found its place.

/^#define PERFRING_CORE_H/a extern int twin_mutation;

# 1: a ring is filled to the last byte
s/free = (tail - head - 1) & c->mask/free = (tail - head - (twin_mutation != 1)) \& c->mask/
# 2: the same, backward
s/free = (head - tail - 1) & c->mask/free = (head - tail - (twin_mutation != 2)) \& c->mask/
# 3: the watermark is reached one byte early
s/> (long)c->watermark;/> (long)c->watermark - (twin_mutation == 3);/
# 4: losses are told again in the next LOST record
s/= perfring_local_xchg(&c->lost, 0)/= twin_mutation == 4 ? perfring_local_read(\&c->lost) : perfring_local_xchg(\&c->lost, 0)/
# 5: room for a LOST record is not asked for
s/^\t\tsize += lost_size;/\t\tsize += twin_mutation == 5 ? 0 : lost_size;/
# 6: one sample more before wakeup_events are reached
s/, 1) >= wakeup_events)/, 1) >= wakeup_events + (twin_mutation == 6))/
# 7: positions of a backward ring are not turned for the watermark
s/^\t\thead = -head;/\t\thead = twin_mutation == 7 ? head : -head;/
# 8: what lies across the end goes on at the 9th byte
s/h->pos += chunk;/h->pos += chunk + (twin_mutation == 8 \&\& chunk < len ? 8 : 0);/
