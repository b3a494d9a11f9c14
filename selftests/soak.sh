#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# soak.sh: many random steps of the twins, in a virtual machine for each kernel, all
# kernels at the same time.
#
# STEPS= how many (1000000), SEED= which (default: the time), KERNEL= which
# kernels, O= where to build. Logs are left in $O/logs/soak-*.log. The status is
# 0 when no twin differed; else the log ends with a sequence to replay.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
logs=$O/logs
jobs=$(nproc)
kernels=${KERNEL:-6.1 6.12}
export PERFRING_TWIN_STEPS=${STEPS:-1000000}
export PERFRING_TWIN_SEED=${SEED:-$(date +%s)}

build()
{
	local kernel dir
	make -C user --no-print-directory "-j$jobs" O="$O/user" SAN= all
	make -C selftests --no-print-directory "-j$jobs" KSFT="$ksft" \
		O="$O/selftests" USER_O="$O/user" SAN= all
	for kernel in $kernels; do
		dir=$(selftests/vm/kernel.sh "$kernel")
		make --no-print-directory "-j$jobs" O="$O" modules KDIR="$dir/build"
	done
}

soak()
{
	local kernel=$1 dir start=$SECONDS status=0
	dir=$(selftests/vm/kernel.sh "$kernel")
	PERFRING_MODULE=$O/kmod-$(<"$dir/release")/kmod/perfring.ko
	export PERFRING_MODULE
	# Four milliseconds a step, ten times what an emulated guest takes.
	selftests/vm/run.sh --kernel "$kernel" --log "$logs/soak-$kernel.console" \
		--timeout $((300 + PERFRING_TWIN_STEPS / 250)) -- \
		"$O/selftests/twin_test" -v device 2>&1 |
		tee "$logs/soak-$kernel.log" | sed -u "s/^/$kernel: /" || status=$?
	echo "$kernel: $([ "$status" -eq 0 ] && echo passed || echo "failed, status $status")," \
		"seed $PERFRING_TWIN_SEED, $PERFRING_TWIN_STEPS steps, $((SECONDS - start)) s" |
		tee -a "$logs/soak-$kernel.log"
	return "$status"
}

selftests/setup.sh check
mkdir -p "$logs"
ksft=$(selftests/vm/kernel.sh source)/tools/testing/selftests
for kernel in $kernels; do
	selftests/vm/kernel.sh "$kernel" >/dev/null
done
echo "  BUILD   library, tests, modules"
# In the background, because "if" would switch off -e in it.
build >"$logs/soak-build.log" 2>&1 &
if ! wait $!; then
	tail -n 40 "$logs/soak-build.log"
	exit 1
fi

pids=() status=0
for kernel in $kernels; do
	soak "$kernel" &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid" || status=1
done
exit "$status"
