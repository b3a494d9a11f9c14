#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# model.sh: check the models of the ring's protocol in selftests/model:
#
#   ring.pml   by spin: all interleavings of the counts below, which have to be right,
#              and then each planted fault, which has to be found
#   *.litmus   by herd7, where it is at hand, with the kernel's memory model (LKMM=, by
#              default that of Debian's linux-source): what may not be, is not
#
# O= where to build. The status is 0 when all was as it has to be.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
out=$O/model
passed=0 failed=0 skipped=0
selftests/setup.sh model
rm -rf "$out"
mkdir -p "$out"

# check NAME right|MISTAKE -DMACRO...: what spin says of all interleavings.
check()
{
	local name=$1 wanted=$2 dir found states begin=$SECONDS
	dir=$out/${name// /-}
	shift 2
	mkdir "$dir"
	(
		cd "$dir"
		spin -a "$@" "$OLDPWD/selftests/model/ring.pml" >spin.log 2>&1
		# provided clauses and partial order reduction do not go together.
		gcc -O2 -w -DSAFETY -DNOREDUCE -DCOLLAPSE -DMEMLIM=4000 -o pan pan.c
		./pan -m1000000 >pan.log 2>&1
	)
	# The mistake it ended at; without one, and without a count of none, it has said nothing.
	found=$(sed -n 's/^pan:1: \(.*\) (at depth [0-9]*)$/\1/p' "$dir/pan.log")
	[ -z "$found" ] && grep -q 'errors: 0' "$dir/pan.log" && found=right
	# An exhausted memory or depth has proved nothing.
	grep -qE 'max search depth too small|out of memory|Search not completed' "$dir/pan.log" &&
		[ "$found" = right ] && found='not searched whole'
	states=$(awk '/states, stored/ { print $1 }' "$dir/pan.log")
	if [ "$found" = "$wanted" ]; then
		passed=$((passed + 1))
		echo "  ok      $name: $found, ${states:-0} states, $((SECONDS - begin)) s"
	else
		failed=$((failed + 1))
		echo "  FAIL    $name: ${found:-nothing}, not $wanted; see $dir/pan.log"
	fi
}

# fault NAME ASSERTION -DMACRO...: that it is found, and by what it breaks: a model that
# stands still, or breaks something else, has not shown that the fault matters. The
# assertion is one of ring.pml, as spin writes it.
fault()
{
	local name=$1 assertion=$2

	shift 2
	check "fault $name" "assertion violated ($assertion)" "-D$name" "$@"
}

# Records of task, hardirq, NMI; losses that are not reported when it begins.
check 'two levels' right -DCOUNT0=2 -DCOUNT1=2 -DCOUNT2=0
check 'two levels, losses due' right -DCOUNT0=2 -DCOUNT1=1 -DCOUNT2=0 -DOWED=1
check 'three levels' right -DCOUNT0=1 -DCOUNT1=1 -DCOUNT2=1
few=(-DCOUNT0=2 -DCOUNT1=1 -DCOUNT2=0)
# The reader has a torn record, or one that changes under it.
fault NO_A 'value!=255' "${few[@]}"
fault NO_B 'value!=255' "${few[@]}"
fault NO_C 'value==slot[(tail&3)]' "${few[@]}"
# A record is written over by another one; one is never published; the head goes back.
fault NO_CMPXCHG 'seen==written' "${few[@]}"
fault NO_AGAIN 'data_head==head' "${few[@]}"
fault LATE_HEAD '((h-data_head)&15)<=3' "${few[@]}"
# Nobody tells the reader of the last record.
fault LATE_WAKEUP 'tail==head' -DCOUNT0=2 -DCOUNT1=2 -DCOUNT2=0
# A record that is being read has to be overtaken by a lap.
for name in NO_D FULL; do
	fault "$name" 'value==slot[(tail&3)]' -DCOUNT0=3 -DCOUNT1=2 -DCOUNT2=0
done
# Losses are told of twice, or never.
fault NO_XCHG '(told+lost)==(1+losses)' -DCOUNT0=1 -DCOUNT1=1 -DCOUNT2=0 -DOWED=1

lkmm=${LKMM:-}
if [ -z "$lkmm" ] && command -v herd7 >/dev/null; then
	lkmm=$(selftests/vm/kernel.sh memory-model)/tools/memory-model
fi
for litmus in selftests/model/*.litmus; do
	name=$(basename "$litmus")
	if ! command -v herd7 >/dev/null; then
		skipped=$((skipped + 1))
		echo "  SKIP    $name: no herd7 (herdtools7, which Debian 12 does not have)"
		continue
	fi
	wanted=$(sed -n 's/^ \* Result: //p' "$litmus")
	found=$(cd "$lkmm" && herd7 -conf linux-kernel.cfg "$OLDPWD/$litmus" |
		sed -n 's/^Observation [^ ]* \([A-Z][a-z]*\) .*/\1/p')
	if [ "$found" = "$wanted" ]; then
		passed=$((passed + 1))
		echo "  ok      $name: $found"
	else
		failed=$((failed + 1))
		echo "  FAIL    $name: ${found:-nothing}, not $wanted"
	fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
