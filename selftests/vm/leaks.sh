#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# leaks.sh: scan for memory that nothing points to, where the kernel has kmemleak, and
# print what is found, which is nothing when all is well. For the guest.
leaks=/sys/kernel/debug/kmemleak
[ -w "$leaks" ] || exit 0
# What is younger than 5 s is left out of a scan, and what a register or a stack still
# points to by chance may have moved on by the second one.
sleep 6
# It may have turned itself off, for want of memory say.
scan()
{
	echo scan >"$leaks" || echo 'BUG: kmemleak does not scan'
}
scan
sleep 1
scan
cat "$leaks"
