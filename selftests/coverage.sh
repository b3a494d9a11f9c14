#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# coverage.sh: which lines and branches of the library and of core.h the tests run, natively
# and, for what is done with a device, in a virtual machine of Linux 6.12, as gcovr(1) says.
#
# What was run, and by line what was not, is left in $O/coverage. O= where to build, TESTS=
# only these test programs, and no virtual machine, GUEST=0 none either, PUBLISH=1 keeps the
# table in COVERAGE.md. The status is 0 when LINES_WANTED= percent of the lines (95) are run,
# and no test failed.
set -euo pipefail

cd "$(dirname "$0")/.."

# One program in the folder where it is, with its counts.
run()
{
	local start=$SECONDS status=0
	echo "## $*"
	timeout 240 "./$1" "${@:2}" </dev/null 2>&1 || status=$?
	# 4: skipped as a whole
	[ "$status" -eq 0 ] || [ "$status" -eq 4 ] || echo "not ok $1: status $status"
	echo "## $((SECONDS - start)) s, $1"
}

# Some tests give up root, and count on.
umask 0
counts='== counts, as base64 of tar =='

# In the guest, as "coverage.sh --guest FOLDER": it adds to copies of the host's counts, which
# are gone when it ends.
if [ "${1:-}" = --guest ]; then
	cd "$2/selftests-cov"
	device=(-v device -v device_mirrored)
	run reader_test "${device[@]}"
	run poll_test "${device[@]}"
	run unwind_test -v device
	for test in explain_test geometry_test hold_state_test merge_live_test mirror_test rows_test; do
		run "$test"
	done
	echo "$counts"
	tar -C "$2" -cz user-cov/src/ | base64
	exit
fi

O=${O:-$PWD/.build}
out=$O/coverage
kernel=6.12
mkdir -p "$out"
[ -z "${TESTS:-}" ] || GUEST=0

selftests/setup.sh check
selftests/setup.sh coverage
ksft=$(selftests/vm/kernel.sh source)/tools/testing/selftests

build()
{
	local all=all dir
	# shellcheck disable=SC2086
	[ -z "${TESTS:-}" ] || all=$(printf "$O/selftests-cov/%s " $TESTS)
	make -C user --no-print-directory "-j$(nproc)" SAN=cov O="$O/user-cov" all
	# shellcheck disable=SC2086
	make -C selftests --no-print-directory "-j$(nproc)" SAN=cov KSFT="$ksft" \
		O="$O/selftests-cov" USER_O="$O/user-cov" $all
	[ "${GUEST:-1}" != 0 ] || return 0
	dir=$(selftests/vm/kernel.sh "$kernel")
	make --no-print-directory "-j$(nproc)" O="$O" modules KDIR="$dir/build"
}

echo "  BUILD   library, tests, module"
build >"$out/build.log" 2>&1 &
if ! wait $!; then
	tail -n 40 "$out/build.log" >&2
	exit 1
fi
find "$O/user-cov" "$O/selftests-cov" -name '*.gcda' -delete
chmod -R a+rwX "$O/user-cov"

# Those that are linked with the library, and those that run what is.
programs()
{
	local test
	cd "$O/selftests-cov"
	if [ -n "${TESTS:-}" ]; then
		# shellcheck disable=SC2086
		printf '%s\n' $TESTS
		return
	fi
	for test in *_test; do
		# What is measured there is how long it takes.
		[ "$test" = bench_test ] || ! grep -qaF "$O/user-cov" "$test" || echo "$test"
	done
}

# A write has some thousand instructions here, three times as many as without counting: it is
# stopped at one in so many. Its lines are run in any case.
export PERFRING_NEST_STRIDE=${PERFRING_NEST_STRIDE:-97}
echo "  TEST    native"
for test in $(programs); do
	(cd "$O/selftests-cov" && run "$test")
done >"$out/tests.log"

if [ "${GUEST:-1}" != 0 ]; then
	echo "  TEST    vm-$kernel"
	release=$(<"$(selftests/vm/kernel.sh "$kernel")/release")
	PERFRING_MODULE=$O/kmod-$release/kmod/perfring.ko \
		selftests/vm/run.sh --kernel "$kernel" --log "$out/console" -- \
		selftests/coverage.sh --guest "$O" >"$out/guest.log" 2>"$out/guest.err" ||
		echo "not ok guest: status $?" >>"$out/tests.log"
	sed "/^$counts/,\$d" "$out/guest.log" >>"$out/tests.log"
	sed "1,/^$counts/d" "$out/guest.log" | base64 -d | tar -C "$O" -xz
fi

failed=0
if grep -E '^not ok ' "$out/tests.log"; then
	failed=1
fi

report()
{
	local part=$1
	shift
	gcovr --root . --filter "user/$part/" --filter kmod/core.h \
		--object-directory "$O/user-cov/$part" "$@" "$O/user-cov/$part"
}
report src --txt "$out/lines.txt" --csv "$out/lines.csv" --print-summary >"$out/summary.txt"
report src --branches --txt "$out/branches.txt"
report cli --csv "$out/cli.csv"
cat "$out/lines.txt"

# One row for each file, all of them together, and the command, which is not part of these.
awk -F, '
	function row(name, n, lines, m, branches)
	{
		printf "| %s | %d | %.1f | %d | %.1f |\n", name, n, n ? 100 * lines / n : 100,
			m, m ? 100 * branches / m : 100
	}
	BEGIN {
		print "| file | lines | % run | branches | % taken |"
		print "|---|--:|--:|--:|--:|"
	}
	FNR == 1 {
		file++
		next
	}
	file == 1 {
		row($1, $2, $3, $5, $6)
		n += $2; lines += $3; m += $5; branches += $6
	}
	file == 2 && $1 ~ "^user/cli/" {
		cn += $2; clines += $3; cm += $5; cbranches += $6
	}
	END {
		row("**library and core.h**", n, lines, m, branches)
		row("the command (user/cli)", cn, clines, cm, cbranches)
	}' "$out/lines.csv" "$out/cli.csv" >"$out/table.md"
tail -n 2 "$out/table.md"

if [ -n "${PUBLISH:-}" ] && [ "$PUBLISH" != 0 ]; then
	awk -v table="$out/table.md" -v about="$(date +%F), Linux $(uname -r | cut -d- -f1)$([ "${GUEST:-1}" = 0 ] || echo " and $release")" '
		/^<!-- end figures -->/ { skipping = 0 }
		!skipping { print }
		/^<!-- begin figures -->/ {
			print about ":\n"
			while ((getline line <table) > 0)
				print line
			skipping = 1
		}' selftests/COVERAGE.md >"$out/COVERAGE.md"
	cp "$out/COVERAGE.md" selftests/
fi
run=$(sed -n 's/^lines: \([0-9]*\).*/\1/p' "$out/summary.txt")
[ "$failed" -eq 0 ] && [ "$run" -ge "${LINES_WANTED:-95}" ]
