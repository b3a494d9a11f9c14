#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# planted.sh MODULE BUG... [-- PROGRAM [ARG]...]: in a guest, make each mistake of
# planted.ko, and see that the kernel reports it and that scan.sh takes it for a report.
# Prints as a kselftest.
#
# Then PROGRAM, of which nothing may be reported: what lockdep must have been turned off
# for by a mistake before.
#
# "none", which is to be reported by nobody, always comes first. A report that a debug
# kernel makes once only (lockdep turns itself off at the first of any kind) has to
# come before others.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
module=${1:?usage: planted.sh MODULE BUG... [-- PROGRAM [ARG]...]}
shift
bugs=(none)
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	bugs+=("$1")
	shift
done
[ $# -eq 0 ] || shift

declare -A report=(
	[slab_overflow]='BUG: KASAN: slab-out-of-bounds in plant_slab_overflow'
	[use_after_free]='BUG: KASAN: slab-use-after-free in plant_use_after_free'
	[vmalloc_overflow]='BUG: KASAN: vmalloc-out-of-bounds in plant_vmalloc_overflow'
	[leak]='unreferenced object 0x[0-9a-f]* \(size 64\)'
	[lock_inversion]='WARNING: possible circular locking dependency detected'
	[irq_unsafe_lock]='WARNING: inconsistent lock state'
	[atomic_sleep]='BUG: sleeping function called from invalid context'
	[atomic_schedule]='BUG: scheduling while atomic: insmod'
	[preemptible_cpu]='BUG: using smp_processor_id\(\) in preemptible'
	[shift]='UBSAN: shift-out-of-bounds in .*planted'
	[bounds]='UBSAN: array-index-out-of-bounds in .*planted'
	[list]='list_add corruption'
	[object]='ODEBUG: free active'
	[race]='BUG: KCSAN: data-race in racer'
)

clear_log()
{
	dmesg -C
	# run.sh wants to know why the beginning is not there.
	echo 'planted: log cleared' >/dev/kmsg
}

log=$(mktemp)
number=0 failed=0
result()
{
	number=$((number + 1))
	[ -z "$2" ] || { sed 's/^/# /' "$log" | tail -n 40 && failed=$((failed + 1)); }
	echo "${2:+not }ok $number $1${2:+: $2}"
}

echo "TAP version 13"
echo "1..$((${#bugs[@]} + ($# > 0)))"
for bug in "${bugs[@]}"; do
	clear_log
	if ! insmod "$module" "bug=$bug"; then
		result "$bug" "the module cannot be loaded"
		continue
	fi
	rmmod planted
	: >"$log.leaks"
	case $bug in
	none | leak) "$here/vm/leaks.sh" >"$log.leaks" ;;
	esac
	{ dmesg && cat "$log.leaks"; } >"$log"
	reported=1 why=
	"$here/vm/scan.sh" "$log" >/dev/null && reported=
	if [ "$bug" = none ]; then
		why=${reported:+something is reported}
	elif [ -z "$reported" ]; then
		why='nobody has reported it'
	elif ! grep -qE "${report[$bug]}" "$log"; then
		why="another report than '${report[$bug]}'"
	fi
	result "$bug" "$why"
done
if [ $# -gt 0 ]; then
	clear_log
	why=
	"$@" >"$log" 2>&1 || why="ended with status $?"
	if grep -q '# SKIP' "$log"; then
		why='a part is skipped'
	fi
	"$here/vm/leaks.sh" >"$log.leaks"
	{ dmesg && cat "$log.leaks"; } >"$log.dmesg"
	"$here/vm/scan.sh" "$log.dmesg" >>"$log" || why="${why:+$why; }something is reported"
	sed 's/^/# /' "$log"
	: >"$log"
	result "$(basename "$1")" "$why"
fi
[ "$failed" -eq 0 ]
