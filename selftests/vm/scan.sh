#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scan.sh FILE: look through a kernel log for what a good run never prints.
# Prints the lines with what follows them and returns 1 when there are any.
set -euo pipefail

bad='WARNING:|BUG:|Oops|kernel BUG at|Kernel panic|general protection|Call Trace'
bad+='|possible circular locking|possible recursive locking|inconsistent lock state'
bad+='|INFO: possible|INFO: trying to register|suspicious RCU usage'
bad+='|detected stalls|self-detected stall|rcu_.*kthread starved'
bad+='|soft lockup|hard LOCKUP|blocked for more than [0-9]+ seconds'
bad+='|KASAN|KCSAN|KMSAN|KFENCE: |UBSAN|unreferenced object|suspected memory leaks'
bad+='|refcount_t:|list_(add|del) corruption|usercopy: |sleeping function called'
bad+='|scheduling while atomic|unable to handle|stack-protector:|double fault'

# Said by a healthy kernel. Each line is one exact message, with its reason.
good='^$'
# KFENCE announces itself at boot.
good+='|kfence: initialized'

found=$(grep -nE "$bad" "$1" | grep -vE "$good" | head -n 1 | cut -d: -f1) || true
[ -n "$found" ] || exit 0
tail -n "+$((found > 2 ? found - 2 : 1))" "$1" | head -n 30
exit 1
