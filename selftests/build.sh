#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build.sh LOG KERNEL...: set up, fetch these kernels, and build the library, the
# tests, and the module for each kernel; "host" is the running one. What was built
# goes to LOG, and its end to stderr when that fails.
#
# SANS="asan tsan": library and tests under these sanitizers too. MACHINE=i386: for that
# machine, see arch.sh. O= where to build.
set -euo pipefail

cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR source=vm/machine.sh
. selftests/vm/machine.sh
O=${O:-$PWD/.build}
log=${1:?usage: build.sh LOG KERNEL...}
kernels=("${@:2}")
begin=$SECONDS

build()
{
	local san kernel kdir
	for san in '' ${SANS:-}; do
		make -C user --no-print-directory "-j$(nproc)" O="$O/user${san:+-$san}" SAN="$san" \
			"${cross[@]}" all
		make -C selftests --no-print-directory "-j$(nproc)" KSFT="$ksft" \
			O="$O/selftests${san:+-$san}" USER_O="$O/user${san:+-$san}" SAN="$san" \
			"${cross[@]}" all
	done
	for kernel in "${kernels[@]}"; do
		kdir=()
		[ "$kernel" = host ] || kdir=("KDIR=$(selftests/vm/kernel.sh "$kernel")/build")
		make --no-print-directory "-j$(nproc)" O="$O" modules "${kdir[@]}" \
			${triplet:+"CROSS_COMPILE=$triplet-"}
	done
}

selftests/setup.sh check
machine_cross "${MACHINE:-}"
ksft=$(selftests/vm/kernel.sh source)/tools/testing/selftests
for kernel in "${kernels[@]}"; do
	[ "$kernel" = host ] || selftests/vm/kernel.sh "$kernel" >/dev/null
done
mkdir -p "$(dirname "$log")"
echo "  BUILD   library, tests${SANS:+, sanitizers}, modules"
# In the background, because "if" would switch off -e in it.
build >"$log" 2>&1 &
if ! wait $!; then
	tail -n 40 "$log" >&2
	echo "build.sh: the build failed, see $log" >&2
	exit 1
fi
echo "  DONE    build: $((SECONDS - begin)) s"
