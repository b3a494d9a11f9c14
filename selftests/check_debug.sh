#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check_debug.sh: all tests on kernels that look for mistakes, in virtual machines:
#
#   rt      Debian's PREEMPT_RT kernels of 6.1 and 6.12
#   kasan   6.12 with KASAN, lockdep, UBSAN, DEBUG_OBJECTS, kmemleak, fault injection
#   kcsan   6.12 with KCSAN
#   kunit   core.h's KUnit tests alone, on the last two
#
# The last two kernels are built from source once and kept (vm/debug.sh). On each kernel
# planted.ko first makes the mistakes that it is for, each of which has to be reported,
# then comes the kselftest suite (check.sh), which any report fails: the whole of it on
# PREEMPT_RT, elsewhere without the programs that never open a device.
#
# FLAVOUR= only these, KERNEL= only on these of their kernels, O= where to build,
# SLOWNESS= how many times longer a test may take than usual. Logs are left in $O/logs.
# The status is 0 when nothing failed.
set -euo pipefail

cd "$(dirname "$0")/.."
export O=${O:-$PWD/.build}
export PERFRING_SCRIBBLE_SECONDS=60 PERFRING_RACE_SECONDS=60
logs=$O/logs
flavours=${FLAVOUR:-rt kasan kcsan kunit}
only=${KERNEL:-}
begin=$SECONDS
rows=()
selftests/setup.sh check
mkdir -p "$logs"

# What looks for mistakes takes many times as long, and in these programs nothing of ours
# is in the kernel: they do not load the module.
user_space='abi answers batch bench bpf_corrupt bpf_examples bpf_overwrite bpf_reader
	bpf_ring bpf_user cli_input core corrupt count count_bpf count_cli
	count_measure count_pmu count_refused count_register count_self data_hostile
	data_perf decode_kernel decode_sideband decode_task
	decode_uapi event_list event_perf events events_answers events_sample
	flip fuzz_corpus merge merge_bounds merge_call merge_run nest options
	twin_shrink write'

# Programs that test one thing on each owner of a ring: only where the module is it.
each_owner='fork geometry inject merge_live mirror overwrite poll reader rows stress twin wrap'
# Those that test the library besides, by hand: only what opens a device.
library='data decode decode_aux gallery readpath torture unwind'
# Single tests that do.
single='bpf_array:offline bpf_array:gap data_record:device event_parse:events_of_the_device
	explain:device_events'

# Leave out what has nothing of ours in the kernel.
module_alone()
{
	local name args
	# shellcheck disable=SC2086
	PERFRING_LEFT_OUT=$(printf '%s_test ' $user_space)
	export PERFRING_LEFT_OUT
	for name in $each_owner; do
		export "KSELFTEST_${name^^}_TEST_ARGS=-V memory -V memory_mirrored -V perf"
	done
	for name in $library; do
		export "KSELFTEST_${name^^}_TEST_ARGS=-v device -v device_mirrored"
	done
	for name in $single; do
		args=KSELFTEST_${name%:*}_TEST_ARGS
		args=${args^^}
		export "$args=${!args-} -t ${name#*:}"
	done
}

# A module of ours for kernel $1 from the folder selftests/$2, with the headers beside it.
test_module()
{
	local dir stage
	dir=$(selftests/vm/kernel.sh "$1")
	stage=$O/kmod-$(<"$dir/release")
	mkdir -p "$stage/$2"
	cp -rsf "$PWD/kmod" "$stage/"
	cp -rsf "$PWD/selftests/$2"/* "$PWD/selftests/core_cases.h" "$stage/$2/"
	make -C "$dir/build" M="$stage/$2" modules >"$logs/debug-$2-$1.build" 2>&1 || {
		cat "$logs/debug-$2-$1.build" >&2
		return 1
	}
	echo "$stage/$2"
}

# Run $4... on kernel $2 as stage $1-$2, count its TAP. $3 is the status with which the
# guest has to end.
stage()
{
	local name=$1-$2 kernel=$2 want=$3 start=$SECONDS status=0 passed failed plan results
	shift 3
	echo "  TEST    $name"
	selftests/vm/run.sh --kernel "$kernel" --timeout 1800 --log "$logs/$name.console" -- \
		"$@" >"$logs/$name.log" 2>"$logs/$name.err" || status=$?
	passed=$(grep -cE '^ *ok [0-9]+ ' "$logs/$name.log") || true
	failed=$(grep -cE '^ *not ok [0-9]+ ' "$logs/$name.log") || true
	# Where a report is wanted, one that has killed the guest has the same status.
	plan=$(sed -n 's/^1\.\.//p' "$logs/$name.log")
	results=$(grep -cE '^(not )?ok [0-9]+ ' "$logs/$name.log") || true
	if [ -n "$plan" ] && [ "$results" -ne "$plan" ]; then
		failed=$((failed + 1))
		echo "$name: $results results of $plan"
		tail -n 40 "$logs/$name.err"
	fi
	if [ "$status" -ne "$want" ] || [ "$passed" -eq 0 ]; then
		failed=$((failed + 1))
		echo "$name: ended with status $status, not $want"
		tail -n 40 "$logs/$name.err"
	fi
	[ "$failed" -eq 0 ] || grep -E '^(# | *not ok )' "$logs/$name.log" || true
	rows+=("$name $passed $failed 0 $((SECONDS - start))")
}

planted()
{
	local kernel=$1 folder
	shift
	folder=$(test_module "$kernel" planted)
	# What is reported has to end the guest as a real report does.
	stage planted "$kernel" 99 selftests/planted.sh "$folder/planted.ko" "$@"
}

# The functions of the module that can be made to fail, after the mistake that lockdep
# reports by then, and nothing more.
functions()
{
	local kernel=$1 dir folder
	dir=$(selftests/vm/kernel.sh "$kernel")
	folder=$(test_module "$kernel" planted)
	PERFRING_MODULE=$O/kmod-$(<"$dir/release")/kmod/perfring.ko \
		stage functions "$kernel" 99 selftests/planted.sh "$folder/planted.ko" irq_unsafe_lock \
		-- "$O/selftests/fault_test" -t each_function_fails
}

kunit()
{
	local folder
	folder=$(test_module "$1" kunit)
	# shellcheck disable=SC2016 # expanded in the guest
	stage kunit "$1" 0 sh -c '
		results=/sys/kernel/debug/kunit/perfring_core/results
		insmod "$1" && grep "^    " $results
		rmmod perfring_kunit
		# One that is wrong, which is right.
		insmod "$1" planted=1
		told="not ok" && grep -qx " *not ok 1 core_planted" $results && told=ok
		echo "    $told 1 core_planted is told as not ok"
		rmmod perfring_kunit' sh "$folder/perfring_kunit.ko"
}

suite()
{
	STAGES=vm-$1 KERNEL=$1 PROGRESS=1 selftests/check.sh || true
	[ -e "$logs/vm-$1.counts" ] || echo "0 1 0 0" >"$logs/vm-$1.counts"
	rows+=("suite-$1 $(<"$logs/vm-$1.counts")")
	return 0
}

# A hundred thousand random calls on the devices.
calls()
{
	local kernel=$1 dir
	dir=$(selftests/vm/kernel.sh "$kernel")
	PERFRING_MODULE=$O/kmod-$(<"$dir/release")/kmod/perfring.ko PERFRING_FUZZ_CALLS=100000 \
		stage calls "$kernel" 0 "$O/selftests/fuzz_device_test"
}

for flavour in $flavours; do
	unset PERFRING_LEFT_OUT "${!KSELFTEST_@}" PERFRING_{CONFORMANCE,FAULT,NEST}_STRIDE \
		PERFRING_TWIN_STEPS
	export PERFRING_LOADER_ROUNDS=50
	case $flavour in
	kasan | kcsan)
		module_alone
		export PERFRING_CONFORMANCE_STRIDE=11 PERFRING_FAULT_STRIDE=7 PERFRING_NEST_STRIDE=160
		export PERFRING_TWIN_STEPS=4000
		PERFRING_LOADER_ROUNDS=8
		;;
	esac
	case $flavour in
	rt)
		# A probe takes a tenth of a second to be armed, and there are thousands.
		export PERFRING_SLOWNESS=${SLOWNESS:-3} PERFRING_NEST_STRIDE=160
		kernels='6.12-rt 6.1-rt' bugs=(atomic_schedule)
		;;
	kasan)
		export PERFRING_SLOWNESS=${SLOWNESS:-10}
		kernels=6.12-kasan
		# lockdep ends with the first report of anybody; irq_unsafe_lock comes in functions().
		bugs=(lock_inversion atomic_sleep atomic_schedule preemptible_cpu shift bounds list
			object slab_overflow vmalloc_overflow use_after_free leak)
		;;
	kcsan)
		export PERFRING_SLOWNESS=${SLOWNESS:-10}
		kernels=6.12-kcsan bugs=(race)
		;;
	kunit)
		export PERFRING_SLOWNESS=${SLOWNESS:-10}
		kernels='6.12-kasan 6.12-kcsan' bugs=()
		;;
	*)
		echo "check_debug.sh: no flavour '$flavour' (rt, kasan, kcsan, kunit)" >&2
		exit 2
		;;
	esac
	export SILENCE=$((120 * PERFRING_SLOWNESS))
	for kernel in $kernels; do
		case " ${only:-$kernels} " in
		*" $kernel "*) ;;
		*) continue ;;
		esac
		selftests/vm/kernel.sh "$kernel" >/dev/null
		if [ "$flavour" = kunit ]; then
			kunit "$kernel"
		else
			planted "$kernel" "${bugs[@]}"
			suite "$kernel"
			calls "$kernel"
			[ "$flavour" != kasan ] || functions "$kernel"
		fi
	done
done

if [ "${#rows[@]}" -eq 0 ]; then
	echo "check_debug.sh: no kernel of '$flavours' is one of '$only'" >&2
	exit 2
fi
echo
total=0
printf '%-20s %7s %7s %7s %8s\n' stage passed failed skipped seconds
for row in "${rows[@]}"; do
	read -r name passed failed skipped seconds <<<"$row"
	printf '%-20s %7d %7d %7d %8d\n' "$name" "$passed" "$failed" "$skipped" "$seconds"
	total=$((total + failed))
done
echo "Logs: $logs; $((SECONDS - begin)) s in all."
[ "$total" -eq 0 ]
