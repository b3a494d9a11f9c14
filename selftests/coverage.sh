#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# coverage.sh: which lines and branches of the library and of core.h the native tests run,
# as gcovr(1) says: the table, with the lines that are not run, is left in $O/coverage.
#
# O= where to build, TESTS= only these test programs. The status is 0 when LINES_WANTED=
# percent of the lines (95) are run, and no test failed.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
out=$O/coverage
mkdir -p "$out"

selftests/setup.sh check
selftests/setup.sh coverage
ksft=$(selftests/vm/kernel.sh source)/tools/testing/selftests

selftests()
{
	make -C selftests --no-print-directory "-j$(nproc)" SAN=cov KSFT="$ksft" \
		O="$O/selftests-cov" USER_O="$O/user-cov" "$@"
}

build()
{
	make -C user --no-print-directory "-j$(nproc)" SAN=cov O="$O/user-cov" all
	# shellcheck disable=SC2046,SC2086
	selftests $([ -z "${TESTS:-}" ] && echo all || printf "$O/selftests-cov/%s " $TESTS)
}

echo "  BUILD   library, tests"
build >"$out/build.log" 2>&1 &
if ! wait $!; then
	tail -n 40 "$out/build.log" >&2
	exit 1
fi
find "$O/user-cov" "$O/selftests-cov" -name '*.gcda' -delete
echo "  TEST    native"
failed=0
if [ -n "${TESTS:-}" ]; then
	for test in $TESTS; do
		(cd "$O/selftests-cov" && timeout 240 "./$test")
	done >"$out/tests.log" 2>&1 || true
else
	selftests run_tests >"$out/tests.log" 2>&1 || true
fi
if grep -E '^(# )*not ok ' "$out/tests.log"; then
	failed=1
fi

report()
{
	gcovr --root . --filter user/src/ --filter kmod/core.h --object-directory "$O/user-cov/src" \
		"$@" "$O/user-cov/src"
}
report --txt "$out/lines.txt" --csv "$out/lines.csv" --print-summary >"$out/summary.txt"
report --branches --txt "$out/branches.txt"
cat "$out/lines.txt"
grep -E '^(lines|functions|branches)' "$out/summary.txt"
run=$(sed -n 's/^lines: \([0-9]*\).*/\1/p' "$out/summary.txt")
[ "$failed" -eq 0 ] && [ "$run" -ge "${LINES_WANTED:-95}" ]
