#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# soak.sh: what is better the longer it takes, in a virtual machine for each kernel, all
# kernels at the same time:
#
#   twin_test          STEPS= random steps of the twins (1000000)
#   fuzz_device_test   as many random calls on the devices
#   scribble_test      SOAK_SECONDS= of a control page that is scribbled over (600)
#   race_test          as long, everything at once
#   load_test          as long, RATE= records a second of each writer (1000), two on each CPU,
#                      of which SHARE= per cent (90) have to be read or told as lost
#   loader_test        ROUNDS= of loading and unloading (200)
#
# On 6.12-kasan, which is many times slower, race_test and fuzz_device_test as above, and what
# check-debug has in part there:
#
#   fault_test         each allocation of each call fails once, loading's too, without a stride
#   conformance_test   all rows
#
# TESTS= only these, SEED= which steps and calls (default: the time), KERNEL= which kernels
# (6.1 6.12 6.12-kasan), SLOWNESS= how many times longer a test may take than usual (3; KASAN
# 10), O= where to build. Logs are left in $O/logs/soak-*.log. The status
# is 0 when all of them passed; a twin that differed ends the log with a sequence to replay.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
logs=$O/logs
kernels=${KERNEL:-6.1 6.12 6.12-kasan}
steps=${STEPS:-1000000}
seed=${SEED:-$(date +%s)}
length=${SOAK_SECONDS:-600}
rounds=${ROUNDS:-200}
export PERFRING_TWIN_STEPS=$steps PERFRING_TWIN_SEED=$seed
export PERFRING_FUZZ_CALLS=$steps PERFRING_FUZZ_SEED=$seed
export PERFRING_SCRIBBLE_SECONDS=$length PERFRING_SCRIBBLE_SEED=$seed
export PERFRING_RACE_SECONDS=$length PERFRING_RACE_SEED=$seed
export PERFRING_LOAD_SECONDS=$length PERFRING_LOAD_RATE=${RATE:-1000}
export PERFRING_LOAD_SHARE=${SHARE:-90}
export PERFRING_LOADER_ROUNDS=$rounds

soak()
{
	local kernel=$1 dir start=$SECONDS status=0 slowness=3
	local tests='twin_test fuzz_device_test scribble_test race_test load_test loader_test'
	case $kernel in
	*-kasan) slowness=10 tests='race_test fault_test fuzz_device_test conformance_test' ;;
	esac
	export PERFRING_SLOWNESS=${SLOWNESS:-$slowness}
	# load_test tells each minute how it is.
	export SILENCE=${SILENCE:-$((120 * PERFRING_SLOWNESS))}
	dir=$(selftests/vm/kernel.sh "$kernel")
	PERFRING_MODULE=$O/kmod-$(<"$dir/release")/kmod/perfring.ko
	export PERFRING_MODULE
	# Four milliseconds a step and a call, ten times what an emulated guest takes; three
	# seconds a round, of which there are four times as many if memory was needed.
	# shellcheck disable=SC2016,SC2086 # expanded in the guest; words
	selftests/vm/run.sh --kernel "$kernel" --log "$logs/soak-$kernel.console" \
		--timeout $((3600 + steps / 125 + 4 * length + 12 * rounds)) -- \
		sh -c 'cd "$1" && shift; status=0
			for test; do
				case $test in
				twin_test) set -- -v device ;;
				loader_test) set -- -t rounds ;;
				# Of a pattern it does not ask whether each explanation is needed.
				conformance_test) set -- "*" ;;
				*) set -- ;;
				esac
				"./$test" "$@" || status=1
			done; exit $status' sh "$O/selftests" ${TESTS:-$tests} 2>&1 |
		tee "$logs/soak-$kernel.log" | sed -u "s/^/$kernel: /" || status=$?
	echo "$kernel: $([ "$status" -eq 0 ] && echo passed || echo "failed, status $status")," \
		"seed $seed, $steps steps, $length s each, $rounds rounds: $((SECONDS - start)) s" |
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
