#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# conformance.sh: hold the device against real perf, row by row, in a virtual machine
# for each kernel; write what came of it to selftests/CONFORMANCE.md when all
# kernels were asked.
#
# KERNEL= which kernels, ROWS= a pattern of "group: name", HOST=1 the running kernel
# instead of virtual machines, O= where to build. Logs are left in
# $O/logs/conformance-*.log. The status is 0 when no difference is unexplained.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
logs=$O/logs
all_kernels='6.1 6.12'
kernels=${KERNEL:-$all_kernels}
if [ -n "${HOST:-}" ] && [ "$HOST" != 0 ]; then
	selftests/host.sh
	kernels=host
fi

# The module of kernel $1.
module()
{
	local release
	[ "$1" = host ] && release=$(uname -r) || release=$(<"$(selftests/vm/kernel.sh "$1")/release")
	echo "$O/kmod-$release/kmod/perfring.ko"
}

# Run it on kernel $1; the log has its words, and the tables behind them.
run()
{
	local kernel=$1 log=$logs/conformance-$1.log status=0 prefix=()
	PERFRING_MODULE=$(module "$kernel")
	export PERFRING_MODULE
	if [ "$kernel" = host ]; then
		trap '"$O/user/perfring" unload >/dev/null 2>&1 || true' EXIT
	else
		prefix=(selftests/vm/run.sh --kernel "$kernel"
			--log "$logs/conformance-$kernel.console" --)
	fi
	echo "  TEST    conformance on $kernel"
	"${prefix[@]}" "$O/selftests/conformance_test" --markdown ${ROWS:+"$ROWS"} \
		>"$log" 2>"${log%.log}.err" || status=$?
	# Each failure with what both sides said.
	grep -B 3 '^not ok' "$log" | grep -v '^ok' || true
	if ! sed -n "s/^# \(conformance: \)/$kernel: \1/p" "$log" | grep . ||
	   [ "$status" -gt 1 ]; then
		echo "conformance.sh: $kernel: ended with status $status, see $log" >&2
		tail -n 20 "${log%.log}.err" >&2
	fi
	return "$status"
}

# shellcheck disable=SC2086
selftests/build.sh "$logs/conformance-build.log" $kernels

status=0
for kernel in $kernels; do
	run "$kernel" || status=1
done

# A part of the rows, or of the kernels, is not the whole story.
if [ "$status" -eq 0 ] && [ -z "${ROWS:-}" ] && [ "$kernels" = "$all_kernels" ]; then
	{
		cat <<-'END'
			<!-- SPDX-License-Identifier: GPL-2.0 -->
			# Conformance

			Made by `make conformance`, not by hand. Each row does one thing to a descriptor from
			perf_event_open(2) and to one from /dev/perfringN, of the same attr on the same CPU, and
			compares what comes of it: return values, errno, signals, readiness, bytes. The rows are in
			[conformance/](conformance), the reasons in [conformance/explained.c](conformance/explained.c).
			A difference without a reason fails, and so does a reason without a difference.
		END
		for kernel in $kernels; do
			echo
			sed -n '/^## Linux/,$p' "$logs/conformance-$kernel.log"
		done
	} >selftests/CONFORMANCE.md
	echo "  WROTE   selftests/CONFORMANCE.md"
fi
exit "$status"
