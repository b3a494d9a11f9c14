#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench_guest.sh [KERNEL]: what a record costs writers in the kernel (6.12), in
# instructions, as lines "WRITER room|full COST". See guest_bench.c.
#
# The guest counts instructions (ACCEL=icount in vm/run.sh), so that the figures
# are the same on every machine and in every run.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
kernel=${1:-6.12}
dir=$(selftests/vm/kernel.sh "$kernel")
ksft=$(selftests/vm/kernel.sh source)/tools/testing/selftests

{
	make --no-print-directory "-j$(nproc)" O="$O" modules KDIR="$dir/build"
	make -C selftests --no-print-directory KSFT="$ksft" O="$O/selftests" USER_O="$O/user" \
		SAN= "$O/selftests/guest_bench"
} >&2
PERFRING_MODULE=$O/kmod-$(<"$dir/release")/kmod/perfring.ko
export PERFRING_MODULE
ACCEL=icount SILENCE=120 selftests/vm/run.sh --kernel "$kernel" -- \
	"$O/selftests/guest_bench" "$O/selftests/bench.bpf.o"
