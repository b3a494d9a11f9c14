#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh: set up, build, and run all tests in stages:
#
#   native, native-asan, native-tsan   on this machine (memory, real perf)
#   vm-6.1, vm-6.12                    in a virtual machine, with the module
#   icount-6.12-arm64                  those of a PMU that counts instructions exactly, which
#                                      QEMU has for that machine alone (ARCH=arm64)
#   host                               with HOST=1, instead of those: the module
#                                      on the running kernel, unloaded afterwards
#
# O= where to build, MACHINE=i386: for which machine (arch.sh), KERNEL= which kernels, STAGES= only these stages, LANES=1
# no two stages at a time, PERFRING_SLOWNESS= how many times longer things may take, PROGRESS=1 say when each program
# has ended, and after how long: a run that is cut short has told so much. Logs are left in $O/logs. The status is 0 when every
# test program ran to its end and no test failed.
set -euo pipefail

cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR source=vm/machine.sh
. selftests/vm/machine.sh
O=${O:-$PWD/.build}
logs=$O/logs
jobs=$(nproc)
kernels=${KERNEL:-6.1 6.12}
running=
all_stages="native native-asan native-tsan"
if [ -n "${HOST:-}" ] && [ "$HOST" != 0 ]; then
	selftests/host.sh
	kernels='' running=host all_stages+=" host" LANES=1
fi
for kernel in $kernels; do
	all_stages+=" vm-$kernel"
done
stages=${STAGES:-$all_stages}
# nest_test steps through instructions for longer than run.sh lets a guest be silent;
# the tests' own time is 120 s.
export SILENCE=${SILENCE:-150}

exec 7>/dev/null
[ -z "${PROGRESS:-}" ] || exec 7>&1
mkdir -p "$logs"
# Two runs would take each other's files away.
exec 8>"$O/.check.lock"
flock 8
for stage in $stages; do
	rm -f "$logs/$stage".*
done

# -asan for native-asan, nothing for the others.
suffix()
{
	case $1 in
	*-asan) echo -asan ;;
	*-tsan) echo -tsan ;;
	esac
}

# make in selftests/ for stage $1, target $2.
selftests()
{
	local san
	san=$(suffix "$1")
	set -- make -C selftests --no-print-directory "-j$jobs" KSFT="$ksft" \
		O="$O/selftests$san" USER_O="$O/user$san" SAN="${san#-}" "${cross[@]}" "$2"
	"${prefix[@]}" "$@"
}

# In a shell of its own: the stages after it do not want its variables.
run_stage()
(
	stage=$1 prefix=()
	case $stage in
	*-asan)
		# kselftest's runner preloads stdbuf's library, which comes before
		# the sanitizer's; it intercepts nothing.
		export ASAN_OPTIONS=verify_asan_link_order=0:${ASAN_OPTIONS:-}
		;;
	vm-* | icount-*)
		kernel=${stage#*-}
		dir=$(selftests/vm/kernel.sh "$kernel")
		PERFRING_MODULE=$O/kmod-$(<"$dir/release")/kmod/perfring.ko
		export PERFRING_MODULE
		# A guest that hangs is silent; one on a busy machine takes long.
		prefix=(selftests/vm/run.sh --kernel "$kernel" --timeout "$((1800 * ${PERFRING_SLOWNESS:-1}))"
			--log "$logs/$stage.console" --show "$O" --)
		case $stage in
		icount-*) export ACCEL=icount PERFRING_ONLY=count_pmu_test ;;
		esac
		;;
	host)
		PERFRING_MODULE=$O/kmod-$(uname -r)/kmod/perfring.ko
		export PERFRING_MODULE
		trap '"$O/user/perfring" unload >/dev/null 2>&1 || true' EXIT
		;;
	esac
	selftests "$stage" run_tests
)

# Print the seconds of each program of the log that comes in.
progress()
{
	local line begin=$SECONDS
	while IFS= read -r line; do
		case $line in
		'# selftests: '*) begin=$SECONDS ;;
		'ok '*' selftests: '* | 'not ok '*' selftests: '*)
			printf '%7d s  %s\n' $((SECONDS - begin)) "${line/selftests: perfring: /}"
			;;
		esac
	done
}

# Run one stage, judge its log, say how it went.
do_stage()
{
	local stage=$1 start=$SECONDS status=0 counts
	echo "  TEST    $stage"
	run_stage "$stage" 2>"$logs/$stage.err" 7>&- | tee "$logs/$stage.log" | progress |
		tee "$logs/$stage.programs" >&7 || status=$?
	: >"$logs/$stage.failures"
	: >"$logs/$stage.skips"
	counts=$(awk -v stage="$stage" -v failures="$logs/$stage.failures" \
		-v skips="$logs/$stage.skips" -f selftests/ktap.awk "$logs/$stage.log")
	read -r passed failed skipped <<<"$counts"
	# The guest's kernel may have a complaint of which no test knows.
	if [ "$status" -ne 0 ]; then
		failed=$((failed + 1))
		{
			echo "FAIL $stage: ended with status $status"
			tail -n 60 "$logs/$stage.err" | sed 's/^/    /'
		} >>"$logs/$stage.failures"
	fi
	echo "$passed $failed $skipped $((SECONDS - start))" >"$logs/$stage.counts"
	echo "  DONE    $stage: $passed passed, $failed failed, $skipped skipped," \
		"$((SECONDS - start)) s"
}

lane()
{
	local stage
	for stage; do
		do_stage "$stage"
	done
}

begin=$SECONDS
# The sanitizers whose stages are run.
sans=
for stage in $stages; do
	sans+=" $(suffix "$stage" | tr -d -)"
done
# shellcheck disable=SC2086
if ! SANS=$sans selftests/build.sh "$logs/build.log" $kernels $running; then
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi
ksft=$(selftests/vm/kernel.sh source)/tools/testing/selftests
machine_cross "${MACHINE:-}"

# A native stage and a guest keep about one processor each busy. No two native stages
# run at a time: what a user may lock and open is limited for all of them together. A
# guest takes longer than they do, so that the first of several is in their lane.
native=() guests=()
for stage in $stages; do
	case $stage in
	vm-* | icount-* | host) guests+=("$stage") ;;
	*) native+=("$stage") ;;
	esac
done
if [ "${LANES:-2}" -le 1 ]; then
	lane "${native[@]}" "${guests[@]}"
elif [ "${#guests[@]}" -gt 1 ]; then
	lane "${guests[0]}" "${native[@]}" &
	lane "${guests[@]:1}"
	wait
else
	lane "${native[@]}" &
	lane "${guests[@]}"
	wait
fi

echo
for stage in $stages; do
	cat "$logs/$stage.failures"
done
for stage in $stages; do
	sed "s/\$/ [$stage]/" "$logs/$stage.skips"
done | sort | uniq -c | sort -rn |
	awk 'NR == 1 { print "Skipped (times, why):" } { print } END { if (NR) print "" }'

passed=0 failed=0 skipped=0
printf '%-14s %7s %7s %7s %8s\n' stage passed failed skipped seconds
for stage in $stages; do
	read -r p f s seconds <"$logs/$stage.counts"
	printf '%-14s %7d %7d %7d %8d\n' "$stage" "$p" "$f" "$s" "$seconds"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "Logs: $logs; $((SECONDS - begin)) s in all."
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
