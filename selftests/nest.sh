#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nest.sh: nest_test and nest_probe_test whole, where the tests' own run looks at one
# instruction in so many: a write interrupted at every instruction, of core.h natively,
# and of the module in a virtual machine for each kernel, one after the other. It takes
# from some minutes to half an hour for each.
#
# KERNEL= which kernels, O= where to build. Logs are left in $O/logs/nest-*.log: what
# was covered, and by name what was not. The status is 0 when no write was wrong.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
logs=$O/logs
kernels=${KERNEL:-6.1 6.12}
# What only an interruption leads to is one result, after many minutes.
export PERFRING_NEST_STRIDE=1 SILENCE=${SILENCE:-1800}

# shellcheck disable=SC2086
selftests/build.sh "$logs/nest-build.log" $kernels
failed=0
"$O/selftests/nest_test" >"$logs/nest-native.log" 2>&1 || failed=$((failed + 1))
grep -E '^not ok|^# Totals' "$logs/nest-native.log" | sed 's/^/native: /'
for kernel in $kernels; do
	dir=$(selftests/vm/kernel.sh "$kernel")
	PERFRING_MODULE=$O/kmod-$(<"$dir/release")/kmod/perfring.ko
	export PERFRING_MODULE
	log=$logs/nest-$kernel.log
	selftests/vm/run.sh --kernel "$kernel" --timeout 3600 --log "$logs/nest-$kernel.console" -- \
		"$O/selftests/nest_probe_test" >"$log" 2>"$log.err" || failed=$((failed + 1))
	grep -E '^not ok|^# nest: ' "$log" | sed "s/^/$kernel: /"
done
[ "$failed" -eq 0 ]
