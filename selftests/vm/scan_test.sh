#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scan_test.sh: does scan.sh take for a report what kernels print of mistakes, and nothing
# of what they print otherwise? A line is a log of its own here, between two lines that say
# nothing; "\n" is the end of a line in it, "====" a line of them.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

reports=(
	'WARNING: CPU: 1 PID: 210 at kernel/events/core.c:5180 list_del_event+0x1d/0x20'
	'WARNING: possible circular locking dependency detected'
	'WARNING: possible recursive locking detected'
	'WARNING: inconsistent lock state'
	'WARNING: suspicious RCU usage'
	'BUG: KASAN: slab-use-after-free in perfring_write+0x51/0x90 [perfring]'
	'BUG: unable to handle page fault for address: ffffc90000a3f000'
	'BUG: kernel NULL pointer dereference, address: 0000000000000008'
	'BUG: Bad page state in process insmod  pfn:10a2e'
	'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!'
	'watchdog: BUG: soft lockup - CPU#0 stuck for 23s! [race_test:412]'
	'watchdog: Watchdog detected hard LOCKUP on cpu 1'
	'[ BUG: Invalid wait context ]'
	'Unable to handle kernel paging request at virtual address ffff80008123f000'
	'Unable to handle kernel pointer dereference in virtual kernel address space'
	'Internal error: Oops: 0000000096000047 [#1] SMP'
	'Oops: int3: 0000 [#1] PREEMPT SMP NOPTI'
	'kernel BUG at mm/slub.c:4025!'
	'Kernel panic - not syncing: Fatal exception in interrupt'
	'general protection fault, probably for non-canonical address 0xdead000000000100: 0000'
	'traps: PANIC: double fault, error_code: 0x0'
	'Call Trace:'
	'Call trace:'
	'INFO: trying to register non-static key.'
	'INFO: possible irq lock inversion dependency detected'
	'INFO: task race_test:412 blocked for more than 120 seconds.'
	'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:'
	'rcu: INFO: rcu_preempt self-detected stall on CPU'
	'rcu: rcu_preempt kthread starved for 5250 jiffies! g1205 f0x0 RCU_GP_WAIT_FQS(5)'
	'BUG kmalloc-64 (Tainted: G           OE     ): Poison overwritten'
	'BUG kmalloc-rnd-03-64 (Not tainted): Right Redzone overwritten'
	'BUG: KFENCE: out-of-bounds write in plant+0x5d/0xa0 [planted]'
	'UBSAN: shift-out-of-bounds in selftests/planted/planted.c:130:2'
	'unreferenced object 0xffff888104a3c2c0 (size 64):'
	'kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)'
	'kmemleak: Cannot allocate a kmemleak_object structure'
	'kmemleak: Kernel memory leak detector disabled'
	'refcount_t: underflow; use-after-free.'
	'list_add corruption. next->prev should be prev (ffff), but was 0000. (next=ffff).'
	'list_del corruption, ffff888104a3c2c0->next is LIST_POISON1 (dead000000000100)'
	'usercopy: Kernel memory exposure attempt detected from SLUB object (offset 0, size 8)!'
	'BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580'
	'BUG: scheduling while atomic: insmod/215/0x00000002'
	'stack-protector: Kernel stack is corrupted in: perfring_ioctl+0x1a/0x20 [perfring]'
	# A data race in which a module has a part.
	'====\n[ 1.0] BUG: KCSAN: data-race in a / b\n[ 1.0]  a+0x1/0x2 [perfring]\n[ 1.0] ===='
)

silence=(
	'kfence: initialized - using 2097152 bytes for 255 objects at 0x0000000000000000'
	'perfring: loaded, /dev/perfring0-1 (mode 0600), PMU perfring of type 9'
	'perfring: loading out-of-tree module taints kernel.'
	'debug: unmapping init memory'
	'kmemleak: Cannot allocate a scan area, scanning the full object'
	'====\n[ 1.0] BUG: KCSAN: data-race in a / b\n[ 1.0]  a+0x1/0x2\n[ 1.0] ===='
	'BUG: KCSAN: data-race in poll_schedule_timeout.constprop.0 / pollwake'
	'BUG: KCSAN: data-race in __disable_kprobe / aggr_pre_handler'
	'BUG: KCSAN: data-race in __disable_kprobe / opt_pre_handler'
	'BUG: KCSAN: data-race in aggr_pre_handler / enable_kprobe'
	'BUG: KCSAN: data-race in enable_kprobe / opt_pre_handler'
)

number=0 failed=0
# The texts $2... have to end scan.sh with status $1.
scanned()
{
	local want=$1 text status
	shift
	for text; do
		status=0
		printf '[    1.0] before\n[    1.0] %b\n[    1.0] after\n' \
			"${text//====/==================================================}" >"$log"
		"$here/scan.sh" "$log" >/dev/null || status=$?
		number=$((number + 1))
		if [ "$status" -eq "$want" ]; then
			echo "ok $number $text"
		else
			echo "not ok $number $text: $status, not $want"
			failed=$((failed + 1))
		fi
	done
}

echo "TAP version 13"
echo "1..$((${#reports[@]} + ${#silence[@]}))"
scanned 1 "${reports[@]}"
scanned 0 "${silence[@]}"
[ "$failed" -eq 0 ]
