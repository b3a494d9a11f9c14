#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch.sh i386|arm64|arm64-16k|s390x: library, module and tests built for another machine, and
# all tests run in a virtual one with Debian's kernel and user space for it:
#
#   i386       6.1, 686-pae: positions and pointers of 32 bits
#   arm64      6.12, pages of 4 KiB      arm64-16k   6.12, pages of 16 KiB
#   s390x      6.1: big endian
#
# O= where to build: in a folder of that name below it. PERFRING_SLOWNESS= as in check.sh.
# The last line and the status are those of check.sh.
set -euo pipefail

cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR source=vm/machine.sh
. selftests/vm/machine.sh
case " $machine_names " in
*" ${1:-} "*) ;;
*)
	echo "arch.sh: no machine '${1:-}' (ARCH= is one of: $machine_names)" >&2
	exit 2
	;;
esac
machine "$1"
selftests/setup.sh "$machine"
export O=${O:-$PWD/.build}/$1
# It is always emulated, and slower than this machine's kind: some instructions are interrupted.
export PERFRING_SLOWNESS=${PERFRING_SLOWNESS:-2} PERFRING_NEST_STRIDE=${PERFRING_NEST_STRIDE:-160}
stages=vm-$machine_kernel
only=" ${PERFRING_ONLY:-count_pmu_test} "
[[ $1 != arm64 || $only != *" count_pmu_test "* ]] || stages+=" icount-$machine_kernel"
MACHINE=$1 KERNEL=$machine_kernel STAGES=${STAGES:-$stages} LANES=1 HOST='' exec selftests/check.sh
