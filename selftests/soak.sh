#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# soak.sh: many random steps of the twins, and as many random calls on the devices, in a
# virtual machine for each kernel, all kernels at the same time.
#
# STEPS= how many (1000000), SEED= which (default: the time), KERNEL= which
# kernels, O= where to build. Logs are left in $O/logs/soak-*.log. The status is
# 0 when no twin differed, else the log ends with a sequence to replay, and when nobody
# noticed the calls.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
logs=$O/logs
kernels=${KERNEL:-6.1 6.12}
export PERFRING_TWIN_STEPS=${STEPS:-1000000}
export PERFRING_TWIN_SEED=${SEED:-$(date +%s)}
export PERFRING_FUZZ_CALLS=$PERFRING_TWIN_STEPS PERFRING_FUZZ_SEED=$PERFRING_TWIN_SEED

soak()
{
	local kernel=$1 dir start=$SECONDS status=0
	dir=$(selftests/vm/kernel.sh "$kernel")
	PERFRING_MODULE=$O/kmod-$(<"$dir/release")/kmod/perfring.ko
	export PERFRING_MODULE
	# Four milliseconds a step and a call, ten times what an emulated guest takes.
	# shellcheck disable=SC2016 # expanded in the guest
	selftests/vm/run.sh --kernel "$kernel" --log "$logs/soak-$kernel.console" \
		--timeout $((300 + PERFRING_TWIN_STEPS / 125)) -- \
		sh -c '"$1/twin_test" -v device && "$1/fuzz_device_test"' sh "$O/selftests" 2>&1 |
		tee "$logs/soak-$kernel.log" | sed -u "s/^/$kernel: /" || status=$?
	echo "$kernel: $([ "$status" -eq 0 ] && echo passed || echo "failed, status $status")," \
		"seed $PERFRING_TWIN_SEED, $PERFRING_TWIN_STEPS steps, $((SECONDS - start)) s" |
		tee -a "$logs/soak-$kernel.log"
	return "$status"
}

# shellcheck disable=SC2086
selftests/build.sh "$logs/soak-build.log" $kernels

pids=() status=0
for kernel in $kernels; do
	soak "$kernel" &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid" || status=1
done
exit "$status"
