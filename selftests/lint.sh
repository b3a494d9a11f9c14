#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lint.sh [CHECK]...: run the static checks, all of them or those named. Each
# prints one line; the output of those that fail follows it. The status is 0
# when all passed.
#
# O= where to build, KERNEL= against which kernels modules are checked.
set -euo pipefail

cd "$(dirname "$0")/.."
O=${O:-$PWD/.build}
out=$O/lint
jobs=$(nproc)
kernels=${KERNEL:-6.1 6.12}
mkdir -p "$out"
# Two runs would take each other's files away.
exec 8>"$O/.lint.lock"
flock 8

selftests/setup.sh lint
source=$(selftests/vm/kernel.sh source)
for kernel in $kernels; do
	selftests/vm/kernel.sh "$kernel" >/dev/null
done

# A clone has git; an unpacked archive is all there is.
files()
{
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files --cached --others --exclude-standard -- "$@" | sort -u |
			while IFS= read -r file; do
				[ ! -e "$file" ] || echo "$file"
			done
	else
		find . -path ./.build -prune -o -type f -printf '%P\n' |
			grep -E "$(printf '%s\n' "$@" | sed 's/[.]/[.]/g; s/\*/.*/g; s/.*/^&$/' | paste -sd '|')" | sort
	fi
}

mapfile -t kernel_c < <(files 'kmod/*.c' 'kmod/*.h' 'selftests/client/*.c' 'selftests/kunit/*.c' 'selftests/planted/*.c')
mapfile -t user_c < <(files 'user/*.c' 'user/*.h')
mapfile -t test_c < <(files 'selftests/*.c' 'selftests/*.h' | grep -vE '^selftests/(client|kunit|planted)/')
mapfile -t scripts < <(files '*' | while IFS= read -r file; do
	case $(head -c 64 "$file" | head -n 1 | tr -d '\0') in
	'#!'*sh | '#!'*'sh '*) echo "$file" ;;
	esac
done)
mapfile -t public < <(files 'user/include/perfring/*.h' kmod/core.h kmod/uapi/linux/perfring.h)

includes=(-I user/include -I kmod -I kmod/uapi)
harness=$source/tools/testing/selftests
warnings=(-Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Werror)

checkpatch()
{
	local ignore=$1
	shift
	# From a folder where its cache of names may lie.
	printf "$PWD/%s\\0" "$@" | (cd "$out" && xargs -0 -P "$jobs" -n 8 \
		perl "$source/scripts/checkpatch.pl" --strict --no-tree --root="$source" --no-summary \
		--terse --show-types --color=never --max-line-length=100 \
		${ignore:+--ignore "$ignore"} -f) | sed "s,^$PWD/,,"
}

# compat.h is the one place for what an out-of-tree module needs and checkpatch
# does not want: tests of the kernel's version (check_versions). trace.h is laid
# out as all of include/trace/events is.
check_checkpatch_kmod()
{
	local file rest=()
	for file in "${kernel_c[@]}"; do
		case $file in
		kmod/compat.h | kmod/trace.h) ;;
		*) rest+=("$file") ;;
		esac
	done
	checkpatch LINUX_VERSION_CODE,CONSTANT_COMPARISON kmod/compat.h
	checkpatch PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE kmod/trace.h
	checkpatch '' "${rest[@]}"
}

# User space lacks the kernel's macros (BIT, ARRAY_SIZE, __packed, u64), prints
# long texts, and speaks to the system through strings and volatile memory.
user_ignore=PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,BIT_MACRO,ARRAY_SIZE
user_ignore+=,COMPLEX_MACRO,LONG_LINE_STRING,VOLATILE,ENOSYS,STRCPY,CAMELCASE,REPEATED_WORD

check_checkpatch_user()
{
	checkpatch "$user_ignore" "${user_c[@]}"
}

# TEST_F() and its kin look like functions to checkpatch, and an EXPECT_EQ()
# ends in an "if" of its own, so that braces around it are needed; an sscanf()
# in it is checked.
check_checkpatch_tests()
{
	local ignore=$user_ignore,BRACES,SPACING,OPEN_BRACE,MACRO_WITH_FLOW_CONTROL
	ignore+=,MULTISTATEMENT_MACRO_USE_DO_WHILE,MACRO_ARG_REUSE,NAKED_SSCANF
	checkpatch "$ignore" "${test_c[@]}"
}

# A module build with more checks than usual, in a folder of its own, where no
# line may say warning or error.
module_build()
{
	local kernel=$1 dir log stage
	shift
	dir=$(selftests/vm/kernel.sh "$kernel")
	stage=$out/module-$kernel
	log=$out/module-$kernel.log
	rm -rf "$stage"
	mkdir -p "$stage"
	make --no-print-directory "-j$jobs" O="$stage" KDIR="$dir/build" modules "$@" \
		>"$log" 2>&1 || {
		cat "$log"
		return 1
	}
	! grep -E 'warning:|error:' -A 4 "$log"
}

check_W1()
{
	local kernel
	for kernel in $kernels; do
		module_build "$kernel" W=1 || return 1
	done
}

# The headers of the kernel itself are not ours to mend: only our files count.
check_sparse()
{
	local kernel bad=0
	for kernel in $kernels; do
		module_build "$kernel" C=2 CHECK=sparse >/dev/null || true
		grep -q 'CHECK ' "$out/module-$kernel.log" || {
			echo "sparse did not run for $kernel"
			cat "$out/module-$kernel.log"
			bad=1
		}
		if grep -E '(kmod|client)/[a-z_/]+[.][ch]:.*(warning|error):' -A 2 "$out/module-$kernel.log"; then
			bad=1
		fi
	done
	return "$bad"
}

compile_user()
{
	local compiler=$1
	# Objects are not wanted, but warnings come from the optimiser as well.
	printf '%s\0' "${user_units[@]}" | xargs -0 -P "$jobs" -n 1 \
		"$compiler" -std=gnu11 -O2 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 "${warnings[@]}" "${includes[@]}" -c -o /dev/null
	# Each test function has parameters from the harness, used or not; and some have
	# attributes that only one of the compilers knows.
	printf '%s\0' "${test_units[@]}" | xargs -0 -P "$jobs" -n 1 \
		"$compiler" -std=gnu11 -O2 -fno-strict-aliasing -D_GNU_SOURCE= -Wall -Wextra -Werror \
		-Wno-unused-parameter -Wno-attributes "${includes[@]}" -isystem "$harness" \
		-DUSER_O='""' -DTOP='""' -c -o /dev/null
}

# BPF programs, and programs that have them inside, need headers that the build makes;
# it compiles them with warnings.
mapfile -t user_units < <(printf '%s\n' "${user_c[@]}" | grep '[.]c$' |
	grep -vE '[.]bpf[.]c$|^user/examples/bpf/')
mapfile -t test_units < <(printf '%s\n' "${test_c[@]}" | grep '[.]c$' | grep -v '[.]bpf[.]c$')

check_gcc()
{
	compile_user gcc
}

check_clang()
{
	compile_user clang
}

check_clang_tidy()
{
	printf '%s\0' "${user_units[@]}" | xargs -0 -P "$jobs" -n 1 sh -c '
		clang-tidy --quiet "$@" -- -std=gnu11 -D_GNU_SOURCE -I user/include \
			-I kmod -I kmod/uapi 2>/dev/null' sh
}

check_cppcheck()
{
	cppcheck --quiet --std=c11 --enable=warning,performance,portability \
		--inline-suppr --error-exitcode=1 -j "$jobs" -D_GNU_SOURCE -D__linux__ \
		--suppress=missingInclude --suppress=missingIncludeSystem \
		--suppress=unknownMacro --suppress=unmatchedSuppression \
		"${includes[@]}" user/src user/cli user/examples
}

check_shellcheck()
{
	shellcheck -x "${scripts[@]}"
}

check_scan()
{
	selftests/vm/scan_test.sh | grep -v '^ok '
}

check_codespell()
{
	files '*' | grep -v '^LICENSES/' | xargs -d '\n' codespell --quiet-level=3 \
		--ignore-words-list=iput,parm,te
}

check_man()
{
	make -C user --no-print-directory "-j$jobs" O="$out/user-man" SAN= all >/dev/null
	selftests/man.sh "$out/user-man"
}

# A header that needs another one first, or that a C++ program cannot read.
check_headers()
{
	local header
	for header in "${public[@]}"; do
		gcc -std=c11 -Wall -Wextra -Wpedantic -Werror "${includes[@]}" -fsyntax-only -x c - \
			<<<"#include \"$PWD/$header\""
		g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror "${includes[@]}" -fsyntax-only -x c++ - \
			<<<"#include \"$PWD/$header\""
	done
	check_inline
}

# A C++ program with every inline function in it; those of others' use alone are
# within the others.
check_inline()
{
	local name program=selftests/inline.cpp
	while IFS= read -r name; do
		grep -q "\<$name(" "$program" || {
			echo "$program does not use $name"
			return 1
		}
	done < <(awk -v headers="$(files 'user/include/perfring/*.h' | paste -sd ' ')" \
		-f user/man/pages.awk <<<'@NAMES inline@')
	make -C user --no-print-directory "-j$jobs" O="$out/user" SAN= lib >/dev/null
	g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I user/include -o "$out/inline" "$program" \
		"$out/user/libperfring.a"
	"$out/inline"
}

check_abi()
{
	O=$out selftests/abi.sh
}

check_spdx()
{
	local bad=0 file
	while IFS= read -r file; do
		case $file in
		LICENSES/*) continue ;;
		esac
		# Binary files cannot carry a line of text.
		grep -qI . "$file" || continue
		head -n 5 "$file" | grep -q 'SPDX-License-Identifier: ' || {
			echo "$file: no SPDX-License-Identifier in its first lines"
			bad=1
		}
	done < <(files '*')
	return "$bad"
}

check_versions()
{
	! grep -rnE 'LINUX_VERSION_CODE|KERNEL_VERSION\(' kmod user selftests \
		--include='*.c' --include='*.h' --exclude=compat.h
}

check_length()
{
	local bad=0 file lines
	for file in "${kernel_c[@]}" "${user_c[@]}" "${test_c[@]}" "${scripts[@]}"; do
		lines=$(wc -l <"$file")
		if [ "$lines" -gt 600 ]; then
			echo "$file: $lines lines, more than 600"
			bad=1
		fi
	done
	# What is to be read at one go.
	while IFS= read -r file; do
		lines=$(wc -l <"$file")
		if [ "$lines" -ge 80 ]; then
			echo "$file: $lines lines; an example has less than 80"
			bad=1
		fi
	done < <(files 'user/examples/*')
	return "$bad"
}

all=(checkpatch_kmod checkpatch_user checkpatch_tests W1 sparse gcc clang clang_tidy cppcheck
	shellcheck scan codespell man headers abi spdx versions length)
[ $# -gt 0 ] || set -- "${all[@]}"

failed=0
for check; do
	# A subshell with its own -e: a check ends at its first failing command.
	set +e
	(
		set -e
		"check_$check"
	) >"$out/$check.log" 2>&1
	status=$?
	set -e
	if [ "$status" -eq 0 ]; then
		echo "  ok      $check"
	else
		echo "  FAIL    $check"
		sed 's/^/          /' "$out/$check.log" | head -n 60
		failed=$((failed + 1))
	fi
done
if [ "$failed" -gt 0 ]; then
	echo "lint: $failed checks failed; logs in $out" >&2
	exit 1
fi
