#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# btf.sh KERNEL: the types of a kernel of another machine (kernel.sh), which programs in BPF
# are built with. It is booted for them once, because it alone has them in one piece.
#
# Prints the file, which stays beside the kernel; nothing when the kernel was built without.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
kernel=${1:?usage: btf.sh KERNEL}
kdir=$("$here/kernel.sh" "$kernel")
grep -q '^CONFIG_DEBUG_INFO_BTF=y' "$kdir"/boot/config-* || exit 0
if [ ! -s "$kdir/btf" ]; then
	echo "  BOOT    $kernel, for its types" >&2
	"$here/run.sh" --kernel "$kernel" -- cat /sys/kernel/btf/vmlinux >"$kdir/btf.$$"
	mv "$kdir/btf.$$" "$kdir/btf"
fi
echo "$kdir/btf"
