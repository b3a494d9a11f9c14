#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scan.sh FILE: look through a kernel log for what a good run never prints.
# Prints the lines with what follows them and returns 1 when there are any.
#
# A data race counts when a module has a part in it, be it as a caller: the kernel has
# many races of its own, which are not for us to mend. What an interrupt does is not done
# for the code that it came upon.
set -euo pipefail

# Machines differ in capitals (arm64: "Call trace:", "Unable to handle").
bad='WARNING:|BUG:|Oops|kernel BUG at|Kernel panic|general protection|[Cc]all [Tt]race'
bad+='|possible circular locking|possible recursive locking|inconsistent lock state'
bad+='|INFO: possible|INFO: trying to register|suspicious RCU usage'
bad+='|detected stalls|self-detected stall|rcu_.*kthread starved'
bad+='|soft lockup|hard LOCKUP|blocked for more than [0-9]+ seconds'
bad+='|KASAN|KCSAN|KMSAN|KFENCE: |UBSAN|unreferenced object|suspected memory leaks'
bad+='|kmemleak: (Cannot allocate a kmemleak_object|Kernel memory leak detector disabled)'
bad+='|refcount_t:|list_(add|del) corruption|usercopy: |sleeping function called'
bad+='|scheduling while atomic|[Uu]nable to handle|stack-protector:|double fault'
# The allocator, of one of its caches: no colon.
bad+='|BUG [^ ]+ [(](Not t|T)ainted'

# Said by a healthy kernel. Each line is one exact message, with its reason.
good='^$'
# KFENCE announces itself at boot.
good+='|kfence: initialized'
# poll(2) looks without a lock whether it was woken, then at all descriptors again:
# fs/select.c, whoever wakes.
good+='|KCSAN: data-race in poll_schedule_timeout[^ ]* / pollwake$'
# A kprobe is switched under a mutex and its flag looked at without, when two share a
# place: the kernel's own, whoever switches.
good+='|KCSAN: data-race in (__disable_kprobe / (aggr|opt)_pre_handler'
good+='|aggr_pre_handler / enable_kprobe|enable_kprobe / opt_pre_handler)$'

# shellcheck disable=SC2016 # awk's own
# The kernel's own data races, from one line of "=" to the next, become empty lines.
own_races='
	function flush(keep,	i) {
		for (i = 0; i < n; i++)
			print keep ? line[i] : ""
		n = race = module = below = 0
	}
	n && /==========$/ { line[n++] = $0; flush(!race || module); next }
	/==========$/ { line[n++] = $0; next }
	n == 1 && /BUG: KCSAN: / { race = 1; line[n++] = $0; next }
	n && !race { flush(1) }
	n {
		line[n++] = $0
		if (/\] *$/ && !/[+]0x/)
			below = 0
		if (!below && /[+]0x.*\[[a-z_]+\]/)
			module = 1
		if (/ asm_(sysvec_|common_interrupt|exc_nmi)/)
			below = 1
		next
	}
	{ print }
	END { flush(1) }'
log=$(mktemp)
trap 'rm -f "$log"' EXIT
awk "$own_races" "$1" >"$log"

found=$(grep -nE "$bad" "$log" | grep -vE "$good" | head -n 1 | cut -d: -f1) || true
[ -n "$found" ] || exit 0
tail -n "+$((found > 2 ? found - 2 : 1))" "$log" | head -n 30
exit 1
